#include "policy/index.hpp"

#include <bit>
#include <map>
#include <tuple>
#include <unordered_map>

namespace policy {

namespace {

using Items = std::span<Index::Item>;

size_t common_prefix(std::string_view a, std::string_view b) {
    return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

// Which table a demand is for.
struct TableKey {
    TermKind kind = TermKind::action;
    uint64_t key_hash = 0;
    auto operator<=>(const TableKey&) const = default;
};
TableKey table_of(const Index::Demand& demand) { return {demand.kind, demand.key_hash}; }

// How many items of a node have each term.
class TermCounts {
public:
    void add(const Index::Demand& demand) {
        for (const auto& term : demand.terms) ++counts_[name_of(demand, term)];
    }
    // Of the demand's term that most items have.
    [[nodiscard]] uint32_t most(const Index::Demand& demand) const {
        uint32_t out = 0;
        for (const auto& term : demand.terms) out = std::max(out, counts_.at(name_of(demand, term)));
        return out;
    }

private:
    static uint64_t name_of(const Index::Demand& demand, const Index::Demand::Term& term) {
        return (static_cast<uint64_t>(demand.kind) << 32 | term.hash) ^ demand.key_hash;
    }
    std::unordered_map<uint64_t, uint32_t> counts_;
};

// Finds for each item of a node the demand that the fewest others share.
class Chooser {
public:
    struct Choice {
        bool is_made = false;
        uint32_t sharing = UINT32_MAX;  // how many have the term
        Index::Demand demand;
    };

    Chooser(Items items, const Index::DemandsOf& demands_of) : items_(items), demands_of_(demands_of), choices_(items.size()) {}

    std::vector<Choice> choose() && {
        std::vector<size_t> all(items_.size());
        for (size_t i = 0; i < all.size(); ++i) all[i] = i;
        choose_among(all, false);
        // Grams are many: only for the items that nothing else tells apart.
        std::erase_if(all, [&](size_t i) { return choices_[i].sharing <= Index::entries_asked_max; });
        choose_among(all, true);
        return std::move(choices_);
    }

private:
    void choose_among(const std::vector<size_t>& chosen, bool grams) {
        if (chosen.empty()) return;
        std::vector<std::vector<Index::Demand>> demands;
        for (const size_t i : chosen) demands.push_back(demands_of_(items_[i], grams));
        keep_frequent_keys(demands);
        TermCounts counts;
        for (const auto& of_item : demands)
            for (const auto& demand : of_item) counts.add(demand);
        for (size_t j = 0; j < chosen.size(); ++j) {
            Choice best;
            for (auto& demand : demands[j])
                if (const auto sharing = counts.most(demand); !best.is_made || sharing < best.sharing)
                    best = {true, sharing, std::move(demand)};
            Choice& choice = choices_[chosen[j]];
            // Looking for grams costs more than the rest: they have to be worth it.
            if (best.sharing > items_.size() / 4) continue;  // nothing is gained
            if (best.is_made && (!choice.is_made || best.sharing <= choice.sharing / 2)) choice = std::move(best);
        }
    }

    // Each key that is looked up costs every request.
    static void keep_frequent_keys(std::vector<std::vector<Index::Demand>>& demands) {
        std::map<uint64_t, size_t> items_of_key;
        for (const auto& of_item : demands)
            for (const auto& demand : of_item)
                if (demand.kind == TermKind::condition) ++items_of_key[demand.key_hash];
        if (items_of_key.size() <= Index::keys_max) return;
        std::vector<std::pair<size_t, uint64_t>> keys;
        for (const auto& [key, items] : items_of_key) keys.emplace_back(items, key);
        std::ranges::sort(keys, std::greater<>());
        keys.resize(Index::keys_max);
        for (auto& of_item : demands)
            std::erase_if(of_item, [&](const Index::Demand& demand) {
                return demand.kind == TermKind::condition &&
                       std::ranges::find(keys, demand.key_hash, &std::pair<size_t, uint64_t>::second) == keys.end();
            });
    }

    Items items_;
    const Index::DemandsOf& demands_of_;
    std::vector<Choice> choices_;
};

class Builder {
public:
    Builder(Index::Draft& out, const Index::DemandsOf& demands_of) : out_(out), demands_of_(demands_of) {}

    uint32_t root(Items items) {
        const auto node = add_node();
        fill(node, items, 0);
        return node;
    }

private:
    uint32_t add_node(char branch = 0) {
        out_.nodes.emplace_back();
        out_.branches.push_back(branch);
        return static_cast<uint32_t>(out_.nodes.size() - 1);
    }

    // `items` are sorted by prefix and agree in its first `depth` characters.
    void fill(uint32_t node, Items items, size_t depth) {
        const auto& first = items.front();
        const auto end = common_prefix(first.prefix, items.back().prefix);  // sorted: what the ends share, all share
        out_.nodes[node].label = {first.where.at + static_cast<uint32_t>(depth), static_cast<uint32_t>(end - depth)};
        // Those whose pattern's literal ends here.
        const auto here = static_cast<size_t>(
            std::ranges::find_if(items, [&](const auto& item) { return item.prefix.size() > end; }) - items.begin());
        std::ranges::sort(items.first(here), {}, [](const Index::Item& item) {
            return std::tuple(item.exact_action, item.exact_action ? item.entry.action : 0, item.entry.statement);
        });
        if (asked_at_most(items.first(here)) <= Index::entries_asked_max)
            add_entries(node, items.first(here));
        else
            add_tables(node, items.first(here));
        // Children stand side by side, so all are added before any is filled.
        std::vector<std::pair<size_t, size_t>> ranges;
        for (size_t from = here; from < items.size();) {
            auto to = from + 1;
            while (to < items.size() && items[to].prefix[end] == items[from].prefix[end]) ++to;
            ranges.emplace_back(from, to);
            from = to;
        }
        if (ranges.empty()) return;
        const auto first_child = static_cast<uint32_t>(out_.nodes.size());
        out_.nodes[node].children = {first_child, static_cast<uint32_t>(ranges.size())};
        for (const auto& [from, to] : ranges) add_node(items[from].prefix[end]);
        for (size_t i = 0; i < ranges.size(); ++i) {
            const auto [from, to] = ranges[i];
            fill(first_child + static_cast<uint32_t>(i), items.subspan(from, to - from), end);
        }
    }

    // How many a request may have to ask: those of no one action, and those of the action that has most. `items` are in order.
    static size_t asked_at_most(Items items) {
        size_t wild = 0, most = 0, of_action = 0;
        for (size_t i = 0; i < items.size(); ++i) {
            if (!items[i].exact_action) {
                ++wild;
                continue;
            }
            of_action =
                i > 0 && items[i - 1].exact_action && items[i - 1].entry.action == items[i].entry.action ? of_action + 1 : 1;
            most = std::max(most, of_action);
        }
        return wild + most;
    }

    void add_entries(uint32_t node, Items items) {
        out_.nodes[node].entries = {static_cast<uint32_t>(out_.entries.size()), static_cast<uint32_t>(items.size())};
        for (const auto& item : items) {
            out_.entries.push_back(item.entry);
            if (!item.exact_action) ++out_.nodes[node].wild_entries;
        }
    }

    struct Placed {
        Index::Demand::Term term;
        IndexEntry entry;
    };

    void add_tables(uint32_t node, Items items) {
        auto choices = Chooser(items, demands_of_).choose();
        std::map<TableKey, std::vector<Placed>> placed;
        std::map<uint64_t, Text> keys;
        std::vector<Index::Item> others;
        for (size_t i = 0; i < items.size(); ++i) {
            if (!choices[i].is_made) {
                others.push_back(items[i]);
                continue;
            }
            const auto& demand = choices[i].demand;
            for (const auto& term : demand.terms) placed[table_of(demand)].push_back({term, items[i].entry});
            if (demand.kind == TermKind::condition) keys[demand.key_hash] = demand.key;
        }
        add_entries(node, others);
        out_.nodes[node].tables = {static_cast<uint32_t>(out_.tables.size()), static_cast<uint32_t>(placed.size())};
        for (auto& [key, entries] : placed) {
            IndexTable table{.key_hash = key.key_hash, .kind = key.kind};
            if (key.kind == TermKind::condition) table.key = keys[key.key_hash];
            fill(table, entries);
            out_.tables.push_back(table);
        }
    }

    void fill(IndexTable& table, std::vector<Placed>& placed) {
        std::ranges::sort(placed, {}, [](const Placed& one) {
            return std::tuple(one.term.hash, one.entry.statement, one.entry.resource, one.entry.action);
        });
        table.entries = {static_cast<uint32_t>(out_.entries.size()), static_cast<uint32_t>(placed.size())};
        table.terms = static_cast<uint32_t>(out_.terms.size());
        table.bits = static_cast<uint8_t>(std::bit_width(placed.size()));  // twice as many beginnings as terms, at most
        for (const auto& one : placed) {
            out_.entries.push_back(one.entry);
            out_.terms.push_back(one.term.hash);
            if (one.term.length > 0) table.lengths |= static_cast<uint8_t>(1u << (one.term.length - 1));
        }
        uint32_t at = 0;
        for (uint64_t beginning = 0; beginning <= uint64_t{1} << table.bits; ++beginning) {
            while (at < placed.size() && placed[at].term.hash >> (32 - table.bits) < beginning) ++at;
            out_.terms.push_back(at);
        }
    }

    Index::Draft& out_;
    const Index::DemandsOf& demands_of_;
};

}  // namespace

Index::Draft Index::build(std::vector<Item> items, const DemandsOf& demands_of) {
    Draft out;
    if (items.empty()) return out;
    std::ranges::sort(items, {}, [](const Item& item) { return std::tuple(item.group, item.prefix); });
    size_t groups = 0;
    for (size_t i = 0; i < items.size(); ++i) groups += i == 0 || items[i].group != items[i - 1].group;
    out.groups.resize(std::bit_ceil(groups * 2));
    Builder builder(out, demands_of);
    for (size_t from = 0; from < items.size();) {
        auto to = from + 1;
        while (to < items.size() && items[to].group == items[from].group) ++to;
        auto place = items[from].group & (out.groups.size() - 1);
        while (out.groups[place].key != 0) place = (place + 1) & (out.groups.size() - 1);
        uint32_t actions = 0;
        for (size_t i = from; i < to; ++i) actions |= items[i].exact_action ? action_bit(items[i].entry.action) : UINT32_MAX;
        out.groups[place] = {items[from].group, builder.root(Items(items).subspan(from, to - from)), actions};
        from = to;
    }
    return out;
}

}  // namespace policy
