// What the AWS service models say about the operations that Trainwarden speaks: shapes, constraints, protocols, errors.
// The tables behind it are generated at build time by tools/modelgen from botocore's service-2.json for the operations that
// models/*.yaml lists, and from models/trainwarden.service-2.json for our own service.
//
// Values travel as text::Json objects with the model's member names: structures and maps are objects, lists arrays, timestamps
// ISO 8601 strings (a server's output may also give them as numbers of seconds since 1970), blobs base64 text. Unknown members
// are ignored, as AWS does.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"
#include "text/json.hpp"
#include "text/uri.hpp"

namespace wire {

enum class Protocol : uint8_t { query, json, rest_xml, rest_json, cbor };

enum class ShapeType : uint8_t { structure, list, map, string, integer, floating, boolean, timestamp, blob };

struct Shape;

struct Member {
    std::string_view name;
    std::string_view wire_name;  // locationName, or the name
    const Shape* shape = nullptr;
    bool required = false;
};

struct Shape {
    std::string_view name;
    ShapeType type = ShapeType::string;
    bool flattened = false;
    bool sensitive = false;  // its values are never shown, not even to their sender
    bool is_long = false;
    bool has_min = false, has_max = false;
    int64_t min = 0, max = 0;           // length, size or value
    std::string_view pattern;           // Java's spelling, for messages; empty: none
    std::string_view re2_pattern;       // the same language for RE2; empty: not checked
    std::string_view timestamp_format;  // iso8601, unixTimestamp; empty: the protocol's own
    std::span<const std::string_view> enumeration;
    std::span<const Member> members;  // structure
    std::string_view item_name;       // list: XML name of an item (`member`); map: of a key
    std::string_view value_name;      // map
    const Shape* item = nullptr;      // list item, map value
    const Shape* key = nullptr;       // map key
};

struct OperationModel {
    std::string_view name;
    const Shape* input = nullptr;  // nullptr: takes nothing
    const Shape* output = nullptr;
    std::string_view result_wrapper;  // Query: CreateRoleResult
};

struct ErrorModel {
    std::string_view code;   // on the wire: NoSuchEntity
    std::string_view shape;  // NoSuchEntityException
    int status = 400;
};

// REST-JSON: `GET /analyzer/{analyzerName}/archive-rule`. Of every operation that AWS has.
struct RestRoute {
    std::string_view method, path, operation;
};

struct ServiceModel {
    std::string_view signing_name;
    Protocol protocol = Protocol::json;
    // Speaks JSON too, where X-Amz-Target says so, with Query's error codes beside its own (`awsQueryCompatible`: CloudWatch).
    bool query_compatible = false;
    bool rpc_v2_cbor = false;  // speaks Smithy's RPC v2 with CBOR, where smithy-protocol says so; its name there is target_prefix
    std::string_view version;  // 2010-05-08
    std::string_view xml_namespace;
    std::string_view target_prefix;                      // SageMaker
    std::string_view json_version;                       // 1.1
    std::span<const OperationModel> operations;          // sorted by name
    std::span<const std::string_view> other_operations;  // that AWS has and we do not, sorted
    std::span<const ErrorModel> errors;                  // sorted by code
    std::span<const RestRoute> routes = {};              // of REST-JSON

    [[nodiscard]] const OperationModel* find(std::string_view operation) const;
    [[nodiscard]] bool is_known_elsewhere(std::string_view operation) const;
};

[[nodiscard]] std::span<const ServiceModel* const> service_models();
[[nodiscard]] const ServiceModel* find_service(std::string_view signing_name);

// Of a request of RPC v2: PREFIX/service/SERVICE/operation/OPERATION; nullopt for any other path.
struct RpcPath {
    std::string_view service, operation;
};
[[nodiscard]] std::optional<RpcPath> read_rpc_path(std::string_view path);
// Does the request say that it is one of RPC v2 with CBOR?
[[nodiscard]] bool says_cbor(const http::RequestHead& head);

// What a request to this service speaks.
[[nodiscard]] Protocol protocol_of(const ServiceModel& service, const http::RequestHead& head);

// --- Server side.
// Input by protocol, then validated with AWS's own messages. Errors: `ValidationError` (Query) or `ValidationException` (JSON),
// `SerializationException`, `MalformedInput`.
[[nodiscard]] base::Result<text::Json> decode_query_input(const ServiceModel& service, const OperationModel& operation,
                                                          const text::QueryParameters& form);
[[nodiscard]] base::Result<text::Json> decode_json_input(const ServiceModel& service, const OperationModel& operation,
                                                         std::string_view body);
[[nodiscard]] base::Result<text::Json> decode_cbor_input(const ServiceModel& service, const OperationModel& operation,
                                                         std::string_view body);
[[nodiscard]] std::string encode_cbor_output(const OperationModel& operation, const text::Json& output);
[[nodiscard]] std::string encode_query_output(const ServiceModel& service, const OperationModel& operation,
                                              const text::Json& output, std::string_view request_id);
[[nodiscard]] std::string encode_json_output(const OperationModel& operation, const text::Json& output);

// Every constraint of the shape. `service` chooses the code. Message: `1 validation error detected: Value 'x' at 'roleName'
// failed to satisfy constraint: Member must …`.
[[nodiscard]] base::Result<void> validate(const ServiceModel& service, const Shape& shape, const text::Json& value);

// --- Client side. Answers with timestamps as ISO 8601 strings whatever the protocol.
[[nodiscard]] std::string encode_query_input(const ServiceModel& service, const OperationModel& operation,
                                             const text::Json& input);
[[nodiscard]] std::string encode_cbor_input(const OperationModel& operation, const text::Json& input);
[[nodiscard]] std::string encode_json_input(const OperationModel& operation, const text::Json& input);
[[nodiscard]] base::Result<text::Json> decode_query_output(const OperationModel& operation, std::string_view body);
[[nodiscard]] base::Result<text::Json> decode_json_output(const OperationModel& operation, std::string_view body);

}  // namespace wire
