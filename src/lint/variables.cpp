// Source: IAM User Guide, "IAM policy elements: Variables and tags".
#include "lint/variables.hpp"

#include "base/strings.hpp"
#include "lint/conditions.hpp"

namespace lint {

namespace {

class Variables {
public:
    Variables(const Document& document, Collector& out) : document_(document), out_(out) {}

    void check() {
        for (const Statement& statement : document_.statements) {
            for (const Item& item : statement.resources.items) check_text(item.text, item.place);
            for (const ConditionItem& condition : conditions_of(statement))
                if (policy::compares_patterns(condition.op.comparison))
                    for (const auto& value : condition.values) check_text(value.text, value.place);
            for (const Member* principal : {statement.principal, statement.not_principal}) check_principal(statement, principal);
            if (statement.sid != nullptr && statement.sid->value.is_string())
                unsupported(statement.sid->value.text, statement.at(*statement.sid));
        }
    }

private:
    void unsupported(std::string_view text, const Place& place) {
        if (text.contains("${"))
            out_.add(check_of("VARIABLE_UNSUPPORTED_IN_ELEMENT"),
                     shown(text) + ": variables stand in Resource and Condition only.", place);
    }

    void check_principal(const Statement& statement, const Member* principal) {
        if (principal == nullptr) return;
        const auto see = [&](std::string_view text, const Place& place) { unsupported(text, place); };
        each_string(principal->value, statement.at(*principal), see);
        for (const Member& kind : principal->value.members) each_string(kind.value, statement.at(*principal).member(kind), see);
    }

    void check_text(std::string_view text, const Place& place) {
        if (!text.contains("${")) return;
        if (!document_.has_variables)
            return out_.add(check_of("VARIABLE_UNSUPPORTED_IN_VERSION"),
                            "In " + shown(text) + " the variable is plain text: say \"Version\": \"2012-10-17\".", place);
        for (size_t at = text.find("${"); at != std::string_view::npos; at = text.find("${", at)) {
            at += 2;
            const std::string_view rest = text.substr(at);
            // A default may hold braces.
            const size_t comma = rest.find_first_of(",}");
            if (comma == std::string_view::npos)
                return out_.add(check_of("MISSING_BRACE_IN_VARIABLE"), "In " + shown(text) + " a variable does not end: add `}`.",
                                place);
            const std::string_view name = rest.substr(0, comma);
            check_name(name, text, place);
            if (rest[comma] == '}') {
                at += comma + 1;
                continue;
            }
            const size_t end = check_default(rest.substr(comma + 1), text, place);
            if (end == std::string_view::npos) return;
            at += comma + 1 + end;
        }
    }

    void check_name(std::string_view name, std::string_view text, const Place& place) {
        if (base::trim(name).empty())
            return out_.add(check_of("EMPTY_VARIABLE"), "In " + shown(text) + " a variable names no condition key.", place);
        if (name.find_first_of(" \t\r\n") != std::string_view::npos)
            out_.add(check_of("UNSUPPORTED_SPACE_IN_VARIABLE"), "In " + shown(text) + " the name of a variable holds a space.",
                     place);
    }

    // How far the default goes, its brace included.
    size_t check_default(std::string_view rest, std::string_view text, const Place& place) {
        const size_t open = rest.find_first_not_of(' ');
        const size_t brace = rest.find('}');
        if (brace == std::string_view::npos) {
            out_.add(check_of("MISSING_BRACE_IN_VARIABLE"), "In " + shown(text) + " a variable does not end: add `}`.", place);
            return brace;
        }
        const size_t close = open < rest.size() && rest[open] == '\'' ? rest.find("'}", open + 1) : std::string_view::npos;
        if (close != std::string_view::npos) return close + 2;
        out_.add(check_of("MISSING_QUOTE_IN_VARIABLE"),
                 "In " + shown(text) + " a variable's default does not stand in single quotes.", place);
        return brace + 1;
    }

    const Document& document_;
    Collector& out_;
};

}  // namespace

void check_variables(const Document& document, Collector& out) { Variables(document, out).check(); }

}  // namespace lint
