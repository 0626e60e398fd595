#include "server/worker_endpoints.hpp"

#include <vector>

#include "base/invariant.hpp"
#include "server/credentials_endpoint.hpp"
#include "server/instance_metadata.hpp"

namespace server {
namespace {

// The worker has ended when its endpoints close: no client is left to wait for.
constexpr int closing_seconds = 1;

// Every process of a worker may ask for credentials at the same time: data loaders do.
constexpr size_t credential_connections_max = 2048;
constexpr int credential_idle_seconds_max = 10;
// Of request bodies that one worker may have the server hold.
constexpr size_t body_memory_bytes_max = 16u << 20;

class OpenedEndpoints final : public training::WorkerEndpoints::Opened {
public:
    explicit OpenedEndpoints(std::unique_ptr<InstanceMetadata> metadata) : metadata_(std::move(metadata)) {}
    ~OpenedEndpoints() override {
        for (auto& one : servers_) one->stop(closing_seconds);
    }
    [[nodiscard]] const InstanceMetadata& metadata() const { return *metadata_; }
    void take(training::WorkerEndpoints::Which which, net::Stream connection) override {
        servers_.at(static_cast<size_t>(which))->take(std::move(connection));
    }
    void add(std::unique_ptr<http::Server> one) { servers_.push_back(std::move(one)); }

private:
    std::unique_ptr<InstanceMetadata> metadata_;
    std::vector<std::unique_ptr<http::Server>> servers_;
};

}  // namespace

void HttpWorkerEndpoints::serve(training::Training& training, http::Handler apis,
                                std::function<void(const http::UnreadRequest&)> unread) {
    training_ = &training;
    apis_ = std::move(apis);
    unread_ = std::move(unread);
}

std::unique_ptr<training::WorkerEndpoints::Opened> HttpWorkerEndpoints::open(std::optional<Sockets> sockets,
                                                                             const std::string& token) {
    INVARIANT(training_ != nullptr);
    auto endpoints = std::make_unique<OpenedEndpoints>(std::make_unique<InstanceMetadata>(*training_, clock_, random_, token));
    const auto add = [&](const http::ServerOptions& options, net::Listener Sockets::* listener, http::Handler handler) {
        endpoints->add(sockets ? http::Server::start(options, std::move((*sockets).*listener), std::move(handler))
                               : http::Server::without_port(options, std::move(handler)));
    };
    // In the order of Which.
    const http::ServerOptions many{.connections_max = credential_connections_max,
                                   .idle_seconds_max = credential_idle_seconds_max};
    add({.body_memory_bytes_max = body_memory_bytes_max, .on_unread = unread_}, &Sockets::aws, apis_);
    add(many, &Sockets::container,
        [training = training_, token](http::Request& request) { return answer_credentials(*training, request, token); });
    add(many, &Sockets::metadata,
        [metadata = &endpoints->metadata()](http::Request& request) { return metadata->answer(request); });
    return endpoints;
}

std::unique_ptr<training::WorkerEndpoints::Opened> HttpWorkerEndpoints::open(Sockets sockets, const std::string& token) {
    return open(std::optional(std::move(sockets)), token);
}

std::unique_ptr<training::WorkerEndpoints::Opened> HttpWorkerEndpoints::open(const std::string& token) {
    return open(std::optional<Sockets>(), token);
}

}  // namespace server
