// JSON as Python's json.loads() reads it, which SageMaker's toolkit decodes hyperparameters with. Beside RFC 8259's it takes NaN,
// Infinity and -Infinity (numbers with these texts here), keys that come twice (the last counts) and surrogates without their
// other half (kept as the three bytes that UTF-8 would have for them). Not for documents that decide about access: those are
// text::parse_json's. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "text/json.hpp"

namespace training {

constexpr int python_json_depth_max = 900;  // Python itself ends near 1000 levels

void append_utf8(std::string& out, uint32_t point);

// None: json.loads() refuses it, or it is deeper than that.
[[nodiscard]] std::optional<text::Json> read_python_json(std::string_view document);

}  // namespace training
