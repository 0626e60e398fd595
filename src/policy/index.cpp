#include "policy/index.hpp"

#include <bit>
#include <tuple>

namespace policy {

namespace {

using Items = std::span<Index::Item>;

size_t common_prefix(std::string_view a, std::string_view b) {
    return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

class Builder {
public:
    explicit Builder(Index::Draft& out) : out_(out) {}

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
        out_.nodes[node].entries = {static_cast<uint32_t>(out_.entries.size()), static_cast<uint32_t>(here)};
        for (const auto& item : items.first(here)) {
            out_.entries.push_back(item.entry);
            if (!item.exact_action) ++out_.nodes[node].wild_entries;
        }
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

    Index::Draft& out_;
};

}  // namespace

Index::Draft Index::build(std::vector<Item> items) {
    Draft out;
    if (items.empty()) return out;
    std::ranges::sort(items, {}, [](const Item& item) { return std::tuple(item.group, item.prefix); });
    size_t groups = 0;
    for (size_t i = 0; i < items.size(); ++i) groups += i == 0 || items[i].group != items[i - 1].group;
    out.groups.resize(std::bit_ceil(groups * 2));
    Builder builder(out);
    for (size_t from = 0; from < items.size();) {
        auto to = from + 1;
        while (to < items.size() && items[to].group == items[from].group) ++to;
        auto place = items[from].group & (out.groups.size() - 1);
        while (out.groups[place].key != 0) place = (place + 1) & (out.groups.size() - 1);
        out.groups[place] = {items[from].group, builder.root(Items(items).subspan(from, to - from))};
        from = to;
    }
    return out;
}

}  // namespace policy
