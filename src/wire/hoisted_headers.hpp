// Headers that a presigned URL carries in its query. Who signs a URL cannot count on the headers of the request that uses it, so
// presigners (the AWS SDK for JavaScript with Version 4, botocore with Version 2) move x-amz-* headers there, and S3 takes them
// for the headers.
//
// Source: "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)" (Amazon S3 API Reference).
//
// They are put into the request's head, once, before anything else reads it: operation, refusals, condition keys and handlers see
// headers only. A query of Version 4 is signed as a whole; of Version 2 they are signed as the headers that they stand for.
// What is not presigned has headers for this: there such a parameter is refused (s3_request.hpp), for it would be ignored.
//
// One thing is not taken: the checksum of an empty body, which the SDK for JavaScript writes into every URL for an upload, whose
// body it hasn't. AWS ignores all checksums in a query; here any other is held against the body, because the presigner knew it.
#pragma once

#include <string_view>

#include "wire/sigv4.hpp"

namespace wire {

constexpr size_t hoisted_headers_max = 200;  // as many as a head may have fields

// Does this parameter of a query stand for a header? False for those that are the signature's own.
[[nodiscard]] bool stands_for_header(const text::QueryParameters::value_type& parameter);
// Of Version 2, content-type and content-md5 do, too: botocore has them there.
[[nodiscard]] bool stands_for_header(const text::QueryParameters::value_type& parameter, SignatureVersion version);

// REQUIRES: `signature` was read from this head, a request to S3. Errors: `InvalidArgument` (the header is there with another
// value, too many, no header could be so), `AuthorizationQueryParametersError` (a parameter of the signature in other letters).
[[nodiscard]] base::Result<void> take_hoisted_headers(http::RequestHead& head, const Signature& signature);

// Whether the query says that the header has this value.
[[nodiscard]] bool is_hoisted(const text::QueryParameters& query, std::string_view header, std::string_view value);

}  // namespace wire
