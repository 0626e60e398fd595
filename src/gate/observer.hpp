// Who hears of requests: what counts, traces and logs them. The gate says what it saw and knows nothing of who listens.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "http/message.hpp"
#include "policy/decision.hpp"

namespace gate {

struct Operation;

using Moment = std::chrono::steady_clock::time_point;

enum class Phase : uint8_t { authenticate, decide, record, handle };
// Part of a request's time. A request that is decided again has its phases again.
struct Lap {
    Phase phase = Phase::authenticate;
    Moment began, ended;
};

// What stopped a request before its handler, if it was refused.
enum class Barrier : uint8_t { none, authentication, decision, record };

struct AnsweredRequest {
    const http::Request& request;
    std::string_view service;          // empty: none that is served. Of a request that was refused early: what it seems to be for
    std::string_view operation;        // the same
    const Operation* known = nullptr;  // the operation, once it is known
    std::string_view request_id;
    std::string_view error_code;  // empty: it succeeded
    Barrier barrier = Barrier::none;
    policy::Layer layer = policy::Layer::identity;  // of a refusal by decision: which refused
    int status = 0;
    Moment began, ended;                     // of the gate; sending what is in files comes after
    const std::vector<Lap>* laps = nullptr;  // if wants_laps() said so
};

// Called by any thread, while the client waits: takes no lock that is held for long.
class Observer {
public:
    virtual ~Observer() = default;
    // Shall the phases of this request be timed? That costs a look at the clock for each.
    [[nodiscard]] virtual bool wants_laps(const http::RequestHead& head) = 0;
    // One access was decided, of a request or on behalf of a service.
    virtual void decided(policy::Outcome outcome, policy::Layer layer) = 0;
    virtual void answered(const AnsweredRequest& request) = 0;
};

}  // namespace gate
