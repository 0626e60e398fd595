// From the texts of PEM files to what a server shows.
#include "net/tls_context.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include <cerrno>

#include "base/error_codes.hpp"
#include "net/openssl.hpp"
#include "net/tls.hpp"
#include "os/descriptor.hpp"

namespace net {

using base::fail;
using base::Result;

namespace {

constexpr unsigned char session_context[] = "trainwarden";

// Forward secrecy and authenticated encryption, nothing else. 128 bits first: they are enough, and a fifth quicker than 256.
constexpr char aes_first_12[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE+CHACHA20";
constexpr char aes_first_13[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr char chacha_first_12[] = "ECDHE+CHACHA20:ECDHE+AESGCM";
constexpr char chacha_first_13[] = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";
constexpr char groups[] = "X25519:P-256:P-384";

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char* in, unsigned int in_length,
                    void*) {
    static constexpr unsigned char ours[] = "\x08http/1.1";
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, out_length, ours, sizeof ours - 1, in, in_length) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

Bio reading(const std::string& text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

// Nobody is there to type one.
int no_passphrase(char*, int, int, void*) { return -1; }

// After all certificates of a file: did it end with them?
bool ended_well() {
    const unsigned long code = ERR_peek_last_error();
    const bool is_end = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
    if (is_end) ERR_clear_error();
    return is_end;
}

bool use_certificates(SSL_CTX* context, const std::string& text) {
    const Bio from = reading(text);
    const Certificate own(PEM_read_bio_X509_AUX(from.get(), nullptr, no_passphrase, nullptr));
    if (!own || SSL_CTX_use_certificate(context, own.get()) != 1) return false;
    for (Certificate one; (one = Certificate(PEM_read_bio_X509(from.get(), nullptr, no_passphrase, nullptr)));)
        if (SSL_CTX_add1_chain_cert(context, one.get()) != 1) return false;
    return ended_well();
}

bool use_key(SSL_CTX* context, const std::string& text) {
    const Bio from = reading(text);
    const Key key(PEM_read_bio_PrivateKey(from.get(), nullptr, no_passphrase, nullptr));
    return key && SSL_CTX_use_PrivateKey(context, key.get()) == 1;
}

bool use_authorities(SSL_CTX* context, const std::string& text) {
    const Bio from = reading(text);
    size_t count = 0;
    for (Certificate one; (one = Certificate(PEM_read_bio_X509(from.get(), nullptr, no_passphrase, nullptr))); ++count)
        if (SSL_CTX_add_client_CA(context, one.get()) != 1 ||
            X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one.get()) != 1)
            return false;
    return ended_well() && count > 0;
}

}  // namespace

// A socket that is not connected cannot have it: that is what the kernel says if it could.
bool kernel_has_tls() {
    const os::Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    constexpr char name[] = "tls";
    return socket.is_open() &&
           (::setsockopt(socket.number(), IPPROTO_TCP, TCP_ULP, name, sizeof name - 1) == 0 || errno == ENOTCONN);
}

bool processor_has_aes() {
#if defined(__x86_64__)
    return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
    return (::getauxval(AT_HWCAP) & HWCAP_AES) != 0;
#else
    return false;
#endif
}

Result<TlsContext> make_context(const PemPair& pair, const PemAuthorities& authorities) {
    ERR_clear_error();
    TlsContext context(SSL_CTX_new(TLS_server_method()));
    if (!context) return fail(base::code::InvalidConfiguration, "TLS cannot be begun: " + last_openssl_error());
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                           SSL_OP_PRIORITIZE_CHACHA | SSL_OP_ENABLE_KTLS);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);  // tickets: the client keeps what it resumes by
    SSL_CTX_set_num_tickets(context.get(), 1);
    SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
    const bool aes = processor_has_aes();
    if (SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context.get(), aes ? aes_first_12 : chacha_first_12) != 1 ||
        SSL_CTX_set_ciphersuites(context.get(), aes ? aes_first_13 : chacha_first_13) != 1 ||
        SSL_CTX_set1_groups_list(context.get(), groups) != 1)
        return fail(base::code::InvalidConfiguration, "TLS cannot be set up: " + last_openssl_error());
    const auto unusable = [](const std::string& what) {
        return fail(base::code::InvalidConfiguration, what + ": " + last_openssl_error());
    };
    if (!use_certificates(context.get(), pair.certificate))
        return unusable("the certificate in " + pair.certificate_file + " cannot be used");
    if (!use_key(context.get(), pair.key))
        return unusable("the key in " + pair.key_file + " cannot be used with that certificate");
    if (authorities.file.empty()) return context;
    if (!use_authorities(context.get(), authorities.text))
        return unusable("the authorities of clients in " + authorities.file + " cannot be used");
    // Nothing is resumed then: who comes again shows the certificate again, and whether it still holds is looked at again.
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | (authorities.is_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context.get(), 0);
    SSL_CTX_set_session_id_context(context.get(), session_context, sizeof session_context - 1);
    return context;
}

}  // namespace net
