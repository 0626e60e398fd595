// What a session token holds. It is sealed (AES-256-GCM) under a key that is derived from the master key and bound to its access
// key id, so that any server with the master key verifies it without a look-up, and no client can make or change one.
//
// The secret access key of a session is not in the token: it is an HMAC over it, under another derived key. Whether the principal
// behind the token is still there is the directory's question, at every use.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "crypto/random.hpp"
#include "identity/model.hpp"

namespace identity {

enum class SessionKind : uint8_t { role, user, root };

struct Session {
    SessionKind kind = SessionKind::role;
    std::string account;
    std::string principal_id;   // AROA…, AIDA…; the account for root: a token outlives no principal
    std::string principal_key;  // the name in lower case, to find the principal by
    std::string session_name;   // roles only
    base::Time issued, expires;
    std::string policy;  // inline session policy; empty: none
    std::vector<std::string> policy_arns;
    Tags tags;
    std::vector<std::string> transitive_tag_keys;
    std::string source_identity;
    std::string lease;  // id; empty: none
};

struct SessionKeys {
    std::string token;   // 32 bytes: seals tokens
    std::string secret;  // 32 bytes: derives secrets
};
[[nodiscard]] SessionKeys derive_session_keys(std::string_view master_key);

[[nodiscard]] std::string seal_session(const Session& session, std::string_view access_key_id, const SessionKeys& keys,
                                       crypto::Random& random);
// Error `InvalidSessionToken` for anything that these keys did not seal for this access key id.
[[nodiscard]] base::Result<Session> open_session(std::string_view token, std::string_view access_key_id, const SessionKeys& keys);
[[nodiscard]] std::string session_secret(std::string_view token, const SessionKeys& keys);

}  // namespace identity
