// The launcher `slurm`: where training jobs run on machines that Slurm gives (`trainwarden serve --launcher slurm`).
//
//     server                               Slurm                             node
//     salloc --no-shell  ───────────────→  an allocation, N tasks
//     srun, one a worker ───────────────→  a step  ───────────────────────→  trainwarden slurm-worker   (worker.hpp: the agent)
//       its output  ←──────────────────────────────────────── Hello            looks around
//       its input  ─────────────────────────────────────────── Ready ───────→  fetches its task
//     gateway  ──────────────────────────────────────────── Task, TLS ───────→  sandbox, network, endpoints, siblings
//     gateway  ←──────────────────── what the worker writes, TLS ──────────    the worker
//       its input ends, or word_terminate ──────────────────────────────────→  ends it
//     gateway  ←─────────────────────────────────────────────── TLS            the worker's connections to its endpoints
//
// To the training room such a worker is a process like any other: srun's. No secret is on a command line, in an environment or in
// a file.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "sandbox/image.hpp"
#include "slurm/gateway.hpp"
#include "slurm/munge.hpp"
#include "training/confinement.hpp"

namespace slurm {

class Launcher {
public:
    struct Settings {
        std::string options;  // salloc's, as one line
        std::string program;  // this program, as the nodes find it; empty: where it is here
        std::string server;   // tells the servers of a cluster apart
        std::string images, image_cache;
        std::vector<std::string> shared;  // folders that are on every node and that workers of host/… images may read
        training::WorkerEndpoints* endpoints = nullptr;
    };
    // Looks whether Slurm is there, and ends what an earlier server of this name has left in it.
    // Errors `SlurmUnavailable`, `InvalidOptions`.
    [[nodiscard]] static base::Result<std::unique_ptr<Launcher>> open(Settings settings);

    [[nodiscard]] std::unique_ptr<training::Confinement> confine();
    [[nodiscard]] sandbox::Images& images() { return images_; }

private:
    explicit Launcher(Settings settings) : settings_(std::move(settings)), images_(settings_.images, settings_.image_cache) {}
    friend class SlurmConfinement;
    Settings settings_;
    std::vector<std::string> options_;
    std::optional<Munge> munge_;  // nothing: the cluster has another AuthType
    sandbox::Images images_;
    std::unique_ptr<Gateway> gateway_;
};

}  // namespace slurm
