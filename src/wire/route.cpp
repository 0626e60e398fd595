#include "wire/route.hpp"

#include <algorithm>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/strings.hpp"
#include "model/json.hpp"
#include "tar/gzip.hpp"
#include "wire/errors.hpp"
#include "wire/query_types.hpp"
#include "wire/rest_json.hpp"
#include "wire/rest_xml.hpp"

namespace wire {

using base::fail;
using base::Result;

namespace {

// What is made of a body, for each of its parts, measured: the form and the input's structs of a Query request, the tree of a document.
constexpr size_t parameter_bytes = 1024, value_bytes = 256;

// A Query request's parameters: of its form if it has one, else of its query. Never both: two readers could differ.
Result<text::QueryParameters> query_parameters(const http::RequestHead& head, std::string_view body) {
    const std::string_view form = head.method == "POST" ? body : std::string_view(head.query);
    if (static_cast<size_t>(std::ranges::count(form, '&')) >= form_parameters_max)
        return fail(base::code::MalformedQueryString,
                    "The request has more than " + std::to_string(form_parameters_max) + " parameters.");
    auto parameters = text::parse_query(form, head.method == "POST");
    if (!parameters) return fail(base::code::MalformedQueryString, "The query string contains a syntax error.");
    return std::move(*parameters);
}

const std::string* find_parameter(const text::QueryParameters& parameters, std::string_view name) {
    for (const auto& [key, value] : parameters)
        if (key == name) return &value;
    return nullptr;
}

std::string target_of(const http::RequestHead& head) { return head.headers.get("X-Amz-Target"); }

const ServiceModel* service_of_target(std::string_view target) {
    const std::string_view prefix = target.substr(0, target.rfind('.'));
    // CloudTrail's has dots, and SDKs that are made from its Smithy model send what follows the last one alone.
    const auto is_named = [&](std::string_view known) { return known == prefix || known.substr(known.rfind('.') + 1) == prefix; };
    for (const auto* service : service_models())
        if ((service->protocol == Protocol::json || service->query_compatible) && is_named(service->target_prefix))
            return service;
    return nullptr;
}

const ServiceModel* service_of_rpc(const RpcPath& path) {
    for (const auto* service : service_models())
        if (service->rpc_v2_cbor && service->target_prefix == path.service) return service;
    return nullptr;
}

// The operation that the head names, for protocols whose heads name it; an error says what is missing.
Result<std::string> named_in_head(const ServiceModel& service, Protocol protocol, const http::RequestHead& head) {
    if (protocol == Protocol::cbor) {
        const auto path = *read_rpc_path(head.path);
        if (service_of_rpc(path) == &service) return std::string(path.operation);
        return fail(base::code::UnknownOperationException, "The service " + std::string(path.service) + " is not this one");
    }
    if (protocol == Protocol::rest_json) {
        if (const RestRoute* route = find_rest_route(service, head)) return std::string(route->operation);
        return fail(base::code::UnknownOperationException, "There is no operation " + head.method + " " + head.path);
    }
    const auto target = target_of(head);
    if (target.empty()) return fail(base::code::UnknownOperationException, "The request has no X-Amz-Target header");
    if (service_of_target(target) != &service)
        return fail(base::code::UnknownOperationException, "The target " + target + " is not one of this service");
    return target.substr(target.rfind('.') + 1);
}

std::string served_names() {
    std::string out = "s3";
    for (const auto* service : service_models()) (out += ", ") += service->signing_name;
    return out;
}

// By the API version and the action's name: unsigned requests only.
Result<std::string> service_of_parameters(const text::QueryParameters& parameters) {
    const auto* action = find_parameter(parameters, "Action");
    const auto* version = find_parameter(parameters, "Version");
    if (!action) return fail(base::code::MissingAction, "The request is missing an action or a required parameter.");
    for (const auto* service : service_models())
        if (service->protocol == Protocol::query && version && service->version == *version)
            return std::string(service->signing_name);
    return fail(base::code::InvalidAction,
                "Could not find operation " + *action + " for version " + (version ? *version : "NO_VERSION_SPECIFIED"));
}

}  // namespace

Result<std::string> find_service_name(const http::RequestHead& head, const std::optional<Signature>& signature) {
    if (signature) {
        const auto& name = signature->scope.service;
        if (name == "s3" || find_service(name)) return name;
        return fail(std::string(unknown_operation_code(error_shape(name, head))),
                    "The service " + name + " is not served here: only " + served_names() + " are");
    }
    if (says_cbor(head)) {
        if (const auto* service = service_of_rpc(*read_rpc_path(head.path))) return std::string(service->signing_name);
        return fail(base::code::UnknownOperationException, "The path " + head.path + " is of no service that is served here");
    }
    if (const auto target = target_of(head); !target.empty()) {
        if (const auto* service = service_of_target(target)) return std::string(service->signing_name);
        return fail(base::code::UnknownOperationException, "The target " + target + " is not served here");
    }
    if (head.method == "POST" && base::lower(head.headers.get("Content-Type")).starts_with("application/x-www-form-urlencoded"))
        return std::string();
    if (head.path == "/") {
        const auto parameters = text::parse_query(head.query);
        if (parameters && find_parameter(*parameters, "Action")) return service_of_parameters(*parameters);
    }
    return std::string("s3");
}

std::string operation_in_head(const ServiceModel& service, const http::RequestHead& head) {
    const auto protocol = protocol_of(service, head);
    if (protocol == Protocol::query) return {};
    const auto name = named_in_head(service, protocol, head);
    return name && (service.find(*name) || service.is_known_elsewhere(*name)) ? *name : std::string();
}

base::Error not_implemented(const ServiceModel& service, std::string_view operation) {
    const std::string name(operation);
    return {service.protocol == Protocol::query ? "InvalidAction" : "UnknownOperationException",
            "The operation " + name + " of " + std::string(service.signing_name) + " is not implemented here"};
}

Result<const OperationModel*> find_operation(const ServiceModel& service, const http::RequestHead& head, std::string_view body) {
    std::string name;
    if (const auto protocol = protocol_of(service, head); protocol != Protocol::query) {
        name = TRY(named_in_head(service, protocol, head));
        if (const auto* found = service.find(name)) return found;
        if (!service.is_known_elsewhere(name))
            return fail(base::code::UnknownOperationException, "There is no operation " + name);
    } else {
        const auto parameters = TRY(query_parameters(head, body));
        const auto* action = find_parameter(parameters, "Action");
        if (!action) return fail(base::code::MissingAction, "The request is missing an action or a required parameter.");
        const auto* version = find_parameter(parameters, "Version");
        if (!version || *version != service.version)
            return fail(base::code::InvalidAction,
                        "Could not find operation " + *action + " for version " + (version ? *version : "NO_VERSION_SPECIFIED"));
        name = *action;
        if (const auto* found = service.find(name)) return found;
        if (!service.is_known_elsewhere(name))
            return fail(base::code::InvalidAction, "Could not find operation " + name + " for version " + *version);
    }
    return fail(not_implemented(service, name));
}

size_t unpacking_bytes_at_most(const http::RequestHead& head, std::string_view body) {
    if (!base::equals_ignoring_case(head.headers.get("Content-Encoding"), "gzip")) return 0;
    return std::min(request_body_bytes_max, std::max(unpacked_bytes_free, body.size() * unpacked_ratio_max));
}

size_t reading_bytes_at_most(const ServiceModel& service, const http::RequestHead& head, std::string_view body) {
    const auto parts = [&](char separator) { return 1 + static_cast<size_t>(std::ranges::count(body, separator)); };
    switch (protocol_of(service, head)) {
        case Protocol::query:
            return parameter_bytes * std::min(parts('&'), form_parameters_max);
        case Protocol::cbor:
            return value_bytes * std::min(body.size(), model::input_values_max);
        case Protocol::rest_xml:
            return document_bytes_at_most(body);
        case Protocol::json:
        case Protocol::rest_json:
            break;
    }
    return value_bytes * std::min(model::values_at_most(body), model::input_values_max);
}

Result<void> unpack_body(const http::RequestHead& head, std::string& body) {
    const size_t most = unpacking_bytes_at_most(head, body);
    if (most == 0) return {};
    auto unpacked = tar::gunzip(body, most);
    if (!unpacked && unpacked.error().code == base::code::GzipTooLarge)
        return fail(base::code::EntityTooLarge, "The unpacked body is larger than the maximum allowed size.");
    if (!unpacked) return fail(base::code::MalformedInput, "The body is not what its Content-Encoding says: gzip");
    body = *std::move(unpacked);
    return {};
}

Result<void> decode_input(const ServiceModel& service, const model::Operation& operation, const http::RequestHead& head,
                          std::string_view body, void* input) {
    switch (protocol_of(service, head)) {
        case Protocol::query:
            return read_query(operation, TRY(query_parameters(head, body)), input);
        case Protocol::cbor:
            // CBOR is read into documents alone.
            return model::read_document(operation, TRY(decode_cbor_input(service, *service.find(operation.name), body)), input);
        case Protocol::rest_json: {
            const RestRoute* route = find_rest_route(service, head);
            INVARIANT(route != nullptr && route->operation == operation.name);
            return read_rest_json(*route, operation, head, body, input);
        }
        case Protocol::json:
        case Protocol::rest_xml:
            break;
    }
    return model::read_json(operation, body, input);
}

}  // namespace wire
