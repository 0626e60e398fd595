// Training jobs (src/training) with what they need from the server: a data mover over the wire and the workers' credentials endpoint.
//
// Order of life: open() (settles the jobs of an earlier run) → add_operations(registry, jobs()) → the port opens →
// start(endpoint) → … → stop() while the port still answers, so that running jobs can end.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "cloudwatch/store.hpp"
#include "crypto/random.hpp"
#include "http/server.hpp"
#include "identity/directory.hpp"
#include "sandbox/sandboxes.hpp"
#include "server/credentials_endpoint.hpp"
#include "server/job_data.hpp"
#include "server/worker_endpoints.hpp"
#include "slurm/launcher.hpp"
#include "store/key_value_store.hpp"
#include "training/instances.hpp"
#include "training/training.hpp"

namespace server {

// `trainwarden serve --training-…`: what workers run in.
struct TrainingSettings {
    training::InstanceTypes instances;
    std::string isolation = "sandbox";  // a sandbox or no jobs | best-effort: plain processes where there is none | process
    std::string images;                 // the folder of training images; empty: DIR/images
    std::vector<std::string> shared;    // folders of this machine that workers of host/… images may read
    std::string launcher = "local";     // local: on this machine | slurm: on those that Slurm gives (docs/slurm.md)
    std::string slurm_options;          // for salloc, one line
    std::string slurm_program;          // this program on the nodes; empty: where it is here
};

class TrainingService {
public:
    struct Dependencies {
        store::KeyValueStore* keys = nullptr;
        identity::Directory* directory = nullptr;
        cloudwatch::Store* metrics = nullptr;
        logs::Store* logs = nullptr;
        const base::Clock* clock = nullptr;
        crypto::Random* random = nullptr;
        std::string jobs_directory;   // DIR/jobs
        std::string data_folder;      // DIR: hidden from workers, with the AWS and Trainwarden settings of the server's user
        std::string master_key_file;  // if it is not in the default place: hidden too
        TrainingSettings settings;
        training::Limits limits;
        training::AssumeJobRole assume;  // decided and recorded by the gate
        // May a job's session do this? Asked at create time: training/training.hpp.
        std::function<base::Result<void>(const identity::Credentials&, const std::string& action, const std::string& resource,
                                         const std::string& request_id)>
            may;
        std::function<base::Result<void>(const identity::Credentials&, const training::S3Uri& prefix, const std::string& region,
                                         const std::string& request_id)>
            may_list;
        std::function<bool(const std::string& bucket)> bucket_exists;
    };
    [[nodiscard]] static base::Result<std::unique_ptr<TrainingService>> open(const Dependencies& dependencies);
    [[nodiscard]] training::Training& jobs() { return *training_; }
    // What jobs run in: sandbox, process, slurm; none: they are refused.
    [[nodiscard]] std::string_view isolation() const { return isolation_; }
    struct Doors {
        std::string endpoint;  // the URL that workers use, http://127.0.0.1:4566
        std::string socket;    // that the data mover uses
        std::string region;
        std::shared_ptr<http::Front> front;  // of the connections that come from inside of workers' networks
        http::ServerOptions options;         // of those to the APIs
        http::Handler apis;
    };
    [[nodiscard]] base::Result<void> start(Doors doors);
    void stop();

private:
    explicit TrainingService(const Dependencies& dependencies) : endpoints_(*dependencies.clock, *dependencies.random) {}
    [[nodiscard]] base::Result<training::Isolation> isolate(const Dependencies& dependencies);
    [[nodiscard]] base::Result<training::Isolation> isolate_on_slurm(const Dependencies& dependencies);
    void choose_volumes(const Dependencies& dependencies, training::Isolation& isolation);
    WireJobData data_;
    HttpWorkerEndpoints endpoints_;
    std::unique_ptr<sandbox::Sandboxes> sandboxes_;
    std::unique_ptr<slurm::Launcher> slurm_;
    std::string volumes_;  // how VolumeSizeInGB holds, for when the server starts
    std::string_view isolation_ = "none";
    std::string warning_;  // about how jobs are isolated, for when the server starts
    std::unique_ptr<training::Training> training_;
    std::unique_ptr<CredentialsEndpoint> credentials_;
};

}  // namespace server
