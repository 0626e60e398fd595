// `trainwarden preview`: what `up` would do.
#include "cli/commands.hpp"
#include "cli/deployment.hpp"

namespace cli {

void add_preview(Command& root) {
    auto choice = std::make_shared<RunChoice>();
    Command preview = root.subcommand("preview", "Show what `up` would do, and do nothing");
    add_run_options(preview, *choice);
    preview.option("--guard", "FILE", choice->guard, "fail if the plan breaks one of these access rules (docs/guards.md)");
    preview.option("-c,--config", "KEY=VALUE", choice->config, "set a configuration value of the stack first");
    preview.action([choice] { return run_operation(*choice, deploy::Operation::update, true); });
}

}  // namespace cli
