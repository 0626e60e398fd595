// What the command line holds, as data: completions and the manual page are written from it, so that they say what `--help` says.
#pragma once

#include <string>
#include <vector>

namespace cli {

struct OptionDescription {
    std::vector<std::string> names;  // "-s", "--stack"
    std::string value;               // NAME, FILE, DIR; empty: a flag
    std::string help, default_value;
    bool required = false;
};

struct PositionalDescription {
    std::string name, help;
    bool required = false, many = false;
};

// Hidden commands are left out.
struct Description {
    std::string name, help, footer;
    std::vector<OptionDescription> options;
    std::vector<PositionalDescription> positionals;
    std::vector<Description> commands;
};

}  // namespace cli
