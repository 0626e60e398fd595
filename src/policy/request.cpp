#include "policy/request.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "policy/hash.hpp"

namespace policy {

void Context::put(Entry entry, Conflict conflict) {
    const auto at = std::ranges::lower_bound(entries_, entry.key, {}, &Entry::key);
    if (at == entries_.end() || at->key != entry.key) {
        const auto hash = hash_of(entry.key);
        present_ |= uint64_t{1} << (hash & 63);
        has_ambiguous_ = has_ambiguous_ || entry.ambiguous;
        hashes_.insert(hashes_.begin() + (at - entries_.begin()), hash);
        entries_.insert(at, std::move(entry));
        return;
    }
    if (conflict == Conflict::replace) {
        *at = std::move(entry);
        has_ambiguous_ = std::ranges::any_of(entries_, &Entry::ambiguous);
        return;
    }
    if (*at == entry) return;
    at->ambiguous = has_ambiguous_ = true;
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
    const auto at = std::ranges::find(entries_, base::lower(key), &Entry::key);
    if (at == entries_.end()) return;
    hashes_.erase(hashes_.begin() + (at - entries_.begin()));  // present_ may say more than there is
    entries_.erase(at);
    has_ambiguous_ = std::ranges::any_of(entries_, &Entry::ambiguous);
}

const Context::Entry* Context::find(std::string_view key) const {
    const auto lower = base::lower(key);
    return find(hash_of(lower), lower);
}

void Context::merge(const Context& other) {
    for (const auto& entry : other.entries_) put(entry, Conflict::replace);
}

}  // namespace policy
