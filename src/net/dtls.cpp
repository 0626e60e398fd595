#include "net/dtls.hpp"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "net/peer_expected.hpp"

namespace net {
namespace {

constexpr char ciphers[] = "ECDHE-ECDSA-AES256-GCM-SHA384";
constexpr char groups[] = "X25519:P-256";
constexpr unsigned first_wait_us = 200'000,
                   longest_wait_us = 2'000'000;  // before a flight is sent again; each time twice as long

constexpr size_t record_head_bytes = 13, handshake_head_bytes = 12, random_bytes = 32;
constexpr size_t sealed_bytes_min = dtls_overhead - record_head_bytes;
constexpr unsigned char client_hello = 1;

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

unsigned char byte_at(std::string_view text, size_t at) { return static_cast<unsigned char>(text[at]); }

unsigned wait_again(SSL*, unsigned last_us) { return last_us == 0 ? first_wait_us : std::min(last_us * 2, longest_wait_us); }

int session_slot() {
    static const int slot = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return slot;
}
int context_slot() {
    static const int slot = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return slot;
}

}  // namespace

std::optional<DtlsRecord> read_dtls_record(std::string_view datagram) {
    // 254.255 is DTLS 1.0, which greetings may still say; 254.253 is 1.2. Without renegotiation there are two epochs: in the clear and not.
    // OpenSSL 3.0 takes a record that is too short to have been encrypted for an error of its own, and ends the session.
    std::string_view rest = datagram;
    do {
        if (rest.size() < record_head_bytes) return std::nullopt;
        const unsigned char type = byte_at(rest, 0);
        const size_t length = static_cast<size_t>(byte_at(rest, 11)) << 8 | byte_at(rest, 12);
        if (type < 20 || type > 23 || byte_at(rest, 1) != 254 || byte_at(rest, 3) != 0 || byte_at(rest, 4) > 1)
            return std::nullopt;
        if (length < (byte_at(rest, 4) == 0 ? 1 : sealed_bytes_min) || record_head_bytes + length > rest.size())
            return std::nullopt;
        rest.remove_prefix(record_head_bytes + length);
    } while (!rest.empty());
    DtlsRecord out;
    out.type = static_cast<DtlsRecord::Type>(byte_at(datagram, 0));
    out.epoch = byte_at(datagram, 4);
    constexpr size_t random_at = record_head_bytes + handshake_head_bytes + 2;
    const size_t length = static_cast<size_t>(byte_at(datagram, 11)) << 8 | byte_at(datagram, 12);
    if (out.type == DtlsRecord::Type::handshake && out.epoch == 0 && byte_at(datagram, record_head_bytes) == client_hello &&
        length >= handshake_head_bytes + 2 + random_bytes)
        out.client_random = datagram.substr(random_at, random_bytes);
    return out;
}

// A BIO whose reads give the datagram that is arriving, and whose writes are datagrams.
struct DtlsSession::Wire {
    static DtlsSession& session_of(BIO* bio) { return *static_cast<DtlsSession*>(BIO_get_data(bio)); }

    static int read(BIO* bio, char* into, int size) {
        auto& session = session_of(bio);
        BIO_clear_retry_flags(bio);
        if (session.arriving_.empty()) {
            BIO_set_retry_read(bio);
            return -1;
        }
        const size_t count =
            std::min(session.arriving_.size(), static_cast<size_t>(size));  // what does not fit is lost, as of a socket's
        std::memcpy(into, session.arriving_.data(), count);
        if (!session.keeps_arriving_) session.arriving_ = {};
        return static_cast<int>(count);
    }

    static int write(BIO* bio, const char* from, int size) {
        BIO_clear_retry_flags(bio);
        session_of(bio).send_({from, static_cast<size_t>(size)});
        return size;
    }

    static long control(BIO* bio, int what, long number, void*) {
        switch (what) {
            case BIO_CTRL_DGRAM_SET_PEEK_MODE:  // DTLSv1_listen looks first
                session_of(bio).keeps_arriving_ = number != 0;
                return 1;
            case BIO_CTRL_FLUSH:
                return 1;
            case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
                return 48;
            default:
                return 0;
        }
    }

    static const BIO_METHOD* method() {
        static const BIO_METHOD* const made = [] {
            BIO_METHOD* out = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");
            const bool done = out != nullptr && BIO_meth_set_read(out, read) == 1 && BIO_meth_set_write(out, write) == 1 &&
                              BIO_meth_set_ctrl(out, control) == 1;
            INVARIANT(done);
            return out;
        }();
        return made;
    }
};

DtlsSession::~DtlsSession() { SSL_free(ssl_); }

void DtlsSession::go_on(std::vector<std::string>* packets) {
    ERR_clear_error();
    if (!is_open_) {
        const int returned = SSL_do_handshake(ssl_);
        if (returned != 1) {
            const int why = SSL_get_error(ssl_, returned);
            if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) is_over_ = true;
            ERR_clear_error();
            return;
        }
        is_open_ = true;
    }
    while (packets != nullptr && !is_over_) {
        static thread_local std::vector<char> packet(dtls_packet_bytes_max);
        size_t got = 0;
        const int returned = SSL_read_ex(ssl_, packet.data(), packet.size(), &got);
        if (returned == 1) {
            ++received_;
            packets->emplace_back(packet.data(), got);
            continue;
        }
        const int why = SSL_get_error(ssl_, returned);
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) is_over_ = true;
        ERR_clear_error();
        return;
    }
}

void DtlsSession::take(std::string_view datagram, std::vector<std::string>& packets) {
    packets.clear();
    if (is_over_ || !read_dtls_record(datagram)) return;
    arriving_ = datagram;
    go_on(&packets);
    arriving_ = {};
}

bool DtlsSession::write(std::string_view packet) {
    INVARIANT(packet.size() <= dtls_packet_bytes_max);
    if (!is_open_ || is_over_) return false;
    ERR_clear_error();
    size_t sent = 0;
    if (SSL_write_ex(ssl_, packet.data(), packet.size(), &sent) == 1) {
        ++sent_;
        return true;
    }
    const int why = SSL_get_error(ssl_, 0);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) is_over_ = true;
    ERR_clear_error();
    return false;
}

void DtlsSession::tick() {
    if (is_over_ || is_open_) return;
    ERR_clear_error();
    if (DTLSv1_handle_timeout(ssl_) < 0) is_over_ = true;
    ERR_clear_error();
}

void DtlsSession::say_goodbye() {
    if (is_over_ || !is_open_) return;
    ERR_clear_error();
    (void)SSL_shutdown(ssl_);  // a word that may be lost
    ERR_clear_error();
}

struct DtlsContext::Callbacks {
    // Whoever sends it back has got it: it is made of the address and of a key that is nowhere else.
    static std::string cookie_of(const SSL* ssl) {
        const auto* context = static_cast<const DtlsContext*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), context_slot()));
        const auto* address = static_cast<const std::string*>(SSL_get_ex_data(ssl, session_slot()));
        if (context == nullptr || address == nullptr) return "";
        std::string out(EVP_MAX_MD_SIZE, '\0');
        unsigned int length = 0;
        if (HMAC(EVP_sha256(), context->cookie_key_.data(), static_cast<int>(context->cookie_key_.size()),
                 reinterpret_cast<const unsigned char*>(address->data()), address->size(),
                 reinterpret_cast<unsigned char*>(out.data()), &length) == nullptr)
            return "";
        out.resize(length);
        return out;
    }
    static int make_cookie(SSL* ssl, unsigned char* cookie, unsigned int* length) {
        const std::string made = cookie_of(ssl);
        std::memcpy(cookie, made.data(), made.size());  // DTLS1_COOKIE_LENGTH, 255, is more
        *length = static_cast<unsigned int>(made.size());
        return made.empty() ? 0 : 1;
    }
    static int check_cookie(SSL* ssl, const unsigned char* cookie, unsigned int length) {
        const std::string made = cookie_of(ssl);
        return !made.empty() && length == made.size() && CRYPTO_memcmp(made.data(), cookie, length) == 0 ? 1 : 0;
    }
};

base::Result<std::unique_ptr<DtlsContext>> DtlsContext::open(const PeerIdentity& identity) {
    ERR_clear_error();
    std::unique_ptr<DtlsContext> out(new DtlsContext);
    out->cookie_key_.resize(32);
    Context context(SSL_CTX_new(DTLS_method()), SSL_CTX_free);
    if (!context || RAND_bytes(reinterpret_cast<unsigned char*>(out->cookie_key_.data()), 32) != 1 ||
        SSL_CTX_set_min_proto_version(context.get(), DTLS1_2_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(context.get(), DTLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context.get(), ciphers) != 1 || SSL_CTX_set1_groups_list(context.get(), groups) != 1 ||
        SSL_CTX_set_ex_data(context.get(), context_slot(), out.get()) != 1) {
        ERR_clear_error();
        return base::fail(base::code::InternalError, "DTLS cannot be set up");
    }
    SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_QUERY_MTU |
                                           SSL_OP_COOKIE_EXCHANGE);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_cookie_generate_cb(context.get(), Callbacks::make_cookie);
    SSL_CTX_set_cookie_verify_cb(context.get(), Callbacks::check_cookie);
    TRY(identity.show_in(context.get()));
    out->context_ = context.release();
    return out;
}

DtlsContext::~DtlsContext() { SSL_CTX_free(static_cast<SSL_CTX*>(context_)); }

std::unique_ptr<DtlsSession> DtlsContext::make(std::string address, std::string fingerprint, DtlsSession::Send send) const {
    std::unique_ptr<DtlsSession> out(new DtlsSession);
    out->send_ = std::move(send);
    out->address_ = std::move(address);
    out->expected_ = std::move(fingerprint);
    out->ssl_ = SSL_new(static_cast<SSL_CTX*>(context_));
    BIO* bio = BIO_new(DtlsSession::Wire::method());
    if (out->ssl_ == nullptr || bio == nullptr) {
        BIO_free(bio);
        ERR_clear_error();
        return nullptr;
    }
    BIO_set_data(bio, out.get());
    BIO_set_init(bio, 1);
    SSL_set_bio(out->ssl_, bio, bio);
    DTLS_set_timer_cb(out->ssl_, wait_again);
    SSL_set_mtu(out->ssl_, static_cast<long>(dtls_handshake_datagram_max));
    if (SSL_set_ex_data(out->ssl_, session_slot(), &out->address_) != 1 || !expect_peer(out->ssl_, &out->expected_)) {
        ERR_clear_error();
        return nullptr;
    }
    return out;
}

std::unique_ptr<DtlsSession> DtlsContext::connect(std::string fingerprint, DtlsSession::Send send) const {
    auto out = make("", std::move(fingerprint), std::move(send));
    if (!out) return nullptr;
    SSL_set_connect_state(out->ssl_);
    out->go_on(nullptr);
    return out;
}

std::unique_ptr<DtlsSession> DtlsContext::accept(std::string_view greeting, std::string address, std::string fingerprint,
                                                 DtlsSession::Send send) const {
    const auto record = read_dtls_record(greeting);
    if (!record || record->client_random.empty()) return nullptr;
    auto out = make(std::move(address), std::move(fingerprint), std::move(send));
    if (!out) return nullptr;
    out->client_random_ = record->client_random;
    ERR_clear_error();
    out->arriving_ = greeting;
    BIO_ADDR* nowhere = BIO_ADDR_new();
    const int heard = nowhere == nullptr ? -1 : DTLSv1_listen(out->ssl_, nowhere);
    BIO_ADDR_free(nowhere);
    if (heard == 1) {
        out->keeps_arriving_ = false;
        out->go_on(nullptr);
    }
    out->arriving_ = {};
    ERR_clear_error();
    return heard == 1 && !out->is_over_ ? std::move(out) : nullptr;
}

}  // namespace net
