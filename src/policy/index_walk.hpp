// A request asks a policy's index (index.hpp). Inline: this is what a decision does.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "policy/compile.hpp"
#include "policy/terms.hpp"

namespace policy {

// Calls visit(entry) for the entries that a request may concern.
template <class Visit>
class IndexWalk {
public:
    IndexWalk(const CompiledPolicy& policy, RequestTerms& request, const Visit& visit)
        : policy_(policy), request_(request), visit_(visit) {}

    // Those of one group, until visit(entry) returns false; false if it did.
    [[gnu::noinline]] bool each(uint64_t group) {
        const auto* root = find(group);
        if (!root || (root->actions & Index::action_bit(request_.action_key)) == 0) return true;
        const auto resource = request_.resource;
        const auto* nodes = policy_.index_nodes();
        const auto* node = nodes + root->node;
        for (size_t at = 0;;) {
            if (!begins_with(resource.substr(at), policy_.text(node->label))) return true;
            at += node->label.size;
            if (node->entries.size != 0 && !visit_entries(*node, at == resource.size())) return false;
            if (node->tables.size != 0 && !ask_tables(*node, at)) return false;
            if (at == resource.size() || node->children.size == 0) return true;
            const auto* branches = policy_.index_branches() + node->children.at;
            const auto* branch = static_cast<const char*>(std::memchr(branches, resource[at], node->children.size));
            if (!branch) return true;
            node = nodes + node->children.at + (branch - branches);
        }
    }

private:
    [[nodiscard]] const IndexGroup* find(uint64_t key) const {
        const auto groups = policy_.index_groups();
        const auto mask = groups.size() - 1;
        for (auto place = key & mask;; place = (place + 1) & mask) {
            if (groups[place].key == key) return &groups[place];
            if (groups[place].key == 0) return nullptr;
        }
    }

    bool visit_entries(const IndexNode& node, bool at_end) {
        const auto entries = policy_.index_entries().subspan(node.entries.at, node.entries.size);
        for (size_t i = 0; i < node.wild_entries; ++i)
            if (is_possible(entries[i], at_end) && !visit_(entries[i])) return false;
        const auto exact = entries.subspan(node.wild_entries);
        auto found = std::ranges::lower_bound(exact, request_.action_key, {}, &IndexEntry::action);
        for (; found != exact.end() && found->action == request_.action_key; ++found)
            if (is_possible(*found, at_end) && !visit_(*found)) return false;
        return true;
    }
    // `at_end`: the trie has compared the whole resource.
    static bool is_possible(const IndexEntry& entry, bool at_end) { return at_end || entry.beyond != IndexEntry::Beyond::end; }

    // Kept out of the walk: few nodes have tables.
    [[gnu::noinline]] bool ask_tables(const IndexNode& node, size_t depth) {
        for (const IndexTable& table : policy_.index_tables().subspan(node.tables.at, node.tables.size))
            if (!Asked(*this, table, depth).ask()) return false;
        return true;
    }

    // One table, asked with all terms of a request that are of its kind.
    class Asked {
    public:
        // `depth`: how much of the resource the trie has compared.
        Asked(IndexWalk& walk, const IndexTable& table, size_t depth)
            : walk_(walk),
              request_(walk.request_),
              table_(table),
              entries_(&walk.policy_.index_entries()[table.entries.at]),
              terms_(walk.policy_.index_terms() + table.terms),
              depth_(depth),
              left_(table.entries.size / 4) {}

        bool ask() {
            switch (table_.kind) {
                case TermKind::action:
                    return look_up(request_.action_key);
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
            if (entry.action != 0 && entry.action != request_.action_key) return true;
            return !is_possible(entry, depth_ == request_.resource.size()) || walk_.visit_(entry);
        }
        bool visit_all() {
            for (uint32_t i = 0; i < table_.entries.size; ++i)
                if (!visit_one(entries_[i])) return false;
            done_ = true;
            return true;
        }
        bool look_up(uint32_t term) {
            const auto* bucket = terms_ + table_.entries.size + (term >> (32 - table_.bits));
            const uint32_t end = bucket[1];
            uint32_t at = bucket[0];
            constexpr uint32_t scanned_max = 8;
            if (end - at > scanned_max) at = static_cast<uint32_t>(std::lower_bound(terms_ + at, terms_ + end, term) - terms_);
            while (at < end && terms_[at] < term) ++at;
            uint32_t behind = at;
            while (behind < end && terms_[behind] == term) ++behind;
            if (behind - at > left_) return visit_all();
            left_ -= behind - at;
            for (; at < behind; ++at)
                if (!visit_one(entries_[at])) return false;
            return true;
        }
        [[nodiscard]] bool has_length(size_t length) const { return (table_.lengths >> (length - 1) & 1) != 0; }

        bool ask_ends(std::string_view text) {
            for (size_t length = 1; length <= std::min(text.size(), term::end_max) && !done_; ++length)
                if (has_length(length) && !look_up(term::of_end(text.substr(text.size() - length)))) return false;
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
                if (segment.begin < depth_ || !has_length(segment.length)) continue;
                if (!look_up(segment.term)) return false;
                if (done_) break;
            }
            return true;
        }
        bool ask_condition() {
            if (request_.skips_conditions) return visit_all();
            const auto* entry = request_.context.find(table_.key_hash, walk_.policy_.text(table_.key));
            if (!entry || entry->multivalued || entry->values.size() != 1) return true;
            return look_up(request_.term_of(*entry));
        }

        IndexWalk& walk_;
        RequestTerms& request_;
        const IndexTable& table_;
        const IndexEntry* entries_;
        const uint32_t* terms_;
        const size_t depth_;
        size_t left_;        // entries that may be proposed by their terms: a text may have one term many times
        bool done_ = false;  // all are proposed
    };

    const CompiledPolicy& policy_;
    RequestTerms& request_;
    const Visit& visit_;
};

}  // namespace policy
