#include "net/proxy_header.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/error_codes.hpp"

namespace net {

using base::fail;
using base::Result;

namespace {

constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr uint8_t tcp_over_ipv4 = 0x11, tcp_over_ipv6 = 0x21;
constexpr size_t ipv4_block = 12, ipv6_block = 36;  // two addresses and two ports
constexpr uint8_t type_tls = 0x20, client_has_tls = 0x01;
constexpr size_t extension_head = 3;
constexpr unsigned ipv4_bits_before = 96;

uint8_t byte_at(std::string_view text, size_t at) { return static_cast<uint8_t>(text[at]); }
size_t number_at(std::string_view text, size_t at) { return size_t{byte_at(text, at)} << 8 | byte_at(text, at + 1); }

std::unexpected<base::Error> no_header(const char* why) {
    return fail(base::code::InvalidHead, std::string("no header of the PROXY protocol, version 2: ") + why);
}

std::string text_of(int family, std::string_view raw) {
    char text[INET6_ADDRSTRLEN] = "";
    ::inet_ntop(family, raw.data(), text, sizeof text);
    return text;
}

// As IPv6 maps it.
std::optional<std::array<uint8_t, 16>> bytes_of(const std::string& address) {
    std::array<uint8_t, 16> out{};
    if (::inet_pton(AF_INET6, address.c_str(), out.data()) == 1) return out;
    out.fill(0);
    out[10] = out[11] = 0xff;
    if (::inet_pton(AF_INET, address.c_str(), out.data() + 12) == 1) return out;
    return std::nullopt;
}

}  // namespace

Result<size_t> proxy_header_length(std::string_view begin) {
    if (begin.size() < proxy_header_begin_bytes || !begin.starts_with(signature)) return no_header("it begins otherwise");
    if (byte_at(begin, 12) >> 4 != 2 || (byte_at(begin, 12) & 0x0f) > 1) return no_header("another version or command");
    const size_t length = proxy_header_begin_bytes + number_at(begin, 14);
    if (length > proxy_header_bytes_max) return no_header("it is too long");
    return length;
}

Result<ProxyHeader> read_proxy_header(std::string_view header) {
    if (TRY(proxy_header_length(header.substr(0, proxy_header_begin_bytes))) != header.size())
        return no_header("its length is wrong");
    ProxyHeader out;
    if ((byte_at(header, 12) & 0x0f) == 0) return out;
    const uint8_t family = byte_at(header, 13);
    auto rest = header.substr(proxy_header_begin_bytes);
    if (family == tcp_over_ipv4 && rest.size() >= ipv4_block) {
        out.source_address = text_of(AF_INET, rest);
        rest.remove_prefix(ipv4_block);
    } else if (family == tcp_over_ipv6 && rest.size() >= ipv6_block) {
        out.source_address = text_of(AF_INET6, rest);
        rest.remove_prefix(ipv6_block);
    } else {
        return no_header("it names no TCP address");
    }
    while (!rest.empty()) {
        if (rest.size() < extension_head || rest.size() - extension_head < number_at(rest, 1))
            return no_header("an extension does not end");
        const auto value = rest.substr(extension_head, number_at(rest, 1));
        if (byte_at(rest, 0) == type_tls && !value.empty()) out.is_tls = (byte_at(value, 0) & client_has_tls) != 0;
        rest.remove_prefix(extension_head + value.size());
    }
    return out;
}

Result<Networks> Networks::parse(const std::vector<std::string>& texts) {
    Networks out;
    for (const auto& text : texts) {
        const auto slash = text.find('/');
        const auto bytes = bytes_of(text.substr(0, slash));
        const bool is_ipv4 = text.find(':') == std::string::npos;
        const unsigned most = is_ipv4 ? 32 : 128;
        unsigned bits = most;
        if (slash != std::string::npos) {
            const char* end = text.data() + text.size();
            const auto read = std::from_chars(text.data() + slash + 1, end, bits);
            if (read.ec != std::errc() || read.ptr != end) bits = most + 1;
        }
        if (!bytes || bits > most)
            return fail(base::Error(base::code::InvalidConfiguration, "`" + text + "` is no network")
                            .note("write 10.0.0.0/8, 2001:db8::/32 or an address"));
        out.networks_.push_back({.bytes = *bytes, .bits = bits + (is_ipv4 ? ipv4_bits_before : 0)});
    }
    return out;
}

bool Networks::contains(const std::string& address) const {
    const auto bytes = bytes_of(address);
    return bytes && std::ranges::any_of(networks_, [&](const Network& one) {
               const unsigned whole = one.bits / 8, more = one.bits % 8;
               if (std::memcmp(one.bytes.data(), bytes->data(), whole) != 0) return false;
               return more == 0 || (one.bytes[whole] ^ (*bytes)[whole]) >> (8 - more) == 0;
           });
}

}  // namespace net
