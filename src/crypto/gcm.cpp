#include "crypto/gcm.hpp"

#include <openssl/evp.h>

#include <memory>

#include "base/invariant.hpp"

namespace crypto {
namespace {

using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const unsigned char* raw(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* raw(std::span<char> bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

// One a thread and direction, made once: finding the cipher and making its context costs more than sealing a small object. Null: OpenSSL has no memory.
Context make_context(bool seals) {
    static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    Context context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
    INVARIANT(cipher != nullptr && context);
    INVARIANT(EVP_CipherInit_ex(context.get(), cipher, nullptr, nullptr, nullptr, seals ? 1 : 0) == 1);
    return context;
}

EVP_CIPHER_CTX* begin(bool seals, std::string_view key, std::string_view nonce, std::string_view bound) {
    INVARIANT(key.size() == gcm_key_bytes && nonce.size() == gcm_nonce_bytes);
    static thread_local const Context sealing = make_context(true), opening = make_context(false);
    EVP_CIPHER_CTX* const context = seals ? sealing.get() : opening.get();
    INVARIANT(EVP_CipherInit_ex(context, nullptr, nullptr, raw(key), raw(nonce), seals ? 1 : 0) == 1);
    int length = 0;
    INVARIANT(bound.empty() || EVP_CipherUpdate(context, nullptr, &length, raw(bound), static_cast<int>(bound.size())) == 1);
    return context;
}

}  // namespace

void gcm_seal(std::string_view key, std::string_view nonce, std::string_view plain, std::string_view bound,
              std::span<char> into) {
    INVARIANT(into.size() >= plain.size() + gcm_tag_bytes);
    EVP_CIPHER_CTX* const context = begin(true, key, nonce, bound);
    const auto tag = into.subspan(plain.size());
    int length = 0;
    bool done = plain.empty() || EVP_CipherUpdate(context, raw(into), &length, raw(plain), static_cast<int>(plain.size())) == 1;
    done = done && EVP_CipherFinal_ex(context, raw(tag), &length) == 1;
    done = done && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, gcm_tag_bytes, tag.data()) == 1;
    INVARIANT(done);
}

bool gcm_open(std::string_view key, std::string_view nonce, std::string_view sealed, std::string_view bound,
              std::span<char> into) {
    INVARIANT(sealed.size() >= gcm_tag_bytes && into.size() >= sealed.size() - gcm_tag_bytes);
    EVP_CIPHER_CTX* const context = begin(false, key, nonce, bound);
    const auto cipher = sealed.substr(0, sealed.size() - gcm_tag_bytes), tag = sealed.substr(cipher.size());
    int length = 0;
    bool done =
        cipher.empty() || EVP_CipherUpdate(context, raw(into), &length, raw(cipher), static_cast<int>(cipher.size())) == 1;
    done = done && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, gcm_tag_bytes, const_cast<char*>(tag.data())) == 1;
    unsigned char rest[gcm_tag_bytes];
    return done && EVP_CipherFinal_ex(context, rest, &length) == 1;
}

}  // namespace crypto
