// Decides one request against every policy that applies (SEMANTICS.md section 1).
//
// The rule: an explicit deny anywhere wins; every ceiling that is present (RCP, SCP, VPC endpoint,
// boundary, session) must allow; then one
// identity or resource allow is enough in the same account, both across accounts. Otherwise: implicit deny.
//
// Pure: same inputs, same Decision. Nothing here reads a clock, a file or a socket: aws:CurrentTime is in the request.
// A statement that cannot be evaluated never allows, and denies if its effect is Deny (fail closed).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/policy.hpp"
#include "policy/question.hpp"
#include "policy/request.hpp"

namespace policy {

// One policy and where it hangs; `name` is what people see: an ARN, or `inline policy NAME of role R`.
struct AttachedPolicy {
    PolicyPtr policy;
    std::string name;
    std::string version = {};  // of a managed policy: v3; empty for others
};

struct PolicySet {
    std::vector<AttachedPolicy> identity;  // managed and inline, groups included
    std::optional<AttachedPolicy> boundary;
    std::optional<std::vector<AttachedPolicy>> session;         // absent: no session policy; together they are one layer
    std::vector<std::vector<AttachedPolicy>> service_control;   // root first, account last; empty: no organization
    std::vector<std::vector<AttachedPolicy>> resource_control;  // of the resource's account
    std::optional<AttachedPolicy> resource;                     // bucket policy, trust policy, …
    std::optional<AttachedPolicy> vpc_endpoint;                 // of the endpoint that the request came through (R80)
};

enum class Outcome : uint8_t { implicit_deny, explicit_deny, allow };

enum class Layer : uint8_t {
    identity,
    boundary,
    session,
    service_control,
    resource_control,
    resource,
    vpc_endpoint,
    account_root,
    always,
    service_rule,  // of a service, which no policy changes (service_rules.hpp)
};
[[nodiscard]] std::string_view describe(Layer layer);  // "identity-based policy", "permissions boundary", … AWS's words

struct StatementRef {
    Layer layer = Layer::identity;
    std::string policy_name;
    size_t statement = 0;  // index in the policy
    StatementInfo info;
    std::string policy_version = {};  // as AttachedPolicy::version; the gate looks it up
};

// A statement whose Condition settled what it does: an Allow that fits but for it, or a Deny that it lets apply.
struct Conditioned {
    StatementRef statement;
    std::vector<std::string> keys;  // of an Allow, those that do not hold; of a Deny, all; as the document writes them
    std::string condition;          // the Condition element, JSON
};

// Default-constructed means no. There is no conversion to bool: say which outcome you mean.
struct Decision {
    Outcome outcome = Outcome::implicit_deny;
    Layer layer = Layer::identity;      // the layer that settled it (the one AWS names in its message)
    std::vector<StatementRef> because;  // the statements that settled it
    std::vector<Layer> missing;         // implicit deny: every layer that had to allow and did not
    std::vector<StatementRef> granted;  // implicit deny: the statements that would have allowed it, had no layer been missing
    // Explicit deny: the denying statements that have conditions. Implicit deny: in the layers that are missing, the Allows that only
    // a condition keeps out.
    std::vector<Conditioned> conditioned;
    explicit operator bool() const = delete;
};

[[nodiscard]] Decision evaluate(const Request& request, const PolicySet& policies);

// The decision without its reasons: the same walk, taking no notes and stopping where the outcome is settled. Allocates nothing.
struct Ruling {
    Outcome outcome = Outcome::implicit_deny;
    Layer layer = Layer::identity;  // as in Decision
    uint16_t missing = 0;           // implicit deny: the bit 1 << layer of every layer that had to allow and did not
    explicit operator bool() const = delete;
};
[[nodiscard]] Ruling decide(const Question& question, const PolicySet& policies);

// AWS's sentence for a refusal: `User: ARN is not authorized to perform: ACTION on resource: R because no identity-based
// policy allows the ACTION action` / `… with an explicit deny in a resource-based policy`.
// Source: IAM User Guide, "Troubleshoot access denied error messages".
[[nodiscard]] std::string denial_message(const Request& request, const Decision& decision);

}  // namespace policy
