#include "tar/gzip.hpp"

#include <zlib.h>

#include <algorithm>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"

namespace tar {
namespace {

constexpr size_t buffer_bytes = 256 * 1024;
constexpr int with_gzip_header = 15 + 16;  // zlib's window bits: 32 KiB, and gzip instead of zlib's format
constexpr int level = 6, memory_level = 8;

std::unexpected<base::Error> invalid() { return base::fail(base::code::InvalidGzip, "it is not gzip"); }

Bytef* input(std::string_view bytes) { return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data())); }
Bytef* output(char* at) { return reinterpret_cast<Bytef*>(at); }

}  // namespace

struct Gzip::Stream {
    z_stream z{};
    Stream() { INVARIANT(::deflateInit2(&z, level, Z_DEFLATED, with_gzip_header, memory_level, Z_DEFAULT_STRATEGY) == Z_OK); }
    ~Stream() { ::deflateEnd(&z); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
};

Gzip::Gzip(Sink sink) : stream_(std::make_unique<Stream>()), sink_(std::move(sink)), buffer_(buffer_bytes, '\0') {}
Gzip::~Gzip() = default;

base::Result<void> Gzip::pass(std::string_view bytes, int flush) {
    auto& z = stream_->z;
    z.next_in = input(bytes);
    z.avail_in = static_cast<uInt>(bytes.size());
    do {
        z.next_out = output(buffer_.data());
        z.avail_out = static_cast<uInt>(buffer_.size());
        INVARIANT(::deflate(&z, flush) != Z_STREAM_ERROR);
        if (z.avail_out < buffer_.size()) TRY(sink_(std::string_view(buffer_).substr(0, buffer_.size() - z.avail_out)));
    } while (z.avail_out == 0);
    return {};
}

base::Result<void> Gzip::write(std::string_view bytes) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), buffer_bytes)))
        TRY(pass(bytes.substr(0, buffer_bytes), Z_NO_FLUSH));
    return {};
}

base::Result<void> Gzip::finish() { return pass({}, Z_FINISH); }

struct Gunzip::Stream {
    z_stream z{};
    Stream() { INVARIANT(::inflateInit2(&z, with_gzip_header) == Z_OK); }
    ~Stream() { ::inflateEnd(&z); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
};

Gunzip::Gunzip() : stream_(std::make_unique<Stream>()), buffer_(buffer_bytes, '\0') {}
Gunzip::~Gunzip() = default;

base::Result<void> Gunzip::feed(std::string_view bytes, const Sink& sink) {
    auto& z = stream_->z;
    z.next_in = input(bytes);
    z.avail_in = static_cast<uInt>(bytes.size());
    z.avail_out = 1;
    while (z.avail_in > 0 || z.avail_out == 0) {
        if (ended_ && (z.avail_in == 0 || ::inflateReset(&z) != Z_OK)) break;
        ended_ = false;
        z.next_out = output(buffer_.data());
        z.avail_out = static_cast<uInt>(buffer_.size());
        const int status = ::inflate(&z, Z_NO_FLUSH);
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) return invalid();
        if (z.avail_out < buffer_.size()) TRY(sink(std::string_view(buffer_).substr(0, buffer_.size() - z.avail_out)));
        ended_ = status == Z_STREAM_END;
        if (status == Z_BUF_ERROR) break;
    }
    return {};
}

std::string gzip(std::string_view bytes) {
    std::string packed;
    Gzip writer([&packed](std::string_view part) -> base::Result<void> {
        packed += part;
        return {};
    });
    INVARIANT(writer.write(bytes).has_value() && writer.finish().has_value());
    return packed;
}

base::Result<std::string> gunzip(std::string_view packed, size_t bytes_max) {
    z_stream z{};
    INVARIANT(::inflateInit2(&z, with_gzip_header) == Z_OK);
    z.next_in = input(packed);
    z.avail_in = static_cast<uInt>(packed.size());
    std::string out;
    int status = Z_OK;
    while (status == Z_OK && out.size() < bytes_max) {
        const size_t filled = out.size();
        out.resize(std::min(bytes_max, filled + std::max<size_t>(filled, 16384)));
        z.next_out = output(out.data() + filled);
        z.avail_out = static_cast<uInt>(out.size() - filled);
        // With room left and no end, the packed bytes are at an end too early: Z_BUF_ERROR on the next round.
        do status = ::inflate(&z, Z_NO_FLUSH);
        while (status == Z_OK && z.avail_out > 0);
    }
    const bool whole = status == Z_STREAM_END && z.avail_in == 0;
    const bool full = status == Z_OK && z.avail_out == 0;
    out.resize(z.total_out);
    ::inflateEnd(&z);
    if (full) return base::fail(base::code::GzipTooLarge, "it unpacks to more than " + std::to_string(bytes_max) + " bytes");
    if (!whole) return invalid();
    return out;
}

base::Result<std::string> inflate(std::string_view packed, size_t size) {
    std::string out(size, '\0');
    uLongf written = size;
    const int status = ::uncompress(output(out.data()), &written, input(packed), packed.size());
    if (status != Z_OK || written != size) return invalid();
    return out;
}

}  // namespace tar
