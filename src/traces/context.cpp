#include "traces/context.hpp"

#include <algorithm>
#include <charconv>

namespace traces {
namespace {

constexpr size_t version_digits = 2, trace_digits = 32, span_digits = 16, flag_digits = 2;
constexpr size_t length = version_digits + 1 + trace_digits + 1 + span_digits + 1 + flag_digits;
constexpr unsigned sampled_flag = 1;

// Lower case alone, as the standard has it.
bool is_hex(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view digits) {
    return std::ranges::all_of(digits, [](char c) { return c == '0'; });
}

uint64_t number_of(std::string_view digits) {
    uint64_t out = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
    return out;
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view header) {
    if (header.size() < length || header[2] != '-' || header[35] != '-' || header[52] != '-') return std::nullopt;
    const auto version = header.substr(0, version_digits);
    if (!is_hex(version) || version == "ff") return std::nullopt;
    // Later versions may add fields, behind another dash.
    if (header.size() > length && (version == "00" || header[length] != '-')) return std::nullopt;
    const auto trace = header.substr(3, trace_digits), span = header.substr(36, span_digits),
               flags = header.substr(53, flag_digits);
    if (!is_hex(trace) || !is_hex(span) || !is_hex(flags) || is_zero(trace) || is_zero(span)) return std::nullopt;
    return TraceContext{
        .trace_id = std::string(trace), .span_id = std::string(span), .sampled = (number_of(flags) & sampled_flag) != 0};
}

bool is_in_sample(std::string_view trace_id, double ratio) {
    if (ratio >= 1) return true;
    if (ratio <= 0 || trace_id.size() != trace_digits) return false;
    constexpr double all = 72'057'594'037'927'936.0;  // 2^56: the last seven bytes are the random ones
    return static_cast<double>(number_of(trace_id.substr(trace_digits - 14))) < ratio * all;
}

}  // namespace traces
