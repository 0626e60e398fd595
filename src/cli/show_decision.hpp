// Decisions as people read them: the objects of our API's answers, laid out. The words in them are the server's
// (policy/explain.hpp).
#pragma once

#include <string>

#include "text/json.hpp"

namespace cli {

// One record of the audit log with all its accesses; several lines.
[[nodiscard]] std::string show_record(const text::Json& record);
// One access; `principal` as in the record.
[[nodiscard]] std::string show_access(const text::Json& access);
// "Allow statement `Sid` of POLICY, line 3 (identity-based policy)" for each.
[[nodiscard]] std::string show_statements(const text::Json& statements, const std::string& indent);
// "Role R (session s)", an ARN, or "anyone, without credentials".
[[nodiscard]] std::string show_principal(const text::Json& principal);

}  // namespace cli
