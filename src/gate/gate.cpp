// The pipeline. `serve` answers, `process` runs the steps; each step leaves what it found in the RequestState (request_state.hpp). What is recorded
// of a request is in recording.cpp.
//
//   find_out_what   which service and, as far as the head says, which operation        (wire)
//   authenticate    whose credentials, does the signature hold        (identity, wire)
//   read_body       what the body says: unpacked and parsed for authenticated callers only        (wire)
//   accesses        what it asks for; which actions on which resources        (the operation's RequestExecution)
//   decide          is every one of them allowed        (policy)
//   record          what was decided, before anything happens        (audit)
//   handle          with a Permit        (the operation's RequestExecution)
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
#include "base/small_vector.hpp"
#include "crypto/digest.hpp"
#include "gate/access_question.hpp"
#include "gate/decide.hpp"
#include "gate/decided.hpp"
#include "gate/globals.hpp"
#include "gate/observer.hpp"
#include "gate/recorded.hpp"
#include "gate/request_state.hpp"
#include "gate/wording.hpp"
#include "identity/directory.hpp"
#include "model/services.hpp"
#include "store/reserve.hpp"
#include "wire/errors.hpp"
#include "wire/hoisted_headers.hpp"
#include "wire/model.hpp"
#include "wire/payload.hpp"
#include "wire/post_object.hpp"
#include "wire/post_policy.hpp"
#include "wire/region.hpp"
#include "wire/route.hpp"
#include "wire/s3_request.hpp"
#include "wire/sigv4.hpp"

namespace gate {
namespace {

constexpr size_t logged_path_bytes_max = 1024;  // of a path in the server's log
// How often a request is decided again. Readers of an object that changes faster than this get a 503.
constexpr int decisions_max = 100;
// How old a decision may be when the document that was waited for is there: an older one is made again.
constexpr std::chrono::seconds decision_age_max{1};
// Of a form whose signature does not hold, read for the operation's name in the record.
constexpr size_t recorded_form_bytes_max = 64u << 10;
constexpr auto reserve_users =
    std::to_array<std::string_view>({"Abort", "Delete", "Detach", "Interrupt", "Remove", "Stop", "Untag"});
constexpr std::string_view form_upload = "PostObject";  // as models/s3.yaml calls the route; it is a PutObject
constexpr std::string_view preflight_method = "OPTIONS";
constexpr std::string_view s3_request_id_alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

// Services that hold who may do what, and little else.
constexpr auto administration = std::to_array<std::string_view>({"access-analyzer", "cloudtrail", "iam", "sts", "trainwarden"});

// What works on a full disk: what frees space, ends work or takes rights away, to the last; reads and administration, as long as there is
// room for their record.
store::ReserveUse reserve_use_of(std::string_view service, std::string_view operation) {
    const auto begins = [&](std::string_view verb) { return operation.starts_with(verb); };
    if (std::ranges::any_of(reserve_users, begins)) return store::ReserveUse::making_room;
    const bool administers = std::ranges::find(administration, service) != administration.end() ||
                             (service == "s3" && (begins("PutBucket") || begins("PutPublicAccessBlock") || begins("PutAccount")));
    return administers || audit::reads_only(operation) ? store::ReserveUse::administration : store::ReserveUse::none;
}

}  // namespace

Gate::Gate(GateDependencies dependencies) : dependencies_(std::move(dependencies)) {
    INVARIANT(dependencies_.registry && dependencies_.directory && dependencies_.audit && dependencies_.clock &&
              dependencies_.random);
    INVARIANT(!dependencies_.regions.empty());
}

http::Response Gate::serve(http::Request& request) {
    const auto began = std::chrono::steady_clock::now();
    RequestState state{.http = request};
    const base::LoggedRequest logged(state.call.request_id);
    if (dependencies_.observer != nullptr && dependencies_.observer->wants_laps(request.head)) state.laps.emplace();
    http::Response response = answer(state);
    add_cors(state, response);
    tell(state, response.status, began);
    return response;
}

void Gate::tell(const RequestState& state, int status, Moment began) const {
    const auto ended = std::chrono::steady_clock::now();
    if (dependencies_.observer != nullptr) {
        dependencies_.observer->answered({.request = state.http,
                                          .service = state.said_service(),
                                          .operation = state.call.operation,
                                          .known = state.known,
                                          .request_id = state.call.request_id,
                                          .error_code = state.answered_error,
                                          .barrier = state.barrier,
                                          .layer = state.layer,
                                          .status = status,
                                          .began = began,
                                          .ended = ended,
                                          .laps = state.laps ? &*state.laps : nullptr});
    }
    if (base::logs(base::LogLevel::debug))
        log_request(state, status, std::chrono::duration_cast<std::chrono::microseconds>(ended - began));
}

http::Response Gate::answer(RequestState& state) {
    try {
        state.now = dependencies_.clock->now();
        state.call.http = &state.http;
        state.call.region = dependencies_.regions.front();
        state.call.request_id = dependencies_.random->uuid();
        auto passed = process(state);
        if (passed) return std::move(*passed);
        return refuse(state, std::move(passed).error());
    } catch (const std::exception& error) {
        base::log_error("an exception in " + state.service + ":" + state.call.operation + ": " + error.what());
    }
    try {
        return refuse(state, base::Error(base::code::InternalFailure, "an exception stopped the request"));
    } catch (const std::exception&) {
        return http::Response{.status = 500};
    }
}

// Without the query, where presigned requests have their signature and token.
void Gate::log_request(const RequestState& state, int status, std::chrono::microseconds took) {
    const http::RequestHead& head = state.http.head;
    const std::string& service = state.said_service();
    const std::string operation =
        service.empty() ? std::string() : service + ":" + (state.call.operation.empty() ? "?" : state.call.operation);
    base::SmallVector<base::LogField, 7> fields;
    fields.push_back({"method", head.method});
    fields.push_back({"path", std::string_view(head.path).substr(0, logged_path_bytes_max)});
    fields.push_back({"status", int64_t{status}});
    fields.push_back({"microseconds", int64_t{took.count()}});
    if (!operation.empty()) fields.push_back({"operation", operation});
    if (!state.answered_error.empty()) fields.push_back({"error", state.answered_error});
    base::log(base::LogLevel::debug, "request", {fields.begin(), fields.end()});
}

base::Result<http::Response> Gate::process(RequestState& state) {
    wire::Call& call = state.call;
    // What the request is for is found out first, so that the record of bad credentials names it, but told only to the
    // authenticated.
    auto known = find_out_what(state);
    if (!known && state.service.empty()) return base::fail(std::move(known).error());
    TRY(authenticate(state));
    if (!known) return base::fail(std::move(known).error());
    if (state.service != "s3") TRY(read_body(state));

    const Operation* operation = dependencies_.registry->find(state.service, call.operation);
    if (operation == nullptr) return base::fail(unknown_operation(state.service, call.operation));
    state.known = operation;
    if (state.service == "s3") {
        auto& body = state.form ? state.form->file() : *state.http.body;
        state.payload = TRY(wire::PayloadReader::open(state.http.head, body, state.verified ? &*state.verified : nullptr));
        call.body = state.payload.get();
    }
    state.run = operation->begin();

    for (int decision = 1;; ++decision) {
        auto answer = admit(state, *operation);
        if (answer || answer.error().code != base::decision_outdated) return answer;
        if (state.pending) TRY(record_answer(state, 0, &answer.error(), ""));
        state.decided.reset();
        state.recorded = false;
        if (decision == decisions_max) {
            return base::fail(state.service == "s3" ? base::code::SlowDown : base::code::ServiceUnavailable,
                              "What the request is about changes faster than it can be decided on. Please try again.");
        }
        TRY(authenticate(state));
    }
}

base::Result<http::Response> Gate::admit(RequestState& state, const Operation& operation) {
    wire::Call& call = state.call;
    const base::DecisionScope decision;
    const identity::PreparedPtr asked_as = state.principal;
    auto accesses = state.run->accesses(state.caller(), call);
    TRY(base::DecisionScope::check());
    if (!accesses) {
        // Anonymous callers get NoSuchBucket, as in AWS, but no other 404.
        const bool is_anonymous = state.caller().principal.kind == policy::PrincipalKind::anonymous;
        if (is_anonymous && wire::status_of(state.service, accesses.error().code) == 404 &&
            accesses.error().code != base::code::NoSuchBucket)
            return base::fail(base::code::AccessDenied, "Access Denied");
        return base::fail(std::move(accesses).error());
    }
    TRY(renew_caller(state));
    // Requests that name no user are about their caller: by a name that it has no more, they would be decided on another.
    if (state.caller().principal.arn != asked_as->caller.principal.arn) return base::fail_outdated("the caller");
    std::map<size_t, std::string> refusals;
    if (!operation.needs_no_permission) refusals = TRY(decide(state, std::move(*accesses)));
    // Once it is allowed: refused requests must not use up the reserve.
    const store::MayUseReserve as_far_as_it_goes(reserve_use_of(state.service, operation.name));
    const identity::PreparedPtr decided_for = state.principal;
    const base::Time decided_at = state.now;
    if (state.run->read_rest(call)) {
        TRY(renew_caller(state));
        if (state.principal != decided_for || state.now - decided_at > decision_age_max) return base::fail_outdated("the caller");
    }
    const bool is_refused_whole = !refusals.empty() && refusals.size() == state.decided->size();
    // Where each part may be refused for itself and all were, nothing will happen: it is recorded as any other refusal, with the status of
    // an answer that says so of each part.
    if (is_refused_whole)
        TRY(record_refusal(state, base::Error(std::string(base::code::AccessDenied), refusals.begin()->second), 200));
    else
        TRY(record(state, parameters_to_keep(state, false)));
    if (state.signature) dependencies_.directory->record_use(state.caller(), state.service, call.region);

    const Permit permit(state.principal, *dependencies_.directory, call, state.now, std::move(refusals));
    auto answer = handle(state, permit);
    // Refusals too: they tell of what is there now.
    TRY(base::DecisionScope::check());
    if (!answer) return base::fail(std::move(answer).error());
    std::string made;
    if (makes_something(operation.name)) made = recorded_answer(state.service, operation.name, state.run->made(), *answer);
    auto response = std::move(*answer);
    if (state.form) response = wire::form_answer(*state.form, state.http, *state.s3, std::move(response));
    wire::add_request_id(response.headers, state.service, call.request_id);
    if (state.pending) TRY(record_answer(state, response.status, nullptr, std::move(made)));
    return response;
}

base::Result<http::Response> Gate::handle(RequestState& state, const Permit& permit) {
    const Timed timed(state.laps, Phase::handle);
    return state.run->handle(permit, state.call);
}

// By the head alone.
base::Result<void> Gate::find_out_what(RequestState& state) {
    const http::RequestHead& head = state.http.head;
    wire::Call& call = state.call;
    // Browsers ask before a request what they may send. They have no credentials then, and a presigned URL is signed for the request itself.
    const bool is_preflight = head.method == preflight_method && !head.headers.find("X-Amz-Target");
    auto signature = is_preflight ? base::Result<std::optional<wire::Signature>>() : wire::read_signature(head);
    const std::optional<wire::Signature> unsigned_one;
    const auto& signed_as = signature ? *signature : unsigned_one;
    auto service = wire::find_service_name(head, signed_as);
    // Broken credentials identify no one: the service is kept for the wording alone.
    if (service)
        call.service = *service;
    else if (signed_as)
        call.service = signed_as->scope.service;  // one that is not served here
    if (call.service == "s3") call.request_id = dependencies_.random->text(16, s3_request_id_alphabet);
    if (!signature) {
        state.barrier = Barrier::authentication;
        return base::fail(std::move(signature).error());
    }
    state.signature = std::move(*signature);
    if (state.signature) state.access_key_id = state.signature->access_key_id;  // the record names it, whether it holds or not
    TRY(wire::check_repeated_headers(head));
    state.service = TRY(std::move(service));
    if (state.signature) call.signature = &*state.signature;
    if (state.service == "s3") {
        if (state.signature) TRY(wire::take_hoisted_headers(state.http.head, *state.signature));
        state.s3 = TRY(wire::read_s3_request(head));
        call.s3 = &*state.s3;
        call.operation = state.s3->operation;
        if (call.operation == form_upload) TRY(read_form(state));
    } else if (const wire::ServiceModel* model = wire::find_service(state.service)) {
        call.operation = wire::operation_in_head(*model, head);
    }
    return {};
}

// Its fields are read before anybody is authenticated: the credentials are among them.
base::Result<void> Gate::read_form(RequestState& state) {
    if (!wire::is_post_form(state.http.head))
        return base::fail(
            base::Error(base::code::PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
                .note("Condition: Bucket POST must be of the enclosure-type multipart/form-data"));
    if (state.signature) return base::fail(base::code::InvalidArgument, "Only one auth mechanism allowed");
    auto form = TRY(wire::PostForm::read(state.http.head, *state.http.body));
    state.signature = TRY(wire::read_form_signature(*form));
    state.form = std::move(form);
    if (state.signature) {
        state.access_key_id = state.signature->access_key_id;
        state.call.signature = &*state.signature;
    }
    TRY(wire::take_form(*state.form, state.http.head, *state.s3));
    state.call.operation = state.s3->operation;
    return {};
}

void Gate::add_cors(const RequestState& state, http::Response& response) const {
    const http::RequestHead& head = state.http.head;
    if (state.said_service() != "s3" || !dependencies_.add_cors || head.method == preflight_method ||
        head.headers.find("Origin") == nullptr)
        return;
    const wire::S3Request* asked = state.asked_of_s3();
    if (asked != nullptr && !asked->bucket.empty()) dependencies_.add_cors(asked->bucket, head, response.headers);
}

base::Result<void> Gate::authenticate(RequestState& state) {
    const Timed timed(state.laps, Phase::authenticate);
    auto done = try_authenticate(state);
    if (!done && !state.body_failed) state.barrier = Barrier::authentication;
    return done;
}

base::Result<void> Gate::try_authenticate(RequestState& state) {
    // The only anonymous requests that anything here allows are S3's.
    if (!state.signature) {
        if (state.service == "s3") return {};
        return base::fail(missing_credentials(state.service));
    }
    const wire::Signature& signature = *state.signature;
    auto found = TRY(find_caller(state));
    if (auto served = wire::check_region(signature, state.service, dependencies_.regions); !served) {
        state.call.right_region = dependencies_.regions.front();
        if (state.service != "s3") return base::fail(std::move(served).error());
        // At once the one that will do: SDKs sign anew only once.
        if (auto own = state.region_of_bucket(dependencies_); wire::is_served(own, dependencies_.regions))
            state.call.right_region = std::move(own);
        return base::fail(wire::wrong_region(signature, state.call.right_region));
    }
    wire::VerifyOptions options{.secret_access_key = found->secret_access_key,
                                .signing_key = &found->signing_key,
                                .service = state.service,
                                .now = state.now,
                                .regions = dependencies_.regions};
    if (state.service != "s3") {
        // What can be told without the body is told without it.
        TRY(wire::check_claims(signature, state.http.head, options));
        // Read once: a request that is decided again keeps its body.
        if (state.body_sha256.empty()) {
            auto body = state.http.body->read_all(wire::request_body_bytes_max);
            state.body_failed = !body.has_value();
            state.body = TRY(std::move(body));
            state.body_sha256 = crypto::hex(crypto::sha256(state.body));
        }
        options.body_sha256 = state.body_sha256;
    }
    if (state.form) {
        TRY(wire::verify_form(signature, *state.form, options));
        // A form that lacks what PutObject needs is told so, whatever its policy says.
        if (state.call.operation != form_upload) {
            const auto size = TRY(wire::check_form_policy(*state.form, state.s3->bucket, state.s3->key, state.now));
            state.form->set_size_range(size.least, size.most);
        }
        state.principal = std::move(found);
        state.call.region = wire::region_that_serves(state.service, &signature, dependencies_.regions);
        return {};
    }
    auto verified = wire::verify(signature, state.http.head, options);
    if (!verified) {
        const wire::ServiceModel* model = wire::find_service(state.service);
        const bool small = state.body.size() <= recorded_form_bytes_max && !state.http.head.headers.find("Content-Encoding");
        if (model != nullptr && state.call.operation.empty() && small)
            if (auto operation = wire::find_operation(*model, state.http.head, state.body))
                state.call.operation = std::string((*operation)->name);
        return base::fail(std::move(verified).error());
    }
    state.verified = std::move(*verified);
    state.principal = std::move(found);
    state.call.region = wire::region_that_serves(state.service, &signature, dependencies_.regions);
    return {};
}

// A client may take hours to send a body. What is decided is decided once the request is whole, on what holds then: whose credentials
// were taken away meanwhile is refused.
base::Result<void> Gate::renew_caller(RequestState& state) {
    state.now = dependencies_.clock->now();
    if (!state.signature) return {};
    auto found = find_caller(state);
    if (!found) {
        state.principal = anonymous_principal();
        return base::fail(std::move(found).error());
    }
    state.principal = std::move(*found);
    return {};
}

// Whose credentials the request is signed with, as identity holds them now.
base::Result<identity::PreparedPtr> Gate::find_caller(const RequestState& state) const {
    const wire::Signature& signature = *state.signature;
    auto found = dependencies_.directory->authenticate(signature.access_key_id, signature.session_token);
    if (found) return found;
    return base::fail(credentials_error(state.service, std::move(found).error(), !signature.session_token.empty()));
}

base::Result<void> Gate::read_body(RequestState& state) {
    const http::RequestHead& head = state.http.head;
    TRY(state.http.body->reserve(wire::unpacking_bytes_at_most(head, state.body)));
    TRY(wire::unpack_body(head, state.body));
    const wire::ServiceModel* model = wire::find_service(state.service);
    if (model == nullptr) return base::fail(base::code::UnrecognizedClientException, "there is no service " + state.service);
    TRY(state.http.body->reserve(wire::reading_bytes_at_most(*model, head, state.body)));
    state.call.operation = std::string(TRY(wire::find_operation(*model, head, state.body))->name);
    state.call.document = state.body;
    return {};
}

base::Result<std::map<size_t, std::string>> Gate::decide(RequestState& state, std::vector<Access> accesses) {
    const Timed timed(state.laps, Phase::decide);
    if (accesses.empty()) {
        base::log_error(state.service + ":" + state.call.operation +
                        " asked for no permission without saying that it needs none");
        return base::fail(base::code::AccessDenied, "Access Denied");
    }
    state.decided.emplace(DecidedRequest::Inputs{.principal = state.principal,
                                                 .facts = {.http = &state.http,
                                                           .service = state.service,
                                                           .region = state.call.region,
                                                           .signature = state.signature ? &*state.signature : nullptr,
                                                           .now = state.now},
                                                 .request_id = state.call.request_id,
                                                 .operation = state.call.operation,
                                                 .access_key_id = state.access_key_id},
                          std::move(accesses));
    std::map<size_t, std::string> refusals;
    std::optional<base::Error> refusal;  // of the first access that may not be refused
    size_t index = 0;
    state.decided->each([&](const DecidedRequest::One& one) {
        const size_t at = index++;
        if (dependencies_.observer != nullptr) dependencies_.observer->decided(one.verdict.outcome, one.verdict.layer);
        if (one.is_allowed()) return;
        const Access& access = one.question.access();
        std::string sentence = refusal_sentence(access, one.refused->request, one.refused->decision);
        if (access.separate)
            refusals.emplace(at, std::move(sentence));
        else if (!refusal) {
            state.barrier = Barrier::decision;
            state.layer = one.verdict.layer;
            refusal = base::Error(std::string(policy::denial_code(one.refused->decision)), std::move(sentence));
        }
    });
    if (refusal) return base::fail(std::move(*refusal));
    return refusals;
}

http::Response Gate::refuse(RequestState& state, base::Error error) {
    const std::string& service = state.said_service();
    error = in_dialect(service, std::move(error));
    // Clients find out by it where a bucket is, most without credentials. Source: GetBucketLocation ("calls to the HeadBucket
    // operation always return the bucket's location through an HTTP response header, whether access to the bucket is authorized
    // or not").
    if (service == "s3" && state.call.operation == "HeadBucket" && state.call.right_region.empty())
        state.call.right_region = state.region_of_bucket(dependencies_);
    const auto encode = [&] {
        return wire::encode_error(service, error, state.http.head, state.call.request_id, state.call.right_region);
    };
    http::Response response = encode();
    base::Result<void> written;
    if (!state.recorded) {
        written = record_refusal(state, error, response.status);
    } else if (state.pending) {
        written = record_answer(state, response.status, &error, "");
    }
    if (!written) {
        error = std::move(written).error();
        response = encode();
    }
    state.answered_error = error.code;
    if (response.status == 500) base::log_error(error.code + ": " + message_to_keep(state, error));
    return response;
}

}  // namespace gate
