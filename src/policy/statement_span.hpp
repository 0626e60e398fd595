// Where a statement begins and ends in its document, counted as IAM's simulator counts (API_Statement, API_Position and the
// sample answers of SimulateCustomPolicy and SimulatePrincipalPolicy).
//
// Lines and columns are 1-based; columns are in characters; LF, CR and CRLF each end a line. A statement starts where its
// reader stood before it: behind the `[`, or behind the statement before it; a single statement that is not a list, behind its `{`.
// It ends behind its `}`.
#pragma once

#include <string_view>
#include <vector>

#include "policy/policy.hpp"
#include "text/json.hpp"

namespace policy {

struct StatementSpan {
    text::Position start, end;
};

// Of every statement, in order. Empty for what is not a policy document.
[[nodiscard]] std::vector<StatementSpan> statement_spans(std::string_view document);

// The text of one statement, from `{` to `}`: a view of the policy's. Empty if the document cannot be read.
[[nodiscard]] std::string_view statement_text(const Policy& policy, size_t statement);

}  // namespace policy
