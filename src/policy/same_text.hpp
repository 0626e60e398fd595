// Comparing texts, inline: what the engine does most. A call of memcmp costs more than comparing these few words.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace policy {

[[nodiscard]] inline bool begins_with(std::string_view text, std::string_view prefix) {
    if (text.size() < prefix.size()) return false;
    const auto same = [](const char* a, const char* b, auto word) {
        auto other = word;
        std::memcpy(&word, a, sizeof word);
        std::memcpy(&other, b, sizeof other);
        return word == other;
    };
    const char *a = text.data(), *b = prefix.data();
    const auto size = prefix.size();
    if (size >= 8) {  // the last word first, where ARNs differ; it may overlap the one before
        if (!same(a + size - 8, b + size - 8, uint64_t{})) return false;
        for (size_t at = 0; at + 8 < size; at += 8)
            if (!same(a + at, b + at, uint64_t{})) return false;
        return true;
    }
    if (size >= 4) return same(a, b, uint32_t{}) && same(a + size - 4, b + size - 4, uint32_t{});
    for (size_t at = 0; at < size; ++at)
        if (a[at] != b[at]) return false;
    return true;
}

[[nodiscard]] inline bool same_text(std::string_view a, std::string_view b) { return a.size() == b.size() && begins_with(a, b); }

}  // namespace policy
