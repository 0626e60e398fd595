// For this room, what it needs of OpenSSL in several places: objects that are freed when they go, and the last error in words.
#pragma once

#include <memory>
#include <string>

struct bio_st;
struct evp_pkey_st;
struct ssl_ctx_st;
struct x509_st;

namespace net {

struct FreeOpenssl {
    void operator()(bio_st* bio) const;
    void operator()(evp_pkey_st* key) const;
    void operator()(ssl_ctx_st* context) const;
    void operator()(x509_st* certificate) const;
};
using Bio = std::unique_ptr<bio_st, FreeOpenssl>;
using Certificate = std::unique_ptr<x509_st, FreeOpenssl>;
using Key = std::unique_ptr<evp_pkey_st, FreeOpenssl>;
using TlsContext = std::unique_ptr<ssl_ctx_st, FreeOpenssl>;

// Of this thread, which forgets all of its errors.
[[nodiscard]] std::string last_openssl_error();

}  // namespace net
