#include "server/worker_endpoints.hpp"

#include <vector>

#include "base/invariant.hpp"
#include "base/log.hpp"
#include "server/credentials_endpoint.hpp"
#include "server/instance_metadata.hpp"

namespace server {
namespace {

// The worker has ended when its endpoints close: no client is left to wait for.
constexpr int closing_seconds = 1;

// Every process of a worker may ask for credentials at the same time: data loaders do.
constexpr size_t connections_max = 2048;
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

void HttpWorkerEndpoints::serve(training::Training& training, std::shared_ptr<http::Front> front, http::ServerOptions options,
                                http::Handler apis) {
    training_ = &training;
    front_ = std::move(front);
    options_ = std::move(options);
    apis_ = std::move(apis);
}

std::unique_ptr<training::WorkerEndpoints::Opened> HttpWorkerEndpoints::open(std::optional<Sockets> sockets,
                                                                             const std::string& token) {
    INVARIANT(training_ != nullptr);
    auto endpoints = std::make_unique<OpenedEndpoints>(std::make_unique<InstanceMetadata>(*training_, clock_, random_, token));
    const std::string peer = "worker " + std::to_string(++opened_);
    const auto add = [&](http::ServerOptions options, net::Listener Sockets::* listener, http::Handler handler) {
        options.peer_group = peer;
        if (sockets) {
            auto started = http::Server::start(front_, options, std::move((*sockets).*listener), handler);
            if (started) return endpoints->add(std::move(*started));
            // Its worker finds nobody there, and says so.
            base::log_error("a worker's endpoint is not served: " + started.error().describe());
        }
        endpoints->add(http::Server::without_port(front_, std::move(options), std::move(handler)));
    };
    // In the order of Which.
    http::ServerOptions apis = options_;
    apis.connections_max = connections_max;
    apis.secure_transport = true;  // a network of this machine's kernel; from other machines, what the agent has sealed
    apis.body_memory_bytes_max = apis.body_memory_bytes_per_peer_max = body_memory_bytes_max;
    const http::ServerOptions many{.connections_max = connections_max,
                                   .connections_per_peer_max = connections_max,
                                   .idle_seconds_max = credential_idle_seconds_max};
    add(apis, &Sockets::aws, apis_);
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
