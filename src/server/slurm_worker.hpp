// `trainwarden slurm-worker`: what `serve --launcher slurm` starts on the nodes. It is for that alone: help does not show it.
#pragma once

#include "cli/command.hpp"

namespace server {

void add_slurm_worker(cli::Command& root);

}  // namespace server
