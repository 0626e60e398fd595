// Signatures that anyone can check and only the holder of a key can make: Ed25519 (RFC 8032), keys as PEM (RFC 8410). OpenSSL does
// the work.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace crypto {

class PublicKey {
public:
    // Error `InvalidKey`: no Ed25519 public key.
    [[nodiscard]] static base::Result<PublicKey> read(std::string_view pem);
    [[nodiscard]] bool verifies(std::string_view message, std::string_view signature) const;
    [[nodiscard]] std::string pem() const;
    // The first 16 hexadecimal digits of the SHA-256 of the raw key.
    [[nodiscard]] std::string id() const;

private:
    friend class SigningKey;
    std::shared_ptr<void> key_;
};

class SigningKey {
public:
    [[nodiscard]] static SigningKey make();
    // Error `InvalidKey`: no Ed25519 private key.
    [[nodiscard]] static base::Result<SigningKey> read(std::string_view pem);
    [[nodiscard]] std::string sign(std::string_view message) const;  // 64 bytes
    [[nodiscard]] std::string pem() const;                           // PKCS #8, not encrypted
    [[nodiscard]] PublicKey public_key() const;

private:
    std::shared_ptr<void> key_;
};

}  // namespace crypto
