// Digests and keyed digests. Output is raw bytes in a std::string; `hex` makes it text.
// Sources: FIPS 180-4, RFC 1321, RFC 2104, RFC 8018 (PBKDF2). OpenSSL does the work.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace crypto {

enum class DigestKind : uint8_t { md5, sha1, sha256 };

// Incremental; finish() may be called once.
class Digest {
public:
    explicit Digest(DigestKind kind);
    ~Digest();
    Digest(Digest&&) noexcept;
    Digest& operator=(Digest&&) noexcept;
    void update(std::string_view bytes);
    [[nodiscard]] std::string finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

[[nodiscard]] std::string md5(std::string_view bytes);
[[nodiscard]] std::string sha1(std::string_view bytes);
[[nodiscard]] std::string sha256(std::string_view bytes);
[[nodiscard]] std::string hmac_sha256(std::string_view key, std::string_view bytes);
[[nodiscard]] std::string hmac_sha1(std::string_view key, std::string_view bytes);
[[nodiscard]] std::string pbkdf2_hmac_sha256(std::string_view password, std::string_view salt, uint32_t iterations,
                                             size_t length);

// Takes time that depends on the lengths only.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b);

[[nodiscard]] std::string hex(std::string_view bytes);  // lower case

}  // namespace crypto
