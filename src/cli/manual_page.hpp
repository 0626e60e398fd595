// The manual page, in roff: what `--help` of every command says, on one page.
#pragma once

#include <string>
#include <string_view>

#include "cli/description.hpp"

namespace cli {

std::string manual_page(const Description& root, std::string_view version);

}  // namespace cli
