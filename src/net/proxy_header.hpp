// What a proxy in front says of its client, ahead of the client's first byte: version 2 of the PROXY protocol, the binary one. Pure.
//
// Source: "The PROXY protocol", versions 1 & 2, sections 2.2 and 2.2.6 (haproxy.org).
//
//     header  = 12 bytes of signature, version and command, family and protocol, 2 bytes of length, address block, extensions
//     version = 2; command = 0 LOCAL (the proxy itself: it speaks for nobody), 1 PROXY
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace net {

constexpr size_t proxy_header_begin_bytes = 16;
constexpr size_t proxy_header_bytes_max = 2048;

struct ProxyHeader {
    std::string source_address;  // textual IP of the client; empty: the proxy speaks for nobody
    bool is_tls = false;         // the client came to the proxy over TLS
};

// How long the header is, by its first 16 bytes. Error `InvalidHead`: this is none.
[[nodiscard]] base::Result<size_t> proxy_header_length(std::string_view begin);
// REQUIRES: `header` is as long as that. Error `InvalidHead`.
[[nodiscard]] base::Result<ProxyHeader> read_proxy_header(std::string_view header);

// Networks as `10.0.0.0/8`, `2001:db8::/32`, or single addresses.
class Networks {
public:
    // Error `InvalidConfiguration`.
    [[nodiscard]] static base::Result<Networks> parse(const std::vector<std::string>& texts);
    [[nodiscard]] bool contains(const std::string& address) const;
    [[nodiscard]] bool empty() const { return networks_.empty(); }

private:
    struct Network {
        std::array<uint8_t, 16> bytes{};  // IPv4 as IPv6 maps it
        unsigned bits = 0;
    };
    std::vector<Network> networks_;
};

}  // namespace net
