#include "identity/iam.hpp"

#include <doctest/doctest.h>

#include "identity/aws_managed.hpp"
#include "identity/iam_for_tests.hpp"
#include "identity/names.hpp"

using namespace identity;

namespace {

constexpr const char* sagemaker_full = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess";

CreatePolicy policy_request(const IamFixture& fixture, const std::string& name, std::string document = allow_s3) {
    CreatePolicy request;
    request.account = fixture.account;
    request.name = name;
    request.document = std::move(document);
    return request;
}

// A valid document of exactly this many characters.
std::string document_of(size_t characters) {
    const std::string head =
        R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":["arn:aws:s3:::)";
    const std::string tail = R"("]}]})";
    std::string out = head;
    // Resources of a thousand characters each, so that no single ARN is absurd.
    while (out.size() + tail.size() < characters) {
        const size_t left = characters - out.size() - tail.size();
        if (left > 1100) {
            out += std::string(1000, 'a') + R"(","arn:aws:s3:::)";
        } else {
            out += std::string(left, 'b');
        }
    }
    return out + tail;
}

}  // namespace

TEST_CASE("names are unique and found ignoring case") {
    IamFixture fixture;
    const auto role = fixture.make_role("Trainer");
    CHECK(role->id.starts_with("AROA"));
    CHECK(role->id.size() == 21);
    CreateRole again;
    again.account = fixture.account;
    again.name = "TRAINER";
    again.trust_document = trust_sagemaker;
    CHECK(code_of(fixture.iam().create_role(again)) == "EntityAlreadyExists");
    CHECK(message_of(fixture.iam().create_role(again)) == "Role with name TRAINER already exists.");
    CHECK((*fixture.iam().role(fixture.account, "trainer"))->name == "Trainer");
    fixture.make_user("Ann");
    CreateUser user;
    user.account = fixture.account;
    user.name = "ann";
    CHECK(message_of(fixture.iam().create_user(user)) == "User with name ann already exists.");
    REQUIRE(fixture.iam().create_policy(policy_request(fixture, "P")).has_value());
    CHECK(message_of(fixture.iam().create_policy(policy_request(fixture, "p"))) ==
          "A policy called p already exists. Duplicate names are not allowed.");
    CHECK(message_of(fixture.iam().role(fixture.account, "x")) == "The role with name x cannot be found.");
    CHECK(message_of(fixture.iam().user(fixture.account, "x")) == "The user with name x cannot be found.");
    CHECK(message_of(fixture.iam().group(fixture.account, "x")) == "The group with name x cannot be found.");
    CHECK(code_of(fixture.iam().role("999999999999", "Trainer")) == "NoSuchEntity");
}

TEST_CASE("what names, paths and tags may hold") {
    CHECK(check_name("a+=,.@_-Z9", "roleName", 64).has_value());
    for (const char* wrong : {"", "a b", "a/b", "ä", "a:b", "a\n"}) CHECK_MESSAGE(!check_name(wrong, "roleName", 64), wrong);
    CHECK_FALSE(check_name(std::string(65, 'a'), "roleName", 64).has_value());
    for (const char* right : {"/", "/a/", "/a/b/"}) CHECK_MESSAGE(check_path(right).has_value(), right);
    for (const char* wrong : {"", "a", "/a", "a/", "//", "/a b/", "/ä/"}) CHECK_MESSAGE(!check_path(wrong), wrong);
    CHECK(check_tags({{"Team:a/b", "x y"}, {"é", ""}}).has_value());
    CHECK(code_of(check_tags({{"k", "1"}, {"K", "2"}})) == "InvalidInput");
    CHECK(code_of(check_tags({{"aws:k", "1"}})) == "InvalidInput");
    CHECK(code_of(check_tags({{"", "1"}})) == "ValidationError");
    CHECK(code_of(check_tags({{"a<b", "1"}})) == "ValidationError");
    CHECK(code_of(check_tags({{"a", std::string(257, 'v')}})) == "ValidationError");
    CHECK(merge_tags({{"Key", "1"}}, {{"key", "2"}, {"b", "3"}}) == Tags{{"key", "2"}, {"b", "3"}});
    CHECK(without_tags({{"Key", "1"}, {"b", "2"}}, {"KEY", "zz"}) == Tags{{"b", "2"}});
}

TEST_CASE("roles that only services make, and how long a role's sessions may be") {
    IamFixture fixture;
    const auto make = [&](const std::string& name, const std::string& path, int64_t seconds) {
        CreateRole request;
        request.account = fixture.account;
        request.name = name;
        request.path = path;
        request.trust_document = trust_sagemaker;
        request.max_session_seconds = seconds;
        return code_of(fixture.iam().create_role(request));
    };
    CHECK(make("a", "/aws-service-role/sagemaker.amazonaws.com/", 3600) == "InvalidInput");
    CHECK(make("a", "/aws-reserved/sso/", 3600) == "InvalidInput");
    CHECK(make("a", "/aws-service-roles/", 3600).empty());
    CHECK(make("b", "/", 3599) == "ValidationError");
    CHECK(make("b", "/", 43201) == "ValidationError");
    CHECK(make("b", "/", 43200).empty());
}

TEST_CASE("an entity in use is not deleted") {
    IamFixture fixture;
    const auto role = fixture.role("r");
    fixture.make_role("r");
    REQUIRE(fixture.iam().attach_policy(role, sagemaker_full).has_value());
    CHECK(message_of(fixture.iam().delete_role(fixture.account, "r")) == "Cannot delete entity, must detach all policies first.");
    REQUIRE(fixture.iam().detach_policy(role, sagemaker_full).has_value());
    REQUIRE(fixture.iam().put_inline_policy(role, "one", allow_s3).has_value());
    CHECK(message_of(fixture.iam().delete_role(fixture.account, "r")) == "Cannot delete entity, must delete policies first.");
    REQUIRE(fixture.iam().delete_inline_policy(role, "one").has_value());

    const auto policy = *fixture.iam().create_policy(policy_request(fixture, "p"));
    REQUIRE(fixture.iam().put_boundary(role, policy->arn).has_value());
    CHECK(code_of(fixture.iam().delete_policy(fixture.account, policy->arn)) == "DeleteConflict");
    REQUIRE(fixture.iam().delete_role(fixture.account, "r").has_value());
    REQUIRE(fixture.iam().create_policy_version(fixture.account, policy->arn, allow_s3, true).has_value());
    CHECK(code_of(fixture.iam().delete_policy(fixture.account, policy->arn)) == "DeleteConflict");
    CHECK(message_of(fixture.iam().delete_policy_version(fixture.account, policy->arn, "v2")) ==
          "Cannot delete the default version of a policy.");
    REQUIRE(fixture.iam().delete_policy_version(fixture.account, policy->arn, "v1").has_value());
    REQUIRE(fixture.iam().delete_policy(fixture.account, policy->arn).has_value());
    CHECK(code_of(fixture.iam().managed_policy(fixture.account, policy->arn)) == "NoSuchEntity");

    fixture.make_user("u");
    REQUIRE(fixture.iam().create_group(fixture.account, "g", "/").has_value());
    REQUIRE(fixture.iam().add_user_to_group(fixture.account, "g", "u").has_value());
    CHECK(message_of(fixture.iam().delete_user(fixture.account, "u")) ==
          "Cannot delete entity, must remove users from group first.");
    CHECK(code_of(fixture.iam().delete_group(fixture.account, "g")) == "DeleteConflict");
    REQUIRE(fixture.iam().remove_user_from_group(fixture.account, "g", "u").has_value());
    const auto key = *fixture.iam().create_access_key(fixture.account, "u");
    CHECK(message_of(fixture.iam().delete_user(fixture.account, "u")) == "Cannot delete entity, must delete access keys first.");
    REQUIRE(fixture.iam().delete_access_key(fixture.account, "u", key->id).has_value());
    CHECK(fixture.iam().delete_user(fixture.account, "u").has_value());
    CHECK(fixture.iam().delete_group(fixture.account, "g").has_value());
}

TEST_CASE("quotas of sizes (G5)") {
    IamFixture fixture;
    CHECK(document_of(3000).size() == 3000);
    CHECK(fixture.iam().create_policy(policy_request(fixture, "fits", document_of(6144))).has_value());
    CHECK(message_of(fixture.iam().create_policy(policy_request(fixture, "big", document_of(6145)))) ==
          "Cannot exceed quota for PolicySize: 6144");
    // White space is free.
    CHECK(fixture.iam().create_policy(policy_request(fixture, "airy", document_of(6144) + std::string(500, ' '))).has_value());

    fixture.make_role("r");
    fixture.make_user("u");
    REQUIRE(fixture.iam().create_group(fixture.account, "g", "/").has_value());
    const struct {
        Holder holder;
        size_t most;
        const char* message;
    } cases[] = {{fixture.role("r"), 10240, "Maximum policy size of 10240 bytes exceeded for role r"},
                 {fixture.user("u"), 2048, "Maximum policy size of 2048 bytes exceeded for user u"},
                 {{HolderKind::group, fixture.account, "g"}, 5120, "Maximum policy size of 5120 bytes exceeded for group g"}};
    for (const auto& one : cases) {
        CHECK(message_of(fixture.iam().put_inline_policy(one.holder, "p", document_of(one.most + 1))) == one.message);
        CHECK(fixture.iam().put_inline_policy(one.holder, "p", document_of(one.most)).has_value());
        CHECK(code_of(fixture.iam().put_inline_policy(one.holder, "q", allow_s3)) == "LimitExceeded");
        // Replacing counts the new document alone.
        CHECK(fixture.iam().put_inline_policy(one.holder, "p", allow_s3).has_value());
        CHECK(fixture.iam().put_inline_policy(one.holder, "q", allow_s3).has_value());
    }
}

TEST_CASE("quotas of numbers (G6)") {
    IamFixture fixture;
    fixture.make_role("r");
    for (size_t i = 0; i < 10; ++i) {
        const auto policy = *fixture.iam().create_policy(policy_request(fixture, "p" + std::to_string(i)));
        CHECK(fixture.iam().attach_policy(fixture.role("r"), policy->arn).has_value());
        CHECK(fixture.iam().attach_policy(fixture.role("r"), policy->arn).has_value());  // again: nothing happens
    }
    CHECK(message_of(fixture.iam().attach_policy(fixture.role("r"), sagemaker_full)) ==
          "Cannot exceed quota for PoliciesPerRole: 10");
    const std::string arn = "arn:aws:iam::" + fixture.account + ":policy/p0";
    for (int i = 2; i <= 5; ++i) {
        CHECK(fixture.iam().create_policy_version(fixture.account, arn, allow_s3, false)->id == "v" + std::to_string(i));
    }
    CHECK(code_of(fixture.iam().create_policy_version(fixture.account, arn, allow_s3, false)) == "LimitExceeded");
    REQUIRE(fixture.iam().delete_policy_version(fixture.account, arn, "v5").has_value());
    CHECK(fixture.iam().create_policy_version(fixture.account, arn, allow_s3, false)->id == "v6");  // numbers are not used twice

    fixture.make_user("u");
    CHECK(fixture.iam().create_access_key(fixture.account, "u").has_value());
    CHECK(fixture.iam().create_access_key(fixture.account, "u").has_value());
    CHECK(message_of(fixture.iam().create_access_key(fixture.account, "u")) == "Cannot exceed quota for AccessKeysPerUser: 2");
    for (int i = 0; i < 11; ++i) {
        const std::string group = "g" + std::to_string(i);
        REQUIRE(fixture.iam().create_group(fixture.account, group, "/").has_value());
        CHECK(code_of(fixture.iam().add_user_to_group(fixture.account, group, "u")) == (i < 10 ? "" : "LimitExceeded"));
    }
}

TEST_CASE("a policy's default version is what its holders have") {
    IamFixture fixture;
    const auto role = fixture.make_role("r");
    const auto policy = *fixture.iam().create_policy(policy_request(fixture, "p"));
    REQUIRE(fixture.iam().attach_policy(fixture.role("r"), policy->arn).has_value());
    const auto credentials = fixture.assume(role->arn).credentials;
    CHECK(fixture.decide(credentials, "s3:PutObject") == policy::Outcome::allow);
    const char* nothing = R"({"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}})";
    REQUIRE(fixture.iam().create_policy_version(fixture.account, policy->arn, nothing, false).has_value());
    CHECK(fixture.decide(credentials, "s3:PutObject") == policy::Outcome::allow);
    REQUIRE(fixture.iam().set_default_policy_version(fixture.account, policy->arn, "v2").has_value());
    CHECK(fixture.decide(credentials, "s3:PutObject") == policy::Outcome::explicit_deny);
    fixture.reopen();
    CHECK(fixture.decide(credentials, "s3:PutObject") == policy::Outcome::explicit_deny);
    REQUIRE(fixture.iam().set_default_policy_version(fixture.account, policy->arn, "v1").has_value());
    CHECK(fixture.decide(credentials, "s3:PutObject") == policy::Outcome::allow);
    CHECK(code_of(fixture.iam().set_default_policy_version(fixture.account, policy->arn, "v9")) == "NoSuchEntity");
}

TEST_CASE("groups give their members what they have") {
    IamFixture fixture;
    fixture.make_user("u");
    REQUIRE(fixture.iam().create_group(fixture.account, "g", "/").has_value());
    REQUIRE(fixture.iam().put_inline_policy({HolderKind::group, fixture.account, "g"}, "s3", allow_s3).has_value());
    const auto key = *fixture.iam().create_access_key(fixture.account, "u");
    const Credentials credentials{key->id, key->secret, "", std::nullopt};
    CHECK(fixture.decide(credentials, "s3:PutObject") == policy::Outcome::implicit_deny);
    REQUIRE(fixture.iam().add_user_to_group(fixture.account, "G", "U").has_value());
    CHECK(fixture.decide(credentials, "s3:PutObject") == policy::Outcome::allow);
    REQUIRE(fixture.iam().update_group(fixture.account, "g", "renamed", "/team/").has_value());
    CHECK(fixture.decide(credentials, "s3:PutObject") == policy::Outcome::allow);
    fixture.reopen();
    CHECK(fixture.decide(credentials, "s3:PutObject") == policy::Outcome::allow);
    CHECK((*fixture.iam().groups_of(fixture.account, "u")).front()->arn ==
          "arn:aws:iam::" + fixture.account + ":group/team/renamed");
    REQUIRE(fixture.iam().remove_user_from_group(fixture.account, "renamed", "u").has_value());
    CHECK(fixture.decide(credentials, "s3:PutObject") == policy::Outcome::implicit_deny);
}

TEST_CASE("a managed policy is of the newest version, an inline one of any") {
    IamFixture fixture;
    fixture.make_role("r");
    for (const char* version : {R"("Version":"2008-10-17",)", ""}) {
        const std::string document =
            std::string("{") + version + R"("Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}})";
        CHECK(message_of(fixture.iam().create_policy(policy_request(fixture, "old", document))) ==
              "Policy document must be version 2012-10-17 or greater.");
        CHECK(fixture.iam().put_inline_policy(fixture.role("r"), "old", document).has_value());
    }
    const auto policy = *fixture.iam().create_policy(policy_request(fixture, "p"));
    CHECK(message_of(fixture.iam().create_policy_version(
              fixture.account, policy->arn, R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}})", true)) ==
          "Policy document must be version 2012-10-17 or greater.");
}

TEST_CASE("a refused change changes nothing") {
    IamFixture fixture;
    fixture.make_role("r");
    const auto before = *fixture.keys->scan({"iam/", "", SIZE_MAX});
    CHECK(code_of(fixture.iam().update_trust(fixture.account, "r", "{}")) == "MalformedPolicyDocument");
    CHECK(code_of(fixture.iam().put_inline_policy(fixture.role("r"), "p", R"({"Statement":[{"Effect":"Allow"}]})")) ==
          "MalformedPolicyDocument");
    CHECK(code_of(fixture.iam().attach_policy(fixture.role("r"), "arn:aws:iam::aws:policy/NoSuch")) == "NoSuchEntity");
    for (const std::string bad :
         {"arn:aws:iam:aws:policy/AdministratorAccess", "arn:aws:iam::aws:policy/arn:aws:iam::aws:policy/AmazonS3FullAccess",
          "arn:aws:iam:us-east-1:aws:policy/AdministratorAccess", "arn:aws:s3::aws:policy/AdministratorAccess",
          "arn:aws:iam::aws:role/AdministratorAccess", "arn:aws:iam::aws:policy/AdministratorAccess ",
          "arn:aws:iam::12345:policy/AdministratorAccess", "AdministratorAccess-of-AWS"}) {
        CAPTURE(bad);
        CHECK(message_of(fixture.iam().attach_policy(fixture.role("r"), bad)) == "ARN " + bad + " is not valid.");
        CHECK(code_of(fixture.iam().detach_policy(fixture.role("r"), bad)) == "InvalidInput");
        CHECK(code_of(fixture.iam().put_boundary(fixture.role("r"), bad)) == "InvalidInput");
    }
    CHECK(message_of(fixture.iam().attach_policy(fixture.role("r"), "arn:aws-cn:iam::aws:policy/AdministratorAccess")) ==
          "Invalid ARN partition");
    CHECK(code_of(fixture.iam().put_boundary(fixture.role("r"), "arn:aws:iam::aws:policy/NoSuch")) == "NoSuchEntity");
    CHECK(code_of(fixture.iam().detach_policy(fixture.role("r"), sagemaker_full)) == "NoSuchEntity");
    CHECK(code_of(fixture.iam().update_role(fixture.account, "r", std::nullopt, 60)) == "ValidationError");
    CHECK(code_of(fixture.iam().create_policy(policy_request(fixture, "p", "[]"))) == "MalformedPolicyDocument");
    CHECK(code_of(fixture.iam().attach_policy(fixture.role("r"),
                                              "arn:aws:iam::aws:policy/aws-service-role/AmazonSSMServiceRolePolicy")) ==
          "PolicyNotAttachable");
    const auto after = *fixture.keys->scan({"iam/", "", SIZE_MAX});
    REQUIRE(after.size() == before.size());
    for (size_t i = 0; i < after.size(); ++i) CHECK(after[i].value == before[i].value);
}

TEST_CASE("AWS's own policies: there, with their meaning, unchangeable") {
    IamFixture fixture;
    CHECK(aws_managed_policies().size() > 1000);
    const auto policy = fixture.iam().managed_policy(fixture.account, sagemaker_full);
    REQUIRE(policy.has_value());
    CHECK((*policy)->id.starts_with("ANPA"));
    CHECK((*policy)->id.size() == 21);
    CHECK((*policy)->version((*policy)->default_version)->policy->text().find("sagemaker:") != std::string::npos);
    CHECK((*policy)->versions.size() > 20);
    CHECK(fixture.iam()
              .managed_policy(fixture.account, "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
              .has_value());
    CHECK(code_of(fixture.iam().create_policy_version(fixture.account, sagemaker_full, allow_s3, true)) == "NoSuchEntity");
    CHECK(code_of(fixture.iam().delete_policy(fixture.account, sagemaker_full)) == "NoSuchEntity");
    CHECK(code_of(fixture.iam().tag_policy(fixture.account, sagemaker_full, {{"a", "b"}})) == "NoSuchEntity");
    fixture.make_role("r");
    REQUIRE(fixture.iam().attach_policy(fixture.role("r"), sagemaker_full).has_value());
    CHECK(fixture.iam().usage_count(fixture.account, sagemaker_full).attachments == 1);
    CHECK(fixture.iam().policy_holders(fixture.account, sagemaker_full).size() == 1);
}

TEST_CASE("everything is as it was after opening the store again") {
    IamFixture fixture;
    CreateRole request;
    request.account = fixture.account;
    request.name = "R";
    request.path = "/p/";
    request.trust_document = trust_sagemaker;
    request.description = "what it is for";
    request.max_session_seconds = 7200;
    request.boundary = sagemaker_full;
    request.tags = {{"k", "v"}};
    const auto role = *fixture.iam().create_role(request);
    REQUIRE(fixture.iam().put_inline_policy(fixture.role("R"), "Inline", allow_s3).has_value());
    REQUIRE(fixture.iam().attach_policy(fixture.role("R"), sagemaker_full).has_value());
    REQUIRE(fixture.iam().create_alias(fixture.account, "the-house").has_value());
    fixture.reopen();
    const auto again = *fixture.iam().role(fixture.account, "R");
    CHECK(again->arn == role->arn);
    CHECK(again->id == role->id);
    CHECK(again->created == role->created);
    CHECK(again->description == "what it is for");
    CHECK(again->max_session_seconds == 7200);
    CHECK(again->boundary == sagemaker_full);
    CHECK(again->tags == Tags{{"k", "v"}});
    CHECK(again->trust->text() == trust_sagemaker);
    REQUIRE(again->inline_policies.size() == 1);
    CHECK(again->inline_policies[0].name == "Inline");
    CHECK(again->inline_policies[0].policy->text() == allow_s3);
    CHECK(again->attached == std::vector<std::string>{sagemaker_full});
    CHECK(fixture.iam().account(fixture.account)->alias == "the-house");
}

TEST_CASE("a store that fails to commit shows nothing") {
    struct Failing final : store::KeyValueStore {
        std::unique_ptr<store::KeyValueStore> inner = store::make_memory_store();
        bool fails = false;
        base::Result<std::optional<std::string>> get(std::string_view key) const override { return inner->get(key); }
        base::Result<std::vector<store::Entry>> scan(const store::Scan& scan) const override { return inner->scan(scan); }
        std::unique_ptr<store::Snapshot> snapshot() const override { return inner->snapshot(); }
        base::Result<void> commit(const store::Batch& batch) override {
            if (fails) return base::fail("InternalError", "the disk is full");
            return inner->commit(batch);
        }
    } keys;
    base::SystemClock clock;
    crypto::SystemRandom random;
    auto directory = *Directory::open({&keys, &clock, &random, std::string(32, 'k')});
    const std::string account = (**directory->bootstrap()).account;
    keys.fails = true;
    CreateUser request;
    request.account = account;
    request.name = "u";
    CHECK(code_of(directory->iam().create_user(request)) == "InternalError");
    CHECK(code_of(directory->iam().user(account, "u")) == "NoSuchEntity");
    keys.fails = false;
    CHECK(directory->iam().create_user(request).has_value());
}

TEST_CASE("last use") {
    IamFixture fixture;
    fixture.make_user("u");
    const auto key = *fixture.iam().create_access_key(fixture.account, "u");
    CHECK_FALSE(fixture.iam().last_use(key->id).has_value());
    const auto caller = (*fixture.directory->authenticate(key->id, ""))->caller;
    CHECK_FALSE(fixture.iam().last_use(key->id).has_value());  // looking a key up is not using it
    fixture.directory->record_use(caller, "s3", "us-east-1");
    CHECK(fixture.iam().last_use(key->id)->service == "s3");
    fixture.reopen();
    CHECK(fixture.iam().last_use(key->id)->service == "s3");
    CHECK(fixture.iam().last_use(key->id)->time == fixture.clock.now());
}
