// The wire to one sibling: its DTLS sessions (net/dtls.hpp). Pure but for OpenSSL's timers: datagrams, packets and the time are its caller's.
//
// The sibling with the lower number begins the handshakes, the other answers: of two that begin at once nothing has to be settled.
// A fresh session takes over when its handshake is done, while the one before still opens what is on its way:
//
//     when                                                         why
//     there is none                                                the job begins
//     one has carried `records_fresh`, or is `age_fresh` old       a key seals a limited number of packets
//     what was sent stays without any answer for `silence`         the sibling has lost its session
//
// What was sealed with the keys of one session opens in no other, once (DTLS's window), and no session is taken over from another process.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/dtls.hpp"
#include "slurm/pace.hpp"

namespace slurm {

struct LinkLimits {
    // AES-GCM keeps its promises for 2^24.5 records of a TLS session (RFC 8446, 5.5). Beyond `records_max` nothing is sent.
    uint64_t records_fresh = uint64_t{1} << 23, records_max = uint64_t{1} << 24;
    std::chrono::milliseconds age_fresh = std::chrono::hours(1);
    std::chrono::milliseconds silence = std::chrono::seconds(5);
    std::chrono::milliseconds handshake = std::chrono::seconds(15);  // then it is given up …
    std::chrono::milliseconds pause = std::chrono::seconds(1);       // … and begun again after that
    std::chrono::milliseconds overlap = std::chrono::seconds(10);    // a session that was replaced still opens packets
    size_t waiting_packets = 32;                                     // while there is no session; more are lost
    double greetings_at_once = 16, greetings_per_second = 8;         // that are answered: anybody may forge an address
};

class Link {
public:
    using Time = std::chrono::steady_clock::time_point;
    struct End {
        const net::DtlsContext* context = nullptr;  // outlives it
        bool begins = false;
        std::string address;      // the sibling's, in any form that tells it from others
        std::string fingerprint;  // the sibling's
        net::DtlsSession::Send send;
    };
    Link(End end, const LinkLimits& limits)
        : end_(std::move(end)), limits_(limits), greetings_(limits.greetings_at_once, limits.greetings_per_second, Time{}) {}

    // A datagram from the sibling's address: what was in it goes to `packets`, which is emptied first.
    void take(std::string_view datagram, Time now, std::vector<std::string>& packets);
    void send(std::string_view packet, Time now);
    void tick(Time now);  // every 50 ms while it is_busy(), else every second
    [[nodiscard]] bool is_busy() const { return next_ != nullptr || (end_.begins && current_ == nullptr); }
    [[nodiscard]] bool is_open() const { return current_ != nullptr; }
    void say_goodbye();
    [[nodiscard]] uint64_t sessions() const { return sessions_; }  // so far

private:
    void greet(std::string_view datagram, const std::string& client_random, Time now, std::vector<std::string>& packets);
    void settle(Time now);
    void begin(Time now);
    [[nodiscard]] bool wants_fresh(Time now) const;

    End end_;
    LinkLimits limits_;
    Pace greetings_;
    std::unique_ptr<net::DtlsSession> current_, next_, previous_;
    Time current_since_, next_since_, previous_since_, next_not_before_, unanswered_since_;
    bool is_unanswered_ = false;
    std::deque<std::string> waiting_;
    uint64_t sessions_ = 0;
};

}  // namespace slurm
