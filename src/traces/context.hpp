// The trace that a client says its request belongs to: `traceparent: 00-TRACE-SPAN-FLAGS`.
//
// Source: W3C Trace Context, sections 3.2.2 (the header's fields) and 4.3 (a header that cannot be read begins a new trace).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace traces {

struct TraceContext {
    std::string trace_id;  // 32 hexadecimal digits, not all of them 0
    std::string span_id;   // 16, of the client's span
    bool sampled = false;  // the client keeps it
};

// nullopt: it is none. Of a version that is not known yet, what version 00 has.
[[nodiscard]] std::optional<TraceContext> parse_traceparent(std::string_view header);

// Does this part of all traces have it? Told from the id, so that all who know the id and the ratio say the same. `ratio`: 0 to 1.
[[nodiscard]] bool is_in_sample(std::string_view trace_id, double ratio);

}  // namespace traces
