// One request on its way through the gate: each step leaves what it found here, so that a refusal at any point is recorded with everything that was
// known by then.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audit/log.hpp"
#include "gate/decide.hpp"
#include "gate/decided.hpp"
#include "gate/gate.hpp"
#include "gate/observer.hpp"
#include "wire/payload.hpp"
#include "wire/post_form.hpp"
#include "wire/s3_request.hpp"
#include "wire/sigv4.hpp"

namespace gate {

struct Gate::RequestState {
    http::Request& http;
    base::Time now;
    std::string service;  // empty until known
    wire::Call call;
    std::string body;         // of Query and JSON requests, unpacked …
    std::string body_sha256;  // … and the digest of what came, which is what was signed
    std::optional<wire::Signature> signature;
    std::optional<wire::Verified> verified;
    mutable std::optional<wire::S3Request> s3;  // once the head was read for it
    std::unique_ptr<wire::PostForm> form;       // of an upload by a browser: credentials, members and the body are in it
    std::unique_ptr<wire::PayloadReader> payload;
    const Operation* known = nullptr;       // the operation, once it is known
    std::unique_ptr<RequestExecution> run;  // the same
    identity::PreparedPtr principal = anonymous_principal();
    [[nodiscard]] const identity::Caller& caller() const { return principal->caller; }
    // Of a request that is refused early, too. nullptr: it asks nothing of S3 that can be read.
    [[nodiscard]] const wire::S3Request* asked_of_s3() const {
        if (!s3)
            if (auto read = wire::read_s3_request(http.head)) s3 = std::move(*read);
        return s3 ? &*s3 : nullptr;
    }
    // Of the bucket that an S3 request names; empty: it names none that exists.
    [[nodiscard]] std::string region_of_bucket(const GateDependencies& dependencies) const {
        const wire::S3Request* asked = dependencies.bucket_region ? asked_of_s3() : nullptr;
        return asked != nullptr && !asked->bucket.empty() ? dependencies.bucket_region(asked->bucket) : std::string();
    }
    // For wording and the record: of a request that is refused early, what it seems to be for.
    [[nodiscard]] const std::string& said_service() const { return service.empty() ? call.service : service; }
    std::string access_key_id;              // that the request says it is signed with; it may not hold
    std::optional<DecidedRequest> decided;  // once it was; not of an operation that needs no permission
    bool recorded = false;
    std::optional<audit::PendingRecord> pending;    // of what was decided and is not answered yet
    std::string answered_error;                     // its code
    bool body_failed = false;                       // it did not come, or is too large
    Barrier barrier = Barrier::none;                // of a refusal
    policy::Layer layer = policy::Layer::identity;  // that refused, if a decision did
    std::optional<std::vector<Lap>> laps;           // nothing: nobody wants to know
};

// While it lives, it is the lap of a phase.
class Timed {
public:
    Timed(std::optional<std::vector<Lap>>& laps, Phase phase) : laps_(laps), phase_(phase) {
        if (laps_) began_ = std::chrono::steady_clock::now();
    }
    ~Timed() {
        if (laps_) laps_->push_back({.phase = phase_, .began = began_, .ended = std::chrono::steady_clock::now()});
    }
    Timed(const Timed&) = delete;
    Timed& operator=(const Timed&) = delete;

private:
    std::optional<std::vector<Lap>>& laps_;
    const Phase phase_;
    Moment began_;
};

}  // namespace gate
