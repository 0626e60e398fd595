#include "slurm/gateway.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <mutex>
#include <thread>

#include "slurm/pace.hpp"

using namespace slurm;
using namespace std::chrono_literals;
using training::WorkerEndpoints;

namespace {

// Answers every connection with the endpoint's number and what it read.
class EchoEndpoints final : public WorkerEndpoints::Opened {
public:
    ~EchoEndpoints() override {
        for (const int number : numbers_) ::shutdown(number, SHUT_RDWR);
        for (auto& thread : threads_) thread.join();
        for (const int number : numbers_) ::close(number);
    }
    void take(WorkerEndpoints::Which which, net::Stream connection) override {
        const std::lock_guard lock(mutex_);
        numbers_.push_back(::dup(connection.number()));
        threads_.emplace_back([which, stream = std::move(connection)]() mutable {
            (void)stream.write_all(std::to_string(static_cast<int>(which)) + ":");
            std::string buffer(1 << 16, '\0');
            for (auto got = stream.read_some(buffer); got && *got > 0; got = stream.read_some(buffer))
                if (!stream.write_all({buffer.data(), *got})) return;
            stream.shutdown_write();
        });
    }

private:
    std::mutex mutex_;
    std::vector<int> numbers_;
    std::vector<std::thread> threads_;
};

std::string all_of(net::Stream& stream) {
    std::string out, buffer(1 << 16, '\0');
    for (auto got = stream.read_some(buffer); got && *got > 0; got = stream.read_some(buffer)) out.append(buffer, 0, *got);
    return out;
}

struct Agent {
    std::unique_ptr<net::PeerIdentity> identity = *net::PeerIdentity::make();
    std::unique_ptr<net::PeerTlsClient> client;
    GatewayPlace place;
    explicit Agent(const Gateway& gateway)
        : client(*net::PeerTlsClient::open(*identity, gateway.fingerprint())), place{"127.0.0.1", gateway.port()} {}
    [[nodiscard]] bool reaches(std::string_view protocol) const {
        auto stream = client->connect(place.address, place.port, std::string(protocol), 10s);
        if (!stream) return false;
        stream->set_timeout(10s);
        std::string first(1, '\0');
        return stream->read_some(first).value_or(0) == 1;
    }
};

struct GatewayFixture {
    std::unique_ptr<Gateway> gateway;
    Agent agent;
    std::unique_ptr<RemoteEndpoints> remote_endpoints;
    std::vector<uint16_t> ports;

    explicit GatewayFixture(const GatewayLimits& limits = {}) : gateway(*Gateway::start(limits)), agent(*gateway) {
        REQUIRE(
            gateway->admit(agent.identity->fingerprint(), {.task = "a task", .endpoints = std::make_shared<EchoEndpoints>()}));
        std::vector<net::Listener> listeners;
        for (int i = 0; i < 3; ++i) {
            listeners.push_back(*net::Listener::open("127.0.0.1", 0));
            ports.push_back(listeners.back().port());
        }
        remote_endpoints = RemoteEndpoints::open(std::move(listeners), agent.place, *agent.client);
    }
    std::string ask(size_t endpoint, const std::string& question) {
        auto stream = net::connect("127.0.0.1", ports[endpoint], 10s);
        REQUIRE(stream);
        // Written and read at once: what is asked may be more than the way holds.
        std::thread writer([&] {
            (void)stream->write_all(question);
            stream->shutdown_write();
        });
        const std::string answer = all_of(*stream);
        writer.join();
        return answer;
    }
    // Until the gateway has counted so many, of one kind or of both; what it has when it does not.
    uint64_t await(uint64_t GatewayCounts::* what, uint64_t count, uint64_t GatewayCounts::* or_what = nullptr) {
        const auto so_far = [&] {
            const auto counts = gateway->counts();
            return counts.*what + (or_what == nullptr ? 0 : counts.*or_what);
        };
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (so_far() < count && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(5ms);
        return so_far();
    }
};

net::Stream silent(const Gateway& gateway) { return *net::connect("127.0.0.1", gateway.port(), 10s); }

bool is_closed(net::Stream& stream) {
    stream.set_timeout(10s);
    std::string some(1000, '\0');
    for (;;) {  // an alert may come first
        const auto got = stream.read_some(some);
        if (!got) return got.error().code == std::string("ConnectionClosed");
        if (*got == 0) return true;
    }
}

bool is_open_now(net::Stream& stream) {
    std::string one(1, '\0');
    const auto got = stream.try_read(one);
    return got && !*got;
}

}  // namespace

TEST_CASE("a connection comes to the endpoint it was made to, whole, both ways") {
    GatewayFixture fixture;
    for (size_t endpoint = 0; endpoint < 3; ++endpoint)
        CHECK(fixture.ask(endpoint, "hello") == std::to_string(endpoint) + ":hello");
    std::string large(3 << 20, '\0');
    for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 2654435761U >> 13);
    CHECK(fixture.ask(0, large) == "0:" + large);
    CHECK(fixture.ask(1, "") == "1:");
}

TEST_CASE("many at once") {
    GatewayFixture fixture;
    std::vector<std::future<std::string>> answers;
    for (int i = 0; i < 50; ++i)
        answers.push_back(std::async(std::launch::async, [&fixture, i] { return fixture.ask(1, std::to_string(i)); }));
    for (int i = 0; i < 50; ++i) CHECK(answers[static_cast<size_t>(i)].get() == "1:" + std::to_string(i));
}

TEST_CASE("an agent gets its own task, whole, as often as it asks") {
    GatewayFixture fixture;
    CHECK(fetch_task(*fixture.agent.client, fixture.agent.place) == "a task");
    CHECK(fetch_task(*fixture.agent.client, fixture.agent.place) == "a task");
    const Agent other(*fixture.gateway);
    std::string large(5 << 20, '\0');
    for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 2654435761U >> 13);
    REQUIRE(fixture.gateway->admit(other.identity->fingerprint(), {.task = large, .endpoints = nullptr}));
    CHECK(fetch_task(*other.client, other.place) == large);
    CHECK(fetch_task(*fixture.agent.client, fixture.agent.place) == "a task");
    CHECK_FALSE(other.reaches(endpoint_protocols[0]));  // EnableNetworkIsolation
    CHECK(fixture.agent.reaches(endpoint_protocols[0]));
}

TEST_CASE("what a worker writes is in the server's pipe when its agent has finished, from one connection alone") {
    GatewayFixture fixture;
    const Agent agent(*fixture.gateway);
    auto output = *Output::make();
    REQUIRE(fixture.gateway->admit(agent.identity->fingerprint(), {.task = "", .endpoints = nullptr, .output = output.get()}));
    const os::Descriptor reader = output->take_reader();
    auto sender = *OutputSender::open(*agent.client, agent.place.address, agent.place.port);
    CHECK_FALSE(OutputSender::open(*agent.client, agent.place.address, agent.place.port));
    CHECK_FALSE(OutputSender::open(*fixture.agent.client, agent.place.address, agent.place.port));  // nobody reads it
    std::string large(1 << 20, '\0'), got, buffer(1 << 16, '\0');
    for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 2654435761U >> 13);
    std::thread writing([&] {
        CHECK(sender.write(large));
        CHECK(sender.write("the end"));
        sender.finish();
    });
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < deadline) {
        const ssize_t count = ::read(reader.number(), buffer.data(), buffer.size());
        if (count == 0) break;
        if (count < 0) std::this_thread::sleep_for(1ms);
        if (count > 0) got.append(buffer, 0, static_cast<size_t>(count));
    }
    writing.join();
    CHECK(got == large + "the end");
    fixture.gateway->dismiss(agent.identity->fingerprint());
}

TEST_CASE("an agent that goes away leaves no thread waiting") {
    GatewayFixture fixture;
    auto output = *Output::make();
    const Agent agent(*fixture.gateway);
    REQUIRE(fixture.gateway->admit(agent.identity->fingerprint(), {.task = "", .endpoints = nullptr, .output = output.get()}));
    auto sender = *OutputSender::open(*agent.client, agent.place.address, agent.place.port);
    fixture.gateway->dismiss(agent.identity->fingerprint());
    output.reset();
    bool goes_on = true;
    for (int i = 0; i < 1'000 && goes_on; ++i) {
        goes_on = sender.write("x");
        std::this_thread::sleep_for(1ms);
    }
    CHECK_FALSE(goes_on);
}

TEST_CASE("two agents are never the same") {
    GatewayFixture fixture;
    const auto again = fixture.gateway->admit(fixture.agent.identity->fingerprint(), {.task = "another's", .endpoints = nullptr});
    REQUIRE_FALSE(again);
    CHECK(fetch_task(*fixture.agent.client, fixture.agent.place) == "a task");
}

TEST_CASE("an agent that was dismissed, or never admitted, gets nothing; nor does one from another gateway") {
    GatewayFixture fixture, elsewhere;
    fixture.gateway->dismiss(fixture.agent.identity->fingerprint());
    CHECK(fixture.ask(0, "hello").empty());
    CHECK_FALSE(fixture.agent.reaches(task_protocol));
    CHECK(fixture.gateway->counts().done == 0);  // its name is nobody's, too
    const Agent stranger(*fixture.gateway);
    CHECK_FALSE(stranger.reaches(task_protocol));
    CHECK_FALSE(stranger.reaches(endpoint_protocols[0]));
    const auto lost = net::PeerTlsClient::open(*elsewhere.agent.identity, fixture.gateway->fingerprint());
    CHECK_FALSE((*lost)->connect("127.0.0.1", elsewhere.gateway->port(), std::string(task_protocol), 10s));
}

TEST_CASE("dismissing a worker ends its connections") {
    GatewayFixture fixture;
    auto stream = net::connect("127.0.0.1", fixture.ports[0], 10s);
    REQUIRE(stream);
    std::string two(2, '\0');
    REQUIRE(stream->read_some(two));
    fixture.gateway->dismiss(fixture.agent.identity->fingerprint());
    CHECK(is_closed(*stream));  // the end, not a time-out
}

TEST_CASE("who says nothing is closed in time, and is no reason for others to wait") {
    GatewayLimits limits;
    limits.handshake = 300ms;
    GatewayFixture fixture(limits);
    auto one = silent(*fixture.gateway);
    CHECK(fixture.ask(0, "hello") == "0:hello");
    CHECK(is_closed(one));
    CHECK(fixture.await(&GatewayCounts::late, 1) == 1);
    // So is who says it slowly: the time counts from the beginning.
    auto slow = silent(*fixture.gateway);
    std::thread writing([&] {
        const std::string greeting("\x16\x03\x01\x20\x00\x01\x00\x1f\xfc\x03\x03", 11);
        for (size_t i = 0; i < 4'000 && slow.write_all(i < greeting.size() ? greeting.substr(i, 1) : "x"); ++i)
            std::this_thread::sleep_for(5ms);
    });
    CHECK(fixture.await(&GatewayCounts::late, 2, &GatewayCounts::refused) == 2);
    writing.join();
}

TEST_CASE("strangers have limited room: the oldest give theirs, of one peer and of all") {
    GatewayLimits limits;
    limits.handshake = 60s;
    SUBCASE("of one peer") { limits.strangers_per_peer = 3; }
    SUBCASE("of all") { limits.strangers = 3; }
    GatewayFixture fixture(limits);
    std::vector<net::Stream> strangers;
    for (uint64_t i = 0; i < 5; ++i) {
        strangers.push_back(silent(*fixture.gateway));
        REQUIRE(fixture.await(&GatewayCounts::accepted, i + 1) == i + 1);
    }
    CHECK(is_closed(strangers[0]));
    CHECK(is_closed(strangers[1]));
    CHECK(fixture.await(&GatewayCounts::crowded, 2) == 2);
    CHECK(fixture.ask(0, "hello") == "0:hello");
    CHECK(is_open_now(strangers[4]));
}

TEST_CASE("a peer that begins too often is closed unread") {
    GatewayLimits limits;
    limits.greetings_at_once = 4;
    limits.greetings_per_second = 0;
    GatewayFixture fixture(limits);
    for (int i = 0; i < 4; ++i) CHECK(fixture.agent.reaches(endpoint_protocols[0]));
    CHECK_FALSE(fixture.agent.reaches(endpoint_protocols[0]));
    CHECK(fixture.gateway->counts().crowded == 1);
    CHECK(fixture.gateway->counts().done == 4);
}

TEST_CASE("a peer that names agents and proves nothing names nobody after a while") {
    GatewayLimits limits;
    limits.failures_at_once = 2;
    limits.failures_per_second = 0;
    GatewayFixture fixture(limits);
    // It knows the agent's name, and the gateway takes it for another than it expects: the handshake fails when keys were made.
    const auto somebody = *net::PeerIdentity::make();
    const auto mistaken = *net::PeerTlsClient::open(*fixture.agent.identity, somebody->fingerprint());
    for (int i = 0; i < 2; ++i) {
        CHECK(fixture.agent.reaches(task_protocol));
        CHECK_FALSE(mistaken->connect("127.0.0.1", fixture.gateway->port(), std::string(task_protocol), 10s));
        CHECK(fixture.await(&GatewayCounts::refused, static_cast<uint64_t>(i) + 1) == static_cast<uint64_t>(i) + 1);
    }
    CHECK_FALSE(fixture.agent.reaches(task_protocol));
}

TEST_CASE("noise costs a refusal") {
    GatewayFixture fixture;
    for (const std::string& noise : {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(1000, '\0'), std::string(1000, '\xff'),
                                     std::string("\x16\x03\x01\x40\x00", 5) + std::string(20'000, 'x')}) {
        auto stream = silent(*fixture.gateway);
        (void)stream.write_all(noise);
        CHECK(is_closed(stream));
    }
    CHECK(fixture.await(&GatewayCounts::refused, 4) == 4);
    CHECK(fixture.ask(0, "hello") == "0:hello");
}

TEST_CASE("a pace: so many at once, then so many a second, and never more at once than that") {
    const Pace::Time begin{};
    Pace pace(2, 10, begin);
    CHECK(pace.take(begin));
    CHECK(pace.take(begin));
    CHECK_FALSE(pace.take(begin));
    CHECK_FALSE(pace.has_any(begin + 99ms));
    CHECK(pace.take(begin + 100ms));
    CHECK_FALSE(pace.is_whole(begin + 200ms));
    CHECK(pace.is_whole(begin + 10s));
    CHECK(pace.take(begin + 10s));
    CHECK(pace.take(begin + 10s));
    CHECK_FALSE(pace.take(begin + 10s));
    CHECK_FALSE(pace.take(begin));  // a clock that goes back gives nothing
}
