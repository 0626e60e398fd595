#include "services/trainwarden/who_can.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <span>

#include "services/trainwarden/account_paths.hpp"
#include "services/trainwarden/question.hpp"
#include "services/trainwarden/targets.hpp"
#include "services/trainwarden/ways.hpp"

namespace services::trainwarden {
namespace {

namespace m = model::trainwarden;
using base::Result;

// What an answer says it could not tell, each once.
class Open {
public:
    void add(const std::string& what) {
        if (!what.empty()) all_.insert(what);
    }
    void add_limit(const std::string& limit) {
        if (!limit.empty()) add("what " + limit + " leaves open");
    }
    [[nodiscard]] std::optional<std::vector<std::string>> list() const {
        if (all_.empty()) return std::nullopt;
        return std::vector<std::string>(all_.begin(), all_.end());
    }

private:
    std::set<std::string> all_;
};

// The confirmed ways at one target, for the candidate.
std::vector<m::WayIn> shown_ways(const proof::WaysIn& ways, const proof::Target& target, const Candidate& candidate, Open& open) {
    std::vector<m::WayIn> out;
    open.add_limit(ways.open);
    for (const proof::WayIn& way : ways.found) {
        if (is_confirmed(way, target, candidate.caller))
            out.push_back(shown(way, target, candidate));
        else
            open.add("whether " + way.witness.action + " on " + way.witness.resource + " is allowed, which the gate refused");
    }
    return out;
}

// What is allowed of each service, with a witness of its own; everything at once: `*`.
std::map<std::string, proof::WaysIn> by_services(const proof::WaysIn& ways) {
    std::map<std::string, proof::WaysIn> out;
    for (const proof::WayIn& way : ways.found) {
        std::map<std::string, std::vector<std::string>> actions;
        if (shortened(way.actions) == std::vector<std::string>{"*"})
            actions["*"] = way.actions;
        else
            for (const std::string& action : way.actions) actions[action.substr(0, action.find(':'))].push_back(action);
        for (auto& [service, names] : actions) {
            proof::WayIn part = way;
            part.actions = std::move(names);
            for (const policy::Request& other : way.others)
                if (other.action.starts_with(service + ":")) part.witness = other;
            out[service].found.push_back(std::move(part));
        }
    }
    if (!ways.open.empty()) out["*"].open = ways.open;
    return out;
}

std::string name_of(const Candidate& candidate) {
    const policy::Principal& principal = candidate.caller.principal;
    if (!candidate.shown_as.empty()) return candidate.shown_as;
    if (!principal.role_arn.empty()) return principal.role_arn;
    if (!principal.service.empty()) return principal.service;
    return principal.arn.empty() ? "anyone without credentials" : principal.arn;
}

// What sessions that bring more than a new one are listed for: the ways that the role itself does not have.
class Others {
public:
    Others(const proof::Reach& reached, std::span<const Candidate> all) : all_(all), group_of_(all.size(), nullptr) {
        for (const proof::Reached& group : reached.groups)
            for (const uint32_t one : group.askers) group_of_[one] = &group;
    }

    // Without those that get in as their role does.
    [[nodiscard]] std::vector<uint32_t> left(const proof::Reached& group) const {
        std::vector<uint32_t> out;
        for (const uint32_t one : group.askers)
            if (all_[one].brings.empty() || group_of_[all_[one].of] != &group) out.push_back(one);
        return out;
    }

    [[nodiscard]] proof::WaysIn beyond_role(uint32_t one, uint32_t target, const proof::WaysIn& ways) const {
        const proof::Reached* role = all_[one].brings.empty() ? nullptr : group_of_[all_[one].of];
        if (role == nullptr) return ways;
        proof::WaysIn out = ways;
        for (const auto& at : role->at) {
            if (at.target != target) continue;
            std::erase_if(out.found, [&](const proof::WayIn& way) {
                return std::ranges::any_of(at.ways->found, [&](const proof::WayIn& other) {
                    return other.allowed_by == way.allowed_by && std::ranges::all_of(way.actions, [&](const std::string& action) {
                               return std::ranges::find(other.actions, action) != other.actions.end();
                           });
                });
            });
        }
        return out;
    }

private:
    std::span<const Candidate> all_;
    std::vector<const proof::Reached*> group_of_;
};

}  // namespace

Result<m::WhoCanResponse> who_can_any(const Dependencies& parts, const m::WhoCanRequest& in) {
    const std::string resource = in.resource.value_or("*");
    if (!is_pattern_question(in.action, resource))  // what is not there is an error
        (void)TRY(read_question(parts, in.action, resource, model::items(in.context)));
    const PatternQuestion question = TRY(read_pattern_question(parts, in.action, resource, model::items(in.context)));
    const Targets targets = TRY(targets_of(parts, question));
    const std::vector<Candidate> all = population(parts, targets);
    const std::vector<proof::Asker> askers = askers_of(all);
    const proof::Reach reached = proof::reach(askers, targets.all, question.said);
    Open open;
    for (const std::string& one : targets.open) open.add(one);
    open.add_limit(reached.open);
    m::WhoCanResponse out{.checked = static_cast<int64_t>(all.size())};
    out.groups.emplace();
    const Others others(reached, all);
    for (const proof::Reached& group : reached.groups) {
        const std::vector<uint32_t> members = others.left(group);
        if (members.empty()) continue;
        const Candidate& first = all[members.front()];
        m::PrincipalsInAlike shown;
        bool may_be = false;
        for (const auto& [target, ways] : group.at) {
            const proof::WaysIn more = others.beyond_role(members.front(), target, *ways);
            may_be = may_be || !more.found.empty() || !more.open.empty();
            for (m::WayIn& way : shown_ways(more, targets.all[target], first, open)) shown.ways.push_back(std::move(way));
        }
        if (shown.ways.empty()) {
            for (const uint32_t one : members)
                if (may_be) open.add("whether " + name_of(all[one]) + " may");
            continue;
        }
        for (const uint32_t one : members) shown.principals.push_back(shown_principal(all[one]));
        if (!first.needs.empty()) shown.needs = first.needs;
        out.groups->push_back(std::move(shown));
    }
    if (in.paths.value_or(false)) {
        FoundPaths paths = TRY(paths_of(parts, targets, question.said, all, askers));
        open.add_limit(paths.open);
        out.paths = std::move(paths.paths);
    }
    out.open = open.list();
    return out;
}

Result<m::WhatCanResponse> what_can(const Dependencies& parts, const m::WhatCanRequest& in) {
    AskedPrincipal asked = TRY(asked_principal(*parts.directory, in.principal_arn, parts.region));
    const PatternQuestion question =
        TRY(read_pattern_question(parts, in.action.value_or("*"), in.resource.value_or("*"), model::items(in.context)));
    const Targets targets = TRY(targets_of(parts, question));
    const std::string note = asked.is_session ? which_session(asked) : std::string();
    std::vector<Candidate> one;
    one.push_back({std::move(asked.callers.front()), "", asked.is_session ? in.principal_arn : std::string()});
    if (!asked.is_session)
        for (Candidate& session : sessions_of_role(parts, targets, one.front(), 0)) one.push_back(std::move(session));
    const std::vector<proof::Asker> askers = askers_of(one);
    const proof::Reach reached = proof::reach(askers, targets.all, question.said);
    Open open;
    for (const std::string& what : targets.open) open.add(what);
    open.add_limit(reached.open);
    m::WhatCanResponse out{.principal = shown_principal(one.front()), .services = {}};
    std::map<std::string, std::vector<m::WayIn>> by_service;
    const Others others(reached, one);
    for (const proof::Reached& group : reached.groups)
        for (const uint32_t number : others.left(group))
            for (const auto& [target, ways] : group.at)
                for (auto& [service, of_service] : by_services(others.beyond_role(number, target, *ways)))
                    for (m::WayIn& way : shown_ways(of_service, targets.all[target], one[number], open))
                        by_service[service].push_back(std::move(way));
    for (auto& [service, ways] : by_service) out.services.push_back({.service = service, .ways = std::move(ways)});
    if (!note.empty()) out.note = note;
    out.open = open.list();
    return out;
}

}  // namespace services::trainwarden
