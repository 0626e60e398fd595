// The REST-JSON protocol: an operation is a method and a path, whose labels are members; others stand in the query, the rest in a JSON document.
//
// Source: Smithy, "AWS restJson1 protocol". Headers that hold members, payloads that are not documents, and timestamps that are not
// ISO 8601 have no user among the services here: tools/modelgen refuses a model that has any.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"
#include "model/shape.hpp"
#include "wire/model.hpp"

namespace wire {

// By the path as it came: labels are percent-encoded, `/` included. nullptr: the service has no such operation.
[[nodiscard]] const RestRoute* find_rest_route(const ServiceModel& service, const http::RequestHead& head);

// Decoded and validated, into an empty struct of the operation's input. A member is taken from where the model has it, and nowhere
// else. REQUIRES: the request is one for the operation. Errors: `SerializationException`, the service's `validation_error`.
[[nodiscard]] base::Result<void> read_rest_json(const RestRoute& route, const model::Operation& operation,
                                                const http::RequestHead& head, std::string_view body, void* input);

// The body of an answer. `output`: a struct of the operation's output.
[[nodiscard]] std::string write_rest_json(const model::Operation& operation, const void* output);

}  // namespace wire
