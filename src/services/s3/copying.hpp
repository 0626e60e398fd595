// An operation that reads one object to write another: CopyObject, UploadPartCopy.
#pragma once

#include "services/s3/copy_source.hpp"
#include "services/s3/encryption.hpp"
#include "services/s3/members.hpp"

namespace services::s3 {

// What a copy was decided on.
struct Copying {
    CopySource source;
    Located from, to;
    objects::Tags tags;  // of the target
};

// The accesses to the source, into `needs`; fills its `source` and `from`, and gives what is known of it. Errors: a copy source that cannot be read, `NoSuchBucket`,
// `AccessDenied` (another owner's bucket than `expected_owner`).
[[nodiscard]] Result<gate::Description> add_source(const RequestOrigin& asking, const std::string& copy_source,
                                                   const std::optional<std::string>& expected_owner,
                                                   RequiredAccesses<Copying>& needs);
// What is known of the target, for s3:PutObject and what is needed beside it; fills `to`.
[[nodiscard]] Result<gate::Description> find_target(const RequestOrigin& asking, const std::string& bucket,
                                                    const std::string& key, Copying& copying,
                                                    std::span<const std::string_view> also = {});
// s3:x-amz-copy-source: `bucket/key`, decoded, as it will be read; however the client spelt it.
void add_source_key(policy::Context& context, const CopySource& source);

// The keys of what CopyObject and UploadPartCopy say of the target.
template <class Input>
void add_write_keys(policy::Context& context, const Input& in) {
    const auto add = [&](std::string_view key, const std::optional<std::string>& member) {
        if (!model::text(member).empty()) context.set(key, *member);
    };
    add("s3:x-amz-acl", in.acl);
    add("s3:x-amz-grant-full-control", in.grant_full_control);
    add("s3:x-amz-storage-class", in.storage_class);
    add("s3:x-amz-website-redirect-location", in.website_redirect_location);
    add("s3:x-amz-server-side-encryption-customer-algorithm", in.sse_customer_algorithm);
}

// The bytes of what was decided on. Errors: `NoSuchKey`, `PreconditionFailed` (x-amz-copy-source-if-…), `DecisionOutdated`.
// `customer`: its key, if it is of SSE-C.
[[nodiscard]] Result<objects::OpenObject> open_source(const S3& s3, const Copying& copying, const objects::Conditions& conditions,
                                                      const CustomerHeaders& customer, const Permit& permit);
template <class Input>
objects::Conditions source_conditions(const Input& in) {
    return {.if_match = in.copy_source_if_match,
            .if_none_match = in.copy_source_if_none_match,
            .if_modified_since = in.copy_source_if_modified_since,
            .if_unmodified_since = in.copy_source_if_unmodified_since};
}

}  // namespace services::s3
