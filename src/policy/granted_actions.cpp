#include "policy/granted_actions.hpp"

#include "policy/catalogue.hpp"
#include "text/json.hpp"
#include "text/one_or_many.hpp"

namespace policy {
namespace {

using text::Json;
using text::one_or_many;

std::set<std::string> actions_of(const Json& statement) {
    std::set<std::string> out;
    for (const Json& pattern : one_or_many(statement["Action"]))
        for (std::string_view action : actions_matching(pattern.as_string())) out.emplace(action);
    if (!statement.contains("NotAction")) return out;
    for (std::string_view action : actions_matching("*")) out.emplace(action);
    for (const Json& pattern : one_or_many(statement["NotAction"]))
        for (std::string_view action : actions_matching(pattern.as_string())) out.erase(std::string(action));
    return out;
}

bool denies_everything_always(const Json& statement) {
    if (statement.contains("Condition") || !statement.contains("Resource")) return false;
    for (const Json& resource : one_or_many(statement["Resource"]))
        if (resource.as_string() == "*") return true;
    return false;
}

}  // namespace

std::set<std::string> granted_actions(const PrincipalPolicies& policies) {
    std::set<std::string> allowed, denied;
    for (const AttachedPolicy& attached : policies.identity) {
        const auto document = text::parse_json(attached.policy->text());
        if (!document) continue;  // grants nothing: parse_stored reads it as a deny
        for (const Json& statement : one_or_many((*document)["Statement"])) {
            if (statement["Effect"].as_string() == "Allow")
                allowed.merge(actions_of(statement));
            else if (denies_everything_always(statement))
                denied.merge(actions_of(statement));
        }
    }
    for (const std::string& action : denied) allowed.erase(action);
    return allowed;
}

}  // namespace policy
