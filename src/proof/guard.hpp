// Access rules as code: what must be allowed, what must not, and who alone may. Proved of an account, or refuted with a request.
//
//   allow   each of the principals may do all of these actions on all of these resources, whatever the circumstances
//   deny    none of the principals may do any of them, in any circumstances
//   only    no principal but these may, in any circumstances
//
// `conditions` settle circumstances: the rule is then about requests that have them. The account's root user is meant only where a pattern names it
// (`arn:aws:iam::*:root`): no policy of its own account takes anything from it but an explicit Deny.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proof/account.hpp"
#include "proof/prove.hpp"

namespace proof {

struct Guard {
    enum class Kind : uint8_t { allow, deny, only };
    Kind kind = Kind::deny;
    std::string name;
    int line = 0;  // in its file
    // Patterns of ARNs and services; `anonymous`, `other-accounts`; `*`: every principal, those included. `except`: of them, these not.
    std::vector<std::string> principals = {"*"}, except = {};
    std::vector<std::string> actions, resources = {"*"};
    policy::Context conditions;
};
[[nodiscard]] std::string_view name_of(Guard::Kind kind);

struct GuardResult {
    enum class Outcome : uint8_t { kept, broken, unknown };
    Outcome outcome = Outcome::kept;
    std::string who;                         // broken: of several, the first
    std::optional<policy::Request> witness;  // broken: a request that is answered against the rule
    std::string reason;                      // broken without a witness, unknown: why
    size_t asked = 0;                        // principals
    bool is_about_nobody = false;            // broken: no principal is meant, of those that are known
};

// One for each rule, in their order. A rule of which no request can be, or whose `principals` match none where it allows, is broken: it guards
// nothing. `doubts`: what is not known of the account; with any, no rule is kept for certain.
constexpr size_t guard_work_max = 600'000'000;  // of one rule (automaton.hpp)
[[nodiscard]] std::vector<GuardResult> check_guards(std::span<const Guard> guards, const AccountPolicies& account,
                                                    std::span<const std::string> doubts, const Limits& limits = {});

}  // namespace proof
