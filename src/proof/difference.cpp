#include "proof/difference.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "policy/compile.hpp"
#include "policy/hash.hpp"
#include "proof/difference_search.hpp"
#include "proof/regions.hpp"

namespace proof {

namespace {

using policy::AttachedPolicy;
using policy::PolicyPtr;
using Kind = AccessChange::Kind;

bool same(const AttachedPolicy& a, const AttachedPolicy& b) { return a.policy == b.policy; }

bool same(const PolicyPtr& a, const PolicyPtr& b) { return a == b || (a != nullptr && b != nullptr && a->text() == b->text()); }

bool same(const policy::PrincipalPolicies& a, const policy::PrincipalPolicies& b) {
    if (a.boundary.has_value() != b.boundary.has_value()) return false;
    if (a.boundary && !same(*a.boundary, *b.boundary)) return false;
    // Which name a policy has is no difference, nor in which order they hang.
    std::vector<const policy::Policy*> of_a, of_b;
    for (const AttachedPolicy& one : a.identity) of_a.push_back(one.policy.get());
    for (const AttachedPolicy& one : b.identity) of_b.push_back(one.policy.get());
    std::ranges::sort(of_a);
    std::ranges::sort(of_b);
    return of_a == of_b;
}

// A principal on both sides.
struct Pair {
    std::optional<Actor> before, after;
    bool changed = false;  // in its own policies
    [[nodiscard]] const Actor& either() const { return after ? *after : *before; }
};

class Comparison {
public:
    Comparison(const AccountPolicies& before, const AccountPolicies& after, const DifferenceLimits& limits)
        : before_(before), after_(after), limits_(limits), search_(after.id, limits_, out_) {}

    AccessDifference run() {
        add_pairs(before_.users, after_.users);
        add_pairs(before_.roles, after_.roles);
        pairs_.push_back({root_of(before_), root_of(after_), false});
        find_regions();
        for (const Pair& pair : pairs_) compare_rest(pair);
        compare_buckets();
        compare_trusts();
        find_already();
        merge();
        return std::move(out_);
    }

private:
    template <class Holders>
    void add_pairs(const Holders& before, const Holders& after) {
        for (const auto& [key, holder] : after) {
            Pair pair{.before = {}, .after = actor_of(after_, holder)};
            const auto old = before.find(key);
            // One of the same name and another id is another one.
            if (old != before.end() && old->second.id == holder.id) pair.before = actor_of(before_, old->second);
            add(std::move(pair), old != before.end() && old->second.tags != holder.tags);
        }
        for (const auto& [key, holder] : before) {
            const auto now = after.find(key);
            if (now == after.end() || now->second.id != holder.id) add({.before = actor_of(before_, holder), .after = {}}, false);
        }
    }

    void add(Pair pair, bool tags_differ) {
        pair.changed = !pair.before || !pair.after || !same(pair.before->policies, pair.after->policies);
        if (pair.before && tags_differ)
            out_.unknown.push_back("the tags of " + pair.after->shown + " change, and with them what conditions on them allow");
        if (!pair.before) pair.after->shown += " (new)";
        pairs_.push_back(std::move(pair));
    }

    [[nodiscard]] const policy::PrincipalPolicies* policies(const std::optional<Actor>& actor) const {
        return actor ? &actor->policies : &none_;
    }

    void find_regions() {
        std::vector<PolicyPtr> all;
        for (const Pair& pair : pairs_)
            for (const auto* side : {&pair.before, &pair.after}) {
                if (!*side) continue;
                for (const AttachedPolicy& one : (*side)->policies.identity) all.push_back(one.policy);
                if ((*side)->policies.boundary) all.push_back((*side)->policies.boundary->policy);
            }
        for (const AccountPolicies* account : {&before_, &after_}) {
            for (const auto& [name, bucket] : account->buckets) all.push_back(bucket.policy);
            for (const auto& [name, role] : account->roles) all.push_back(role.trust);
        }
        RegionsToAsk found = regions_to_ask(all, {}, after_.region);
        if (!found.complete) out_.unknown.emplace_back("the policies name more regions than are asked about");
        regions_ = std::move(found.regions);
        search_.ask_in(regions_);
    }

    // A policy of a resource, on both sides; and whether it is restricted there (R79).
    struct OfResource {
        std::optional<AttachedPolicy> before, after;
        bool restricted_before = false, restricted_after = false;
    };

    void compare(const Pair& pair, const OfResource& resource, const Scope& scope) {
        const Side old{policies(pair.before), pair.before ? resource.before : std::nullopt, resource.restricted_before};
        const Side fresh{policies(pair.after), pair.after ? resource.after : std::nullopt, resource.restricted_after};
        if (pair.after) search_.search(Kind::gained, *pair.after, fresh, old, scope);
        if (pair.before) search_.search(Kind::lost, *pair.before, old, fresh, scope);
    }

    // Of who is new and has no ceilings: a resource's policy that denies nothing adds to what its own policies allow, and takes nothing from it.
    static bool only_adds(const Pair& pair, const std::optional<AttachedPolicy>& resource) {
        return !pair.before && pair.after && !has_ceilings({&pair.after->policies, resource});
    }

    // Of who is gone: what a policy of a resource granted by itself. What its own policies allowed is another line's.
    void lose(const Pair& pair, const std::optional<AttachedPolicy>& resource, bool restricted, const Scope& scope) {
        if (!speaks_of(resource, *pair.before)) return;
        search_.search(Kind::lost, *pair.before, {&none_, resource, restricted}, {&none_, std::nullopt}, scope);
    }

    // What no policy of a resource has a say in.
    void compare_rest(const Pair& pair) {
        if (!pair.changed) return;
        if (!pair.after) {
            const std::string why = pair.before->shown + " is deleted";
            return search_.all(Kind::lost, *pair.before, {policies(pair.before), std::nullopt}, why);
        }
        Scope scope;
        each_bucket([&](const Bucket* before, const Bucket* after) {
            if (only_adds(pair, of(after))) return;
            if (!speaks_of(of(before), pair.either()) && !speaks_of(of(after), pair.either())) return;
            for (std::string& part : after_.parts_of_bucket((after != nullptr ? after : before)->name))
                scope.except.push_back(std::move(part));
        });
        compare(pair, {}, scope);
    }

    template <class Visit>
    void each_bucket(Visit&& visit) const {
        for (const auto& [name, bucket] : after_.buckets) {
            const auto old = before_.buckets.find(name);
            visit(old == before_.buckets.end() ? nullptr : &old->second, &bucket);
        }
        for (const auto& [name, bucket] : before_.buckets)
            if (!after_.buckets.contains(name)) visit(&bucket, static_cast<const Bucket*>(nullptr));
    }

    static std::optional<AttachedPolicy> of(const Bucket* bucket) {
        return bucket == nullptr ? std::nullopt : policy_of(*bucket);
    }
    static bool restricts(const Bucket* bucket) { return bucket != nullptr && bucket->restrict_public; }

    void compare_buckets() {
        each_bucket([&](const Bucket* before, const Bucket* after) {
            const PolicyPtr old = before == nullptr ? nullptr : before->policy,
                            fresh = after == nullptr ? nullptr : after->policy;
            if (old == nullptr && fresh == nullptr) return;
            const std::string& region = (after != nullptr ? after : before)->region;
            search_.ask_in(region.empty() ? regions_ : std::vector{region});
            Scope scope;
            scope.actions = {"s3:*"};
            scope.resources = after_.parts_of_bucket((after != nullptr ? after : before)->name);
            const bool differs = !same(old, fresh) || restricts(before) != restricts(after);
            const OfResource resource{of(before), of(after), restricts(before), restricts(after)};
            const auto about = [&](const Pair& pair) {
                if (!pair.after) return lose(pair, resource.before, restricts(before), scope);
                if (!differs && !pair.changed) return;
                if (!speaks_of(resource.before, pair.either()) && !speaks_of(resource.after, pair.either())) return;
                if (!only_adds(pair, resource.after)) return compare(pair, resource, scope);
                // What the principal's own policies allow is said with all the rest.
                const Side alone{&none_, resource.after, restricts(after)}, nothing{&none_, std::nullopt};
                search_.search(Kind::gained, *pair.after, alone, nothing, scope);
            };
            for (const Pair& pair : pairs_) about(pair);
            if (!differs) return;
            const std::array<PolicyPtr, 2> policies = {old, fresh};
            for (Actor& actor : outsiders(after_, policies)) about(outside(std::move(actor)));
        });
        search_.ask_in(regions_);
    }

    // Principals of other accounts are the same on both sides.
    const Pair& outside(Actor actor) {
        if (actor.kind != Actor::Kind::principal && actor.kind != Actor::Kind::service) outside_names_.insert(actor.shown);
        outsiders_.push_back({actor, std::move(actor), false});
        return outsiders_.back();
    }

    void compare_trusts() {
        for (const auto& [name, role] : after_.roles) {
            const auto old = before_.roles.find(name);
            const bool was = old != before_.roles.end() && old->second.id == role.id;
            compare_trust(was ? &old->second : nullptr, &role);
        }
        for (const auto& [name, role] : before_.roles) {
            const auto now = after_.roles.find(name);
            if (now == after_.roles.end() || now->second.id != role.id) compare_trust(&role, nullptr);
        }
    }

    void compare_trust(const Role* before, const Role* after) {
        const PolicyPtr old = before == nullptr ? nullptr : before->trust, fresh = after == nullptr ? nullptr : after->trust;
        Scope scope;
        scope.actions = {assume_role_actions};
        scope.resources = {(after != nullptr ? after : before)->arn};
        const auto attached = [](const Role* role) {
            return role == nullptr ? std::nullopt : std::optional<AttachedPolicy>(trust_of(*role));
        };
        const auto about = [&](const Pair& pair) {
            if (!pair.after) return lose(pair, attached(before), false, scope);
            if (same(old, fresh) && !pair.changed) return;
            if (!speaks_of(attached(before), pair.either()) && !speaks_of(attached(after), pair.either())) return;
            compare(pair, {attached(before), attached(after)}, scope);
        };
        for (const Pair& pair : pairs_) about(pair);
        if (same(old, fresh)) return;
        const std::array<PolicyPtr, 2> policies = {old, fresh};
        for (Actor& actor : outsiders(after_, policies)) about(outside(std::move(actor)));
    }

    // --- who may use a new bucket by policies that have been there ---

    struct Use {
        const char* action;
        bool of_object;
    };
    static constexpr std::array<Use, 5> uses = {{{"s3:GetObject", true},
                                                 {"s3:ListBucket", false},
                                                 {"s3:PutObject", true},
                                                 {"s3:DeleteObject", true},
                                                 {"s3:PutBucketPolicy", false}}};

    // Which of a principal's statements may be about a new bucket: those of all resources, the same for each, and others by how they begin.
    struct S3Statements {
        bool any = false, of_all = false, of_names = false;
        std::vector<std::string> beginnings;
        std::string key;  // of those of all resources, with which others may share what they allow; empty: they ask who it is
    };

    S3Statements s3_statements(const Actor& actor) {
        static const uint64_t bit = policy::service_bit(policy::hash_of("s3"));
        S3Statements out;
        bool shared = true;
        out.key = std::to_string(static_cast<int>(actor.subject.principal.kind));
        const auto add = [&](const AttachedPolicy& attached, char layer) {
            const auto& compiled = attached.policy->compiled();
            const auto tables = compiled.patterns();
            bool general = false;
            for (const auto& statement : compiled.statements()) {
                if ((statement.services & bit) == 0) continue;
                const auto patterns = compiled.resources(statement);
                out.any = out.any || (layer == 'i' && statement.effect == policy::Effect::allow);
                if (statement.not_resource || statement.broken) {
                    out.of_names = true;
                    continue;
                }
                for (const auto& pattern : patterns)
                    if (pattern.is_everything())
                        general = true;
                    else
                        out.beginnings.emplace_back(tables.text(tables.literal_prefix(pattern)));
            }
            if (!general) return;
            out.of_all = true;
            shared = shared && !search_.asks_who(attached.policy);
            out.key += layer + std::to_string(reinterpret_cast<uintptr_t>(attached.policy.get()));
        };
        for (const AttachedPolicy& one : actor.policies.identity) add(one, 'i');
        if (actor.policies.boundary) add(*actor.policies.boundary, 'b');
        if (!shared) out.key.clear();
        return out;
    }

    void find_already() {
        for (const Pair& pair : pairs_) {
            if (pair.changed || pair.after->subject.principal.kind == policy::PrincipalKind::root) continue;
            const S3Statements statements = s3_statements(*pair.after);
            if (!statements.any) continue;
            for (const auto& [name, bucket] : after_.buckets)
                if (!before_.buckets.contains(name)) find_already(bucket, *pair.after, statements);
        }
    }

    void find_already(const Bucket& bucket, const Actor& actor, const S3Statements& statements) {
        const std::string arn = after_.bucket_arn(bucket.name);
        const bool by_name = statements.of_names || std::ranges::any_of(statements.beginnings, [&](const std::string& one) {
                                 return arn.starts_with(one) || one.starts_with(arn);
                             });
        if (!by_name && !statements.of_all) return;  // nothing of all resources, and nothing of this one
        const auto whole = of(&bucket);
        if (by_name || statements.key.empty() || speaks_of(whole, actor)) return add_already(ask_already(bucket, actor, whole));
        // What is the same for all buckets and all principals with these policies: asked once.
        const auto [place, added] = already_.try_emplace(statements.key);
        if (added) place->second = {&actor, arn, ask_already(bucket, actor, whole)};
        auto& [first, first_arn, change] = place->second;
        if (!change || added) return add_already(change);
        AccessChange again = *change;
        again.who = {actor.shown};
        again.resources = after_.parts_of_bucket(bucket.name);
        if (again.witness) {
            again.witness = DifferenceSearch::as(*again.witness, *first, actor);
            again.witness->resource.replace(0, first_arn.size(), arn);
            const Side side{&actor.policies, whole, bucket.restrict_public};
            if (!DifferenceSearch::allows(*again.witness, side)) return add_already(ask_already(bucket, actor, whole));
        }
        add_already(again);
    }

    void add_already(const std::optional<AccessChange>& change) {
        if (change) out_.changes.push_back(*change);
    }

    std::optional<AccessChange> ask_already(const Bucket& bucket, const Actor& actor,
                                            const std::optional<AttachedPolicy>& policy) {
        // By its own policies, and not against the bucket's.
        const Side side{&actor.policies, std::nullopt}, whole{&actor.policies, policy, bucket.restrict_public};
        const Side anything{&none_, AttachedPolicy{Outside().policy(), ""}};
        const std::string arn = after_.bucket_arn(bucket.name);
        AccessChange change{.kind = Kind::already, .who = {actor.shown}};
        for (const Use& use : uses) {
            const std::vector<std::string> resources = {use.of_object ? arn + "/*" : arn};
            auto answer = search_.ask(actor, {side, whole}, {}, {use.action}, resources);
            if (answer.kind == Answer::Kind::no) continue;
            change.actions.emplace_back(use.action);
            if (!change.partly)
                change.partly = search_.ask(actor, {anything}, {whole}, {use.action}, resources).kind != Answer::Kind::no;
            if (answer.kind != Answer::Kind::yes || change.witness) continue;
            change.witness = answer.witness;
            explain_already(side, change);
        }
        if (change.actions.empty()) return std::nullopt;
        change.resources = after_.parts_of_bucket(bucket.name);
        return change;
    }

    void explain_already(const Side& side, AccessChange& change) {
        const policy::Question question(*change.witness);
        const auto decision = policy::evaluate(question, *side.policies, nullptr);
        for (const policy::StatementRef& one : decision.because)
            for (const AttachedPolicy* attached : policies_of(side, one.layer)) {
                const auto& words = search_.words().of(attached->policy);
                if (one.layer != policy::Layer::identity || attached->name != one.policy_name || one.statement >= words.size())
                    continue;
                change.why = "by " + attached->name;
                change.condition = condition_text(words[one.statement].condition);
                return;
            }
    }

    [[nodiscard]] bool is_outside(const AccessChange& change) const { return outside_names_.contains(change.who.front()); }

    // The same words about several principals are one line; new buckets that the same may use, too.
    void merge() {
        std::vector<AccessChange> merged;
        std::map<std::string, size_t> places;
        const auto join = [&](const AccessChange& change, std::string key, auto&& add) {
            const auto [place, added] = places.try_emplace(std::move(key), merged.size());
            if (added)
                merged.push_back(change);
            else
                add(merged[place->second]);
        };
        const auto listed = [](const std::vector<std::string>& list) {
            std::string out;
            for (const std::string& one : list) out += one + "\n";
            return out + "\t";
        };
        const auto common = [&](const AccessChange& one) {
            return std::to_string(static_cast<int>(one.kind)) + listed(one.actions) + one.condition + "\t" + one.policy +
                   (one.partly ? "p" : "") + (one.more ? "m" : "") + (one.not_action ? "a" : "") + (one.not_resource ? "r" : "") +
                   (is_outside(one) ? "o" : "") + "\t";
        };
        for (const AccessChange& one : out_.changes)
            join(one, common(one) + listed(one.resources), [&](AccessChange& to) {
                if (std::ranges::find(to.who, one.who.front()) == to.who.end()) to.who.push_back(one.who.front());
            });
        std::vector<AccessChange> by_who = std::exchange(merged, {});
        places.clear();
        for (const AccessChange& one : by_who) {
            const bool apart = one.kind != Kind::already;
            join(one, common(one) + listed(one.who) + one.why + (apart ? "\t" + listed(one.resources) : ""),
                 [&](AccessChange& to) {
                     if (!apart) to.resources.insert(to.resources.end(), one.resources.begin(), one.resources.end());
                 });
        }
        out_.changes.clear();
        // Whom a policy lets in from outside stands first, and not among others.
        for (const Kind kind : {Kind::gained, Kind::lost, Kind::already})
            for (const bool outside : {true, false})
                for (const AccessChange& one : merged)
                    if (one.kind == kind && is_outside(one) == outside) out_.changes.push_back(one);
    }

    const AccountPolicies& before_;
    const AccountPolicies& after_;
    const DifferenceLimits limits_;
    const policy::PrincipalPolicies none_;
    AccessDifference out_;
    DifferenceSearch search_;
    std::vector<std::string> regions_;
    std::deque<Pair> pairs_, outsiders_;  // which stand still
    std::set<std::string> outside_names_;
    struct Already {
        const Actor* first = nullptr;
        std::string arn;  // of the bucket
        std::optional<AccessChange> change;
    };
    std::map<std::string, Already> already_;
};

}  // namespace

AccessDifference access_difference(const AccountPolicies& before, const AccountPolicies& after, const DifferenceLimits& limits) {
    // A user who moves to another path is the same user: today's policies are asked about under tomorrow's ARN.
    std::vector<std::pair<std::string, std::string>> moved;
    for (const auto& [name, user] : before.users)
        if (const auto now = after.users.find(name);
            now != after.users.end() && now->second.id == user.id && now->second.arn != user.arn)
            moved.emplace_back(name, now->second.arn);
    if (moved.empty()) return Comparison(before, after, limits).run();
    AccountPolicies renamed = before;
    for (const auto& [name, arn] : moved) {
        rename_principal(renamed, renamed.users.at(name).arn, arn);
        renamed.users.at(name).arn = arn;
    }
    return Comparison(renamed, after, limits).run();
}

}  // namespace proof
