// What one job's workers run in: sandboxes (room `sandbox`), on this machine or on those of a cluster (room `slurm`), or plain
// processes where the operator allows it (launch.hpp).
//
// A sandboxed worker reaches of the server what the WorkerEndpoints open inside its own network; it holds no secret: the socket that it
// connects to says who it is. A plain process shares the machine's network, so it has a token.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "net/socket.hpp"
#include "sandbox/namespaces.hpp"
#include "sandbox/sandboxes.hpp"
#include "training/contract.hpp"
#include "training/job.hpp"
#include "training/launch.hpp"

namespace training {

// Serves a worker on sockets inside its network. The server implements it: this room knows no HTTP.
class WorkerEndpoints {
public:
    enum class Which : uint8_t { aws, container, metadata };
    // Closes the sockets and everything that came through them when it is destroyed.
    class Opened {
    public:
        virtual ~Opened() = default;
        // A connection of that worker's which came from another machine. Any thread.
        virtual void take(Which which, net::Stream connection) = 0;
    };
    struct Sockets {
        net::Listener aws;        // the AWS APIs, at the server's own address
        net::Listener container;  // 169.254.170.2:80, container credentials
        net::Listener metadata;   // 169.254.169.254:80, instance metadata
    };
    virtual ~WorkerEndpoints() = default;
    // Every connection is from the worker that has `token` in Training::credentials_for, which it never sees.
    [[nodiscard]] virtual std::unique_ptr<Opened> open(Sockets sockets, const std::string& token) = 0;
    // The same for a worker whose network is on another machine: its connections come by Opened::take.
    [[nodiscard]] virtual std::unique_ptr<Opened> open(const std::string& token) = 0;
};

class Confinement;

// How workers are kept apart on this machine; the same for all jobs of a server.
struct Isolation {
    sandbox::Sandboxes* sandboxes = nullptr;  // nullptr: plain processes …
    std::optional<base::Error> refusal;       // … or, if the operator wants sandboxes and there are none, no jobs: why
    WorkerEndpoints* endpoints = nullptr;     // for sandboxes
    bool volumes = false;                     // workers' folders are volumes of their own (sandbox/volume.hpp)
    std::vector<std::string> hidden;          // for plain processes: folders and files of the server that no worker may see
    // Another launcher (room `slurm`): its workers are sandboxed, too, perhaps on other machines.
    std::function<std::unique_ptr<Confinement>()> elsewhere;
    sandbox::Images* images = nullptr;  // its images
};

// The attempt at a job that a confinement is for.
struct Attempt {
    const Job& job;
    std::function<bool()> given_up;  // stopped, or it has waited too long for machines
    std::function<void(const std::string&)>
        pending;  // called while it waits for machines, with why; not for the same reason twice
};

// Of one attempt at a job. One thread uses it. Destroying it ends what it launched and takes back what it took.
class Confinement {
public:
    virtual ~Confinement() = default;
    // Takes what the workers need of machines, and completes the places: what the workers see and reach. Errors
    // `InternalError`, `ClientError`, `CapacityError` (there is no such machine), `Cancelled`.
    [[nodiscard]] virtual base::Result<void> begin(const Plan& plan, std::vector<WorkerPlace>& places,
                                                   const Attempt& attempt) = 0;
    // Starts a worker whose folder is filled. Errors `LaunchFailed`, `InternalError`.
    [[nodiscard]] virtual base::Result<LaunchedProcess> launch(const WorkerPlace& place, const std::string& host_name,
                                                               std::vector<std::string> command, Environment environment,
                                                               std::string working_directory) = 0;
    // What the job's log should say about it.
    [[nodiscard]] virtual std::vector<std::string> remarks(const WorkerPlace& place) const = 0;
    // Did this worker use up its memory?
    [[nodiscard]] virtual bool memory_was_exhausted(size_t worker) const = 0;
    // A worker's process has ended: was it taken away, rather than end by itself? How, for the job's failure reason.
    [[nodiscard]] virtual std::optional<std::string> taken_away(size_t /*worker*/) const { return std::nullopt; }
    // Every worker's process has ended: returns when nothing that they started runs any more, wherever it is.
    virtual void settle() {}
};

constexpr uint64_t processes_max = 16'384;  // of one worker

// Of http://ADDRESS:PORT, where the server listens. Error `InternalError`.
[[nodiscard]] base::Result<sandbox::SocketAddress> address_of(const std::string& url);

// What sandboxed workers see, on this machine or on others: completes the places.
void furnish_sandboxes(const Plan& plan, const sandbox::Image& image, bool reaches_server, std::vector<WorkerPlace>& places);
// Their /etc/hosts.
[[nodiscard]] std::string hosts_file(const Plan& plan);

[[nodiscard]] std::unique_ptr<Confinement> confine(const Isolation& isolation);

}  // namespace training
