// The table of contents of the command line, in the order that `trainwarden --help` shows.
#include "cli/commands.hpp"

namespace cli {

void add_commands(Command& root) {
    add_env(root);
    add_up(root);
    add_preview(root);
    add_refresh(root);
    add_destroy(root);
    add_stack(root);
    add_config(root);
    add_train(root);
    add_slurm(root);
    add_explain(root);
    add_who_can(root);
    add_audit(root);
    add_doctor(root);
    add_version(root);
}

}  // namespace cli
