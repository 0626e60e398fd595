// How a subcommand of `trainwarden` is made. CLI11 stays inside command.cpp.
//
// One file a command: `src/cli/up.cpp` defines `void add_up(Command& root)`, declared in commands.hpp and called in commands.cpp:
//
//     void add_up(Command& root) {
//         struct Options { std::string stack; bool yes = false; };
//         auto options = std::make_shared<Options>();          // outlives parsing: the action holds it
//         Command up = root.subcommand("up", "Deploy the program in this folder");
//         up.option("-s,--stack", "NAME", options->stack, "stack to deploy");
//         up.flag("-y,--yes", options->yes, "do not ask");
//         up.action([options] { return deploy_it(*options); });
//     }
//
// Conventions of every command: an error is returned, not printed: run() prints `error: MESSAGE`, then a line per note, and exits
// with 1 (wrong usage: 2). Results go to stdout, progress and warnings to stderr. `--json` (where a command has a result
// that programs want) prints one JSON value and nothing else on stdout. Colours: cli/terminal.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/description.hpp"

namespace cli {

// A handle: cheap to copy, all copies are the same command.
class Command {
public:
    // A command of its own below this one. With subcommands and no action, one of them must be given.
    Command subcommand(const std::string& name, const std::string& help);

    // `names`: "-s,--stack". The target's value before parsing is the default, and help shows it unless it is empty.
    // `value` names the argument in help: NAME, DIR, ARN.
    void option(const std::string& names, const std::string& value, std::string& target, const std::string& help,
                bool required = false);
    void option(const std::string& names, const std::string& value, int64_t& target, const std::string& help);
    // May be given any number of times; each use takes one value.
    void option(const std::string& names, const std::string& value, std::vector<std::string>& target, const std::string& help);
    void flag(const std::string& names, bool& target, const std::string& help);

    void positional(const std::string& name, std::string& target, const std::string& help, bool required = true);
    // All remaining arguments.
    void positional(const std::string& name, std::vector<std::string>& target, const std::string& help, bool required = false);
    // Everything from the first argument that this command does not know (after `--`, say) goes to `target` untouched.
    void rest(std::vector<std::string>& target);

    // What the command does; its value is the exit status.
    void action(std::function<base::Result<int>()> action);
    // `--data DIR`, before or behind the name of a command, is one thing. It is declared by one of these two and by nothing else; a command
    // that has neither refuses it in both places, since it would mean nothing.
    //
    // The command asks a server over the wire. With `--data` that is the folder's, over its socket, as the root.
    void asks_server();
    // The command itself knows what to do with a data folder, whose server may run or not. Without `--data` the target stays what it is.
    void data_folder(std::string& target,
                     const std::string& help = "the server's data folder, whether or not a server runs on it");
    // More text at the end of `--help`: examples.
    void footer(const std::string& text);
    // Help does not list it: a program runs it, not a person.
    void hide();
    // Says what it and all below it hold by then. To be asked while the command line is there: in an action.
    std::function<Description()> describer() const;

private:
    friend class CommandLine;
    struct State;
    explicit Command(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;
};

// Adds commands to the root; `extra` come from main (serve, which only src/server can implement).
using AddCommands = std::function<void(Command& root)>;

// Parses, runs the one command that was named, prints its error if it has one. The exit status of the process.
[[nodiscard]] int run(int argc, const char* const* argv, const std::vector<AddCommands>& commands);

}  // namespace cli
