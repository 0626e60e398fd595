// Timestamps in REST-XML's headers: HTTP's dates, but where the model says otherwise (model::Shape::iso8601). tests/rest_codec compares with botocore.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "model/shape.hpp"
#include "text/time.hpp"

namespace wire {

[[nodiscard]] inline std::optional<base::Time> read_header_time(const model::Shape& shape, std::string_view text) {
    return shape.iso8601 ? text::parse_iso8601(text) : text::parse_http_date(text);
}

[[nodiscard]] inline std::string write_header_time(const model::Shape& shape, base::Time time) {
    return shape.iso8601 ? text::iso8601_millis(time) : text::http_date(time);
}

}  // namespace wire
