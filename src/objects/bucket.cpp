#include "objects/bucket.hpp"

#include <algorithm>
#include <set>

#include "base/error_codes.hpp"
#include "objects/public_policy.hpp"
#include "policy/rewrite.hpp"
#include "text/json.hpp"

namespace objects {
namespace {

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool looks_like_address(std::string_view name) {
    return std::ranges::count(name, '.') == 3 && name.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool is_bucket_name(std::string_view name) {
    if (name.size() < 3 || name.size() > 63) return false;
    if (!std::ranges::all_of(name, [](char c) { return is_lower_or_digit(c) || c == '.' || c == '-'; })) return false;
    if (!is_lower_or_digit(name.front()) || !is_lower_or_digit(name.back())) return false;
    if (name.find("..") != std::string_view::npos || looks_like_address(name)) return false;
    for (const std::string_view reserved : {"xn--", "sthree-", "amzn-s3-demo-"}) {
        if (name.starts_with(reserved)) return false;
    }
    for (const std::string_view reserved : {"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"}) {
        if (name.ends_with(reserved)) return false;
    }
    return true;
}

// In characters, as AWS counts; continuation bytes of UTF-8 do not count.
size_t characters(std::string_view text) {
    return static_cast<size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

text::Json block_json(const PublicAccessBlock& block) {
    return text::Json::object({
        {"BlockPublicAcls", block.block_public_acls},
        {"IgnorePublicAcls", block.ignore_public_acls},
        {"BlockPublicPolicy", block.block_public_policy},
        {"RestrictPublicBuckets", block.restrict_public_buckets},
    });
}

PublicAccessBlock read_block(const text::Json& json) {
    return {json["BlockPublicAcls"].as_bool(), json["IgnorePublicAcls"].as_bool(), json["BlockPublicPolicy"].as_bool(),
            json["RestrictPublicBuckets"].as_bool()};
}

text::Json texts_json(const std::vector<std::string>& texts) {
    auto out = text::Json::array();
    for (const auto& text : texts) out.push(text);
    return out;
}

std::vector<std::string> read_texts(const text::Json& json) {
    std::vector<std::string> out;
    for (const auto& item : json.items()) out.push_back(item.as_string());
    return out;
}

text::Json cors_json(const CorsRule& rule) {
    auto out = text::Json::object({{"Origins", texts_json(rule.origins)}, {"Methods", texts_json(rule.methods)}});
    if (!rule.id.empty()) out.set("Id", rule.id);
    if (!rule.headers.empty()) out.set("Headers", texts_json(rule.headers));
    if (!rule.exposed.empty()) out.set("Exposed", texts_json(rule.exposed));
    if (rule.max_age_seconds) out.set("MaxAgeSeconds", static_cast<int64_t>(*rule.max_age_seconds));
    return out;
}

CorsRule read_cors(const text::Json& json) {
    CorsRule rule{.id = json["Id"].as_string(),
                  .origins = read_texts(json["Origins"]),
                  .methods = read_texts(json["Methods"]),
                  .headers = read_texts(json["Headers"]),
                  .exposed = read_texts(json["Exposed"]),
                  .max_age_seconds = {}};
    if (const auto* age = json.find("MaxAgeSeconds")) rule.max_age_seconds = static_cast<int32_t>(age->as_int());
    return rule;
}

}  // namespace

std::string account_block_record(const PublicAccessBlock& block) { return block_json(block).dump(); }

base::Result<PublicAccessBlock> read_account_block(const std::string& account, std::string_view record) {
    const auto json = text::parse_json(record);
    if (!json || !json->is_object())
        return base::fail(base::code::InternalError, "the stored public access block of the account " + account + " is damaged");
    return read_block(*json);
}

base::Error no_such_bucket(std::string_view name) {
    return base::Error(base::code::NoSuchBucket, "The specified bucket does not exist").note("BucketName: " + std::string(name));
}

base::Result<void> check_bucket_name(std::string_view name) {
    if (is_bucket_name(name)) return {};
    return std::unexpected(
        base::Error(base::code::InvalidBucketName, "The specified bucket is not valid.")
            .note("`" + std::string(name) +
                  "`: 3 to 63 lower-case letters, digits, dots and hyphens, "
                  "beginning and ending with a letter or digit, not an IP address, no reserved prefix or suffix"));
}

base::Result<void> check_tags(const Tags& tags, size_t most) {
    if (tags.size() > most) {
        return base::fail(base::code::BadRequest, most == object_tags_max ? "Object tags cannot be greater than 10"
                                                                          : "Bucket tag count cannot be greater than 50");
    }
    std::set<std::string_view> seen;
    for (const auto& [key, value] : tags) {
        const auto invalid = [](const char* why, const char* member, const std::string& text) {
            return base::fail(base::Error(base::code::InvalidTag, why).note(std::string(member) + ": " + text));
        };
        if (key.empty() || characters(key) > 128) return invalid("The TagKey you have provided is invalid", "TagKey", key);
        if (characters(value) > 256) return invalid("The TagValue you have provided is invalid", "TagValue", value);
        if (key.starts_with("aws:")) return invalid("System tags cannot be added/updated by requester", "TagKey", key);
        if (!seen.insert(key).second) return invalid("Cannot provide multiple Tags with the same key", "TagKey", key);
    }
    return {};
}

std::string bucket_record(const Bucket& bucket) {
    auto record = text::Json::object({
        {"Account", bucket.account},
        {"Region", bucket.region},
        {"CreatedMs", static_cast<int64_t>(bucket.created.time_since_epoch().count())},
    });
    if (bucket.being_deleted) record.set("BeingDeleted", true);
    return record.dump();
}

std::string configuration_record(const BucketConfiguration& configuration) {
    auto record = text::Json::object();
    if (!configuration.policy.empty()) record.set("Policy", configuration.policy);
    auto principals = text::Json::object();
    for (const auto& [arn, id] : configuration.policy_principals) principals.set(arn, id);
    if (principals.size() > 0) record.set("PolicyPrincipals", std::move(principals));
    if (const auto& block = configuration.public_access_block) {
        record.set("PublicAccessBlock", block_json(*block));
    }
    if (!configuration.object_ownership.empty()) record.set("ObjectOwnership", configuration.object_ownership);
    if (!configuration.versioning.empty()) record.set("Versioning", configuration.versioning);
    auto rules = text::Json::array();
    for (const auto& rule : configuration.cors) rules.push(cors_json(rule));
    if (rules.size() > 0) record.set("Cors", std::move(rules));
    if (configuration.object_lock) record.set("ObjectLock", true);
    if (const auto& kept = configuration.default_retention) {
        record.set("DefaultRetention", text::Json::object({
                                           {"Mode", std::string(name_of(kept->mode))},
                                           {"Days", static_cast<int64_t>(kept->days)},
                                           {"Years", static_cast<int64_t>(kept->years)},
                                       }));
    }
    if (const auto& encryption = configuration.encryption) {
        auto kept =
            text::Json::object({{"Algorithm", encryption->algorithm}, {"BucketKeyEnabled", encryption->bucket_key_enabled}});
        if (!encryption->key_id.empty()) kept.set("KeyId", encryption->key_id);
        if (encryption->says_blocked) kept.set("BlocksCustomerKeys", encryption->blocks_customer_keys);
        record.set("Encryption", std::move(kept));
    }
    auto tags = text::Json::array();
    for (const auto& [key, value] : configuration.tags) tags.push(text::Json::array({key, value}));
    if (tags.size() > 0) record.set("Tags", std::move(tags));
    return record.dump();
}

base::Result<Bucket> read_bucket(std::string name, std::string_view record, std::optional<std::string> configuration) {
    const auto owned = text::parse_json(record);
    const auto configured = text::parse_json(configuration ? *configuration : "{}");
    if (!owned || !configured)
        return base::fail(base::code::InternalError, "the stored record of the bucket `" + name + "` is damaged");

    Bucket bucket;
    bucket.name = std::move(name);
    bucket.account = (*owned)["Account"].as_string();
    bucket.region = (*owned)["Region"].as_string();
    bucket.created = base::Time(std::chrono::milliseconds((*owned)["CreatedMs"].as_int()));
    bucket.being_deleted = (*owned)["BeingDeleted"].as_bool();
    bucket.record = record;
    bucket.configuration_record = std::move(configuration);

    auto& into = bucket.configuration;
    into.policy = (*configured)["Policy"].as_string();
    for (const auto& [arn, id] : (*configured)["PolicyPrincipals"].members()) into.policy_principals[arn] = id.as_string();
    if (const auto* block = configured->find("PublicAccessBlock")) {
        into.public_access_block = read_block(*block);
    }
    into.object_ownership = (*configured)["ObjectOwnership"].as_string();
    into.versioning = (*configured)["Versioning"].as_string();
    for (const auto& rule : (*configured)["Cors"].items()) into.cors.push_back(read_cors(rule));
    into.object_lock = (*configured)["ObjectLock"].as_bool();
    if (const auto* kept = configured->find("DefaultRetention")) {
        const auto mode = retention_mode((*kept)["Mode"].as_string());
        if (!mode)
            return base::fail(base::code::InternalError, "the stored record of the bucket `" + bucket.name + "` is damaged");
        into.default_retention = DefaultRetention{*mode, static_cast<uint32_t>((*kept)["Days"].as_int()),
                                                  static_cast<uint32_t>((*kept)["Years"].as_int())};
    }
    if (const auto* encryption = configured->find("Encryption")) {
        const auto* blocked = encryption->find("BlocksCustomerKeys");
        into.encryption = BucketEncryption{.algorithm = (*encryption)["Algorithm"].as_string(),
                                           .key_id = (*encryption)["KeyId"].as_string(),
                                           .bucket_key_enabled = (*encryption)["BucketKeyEnabled"].as_bool(),
                                           .blocks_customer_keys = blocked != nullptr && blocked->as_bool(),
                                           .says_blocked = blocked != nullptr};
    }
    for (const auto& tag : (*configured)["Tags"].items())
        into.tags.emplace_back(tag.items().at(0).as_string(), tag.items().at(1).as_string());

    if (!into.policy.empty()) {
        // Whom the policy names is decided by who they were when it was put: a role made anew under an old ARN inherits nothing.
        bucket.policy = policy::Policy::parse_stored(policy::replace_principals(into.policy, into.policy_principals),
                                                     policy::PolicyKind::resource);
        bucket.policy_is_public = is_public_policy(into.policy);
        bucket.attached_policy = policy::AttachedPolicy{bucket.policy, "bucket policy of " + bucket.name};
    }
    bucket.keys.set("s3:ResourceAccount", bucket.account);
    bucket.keys.share();
    return bucket;
}

}  // namespace objects
