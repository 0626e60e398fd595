// Reads the head of an HTTP/1.1 request and decides how its body is framed. Pure.
//
// Source: RFC 9112 sections 2 to 6, RFC 9110 section 5.
//
//   head         = method SP target SP "HTTP/1." ("0" / "1") CRLF *( name ":" OWS value OWS CRLF ) CRLF
//   target       = "/" *( %x21-7E except "#" )          origin form; `*` and absolute form are refused
//   name, method = 1*tchar
//   value        = *( %x20-7E / HTAB / %x80-FF )
//
// Strict on purpose, because two parsers that disagree are a hole: a bare CR or LF, a folded line, white space before the colon,
// NUL, two Content-Lengths (equal ones too), Content-Length beside Transfer-Encoding, a transfer coding other than exactly
// `chunked`, two Hosts or none are all refused.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.hpp"

namespace http {

constexpr size_t head_bytes_max = 64u << 10;
constexpr size_t head_fields_max = 200;

struct Framing {
    bool chunked = false;
    uint64_t length = 0;  // 0 and not chunked: no body
    bool expects_continue = false;
    bool keep_alive = true;
};

struct ParsedHead {
    RequestHead head;
    Framing framing;
};

struct HeadError {
    int status = 400;
    std::string message;
};

// Where the head ends in `received` (behind the empty line), or nullopt if it has not come whole yet.
// `searched_before`: how many bytes an earlier call has seen.
[[nodiscard]] std::optional<size_t> find_head_end(std::string_view received, size_t searched_before = 0);

// REQUIRES: `text` ends with the empty line that find_head_end found.
[[nodiscard]] std::expected<ParsedHead, HeadError> parse_head(std::string_view text);

[[nodiscard]] std::string_view reason_of(int status);

// `HTTP/1.1 200 OK` and the fields, without the empty line. Control characters in a value become spaces: a header can never
// smuggle another. A field whose name is not a token is left out.
[[nodiscard]] std::string write_head(int status, const Headers& headers);

}  // namespace http
