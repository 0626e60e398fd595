// All three shells get the same three questions answered, by tables over the words before the cursor:
//   which command do these words name ("trainwarden stack init"; an option's value is no command), what may follow it, and is the next
//   word the value of an option: a file, a folder, or something that nobody can list.
#include "cli/completion_scripts.hpp"

#include <functional>

#include "base/strings.hpp"

namespace cli {
namespace {

using Visit = std::function<void(const std::string& path, const Description& command)>;

void walk(const Description& command, const std::string& path, const Visit& visit) {
    visit(path, command);
    for (const Description& below : command.commands) walk(below, path + " " + below.name, visit);
}

enum class Value { none, file, folder, other };

Value value_of(const OptionDescription& option) {
    if (option.value.empty()) return Value::none;
    if (option.value == "FILE" || option.value == "PATH") return Value::file;
    if (option.value == "DIR") return Value::folder;
    return Value::other;
}

// Of single quotes of a shell.
std::string in_quotes(const std::string& text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'')
            out += "'\\''";
        else
            out += c == '\n' ? ' ' : c;
    }
    return out + "'";
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// `"trainwarden up --stack"|"trainwarden up -s"`: of the options whose values are so.
std::string options_with(const Description& root, Value value) {
    std::vector<std::string> patterns;
    walk(root, root.name, [&](const std::string& path, const Description& command) {
        for (const OptionDescription& option : command.options)
            if (value_of(option) == value)
                for (const std::string& name : option.names) patterns.push_back("\"" + path + " " + name + "\"");
    });
    return base::join(patterns, "|");
}

std::string commands_of(const Description& root) {
    std::vector<std::string> patterns;
    walk(root, root.name, [&](const std::string& path, const Description&) {
        if (path != root.name) patterns.push_back("\"" + path + "\"");
    });
    return base::join(patterns, "|");
}

std::string all_options_with_values(const Description& root) {
    std::vector<std::string> all;
    for (const Value value : {Value::file, Value::folder, Value::other})
        if (std::string some = options_with(root, value); !some.empty()) all.push_back(std::move(some));
    return base::join(all, "|");
}

// One branch of a `case`, or nothing where there is nothing to match.
std::string branch(const std::string& patterns, const std::string& then) {
    return patterns.empty() ? "" : "        " + patterns + ") " + then + " ;;\n";
}

}  // namespace

std::string bash_completion(const Description& root) {
    std::string out = "# bash completion for " + root.name + ", written by `" + root.name + " completion bash`.\n";
    out += "_" + root.name + "() {\n";
    out += "    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} at=" + root.name + " words i\n";
    out += "    COMPREPLY=()\n";
    out += "    for ((i = 1; i < COMP_CWORD; i++)); do\n        case \"$at ${COMP_WORDS[i]}\" in\n";
    out += branch(all_options_with_values(root), "((i++))");
    out += branch(commands_of(root), "at=\"$at ${COMP_WORDS[i]}\"");
    out += "        esac\n    done\n";
    out += "    case \"$at $previous\" in\n";
    out += branch(options_with(root, Value::file), "mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); return");
    out += branch(options_with(root, Value::folder), "mapfile -t COMPREPLY < <(compgen -d -- \"$word\"); return");
    out += branch(options_with(root, Value::other), "return");
    out += "    esac\n    case $at in\n";
    walk(root, root.name, [&](const std::string& path, const Description& command) {
        std::vector<std::string> words;
        for (const Description& below : command.commands) words.push_back(below.name);
        for (const OptionDescription& option : command.options)
            words.insert(words.end(), option.names.begin(), option.names.end());
        out += branch("\"" + path + "\"", "words=" + in_quotes(base::join(words, " ")));
    });
    out += "    esac\n    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n}\n";
    out += "complete -o default -F _" + root.name + " " + root.name + "\n";
    return out;
}

std::string zsh_completion(const Description& root) {
    std::string out = "#compdef " + root.name + "\n# zsh completion, written by `" + root.name + " completion zsh`.\n";
    out += "_" + root.name + "() {\n    local at=" + root.name + " i\n    local -a below given\n";
    out += "    for ((i = 2; i < CURRENT; i++)); do\n        case \"$at $words[i]\" in\n";
    out += branch(all_options_with_values(root), "((i++))");
    out += branch(commands_of(root), "at=\"$at $words[i]\"");
    out += "        esac\n    done\n    case \"$at $words[CURRENT-1]\" in\n";
    out += branch(options_with(root, Value::file), "_files; return");
    out += branch(options_with(root, Value::folder), "_files -/; return");
    out += branch(options_with(root, Value::other), "_message value; return");
    out += "    esac\n    case $at in\n";
    // In `name:help` of _describe a colon of the name's own would end it.
    const auto described = [](std::string name, const std::string& help) {
        for (size_t at = 0; (at = name.find(':', at)) != std::string::npos; at += 2) name.insert(at, "\\");
        return in_quotes(name + ":" + first_line(help));
    };
    walk(root, root.name, [&](const std::string& path, const Description& command) {
        std::vector<std::string> below, given;
        for (const Description& one : command.commands) below.push_back(described(one.name, one.help));
        for (const OptionDescription& option : command.options)
            for (const std::string& name : option.names) given.push_back(described(name, option.help));
        out += branch("\"" + path + "\"", "below=(" + base::join(below, " ") + "); given=(" + base::join(given, " ") + ")");
    });
    out += "    esac\n    if [[ $words[CURRENT] == -* ]]; then\n        _describe -o option given\n";
    out += "    elif (( $#below )); then\n        _describe command below\n    else\n        _files\n    fi\n}\n";
    // Autoloaded by its first line, the file is the function's body; sourced, it says what the function is for.
    out += "if [[ $funcstack[1] == _" + root.name + " ]]; then _" + root.name + " \"$@\"; else compdef _" + root.name + " " +
           root.name + "; fi\n";
    return out;
}

std::string fish_completion(const Description& root) {
    const std::string here = "__" + root.name + "_at";
    std::string out = "# fish completion for " + root.name + ", written by `" + root.name + " completion fish`.\n";
    const auto alternatives = [](std::string patterns) {  // fish takes them one after the other
        for (size_t at = 0; (at = patterns.find('|', at)) != std::string::npos;) patterns[at] = ' ';
        return patterns;
    };
    out +=
        "function " + here + "\n    set -l at " + root.name + "\n    set -l skip 0\n    for word in (commandline -opc)[2..-1]\n";
    out += "        if test $skip = 1\n            set skip 0\n            continue\n        end\n        switch \"$at $word\"\n";
    if (const std::string some = all_options_with_values(root); !some.empty())
        out += "            case " + alternatives(some) + "\n                set skip 1\n";
    out += "            case " + alternatives(commands_of(root)) + "\n                set at \"$at $word\"\n";
    out += "        end\n    end\n    test \"$at\" = \"$argv\"\nend\n";
    walk(root, root.name, [&](const std::string& path, const Description& command) {
        const std::string only = "complete -c " + root.name + " -n " + in_quotes(here + " " + path);
        for (const Description& below : command.commands)
            out += only + " -f -a " + in_quotes(below.name) + " -d " + in_quotes(first_line(below.help)) + "\n";
        for (const OptionDescription& option : command.options) {
            out += only;
            for (const std::string& name : option.names)
                out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
            switch (value_of(option)) {
                case Value::none:
                    break;
                case Value::file:
                    out += " -r -F";
                    break;
                case Value::folder:
                    out += " -x -a '(__fish_complete_directories)'";
                    break;
                case Value::other:
                    out += " -x";
                    break;
            }
            out += " -d " + in_quotes(first_line(option.help)) + "\n";
        }
    });
    return out;
}

}  // namespace cli
