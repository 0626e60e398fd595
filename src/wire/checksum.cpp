#include "crypto/checksum.hpp"

#include <array>

#include "base/strings.hpp"
#include "crypto/digest.hpp"
#include "text/base64.hpp"
#include "wire/payload.hpp"

namespace wire {

namespace {

struct KindNames {
    ChecksumKind kind;
    std::string_view name, header;
};

constexpr std::array<KindNames, 5> kinds{{
    {ChecksumKind::crc32, "CRC32", "x-amz-checksum-crc32"},
    {ChecksumKind::crc32c, "CRC32C", "x-amz-checksum-crc32c"},
    {ChecksumKind::crc64nvme, "CRC64NVME", "x-amz-checksum-crc64nvme"},
    {ChecksumKind::sha1, "SHA1", "x-amz-checksum-sha1"},
    {ChecksumKind::sha256, "SHA256", "x-amz-checksum-sha256"},
}};

}  // namespace

std::string_view name_of(ChecksumKind kind) { return kinds[static_cast<size_t>(kind)].name; }
std::string_view header_of(ChecksumKind kind) { return kinds[static_cast<size_t>(kind)].header; }

std::optional<ChecksumKind> checksum_kind(std::string_view name) {
    for (const auto& kind : kinds)
        if (base::equals_ignoring_case(kind.name, name)) return kind.kind;
    return std::nullopt;
}

struct Checksum::State {
    uint32_t narrow = 0;
    uint64_t wide = 0;
    std::optional<crypto::Digest> digest;
};

Checksum::Checksum(ChecksumKind kind) : kind_(kind), state_(std::make_unique<State>()) {
    if (kind == ChecksumKind::sha1) state_->digest.emplace(crypto::DigestKind::sha1);
    if (kind == ChecksumKind::sha256) state_->digest.emplace(crypto::DigestKind::sha256);
}
Checksum::~Checksum() = default;
Checksum::Checksum(Checksum&&) noexcept = default;
Checksum& Checksum::operator=(Checksum&&) noexcept = default;

void Checksum::update(std::string_view bytes) {
    switch (kind_) {
        case ChecksumKind::crc32:
            state_->narrow = crypto::crc32(state_->narrow, bytes);
            break;
        case ChecksumKind::crc32c:
            state_->narrow = crypto::crc32c(state_->narrow, bytes);
            break;
        case ChecksumKind::crc64nvme:
            state_->wide = crypto::crc64nvme(state_->wide, bytes);
            break;
        case ChecksumKind::sha1:
        case ChecksumKind::sha256:
            state_->digest->update(bytes);
            break;
    }
}

std::string Checksum::finish() {
    if (state_->digest) return text::encode_base64(state_->digest->finish());
    return text::encode_base64(kind_ == ChecksumKind::crc64nvme ? crypto::big_endian(state_->wide)
                                                                : crypto::big_endian(state_->narrow));
}

}  // namespace wire
