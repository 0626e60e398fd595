// Every policy of one statement beside every other, and every policy of two: what proof says is what asking every request says.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "proof/compare.hpp"
#include "proof/ways.hpp"
#include "world.hpp"

namespace {

using proof::Answer;

const policy::Principal& user() {
    static const policy::Principal out{.kind = policy::PrincipalKind::user,
                                       .account = "111122223333",
                                       .arn = "arn:aws:iam::111122223333:user/alice",
                                       .unique_id = "AIDAALICE",
                                       .user_arn = "arn:aws:iam::111122223333:user/alice"};
    return out;
}

// Which of the world's requests the policy allows.
std::vector<bool> allowed(const policy::PolicyPtr& policy, const std::vector<policy::Request>& requests) {
    policy::PrincipalPolicies policies;
    policies.identity.push_back({policy, "p"});
    std::vector<bool> out;
    for (const auto& request : requests)
        out.push_back(policy::decide(policy::Question(request), policies, nullptr).outcome == policy::Outcome::allow);
    return out;
}

struct Policies {
    std::vector<policy::PolicyPtr> all;
    std::vector<std::vector<bool>> allowed;
};

Policies of_one() {
    const auto requests = world::requests(user(), "");
    Policies out;
    for (const auto& statement : world::statements()) {
        out.all.push_back(world::policy_of({statement}, policy::PolicyKind::identity));
        out.allowed.push_back(allowed(out.all.back(), requests));
    }
    return out;
}

}  // namespace

TEST_CASE("every pair of policies of one statement") {
    const auto policies = of_one();
    size_t asked = 0, yes = 0;
    for (size_t a = 0; a < policies.all.size(); ++a)
        for (size_t b = 0; b < policies.all.size(); ++b) {
            if (policies.all[b]->statements()[0].effect == policy::Effect::deny && b % 7 != 0)
                continue;  // they all allow nothing
            bool more = false, common = false;
            for (size_t i = 0; i < policies.allowed[a].size(); ++i) {
                more = more || (policies.allowed[a][i] && !policies.allowed[b][i]);
                common = common || (policies.allowed[a][i] && policies.allowed[b][i]);
            }
            const auto found = proof::find_more(policies.all[a], policies.all[b]);
            const auto shared = proof::find_common(policies.all[a], policies.all[b]);
            ++asked, yes += more;
            if (found.kind != (more ? Answer::Kind::yes : Answer::Kind::no) ||
                shared.kind != (common ? Answer::Kind::yes : Answer::Kind::no))
                FAIL("find_more " << int(found.kind) << found.reason << ", find_common " << int(shared.kind) << shared.reason
                                  << " of\n"
                                  << policies.all[a]->text() << "\n"
                                  << policies.all[b]->text());
        }
    MESSAGE(asked, " pairs, ", yes, " differ");
    CHECK(yes > asked / 10);
    CHECK(yes < asked * 9 / 10);
}

// Against a policy that allows half of the world, so that what is in it and what is not both come up.
TEST_CASE("every policy of two statements, in a third") {
    const auto requests = world::requests(user(), "");
    const auto statements = world::statements();
    const auto third = world::policy_of({{"Allow", world::actions[2], world::resources[1], world::conditions[3], ""},
                                         {"Allow", world::actions[0], world::resources[3], world::conditions[7], ""}},
                                        policy::PolicyKind::identity);
    const auto in_third = allowed(third, requests);
    size_t asked = 0, yes = 0, no = 0;
    for (size_t a = 0; a < statements.size(); ++a)
        for (size_t b = a + 1; b < statements.size(); ++b) {
            if (statements[a].effect == "Deny") continue;  // and so is b: nothing is allowed
            const auto policy = world::policy_of({statements[a], statements[b]}, policy::PolicyKind::identity);
            const auto own = allowed(policy, requests);
            bool more = false, less = false;
            for (size_t i = 0; i < own.size(); ++i) {
                more = more || (own[i] && !in_third[i]);
                less = less || (!own[i] && in_third[i]);
            }
            ++asked, yes += more, no += !more;
            const auto found = proof::find_more(policy, third);
            const auto lost = proof::find_more(third, policy);
            const auto difference = proof::find_difference(policy, third);
            CHECK_MESSAGE(difference.kind == (more || less ? Answer::Kind::yes : Answer::Kind::no), policy->text());
            if (found.kind != (more ? Answer::Kind::yes : Answer::Kind::no) ||
                lost.kind != (less ? Answer::Kind::yes : Answer::Kind::no))
                FAIL("more " << int(found.kind) << found.reason << ", less " << int(lost.kind) << lost.reason << " of\n"
                             << policy->text());
        }
    MESSAGE(asked, " policies, ", no, " of them within");
    CHECK(yes > 0);
    CHECK(no > 0);
}

TEST_CASE("ways: each allows its witness by its statements, and what is allowed is allowed by the statements of one") {
    const auto requests = world::requests(user(), "");
    const auto statements = world::statements();
    size_t asked = 0, ways = 0, several = 0;
    for (size_t a = 0; a < statements.size(); ++a)
        for (size_t b = a; b < statements.size(); b += 5) {
            if (statements[a].effect == "Deny") continue;
            const std::array pair = {statements[a], statements[b]};
            const auto policy = world::policy_of({pair[0], pair[1]}, policy::PolicyKind::identity);
            const auto own = allowed(policy, requests);
            policy::PrincipalPolicies policies;
            policies.identity.push_back({policy, "p"});
            const proof::Subject subject{.principal = user()};
            const auto found =
                proof::ways_of(subject, policies,
                               {.actions = {"s3:GetObject", "s3:PutObject"}, .resources = {"*"}, .account = user().account}, {});
            REQUIRE_MESSAGE(found.open.empty(), policy->text(), found.open);
            std::vector<bool> reached(requests.size(), false);
            for (const auto& way : found.found) {
                REQUIRE(way.allowed_by.size() == 1);
                const uint32_t by = way.allowed_by[0].statement;
                CHECK(policy->statements()[by].effect == policy::Effect::allow);
                CHECK(allowed(policy, {way.witness})[0]);
                // What this statement alone allows, against what the other one denies.
                const auto& other = pair[1 - by];
                const auto alone = other.effect == "Deny" ? policy : world::policy_of({pair[by]}, policy::PolicyKind::identity);
                const auto by_it = allowed(alone, requests);
                CHECK(allowed(alone, {way.witness})[0]);
                for (size_t i = 0; i < requests.size(); ++i)
                    if (by_it[i] && std::ranges::find(way.actions, requests[i].action) != way.actions.end()) reached[i] = true;
            }
            for (size_t i = 0; i < requests.size(); ++i)
                if (own[i] && !reached[i]) FAIL("allowed, but by no way of\n" << policy->text());
            ++asked, ways += found.found.size(), several += found.found.size() > 1;
        }
    MESSAGE(asked, " policies, ", ways, " ways, ", several, " with several");
    CHECK(several > asked / 10);
}

TEST_CASE("is_public: every policy of two statements") {
    const std::string owner = "111122223333";
    policy::PrincipalPolicies everything;
    everything.identity.push_back({world::policy_of({{"Allow", R"("*")", R"("*")", "", ""}}, policy::PolicyKind::identity), "p"});
    const policy::Principal stranger{.kind = policy::PrincipalKind::user,
                                     .account = "999888777666",
                                     .arn = "arn:aws:iam::999888777666:user/stranger",
                                     .unique_id = "AIDASTRANGER",
                                     .user_arn = "arn:aws:iam::999888777666:user/stranger"};
    std::vector<policy::Request> requests = world::requests(stranger, owner);
    for (auto& request : world::requests(policy::Principal{}, owner)) requests.push_back(std::move(request));
    std::vector<world::Statement> statements;
    for (const char* principal :
         {R"("Principal":"*")", R"("Principal":{"AWS":"111122223333"})",
          R"("Principal":{"AWS":"arn:aws:iam::444455556666:user/bob"})", R"("Principal":{"Service":"sagemaker.amazonaws.com"})"})
        for (size_t resource : {0, 2, 3})
            for (size_t condition : {0, 1, 2, 3, 4, 5, 8})
                for (const char* effect : {"Allow", "Deny"})
                    statements.push_back({effect, world::actions[condition % 3], world::resources[resource],
                                          world::conditions[condition], principal});
    size_t asked = 0, yes = 0;
    for (size_t a = 0; a < statements.size(); ++a)
        for (size_t b = a; b < statements.size(); b += 11) {
            const auto policy = world::policy_of({statements[a], statements[b]}, policy::PolicyKind::resource);
            const policy::AttachedPolicy attached{policy, "b"};
            const bool expected = std::ranges::any_of(requests, [&](const policy::Request& request) {
                const bool known = request.principal.kind != policy::PrincipalKind::anonymous;
                const policy::Question question(request);
                return policy::decide(question, known ? everything : policy::PrincipalPolicies{}, &attached).outcome ==
                       policy::Outcome::allow;
            });
            const auto found = proof::is_public(policy, owner);
            ++asked, yes += expected;
            CHECK_MESSAGE(found.kind == (expected ? Answer::Kind::yes : Answer::Kind::no), policy->text());
        }
    MESSAGE(asked, " policies, ", yes, " public");
    CHECK(yes > asked / 10);
    CHECK(yes < asked * 9 / 10);
}
