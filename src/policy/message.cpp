// AWS's words for a refusal.
//
//   User: WHO is not authorized to perform: ACTION [on resource: RESOURCE] because no TYPE allows the ACTION action
//   User: WHO is not authorized to perform: ACTION [on resource: RESOURCE] with an explicit deny in a TYPE[: POLICY-ARN]
//
// Sources: IAM User Guide, "Troubleshoot access denied error messages", which has an example for each type; AWS Security Blog,
// "Enhanced access denied error messages with policy ARNs": the ARN of a denying identity-based policy, boundary, session policy,
// SCP or RCP follows where caller and resource are of one account. Inline policies have no ARN.
// The guide's one "sessions policy" is a slip: the services answer "session policy".
#include <algorithm>
#include <array>

#include "base/strings.hpp"
#include "policy/decision.hpp"
#include "policy/explain.hpp"

namespace policy {

namespace {

struct LayerName {
    Layer layer;
    std::string_view name, article;
};

constexpr std::array layer_names = std::to_array<LayerName>({
    {Layer::identity, "identity-based policy", "an"},
    {Layer::boundary, "permissions boundary", "a"},
    {Layer::session, "session policy", "a"},
    {Layer::service_control, "service control policy", "a"},
    {Layer::resource_control, "resource control policy", "a"},
    {Layer::resource, "resource-based policy", "a"},
    {Layer::vpc_endpoint, "VPC endpoint policy", "a"},
    {Layer::account_root, "account root user", "the"},
    {Layer::always, "permission that every caller has", "a"},
    {Layer::service_rule, "rule of the service", "a"},
});
constexpr LayerName trust_policy = {Layer::resource, "role trust policy", "the"};

const LayerName& name_of(Layer layer) { return *std::ranges::find(layer_names, layer, &LayerName::layer); }

// A role's own policy decides the sts: actions on it.
bool is_about_trust(const Request& request) {
    return base::lower(request.action).starts_with("sts:") && request.resource.find(":role/") != std::string::npos;
}

const LayerName& name_of(Layer layer, const Request& request) {
    return layer == Layer::resource && is_about_trust(request) ? trust_policy : name_of(layer);
}

std::string who(const Principal& principal) {
    if (principal.kind == PrincipalKind::service) return principal.service;
    if (principal.kind == PrincipalKind::anonymous) return "anonymous";
    return principal.arn;
}

// S3 quotes the resource. What has none (`*`) is left out, but IAM and STS say the star.
std::string on_resource(const Request& request) {
    const auto action = base::lower(request.action);
    const auto service = action.substr(0, action.find(':'));
    if (action == "s3:listallmybuckets") return "";
    if (const auto path = request.resource.find(":policy/"); action == "iam:listpolicies" && path != std::string::npos)
        return " on resource: policy path " + request.resource.substr(path + std::string_view(":policy").size());
    if (request.resource == "*" && service != "iam" && service != "sts") return "";
    if (service == "s3") return " on resource: \"" + request.resource + "\"";
    return " on resource: " + request.resource;
}

std::string denying_arn(const Request& request, const Decision& decision) {
    const bool same_account = request.resource_account.empty() || request.resource_account == request.principal.account;
    if (!same_account || decision.layer == Layer::resource || decision.layer == Layer::vpc_endpoint) return "";
    const auto found = std::ranges::find(decision.because, decision.layer, &StatementRef::layer);
    if (found == decision.because.end() || !found->policy_name.starts_with("arn:")) return "";
    return ": " + found->policy_name;
}

// Where a service has a sentence of its own.
std::string sentence_of(ServiceRule rule, const Request& request, const std::string& standard) {
    switch (rule) {
        case ServiceRule::root_assumes_no_role:
            return "Roles may not be assumed by root accounts.";
        case ServiceRule::no_iam_without_mfa:
            return "The security token included in the request is invalid";
        case ServiceRule::sessions_get_no_session_token:
            return "Cannot call GetSessionToken with session credentials";
        case ServiceRule::roles_are_assumed_with_credentials:
            return "Request is missing Authentication Token";
        case ServiceRule::key_of_no_user:
            return "The access key is not one of this account.";
        case ServiceRule::owners_bucket_policy:
            return "The specified method is not allowed against this resource.";
        case ServiceRule::public_policy_blocked:
            return standard +
                   " because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.";
        case ServiceRule::jobs_session_assumes_no_role:
            return "User: " + who(request.principal) + " is limited to its training job and cannot assume roles.";
        case ServiceRule::bucket_owner_condition:
            return "Access Denied";
        case ServiceRule::customer_keys_blocked:
            return standard +
                   " because this bucket has blocked upload requests that specify Server Side Encryption with Customer provided "
                   "keys "
                   "(SSE-C). Please specify a different server-side encryption type";
        case ServiceRule::none:
        case ServiceRule::awss_policies:
        case ServiceRule::reserved_roles:
            break;
    }
    return standard;
}

}  // namespace

std::string_view describe(Layer layer) { return name_of(layer).name; }

std::string_view policy_type(Layer layer, const Request& request) { return name_of(layer, request).name; }

Layer layer_of(std::string_view policy_type) {
    if (policy_type == trust_policy.name) return trust_policy.layer;
    const auto found = std::ranges::find(layer_names, policy_type, &LayerName::name);
    return found == layer_names.end() ? Layer::identity : found->layer;
}

std::string denial_message(const Request& request, const Decision& decision) {
    if (base::lower(request.action).starts_with("sts:assumerolewith")) return "Not authorized to perform " + request.action;
    const std::string out =
        "User: " + who(request.principal) + " is not authorized to perform: " + request.action + on_resource(request);
    if (decision.outcome == Outcome::implicit_deny && decision.layer == Layer::service_rule)
        return sentence_of(decision.rule, request, out);
    const auto& name = name_of(decision.layer, request);
    if (decision.outcome == Outcome::explicit_deny)
        return out + " with an explicit deny in " + std::string(name.article) + " " + std::string(name.name) +
               denying_arn(request, decision);
    return out + " because no " + std::string(name.name) + " allows the " + request.action + " action";
}

std::string_view denial_code(const Decision& decision) {
    if (decision.outcome == Outcome::implicit_deny && decision.layer == Layer::service_rule) {
        if (decision.rule == ServiceRule::no_iam_without_mfa) return "InvalidClientTokenId";
        if (decision.rule == ServiceRule::owners_bucket_policy) return "MethodNotAllowed";
    }
    return "AccessDenied";
}

}  // namespace policy
