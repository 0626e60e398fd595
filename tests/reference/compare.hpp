// The engine against the naive evaluator: what is wrong with an answer, in words, with all that is needed to ask again.
#pragma once

#include <string>

#include "question.hpp"
#include "reference.hpp"

namespace reference {

// What is wrong with the engine's decision, or with its reasons; empty if nothing is. `expected` is what the reference says.
[[nodiscard]] std::string difference(const policy::Request& request, const policy::PolicySet& policies, const Answer& expected);
[[nodiscard]] std::string difference(const Question& question);

// Does the parser accept what the grammar does not, or refuse what it does? Empty if they agree.
[[nodiscard]] std::string grammar_difference(std::string_view document, policy::PolicyKind kind);

// A question whose answer is wrong, made as small as it gets, as a case.
[[nodiscard]] std::string finding(const Question& question, const std::string& how_to_ask_again);

}  // namespace reference
