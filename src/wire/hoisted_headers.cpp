#include "wire/hoisted_headers.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "wire/payload.hpp"

namespace wire {

using base::fail;
using base::Result;

namespace {

constexpr std::string_view prefix = "x-amz-";

// Of the signature: Version 4's, and the one that Version 2 writes in small letters. X-Amz-Content-Sha256 is a header.
constexpr auto of_signature =
    std::to_array<std::string_view>({"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-Security-Token",
                                     "X-Amz-Signature", "X-Amz-SignedHeaders"});
constexpr std::string_view token_of_v2 = "x-amz-security-token";
constexpr std::string_view content_type = "content-type",
                           content_md5 = "content-md5";  // as botocore writes them into Version 2's query

bool is_hoistable(std::string_view name) { return base::lower(name).starts_with(prefix); }

bool is_header_name(std::string_view lower_name) {
    constexpr std::string_view characters = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";
    return lower_name.size() > prefix.size() && lower_name.find_first_not_of(characters) == std::string_view::npos;
}

// As http::parse_head has it: nothing that could end a header and begin another.
bool is_header_value(std::string_view value) {
    return std::ranges::all_of(value, [](char c) { return (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) || c == '\t'; });
}

// A parameter of the signature in other letters: it would be neither the signature's nor a header.
bool is_misspelt(std::string_view name, const Signature& signature) {
    const auto same = [&](std::string_view own) { return base::equals_ignoring_case(own, name) && own != name; };
    if (signature.version == SignatureVersion::v2) return same(token_of_v2);
    return std::ranges::any_of(of_signature, same);
}

bool is_checksum_of_nothing(std::string_view name, std::string_view value) {
    constexpr std::string_view checksum = "x-amz-checksum-";
    const auto header = base::lower(name);
    if (!header.starts_with(checksum)) return false;
    const auto kind = checksum_kind(std::string_view(header).substr(checksum.size()));
    return kind && value == Checksum(*kind).finish();
}

}  // namespace

bool stands_for_header(const text::QueryParameters::value_type& parameter) {
    const auto& [name, value] = parameter;
    return is_hoistable(name) && std::ranges::find(of_signature, name) == of_signature.end() && name != token_of_v2 &&
           !is_checksum_of_nothing(name, value);
}

bool stands_for_header(const text::QueryParameters::value_type& parameter, SignatureVersion version) {
    if (stands_for_header(parameter)) return true;
    return version == SignatureVersion::v2 && (parameter.first == content_type || parameter.first == content_md5);
}

bool is_hoisted(const text::QueryParameters& query, std::string_view header, std::string_view value) {
    return std::ranges::any_of(query, [&](const auto& parameter) {
        return stands_for_header(parameter) && base::equals_ignoring_case(parameter.first, header) &&
               base::trim(parameter.second) == value;
    });
}

Result<void> take_hoisted_headers(http::RequestHead& head, const Signature& signature) {
    if (signature.place != SignaturePlace::query) return {};
    const auto query = text::parse_query(head.query);
    if (!query) return fail(base::code::InvalidURI, "Couldn't parse the specified URI.");
    size_t taken = 0;
    for (const auto& parameter : *query) {
        const auto& [name, raw_value] = parameter;
        if (!is_hoistable(name) && !stands_for_header(parameter, signature.version)) continue;
        if (is_misspelt(name, signature))
            return fail(base::code::AuthorizationQueryParametersError,
                        "The query parameter " + name + " is not spelt as signatures have it.");
        if (!stands_for_header(parameter, signature.version)) continue;
        const auto header = base::lower(name);
        const std::string value(base::trim(raw_value));
        if (!is_header_name(header))
            return fail(base::code::InvalidArgument, "The query parameter `" + name + "` is not a header name.");
        if (!is_header_value(value))
            return fail(base::code::InvalidArgument,
                        "The value of the query parameter `" + name + "` is not a valid header value.");
        bool there = false;
        for (const auto& [field, other] : head.headers.fields()) {
            if (!base::equals_ignoring_case(field, header)) continue;
            if (other != value)
                return fail(base::code::InvalidArgument,
                            "The header " + header + " and the query parameter `" + name + "` differ.");
            there = true;
        }
        if (there) continue;
        if (++taken > hoisted_headers_max)
            return fail(base::code::InvalidArgument,
                        "The query has more than " + std::to_string(hoisted_headers_max) + " parameters that stand for headers.");
        head.headers.add(header, value);
    }
    return {};
}

}  // namespace wire
