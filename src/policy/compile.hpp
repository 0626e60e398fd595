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

#include "policy/condition.hpp"
#include "policy/glob.hpp"
#include "policy/index.hpp"
#include "policy/policy.hpp"
#include "policy/principal.hpp"
#include "policy/table.hpp"

namespace policy {

// An item of an Action element, in lower case. One that can name no action is left out (R38).
struct ActionPattern {
    uint32_t hash = 0;     // the low half of the text's hash_of, if it is an exact name
    uint32_t service = 0;  // the low half of the service prefix's hash_of; 0 for `*`
    Pattern pattern;
};

struct CompiledStatement {
    Effect effect = Effect::deny;
    // Could not be compiled (parse_stored only): never allows; if it denies, always denies (R73).
    bool broken = false;
    bool not_action = false;
    bool not_resource = false;
    bool any_resource = false;  // no Resource element: trust policies (R48)
    bool has_principal = false;
    bool not_principal = false;
    uint64_t services = 0;  // service_bit of every service that the actions can be of
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
        return view<ActionPattern>(actions_).subspan(s.actions.at, s.actions.size);
    }
    [[nodiscard]] std::span<const Pattern> resources(const CompiledStatement& s) const {
        return view<Pattern>(resources_).subspan(s.resources.at, s.resources.size);
    }
    [[nodiscard]] std::span<const Condition> conditions(const CompiledStatement& s) const {
        return view<Condition>(conditions_).subspan(s.conditions.at, s.conditions.size);
    }
    [[nodiscard]] PrincipalClause principals(const CompiledStatement& s) const {
        return {s.has_principal, s.not_principal, view<PrincipalEntry>(principals_).subspan(s.principals.at, s.principals.size),
                characters()};
    }
    [[nodiscard]] const Pattern& resource(uint32_t index) const { return view<Pattern>(resources_)[index]; }
    [[nodiscard]] Table<PrincipalEntry> all_principals() const { return view<PrincipalEntry>(principals_); }

    [[nodiscard]] std::string_view characters() const {
        const auto chars = view<char>(characters_);
        return {chars.data(), chars.size()};
    }
    [[nodiscard]] std::string_view text(Text range) const { return characters().substr(range.at, range.size); }
    [[nodiscard]] PatternTables patterns() const {
        return {characters(), view<PatternPiece>(pieces_), view<PatternVariable>(variables_)};
    }
    [[nodiscard]] ConditionTables condition_tables() const {
        return {patterns(), view<ConditionValue>(values_), view<Network>(networks_)};
    }
    [[nodiscard]] bool has_index() const { return ends_[groups_] != ends_[groups_ - 1]; }
    [[nodiscard]] Index index() const {
        return Index({view<IndexGroup>(groups_), view<IndexNode>(nodes_), view<char>(branches_), view<IndexEntry>(entries_),
                      view<IndexTable>(tables_), view<uint32_t>(terms_), characters()});
    }

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
    [[nodiscard]] Table<T> view(Section section) const {
        const auto begin = section == 0 ? 0 : ends_[section - 1];
        return {reinterpret_cast<const T*>(block_.get() + begin), ends_[section] - begin};
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
