// Decisions as people read them: the same objects that the audit log holds, laid out.
#pragma once

#include <string>

#include "text/json.hpp"

namespace cli {

// One record of the audit log with all its accesses; several lines.
[[nodiscard]] std::string show_record(const text::Json& record);
// One access; `principal` as in the record.
[[nodiscard]] std::string show_access(const text::Json& access);
// "statement `Sid` (allow) of POLICY, line 3" for each.
[[nodiscard]] std::string show_statements(const text::Json& statements, const std::string& indent);
// "Role R (session s)", an ARN, or "anyone, without credentials".
[[nodiscard]] std::string show_principal(const text::Json& principal);

}  // namespace cli
