#include "server/serve.hpp"

#include <doctest/doctest.h>
#include <signal.h>

#include "server/signals.hpp"

namespace server {

TEST_CASE("addresses to listen on: with and without an address, IPv6 in brackets; anything else says how to write it") {
    struct Case {
        const char* text;
        const char* address;
        uint16_t port;
    };
    for (const auto& [text, address, port] :
         {Case{"127.0.0.1:4566", "127.0.0.1", 4566}, Case{"[::1]:80", "::1", 80}, Case{":4566", "127.0.0.1", 4566},
          Case{"4566", "127.0.0.1", 4566}, Case{"0.0.0.0:0", "0.0.0.0", 0}, Case{"127.0.0.1:65535", "127.0.0.1", 65535}}) {
        const auto listen = parse_listen(text);
        REQUIRE_MESSAGE(listen.has_value(), text);
        CHECK(listen->address == address);
        CHECK(listen->port == port);
    }
    for (const char* text :
         {"", "localhost", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "::1:80", "127.0.0.1:-1", "80 "}) {
        const auto listen = parse_listen(text);
        REQUIRE_MESSAGE(!listen.has_value(), text);
        CHECK(listen.error().code == "InvalidListen");
        CHECK(listen.error().notes.size() == 1);
    }
}

TEST_CASE("SIGTERM and SIGINT are waited for, SIGPIPE does nothing, and the handlers go with the object") {
    for (const int number : {SIGTERM, SIGINT}) {
        StopSignals signals;
        ::raise(SIGPIPE);
        ::raise(number);
        CHECK(signals.wait(std::chrono::minutes(1)) == number);
    }
    struct sigaction after{};
    REQUIRE(::sigaction(SIGTERM, nullptr, &after) == 0);
    const bool restored = after.sa_handler == SIG_DFL;
    CHECK(restored);
}

}  // namespace server
