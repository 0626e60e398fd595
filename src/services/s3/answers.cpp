// What S3 answers are made of.
#include "base/error_codes.hpp"
#include "crypto/digest.hpp"
#include "services/s3/service.hpp"
#include "text/base64.hpp"
#include "text/uri.hpp"

namespace services::s3 {
namespace {

constexpr std::string_view token_mark = "after:";

}  // namespace

std::string quoted_etag(std::string_view etag) { return "\"" + std::string(etag) + "\""; }

std::string canonical_id(std::string_view account) {
    return crypto::hex(crypto::sha256("canonical user id of " + std::string(account)));
}

m::Owner owner_of(std::string_view account) { return {.id = canonical_id(account)}; }

std::string encoded(std::string_view key, bool url_encoding) {
    return url_encoding ? text::encode_uri(key, true) : std::string(key);
}

std::vector<m::CommonPrefix> shown_prefixes(const std::vector<std::string>& prefixes, bool url_encoding) {
    std::vector<m::CommonPrefix> out;
    for (const auto& prefix : prefixes) out.push_back({.prefix = encoded(prefix, url_encoding)});
    return out;
}

std::string token_for(std::string_view last) { return text::encode_base64(std::string(token_mark) + std::string(last)); }

Result<std::string> read_token(std::string_view token) {
    const auto decoded = text::decode_base64(token);
    if (!decoded || !decoded->starts_with(token_mark) || decoded->size() == token_mark.size())
        return base::fail(base::code::InvalidArgument, "The continuation token provided is incorrect");
    return decoded->substr(token_mark.size());
}

std::vector<m::Tag> shown_tags(const objects::Tags& tags) {
    std::vector<m::Tag> out;
    for (const auto& [key, value] : tags) out.push_back({.key = key, .value = value});
    return out;
}

objects::Tags tags_of(std::span<const m::Tag> tags) {
    objects::Tags out;
    for (const auto& tag : tags) out.emplace_back(tag.key.value_or(""), tag.value.value_or(""));
    return out;
}

base::Error malformed_xml() {
    return {base::code::MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"};
}

}  // namespace services::s3
