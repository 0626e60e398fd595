// A question as people write it: a principal in words, policies as documents, one request. What the text cases say and what a
// failing comparison prints are the same lines (tests/cases/policy/README.md), so that a finding becomes a case by pasting it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/evaluate.hpp"

namespace reference {

// `user NAME`, `root`, `role NAME session S`, `federated NAME by USER`, `service NAME`, `anonymous`, `vouched PROVIDER`,
// `linked-role NAME`, each but the last three with ` in ACCOUNT`; nullopt for other words. The default account is 111122223333.
[[nodiscard]] std::optional<policy::Principal> principal_of(std::string words, std::string_view partition);

[[nodiscard]] std::optional<policy::PolicyKind> kind_named(std::string_view layer);  // identity, boundary, session, resource, …
[[nodiscard]] std::string_view layer_name(policy::Layer layer);
[[nodiscard]] std::string_view outcome_name(policy::Outcome outcome);  // allow, deny, implicit

// Where a document hangs; `rcp` and `scp` come by level, the root's first.
struct Placed {
    std::string layer;  // identity, boundary, session, resource, trust, endpoint, scp, rcp
    size_t level = 0;
    std::string document;
};

struct Question {
    std::string principal = "anonymous", partition = "aws";
    std::vector<Placed> policies;
    policy::Request request;  // its principal is the one in words

    // As the lines of a case; `expected` is what it must say.
    [[nodiscard]] std::string as_case(const std::string& title, policy::Outcome expected) const;
};

// Each document as it would be kept: parsed if it may be written, else read as one that was stored. Names are `layer 1`, `layer
// 2`, …
[[nodiscard]] policy::PolicySet policy_set(const std::vector<Placed>& policies);

// The smallest question that still has the property: policies, statements, elements of conditions and keys of the request are
// taken away as long as it does.
[[nodiscard]] Question shrink(Question question, const std::function<bool(const Question&)>& property);

}  // namespace reference
