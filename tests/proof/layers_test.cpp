// Layers over one another, and callers of every kind: what proof says is what asking every request of the small world says.
#include <doctest/doctest.h>

#include <array>

#include "generator.hpp"
#include "policy/public_access.hpp"
#include "proof/prove.hpp"
#include "world.hpp"

namespace {

using policy::PolicyKind;
using proof::Answer;
using world::Statement;

constexpr const char* owner = "111122223333";

const std::array callers = {"user alice",
                            "root",
                            "role R session alice",
                            "role R session bob",
                            "linked-role aws-service-role/x.amazonaws.com/AWSServiceRoleForX session alice",
                            "federated alice by alice",
                            "service sagemaker.amazonaws.com",
                            "anonymous",
                            "user alice in 444455556666",
                            "role R session alice in 444455556666",
                            "root in 444455556666"};

const std::array principals = {R"("*")",
                               R"({"AWS":"111122223333"})",
                               R"({"AWS":"444455556666"})",
                               R"({"AWS":"arn:aws:iam::111122223333:user/alice"})",
                               R"({"AWS":["arn:aws:iam::111122223333:role/R","arn:aws:iam::444455556666:role/R"]})",
                               R"({"AWS":["arn:aws:sts::111122223333:assumed-role/R/alice","111122223333"]})",
                               R"({"AWS":"arn:aws:sts::111122223333:federated-user/alice"})",
                               R"({"Service":"sagemaker.amazonaws.com"})"};

// What a bucket policy says of who asks: RestrictPublicBuckets lets a stranger have other keys.
const std::array about_principals = {R"({"StringEquals":{"aws:PrincipalAccount":"444455556666"}})",
                                     R"({"StringNotLike":{"aws:PrincipalAccount":"4*"}})",
                                     R"({"Null":{"aws:PrincipalAccount":"true"}})"};

struct Layers : policy::PolicySet {
    bool restricts_public = false, policy_is_public = false;
    [[nodiscard]] proof::View view() const {
        return {.policies = this,
                .resource = resource ? &*resource : nullptr,
                .restricts_public = restricts_public,
                .policy_is_public = policy_is_public};
    }
};

class Drawn {
public:
    explicit Drawn(uint64_t seed) : dice_(seed) {}

    Layers set() {
        Layers out;
        if (dice_.chance(85)) out.identity.push_back(policy(PolicyKind::identity));
        if (dice_.chance(25)) out.boundary = policy(PolicyKind::identity);
        if (dice_.chance(25)) out.session.emplace().push_back(policy(PolicyKind::session));
        if (dice_.chance(25))
            for (size_t level = dice_.below(3); level > 0; --level)
                out.service_control.push_back({policy(PolicyKind::service_control)});
        if (dice_.chance(25)) out.resource_control.push_back({policy(PolicyKind::resource_control), everything()});
        if (dice_.chance(70)) out.resource = policy(PolicyKind::resource);
        if (dice_.chance(20)) out.vpc_endpoint = policy(PolicyKind::resource);
        out.restricts_public = dice_.chance(40);
        out.policy_is_public = dice_.chance(20);
        return out;
    }
    const char* caller() { return dice_.pick(callers); }
    bool chance(unsigned percent) { return dice_.chance(percent); }

private:
    policy::AttachedPolicy policy(PolicyKind kind) {
        std::vector<Statement> statements;
        const bool control = kind == PolicyKind::resource_control;
        for (size_t n = 1 + dice_.below(2); n > 0; --n) {
            const bool deny = control || dice_.chance(25);
            Statement one{deny ? "Deny" : "Allow", dice_.pick(world::actions),
                          dice_.chance(40) ? world::resources[0] : dice_.pick(world::resources),
                          dice_.chance(50) ? "" : dice_.pick(world::conditions), ""};
            if (control) one.principal = R"("Principal":"*")";
            if (kind == PolicyKind::resource && dice_.chance(25)) one.condition = dice_.pick(about_principals);
            if (kind == PolicyKind::resource)
                one.principal =
                    std::string(deny && dice_.chance(30) ? R"("NotPrincipal":)" : R"("Principal":)") + dice_.pick(principals);
            statements.push_back(std::move(one));
        }
        return {world::policy_of(statements, kind), "p"};
    }
    static policy::AttachedPolicy everything() {
        return {policy::Policy::parse(reference::full_resource_control, PolicyKind::resource_control).value(), "full"};
    }
    reference::Dice dice_;
};

std::string text_of(const Layers& set) {
    std::string out = set.restricts_public ? "restricts public\n" : "";
    if (set.policy_is_public) out += "taken for public\n";
    const auto add = [&](const char* layer, const policy::AttachedPolicy& one) {
        out += std::string(layer) + " " + std::string(one.policy->text()) + "\n";
    };
    for (const auto& one : set.identity) add("identity", one);
    if (set.boundary) add("boundary", *set.boundary);
    if (set.session)
        for (const auto& one : *set.session) add("session", one);
    for (const auto& level : set.service_control)
        for (const auto& one : level) add("scp", one);
    for (const auto& level : set.resource_control)
        for (const auto& one : level) add("rcp", one);
    if (set.resource) add("resource", *set.resource);
    if (set.vpc_endpoint) add("endpoint", *set.vpc_endpoint);
    return out;
}

}  // namespace

TEST_CASE("layers and callers of every kind") {
    std::map<std::string, std::array<size_t, 2>> counted;
    for (uint64_t seed = 1; seed <= 4000; ++seed) {
        Drawn drawn(seed);
        const std::string caller = drawn.caller();
        proof::Subject subject{.principal = *reference::principal_of(caller, "aws"), .known = {}};
        if (const auto& account = subject.principal.account; !account.empty()) subject.known.set("aws:PrincipalAccount", account);
        const auto first = drawn.set(), second = drawn.set();
        // One question in three is what is allowed at all, one what is refused at all.
        const bool has_allowed = drawn.chance(67), has_refused = !has_allowed || drawn.chance(67);
        bool expected = false;
        for (auto& request : world::requests(subject.principal, owner)) {
            request.context.merge(subject.known);
            const policy::Question asked(request);
            const auto allows = [&](const Layers& set) {
                const auto* resource = policy::applying_policy(request, {.policy = set.resource ? &*set.resource : nullptr,
                                                                         .restricts_public = set.restricts_public,
                                                                         .is_public = set.policy_is_public});
                return policy::decide(asked, set, resource).outcome == policy::Outcome::allow;
            };
            expected = (!has_allowed || allows(first)) && (!has_refused || !allows(second));
            if (expected) break;
        }
        proof::Question question{.subject = &subject, .allowed = {}, .refused = {}};
        if (has_allowed) question.allowed.push_back(first.view());
        if (has_refused) question.refused.push_back(second.view());
        question.actions = {"s3:GetObject", "s3:PutObject"};
        question.resources = {"arn:aws:s3:::?*/*"};
        question.resource_account = owner;
        const auto found = proof::prove(question);
        ++counted[caller][expected ? 1 : 0];
        if (found.kind != (expected ? Answer::Kind::yes : Answer::Kind::no))
            FAIL("seed " << seed << ": " << caller << ": " << int(found.kind) << " " << found.reason << ", expected " << expected
                         << "\nallowed by " << (has_allowed ? text_of(first) : "-\n") << "refused by "
                         << (has_refused ? text_of(second) : "-\n")
                         << (found.witness ? found.witness->action + " " + found.witness->resource : ""));
    }
    for (const auto& [caller, answers] : counted) {
        MESSAGE(caller, ": ", answers[0], " no, ", answers[1], " yes");
        CHECK(answers[0] > 20);
        CHECK(answers[1] > 20);
    }
    CHECK(counted.size() == callers.size());
}
