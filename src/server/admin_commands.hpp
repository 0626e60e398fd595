// `trainwarden admin`: backups, restores, checks, the master key, retention.
#pragma once

#include "cli/command.hpp"

namespace server {

void add_admin(cli::Command& root);

}  // namespace server
