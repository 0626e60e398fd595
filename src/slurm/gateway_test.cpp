#include "slurm/gateway.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <future>
#include <mutex>
#include <thread>

#include "slurm/sealed_stream.hpp"

using namespace slurm;
using training::WorkerEndpoints;

namespace {

// Answers every connection with the endpoint's number and what it read.
class EchoEndpoints final : public WorkerEndpoints::Opened {
public:
    ~EchoEndpoints() override {
        for (auto& thread : threads_) thread.join();
    }
    void take(WorkerEndpoints::Which which, net::Stream connection) override {
        const std::lock_guard lock(mutex_);
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
    std::vector<std::thread> threads_;
};

std::string all_of(net::Stream& stream) {
    std::string out, buffer(1 << 16, '\0');
    for (auto got = stream.read_some(buffer); got && *got > 0; got = stream.read_some(buffer)) out.append(buffer, 0, *got);
    return out;
}

struct GatewayFixture {
    crypto::SystemRandom random;
    std::string id = std::string(worker_id_bytes, 'i'), key = std::string(32, 'k');
    std::unique_ptr<Gateway> gateway = *Gateway::start(random);
    std::unique_ptr<RemoteEndpoints> remote_endpoints;
    std::vector<uint16_t> ports;

    explicit GatewayFixture(const std::string& agents_key = std::string(32, 'k')) {
        gateway->admit(id, key, std::make_shared<EchoEndpoints>());
        std::vector<net::Listener> listeners;
        for (int i = 0; i < 3; ++i) {
            listeners.push_back(*net::Listener::open("127.0.0.1", 0));
            ports.push_back(listeners.back().port());
        }
        remote_endpoints = RemoteEndpoints::open(std::move(listeners), {"127.0.0.1", gateway->port(), id, agents_key}, random);
    }
    std::string ask(size_t endpoint, const std::string& question) {
        auto stream = net::connect("127.0.0.1", ports[endpoint], std::chrono::seconds(10));
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
};

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

TEST_CASE("a worker that is dismissed, or has another key, gets nothing") {
    GatewayFixture fixture;
    fixture.gateway->dismiss(fixture.id);
    CHECK(fixture.ask(0, "hello").empty());
    GatewayFixture stranger(std::string(32, 'x'));
    CHECK(stranger.ask(0, "hello").empty());
}

TEST_CASE("dismissing a worker ends its connections") {
    GatewayFixture fixture;
    auto stream = net::connect("127.0.0.1", fixture.ports[0], std::chrono::seconds(10));
    REQUIRE(stream);
    std::string two(2, '\0');
    REQUIRE(stream->read_some(two));
    fixture.gateway->dismiss(fixture.id);
    CHECK(all_of(*stream).size() <= 1);  // the end, not a time-out
}

TEST_CASE("a frame that was changed, left out, or comes again is not read") {
    std::array<int, 2> pair{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0);
    net::Stream in(os::Descriptor(pair[0]), ""), out(os::Descriptor(pair[1]), "");
    in.set_timeout(std::chrono::seconds(5));
    const std::string key(32, 'k');
    FrameWriter writer(key);
    const auto frame = [&](std::string_view plain) {
        REQUIRE(writer.write(out, plain));
        return *read_exactly(in, 4 + plain.size() + crypto::Aead::tag_bytes);
    };
    const std::string first = frame("first"), second = frame("second");
    SUBCASE("in order") {
        FrameReader reader(key);
        REQUIRE(out.write_all(first + second));
        CHECK(*reader.read(in) == "first");
        CHECK(*reader.read(in) == "second");
    }
    SUBCASE("left out") {
        FrameReader reader(key);
        REQUIRE(out.write_all(second));
        CHECK_FALSE(reader.read(in));
    }
    SUBCASE("again") {
        FrameReader reader(key);
        REQUIRE(out.write_all(first + first));
        CHECK(reader.read(in));
        CHECK_FALSE(reader.read(in));
    }
    SUBCASE("changed") {
        FrameReader reader(key);
        std::string changed = first;
        changed[6] ^= 1;
        REQUIRE(out.write_all(changed));
        CHECK(reader.read(in).error().code == "InvalidSeal");
    }
    SUBCASE("longer than frames are") {
        for (const size_t size : {slurm::frame_plain_bytes_max, slurm::frame_plain_bytes_max + 1}) {
            std::string sealed;
            for (int shift = 24; shift >= 0; shift -= 8) sealed += static_cast<char>((size + crypto::Aead::tag_bytes) >> shift);
            crypto::Aead(key).seal(std::string(crypto::Aead::nonce_bytes, '\0'), "", std::string(size, 'x'), sealed);
            std::thread sending([&] { static_cast<void>(out.write_all(sealed)); });
            FrameReader reader(key);
            CHECK(reader.read(in).has_value() == (size == slurm::frame_plain_bytes_max));
            if (size > slurm::frame_plain_bytes_max) in.shutdown_both();  // what follows the head is not read
            sending.join();
        }
    }
    SUBCASE("another direction's") {
        const auto keys = connection_keys(key, "a", "b");
        CHECK(keys.to_agent != keys.to_gateway);
        CHECK(connection_keys(key, "a", "c").to_agent != keys.to_agent);
    }
    SUBCASE("an impossible length") {
        FrameReader reader(key);
        REQUIRE(out.write_all(std::string("\xff\xff\xff\xff", 4)));
        CHECK(reader.read(in).error().code == "InvalidSeal");
    }
    SUBCASE("cut") {
        FrameReader reader(key);
        REQUIRE(out.write_all(first.substr(0, 8)));
        out.shutdown_write();
        CHECK(reader.read(in).error().code == "ConnectionClosed");
    }
}
