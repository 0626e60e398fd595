// The agent: `trainwarden slurm-worker MARKER RUN MUNGE`, which srun runs on a node for each worker.
//
// Makes for its worker what a local launcher makes (room `sandbox`): a user of this machine, limits, a network, a sandbox;
// carries its packets to its siblings (overlay.hpp) and its connections to the server (gateway.hpp); passes on what it writes,
// and how it ends. What it needs to know comes from the server's gateway, which its standard input names (message.hpp).
//
// The worker ends when the agent's input ends, when the agent dies, and when Slurm ends the step.
#pragma once

#include <string>

namespace slurm {

// `marker`: a file in the job's folder that holds `run`. `munge`: munge.hpp. The exit status is the worker's.
[[noreturn]] void run_worker(const std::string& marker, const std::string& run, const std::string& munge);

}  // namespace slurm
