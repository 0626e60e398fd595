// Whose credentials these are: never somebody else's key, never a namesake's, never more than every layer of the caller allows.
#include <doctest/doctest.h>

#include "identity/iam_for_tests.hpp"

namespace identity {
namespace {

constexpr const char* deny_s3 = R"({"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*"}})";
constexpr const char* read_only = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";

Credentials key_of_user(IamFixture& fixture, const std::string& name) {
    const auto key = fixture.iam().create_access_key(fixture.account, name);
    REQUIRE(key.has_value());
    Credentials credentials;
    credentials.access_key_id = (*key)->id;
    credentials.secret_access_key = (*key)->secret;
    return credentials;
}

}  // namespace

TEST_CASE("two keys a user, and each is changed by its own user's name alone") {
    IamFixture fixture;
    fixture.make_user("ann");
    fixture.make_user("bob");
    const auto first = key_of_user(fixture, "ann");
    const auto second = key_of_user(fixture, "ann");
    CHECK(code_of(fixture.iam().create_access_key(fixture.account, "ann")) == "LimitExceeded");
    for (const char* other : {"bob", ""}) {
        CHECK(code_of(fixture.iam().update_access_key(fixture.account, other, first.access_key_id, false)) == "NoSuchEntity");
        CHECK(code_of(fixture.iam().delete_access_key(fixture.account, other, first.access_key_id)) == "NoSuchEntity");
    }
    const auto known = fixture.directory->authenticate(first.access_key_id, "");
    REQUIRE(known.has_value());
    CHECK((*known)->caller.access_key_id == first.access_key_id);
    CHECK(fixture.iam().delete_access_key(fixture.account, "ann", first.access_key_id).has_value());
    CHECK(code_of(fixture.directory->authenticate(first.access_key_id, "")) == "InvalidClientTokenId");
    CHECK(fixture.directory->authenticate(second.access_key_id, "").has_value());
}

TEST_CASE("a user's sessions end with the user, and do not come back with a namesake") {
    IamFixture fixture;
    fixture.make_user("ann");
    const auto key = key_of_user(fixture, "ann");
    const auto ann = fixture.directory->authenticate(key.access_key_id, "");
    REQUIRE(ann.has_value());
    const auto session = fixture.directory->session_token((*ann)->caller, std::chrono::seconds(3600));
    REQUIRE(session.has_value());
    // Renamed, it is the same user.
    REQUIRE(fixture.iam().update_user(fixture.account, "ann", "anna", std::nullopt).has_value());
    CHECK(fixture.directory->authenticate(session->access_key_id, session->session_token).has_value());
    CHECK(fixture.directory->authenticate(key.access_key_id, "").has_value());
    fixture.make_user("ann");  // somebody else, by the old name
    const auto renamed = fixture.directory->authenticate(session->access_key_id, session->session_token);
    REQUIRE(renamed.has_value());
    CHECK((*renamed)->caller.principal.arn.ends_with(":user/anna"));
    REQUIRE(fixture.iam().delete_access_key(fixture.account, "anna", key.access_key_id).has_value());
    REQUIRE(fixture.iam().delete_user(fixture.account, "anna").has_value());
    CHECK(code_of(fixture.directory->authenticate(session->access_key_id, session->session_token)) == "InvalidClientTokenId");
    fixture.make_user("anna");
    CHECK(code_of(fixture.directory->authenticate(session->access_key_id, session->session_token)) == "InvalidClientTokenId");
    CHECK(code_of(fixture.directory->authenticate(key.access_key_id, "")) == "InvalidClientTokenId");
}

TEST_CASE("boundaries of users and roles bind, policies of groups count") {
    IamFixture fixture;
    fixture.make_user("ann");
    const auto key = key_of_user(fixture, "ann");
    CHECK(fixture.decide(key, "s3:PutObject") == policy::Outcome::implicit_deny);
    REQUIRE(fixture.iam().create_group(fixture.account, "writers", "/").has_value());
    REQUIRE(fixture.iam().put_inline_policy({HolderKind::group, fixture.account, "writers"}, "s3", allow_s3).has_value());
    REQUIRE(fixture.iam().add_user_to_group(fixture.account, "writers", "ann").has_value());
    CHECK(fixture.decide(key, "s3:PutObject") == policy::Outcome::allow);
    REQUIRE(fixture.iam().put_boundary(fixture.user("ann"), read_only).has_value());
    CHECK(fixture.decide(key, "s3:PutObject") == policy::Outcome::implicit_deny);
    CHECK(fixture.decide(key, "s3:GetObject") == policy::Outcome::allow);
    REQUIRE(fixture.iam().put_inline_policy({HolderKind::group, fixture.account, "writers"}, "no", deny_s3).has_value());
    CHECK(fixture.decide(key, "s3:GetObject") == policy::Outcome::explicit_deny);

    const auto role = fixture.make_role("trainer");
    REQUIRE(fixture.iam().put_inline_policy(fixture.role("trainer"), "s3", allow_s3).has_value());
    const auto session = fixture.assume(role->arn).credentials;
    CHECK(fixture.decide(session, "s3:PutObject") == policy::Outcome::allow);
    REQUIRE(fixture.iam().put_boundary(fixture.role("trainer"), read_only).has_value());
    CHECK(fixture.decide(session, "s3:PutObject") == policy::Outcome::implicit_deny);
    CHECK(fixture.decide(session, "s3:GetObject") == policy::Outcome::allow);
}

TEST_CASE("a session's own policies cut it, inline ones and managed ones alike; one that is gone denies") {
    IamFixture fixture;
    const auto role = fixture.make_role("trainer");
    REQUIRE(fixture.iam().put_inline_policy(fixture.role("trainer"), "s3", allow_s3).has_value());
    AssumeRole request;
    request.role_arn = role->arn;
    request.session_name = "cut";
    request.session_policy_arns = {read_only};
    const auto managed = fixture.directory->assume_role(request);
    REQUIRE(managed.has_value());
    CHECK(fixture.decide(managed->credentials, "s3:GetObject") == policy::Outcome::allow);
    CHECK(fixture.decide(managed->credentials, "s3:PutObject") == policy::Outcome::implicit_deny);
    request.session_policy_arns = {};
    request.session_policy = R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}})";
    const auto written = fixture.directory->assume_role(request);
    REQUIRE(written.has_value());
    CHECK(fixture.decide(written->credentials, "s3:PutObject") == policy::Outcome::allow);
    CHECK(fixture.decide(written->credentials, "s3:GetObject") == policy::Outcome::implicit_deny);
    const auto own = fixture.iam().create_policy(
        {.account = fixture.account, .name = "own", .path = "/", .document = allow_s3, .description = "", .tags = {}});
    REQUIRE(own.has_value());
    request.session_policy.clear();
    request.session_policy_arns = {(*own)->arn};
    const auto by_own = fixture.directory->assume_role(request);
    REQUIRE(by_own.has_value());
    CHECK(fixture.decide(by_own->credentials, "s3:GetObject") == policy::Outcome::allow);
    REQUIRE(fixture.iam().delete_policy((*own)->account, (*own)->arn).has_value());
    CHECK(fixture.decide(by_own->credentials, "s3:GetObject") != policy::Outcome::allow);
}

TEST_CASE("how long sessions may be, to the second") {
    IamFixture fixture;
    const auto role = fixture.make_role("trainer");  // an hour at most
    AssumeRole request;
    request.role_arn = role->arn;
    request.session_name = "session";
    for (const auto& [seconds, code] : {std::pair{899, "ValidationError"}, {900, ""}, {3600, ""}, {3601, "ValidationError"}}) {
        request.duration = std::chrono::seconds(seconds);
        CHECK_MESSAGE(code_of(fixture.directory->assume_role(request)) == code, seconds);
    }
    request.duration = std::chrono::seconds(900);
    request.session_policy_arns.assign(10, read_only);
    CHECK(fixture.directory->assume_role(request).has_value());
    request.session_policy_arns.assign(11, read_only);
    CHECK(code_of(fixture.directory->assume_role(request)) == "ValidationError");
}

}  // namespace identity
