#include "net/peer_tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <string_view>

#include "base/error_codes.hpp"
#include "net/peer_expected.hpp"

namespace net {

using base::fail;
using base::Result;

namespace {

constexpr char ciphers[] = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr char groups[] = "X25519:P-256";

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

Result<Context> make_context(const SSL_METHOD* method, const PeerIdentity& identity) {
    ERR_clear_error();
    Context context(SSL_CTX_new(method), SSL_CTX_free);
    if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(context.get(), TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(context.get(), ciphers) != 1 || SSL_CTX_set1_groups_list(context.get(), groups) != 1) {
        ERR_clear_error();
        return fail(base::code::InternalError, "TLS 1.3 cannot be set up");
    }
    SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context.get(), 0);  // every connection proves anew who is there
    SSL_CTX_set_mode(context.get(),
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_ENABLE_PARTIAL_WRITE);
    TRY(identity.show_in(context.get()));
    return context;
}

std::unexpected<base::Error> not_begun() {
    ERR_clear_error();
    return fail(base::code::IoError, "TLS cannot be begun on a connection");
}

// The PeerHandshake that a session is, until it is done.
int handshake_slot() {
    static const int slot = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return slot;
}

}  // namespace

struct PeerTlsServer::Callbacks {
    static PeerHandshake* handshake_of(const SSL* session) {
        return static_cast<PeerHandshake*>(SSL_get_ex_data(session, handshake_slot()));
    }

    // Before the keys of a handshake are made, which is what it costs: is that anybody whom we know?
    static int look_at_name(SSL* session, int*, void*) {
        auto* handshake = handshake_of(session);
        const char* name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
        if (handshake == nullptr || name == nullptr) return SSL_TLSEXT_ERR_ALERT_FATAL;
        const auto found = handshake->who_(name);
        if (!found) return SSL_TLSEXT_ERR_ALERT_FATAL;
        handshake->fingerprint_ = *found;
        return expect_peer(session, &handshake->fingerprint_) ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
    }

    static int choose_protocol(SSL* session, const unsigned char** out, unsigned char* out_length, const unsigned char* in,
                               unsigned int in_length, void*) {
        const auto* handshake = handshake_of(session);
        if (handshake == nullptr || in_length < 2 || in[0] != in_length - 1) return SSL_TLSEXT_ERR_ALERT_FATAL;  // one, no choice
        const std::string_view wanted(reinterpret_cast<const char*>(in) + 1, in_length - 1);
        if (std::ranges::find(*handshake->protocols_, wanted) == handshake->protocols_->end()) return SSL_TLSEXT_ERR_ALERT_FATAL;
        *out = in + 1;
        *out_length = in[0];
        return SSL_TLSEXT_ERR_OK;
    }
};

Result<TlsSession::Wants> PeerHandshake::go_on() {
    const auto wants = TRY(session_->handshake());
    if (wants == TlsSession::Wants::nothing) {
        // Without a protocol a peer would choose what nobody has asked it for.
        if (protocol().empty()) return fail(base::code::ConnectionClosed, "the peer does not say what the connection is for");
        return wants;
    }
    if (BIO_number_read(SSL_get_rbio(ssl_)) > greeting_bytes_max)
        return fail(base::code::ConnectionClosed, "the peer's greeting is too long");
    return wants;
}

std::string PeerHandshake::protocol() const {
    const unsigned char* chosen = nullptr;
    unsigned int length = 0;
    SSL_get0_alpn_selected(ssl_, &chosen, &length);
    return {reinterpret_cast<const char*>(chosen), length};
}

std::unique_ptr<TlsSession> PeerHandshake::take_session() {
    // No certificate comes after the handshake: from here on nothing points to this object.
    (void)expect_peer(ssl_, nullptr);
    (void)SSL_set_ex_data(ssl_, handshake_slot(), nullptr);
    return std::move(session_);
}

Result<std::unique_ptr<PeerTlsServer>> PeerTlsServer::open(const PeerIdentity& identity, std::vector<std::string> protocols) {
    std::unique_ptr<PeerTlsServer> server(new PeerTlsServer(std::move(protocols)));
    auto context = TRY(make_context(TLS_server_method(), identity));
    SSL_CTX_set_tlsext_servername_callback(context.get(), Callbacks::look_at_name);
    SSL_CTX_set_alpn_select_cb(context.get(), Callbacks::choose_protocol, nullptr);
    server->context_ = context.release();
    return server;
}

PeerTlsServer::~PeerTlsServer() { SSL_CTX_free(context_); }

Result<std::unique_ptr<PeerHandshake>> PeerTlsServer::begin(int socket, Who who) const {
    SSL* ssl = SSL_new(context_);
    if (ssl == nullptr) return not_begun();
    std::unique_ptr<PeerHandshake> out(new PeerHandshake);
    out->session_ = std::make_unique<TlsSession>(ssl);
    out->ssl_ = ssl;
    out->protocols_ = &protocols_;
    out->who_ = std::move(who);
    if (SSL_set_fd(ssl, socket) != 1 || SSL_set_ex_data(ssl, handshake_slot(), out.get()) != 1) return not_begun();
    SSL_set_accept_state(ssl);
    return out;
}

Result<std::unique_ptr<PeerTlsClient>> PeerTlsClient::open(const PeerIdentity& identity, std::string server) {
    std::unique_ptr<PeerTlsClient> client(new PeerTlsClient(std::move(server), name_of_fingerprint(identity.fingerprint())));
    client->context_ = TRY(make_context(TLS_client_method(), identity)).release();
    return client;
}

PeerTlsClient::~PeerTlsClient() { SSL_CTX_free(context_); }

Result<Stream> PeerTlsClient::connect(const std::string& address, uint16_t port, const std::string& protocol,
                                      std::chrono::seconds patience) const {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    Stream stream = TRY(net::connect(address, port, patience));
    SSL* ssl = SSL_new(context_);
    if (ssl == nullptr) return not_begun();
    auto session = std::make_unique<TlsSession>(ssl);
    std::string offered(1, static_cast<char>(protocol.size()));
    offered += protocol;
    if (SSL_set_fd(ssl, stream.number()) != 1 || SSL_set_tlsext_host_name(ssl, name_.c_str()) != 1 ||
        SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(offered.data()),
                            static_cast<unsigned int>(offered.size())) != 0 ||
        !expect_peer(ssl, &server_))
        return not_begun();
    SSL_set_connect_state(ssl);
    stream.start_tls(std::move(session));
    for (;;) {
        const auto wants = TRY(stream.tls()->handshake());
        if (wants == TlsSession::Wants::nothing) break;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0 || !TRY(stream.wait(Stream::For::reading, left)))
            return fail(base::code::Timeout, "no TLS handshake with " + address + ":" + std::to_string(port));
    }
    const unsigned char* chosen = nullptr;
    unsigned int length = 0;
    SSL_get0_alpn_selected(ssl, &chosen, &length);
    if (std::string_view(reinterpret_cast<const char*>(chosen), length) != protocol)
        return fail(base::code::ConnectionClosed, "the server does not speak " + protocol);
    if (!expect_peer(ssl, nullptr)) return not_begun();
    return stream;
}

}  // namespace net
