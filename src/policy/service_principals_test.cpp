#include "policy/service_principals.hpp"

#include <doctest/doctest.h>

TEST_CASE("services that a policy can name") {
    for (const char* name : {"sagemaker.amazonaws.com",
                             "ec2.amazonaws.com",
                             "lambda.amazonaws.com",
                             "ecs-tasks.amazonaws.com",
                             "s3.amazonaws.com",
                             "logging.s3.amazonaws.com",
                             "delivery.logs.amazonaws.com",
                             "logs.us-east-1.amazonaws.com",
                             "vpc-flow-logs.amazonaws.com",
                             "states.ap-southeast-2.amazonaws.com",
                             "ec2.amazonaws.com.cn",
                             "edgelambda.amazonaws.com",
                             "spotfleet.amazonaws.com",
                             "codestar-notifications.amazonaws.com",
                             "events.amazonaws.com",
                             "cloudtrail.amazonaws.com",
                             "bedrock.amazonaws.com",
                             "elasticmapreduce.amazonaws.com",
                             "eks-fargate-pods.amazonaws.com",
                             "monitoring.amazonaws.com"})
        CHECK_MESSAGE(policy::service_principal_exists(name), name);
    for (const char* name :
         {"nosuch.amazonaws.com", "nosuchsvc.us-east-1.amazonaws.com", "Sagemaker.amazonaws.com", "s*.amazonaws.com",
          "s3.nosuch.amazonaws.com", ".s3.amazonaws.com", "us-east-1.amazonaws.com", "sagemaker", ".amazonaws.com",
          "amazonaws.com", "sagemaker.example.com", "sagemaker..amazonaws.com", ""})
        CHECK_MESSAGE(!policy::service_principal_exists(name), name);
}

TEST_CASE("a policy's first unknown service") {
    const auto trust = [](const std::string& services) {
        return policy::Policy::parse(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":)" +
                                         services + R"(},"Action":"sts:AssumeRole"}]})",
                                     policy::PolicyKind::trust)
            .value();
    };
    CHECK_FALSE(policy::unknown_service(*trust(R"("sagemaker.amazonaws.com")")));
    CHECK(policy::unknown_service(*trust(R"(["sagemaker.amazonaws.com","nosuch.amazonaws.com"])")) == "nosuch.amazonaws.com");
}
