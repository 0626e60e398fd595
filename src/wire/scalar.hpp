// Scalars between the forms they have on the wire and the one form they have inside (model.hpp). Private to the codecs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/json.hpp"
#include "text/json.hpp"
#include "wire/model.hpp"

namespace wire {

using model::input_values_max;  // of one request

// From text (Query parameters, XML): nullopt if it is not of the shape's type.
[[nodiscard]] std::optional<text::Json> scalar_from_text(const Shape& shape, std::string_view text);
// To text: timestamps become ISO 8601 whatever they were.
[[nodiscard]] std::string scalar_to_text(const Shape& shape, const text::Json& value);
// ISO 8601 for a number of seconds since 1970, with milliseconds if there are any.
[[nodiscard]] std::optional<std::string> timestamp_from_seconds(const text::Json& number);
// Seconds since 1970, as a JSON number; null if it is not a timestamp.
[[nodiscard]] text::Json timestamp_to_seconds(const text::Json& value);
[[nodiscard]] std::string_view name_of(ShapeType type);  // for messages: "a string", "an integer", …

}  // namespace wire
