#include "policy/request.hpp"

#include <algorithm>

#include "base/strings.hpp"

namespace policy {

namespace {

// Entries stay sorted by key, so that lookups do not walk every key of the request.
auto place(std::vector<Context::Entry>& entries, std::string_view lower_key) {
    return std::ranges::lower_bound(entries, lower_key, {}, [](const Context::Entry& e) -> std::string_view { return e.key; });
}

void put(std::vector<Context::Entry>& entries, Context::Entry entry) {
    const auto at = place(entries, entry.key);
    if (at != entries.end() && at->key == entry.key)
        *at = std::move(entry);
    else
        entries.insert(at, std::move(entry));
}

}  // namespace

void Context::set(std::string_view key, std::string value) {
    Entry entry{base::lower(key), {}, false};
    entry.values.push_back(std::move(value));
    put(entries_, std::move(entry));
}

void Context::set_list(std::string_view key, std::vector<std::string> values) {
    put(entries_, Entry{base::lower(key), std::move(values), true});
}

const Context::Entry* Context::find(std::string_view key) const {
    // The engine asks in lower case; others may not.
    const auto upper = std::ranges::any_of(key, [](char c) { return c >= 'A' && c <= 'Z'; });
    if (upper) return find(base::lower(key));
    const auto at = std::ranges::lower_bound(entries_, key, {}, [](const Entry& e) -> std::string_view { return e.key; });
    return at != entries_.end() && at->key == key ? &*at : nullptr;
}

void Context::merge(const Context& other) {
    for (const auto& entry : other.entries_) put(entries_, entry);
}

}  // namespace policy
