// TLS for the server's side of a stream: 1.2 and 1.3, HTTP/1.1 by ALPN. OpenSSL stays inside of tls.cpp.
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

#include "base/mutex.hpp"
#include "base/result.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace net {

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

private:
    [[nodiscard]] base::Result<std::optional<size_t>> result_of(int returned, size_t count, std::string_view doing);
    ssl_st* session_;
    Wants wants_ = Wants::nothing;
    bool is_broken_ = false;
};

// What a server shows. Any thread.
class TlsServer {
public:
    // PEM files: the certificate with the chain behind it, and its key. Error `InvalidConfiguration`.
    [[nodiscard]] static base::Result<std::unique_ptr<TlsServer>> open(std::string certificate_file, std::string key_file);
    ~TlsServer();
    TlsServer(const TlsServer&) = delete;
    TlsServer& operator=(const TlsServer&) = delete;

    // On a connected socket. Files that have changed are read again, at most once a second; while they cannot be used, what was read before
    // is.
    [[nodiscard]] base::Result<std::unique_ptr<TlsSession>> begin(int socket) EXCLUDES(mutex_);
    // The first DNS name of the certificate that is no pattern; empty: it has none.
    [[nodiscard]] std::string name() const EXCLUDES(mutex_);
    // When the certificate that is shown ends, in seconds of Unix time; nullopt: it cannot be told.
    [[nodiscard]] std::optional<int64_t> ends_at() const EXCLUDES(mutex_);

private:
    using Stamp = std::array<int64_t, 6>;  // of both files: when they changed, how large they are, which they are
    TlsServer(std::string certificate_file, std::string key_file)
        : certificate_file_(std::move(certificate_file)), key_file_(std::move(key_file)) {}
    [[nodiscard]] base::Result<ssl_ctx_st*> read() const;
    [[nodiscard]] Stamp stamp() const;
    void look_again() REQUIRES(mutex_);

    const std::string certificate_file_, key_file_;
    mutable base::Mutex mutex_;
    ssl_ctx_st* context_ GUARDED_BY(mutex_) = nullptr;
    Stamp stamp_ GUARDED_BY(mutex_){};
    std::chrono::steady_clock::time_point looked_at_ GUARDED_BY(mutex_){};
};

}  // namespace net
