// Does a statement fit a question, part by part; and which of a policy's statements may. Of the engine alone: inline, because this is what
// a decision does.
#pragma once

#include <algorithm>
#include <cstdint>

#include "policy/compile.hpp"
#include "policy/index_walk.hpp"
#include "policy/policy.hpp"
#include "policy/question.hpp"
#include "policy/typed_values.hpp"

namespace policy {

[[nodiscard]] inline bool has_principals(PolicyKind kind) {
    return kind == PolicyKind::resource || kind == PolicyKind::trust || kind == PolicyKind::resource_control;
}

// Of an action that is not listed, or by patterns whose actions are not.
[[nodiscard]] bool names_action_by_pattern(const CompiledPolicy& policy, const CompiledStatement& statement,
                                           const Question& question);

[[nodiscard]] inline bool names_action(const CompiledPolicy& policy, const CompiledStatement& statement,
                                       const Question& question) {
    const uint32_t place = question.facts.place;
    for (const auto& action : policy.actions(statement))
        if (action.listed.contain(place)) return true;
    if (!statement.asks_action_patterns && place != KnownAction::unlisted) return false;
    return names_action_by_pattern(policy, statement, question);
}

[[nodiscard]] inline bool names_resource(std::span<const Pattern> patterns, const PatternTables& tables,
                                         const Question& question) {
    for (const Pattern& pattern : patterns)
        if (matches(pattern, tables, question.resource, question.context())) return true;
    return false;
}

[[nodiscard]] inline bool names_resource(const CompiledPolicy& policy, const CompiledStatement& statement,
                                         const Question& question) {
    const auto patterns = policy.resources(statement);
    if (!patterns.empty() && patterns.front().is_everything()) return true;
    return names_resource(patterns, policy.patterns(), question);
}

[[nodiscard]] inline bool all_hold(std::span<const Condition> conditions, const ConditionTables& tables, const Question& question,
                                   TypedValues& typed) {
    for (const Condition& condition : conditions)
        if (!holds(condition, tables, question.context(), typed)) return false;
    return true;
}

[[nodiscard]] inline bool conditions_hold(const CompiledPolicy& policy, const CompiledStatement& statement,
                                          const Question& question, TypedValues& typed) {
    if (statement.conditions.size == 0) return true;
    return all_hold(policy.conditions(statement), policy.condition_tables(), question, typed);
}

// A statement that may apply, and what is known of it.
struct Candidate {
    uint32_t statement = 0;
    // The pattern that the index proposes, or `resource_fits`: another entry proposes the others.
    uint32_t resource = Index::whole_element;
    bool names_action = false;  // no need to ask
};

// Do action and resource fit? Negated elements are the complement of the union of their items (R45).
[[nodiscard, gnu::always_inline]] inline bool is_about(const CompiledPolicy& policy, const CompiledStatement& statement,
                                                       const Candidate& candidate, const Question& question) {
    if (!candidate.names_action && names_action(policy, statement, question) == statement.not_action) return false;
    if (candidate.resource == Index::resource_fits) return true;
    if (candidate.resource != Index::whole_element)
        return matches(policy.resource(candidate.resource), policy.patterns(), question.resource, question.context());
    return statement.any_resource || names_resource(policy, statement, question) != statement.not_resource;
}

[[nodiscard]] inline bool names_ambiguous(const CompiledPolicy& policy, const CompiledStatement& statement,
                                          const ContextView& context) {
    const auto tables = policy.condition_tables();
    return std::ranges::any_of(policy.conditions(statement),
                               [&](const Condition& one) { return names_ambiguous(one, tables, context); }) ||
           std::ranges::any_of(policy.resources(statement),
                               [&](const Pattern& one) { return names_ambiguous(one, tables.patterns, context); });
}

// The same, and do the conditions hold, where a key of the request is ambiguous (R81): an Allow that names it applies to nothing; in a
// Deny, what names it fits, and a variable in Resource stands for any text.
[[nodiscard]] inline bool fits_in_doubt(const CompiledPolicy& policy, const CompiledStatement& statement,
                                        const Candidate& candidate, const Question& question, TypedValues& typed) {
    const auto& context = question.context();
    if (!names_ambiguous(policy, statement, context))
        return is_about(policy, statement, candidate, question) && conditions_hold(policy, statement, question, typed);
    if (statement.effect == Effect::allow || names_action(policy, statement, question) == statement.not_action) return false;
    const auto tables = policy.condition_tables();
    const auto matching = [&](const Pattern& pattern) {
        if (statement.not_resource && names_ambiguous(pattern, tables.patterns, context)) return false;
        return matches(pattern, tables.patterns, question.resource, context);
    };
    if (!statement.any_resource && std::ranges::any_of(policy.resources(statement), matching) == statement.not_resource)
        return false;
    return std::ranges::all_of(policy.conditions(statement), [&](const Condition& condition) {
        return names_ambiguous(condition, tables, context) || holds(condition, tables, context, typed);
    });
}

// The question as an index is asked it. `skips_conditions`: every statement is wanted that would apply but for its conditions.
[[nodiscard]] inline RequestTerms terms_of(const Question& question, bool skips_conditions) {
    return {question.resource, question.action, question.facts.key, question.context(), skips_conditions};
}

// Calls visit(candidate) for every statement that may apply, some perhaps more than once, until it returns false. `terms`: of the
// question. REQUIRES: the policy has an index.
template <class Visit>
void each_indexed(const Policy& whole, const Question& question, RequestTerms& terms, const Visit& visit) {
    // Of listed actions each has a key of its own.
    const bool is_listed = question.facts.place != KnownAction::unlisted;
    const auto visit_entry = [&](const IndexEntry& entry) {
        const uint32_t resource = entry.beyond == IndexEntry::Beyond::pattern ? entry.resource : Index::resource_fits;
        return visit(Candidate{entry.statement, resource, entry.action != 0 && is_listed});
    };
    IndexWalk walk(whole.compiled(), terms, visit_entry);
    const uint64_t groups = whole.summary().groups;
    const auto ask_group = [&](uint64_t group) { return (groups & Index::group_bit(group)) == 0 || walk.each(group); };
    if (!ask_group(Index::no_group)) return;
    if (!has_principals(whole.kind())) {
        (void)ask_group(service_group(static_cast<uint32_t>(question.service_hash)));
        return;
    }
    const auto& names = question.names;
    for (const auto* name : {&names.account, &names.arn, &names.unique_id, &names.role_arn, &names.role_id, &names.user_arn,
                             &names.service, &names.provider})
        if (!name->text.empty() && !ask_group(Index::group_of(name->hash))) return;
}

// The same of any policy.
template <class Visit>
void each_candidate(const Policy& whole, const Question& question, RequestTerms& terms, const Visit& visit) {
    if (whole.compiled().has_index()) return each_indexed(whole, question, terms, visit);
    const auto statements = whole.compiled().statements();
    const auto bit = service_bit(question.service_hash);
    for (uint32_t i = 0; i < statements.size(); ++i)
        if ((statements[i].services & bit) && !visit(Candidate{i})) return;
}

}  // namespace policy
