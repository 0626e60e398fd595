// aws:s3 functions: what a program asks of buckets and objects that it does not manage.

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "base/utf8.hpp"
#include "provider/bucket_setting.hpp"
#include "provider/functions.hpp"
#include "provider/object_headers.hpp"
#include "provider/s3_setting_rules.hpp"
#include "text/base64.hpp"
#include "text/time.hpp"
#include "text/uri.hpp"

namespace provider {

using base::fail;
using base::Result;
using Kind = Property::Kind;

namespace {

constexpr size_t body_bytes_max = 16UL << 20;  // of an object that a program reads (docs/limits.md)
constexpr size_t keys_max = 100'000;           // of one getObjects

std::string region_given(const Aws& aws, const Property& given) {
    return region_of(given).empty() ? aws.region() : region_of(given);
}

Result<Property> get_bucket(Aws& aws, const Property& given) {
    const std::string& name = given["bucket"].as_string();
    const auto head = TRY(aws.s3({.method = "HEAD", .bucket = name}, region_of(given)));
    std::string region = head.headers.get("x-amz-bucket-region");
    if (region.empty()) region = region_given(aws, given);
    Property out(Property::Object{{"bucket", name}, {"id", name}, {"websiteDomain", ""}, {"websiteEndpoint", ""}});
    set_bucket_outputs(aws, name, region, out);
    return out;
}

// The object's text goes to the program where it is a text, as in Terraform's data source, or where the program insists.
bool is_text(std::string_view content_type) {
    const std::string type = base::lower(content_type.substr(0, content_type.find(';')));
    static constexpr std::array<std::string_view, 9> more = {
        "application/json", "application/ld+json", "application/x-httpd-php", "application/xhtml+xml", "application/x-csh",
        "application/x-sh", "application/x-sql",   "application/xml",         "application/atom+xml"};
    return type.starts_with("text/") || std::ranges::find(more, type) != more.end();
}

bool is_asked(const Property& flag) { return flag.as_bool() || flag.as_string() == "true"; }

Result<void> add_body(Aws& aws, const Property& given, const ObjectPlace& place, const std::string& query, uint64_t length,
                      Property& out) {
    if (length > body_bytes_max)
        return fail(base::code::EntityTooLarge, "the object `" + place.bucket + "/" + place.key + "` has " +
                                                    std::to_string(length) + " bytes; a program reads at most " +
                                                    std::to_string(body_bytes_max));
    wire::S3Call call = object_call("GET", place, query);
    if (const std::string& range = given["range"].as_string(); !range.empty()) call.headers.set("Range", range);
    const auto answer = TRY(aws.s3(call, place.region));
    // A text is what programs are told; other bytes have base64 alone.
    if (base::valid_utf8(answer.body) == answer.body) out.set("body", answer.body);
    out.set("bodyBase64", text::encode_base64(answer.body));
    return {};
}

Result<Property> get_object(Aws& aws, const Property& given) {
    const ObjectPlace place{given["bucket"].as_string(), given["key"].as_string(), region_of(given)};
    const std::string& version = given["versionId"].as_string();
    const std::string query = version.empty() ? "" : "versionId=" + text::encode_uri(version);
    wire::S3Call call = object_call("HEAD", place, query);
    if (!given["checksumMode"].as_string().empty()) call.headers.set("x-amz-checksum-mode", given["checksumMode"].as_string());
    if (const std::string& range = given["range"].as_string(); !range.empty()) call.headers.set("Range", range);
    const auto head = TRY(aws.s3(call, place.region));
    Property out{Property::Object{}};
    for (const Rule& rule : object_header_rules()) {
        if (rule.local) continue;
        const std::string value = head.headers.get(rule.header);
        out.set(rule.name, rule.shape == Shape::flag ? Property(value == "true") : Property(value));
    }
    // The function calls them otherwise than the resource does.
    for (const auto& [from, to] :
         {std::pair("kmsKeyId", "sseKmsKeyId"), std::pair("websiteRedirect", "websiteRedirectLocation")}) {
        out.set(to, out[from]);
        out.members().erase(from);
    }
    if (out["storageClass"].as_string().empty()) out.set("storageClass", "STANDARD");
    for (const auto& [name, header] :
         {std::pair("checksumCrc32", "x-amz-checksum-crc32"), std::pair("checksumCrc32c", "x-amz-checksum-crc32c"),
          std::pair("checksumCrc64nvme", "x-amz-checksum-crc64nvme"), std::pair("checksumSha1", "x-amz-checksum-sha1"),
          std::pair("checksumSha256", "x-amz-checksum-sha256"), std::pair("expiration", "x-amz-expiration"),
          std::pair("expires", "Expires"), std::pair("lastModified", "Last-Modified"),
          std::pair("versionId", "x-amz-version-id")})
        out.set(name, std::string(head.headers.get(header)));
    const std::string length = head.headers.get("Content-Length");
    uint64_t bytes = 0;
    std::from_chars(length.data(), length.data() + length.size(), bytes);
    out.set("contentLength", static_cast<double>(bytes));
    const std::string etag = head.headers.get("ETag");
    out.set("etag", etag.size() >= 2 && etag.front() == '"' ? etag.substr(1, etag.size() - 2) : etag);
    Property::Object metadata;
    constexpr std::string_view prefix = "x-amz-meta-";
    for (const auto& [name, value] : head.headers.fields())
        if (const std::string lower = base::lower(name); lower.starts_with(prefix))
            metadata.emplace(lower.substr(prefix.size()), value);
    out.set("metadata", std::move(metadata));
    Property tags{Property::Object{}};
    if (!head.headers.get("x-amz-tagging-count").empty()) {
        const auto tagging = TRY(aws.s3(object_call("GET", place, query.empty() ? "tagging" : "tagging&" + query), place.region));
        tags = TRY(tags_from_xml(tagging.body));
    }
    out.set("tags", tags);
    if (is_asked(given["downloadBody"]) || (!given.contains("downloadBody") && is_text(out["contentType"].as_string())))
        TRY(add_body(aws, given, place, query, bytes, out));
    for (const auto& [name, value] : given.members())
        if (!out.contains(name)) out.set(name, value);
    predict_object(aws, given, out);
    out.set("id", place.bucket + "/" + place.key + (version.empty() ? "" : "@" + version));
    out.set("region", region_given(aws, given));
    return out;
}

std::string list_query(const Property& given, size_t page, const std::string& token) {
    std::string query = "list-type=2&encoding-type=url&max-keys=" + std::to_string(page);
    const auto add = [&](const char* parameter, const std::string& value) {
        if (!value.empty()) query += std::string("&") + parameter + "=" + text::encode_uri(value);
    };
    add("prefix", given["prefix"].as_string());
    add("delimiter", given["delimiter"].as_string());
    add("start-after", given["startAfter"].as_string());
    add("continuation-token", token);
    if (given["fetchOwner"].as_bool()) query += "&fetch-owner=true";
    return query;
}

Result<Property> get_objects(Aws& aws, const Property& given) {
    const std::string& bucket = given["bucket"].as_string();
    const double asked = given["maxKeys"].as_number(1000);
    if (asked < 0 || asked > static_cast<double>(keys_max))
        return fail(base::code::InvalidParameter, "maxKeys: expected 0 to " + std::to_string(keys_max));
    size_t left = static_cast<size_t>(asked);
    // Listed in url encoding, so that every key survives XML; given so where the program asks for it.
    const bool encoded = given["encodingType"].as_string() == "url";
    const auto name_of = [&](const std::string& text) { return encoded ? text : text::decode_uri(text, true).value_or(text); };
    Property::Array keys, prefixes, owners;
    std::string token, charged;
    while (left > 0) {
        wire::S3Call call{.method = "GET", .bucket = bucket, .query = list_query(given, std::min<size_t>(left, 1000), token)};
        if (!given["requestPayer"].as_string().empty())
            call.headers.set("x-amz-request-payer", given["requestPayer"].as_string());
        const auto answer = TRY(aws.s3(call, region_of(given)));
        charged = answer.headers.get("x-amz-request-charged");
        const text::XmlElement page = TRY(text::parse_xml(answer.body));
        for (const text::XmlElement& item : page.children) {
            if (item.name == "CommonPrefixes") prefixes.emplace_back(name_of(item.child_text("Prefix")));
            if (item.name != "Contents" && item.name != "CommonPrefixes") continue;
            if (left > 0) --left;
            if (item.name != "Contents") continue;
            keys.emplace_back(name_of(item.child_text("Key")));
            if (const auto* owner = item.child("Owner")) owners.emplace_back(owner->child_text("ID"));
        }
        token = page.child_text("NextContinuationToken");
        if (page.child_text("IsTruncated") != "true" || token.empty()) break;
    }
    Property out = given;
    out.set("commonPrefixes", std::move(prefixes));
    out.set("id", bucket);
    out.set("keys", std::move(keys));
    out.set("owners", std::move(owners));
    out.set("region", region_given(aws, given));
    out.set("requestCharged", charged);
    return out;
}

Result<Property> get_bucket_policy(Aws& aws, const Property& given) {
    const std::string& bucket = given["bucket"].as_string();
    const auto answer = TRY(aws.s3({.method = "GET", .bucket = bucket, .query = "policy"}, region_of(given)));
    return Property(
        Property::Object{{"bucket", bucket}, {"id", bucket}, {"policy", answer.body}, {"region", region_given(aws, given)}});
}

Result<text::XmlElement> list_buckets(Aws& aws, const Property& given, const std::string& query) {
    const auto answer = TRY(aws.s3({.method = "GET", .query = query}, region_of(given)));
    return text::parse_xml(answer.body);
}

Result<Property> get_canonical_user_id(Aws& aws, const Property& given) {
    const text::XmlElement listed = TRY(list_buckets(aws, given, ""));
    const auto* owner = listed.child("Owner");
    return Property(Property::Object{{"displayName", owner == nullptr ? "" : owner->child_text("DisplayName")},
                                     {"id", owner == nullptr ? "" : owner->child_text("ID")}});
}

Result<Property> get_buckets(Aws& aws, const Property& given) {
    std::string query;
    const auto add = [&](const char* parameter, const std::string& value) {
        if (!value.empty()) query += (query.empty() ? "" : "&") + std::string(parameter) + "=" + text::encode_uri(value);
    };
    add("bucket-region", given["bucketRegion"].as_string());
    add("prefix", given["prefix"].as_string());
    if (given.contains("maxBuckets")) add("max-buckets", given["maxBuckets"].to_json().dump());
    const text::XmlElement listed = TRY(list_buckets(aws, given, query));
    Property::Array buckets;
    if (const auto* list = listed.child("Buckets"))
        for (const text::XmlElement& item : list->children) {
            const std::string name = item.child_text("Name");
            Property bucket{Property::Object{}};
            bucket.set("bucketArn", "arn:" + aws.partition() + ":s3:::" + name);
            bucket.set("bucketRegion", item.child_text("BucketRegion"));
            bucket.set("creationDate", item.child_text("CreationDate"));
            bucket.set("name", name);
            buckets.push_back(std::move(bucket));
        }
    Property out = given;
    out.set("buckets", std::move(buckets));
    out.set("region", region_given(aws, given));
    return out;
}

// A setting, as the resource type of it reads it.
Result<Property> setting_of(Aws& aws, const BucketSetting& setting, const Property& given) {
    auto live = TRY(read_setting(aws, setting, "", given));
    if (!live) return fail(setting.absent, "there is no " + setting.noun + " to read");
    return std::move(*live);
}

Result<Property> get_object_lock(Aws& aws, const Property& given) {
    const BucketSetting setting{
        .tokens = {"aws:s3/getBucketObjectLockConfiguration:getBucketObjectLockConfiguration"},
        .noun = "ObjectLockConfiguration",
        .query = "object-lock",
        .root = "ObjectLockConfiguration",
        .absent = "ObjectLockConfigurationNotFoundError",
        .rules = {{.name = "objectLockEnabled", .member = "ObjectLockEnabled"},
                  {.name = "rules",
                   .shape = Shape::blocks,
                   .members = {{.name = "defaultRetentions",
                                .shape = Shape::blocks,
                                .members = retention_rules(),
                                .member = "DefaultRetention"}},
                   .member = "Rule"},
                  {.name = "expectedBucketOwner", .local = true, .header = "x-amz-expected-bucket-owner"}}};
    Property out = TRY(setting_of(aws, setting, given));
    if (!out.contains("rules")) out.set("rules", Property::Array{});
    if (given.contains("expectedBucketOwner")) out.set("expectedBucketOwner", given["expectedBucketOwner"]);
    return out;
}

Result<Property> get_account_public_access_block(Aws& aws, const Property& given) {
    const BucketSetting setting{.tokens = {"aws:s3/getAccountPublicAccessBlock:getAccountPublicAccessBlock"},
                                .noun = "PublicAccessBlock",
                                .query = "publicAccessBlock",
                                .root = "PublicAccessBlockConfiguration",
                                .absent = "NoSuchPublicAccessBlockConfiguration",
                                .rules = public_access_rules(),
                                .of_account = true};
    Property asked = given;
    if (!asked.contains("accountId")) asked.set("accountId", TRY(aws.account()));
    Property out = TRY(setting_of(aws, setting, asked));
    out.set("id", asked["accountId"]);
    return out;
}

}  // namespace

std::vector<Function> s3_functions() {
    const std::vector<std::string_view> object = {"bucket", "key", "range", "region", "versionId"};
    std::vector<std::string_view> whole_object = object;
    for (const char* name : {"checksumMode", "downloadBody"}) whole_object.emplace_back(name);
    const std::vector<std::string_view> objects = {"bucket",  "delimiter", "encodingType", "fetchOwner",
                                                   "maxKeys", "prefix",    "region",       "startAfter"};
    std::vector<std::string_view> more_objects = objects;
    more_objects.emplace_back("requestPayer");
    return {
        {"aws:s3/getBucket:getBucket", {"bucket", "region"}, {"bucket"}, get_bucket},
        {"aws:s3/getObject:getObject", whole_object, {"bucket", "key"}, get_object},
        {"aws:s3/getBucketObject:getBucketObject", object, {"bucket", "key"}, get_object},
        {"aws:s3/getObjects:getObjects", more_objects, {"bucket"}, get_objects},
        {"aws:s3/getBucketObjects:getBucketObjects", objects, {"bucket"}, get_objects},
        {"aws:s3/getBucketPolicy:getBucketPolicy", {"bucket", "region"}, {"bucket"}, get_bucket_policy},
        {"aws:s3/getBucketObjectLockConfiguration:getBucketObjectLockConfiguration",
         {"bucket", "expectedBucketOwner", "region"},
         {"bucket"},
         get_object_lock},
        {"aws:s3/getBuckets:getBuckets", {"bucketRegion", "maxBuckets", "prefix", "region"}, {}, get_buckets},
        {"aws:s3/getAccountPublicAccessBlock:getAccountPublicAccessBlock", {"accountId"}, {}, get_account_public_access_block},
        {"aws:s3/getCanonicalUserId:getCanonicalUserId", {}, {}, get_canonical_user_id}};
}

}  // namespace provider
