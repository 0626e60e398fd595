#include "crypto/digest.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/invariant.hpp"

namespace crypto {
namespace {

// OpenSSL 3 looks an algorithm up by name on every EVP_md5() use; fetching once saves more than a small hash costs.
const EVP_MD* algorithm(DigestKind kind) {
    static const EVP_MD* const md5_algorithm = EVP_MD_fetch(nullptr, "MD5", nullptr);
    static const EVP_MD* const sha1_algorithm = EVP_MD_fetch(nullptr, "SHA1", nullptr);
    static const EVP_MD* const sha256_algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    const EVP_MD* found = nullptr;
    switch (kind) {
        case DigestKind::md5:
            found = md5_algorithm;
            break;
        case DigestKind::sha1:
            found = sha1_algorithm;
            break;
        case DigestKind::sha256:
            found = sha256_algorithm;
            break;
    }
    INVARIANT(found != nullptr);
    return found;
}

std::string digest(DigestKind kind, std::string_view bytes) {
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    const int done = EVP_Digest(bytes.data(), bytes.size(), out, &length, algorithm(kind), nullptr);
    INVARIANT(done == 1);
    return {reinterpret_cast<const char*>(out), length};
}

std::string hmac(DigestKind kind, std::string_view key, std::string_view bytes) {
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    const auto* done = HMAC(algorithm(kind), key.data(), static_cast<int>(key.size()),
                            reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), out, &length);
    INVARIANT(done != nullptr);
    return {reinterpret_cast<const char*>(out), length};
}

}  // namespace

struct Digest::State {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    ~State() { EVP_MD_CTX_free(context); }
};

Digest::Digest(DigestKind kind) : state_(std::make_unique<State>()) {
    const int done = EVP_DigestInit_ex2(state_->context, algorithm(kind), nullptr);
    INVARIANT(done == 1);
}
Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

void Digest::update(std::string_view bytes) {
    const int done = EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
    INVARIANT(done == 1);
}

std::string Digest::finish() {
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    const int done = EVP_DigestFinal_ex(state_->context, out, &length);
    INVARIANT(done == 1);
    return {reinterpret_cast<const char*>(out), length};
}

std::string md5(std::string_view bytes) { return digest(DigestKind::md5, bytes); }
std::string sha1(std::string_view bytes) { return digest(DigestKind::sha1, bytes); }
std::string sha256(std::string_view bytes) { return digest(DigestKind::sha256, bytes); }
std::string hmac_sha256(std::string_view key, std::string_view bytes) { return hmac(DigestKind::sha256, key, bytes); }
std::string hmac_sha1(std::string_view key, std::string_view bytes) { return hmac(DigestKind::sha1, key, bytes); }

std::string pbkdf2_hmac_sha256(std::string_view password, std::string_view salt, uint32_t iterations, size_t length) {
    std::string out(length, '\0');
    const int done =
        PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), reinterpret_cast<const unsigned char*>(salt.data()),
                          static_cast<int>(salt.size()), static_cast<int>(iterations), algorithm(DigestKind::sha256),
                          static_cast<int>(length), reinterpret_cast<unsigned char*>(out.data()));
    INVARIANT(done == 1);
    return out;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string hex(std::string_view bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        out += digits[static_cast<unsigned char>(c) >> 4];
        out += digits[static_cast<unsigned char>(c) & 15];
    }
    return out;
}

}  // namespace crypto
