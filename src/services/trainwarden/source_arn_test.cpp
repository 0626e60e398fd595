// SageMaker's acts where a policy asks for the job that it acts for.
#include "services/trainwarden/source_arn.hpp"

#include <doctest/doctest.h>

namespace {

constexpr const char* account = "111122223333";

identity::Caller service(const std::string& name) {
    identity::Caller caller;
    caller.principal.kind = policy::PrincipalKind::service;
    caller.principal.service = name;
    caller.context.set("aws:SourceAccount", account);
    caller.context.set("aws:SourceArn", "arn:aws:sagemaker:us-east-1:111122223333:training-job/*");
    return caller;
}

gate::Access assume(const std::string& condition, const std::string& trusted = "sagemaker.amazonaws.com") {
    gate::Access access;
    access.action = "sts:AssumeRole";
    access.resource = "arn:aws:iam::111122223333:role/r";
    access.resource_account = account;
    const std::string document = R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":")" + trusted +
                                 R"("},"Action":"sts:AssumeRole","Condition":)" + condition + "}]}";
    access.resource_policy =
        policy::AttachedPolicy{policy::Policy::parse_stored(document, policy::PolicyKind::trust), "trust policy"};
    return access;
}

services::trainwarden::SupposedDecision ask(const gate::Access& access, const std::string& said = "",
                                            const std::string& who = "sagemaker.amazonaws.com") {
    gate::HypotheticalRequest supposed{.region = "us-east-1", .now = base::Time(std::chrono::hours(24 * 20000)), .said = {}};
    if (!said.empty()) supposed.said.set("aws:SourceArn", said);
    return services::trainwarden::decide_for(service(who), access, supposed, account);
}

bool allows(const audit::DecidedAccess& decided) { return decided.decision.outcome == policy::Outcome::allow; }

}  // namespace

TEST_CASE("what hangs on a job's ARN that nobody said is a refusal that names a job which is allowed and one which is not") {
    for (const char* condition :
         {R"({"ArnLike":{"aws:SourceArn":"arn:aws:sagemaker:us-east-1:111122223333:training-job/prod-*"}})",
          R"({"StringEquals":{"AWS:sourcearn":["arn:aws:sagemaker:us-east-1:111122223333:training-job/nightly"]}})",
          R"({"ArnNotLike":{"aws:SourceArn":"arn:aws:sagemaker:*:111122223333:training-job/dev-*"}})"}) {
        CAPTURE(condition);
        const auto decided = ask(assume(condition));
        REQUIRE(decided.hangs_on);
        CHECK_FALSE(allows(decided.decided));
        CHECK(allows(decided.if_it_holds));
        CHECK(decided.hangs_on->starts_with("allowed for arn:aws:sagemaker:us-east-1:111122223333:training-job/"));
        CHECK(decided.hangs_on->find("refused for arn:aws:sagemaker:us-east-1:111122223333:training-job/") != std::string::npos);
    }
}

TEST_CASE("what does not hang on it, or says it, is decided as it is") {
    const auto any_job = ask(assume(R"({"ArnLike":{"aws:SourceArn":"arn:aws:sagemaker:*:111122223333:training-job/*"}})"));
    CHECK(allows(any_job.decided));
    CHECK_FALSE(any_job.hangs_on);
    const auto elsewhere = ask(assume(R"({"ArnLike":{"aws:SourceArn":"arn:aws:sagemaker:*:444455556666:training-job/*"}})"));
    CHECK_FALSE(allows(elsewhere.decided));
    CHECK_FALSE(elsewhere.hangs_on);
    const auto prod = assume(R"({"ArnLike":{"aws:SourceArn":"arn:aws:sagemaker:us-east-1:111122223333:training-job/prod-*"}})");
    const auto said = ask(prod, "arn:aws:sagemaker:us-east-1:111122223333:training-job/prod-1");
    CHECK(allows(said.decided));
    CHECK_FALSE(said.hangs_on);
    CHECK_FALSE(allows(ask(prod, "arn:aws:sagemaker:us-east-1:111122223333:training-job/dev-1").decided));
    const auto other =
        ask(assume(R"({"StringEquals":{"aws:SourceAccount":"111122223333"}})", "ec2.amazonaws.com"), "", "ec2.amazonaws.com");
    CHECK(allows(other.decided));
    CHECK_FALSE(other.hangs_on);
}
