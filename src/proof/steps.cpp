#include "proof/steps.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/strings.hpp"
#include "policy/arn.hpp"
#include "policy/evaluate.hpp"
#include "proof/actions.hpp"

namespace proof {

namespace {

using policy::AttachedPolicy;
using policy::Grant;
using policy::PolicyKind;
using Means = Step::Means;

constexpr const char* sagemaker = "sagemaker.amazonaws.com";
constexpr const char* administrator = "arn:aws:iam::aws:policy/AdministratorAccess";
// What a job does with the data that its creator names.
constexpr auto of_cut_jobs = std::to_array<std::string_view>({"s3:getobject", "s3:putobject", "s3:listbucket"});

policy::PolicyPtr policy_of(const std::string& statements, PolicyKind kind) {
    return policy::Policy::parse_stored(R"({"Version":"2012-10-17","Statement":[)" + statements + "]}", kind);
}

// Of the resource that a request is about.
constexpr auto resource_keys = std::to_array<const char*>({"aws:resourcetag/", "iam:resourcetag/", "iam:permissionsboundary"});

bool is_of_resource(std::string_view key) {
    return std::ranges::any_of(resource_keys, [&](const char* one) { return key.starts_with(one); });
}

const policy::PolicyPtr& allows_everything() {
    static const auto all = policy_of(R"({"Effect":"Allow","Action":"*","Resource":"*"})", PolicyKind::identity);
    return all;
}

bool denies(const AttachedPolicy& policy) {
    return std::ranges::any_of(policy.policy->compiled().statements(),
                               [](const auto& statement) { return statement.effect == policy::Effect::deny; });
}

policy::Context with(std::initializer_list<std::pair<const char*, std::string>> entries, const policy::Context& more = {}) {
    policy::Context out = more;
    for (const auto& [key, value] : entries) out.replace(key, value);
    return out;
}

std::string text_of(const policy::Context& context) {
    std::string out;
    for (const auto& entry : context.entries())
        for (const auto& value : entry.values) out += entry.key + "=" + std::to_string(value.size()) + ":" + value + ";";
    return out;
}

bool is_inline(const AttachedPolicy& policy) { return !policy.name.starts_with("arn:"); }
// Of the user or role itself, not of its groups.
bool is_own_inline(const AttachedPolicy& policy, const HolderForPaths& of) {
    return policy.name.ends_with((of.is_role ? " of role " : " of user ") + of.name);
}

// How strongly an Allow of the trust policy names the caller.
Grant strongest(const AttachedPolicy& trust, const policy::CallerNames& names, bool has_boundary) {
    Grant out = Grant::none;
    const auto& compiled = trust.policy->compiled();
    for (const auto& statement : compiled.statements())
        if (statement.effect == policy::Effect::allow && !statement.broken)
            out = std::max(out, policy::names(compiled.principals(statement), names, has_boundary, false));
    return out;
}

// Does a request for it bring of the resource what others find there?
bool is_made(const std::string& action) { return action == "iam:CreateRole" || action == "iam:CreateUser"; }

}  // namespace

std::string_view name_of(Means means) {
    switch (means) {
        case Means::assume_role:
            return "AssumeRole";
        case Means::pass_role_to_job:
            return "PassRoleToTrainingJob";
        case Means::pass_role_to_cut_job:
            return "PassRoleToCutTrainingJob";
        case Means::create_access_key:
            return "CreateAccessKey";
        case Means::update_trust:
            return "UpdateAssumeRolePolicy";
        case Means::make_role:
            return "CreateRole";
        case Means::make_user:
            return "CreateUser";
        case Means::put_policy:
            return "PutPolicy";
        case Means::attach_policy:
            return "AttachPolicy";
        case Means::put_group_policy:
            return "PutGroupPolicy";
        case Means::attach_group_policy:
            return "AttachGroupPolicy";
        case Means::create_policy_version:
            return "CreatePolicyVersion";
        case Means::set_default_version:
            return "SetDefaultPolicyVersion";
        case Means::add_to_group:
            return "AddUserToGroup";
        case Means::delete_boundary:
            return "DeletePermissionsBoundary";
        case Means::put_boundary:
            return "PutPermissionsBoundary";
        case Means::delete_policy:
            return "DeletePolicy";
        case Means::detach_policy:
            return "DetachPolicy";
        case Means::remove_from_group:
            return "RemoveUserFromGroup";
        case Means::put_bucket_policy:
            return "PutBucketPolicy";
        case Means::delete_bucket_policy:
            return "DeleteBucketPolicy";
    }
    return "";
}

Steps::Steps(const AccountForPaths& account, const policy::Context& known, const PathLimits& limits)
    : account_(account),
      known_(known),
      limits_(limits),
      holders_(account.holders.begin(), account.holders.end()),
      trusts_account_{policy_of(R"({"Effect":"Allow","Principal":{"AWS":")" + account.id + R"("},"Action":"sts:AssumeRole"})",
                                PolicyKind::trust),
                      "the account's trust"} {}

State Steps::as_is(uint32_t holder) const {
    return {.holder = holder, .changes = "", .changes_count = 0, .is_cut = false, .policies = *holders_[holder].asker.policies};
}

std::optional<WayIn> Steps::ask(const Subject& subject, const View& view, const std::string& action,
                                const std::vector<std::string>& resources, const policy::Context& keys,
                                const std::string& account) {
    ++questions_;
    policy::Context known = known_;
    known.merge(keys);
    const Question question{.subject = &subject,
                            .allowed = {view},
                            .refused = {},
                            .actions = {action},
                            .resources = resources,
                            .resource_account = account,
                            .known = known,
                            .region = action.starts_with("iam:") && action != "iam:PassRole" ? "us-east-1" : account_.region};
    Answer answer = prove(question, limits_.each);
    if (answer.kind == Answer::Kind::unknown && open_.empty()) open_ = answer.reason;
    if (answer.kind != Answer::Kind::yes) return std::nullopt;
    WayIn way{.actions = {action}, .allowed_by = {}, .denied_by = {}, .witness = std::move(*answer.witness)};
    const policy::Question asked(way.witness);
    for (const policy::Granting& one : policy::decide(asked, *view.policies, view.resource).granting())
        way.allowed_by.push_back({one.layer, one.policy, one.statement});
    return way;
}

bool Steps::Asked::may_be_about(const std::string& resource) const {
    return everything || std::ranges::any_of(patterns, [&](const PatternTokens& one) { return matches(one.tokens, resource); });
}

void Steps::find_patterns(const State& state, const std::string& action, Asked& out) const {
    const std::string lower = base::lower(action);
    const Variables variables{.known = &holders_[state.holder].asker.subject.known,
                              .is_free = [](const void*, std::string_view) { return true; },
                              .of = nullptr};
    for (const AttachedPolicy& attached : state.policies.identity) {
        const auto& compiled = attached.policy->compiled();
        for (const auto& statement : compiled.statements()) {
            if (statement.effect != policy::Effect::allow || statement.broken) continue;
            if (names_action(compiled, statement, lower) == statement.not_action) continue;
            if (statement.not_resource || statement.any_resource) out.everything = true;
            for (const auto& pattern : compiled.resources(statement)) {
                if (pattern.is_everything()) out.everything = true;
                out.patterns.push_back(tokens_of(pattern, compiled.patterns(), variables));
            }
        }
    }
}

// With some resource: what is not allowed anywhere needs not be asked about each.
const Steps::Asked& Steps::anywhere(const State& state, const std::string& action, const policy::Context& keys) {
    const auto [entry, is_new] =
        anywhere_.try_emplace(std::to_string(state.holder) + "|" + state.changes + "|" + action + "|" + text_of(keys));
    if (!is_new) return entry->second;
    // Of roles, as if each trusted the account.
    const AttachedPolicy* policy = action == "sts:AssumeRole" ? &trusts_account_ : nullptr;
    auto way = ask(holders_[state.holder].asker.subject, {&state.policies, policy}, action, {"*"}, keys, account_.id);
    entry->second.may = way.has_value();
    if (way) find_patterns(state, action, entry->second);
    if (way) entry->second.witness = std::move(way->witness);
    return entry->second;
}

std::optional<WayIn> Steps::allowed(const State& state, const std::string& action, const std::string& resource,
                                    const policy::Context& keys, const AttachedPolicy* policy) {
    if (state.is_cut || questions_ >= limits_.questions_max) {
        if (!state.is_cut) open_ = "the number of questions";
        return std::nullopt;
    }
    const View view{&state.policies, policy};
    if (policy == nullptr) {
        // What tags the resource has is open here: only `keys` of the request are known.
        policy::Context of_request;
        for (const auto& entry : keys.entries())
            if (entry.key == "iam:passedtoservice" || entry.key == "trainwarden:trainingscope" || entry.key == "iam:policyarn")
                of_request.set(entry.key, entry.values.front());
        const Asked& some = anywhere(state, action, of_request);
        if (!some.may || !some.may_be_about(resource)) return std::nullopt;
        // Mostly what is allowed for one is allowed for another.
        policy::Request request = *some.witness;
        request.resource = resource;
        std::vector<std::string> others;
        for (const auto& entry : request.context.entries())
            if (is_of_resource(entry.key) && !is_made(action)) others.push_back(entry.key);
        for (const auto& key : others) request.context.erase(key);
        request.context.merge(keys);
        const policy::Question question(request);
        if (const auto verdict = policy::decide(question, *view.policies, view.resource);
            verdict.outcome == policy::Outcome::allow) {
            WayIn way{.actions = {action}, .allowed_by = {}, .denied_by = {}, .witness = std::move(request)};
            for (const policy::Granting& one : verdict.granting())
                way.allowed_by.push_back({one.layer, one.policy, one.statement});
            return way;
        }
    }
    Subject subject = holders_[state.holder].asker.subject;
    if (!is_made(action)) subject.absent.assign(resource_keys.begin(), resource_keys.end());
    return ask(subject, view, action, {resource}, keys, account_.id);
}

std::optional<WayIn> Steps::may(const State& state, const Target& target) {
    std::vector<std::string> actions = target.actions;
    if (state.is_cut) {
        std::vector<std::string> cut;
        for (const std::string_view one : of_cut_jobs)
            if (std::ranges::any_of(actions, [&](const auto& asked) { return policy::glob_matches(base::lower(asked), one); }))
                cut.emplace_back(one == "s3:getobject"   ? "s3:GetObject"
                                 : one == "s3:putobject" ? "s3:PutObject"
                                                         : "s3:ListBucket");
        if (cut.empty()) return std::nullopt;
        actions = std::move(cut);
    }
    if (questions_++ >= limits_.questions_max) {
        open_ = "the number of questions";
        return std::nullopt;
    }
    policy::Context known = known_;
    known.merge(target.known);
    const View view{&state.policies, target.policy};
    Subject subject = holders_[state.holder].asker.subject;
    subject.absent = target.absent;
    Answer answer = prove({.subject = &subject,
                           .allowed = {view},
                           .refused = {},
                           .actions = std::move(actions),
                           .except = target.except,
                           .resources = target.resources,
                           .resource_account = target.account,
                           .known = known,
                           .region = target.region},
                          limits_.each);
    if (answer.kind == Answer::Kind::unknown && open_.empty()) open_ = answer.reason;
    if (answer.kind != Answer::Kind::yes) return std::nullopt;
    WayIn way{.actions = {answer.witness->action}, .allowed_by = {}, .denied_by = {}, .witness = std::move(*answer.witness)};
    const policy::Question asked(way.witness);
    for (const policy::Granting& one : policy::decide(asked, *view.policies, view.resource).granting())
        way.allowed_by.push_back({one.layer, one.policy, one.statement});
    return way;
}

std::optional<WayIn> Steps::assume(const State& state, const HolderForPaths& role, const AttachedPolicy& trust) {
    Subject subject = holders_[state.holder].asker.subject;
    subject.absent.assign(resource_keys.begin(), resource_keys.end());
    return ask(subject, {&state.policies, &trust}, "sts:AssumeRole", {role.arn}, role.keys, account_.id);
}

bool Steps::lets_sagemaker_in(uint32_t role) {
    const auto [entry, is_new] = trusts_sagemaker_.try_emplace(role, false);
    if (!is_new) return entry->second;
    Subject service;
    service.principal.kind = policy::PrincipalKind::service;
    service.principal.service = sagemaker;
    service.known.set("aws:SourceAccount", account_.id);
    service.known.set("sts:RoleSessionName", "SageMaker");
    static const policy::PrincipalPolicies none;
    const HolderForPaths& of = holders_[role];
    entry->second = ask(service, {&none, of.trust}, "sts:AssumeRole", {of.arn}, {}, account_.id).has_value();
    return entry->second;
}

void Steps::add_roles(const State& state, std::vector<Transition>& out) {
    const HolderForPaths& self = holders_[state.holder];
    const policy::CallerNames names(self.asker.subject.principal, "sts:assumerole");
    const bool has_boundary = state.policies.boundary.has_value();
    const auto scoped = [](const char* scope) {
        return with({{"iam:PassedToService", sagemaker}, {"trainwarden:TrainingScope", scope}});
    };
    const Asked& assumes = anywhere(state, "sts:AssumeRole", {});
    const bool updates = anywhere(state, "iam:UpdateAssumeRolePolicy", {}).may,
               passes = anywhere(state, "iam:PassRole", scoped("role")).may,
               passes_cut = anywhere(state, "iam:PassRole", scoped("job")).may;
    for (uint32_t number = 0; number < account_.holders.size(); ++number) {
        const HolderForPaths& role = holders_[number];
        if (!role.is_role || role.trust == nullptr || number == state.holder) continue;
        const auto add = [&](Means means, std::vector<WayIn> requests, bool is_cut = false) {
            State to = as_is(number);
            to.is_cut = is_cut;
            if (is_cut) to.changes = "cut";
            out.push_back({{.means = means, .from = self.arn, .to = role.arn, .on = role.arn, .requests = requests}, to});
            if (!is_cut) add_changes(state, as_is(number), requests, out);
        };
        // A trust policy that names the account alone leaves it to the caller's own policies.
        const Grant named = strongest(*role.trust, names, has_boundary);
        const bool worth_asking =
            named > Grant::account || (named == Grant::account && assumes.may && assumes.may_be_about(role.arn));
        if (auto way = worth_asking ? assume(state, role, *role.trust) : std::nullopt) {
            add(Means::assume_role, {std::move(*way)});
            continue;
        }
        if ((passes || passes_cut) && lets_sagemaker_in(number)) {
            const auto pass = [&](const char* scope) -> std::vector<WayIn> {
                auto passing = allowed(state, "iam:PassRole", role.arn, scoped(scope));
                if (!passing) return {};
                auto creating = allowed(state, "sagemaker:CreateTrainingJob",
                                        "arn:aws:sagemaker:" + account_.region + ":" + account_.id + ":training-job/path",
                                        with({{"trainwarden:TrainingScope", scope}}));
                if (!creating) return {};
                return {std::move(*passing), std::move(*creating)};
            };
            if (auto whole = pass("role"); !whole.empty()) {
                add(Means::pass_role_to_job, std::move(whole));
                continue;
            }
            if (auto cut = pass("job"); !cut.empty()) add(Means::pass_role_to_cut_job, std::move(cut), true);
        }
        if (!updates) continue;
        if (auto change = allowed(state, "iam:UpdateAssumeRolePolicy", role.arn, role.keys)) {
            const std::string own = self.is_role ? self.asker.subject.principal.role_arn : self.arn;
            const AttachedPolicy& trust = attached_.emplace_back(
                policy_of(R"({"Effect":"Allow","Principal":{"AWS":")" + own + R"("},"Action":"sts:AssumeRole"})",
                          PolicyKind::trust),
                "the changed trust policy of role " + role.name);
            if (auto way = assume(state, role, trust)) add(Means::update_trust, {std::move(*change), std::move(*way)});
        }
    }
}

void Steps::add_users(const State& state, std::vector<Transition>& out) {
    const HolderForPaths& self = holders_[state.holder];
    if (!anywhere(state, "iam:CreateAccessKey", {}).may) return;
    for (uint32_t number = 0; number < account_.holders.size(); ++number) {
        const HolderForPaths& user = holders_[number];
        if (user.is_role || number == state.holder) continue;
        auto way = allowed(state, "iam:CreateAccessKey", user.arn, user.keys);
        if (!way) continue;
        const std::vector<WayIn> requests{std::move(*way)};
        out.push_back(
            {{.means = Means::create_access_key, .from = self.arn, .to = user.arn, .on = user.arn, .requests = requests},
             as_is(number)});
        add_changes(state, as_is(number), requests, out);
    }
}

// A new principal, with whatever policies it is given.
void Steps::add_new(const State& state, std::vector<Transition>& out) {
    const HolderForPaths self = holders_[state.holder];
    for (const bool is_role : {true, false}) {
        const std::string type = is_role ? "role" : "user", create = is_role ? "iam:CreateRole" : "iam:CreateUser";
        const std::string pattern = "arn:aws:iam::" + account_.id + ":" + type + "/*";
        if (!anywhere(state, create, {}).may) continue;
        const char* put = is_role ? "iam:PutRolePolicy" : "iam:PutUserPolicy";
        const char* attach = is_role ? "iam:AttachRolePolicy" : "iam:AttachUserPolicy";
        const auto administrators = with({{"iam:PolicyARN", administrator}});
        // A name that is allowed for one of them may do for all.
        std::optional<WayIn> making, giving;
        for (const auto& [action, keys] :
             {std::pair<const char*, policy::Context>{put, {}}, {attach, administrators}, {create.c_str(), {}}}) {
            if (giving) break;
            const auto named = ask(self.asker.subject, {&state.policies, nullptr}, action, {pattern}, keys, account_.id);
            if (!named) continue;
            making = allowed(state, create, named->witness.resource);
            // One that must be made with a boundary gets no further than that.
            if (!making || making->witness.context.find("iam:PermissionsBoundary") != nullptr) continue;
            giving = allowed(state, put, named->witness.resource);
            if (!giving) giving = allowed(state, attach, named->witness.resource, administrators);
        }
        if (!making || !giving) continue;
        const std::string arn = making->witness.resource;
        HolderForPaths made{
            .asker = {}, .arn = arn, .name = arn.substr(arn.rfind('/') + 1), .is_role = is_role, .keys = {}, .groups = {}};
        std::optional<WayIn> acting;
        if (is_role) {
            const AttachedPolicy& trust =
                attached_.emplace_back(policy_of(R"({"Effect":"Allow","Principal":{"AWS":")" +
                                                     (self.is_role ? self.asker.subject.principal.role_arn : self.arn) +
                                                     R"("},"Action":"sts:AssumeRole"})",
                                                 PolicyKind::trust),
                                       "the trust policy of the new role");
            acting = assume(state, made, trust);
        } else {
            acting = allowed(state, "iam:CreateAccessKey", arn);
        }
        if (!acting) continue;
        auto& principal = made.asker.subject.principal;
        principal.account = account_.id;
        principal.kind = is_role ? policy::PrincipalKind::role_session : policy::PrincipalKind::user;
        principal.unique_id = is_role ? "AROANEW:session" : "AIDANEW";
        principal.arn = is_role ? "arn:aws:sts::" + account_.id + ":assumed-role/" + made.name + "/session" : arn;
        (is_role ? principal.role_arn : principal.user_arn) = arn;
        if (is_role) principal.role_id = "AROANEW";
        made.asker.subject.known = with({{"aws:PrincipalArn", arn},
                                         {"aws:PrincipalAccount", account_.id},
                                         {"aws:PrincipalType", is_role ? "AssumedRole" : "User"},
                                         {"aws:userid", principal.unique_id}});
        auto& policies = made_.emplace_back();
        policies.identity.push_back({allows_everything(), "the policy of the new " + type});
        policies.service_control = state.policies.service_control;
        policies.resource_control = state.policies.resource_control;
        made.asker.policies = &policies;
        holders_.push_back(std::move(made));
        const auto number = static_cast<uint32_t>(holders_.size() - 1);
        State to = as_is(number);
        to.changes = "new";
        to.changes_count = limits_.changes_max;  // there is nothing that it could give itself beside
        out.push_back({{.means = is_role ? Means::make_role : Means::make_user,
                        .from = self.arn,
                        .to = arn,
                        .on = arn,
                        .requests = {std::move(*making), std::move(*giving), std::move(*acting)}},
                       std::move(to)});
    }
}

void Steps::add_changes(const State& by, const State& of, const std::vector<WayIn>& as, std::vector<Transition>& out) {
    if (of.changes_count >= limits_.changes_max || of.is_cut) return;
    const HolderForPaths& holder = holders_[of.holder];
    const std::string type = holder.is_role ? "Role" : "User";
    const auto everything_as = [](const std::string& name) { return AttachedPolicy{allows_everything(), name}; };
    const auto add = [&](Means means, WayIn request, const std::string& on, policy::PrincipalPolicies policies) {
        State to = of;
        to.policies = std::move(policies);
        to.changes += std::string(to.changes.empty() ? "" : ", ") + std::string(name_of(means)) + " " + on;
        ++to.changes_count;
        std::vector<WayIn> requests{std::move(request)};
        requests.insert(requests.end(), as.begin(), as.end());
        out.push_back(
            {{.means = means, .from = holders_[by.holder].arn, .to = holder.arn, .on = on, .requests = std::move(requests)},
             std::move(to)});
    };
    const auto extended = [&](AttachedPolicy policy) {
        policy::PrincipalPolicies policies = of.policies;
        policies.identity.push_back(std::move(policy));
        return policies;
    };
    const auto without = [&](const auto& drops) {
        policy::PrincipalPolicies policies = of.policies;
        std::erase_if(policies.identity, drops);
        return policies;
    };
    // Its own.
    if (auto way = allowed(by, "iam:Put" + type + "Policy", holder.arn, holder.keys)) {
        // One of the same name is written over.
        auto policies = without([&](const AttachedPolicy& one) { return is_own_inline(one, holder); });
        policies.identity.push_back(everything_as("a new inline policy of " + base::lower(type) + " " + holder.name));
        add(Means::put_policy, std::move(*way), holder.arn, std::move(policies));
    }
    if (auto way = allowed(by, "iam:Attach" + type + "Policy", holder.arn, with({{"iam:PolicyARN", administrator}}, holder.keys)))
        add(Means::attach_policy, std::move(*way), holder.arn, extended(everything_as(administrator)));
    const auto own_denies = [&](const AttachedPolicy& one) { return denies(one) && is_own_inline(one, holder); };
    if (std::ranges::any_of(of.policies.identity, own_denies))
        if (auto way = allowed(by, "iam:Delete" + type + "Policy", holder.arn, holder.keys))
            add(Means::delete_policy, std::move(*way), holder.arn, without(own_denies));
    for (const AttachedPolicy& one : of.policies.identity) {
        if (is_inline(one) || !denies(one)) continue;
        if (auto way = allowed(by, "iam:Detach" + type + "Policy", holder.arn, with({{"iam:PolicyARN", one.name}}, holder.keys)))
            add(Means::detach_policy, std::move(*way), one.name,
                without([&](const AttachedPolicy& other) { return other.name == one.name; }));
    }
    // Managed ones that it has.
    for (const ManagedPolicyForPaths& managed : account_.policies) {
        const auto is_this = [&](const AttachedPolicy& one) { return one.name == managed.arn; };
        const auto replaced = [&](const policy::PolicyPtr& policy) {
            policy::PrincipalPolicies policies = of.policies;
            for (AttachedPolicy& one : policies.identity)
                if (is_this(one)) one.policy = policy;
            if (policies.boundary && is_this(*policies.boundary)) policies.boundary->policy = policy;
            return policies;
        };
        const bool has =
            std::ranges::any_of(of.policies.identity, is_this) || (of.policies.boundary && is_this(*of.policies.boundary));
        if (!has) continue;
        if (auto way = allowed(by, "iam:CreatePolicyVersion", managed.arn, managed.keys))
            add(Means::create_policy_version, std::move(*way), managed.arn, replaced(allows_everything()));
        if (managed.versions.size() > 1)
            if (auto way = allowed(by, "iam:SetDefaultPolicyVersion", managed.arn, managed.keys))
                for (const ManagedPolicyForPaths::Version& version : managed.versions)
                    if (version.id != managed.default_version)
                        add(Means::set_default_version, *way, managed.arn + " " + version.id, replaced(version.policy));
    }
    // The boundary.
    if (of.policies.boundary) {
        policy::PrincipalPolicies unbound = of.policies;
        unbound.boundary.reset();
        if (auto way = allowed(by, "iam:Delete" + type + "PermissionsBoundary", holder.arn, holder.keys))
            add(Means::delete_boundary, std::move(*way), holder.arn, unbound);
        if (auto way = allowed(by, "iam:Put" + type + "PermissionsBoundary", holder.arn,
                               with({{"iam:PermissionsBoundary", administrator}}, holder.keys)))
            add(Means::put_boundary, std::move(*way), holder.arn, unbound);
    }
    if (holder.is_role) return;
    // Groups.
    for (uint32_t number = 0; number < account_.groups.size(); ++number) {
        const GroupPolicies& group = account_.groups[number];
        const bool is_member = std::ranges::find(holder.groups, number) != holder.groups.end();
        if (!is_member) {
            if (of.changes.contains("AddUserToGroup " + group.arn)) continue;
            if (auto way = allowed(by, "iam:AddUserToGroup", group.arn)) {
                policy::PrincipalPolicies policies = of.policies;
                policies.identity.insert(policies.identity.end(), group.policies.begin(), group.policies.end());
                add(Means::add_to_group, std::move(*way), group.arn, std::move(policies));
            }
            continue;
        }
        if (auto way = allowed(by, "iam:PutGroupPolicy", group.arn))
            add(Means::put_group_policy, std::move(*way), group.arn,
                extended(everything_as("a new inline policy of group " + group.name)));
        if (auto way = allowed(by, "iam:AttachGroupPolicy", group.arn, with({{"iam:PolicyARN", administrator}})))
            add(Means::attach_group_policy, std::move(*way), group.arn, extended(everything_as(administrator)));
        if (std::ranges::any_of(group.policies, denies))
            if (auto way = allowed(by, "iam:RemoveUserFromGroup", group.arn))
                add(Means::remove_from_group, std::move(*way), group.arn, without([&](const AttachedPolicy& one) {
                        return std::ranges::any_of(group.policies, [&](const AttachedPolicy& of_group) {
                            return of_group.policy == one.policy && of_group.name == one.name;
                        });
                    }));
    }
}

std::vector<Transition> Steps::from(const State& state) {
    std::vector<Transition> out;
    if (state.is_cut) return out;
    add_changes(state, state, {}, out);
    add_roles(state, out);
    add_users(state, out);
    if (state.holder < account_.holders.size()) add_new(state, out);
    return out;
}

std::optional<Step> Steps::by_bucket_policy(const State& state, const Target& target) {
    constexpr std::string_view arns = "arn:aws:s3:::";
    if (state.is_cut || target.resources.empty() || !target.resources.front().starts_with(arns)) return std::nullopt;
    const std::string bucket = target.resources.front().substr(0, target.resources.front().find('/'));
    if (bucket.find_first_of("*?") != std::string::npos) return std::nullopt;
    const HolderForPaths& self = holders_[state.holder];
    const auto by = [&](Means means, const char* action, const AttachedPolicy* after) -> std::optional<Step> {
        auto change = ask(self.asker.subject, {&state.policies, target.policy}, action, {bucket}, target.known, target.account);
        if (!change) return std::nullopt;
        Target changed = target;
        changed.policy = after;
        auto use = may(state, changed);
        if (!use) return std::nullopt;
        return Step{
            .means = means, .from = self.arn, .to = self.arn, .on = bucket, .requests = {std::move(*change), std::move(*use)}};
    };
    const std::string own = self.is_role ? self.asker.subject.principal.role_arn : self.arn;
    const AttachedPolicy& granting =
        attached_.emplace_back(policy_of(R"({"Effect":"Allow","Principal":{"AWS":")" + own +
                                             R"("},"Action":"s3:*","Resource":[")" + bucket + "\",\"" + bucket + R"(/*"]})",
                                         PolicyKind::resource),
                               "the changed bucket policy of " + bucket.substr(arns.size()));
    if (auto step = by(Means::put_bucket_policy, "s3:PutBucketPolicy", &granting)) return step;
    if (target.policy != nullptr && denies(*target.policy))
        return by(Means::delete_bucket_policy, "s3:DeleteBucketPolicy", nullptr);
    return std::nullopt;
}

}  // namespace proof
