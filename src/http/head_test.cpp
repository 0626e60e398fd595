#include "http/head.hpp"

#include <doctest/doctest.h>

#include "http/chunked.hpp"

using http::parse_head;

TEST_CASE("a plain head") {
    const auto parsed = parse_head(
        "PUT /b/k%20x?a=1&b HTTP/1.1\r\nHost: h\r\nX-A:  v w \t\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n");
    REQUIRE(parsed);
    CHECK(parsed->head.method == "PUT");
    CHECK(parsed->head.path == "/b/k%20x");
    CHECK(parsed->head.query == "a=1&b");
    CHECK(parsed->head.headers.get("x-a") == "v w");
    CHECK(parsed->framing.length == 12);
    CHECK(parsed->framing.expects_continue);
    CHECK(parsed->framing.keep_alive);
    CHECK_FALSE(parsed->framing.chunked);
}

TEST_CASE("what request smuggling is made of is refused") {
    struct Case {
        const char* what;
        std::string text;
        int status;
    };
    const std::string start = "GET / HTTP/1.1\r\nHost: h\r\n";
    for (const auto& [what, text, status] : std::vector<Case>{
             {"two lengths", start + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
             {"a list of lengths", start + "Content-Length: 1, 1\r\n\r\n", 400},
             {"a signed length", start + "Content-Length: +1\r\n\r\n", 400},
             {"a negative length", start + "Content-Length: -1\r\n\r\n", 400},
             {"an empty length", start + "Content-Length:\r\n\r\n", 400},
             {"a length past 63 bits", start + "Content-Length: 9223372036854775808\r\n\r\n", 400},
             {"length and coding", start + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
             {"two codings", start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
             {"a coding list", start + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
             {"an obscured coding", start + "Transfer-Encoding: xchunked\r\n\r\n", 501},
             {"a coding in HTTP/1.0", "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
             {"a space before the colon", start + "Content-Length : 1\r\n\r\n", 400},
             {"a folded line", start + "X: a\r\n b\r\n\r\n", 400},
             {"a bare LF in a value", start + "X: a\nContent-Length: 3\r\n\r\n", 400},
             {"a bare CR in a value", start + "X: a\rb\r\n\r\n", 400},
             {"a NUL in a value", start + std::string("X: a\0b\r\n\r\n", 10), 400},
             {"a line without colon", start + "X\r\n\r\n", 400},
             {"an empty name", start + ": v\r\n\r\n", 400},
             {"two hosts", start + "Host: i\r\n\r\n", 400},
             {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
             {"an absolute target", "GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
             {"a target with a space", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
             {"a target with a fragment", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
             {"a target with a raw byte", "GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
             {"another version", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
             {"lower-case version", "GET / http/1.1\r\nHost: h\r\n\r\n", 400},
             {"no version", "GET /\r\nHost: h\r\n\r\n", 400},
             {"a broken method", "G(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
         }) {
        CAPTURE(what);
        const auto parsed = parse_head(text);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().status == status);
    }
}

TEST_CASE("too many headers are refused, the limit itself is not") {
    for (const auto& [count, good] : {std::pair{http::head_fields_max, true}, {http::head_fields_max + 1, false}}) {
        std::string text = "GET / HTTP/1.1\r\nHost: h\r\n";
        for (size_t i = 1; i < count; ++i) text += "X-" + std::to_string(i) + ": v\r\n";
        const auto parsed = parse_head(text + "\r\n");
        CHECK(parsed.has_value() == good);
        if (!parsed) CHECK(parsed.error().status == 431);
    }
}

TEST_CASE("an answer's header cannot smuggle another") {
    http::Headers headers;
    headers.add("X-A", "v\r\nX-Evil: 1");
    headers.add("Bad Name", "v");
    CHECK(http::write_head(200, headers) == "HTTP/1.1 200 OK\r\nX-A: v  X-Evil: 1\r\n");
}

TEST_CASE("find_head_end finds an end that came in two pieces") {
    CHECK(http::find_head_end("a\r\n\r\nb", 0) == 5);
    CHECK(http::find_head_end("a\r\n\r\nb", 4) == 5);
    CHECK_FALSE(http::find_head_end("a\r\n\r", 0));
}

namespace {
// The content of a whole chunked body fed `step` bytes at a time, or the error's message.
std::string decode(std::string_view body, size_t step) {
    http::ChunkedDecoder decoder;
    std::string out;
    while (!body.empty()) {
        switch (decoder.need()) {
            case http::ChunkedDecoder::Need::nothing:
                return out + "|" + std::string(body);
            case http::ChunkedDecoder::Need::data: {
                const auto count = std::min<size_t>(std::min(step, body.size()), decoder.data_left());
                out += body.substr(0, count);
                decoder.took_data(count);
                body.remove_prefix(count);
                break;
            }
            case http::ChunkedDecoder::Need::line: {
                const auto took = decoder.take_framing(body.substr(0, step));
                if (!took) return took.error().code;
                body.remove_prefix(*took);
            }
        }
    }
    return decoder.need() == http::ChunkedDecoder::Need::nothing ? out : "unfinished";
}
}  // namespace

TEST_CASE("chunked bodies, whole and byte by byte") {
    struct Case {
        std::string_view body, content;
    };
    for (const auto& [body, content] : std::vector<Case>{
             {"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", "abcde"},
             {"0\r\n\r\n", ""},
             {"A\r\n0123456789\r\n0\r\nX-T: v\r\n\r\n", "0123456789"},
             {"0\r\n\r\nGET /", "|GET /"},
             {"3\r\nabcd\r\n0\r\n\r\n", "InvalidRequest"},
             {"3\nabc\r\n0\r\n\r\n", "InvalidRequest"},
             {"3\r\rabc", "InvalidRequest"},
             {"-3\r\nabc\r\n", "InvalidRequest"},
             {"0x3\r\nabc\r\n", "InvalidRequest"},
             {" 3\r\nabc\r\n", "InvalidRequest"},
             {"\r\nabc\r\n", "InvalidRequest"},
             {"ffffffffffffffff\r\n", "InvalidRequest"},
             {"8000000000000000\r\n", "InvalidRequest"},
             {"3;x\nabc\r\n0\r\n\r\n", "InvalidRequest"},
             {"0\r\nX-T: v\n\r\n", "InvalidRequest"},
             {"3\r\nab", "unfinished"},
         }) {
        CAPTURE(body);
        CHECK(decode(body, 1) == content);
        CHECK(decode(body, 1000) == content);
    }
}

TEST_CASE("lines of a chunked body and its trailers are limited") {
    const auto chunk = [](size_t extension) { return "1;" + std::string(extension, 'x') + "\r\na\r\n0\r\n\r\n"; };
    CHECK(decode(chunk(4000), 1000) == "a");
    CHECK(decode(chunk(4096), 1000) == "InvalidRequest");
    const auto trailers = [](size_t lines) {
        std::string out = "0\r\n";
        for (size_t i = 0; i < lines; ++i) out += "X: " + std::string(995, 'v') + "\r\n";
        return out + "\r\n";
    };
    CHECK(decode(trailers(16), 1000).empty());
    CHECK(decode(trailers(17), 1000) == "InvalidRequest");
}

TEST_CASE("a connection stays unless the client says otherwise") {
    const auto stays = [](const std::string& connection) {
        return parse_head("GET / HTTP/1.1\r\nHost: h\r\n" + connection + "\r\n")->framing.keep_alive;
    };
    CHECK(stays(""));
    CHECK(stays("Connection: keep-alive\r\n"));
    CHECK_FALSE(stays("Connection: close\r\n"));
    CHECK_FALSE(stays("Connection: upgrade, Close\r\n"));
}
