// Changing what policies say: a principal's own, its groups', its boundary, its tags; and a bucket's.
#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "base/strings.hpp"
#include "policy/evaluate.hpp"
#include "proof/step_policies.hpp"
#include "proof/steps.hpp"
#include "proof/subjects.hpp"

namespace proof {

namespace {

using policy::AttachedPolicy;
using policy::PolicyKind;
using policy::PrincipalPolicies;
using Means = Step::Means;

bool is_inline(const AttachedPolicy& policy) { return !policy.name.starts_with("arn:"); }
// Of the user or role itself, not of its groups.
bool is_own_inline(const AttachedPolicy& policy, const HolderForPaths& of) {
    return policy.name.ends_with((of.is_role ? " of role " : " of user ") + of.name);
}

AttachedPolicy everything_as(const std::string& name) { return {allows_everything(), name}; }

}  // namespace

// What one principal may change of another, or of itself.
class Steps::Changes {
public:
    Changes(Steps& steps, const State& by, const State& of, const Requests& as, std::vector<Transition>& out)
        : steps_(steps),
          by_(by),
          of_(of),
          as_(as),
          out_(out),
          holder_(steps.holders_[of.holder]),
          keys_(steps.keys_of(of)),
          type_(holder_.is_role ? "Role" : "User") {}

    void add_all() {
        own_policies();
        for (const ManagedPolicyForPaths& managed : steps_.account_.policies) managed_policy(managed);
        boundary();
        tags();
        name();
        if (holder_.is_role) return;
        for (uint32_t number = 0; number < steps_.account_.groups.size(); ++number) group(number);
        new_group();
    }

private:
    [[nodiscard]] Requests may(const std::string& action, const std::string& resource, const policy::Context& keys = {}) {
        return steps_.allowed_or_tagged(by_, action, resource, keys);
    }
    [[nodiscard]] Requests may_of_holder(const std::string& action) { return may("iam:" + action, holder_.arn, keys_); }

    void add(Means means, Requests requests, const std::string& on, State to) {
        to.changes += std::string(to.changes.empty() ? "" : ", ") + std::string(name_of(means)) + " " + on;
        ++to.changes_count;
        requests.insert(requests.end(), as_.begin(), as_.end());
        out_.push_back({{.means = means,
                         .from = steps_.holders_[by_.holder].arn,
                         .to = holder_.arn,
                         .on = on,
                         .requests = std::move(requests)},
                        std::move(to)});
    }
    void add(Means means, Requests requests, const std::string& on, PrincipalPolicies policies) {
        State to = of_;
        to.policies = std::move(policies);
        add(means, std::move(requests), on, std::move(to));
    }

    [[nodiscard]] PrincipalPolicies extended(AttachedPolicy policy) const {
        PrincipalPolicies policies = of_.policies;
        policies.identity.push_back(std::move(policy));
        return policies;
    }
    template <class Drops>
    [[nodiscard]] PrincipalPolicies without(Drops drops) const {
        PrincipalPolicies policies = of_.policies;
        std::erase_if(policies.identity, drops);
        return policies;
    }

    void own_policies() {
        if (auto requests = may_of_holder("Put" + type_ + "Policy"); !requests.empty()) {
            // Those that deny are written over, each by a request of its own.
            const auto own_denies = [&](const AttachedPolicy& one) { return denies(one) && is_own_inline(one, holder_); };
            auto policies = without(own_denies);
            const auto more = std::ranges::count_if(of_.policies.identity, own_denies);
            for (std::ptrdiff_t i = 1; i < more; ++i) requests.push_back(requests.back());
            policies.identity.push_back(everything_as("a new inline policy of " + base::lower(type_) + " " + holder_.name));
            add(Means::put_policy, std::move(requests), holder_.arn, std::move(policies));
        }
        for (Attachment& one : steps_.attachments(by_, "iam:Attach" + type_ + "Policy", holder_.arn, keys_))
            add(Means::attach_policy, std::move(one.requests), one.policy.name, extended(one.policy));
        const auto own_denies = [&](const AttachedPolicy& one) { return denies(one) && is_own_inline(one, holder_); };
        if (std::ranges::any_of(of_.policies.identity, own_denies))
            if (auto requests = may_of_holder("Delete" + type_ + "Policy"); !requests.empty()) {
                for (auto more = std::ranges::count_if(of_.policies.identity, own_denies); more > 1; --more)
                    requests.push_back(requests.back());
                add(Means::delete_policy, std::move(requests), holder_.arn, without(own_denies));
            }
        for (const AttachedPolicy& one : of_.policies.identity) {
            if (is_inline(one) || !denies(one)) continue;
            auto requests = may("iam:Detach" + type_ + "Policy", holder_.arn, with({{"iam:PolicyARN", one.name}}, keys_));
            if (!requests.empty())
                add(Means::detach_policy, std::move(requests), one.name,
                    without([&](const AttachedPolicy& other) { return other.name == one.name; }));
        }
    }

    // One that it has, or that is its boundary.
    void managed_policy(const ManagedPolicyForPaths& managed) {
        const auto is_this = [&](const AttachedPolicy& one) { return one.name == managed.arn; };
        const auto replaced = [&](const policy::PolicyPtr& policy) {
            PrincipalPolicies policies = of_.policies;
            for (AttachedPolicy& one : policies.identity)
                if (is_this(one)) one.policy = policy;
            if (policies.boundary && is_this(*policies.boundary)) policies.boundary->policy = policy;
            return policies;
        };
        const bool has =
            std::ranges::any_of(of_.policies.identity, is_this) || (of_.policies.boundary && is_this(*of_.policies.boundary));
        if (!has) return;
        if (auto requests = may("iam:CreatePolicyVersion", managed.arn, managed.keys); !requests.empty())
            add(Means::create_policy_version, std::move(requests), managed.arn, replaced(allows_everything()));
        if (managed.versions.size() < 2) return;
        const auto requests = may("iam:SetDefaultPolicyVersion", managed.arn, managed.keys);
        if (requests.empty()) return;
        for (const ManagedPolicyForPaths::Version& version : managed.versions)
            if (version.id != managed.default_version)
                add(Means::set_default_version, requests, managed.arn + " " + version.id, replaced(version.policy));
    }

    void boundary() {
        if (!of_.policies.boundary) return;
        PrincipalPolicies unbound = of_.policies;
        unbound.boundary.reset();
        if (auto requests = may_of_holder("Delete" + type_ + "PermissionsBoundary"); !requests.empty())
            add(Means::delete_boundary, std::move(requests), holder_.arn, unbound);
        for (Attachment& one :
             steps_.attachments(by_, "iam:Put" + type_ + "PermissionsBoundary", holder_.arn, keys_, "iam:PermissionsBoundary")) {
            unbound.boundary = std::move(one.policy);
            add(Means::put_boundary, std::move(one.requests), unbound.boundary->name, unbound);
        }
    }

    void tags() {
        const std::string tag = "iam:Tag" + type_, untag = "iam:Untag" + type_;
        const bool may_tag = steps_.anywhere(by_, tag, {}).may, may_untag = steps_.anywhere(by_, untag, {}).may;
        if (!may_tag && !may_untag) return;
        for (const TagChange& change : steps_.useful_tags(of_)) {
            if (change.value ? !may_tag : !may_untag) continue;
            policy::Context keys = keys_;
            if (change.value) keys.set(request_tag_key + change.key, *change.value);
            keys.set_list("aws:TagKeys", {change.key});
            auto way = steps_.allowed(by_, change.value ? tag : untag, holder_.arn, keys);
            if (!way) continue;
            State to = of_;
            std::erase_if(to.facts.tags, [&](const TagChange& one) { return one.key == change.key; });
            to.facts.tags.push_back(change);
            add(change.value ? Means::tag_principal : Means::untag_principal, {std::move(*way)},
                change.value ? change.key + "=" + *change.value : change.key, std::move(to));
        }
    }

    // UpdateUser needs to be allowed of the user by both of its names. It stays who it is, and is called otherwise.
    void name() {
        if (holder_.is_role || !steps_.anywhere(by_, "iam:UpdateUser", {}).may || !of_.facts.user_arn.empty()) return;
        for (const std::string& arn : steps_.conditions_on(of_).arns) {
            const bool is_free =
                std::ranges::find(steps_.account_.holders, arn, &HolderForPaths::arn) == steps_.account_.holders.end();
            if (!is_free || !arn.contains(":user/")) continue;
            auto now = may("iam:UpdateUser", holder_.arn, keys_), then = may("iam:UpdateUser", arn, keys_);
            if (now.empty() || then.empty()) continue;
            std::ranges::move(then, std::back_inserter(now));
            State to = of_;
            to.facts.user_arn = arn;
            add(Means::rename_user, std::move(now), arn, std::move(to));
        }
    }

    void group(uint32_t number) {
        const GroupPolicies& group = steps_.account_.groups[number];
        const bool is_member = std::ranges::find(holder_.groups, number) != holder_.groups.end() ||
                               of_.changes.contains("AddUserToGroup " + group.arn);
        if (!is_member) {
            auto requests = may("iam:AddUserToGroup", group.arn);
            if (requests.empty()) return;
            PrincipalPolicies policies = of_.policies;
            policies.identity.insert(policies.identity.end(), group.policies.begin(), group.policies.end());
            add(Means::add_to_group, std::move(requests), group.arn, std::move(policies));
            return;
        }
        if (auto requests = may("iam:PutGroupPolicy", group.arn); !requests.empty())
            add(Means::put_group_policy, std::move(requests), group.arn,
                extended(everything_as("a new inline policy of group " + group.name)));
        for (Attachment& one : steps_.attachments(by_, "iam:AttachGroupPolicy", group.arn, {}))
            add(Means::attach_group_policy, std::move(one.requests), group.arn, extended(one.policy));
        if (!std::ranges::any_of(group.policies, denies)) return;
        const auto is_of_group = [&](const AttachedPolicy& one) {
            return std::ranges::any_of(group.policies, [&](const AttachedPolicy& of_group) {
                return of_group.policy == one.policy && of_group.name == one.name;
            });
        };
        if (auto requests = may("iam:RemoveUserFromGroup", group.arn); !requests.empty())
            add(Means::remove_from_group, std::move(requests), group.arn, without(is_of_group));
        const auto inline_that_denies = [&](const AttachedPolicy& one) {
            return is_of_group(one) && is_inline(one) && denies(one);
        };
        if (std::ranges::any_of(group.policies, inline_that_denies))
            if (auto requests = may("iam:DeleteGroupPolicy", group.arn); !requests.empty())
                add(Means::delete_group_policy, std::move(requests), group.arn, without(inline_that_denies));
        for (const AttachedPolicy& one : group.policies) {
            if (is_inline(one) || !denies(one)) continue;
            auto requests = may("iam:DetachGroupPolicy", group.arn, with({{"iam:PolicyARN", one.name}}));
            if (!requests.empty())
                add(Means::detach_group_policy, std::move(requests), group.arn + " " + one.name,
                    without([&](const AttachedPolicy& other) { return is_of_group(other) && other.name == one.name; }));
        }
    }

    void new_group() {
        if (!steps_.anywhere(by_, "iam:CreateGroup", {}).may || !steps_.anywhere(by_, "iam:AddUserToGroup", {}).may) return;
        const std::string all = "arn:aws:iam::" + steps_.account_.id + ":group/*";
        std::set<std::string> names;
        for (const char* action : {"iam:CreateGroup", "iam:PutGroupPolicy", "iam:AttachGroupPolicy", "iam:AddUserToGroup"})
            if (const auto named = steps_.ask(steps_.subject_of(by_), {&by_.policies}, action, {all}, {}, steps_.account_.id))
                names.insert(named->witness.resource);
        for (const std::string& arn : names) {
            if (std::ranges::find(steps_.account_.groups, arn, &GroupPolicies::arn) != steps_.account_.groups.end()) continue;
            Requests making = may("iam:CreateGroup", arn), joining = may("iam:AddUserToGroup", arn);
            if (making.empty() || joining.empty()) continue;
            const auto add_with = [&](Requests giving, AttachedPolicy policy) {
                Requests requests = making;
                std::ranges::move(giving, std::back_inserter(requests));
                requests.insert(requests.end(), joining.begin(), joining.end());
                add(Means::make_group, std::move(requests), arn, extended(std::move(policy)));
            };
            if (auto giving = may("iam:PutGroupPolicy", arn); !giving.empty())
                add_with(std::move(giving), everything_as("the inline policy of the new group"));
            else
                for (Attachment& one : steps_.attachments(by_, "iam:AttachGroupPolicy", arn, {}))
                    add_with(std::move(one.requests), std::move(one.policy));
        }
    }

    Steps& steps_;
    const State& by_;
    const State& of_;
    const Requests& as_;
    std::vector<Transition>& out_;
    const HolderForPaths holder_;
    const policy::Context keys_;
    const std::string type_;
};

void Steps::add_changes(const State& by, const State& of, const Requests& as, std::vector<Transition>& out) {
    if (of.is_cut) return;
    if (of.changes_count < limits_.changes_max) {
        Changes(*this, by, of, as, out).add_all();
        return;
    }
    // One that is made has no need of more.
    if (of.holder >= account_.holders.size() || !open_.empty()) return;
    std::vector<Transition> more;
    Changes(*this, by, of, as, more).add_all();
    if (!more.empty()) open_ = "the limit of three changes by one principal";
}

std::optional<AttachedPolicy> Steps::managed_policy(const std::string& arn) const {
    if (arn == administrator) return everything_as(administrator);
    const auto own = std::ranges::find(account_.policies, arn, &ManagedPolicyForPaths::arn);
    if (own != account_.policies.end()) {
        const auto version = std::ranges::find(own->versions, own->default_version, &ManagedPolicyForPaths::Version::id);
        if (version != own->versions.end()) return AttachedPolicy{version->policy, own->arn, version->id};
    }
    const auto known = std::ranges::find(account_.attachable, arn, &AttachedPolicy::name);
    if (known != account_.attachable.end()) return *known;
    return std::nullopt;
}

std::vector<Steps::Attachment> Steps::attachments(const State& by, const std::string& action, const std::string& resource,
                                                  const policy::Context& keys, const char* key) {
    const auto attach = [&](const std::string& arn) { return allowed_or_tagged(by, action, resource, with({{key, arn}}, keys)); };
    if (auto requests = attach(administrator); !requests.empty()) return {{std::move(requests), everything_as(administrator)}};
    if (!anywhere(by, action, {}).may) return {};
    // One that it makes first, of a name that it may attach.
    if (anywhere(by, "iam:CreatePolicy", {}).may) {
        Subject subject = subject_of(by);
        subject.absent.assign(resource_tag_keys.begin(), resource_tag_keys.end());
        subject.open.push_back({.key = base::lower(key), .pattern = "arn:aws:iam::" + account_.id + ":policy/?*"});
        policy::Context others = keys;
        others.erase(key);
        const auto named = ask(subject, {&by.policies}, action, {resource}, others, account_.id);
        const auto* arn = named ? named->witness.context.find(key) : nullptr;
        if (arn != nullptr && !managed_policy(arn->values.front())) {
            auto making = whole(by, "iam:CreatePolicy", arn->values.front());
            auto attaching = attach(arn->values.front());
            if (!making.empty() && !attaching.empty()) {
                std::ranges::move(attaching, std::back_inserter(making));
                return {{std::move(making), everything_as(arn->values.front())}};
            }
        }
    }
    std::vector<Attachment> out;
    const auto add = [&](const std::string& arn) {
        if (auto requests = attach(arn); !requests.empty())
            if (auto policy = managed_policy(arn)) out.push_back({std::move(requests), std::move(*policy)});
    };
    for (const ManagedPolicyForPaths& one : account_.policies) add(one.arn);
    for (const AttachedPolicy& one : account_.attachable) add(one.name);
    return out;
}

// A bucket of those that are asked about whose policy it may write: what it writes names the user, by each of its names.
std::optional<Step> Steps::by_bucket_policy(const State& state, const State& user, const Target& target) {
    constexpr std::string_view arns = "arn:aws:s3:::";
    std::set<std::string> buckets;
    for (const std::string& resource : target.resources) {
        const std::string bucket = resource.substr(0, resource.find('/'));
        if (bucket.starts_with(arns) && bucket.find_first_of("*?") == std::string::npos) buckets.insert(bucket);
    }
    if (buckets.empty()) return std::nullopt;
    const HolderForPaths& self = holders_[state.holder];
    const auto by = [&](Means means, const char* action, const auto& policy_after) -> std::optional<Step> {
        auto change = ask(subject_of(state), {&state.policies, target.policy}, action, {buckets.begin(), buckets.end()},
                          target.known, target.account, target.region);
        if (!change) return std::nullopt;
        const std::string bucket = change->witness.resource;
        Target changed = target;
        changed.policy = policy_after(bucket);
        std::erase_if(changed.resources,
                      [&](const std::string& resource) { return resource != bucket && !resource.starts_with(bucket + "/"); });
        auto use = may(user, changed);
        if (!use) return std::nullopt;
        return Step{.means = means,
                    .from = self.arn,
                    .to = holders_[user.holder].arn,
                    .on = bucket,
                    .requests = {std::move(*change), std::move(*use)}};
    };
    const policy::Principal principal = subject_of(user).principal;
    const auto granting = [&](const std::string& bucket) -> const AttachedPolicy* {
        std::string names = '"' + principal.arn + '"';
        if (!principal.role_arn.empty()) names += ",\"" + principal.role_arn + '"';
        return &attached_.emplace_back(
            policy_with(R"({"Effect":"Allow","Principal":{"AWS":[)" + names + R"(]},"Action":"s3:*","Resource":[")" + bucket +
                            "\",\"" + bucket + R"(/*"]})",
                        PolicyKind::resource),
            "the changed bucket policy of " + bucket.substr(arns.size()));
    };
    if (auto step = by(Means::put_bucket_policy, "s3:PutBucketPolicy", granting)) return step;
    if (target.policy == nullptr || !denies(*target.policy)) return std::nullopt;
    return by(Means::delete_bucket_policy, "s3:DeleteBucketPolicy",
              [](const std::string&) -> const AttachedPolicy* { return nullptr; });
}

}  // namespace proof
