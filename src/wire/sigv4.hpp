// AWS Signature Version 4: signing requests, reading the credentials of a request, verifying them.
//
// Source: "AWS Signature Version 4 for API requests" (IAM User Guide) and "Authenticating Requests (AWS Signature Version 4)"
// (Amazon S3 API Reference):
//
//   canonical request = METHOD \n canonical-URI \n canonical-query \n canonical-headers \n signed-headers \n payload-hash
//   string to sign    = AWS4-HMAC-SHA256 \n time \n scope \n hex(sha256(canonical request))
//   signing key       = HMAC(HMAC(HMAC(HMAC("AWS4" secret, date), region), service), "aws4_request")
//   scope             = date/region/service/aws4_request
//
// S3 encodes the path once and does not normalise it; every other service normalises it and encodes it twice.
//
// Invariants:
//   1. `read_signature` is the one place that decides which credentials a request has: Authorization header or query, never both.
//   2. Only `verify` makes a Verified, and a payload reader of a signed request needs one (payload.hpp): no byte of a body
//      is handed out before the head's signature held, whatever the payload mode and wherever the credentials stood.
//   3. Signatures are compared in constant time.
// Pure: the time is an argument.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "crypto/derived_key.hpp"
#include "http/message.hpp"
#include "text/uri.hpp"

namespace wire {

struct Scope {
    std::string date;  // YYYYMMDD
    std::string region;
    std::string service;
    [[nodiscard]] std::string text() const;  // date/region/service/aws4_request
};

enum class SignaturePlace : uint8_t { header, query, form };  // form: post_policy.hpp
enum class SignatureVersion : uint8_t { v4, v2 };             // v2: presigned S3 URLs (presigned_v2.hpp) and forms only

constexpr size_t head_parameters_max = 1000;  // in the query of a request's head

// A header that decides something is there once, or always with the same value. Errors `InvalidArgument` (S3), `InvalidRequest`.
[[nodiscard]] base::Result<void> check_repeated_headers(const http::RequestHead& head);

// What a request claims; nothing of it is true until verify() said so.
struct Signature {
    SignatureVersion version = SignatureVersion::v4;
    SignaturePlace place = SignaturePlace::header;
    std::string access_key_id;
    std::string session_token;  // x-amz-security-token; empty if none
    Scope scope;
    base::Time time;                              // when it was signed; v2: when it expires
    std::string amz_date;                         // as sent, YYYYMMDDTHHMMSSZ
    std::optional<std::chrono::seconds> expires;  // query only
    std::vector<std::string> signed_headers;      // lower case, in the order sent
    std::string signature;                        // 64 hex digits; v2: base64
};

// nullopt: the request is anonymous. Errors, in the words of the service (`s3` or any other): `AuthorizationHeaderMalformed`,
// `AuthorizationQueryParametersError`, `IncompleteSignature`, `InvalidArgument` (two places, S3), `InvalidRequest` (Signature
// Version 2).
[[nodiscard]] base::Result<std::optional<Signature>> read_signature(const http::RequestHead& head);

// A signature that held. Made by verify() alone.
class Verified {
public:
    [[nodiscard]] const std::string& signing_key() const { return signing_key_; }
    [[nodiscard]] const std::string& seed_signature() const { return seed_signature_; }
    [[nodiscard]] const Scope& scope() const { return scope_; }
    [[nodiscard]] const std::string& amz_date() const { return amz_date_; }
    [[nodiscard]] SignaturePlace place() const { return place_; }
    [[nodiscard]] const std::string& payload_hash() const { return payload_hash_; }  // as signed

private:
    Verified() = default;
    friend struct Verification;
    std::string signing_key_, seed_signature_, amz_date_, payload_hash_;
    Scope scope_;
    SignaturePlace place_ = SignaturePlace::header;
};

struct VerifyOptions {
    std::string_view secret_access_key;
    crypto::DerivedKey* signing_key = nullptr;  // keeps what is derived from that secret; nullptr: nothing does
    std::string_view service;                   // whom the request reached: the scope must name it
    base::Time now;
    // Services other than S3: hex(sha256(body)), which the caller computed from the body it read. S3: leave empty; what the
    // request declares (x-amz-content-sha256, or UNSIGNED-PAYLOAD for presigned requests) is signed, and PayloadReader holds it
    // to that.
    std::string_view body_sha256;
    std::span<const std::string> regions;  // that are served (region.hpp)
};

constexpr std::chrono::minutes clock_skew_max{15};
constexpr std::chrono::seconds presigned_expires_max{604800};  // S3
// Outside S3, whatever X-Amz-Expires says, as AWS's STS does: what is presigned there makes keys, and holds no longer than a
// signature in a header. (Clients that identify themselves by a presigned GetCallerIdentity count on the fifteen minutes, too.)
constexpr std::chrono::minutes presigned_elsewhere_max{15};
constexpr size_t signed_headers_max = 200;

// What can be said of a request before its body has come: service, region, date and time of the signature, and that the headers
// that matter are signed. verify() asks again.
[[nodiscard]] base::Result<void> check_claims(const Signature& signature, const http::RequestHead& head,
                                              const VerifyOptions& options);

// Errors: `SignatureDoesNotMatch`, `RequestTimeTooSkewed` (S3), `AccessDenied` ("Request has expired", S3; headers that must be
// signed), `AuthorizationHeaderMalformed`/`AuthorizationQueryParametersError` (S3, scope), `InvalidRequest` (S3, no
// x-amz-content-sha256).
[[nodiscard]] base::Result<Verified> verify(const Signature& signature, const http::RequestHead& head,
                                            const VerifyOptions& options);

struct SigningKeys {
    std::string_view access_key_id;
    std::string_view secret_access_key;
    std::string_view session_token;  // empty: none
};

// Adds x-amz-date, x-amz-security-token, (S3) x-amz-content-sha256 and Authorization to the head. REQUIRES: a Host header.
void sign(http::RequestHead& head, const SigningKeys& keys, std::string_view region, std::string_view service, base::Time now,
          std::string_view payload_hash);
// The query (without '?') that makes the head a presigned request; only Host is signed, the payload is not (S3) or is empty
// (others).
[[nodiscard]] std::string presign(const http::RequestHead& head, const SigningKeys& keys, std::string_view region,
                                  std::string_view service, base::Time now, std::chrono::seconds expires);

// The steps, for tests and for chunk signatures.
[[nodiscard]] std::string canonical_request(const http::RequestHead& head, const std::vector<std::string>& signed_headers,
                                            std::string_view payload_hash, bool is_s3, bool presigned);
[[nodiscard]] std::string string_to_sign(std::string_view amz_date, const Scope& scope, std::string_view canonical);
[[nodiscard]] std::string signing_key(std::string_view secret_access_key, const Scope& scope);

// S3's `SignatureDoesNotMatch`, with what was signed here, so that the client sees where its own text differs.
[[nodiscard]] base::Error signature_mismatch(const Signature& signature, std::string_view string_to_sign);
// The bytes as S3 shows them beside a text: `41 57 53`.
[[nodiscard]] std::string shown_bytes(std::string_view text);

}  // namespace wire
