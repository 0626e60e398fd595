// Objects put and got on many connections: each sends its next request when it has the answer to the last one. Requests are signed before the time
// begins (SigV4, with the SHA-256 of their bodies, as SDKs send them in the clear), so that what is measured is the server.
//
//   s3_load --port 4566 --mode put|get --bytes 114688 --connections N --seconds S [--keys 256]
//
// A put goes round over `keys` keys a connection. Credentials from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Prints one JSON object.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "crypto/digest.hpp"
#include "wire/sigv4.hpp"

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

struct Options {
    uint16_t port = 4566;
    std::string mode = "get";
    size_t bytes = 4096, connections = 8, keys = 256;
    int seconds = 3;
};

std::string head_of(const Options& options, const std::string& path, const std::string& body_hash) {
    const bool puts = options.mode == "put";
    http::RequestHead head{.method = puts ? "PUT" : "GET", .path = path, .query = "", .headers = {}};
    head.headers.add("Host", "127.0.0.1:" + std::to_string(options.port));
    wire::sign(head, {std::getenv("AWS_ACCESS_KEY_ID"), std::getenv("AWS_SECRET_ACCESS_KEY"), ""}, "us-east-1", "s3",
               base::SystemClock().now(), body_hash);
    std::string out = head.method + " " + head.path + " HTTP/1.1\r\n";
    for (const auto& [name, value] : head.headers.fields()) out += name + ": " + value + "\r\n";
    if (puts) out += "Content-Length: " + std::to_string(options.bytes) + "\r\n";
    return out + "\r\n";
}

int connect_to(uint16_t port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) fail("connect");
    return socket;
}

void send_all(int socket, const std::string& bytes) {
    for (size_t at = 0; at < bytes.size();) {
        const ssize_t sent = ::send(socket, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
        if (sent <= 0) fail("send");
        at += static_cast<size_t>(sent);
    }
}

// Whether the answer is 200.
bool receive(int socket, std::vector<char>& buffer) {
    std::string head;
    size_t left = 0;
    while (true) {
        const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), 0);
        if (got <= 0) fail("the server closed a connection");
        head.append(buffer.data(), static_cast<size_t>(got));
        const auto end = head.find("\r\n\r\n");
        if (end == std::string::npos) continue;
        const auto length = head.find("Content-Length: ");
        left = length == std::string::npos ? 0 : std::strtoull(head.c_str() + length + 16, nullptr, 10);
        left -= std::min(left, head.size() - end - 4);
        break;
    }
    while (left > 0) {
        const ssize_t got = ::recv(socket, buffer.data(), std::min(buffer.size(), left), 0);
        if (got <= 0) fail("the server closed a connection");
        left -= static_cast<size_t>(got);
    }
    return head.compare(9, 3, "200") == 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string name = argv[i], value = argv[i + 1];
        if (name == "--port") options.port = static_cast<uint16_t>(std::stoi(value));
        if (name == "--mode") options.mode = value;
        if (name == "--bytes") options.bytes = std::stoul(value);
        if (name == "--connections") options.connections = std::stoul(value);
        if (name == "--keys") options.keys = std::stoul(value);
        if (name == "--seconds") options.seconds = std::stoi(value);
    }
    std::string body(options.mode == "put" ? options.bytes : 0, '\0');
    for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 2654435761u >> 13);
    const std::string hash = crypto::hex(crypto::sha256(body));
    std::mutex mutex;
    std::vector<uint32_t> micros;
    uint64_t failures = 0;
    std::atomic<bool> begins = false;
    std::vector<std::thread> threads;
    for (size_t number = 0; number < options.connections; ++number)
        threads.emplace_back([&, number] {
            std::vector<std::string> heads;
            for (size_t key = 0; key < (options.mode == "put" ? options.keys : 1); ++key)
                heads.push_back(
                    head_of(options,
                            "/bench/" + (options.mode == "put" ? "put-" + std::to_string(number) + "-" + std::to_string(key)
                                                               : "get-" + std::to_string(options.bytes)),
                            hash));
            const int socket = connect_to(options.port);
            std::vector<char> buffer(1u << 20);
            std::vector<uint32_t> own;
            uint64_t wrong = 0;
            while (!begins) std::this_thread::yield();
            const auto end = Clock::now() + std::chrono::seconds(options.seconds);
            for (size_t request = 0; Clock::now() < end; ++request) {
                const auto began = Clock::now();
                send_all(socket, heads[request % heads.size()]);
                if (!body.empty()) send_all(socket, body);
                if (!receive(socket, buffer)) ++wrong;
                own.push_back(
                    static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began).count()));
            }
            ::close(socket);
            const std::lock_guard lock(mutex);
            micros.insert(micros.end(), own.begin(), own.end());
            failures += wrong;
        });
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    const auto start = Clock::now();
    begins = true;
    for (auto& thread : threads) thread.join();
    const double took = std::chrono::duration<double>(Clock::now() - start).count();
    std::ranges::sort(micros);
    const auto percentile = [&](size_t of_hundred) {
        return micros.empty() ? 0 : micros[(micros.size() - 1) * of_hundred / 100];
    };
    std::printf(R"({"requests":%zu,"failures":%llu,"seconds":%.3f,"p50_us":%u,"p99_us":%u})"
                "\n",
                micros.size(), static_cast<unsigned long long>(failures), took, percentile(50), percentile(99));
    return failures == 0 ? 0 : 1;
}
