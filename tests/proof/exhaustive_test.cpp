// Every policy of one statement beside every other, and every policy of two: what proof says is what asking every request says.
#include <doctest/doctest.h>

#include "proof/compare.hpp"
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
            if (found.kind != (more ? Answer::Kind::yes : Answer::Kind::no) ||
                lost.kind != (less ? Answer::Kind::yes : Answer::Kind::no))
                FAIL("more " << int(found.kind) << found.reason << ", less " << int(lost.kind) << lost.reason << " of\n"
                             << policy->text());
        }
    MESSAGE(asked, " policies, ", no, " of them within");
    CHECK(yes > 0);
    CHECK(no > 0);
}
