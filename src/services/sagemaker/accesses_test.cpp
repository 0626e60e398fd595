// What each call asks for: models/sagemaker.yaml with its value functions, as the gate runs it.
#include <doctest/doctest.h>

#include "gate/access_rules.hpp"
#include "model/json.hpp"
#include "model/sagemaker/tags.hpp"
#include "model/sagemaker/training_jobs.hpp"
#include "services/sagemaker/resources.hpp"
#include "text/json.hpp"

namespace {

namespace m = model::sagemaker;

constexpr const char* job = "arn:aws:sagemaker:us-east-1:111122223333:training-job/job";
constexpr const char* role = "arn:aws:iam::111122223333:role/path/r";

template <class Operation>
base::Result<std::vector<gate::Access>> ask(const text::Json& document) {
    static const gate::Describer nothing_known;
    identity::Caller caller;
    caller.principal.kind = policy::PrincipalKind::user;
    caller.principal.account = "111122223333";
    caller.principal.arn = "arn:aws:iam::111122223333:user/ada";
    typename Operation::Input input{};
    REQUIRE(model::read_document(Operation::operation, document, &input));
    auto ruled = gate::accesses_by_rules(Operation::operation, &input, {caller, "us-east-1", nothing_known},
                                         services::sagemaker::value_functions().list());
    if (!ruled) return base::fail(std::move(ruled).error());
    return std::move(ruled->accesses);
}

text::Json create_request(std::string_view more = "{}") {
    auto request = text::parse_json(
        R"({"TrainingJobName":"job","RoleArn":"arn:aws:iam::111122223333:role/path/r","OutputDataConfig":{"S3OutputPath":"s3://b/o"}})");
    const auto added = text::parse_json(more);
    REQUIRE(request);
    REQUIRE(added);
    for (const auto& [member, value] : added->members()) request->set(member, value);
    return *request;
}

std::vector<gate::Access> create_accesses(std::string_view more = "{}") {
    auto accesses = ask<m::CreateTrainingJob>(create_request(more));
    REQUIRE_MESSAGE(accesses.has_value(), (accesses ? "" : accesses.error().describe()));
    return *accesses;
}

// `a, b`; `-`: the key is absent.
std::string key(const gate::Access& access, std::string_view name) {
    const auto* const entry = access.context.find(name);
    if (entry == nullptr) return "-";
    std::string out;
    for (const auto& value : entry->values) out += (out.empty() ? "" : ", ") + value;
    return out;
}

template <class Operation>
std::string refusal(const text::Json& document) {
    const auto accesses = ask<Operation>(document);
    return accesses ? "" : accesses.error().code + ": " + accesses.error().message;
}

text::Json tagging(const std::string& arn) {
    return text::Json::object({{"ResourceArn", arn}, {"Tags", text::Json::array()}, {"TagKeys", text::Json::array({"k"})}});
}

}  // namespace

TEST_CASE("CreateTrainingJob asks for the job and for passing its role") {
    const auto accesses = create_accesses();
    REQUIRE(accesses.size() == 2);
    CHECK(accesses[0].action == "sagemaker:CreateTrainingJob");
    CHECK(accesses[0].resource == job);
    CHECK(accesses[1].action == "iam:PassRole");
    CHECK(accesses[1].resource == role);
    CHECK(key(accesses[1], "iam:PassedToService") == "sagemaker.amazonaws.com");
    CHECK(key(accesses[1], "iam:AssociatedResourceArn") == job);
    for (const auto& access : accesses) CHECK(key(access, "trainwarden:TrainingScope") == "job");
    // Flags are there when the request says nothing, so that Bool conditions hold; others are not, so that Null conditions do.
    for (const char* flag : {"NetworkIsolation", "InterContainerTrafficEncryption", "EnableRemoteDebug"})
        CHECK(key(accesses[0], std::string("sagemaker:") + flag) == "false");
    for (const char* name : {"InstanceTypes", "KeepAlivePeriod", "MaxRuntimeInSeconds", "VolumeKmsKey", "VolumeKmsKeyArn",
                             "OutputKmsKey", "VpcSubnets", "VpcSecurityGroupIds", "FileSystemId"})
        CHECK(key(accesses[0], std::string("sagemaker:") + name) == "-");
    CHECK(key(accesses[0], "aws:TagKeys") == "-");
}

TEST_CASE("CreateTrainingJob: condition keys from the request") {
    const auto accesses = create_accesses(R"({
        "EnableNetworkIsolation":true,"EnableInterContainerTrafficEncryption":true,"RemoteDebugConfig":{"EnableRemoteDebug":true},
        "ResourceConfig":{"VolumeKmsKeyId":"alias/k","KeepAlivePeriodInSeconds":60,
            "InstanceGroups":[{"InstanceType":"ml.m5.large","InstanceCount":1,"InstanceGroupName":"a"},
                              {"InstanceType":"ml.p3.2xlarge","InstanceCount":1,"InstanceGroupName":"b"}]},
        "OutputDataConfig":{"S3OutputPath":"s3://b/o","KmsKeyId":"1234"},"StoppingCondition":{"MaxRuntimeInSeconds":300},
        "VpcConfig":{"SecurityGroupIds":["sg-1"],"Subnets":["s-1","s-2"]},"Environment":{"TRAINWARDEN_SCOPE":"role"},
        "InputDataConfig":[{"ChannelName":"c","DataSource":{"FileSystemDataSource":{"FileSystemId":"fs-12345678901",
            "FileSystemAccessMode":"ro","FileSystemType":"FSxLustre","DirectoryPath":"/d"}}}]})");
    REQUIRE(accesses.size() == 2);
    const auto said = [&](const char* name) { return key(accesses[0], name); };
    CHECK(said("sagemaker:NetworkIsolation") == "true");
    CHECK(said("sagemaker:InterContainerTrafficEncryption") == "true");
    CHECK(said("sagemaker:EnableRemoteDebug") == "true");
    CHECK(said("sagemaker:InstanceTypes") == "ml.m5.large, ml.p3.2xlarge");
    CHECK(said("sagemaker:KeepAlivePeriod") == "60");
    CHECK(said("sagemaker:MaxRuntimeInSeconds") == "300");
    CHECK(said("sagemaker:VolumeKmsKeyArn") == "arn:aws:kms:us-east-1:111122223333:alias/k");
    CHECK(said("sagemaker:VolumeKmsKey") == "arn:aws:kms:us-east-1:111122223333:alias/k");
    CHECK(said("sagemaker:OutputKmsKeyArn") == "arn:aws:kms:us-east-1:111122223333:key/1234");
    CHECK(said("sagemaker:VpcSubnets") == "s-1, s-2");
    CHECK(said("sagemaker:VpcSecurityGroupIds") == "sg-1");
    CHECK(said("sagemaker:FileSystemId") == "fs-12345678901");
    CHECK(said("sagemaker:FileSystemAccessMode") == "ro");
    CHECK(said("sagemaker:FileSystemType") == "FSxLustre");
    CHECK(said("sagemaker:FileSystemDirectoryPath") == "/d");
    for (const auto& access : accesses) CHECK(key(access, "trainwarden:TrainingScope") == "role");
}

TEST_CASE("CreateTrainingJob: a scope that there is not is no condition key's value") {
    const auto accesses = create_accesses(R"({"Environment":{"TRAINWARDEN_SCOPE":"secret text"}})");
    for (const auto& access : accesses) CHECK(key(access, "trainwarden:TrainingScope") == "invalid");
}

TEST_CASE("CreateTrainingJob: tags need an access of their own") {
    const auto accesses = create_accesses(R"({"Tags":[{"Key":"team","Value":"vision"},{"Key":"b","Value":""}]})");
    REQUIRE(accesses.size() == 3);
    CHECK(accesses[2].action == "sagemaker:AddTags");
    CHECK(accesses[2].resource == job);
    CHECK(key(accesses[2], "sagemaker:TaggingAction") == "CreateTrainingJob");
    CHECK(key(accesses[2], "sagemaker:NetworkIsolation") == "-");
    for (const size_t i : {size_t{0}, size_t{2}}) {
        CHECK(key(accesses[i], "aws:RequestTag/team") == "vision");
        CHECK(key(accesses[i], "aws:TagKeys") == "team, b");
    }
    CHECK(key(accesses[1], "aws:RequestTag/team") == "-");
    CHECK(create_accesses(R"({"Tags":[]})").size() == 2);
}

TEST_CASE("CreateTrainingJob: roles that are none, and another account's") {
    // What the model's pattern lets pass.
    auto elsewhere = create_request();
    elsewhere.set("RoleArn", "arn:aws-cn:iam::111122223333:role/r");
    CHECK(refusal<m::CreateTrainingJob>(elsewhere) ==
          "ValidationException: RoleArn `arn:aws-cn:iam::111122223333:role/r` is not the ARN of a role");
    auto request = create_request();
    request.set("RoleArn", "arn:aws:iam::999988887777:role/r");
    CHECK(refusal<m::CreateTrainingJob>(request) == "ValidationException: Cross-account pass role is not allowed.");
}

TEST_CASE("tagging: an ARN of this region and account, of a training job") {
    const auto accesses = ask<m::AddTags>(text::Json::object(
        {{"ResourceArn", job}, {"Tags", text::Json::array({text::Json::object({{"Key", "k"}, {"Value", "v"}})})}}));
    REQUIRE(accesses.has_value());
    REQUIRE(accesses->size() == 1);
    CHECK(accesses->front().action == "sagemaker:AddTags");
    CHECK(accesses->front().resource == job);
    CHECK(key(accesses->front(), "aws:RequestTag/k") == "v");
    CHECK(key(ask<m::DeleteTags>(tagging(job))->front(), "aws:TagKeys") == "k");
    CHECK(ask<m::ListTags>(tagging(job))->front().action == "sagemaker:ListTags");
    const std::pair<const char*, const char*> refused[] = {
        {"arn:aws:sagemaker:eu-west-1:111122223333:training-job/job",
         "ValidationException: The resource arn:aws:sagemaker:eu-west-1"},
        {"arn:aws:sagemaker:us-east-1:999988887777:training-job/job", "AccessDenied: The resource"},
        {"arn:aws:sagemaker:us-east-1:111122223333:model/job", "ValidationException: The resource"},
    };
    for (const auto& [arn, told] : refused) {
        CAPTURE(arn);
        CHECK(refusal<m::ListTags>(tagging(arn)).starts_with(told));
    }
}

TEST_CASE("UpdateTrainingJob: only what it changes") {
    auto accesses = ask<m::UpdateTrainingJob>(*text::parse_json(R"({"TrainingJobName":"job"})"));
    REQUIRE(accesses.has_value());
    CHECK(accesses->front().resource == job);
    CHECK(key(accesses->front(), "sagemaker:EnableRemoteDebug") == "-");
    CHECK(key(accesses->front(), "sagemaker:KeepAlivePeriod") == "-");
    accesses = ask<m::UpdateTrainingJob>(*text::parse_json(
        R"({"TrainingJobName":"job","RemoteDebugConfig":{"EnableRemoteDebug":false},"ResourceConfig":{"KeepAlivePeriodInSeconds":60}})"));
    CHECK(key(accesses->front(), "sagemaker:EnableRemoteDebug") == "false");
    CHECK(key(accesses->front(), "sagemaker:KeepAlivePeriod") == "60");
}
