// The AWS JSON protocols 1.0 and 1.1 over the tables of shape.hpp, and values as documents.
//
// A document is a value as text::Json by the model's member names, with timestamps as ISO 8601 text and blobs as base64: the form
// that `wire::Call` and what is stored have, whatever the protocol.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/result.hpp"
#include "model/shape.hpp"
#include "text/json.hpp"

namespace model {

// Of one request: a value takes 250 bytes inside, however few it took on the wire. CloudWatch's 1,000 metrics with 100 values are fewer.
constexpr size_t input_values_max = 200'000;
// At least as many values as a document holds, without reading it.
[[nodiscard]] size_t values_at_most(std::string_view document);
// `SerializationException` if the document may hold more, without reading it.
[[nodiscard]] base::Result<void> check_values(std::string_view document);

// Decoded and validated into an empty struct of the operation's input. Unknown members and nulls are ignored. Errors:
// `SerializationException`, the service's `validation_error`.
[[nodiscard]] base::Result<void> read_json(const Operation& operation, std::string_view body, void* input);
[[nodiscard]] base::Result<void> read_document(const Operation& operation, const text::Json& document, void* input);

// The answer of a server, into an empty struct of the operation's output. Error `MalformedAnswer`.
[[nodiscard]] base::Result<void> read_json_answer(const Operation& operation, std::string_view body, void* output);

// `value`: a struct of the shape's type.
[[nodiscard]] std::string write_json(const Shape& shape, const void* value);
[[nodiscard]] text::Json write_document(const Shape& shape, const void* value);

// A structure that models/SERVICE.yaml lists under `documents`.
template <class T>
concept Documented = requires(const T& value) {
    { shape_of(value) } -> std::same_as<const Shape&>;
} && std::is_class_v<T>;

template <Documented T>
[[nodiscard]] text::Json write_document(const T& value) {
    return write_document(shape_of(value), &value);
}

}  // namespace model
