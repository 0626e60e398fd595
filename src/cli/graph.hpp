// Paths as graphs that other programs draw.
#pragma once

#include <string>

#include "model/trainwarden/operations.hpp"

namespace cli {

// Principals, and an edge for each step; those who may do it already point to what was asked about. Names of any characters.
[[nodiscard]] std::string to_dot(const model::trainwarden::WhoCanResponse& answer, const std::string& asked);
[[nodiscard]] std::string to_mermaid(const model::trainwarden::WhoCanResponse& answer, const std::string& asked);

}  // namespace cli
