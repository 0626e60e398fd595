#include "model/scalar.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/invariant.hpp"
#include "base/strings.hpp"
#include "text/base64.hpp"
#include "text/time.hpp"

namespace model {

namespace {

template <class T>
std::optional<T> number_from_text(std::string_view text) {
    T value{};
    const auto got = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || got.ec != std::errc() || got.ptr != text.data() + text.size()) return std::nullopt;
    return value;
}

// Of an enum, whichever: typed.py gives all of them this underlying type.
uint16_t number_of(const void* enumeration) {
    uint16_t number = 0;
    std::memcpy(&number, enumeration, sizeof number);
    return number;
}

}  // namespace

std::optional<Scalar> scalar_from_text(const Shape& shape, std::string_view text) {
    Scalar out;
    switch (shape.type) {
        case Type::integer:
        case Type::long_integer: {
            const auto value = number_from_text<int64_t>(text);
            if (!value) return std::nullopt;
            if (shape.type == Type::integer && (*value > INT32_MAX || *value < INT32_MIN)) return std::nullopt;
            out.integer = *value;
            return out;
        }
        case Type::floating: {
            const auto value = number_from_text<double>(text);
            if (!value || !std::isfinite(*value)) return std::nullopt;
            out.number = *value;
            return out;
        }
        case Type::boolean:
            out.flag = base::equals_ignoring_case(text, "true");
            if (!out.flag && !base::equals_ignoring_case(text, "false")) return std::nullopt;
            return out;
        case Type::timestamp: {
            auto time = text::parse_iso8601(text);
            if (!time) time = time_from_seconds(text);
            if (!time) return std::nullopt;
            out.time = *time;
            return out;
        }
        case Type::blob: {
            auto bytes = text::decode_base64(text);
            if (!bytes) return std::nullopt;
            out.bytes = std::move(*bytes);
            out.text = text;
            return out;
        }
        default:
            out.text = text;
            return out;
    }
}

std::optional<base::Time> time_from_seconds(std::string_view number) {
    const auto seconds = number_from_text<double>(number);
    if (!seconds || !(std::abs(*seconds) < 253402300800.0)) return std::nullopt;  // the year 10000
    return base::Time(std::chrono::milliseconds(std::llround(*seconds * 1000)));
}

void store(const Shape& shape, const Scalar& scalar, void* place) {
    switch (shape.type) {
        case Type::string:
            static_cast<std::string*>(place)->assign(scalar.text);
            return;
        case Type::enumeration: {
            const uint16_t value = enumeration_number(shape, scalar.text);
            std::memcpy(place, &value, sizeof value);
            return;
        }
        case Type::integer:
            *static_cast<int32_t*>(place) = static_cast<int32_t>(scalar.integer);
            return;
        case Type::long_integer:
            *static_cast<int64_t*>(place) = scalar.integer;
            return;
        case Type::floating:
            *static_cast<double*>(place) = scalar.number;
            return;
        case Type::boolean:
            *static_cast<bool*>(place) = scalar.flag;
            return;
        case Type::timestamp:
            *static_cast<base::Time*>(place) = scalar.time;
            return;
        case Type::blob:
            *static_cast<std::string*>(place) = scalar.bytes;
            return;
        case Type::structure:
        case Type::list:
        case Type::map:
        case Type::stream:
            break;
    }
    INVARIANT(shape.is_scalar());
}

const void* find_known(const Field& field, const void* structure) {
    const void* value = field.find(structure);
    if (!value || field.shape->type == Type::stream) return nullptr;
    if (field.shape->type == Type::enumeration && number_of(value) == 0) return nullptr;
    if (field.shape->type == Type::floating && !std::isfinite(*static_cast<const double*>(value))) return nullptr;
    return value;
}

uint16_t enumeration_number(const Shape& shape, std::string_view word) {
    const auto found = std::ranges::find(shape.enumeration, word);
    return found == shape.enumeration.end() ? 0 : static_cast<uint16_t>(found - shape.enumeration.begin() + 1);
}

std::string_view enumeration_text(const Shape& shape, const void* value) {
    const uint16_t number = number_of(value);
    INVARIANT(number > 0 && number <= shape.enumeration.size());
    return shape.enumeration[number - 1u];
}

std::string scalar_text(const Shape& shape, const void* value) {
    switch (shape.type) {
        case Type::string:
            return *static_cast<const std::string*>(value);
        case Type::enumeration:
            return std::string(enumeration_text(shape, value));
        case Type::integer:
            return std::to_string(*static_cast<const int32_t*>(value));
        case Type::long_integer:
            return std::to_string(*static_cast<const int64_t*>(value));
        case Type::floating:
            return number_text(*static_cast<const double*>(value));
        case Type::boolean:
            return *static_cast<const bool*>(value) ? "true" : "false";
        case Type::timestamp:
            return iso_text(*static_cast<const base::Time*>(value));
        case Type::blob:
            return text::encode_base64(*static_cast<const std::string*>(value));
        default:
            INVARIANT(shape.is_scalar());
            return {};
    }
}

std::string shown_scalar(const Shape& shape, const Scalar& scalar) {
    if (!scalar.text.empty()) return std::string(scalar.text);
    switch (shape.type) {
        case Type::integer:
        case Type::long_integer:
            return std::to_string(scalar.integer);
        case Type::floating:
            return number_text(scalar.number);
        case Type::boolean:
            return scalar.flag ? "true" : "false";
        case Type::timestamp:
            return iso_text(scalar.time);
        default:
            return {};
    }
}

std::string iso_text(base::Time time) {
    return time.time_since_epoch().count() % 1000 == 0 ? text::iso8601(time) : text::iso8601_millis(time);
}

std::string number_text(double value) {
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value);
    return {buffer, end.ptr};
}

std::string_view description_of(Type type) {
    switch (type) {
        case Type::structure:
            return "a structure";
        case Type::list:
            return "a list";
        case Type::map:
            return "a map";
        case Type::string:
        case Type::enumeration:
            return "a string";
        case Type::integer:
        case Type::long_integer:
            return "an integer";
        case Type::floating:
            return "a number";
        case Type::boolean:
            return "a boolean";
        case Type::timestamp:
            return "a timestamp";
        case Type::blob:
            return "a base64 text";
        case Type::stream:
            return "a stream";
    }
    return "a value";
}

}  // namespace model
