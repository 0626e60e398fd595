// Finds the statements of a large policy that a request may concern, without asking each: what it costs grows with the length of
// the resource, not with the number of statements.
//
//   group   the service of the action, or, in a policy with principals, a principal's name; one more for statements of no one
//   group node    a trie over the literal beginnings of the group's resource patterns: the path that the request's resource takes
//           passes every pattern whose literal beginning it has
//   entry   a statement and the pattern that put it there; entries of one exact action are sorted by it, the others come first
//   table   of a node with many entries: entries by a term (terms.hpp) that a request must have, for each entry the rarest of its own
//
// The index proposes, the engine decides: every statement that applies is proposed, most that do not apply are not. Small
// policies have none: asking eight statements is faster than looking them up.
//
// Who writes policies or names resources can make entries share their terms, or make terms collide: then a request asks each, as if
// there were no table. A table proposes at most a quarter more entries than it has, and where looking terms up would cost more than asking
// its entries, it proposes them all (index_walk.hpp).
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "policy/glob.hpp"
#include "policy/terms.hpp"

namespace policy {

// A hash table: the group with key k stands at the first place from k % size on that is its own, before any empty one.
struct IndexGroup {
    uint64_t key = 0;   // 0: empty
    uint32_t node = 0;  // its root
    uint32_t actions =
        0;  // the bit action_bit of every action that its entries are for: a filter; all, if one is for no one action
};

struct IndexNode {
    Text label;                 // what the path says from the parent to here
    Text children;              // a range of the nodes, and of the branches: their labels' first characters
    Text entries;               // a range
    uint32_t wild_entries = 0;  // how many of them are for no one action
    Text tables;                // a range: the entries that are in none of them are in `entries`
};

struct IndexEntry {
    // What more than the pattern's literal beginning, which the trie has compared, a resource must have: of `literal*` nothing, of a
    // pattern without wildcards its end, of others the pattern has to be asked.
    enum class Beyond : uint32_t { pattern, nothing, end };

    uint32_t statement = 0;
    uint32_t resource : 30 = 0;  // which pattern of the policy; `whole_element` if the element must be asked as a whole
    Beyond beyond : 2 = Beyond::pattern;
    uint32_t action = 0;  // the exact action's key (catalogue.hpp)
};

// A node's entries by one kind of term; conditions by one key. Sorted by term: of each first part of a term (its `bits` highest), the
// table knows where its entries begin.
struct IndexTable {
    uint64_t key_hash = 0;  // conditions: the key …
    Text key;               // … in lower case
    Text entries;           // a range
    uint32_t terms = 0;     // their terms, as many; then 2^bits + 1 beginnings, counted from the first entry
    TermKind kind = TermKind::action;
    uint8_t bits = 1;     // 1 to 31
    uint8_t lengths = 0;  // ends, segments: the bit 1 << length - 1 for every length that there is (Demand::Term)
};

class Index {
public:
    [[nodiscard]] static constexpr uint32_t action_bit(uint32_t key) { return uint32_t{1} << (key >> 27); }
    static constexpr uint32_t whole_element = (uint32_t{1} << 30) - 1;
    static constexpr uint32_t resource_fits = whole_element - 1;  // a pattern does, no need to ask it
    static constexpr uint64_t no_group = 1;                       // of statements that every request may concern
    static constexpr size_t statements_min = 9;
    static constexpr size_t entries_asked_max = 16;  // at one node, of one action: of more, tables are made
    static constexpr size_t keys_max = 4;            // at one node, that entries are found by
    // The key of what is known by this hash.
    [[nodiscard]] static constexpr uint64_t group_of(uint64_t hash) { return hash | 2; }
    // One bit of 64 for a group: a filter, not an identity, but for no_group, whose bit no other has.
    [[nodiscard]] static constexpr uint64_t group_bit(uint64_t key) {
        return uint64_t{1} << (key == no_group ? 63 : std::min<uint64_t>(key >> 58, 62));
    }

    struct Draft {
        std::vector<IndexGroup> groups;
        std::vector<IndexNode> nodes;
        std::vector<char> branches;
        std::vector<IndexEntry> entries;
        std::vector<IndexTable> tables;
        std::vector<uint32_t> terms;
    };
    struct Item {
        uint64_t group = no_group;
        std::string_view prefix;  // the pattern's literal beginning …
        Text where;               // … in the policy's characters
        bool exact_action = false;
        IndexEntry entry;
    };
    // Every request that an item fits has one of these terms.
    struct Demand {
        struct Term {
            uint32_t hash = 0;
            uint8_t length = 0;  // of an end, or of a segment: of one longer than eight, 8
        };
        TermKind kind = TermKind::action;
        uint64_t key_hash = 0;  // of a condition
        Text key;
        std::vector<Term> terms;
    };
    // The demands of an item; with grams of its resource or, since they are many, without.
    using DemandsOf = std::function<std::vector<Demand>(const Item& item, bool grams)>;
    [[nodiscard]] static Draft build(std::vector<Item> items, const DemandsOf& demands_of);
};

}  // namespace policy
