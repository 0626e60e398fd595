// Scalars: between their text, their C++ value and what messages show.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "model/shape.hpp"

namespace model {

// A scalar as it was read; which member counts, the shape's type says.
struct Scalar {
    std::string_view text;  // string, enumeration: lies in what was read; other types, if not empty: what messages show
    std::string bytes;      // blob, decoded
    int64_t integer = 0;    // both integers
    double number = 0;
    bool flag = false;
    base::Time time{};
};

// From text as forms and XML have it: nullopt if it is not of the shape's type.
[[nodiscard]] std::optional<Scalar> scalar_from_text(const Shape& shape, std::string_view text);
// Seconds since 1970, with a fraction if there is one; nullopt before the year -10000 or after 10000.
[[nodiscard]] std::optional<base::Time> time_from_seconds(std::string_view number);
// Into the struct: `place` is a std::string, an enum, … as the shape's type says.
void store(const Shape& shape, const Scalar& scalar, void* place);

// What an answer says of the member: nullptr if it is absent, an enum whose value is unknown, no number,
// or a stream.
[[nodiscard]] const void* find_known(const Field& field, const void* structure);
// Of a value in a struct. REQUIRES: it is not `unknown`.
[[nodiscard]] std::string_view enumeration_text(const Shape& shape, const void* value);
// The number of the value that has this word in the shape's enum; 0, which is `unknown`, if there is none.
[[nodiscard]] uint16_t enumeration_number(const Shape& shape, std::string_view word);
// As XML and forms have it: timestamps in ISO 8601, blobs in base64.
[[nodiscard]] std::string scalar_text(const Shape& shape, const void* value);
// What a message shows for it.
[[nodiscard]] std::string shown_scalar(const Shape& shape, const Scalar& scalar);

[[nodiscard]] std::string iso_text(base::Time time);       // milliseconds if there are any
[[nodiscard]] std::string number_text(double value);       // the shortest that reads as the same
[[nodiscard]] std::string_view description_of(Type type);  // "a string", "an integer", …

}  // namespace model
