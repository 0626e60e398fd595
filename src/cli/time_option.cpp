#include "cli/time_option.hpp"

#include <charconv>
#include <chrono>

#include "base/error_codes.hpp"
#include "text/time.hpp"

namespace cli {
namespace {

constexpr int64_t days_ago_max = 36'500;

std::optional<std::chrono::seconds> read_duration(const std::string& text) {
    int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || count < 0 || end + 1 != text.data() + text.size()) return std::nullopt;
    std::chrono::seconds unit{0};
    if (*end == 's') unit = std::chrono::seconds(1);
    if (*end == 'm') unit = std::chrono::minutes(1);
    if (*end == 'h') unit = std::chrono::hours(1);
    if (*end == 'd') unit = std::chrono::days(1);
    if (unit.count() == 0 || count > std::chrono::days(days_ago_max) / unit) return std::nullopt;
    return count * unit;
}

}  // namespace

base::Result<std::optional<base::Time>> read_time_option(const std::string& option, const std::string& text, base::Time now) {
    if (text.empty()) return std::nullopt;
    if (const auto ago = read_duration(text)) return now - *ago;
    if (const auto time = text::parse_iso8601(text)) return time;
    return base::fail(base::Error(base::code::Usage, option + " takes a time, not `" + text + "`")
                          .note("2026-01-31T12:00:00Z, a date, or how long ago: 90s, 30m, 12h, 7d"));
}

}  // namespace cli
