// `trainwarden up`: run the program, make the world what it says.
#include "cli/commands.hpp"
#include "cli/deployment.hpp"

namespace cli {

void add_up(Command& root) {
    auto choice = std::make_shared<RunChoice>();
    Command up = root.subcommand("up", "Deploy the Pulumi program of this folder");
    add_run_options(up, *choice);
    up.flag("-y,--yes", choice->yes, "do not ask");
    up.flag("--skip-preview", choice->skip_preview, "run the program once, without a plan first");
    up.option("--guard", "FILE", choice->guard, "refuse a plan that breaks one of these access rules (docs/guards.md)");
    up.option("-c,--config", "KEY=VALUE", choice->config, "set a configuration value of the stack first");
    up.action([choice] { return run_operation(*choice, deploy::Operation::update, false); });
    up.footer(
        "Environment: AWS_ENDPOINT_URL and AWS credentials say where to (`eval \"$(trainwarden env)\"`), PULUMI_BACKEND_URL "
        "where\n"
        "stacks are kept, PULUMI_CONFIG_PASSPHRASE what opens their secrets. A stack that does not exist is made.");
}

}  // namespace cli
