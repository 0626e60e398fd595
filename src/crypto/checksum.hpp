// The checksums that S3 clients send: CRC32 (ISO-HDLC), CRC32C (Castagnoli), CRC64NVME. ISA-L does the first two.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace crypto {

// Continue with the last result: crc32(crc32(0, a), b) == crc32(0, a+b).
[[nodiscard]] uint32_t crc32(uint32_t so_far, std::string_view bytes);
[[nodiscard]] uint32_t crc32c(uint32_t so_far, std::string_view bytes);
[[nodiscard]] uint64_t crc64nvme(uint64_t so_far, std::string_view bytes);

// Big-endian bytes, as the x-amz-checksum-* headers carry them in base64.
[[nodiscard]] std::string big_endian(uint32_t value);
[[nodiscard]] std::string big_endian(uint64_t value);

}  // namespace crypto
