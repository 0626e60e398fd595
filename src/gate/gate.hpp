// The one gate. Every request, whatever its service: authenticate, classify, authorize, record, and only then the handler.
//
// A handler takes a `const Permit&`, which only the Gate can make: a handler that skips authorization does not compile
// (tests/permit_does_not_compile shows it). Refusals answer as AWS does and are resolvable by request id.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "crypto/random.hpp"
#include "gate/describer.hpp"
#include "gate/permit.hpp"
#include "http/message.hpp"
#include "identity/caller.hpp"
#include "policy/attached.hpp"
#include "policy/decision.hpp"
#include "wire/call.hpp"

namespace audit {
class Log;
struct Record;
}  // namespace audit
namespace identity {
class Directory;
}

namespace gate {

class Observer;

// One thing a request needs: an action on a resource. All of a request's must be allowed.
struct Access {
    std::string action;  // s3:GetObject
    std::string resource = "*";
    std::string resource_account;                  // empty: the caller's account
    policy::Context context;                       // service keys: s3:prefix, iam:PassedToService, aws:RequestTag/…
    policy::SharedAttachedPolicy resource_policy;  // bucket policy
    // Replaces AWS's standard sentence for this access, e.g. SageMaker's PassRole wording. Empty: the standard one.
    std::string refusal_message;
    // RestrictPublicBuckets of Block Public Access (R79): the resource's policy lets no anonymous caller in, whatever it says,
    // and no principal of another account if it is public.
    bool restrict_public = false;
    bool resource_policy_is_public = false;
    // A refusal of this access does not refuse the request: the handler asks `Permit::refusal(index)` and refuses that part alone
    // (DeleteObjects answers each key for itself).
    bool separate = false;
    // A rule of the service that this request breaks, whatever policies allow; a refusal by policies comes first.
    policy::ServiceRule rule = policy::ServiceRule::none;
    // The region that serves the resource, where it isn't the request's (a copy's source) or asker's. Empty: theirs.
    std::string region;
};

// One request on its way through an operation, from its decoding to its answer. Where what was looked up to decide is not what is
// there any more (`base::decision_outdated`, R83), it is asked for its accesses again; nothing was done then.
class RequestExecution {
public:
    virtual ~RequestExecution() = default;
    // Which accesses the request needs. Errors here are answers (`NoSuchBucket`), given only to authenticated callers.
    // An operation that needs none (sts:GetCallerIdentity, R74) gives an empty list: it must say so by `needs_no_permission`.
    [[nodiscard]] virtual base::Result<std::vector<Access>> accesses(const identity::Caller& caller, wire::Call& call) = 0;
    // Reads what decides nothing, and nobody but who is allowed is heard to the end: the document of an S3 request. Its errors are answers
    // of `handle`, for which it was recorded what was asked. Did it wait for the client?
    virtual bool read_rest(wire::Call&) { return false; }
    // The answer in the request's protocol, without the request's id. REQUIRES: `accesses` has succeeded and `read_rest` was called, of the
    // same call.
    [[nodiscard]] virtual base::Result<http::Response> handle(const Permit& permit, wire::Call& call) = 0;

    // Which accesses a hypothetical request would need. `input`: a JSON object by the model's member names.
    [[nodiscard]] virtual base::Result<std::vector<Access>> supposed_accesses(const identity::Caller& caller,
                                                                              std::string_view region,
                                                                              std::string_view input) = 0;
    // What was asked and what was made, by the model's member names. Null: nothing that could be decoded, nothing made yet. Of a request
    // that could not be decoded whole, what could.
    [[nodiscard]] virtual text::Json asked() const = 0;
    [[nodiscard]] virtual text::Json made() const = 0;
};

struct Operation {
    std::string service;
    std::string name;
    std::function<std::unique_ptr<RequestExecution>()> begin;  // for one request
    bool needs_no_permission = false;
    size_t number = 0;  // its place among those of its registry, which gives it
};

class Registry {
public:
    void add(Operation operation);
    [[nodiscard]] const Operation* find(std::string_view service, std::string_view name) const;
    [[nodiscard]] std::vector<const Operation*> all() const;
    // What the services know of their resources. Operations keep it: the registry stays where it is.
    [[nodiscard]] Describer& describer() { return describer_; }
    [[nodiscard]] const Describer& describer() const { return describer_; }

private:
    Describer describer_;
    std::map<std::pair<std::string, std::string>, Operation, std::less<>> operations_;
};

struct GateDependencies {
    const Registry* registry = nullptr;
    identity::Directory* directory = nullptr;
    audit::Log* audit = nullptr;
    const base::Clock* clock = nullptr;
    crypto::Random* random = nullptr;
    std::vector<std::string> regions = {"us-east-1"};  // that are served; the first serves what names none
    // Of S3, by name; empty: there is no such bucket. S3 tells it to every caller that names the bucket, also to those it refuses.
    std::function<std::string(std::string_view bucket)> bucket_region;
    // Adds to S3's answers what the bucket allows pages of other sites to read of them (CORS); to errors, too.
    std::function<void(std::string_view bucket, const http::RequestHead& head, http::Headers& answer)> add_cors;
    Observer* observer = nullptr;  // hears of every request; nullptr: nobody does
};

class Gate {
public:
    explicit Gate(GateDependencies dependencies);
    // Never throws, always answers.
    [[nodiscard]] http::Response serve(http::Request& request);

private:
    struct RequestState;  // one request on its way through
    [[nodiscard]] http::Response answer(RequestState& state);
    static void log_request(const RequestState& state, int status, std::chrono::microseconds took);
    void tell(const RequestState& state, int status, std::chrono::steady_clock::time_point began) const;
    [[nodiscard]] base::Result<http::Response> process(RequestState& state);
    // From `accesses` on, once: `DecisionOutdated` if what was decided on is not what is there any more.
    [[nodiscard]] base::Result<http::Response> admit(RequestState& state, const Operation& operation);
    [[nodiscard]] base::Result<void> find_out_what(RequestState& state);
    [[nodiscard]] static base::Result<void> read_form(RequestState& state);
    void add_cors(const RequestState& state, http::Response& response) const;
    [[nodiscard]] base::Result<void> authenticate(RequestState& state);
    [[nodiscard]] base::Result<void> try_authenticate(RequestState& state);
    [[nodiscard]] base::Result<void> renew_caller(RequestState& state);
    [[nodiscard]] base::Result<identity::PreparedPtr> find_caller(const RequestState& state) const;
    [[nodiscard]] base::Result<void> read_body(RequestState& state);
    [[nodiscard]] base::Result<std::map<size_t, std::string>> decide(RequestState& state, std::vector<Access> accesses);
    [[nodiscard]] static base::Result<http::Response> handle(RequestState& state, const Permit& permit);
    // After the handler, before its answer leaves.
    [[nodiscard]] base::Result<void> record_answer(RequestState& state, int status, const base::Error* error, std::string made);
    // What was asked, for the record. `refused`: nothing comes of it.
    [[nodiscard]] static std::string parameters_to_keep(const RequestState& state, bool refused);
    // Of an error, for the record and the server's log.
    [[nodiscard]] static std::string message_to_keep(const RequestState& state, const base::Error& error);
    [[nodiscard]] static audit::Record record_of(const RequestState& state);
    [[nodiscard]] static std::unexpected<base::Error> not_recorded(RequestState& state, const base::Error& error);
    // What was decided, before it happens; of a refusal, both facts at once.
    [[nodiscard]] base::Result<void> record(RequestState& state, std::string parameters);
    [[nodiscard]] base::Result<void> record_refusal(RequestState& state, const base::Error& refusal, int status);
    [[nodiscard]] http::Response refuse(RequestState& state, base::Error error);

    GateDependencies dependencies_;
};

}  // namespace gate
