// What a policy becomes when it is parsed: arrays of small records that point into one another, in one block of memory. A policy
// is one allocation and its text; deciding reads it front to back. Only the engine and `proof` look inside.
#pragma once

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

namespace policy {

// An item of an Action element, in lower case. One that can name no action is left out (R38).
struct ActionPattern {
    uint64_t hash = 0;     // hash_of the text, if it is an exact name
    uint64_t service = 0;  // hash_of the service prefix; 0 for `*`
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

struct CompiledStatementInfo {
    Text sid;
    text::Position position;
};

// The tables while the policy is parsed.
struct Draft {
    ConditionPool pool;  // characters, pieces, variables, condition values, networks
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
    CompiledPolicy() = default;
    explicit CompiledPolicy(const Draft& draft);

    [[nodiscard]] std::span<const CompiledStatement> statements() const { return view(statements_); }
    [[nodiscard]] std::span<const CompiledStatementInfo> infos() const { return view(infos_); }
    [[nodiscard]] std::span<const ActionPattern> actions(const CompiledStatement& s) const { return part(actions_, s.actions); }
    [[nodiscard]] std::span<const Pattern> resources(const CompiledStatement& s) const { return part(resources_, s.resources); }
    [[nodiscard]] std::span<const Condition> conditions(const CompiledStatement& s) const {
        return part(conditions_, s.conditions);
    }
    [[nodiscard]] PrincipalClause principals(const CompiledStatement& s) const {
        return {s.has_principal, s.not_principal, part(principals_, s.principals), characters()};
    }
    [[nodiscard]] const Pattern& resource(uint32_t index) const { return view(resources_)[index]; }
    [[nodiscard]] std::span<const PrincipalEntry> all_principals() const { return view(principals_); }

    [[nodiscard]] std::string_view characters() const {
        const auto chars = view(characters_);
        return {chars.data(), chars.size()};
    }
    [[nodiscard]] std::string_view text(Text range) const { return characters().substr(range.at, range.size); }
    [[nodiscard]] PatternTables patterns() const { return {characters(), view(pieces_), view(variables_)}; }
    [[nodiscard]] ConditionTables condition_tables() const { return {patterns(), view(values_), view(networks_)}; }
    [[nodiscard]] Index index() const { return {view(groups_), view(nodes_), view(branches_), view(entries_)}; }

    [[nodiscard]] size_t bytes() const { return bytes_; }

private:
    template <class T>
    struct Array {
        uint32_t at = 0, size = 0;  // bytes into the block; elements
    };
    template <class T>
    [[nodiscard]] std::span<const T> view(Array<T> array) const {
        return {reinterpret_cast<const T*>(block_.get() + array.at), array.size};
    }
    template <class T>
    [[nodiscard]] std::span<const T> part(Array<T> array, Text range) const {
        return view(array).subspan(range.at, range.size);
    }

    std::unique_ptr<std::byte[]> block_;
    uint32_t bytes_ = 0;
    Array<CompiledStatement> statements_;
    Array<CompiledStatementInfo> infos_;
    Array<ActionPattern> actions_;
    Array<Pattern> resources_;
    Array<PrincipalEntry> principals_;
    Array<Condition> conditions_;
    Array<ConditionValue> values_;
    Array<Network> networks_;
    Array<PatternPiece> pieces_;
    Array<PatternVariable> variables_;
    Array<IndexGroup> groups_;
    Array<IndexNode> nodes_;
    Array<IndexEntry> entries_;
    Array<char> branches_;
    Array<char> characters_;
};

}  // namespace policy
