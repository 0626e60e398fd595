#include "proof/count.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <limits>
#include <unordered_map>
#include <utility>

#include "base/strings.hpp"
#include "policy/compile.hpp"
#include "proof/actions.hpp"
#include "proof/automaton.hpp"
#include "proof/values.hpp"

namespace proof {

namespace {

using Number = long double;
constexpr char first_character = 0x20, last_character = 0x7E;
// The largest number is that of all texts: 95 characters, 256 times, for each action.
static_assert(std::numeric_limits<Number>::max_exponent > 4096, "counts need long double to be wider than double");

// Which texts each of some patterns matches, as one automaton.
class Automaton {
public:
    // A text matches the group if it matches one of its patterns. Texts that cannot match the first group are of no interest.
    size_t add_group(std::vector<const Tokens*> patterns) {
        for (const Tokens* one : patterns) patterns_.push_back({one, groups_});
        return groups_++;
    }

    // False: more than `states_max` states.
    bool build(size_t states_max) {
        State first;
        for (uint32_t i = 0; i < patterns_.size(); ++i) enter(first, i, 0);
        (void)number_of(simplified(std::move(first)));
        for (size_t at = 0; at < states_.size(); ++at) {
            if (states_.size() > states_max) return false;
            add_edges(at);
        }
        return true;
    }

    [[nodiscard]] size_t size() const { return states_.size(); }

    // For every state the number of texts of at most `length_max` characters that end in it.
    [[nodiscard]] std::vector<Number> texts(size_t length_max) const {
        std::vector<Number> now(states_.size(), 0), next(states_.size(), 0), out(states_.size(), 0);
        std::vector<uint32_t> here{0}, there;  // where texts of this length end: few states, of many
        now[0] = 1;
        for (size_t length = 0;; ++length) {
            for (const uint32_t at : here) out[at] += now[at];
            if (length == length_max) return out;
            there.clear();
            for (const uint32_t at : here) {
                for (const auto& [to, characters] : edges_[at]) {
                    if (next[to] == 0) there.push_back(to);
                    next[to] += now[at] * static_cast<Number>(characters);
                }
                now[at] = 0;
            }
            now.swap(next);
            here.swap(there);
        }
    }

    // Which groups match the texts that end in the state.
    [[nodiscard]] std::vector<bool> matched(size_t state) const {
        std::vector<bool> out(groups_);
        for (const auto& [pattern, place] : *states_[state])
            if (place == patterns_[pattern].tokens->size()) out[patterns_[pattern].group] = true;
        return out;
    }

private:
    using Place = PatternPlace;
    using State = PatternPlaces;
    using StateHash = PatternPlacesHash;
    struct OnePattern {
        const Tokens* tokens;
        size_t group;
    };

    static char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

    static uint32_t bit(Characters set) { return 1u << static_cast<unsigned>(set); }

    // Which sets a character is in, as their bits.
    static uint32_t sets_of(char c) {
        static const auto all = [] {
            std::array<uint32_t, 128> out{};
            for (size_t i = 0; i < out.size(); ++i)
                for (unsigned set = 0; set <= static_cast<unsigned>(Characters::printable); ++set)
                    if (is_in(static_cast<char32_t>(i), static_cast<Characters>(set))) out[i] |= 1u << set;
            return out;
        }();
        return all[static_cast<size_t>(c)];
    }

    [[nodiscard]] const Token* token_at(const Place& at) const {
        const Tokens& tokens = *patterns_[at.pattern].tokens;
        return at.place == tokens.size() ? nullptr : &tokens[at.place];
    }

    static bool takes(const Token& token, char c) {
        const auto of = static_cast<char32_t>(static_cast<unsigned char>(c));
        if (token.kind == Token::Kind::literal) return of == token.character;
        if (token.kind == Token::Kind::folded)
            return token.character < 0x80 && base::lower(c) == base::lower(static_cast<char>(token.character));
        return is_in(of, token.set);
    }

    void enter(State& state, uint32_t pattern, uint32_t place) const {
        for (;; ++place) {
            state.push_back({pattern, place});
            const Token* token = token_at(state.back());
            if (token == nullptr || token->kind != Token::Kind::star) return;
        }
    }

    // What stands before the last `*` that takes everything can do nothing that the `*` cannot.
    [[nodiscard]] State simplified(State state) const {
        std::ranges::sort(state, {}, [](const Place& at) { return std::pair(at.pattern, at.place); });
        State out;
        for (size_t begin = 0; begin < state.size();) {
            size_t end = begin, from = begin;
            for (; end < state.size() && state[end].pattern == state[begin].pattern; ++end) {
                const Token* token = token_at(state[end]);
                if (token != nullptr && token->kind == Token::Kind::star && token->set == Characters::all) from = end;
            }
            for (size_t i = from; i < end; ++i)
                if (out.empty() || out.back() != state[i]) out.push_back(state[i]);
            begin = end;
        }
        // Where one pattern matches whatever follows, the others of its group say nothing more.
        std::vector<const Place*> settled(groups_, nullptr);
        for (const Place& at : out)
            if (settled[group_of(at)] == nullptr && is_last_star(at)) settled[group_of(at)] = &at;
        State few;
        for (const Place& at : out)
            if (settled[group_of(at)] == nullptr || settled[group_of(at)] == &at ||
                (settled[group_of(at)]->pattern == at.pattern && at.place == settled[group_of(at)]->place + 1))
                few.push_back(at);
        return few;
    }

    [[nodiscard]] size_t group_of(const Place& at) const { return patterns_[at.pattern].group; }
    [[nodiscard]] bool is_last_star(const Place& at) const {
        const Token* token = token_at(at);
        return token != nullptr && token->kind == Token::Kind::star && token->set == Characters::all &&
               at.place + 1 == patterns_[at.pattern].tokens->size();
    }

    uint32_t number_of(State state) {
        const auto [entry, added] = numbers_.try_emplace(std::move(state), static_cast<uint32_t>(states_.size()));
        if (added) {
            states_.push_back(&entry->first);
            edges_.emplace_back();
        }
        return entry->second;
    }

    // Characters that no token of the state tells apart lead to the same state.
    void add_edges(size_t from) {
        const State& state = *states_[from];
        std::array<bool, 128> named{};
        uint32_t sets = 0;
        for (const Place& at : state) {
            const Token* token = token_at(at);
            if (token == nullptr) continue;
            if (token->kind == Token::Kind::one || token->kind == Token::Kind::star) {
                sets |= bit(token->set);
            } else if (token->character < named.size()) {
                const auto c = static_cast<char>(token->character);
                named[static_cast<size_t>(c)] = true;
                if (token->kind == Token::Kind::folded)
                    named[static_cast<size_t>(base::lower(c))] = named[static_cast<size_t>(upper(c))] = true;
            }
        }
        struct Alike {
            char one;
            int count;
            uint32_t in;  // of the state's sets; of a character that a token names, nothing is like it
        };
        std::vector<Alike> characters;
        for (char c = first_character; sets != 0; ++c) {
            const uint32_t in = sets_of(c) & sets;
            if (!named[static_cast<size_t>(c)] && in != 0) {
                const auto like = std::ranges::find(characters, in, &Alike::in);
                if (like != characters.end())
                    ++like->count;
                else
                    characters.push_back({c, 1, in});
            }
            if (c == last_character) break;
        }
        for (char c = first_character;; ++c) {
            if (named[static_cast<size_t>(c)]) characters.push_back({c, 1, 0});
            if (c == last_character) break;
        }
        for (const auto& [c, count, in] : characters) {
            State next;
            for (const Place& at : state) {
                const Token* token = token_at(at);
                if (token == nullptr || !takes(*token, c)) continue;
                enter(next, at.pattern, token->kind == Token::Kind::star ? at.place : at.place + 1);
            }
            if (std::ranges::none_of(next, [&](const Place& at) { return patterns_[at.pattern].group == 0; })) continue;
            const uint32_t to = number_of(simplified(std::move(next)));
            edges_[from].emplace_back(to, count);
        }
    }

    std::vector<OnePattern> patterns_;
    size_t groups_ = 0;
    std::unordered_map<State, uint32_t, StateHash> numbers_;
    std::vector<const State*> states_;
    std::vector<std::vector<std::pair<uint32_t, int>>> edges_;
};

// The Resource elements of one side's statements that name an action: groups of the automaton.
struct Side {
    struct Part {
        size_t group;
        bool all_but;  // NotResource
        [[nodiscard]] bool applies(const std::vector<bool>& matched) const { return matched[group] != all_but; }
    };
    std::vector<Part> allows, denies;
    [[nodiscard]] bool allowed(const std::vector<bool>& matched) const {
        const auto applies = [&](const Part& part) { return part.applies(matched); };
        return std::ranges::any_of(allows, applies) && std::ranges::none_of(denies, applies);
    }
};

// A variable part of a format but for the last holds neither `/` nor `:`. Where it could, formats with several would have as many states as ways to tell
// where each of them ends.
Tokens with_plain_parts(Tokens format) {
    size_t last = format.size();
    while (last > 0 && (format[last - 1].kind == Token::Kind::one || format[last - 1].kind == Token::Kind::star)) --last;
    for (size_t i = 0; i < last; ++i)
        if (format[i].set == Characters::all) format[i].set = Characters::no_slash;
    return format;
}

class Counter {
public:
    Counter(const ResourceOwner& owner, const policy::Context& known, const CountLimits& limits)
        : owner_(owner),
          limits_(limits),
          variables_{.known = &known, .is_free = [](const void*, std::string_view) { return true; }, .of = nullptr} {}

    // False: a limit was reached.
    bool count(const std::vector<policy::AttachedPolicy>& before, const std::vector<policy::AttachedPolicy>& after,
               const Representative& actions, RequestCount& out) {
        const std::string lower = base::lower(actions.action);
        Automaton automaton;
        std::deque<Tokens> kept;
        std::vector<const Tokens*> formats;
        for (Tokens& one : resources_of(actions.action, owner_))
            formats.push_back(&kept.emplace_back(with_plain_parts(std::move(one))));
        if (formats.empty()) {  // an action that the catalogue does not have takes any resource
            add_wildcard(kept.emplace_back(), Token::Kind::star);
            formats.push_back(&kept.back());
        }
        const size_t right_format = automaton.add_group(std::move(formats));
        const Side old_side = side_of(before, lower, automaton, kept), new_side = side_of(after, lower, automaton, kept);
        if (old_side.allows.empty() && new_side.allows.empty()) return true;
        const size_t left = limits_.all_states_max - std::min(limits_.all_states_max, states_);
        if (!automaton.build(std::min(limits_.states_max, left))) return false;
        states_ += automaton.size();
        const auto texts = automaton.texts(limits_.text_length_max);
        Number old_count = 0, new_count = 0, lost = 0;
        for (size_t i = 0; i < automaton.size(); ++i) {
            if (texts[i] == 0) continue;
            const auto matched = automaton.matched(i);
            if (!matched[right_format]) continue;
            const bool was = old_side.allowed(matched), is = new_side.allowed(matched);
            if (was) old_count += texts[i];
            if (is) new_count += texts[i];
            if (was && !is) lost += texts[i];
        }
        const auto times = static_cast<Number>(actions.actions.size());
        before_ += old_count * times;
        after_ += new_count * times;
        lost_ += lost * times;
        auto& list = new_count == 0 ? out.dropped : lost > 0 ? out.narrowed : out.unchanged;
        if (old_count > 0) list.insert(list.end(), actions.actions.begin(), actions.actions.end());
        return true;
    }

    void finish(RequestCount& out) const {
        const auto log = [](Number number) {
            return number > 0 ? std::optional(static_cast<double>(std::log2(number))) : std::nullopt;
        };
        out.before = log(before_);
        out.after = log(after_);
        out.lost = log(lost_);
        for (auto* list : {&out.dropped, &out.narrowed, &out.unchanged}) std::ranges::sort(*list);
    }

private:
    Side side_of(const std::vector<policy::AttachedPolicy>& policies, const std::string& lower, Automaton& automaton,
                 std::deque<Tokens>& kept) const {
        Side out;
        // What is enough by itself, of one effect, is one group: fewer ways in which texts can differ.
        std::array<std::vector<const Tokens*>, 2> any_of;  // of Allow, of Deny
        for (const auto& attached : policies) {
            const auto& compiled = attached.policy->compiled();
            for (const auto& statement : compiled.statements()) {
                const bool denies = statement.effect == policy::Effect::deny;
                if (statement.broken ? !denies : names_action(compiled, statement, lower) == statement.not_action) continue;
                if (denies && !statement.broken && statement.conditions.size > 0) continue;
                const bool everything = statement.broken || statement.any_resource;
                std::vector<const Tokens*> patterns;
                for (const auto& pattern : compiled.resources(statement)) {
                    auto tokens = tokens_of(pattern, compiled.patterns(), variables_);
                    // Of a Deny, or of what a NotResource leaves out, what is not known counts for nothing.
                    if (tokens.matches_nothing || (tokens.relaxed() && denies != statement.not_resource)) continue;
                    patterns.push_back(&kept.emplace_back(std::move(tokens.tokens)));
                }
                auto& all = any_of[denies ? 1 : 0];
                if (everything || statement.not_resource)
                    (denies ? out.denies : out.allows)
                        .push_back({automaton.add_group(everything ? std::vector<const Tokens*>() : std::move(patterns)), true});
                else
                    all.insert(all.end(), patterns.begin(), patterns.end());
            }
        }
        if (!any_of[0].empty()) out.allows.push_back({automaton.add_group(std::move(any_of[0])), false});
        if (!any_of[1].empty()) out.denies.push_back({automaton.add_group(std::move(any_of[1])), false});
        return out;
    }

    const ResourceOwner& owner_;
    const CountLimits& limits_;
    const Variables variables_;
    size_t states_ = 0;
    Number before_ = 0, after_ = 0, lost_ = 0;
};

}  // namespace

RequestCount count_requests(const std::vector<policy::AttachedPolicy>& before, const std::vector<policy::AttachedPolicy>& after,
                            const ResourceOwner& owner, const policy::Context& known, const CountLimits& limits) {
    std::vector<StatementActions> statements;
    for (const auto* policies : {&before, &after})
        for (const auto& attached : *policies) {
            const auto& compiled = attached.policy->compiled();
            for (const auto& statement : compiled.statements()) statements.push_back({&compiled, &statement});
        }
    RequestCount out;
    Counter counter(owner, known, limits);
    const std::vector<std::string> everything = {"*"};
    for (const ActionGroup& group : group_actions(statements, everything))
        for (const Representative& actions : representatives_of(group, true))
            if (!counter.count(before, after, actions, out)) out.open = "automaton states";
    counter.finish(out);
    return out;
}

}  // namespace proof
