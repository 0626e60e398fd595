#include "policy/fits.hpp"

namespace policy {

bool names_action_by_pattern(const CompiledPolicy& policy, const CompiledStatement& statement, const Question& question) {
    const bool is_listed = question.facts.place != KnownAction::unlisted;
    for (const auto& action : policy.actions(statement)) {
        if (is_listed && !action.asks_pattern) continue;
        if (action.service != 0 && action.service != static_cast<uint32_t>(question.service_hash)) continue;
        if (action.key != 0 && action.key != question.facts.key) continue;
        if (matches(action.pattern, policy.patterns(), question.action, question.context())) return true;
    }
    return false;
}

}  // namespace policy
