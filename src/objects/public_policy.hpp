// Is a bucket policy public? The question behind BlockPublicPolicy, RestrictPublicBuckets and GetBucketPolicyStatus.
//
// Source: Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage", "The meaning of public": a policy is
// assumed public until every Allow statement grants only to fixed values (no wildcard, no policy variable) of a
// principal, of aws:SourceIp, or of one of the condition keys listed in the .cpp. A value is fixed if it names a principal
// (SEMANTICS R79): the user id of anonymous callers, an empty list and networks that add up to much of the Internet do not. Deny
// statements never make a policy less public here: that is AWS's rule too, because they need not cover everything allowed.
//
// AWS's list has s3:x-amz-server-side-encryption-aws-kms-key-id too, for there KMS asks who uses the key. This server does
// not check it, and any caller can send the ARN of a key: it fixes nothing.
#pragma once

#include <string_view>

namespace objects {

// Unreadable documents count as public (fail closed).
[[nodiscard]] bool is_public_policy(std::string_view policy_document);

}  // namespace objects
