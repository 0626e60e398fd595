#include "proof/difference.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/strings.hpp"
#include "proof/actors_by_name.hpp"
#include "proof/difference_search.hpp"
#include "proof/grant_worlds.hpp"
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
        for (const Pair& pair : pairs_) by_name_.add(pair.either());
        find_regions();
        find_buckets();
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
        return !pair.before && pair.after && !has_ceilings(pair.after->policies, resource);
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
        for (const BucketPair& bucket : buckets_) {
            const OfResource& policies = bucket.policies;
            if (only_adds(pair, policies.after)) continue;
            if (!speaks_of(policies.before, pair.either()) && !speaks_of(policies.after, pair.either())) continue;
            scope.except.insert(scope.except.end(), bucket.parts.begin(), bucket.parts.end());
        }
        compare(pair, {}, scope);
        compare_elsewhere(pair);
    }

    // Roles of other accounts that statements about nothing but becoming a role may mean. Of other statements these are said with all the rest.
    void compare_elsewhere(const Pair& pair) {
        std::set<std::string> accounts;
        bool is_any = false;
        for (const auto* actor : {&pair.before, &pair.after}) {
            if (!*actor) continue;
            for (const AttachedPolicy& one : (*actor)->policies.identity)
                for (const Words& words : search_.words().of(one.policy)) {
                    const auto becomes = [](const std::string& action) { return base::lower(action).starts_with("sts:"); };
                    if (words.deny || words.not_action || !std::ranges::all_of(words.actions, becomes)) continue;
                    is_any = true;
                    for (const std::string& resource : words.resources) add_accounts(resource, accounts);
                }
        }
        if (!is_any) return;
        accounts.erase(after_.id);
        accounts.insert(unnamed_account(accounts));
        Scope roles;
        roles.actions = {assume_role_actions};
        for (const std::string& account : accounts) {
            search_.ask_about(account);
            compare(pair, {}, roles);
        }
        search_.ask_about(after_.id);
    }

    // A bucket that has a policy on one of the sides.
    struct BucketPair {
        OfResource policies;
        std::vector<std::string> parts;  // patterns
        std::string region;
    };

    void find_buckets() {
        const auto add = [&](const Bucket* before, const Bucket* after) {
            const Bucket& either = after != nullptr ? *after : *before;
            OfResource policies{of(before), of(after), restricts(before), restricts(after)};
            if (policies.before || policies.after)
                buckets_.push_back({std::move(policies), after_.parts_of_bucket(either.name), either.region});
        };
        for (const auto& [name, bucket] : after_.buckets) {
            const auto old = before_.buckets.find(name);
            add(old == before_.buckets.end() ? nullptr : &old->second, &bucket);
        }
        for (const auto& [name, bucket] : before_.buckets)
            if (!after_.buckets.contains(name)) add(&bucket, nullptr);
    }

    static std::optional<AttachedPolicy> of(const Bucket* bucket) {
        return bucket == nullptr ? std::nullopt : policy_of(*bucket);
    }
    static bool restricts(const Bucket* bucket) { return bucket != nullptr && bucket->restrict_public; }
    static PolicyPtr policy(const std::optional<AttachedPolicy>& attached) { return attached ? attached->policy : nullptr; }

    void compare_buckets() {
        for (const BucketPair& bucket : buckets_) {
            const OfResource& resource = bucket.policies;
            const PolicyPtr old = policy(resource.before), fresh = policy(resource.after);
            search_.ask_in(bucket.region.empty() ? regions_ : std::vector{bucket.region});
            const Scope scope{.actions = {"s3:*"}, .resources = bucket.parts};
            const bool differs = !same(old, fresh) || resource.restricted_before != resource.restricted_after;
            const auto about = [&](const Pair& pair) {
                if (!pair.after) return lose(pair, resource.before, resource.restricted_before, scope);
                if (!differs && !pair.changed) return;
                if (!speaks_of(resource.before, pair.either()) && !speaks_of(resource.after, pair.either())) return;
                if (!only_adds(pair, resource.after)) return compare(pair, resource, scope);
                // What the principal's own policies allow is said with all the rest.
                const Side alone{&none_, resource.after, resource.restricted_after}, nothing{&none_, std::nullopt};
                search_.search(Kind::gained, *pair.after, alone, nothing, scope);
            };
            for (const size_t number : by_name_.named_by(resource.before, resource.after)) about(pairs_[number]);
            if (!differs) continue;
            const std::array<PolicyPtr, 2> policies = {old, fresh};
            for (Actor& actor : outsiders(after_, policies)) about(outside(std::move(actor)));
        }
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
        const OfResource resource{attached(before), attached(after)};
        const auto about = [&](const Pair& pair) {
            if (!pair.after) return lose(pair, resource.before, false, scope);
            if (same(old, fresh) && !pair.changed) return;
            if (!speaks_of(resource.before, pair.either()) && !speaks_of(resource.after, pair.either())) return;
            compare(pair, resource, scope);
        };
        for (const size_t number : by_name_.named_by(resource.before, resource.after)) about(pairs_[number]);
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

    // A bucket that is new, and which of the pairs its policy speaks of.
    struct NewBucket {
        const Bucket* bucket = nullptr;
        std::string arn;
        std::optional<AttachedPolicy> policy;
        std::set<size_t> spoken_of;
        [[nodiscard]] Side side(const Actor& actor) const { return {&actor.policies, policy, bucket->restrict_public}; }
    };

    void find_already() {
        std::vector<NewBucket> fresh;
        for (const auto& [name, bucket] : after_.buckets) {
            if (before_.buckets.contains(name)) continue;
            NewBucket one{&bucket, after_.bucket_arn(name), of(&bucket), {}};
            for (const size_t number : by_name_.named_by(one.policy))
                if (speaks_of(one.policy, pairs_[number].either())) one.spoken_of.insert(number);
            fresh.push_back(std::move(one));
        }
        for (size_t number = 0; number < pairs_.size() && !fresh.empty(); ++number) {
            const Pair& pair = pairs_[number];
            if (pair.changed || pair.after->subject.principal.kind == policy::PrincipalKind::root) continue;
            S3Statements statements = search_.s3_statements(*pair.after);
            if (!statements.any) continue;
            bool is_like_first = false;
            for (const NewBucket& bucket : fresh) {
                const auto names_it = [&](const std::string& one) {
                    return bucket.arn.starts_with(one) || one.starts_with(bucket.arn);
                };
                const bool by_name = statements.of_names || std::ranges::any_of(statements.beginnings, names_it);
                if (!by_name && !statements.of_all) continue;  // nothing of all resources, and nothing of this one
                if (by_name || statements.key.empty() || bucket.spoken_of.contains(number)) {
                    add_already(ask_already(bucket, *pair.after));
                    continue;
                }
                if (!is_like_first) {
                    is_like_first = is_as_known(bucket, *pair.after, statements.key);
                    if (!is_like_first) statements.key.clear();
                }
                if (is_like_first)
                    add_known(bucket, *pair.after, already_.at(statements.key));
                else
                    add_already(ask_already(bucket, *pair.after));
            }
        }
    }

    // What is the same for all new buckets and all principals with these policies is asked once, about the first of each. Of every other
    // principal, and of every other bucket with the first one, the engine confirms that it is so.
    struct Already {
        const Actor* first = nullptr;
        std::string arn;  // of the bucket
        std::optional<AccessChange> change;
        std::map<const Bucket*, size_t> places = {};  // of its line among the changes
    };

    // May the actor use the bucket as the first of its like may use the first one?
    bool is_as_known(const NewBucket& bucket, const Actor& actor, const std::string& key) {
        const auto [place, added] = already_.try_emplace(key);
        Already& known = place->second;
        if (added) known = {&actor, bucket.arn, ask_already(bucket, actor)};
        return added || !known.change || !known.change->witness ||
               search_.allows(witness_of(known, bucket, actor), bucket.side(actor));
    }

    static policy::Request witness_of(const Already& known, const NewBucket& bucket, const Actor& actor) {
        policy::Request out = DifferenceSearch::as(*known.change->witness, *known.first, actor);
        out.resource.replace(0, known.arn.size(), bucket.arn);
        return out;
    }

    void add_known(const NewBucket& bucket, const Actor& actor, Already& known) {
        if (!known.change) return;
        if (const auto line = known.places.find(bucket.bucket); line != known.places.end())
            return out_.changes[line->second].who.push_back(actor.shown);
        AccessChange line = *known.change;
        line.who = {actor.shown};
        line.resources = after_.parts_of_bucket(bucket.bucket->name);
        if (line.witness) {
            line.witness = witness_of(known, bucket, actor);
            if (!search_.allows(*line.witness, bucket.side(actor))) return add_already(ask_already(bucket, actor));
        }
        known.places[bucket.bucket] = out_.changes.size();
        out_.changes.push_back(std::move(line));
    }

    void add_already(const std::optional<AccessChange>& change) {
        if (change) out_.changes.push_back(*change);
    }

    std::optional<AccessChange> ask_already(const NewBucket& bucket, const Actor& actor) {
        // By its own policies, and not against the bucket's.
        const Side side{&actor.policies, std::nullopt}, whole = bucket.side(actor);
        const Side anything{&none_, AttachedPolicy{Outside().policy(), ""}};
        AccessChange change{.kind = Kind::already, .who = {actor.shown}};
        for (const Use& use : uses) {
            const std::vector<std::string> resources = {use.of_object ? bucket.arn + "/*" : bucket.arn};
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
        change.resources = after_.parts_of_bucket(bucket.bucket->name);
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
                for (const std::string& who : one.who)
                    if (one.kind == Kind::already || std::ranges::find(to.who, who) == to.who.end()) to.who.push_back(who);
            });
        // Of a line that was known, whom else it is about came later: in the order of the principals again.
        std::unordered_map<std::string, size_t> order;
        for (const Pair& pair : pairs_) order.emplace(pair.either().shown, order.size());
        for (AccessChange& one : merged)
            if (one.kind == Kind::already) std::ranges::sort(one.who, {}, [&](const std::string& who) { return order.at(who); });
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
    ActorsByName by_name_;                // of the pairs
    std::vector<BucketPair> buckets_;
    std::set<std::string> outside_names_;
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
