#include "objects/checksums.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "base/invariant.hpp"
#include "base/strings.hpp"
#include "crypto/checksum.hpp"
#include "crypto/digest.hpp"
#include "text/base64.hpp"

namespace objects {
namespace {

struct Names {
    ChecksumKind kind;
    std::string_view name, header, element;
};
constexpr auto names = std::to_array<Names>({
    {ChecksumKind::crc32, "CRC32", "x-amz-checksum-crc32", "ChecksumCRC32"},
    {ChecksumKind::crc32c, "CRC32C", "x-amz-checksum-crc32c", "ChecksumCRC32C"},
    {ChecksumKind::crc64nvme, "CRC64NVME", "x-amz-checksum-crc64nvme", "ChecksumCRC64NVME"},
    {ChecksumKind::sha1, "SHA1", "x-amz-checksum-sha1", "ChecksumSHA1"},
    {ChecksumKind::sha256, "SHA256", "x-amz-checksum-sha256", "ChecksumSHA256"},
});

const Names& names_of(ChecksumKind kind) { return names[static_cast<size_t>(kind)]; }

// Polynomials over GF(2) modulo a CRC's, in the CRC's own reflected notation: bit 0 is the highest power. Initial value and final
// complement of the two CRCs cancel, so combining is one multiplication and one addition.
template <class Word>
Word multiply(Word a, Word b, Word polynomial) {
    constexpr Word highest = Word{1} << (sizeof(Word) * 8 - 1);  // the power 0
    Word product = 0;
    for (; a != 0; a <<= 1) {
        if (a & highest) product ^= b;
        b = b & 1 ? (b >> 1) ^ polynomial : b >> 1;
    }
    return product;
}

template <class Word>
Word combine_crc(Word first, Word second, uint64_t second_bytes, Word polynomial) {
    constexpr Word one = Word{1} << (sizeof(Word) * 8 - 1);
    Word shift = one;        // x^(8 * second_bytes)
    Word square = one >> 8;  // x^8
    for (auto left = second_bytes; left != 0; left >>= 1) {
        if (left & 1) shift = multiply(shift, square, polynomial);
        square = multiply(square, square, polynomial);
    }
    return multiply(shift, first, polynomial) ^ second;
}

template <class Word>
Word from_big_endian(std::string_view bytes) {
    Word value = 0;
    for (const char byte : bytes) value = static_cast<Word>(value << 8) | static_cast<unsigned char>(byte);
    return value;
}

std::string raw(const std::string& base64) {
    const auto bytes = text::decode_base64(base64);
    INVARIANT(bytes.has_value());
    return *bytes;
}

template <class Word>
std::string combine_all(const std::vector<PartChecksum>& parts, Word polynomial) {
    Word whole = 0;
    for (const auto& part : parts) whole = combine_crc(whole, from_big_endian<Word>(raw(part.value)), part.size, polynomial);
    return text::encode_base64(crypto::big_endian(whole));
}

std::string checksum_of(ChecksumKind kind, std::string_view bytes) {
    switch (kind) {
        case ChecksumKind::crc32:
            return crypto::big_endian(crypto::crc32(0, bytes));
        case ChecksumKind::crc32c:
            return crypto::big_endian(crypto::crc32c(0, bytes));
        case ChecksumKind::crc64nvme:
            return crypto::big_endian(crypto::crc64nvme(0, bytes));
        case ChecksumKind::sha1:
            return crypto::sha1(bytes);
        case ChecksumKind::sha256:
            return crypto::sha256(bytes);
    }
    return {};
}

}  // namespace

std::string_view name_of(ChecksumKind kind) { return names_of(kind).name; }
std::string_view header_of(ChecksumKind kind) { return names_of(kind).header; }
std::string_view element_of(ChecksumKind kind) { return names_of(kind).element; }
std::string_view name_of(ChecksumType type) { return type == ChecksumType::composite ? "COMPOSITE" : "FULL_OBJECT"; }

std::optional<ChecksumKind> checksum_kind(std::string_view name) {
    for (const auto& known : names) {
        if (base::equals_ignoring_case(known.name, name)) return known.kind;
    }
    return std::nullopt;
}

std::optional<ChecksumType> checksum_type(std::string_view name) {
    if (name == "COMPOSITE") return ChecksumType::composite;
    if (name == "FULL_OBJECT") return ChecksumType::full_object;
    return std::nullopt;
}

Checksum combine(ChecksumKind kind, ChecksumType type, const std::vector<PartChecksum>& parts) {
    if (type == ChecksumType::composite) {
        std::string all;
        for (const auto& part : parts) all += raw(part.value);
        return {kind, type, text::encode_base64(checksum_of(kind, all)) + "-" + std::to_string(parts.size())};
    }
    switch (kind) {
        case ChecksumKind::crc32:
            return {kind, type, combine_all<uint32_t>(parts, 0xedb88320u)};
        case ChecksumKind::crc32c:
            return {kind, type, combine_all<uint32_t>(parts, 0x82f63b78u)};
        case ChecksumKind::crc64nvme:
            return {kind, type, combine_all<uint64_t>(parts, 0x9a6c9329ac4bc9b5u)};
        case ChecksumKind::sha1:
        case ChecksumKind::sha256:
            break;
    }
    INVARIANT(!"a full-object checksum of a kind that cannot be combined");
    return {};
}

struct BodyDigest::State {
    crypto::Digest md5{crypto::DigestKind::md5};
    bool wants[std::size(checksum_kinds)] = {};
    uint32_t crc32 = 0, crc32c = 0;
    uint64_t crc64nvme = 0;
    std::optional<crypto::Digest> sha1, sha256;

    [[nodiscard]] bool wanted(ChecksumKind kind) const { return wants[static_cast<size_t>(kind)]; }
};

BodyDigest::BodyDigest(const std::vector<ChecksumKind>& kinds) : state_(std::make_unique<State>()) {
    for (const auto kind : kinds) state_->wants[static_cast<size_t>(kind)] = true;
    if (state_->wanted(ChecksumKind::sha1)) state_->sha1.emplace(crypto::DigestKind::sha1);
    if (state_->wanted(ChecksumKind::sha256)) state_->sha256.emplace(crypto::DigestKind::sha256);
}

BodyDigest::~BodyDigest() = default;

void BodyDigest::update(std::string_view bytes) {
    auto& state = *state_;
    state.md5.update(bytes);
    if (state.wanted(ChecksumKind::crc32)) state.crc32 = crypto::crc32(state.crc32, bytes);
    if (state.wanted(ChecksumKind::crc32c)) state.crc32c = crypto::crc32c(state.crc32c, bytes);
    if (state.wanted(ChecksumKind::crc64nvme)) state.crc64nvme = crypto::crc64nvme(state.crc64nvme, bytes);
    if (state.sha1) state.sha1->update(bytes);
    if (state.sha256) state.sha256->update(bytes);
}

BodyDigest::Sums BodyDigest::finish() {
    auto& state = *state_;
    Sums sums;
    sums.md5 = state.md5.finish();
    const auto keep = [&](ChecksumKind kind, const std::string& bytes) {
        sums.values.emplace_back(kind, text::encode_base64(bytes));
    };
    if (state.wanted(ChecksumKind::crc32)) keep(ChecksumKind::crc32, crypto::big_endian(state.crc32));
    if (state.wanted(ChecksumKind::crc32c)) keep(ChecksumKind::crc32c, crypto::big_endian(state.crc32c));
    if (state.wanted(ChecksumKind::crc64nvme)) keep(ChecksumKind::crc64nvme, crypto::big_endian(state.crc64nvme));
    if (state.sha1) keep(ChecksumKind::sha1, state.sha1->finish());
    if (state.sha256) keep(ChecksumKind::sha256, state.sha256->finish());
    return sums;
}

const std::string* BodyDigest::Sums::find(ChecksumKind kind) const {
    for (const auto& [found, value] : values) {
        if (found == kind) return &value;
    }
    return nullptr;
}

}  // namespace objects
