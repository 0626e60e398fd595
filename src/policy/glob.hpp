// Patterns: `*` (any run of characters, none included, `/`, `:` and newlines too), `?` (one character), policy variables.
//
//   pattern  = { literal | "*" | "?" | "${*}" | "${?}" | "${$}" | "${" key [ ", '" default "'" ] "}" }
//
// Source: IAM User Guide, "IAM JSON policy elements: Variables and tags"; SEMANTICS R57, R64-R70.
//
// A value that is put in for a variable is literal: a tag value `*` is a star, not a wildcard (R69). A variable whose key is
// absent and has no default makes the pattern match nothing (R68); so does a key with a list of values (R70).
// In the first five segments of a resource ARN, `?` and a `*` that does not end its segment stay inside it; a `*` that ends
// its segment runs past the colon (R41).
// Matching never recurses and steps back only to the last `*`: pattern length times text length at the very worst, and
// memchr speed on what people write.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/request.hpp"

namespace policy {

struct PatternPiece {
    enum class Kind : uint8_t { literal, one, any, one_inside, any_inside, variable };  // …_inside: no colons
    Kind kind = Kind::literal;
    std::string text;                     // the literal, or the variable's key in lower case
    std::optional<std::string> fallback;  // the variable's default
};

class Pattern {
public:
    struct Syntax {
        bool wildcards = true;
        bool variables = false;     // documents of Version 2012-10-17 only (R65)
        bool resource_arn = false;  // variables only after the fifth colon (R64), wildcards by R41 before it
    };
    // nullopt for a variable that is not closed or names no key.
    [[nodiscard]] static std::optional<Pattern> compile(std::string_view text, Syntax syntax);

    // Wildcards only: cannot fail.
    [[nodiscard]] static Pattern glob(std::string_view text);

    [[nodiscard]] bool matches(std::string_view text, const Context& context) const;
    // Six segments against six segments; a wildcard does not leave its segment (R59).
    [[nodiscard]] bool matches_arn(std::string_view arn, const Context& context) const;
    // The text of a pattern whose pieces are literals and variables; nullopt if a variable has no value.
    [[nodiscard]] std::optional<std::string> expand(const Context& context) const;

    [[nodiscard]] bool has_variables() const { return shape_ == Shape::variables; }
    [[nodiscard]] bool is_everything() const { return shape_ == Shape::everything; }
    [[nodiscard]] const std::vector<PatternPiece>& pieces() const { return pieces_; }

private:
    enum class Shape : uint8_t { everything, exact, prefix, general, segments, variables };
    std::vector<PatternPiece> pieces_;
    Shape shape_ = Shape::exact;
    bool inside_ = false;  // has pieces that do not match colons
};

}  // namespace policy
