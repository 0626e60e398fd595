// TLS 1.3 between programs that know each other by their fingerprints (peer_identity.hpp), for wires that are not HTTP's port: both sides
// show a certificate, nothing older is spoken, nothing is resumed, and nothing is sent before the handshake is done.
//
// What a connection is for is agreed on in the handshake (ALPN), so that every byte after it is that protocol's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "net/peer_identity.hpp"
#include "net/socket.hpp"
#include "net/tls.hpp"

namespace net {

class PeerTlsServer;

// The server's side of one handshake. One thread.
class PeerHandshake {
public:
    PeerHandshake(const PeerHandshake&) = delete;
    PeerHandshake& operator=(const PeerHandshake&) = delete;

    // As TlsSession::handshake. More than `greeting_bytes_max` before it is done are an error, too: `ConnectionClosed`.
    [[nodiscard]] base::Result<TlsSession::Wants> go_on();
    // Whom the greeting has named, once it is there and that is somebody; from then on keys are made for it.
    [[nodiscard]] bool is_named() const { return !fingerprint_.empty(); }
    // REQUIRES: it is done. The peer has the key of this fingerprint.
    [[nodiscard]] const std::string& fingerprint() const { return fingerprint_; }
    [[nodiscard]] std::string protocol() const;
    [[nodiscard]] std::unique_ptr<TlsSession> take_session();  // once

    static constexpr uint64_t greeting_bytes_max = 8 * 1024;

private:
    friend class PeerTlsServer;
    PeerHandshake() = default;
    std::unique_ptr<TlsSession> session_;
    ssl_st* ssl_ = nullptr;  // session_'s
    const std::vector<std::string>* protocols_ = nullptr;
    std::function<std::optional<std::string>(const std::string&)> who_;
    std::string fingerprint_;
};

class PeerTlsServer {
public:
    // Whose name this is; nullopt: nobody's, and the handshake ends before anything is computed for it.
    using Who = std::function<std::optional<std::string>(const std::string& name)>;
    // `identity` outlives it. Error `InternalError`.
    [[nodiscard]] static base::Result<std::unique_ptr<PeerTlsServer>> open(const PeerIdentity& identity,
                                                                           std::vector<std::string> protocols);
    ~PeerTlsServer();
    PeerTlsServer(const PeerTlsServer&) = delete;
    PeerTlsServer& operator=(const PeerTlsServer&) = delete;

    // On a connected socket. `who` is asked in go_on().
    [[nodiscard]] base::Result<std::unique_ptr<PeerHandshake>> begin(int socket, Who who) const;

private:
    struct Callbacks;
    explicit PeerTlsServer(std::vector<std::string> protocols) : protocols_(std::move(protocols)) {}
    std::vector<std::string> protocols_;
    ssl_ctx_st* context_ = nullptr;
};

// The client's side. Any thread.
class PeerTlsClient {
public:
    // `identity` outlives it. `server`: the only fingerprint that is believed. Error `InternalError`.
    [[nodiscard]] static base::Result<std::unique_ptr<PeerTlsClient>> open(const PeerIdentity& identity, std::string server);
    ~PeerTlsClient();
    PeerTlsClient(const PeerTlsClient&) = delete;
    PeerTlsClient& operator=(const PeerTlsClient&) = delete;

    // A connection whose handshake is done, within `patience`. That the server accepts us shows with the first bytes from it: until
    // then it may refuse (`ConnectionClosed`). Errors: net::connect's; `Timeout`; `ConnectionClosed`: who answers is not that server, or
    // does not speak this protocol.
    [[nodiscard]] base::Result<Stream> connect(const std::string& address, uint16_t port, const std::string& protocol,
                                               std::chrono::seconds patience) const;

private:
    PeerTlsClient(std::string server, std::string name) : server_(std::move(server)), name_(std::move(name)) {}
    const std::string server_;
    const std::string name_;  // ours
    ssl_ctx_st* context_ = nullptr;
};

}  // namespace net
