// One HTTP/1.1 connection of the server: reads heads, hands out bodies, writes answers. One thread, blocking.
//
//            +----------------------------- kept alive --------------------------------+
//            v                                                                          |
//   wait for a byte → read the head → handler (reads the body) → write the answer → drain the body's rest
//            |               |                                          |
//         closed          refuse, close                              close: half-close, discard for a while, close
//
// The discarding matters: closing a socket with unread bytes sends a reset, and the client loses the answer that says why.
#pragma once

#include <atomic>
#include <chrono>
#include <vector>

#include "http/chunked.hpp"
#include "http/head.hpp"
#include "http/server.hpp"
#include "net/socket.hpp"

namespace http {

// Bytes received and not yet used.
class Inbox {
public:
    explicit Inbox(net::Stream& stream) : stream_(stream), bytes_(16384) {}
    [[nodiscard]] std::string_view view() const { return {bytes_.data() + begin_, end_ - begin_}; }
    void take(size_t count) { begin_ += count; }
    // Receives more behind what is there; 0: the peer is done. REQUIRES: view().size() < head_bytes_max.
    [[nodiscard]] base::Result<size_t> receive();
    // Content: from here if there is some, else straight from the socket into the caller's memory.
    [[nodiscard]] base::Result<size_t> read(std::span<char> into);

private:
    net::Stream& stream_;
    std::vector<char> bytes_;
    size_t begin_ = 0, end_ = 0;
};

// What the bodies of a server's requests may hold in memory together. Any thread.
class BodyMemory {
public:
    explicit BodyMemory(size_t most) : left_(most) {}
    [[nodiscard]] bool take(size_t bytes);
    void give_back(size_t bytes) { left_ += bytes; }

private:
    std::atomic<size_t> left_;
};

class ConnectionBody final : public BodyReader {
public:
    ConnectionBody(net::Stream& stream, Inbox& inbox, const Framing& framing, const ServerOptions& options, BodyMemory& memory)
        : stream_(stream), inbox_(inbox), framing_(framing), options_(options), memory_(memory), left_(framing.length) {}
    ~ConnectionBody() override { memory_.give_back(held_); }
    ConnectionBody(const ConnectionBody&) = delete;
    ConnectionBody& operator=(const ConnectionBody&) = delete;
    [[nodiscard]] base::Result<size_t> read(std::span<char> into) override;
    [[nodiscard]] base::Result<void> reserve(size_t bytes) override;
    [[nodiscard]] std::optional<uint64_t> length() const override {
        return framing_.chunked ? std::nullopt : std::optional(framing_.length);
    }
    // Was all of it read, so that the next request can follow?
    [[nodiscard]] bool at_end() const { return framing_.chunked ? chunks_.need() == ChunkedDecoder::Need::nothing : left_ == 0; }
    // The client waits for `100 Continue` and has not got it: it may or may not send the body.
    [[nodiscard]] bool undecided() const { return framing_.expects_continue && !continued_; }
    [[nodiscard]] std::optional<uint64_t> left() const { return framing_.chunked ? std::nullopt : std::optional(left_); }

private:
    [[nodiscard]] base::Result<size_t> read_content(std::span<char> into);
    [[nodiscard]] base::Result<size_t> read_chunked(std::span<char> into);
    net::Stream& stream_;
    Inbox& inbox_;
    const Framing framing_;
    const ServerOptions& options_;
    BodyMemory& memory_;
    size_t held_ = 0;
    std::chrono::steady_clock::duration waited_{};  // for the client; what a handler does between reads does not count
    uint64_t received_ = 0;
    ChunkedDecoder chunks_;
    uint64_t left_;
    bool continued_ = false;
};

class Connection {
public:
    Connection(net::Stream& stream, const ServerOptions& options, const Handler& handler, uint16_t local_port, BodyMemory& memory,
               const std::atomic<bool>& stopping)
        : stream_(stream),
          options_(options),
          handler_(handler),
          local_port_(local_port),
          memory_(memory),
          stopping_(stopping),
          inbox_(stream) {}

    // Serves requests until the client or the server closes the connection.
    // `idle` is true while no request is in progress: the server may close such a connection at any time.
    void serve(std::atomic<bool>& idle);

private:
    [[nodiscard]] bool wait_for_request();
    [[nodiscard]] std::optional<ParsedHead> read_head();
    [[nodiscard]] bool serve_one(ParsedHead parsed);
    [[nodiscard]] base::Result<void> write(const Response& response, bool is_head, bool keep_alive);
    [[nodiscard]] static bool drain(ConnectionBody& body);
    void refuse(const HeadError& error);
    void refuse_tls();
    void linger();

    net::Stream& stream_;
    const ServerOptions& options_;
    const Handler& handler_;
    const uint16_t local_port_;
    BodyMemory& memory_;
    const std::atomic<bool>& stopping_;
    Inbox inbox_;
};

}  // namespace http
