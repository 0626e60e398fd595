#include "cli/manual_page.hpp"

#include "base/strings.hpp"

namespace cli {
namespace {

// Text as roff has it: a backslash and a line that begins like a request would be read as orders, a hyphen as a dash.
std::string plain(const std::string& text) {
    std::string out;
    bool is_line_begin = true;
    for (const char c : text) {
        if (is_line_begin && (c == '.' || c == '\'')) out += "\\&";
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else
            out += c;
        is_line_begin = c == '\n';
    }
    return out;
}

std::string bold(const std::string& text) { return "\\fB" + plain(text) + "\\fR"; }

std::string usage(const std::string& path, const Description& command) {
    std::string line = bold(path);
    if (!command.options.empty()) line += " [\\fIoptions\\fR]";
    for (const PositionalDescription& one : command.positionals) {
        const std::string word = "\\fI" + plain(one.name) + "\\fR" + (one.many ? "..." : "");
        line += one.required ? " " + word : " [" + word + "]";
    }
    return line;
}

std::string entry(const OptionDescription& option) {
    std::vector<std::string> names;
    for (const std::string& name : option.names) names.push_back(bold(name));
    std::string out = ".TP\n" + base::join(names, ", ");
    if (!option.value.empty()) out += " \\fI" + plain(option.value) + "\\fR";
    out += "\n" + plain(option.help);
    if (!option.default_value.empty()) out += " (default: " + plain(option.default_value) + ")";
    return out + (option.required ? " (required)\n" : "\n");
}

// `title`: .SS for a command of the program's own, which has no section yet.
void describe(std::string& out, const std::string& path, const Description& command) {
    out += ".SS " + bold(path) + "\n" + plain(command.help) + ".\n";
    if (command.commands.empty() || !command.options.empty() || !command.positionals.empty())
        out += ".PP\n" + usage(path, command) + "\n";
    for (const PositionalDescription& one : command.positionals)
        if (!one.help.empty()) out += ".TP\n\\fI" + plain(one.name) + "\\fR\n" + plain(one.help) + "\n";
    for (const OptionDescription& option : command.options) out += entry(option);
    if (!command.footer.empty()) out += ".PP\n.nf\n" + plain(command.footer) + "\n.fi\n";
    for (const Description& below : command.commands) describe(out, path + " " + below.name, below);
}

}  // namespace

std::string manual_page(const Description& root, std::string_view version) {
    std::string upper;
    for (const char c : root.name) upper += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    std::string out = ".TH " + upper + " 1 \"\" \"" + root.name + " " + std::string(version) + "\" \"User Commands\"\n";
    out += ".SH NAME\n" + root.name + " \\- " + plain(root.help) + "\n";
    out += ".SH SYNOPSIS\n" + bold(root.name) + " [\\fIoptions\\fR] \\fIcommand\\fR [\\fIarguments\\fR]\n";
    out += ".SH OPTIONS\n";
    for (const OptionDescription& option : root.options) out += entry(option);
    out += ".SH COMMANDS\n";
    for (const Description& command : root.commands) describe(out, root.name + " " + command.name, command);
    out +=
        ".SH EXIT STATUS\n0: done. 1: an error, which is printed. 2: wrong usage. Some commands have others; their help says "
        "so.\n";
    out +=
        ".SH ENVIRONMENT\nWhat every AWS tool reads, AWS_ENDPOINT_URL and AWS_ACCESS_KEY_ID among them: \\fBtrainwarden env\\fR "
        "prints it for a server.\n";
    return out;
}

}  // namespace cli
