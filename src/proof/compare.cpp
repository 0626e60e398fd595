#include "proof/compare.hpp"

#include <algorithm>
#include <functional>

#include "policy/compile.hpp"
#include "policy/question.hpp"
#include "proof/subjects.hpp"

namespace proof {

namespace {

const Subject& any_user() {
    static const Subject subject = [] {
        Subject out;
        out.principal = {.kind = policy::PrincipalKind::user,
                         .account = "111122223333",
                         .arn = "arn:aws:iam::111122223333:user/any",
                         .unique_id = "AIDAEXAMPLE",
                         .user_arn = "arn:aws:iam::111122223333:user/any"};
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
std::string other_account(const policy::CompiledPolicy& policy, const std::string& account) {
    for (int number = 999'999'999;; --number) {
        const std::string out = "999" + std::to_string(number);
        const bool named = std::ranges::any_of(
            policy.all_principals(), [&](const policy::PrincipalEntry& entry) { return policy.text(entry.text).contains(out); });
        if (out != account && !named) return out;
    }
}

}  // namespace

Answer find_more(const policy::PolicyPtr& first, const policy::PolicyPtr& second, const Limits& limits) {
    const auto a = only(first), b = only(second);
    return prove({.subject = &any_user(), .allowed = {{&a}}, .refused = {{&b}}}, limits);
}

Answer find_common(const policy::PolicyPtr& first, const policy::PolicyPtr& second, const Limits& limits) {
    const auto a = only(first), b = only(second);
    return prove({.subject = &any_user(),
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
    const std::string other = other_account(resource_policy->compiled(), account);
    const Subject anonymous = anonymous_subject(), user = any_user_of({.account = other, .is_given_anything = false}),
                  session = any_session_of({.account = other, .is_given_anything = false});
    const policy::PrincipalPolicies none, all = only(allows_everything());
    const auto ask = [&](const Subject& subject, const policy::PrincipalPolicies& policies) {
        return prove({.subject = &subject,
                      .allowed = {{&policies, &resource}},
                      .refused = {},
                      .except = {policy::actions_of_everybody.begin(), policy::actions_of_everybody.end()},
                      .resource_account = account,
                      .known = known},
                     limits);
    };
    return both(ask(anonymous, none), [&] { return both(ask(user, all), [&] { return ask(session, all); }); });
}

}  // namespace proof
