// What of an error may stand in the record and in the server's log. An answer may repeat what its client sent; the record is read by
// others, and kept.
#pragma once

#include <string>

#include "base/error.hpp"
#include "text/json.hpp"
#include "wire/model.hpp"

namespace gate {

// The message without what the request brought as values: of a constraint that does not hold, where; of others, without any value that
// the service's model marks as sensitive or that is a job's environment or hyperparameter. `shape` describes `input`; nullptr: there
// is none.
[[nodiscard]] std::string recorded_message(const base::Error& error, const wire::Shape* shape, const text::Json& input);

}  // namespace gate
