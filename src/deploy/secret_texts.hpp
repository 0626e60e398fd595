// The texts of secrets: where else they stand, and how they are kept out of what people read.
//
// A secret input comes back in places that are not marked: `tagsAll` holds the tags, an ARN the name, an error message the value
// that was refused. What holds the text of a secret is one.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/mutex.hpp"
#include "deploy/events.hpp"
#include "provider/property.hpp"

namespace deploy {

// The texts and numbers of secrets. Flags are none: they would be found everywhere.
struct SecretTexts {
    // Found anywhere within a text.
    std::set<std::string> parts;
    // Too short or too common for that (`is_telling`): found only as the whole value under the key that the secret stands under
    // (`tagsAll.sec` of the tag `sec`). {key, text}
    std::set<std::pair<std::string, std::string>> wholes;
    [[nodiscard]] bool empty() const { return parts.empty() && wholes.empty(); }
};

// Does finding this text somewhere tell that it came from the secret? It has five characters or more, and is not a word that stands
// in many places by itself: a flag (`false`), the name of a region or partition.
[[nodiscard]] bool is_telling(std::string_view text);
// Of what is a secret within the value, and only of that: of a map with one secret member, that member.
[[nodiscard]] SecretTexts secret_texts(const provider::Property& value);
// Is a telling text (part of) the text? A number is only found where no other digit is beside it: not within an account's number.
[[nodiscard]] bool text_holds_any(std::string_view text, const std::set<std::string>& parts);

// `value` with each part a secret that is one in `like`, or holds the text of one. Maps and lists of one shape are compared member
// by member, so that what stands beside a secret stays in clear; where the shapes differ, the whole is a secret. A whole map that
// is a secret in `like` stays a secret as a whole.
[[nodiscard]] provider::Property with_secrets_of(provider::Property value, const provider::Property& like,
                                                 const SecretTexts& texts);

// Does the id of a resource hold the telling text of one of its secrets (`name` of a role)?
[[nodiscard]] bool has_secret_id(const Resource& resource);

// All secrets that a deployment has met. Safe for several threads.
class KnownSecrets {
public:
    void learn(const provider::Property& value);
    void learn_text(std::string_view text);
    // An id that is made of a secret. SDKs hand ids on as if they were none, so they are looked for everywhere.
    void learn_id(std::string_view id);
    [[nodiscard]] std::set<std::string> ids() const;
    // With `[secret]` in the place of each.
    [[nodiscard]] std::string masked(std::string_view text) const;
    [[nodiscard]] base::Error masked(base::Error error) const;

private:
    mutable base::Mutex mutex_;
    std::set<std::string> texts_ GUARDED_BY(mutex_), ids_ GUARDED_BY(mutex_);
};

// Passes events on without the secrets in their words. (The properties of a step are masked where they are shown: they know what
// is secret.)
class MaskedEvents final : public Events {
public:
    MaskedEvents(Events& next, const KnownSecrets& secrets) : next_(next), secrets_(secrets) {}
    void step(const Step& step) override;
    void diagnostic(const Diagnostic& diagnostic) override;
    void program_line(const std::string& line, bool is_error) override;

private:
    Events& next_;
    const KnownSecrets& secrets_;
};

}  // namespace deploy
