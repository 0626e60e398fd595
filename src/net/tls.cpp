#include "net/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error_codes.hpp"
#include "base/log.hpp"

namespace net {

using base::fail;
using base::Result;

namespace {

constexpr size_t file_part_bytes = 64u << 10;   // of a file, encrypted at once
constexpr size_t joined_bytes = 16u << 10;      // a short answer is one record
constexpr std::chrono::seconds looks_apart{1};  // at the files
constexpr int days_to_warn = 14;                // before a certificate ends

// Forward secrecy and authenticated encryption, nothing else. (TLS 1.3 has no other.)
constexpr char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
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

TlsSession::~TlsSession() { SSL_free(session_); }

Result<std::optional<size_t>> TlsSession::result_of(int returned, size_t count, std::string_view doing) {
    wants_ = Wants::nothing;
    if (returned > 0) return count;
    const int number = errno;
    switch (SSL_get_error(session_, returned)) {
        case SSL_ERROR_WANT_READ:
            wants_ = Wants::reading;
            return std::nullopt;
        case SSL_ERROR_WANT_WRITE:
            wants_ = Wants::writing;
            return std::nullopt;
        case SSL_ERROR_ZERO_RETURN:
            return size_t{0};
        case SSL_ERROR_SYSCALL:
            is_broken_ = true;
            ERR_clear_error();
            if (number == 0 || number == EPIPE || number == ECONNRESET)
                return fail(base::code::ConnectionClosed, "the peer closed the connection");
            return fail(base::code::IoError, std::string(doing) + ": " + std::strerror(number));
        default:
            is_broken_ = true;
            return fail(base::code::ConnectionClosed, std::string(doing) + " over TLS: " + last_error());
    }
}

Result<TlsSession::Wants> TlsSession::handshake() {
    ERR_clear_error();
    errno = 0;
    const int returned = SSL_accept(session_);
    TRY(result_of(returned, 0, "greeting"));
    if (returned <= 0 && wants_ == Wants::nothing) return fail(base::code::ConnectionClosed, "the peer closed the connection");
    return wants_;
}

Result<std::optional<size_t>> TlsSession::try_read(std::span<char> into) {
    ERR_clear_error();
    errno = 0;
    size_t got = 0;
    const int returned = SSL_read_ex(session_, into.data(), into.size(), &got);
    return result_of(returned, got, "reading");
}

Result<std::optional<size_t>> TlsSession::try_write(std::string_view first, std::string_view second) {
    static thread_local std::array<char, joined_bytes> joined;
    if (!second.empty() && first.size() < joined.size()) {
        const size_t of_second = std::min(second.size(), joined.size() - first.size());
        std::memcpy(joined.data(), first.data(), first.size());
        std::memcpy(joined.data() + first.size(), second.data(), of_second);
        first = {joined.data(), first.size() + of_second};
    }
    first = first.substr(0, file_part_bytes);
    ERR_clear_error();
    errno = 0;
    size_t sent = 0;
    const int returned = SSL_write_ex(session_, first.data(), first.size(), &sent);
    return result_of(returned, sent, "writing");
}

Result<std::optional<size_t>> TlsSession::try_send_file(int file, uint64_t offset, uint64_t length) {
    ERR_clear_error();
    errno = 0;
    if (BIO_get_ktls_send(SSL_get_wbio(session_))) {  // the kernel encrypts
        const ossl_ssize_t sent =
            SSL_sendfile(session_, file, static_cast<off_t>(offset), std::min<uint64_t>(length, 1u << 30), 0);
        if (sent > 0) return static_cast<size_t>(sent);
        return result_of(static_cast<int>(sent), 0, "sending a file");
    }
    static thread_local std::array<char, file_part_bytes> part;
    ssize_t got = 0;
    do {
        got = ::pread(file, part.data(), std::min<uint64_t>(length, part.size()), static_cast<off_t>(offset));
    } while (got < 0 && errno == EINTR);
    if (got < 0) return fail(base::code::IoError, std::string("reading a file: ") + std::strerror(errno));
    if (got == 0) return fail(base::code::IoError, "the file ends before its " + std::to_string(length) + " last bytes");
    return try_write({part.data(), static_cast<size_t>(got)}, {});
}

bool TlsSession::has_pending() const { return SSL_has_pending(session_) == 1; }

void TlsSession::say_goodbye() {
    if (is_broken_ || SSL_in_init(session_) == 1) return;
    ERR_clear_error();
    (void)SSL_shutdown(session_);
    ERR_clear_error();
}

std::string TlsSession::version() const { return SSL_get_version(session_); }

Result<std::unique_ptr<TlsServer>> TlsServer::open(std::string certificate_file, std::string key_file) {
    std::unique_ptr<TlsServer> server(new TlsServer(std::move(certificate_file), std::move(key_file)));
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
    if (SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context.get(), ciphers) != 1 || SSL_CTX_set1_groups_list(context.get(), groups) != 1)
        return unusable("TLS cannot be set up: " + last_error());
    if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file_.c_str()) != 1)
        return unusable("the certificate in " + certificate_file_ + " cannot be used: " + last_error());
    if (SSL_CTX_use_PrivateKey_file(context.get(), key_file_.c_str(), SSL_FILETYPE_PEM) != 1)
        return unusable("the key in " + key_file_ + " cannot be used with that certificate: " + last_error());
    if (const int days = days_left(SSL_CTX_get0_certificate(context.get())); days < days_to_warn)
        base::log_warn("the certificate in " + certificate_file_ +
                       (days < 0 ? " has expired" : " expires in " + std::to_string(days) + " days"));
    return context.release();
}

TlsServer::Stamp TlsServer::stamp() const {
    Stamp out{};
    size_t at = 0;
    for (const auto& file : {certificate_file_, key_file_}) {
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
