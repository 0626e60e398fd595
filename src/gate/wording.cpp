#include "gate/wording.hpp"

#include "base/error_codes.hpp"
#include "wire/model.hpp"

namespace gate {

Dialect dialect_of(std::string_view service) {
    if (service == "s3") return Dialect::s3;
    const wire::ServiceModel* model = wire::find_service(service);
    const bool is_json =
        model != nullptr && (model->protocol == wire::Protocol::json || model->protocol == wire::Protocol::rest_json);
    return is_json ? Dialect::json : Dialect::query;
}

base::Error credentials_error(std::string_view service, base::Error error, bool has_session_token) {
    const bool s3 = dialect_of(service) == Dialect::s3;
    if (error.code == base::code::InvalidClientTokenId) {
        if (!s3) return {"InvalidClientTokenId", "The security token included in the request is invalid."};
        if (has_session_token) return {"InvalidToken", "The provided token is malformed or otherwise invalid."};
        return {"InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."};
    }
    if (error.code == base::code::ExpiredToken) {
        if (s3) return {"ExpiredToken", "The provided token has expired."};
        return {"ExpiredToken", "The security token included in the request is expired"};
    }
    return error;
}

base::Error in_dialect(std::string_view service, base::Error error) {
    constexpr std::string_view logs_unavailable = "ServiceUnavailableException";
    // A full disk. S3's clients are told by a status that SDKs do not try again (507): a body that is sent five times fits no better. The other
    // services have a name of AWS's for what cannot be served now, and their requests are small.
    if (service != "s3" && error.code == base::code::InsufficientStorage)
        error.code = service == "logs" ? logs_unavailable : std::string_view(base::code::ServiceUnavailable);
    if (dialect_of(service) != Dialect::json) return error;
    constexpr std::pair<std::string_view, std::string_view> names[] = {
        {"AccessDenied", "AccessDeniedException"},
        {"ExpiredToken", "ExpiredTokenException"},
        {"IncompleteSignature", "IncompleteSignatureException"},
        {"InvalidClientTokenId", "UnrecognizedClientException"},
        {"MissingAuthenticationToken", "MissingAuthenticationTokenException"},
        {"SignatureDoesNotMatch", "InvalidSignatureException"},
    };
    for (const auto& [query, json] : names) {
        if (error.code == query) error.code = json;
    }
    return error;
}

base::Error missing_credentials(std::string_view) {
    return {"MissingAuthenticationToken", "Request is missing Authentication Token"};
}

base::Error unknown_operation(std::string_view service, std::string_view operation) {
    const std::string name(operation);
    switch (dialect_of(service)) {
        case Dialect::s3:
            return {"NotImplemented", "A header or query you provided implies functionality that is not implemented: " + name};
        case Dialect::json:
            return {"UnknownOperationException", "The operation " + name + " is not implemented by Trainwarden"};
        case Dialect::query:
            break;
    }
    return {"InvalidAction", "Could not find operation " + name + ": it is not implemented by Trainwarden"};
}

namespace {

// S3 tells anonymous callers nothing, and nobody else may ask without credentials.
bool is_told_nothing(const policy::Request& request, const policy::Decision& decision) {
    return request.principal.kind == policy::PrincipalKind::anonymous &&
           policy::denial_code(decision) == base::code::AccessDenied;
}

}  // namespace

std::string refusal_sentence(const policy::Request& request, const policy::Decision& decision) {
    return is_told_nothing(request, decision) ? "Access Denied" : policy::denial_message(request, decision);
}

std::string refusal_sentence(const Access& access, const policy::Request& request, const policy::Decision& decision) {
    if (!access.refusal_message.empty() && !is_told_nothing(request, decision)) return access.refusal_message;
    return refusal_sentence(request, decision);
}

}  // namespace gate
