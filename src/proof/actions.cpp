#include "proof/actions.hpp"

#include <algorithm>
#include <map>

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

uint64_t formats_of(const std::string& lower) {
    constexpr std::string_view account = "111122223333", region = "us-east-1";  // any will do
    if (!policy::names_resource(lower)) return policy::hash_of(policy::passed_resource(lower, "*", account, region)) | 1;
    uint64_t out = 0;
    for (const auto format : policy::resource_formats(lower))
        out = mixed(out ^ policy::hash_of(policy::passed_resource(lower, format, account, region)));
    return out & ~uint64_t{1};
}

// Rules of the engine that depend on the action.
uint64_t rules_of(std::string_view lower) {
    if (lower.starts_with("sts:") || (lower.starts_with("kms:") && lower.ends_with("alias"))) return policy::hash_of(lower) ^ 1;
    uint64_t out = policy::hash_of(lower.substr(0, lower.find(':')));
    if (!lower.starts_with("iam:")) return out;
    for (const std::string_view resource : {"arn:aws:iam::aws:policy/x", "arn:aws:iam::111122223333:role/aws-reserved/x"}) {
        const policy::Context nothing;
        const policy::ContextView view(nothing);
        out = mixed(out ^
                    static_cast<uint64_t>(policy::forbidding_rule(policy::PrincipalKind::role_session, lower, resource, &view)));
    }
    return out;
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

// Which statements name the action: the exclusive or of a number for each. 128 bits: that two sets agree by accident is not to be feared.
struct Signature {
    uint64_t a = 0, b = 0;
    auto operator<=>(const Signature&) const = default;
    void add(uint64_t number) {
        a ^= mixed(2 * number);
        b ^= mixed(2 * number + 1);
    }
};

// Calls visit(index) for the catalogue's actions that the pattern matches.
template <class Visit>
void each_match(const policy::Pattern& pattern, const policy::PatternTables& tables, Visit&& visit) {
    const auto& all = catalogue();
    const auto prefix = tables.text(tables.literal_prefix(pattern));
    const policy::ContextView nothing;
    for (auto at = std::ranges::lower_bound(all, prefix, {}, [](const Named& one) { return std::string_view(one.lower); });
         at != all.end() && at->lower.starts_with(prefix); ++at)
        if (policy::matches(pattern, tables, at->lower, nothing)) visit(static_cast<size_t>(at - all.begin()));
}

bool is_exact(const policy::Pattern& pattern) { return pattern.shape == policy::Pattern::Shape::exact; }

// The keys of S3's own that the statements ask about: requests for some of its actions have them, for others they have not.
std::vector<std::string> s3_keys(std::span<const StatementActions> statements) {
    std::vector<std::string> out;
    const auto add = [&](std::string_view key) {
        if (policy::is_s3_key(key)) out.emplace_back(key);
    };
    for (const auto& [policy, statement] : statements) {
        for (const auto& condition : policy->conditions(*statement)) add(policy->text(condition.key));
        const auto tables = policy->patterns();
        for (const auto& variable : tables.variables) add(tables.text(variable.key));
    }
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
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

std::vector<ActionGroup> group_actions(std::span<const StatementActions> statements, std::span<const std::string> patterns) {
    const auto& all = catalogue();
    std::map<std::string, std::string> unknown;  // lower case, and as it is written: named exactly, and not in the catalogue
    const auto is_known = [&](std::string_view lower) {
        return std::ranges::binary_search(all, lower, {}, [](const Named& one) { return std::string_view(one.lower); });
    };
    std::vector<bool> asked(all.size(), false);
    std::vector<std::string> lower_patterns;
    for (const auto& pattern : patterns) {
        const std::string lower = lower_patterns.emplace_back(base::lower(pattern));
        if (!lower.contains('*') && !lower.contains('?') && !is_known(lower)) unknown.emplace(lower, pattern);
        const std::string_view prefix = std::string_view(lower).substr(0, lower.find_first_of("*?"));
        for (auto at = std::ranges::lower_bound(all, prefix, {}, [](const Named& one) { return std::string_view(one.lower); });
             at != all.end() && at->lower.starts_with(prefix); ++at)
            if (policy::glob_matches(lower, at->lower)) asked[static_cast<size_t>(at - all.begin())] = true;
    }
    for (const auto& [policy, statement] : statements)
        for (const auto& action : policy->actions(*statement)) {
            if (!is_exact(action.pattern)) continue;
            const auto lower = policy->patterns().text(action.pattern.where);
            if (lower.contains(':') && !is_known(lower) &&
                std::ranges::any_of(lower_patterns, [&](const std::string& one) { return policy::glob_matches(one, lower); }))
                unknown.emplace(lower, lower);
        }

    std::vector<Signature> signatures(all.size());
    std::vector<size_t> named;
    for (size_t number = 0; number < statements.size(); ++number) {
        const auto& [policy, statement] = statements[number];
        named.clear();
        bool everything = false;
        for (const auto& action : policy->actions(*statement)) {
            if (action.pattern.is_everything()) everything = true;
            if (!everything) each_match(action.pattern, policy->patterns(), [&](size_t index) { named.push_back(index); });
        }
        if (everything) continue;  // it tells none apart
        std::ranges::sort(named);
        named.erase(std::unique(named.begin(), named.end()), named.end());
        for (const size_t index : named) signatures[index].add(number);
    }
    struct Group {
        ActionGroup group;
        std::vector<uint64_t> shapes;  // of the representatives
    };
    const auto keys = s3_keys(statements);
    std::map<Signature, Group> groups;
    const auto put = [&](Signature signature, const Named& one) {
        signature.add(one.rules);
        auto& [group, shapes] = groups[signature];
        ++group.size;
        auto shape = one.formats;
        if (one.lower.starts_with("s3:"))
            for (const auto& key : keys) shape = mixed(shape ^ (policy::is_key_of_s3_action(key, one.lower) ? 1 : 0));
        if (std::ranges::find(shapes, shape) != shapes.end()) return;
        shapes.push_back(shape);
        group.representatives.push_back(one.name);
    };
    for (size_t i = 0; i < all.size(); ++i)
        if (asked[i]) put(signatures[i], all[i]);
    for (const auto& [lower, name] : unknown) {
        Signature signature;
        for (size_t number = 0; number < statements.size(); ++number)
            if (names_action(*statements[number].policy, *statements[number].statement, lower)) signature.add(number);
        put(signature, {lower, name, formats_of(lower), policy::hash_of(lower) | 1});
    }
    std::vector<ActionGroup> out;
    for (auto& [signature, group] : groups) out.push_back(std::move(group.group));
    return out;
}

}  // namespace proof
