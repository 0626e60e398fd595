// Rules of services that no policy changes (SEMANTICS R78). They are part of every decision, so that explanations, simulators and
// enforcement agree.
#pragma once

#include <cstdint>
#include <string_view>

#include "policy/context_view.hpp"
#include "policy/request.hpp"

namespace policy {

enum class ServiceRule : uint8_t { none, root_assumes_no_role, awss_policies, reserved_roles, no_iam_without_mfa };

// The rule that forbids this to this caller. `lower_action` in lower case. nullptr: the context is not known any more, and the rule that
// depends on it holds.
[[nodiscard]] ServiceRule forbidding_rule(PrincipalKind caller, std::string_view lower_action, std::string_view resource,
                                          const ContextView* context);

// "the root user of an account assumes no role", …
[[nodiscard]] std::string_view describe(ServiceRule rule);

}  // namespace policy
