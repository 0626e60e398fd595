// What many connections, and hostile ones, may cost: threads, places and others' requests.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <latch>
#include <thread>

#include "http/client.hpp"
#include "http/server.hpp"
#include "net/socket.hpp"
#include "temporary_folder.hpp"

namespace {

constexpr std::chrono::seconds patience{10};

struct Door {
    std::shared_ptr<http::Front> front;
    std::unique_ptr<http::Server> server;
    Door(http::FrontOptions front_options, http::ServerOptions options, http::Handler handler)
        : front(http::make_front(front_options).value()),
          server(http::Server::start(front, std::move(options), net::Listener::open("127.0.0.1", 0).value(), std::move(handler))
                     .value()) {}
    [[nodiscard]] net::Stream connect() const {
        auto stream = net::connect("127.0.0.1", server->port(), patience);
        REQUIRE(stream);
        return std::move(*stream);
    }
    [[nodiscard]] std::string url(const std::string& path = "/") const {
        return "http://127.0.0.1:" + std::to_string(server->port()) + path;
    }
    [[nodiscard]] int ask(const std::string& path = "/") const {
        http::Client client;
        const auto answer = client.send({.url = url(path), .timeout_seconds = 20});
        return answer ? answer->status : 0;
    }
    [[nodiscard]] const http::Counters& counters() const { return http::counters_of(*front); }
};

http::Response hello(http::Request& request) {
    auto body = request.body->read_all(64u << 20);
    return {.status = body ? 200 : 400, .headers = {}, .body = body ? std::string("hello") : body.error().code};
}

int threads_now() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
        if (int count = 0; word == "Threads:" && status >> count) return count;
    return 0;
}

// What comes until `end`, or the end.
std::string read_until(net::Stream& stream, std::string_view end) {
    std::string out;
    char buffer[65536];
    stream.set_timeout(patience);
    while (out.find(end) == std::string::npos) {
        const auto got = stream.read_some(buffer);
        if (!got || *got == 0) break;
        out.append(buffer, *got);
    }
    return out;
}

bool is_closed(net::Stream& stream) {
    char one = 0;
    stream.set_timeout(patience);
    const auto got = stream.read_some({&one, 1});
    return got ? *got == 0 : got.error().code == "ConnectionClosed";
}

void until(const auto& condition) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        REQUIRE(std::chrono::steady_clock::now() < end);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

}  // namespace

TEST_CASE("connections that are silent, idle or on their way to a head have no thread") {
    const Door door({.pool = {.requests_max = 8, .requests_per_peer_max = 8, .uploads_max = 8}}, {}, hello);
    CHECK(door.ask() == 200);
    const int before = threads_now();
    std::vector<net::Stream> streams;
    for (int i = 0; i < 300; ++i) {
        streams.push_back(door.connect());
        if (i % 3 == 1) REQUIRE(streams.back().write_all("GET / HT"));
        if (i % 3 == 2) {
            REQUIRE(streams.back().write_all(get));
            CHECK(read_until(streams.back(), "hello").ends_with("hello"));
        }
    }
    CHECK(threads_now() <= before + 8);
    for (int i = 0; i < 300; ++i) {
        REQUIRE(streams[static_cast<size_t>(i)].write_all(i % 3 == 1 ? get.substr(8) : get));
        CHECK(read_until(streams[static_cast<size_t>(i)], "hello").ends_with("hello"));
    }
}

TEST_CASE("what there is at a moment: connections, heads, requests in progress, requests that wait") {
    std::latch leave(1);
    const Door door({.pool = {.requests_max = 1, .requests_per_peer_max = 1}}, {.connections_max = 5},
                    [&](http::Request& request) {
                        leave.wait();
                        return hello(request);
                    });
    const auto load = [&] { return http::load_of(*door.front); };
    CHECK(load().connections == 0);
    std::vector<net::Stream> streams;
    for (int i = 0; i < 5; ++i) streams.push_back(door.connect());
    for (int i = 0; i < 3; ++i) REQUIRE(streams[static_cast<size_t>(i)].write_all(get));
    REQUIRE(streams[3].write_all("GET / HT"));
    until([&] { return load().pool.queued == 2 && load().head_memory_bytes > 0; });
    CHECK(load().connections == 5);
    CHECK(load().pool.running == 1);
    CHECK(load().pool.threads == 1);
    CHECK(load().pool.uploading == 0);
    // One that waits makes room for a new one.
    const auto sixth = door.connect();
    until([&] { return door.counters().made_room == 1; });
    CHECK(load().connections == 5);
    leave.count_down();
    until([&] { return load().pool.queued == 0 && load().pool.running == 0; });
    streams.clear();
    until([&] { return load().connections == 1 && load().head_memory_bytes == 0; });
    CHECK(door.counters().closed == door.counters().accepted - 1);
}

TEST_CASE("a peer past its connections loses the one that waited longest, never one that is served") {
    std::latch leave(1);
    const Door door({}, {.connections_per_peer_max = 3}, [&](http::Request& request) {
        if (request.head.path == "/wait") leave.wait();
        return hello(request);
    });
    auto busy = door.connect();
    REQUIRE(busy.write_all("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"));
    until([&] { return door.counters().requests == 1; });
    auto first = door.connect(), second = door.connect();
    until([&] { return door.counters().accepted == 3; });
    auto third = door.connect();
    REQUIRE(third.write_all(get));
    CHECK(read_until(third, "hello").ends_with("hello"));
    CHECK(is_closed(first));
    CHECK(door.counters().made_room == 1);
    REQUIRE(second.write_all(get));
    CHECK(read_until(second, "hello").ends_with("hello"));
    leave.count_down();
    CHECK(read_until(busy, "hello").ends_with("hello"));
}

TEST_CASE("where all connections of a server are busy a new one is turned away; where one waits it makes room") {
    std::latch leave(1);
    const Door door({}, {.connections_max = 3}, [&](http::Request& request) {
        if (request.head.path == "/wait") leave.wait();
        return hello(request);
    });
    std::vector<net::Stream> busy;
    const auto occupy = [&] {
        const auto before = door.counters().requests.load();
        busy.push_back(door.connect());
        REQUIRE(busy.back().write_all("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"));
        until([&] { return door.counters().requests == before + 1; });
    };
    occupy();
    auto idle = door.connect();
    until([&] { return door.counters().accepted == 2; });
    occupy();
    // The one that waits is the one that goes.
    CHECK(door.ask() == 200);
    CHECK(is_closed(idle));
    until([&] { return door.ask() == 200; });  // the one before may be busy with its end
    occupy();
    CHECK(door.ask() == 503);
    CHECK(door.counters().turned_away >= 1);
    leave.count_down();
    for (auto& one : busy) CHECK(read_until(one, "hello").ends_with("hello"));
}

TEST_CASE("a head that takes too long is told so, and a silent connection is closed") {
    const Door door({}, {.head_seconds_max = 1}, hello);
    auto silent = door.connect(), slow = door.connect();
    REQUIRE(slow.write_all("GET / HTTP/1.1\r\nHo"));
    CHECK(door.ask() == 200);
    CHECK(read_until(slow, "time\n").starts_with("HTTP/1.1 408 "));
    CHECK(is_closed(silent));
    CHECK(door.counters().late_heads == 1);
}

TEST_CASE("heads that are not whole share a memory: the oldest make room, and a peer has a part of it") {
    const Door door({.head_memory_bytes_max = 256 << 10}, {}, hello);
    std::vector<net::Stream> streams;
    for (int i = 0; i < 8; ++i) {  // 16 KiB each, of which this peer may have 64
        streams.push_back(door.connect());
        REQUIRE(streams.back().write_all("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(16000, 'x')));
    }
    CHECK(door.ask() == 200);
    until([&] { return door.counters().made_room >= 4; });
    CHECK(is_closed(streams.front()));
    REQUIRE(streams.back().write_all("\r\n\r\n"));
    CHECK(read_until(streams.back(), "hello").ends_with("hello"));
}

TEST_CASE("readers that do not read take no thread, and get all once they do") {
    const std::string large(12u << 20, 'l');
    const Door door({.pool = {.requests_max = 2, .requests_per_peer_max = 2, .uploads_max = 1}}, {}, [&](http::Request& request) {
        return request.head.path == "/large" ? http::Response{.status = 200, .headers = {}, .body = large} : hello(request);
    });
    std::vector<net::Stream> readers;
    for (int i = 0; i < 6; ++i) {
        readers.push_back(door.connect());
        REQUIRE(readers.back().write_all("GET /large HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    }
    until([&] { return door.counters().requests == 6; });
    for (int i = 0; i < 5; ++i) CHECK(door.ask() == 200);
    for (auto& reader : readers) {
        const auto all = read_until(reader, "never");
        CHECK(all.size() > large.size());
        CHECK(all.ends_with("lll"));
    }
}

TEST_CASE("a reader that takes nothing for too long is given up") {
    const Door door({}, {.answer_grace_seconds = 1}, [&](http::Request&) {
        return http::Response{.status = 200, .headers = {}, .body = std::string(64u << 20, 'l')};
    });
    auto reader = door.connect();
    REQUIRE(reader.write_all(get));
    until([&] { return door.counters().slow_readers == 1; });
    CHECK_FALSE(read_until(reader, "never").size() >= 64u << 20);
}

TEST_CASE("bodies that drip leave room for requests that came whole, and for small bodies behind their heads") {
    const Door door({.pool = {.requests_max = 3, .requests_per_peer_max = 3, .uploads_max = 2, .uploads_per_peer_max = 2}}, {},
                    hello);
    std::vector<net::Stream> drips;
    for (int i = 0; i < 8; ++i) {
        drips.push_back(door.connect());
        REQUIRE(drips.back().write_all("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nabc"));
    }
    until([&] { return door.counters().requests == 2; });
    for (int i = 0; i < 5; ++i) CHECK(door.ask() == 200);
    auto small = door.connect();
    REQUIRE(small.write_all("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"));
    REQUIRE(small.write_all("small"));
    CHECK(read_until(small, "hello").ends_with("hello"));
    CHECK(door.counters().requests == 2 + 5 + 1);
}

TEST_CASE("past the queue a request is told to come again; what costs nothing is answered even then") {
    std::latch leave(1);
    http::ServerOptions options;
    options.at_once = [](const http::RequestHead& head) {
        return head.path == "/alive" ? std::optional(http::Response{.status = 200, .headers = {}, .body = std::string("alive")})
                                     : std::nullopt;
    };
    options.overloaded = [](const http::RequestHead& head) {
        return http::Response{.status = 503, .headers = {}, .body = "slow down, " + head.path};
    };
    const Door door({.pool = {.requests_max = 1, .requests_per_peer_max = 1, .queue_per_peer_max = 1}}, options,
                    [&](http::Request& request) {
                        leave.wait();
                        return hello(request);
                    });
    auto first = door.connect();
    REQUIRE(first.write_all(get));
    until([&] { return door.counters().requests == 1; });
    auto second = door.connect();
    REQUIRE(second.write_all(get));
    http::Client client;
    std::optional<http::ClientResponse> refused;
    until([&] {  // the second is queued once the third is refused
        auto third = door.connect();
        REQUIRE(third.write_all("GET /third HTTP/1.1\r\nHost: h\r\n\r\n"));
        third.set_timeout(std::chrono::milliseconds(200));
        char buffer[4096];
        const auto got = third.read_some(buffer);
        if (got) CHECK(std::string_view(buffer, *got).ends_with("slow down, /third"));
        return got.has_value();
    });
    CHECK(door.counters().overloads == 1);
    CHECK(client.send({.url = door.url("/alive")})->body == "alive");
    leave.count_down();
    CHECK(read_until(first, "hello").ends_with("hello"));
    CHECK(read_until(second, "hello").ends_with("hello"));
}

TEST_CASE("one worker's requests wait behind its own; those of another worker, and of the port, are served") {
    std::latch leave(1);
    std::atomic<int> inside = 0;
    const auto stay = [&](http::Request& request) {
        ++inside;
        leave.wait();
        return hello(request);
    };
    const auto front = http::make_front({.pool = {.requests_max = 6, .requests_per_peer_max = 4}}).value();
    const auto start = [&](std::string peer, http::Handler handler) {
        return http::Server::start(front, {.peer_group = std::move(peer)}, net::Listener::open("127.0.0.1", 0).value(),
                                   std::move(handler))
            .value();
    };
    const auto flooding = start("worker 1", stay), working = start("worker 2", hello), port = start("", hello);
    std::vector<net::Stream> flood;
    for (int i = 0; i < 40; ++i) {
        flood.push_back(net::connect("127.0.0.1", flooding->port(), patience).value());
        REQUIRE(flood.back().write_all(get));
    }
    until([&] { return inside == 4; });
    for (const auto& other : {&working, &port}) {
        auto one = net::connect("127.0.0.1", (*other)->port(), patience).value();
        for (int i = 0; i < 50; ++i) {
            REQUIRE(one.write_all(get));
            CHECK(read_until(one, "hello").ends_with("hello"));
        }
    }
    CHECK(inside == 4);
    leave.count_down();
    for (auto& one : flood) CHECK(read_until(one, "hello").ends_with("hello"));
}

TEST_CASE("servers of one front end one by one") {
    const auto front = http::make_front({}).value();
    const auto start = [&] { return http::Server::start(front, {}, net::Listener::open("127.0.0.1", 0).value(), hello).value(); };
    auto one = start();
    const auto other = start();
    auto idle = net::connect("127.0.0.1", one->port(), patience).value();
    REQUIRE(idle.write_all(get));
    CHECK(read_until(idle, "hello").ends_with("hello"));
    auto elsewhere = net::connect("127.0.0.1", other->port(), patience).value();
    const uint16_t port = one->port();
    one.reset();
    CHECK(is_closed(idle));
    CHECK(net::connect("127.0.0.1", port, patience).error().code == "ConnectionRefused");
    REQUIRE(elsewhere.write_all(get));
    CHECK(read_until(elsewhere, "hello").ends_with("hello"));
}

TEST_CASE(
    "a Unix socket is for this user alone, whatever the length of its folder's name; its peers have the address that they are "
    "given") {
    const TemporaryFolder folder;
    const std::string long_folder = folder.path + "/" + std::string(200, 'f');
    REQUIRE(::mkdir(long_folder.c_str(), 0700) == 0);
    const std::string path = long_folder + "/socket";
    for (int i = 0; i < 2; ++i) {  // what a server that was killed left is replaced
        auto server = http::Server::start(http::make_front({}).value(), {.peer_address = "127.0.0.1", .secure_transport = true},
                                          net::Listener::open_unix(path).value(), [](http::Request& request) {
                                              return http::Response{.status = request.secure_transport ? 200 : 400,
                                                                    .headers = {},
                                                                    .body = request.peer_address};
                                          });
        REQUIRE(server);
        struct stat status{};
        REQUIRE(::stat(path.c_str(), &status) == 0);
        CHECK((status.st_mode & 0777) == 0600);
        http::Client client;
        const auto answer = client.send({.url = "http://h/", .socket = path});
        REQUIRE(answer);
        CHECK(answer->status == 200);
        CHECK(answer->body == "127.0.0.1");
    }
}

TEST_CASE("where uploads wait for a turn, one that drips gives its turn back") {
    const Door door({.pool = {.uploads_max = 1, .uploads_per_peer_max = 1}}, {.crowded_grace_seconds = 1, .peer_group = "slow"},
                    hello);
    const auto others =
        http::Server::start(door.front, {.peer_group = "others"}, net::Listener::open("127.0.0.1", 0).value(), hello);
    REQUIRE(others);
    auto dripping = door.connect();
    REQUIRE(dripping.write_all("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"));
    std::atomic<bool> over = false;
    std::thread dripper([&] {
        while (!over && dripping.write_all(std::string(100, 'x'))) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    });
    while (http::load_of(*door.front).pool.uploading == 0) std::this_thread::yield();
    auto other = net::connect("127.0.0.1", (*others)->port(), patience);
    REQUIRE(other);
    REQUIRE(other->write_all("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"));
    while (http::load_of(*door.front).pool.queued == 0) std::this_thread::yield();
    REQUIRE(other->write_all(std::string(100'000, 'b')));
    CHECK(read_until(*other, "hello").ends_with("hello"));
    CHECK(door.counters().slow_bodies == 1);
    over = true;
    dripping.shutdown_both();
    dripper.join();
}

TEST_CASE("an answer that nobody reads makes room, as a silent connection does") {
    const std::string large(8 << 20, 'l');
    const Door door({}, {.connections_max = 3, .crowded_grace_seconds = 1},
                    [&](http::Request&) { return http::Response{.status = 200, .headers = {}, .body = large}; });
    std::vector<net::Stream> unread;
    for (int i = 0; i < 3; ++i) {
        unread.push_back(door.connect());
        REQUIRE(unread.back().write_all("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    }
    while (door.counters().requests < 3 || http::load_of(*door.front).pool.running > 0) std::this_thread::yield();
    CHECK(door.ask() == 503);
    int status = 503;
    for (int i = 0; i < 100 && status != 200; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        status = door.ask();
    }
    CHECK(status == 200);
}
