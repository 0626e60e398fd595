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

// Actions whose resource types no request here can name, though the reference lists some: CloudWatch's data sets. Lower case.
constexpr auto without_resource =
    std::to_array<std::string_view>({"cloudwatch:getmetricdata", "cloudwatch:listmetrics", "cloudwatch:putmetricdata"});

// CloudWatch Logs decides on a stream, which has no name where a request is about the group: `…:log-group:/g:log-stream:`.
constexpr auto about_log_groups = std::to_array<std::string_view>(
    {"logs:createloggroup", "logs:deleteloggroup", "logs:describelogstreams", "logs:filterlogevents"});
constexpr auto about_log_streams =
    std::to_array<std::string_view>({"logs:createlogstream", "logs:deletelogstream", "logs:getlogevents", "logs:putlogevents"});

bool is_in(std::string_view action, const auto& actions) { return std::ranges::find(actions, action) != actions.end(); }

std::string passed_log_stream(std::string_view action, std::string_view asked) {
    constexpr std::string_view group_type = ":log-group:", stream_type = ":log-stream:";
    std::string out(asked);
    const bool of_stream = is_in(action, about_log_streams);
    const auto group = asked.find(group_type);
    if (group == std::string_view::npos || (!of_stream && !is_in(action, about_log_groups))) return out;
    const auto stream = asked.find(':', group + group_type.size());  // names of groups have no colon
    const std::string_view behind = stream == std::string_view::npos ? std::string_view() : asked.substr(stream);
    if (behind.starts_with(stream_type) && of_stream) return out;
    if (!behind.empty() && behind != ":*" && !behind.starts_with(stream_type)) return out;
    return out.substr(0, stream).append(stream_type);
}

std::string filled(std::string_view format, std::string_view account, std::string_view region) {
    std::string out(format);
    for (const auto& [name, value] : {std::pair{std::string_view("{account}"), account}, {std::string_view("{region}"), region}})
        if (const auto at = out.find(name); at != std::string::npos) out.replace(at, name.size(), value);
    return out;
}

}  // namespace

std::string passed_resource(std::string_view action, std::string_view asked, std::string_view account, std::string_view region) {
    const std::string lower = base::lower(action);
    if (action_has_resources(action) && !is_in(lower, without_resource))
        return lower.starts_with("logs:") ? passed_log_stream(lower, asked) : std::string(asked);
    const auto* const found = std::ranges::find(passed, lower, &Passed::action);
    if (found == passed.end()) return "*";
    auto out = filled(found->format, account, region);
    if (found->by_path && asked.starts_with(out) && asked.ends_with('/')) return std::string(asked);
    return out;
}

bool lists_by_path(std::string_view lower_action) {
    const auto* const found = std::ranges::find(passed, lower_action, &Passed::action);
    return found != passed.end() && found->by_path;
}

bool passes_as_asked(std::string_view lower_action) {
    return !is_in(lower_action, without_resource) && !lower_action.starts_with("logs:");
}

bool names_resource(std::string_view action) {
    return action_has_resources(action) && !is_in(base::lower(action), without_resource);
}

}  // namespace policy
