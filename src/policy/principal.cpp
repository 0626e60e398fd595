#include "policy/principal.hpp"

#include <algorithm>
#include <initializer_list>

#include "policy/arn.hpp"

namespace policy {

namespace {

using Kind = PrincipalEntry::Kind;

bool from_provider(const Principal& caller, std::string_view action) {
    return !caller.federated_provider.empty() && action.starts_with("sts:assumerolewith");
}

Grant strength(const PrincipalEntry& entry, const Principal& caller, std::string_view action) {
    const auto when = [](bool match, Grant grant) { return match ? grant : Grant::none; };
    switch (entry.kind) {
        case Kind::everyone:
            return Grant::direct;
        case Kind::service:
            return when(caller.kind == PrincipalKind::service && caller.service == entry.text, Grant::direct);
        case Kind::federated:
            return when(from_provider(caller, action) && caller.federated_provider == entry.text, Grant::direct);
        case Kind::account: {
            if (caller.account.empty() || caller.account != entry.text) return Grant::none;
            const auto arn = parse_arn(caller.arn);
            return when(entry.partition.empty() || !arn || arn->partition == entry.partition, Grant::account);
        }
        case Kind::unique_id:
            if (caller.unique_id == entry.text) return Grant::direct;
            return when(!caller.role_id.empty() && caller.role_id == entry.text, Grant::role);
        case Kind::arn:
            break;
    }
    if (!caller.arn.empty() && caller.arn == entry.text) return Grant::direct;
    if (caller.kind == PrincipalKind::role_session) return when(caller.role_arn == entry.text, Grant::role);
    if (caller.kind == PrincipalKind::federated_user) return when(caller.user_arn == entry.text, Grant::role);
    return Grant::none;
}

Grant strongest(const PrincipalClause& clause, const Principal& caller, std::string_view action) {
    auto best = Grant::none;
    for (const auto& entry : clause.entries) best = std::max(best, strength(entry, caller, action));
    return best;
}

// NotPrincipal excuses a caller only if every level it stands on is listed: account, then user or role, then session (R34).
bool excused(const PrincipalClause& clause, const Principal& caller, std::string_view action) {
    if (std::ranges::any_of(clause.entries, [](const auto& entry) { return entry.kind == Kind::everyone; })) return true;
    const auto listed = [&](Grant level) {
        return std::ranges::any_of(clause.entries, [&](const auto& e) { return strength(e, caller, action) == level; });
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

Grant names(const PrincipalClause& clause, const Principal& caller, std::string_view action, bool has_boundary, bool deny) {
    if (!clause.present) return Grant::none;  // R35
    if (!clause.negated) return strongest(clause, caller, action);
    if (deny) return has_boundary || !excused(clause, caller, action) ? Grant::direct : Grant::none;
    // NotPrincipal with Allow is refused when written; an old document admits whoever is not named at any level (R27).
    return strongest(clause, caller, action) == Grant::none ? Grant::direct : Grant::none;
}

}  // namespace policy
