#include "crypto/seal.hpp"

#include <openssl/evp.h>

#include <memory>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"

namespace crypto {
namespace {

constexpr size_t nonce_bytes = 12;
constexpr size_t tag_bytes = 16;

using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

Context make_context() { return {EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free}; }
const unsigned char* raw(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* raw(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

}  // namespace

std::string seal(Random& random, std::string_view key, std::string_view plain, std::string_view bound) {
    INVARIANT(key.size() == 32);
    auto nonce = random.bytes(nonce_bytes);
    std::string cipher(plain.size(), '\0');
    std::string tag(tag_bytes, '\0');
    auto context = make_context();
    int length = 0;
    bool done = EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, raw(key), raw(nonce)) == 1;
    done = done && EVP_EncryptUpdate(context.get(), nullptr, &length, raw(bound), static_cast<int>(bound.size())) == 1;
    done = done && EVP_EncryptUpdate(context.get(), raw(cipher), &length, raw(plain), static_cast<int>(plain.size())) == 1;
    done = done && EVP_EncryptFinal_ex(context.get(), raw(tag), &length) == 1;
    done = done && EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes, tag.data()) == 1;
    INVARIANT(done);
    return nonce + cipher + tag;
}

base::Result<std::string> open_seal(std::string_view key, std::string_view sealed, std::string_view bound) {
    INVARIANT(key.size() == 32);
    if (sealed.size() < nonce_bytes + tag_bytes) return base::fail(base::code::InvalidSeal, "the sealed text is too short");
    const auto nonce = sealed.substr(0, nonce_bytes);
    const auto cipher = sealed.substr(nonce_bytes, sealed.size() - nonce_bytes - tag_bytes);
    std::string tag(sealed.substr(sealed.size() - tag_bytes));
    std::string plain(cipher.size(), '\0');
    auto context = make_context();
    int length = 0;
    bool done = EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, raw(key), raw(nonce)) == 1;
    done = done && EVP_DecryptUpdate(context.get(), nullptr, &length, raw(bound), static_cast<int>(bound.size())) == 1;
    done = done && EVP_DecryptUpdate(context.get(), raw(plain), &length, raw(cipher), static_cast<int>(cipher.size())) == 1;
    done = done && EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes, tag.data()) == 1;
    done = done && EVP_DecryptFinal_ex(context.get(), raw(tag), &length) == 1;
    if (!done) return base::fail(base::code::InvalidSeal, "the sealed text was not sealed with this key, or was changed");
    return plain;
}

}  // namespace crypto
