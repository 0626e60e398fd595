// A load generator that signs like an SDK and costs little: raw sockets, one kept-alive connection a thread, SigV4 on every
// request.
//
//   load --port 4566 --mode sts|get|put --bucket B --key K --size BYTES --threads N --seconds S
//
// Credentials from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Prints one JSON object: requests, failures, seconds, bytes,
// p50_us, p99_us.
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
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "crypto/digest.hpp"
#include "wire/sigv4.hpp"

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
    uint16_t port = 4566;
    std::string mode = "sts", bucket = "bench", key = "object", access_key, secret;
    size_t size = 4096;
    int threads = 2;
    int seconds = 5;
};

struct Tally {
    uint64_t requests = 0, failures = 0, bytes = 0;
    std::vector<uint32_t> micros;
};

class Connection {
public:
    explicit Connection(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int on = 1;
        ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) std::perror("connect"), std::exit(1);
    }
    ~Connection() { ::close(socket_); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    bool send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<size_t>(sent));
        }
        return true;
    }

    // The status of one answer, its body read and dropped; 0 if the connection broke.
    int receive(uint64_t& body_bytes) {
        size_t head_end = 0;
        have_ = 0;
        while (true) {
            const auto got = ::recv(socket_, buffer_.data() + have_, buffer_.size() - have_, 0);
            if (got <= 0) return 0;
            have_ += static_cast<size_t>(got);
            const auto at = std::string_view(buffer_.data(), have_).find("\r\n\r\n");
            if (at != std::string_view::npos) {
                head_end = at + 4;
                break;
            }
        }
        const std::string_view head(buffer_.data(), head_end);
        auto at = head.find("Content-Length: ");
        if (at == std::string_view::npos) at = head.find("content-length: ");
        const uint64_t length = at == std::string_view::npos ? 0 : std::strtoull(head.data() + at + 16, nullptr, 10);
        const int status = std::atoi(head.data() + 9);
        body_bytes += length;
        for (uint64_t left = length - std::min<uint64_t>(length, have_ - head_end); left > 0;) {
            const auto got = ::recv(socket_, buffer_.data(), std::min<uint64_t>(left, buffer_.size()), 0);
            if (got <= 0) return 0;
            left -= static_cast<uint64_t>(got);
        }
        return status;
    }

private:
    int socket_;
    std::vector<char> buffer_ = std::vector<char>(256 * 1024);
    size_t have_ = 0;
};

// One worker's requests: the head is signed anew each time, as a client does.
Tally drive(const Options& options, int worker, Clock::time_point end) {
    Tally tally;
    Connection connection(options.port);
    const std::string body = options.mode == "sts"   ? "Action=GetCallerIdentity&Version=2011-06-15"
                             : options.mode == "put" ? std::string(options.size, 'x')
                                                     : std::string();
    const auto body_hash = crypto::hex(crypto::sha256(body));
    const auto service = options.mode == "sts" ? "sts" : "s3";
    for (uint64_t number = 0; Clock::now() < end; ++number) {
        http::RequestHead head;
        head.method = options.mode == "sts" ? "POST" : options.mode == "put" ? "PUT" : "GET";
        head.path = options.mode == "sts" ? "/" : "/" + options.bucket + "/" + options.key;
        if (options.mode == "put") head.path += "-" + std::to_string(worker) + "-" + std::to_string(number % 1000);
        head.headers.add("Host", "127.0.0.1:" + std::to_string(options.port));
        if (options.mode == "sts") head.headers.add("Content-Type", "application/x-www-form-urlencoded");
        const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
        wire::sign(head, {options.access_key, options.secret, ""}, "us-east-1", service, now, body_hash);
        std::string text = head.method + " " + head.path + " HTTP/1.1\r\n";
        for (const auto& [name, value] : head.headers.fields()) text += name + ": " + value + "\r\n";
        text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
        const auto start = Clock::now();
        if (body.size() < 65536) text += body;
        bool sent = connection.send(text);
        if (body.size() >= 65536) sent = sent && connection.send(body);
        uint64_t received = 0;
        const int status = sent ? connection.receive(received) : 0;
        if (status == 0) std::fprintf(stderr, "the connection broke\n"), std::exit(1);
        ++tally.requests;
        if (status != 200) ++tally.failures;
        tally.bytes += body.size() + received;
        tally.micros.push_back(
            static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count()));
    }
    return tally;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    std::map<std::string, std::string> given;
    for (int i = 1; i + 1 < argc; i += 2) given[argv[i]] = argv[i + 1];
    for (const auto& [name, value] : given) {
        if (name == "--port")
            options.port = static_cast<uint16_t>(std::stoi(value));
        else if (name == "--mode")
            options.mode = value;
        else if (name == "--bucket")
            options.bucket = value;
        else if (name == "--key")
            options.key = value;
        else if (name == "--size")
            options.size = std::stoull(value);
        else if (name == "--threads")
            options.threads = std::stoi(value);
        else if (name == "--seconds")
            options.seconds = std::stoi(value);
        else
            return std::fprintf(stderr, "unknown option %s\n", name.c_str()), 2;
    }
    const char* access_key = std::getenv("AWS_ACCESS_KEY_ID");
    const char* secret = std::getenv("AWS_SECRET_ACCESS_KEY");
    if (!access_key || !secret) return std::fprintf(stderr, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY\n"), 2;
    options.access_key = access_key;
    options.secret = secret;

    const auto start = Clock::now();
    const auto end = start + std::chrono::seconds(options.seconds);
    std::vector<Tally> tallies(static_cast<size_t>(options.threads));
    std::vector<std::thread> workers;
    for (int worker = 0; worker < options.threads; ++worker)
        workers.emplace_back([&, worker] { tallies[static_cast<size_t>(worker)] = drive(options, worker, end); });
    for (auto& worker : workers) worker.join();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();

    Tally all;
    for (auto& tally : tallies) {
        all.requests += tally.requests;
        all.failures += tally.failures;
        all.bytes += tally.bytes;
        all.micros.insert(all.micros.end(), tally.micros.begin(), tally.micros.end());
    }
    std::ranges::sort(all.micros);
    const auto at = [&](double share) {
        return all.micros.empty() ? 0u : all.micros[static_cast<size_t>(share * static_cast<double>(all.micros.size() - 1))];
    };
    std::printf(R"({"requests":%llu,"failures":%llu,"seconds":%.3f,"bytes":%llu,"p50_us":%u,"p99_us":%u})"
                "\n",
                static_cast<unsigned long long>(all.requests), static_cast<unsigned long long>(all.failures), seconds,
                static_cast<unsigned long long>(all.bytes), at(0.5), at(0.99));
    return all.failures ? 1 : 0;
}
