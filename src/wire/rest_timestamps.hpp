// Timestamps in REST-XML's headers: HTTP's dates, but where the model says `timestampFormat: iso8601`. tests/rest_codec compares with botocore.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "model/shape.hpp"
#include "text/time.hpp"

namespace wire {

[[nodiscard]] inline bool is_iso8601_in_headers(const model::Shape& shape) { return shape.name == "ObjectLockRetainUntilDate"; }

[[nodiscard]] inline std::optional<base::Time> read_header_time(const model::Shape& shape, std::string_view text) {
    return is_iso8601_in_headers(shape) ? text::parse_iso8601(text) : text::parse_http_date(text);
}

[[nodiscard]] inline std::string write_header_time(const model::Shape& shape, base::Time time) {
    return is_iso8601_in_headers(shape) ? text::iso8601_millis(time) : text::http_date(time);
}

}  // namespace wire
