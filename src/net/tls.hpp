// TLS for the server's side of a stream: 1.2 and 1.3, HTTP/1.1 by ALPN. OpenSSL stays inside of tls.cpp and tls_server.cpp.
//
// Where the kernel has TLS (kTLS), it encrypts what is sent, files straight from their pages. Elsewhere several records are encrypted at once
// and leave in one system call; what the socket does not take of them the session keeps, encrypted, and sends first.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "base/result.hpp"

struct ssl_st;
struct ssl_ctx_st;
struct bio_st;

namespace net {

// Of a certificate that a client has shown, and that an authority which the server was told to trust vouches for.
struct ClientCertificate {
    std::string subject;  // RFC 2253: CN=ada,O=Example
    std::string sha256;   // of the certificate, as DER; in hexadecimal, lower case
};

// One connection's. One thread at a time. Errors: `ConnectionClosed` (also: what came is no TLS, or not what this server accepts), `IoError`.
class TlsSession {
public:
    enum class Wants : uint8_t { nothing, reading, writing };

    explicit TlsSession(ssl_st* session) : session_(session) {}
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    // nothing: it is done; else what the socket has to be ready for before it goes on.
    [[nodiscard]] base::Result<Wants> handshake();
    // As net::Stream's. Where one gave nullopt, the next call of it has the same bytes.
    [[nodiscard]] base::Result<std::optional<size_t>> try_read(std::span<char> into);
    [[nodiscard]] base::Result<std::optional<size_t>> try_write(std::string_view first, std::string_view second);
    [[nodiscard]] base::Result<std::optional<size_t>> try_send_file(int file, uint64_t offset, uint64_t length);
    // What the socket has to be ready for before the call that gave nullopt goes on.
    [[nodiscard]] Wants wants() const { return wants_; }
    // Bytes that have come and that no event of the socket tells of.
    [[nodiscard]] bool has_pending() const;
    void say_goodbye();
    [[nodiscard]] std::string version() const;  // TLSv1.3
    [[nodiscard]] std::string cipher() const;   // TLS_AES_128_GCM_SHA256
    [[nodiscard]] bool kernel_encrypts() const;
    // After the handshake. nullptr: the client has shown none.
    [[nodiscard]] const ClientCertificate* client_certificate() const { return certificate_.get(); }

private:
    // Records, as they are made; OpenSSL's BIO of them calls it.
    friend int keep_records(bio_st* bio, const char* bytes, size_t size, size_t* written);

    [[nodiscard]] base::Result<std::optional<size_t>> result_of(int returned, size_t count, std::string_view doing);
    void keep_records_here();
    [[nodiscard]] std::unique_ptr<const ClientCertificate> read_certificate() const;
    // False: the socket takes no more now.
    [[nodiscard]] base::Result<bool> flush();
    [[nodiscard]] base::Result<bool> send_from(std::string_view& records);
    // `fill` gives the next part of what is to be sent, at most so many bytes; empty: that was all.
    template <class Fill>
    [[nodiscard]] base::Result<std::optional<size_t>> send_records(size_t most, Fill fill);
    [[nodiscard]] base::Result<size_t> read_file(int file, uint64_t offset, std::span<char> into) const;
    [[nodiscard]] size_t batch_bytes() const;

    ssl_st* session_;
    Wants wants_ = Wants::nothing;
    bool is_broken_ = false;
    bool keeps_records_ = false;            // they do not go to the socket at once
    std::vector<char>* records_ = nullptr;  // where they go meanwhile; nullptr: unsent_
    std::unique_ptr<const ClientCertificate> certificate_;
    std::vector<char> unsent_;  // what the socket has not taken
    size_t unsent_from_ = 0;
    size_t owed_ = 0;   // bytes of the caller's in there, that it has not been told of
    size_t batch_ = 0;  // bytes that are encrypted at once: more, as long as the socket takes all
};

// Who may come in.
struct ClientAuthorities {
    std::string file;          // PEM: authorities whose certificates clients may show; empty: none are asked for
    bool is_required = false;  // who shows none is refused in the handshake
};

// Has this kernel TLS of its own?
[[nodiscard]] bool kernel_has_tls();
// Has this processor instructions for AES? Else ChaCha20 is quicker.
[[nodiscard]] bool processor_has_aes();

// What a server shows. Any thread.
class TlsServer {
public:
    // PEM files: the certificate with the chain behind it, and its key. Error `InvalidConfiguration`.
    [[nodiscard]] static base::Result<std::unique_ptr<TlsServer>> open(std::string certificate_file, std::string key_file,
                                                                       ClientAuthorities clients = {});
    ~TlsServer();
    TlsServer(const TlsServer&) = delete;
    TlsServer& operator=(const TlsServer&) = delete;

    // On a connected socket. A thread reads files again that have changed, once a second: certificate with key, and authorities by
    // themselves. While either cannot be used, what was read of it before is.
    [[nodiscard]] base::Result<std::unique_ptr<TlsSession>> begin(int socket);
    // The first DNS name of the certificate that is no pattern; empty: it has none.
    [[nodiscard]] std::string name() const;
    // When the certificate that is shown ends, in seconds of Unix time; nullopt: it cannot be told.
    [[nodiscard]] std::optional<int64_t> ends_at() const;

private:
    struct Shown;
    TlsServer() = default;
    std::shared_ptr<Shown> shown_;  // the thread has it, too: a file system that hangs keeps nobody else
    std::thread watcher_;
};

}  // namespace net
