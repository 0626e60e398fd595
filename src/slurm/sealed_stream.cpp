#include "slurm/sealed_stream.hpp"

#include <thread>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "crypto/digest.hpp"

namespace slurm {
namespace {

std::string nonce_of(uint64_t count) {
    std::string nonce(crypto::Aead::nonce_bytes, '\0');
    for (size_t i = 0; i < 8; ++i) nonce[nonce.size() - 1 - i] = static_cast<char>(count >> (8 * i));
    return nonce;
}

}  // namespace

base::Result<void> FrameWriter::write(net::Stream& to, std::string_view plain) {
    INVARIANT(plain.size() <= frame_plain_bytes_max);
    const size_t size = plain.size() + crypto::Aead::tag_bytes;
    sealed_.clear();
    for (int shift = 24; shift >= 0; shift -= 8) sealed_ += static_cast<char>(size >> shift);
    aead_.seal(nonce_of(count_++), "", plain, sealed_);
    return to.write_all(sealed_);
}

base::Result<std::string> read_exactly(net::Stream& from, size_t bytes) {
    std::string out(bytes, '\0');
    size_t got = 0;
    while (got < bytes) {
        const size_t more = TRY(from.read_some({out.data() + got, bytes - got}));
        if (more == 0) return base::fail(base::code::ConnectionClosed, "the connection ends in the middle");
        got += more;
    }
    return out;
}

base::Result<std::string_view> FrameReader::read(net::Stream& from) {
    const std::string head = TRY(read_exactly(from, 4));
    size_t size = 0;
    for (const char c : head) size = size << 8 | static_cast<unsigned char>(c);
    if (size < crypto::Aead::tag_bytes || size > frame_plain_bytes_max + crypto::Aead::tag_bytes)
        return base::fail(base::code::InvalidSeal, "a frame has an impossible length");
    sealed_ = TRY(read_exactly(from, size));
    plain_.clear();
    if (!aead_.open(nonce_of(count_++), "", sealed_, plain_))
        return base::fail(base::code::InvalidSeal, "a frame was changed on its way");
    return std::string_view(plain_);
}

ConnectionKeys connection_keys(std::string_view worker_key, std::string_view agents_random, std::string_view gateways_random) {
    const std::string both = std::string(agents_random) + std::string(gateways_random);
    return {crypto::hmac_sha256(worker_key, "to gateway" + both), crypto::hmac_sha256(worker_key, "to agent" + both)};
}

void carry(net::Stream& plain, net::Stream& sealed, FrameWriter& writer, FrameReader& reader) {
    const auto give_up = [&] {
        plain.shutdown_both();
        sealed.shutdown_both();
    };
    std::thread outward([&] {
        std::string buffer(frame_plain_bytes_max, '\0');
        for (;;) {
            const auto got = plain.read_some(buffer);
            if (!got) return give_up();
            if (!writer.write(sealed, {buffer.data(), *got})) return give_up();
            if (*got == 0) return;
        }
    });
    for (;;) {
        const auto frame = reader.read(sealed);
        if (!frame || (!frame->empty() && !plain.write_all(*frame))) {
            give_up();
            break;
        }
        if (frame->empty()) {
            plain.shutdown_write();
            break;
        }
    }
    outward.join();
    give_up();
}

}  // namespace slurm
