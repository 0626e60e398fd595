// AWS's words for the values of the generated enums: `ml.m5.large` for TrainingInstanceType::ml_m5_large.
#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>

#include "model/scalar.hpp"

namespace model {

// `shape_of` is generated beside each enum.
template <class E>
concept Enumeration = std::is_enum_v<E> && requires(E value) {
    { shape_of(value) } -> std::same_as<const Shape&>;
};

// Empty for `unknown`.
template <Enumeration E>
[[nodiscard]] std::string_view word_of(E value) {
    return value == E::unknown ? std::string_view() : enumeration_text(shape_of(value), &value);
}

// `unknown` for a word that the model does not have.
template <Enumeration E>
[[nodiscard]] E value_of(std::string_view word) {
    return static_cast<E>(enumeration_number(shape_of(E::unknown), word));
}

}  // namespace model
