// What a policy becomes when it is parsed: arrays of small records that point into one another, in one block of memory. A policy
// is one allocation and its text; deciding reads it front to back. Only the engine and `proof` look inside.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "policy/catalogue.hpp"
#include "policy/condition.hpp"
#include "policy/glob.hpp"
#include "policy/index.hpp"
#include "policy/policy.hpp"
#include "policy/principal.hpp"
#include "policy/table.hpp"

namespace policy {

// An item of an Action element, in lower case. One that can name no action is left out (R38).
struct ActionPattern {
    uint32_t key = 0;      // action_key, if it is an exact name
    uint32_t service = 0;  // the low half of the service prefix's hash_of; 0 for `*`
    // The catalogue's actions that it names. Of a pattern that no range of them is, like `s3:*Object`, none: it has to be asked.
    ActionPlaces listed;
    bool asks_pattern = false;
    Pattern pattern;
};

// `lower`: what the pattern was compiled from. Says nothing of its service.
[[nodiscard]] ActionPattern action_pattern(const Pattern& pattern, std::string_view lower);

struct CompiledStatement {
    Effect effect = Effect::deny;
    // Could not be compiled (parse_stored only): never allows; if it denies, always denies (R73).
    bool broken = false;
    bool not_action = false;
    bool not_resource = false;
    bool any_resource = false;  // no Resource element: trust policies (R48)
    bool has_principal = false;
    bool not_principal = false;
    bool asks_action_patterns = false;  // of any of its actions
    uint64_t services = 0;              // service_bit of every service that the actions can be of
    // Ranges of the policy's tables.
    Text actions, resources, principals, conditions;
};

// One bit of 64 for a service prefix: a filter, not an identity. ~0 stands for every service.
[[nodiscard]] inline uint64_t service_bit(uint64_t service_hash) { return uint64_t{1} << (service_hash & 63); }
// The index's group of a service, by the low half of its hash.
[[nodiscard]] inline uint64_t service_group(uint32_t service_hash) {
    return Index::group_of(service_hash * 0x9e3779b97f4a7c15ULL);
}

struct CompiledStatementInfo {
    Text sid;
    text::Position position;
};

// The tables while the policy is parsed.
struct Draft {
    ConditionPool pool;  // characters (the document's own first), pieces, variables, condition values, networks
    std::vector<CompiledStatement> statements;
    std::vector<CompiledStatementInfo> infos;
    std::vector<ActionPattern> actions;
    std::vector<Pattern> resources;
    std::vector<PrincipalEntry> principals;
    std::vector<Condition> conditions;
    Index::Draft index;
};

[[nodiscard]] Policy::Summary summarize(const Draft& draft, PolicyKind kind);

class CompiledPolicy {
public:
    explicit CompiledPolicy(const Draft& draft);

    [[nodiscard]] Table<CompiledStatement> statements() const { return view<CompiledStatement>(statements_); }
    [[nodiscard]] Table<CompiledStatementInfo> infos() const { return view<CompiledStatementInfo>(infos_); }
    [[nodiscard]] std::span<const ActionPattern> actions(const CompiledStatement& s) const {
        return {first<ActionPattern>(actions_) + s.actions.at, s.actions.size};
    }
    [[nodiscard]] std::span<const Pattern> resources(const CompiledStatement& s) const {
        return {first<Pattern>(resources_) + s.resources.at, s.resources.size};
    }
    [[nodiscard]] std::span<const Condition> conditions(const CompiledStatement& s) const {
        return {first<Condition>(conditions_) + s.conditions.at, s.conditions.size};
    }
    [[nodiscard]] PrincipalClause principals(const CompiledStatement& s) const {
        return {s.has_principal,
                s.not_principal,
                {first<PrincipalEntry>(principals_) + s.principals.at, s.principals.size},
                first<char>(characters_)};
    }
    [[nodiscard]] const Pattern& resource(uint32_t index) const { return first<Pattern>(resources_)[index]; }
    [[nodiscard]] Table<PrincipalEntry> all_principals() const { return view<PrincipalEntry>(principals_); }
    [[nodiscard]] Table<PatternVariable> all_variables() const { return view<PatternVariable>(variables_); }

    [[nodiscard]] std::string_view characters() const {
        const auto chars = view<char>(characters_);
        return {chars.data(), chars.size()};
    }
    [[nodiscard]] std::string_view text(Text range) const { return {first<char>(characters_) + range.at, range.size}; }
    [[nodiscard]] PatternTables patterns() const {
        return {first<char>(characters_), first<PatternPiece>(pieces_), first<PatternVariable>(variables_)};
    }
    [[nodiscard]] ConditionTables condition_tables() const {
        return {patterns(), first<ConditionValue>(values_), first<Network>(networks_)};
    }
    [[nodiscard]] bool has_index() const { return ends_[groups_] != ends_[groups_ - 1]; }
    [[nodiscard]] Table<IndexGroup> index_groups() const { return view<IndexGroup>(groups_); }
    [[nodiscard]] const IndexNode* index_nodes() const { return first<IndexNode>(nodes_); }
    [[nodiscard]] const char* index_branches() const { return first<char>(branches_); }  // one for each node
    [[nodiscard]] Rows<IndexEntry> index_entries() const { return first<IndexEntry>(entries_); }
    [[nodiscard]] Rows<IndexTable> index_tables() const { return first<IndexTable>(tables_); }
    [[nodiscard]] const uint32_t* index_terms() const { return first<uint32_t>(terms_); }

    [[nodiscard]] size_t bytes() const { return ends_[characters_]; }

private:
    // The arrays stand in the order of their alignment, so each begins where the one before it ends.
    enum Section : uint8_t {
        statements_,
        principals_,
        conditions_,
        values_,
        variables_,
        groups_,
        tables_,
        actions_,
        networks_,
        infos_,
        resources_,
        pieces_,
        nodes_,
        entries_,
        terms_,
        branches_,
        characters_,
        section_count,
    };
    template <class T>
    [[nodiscard]] const T* first(Section section) const {
        return reinterpret_cast<const T*>(block_.get() + (section == 0 ? 0 : ends_[section - 1]));
    }
    template <class T>
    [[nodiscard]] Table<T> view(Section section) const {
        return {first<T>(section), ends_[section] - (section == 0 ? 0 : ends_[section - 1])};
    }
    std::unique_ptr<std::byte[]> block_;
    std::array<uint32_t, section_count> ends_{};  // in bytes
};

// What parse makes: a policy and its tables in one piece.
class ParsedPolicy final : public Policy {
public:
    ParsedPolicy(PolicyKind kind, bool variables, uint32_t text_size, const Draft& draft)
        : Policy(kind, variables, text_size, summarize(draft, kind)), compiled_(draft) {}

private:
    friend class Policy;
    CompiledPolicy compiled_;
};

inline const CompiledPolicy& Policy::compiled() const { return static_cast<const ParsedPolicy&>(*this).compiled_; }

}  // namespace policy
