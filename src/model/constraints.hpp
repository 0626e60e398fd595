// The constraints of shapes, in AWS's words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/scalar.hpp"
#include "model/shape.hpp"

namespace model {

// Whether the scalar breaks any constraint of its shape.
[[nodiscard]] bool is_broken(const Shape& shape, const Scalar& scalar);
// Which ones: `Member must have length less than or equal to 64`, … Scalars, maps' keys; lists and maps by their size.
[[nodiscard]] std::vector<std::string> violations(const Shape& shape, const Scalar& scalar);
[[nodiscard]] std::vector<std::string> size_violations(const Shape& shape, size_t size);
// Every constraint of a scalar as AWS lists them for the items of lists and maps, broken or not: `[Member must
// …, Member must …]`.
[[nodiscard]] std::string constraints_of(const Shape& shape);

}  // namespace model
