// Strings that match some patterns and do not match others: is there one, and which is the shortest?
//
// Patterns are sequences of tokens over Unicode characters. The search walks the product of their position automata, built on demand: a state is the
// set of places that the patterns may have got to. What is found is read by people and sent to servers, so characters that no pattern names are
// lower-case letters where those will do.
//
// Exact for text that is valid UTF-8, which is all that policies, ARNs and S3 keys can hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace proof {

// Which characters a wildcard, or a variable part of an ARN format, takes.
enum class Characters : uint8_t {
    all,
    no_colon,  // inside a segment of an ARN
    edge,      // of a bucket's name: A-Z a-z 0-9 _; buckets made before March 2018 may have capitals and _
    bucket,    // within a bucket's name: those and - .
    name,      // IAM's names: A-Z a-z 0-9 + = , . @ - _
    path,      // of IAM's paths and names: U+0021 to U+007E, but for the colon (README)
    no_slash,
    digit,
    printable,  // U+0020 and up
};
[[nodiscard]] bool is_in(char32_t character, Characters set);

struct Token {
    // folded: a literal in either case (ASCII). one: a character of the set. star: any number of them.
    enum class Kind : uint8_t { literal, folded, one, star };
    Kind kind = Kind::literal;
    Characters set = Characters::all;
    char32_t character = 0;
    bool operator==(const Token&) const = default;
};
using Tokens = std::vector<Token>;

// Appends the characters of valid UTF-8 as literals (`folded`: in either case). Bytes that are none stand for themselves and match no text.
void add_literal(Tokens& tokens, std::string_view text, bool folded = false);
void add_wildcard(Tokens& tokens, Token::Kind kind, Characters set = Characters::all);
// `*` and `?` of any character; the rest literal.
[[nodiscard]] Tokens glob_tokens(std::string_view pattern);

// What a string must do: match one of these patterns at least, or none of them.
struct Constraint {
    std::vector<const Tokens*> patterns;
    bool wanted = true;
};

struct FoundText {
    enum class Kind : uint8_t { found, none, too_many_states };
    Kind kind = Kind::none;
    std::string text;   // UTF-8
    size_t states = 0;  // that were looked at
};

// What many questions may cost together: places of patterns that are left by a character. (Nothing here reads a clock.)
struct Work {
    size_t left = 0;
    bool spend(size_t steps) {  // is there as much?
        const bool enough = left >= steps;
        left = enough ? left - steps : 0;
        return enough;
    }
};

// The shortest string that keeps every constraint. `states_max`: of the automaton; `work`: nullptr: what they cost.
[[nodiscard]] FoundText find_text(std::span<const Constraint> constraints, size_t states_max, Work* work = nullptr);

// Does the text match?
[[nodiscard]] bool matches(const Tokens& tokens, std::string_view text);

// A place in one of several patterns that are followed together, and a set of them: a state of their automaton.
struct PatternPlace {
    uint32_t pattern, place;
    bool operator==(const PatternPlace&) const = default;
};
using PatternPlaces = std::vector<PatternPlace>;
struct PatternPlacesHash {
    size_t operator()(const PatternPlaces& state) const {
        uint64_t hash = 14695981039346656037u;
        for (const auto& [pattern, place] : state)
            hash = (hash ^ (uint64_t{pattern} << 32 | place)) * 0x9E3779B97F4A7C15u, hash ^= hash >> 29;
        return hash;
    }
};

}  // namespace proof
