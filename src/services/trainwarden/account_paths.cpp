#include "services/trainwarden/account_paths.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "base/strings.hpp"
#include "identity/aws_managed.hpp"
#include "identity/directory.hpp"
#include "policy/glob.hpp"
#include "proof/paths.hpp"
#include "services/trainwarden/ways.hpp"
#include "text/json.hpp"
#include "text/one_or_many.hpp"

namespace services::trainwarden {
namespace {

namespace m = model::trainwarden;
using base::Result;

// The account as proof takes it. Not moved: it points into itself.
struct AccountState {
    proof::AccountForPaths account;
    std::deque<policy::AttachedPolicy> trust;
    std::vector<size_t> candidates;  // of each holder
    bool attachable_cut = false;     // there are more of AWS's policies that somebody may attach than are looked at
};

constexpr size_t attachable_max = 128;
// AWS's widest policies beside AdministratorAccess, for who may attach anything else.
constexpr const char* wide_policies[] = {"arn:aws:iam::aws:policy/IAMFullAccess", "arn:aws:iam::aws:policy/PowerUserAccess",
                                         "arn:aws:iam::aws:policy/AmazonS3FullAccess",
                                         "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess",
                                         "arn:aws:iam::aws:policy/ReadOnlyAccess"};

// What conditions on iam:PolicyARN say: patterns.
void find_policy_patterns(const policy::Policy& policy, std::set<std::string>& to) {
    constexpr std::string_view key = "iam:policyarn";
    if (!base::lower(policy.text()).contains(key)) return;
    const auto document = text::parse_json(policy.text());
    if (!document) return;
    for (const text::Json& statement : text::one_or_many((*document)["Statement"]))
        for (const auto& [op, of_op] : statement["Condition"].members())
            for (const auto& [name, values] : of_op.members())
                if (base::equals_ignoring_case(name, key))
                    for (const text::Json& value : text::one_or_many(values)) to.insert(value.as_string());
}

policy::AttachedPolicy as_attached(const identity::ManagedPolicy& policy) {
    return {policy.version(policy.default_version)->policy, policy.arn, policy.default_version};
}

// Of AWS's policies, those that somebody's permission to attach is about.
void add_attachable(std::span<const proof::Asker> askers, AccountState& to) {
    std::set<const policy::Policy*> seen;
    std::set<std::string> patterns;
    for (const proof::Asker& asker : askers) {
        for (const policy::AttachedPolicy& one : asker.policies->identity)
            if (seen.insert(one.policy.get()).second) find_policy_patterns(*one.policy, patterns);
        if (asker.policies->boundary && seen.insert(asker.policies->boundary->policy.get()).second)
            find_policy_patterns(*asker.policies->boundary->policy, patterns);
    }
    const auto add = [&](const std::string& arn) {
        if (std::ranges::find(to.account.attachable, arn, &policy::AttachedPolicy::name) != to.account.attachable.end()) return;
        const auto policy = identity::aws_managed_policy(arn);
        if (to.account.attachable.size() == attachable_max)
            to.attachable_cut = true;
        else if (policy)
            to.account.attachable.push_back(as_attached(*policy));
    };
    for (const char* arn : wide_policies) add(arn);
    for (const identity::AwsManagedSummary& one : identity::aws_managed_policies())
        if (std::ranges::any_of(patterns, [&](const auto& pattern) { return policy::glob_matches(pattern, one.arn); }))
            add(one.arn);
}

// By the groups' names as users hold them.
Result<std::map<std::string, uint32_t>> add_groups(const Dependencies& parts, AccountState& to) {
    std::map<std::string, uint32_t> numbers;
    const std::string account = parts.directory->default_account();
    for (const auto& group : parts.directory->iam().groups(account)) {
        proof::GroupPolicies out{.arn = group->arn, .name = group->name, .policies = {}};
        for (const auto& one : group->inline_policies)
            out.policies.push_back({one.policy, "inline policy " + one.name + " of group " + group->name});
        for (const std::string& arn : group->attached)
            if (const auto found = parts.directory->iam().managed_policy(account, arn))
                out.policies.push_back(as_attached(**found));
        numbers.emplace(group->arn, static_cast<uint32_t>(to.account.groups.size()));
        to.account.groups.push_back(std::move(out));
    }
    return numbers;
}

Result<void> read_account(const Dependencies& parts, std::span<const Candidate> all, std::span<const proof::Asker> askers,
                          AccountState& to) {
    const std::string account = parts.directory->default_account();
    identity::Iam& iam = parts.directory->iam();
    to.account.id = account;
    to.account.region = parts.region;
    to.account.regions = parts.regions;
    const auto groups = TRY(add_groups(parts, to));
    add_attachable(askers, to);
    for (const auto& policy : iam.customer_policies(account)) {
        proof::ManagedPolicyForPaths out{
            .arn = policy->arn, .default_version = policy->default_version, .keys = {}, .versions = {}};
        for (const auto& version : policy->versions) out.versions.push_back({version.id, version.policy});
        out.keys = TRY(parts.describer->describe(policy->arn, "iam:CreatePolicyVersion", account)).keys;
        to.account.policies.push_back(std::move(out));
    }
    for (size_t i = 0; i < all.size(); ++i) {
        const policy::Principal& principal = all[i].caller.principal;
        const bool is_role = principal.kind == policy::PrincipalKind::role_session;
        const bool is_own = all[i].needs.empty() && all[i].shown_as.empty() && principal.account == account;
        if (!is_own || (!is_role && principal.kind != policy::PrincipalKind::user)) continue;
        proof::HolderForPaths out{
            .asker = askers[i], .arn = is_role ? principal.role_arn : principal.arn, .name = "", .is_role = is_role};
        out.name = out.arn.substr(out.arn.rfind('/') + 1);
        const char* look = is_role ? "iam:GetRole" : "iam:GetUser";
        out.keys = TRY(parts.describer->describe(out.arn, look, account)).keys;
        if (is_role) {
            auto trust = parts.directory->trust_policy(out.arn);
            if (!trust) continue;  // it has gone meanwhile
            out.trust = &to.trust.emplace_back(std::move(*trust));
        } else {
            if (const auto in = iam.groups_of(account, out.name))
                for (const auto& group : *in)
                    if (const auto found = groups.find(group->arn); found != groups.end()) out.groups.push_back(found->second);
            if (const auto keys = iam.access_keys(account, out.name)) out.access_keys = keys->size();
        }
        to.account.holders.push_back(std::move(out));
        to.candidates.push_back(i);
    }
    return {};
}

std::string last_name(const std::string& arn) { return arn.substr(arn.rfind('/') + 1); }

// What the step does, in words.
std::string words_of(const proof::Step& step) {
    using enum proof::Step::Means;
    const std::string to = step.to == step.from ? "itself" : last_name(step.to);
    switch (step.means) {
        case assume_role:
            return "assumes role " + to;
        case assume_role_as:
            return "assumes role " + to + " with the session's " + step.on;
        case pass_role_to_job:
            return "passes role " + to + " to a training job, whose processes have all that the role may";
        case pass_role_to_cut_job:
            return "passes role " + to + " to a training job, which reads its inputs and writes its outputs as the role";
        case open_slurm_session:
            return "opens a Slurm job's session of role " + to + " in the name of a user who may pass it";
        case create_access_key:
            return "makes an access key of user " + to;
        case update_trust:
            return "lets the trust policy of role " + to + " name it, and assumes the role";
        case make_role:
            return "makes a role, gives it a policy and assumes it";
        case make_user:
            return "makes a user, gives it a policy and an access key";
        case put_policy:
            return "writes an inline policy of " + to;
        case attach_policy:
            return "attaches policy " + last_name(step.on) + " to " + to;
        case put_group_policy:
            return "writes an inline policy of group " + last_name(step.on) + ", of which " + to + " is a member";
        case attach_group_policy:
            return "attaches a policy to group " + last_name(step.on) + ", of which " + to + " is a member";
        case create_policy_version:
            return "writes a new version of policy " + last_name(step.on) + ", which " + to + " has";
        case set_default_version:
            return "makes another version of policy " + last_name(step.on) + " the one that counts, which " + to + " has";
        case add_to_group:
            return "adds " + to + " to group " + last_name(step.on);
        case make_group:
            return "makes a group, gives it a policy and adds " + to;
        case rename_user:
            return "calls " + to + " " + step.on;
        case delete_boundary:
            return "removes the permissions boundary of " + to;
        case put_boundary:
            return "puts another permissions boundary on " + to;
        case delete_policy:
            return "deletes an inline policy of " + to + " that denies";
        case detach_policy:
            return "detaches policy " + last_name(step.on) + ", which denies, from " + to;
        case remove_from_group:
            return "takes " + to + " out of group " + last_name(step.on) + ", whose policies deny";
        case delete_group_policy:
            return "deletes an inline policy of group " + last_name(step.on) + " that denies";
        case detach_group_policy: {
            const size_t between = step.on.find(' ');
            return "detaches policy " + last_name(step.on.substr(between + 1)) + ", which denies, from group " +
                   last_name(step.on.substr(0, between));
        }
        case tag_principal:
            return "gives " + to + " the tag " + step.on;
        case untag_principal:
            return "takes the tag " + step.on + " from " + to;
        case put_bucket_policy:
            return "writes the bucket policy of " + step.on;
        case delete_bucket_policy:
            return "deletes the bucket policy of " + step.on + ", which denies";
        case put_object_tags:
            return "gives " + step.on + " other tags";
    }
    return "";
}

}  // namespace

Result<FoundPaths> paths_of(const Dependencies& parts, const Targets& targets, const policy::Context& said,
                            std::span<const Candidate> all, std::span<const proof::Asker> askers) {
    AccountState state;
    TRY(read_account(parts, all, askers, state));
    const proof::Paths found = proof::find_paths(state.account, targets.all, said);
    FoundPaths out{.paths = {}, .open = found.open};
    if (out.open.empty() && state.attachable_cut) out.open = "the number of AWS's policies that may be attached";
    std::map<std::string, const policy::Context*> known;
    for (const proof::HolderForPaths& holder : state.account.holders) known.emplace(holder.arn, &holder.asker.subject.known);
    static const policy::Context nothing;
    for (const proof::Path& path : found.paths) {
        m::AccessPath shown_path{.principal = shown_principal(all[state.candidates[path.holder]]), .steps = {}};
        for (const proof::Step& step : path.steps) {
            m::PathStep shown_step{.from = step.from,
                                   .to = step.to,
                                   .means = std::string(proof::name_of(step.means)),
                                   .description = words_of(step),
                                   .requests = {}};
            const auto of = known.find(step.from);
            for (const proof::WayIn& request : step.requests)
                shown_step.requests.push_back(shown_request(request, of == known.end() ? nothing : *of->second));
            shown_path.steps.push_back(std::move(shown_step));
        }
        out.paths.push_back(std::move(shown_path));
    }
    return out;
}

}  // namespace services::trainwarden
