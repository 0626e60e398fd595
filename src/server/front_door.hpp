// Where requests come in: the port that strangers reach; a socket in the data folder for the operator, who is answered whatever happens there,
// because it has threads of its own; and one for what moves jobs' data.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "crypto/random.hpp"
#include "http/server.hpp"
#include "server/scrub_settings.hpp"

namespace server {

class MetricsPage;

// Another way in, whose requests policies know by `aws:SourceVpce`.
struct WayIn {
    std::string vpc_endpoint;  // vpce-0123abcd
    std::string listen;        // ADDRESS:PORT; `workers`: that of sandboxed workers, and of what moves their data
};
// Each is vpce-ID=ADDRESS:PORT or vpce-ID=workers. Error `InvalidConfiguration`.
[[nodiscard]] base::Result<std::vector<WayIn>> parse_ways_in(const std::vector<std::string>& texts);
// Of workers; empty: it has no name.
[[nodiscard]] std::string workers_endpoint(const std::vector<WayIn>& ways);

// "127.0.0.1:4566", "[::1]:4566", ":4566", "4566".
struct Listen {
    std::string address;
    uint16_t port = 0;
};
// Error `InvalidListen`.
[[nodiscard]] base::Result<Listen> parse_listen(const std::string& text);

// `trainwarden serve --limit NAME=VALUE`; docs/limits.md has the list.
struct DoorLimits {
    http::FrontOptions front;
    http::ServerOptions port;
    ScrubSettings scrub;
};
// Each is NAME=VALUE. Error `InvalidConfiguration` names those that there are.
[[nodiscard]] base::Result<DoorLimits> parse_limits(const std::vector<std::string>& texts);

class FrontDoor {
public:
    struct Settings {
        std::string address;
        uint16_t port = 0;
        std::string socket, jobs_socket;           // the operator's and that of jobs' data, in the data folder
        std::shared_ptr<net::TlsServer> tls = {};  // nullptr: the port speaks plain HTTP
        net::Networks proxies = {};
        DoorLimits limits;
        // Beside the APIs on the operator's socket; may be empty.
        MetricsPage* metrics = nullptr;
        std::optional<std::pair<std::string, uint16_t>> metrics_at = {};  // a port that serves nothing else
        std::vector<WayIn> ways_in = {};                                  // beside the port, and as it is
        std::function<bool()> is_ready = {};                              // what /readyz says; must not wait
    };
    // `random` and what the handler and `unread` need outlive it. Errors of net::Listener.
    [[nodiscard]] static base::Result<std::unique_ptr<FrontDoor>> open(const Settings& settings, crypto::Random& random,
                                                                       http::Handler apis,
                                                                       std::function<void(const http::UnreadRequest&)> unread);
    // Requests in progress are finished, others are not begun. /readyz says 503 from `end_soon` on.
    void end_soon();
    void stop();

    [[nodiscard]] uint16_t port() const { return port_->port(); }
    // Where workers of jobs find the APIs, without TLS: inside of their own networks, or, as plain processes, on the loopback.
    [[nodiscard]] std::string workers_url(const std::string& url) const;
    [[nodiscard]] std::string metrics_url() const;  // empty: no port of its own
    [[nodiscard]] const std::shared_ptr<http::Front>& front() const { return front_; }
    [[nodiscard]] const http::ServerOptions& options() const { return options_; }  // what is not of the port alone

private:
    FrontDoor() = default;
    [[nodiscard]] std::optional<http::Response> answer_at_once(const http::RequestHead& head) const;
    std::atomic<bool> is_ending_ = false;
    MetricsPage* metrics_ = nullptr;
    std::vector<std::string> socket_paths_;
    std::shared_ptr<http::Front> front_;
    http::ServerOptions options_;
    std::function<bool()> is_ready_;
    std::unique_ptr<http::Server> port_, socket_, jobs_socket_;
    std::vector<std::unique_ptr<http::Server>> ways_in_;
    std::unique_ptr<http::Server> loopback_;  // nullptr: the port speaks plain HTTP itself
    std::string metrics_address_;
    std::unique_ptr<http::Server> metrics_port_;  // nullptr: none
    [[nodiscard]] base::Result<void> open_metrics_port(const Settings& settings);
};

}  // namespace server
