// What requests say of encryption, and what answers do. Sources: Amazon S3 User Guide, "Protecting data with encryption"; API Reference.
#pragma once

#include <optional>
#include <string>

#include "objects/encryption.hpp"
#include "services/s3/service.hpp"

namespace services::s3 {

// The three headers of SSE-C.
struct CustomerHeaders {
    std::optional<std::string> algorithm, key, key_md5;
    [[nodiscard]] bool any() const { return algorithm || key || key_md5; }
};
template <class Input>
CustomerHeaders customer_headers(const Input& in) {
    return {.algorithm = in.sse_customer_algorithm, .key = in.sse_customer_key, .key_md5 = in.sse_customer_key_md5};
}
template <class Input>
CustomerHeaders source_customer_headers(const Input& in) {
    return {.algorithm = in.copy_source_sse_customer_algorithm,
            .key = in.copy_source_sse_customer_key,
            .key_md5 = in.copy_source_sse_customer_key_md5};
}

struct EncryptionHeaders {
    std::optional<std::string> algorithm, key_id, context;
    std::optional<bool> bucket_key;
    CustomerHeaders customer;
    [[nodiscard]] bool any() const { return algorithm || key_id || context || bucket_key || customer.any(); }
};
template <class Input>
EncryptionHeaders encryption_headers(const Input& in) {
    return {.algorithm = in.server_side_encryption,
            .key_id = in.ssekms_key_id,
            .context = in.ssekms_encryption_context,
            .bucket_key = in.bucket_key_enabled,
            .customer = customer_headers(in)};
}

// The client's key, 32 bytes; empty: the headers are not there. Never kept. Errors: `InvalidRequest` (in the clear), `InvalidArgument`,
// `InvalidEncryptionAlgorithmError`.
[[nodiscard]] Result<std::string> customer_key(const CustomerHeaders& headers, const Permit& permit);
// The same for what was written: none where it needs none and one where it needs one. Errors: `InvalidRequest`, `InvalidArgument` and
// `AccessDenied` (SSE-KMS).
[[nodiscard]] Result<std::string> reading_key(const CustomerHeaders& headers, const objects::Object& object,
                                              const Permit& permit);

// How an object is to be written: as the request says, else as the bucket does, else by SSE-S3. Errors: `InvalidArgument`,
// `KMS.NotFoundException`, `NotImplemented`, customer_key's.
[[nodiscard]] Result<objects::WantedEncryption> wanted_encryption(const EncryptionHeaders& headers, const objects::Bucket& bucket,
                                                                  const Permit& permit);
// Whether what comes with a key of the client's is refused (ServiceRule::customer_keys_blocked).
[[nodiscard]] bool blocks_customer_keys(const objects::Bucket& bucket);
// For parts of an upload, which its beginning has said. Errors: `InvalidArgument` (in the clear, not signed right).
[[nodiscard]] Result<void> check_part_encryption(const objects::Encryption& encryption, const Permit& permit);

// s3:x-amz-server-side-encryption-aws-kms-key-id: the ARN of the key that will be used; what names none is as it was said.
[[nodiscard]] std::string key_in_conditions(std::string_view said, std::string_view region, std::string_view account);
[[nodiscard]] Result<model::NamedValues> kms_key(const model::RequestOrigin& origin,
                                                 std::span<const std::optional<std::string>> key_id);
// The keys that UploadPart and CompleteMultipartUpload have from the request that began the upload.
void add_upload_encryption_keys(policy::Context& context, const S3& s3, const std::string& bucket, const std::string& key,
                                const std::string& upload_id);

// The headers of an answer.
template <class Output>
void show_encryption(Output& out, const objects::Encryption& encryption, const CustomerHeaders& customer) {
    switch (encryption.kind) {
        case objects::EncryptionKind::none:
            return;
        case objects::EncryptionKind::s3:
            out.server_side_encryption = "AES256";
            return;
        case objects::EncryptionKind::kms:
            out.server_side_encryption = "aws:kms";
            out.ssekms_key_id = encryption.key_arn;
            if (encryption.bucket_key) out.bucket_key_enabled = true;
            return;
        case objects::EncryptionKind::customer:
            if constexpr (requires { out.sse_customer_algorithm; }) {
                out.sse_customer_algorithm = customer.algorithm;
                out.sse_customer_key_md5 = customer.key_md5;
            }
            return;
    }
}
// Of the answers that say it: those of writes that begin something.
template <class Output>
void show_context(Output& out, const objects::Encryption& encryption) {
    if (!encryption.context.empty()) out.ssekms_encryption_context = encryption.context;
}

}  // namespace services::s3
