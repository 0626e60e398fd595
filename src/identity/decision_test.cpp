// What was decided on is what is used: look-ups within a base::DecisionScope, with another writer in between.
#include "base/decision.hpp"

#include <functional>
#include <thread>

#include "identity/iam_for_tests.hpp"

using namespace identity;

namespace {

// As another request would, while this thread's is on its way.
void meanwhile(const std::function<void()>& other) { std::thread(other).join(); }

std::string outdated() { return code_of(base::DecisionScope::check()); }

}  // namespace

TEST_CASE("a look-up that finds another entity than the decision was made on is noticed") {
    IamFixture fixture;
    Iam& iam = fixture.iam();
    const std::string account = fixture.account;
    fixture.make_user("ada");
    fixture.make_role("trainer");
    REQUIRE(iam.create_group(account, "team", "/"));
    REQUIRE(iam.create_policy({.account = account, .name = "p", .document = allow_s3}));
    const std::string policy = "arn:aws:iam::" + account + ":policy/p";
    const std::string role = "arn:aws:iam::" + account + ":role/trainer";
    const auto look_up = [&] {
        (void)iam.user(account, "ADA");
        (void)iam.role(account, "trainer");
        (void)iam.group(account, "team");
        (void)iam.managed_policy(account, policy);
        (void)fixture.directory->trust_policy(role);
    };
    const auto outdated_after = [&](const std::function<void()>& other) {
        const base::DecisionScope scope;
        look_up();
        CHECK(outdated().empty());
        meanwhile(other);
        look_up();
        return outdated() == base::decision_outdated;
    };
    const Tags blue = {{"team", "blue"}};
    CHECK(outdated_after([&] { REQUIRE(iam.tag(fixture.user("ada"), blue)); }));
    CHECK(outdated_after([&] { REQUIRE(iam.untag(fixture.user("ada"), {"team"})); }));
    CHECK(outdated_after([&] { REQUIRE(iam.tag(fixture.role("trainer"), blue)); }));
    CHECK(outdated_after([&] { REQUIRE(iam.tag_policy(account, policy, blue)); }));
    CHECK(outdated_after([&] { REQUIRE(iam.put_boundary(fixture.user("ada"), policy)); }));
    CHECK(outdated_after([&] { REQUIRE(iam.update_user(account, "ada", std::nullopt, "/team/")); }));
    CHECK(outdated_after([&] { REQUIRE(iam.update_group(account, "team", std::nullopt, "/team/")); }));
    CHECK(outdated_after([&] { REQUIRE(iam.update_trust(account, "trainer", fixture.trust_of(account))); }));
    CHECK(outdated_after([&] {  // another role of the same name
        REQUIRE(iam.delete_role(account, "trainer"));
        fixture.make_role("trainer", fixture.trust_of(account));
        REQUIRE(iam.tag(fixture.role("trainer"), blue));
    }));
    CHECK(outdated_after([&] { REQUIRE(iam.update_user(account, "ada", "eve", std::nullopt)); }));
    CHECK(outdated_after([&] { fixture.make_user("ada"); }));  // decided on when there was none
    // What no decision about them is made on is no matter: nobody waits for others' work.
    CHECK_FALSE(outdated_after([&] {
        REQUIRE(iam.put_inline_policy(fixture.role("trainer"), "p", allow_s3));
        REQUIRE(iam.attach_policy(fixture.user("ada"), policy));
        REQUIRE(iam.create_policy_version(account, policy, allow_s3, true));
        REQUIRE(iam.create_access_key(account, "ada"));
        fixture.make_user("bob");
    }));
    look_up();  // without a scope
    CHECK(outdated().empty());
}

TEST_CASE("a change whose decision is outdated is not made") {
    IamFixture fixture;
    Iam& iam = fixture.iam();
    fixture.make_user("ada");
    REQUIRE(iam.tag(fixture.user("ada"), {{"team", "red"}}));
    {
        const base::DecisionScope scope;
        REQUIRE(iam.user(fixture.account, "ada"));
        meanwhile([&] { REQUIRE(iam.tag(fixture.user("ada"), {{"team", "blue"}})); });
        CHECK(code_of(iam.put_inline_policy(fixture.user("ada"), "p", allow_s3)) == base::decision_outdated);
        CHECK(code_of(iam.tag(fixture.user("ada"), {{"by", "us"}})) == base::decision_outdated);
        CHECK(code_of(iam.create_access_key(fixture.account, "ada")) == base::decision_outdated);
        CHECK(code_of(iam.delete_user(fixture.account, "ada")) == base::decision_outdated);
    }
    const auto user = iam.user(fixture.account, "ada");
    REQUIRE(user);
    CHECK((*user)->tags == Tags{{"team", "blue"}});
    CHECK((*user)->inline_policies.empty());
    CHECK((*user)->access_keys.empty());

    // What the request itself has changed is no other's change.
    const base::DecisionScope scope;
    REQUIRE(iam.user(fixture.account, "ada"));
    REQUIRE(iam.tag(fixture.user("ada"), {{"team", "green"}}));
    REQUIRE(iam.user(fixture.account, "ada"));
    CHECK(outdated().empty());
}

TEST_CASE("no session is made of another role than the one decided on") {
    IamFixture fixture;
    const RolePtr role = fixture.make_role("trainer");
    const base::DecisionScope scope;
    REQUIRE(fixture.directory->trust_policy(role->arn));
    meanwhile([&] {
        REQUIRE(fixture.iam().delete_role(fixture.account, "trainer"));
        fixture.make_role("trainer");
    });
    fixture.assume(role->arn);
    CHECK(outdated() == base::decision_outdated);
}
