// What a server shows to those who connect over TLS, and whom it lets in.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/stat.h>
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include <cerrno>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "net/tls.hpp"
#include "os/descriptor.hpp"

namespace net {

using base::fail;
using base::Result;

namespace {

constexpr std::chrono::seconds looks_apart{1};  // at the files
constexpr int days_to_warn = 14;                // before a certificate ends
constexpr unsigned char session_context[] = "trainwarden";

// Forward secrecy and authenticated encryption, nothing else. 128 bits first: they are enough, and a fifth quicker than 256.
constexpr char aes_first_12[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE+CHACHA20";
constexpr char aes_first_13[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr char chacha_first_12[] = "ECDHE+CHACHA20:ECDHE+AESGCM";
constexpr char chacha_first_13[] = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";
constexpr char groups[] = "X25519:P-256:P-384";

std::string last_error() {
    const unsigned long code = ERR_peek_last_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    ERR_clear_error();
    return reason != nullptr ? reason : "no reason is known";
}

std::unexpected<base::Error> unusable(const std::string& what) { return fail(base::code::InvalidConfiguration, what); }

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char* in, unsigned int in_length,
                    void*) {
    static constexpr unsigned char ours[] = "\x08http/1.1";
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, out_length, ours, sizeof ours - 1, in, in_length) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

// Days until a certificate ends; negative: it has ended.
int days_left(const X509* certificate) {
    int days = 0, seconds = 0;
    return ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate)) == 1 ? days : 0;
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

Result<std::unique_ptr<TlsServer>> TlsServer::open(std::string certificate_file, std::string key_file,
                                                   ClientAuthorities clients) {
    std::unique_ptr<TlsServer> server(new TlsServer(std::move(certificate_file), std::move(key_file), std::move(clients)));
    const base::Lock lock(server->mutex_);
    server->stamp_ = server->stamp();
    server->context_ = TRY(server->read());
    return server;
}

TlsServer::~TlsServer() {
    const base::Lock lock(mutex_);
    SSL_CTX_free(context_);
}

Result<ssl_ctx_st*> TlsServer::read() const {
    ERR_clear_error();
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    if (!context) return unusable("TLS cannot be begun: " + last_error());
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
        return unusable("TLS cannot be set up: " + last_error());
    if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file_.c_str()) != 1)
        return unusable("the certificate in " + certificate_file_ + " cannot be used: " + last_error());
    if (SSL_CTX_use_PrivateKey_file(context.get(), key_file_.c_str(), SSL_FILETYPE_PEM) != 1)
        return unusable("the key in " + key_file_ + " cannot be used with that certificate: " + last_error());
    if (const int days = days_left(SSL_CTX_get0_certificate(context.get())); days < days_to_warn)
        base::log_warn("the certificate in " + certificate_file_ +
                       (days < 0 ? " has expired" : " expires in " + std::to_string(days) + " days"));
    if (!clients_.file.empty()) TRY(ask_for_certificates(context.get()));
    return context.release();
}

// Nothing is resumed then: who comes again shows the certificate again, and whether it still holds is looked at again.
Result<void> TlsServer::ask_for_certificates(ssl_ctx_st* context) const {
    STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(clients_.file.c_str());
    if (names == nullptr || SSL_CTX_load_verify_file(context, clients_.file.c_str()) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return unusable("the authorities of clients in " + clients_.file + " cannot be used: " + last_error());
    }
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (clients_.is_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_session_id_context(context, session_context, sizeof session_context - 1);
    return {};
}

TlsServer::Stamp TlsServer::stamp() const {
    Stamp out{};
    size_t at = 0;
    for (const auto& file : {certificate_file_, key_file_, clients_.file}) {
        struct stat status{};
        if (::stat(file.c_str(), &status) == 0) {
            out[at] = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
            out[at + 1] = status.st_size;
            out[at + 2] = static_cast<int64_t>(status.st_ino);
        }
        at += 3;
    }
    return out;
}

void TlsServer::look_again() {
    const auto now = std::chrono::steady_clock::now();
    if (now - looked_at_ < looks_apart) return;
    looked_at_ = now;
    const Stamp seen = stamp();
    if (seen == stamp_) return;
    stamp_ = seen;  // what cannot be used is said once; whoever mends it changes it
    auto fresh = read();
    if (!fresh) {
        base::log_error("the certificate has changed and is not used: " + fresh.error().message);
        return;
    }
    SSL_CTX_free(context_);  // sessions that are under way keep it
    context_ = *fresh;
    base::log_info("the certificate in " + certificate_file_ + " has changed and is used from now on");
}

Result<std::unique_ptr<TlsSession>> TlsServer::begin(int socket) {
    SSL* session = nullptr;
    {
        const base::Lock lock(mutex_);
        look_again();
        session = SSL_new(context_);
    }
    if (session == nullptr || SSL_set_fd(session, socket) != 1) {
        SSL_free(session);
        return fail(base::code::IoError, "TLS cannot be begun on a connection: " + last_error());
    }
    return std::make_unique<TlsSession>(session);
}

std::optional<int64_t> TlsServer::ends_at() const {
    const base::Lock lock(mutex_);
    int days = 0, seconds = 0;
    const std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> epoch(ASN1_TIME_set(nullptr, 0), ASN1_TIME_free);
    const auto* end = X509_get0_notAfter(SSL_CTX_get0_certificate(context_));
    if (!epoch || ASN1_TIME_diff(&days, &seconds, epoch.get(), end) != 1) return std::nullopt;
    return int64_t{days} * 86'400 + seconds;
}

std::string TlsServer::name() const {
    const base::Lock lock(mutex_);
    std::string found;
    auto* names =
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(SSL_CTX_get0_certificate(context_), NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; found.empty() && i < sk_GENERAL_NAME_num(names); ++i) {
        const GENERAL_NAME* one = sk_GENERAL_NAME_value(names, i);
        if (one->type != GEN_DNS) continue;
        const auto* text = reinterpret_cast<const char*>(ASN1_STRING_get0_data(one->d.dNSName));
        const std::string name(text, static_cast<size_t>(ASN1_STRING_length(one->d.dNSName)));
        if (!name.starts_with("*.")) found = name;
    }
    GENERAL_NAMES_free(names);
    return found;
}

}  // namespace net
