// Values that are kept: documents (json.hpp) that outlive the program that wrote them.
//
// Another version of this program may have written members, enum values and shapes that this one's model does not have. They are
// kept beside the value as they are, so that reading and writing a record loses nothing. Constraints are not checked: what was
// accepted once is not refused for a stricter model.
#pragma once

#include "model/json.hpp"
#include "model/shape.hpp"
#include "text/json.hpp"

namespace model {

// What of the document fits the shape, into an empty struct of its type. Returned: what does not fit, in its place (an object of
// the members, an array as long as the list with nulls for what fits); null: nothing.
[[nodiscard]] text::Json read_stored(const Shape& shape, const text::Json& document, void* into);
template <Documented T>
[[nodiscard]] text::Json read_stored(const text::Json& document, T& into) {
    return read_stored(shape_of(into), document, &into);
}

// The document again. What the value says itself goes before what `rest` says.
[[nodiscard]] text::Json write_stored(const Shape& shape, const void* value, const text::Json& rest);

}  // namespace model
