#include "deploy/secret_texts.hpp"

#include <algorithm>
#include <vector>

#include "base/mutex.hpp"
#include "base/strings.hpp"
#include "text/json.hpp"

namespace deploy {

using provider::Property;
using Kind = Property::Kind;

namespace {

constexpr size_t part_bytes_min = 5;
constexpr std::string_view mask = "[secret]";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

// `us-east-1`, `us-gov-west-1`: words of letters and a number at the end.
bool is_region(std::string_view text) {
    const std::vector<std::string_view> words = base::split(text, '-');
    if (words.size() < 3 || words.front().size() != 2) return false;
    if (words.back().empty() || words.back().size() > 2 || !std::ranges::all_of(words.back(), is_digit)) return false;
    return std::ranges::all_of(words.begin(), words.end() - 1,
                               [](std::string_view word) { return !word.empty() && std::ranges::all_of(word, is_letter); });
}

// Where `secret` stands in `text`, from `from` on; npos if it does not.
size_t find_part(std::string_view text, std::string_view secret, size_t from) {
    const bool number = std::ranges::all_of(secret, is_digit);
    for (size_t at = text.find(secret, from); at != std::string_view::npos; at = text.find(secret, at + 1)) {
        const size_t end = at + secret.size();
        if (!number || ((at == 0 || !is_digit(text[at - 1])) && (end == text.size() || !is_digit(text[end])))) return at;
    }
    return std::string_view::npos;
}

void collect(const Property& value, std::string_view key, bool in_secret, SecretTexts& texts) {
    in_secret |= value.is(Kind::secret);
    const auto take = [&](std::string text) {
        if (!in_secret || text.empty()) return;
        if (is_telling(text))
            texts.parts.insert(std::move(text));
        else
            texts.wholes.emplace(key, std::move(text));
    };
    if (value.is(Kind::string)) take(value.as_string());
    if (value.is(Kind::number)) take(value.to_json().dump());
    for (const Property& item : value.items()) collect(item, key, in_secret, texts);
    for (const auto& [name, member] : value.members()) collect(member, name, in_secret, texts);
}

// As it stands inside a JSON document.
std::string in_json(const std::string& text) {
    const std::string quoted = text::quote_json(text);
    return quoted.substr(1, quoted.size() - 2);
}

bool holds_any(const Property& value, std::string_view key, const SecretTexts& texts) {
    for (const Property& item : value.items())
        if (holds_any(item, key, texts)) return true;
    for (const auto& [name, member] : value.members())
        if (text_holds_any(name, texts.parts) || holds_any(member, name, texts)) return true;
    if (!value.is(Kind::number))
        return text_holds_any(value.as_string(), texts.parts) || texts.wholes.contains({std::string(key), value.as_string()});
    const std::string number = value.to_json().dump();
    return texts.parts.contains(number) || texts.wholes.contains({std::string(key), number});
}

Property sealed(Property value, std::string_view key, const Property& like, const SecretTexts& texts) {
    if (value.is(Kind::secret)) return value;
    const bool same_shape = value.kind() == like.kind() && value.items().size() == like.items().size();
    if (like.is(Kind::secret) || (like.has_secrets() && !same_shape)) return Property::secret(std::move(value));
    if (!value.is(Kind::array) && !value.is(Kind::object)) {
        // Assets and references are one thing.
        return like.has_secrets() || holds_any(value, key, texts) ? Property::secret(std::move(value)) : value;
    }
    // A key cannot be a secret by itself.
    if (std::ranges::any_of(value.members(), [&](const auto& member) { return text_holds_any(member.first, texts.parts); }))
        return Property::secret(std::move(value));
    for (size_t i = 0; i < value.items().size(); ++i)
        value.items()[i] = sealed(std::move(value.items()[i]), key, same_shape ? like.items()[i] : Property(), texts);
    return with_secrets_of(std::move(value), like, texts);
}

}  // namespace

bool is_telling(std::string_view text) {
    return text.size() >= part_bytes_min && text != "false" && text != "aws-cn" && text != "aws-us-gov" && !is_region(text);
}

SecretTexts secret_texts(const Property& value) {
    SecretTexts texts;
    collect(value, "", false, texts);
    return texts;
}

bool text_holds_any(std::string_view text, const std::set<std::string>& parts) {
    return std::ranges::any_of(parts, [&](const std::string& secret) {
        return find_part(text, secret, 0) != std::string_view::npos ||
               find_part(text, in_json(secret), 0) != std::string_view::npos;
    });
}

Property with_secrets_of(Property value, const Property& like, const SecretTexts& texts) {
    for (auto& [key, member] : value.members())
        if (key != "__defaults") member = sealed(std::move(member), key, like[key], texts);  // names of properties
    return value;
}

bool has_secret_id(const Resource& resource) {
    if (resource.id.empty()) return false;
    return text_holds_any(resource.id, secret_texts(resource.inputs).parts) ||
           text_holds_any(resource.id, secret_texts(resource.outputs).parts);
}

void KnownSecrets::learn_id(std::string_view id) {
    learn_text(id);
    const base::Lock lock(mutex_);
    ids_.emplace(id);
}

std::set<std::string> KnownSecrets::ids() const {
    const base::Lock lock(mutex_);
    return ids_;
}

void KnownSecrets::learn(const Property& value) {
    for (const std::string& text : secret_texts(value).parts) learn_text(text);
}

void KnownSecrets::learn_text(std::string_view text) {
    if (!is_telling(text)) return;
    const base::Lock lock(mutex_);
    texts_.emplace(text);
    // Programs print a text line by line.
    if (text.contains('\n')) texts_.insert(in_json(std::string(text)));
    for (size_t start = 0; text.contains('\n') && start < text.size();) {
        const size_t end = std::min(text.find('\n', start), text.size());
        if (end - start > part_bytes_min && is_telling(text.substr(start, end - start)))
            texts_.emplace(text.substr(start, end - start));
        start = end + 1;
    }
}

std::string KnownSecrets::masked(std::string_view text) const {
    std::string result(text);
    const base::Lock lock(mutex_);
    // The longest first: one secret may be part of another.
    std::vector<std::string_view> order(texts_.begin(), texts_.end());
    std::ranges::sort(order, std::greater<>(), &std::string_view::size);
    for (const std::string_view secret : order)
        for (const std::string& form : {std::string(secret), in_json(std::string(secret))})
            for (size_t at = find_part(result, form, 0); at != std::string::npos; at = find_part(result, form, at + mask.size()))
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
