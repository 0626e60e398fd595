// aws:s3 ObjectCopy: an object made from another one. The id is `bucket/key`. A change of any property copies anew, as with Pulumi.
// It is code for its conditions, which are dates in another form, and for outputs that only the copy itself tells.

#include <algorithm>
#include <array>

#include "base/error_codes.hpp"
#include "provider/object_headers.hpp"
#include "text/time.hpp"
#include "text/uri.hpp"

namespace provider {

using base::fail;
using base::Result;

namespace {

const ResourceType& copy_type();

constexpr std::array<const char*, 3> dates = {"copyIfModifiedSince", "copyIfUnmodifiedSince", "expires"};

void check(const Property& inputs, std::vector<CheckFailure>& failures) {
    const std::string& source = inputs["source"].as_string();
    if (inputs["source"].is(Property::Kind::string) && source.find('/', source.starts_with('/') ? 1 : 0) == std::string::npos)
        failures.push_back({"source", "expected `bucket/key`, the key percent-encoded"});
    for (const char* date : dates)
        if (inputs[date].is(Property::Kind::string) && !text::parse_iso8601(inputs[date].as_string()))
            failures.push_back({date, "expected a date as RFC 3339 has it: 2026-01-31T12:00:00Z"});
}

// Directives that follow from what is given: S3 ignores new metadata and tags unless told to take them.
void set_directives(wire::S3Call& call, const Property& inputs) {
    if (inputs["metadataDirective"].as_string().empty()) {
        static constexpr std::array<const char*, 7> of_metadata = {
            "cacheControl", "contentDisposition", "contentEncoding", "contentLanguage", "contentType", "expires", "metadata"};
        if (std::ranges::any_of(of_metadata, [&](const char* name) { return inputs.contains(name); }))
            call.headers.set("x-amz-metadata-directive", "REPLACE");
    }
    if (inputs["tags"].members().empty()) return;
    std::string tags;
    for (const auto& [key, value] : inputs["tags"].members())
        tags += (tags.empty() ? "" : "&") + text::encode_uri(key) + "=" + text::encode_uri(value.as_string());
    call.headers.set("x-amz-tagging", tags);
    if (inputs["taggingDirective"].as_string().empty()) call.headers.set("x-amz-tagging-directive", "REPLACE");
}

Result<Property> copy(Aws& aws, const Property& inputs) {
    const ObjectPlace place = object_place("", inputs);
    wire::S3Call call = object_call("PUT", place);
    Property sent = inputs;
    for (const char* date : dates)
        if (const auto moment = text::parse_iso8601(inputs[date].as_string())) sent.set(date, text::http_date(*moment));
    set_headers(call, copy_type().rules, sent);
    set_metadata(call, inputs);
    set_directives(call, inputs);
    auto done = aws.s3(call, place.region);
    if (!done) {
        const bool source_is_gone = done.error().code == base::code::NoSuchKey;
        auto error = std::move(done).error();
        return fail(source_is_gone ? about_property(std::move(error), "source") : std::move(error));
    }
    const text::XmlElement result = TRY(text::parse_xml(done->body));
    // S3 answers 200 before it has copied: what went wrong then stands in the body.
    if (result.name == "Error") return fail(result.child_text("Code"), result.child_text("Message"));
    return Property(Property::Object{{"lastModified", result.child_text("LastModified")},
                                     {"expiration", done->headers.get("x-amz-expiration")},
                                     {"requestCharged", done->headers.get("x-amz-request-charged") == "requester"},
                                     {"sourceVersionId", done->headers.get("x-amz-copy-source-version-id")}});
}

Result<State> create(Aws& aws, const Property& inputs) {
    const ObjectPlace place = object_place("", inputs);
    Property told = TRY(copy(aws, inputs));
    return State{place.bucket + "/" + place.key, std::move(told)};
}

Result<std::optional<Property>> read(Aws& aws, const std::string& id, const Property& known) {
    auto live = TRY(read_object(aws, id, known, copy_type().rules));
    if (!live) return live;
    for (const char* name : {"lastModified", "expiration", "requestCharged", "sourceVersionId"})
        if (known.contains(name)) live->set(name, known[name]);
    // Metadata and tags that came with the source are not the program's.
    if (!known.contains("metadata") && !known.is(Property::Kind::null)) live->members().erase("metadata");
    return live;
}

Result<Property> renew(Aws& aws, const std::string&, const Property&, const Property& news) { return copy(aws, news); }

std::vector<Rule> copy_rules() {
    const std::string with_key = "encryption with a key of the customer's own in a copy";
    std::vector<Rule> rules = {
        {.name = "bucket", .required = true, .replaces = true},
        {.name = "key", .required = true, .replaces = true},
        {.name = "source", .required = true, .local = true, .header = "x-amz-copy-source"},
        {.name = "checksumAlgorithm",
         .local = true,
         .choices = {"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"},
         .header = "x-amz-checksum-algorithm"},
        {.name = "copyIfMatch", .local = true, .header = "x-amz-copy-source-if-match"},
        {.name = "copyIfNoneMatch", .local = true, .header = "x-amz-copy-source-if-none-match"},
        {.name = "copyIfModifiedSince", .local = true, .header = "x-amz-copy-source-if-modified-since"},
        {.name = "copyIfUnmodifiedSince", .local = true, .header = "x-amz-copy-source-if-unmodified-since"},
        {.name = "expectedBucketOwner", .local = true, .header = "x-amz-expected-bucket-owner"},
        {.name = "expectedSourceBucketOwner", .local = true, .header = "x-amz-source-expected-bucket-owner"},
        {.name = "expires", .local = true, .header = "Expires"},
        {.name = "forceDestroy", .shape = Shape::flag, .local = true, .fallback = false},
        {.name = "kmsEncryptionContext", .local = true, .header = "x-amz-server-side-encryption-context"},
        {.name = "metadata", .shape = Shape::labels, .computed = true},
        {.name = "metadataDirective", .local = true, .choices = {"COPY", "REPLACE"}, .header = "x-amz-metadata-directive"},
        {.name = "requestPayer", .local = true, .choices = {"requester"}, .header = "x-amz-request-payer"},
        {.name = "taggingDirective", .local = true, .choices = {"COPY", "REPLACE"}, .header = "x-amz-tagging-directive"},
        {.name = "tags", .shape = Shape::labels, .computed = true},
        region_rule(),
        {.name = "grants", .refused = "grants of a copy: use `acl`"},
        {.name = "overrideProvider", .refused = "tags of a provider (`defaultTags`) and what overrides them"}};
    for (const char* name : {"customerAlgorithm", "customerKey", "customerKeyMd5", "sourceCustomerAlgorithm", "sourceCustomerKey",
                             "sourceCustomerKeyMd5"})
        rules.push_back({.name = name, .refused = with_key});
    for (Rule& rule : object_header_rules()) {
        // What the copy does not say comes from its source.
        rule.computed = true;
        rules.push_back(std::move(rule));
    }
    return rules;
}

const ResourceType& copy_type() {
    static const ResourceType type{
        .tokens = {"aws:s3/objectCopy:ObjectCopy"},
        .rules = copy_rules(),
        .operations = {"CopyObject", "HeadObject", "GetObjectTagging", "ListObjectVersions", "DeleteObject",
                       "PutObjectLegalHold"},
        .computed = {"arn", "bucketKeyEnabled", "cacheControl", "contentDisposition", "contentEncoding", "contentLanguage",
                     "contentType", "etag", "expiration", "kmsKeyId", "lastModified", "metadata", "region", "requestCharged",
                     "serverSideEncryption", "sourceVersionId", "storageClass", "tagsAll", "versionId"},
        .computed_by_update = {"etag", "lastModified", "sourceVersionId", "tagsAll", "versionId"},
        .id = object_id,
        .check = check,
        .predict = predict_object,
        .create = create,
        .read = read,
        .renew = renew,
        .remove = remove_object,
    };
    return type;
}

}  // namespace

std::vector<ResourceType> s3_object_copy_types() { return {copy_type()}; }

}  // namespace provider
