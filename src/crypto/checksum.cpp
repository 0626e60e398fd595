#include "crypto/checksum.hpp"

#include <isa-l/crc.h>

#include <array>

namespace crypto {
namespace {

// CRC-64/NVME: reflected polynomial 0x9a6c9329ac4bc9b5, initial value and final XOR all ones (NVM Express NVM Command
// Set, 5.2.1.3.4). Eight tables of 256 entries: eight bytes a step ("slicing by 8").
using Tables = std::array<std::array<uint64_t, 256>, 8>;

constexpr Tables make_tables() {
    Tables tables{};
    for (uint64_t byte = 0; byte < 256; ++byte) {
        uint64_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? (crc >> 1) ^ 0x9a6c9329ac4bc9b5ULL : crc >> 1;
        tables[0][byte] = crc;
    }
    for (size_t table = 1; table < 8; ++table)
        for (size_t byte = 0; byte < 256; ++byte) {
            const uint64_t before = tables[table - 1][byte];
            tables[table][byte] = (before >> 8) ^ tables[0][before & 0xff];
        }
    return tables;
}

constinit const Tables crc64_tables = make_tables();

}  // namespace

uint32_t crc32(uint32_t so_far, std::string_view bytes) {
    return crc32_gzip_refl(so_far, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

uint32_t crc32c(uint32_t so_far, std::string_view bytes) {
    // ISA-L's iSCSI routine leaves the inversion before and after to the caller, and takes an int length.
    uint32_t crc = ~so_far;
    while (!bytes.empty()) {
        const auto part = bytes.substr(0, 1u << 30);
        crc = crc32_iscsi(reinterpret_cast<unsigned char*>(const_cast<char*>(part.data())), static_cast<int>(part.size()), crc);
        bytes.remove_prefix(part.size());
    }
    return ~crc;
}

uint64_t crc64nvme(uint64_t so_far, std::string_view bytes) {
    uint64_t crc = ~so_far;
    const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
    size_t left = bytes.size();
    for (; left >= 8; left -= 8, at += 8) {
        uint64_t word = 0;
        __builtin_memcpy(&word, at, 8);  // little-endian machines only, as all that this builds on are
        word ^= crc;
        crc = 0;
        for (size_t byte = 0; byte < 8; ++byte) crc ^= crc64_tables[7 - byte][(word >> (8 * byte)) & 0xff];
    }
    for (; left > 0; --left, ++at) crc = (crc >> 8) ^ crc64_tables[0][(crc ^ *at) & 0xff];
    return ~crc;
}

std::string big_endian(uint32_t value) {
    std::string out(4, '\0');
    for (size_t byte = 0; byte < 4; ++byte) out[byte] = static_cast<char>(value >> (24 - 8 * byte));
    return out;
}

std::string big_endian(uint64_t value) {
    return big_endian(static_cast<uint32_t>(value >> 32)) + big_endian(static_cast<uint32_t>(value));
}

}  // namespace crypto
