// What a statement's parts demand of every request that they fit, as small hashes to look statements up by.
//
//   segment      a run of letters and digits in a resource pattern, whole: in `*/runs/00017/*` it is 00017
//   end          the last characters of a pattern that ends in a literal: `*-00017.tar`
//   gram         eight characters in a row of a literal, wherever they are; for literals that hold no whole segment
//   condition    one value of a condition that only equal values fulfil
//   action       an exact action; action_end and action_gram are `end` and `gram` (of four characters) of an action pattern
//
// A term proposes and never decides: two texts with one hash cost time, not an answer. What a pattern's first literal says is in the
// index's trie already.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "policy/context_view.hpp"
#include "policy/hash.hpp"

namespace policy {

enum class TermKind : uint8_t { action, action_end, action_gram, condition, end, segment, gram };

namespace term {

inline constexpr size_t gram_size = 8;
inline constexpr size_t action_gram_size = 4;
inline constexpr size_t end_max = 8;  // characters of an end, at most

[[nodiscard]] inline uint32_t of_word(uint64_t word, uint64_t salt) {
    constexpr uint64_t multiplier = 0x9e3779b97f4a7c15ULL;
    return static_cast<uint32_t>(((word ^ salt) * multiplier) >> 32);
}
[[nodiscard]] inline uint32_t of_gram(const char* at) {
    uint64_t word = 0;
    std::memcpy(&word, at, gram_size);
    return of_word(word, 0);
}
[[nodiscard]] inline uint32_t of_action_gram(const char* at) {
    uint32_t word = 0;
    std::memcpy(&word, at, action_gram_size);
    return of_word(word, 0);
}
// REQUIRES: at most end_max characters.
[[nodiscard]] inline uint32_t of_end(std::string_view text) {
    uint64_t word = 0;
    std::memcpy(&word, text.data(), text.size());
    return of_word(word, text.size() << 56);
}
[[nodiscard]] inline uint32_t of_text(std::string_view text) { return static_cast<uint32_t>(hash_of(text) >> 32); }

// Bytes beyond ASCII are part of segments, so that no character is cut.
[[nodiscard]] inline bool is_in_segment(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || static_cast<unsigned char>(byte - '0') < 10 || static_cast<unsigned char>((byte | 0x20) - 'a') < 26;
}
// Segments of different lengths are never the same; all long ones count as of one.
[[nodiscard]] inline uint8_t length_of_segment(size_t size) { return static_cast<uint8_t>(std::min<size_t>(size, 8)); }
// Calls visit(begin, size) for every segment of a text, until it returns false.
template <class Visit>
void each_segment(std::string_view text, Visit&& visit) {
    for (size_t at = 0; at < text.size();) {
        if (!is_in_segment(text[at])) {
            ++at;
            continue;
        }
        const size_t begin = at;
        while (at < text.size() && is_in_segment(text[at])) ++at;
        if (!visit(begin, at - begin)) return;
    }
}

}  // namespace term

// The request's side: its texts and keys, and the terms of its resource's segments, which are worked out once for all policies.
class RequestTerms {
public:
    // Of more segments, none are kept: such a resource is compared with every pattern.
    static constexpr size_t segments_max = 64;
    struct Segment {
        uint32_t begin;  // in the resource
        uint32_t term;
        uint8_t length;  // length_of_segment
    };

    // What is given must outlive it. `skips_conditions`: every statement is wanted that would apply but for its conditions.
    RequestTerms(std::string_view resource, std::string_view lower_action, uint32_t action_key, const ContextView& context,
                 bool skips_conditions)
        : resource(resource),
          action(lower_action),
          action_key(action_key),
          context(context),
          // In a Deny, a condition on an ambiguous key counts as one that holds (R81).
          skips_conditions(skips_conditions || context.has_ambiguous()) {}

    const std::string_view resource;
    const std::string_view action;
    const uint32_t action_key;
    const ContextView& context;
    const bool skips_conditions;

    // In the order of the resource; nothing if there are too many.
    [[nodiscard]] bool has_segments() {
        if (!are_segments_known_) find_segments();
        return !has_too_many_;
    }
    [[nodiscard]] std::span<const Segment> segments() const { return std::span(segments_).first(segment_count_); }

    // Of the one value of a key: an entry of the context.
    [[nodiscard]] uint32_t term_of(const ContextView::Entry& entry) {
        for (const auto& [known, term] : values_)
            if (known == &entry) return term;
        auto& [known, term] = values_[next_value_++ % values_.size()];
        known = &entry;
        return term = term::of_text(entry.values.front());
    }

private:
    void find_segments();

    std::array<Segment, segments_max> segments_;  // as many as segment_count_
    size_t segment_count_ = 0;
    bool are_segments_known_ = false, has_too_many_ = false;
    struct Value {
        const ContextView::Entry* of = nullptr;
        uint32_t term = 0;
    };
    std::array<Value, 2> values_;
    size_t next_value_ = 0;
};

}  // namespace policy
