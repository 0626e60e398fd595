#include "audit/retention_state.hpp"

#include <algorithm>

#include "base/error_codes.hpp"
#include "text/json.hpp"

namespace audit {
namespace {

using std::chrono::milliseconds;
using text::Json;

constexpr int format_version = 1;
constexpr milliseconds passed_max = AgeRemovals::kept_max;  // in nanoseconds, much more is no number
constexpr int64_t time_max = 253'402'300'800'000;           // the year 10000

Json json_of(const AgeRemovals::State& state) {
    return Json::object({{"began", state.elapsed.count()},
                         {"most", static_cast<int64_t>(state.most)},
                         {"removed", static_cast<int64_t>(state.removed)},
                         {"said", state.said}});
}

bool is_within(const Json& number, int64_t most) {
    return number.is_number() && number.as_int(-1) >= 0 && number.as_int(-1) <= most;
}

// False: it is no state.
bool read(const Json& json, std::optional<AgeRemovals::State>& into) {
    if (json.is_null()) return true;
    if (!is_within(json["began"], passed_max.count()) || !is_within(json["most"], INT64_MAX) ||
        !is_within(json["removed"], INT64_MAX))
        return false;
    into = AgeRemovals::State{.elapsed = milliseconds(json["began"].as_int()),
                              .most = static_cast<uint64_t>(json["most"].as_int()),
                              .removed = static_cast<uint64_t>(json["removed"].as_int()),
                              .said = json["said"].as_bool()};
    return true;
}

}  // namespace

std::string to_text(const RetentionState& state) {
    Json json = Json::object({{"format", format_version},
                              {"boot", state.boot},
                              {"at", state.at.count()},
                              {"believed", state.believed.time_since_epoch().count()}});
    if (state.doubted_for) json.set("doubted", state.doubted_for->count());
    if (state.requests) json.set("requests", json_of(*state.requests));
    if (state.unauthenticated) json.set("unauthenticated", json_of(*state.unauthenticated));
    return json.pretty() + "\n";
}

base::Result<RetentionState> read_retention_state(std::string_view text) {
    const auto parsed = text::parse_json(text);
    RetentionState state;
    const auto fail = [] {
        return base::fail(base::code::AuditUnavailable, "the state of retention is not one that a server wrote");
    };
    if (!parsed || !parsed->is_object()) return fail();
    const Json& json = *parsed;
    if (json["format"].as_int() != format_version || !is_within(json["at"], INT64_MAX / 1'000'000) ||
        !is_within(json["believed"], time_max) || !read(json["requests"], state.requests) ||
        !read(json["unauthenticated"], state.unauthenticated))
        return fail();
    state.boot = json["boot"].as_string();
    state.at = milliseconds(json["at"].as_int());
    state.believed = base::Time(milliseconds(json["believed"].as_int()));
    if (json.contains("doubted")) {
        if (!is_within(json["doubted"], passed_max.count())) return fail();
        state.doubted_for = milliseconds(json["doubted"].as_int());
    }
    return state;
}

milliseconds passed_since(const RetentionState& state, std::string_view boot, milliseconds now) {
    if (boot.empty() || boot != state.boot) return milliseconds(0);
    return std::clamp(now - state.at, milliseconds(0), passed_max);
}

}  // namespace audit
