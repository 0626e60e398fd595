// Is a bucket policy public? The question behind BlockPublicPolicy, RestrictPublicBuckets and GetBucketPolicyStatus.
//
// Source: Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage", "The meaning of public": a policy is
// assumed public until every Allow statement grants only to fixed values (no wildcard, no policy variable) of a
// principal, of aws:SourceIp (not wider than /8, or /32 for IPv6), or of one of the condition keys listed in the .cpp.
// Deny statements never make a policy less public here: that is AWS's rule too, because they need not cover everything allowed.
#pragma once

#include <string_view>

namespace objects {

// Unreadable documents count as public (fail closed).
[[nodiscard]] bool is_public_policy(std::string_view policy_document);

}  // namespace objects
