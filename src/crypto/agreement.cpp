#include "crypto/agreement.hpp"

#include <openssl/evp.h>

#include <algorithm>

#include "base/invariant.hpp"
#include "crypto/digest.hpp"

namespace crypto {

struct KeyAgreement::State {
    EVP_PKEY* pair = EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519");
    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { EVP_PKEY_free(pair); }
};

KeyAgreement::KeyAgreement() : state_(std::make_unique<State>()) { INVARIANT(state_->pair != nullptr); }
KeyAgreement::~KeyAgreement() = default;

std::string KeyAgreement::public_key() const {
    std::string key(public_key_bytes, '\0');
    size_t size = key.size();
    const bool good = EVP_PKEY_get_raw_public_key(state_->pair, reinterpret_cast<unsigned char*>(key.data()), &size) == 1;
    INVARIANT(good && size == public_key_bytes);
    return key;
}

std::optional<std::string> KeyAgreement::agree(std::string_view others, std::string_view purpose) const {
    if (others.size() != public_key_bytes) return std::nullopt;
    using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
    using Context = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;
    const Key peer(EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, reinterpret_cast<const unsigned char*>(others.data()),
                                               others.size()),
                   EVP_PKEY_free);
    const Context context(EVP_PKEY_CTX_new(state_->pair, nullptr), EVP_PKEY_CTX_free);
    std::string secret(32, '\0');
    size_t size = secret.size();
    // Refuses keys of small order: the secret would be zero.
    if (!peer || EVP_PKEY_derive_init(context.get()) != 1 || EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1 ||
        EVP_PKEY_derive(context.get(), reinterpret_cast<unsigned char*>(secret.data()), &size) != 1 || size != secret.size())
        return std::nullopt;
    std::string mine = public_key(), theirs(others);
    if (theirs < mine) std::swap(mine, theirs);
    return hmac_sha256(secret, std::string(purpose) + mine + theirs);
}

}  // namespace crypto
