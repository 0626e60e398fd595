#include "provider/object_headers.hpp"

#include <algorithm>
#include <array>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "crypto/checksum.hpp"
#include "crypto/digest.hpp"
#include "text/base64.hpp"
#include "text/uri.hpp"

namespace provider {

using base::fail;
using base::Result;
using Kind = Property::Kind;

namespace {

constexpr std::array<std::pair<const char*, const char*>, 5> checksums = {{{"checksumCrc32", "x-amz-checksum-crc32"},
                                                                           {"checksumCrc32c", "x-amz-checksum-crc32c"},
                                                                           {"checksumCrc64nvme", "x-amz-checksum-crc64nvme"},
                                                                           {"checksumSha1", "x-amz-checksum-sha1"},
                                                                           {"checksumSha256", "x-amz-checksum-sha256"}}};

std::string without_quotes(std::string etag) {
    if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') return etag.substr(1, etag.size() - 2);
    return etag;
}

std::string named(const ObjectPlace& place) { return "object `" + place.bucket + "/" + place.key + "`"; }

Result<void> sub_call(Aws& aws, const ObjectPlace& place, const char* property, const char* operation, wire::S3Call call) {
    call.headers.set("Content-MD5", text::encode_base64(crypto::md5(call.body)));
    if (!call.body.empty()) call.headers.set("Content-Type", "application/xml");
    auto done = aws.s3(call, place.region);
    if (done) return {};
    auto error = std::move(done).error();
    if (is_not_served(error)) error = not_served(aws, std::move(error), named(place), operation);
    return fail(about_property(std::move(error), property));
}

std::string retention_xml(const Property& mode, const Property& until) {
    text::XmlWriter xml;
    xml.open("Retention", s3_namespace);
    if (!mode.as_string().empty()) xml.element("Mode", mode.as_string());
    if (!until.as_string().empty()) xml.element("RetainUntilDate", until.as_string());
    xml.close();
    return xml.finish();
}

std::string legal_hold_xml(const std::string& status) {
    text::XmlWriter xml;
    xml.open("LegalHold", s3_namespace);
    xml.element("Status", status.empty() ? "OFF" : status);
    xml.close();
    return xml.finish();
}

// One version, or the object where the bucket has none.
Result<void> delete_version(Aws& aws, const ObjectPlace& place, const std::string& version, bool by_force) {
    const std::string query = version.empty() ? "" : "versionId=" + text::encode_uri(version);
    wire::S3Call call = object_call("DELETE", place, query);
    if (by_force && !version.empty()) call.headers.set("x-amz-bypass-governance-retention", "true");
    auto deleted = aws.s3(call, place.region);
    if (!deleted && by_force && !version.empty() && deleted.error().code == base::code::AccessDenied) {
        TRY(sub_call(aws, place, "forceDestroy", "PutObjectLegalHold",
                     {.method = "PUT",
                      .bucket = place.bucket,
                      .key = place.key,
                      .query = "legal-hold&" + query,
                      .headers = {},
                      .body = legal_hold_xml("OFF")}));
        deleted = aws.s3(call, place.region);
    }
    if (deleted || is_gone(deleted.error())) return {};
    auto error = std::move(deleted).error();
    if (!by_force && error.code == base::code::AccessDenied && !version.empty())
        error.notes.push_back("a retention or legal hold may keep the " + named(place) +
                              ": `forceDestroy` takes holds away and goes past retention in governance mode");
    return fail(std::move(error));
}

// The versions of this very key, its delete markers among them, from one page of the listing on.
Result<std::vector<std::string>> versions_of(Aws& aws, const ObjectPlace& place) {
    std::vector<std::string> versions;
    std::string next;
    while (true) {
        const auto page = TRY(aws.s3({.method = "GET",
                                      .bucket = place.bucket,
                                      .query = "versions&encoding-type=url&prefix=" + text::encode_uri(place.key) + next},
                                     place.region));
        const text::XmlElement xml = TRY(text::parse_xml(page.body));
        for (const text::XmlElement& item : xml.children) {
            if (item.name != "Version" && item.name != "DeleteMarker") continue;
            const std::string key = text::decode_uri(item.child_text("Key"), true).value_or(item.child_text("Key"));
            if (key == place.key) versions.push_back(item.child_text("VersionId"));
        }
        if (xml.child_text("IsTruncated") != "true") return versions;
        // A page as S3 marks it: url-encoded already where the listing is.
        next = "&key-marker=" + xml.child_text("NextKeyMarker") +
               "&version-id-marker=" + text::encode_uri(xml.child_text("NextVersionIdMarker"));
    }
}

}  // namespace

ObjectPlace object_place(const std::string& id, const Property& known) {
    if (known.contains("bucket")) return {known["bucket"].as_string(), known["key"].as_string(), region_of(known)};
    const size_t slash = id.find('/');
    return {id.substr(0, slash), slash == std::string::npos ? "" : id.substr(slash + 1), ""};
}

wire::S3Call object_call(const char* method, const ObjectPlace& place, std::string query) {
    return {.method = method, .bucket = place.bucket, .key = place.key, .query = std::move(query)};
}

std::vector<Rule> object_header_rules() {
    return {
        {.name = "acl",
         .local = true,
         .choices = {"private", "public-read", "public-read-write", "aws-exec-read", "authenticated-read", "bucket-owner-read",
                     "bucket-owner-full-control"},
         .header = "x-amz-acl"},
        {.name = "bucketKeyEnabled",
         .shape = Shape::flag,
         .computed = true,
         .header = "x-amz-server-side-encryption-bucket-key-enabled"},
        {.name = "cacheControl", .header = "Cache-Control"},
        {.name = "contentDisposition", .header = "Content-Disposition"},
        {.name = "contentEncoding", .header = "Content-Encoding"},
        {.name = "contentLanguage", .header = "Content-Language"},
        {.name = "contentType", .computed = true, .header = "Content-Type"},
        {.name = "kmsKeyId", .computed = true, .header = "x-amz-server-side-encryption-aws-kms-key-id"},
        {.name = "objectLockLegalHoldStatus",
         .computed = true,
         .choices = {"ON", "OFF"},
         .header = "x-amz-object-lock-legal-hold"},
        {.name = "objectLockMode", .computed = true, .choices = {"GOVERNANCE", "COMPLIANCE"}, .header = "x-amz-object-lock-mode"},
        {.name = "objectLockRetainUntilDate", .computed = true, .header = "x-amz-object-lock-retain-until-date", .moment = true},
        {.name = "serverSideEncryption",
         .computed = true,
         .choices = {"AES256", "aws:kms", "aws:kms:dsse", "aws:fsx"},
         .header = "x-amz-server-side-encryption"},
        {.name = "storageClass", .computed = true, .header = "x-amz-storage-class"},
        {.name = "websiteRedirect", .header = "x-amz-website-redirect-location"},
    };
}

void set_headers(wire::S3Call& call, const std::vector<Rule>& rules, const Property& inputs) {
    for (const Rule& rule : rules) {
        if (rule.header.empty()) continue;
        const Property& value = inputs[rule.name];
        if (value.is(Kind::boolean)) {
            if (value.as_bool()) call.headers.set(rule.header, "true");
        } else if (const std::string& text = value.as_string(); !text.empty()) {
            call.headers.set(rule.header, text);
        }
    }
}

void set_metadata(wire::S3Call& call, const Property& inputs) {
    for (const auto& [key, value] : inputs["metadata"].members()) call.headers.set("x-amz-meta-" + key, value.as_string());
}

Result<void> put_object_tags(Aws& aws, const ObjectPlace& place, const Property& tags) {
    wire::S3Call call = object_call("PUT", place, "tagging");
    if (tags.members().empty())
        call.method = "DELETE";
    else
        call.body = tagging_xml(tags);
    return sub_call(aws, place, "tags", "PutObjectTagging", std::move(call));
}

Result<void> update_in_place(Aws& aws, const ResourceType& type, const ObjectPlace& place, const Property& olds,
                             const Property& news) {
    if (differs(type, olds, news, {"acl"})) {
        wire::S3Call call = object_call("PUT", place, "acl");
        call.headers.set("x-amz-acl", news["acl"].as_string().empty() ? "private" : news["acl"].as_string());
        TRY(sub_call(aws, place, "acl", "PutObjectAcl", std::move(call)));
    }
    if (differs(type, olds, news, {"objectLockLegalHoldStatus"})) {
        wire::S3Call call = object_call("PUT", place, "legal-hold");
        call.body = legal_hold_xml(news["objectLockLegalHoldStatus"].as_string());
        TRY(sub_call(aws, place, "objectLockLegalHoldStatus", "PutObjectLegalHold", std::move(call)));
    }
    if (differs(type, olds, news, {"objectLockMode", "objectLockRetainUntilDate"})) {
        wire::S3Call call = object_call("PUT", place, "retention");
        call.body = retention_xml(news["objectLockMode"], news["objectLockRetainUntilDate"]);
        // To shorten what governance keeps is what the program asks for; compliance mode refuses it all the same.
        call.headers.set("x-amz-bypass-governance-retention", "true");
        TRY(sub_call(aws, place, "objectLockRetainUntilDate", "PutObjectRetention", std::move(call)));
    }
    return {};
}

std::string object_id(const Property& inputs, const Property&) {
    return inputs["bucket"].as_string() + "/" + inputs["key"].as_string();
}

void predict_object(Aws& aws, const Property& inputs, Property& outputs) {
    if (inputs["bucket"].has_unknowns() || inputs["key"].has_unknowns()) return;
    outputs.set("arn", "arn:" + aws.partition() + ":s3:::" + inputs["bucket"].as_string() + "/" + inputs["key"].as_string());
}

Result<std::optional<Property>> read_object(Aws& aws, const std::string& id, const Property& known,
                                            const std::vector<Rule>& rules) {
    const ObjectPlace place = object_place(id, known);
    wire::S3Call call = object_call("HEAD", place);
    // Asked for only where the program did: of an encrypted object it takes the right to use its key.
    if (!known["checksumAlgorithm"].as_string().empty()) call.headers.set("x-amz-checksum-mode", "ENABLED");
    const auto head = aws.s3(call, place.region);
    if (!head) {
        if (is_gone(head.error())) return std::nullopt;
        return fail(head.error());
    }
    Property outputs(Property::Object{{"bucket", place.bucket},
                                      {"key", place.key},
                                      {"region", place.region.empty() ? aws.region() : place.region},
                                      {"etag", without_quotes(head->headers.get("ETag"))},
                                      {"versionId", head->headers.get("x-amz-version-id")}});
    predict_object(aws, outputs, outputs);
    for (const Rule& rule : rules) {
        if (rule.header.empty() || rule.local) continue;
        const std::string value = head->headers.get(rule.header);
        if (rule.shape == Shape::flag)
            outputs.set(rule.name, value == "true");
        else if (!value.empty())
            outputs.set(rule.name, value);
    }
    if (!outputs.contains("storageClass")) outputs.set("storageClass", "STANDARD");
    for (const auto& [property, header] : checksums)
        if (std::string value = head->headers.get(header); !value.empty()) outputs.set(property, std::move(value));
    Property::Object metadata;
    constexpr std::string_view prefix = "x-amz-meta-";
    for (const auto& [name, value] : head->headers.fields()) {
        const std::string lower = base::lower(name);
        if (lower.starts_with(prefix)) metadata.emplace(lower.substr(prefix.size()), value);
    }
    outputs.set("metadata", std::move(metadata));
    Property tags{Property::Object{}};
    if (!known["tags"].members().empty() || !head->headers.get("x-amz-tagging-count").empty()) {
        const auto tagging = aws.s3(object_call("GET", place, "tagging"), place.region);
        if (!tagging) return fail(tagging.error());
        tags = TRY(tags_from_xml(tagging->body));
    }
    outputs.set("tags", tags);
    outputs.set("tagsAll", tags);
    return outputs;
}

Result<void> remove_object(Aws& aws, const std::string& id, const Property& olds) {
    const ObjectPlace place = object_place(id, olds);
    const bool by_force = olds["forceDestroy"].as_bool();
    const std::string& version = olds["versionId"].as_string();
    // In a bucket with versions a plain DELETE would hide the object and leave its versions, and so the bucket.
    if (version.empty()) return delete_version(aws, place, "", by_force);
    const auto versions = versions_of(aws, place);
    if (!versions) {
        if (is_gone(versions.error())) return {};
        return fail(versions.error());
    }
    for (const std::string& one : *versions) TRY(delete_version(aws, place, one, by_force));
    return {};
}

void set_checksum(wire::S3Call& call, const std::string& algorithm) {
    std::string value;
    if (algorithm == "CRC32")
        value = crypto::big_endian(crypto::crc32(0, call.body));
    else if (algorithm == "CRC32C")
        value = crypto::big_endian(crypto::crc32c(0, call.body));
    else if (algorithm == "CRC64NVME")
        value = crypto::big_endian(crypto::crc64nvme(0, call.body));
    else if (algorithm == "SHA1")
        value = crypto::sha1(call.body);
    else if (algorithm == "SHA256")
        value = crypto::sha256(call.body);
    else
        return;
    call.headers.set("x-amz-checksum-" + base::lower(algorithm), text::encode_base64(value));
}

}  // namespace provider
