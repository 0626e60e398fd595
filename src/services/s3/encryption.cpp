#include "services/s3/encryption.hpp"

#include "base/error_codes.hpp"
#include "crypto/digest.hpp"
#include "model/access.hpp"
#include "model/stream.hpp"
#include "text/base64.hpp"
#include "text/json.hpp"

namespace services::s3 {
namespace {

constexpr const char* algorithm_header = "x-amz-server-side-encryption";
constexpr const char* customers = "Requests specifying Server Side Encryption with Customer provided keys must ";

std::unexpected<base::Error> invalid(std::string message) { return base::fail(base::code::InvalidArgument, std::move(message)); }

std::unexpected<base::Error> invalid_algorithm(std::string message, const std::string& value,
                                               const char* code = base::code::InvalidArgument) {
    return base::fail(base::Error(code, std::move(message))
                          .note(std::string("ArgumentName: ") + algorithm_header)
                          .note("ArgumentValue: " + value));
}

// AWS KMS serves who signs by Version 4 through TLS.
Result<void> check_kms_request(const Permit& permit) {
    if (!permit.is_secure())
        return invalid(
            "Requests specifying Server Side Encryption with AWS KMS managed keys must be made over a secure connection.");
    if (!permit.is_signed_v4())
        return base::fail(
            base::Error(base::code::InvalidArgument,
                        "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature "
                        "Version 4.")
                .note("ArgumentName: Authorization")
                .note("ArgumentValue: null"));
    return {};
}

// x-amz-server-side-encryption-context: base64 of a JSON object of strings.
Result<void> check_context(const std::optional<std::string>& context) {
    if (!context) return {};
    const auto decoded = context->size() <= objects::encryption_context_bytes_max ? text::decode_base64(*context) : std::nullopt;
    auto json = decoded ? text::parse_json(*decoded) : base::Result<text::Json>(text::Json());
    bool holds = json && json->is_object();
    if (holds)
        for (const auto& [name, value] : json->members()) holds = holds && value.is_string();
    if (holds) return {};
    return invalid(
        "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON which represents a "
        "string-string map");
}

Result<objects::WantedEncryption> by_kms(std::string_view key_id, const std::optional<std::string>& context, bool bucket_key,
                                         const Permit& permit) {
    TRY(check_kms_request(permit));
    TRY(check_context(context));
    objects::WantedEncryption wanted;
    wanted.encryption.kind = objects::EncryptionKind::kms;
    wanted.encryption.key_arn = key_id.empty() ? objects::managed_key_arn(permit.region(), permit.account())
                                               : TRY(objects::resolve_key(key_id, permit.region(), permit.account()));
    wanted.encryption.context = context.value_or("");
    wanted.encryption.bucket_key = bucket_key;
    return wanted;
}

Result<objects::WantedEncryption> by_customer(const EncryptionHeaders& headers, const Permit& permit) {
    if (headers.algorithm)
        return invalid_algorithm(
            "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
            *headers.algorithm);
    objects::WantedEncryption wanted;
    wanted.encryption.kind = objects::EncryptionKind::customer;
    wanted.customer_key = TRY(customer_key(headers.customer, permit));
    return wanted;
}

}  // namespace

Result<std::string> customer_key(const CustomerHeaders& headers, const Permit& permit) {
    if (!headers.any()) return std::string();
    if (!permit.is_secure())
        return base::fail(base::code::InvalidRequest, std::string(customers) + "be made over a secure connection.");
    if (!headers.algorithm) return invalid_algorithm(std::string(customers) + "provide a valid encryption algorithm.", "null");
    if (*headers.algorithm != "AES256")
        return invalid_algorithm("The Encryption request you specified is not valid. Supported value: AES256.",
                                 *headers.algorithm, base::code::InvalidEncryptionAlgorithmError);
    if (!headers.key) return invalid(std::string(customers) + "provide an appropriate secret key.");
    if (!headers.key_md5) return invalid(std::string(customers) + "provide the client calculated MD5 of the secret key.");
    auto key = text::decode_base64(*headers.key);
    if (key && text::encode_base64(crypto::md5(*key)) != *headers.key_md5)
        return invalid_algorithm("The calculated MD5 hash of the key did not match the hash that was provided.", "null");
    if (!key || key->size() != objects::customer_key_bytes)
        return invalid("The secret key was invalid for the specified algorithm.");
    return std::move(*key);
}

Result<std::string> reading_key(const CustomerHeaders& headers, const objects::Object& object, const Permit& permit) {
    const auto& encryption = object.encryption;
    if (encryption.kind != objects::EncryptionKind::customer) {
        if (headers.any())
            return base::fail(base::code::InvalidRequest, "The encryption parameters are not applicable to this object.");
        if (encryption.kind != objects::EncryptionKind::kms) return std::string();
        TRY(check_kms_request(permit));
        TRY(objects::check_key_policy(encryption, permit.account()));
        return std::string();
    }
    return customer_key(headers, permit);
}

bool blocks_customer_keys(const objects::Bucket& bucket) {
    return bucket.configuration.encryption && bucket.configuration.encryption->blocks_customer_keys;
}

Result<objects::WantedEncryption> wanted_encryption(const EncryptionHeaders& headers, const objects::Bucket& bucket,
                                                    const Permit& permit) {
    if (headers.customer.any()) return by_customer(headers, permit);
    const auto& configured = bucket.configuration.encryption;
    const bool configured_bucket_key = configured && configured->bucket_key_enabled;
    const bool is_kms = headers.algorithm == "aws:kms";
    if (!is_kms && headers.algorithm != "aws:kms:dsse" && (headers.key_id || headers.context))
        return invalid(
            "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms");
    if (is_kms)
        return by_kms(model::text(headers.key_id), headers.context, headers.bucket_key.value_or(configured_bucket_key), permit);
    if (headers.algorithm == "aws:kms:dsse")
        return base::fail(base::code::NotImplemented,
                          "A header you provided implies functionality that is not implemented: x-amz-server-side-encryption: "
                          "aws:kms:dsse");
    if (headers.algorithm && *headers.algorithm != "AES256")
        return invalid_algorithm("The encryption method specified is not supported", *headers.algorithm);
    if (!headers.algorithm && configured && configured->algorithm == "aws:kms")
        return by_kms(configured->key_id, std::nullopt, headers.bucket_key.value_or(configured_bucket_key), permit);
    return objects::WantedEncryption();
}

Result<void> check_part_encryption(const objects::Encryption& encryption, const Permit& permit) {
    if (encryption.kind == objects::EncryptionKind::kms) TRY(check_kms_request(permit));
    return {};
}

std::string key_in_conditions(std::string_view said, std::string_view region, std::string_view account) {
    return objects::resolve_key(said, region, account).value_or(std::string(said));
}

Result<model::NamedValues> kms_key(const model::RequestOrigin& origin, std::span<const std::optional<std::string>> key_id) {
    const auto said = model::text(key_id[0]);
    if (said.empty()) return model::NamedValues{};
    return model::NamedValues{{"", key_in_conditions(said, origin.region, origin.account)}};
}

void add_upload_encryption_keys(policy::Context& context, const S3& s3, const std::string& bucket, const std::string& key,
                                const std::string& upload_id) {
    // One that is not there is told so later: nothing is written by it.
    const auto upload = s3.storage.find_upload(bucket, key, upload_id);
    if (!upload) return;
    if (!upload->asked_algorithm.empty()) context.set("s3:x-amz-server-side-encryption", upload->asked_algorithm);
    if (!upload->asked_key.empty()) context.set("s3:x-amz-server-side-encryption-aws-kms-key-id", upload->asked_key);
}

}  // namespace services::s3
