// `trainwarden prove`: access rules checked against the account as it is, as a test in CI.
#include "base/error_codes.hpp"
#include "cli/account_reading.hpp"
#include "cli/commands.hpp"
#include "cli/guard_file.hpp"
#include "cli/guarding.hpp"
#include "cli/terminal.hpp"
#include "os/file.hpp"
#include "wire/client.hpp"

namespace cli {
namespace {

struct Options {
    std::string file, junit;
    bool json = false;
};

base::Result<int> check_rules(const Options& options) {
    auto guards = TRY(read_guards(options.file));
    const proof::AccountPolicies account = read_account(TRY(wire::options_from_environment()));
    if (account.id.empty())
        return base::fail(base::Error(base::code::ServiceUnavailable, "the account cannot be read: no rule is proved")
                              .note(account.unread.empty() ? "" : account.unread.front()));
    std::vector<std::string> doubts;
    for (const std::string& one : account.unread) doubts.push_back("not read: " + one);
    const Guarded guarded = guard(std::move(guards), account, doubts);
    if (!options.junit.empty()) TRY(os::replace_file(options.junit, junit_xml(guarded, options.file), 0644));
    if (options.json) {
        print_pretty_json(guarded_json(guarded));
    } else {
        print_guarded(guarded, false);
        for (const std::string& one : doubts) print_warning(one);
    }
    return guarded.all_kept() ? 0 : 1;
}

// What could not be checked is no earlier run's success: the file for CI says so, too.
base::Result<int> prove(const Options& options) {
    auto status = check_rules(options);
    if (!status && !options.junit.empty())
        TRY(os::replace_file(options.junit, junit_error_xml(options.file, status.error().describe()), 0644));
    return status;
}

}  // namespace

void add_prove(Command& root) {
    auto options = std::make_shared<Options>();
    Command command = root.subcommand("prove", "Check access rules against the account");
    command.asks_server();
    command.positional("FILE", options->file, "rules: allow, deny, only (docs/guards.md)");
    command.option("--junit", "FILE", options->junit, "write the results for a CI system, as JUnit's XML");
    command.flag("--json", options->json, "print JSON");
    command.action([options] { return prove(*options); });
    command.footer("Exit status: 0 all rules are proved, 1 one is broken or cannot be proved, 2 wrong usage.");
}

}  // namespace cli
