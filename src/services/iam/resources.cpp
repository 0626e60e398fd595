// Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access Management";
// IAM User Guide, "Granting a user permissions to pass a role" (no tags of the role).
#include "services/iam/resources.hpp"

#include "base/error_codes.hpp"
#include "base/strings.hpp"

namespace services::iam {
namespace {

using base::Result;
using gate::Description;
using gate::Existence;
using gate::Subject;

constexpr std::string_view pass_role = "iam:passrole";  // lower case
constexpr std::string_view last_use_of_key = "iam:getaccesskeylastused";
constexpr std::string_view owner_of_published = "aws";

void set_tags(Description& out, const identity::Tags& tags) {
    for (const auto& [key, value] : tags) {
        out.keys.set("aws:ResourceTag/" + key, value);
        out.keys.set("iam:ResourceTag/" + key, value);
    }
}

struct Entity {
    std::string arn;
    const identity::Tags* tags = nullptr;
    const std::string* boundary = nullptr;
};

// What `entity` says, if it is the one that was asked for.
void take(Description& out, const Subject& subject, const Entity& entity, bool by_name) {
    if (!by_name && entity.arn != subject.text) return;
    out.existence = Existence::there;
    out.arn = entity.arn;
    if (entity.tags != nullptr) set_tags(out, *entity.tags);
    if (entity.boundary != nullptr && !entity.boundary->empty()) out.keys.set("iam:PermissionsBoundary", *entity.boundary);
}

bool reads(std::string_view action) { return action.starts_with("iam:get") || action.starts_with("iam:list"); }

}  // namespace

policy::AttachedPolicy trusts_no_one(std::string_view role_arn) {
    static const policy::PolicyPtr no_one = policy::Policy::parse_stored(
        R"({"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:NoSuchRole"}]})",
        policy::PolicyKind::trust);
    return {no_one, "trust policy of " + std::string(role_arn)};
}

Result<Description> Resources::described(const Subject& subject, By by) const {
    const identity::Iam& iam = directory_.iam();
    const std::string action = base::lower(subject.action);
    const bool assumes = action.starts_with("sts:"), passes = action == pass_role;
    const std::string account(subject.arn.account), resource(subject.arn.resource);
    const std::string name = resource.substr(resource.rfind('/') + 1);
    const std::string_view type = std::string_view(resource).substr(0, resource.find('/'));
    // A path that is said is meant.
    const bool by_name = by == By::name && !assumes && !passes && resource.size() == type.size() + 1 + name.size();
    Description out{.arn = std::string(subject.text), .existence = Existence::absent, .owner = account};
    if (!subject.arn.region.empty()) return out;
    if (type == "role") {
        const auto role = iam.role(account, name);
        if (role)
            take(out, subject,
                 {(*role)->arn, passes ? nullptr : &(*role)->tags, passes || assumes ? nullptr : &(*role)->boundary}, by_name);
        if (!assumes) return out;
        auto trust = directory_.trust_policy(std::string(subject.text));
        if (!trust && trust.error().code != base::code::NoSuchEntity) return base::fail(std::move(trust).error());
        out.policy = trust ? std::move(*trust) : trusts_no_one(subject.text);
    } else if (type == "user") {
        if (const auto user = iam.user(account, name))
            take(out, subject, {(*user)->arn, &(*user)->tags, &(*user)->boundary}, by_name);
        // The owner of a key that nobody here has (access_keys.cpp).
        out.may_come = name == "*" && action == last_use_of_key;
    } else if (type == "group") {
        if (const auto group = iam.group(account, name)) take(out, subject, {(*group)->arn}, by_name);
    } else if (type == "policy") {
        // Every account may read AWS's own policies like its own; changing them is another account's resource, so
        // that no policy of this account allows it (SEMANTICS R78).
        if (account == owner_of_published && reads(action)) out.owner.clear();
        if (const auto policy = iam.managed_policy(std::string(subject.account), std::string(subject.text)))
            take(out, subject, {(*policy)->arn, &(*policy)->tags}, false);
    } else if (account == directory_.default_account()) {
        out.existence = Existence::there;  // the account itself, or a kind that no look-up finds (instance profiles)
    }
    return out;
}

Result<Description> Resources::describe(const Subject& subject) const { return described(subject, By::arn); }

Result<Description> Resources::find(const Subject& subject) const { return described(subject, By::name); }

Result<gate::ResourcePage> Resources::each_resource(const gate::ResourceQuery& query) const {
    gate::ResourcePager pager(query);
    const identity::Iam& iam = directory_.iam();
    const std::string account(query.account);
    for (const auto& role : iam.roles(account)) pager.add(role->arn);
    for (const auto& user : iam.users(account)) pager.add(user->arn);
    for (const auto& group : iam.groups(account)) pager.add(group->arn);
    for (const auto& policy : iam.customer_policies(account)) pager.add(policy->arn);
    return std::move(pager).finish();
}

Result<Description> Resources::plan(const Subject& subject) const {
    // No caller is allowed to make these (SEMANTICS R78): IAM says so before it decides.
    for (const std::string_view reserved : {"role/aws-service-role/", "role/aws-reserved/"}) {
        if (!subject.arn.resource.starts_with(reserved)) continue;
        const std::string_view path = subject.arn.resource.substr(4, subject.arn.resource.rfind('/') - 3);
        return base::fail(base::code::InvalidInput,
                          "The path " + std::string(path) + " is reserved for roles that services make.");
    }
    return Description{.arn = std::string(subject.text)};
}

}  // namespace services::iam
