// A statement of a policy as a new document of Version 2012-10-17 takes it: with its words, but for what the old document's Version or IAM's leniency
// let be written in another way.
#pragma once

#include <cstddef>

#include "base/result.hpp"
#include "policy/policy.hpp"
#include "text/json.hpp"

namespace proof {

// `printed`: the whole policy by policy::print. Operators of conditions are spelled as IAM documents them (`stringlike`: StringLike), so that a condition
// added to the statement is not a second operator of the same name. In a document of an older Version `${` is no variable: there a `$` is escaped.
[[nodiscard]] base::Result<text::Json> statement_to_copy(const policy::Policy& policy, size_t number, const text::Json& printed);

}  // namespace proof
