#include "policy/principal.hpp"

#include <algorithm>

#include "policy/arn.hpp"
#include "policy/hash.hpp"

namespace policy {

namespace {

using Kind = PrincipalEntry::Kind;

std::string_view text_of(const PrincipalClause& clause, Text range) { return {clause.characters + range.at, range.size}; }

Grant strength(const PrincipalClause& clause, const PrincipalEntry& entry, const CallerNames& caller) {
    const auto is = [&](const CallerNames::Name& name) { return name.is(text_of(clause, entry.text), entry.hash); };
    const auto when = [](bool match, Grant grant) { return match ? grant : Grant::none; };
    switch (entry.kind) {
        case Kind::everyone:
            return Grant::direct;
        case Kind::elsewhere:
            return Grant::none;
        case Kind::service:
            return when(caller.kind == PrincipalKind::service && is(caller.service), Grant::direct);
        case Kind::federated:
            return when(!caller.provider.text.empty() && is(caller.provider), Grant::direct);
        case Kind::account: {
            if (caller.account.text.empty() || !is(caller.account)) return Grant::none;
            const auto partition = text_of(clause, entry.partition);
            return when(partition.empty() || caller.partition.empty() || caller.partition == partition, Grant::account);
        }
        case Kind::unique_id:
            if (is(caller.unique_id)) return Grant::direct;
            return when(!caller.role_id.text.empty() && is(caller.role_id), Grant::role);
        case Kind::arn:
            break;
    }
    if (!caller.arn.text.empty() && is(caller.arn)) return Grant::direct;
    if (caller.kind == PrincipalKind::role_session) return when(is(caller.role_arn), Grant::role);
    if (caller.kind == PrincipalKind::federated_user) return when(is(caller.user_arn), Grant::role);
    return Grant::none;
}

Grant strongest(const PrincipalClause& clause, const CallerNames& caller) {
    auto best = Grant::none;
    for (const auto& entry : clause.entries) best = std::max(best, strength(clause, entry, caller));
    return best;
}

// NotPrincipal excuses a caller only if every level it stands on is listed: account, then user or role, then session (R34).
bool excused(const PrincipalClause& clause, const CallerNames& caller) {
    if (std::ranges::any_of(clause.entries, [](const auto& entry) { return entry.kind == Kind::everyone; })) return true;
    const auto listed = [&](Grant level) {
        return std::ranges::any_of(clause.entries, [&](const auto& e) { return strength(clause, e, caller) == level; });
    };
    switch (caller.kind) {
        case PrincipalKind::anonymous:
        case PrincipalKind::service:
            return listed(Grant::direct);
        // A root user is its account, whichever way it is written.
        case PrincipalKind::root:
            return listed(Grant::account) || listed(Grant::direct);
        case PrincipalKind::user:
            return listed(Grant::account) && listed(Grant::direct);
        case PrincipalKind::federated_user:
            return listed(Grant::account) && listed(Grant::direct);
        case PrincipalKind::role_session:
            return listed(Grant::account) && listed(Grant::role) && listed(Grant::direct);
    }
    return false;
}

}  // namespace

CallerNames::Name::Name(std::string_view name) : text(name), hash(name.empty() ? 0 : hash_of(name)) {}

CallerNames::CallerNames(const Principal& caller, std::string_view lower_action)
    : kind(caller.kind),
      account(caller.account),
      arn(caller.arn),
      unique_id(caller.unique_id),
      role_arn(caller.role_arn),
      role_id(caller.role_id),
      user_arn(caller.user_arn),
      service(caller.service) {
    if (lower_action.starts_with("sts:assumerolewith")) provider = Name(caller.federated_provider);
    if (const auto parts = parse_arn(caller.arn)) partition = parts->partition;
}

Grant names(const PrincipalClause& clause, const CallerNames& caller, bool has_boundary, bool deny) {
    if (!clause.present) return Grant::none;  // R35
    if (!clause.negated) return strongest(clause, caller);
    if (deny) return has_boundary || !excused(clause, caller) ? Grant::direct : Grant::none;
    // NotPrincipal with Allow is refused when written; an old document admits every principal that is not named at any level (R27).
    return strongest(clause, caller) == Grant::none ? Grant::direct : Grant::none;
}

}  // namespace policy
