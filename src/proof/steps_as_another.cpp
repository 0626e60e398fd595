// Acting as another principal: a role that is assumed, or passed to a job, another user's access key, principals that are made.
#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <set>
#include <utility>

#include "policy/evaluate.hpp"
#include "proof/actions.hpp"
#include "proof/step_policies.hpp"
#include "proof/steps.hpp"

namespace proof {

namespace {

using policy::AttachedPolicy;
using policy::Grant;
using policy::PolicyKind;
using Means = Step::Means;

constexpr size_t access_keys_max = 2;  // of a user: AWS General Reference, IAM quotas

// How strongly an Allow of the trust policy names the caller.
Grant strongest(const AttachedPolicy& trust, const policy::CallerNames& names, bool has_boundary) {
    Grant out = Grant::none;
    const auto& compiled = trust.policy->compiled();
    for (const auto& statement : compiled.statements())
        if (statement.effect == policy::Effect::allow && !statement.broken)
            out = std::max(out, policy::names(compiled.principals(statement), names, has_boundary, false));
    return out;
}

// Does some Allow name the action, whatever its conditions?
bool allows_action(const AttachedPolicy& trust, std::string_view lower_action) {
    const auto& compiled = trust.policy->compiled();
    return std::ranges::any_of(compiled.statements(), [&](const policy::CompiledStatement& statement) {
        return statement.effect == policy::Effect::allow &&
               names_action(compiled, statement, lower_action) != statement.not_action;
    });
}

// AWS STS API Reference, AssumeRole: RoleSessionName.
bool is_session_name(std::string_view name) {
    constexpr size_t least = 2, most = 64;
    return name.size() >= least && name.size() <= most && std::ranges::all_of(name, [](unsigned char c) {
               return std::isalnum(c) != 0 || std::string_view("_+=,.@-").contains(static_cast<char>(c));
           });
}

std::string words_of(const CallerFacts& facts) {
    std::string out;
    for (const TagChange& tag : facts.tags) out += (out.empty() ? "tag " : ", tag ") + tag.key + "=" + tag.value.value_or("");
    if (!facts.session_name.empty()) out += (out.empty() ? "name " : ", name ") + facts.session_name;
    if (!facts.source_identity.empty()) out += (out.empty() ? "source identity " : ", source identity ") + facts.source_identity;
    return out;
}

policy::Context for_scope(const char* scope) {
    return with({{"iam:PassedToService", sagemaker}, {"trainwarden:TrainingScope", scope}});
}

// As policies name a principal.
const std::string& name_of(const HolderForPaths& holder) {
    return holder.is_role ? holder.asker.subject.principal.role_arn : holder.arn;
}

void append(std::vector<WayIn>& to, std::vector<WayIn> more) { std::ranges::move(more, std::back_inserter(to)); }

}  // namespace

State Steps::as_is(uint32_t holder) const {
    return {.holder = holder, .changes = "", .changes_count = 0, .is_cut = false, .policies = *holders_[holder].asker.policies};
}

std::optional<Steps::Session> Steps::assume(const State& state, const HolderForPaths& role, const AttachedPolicy& trust) {
    Session out{.requests = allowed_or_tagged(state, "sts:AssumeRole", role.arn, role.keys, &trust), .facts = {}};
    if (out.requests.empty()) return std::nullopt;
    // What the request had to bring is the session's.
    for (const WayIn& way : out.requests) {
        if (way.witness.action != "sts:AssumeRole") continue;
        const policy::Context& context = way.witness.context;
        for (const auto& [key, value] : tags_of(context, std::array{request_tag_key}).value_or(Tags{}))
            out.facts.tags.push_back({key, value});
        if (const auto* name = context.find("sts:RoleSessionName")) out.facts.session_name = name->values.front();
        if (const auto* identity = context.find("sts:SourceIdentity")) out.facts.source_identity = identity->values.front();
    }
    return out;
}

const AttachedPolicy& Steps::trusting(const std::string& principal, const std::string& name) {
    return attached_.emplace_back(
        policy_with(R"({"Effect":"Allow","Principal":{"AWS":")" + principal + R"("},"Action":"sts:AssumeRole"})",
                    PolicyKind::trust),
        name);
}

// The role, whose trust policy lets SageMaker in, to a training job.
std::vector<WayIn> Steps::pass(const State& state, const std::string& role, const policy::Context& keys, const char* scope) {
    policy::Context of_role = keys;
    of_role.merge(for_scope(scope));
    Requests out = allowed_or_tagged(state, "iam:PassRole", role, of_role);
    if (out.empty()) return {};
    const Requests& creating = create_job(state, scope);
    if (creating.empty()) return {};
    append(out, creating);
    return out;
}

// A job of any name, in any region.
const std::vector<WayIn>& Steps::create_job(const State& state, const char* scope) {
    const auto [jobs, is_new] = jobs_.try_emplace(std::to_string(state.holder) + "|" + state.changes + "|" + scope);
    if (!is_new || state.is_cut) return jobs->second;
    const auto keys = with({{"trainwarden:TrainingScope", scope}});
    const auto regions = account_.regions.empty() ? std::vector{account_.region} : account_.regions;
    for (const bool tags : {false, true})
        for (const std::string& region : regions) {
            Subject subject = subject_of(state);
            if (!tags) subject.absent = {request_tag_key, "aws:tagkeys"};
            const std::string names = "arn:aws:sagemaker:" + region + ":" + account_.id + ":training-job/*";
            auto way = ask(subject, {&state.policies}, "sagemaker:CreateTrainingJob", {names}, keys, account_.id, region);
            if (!way) continue;
            if (!tags)
                jobs->second = {std::move(*way)};
            else if (region == account_.region)
                jobs->second = whole_of(state, *way, way->witness.resource, keys, nullptr);
            if (!jobs->second.empty()) return jobs->second;
        }
    return jobs->second;
}

// Whose job it is passes the role: any user of the account that may, and that the caller names.
std::vector<WayIn> Steps::open_slurm_session(const State& state, uint32_t role) {
    const std::string& arn = holders_[role].arn;
    auto opening = allowed(state, "trainwarden:OpenSlurmSession", arn, holders_[role].keys);
    if (!opening) return {};
    const auto [passed, is_new] = passed_by_user_.try_emplace(role);
    for (uint32_t number = 0; is_new && number < account_.holders.size() && !passed->second; ++number) {
        if (holders_[number].is_role) continue;
        passed->second = allowed(as_is(number), "iam:PassRole", arn, for_scope("role"));
    }
    if (!passed->second) return {};
    return {std::move(*opening), *passed->second};
}

void Steps::add_roles(const State& state, std::vector<Transition>& out) {
    const HolderForPaths& self = holders_[state.holder];
    const policy::CallerNames names(self.asker.subject.principal, "sts:assumerole");
    const bool has_boundary = state.policies.boundary.has_value();
    const Asked& assumes = anywhere(state, "sts:AssumeRole", {});
    const bool updates = anywhere(state, "iam:UpdateAssumeRolePolicy", {}).may,
               passes = anywhere(state, "iam:PassRole", for_scope("role")).may,
               passes_cut = anywhere(state, "iam:PassRole", for_scope("job")).may,
               opens = anywhere(state, "trainwarden:OpenSlurmSession", {}).may;
    for (uint32_t number = 0; number < account_.holders.size(); ++number) {
        const HolderForPaths& role = holders_[number];
        if (!role.is_role || role.trust == nullptr || number == state.holder) continue;
        const auto add = [&](Means means, Requests requests, bool is_cut = false, CallerFacts facts = {}) {
            State to = as_is(number);
            to.is_cut = is_cut;
            if (is_cut) to.changes = "cut";
            to.facts = std::move(facts);
            to.changes += words_of(to.facts);
            if (!is_cut) add_changes(state, to, requests, out);
            out.push_back({{.means = means, .from = self.arn, .to = role.arn, .on = role.arn, .requests = std::move(requests)},
                           std::move(to)});
        };
        // A trust policy that names the account alone leaves it to the caller's own policies.
        const Grant named = strongest(*role.trust, names, has_boundary);
        const bool worth_asking =
            named > Grant::account || (named == Grant::account && assumes.may && assumes.may_be_about(role.arn));
        if (worth_asking) add_sessions(state, number, out);
        if (auto session = worth_asking ? assume(state, role, *role.trust) : std::nullopt) {
            add(Means::assume_role, std::move(session->requests), false, std::move(session->facts));
            continue;
        }
        const bool lets_jobs_in = (passes || passes_cut || opens) && lets_sagemaker_in(number);
        if (passes && lets_jobs_in) {
            if (auto whole = pass(state, role.arn, role.keys, "role"); !whole.empty()) {
                add(Means::pass_role_to_job, std::move(whole));
                continue;
            }
        }
        if (opens && lets_jobs_in) {
            if (auto opened = open_slurm_session(state, number); !opened.empty()) {
                add(Means::open_slurm_session, std::move(opened));
                continue;
            }
        }
        if (passes_cut && lets_jobs_in)
            if (auto cut = pass(state, role.arn, role.keys, "job"); !cut.empty())
                add(Means::pass_role_to_cut_job, std::move(cut), true);
        if (!updates) continue;
        Requests change = allowed_or_tagged(state, "iam:UpdateAssumeRolePolicy", role.arn, role.keys);
        if (change.empty()) continue;
        const AttachedPolicy& trust = trusting(name_of(self), "the changed trust policy of role " + role.name);
        if (auto session = assume(state, role, trust)) {
            append(change, std::move(session->requests));
            add(Means::update_trust, std::move(change), false, std::move(session->facts));
        } else if (passes && !lets_jobs_in) {
            auto whole = pass(state, role.arn, role.keys, "role");
            if (whole.empty()) continue;
            append(change, std::move(whole));
            add(Means::pass_role_to_job, std::move(change));
        }
    }
}

// Sessions of the role that bring what policies ask for.
void Steps::add_sessions(const State& state, uint32_t role, std::vector<Transition>& out) {
    const HolderForPaths& of = holders_[role];
    const State plain = as_is(role);
    const auto add = [&](const policy::Context& more, const char* needs, CallerFacts facts) {
        policy::Context keys = of.keys;
        keys.merge(more);
        auto assuming = allowed(state, "sts:AssumeRole", of.arn, keys, of.trust);
        if (!assuming) return;
        Requests requests{std::move(*assuming)};
        if (needs != nullptr) {
            auto second = allowed(state, needs, of.arn, keys, of.trust);
            if (!second) return;
            requests.push_back(std::move(*second));
        }
        State to = plain;
        to.facts = std::move(facts);
        to.changes = words_of(to.facts);
        out.push_back({{.means = Means::assume_role_as,
                        .from = holders_[state.holder].arn,
                        .to = of.arn,
                        .on = to.changes,
                        .requests = std::move(requests)},
                       std::move(to)});
    };
    const CallerConditions asked = conditions_on(plain);
    if (allows_action(*of.trust, "sts:tagsession"))
        for (const TagChange& tag : useful_tags(plain)) {
            if (!tag.value) continue;
            policy::Context keys;
            keys.set(request_tag_key + tag.key, *tag.value);
            keys.set_list("aws:TagKeys", {tag.key});
            add(keys, "sts:TagSession", {.tags = {tag}});
        }
    if (allows_action(*of.trust, "sts:setsourceidentity"))
        for (const std::string& identity : asked.source_identities)
            add(with({{"sts:SourceIdentity", identity}}), "sts:SetSourceIdentity", {.source_identity = identity});
    for (const std::string& name : asked.session_names)
        if (is_session_name(name)) add(with({{"sts:RoleSessionName", name}}), nullptr, {.session_name = name});
}

void Steps::add_users(const State& state, std::vector<Transition>& out) {
    const HolderForPaths& self = holders_[state.holder];
    if (!anywhere(state, "iam:CreateAccessKey", {}).may) return;
    for (uint32_t number = 0; number < account_.holders.size(); ++number) {
        const HolderForPaths& user = holders_[number];
        if (user.is_role || number == state.holder) continue;
        Requests requests = allowed_or_tagged(state, "iam:CreateAccessKey", user.arn, user.keys);
        if (requests.empty()) continue;
        if (user.access_keys >= access_keys_max) {
            auto room = allowed_or_tagged(state, "iam:DeleteAccessKey", user.arn, user.keys);
            if (room.empty()) continue;
            append(room, std::move(requests));
            requests = std::move(room);
        }
        out.push_back(
            {{.means = Means::create_access_key, .from = self.arn, .to = user.arn, .on = user.arn, .requests = requests},
             as_is(number)});
        add_changes(state, as_is(number), requests, out);
    }
}

// A new principal, of a name that it may be made by, given policies by, or that policies ask for.
void Steps::add_new(const State& state, std::vector<Transition>& out) {
    for (const bool is_role : {true, false}) {
        const std::string create = is_role ? "iam:CreateRole" : "iam:CreateUser";
        if (!anywhere(state, create, {}).may) continue;
        const std::string kind = is_role ? "role/" : "user/", all = "arn:aws:iam::" + account_.id + ":" + kind;
        std::set<std::string> names;
        for (const std::string& arn : conditions_on(state).arns)
            if (arn.starts_with(all)) names.insert(arn);
        for (const auto& [action, keys] :
             {std::pair<const char*, policy::Context>{is_role ? "iam:PutRolePolicy" : "iam:PutUserPolicy", {}},
              {is_role ? "iam:AttachRolePolicy" : "iam:AttachUserPolicy", {}},
              {create.c_str(), {}}})
            if (const auto named = ask(subject_of(state), {&state.policies}, action, {all + "*"}, keys, account_.id))
                names.insert(named->witness.resource);
        for (const std::string& arn : names) {
            const bool is_there = std::ranges::find(account_.holders, arn, &HolderForPaths::arn) != account_.holders.end();
            if (is_there) continue;
            if (auto making = whole(state, create, arn); !making.empty()) add_made(state, is_role, std::move(making), out);
        }
    }
}

void Steps::add_made(const State& state, bool is_role, Requests making, std::vector<Transition>& out) {
    const HolderForPaths self = holders_[state.holder];
    const std::string arn = making.front().witness.resource;
    auto& policies = made_.emplace_back();
    policies.service_control = state.policies.service_control;
    policies.resource_control = state.policies.resource_control;
    if (const auto* bound = making.front().witness.context.find("iam:PermissionsBoundary")) {
        policies.boundary = managed_policy(bound->values.front());
        if (!policies.boundary) return;  // one that there is not
    }
    HolderForPaths made{
        .asker = {}, .arn = arn, .name = arn.substr(arn.rfind('/') + 1), .is_role = is_role, .keys = {}, .groups = {}};
    Requests acting;
    if (is_role) {
        if (auto session = assume(state, made, trusting(name_of(self), "the trust policy of the new role")))
            acting = std::move(session->requests);
        else if (anywhere(state, "iam:PassRole", for_scope("role")).may)
            acting = pass(state, arn, {}, "role");
    } else {
        acting = whole(state, "iam:CreateAccessKey", arn);
    }
    if (acting.empty()) return;
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
    if (!is_role) made.asker.subject.known.set("aws:username", made.name);
    made.asker.policies = &policies;
    holders_.push_back(std::move(made));
    State to = as_is(static_cast<uint32_t>(holders_.size() - 1));
    to.changes = "new";
    // One policy is all that it needs, and to be rid of its boundary.
    to.changes_count = limits_.changes_max - (policies.boundary ? 2 : 1);
    const auto means = is_role ? Means::make_role : Means::make_user;
    const auto add = [&](Requests giving, State with_policies) {
        Requests requests = making;
        append(requests, std::move(giving));
        append(requests, acting);
        out.push_back({{.means = means, .from = self.arn, .to = arn, .on = arn, .requests = std::move(requests)},
                       std::move(with_policies)});
    };
    std::vector<Transition> given, more;
    add_changes(state, to, {}, given);
    for (const Transition& one : given) {
        more.clear();
        add_changes(state, one.to, one.step.requests, more);
        for (Transition& two : more) add(std::move(two.step.requests), std::move(two.to));
    }
    for (Transition& one : given) add(std::move(one.step.requests), std::move(one.to));
    add({}, std::move(to));
}

}  // namespace proof
