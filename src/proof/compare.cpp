#include "proof/compare.hpp"

#include <algorithm>
#include <functional>

#include "policy/compile.hpp"
#include "policy/question.hpp"

namespace proof {

namespace {

const Subject& somebody() {
    static const Subject subject = [] {
        Subject out;
        out.principal = {.kind = policy::PrincipalKind::user,
                         .account = "111122223333",
                         .arn = "arn:aws:iam::111122223333:user/somebody",
                         .unique_id = "AIDAEXAMPLE",
                         .user_arn = "arn:aws:iam::111122223333:user/somebody"};
        out.is_any = true;
        return out;
    }();
    return subject;
}

policy::PrincipalPolicies only(const policy::PolicyPtr& policy) {
    policy::PrincipalPolicies out;
    out.identity.push_back({policy, "the policy"});
    return out;
}

// No, if both are; else what is not.
Answer both(Answer first, const std::function<Answer()>& second) {
    if (first.kind == Answer::Kind::yes) return first;
    auto other = second();
    return other.kind == Answer::Kind::no ? std::move(first) : std::move(other);
}

// An account that no principal of the policy is of.
std::string strange_account(const policy::CompiledPolicy& policy, const std::string& account) {
    for (int number = 999'999'999;; --number) {
        const std::string out = "999" + std::to_string(number);
        const bool named = std::ranges::any_of(
            policy.all_principals(), [&](const policy::PrincipalEntry& entry) { return policy.text(entry.text).contains(out); });
        if (out != account && !named) return out;
    }
}

// A user, or a role's session, of an account whose administrators give it the names and tags that they like.
Subject stranger(const std::string& account, policy::PrincipalKind kind) {
    const bool is_session = kind == policy::PrincipalKind::role_session;
    Subject out;
    out.principal.kind = kind;
    out.principal.account = account;
    out.principal.unique_id = is_session ? "AROASTRANGER:stranger" : "AIDASTRANGER";
    if (is_session) {
        out.principal.arn = "arn:aws:sts::" + account + ":assumed-role/stranger/stranger";
        out.principal.role_arn = "arn:aws:iam::" + account + ":role/stranger";
        out.principal.role_id = "AROASTRANGER";
    } else {
        out.principal.arn = out.principal.user_arn = "arn:aws:iam::" + account + ":user/stranger";
        out.known.set("aws:userid", out.principal.unique_id);
    }
    out.known.set("aws:PrincipalAccount", account);
    out.known.set("aws:PrincipalType", is_session ? "AssumedRole" : "User");
    out.known.set("aws:PrincipalIsAWSService", "false");
    out.open = {{"aws:principalarn", "arn:aws:iam::" + account + (is_session ? ":role/?*" : ":user/?*")},
                {"aws:principaltag/", "?*", true},
                is_session ? OpenKey{"aws:userid", "AROASTRANGER:?*"} : OpenKey{"aws:username", "?*"}};
    if (is_session) out.open.push_back({"aws:sourceidentity", "?*", true});
    return out;
}

const policy::PolicyPtr& everything() {
    static const auto parsed =
        policy::Policy::parse(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]})",
                              policy::PolicyKind::identity)
            .value();
    return parsed;
}

}  // namespace

Answer find_more(const policy::PolicyPtr& first, const policy::PolicyPtr& second, const Limits& limits) {
    const auto a = only(first), b = only(second);
    return prove({.subject = &somebody(), .allowed = {{&a}}, .refused = {{&b}}}, limits);
}

Answer find_common(const policy::PolicyPtr& first, const policy::PolicyPtr& second, const Limits& limits) {
    const auto a = only(first), b = only(second);
    return prove({.subject = &somebody(),
                  .allowed = {{&a}, {&b}},
                  .refused = {},
                  .except = {policy::actions_of_everybody.begin(), policy::actions_of_everybody.end()}},
                 limits);
}

Answer find_difference(const policy::PolicyPtr& first, const policy::PolicyPtr& second, const Limits& limits) {
    return both(find_more(first, second, limits), [&] { return find_more(second, first, limits); });
}

Difference compare(const Subject& subject, const View& before, const View& after, const Limits& limits) {
    return {.gained = prove({.subject = &subject, .allowed = {after}, .refused = {before}}, limits),
            .lost = prove({.subject = &subject, .allowed = {before}, .refused = {after}}, limits)};
}

Answer is_public(const policy::PolicyPtr& resource_policy, const std::string& account, const policy::Context& known,
                 const Limits& limits) {
    const policy::AttachedPolicy resource{resource_policy, "the resource's policy"};
    const std::string strange = strange_account(resource_policy->compiled(), account);
    const Subject nobody, user = stranger(strange, policy::PrincipalKind::user),
                          session = stranger(strange, policy::PrincipalKind::role_session);
    const policy::PrincipalPolicies none, all = only(everything());
    const auto ask = [&](const Subject& subject, const policy::PrincipalPolicies& policies) {
        return prove({.subject = &subject,
                      .allowed = {{&policies, &resource}},
                      .refused = {},
                      .except = {policy::actions_of_everybody.begin(), policy::actions_of_everybody.end()},
                      .resource_account = account,
                      .known = known},
                     limits);
    };
    return both(ask(nobody, none), [&] { return both(ask(user, all), [&] { return ask(session, all); }); });
}

}  // namespace proof
