// What a sandboxed worker finds in its own network: the AWS APIs at this server's address, its role's credentials as a container
// and as an instance find them. Each is a listener inside that network, so every connection is from that worker. The front of the server
// has them all: they cost no thread, and all of a worker count as one peer, which uses up its own share.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "crypto/random.hpp"
#include "http/server.hpp"
#include "training/confinement.hpp"
#include "training/training.hpp"

namespace server {

class HttpWorkerEndpoints final : public training::WorkerEndpoints {
public:
    HttpWorkerEndpoints(const base::Clock& clock, crypto::Random& random) : clock_(clock), random_(random) {}
    // Once, before the first job. `front` has the connections of all workers; `apis` answers AWS's APIs as `options` say; all outlive all
    // endpoints.
    void serve(training::Training& training, std::shared_ptr<http::Front> front, http::ServerOptions options, http::Handler apis);
    [[nodiscard]] std::unique_ptr<Opened> open(Sockets sockets, const std::string& token) override;
    [[nodiscard]] std::unique_ptr<Opened> open(const std::string& token) override;

private:
    [[nodiscard]] std::unique_ptr<Opened> open(std::optional<Sockets> sockets, const std::string& token);

    const base::Clock& clock_;
    crypto::Random& random_;
    training::Training* training_ = nullptr;
    std::shared_ptr<http::Front> front_;
    http::ServerOptions options_;
    http::Handler apis_;
    std::atomic<uint64_t> opened_ = 0;
};

}  // namespace server
