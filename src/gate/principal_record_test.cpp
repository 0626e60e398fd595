// What a role did, read back from a log.
#include "gate/principal_record.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "gate/gate.hpp"
#include "log_fixture.hpp"

namespace {

constexpr const char* role_arn = "arn:aws:iam::111122223333:role/trainer";

// Objects of a bucket with a policy that asks for the client's address.
class Buckets final : public gate::Resources {
public:
    base::Result<gate::ResourcePage> each_resource(const gate::ResourceQuery&) const override { return gate::ResourcePage{}; }
    uint64_t version() const override { return 1; }
    base::Result<gate::Description> describe(const gate::Subject& subject) const override {
        gate::Description out{.arn = std::string(subject.text), .existence = gate::Existence::there, .owner = "111122223333"};
        if (subject.arn.resource.starts_with("gone")) out.existence = gate::Existence::absent;
        if (subject.arn.resource.starts_with("shared"))
            out.policy = policy::AttachedPolicy{
                policy::Policy::parse(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*",
                    "Resource":"arn:aws:s3:::shared/*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]})",
                                      policy::PolicyKind::resource)
                    .value(),
                "bucket policy of shared"};
        return out;
    }
};

struct PrincipalRecordFixture : audit_test::Fixture {
    PrincipalRecordFixture() { describer.add("s3", std::make_unique<Buckets>()); }

    audit::Record record(const std::string& id, const std::string& action, const std::string& resource) {
        audit::Record out = audit_test::allowed(id);
        out.time = clock.now();
        out.principal = {.kind = policy::PrincipalKind::role_session,
                         .account = "111122223333",
                         .arn = "arn:aws:sts::111122223333:assumed-role/trainer/SageMaker",
                         .unique_id = "AROATRAINER:SageMaker",
                         .role_arn = role_arn,
                         .role_id = "AROATRAINER"};
        out.accesses.front().request.action = action;
        out.accesses.front().request.resource = resource;
        out.accesses.front().request.resource_account = "111122223333";
        return out;
    }
    void write(audit::Record record) {
        clock.advance(std::chrono::milliseconds(10));
        record.time = clock.now();
        const bool refused = record.accesses.front().decision.outcome != policy::Outcome::allow;
        if (refused) {
            record.error_code = "AccessDenied";
            record.status = 403;
            REQUIRE(log->append(record).has_value());
            return;
        }
        auto pending = log->decided(record);
        REQUIRE(pending.has_value());
        REQUIRE(log->answered(std::move(*pending), {.time = clock.now(), .status = 200}).has_value());
    }
    gate::PrincipalRecord read(std::set<std::string> keys = {}, std::optional<base::Time> since = std::nullopt,
                               const std::string& id = "AROATRAINER") {
        return gate::read_principal_record(*log, describer, {.arn = role_arn, .id = id, .keys = std::move(keys)}, since,
                                           std::nullopt)
            .value();
    }

    gate::Describer describer;
    std::unique_ptr<audit::Log> log = open();
};

}  // namespace

TEST_CASE("what a role was allowed is read back as it was asked") {
    PrincipalRecordFixture fixture;
    auto one = fixture.record("1", "s3:GetObject", "arn:aws:s3:::data/a");
    one.accesses.front().request.context.set("s3:prefix", "x");
    one.accesses.front().request.context.set_list("aws:TagKeys", {"team"});
    fixture.write(one);
    auto refused = fixture.record("2", "s3:PutObject", "arn:aws:s3:::data/a");
    refused.accesses.front().decision.outcome = policy::Outcome::implicit_deny;
    fixture.write(refused);
    auto former = fixture.record("3", "s3:PutObject", "arn:aws:s3:::data/a");
    former.principal.unique_id = "AROAFORMER:SageMaker";
    fixture.write(former);
    auto other = fixture.record("4", "s3:PutObject", "arn:aws:s3:::data/a");
    other.principal.role_arn = "arn:aws:iam::111122223333:role/other";
    other.principal.role_id = "AROAOTHER";
    other.principal.unique_id = "AROAOTHER:SageMaker";
    fixture.write(other);
    const auto read = fixture.read();
    CHECK(read.requests == 1);
    CHECK(read.unreadable == 0);
    CHECK(read.first == read.last);
    CHECK(read.begins == read.first);
    REQUIRE(read.accesses.size() == 1);
    const policy::Request& request = read.accesses.front().request;
    CHECK(request.action == "s3:GetObject");
    CHECK(request.principal.role_arn == role_arn);
    CHECK(request.principal.role_id == "AROATRAINER");
    CHECK(request.resource_account == "111122223333");
    REQUIRE(request.context.find("s3:prefix") != nullptr);
    CHECK(!request.context.find("s3:prefix")->multivalued);
    // Whoever had its name before is another role.
    CHECK(fixture.read({}, std::nullopt, "AROAFORMER").accesses.size() == 1);
    // A list stays one, though it has one value.
    REQUIRE(request.context.find("aws:TagKeys") != nullptr);
    CHECK(request.context.find("aws:TagKeys")->multivalued);
}

TEST_CASE("what a user was allowed is read back under each name that it had") {
    PrincipalRecordFixture fixture;
    for (const char* name : {"ada", "lovelace"}) {
        auto one = fixture.record("1", "s3:GetObject", std::string("arn:aws:s3:::data/") + name);
        one.principal = audit_test::allowed("1").principal;
        one.principal.arn = std::string("arn:aws:iam::111122223333:user/") + name;
        one.principal.unique_id = "AIDAADA";
        fixture.write(one);
    }
    const auto read = gate::read_principal_record(*fixture.log, fixture.describer,
                                                  {.arn = "arn:aws:iam::111122223333:user/lovelace", .id = "AIDAADA"},
                                                  std::nullopt, std::nullopt);
    REQUIRE(read);
    REQUIRE(read->accesses.size() == 2);
    for (const auto& one : read->accesses) {
        CHECK(one.request.principal.kind == policy::PrincipalKind::user);
        CHECK(one.request.principal.user_arn == one.request.principal.arn);
        CHECK(one.request.principal.role_id.empty());
    }
}

TEST_CASE("accesses that no policy tells apart are one") {
    PrincipalRecordFixture fixture;
    for (const char* address : {"10.0.0.1", "10.0.0.2", "10.0.0.2"})
        for (const char* bucket : {"data", "shared", "gone"}) {
            auto one = fixture.record("1", "s3:GetObject", std::string("arn:aws:s3:::") + bucket + "/a");
            one.accesses.front().request.context.set("aws:SourceIp", address);
            fixture.write(one);
        }
    // The policy of `shared` asks for the address; the role's do not.
    const auto read = fixture.read();
    CHECK(read.requests == 9);
    CHECK(read.accesses.size() == 4);
    const auto of_bucket = [&](const char* bucket) {
        return std::ranges::count_if(read.accesses, [&](const auto& one) { return one.request.resource.contains(bucket); });
    };
    CHECK(of_bucket("shared") == 2);
    for (const auto& one : read.accesses) CHECK(one.resource_policy.has_value() == one.request.resource.contains("shared"));
    CHECK(fixture.read({"aws:sourceip"}).accesses.size() == 6);
    CHECK(fixture.read({}, fixture.clock.now() + std::chrono::seconds(1)).requests == 0);
}

TEST_CASE("jobs are those that the role was passed to") {
    PrincipalRecordFixture fixture;
    const std::string arn = "arn:aws:sagemaker:us-east-1:111122223333:training-job/";
    const auto pass = [&](const std::string& to, const std::string& passed) {
        auto out = fixture.record("1", "iam:PassRole", passed);
        out.principal = audit_test::allowed("1").principal;
        out.accesses.front().request.context.set("iam:AssociatedResourceArn", to);
        return out;
    };
    fixture.write(pass(arn + "one", role_arn));
    fixture.write(pass(arn + "two", role_arn));
    fixture.write(pass(arn + "of-another-role", "arn:aws:iam::111122223333:role/other"));
    fixture.write(pass("arn:aws:sagemaker:us-east-1:111122223333:model/m", role_arn));
    auto refused = pass(arn + "refused", role_arn);
    refused.accesses.front().decision.outcome = policy::Outcome::implicit_deny;
    fixture.write(refused);
    CHECK(fixture.read().job_arns == std::set<std::string>{arn + "one", arn + "two"});
    CHECK(fixture.read().jobs == std::set<std::string>{"one", "two"});
}

TEST_CASE("changes of policies, newest first, of those that were answered") {
    PrincipalRecordFixture fixture;
    const auto change = [&](const std::string& id, const std::string& action, const std::string& resource, int status = 200) {
        auto record = fixture.record(id, action, resource);
        record.operation = action.substr(action.find(':') + 1);
        record.service = action.substr(0, action.find(':'));
        fixture.clock.advance(std::chrono::milliseconds(10));
        record.time = fixture.clock.now();
        auto pending = fixture.log->decided(record);
        REQUIRE(pending.has_value());
        REQUIRE(fixture.log->answered(std::move(*pending), {.time = fixture.clock.now(), .status = status}).has_value());
    };
    change("1", "iam:AttachRolePolicy", role_arn);
    const base::Time then = fixture.clock.now() + std::chrono::milliseconds(1);
    change("2", "iam:DetachRolePolicy", role_arn);
    change("3", "iam:GetRole", role_arn);
    change("4", "iam:PutRolePolicy", "arn:aws:iam::111122223333:role/other");
    change("5", "iam:DeleteRolePolicy", role_arn, 404);
    change("6", "s3:PutBucketPolicy", "arn:aws:s3:::data");
    const auto ids = [&](size_t most) {
        std::string out;
        for (const auto& one : gate::policy_changes(*fixture.log, {role_arn, "arn:aws:s3:::data"}, then, most).value())
            out += one.request_id + " " + one.action + " " + one.resource + "; ";
        return out;
    };
    const std::string newest = "6 s3:PutBucketPolicy arn:aws:s3:::data; ";
    CHECK(ids(20) == newest + "2 iam:DetachRolePolicy " + role_arn + "; ");
    CHECK(ids(1) == newest);
}
