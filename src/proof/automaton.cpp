#include "proof/automaton.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>

namespace proof {

namespace {

// A byte that is not a part of UTF-8 stands beyond all characters.
constexpr char32_t beyond = 0x110000;

char32_t next_character(std::string_view text, size_t& at) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(at);
    const size_t size = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    const auto is_tail = [&](size_t i) { return at + i < text.size() && (byte(at + i) & 0xC0) == 0x80; };
    bool whole = size != 0;
    for (size_t i = 1; i < size; ++i) whole = whole && is_tail(i);
    if (!whole) return beyond + byte(at++);
    char32_t out = size == 1 ? lead : lead & (0xFFu >> (size + 1));
    for (size_t i = 1; i < size; ++i) out = out << 6 | (byte(at + i) & 0x3Fu);
    at += size;
    return out;
}

void append(std::string& text, char32_t c) {
    const auto add = [&](char32_t byte) { text += static_cast<char>(byte); };
    if (c < 0x80) return add(c);
    if (c >= beyond) return add(c - beyond);
    if (c < 0x800) return add(0xC0 | c >> 6), add(0x80 | (c & 0x3F));
    if (c < 0x10000) return add(0xE0 | c >> 12), add(0x80 | (c >> 6 & 0x3F)), add(0x80 | (c & 0x3F));
    add(0xF0 | c >> 18), add(0x80 | (c >> 12 & 0x3F)), add(0x80 | (c >> 6 & 0x3F)), add(0x80 | (c & 0x3F));
}

bool is_lower(char32_t c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char32_t c) { return c >= 'A' && c <= 'Z'; }
char32_t lower(char32_t c) { return is_upper(c) ? c + ('a' - 'A') : c; }
char32_t upper(char32_t c) { return is_lower(c) ? c - ('a' - 'A') : c; }

bool takes(const Token& token, char32_t c) {
    switch (token.kind) {
        case Token::Kind::literal:
            return c == token.character;
        case Token::Kind::folded:
            return lower(c) == lower(token.character);
        case Token::Kind::one:
        case Token::Kind::star:
            return is_in(c, token.set);
    }
    return false;
}

bool ends(const Tokens& tokens, size_t place) { return place == tokens.size(); }
bool is_star(const Tokens& tokens, size_t place) { return !ends(tokens, place) && tokens[place].kind == Token::Kind::star; }
bool takes_all(const Tokens& tokens, size_t place) { return is_star(tokens, place) && tokens[place].set == Characters::all; }

// Which characters a state must try beside those that its patterns name: one of every group that its wildcards tell apart. Each group lists what
// may stand for it, the most readable first.
constexpr std::array<std::string_view, 9> groups = {
    "xyzabcdefghijklmnopqrstuvw", "0123456789", "XYZABCDEFGHIJKLMNOPQRSTUVW", "-", ".", "_+=,@", "/", ":",
    "!#~% &()$;<>[]^`{|}\"'*?\\"};
constexpr char32_t other_characters = 0xC0;  // À and up: for a state that names all of the last group
constexpr char32_t control_characters = 1;   // below U+0020

class Search {
public:
    Search(std::span<const Constraint> constraints, size_t states_max, Work* work) : states_max_(states_max), work_(work) {
        for (const auto& constraint : constraints) {
            const auto number = static_cast<uint32_t>(wanted_.size());
            wanted_.push_back(constraint.wanted);
            for (const Tokens* tokens : constraint.patterns) patterns_.push_back({tokens, number});
        }
    }

    FoundText run() {
        State first;
        for (uint32_t i = 0; i < patterns_.size(); ++i) enter(first, i, 0);
        if (auto found = visit(std::move(first), none, 0)) return *std::move(found);
        for (size_t at = 0; at < states_.size(); ++at) {
            symbols_of(*states_[at].state);
            if (work_ != nullptr && !work_->spend(states_[at].state->size() * symbols_.size()))
                return {FoundText::Kind::too_many_states, "", states_.size()};
            for (size_t i = 0; i < symbols_.size(); ++i) {
                const char32_t c = symbols_[i];
                if (auto found = visit(step(*states_[at].state, c), at, c)) return *std::move(found);
                if (states_.size() > states_max_) return {FoundText::Kind::too_many_states, "", states_.size()};
            }
        }
        return {FoundText::Kind::none, "", states_.size()};
    }

private:
    using Place = PatternPlace;
    using State = PatternPlaces;  // by pattern, then place
    using StateHash = PatternPlacesHash;
    struct Seen {
        const State* state;
        size_t from;
        char32_t by;
    };
    struct OnePattern {
        const Tokens* tokens;
        uint32_t constraint;
    };
    static constexpr size_t none = ~size_t{0};

    void enter(State& state, uint32_t pattern, uint32_t place) const {
        const Tokens& tokens = *patterns_[pattern].tokens;
        state.push_back({pattern, place});
        while (is_star(tokens, place)) state.push_back({pattern, ++place});
    }

    // What stands before the last `*` that takes everything can do nothing that the `*` cannot.
    void simplify(State& state) const {
        std::ranges::sort(state, {}, [](const Place& p) { return std::pair(p.pattern, p.place); });
        State out;
        for (size_t begin = 0; begin < state.size();) {
            size_t end = begin, from = begin;
            while (end < state.size() && state[end].pattern == state[begin].pattern) {
                if (takes_all(*patterns_[state[end].pattern].tokens, state[end].place)) from = end;
                ++end;
            }
            for (size_t i = from; i < end; ++i)
                if (out.empty() || out.back() != state[i]) out.push_back(state[i]);
            begin = end;
        }
        state = std::move(out);
    }

    [[nodiscard]] State step(const State& state, char32_t c) const {
        State out;
        for (const auto& [pattern, place] : state) {
            const Tokens& tokens = *patterns_[pattern].tokens;
            if (ends(tokens, place) || !takes(tokens[place], c)) continue;
            enter(out, pattern, tokens[place].kind == Token::Kind::star ? place : place + 1);
        }
        simplify(out);
        return out;
    }

    // A state that can still keep the constraints is remembered; one that keeps them all ends the search.
    std::optional<FoundText> visit(State state, size_t from, char32_t by) {
        if (from == none) simplify(state);
        alive_.assign(wanted_.size(), 0);
        matched_.assign(wanted_.size(), 0);
        for (const auto& [pattern, place] : state) {
            const auto& [tokens, constraint] = patterns_[pattern];
            alive_[constraint] = 1;
            if (ends(*tokens, place)) matched_[constraint] = 1;
            if (!wanted_[constraint] && takes_all(*tokens, place) && place + 1 == tokens->size())
                return std::nullopt;  // whatever follows
        }
        bool good = true;
        for (size_t i = 0; i < wanted_.size(); ++i) {
            if (wanted_[i] && !alive_[i]) return std::nullopt;
            good = good && (matched_[i] != 0) == wanted_[i];
        }
        const auto [entry, added] = index_.emplace(std::move(state), 0);
        if (!added) return std::nullopt;
        states_.push_back({&entry->first, from, by});
        if (!good) return std::nullopt;
        return FoundText{FoundText::Kind::found, text_of(states_.size() - 1), states_.size()};
    }

    void symbols_of(const State& state) {
        symbols_.clear();
        std::array<bool, 16> sets{};
        for (const auto& [pattern, place] : state) {
            const Tokens& tokens = *patterns_[pattern].tokens;
            if (ends(tokens, place)) continue;
            const Token& token = tokens[place];
            if (token.kind == Token::Kind::literal || token.kind == Token::Kind::folded) {
                symbols_.push_back(token.character);
                if (token.kind == Token::Kind::folded)
                    symbols_.push_back(lower(token.character)), symbols_.push_back(upper(token.character));
            } else {
                sets[static_cast<size_t>(token.set)] = true;
            }
        }
        std::ranges::sort(symbols_);
        symbols_.erase(std::unique(symbols_.begin(), symbols_.end()), symbols_.end());
        const size_t named = symbols_.size();
        const auto is_named = [&](char32_t c) {
            return std::binary_search(symbols_.begin(), symbols_.begin() + static_cast<long>(named), c);
        };
        std::vector<uint32_t> tried;
        const auto add = [&](char32_t c) {
            uint32_t kind = 0;  // in which of the state's sets it is
            for (size_t i = 0; i < sets.size(); ++i)
                if (sets[i] && is_in(c, static_cast<Characters>(i))) kind |= 1u << i;
            if (std::ranges::find(tried, kind) != tried.end()) return;
            tried.push_back(kind);
            symbols_.push_back(c);
        };
        for (const auto group : groups)
            for (const char c : group)
                if (!is_named(static_cast<unsigned char>(c))) {
                    add(static_cast<unsigned char>(c));
                    break;
                }
        for (char32_t c = other_characters;; ++c)
            if (!is_named(c)) {
                add(c);
                break;
            }
        for (char32_t c = control_characters; c < 0x20; ++c)
            if (!is_named(c)) {
                add(c);
                break;
            }
    }

    [[nodiscard]] std::string text_of(size_t state) const {
        std::u32string reversed;
        for (size_t at = state; states_[at].from != none; at = states_[at].from) reversed += states_[at].by;
        std::string out;
        for (auto c = reversed.rbegin(); c != reversed.rend(); ++c) append(out, *c);
        return out;
    }

    const size_t states_max_;
    Work* const work_;
    std::vector<OnePattern> patterns_;
    std::vector<bool> wanted_;  // by constraint
    std::unordered_map<State, int, StateHash> index_;
    std::vector<Seen> states_;
    std::vector<char32_t> symbols_;
    std::vector<uint8_t> alive_, matched_;
};

}  // namespace

bool is_in(char32_t c, Characters set) {
    const bool alphanumeric = is_lower(c) || is_upper(c) || (c >= '0' && c <= '9');
    const auto is_one_of = [c](std::string_view these) {
        return c < 0x80 && these.find(static_cast<char>(c)) != std::string_view::npos;
    };
    switch (set) {
        case Characters::all:
            return true;
        case Characters::no_colon:
            return c != ':';
        case Characters::edge:
            return alphanumeric || c == '_';
        case Characters::bucket:
            return alphanumeric || is_one_of("_-.");
        case Characters::name:
            return alphanumeric || is_one_of("+=,.@-_");
        case Characters::path:
            return c >= 0x21 && c <= 0x7e && c != ':';
        case Characters::no_slash:
            return c != '/' && c != ':' && c >= 0x20;
        case Characters::digit:
            return c >= '0' && c <= '9';
        case Characters::printable:
            return c >= 0x20 && c < beyond;
    }
    return false;
}

void add_literal(Tokens& tokens, std::string_view text, bool folded) {
    for (size_t at = 0; at < text.size();)
        tokens.push_back({folded ? Token::Kind::folded : Token::Kind::literal, Characters::all, next_character(text, at)});
}

void add_wildcard(Tokens& tokens, Token::Kind kind, Characters set) {
    const Token token{kind, set, 0};
    if (kind == Token::Kind::star && !tokens.empty() && tokens.back() == token) return;
    tokens.push_back(token);
}

Tokens glob_tokens(std::string_view pattern) {
    Tokens out;
    for (size_t at = 0; at < pattern.size();) {
        if (pattern[at] == '*' || pattern[at] == '?') {
            add_wildcard(out, pattern[at] == '*' ? Token::Kind::star : Token::Kind::one);
            ++at;
            continue;
        }
        const auto end = std::min(pattern.find_first_of("*?", at), pattern.size());
        add_literal(out, pattern.substr(at, end - at));
        at = end;
    }
    return out;
}

namespace {

// Of many patterns that the text must not match, few can match it at all: `*-7.tar` does not where it has to be `*-8.tar`. The others are left out, since
// every step of the search looks at each.
constexpr size_t many = 16;

std::vector<Constraint> without_idle(std::span<const Constraint> constraints, size_t states_max, Work* work) {
    std::vector<Constraint> wanted, out;
    size_t unwanted = 0;
    for (const Constraint& one : constraints) {
        if (one.wanted) wanted.push_back(one);
        if (!one.wanted) unwanted += one.patterns.size();
    }
    if (unwanted < many || wanted.empty()) return {constraints.begin(), constraints.end()};
    out = wanted;
    for (const Constraint& one : constraints) {
        if (one.wanted) continue;
        Constraint left{{}, false};
        for (const Tokens* pattern : one.patterns) {
            wanted.push_back({{pattern}, true});
            if (Search(wanted, states_max, work).run().kind != FoundText::Kind::none) left.patterns.push_back(pattern);
            wanted.pop_back();
        }
        if (!left.patterns.empty()) out.push_back(std::move(left));
    }
    return out;
}

}  // namespace

FoundText find_text(std::span<const Constraint> constraints, size_t states_max, Work* work) {
    constexpr size_t few_states = 256;  // of a search that is over before anything could be left out
    auto out = Search(constraints, std::min(few_states, states_max), work).run();
    if (out.kind != FoundText::Kind::too_many_states || states_max <= few_states) return out;
    const auto left = without_idle(constraints, states_max, work);
    return Search(left, states_max, work).run();
}

bool matches(const Tokens& tokens, std::string_view text) {
    std::vector<size_t> places = {0}, next;
    const auto close = [&](std::vector<size_t>& all) {
        for (size_t i = 0; i < all.size(); ++i)
            if (is_star(tokens, all[i]) && std::ranges::find(all, all[i] + 1) == all.end()) all.push_back(all[i] + 1);
    };
    close(places);
    for (size_t at = 0; at < text.size();) {
        const char32_t c = next_character(text, at);
        next.clear();
        for (const size_t place : places) {
            if (ends(tokens, place) || !takes(tokens[place], c)) continue;
            const size_t to = tokens[place].kind == Token::Kind::star ? place : place + 1;
            if (std::ranges::find(next, to) == next.end()) next.push_back(to);
        }
        close(next);
        places.swap(next);
    }
    return std::ranges::any_of(places, [&](size_t place) { return ends(tokens, place); });
}

}  // namespace proof
