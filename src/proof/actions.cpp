#include "proof/actions.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "base/strings.hpp"
#include "policy/catalogue.hpp"
#include "policy/hash.hpp"
#include "policy/passed_resource.hpp"
#include "policy/reference.hpp"
#include "policy/service_rules.hpp"
#include "policy/vocabulary.hpp"

namespace proof {

namespace {

struct Named {
    std::string lower, name;  // as AWS writes it
    uint64_t formats = 0;     // a hash of what its resources look like
    uint64_t rules = 0;
};

uint64_t mixed(uint64_t seed) {
    seed += 0x9E3779B97F4A7C15u;
    seed = (seed ^ seed >> 30) * 0xBF58476D1CE4E5B9u;
    seed = (seed ^ seed >> 27) * 0x94D049BB133111EBu;
    return seed ^ seed >> 31;
}

std::string_view service_of(std::string_view action) { return action.substr(0, action.find(':')); }

uint64_t formats_of(const std::string& lower) {
    constexpr std::string_view account = "111122223333", region = "us-east-1";  // any will do
    if (!policy::names_resource(lower)) return policy::hash_of(policy::passed_resource(lower, "*", account, region)) | 1;
    uint64_t out = 0;
    for (const auto format : policy::resource_formats(lower))
        out = mixed(out ^ policy::hash_of(policy::passed_resource(lower, format, account, region)));
    return out & ~uint64_t{1};
}

// Rules of the engine that depend on the action; 0: none.
uint64_t rules_of(std::string_view lower) {
    if (policy::has_limiting_rules(lower)) return policy::hash_of(lower) | 1;
    if (lower.starts_with("sts:") || (lower.starts_with("kms:") && lower.ends_with("alias"))) return policy::hash_of(lower) | 1;
    if (lower.starts_with("kms:") || lower.starts_with("s3:")) return policy::hash_of(service_of(lower)) | 1;
    if (!lower.starts_with("iam:")) return 0;
    uint64_t out = 1;
    for (const std::string_view resource : {"arn:aws:iam::aws:policy/x", "arn:aws:iam::111122223333:role/aws-reserved/x"}) {
        const policy::Context nothing;
        const policy::ContextView view(nothing);
        out = mixed(out ^
                    static_cast<uint64_t>(policy::forbidding_rule(policy::PrincipalKind::role_session, lower, resource, &view)));
    }
    return out | 1;
}

const std::vector<Named>& catalogue() {
    static const auto all = [] {
        std::vector<Named> out;
        for (const auto name : policy::actions_matching("*")) {
            auto lower = base::lower(name);
            const auto formats = formats_of(lower), rules = rules_of(lower);
            out.push_back({std::move(lower), std::string(name), formats, rules});
        }
        std::ranges::sort(out, {}, &Named::lower);
        return out;
    }();
    return all;
}

struct Service {
    std::string_view name;
    uint32_t begin = 0, end = 0;  // in the catalogue
    bool under_resource_control = false;
    std::vector<uint32_t> representatives;  // one of its actions for each set of formats
};

const std::vector<Service>& services() {
    static const auto all = [] {
        std::vector<Service> out;
        for (uint32_t i = 0; i < catalogue().size(); ++i) {
            const auto& action = catalogue()[i];
            const auto name = service_of(action.lower);
            if (out.empty() || out.back().name != name) out.push_back({name, i, i, policy::supports_resource_control(name), {}});
            auto& service = out.back();
            service.end = i + 1;
            const auto has_formats = [&](uint32_t other) { return catalogue()[other].formats == action.formats; };
            if (std::ranges::none_of(service.representatives, has_formats)) service.representatives.push_back(i);
        }
        return out;
    }();
    return all;
}

// Which statements name the action: the exclusive or of a number for each. 128 bits: that two sets agree by accident is not to be feared.
struct Signature {
    uint64_t a = 0, b = 0;
    auto operator<=>(const Signature&) const = default;
    void add(uint64_t number) {
        a ^= mixed(2 * number);
        b ^= mixed(2 * number + 1);
    }
};

struct Naming {
    uint32_t action, statement;
    auto operator<=>(const Naming&) const = default;
};

// Calls visit(index) for the catalogue's actions that the pattern matches.
template <class Visit>
void each_match(const policy::Pattern& pattern, const policy::PatternTables& tables, Visit&& visit) {
    const auto& all = catalogue();
    const auto prefix = tables.text(tables.literal_prefix(pattern));
    const policy::ContextView nothing;
    for (auto at = std::ranges::lower_bound(all, prefix, {}, [](const Named& one) { return std::string_view(one.lower); });
         at != all.end() && at->lower.starts_with(prefix); ++at)
        if (policy::matches(pattern, tables, at->lower, nothing)) visit(static_cast<uint32_t>(at - all.begin()));
}

bool is_exact(const policy::Pattern& pattern) { return pattern.shape == policy::Pattern::Shape::exact; }

// The condition keys that the statements ask about, in lower case: those of a service come with its actions alone.
std::vector<std::string> keys_of(std::span<const StatementActions> statements) {
    std::vector<std::string> out;
    const auto add = [&](std::string_view key) {
        if (!key.starts_with("aws:")) out.emplace_back(key);
    };
    const policy::CompiledPolicy* last = nullptr;
    for (const auto& [policy, statement] : statements) {
        for (const auto& condition : policy->conditions(*statement)) add(policy->text(condition.key));
        if (policy == last) continue;
        last = policy;
        for (const auto& variable : policy->all_variables()) add(policy->text(variable.key));
    }
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

class Asked {
public:
    Asked(std::span<const std::string> patterns, std::span<const std::string> except) {
        for (const auto& pattern : patterns) written_.push_back({base::lower(pattern), pattern});
        for (const auto& pattern : except) except_.push_back(base::lower(pattern));
        everything_ = std::ranges::any_of(written_, [](const auto& one) { return one.first == "*"; });
    }
    // Every action of the service? Not sure is no.
    [[nodiscard]] bool whole(std::string_view service) const {
        return everything_ && std::ranges::none_of(except_, [&](const std::string& one) {
                   return one.contains('*') || service_of(one) == service;
               });
    }
    // Some action of the service? Not sure is yes.
    [[nodiscard]] bool some(std::string_view service) const {
        return everything_ || std::ranges::any_of(written_, [&](const auto& one) {
                   const auto colon = one.first.find(':');
                   return colon == std::string::npos ||
                          policy::glob_matches(std::string_view(one.first).substr(0, colon), service);
               });
    }
    [[nodiscard]] bool one(std::string_view lower) const {
        const auto matches = [&](const std::string& pattern) { return policy::glob_matches(pattern, lower); };
        if (std::ranges::any_of(except_, matches)) return false;
        return everything_ || std::ranges::any_of(written_, [&](const auto& one) { return matches(one.first); });
    }
    [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& written() const { return written_; }

private:
    std::vector<std::pair<std::string, std::string>> written_;  // in lower case, and as it is written
    std::vector<std::string> except_;
    bool everything_ = false;
};

bool is_known(std::string_view lower) {
    return std::ranges::binary_search(catalogue(), lower, {}, [](const Named& one) { return std::string_view(one.lower); });
}

// Named exactly, and not in the catalogue: in lower case, and as it is written.
std::map<std::string, std::string> unknown_actions(std::span<const StatementActions> statements, const Asked& asked) {
    std::map<std::string, std::string> out;
    for (const auto& [lower, written] : asked.written())
        if (!lower.contains('*') && !lower.contains('?') && !is_known(lower) && asked.one(lower)) out.emplace(lower, written);
    for (const auto& [policy, statement] : statements)
        for (const auto& action : policy->actions(*statement)) {
            if (!is_exact(action.pattern)) continue;
            const std::string lower(policy->patterns().text(action.pattern.where));
            if (lower.contains(':') && !is_known(lower) && asked.one(lower)) out.emplace(lower, lower);
        }
    return out;
}

}  // namespace

bool names_action(const policy::CompiledPolicy& policy, const policy::CompiledStatement& statement,
                  std::string_view lower_action) {
    const auto tables = policy.patterns();
    const policy::ContextView nothing;
    return std::ranges::any_of(policy.actions(statement), [&](const policy::ActionPattern& action) {
        return policy::matches(action.pattern, tables, lower_action, nothing);
    });
}

std::vector<ActionGroup> group_actions(std::span<const StatementActions> statements, std::span<const std::string> patterns,
                                       std::span<const std::string> except) {
    const auto& all = catalogue();
    const Asked asked(patterns, except);
    std::vector<Naming> namings;
    for (uint32_t number = 0; number < statements.size(); ++number) {
        const auto& [policy, statement] = statements[number];
        const auto own = policy->actions(*statement);
        if (std::ranges::any_of(own, [](const policy::ActionPattern& one) { return one.pattern.is_everything(); }))
            continue;  // tells none apart
        for (const auto& action : own)
            each_match(action.pattern, policy->patterns(), [&](uint32_t index) { namings.push_back({index, number}); });
    }
    std::ranges::sort(namings);
    namings.erase(std::unique(namings.begin(), namings.end()), namings.end());

    const auto keys = keys_of(statements);
    std::map<Signature, ActionGroup> groups;
    const auto group_of = [&](Signature signature, std::string_view service, bool under_resource_control,
                              uint64_t rules) -> ActionGroup& {
        const bool has_keys = std::ranges::any_of(keys, [&](const std::string& key) { return service_of(key) == service; });
        signature.add(has_keys ? policy::hash_of(service) | 1 : rules != 0 ? rules : under_resource_control ? 4 : 2);
        auto& out = groups[signature];
        if (service == "s3" && has_keys) {
            out.alike = false;
            out.keys = keys;
        }
        return out;
    };
    auto naming = namings.begin();
    for (uint32_t number = 0; number < services().size(); ++number) {
        const auto& service = services()[number];
        if (!asked.some(service.name)) {
            while (naming != namings.end() && naming->action < service.end) ++naming;
            continue;
        }
        const bool untouched = naming == namings.end() || naming->action >= service.end;
        if (untouched && all[service.begin].rules == 0 && asked.whole(service.name)) {
            auto& group = group_of({}, service.name, service.under_resource_control, 0);
            if (group.first.empty()) group.first = all[service.begin].name;
            group.services.push_back(number);
            continue;
        }
        for (uint32_t i = service.begin; i < service.end; ++i) {
            Signature signature;
            for (; naming != namings.end() && naming->action == i; ++naming) signature.add(naming->statement);
            if (!asked.one(all[i].lower)) continue;
            auto& group = group_of(signature, service.name, service.under_resource_control, all[i].rules);
            if (group.first.empty()) group.first = all[i].name;
            group.actions.push_back(i);
        }
    }
    for (const auto& [lower, name] : unknown_actions(statements, asked)) {
        Signature signature;
        for (size_t number = 0; number < statements.size(); ++number)
            if (names_action(*statements[number].policy, *statements[number].statement, lower)) signature.add(number);
        auto& group = group_of(signature, service_of(lower), false, policy::hash_of(lower) | 1);
        if (group.first.empty()) group.first = name;
        group.named.push_back(name);
    }
    std::vector<ActionGroup> out;
    for (auto& [signature, group] : groups) out.push_back(std::move(group));
    return out;
}

std::vector<Representative> representatives_of(const ActionGroup& group, bool with_all) {
    std::vector<Representative> out;
    for (const auto& name : group.named) out.push_back({name, {name}});
    std::unordered_map<uint64_t, size_t> shapes;
    const auto add = [&](uint32_t index) {
        const auto& one = catalogue()[index];
        uint64_t shape = one.formats;
        if (!group.alike)
            for (const auto& key : group.keys) shape = mixed(shape ^ (policy::is_key_of_s3_action(key, one.lower) ? 1 : 0));
        const auto [entry, added] = shapes.try_emplace(shape, out.size());
        if (added) out.push_back({one.name, {}});
        if (with_all) out[entry->second].actions.push_back(one.name);
    };
    for (const uint32_t index : group.actions) add(index);
    for (const uint32_t number : group.services)
        if (const auto& service = services()[number]; with_all)
            for (uint32_t index = service.begin; index < service.end; ++index) add(index);
        else
            for (const uint32_t index : service.representatives) add(index);
    return out;
}

}  // namespace proof
