// What the files of this folder share: the service, its rows, and the parts that answers are made of.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gate/operation.hpp"
#include "model/s3/service.hpp"
#include "model/s3/shared.hpp"
#include "services/s3/operations.hpp"
#include "services/s3/resources.hpp"

namespace services::s3 {

namespace m = model::s3;
using base::Result;
using gate::operation;
using gate::Permit;
using gate::RequestOrigin;
using gate::RequiredAccesses;
using PrincipalIds = std::map<std::string, std::string>;  // of the ARNs that a policy names
using FindPrincipal = std::function<std::optional<std::string>(const std::string& arn)>;

constexpr size_t list_max = 1000;

struct S3 {
    objects::Storage& storage;
    const base::Clock& clock;
    std::vector<std::string> regions;  // that are served
    FindPrincipal principal_id;
};

// Each file's share.
using Rows = std::span<const gate::OperationDeclaration<S3>>;
[[nodiscard]] Rows bucket_operations();
[[nodiscard]] Rows bucket_configuration_operations();
[[nodiscard]] Rows bucket_encryption_operations();
[[nodiscard]] Rows not_configured_operations();
[[nodiscard]] Rows acl_operations();
[[nodiscard]] Rows object_operations();
[[nodiscard]] Rows copy_operations();
[[nodiscard]] Rows tagging_operations();
[[nodiscard]] Rows delete_operations();
[[nodiscard]] Rows listing_operations();
[[nodiscard]] Rows multipart_operations();
[[nodiscard]] Rows lock_operations();
[[nodiscard]] Rows control_operations();
[[nodiscard]] Rows cors_operations();

// --- answers.cpp --------------------------------------------------------------------------------------------------------

[[nodiscard]] std::string quoted_etag(std::string_view etag);
// The canonical user id of an account: 64 hex digits, the same for ever.
[[nodiscard]] std::string canonical_id(std::string_view account);
[[nodiscard]] m::Owner owner_of(std::string_view account);
// As `encoding-type=url` wants keys and prefixes; unchanged without it.
[[nodiscard]] std::string encoded(std::string_view key, bool url_encoding);
[[nodiscard]] std::vector<m::CommonPrefix> shown_prefixes(const std::vector<std::string>& prefixes, bool url_encoding);
// A continuation token: where a page ended. Opaque to clients, no secret, and refused (`InvalidArgument`) if it is not ours.
[[nodiscard]] std::string token_for(std::string_view last);
[[nodiscard]] Result<std::string> read_token(std::string_view token);
[[nodiscard]] std::vector<m::Tag> shown_tags(const objects::Tags& tags);
[[nodiscard]] objects::Tags tags_of(std::span<const m::Tag> tags);
[[nodiscard]] base::Error malformed_xml();

// --- bucket_policy.cpp --------------------------------------------------------------------------------------------------

// Everything that S3 checks of a policy before it becomes this bucket's. Errors: `MalformedPolicy`, `PolicyTooLarge`.
[[nodiscard]] Result<PrincipalIds> check_bucket_policy(std::string_view document, const objects::Bucket& bucket,
                                                       const FindPrincipal& principal_id);
// The policy as it was put, except that principals who are gone since are shown by their ids, as AWS does.
[[nodiscard]] std::string shown_bucket_policy(const objects::BucketConfiguration& configuration,
                                              const FindPrincipal& principal_id);

}  // namespace services::s3
