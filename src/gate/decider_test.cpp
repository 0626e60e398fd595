// What services do on their own: decided as requests are, and recorded under the request that caused it.
#include "gate/decider.hpp"

#include <doctest/doctest.h>

#include "gate/records_for_tests.hpp"
#include "identity/iam_for_tests.hpp"
#include "policy/explain.hpp"

namespace {

using identity::AssumeRole;
using identity::IamFixture;
using identity::ServiceCall;

// Roles, as far as assuming them goes.
class Roles final : public gate::Resources {
public:
    base::Result<gate::ResourcePage> each_resource(const gate::ResourceQuery&) const override { return gate::ResourcePage{}; }
    uint64_t version() const override { return 0; }
    explicit Roles(identity::Directory& directory) : directory_(directory) {}
    base::Result<gate::Description> describe(const gate::Subject& subject) const override {
        gate::Description out{.arn = std::string(subject.text), .owner = std::string(subject.arn.account)};
        if (!subject.action.starts_with("sts:")) return out;
        static const auto nobody = policy::Policy::parse_stored(
            R"({"Statement":{"Effect":"Deny","Principal":"*","Action":"sts:NoSuchRole"}})", policy::PolicyKind::trust);
        const auto trust = directory_.trust_policy(out.arn);
        out.policy = trust ? *trust : policy::AttachedPolicy{nobody, "trust policy of " + out.arn};
        if (const auto role = directory_.role_caller(out.arn, "session"))
            for (const auto& [key, value] : role->tags) out.keys.set("aws:ResourceTag/" + key, value);
        return out;
    }

private:
    identity::Directory& directory_;
};

struct DeciderFixture : IamFixture {
    gate::MemoryLog log;
    gate::Describer describer;
    std::unique_ptr<gate::Decider> decider;
    DeciderFixture() {
        describer.add("iam", std::make_unique<Roles>(*directory));
        decider = std::make_unique<gate::Decider>(gate::DeciderDependencies{.describer = &describer,
                                                                            .directory = directory.get(),
                                                                            .audit = &log,
                                                                            .clock = &clock,
                                                                            .random = &random,
                                                                            .region = "us-east-1"});
    }
    ServiceCall sagemaker(const std::string& job = "one") {
        return {"sagemaker.amazonaws.com", "eu-west-1", account,
                "arn:aws:sagemaker:eu-west-1:" + account + ":training-job/" + job};
    }
};

AssumeRole asking_for(const std::string& role) {
    AssumeRole request;
    request.role_arn = role;
    request.session_name = "SageMaker";
    return request;
}

std::string code_of(const auto& result) { return result ? "" : result.error().code; }

}  // namespace

TEST_CASE("a service assumes a role only if the role trusts it, and either is on the record") {
    DeciderFixture fixture;
    const auto trusts = fixture.make_role("trainer");
    const auto not_trusting = fixture.make_role("other", fixture.trust_of("arn:aws:iam::" + fixture.account + ":root"));
    AssumeRole request = asking_for(trusts->arn);
    CHECK(fixture.decider->assume_role(fixture.sagemaker(), request, "RID").has_value());
    // MaxSessionDuration is for those who ask themselves, not for services.
    AssumeRole longer = request;
    longer.duration = std::chrono::hours(6);
    CHECK(fixture.decider->assume_role(fixture.sagemaker(), longer, "RID").has_value());
    CHECK(code_of(fixture.directory->assume_role(longer)) == "ValidationError");
    CHECK(code_of(fixture.decider->assume_role({"lambda.amazonaws.com", "eu-west-1", "", ""}, request, "RID")) == "AccessDenied");
    request.tags = {{"job", "one"}};
    CHECK(code_of(fixture.decider->assume_role(fixture.sagemaker(), request, "RID")) == "AccessDenied");
    request.tags.clear();
    request.role_arn = not_trusting->arn;
    CHECK(code_of(fixture.decider->assume_role(fixture.sagemaker(), request, "RID")) == "AccessDenied");
    request.role_arn += "x";
    CHECK(code_of(fixture.decider->assume_role(fixture.sagemaker(), request, "RID")) == "AccessDenied");

    REQUIRE(fixture.log.records.size() == 6);
    const audit::Record& allowed = fixture.log.records.front();
    CHECK(allowed.request_id == "RID");
    CHECK(allowed.service == "sts");
    CHECK(allowed.operation == "AssumeRole");
    CHECK(allowed.principal.service == "sagemaker.amazonaws.com");
    CHECK(allowed.error_code.empty());
    const auto asked = text::parse_json(allowed.parameters).value();
    CHECK(asked["RoleArn"].as_string() == trusts->arn);
    CHECK(asked["RoleSessionName"].as_string() == "SageMaker");
    REQUIRE(allowed.accesses.size() == 1);
    CHECK(allowed.accesses[0].request.action == "sts:AssumeRole");
    CHECK(allowed.accesses[0].request.resource == trusts->arn);
    REQUIRE(allowed.accesses[0].decision.because.size() == 1);
    CHECK(allowed.accesses[0].decision.because[0].policy_name == "trust policy of role trainer");
    const audit::Record& tagged = fixture.log.records[3];
    REQUIRE(tagged.accesses.size() == 2);
    CHECK(tagged.accesses[1].request.action == "sts:TagSession");
    CHECK(tagged.error_code == "AccessDenied");
    const audit::Record& refused = fixture.log.records[4];
    CHECK(policy::explanation_of(refused.accesses[0].request, refused.accesses[0].decision).reason ==
          "no role trust policy allows it to sagemaker.amazonaws.com");
}

TEST_CASE("a trust policy's conditions see the circumstances of a service's call") {
    DeciderFixture fixture;
    int number = 0;
    const auto trusted = [&](const std::string& condition) {
        const std::string trust =
            R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},)"
            R"("Action":"sts:AssumeRole","Condition":)" +
            condition + "}]}";
        const auto role = fixture.make_role("r" + std::to_string(++number), trust);
        return fixture.decider->assume_role(fixture.sagemaker(), asking_for(role->arn), "RID").has_value();
    };
    for (const char* holds :
         {R"({"DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}})",
          R"({"NumericGreaterThan":{"aws:EpochTime":"1577836800"}})", R"({"StringEquals":{"aws:RequestedRegion":"eu-west-1"}})",
          R"({"Bool":{"aws:PrincipalIsAWSService":"true"}})", R"({"Bool":{"aws:ViaAWSService":"false"}})",
          R"({"Bool":{"aws:SecureTransport":"true"}})",
          R"({"StringEquals":{"aws:PrincipalServiceName":"sagemaker.amazonaws.com"}})",
          R"({"ForAnyValue:StringEquals":{"aws:PrincipalServiceNamesList":"sagemaker.amazonaws.com"}})",
          R"({"StringEquals":{"aws:SourceAccount":"${aws:ResourceAccount}"}})",
          R"({"ArnLike":{"aws:SourceArn":"arn:aws:sagemaker:*:*:training-job/one"}})",
          R"({"StringEquals":{"sts:RoleSessionName":"SageMaker"}})"}) {
        CAPTURE(holds);
        CHECK(trusted(holds));
    }
    for (const char* fails :
         {R"({"DateLessThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}})",
          R"({"StringNotEquals":{"aws:RequestedRegion":"eu-west-1"}})", R"({"Bool":{"aws:PrincipalIsAWSService":"false"}})",
          R"({"StringEquals":{"aws:SourceAccount":"444455556666"}})",
          R"({"ArnLike":{"aws:SourceArn":"arn:aws:sagemaker:*:*:training-job/two"}})"}) {
        CAPTURE(fails);
        CHECK_FALSE(trusted(fails));
    }
}

TEST_CASE("what a service does for somebody is decided and recorded as that one's own request") {
    DeciderFixture fixture;
    fixture.make_user("ann");
    REQUIRE(fixture.iam()
                .put_inline_policy(
                    fixture.user("ann"), "passes",
                    R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":)"
                    R"({"StringEquals":{"iam:PassedToService":"sagemaker.amazonaws.com","aws:RequestedRegion":"eu-west-1"}}}})")
                .has_value());
    const auto ann = fixture.directory->user_caller("arn:aws:iam::" + fixture.account + ":user/ann");
    REQUIRE(ann.has_value());
    const auto role = fixture.make_role("trainer");
    policy::Context keys;
    keys.set("iam:PassedToService", "sagemaker.amazonaws.com");
    const gate::Act act{
        .request_id = "RID", .service = "trainwarden", .operation = "OpenSlurmSession", .region = "eu-west-1", .keys = {}};
    const auto passes = [&](const policy::Context& with, const gate::Act& as) -> base::Result<void> {
        return fixture.decider->act_for(TRY(gate::act_on(fixture.describer, *ann, "iam:PassRole", role->arn, with, as)));
    };
    CHECK(passes(keys, act).has_value());
    const auto refused = passes({}, act);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == "AccessDenied");
    CHECK(refused.error().message.find("is not authorized to perform: iam:PassRole on resource: " + role->arn) !=
          std::string::npos);
    REQUIRE(fixture.log.records.size() == 2);
    CHECK(fixture.log.records[0].operation == "OpenSlurmSession");
    CHECK(fixture.log.records[0].principal.arn == ann->principal.arn);
    CHECK(fixture.log.records[1].error_code == "AccessDenied");
    // An act that nothing caused has an id of its own; nothing is not an act.
    CHECK(passes(keys, {.service = "x", .operation = "y", .region = "eu-west-1"}).has_value());
    CHECK_FALSE(fixture.log.records[2].request_id.empty());
    CHECK_FALSE(fixture.decider->act_for({.caller = *ann, .accesses = {}, .act = act}).has_value());
    // What cannot be recorded is not done.
    fixture.log.broken = true;
    CHECK(code_of(passes(keys, act)) == "InternalFailure");
    CHECK(code_of(fixture.decider->assume_role(fixture.sagemaker(), asking_for(role->arn), "RID")) == "InternalFailure");
}

TEST_CASE("what a service would do is decided in advance as when it does it") {
    DeciderFixture fixture;
    const auto trusts = fixture.make_role("trainer");
    const auto other = fixture.make_role("other", fixture.trust_of("arn:aws:iam::" + fixture.account + ":root"));
    for (const std::string& arn : {trusts->arn, other->arn, trusts->arn + "x"})
        for (const bool tagged : {false, true}) {
            CAPTURE(arn);
            CAPTURE(tagged);
            AssumeRole request = asking_for(arn);
            if (tagged) request.tags = {{"job", "one"}};
            const auto act = gate::role_assumption(fixture.describer, fixture.sagemaker(), request);
            REQUIRE(act.has_value());
            const auto said = gate::decide_act(*act, "us-east-1", fixture.clock.now());
            const bool allowed =
                std::ranges::all_of(said, [](const auto& one) { return one.decision.outcome == policy::Outcome::allow; });
            fixture.log.records.clear();
            CHECK(fixture.decider->assume_role(fixture.sagemaker(), request, "RID").has_value() == allowed);
            REQUIRE(fixture.log.records.size() == 1);
            const auto& recorded = fixture.log.records[0].accesses;
            REQUIRE(recorded.size() == said.size());
            for (size_t i = 0; i < said.size(); ++i) {
                CHECK(recorded[i].request.action == said[i].request.action);
                CHECK(recorded[i].decision.outcome == said[i].decision.outcome);
            }
        }
    CHECK(fixture.log.records.size() == 1);  // questions leave no record
}
