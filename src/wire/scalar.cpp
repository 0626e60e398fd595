#include "wire/scalar.hpp"

#include <charconv>
#include <cmath>

#include "base/strings.hpp"
#include "text/base64.hpp"
#include "text/time.hpp"

namespace wire {

using text::Json;

namespace {

std::string iso(base::Time time) {
    return time.time_since_epoch().count() % 1000 == 0 ? text::iso8601(time) : text::iso8601_millis(time);
}

}  // namespace

std::optional<Json> scalar_from_text(const Shape& shape, std::string_view text) {
    switch (shape.type) {
        case ShapeType::integer: {
            int64_t value = 0;
            const auto got = std::from_chars(text.data(), text.data() + text.size(), value);
            if (text.empty() || got.ec != std::errc() || got.ptr != text.data() + text.size()) return std::nullopt;
            if (!shape.is_long && (value > INT32_MAX || value < INT32_MIN)) return std::nullopt;
            return Json(value);
        }
        case ShapeType::floating: {
            double value = 0;
            const auto got = std::from_chars(text.data(), text.data() + text.size(), value);
            if (text.empty() || got.ec != std::errc() || got.ptr != text.data() + text.size() || !std::isfinite(value))
                return std::nullopt;
            return Json(value);
        }
        case ShapeType::boolean:
            if (base::equals_ignoring_case(text, "true")) return Json(true);
            if (base::equals_ignoring_case(text, "false")) return Json(false);
            return std::nullopt;
        case ShapeType::timestamp: {
            if (const auto time = text::parse_iso8601(text)) return Json(iso(*time));
            const auto seconds = timestamp_from_seconds(Json::number(std::string(text)));
            return seconds ? std::optional(Json(*seconds)) : std::nullopt;
        }
        case ShapeType::blob:
            if (!text::decode_base64(text)) return std::nullopt;
            return Json(text);
        default:
            return Json(text);
    }
}

std::string scalar_to_text(const Shape& shape, const Json& value) {
    if (shape.type == ShapeType::timestamp && value.is_number()) return timestamp_from_seconds(value).value_or("");
    if (value.is_bool()) return value.as_bool() ? "true" : "false";
    return value.as_string();
}

std::optional<std::string> timestamp_from_seconds(const Json& number) {
    const auto& digits = number.as_string();
    double seconds = 0;
    const auto got = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
    if (digits.empty() || got.ec != std::errc() || got.ptr != digits.data() + digits.size()) return std::nullopt;
    if (!(std::abs(seconds) < 253402300800.0)) return std::nullopt;  // the year 10000
    return iso(base::Time(std::chrono::milliseconds(std::llround(seconds * 1000))));
}

Json timestamp_to_seconds(const Json& value) {
    if (value.is_number()) return value;
    const auto time = text::parse_iso8601(value.as_string());
    if (!time) return {};
    const int64_t millis = time->time_since_epoch().count();
    if (millis % 1000 == 0) return Json(millis / 1000);
    return Json(static_cast<double>(millis) / 1000);
}

std::string_view name_of(ShapeType type) {
    switch (type) {
        case ShapeType::structure:
            return "a structure";
        case ShapeType::list:
            return "a list";
        case ShapeType::map:
            return "a map";
        case ShapeType::string:
            return "a string";
        case ShapeType::integer:
            return "an integer";
        case ShapeType::floating:
            return "a number";
        case ShapeType::boolean:
            return "a boolean";
        case ShapeType::timestamp:
            return "a timestamp";
        case ShapeType::blob:
            return "a base64 text";
    }
    return "a value";
}

}  // namespace wire
