#include "policy/glob.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/strings.hpp"
#include "policy/hash.hpp"

namespace policy {

namespace {

using Kind = PatternPiece::Kind;
using Shape = Pattern::Shape;

constexpr auto npos = std::string_view::npos;
constexpr int head_colons = 5;  // an ARN's: what follows them is the resource

size_t character_bytes(std::string_view text, size_t at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    return std::min(length, text.size() - at);
}

constexpr size_t short_needle = 16;

// A needle of at most `short_needle` characters, by its first character.
size_t find_by_first(std::string_view text, std::string_view needle, size_t from) {
    while (from + needle.size() <= text.size()) {
        const auto* first =
            static_cast<const char*>(std::memchr(text.data() + from, needle[0], text.size() - needle.size() + 1 - from));
        if (!first) return npos;
        from = static_cast<size_t>(first - text.data());
        if (begins_with(text.substr(from), needle)) return from;
        ++from;
    }
    return npos;
}

#if defined(__SSE2__)
// The same by its first character and its last, at sixteen places at a time; the last sixteen may be asked a second time.
size_t find_short(std::string_view text, std::string_view needle, size_t from) {
    constexpr size_t block = 16;
    const size_t asked = block + needle.size() - 1;  // characters
    if (text.size() < from + asked) {
        if (text.size() < asked) return find_by_first(text, needle, from);
        if (from + needle.size() > text.size()) return npos;
    }
    const auto first = _mm_set1_epi8(needle.front()), last = _mm_set1_epi8(needle.back());
    const auto load = [&](size_t place) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + place)); };
    const size_t last_block = text.size() - asked;
    for (size_t at = std::min(from, last_block);; at = std::min(at + block, last_block)) {
        const auto both = _mm_and_si128(_mm_cmpeq_epi8(load(at), first), _mm_cmpeq_epi8(load(at + needle.size() - 1), last));
        for (auto places = static_cast<unsigned>(_mm_movemask_epi8(both)); places != 0; places &= places - 1) {
            const auto place = at + static_cast<size_t>(std::countr_zero(places));
            if (place >= from && begins_with(text.substr(place), needle)) return place;
        }
        if (at == last_block) return npos;
    }
}
#else
size_t find_short(std::string_view text, std::string_view needle, size_t from) { return find_by_first(text, needle, from); }
#endif

// Linear for every needle: memmem is, but takes a while to start.
size_t find(std::string_view text, std::string_view needle, size_t from) {
    if (needle.empty()) return from <= text.size() ? from : npos;
    if (needle.size() <= short_needle) return find_short(text, needle, from);
    if (from > text.size()) return npos;
    const auto* found = static_cast<const char*>(memmem(text.data() + from, text.size() - from, needle.data(), needle.size()));
    return found ? static_cast<size_t>(found - text.data()) : npos;
}

bool is_ambiguous(const PatternPiece& piece, const PatternTables& tables, const ContextView& context) {
    if (piece.kind != Kind::variable) return false;
    const auto& variable = tables.variables[piece.text.at];
    const auto* entry = context.find(variable.key_hash, tables.text(variable.key));
    return entry && entry->ambiguous;
}

// The pieces of a pattern as the matcher sees them: variables are literals, ambiguous ones `*`.
struct Pieces {
    std::span<const PatternPiece> all;
    const PatternTables& tables;
    const ContextView& context;
    size_t head = 0;  // wildcards among the first `head` pieces stay inside their segment

    [[nodiscard]] size_t size() const { return all.size(); }
    [[nodiscard]] bool is_any(size_t i) const {
        return all[i].kind == Kind::any || all[i].kind == Kind::any_inside ||
               (all[i].kind == Kind::variable && context.has_ambiguous() && is_ambiguous(all[i], tables, context));
    }
    [[nodiscard]] bool is_one(size_t i) const { return all[i].kind == Kind::one || all[i].kind == Kind::one_inside; }
    [[nodiscard]] bool is_inside(size_t i) const {
        return i < head || all[i].kind == Kind::any_inside || all[i].kind == Kind::one_inside;
    }
    [[nodiscard]] std::string_view literal(size_t i) const {
        if (all[i].kind == Kind::literal) return tables.text(all[i].text);
        const auto& variable = tables.variables[all[i].text.at];
        const auto* entry = context.find(variable.key_hash, tables.text(variable.key));
        return entry && !entry->values.empty() ? std::string_view(entry->values.front()) : tables.text(variable.fallback);
    }
    // Has every variable one value?
    [[nodiscard]] bool resolved() const {
        return std::ranges::all_of(all, [&](const PatternPiece& piece) {
            if (piece.kind != Kind::variable) return true;
            const auto& variable = tables.variables[piece.text.at];
            const auto* entry = context.find(variable.key_hash, tables.text(variable.key));
            if (entry && entry->ambiguous) return true;
            if (entry && !entry->values.empty()) return !entry->multivalued && entry->values.size() == 1;
            return variable.has_fallback;
        });
    }
    // The pieces before the fifth colon; nullopt if there are fewer colons. Colons of variables' values count.
    [[nodiscard]] std::optional<size_t> head_pieces() const {
        int colons = 0;
        for (size_t i = 0; i < all.size(); ++i) {
            if (is_any(i) || is_one(i)) continue;
            colons += static_cast<int>(std::ranges::count(literal(i), ':'));
            if (colons >= head_colons) return i;
        }
        return std::nullopt;
    }
};

// A `*` that the search may come back to: the piece after it, and where in the text that was last tried.
struct Star {
    size_t piece = npos, at = 0;
};

// Moves a star's tail to the next place worth trying; false if there is none.
bool advance(Star& star, const Pieces& pieces, std::string_view text, bool inside) {
    if (star.at >= text.size() || (inside && text[star.at] == ':')) return false;
    auto next = star.at + character_bytes(text, star.at);
    if (star.piece < pieces.size() && !pieces.is_any(star.piece) && !pieces.is_one(star.piece)) {
        const auto found = find(text, pieces.literal(star.piece), next);
        if (found == npos) return false;
        if (inside && text.substr(next, found - next).find(':') != npos) return false;
        next = found;
    }
    star.at = next;
    return true;
}

bool match(const Pieces& pieces, std::string_view text) {
    size_t piece = 0, at = 0;
    Star wide, narrow;  // the last `*` that crosses colons; the last one after it that does not
    while (true) {
        bool fits = false;
        if (piece == pieces.size()) {
            if (at == text.size()) return true;
        } else if (pieces.is_any(piece)) {
            const bool inside = pieces.is_inside(piece);
            if (!inside && piece + 1 == pieces.size()) return true;
            ++piece;
            if (inside)
                narrow = {piece, at};
            else
                wide = {piece, at}, narrow = {};
            fits = true;
        } else if (pieces.is_one(piece)) {
            fits = at < text.size() && !(pieces.is_inside(piece) && text[at] == ':');
            if (fits) at += character_bytes(text, at), ++piece;
        } else {
            const auto literal = pieces.literal(piece);
            if (piece + 1 == pieces.size() && wide.piece == piece)  // `*literal` at the end: only the end will do
                return text.size() - at >= literal.size() && text.ends_with(literal);
            fits = begins_with(text.substr(at), literal);
            if (fits) at += literal.size(), ++piece;
        }
        if (fits) continue;
        if (narrow.piece != npos && advance(narrow, pieces, text, true)) {
            piece = narrow.piece, at = narrow.at;
            continue;
        }
        narrow = {};
        if (wide.piece == npos || !advance(wide, pieces, text, false)) return false;
        piece = wide.piece, at = wide.at;
    }
}

// The `}` that ends a variable: one inside the quotes of a default does not.
size_t closing_brace(std::string_view text, size_t from) {
    bool quoted = false;
    for (size_t at = from; at < text.size(); ++at) {
        if (text[at] == '\'') quoted = !quoted;
        if (text[at] == '}' && !quoted) return at;
    }
    return npos;
}

}  // namespace

Text PatternTables::literal_prefix(const Pattern& pattern) const {
    if (pattern.shape == Shape::exact || pattern.shape == Shape::prefix) return pattern.where;
    if (pattern.shape == Shape::nothing || pattern.shape == Shape::everything || pattern.where.size == 0) return {};
    const auto& first = pieces[pattern.where.at];
    return first.kind == Kind::literal ? first.text : Text{};
}

void PatternPool::begin(std::string_view document) {
    characters = document;
    document_size_ = document.size();
}

// Only a little ahead: documents are mostly read from front to back, and a second copy costs less than a long search.
std::optional<Text> PatternPool::find_in_document(std::string_view text) {
    constexpr size_t ahead = 256;
    const auto end = std::min(document_size_, reading_ + ahead + text.size());
    if (text.empty() || reading_ >= end) return std::nullopt;
    const auto found = find(std::string_view(characters).substr(0, end), text, reading_);
    if (found == npos) return std::nullopt;
    reading_ = found + text.size();
    return Text{static_cast<uint32_t>(found), static_cast<uint32_t>(text.size())};
}

Text PatternPool::add(std::string_view text, bool changed) {
    if (const auto found = changed ? std::nullopt : find_in_document(text)) return *found;
    const Text where{static_cast<uint32_t>(characters.size()), static_cast<uint32_t>(text.size())};
    characters += text;
    return where;
}

// `${key}` or `${key, 'default'}`: the part between the braces.
std::optional<PatternPiece> PatternPool::compile_variable(std::string_view inside) {
    PatternVariable variable;
    auto key = inside;
    if (const auto comma = inside.find(','); comma != npos) {
        key = inside.substr(0, comma);
        const auto fallback = base::trim(inside.substr(comma + 1));
        if (fallback.size() < 2 || !fallback.starts_with('\'') || !fallback.ends_with('\'')) return std::nullopt;
        variable.has_fallback = true;
        variable.fallback = add(fallback.substr(1, fallback.size() - 2));
    }
    key = base::trim(key);
    if (key.empty() || key.find_first_of("{$\"'") != npos) return std::nullopt;
    const auto lower = base::lower(key);
    variable.key = add(lower);
    variable.key_hash = hash_of(lower);
    variables.push_back(variable);
    return PatternPiece{Kind::variable, {static_cast<uint32_t>(variables.size() - 1), 0}};
}

std::optional<Pattern> PatternPool::compile(std::string_view text, Syntax syntax) {
    const bool wildcards = syntax.wildcards != Wildcards::none;
    // Most patterns are one literal, or one literal and a star: those need no pieces.
    if (const auto special = text.find_first_of(wildcards ? "*?$" : "$");
        special == npos || (wildcards && special + 1 == text.size() && text[special] == '*')) {
        const auto literal = text.substr(0, special);
        const auto colons = std::ranges::count(literal, ':');
        const bool arn = syntax.wildcards == Wildcards::arn;
        if (arn && colons < head_colons) return Pattern{};  // six segments, or nothing matches
        if (special == npos) return Pattern{Shape::exact, false, add(literal, syntax.changed)};
        if (literal.empty()) return Pattern{Shape::everything, false, {}};
        return Pattern{Shape::prefix, false, add(literal, syntax.changed)};  // a star at the end ends its segment (R41)
    }
    const auto first_piece = pieces.size();
    const bool stays = syntax.wildcards == Wildcards::arn;
    const bool has_head = stays || syntax.wildcards == Wildcards::resource_arn;
    auto literal_at = characters.size();
    const auto flush = [&] {
        if (characters.size() > literal_at)
            pieces.push_back(
                {Kind::literal, {static_cast<uint32_t>(literal_at), static_cast<uint32_t>(characters.size() - literal_at)}});
        literal_at = characters.size();
    };
    Pattern out;
    bool variable_found = false;
    int colons = has_head ? 0 : head_colons;
    for (size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (c == ':' && colons < head_colons) ++colons;
        const bool head = colons < head_colons;
        if (wildcards && c == '*') {
            flush();
            const bool ends_segment = at + 1 == text.size() || text[at + 1] == ':';
            const auto kind = head && (stays || !ends_segment) ? Kind::any_inside : Kind::any;
            const bool repeats = pieces.size() > first_piece && pieces.back().kind == kind;
            if (!repeats) pieces.push_back({kind, {}});
            out.inside = out.inside || kind == Kind::any_inside;
        } else if (wildcards && c == '?') {
            flush();
            pieces.push_back({head ? Kind::one_inside : Kind::one, {}});
            out.inside = out.inside || head;
        } else if (syntax.variables && (!head || stays) && text.substr(at).starts_with("${")) {
            const auto end = closing_brace(text, at + 2);
            if (end == npos) return std::nullopt;
            const auto inside = text.substr(at + 2, end - at - 2);
            if (inside == "*" || inside == "?" || inside == "$") {
                characters += inside;
            } else {
                flush();
                auto piece = compile_variable(inside);
                if (!piece) return std::nullopt;
                pieces.push_back(*piece);
                literal_at = characters.size();
                variable_found = true;
            }
            at = end;
        } else {
            characters += c;
        }
    }
    flush();
    out.where = {static_cast<uint32_t>(first_piece), static_cast<uint32_t>(pieces.size() - first_piece)};
    if (variable_found) {
        // Colons in a variable's value count as the ARN's own: which wildcards are in its head is known when it is filled in.
        out.shape = stays ? Shape::arn_variables : Shape::variables;
        for (size_t i = first_piece; stays && i < pieces.size(); ++i) {
            if (pieces[i].kind == Kind::any_inside) pieces[i].kind = Kind::any;
            if (pieces[i].kind == Kind::one_inside) pieces[i].kind = Kind::one;
        }
    } else if (stays && colons < head_colons) {
        out = {};
    } else if (stays) {
        out.shape = Shape::arn;
    } else if (out.where.size == 1 && pieces.back().kind == Kind::any) {
        pieces.pop_back();
        out = {Shape::everything, false, {}};
    } else if (out.where.size == 1 && pieces.back().kind == Kind::literal) {
        out = {Shape::exact, false, pieces.back().text};
        pieces.pop_back();
    } else if (out.where.size == 2 && pieces[first_piece].kind == Kind::literal && pieces.back().kind == Kind::any) {
        out = {Shape::prefix, false, pieces[first_piece].text};
        pieces.resize(first_piece);
    } else {
        out.shape = Shape::general;
    }
    return out;
}

bool matches_pieces(const Pattern& pattern, const PatternTables& tables, std::string_view text, const ContextView& context) {
    Pieces pieces{tables.pieces.subspan(pattern.where.at, pattern.where.size), tables, context};
    // Most texts that do not match differ at an end.
    const auto &first = pieces.all.front(), &last = pieces.all.back();
    if (first.kind == Kind::literal && !begins_with(text, tables.text(first.text))) return false;
    if (last.kind == Kind::literal) {
        const auto end = tables.text(last.text);
        if (text.size() < end.size() || !begins_with(text.substr(text.size() - end.size()), end)) return false;
    }
    // `literal*literal*`
    if (pieces.size() == 4 && !pattern.inside && pattern.shape == Shape::general && first.kind == Kind::literal &&
        pieces.all[1].kind == Kind::any && pieces.all[2].kind == Kind::literal && last.kind == Kind::any)
        return find(text, tables.text(pieces.all[2].text), size_t{first.text.size}) != npos;
    if (pattern.has_variables() && !pieces.resolved()) return false;
    if (pattern.shape == Shape::arn_variables) {
        const auto head = pieces.head_pieces();
        if (!head) return false;
        pieces.head = *head;
    }
    return match(pieces, text);
}

bool names_ambiguous(const Pattern& pattern, const PatternTables& tables, const ContextView& context) {
    if (!pattern.has_variables()) return false;
    const auto pieces = tables.pieces.subspan(pattern.where.at, pattern.where.size);
    return std::ranges::any_of(pieces, [&](const PatternPiece& piece) { return is_ambiguous(piece, tables, context); });
}

bool equals_ignoring_case(const Pattern& pattern, const PatternTables& tables, std::string_view text,
                          const ContextView& context) {
    if (pattern.shape == Shape::exact) return base::equals_ignoring_case(tables.text(pattern.where), text);
    const Pieces pieces{tables.pieces.subspan(pattern.where.at, pattern.where.size), tables, context};
    if (pattern.shape != Shape::variables || !pieces.resolved()) return false;
    for (size_t i = 0; i < pieces.size(); ++i) {
        const auto literal = pieces.literal(i);
        if (!base::equals_ignoring_case(text.substr(0, literal.size()), literal)) return false;
        text.remove_prefix(literal.size());
    }
    return text.empty();
}

bool glob_matches(std::string_view pattern, std::string_view text) {
    size_t in_pattern = 0, at = 0;
    size_t resume = npos, resume_at = 0;
    while (true) {
        if (in_pattern == pattern.size() && at == text.size()) return true;
        if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
            resume = ++in_pattern, resume_at = at;
        } else if (in_pattern < pattern.size() && at < text.size() && pattern[in_pattern] == '?') {
            ++in_pattern, at += character_bytes(text, at);
        } else if (in_pattern < pattern.size() && at < text.size() && pattern[in_pattern] == text[at]) {
            ++in_pattern, ++at;
        } else if (resume == npos || resume_at >= text.size()) {
            return false;
        } else {
            resume_at += character_bytes(text, resume_at);
            in_pattern = resume, at = resume_at;
        }
    }
}

}  // namespace policy
