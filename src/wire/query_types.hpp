// The AWS Query protocol over the tables of model/shape.hpp: what query_codec.cpp does for documents, for typed values.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "model/shape.hpp"
#include "text/uri.hpp"

namespace wire {

// Decoded and validated into an empty struct of the operation's input. Errors: `MalformedInput`, the service's
// `validation_error`.
[[nodiscard]] base::Result<void> read_query(const model::Operation& operation, const text::QueryParameters& form, void* input);
// The whole answer. `output`: a struct of the operation's output; of an operation without one, anything.
[[nodiscard]] std::string write_query(const model::Operation& operation, const void* output, std::string_view request_id);

// The client's side: the form of a request of this version of the service, and the answer's members into an empty struct of the
// operation's output. Error `MalformedAnswer`.
[[nodiscard]] std::string write_form(const model::Operation& operation, std::string_view version, const void* input);
[[nodiscard]] base::Result<void> read_query_answer(const model::Operation& operation, std::string_view body, void* output);

}  // namespace wire
