// Finds the statements of a large policy that a request may concern, without asking each: what it costs grows with the length of
// the resource, not with the number of statements.
//
//   group   the service of the action, or, in a policy with principals, a principal's name; one more for statements of no one
//   group node    a trie over the literal beginnings of the group's resource patterns: the path that the request's resource takes
//           passes every pattern whose literal beginning it has
//   entry   a statement and the pattern that put it there; entries of one exact action are sorted by it, the others come first
//
// The index proposes, the engine decides: every statement that applies is proposed, most that do not apply are not. Small
// policies have none: asking eight statements is faster than looking them up.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "policy/glob.hpp"

namespace policy {

// A hash table: the group with key k stands at the first place from k % size on that is its own, before any empty one.
struct IndexGroup {
    uint64_t key = 0;   // 0: empty
    uint32_t node = 0;  // its root
};

struct IndexNode {
    Text label;                 // what the path says from the parent to here
    Text children;              // a range of the nodes, and of the branches: their labels' first characters
    Text entries;               // a range
    uint32_t wild_entries = 0;  // how many of them are for no one action
};

struct IndexEntry {
    uint32_t statement = 0;
    uint32_t resource = 0;  // which pattern of the policy; `whole_element` if the element must be asked as a whole
    uint32_t action = 0;    // the low half of the exact action's hash
};

class Index {
public:
    static constexpr uint32_t whole_element = UINT32_MAX;
    static constexpr uint64_t no_group = 1;  // of statements that every request may concern
    static constexpr size_t statements_min = 9;
    // The key of what is known by this hash.
    [[nodiscard]] static constexpr uint64_t group_of(uint64_t hash) { return hash | 2; }
    // One bit of 64 for a group: a filter, not an identity.
    [[nodiscard]] static constexpr uint64_t group_bit(uint64_t key) { return uint64_t{1} << (key >> 58); }

    struct Draft {
        std::vector<IndexGroup> groups;
        std::vector<IndexNode> nodes;
        std::vector<char> branches;
        std::vector<IndexEntry> entries;
    };
    struct Item {
        uint64_t group = no_group;
        std::string_view prefix;  // the pattern's literal beginning …
        Text where;               // … in the policy's characters
        bool exact_action = false;
        IndexEntry entry;
    };
    [[nodiscard]] static Draft build(std::vector<Item> items);

    Index(std::span<const IndexGroup> groups, std::span<const IndexNode> nodes, std::span<const char> branches,
          std::span<const IndexEntry> entries)
        : groups_(groups), nodes_(nodes), branches_(branches), entries_(entries) {}

    [[nodiscard]] bool empty() const { return groups_.empty(); }

    // Calls visit(entry) for the group's entries until it returns false; false if it did. `characters` are the policy's.
    template <class Visit>
    bool each(uint64_t group, std::string_view characters, std::string_view resource, uint64_t action_hash, Visit&& visit) const {
        const auto* root = find(group);
        if (!root) return true;
        const auto* node = &nodes_[root->node];
        for (size_t at = 0;;) {
            const std::string_view label(characters.data() + node->label.at, node->label.size);
            if (!begins_with(resource.substr(at), label)) return true;
            at += label.size();
            if (!visit_entries(*node, static_cast<uint32_t>(action_hash), visit)) return false;
            if (at == resource.size() || node->children.size == 0) return true;
            const auto* branches = branches_.data() + node->children.at;
            const auto* branch = static_cast<const char*>(std::memchr(branches, resource[at], node->children.size));
            if (!branch) return true;
            node = &nodes_[node->children.at + static_cast<size_t>(branch - branches)];
        }
    }

private:
    [[nodiscard]] const IndexGroup* find(uint64_t key) const {
        const auto mask = groups_.size() - 1;
        for (auto place = key & mask;; place = (place + 1) & mask) {
            if (groups_[place].key == key) return &groups_[place];
            if (groups_[place].key == 0) return nullptr;
        }
    }

    template <class Visit>
    bool visit_entries(const IndexNode& node, uint32_t action, Visit& visit) const {
        const auto entries = entries_.subspan(node.entries.at, node.entries.size);
        for (size_t i = 0; i < node.wild_entries; ++i)
            if (!visit(entries[i])) return false;
        const auto exact = entries.subspan(node.wild_entries);
        auto found = std::ranges::lower_bound(exact, action, {}, &IndexEntry::action);
        for (; found != exact.end() && found->action == action; ++found)
            if (!visit(*found)) return false;
        return true;
    }

    std::span<const IndexGroup> groups_;
    std::span<const IndexNode> nodes_;
    std::span<const char> branches_;  // one for each node
    std::span<const IndexEntry> entries_;
};

}  // namespace policy
