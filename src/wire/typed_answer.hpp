// The 200 of an operation with typed values, in the protocol of its request.
#pragma once

#include <optional>
#include <string_view>

#include "http/message.hpp"
#include "model/shape.hpp"
#include "wire/model.hpp"

namespace wire {

// Without the request id's header, which `encode_answer` (route.hpp) adds. `output`: as `write_query` has it. nullopt: of
// REST-XML, which has no writer of typed values.
[[nodiscard]] std::optional<http::Response> encode_typed_answer(const ServiceModel& service, const model::Operation& operation,
                                                                const http::RequestHead& head, const void* output,
                                                                std::string_view request_id);

}  // namespace wire
