// Whose credentials these are: never somebody else's key, never a namesake's, never more than every layer of the caller allows.
#include <doctest/doctest.h>

#include "identity/house_for_tests.hpp"

namespace identity {
namespace {

constexpr const char* deny_s3 = R"({"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*"}})";
constexpr const char* read_only = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";

Credentials key_of_user(House& house, const std::string& name) {
    const auto key = house.iam().create_access_key(house.account, name);
    REQUIRE(key.has_value());
    Credentials credentials;
    credentials.access_key_id = (*key)->id;
    credentials.secret_access_key = (*key)->secret;
    return credentials;
}

}  // namespace

TEST_CASE("two keys a user, and each is changed by its own user's name alone") {
    House house;
    house.make_user("ann");
    house.make_user("bob");
    const auto first = key_of_user(house, "ann");
    const auto second = key_of_user(house, "ann");
    CHECK(code_of(house.iam().create_access_key(house.account, "ann")) == "LimitExceeded");
    for (const char* other : {"bob", ""}) {
        CHECK(code_of(house.iam().update_access_key(house.account, other, first.access_key_id, false)) == "NoSuchEntity");
        CHECK(code_of(house.iam().delete_access_key(house.account, other, first.access_key_id)) == "NoSuchEntity");
    }
    const auto known = house.directory->authenticate(first.access_key_id, "");
    REQUIRE(known.has_value());
    CHECK((*known)->caller.access_key_id == first.access_key_id);
    CHECK(house.iam().delete_access_key(house.account, "ann", first.access_key_id).has_value());
    CHECK(code_of(house.directory->authenticate(first.access_key_id, "")) == "InvalidClientTokenId");
    CHECK(house.directory->authenticate(second.access_key_id, "").has_value());
}

TEST_CASE("a user's sessions end with the user, and do not come back with a namesake") {
    House house;
    house.make_user("ann");
    const auto key = key_of_user(house, "ann");
    const auto ann = house.directory->authenticate(key.access_key_id, "");
    REQUIRE(ann.has_value());
    const auto session = house.directory->session_token((*ann)->caller, std::chrono::seconds(3600));
    REQUIRE(session.has_value());
    // Renamed, it is the same user.
    REQUIRE(house.iam().update_user(house.account, "ann", "anna", std::nullopt).has_value());
    CHECK(house.directory->authenticate(session->access_key_id, session->session_token).has_value());
    CHECK(house.directory->authenticate(key.access_key_id, "").has_value());
    house.make_user("ann");  // somebody else, by the old name
    const auto renamed = house.directory->authenticate(session->access_key_id, session->session_token);
    REQUIRE(renamed.has_value());
    CHECK((*renamed)->caller.principal.arn.ends_with(":user/anna"));
    REQUIRE(house.iam().delete_access_key(house.account, "anna", key.access_key_id).has_value());
    REQUIRE(house.iam().delete_user(house.account, "anna").has_value());
    CHECK(code_of(house.directory->authenticate(session->access_key_id, session->session_token)) == "InvalidClientTokenId");
    house.make_user("anna");
    CHECK(code_of(house.directory->authenticate(session->access_key_id, session->session_token)) == "InvalidClientTokenId");
    CHECK(code_of(house.directory->authenticate(key.access_key_id, "")) == "InvalidClientTokenId");
}

TEST_CASE("boundaries of users and roles bind, policies of groups count") {
    House house;
    house.make_user("ann");
    const auto key = key_of_user(house, "ann");
    CHECK(house.decide(key, "s3:PutObject") == policy::Outcome::implicit_deny);
    REQUIRE(house.iam().create_group(house.account, "writers", "/").has_value());
    REQUIRE(house.iam().put_inline_policy({HolderKind::group, house.account, "writers"}, "s3", allow_s3).has_value());
    REQUIRE(house.iam().add_user_to_group(house.account, "writers", "ann").has_value());
    CHECK(house.decide(key, "s3:PutObject") == policy::Outcome::allow);
    REQUIRE(house.iam().put_boundary(house.user("ann"), read_only).has_value());
    CHECK(house.decide(key, "s3:PutObject") == policy::Outcome::implicit_deny);
    CHECK(house.decide(key, "s3:GetObject") == policy::Outcome::allow);
    REQUIRE(house.iam().put_inline_policy({HolderKind::group, house.account, "writers"}, "no", deny_s3).has_value());
    CHECK(house.decide(key, "s3:GetObject") == policy::Outcome::explicit_deny);

    const auto role = house.make_role("trainer");
    REQUIRE(house.iam().put_inline_policy(house.role("trainer"), "s3", allow_s3).has_value());
    const auto session = house.assume(role->arn).credentials;
    CHECK(house.decide(session, "s3:PutObject") == policy::Outcome::allow);
    REQUIRE(house.iam().put_boundary(house.role("trainer"), read_only).has_value());
    CHECK(house.decide(session, "s3:PutObject") == policy::Outcome::implicit_deny);
    CHECK(house.decide(session, "s3:GetObject") == policy::Outcome::allow);
}

TEST_CASE("a session's own policies cut it, inline ones and managed ones alike; one that is gone denies") {
    House house;
    const auto role = house.make_role("trainer");
    REQUIRE(house.iam().put_inline_policy(house.role("trainer"), "s3", allow_s3).has_value());
    AssumeRole request;
    request.role_arn = role->arn;
    request.session_name = "cut";
    request.session_policy_arns = {read_only};
    const auto managed = house.directory->assume_role(request);
    REQUIRE(managed.has_value());
    CHECK(house.decide(managed->credentials, "s3:GetObject") == policy::Outcome::allow);
    CHECK(house.decide(managed->credentials, "s3:PutObject") == policy::Outcome::implicit_deny);
    request.session_policy_arns = {};
    request.session_policy = R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}})";
    const auto written = house.directory->assume_role(request);
    REQUIRE(written.has_value());
    CHECK(house.decide(written->credentials, "s3:PutObject") == policy::Outcome::allow);
    CHECK(house.decide(written->credentials, "s3:GetObject") == policy::Outcome::implicit_deny);
    const auto own = house.iam().create_policy(
        {.account = house.account, .name = "own", .path = "/", .document = allow_s3, .description = "", .tags = {}});
    REQUIRE(own.has_value());
    request.session_policy.clear();
    request.session_policy_arns = {(*own)->arn};
    const auto by_own = house.directory->assume_role(request);
    REQUIRE(by_own.has_value());
    CHECK(house.decide(by_own->credentials, "s3:GetObject") == policy::Outcome::allow);
    REQUIRE(house.iam().delete_policy((*own)->account, (*own)->arn).has_value());
    CHECK(house.decide(by_own->credentials, "s3:GetObject") != policy::Outcome::allow);
}

TEST_CASE("how long sessions may be, to the second") {
    House house;
    const auto role = house.make_role("trainer");  // an hour at most
    AssumeRole request;
    request.role_arn = role->arn;
    request.session_name = "session";
    for (const auto& [seconds, code] : {std::pair{899, "ValidationError"}, {900, ""}, {3600, ""}, {3601, "ValidationError"}}) {
        request.duration = std::chrono::seconds(seconds);
        CHECK_MESSAGE(code_of(house.directory->assume_role(request)) == code, seconds);
    }
    request.duration = std::chrono::seconds(900);
    request.session_policy_arns.assign(10, read_only);
    CHECK(house.directory->assume_role(request).has_value());
    request.session_policy_arns.assign(11, read_only);
    CHECK(code_of(house.directory->assume_role(request)) == "ValidationError");
}

}  // namespace identity
