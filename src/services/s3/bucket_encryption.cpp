// The default encryption of a bucket. One that was never configured has SSE-S3, as AWS's have.
#include <array>

#include "base/error_codes.hpp"
#include "model/s3/encryption.hpp"
#include "services/s3/service.hpp"

namespace services::s3 {
namespace {

constexpr size_t key_id_bytes_max = 2048;  // KMS has no longer names

Result<m::GetBucketEncryption::Output> get_encryption(S3&, const Permit&, const m::GetBucketEncryption::Input&,
                                                      Located&& located) {
    const auto configured = located.bucket->configuration.encryption.value_or(objects::BucketEncryption());
    m::ServerSideEncryptionRule rule{
        .apply_server_side_encryption_by_default = m::ServerSideEncryptionByDefault{.sse_algorithm = configured.algorithm},
        .bucket_key_enabled = configured.bucket_key_enabled};
    if (!configured.key_id.empty()) rule.apply_server_side_encryption_by_default->kms_master_key_id = configured.key_id;
    if (configured.says_blocked)
        rule.blocked_encryption_types =
            m::BlockedEncryptionTypes{.encryption_type = {{configured.blocks_customer_keys ? "SSE-C" : "NONE"}}};
    return m::GetBucketEncryption::Output{.server_side_encryption_configuration =
                                              m::ServerSideEncryptionConfiguration{.rules = {std::move(rule)}}};
}

Result<void> read_blocked(const m::ServerSideEncryptionRule& rule, objects::BucketEncryption& into) {
    if (!rule.blocked_encryption_types) return {};
    const auto& types = model::items(rule.blocked_encryption_types->encryption_type);
    if (types.size() != 1 || (types.front() != "SSE-C" && types.front() != "NONE")) return base::fail(malformed_xml());
    into.says_blocked = true;
    into.blocks_customer_keys = types.front() == "SSE-C";
    return {};
}

Result<objects::BucketEncryption> read_rule(const m::ServerSideEncryptionRule& rule) {
    objects::BucketEncryption out;
    out.bucket_key_enabled = rule.bucket_key_enabled.value_or(false);
    TRY(read_blocked(rule, out));
    const auto& by_default = rule.apply_server_side_encryption_by_default;
    if (!by_default) return out;
    out.algorithm = by_default->sse_algorithm;
    out.key_id = by_default->kms_master_key_id.value_or("");
    if (out.algorithm == "aws:kms:dsse")
        return base::fail(base::code::NotImplemented, "Two layers of encryption are not implemented: SSEAlgorithm aws:kms:dsse");
    if (out.algorithm != "AES256" && out.algorithm != "aws:kms") return base::fail(malformed_xml());
    if (out.algorithm == "AES256" && !out.key_id.empty())
        return base::fail(base::code::InvalidArgument,
                          "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse");
    if (out.key_id.size() > key_id_bytes_max) return base::fail(malformed_xml());
    return out;
}

Result<m::PutBucketEncryption::Output> put_encryption(S3& s3, const Permit&, const m::PutBucketEncryption::Input& in,
                                                      Located&& located) {
    const auto& rules = in.server_side_encryption_configuration.rules;
    if (rules.size() != 1) return base::fail(malformed_xml());
    const auto encryption = TRY(read_rule(rules.front()));
    TRY(s3.storage.configure(located.bucket->name, [&](objects::BucketConfiguration& configuration) -> Result<void> {
        configuration.encryption = encryption;
        return {};
    }));
    return m::PutBucketEncryption::Output{};
}

Result<m::DeleteBucketEncryption::Output> delete_encryption(S3& s3, const Permit&, const m::DeleteBucketEncryption::Input&,
                                                            Located&& located) {
    TRY(s3.storage.configure(located.bucket->name, [](objects::BucketConfiguration& configuration) -> Result<void> {
        configuration.encryption.reset();
        return {};
    }));
    return m::DeleteBucketEncryption::Output{};
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<S3>>({
    operation<m::GetBucketEncryption, get_encryption>(),
    operation<m::PutBucketEncryption, put_encryption>(),
    operation<m::DeleteBucketEncryption, delete_encryption>(),
});

}  // namespace

Rows bucket_encryption_operations() { return operations; }

}  // namespace services::s3
