// Which source this program is of: its file is made by each build (cmake/commit.cmake).
#pragma once

#include <string_view>

namespace cli {

// "1a2b3c4d5e6f", with "+changes" if files were changed since; empty: built of no checkout.
std::string_view commit();

}  // namespace cli
