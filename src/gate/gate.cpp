// The pipeline. `serve` answers, `pass` walks; each step leaves what it found in the Passage, so that a refusal at any point
// is recorded with everything that was known by then.
//
//   find_out_what   which service and, as far as the head says, which operation        (wire)
//   authenticate    whose credentials, does the signature hold        (identity, wire)
//   read_body       what the body says: unpacked and parsed for nobody but the authenticated        (wire)
//   accesses        what it asks for; which actions on which resources        (the operation's Run)
//   decide          is every one of them allowed        (policy)
//   record          what was decided, before anything happens        (audit)
//   handle          with a Permit        (the operation's Run)
//   record          what came of it, before the answer leaves        (audit)
//
// The last five are done again, on fresh credentials, where what was decided on has changed before the handler used it.
#include "gate/gate.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <optional>

#include "audit/log.hpp"
#include "base/decision.hpp"
#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/log.hpp"
#include "base/outdated.hpp"
#include "crypto/digest.hpp"
#include "gate/access_question.hpp"
#include "gate/decide.hpp"
#include "gate/decided.hpp"
#include "gate/globals.hpp"
#include "gate/recorded.hpp"
#include "gate/wording.hpp"
#include "identity/directory.hpp"
#include "store/reserve.hpp"
#include "wire/errors.hpp"
#include "wire/hoisted_headers.hpp"
#include "wire/model.hpp"
#include "wire/payload.hpp"
#include "wire/region.hpp"
#include "wire/route.hpp"
#include "wire/s3_request.hpp"
#include "wire/sigv4.hpp"

namespace gate {
namespace {

constexpr size_t logged_path_bytes_max = 1024;  // of a path in the server's log
// How often a request is decided anew. Whoever changes an object faster than this gets its readers a 503.
constexpr int decisions_max = 100;
// Of a form whose signature does not hold, read for the operation's name in the record.
constexpr size_t recorded_form_bytes_max = 64u << 10;
constexpr auto reserve_users =
    std::to_array<std::string_view>({"Abort", "Delete", "Detach", "Interrupt", "Remove", "Stop", "Untag"});
constexpr std::string_view s3_request_id_alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

// What must work on a full disk: it frees space, ends work or takes rights away.
bool frees_space(std::string_view operation) {
    return std::ranges::any_of(reserve_users, [&](std::string_view verb) { return operation.starts_with(verb); });
}

// Of the bucket that an S3 request names; empty: it names none that exists.
std::string region_of_bucket(const GateParts& parts, const http::RequestHead& head) {
    if (!parts.bucket_region) return {};
    const auto asked = wire::read_s3_request(head);
    return asked && !asked->bucket.empty() ? parts.bucket_region(asked->bucket) : std::string();
}

// What could not be recorded is not done, or not told.
std::unexpected<base::Error> not_recorded(const std::string& request_id, const base::Error& error) {
    base::log_error("request " + request_id + " was stopped: " + error.describe());
    if (error.code == base::code::InsufficientStorage) return base::fail(error);
    if (error.code == base::code::AuditFull) {
        return base::fail(base::code::ServiceUnavailable,
                          "The audit log has no room for more records. The operator of this server has to make some.");
    }
    return base::fail(base::code::InternalFailure, "the decision could not be recorded");
}

}  // namespace

struct Gate::Passage {
    http::Request& http;
    base::Time now;
    std::string service;  // empty until known
    wire::Call call;
    std::string body;         // of Query and JSON requests, unpacked …
    std::string body_sha256;  // … and the digest of what came, which is what was signed
    std::optional<wire::Signature> signature;
    std::optional<wire::Verified> verified;
    std::optional<wire::S3Request> s3;
    std::unique_ptr<wire::PayloadReader> payload;
    std::unique_ptr<Run> run;  // once the operation is known
    identity::PreparedPtr principal = anonymous_principal();
    [[nodiscard]] const identity::Caller& caller() const { return principal->caller; }
    // For wording and the record: of a request that is refused early, what it seems to be for.
    [[nodiscard]] const std::string& said_service() const { return service.empty() ? call.service : service; }
    std::string access_key_id;              // once credentials were looked up; they may not hold
    std::optional<DecidedRequest> decided;  // once it was; not of an operation that needs no permission
    bool recorded = false;
    std::optional<audit::Ticket> ticket;  // of what was decided and is not answered yet
    std::string answered_error;           // its code
};

Gate::Gate(GateParts parts) : parts_(std::move(parts)) {
    INVARIANT(parts_.registry && parts_.directory && parts_.audit && parts_.clock && parts_.random);
    INVARIANT(!parts_.regions.empty());
}

http::Response Gate::serve(http::Request& request) {
    const auto began = std::chrono::steady_clock::now();
    Passage passage{.http = request};
    http::Response response = answer(passage);
    if (base::logs(base::LogLevel::debug)) {
        const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began);
        base::log_debug(log_line(passage, response.status, took));
    }
    return response;
}

http::Response Gate::answer(Passage& passage) {
    try {
        passage.now = parts_.clock->now();
        passage.call.http = &passage.http;
        passage.call.region = parts_.regions.front();
        passage.call.request_id = parts_.random->uuid();
        auto passed = pass(passage);
        if (passed) return std::move(*passed);
        return refuse(passage, std::move(passed).error());
    } catch (const std::exception& error) {
        base::log_error("request " + passage.call.request_id + " (" + passage.service + " " + passage.call.operation +
                        "): " + error.what());
    }
    try {
        return refuse(passage, base::Error(base::code::InternalFailure, "an exception stopped the request"));
    } catch (const std::exception&) {
        return http::Response{.status = 500};
    }
}

// Without the query, where presigned requests have their signature and token.
std::string Gate::log_line(const Passage& passage, int status, std::chrono::microseconds took) {
    const http::RequestHead& head = passage.http.head;
    const std::string path = head.path.substr(0, logged_path_bytes_max);
    std::string out = head.method + " " + path + " " + std::to_string(status) + " in " + std::to_string(took.count()) + " us, ";
    const std::string& service = passage.said_service();
    if (!service.empty()) out += service + ":" + (passage.call.operation.empty() ? "?" : passage.call.operation) + ", ";
    out += "request " + passage.call.request_id;
    if (!passage.answered_error.empty()) out += ", " + passage.answered_error;
    return out;
}

base::Result<http::Response> Gate::pass(Passage& passage) {
    wire::Call& call = passage.call;
    // What the request is for is found out first, so that the record of bad credentials names it, but told only to the
    // authenticated.
    auto known = find_out_what(passage);
    if (!known && passage.service.empty()) return base::fail(std::move(known).error());
    TRY(authenticate(passage));
    if (!known) return base::fail(std::move(known).error());
    if (passage.service != "s3") TRY(read_body(passage));

    const Operation* operation = parts_.registry->find(passage.service, call.operation);
    if (operation == nullptr) return base::fail(unknown_operation(passage.service, call.operation));
    if (passage.service == "s3") {
        passage.payload = TRY(
            wire::PayloadReader::open(passage.http.head, *passage.http.body, passage.verified ? &*passage.verified : nullptr));
        call.body = passage.payload.get();
    }
    passage.run = operation->begin();

    for (int decision = 1;; ++decision) {
        auto answer = admit(passage, *operation);
        if (answer || answer.error().code != base::decision_outdated) return answer;
        if (passage.ticket) TRY(record_answer(passage, 0, &answer.error(), ""));
        passage.decided.reset();
        passage.recorded = false;
        if (decision == decisions_max) {
            return base::fail(passage.service == "s3" ? base::code::SlowDown : base::code::ServiceUnavailable,
                              "What the request is about changes faster than it can be decided on. Please try again.");
        }
        TRY(authenticate(passage));
    }
}

base::Result<http::Response> Gate::admit(Passage& passage, const Operation& operation) {
    wire::Call& call = passage.call;
    const base::DecisionScope decision;
    auto accesses = passage.run->accesses(passage.caller(), call);
    TRY(base::DecisionScope::check());
    if (!accesses) {
        // A stranger learns which buckets exist, as in AWS, and nothing else.
        const bool stranger = passage.caller().principal.kind == policy::PrincipalKind::anonymous;
        if (stranger && wire::status_of(passage.service, accesses.error().code) == 404 &&
            accesses.error().code != base::code::NoSuchBucket)
            return base::fail(base::code::AccessDenied, "Access Denied");
        return base::fail(std::move(accesses).error());
    }
    TRY(renew_caller(passage));
    std::map<size_t, std::string> refusals;
    if (!operation.needs_no_permission) refusals = TRY(decide(passage, std::move(*accesses)));
    // Once it is allowed: whoever is refused must not fill what is kept for those who make room.
    std::optional<store::MayUseReserve> making_room;
    if (frees_space(operation.name)) making_room.emplace();
    passage.run->read_rest(call);
    const bool is_refused_whole = !refusals.empty() && refusals.size() == passage.decided->size();
    // Where each part may be refused for itself and all were, nothing will happen: it is recorded as any other refusal, with the status of
    // an answer that says so of each part.
    if (is_refused_whole)
        TRY(record_refusal(passage, base::Error(std::string(base::code::AccessDenied), refusals.begin()->second), 200));
    else
        TRY(record(passage, parameters_to_keep(passage, false)));
    if (passage.signature) parts_.directory->record_use(passage.caller(), passage.service, call.region);

    const Permit permit(passage.principal, *parts_.directory, call, passage.now, std::move(refusals));
    auto answer = passage.run->handle(permit, call);
    // Refusals too: they tell of what is there now.
    TRY(base::DecisionScope::check());
    if (!answer) return base::fail(std::move(answer).error());
    std::string made;
    if (makes_something(operation.name)) made = recorded_answer(passage.service, operation.name, passage.run->made(), *answer);
    auto response = std::move(*answer);
    wire::add_request_id(response.headers, passage.service, call.request_id);
    if (passage.ticket) TRY(record_answer(passage, response.status, nullptr, std::move(made)));
    return response;
}

// By the head alone.
base::Result<void> Gate::find_out_what(Passage& passage) {
    const http::RequestHead& head = passage.http.head;
    wire::Call& call = passage.call;
    auto signature = wire::read_signature(head);
    const std::optional<wire::Signature> unsigned_one;
    const auto& signed_as = signature ? *signature : unsigned_one;
    auto service = wire::find_service_name(head, signed_as);
    // Broken credentials are nobody's: the service is remembered for the wording alone.
    if (service)
        call.service = *service;
    else if (signed_as)
        call.service = signed_as->scope.service;  // one that is not served here
    if (call.service == "s3") call.request_id = parts_.random->text(16, s3_request_id_alphabet);
    if (!signature) return base::fail(std::move(signature).error());
    passage.signature = std::move(*signature);
    TRY(wire::check_repeated_headers(head));
    passage.service = TRY(std::move(service));
    if (passage.signature) call.signature = &*passage.signature;
    if (passage.service == "s3") {
        if (passage.signature) TRY(wire::take_hoisted_headers(passage.http.head, *passage.signature));
        passage.s3 = TRY(wire::read_s3_request(head));
        call.s3 = &*passage.s3;
        call.operation = passage.s3->operation;
    } else if (const wire::ServiceModel* model = wire::find_service(passage.service)) {
        call.operation = wire::operation_in_head(*model, head);
    }
    return {};
}

base::Result<void> Gate::authenticate(Passage& passage) {
    // The only anonymous requests that anything here allows are S3's.
    if (!passage.signature) {
        if (passage.service == "s3") return {};
        return base::fail(missing_credentials(passage.service));
    }
    const wire::Signature& signature = *passage.signature;
    passage.access_key_id = signature.access_key_id;
    auto found = TRY(find_caller(passage));
    if (auto served = wire::check_region(signature, passage.service, parts_.regions); !served) {
        passage.call.right_region = parts_.regions.front();
        if (passage.service != "s3") return base::fail(std::move(served).error());
        // At once the one that will do: SDKs sign anew only once.
        if (auto own = region_of_bucket(parts_, passage.http.head); wire::is_served(own, parts_.regions))
            passage.call.right_region = std::move(own);
        return base::fail(wire::wrong_region(signature, passage.call.right_region));
    }
    wire::VerifyOptions options{.secret_access_key = found->secret_access_key,
                                .signing_key = &found->signing_key,
                                .service = passage.service,
                                .now = passage.now,
                                .regions = parts_.regions};
    if (passage.service != "s3") {
        // What can be told without the body is told without it.
        TRY(wire::check_claims(signature, passage.http.head, options));
        // Read once: a request that is decided again keeps its body.
        if (passage.body_sha256.empty()) {
            passage.body = TRY(passage.http.body->read_all(wire::request_body_bytes_max));
            passage.body_sha256 = crypto::hex(crypto::sha256(passage.body));
        }
        options.body_sha256 = passage.body_sha256;
    }
    auto verified = wire::verify(signature, passage.http.head, options);
    if (!verified) {
        const wire::ServiceModel* model = wire::find_service(passage.service);
        const bool small = passage.body.size() <= recorded_form_bytes_max && !passage.http.head.headers.find("Content-Encoding");
        if (model != nullptr && passage.call.operation.empty() && small)
            if (auto operation = wire::find_operation(*model, passage.http.head, passage.body))
                passage.call.operation = std::string((*operation)->name);
        return base::fail(std::move(verified).error());
    }
    passage.verified = std::move(*verified);
    passage.principal = std::move(found);
    passage.call.region = wire::region_that_serves(passage.service, &signature, parts_.regions);
    return {};
}

// A client may take hours to send a body. What is decided is decided once the request is whole, on what holds then: whose credentials
// were taken away meanwhile is refused.
base::Result<void> Gate::renew_caller(Passage& passage) {
    passage.now = parts_.clock->now();
    if (!passage.signature) return {};
    auto found = find_caller(passage);
    if (!found) {
        passage.principal = anonymous_principal();
        return base::fail(std::move(found).error());
    }
    passage.principal = std::move(*found);
    return {};
}

// Whose credentials the request is signed with, as identity holds them now.
base::Result<identity::PreparedPtr> Gate::find_caller(const Passage& passage) const {
    const wire::Signature& signature = *passage.signature;
    auto found = parts_.directory->authenticate(signature.access_key_id, signature.session_token);
    if (found) return found;
    return base::fail(credentials_error(passage.service, std::move(found).error(), !signature.session_token.empty()));
}

base::Result<void> Gate::read_body(Passage& passage) {
    const http::RequestHead& head = passage.http.head;
    TRY(wire::unpack_body(head, passage.body));
    const wire::ServiceModel* model = wire::find_service(passage.service);
    if (model == nullptr) return base::fail(base::code::UnrecognizedClientException, "there is no service " + passage.service);
    passage.call.operation = std::string(TRY(wire::find_operation(*model, head, passage.body))->name);
    passage.call.document = passage.body;
    return {};
}

base::Result<std::map<size_t, std::string>> Gate::decide(Passage& passage, std::vector<Access> accesses) {
    if (accesses.empty()) {
        base::log_error(passage.service + ":" + passage.call.operation +
                        " asked for no permission without saying that it needs none");
        return base::fail(base::code::AccessDenied, "Access Denied");
    }
    passage.decided.emplace(DecidedRequest::Parts{.principal = passage.principal,
                                                  .facts = {.http = &passage.http,
                                                            .service = passage.service,
                                                            .region = passage.call.region,
                                                            .signature = passage.signature ? &*passage.signature : nullptr,
                                                            .now = passage.now},
                                                  .request_id = passage.call.request_id,
                                                  .operation = passage.call.operation,
                                                  .access_key_id = passage.access_key_id},
                            std::move(accesses));
    std::map<size_t, std::string> refusals;
    std::optional<base::Error> refusal;  // of the first access that may not be refused
    size_t index = 0;
    passage.decided->each([&](const DecidedRequest::One& one) {
        const size_t at = index++;
        if (one.is_allowed()) return;
        const Access& access = one.question.access();
        std::string sentence = refusal_sentence(access, one.question.request(), *one.refusal);
        if (access.separate)
            refusals.emplace(at, std::move(sentence));
        else if (!refusal)
            refusal = base::Error(std::string(policy::denial_code(*one.refusal)), std::move(sentence));
    });
    if (refusal) return base::fail(std::move(*refusal));
    return refusals;
}

std::string Gate::message_to_keep(const Passage& passage, const base::Error& error) {
    return recorded_message(error, input_shape(passage.service, passage.call.operation),
                            passage.run != nullptr ? passage.run->asked() : text::Json());
}

std::string Gate::parameters_to_keep(const Passage& passage, bool refused) {
    const size_t most = refused ? audit::refused_parameters_bytes_max : audit::parameters_bytes_max;
    const std::string& service = passage.said_service();
    text::Json asked = passage.run != nullptr ? passage.run->asked() : text::Json();
    // Where no access says it (there is no such bucket, or the credentials do not hold): as the head does.
    if (asked.is_null() && service == "s3" && !passage.decided)
        if (const auto head = wire::read_s3_request(passage.http.head); head && !head->bucket.empty()) {
            asked = text::Json::object({{"Bucket", head->bucket}});
            if (!head->key.empty()) asked.set("Key", head->key);
        }
    return recorded_parameters(service, passage.call.operation, asked, most);
}

audit::Record Gate::record_of(const Passage& passage) {
    if (passage.decided) return passage.decided->whole();
    return gate::record_of({.http = passage.http,
                            .caller = passage.caller(),
                            .time = passage.now,
                            .request_id = passage.call.request_id,
                            .service = passage.said_service(),
                            .operation = passage.call.operation,
                            .access_key_id = passage.access_key_id});
}

base::Result<void> Gate::record(Passage& passage, std::string parameters) {
    base::Result<audit::Ticket> ticket;
    if (passage.decided) {
        passage.decided->parameters = std::move(parameters);
        ticket = parts_.audit->decided(*passage.decided);
    } else {
        audit::Record record = record_of(passage);
        record.parameters = std::move(parameters);
        ticket = parts_.audit->decided(record);
    }
    if (!ticket) return not_recorded(passage.call.request_id, ticket.error());
    passage.ticket = std::move(*ticket);
    passage.recorded = true;
    return {};
}

base::Result<void> Gate::record_refusal(Passage& passage, const base::Error& refusal, int status) {
    audit::Record record = record_of(passage);
    record.error_code = refusal.code;
    record.error_message = message_to_keep(passage, refusal);
    record.status = status;
    record.is_missing = !passage.decided && refusal.code == base::code::NoSuchBucket;
    if (record.parameters.empty()) record.parameters = parameters_to_keep(passage, true);
    if (auto written = parts_.audit->append(record); !written) return not_recorded(passage.call.request_id, written.error());
    passage.recorded = true;
    return {};
}

base::Result<void> Gate::record_answer(Passage& passage, int status, const base::Error* error, std::string made) {
    audit::Answered answered{
        .time = parts_.clock->now(), .status = status, .error_code = "", .error_message = "", .made = std::move(made)};
    if (error != nullptr) {
        answered.error_code = error->code;
        answered.error_message = message_to_keep(passage, *error);
    }
    INVARIANT(passage.ticket);
    audit::Ticket ticket = std::move(*passage.ticket);
    passage.ticket.reset();
    auto written = parts_.audit->answered(std::move(ticket), answered);
    if (!written) return not_recorded(passage.call.request_id, written.error());
    return {};
}

http::Response Gate::refuse(Passage& passage, base::Error error) {
    const std::string& service = passage.said_service();
    error = in_dialect(service, std::move(error));
    // Clients find out by it where a bucket is, most without credentials. Source: GetBucketLocation ("calls to the HeadBucket
    // operation always return the bucket's location through an HTTP response header, whether access to the bucket is authorized
    // or not").
    if (service == "s3" && passage.call.operation == "HeadBucket" && passage.call.right_region.empty())
        passage.call.right_region = region_of_bucket(parts_, passage.http.head);
    const auto encode = [&] {
        return wire::encode_error(service, error, passage.http.head, passage.call.request_id, passage.call.right_region);
    };
    http::Response response = encode();
    base::Result<void> written;
    if (!passage.recorded) {
        written = record_refusal(passage, error, response.status);
    } else if (passage.ticket) {
        written = record_answer(passage, response.status, &error, "");
    }
    if (!written) {
        error = std::move(written).error();
        response = encode();
    }
    passage.answered_error = error.code;
    if (response.status == 500)
        base::log_error("request " + passage.call.request_id + ": " + error.code + ": " + message_to_keep(passage, error));
    return response;
}

}  // namespace gate
