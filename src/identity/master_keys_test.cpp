#include "identity/master_keys.hpp"

#include <doctest/doctest.h>

#include "crypto/digest.hpp"
#include "identity/iam_for_tests.hpp"

using namespace identity;

namespace {

const std::string first_key(32, 'k');  // IamFixture's
const std::string first(32, 'a'), second(32, 'b'), third(32, 'c');
const base::Time noon{std::chrono::hours(500'000)};

}  // namespace

TEST_CASE("a key file of one line is what every version wrote; what a rotation adds is read back as it was") {
    const auto alone = read_master_keys(to_text({first, {}, {}}));
    REQUIRE(alone.has_value());
    CHECK(alone->current == first);
    CHECK(to_text(*alone) == to_text({first, {}, {}}));
    CHECK(to_text(*alone).size() == 65);

    const MasterKeys during = rotated(*alone, second, false).value();
    CHECK(during.current == second);
    REQUIRE(during.former.size() == 1);
    CHECK(during.former[0].key == first);
    CHECK(to_text(read_master_keys(to_text(during)).value()) == to_text(during));
    CHECK(rotated(during, third, false).error().code == "RotationInProgress");

    const MasterKeys after = resealed(during, noon);
    CHECK(after.former.empty());
    REQUIRE(after.tokens.size() == 1);
    CHECK(after.tokens[0].keys.token == derive_session_keys(first).token);
    CHECK(after.tokens[0].until == noon + tokens_live_max);
    CHECK_FALSE(to_text(after).contains(crypto::hex(first)));
    CHECK(to_text(read_master_keys(to_text(after)).value()) == to_text(after));
    CHECK(without_expired(after, noon + tokens_live_max - std::chrono::seconds(1)).tokens.size() == 1);
    CHECK(without_expired(after, noon + tokens_live_max).tokens.empty());

    // The sessions that are ended: nothing is left of the former key, nor of those before it.
    const MasterKeys ended = rotated(after, third, true).value();
    CHECK(ended.tokens.empty());
    CHECK(ended.former[0].sessions_ended);
    CHECK(to_text(read_master_keys(to_text(ended)).value()) == to_text(ended));
    CHECK(resealed(ended, noon).tokens.empty());
}

TEST_CASE("so many rotations within the life of a token, and no more, unless its sessions are ended") {
    MasterKeys keys{first, {}, {}};
    for (size_t i = 0; i < former_tokens_max; ++i) {
        keys = resealed(rotated(keys, std::string(32, static_cast<char>('b' + i)), false).value(), noon);
    }
    CHECK(keys.tokens.size() == former_tokens_max);
    CHECK(rotated(keys, third, false).error().code == "TooManyRequests");
    CHECK(rotated(keys, third, true).has_value());
    CHECK(rotated(without_expired(keys, noon + tokens_live_max), third, false).has_value());
}

TEST_CASE("what is not a key file of ours is refused, never read in part") {
    const std::string good = to_text({first, {{second, false}}, {{derive_session_keys(third), noon}}});
    REQUIRE(read_master_keys(good).has_value());
    const std::string digits(64, 'a');
    for (const std::string& bad :
         {std::string(), std::string("no digits"), std::string(64, '0') + "\n", digits.substr(1), digits + " more\n",
          digits + "\nformer " + digits.substr(2) + "\n", digits + "\nformer " + digits + " sometimes\n",
          digits + "\nelse " + digits + "\n", digits + "\ntokens " + digits + "\n",
          digits + "\ntokens " + digits + " " + digits + " until never\n",
          digits + "\ntokens " + digits + " " + digits + " since 2026-01-31T12:00:00Z\n", "former " + digits + "\n"}) {
        const auto read = read_master_keys(bad);
        REQUIRE_MESSAGE(!read.has_value(), bad);
        CHECK(read.error().code == "MasterKeyWrong");
    }
}

TEST_CASE("under another master key: keys and sessions go on, records are sealed anew, and then the former key opens nothing") {
    IamFixture fixture;
    fixture.make_user("ann");
    for (int i = 0; i < 5; ++i) fixture.make_user("user-" + std::to_string(i));
    std::vector<AccessKeyPtr> made = {*fixture.iam().create_access_key(fixture.account, "ann")};
    for (int i = 0; i < 5; ++i) made.push_back(*fixture.iam().create_access_key(fixture.account, "user-" + std::to_string(i)));
    const auto ann = (*fixture.directory->authenticate(made[0]->id, ""))->caller;
    const auto session = *fixture.directory->session_token(ann, std::chrono::hours(1));
    const auto authenticates = [&](const Credentials& one) {
        return fixture.directory->authenticate(one.access_key_id, one.session_token).has_value();
    };
    REQUIRE(authenticates(session));

    const MasterKeys before{first_key, {}, {}};
    const MasterKeys during = rotated(before, second, false).value();
    fixture.directory->use_master_keys(during);
    CHECK(authenticates(session));
    const auto newer = *fixture.directory->session_token(ann, std::chrono::hours(1));
    CHECK(authenticates(newer));
    const auto late = *fixture.iam().create_access_key(fixture.account, "user-0");

    uint64_t looked_at = 0, sealed_anew = 0;
    std::string next;
    do {
        const auto step = fixture.directory->reseal(next, 3).value();
        CHECK(step.looked_at <= 3);
        looked_at += step.looked_at;
        sealed_anew += step.resealed;
        next = step.next;
    } while (!next.empty());
    CHECK(looked_at == made.size() + 2);    // the root's, and the late one
    CHECK(sealed_anew == made.size() + 1);  // which the new key had sealed
    CHECK(fixture.directory->reseal("", 100).value().resealed == 0);

    fixture.directory->use_master_keys(resealed(during, fixture.clock.now()));
    CHECK(authenticates(session));
    for (const auto& key : made) CHECK((*fixture.directory->authenticate(key->id, ""))->secret_access_key == key->secret);
    const auto open = [&](const std::string& key) {
        return Directory::open(
            {.keys = fixture.keys.get(), .clock = &fixture.clock, .random = &fixture.random, .master_key = key});
    };
    CHECK(open(second).has_value());
    CHECK(open(first_key).error().code == "InvalidMasterKey");
    CHECK((*open(second).value()->authenticate(late->id, ""))->secret_access_key == late->secret);
    CHECK_FALSE(open(second).value()->authenticate(session.access_key_id, session.session_token).has_value());

    fixture.directory->use_master_keys({second, {}, {}});
    CHECK_FALSE(authenticates(session));
    CHECK(authenticates(newer));
}

TEST_CASE("sessions that end with their key are refused from the next request on, whatever was prepared for them") {
    IamFixture fixture;
    const auto root = (*fixture.directory->authenticate(fixture.root.access_key_id, ""))->caller;
    const auto session = *fixture.directory->session_token(root, std::chrono::hours(1));
    REQUIRE(fixture.directory->authenticate(session.access_key_id, session.session_token).has_value());
    fixture.directory->use_master_keys(rotated({first_key, {}, {}}, second, true).value());
    CHECK(fixture.directory->authenticate(session.access_key_id, session.session_token).error().code == "InvalidClientTokenId");
    CHECK(fixture.directory->authenticate(fixture.root.access_key_id, "").has_value());
}
