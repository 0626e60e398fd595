// Dates as AWS writes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace text {

[[nodiscard]] std::string iso8601(base::Time time);         // 2026-01-31T12:00:00Z (seconds)
[[nodiscard]] std::string iso8601_millis(base::Time time);  // 2026-01-31T12:00:00.123Z
[[nodiscard]] std::string amz_date(base::Time time);        // 20260131T120000Z
[[nodiscard]] std::string http_date(base::Time time);       // Sat, 31 Jan 2026 12:00:00 GMT (RFC 9110)

// W3C profiles of ISO 8601: a date, or a date and time with `Z` or an offset, seconds and fraction optional.
[[nodiscard]] std::optional<base::Time> parse_iso8601(std::string_view text);
[[nodiscard]] std::optional<base::Time> parse_amz_date(std::string_view text);
[[nodiscard]] std::optional<base::Time> parse_http_date(std::string_view text);

}  // namespace text
