// The certificate that a server shows, and whom it lets in: read again when the files change.
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "net/openssl.hpp"
#include "net/tls.hpp"
#include "net/tls_context.hpp"
#include "os/file.hpp"

namespace net {

using base::fail;
using base::Result;

namespace {

constexpr std::chrono::seconds looks_apart{1}, end_patience{1};
constexpr int days_to_warn = 14;  // before a certificate ends
constexpr size_t file_bytes_max = 1u << 20;

// When a file changed, how large it is, which it is.
using Stamp = std::array<int64_t, 3>;

Stamp stamp_of(const std::string& file) {
    struct stat status{};
    if (file.empty() || ::stat(file.c_str(), &status) != 0) return {};
    return {status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec, status.st_size, static_cast<int64_t>(status.st_ino)};
}

Result<std::string> read_pem(const std::string& file) {
    auto content = os::read_file(file, file_bytes_max);
    if (!content) return fail(base::code::InvalidConfiguration, content.error().message);
    return content;
}

// While a server runs, nobody waits for what may never come.
Result<std::string> read_regular(const std::string& file) {
    struct stat status{};
    if (::stat(file.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
        return fail(base::code::InvalidConfiguration, file + " is not a file");
    return read_pem(file);
}

// Days until a certificate ends; negative: it has ended.
int days_left(const X509* certificate) {
    int days = 0, seconds = 0;
    return ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate)) == 1 ? days : 0;
}

void warn_of_end(const PemPair& pair, const ssl_ctx_st* context) {
    const int days = days_left(SSL_CTX_get0_certificate(context));
    if (days >= days_to_warn) return;
    base::log_warn("the certificate in " + pair.certificate_file +
                   (days < 0 ? " has expired" : " expires in " + std::to_string(days) + " days"));
}

}  // namespace

// The context is the mutex's; all else the thread's, once there is one.
struct TlsServer::Shown {
    base::Mutex mutex;
    base::Condition changed;
    TlsContext context GUARDED_BY(mutex);
    bool is_ending GUARDED_BY(mutex) = false;
    bool has_ended GUARDED_BY(mutex) = false;
    PemPair pair;
    PemAuthorities authorities;
    std::array<Stamp, 2> pair_stamps{};
    Stamp authorities_stamp{};

    [[nodiscard]] std::array<Stamp, 2> stamps_of_pair() const {
        return {stamp_of(pair.certificate_file), stamp_of(pair.key_file)};
    }

    void use(TlsContext fresh) {
        const base::Lock lock(mutex);
        context = std::move(fresh);  // sessions that are under way keep what they have
    }

    void look_at_pair() {
        const auto seen = stamps_of_pair();
        if (seen == pair_stamps) return;
        pair_stamps = seen;  // what cannot be used is said once; whoever mends it changes it
        const auto made = [&]() -> Result<void> {
            PemPair read = pair;
            read.certificate = TRY(read_regular(pair.certificate_file));
            read.key = TRY(read_regular(pair.key_file));
            TlsContext fresh = TRY(make_context(read, authorities));
            warn_of_end(read, fresh.get());
            pair = std::move(read);
            use(std::move(fresh));
            return {};
        }();
        if (!made) return base::log_error("the certificate has changed and is not used: " + made.error().message);
        base::log_info("the certificate in " + pair.certificate_file + " has changed and is used from now on");
    }

    void look_at_authorities() {
        const Stamp seen = stamp_of(authorities.file);
        if (seen == authorities_stamp) return;
        authorities_stamp = seen;
        const auto made = [&]() -> Result<void> {
            PemAuthorities read = authorities;
            read.text = TRY(read_regular(authorities.file));
            TlsContext fresh = TRY(make_context(pair, read));
            authorities = std::move(read);
            use(std::move(fresh));
            return {};
        }();
        if (!made)
            return base::log_error(
                "the authorities of clients have changed and are not used; those that were read before still are: " +
                made.error().message);
        base::log_info("the authorities of clients in " + authorities.file + " have changed and are used from now on");
    }

    void watch() {
        base::Lock lock(mutex);
        while (!changed.wait_for(mutex, looks_apart, [this]() REQUIRES(mutex) { return is_ending; })) {
            lock.unlock();
            look_at_pair();
            if (!authorities.file.empty()) look_at_authorities();
            lock.lock();
        }
        has_ended = true;
        changed.notify_all();
    }
};

Result<std::unique_ptr<TlsServer>> TlsServer::open(std::string certificate_file, std::string key_file,
                                                   ClientAuthorities clients) {
    std::unique_ptr<TlsServer> server(new TlsServer());
    auto shown = std::make_shared<Shown>();
    shown->pair = {
        .certificate_file = std::move(certificate_file), .key_file = std::move(key_file), .certificate = {}, .key = {}};
    shown->authorities = {.file = std::move(clients.file), .is_required = clients.is_required, .text = {}};
    shown->pair_stamps = shown->stamps_of_pair();
    shown->authorities_stamp = stamp_of(shown->authorities.file);
    shown->pair.certificate = TRY(read_pem(shown->pair.certificate_file));
    shown->pair.key = TRY(read_pem(shown->pair.key_file));
    if (!shown->authorities.file.empty()) shown->authorities.text = TRY(read_pem(shown->authorities.file));
    TlsContext context = TRY(make_context(shown->pair, shown->authorities));
    struct stat status{};
    if (::stat(shown->pair.key_file.c_str(), &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & S_IROTH) != 0)
        base::log_warn("everybody on this machine may read the key in " + shown->pair.key_file + ": chmod o-rwx it");
    warn_of_end(shown->pair, context.get());
    shown->use(std::move(context));
    server->shown_ = shown;
    server->watcher_ = std::thread([shown] { shown->watch(); });
    return server;
}

TlsServer::~TlsServer() {
    if (!watcher_.joinable()) return;
    bool has_ended = false;
    {
        const base::Lock lock(shown_->mutex);
        shown_->is_ending = true;
        shown_->changed.notify_all();
        has_ended =
            shown_->changed.wait_for(shown_->mutex, end_patience, [this]() REQUIRES(shown_->mutex) { return shown_->has_ended; });
    }
    // A file system that hangs keeps the thread, and what it uses is its own.
    if (has_ended)
        watcher_.join();
    else
        watcher_.detach();
}

Result<std::unique_ptr<TlsSession>> TlsServer::begin(int socket) {
    SSL* session = nullptr;
    {
        const base::Lock lock(shown_->mutex);
        session = SSL_new(shown_->context.get());
    }
    if (session == nullptr || SSL_set_fd(session, socket) != 1) {
        SSL_free(session);
        return fail(base::code::IoError, "TLS cannot be begun on a connection: " + last_openssl_error());
    }
    return std::make_unique<TlsSession>(session);
}

std::optional<int64_t> TlsServer::ends_at() const {
    const base::Lock lock(shown_->mutex);
    int days = 0, seconds = 0;
    const std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> epoch(ASN1_TIME_set(nullptr, 0), ASN1_TIME_free);
    const auto* end = X509_get0_notAfter(SSL_CTX_get0_certificate(shown_->context.get()));
    if (!epoch || ASN1_TIME_diff(&days, &seconds, epoch.get(), end) != 1) return std::nullopt;
    return int64_t{days} * 86'400 + seconds;
}

std::string TlsServer::name() const {
    const base::Lock lock(shown_->mutex);
    std::string found;
    auto* names = static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(SSL_CTX_get0_certificate(shown_->context.get()), NID_subject_alt_name, nullptr, nullptr));
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
