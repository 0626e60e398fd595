#include "proof/regions.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "base/strings.hpp"
#include "policy/compile.hpp"
#include "policy/glob.hpp"
#include "policy/print.hpp"
#include "proof/caller_conditions.hpp"

namespace proof {

namespace {

constexpr auto all_regions = std::to_array<std::string_view>(
    {"af-south-1",     "ap-east-1",      "ap-east-2",      "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1",
     "ap-south-2",     "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6",
     "ap-southeast-7", "ca-central-1",   "ca-west-1",      "cn-north-1",     "cn-northwest-1", "eu-central-1",   "eu-central-2",
     "eu-north-1",     "eu-south-1",     "eu-south-2",     "eu-west-1",      "eu-west-2",      "eu-west-3",      "il-central-1",
     "me-central-1",   "me-south-1",     "mx-central-1",   "sa-east-1",      "us-east-1",      "us-east-2",      "us-gov-east-1",
     "us-gov-west-1",  "us-west-1",      "us-west-2"});
// A server of ours may serve regions of any name.
constexpr std::string_view unlisted_region = "xx-unlisted-1";

using Patterns = std::set<std::string>;  // of regions, in lower case

void add(std::string_view region, Patterns& out) {
    if (region.empty() || region == "*") return;
    std::string lower = base::lower(region);
    // A variable may be any region.
    if (const size_t variable = lower.find("${"); variable != std::string::npos) lower = lower.substr(0, variable) + "*";
    out.insert(std::move(lower));
}

// The fourth segment of an ARN.
void add_arn(std::string_view arn, Patterns& out) {
    const auto segments = base::split(arn, ':');
    if (segments.size() > 3) add(segments[3], out);
}

void add_policy(const policy::CompiledPolicy& policy, Patterns& out) {
    for (const auto& statement : policy.statements()) {
        for (const std::string& resource : policy::print_resources(policy, statement)) add_arn(resource, out);
        for (const auto& condition : policy.conditions(statement)) {
            if (!base::equals_ignoring_case(policy.text(condition.key), "aws:RequestedRegion")) continue;
            for (const std::string& value : policy::print(policy, condition).values) add(value, out);
        }
    }
}

}  // namespace

std::span<const std::string_view> regions_of_aws() { return all_regions; }

RegionsToAsk regions_to_ask(std::span<const policy::PolicyPtr> policies, std::span<const std::string> patterns,
                            const std::string& home) {
    Patterns named;
    std::set<const policy::Policy*> seen;
    for (const policy::PolicyPtr& policy : policies) {
        if (policy == nullptr || !seen.insert(policy.get()).second) continue;
        add_policy(policy->compiled(), named);
    }
    for (const std::string& pattern : patterns) add_arn(pattern, named);

    std::vector<std::string> candidates{home};
    for (const std::string& one : named)
        if (one.find_first_of("*?") == std::string::npos) candidates.push_back(one);
    candidates.insert(candidates.end(), all_regions.begin(), all_regions.end());
    candidates.emplace_back(unlisted_region);
    for (const std::string& one : named)
        if (one.find_first_of("*?") != std::string::npos) candidates.push_back(instance_of(one));
    RegionsToAsk out;
    std::set<std::vector<bool>> told_apart;
    for (const std::string& region : candidates) {
        std::vector<bool> matched;
        for (const std::string& one : named) matched.push_back(policy::glob_matches(one, base::lower(region)));
        if (!told_apart.insert(std::move(matched)).second) continue;
        if (out.regions.size() == regions_asked_max) {
            out.complete = false;
            return out;
        }
        out.regions.push_back(region);
    }
    return out;
}

}  // namespace proof
