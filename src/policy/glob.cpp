#include "policy/glob.hpp"

#include <span>

#include "base/invariant.hpp"
#include "base/strings.hpp"

namespace policy {

namespace {

using Kind = PatternPiece::Kind;

// A piece whose variable has its value.
struct Resolved {
    Kind kind;
    std::string_view text;
};

size_t character_bytes(std::string_view text, size_t at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    return std::min(length, text.size() - at);
}

// Where the search after a `*` goes on: for a literal at its next occurrence, else one character on.
template <class Piece>
size_t next_start(std::span<const Piece> pieces, size_t piece, std::string_view text, size_t at) {
    if (at >= text.size()) return std::string_view::npos;
    at += character_bytes(text, at);
    if (piece < pieces.size() && pieces[piece].kind == Kind::literal) return text.find(pieces[piece].text, at);
    return at;
}

template <class Piece>
bool match(std::span<const Piece> pieces, std::string_view text) {
    constexpr auto none = std::string_view::npos;
    size_t piece = 0, at = 0;
    size_t resume_piece = none, resume_at = 0;  // just after the last `*`, and where its tail was last tried
    while (true) {
        bool fits = false;
        if (piece == pieces.size()) {
            if (at == text.size()) return true;
        } else if (const auto& here = pieces[piece]; here.kind == Kind::any) {
            if (piece + 1 == pieces.size()) return true;
            resume_piece = piece + 1, resume_at = at;
            piece++;
            fits = true;
        } else if (here.kind == Kind::one) {
            if (at < text.size()) at += character_bytes(text, at), piece++, fits = true;
        } else {
            const std::string_view literal = here.text;
            if (piece + 1 == pieces.size() && resume_piece == piece)  // `*literal` at the end: only the end will do
                return text.size() - at >= literal.size() && text.ends_with(literal);
            if (text.substr(at).starts_with(literal)) at += literal.size(), piece++, fits = true;
        }
        if (fits) continue;
        if (resume_piece == none) return false;
        resume_at = next_start(pieces, resume_piece, text, resume_at);
        if (resume_at == none) return false;
        at = resume_at, piece = resume_piece;
    }
}

// For the few patterns whose wildcards stop at colons: stepping back to the last `*` is not enough there, so this keeps the
// set of places in the text that the pattern so far can end at.
template <class Piece>
bool match_places(std::span<const Piece> pieces, std::string_view text) {
    std::vector<char> places(text.size() + 1, 0), next;
    places[0] = 1;
    for (const auto& piece : pieces) {
        next.assign(text.size() + 1, 0);
        const bool colons = piece.kind == Kind::any || piece.kind == Kind::one;
        for (size_t at = 0; at <= text.size(); ++at) {
            const bool more = at < text.size() && (colons || text[at] != ':');
            switch (piece.kind) {
                case Kind::literal:
                    if (places[at] && text.substr(at).starts_with(piece.text)) next[at + std::string_view(piece.text).size()] = 1;
                    break;
                case Kind::one:
                case Kind::one_inside:
                    if (places[at] && more) next[at + character_bytes(text, at)] = 1;
                    break;
                case Kind::any:
                case Kind::any_inside:
                    if (places[at]) next[at] = 1;
                    if (next[at] && more) next[at + character_bytes(text, at)] = 1;
                    break;
                case Kind::variable:
                    break;
            }
        }
        places.swap(next);
    }
    return places[text.size()] != 0;
}

// Values for the variables; false if one has none.
bool resolve(const std::vector<PatternPiece>& pieces, const Context& context, std::vector<Resolved>& out) {
    out.reserve(pieces.size());
    for (const auto& piece : pieces) {
        if (piece.kind != Kind::variable) {
            out.push_back({piece.kind, piece.text});
            continue;
        }
        const auto* entry = context.find(piece.text);
        if (entry && !entry->values.empty()) {
            if (entry->multivalued || entry->values.size() != 1) return false;
            out.push_back({Kind::literal, entry->values.front()});
        } else if (piece.fallback) {
            out.push_back({Kind::literal, *piece.fallback});
        } else {
            return false;
        }
    }
    return true;
}

// The pieces of each of six segments; false if there are fewer. Colons of literals and of variables' values separate.
bool split_segments(std::span<const Resolved> pieces, std::vector<Resolved> (&segments)[6]) {
    size_t segment = 0;
    for (const auto& piece : pieces) {
        auto rest = piece.text;
        if (piece.kind != Kind::literal) {
            segments[segment].push_back(piece);
            continue;
        }
        for (size_t colon = 0; segment < 5 && (colon = rest.find(':')) != std::string_view::npos; ++segment) {
            segments[segment].push_back({Kind::literal, rest.substr(0, colon)});
            rest.remove_prefix(colon + 1);
        }
        segments[segment].push_back({Kind::literal, rest});
    }
    return segment == 5;
}

// `${key}` or `${key, 'default'}`: the part between the braces.
std::optional<PatternPiece> compile_variable(std::string_view inside) {
    PatternPiece piece{Kind::variable, {}, {}};
    auto key = inside;
    if (const auto comma = inside.find(','); comma != std::string_view::npos) {
        key = inside.substr(0, comma);
        const auto fallback = base::trim(inside.substr(comma + 1));
        if (fallback.size() < 2 || !fallback.starts_with('\'') || !fallback.ends_with('\'')) return std::nullopt;
        piece.fallback = std::string(fallback.substr(1, fallback.size() - 2));
    }
    key = base::trim(key);
    if (key.empty() || key.find_first_of("{$\"'") != std::string_view::npos) return std::nullopt;
    piece.text = base::lower(key);
    return piece;
}

// The `}` that ends a variable: one inside the quotes of a default does not.
size_t closing_brace(std::string_view text, size_t from) {
    bool quoted = false;
    for (size_t at = from; at < text.size(); ++at) {
        if (text[at] == '\'') quoted = !quoted;
        if (text[at] == '}' && !quoted) return at;
    }
    return std::string_view::npos;
}

}  // namespace

std::optional<Pattern> Pattern::compile(std::string_view text, Syntax syntax) {
    Pattern out;
    std::string literal;
    const auto flush = [&] {
        if (!literal.empty()) out.pieces_.push_back({Kind::literal, std::move(literal), {}});
        literal.clear();
    };
    bool variables = false;
    int colons = syntax.resource_arn ? 0 : 5;
    for (size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (c == ':' && colons < 5) ++colons;
        const bool head = colons < 5;
        if (syntax.wildcards && c == '*') {
            flush();
            const bool ends_segment = at + 1 == text.size() || text[at + 1] == ':';
            const auto kind = head && !ends_segment ? Kind::any_inside : Kind::any;
            if (out.pieces_.empty() || out.pieces_.back().kind != kind) out.pieces_.push_back({kind, {}, {}});
            out.inside_ = out.inside_ || kind == Kind::any_inside;
        } else if (syntax.wildcards && c == '?') {
            flush();
            out.pieces_.push_back({head ? Kind::one_inside : Kind::one, {}, {}});
            out.inside_ = out.inside_ || head;
        } else if (syntax.variables && !head && text.substr(at).starts_with("${")) {
            const auto end = closing_brace(text, at + 2);
            if (end == std::string_view::npos) return std::nullopt;
            const auto inside = text.substr(at + 2, end - at - 2);
            if (inside == "*" || inside == "?" || inside == "$") {
                literal += inside;
            } else {
                auto piece = compile_variable(inside);
                if (!piece) return std::nullopt;
                flush();
                out.pieces_.push_back(std::move(*piece));
                variables = true;
            }
            at = end;
        } else {
            literal += c;
        }
    }
    flush();
    const auto& pieces = out.pieces_;
    if (variables)
        out.shape_ = Shape::variables;
    else if (out.inside_)
        out.shape_ = Shape::segments;
    else if (pieces.empty() || (pieces.size() == 1 && pieces[0].kind == Kind::literal))
        out.shape_ = Shape::exact;
    else if (pieces.size() == 1 && pieces[0].kind == Kind::any)
        out.shape_ = Shape::everything;
    else if (pieces.size() == 2 && pieces[0].kind == Kind::literal && pieces[1].kind == Kind::any)
        out.shape_ = Shape::prefix;
    else
        out.shape_ = Shape::general;
    return out;
}

Pattern Pattern::glob(std::string_view text) {
    auto pattern = compile(text, {.wildcards = true});
    INVARIANT(pattern.has_value());
    return *std::move(pattern);
}

bool Pattern::matches(std::string_view text, const Context& context) const {
    switch (shape_) {
        case Shape::everything:
            return true;
        case Shape::exact:
            return pieces_.empty() ? text.empty() : text == pieces_[0].text;
        case Shape::prefix:
            return text.starts_with(pieces_[0].text);
        case Shape::general:
            return match(std::span<const PatternPiece>(pieces_), text);
        case Shape::segments:
            return match_places(std::span<const PatternPiece>(pieces_), text);
        case Shape::variables:
            break;
    }
    std::vector<Resolved> resolved;
    if (!resolve(pieces_, context, resolved)) return false;
    const std::span<const Resolved> pieces(resolved);
    return inside_ ? match_places(pieces, text) : match(pieces, text);
}

bool Pattern::matches_arn(std::string_view arn, const Context& context) const {
    std::vector<Resolved> resolved, wanted[6], given[6];
    if (!resolve(pieces_, context, resolved) || !split_segments(resolved, wanted)) return false;
    const Resolved whole{Kind::literal, arn};
    if (!split_segments({&whole, 1}, given)) return false;
    for (int i = 0; i < 6; ++i)
        if (!match(std::span<const Resolved>(wanted[i]), given[i][0].text)) return false;
    return true;
}

std::optional<std::string> Pattern::expand(const Context& context) const {
    std::vector<Resolved> resolved;
    if (!resolve(pieces_, context, resolved)) return std::nullopt;
    std::string out;
    for (const auto& piece : resolved) out += piece.text;
    return out;
}

}  // namespace policy
