// AES-256-GCM with a nonce of the caller's: what `seal` and `chunks` are made of. A nonce is used once with a key, or nothing is kept secret.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace crypto {

constexpr size_t gcm_key_bytes = 32, gcm_nonce_bytes = 12, gcm_tag_bytes = 16;

// REQUIRES: the sizes above; `into` has room for the plain text and the tag behind it.
void gcm_seal(std::string_view key, std::string_view nonce, std::string_view plain, std::string_view bound, std::span<char> into);
// False: it was not sealed so; what is in `into` then is worth nothing. REQUIRES: sealed.size() >= gcm_tag_bytes, and room for the rest.
[[nodiscard]] bool gcm_open(std::string_view key, std::string_view nonce, std::string_view sealed, std::string_view bound,
                            std::span<char> into);

}  // namespace crypto
