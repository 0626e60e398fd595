#include "policy/statement_index.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "policy/fits.hpp"

namespace policy {

namespace {

using Demand = Index::Demand;
using Kind = PatternPiece::Kind;
using Shape = Pattern::Shape;

constexpr size_t items_max = 64;         // of one statement in one group
constexpr size_t segments_max = 16;      // of a pattern, that it may be found by
constexpr size_t grams_max = 64;         // the same
constexpr size_t alternatives_max = 16;  // values of a condition, or patterns of an action, that a statement may be found by

template <class T>
std::vector<T> distinct(std::vector<T> values) {
    std::ranges::sort(values);
    values.erase(std::unique(values.begin(), values.end()), values.end());
    return values;
}

// A literal of a pattern, and whether every match ends with it.
struct Literal {
    std::string_view text;
    bool is_last = false;
};

class StatementIndex {
public:
    StatementIndex(const Draft& draft, PolicyKind kind)
        : draft_(draft), tables_(draft.pool.patterns.tables()), has_principals_(has_principals(kind)) {}

    [[nodiscard]] std::vector<Index::Item> items() const {
        std::vector<Index::Item> items;
        for (uint32_t i = 0; i < draft_.statements.size(); ++i) add_items(i, items);
        return items;
    }

    [[nodiscard]] std::vector<Demand> demands_of(const Index::Item& item, bool grams) const {
        std::vector<Demand> out;
        const auto& statement = draft_.statements[item.entry.statement];
        if (statement.broken) return out;
        if (item.exact_action)
            out.push_back({.kind = TermKind::action, .terms = {{item.entry.action}}});
        else if (!statement.not_action)
            add_action_demands(actions_in(item, statement), grams, out);
        if (item.entry.resource != Index::whole_element) add_resource_demands(draft_.resources[item.entry.resource], grams, out);
        if (!grams)
            for (const Condition& condition : part(draft_.conditions, statement.conditions)) add_condition_demand(condition, out);
        return out;
    }

private:
    template <class T>
    static std::span<const T> part(const std::vector<T>& all, Text range) {
        return std::span(all).subspan(range.at, range.size);
    }

    static IndexEntry::Beyond beyond(const Pattern& pattern) {
        if (pattern.shape == Shape::exact) return IndexEntry::Beyond::end;
        const bool begins = pattern.shape == Shape::prefix || pattern.is_everything();
        return begins ? IndexEntry::Beyond::nothing : IndexEntry::Beyond::pattern;
    }

    void add_items(uint32_t number, std::vector<Index::Item>& items) const {
        const auto& statement = draft_.statements[number];
        const auto actions = part(draft_.actions, statement.actions);
        // The actions of one group, or all of them.
        const auto place = [&](uint64_t group, uint32_t service) {
            std::vector<uint32_t> exact;
            bool all_exact = !statement.broken && !statement.not_action;
            for (const auto& action : actions) {
                if (service != 0 && action.service != service) continue;
                all_exact = all_exact && action.key != 0;
                exact.push_back(action.key);
            }
            all_exact = all_exact && exact.size() * std::max<size_t>(1, statement.resources.size) <= items_max;
            if (!all_exact) exact.assign(1, 0);
            const auto add = [&](uint32_t resource, Text where, IndexEntry::Beyond beyond) {
                for (const auto action : exact)
                    items.push_back({.group = group,
                                     .prefix = tables_.text(where),
                                     .where = where,
                                     .exact_action = all_exact,
                                     .entry = {number, resource, beyond, action}});
            };
            if (statement.broken || statement.not_resource || statement.any_resource)
                return add(Index::whole_element, {}, IndexEntry::Beyond::pattern);
            for (uint32_t r = 0; r < statement.resources.size; ++r) {
                const Pattern& pattern = draft_.resources[statement.resources.at + r];
                add(statement.resources.at + r, tables_.literal_prefix(pattern), beyond(pattern));
            }
        };
        if (statement.broken) return place(Index::no_group, 0);
        if (has_principals_) {
            std::vector<uint64_t> groups;
            for (const auto& entry : part(draft_.principals, statement.principals))
                groups.push_back(entry.kind == PrincipalEntry::Kind::everyone ? Index::no_group : Index::group_of(entry.hash));
            if (statement.not_principal) groups.assign(1, Index::no_group);
            for (const auto group : distinct(std::move(groups))) place(group, 0);
            return;
        }
        std::vector<uint32_t> services;
        for (const auto& action : actions) services.push_back(action.service);
        if (statement.not_action || std::ranges::find(services, 0u) != services.end()) return place(Index::no_group, 0);
        for (const auto service : distinct(std::move(services))) place(service_group(service), service);
    }

    // The actions of the statement that the item's group is about.
    [[nodiscard]] std::vector<const ActionPattern*> actions_in(const Index::Item& item,
                                                               const CompiledStatement& statement) const {
        std::vector<const ActionPattern*> out;
        for (const auto& action : part(draft_.actions, statement.actions))
            if (has_principals_ || item.group == Index::no_group || item.group == service_group(action.service))
                out.push_back(&action);
        return out;
    }

    // The literals of a pattern, wildcards and variables left out; the first of a pattern that begins with one, too.
    [[nodiscard]] std::vector<Literal> literals_of(const Pattern& pattern) const {
        if (pattern.shape == Shape::exact) return {{tables_.text(pattern.where), true}};
        if (pattern.shape == Shape::prefix) return {{tables_.text(pattern.where), false}};
        if (pattern.shape != Shape::general && pattern.shape != Shape::variables) return {};
        std::vector<Literal> out;
        for (uint32_t i = 0; i < pattern.where.size; ++i) {
            const PatternPiece& piece = tables_.pieces[pattern.where.at + i];
            if (piece.kind == Kind::literal) out.push_back({tables_.text(piece.text), i + 1 == pattern.where.size});
        }
        return out;
    }

    // The literals that the index's trie has not compared.
    [[nodiscard]] std::vector<Literal> inner_literals_of(const Pattern& pattern) const {
        auto out = literals_of(pattern);
        if (tables_.literal_prefix(pattern).size > 0) out.erase(out.begin());
        return out;
    }

    static std::optional<Demand::Term> end_of(const std::vector<Literal>& literals) {
        if (literals.empty() || !literals.back().is_last) return std::nullopt;
        const auto text = literals.back().text;
        const auto end = text.substr(text.size() - std::min(text.size(), term::end_max));
        return Demand::Term{term::of_end(end), static_cast<uint8_t>(end.size())};
    }

    template <class TermOf>
    static std::vector<uint32_t> grams_of(const std::vector<Literal>& literals, size_t size, TermOf term_of) {
        std::vector<uint32_t> out;
        for (const auto& literal : literals)
            for (size_t at = 0; at + size <= literal.text.size() && out.size() < grams_max; ++at)
                out.push_back(term_of(literal.text.data() + at));
        return distinct(std::move(out));
    }

    void add_action_demands(const std::vector<const ActionPattern*>& actions, bool grams, std::vector<Demand>& out) const {
        if (actions.empty() || actions.size() > alternatives_max) return;
        Demand ends{.kind = TermKind::action_end, .terms = {}};
        Demand last_grams{.kind = TermKind::action_gram, .terms = {}};
        for (const ActionPattern* action : actions) {
            auto literals = literals_of(action->pattern);
            if (const auto end = end_of(literals)) ends.terms.push_back(*end);
            // Grams begin at the colon: every action of the service has what is before it.
            if (!literals.empty()) literals[0].text.remove_prefix(std::min(literals[0].text.find(':'), literals[0].text.size()));
            const auto of_action =
                grams_of(literals, term::action_gram_size, [](const char* at) { return term::of_action_gram(at); });
            if (grams && actions.size() == 1)
                for (const uint32_t gram : of_action) out.push_back({.kind = TermKind::action_gram, .terms = {{gram}}});
            if (!of_action.empty()) last_grams.terms.push_back({of_action.back()});
        }
        if (grams && actions.size() > 1 && last_grams.terms.size() == actions.size()) out.push_back(std::move(last_grams));
        if (!grams && ends.terms.size() == actions.size()) out.push_back(std::move(ends));
    }

    void add_resource_demands(const Pattern& pattern, bool grams, std::vector<Demand>& out) const {
        const auto literals = inner_literals_of(pattern);
        if (grams) {
            for (const uint32_t gram : grams_of(literals, term::gram_size, [](const char* at) { return term::of_gram(at); }))
                out.push_back({.kind = TermKind::gram, .terms = {{gram}}});
            return;
        }
        if (const auto end = end_of(literals)) out.push_back({.kind = TermKind::end, .terms = {*end}});
        std::set<std::pair<uint32_t, uint8_t>> segments;
        for (const auto& [text, is_last] : literals)
            term::each_segment(text, [&](size_t begin, size_t size) {
                // Whole in every match: what is before and behind it in the literal, or the end of the resource, bounds it.
                const bool is_whole = begin > 0 && (begin + size < text.size() || is_last);
                if (is_whole) segments.emplace(term::of_text(text.substr(begin, size)), term::length_of_segment(size));
                return segments.size() < segments_max;
            });
        for (const auto& [segment, length] : segments) out.push_back({.kind = TermKind::segment, .terms = {{segment, length}}});
    }

    // A condition that only requests with one of certain values fulfil. What holds without the key, or but for a value, is none; nor is
    // what depends on a variable, on case, or on several values.
    void add_condition_demand(const Condition& condition, std::vector<Demand>& out) const {
        const auto& op = condition.op;
        if (op.negated || op.if_exists || op.set != SetPrefix::none || condition.values.size > alternatives_max) return;
        if (op.comparison != Comparison::string_equals && op.comparison != Comparison::string_like &&
            op.comparison != Comparison::arn_like)
            return;
        Demand demand{.kind = TermKind::condition, .key_hash = condition.key_hash, .key = condition.key, .terms = {}};
        for (const ConditionValue& value : part(draft_.pool.values, condition.values)) {
            if (value.pattern.shape != Shape::exact) return;
            demand.terms.push_back({term::of_text(tables_.text(value.pattern.where))});
        }
        if (!demand.terms.empty()) out.push_back(std::move(demand));
    }

    const Draft& draft_;
    const PatternTables tables_;
    const bool has_principals_;
};

}  // namespace

Index::Draft index_of(const Draft& draft, PolicyKind kind) {
    if (draft.statements.size() < Index::statements_min) return {};
    const StatementIndex statements(draft, kind);
    return Index::build(statements.items(),
                        [&](const Index::Item& item, bool grams) { return statements.demands_of(item, grams); });
}

}  // namespace policy
