#include "wire/client.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <thread>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/strings.hpp"
#include "crypto/digest.hpp"
#include "http/client.hpp"
#include "model/json.hpp"
#include "os/descriptor.hpp"
#include "text/uri.hpp"
#include "text/xml.hpp"
#include "wire/model.hpp"
#include "wire/query_types.hpp"
#include "wire/region.hpp"
#include "wire/sigv4.hpp"

namespace wire {

using base::Error;
using base::fail;
using base::Result;
using text::Json;

namespace {

constexpr std::string_view user_agent = "trainwarden";
constexpr size_t bucket_regions_max = 10'000;
constexpr std::chrono::milliseconds first_pause{100};  // doubled before every further attempt

bool is_worth_retrying(int status, std::string_view code) {
    constexpr std::array codes = {
        "Throttling",     "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown",
        "RequestTimeout", "InternalError",       "InternalFailure",          "ServiceUnavailable"};
    return status == 500 || status == 502 || status == 503 || status == 504 || std::ranges::find(codes, code) != codes.end();
}

// Amazon's own endpoint of a service, without a scheme.
std::string aws_host(std::string_view service, const std::string& region) {
    if (service == "iam") return "iam.amazonaws.com";
    if (service == "sagemaker") return "api.sagemaker." + region + ".amazonaws.com";
    return std::string(service) + "." + region + ".amazonaws.com";
}

struct Place {
    std::string origin;  // http://host:port
    std::string host;    // host:port, as the Host header says it
    std::string path;    // what the endpoint's own URL has behind the host; no slash at its end
};

Result<Place> parse_endpoint(std::string_view endpoint) {
    const auto scheme = endpoint.find("://");
    if (scheme == std::string_view::npos || (endpoint.substr(0, scheme) != "http" && endpoint.substr(0, scheme) != "https"))
        return fail(base::code::InvalidEndpoint, "the endpoint `" + std::string(endpoint) + "` is not an http or https URL");
    while (endpoint.ends_with('/')) endpoint.remove_suffix(1);
    const auto slash = endpoint.find('/', scheme + 3);
    Place out;
    out.origin = endpoint.substr(0, slash);
    out.host = out.origin.substr(scheme + 3);
    if (slash != std::string_view::npos) out.path = endpoint.substr(slash);
    if (out.host.empty()) return fail(base::code::InvalidEndpoint, "the endpoint `" + std::string(endpoint) + "` names no host");
    // A default port is not part of what clients send.
    for (const std::string_view suffix : {":80", ":443"})
        if (out.host.ends_with(suffix) && (suffix == ":443") == out.origin.starts_with("https"))
            out.host.resize(out.host.size() - suffix.size());
    return out;
}

Result<std::string> file_sha256(const std::string& path) {
    const os::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return fail(base::code::FileNotReadable, "cannot read `" + path + "`");
    crypto::Digest digest(crypto::DigestKind::sha256);
    std::string buffer(1 << 20, '\0');
    while (true) {
        const ssize_t got = ::read(file.number(), buffer.data(), buffer.size());
        if (got < 0) return fail(base::code::FileNotReadable, "cannot read `" + path + "`");
        if (got == 0) return crypto::hex(digest.finish());
        digest.update(std::string_view(buffer).substr(0, static_cast<size_t>(got)));
    }
}

Error with_request_id(Error error, const http::Headers& headers, std::string_view extra_note) {
    if (!extra_note.empty())
        for (const auto line : base::split(extra_note, '\n')) error.notes.emplace_back(line);
    for (const auto* name : {"x-amz-request-id", "x-amzn-requestid"})
        if (const auto* id = headers.find(name)) error.notes.push_back("request id: " + *id);
    return error;
}

Error unreadable(const http::ClientResponse& answer) {
    return {"HTTP" + std::to_string(answer.status),
            "the server answered with status " + std::to_string(answer.status) + " and nothing that AWS clients read"};
}

Error xml_error(const http::ClientResponse& answer) {
    const auto root = text::parse_xml(answer.body);
    if (!root) return with_request_id(unreadable(answer), answer.headers, "");
    const auto* inside = root->name == "Error" ? &*root : root->child("Error");
    if (!inside || inside->child_text("Code").empty()) return with_request_id(unreadable(answer), answer.headers, "");
    return with_request_id({inside->child_text("Code"), inside->child_text("Message")}, answer.headers,
                           inside->child_text(inside->child("Note") != nullptr ? "Note" : "Detail"));
}

Error json_error(const http::ClientResponse& answer) {
    const auto parsed = text::parse_json(answer.body);
    auto code = parsed ? (*parsed)["__type"].as_string() : std::string();
    if (code.empty()) code = answer.headers.get("x-amzn-errortype");
    if (const auto hash = code.find('#'); hash != std::string::npos) code.erase(0, hash + 1);
    code = code.substr(0, code.find(':'));
    if (code.empty()) return with_request_id(unreadable(answer), answer.headers, "");
    const auto& message = parsed && parsed->contains("message") ? (*parsed)["message"] : parsed ? (*parsed)["Message"] : Json();
    return with_request_id({code, message.as_string()}, answer.headers, parsed ? (*parsed)["note"].as_string() : std::string());
}

// A HEAD's answer has no body to say what went wrong.
Error head_error(const S3Call& call, const http::ClientResponse& answer) {
    const std::string what = call.key.empty() ? "bucket `" + call.bucket + "`" : "object `" + call.bucket + "/" + call.key + "`";
    Error error = answer.status == 404
                      ? Error(call.key.empty() ? base::code::NoSuchBucket : base::code::NoSuchKey, "there is no " + what)
                  : answer.status == 403 ? Error(base::code::AccessDenied, "access to the " + what + " is denied")
                  : answer.status == 412 ? Error(base::code::PreconditionFailed, "a condition on the " + what + " does not hold")
                                         : unreadable(answer);
    return with_request_id(std::move(error), answer.headers, "");
}

}  // namespace

struct Client::State {
    ClientOptions options;
    http::Client http;

    struct Prepared {
        http::RequestHead head;
        std::string origin;
        std::string service;
        std::string payload_hash;
        std::string body, body_file;
        std::function<Result<void>(std::string_view)> sink;
        std::string bucket;  // S3
    };

    // Where S3 said that buckets are, if not in the region of the options.
    std::map<std::string, std::string> bucket_regions;

    [[nodiscard]] std::string region_of(const Prepared& prepared) const {
        // IAM is one service for all regions and wants to be signed as us-east-1 at Amazon's own endpoint.
        if (prepared.service == "iam" && options.endpoint.empty()) return "us-east-1";
        const auto found = bucket_regions.find(prepared.bucket);
        return found == bucket_regions.end() ? options.region : found->second;
    }
    // Did the answer say that the bucket is elsewhere, so that the same request signed for there may do?
    [[nodiscard]] bool learn_region(const Prepared& prepared, const http::ClientResponse& answer);

    // Signs and sends, again if that may help. `read_error` turns an answer that is not 2xx into an Error.
    Result<http::ClientResponse> send(const Prepared& prepared,
                                      const std::function<Error(const http::ClientResponse&)>& read_error);
    // A call of a Query or JSON service.
    Result<http::ClientResponse> send(const ServiceModel& model, std::string_view operation, std::string body);
    [[nodiscard]] Result<Place> place_of(std::string_view service) const {
        if (!options.endpoint.empty()) return parse_endpoint(options.endpoint);
        if (service == "trainwarden")
            return fail(Error(base::code::NoEndpoint, "no Trainwarden server is named")
                            .note("set AWS_ENDPOINT_URL, or run `eval \"$(trainwarden env)\"`"));
        return parse_endpoint("https://" + aws_host(service, options.region));
    }
};

bool Client::State::learn_region(const Prepared& prepared, const http::ClientResponse& answer) {
    if (prepared.bucket.empty() || options.access_key_id.empty()) return false;
    if (answer.status != 400 && answer.status != 301) return false;
    const auto named = answer.headers.get("x-amz-bucket-region");
    if (!is_region_name(named) || named == region_of(prepared)) return false;
    if (bucket_regions.size() >= bucket_regions_max) bucket_regions.clear();
    bucket_regions[prepared.bucket] = named;
    return true;
}

Result<http::ClientResponse> Client::State::send(const Prepared& prepared,
                                                 const std::function<Error(const http::ClientResponse&)>& read_error) {
    auto pause = first_pause;
    bool moved = false;
    bool delivered = false;  // Part of an answer went to the sink: it cannot be taken back.
    for (int attempt = 1;; ++attempt) {
        http::RequestHead head = prepared.head;
        if (!options.access_key_id.empty())  // else: anonymous
            sign(head, {options.access_key_id, options.secret_access_key, options.session_token}, region_of(prepared),
                 prepared.service, base::SystemClock().now(), prepared.payload_hash);
        http::ClientRequest request{.method = head.method,
                                    .url = prepared.origin + head.path + (head.query.empty() ? "" : "?" + head.query),
                                    .headers = std::move(head.headers),
                                    .body = prepared.body,
                                    .body_file = prepared.body_file,
                                    .sink = {},
                                    .timeout_seconds = options.timeout_seconds,
                                    .socket = options.socket};
        if (prepared.sink)
            request.sink = [&](std::string_view part) {
                delivered = true;
                return prepared.sink(part);
            };
        auto answer = http.send(request);
        const bool last = attempt >= options.attempts_max || delivered;
        if (answer && answer->status >= 200 && answer->status < 300) return answer;
        // Once: two regions that send a request to each other are not followed for ever.
        if (answer && !moved && !delivered && learn_region(prepared, *answer)) {
            moved = true;
            --attempt;
            continue;
        }
        Error error = answer ? read_error(*answer) : answer.error();
        const bool worth = answer ? is_worth_retrying(answer->status, error.code)
                                  : error.code == base::code::ConnectionError || error.code == base::code::Timeout;
        if (last || !worth) return fail(std::move(error));
        std::this_thread::sleep_for(pause);
        pause *= 2;
    }
}

Client::Client(ClientOptions options) : state_(std::make_unique<State>()) { state_->options = std::move(options); }
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;

const ClientOptions& Client::options() const { return state_->options; }

Result<http::ClientResponse> Client::State::send(const ServiceModel& model, std::string_view operation, std::string body) {
    const std::string service(model.signing_name);
    const auto place = TRY(place_of(service));
    Prepared prepared{.head = {.method = "POST", .path = place.path + "/", .query = "", .headers = {}},
                      .origin = place.origin,
                      .service = service,
                      .payload_hash = {},
                      .body = std::move(body),
                      .body_file = {},
                      .sink = {},
                      .bucket = {}};
    prepared.head.headers.add("Host", place.host);
    prepared.head.headers.add("User-Agent", std::string(user_agent));
    const bool is_query = model.protocol == Protocol::query;
    if (is_query) {
        prepared.head.headers.add("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    } else {
        prepared.head.headers.add("Content-Type", "application/x-amz-json-" + std::string(model.json_version));
        prepared.head.headers.add("X-Amz-Target", std::string(model.target_prefix) + "." + std::string(operation));
    }
    prepared.payload_hash = crypto::hex(crypto::sha256(prepared.body));
    return send(prepared, is_query ? xml_error : json_error);
}

Result<Json> Client::call(const std::string& service, const std::string& operation, const Json& input) {
    const auto* model = find_service(service);
    const auto* found = model ? model->find(operation) : nullptr;
    if (!found)
        return fail(base::code::UnknownOperationException,
                    "there is no operation " + service + ":" + operation + " in the service models here");
    const bool is_query = model->protocol == Protocol::query;
    const auto answer = TRY(
        state_->send(*model, operation, is_query ? encode_query_input(*model, *found, input) : encode_json_input(*found, input)));
    return is_query ? decode_query_output(*found, answer.body) : decode_json_output(*found, answer.body);
}

Result<void> Client::exchange(const model::Operation& operation, const void* input, void* output) {
    const auto* service = find_service(operation.service->signing_name);
    INVARIANT(service != nullptr);  // S3 has a call of its own
    const bool is_query = service->protocol == Protocol::query;
    std::string body = is_query          ? write_form(operation, service->version, input)
                       : operation.input ? model::write_json(*operation.input, input)
                                         : "{}";
    const auto answer = TRY(state_->send(*service, operation.name, std::move(body)));
    return is_query ? read_query_answer(operation, answer.body, output) : model::read_json_answer(operation, answer.body, output);
}

Result<S3Answer> Client::s3(const S3Call& call) {
    auto place = TRY(state_->place_of("s3"));
    // S3 Control has hosts of its own at AWS, one for each account; nothing in its paths is a bucket.
    const std::string account = call.headers.get("x-amz-account-id");
    if (state_->options.endpoint.empty() && !account.empty()) {
        place.host = account + ".s3-control." + state_->options.region + ".amazonaws.com";
        place.origin = "https://" + place.host;
    }
    const bool virtual_host =
        state_->options.endpoint.empty() && account.empty() && !call.bucket.empty() && call.bucket.find('.') == std::string::npos;
    State::Prepared prepared{.head = {.method = call.method, .path = place.path, .query = call.query, .headers = call.headers},
                             .origin = place.origin,
                             .service = "s3",
                             .payload_hash = {},
                             .body = call.body,
                             .body_file = call.body_file,
                             .sink = call.sink,
                             .bucket = call.bucket};
    auto& path = prepared.head.path;
    if (virtual_host) {
        place.host = call.bucket + "." + place.host;
        prepared.origin = "https://" + place.host;
    } else if (!call.bucket.empty()) {
        path += "/" + text::encode_uri(call.bucket);
    }
    if (!call.key.empty()) path += "/" + text::encode_uri(call.key, true);
    if (path.empty()) path = "/";
    prepared.head.headers.set("Host", place.host);
    prepared.head.headers.set("User-Agent", std::string(user_agent));
    // Encryption in transit protects the payload; without it the signature has to.
    if (place.origin.starts_with("https"))
        prepared.payload_hash = "UNSIGNED-PAYLOAD";
    else
        prepared.payload_hash =
            call.body_file.empty() ? crypto::hex(crypto::sha256(call.body)) : TRY(file_sha256(call.body_file));
    auto answer = TRY(state_->send(prepared, [&](const http::ClientResponse& bad) {
        return call.method == "HEAD" || bad.body.empty() ? head_error(call, bad) : xml_error(bad);
    }));
    return S3Answer{.status = answer.status, .headers = std::move(answer.headers), .body = std::move(answer.body)};
}

}  // namespace wire
