// The texts of secrets: where else they stand, and how they are kept out of what people read.
//
// A secret input comes back in places that nobody marked: `tagsAll` holds the tags, an ARN the name, an error message the value
// that was refused. What holds the text of a secret is one.
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "deploy/events.hpp"
#include "provider/property.hpp"

namespace deploy {

// The texts and numbers within the secrets of a value. Flags are none: they would be found everywhere.
[[nodiscard]] std::set<std::string> secret_texts(const provider::Property& value);
// Is one of the texts (part of) a text in the value, or one of its numbers? Texts of one or two characters only count as a whole.
[[nodiscard]] bool holds_any(const provider::Property& value, const std::set<std::string>& texts);
[[nodiscard]] bool text_holds_any(std::string_view text, const std::set<std::string>& texts);

// Is the id of a resource made of one of its secrets (`name` of a role)?
[[nodiscard]] bool has_secret_id(const Resource& resource);

// All secrets that a deployment has met. Safe for several threads.
class KnownSecrets {
public:
    void learn(const provider::Property& value);
    void learn_text(std::string_view text);
    // An id that is made of a secret. SDKs hand ids on as if they were none, so they are looked for everywhere.
    void learn_id(std::string_view id);
    [[nodiscard]] bool holds_id(const provider::Property& value) const;
    // With `[secret]` in the place of each.
    [[nodiscard]] std::string masked(std::string_view text) const;
    [[nodiscard]] base::Error masked(base::Error error) const;

private:
    mutable std::mutex mutex_;
    std::set<std::string> texts_, ids_;
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
