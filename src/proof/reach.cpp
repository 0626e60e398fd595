#include "proof/reach.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "base/strings.hpp"
#include "policy/catalogue.hpp"
#include "proof/actions.hpp"

namespace proof {

namespace {

using policy::AttachedPolicy;

// More actions are not looked at one by one.
constexpr size_t actions_named_max = 400;

// What of a policy makes a difference between principals.
struct Feature {
    uint32_t statement = 0;
    bool has_principal = false;
    std::vector<uint32_t> conditions;    // which hold, as far as that is known
    std::vector<std::string> variables;  // keys
};

bool may_bring(std::string_view key, const std::vector<OpenKey>& open) {
    return std::ranges::any_of(
        open, [&](const OpenKey& one) { return one.key == key || (one.key.ends_with('/') && key.starts_with(one.key)); });
}

// What the policies of one target's questions say that depends on who asks.
class Classes {
public:
    explicit Classes(const Target& target) : target_(target) {
        for (const auto& pattern : target.actions) {
            const auto some = policy::actions_matching(pattern);
            if (some.empty()) actions_.push_back(base::lower(pattern));
            for (const auto name : some) actions_.push_back(base::lower(name));
        }
        if (actions_.size() > actions_named_max) actions_.clear();
    }

    // Askers of the same class are decided alike, whatever they ask of the target.
    std::string class_of(const Asker& asker, const policy::Context& said) {
        const policy::Principal& principal = asker.subject.principal;
        std::string out = std::to_string(static_cast<int>(principal.kind)) + (principal.service_linked_role ? "l" : "") + "|" +
                          principal.account + "|" + principal.service + "|" + principal.federated_provider + "|";
        const policy::CallerNames names(principal, "sts:assumerolewithwebidentity");
        policy::Context known = asker.subject.known;
        known.merge(said);
        // What is open within bounds of its own (the id of a session's role) tells it apart.
        if (may_bring("aws:userid", asker.subject.open)) out += "ids:" + principal.role_id + "|";
        const bool has_boundary = asker.policies->boundary.has_value();
        const auto add = [&](char layer, const AttachedPolicy& one) {
            out += layer;
            add_policy(out, *one.policy, names, known, asker.subject.open, has_boundary);
        };
        for (const auto& one : asker.policies->identity) add('i', one);
        if (has_boundary) add('b', *asker.policies->boundary);
        if (asker.policies->session) {
            out += "s:";
            for (const auto& one : *asker.policies->session) add('s', one);
        }
        for (const auto& level : asker.policies->service_control) {
            out += "c:";
            for (const auto& one : level) add('c', one);
        }
        for (const auto& level : asker.policies->resource_control) {
            out += "r:";
            for (const auto& one : level) add('r', one);
        }
        if (asker.policies->vpc_endpoint) add('v', *asker.policies->vpc_endpoint);
        if (target_.policy != nullptr) add('t', *target_.policy);
        return out;
    }

private:
    struct Known {
        uint32_t number = 0;
        std::vector<Feature> features;
    };

    const Known& known_of(const policy::Policy& policy) {
        if (const auto found = by_pointer_.find(&policy); found != by_pointer_.end()) return *found->second;
        const auto [entry, added] =
            by_text_.try_emplace(std::to_string(static_cast<int>(policy.kind())) + std::string(policy.text()));
        if (added) {
            entry->second.number = static_cast<uint32_t>(by_text_.size());
            entry->second.features = features_of(policy.compiled());
        }
        by_pointer_[&policy] = &entry->second;
        return entry->second;
    }

    [[nodiscard]] bool matters(const policy::CompiledPolicy& policy, const policy::CompiledStatement& statement) const {
        return actions_.empty() || statement.broken || std::ranges::any_of(actions_, [&](const std::string& action) {
                   return names_action(policy, statement, action) != statement.not_action;
               });
    }

    static void add_variables(std::vector<std::string>& out, const policy::Pattern& pattern,
                              const policy::PatternTables& tables) {
        if (!pattern.has_variables()) return;
        for (const auto& piece : tables.pieces.subspan(pattern.where.at, pattern.where.size))
            if (piece.kind == policy::PatternPiece::Kind::variable)
                out.emplace_back(tables.text(tables.variables[piece.text.at].key));
    }

    [[nodiscard]] std::vector<Feature> features_of(const policy::CompiledPolicy& policy) const {
        std::vector<Feature> out;
        const auto statements = policy.statements();
        const auto tables = policy.patterns();
        for (uint32_t i = 0; i < statements.size(); ++i) {
            if (!matters(policy, statements[i])) continue;
            Feature feature{.statement = i, .has_principal = statements[i].has_principal, .conditions = {}, .variables = {}};
            for (const auto& pattern : policy.resources(statements[i])) add_variables(feature.variables, pattern, tables);
            const auto conditions = policy.conditions(statements[i]);
            for (uint32_t c = 0; c < conditions.size(); ++c) {
                feature.conditions.push_back(c);
                if (policy::compares_patterns(conditions[c].op.comparison))
                    for (const auto& value :
                         policy.condition_tables().values.subspan(conditions[c].values.at, conditions[c].values.size))
                        add_variables(feature.variables, value.pattern, tables);
            }
            if (feature.has_principal || !feature.conditions.empty() || !feature.variables.empty())
                out.push_back(std::move(feature));
        }
        return out;
    }

    void add_policy(std::string& out, const policy::Policy& policy, const policy::CallerNames& names,
                    const policy::Context& known, const std::vector<OpenKey>& open, bool has_boundary) {
        const Known& of = known_of(policy);
        out += std::to_string(of.number);
        const auto& compiled = policy.compiled();
        for (const Feature& feature : of.features) {
            const auto& statement = compiled.statements()[feature.statement];
            if (feature.has_principal)
                out += static_cast<char>('0' + static_cast<int>(policy::names(compiled.principals(statement), names, has_boundary,
                                                                              statement.effect == policy::Effect::deny)));
            for (const uint32_t number : feature.conditions) {
                const auto& condition = compiled.conditions(statement)[number];
                const bool is_known = known.find(condition.key_hash, compiled.text(condition.key)) != nullptr;
                policy::TypedValues typed;
                out += !is_known ? (may_bring(compiled.text(condition.key), open) ? 'o' : 'u')
                       : policy::holds(condition, compiled.condition_tables(), policy::ContextView(known), typed) ? 'y'
                                                                                                                  : 'n';
            }
            for (const std::string& key : feature.variables) {
                const auto* entry = known.find(key);
                out += entry != nullptr ? "=" : may_bring(key, open) ? "o" : "-";
                if (entry == nullptr) continue;
                for (const std::string& value : entry->values) out += std::to_string(value.size()) + ":" + value;
            }
        }
        out += ';';
    }

    const Target& target_;
    std::vector<std::string> actions_;  // in lower case; empty: any
    std::map<std::string, Known> by_text_;
    std::unordered_map<const policy::Policy*, const Known*> by_pointer_;
};

}  // namespace

Reach reach(std::span<const Asker> askers, std::span<const Target> targets, const policy::Context& known,
            const ReachLimits& limits) {
    Reach out;
    std::vector<std::vector<Reached::AtTarget>> by_asker(askers.size());
    std::vector<Work> work(askers.size(), Work{limits.work_max});
    WayLimits of_one = limits.ways;
    size_t questions = 0;
    for (uint32_t number = 0; number < targets.size(); ++number) {
        const Target& target = targets[number];
        Classes classes(target);
        std::unordered_map<std::string, std::shared_ptr<const WaysIn>> by_class;
        for (size_t i = 0; i < askers.size(); ++i) {
            auto [entry, is_new] = by_class.try_emplace(classes.class_of(askers[i], known));
            if (is_new) {
                if (questions >= limits.questions_max) {
                    out.open = "the number of questions";
                    continue;
                }
                ++out.classes;
                of_one.each.work = &work[i];
                entry->second =
                    std::make_shared<const WaysIn>(ways_of(askers[i].subject, *askers[i].policies, target, known, of_one));
                questions += entry->second->questions;
            }
            if (entry->second && (!entry->second->found.empty() || !entry->second->open.empty()))
                by_asker[i].push_back({number, entry->second});
        }
    }
    std::map<std::vector<std::pair<uint32_t, const WaysIn*>>, size_t> groups;
    for (uint32_t i = 0; i < askers.size(); ++i) {
        if (by_asker[i].empty()) continue;
        std::vector<std::pair<uint32_t, const WaysIn*>> key;
        for (const auto& one : by_asker[i]) key.emplace_back(one.target, one.ways.get());
        const auto [entry, is_new] = groups.try_emplace(std::move(key), out.groups.size());
        if (is_new) out.groups.push_back({{}, by_asker[i]});
        out.groups[entry->second].askers.push_back(i);
    }
    return out;
}

}  // namespace proof
