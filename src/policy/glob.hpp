// Patterns: `*` (any run of characters, none included, `/`, `:` and newlines too), `?` (one character), policy variables.
//
//   pattern  = { literal | "*" | "?" | "${*}" | "${?}" | "${$}" | "${" key [ ", '" default "'" ] "}" }
//
// Source: IAM User Guide, "IAM JSON policy elements: Variables and tags"; SEMANTICS R57, R64-R70.
//
// A value that is put in for a variable is literal: a tag value `*` is a star, not a wildcard (R69). A variable whose key is
// absent and has no default makes the pattern match nothing (R68); so does a key with a list of values (R70). One whose key is
// ambiguous stands for any text: only a Deny asks (R81).
// In the first five segments of a resource ARN, `?` and a `*` that does not end its segment stay inside it; a `*` that ends
// its segment runs past the colon (R41). In ARN conditions no wildcard leaves its segment (R59).
//
// Compiled patterns are a few words that point into a pool, which is the policy's: no pattern owns memory, and matching neither
// allocates nor recurses. It steps back to the last `*` only (and, where wildcards stop at colons, to the last one that does
// not): the text's length times the pattern's at the very worst, memchr speed on what people write.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/context_view.hpp"
#include "policy/same_text.hpp"
#include "policy/table.hpp"

namespace policy {

// A range of characters in the pool.
struct Text {
    uint32_t at = 0, size = 0;
};

struct PatternPiece {
    enum class Kind : uint8_t { literal, one, any, one_inside, any_inside, variable };  // …_inside: no colons
    Kind kind = Kind::literal;
    Text text;  // of a literal; of a variable, `at` is its place among the variables
};

struct PatternVariable {
    uint64_t key_hash = 0;
    Text key;  // lower case
    Text fallback;
    bool has_fallback = false;
};

struct Pattern {
    // prefix: `literal*`. arn_…: no wildcard leaves the first five segments, and there must be six.
    enum class Shape : uint8_t { nothing, everything, exact, prefix, general, arn, variables, arn_variables };
    Shape shape = Shape::nothing;
    bool inside = false;  // has pieces that do not match colons
    // exact, prefix: characters. Otherwise pieces: the first, and how many.
    Text where;

    [[nodiscard]] bool is_everything() const { return shape == Shape::everything; }
    [[nodiscard]] bool has_variables() const { return shape == Shape::variables || shape == Shape::arn_variables; }
};

// Where compiled patterns find their parts.
struct PatternTables {
    const char* characters = nullptr;
    Rows<PatternPiece> pieces;
    Rows<PatternVariable> variables;

    [[nodiscard]] std::string_view text(Text range) const { return {characters + range.at, range.size}; }
    // What every match begins with.
    [[nodiscard]] Text literal_prefix(const Pattern& pattern) const;
};

// The same while a policy is being compiled.
class PatternPool {
public:
    enum class Wildcards : uint8_t { none, all, resource_arn, arn };
    struct Syntax {
        Wildcards wildcards = Wildcards::all;
        bool variables = false;  // documents of Version 2012-10-17 only (R65); in resource ARNs after the fifth colon (R64)
        bool changed = false;    // not as it stands in the document: no need to look for it there
    };
    // nullopt for a variable that is not closed or names no key.
    [[nodiscard]] std::optional<Pattern> compile(std::string_view text, Syntax syntax);
    [[nodiscard]] Text add(std::string_view text, bool changed = false);
    // The document that is being compiled: it is kept anyway, so what stands in it word for word is not stored again.
    void begin(std::string_view document);
    [[nodiscard]] PatternTables tables() const { return {characters.data(), pieces, variables}; }

    std::string characters;
    std::vector<PatternPiece> pieces;
    std::vector<PatternVariable> variables;

private:
    [[nodiscard]] std::optional<PatternPiece> compile_variable(std::string_view inside);
    [[nodiscard]] std::optional<Text> find_in_document(std::string_view text);

    size_t document_size_ = 0;
    size_t reading_ = 0;  // how far into the document the compiler is, about
};

// For patterns of several pieces.
[[nodiscard]] bool matches_pieces(const Pattern& pattern, const PatternTables& tables, std::string_view text,
                                  const ContextView& context);

[[nodiscard]] inline bool matches(const Pattern& pattern, const PatternTables& tables, std::string_view text,
                                  const ContextView& context) {
    switch (pattern.shape) {
        case Pattern::Shape::nothing:
            return false;
        case Pattern::Shape::everything:
            return true;
        case Pattern::Shape::exact:
            return same_text(text, tables.text(pattern.where));
        case Pattern::Shape::prefix:
            return begins_with(text, tables.text(pattern.where));
        default:
            return matches_pieces(pattern, tables, text, context);
    }
}

// Has it a variable whose key is ambiguous?
[[nodiscard]] bool names_ambiguous(const Pattern& pattern, const PatternTables& tables, const ContextView& context);

// For patterns without wildcards: their text, variables filled in, is `text` but for case.
[[nodiscard]] bool equals_ignoring_case(const Pattern& pattern, const PatternTables& tables, std::string_view text,
                                        const ContextView& context);

// A pattern of `*` and `?` alone, uncompiled.
[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace policy
