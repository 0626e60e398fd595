#include "identity/sealed_secret.hpp"

#include "base/error_codes.hpp"
#include "crypto/digest.hpp"
#include "crypto/seal.hpp"
#include "text/base64.hpp"

namespace identity {
namespace {

std::string bound_to(const std::string& access_key_id) { return "access-key:" + access_key_id; }

}  // namespace

std::string secrets_key_of(std::string_view master_key) { return crypto::hmac_sha256(master_key, "trainwarden secrets at rest"); }

std::string seal_secret(const AccessKey& key, std::string_view secrets_key, crypto::Random& random) {
    return text::encode_base64(crypto::seal(random, secrets_key, key.secret, bound_to(key.id)));
}

base::Result<OpenedSecret> open_secret(const AccessKey& record, std::span<const std::string> secrets_keys) {
    if (const auto sealed = text::decode_base64(record.secret)) {
        for (size_t by = 0; by < secrets_keys.size(); ++by)
            if (auto secret = crypto::open_seal(secrets_keys[by], *sealed, bound_to(record.id)))
                return OpenedSecret{std::move(*secret), by};
    }
    return base::fail(base::code::InvalidMasterKey,
                      "the secret of access key " + record.id + " cannot be opened with this master key");
}

}  // namespace identity
