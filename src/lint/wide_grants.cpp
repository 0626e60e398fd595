// Statements that allow to pass any role to a service, or to make any service-linked role.
#include <algorithm>
#include <optional>

#include "base/strings.hpp"
#include "lint/actions.hpp"
#include "lint/conditions.hpp"
#include "lint/words.hpp"
#include "policy/arn.hpp"
#include "policy/glob.hpp"

namespace lint {

namespace {

// The six checks of one action.
struct WideGrant {
    std::string_view action;     // lower case
    std::string_view what;       // what is allowed
    std::string_view narrowing;  // the condition key with which it is not wide
    Check star_in_resource, star_in_action_and_resource, star_in_resource_and_not_action;
    Check not_resource, star_in_action_and_not_resource, not_action_and_not_resource;
};

constexpr WideGrant wide_grants[] = {
    {"iam:passrole", "passing any role to any service", "iam:PassedToService", check_of("PASS_ROLE_WITH_STAR_IN_RESOURCE"),
     check_of("PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE"), check_of("PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION"),
     check_of("PASS_ROLE_WITH_NOT_RESOURCE"), check_of("PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE"),
     check_of("PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE")},
    {"iam:createservicelinkedrole", "creating service-linked roles of any service", "iam:AWSServiceName",
     check_of("CREATE_SLR_WITH_STAR_IN_RESOURCE"), check_of("CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE"),
     check_of("CREATE_SLR_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION"), check_of("CREATE_SLR_WITH_NOT_RESOURCE"),
     check_of("CREATE_SLR_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE"), check_of("CREATE_SLR_WITH_NOT_ACTION_AND_NOT_RESOURCE")},
};

// Any role at all: `*`, or one of IAM whose name is open from its beginning.
bool is_any_role(std::string_view resource) {
    if (resource == "*") return true;
    const auto arn = policy::parse_arn(resource);
    if (!arn || (arn->service != "iam" && !has_wildcard(arn->service))) return false;
    return arn->resource == "*" || arn->resource == "role*" || arn->resource == "role/*";
}

// Is the grant for named services only? Where the key may be missing, or its value begins with a wildcard, it is not.
bool is_narrowed(const Statement& statement, std::string_view key) {
    if (!statement.asks_for(key)) return false;
    const auto conditions = conditions_of(statement);
    return std::ranges::any_of(conditions, [&](const ConditionItem& item) {
        const bool open = std::ranges::any_of(item.values, [](const auto& value) { return value.text.starts_with('*'); });
        return item.is_key(key) && !item.op.if_exists && !item.op.negated && item.op.comparison != policy::Comparison::null &&
               !open;
    });
}

void check(const Statement& statement, const WideGrant& grant, Collector& out) {
    if (!statement.allows() || statement.actions.member == nullptr || statement.resources.member == nullptr) return;
    std::optional<Place> exact, wild;
    bool named = false;
    for (const Item& item : statement.actions.items) {
        const std::string lower = base::lower(item.text);
        if (!policy::glob_matches(lower, grant.action)) continue;
        named = true;
        auto& which = has_wildcard(lower) ? wild : exact;
        if (!which) which = item.place;
    }
    if (statement.actions.negated ? named : !named) return;
    const auto report = [&](const Check& check, const Place& action, const Place& resource, std::string_view remedy) {
        out.add(check, "This allows " + std::string(grant.what) + ": " + std::string(remedy), {action, resource});
    };
    const Place resources = statement.at(*statement.resources.member);
    if (statement.resources.negated) {
        constexpr std::string_view remedy = "name the roles in Resource.";
        if (statement.actions.negated)
            return report(grant.not_action_and_not_resource, statement.at(*statement.actions.member), resources, remedy);
        if (exact) return report(grant.not_resource, *exact, resources, remedy);
        return report(grant.star_in_action_and_not_resource, *wild, resources, remedy);
    }
    const auto any = std::ranges::find_if(statement.resources.items, [](const Item& item) { return is_any_role(item.text); });
    if (any == statement.resources.items.end() || is_narrowed(statement, grant.narrowing)) return;
    const std::string remedy = "name the roles, or add a condition on " + std::string(grant.narrowing) + ".";
    if (statement.actions.negated)
        return report(grant.star_in_resource_and_not_action, statement.at(*statement.actions.member), any->place, remedy);
    if (exact) return report(grant.star_in_resource, *exact, any->place, remedy);
    report(grant.star_in_action_and_resource, *wild, any->place, remedy);
}

}  // namespace

void check_wide_grants(const Document& document, Collector& out) {
    if (document.subject.type != PolicyType::identity) return;
    for (const Statement& statement : document.statements)
        for (const WideGrant& grant : wide_grants) check(statement, grant, out);
}

}  // namespace lint
