// What people see. Everything that a command prints goes through here (`tests/layers.py` checks it), because half of it was written
// elsewhere: keys in clients' requests, what workers and programs printed, names of another account. On its way into a
// Text it loses what a terminal would obey (base::printable), whether or not the output is a terminal: what is in a file today is
// shown by `cat` tomorrow.
//
// Colours only on a terminal and only without NO_COLOR (https://no-color.org).
#pragma once

#include <concepts>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "text/json.hpp"

namespace cli {

enum class Style { plain, bold, dim, red, green, yellow, blue, cyan };

// What may be printed: literals as they are, anything else with its control characters spelt out, line feeds and tabs among them.
class Text {
public:
    Text() = default;
    template <size_t N>
    Text(const char (&literal)[N]) : text_(literal, N - 1) {}
    template <size_t N>
    Text(char (&buffer)[N]) = delete;  // no literal
    template <std::same_as<const char*> T>
    Text(const T& text) : Text(std::string_view(text)) {}
    Text(std::string_view text);
    Text(const std::string& text) : Text(std::string_view(text)) {}

    // Several lines of text from elsewhere: each after the first begins with `indent`, so that none is taken for one of ours.
    [[nodiscard]] static Text lines(std::string_view text, std::string_view indent);

    Text& operator+=(const Text& more) {
        text_ += more.text_;
        return *this;
    }
    friend Text operator+(Text first, const Text& second) { return std::move(first += second); }

    [[nodiscard]] bool empty() const { return text_.empty(); }
    [[nodiscard]] const std::string& string() const { return text_; }

private:
    friend Text paint(Style style, const Text& text, std::FILE* stream);
    friend Text redraw_from(size_t lines);
    std::string text_;
};

[[nodiscard]] bool is_terminal(std::FILE* stream);
// Columns of the terminal on stdout; 80 if it does not say.
[[nodiscard]] size_t terminal_width();
// In colour if the stream takes colours.
[[nodiscard]] Text paint(Style style, const Text& text, std::FILE* stream = stdout);
// Before a text that replaces the one on the terminal: the cursor goes to the beginning of the line, `lines` up, and what was there is
// erased.
[[nodiscard]] Text redraw_from(size_t lines = 0);

void print(const Text& text, std::FILE* stream = stdout);
// One that was put together as a std::string has lost which of its line feeds are ours: begin with a Text.
template <std::same_as<std::string> T>
void print(const T& text, std::FILE* stream = stdout) = delete;
// A document on a line or lines of its own; it can be read as JSON, and says what it said.
void print_json(const text::Json& json);
void print_pretty_json(const text::Json& json);
// A single value that programs take over, `$(trainwarden config get KEY)`: exact, except on a terminal.
void print_value(std::string_view value);
// Bytes that the user asked for as they are, or that a program reads.
void print_exact(std::string_view bytes);

// `error: MESSAGE (CODE)`, then its notes, on stderr.
void print_error(const base::Error& error);
void print_warning(std::string_view message);

// Columns aligned with two spaces between; the first row is the header.
[[nodiscard]] Text table(const std::vector<std::vector<std::string>>& rows);

}  // namespace cli
