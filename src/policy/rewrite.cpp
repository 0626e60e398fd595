#include "policy/rewrite.hpp"

#include <vector>

#include "base/invariant.hpp"
#include "text/json.hpp"

namespace policy {

namespace {

struct Edit {
    size_t begin = 0, end = 0;  // of the string literal, quotes included
    std::string principal;
};

size_t offset_of(std::string_view document, text::Position position) {
    size_t at = 0;
    for (uint32_t line = 1; line < position.line; ++line) at = document.find('\n', at) + 1;
    return at + position.column - 1;
}

size_t end_of_literal(std::string_view document, size_t quote) {
    size_t at = quote + 1;
    while (document[at] != '"') at += document[at] == '\\' ? 2 : 1;
    return at + 1;
}

void collect(std::string_view document, const text::Json& value, const std::map<std::string, std::string>& replacements,
             std::vector<Edit>& edits) {
    for (const auto& item : value.items()) collect(document, item, replacements, edits);
    const auto found = value.is_string() ? replacements.find(value.as_string()) : replacements.end();
    if (found == replacements.end()) return;
    const size_t begin = offset_of(document, value.position());
    INVARIANT(begin < document.size() && document[begin] == '"');
    edits.push_back({begin, end_of_literal(document, begin), found->second});
}

}  // namespace

std::string replace_principals(std::string_view document, const std::map<std::string, std::string>& replacements) {
    std::string out(document);
    const auto json = text::parse_json(document);
    if (!json || replacements.empty()) return out;
    std::vector<Edit> edits;  // in document order, as the statements are
    const auto collect_from = [&](const text::Json& statement) {
        for (const auto& [name, principals] : statement.members()) {
            if (name != "Principal" && name != "NotPrincipal") continue;
            for (const auto& [type, named] : principals.members())
                if (type == "AWS" || type == "CanonicalUser") collect(document, named, replacements, edits);
        }
    };
    const auto& statements = (*json)["Statement"];
    if (statements.is_object()) collect_from(statements);
    for (const auto& statement : statements.items()) collect_from(statement);
    for (auto edit = edits.rbegin(); edit != edits.rend(); ++edit) {
        out.replace(edit->begin, edit->end - edit->begin, text::quote_json(edit->principal));
    }
    return out;
}

}  // namespace policy
