// What people see: colours only on a terminal and only without NO_COLOR (https://no-color.org).
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace cli {

enum class Style { plain, bold, dim, red, green, yellow, blue, cyan };

// Whether this stream takes colours.
[[nodiscard]] bool has_colours(std::FILE* stream);
[[nodiscard]] bool is_terminal(std::FILE* stream);
// Columns of the terminal on stdout; 80 if it does not say.
[[nodiscard]] size_t terminal_width();
// The text wrapped in escape codes if the stream takes colours.
[[nodiscard]] std::string paint(Style style, std::string_view text, std::FILE* stream = stdout);

// `error: MESSAGE (CODE)`, then its notes, on stderr.
void print_error(const base::Error& error);
void print_warning(std::string_view message);

// Columns aligned with two spaces between; the first row is the header.
[[nodiscard]] std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace cli
