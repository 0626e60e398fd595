#include "net/openssl.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace net {

void FreeOpenssl::operator()(bio_st* bio) const { BIO_free(bio); }
void FreeOpenssl::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }
void FreeOpenssl::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
void FreeOpenssl::operator()(x509_st* certificate) const { X509_free(certificate); }

std::string last_openssl_error() {
    const unsigned long code = ERR_peek_last_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    ERR_clear_error();
    return reason != nullptr ? reason : "no reason is known";
}

}  // namespace net
