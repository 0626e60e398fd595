// The elements of a document and of its statements: which there must be, which there may be, and of what JSON type.
#pragma once

#include "lint/statement.hpp"

namespace lint {

void check_grammar(const Document& document, Collector& out);
// Statements that say the same.
void check_redundant_statements(const Document& document, Collector& out);
// The document's characters against AWS's quotas for its kind.
void check_size(std::string_view text, const Subject& subject, const Place& place, Collector& out);

}  // namespace lint
