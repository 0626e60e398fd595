#include "training/scope.hpp"

#include <doctest/doctest.h>

#include "policy/evaluate.hpp"
#include "training/request_for_tests.hpp"
#include "training/stored_request.hpp"

namespace training {
namespace {

using text::Json;

struct Scoped {
    Job job;
    Plan planned;
    identity::LeasePtr lease;
};

Scoped scoped(const std::string& extra, std::vector<Share> shares = {}) {
    auto request = text::parse_json(R"({
        "AlgorithmSpecification": {"TrainingImage": "host/python3", "TrainingInputMode": "File", "ContainerEntrypoint": ["/bin/true"]},
        "RoleArn": "arn:aws:iam::111122223333:role/r",
        "InputDataConfig": [
            {"ChannelName": "all", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/all/"}}},
            {"ChannelName": "odd", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/what?*$/"}}},
            {"ChannelName": "variable", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/${aws:PrincipalArn}/"}}},
            {"ChannelName": "shards", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/shards/",
                "S3DataDistributionType": "ShardedByS3Key"}}},
            {"ChannelName": "listed", "DataSource": {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": "s3://data/the.manifest"}}}],
        "OutputDataConfig": {"S3OutputPath": "s3://out/models"},
        "CheckpointConfig": {"S3Uri": "s3://keep/run"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2}})");
    REQUIRE(request.has_value());
    if (!extra.empty()) request->set("Environment", Json::object({{"TRAINWARDEN_SCOPE", extra}}));
    Scoped made;
    made.job.id = {"111122223333", "us-east-1", "job"};
    made.job.request = keep(asked(*request));
    auto planned = plan(made.job.id, made.job.asked());
    REQUIRE(planned.has_value());
    made.planned = *planned;
    made.lease = worker_lease(made.job, made.planned, 0, std::move(shares));
    return made;
}

// May a session of a role that may do everything do this, with this lease?
bool may(const Scoped& scope, const std::string& action, const std::string& resource,
         const std::vector<std::pair<std::string, std::string>>& keys = {}) {
    policy::Request request;
    request.principal.kind = policy::PrincipalKind::role_session;
    request.principal.account = "111122223333";
    request.principal.arn = "arn:aws:sts::111122223333:assumed-role/r/SageMaker";
    request.principal.role_arn = "arn:aws:iam::111122223333:role/r";
    request.action = action;
    request.resource = resource;
    for (const auto& [key, value] : keys) request.context.set(key, value);
    if (scope.lease->describe) scope.lease->describe(resource, request.context);
    policy::PolicySet policies;
    policies.identity.push_back(
        {policy::Policy::parse_stored(R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}})",
                                      policy::PolicyKind::identity),
         "everything"});
    if (!scope.lease->session.empty()) policies.session = scope.lease->session;
    return policy::evaluate(request, policies).outcome == policy::Outcome::allow;
}

}  // namespace

TEST_CASE("the scope of a job's workers is valid IAM and says what the job names, nothing else") {
    Scoped scope = scoped("", {{"shards", {"data/shards/1", "data/shards/3"}}, {"listed", {"data/a", "data/deep/b"}}});
    auto strict = policy::Policy::parse(scope_policy(scope.job, scope.planned, 0), policy::PolicyKind::session);
    REQUIRE_MESSAGE(strict.has_value(), (strict ? "" : strict.error().describe()));

    struct Row {
        bool allowed;
        const char* action;
        const char* resource;
    };
    const Row rows[] = {
        {true, "s3:GetObject", "arn:aws:s3:::data/all/x"},
        {true, "s3:GetObject", "arn:aws:s3:::data/all/deep/x"},
        {false, "s3:GetObject", "arn:aws:s3:::data/other/x"},
        {false, "s3:GetObject", "arn:aws:s3:::data2/all/x"},
        {false, "s3:PutObject", "arn:aws:s3:::data/all/x"},
        {false, "s3:DeleteObject", "arn:aws:s3:::data/all/x"},
        {true, "s3:GetObject", "arn:aws:s3:::data/what?*$/x"},  // wildcards and variables in a key are letters
        {false, "s3:GetObject", "arn:aws:s3:::data/whatever/x"},
        {false, "s3:GetObject", "arn:aws:s3:::data/whatX$/x"},
        {false, "s3:GetObject", "arn:aws:s3:::data/what?XY$/x"},
        {true, "s3:GetObject", "arn:aws:s3:::data/${aws:PrincipalArn}/x"},
        {true, "s3:GetObject", "arn:aws:s3:::data/shards/1"},
        {true, "s3:GetObject", "arn:aws:s3:::data/shards/3"},
        {false, "s3:GetObject", "arn:aws:s3:::data/shards/2"},
        {false, "s3:GetObject", "arn:aws:s3:::data/shards/11"},
        {true, "s3:GetObject", "arn:aws:s3:::data/a"},
        {true, "s3:GetObject", "arn:aws:s3:::data/deep/b"},
        {true, "s3:GetObject", "arn:aws:s3:::data/the.manifest"},
        {false, "s3:GetObject", "arn:aws:s3:::data/deep/c"},
        {true, "s3:PutObject", "arn:aws:s3:::out/models/job/output/more"},
        {false, "s3:DeleteObject", "arn:aws:s3:::out/models/job/output/more"},
        {false, "s3:PutObjectAcl", "arn:aws:s3:::out/models/job/output/more"},
        {false, "s3:DeleteObject", "arn:aws:s3:::keep/run/epoch-1"},
        {false, "s3:PutObject", "arn:aws:s3:::out/models/job2/output/model.tar.gz"},
        {false, "s3:PutObject", "arn:aws:s3:::out/models/other"},
        {false, "s3:GetObject", "arn:aws:s3:::out/models/job/output/more"},
        {true, "s3:PutObject", "arn:aws:s3:::keep/run/epoch-1"},
        {true, "s3:GetObject", "arn:aws:s3:::keep/run/epoch-1"},
        {false, "s3:PutObject", "arn:aws:s3:::keep/run2/epoch-1"},
        {true, "logs:PutLogEvents",
         "arn:aws:logs:us-east-1:111122223333:log-group:/aws/sagemaker/TrainingJobs:log-stream:job/algo-1-1"},
        {false, "logs:PutLogEvents",
         "arn:aws:logs:us-east-1:111122223333:log-group:/aws/sagemaker/TrainingJobs:log-stream:job2/algo-1-1"},
        {false, "logs:GetLogEvents",
         "arn:aws:logs:us-east-1:111122223333:log-group:/aws/sagemaker/TrainingJobs:log-stream:job/algo-1-1"},
        {false, "sts:AssumeRole", "arn:aws:iam::111122223333:role/other"},
        {false, "iam:PassRole", "arn:aws:iam::111122223333:role/r"},
        {false, "sagemaker:CreateTrainingJob", "arn:aws:sagemaker:us-east-1:111122223333:training-job/job"},
        {false, "s3:ListAllMyBuckets", "*"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.action);
        CAPTURE(row.resource);
        CHECK(may(scope, row.action, row.resource) == row.allowed);
    }
    const std::string bucket = "arn:aws:s3:::data";
    CHECK(may(scope, "s3:ListBucket", bucket, {{"s3:prefix", "all/"}}));
    CHECK(may(scope, "s3:ListBucket", bucket, {{"s3:prefix", "all/deep/"}}));
    CHECK_FALSE(may(scope, "s3:ListBucket", bucket, {{"s3:prefix", ""}}));
    CHECK_FALSE(may(scope, "s3:ListBucket", bucket, {{"s3:prefix", "other/"}}));
    CHECK_FALSE(may(scope, "s3:ListBucket", bucket));
    CHECK_FALSE(may(scope, "s3:ListBucket", "arn:aws:s3:::keep", {{"s3:prefix", "all/"}}));
    CHECK(may(scope, "cloudwatch:PutMetricData", "*", {{"cloudwatch:namespace", "/aws/sagemaker/TrainingJobs"}}));
    CHECK_FALSE(may(scope, "cloudwatch:PutMetricData", "*", {{"cloudwatch:namespace", "AWS/Billing"}}));
}

TEST_CASE("without a share a worker reads nothing of a sharded channel") {
    Scoped scope = scoped("job");
    CHECK_FALSE(may(scope, "s3:GetObject", "arn:aws:s3:::data/shards/1"));
    // Nor does a key of that name help that comes from somewhere else than the lease.
    CHECK(may(scope, "s3:GetObject", "arn:aws:s3:::data/all/x", {{"trainwarden:Share", "other"}}));
    CHECK_FALSE(may(scope, "s3:GetObject", "arn:aws:s3:::data/shards/1", {{"trainwarden:Share", "other"}}));
}

TEST_CASE("a channel of other hosts is not read") {
    Scoped scope = scoped("job");
    scope.planned.channels.front().hosts = {1};
    scope.lease = worker_lease(scope.job, scope.planned, 1, {});
    CHECK(may(scope, "s3:GetObject", "arn:aws:s3:::data/all/x"));
    scope.lease = worker_lease(scope.job, scope.planned, 0, {});
    CHECK_FALSE(may(scope, "s3:GetObject", "arn:aws:s3:::data/all/x"));
    CHECK_FALSE(may(scope, "s3:ListBucket", "arn:aws:s3:::data", {{"s3:prefix", "all/"}}));
}

TEST_CASE("TRAINWARDEN_SCOPE=role does not cut") {
    Scoped scope = scoped("role");
    CHECK(scope.lease->session.empty());
    CHECK(may(scope, "s3:GetObject", "arn:aws:s3:::data/other/x"));
}

}  // namespace training
