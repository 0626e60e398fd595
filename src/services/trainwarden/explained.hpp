// Decisions as our answers show them: what the audit log holds of them, and with it the reason in words, what would help, and
// each statement described. The words are policy/explain.hpp's.
#pragma once

#include "audit/log.hpp"
#include "model/trainwarden/operations.hpp"
#include "text/json.hpp"

namespace services::trainwarden {

// An access and who asked for it.
[[nodiscard]] model::trainwarden::DecidedAccess explained(const audit::DecidedAccess& access);
[[nodiscard]] model::trainwarden::Principal shown(const policy::Principal& principal);

// A record of the audit log. Of one that another version of this program wrote, what the model has no place for stands in Note.
[[nodiscard]] model::trainwarden::RequestRecord read_record(const text::Json& record);
// With the words that explain each access.
[[nodiscard]] model::trainwarden::RequestRecord explained_record(const text::Json& record);

}  // namespace services::trainwarden
