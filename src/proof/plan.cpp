#include "proof/plan.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/strings.hpp"

namespace proof {

namespace {

using policy::Policy;
using policy::PolicyKind;
using policy::PolicyPtr;
using text::Json;

// One plan on its way into an account.
class Application {
public:
    explicit Application(const AccountPolicies& account) { planned_.account = account; }

    void add(const ResourceChange& change);
    PlannedAccount result() && { return std::move(planned_); }

    using Step = void (Application::*)(const ResourceChange&);
    struct Type {
        std::string_view token;
        Step step;
    };
    [[nodiscard]] static const std::array<Type, 17>& types();

private:
    void role(const ResourceChange& change);
    void user(const ResourceChange& change);
    void policy(const ResourceChange& change);
    void role_policy(const ResourceChange& change) { inline_policy(planned_.account.roles, "role", change); }
    void user_policy(const ResourceChange& change) { inline_policy(planned_.account.users, "user", change); }
    void role_attachment(const ResourceChange& change) { attachment(planned_.account.roles, "role", change); }
    void user_attachment(const ResourceChange& change) { attachment(planned_.account.users, "user", change); }
    void bucket(const ResourceChange& change);
    void bucket_policy(const ResourceChange& change);
    void public_access(const ResourceChange& change);
    void account_public_access(const ResourceChange& change);
    void acl(const ResourceChange& change);
    void ownership(const ResourceChange& change);
    void encryption(const ResourceChange& change);

    template <class Holders>
    void inline_policy(Holders& holders, const char* kind, const ResourceChange& change);
    template <class Holders>
    void attachment(Holders& holders, const char* kind, const ResourceChange& change);
    template <class Holders>
    [[nodiscard]] PolicyHolder* find(Holders& holders, const char* kind, const Json& properties, const ResourceChange& change);
    void declared_policies(Role& role, const Json& olds, const Json& news);
    void entity(PolicyHolder& holder, const char* kind, const Json& properties, const ResourceChange& change);
    void put_bucket_policy(const std::string& bucket, const Json& document, const ResourceChange& change);
    [[nodiscard]] Bucket* find_bucket(const std::string& name, const ResourceChange& change);
    [[nodiscard]] std::string new_id(const char* prefix);

    [[nodiscard]] static bool is_unknown(const ResourceChange& change, std::string_view property) {
        return change.unknown.contains(property);
    }
    void not_known(const ResourceChange& change, const std::string& what) {
        planned_.unknown.push_back(change.type + " " + change.name + ": " + what);
    }
    void not_known(const ResourceChange& change, std::string_view property, const std::string& what) {
        const auto why = change.unknown.find(property);
        not_known(change, "`" + std::string(property) + "` is " + why->second + what);
    }
    // What it is called is only known when it is there: nothing can be said of it.
    bool has_name(const ResourceChange& change, std::initializer_list<std::string_view> properties) {
        for (const std::string_view property : properties)
            if (is_unknown(change, property)) {
                not_known(change, property, ", and so is what else it says");
                return false;
            }
        return true;
    }

    PlannedAccount planned_;
    int new_ids_ = 0;
};

PolicyPtr parse(const Json& document, PolicyKind kind) { return Policy::parse_stored(document.as_string(), kind); }

bool is_there(const Json& properties) { return !properties.is_null(); }

// The same text is the same policy, whichever resource brings it: nothing has changed.
void put(PolicyPtr& place, PolicyPtr policy) {
    if (place == nullptr || place->text() != policy->text()) place = std::move(policy);
}

std::string Application::new_id(const char* prefix) {
    std::string number = std::to_string(++new_ids_);
    return prefix + std::string(17 - std::min<size_t>(17, number.size()), '0') + number;
}

void Application::entity(PolicyHolder& holder, const char* kind, const Json& properties, const ResourceChange& change) {
    holder.name = properties["name"].as_string();
    holder.path = properties["path"].as_string().empty() ? "/" : properties["path"].as_string();
    std::string arn = planned_.account.iam_arn(kind, holder.path, holder.name);
    // Who moves takes along what policies say of it.
    if (!holder.arn.empty() && holder.arn != arn) rename_principal(planned_.account, holder.arn, arn);
    holder.arn = std::move(arn);
    if (is_unknown(change, "permissionsBoundary"))
        not_known(change, "permissionsBoundary", ": the " + std::string(kind) + " is taken to have none");
    holder.boundary = properties["permissionsBoundary"].as_string();
    if (is_unknown(change, "tags")) not_known(change, "tags", ", and so is what conditions on them allow");
    holder.tags.clear();
    for (const auto& [key, value] : properties["tags"].members()) holder.tags[key] = value.as_string();
}

void Application::role(const ResourceChange& change) {
    auto& roles = planned_.account.roles;
    if (!has_name(change, {"name", "path"})) return;
    if (is_there(change.before)) {
        const auto old = roles.find(base::lower(change.before["name"].as_string()));
        if (!is_there(change.after)) {
            if (old == roles.end()) return;
            rename_principal(planned_.account, old->second.arn, old->second.id);
            roles.erase(old);
            return;
        }
    }
    Role& role = roles[base::lower(change.after["name"].as_string())];
    if (role.id.empty()) role.id = new_id("AROA");
    entity(role, "role", change.after, change);
    if (is_unknown(change, "assumeRolePolicy")) {
        not_known(change, "assumeRolePolicy", ", and so is who may assume the role");
        if (role.trust == nullptr) role.trust = Policy::parse_stored("", PolicyKind::trust);
    } else {
        put(role.trust, parse(change.after["assumeRolePolicy"], PolicyKind::trust));
    }
    for (const std::string_view property : {"inlinePolicies", "managedPolicyArns"})
        if (is_unknown(change, property)) not_known(change, property, ", and so is what they allow");
    declared_policies(role, change.before, change.after);
}

// As the provider brings them from one to the other: what the program no longer says at all stays.
void Application::declared_policies(Role& role, const Json& olds, const Json& news) {
    if (news.contains("managedPolicyArns")) {
        for (const Json& arn : olds["managedPolicyArns"].items()) role.attached.erase(arn.as_string());
        for (const Json& arn : news["managedPolicyArns"].items()) role.attached.insert(arn.as_string());
    }
    if (!news.contains("inlinePolicies")) return;
    for (const Json& old : olds["inlinePolicies"].items()) {
        const auto& items = news["inlinePolicies"].items();
        if (std::ranges::none_of(items, [&](const Json& one) { return one["name"] == old["name"]; }))
            role.inline_policies.erase(old["name"].as_string());
    }
    for (const Json& one : news["inlinePolicies"].items())
        if (!one["name"].as_string().empty())
            put(role.inline_policies[one["name"].as_string()], parse(one["policy"], PolicyKind::identity));
}

void Application::user(const ResourceChange& change) {
    auto& users = planned_.account.users;
    if (!has_name(change, {"name", "path"})) return;
    if (!is_there(change.after)) {
        const auto old = users.find(base::lower(change.before["name"].as_string()));
        if (old == users.end()) return;
        rename_principal(planned_.account, old->second.arn, old->second.id);
        users.erase(old);
        return;
    }
    User& user = users[base::lower(change.after["name"].as_string())];
    if (user.id.empty()) user.id = new_id("AIDA");
    entity(user, "user", change.after, change);
}

void Application::policy(const ResourceChange& change) {
    auto& policies = planned_.account.policies;
    if (!has_name(change, {"name", "path"})) return;
    const Json& properties = is_there(change.after) ? change.after : change.before;
    const std::string arn = planned_.account.iam_arn("policy", properties["path"].as_string(), properties["name"].as_string());
    if (!is_there(change.after)) {
        policies.erase(arn);
        return;
    }
    if (is_unknown(change, "policy")) {
        not_known(change, "policy", ", and so is what it allows");
        return;
    }
    AccountManagedPolicy& policy = policies[arn];
    policy.arn = arn;
    put(policy.policy, parse(change.after["policy"], PolicyKind::identity));
}

template <class Holders>
PolicyHolder* Application::find(Holders& holders, const char* kind, const Json& properties, const ResourceChange& change) {
    const std::string& name = properties[kind].as_string();
    const auto found = holders.find(base::lower(name));
    if (found != holders.end()) return &found->second;
    if (is_there(change.after)) not_known(change, "there is no " + std::string(kind) + " `" + name + "` that it could hang on");
    return nullptr;
}

template <class Holders>
void Application::inline_policy(Holders& holders, const char* kind, const ResourceChange& change) {
    if (!has_name(change, {kind, "name"})) return;
    const Json& properties = is_there(change.after) ? change.after : change.before;
    PolicyHolder* holder = find(holders, kind, properties, change);
    if (holder == nullptr) return;
    const std::string& name = properties["name"].as_string();
    if (!is_there(change.after))
        holder->inline_policies.erase(name);
    else if (is_unknown(change, "policy"))
        not_known(change, "policy", ", and so is what it allows");
    else
        put(holder->inline_policies[name], parse(change.after["policy"], PolicyKind::identity));
}

template <class Holders>
void Application::attachment(Holders& holders, const char* kind, const ResourceChange& change) {
    if (!has_name(change, {kind, "policyArn"})) return;
    const Json& properties = is_there(change.after) ? change.after : change.before;
    PolicyHolder* holder = find(holders, kind, properties, change);
    if (holder == nullptr) return;
    const std::string& arn = properties["policyArn"].as_string();
    if (is_there(change.after))
        holder->attached.insert(arn);
    else
        holder->attached.erase(arn);
}

Bucket* Application::find_bucket(const std::string& name, const ResourceChange& change) {
    const auto found = planned_.account.buckets.find(name);
    if (found != planned_.account.buckets.end()) return &found->second;
    if (is_there(change.after)) not_known(change, "there is no bucket `" + name + "` in this account, as far as could be read");
    return nullptr;
}

void Application::put_bucket_policy(const std::string& name, const Json& document, const ResourceChange& change) {
    Bucket* bucket = find_bucket(name, change);
    if (bucket == nullptr) return;
    if (document.as_string().empty())
        bucket->policy = nullptr;
    else
        put(bucket->policy, parse(document, PolicyKind::resource));
}

void Application::bucket(const ResourceChange& change) {
    auto& buckets = planned_.account.buckets;
    if (!has_name(change, {"bucket"})) return;
    if (!is_there(change.after)) {
        buckets.erase(change.before["bucket"].as_string());
        return;
    }
    const std::string& name = change.after["bucket"].as_string();
    Bucket& bucket = buckets[name];
    // All new buckets of S3 block public access (Amazon S3 User Guide, "Blocking public access"). A server of ours does as AWS does.
    if (bucket.name.empty()) bucket.restrict_public = true;
    bucket.name = name;
    if (change.after.contains("acl")) acl(change);
    if (is_unknown(change, "policy")) return not_known(change, "policy", ", and so is what it allows");
    // The policy may be a resource of its own: only what the program says, or said, here is this one's.
    if (change.after.contains("policy") || (is_there(change.before) && !change.before["policy"].as_string().empty()))
        put_bucket_policy(name, change.after["policy"], change);
}

void Application::bucket_policy(const ResourceChange& change) {
    if (!has_name(change, {"bucket"})) return;
    if (is_unknown(change, "policy")) return not_known(change, "policy", ", and so is what it allows");
    if (is_there(change.after)) return put_bucket_policy(change.after["bucket"].as_string(), change.after["policy"], change);
    if (Bucket* bucket = find_bucket(change.before["bucket"].as_string(), change)) bucket->policy = nullptr;
}

void Application::public_access(const ResourceChange& change) {
    if (!has_name(change, {"bucket"})) return;
    const Json& properties = is_there(change.after) ? change.after : change.before;
    if (!is_there(change.after) && properties["skipDestroy"].as_bool()) return;
    Bucket* bucket = find_bucket(properties["bucket"].as_string(), change);
    if (bucket == nullptr) return;
    if (is_unknown(change, "restrictPublicBuckets")) not_known(change, "restrictPublicBuckets", ": taken for off");
    bucket->restrict_public = change.after["restrictPublicBuckets"].as_bool() || planned_.account.restrict_public;
}

void Application::account_public_access(const ResourceChange& change) {
    if (is_unknown(change, "restrictPublicBuckets")) not_known(change, "restrictPublicBuckets", ": taken for what it was");
    if (change.after["restrictPublicBuckets"].as_bool()) {
        for (auto& [name, bucket] : planned_.account.buckets) bucket.restrict_public = true;
    } else if (change.before["restrictPublicBuckets"].as_bool()) {
        not_known(change,
                  "the account no longer restricts its public buckets: whom those let in that do not restrict themselves is not "
                  "in this "
                  "comparison");
    }
}

// What ACLs grant is compared by nothing here: where a plan makes them count, it is said.
void Application::acl(const ResourceChange& change) {
    if (!is_there(change.after)) return;
    const std::string& canned = change.after["acl"].as_string();
    if (is_unknown(change, "acl") || is_unknown(change, "accessControlPolicy"))
        not_known(change, is_unknown(change, "acl") ? "acl" : "accessControlPolicy", ", and so is what it grants");
    else if (canned.empty())
        not_known(change, "what its grants allow is not in this comparison");
    else if (canned != "private")
        not_known(change, "what the ACL `" + canned + "` grants is not in this comparison");
}

void Application::ownership(const ResourceChange& change) {
    if (!is_there(change.after)) return;
    if (is_unknown(change, "rule")) return not_known(change, "rule", ", and so is whether ACLs count");
    if (change.after["rule"]["objectOwnership"].as_string() == "BucketOwnerEnforced") return;
    not_known(change, "ACLs of the bucket and its objects count: what they grant is not in this comparison");
}

void Application::encryption(const ResourceChange& change) {
    for (const Json& rule : change.after["rules"].items())
        for (const Json& type : rule["blockedEncryptionTypes"].items())
            if (type.as_string() != "NONE")
                not_known(change, "uploads with the encryption " + type.as_string() +
                                      " are refused, whatever policies allow: that is not in this comparison");
}

const std::array<Application::Type, 17>& Application::types() {
    static constexpr std::array<Type, 17> all = {{
        {"aws:iam/role:Role", &Application::role},
        {"aws:iam/user:User", &Application::user},
        {"aws:iam/policy:Policy", &Application::policy},
        {"aws:iam/rolePolicy:RolePolicy", &Application::role_policy},
        {"aws:iam/userPolicy:UserPolicy", &Application::user_policy},
        {"aws:iam/rolePolicyAttachment:RolePolicyAttachment", &Application::role_attachment},
        {"aws:iam/userPolicyAttachment:UserPolicyAttachment", &Application::user_attachment},
        {"aws:s3/bucket:Bucket", &Application::bucket},
        {"aws:s3/bucketV2:BucketV2", &Application::bucket},
        {"aws:s3/bucketPolicy:BucketPolicy", &Application::bucket_policy},
        {"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", &Application::public_access},
        {"aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock", &Application::account_public_access},
        {"aws:s3/bucketAcl:BucketAcl", &Application::acl},
        {"aws:s3/bucketAclV2:BucketAclV2", &Application::acl},
        {"aws:s3/bucketOwnershipControls:BucketOwnershipControls", &Application::ownership},
        {"aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", &Application::encryption},
        {"aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2", &Application::encryption},
    }};
    return all;
}

void Application::add(const ResourceChange& change) {
    const auto& all = types();
    const auto type = std::ranges::find(all, change.type, &Type::token);
    if (type != all.end()) (this->*type->step)(change);
}

}  // namespace

bool is_about_access(std::string_view type) {
    return std::ranges::any_of(Application::types(), [&](const auto& one) { return one.token == type; });
}

PlannedAccount apply(const AccountPolicies& account, std::span<const ResourceChange> changes) {
    Application application(account);
    for (const ResourceChange& change : changes) application.add(change);
    return std::move(application).result();
}

}  // namespace proof
