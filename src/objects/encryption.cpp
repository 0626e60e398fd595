#include "objects/encryption.hpp"

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/strings.hpp"
#include "crypto/digest.hpp"
#include "crypto/seal.hpp"
#include "objects/encryption_keys.hpp"

namespace objects {
namespace {

constexpr std::string_view alias = "alias/aws/s3";

// A client's key does nothing else than this here: it may be in use elsewhere.
std::string sealing_key_of(std::string_view customer_key) {
    INVARIANT(customer_key.size() == customer_key_bytes);
    return crypto::hmac_sha256(customer_key, "trainwarden SSE-C data keys");
}

std::string bound_to(const Encryption& encryption, std::string_view name) {
    std::string out = "data key\n";
    for (const std::string_view part : {std::string_view(encryption.key_arn), std::string_view(encryption.context), name})
        (out += std::to_string(part.size()) + "\n") += part;
    return out + std::to_string(static_cast<int>(encryption.kind));
}

base::Error no_such_key(const std::string& what) { return {base::code::KMS_NotFoundException, what}; }

}  // namespace

bool has_md5_etag(EncryptionKind kind) { return kind == EncryptionKind::none || kind == EncryptionKind::s3; }

base::Result<SealedKey> seal_data_key(EncryptionKeys& keys, crypto::Random& random, const WantedEncryption& wanted,
                                      std::string_view data_key, std::string_view name) {
    const auto& encryption = wanted.encryption;
    INVARIANT(encryption.kind != EncryptionKind::none);
    const auto bound = bound_to(encryption, name);
    if (encryption.kind == EncryptionKind::customer)
        return SealedKey{.by = 0, .sealed = crypto::seal(random, sealing_key_of(wanted.customer_key), data_key, bound)};
    const auto current = TRY(keys.current(encryption.kind == EncryptionKind::kms ? encryption.key_arn : "AES256"));
    return SealedKey{.by = current.number, .sealed = crypto::seal(random, current.key, data_key, bound)};
}

base::Result<std::string> open_data_key(const EncryptionKeys* keys, const Encryption& encryption, const SealedKey& key,
                                        std::string_view customer_key, std::string_view name) {
    const bool is_customers = encryption.kind == EncryptionKind::customer;
    if (is_customers && customer_key.size() != customer_key_bytes)
        return base::fail(
            base::code::InvalidRequest,
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to "
            "retrieve the object.");
    if (!is_customers && keys == nullptr)
        return base::fail(base::code::InternalError, "this server has no keys of encrypted objects");
    const auto sealing = is_customers ? sealing_key_of(customer_key) : TRY(keys->find(key.by));
    auto opened = crypto::open_seal(sealing, key.sealed, bound_to(encryption, name));
    if (opened) return std::move(*opened);
    if (is_customers)
        return base::fail(
            base::code::AccessDenied,
            "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.");
    return base::fail(base::code::InternalError, "the key of the object's bytes cannot be opened: its record was altered");
}

std::string managed_key_arn(std::string_view region, std::string_view account) {
    const std::string place = "arn:aws:kms:" + std::string(region) + ":" + std::string(account) + ":";
    // An id like those of others. It is a name, no secret: the key itself is random.
    auto id = crypto::hex(crypto::sha256(place + std::string(alias))).substr(0, 32);
    id[12] = '4';
    id[16] = 'a';
    for (const size_t at : {8u, 13u, 18u, 23u}) id.insert(at, 1, '-');
    return place + "key/" + id;
}

base::Result<std::string> resolve_key(std::string_view said, std::string_view region, std::string_view account) {
    const auto managed = managed_key_arn(region, account);
    const std::string place = managed.substr(0, managed.find("key/"));
    if (said == alias || said == managed || said == place + std::string(alias) ||
        said == std::string_view(managed).substr(place.size() + 4))
        return managed;
    if (said.starts_with("arn:")) {
        const auto parts = base::split(said, ':');
        if (parts.size() != 6 || parts[2] != "kms") return base::fail(no_such_key("Invalid arn " + std::string(said)));
        if (parts[3] != region) return base::fail(no_such_key("Invalid arn " + std::string(parts[3])));
        return base::fail(no_such_key("Key '" + std::string(said) + "' does not exist"));
    }
    if (said.starts_with("alias/")) return base::fail(no_such_key("Alias " + place + std::string(said) + " is not found."));
    const bool is_id = said.size() == 36 && said.find_first_not_of("0123456789abcdef-") == std::string_view::npos;
    if (!is_id) return base::fail(no_such_key("Invalid keyId '" + std::string(said) + "'"));
    return base::fail(no_such_key("Key '" + place + "key/" + std::string(said) + "' does not exist"));
}

base::Result<void> check_key_policy(const Encryption& encryption, std::string_view account) {
    if (encryption.kind != EncryptionKind::kms || account_of_key(encryption.key_arn) == account) return {};
    return base::fail(
        base::code::AccessDenied,
        "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are "
        "not allowed to access.");
}

std::string_view account_of_key(std::string_view key_arn) {
    const auto parts = base::split(key_arn, ':');
    return parts.size() == 6 ? parts[4] : std::string_view();
}

}  // namespace objects
