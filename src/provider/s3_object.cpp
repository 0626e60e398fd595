// aws:s3 BucketObject and BucketObjectv2: one object, from a text, base64 text or a file. The id is `bucket/key`.

#include <array>

#include "base/strings.hpp"
#include "provider/asset.hpp"
#include "provider/s3.hpp"
#include "text/base64.hpp"

namespace provider {

using base::fail;
using base::Result;

namespace {

const ResourceType& object_type();

struct HeaderProperty {
    const char* property;
    const char* header;
};

constexpr std::array<HeaderProperty, 6> headers = {{{"contentType", "Content-Type"},
                                                    {"cacheControl", "Cache-Control"},
                                                    {"contentDisposition", "Content-Disposition"},
                                                    {"contentEncoding", "Content-Encoding"},
                                                    {"contentLanguage", "Content-Language"},
                                                    {"storageClass", "x-amz-storage-class"}}};

struct Place {
    std::string bucket, key, region;
};

Place place_of(const std::string& id, const Property& known) {
    if (known.contains("bucket")) return {known["bucket"].as_string(), known["key"].as_string(), region_of(known)};
    const size_t slash = id.find('/');
    return {id.substr(0, slash), slash == std::string::npos ? "" : id.substr(slash + 1), ""};
}

void check(const Property& inputs, std::vector<CheckFailure>& failures) {
    int sources = 0;
    for (const char* source : {"content", "contentBase64", "source"}) sources += inputs.contains(source) ? 1 : 0;
    if (sources > 1) failures.push_back({"source", "only one of content, contentBase64, source can be given"});
    const Property& encoded = inputs["contentBase64"];
    if (encoded.is(Property::Kind::string) && !text::decode_base64(encoded.as_string()))
        failures.push_back({"contentBase64", "this is not base64"});
}

void predict(Aws& aws, const Property& inputs, Property& outputs) {
    if (inputs["bucket"].has_unknowns() || inputs["key"].has_unknowns()) return;
    outputs.set("arn", "arn:" + aws.partition() + ":s3:::" + inputs["bucket"].as_string() + "/" + inputs["key"].as_string());
}

Result<std::string> content_of(const Property& inputs) {
    if (inputs.contains("source")) return asset_content(inputs["source"]);
    if (inputs.contains("contentBase64")) return text::decode_base64(inputs["contentBase64"].as_string()).value_or("");
    return inputs["content"].as_string();
}

Result<void> put(Aws& aws, const Property& inputs) {
    const Place place = place_of("", inputs);
    wire::S3Call call{
        .method = "PUT", .bucket = place.bucket, .key = place.key, .body = TRY(about("source", content_of(inputs)))};
    for (const auto& [property, header] : headers)
        if (const std::string& value = inputs[property].as_string(); !value.empty()) call.headers.set(header, value);
    if (inputs["contentType"].as_string().empty()) call.headers.set("Content-Type", "application/octet-stream");
    for (const auto& [key, value] : inputs["metadata"].members()) call.headers.set("x-amz-meta-" + key, value.as_string());
    TRY(aws.s3(call, place.region));
    return {};
}

Result<void> put_tags(Aws& aws, const Place& place, const Property& tags) {
    wire::S3Call call{.method = "PUT", .bucket = place.bucket, .key = place.key, .query = "tagging", .body = tagging_xml(tags)};
    if (tags.members().empty()) {
        call.method = "DELETE";
        call.body.clear();
    } else {
        call.headers.set("Content-Type", "application/xml");
    }
    TRY(about("tags", aws.s3(call, place.region)));
    return {};
}

Result<State> create(Aws& aws, const Property& inputs) {
    const Place place = place_of("", inputs);
    TRY(put(aws, inputs));
    if (!inputs["tags"].members().empty()) {
        if (auto tagged = put_tags(aws, place, inputs["tags"]); !tagged) {
            auto error = std::move(tagged).error();
            if (!aws.s3({.method = "DELETE", .bucket = place.bucket, .key = place.key}, place.region))
                error.notes.push_back("the object was made and could not be deleted again");
            return fail(std::move(error));
        }
    }
    return State{place.bucket + "/" + place.key, Property(Property::Object{})};
}

std::string without_quotes(std::string etag) {
    if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') return etag.substr(1, etag.size() - 2);
    return etag;
}

Result<std::optional<Property>> read(Aws& aws, const std::string& id, const Property& known) {
    const Place place = place_of(id, known);
    const auto head = aws.s3({.method = "HEAD", .bucket = place.bucket, .key = place.key}, place.region);
    if (!head) {
        if (is_gone(head.error())) return std::nullopt;
        return fail(head.error());
    }
    Property outputs(Property::Object{{"bucket", place.bucket},
                                      {"key", place.key},
                                      {"region", place.region.empty() ? aws.region() : place.region},
                                      {"etag", without_quotes(head->headers.get("ETag"))},
                                      {"versionId", head->headers.get("x-amz-version-id")}});
    predict(aws, outputs, outputs);
    for (const auto& [property, header] : headers) {
        const std::string value = head->headers.get(header);
        if (!value.empty()) outputs.set(property, value);
    }
    if (!outputs.contains("storageClass")) outputs.set("storageClass", "STANDARD");
    Property::Object metadata;
    constexpr std::string_view prefix = "x-amz-meta-";
    for (const auto& [name, value] : head->headers.fields()) {
        const std::string lower = base::lower(name);
        if (lower.starts_with(prefix)) metadata.emplace(lower.substr(prefix.size()), value);
    }
    outputs.set("metadata", std::move(metadata));
    Property tags{Property::Object{}};
    if (!known["tags"].members().empty() || !head->headers.get("x-amz-tagging-count").empty()) {
        const auto tagging =
            aws.s3({.method = "GET", .bucket = place.bucket, .key = place.key, .query = "tagging"}, place.region);
        if (!tagging) return fail(tagging.error());
        tags = TRY(tags_from_xml(tagging->body));
    }
    outputs.set("tags", tags);
    outputs.set("tagsAll", tags);
    return outputs;
}

Result<void> update(Aws& aws, const std::string& id, const Property& olds, const Property& news) {
    const bool again = differs(object_type(), olds, news,
                               {"content", "contentBase64", "source", "sourceHash", "etag", "metadata", "contentType",
                                "cacheControl", "contentDisposition", "contentEncoding", "contentLanguage", "storageClass"});
    // Writing an object takes its tags away.
    if (again) TRY(put(aws, news));
    if ((again && !news["tags"].members().empty()) || differs(object_type(), olds, news, {"tags"}))
        TRY(put_tags(aws, place_of(id, news), news["tags"]));
    return {};
}

Result<void> remove(Aws& aws, const std::string& id, const Property& olds) {
    const Place place = place_of(id, olds);
    auto deleted = aws.s3({.method = "DELETE", .bucket = place.bucket, .key = place.key}, place.region);
    if (!deleted && !is_gone(deleted.error())) return fail(std::move(deleted).error());
    return {};
}

const ResourceType& object_type() {
    static const ResourceType type{
        .tokens = {"aws:s3/bucketObject:BucketObject", "aws:s3/bucketObjectv2:BucketObjectv2"},
        .rules = {{.name = "bucket", .required = true, .replaces = true},
                  {.name = "cacheControl"},
                  {.name = "content", .local = true},
                  {.name = "contentBase64", .local = true},
                  {.name = "contentDisposition"},
                  {.name = "contentEncoding"},
                  {.name = "contentLanguage"},
                  {.name = "contentType", .computed = true},
                  {.name = "etag", .computed = true},
                  {.name = "forceDestroy", .shape = Shape::flag, .local = true, .fallback = false},
                  {.name = "key", .replaces = true},
                  {.name = "metadata", .shape = Shape::labels},
                  region_rule(),
                  {.name = "source", .shape = Shape::asset, .local = true},
                  {.name = "sourceHash", .local = true},
                  {.name = "storageClass", .computed = true},
                  {.name = "tags", .shape = Shape::labels}},
        .name = NameRule{"key", "", 1024, NameRule::Style::exact},
        .computed = {"arn", "contentType", "etag", "region", "storageClass", "tagsAll", "versionId"},
        .computed_by_update = {"etag", "tagsAll", "versionId"},
        .id = [](const Property& inputs,
                 const Property&) { return inputs["bucket"].as_string() + "/" + inputs["key"].as_string(); },
        .check = check,
        .predict = predict,
        .create = create,
        .read = read,
        .update = update,
        .remove = remove,
    };
    return type;
}

}  // namespace

std::vector<ResourceType> s3_object_types() { return {object_type()}; }

}  // namespace provider
