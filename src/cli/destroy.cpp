// `trainwarden destroy`: delete everything a stack holds.
#include "cli/commands.hpp"
#include "cli/deployment.hpp"

namespace cli {

void add_destroy(Command& root) {
    auto choice = std::make_shared<RunChoice>();
    auto only_preview = std::make_shared<bool>(false);
    Command destroy = root.subcommand("destroy", "Delete all resources of a stack");
    add_run_options(destroy, *choice);
    destroy.flag("-y,--yes", choice->yes, "do not ask");
    destroy.flag("--skip-preview", choice->skip_preview, "do not show what will be deleted first");
    destroy.flag("--preview-only", *only_preview, "show what would be deleted, and delete nothing");
    destroy.action([choice, only_preview] { return run_operation(*choice, deploy::Operation::destroy, *only_preview); });
    destroy.footer("The stack itself, its configuration and history stay; `trainwarden stack rm` removes those.");
}

}  // namespace cli
