// What up, preview, destroy, refresh, stack and config share: which stack, its passphrase, its providers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "cli/command.hpp"
#include "crypto/random.hpp"
#include "deploy/operation.hpp"
#include "wire/client.hpp"

namespace cli {

struct StackChoice {
    std::string folder = ".";
    std::string stack;  // empty: the selected one, else `dev`
};
void add_stack_options(Command& command, StackChoice& choice);

struct RunChoice : StackChoice {
    bool yes = false, skip_preview = false, json = false, details = false, show_secrets = false;
    std::string guard;                // a file of access rules that the plan must keep; empty: none
    bool skip_access = false;         // do not read the account, show no access diff
    int64_t parallel = 0;             // 0: four for each processor
    std::vector<std::string> config;  // KEY=VALUE
};
void add_run_options(Command& command, RunChoice& choice);

// A project and one of its stacks. The project stands still in memory: the stack refers to it.
struct Opened {
    std::unique_ptr<deploy::Project> project;
    std::unique_ptr<deploy::Stack> stack;
};
[[nodiscard]] base::Result<Opened> open_stack(const StackChoice& choice, deploy::Stack::Open how);
// The stack that commands mean without --stack: the last one selected, else `dev`.
[[nodiscard]] base::Result<std::string> chosen_stack(const deploy::Project& project, const std::string& given);
[[nodiscard]] base::Result<void> select_stack(const deploy::Project& project, const std::string& name);

// Are these KEY=VALUE? Error `Usage`.
[[nodiscard]] base::Result<void> check_config(const std::vector<std::string>& settings);
// Into the stack's configuration, in memory or in its file as it was opened. REQUIRES: check_config
[[nodiscard]] base::Result<void> keep_config(const std::vector<std::string>& settings, deploy::Stack& stack);

// The whole of up, preview, destroy and refresh.
[[nodiscard]] base::Result<int> run_operation(RunChoice& choice, deploy::Operation operation, bool only_preview);

// A yes-or-no question on the terminal; false without one.
[[nodiscard]] bool confirm(const std::string& question);
[[nodiscard]] deploy::PassphraseSource passphrase_source();
[[nodiscard]] base::Clock& system_clock();
[[nodiscard]] crypto::Random& system_random();

// Where and as whom the provider of a package calls AWS, by its configuration and the environment.
[[nodiscard]] base::Result<wire::ClientOptions> client_options(const std::string& package,
                                                               const provider::Property& configuration);
// Providers by package; configured by the provider resource, then the environment as any AWS SDK.
[[nodiscard]] base::Result<std::shared_ptr<provider::Provider>> make_provider(const std::string& package,
                                                                              const provider::Property& configuration);

}  // namespace cli
