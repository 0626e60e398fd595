#include "server/slurm_worker.hpp"

#include <memory>
#include <string>

#include "slurm/worker.hpp"

namespace server {

void add_slurm_worker(cli::Command& root) {
    struct Options {
        std::string marker, run, munge;
    };
    auto options = std::make_shared<Options>();
    cli::Command command = root.subcommand("slurm-worker", "Run a training worker on a node of a Slurm cluster");
    command.positional("MARKER", options->marker, "a file in the job's folder that holds RUN");
    command.positional("RUN", options->run, "the attempt at the job");
    command.positional("MUNGE", options->munge,
                       "how server and agent show that they are of the same cluster: munge:SOCKET, or none");
    command.action([options]() -> base::Result<int> { slurm::run_worker(options->marker, options->run, options->munge); });
    command.hide();
}

}  // namespace server
