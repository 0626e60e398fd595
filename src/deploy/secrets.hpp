// The passphrase that keeps a stack's secrets, as Pulumi's passphrase provider does it:
//
//   key        = PBKDF2-HMAC-SHA256(passphrase, salt of 8 bytes, 1,000,000 rounds, 32 bytes)
//   ciphertext = v1:<base64 nonce>:<base64 AES-256-GCM ciphertext and tag>
//   salt state = v1:<base64 salt>:<ciphertext of the word "pulumi">, kept in Pulumi.STACK.yaml and in the state file
//
// The key costs a third of a second, so it is made when the first secret needs it. A stack without secrets never asks for a
// passphrase.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/mutex.hpp"
#include "base/result.hpp"
#include "crypto/random.hpp"

namespace deploy {

// Where a passphrase comes from; an error says how to give one.
using PassphraseSource = std::function<base::Result<std::string>()>;

// PULUMI_CONFIG_PASSPHRASE (may be empty), the file PULUMI_CONFIG_PASSPHRASE_FILE, or `ask` (a terminal), or error
// `PassphraseRequired`.
[[nodiscard]] PassphraseSource passphrase_from_environment(PassphraseSource ask = {});

// Safe for several threads.
class Secrets {
public:
    // `salt_state` empty: a stack that had no secret so far; the first one makes a salt.
    Secrets(std::string salt_state, PassphraseSource source, crypto::Random& random);

    // Makes sure a key is there, asking for a passphrase if need be.
    [[nodiscard]] base::Result<void> require();
    [[nodiscard]] base::Result<std::string> encrypt(const std::string& plain);
    [[nodiscard]] base::Result<std::string> decrypt(const std::string& ciphertext);
    // As encrypt, but the same text under the same name keeps its ciphertext, so that states without changes are equal files.
    // `decrypt_at` fills it.
    [[nodiscard]] base::Result<std::string> encrypt_at(const std::string& name, const std::string& plain);
    [[nodiscard]] base::Result<std::string> decrypt_at(const std::string& name, const std::string& ciphertext);
    // `plain` is known to have this ciphertext under this name.
    void remember(const std::string& name, const std::string& plain, const std::string& ciphertext);
    // Empty as long as the stack has no secrets.
    [[nodiscard]] std::string salt_state() const;
    // For secrets that turn up when it is too late to refuse: a key from the empty passphrase. True if that was needed now.
    bool require_at_any_price();

private:
    [[nodiscard]] base::Result<void> unlock(const std::string& passphrase) REQUIRES(mutex_);

    mutable base::Mutex mutex_;
    std::string salt_state_ GUARDED_BY(mutex_);
    std::string key_ GUARDED_BY(mutex_);
    PassphraseSource source_;
    crypto::Random& random_;
    std::map<std::string, std::pair<std::string, std::string>> known_ GUARDED_BY(mutex_);  // name to plain and ciphertext
};

}  // namespace deploy
