// Every subcommand, one line each: declared here, defined in its own file, called in commands.cpp.
#pragma once

#include "cli/command.hpp"

namespace cli {

Command add_audit(Command& root);
void add_compare(Command& root);
void add_completion(Command& root);
void add_config(Command& root);
void add_destroy(Command& root);
void add_doctor(Command& root);
void add_env(Command& root);
void add_explain(Command& root);
void add_lint(Command& root);
void add_preview(Command& root);
void add_prove(Command& root);
void add_refresh(Command& root);
void add_slurm(Command& root);
void add_stack(Command& root);
void add_train(Command& root);
void add_up(Command& root);
void add_who_can(Command& root);
void add_what_can(Command& root);
void add_least_privilege(Command& root);
void add_version(Command& root);

// All of them; below `audit`, and before `doctor`, also those that only src/server can implement, because they read a data folder's files.
void add_commands(Command& root, const AddCommands& below_audit, const AddCommands& before_doctor);

// Below `train`.
void add_train_ps(Command& train);
void add_train_run(Command& train);

}  // namespace cli
