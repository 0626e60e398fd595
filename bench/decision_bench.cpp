// How long one decision takes, on the reference scenario: a role session with AmazonSageMakerFullAccess-like identity policies, a
// bucket policy of 20 statements, a permissions boundary, a session policy, four levels of service control policies, ten context
// keys.
//
// Prints google-benchmark's table; `bench/run.py` reads the JSON form.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "policy/evaluate.hpp"

namespace {

policy::PolicyPtr parsed(const std::string& json, policy::PolicyKind kind) {
    auto got = policy::Policy::parse(json, kind);
    if (!got) {
        std::fprintf(stderr, "%s\n%s\n", got.error().describe().c_str(), json.c_str());
        std::exit(1);
    }
    return *got;
}

std::string document(const std::string& statements) { return R"({"Version":"2012-10-17","Statement":[)" + statements + "]}"; }

std::string identity_policy(int statements) {
    std::string all;
    for (int i = 0; i < statements; ++i) {
        if (i) all += ',';
        all += R"({"Effect":"Allow","Action":["sagemaker:*","logs:Put*","s3:ListBucket"],"Resource":"arn:aws:s3:::other-)" +
               std::to_string(i) + R"(-*"})";
    }
    all +=
        R"(,{"Sid":"Data","Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":["arn:aws:s3:::*SageMaker*","arn:aws:s3:::ml-data-*/train/*"]})";
    return document(all);
}

std::string bucket_policy() {
    std::string all;
    for (int i = 0; i < 20; ++i) {
        if (i) all += ',';
        all += R"({"Sid":"S)" + std::to_string(i) + R"(","Effect":")" + (i % 4 == 0 ? "Deny" : "Allow") +
               R"(","Principal":{"AWS":"arn:aws:iam::111122223333:role/team-)" + std::to_string(i) +
               R"("},"Action":"s3:*Object","Resource":"arn:aws:s3:::ml-data-1234567/team-)" + std::to_string(i) +
               R"(/*","Condition":{"StringLike":{"aws:PrincipalTag/team":"team-?)" + std::to_string(i) +
               R"("},"Bool":{"aws:SecureTransport":"true"}}})";
    }
    return document(all);
}

struct Scenario {
    policy::Request request;
    policy::PolicySet policies;

    explicit Scenario(int identity_statements) {
        using policy::PolicyKind;
        auto& principal = request.principal;
        principal.kind = policy::PrincipalKind::role_session;
        principal.account = "111122223333";
        principal.arn = "arn:aws:sts::111122223333:assumed-role/trainer/SageMaker";
        principal.role_arn = "arn:aws:iam::111122223333:role/trainer";
        principal.unique_id = "AROAEXAMPLEEXAMPLE123:SageMaker";
        principal.role_id = "AROAEXAMPLEEXAMPLE123";
        request.action = "s3:GetObject";
        request.resource = "arn:aws:s3:::ml-data-1234567/train/shard-00017.tar";
        request.resource_account = "111122223333";
        for (const auto& [key, value] : std::initializer_list<std::pair<const char*, const char*>>{
                 {"aws:PrincipalArn", "arn:aws:iam::111122223333:role/trainer"},
                 {"aws:PrincipalAccount", "111122223333"},
                 {"aws:userid", "AROAEXAMPLEEXAMPLE123:SageMaker"},
                 {"aws:SourceIp", "10.1.2.3"},
                 {"aws:SecureTransport", "true"},
                 {"aws:CurrentTime", "2026-01-31T12:00:00Z"},
                 {"aws:EpochTime", "1769860800"},
                 {"aws:UserAgent", "Boto3/1.44"},
                 {"aws:RequestedRegion", "us-east-1"},
                 {"aws:PrincipalTag/team", "vision"}})
            request.context.set(key, value);
        policies.identity.push_back({parsed(identity_policy(identity_statements), PolicyKind::identity), "identity"});
        policies.boundary = policy::AttachedPolicy{
            parsed(document(R"({"Effect":"Allow","Action":["s3:*","logs:*","sagemaker:*"],"Resource":"*"})"),
                   PolicyKind::identity),
            "boundary"};
        policies.session = std::vector<policy::AttachedPolicy>{
            {parsed(
                 document(
                     R"({"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":["arn:aws:s3:::ml-data-*","arn:aws:s3:::ml-data-*/*"]})"),
                 PolicyKind::session),
             "session"}};
        for (int level = 0; level < 4; ++level)
            policies.service_control.push_back(
                {{parsed(
                      document(
                          R"({"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":["iam:*","organizations:*"],"Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalTag/team":"platform"}}})"),
                      PolicyKind::service_control),
                  "scp"}});
        policies.resource = policy::AttachedPolicy{parsed(bucket_policy(), PolicyKind::resource), "bucket policy"};
    }
};

void decide(benchmark::State& state) {
    const Scenario scenario(static_cast<int>(state.range(0)));
    const policy::Question question(scenario.request);
    if (policy::decide(question, scenario.policies).outcome != policy::Outcome::allow) {
        state.SkipWithError("the scenario must be allowed");
        return;
    }
    for (auto _ : state) benchmark::DoNotOptimize(policy::decide(question, scenario.policies));
}
BENCHMARK(decide)->Arg(10)->Arg(100)->Arg(1000)->Arg(10000)->ArgName("identity_statements");

void prepare(benchmark::State& state) {
    const Scenario scenario(10);
    for (auto _ : state) {
        const policy::Question question(scenario.request);
        benchmark::DoNotOptimize(question.facts.key);
    }
}
BENCHMARK(prepare);

void decide_and_explain(benchmark::State& state) {
    const Scenario scenario(static_cast<int>(state.range(0)));
    for (auto _ : state) benchmark::DoNotOptimize(policy::evaluate(scenario.request, scenario.policies));
}
BENCHMARK(decide_and_explain)->Arg(10)->Arg(1000)->ArgName("identity_statements");

void compile(benchmark::State& state) {
    const auto json = bucket_policy();
    for (auto _ : state) benchmark::DoNotOptimize(policy::Policy::parse(json, policy::PolicyKind::resource));
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * json.size()));
}
BENCHMARK(compile);

}  // namespace

BENCHMARK_MAIN();
