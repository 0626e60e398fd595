// Where a bucket's policy does not apply, whatever it says: Block Public Access (SEMANTICS R79), and the root user of the owning account.
//
// Source: S3 User Guide, "Blocking public access to your Amazon S3 storage", RestrictPublicBuckets; S3 API Reference, PutBucketPolicy: "the root
// principal in a bucket owner's AWS account can perform the GetBucketPolicy, PutBucketPolicy, and DeleteBucketPolicy API actions, even if their bucket
// policy explicitly denies the root principal".
#pragma once

#include <string_view>

#include "policy/attached.hpp"
#include "policy/request.hpp"

namespace policy {

// The root user of the owning account reads, writes and removes a bucket's policy whatever it says, lest a bucket lock everyone out. `owner`: the
// bucket's account.
[[nodiscard]] bool is_spared_bucket_policy(const Principal& caller, std::string_view owner, std::string_view lower_action);

// Does RestrictPublicBuckets put the bucket's policy aside for this caller?
enum class KeptOut : uint8_t {
    no,
    yes,
    if_unknown_granted,  // if it grants the same to a principal of an account that does not exist: is_granted_to_unknown
};
// `is_public`: what the policy was taken for when it was stored. Nothing rests on that alone: a grant that a principal of any account would get, too, is
// public.
[[nodiscard]] KeptOut kept_out_by_restriction(const Principal& caller, std::string_view owner, bool is_public);

[[nodiscard]] const Principal& unknown_principal();
// Those of a request's keys that such a principal does not share. Lower case.
[[nodiscard]] bool is_lost_by_unknown(std::string_view lower_key);
// The request's keys, if such a principal had made it.
[[nodiscard]] Context context_of_unknown(const Context& context);
[[nodiscard]] bool is_granted_to_unknown(const Request& request, const AttachedPolicy& policy);

// A bucket's policy, and what restricts it.
struct RestrictedPolicy {
    const AttachedPolicy* policy = nullptr;  // nullptr: there is none
    bool restricts_public = false;           // RestrictPublicBuckets
    bool is_public = false;                  // see kept_out_by_restriction
};
// The policy that decides the request; nullptr: none.
[[nodiscard]] const AttachedPolicy* applying_policy(const Request& request, const RestrictedPolicy& of);

}  // namespace policy
