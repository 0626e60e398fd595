#include "services/s3/members.hpp"

#include <algorithm>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "text/base64.hpp"
#include "text/time.hpp"
#include "text/uri.hpp"

namespace services::s3 {

using model::NamedValues;
using Arguments = std::span<const std::optional<std::string>>;

std::string region_named(std::string_view location) { return std::string(location == "EU" ? "eu-west-1" : location); }

Result<NamedValues> location_constraint(const model::RequestOrigin&, Arguments location) {
    const auto named = model::text(location[0]);
    if (named.empty()) return NamedValues{};
    return NamedValues{{"", region_named(named)}};
}

Result<NamedValues> said(const model::RequestOrigin&, Arguments member) {
    const auto value = model::text(member[0]);
    if (value.empty()) return NamedValues{};
    return NamedValues{{"", std::string(value)}};
}

Result<NamedValues> header_tags(const model::RequestOrigin&, Arguments tagging) { return read_tagging(tagging[0]); }

Result<NamedValues> header_tag_keys(const model::RequestOrigin&, Arguments tagging) {
    NamedValues keys;
    for (const auto& [key, value] : TRY(read_tagging(tagging[0]))) keys.emplace_back("", key);
    return keys;
}

Result<NamedValues> remaining_days(const model::RequestOrigin&, Arguments until) {
    const auto date = until[0] ? text::parse_iso8601(*until[0]) : std::nullopt;
    if (!date) return NamedValues{};
    return NamedValues{{"", std::to_string(days_until(*date, base::SystemClock().now()))}};
}

int64_t days_until(base::Time date, base::Time now) { return std::chrono::ceil<std::chrono::days>(date - now).count(); }

std::optional<std::string> shown_version(const objects::Bucket& bucket, const objects::Object& object) {
    return bucket.is_versioned() ? std::optional(objects::shown_version(object)) : std::nullopt;
}

policy::Context version_keys(const std::optional<std::string>& version) {
    policy::Context keys;
    if (version) keys.set("s3:versionid", *version);
    return keys;
}

Result<NamedValues> max_keys(const model::RequestOrigin&, Arguments max_keys) {
    const auto& asked = max_keys[0];
    if (!asked) return NamedValues{};
    return NamedValues{{"", std::to_string(at_most(std::stoi(*asked)))}};
}

Result<objects::Tags> read_tagging(const std::optional<std::string>& header) {
    const auto query = model::text(header);
    if (query.empty()) return objects::Tags{};
    auto tags = text::parse_query(query, true);
    if (!tags)
        return base::fail(base::code::InvalidArgument,
                          "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag "
                          "name duplicates.");
    TRY(objects::check_tags(*tags, objects::object_tags_max));
    return std::move(*tags);
}

size_t at_most(const std::optional<int32_t>& asked, size_t most) {
    return asked ? std::min(static_cast<size_t>(*asked), most) : most;
}

Result<uint32_t> part_number(int32_t asked) {
    if (asked >= 1 && static_cast<uint32_t>(asked) <= objects::parts_max) return static_cast<uint32_t>(asked);
    return base::fail(base::Error(base::code::InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive")
                          .note("ArgumentName: partNumber")
                          .note("ArgumentValue: " + std::to_string(asked)));
}

std::string read_content_encoding(const std::optional<std::string>& header) {
    std::string out;
    bool is_changed = false;
    for (const auto coding : base::split(model::text(header), ',')) {
        const auto name = base::trim(coding);
        is_changed = is_changed || name.empty() || base::equals_ignoring_case(name, "aws-chunked");
        if (name.empty() || base::equals_ignoring_case(name, "aws-chunked")) continue;
        if (!out.empty()) out += ",";
        out += name;
    }
    return is_changed ? out : std::string(base::trim(model::text(header)));
}

Result<objects::Conditions> write_conditions(const std::optional<std::string>& if_match,
                                             const std::optional<std::string>& if_none_match) {
    if (if_none_match && *if_none_match != "*")
        return base::fail(
            base::code::NotImplemented,
            "A header you provided implies functionality that is not implemented: If-None-Match with an ETag on a write");
    objects::Conditions conditions;
    conditions.if_match = if_match;
    conditions.if_none_match = if_none_match;
    return conditions;
}

Result<std::optional<objects::ChecksumKind>> asked_checksum(const std::optional<std::string>& sdk_algorithm,
                                                            const std::optional<std::string>& algorithm) {
    const auto& asked = sdk_algorithm ? sdk_algorithm : algorithm;
    if (!asked) return std::nullopt;
    const auto kind = objects::checksum_kind(*asked);
    if (!kind)
        return base::fail(base::code::InvalidRequest,
                          "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, "
                          "CRC32C, CRC64NVME, SHA1, SHA256]");
    return kind;
}

model::Map<std::string> shown_metadata(model::Map<std::string> metadata) {
    const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    for (auto& [name, value] : metadata) {
        if (std::ranges::all_of(value, is_ascii)) continue;
        std::string utf8;
        for (const char c : value) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte >= 0x80) utf8 += static_cast<char>(0xc0 | (byte >> 6));
            utf8 += static_cast<char>(byte < 0x80 ? byte : 0x80 | (byte & 0x3f));
        }
        value = "=?UTF-8?B?" + text::encode_base64(utf8) + "?=";
    }
    return metadata;
}

objects::Source source_of(model::ByteSource& body) {
    return [&body](std::span<char> into) { return body.read(into); };
}

}  // namespace services::s3
