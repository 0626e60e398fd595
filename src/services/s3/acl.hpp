// What requests say of access control lists. ACLs do not exist here: a bucket is its owner's (BucketOwnerEnforced), which some headers
// and documents say again.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/message.hpp"
#include "model/types.hpp"
#include "services/s3/service.hpp"

namespace services::s3 {

// x-amz-acl and the x-amz-grant-… headers, whose names are their keys without that. Those without a value ask for as little as none.
struct AskedAcl {
    std::string canned;
    model::Map<std::string> grants;
    [[nodiscard]] bool any() const { return !canned.empty() || !grants.empty(); }
};
[[nodiscard]] AskedAcl acl_in(const http::Headers& headers);

// `owner`: the account of the bucket, which has full control in any case. Errors: `AccessControlListNotSupported`; `InvalidRequest`, a
// canned list beside grants.
[[nodiscard]] Result<void> check_acl(const AskedAcl& asked, std::string_view owner);
// Of a bucket that is being made. Error `InvalidBucketAclWithObjectOwnership`.
[[nodiscard]] Result<void> check_new_bucket_acl(const http::Headers& headers, std::string_view owner);
// x-amz-grant-full-control that names this account alone: what it has without ACLs.
[[nodiscard]] bool grants_only(std::string_view value, std::string_view account);

}  // namespace services::s3
