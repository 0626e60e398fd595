#include "slurm/relay.hpp"

#include <doctest/doctest.h>
#include <pthread.h>
#include <sys/socket.h>

#include <chrono>
#include <ctime>
#include <thread>

using namespace std::chrono_literals;

namespace {

struct Ends {
    net::Stream near, far;
};

Ends connected() {
    auto listener = *net::Listener::open("127.0.0.1", 0);
    auto far = *net::connect("127.0.0.1", listener.port(), 5s);
    auto near = *listener.accept();
    far.set_timeout(5s);
    return {std::move(near), std::move(far)};
}

std::string all_of(net::Stream& stream) {
    std::string out, buffer(1000, '\0');
    for (;;) {
        const auto got = stream.read_some(buffer);
        if (!got) return out + "(" + got.error().code + ")";
        if (*got == 0) return out + "(end)";
        out.append(buffer, 0, *got);
    }
}

}  // namespace

TEST_CASE("a relay carries both ways, and one end at a time") {
    auto plain = connected(), secured = connected();
    std::thread relaying([&] { slurm::relay(plain.near, secured.near); });
    REQUIRE(plain.far.write_all("question"));
    plain.far.shutdown_write();
    CHECK(all_of(secured.far) == "question(end)");
    REQUIRE(secured.far.write_all("answer"));
    secured.far.shutdown_write();
    CHECK(all_of(plain.far) == "answer(end)");
    relaying.join();
}

TEST_CASE("a side that breaks off breaks off the other") {
    auto plain = connected(), secured = connected();
    std::thread relaying([&] {
        slurm::relay(plain.near, secured.near);
        plain.near = net::Stream();
    });
    REQUIRE(secured.far.write_all("half"));
    std::string half(4, '\0');
    REQUIRE(plain.far.read_some(half));
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    REQUIRE(::setsockopt(secured.far.number(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    secured.far = net::Stream();  // a reset: no end was said
    relaying.join();
    CHECK(all_of(plain.far) == "(ConnectionClosed)");
}

TEST_CASE("a relay waits for a slow reader without turning, also when the other side is gone") {
    auto plain = connected(), secured = connected();
    const int small = 4096;
    REQUIRE(::setsockopt(plain.near.number(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
    REQUIRE(::setsockopt(plain.far.number(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
    std::thread relaying([&] { slurm::relay(plain.near, secured.near); });
    plain.far.shutdown_write();
    CHECK(all_of(secured.far) == "(end)");
    const std::string large(100 << 10, 'x');  // fits between `secured`'s ends
    REQUIRE(secured.far.write_all(large));
    secured.far.shutdown_both();
    clockid_t clock{};
    REQUIRE(::pthread_getcpuclockid(relaying.native_handle(), &clock) == 0);
    const auto used = [&] {  // of a processor, not of the day
        timespec now{};
        REQUIRE(::clock_gettime(clock, &now) == 0);
        return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
    };
    std::this_thread::sleep_for(100ms);
    const auto before = used();
    std::this_thread::sleep_for(300ms);
    CHECK(used() - before < 50ms);
    CHECK(all_of(plain.far) == large + "(end)");
    relaying.join();
}

TEST_CASE("a relay ends when its plain side is closed under it, whatever the other does") {
    auto plain = connected(), secured = connected();
    std::thread relaying([&] { slurm::relay(plain.near, secured.near); });
    plain.near.shutdown_both();
    relaying.join();
    CHECK(all_of(secured.far) == "(end)");
}
