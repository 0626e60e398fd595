// Decisions as people read them: the objects of our API's answers, laid out. The words in them are the server's
// (policy/explain.hpp).
#pragma once

#include <span>

#include "cli/terminal.hpp"
#include "model/trainwarden/operations.hpp"

namespace cli {

// One record of the audit log with all its accesses; several lines.
[[nodiscard]] Text show_record(const model::trainwarden::RequestRecord& record);
[[nodiscard]] Text show_access(const model::trainwarden::DecidedAccess& access);
// "Allow statement `Sid` of POLICY, line 3 (identity-based policy)" for each.
[[nodiscard]] Text show_statements(std::span<const model::trainwarden::Statement> statements, const Text& indent);
// Who asked; of credentials that did not hold, whose access key it was.
[[nodiscard]] Text show_caller(const model::trainwarden::RequestRecord& record);
// An ARN, a service's name, or "anyone, without credentials".
[[nodiscard]] Text show_principal(const model::trainwarden::Principal& principal);

}  // namespace cli
