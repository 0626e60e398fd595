// Rules of services that no policy changes (SEMANTICS R78). They are part of every decision, so that explanations, simulators and
// enforcement agree.
#pragma once

#include <cstdint>
#include <string_view>

#include "policy/context_view.hpp"
#include "policy/request.hpp"

namespace policy {

enum class ServiceRule : uint8_t {
    none,
    // Found by `forbidding_rule`, before the policies are asked.
    root_assumes_no_role,
    awss_policies,
    reserved_roles,
    no_iam_without_mfa,
    sessions_get_no_session_token,
    roles_are_assumed_with_credentials,
    // Found by `limiting_rule`: told to those alone whom the policies allow it.
    key_of_no_user,
    owners_bucket_policy,
    // Found by a service in what a request says (gate::Access::rule); told as those.
    public_policy_blocked,
    jobs_session_assumes_no_role,
    bucket_owner_condition,
    customer_keys_blocked,
};

// The rule that forbids this to this caller. `lower_action` in lower case. nullptr: the context is not known any more, and the rule that
// depends on it holds.
[[nodiscard]] ServiceRule forbidding_rule(PrincipalKind caller, std::string_view lower_action, std::string_view resource,
                                          const ContextView* context);

// Whether `limiting_rule` has one for the action.
[[nodiscard]] bool has_limiting_rules(std::string_view lower_action);
// The rule that forbids this to those whom the policies allow it. `same_account`: whether the caller is of the resource's account.
[[nodiscard]] ServiceRule limiting_rule(std::string_view lower_action, std::string_view resource, bool same_account);

// "the root user of an account assumes no role", …
[[nodiscard]] std::string_view describe(ServiceRule rule);
// As records name it: root_assumes_no_role. `none` has no name; a name that is none is `none`.
[[nodiscard]] std::string_view name_of(ServiceRule rule);
[[nodiscard]] ServiceRule rule_named(std::string_view name);

}  // namespace policy
