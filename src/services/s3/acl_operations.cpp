// Access control lists: disabled (BucketOwnerEnforced), they read as "the owner has full control" and refuse to be set to anything
// else.
#include <algorithm>
#include <array>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "model/s3/acls.hpp"
#include "services/s3/acl.hpp"

namespace services::s3 {

AskedAcl acl_in(const http::Headers& headers) {
    constexpr std::string_view grant_prefix = "x-amz-grant-";
    AskedAcl asked{.canned = headers.get("x-amz-acl"), .grants = {}};
    for (const auto& [raw_name, value] : headers.fields()) {
        const auto name = base::lower(raw_name);
        if (name.starts_with(grant_prefix) && !value.empty()) asked.grants.emplace_back(name.substr(grant_prefix.size()), value);
    }
    return asked;
}

bool grants_only(std::string_view value, std::string_view account) {
    const auto grantees = base::split(value, ',');
    return std::ranges::all_of(grantees, [id = canonical_id(account)](std::string_view grantee) {
        const auto text = base::trim(grantee);
        return text == "id=" + id || text == "id=\"" + id + "\"";
    });
}

namespace {

bool are_the_owners(const model::Map<std::string>& grants, std::string_view owner) {
    return std::ranges::all_of(
        grants, [&](const auto& grant) { return grant.first == "full-control" && grants_only(grant.second, owner); });
}

}  // namespace

Result<void> check_acl(const AskedAcl& asked, std::string_view owner) {
    if (!asked.canned.empty() && !asked.grants.empty())
        return base::fail(base::code::InvalidRequest, "Specifying both Canned ACLs and Header Grants is not allowed");
    // Where ACLs are off, these change nothing. AWS takes all but `private`; rclone and s3cmd send that with every upload.
    const bool harmless = asked.canned.empty() || asked.canned == "private" || asked.canned == "bucket-owner-full-control";
    if (harmless && are_the_owners(asked.grants, owner)) return {};
    return base::fail(base::code::AccessControlListNotSupported, "The bucket does not allow ACLs");
}

// `private` is what a bucket is anyway, and full control what its owner has.
Result<void> check_new_bucket_acl(const http::Headers& headers, std::string_view owner) {
    const auto asked = acl_in(headers);
    if ((asked.canned.empty() || asked.canned == "private") && are_the_owners(asked.grants, owner)) return {};
    return base::fail(base::code::InvalidBucketAclWithObjectOwnership,
                      "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting");
}

namespace {

template <class Output>
Output owners_acl(const objects::Bucket& bucket) {
    const auto id = canonical_id(bucket.account);
    return {.owner = m::Owner{.id = id},
            .grants =
                std::vector<m::Grant>{{.grantee = m::Grantee{.id = id, .type = "CanonicalUser"}, .permission = "FULL_CONTROL"}}};
}

Result<m::GetBucketAcl::Output> get_bucket_acl(S3&, const Permit&, const m::GetBucketAcl::Input&, Located&& located) {
    return owners_acl<m::GetBucketAcl::Output>(*located.bucket);
}

Result<m::GetObjectAcl::Output> get_object_acl(S3&, const Permit&, const m::GetObjectAcl::Input& in, Located&& located) {
    TRY(objects::readable(located.object, in.version_id));
    return owners_acl<m::GetObjectAcl::Output>(*located.bucket);
}

// The list that is shown, as s3cmd sends it back with every copy: one grant, of everything, to the owner.
bool is_owners_alone(const m::AccessControlPolicy& policy, const std::string& owner) {
    if (policy.owner && policy.owner->id != owner) return false;
    const auto grants = model::items(policy.grants);
    if (grants.size() != 1 || grants.front().permission != "FULL_CONTROL") return false;
    const auto& grantee = grants.front().grantee;
    return grantee && grantee->id == owner && !grantee->email_address && !grantee->uri;
}

template <class Input>
Result<void> check_put_acl(const Input& in, const objects::Bucket& bucket) {
    AskedAcl asked{.canned = in.acl.value_or(""), .grants = in.grant_headers.value_or(model::Map<std::string>())};
    std::erase_if(asked.grants, [](const auto& grant) { return grant.second.empty(); });
    TRY(check_acl(asked, bucket.account));
    const auto& policy = in.access_control_policy;
    const bool changes_nothing = asked.any() ? !policy : policy && is_owners_alone(*policy, canonical_id(bucket.account));
    if (changes_nothing) return {};
    return base::fail(base::code::AccessControlListNotSupported, "The bucket does not allow ACLs");
}

Result<m::PutBucketAcl::Output> put_bucket_acl(S3&, const Permit&, const m::PutBucketAcl::Input& in, Located&& located) {
    TRY(check_put_acl(in, *located.bucket));
    return m::PutBucketAcl::Output{};
}

Result<m::PutObjectAcl::Output> put_object_acl(S3& s3, const Permit&, const m::PutObjectAcl::Input& in, Located&& located) {
    TRY(check_put_acl(in, *located.bucket));
    const auto found = TRY(s3.storage.find_version(in.bucket, in.key, in.version_id));
    TRY(objects::readable(found, in.version_id));
    return m::PutObjectAcl::Output{};
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<S3>>({
    operation<m::GetBucketAcl, get_bucket_acl>(),
    operation<m::PutBucketAcl, put_bucket_acl>(),
    operation<m::GetObjectAcl, get_object_acl>(),
    operation<m::PutObjectAcl, put_object_acl>(),
});

}  // namespace

Rows acl_operations() { return operations; }

}  // namespace services::s3
