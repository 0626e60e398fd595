#include "net/proxy_header.hpp"

#include <doctest/doctest.h>

namespace net {
namespace {

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string header(char command, char family, const std::string& rest) {
    return signature + command + family + static_cast<char>(rest.size() >> 8) + static_cast<char>(rest.size() & 0xff) + rest;
}

const std::string ipv4("\xcb\x00\x71\x07\x0a\x00\x00\x01\x12\x34\x01\xbb", 12);

std::string source(const std::string& bytes) {
    const auto read = read_proxy_header(bytes);
    return read ? read->source_address : read.error().code;
}

}  // namespace

TEST_CASE("a proxy names its client, and whether that came over TLS") {
    CHECK(source(header(0x21, 0x11, ipv4)) == "203.0.113.7");
    CHECK_FALSE(read_proxy_header(header(0x21, 0x11, ipv4))->is_tls);
    const std::string over_tls("\x20\x00\x05\x01\x00\x00\x00\x00", 8), in_the_clear("\x20\x00\x05\x00\x00\x00\x00\x00", 8);
    const std::string other("\x04\x00\x02xy", 5);
    CHECK(read_proxy_header(header(0x21, 0x11, ipv4 + other + over_tls))->is_tls);
    CHECK_FALSE(read_proxy_header(header(0x21, 0x11, ipv4 + in_the_clear))->is_tls);
    std::string ipv6(36, '\0');
    ipv6[0] = 0x20, ipv6[1] = 0x01, ipv6[15] = 0x05;
    CHECK(source(header(0x21, 0x21, ipv6)) == "2001::5");
    CHECK(source(header(0x20, 0x00, "")).empty());  // LOCAL: the proxy itself
}

TEST_CASE("what is no header, or one that could be read in two ways, is refused") {
    CHECK(source(header(0x11, 0x11, ipv4)) == "InvalidHead");
    CHECK(source(header(0x22, 0x11, ipv4)) == "InvalidHead");
    CHECK(source(header(0x21, 0x12, ipv4)) == "InvalidHead");  // UDP
    CHECK(source(header(0x21, 0x00, ipv4)) == "InvalidHead");
    CHECK(source(header(0x21, 0x11, ipv4.substr(1))) == "InvalidHead");
    CHECK(source(header(0x21, 0x21, ipv4)) == "InvalidHead");
    CHECK(source(header(0x21, 0x11, ipv4) + "x") == "InvalidHead");
    CHECK(source(header(0x21, 0x11, ipv4 + std::string("\x20\x00\x05\x01", 4))) == "InvalidHead");
    CHECK(source("GET / HTTP/1.1\r\nHost: h\r\n\r\n") == "InvalidHead");
    CHECK(source("PROXY TCP4 203.0.113.7 10.0.0.1 1 2\r\n") == "InvalidHead");
    CHECK(proxy_header_length(header(0x21, 0x11, std::string(2032, 'x')).substr(0, 16)).value() == 2048);
    CHECK_FALSE(proxy_header_length(header(0x21, 0x11, std::string(2033, 'x')).substr(0, 16)).has_value());
}

TEST_CASE("networks hold their own addresses and no others") {
    const auto networks = Networks::parse({"10.1.0.0/16", "192.0.2.7", "2001:db8::/33"}).value();
    for (const char* in : {"10.1.0.0", "10.1.255.255", "192.0.2.7", "2001:db8::1", "2001:db8:7fff::", "::ffff:10.1.2.3"})
        CHECK_MESSAGE(networks.contains(in), in);
    for (const char* out : {"10.2.0.0", "192.0.2.6", "2001:db8:8000::", "::", "", "10.1", "localhost"})
        CHECK_MESSAGE(!networks.contains(out), out);
    CHECK(Networks::parse({"0.0.0.0/0"}).value().contains("255.255.255.255"));
    CHECK_FALSE(Networks::parse({"0.0.0.0/0"}).value().contains("2001:db8::1"));
    for (const char* wrong : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129", "ten", "10.0.0.0/8x"})
        CHECK(Networks::parse({wrong}).error().code == "InvalidConfiguration");
}

}  // namespace net
