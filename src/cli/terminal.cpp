#include "cli/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

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

}  // namespace

bool is_terminal(std::FILE* stream) { return ::isatty(::fileno(stream)) == 1; }

size_t terminal_width() {
    winsize size{};
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

bool has_colours(std::FILE* stream) {
    const char* no_color = std::getenv("NO_COLOR");
    if (no_color != nullptr && *no_color != '\0') return false;
    const char* term = std::getenv("TERM");
    if (term != nullptr && std::string_view(term) == "dumb") return false;
    return is_terminal(stream);
}

std::string paint(Style style, std::string_view text, std::FILE* stream) {
    if (style == Style::plain || !has_colours(stream)) return std::string(text);
    return std::string(code(style)) + std::string(text) + "\033[0m";
}

void print_error(const base::Error& error) {
    std::string text = paint(Style::red, "error:", stderr) + " " + error.message;
    if (!error.code.empty()) text += paint(Style::dim, " (" + error.code + ")", stderr);
    text += '\n';
    for (const std::string& note : error.notes) text += "  " + note + "\n";
    std::fflush(stdout);
    std::fputs(text.c_str(), stderr);
}

void print_warning(std::string_view message) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s %.*s\n", paint(Style::yellow, "warning:", stderr).c_str(), static_cast<int>(message.size()),
                 message.data());
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
    }
    std::string out;
    for (const auto& row : rows) {
        for (size_t i = 0; i < row.size(); ++i) {
            out += row[i];
            if (i + 1 < row.size()) out.append(widths[i] - width(row[i]) + 2, ' ');
        }
        out += '\n';
    }
    return out;
}

}  // namespace cli
