// Where the values of a document break the constraints of a model: for who may not repeat the sentences of reader.hpp, which name values.
#pragma once

#include <string>
#include <vector>

#include "model/shape.hpp"
#include "text/json.hpp"

namespace model {

// The places as those sentences name them (`tags.3.member.key`), in the model's order, each once. `document`: by the model's member names.
// A value of a wrong type breaks none.
[[nodiscard]] std::vector<std::string> broken_places(const Shape& input, const text::Json& document);

}  // namespace model
