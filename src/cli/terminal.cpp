#include "cli/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/utf8.hpp"

namespace cli {
namespace {

const char* code(Style style) {
    switch (style) {
        case Style::plain:
            return "";
        case Style::bold:
            return "\033[1m";
        case Style::dim:
            return "\033[2m";
        case Style::red:
            return "\033[31m";
        case Style::green:
            return "\033[32m";
        case Style::yellow:
            return "\033[33m";
        case Style::blue:
            return "\033[34m";
        case Style::cyan:
            return "\033[36m";
    }
    return "";
}

// Code points, not bytes: good enough for the names and arrows that tables hold.
size_t width(std::string_view text) {
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

bool has_colours(std::FILE* stream) {
    const char* no_color = std::getenv("NO_COLOR");
    if (no_color != nullptr && *no_color != '\0') return false;
    const char* term = std::getenv("TERM");
    if (term != nullptr && std::string_view(term) == "dumb") return false;
    return is_terminal(stream);
}

// stdout and stderr are often one terminal: what was printed first stands first.
void write(std::string_view bytes, std::FILE* stream) {
    if (stream == stderr) std::fflush(stdout);
    std::fwrite(bytes.data(), 1, bytes.size(), stream);
}

}  // namespace

Text::Text(std::string_view text) : text_(base::printable(text)) {}

Text Text::lines(std::string_view text, std::string_view indent) {
    Text out;
    while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
    for (bool first = true;; first = false) {
        const size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (!first) out.text_ += "\n" + std::string(indent);
        out.text_ += base::printable(line, base::Keep::lines);
        if (end == std::string_view::npos) return out;
        text.remove_prefix(end + 1);
    }
}

bool is_terminal(std::FILE* stream) { return ::isatty(::fileno(stream)) == 1; }

size_t terminal_width() {
    winsize size{};
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

Text paint(Style style, const Text& text, std::FILE* stream) {
    if (style == Style::plain || !has_colours(stream)) return text;
    Text out;
    out.text_ = std::string(code(style)) + text.text_ + "\033[0m";
    return out;
}

Text redraw_from(size_t lines) {
    Text out;
    out.text_ = lines == 0 ? "\r\033[K" : "\033[" + std::to_string(lines) + "F\033[J";
    return out;
}

void print(const Text& text, std::FILE* stream) { write(text.string(), stream); }
void print_json(const text::Json& json) { write(base::printable_json(json.dump()) + "\n", stdout); }
void print_pretty_json(const text::Json& json) { write(base::printable_json(json.pretty()) + "\n", stdout); }

void print_value(std::string_view value) {
    write((is_terminal(stdout) ? base::printable(value, base::Keep::lines) : std::string(value)) + "\n", stdout);
}

void print_exact(std::string_view bytes) { write(bytes, stdout); }

void print_error(const base::Error& error) {
    Text text = paint(Style::red, "error:", stderr) + " " + Text::lines(error.message, "  ");
    if (!error.code.empty()) text += paint(Style::dim, " (" + Text(error.code) + ")", stderr);
    text += "\n";
    for (const std::string& note : error.notes) text += "  " + Text::lines(note, "    ") + "\n";
    print(text, stderr);
}

void print_warning(std::string_view message) {
    print(paint(Style::yellow, "warning:", stderr) + " " + Text::lines(message, "  ") + "\n", stderr);
}

Text table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<size_t> widths;
    std::vector<std::vector<Text>> cells;
    for (const auto& row : rows) {
        std::vector<Text>& line = cells.emplace_back();
        widths.resize(std::max(widths.size(), row.size()));
        for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(line.emplace_back(row[i]).string()));
    }
    Text out;
    for (const auto& line : cells) {
        for (size_t i = 0; i < line.size(); ++i) {
            out += line[i];
            if (i + 1 < line.size()) out += std::string(widths[i] - width(line[i].string()) + 2, ' ');
        }
        out += "\n";
    }
    return out;
}

}  // namespace cli
