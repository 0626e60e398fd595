#include "services/iam/operations.hpp"

#include <doctest/doctest.h>

#include "gate/decide.hpp"
#include "model/iam/roles.hpp"
#include "services/iam/page.hpp"
#include "services/iam/shown.hpp"
#include "store/key_value_store.hpp"

namespace {

struct IamOperationsFixture {
    std::unique_ptr<store::KeyValueStore> keys = store::make_memory_store();
    base::SystemClock clock;
    crypto::SystemRandom random;
    std::unique_ptr<identity::Directory> directory;
    gate::Registry registry;
    identity::Caller root;

    IamOperationsFixture() {
        directory = std::move(*identity::Directory::open({keys.get(), &clock, &random, std::string(32, 'k')}));
        const auto first = directory->bootstrap();
        root = (*directory->authenticate((*first)->root.access_key_id, ""))->caller;
        services::iam::add_operations(registry, *directory, {});
    }

    base::Result<std::vector<gate::Access>> classify(const std::string& operation, const std::string& input,
                                                     const identity::Caller& caller) {
        const gate::Operation* found = registry.find("iam", operation);
        REQUIRE(found != nullptr);
        return found->begin()->supposed_accesses(caller, "us-east-1", input);
    }
    std::string arn(const std::string& rest) { return "arn:aws:iam::" + root.principal.account + ":" + rest; }
};

std::string value(const policy::Context& context, const std::string& key) {
    const auto* entry = context.find(key);
    return entry == nullptr ? "(absent)" : entry->values.front();
}

}  // namespace

TEST_CASE("what an operation needs: action and resource") {
    IamOperationsFixture fixture;
    identity::CreateRole role;
    role.account = fixture.root.principal.account;
    role.name = "Trainer";
    role.path = "/ml/";
    role.trust_document =
        R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]})";
    role.tags = {{"team", "vision"}};
    REQUIRE(fixture.directory->iam().create_role(role).has_value());
    const struct {
        const char *operation, *input, *action;
        std::string resource;
    } cases[] = {
        {"CreateRole", R"({"RoleName":"r","AssumeRolePolicyDocument":"{}","Path":"/x/"})", "iam:CreateRole",
         fixture.arn("role/x/r")},
        {"CreateRole", R"({"RoleName":"r","AssumeRolePolicyDocument":"{}"})", "iam:CreateRole", fixture.arn("role/r")},
        {"GetRole", R"({"RoleName":"Trainer"})", "iam:GetRole", fixture.arn("role/ml/Trainer")},
        // Found ignoring case, decided by its real name: a policy about role/ml/Trainer cannot be walked around.
        {"DeleteRole", R"({"RoleName":"TRAINER"})", "iam:DeleteRole", fixture.arn("role/ml/Trainer")},
        {"GetRole", R"({"RoleName":"nobody"})", "iam:GetRole", fixture.arn("role/nobody")},
        {"ListRoles", R"({"PathPrefix":"/ml/"})", "iam:ListRoles", fixture.arn("role/ml/")},
        {"AttachUserPolicy", R"({"UserName":"u","PolicyArn":"arn:aws:iam::aws:policy/X"})", "iam:AttachUserPolicy",
         fixture.arn("user/u")},
        {"PutGroupPolicy", R"({"GroupName":"g","PolicyName":"p","PolicyDocument":"{}"})", "iam:PutGroupPolicy",
         fixture.arn("group/g")},
        {"GetUser", "{}", "iam:GetUser", fixture.arn("root")},
        {"CreatePolicy", R"({"PolicyName":"p","PolicyDocument":"{}"})", "iam:CreatePolicy", fixture.arn("policy/p")},
        {"GetPolicy", R"({"PolicyArn":"arn:aws:iam::aws:policy/X"})", "iam:GetPolicy", "arn:aws:iam::aws:policy/X"},
        {"GetAccountSummary", "{}", "iam:GetAccountSummary", "*"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.operation);
        const auto accesses = fixture.classify(one.operation, one.input, fixture.root);
        REQUIRE(accesses.has_value());
        REQUIRE(accesses->size() == 1);
        CHECK(accesses->front().action == one.action);
        CHECK(accesses->front().resource == one.resource);
    }
    const auto tagged = fixture.classify("GetRole", R"({"RoleName":"Trainer"})", fixture.root);
    CHECK(value(tagged->front().context, "iam:ResourceTag/team") == "vision");
    CHECK(value(tagged->front().context, "aws:ResourceTag/team") == "vision");
}

TEST_CASE("condition keys of requests") {
    IamOperationsFixture fixture;
    const auto create = fixture.classify(
        "CreateRole",
        R"({"RoleName":"r","AssumeRolePolicyDocument":"{}","PermissionsBoundary":"arn:aws:iam::aws:policy/B","Tags":[{"Key":"team","Value":"x"}]})",
        fixture.root);
    REQUIRE(create.has_value());
    REQUIRE(create->size() == 2);
    CHECK((*create)[1].action == "iam:TagRole");
    CHECK((*create)[1].resource == (*create)[0].resource);
    for (const auto& access : *create) {
        CHECK(value(access.context, "iam:PermissionsBoundary") == "arn:aws:iam::aws:policy/B");
        CHECK(value(access.context, "aws:RequestTag/team") == "x");
        CHECK(value(access.context, "aws:TagKeys") == "team");
        CHECK(access.context.find("aws:TagKeys")->multivalued);
    }
    const auto attach =
        fixture.classify("AttachRolePolicy", R"({"RoleName":"r","PolicyArn":"arn:aws:iam::aws:policy/X"})", fixture.root);
    CHECK(value(attach->front().context, "iam:PolicyARN") == "arn:aws:iam::aws:policy/X");
    CHECK(value(attach->front().context, "iam:PermissionsBoundary") == "(absent)");
}

TEST_CASE("renaming needs permission on both names; nobody says root by an empty one") {
    IamOperationsFixture fixture;
    identity::CreateUser request;
    request.account = fixture.root.principal.account;
    request.name = "ann";
    request.path = "/people/";
    REQUIRE(fixture.directory->iam().create_user(request).has_value());
    const auto renamed = fixture.classify("UpdateUser", R"({"UserName":"ANN","NewUserName":"admin"})", fixture.root);
    REQUIRE(renamed->size() == 2);
    CHECK((*renamed)[0].resource == fixture.arn("user/people/ann"));
    CHECK((*renamed)[1].resource == fixture.arn("user/people/admin"));
    CHECK((*renamed)[1].action == "iam:UpdateUser");
    const auto moved = fixture.classify("UpdateGroup", R"({"GroupName":"g","NewPath":"/admins/"})", fixture.root);
    REQUIRE(moved->size() == 2);
    CHECK((*moved)[1].resource == fixture.arn("group/admins/g"));
    for (const auto* operation : {"CreateAccessKey", "GetUser", "ListAccessKeys", "UpdateAccessKey"}) {
        CHECK(fixture.classify(operation, R"({"UserName":""})", fixture.root).error().code == "ValidationError");
    }
}

TEST_CASE("AWS's own policies may be read by the account and changed by nobody") {
    IamOperationsFixture fixture;
    CHECK(fixture.classify("GetPolicy", R"({"PolicyArn":"arn:aws:iam::aws:policy/X"})", fixture.root)->front().resource_account ==
          "");
    CHECK(fixture.classify("DeletePolicy", R"({"PolicyArn":"arn:aws:iam::aws:policy/X"})", fixture.root)
              ->front()
              .resource_account == "aws");
    CHECK(fixture.classify("GetPolicy", R"({"PolicyArn":"arn:aws:iam::999999999999:policy/X"})", fixture.root)
              ->front()
              .resource_account == "999999999999");
    CHECK(fixture.classify("GetPolicy", R"({"PolicyArn":"arn:aws:s3:::a-bucket-of-a-longer-name"})", fixture.root).error().code ==
          "InvalidInput");
}

TEST_CASE("IAM takes no session of a user or root that came without MFA") {
    IamOperationsFixture fixture;
    const auto session = fixture.directory->session_token(fixture.root, std::chrono::seconds(900));
    const auto caller = (*fixture.directory->authenticate(session->access_key_id, session->session_token))->caller;
    const auto accesses = fixture.classify("ListUsers", "{}", caller);
    REQUIRE(accesses.has_value());
    const auto decided = gate::decide_each(caller, *accesses, {}).front();  // a rule of the service (SEMANTICS R78)
    CHECK(decided.decision.outcome == policy::Outcome::implicit_deny);
    CHECK(policy::denial_code(decided.decision) == "InvalidClientTokenId");
    CHECK(gate::decide_each(fixture.root, *accesses, {}).front().decision.outcome == policy::Outcome::allow);
}

TEST_CASE("pages") {
    struct Answer {
        std::vector<std::string> names;
        std::optional<bool> is_truncated;
        std::optional<std::string> marker;
    };
    const auto ask = [](std::optional<std::string> marker, std::optional<int32_t> max_items) -> base::Result<Answer> {
        std::vector<services::iam::Row<std::string>> rows;
        for (const auto* name : {"c", "a", "b"}) rows.push_back({name, name});
        auto page = TRY(services::iam::Page::make(marker, max_items));
        Answer out{.names = page.part_of(std::move(rows))};
        page.close(out);
        return out;
    };
    using Names = std::vector<std::string>;
    const auto all = ask({}, {});
    CHECK(all->names == Names{"a", "b", "c"});
    CHECK(all->is_truncated == false);
    CHECK_FALSE(all->marker.has_value());
    const auto first = ask({}, 2);
    CHECK(first->names == Names{"a", "b"});
    CHECK(first->is_truncated == true);
    const auto rest = ask(first->marker, 2);
    CHECK(rest->names == Names{"c"});
    CHECK(rest->is_truncated == false);
    CHECK_FALSE(rest->marker.has_value());
    for (const auto* marker : {"%%", ""}) CHECK(ask(marker, {}).error().code == "ValidationError");
}

TEST_CASE("a role as IAM shows it") {
    IamOperationsFixture fixture;
    identity::CreateRole request;
    request.account = fixture.root.principal.account;
    request.name = "r";
    request.trust_document =
        R"({"Version":"2012-10-17", "Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]})";
    const auto role = *fixture.directory->iam().create_role(request);
    const auto listed = services::iam::shown(*role, services::iam::Detail::list);
    CHECK(listed.assume_role_policy_document->starts_with("%7B%22Version%22%3A%222012-10-17%22%2C%20%22Statement%22"));
    CHECK_FALSE(listed.role_last_used.has_value());
    CHECK_FALSE(listed.description.has_value());
    CHECK(listed.create_date.time_since_epoch() % std::chrono::seconds(1) == std::chrono::milliseconds(0));
    const auto full = services::iam::shown(*role, services::iam::Detail::full);
    CHECK(full.role_last_used.has_value());
    CHECK_FALSE(full.tags.has_value());
}
