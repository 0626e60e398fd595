#include "wire/errors.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "text/json.hpp"
#include "text/xml.hpp"
#include "wire/cbor.hpp"
#include "wire/model.hpp"
#include "wire/s3_error.hpp"
#include "wire/s3_request.hpp"

namespace wire {

using text::Json;

namespace {

struct CodeStatus {
    std::string_view code;
    int status;
};

// Amazon S3 API Reference, "Error responses", as far as something here says them.
constexpr std::array s3_codes = std::to_array<CodeStatus>({
    {"AccessControlListNotSupported", 400},
    {"AccessDenied", 403},
    {"AccessForbidden", 403},
    {"AuthorizationHeaderMalformed", 400},
    {"AuthorizationQueryParametersError", 400},
    {"BadDigest", 400},
    {"BadRequest", 400},
    {"BucketAlreadyExists", 409},
    {"BucketAlreadyOwnedByYou", 409},
    {"BucketNotEmpty", 409},
    {"ConditionalRequestConflict", 409},
    {"EntityTooLarge", 400},
    {"EntityTooSmall", 400},
    {"ExpiredToken", 400},
    {"IllegalLocationConstraintException", 400},
    {"IllegalVersioningConfigurationException", 400},
    {"IncompleteBody", 400},
    {"IncompleteSignature", 400},
    {"InsufficientStorage", 507},
    {"InternalError", 500},
    {"InvalidAccessKeyId", 403},
    {"InvalidArgument", 400},
    {"InvalidBucketAclWithObjectOwnership", 400},
    {"InvalidBucketName", 400},
    {"InvalidBucketOwnerAWSAccountID", 400},
    {"InvalidBucketState", 409},
    {"InvalidChunkSizeError", 400},
    {"InvalidDigest", 400},
    {"InvalidEncryptionAlgorithmError", 400},
    {"InvalidLocationConstraint", 400},
    {"InvalidObjectState", 403},
    {"InvalidPart", 400},
    {"InvalidPartNumber", 416},
    {"InvalidPartOrder", 400},
    {"InvalidPolicyDocument", 400},
    {"InvalidRange", 416},
    {"InvalidRequest", 400},
    {"InvalidStorageClass", 400},
    {"InvalidTag", 400},
    {"InvalidToken", 400},
    {"InvalidURI", 400},
    {"KMS.NotFoundException", 400},
    {"KeyTooLongError", 400},
    {"MalformedACLError", 400},
    {"MalformedPOSTRequest", 400},
    {"MalformedPolicy", 400},
    {"MalformedTrailerError", 400},
    {"MalformedXML", 400},
    {"MaxMessageLengthExceeded", 400},
    {"MaxPostPreDataLengthExceededError", 400},
    {"MetadataTooLarge", 400},
    {"MethodNotAllowed", 405},
    {"MissingContentLength", 411},
    {"MissingRequestBodyError", 400},
    {"MissingSecurityHeader", 400},
    {"NoSuchBucket", 404},
    {"NoSuchBucketPolicy", 404},
    {"NoSuchCORSConfiguration", 404},
    {"NoSuchKey", 404},
    {"NoSuchLifecycleConfiguration", 404},
    {"NoSuchObjectLockConfiguration", 404},
    {"NoSuchPublicAccessBlockConfiguration", 404},
    {"NoSuchTagSet", 404},
    {"NoSuchTagSetError", 404},
    {"NoSuchUpload", 404},
    {"NoSuchVersion", 404},
    {"NoSuchWebsiteConfiguration", 404},
    {"NotImplemented", 501},
    {"NotModified", 304},
    {"ObjectLockConfigurationNotFoundError", 404},
    {"OperationAborted", 409},
    {"OwnershipControlsNotFoundError", 404},
    {"PermanentRedirect", 301},
    {"PolicyNotFound", 404},
    {"PolicyTooLarge", 400},
    {"PreconditionFailed", 412},
    {"ReplicationConfigurationNotFoundError", 404},
    {"RequestTimeTooSkewed", 403},
    {"RequestTimeout", 400},
    {"ServerSideEncryptionConfigurationNotFoundError", 404},
    {"ServiceUnavailable", 503},
    {"SignatureDoesNotMatch", 403},
    {"SlowDown", 503},
    {"TooManyBuckets", 400},
    {"UnexpectedContent", 400},
    {"UnresolvableGrantByEmailAddress", 400},
    {"XAmzContentSHA256Mismatch", 400},
});

// "Common errors" of the IAM, STS, SageMaker and CloudWatch Logs API References; what a service's own operations say comes from
// its model.
constexpr std::array common_codes = std::to_array<CodeStatus>({
    {"AccessDenied", 403},
    {"AccessDeniedException", 400},
    {"EntityTooLarge", 413},
    {"ExpiredToken", 403},
    {"ExpiredTokenException", 400},
    {"IncompleteBody", 400},
    {"IncompleteSignature", 400},
    {"IncompleteSignatureException", 400},
    {"InsufficientStorage", 507},
    {"InternalFailure", 500},
    {"InvalidAction", 400},
    {"InvalidClientTokenId", 403},
    {"InvalidInput", 400},
    {"InvalidParameterCombination", 400},
    {"InvalidParameterException", 400},
    {"InvalidParameterValue", 400},
    {"InvalidQueryParameter", 400},
    {"InvalidRequest", 400},
    {"InvalidSignatureException", 400},
    {"MalformedInput", 400},
    {"MalformedQueryString", 404},
    {"MissingAction", 400},
    {"MissingAuthenticationToken", 403},
    {"MissingAuthenticationTokenException", 400},
    {"MissingParameter", 400},
    {"NotAuthorized", 400},
    {"RequestExpired", 400},
    {"RequestTimeout", 400},
    {"ResourceInUse", 400},
    {"ResourceLimitExceeded", 400},
    {"ResourceNotFound", 400},
    {"ResourceNotFoundException", 400},
    {"SerializationException", 400},
    {"ServiceUnavailable", 503},
    {"SignatureDoesNotMatch", 403},
    {"Throttling", 400},
    {"ThrottlingException", 400},
    {"UnknownOperationException", 400},
    {"UnrecognizedClientException", 400},
    {"ValidationError", 400},
    {"ValidationException", 400},
});

// The JSON services say the same things with other names.
constexpr std::array json_names = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"AccessDenied", "AccessDeniedException"},
    {"ExpiredToken", "ExpiredTokenException"},
    {"IncompleteSignature", "IncompleteSignatureException"},
    {"InvalidAction", "UnknownOperationException"},
    {"InvalidClientTokenId", "UnrecognizedClientException"},
    {"MalformedInput", "SerializationException"},
    {"MissingAuthenticationToken", "MissingAuthenticationTokenException"},
    {"SignatureDoesNotMatch", "InvalidSignatureException"},
    {"Throttling", "ThrottlingException"},
});

std::optional<int> find_in(std::span<const CodeStatus> table, std::string_view code) {
    const auto found = std::ranges::find(table, code, &CodeStatus::code);
    return found == table.end() ? std::nullopt : std::optional(found->status);
}

// Questions about requests of other services are answered by the errors that those would get.
constexpr std::string_view own_service = "trainwarden";
std::optional<int> status_elsewhere(std::string_view code) {
    for (const std::string_view service : {"access-analyzer", "cloudtrail", "iam", "logs", "monitoring", "sagemaker", "sts"})
        if (const auto* model = find_service(service))
            for (const auto& error : model->errors)
                if (error.code == code) return error.status;
    return find_in(s3_codes, code);
}

// Of a service that is not served here, codes of both tables are known: the request never got to a service's own.
std::optional<int> known_status(std::string_view service, std::string_view code) {
    if (service == "s3") return find_in(s3_codes, code);
    if (const auto* model = find_service(service)) {
        for (const auto& error : model->errors)
            if (error.code == code) return error.status;
        if (const auto common = find_in(common_codes, code)) return common;
        return service == own_service ? status_elsewhere(code) : std::nullopt;
    }
    const auto common = find_in(common_codes, code);
    return common ? common : find_in(s3_codes, code);
}

// AWS's services, beside S3, that answer in XML without being Query services. Of all that are unknown here, clients of these
// alone do not read JSON.
constexpr std::array rest_xml_services =
    std::to_array<std::string_view>({"s3express", "s3-object-lambda", "s3-outposts", "cloudfront", "route53"});

constexpr char internal_server_exception[] = "InternalServerException";  // of services whose models have it

// What goes out: never an internal code, never an internal message.
struct Told {
    std::string query_code;  // what Query clients are told
    std::string code, message;
    std::vector<std::string> notes;
    int status = 500;
};

Told tell(std::string_view service, ErrorShape shape, const base::Error& error) {
    Told out{.query_code = error.code, .code = error.code, .message = error.message, .notes = error.notes};
    const bool by_shape = shape == ErrorShape::json || shape == ErrorShape::cbor;
    if (by_shape)
        for (const auto& [from, to] : json_names)
            if (out.code == from) out.code = to;
    if (const auto status = known_status(service, out.code)) {
        out.status = *status;
        // JSON and CBOR name an error by its shape; where it differs from Query's code, clients get both.
        const auto* model = find_service(service);
        if (by_shape && model && model->query_compatible)
            for (const auto& known : model->errors)
                if (known.code == out.code) out.code = known.shape;
        return out;
    }
    const auto* model = find_service(service);
    const bool has_own = model != nullptr && std::ranges::any_of(model->errors, [](const ErrorModel& one) {
                             return one.code == internal_server_exception;
                         });
    out.query_code = out.code = has_own                   ? internal_server_exception
                                : shape == ErrorShape::s3 ? base::code::InternalError
                                                          : base::code::InternalFailure;
    out.message = shape == ErrorShape::s3
                      ? "We encountered an internal error. Please try again."
                      : "The request processing has failed because of an unknown error, exception or failure.";
    out.notes.clear();
    return out;
}

constexpr std::string_view malformed_policy = "MalformedPolicy";

std::string s3_body(const Told& told, const http::RequestHead& head, std::string_view request_id, std::string_view right_region) {
    text::XmlWriter out;
    const bool control = is_s3_control(head);
    if (control) out.open("ErrorResponse", s3_control_namespace);
    out.open("Error");
    out.element("Code", told.code);
    out.element("Message", told.message);
    if (!right_region.empty()) out.element("Region", right_region);
    const S3ErrorMembers more = s3_error_members(told.code, told.notes, head);
    for (const auto& [name, value] : more.members)
        if (name != "Region" || right_region.empty()) out.element(name, value);
    out.element("RequestId", request_id);
    out.element("HostId", "trainwarden");
    // The one element of AWS's that says more in words.
    if (told.code == malformed_policy && !more.notes.empty()) out.element("Detail", base::join(more.notes, "\n"));
    out.close();
    if (control) out.close();
    return out.finish();
}

std::string query_body(std::string_view service, const Told& told, std::string_view request_id) {
    const auto* model = find_service(service);
    text::XmlWriter out;
    out.open("ErrorResponse", model ? model->xml_namespace : "");
    out.open("Error");
    out.element("Type", told.status < 500 ? "Sender" : "Receiver");
    out.element("Code", told.code);
    out.element("Message", told.message);
    if (!told.notes.empty()) out.element("Note", base::join(told.notes, "\n"));
    out.close();
    out.element("RequestId", request_id);
    out.close();
    return out.finish();
}

std::string ec2_body(const Told& told, std::string_view request_id) {
    text::XmlWriter out;
    out.open("Response");
    out.open("Errors");
    out.open("Error");
    out.element("Code", told.code);
    out.element("Message", told.message);
    out.close();
    out.close();
    out.element("RequestID", request_id);
    out.close();
    return out.finish();
}

// What an error has beside its message. A note `member: value` is that member. Source: service-2.json of accessanalyzer, the one service here whose
// errors have more.
constexpr std::string_view reason = "reason", field_list = "fieldList";
struct ErrorMembers {
    std::string_view code;
    std::array<std::string_view, 2> members;
};
constexpr std::array error_members = std::to_array<ErrorMembers>({
    {"ConflictException", {"resourceId", "resourceType"}},
    {base::code::ResourceNotFoundException, {"resourceId", "resourceType"}},
    {"ServiceQuotaExceededException", {"resourceId", "resourceType"}},
    {base::code::ValidationException, {reason, field_list}},
});

// A field's name ends with the first colon: its message may have more.
void add_member(Json& out, std::string_view name, std::string_view value) {
    if (name != field_list) {
        out.set(name, std::string(value));
        return;
    }
    const size_t colon = value.find(": ");
    Json field = Json::object({{"name", std::string(value.substr(0, colon))}});
    field.set("message", colon == std::string_view::npos ? "" : std::string(value.substr(colon + 2)));
    if (!out.contains(field_list)) out.set(field_list, Json::array());
    out.find(field_list)->push(std::move(field));
}

std::string json_body(const Told& told, bool is_rest) {
    Json out = Json::object({{"__type", told.code}, {"message", told.message}});
    std::vector<std::string> notes;
    const auto* known = std::ranges::find(error_members, told.code, &ErrorMembers::code);
    for (const std::string& note : told.notes) {
        const size_t colon = note.find(": ");
        const std::string_view name = std::string_view(note).substr(0, colon);
        const bool is_member = is_rest && colon != std::string::npos && known != error_members.end() &&
                               std::ranges::find(known->members, name) != known->members.end();
        if (is_member)
            add_member(out, name, std::string_view(note).substr(colon + 2));
        else
            notes.push_back(note);
    }
    if (is_rest && told.code == base::code::ValidationException && !out.contains(reason))
        out.set(reason,
                out.contains(field_list) || told.message.contains(" validation error") ? "fieldValidationFailed" : "other");
    if (!notes.empty()) out.set("note", base::join(notes, "\n"));
    return out.dump();
}

// The type is a shape's whole id, of whose namespace clients make nothing.
std::string cbor_body(const Told& told) {
    std::string out;
    put_cbor_head(CborMajor::map, told.notes.empty() ? 2 : 3, out);
    put_cbor_text("__type", out);
    put_cbor_text("com.amazonaws.cloudwatch#" + told.code, out);
    put_cbor_text("message", out);
    put_cbor_text(told.message, out);
    if (!told.notes.empty()) {
        put_cbor_text("note", out);
        put_cbor_text(base::join(told.notes, "\n"), out);
    }
    return out;
}

void add_query_error(const Told& told, http::Headers& headers) {
    headers.add("x-amzn-query-error", told.query_code + (told.status < 500 ? ";Sender" : ";Receiver"));
}

std::string json_version(std::string_view service) {
    const auto* model = find_service(service);
    return model && !model->json_version.empty() ? std::string(model->json_version) : "1.1";
}

}  // namespace

ErrorShape error_shape(std::string_view service, const http::RequestHead& head) {
    if (const auto* model = find_service(service)) switch (protocol_of(*model, head)) {
            case Protocol::query:
                return ErrorShape::query;
            case Protocol::cbor:
                return ErrorShape::cbor;
            default:
                return ErrorShape::json;
        }
    if (service == "s3" || std::ranges::find(rest_xml_services, service) != rest_xml_services.end()) return ErrorShape::s3;
    if (says_cbor(head)) return ErrorShape::cbor;
    if (head.headers.find("X-Amz-Target")) return ErrorShape::json;
    if (service == "ec2") return ErrorShape::ec2;
    if (base::lower(head.headers.get("Content-Type")).starts_with("application/x-www-form-urlencoded")) return ErrorShape::query;
    return service.empty() ? ErrorShape::s3 : ErrorShape::json;
}

std::string_view unknown_operation_code(ErrorShape shape) {
    switch (shape) {
        case ErrorShape::s3:
            return "NotImplemented";
        case ErrorShape::query:
        case ErrorShape::ec2:
            return "InvalidAction";
        case ErrorShape::json:
        case ErrorShape::cbor:
            break;
    }
    return "UnknownOperationException";
}

int status_of(std::string_view service, std::string_view code) { return known_status(service, code).value_or(500); }

http::Response encode_error(std::string_view service, const base::Error& error, const http::RequestHead& head,
                            std::string_view request_id, std::string_view right_region) {
    const auto shape = error_shape(service, head);
    auto told = tell(service, shape, error);
    http::Response out{.status = told.status, .headers = {}, .body = std::string(), .content_length = {}};
    switch (shape) {
        case ErrorShape::s3:
            out.headers.add("Content-Type", "application/xml");
            // Of a HEAD, clients read the region in the header.
            if (!right_region.empty()) out.headers.add("x-amz-bucket-region", std::string(right_region));
            for (auto& [name, value] : take_s3_error_headers(told.notes)) out.headers.add(name, std::move(value));
            if (head.method != "HEAD" && told.status != 304) out.body = s3_body(told, head, request_id, right_region);
            add_request_id(out.headers, "s3", request_id);
            return out;
        case ErrorShape::query:
            out.headers.add("Content-Type", "text/xml");
            out.body = query_body(service, told, request_id);
            break;
        case ErrorShape::ec2:
            out.headers.add("Content-Type", "text/xml");
            out.body = ec2_body(told, request_id);
            break;
        case ErrorShape::json: {
            const auto* model = find_service(service);
            const bool is_rest = model && model->protocol == Protocol::rest_json;
            out.headers.add("Content-Type", is_rest ? "application/json" : "application/x-amz-json-" + json_version(service));
            out.headers.add("x-amzn-ErrorType", told.code);
            if (model && model->query_compatible) add_query_error(told, out.headers);
            out.body = json_body(told, is_rest);
            break;
        }
        case ErrorShape::cbor:
            out.headers.add("smithy-protocol", "rpc-v2-cbor");
            out.headers.add("Content-Type", "application/cbor");
            add_query_error(told, out.headers);
            out.body = cbor_body(told);
            break;
    }
    add_request_id(out.headers, service, request_id);
    return out;
}

void add_request_id(http::Headers& headers, std::string_view service, std::string_view request_id) {
    const auto* name = service == "s3" ? "x-amz-request-id" : "x-amzn-RequestId";
    if (!headers.find(name)) headers.add(name, std::string(request_id));
    if (service == "s3" && !headers.find("x-amz-id-2")) headers.add("x-amz-id-2", "trainwarden");
}

}  // namespace wire
