#include "crypto/aead.hpp"

#include <openssl/evp.h>

#include <algorithm>

#include "base/invariant.hpp"

namespace crypto {
namespace {

const unsigned char* raw(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

struct Aead::State {
    EVP_CIPHER_CTX* sealing = EVP_CIPHER_CTX_new();
    EVP_CIPHER_CTX* opening = EVP_CIPHER_CTX_new();
    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        EVP_CIPHER_CTX_free(sealing);
        EVP_CIPHER_CTX_free(opening);
    }
};

Aead::Aead(std::string_view key) : state_(std::make_unique<State>()) {
    INVARIANT(key.size() == key_bytes);
    bool good = EVP_EncryptInit_ex(state_->sealing, EVP_aes_256_gcm(), nullptr, raw(key), nullptr) == 1;
    good = good && EVP_DecryptInit_ex(state_->opening, EVP_aes_256_gcm(), nullptr, raw(key), nullptr) == 1;
    INVARIANT(good);
}

Aead::~Aead() = default;
Aead::Aead(Aead&&) noexcept = default;
Aead& Aead::operator=(Aead&&) noexcept = default;

void Aead::seal(std::string_view nonce, std::string_view bound, std::string_view plain, std::string& to) {
    INVARIANT(nonce.size() == nonce_bytes);
    EVP_CIPHER_CTX* context = state_->sealing;
    const size_t start = to.size();
    to.resize(start + plain.size() + tag_bytes);
    auto* out = reinterpret_cast<unsigned char*>(to.data()) + start;
    int length = 0;
    bool good = EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, raw(nonce)) == 1;
    good = good && EVP_EncryptUpdate(context, nullptr, &length, raw(bound), static_cast<int>(bound.size())) == 1;
    good = good && EVP_EncryptUpdate(context, out, &length, raw(plain), static_cast<int>(plain.size())) == 1;
    good = good && EVP_EncryptFinal_ex(context, out + plain.size(), &length) == 1;
    good = good && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, tag_bytes, out + plain.size()) == 1;
    INVARIANT(good);
}

bool Aead::open(std::string_view nonce, std::string_view bound, std::string_view sealed, std::string& to) {
    INVARIANT(nonce.size() == nonce_bytes);
    if (sealed.size() < tag_bytes) return false;
    EVP_CIPHER_CTX* context = state_->opening;
    const size_t start = to.size(), size = sealed.size() - tag_bytes;
    unsigned char tag[tag_bytes];
    std::copy_n(raw(sealed) + size, tag_bytes, tag);
    to.resize(start + size);
    auto* out = reinterpret_cast<unsigned char*>(to.data()) + start;
    unsigned char nothing[16];
    int length = 0;
    bool good = EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, raw(nonce)) == 1;
    good = good && EVP_DecryptUpdate(context, nullptr, &length, raw(bound), static_cast<int>(bound.size())) == 1;
    good = good && EVP_DecryptUpdate(context, size == 0 ? nothing : out, &length, raw(sealed), static_cast<int>(size)) == 1;
    good = good && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, tag_bytes, tag) == 1;
    good = good && EVP_DecryptFinal_ex(context, nothing, &length) == 1;
    if (!good) to.resize(start);
    return good;
}

}  // namespace crypto
