#include "identity/master_keys.hpp"

#include <algorithm>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "crypto/digest.hpp"
#include "text/time.hpp"

namespace identity {
namespace {

constexpr std::string_view former_word = "former", tokens_word = "tokens", until_word = "until", ended_word = "sessions-ended";

int digit_of(char c) {
    const char l = base::lower(c);
    return l >= '0' && l <= '9' ? l - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

// 32 bytes, not all zero.
std::optional<std::string> read_key(std::string_view text) {
    if (text.size() != 2 * master_key_bytes) return std::nullopt;
    std::string key;
    for (size_t i = 0; i < text.size(); i += 2) {
        const int high = digit_of(text[i]), low = digit_of(text[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        key += static_cast<char>(high * 16 + low);
    }
    if (std::ranges::all_of(key, [](char c) { return c == '\0'; })) return std::nullopt;
    return key;
}

std::unexpected<base::Error> not_keys() {
    return base::fail(base::Error(base::code::MasterKeyWrong, "does not hold a master key")
                          .note("it must hold 64 hexadecimal digits, not all zero, on its first line"));
}

}  // namespace

std::string to_text(const MasterKeys& keys) {
    std::string out = crypto::hex(keys.current) + "\n";
    for (const auto& former : keys.former)
        out += std::string(former_word) + " " + crypto::hex(former.key) +
               (former.sessions_ended ? " " + std::string(ended_word) : "") + "\n";
    for (const auto& tokens : keys.tokens)
        out += std::string(tokens_word) + " " + crypto::hex(tokens.keys.token) + " " + crypto::hex(tokens.keys.secret) + " " +
               std::string(until_word) + " " + text::iso8601(tokens.until) + "\n";
    return out;
}

base::Result<MasterKeys> read_master_keys(std::string_view text) {
    MasterKeys keys;
    for (const std::string_view line : base::split(base::trim(text), '\n')) {
        std::vector<std::string_view> words;
        for (const std::string_view word : base::split(base::trim(line), ' '))
            if (!word.empty()) words.push_back(word);
        const auto key = [&words](size_t at) { return at < words.size() ? read_key(words[at]) : std::nullopt; };
        if (keys.current.empty()) {
            const auto current = key(0);
            if (!current || words.size() != 1) return not_keys();
            keys.current = *current;
            continue;
        }
        if (words.empty()) continue;
        const auto first = key(1);
        const bool ended = words.size() == 3 && words[2] == ended_word;
        if (words[0] == former_word && first && (words.size() == 2 || ended)) {
            keys.former.push_back({*first, ended});
            continue;
        }
        const auto second = key(2);
        const auto until = words.size() == 5 ? text::parse_iso8601(words[4]) : std::nullopt;
        if (words[0] != tokens_word || !first || !second || words.size() != 5 || words[3] != until_word || !until)
            return not_keys();
        keys.tokens.push_back({{*first, *second}, *until});
    }
    if (keys.current.empty()) return not_keys();
    return keys;
}

base::Result<MasterKeys> rotated(const MasterKeys& keys, std::string next, bool end_sessions) {
    if (!keys.former.empty())
        return base::fail(base::code::RotationInProgress,
                          "an earlier rotation of the master key is not done: records are still being sealed anew");
    if (!end_sessions && keys.tokens.size() >= former_tokens_max)
        return base::fail(base::code::TooManyRequests,
                          "the master key was rotated " + std::to_string(keys.tokens.size()) +
                              " times within the life of a session token; wait, or end the sessions");
    MasterKeys out{.current = std::move(next), .former = {{keys.current, end_sessions}}, .tokens = {}};
    if (!end_sessions) out.tokens = keys.tokens;
    return out;
}

MasterKeys resealed(const MasterKeys& keys, base::Time now) {
    MasterKeys out{.current = keys.current, .former = {}, .tokens = keys.tokens};
    for (const auto& former : keys.former)
        if (!former.sessions_ended) out.tokens.push_back({derive_session_keys(former.key), now + tokens_live_max});
    return without_expired(out, now);
}

MasterKeys without_expired(const MasterKeys& keys, base::Time now) {
    MasterKeys out = keys;
    std::erase_if(out.tokens, [now](const MasterKeys::Tokens& tokens) { return tokens.until <= now; });
    return out;
}

}  // namespace identity
