#include "http/connection.hpp"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>

#include "base/checked_bytes.hpp"
#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "text/time.hpp"

namespace http {

using base::fail;
using base::Result;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

constexpr uint64_t drained_bytes_max = 1u << 20;  // more unread body than this: cheaper to close
constexpr size_t kept_bytes_max = 8u << 20;       // more than so much of a request's memory is not kept for the next
constexpr size_t framing_bytes = 16384;           // received at once where chunks are looked for
constexpr uint64_t joined_file_bytes_max = 15u << 10;
constexpr uint64_t checked_bytes_at_once = 1u << 20;  // of a file that is checked, before as many are sent
// At once of what is read as it is sent: some chunks of what is encrypted. At least as much as TLS encrypts at once (net/tls.cpp,
// batch_bytes_max): where it has kept what the socket did not take, the next call has to have the same bytes.
constexpr size_t read_bytes = 256u << 10, read_least_bytes = 128u << 10;

uint64_t length_of(const Response& response) {
    if (const auto* text = std::get_if<std::string>(&response.body)) return text->size();
    if (const auto* file = std::get_if<FileRange>(&response.body)) return file->length;
    uint64_t sum = 0;
    for (const auto& file : std::get<std::vector<FileRange>>(response.body)) sum += file.length;
    return sum;
}

// The files of an answer, one after the other; nullptr: it has no more.
const FileRange* file_of(const Response& response, size_t index) {
    if (const auto* file = std::get_if<FileRange>(&response.body)) return index == 0 ? file : nullptr;
    const auto* files = std::get_if<std::vector<FileRange>>(&response.body);
    return files != nullptr && index < files->size() ? &(*files)[index] : nullptr;
}

// What the body readers above expect to hear.
std::unexpected<base::Error> body_error(base::Error error) {
    if (error.code == base::code::Timeout)
        return fail(base::code::RequestTimeout,
                    "your socket connection to the server was not read from or written to within the timeout period");
    return fail(base::code::IncompleteBody,
                "You did not provide the number of bytes specified by the Content-Length HTTP header");
}

// Where this process encrypts what it sends, a small file is read as memory is: behind the head, in one record and one system call.
void read_small_file(Response& response, const net::Stream& stream) {
    const auto* file = std::get_if<FileRange>(&response.body);
    if (file == nullptr || file->read || file->length > joined_file_bytes_max || stream.tls() == nullptr ||
        stream.tls()->kernel_encrypts())
        return;
    std::string content(static_cast<size_t>(file->length), '\0');
    size_t at = 0;
    while (at < content.size()) {
        const ssize_t got =
            ::pread(file->descriptor, content.data() + at, content.size() - at, static_cast<off_t>(file->offset + at));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return;  // sending it will say what is wrong
        at += static_cast<size_t>(got);
    }
    response.body = std::move(content);
}

std::string http_date_now() { return text::http_date(base::SystemClock().now()); }

}  // namespace

void Inbox::append(std::string_view more) {
    if (at_ == bytes_.size()) bytes_.clear(), at_ = 0;
    bytes_ += more;
}

Result<size_t> Inbox::receive() {
    bytes_.resize(framing_bytes);
    at_ = 0;
    const auto got = stream_.read_some(bytes_);
    bytes_.resize(got.value_or(0));
    return got;
}

Result<size_t> Inbox::read(std::span<char> into) {
    if (view().empty()) return stream_.read_some(into);
    const size_t count = std::min(into.size(), view().size());
    std::memcpy(into.data(), view().data(), count);
    take(count);
    return count;
}

bool BodyMemory::take(size_t bytes) {
    size_t left = left_;
    while (left >= bytes)
        if (left_.compare_exchange_weak(left, left - bytes)) return true;
    return false;
}

Result<void> ConnectionBody::reserve(size_t bytes) {
    const size_t most = std::min(around_.memory.most(), of_peer_.most());
    if (held_ + bytes > most)
        return fail(base::code::EntityTooLarge,
                    "The request takes more memory than one client may have here: " + std::to_string(most) + " bytes");
    if (!of_peer_.take(bytes))
        return fail(base::code::ServiceUnavailable,
                    "The server holds as many request bodies of this client as it has memory for. Please try again.");
    if (!around_.memory.take(bytes)) {
        of_peer_.give_back(bytes);
        return fail(base::code::ServiceUnavailable,
                    "The server holds as many request bodies as it has memory for. Please try again.");
    }
    held_ += bytes;
    return {};
}

// The C library keeps what is freed for the thread that had it. What was large goes back to the system.
ConnectionBody::~ConnectionBody() {
    if (held_ > kept_bytes_max) ::malloc_trim(0);
    of_peer_.give_back(held_);
    around_.memory.give_back(held_);
}

// A body that only drips would keep a thread, and what it has in memory, for as long as its sender likes.
Result<size_t> ConnectionBody::read(std::span<char> into) {
    const auto began = steady_clock::now();
    const auto& options = around_.options;
    // Where others wait for their turn, who has one and drips gives it back.
    const bool crowded = around_.uploads_wait();
    const auto least = crowded ? std::max(options.body_bytes_per_second_min, options.crowded_bytes_per_second_min)
                               : options.body_bytes_per_second_min;
    const auto grace = crowded ? std::min(options.body_grace_seconds, options.crowded_grace_seconds) : options.body_grace_seconds;
    const auto patience = seconds(grace) + seconds(received_ / least);
    const auto allowed = patience - waited_;
    stream_.set_timeout(
        std::clamp(std::chrono::ceil<milliseconds>(allowed), milliseconds(1), milliseconds(seconds(options.io_seconds_max))));
    auto got = read_content(into);
    waited_ += steady_clock::now() - began;
    if (got) {
        received_ += *got;
        if (waited_ > patience + seconds(*got / least)) got = body_error({base::code::Timeout, ""});
    }
    if (!got) {
        broke_ = true;
        if (got.error().code == base::code::RequestTimeout) ++around_.counters.slow_bodies;
    }
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

bool ConnectionBody::discard() {
    while (!at_end() && !inbox_.view().empty()) {
        const auto all = inbox_.view();
        if (!framing_.chunked) {
            const auto count = std::min<uint64_t>(all.size(), left_);
            left_ -= count;
            inbox_.take(static_cast<size_t>(count));
        } else if (chunks_.need() == ChunkedDecoder::Need::data) {
            const auto count = std::min<uint64_t>(all.size(), chunks_.data_left());
            chunks_.took_data(count);
            inbox_.take(static_cast<size_t>(count));
        } else {
            const auto took = chunks_.take_framing(all);
            if (!took) return false;
            inbox_.take(*took);
        }
    }
    return true;
}

Exchange::Exchange(net::Stream& stream, const Surroundings& around, BodyMemory& of_peer, ParsedHead parsed, std::string received)
    : stream_(stream),
      around_(around),
      framing_(parsed.framing),
      inbox_(stream, std::move(received)),
      body_(stream, inbox_, framing_, around, of_peer),
      request_{.head = std::move(parsed.head),
               .body = &body_,
               .peer_address = stream.peer_address().empty() ? around.options.peer_address : stream.peer_address(),
               .local_port = around.local_port,
               .secure_transport = around.options.secure_transport || stream.is_secure(),
               .certificate_subject = {},
               .certificate_sha256 = {},
               .vpc_endpoint = around.options.vpc_endpoint} {
    if (const auto* shown = stream.tls() != nullptr ? stream.tls()->client_certificate() : nullptr) {
        request_.certificate_subject = shown->subject;
        request_.certificate_sha256 = shown->sha256;
    }
}

bool Exchange::has_whole_body() const { return body_bytes_missing() == 0; }

uint64_t Exchange::body_bytes_missing() const {
    if (framing_.chunked) return UINT64_MAX;
    const size_t here = inbox_.view().size();
    if (here >= framing_.length) return 0;
    return framing_.expects_continue ? UINT64_MAX : framing_.length - here;
}

void Exchange::answer(const Handler& handler) {
    ++around_.counters.requests;
    bool keep_alive = framing_.keep_alive;
    Response response;
    try {
        response = handler(request_);
    } catch (const std::exception& error) {
        // Handlers do not throw; this is memory that ran out or a mistake of ours. The connection is not worth keeping.
        base::log_error(std::string("a request handler threw: ") + error.what());
        response = Response{.status = 500, .headers = {}, .body = std::string()};
        keep_alive = false;
    }
    answer_with(std::move(response), keep_alive);
}

void Exchange::answer_with(Response response, bool keep_alive) {
    response_ = std::move(response);
    read_small_file(response_, stream_);
    keep_alive = keep_alive && framing_.keep_alive && !around_.stopping;
    // An answer ahead of an unread body: either nothing of it is worth reading, or a little is and the connection stays.
    if (body_.broke() || (!body_.at_end() && (body_.undecided() || body_.left().value_or(UINT64_MAX) > drained_bytes_max)))
        keep_alive = false;
    after_ = !keep_alive ? After::close : body_.at_end() ? After::next : After::drain;
    const bool is_head = request_.head.method == "HEAD";
    const bool no_content = response_.status == 204 || response_.status == 304 || response_.status < 200;
    bodiless_ = is_head || no_content;
    head_ = write_head(response_.status, response_.headers);
    if (!no_content) {
        const uint64_t length = is_head && response_.content_length ? *response_.content_length : length_of(response_);
        head_ += "Content-Length: " + std::to_string(length) + "\r\n";
    }
    head_ += "Date: " + http_date_now() + "\r\nServer: Trainwarden\r\n";
    if (!keep_alive) head_ += "Connection: close\r\n";
    head_ += "\r\n";
}

// How much of the rest may be sent: what is checked first, or all.
Result<uint64_t> Exchange::checked_of(const FileRange& file) {
    const uint64_t left = file.length - of_file_;
    const auto* checks = base::checked_bytes(file.owner);
    if (checks == nullptr) return left;
    if (of_file_ == 0) checked_ = 0;
    if (checked_ == of_file_) {
        const uint64_t next = std::min(checked_bytes_at_once, left);
        TRY(checks->check(of_file_, next));
        checked_ += next;
    }
    return checked_ - of_file_;
}

// A connection that waits for its reader keeps nothing of what is read as it is sent: it is read again.
Result<std::optional<size_t>> Exchange::send_some_of(const FileRange& file) {
    const uint64_t left = file.length - of_file_;
    if (!file.read) return stream_.try_send_file(file.descriptor, file.offset + of_file_, TRY(checked_of(file)));
    alignas(64) static thread_local std::array<char, read_bytes> buffer;
    if (read_.empty()) {
        const auto into = std::span(buffer).first(static_cast<size_t>(std::min<uint64_t>(left, buffer.size())));
        size_t filled = 0;
        while (filled < std::min(into.size(), read_least_bytes)) {
            const size_t got = TRY(file.read(file.offset + of_file_ + filled, into.subspan(filled)));
            if (got == 0)
                return fail(base::code::IoError, "what is sent ends before its last " + std::to_string(left) + " bytes");
            filled += got;
        }
        read_ = into.first(filled);
    }
    const auto sent = TRY(stream_.try_write({read_.data(), read_.size()}));
    read_ = read_.subspan(sent.value_or(0));
    return sent;
}

// True: there is more to send, and the socket may take it.
Result<bool> Exchange::send_step(milliseconds patience) {
    const auto* text = bodiless_ ? nullptr : std::get_if<std::string>(&response_.body);
    const size_t in_memory = head_.size() + (text ? text->size() : 0);
    std::optional<size_t> sent;
    if (head_and_text_ < in_memory) {
        const auto head = std::string_view(head_).substr(std::min(head_and_text_, head_.size()));
        const auto rest =
            text ? std::string_view(*text).substr(head_and_text_ - (head_.size() - head.size())) : std::string_view();
        const bool files = !bodiless_ && text == nullptr;
        sent = head.empty() ? TRY(stream_.try_write(rest)) : TRY(stream_.try_write(head, rest, files));
        head_and_text_ += sent.value_or(0);
    } else {
        const auto* file = bodiless_ ? nullptr : file_of(response_, file_);
        if (file == nullptr) return false;
        if (of_file_ == file->length) {
            ++file_;
            of_file_ = 0;
            return true;
        }
        sent = TRY(send_some_of(*file));
        of_file_ += sent.value_or(0);
    }
    sent_ += sent.value_or(0);
    if (sent) return true;
    if (!blocked_since_) blocked_since_ = steady_clock::now();
    if (patience.count() > 0 && TRY(stream_.wait(net::Stream::For::writing, patience))) return true;
    return fail(base::code::Timeout, "the client does not read");
}

Exchange::Sent Exchange::send(milliseconds patience) {
    read_ = {};  // another thread's
    while (true) {
        const auto more = send_step(patience);
        if (!more) return more.error().code == base::code::Timeout ? Sent::blocked : Sent::failed;
        if (!*more) return Sent::all;
    }
}

// By what the client's machine has taken: the system's own buffers hold megabytes of what nobody reads.
bool Exchange::reader_is_too_slow() {
    const auto now = steady_clock::now();
    const auto taken = sent_ - std::min(sent_, stream_.unacknowledged());
    if (taken > taken_ || !last_taken_at_) {
        taken_ = taken;
        last_taken_at_ = now;
    }
    const seconds grace(around_.options.answer_grace_seconds);
    const auto allowed = grace + seconds(taken / around_.options.answer_bytes_per_second_min);
    return now - *last_taken_at_ > grace || now - blocked_since_.value_or(now) > allowed;
}

bool Exchange::may_make_room() const {
    if (!blocked_since_) return false;
    const auto taken = sent_ - std::min(sent_, stream_.unacknowledged());
    const auto blocked = steady_clock::now() - *blocked_since_;
    return blocked > seconds(around_.options.crowded_grace_seconds) &&
           blocked > seconds(taken / around_.options.crowded_bytes_per_second_min);
}

std::optional<bool> Exchange::drained(std::string_view more) {
    drained_ += more.size();
    if (drained_ > drained_bytes_max + framing_bytes) return std::nullopt;
    if (!more.empty()) inbox_.append(more);
    if (!body_.discard()) return std::nullopt;
    return body_.at_end();
}

std::string Exchange::take_rest() {
    std::string out(inbox_.view());
    inbox_.take(out.size());
    return out;
}

}  // namespace http
