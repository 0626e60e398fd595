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
// its entries, it proposes them all (Index::Asked).
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "policy/glob.hpp"
#include "policy/table.hpp"
#include "policy/terms.hpp"

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
    Text tables;                // a range: the entries that are in none of them are in `entries`
};

struct IndexEntry {
    // What more than the pattern's literal beginning, which the trie has compared, a resource must have: of `literal*` nothing, of a
    // pattern without wildcards its end, of others the pattern has to be asked.
    enum class Beyond : uint32_t { pattern, nothing, end };

    uint32_t statement = 0;
    uint32_t resource : 30 = 0;  // which pattern of the policy; `whole_element` if the element must be asked as a whole
    Beyond beyond : 2 = Beyond::pattern;
    uint32_t action = 0;  // the low half of the exact action's hash
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
    uint8_t lengths = 0;  // ends: the bit 1 << length - 1 for every length that there is
};

class Index {
public:
    static constexpr uint32_t whole_element = (uint32_t{1} << 30) - 1;
    static constexpr uint32_t resource_fits = whole_element - 1;  // a pattern does, no need to ask it (resource_of)
    static constexpr uint64_t no_group = 1;                       // of statements that every request may concern
    static constexpr size_t statements_min = 9;
    static constexpr size_t entries_asked_max = 16;  // at one node, of one action: of more, tables are made
    static constexpr size_t keys_max = 4;            // at one node, that entries are found by
    // The key of what is known by this hash.
    [[nodiscard]] static constexpr uint64_t group_of(uint64_t hash) { return hash | 2; }
    // One bit of 64 for a group: a filter, not an identity.
    [[nodiscard]] static constexpr uint64_t group_bit(uint64_t key) { return uint64_t{1} << (key >> 58); }

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
            uint8_t length = 0;  // of an end
        };
        TermKind kind = TermKind::action;
        uint64_t key_hash = 0;  // of a condition
        Text key;
        std::vector<Term> terms;
    };
    // The demands of an item; with grams of its resource or, since they are many, without.
    using DemandsOf = std::function<std::vector<Demand>(const Item& item, bool grams)>;
    [[nodiscard]] static Draft build(std::vector<Item> items, const DemandsOf& demands_of);

    [[nodiscard]] static uint32_t resource_of(const IndexEntry& entry) {
        return entry.beyond == IndexEntry::Beyond::pattern ? entry.resource : resource_fits;
    }

    struct Parts {
        Table<IndexGroup> groups;
        Table<IndexNode> nodes;
        Table<char> branches;  // one for each node
        Table<IndexEntry> entries;
        Table<IndexTable> tables;
        Table<uint32_t> terms;
        std::string_view characters;  // the policy's
    };
    explicit Index(const Parts& parts) : parts_(parts) {}

    // Calls visit(entry) for the group's entries until it returns false; false if it did.
    template <class Visit>
    bool each(uint64_t group, RequestTerms& request, Visit&& visit) const {
        const auto* root = find(group);
        if (!root) return true;
        const auto resource = request.resource;
        const auto* node = &parts_.nodes[root->node];
        for (size_t at = 0;;) {
            if (!begins_with(resource.substr(at), text(node->label))) return true;
            at += node->label.size;
            if (!visit_entries(*node, request.action_hash, at == resource.size(), visit)) return false;
            if (node->tables.size != 0 && !ask_tables(*node, at, request, visit)) return false;
            if (at == resource.size() || node->children.size == 0) return true;
            const auto* branches = parts_.branches.data() + node->children.at;
            const auto* branch = static_cast<const char*>(std::memchr(branches, resource[at], node->children.size));
            if (!branch) return true;
            node = &parts_.nodes[node->children.at + static_cast<size_t>(branch - branches)];
        }
    }

private:
    [[nodiscard]] std::string_view text(Text range) const { return {parts_.characters.data() + range.at, range.size}; }

    [[nodiscard]] const IndexGroup* find(uint64_t key) const {
        const auto mask = parts_.groups.size() - 1;
        for (auto place = key & mask;; place = (place + 1) & mask) {
            if (parts_.groups[place].key == key) return &parts_.groups[place];
            if (parts_.groups[place].key == 0) return nullptr;
        }
    }

    template <class Visit>
    bool visit_entries(const IndexNode& node, uint32_t action, bool at_end, Visit& visit) const {
        const auto entries = parts_.entries.subspan(node.entries.at, node.entries.size);
        for (size_t i = 0; i < node.wild_entries; ++i)
            if (is_possible(entries[i], at_end) && !visit(entries[i])) return false;
        const auto exact = entries.subspan(node.wild_entries);
        auto found = std::ranges::lower_bound(exact, action, {}, &IndexEntry::action);
        for (; found != exact.end() && found->action == action; ++found)
            if (is_possible(*found, at_end) && !visit(*found)) return false;
        return true;
    }
    // `at_end`: the trie has compared the whole resource.
    static bool is_possible(const IndexEntry& entry, bool at_end) { return at_end || entry.beyond != IndexEntry::Beyond::end; }

    // Kept out of the walk: few nodes have tables.
    template <class Visit>
    [[gnu::noinline]] bool ask_tables(const IndexNode& node, size_t depth, RequestTerms& request, Visit& visit) const {
        for (const IndexTable& table : parts_.tables.subspan(node.tables.at, node.tables.size))
            if (!Asked(*this, table, depth, request, visit).ask()) return false;
        return true;
    }

    // One table, asked with all terms of a request that are of its kind.
    template <class Visit>
    class Asked {
    public:
        // `depth`: how much of the resource the trie has compared.
        Asked(const Index& index, const IndexTable& table, size_t depth, RequestTerms& request, Visit& visit)
            : index_(index), table_(table), depth_(depth), request_(request), visit_(visit), left_(table.entries.size / 4) {}

        bool ask() {
            switch (table_.kind) {
                case TermKind::action:
                    return look_up(request_.action_hash);
                case TermKind::action_end:
                    return ask_ends(request_.action);
                case TermKind::action_gram:
                    return ask_grams(request_.action.substr(std::min(request_.action.find(':'), request_.action.size())),
                                     term::action_gram_size, [](const char* at) { return term::of_action_gram(at); });
                case TermKind::condition:
                    return ask_condition();
                case TermKind::end:
                    return ask_ends(request_.resource.substr(depth_));
                case TermKind::segment:
                    return ask_segments();
                case TermKind::gram:
                    return ask_grams(request_.resource.substr(depth_), term::gram_size,
                                     [](const char* at) { return term::of_gram(at); });
            }
            return visit_all();
        }

    private:
        bool visit_one(const IndexEntry& entry) {
            if (entry.action != 0 && entry.action != request_.action_hash) return true;
            return !is_possible(entry, depth_ == request_.resource.size()) || visit_(entry);
        }
        bool visit_all() {
            for (const IndexEntry& entry : index_.parts_.entries.subspan(table_.entries.at, table_.entries.size))
                if (!visit_one(entry)) return false;
            done_ = true;
            return true;
        }
        bool look_up(uint32_t term) {
            const auto* terms = index_.parts_.terms.data() + table_.terms;
            const auto* bucket = terms + table_.entries.size + (term >> (32 - table_.bits));
            const uint32_t end = bucket[1];
            uint32_t at = bucket[0];
            constexpr uint32_t scanned_max = 8;
            if (end - at > scanned_max) at = static_cast<uint32_t>(std::lower_bound(terms + at, terms + end, term) - terms);
            while (at < end && terms[at] < term) ++at;
            uint32_t behind = at;
            while (behind < end && terms[behind] == term) ++behind;
            if (behind - at > left_) return visit_all();
            left_ -= behind - at;
            for (; at < behind; ++at)
                if (!visit_one(index_.parts_.entries[table_.entries.at + at])) return false;
            return true;
        }
        bool ask_ends(std::string_view text) {
            for (size_t length = 1; length <= std::min(text.size(), term::end_max) && !done_; ++length)
                if ((table_.lengths >> (length - 1) & 1) != 0 && !look_up(term::of_end(text.substr(text.size() - length))))
                    return false;
            return true;
        }
        template <class TermOf>
        bool ask_grams(std::string_view text, size_t size, TermOf term_of) {
            constexpr size_t grams_an_entry = 8;  // that cost about as much as matching the entry's pattern
            if (text.size() / grams_an_entry > table_.entries.size) return visit_all();
            for (size_t at = 0; at + size <= text.size() && !done_; ++at)
                if (!look_up(term_of(text.data() + at))) return false;
            return true;
        }
        bool ask_segments() {
            if (!request_.has_segments()) return visit_all();
            for (const RequestTerms::Segment& segment : request_.segments()) {
                if (segment.begin < depth_) continue;
                if (!look_up(segment.term)) return false;
                if (done_) break;
            }
            return true;
        }
        bool ask_condition() {
            if (request_.skips_conditions) return visit_all();
            const auto* entry = request_.context.find(table_.key_hash, index_.text(table_.key));
            if (!entry || entry->multivalued || entry->values.size() != 1) return true;
            return look_up(term::of_text(entry->values.front()));
        }

        const Index& index_;
        const IndexTable& table_;
        const size_t depth_;
        RequestTerms& request_;
        Visit& visit_;
        size_t left_;        // entries that may be proposed by their terms: a text may have one term many times
        bool done_ = false;  // all are proposed
    };

    Parts parts_;
};

}  // namespace policy
