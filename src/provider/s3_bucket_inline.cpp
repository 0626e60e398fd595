#include "provider/s3_bucket_inline.hpp"

#include "provider/s3_setting_rules.hpp"

namespace provider {

using base::Result;
using Kind = Property::Kind;

namespace {

constexpr const char* bucket_token = "aws:s3/bucket:Bucket";

Rule refused(const char* name, std::string why) { return {.name = name, .refused = std::move(why)}; }

// BucketV2 has lists of one where Bucket has a block, all the way down.
Rule as_list(Rule rule, const char* name) {
    rule.twin = rule.name;
    rule.name = name;
    rule.shape = Shape::blocks;
    return rule;
}

Rule as_list(Rule rule, const char* name, std::vector<Rule> members) {
    rule.members = std::move(members);
    return as_list(std::move(rule), name);
}

std::vector<Rule> versioning_members() {
    return {{.name = "enabled", .shape = Shape::flag, .fallback = false, .member = "Status", .words = {"Suspended", "Enabled"}},
            refused("mfaDelete", "MFA delete of a bucket that states its versioning: use aws.s3.BucketVersioning")};
}

Rule encryption_rule() {
    Rule by_default{.name = "applyServerSideEncryptionByDefault",
                    .shape = Shape::block,
                    .members = encryption_default_rules(),
                    .member = "ApplyServerSideEncryptionByDefault"};
    return {.name = "rule",
            .shape = Shape::block,
            .members = {by_default,
                        {.name = "blockedEncryptionTypes",
                         .shape = Shape::texts,
                         .computed = true,
                         .member = "BlockedEncryptionTypes/EncryptionType"},
                        {.name = "bucketKeyEnabled", .shape = Shape::flag, .member = "BucketKeyEnabled"}},
            .member = "Rule"};
}

Rule encryption_rules() {
    Rule rule = encryption_rule();
    return as_list(rule, "rules", {as_list(rule.members.front(), "applyServerSideEncryptionByDefaults"), rule.members.back()});
}

std::vector<Rule> lifecycle_members() {
    Rule expiration{.name = "expiration", .shape = Shape::block, .members = expiration_rules(), .member = "Expiration"};
    Rule noncurrent{.name = "noncurrentVersionExpiration",
                    .shape = Shape::block,
                    .members = {{.name = "days", .shape = Shape::number, .member = "NoncurrentDays"}},
                    .member = "NoncurrentVersionExpiration"};
    return {
        {.name = "abortIncompleteMultipartUploadDays",
         .shape = Shape::number,
         .member = "AbortIncompleteMultipartUpload/DaysAfterInitiation"},
        {.name = "enabled", .shape = Shape::flag, .required = true, .member = "Status", .words = {"Disabled", "Enabled"}},
        expiration,
        as_list(expiration, "expirations"),
        {.name = "id", .computed = true, .member = "ID"},
        noncurrent,
        as_list(noncurrent, "noncurrentVersionExpirations"),
        {.name = "noncurrentVersionTransitions",
         .shape = Shape::blocks,
         .members = {{.name = "days", .shape = Shape::number, .member = "NoncurrentDays"},
                     {.name = "storageClass", .required = true, .member = "StorageClass"}},
         .member = "NoncurrentVersionTransition",
         .unordered = true},
        {.name = "prefix", .fallback = "", .member = "Prefix", .unless = "tags"},
        refused("tags", "lifecycle rules of a bucket by tags: use aws.s3.BucketLifecycleConfiguration, whose filters have them"),
        {.name = "transitions",
         .shape = Shape::blocks,
         .members = transition_rules(),
         .member = "Transition",
         .unordered = true}};
}

std::vector<Rule> object_lock_members() {
    Rule retention{.name = "defaultRetention",
                   .shape = Shape::block,
                   .members = retention_rules(),
                   .member = "DefaultRetention",
                   .at_most_one = {"days", "years"}};
    Rule rule{.name = "rule", .shape = Shape::block, .members = {retention}, .member = "Rule"};
    return {{.name = "objectLockEnabled",
             .fallback = "Enabled",
             .choices = {"Enabled"},
             .member = "ObjectLockEnabled",
             .unless = "-"},
            rule,
            as_list(rule, "rules", {as_list(retention, "defaultRetentions")})};
}

// `twin`: the name that BucketV2 gives it, as a list, of `members` where they differ.
void add(std::vector<InlineSetting>& all, BucketSetting setting, const char* held_as, const char* twin,
         std::vector<Rule> members = {}) {
    setting.tokens = {bucket_token};
    setting.subject = setting.rules.front().name;
    setting.tells_owner = false;
    for (Rule& rule : setting.rules) rule.computed = true;
    if (twin != nullptr) {
        BucketSetting other = setting;
        other.rules = {as_list(setting.rules.front(), twin)};
        if (!members.empty()) other.rules.front().members = std::move(members);
        other.subject = twin;
        all.push_back({std::move(other), held_as});
    }
    all.push_back({std::move(setting), held_as});
}

// Without the names that rules of BucketCorsConfiguration have.
std::vector<Rule> inline_cors_rules() {
    std::vector<Rule> rules = cors_rules();
    std::erase_if(rules, [](const Rule& rule) { return rule.name == "id"; });
    return rules;
}

std::vector<InlineSetting> make_inline_settings() {
    std::vector<InlineSetting> all;
    add(all,
        {.tokens = {},
         .noun = "BucketPolicy",
         .query = "policy",
         .root = {},
         .absent = "NoSuchBucketPolicy",
         .rules = {{.name = "policy", .shape = Shape::document, .policy = policy::PolicyKind::resource}}},
        "aws:s3/bucketPolicy:BucketPolicy", nullptr);
    add(all,
        {.tokens = {},
         .noun = "BucketVersioning",
         .query = "versioning",
         .root = "VersioningConfiguration",
         .absent = {},
         .rules = {{.name = "versioning", .shape = Shape::block, .members = versioning_members(), .member = "."}},
         .removal = Removal::rests,
         .rest = Property::Object{{"versioning", Property::Object{{"enabled", false}}},
                                  {"versionings", Property::Array{Property::Object{{"enabled", false}}}}}},
        "aws:s3/bucketVersioning:BucketVersioning", "versionings");
    add(all,
        {.tokens = {},
         .noun = "BucketAcl",
         .query = "acl",
         .root = "AccessControlPolicy",
         .absent = {},
         .rules = {{.name = "acl", .local = true, .choices = canned_acls(), .header = "x-amz-acl"}},
         .removal = Removal::stays,
         .instead = "acl"},
        "aws:s3/bucketAcl:BucketAcl", nullptr);
    add(all,
        {.tokens = {},
         .noun = "BucketCors",
         .query = "cors",
         .root = "CORSConfiguration",
         .absent = "NoSuchCORSConfiguration",
         .rules = {{.name = "corsRules", .shape = Shape::blocks, .members = inline_cors_rules(), .member = "CORSRule"}}},
        "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration", nullptr);
    add(all,
        {.tokens = {},
         .noun = "BucketLifecycleConfiguration",
         .query = "lifecycle",
         .root = "LifecycleConfiguration",
         .absent = "NoSuchLifecycleConfiguration",
         .rules = {{.name = "lifecycleRules", .shape = Shape::blocks, .members = lifecycle_members(), .member = "Rule"}}},
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", nullptr);
    add(all,
        {.tokens = {},
         .noun = "BucketLogging",
         .query = "logging",
         .root = "BucketLoggingStatus",
         .absent = {},
         .rules = {{.name = "logging",
                    .shape = Shape::block,
                    .members = {{.name = "targetBucket", .required = true, .member = "TargetBucket"},
                                {.name = "targetPrefix", .fallback = "", .member = "TargetPrefix", .unless = "-"}},
                    .member = "LoggingEnabled"}},
         .none = "LoggingEnabled",
         .removal = Removal::rests,
         .rest = Property::Object{}},
        "aws:s3/bucketLogging:BucketLogging", "loggings");
    add(all,
        {.tokens = {},
         .noun = "ObjectLockConfiguration",
         .query = "object-lock",
         .root = "ObjectLockConfiguration",
         .absent = "ObjectLockConfigurationNotFoundError",
         .rules = {{.name = "objectLockConfiguration", .shape = Shape::block, .members = object_lock_members(), .member = "."}},
         .removal = Removal::rests,
         .rest = Property::Object{{"objectLockConfiguration", Property::Object{{"objectLockEnabled", "Enabled"}}}}},
        "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration", nullptr);
    add(all,
        {.tokens = {},
         .noun = "BucketRequestPayment",
         .query = "requestPayment",
         .root = "RequestPaymentConfiguration",
         .absent = {},
         .rules = {{.name = "requestPayer", .choices = {"BucketOwner", "Requester"}, .member = "Payer"}},
         .removal = Removal::rests,
         .rest = Property::Object{{"requestPayer", "BucketOwner"}}},
        "aws:s3/bucketRequestPaymentConfiguration:BucketRequestPaymentConfiguration", nullptr);
    add(all,
        {.tokens = {},
         .noun = "BucketEncryption",
         .query = "encryption",
         .root = "ServerSideEncryptionConfiguration",
         .absent = "ServerSideEncryptionConfigurationNotFoundError",
         .rules = {{.name = "serverSideEncryptionConfiguration",
                    .shape = Shape::block,
                    .members = {encryption_rule()},
                    .member = "."}}},
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "serverSideEncryptionConfigurations", {encryption_rules()});
    return all;
}

// Of two names of one thing the one that the program uses; the first where it uses none.
Property without_twins(const std::vector<Rule>& rules, Property live, const Property& known) {
    for (const Rule& rule : rules) {
        if (rule.twin.empty() || !live.contains(rule.name)) continue;
        live.members().erase(known.contains(rule.name) ? rule.twin : rule.name);
    }
    for (const Rule& rule : rules) {
        if (!live.contains(rule.name) || rule.members.empty()) continue;
        Property& value = live.members().find(rule.name)->second;
        if (rule.shape == Shape::block) value = without_twins(rule.members, value, known[rule.name]);
        if (rule.shape != Shape::blocks) continue;
        const auto& before = known[rule.name].items();
        for (size_t i = 0; i < value.items().size(); ++i)
            value.items()[i] = without_twins(rule.members, value.items()[i], i < before.size() ? before[i] : Property());
    }
    return live;
}

// A value that says nothing: an empty text, list or block.
bool is_nothing(const Property& value) {
    return value.is(Kind::null) || (value.is(Kind::string) && value.as_string().empty()) ||
           (value.is(Kind::array) && value.items().empty()) || (value.is(Kind::object) && value.members().empty());
}

}  // namespace

const std::vector<InlineSetting>& inline_settings() {
    static const std::vector<InlineSetting> all = make_inline_settings();
    return all;
}

std::vector<Rule> with_inline_rules(std::vector<Rule> rules) {
    for (const InlineSetting& setting : inline_settings()) rules.push_back(setting.setting.rules.front());
    const std::string website = "website hosting: Trainwarden does not serve websites";
    const std::string replication = "replication: Trainwarden does not replicate buckets";
    rules.push_back(refused("accelerationStatus", "transfer acceleration of a bucket"));
    rules.push_back(refused("bucketNamespace", "namespaces of buckets"));
    rules.push_back(refused("grants", "grants of a bucket: use aws.s3.BucketAcl with accessControlPolicy"));
    rules.push_back(refused("website", website));
    rules.push_back(refused("websites", website));
    rules.push_back(refused("replicationConfiguration", replication));
    rules.push_back(refused("replicationConfigurations", replication));
    return rules;
}

bool is_declared(const InlineSetting& setting, const Property& bucket) {
    const Property& value = bucket[setting.property()];
    if (value == Property("private")) return false;  // what every bucket has
    return !same_value(setting.setting.rules.front(), value, {});
}

bool has_object_lock(const Property& bucket) {
    return bucket["objectLockEnabled"].as_bool() || bucket.contains("objectLockConfiguration");
}

Result<void> put_inline(Aws& aws, const InlineSetting& setting, const std::string& bucket, const Property& news) {
    Property properties(Property::Object{{"bucket", bucket}, {"region", news["region"]}});
    if (is_nothing(news[setting.property()])) return remove_setting(aws, setting.setting, bucket, properties);
    properties.set(setting.property(), news[setting.property()]);
    return put_setting(aws, setting.setting, properties);
}

Result<void> read_inline(Aws& aws, const InlineSetting& setting, const std::string& bucket, const std::string& region,
                         const Property& known, Property& outputs) {
    const std::string& property = setting.property();
    if (setting.setting.rules.front().local) return {};
    Property about(Property::Object{{"bucket", bucket}, {"region", region}, {property, known[property]}});
    auto read = read_setting(aws, setting.setting, bucket, about);
    // A state of Pulumi's names every setting; of one that this server does not have there is nothing to learn.
    if (!read && is_not_served(read.error())) {
        outputs.set(property, known[property]);
        return {};
    }
    const auto live = TRY(std::move(read));
    if (!live) {
        if (known[property].is(Kind::string)) outputs.set(property, "");
        return {};
    }
    const Property settled = without_twins(setting.setting.rules, *live, about);
    if (settled.contains(property)) outputs.set(property, settled[property]);
    return {};
}

}  // namespace provider
