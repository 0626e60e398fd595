// The grammar again, for tests only: which documents and which statements are well formed, rule by rule (G1-G4 and those that
// say "refused"). It shares the JSON reader with the engine's parser and nothing else, and says yes or no: the words of a refusal
// are tested by the text cases.
//
// Source: IAM User Guide, "Grammar of the IAM JSON policy language", and the pages named at each rule in
// tests/cases/policy/rules.yaml.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.hpp"
#include "text/json.hpp"

namespace reference {

// Would this document be accepted when it is written?
[[nodiscard]] bool acceptable(std::string_view document, policy::PolicyKind kind);

struct Statement {
    text::Json json;
    bool broken = false;  // cannot be understood: never allows, and denies if it is no Allow (R73)
};

// A document that was stored, whatever it holds.
struct Document {
    policy::PolicyKind kind = policy::PolicyKind::identity;
    std::string name;
    bool closed = false;     // cannot be read at all: denies everything
    bool variables = false;  // Version 2012-10-17 (R65)
    std::vector<Statement> statements;
};
[[nodiscard]] Document read(std::string_view document, policy::PolicyKind kind, std::string name);

// `${key}` or `${key, 'default'}` at the start of `text` (R64, R67). `end` is behind the brace.
struct Variable {
    std::string key;  // `*`, `?` and `$` are the escapes (R66)
    std::optional<std::string> fallback;
    size_t end = 0;
};
[[nodiscard]] std::optional<Variable> read_variable(std::string_view text);

// The operator without its negation, all in lower case (`stringnotlike`: `stringlike`); nullopt for what is none.
[[nodiscard]] std::optional<std::string> positive_operator(std::string op);

// Values of conditions (R60-R63).
[[nodiscard]] bool is_number(std::string_view text);
[[nodiscard]] bool is_date(std::string_view text);
struct Block {
    bool v6 = false;
    std::string bits;  // '0' and '1', cut to the prefix
};
[[nodiscard]] std::optional<Block> read_block(std::string_view text);

}  // namespace reference
