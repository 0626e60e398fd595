// What of an error may stand in the record and in the server's log. An answer may repeat what its client sent; the record is read by
// others, and kept.
#pragma once

#include <string>

#include "base/error.hpp"
#include "http/message.hpp"
#include "model/shape.hpp"
#include "text/json.hpp"

namespace gate {

// The message without what the request brought as values: of constraints that do not hold, where; of others, without any value that
// the service's model marks as sensitive or that is a job's environment or hyperparameter. `input`: what was asked, by the model's member
// names; null: nothing that could be read. nullptr: there is no such operation.
[[nodiscard]] std::string recorded_message(const base::Error& error, const model::Operation* operation, const text::Json& input);
// Does the record say what its answer has made? Of what reads, only of new credentials.
[[nodiscard]] bool makes_something(std::string_view operation);

// What was asked and what was made, for the record: the members of the model, as a JSON object of at most `most` bytes, without any that
// the model marks as sensitive or that holds credentials, a job's environment or hyperparameters, or data. Policies stand without the white
// space between their words. Over the limit the longest members are cut. Empty: there is nothing to record.
// Of what is polled, no token with which a client goes on: it is compared with what was asked before.
[[nodiscard]] std::string recorded_parameters(std::string_view service, std::string_view operation, const text::Json& input,
                                              size_t most);
// Where no document says what was made, the answer's headers do.
[[nodiscard]] std::string recorded_answer(std::string_view service, std::string_view operation, const text::Json& made,
                                          const http::Response& answer);

}  // namespace gate
