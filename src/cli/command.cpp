// The one file that includes CLI11.
#include "cli/command.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <optional>
#include <sstream>

#include "base/error_codes.hpp"
#include "base/nearest.hpp"
#include "cli/data_paths.hpp"
#include "cli/terminal.hpp"

namespace cli {

namespace {
constexpr char data_option_name[] = "--data";
}  // namespace

// One per command. The root owns the CLI::App tree; children point into it.
struct Command::State {
    CLI::App* app = nullptr;
    std::function<base::Result<int>()> act;
    std::string* data = nullptr;         // data_folder()
    std::string server_data;             // asks_server()
    CLI::Option* data_option = nullptr;  // of either
    std::vector<std::shared_ptr<State>> children;
};

class CommandLine {
public:
    CommandLine() : app_("Access control for distributed machine-learning training, in AWS's own words", "trainwarden") {
        app_.get_formatter()->column_width(34);
        app_.failure_message(CLI::FailureMessage::simple);
        app_.set_version_flag("--version", "trainwarden " TRAINWARDEN_VERSION);
        root_ = std::make_shared<Command::State>();
        root_->app = &app_;
        root_->app->require_subcommand(1);
        app_.add_option(data_option_name, operator_data_,
                        "of the command: talk to the server of this data folder over its socket, as the root")
            ->type_name("DIR");
    }
    Command root() { return Command(root_); }
    CLI::App& app() { return app_; }

    // The deepest command that was named.
    std::shared_ptr<Command::State> chosen() const {
        std::shared_ptr<Command::State> at = root_;
        for (bool deeper = true; deeper;) {
            deeper = false;
            for (const auto& child : at->children) {
                if (child->app->parsed()) {
                    at = child;
                    deeper = true;
                    break;
                }
            }
        }
        return at;
    }

    // What was written and means nothing, if there is such a thing. It is the first thing to say: what CLI11 then finds missing is
    // often what was misspelt.
    std::optional<base::Error> misspelt() const;
    // A word in place of a command, if there is one.
    std::optional<base::Error> unknown_command() const;
    // The one place where the data folder of a command is resolved.
    base::Result<void> resolve_data(Command::State& chosen) const;

private:
    CLI::App app_;
    std::string operator_data_;
    std::shared_ptr<Command::State> root_;
};

namespace {

// `trainwarden stack init`
std::string full_name(const CLI::App& app) {
    return app.get_parent() == nullptr ? app.get_name() : full_name(*app.get_parent()) + " " + app.get_name();
}

std::string help_of(const CLI::App& app) {
    return app.get_parent() == nullptr ? app.help() : app.help(full_name(*app.get_parent()));
}

bool needs_command(const CLI::App& app) { return app.get_require_subcommand_min() > 0; }

std::vector<std::string> option_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options())
        for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    return names;
}

std::vector<std::string> command_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::App* below : app.get_subcommands({}))
        if (!below->get_group().empty()) names.push_back(below->get_name());
    return names;
}

// Of one of these commands' options; `app` is the one that was asked.
base::Error no_option(const CLI::App& app, const std::string& word) {
    const std::string name = word.substr(0, word.find('='));
    base::Error error("", "`" + full_name(app) + "` has no option " + name);
    if (const std::string meant = base::nearest(name, option_names(app)); !meant.empty())
        error.message += "; did you mean " + meant + "?";
    return std::move(error).note("`" + full_name(app) + " --help` lists its options");
}

base::Error no_command(const CLI::App& app, const std::string& word) {
    base::Error error("", "unknown command `" + word + "` for `" + full_name(app) + "`");
    if (const std::string meant = base::nearest(word, command_names(app)); !meant.empty())
        error.message += "; did you mean " + meant + "?";
    return std::move(error).note("`" + full_name(app) + " --help` lists its commands");
}

// CLI11 says it in its own.
std::string in_our_words(const CLI::ParseError& error) {
    const std::string said = error.what();
    const std::string_view not_converted = "Could not convert: ", not_expected = "The following argument was not expected: ";
    if (said.starts_with(not_converted)) {
        const size_t equals = said.find(" = ");
        if (equals != std::string::npos)
            return said.substr(not_converted.size(), equals - not_converted.size()) + " takes a number, not `" +
                   said.substr(equals + 3) + "`";
    }
    if (said.starts_with(not_expected)) return "`" + said.substr(not_expected.size()) + "` is an unexpected argument";
    return said;
}

// What to correct where the server did not take the credentials; nullptr: it is not about them.
const char* remedy_for_credentials(const base::Error& error) {
    for (const char* each : {"UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId", "InvalidToken",
                             "ExpiredToken", "ExpiredTokenException"})
        if (error.code == each)
            return "the credentials are wrong, expired or of another server; for the root user: eval \"$(trainwarden env)\"";
    // One code for several mistakes; which it is, the sentence says that stands before this.
    const bool is_signature =
        error.code == base::code::InvalidSignatureException || error.code == base::code::SignatureDoesNotMatch;
    if (is_signature && error.notes.empty())
        return "check what requests are signed with: the secret access key (for the root user: eval \"$(trainwarden env)\"), the "
               "region (AWS_REGION) and the clock of this machine";
    return nullptr;
}

// Options stand behind the command whose they are: before one of its subcommands they would be taken, and mean nothing.
std::optional<base::Error> option_before_subcommand(const CLI::App& chosen) {
    for (const CLI::App* app = chosen.get_parent(); app != nullptr && app->get_parent() != nullptr; app = app->get_parent())
        for (const CLI::Option* option : app->get_options())
            if (option->count() > 0)
                return base::Error("", "`" + option->get_name() + "` is an option of `" + full_name(*app) + "`, not of `" +
                                           full_name(chosen) + "`")
                    .note("`" + full_name(chosen) + " --help` lists its options; they stand behind it");
    return std::nullopt;
}

Description description_of(const CLI::App& app) {
    Description all{.name = app.get_name(), .help = app.get_description(), .footer = app.get_footer()};
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_positional()) {
            all.positionals.push_back({.name = option->get_name(true),
                                       .help = option->get_description(),
                                       .required = option->get_required(),
                                       .many = option->get_expected_max() > 1});
            continue;
        }
        OptionDescription one{.value = option->get_items_expected_max() == 0 ? "" : option->get_type_name(),
                              .help = option->get_description(),
                              .default_value = option->get_default_str(),
                              .required = option->get_required()};
        for (const std::string& name : option->get_snames()) one.names.push_back("-" + name);
        for (const std::string& name : option->get_lnames()) one.names.push_back("--" + name);
        all.options.push_back(std::move(one));
    }
    for (const CLI::App* below : app.get_subcommands({}))
        if (!below->get_group().empty()) all.commands.push_back(description_of(*below));
    return all;
}

bool is_option(const std::string& word) { return word.size() > 1 && word.front() == '-'; }

template <class Target>
CLI::Option* add(CLI::App& app, const std::string& names, const std::string& value, Target& target, const std::string& help) {
    CLI::Option* option = app.add_option(names, target, help);
    option->type_name(value);
    return option;
}

}  // namespace

std::optional<base::Error> CommandLine::misspelt() const {
    for (const CLI::App* app = chosen()->app; app != nullptr; app = app->get_parent()) {
        const std::vector<std::string> words = app->remaining();
        if (const auto option = std::ranges::find_if(words, is_option); option != words.end()) return no_option(*app, *option);
        if (!words.empty() && needs_command(*app)) return no_command(*app, words.front());
    }
    return std::nullopt;
}

std::optional<base::Error> CommandLine::unknown_command() const {
    const CLI::App& app = *chosen()->app;
    for (const std::string& word : app.remaining())
        if (!is_option(word) && needs_command(app)) return no_command(app, word);
    return std::nullopt;
}

base::Result<void> CommandLine::resolve_data(Command::State& chosen) const {
    const bool is_before = app_.get_option(data_option_name)->count() > 0;
    if (is_before && chosen.data_option == nullptr)
        return base::fail(base::Error(base::code::Usage, "`--data` means nothing to `" + full_name(*chosen.app) +
                                                             "`: it asks no server and has no data folder"));
    if (chosen.data_option == nullptr) return {};
    const bool is_behind = chosen.data_option->count() > 0;
    std::string& target = chosen.data != nullptr ? *chosen.data : chosen.server_data;
    if (is_before && is_behind && target != operator_data_)
        return base::fail(base::code::Usage,
                          "`--data` is given twice, and means two folders: `" + operator_data_ + "` and `" + target + "`");
    if (is_before) target = operator_data_;
    if ((is_before || is_behind) && target.empty())
        return base::fail(base::code::Usage, "`--data` takes a folder, and got an empty word");
    if (chosen.data != nullptr || target.empty()) return {};
    return act_as_operator(target);
}

Command Command::subcommand(const std::string& name, const std::string& help) {
    auto child = std::make_shared<State>();
    child->app = state_->app->add_subcommand(name, help);
    child->app->get_formatter()->column_width(34);
    state_->children.push_back(child);
    if (!state_->act) state_->app->require_subcommand(1);
    return Command(child);
}

void Command::option(const std::string& names, const std::string& value, std::string& target, const std::string& help,
                     bool required) {
    CLI::Option* option = add(*state_->app, names, value, target, help);
    if (!target.empty()) option->capture_default_str();
    if (required) option->required();
}

void Command::option(const std::string& names, const std::string& value, int64_t& target, const std::string& help) {
    add(*state_->app, names, value, target, help)->capture_default_str();
}

void Command::option(const std::string& names, const std::string& value, std::vector<std::string>& target,
                     const std::string& help) {
    // One value a use, so that a positional may follow.
    add(*state_->app, names, value, target, help)->allow_extra_args(false);
}

void Command::flag(const std::string& names, bool& target, const std::string& help) {
    state_->app->add_flag(names, target, help);
}

void Command::positional(const std::string& name, std::string& target, const std::string& help, bool required) {
    CLI::Option* option = state_->app->add_option(name, target, help);
    option->type_name("");
    if (required) option->required();
}

void Command::positional(const std::string& name, std::vector<std::string>& target, const std::string& help, bool required) {
    CLI::Option* option = state_->app->add_option(name, target, help);
    option->type_name("");
    if (required) option->required();
}

void Command::rest(std::vector<std::string>& target) {
    state_->app->prefix_command();
    CLI::App* app = state_->app;
    state_->app->final_callback([app, &target] { target = app->remaining(); });
}

void Command::action(std::function<base::Result<int>()> action) {
    state_->act = std::move(action);
    state_->app->require_subcommand(0, 1);
}

void Command::footer(const std::string& text) { state_->app->footer(text); }

void Command::asks_server() {
    state_->data_option = add(*state_->app, data_option_name, "DIR", state_->server_data,
                              "ask the server of this data folder over its socket, as the root");
}

void Command::data_folder(std::string& target, const std::string& help) {
    state_->data_option = add(*state_->app, data_option_name, "DIR", target, help);
    if (!target.empty()) state_->data_option->capture_default_str();
    state_->data = &target;
}

void Command::hide() { state_->app->group(""); }

std::function<Description()> Command::describer() const {
    // An action that held its own command line would keep it for ever.
    return
        [state = std::weak_ptr<State>(state_)] { return state.expired() ? Description() : description_of(*state.lock()->app); };
}

namespace {

// `trainwarden help stack init` is `trainwarden stack init --help`.
std::vector<std::string> arguments_of(int argc, const char* const* argv) {
    std::vector<std::string> words(argv + 1, argv + argc);
    if (!words.empty() && words.front() == "help") {
        words.erase(words.begin());
        words.emplace_back("--help");
    }
    std::ranges::reverse(words);  // CLI11 takes the last first
    return words;
}

}  // namespace

int run(int argc, const char* const* argv, const std::vector<AddCommands>& commands) {
    CommandLine line;
    Command root = line.root();
    for (const AddCommands& add_to : commands) add_to(root);
    try {
        line.app().parse(arguments_of(argc, argv));
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) {  // --help, --version
            if (const auto unknown = line.unknown_command()) {
                print_error(*unknown);
                return 2;
            }
            std::ostringstream out;
            line.app().exit(error, out, out);
            print_exact(out.str());
            return 0;
        }
        const CLI::App& at = *line.chosen()->app;
        if (const auto misspelt = line.misspelt()) {
            print_error(*misspelt);
        } else if (error.get_name() == "RequiredError" && needs_command(at)) {
            print(Text::lines(help_of(at), "") + "\n", stderr);
        } else {
            print_error(base::Error("", in_our_words(error)).note("`" + full_name(at) + " --help` says more"));
        }
        return 2;
    }
    auto chosen = line.chosen();
    if (!chosen->act) {
        print(Text::lines(help_of(*chosen->app), "") + "\n", stderr);
        return 2;
    }
    if (const auto misplaced = option_before_subcommand(*chosen->app)) {
        print_error(*misplaced);
        return 2;
    }
    base::Result<int> status = 0;
    try {
        if (auto resolved = line.resolve_data(*chosen); !resolved) status = base::fail(std::move(resolved).error());
        if (status) status = chosen->act();
    } catch (const std::filesystem::filesystem_error& error) {  // a folder that one may not look into, for example
        status = base::fail(base::code::FileError, "`" + error.path1().string() + "`: " + error.code().message());
    } catch (const std::exception& error) {
        status = base::fail(base::code::InternalError, error.what());
    }
    std::fflush(stdout);
    if (!status) {
        base::Error error = std::move(status).error();
        if (const char* remedy = remedy_for_credentials(error)) error.notes.emplace_back(remedy);
        const bool is_usage = error.code == base::code::Usage;
        // What an option's value says wrongly is found out where it is used.
        const bool is_wrong_value = error.code == base::code::InvalidListen || error.code == base::code::InvalidConfiguration;
        if (is_usage) error.code.clear();
        print_error(error);
        return is_usage || is_wrong_value ? 2 : 1;
    }
    return *status;
}

}  // namespace cli
