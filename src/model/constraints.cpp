#include "model/constraints.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <memory>

#include "base/invariant.hpp"

namespace model {

namespace {

size_t code_points(std::string_view text) {
    return static_cast<size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

const re2::RE2& compiled(const Pattern& pattern) {
    if (const auto* ready = pattern.compiled.load(std::memory_order_acquire)) return *ready;
    re2::RE2::Options options(re2::RE2::Quiet);
    options.set_dot_nl(false);
    auto fresh = std::make_unique<const re2::RE2>(re2::StringPiece(pattern.re2.data(), pattern.re2.size()), options);
    INVARIANT(fresh->ok());
    // Two requests may be first together; the slower one's is thrown away.
    const re2::RE2* expected = nullptr;
    if (pattern.compiled.compare_exchange_strong(expected, fresh.get(), std::memory_order_acq_rel)) return *fresh.release();
    return *expected;
}

bool breaks_pattern(const Shape& shape, std::string_view text) {
    return shape.pattern && !shape.pattern->re2.empty() &&
           !re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), compiled(*shape.pattern));
}

bool breaks_enumeration(const Shape& shape, std::string_view text) {
    return !shape.enumeration.empty() && std::ranges::find(shape.enumeration, text) == shape.enumeration.end();
}

std::string list_text(std::span<const std::string_view> values) {
    std::string out = "[";
    for (const auto value : values) ((out += out.size() > 1 ? ", " : "") += value);
    return out + "]";
}

std::string bound_text(std::string_view what, std::string_view relation, int64_t bound) {
    return "Member must have " + std::string(what) + " " + std::string(relation) + " than or equal to " + std::to_string(bound);
}

template <class T>
void check_bounds(const Shape& shape, T size, std::string_view what, std::vector<std::string>& out) {
    if (shape.has_max && size > static_cast<T>(shape.max)) out.push_back(bound_text(what, "less", shape.max));
    if (shape.has_min && size < static_cast<T>(shape.min)) out.push_back(bound_text(what, "greater", shape.min));
}

template <class T>
bool is_out_of_bounds(const Shape& shape, T size) {
    return (shape.has_max && size > static_cast<T>(shape.max)) || (shape.has_min && size < static_cast<T>(shape.min));
}

bool is_number(const Shape& shape) {
    return shape.type == Type::integer || shape.type == Type::long_integer || shape.type == Type::floating;
}

}  // namespace

bool is_broken(const Shape& shape, const Scalar& scalar) {
    switch (shape.type) {
        case Type::string:
        case Type::enumeration:
            // No text has more characters than bytes: counting is needed for the minimum and for long texts alone.
            if ((shape.has_min || (shape.has_max && static_cast<int64_t>(scalar.text.size()) > shape.max)) &&
                is_out_of_bounds(shape, static_cast<int64_t>(code_points(scalar.text))))
                return true;
            return breaks_pattern(shape, scalar.text) || breaks_enumeration(shape, scalar.text);
        case Type::integer:
        case Type::long_integer:
            return is_out_of_bounds(shape, scalar.integer);
        case Type::floating:
            return is_out_of_bounds(shape, scalar.number);
        case Type::blob:
            return is_out_of_bounds(shape, static_cast<int64_t>(scalar.bytes.size()));
        default:
            return false;
    }
}

std::vector<std::string> violations(const Shape& shape, const Scalar& scalar) {
    std::vector<std::string> out;
    switch (shape.type) {
        case Type::string:
        case Type::enumeration:
            check_bounds(shape, static_cast<int64_t>(code_points(scalar.text)), "length", out);
            if (breaks_pattern(shape, scalar.text))
                out.push_back("Member must satisfy regular expression pattern: " + std::string(shape.pattern->java));
            if (breaks_enumeration(shape, scalar.text))
                out.push_back("Member must satisfy enum value set: " + list_text(shape.enumeration));
            break;
        case Type::integer:
        case Type::long_integer:
            check_bounds(shape, scalar.integer, "value", out);
            break;
        case Type::floating:
            check_bounds(shape, scalar.number, "value", out);
            break;
        case Type::blob:
            return size_violations(shape, scalar.bytes.size());
        default:
            break;
    }
    return out;
}

std::vector<std::string> size_violations(const Shape& shape, size_t size) {
    std::vector<std::string> out;
    check_bounds(shape, static_cast<int64_t>(size), "length", out);
    return out;
}

std::string constraints_of(const Shape& shape) {
    std::vector<std::string> all;
    const std::string_view what = is_number(shape) ? "value" : "length";
    if (shape.has_max) all.push_back(bound_text(what, "less", shape.max));
    if (shape.has_min) all.push_back(bound_text(what, "greater", shape.min));
    if (shape.pattern) all.push_back("Member must satisfy regular expression pattern: " + std::string(shape.pattern->java));
    if (!shape.enumeration.empty()) all.push_back("Member must satisfy enum value set: " + list_text(shape.enumeration));
    std::string out = "[";
    for (const auto& one : all) ((out += out.size() > 1 ? ", " : "") += one);
    return out + "]";
}

}  // namespace model
