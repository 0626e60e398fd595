// Many connections from one thread, plain or TLS: each sends its next request when it has the answer to the last one. The request is signed once
// (SigV4 holds for minutes), so that what is measured is the server.
//
//   server_load --port 4566 --mode sts|get --bucket B --key K --connections N --seconds S [--tls]
//
// Credentials from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Prints one JSON object: requests, failures, seconds, bytes, p50_us, p99_us.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "crypto/digest.hpp"
#include "wire/sigv4.hpp"

namespace {

using Clock = std::chrono::steady_clock;

struct Connection {
    int socket = -1;
    SSL* tls = nullptr;
    std::string head;      // of the answer, so far
    size_t body_left = 0;  // bytes of its body that are to come
    bool has_head = false;
    Clock::time_point began;
};

struct Tally {
    uint64_t requests = 0, failures = 0, bytes = 0;
    std::vector<uint32_t> micros;
};

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

std::string signed_request(uint16_t port, const std::string& mode, const std::string& bucket, const std::string& key) {
    http::RequestHead head{.method = "GET", .path = "/", .query = "", .headers = {}};
    if (mode == "sts")
        head.query = "Action=GetCallerIdentity&Version=2011-06-15";
    else
        head.path = "/" + bucket + "/" + key;
    head.headers.add("Host", "127.0.0.1:" + std::to_string(port));
    const char* id = std::getenv("AWS_ACCESS_KEY_ID");
    const char* secret = std::getenv("AWS_SECRET_ACCESS_KEY");
    if (id == nullptr || secret == nullptr) fail("AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY");
    wire::sign(head, {id, secret, ""}, "us-east-1", mode == "sts" ? "sts" : "s3", base::SystemClock().now(),
               crypto::hex(crypto::sha256("")));
    std::string out = "GET " + head.path + (head.query.empty() ? "" : "?" + head.query) + " HTTP/1.1\r\n";
    for (const auto& [name, value] : head.headers.fields()) out += name + ": " + value + "\r\n";
    return out + "\r\n";
}

// How many bytes: 0: the end; -1: none now.
ssize_t read_some(Connection& one, char* into, size_t size) {
    if (one.tls == nullptr) return ::recv(one.socket, into, size, 0);
    const int got = SSL_read(one.tls, into, static_cast<int>(size));
    return got > 0 ? got : SSL_get_error(one.tls, got) == SSL_ERROR_WANT_READ ? -1 : 0;
}

ssize_t write_some(Connection& one, const char* from, size_t size) {
    if (one.tls == nullptr) return ::send(one.socket, from, size, MSG_NOSIGNAL);
    return SSL_write(one.tls, from, static_cast<int>(size));
}

void connect(Connection& one, uint16_t port, SSL_CTX* context) {
    one.socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(one.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(one.socket, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) fail("connect");
    if (context != nullptr) {
        one.tls = SSL_new(context);
        SSL_set_fd(one.tls, one.socket);
        if (SSL_connect(one.tls) != 1) fail("handshake");
    }
    ::fcntl(one.socket, F_SETFL, O_NONBLOCK);
}

// The next request of a connection, whole: it is small.
void begin(Connection& one, const std::string& request) {
    one.head.clear();
    one.has_head = false;
    one.began = Clock::now();
    if (write_some(one, request.data(), request.size()) != static_cast<ssize_t>(request.size())) fail("write");
}

// True: the answer is there.
bool go_on(Connection& one, Tally& tally, std::vector<char>& buffer) {
    while (true) {
        const ssize_t got = read_some(one, buffer.data(), buffer.size());
        if (got < 0) return false;
        if (got == 0) fail("the server closed a connection");
        auto count = static_cast<size_t>(got);
        tally.bytes += count;
        if (!one.has_head) {
            one.head.append(buffer.data(), count);
            const auto end = one.head.find("\r\n\r\n");
            if (end == std::string::npos) continue;
            const auto length = one.head.find("Content-Length: ");
            one.body_left = length == std::string::npos ? 0 : std::strtoull(one.head.c_str() + length + 16, nullptr, 10);
            one.has_head = true;
            count = one.head.size() - end - 4;
            if (one.head.compare(9, 3, "200") != 0) ++tally.failures;
        }
        one.body_left -= std::min(one.body_left, count);
        if (one.body_left == 0) return true;
    }
}

}  // namespace

int main(int argc, char** argv) {
    uint16_t port = 4566;
    std::string mode = "sts", bucket = "bench", key = "small";
    size_t connections = 8;
    int seconds = 3;
    bool tls = false;
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        const std::string value = i + 1 < argc ? argv[i + 1] : "";
        if (name == "--tls") {
            tls = true;
            continue;
        }
        ++i;
        if (name == "--port") port = static_cast<uint16_t>(std::stoi(value));
        if (name == "--mode") mode = value;
        if (name == "--bucket") bucket = value;
        if (name == "--key") key = value;
        if (name == "--connections") connections = std::stoul(value);
        if (name == "--seconds") seconds = std::stoi(value);
    }
    SSL_CTX* context = tls ? SSL_CTX_new(TLS_client_method()) : nullptr;  // who is there is not looked at: it is this machine
    const std::string request = signed_request(port, mode, bucket, key);
    std::vector<std::unique_ptr<Connection>> all;
    const int poll = ::epoll_create1(0);
    for (size_t i = 0; i < connections; ++i) {
        auto& one = *all.emplace_back(std::make_unique<Connection>());
        connect(one, port, context);
        epoll_event event{.events = EPOLLIN, .data = {.ptr = &one}};
        if (::epoll_ctl(poll, EPOLL_CTL_ADD, one.socket, &event) != 0) fail("epoll");
    }
    Tally tally;
    std::vector<char> buffer(256 << 10);
    const auto start = Clock::now(), end = start + std::chrono::seconds(seconds);
    for (auto& one : all) begin(*one, request);
    std::vector<epoll_event> events(256);
    while (Clock::now() < end) {
        const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), 100);
        for (int i = 0; i < count; ++i) {
            auto& one = *static_cast<Connection*>(events[static_cast<size_t>(i)].data.ptr);
            if (!go_on(one, tally, buffer)) continue;
            ++tally.requests;
            tally.micros.push_back(
                static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - one.began).count()));
            begin(one, request);
        }
    }
    const double took = std::chrono::duration<double>(Clock::now() - start).count();
    std::ranges::sort(tally.micros);
    const auto percentile = [&](size_t of_hundred) {
        return tally.micros.empty() ? 0 : tally.micros[(tally.micros.size() - 1) * of_hundred / 100];
    };
    std::printf(R"({"requests":%llu,"failures":%llu,"seconds":%.3f,"bytes":%llu,"p50_us":%u,"p99_us":%u})"
                "\n",
                static_cast<unsigned long long>(tally.requests), static_cast<unsigned long long>(tally.failures), took,
                static_cast<unsigned long long>(tally.bytes), percentile(50), percentile(99));
    return tally.failures == 0 ? 0 : 1;
}
