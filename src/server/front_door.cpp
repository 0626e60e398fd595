#include "server/front_door.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <iterator>
#include <tuple>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "base/strings.hpp"
#include "server/metrics_page.hpp"
#include "server/quotas.hpp"
#include "wire/errors.hpp"
#include "wire/route.hpp"
#include "wire/s3_request.hpp"

namespace server {
namespace {

// The operator's reserve.
constexpr http::PoolOptions reserve{.requests_max = 8, .requests_per_peer_max = 8, .uploads_max = 6, .uploads_per_peer_max = 6};
// Of the port for metrics: scrapes come one after the other, every few seconds.
constexpr http::PoolOptions metrics_pool{.requests_max = 2,
                                         .requests_per_peer_max = 2,
                                         .uploads_max = 1,
                                         .uploads_per_peer_max = 1,
                                         .queue_max = 64,
                                         .queue_per_peer_max = 64};
constexpr size_t metrics_connections = 64;

// A limit by its name: where it stands, and its least and highest value.
struct Limit {
    std::string_view name;
    std::function<void(DoorLimits&, uint64_t)> set;
    uint64_t least, most;
};

const std::array<Limit, 23>& limits() {
    constexpr uint64_t count = 1u << 20, seconds = 86'400, bytes = uint64_t{1} << 40;
    static const std::array<Limit, 23> all{{
        {"connections", [](DoorLimits& all, uint64_t n) { all.port.connections_max = n; }, 1, count},
        {"connections-per-peer", [](DoorLimits& all, uint64_t n) { all.port.connections_per_peer_max = n; }, 1, count},
        {"head-seconds", [](DoorLimits& all, uint64_t n) { all.port.head_seconds_max = static_cast<int>(n); }, 1, seconds},
        {"head-memory-bytes", [](DoorLimits& all, uint64_t n) { all.front.head_memory_bytes_max = n; }, 1u << 20, bytes},
        {"idle-seconds", [](DoorLimits& all, uint64_t n) { all.port.idle_seconds_max = static_cast<int>(n); }, 1, seconds},
        {"body-grace-seconds", [](DoorLimits& all, uint64_t n) { all.port.body_grace_seconds = static_cast<int>(n); }, 1,
         seconds},
        {"body-bytes-per-second", [](DoorLimits& all, uint64_t n) { all.port.body_bytes_per_second_min = n; }, 1, bytes},
        {"body-silence-seconds", [](DoorLimits& all, uint64_t n) { all.port.io_seconds_max = static_cast<int>(n); }, 1, seconds},
        {"body-memory-bytes", [](DoorLimits& all, uint64_t n) { all.port.body_memory_bytes_max = n; }, 8u << 20, bytes},
        {"body-memory-bytes-per-peer", [](DoorLimits& all, uint64_t n) { all.port.body_memory_bytes_per_peer_max = n; }, 8u << 20,
         bytes},
        {"answer-grace-seconds", [](DoorLimits& all, uint64_t n) { all.port.answer_grace_seconds = static_cast<int>(n); }, 1,
         seconds},
        {"answer-bytes-per-second", [](DoorLimits& all, uint64_t n) { all.port.answer_bytes_per_second_min = n; }, 1, bytes},
        {"crowded-grace-seconds", [](DoorLimits& all, uint64_t n) { all.port.crowded_grace_seconds = static_cast<int>(n); }, 1,
         seconds},
        {"crowded-bytes-per-second", [](DoorLimits& all, uint64_t n) { all.port.crowded_bytes_per_second_min = n; }, 1, bytes},
        {"requests", [](DoorLimits& all, uint64_t n) { all.front.pool.requests_max = n; }, 1, 16'384},
        {"requests-per-peer", [](DoorLimits& all, uint64_t n) { all.front.pool.requests_per_peer_max = n; }, 1, 16'384},
        {"uploads", [](DoorLimits& all, uint64_t n) { all.front.pool.uploads_max = n; }, 1, 16'384},
        {"uploads-per-peer", [](DoorLimits& all, uint64_t n) { all.front.pool.uploads_per_peer_max = n; }, 1, 16'384},
        {"queue", [](DoorLimits& all, uint64_t n) { all.front.pool.queue_max = n; }, 1, count},
        {"queue-per-peer", [](DoorLimits& all, uint64_t n) { all.front.pool.queue_per_peer_max = n; }, 1, count},
        {"queue-seconds", [](DoorLimits& all, uint64_t n) { all.front.pool.queue_seconds_max = static_cast<int>(n); }, 1,
         seconds},
        {"scrub-bytes-per-second", [](DoorLimits& all, uint64_t n) { all.scrub.bytes_per_second = n; }, 0, bytes},
        {"scrub-seconds-between-passes", [](DoorLimits& all, uint64_t n) { all.scrub.between_seconds = n; }, 1, 365 * seconds},
    }};
    return all;
}

constexpr std::string_view workers = "workers";

// In the words of the service that the request is for: S3's SlowDown, Throttling of the others.
http::Response overloaded(const http::RequestHead& head, crypto::Random& random) {
    const auto signature = wire::read_signature(head);
    const auto service = wire::find_service_name(head, signature ? *signature : std::nullopt).value_or("");
    const bool is_s3 = wire::error_shape(service, head) == wire::ErrorShape::s3;
    const base::Error error = is_s3 ? base::Error(base::code::SlowDown, "Please reduce your request rate.")
                                    : base::Error(base::code::Throttling, "Rate exceeded");
    return wire::encode_error(service, error, head, random.uuid());
}

}  // namespace

base::Result<DoorLimits> parse_limits(const std::vector<std::string>& texts) {
    DoorLimits out;
    for (const auto& text : texts) {
        const auto equals = text.find('=');
        const std::string_view name = std::string_view(text).substr(0, equals);
        const auto* limit = std::ranges::find(limits(), name, &Limit::name);
        if (limit == limits().end() || equals == std::string::npos) {
            std::vector<std::string> names;
            for (const auto& one : limits()) names.emplace_back(one.name);
            std::ranges::copy(quota_names(), std::back_inserter(names));
            return base::fail(base::Error(base::code::InvalidConfiguration, "--limit " + text + " is no limit of this server")
                                  .note("write NAME=NUMBER; there are " + base::join(names, ", ")));
        }
        uint64_t value = 0;
        const char* end = text.data() + text.size();
        const auto read = std::from_chars(text.data() + equals + 1, end, value);
        if (read.ec != std::errc() || read.ptr != end || value < limit->least || value > limit->most)
            return base::fail(base::code::InvalidConfiguration, "--limit " + text + ": a number from " +
                                                                    std::to_string(limit->least) + " to " +
                                                                    std::to_string(limit->most) + " is meant");
        limit->set(out, value);
    }
    return out;
}

base::Result<Listen> parse_listen(const std::string& text) {
    Listen listen{"127.0.0.1", 0};
    const size_t colon = text.rfind(':');
    std::string port = text;
    if (colon != std::string::npos) {
        port = text.substr(colon + 1);
        std::string address = text.substr(0, colon);
        if (address.starts_with('[') && address.ends_with(']'))
            address = address.substr(1, address.size() - 2);
        else if (address.find(':') != std::string::npos)
            port.clear();
        if (!address.empty()) listen.address = address;
    }
    auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), listen.port);
    if (port.empty() || error != std::errc() || end != port.data() + port.size())
        return base::fail(base::Error(base::code::InvalidListen, "`" + text + "` is not a listen address")
                              .note("write ADDRESS:PORT, for example 127.0.0.1:4566 or [::1]:4566"));
    return listen;
}

// `vpce-` and 8 or 17 letters and digits, as AWS's are.
base::Result<std::vector<WayIn>> parse_ways_in(const std::vector<std::string>& texts) {
    std::vector<WayIn> out;
    for (const auto& text : texts) {
        const auto equals = text.find('=');
        WayIn way{.vpc_endpoint = text.substr(0, equals), .listen = equals == std::string::npos ? "" : text.substr(equals + 1)};
        constexpr std::string_view prefix = "vpce-";
        const auto rest = std::string_view(way.vpc_endpoint).substr(std::min(prefix.size(), way.vpc_endpoint.size()));
        const auto is_fine = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); };
        if (!way.vpc_endpoint.starts_with(prefix) || (rest.size() != 8 && rest.size() != 17) ||
            !std::ranges::all_of(rest, is_fine) || way.listen.empty())
            return base::fail(base::Error(base::code::InvalidConfiguration, "--endpoint " + text + " is no way in")
                                  .note("write vpce-ID=ADDRESS:PORT, or vpce-ID=workers; ID: 8 or 17 of a-z and 0-9"));
        if (way.listen != workers) (void)TRY(parse_listen(way.listen));
        if (way.listen == workers && !workers_endpoint(out).empty())
            return base::fail(base::code::InvalidConfiguration, "--endpoint …=workers is there twice");
        out.push_back(std::move(way));
    }
    return out;
}

std::string workers_endpoint(const std::vector<WayIn>& ways) {
    const auto* found = std::ranges::find(ways, workers, &WayIn::listen).base();
    return found == ways.data() + ways.size() ? std::string() : found->vpc_endpoint;
}

// For who asks whether the server is there. A signature, a query or a bucket in the host make it a request to S3: `healthz` and `readyz` are
// names that a bucket, and an object, may have.
std::optional<http::Response> FrontDoor::answer_at_once(const http::RequestHead& head) const {
    const bool is_health = head.path == "/healthz";
    if ((!is_health && head.path != "/readyz") || (head.method != "GET" && head.method != "HEAD")) return std::nullopt;
    if (!head.query.empty() || head.headers.find("Authorization") != nullptr) return std::nullopt;
    if (!wire::bucket_of_host(head.headers.get("Host")).empty()) return std::nullopt;
    const bool good = is_health || (!is_ending_ && (!is_ready_ || is_ready_()));
    http::Response response{.status = good ? 200 : 503, .headers = {}, .body = std::string(good ? "ok\n" : "not ready\n")};
    response.headers.add("Content-Type", "text/plain");
    response.headers.add("Cache-Control", "no-store");
    return response;
}

base::Result<std::unique_ptr<FrontDoor>> FrontDoor::open(const Settings& settings, crypto::Random& random, http::Handler apis,
                                                         std::function<void(const http::UnreadRequest&)> unread) {
    std::unique_ptr<FrontDoor> door(new FrontDoor);
    door->metrics_ = settings.metrics;
    door->is_ready_ = settings.is_ready;
    auto& options = door->options_;
    options = settings.limits.port;
    options.address = settings.address;
    options.port = settings.port;
    options.on_unread = std::move(unread);
    options.at_once = [made = door.get()](const http::RequestHead& head) { return made->answer_at_once(head); };
    options.overloaded = [&random](const http::RequestHead& head) { return overloaded(head, random); };
    door->front_ = TRY(http::make_front(settings.limits.front));
    auto listener = TRY(net::Listener::open(options.address, options.port));
    http::ServerOptions outside = options;
    outside.tls = settings.tls;
    outside.proxies = settings.proxies;
    for (const auto& way : settings.ways_in) {
        if (way.listen == workers) continue;
        http::ServerOptions there = outside;
        const Listen listen = TRY(parse_listen(way.listen));
        there.address = listen.address;
        there.port = listen.port;
        there.vpc_endpoint = way.vpc_endpoint;
        auto second = TRY(net::Listener::open(there.address, there.port));
        base::log_info("requests at " + listen.address + ":" + std::to_string(second.port()) + " come by " + way.vpc_endpoint);
        door->ways_in_.push_back(TRY(http::Server::start(door->front_, std::move(there), std::move(second), apis)));
    }
    door->port_ = TRY(http::Server::start(door->front_, std::move(outside), std::move(listener), apis));
    if (settings.tls) {
        auto loopback = TRY(net::Listener::open("127.0.0.1", 0));
        door->loopback_ = TRY(http::Server::start(door->front_, options, std::move(loopback), apis));
    }
    // Who could listen on a socket could read the data folder.
    http::ServerOptions inside = options;
    options.vpc_endpoint = workers_endpoint(settings.ways_in);
    inside.peer_address = "127.0.0.1";
    inside.secure_transport = true;
    const auto serve_on = [&](const std::string& path, std::shared_ptr<http::Front> front, const char* peer,
                              const http::Handler& handler) -> base::Result<std::unique_ptr<http::Server>> {
        inside.peer_group = peer;
        inside.vpc_endpoint = path == settings.jobs_socket ? options.vpc_endpoint : "";
        door->socket_paths_.push_back(path);
        auto socket = TRY(net::Listener::open_unix(path));
        return http::Server::start(std::move(front), inside, std::move(socket), handler);
    };
    door->jobs_socket_ = TRY(serve_on(settings.jobs_socket, door->front_, "jobs", apis));
    // With a front of its own: what fills the other one does not stand in its way.
    auto operators = TRY(http::make_front({.pool = reserve}));
    if (settings.metrics != nullptr) {
        settings.metrics->add_front("port", door->front_);
        settings.metrics->add_front("operator", operators);
    }
    const http::Handler operators_apis = [metrics = settings.metrics, apis](http::Request& request) {
        return metrics != nullptr && is_scrape(request.head) ? answer_scrape(*metrics) : apis(request);
    };
    door->socket_ = TRY(serve_on(settings.socket, std::move(operators), "operator", operators_apis));
    TRY(door->open_metrics_port(settings));
    return door;
}

// With a front of its own: who comes here takes nothing from clients, nor from the operator.
base::Result<void> FrontDoor::open_metrics_port(const Settings& settings) {
    if (!settings.metrics_at || settings.metrics == nullptr) return {};
    auto front = TRY(http::make_front({.pool = metrics_pool}));
    settings.metrics->add_front("metrics", front);
    http::ServerOptions options;
    options.connections_max = metrics_connections;
    options.connections_per_peer_max = metrics_connections;
    std::tie(metrics_address_, options.port) = *settings.metrics_at;
    options.address = metrics_address_;
    auto listener = TRY(net::Listener::open(options.address, options.port));
    metrics_port_ = TRY(
        http::Server::start(std::move(front), options, std::move(listener), [metrics = settings.metrics](http::Request& request) {
            if (is_scrape(request.head)) return answer_scrape(*metrics);
            return http::Response{.status = 404, .headers = {}, .body = std::string("/metrics is here, and nothing else\n")};
        }));
    return {};
}

std::string FrontDoor::metrics_url() const {
    if (!metrics_port_) return {};
    const bool is_ipv6 = metrics_address_.find(':') != std::string::npos;
    return "http://" + (is_ipv6 ? "[" + metrics_address_ + "]" : metrics_address_) + ":" + std::to_string(metrics_port_->port()) +
           "/metrics";
}

void FrontDoor::end_soon() {
    is_ending_ = true;
    if (metrics_ != nullptr) metrics_->end_soon();
}

std::string FrontDoor::workers_url(const std::string& url) const {
    return loopback_ ? "http://127.0.0.1:" + std::to_string(loopback_->port()) : url;
}

void FrontDoor::stop() {
    is_ending_ = true;
    port_->stop();
    for (const auto& way : ways_in_) way->stop();
    if (loopback_) loopback_->stop();
    jobs_socket_->stop();
    socket_->stop();
    if (metrics_port_) metrics_port_->stop();
    for (const auto& path : socket_paths_) ::unlink(path.c_str());
    const auto& counted = http::counters_of(*front_);
    base::log_info("connections: " + std::to_string(counted.accepted) + ", requests: " + std::to_string(counted.requests) +
                   ", refused for limits: " + std::to_string(counted.turned_away + counted.overloads) + ", closed for limits: " +
                   std::to_string(counted.made_room + counted.late_heads + counted.slow_bodies + counted.slow_readers));
}

}  // namespace server
