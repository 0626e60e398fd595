#include "proof/guard.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/strings.hpp"
#include "policy/glob.hpp"
#include "proof/grant_worlds.hpp"
#include "proof/regions.hpp"
#include "proof/subjects.hpp"
#include "proof/unknown_resources.hpp"
#include "proof/words.hpp"

namespace proof {

namespace {

using policy::AttachedPolicy;
using policy::PolicyPtr;
using Outcome = GuardResult::Outcome;

bool is_root(const Actor& actor) { return actor.subject.principal.kind == policy::PrincipalKind::root; }

// A session that a policy names is meant by its role's ARN, too.
bool has_name(const Actor& actor, const std::string& pattern) {
    return policy::glob_matches(pattern, actor.name) ||
           (actor.name.contains(":assumed-role/") && policy::glob_matches(pattern, actor.subject.principal.role_arn));
}

bool is_named(const Actor& actor, const std::vector<std::string>& patterns) {
    return std::ranges::any_of(patterns, [&](const std::string& pattern) {
        const bool outside = actor.kind == Actor::Kind::unnamed_account || actor.kind == Actor::Kind::named_account;
        if (pattern == "*") return !is_root(actor);
        if (pattern == "anonymous") return actor.kind == Actor::Kind::anonymous;
        if (pattern == "other-accounts") return outside;
        if (is_root(actor) && !pattern.ends_with(":root")) return false;
        // An actor that stands for others has no ARN of its own.
        if (actor.kind == Actor::Kind::anonymous || actor.kind == Actor::Kind::unnamed_account) return false;
        return has_name(actor, pattern);
    });
}

// Views that limit a question to a part of the world: every principal is allowed everything there.
PolicyPtr only_within(const std::string& action, const std::vector<std::string>& resources) {
    Outside all;
    all.keep(action, resources);
    return all.policy();
}

class Check {
public:
    Check(const AccountPolicies& account, const Limits& limits) : account_(account), limits_(limits) {
        limits_.work = &work_;
        for (const auto& [name, user] : account.users) actors_.push_back(actor_of(account, user));
        for (const auto& [name, role] : account.roles) actors_.push_back(actor_of(account, role));
        actors_.push_back(root_of(account));
        for (const auto& [name, bucket] : account.buckets) policies_.push_back(bucket.policy);
        for (const auto& [name, role] : account.roles) policies_.push_back(role.trust);
        for (Actor& actor : outsiders(account, policies_)) actors_.push_back(std::move(actor));
        for (const Actor& actor : actors_) {
            for (const AttachedPolicy& one : actor.policies.identity) policies_.push_back(one.policy);
            if (actor.policies.boundary) policies_.push_back(actor.policies.boundary->policy);
        }
        everything_.identity.push_back({allows_everything(), "everything"});
    }

    Check(const Check&) = delete;
    Check& operator=(const Check&) = delete;

    GuardResult run(const Guard& guard) {
        work_.left = guard_work_max;
        GuardResult out;
        if (!is_about_anything(guard))
            return {.outcome = Outcome::broken,
                    .reason = "no request for these actions is about these resources: it guards nothing"};
        regions_ = regions_to_ask(policies_, guard.resources, account_.region);
        std::vector<const Actor*> meant;
        for (const Actor& actor : actors_)
            if (is_meant(guard, actor)) meant.push_back(&actor);
        const std::vector<Actor> others = principals_elsewhere(guard);
        for (const Actor& actor : others)
            if (is_meant(guard, actor)) meant.push_back(&actor);
        for (const Actor* actor : meant) {
            ++out.asked;
            auto answer = ask(guard, *actor);
            if (answer.kind == Answer::Kind::no) continue;
            if (answer.kind == Answer::Kind::unknown) {
                if (out.outcome == Outcome::kept) out = {Outcome::unknown, actor->shown, std::nullopt, answer.reason, out.asked};
                continue;
            }
            return {Outcome::broken, actor->shown, std::move(answer.witness), "", out.asked};
        }
        if (!regions_.complete && out.outcome == Outcome::kept)
            out = {Outcome::unknown, "", std::nullopt, "more regions than are asked about", out.asked};
        // A pattern that matches no principal may match one later; a name without wildcards is a mistake.
        const auto has_wildcard = [](const std::string& one) { return one.find_first_of("*?") != std::string::npos; };
        if (out.asked == 0 && guard.kind != Guard::Kind::only &&
            (guard.kind == Guard::Kind::allow || std::ranges::none_of(guard.principals, has_wildcard)))
            return {
                .outcome = Outcome::broken, .reason = "there is no such principal: it guards nothing", .is_about_nobody = true};
        return out;
    }

private:
    // Of other accounts, that the rule's own patterns mean.
    std::vector<Actor> principals_elsewhere(const Guard& guard) const {
        std::vector<Actor> out;
        for (const auto* patterns : {&guard.principals, &guard.except})
            for (const std::string& pattern : *patterns)
                for (Actor& actor : actors_of_pattern(account_, pattern)) out.push_back(std::move(actor));
        return out;
    }

    // Those whose requests can break the rule.
    static bool is_meant(const Guard& guard, const Actor& actor) {
        const bool named = is_named(actor, guard.principals) && !is_named(actor, guard.except);
        if (guard.kind != Guard::Kind::only) return named;
        return !named && !is_root(actor);
    }

    bool is_about_anything(const Guard& guard) {
        User user;
        user.name = "any";
        user.id = "AIDAANY";
        user.arn = account_.iam_arn("user", "/", user.name);
        const Actor any_user = actor_of(account_, user);
        const AttachedPolicy anything{only_within("*", {}), ""};
        const auto regions = regions_to_ask(policies_, guard.resources, account_.region).regions;
        return std::ranges::any_of(regions, [&](const std::string& region) {
            return prove(question(guard, any_user, {{&everything_, &anything}}, {}, region), limits_).kind != Answer::Kind::no;
        });
    }

    [[nodiscard]] Question question(const Guard& guard, const Actor& actor, std::vector<View> allowed, std::vector<View> refused,
                                    const std::string& region) const {
        return {.subject = &actor.subject,
                .allowed = std::move(allowed),
                .refused = std::move(refused),
                .actions = guard.actions,
                .except = {"sts:GetCallerIdentity", "sts:GetSessionToken"},
                .resources = guard.resources,
                .resource_account = account_.id,
                .known = guard.conditions,
                .region = region};
    }

    // Is there a request in this part of the world that breaks the rule?
    // `region`: of the resources; empty: any.
    Answer ask_within(const Guard& guard, const Actor& actor, const View& now, const AttachedPolicy& within,
                      const std::string& region = "", const std::string& owner = "") const {
        const View part{&everything_, &within};
        Answer out;
        for (const std::string& one : region.empty() ? regions_.regions : std::vector{region}) {
            const bool allow = guard.kind == Guard::Kind::allow;
            Question asked = allow ? question(guard, actor, {part}, {now}, one) : question(guard, actor, {now, part}, {}, one);
            if (!owner.empty()) asked.resource_account = owner;
            auto answer = prove(asked, limits_);
            if (answer.kind == Answer::Kind::yes) return answer;
            if (answer.kind == Answer::Kind::unknown) out = std::move(answer);
        }
        return out;
    }

    // Each bucket and role whose policy speaks of the actor by itself, then all the rest.
    Answer ask(const Guard& guard, const Actor& actor) const {
        Outside rest;
        std::vector<std::string> apart;
        Answer out;
        const auto take = [&](Answer answer) {
            if (answer.kind == Answer::Kind::yes || out.kind == Answer::Kind::no) out = std::move(answer);
            return out.kind == Answer::Kind::yes;
        };
        for (const auto& [name, bucket] : account_.buckets) {
            const auto policy = policy_of(bucket);
            if (!speaks_of(policy, actor)) continue;
            const auto parts = account_.parts_of_bucket(name);
            apart.insert(apart.end(), parts.begin(), parts.end());
            const AttachedPolicy within{only_within("*", parts), ""};
            if (take(ask_within(guard, actor, {&actor.policies, &*policy, bucket.restrict_public}, within, bucket.region)))
                return out;
        }
        for (const auto& [name, role] : account_.roles) {
            const auto trust = trust_of(role);
            if (!speaks_of(trust, actor)) continue;
            rest.except(assume_role_actions, role.arn);
            const AttachedPolicy within{only_within(assume_role_actions, {role.arn}), ""};
            if (take(ask_within(guard, actor, {&actor.policies, &trust}, within))) return out;
        }
        rest.except_resources(apart);
        const AttachedPolicy within{rest.policy(), ""};
        if (take(ask_within(guard, actor, {&actor.policies}, within))) return out;
        if (actor.kind == Actor::Kind::principal && guard.kind != Guard::Kind::allow) take(ask_unknown(guard, actor));
        return out;
    }

    // Keys, whose policies are not read; and roles of other accounts, and whatever else of an account that the rule names, whose policies are theirs.
    Answer ask_unknown(const Guard& guard, const Actor& actor) const {
        const AttachedPolicy keys{only_within(key_actions, {}), ""}, roles{only_within(assume_role_actions, {}), ""},
            own = policy_leaving_to(account_.id);
        Answer out = ask_within(guard, actor, {&actor.policies, &own}, keys);
        const AttachedPolicy* const of_others = &policy_open_to_all();
        for (const auto& [account, is_named] : accounts_elsewhere(guard, actor)) {
            if (out.kind == Answer::Kind::yes) return out;
            auto answer = ask_within(guard, actor, {&actor.policies, of_others}, is_named ? everywhere_ : roles, "", account);
            if (answer.kind != Answer::Kind::no) out = std::move(answer);
        }
        return out;
    }

    // Those that the rule's resources name; and, if their account may be any, those that the principal's own policies name, and one that nothing names.
    std::map<std::string, bool> accounts_elsewhere(const Guard& guard, const Actor& actor) const {
        constexpr size_t account_segment = 4, account_digits = 12;
        std::map<std::string, bool> out;  // by number: does the rule name it?
        bool is_any = false;
        for (const std::string& pattern : guard.resources) {
            const auto segments = base::split(pattern, ':');
            const std::string_view account = segments.size() > account_segment ? segments[account_segment] : "*";
            if (account.find_first_of("*?") != std::string_view::npos)
                is_any = true;
            else if (account.size() == account_digits && account != account_.id)
                out[std::string(account)] = true;
        }
        if (!is_any) return out;
        std::set<std::string> named;
        for (const AttachedPolicy& one : actor.policies.identity) add_accounts(one.policy->text(), named);
        named.insert(unnamed_account(named));
        for (const std::string& one : named)
            if (one != account_.id) out.emplace(one, false);
        return out;
    }

    const AccountPolicies& account_;
    Limits limits_;
    Work work_;                             // of the rule that is checked
    policy::PrincipalPolicies everything_;  // of principals of other accounts, too
    const AttachedPolicy everywhere_{only_within("*", {}), ""};
    std::vector<Actor> actors_;
    std::vector<PolicyPtr> policies_;  // all of the account
    RegionsToAsk regions_;             // of the rule that is checked
};

}  // namespace

std::string_view name_of(Guard::Kind kind) {
    return kind == Guard::Kind::allow ? "allow" : kind == Guard::Kind::deny ? "deny" : "only";
}

std::vector<GuardResult> check_guards(std::span<const Guard> guards, const AccountPolicies& account,
                                      std::span<const std::string> doubts, const Limits& limits) {
    Check check(account, limits);
    std::vector<GuardResult> out;
    for (const Guard& guard : guards) {
        GuardResult result = check.run(guard);
        // Who is not found may be among what was not read.
        if ((result.outcome == Outcome::kept || result.is_about_nobody) && !doubts.empty()) {
            result.outcome = Outcome::unknown;
            result.reason = doubts.front() + (doubts.size() > 1 ? ", and " + std::to_string(doubts.size() - 1) + " more" : "");
        }
        out.push_back(std::move(result));
    }
    return out;
}

}  // namespace proof
