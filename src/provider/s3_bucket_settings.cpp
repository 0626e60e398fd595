// aws:s3 settings of a bucket that are resources of their own: BucketPolicy, BucketPublicAccessBlock, BucketVersioning (and V2),
// BucketOwnershipControls. The id of each is the name of its bucket.

#include <array>

#include "base/error_codes.hpp"
#include "provider/s3.hpp"

namespace provider {

using base::fail;
using base::Result;

namespace {

SubResource of_bucket(const char* query, const std::string& id, const Property& known) {
    return {known.contains("bucket") ? known["bucket"].as_string() : id, query, region_of(known)};
}

Property with_region(const Aws& aws, const SubResource& of, Property::Object members) {
    members.emplace("bucket", of.bucket);
    members.emplace("region", of.region.empty() ? aws.region() : of.region);
    return members;
}

State made_for(const Property& inputs) { return {inputs["bucket"].as_string(), Property(Property::Object{})}; }

Rule bucket_rule() { return {.name = "bucket", .required = true, .replaces = true}; }

// --- BucketPolicy ---

Result<void> put_policy(Aws& aws, const Property& inputs) {
    auto put = put_sub_resource(aws, of_bucket("policy", "", inputs), inputs["policy"].as_string(), "application/json");
    if (put) return {};
    const bool no_bucket = put.error().code == base::code::NoSuchBucket;
    return fail(about_property(std::move(put).error(), no_bucket ? "bucket" : "policy"));
}

Result<State> create_policy(Aws& aws, const Property& inputs) {
    TRY(put_policy(aws, inputs));
    return made_for(inputs);
}

Result<std::optional<Property>> read_policy(Aws& aws, const std::string& id, const Property& known) {
    const SubResource policy = of_bucket("policy", id, known);
    auto document = TRY(get_sub_resource(aws, policy));
    if (!document) return std::nullopt;
    return with_region(aws, policy, {{"policy", std::move(*document)}});
}

Result<void> update_policy(Aws& aws, const std::string&, const Property&, const Property& news) { return put_policy(aws, news); }

Result<void> remove_policy(Aws& aws, const std::string& id, const Property& olds) {
    return delete_sub_resource(aws, of_bucket("policy", id, olds));
}

// --- BucketPublicAccessBlock ---

struct Block {
    const char* property;
    const char* element;
};

constexpr std::array<Block, 4> blocks = {{{"blockPublicAcls", "BlockPublicAcls"},
                                          {"ignorePublicAcls", "IgnorePublicAcls"},
                                          {"blockPublicPolicy", "BlockPublicPolicy"},
                                          {"restrictPublicBuckets", "RestrictPublicBuckets"}}};

Result<void> put_blocks(Aws& aws, const Property& inputs) {
    text::XmlWriter xml;
    xml.open("PublicAccessBlockConfiguration", s3_namespace);
    for (const Block& block : blocks) xml.element(block.element, inputs[block.property].as_bool() ? "true" : "false");
    xml.close();
    return put_sub_resource(aws, of_bucket("publicAccessBlock", "", inputs), xml.finish(), "application/xml");
}

Result<State> create_blocks(Aws& aws, const Property& inputs) {
    TRY(put_blocks(aws, inputs));
    return made_for(inputs);
}

Result<std::optional<Property>> read_blocks(Aws& aws, const std::string& id, const Property& known) {
    const SubResource block = of_bucket("publicAccessBlock", id, known);
    const auto document = TRY(get_sub_resource(aws, block));
    if (!document) return std::nullopt;
    const text::XmlElement xml = TRY(text::parse_xml(*document));
    Property::Object members;
    for (const auto& [property, element] : blocks) members.emplace(property, xml.child_text(element) == "true");
    return with_region(aws, block, std::move(members));
}

Result<void> update_blocks(Aws& aws, const std::string&, const Property&, const Property& news) { return put_blocks(aws, news); }

Result<void> remove_blocks(Aws& aws, const std::string& id, const Property& olds) {
    if (olds["skipDestroy"].as_bool()) return {};
    return delete_sub_resource(aws, of_bucket("publicAccessBlock", id, olds));
}

// --- BucketVersioning ---

const std::string& status_of(const Property& properties) { return properties["versioningConfiguration"]["status"].as_string(); }

Result<void> put_versioning(Aws& aws, const SubResource& versioning, const std::string& status) {
    text::XmlWriter xml;
    xml.open("VersioningConfiguration", s3_namespace);
    xml.element("Status", status);
    xml.close();
    return about("versioningConfiguration", put_sub_resource(aws, versioning, xml.finish(), "application/xml"));
}

Result<State> create_versioning(Aws& aws, const Property& inputs) {
    // `Disabled` is the state of a bucket that never had versions: S3 has no call for it.
    if (status_of(inputs) != "Disabled") TRY(put_versioning(aws, of_bucket("versioning", "", inputs), status_of(inputs)));
    return made_for(inputs);
}

Result<std::optional<Property>> read_versioning(Aws& aws, const std::string& id, const Property& known) {
    const SubResource versioning = of_bucket("versioning", id, known);
    const auto document = TRY(get_sub_resource(aws, versioning));
    if (!document) return std::nullopt;
    std::string status = TRY(text::parse_xml(*document)).child_text("Status");
    if (status.empty()) status = "Disabled";
    return with_region(aws, versioning, {{"versioningConfiguration", Property::Object{{"status", std::move(status)}}}});
}

Result<void> update_versioning(Aws& aws, const std::string& id, const Property& olds, const Property& news) {
    if (status_of(news) == "Disabled" && status_of(olds) != "Disabled")
        return fail(about_property({"IllegalVersioningConfigurationException",
                                    "a bucket that had versions can be `Suspended`, but never `Disabled` again"},
                                   "versioningConfiguration.status"));
    return put_versioning(aws, of_bucket("versioning", id, news), status_of(news));
}

Result<void> remove_versioning(Aws& aws, const std::string& id, const Property& olds) {
    if (status_of(olds) != "Enabled") return {};
    auto put = put_versioning(aws, of_bucket("versioning", id, olds), "Suspended");
    if (!put && !is_gone(put.error())) return fail(std::move(put).error());
    return {};
}

// --- BucketOwnershipControls ---

Result<void> put_ownership(Aws& aws, const Property& inputs) {
    text::XmlWriter xml;
    xml.open("OwnershipControls", s3_namespace);
    xml.open("Rule");
    xml.element("ObjectOwnership", inputs["rule"]["objectOwnership"].as_string());
    xml.close();
    xml.close();
    return about("rule", put_sub_resource(aws, of_bucket("ownershipControls", "", inputs), xml.finish(), "application/xml"));
}

Result<State> create_ownership(Aws& aws, const Property& inputs) {
    TRY(put_ownership(aws, inputs));
    return made_for(inputs);
}

Result<std::optional<Property>> read_ownership(Aws& aws, const std::string& id, const Property& known) {
    const SubResource ownership = of_bucket("ownershipControls", id, known);
    const auto document = TRY(get_sub_resource(aws, ownership));
    if (!document) return std::nullopt;
    const text::XmlElement xml = TRY(text::parse_xml(*document));
    const auto* rule = xml.child("Rule");
    return with_region(aws, ownership,
                       {{"rule", Property::Object{{"objectOwnership", rule ? rule->child_text("ObjectOwnership") : ""}}}});
}

Result<void> update_ownership(Aws& aws, const std::string&, const Property&, const Property& news) {
    return put_ownership(aws, news);
}

Result<void> remove_ownership(Aws& aws, const std::string& id, const Property& olds) {
    return delete_sub_resource(aws, of_bucket("ownershipControls", id, olds));
}

ResourceType setting(std::vector<std::string> tokens, std::vector<Rule> rules) {
    rules.push_back(bucket_rule());
    rules.push_back(region_rule());
    return {.tokens = std::move(tokens),
            .rules = std::move(rules),
            .computed = {"region"},
            .serialised_kind = "bucket",
            .serialised_by = "bucket",
            .id = [](const Property& inputs, const Property&) { return inputs["bucket"].as_string(); }};
}

}  // namespace

std::vector<ResourceType> s3_bucket_settings_types() {
    ResourceType policy =
        setting({"aws:s3/bucketPolicy:BucketPolicy"},
                {{.name = "policy", .shape = Shape::document, .required = true, .policy = policy::PolicyKind::resource}});
    policy.create = create_policy, policy.read = read_policy, policy.update = update_policy, policy.remove = remove_policy;

    ResourceType block = setting({"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"},
                                 {{.name = "skipDestroy", .shape = Shape::flag, .local = true, .fallback = false}});
    for (const Block& flag : blocks) block.rules.push_back({.name = flag.property, .shape = Shape::flag, .fallback = false});
    block.create = create_blocks, block.read = read_blocks, block.update = update_blocks, block.remove = remove_blocks;

    ResourceType versioning =
        setting({"aws:s3/bucketVersioning:BucketVersioning", "aws:s3/bucketVersioningV2:BucketVersioningV2"},
                {{.name = "versioningConfiguration",
                  .shape = Shape::block,
                  .required = true,
                  .members = {{.name = "status", .required = true, .choices = {"Enabled", "Suspended", "Disabled"}}}}});
    versioning.create = create_versioning, versioning.read = read_versioning;
    versioning.update = update_versioning, versioning.remove = remove_versioning;

    ResourceType ownership =
        setting({"aws:s3/bucketOwnershipControls:BucketOwnershipControls"},
                {{.name = "rule",
                  .shape = Shape::block,
                  .required = true,
                  .members = {{.name = "objectOwnership",
                               .required = true,
                               .choices = {"BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced"}}}}});
    ownership.create = create_ownership, ownership.read = read_ownership;
    ownership.update = update_ownership, ownership.remove = remove_ownership;

    return {policy, block, versioning, ownership};
}

}  // namespace provider
