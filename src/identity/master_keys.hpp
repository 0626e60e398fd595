// The master keys of a server, as its key file holds them: the one that seals, and what of earlier ones is still needed.
//
//     64 hexadecimal digits                       the key: what is stored and what is handed out is sealed under keys derived from it
//     former 64DIGITS [sessions-ended]            of a rotation that goes on: records may still be sealed under this one
//     tokens 64DIGITS 64DIGITS until TIME         of one that is done: the two keys that open session tokens, and no record, until the
//                                                 last of those that were issued has expired
//
// One file, written whole: at every moment it opens all that is stored. A file of the first line alone is what every version wrote. Pure.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "identity/session_token.hpp"

namespace identity {

constexpr size_t master_key_bytes = 32;
constexpr size_t former_tokens_max = 16;  // rotations within the life of a token
// Longer than any session token lives (36 hours: sts:GetSessionToken), by as much as clocks may differ.
constexpr std::chrono::seconds tokens_live_max = std::chrono::hours(37);

struct MasterKeys {
    struct Former {
        std::string key;              // 32 bytes
        bool sessions_ended = false;  // its session tokens are refused
    };
    struct Tokens {
        SessionKeys keys;
        base::Time until;
    };
    std::string current;  // 32 bytes
    std::vector<Former> former;
    std::vector<Tokens> tokens;
};

[[nodiscard]] std::string to_text(const MasterKeys& keys);
// Error `MasterKeyWrong`, in words without a subject.
[[nodiscard]] base::Result<MasterKeys> read_master_keys(std::string_view text);

// The next key in the current one's place; records under every key that is there can still be opened. Error `RotationInProgress`: an
// earlier rotation is not done; `TooManyRequests`: more than former_tokens_max within the life of a token.
[[nodiscard]] base::Result<MasterKeys> rotated(const MasterKeys& keys, std::string next, bool end_sessions);
// No record is sealed under a former key any more: what is left of them opens session tokens until the last has expired.
[[nodiscard]] MasterKeys resealed(const MasterKeys& keys, base::Time now);
// Without what has expired.
[[nodiscard]] MasterKeys without_expired(const MasterKeys& keys, base::Time now);

}  // namespace identity
