// Secrets of access keys at rest: sealed under a key that is derived from the master key, and bound to their access key id.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "crypto/random.hpp"
#include "identity/model.hpp"

namespace identity {

// The key that secrets are sealed under.
[[nodiscard]] std::string secrets_key_of(std::string_view master_key);

[[nodiscard]] std::string seal_secret(const AccessKey& key, std::string_view secrets_key, crypto::Random& random);

struct OpenedSecret {
    std::string secret;
    size_t by = 0;  // which of the keys opened it
};
// Of a record, whose `secret` is the sealed one. Error `InvalidMasterKey`: none of the keys opens it.
[[nodiscard]] base::Result<OpenedSecret> open_secret(const AccessKey& record, std::span<const std::string> secrets_keys);

}  // namespace identity
