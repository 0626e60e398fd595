// Every check by its code: AWS's, by the names of IAM's User Guide, and ours.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "lint/finding.hpp"

namespace lint {

struct Check {
    std::string_view code;
    Finding::Kind kind = Finding::Kind::error;
    bool of_account = false;  // of the policies of an account together (account.hpp), not of a document
    [[nodiscard]] constexpr bool is_ours() const { return code.starts_with("TRAINWARDEN_"); }
};

[[nodiscard]] std::span<const Check> checks();
// AWS's page about a check of its own; docs/lint.md for ours.
[[nodiscard]] std::string learn_more(const Check& check);

namespace detail {
using enum Finding::Kind;
inline constexpr auto checks = std::to_array<Check>({
    // What does not work.
    {"ARN_ACCOUNT_NOT_ALLOWED", error},
    {"ARN_REGION_NOT_ALLOWED", error},
    {"DATA_TYPE_MISMATCH", error},
    {"DUPLICATE_KEYS_WITH_DIFFERENT_CASE", error},
    {"EMPTY_VARIABLE", error},
    {"FEDERATED_PRINCIPAL_NOT_SUPPORTED", error},
    {"INVALID_ACTION", error},
    {"INVALID_ARN_ACCOUNT", error},
    {"INVALID_ARN_PREFIX", error},
    {"INVALID_ARN_REGION", error},
    {"INVALID_ARN_RESOURCE", error},
    {"INVALID_ARN_SERVICE_CASE", error},
    {"INVALID_CONDITION_DATA_TYPE", error},
    {"INVALID_CONDITION_KEY_FORMAT", error},
    {"INVALID_CONDITION_MULTIPLE_BOOLEAN", error},
    {"INVALID_CONDITION_OPERATOR", error},
    {"INVALID_EFFECT", error},
    {"INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY", error},
    {"INVALID_GLOBAL_CONDITION_KEY", error},
    {"INVALID_KMS_KEY_VALUE", error},
    {"INVALID_PARTITION", error},
    {"INVALID_POLICY_ELEMENT", error},
    {"INVALID_PRINCIPAL_FORMAT", error},
    {"INVALID_PRINCIPAL_KEY", error},
    {"INVALID_REGION", error},
    {"INVALID_SERVICE", error},
    {"INVALID_SERVICE_CONDITION_KEY", error},
    {"INVALID_SERVICE_IN_ACTION", error},
    {"INVALID_SERVICE_PRINCIPAL_FORMAT", error},
    {"INVALID_VARIABLE_FOR_OPERATOR", error},
    {"INVALID_VERSION", error},
    {"INVALID_VPCE_FORMAT", error},
    {"INVALID_VPC_FORMAT", error},
    {"JSON_SYNTAX_ERROR", error},
    {"MISMATCHED_ACTION_FOR_PRINCIPAL", error},
    {"MISSING_ACTION", error},
    {"MISSING_ACTION_FOR_CONDITION_KEY", error},
    {"MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY", error},
    {"MISSING_ARN_ACCOUNT", error},
    {"MISSING_ARN_FIELD", error},
    {"MISSING_ARN_REGION", error},
    {"MISSING_BRACE_IN_VARIABLE", error},
    {"MISSING_EFFECT", error},
    {"MISSING_PRINCIPAL", error},
    {"MISSING_QUALIFIER", error},
    {"MISSING_QUOTE_IN_VARIABLE", error},
    {"MISSING_RESOURCE", error},
    {"MISSING_STATEMENT", error},
    {"MISSING_TAG_KEY_IN_CONDITION", error},
    {"NULL_WITH_IF_EXISTS", error},
    {"POLICY_SIZE_EXCEEDS_RCP_QUOTA", error},
    {"POLICY_SIZE_EXCEEDS_SCP_QUOTA", error},
    {"RCP_SYNTAX_ERROR_ACTION", error},
    {"RCP_SYNTAX_ERROR_ALLOW", error},
    {"RCP_SYNTAX_ERROR_NOTACTION", error},
    {"RCP_SYNTAX_ERROR_PRINCIPAL", error},
    {"ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL", error},
    {"ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE", error},
    {"ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL", error},
    {"SCP_SYNTAX_ERROR_PRINCIPAL", error},
    {"UNIQUE_SIDS_REQUIRED", error},
    {"UNSUPPORTED_ACTION_IN_POLICY", error},
    {"UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL", error},
    {"UNSUPPORTED_ELEMENT_COMBINATION", error},
    {"UNSUPPORTED_GLOBAL_CONDITION_KEY", error},
    {"UNSUPPORTED_PRINCIPAL", error},
    {"UNSUPPORTED_RESOURCE_ARN_IN_POLICY", error},
    {"UNSUPPORTED_SID", error},
    {"UNSUPPORTED_SPACE_IN_VARIABLE", error},
    {"UNSUPPORTED_WILDCARD_IN_PRINCIPAL", error},
    {"VARIABLE_UNSUPPORTED_IN_ELEMENT", error},
    {"VARIABLE_UNSUPPORTED_IN_VERSION", error},
    // What allows more than is safe.
    {"ALLOW_WITH_NOT_PRINCIPAL", security_warning},
    {"DENY_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", security_warning},
    {"DENY_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", security_warning},
    {"DYNAMODB_ATTRIBUTES_WITHOUT_SELECT", security_warning},
    {"FORALLVALUES_WITH_SINGLE_VALUED_KEY", security_warning},
    {"FORANYVALUE_WITH_AUDIENCE_CLAIM_TYPE", security_warning},
    {"MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL", security_warning},
    {"MISSING_GITHUB_REPO_CONDITION_KEY", security_warning},
    {"MISSING_PAIRED_CONDITION_KEYS", security_warning},
    {"PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE", security_warning},
    {"PASS_ROLE_WITH_NOT_RESOURCE", security_warning},
    {"PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE", security_warning},
    {"PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE", security_warning},
    {"PASS_ROLE_WITH_STAR_IN_RESOURCE", security_warning},
    {"PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION", security_warning},
    {"RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL", security_warning},
    {"S3_PREFIX_IN_NEGATIVE_CONTEXT", security_warning},
    {"STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS", security_warning},
    {"UNTRUSTWORTHY_CONDITION_KEY", security_warning},
    {"TRAINWARDEN_DENY_NEVER_APPLIES", security_warning},
    // What probably is not meant so.
    {"CREATE_SLR_WITH_NOT_ACTION_AND_NOT_RESOURCE", warning},
    {"CREATE_SLR_WITH_NOT_RESOURCE", warning},
    {"CREATE_SLR_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE", warning},
    {"CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE", warning},
    {"CREATE_SLR_WITH_STAR_IN_RESOURCE", warning},
    {"CREATE_SLR_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION", warning},
    {"INVALID_DATE_VALUE", warning},
    {"INVALID_ROLE_REFERENCE", warning},
    {"INVALID_USER_REFERENCE", warning},
    {"MISSING_VERSION", warning},
    {"POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA", warning},
    {"POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA", warning},
    {"POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA", warning},
    {"RCP_MISSING_RELATED_PRINCIPAL_CONDITION_KEY", warning},
    {"RCP_MISSING_RELATED_SERVICE_PRINCIPAL_CONDITION_KEY", warning},
    {"RCP_MISSING_SERVICE_CONDITION_KEY_NULL_CHECK", warning},
    {"SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED", warning},
    {"TYPE_MISMATCH", warning},
    {"TYPE_MISMATCH_BOOLEAN", warning},
    {"TYPE_MISMATCH_DATE", warning},
    {"TYPE_MISMATCH_IP_RANGE", warning},
    {"TYPE_MISMATCH_NUMBER", warning},
    {"TYPE_MISMATCH_STRING", warning},
    {"UNIQUE_SIDS_RECOMMENDED", warning},
    {"WILDCARD_WITHOUT_LIKE_OPERATOR", warning},
    {"TRAINWARDEN_ACTION_WITHOUT_RESOURCE", warning},
    {"TRAINWARDEN_ALLOW_ALWAYS_DENIED", warning},
    {"TRAINWARDEN_ALLOW_NEVER_APPLIES", warning},
    {"TRAINWARDEN_BUCKET_OPEN_TO_OTHERS", warning, true},
    {"TRAINWARDEN_DENY_WITHOUT_EFFECT", warning, true},
    {"TRAINWARDEN_RESOURCE_WITHOUT_ACTION", warning},
    {"TRAINWARDEN_STATEMENT_SHADOWED", warning},
    // What could be written better.
    {"ALLOW_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", suggestion},
    {"ALLOW_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", suggestion},
    {"CONFIRM_AUDIENCE_CLAIM_TYPE", suggestion},
    {"EMPTY_ARRAY_ACTION", suggestion},
    {"EMPTY_ARRAY_CONDITION", suggestion},
    {"EMPTY_ARRAY_CONDITION_FORALLVALUES", suggestion},
    {"EMPTY_ARRAY_CONDITION_FORANYVALUE", suggestion},
    {"EMPTY_ARRAY_CONDITION_IFEXISTS", suggestion},
    {"EMPTY_ARRAY_PRINCIPAL", suggestion},
    {"EMPTY_ARRAY_RESOURCE", suggestion},
    {"EMPTY_OBJECT_CONDITION", suggestion},
    {"EMPTY_OBJECT_PRINCIPAL", suggestion},
    {"EMPTY_SID_VALUE", suggestion},
    {"EQUIVALENT_TO_NULL_FALSE", suggestion},
    {"EQUIVALENT_TO_NULL_TRUE", suggestion},
    {"IMPROVE_IP_RANGE", suggestion},
    {"IRRELEVANT_CONDITION_KEY_IN_POLICY", suggestion},
    {"NULL_WITH_QUALIFIER", suggestion},
    {"RECOMMENDED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL", suggestion},
    {"REDUNDANT_ACTION", suggestion},
    {"REDUNDANT_CONDITION_VALUE_NUM", suggestion},
    {"REDUNDANT_KEY_DUE_TO_WILDCARD_IN_CONDITION", suggestion},
    {"REDUNDANT_PRINCIPAL_IN_ROLE_TRUST_POLICY", suggestion},
    {"REDUNDANT_RESOURCE", suggestion},
    {"REDUNDANT_STATEMENT", suggestion},
    {"REDUNDANT_STATEMENT_DUE_TO_WILDCARD_IN_CONDITION", suggestion},
    {"TRAINWARDEN_ALLOW_IS_NOT_EXCLUSIVE", suggestion},
    {"TRAINWARDEN_DENY_OF_WHAT_IS_NOT_ALLOWED", suggestion},
    {"WILDCARD_IN_SERVICE_NAME", suggestion},
});
}  // namespace detail

// The check of this code. Does not compile for one that is not in the list.
[[nodiscard]] consteval Check check_of(std::string_view code) {
    for (const Check& one : detail::checks)
        if (one.code == code) return one;
    throw "no such check";
}

}  // namespace lint
