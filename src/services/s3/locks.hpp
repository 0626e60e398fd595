// What requests say of object lock.
#pragma once

#include "services/s3/members.hpp"

namespace services::s3 {

// Errors: a mode without a date, one that is none, a date that has passed, a legal hold that is neither ON nor OFF.
[[nodiscard]] Result<objects::ObjectLock> read_lock(const std::optional<std::string>& mode,
                                                    const std::optional<base::Time>& until,
                                                    const std::optional<std::string>& legal_hold, base::Time now);
template <class Input>
Result<objects::ObjectLock> read_lock(const Input& in, base::Time now) {
    return read_lock(in.object_lock_mode, in.object_lock_retain_until_date, in.object_lock_legal_hold_status, now);
}
// What is to be kept must have come as it was sent. Error `InvalidRequest`: neither Content-MD5 nor a checksum.
[[nodiscard]] Result<void> check_digest(const objects::Bucket& bucket, const objects::ObjectLock& lock, bool has_digest);

// The keys of what CopyObject says of the target's lock; PutObject's are declared.
void add_retention_keys(policy::Context& context, const std::optional<std::string>& mode, const std::optional<base::Time>& until,
                        base::Time now);
template <class Input>
void add_lock_keys(policy::Context& context, const Input& in, base::Time now) {
    add_retention_keys(context, in.object_lock_mode, in.object_lock_retain_until_date, now);
    if (in.object_lock_legal_hold_status) context.set("s3:object-lock-legal-hold", *in.object_lock_legal_hold_status);
}

}  // namespace services::s3
