// The policy of a form upload: what its signer lets whoever has the form upload, until when; and the form's credentials.
//
// Source: Amazon S3 API Reference, "POST policy" and "Browser-based uploads using POST (AWS Signature Version 4)"; Amazon S3 Developer Guide,
// "Browser-based uploads using POST (AWS Signature Version 2)".
//
//   policy     = {"expiration": time, "conditions": [condition, …]}
//   condition  = {field: value} | ["eq", "$field", value] | ["starts-with", "$field", begin] | ["content-length-range", least, most]
//   signature  = hex(HMAC-SHA256(signing key, policy as it stands in the form))       x-amz-algorithm, -credential, -date, -signature
//              | base64(HMAC-SHA1(secret, policy as it stands in the form))           AWSAccessKeyId, signature
//
// Every field of the form must be named by a condition, but for the policy, its signature, the file and x-ignore-…; `bucket` is the bucket that is
// uploaded into. A policy that cannot be read lets nothing through. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "wire/post_form.hpp"
#include "wire/sigv4.hpp"

namespace wire {

constexpr size_t policy_conditions_max = 500;

// What a form claims; nullopt: it has no credentials and no policy, it is anonymous. Errors: `InvalidArgument`, one without the other;
// `AuthorizationQueryParametersError`-like words of S3's as `InvalidArgument`.
[[nodiscard]] base::Result<std::optional<Signature>> read_form_signature(const PostForm& form);

// Does the policy's signature hold? Errors: `SignatureDoesNotMatch`, `AccessDenied`, `InvalidArgument`.
[[nodiscard]] base::Result<void> verify_form(const Signature& signature, const PostForm& form, const VerifyOptions& options);

struct SizeRange {
    uint64_t least = 0, most = UINT64_MAX;
};
// What of the policy can be told before the file is read. `key`, with `${filename}` filled in; other fields as they came. Errors:
// `InvalidPolicyDocument`, `AccessDenied`.
[[nodiscard]] base::Result<SizeRange> check_form_policy(const PostForm& form, std::string_view bucket, std::string_view key,
                                                        base::Time now);

}  // namespace wire
