// One AWS API call on its way from HTTP to a service and back. The gate makes it; services read it.
#pragma once

#include <string>
#include <string_view>

#include "http/message.hpp"

namespace wire {

struct S3Request;
struct Signature;

struct Call {
    http::Request* http = nullptr;
    std::string service;    // signing name: iam, sts, s3, sagemaker, logs, trainwarden
    std::string operation;  // CreateRole, PutObject, …
    std::string request_id;
    std::string region;                    // that serves it (region.hpp)
    const Signature* signature = nullptr;  // nullptr: anonymous
    // With an error that says that the request was signed for another region: the right one, which S3's answer names.
    std::string right_region;
    // Query, JSON and CBOR: the body, unpacked. The gate keeps it as long as the call.
    std::string_view document;
    // S3: the request, as its head says it (wire/s3_request.hpp). The gate keeps it as long as the call.
    const S3Request* s3 = nullptr;
    // The payload: aws-chunked framing removed, signatures, declared hashes and trailing checksums verified as it is read.
    // A read of the last bytes fails (`XAmzContentSHA256Mismatch`, `BadDigest`, `SignatureDoesNotMatch`, `IncompleteBody`)
    // when they do not hold: store nothing that was not read to its end.
    http::BodyReader* body = nullptr;
};

}  // namespace wire
