#include "crypto/signing.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "crypto/digest.hpp"

namespace crypto {
namespace {

constexpr size_t signature_bytes = 64;
constexpr size_t raw_key_bytes = 32;

EVP_PKEY* of(const std::shared_ptr<void>& key) { return static_cast<EVP_PKEY*>(key.get()); }

std::shared_ptr<void> owned(EVP_PKEY* key) {
    return {key, [](void* one) { EVP_PKEY_free(static_cast<EVP_PKEY*>(one)); }};
}

using Bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

Bio reading(std::string_view text) { return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free_all}; }

std::string content_of(const Bio& bio) {
    char* data = nullptr;
    const long length = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<size_t>(length)};
}

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

base::Result<PublicKey> PublicKey::read(std::string_view pem) {
    const Bio bio = reading(pem);
    EVP_PKEY* key = PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr);
    PublicKey out;
    out.key_ = owned(key);
    if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519)
        return base::fail(base::code::InvalidKey, "it holds no Ed25519 public key in PEM");
    return out;
}

bool PublicKey::verifies(std::string_view message, std::string_view signature) const {
    const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    if (EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, of(key_)) != 1) return false;
    return EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message), message.size()) == 1;
}

std::string PublicKey::pem() const {
    const Bio bio(BIO_new(BIO_s_mem()), BIO_free_all);
    const int written = PEM_write_bio_PUBKEY(bio.get(), of(key_));
    INVARIANT(written == 1);
    return content_of(bio);
}

std::string PublicKey::id() const {
    unsigned char raw[raw_key_bytes];
    size_t length = sizeof raw;
    const int got = EVP_PKEY_get_raw_public_key(of(key_), raw, &length);
    INVARIANT(got == 1);
    return hex(sha256({reinterpret_cast<const char*>(raw), length})).substr(0, 16);
}

SigningKey SigningKey::make() {
    SigningKey out;
    out.key_ = owned(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    INVARIANT(out.key_ != nullptr);
    return out;
}

base::Result<SigningKey> SigningKey::read(std::string_view pem) {
    const Bio bio = reading(pem);
    EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr);
    SigningKey out;
    out.key_ = owned(key);
    if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519)
        return base::fail(base::code::InvalidKey, "it holds no Ed25519 private key in PEM");
    return out;
}

std::string SigningKey::sign(std::string_view message) const {
    const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    std::string out(signature_bytes, '\0');
    size_t length = out.size();
    const bool signed_it = EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, of(key_)) == 1 &&
                           EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &length, bytes_of(message),
                                          message.size()) == 1;
    INVARIANT(signed_it && length == signature_bytes);
    return out;
}

std::string SigningKey::pem() const {
    const Bio bio(BIO_new(BIO_s_mem()), BIO_free_all);
    const int written = PEM_write_bio_PrivateKey(bio.get(), of(key_), nullptr, nullptr, 0, nullptr, nullptr);
    INVARIANT(written == 1);
    return content_of(bio);
}

PublicKey SigningKey::public_key() const {
    PublicKey out;
    out.key_ = key_;
    return out;
}

}  // namespace crypto
