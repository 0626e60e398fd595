// The chunked transfer coding, one step at a time. Pure: bytes are pushed in, the decoder says what they are.
//
// Source: RFC 9112 section 7.1.
//
//   chunked = *( size-hex [";" extension] CRLF bytes CRLF ) "0" [";" extension] CRLF *( trailer CRLF ) CRLF
//
// Extensions are skipped, trailers too; both are limited. Lines end with CRLF, nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace http {

class ChunkedDecoder {
public:
    enum class Need : uint8_t { line, data, nothing };

    // What must come next: bytes of framing, `data_left()` bytes of content, or nothing (the end).
    [[nodiscard]] Need need() const { return need_; }
    [[nodiscard]] uint64_t data_left() const { return data_left_; }
    // REQUIRES: need() is line. Takes framing bytes up to where content starts or the body ends; says how many it took.
    // Error `InvalidRequest`.
    [[nodiscard]] base::Result<size_t> take_framing(std::string_view bytes);
    // REQUIRES: count <= data_left(). The caller has taken this much content.
    void took_data(uint64_t count);

private:
    [[nodiscard]] base::Result<void> take_line();
    enum class Part : uint8_t { size, after_data, trailer };
    Need need_ = Need::line;
    Part part_ = Part::size;
    uint64_t data_left_ = 0;
    size_t trailer_bytes_ = 0;
    std::string line_;  // of framing, so far, CRLF included
};

}  // namespace http
