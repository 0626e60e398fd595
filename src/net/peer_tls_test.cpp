#include "net/peer_tls.hpp"

#include <doctest/doctest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <future>
#include <thread>

using namespace std::chrono_literals;
using net::PeerTlsClient;
using net::PeerTlsServer;
using net::TlsSession;

namespace {

// A server that takes one connection, in a thread of its own.
struct Meeting {
    std::unique_ptr<net::PeerIdentity> server_identity = *net::PeerIdentity::make(), client_identity = *net::PeerIdentity::make();
    std::unique_ptr<PeerTlsServer> server = *PeerTlsServer::open(*server_identity, {"one", "two"});
    net::Listener listener = *net::Listener::open("127.0.0.1", 0);
    std::string expected = client_identity->fingerprint();  // by the server
    std::string names;                                      // that it was asked for
    base::Result<std::string> protocol = base::fail(base::Error("", ""));
    bool was_named = false;

    // What the server makes of the connection; an open stream if it is done.
    std::future<net::Stream> serve() {
        return std::async(std::launch::async, [this] {
            auto stream = *listener.accept();
            auto handshake = *server->begin(stream.number(), [this](const std::string& name) -> std::optional<std::string> {
                names += name;
                if (name != net::name_of_fingerprint(expected)) return std::nullopt;
                return expected;
            });
            for (;;) {
                const auto wants = handshake->go_on();
                was_named = handshake->is_named();
                if (!wants) {
                    protocol = base::fail(wants.error());
                    return net::Stream();
                }
                if (*wants == TlsSession::Wants::nothing) break;
                if (!stream.wait(net::Stream::For::reading, 5s).value_or(false)) return net::Stream();
            }
            protocol = handshake->protocol();
            stream.start_tls(handshake->take_session());
            return stream;
        });
    }
    base::Result<net::Stream> connect(const net::PeerIdentity& as, const std::string& to, const std::string& speaking = "one") {
        client = *PeerTlsClient::open(as, to);
        return client->connect("127.0.0.1", listener.port(), speaking, 5s);
    }
    std::unique_ptr<PeerTlsClient> client;
};

std::string all_of(net::Stream& stream) {
    std::string out, buffer(1000, '\0');
    stream.set_timeout(5s);
    for (;;) {
        const auto got = stream.read_some(buffer);
        if (!got) return out + "(" + got.error().code + ")";
        if (*got == 0) return out + "(end)";
        out.append(buffer, 0, *got);
    }
}

// Without our client: what another program may try.
struct Other {
    net::Stream stream;
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL* ssl = nullptr;
    // It says this agent's name, and has this identity or none.
    Other(const Meeting& meeting, const net::PeerIdentity* identity)
        : stream(*net::connect("127.0.0.1", meeting.listener.port(), 5s)) {
        if (identity != nullptr) REQUIRE(identity->show_in(context));
        SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
        ssl = SSL_new(context);
        SSL_set_fd(ssl, stream.number());
        SSL_set_connect_state(ssl);
        SSL_set_tlsext_host_name(ssl, net::name_of_fingerprint(meeting.expected).c_str());
        speak("\3one");
    }
    ~Other() {
        SSL_free(ssl);
        SSL_CTX_free(context);
    }
    void speak(std::string_view protocols) const {
        SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(protocols.data()),
                            static_cast<unsigned>(protocols.size()));
    }
    bool shakes_hands() {
        for (int i = 0; i < 50; ++i) {
            const int done = SSL_do_handshake(ssl);
            if (done == 1) return true;
            if (SSL_get_error(ssl, done) != SSL_ERROR_WANT_READ) return false;
            (void)stream.wait(net::Stream::For::reading, 5s);
        }
        return false;
    }
};

}  // namespace

TEST_CASE("two that expect each other talk TLS 1.3, about what they have agreed on") {
    Meeting meeting;
    auto served = meeting.serve();
    auto client = meeting.connect(*meeting.client_identity, meeting.server_identity->fingerprint(), "two");
    REQUIRE(client);
    auto server = served.get();
    REQUIRE(server.is_open());
    CHECK(client->tls()->version() == "TLSv1.3");
    CHECK(*meeting.protocol == "two");
    REQUIRE(client->write_all("to the server"));
    client->shutdown_write();
    CHECK(all_of(server) == "to the server(end)");
    REQUIRE(server.write_all("to the client"));  // its other half is open
    server.shutdown_write();
    CHECK(all_of(*client) == "to the client(end)");
}

TEST_CASE("whoever is not expected gets no connection") {
    Meeting meeting;
    const auto stranger = *net::PeerIdentity::make();
    SUBCASE("another agent: nothing is computed for it") {
        auto served = meeting.serve();
        auto client = meeting.connect(*stranger, meeting.server_identity->fingerprint());
        CHECK_FALSE(client);
        CHECK_FALSE(served.get().is_open());
        CHECK_FALSE(meeting.was_named);
    }
    SUBCASE("one that takes an agent's name and has another key") {
        auto served = meeting.serve();
        Other other(meeting, stranger.get());
        (void)other.shakes_hands();
        CHECK_FALSE(served.get().is_open());
        CHECK(meeting.was_named);
        CHECK_FALSE(meeting.protocol);
    }
    SUBCASE("one that takes an agent's name and has no certificate") {
        auto served = meeting.serve();
        Other other(meeting, nullptr);
        (void)other.shakes_hands();
        CHECK_FALSE(served.get().is_open());
        CHECK_FALSE(meeting.protocol);
    }
    SUBCASE("another server") {
        auto served = meeting.serve();
        auto client = meeting.connect(*meeting.client_identity, stranger->fingerprint());
        REQUIRE_FALSE(client);
        CHECK(client.error().code == "ConnectionClosed");
        CHECK_FALSE(served.get().is_open());
    }
}

TEST_CASE("an agent that speaks something else gets no connection") {
    Meeting meeting;
    auto served = meeting.serve();
    Other other(meeting, meeting.client_identity.get());
    bool is_right = false;
    SUBCASE("nothing else: the others fail for their own reasons") { is_right = true; }
    SUBCASE("TLS 1.2") { SSL_set_max_proto_version(other.ssl, TLS1_2_VERSION); }
    SUBCASE("another protocol") { other.speak("\5three"); }
    SUBCASE("two protocols") { other.speak("\3one\3two"); }
    SUBCASE("none") { other.speak(""); }
    CHECK((other.shakes_hands() || !is_right));
    CHECK(served.get().is_open() == is_right);
    CHECK(meeting.protocol.has_value() == is_right);
}

TEST_CASE("a connection that is cut off is an error, not an end") {
    Meeting meeting;
    auto served = meeting.serve();
    auto client = meeting.connect(*meeting.client_identity, meeting.server_identity->fingerprint());
    REQUIRE(client);
    auto server = served.get();
    REQUIRE(server.write_all("half of it"));
    ::shutdown(server.number(), SHUT_WR);  // without TLS's end
    CHECK(all_of(*client) == "half of it(ConnectionClosed)");
}

TEST_CASE("what was recorded of a connection opens no other") {
    // A relay in the middle records what the client sends, and says it again.
    Meeting meeting;
    auto middle = *net::Listener::open("127.0.0.1", 0);
    auto client = *PeerTlsClient::open(*meeting.client_identity, meeting.server_identity->fingerprint());
    auto served = meeting.serve();
    auto connected = std::async(std::launch::async, [&] { return client->connect("127.0.0.1", middle.port(), "one", 5s); });
    auto near = *middle.accept();
    auto far = *net::connect("127.0.0.1", meeting.listener.port(), 5s);
    std::string recorded, buffer(1 << 16, '\0');
    near.set_timeout(5s);
    far.set_timeout(5s);
    const auto pass = [&](net::Stream& from, net::Stream& to, std::string* record) {
        const auto got = from.read_some(buffer);
        REQUIRE(got);
        if (record != nullptr) record->append(buffer, 0, *got);
        REQUIRE(to.write_all(std::string_view(buffer).substr(0, *got)));
    };
    pass(near, far, &recorded);
    while (connected.wait_for(1ms) != std::future_status::ready)
        if (far.wait(net::Stream::For::reading, 20ms).value_or(false)) pass(far, near, nullptr);
    auto stream = connected.get();
    REQUIRE(stream);
    REQUIRE(stream->write_all("a request"));
    while (served.wait_for(1ms) != std::future_status::ready)
        if (near.wait(net::Stream::For::reading, 20ms).value_or(false)) pass(near, far, &recorded);
    auto server = served.get();
    REQUIRE(server.is_open());

    auto again = meeting.serve();
    auto attacker = *net::connect("127.0.0.1", meeting.listener.port(), 5s);
    REQUIRE(attacker.write_all(recorded));
    CHECK_FALSE(again.get().is_open());
    CHECK_FALSE(meeting.protocol);
}

TEST_CASE("a greeting has a length") {
    Meeting meeting;
    auto served = meeting.serve();
    auto stream = *net::connect("127.0.0.1", meeting.listener.port(), 5s);
    // A ClientHello of 100,000 bytes, in records.
    std::string record("\x16\x03\x01\x20\x00", 5);
    std::string first = record + std::string("\x01\x01\x86\xa0\x03\x03", 6) + std::string(0x2000 - 6, 'x');
    REQUIRE(stream.write_all(first));
    REQUIRE(stream.write_all(record + std::string(0x2000, 'x')));
    CHECK_FALSE(served.get().is_open());
    CHECK(meeting.protocol.error().message == "the peer's greeting is too long");
}

TEST_CASE("fingerprints are their keys' own, and name who has them") {
    const auto one = *net::PeerIdentity::make(), other = *net::PeerIdentity::make();
    CHECK(one->fingerprint().size() == net::fingerprint_bytes);
    CHECK(one->fingerprint() != other->fingerprint());
    CHECK(net::name_of_fingerprint(one->fingerprint()).size() == 32);
    CHECK(net::name_of_fingerprint(std::string("\x0f\xa0", 2)) == "0fa0");
}
