#include "proof/actors_by_name.hpp"

#include <algorithm>
#include <numeric>

#include "policy/compile.hpp"
#include "policy/principal.hpp"

namespace proof {

void ActorsByName::add(const Actor& actor) {
    const policy::CallerNames names(actor.subject.principal, names_of_action);
    for (const auto* name : {&names.account, &names.arn, &names.unique_id, &names.role_arn, &names.role_id, &names.user_arn,
                             &names.service, &names.provider}) {
        if (name->text.empty()) continue;
        auto& numbers = by_hash_[name->hash];
        if (numbers.empty() || numbers.back() != count_) numbers.push_back(count_);
    }
    ++count_;
}

std::vector<size_t> ActorsByName::named_by(const std::optional<policy::AttachedPolicy>& one,
                                           const std::optional<policy::AttachedPolicy>& other) const {
    std::vector<size_t> out;
    for (const auto* attached : {&one, &other}) {
        if (!*attached) continue;
        const auto& compiled = (*attached)->policy->compiled();
        for (const policy::CompiledStatement& statement : compiled.statements()) {
            const auto clause = compiled.principals(statement);
            const auto is_everyone = [](const policy::PrincipalEntry& entry) {
                return entry.kind == policy::PrincipalEntry::Kind::everyone;
            };
            if (statement.broken || clause.negated || std::ranges::any_of(clause.entries, is_everyone)) {
                out.resize(count_);
                std::iota(out.begin(), out.end(), size_t{0});
                return out;
            }
            for (const policy::PrincipalEntry& entry : clause.entries)
                if (const auto found = by_hash_.find(entry.hash); found != by_hash_.end())
                    out.insert(out.end(), found->second.begin(), found->second.end());
        }
    }
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

}  // namespace proof
