// What statements do, proved: those that can never apply, that others make superfluous, or that do not do what they look like.
//
// Every finding rests on a proof that there is no request (proof/prove.hpp), over the accounts, regions and partitions that the document names and
// one of each that it does not. What could not be told is never a finding.
#pragma once

#include <set>

#include "lint/statement.hpp"

namespace lint {

// The same of who asks (principal_effect.cpp): trust policies, and other policies of resources. `said`: the statements of which it is known that they do
// nothing; those that are found come to it.
void check_principal_effect(const Document& document, std::string_view text, std::set<const Statement*>& said, Collector& out);

// `text` is the document.
void check_effect(const Document& document, std::string_view text, Collector& out);

}  // namespace lint
