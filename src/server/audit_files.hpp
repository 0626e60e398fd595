// `trainwarden audit verify` and `audit export`: what is done with the files of the log, with no server.
#pragma once

#include "cli/command.hpp"

namespace server {

// Below `audit`.
void add_audit_files(cli::Command& audit);

}  // namespace server
