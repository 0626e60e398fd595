#include "objects/sealed_blobs.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "crypto/checksum.hpp"

namespace objects {
namespace {

constexpr size_t chunks_at_once = 4;

base::Error altered(uint64_t number) {
    base::log_error("chunk " + std::to_string(number) +
                    " of a blob does not open: its bytes were altered, or are another's; `trainwarden admin check` finds which "
                    "object it is of");
    return {base::code::InternalError, "We encountered an internal error. Please try again."};
}

}  // namespace

base::Result<void> SealingWriter::pass_on() {
    if (sealed_.empty()) return {};
    crc32c_ = crypto::crc32c(crc32c_, sealed_);
    auto written = inner_->write(sealed_);
    sealed_.clear();
    return written;
}

base::Result<void> SealingWriter::write(std::string_view plain) {
    // So much at once that it is still near the processor when it is summed and written; large bodies come a megabyte at a time.
    constexpr size_t most = chunks_at_once * crypto::chunk_bytes;
    sealed_.reserve(crypto::sealed_bytes_of(std::min(plain.size(), most) + crypto::chunk_bytes));
    for (; !plain.empty(); plain.remove_prefix(std::min(plain.size(), most))) {
        sealer_.update(plain.substr(0, most), sealed_);
        TRY(pass_on());
    }
    return {};
}

base::Result<store::BlobId> SealingWriter::commit() {
    sealer_.finish(sealed_);
    TRY(pass_on());
    return inner_->commit();
}

base::Result<size_t> OpeningReader::read_into(uint64_t offset, std::span<char> into) const {
    if (offset >= size_ || into.empty()) return size_t{0};
    const uint64_t first = offset / crypto::chunk_bytes, last = crypto::chunks_of(size_) - 1;
    const size_t begins = offset % crypto::chunk_bytes;
    const auto plain_of = [&](uint64_t number) {
        return number == last ? static_cast<size_t>(size_ - last * crypto::chunk_bytes) : crypto::chunk_bytes;
    };
    // Within a chunk: that one alone.
    const bool is_partial = begins != 0 || into.size() < plain_of(first);
    const uint64_t wanted =
        is_partial
            ? 1
            : std::min<uint64_t>({chunks_at_once, last - first + 1, std::max<size_t>(1, into.size() / crypto::chunk_bytes)});
    static thread_local std::array<char, chunks_at_once * crypto::sealed_chunk_bytes> sealed;
    const size_t bytes = static_cast<size_t>(std::min<uint64_t>(
        wanted * crypto::sealed_chunk_bytes, crypto::sealed_bytes_of(size_) - first * crypto::sealed_chunk_bytes));
    for (size_t at = 0; at < bytes;) {
        const size_t got =
            TRY(inner_->read_into(first * crypto::sealed_chunk_bytes + at, std::span(sealed).subspan(at, bytes - at)));
        if (got == 0) return base::fail(altered(first));
        at += got;
    }
    if (is_partial) {
        static thread_local std::array<char, crypto::chunk_bytes> chunk;
        if (!crypto::open_chunk(key_, first, first == last, {sealed.data(), bytes}, chunk)) return base::fail(altered(first));
        const size_t count = std::min(into.size(), plain_of(first) - begins);
        std::memcpy(into.data(), chunk.data() + begins, count);
        return count;
    }
    size_t filled = 0;
    for (uint64_t number = first; number < first + wanted; ++number) {
        const size_t plain = plain_of(number);
        if (filled + plain > into.size()) break;  // the last one, which is read to its end next
        const std::string_view one(sealed.data() + (number - first) * crypto::sealed_chunk_bytes, plain + crypto::gcm_tag_bytes);
        if (!crypto::open_chunk(key_, number, number == last, one, into.subspan(filled, plain)))
            return base::fail(altered(number));
        filled += plain;
    }
    return filled;
}

base::Result<void> OpeningReader::verify(uint64_t offset, uint64_t length) const {
    if (offset >= size_ || length == 0) return {};
    const uint64_t first = offset / crypto::chunk_bytes;
    const uint64_t last = (offset + std::min(length, size_ - offset) - 1) / crypto::chunk_bytes;
    return inner_->verify(first * crypto::sealed_chunk_bytes, (last - first + 1) * crypto::sealed_chunk_bytes);
}

base::Result<std::string> OpeningReader::read(uint64_t offset, size_t length) const {
    std::string out;
    if (offset >= size_) return out;
    out.resize(static_cast<size_t>(std::min<uint64_t>(length, size_ - offset)));
    for (size_t at = 0; at < out.size();) at += TRY(read_into(offset + at, std::span(out).subspan(at)));
    return out;
}

}  // namespace objects
