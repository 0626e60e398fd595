// Decisions as people read them: the objects of our API's answers, laid out. The words in them are the server's
// (policy/explain.hpp).
#pragma once

#include "cli/terminal.hpp"
#include "text/json.hpp"

namespace cli {

// One record of the audit log with all its accesses; several lines.
[[nodiscard]] Text show_record(const text::Json& record);
// One access; `principal` as in the record.
[[nodiscard]] Text show_access(const text::Json& access);
// "Allow statement `Sid` of POLICY, line 3 (identity-based policy)" for each.
[[nodiscard]] Text show_statements(const text::Json& statements, const Text& indent);
// "Role R (session s)", an ARN, or "anyone, without credentials".
[[nodiscard]] Text show_principal(const text::Json& principal);

}  // namespace cli
