#include "objects/encryption_record.hpp"

namespace objects {
namespace {

constexpr uint64_t format = 1;

void put_number(std::string& out, uint64_t value) {
    for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
    out.push_back(static_cast<char>(value));
}
void put_text(std::string& out, std::string_view text) {
    put_number(out, text.size());
    out += text;
}

std::optional<uint64_t> take_number(std::string_view& left) {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !left.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(left.front());
        left.remove_prefix(1);
        value |= static_cast<uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    return std::nullopt;
}
std::optional<std::string_view> take_text(std::string_view& left) {
    const auto size = take_number(left);
    if (!size || *size > left.size()) return std::nullopt;
    const auto text = left.substr(0, *size);
    left.remove_prefix(*size);
    return text;
}

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

std::string with_tag(std::string extension, uint64_t tag, std::string_view value) {
    put_number(extension, tag);
    put_text(extension, value);
    return extension;
}

std::optional<std::string> take_tag(std::string& extension, uint64_t tag) {
    std::string_view left = extension;
    while (!left.empty()) {
        const size_t begin = extension.size() - left.size();
        const auto number = take_number(left);
        const auto value = take_text(left);
        if (!number || !value) return std::nullopt;
        if (*number != tag) continue;
        std::string out(*value);
        extension.erase(begin, extension.size() - left.size() - begin);
        return out;
    }
    return std::nullopt;
}

}  // namespace objects
