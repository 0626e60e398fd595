// Two parties agree on a key over a wire that others may read (not change): X25519, RFC 7748.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace crypto {

class KeyAgreement {
public:
    static constexpr size_t public_key_bytes = 32;

    KeyAgreement();  // a fresh key pair
    ~KeyAgreement();
    KeyAgreement(const KeyAgreement&) = delete;
    KeyAgreement& operator=(const KeyAgreement&) = delete;

    [[nodiscard]] std::string public_key() const;
    // 32 bytes, the same on both sides, bound to both public keys and to `purpose`; nullopt for a key that is none.
    [[nodiscard]] std::optional<std::string> agree(std::string_view others_public_key, std::string_view purpose) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace crypto
