#include "proof/statement_copy.hpp"

#include <string>
#include <utility>

#include "policy/print.hpp"
#include "policy/statement_span.hpp"

namespace proof {

namespace {

using text::Json;

// `$` begins a variable in the Version that this is written into.
void escape_dollars(Json& value) {
    if (value.is_string()) {
        std::string out;
        for (const char c : value.as_string()) out += c == '$' ? std::string("${$}") : std::string(1, c);
        value = out;
    } else if (value.is_array()) {
        for (Json& one : value.items()) escape_dollars(one);
    } else if (value.is_object()) {
        for (auto& [name, member] : value.members()) escape_dollars(member);
    }
}

void spell_operators(Json& statement) {
    const Json* condition = statement.find("Condition");
    if (condition == nullptr || !condition->is_object()) return;
    Json spelled = Json::object();
    for (const auto& [name, keys] : condition->members()) spelled.set(policy::operator_as_documented(name), keys);
    statement.set("Condition", std::move(spelled));
}

}  // namespace

base::Result<Json> statement_to_copy(const policy::Policy& policy, size_t number, const Json& printed) {
    if (policy.has_variables()) {
        Json out = TRY(text::parse_json(policy::statement_text(policy, number)));
        spell_operators(out);
        return out;
    }
    Json out = printed["Statement"].items()[number];
    escape_dollars(out);
    return out;
}

}  // namespace proof
