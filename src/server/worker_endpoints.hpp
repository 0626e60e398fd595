// What a sandboxed worker finds in its own network: the AWS APIs at this server's address, its role's credentials as a container
// and as an instance find them. Each is a listener inside that network, so every connection is from that worker; a worker that
// sends too many requests uses up the connections of its own listeners only.
#pragma once

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
    // Once, before the first job. `apis` answers AWS's APIs, `unread` hears of requests to them that could not be read; all outlive
    // all endpoints.
    void serve(training::Training& training, http::Handler apis, std::function<void(const http::UnreadRequest&)> unread);
    [[nodiscard]] std::unique_ptr<Opened> open(Sockets sockets, const std::string& token) override;
    [[nodiscard]] std::unique_ptr<Opened> open(const std::string& token) override;

private:
    [[nodiscard]] std::unique_ptr<Opened> open(std::optional<Sockets> sockets, const std::string& token);

    const base::Clock& clock_;
    crypto::Random& random_;
    training::Training* training_ = nullptr;
    http::Handler apis_;
    std::function<void(const http::UnreadRequest&)> unread_;
};

}  // namespace server
