// The server and the client against each other, and the server against raw sockets that misbehave.
#include "http/server.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <latch>
#include <thread>

#include "http/client.hpp"
#include "net/socket.hpp"
#include "os/descriptor.hpp"

using base::fail;

namespace {

std::unique_ptr<http::Server> serve(http::Handler handler, http::ServerOptions options = {.io_seconds_max = 5}) {
    auto server = http::Server::start(options, std::move(handler));
    REQUIRE(server);
    return std::move(*server);
}

http::Response echo(http::Request& request) {
    auto body = request.body->read_all(64u << 20);
    http::Response response;
    if (!body) {
        response.status = 400;
        response.body = body.error().code;
        return response;
    }
    response.headers.add("X-Method", request.head.method);
    response.headers.add("X-Path", request.head.path + "?" + request.head.query);
    response.body = std::move(*body);
    return response;
}

std::string url(const http::Server& server, const std::string& rest = "/") {
    return "http://127.0.0.1:" + std::to_string(server.port()) + rest;
}

// Sends bytes as they are, reads until the server closes.
std::string raw(const http::Server& server, std::string_view bytes, bool end_of_file = false) {
    auto stream = net::connect("127.0.0.1", server.port(), std::chrono::seconds(10));
    REQUIRE(stream);
    REQUIRE(stream->write_all(bytes));
    if (end_of_file) stream->shutdown_write();
    std::string out;
    char buffer[4096];
    while (true) {
        const auto got = stream->read_some(buffer);
        if (!got || *got == 0) return out;
        out.append(buffer, *got);
    }
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

TEST_CASE("requests and answers travel unchanged") {
    const auto server = serve(echo);
    http::Client client;
    std::string large(3'000'000, 'x');
    for (size_t i = 0; i < large.size(); i += 977) large[i] = static_cast<char>(i);
    for (const auto& body : {std::string("hello"), std::string(), large}) {
        http::ClientRequest request{.method = "PUT", .url = url(*server, "/a/../b%2F?q=1"), .body = body};
        const auto answer = client.send(request);
        REQUIRE(answer);
        CHECK(answer->status == 200);
        CHECK(answer->body == body);
        CHECK(answer->headers.get("x-method") == "PUT");
        CHECK(answer->headers.get("x-path") == "/a/../b%2F?q=1");
        CHECK(answer->headers.find("Date"));
    }
}

TEST_CASE("a file is sent, and a part of a file is answered, without being read here") {
    char path[] = "/tmp/http_test_XXXXXX";
    const auto file = std::make_shared<os::Descriptor>(::mkstemp(path));
    const std::string content = "0123456789abcdef";
    REQUIRE(::write(file->number(), content.data(), content.size()) == 16);
    const auto server = serve([&](http::Request& request) {
        if (request.head.method == "PUT") return echo(request);
        http::Response response;
        const http::FileRange range{.owner = file, .descriptor = file->number(), .offset = 4, .length = 6};
        if (request.head.path == "/two")
            response.body =
                std::vector{range, http::FileRange{.owner = file, .descriptor = file->number(), .offset = 0, .length = 2}};
        else
            response.body = range;
        return response;
    });
    http::Client client;
    CHECK(client.send({.url = url(*server)})->body == "456789");
    CHECK(client.send({.url = url(*server, "/two")})->body == "45678901");
    const auto head = client.send({.method = "HEAD", .url = url(*server)});
    REQUIRE(head);
    CHECK(head->body.empty());
    CHECK(head->headers.get("Content-Length") == "6");
    CHECK(client.send({.method = "PUT", .url = url(*server), .body_file = path})->body == content);
    CHECK(client.send({.method = "PUT", .url = url(*server), .body_file = "/no/such/file"}).error().code == "FileNotReadable");
    ::unlink(path);
}

TEST_CASE("a sink gets the body of a good answer, and may refuse it") {
    const auto server = serve([](http::Request& request) {
        http::Response response;
        response.status = request.head.path == "/bad" ? 404 : 200;
        response.body = std::string(100'000, 'y');
        return response;
    });
    http::Client client;
    std::string seen;
    const auto sink = [&](std::string_view part) -> base::Result<void> {
        seen += part;
        return {};
    };
    const auto good = client.send({.url = url(*server), .sink = sink});
    REQUIRE(good);
    CHECK(good->body.empty());
    CHECK(seen.size() == 100'000);
    const auto bad = client.send({.url = url(*server, "/bad"), .sink = sink});
    REQUIRE(bad);
    CHECK(bad->body.size() == 100'000);
    CHECK(seen.size() == 100'000);
    const auto refused = client.send(
        {.url = url(*server), .sink = [](std::string_view) -> base::Result<void> { return fail("DiskFull", "no room"); }});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == "DiskFull");
}

TEST_CASE("nobody there is an error that names the host") {
    uint16_t port = 0;
    {
        const auto server = serve(echo);
        port = server->port();
    }
    http::Client client;
    const auto answer = client.send({.url = "http://127.0.0.1:" + std::to_string(port) + "/x"});
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == "ConnectionError");
    CHECK(contains(answer.error().message, "http://127.0.0.1:" + std::to_string(port)));
}

TEST_CASE("a second server on the same port is told so") {
    const auto server = serve(echo);
    const auto second = http::Server::start({.port = server->port()}, echo);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == "AddressInUse");
}

TEST_CASE("pipelined and chunked requests on one connection") {
    const auto server = serve(echo);
    const auto answers = raw(*server,
                             "PUT /1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                             "PUT /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nConnection: close\r\n\r\nde");
    CHECK(contains(answers, "X-Path: /1?"));
    CHECK(contains(answers, "\r\n\r\nabcHTTP/1.1 200 OK"));
    CHECK(answers.ends_with("\r\n\r\nde"));
}

TEST_CASE("where an answer ends, and the next request begins") {
    const auto server = serve([](http::Request& request) {
        if (request.head.path != "/unread") return echo(request);
        http::Response response;
        response.body = std::string("unread");
        return response;
    });
    const std::string last = " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    CHECK(contains(raw(*server, "GET /last" + last), "\r\nConnection: close\r\n"));
    // The body that nobody read is not a request.
    const std::string inner = "GET /inner HTTP/1.1\r\nHost: h\r\n\r\n";
    const auto answers = raw(*server, "PUT /unread HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(inner.size()) +
                                          "\r\n\r\n" + inner + "GET /last" + last);
    CHECK(contains(answers, "unreadHTTP/1.1 200 OK"));
    CHECK(contains(answers, "X-Path: /last?"));
    CHECK_FALSE(contains(answers, "/inner"));
    const auto head = raw(*server, "HEAD /unread" + last);
    CHECK(contains(head, "Content-Length: 6\r\n"));
    CHECK(head.ends_with("\r\n\r\n"));
}

TEST_CASE("100 Continue is sent only when somebody reads the body") {
    const auto server = serve([](http::Request& request) {
        if (request.head.path == "/read") return echo(request);
        http::Response response;
        response.status = 403;
        return response;
    });
    const std::string head = " HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";
    CHECK(raw(*server, "PUT /read" + head + "ab").ends_with("\r\n\r\nab"));  // sent at once: no 100 needed
    const auto refused = raw(*server, "PUT /refused" + head, true);
    CHECK(refused.starts_with("HTTP/1.1 403 "));
    CHECK_FALSE(contains(refused, "100 Continue"));

    auto stream = net::connect("127.0.0.1", server->port(), std::chrono::seconds(10));
    REQUIRE(stream);
    REQUIRE(stream->write_all("PUT /read" + head));
    char buffer[256];
    const auto got = stream->read_some(buffer);
    REQUIRE(got);
    CHECK(std::string_view(buffer, *got) == "HTTP/1.1 100 Continue\r\n\r\n");
}

TEST_CASE("bad requests get their status and the connection ends") {
    const auto server = serve(echo);
    CHECK(
        raw(*server, "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n").starts_with("HTTP/1.1 400 "));
    CHECK(raw(*server, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
    CHECK(raw(*server, "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(100'000, 'a')).starts_with("HTTP/1.1 431 "));
    CHECK(raw(*server, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc", true).ends_with("IncompleteBody"));
    CHECK(raw(*server, "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").empty() == false);
    CHECK(raw(*server, "", true).empty());
}

TEST_CASE("requests that no handler sees are told of, once each") {
    std::mutex mutex;
    std::vector<http::UnreadRequest> unread;
    http::ServerOptions options;
    options.on_unread = [&](const http::UnreadRequest& one) {
        const std::lock_guard lock(mutex);
        unread.push_back(one);
    };
    const auto server = http::Server::start(options, echo).value();
    (void)raw(*server, "nonsense\r\n\r\n");
    (void)raw(*server, "GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: \x7f\r\n\r\n");
    (void)raw(*server, "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(100'000, 'a'));
    (void)raw(*server, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::lock_guard lock(mutex);
    REQUIRE(unread.size() == 3);
    CHECK(unread[0].status == 400);
    CHECK(unread[1].status == 400);
    CHECK(unread[2].status == 431);
    CHECK(unread[0].peer_address.starts_with("127.0.0.1"));
}

TEST_CASE("an answer ahead of a large unread body still arrives") {
    const auto server = serve([](http::Request&) {
        http::Response response;
        response.status = 403;
        response.body = "no";
        return response;
    });
    http::Client client;
    const auto answer = client.send({.method = "PUT", .url = url(*server), .body = std::string(20'000'000, 'z')});
    REQUIRE(answer);
    CHECK(answer->status == 403);
    CHECK(answer->body == "no");
}

TEST_CASE("connections past the limit are turned away with 503") {
    std::latch inside(2), leave(1);
    const auto server = serve(
        [&](http::Request& request) {
            inside.count_down();
            leave.wait();
            return echo(request);
        },
        {.connections_max = 2});
    std::vector<std::thread> clients;
    for (int i = 0; i < 2; ++i)
        clients.emplace_back([&] {
            http::Client client;
            const auto answer = client.send({.url = url(*server)});
            CHECK(answer->status == 200);
        });
    inside.wait();
    http::Client third;
    const auto answer = third.send({.url = url(*server)});
    leave.count_down();
    for (auto& thread : clients) thread.join();
    REQUIRE(answer);
    CHECK(answer->status == 503);
}

TEST_CASE("stop lets a request in progress finish and closes idle connections") {
    std::latch inside(1), leave(1);
    const auto server = serve([&](http::Request& request) {
        if (request.head.path == "/slow") {
            inside.count_down();
            leave.wait();
        }
        return echo(request);
    });
    http::Client idle;
    REQUIRE(idle.send({.url = url(*server)}));
    std::thread slow([&] {
        http::Client client;
        const auto answer = client.send({.method = "PUT", .url = url(*server, "/slow"), .body = "kept"});
        REQUIRE(answer);
        CHECK(answer->body == "kept");
    });
    inside.wait();
    std::thread stopper([&] { server->stop(30); });
    leave.count_down();
    stopper.join();
    slow.join();
    CHECK_FALSE(idle.send({.url = url(*server)}).has_value());
}

TEST_CASE("a handler that throws is a 500, and the server lives on") {
    const auto server = serve([](http::Request& request) -> http::Response {
        if (request.head.path == "/throw") throw std::runtime_error("a mistake");
        return echo(request);
    });
    http::Client client;
    CHECK(client.send({.url = url(*server, "/throw")})->status == 500);
    CHECK(client.send({.url = url(*server)})->status == 200);
    const auto ended =
        raw(*server, "GET /throw HTTP/1.1\r\nHost: h\r\n\r\nGET /next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    CHECK(contains(ended, "\r\nConnection: close\r\n"));
    CHECK_FALSE(contains(ended, "/next"));
}

TEST_CASE("TLS on the plain port gets a sentence that says so") {
    const auto server = serve(echo);
    const auto answer = raw(*server, std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(506, 'r'));
    CHECK(answer.starts_with("HTTP/1.1 400 "));
    CHECK(contains(answer, "this port speaks plain HTTP, not TLS: use http://"));
    http::Client client;
    const auto refused = client.send({.url = "https" + url(*server).substr(4)});
    REQUIRE_FALSE(refused);
    CHECK(contains(
        refused.error().describe(),
        "does it speak TLS there? without --tls `trainwarden serve` speaks plain HTTP: its endpoint is http://127.0.0.1:"));
}

TEST_CASE("an announced body takes memory as it comes, and all bodies together take what there is") {
    std::atomic<int> waiting = 0;
    const auto server = serve(
        [&](http::Request& request) {
            ++waiting;
            auto response = echo(request);
            --waiting;
            return response;
        },
        {.io_seconds_max = 5, .body_memory_bytes_max = 256 * 1024});
    std::vector<net::Stream> streams;
    for (int i = 0; i < 8; ++i) {  // 32 MB announced, of which a few bytes come
        auto stream = net::connect("127.0.0.1", server->port(), std::chrono::seconds(10));
        REQUIRE(stream);
        REQUIRE(stream->write_all("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 4194304\r\n\r\nabc"));
        streams.push_back(std::move(*stream));
    }
    while (waiting < 8) std::this_thread::yield();
    const std::string small(50'000, 's');
    http::Client client;
    CHECK(client.send({.method = "PUT", .url = url(*server), .body = small})->body == small);
    CHECK(client.send({.method = "PUT", .url = url(*server), .body = std::string(400'000, 'l')})->body == "ServiceUnavailable");
    streams.clear();
    while (waiting > 0) std::this_thread::yield();
    // What they held is there again.
    const std::string middle(120'000, 'm');
    for (int i = 0; i < 3; ++i) CHECK(client.send({.method = "PUT", .url = url(*server), .body = middle})->body == middle);
}

TEST_CASE("what is made of a body counts as its memory, of each peer and of all") {
    const auto server = serve(
        [](http::Request& request) {
            const size_t wanted = std::stoul(request.head.headers.get("X-Wanted"));
            const auto got = request.body->reserve(wanted);
            return http::Response{.status = 200, .headers = {}, .body = got ? std::string("reserved") : got.error().code};
        },
        {.body_memory_bytes_max = 1'000'000, .body_memory_bytes_per_peer_max = 400'000});
    const auto ask = [&](const char* wanted) {
        http::Client client;
        http::ClientRequest request{.method = "POST", .url = url(*server)};
        request.headers.add("X-Wanted", wanted);
        return client.send(request)->body;
    };
    // Given back each time.
    for (int i = 0; i < 5; ++i) CHECK(ask("400000") == "reserved");
    CHECK(ask("400001") == "EntityTooLarge");  // asking again would not help
}

TEST_CASE("a body that drips is not waited for, one that a handler takes its time over is") {
    const auto server = serve(echo, {.io_seconds_max = 5, .body_grace_seconds = 1, .body_bytes_per_second_min = 100});
    auto stream = net::connect("127.0.0.1", server->port(), std::chrono::seconds(10));
    REQUIRE(stream);
    REQUIRE(stream->write_all("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n"));
    const auto began = std::chrono::steady_clock::now();
    std::thread dripper([&] {
        for (int i = 0; i < 100 && stream->write_all("x"); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    });
    std::string answer(4096, '\0');
    const auto got = stream->read_some(answer);
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(4));
    stream->shutdown_both();
    dripper.join();
    REQUIRE(got);
    CHECK(contains(answer, "RequestTimeout"));
    const auto slow = serve(
        [](http::Request& request) {
            std::string out;
            char part[256];
            while (true) {
                std::this_thread::sleep_for(std::chrono::milliseconds(300));
                const auto size = request.body->read(part);
                if (!size || *size == 0) return http::Response{.body = size ? out : size.error().code};
                out.append(part, *size);
            }
        },
        {.io_seconds_max = 5, .body_grace_seconds = 1, .body_bytes_per_second_min = 100'000});
    http::Client client;
    const std::string body(2000, 'b');
    CHECK(client.send({.method = "PUT", .url = url(*slow), .body = body})->body == body);
}
