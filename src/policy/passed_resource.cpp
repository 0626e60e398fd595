#include "policy/passed_resource.hpp"

#include <algorithm>
#include <array>

#include "base/strings.hpp"
#include "policy/catalogue.hpp"

namespace policy {

namespace {

struct Passed {
    std::string_view action;  // lower case
    std::string_view format;  // {account} and {region} are filled in
    bool by_path = false;     // the request's PathPrefix follows
};

// Actions that are not here are decided on `*`: nothing is passed (iam:ListAccountAliases), or what is passed is unknown.
// Unknown, of those that are served here: cloudwatch:GetMetricStatistics, iam:CreateAccountAlias, iam:DeleteAccountAlias,
// iam:GetAccountAuthorizationDetails, iam:GetAccountSummary, iam:GetContextKeysForCustomPolicy, iam:SimulateCustomPolicy,
// sagemaker:ListTrainingJobs, sts:GetAccessKeyInfo.
constexpr auto passed = std::to_array<Passed>({
    {"iam:listgroups", "arn:aws:iam::{account}:group/", true},
    {"iam:listinstanceprofiles", "arn:aws:iam::{account}:instance-profile/", true},
    {"iam:listpolicies", "arn:aws:iam::{account}:policy/", true},
    {"iam:listroles", "arn:aws:iam::{account}:role/", true},
    {"iam:listservercertificates", "arn:aws:iam::{account}:server-certificate/", true},
    {"iam:listusers", "arn:aws:iam::{account}:user/", true},
    {"iam:listvirtualmfadevices", "arn:aws:iam::{account}:mfa/"},
    {"logs:describeloggroups", "arn:aws:logs:{region}:{account}:log-group::log-stream:"},
    {"s3:listallmybuckets", "arn:aws:s3:::*"},
});

std::string filled(std::string_view format, std::string_view account, std::string_view region) {
    std::string out(format);
    for (const auto& [name, value] : {std::pair{std::string_view("{account}"), account}, {std::string_view("{region}"), region}})
        if (const auto at = out.find(name); at != std::string::npos) out.replace(at, name.size(), value);
    return out;
}

}  // namespace

std::string passed_resource(std::string_view action, std::string_view asked, std::string_view account, std::string_view region) {
    if (action_has_resources(action)) return std::string(asked);
    const auto* const found = std::ranges::find(passed, base::lower(action), &Passed::action);
    if (found == passed.end()) return "*";
    auto out = filled(found->format, account, region);
    if (found->by_path && asked.starts_with(out) && asked.ends_with('/')) return std::string(asked);
    return out;
}

}  // namespace policy
