// Decisions as our answers show them: the object that the audit log holds, and with it the reason in words, what would help, and
// each statement described. The words are policy/explain.hpp's.
#pragma once

#include "audit/log.hpp"
#include "text/json.hpp"

namespace services::trainwarden {

// An access and who asked for it.
[[nodiscard]] text::Json explained(const audit::DecidedAccess& access);
// One that the log holds; `access` and `principal` as audit::to_json wrote them.
[[nodiscard]] text::Json explained(text::Json access, const text::Json& principal);

}  // namespace services::trainwarden
