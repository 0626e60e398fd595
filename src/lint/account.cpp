#include "lint/account.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "base/strings.hpp"
#include "lint/collector.hpp"
#include "lint/document.hpp"
#include "lint/principals.hpp"
#include "lint/statement.hpp"
#include "lint/words.hpp"
#include "proof/grant_worlds.hpp"
#include "proof/prove.hpp"

namespace lint {

namespace {

using policy::AttachedPolicy;
using policy::Policy;
using policy::PolicyPtr;
using proof::Actor;
using Kind = proof::Answer::Kind;

constexpr std::string_view bucket_type = "AWS::S3::Bucket", trust_type = "AWS::IAM::AssumeRolePolicyDocument";

std::string text_of(const PolicyPtr& policy) { return policy ? std::string(policy->text()) : ""; }

void add_inline(std::vector<NamedPolicy>& out, const proof::PolicyHolder& holder, const std::string& kind) {
    for (const auto& [name, policy] : holder.inline_policies)
        out.push_back({.name = "inline policy " + name + " of " + kind + " " + holder.name,
                       .document = text_of(policy),
                       .resource_type = {}});
}

// The document with one of its statements made such as allows and denies nothing; nullptr if there is no such statement. (A document that has none
// would be broken, which denies everything.)
PolicyPtr without(const PolicyPtr& policy, size_t statement) {
    const std::string_view text = policy->text();
    const auto root = read_document(text);
    const Member* statements = root ? root->find("Statement") : nullptr;
    if (statements == nullptr || !statements->value.is_array() || statement >= statements->value.items.size()) return nullptr;
    std::string kept;
    for (size_t i = 0; i < statements->value.items.size(); ++i) {
        const Range range = statements->value.items[i].range;
        kept += kept.empty() ? "" : ",";
        kept += i == statement ? R"({"Effect":"Allow"})" : text.substr(range.begin, range.end - range.begin);
    }
    const std::string version = policy->has_variables() ? "2012-10-17" : "2008-10-17";
    return Policy::parse_stored(R"({"Version":")" + version + R"(","Statement":[)" + kept + "]}", policy->kind());
}

// Does a statement speak of accounts or regions that a question about this account is not about?
bool is_about_elsewhere(const Node& node, const std::string& account) {
    if (node.is_string())
        for (const std::string_view part : base::split(node.text, ':')) {
            const bool digits = part.size() == 12 && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
            if ((digits && part != account) || (is_region(part) && part != "us-east-1")) return true;
        }
    return std::ranges::any_of(node.items, [&](const Node& one) { return is_about_elsewhere(one, account); }) ||
           std::ranges::any_of(node.members, [&](const Member& one) { return is_about_elsewhere(one.value, account); });
}

class Together {
public:
    Together(const proof::AccountPolicies& account, const AccountLimits& limits, AccountReport& out)
        : account_(account),
          left_(limits.questions_max),
          work_{limits.work_max},
          engine_{.work = &work_},
          limits_(limits),
          out_(out) {
        for (const auto& [name, user] : account.users) actors_.push_back(actor_of(account, user));
        for (const auto& [name, role] : account.roles) actors_.push_back(actor_of(account, role));
        // Where a resource's own policy is not known, another account's above all, it may leave it to the account.
        const std::string root = "arn:" + account.partition + ":iam::" + account.id + ":root";
        elsewhere_ = {Policy::parse_stored(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":")" +
                                               root + R"("},"Action":"*","Resource":"*"}]})",
                                           policy::PolicyKind::resource),
                      "some resource's policy"};
    }

    void check() {
        for (const auto& [name, bucket] : account_.buckets)
            if (bucket.policy) check_bucket(bucket);
        // What is not known may allow what is denied.
        if (account_.unread.empty() && unknown_policies(account_).empty()) {
            check_denials();
            for (const auto& [name, bucket] : account_.buckets)
                if (const auto policy = policy_of(bucket))
                    check_denials_of("bucket policy of " + name, *policy,
                                     {.resources = account_.parts_of_bucket(name), .restricts_public = bucket.restrict_public});
            for (const auto& [name, role] : account_.roles)
                check_denials_of("trust policy of role " + role.name, trust_of(role),
                                 {.resources = {role.arn}, .restricts_public = false});
        }
        if (left_ == 0) out_.unknown.emplace_back("what policies do together: too many questions (questions_max)");
    }

private:
    // Adds a finding to the report of this policy, at a statement or at all of them.
    void add(const std::string& policy, const Check& check, const std::string& details, std::optional<size_t> statement) {
        const auto found = std::ranges::find_if(out_.policies, [&](const NamedReport& one) { return one.policy.name == policy; });
        if (found == out_.policies.end()) return;
        const auto root = read_document(found->policy.document);
        const Member* statements = root ? root->find("Statement") : nullptr;
        if (statements == nullptr) return;
        Place place = Place(*root).member(*statements);
        if (statement && statements->value.is_array() && *statement < statements->value.items.size())
            place = place.item(*statement, statements->value.items[*statement]);
        Collector collector(limits_.document);
        collector.add(check, details, place);
        auto report = std::move(collector).finish(found->policy.document);
        found->report.findings.push_back(std::move(report.findings.front()));
    }

    Kind ask(const proof::Question& question, std::optional<policy::Request>* witness = nullptr) {
        if (left_ == 0) return Kind::unknown;
        --left_;
        auto answer = proof::prove(question, engine_);
        if (witness != nullptr) *witness = std::move(answer.witness);
        return answer.kind;
    }

    // Only Allows, for principals that are named.
    static bool looks_exclusive(const PolicyPtr& policy) {
        const auto root = read_document(policy->text());
        if (!root) return false;
        const Document document = outline(*root, {PolicyType::resource, bucket_type});
        return !document.statements.empty() && std::ranges::all_of(document.statements, [](const Statement& statement) {
            return statement.allows() && statement.principal != nullptr && statement.principal->value.is_object() &&
                   std::ranges::none_of(principals_of(statement), [](const PrincipalItem& item) { return item.name == "*"; });
        });
    }

    void check_bucket(const proof::Bucket& bucket) {
        if (!looks_exclusive(bucket.policy)) return;
        const auto attached = policy_of(bucket);
        for (const Actor& actor : actors_) {
            if (speaks_of(attached, actor)) continue;
            std::optional<policy::Request> witness;
            const Kind answer = ask({.subject = &actor.subject,
                                     .allowed = {{&actor.policies, &*attached, bucket.restrict_public}},
                                     .refused = {},
                                     .actions = {"s3:*"},
                                     .resources = account_.parts_of_bucket(bucket.name),
                                     .resource_account = account_.id,
                                     .known = {}},
                                    &witness);
            if (answer != Kind::yes || !witness) continue;
            return add("bucket policy of " + bucket.name, check_of("TRAINWARDEN_BUCKET_OPEN_TO_OTHERS"),
                       "The policy names who may use the bucket and denies no one: " + actor.shown + " is not named and may " +
                           witness->action + " on " + witness->resource + ", by its own policies. To keep it out, deny.",
                       std::nullopt);
        }
    }

    // Every Deny of a policy of users and roles, for all to whom it is attached, as a boundary too.
    void check_denials() {
        struct Denial {
            PolicyPtr policy;
            size_t statement = 0;
            bool needed = false;  // it denies something to somebody, or that is not known
        };
        std::map<std::pair<const Policy*, size_t>, Denial> denials;
        for (const NamedReport& one : out_.policies) by_text_[one.policy.document].push_back(one.policy.name);
        for (const Actor& actor : actors_) {
            std::vector<AttachedPolicy> all = actor.policies.identity;
            if (actor.policies.boundary) all.push_back(*actor.policies.boundary);
            for (const AttachedPolicy& attached : all) {
                const auto infos = attached.policy->statements();
                for (size_t i = 0; i < infos.size(); ++i) {
                    if (infos[i].effect != policy::Effect::deny) continue;
                    auto& denial = denials[{attached.policy.get(), i}];
                    denial.policy = attached.policy;
                    denial.statement = i;
                    if (!denial.needed) denial.needed = denies_something(actor, attached, i);
                }
            }
        }
        for (const auto& [key, denial] : denials) {
            if (denial.needed) continue;
            for (const std::string& name : by_text_[text_of(denial.policy)])
                add(name, check_of("TRAINWARDEN_DENY_WITHOUT_EFFECT"),
                    "No other policy allows what this denies to any of those to whom it is attached: without the statement "
                    "nothing changes.",
                    denial.statement);
        }
    }

    bool denies_something(const Actor& actor, const AttachedPolicy& attached, size_t statement) {
        const auto root = read_document(attached.policy->text());
        const Member* statements = root ? root->find("Statement") : nullptr;
        const PolicyPtr rest = without(attached.policy, statement);
        if (!rest || statements == nullptr || is_about_elsewhere(statements->value.items[statement], account_.id)) return true;
        policy::PrincipalPolicies before = actor.policies;
        for (AttachedPolicy& one : before.identity)
            if (one.policy == attached.policy) one.policy = rest;
        if (before.boundary && before.boundary->policy == attached.policy) before.boundary->policy = rest;
        const auto differs = [&](const AttachedPolicy* resource) {
            return ask({.subject = &actor.subject,
                        .allowed = {{&before, resource}},
                        .refused = {{&actor.policies, resource}},
                        .resource_account = account_.id,
                        .known = {}}) != Kind::no;
        };
        if (differs(&elsewhere_)) return true;
        for (const auto& [name, bucket] : account_.buckets)
            if (const auto policy = policy_of(bucket); speaks_of(policy, actor) && differs(&*policy)) return true;
        for (const auto& [name, role] : account_.roles)
            if (const auto trust = trust_of(role); speaks_of(trust, actor) && differs(&trust)) return true;
        return false;
    }

    // Does somebody who is asked about stand for everyone of whom the policy speaks? Not for accounts by a part of their numbers.
    static bool is_covered(const Policy& policy) {
        const auto document = proof::read_grant_document(policy.text(), proof::DocumentKind::resource, {});
        if (!document) return false;
        const proof::GrantDocument* const alone = &*document;
        return proof::worlds_of({&alone, 1}, proof::DocumentKind::resource).open.empty();
    }

    struct About {
        std::vector<std::string> resources;
        bool restricts_public = false;
    };

    // Every Deny of a resource's own policy: for the users and roles of the account, and for whoever else it may let in, who is supposed to be allowed
    // everything by an account of their own.
    void check_denials_of(const std::string& name, const AttachedPolicy& attached, const About& about) {
        const auto infos = attached.policy->statements();
        const auto root = read_document(attached.policy->text());
        const Member* statements = root ? root->find("Statement") : nullptr;
        if (statements == nullptr || !statements->value.is_array() || !is_covered(*attached.policy)) return;
        for (size_t i = 0; i < infos.size() && i < statements->value.items.size(); ++i) {
            if (infos[i].effect != policy::Effect::deny) continue;
            const PolicyPtr rest = without(attached.policy, i);
            // Whoever is let in is in some account and region: what speaks of others is not asked about.
            if (!rest || is_about_elsewhere(statements->value.items[i], account_.id)) continue;
            const AttachedPolicy before{rest, attached.name};
            std::vector<Actor> asked = actors_;
            const PolicyPtr both[] = {attached.policy, rest};
            for (Actor& other : outsiders(account_, both)) asked.push_back(std::move(other));
            const bool needed = std::ranges::any_of(asked, [&](const Actor& actor) {
                return speaks_of(attached, actor) && ask({.subject = &actor.subject,
                                                          .allowed = {{&actor.policies, &before, about.restricts_public}},
                                                          .refused = {{&actor.policies, &attached, about.restricts_public}},
                                                          .resources = about.resources,
                                                          .resource_account = account_.id,
                                                          .known = {}}) != Kind::no;
            });
            if (!needed)
                add(name, check_of("TRAINWARDEN_DENY_WITHOUT_EFFECT"),
                    "Nobody whom this keeps out is allowed it by another statement or policy: without the statement nothing "
                    "changes.",
                    i);
        }
    }

    const proof::AccountPolicies& account_;
    size_t left_;
    proof::Work work_;
    const proof::Limits engine_;
    const AccountLimits& limits_;
    AccountReport& out_;
    std::vector<Actor> actors_;
    AttachedPolicy elsewhere_;
    std::map<std::string, std::vector<std::string>> by_text_;  // names of policies with this document
};

}  // namespace

std::vector<NamedPolicy> policies_of(const proof::AccountPolicies& account) {
    std::vector<NamedPolicy> out;
    for (const auto& [name, user] : account.users) add_inline(out, user, "user");
    for (const auto& [name, group] : account.groups) add_inline(out, group, "group");
    for (const auto& [name, role] : account.roles) {
        add_inline(out, role, "role");
        out.push_back({"trust policy of role " + role.name, text_of(role.trust), PolicyType::resource, std::string(trust_type)});
    }
    for (const auto& [arn, managed] : account.policies)
        if (!arn.contains(":iam::aws:"))
            out.push_back({.name = "managed policy " + arn, .document = text_of(managed.policy), .resource_type = {}});
    for (const auto& [name, bucket] : account.buckets)
        if (bucket.policy)
            out.push_back({"bucket policy of " + name, text_of(bucket.policy), PolicyType::resource, std::string(bucket_type)});
    std::ranges::sort(out, {}, &NamedPolicy::name);
    return out;
}

NamedPolicy guess(std::string name, std::string document) {
    NamedPolicy out{.name = std::move(name), .document = std::move(document), .resource_type = {}};
    const auto root = read_document(out.document);
    if (!root) return out;
    const Document outlined = outline(*root, {});
    const auto has_principal = [](const Statement& one) { return one.principal != nullptr || one.not_principal != nullptr; };
    if (std::ranges::none_of(outlined.statements, has_principal)) return out;
    out.type = PolicyType::resource;
    const auto only_of = [&](std::string_view service) {
        return std::ranges::all_of(outlined.statements, [&](const Statement& one) {
            return std::ranges::all_of(one.actions.items,
                                       [&](const Item& item) { return base::lower(item.text).starts_with(service); });
        });
    };
    if (only_of("sts:")) out.resource_type = trust_type;
    if (only_of("s3:")) out.resource_type = bucket_type;
    return out;
}

AccountReport check_account(const proof::AccountPolicies& account, const AccountLimits& limits) {
    AccountReport out;
    for (NamedPolicy& policy : policies_of(account)) {
        auto report =
            check(policy.document, {.type = policy.type, .resource_type = policy.resource_type, .limits = limits.document});
        out.policies.push_back({std::move(policy), std::move(report)});
    }
    Together(account, limits, out).check();
    for (const std::string& one : account.unread) out.unknown.push_back("not read: " + one);
    return out;
}

}  // namespace lint
