// For this room: whom a TLS or DTLS session takes for its peer.
#pragma once

#include <string>

struct ssl_st;

namespace net {

// The other side must have the certificate with this fingerprint; nullptr, as at first: there is none that it could have. What is pointed
// to outlives the handshake. False: there is no memory.
[[nodiscard]] bool expect_peer(ssl_st* session, const std::string* fingerprint);

}  // namespace net
