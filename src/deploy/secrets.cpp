#include "deploy/secrets.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "base/strings.hpp"
#include "crypto/digest.hpp"
#include "crypto/seal.hpp"
#include "text/base64.hpp"

namespace deploy {

namespace {

constexpr uint32_t rounds = 1'000'000;
constexpr size_t salt_bytes = 8;
constexpr size_t key_bytes = 32;
constexpr size_t nonce_bytes = 12;
constexpr std::string_view check_word = "pulumi";

std::string encrypt_with(crypto::Random& random, const std::string& key, std::string_view plain) {
    const std::string sealed = crypto::seal(random, key, plain, "");
    return "v1:" + text::encode_base64(std::string_view(sealed).substr(0, nonce_bytes)) + ":" +
           text::encode_base64(std::string_view(sealed).substr(nonce_bytes));
}

base::Result<std::string> decrypt_with(const std::string& key, const std::string& ciphertext) {
    const auto parts = base::split(ciphertext, ':');
    if (parts.size() != 3 || parts[0] != "v1")
        return base::fail(base::code::InvalidSecret, "a ciphertext that is not v1:NONCE:TEXT");
    const auto nonce = text::decode_base64(parts[1]);
    const auto sealed = text::decode_base64(parts[2]);
    if (!nonce || !sealed || nonce->size() != nonce_bytes)
        return base::fail(base::code::InvalidSecret, "a ciphertext that is not base64");
    return crypto::open_seal(key, *nonce + *sealed, "");
}

}  // namespace

PassphraseSource passphrase_from_environment(PassphraseSource ask) {
    return [ask = std::move(ask)]() -> base::Result<std::string> {
        if (const char* phrase = std::getenv("PULUMI_CONFIG_PASSPHRASE")) return std::string(phrase);
        if (const char* path = std::getenv("PULUMI_CONFIG_PASSPHRASE_FILE"); path != nullptr && *path != '\0') {
            std::ifstream file(path);
            if (!file)
                return base::fail(base::code::PassphraseRequired,
                                  std::string("cannot read PULUMI_CONFIG_PASSPHRASE_FILE ") + path);
            std::ostringstream content;
            content << file.rdbuf();
            return std::string(base::trim(content.str()));
        }
        if (ask) return ask();
        return base::fail(base::Error(base::code::PassphraseRequired, "this stack keeps secrets and no passphrase was given")
                              .note("set PULUMI_CONFIG_PASSPHRASE (it may be empty) or PULUMI_CONFIG_PASSPHRASE_FILE"));
    };
}

Secrets::Secrets(std::string salt_state, PassphraseSource source, crypto::Random& random)
    : salt_state_(std::move(salt_state)), source_(std::move(source)), random_(random) {}

base::Result<void> Secrets::unlock(const std::string& passphrase) {
    if (salt_state_.empty()) {
        const std::string salt = random_.bytes(salt_bytes);
        key_ = crypto::pbkdf2_hmac_sha256(passphrase, salt, rounds, key_bytes);
        salt_state_ = "v1:" + text::encode_base64(salt) + ":" + encrypt_with(random_, key_, check_word);
        return {};
    }
    const auto parts = base::split(salt_state_, ':');
    const auto salt = parts.size() == 5 && parts[0] == "v1" ? text::decode_base64(parts[1]) : std::nullopt;
    if (!salt) return base::fail(base::code::InvalidSecret, "the stack's encryptionsalt is not v1:SALT:v1:NONCE:TEXT");
    std::string key = crypto::pbkdf2_hmac_sha256(passphrase, *salt, rounds, key_bytes);
    const auto word = decrypt_with(key, salt_state_.substr(salt_state_.find(':', 3) + 1));
    if (!word || *word != check_word) {
        return base::fail(base::Error(base::code::IncorrectPassphrase, "the passphrase does not open this stack's secrets")
                              .note("it comes from PULUMI_CONFIG_PASSPHRASE, PULUMI_CONFIG_PASSPHRASE_FILE or the terminal"));
    }
    key_ = std::move(key);
    return {};
}

base::Result<void> Secrets::require() {
    const base::Lock lock(mutex_);
    if (!key_.empty()) return {};
    return unlock(TRY(source_()));
}

bool Secrets::require_at_any_price() {
    if (require()) return false;
    const base::Lock lock(mutex_);
    salt_state_.clear();
    return unlock("").has_value();
}

base::Result<std::string> Secrets::encrypt(const std::string& plain) {
    TRY(require());
    const base::Lock lock(mutex_);
    return encrypt_with(random_, key_, plain);
}

base::Result<std::string> Secrets::decrypt(const std::string& ciphertext) {
    TRY(require());
    const base::Lock lock(mutex_);
    return decrypt_with(key_, ciphertext);
}

base::Result<std::string> Secrets::encrypt_at(const std::string& name, const std::string& plain) {
    {
        const base::Lock lock(mutex_);
        const auto known = known_.find(name);
        if (known != known_.end() && known->second.first == plain) return known->second.second;
    }
    std::string ciphertext = TRY(encrypt(plain));
    const base::Lock lock(mutex_);
    known_[name] = {plain, ciphertext};
    return ciphertext;
}

base::Result<std::string> Secrets::decrypt_at(const std::string& name, const std::string& ciphertext) {
    std::string plain = TRY(decrypt(ciphertext));
    remember(name, plain, ciphertext);
    return plain;
}

void Secrets::remember(const std::string& name, const std::string& plain, const std::string& ciphertext) {
    const base::Lock lock(mutex_);
    known_[name] = {plain, ciphertext};
}

std::string Secrets::salt_state() const {
    const base::Lock lock(mutex_);
    return salt_state_;
}

}  // namespace deploy
