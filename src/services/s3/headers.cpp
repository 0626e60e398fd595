// What S3 clients say in headers.
#include <algorithm>
#include <array>
#include <charconv>

#include "base/strings.hpp"
#include "services/s3/service.hpp"
#include "text/time.hpp"
#include "text/uri.hpp"

namespace services::s3 {
namespace {

base::Error not_implemented(std::string_view header, std::string_view value = {}) {
    return {"NotImplemented", "A header you provided implies functionality that is not implemented: " + std::string(header) +
                                  (value.empty() ? "" : ": " + std::string(value))};
}

// Amazon S3 API Reference, PutObject. Here there is one.
constexpr std::array storage_classes = std::to_array<std::string_view>(
    {"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "DEEP_ARCHIVE", "OUTPOSTS",
     "GLACIER_IR", "SNOW", "EXPRESS_ONEZONE", "FSX_OPENZFS", "FSX_ONTAP"});

constexpr std::string_view metadata_prefix = "x-amz-meta-";
constexpr std::string_view grant_prefix = "x-amz-grant-";

}  // namespace

base::Result<void> check_headers(const http::RequestHead& head) {
    // The others may be lists, or say nothing that a policy or an operation goes by.
    constexpr auto single = std::to_array<std::string_view>(
        {"content-md5", "content-type", "if-match", "if-modified-since", "if-none-match", "if-unmodified-since", "range"});
    const auto& fields = head.headers.fields();
    for (auto at = fields.begin(); at != fields.end(); ++at) {
        const auto name = base::lower(at->first);
        const bool list = name.starts_with(metadata_prefix) || name == "x-amz-object-attributes";
        if (list || !(name.starts_with("x-amz-") || std::ranges::find(single, name) != single.end())) continue;
        const auto before = std::find_if(fields.begin(), at, [&](const auto& other) { return base::lower(other.first) == name; });
        if (before != at && before->second != at->second)
            return base::fail("InvalidArgument", "The header `" + name + "` is given twice with different values.");

        if (!name.starts_with("x-amz-server-side-encryption") && !name.starts_with("x-amz-copy-source-server-side-encryption"))
            continue;
        if (head.method == "GET" || head.method == "HEAD")
            return base::fail("InvalidRequest", "The encryption parameters are not applicable to this object.");
        auto refusal = not_implemented(name, name == "x-amz-server-side-encryption" ? at->second : std::string());
        refusal.message += ". This server does not encrypt objects: send them without this header.";
        return base::fail(std::move(refusal));
    }
    return {};
}

const std::string* said(const http::Headers& headers, std::string_view name) {
    const auto* value = headers.find(name);
    return value == nullptr || value->empty() ? nullptr : value;
}

bool names_acl(const http::Headers& headers) {
    return std::ranges::any_of(headers.fields(), [](const auto& field) {
        const auto name = base::lower(field.first);
        return !field.second.empty() && (name == "x-amz-acl" || name.starts_with(grant_prefix));
    });
}

bool grants_only(std::string_view value, std::string_view account) {
    const auto grantees = base::split(value, ',');
    return std::ranges::all_of(grantees, [id = canonical_id(account)](std::string_view grantee) {
        const auto text = base::trim(grantee);
        return text == "id=" + id || text == "id=\"" + id + "\"";
    });
}

base::Result<void> refuse_unsupported(const http::Headers& headers, std::string_view owner) {
    const bool canned = said(headers, "x-amz-acl") != nullptr;
    for (const auto& [raw_name, value] : headers.fields()) {
        const auto name = base::lower(raw_name);
        if (!name.starts_with("x-amz-") || value.empty()) continue;
        if (canned && name.starts_with(grant_prefix))
            return base::fail("InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed");
        if (name.starts_with("x-amz-object-lock-") || name.starts_with("x-amz-bucket-object-lock") ||
            name == "x-amz-write-offset-bytes") {
            if (name == "x-amz-bucket-object-lock-enabled" && base::equals_ignoring_case(value, "false")) continue;
            return base::fail(not_implemented(name));
        }
        if (name == "x-amz-storage-class" && value != "STANDARD") {
            if (std::ranges::find(storage_classes, value) == storage_classes.end())
                return base::fail("InvalidStorageClass", "The storage class you specified is not valid");
            return base::fail(not_implemented(name, value));
        }
        // Where ACLs are off, these change nothing. AWS takes all but `private`; rclone and s3cmd send that with every upload.
        const bool harmless = name == "x-amz-acl" ? value == "private" || value == "bucket-owner-full-control"
                                                  : name == "x-amz-grant-full-control" && grants_only(value, owner);
        if ((name == "x-amz-acl" || name.starts_with(grant_prefix)) && !harmless) {
            return base::fail("AccessControlListNotSupported", "The bucket does not allow ACLs");
        }
    }
    return {};
}

bool names_version(const Incoming& incoming) { return incoming.uri.parameter("versionId") != nullptr; }

base::Result<void> check_version(const Incoming& incoming) {
    if (!names_version(incoming) || incoming.parameter("versionId") == "null") return {};
    return base::fail("InvalidArgument", "Invalid version id specified");
}

objects::Attributes read_attributes(const http::Headers& headers) {
    objects::Attributes attributes;
    attributes.content_type = headers.get("content-type");
    attributes.cache_control = headers.get("cache-control");
    attributes.content_disposition = headers.get("content-disposition");
    attributes.content_language = headers.get("content-language");
    attributes.expires = headers.get("expires");
    attributes.website_redirect_location = headers.get("x-amz-website-redirect-location");
    // `aws-chunked` is how the body came, not what it is.
    for (const auto coding : base::split(headers.get("content-encoding"), ',')) {
        const auto name = base::trim(coding);
        if (name.empty() || base::equals_ignoring_case(name, "aws-chunked")) continue;
        if (!attributes.content_encoding.empty()) attributes.content_encoding += ",";
        attributes.content_encoding += name;
    }
    for (const auto& [name, value] : headers.fields()) {
        auto lower = base::lower(name);
        if (lower.size() > metadata_prefix.size() && lower.starts_with(metadata_prefix)) {
            lower.erase(0, metadata_prefix.size());
            // The same name twice is one value with a comma, as in any header list.
            auto& list = attributes.user_metadata;
            const auto same = std::ranges::find_if(list, [&](const auto& field) { return field.first == lower; });
            same == list.end() ? (void)list.emplace_back(lower, value) : (void)(same->second += "," + value);
        }
    }
    return attributes;
}

base::Result<objects::Tags> read_tagging_header(const http::Headers& headers) {
    const auto* value = headers.find("x-amz-tagging");
    if (value == nullptr || value->empty()) return objects::Tags{};
    auto tags = text::parse_query(*value, true);
    if (!tags)
        return base::fail("InvalidArgument",
                          "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag "
                          "name duplicates.");
    TRY(objects::check_tags(*tags, objects::object_tags_max));
    return *tags;
}

objects::Conditions read_conditions(const http::Headers& headers, std::string_view prefix) {
    const auto named = [&](std::string_view name) { return headers.find(std::string(prefix).append(name)); };
    objects::Conditions conditions;
    if (const auto* value = named("if-match")) conditions.if_match = *value;
    if (const auto* value = named("if-none-match")) conditions.if_none_match = *value;
    // RFC 9110: a date that cannot be read is as if it were not there.
    if (const auto* value = named("if-modified-since")) conditions.if_modified_since = text::parse_http_date(*value);
    if (const auto* value = named("if-unmodified-since")) conditions.if_unmodified_since = text::parse_http_date(*value);
    return conditions;
}

base::Result<objects::Conditions> read_write_conditions(const http::Headers& headers) {
    auto conditions = read_conditions(headers);
    conditions.if_modified_since.reset();
    conditions.if_unmodified_since.reset();
    if (conditions.if_none_match && *conditions.if_none_match != "*")
        return base::fail(not_implemented("If-None-Match with an ETag on a write"));
    return conditions;
}

base::Result<std::optional<objects::ChecksumKind>> read_checksum_kind(const http::Headers& headers) {
    std::optional<objects::ChecksumKind> sent;
    for (const auto kind : objects::checksum_kinds) {
        const bool in_trailer = base::equals_ignoring_case(base::trim(headers.get("x-amz-trailer")), objects::header_of(kind));
        if (headers.find(objects::header_of(kind)) == nullptr && !in_trailer) continue;
        if (sent)
            return base::fail("InvalidRequest",
                              "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.");
        sent = kind;
    }
    if (sent) return sent;
    for (const std::string_view header : {"x-amz-sdk-checksum-algorithm", "x-amz-checksum-algorithm"}) {
        const auto* name = said(headers, header);
        if (name == nullptr) continue;
        const auto kind = objects::checksum_kind(*name);
        if (!kind)
            return base::fail("InvalidRequest",
                              "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
                              "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
        return kind;
    }
    return sent;
}

base::Result<uint64_t> read_number(const std::string& name, const std::string& value, uint64_t most) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number > 2147483647u) {
        return base::fail("InvalidArgument", "Provided " + name + " not an integer or within integer range");
    }
    return std::min(number, most);
}

objects::Source source_of(http::BodyReader& body) {
    return [&body](std::span<char> into) { return body.read(into); };
}

base::Result<std::string> read_document(wire::Call& call, Incoming& incoming, size_t bytes_max) {
    auto& kept = incoming.kept->document;
    if (!kept) kept = TRY(call.body->read_all(bytes_max));
    return *kept;
}

}  // namespace services::s3
