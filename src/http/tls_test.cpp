// The server over TLS, and behind a proxy that names its clients.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "http/client.hpp"
#include "http/server.hpp"
#include "net/certificate.hpp"
#include "os/descriptor.hpp"
#include "os/file.hpp"
#include "temporary_folder.hpp"

namespace {

constexpr std::chrono::seconds patience{10};

struct OwnCertificate {
    TemporaryFolder folder;
    std::string authority = folder.path + "/ca.pem", certificate = folder.path + "/certificate.pem",
                key = folder.path + "/key.pem";
    OwnCertificate() {
        const net::MachineNames names = {"localhost", "127.0.0.1"};
        const auto ca = net::make_authority("test", names, 10).value();
        const auto made = net::make_certificate(ca, names, 10).value();
        REQUIRE(os::replace_file(authority, ca.certificate_pem));
        REQUIRE(os::replace_file(certificate, made.certificate_pem));
        REQUIRE(os::replace_file(key, made.key_pem));
        ::setenv("AWS_CA_BUNDLE", authority.c_str(), 1);
    }
    ~OwnCertificate() { ::unsetenv("AWS_CA_BUNDLE"); }
    [[nodiscard]] std::shared_ptr<net::TlsServer> server() const { return net::TlsServer::open(certificate, key).value(); }
};

std::string url(const http::Server& server, const std::string& path = "/") {
    return "https://127.0.0.1:" + std::to_string(server.port()) + path;
}

std::string raw(const http::Server& server, std::string_view bytes) {
    auto stream = net::connect("127.0.0.1", server.port(), patience).value();
    REQUIRE(stream.write_all(bytes));
    std::string out;
    char buffer[4096];
    while (true) {
        const auto got = stream.read_some(buffer);
        if (!got || *got == 0) return out;
        out.append(buffer, *got);
    }
}

http::Response echo(http::Request& request) {
    auto body = request.body->read_all(64u << 20);
    http::Response response{.status = body ? 200 : 400, .headers = {}, .body = body ? *body : body.error().code};
    response.headers.add("X-Secure", request.secure_transport ? "yes" : "no");
    response.headers.add("X-Peer", request.peer_address);
    return response;
}

}  // namespace

TEST_CASE("requests and answers travel unchanged over TLS, from memory and from files, and are known to be secure") {
    const OwnCertificate own;
    char path[] = "/tmp/tls_test_XXXXXX";
    const auto file = std::make_shared<os::Descriptor>(::mkstemp(path));
    ::unlink(path);
    std::string large(5'000'000, 'x');
    for (size_t i = 0; i < large.size(); i += 977) large[i] = static_cast<char>(i);
    REQUIRE(os::write_all(file->number(), large, "large"));
    const auto server =
        http::Server::start({.tls = own.server()}, [&](http::Request& request) {
            if (request.head.path != "/file") return echo(request);
            return http::Response{
                .status = 200,
                .headers = {},
                .body = http::FileRange{.owner = file, .descriptor = file->number(), .offset = 3, .length = large.size() - 3}};
        }).value();
    http::Client client;
    for (const auto& body : {std::string("hello"), std::string(), large, std::string(20'000, 'm')}) {
        const auto answer = client.send({.method = "PUT", .url = url(*server), .body = body});
        REQUIRE(answer);
        CHECK(answer->body == body);
        CHECK(answer->headers.get("X-Secure") == "yes");
    }
    const auto whole = client.send({.url = url(*server, "/file")});
    REQUIRE(whole);
    CHECK(whole->body == large.substr(3));
    CHECK(client.send({.method = "HEAD", .url = url(*server, "/file")})->headers.get("Content-Length") ==
          std::to_string(large.size() - 3));
}

TEST_CASE("many clients at once over TLS; one that reads slowly gets all") {
    const OwnCertificate own;
    const std::string large(8u << 20, 'l');
    const auto server = http::Server::start({.tls = own.server()}, [&](http::Request& request) {
                            if (request.head.path == "/large") return http::Response{.status = 200, .headers = {}, .body = large};
                            return echo(request);
                        }).value();
    std::vector<std::thread> clients;
    std::atomic<int> good = 0;
    for (int i = 0; i < 8; ++i)
        clients.emplace_back([&, i] {
            http::Client client;
            for (int j = 0; j < 20; ++j) {
                const std::string body(static_cast<size_t>(i * 1000 + j), 'b');
                const auto answer = client.send({.method = "PUT", .url = url(*server), .body = body});
                if (answer && answer->body == body) ++good;
            }
        });
    http::Client slow;
    size_t seen = 0;
    const auto read = slow.send({.url = url(*server, "/large"), .sink = [&](std::string_view part) -> base::Result<void> {
                                     if (seen == 0) std::this_thread::sleep_for(std::chrono::milliseconds(300));
                                     seen += part.size();
                                     return {};
                                 }});
    for (auto& one : clients) one.join();
    CHECK(read.has_value());
    CHECK(seen == large.size());
    CHECK(good == 160);
}

TEST_CASE("who speaks plain HTTP to a TLS port reads why; who says nothing, or nonsense, is closed") {
    const OwnCertificate own;
    const auto front = http::make_front({}).value();
    const auto server = http::Server::start(front, {.head_seconds_max = 1, .tls = own.server()},
                                            net::Listener::open("127.0.0.1", 0).value(), echo)
                            .value();
    CHECK(raw(*server, "GET / HTTP/1.1\r\nHost: h\r\n\r\n").starts_with("HTTP/1.1 400 "));
    CHECK(raw(*server, "GET / HTTP/1.1\r\nHost: h\r\n\r\n").find("this port speaks TLS: use https://") != std::string::npos);
    CHECK(raw(*server, "").empty());
    CHECK(raw(*server, "\x16").empty());
    CHECK(raw(*server, std::string("\x16\x03\x01\x00\x05hello", 10)).size() < 100);  // an alert at most
    CHECK(http::counters_of(*front).bad_handshakes >= 1);
    http::Client client;
    CHECK(client.send({.url = url(*server)})->status == 200);
    ::unsetenv("AWS_CA_BUNDLE");
    http::Client strict;
    const auto refused = strict.send({.url = url(*server)});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().describe().find("AWS_CA_BUNDLE") != std::string::npos);
}

TEST_CASE(
    "a proxy that is known names its client, byte by byte if it likes; without a header it is closed; others are taken as they "
    "are") {
    const std::string header("\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x07\x0a\x00\x00\x01\x12\x34\x01\xbb", 28);
    const std::string request = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    const auto behind = http::Server::start({.proxies = net::Networks::parse({"127.0.0.0/8"}).value()}, echo).value();
    CHECK(raw(*behind, header + request).find("X-Peer: 203.0.113.7\r\n") != std::string::npos);
    CHECK(raw(*behind, header + request).find("X-Secure: no\r\n") != std::string::npos);
    auto stream = net::connect("127.0.0.1", behind->port(), patience).value();
    for (const char c : header + request) REQUIRE(stream.write_all(std::string_view(&c, 1)));
    std::string answer(4096, '\0');
    CHECK(answer.substr(0, stream.read_some(answer).value_or(0)).find("X-Peer: 203.0.113.7\r\n") != std::string::npos);
    CHECK(raw(*behind, request).empty());
    std::string over_tls = header + std::string("\x20\x00\x05\x01\x00\x00\x00\x00", 8);
    over_tls[15] = 20;
    CHECK(raw(*behind, over_tls + request).find("X-Secure: yes\r\n") != std::string::npos);
    const auto open = http::Server::start({.proxies = net::Networks::parse({"10.0.0.0/8"}).value()}, echo).value();
    CHECK(raw(*open, request).find("X-Peer: 127.0.0.1\r\n") != std::string::npos);
    CHECK(raw(*open, header + request).starts_with("HTTP/1.1 400 "));
}
