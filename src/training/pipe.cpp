#include "training/pipe.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <future>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "tar/gzip.hpp"
#include "training/openat_beneath.hpp"

namespace training {
namespace {

constexpr uint64_t piece_bytes_max = 4ULL << 20, piece_bytes_least = 64ULL << 10;
constexpr size_t pieces_ahead = 4;
constexpr uint64_t pieces_share = 2 * (pieces_ahead + 1);  // half of the memory is for pieces; one is being delivered
constexpr auto reader_poll = std::chrono::milliseconds(10);
constexpr int write_poll_milliseconds = 100;

std::string little_endian(uint32_t value) {
    std::string out(4, '\0');
    for (int i = 0; i < 4; ++i) out[static_cast<size_t>(i)] = static_cast<char>(value >> (8 * i));
    return out;
}

// A stretch of one object, or a literal.
struct Piece {
    const SamplePart* part = nullptr;
    uint64_t offset = 0, size = 0;
    [[nodiscard]] bool first() const { return offset == 0; }
    [[nodiscard]] bool last() const { return !part->is_object || offset + size >= part->object.size; }
};

}  // namespace

std::string recordio_header(uint64_t size) {
    constexpr uint32_t magic = 0xCED7230A;
    return little_endian(magic) + little_endian(static_cast<uint32_t>(size));  // upper three bits 0: a whole record
}

std::string recordio_padding(uint64_t size) { return std::string((4 - size % 4) % 4, '\0'); }

// One epoch's bytes: reads ahead, unpacks, wraps.
class SampleStream {
public:
    SampleStream(Pipe& pipe, std::vector<size_t> order)
        : pipe_(pipe),
          channel_(pipe.dependencies_.channel),
          piece_bytes_(std::clamp(pipe.dependencies_.memory_bytes / pieces_share, piece_bytes_least, piece_bytes_max)),
          unpacked_bytes_max_(std::min(recordio_payload_max, pipe.dependencies_.memory_bytes / 2)),
          order_(std::move(order)) {}

    base::Result<void> run() {
        for (;;) {
            while (ahead_.size() < pieces_ahead) {
                auto piece = next();
                if (!piece.part) break;
                ahead_.emplace_back(piece, std::async(std::launch::async, [this, piece] { return fetch(piece); }));
            }
            if (ahead_.empty()) return {};
            auto [piece, future] = std::move(ahead_.front());
            ahead_.pop_front();
            auto done = deliver(piece, TRY(future.get()));
            if (done) continue;
            if (done.error().code != base::code::InvalidGzip) return done;
            return base::fail(base::code::ClientError, "Data download failed:Unable to unpack object " +
                                                           piece.part->object.where.text() + ": " + done.error().message);
        }
    }

private:
    Piece next() {
        const auto& samples = *pipe_.dependencies_.samples;
        while (at_ < order_.size()) {
            const Sample& sample = samples[order_[at_]];
            if (part_ == sample.size()) {
                ++at_;
                part_ = 0;
                continue;
            }
            const SamplePart& part = sample[part_];
            Piece piece{&part, offset_, 0};
            if (part.is_object) piece.size = std::min(piece_bytes_, part.object.size - offset_);
            offset_ += piece.size;
            if (!part.is_object || offset_ == part.object.size) {
                ++part_;
                offset_ = 0;
            }
            return piece;
        }
        return {};
    }

    base::Result<std::string> fetch(const Piece& piece) {
        if (!piece.part->is_object) return piece.part->text;
        if (piece.size == 0) return std::string();
        const auto& object = piece.part->object;
        auto bytes = pipe_.dependencies_.data->read(TRY(credentials_of(*pipe_.dependencies_.session)), object.where, object.etag,
                                                    piece.offset, piece.size);
        if (!bytes) {
            return base::fail(base::code::ClientError, "Data download failed:Unable to download object " + object.where.text() +
                                                           " " + reason(bytes.error()));
        }
        if (pipe_.dependencies_.bytes_read != nullptr) *pipe_.dependencies_.bytes_read += bytes->size();
        return std::move(*bytes);
    }

    base::Result<void> record(std::string_view payload) {
        if (payload.size() > recordio_payload_max)
            return base::fail(base::code::ClientError, "Data download failed:a RecordIO record holds less than 512 MiB");
        TRY(pipe_.send(recordio_header(payload.size())));
        TRY(pipe_.send(payload));
        return pipe_.send(recordio_padding(payload.size()));
    }

    base::Result<void> deliver(const Piece& piece, const std::string& bytes) {
        if (!piece.part->is_object) return channel_.recordio ? record(bytes) : pipe_.send(bytes);
        if (channel_.gzip) return deliver_unpacked(piece, bytes);
        uint64_t size = piece.part->object.size;
        if (channel_.recordio && piece.first()) {
            if (size > recordio_payload_max) {
                return base::fail(base::code::ClientError, "Data download failed:" + piece.part->object.where.text() +
                                                               " is too large for RecordIO: a record holds less than 512 MiB");
            }
            TRY(pipe_.send(recordio_header(size)));
        }
        TRY(pipe_.send(bytes));
        if (channel_.recordio && piece.last()) TRY(pipe_.send(recordio_padding(size)));
        return {};
    }

    // A record's length stands before it: what is wrapped is unpacked whole first.
    base::Result<void> deliver_unpacked(const Piece& piece, const std::string& bytes) {
        if (piece.first()) {
            unpacking_ = std::make_unique<tar::Gunzip>();
            unpacked_.clear();
        }
        TRY(unpacking_->feed(bytes, [&](std::string_view part) -> base::Result<void> {
            if (!channel_.recordio) return pipe_.send(part);
            unpacked_ += part;
            if (unpacked_.size() <= unpacked_bytes_max_) return {};
            if (unpacked_bytes_max_ == recordio_payload_max)
                return base::fail(base::code::InvalidGzip,
                                  "unpacked it is too large for RecordIO: a record holds less than 512 MiB");
            return base::fail(base::code::InvalidGzip, "unpacked it is more than the " +
                                                           std::to_string(unpacked_bytes_max_ >> 20) +
                                                           " MiB that this channel may hold to make a record of it");
        }));
        if (!piece.last()) return {};
        if (!unpacking_->ended()) return base::fail(base::code::InvalidGzip, "it ends in the middle");
        return channel_.recordio ? record(unpacked_) : base::Result<void>{};
    }

    Pipe& pipe_;
    const Channel& channel_;
    const uint64_t piece_bytes_, unpacked_bytes_max_;
    std::vector<size_t> order_;
    size_t at_ = 0, part_ = 0;
    uint64_t offset_ = 0;
    std::deque<std::pair<Piece, std::future<base::Result<std::string>>>> ahead_;  // their destructors wait
    std::unique_ptr<tar::Gunzip> unpacking_;
    std::string unpacked_;
};

std::string Pipe::path_of(size_t epoch) const {
    return "ml/input/data/" + dependencies_.channel.name + "_" + std::to_string(epoch);
}

base::Result<std::unique_ptr<Pipe>> Pipe::start(Dependencies dependencies) {
    std::unique_ptr<Pipe> pipe(new Pipe(std::move(dependencies)));
    pipe->next_ = TRY(make_fifo_beneath(pipe->dependencies_.worker, pipe->path_of(0)));
    pipe->thread_ = std::thread([raw = pipe.get()] { raw->run(); });
    return pipe;
}

Pipe::~Pipe() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
}

void Pipe::run() {
    // A reader that goes away is an ordinary event here, whatever the process thinks of SIGPIPE.
    sigset_t broken_pipe;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    for (size_t number = 0; !stop_; ++number) {
        auto done = epoch(number);
        if (done) continue;
        if (stop_) return;
        base::log_warn("channel " + dependencies_.channel.name + ": " + done.error().describe());
        held_ = std::move(output_);
        if (dependencies_.on_failure) dependencies_.on_failure(std::move(done).error());
        return;
    }
}

base::Result<void> Pipe::epoch(size_t number) {
    // The descriptor names the pipe that we made, whatever the worker has put in its place.
    std::string self = "/proc/self/fd/" + std::to_string(next_.number());
    while (!output_.is_open()) {
        if (stop_) return base::fail(base::code::Cancelled, "the job ended");
        output_ = os::Descriptor(::open(self.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
        if (!output_.is_open() && errno != ENXIO && errno != EINTR)
            return base::fail(base::code::InternalError, std::string("cannot open a named pipe: ") + std::strerror(errno));
        if (!output_.is_open()) std::this_thread::sleep_for(reader_poll);
    }
    next_ = TRY(make_fifo_beneath(dependencies_.worker, path_of(number + 1)));
    SampleStream stream(
        *this, order_of(dependencies_.channel, dependencies_.samples->size(), number, dependencies_.host, dependencies_.hosts));
    auto sent = stream.run();
    if (!sent && sent.error().code != base::code::ReaderLeft) return sent;
    output_.close();
    remove_beneath(dependencies_.worker, path_of(number));
    return {};
}

base::Result<void> Pipe::send(std::string_view bytes) {
    while (!bytes.empty()) {
        if (stop_) return base::fail(base::code::Cancelled, "the job ended");
        ssize_t count = ::write(output_.number(), bytes.data(), bytes.size());
        if (count > 0) {
            bytes.remove_prefix(static_cast<size_t>(count));
        } else if (errno == EAGAIN) {
            pollfd room{output_.number(), POLLOUT, 0};
            ::poll(&room, 1, write_poll_milliseconds);
        } else if (errno == EPIPE) {
            return base::fail(base::code::ReaderLeft, "the reader closed the pipe");
        } else if (errno != EINTR) {
            return base::fail(base::code::InternalError, std::string("cannot write to a named pipe: ") + std::strerror(errno));
        }
    }
    return {};
}

}  // namespace training
