#include "services/trainwarden/explained.hpp"

#include "policy/explain.hpp"

namespace services::trainwarden {
namespace {

using text::Json;

void describe_statements(Json& shown, std::string_view member, const std::vector<policy::StatementRef>& statements) {
    Json* list = shown.find(member);
    if (list == nullptr) return;
    for (size_t i = 0; i < statements.size() && i < list->size(); ++i)
        list->items()[i].set("Description", policy::describe(statements[i]));
}

Json with_words(Json shown, const audit::DecidedAccess& access) {
    const auto& [request, decision] = access;
    describe_statements(shown, "MatchedStatements", decision.because);
    describe_statements(shown, "AllowedBy", decision.granted);
    policy::Explanation explanation = policy::explanation_of(request, decision);
    shown.set("Reason", std::move(explanation.reason));
    if (decision.outcome == policy::Outcome::allow) return shown;
    Json advice = Json::array();
    for (std::string& line : explanation.remedies) advice.push(std::move(line));
    shown.set("Advice", std::move(advice));
    return shown;
}

}  // namespace

Json explained(const audit::DecidedAccess& access) { return with_words(audit::to_json(access), access); }

Json explained(Json access, const Json& principal) {
    const audit::DecidedAccess read = audit::read_access(access, principal);
    return with_words(std::move(access), read);
}

}  // namespace services::trainwarden
