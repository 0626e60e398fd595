// How the bytes of objects are encrypted where they lie.
//
//   master key ──seals──▶ keys of the service and of accounts (encryption_keys.hpp) ──seal──▶ one random data key an object or upload part
//   ──seals──▶ its bytes, by chunks (crypto/chunks.hpp)
//
// SSE-C has the client's key in the place of the first two. Nothing of a key of a client's is kept: whether one is right shows in
// whether it opens the data key. A data key is bound to the object that it is of: a record that is put under another name opens nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "crypto/random.hpp"

namespace objects {

class EncryptionKeys;

enum class EncryptionKind : uint8_t {
    none,      // of a version before objects were encrypted
    s3,        // SSE-S3: AES256
    kms,       // SSE-KMS: aws:kms
    customer,  // SSE-C
};

struct Encryption {
    EncryptionKind kind = EncryptionKind::none;
    std::string key_arn;      // kms
    std::string context;      // kms: x-amz-server-side-encryption-context, as it came
    bool bucket_key = false;  // kms: said and answered; there is no key service to spare calls of
    [[nodiscard]] bool operator==(const Encryption&) const = default;
};

// What a writer asks for.
struct WantedEncryption {
    Encryption encryption{.kind = EncryptionKind::s3, .key_arn = {}, .context = {}};
    std::string customer_key;  // customer: 32 bytes
};

// A data key as a record has it.
struct SealedKey {
    uint32_t by = 0;                 // the number of the key that sealed it; 0: the client's
    std::string sealed;              // empty: the bytes are not encrypted
    uint32_t ciphertext_crc32c = 0;  // of the bytes as they lie on the disk: what can be checked without a key
};

constexpr size_t customer_key_bytes = 32;
constexpr size_t encryption_context_bytes_max = 8192;  // of the header: KMS has as much for a context

// `name`: bucket/key. Errors: the store's, where a key of the service has to be made first.
[[nodiscard]] base::Result<SealedKey> seal_data_key(EncryptionKeys& keys, crypto::Random& random, const WantedEncryption& wanted,
                                                    std::string_view data_key, std::string_view name);
// Errors: `InvalidRequest` (SSE-C: no key), `AccessDenied` (another key), `InternalError`.
[[nodiscard]] base::Result<std::string> open_data_key(const EncryptionKeys* keys, const Encryption& encryption,
                                                      const SealedKey& key, std::string_view customer_key, std::string_view name);

// 32 hexadecimal digits for who must not learn the MD5 of the bytes: the ETag of SSE-KMS and SSE-C.
[[nodiscard]] bool has_md5_etag(EncryptionKind kind);

// aws/s3, the key that an account has for this in a region. It is always there.
[[nodiscard]] std::string managed_key_arn(std::string_view region, std::string_view account);
// What a client calls a key (id, ARN, alias, ARN of an alias), as the ARN of a key. Error `KMS.NotFoundException`: there is none but aws/s3.
[[nodiscard]] base::Result<std::string> resolve_key(std::string_view said, std::string_view region, std::string_view account);
[[nodiscard]] std::string_view account_of_key(std::string_view key_arn);
// The key policy of aws/s3: whoever of its account may have an object by S3's own policies, and nobody else. Error `AccessDenied`.
[[nodiscard]] base::Result<void> check_key_policy(const Encryption& encryption, std::string_view account);

}  // namespace objects
