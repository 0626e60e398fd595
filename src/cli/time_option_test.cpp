#include "cli/time_option.hpp"

#include <doctest/doctest.h>

#include "text/time.hpp"

using cli::read_time_option;

TEST_CASE("a time is a moment, a day, or how long ago") {
    const base::Time now = text::parse_iso8601("2026-01-31T12:00:00Z").value();
    const auto read = [&](const std::string& text) {
        const auto time = read_time_option("--since", text, now);
        return time && *time ? text::iso8601(**time) : std::string();
    };
    CHECK(read("2026-01-30T01:02:03Z") == "2026-01-30T01:02:03Z");
    CHECK(read("2026-01-30") == "2026-01-30T00:00:00Z");
    CHECK(read("90s") == "2026-01-31T11:58:30Z");
    CHECK(read("30m") == "2026-01-31T11:30:00Z");
    CHECK(read("12h") == "2026-01-31T00:00:00Z");
    CHECK(read("7d") == "2026-01-24T12:00:00Z");
    CHECK(read_time_option("--since", "", now).value() == std::nullopt);
    for (const char* bad :
         {"yesterday", "h", "-1h", "1 h", "1w", "12", "99999999999999999999h", "9223372036854775807d", "36501d"}) {
        CAPTURE(bad);
        const auto refused = read_time_option("--until", bad, now);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == "Usage");
        CHECK(refused.error().message == "--until takes a time, not `" + std::string(bad) + "`");
    }
}
