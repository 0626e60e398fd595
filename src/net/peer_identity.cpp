#include "net/peer_identity.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>

#include "base/error_codes.hpp"
#include "net/peer_expected.hpp"

namespace net {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

constexpr long chain_bytes_max = 2048;  // of the other side's: one certificate like ours has about 300

std::string digest_of(const X509* certificate) {
    std::string out(fingerprint_bytes, '\0');
    unsigned int length = 0;
    if (X509_digest(certificate, EVP_sha256(), reinterpret_cast<unsigned char*>(out.data()), &length) != 1 ||
        length != out.size())
        return "";
    return out;
}

int expected_slot() {
    static const int slot = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return slot;
}

// Instead of chains, names and dates: is it the one certificate that is expected here? That the other side has its key, OpenSSL checks by
// the handshake's signature.
int is_expected(X509_STORE_CTX* store, void*) {
    const auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    const auto* expected = ssl == nullptr ? nullptr : static_cast<const std::string*>(SSL_get_ex_data(ssl, expected_slot()));
    const X509* certificate = X509_STORE_CTX_get0_cert(store);
    const std::string shown = certificate == nullptr ? "" : digest_of(certificate);
    if (expected != nullptr && expected->size() == fingerprint_bytes && shown.size() == fingerprint_bytes &&
        CRYPTO_memcmp(expected->data(), shown.data(), fingerprint_bytes) == 0) {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

}  // namespace

base::Result<std::unique_ptr<PeerIdentity>> PeerIdentity::make() {
    constexpr char name[] = "trainwarden", from[] = "19700101000000Z", until[] = "99991231235959Z";
    Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    Certificate certificate(X509_new(), X509_free);
    const bool made = key && certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
                      ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1) == 1 &&
                      ASN1_TIME_set_string(X509_getm_notBefore(certificate.get()), from) == 1 &&
                      ASN1_TIME_set_string(X509_getm_notAfter(certificate.get()), until) == 1 &&
                      X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                                                 reinterpret_cast<const unsigned char*>(name), -1, -1, 0) == 1 &&
                      X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get())) == 1 &&
                      X509_set_pubkey(certificate.get(), key.get()) == 1 &&
                      X509_sign(certificate.get(), key.get(), EVP_sha256()) != 0;
    std::string fingerprint = made ? digest_of(certificate.get()) : "";
    if (fingerprint.empty()) {
        ERR_clear_error();
        return base::fail(base::code::InternalError, "a key for a connection cannot be made");
    }
    return std::unique_ptr<PeerIdentity>(new PeerIdentity(key.release(), certificate.release(), std::move(fingerprint)));
}

PeerIdentity::~PeerIdentity() {
    X509_free(certificate_);
    EVP_PKEY_free(key_);
}

base::Result<void> PeerIdentity::show_in(ssl_ctx_st* context) const {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_cert_verify_callback(context, is_expected, nullptr);
    SSL_CTX_set_max_cert_list(context, chain_bytes_max);
    if (SSL_CTX_use_certificate(context, certificate_) == 1 && SSL_CTX_use_PrivateKey(context, key_) == 1) return {};
    ERR_clear_error();
    return base::fail(base::code::InternalError, "a key for a connection cannot be used");
}

bool expect_peer(ssl_st* session, const std::string* fingerprint) {
    return SSL_set_ex_data(session, expected_slot(), const_cast<std::string*>(fingerprint)) == 1;
}

std::string name_of_fingerprint(const std::string& fingerprint) {
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (size_t i = 0; i < fingerprint_bytes / 2 && i < fingerprint.size(); ++i) {
        out += digits[static_cast<unsigned char>(fingerprint[i]) >> 4];
        out += digits[static_cast<unsigned char>(fingerprint[i]) & 15];
    }
    return out;
}

}  // namespace net
