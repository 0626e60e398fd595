#include "http/connection.hpp"

#include <algorithm>
#include <cstring>
#include <exception>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "text/time.hpp"

namespace http {

using base::fail;
using base::Result;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

constexpr uint64_t drained_bytes_max = 1u << 20;  // more unread body than this: cheaper to close
constexpr uint64_t lingered_bytes_max = 256u << 20;
constexpr seconds linger_max{5};
constexpr seconds tls_log_pause{60};

// A record of type handshake, of any version of TLS: no HTTP method begins so.
bool is_tls(std::string_view received) { return received.size() >= 2 && received[0] == 0x16 && received[1] == 0x03; }

uint64_t length_of(const Response& response) {
    if (const auto* text = std::get_if<std::string>(&response.body)) return text->size();
    if (const auto* file = std::get_if<FileRange>(&response.body)) return file->length;
    uint64_t sum = 0;
    for (const auto& file : std::get<std::vector<FileRange>>(response.body)) sum += file.length;
    return sum;
}

// What the body readers above expect to hear.
std::unexpected<base::Error> body_error(base::Error error) {
    if (error.code == base::code::Timeout)
        return fail(base::code::RequestTimeout,
                    "your socket connection to the server was not read from or written to within the timeout period");
    return fail(base::code::IncompleteBody,
                "you did not provide the number of bytes specified by the Content-Length HTTP header");
}

std::string http_date_now() { return text::http_date(base::SystemClock().now()); }

}  // namespace

Result<size_t> Inbox::receive() {
    if (begin_ == end_) begin_ = end_ = 0;
    if (end_ == bytes_.size()) {
        if (begin_ > 0) {
            std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
        } else {
            bytes_.resize(std::min<size_t>(bytes_.size() * 2, head_bytes_max));
        }
    }
    const size_t got = TRY(stream_.read_some(std::span(bytes_).subspan(end_)));
    end_ += got;
    return got;
}

Result<size_t> Inbox::read(std::span<char> into) {
    if (begin_ == end_) return stream_.read_some(into);
    const size_t count = std::min(into.size(), end_ - begin_);
    std::memcpy(into.data(), bytes_.data() + begin_, count);
    begin_ += count;
    return count;
}

bool BodyMemory::take(size_t bytes) {
    size_t left = left_;
    while (left >= bytes)
        if (left_.compare_exchange_weak(left, left - bytes)) return true;
    return false;
}

Result<void> ConnectionBody::reserve(size_t bytes) {
    if (!memory_.take(bytes))
        return fail(base::code::ServiceUnavailable,
                    "The server holds as many request bodies as it has memory for. Please try again.");
    held_ += bytes;
    return {};
}

// A body that only drips would keep a thread, and what it has in memory, for as long as its sender likes.
Result<size_t> ConnectionBody::read(std::span<char> into) {
    const auto began = steady_clock::now();
    auto got = read_content(into);
    waited_ += steady_clock::now() - began;
    if (!got) return got;
    received_ += *got;
    const auto allowed = seconds(options_.body_grace_seconds) + seconds(received_ / options_.body_bytes_per_second_min);
    if (waited_ > allowed) return body_error({"Timeout", ""});
    return got;
}

Result<size_t> ConnectionBody::read_content(std::span<char> into) {
    if (at_end() || into.empty()) return size_t{0};
    if (undecided()) {
        continued_ = true;
        if (inbox_.view().empty())
            if (auto sent = stream_.write_all("HTTP/1.1 100 Continue\r\n\r\n"); !sent) return body_error(std::move(sent).error());
    }
    if (framing_.chunked) return read_chunked(into);
    auto got = inbox_.read(into.first(static_cast<size_t>(std::min<uint64_t>(into.size(), left_))));
    if (!got) return body_error(std::move(got).error());
    if (*got == 0) return body_error({"ConnectionClosed", ""});
    left_ -= *got;
    return got;
}

Result<size_t> ConnectionBody::read_chunked(std::span<char> into) {
    while (true) {
        switch (chunks_.need()) {
            case ChunkedDecoder::Need::nothing:
                return size_t{0};
            case ChunkedDecoder::Need::data: {
                auto got = inbox_.read(into.first(static_cast<size_t>(std::min<uint64_t>(into.size(), chunks_.data_left()))));
                if (!got) return body_error(std::move(got).error());
                if (*got == 0) return body_error({"ConnectionClosed", ""});
                chunks_.took_data(*got);
                return got;
            }
            case ChunkedDecoder::Need::line: {
                if (inbox_.view().empty()) {
                    auto got = inbox_.receive();
                    if (!got) return body_error(std::move(got).error());
                    if (*got == 0) return body_error({"ConnectionClosed", ""});
                }
                inbox_.take(TRY(chunks_.take_framing(inbox_.view())));
                break;
            }
        }
    }
}

void Connection::serve(std::atomic<bool>& idle) {
    stream_.set_timeout(seconds(options_.io_seconds_max));
    while (!stopping_) {
        if (inbox_.view().empty() && !wait_for_request()) return;
        idle = false;
        auto parsed = read_head();
        if (!parsed || !serve_one(std::move(*parsed))) return;
        idle = true;
    }
}

// An idle wait is made of several reads with the I/O timeout: no system call to change it back and forth.
bool Connection::wait_for_request() {
    const auto deadline = steady_clock::now() + seconds(options_.idle_seconds_max);
    while (true) {
        const auto got = inbox_.receive();
        if (got) return *got > 0;
        if (got.error().code != base::code::Timeout || stopping_ || steady_clock::now() >= deadline) return false;
    }
}

std::optional<ParsedHead> Connection::read_head() {
    const auto deadline = steady_clock::now() + seconds(options_.io_seconds_max);
    size_t searched = 0;
    while (true) {
        const auto received = inbox_.view();
        if (is_tls(received)) {
            refuse_tls();
            return std::nullopt;
        }
        if (const auto end = find_head_end(received, searched)) {
            auto parsed = parse_head(received.substr(0, *end));
            if (!parsed) {
                refuse(parsed.error());
                return std::nullopt;
            }
            inbox_.take(*end);
            return std::move(*parsed);
        }
        searched = received.size();
        if (searched >= head_bytes_max) {
            refuse({431, "the request's headers are larger than 64 KiB"});
            return std::nullopt;
        }
        const auto got = inbox_.receive();
        if (got && *got == 0) return std::nullopt;
        if ((!got && got.error().code == base::code::Timeout) || steady_clock::now() >= deadline) {
            refuse({408, "the request's head did not come in time"});
            return std::nullopt;
        }
        if (!got) return std::nullopt;
    }
}

bool Connection::serve_one(ParsedHead parsed) {
    ConnectionBody body(stream_, inbox_, parsed.framing, options_, memory_);
    Request request{
        .head = std::move(parsed.head), .body = &body, .peer_address = stream_.peer_address(), .local_port = local_port_};
    const bool is_head = request.head.method == "HEAD";
    Response response;
    try {
        response = handler_(request);
    } catch (const std::exception& error) {
        // Handlers do not throw; this is memory that ran out or a mistake of ours. The connection is not worth keeping.
        base::log_error(std::string("a request handler threw: ") + error.what());
        response = Response{.status = 500, .headers = {}, .body = std::string()};
        parsed.framing.keep_alive = false;
    }
    bool keep_alive = parsed.framing.keep_alive && !stopping_;
    // An answer ahead of an unread body: either nothing of it is worth reading, or a little is and the connection stays.
    if (!body.at_end() && (body.undecided() || body.left().value_or(UINT64_MAX) > drained_bytes_max)) keep_alive = false;
    if (!write(response, is_head, keep_alive)) return false;
    if (!keep_alive) {
        linger();
        return false;
    }
    return drain(body);
}

Result<void> Connection::write(const Response& response, bool is_head, bool keep_alive) {
    std::string head = write_head(response.status, response.headers);
    const bool bodiless = response.status == 204 || response.status == 304 || response.status < 200;
    if (!bodiless) {
        const uint64_t length = is_head && response.content_length ? *response.content_length : length_of(response);
        head += "Content-Length: " + std::to_string(length) + "\r\n";
    }
    head += "Date: " + http_date_now() + "\r\nServer: Trainwarden\r\n";
    if (!keep_alive) head += "Connection: close\r\n";
    head += "\r\n";
    if (bodiless || is_head) return stream_.write_all(head);
    if (const auto* text = std::get_if<std::string>(&response.body)) return stream_.write_all(head, *text);
    TRY(stream_.write_all(head, true));
    if (const auto* file = std::get_if<FileRange>(&response.body))
        return stream_.send_file(file->descriptor, file->offset, file->length);
    for (const auto& file : std::get<std::vector<FileRange>>(response.body))
        TRY(stream_.send_file(file.descriptor, file.offset, file.length));
    return {};
}

bool Connection::drain(ConnectionBody& body) {
    char rest[16384];
    for (uint64_t sum = 0; sum <= drained_bytes_max;) {
        const auto got = body.read(rest);
        if (!got) return false;
        if (*got == 0) return true;
        sum += *got;
    }
    return false;
}

void Connection::refuse(const HeadError& error) {
    if (options_.on_unread)
        options_.on_unread({.peer_address = stream_.peer_address(), .status = error.status, .message = error.message});
    Response response{.status = error.status, .headers = {}, .body = error.message + "\n"};
    response.headers.add("Content-Type", "text/plain");
    if (write(response, false, false)) linger();
}

// In the clear: a client that shows what it got instead of a handshake shows a sentence. The log is for the client's user, whose
// library says "wrong version number" at best; once a minute is enough for that.
void Connection::refuse_tls() {
    static std::atomic<int64_t> next_log_seconds = 0;
    const int64_t now = std::chrono::duration_cast<seconds>(steady_clock::now().time_since_epoch()).count();
    int64_t due = next_log_seconds;
    if (now >= due && next_log_seconds.compare_exchange_strong(due, now + tls_log_pause.count()))
        base::log_warn("a client at " + stream_.peer_address() + " speaks TLS to port " + std::to_string(local_port_) +
                       ", which speaks plain HTTP: its endpoint must begin with http://, or name a TLS proxy in front");
    refuse({400, "this port speaks plain HTTP, not TLS: use http:// instead of https:// (or a TLS proxy in front)"});
}

void Connection::linger() {
    stream_.shutdown_write();
    stream_.set_timeout(seconds(1));
    char rest[16384];
    const auto deadline = steady_clock::now() + linger_max;
    for (uint64_t sum = 0; sum < lingered_bytes_max && steady_clock::now() < deadline && !stopping_;) {
        const auto got = stream_.read_some(rest);
        if (!got || *got == 0) return;
        sum += *got;
    }
}

}  // namespace http
