// Smithy's RPC v2 with CBOR over the tables of model/shape.hpp: what cbor_codec.cpp does for documents, for typed answers.
#pragma once

#include <string>

#include "model/shape.hpp"

namespace wire {

// `value`: a struct of the shape's type.
[[nodiscard]] std::string write_cbor(const model::Shape& shape, const void* value);

}  // namespace wire
