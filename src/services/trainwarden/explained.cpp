#include "services/trainwarden/explained.hpp"

#include <algorithm>

#include "model/stored.hpp"
#include "policy/explain.hpp"

namespace services::trainwarden {
namespace {

namespace m = model::trainwarden;
using text::Json;

void describe_statements(std::optional<std::vector<m::Statement>>& shown, const std::vector<policy::StatementRef>& statements) {
    if (!shown) return;
    for (size_t i = 0; i < std::min(shown->size(), statements.size()); ++i)
        (*shown)[i].description = policy::describe(statements[i]);
}

void add_words(m::DecidedAccess& shown, const audit::DecidedAccess& access) {
    const auto& [request, decision] = access;
    describe_statements(shown.matched_statements, decision.because);
    describe_statements(shown.allowed_by, decision.granted);
    policy::Explanation explanation = policy::explanation_of(request, decision);
    shown.reason = std::move(explanation.reason);
    if (decision.outcome != policy::Outcome::allow) shown.advice = std::move(explanation.remedies);
}

// Nothing is left over: the model has a member for everything that a decision shows (answers_test.cpp).
template <class T>
T read(const Json& document) {
    T out;
    (void)model::read_stored(document, out);
    return out;
}

}  // namespace

m::DecidedAccess explained(const audit::DecidedAccess& access) {
    auto shown = read<m::DecidedAccess>(audit::to_json(access));
    add_words(shown, access);
    return shown;
}

m::Principal shown(const policy::Principal& principal) { return read<m::Principal>(audit::to_json(principal)); }

m::RequestRecord read_record(const Json& record) {
    m::RequestRecord out;
    const Json rest = model::read_stored(record, out);
    if (rest.is_null()) return out;
    const std::string note = "another version of this program wrote more: " + rest.dump();
    out.note = out.note ? *out.note + "; " + note : note;
    return out;
}

m::RequestRecord explained_record(const Json& record) {
    m::RequestRecord out = read_record(record);
    if (!out.accesses || !out.principal) return out;  // of a damaged record: who was decided on is not known
    const std::vector<audit::DecidedAccess> read = audit::read_accesses(record);
    for (size_t i = 0; i < std::min(out.accesses->size(), read.size()); ++i) add_words((*out.accesses)[i], read[i]);
    return out;
}

}  // namespace services::trainwarden
