#include "objects/encryption_record.hpp"

#include "objects/record_bytes.hpp"

namespace objects {
namespace {

constexpr uint64_t format = 1;

}  // namespace

std::string write_encryption(const EncryptionRecord& record) {
    std::string out;
    const auto& encryption = record.encryption;
    put_number(out, format);
    put_number(out, static_cast<uint64_t>(encryption.kind));
    put_number(out, encryption.bucket_key ? 1 : 0);
    for (const auto* text : {&encryption.key_arn, &encryption.context, &record.asked_algorithm, &record.asked_key})
        put_text(out, *text);
    put_number(out, record.keys.size());
    for (const auto& key : record.keys) {
        put_number(out, key.by);
        put_text(out, key.sealed);
        put_number(out, key.ciphertext_crc32c);
    }
    return out;
}

std::optional<EncryptionRecord> read_encryption(std::string_view text) {
    EncryptionRecord out;
    const auto version = take_number(text), kind = take_number(text), bucket_key = take_number(text);
    if (version != format || !kind || *kind > static_cast<uint64_t>(EncryptionKind::customer) || !bucket_key) return std::nullopt;
    out.encryption.kind = static_cast<EncryptionKind>(*kind);
    out.encryption.bucket_key = *bucket_key == 1;
    for (auto* into : {&out.encryption.key_arn, &out.encryption.context, &out.asked_algorithm, &out.asked_key}) {
        const auto value = take_text(text);
        if (!value) return std::nullopt;
        *into = *value;
    }
    auto count = take_number(text);
    if (!count) return std::nullopt;
    for (; *count > 0; --*count) {
        const auto by = take_number(text);
        const auto sealed = take_text(text);
        const auto crc32c = take_number(text);
        if (!by || *by > UINT32_MAX || !sealed || !crc32c || *crc32c > UINT32_MAX) return std::nullopt;
        out.keys.push_back({.by = static_cast<uint32_t>(*by),
                            .sealed = std::string(*sealed),
                            .ciphertext_crc32c = static_cast<uint32_t>(*crc32c)});
    }
    return text.empty() ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace objects
