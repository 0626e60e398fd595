#include "policy/request.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "policy/hash.hpp"

namespace policy {

void Context::put(Entry entry) {
    const auto at = std::ranges::lower_bound(entries_, entry.key, {}, &Entry::key);
    if (at != entries_.end() && at->key == entry.key) {
        *at = std::move(entry);
        return;
    }
    const auto hash = hash_of(entry.key);
    present_ |= uint64_t{1} << (hash & 63);
    hashes_.insert(hashes_.begin() + (at - entries_.begin()), hash);
    entries_.insert(at, std::move(entry));
}

void Context::set(std::string_view key, std::string value) {
    Entry entry{base::lower(key), {}, false};
    entry.values.push_back(std::move(value));
    put(std::move(entry));
}

void Context::set_list(std::string_view key, std::vector<std::string> values) {
    put(Entry{base::lower(key), std::move(values), true});
}

const Context::Entry* Context::find(std::string_view key) const {
    const auto lower = base::lower(key);
    return find(hash_of(lower), lower);
}

void Context::merge(const Context& other) {
    for (const auto& entry : other.entries_) put(entry);
}

}  // namespace policy
