#include "services/trainwarden/source_arn.hpp"

#include <algorithm>
#include <vector>

#include "base/strings.hpp"
#include "policy/arn.hpp"
#include "text/json.hpp"
#include "text/one_or_many.hpp"
#include "training/session.hpp"

namespace services::trainwarden {
namespace {

using text::Json;

constexpr size_t values_tried_max = 50;

void add_values(const Json& condition, std::vector<std::string>& out) {
    for (const auto& [op, keys] : condition.members())
        for (const auto& [key, values] : keys.members()) {
            if (!base::equals_ignoring_case(key, "aws:SourceArn")) continue;
            for (const Json& value : text::one_or_many(values)) out.push_back(value.as_string());
        }
}

// What the policy compares aws:SourceArn with.
std::vector<std::string> compared_with(const policy::AttachedPolicy& attached) {
    std::vector<std::string> out;
    const auto document = text::parse_json(attached.policy->text());
    if (!document) return out;
    for (const Json& statement : text::one_or_many((*document)["Statement"])) add_values(statement["Condition"], out);
    if (out.size() > values_tried_max) out.resize(values_tried_max);
    return out;
}

// A job that the pattern is about; empty if it is about none of this account's.
std::string example_of(const std::string& pattern, const std::string& region, const std::string& account) {
    const auto arn = policy::parse_arn(pattern);
    if (!arn) return pattern == "*" ? "arn:aws:sagemaker:" + region + ":" + account + ":training-job/x" : "";
    const auto has_wildcard = [](std::string_view text) { return text.find_first_of("*?") != std::string_view::npos; };
    const std::string in(has_wildcard(arn->region) ? std::string_view(region) : arn->region);
    const std::string of(has_wildcard(arn->account) ? std::string_view(account) : arn->account);
    if (of != account) return "";
    std::string resource(arn->resource);
    std::ranges::replace_if(resource, [](char c) { return c == '*' || c == '?'; }, 'x');
    if (arn->resource == "*") resource = "training-job/x";
    return "arn:aws:sagemaker:" + in + ":" + of + ":" + resource;
}

bool allows(const audit::DecidedAccess& decided) { return decided.decision.outcome == policy::Outcome::allow; }

}  // namespace

SupposedDecision decide_for(const identity::Caller& caller, const gate::Access& access,
                            const gate::HypotheticalRequest& hypothetical, const std::string& account) {
    const bool said = hypothetical.said.find("aws:SourceArn") != nullptr;
    const bool by_job = caller.principal.kind == policy::PrincipalKind::service &&
                        caller.principal.service == training::service_principal && access.resource_policy && !said;
    std::vector<std::string> patterns;
    if (by_job) patterns = compared_with(*access.resource_policy);
    if (patterns.empty()) return {gate::decide_supposed(caller, access, hypothetical), std::nullopt, {}};
    // A name that no pattern is about, and that jobs can have.
    std::vector<std::string> tried{"arn:aws:sagemaker:" + hypothetical.region + ":" + account + ":training-job/any-other-job"};
    for (const std::string& pattern : patterns)
        if (std::string example = example_of(pattern, hypothetical.region, account); !example.empty())
            tried.push_back(std::move(example));
    std::optional<audit::DecidedAccess> allowed, refused;
    std::string allowed_for, refused_for;
    for (const std::string& source : tried) {
        gate::HypotheticalRequest with = hypothetical;
        with.said.set("aws:SourceArn", source);
        audit::DecidedAccess decided = gate::decide_supposed(caller, access, with);
        auto& kept = allows(decided) ? allowed : refused;
        auto& kept_for = allows(decided) ? allowed_for : refused_for;
        if (kept) continue;
        kept = std::move(decided);
        kept_for = source;
    }
    if (!allowed || !refused) return {std::move(allowed ? *allowed : *refused), std::nullopt, {}};
    return {std::move(*refused), "allowed for " + allowed_for + ", refused for " + refused_for, std::move(*allowed)};
}

}  // namespace services::trainwarden
