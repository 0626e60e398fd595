// What one job's workers run in: sandboxes (room `sandbox`), or plain processes where the operator allows it (launch.hpp).
//
// A sandboxed worker reaches of the server what the Doors open inside its own network; it holds no secret: the socket that it
// connects to says who it is. A plain process shares the machine's network, so it has a token.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "net/socket.hpp"
#include "sandbox/sandboxes.hpp"
#include "training/contract.hpp"
#include "training/launch.hpp"

namespace training {

// Serves a worker on sockets inside its network. The server implements it: this room knows no HTTP.
class Doors {
public:
    // Closes the sockets and everything that came through them when it is destroyed.
    class Door {
    public:
        virtual ~Door() = default;
    };
    struct Sockets {
        net::Listener aws;        // the AWS APIs, at the server's own address
        net::Listener container;  // 169.254.170.2:80, container credentials
        net::Listener metadata;   // 169.254.169.254:80, instance metadata
    };
    virtual ~Doors() = default;
    // Whoever connects is the worker that has `token` in Training::credentials_for, which it never sees.
    [[nodiscard]] virtual std::unique_ptr<Door> open(Sockets sockets, const std::string& token) = 0;
};

// How workers are kept apart on this machine; the same for all jobs of a server.
struct Isolation {
    sandbox::Sandboxes* sandboxes = nullptr;  // nullptr: plain processes …
    std::optional<base::Error> refusal;       // … or, if the operator wants sandboxes and there are none, no jobs: why
    Doors* doors = nullptr;                   // for sandboxes
    std::vector<std::string> hidden;          // for plain processes: folders and files of the server that no worker may see
};

// Of one attempt at a job. One thread uses it. Destroying it ends what it launched and takes back what it took.
class Confinement {
public:
    virtual ~Confinement() = default;
    // Completes the places: what the workers see and reach. Errors `InternalError`, or a ValidationException's.
    [[nodiscard]] virtual base::Result<void> begin(const Plan& plan, std::vector<WorkerPlace>& places) = 0;
    // Starts a worker whose folder is filled. Errors `LaunchFailed`, `InternalError`.
    [[nodiscard]] virtual base::Result<LaunchedProcess> launch(const WorkerPlace& place, const std::string& host_name,
                                                               std::vector<std::string> command, Environment environment,
                                                               std::string working_directory) = 0;
    // What the job's log should say about it.
    [[nodiscard]] virtual std::vector<std::string> remarks(const WorkerPlace& place) const = 0;
    // Did this worker use up its memory?
    [[nodiscard]] virtual bool memory_was_exhausted(size_t worker) const = 0;
};

[[nodiscard]] std::unique_ptr<Confinement> confine(const Isolation& isolation);

}  // namespace training
