// Which program starts on which host: the job's own entry point, the script of script mode, or the script under a launcher.
//
//     sagemaker_torch_distributed_enabled   torchrun on every host of the strategy's
//     sagemaker_mpi_enabled                 mpirun on the first; the others start what it asks for (sandbox/inside/remote.hpp, no
//     sshd)
//       sagemaker_mpi_num_of_processes_per_host, sagemaker_mpi_custom_mpi_options
//     sagemaker_distribution_instance_groups   the groups whose hosts take part; the others run the script alone
//
// Sources: sagemaker-training-toolkit, torch_distributed.py and mpi.py (the options); SageMaker Python SDK, `distribution`.
//
// Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "training/plan.hpp"

namespace training {

constexpr int rendezvous_port = 7777;  // SageMaker's SM_MASTER_PORT

enum class Launcher : uint8_t { script, torchrun, mpi };

struct ScriptLauncher {
    Launcher launcher = Launcher::script;
    size_t processes_per_host = 1;
    std::vector<std::string> options;  // for mpirun, as the job gave them
    std::vector<size_t> hosts;         // the strategy's, by index into Plan::hosts
    bool names_groups = false;         // the job says which groups these are
    [[nodiscard]] bool takes_part(size_t host) const;
    [[nodiscard]] size_t rank_of(size_t host) const;  // among `hosts`; REQUIRES: takes_part
};

// From the hyperparameters. Errors `ValidationException`: what no launcher here can do.
[[nodiscard]] base::Result<ScriptLauncher> script_launcher_of(const Plan& plan);

// Shell words, as Python's shlex splits the toolkit's custom options. Error `ValidationException`: an open quote.
[[nodiscard]] base::Result<std::vector<std::string>> shell_words(std::string_view text);

// The whole command line of a host. `script`: what runs the user's program there.
[[nodiscard]] std::vector<std::string> launcher_command(const Plan& plan, const ScriptLauncher& script_launcher, size_t host,
                                                        const std::string& network_interface, std::vector<std::string> script);

// The same as its owner is told it: from mpirun on, without the program that starts what it asks for on other hosts.
[[nodiscard]] std::vector<std::string> shown_command(std::vector<std::string> words);

}  // namespace training
