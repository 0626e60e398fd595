// aws:s3 Bucket (and its deprecated twin BucketV2): the bucket itself, its tags, and the settings that its older shape states inline
// (s3_bucket_inline.hpp). Settings that have a resource of their own are s3_bucket_settings.cpp. It is code and no table entry: a bucket is
// found before it is made, emptied before it is deleted, and holds several settings.
//
// A setting that the program does not state here is not read here: it belongs to the resource that states it, and reporting it
// twice would make every refresh report a change.

#include <algorithm>
#include <array>

#include "base/error_codes.hpp"
#include "crypto/digest.hpp"
#include "provider/s3.hpp"
#include "provider/s3_bucket_inline.hpp"
#include "provider/s3_setting_rules.hpp"
#include "text/base64.hpp"
#include "text/uri.hpp"

namespace provider {

using base::fail;
using base::Result;

namespace {

const ResourceType& bucket_type();

std::string bucket_arn(const Aws& aws, const std::string& name) { return "arn:" + aws.partition() + ":s3:::" + name; }

// AWS General Reference, "Amazon S3 endpoints and quotas": the hosted zones of website endpoints, part of what a bucket tells.
std::string hosted_zone(const std::string& region) {
    static constexpr std::array<std::pair<const char*, const char*>, 18> zones = {{
        {"us-east-1", "Z3AQBSTGFJSTF"},
        {"us-east-2", "Z2O1EMRO9K5GLX"},
        {"us-west-1", "Z2F56UZL2M1ACD"},
        {"us-west-2", "Z3BJ6K6RIION7M"},
        {"ca-central-1", "Z1QDHH18159H29"},
        {"eu-central-1", "Z21DNDUVLTQW6Q"},
        {"eu-west-1", "Z1BKCTXD74EZPE"},
        {"eu-west-2", "Z3GKZC51ZF0DB4"},
        {"eu-west-3", "Z3R1K369G5AVDG"},
        {"eu-north-1", "Z3BAZG2TWCNX0D"},
        {"ap-south-1", "Z11RGJOFQNVJUP"},
        {"ap-northeast-1", "Z2M4EHUR26P7ZW"},
        {"ap-northeast-2", "Z3W03O7B5YMIYP"},
        {"ap-northeast-3", "Z2YQB5RD63NC85"},
        {"ap-southeast-1", "Z3O0J2DXBE1FTB"},
        {"ap-southeast-2", "Z1WCIGYICN2BYD"},
        {"sa-east-1", "Z7KQH4QJS55SO"},
        {"me-south-1", "Z1MPMWCPA7YB62"},
    }};
    const auto found = std::ranges::find_if(zones, [&](const auto& zone) { return region == zone.first; });
    return found == zones.end() ? "" : found->second;
}

}  // namespace

void set_bucket_outputs(const Aws& aws, const std::string& name, const std::string& region, Property& outputs) {
    outputs.set("arn", bucket_arn(aws, name));
    outputs.set("bucketDomainName", name + ".s3." + aws.dns_suffix());
    outputs.set("bucketRegionalDomainName", name + ".s3." + region + "." + aws.dns_suffix());
    outputs.set("bucketRegion", region);
    outputs.set("region", region);
    outputs.set("hostedZoneId", hosted_zone(region));
}

namespace {

void predict(Aws& aws, const Property& inputs, Property& outputs) {
    if (inputs["bucket"].has_unknowns() || inputs["region"].has_unknowns()) return;
    const std::string region = region_of(inputs).empty() ? aws.region() : region_of(inputs);
    set_bucket_outputs(aws, inputs["bucket"].as_string(), region, outputs);
}

void declare_settings(const Property& bucket, std::vector<std::string>& things) {
    for (const InlineSetting& setting : inline_settings())
        if (is_declared(setting, bucket)) things.push_back(held_thing(setting.held_as, bucket["bucket"].as_string()));
}

// Brings tags and inline settings from `olds` to `news`.
Result<void> put_settings(Aws& aws, const std::string& bucket, const Property& olds, const Property& news) {
    const std::string region = region_of(news);
    const Property& tags = news["tags"];
    if (differs(bucket_type(), olds, news, {"tags"})) {
        if (tags.members().empty())
            TRY(delete_sub_resource(aws, {bucket, "tagging", region}));
        else
            TRY(about("tags", put_sub_resource(aws, {bucket, "tagging", region}, tagging_xml(tags), "application/xml")));
    }
    for (const InlineSetting& setting : inline_settings()) {
        if (!differs(bucket_type(), olds, news, {setting.property()})) continue;
        TRY(put_inline(aws, setting, bucket, news));
    }
    return {};
}

std::string location_xml(const std::string& region) {
    text::XmlWriter xml;
    xml.open("CreateBucketConfiguration", s3_namespace);
    xml.element("LocationConstraint", region);
    xml.close();
    return xml.finish();
}

Result<State> create(Aws& aws, const Property& inputs) {
    const std::string& name = inputs["bucket"].as_string();
    const std::string region = region_of(inputs).empty() ? aws.region() : region_of(inputs);
    // us-east-1 answers 200 to making a bucket that one has already: find out, lest the program takes over another's bucket.
    if (aws.s3({.method = "HEAD", .bucket = name}, region))
        return fail(
            about_property(base::Error(base::code::BucketAlreadyOwnedByYou,
                                       "Your previous request to create the named bucket succeeded and you already own it.")
                               .note("the bucket `" + name + "` exists: import it, or choose another name"),
                           "bucket"));
    wire::S3Call call{.method = "PUT", .bucket = name};
    if (region != "us-east-1") call.body = location_xml(region);
    if (inputs["acl"].is(Property::Kind::string)) call.headers.set("x-amz-acl", inputs["acl"].as_string());
    if (has_object_lock(inputs)) call.headers.set("x-amz-bucket-object-lock-enabled", "true");
    TRY(about("bucket", aws.s3(call, region)));
    aws.made(name);
    Property without_acl = inputs;  // it came with the bucket
    without_acl.members().erase("acl");
    if (const auto set = put_settings(aws, name, {}, without_acl); !set) {
        // All or nothing: a bucket without its settings would be in no state.
        auto error = set.error();
        if (!aws.s3({.method = "DELETE", .bucket = name}, region))
            error.notes.push_back("the bucket `" + name + "` was made and could not be deleted again");
        return fail(std::move(error));
    }
    return State{name, Property(Property::Object{})};
}

Result<void> read_settings(Aws& aws, const std::string& bucket, const std::string& region, const Property& known,
                           Property& outputs) {
    const auto tagging = TRY(get_sub_resource(aws, {bucket, "tagging", region}));
    const Property tags = tagging ? TRY(tags_from_xml(*tagging)) : Property(Property::Object{});
    outputs.set("tags", tags);
    outputs.set("tagsAll", tags);
    for (const InlineSetting& setting : inline_settings())
        if (known.contains(setting.property())) TRY(read_inline(aws, setting, bucket, region, known, outputs));
    return {};
}

Result<std::optional<Property>> read(Aws& aws, const std::string& id, const Property& known) {
    const auto head = aws.s3({.method = "HEAD", .bucket = id}, region_of(known));
    if (!head) {
        if (is_gone(head.error())) return std::nullopt;
        return fail(head.error());
    }
    std::string region = head->headers.get("x-amz-bucket-region");
    if (region.empty()) region = region_of(known).empty() ? aws.region() : region_of(known);
    Property outputs(Property::Object{{"bucket", id}});
    set_bucket_outputs(aws, id, region, outputs);
    TRY(read_settings(aws, id, region, known, outputs));
    return outputs;
}

Result<void> update(Aws& aws, const std::string& id, const Property& olds, const Property& news) {
    return put_settings(aws, id, olds, news);
}

// One page of what is in the bucket, as the body of a DeleteObjects call; empty: nothing left.
Result<std::string> next_objects(Aws& aws, const std::string& bucket, const std::string& region) {
    // Versions first: a server or bucket without them lists its objects here as versions `null`.
    auto listed = aws.s3({.method = "GET", .bucket = bucket, .query = "versions&max-keys=1000&encoding-type=url"}, region);
    const bool versions = listed.has_value();
    if (!versions) {
        if (listed.error().code != base::code::NotImplemented) return fail(listed.error());
        listed = aws.s3({.method = "GET", .bucket = bucket, .query = "encoding-type=url&list-type=2&max-keys=1000"}, region);
        if (!listed) return fail(listed.error());
    }
    const text::XmlElement page = TRY(text::parse_xml(listed->body));
    text::XmlWriter xml;
    xml.open("Delete", s3_namespace);
    xml.element("Quiet", "true");
    size_t count = 0;
    for (const text::XmlElement& item : page.children) {
        if (item.name != "Version" && item.name != "DeleteMarker" && item.name != "Contents") continue;
        ++count;
        xml.open("Object");
        xml.element("Key", text::decode_uri(item.child_text("Key"), true).value_or(item.child_text("Key")));
        if (versions) xml.element("VersionId", item.child_text("VersionId"));
        xml.close();
    }
    xml.close();
    return count == 0 ? std::string() : xml.finish();
}

Result<void> empty_bucket(Aws& aws, const std::string& bucket, const std::string& region) {
    while (true) {
        const std::string objects = TRY(next_objects(aws, bucket, region));
        if (objects.empty()) return {};
        wire::S3Call call{.method = "POST", .bucket = bucket, .query = "delete", .body = objects};
        call.headers.set("Content-Type", "application/xml");
        call.headers.set("Content-MD5", text::encode_base64(crypto::md5(objects)));
        const auto deleted = TRY(aws.s3(call, region));
        const text::XmlElement result = TRY(text::parse_xml(deleted.body));
        // An object that stays would be listed again for ever.
        if (const auto* error = result.child("Error"))
            return fail(error->child_text("Code"), error->child_text("Message") + " (object `" + error->child_text("Key") + "`)");
    }
}

Result<void> remove(Aws& aws, const std::string& id, const Property& olds) {
    aws.removed(id);
    const std::string region = region_of(olds);
    auto deleted = aws.s3({.method = "DELETE", .bucket = id}, region);
    if (!deleted && deleted.error().code == base::code::BucketNotEmpty && olds["forceDestroy"].as_bool()) {
        TRY(empty_bucket(aws, id, region));
        deleted = aws.s3({.method = "DELETE", .bucket = id}, region);
    }
    if (deleted || is_gone(deleted.error())) return {};
    auto error = deleted.error();
    if (error.code == base::code::BucketNotEmpty)
        error.notes.push_back("the bucket `" + id +
                              "` holds objects: delete them, or set `forceDestroy` on the bucket and run `up` before `destroy`");
    return fail(std::move(error));
}

const ResourceType& bucket_type() {
    static const ResourceType type{
        .tokens = {"aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"},
        .rules = with_inline_rules({{.name = "bucket", .replaces = true},
                                    {.name = "bucketPrefix", .replaces = true, .local = true},
                                    {.name = "forceDestroy", .shape = Shape::flag, .local = true, .fallback = false},
                                    {.name = "objectLockEnabled", .shape = Shape::flag, .replaces = true, .local = true},
                                    region_rule(),
                                    {.name = "tags", .shape = Shape::labels}}),
        .name = NameRule{"bucket", "bucketPrefix", 63, NameRule::Style::bucket},
        .operations = {"CreateBucket", "HeadBucket", "GetBucketTagging", "PutBucketTagging", "DeleteBucketTagging",
                       "ListObjectVersions", "ListObjectsV2", "DeleteObjects", "DeleteBucket"},
        .computed = {"arn", "bucketDomainName", "bucketRegion", "bucketRegionalDomainName", "hostedZoneId", "region", "tagsAll"},
        .computed_by_update = {"tagsAll"},
        .unique_name = true,
        .serialised_kind = "bucket",
        .serialised_by = "bucket",
        .id = [](const Property& inputs, const Property&) { return inputs["bucket"].as_string(); },
        .declares = declare_settings,
        .predict = predict,
        .create = create,
        .read = read,
        .update = update,
        .remove = remove,
    };
    return type;
}

}  // namespace

std::vector<ResourceType> s3_bucket_types() { return {bucket_type()}; }

}  // namespace provider
