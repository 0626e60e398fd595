#include "proof/values.hpp"

#include <algorithm>
#include <deque>
#include <optional>

#include "policy/context_view.hpp"
#include "policy/vocabulary.hpp"
#include "proof/candidates.hpp"

namespace proof {

namespace {

using policy::Comparison;
using policy::SetPrefix;
using Shape = policy::Pattern::Shape;
using Piece = policy::PatternPiece;

constexpr int head_colons = 5;  // of an ARN, before its resource

bool is_text(Comparison comparison) {
    switch (comparison) {
        case Comparison::string_equals:
        case Comparison::string_equals_ignore_case:
        case Comparison::string_like:
        case Comparison::boolean:
        case Comparison::binary_equals:
        case Comparison::arn_like:
            return true;
        default:
            return false;
    }
}

bool is_folded(Comparison comparison) {
    return comparison == Comparison::string_equals_ignore_case || comparison == Comparison::boolean;
}

std::string_view key_of(const KeyTest& test) { return test.policy->text(test.condition->key); }

// Does the test come out as wanted with these values (nullptr: missing)?
bool fits(const KeyTest& test, const std::vector<std::string>* values, bool is_list, const Variables& variables) {
    policy::Context own;
    if (values != nullptr) {
        if (is_list)
            own.set_list(key_of(test), *values);
        else
            own.set(key_of(test), values->front());
    }
    policy::TypedValues typed;
    const policy::ContextView view(&own, nullptr, {variables.known});
    return policy::holds(*test.condition, test.policy->condition_tables(), view, typed) == test.wanted;
}

policy::KeyType type_of(std::string_view key) {
    const auto known = policy::find_key(key);
    return known ? known->type : policy::KeyType::text;
}

// What values of a type look like: the first is what people expect to read, the last leaves out none.
std::vector<std::vector<Tokens>> forms_of(policy::KeyType type) {
    using enum policy::KeyType;
    const auto some = [](Characters set) {
        Tokens out;
        add_wildcard(out, Token::Kind::one, set);
        add_wildcard(out, Token::Kind::star, set);
        return out;
    };
    const auto folded = [](std::string_view text) {
        Tokens out;
        add_literal(out, text, true);
        return out;
    };
    switch (type) {
        case arn:
            return {{glob_tokens("arn:?*:?*:*:*:?*")}, {glob_tokens("arn:*:*:*:*:*")}};
        case boolean:
            return {{glob_tokens("true"), glob_tokens("false")}, {folded("true"), folded("false")}};
        case epoch:
            return {{some(Characters::digit)}};
        case number:
            return {{some(Characters::digit)}, {}};
        case date:
            return {{glob_tokens("2026-01-01T00:00:00Z")}, {}};
        case address:
            return {{glob_tokens("192.0.2.1")}, {}};
        case text:
            break;
    }
    return {{glob_tokens("?*")}, {}};
}

class TextConstraints {
public:
    TextConstraints(const Variables& variables, policy::KeyType type) : variables_(variables), forms_(forms_of(type)) {}

    // The value must match one of the test's, or none of them.
    void add(const KeyTest& test, bool matched) {
        Constraint constraint{{}, matched};
        const auto comparison = test.condition->op.comparison;
        for (const auto& value : values_of(test)) {
            PatternTokens one;
            if (comparison == Comparison::binary_equals)
                add_literal(one.tokens, test.policy->text(value.encoded));
            else
                one = tokens_of(value.pattern, test.policy->patterns(), variables_, is_folded(comparison));
            if (one.matches_nothing) continue;
            relaxed_ = relaxed_ || one.relaxed();
            if (one.relaxed() && !matched) continue;
            constraint.patterns.push_back(&kept_.emplace_back(std::move(one.tokens)));
        }
        all_.push_back(std::move(constraint));
    }
    void add_pattern(std::string_view pattern) { all_.push_back({{&kept_.emplace_back(glob_tokens(pattern))}, true}); }
    [[nodiscard]] bool relaxed() const { return relaxed_; }
    [[nodiscard]] FoundText find(const Limits& limits) {
        FoundText out;
        for (const auto& form : forms_) {
            const size_t size = all_.size();
            if (!form.empty()) {
                Constraint constraint;
                for (const Tokens& one : form) constraint.patterns.push_back(&one);
                all_.push_back(std::move(constraint));
            }
            out = find_text(all_, limits.automaton_states_max, limits.work);
            all_.resize(size);
            if (out.kind == FoundText::Kind::found) break;
        }
        return out;
    }
    [[nodiscard]] size_t size() const { return all_.size(); }
    void shrink(size_t to) { all_.resize(to); }

private:
    const Variables& variables_;
    const std::vector<std::vector<Tokens>> forms_;
    std::deque<Tokens> kept_;
    std::vector<Constraint> all_;
    bool relaxed_ = false;
};

FoundValues found(std::vector<std::string> values, bool relaxed) {
    return {.kind = FoundValues::Kind::found, .cap = "", .missing = false, .values = std::move(values), .relaxed = relaxed};
}

FoundValues cut_off(const char* cap) {
    return {.kind = FoundValues::Kind::unknown, .cap = cap, .missing = false, .values = {}, .relaxed = false};
}

constexpr const char* states_cap = "automaton states";
constexpr const char* mixed_cap = "one key as text and as a number, a date or an address";

// Must a value of the key that is not empty match one of the test's (of a list: each of its values, or one at least)?
bool must_match(const KeyTest& test) { return test.wanted != test.condition->op.negated; }
bool is_of_all(const KeyTest& test) { return test.condition->op.set == SetPrefix::all_values; }

// ForAllValues holds of empty values, whatever it asks (R52): the tests that are left of it, none if it should not hold.
std::optional<std::vector<KeyTest>> tests_of_empty(std::span<const KeyTest> tests) {
    std::vector<KeyTest> out;
    for (const auto& test : tests) {
        if (!is_of_all(test))
            out.push_back(test);
        else if (!test.wanted)
            return std::nullopt;
    }
    return out;
}

FoundText find_empty(std::span<const KeyTest> tests, const Variables& variables, policy::KeyType type, const Limits& limits,
                     bool& relaxed) {
    const auto left = tests_of_empty(tests);
    if (!left || type != policy::KeyType::text) return {};
    TextConstraints constraints(variables, type);
    for (const auto& test : *left) constraints.add(test, must_match(test));
    constraints.add_pattern("");
    auto out = constraints.find(limits);
    relaxed = relaxed || constraints.relaxed();
    return out;
}

FoundValues find_single(std::span<const KeyTest> tests, const KeyShape& shape, const Variables& variables, const Limits& limits) {
    std::vector<KeyTest> texts;
    bool typed = false, of_all = false;
    const auto type = type_of(key_of(tests.front()));
    for (const auto& test : tests) {
        if (test.condition->op.comparison == Comparison::null) {
            const std::vector<std::string> something = {"x"};
            if (!fits(test, &something, false, variables)) return {};
        } else if (is_text(test.condition->op.comparison)) {
            texts.push_back(test);
            of_all = of_all || is_of_all(test);
        } else {
            typed = true;
        }
    }
    if (typed) {
        const auto all = candidates(tests, type);
        for (const auto& one : all.values) {
            const std::vector<std::string> values = {one};
            if (std::ranges::all_of(tests, [&](const KeyTest& test) { return fits(test, &values, false, variables); }))
                return found(values, false);
        }
        return all.complete ? FoundValues{} : cut_off(mixed_cap);
    }
    TextConstraints constraints(variables, type);
    for (const auto& test : texts) constraints.add(test, must_match(test));
    if (!shape.pattern.empty()) constraints.add_pattern(shape.pattern);
    if (of_all) constraints.add_pattern("?*");
    auto text = constraints.find(limits);
    bool relaxed = constraints.relaxed();
    if (of_all && text.kind != FoundText::Kind::found && shape.pattern.empty()) {
        const bool cut = text.kind == FoundText::Kind::too_many_states;
        text = find_empty(texts, variables, type, limits, relaxed);
        if (cut && text.kind == FoundText::Kind::none) return cut_off(states_cap);
    }
    if (text.kind == FoundText::Kind::too_many_states) return cut_off(states_cap);
    if (text.kind == FoundText::Kind::none) return {};
    return found({text.text}, relaxed);
}

// Every value of a list, and some values one at least.
struct ListTests {
    std::vector<KeyTest> of_each, of_one, all;
};

FoundValues find_typed_list(const ListTests& tests, const Variables& variables, policy::KeyType type) {
    const auto candidates_of_all = candidates(tests.all, type);
    std::vector<std::string> values;
    const auto find_one = [&](const KeyTest* wanted) {
        for (const auto& one : candidates_of_all.values) {
            const std::vector<std::string> single = {one};
            if (one.empty() || (wanted != nullptr && !fits(*wanted, &single, true, variables))) continue;
            if (!std::ranges::all_of(tests.of_each, [&](const KeyTest& test) { return fits(test, &single, true, variables); }))
                continue;
            values.push_back(one);
            return true;
        }
        return false;
    };
    bool good = !tests.of_one.empty() || find_one(nullptr);
    for (const auto& test : tests.of_one) good = good && find_one(&test);
    return good ? found(std::move(values), false) : cut_off("a list of numbers, dates or addresses");
}

FoundValues find_list(std::span<const KeyTest> tests, const Variables& variables, const Limits& limits) {
    ListTests sorted;
    const auto type = type_of(key_of(tests.front()));
    bool typed = false;
    for (const auto& test : tests) {
        if (test.condition->op.comparison == Comparison::null || test.condition->op.set == SetPrefix::none) {  // R54
            const std::vector<std::string> something = {"x"};
            if (!fits(test, &something, true, variables)) return {};
            continue;
        }
        typed = typed || !is_text(test.condition->op.comparison);
        (is_of_all(test) == test.wanted ? sorted.of_each : sorted.of_one).push_back(test);
        sorted.all.push_back(test);
    }
    if (typed) return find_typed_list(sorted, variables, type);
    TextConstraints constraints(variables, type);
    for (const auto& test : sorted.of_each) constraints.add(test, must_match(test));
    const size_t common = constraints.size();
    std::vector<std::string> values;
    bool cut = false;
    const auto find_one = [&](const KeyTest* wanted, bool empty_too) {
        for (const bool something : {true, false}) {
            if (!something && !empty_too) break;
            if (wanted != nullptr) constraints.add(*wanted, must_match(*wanted));
            if (something) constraints.add_pattern("?*");
            const auto text = constraints.find(limits);
            constraints.shrink(common);
            cut = cut || text.kind == FoundText::Kind::too_many_states;
            if (text.kind != FoundText::Kind::found) continue;
            if (std::ranges::find(values, text.text) == values.end()) values.push_back(text.text);
            return true;
        }
        return false;
    };
    bool good = true;
    for (const auto& test : sorted.of_one) good = good && find_one(&test, true);
    // Of a list of nothing but empty values, other things are true.
    if (good && std::ranges::all_of(values, &std::string::empty)) good = find_one(nullptr, false);
    bool relaxed = constraints.relaxed();
    if (!good) {
        values = {""};
        const auto text = find_empty(sorted.all, variables, type, limits, relaxed);
        good = text.kind == FoundText::Kind::found;
        cut = cut || text.kind == FoundText::Kind::too_many_states;
    }
    if (good) return found(std::move(values), relaxed);
    return cut ? cut_off(states_cap) : FoundValues{};
}

}  // namespace

FoundValues find_values(std::span<const KeyTest> tests, const KeyShape& shape, const Variables& variables, const Limits& limits) {
    if (shape.may_be_missing &&
        std::ranges::all_of(tests, [&](const KeyTest& test) { return fits(test, nullptr, false, variables); })) {
        return {.kind = FoundValues::Kind::found, .cap = "", .missing = true, .values = {}, .relaxed = false};
    }
    if (!shape.may_be_there) return {};
    return shape.is_list ? find_list(tests, variables, limits) : find_single(tests, shape, variables, limits);
}

PatternTokens tokens_of(const policy::Pattern& pattern, const policy::PatternTables& tables, const Variables& variables,
                        bool folded) {
    PatternTokens out;
    switch (pattern.shape) {
        case Shape::nothing:
            out.matches_nothing = true;
            return out;
        case Shape::everything:
            add_wildcard(out.tokens, Token::Kind::star);
            return out;
        case Shape::exact:
            add_literal(out.tokens, tables.text(pattern.where), folded);
            return out;
        case Shape::prefix:
            add_literal(out.tokens, tables.text(pattern.where), folded);
            add_wildcard(out.tokens, Token::Kind::star);
            return out;
        default:
            break;
    }
    const auto pieces = tables.pieces.subspan(pattern.where.at, pattern.where.size);
    // Of an ARN pattern with variables, wildcards before the fifth colon, the variables' own colons counted, stay inside their segment.
    const bool counts_colons = pattern.shape == Shape::arn_variables;
    int colons = 0;
    const auto set = [&](Piece::Kind kind) {
        // Behind a variable of unknown value it is not known how many colons there have been.
        const bool in_head = counts_colons && colons < head_colons && out.open.empty();
        const bool inside = kind == Piece::Kind::any_inside || kind == Piece::Kind::one_inside || in_head;
        return inside ? Characters::no_colon : Characters::all;
    };
    const auto literal = [&](std::string_view text) {
        colons += static_cast<int>(std::ranges::count(text, ':'));
        add_literal(out.tokens, text, folded);
    };
    for (const auto& piece : pieces) {
        switch (piece.kind) {
            case Piece::Kind::literal:
                literal(tables.text(piece.text));
                break;
            case Piece::Kind::one:
            case Piece::Kind::one_inside:
                add_wildcard(out.tokens, Token::Kind::one, set(piece.kind));
                break;
            case Piece::Kind::any:
            case Piece::Kind::any_inside:
                add_wildcard(out.tokens, Token::Kind::star, set(piece.kind));
                break;
            case Piece::Kind::variable: {
                const auto& variable = tables.variables[piece.text.at];
                const auto key = tables.text(variable.key);
                const auto* entry = variables.known->find(variable.key_hash, key);
                if (entry != nullptr && !entry->values.empty()) {
                    if (entry->multivalued || entry->values.size() != 1) out.matches_nothing = true;  // R70
                    literal(entry->values.front());
                } else if (variables.is_free != nullptr && variables.is_free(variables.of, key)) {
                    add_wildcard(out.tokens, Token::Kind::star);
                    out.open.emplace_back(key);
                    if (variable.has_fallback) out.open.back().append(",").append(tables.text(variable.fallback));
                } else if (variable.has_fallback) {
                    literal(tables.text(variable.fallback));
                } else {
                    out.matches_nothing = true;  // R68
                }
                break;
            }
        }
    }
    if (counts_colons && colons < head_colons && out.open.empty()) out.matches_nothing = true;
    return out;
}

}  // namespace proof
