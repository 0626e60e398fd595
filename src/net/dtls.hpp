// DTLS 1.2 (RFC 6347; what OpenSSL 3.0 has) between programs that know each other by their fingerprints (peer_identity.hpp): datagrams that
// may be lost, come twice or in another order, one record each. Both sides show a certificate; ECDHE, AES-256-GCM; nothing is resumed or
// renegotiated. No sockets here: who has one carries the datagrams.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "net/peer_identity.hpp"

struct ssl_st;

namespace net {

constexpr size_t dtls_overhead = 13 + 8 + 16;          // of a packet: the record's head, the nonce, the tag
constexpr size_t dtls_packet_bytes_max = 16 * 1024;    // one record
constexpr size_t dtls_handshake_datagram_max = 1'200;  // what every way takes

// The first record of a datagram, as everybody on the way can read it. The others are as whole.
struct DtlsRecord {
    enum class Type : uint8_t { change_cipher_spec = 20, alert = 21, handshake = 22, data = 23 };
    Type type = Type::data;
    uint16_t epoch = 0;
    std::string_view client_random;  // of a ClientHello, 32 bytes; empty: it is none
};
// nullopt: that is no DTLS, or none that a session of ours has sent.
[[nodiscard]] std::optional<DtlsRecord> read_dtls_record(std::string_view datagram);

// One thread.
class DtlsSession {
public:
    using Send = std::function<void(std::string_view datagram)>;
    ~DtlsSession();
    DtlsSession(const DtlsSession&) = delete;
    DtlsSession& operator=(const DtlsSession&) = delete;

    // A datagram from the peer. What it holds goes to `packets`, until the next call; what is none, or comes again, is dropped.
    void take(std::string_view datagram, std::vector<std::string>& packets);
    // REQUIRES: is_open(); at most dtls_packet_bytes_max. False: nothing was sent.
    [[nodiscard]] bool write(std::string_view packet);
    // Sends again what may have been lost of a handshake. Often enough: every 50 ms.
    void tick();
    [[nodiscard]] bool is_open() const { return is_open_; }
    [[nodiscard]] bool is_over() const { return is_over_; }  // it failed, or the peer has ended it: nothing comes of it any more
    void say_goodbye();
    [[nodiscard]] uint64_t records() const { return sent_ > received_ ? sent_ : received_; }  // of the busier direction
    [[nodiscard]] const std::string& client_random() const { return client_random_; }         // of a server's

private:
    friend class DtlsContext;
    struct Wire;  // OpenSSL's way to the datagrams
    DtlsSession() = default;
    void go_on(std::vector<std::string>* packets);
    ssl_st* ssl_ = nullptr;
    std::string_view arriving_;
    bool keeps_arriving_ = false;
    Send send_;
    std::string expected_, address_, client_random_;
    bool is_open_ = false, is_over_ = false;
    uint64_t sent_ = 0, received_ = 0;
};

class DtlsContext {
public:
    // `identity` outlives it, and it its sessions. Error `InternalError`.
    [[nodiscard]] static base::Result<std::unique_ptr<DtlsContext>> open(const PeerIdentity& identity);
    ~DtlsContext();
    DtlsContext(const DtlsContext&) = delete;
    DtlsContext& operator=(const DtlsContext&) = delete;

    // Begins a handshake: sends its greeting. nullptr: there is no memory.
    [[nodiscard]] std::unique_ptr<DtlsSession> connect(std::string fingerprint, DtlsSession::Send send) const;
    // A greeting (a ClientHello) has come from this address. Without the cookie that only who is at that address has been sent, the answer is
    // the cookie, which is smaller than the greeting, and nothing is kept: nullptr.
    [[nodiscard]] std::unique_ptr<DtlsSession> accept(std::string_view greeting, std::string address, std::string fingerprint,
                                                      DtlsSession::Send send) const;

private:
    struct Callbacks;
    DtlsContext() = default;
    [[nodiscard]] std::unique_ptr<DtlsSession> make(std::string address, std::string fingerprint, DtlsSession::Send send) const;
    void* context_ = nullptr;  // SSL_CTX
    std::string cookie_key_;
};

}  // namespace net
