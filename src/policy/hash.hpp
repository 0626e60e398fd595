// One fast hash for the engine's look-ups: actions, condition keys, principals. Not against adversaries: whoever finds an equal
// hash still compares the texts, and a collision costs time, never an answer. tools/action_catalogue.py computes the same.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace policy {

[[nodiscard]] inline uint64_t hash_of(std::string_view text) {
    constexpr uint64_t multiplier = 0xff51afd7ed558ccdULL;
    uint64_t hash = 0x9e3779b97f4a7c15ULL ^ text.size();
    const char* at = text.data();
    size_t left = text.size();
    const auto mix = [&](uint64_t word) {
        hash = (hash ^ word) * multiplier;
        hash ^= hash >> 32;
    };
    for (; left >= 8; left -= 8, at += 8) {
        uint64_t word = 0;
        std::memcpy(&word, at, 8);
        mix(word);
    }
    if (left > 0) {
        uint64_t word = 0;
        std::memcpy(&word, at, left);
        mix(word);
    }
    return hash;
}

}  // namespace policy
