#include "crypto/seal.hpp"

#include "base/error_codes.hpp"
#include "crypto/gcm.hpp"

namespace crypto {

std::string seal(Random& random, std::string_view key, std::string_view plain, std::string_view bound) {
    std::string out = random.bytes(gcm_nonce_bytes);
    out.resize(gcm_nonce_bytes + plain.size() + gcm_tag_bytes);
    gcm_seal(key, std::string_view(out).substr(0, gcm_nonce_bytes), plain, bound, std::span(out).subspan(gcm_nonce_bytes));
    return out;
}

base::Result<std::string> open_seal(std::string_view key, std::string_view sealed, std::string_view bound) {
    if (sealed.size() < gcm_nonce_bytes + gcm_tag_bytes)
        return base::fail(base::code::InvalidSeal, "the sealed text is too short");
    std::string plain(sealed.size() - gcm_nonce_bytes - gcm_tag_bytes, '\0');
    if (!gcm_open(key, sealed.substr(0, gcm_nonce_bytes), sealed.substr(gcm_nonce_bytes), bound, plain))
        return base::fail(base::code::InvalidSeal, "the sealed text was not sealed with this key, or was changed");
    return plain;
}

}  // namespace crypto
