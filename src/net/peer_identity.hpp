// Who a program is to programs that know it by its fingerprint: a key that never leaves this process, and a certificate that the key signed
// itself. The fingerprint, SHA-256 of the certificate, is no secret; who has it can tell the holder of the key from anybody else. The
// certificate says nothing else, and nobody else's signature counts: it is valid as long as somebody expects its fingerprint.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"

struct evp_pkey_st;
struct ssl_ctx_st;
struct x509_st;

namespace net {

constexpr size_t fingerprint_bytes = 32;

class PeerIdentity {
public:
    // A fresh one. Error `InternalError`.
    [[nodiscard]] static base::Result<std::unique_ptr<PeerIdentity>> make();
    ~PeerIdentity();
    PeerIdentity(const PeerIdentity&) = delete;
    PeerIdentity& operator=(const PeerIdentity&) = delete;

    [[nodiscard]] const std::string& fingerprint() const { return fingerprint_; }
    // For this room: what shows this identity from here on, and asks the other side for its own. Error `InternalError`.
    [[nodiscard]] base::Result<void> show_in(ssl_ctx_st* context) const;

private:
    PeerIdentity(evp_pkey_st* key, x509_st* certificate, std::string fingerprint)
        : key_(key), certificate_(certificate), fingerprint_(std::move(fingerprint)) {}
    evp_pkey_st* key_;
    x509_st* certificate_;
    std::string fingerprint_;
};

// The name by which a peer with this fingerprint is greeted, before anything is computed: half of the fingerprint, as a host name.
[[nodiscard]] std::string name_of_fingerprint(const std::string& fingerprint);

}  // namespace net
