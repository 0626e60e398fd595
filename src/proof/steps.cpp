#include "proof/steps.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/strings.hpp"
#include "policy/evaluate.hpp"
#include "proof/actions.hpp"
#include "proof/step_policies.hpp"

namespace proof {

namespace {

using policy::AttachedPolicy;
using policy::PolicyKind;
using Means = Step::Means;

// What a job does with the data that its creator names.
constexpr auto of_cut_jobs = std::to_array<std::string_view>({"s3:getobject", "s3:putobject", "s3:listbucket"});

std::string text_of(const policy::Context& context) {
    std::string out;
    for (const auto& entry : context.entries())
        for (const auto& value : entry.values) out += entry.key + "=" + std::to_string(value.size()) + ":" + value + ";";
    return out;
}

// Does a request for it bring of the resource what others find there?
bool is_made(const std::string& action) { return action == "iam:CreateRole" || action == "iam:CreateUser"; }

// What a request that brings tags needs beside its own action.
struct Tagging {
    std::string_view action;
    const char* needs;
};
constexpr Tagging taggings[] = {{"sts:AssumeRole", "sts:TagSession"},
                                {"iam:CreateRole", "iam:TagRole"},
                                {"iam:CreateUser", "iam:TagUser"},
                                {"iam:CreatePolicy", "iam:TagPolicy"},
                                {"sagemaker:CreateTrainingJob", "sagemaker:AddTags"}};
const Tagging* tagging_of(std::string_view action) {
    const auto* found = std::ranges::find(taggings, action, &Tagging::action);
    return found == std::end(taggings) ? nullptr : found;
}

}  // namespace

policy::PolicyPtr policy_with(const std::string& statements, PolicyKind kind) {
    return policy::Policy::parse_stored(R"({"Version":"2012-10-17","Statement":[)" + statements + "]}", kind);
}

bool denies(const AttachedPolicy& policy) {
    return std::ranges::any_of(policy.policy->compiled().statements(),
                               [](const auto& statement) { return statement.effect == policy::Effect::deny; });
}

policy::Context with(std::initializer_list<std::pair<const char*, std::string>> entries, const policy::Context& more) {
    policy::Context out = more;
    for (const auto& [key, value] : entries) out.replace(key, value);
    return out;
}

bool is_of_resource(std::string_view lower_key) {
    return std::ranges::any_of(resource_keys, [&](const char* one) { return lower_key.starts_with(one); });
}

bool is_brought(std::string_view lower_key) {
    return lower_key.starts_with(request_tag_key) || lower_key == "aws:tagkeys" || lower_key == "sts:sourceidentity";
}

std::optional<Tags> tags_of(const policy::Context& context, std::span<const char* const> prefixes) {
    Tags out;
    for (const auto& entry : context.entries())
        for (const char* prefix : prefixes) {
            if (!entry.key.starts_with(prefix) || entry.values.empty()) continue;
            const auto [tag, is_new] = out.try_emplace(entry.key.substr(std::string_view(prefix).size()), entry.values.front());
            if (!is_new && tag->second != entry.values.front()) return std::nullopt;
        }
    return out;
}

bool is_tag_of_resource(std::string_view lower_key) {
    return std::ranges::any_of(resource_tag_keys, [&](const char* one) { return lower_key.starts_with(one); });
}

std::string_view name_of(Means means) {
    switch (means) {
        case Means::assume_role:
            return "AssumeRole";
        case Means::assume_role_as:
            return "AssumeRoleAs";
        case Means::pass_role_to_job:
            return "PassRoleToTrainingJob";
        case Means::pass_role_to_cut_job:
            return "PassRoleToCutTrainingJob";
        case Means::open_slurm_session:
            return "OpenSlurmSession";
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
        case Means::make_group:
            return "CreateGroup";
        case Means::rename_user:
            return "RenameUser";
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
        case Means::delete_group_policy:
            return "DeleteGroupPolicy";
        case Means::detach_group_policy:
            return "DetachGroupPolicy";
        case Means::tag_principal:
            return "TagPrincipal";
        case Means::untag_principal:
            return "UntagPrincipal";
        case Means::put_bucket_policy:
            return "PutBucketPolicy";
        case Means::delete_bucket_policy:
            return "DeleteBucketPolicy";
        case Means::put_object_tags:
            return "PutObjectTagging";
    }
    return "";
}

Steps::Steps(const AccountForPaths& account, std::span<const Target> targets, const policy::Context& known,
             const PathLimits& limits)
    : account_(account),
      known_(known),
      limits_(limits),
      work_{limits.work_max},
      each_(limits.each),
      holders_(account.holders.begin(), account.holders.end()),
      trusts_account_{policy_with(R"({"Effect":"Allow","Principal":{"AWS":")" + account.id +
                                      R"("},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]})",
                                  PolicyKind::trust),
                      "the account's trust"} {
    each_.work = &work_;
    find_conditions(targets);
}

Subject Steps::subject_of(const State& state) const {
    Subject out = holders_[state.holder].asker.subject;
    const CallerFacts& facts = state.facts;
    for (const TagChange& tag : facts.tags) {
        const std::string key = principal_tag_key + tag.key;
        tag.value ? out.known.replace(key, *tag.value) : out.known.erase(key);
    }
    if (!facts.session_name.empty()) {
        out.principal.arn = out.principal.arn.substr(0, out.principal.arn.rfind('/') + 1) + facts.session_name;
        out.principal.unique_id = out.principal.role_id + ":" + facts.session_name;
        out.known.replace("aws:userid", out.principal.unique_id);
    }
    if (!facts.source_identity.empty()) out.known.replace("aws:SourceIdentity", facts.source_identity);
    if (!facts.user_arn.empty()) {
        out.principal.arn = out.principal.user_arn = facts.user_arn;
        out.known.replace("aws:PrincipalArn", facts.user_arn);
        out.known.replace("aws:username", facts.user_arn.substr(facts.user_arn.rfind('/') + 1));
    }
    return out;
}

policy::Context Steps::keys_of(const State& state) const {
    policy::Context out = holders_[state.holder].keys;
    for (const TagChange& tag : state.facts.tags)
        for (const char* prefix : resource_tag_keys)
            tag.value ? out.replace(prefix + tag.key, *tag.value) : out.erase(prefix + tag.key);
    return out;
}

std::optional<WayIn> Steps::ask(const Subject& subject, const View& view, const std::string& action,
                                const std::vector<std::string>& resources, const policy::Context& keys,
                                const std::string& account, const std::string& region) {
    ++questions_;
    policy::Context known = known_;
    known.merge(keys);
    Question question{.subject = &subject,
                      .allowed = {view},
                      .refused = {},
                      .actions = {action},
                      .resources = resources,
                      .resource_account = account,
                      .known = known};
    // IAM is served in one region. What a policy says of others, it says of a request that is sent there.
    std::vector<std::string> regions = account_.regions.empty() ? std::vector{account_.region} : account_.regions;
    if (action.starts_with("iam:") && action != "iam:PassRole") regions = {"us-east-1"};
    if (!region.empty()) regions = {region};
    Answer answer;
    for (const std::string& one : regions) {
        question.region = one;
        Answer there = prove(question, each_);
        if (there.kind != Answer::Kind::no) answer = std::move(there);
        if (answer.kind == Answer::Kind::yes) break;
    }
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
    const Subject subject = subject_of(state);
    const Variables variables{
        .known = &subject.known, .is_free = [](const void*, std::string_view) { return true; }, .of = nullptr};
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
    const AttachedPolicy* policy = action.starts_with("sts:") ? &trusts_account_ : nullptr;
    auto way = ask(subject_of(state), {&state.policies, policy}, action, {"*"}, keys, account_.id);
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
    // Of tags and source identities it brings those of `keys` alone.
    const bool brings_its_own = keys.find("aws:TagKeys") != nullptr || tagging_of(action) != nullptr;
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
            if ((is_of_resource(entry.key) && !is_made(action)) || (is_brought(entry.key) && brings_its_own))
                others.push_back(entry.key);
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
    Subject subject = subject_of(state);
    if (!is_made(action)) subject.absent.assign(resource_keys.begin(), resource_keys.end());
    if (brings_its_own) subject.absent.insert(subject.absent.end(), {request_tag_key, "aws:tagkeys", "sts:sourceidentity"});
    return ask(subject, view, action, {resource}, keys, account_.id);
}

Steps::Requests Steps::whole(const State& state, const std::string& action, const std::string& resource,
                             const policy::Context& keys, const AttachedPolicy* policy) {
    if (auto way = allowed(state, action, resource, keys, policy)) return {std::move(*way)};
    const Tagging* tagging = tagging_of(action);
    if (tagging == nullptr || state.is_cut || keys.find("aws:TagKeys") != nullptr) return {};
    Subject subject = subject_of(state);
    if (!is_made(action)) subject.absent.assign(resource_keys.begin(), resource_keys.end());
    const auto wanted = ask(subject, {&state.policies, policy}, action, {resource}, keys, account_.id);
    return wanted ? whole_of(state, *wanted, resource, keys, policy) : Requests{};
}

Steps::Requests Steps::whole_of(const State& state, const WayIn& wanted, const std::string& resource, const policy::Context& keys,
                                const AttachedPolicy* policy) {
    const policy::Context& context = wanted.witness.context;
    const std::string& action = wanted.witness.action;
    auto tags = tags_of(context, std::array{request_tag_key});
    if (const auto* listed = context.find("aws:TagKeys"))
        for (const std::string& key : listed->values) tags->try_emplace(base::lower(key), "x");
    policy::Context brought = keys;
    std::vector<std::string> names;
    for (const auto& [key, value] : *tags) {
        brought.replace(request_tag_key + key, value);
        names.push_back(key);
    }
    if (!names.empty()) brought.set_list("aws:TagKeys", names);
    const auto* identity = action == "sts:AssumeRole" ? context.find("sts:SourceIdentity") : nullptr;
    if (identity != nullptr) brought.replace("sts:SourceIdentity", identity->values.front());
    auto way = allowed(state, action, resource, brought, policy);
    if (!way) return {};
    Requests out{std::move(*way)};
    const auto add = [&](const char* needs) {
        auto more = allowed(state, needs, resource, brought, policy);
        if (more) out.push_back(std::move(*more));
        return more.has_value();
    };
    if (!names.empty() && !add(tagging_of(action)->needs)) return {};
    if (identity != nullptr && !add("sts:SetSourceIdentity")) return {};
    return out;
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
    Subject subject = subject_of(state);
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
                          each_);
    if (answer.kind == Answer::Kind::unknown && open_.empty()) open_ = answer.reason;
    if (answer.kind != Answer::Kind::yes) return std::nullopt;
    WayIn way{.actions = {answer.witness->action}, .allowed_by = {}, .denied_by = {}, .witness = std::move(*answer.witness)};
    const policy::Question asked(way.witness);
    for (const policy::Granting& one : policy::decide(asked, *view.policies, view.resource).granting())
        way.allowed_by.push_back({one.layer, one.policy, one.statement});
    return way;
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

std::vector<Transition> Steps::from(const State& state) {
    std::vector<Transition> out;
    if (state.is_cut) return out;
    add_changes(state, state, {}, out);
    add_roles(state, out);
    add_users(state, out);
    if (state.holder < account_.holders.size()) add_new(state, out);
    return out;
}

bool Steps::may_change(const State& state) {
    constexpr const char* changes[] = {"s3:PutBucketPolicy",
                                       "s3:DeleteBucketPolicy",
                                       "iam:PutUserPolicy",
                                       "iam:PutRolePolicy",
                                       "iam:PutGroupPolicy",
                                       "iam:AttachUserPolicy",
                                       "iam:AttachRolePolicy",
                                       "iam:AttachGroupPolicy",
                                       "iam:CreatePolicyVersion",
                                       "iam:SetDefaultPolicyVersion",
                                       "iam:AddUserToGroup",
                                       "iam:DeleteUserPolicy",
                                       "iam:DeleteRolePolicy",
                                       "iam:DeleteGroupPolicy",
                                       "iam:DetachUserPolicy",
                                       "iam:DetachRolePolicy",
                                       "iam:DetachGroupPolicy",
                                       "iam:RemoveUserFromGroup",
                                       "iam:DeleteUserPermissionsBoundary",
                                       "iam:DeleteRolePermissionsBoundary",
                                       "iam:PutUserPermissionsBoundary",
                                       "iam:PutRolePermissionsBoundary",
                                       "iam:TagUser",
                                       "iam:TagRole",
                                       "iam:UntagUser",
                                       "iam:UntagRole",
                                       "iam:UpdateUser"};
    return !state.is_cut && std::ranges::any_of(changes, [&](const char* action) { return anywhere(state, action, {}).may; });
}

std::vector<Transition> Steps::for_another(const State& by, const State& of, const Step& by_way) {
    std::vector<Transition> out;
    add_changes(by, of, by_way.requests, out);
    return out;
}

std::optional<Step> Steps::by_changing(const State& state, const State& user, const Target& target) {
    constexpr std::string_view arns = "arn:aws:s3:::";
    if (state.is_cut || target.resources.empty() || !target.resources.front().starts_with(arns)) return std::nullopt;
    auto step = by_bucket_policy(state, user, target);
    return step || state.holder != user.holder ? step : by_object_tags(state, target);
}

}  // namespace proof
