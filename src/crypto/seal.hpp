// Authenticated encryption: AES-256-GCM with a fresh 12-byte nonce in front of the ciphertext, the 16-byte tag behind it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "crypto/random.hpp"

namespace crypto {

// REQUIRES: key.size() == 32. `bound` is authenticated, not encrypted: what the sealed text belongs to.
[[nodiscard]] std::string seal(Random& random, std::string_view key, std::string_view plain, std::string_view bound);
// Error `InvalidSeal` for anything that was not sealed with this key and this `bound`.
[[nodiscard]] base::Result<std::string> open_seal(std::string_view key, std::string_view sealed, std::string_view bound);

}  // namespace crypto
