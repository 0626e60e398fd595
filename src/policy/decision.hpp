// What was decided and why: data, which the gate makes (evaluate.hpp) and all others show.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.hpp"
#include "policy/request.hpp"
#include "policy/service_rules.hpp"

namespace policy {

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
    std::string policy_version = {};  // as AttachedPolicy::version
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
    Layer layer = Layer::identity;         // the layer that settled it (the one AWS names in its message)
    ServiceRule rule = ServiceRule::none;  // the one that forbids it, if the layer is service_rule
    std::vector<StatementRef> because;     // the statements that settled it
    std::vector<Layer> missing;            // implicit deny: every layer that had to allow and did not
    std::vector<StatementRef> granted;     // implicit deny: the statements that would have allowed it, had no layer been missing
    // Explicit deny: the denying statements that have conditions. Implicit deny: in the layers that are missing, the Allows that only
    // a condition keeps out.
    std::vector<Conditioned> conditioned;
    // What each layer said by itself, the bit 1 << layer: one that has no policies, or is not asked, said nothing.
    uint16_t allowing = 0, denying = 0;
    [[nodiscard]] Outcome said_by(Layer one) const {
        const auto is_in = [one](uint16_t layers) { return (layers >> static_cast<unsigned>(one) & 1) != 0; };
        return is_in(denying) ? Outcome::explicit_deny : is_in(allowing) ? Outcome::allow : Outcome::implicit_deny;
    }
    explicit operator bool() const = delete;
};

// AWS's sentence for a refusal: `User: ARN is not authorized to perform: ACTION on resource: R because no identity-based
// policy allows the ACTION action` / `… with an explicit deny in a resource-based policy`.
// Source: IAM User Guide, "Troubleshoot access denied error messages".
[[nodiscard]] std::string denial_message(const Request& request, const Decision& decision);
// The error's code: AccessDenied but for rules that services answer otherwise.
[[nodiscard]] std::string_view denial_code(const Decision& decision);

}  // namespace policy
