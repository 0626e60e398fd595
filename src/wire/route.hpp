// Which service and operation an HTTP request is for. One port serves all of AWS's APIs, so the request itself must say:
//
//   1. the credential scope, if it is signed: .../us-east-1/iam/aws4_request;
//   2. else X-Amz-Target: its prefix names a JSON service;
//   3. else an Action parameter in the query with its Version: iam 2010-05-08, sts 2011-06-15;
//   4. else S3, whose requests say nothing.
//
// Access Analyzer's, whose method and path say which operation they are (rest_json.hpp), are signed: the scope names the service.
//
// How the gate uses it, in order: read_signature (sigv4.hpp) → find_service_name → directory → check_claims → for all but S3:
// body.read_all(request_body_bytes_max) → verify → unpack_body → find_operation → decode_input → … → encode_typed_answer
// (typed_answer.hpp) or encode_error (errors.hpp).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"
#include "model/shape.hpp"
#include "text/json.hpp"
#include "wire/call.hpp"
#include "wire/model.hpp"
#include "wire/sigv4.hpp"

namespace wire {

constexpr size_t request_body_bytes_max = 4u << 20;  // of Query and JSON requests
constexpr size_t unpacked_ratio_max = 200;           // of a body that came packed: JSON of the SDKs packs to a tenth or so
constexpr size_t unpacked_bytes_free = 1u << 20;     // to which the ratio does not matter
constexpr size_t form_parameters_max = 32'768;       // of a Query request

// The signing name: iam, sts, sagemaker, logs, monitoring, cloudtrail, access-analyzer, trainwarden, s3. A scope that names a service we do not speak is
// an error that names it, with AWS's code for an operation that does not exist (`unknown_operation_code`). Needs the head alone; a POST form without
// any other sign is "": only its body could say, which is not read for an unsigned request.
[[nodiscard]] base::Result<std::string> find_service_name(const http::RequestHead& head,
                                                          const std::optional<Signature>& signature);
// The operation's name where the head says it (X-Amz-Target, a path of RPC v2 or of REST-JSON), else "". Unknown names are "" too.
[[nodiscard]] std::string operation_in_head(const ServiceModel& service, const http::RequestHead& head);

// The operation's name for every service but S3 (s3_request.hpp). Errors: `InvalidAction`/`MissingAction` (Query),
// `UnknownOperationException` (JSON, REST-JSON): both also for operations that AWS has and Trainwarden does not, naming them.
[[nodiscard]] base::Result<const OperationModel*> find_operation(const ServiceModel& service, const http::RequestHead& head,
                                                                 std::string_view body);
// The error for an operation that AWS has and this server does not.
[[nodiscard]] base::Error not_implemented(const ServiceModel& service, std::string_view operation);
// Unpacks a body that says `Content-Encoding: gzip` (the SDKs pack large inputs of some operations), to at most
// `request_body_bytes_max`, and to no more than `unpacked_ratio_max` times what came; what was signed is the packed one. For
// authenticated requests alone. Errors `MalformedInput`, `EntityTooLarge`.
[[nodiscard]] base::Result<void> unpack_body(const http::RequestHead& head, std::string& body);
// How many bytes unpacking a body may take, and reading one that is unpacked: at most, and without doing it. Who does, has them reserved
// (http::BodyReader).
[[nodiscard]] size_t unpacking_bytes_at_most(const http::RequestHead& head, std::string_view body);
[[nodiscard]] size_t reading_bytes_at_most(const ServiceModel& service, const http::RequestHead& head, std::string_view body);
// Decoded and validated, into an empty struct of the operation's input. `body` as read, unpacked.
[[nodiscard]] base::Result<void> decode_input(const ServiceModel& service, const model::Operation& operation,
                                              const http::RequestHead& head, std::string_view body, void* input);

}  // namespace wire
