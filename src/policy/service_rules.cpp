#include "policy/service_rules.hpp"

#include <algorithm>
#include <array>

#include "base/strings.hpp"
#include "policy/arn.hpp"

namespace policy {

namespace {

// IAM's actions that change a managed policy, and those that change a role or make one.
constexpr auto policy_changes =
    std::to_array<std::string_view>({"iam:createpolicy", "iam:createpolicyversion", "iam:deletepolicy", "iam:deletepolicyversion",
                                     "iam:setdefaultpolicyversion", "iam:tagpolicy", "iam:untagpolicy"});
constexpr auto role_changes = std::to_array<std::string_view>(
    {"iam:attachrolepolicy", "iam:createrole", "iam:deleterole", "iam:deleterolepermissionsboundary", "iam:deleterolepolicy",
     "iam:detachrolepolicy", "iam:putrolepermissionsboundary", "iam:putrolepolicy", "iam:tagrole", "iam:untagrole",
     "iam:updateassumerolepolicy", "iam:updaterole", "iam:updateroledescription"});

bool is_in(std::string_view action, const auto& actions) { return std::ranges::find(actions, action) != actions.end(); }

// Temporary credentials of a user or root that came without a second factor: those of GetSessionToken. (A session of a role is a
// principal of its own.)
bool is_session_without_mfa(PrincipalKind caller, const ContextView* context) {
    if (caller != PrincipalKind::user && caller != PrincipalKind::root) return false;
    if (context == nullptr) return true;
    const auto* issued = context->find("aws:TokenIssueTime");
    if (issued == nullptr || issued->values.empty()) return false;
    const auto* mfa = context->find("aws:MultiFactorAuthPresent");
    return mfa == nullptr || mfa->ambiguous || mfa->values.size() != 1 ||
           !base::equals_ignoring_case(mfa->values.front(), "true");
}

}  // namespace

ServiceRule forbidding_rule(PrincipalKind caller, std::string_view lower_action, std::string_view resource,
                            const ContextView* context) {
    // STS API Reference, AssumeRole: "You cannot use AWS account root user credentials to call AssumeRole".
    if (caller == PrincipalKind::root && lower_action == "sts:assumerole") return ServiceRule::root_assumes_no_role;
    if (!lower_action.starts_with("iam:")) return ServiceRule::none;
    const bool policy = is_in(lower_action, policy_changes), role = is_in(lower_action, role_changes);
    if (policy || role) {
        const auto arn = parse_arn(resource);
        const bool of_iam = arn && arn->service == "iam";
        if (of_iam && policy && arn->account == "aws" && arn->resource.starts_with("policy/")) return ServiceRule::awss_policies;
        if (of_iam && role &&
            (arn->resource.starts_with("role/aws-service-role/") || arn->resource.starts_with("role/aws-reserved/")))
            return ServiceRule::reserved_roles;
    }
    // STS API Reference, GetSessionToken: "You cannot call any IAM API operations unless MFA authentication information is included
    // in the request."
    return is_session_without_mfa(caller, context) ? ServiceRule::no_iam_without_mfa : ServiceRule::none;
}

std::string_view describe(ServiceRule rule) {
    switch (rule) {
        case ServiceRule::none:
            break;
        case ServiceRule::root_assumes_no_role:
            return "the root user of an account assumes no role";
        case ServiceRule::awss_policies:
            return "nobody changes the policies that AWS manages";
        case ServiceRule::reserved_roles:
            return "nobody but AWS changes roles below /aws-service-role/ and /aws-reserved/";
        case ServiceRule::no_iam_without_mfa:
            return "a session of a user or of the root user that came without a second factor (GetSessionToken) uses no IAM";
    }
    return "";
}

}  // namespace policy
