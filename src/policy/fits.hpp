// Does a statement fit a question, part by part; and which of a policy's statements may. Of the engine alone: inline, because this is what
// a decision does.
#pragma once

#include <algorithm>
#include <cstdint>

#include "policy/compile.hpp"
#include "policy/policy.hpp"
#include "policy/question.hpp"
#include "policy/typed_values.hpp"

namespace policy {

[[nodiscard]] inline bool has_principals(PolicyKind kind) {
    return kind == PolicyKind::resource || kind == PolicyKind::trust || kind == PolicyKind::resource_control;
}

[[nodiscard]] inline bool names_action(const CompiledPolicy& policy, const PatternTables& tables,
                                       const CompiledStatement& statement, const Question& question) {
    for (const auto& action : policy.actions(statement)) {
        if (action.service != 0 && action.service != static_cast<uint32_t>(question.service_hash)) continue;
        if (action.hash != 0 && action.hash != static_cast<uint32_t>(question.action_hash)) continue;
        if (matches(action.pattern, tables, question.action, question.context())) return true;
    }
    return false;
}

[[nodiscard]] inline bool names_resource(const CompiledPolicy& policy, const PatternTables& tables,
                                         const CompiledStatement& statement, const Question& question) {
    for (const Pattern& pattern : policy.resources(statement))
        if (matches(pattern, tables, question.resource, question.context())) return true;
    return false;
}

[[nodiscard]] inline bool conditions_hold(const CompiledPolicy& policy, const CompiledStatement& statement,
                                          const Question& question, TypedValues& typed) {
    if (statement.conditions.size == 0) return true;
    const auto conditions = policy.condition_tables();
    for (const Condition& condition : policy.conditions(statement))
        if (!holds(condition, conditions, question.context(), typed)) return false;
    return true;
}

// Does everything but the principal fit? Negated elements are the complement of the union of their items (R45). `resource` is the
// pattern that the index proposes, or `resource_fits`: another entry proposes the others.
[[nodiscard]] inline bool fits(const CompiledPolicy& policy, const CompiledStatement& statement, uint32_t resource,
                               const Question& question, TypedValues& typed) {
    const auto tables = policy.patterns();
    if (names_action(policy, tables, statement, question) == statement.not_action) return false;
    if (resource != Index::whole_element) {
        if (resource != Index::resource_fits &&
            !matches(policy.resource(resource), tables, question.resource, question.context()))
            return false;
    } else if (!statement.any_resource && names_resource(policy, tables, statement, question) == statement.not_resource) {
        return false;
    }
    return conditions_hold(policy, statement, question, typed);
}

[[nodiscard]] inline bool names_ambiguous(const CompiledPolicy& policy, const CompiledStatement& statement,
                                          const ContextView& context) {
    const auto conditions = policy.condition_tables();
    const auto patterns = policy.patterns();
    return std::ranges::any_of(policy.conditions(statement),
                               [&](const Condition& one) { return names_ambiguous(one, conditions, context); }) ||
           std::ranges::any_of(policy.resources(statement),
                               [&](const Pattern& one) { return names_ambiguous(one, patterns, context); });
}

// `fits` where a key of the request is ambiguous (R81): an Allow that names it applies to nothing; in a Deny, what names it fits,
// and a variable in Resource stands for any text.
[[nodiscard]] inline bool fits_in_doubt(const CompiledPolicy& policy, const CompiledStatement& statement, uint32_t resource,
                                        const Question& question, TypedValues& typed) {
    const auto& context = question.context();
    if (!names_ambiguous(policy, statement, context)) return fits(policy, statement, resource, question, typed);
    const auto patterns = policy.patterns();
    if (statement.effect == Effect::allow || names_action(policy, patterns, statement, question) == statement.not_action)
        return false;
    const auto matching = [&](const Pattern& pattern) {
        if (statement.not_resource && names_ambiguous(pattern, patterns, context)) return false;
        return matches(pattern, patterns, question.resource, context);
    };
    if (!statement.any_resource && std::ranges::any_of(policy.resources(statement), matching) == statement.not_resource)
        return false;
    const auto tables = policy.condition_tables();
    return std::ranges::all_of(policy.conditions(statement), [&](const Condition& condition) {
        return names_ambiguous(condition, tables, context) || holds(condition, tables, context, typed);
    });
}

// The question as an index is asked it. `skips_conditions`: every statement is wanted that would apply but for its conditions.
[[nodiscard]] inline RequestTerms terms_of(const Question& question, bool skips_conditions) {
    return {question.resource, question.action, question.action_hash, question.context(), skips_conditions};
}

// Calls visit(statement, resource) for every statement that may apply, some perhaps more than once, until it returns false. `terms`: of
// the question.
template <class Visit>
void each_candidate(const Policy& whole, const Question& question, RequestTerms& terms, Visit&& visit) {
    const auto& policy = whole.compiled();
    if (!policy.has_index()) {
        const auto statements = policy.statements();
        const auto bit = service_bit(question.service_hash);
        for (uint32_t i = 0; i < statements.size(); ++i)
            if ((statements[i].services & bit) && !visit(i, Index::whole_element)) return;
        return;
    }
    const auto index = policy.index();
    const auto ask_group = [&](uint64_t group) {
        if ((whole.summary().groups & Index::group_bit(group)) == 0) return true;
        return index.each(group, terms,
                          [&](const IndexEntry& entry) { return visit(entry.statement, Index::resource_of(entry)); });
    };
    if (!ask_group(Index::no_group)) return;
    if (!has_principals(whole.kind())) {
        ask_group(service_group(static_cast<uint32_t>(question.service_hash)));
        return;
    }
    const auto& names = question.names;
    for (const auto* name : {&names.account, &names.arn, &names.unique_id, &names.role_arn, &names.role_id, &names.user_arn,
                             &names.service, &names.provider})
        if (!name->text.empty() && !ask_group(Index::group_of(name->hash))) return;
}

}  // namespace policy
