// `trainwarden`: every command in one binary.
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "server/admin_commands.hpp"
#include "server/audit_files.hpp"
#include "server/coverage.hpp"
#include "server/serve.hpp"
#include "server/slurm_worker.hpp"

int main(int argc, char** argv) {
    return cli::run(
        argc, argv,
        {server::add_serve, [](cli::Command& root) { cli::add_commands(root, server::add_audit_files, server::add_admin); },
         server::add_coverage, server::add_slurm_worker});
}
