#include "store/chunks.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "crypto/checksum.hpp"

namespace store {
namespace {

// A chunk that is compared and not kept: the thread's, for as long as it lives.
char* scratch(size_t bytes) {
    thread_local std::vector<char> room;
    if (room.size() < bytes) room.resize(bytes);
    return room.data();
}

}  // namespace

void ChunkSums::update(std::string_view bytes) {
    while (!bytes.empty()) {
        if (in_last_ == chunk_bytes_ || sums_.empty()) {
            sums_.push_back(0);
            in_last_ = 0;
        }
        const auto part = bytes.substr(0, chunk_bytes_ - in_last_);
        sums_.back() = crypto::crc32c(sums_.back(), part);
        in_last_ += part.size();
        bytes.remove_prefix(part.size());
    }
}

std::vector<uint32_t> sums_of(std::string_view bytes, size_t chunk_bytes) {
    ChunkSums sums(chunk_bytes);
    sums.update(bytes);
    return sums.sums();
}

base::Result<void> read_exactly(int file, uint64_t at, char* into, size_t length) {
    for (size_t filled = 0; filled < length;) {
        const auto got = ::pread(file, into + filled, length - filled, static_cast<off_t>(at + filled));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return base::fail(base::code::InternalError, std::string("cannot read a blob: ") + std::strerror(errno));
        if (got == 0) return base::fail(base::code::InternalError, "a blob is shorter than it was when it was opened");
        filled += static_cast<size_t>(got);
    }
    return {};
}

ChunkReader::ChunkReader(Bytes bytes, std::function<void()> done)
    : bytes_(std::move(bytes)),
      done_(std::move(done)),
      verified_(bytes_.sums.empty() ? nullptr : std::make_unique<std::atomic<bool>[]>(bytes_.sums.size())) {}

ChunkReader::~ChunkReader() {
    if (done_) done_();
}

size_t ChunkReader::bytes_of(size_t chunk) const {
    return static_cast<size_t>(std::min<uint64_t>(bytes_.chunk_bytes, bytes_.size - chunk * bytes_.chunk_bytes));
}

base::Result<void> ChunkReader::read_chunk(size_t chunk, char* into) const {
    const size_t length = bytes_of(chunk);
    TRY(read_exactly(descriptor(), bytes_.begin + chunk * bytes_.chunk_bytes, into, length));
    if (crypto::crc32c(0, {into, length}) != bytes_.sums[chunk]) {
        base::log_error("a chunk of a blob was altered on its disk: `trainwarden admin check` says of which object");
        return base::fail(base::code::InternalError,
                          "its bytes were altered: a chunk has not the checksum that was kept when it came");
    }
    verified_[chunk] = true;
    return {};
}

base::Result<void> ChunkReader::verify(uint64_t offset, uint64_t length) const {
    if (bytes_.sums.empty() || offset >= bytes_.size || length == 0) return {};
    const uint64_t last = offset + std::min(length, bytes_.size - offset) - 1;
    for (size_t chunk = offset / bytes_.chunk_bytes; chunk <= last / bytes_.chunk_bytes; ++chunk)
        if (!verified_[chunk]) TRY(read_chunk(chunk, scratch(bytes_.chunk_bytes)));
    return {};
}

base::Result<std::string> ChunkReader::read(uint64_t offset, size_t length) const {
    if (offset >= bytes_.size) return std::string();
    std::string out(std::min<uint64_t>(length, bytes_.size - offset), '\0');
    TRY(read_into(offset, out));
    return out;
}

base::Result<size_t> ChunkReader::read_into(uint64_t offset, std::span<char> into) const {
    if (offset >= bytes_.size) return size_t{0};
    const auto out = into.first(static_cast<size_t>(std::min<uint64_t>(into.size(), bytes_.size - offset)));
    if (bytes_.sums.empty()) {
        TRY(read_exactly(descriptor(), bytes_.begin + offset, out.data(), out.size()));
        return out.size();
    }
    for (size_t filled = 0; filled < out.size();) {
        const uint64_t at = offset + filled;
        const size_t chunk = at / bytes_.chunk_bytes, within = at % bytes_.chunk_bytes;
        const size_t part = std::min(out.size() - filled, bytes_of(chunk) - within);
        if (within == 0 && part == bytes_of(chunk)) {
            TRY(read_chunk(chunk, out.data() + filled));
        } else if (verified_[chunk]) {
            TRY(read_exactly(descriptor(), bytes_.begin + at, out.data() + filled, part));
        } else {
            char* whole = scratch(bytes_.chunk_bytes);
            TRY(read_chunk(chunk, whole));
            std::memcpy(out.data() + filled, whole + within, part);
        }
        filled += part;
    }
    return out.size();
}

}  // namespace store
