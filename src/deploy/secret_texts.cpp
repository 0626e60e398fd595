#include "deploy/secret_texts.hpp"

#include <algorithm>
#include <vector>

#include "text/json.hpp"

namespace deploy {

using provider::Property;
using Kind = Property::Kind;

namespace {

// Shorter ones would be found in every other word.
constexpr size_t part_bytes_min = 3;
constexpr std::string_view mask = "[secret]";

void collect(const Property& value, bool in_secret, std::set<std::string>& texts) {
    in_secret |= value.is(Kind::secret);
    if (in_secret && value.is(Kind::string) && !value.as_string().empty()) texts.insert(value.as_string());
    if (in_secret && value.is(Kind::number)) texts.insert(value.to_json().dump());
    for (const Property& item : value.items()) collect(item, in_secret, texts);
    for (const auto& [key, member] : value.members()) collect(member, in_secret, texts);
}

// As it stands inside a JSON document.
std::string in_json(const std::string& text) {
    const std::string quoted = text::quote_json(text);
    return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

std::set<std::string> secret_texts(const Property& value) {
    std::set<std::string> texts;
    collect(value, false, texts);
    return texts;
}

bool text_holds_any(std::string_view text, const std::set<std::string>& texts) {
    return std::ranges::any_of(texts, [&](const std::string& secret) {
        if (text == secret) return true;
        return secret.size() >= part_bytes_min && (text.contains(secret) || text.contains(in_json(secret)));
    });
}

bool holds_any(const Property& value, const std::set<std::string>& texts) {
    if (texts.empty()) return false;
    if (value.is(Kind::number)) return texts.contains(value.to_json().dump());
    if (text_holds_any(value.as_string(), texts)) return true;
    return std::ranges::any_of(value.items(), [&](const Property& item) { return holds_any(item, texts); }) ||
           std::ranges::any_of(value.members(), [&](const auto& member) {
               return text_holds_any(member.first, texts) || holds_any(member.second, texts);
           });
}

bool has_secret_id(const Resource& resource) {
    if (resource.id.empty()) return false;
    return text_holds_any(resource.id, secret_texts(resource.inputs)) ||
           text_holds_any(resource.id, secret_texts(resource.outputs));
}

void KnownSecrets::learn_id(std::string_view id) {
    learn_text(id);
    const std::lock_guard lock(mutex_);
    ids_.emplace(id);
}

bool KnownSecrets::holds_id(const Property& value) const {
    const std::lock_guard lock(mutex_);
    return holds_any(value, ids_);
}

void KnownSecrets::learn(const Property& value) {
    for (const std::string& text : secret_texts(value)) learn_text(text);
}

void KnownSecrets::learn_text(std::string_view text) {
    if (text.size() < part_bytes_min) return;
    const std::lock_guard lock(mutex_);
    texts_.emplace(text);
    // Programs print a text line by line.
    if (text.contains('\n')) texts_.insert(in_json(std::string(text)));
    for (size_t start = 0; text.contains('\n') && start < text.size();) {
        const size_t end = std::min(text.find('\n', start), text.size());
        if (end - start >= part_bytes_min * 2) texts_.emplace(text.substr(start, end - start));
        start = end + 1;
    }
}

std::string KnownSecrets::masked(std::string_view text) const {
    std::string result(text);
    const std::lock_guard lock(mutex_);
    // The longest first: one secret may be part of another.
    std::vector<std::string_view> order(texts_.begin(), texts_.end());
    std::ranges::sort(order, std::greater<>(), &std::string_view::size);
    for (const std::string_view secret : order)
        for (const std::string& form : {std::string(secret), in_json(std::string(secret))})
            for (size_t at = result.find(form); at != std::string::npos; at = result.find(form, at + mask.size()))
                result.replace(at, form.size(), mask);
    return result;
}

base::Error KnownSecrets::masked(base::Error error) const {
    error.message = masked(error.message);
    for (std::string& note : error.notes) note = masked(note);
    return error;
}

void MaskedEvents::step(const Step& step) {
    Step shown = step;
    shown.id = secrets_.masked(step.id);
    if (shown.error) shown.error = secrets_.masked(*shown.error);
    next_.step(shown);
}

void MaskedEvents::diagnostic(const Diagnostic& diagnostic) {
    Diagnostic shown = diagnostic;
    shown.message = secrets_.masked(diagnostic.message);
    for (std::string& note : shown.notes) note = secrets_.masked(note);
    next_.diagnostic(shown);
}

void MaskedEvents::program_line(const std::string& line, bool is_error) { next_.program_line(secrets_.masked(line), is_error); }

}  // namespace deploy
