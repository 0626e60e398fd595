// What retention knows and a restart must not make it forget: the time that is believed, and what was removed for its age. A file in the
// log's folder, beside the segments. Times that pass are the machine's (steady_clock), never those of the server's clock: on the boot that
// wrote the file, the time since then has passed; after another boot, nothing is known of it, and none has. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "audit/age_removals.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace audit {

constexpr std::string_view retention_state_file = "retention.json";

struct RetentionState {
    std::string boot;                 // of the machine, as its kernel calls it; empty: not known
    std::chrono::milliseconds at{0};  // of the steady clock, when this was so
    base::Time believed;
    std::optional<std::chrono::milliseconds> doubted_for;  // how long the clock had been ahead of it; absent: it was not
    std::optional<AgeRemovals::State> requests, unauthenticated;
};

[[nodiscard]] std::string to_text(const RetentionState& state);
// Error `AuditUnavailable`: it is not what to_text writes.
[[nodiscard]] base::Result<RetentionState> read_retention_state(std::string_view text);
// How long before `now` of this boot the state was so, as far as that is known.
[[nodiscard]] std::chrono::milliseconds passed_since(const RetentionState& state, std::string_view boot,
                                                     std::chrono::milliseconds now);

}  // namespace audit
