#include "identity/iam.hpp"

#include <doctest/doctest.h>

#include "identity/aws_managed.hpp"
#include "identity/house_for_tests.hpp"
#include "identity/names.hpp"

using namespace identity;

namespace {

constexpr const char* sagemaker_full = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess";

CreatePolicy policy_request(const House& house, const std::string& name, std::string document = allow_s3) {
    CreatePolicy request;
    request.account = house.account;
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
    House house;
    const auto role = house.make_role("Trainer");
    CHECK(role->id.starts_with("AROA"));
    CHECK(role->id.size() == 21);
    CreateRole again;
    again.account = house.account;
    again.name = "TRAINER";
    again.trust_document = trust_sagemaker;
    CHECK(code_of(house.iam().create_role(again)) == "EntityAlreadyExists");
    CHECK(message_of(house.iam().create_role(again)) == "Role with name TRAINER already exists.");
    CHECK((*house.iam().role(house.account, "trainer"))->name == "Trainer");
    house.make_user("Ann");
    CreateUser user;
    user.account = house.account;
    user.name = "ann";
    CHECK(message_of(house.iam().create_user(user)) == "User with name ann already exists.");
    REQUIRE(house.iam().create_policy(policy_request(house, "P")).has_value());
    CHECK(message_of(house.iam().create_policy(policy_request(house, "p"))) ==
          "A policy called p already exists. Duplicate names are not allowed.");
    CHECK(message_of(house.iam().role(house.account, "x")) == "The role with name x cannot be found.");
    CHECK(message_of(house.iam().user(house.account, "x")) == "The user with name x cannot be found.");
    CHECK(message_of(house.iam().group(house.account, "x")) == "The group with name x cannot be found.");
    CHECK(code_of(house.iam().role("999999999999", "Trainer")) == "NoSuchEntity");
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
    House house;
    const auto make = [&](const std::string& name, const std::string& path, int64_t seconds) {
        CreateRole request;
        request.account = house.account;
        request.name = name;
        request.path = path;
        request.trust_document = trust_sagemaker;
        request.max_session_seconds = seconds;
        return code_of(house.iam().create_role(request));
    };
    CHECK(make("a", "/aws-service-role/sagemaker.amazonaws.com/", 3600) == "InvalidInput");
    CHECK(make("a", "/aws-reserved/sso/", 3600) == "InvalidInput");
    CHECK(make("a", "/aws-service-roles/", 3600).empty());
    CHECK(make("b", "/", 3599) == "ValidationError");
    CHECK(make("b", "/", 43201) == "ValidationError");
    CHECK(make("b", "/", 43200).empty());
}

TEST_CASE("an entity in use is not deleted") {
    House house;
    const auto role = house.role("r");
    house.make_role("r");
    REQUIRE(house.iam().attach_policy(role, sagemaker_full).has_value());
    CHECK(message_of(house.iam().delete_role(house.account, "r")) == "Cannot delete entity, must detach all policies first.");
    REQUIRE(house.iam().detach_policy(role, sagemaker_full).has_value());
    REQUIRE(house.iam().put_inline_policy(role, "one", allow_s3).has_value());
    CHECK(message_of(house.iam().delete_role(house.account, "r")) == "Cannot delete entity, must delete policies first.");
    REQUIRE(house.iam().delete_inline_policy(role, "one").has_value());

    const auto policy = *house.iam().create_policy(policy_request(house, "p"));
    REQUIRE(house.iam().put_boundary(role, policy->arn).has_value());
    CHECK(code_of(house.iam().delete_policy(house.account, policy->arn)) == "DeleteConflict");
    REQUIRE(house.iam().delete_role(house.account, "r").has_value());
    REQUIRE(house.iam().create_policy_version(house.account, policy->arn, allow_s3, true).has_value());
    CHECK(code_of(house.iam().delete_policy(house.account, policy->arn)) == "DeleteConflict");
    CHECK(message_of(house.iam().delete_policy_version(house.account, policy->arn, "v2")) ==
          "Cannot delete the default version of a policy.");
    REQUIRE(house.iam().delete_policy_version(house.account, policy->arn, "v1").has_value());
    REQUIRE(house.iam().delete_policy(house.account, policy->arn).has_value());
    CHECK(code_of(house.iam().managed_policy(house.account, policy->arn)) == "NoSuchEntity");

    house.make_user("u");
    REQUIRE(house.iam().create_group(house.account, "g", "/").has_value());
    REQUIRE(house.iam().add_user_to_group(house.account, "g", "u").has_value());
    CHECK(message_of(house.iam().delete_user(house.account, "u")) == "Cannot delete entity, must remove users from group first.");
    CHECK(code_of(house.iam().delete_group(house.account, "g")) == "DeleteConflict");
    REQUIRE(house.iam().remove_user_from_group(house.account, "g", "u").has_value());
    const auto key = *house.iam().create_access_key(house.account, "u");
    CHECK(message_of(house.iam().delete_user(house.account, "u")) == "Cannot delete entity, must delete access keys first.");
    REQUIRE(house.iam().delete_access_key(house.account, "u", key->id).has_value());
    CHECK(house.iam().delete_user(house.account, "u").has_value());
    CHECK(house.iam().delete_group(house.account, "g").has_value());
}

TEST_CASE("quotas of sizes (G5)") {
    House house;
    CHECK(document_of(3000).size() == 3000);
    CHECK(house.iam().create_policy(policy_request(house, "fits", document_of(6144))).has_value());
    CHECK(message_of(house.iam().create_policy(policy_request(house, "big", document_of(6145)))) ==
          "Cannot exceed quota for PolicySize: 6144");
    // White space is free.
    CHECK(house.iam().create_policy(policy_request(house, "airy", document_of(6144) + std::string(500, ' '))).has_value());

    house.make_role("r");
    house.make_user("u");
    REQUIRE(house.iam().create_group(house.account, "g", "/").has_value());
    const struct {
        Holder holder;
        size_t most;
        const char* message;
    } cases[] = {{house.role("r"), 10240, "Maximum policy size of 10240 bytes exceeded for role r"},
                 {house.user("u"), 2048, "Maximum policy size of 2048 bytes exceeded for user u"},
                 {{HolderKind::group, house.account, "g"}, 5120, "Maximum policy size of 5120 bytes exceeded for group g"}};
    for (const auto& one : cases) {
        CHECK(message_of(house.iam().put_inline_policy(one.holder, "p", document_of(one.most + 1))) == one.message);
        CHECK(house.iam().put_inline_policy(one.holder, "p", document_of(one.most)).has_value());
        CHECK(code_of(house.iam().put_inline_policy(one.holder, "q", allow_s3)) == "LimitExceeded");
        // Replacing counts the new document alone.
        CHECK(house.iam().put_inline_policy(one.holder, "p", allow_s3).has_value());
        CHECK(house.iam().put_inline_policy(one.holder, "q", allow_s3).has_value());
    }
}

TEST_CASE("quotas of numbers (G6)") {
    House house;
    house.make_role("r");
    for (size_t i = 0; i < 10; ++i) {
        const auto policy = *house.iam().create_policy(policy_request(house, "p" + std::to_string(i)));
        CHECK(house.iam().attach_policy(house.role("r"), policy->arn).has_value());
        CHECK(house.iam().attach_policy(house.role("r"), policy->arn).has_value());  // again: nothing happens
    }
    CHECK(message_of(house.iam().attach_policy(house.role("r"), sagemaker_full)) ==
          "Cannot exceed quota for PoliciesPerRole: 10");
    const std::string arn = "arn:aws:iam::" + house.account + ":policy/p0";
    for (int i = 2; i <= 5; ++i) {
        CHECK(house.iam().create_policy_version(house.account, arn, allow_s3, false)->id == "v" + std::to_string(i));
    }
    CHECK(code_of(house.iam().create_policy_version(house.account, arn, allow_s3, false)) == "LimitExceeded");
    REQUIRE(house.iam().delete_policy_version(house.account, arn, "v5").has_value());
    CHECK(house.iam().create_policy_version(house.account, arn, allow_s3, false)->id == "v6");  // numbers are not used twice

    house.make_user("u");
    CHECK(house.iam().create_access_key(house.account, "u").has_value());
    CHECK(house.iam().create_access_key(house.account, "u").has_value());
    CHECK(message_of(house.iam().create_access_key(house.account, "u")) == "Cannot exceed quota for AccessKeysPerUser: 2");
    for (int i = 0; i < 11; ++i) {
        const std::string group = "g" + std::to_string(i);
        REQUIRE(house.iam().create_group(house.account, group, "/").has_value());
        CHECK(code_of(house.iam().add_user_to_group(house.account, group, "u")) == (i < 10 ? "" : "LimitExceeded"));
    }
}

TEST_CASE("a policy's default version is what its holders have") {
    House house;
    const auto role = house.make_role("r");
    const auto policy = *house.iam().create_policy(policy_request(house, "p"));
    REQUIRE(house.iam().attach_policy(house.role("r"), policy->arn).has_value());
    const auto credentials = house.assume(role->arn).credentials;
    CHECK(house.decide(credentials, "s3:PutObject") == policy::Outcome::allow);
    const char* nothing = R"({"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}})";
    REQUIRE(house.iam().create_policy_version(house.account, policy->arn, nothing, false).has_value());
    CHECK(house.decide(credentials, "s3:PutObject") == policy::Outcome::allow);
    REQUIRE(house.iam().set_default_policy_version(house.account, policy->arn, "v2").has_value());
    CHECK(house.decide(credentials, "s3:PutObject") == policy::Outcome::explicit_deny);
    house.reopen();
    CHECK(house.decide(credentials, "s3:PutObject") == policy::Outcome::explicit_deny);
    REQUIRE(house.iam().set_default_policy_version(house.account, policy->arn, "v1").has_value());
    CHECK(house.decide(credentials, "s3:PutObject") == policy::Outcome::allow);
    CHECK(code_of(house.iam().set_default_policy_version(house.account, policy->arn, "v9")) == "NoSuchEntity");
}

TEST_CASE("groups give their members what they have") {
    House house;
    house.make_user("u");
    REQUIRE(house.iam().create_group(house.account, "g", "/").has_value());
    REQUIRE(house.iam().put_inline_policy({HolderKind::group, house.account, "g"}, "s3", allow_s3).has_value());
    const auto key = *house.iam().create_access_key(house.account, "u");
    const Credentials credentials{key->id, key->secret, "", std::nullopt};
    CHECK(house.decide(credentials, "s3:PutObject") == policy::Outcome::implicit_deny);
    REQUIRE(house.iam().add_user_to_group(house.account, "G", "U").has_value());
    CHECK(house.decide(credentials, "s3:PutObject") == policy::Outcome::allow);
    REQUIRE(house.iam().update_group(house.account, "g", "renamed", "/team/").has_value());
    CHECK(house.decide(credentials, "s3:PutObject") == policy::Outcome::allow);
    house.reopen();
    CHECK(house.decide(credentials, "s3:PutObject") == policy::Outcome::allow);
    CHECK((*house.iam().groups_of(house.account, "u")).front()->arn == "arn:aws:iam::" + house.account + ":group/team/renamed");
    REQUIRE(house.iam().remove_user_from_group(house.account, "renamed", "u").has_value());
    CHECK(house.decide(credentials, "s3:PutObject") == policy::Outcome::implicit_deny);
}

TEST_CASE("a managed policy is of the newest version, an inline one of any") {
    House house;
    house.make_role("r");
    for (const char* version : {R"("Version":"2008-10-17",)", ""}) {
        const std::string document =
            std::string("{") + version + R"("Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}})";
        CHECK(message_of(house.iam().create_policy(policy_request(house, "old", document))) ==
              "Policy document must be version 2012-10-17 or greater.");
        CHECK(house.iam().put_inline_policy(house.role("r"), "old", document).has_value());
    }
    const auto policy = *house.iam().create_policy(policy_request(house, "p"));
    CHECK(message_of(house.iam().create_policy_version(
              house.account, policy->arn, R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}})", true)) ==
          "Policy document must be version 2012-10-17 or greater.");
}

TEST_CASE("a refused change changes nothing") {
    House house;
    house.make_role("r");
    const auto before = *house.keys->scan({"iam/", "", SIZE_MAX});
    CHECK(code_of(house.iam().update_trust(house.account, "r", "{}")) == "MalformedPolicyDocument");
    CHECK(code_of(house.iam().put_inline_policy(house.role("r"), "p", R"({"Statement":[{"Effect":"Allow"}]})")) ==
          "MalformedPolicyDocument");
    CHECK(code_of(house.iam().attach_policy(house.role("r"), "arn:aws:iam::aws:policy/NoSuch")) == "NoSuchEntity");
    for (const std::string bad :
         {"arn:aws:iam:aws:policy/AdministratorAccess", "arn:aws:iam::aws:policy/arn:aws:iam::aws:policy/AmazonS3FullAccess",
          "arn:aws:iam:us-east-1:aws:policy/AdministratorAccess", "arn:aws:s3::aws:policy/AdministratorAccess",
          "arn:aws:iam::aws:role/AdministratorAccess", "arn:aws:iam::aws:policy/AdministratorAccess ",
          "arn:aws:iam::12345:policy/AdministratorAccess", "AdministratorAccess-of-AWS"}) {
        CAPTURE(bad);
        CHECK(message_of(house.iam().attach_policy(house.role("r"), bad)) == "ARN " + bad + " is not valid.");
        CHECK(code_of(house.iam().detach_policy(house.role("r"), bad)) == "InvalidInput");
        CHECK(code_of(house.iam().put_boundary(house.role("r"), bad)) == "InvalidInput");
    }
    CHECK(message_of(house.iam().attach_policy(house.role("r"), "arn:aws-cn:iam::aws:policy/AdministratorAccess")) ==
          "Invalid ARN partition");
    CHECK(code_of(house.iam().put_boundary(house.role("r"), "arn:aws:iam::aws:policy/NoSuch")) == "NoSuchEntity");
    CHECK(code_of(house.iam().detach_policy(house.role("r"), sagemaker_full)) == "NoSuchEntity");
    CHECK(code_of(house.iam().update_role(house.account, "r", std::nullopt, 60)) == "ValidationError");
    CHECK(code_of(house.iam().create_policy(policy_request(house, "p", "[]"))) == "MalformedPolicyDocument");
    CHECK(code_of(house.iam().attach_policy(
              house.role("r"), "arn:aws:iam::aws:policy/aws-service-role/AmazonSSMServiceRolePolicy")) == "PolicyNotAttachable");
    const auto after = *house.keys->scan({"iam/", "", SIZE_MAX});
    REQUIRE(after.size() == before.size());
    for (size_t i = 0; i < after.size(); ++i) CHECK(after[i].value == before[i].value);
}

TEST_CASE("AWS's own policies: there, with their meaning, unchangeable") {
    House house;
    CHECK(aws_managed_policies().size() > 1000);
    const auto policy = house.iam().managed_policy(house.account, sagemaker_full);
    REQUIRE(policy.has_value());
    CHECK((*policy)->id.starts_with("ANPA"));
    CHECK((*policy)->id.size() == 21);
    CHECK((*policy)->version((*policy)->default_version)->policy->text().find("sagemaker:") != std::string::npos);
    CHECK((*policy)->versions.size() > 20);
    CHECK(house.iam()
              .managed_policy(house.account, "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
              .has_value());
    CHECK(code_of(house.iam().create_policy_version(house.account, sagemaker_full, allow_s3, true)) == "AccessDenied");
    CHECK(code_of(house.iam().delete_policy(house.account, sagemaker_full)) == "AccessDenied");
    CHECK(code_of(house.iam().tag_policy(house.account, sagemaker_full, {{"a", "b"}})) == "AccessDenied");
    house.make_role("r");
    REQUIRE(house.iam().attach_policy(house.role("r"), sagemaker_full).has_value());
    CHECK(house.iam().usage_count(house.account, sagemaker_full).attachments == 1);
    CHECK(house.iam().policy_holders(house.account, sagemaker_full).size() == 1);
}

TEST_CASE("everything is as it was after opening the store again") {
    House house;
    CreateRole request;
    request.account = house.account;
    request.name = "R";
    request.path = "/p/";
    request.trust_document = trust_sagemaker;
    request.description = "what it is for";
    request.max_session_seconds = 7200;
    request.boundary = sagemaker_full;
    request.tags = {{"k", "v"}};
    const auto role = *house.iam().create_role(request);
    REQUIRE(house.iam().put_inline_policy(house.role("R"), "Inline", allow_s3).has_value());
    REQUIRE(house.iam().attach_policy(house.role("R"), sagemaker_full).has_value());
    REQUIRE(house.iam().create_alias(house.account, "the-house").has_value());
    house.reopen();
    const auto again = *house.iam().role(house.account, "R");
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
    CHECK(house.iam().account(house.account)->alias == "the-house");
}

TEST_CASE("a store that fails to commit shows nothing") {
    struct Failing final : store::Keys {
        std::unique_ptr<store::Keys> inner = store::make_memory_keys();
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
    House house;
    house.make_user("u");
    const auto key = *house.iam().create_access_key(house.account, "u");
    CHECK_FALSE(house.iam().last_use(key->id).has_value());
    const auto caller = (*house.directory->authenticate(key->id, ""))->caller;
    CHECK_FALSE(house.iam().last_use(key->id).has_value());  // looking a key up is not using it
    house.directory->record_use(caller, "s3", "us-east-1");
    CHECK(house.iam().last_use(key->id)->service == "s3");
    house.reopen();
    CHECK(house.iam().last_use(key->id)->service == "s3");
    CHECK(house.iam().last_use(key->id)->time == house.clock.now());
}
