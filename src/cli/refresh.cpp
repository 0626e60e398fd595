// `trainwarden refresh`: make a stack's state what the world is.
#include "cli/commands.hpp"
#include "cli/deployment.hpp"

namespace cli {

void add_refresh(Command& root) {
    auto choice = std::make_shared<RunChoice>();
    auto only_preview = std::make_shared<bool>(false);
    Command refresh = root.subcommand("refresh", "Read every resource of a stack anew and keep what was found in its state");
    add_run_options(refresh, *choice);
    refresh.flag("-y,--yes", choice->yes, "do not ask");
    refresh.flag("--preview-only", *only_preview, "show what differs, and keep nothing");
    refresh.action([choice, only_preview] { return run_operation(*choice, deploy::Operation::refresh, *only_preview); });
}

}  // namespace cli
