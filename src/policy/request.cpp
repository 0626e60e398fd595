#include "policy/request.hpp"

#include <algorithm>
#include <utility>

#include "base/strings.hpp"
#include "policy/hash.hpp"

namespace policy {

Context::Keys& Context::own() {
    if (shared_) {
        own_ = *shared_;
        shared_.reset();
    }
    return own_;
}

void Context::share() {
    if (!shared_) shared_ = std::make_shared<const Keys>(std::exchange(own_, {}));
}

void Context::put(Entry entry, Conflict conflict) {
    auto& [entries, hashed, present, has_ambiguous] = own();
    const auto at = std::ranges::lower_bound(entries, entry.key, {}, &Entry::key);
    if (at == entries.end() || at->key != entry.key) {
        const auto hash = hash_of(entry.key);
        const auto place = static_cast<uint32_t>(at - entries.begin());
        for (Hashed& one : hashed) one.entry += one.entry >= place ? 1 : 0;
        const auto bucket = [](const Hashed& one) { return one.hash & 63; };
        hashed.insert(std::ranges::upper_bound(hashed, hash & 63, {}, bucket), {hash, place});
        present |= uint64_t{1} << (hash & 63);
        has_ambiguous = has_ambiguous || entry.ambiguous;
        entries.insert(at, std::move(entry));
        return;
    }
    if (conflict == Conflict::replace) {
        *at = std::move(entry);
        has_ambiguous = std::ranges::any_of(entries, &Entry::ambiguous);
        return;
    }
    if (*at == entry) return;
    at->ambiguous = has_ambiguous = true;
    at->values.insert(at->values.end(), entry.values.begin(), entry.values.end());
}

void Context::set(std::string_view key, std::string value) {
    Entry entry{.key = base::lower(key)};
    entry.values.push_back(std::move(value));
    put(std::move(entry), Conflict::ambiguous);
}

void Context::set_list(std::string_view key, std::vector<std::string> values) {
    put(Entry{.key = base::lower(key), .values = std::move(values), .multivalued = true}, Conflict::ambiguous);
}

void Context::replace(std::string_view key, std::string value) {
    Entry entry{.key = base::lower(key)};
    entry.values.push_back(std::move(value));
    put(std::move(entry), Conflict::replace);
}

void Context::erase(std::string_view key) {
    const std::string lower = base::lower(key);
    if (find(hash_of(lower), lower) == nullptr) return;
    auto& [entries, hashed, present, has_ambiguous] = own();
    const auto at = std::ranges::find(entries, lower, &Entry::key);
    const auto place = static_cast<uint32_t>(at - entries.begin());
    std::erase_if(hashed, [&](const Hashed& one) { return one.entry == place; });
    present = 0;
    for (Hashed& one : hashed) {
        one.entry -= one.entry > place ? 1 : 0;
        present |= uint64_t{1} << (one.hash & 63);
    }
    entries.erase(at);
    has_ambiguous = std::ranges::any_of(entries, &Entry::ambiguous);
}

const Context::Entry* Context::find(std::string_view key) const {
    const auto lower = base::lower(key);
    return find(hash_of(lower), lower);
}

void Context::merge(const Context& other) {
    for (const auto& entry : other.entries()) put(entry, Conflict::replace);
}

}  // namespace policy
