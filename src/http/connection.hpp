// One request of a connection and its answer, after its head was read. A thread of the pool at a time, or the front's.
//
//     answer: the handler runs, and reads the body → send: what the socket takes; a reader that is slow is waited for by the front,
//     and then `send` again → after: the next request, the rest of a body that nobody read, or the end
#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include "http/chunked.hpp"
#include "http/head.hpp"
#include "http/server.hpp"
#include "net/socket.hpp"

namespace http {

// Bytes received and not yet used.
class Inbox {
public:
    Inbox(net::Stream& stream, std::string received) : stream_(stream), bytes_(std::move(received)) {}
    [[nodiscard]] std::string_view view() const { return std::string_view(bytes_).substr(at_); }
    void take(size_t count) { at_ += count; }
    void append(std::string_view more);
    // Receives more; 0: the peer is done. REQUIRES: view() is empty.
    [[nodiscard]] base::Result<size_t> receive();
    // Content: from here if there is some, else straight from the socket into the caller's memory.
    [[nodiscard]] base::Result<size_t> read(std::span<char> into);

private:
    net::Stream& stream_;
    std::string bytes_;
    size_t at_ = 0;
};

// What bodies may hold in memory together with what is made of them: of all of a server's requests, of those of a peer. Any thread.
class BodyMemory {
public:
    explicit BodyMemory(size_t most) : most_(most), left_(most) {}
    [[nodiscard]] size_t most() const { return most_; }
    [[nodiscard]] bool take(size_t bytes);
    void give_back(size_t bytes) { left_ += bytes; }

private:
    const size_t most_;
    std::atomic<size_t> left_;
};

// What an exchange has from its server; outlives it.
struct Surroundings {
    const ServerOptions& options;
    uint16_t local_port;
    BodyMemory& memory;
    Counters& counters;
    const std::atomic<bool>& stopping;
    const std::function<bool()>& uploads_wait;  // for others to end
};

class ConnectionBody final : public BodyReader {
public:
    ConnectionBody(net::Stream& stream, Inbox& inbox, const Framing& framing, const Surroundings& around, BodyMemory& of_peer)
        : stream_(stream), inbox_(inbox), framing_(framing), around_(around), of_peer_(of_peer), left_(framing.length) {}
    ~ConnectionBody() override;
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
    [[nodiscard]] bool broke() const { return broke_; }
    [[nodiscard]] std::optional<uint64_t> left() const { return framing_.chunked ? std::nullopt : std::optional(left_); }
    // Throws away what has come of it. False: what came is no body. REQUIRES: no reader.
    [[nodiscard]] bool discard();

private:
    [[nodiscard]] base::Result<size_t> read_content(std::span<char> into);
    [[nodiscard]] base::Result<size_t> read_chunked(std::span<char> into);
    net::Stream& stream_;
    Inbox& inbox_;
    const Framing framing_;
    const Surroundings& around_;
    BodyMemory& of_peer_;
    size_t held_ = 0;
    std::chrono::steady_clock::duration waited_{};  // for the client; what a handler does between reads does not count
    uint64_t received_ = 0;
    ChunkedDecoder chunks_;
    uint64_t left_;
    bool continued_ = false, broke_ = false;
};

class Exchange {
public:
    using Time = std::chrono::steady_clock::time_point;
    enum class Sent : uint8_t { all, blocked, failed };
    enum class After : uint8_t { next, drain, close };

    // `received`: what came behind the head. `of_peer` outlives it.
    Exchange(net::Stream& stream, const Surroundings& around, BodyMemory& of_peer, ParsedHead parsed, std::string received);
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    [[nodiscard]] const RequestHead& head() const { return request_.head; }
    // Has all of the body come? Then nothing of the request has to be waited for.
    [[nodiscard]] bool has_whole_body() const;
    [[nodiscard]] uint64_t body_bytes_missing()
        const;  // UINT64_MAX: nobody knows how many, or the client waits to be asked for it
    void received(std::string_view more) { inbox_.append(more); }

    // Runs the handler. What it throws is a 500.
    void answer(const Handler& handler);
    // Of requests that no handler sees. `keep_alive` false: the connection ends after it.
    void answer_with(Response response, bool keep_alive);

    // Sends what the socket takes; waits for that so long. REQUIRES: an answer.
    [[nodiscard]] Sent send(std::chrono::milliseconds patience);
    // Does its reader take too little, or nothing for too long? Asked again and again while `blocked`.
    [[nodiscard]] bool reader_is_too_slow();
    // Does it take so little that its place is better given to another, if there is none else?
    [[nodiscard]] bool may_make_room() const;
    // REQUIRES: all was sent.
    [[nodiscard]] After after() const { return after_; }
    // Of the body's rest, what has come: all of it, not all yet, or more than is worth reading.
    [[nodiscard]] std::optional<bool> drained(std::string_view more);
    [[nodiscard]] bool has_rest() const { return !inbox_.view().empty(); }
    [[nodiscard]] std::string take_rest();  // what came behind the body

private:
    [[nodiscard]] base::Result<bool> send_step(std::chrono::milliseconds patience);
    [[nodiscard]] base::Result<std::optional<size_t>> send_some_of(const FileRange& file);
    [[nodiscard]] base::Result<uint64_t> checked_of(const FileRange& file);
    net::Stream& stream_;
    const Surroundings& around_;
    const Framing framing_;
    Inbox inbox_;
    ConnectionBody body_;
    Request request_;
    Response response_;
    std::string head_;            // of the answer
    size_t head_and_text_ = 0;    // bytes sent of both
    size_t file_ = 0;             // of those of the answer, which is sent
    uint64_t of_file_ = 0;        // bytes sent of that one
    std::span<const char> read_;  // of what is read as it is sent: what comes next. Only while one call of `send` runs
    uint64_t checked_ = 0;        // … of what is checked first: that may be sent
    uint64_t sent_ = 0;
    bool bodiless_ = false;
    std::optional<Time> blocked_since_, last_taken_at_;
    uint64_t taken_ = 0;
    uint64_t drained_ = 0;
    After after_ = After::close;
};

}  // namespace http
