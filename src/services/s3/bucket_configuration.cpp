// What is configured on a bucket: policy, public access block, ownership controls, versioning, tags.
#include <array>

#include "base/error_codes.hpp"
#include "model/s3/configuration.hpp"
#include "objects/public_policy.hpp"
#include "services/s3/locks.hpp"

namespace services::s3 {
namespace {

using objects::BucketConfiguration;

// Changes what was decided on, or nothing.
Result<void> configure(S3& s3, const Located& located, const objects::Storage::Change& change) {
    return s3.storage.configure(located.bucket->name, change);
}

// What is not an error of the configuration itself.
template <class Set>
objects::Storage::Change setting(Set set) {
    return [set](BucketConfiguration& configuration) -> Result<void> {
        set(configuration);
        return {};
    };
}

// --- Policy ---

base::Error no_policy() { return {base::code::NoSuchBucketPolicy, "The bucket policy does not exist"}; }

Result<m::GetBucketPolicy::Output> get_policy(S3& s3, const Permit&, const m::GetBucketPolicy::Input&, Located&& located) {
    const auto& configuration = located.bucket->configuration;
    if (configuration.policy.empty()) return base::fail(no_policy());
    return m::GetBucketPolicy::Output{.policy = shown_bucket_policy(configuration, s3.principal_id)};
}

// Block Public Access refuses what would be taken otherwise: a policy that is none is told so by the handler.
bool is_blocked(const S3& s3, const objects::Bucket& bucket, const std::string& policy) {
    return bucket.blocks_public_policy() && objects::is_public_policy(policy) &&
           check_bucket_policy(policy, bucket, s3.principal_id).has_value();
}

Result<RequiredAccesses<Located>> put_policy_needs(const S3& s3, const RequestOrigin& asking,
                                                   const m::PutBucketPolicy::Input& in) {
    const auto bucket = TRY(asking.find("arn:aws:s3:::" + in.bucket, m::Action::s3_PutBucketPolicy));
    RequiredAccesses<Located> needs(*bucket.found.as<Located>());
    needs.add(m::Action::s3_PutBucketPolicy, bucket);
    // Others than the owner may not in any case: what they send is not looked at.
    if (asking.caller.principal.account == bucket.owner && is_blocked(s3, *needs.prepared.bucket, in.policy))
        needs.refuse_last_by(policy::ServiceRule::public_policy_blocked);
    return needs;
}

Result<m::PutBucketPolicy::Output> put_policy(S3& s3, const Permit&, const m::PutBucketPolicy::Input& in, Located&& located) {
    const PrincipalIds principals = TRY(check_bucket_policy(in.policy, *located.bucket, s3.principal_id));
    TRY(configure(s3, located, [&](BucketConfiguration& configuration) -> Result<void> {
        configuration.policy = in.policy;
        configuration.policy_principals = principals;
        return {};
    }));
    return m::PutBucketPolicy::Output{};
}

Result<m::DeleteBucketPolicy::Output> delete_policy(S3& s3, const Permit&, const m::DeleteBucketPolicy::Input&,
                                                    Located&& located) {
    TRY(configure(s3, located, setting([](BucketConfiguration& configuration) {
                      configuration.policy.clear();
                      configuration.policy_principals.clear();
                  })));
    return m::DeleteBucketPolicy::Output{};
}

Result<m::GetBucketPolicyStatus::Output> get_policy_status(S3&, const Permit&, const m::GetBucketPolicyStatus::Input&,
                                                           Located&& located) {
    if (located.bucket->configuration.policy.empty()) return base::fail(no_policy());
    return m::GetBucketPolicyStatus::Output{.policy_status = m::PolicyStatus{.is_public = located.bucket->policy_is_public}};
}

// --- Public access block ---

Result<m::GetPublicAccessBlock::Output> get_public_access_block(S3&, const Permit&, const m::GetPublicAccessBlock::Input&,
                                                                Located&& located) {
    const auto& block = located.bucket->configuration.public_access_block;
    if (!block)
        return base::fail(base::code::NoSuchPublicAccessBlockConfiguration,
                          "The public access block configuration was not found");
    return m::GetPublicAccessBlock::Output{.public_access_block_configuration = m::PublicAccessBlockConfiguration{
                                               .block_public_acls = block->block_public_acls,
                                               .ignore_public_acls = block->ignore_public_acls,
                                               .block_public_policy = block->block_public_policy,
                                               .restrict_public_buckets = block->restrict_public_buckets}};
}

Result<m::PutPublicAccessBlock::Output> put_public_access_block(S3& s3, const Permit&, const m::PutPublicAccessBlock::Input& in,
                                                                Located&& located) {
    const auto& asked = in.public_access_block_configuration;
    const objects::PublicAccessBlock block{.block_public_acls = asked.block_public_acls.value_or(false),
                                           .ignore_public_acls = asked.ignore_public_acls.value_or(false),
                                           .block_public_policy = asked.block_public_policy.value_or(false),
                                           .restrict_public_buckets = asked.restrict_public_buckets.value_or(false)};
    TRY(configure(s3, located, setting([&](BucketConfiguration& configuration) { configuration.public_access_block = block; })));
    return m::PutPublicAccessBlock::Output{};
}

Result<m::DeletePublicAccessBlock::Output> delete_public_access_block(S3& s3, const Permit&,
                                                                      const m::DeletePublicAccessBlock::Input&,
                                                                      Located&& located) {
    TRY(configure(s3, located, setting([](BucketConfiguration& configuration) { configuration.public_access_block.reset(); })));
    return m::DeletePublicAccessBlock::Output{};
}

// --- Ownership controls ---

Result<m::GetBucketOwnershipControls::Output> get_ownership(S3&, const Permit&, const m::GetBucketOwnershipControls::Input&,
                                                            Located&& located) {
    const auto& ownership = located.bucket->configuration.object_ownership;
    if (ownership.empty())
        return base::fail(base::code::OwnershipControlsNotFoundError, "The bucket ownership controls were not found");
    return m::GetBucketOwnershipControls::Output{.ownership_controls =
                                                     m::OwnershipControls{.rules = {{.object_ownership = ownership}}}};
}

Result<m::PutBucketOwnershipControls::Output> put_ownership(S3& s3, const Permit&, const m::PutBucketOwnershipControls::Input& in,
                                                            Located&& located) {
    const auto& rules = in.ownership_controls.rules;
    if (rules.size() != 1) return base::fail(malformed_xml());
    const auto& ownership = rules.front().object_ownership;
    // The other two settings turn on ACLs, which do not exist here.
    if (ownership == "BucketOwnerPreferred" || ownership == "ObjectWriter")
        return base::fail(base::code::NotImplemented, "ACLs are not implemented: ObjectOwnership " + ownership);
    if (ownership != "BucketOwnerEnforced") return base::fail(malformed_xml());
    TRY(configure(s3, located, setting([&](BucketConfiguration& configuration) { configuration.object_ownership = ownership; })));
    return m::PutBucketOwnershipControls::Output{};
}

Result<m::DeleteBucketOwnershipControls::Output> delete_ownership(S3& s3, const Permit&,
                                                                  const m::DeleteBucketOwnershipControls::Input&,
                                                                  Located&& located) {
    TRY(configure(s3, located, setting([](BucketConfiguration& configuration) { configuration.object_ownership.clear(); })));
    return m::DeleteBucketOwnershipControls::Output{};
}

// --- Versioning ---

Result<m::GetBucketVersioning::Output> get_versioning(S3&, const Permit&, const m::GetBucketVersioning::Input&,
                                                      Located&& located) {
    m::GetBucketVersioning::Output out;
    if (!located.bucket->configuration.versioning.empty()) out.status = located.bucket->configuration.versioning;
    return out;
}

Result<m::PutBucketVersioning::Output> put_versioning(S3& s3, const Permit&, const m::PutBucketVersioning::Input& in,
                                                      Located&& located) {
    const auto& asked = in.versioning_configuration;
    if (asked.mfa_delete && *asked.mfa_delete != "Disabled")
        return base::fail(base::code::NotImplemented, "MFA delete is not implemented: MfaDelete can only be Disabled");
    const auto status = asked.status.value_or("");
    if (status.empty())
        return base::fail(base::code::IllegalVersioningConfigurationException, "The Versioning element must be specified");
    if (status != objects::versioning_enabled && status != objects::versioning_suspended) return base::fail(malformed_xml());
    TRY(configure(s3, located, [&](BucketConfiguration& configuration) -> Result<void> {
        if (configuration.object_lock && status != objects::versioning_enabled)
            return base::fail(
                base::code::InvalidBucketState,
                "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.");
        configuration.versioning = status;
        return {};
    }));
    return m::PutBucketVersioning::Output{};
}

// --- Tags of the bucket ---

Result<m::GetBucketTagging::Output> get_tagging(S3&, const Permit&, const m::GetBucketTagging::Input&, Located&& located) {
    const auto& tags = located.bucket->configuration.tags;
    if (tags.empty()) return base::fail(base::code::NoSuchTagSet, "The TagSet does not exist");
    return m::GetBucketTagging::Output{.tag_set = shown_tags(tags)};
}

Result<m::PutBucketTagging::Output> put_tagging(S3& s3, const Permit&, const m::PutBucketTagging::Input& in, Located&& located) {
    const auto tags = tags_of(in.tagging.tag_set);
    TRY(objects::check_tags(tags, objects::bucket_tags_max));
    TRY(configure(s3, located, setting([&](BucketConfiguration& configuration) { configuration.tags = tags; })));
    return m::PutBucketTagging::Output{};
}

Result<m::DeleteBucketTagging::Output> delete_tagging(S3& s3, const Permit&, const m::DeleteBucketTagging::Input&,
                                                      Located&& located) {
    TRY(configure(s3, located, setting([](BucketConfiguration& configuration) { configuration.tags.clear(); })));
    return m::DeleteBucketTagging::Output{};
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<S3>>({
    operation<m::GetBucketPolicy, get_policy>(),
    operation<m::PutBucketPolicy, put_policy, put_policy_needs>(),
    operation<m::DeleteBucketPolicy, delete_policy>(),
    operation<m::GetBucketPolicyStatus, get_policy_status>(),
    operation<m::GetPublicAccessBlock, get_public_access_block>(),
    operation<m::PutPublicAccessBlock, put_public_access_block>(),
    operation<m::DeletePublicAccessBlock, delete_public_access_block>(),
    operation<m::GetBucketOwnershipControls, get_ownership>(),
    operation<m::PutBucketOwnershipControls, put_ownership>(),
    operation<m::DeleteBucketOwnershipControls, delete_ownership>(),
    operation<m::GetBucketVersioning, get_versioning>(),
    operation<m::PutBucketVersioning, put_versioning>(),
    operation<m::GetBucketTagging, get_tagging>(),
    operation<m::PutBucketTagging, put_tagging>(),
    operation<m::DeleteBucketTagging, delete_tagging>(),
});

}  // namespace

Rows bucket_configuration_operations() { return operations; }

}  // namespace services::s3
