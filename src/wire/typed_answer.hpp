// The 200 of an operation with typed values, in the protocol of its request.
#pragma once

#include "http/message.hpp"
#include "model/shape.hpp"
#include "wire/model.hpp"

namespace wire {

// Without the request's id in a header, which the gate adds; Query's answers have it in their text, too. `output`: a struct of the
// operation's output. REQUIRES: the service is none of REST-XML's (rest_xml.hpp).
[[nodiscard]] http::Response encode_typed_answer(const ServiceModel& service, const model::Operation& operation,
                                                 const http::RequestHead& head, const void* output, std::string_view request_id);

}  // namespace wire
