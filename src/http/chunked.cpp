#include "http/chunked.hpp"

#include <charconv>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"

namespace http {

using base::fail;
using base::Result;

namespace {
constexpr size_t size_line_bytes_max = 4096;  // extensions included
constexpr size_t trailer_bytes_max = 16384;
}  // namespace

Result<size_t> ChunkedDecoder::take_framing(std::string_view bytes) {
    size_t taken = 0;
    while (taken < bytes.size() && need_ == Need::line) {
        const char c = bytes[taken++];
        const bool after_return = !line_.empty() && line_.back() == '\r';
        if ((c == '\n') != after_return)
            return fail(base::code::InvalidRequest, "the chunked body is malformed: a line does not end with CRLF");
        line_ += c;
        if (line_.size() > size_line_bytes_max)
            return fail(base::code::InvalidRequest, "the chunked body is malformed: a line is too long");
        if (c != '\n') continue;
        TRY(take_line());
        line_.clear();
    }
    return taken;
}

Result<void> ChunkedDecoder::take_line() {
    const auto line = std::string_view(line_).substr(0, line_.size() - 2);
    switch (part_) {
        case Part::after_data:
            if (!line.empty())
                return fail(base::code::InvalidRequest, "the chunked body is malformed: a chunk is longer than its size");
            part_ = Part::size;
            return {};
        case Part::trailer:
            trailer_bytes_ += line_.size();
            if (trailer_bytes_ > trailer_bytes_max)
                return fail(base::code::InvalidRequest, "the chunked body's trailers are too long");
            if (line.empty()) need_ = Need::nothing;
            return {};
        case Part::size:
            break;
    }
    const auto size = line.substr(0, line.find(';'));
    const auto end = size.data() + size.size();
    const auto got = std::from_chars(size.data(), end, data_left_, 16);
    if (size.empty() || got.ec != std::errc() || got.ptr != end || data_left_ > INT64_MAX)
        return fail(base::code::InvalidRequest, "the chunked body is malformed: a chunk size is not a hexadecimal number");
    if (data_left_ == 0)
        part_ = Part::trailer;
    else
        need_ = Need::data;
    return {};
}

void ChunkedDecoder::took_data(uint64_t count) {
    INVARIANT(need_ == Need::data && count <= data_left_);
    data_left_ -= count;
    if (data_left_ > 0) return;
    need_ = Need::line;
    part_ = Part::after_data;
}

}  // namespace http
