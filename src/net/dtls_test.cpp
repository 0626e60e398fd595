#include "net/dtls.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <deque>
#include <thread>

using net::DtlsContext;
using net::DtlsRecord;
using net::DtlsSession;

namespace {

// Two programs and what is on its way between them.
struct Pair {
    std::unique_ptr<net::PeerIdentity> client_identity = *net::PeerIdentity::make(), server_identity = *net::PeerIdentity::make();
    std::unique_ptr<DtlsContext> client_context = *DtlsContext::open(*client_identity),
                                 server_context = *DtlsContext::open(*server_identity);
    std::deque<std::string> to_server, to_client;
    std::unique_ptr<DtlsSession> client, server;
    std::string client_expects = server_identity->fingerprint(), server_expects = client_identity->fingerprint();
    std::vector<std::string> packets;

    void greet() {
        client = client_context->connect(client_expects, [this](std::string_view datagram) { to_server.emplace_back(datagram); });
        REQUIRE(client);
    }
    void to_the_server(const std::string& datagram) {
        const auto record = net::read_dtls_record(datagram);
        if (!server && record && !record->client_random.empty())
            server = server_context->accept(datagram, "address", server_expects,
                                            [this](std::string_view answer) { to_client.emplace_back(answer); });
        else if (server)
            server->take(datagram, packets);
    }
    // Until nothing is on its way.
    void settle() {
        while (!to_server.empty() || !to_client.empty()) {
            auto there = std::move(to_server), back = std::move(to_client);
            to_server.clear();
            to_client.clear();
            for (const auto& datagram : there) to_the_server(datagram);
            for (const auto& datagram : back) client->take(datagram, packets);
        }
    }
    void open() {
        greet();
        settle();
        REQUIRE(client->is_open());
        REQUIRE(server);
        REQUIRE(server->is_open());
    }
    std::string sealed(const std::string& packet) {
        REQUIRE(client->write(packet));
        REQUIRE(to_server.size() == 1);
        std::string out = to_server.front();
        to_server.clear();
        return out;
    }
    std::vector<std::string> opened(const std::string& datagram) {
        server->take(datagram, packets);
        return packets;
    }
};

using Packets = std::vector<std::string>;

}  // namespace

TEST_CASE("packets go both ways, a record each, and nobody else reads them") {
    Pair pair;
    pair.open();
    const std::string record = pair.sealed("gradients");
    CHECK(record.find("gradients") == std::string::npos);
    CHECK(record.size() == std::string_view("gradients").size() + net::dtls_overhead);
    CHECK(pair.opened(record) == Packets{"gradients"});
    REQUIRE(pair.server->write("back"));
    REQUIRE(pair.to_client.size() == 1);
    pair.client->take(pair.to_client.front(), pair.packets);
    CHECK(pair.packets == Packets{"back"});
    const std::string large(net::dtls_packet_bytes_max, 'x');
    CHECK(pair.opened(pair.sealed(large)) == Packets{large});
    CHECK(pair.client->records() == 2);
}

TEST_CASE("a record opens once, in the window, and changed or cut it does not open") {
    Pair pair;
    pair.open();
    std::vector<std::string> records;
    for (int i = 0; i < 100; ++i) records.push_back(pair.sealed(std::to_string(i)));
    CHECK(pair.opened(records[50]) == Packets{"50"});
    CHECK(pair.opened(records[50]).empty());
    CHECK(pair.opened(records[49]) == Packets{"49"});  // it was overtaken
    CHECK(pair.opened(records[99]) == Packets{"99"});
    CHECK(pair.opened(records[0]).empty());  // too old
    const std::string fresh = pair.sealed("fresh");
    for (size_t bit = 0; bit < fresh.size() * 8; ++bit) {
        std::string changed = fresh;
        changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
        CHECK(pair.opened(changed).empty());
    }
    for (size_t size = 0; size < fresh.size(); ++size) CHECK(pair.opened(fresh.substr(0, size)).empty());
    for (size_t size = 0; size < fresh.size() - 13; ++size) {  // whole, but too short: OpenSSL would end the session
        std::string cut = fresh.substr(0, 13 + size);
        cut[11] = 0;
        cut[12] = static_cast<char>(size);
        CHECK(pair.opened(cut).empty());
    }
    CHECK_FALSE(pair.server->is_over());  // strangers' datagrams end nothing
    CHECK(pair.opened(fresh) == Packets{"fresh"});
}

TEST_CASE("what one session has sealed opens in no other") {
    Pair one, other;
    one.open();
    other.open();
    CHECK(other.opened(one.sealed("gradients")).empty());
    CHECK(other.opened(other.sealed("mine")) == Packets{"mine"});
}

TEST_CASE("whoever has another key than expected gets no session") {
    Pair pair;
    const auto stranger = *net::PeerIdentity::make();
    SUBCASE("the client") { pair.server_expects = stranger->fingerprint(); }
    SUBCASE("the server") { pair.client_expects = stranger->fingerprint(); }
    SUBCASE("nobody is expected") { pair.server_expects = ""; }
    pair.greet();
    pair.settle();
    CHECK_FALSE((pair.server && pair.server->is_open()));
    CHECK_FALSE(pair.client->is_open());
}

TEST_CASE("a greeting without its address's cookie gets the cookie, which is less, and leaves nothing behind") {
    Pair pair;
    pair.greet();
    REQUIRE(pair.to_server.size() == 1);
    const std::string greeting = pair.to_server.front();
    pair.to_the_server(greeting);
    CHECK_FALSE(pair.server);
    REQUIRE(pair.to_client.size() == 1);
    CHECK(pair.to_client.front().size() < greeting.size());
    const std::string cookie = pair.to_client.front();
    pair.to_server.clear();
    pair.client->take(cookie, pair.packets);
    REQUIRE(pair.to_server.size() == 1);
    // The same, from another address.
    std::deque<std::string> answers;
    CHECK_FALSE(pair.server_context->accept(pair.to_server.front(), "elsewhere", pair.server_expects,
                                            [&](std::string_view answer) { answers.emplace_back(answer); }));
    CHECK(answers.size() == 1);
    pair.settle();
    REQUIRE(pair.server);
    CHECK(pair.server->is_open());
}

TEST_CASE("a handshake survives the loss of each of its datagrams") {
    for (int lost = 0; lost < 12; ++lost) {
        Pair pair;
        int number = 0;
        const auto send = [&](std::deque<std::string>& queue, std::string_view datagram) {
            if (number++ != lost) queue.emplace_back(datagram);
        };
        pair.client =
            pair.client_context->connect(pair.client_expects, [&](std::string_view datagram) { send(pair.to_server, datagram); });
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!(pair.client->is_open() && pair.server && pair.server->is_open())) {
            REQUIRE(std::chrono::steady_clock::now() < deadline);
            while (!pair.to_server.empty() || !pair.to_client.empty()) {
                auto there = std::move(pair.to_server), back = std::move(pair.to_client);
                pair.to_server.clear();
                pair.to_client.clear();
                for (const auto& datagram : there) {
                    if (pair.server || net::read_dtls_record(datagram)->client_random.empty()) {
                        pair.to_the_server(datagram);
                        continue;
                    }
                    pair.server = pair.server_context->accept(datagram, "address", pair.server_expects,
                                                              [&](std::string_view answer) { send(pair.to_client, answer); });
                }
                for (const auto& datagram : back) pair.client->take(datagram, pair.packets);
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            pair.client->tick();
            if (pair.server) pair.server->tick();
        }
        CAPTURE(lost);
        CHECK(number > lost - 6);
        CHECK_FALSE(pair.client->is_over());
    }
}

TEST_CASE("an end that was said ends the session; a stranger's alert does not") {
    Pair pair;
    pair.open();
    const std::string forged("\x15\xfe\xfd\0\0\0\0\0\0\0\x07\0\x02\x02\x28", 15);  // a fatal one, in the clear
    CHECK(pair.opened(forged).empty());
    CHECK_FALSE(pair.server->is_over());
    pair.client->say_goodbye();
    pair.settle();
    CHECK(pair.server->is_over());
    CHECK_FALSE(pair.server->write("x"));
}

TEST_CASE("the head of a record") {
    CHECK_FALSE(net::read_dtls_record(""));
    CHECK_FALSE(net::read_dtls_record(std::string(40, '\0')));
    const std::string sealed(24, 's');
    const std::string record = std::string("\x17\xfe\xfd\0\1\0\0\0\0\0\1\0\x18", 13) + sealed;
    REQUIRE(net::read_dtls_record(record));
    CHECK(net::read_dtls_record(record)->type == DtlsRecord::Type::data);
    CHECK(net::read_dtls_record(record)->epoch == 1);
    CHECK(net::read_dtls_record(record)->client_random.empty());
    CHECK(net::read_dtls_record(record + record));
    CHECK_FALSE(net::read_dtls_record(record + "x"));
    CHECK_FALSE(net::read_dtls_record(record.substr(0, record.size() - 1)));
    const auto with = [&](size_t at, char what) {
        std::string other = record;
        other[at] = what;
        return net::read_dtls_record(other).has_value() || net::read_dtls_record(record + other).has_value();
    };
    CHECK(with(0, '\x16'));
    CHECK_FALSE(with(0, '\x18'));
    CHECK_FALSE(with(1, 3));  // TLS
    CHECK_FALSE(with(3, 1));  // an epoch that there is not
    CHECK_FALSE(with(4, 2));
    CHECK_FALSE(with(12, '\x17'));  // too short for what is sealed
    CHECK_FALSE(with(12, '\x19'));
    std::string shorter = record.substr(0, record.size() - 1);
    shorter[12] = '\x17';
    CHECK_FALSE(net::read_dtls_record(shorter));
    shorter[4] = 0;
    CHECK(net::read_dtls_record(shorter));  // in the clear it may be
    Pair pair;
    pair.greet();
    const std::string greeting = pair.to_server.front();
    const auto hello = net::read_dtls_record(greeting);
    REQUIRE(hello);
    CHECK(hello->client_random.size() == 32);
    CHECK_FALSE(net::read_dtls_record(greeting.substr(0, 40)));
}
