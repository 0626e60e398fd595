#include "gate/rules.hpp"

#include <string_view>

#include "base/strings.hpp"
#include "policy/arn.hpp"

namespace gate {
namespace {

// AssumeRole asks for these together.
bool assumes_role(std::string_view action) {
    return action == "sts:assumerole" || action == "sts:tagsession" || action == "sts:setsourceidentity";
}

bool only_reads(std::string_view action) {
    const std::string_view name = action.substr(action.find(':') + 1);
    return name.starts_with("get") || name.starts_with("list") || name.starts_with("generate") || name.starts_with("simulate");
}

// Attaching and detaching work on the user, group or role.
bool is_of_policy(std::string_view action) { return !action.starts_with("iam:attach") && !action.starts_with("iam:detach"); }

// The sentence of the rule that forbids it; empty: none does.
std::string rule_against(const policy::Request& request) {
    const std::string action = base::lower(request.action);
    if (request.principal.kind == policy::PrincipalKind::root && assumes_role(action)) return "Roles may not be assumed by root accounts.";
    if (!action.starts_with("iam:") || only_reads(action) || !is_of_policy(action)) return "";
    const auto arn = policy::parse_arn(request.resource);
    if (arn && arn->service == "iam" && arn->account == "aws" && arn->resource.starts_with("policy/"))
        return request.resource + " is a policy that AWS manages; no account can change it.";
    return "";
}

}  // namespace

void apply_rules(const policy::Request& request, policy::Decision& decision) {
    if (decision.outcome == policy::Outcome::explicit_deny) return;
    std::string rule = rule_against(request);
    if (rule.empty()) return;
    policy::Decision refused;
    refused.layer = policy::Layer::service_rule;
    refused.rule = std::move(rule);
    decision = std::move(refused);
}

}  // namespace gate
