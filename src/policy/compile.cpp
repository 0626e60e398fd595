// From the parser's tables to one block.
#include "policy/compile.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "base/invariant.hpp"
#include "policy/hash.hpp"

namespace policy {

namespace {

bool is_unconditional(const CompiledStatement& statement, const Draft& draft, PolicyKind kind) {
    if (statement.effect != Effect::allow || statement.broken || statement.not_action || statement.not_resource) return false;
    if (statement.conditions.size > 0) return false;
    const auto everything = [](const Pattern& pattern) { return pattern.is_everything(); };
    const auto actions = std::span(draft.actions).subspan(statement.actions.at, statement.actions.size);
    const auto resources = std::span(draft.resources).subspan(statement.resources.at, statement.resources.size);
    if (std::ranges::none_of(actions, everything, &ActionPattern::pattern)) return false;
    if (!statement.any_resource && std::ranges::none_of(resources, everything)) return false;
    // A variable beside the star names a key, which may be ambiguous (R81).
    if (std::ranges::any_of(resources, [](const Pattern& pattern) { return pattern.has_variables(); })) return false;
    if (kind == PolicyKind::identity || kind == PolicyKind::session || kind == PolicyKind::service_control) return true;
    const auto principals = std::span(draft.principals).subspan(statement.principals.at, statement.principals.size);
    return statement.has_principal && !statement.not_principal &&
           std::ranges::any_of(principals, [](const auto& p) { return p.kind == PrincipalEntry::Kind::everyone; });
}

}  // namespace

ActionPattern action_pattern(const Pattern& pattern, std::string_view lower) {
    ActionPattern out{.pattern = pattern};
    switch (pattern.shape) {
        case Pattern::Shape::exact: {
            const uint64_t hash = hash_of(lower);
            const uint32_t place = find_action(lower, hash).place;
            out.key = action_key(place, hash);
            if (place != KnownAction::unlisted) out.listed = {static_cast<uint16_t>(place), 1};
            break;
        }
        case Pattern::Shape::prefix:
        case Pattern::Shape::everything:
            out.listed = actions_beginning(lower.substr(0, lower.find('*')));
            break;
        case Pattern::Shape::nothing:
            break;
        default:
            out.asks_pattern = true;
    }
    return out;
}

Policy::Summary summarize(const Draft& draft, PolicyKind kind) {
    Policy::Summary out;
    for (uint32_t number = 0; number < draft.statements.size(); ++number) {
        const auto& statement = draft.statements[number];
        if (statement.effect == Effect::deny)
            out.deny_services |= statement.services;
        else if (!statement.broken)
            out.allow_services |= statement.services;
        if (out.allows_everything || !is_unconditional(statement, draft, kind)) continue;
        out.allows_everything = true;
        out.allowing_everything = number;
    }
    for (const auto& group : draft.index.groups)
        if (group.key != 0) out.groups |= Index::group_bit(group.key);
    return out;
}

CompiledPolicy::CompiledPolicy(const Draft& draft) {
    size_t end = 0;
    const auto each = [&](auto&& visit) {
        visit(statements_, draft.statements);
        visit(principals_, draft.principals);
        visit(conditions_, draft.conditions);
        visit(values_, draft.pool.values);
        visit(variables_, draft.pool.patterns.variables);
        visit(groups_, draft.index.groups);
        visit(tables_, draft.index.tables);
        visit(actions_, draft.actions);
        visit(networks_, draft.pool.networks);
        visit(infos_, draft.infos);
        visit(resources_, draft.resources);
        visit(pieces_, draft.pool.patterns.pieces);
        visit(nodes_, draft.index.nodes);
        visit(entries_, draft.index.entries);
        visit(terms_, draft.index.terms);
        visit(branches_, draft.index.branches);
        visit(characters_, draft.pool.patterns.characters);
    };
    each([&]<class From>(Section section, const From& from) {
        using T = typename From::value_type;
        static_assert(std::is_trivially_copyable_v<T>);
        INVARIANT(end % alignof(T) == 0);
        end += from.size() * sizeof(T);
        ends_[section] = static_cast<uint32_t>(end);
    });
    INVARIANT(end <= UINT32_MAX);
    block_ = std::make_unique_for_overwrite<std::byte[]>(end);
    each([&](Section section, const auto& from) {
        const auto begin = section == 0 ? 0 : ends_[section - 1];
        if (!from.empty()) std::memcpy(block_.get() + begin, from.data(), ends_[section] - begin);
    });
}

}  // namespace policy
