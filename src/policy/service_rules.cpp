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

constexpr std::string_view last_use_of_key = "iam:getaccesskeylastused";
constexpr auto bucket_policy_actions =
    std::to_array<std::string_view>({"s3:deletebucketpolicy", "s3:getbucketpolicy", "s3:putbucketpolicy"});

struct RuleName {
    ServiceRule rule;
    std::string_view name;
};
constexpr auto rule_names = std::to_array<RuleName>({
    {ServiceRule::root_assumes_no_role, "root_assumes_no_role"},
    {ServiceRule::awss_policies, "awss_policies"},
    {ServiceRule::reserved_roles, "reserved_roles"},
    {ServiceRule::no_iam_without_mfa, "no_iam_without_mfa"},
    {ServiceRule::sessions_get_no_session_token, "sessions_get_no_session_token"},
    {ServiceRule::roles_are_assumed_with_credentials, "roles_are_assumed_with_credentials"},
    {ServiceRule::key_of_no_user, "key_of_no_user"},
    {ServiceRule::owners_bucket_policy, "owners_bucket_policy"},
    {ServiceRule::public_policy_blocked, "public_policy_blocked"},
    {ServiceRule::jobs_session_assumes_no_role, "jobs_session_assumes_no_role"},
    {ServiceRule::bucket_owner_condition, "bucket_owner_condition"},
    {ServiceRule::customer_keys_blocked, "customer_keys_blocked"},
});

bool is_in(std::string_view action, const auto& actions) { return std::ranges::find(actions, action) != actions.end(); }

bool is_temporary(const ContextView& context) {
    const auto* issued = context.find("aws:TokenIssueTime");
    return issued != nullptr && !issued->values.empty();
}

// STS API Reference, GetSessionToken: "must be called by using the long-term AWS security credentials of an IAM user"; the root
// user's do too.
ServiceRule gets_session_token(PrincipalKind caller, const ContextView* context) {
    const bool long_term = caller == PrincipalKind::user || caller == PrincipalKind::root;
    return long_term && context != nullptr && !is_temporary(*context) ? ServiceRule::none
                                                                      : ServiceRule::sessions_get_no_session_token;
}

// Temporary credentials of a user or root that came without a second factor: those of GetSessionToken. (A session of a role is a
// principal of its own.)
bool is_session_without_mfa(PrincipalKind caller, const ContextView* context) {
    if (caller != PrincipalKind::user && caller != PrincipalKind::root) return false;
    if (context == nullptr) return true;
    if (!is_temporary(*context)) return false;
    const auto* mfa = context->find("aws:MultiFactorAuthPresent");
    return mfa == nullptr || mfa->ambiguous || mfa->values.size() != 1 ||
           !base::equals_ignoring_case(mfa->values.front(), "true");
}

}  // namespace

ServiceRule forbidding_rule(PrincipalKind caller, std::string_view lower_action, std::string_view resource,
                            const ContextView* context) {
    // STS API Reference, AssumeRole: "You cannot use AWS account root user credentials to call AssumeRole".
    if (caller == PrincipalKind::root && lower_action == "sts:assumerole") return ServiceRule::root_assumes_no_role;
    // … and it is signed: what needs no credentials are AssumeRoleWithSAML and AssumeRoleWithWebIdentity ("Requesting temporary security
    // credentials", IAM User Guide). A trust policy for everyone lets in every principal of every account.
    if (caller == PrincipalKind::anonymous && lower_action == "sts:assumerole")
        return ServiceRule::roles_are_assumed_with_credentials;
    if (lower_action == "sts:getsessiontoken") return gets_session_token(caller, context);
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

bool has_limiting_rules(std::string_view lower_action) {
    return lower_action == last_use_of_key || is_in(lower_action, bucket_policy_actions);
}

ServiceRule limiting_rule(std::string_view lower_action, std::string_view resource, bool same_account) {
    // A key of nobody here is asked about as a key of `user/*`; no user is called so.
    if (lower_action == last_use_of_key && resource.ends_with(":user/*")) return ServiceRule::key_of_no_user;
    // S3 API Reference, PutBucketPolicy: "If you have PutBucketPolicy permissions, but you're not using an identity that belongs to the
    // bucket owner's account, Amazon S3 returns a 405 Method Not Allowed error"; GetBucketPolicy and DeleteBucketPolicy say the same.
    if (!same_account && is_in(lower_action, bucket_policy_actions)) return ServiceRule::owners_bucket_policy;
    return ServiceRule::none;
}

std::string_view name_of(ServiceRule rule) {
    const auto found = std::ranges::find(rule_names, rule, &RuleName::rule);
    return found == rule_names.end() ? std::string_view() : found->name;
}

ServiceRule rule_named(std::string_view name) {
    const auto found = std::ranges::find(rule_names, name, &RuleName::name);
    return found == rule_names.end() ? ServiceRule::none : found->rule;
}

std::string_view describe(ServiceRule rule) {
    switch (rule) {
        case ServiceRule::none:
            break;
        case ServiceRule::sessions_get_no_session_token:
            return "only the long-term credentials of a user or of the root user get a session token";
        case ServiceRule::roles_are_assumed_with_credentials:
            return "a request without credentials assumes no role";
        case ServiceRule::key_of_no_user:
            return "the access key is nobody's of this account";
        case ServiceRule::owners_bucket_policy:
            return "only the account that owns a bucket reads and changes its policy";
        case ServiceRule::public_policy_blocked:
            return "the bucket's Block Public Access setting BlockPublicPolicy takes no public policy";
        case ServiceRule::jobs_session_assumes_no_role:
            return "a session that is limited to a training job assumes no role";
        case ServiceRule::bucket_owner_condition:
            return "the bucket does not belong to the account that the request expects (x-amz-expected-bucket-owner)";
        case ServiceRule::customer_keys_blocked:
            return "the bucket's BlockedEncryptionTypes take no object that is encrypted under a key of its writer's (SSE-C)";
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
