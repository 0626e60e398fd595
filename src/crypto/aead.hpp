// AES-256-GCM with nonces of the caller's: for streams and packets, where the order or a counter makes them.
// For text that is stored, see seal.hpp, which draws its nonces itself.
//
// Source: NIST SP 800-38D. A key and a nonce together may seal one text only.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace crypto {

// Keeps the key's schedule: one for each key and direction, used by one thread.
class Aead {
public:
    static constexpr size_t key_bytes = 32, nonce_bytes = 12, tag_bytes = 16;

    explicit Aead(std::string_view key);  // REQUIRES: key.size() == key_bytes
    ~Aead();
    Aead(Aead&&) noexcept;
    Aead& operator=(Aead&&) noexcept;

    // Appends the ciphertext and the tag. `bound` is authenticated, not encrypted. REQUIRES: nonce.size() == nonce_bytes.
    void seal(std::string_view nonce, std::string_view bound, std::string_view plain, std::string& to);
    // Appends what was sealed. False, and nothing appended, for anything else.
    [[nodiscard]] bool open(std::string_view nonce, std::string_view bound, std::string_view sealed, std::string& to);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace crypto
