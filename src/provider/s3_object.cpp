// aws:s3 BucketObject and BucketObjectv2: one object, from a text, base64 text or a file. The id is `bucket/key`.
// Its properties are a table (object_headers.hpp); code are its content and the choice between a new version and a change in place.

#include <algorithm>

#include "provider/asset.hpp"
#include "provider/object_headers.hpp"
#include "text/base64.hpp"

namespace provider {

using base::fail;
using base::Result;

namespace {

const ResourceType& object_type();

void check(const Property& inputs, std::vector<CheckFailure>& failures) {
    int sources = 0;
    for (const char* source : {"content", "contentBase64", "source"}) sources += inputs.contains(source) ? 1 : 0;
    if (sources > 1) failures.push_back({"source", "only one of content, contentBase64, source can be given"});
    const Property& encoded = inputs["contentBase64"];
    if (encoded.is(Property::Kind::string) && !text::decode_base64(encoded.as_string()))
        failures.push_back({"contentBase64", "this is not base64"});
}

Result<std::string> content_of(const Property& inputs) {
    if (inputs.contains("source")) return asset_content(inputs["source"]);
    if (inputs.contains("contentBase64")) return text::decode_base64(inputs["contentBase64"].as_string()).value_or("");
    return inputs["content"].as_string();
}

Result<void> put(Aws& aws, const Property& inputs) {
    const ObjectPlace place = object_place("", inputs);
    wire::S3Call call = object_call("PUT", place);
    call.body = TRY(about("source", content_of(inputs)));
    call.headers.set("Content-Type", "application/octet-stream");
    set_headers(call, object_type().rules, inputs);
    set_metadata(call, inputs);
    set_checksum(call, inputs["checksumAlgorithm"].as_string());
    TRY(aws.s3(call, place.region));
    return {};
}

Result<State> create(Aws& aws, const Property& inputs) {
    const ObjectPlace place = object_place("", inputs);
    TRY(put(aws, inputs));
    if (!inputs["tags"].members().empty()) {
        if (auto tagged = put_object_tags(aws, place, inputs["tags"]); !tagged) {
            auto error = std::move(tagged).error();
            if (!aws.s3({.method = "DELETE", .bucket = place.bucket, .key = place.key}, place.region))
                error.notes.push_back("the object was made and could not be deleted again");
            return fail(std::move(error));
        }
    }
    return State{place.bucket + "/" + place.key, Property(Property::Object{})};
}

Result<std::optional<Property>> read(Aws& aws, const std::string& id, const Property& known) {
    return read_object(aws, id, known, object_type().rules);
}

Result<void> update(Aws& aws, const std::string& id, const Property& olds, const Property& news) {
    const bool again = differs(object_type(), olds, news,
                               {"content", "contentBase64", "source", "sourceHash", "etag", "metadata", "contentType",
                                "cacheControl", "contentDisposition", "contentEncoding", "contentLanguage", "storageClass",
                                "checksumAlgorithm", "bucketKeyEnabled", "kmsKeyId", "serverSideEncryption", "websiteRedirect"});
    // Writing an object takes its tags away.
    if (again)
        TRY(put(aws, news));
    else
        TRY(update_in_place(aws, object_type(), object_place(id, news), olds, news));
    if ((again && !news["tags"].members().empty()) || differs(object_type(), olds, news, {"tags"}))
        TRY(put_object_tags(aws, object_place(id, news), news["tags"]));
    return {};
}

std::vector<Rule> object_rules() {
    std::vector<Rule> rules = {
        {.name = "bucket", .required = true, .replaces = true},
        {.name = "checksumAlgorithm", .local = true, .choices = {"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"}},
        {.name = "content", .local = true},
        {.name = "contentBase64", .local = true},
        {.name = "etag", .computed = true},
        {.name = "forceDestroy", .shape = Shape::flag, .local = true, .fallback = false},
        {.name = "key", .replaces = true},
        {.name = "metadata", .shape = Shape::labels},
        {.name = "overrideProvider", .refused = "tags of a provider (`defaultTags`) and what overrides them"},
        region_rule(),
        {.name = "source", .shape = Shape::asset, .local = true},
        {.name = "sourceHash", .local = true},
        {.name = "tags", .shape = Shape::labels}};
    std::ranges::move(object_header_rules(), std::back_inserter(rules));
    return rules;
}

const ResourceType& object_type() {
    static const ResourceType type{
        .tokens = {"aws:s3/bucketObject:BucketObject", "aws:s3/bucketObjectv2:BucketObjectv2"},
        .rules = object_rules(),
        .name = NameRule{"key", "", 1024, NameRule::Style::exact},
        .operations = {"PutObject", "HeadObject", "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging", "PutObjectAcl",
                       "PutObjectLegalHold", "PutObjectRetention", "ListObjectVersions", "DeleteObject"},
        .computed = {"arn", "bucketKeyEnabled", "contentType", "etag", "kmsKeyId", "region", "serverSideEncryption",
                     "storageClass", "tagsAll", "versionId"},
        .computed_by_update = {"etag", "tagsAll", "versionId"},
        .id = object_id,
        .check = check,
        .predict = predict_object,
        .create = create,
        .read = read,
        .update = update,
        .remove = remove_object,
    };
    return type;
}

}  // namespace

std::vector<ResourceType> s3_object_types() { return {object_type()}; }

}  // namespace provider
