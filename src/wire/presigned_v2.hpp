// Presigned S3 URLs of Signature Version 2: what boto3 makes by default in us-east-1, so they must work. Nothing else of Version
// 2 does.
//
// Source: "Signing and authenticating REST requests" and "Query string request authentication alternative" (Amazon S3, Appendix).
//
//   ?AWSAccessKeyId=…&Expires=<seconds since 1970>&Signature=<base64>[&x-amz-security-token=…]
//   Signature = base64(HMAC-SHA1(secret, METHOD \n Content-MD5 \n Content-Type \n Expires \n amz-headers canonical-resource))
//   amz-headers = *( lower-name ":" value \n ), sorted;  canonical-resource = "/bucket/raw-path" ["?" signed sub-resources,
//   sorted, decoded]
//
// Version 2 leaves most query parameters unsigned, so that anyone could turn one presigned operation into another. Here only
// parameters that page through a listing may be unsigned; any other is refused. Headers named x-amz-* must be signed by
// construction, in the query too, where botocore puts them: take_hoisted_headers() makes them headers before this is checked.
#pragma once

#include "wire/sigv4.hpp"

namespace wire {

// REQUIRES: the query names AWSAccessKeyId or Signature. Errors: `AccessDenied`, `InvalidRequest`.
[[nodiscard]] base::Result<Signature> read_presigned_v2(const http::RequestHead& head, const text::QueryParameters& parameters);

// Error `AccessDenied`.
[[nodiscard]] base::Result<void> check_expiry_v2(const Signature& signature, base::Time now);
// Error `SignatureDoesNotMatch`.
[[nodiscard]] base::Result<void> check_presigned_v2(const Signature& signature, const http::RequestHead& head,
                                                    std::string_view secret_access_key);

[[nodiscard]] std::string string_to_sign_v2(const Signature& signature, const http::RequestHead& head,
                                            const text::QueryParameters& parameters);

}  // namespace wire
