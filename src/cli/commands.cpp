// The table of contents of the command line, in the order that `trainwarden --help` shows.
#include "cli/commands.hpp"

namespace cli {

void add_commands(Command& root, const AddCommands& below_audit, const AddCommands& before_doctor) {
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
    add_lint(root);
    add_compare(root);
    add_who_can(root);
    add_what_can(root);
    add_least_privilege(root);
    add_prove(root);
    Command audit = add_audit(root);
    below_audit(audit);
    before_doctor(root);
    add_doctor(root);
    add_completion(root);
    add_version(root);
}

}  // namespace cli
