#include "services/access_analyzer/narrowed.hpp"

#include <algorithm>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "policy/catalogue.hpp"
#include "policy/glob.hpp"
#include "policy/granted_actions.hpp"
#include "proof/grant_document.hpp"
#include "proof/grants.hpp"
#include "text/json.hpp"
#include "text/one_or_many.hpp"

namespace services::access_analyzer {
namespace {

using base::Result;
using text::Json;

// As AWS writes them.
std::set<std::string> actions_of(const Json& statement) {
    std::set<std::string> out;
    for (const std::string& pattern : proof::strings_of(statement["Action"]))
        for (const std::string_view action : policy::actions_matching(pattern)) out.emplace(action);
    if (!statement.contains("NotAction")) return out;
    const auto excepted = proof::strings_of(statement["NotAction"]);
    for (const std::string_view action : policy::actions_matching("*"))
        if (std::ranges::none_of(excepted, [&](const std::string& pattern) {
                return policy::glob_matches(base::lower(pattern), base::lower(action));
            }))
            out.emplace(action);
    return out;
}

// The statement with those of its actions alone that are used; nullopt: none is.
std::optional<Json> narrowed(const Json& statement, const IsUsed& is_used) {
    Json actions = Json::array();
    for (const std::string& action : actions_of(statement))
        if (is_used(base::lower(action))) actions.push(action);
    if (actions.size() == 0) return std::nullopt;
    Json out = Json::object();
    for (const auto& [name, value] : statement.members())
        name == "Action" || name == "NotAction" ? out.set("Action", actions) : out.set(name, value);
    return out;
}

bool grants_what_is_unused(const policy::PolicyPtr& policy, const IsUsed& is_used) {
    policy::PrincipalPolicies alone;
    alone.identity.push_back({policy, "the policy"});
    return std::ranges::any_of(policy::granted_actions(alone),
                               [&](const std::string& action) { return !is_used(base::lower(action)); });
}

// Empty: nothing is left of it.
Result<std::string> narrowed(const policy::PolicyPtr& policy, const IsUsed& is_used) {
    const std::string text(policy->text());
    const auto json = text::parse_json(text);
    if (!json) return base::fail(base::code::InternalError, "a stored policy cannot be read");
    Json kept = Json::array();
    for (const Json& statement : text::one_or_many((*json)["Statement"])) {
        if (proof::denies(statement))
            kept.push(statement);
        else if (auto left = narrowed(statement, is_used))
            kept.push(*std::move(left));
    }
    if (kept.size() == 0) return std::string();
    Json out = *json;
    out.set("Statement", std::move(kept));
    std::string document = out.dump();
    // It is made of the policy's own statements with fewer actions each, and is proved all the same where the limits of a proof let it.
    const auto more = proof::find_new_access(document, text, proof::DocumentKind::identity);
    if (more && more->kind == proof::Answer::Kind::yes)
        return base::fail(base::code::InternalFailure, "the recommended policy would grant something new");
    return document;
}

}  // namespace

Result<std::vector<NarrowingStep>> narrowing_steps(const std::vector<HeldPolicy>& policies, const IsUsed& is_used) {
    std::vector<NarrowingStep> out;
    for (const HeldPolicy& held : policies) {
        if (!grants_what_is_unused(held.policy, is_used)) continue;
        std::string document = TRY(narrowed(held.policy, is_used));
        using enum NarrowingStep::Kind;
        if (!document.empty())
            out.push_back({.kind = create, .policy = held.id, .document = std::move(document), .updated = held.updated});
        out.push_back({.kind = detach, .policy = held.id, .document = {}, .updated = held.updated});
    }
    return out;
}

}  // namespace services::access_analyzer
