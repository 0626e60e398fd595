// The checksums that S3 keeps beside an object, and how those of parts become those of the whole.
//
// Source: Amazon S3 User Guide, "Checking object integrity". Of a multipart object there are two types:
//   FULL_OBJECT  the checksum of all bytes; of CRCs it can be computed from the parts' (crc(AB) = crc(A)·x^(8|B|) + crc(B))
//   COMPOSITE    the checksum of the concatenated raw checksums of the parts, with `-N` behind it, N being the number of parts
// CRC64NVME has only the first, SHA-1 and SHA-256 have only the second, CRC32 and CRC32C have both (COMPOSITE if nothing is
// said).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace objects {

enum class ChecksumKind : uint8_t { crc32, crc32c, crc64nvme, sha1, sha256 };
enum class ChecksumType : uint8_t { full_object, composite };

constexpr ChecksumKind checksum_kinds[] = {ChecksumKind::crc32, ChecksumKind::crc32c, ChecksumKind::crc64nvme, ChecksumKind::sha1,
                                           ChecksumKind::sha256};

[[nodiscard]] std::string_view name_of(ChecksumKind kind);                       // CRC32, …
[[nodiscard]] std::string_view header_of(ChecksumKind kind);                     // x-amz-checksum-crc32, …
[[nodiscard]] std::string_view element_of(ChecksumKind kind);                    // ChecksumCRC32, …
[[nodiscard]] std::string_view name_of(ChecksumType type);                       // FULL_OBJECT, COMPOSITE
[[nodiscard]] std::optional<ChecksumKind> checksum_kind(std::string_view name);  // any case
[[nodiscard]] std::optional<ChecksumType> checksum_type(std::string_view name);

struct Checksum {
    ChecksumKind kind = ChecksumKind::crc64nvme;
    ChecksumType type = ChecksumType::full_object;
    std::string value;  // base64; composite: base64-N
    [[nodiscard]] bool operator==(const Checksum&) const = default;
};

// The checksum of a multipart object. REQUIRES: every part has a checksum of this kind (base64), and the kind allows the type.
struct PartChecksum {
    std::string value;
    uint64_t size = 0;
};
[[nodiscard]] Checksum combine(ChecksumKind kind, ChecksumType type, const std::vector<PartChecksum>& parts);

// MD5 and any of the checksums over one stream.
class BodyDigest {
public:
    explicit BodyDigest(const std::vector<ChecksumKind>& kinds);
    ~BodyDigest();
    void update(std::string_view bytes);
    struct Sums {
        std::string md5;                                           // raw
        std::vector<std::pair<ChecksumKind, std::string>> values;  // base64
        [[nodiscard]] const std::string* find(ChecksumKind kind) const;
    };
    [[nodiscard]] Sums finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace objects
