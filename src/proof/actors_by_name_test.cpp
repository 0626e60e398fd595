// Whoever a policy speaks of is found by name.
#include "proof/actors_by_name.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace {

proof::AccountPolicies account() {
    proof::AccountPolicies out;
    out.id = "111122223333";
    for (const std::string name : {"ann", "bob", "eve"}) {
        proof::User user;
        user.name = name;
        user.arn = out.iam_arn("user", "/", name);
        user.id = "AIDA" + name;
        out.users[name] = user;
        proof::Role role;
        role.name = name;
        role.arn = out.iam_arn("role", "/", name);
        role.id = "AROA" + name;
        role.trust = policy::Policy::parse_stored("", policy::PolicyKind::trust);
        out.roles[name] = role;
    }
    return out;
}

policy::AttachedPolicy bucket_policy(const std::string& effect, const std::string& principal) {
    const std::string document = R"({"Version":"2012-10-17","Statement":[{"Effect":")" + effect + R"(",)" + principal +
                                 R"(,"Action":"s3:*","Resource":"arn:aws:s3:::b/*"}]})";
    return {policy::Policy::parse_stored(document, policy::PolicyKind::resource), "bucket policy"};
}

}  // namespace

TEST_CASE("all that a policy speaks of are among those that it names") {
    const auto in = account();
    std::vector<proof::Actor> actors;
    for (const auto& [name, user] : in.users) actors.push_back(actor_of(in, user));
    for (const auto& [name, role] : in.roles) actors.push_back(actor_of(in, role));
    actors.push_back(root_of(in));
    proof::ActorsByName by_name;
    for (const auto& actor : actors) by_name.add(actor);

    struct Case {
        const char *effect, *principal;
        size_t named;  // how many
    };
    for (const auto& [effect, principal, named] : {
             Case{"Allow", R"("Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"})", 1},
             Case{"Allow", R"("Principal":{"AWS":["AIDAeve","arn:aws:iam::111122223333:role/ann"]})", 2},
             Case{"Allow", R"("Principal":{"AWS":"arn:aws:sts::111122223333:assumed-role/eve/session"})", 1},
             Case{"Allow", R"("Principal":{"AWS":"111122223333"})", 7}, Case{"Allow", R"("Principal":{"AWS":"444455556666"})", 0},
             Case{"Allow", R"("Principal":{"Service":"ec2.amazonaws.com"})", 0}, Case{"Allow", R"("Principal":"*")", 7},
             Case{"Deny", R"("NotPrincipal":{"AWS":"arn:aws:iam::111122223333:user/bob"})", 7},
             Case{"Deny", R"("Principal":{"AWS":"not an ARN"})", 7},  // broken: it denies everybody
         }) {
        CAPTURE(principal);
        const auto policy = bucket_policy(effect, principal);
        const auto found = by_name.named_by(policy);
        CHECK(found.size() == named);
        CHECK(std::ranges::is_sorted(found));
        for (size_t i = 0; i < actors.size(); ++i)
            if (speaks_of(policy, actors[i])) CHECK(std::ranges::find(found, i) != found.end());
        // With another policy beside it, on either side.
        const auto other = bucket_policy("Allow", R"("Principal":{"AWS":"arn:aws:iam::111122223333:user/ann"})");
        const auto both = by_name.named_by(policy, other);
        CHECK(both == by_name.named_by(other, policy));
        CHECK(std::ranges::find(both, size_t{0}) != both.end());
        CHECK(both.size() >= found.size());
    }
    CHECK(by_name.named_by(std::nullopt).empty());
}
