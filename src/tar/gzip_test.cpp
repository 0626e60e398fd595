#include "tar/gzip.hpp"

#include <doctest/doctest.h>

namespace tar {
namespace {

std::string noise(size_t size) {
    std::string out(size, '\0');
    uint32_t seed = 7;
    for (auto& c : out) c = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
    return out;
}

}  // namespace

TEST_CASE("what is packed comes back, whatever its size; the same bytes pack to the same bytes") {
    for (const auto& content : {std::string(), std::string("x"), std::string(1'000'000, 'a'), noise(700'001)}) {
        const auto packed = gzip(content);
        CHECK(packed == gzip(content));
        CHECK(packed.substr(4, 4) == std::string(4, '\0'));  // no time stamp
        const auto back = gunzip(packed, content.size() + 1);
        REQUIRE(back.has_value());
        CHECK(*back == content);
    }
}

TEST_CASE("more than the caller takes is told apart from what is not gzip, cut off, damaged, or followed by something") {
    const std::string content(100'000, 'a');
    const auto packed = gzip(content);
    CHECK(gunzip(packed, content.size() - 1).error().code == "GzipTooLarge");
    CHECK(gunzip(packed, 0).error().code == "GzipTooLarge");
    auto damaged = packed;
    damaged[damaged.size() - 6] ^= 1;  // of the checksum
    for (const auto& bad :
         {std::string(), std::string("no gzip at all"), packed.substr(0, packed.size() - 1), packed + "x", damaged})
        CHECK(gunzip(bad, 1'000'000).error().code == "InvalidGzip");
}

TEST_CASE("a stream may come in any pieces and have several members; what the sink refuses ends it") {
    const auto first = noise(300'000), second = std::string(50'000, 'b');
    const auto packed = gzip(first) + gzip(second);
    for (const size_t piece : {size_t{1}, size_t{7}, size_t{100'000}, packed.size()}) {
        Gunzip reader;
        std::string out;
        for (size_t at = 0; at < packed.size(); at += piece) {
            const auto fed =
                reader.feed(std::string_view(packed).substr(at, piece), [&out](std::string_view part) -> base::Result<void> {
                    out += part;
                    return {};
                });
            REQUIRE(fed.has_value());
        }
        CHECK(reader.ended());
        CHECK(out == first + second);
        if (piece == 1) break;
    }
    const auto nothing = [](std::string_view) -> base::Result<void> { return {}; };
    Gunzip cut;
    REQUIRE(cut.feed(std::string_view(packed).substr(0, packed.size() - 1), nothing).has_value());
    CHECK_FALSE(cut.ended());
    Gunzip other;
    CHECK(other.feed("no gzip at all, but longer than its header", nothing).error().code == "InvalidGzip");
    const auto full = [](std::string_view) -> base::Result<void> { return base::fail("DiskFull", "no room"); };
    Gunzip refused;
    CHECK(refused.feed(packed, full).error().code == "DiskFull");
    Gzip writer(full);
    auto written = writer.write(noise(2'000'000));
    if (written) written = writer.finish();
    REQUIRE_FALSE(written.has_value());
    CHECK(written.error().code == "DiskFull");
}

TEST_CASE("zlib's format, of a size that is known") {
    CHECK(inflate("not zlib", 4).error().code == "InvalidGzip");
    // zlib.compress(b"hello")
    const std::string packed("\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x15", 13);
    CHECK(inflate(packed, 5).value() == "hello");
    CHECK_FALSE(inflate(packed, 6).has_value());
    CHECK_FALSE(inflate(packed, 4).has_value());
}

}  // namespace tar
