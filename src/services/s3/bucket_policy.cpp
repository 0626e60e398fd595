// What S3 asks of a policy before it becomes a bucket's, beyond what any resource policy must be.
//
// Source: Amazon S3 User Guide, "Bucket policies", and the messages S3 gives:
//   PolicyTooLarge                                  more than 20 KiB without white space
//   Policy has invalid resource                     an ARN that is neither this bucket nor inside it
//   Policy has invalid action                       not an S3 action
//   Action does not apply to any resource(s) in statement     s3:GetObject on the bucket alone, s3:ListBucket on objects alone
//   Policy has an invalid condition key             one that S3's requests never have
//   Conditions do not apply to combination of actions and resources in statement     s3:prefix on s3:GetObject
//   Invalid principal in policy                     a principal that does not exist
//
// A canonical user of this server is an account, and is bound to it like other principals to their ids. Others, and CloudFront's
// origin access identities, are unknown here: they may be allowed something, but not denied it.
#include <algorithm>
#include <array>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "policy/catalogue.hpp"
#include "policy/glob.hpp"
#include "policy/reference.hpp"
#include "policy/rewrite.hpp"
#include "policy/service_principals.hpp"
#include "services/s3/service.hpp"
#include "text/json.hpp"

namespace services::s3 {
namespace {

// The actions whose resource is an object; every other S3 action that a bucket policy can name is about the bucket. Lower case.
constexpr auto object_actions = std::to_array<std::string_view>({
    "s3:abortmultipartupload",
    "s3:bypassgovernanceretention",
    "s3:deleteobject",
    "s3:deleteobjecttagging",
    "s3:deleteobjectversion",
    "s3:deleteobjectversiontagging",
    "s3:getobject",
    "s3:getobjectacl",
    "s3:getobjectattributes",
    "s3:getobjectlegalhold",
    "s3:getobjectretention",
    "s3:getobjecttagging",
    "s3:getobjecttorrent",
    "s3:getobjectversion",
    "s3:getobjectversionacl",
    "s3:getobjectversionattributes",
    "s3:getobjectversionforreplication",
    "s3:getobjectversiontagging",
    "s3:getobjectversiontorrent",
    "s3:initiatereplication",
    "s3:listmultipartuploadparts",
    "s3:objectowneroverridetobucketowner",
    "s3:putobject",
    "s3:putobjectacl",
    "s3:putobjectlegalhold",
    "s3:putobjectretention",
    "s3:putobjecttagging",
    "s3:putobjectversionacl",
    "s3:putobjectversiontagging",
    "s3:replicatedelete",
    "s3:replicateobject",
    "s3:replicatetags",
    "s3:restoreobject",
    "s3:updateobjectencryption",
});

base::Error malformed(std::string message) { return {"MalformedPolicy", std::move(message)}; }

std::vector<std::string> texts(const text::Json& value) {
    std::vector<std::string> out;
    if (value.is_string()) out.push_back(value.as_string());
    for (const auto& item : value.items()) out.push_back(item.as_string());
    return out;
}

bool matches(const std::string& pattern, const std::string& text) { return policy::glob_matches(pattern, text); }

struct Reach {
    bool bucket = false, objects = false;
};

// What of this bucket a Resource element means; nothing: it is not about this bucket.
Reach reach_of(const std::string& resource, const objects::Bucket& bucket) {
    const auto arn = bucket.arn();
    Reach reach;
    reach.bucket = matches(resource, arn);
    // Some object of this bucket: with what stands before the first slash of the bucket's part matching, any key may follow.
    const auto slash = resource.find('/');
    if (slash != std::string::npos) {
        reach.objects = matches(resource.substr(0, slash), arn);
    } else {
        reach.objects = resource.find('*') != std::string::npos && matches(resource, arn + "/");
    }
    return reach;
}

Reach reach_of_action(std::string_view action) {
    if (!policy::action_has_resources(action)) return {};  // s3:ListAllMyBuckets is about no bucket
    const bool object = std::ranges::find(object_actions, base::lower(action)) != object_actions.end();
    return {.bucket = !object, .objects = object};
}

Result<Reach> reach_of_actions(const std::vector<std::string>& patterns) {
    Reach reach;
    for (const auto& pattern : patterns) {
        const auto meant = policy::actions_matching(pattern);
        const bool foreign = pattern != "*" && !base::lower(pattern).starts_with("s3:");
        if (meant.empty() || foreign) return base::fail(malformed("Policy has invalid action"));
        for (const auto action : meant) {
            const auto one = reach_of_action(action);
            reach.bucket |= one.bucket;
            reach.objects |= one.objects;
        }
    }
    return reach;
}

bool overlap(const Reach& a, const Reach& b) { return (a.bucket && b.bucket) || (a.objects && b.objects); }

// Keys of web identities and of training jobs' sessions come with the caller, as global ones do.
bool is_key_of_callers(std::string_view key) {
    const auto vendor = base::lower(key.substr(0, key.find(':')));
    return policy::is_global_key(key) || vendor == "saml" || vendor == "sts" || vendor == "trainwarden" || vendor.contains('.');
}

// Has a request for one of the actions that an item of Action means, on what the statement is about, this key?
bool applies(std::string_view key, const std::string& action_pattern, const Reach& resources) {
    return std::ranges::any_of(policy::actions_matching(action_pattern), [&](std::string_view action) {
        return overlap(reach_of_action(action), resources) && policy::is_key_of_s3_action(key, action);
    });
}

Result<void> check_conditions(const text::Json& statement, const Reach& resources) {
    for (const auto& [name, keys] : statement["Condition"].members()) {
        for (const auto& [key, values] : keys.members()) {
            if (is_key_of_callers(key)) continue;
            if (!policy::is_s3_key(key)) {
                return base::fail(
                    malformed("Policy has an invalid condition key").note("there is no condition key `" + key + "`"));
            }
            for (const auto& pattern : texts(statement["Action"])) {
                if (applies(key, pattern, resources)) continue;
                return base::fail(malformed("Conditions do not apply to combination of actions and resources in statement")
                                      .note("no request for " + pattern + " has the condition key `" + key + "`"));
            }
        }
    }
    return {};
}

Result<void> check_statement(const text::Json& statement, const objects::Bucket& bucket) {
    Reach resources;
    for (const auto& resource : texts(statement.contains("Resource") ? statement["Resource"] : statement["NotResource"])) {
        const auto reach = reach_of(resource, bucket);
        if (!reach.bucket && !reach.objects) return base::fail(malformed("Policy has invalid resource"));
        resources.bucket |= reach.bucket;
        resources.objects |= reach.objects;
    }
    if (statement.contains("NotResource")) resources = {.bucket = true, .objects = true};
    if (statement.contains("NotAction")) {
        TRY(reach_of_actions(texts(statement["NotAction"])));
        return check_conditions(statement, resources);
    }
    for (const auto& pattern : texts(statement["Action"])) {
        const auto actions = TRY(reach_of_actions({pattern}));
        if (!overlap(actions, resources)) return base::fail(malformed("Action does not apply to any resource(s) in statement"));
    }
    return check_conditions(statement, resources);
}

}  // namespace

Result<PrincipalIds> check_bucket_policy(std::string_view document, const objects::Bucket& bucket,
                                         const FindPrincipal& principal_id) {
    const auto json = text::parse_json(document);
    if (json && json->dump().size() > objects::bucket_policy_bytes_max) {
        return base::fail(base::code::PolicyTooLarge,
                          "Normalized policy document exceeds the maximum allowed size of 20480 bytes.");
    }
    const auto parsed = TRY(policy::Policy::parse(document, policy::PolicyKind::resource));
    const auto& statements = (*json)["Statement"];
    PrincipalIds ids;
    const auto check = [&](const text::Json& statement) -> Result<void> {
        TRY(check_statement(statement, bucket));
        for (const char* element : {"Principal", "NotPrincipal"}) {
            // One of CloudFront's identities, which is unknown here: a statement would deny no one.
            for (const auto& name : texts(statement[element]["AWS"]))
                if (statement["Effect"].as_string() == "Deny" && name.contains(":iam::cloudfront:user/"))
                    return base::fail(malformed("Invalid principal in policy").note("there is no principal `" + name + "`"));
            for (const auto& id : texts(statement[element]["CanonicalUser"])) {
                if (base::lower(id) == canonical_id(bucket.account))
                    ids[id] = bucket.account;
                else if (statement["Effect"].as_string() == "Deny")  // it would deny no one
                    return base::fail(malformed("Invalid principal in policy").note("there is no canonical user `" + id + "`"));
            }
        }
        return {};
    };
    if (statements.is_object()) TRY(check(statements));
    for (const auto& statement : statements.items()) TRY(check(statement));
    for (const auto& principal : parsed->named_principals()) {
        if (!principal_id) break;
        auto id = principal_id(principal);
        if (!id) return base::fail(malformed("Invalid principal in policy").note("there is no principal `" + principal + "`"));
        if (*id != principal) ids[principal] = std::move(*id);  // an id binds itself
    }
    if (const auto service = policy::unknown_service(*parsed))
        return base::fail(malformed("Invalid principal in policy").note("there is no service `" + *service + "`"));
    return ids;
}

std::string shown_bucket_policy(const objects::BucketConfiguration& configuration, const FindPrincipal& principal_id) {
    PrincipalIds gone;
    for (const auto& [principal, id] : configuration.policy_principals) {
        if (principal.starts_with("arn:") && (!principal_id || principal_id(principal) != id)) gone[principal] = id;
    }
    return policy::replace_principals(configuration.policy, gone);
}

}  // namespace services::s3
