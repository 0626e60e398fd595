#include "net/tls.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "net/openssl.hpp"

namespace net {

using base::fail;
using base::Result;

namespace {

constexpr size_t record_bytes = 16u << 10;  // the most that one record holds
constexpr size_t joined_bytes = 16u << 10;  // a short answer is one record
constexpr size_t part_bytes = 64u << 10;    // of a file, read at once: it is still near when it is encrypted
constexpr size_t batch_bytes_max = 128u << 10;
constexpr size_t kernel_part_bytes = 1u << 30;  // of a file, at once, where the kernel encrypts
// Of what readers have not taken, of all sessions: beyond it, records are made one by one.
constexpr size_t unsent_bytes_max = 32u << 20;
constexpr size_t record_overhead_max = 64;  // header, type, tag, and the nonce of TLS 1.2

std::atomic<size_t> all_unsent = 0;

std::unexpected<base::Error> closed() { return fail(base::code::ConnectionClosed, "the peer closed the connection"); }

}  // namespace

int keep_records(bio_st* bio, const char* bytes, size_t size, size_t* written) {
    auto& session = *static_cast<TlsSession*>(BIO_get_data(bio));
    auto& into = session.records_ != nullptr ? *session.records_ : session.unsent_;
    if (&into == &session.unsent_) all_unsent += size;
    into.insert(into.end(), bytes, bytes + size);
    *written = size;
    return 1;
}

namespace {

long control_records(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* records_method() {
    static const BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "records");
        INVARIANT(made != nullptr && BIO_meth_set_write_ex(made, keep_records) == 1 &&
                  BIO_meth_set_ctrl(made, control_records) == 1);
        return made;
    }();
    return method;
}

}  // namespace

TlsSession::~TlsSession() {
    all_unsent -= unsent_.size();
    SSL_free(session_);
}

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
            if (number == 0 || number == EPIPE || number == ECONNRESET) return closed();
            return fail(base::code::IoError, std::string(doing) + ": " + std::strerror(number));
        default:
            is_broken_ = true;
            return fail(base::code::ConnectionClosed, std::string(doing) + " over TLS: " + last_openssl_error());
    }
}

Result<TlsSession::Wants> TlsSession::handshake() {
    ERR_clear_error();
    errno = 0;
    const int returned = SSL_accept(session_);
    TRY(result_of(returned, 0, "greeting"));
    if (returned <= 0 && wants_ == Wants::nothing) return closed();
    if (wants_ != Wants::nothing) return wants_;
    certificate_ = read_certificate();
    if (!kernel_encrypts()) keep_records_here();
    return wants_;
}

// From here on records do not go to the socket one by one. The handshake's have: they are few.
void TlsSession::keep_records_here() {
    BIO* records = BIO_new(records_method());
    if (records == nullptr) return;  // one by one, then
    BIO_set_data(records, this);
    BIO_set_init(records, 1);
    SSL_set0_wbio(session_, records);
    keeps_records_ = true;
}

bool TlsSession::kernel_encrypts() const { return BIO_get_ktls_send(SSL_get_wbio(session_)) != 0; }

// Sends from the front of it; true: all.
Result<bool> TlsSession::send_from(std::string_view& records) {
    while (!records.empty()) {
        const ssize_t sent = ::send(SSL_get_rfd(session_), records.data(), records.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            records.remove_prefix(static_cast<size_t>(sent));
        } else if (errno == EAGAIN) {
            wants_ = Wants::writing;
            return false;
        } else if (errno != EINTR) {
            is_broken_ = true;
            if (errno == EPIPE || errno == ECONNRESET) return closed();
            return fail(base::code::IoError, std::string("writing: ") + std::strerror(errno));
        }
    }
    return true;
}

Result<bool> TlsSession::flush() {
    if (unsent_.empty()) return true;
    std::string_view left(unsent_.data() + unsent_from_, unsent_.size() - unsent_from_);
    const auto all = send_from(left);
    unsent_from_ = unsent_.size() - left.size();
    if (all && *all) {
        all_unsent -= unsent_.size();
        unsent_ = {};
        unsent_from_ = 0;
    }
    return all;
}

size_t TlsSession::batch_bytes() const { return all_unsent > unsent_bytes_max ? record_bytes : std::max(batch_, record_bytes); }

template <class Fill>
Result<std::optional<size_t>> TlsSession::send_records(size_t most, Fill fill) {
    wants_ = Wants::nothing;
    if (!TRY(flush())) return std::nullopt;
    if (owed_ > 0) return std::exchange(owed_, 0);
    static thread_local std::vector<char> records;
    records.clear();
    records.reserve(batch_bytes_max + (batch_bytes_max / record_bytes + 1) * record_overhead_max);
    size_t taken = 0;
    const size_t batch = std::min(most, batch_bytes());
    while (taken < batch) {
        const std::string_view part = TRY(fill(taken, batch - taken));
        if (part.empty()) break;
        size_t written = 0;
        ERR_clear_error();
        errno = 0;
        records_ = &records;
        const int returned = SSL_write_ex(session_, part.data(), part.size(), &written);
        records_ = nullptr;
        if (returned != 1) {
            TRY(result_of(returned, written, "writing"));
            return closed();  // it waits for nothing: what it writes is kept
        }
        taken += written;
    }
    std::string_view left(records.data(), records.size());
    if (TRY(send_from(left))) {
        batch_ = std::min(batch_bytes_max, 2 * std::max(batch_, record_bytes));
        return taken;
    }
    batch_ = record_bytes;
    unsent_.assign(left.begin(), left.end());
    all_unsent += unsent_.size();
    owed_ = taken;
    return std::nullopt;
}

Result<std::optional<size_t>> TlsSession::try_read(std::span<char> into) {
    ERR_clear_error();
    errno = 0;
    size_t got = 0;
    const int returned = SSL_read_ex(session_, into.data(), into.size(), &got);
    auto result = result_of(returned, got, "reading");
    // What it answers by itself, new keys for one, goes out as soon as it can.
    if (result && !unsent_.empty()) {
        const Wants wants = wants_;
        TRY(flush());
        wants_ = wants;
    }
    return result;
}

Result<std::optional<size_t>> TlsSession::try_write(std::string_view first, std::string_view second) {
    static thread_local std::array<char, joined_bytes> joined;
    if (!second.empty() && first.size() < joined.size()) {
        const size_t of_second = std::min(second.size(), joined.size() - first.size());
        std::memcpy(joined.data(), first.data(), first.size());
        std::memcpy(joined.data() + first.size(), second.data(), of_second);
        first = {joined.data(), first.size() + of_second};
    }
    if (keeps_records_)
        return send_records(first.size(),
                            [first](size_t at, size_t most) -> Result<std::string_view> { return first.substr(at, most); });
    first = first.substr(0, part_bytes);
    ERR_clear_error();
    errno = 0;
    size_t sent = 0;
    const int returned = SSL_write_ex(session_, first.data(), first.size(), &sent);
    return result_of(returned, sent, "writing");
}

Result<size_t> TlsSession::read_file(int file, uint64_t offset, std::span<char> into) const {
    ssize_t got = 0;
    do {
        got = ::pread(file, into.data(), into.size(), static_cast<off_t>(offset));
    } while (got < 0 && errno == EINTR);
    if (got < 0) return fail(base::code::IoError, std::string("reading a file: ") + std::strerror(errno));
    if (got == 0) return fail(base::code::IoError, "the file ends before its last " + std::to_string(into.size()) + " bytes");
    return static_cast<size_t>(got);
}

Result<std::optional<size_t>> TlsSession::try_send_file(int file, uint64_t offset, uint64_t length) {
    ERR_clear_error();
    errno = 0;
    if (kernel_encrypts()) {
        const ossl_ssize_t sent =
            SSL_sendfile(session_, file, static_cast<off_t>(offset), std::min<uint64_t>(length, kernel_part_bytes), 0);
        if (sent > 0) return static_cast<size_t>(sent);
        return result_of(static_cast<int>(sent), 0, "sending a file");
    }
    alignas(64) static thread_local std::array<char, part_bytes> part;
    if (keeps_records_)
        return send_records(std::min<uint64_t>(length, batch_bytes_max), [&](size_t at, size_t most) -> Result<std::string_view> {
            const auto into = std::span(part).first(std::min(most, part.size()));
            return std::string_view(part.data(), TRY(read_file(file, offset + at, into)));
        });
    const auto got = TRY(read_file(file, offset, std::span(part).first(std::min<uint64_t>(length, part.size()))));
    return try_write({part.data(), got}, {});
}

bool TlsSession::has_pending() const { return SSL_has_pending(session_) == 1; }

void TlsSession::say_goodbye() {
    if (is_broken_ || SSL_in_init(session_) == 1) return;
    ERR_clear_error();
    (void)SSL_shutdown(session_);
    ERR_clear_error();
    (void)flush();  // who does not take it does not hear it
}

std::string TlsSession::version() const { return SSL_get_version(session_); }
std::string TlsSession::cipher() const { return SSL_get_cipher_name(session_); }

std::unique_ptr<const ClientCertificate> TlsSession::read_certificate() const {
    X509* shown = SSL_get0_peer_certificate(session_);
    if (shown == nullptr || SSL_get_verify_result(session_) != X509_V_OK) return nullptr;
    auto out = std::make_unique<ClientCertificate>();
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new(BIO_s_mem()), BIO_free);
    // Any character that stands for itself does, as UTF-8; control characters are escaped.
    constexpr unsigned long format = XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
    if (!text || X509_digest(shown, EVP_sha256(), digest.data(), &size) != 1 ||
        X509_NAME_print_ex(text.get(), X509_get_subject_name(shown), 0, format) < 0)
        return nullptr;
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(text.get(), &bytes);
    if (length > 0) out->subject.assign(bytes, static_cast<size_t>(length));
    constexpr char digits[] = "0123456789abcdef";
    for (unsigned int i = 0; i < size; ++i) {
        out->sha256 += digits[digest[i] >> 4];
        out->sha256 += digits[digest[i] & 15];
    }
    return out;
}

}  // namespace net
