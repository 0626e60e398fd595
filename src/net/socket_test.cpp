#include "net/socket.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <chrono>
#include <thread>

#include "os/file.hpp"

namespace net {
namespace {

using namespace std::chrono_literals;

struct Pair {
    Listener listener = Listener::open("127.0.0.1", 0).value();
    Stream client = connect("127.0.0.1", listener.port(), 5s).value();
    Stream server = listener.accept().value();
};

std::string read(Stream& stream, size_t size) {
    std::string text(size, '\0');
    const auto got = stream.read_some(text);
    REQUIRE(got.has_value());
    text.resize(*got);
    return text;
}

}  // namespace

TEST_CASE(
    "a free port is found and told; what one end writes the other reads, whole; the end of one is zero bytes for the other") {
    Pair pair;
    CHECK(pair.listener.port() != 0);
    CHECK(pair.server.peer_address() == "127.0.0.1");
    REQUIRE(pair.client.write_all("head ", std::string_view("body")).has_value());
    std::string got;
    while (got.size() < 9) got += read(pair.server, 16);
    CHECK(got == "head body");
    pair.client.shutdown_write();
    CHECK(read(pair.server, 16).empty());
    // The other direction is still open.
    REQUIRE(pair.server.write_all("answer").has_value());
    CHECK(read(pair.client, 16) == "answer");
}

TEST_CASE("more than any buffer holds arrives whole, from memory and from a file") {
    Pair pair;
    const std::string large(8u << 20, 'x');
    os::Descriptor file(::memfd_create("large", 0));
    REQUIRE(os::write_all(file.number(), large, "large").has_value());
    ignore_broken_pipes();
    std::thread writer([&] {
        CHECK(pair.server.write_all(large).has_value());
        CHECK(pair.server.send_file(file.number(), 1u << 20, 1u << 20).has_value());
        pair.server.shutdown_write();
    });
    size_t total = 0;
    for (std::string part = read(pair.client, 1u << 16); !part.empty(); part = read(pair.client, 1u << 16)) total += part.size();
    writer.join();
    CHECK(total == (9u << 20));
}

TEST_CASE("a silent peer is a Timeout, a gone one ConnectionClosed; neither hangs nor kills the process") {
    Pair pair;
    pair.server.set_timeout(1s);
    std::string buffer(16, '\0');
    const auto begun = std::chrono::steady_clock::now();
    const auto silent = pair.server.read_some(buffer);
    REQUIRE_FALSE(silent.has_value());
    CHECK(silent.error().code == "Timeout");
    CHECK(std::chrono::steady_clock::now() - begun < 30s);
    const linger at_once{1, 0};
    REQUIRE(::setsockopt(pair.client.number(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    pair.client = Stream();
    base::Result<void> written;
    for (int i = 0; i < 100 && written; ++i) written = pair.server.write_all(std::string(1u << 16, 'x'));
    REQUIRE_FALSE(written.has_value());
    CHECK(written.error().code == "ConnectionClosed");
}

TEST_CASE("what cannot be listened on says why; a waiting accept can be woken") {
    CHECK(Listener::open("not an address", 0).error().code == "InvalidAddress");
    auto first = Listener::open("127.0.0.1", 0).value();
    CHECK(Listener::open("127.0.0.1", first.port()).error().code == "AddressInUse");
    std::thread waiting([&first] { CHECK_FALSE(first.accept().has_value()); });
    std::this_thread::sleep_for(20ms);
    first.wake();
    waiting.join();
    const auto nobody = connect("127.0.0.1", 1, 1s);
    CHECK_FALSE(nobody.has_value());
}

}  // namespace net
