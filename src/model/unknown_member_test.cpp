#include "model/unknown_member.hpp"

#include <doctest/doctest.h>

#include "model/services.hpp"

namespace {

std::string found(std::string_view service, std::string_view operation, const char* document) {
    const auto one = model::unknown_member(*model::find_operation(service, operation)->input, text::parse_json(document).value());
    return one ? one->place + ":" + one->name + ":" + one->nearest : "";
}

}  // namespace

TEST_CASE("a member that a document's shape does not have is found, wherever it stands") {
    CHECK(found("iam", "CreateUser", R"({"UserName":"ada","Tags":[{"Key":"k","Value":"v"}]})").empty());
    CHECK(found("iam", "CreateUser", R"({"UserName":"ada","Tag":[]})") == ":Tag:Tags");
    CHECK(
        found("iam", "CreateUser", R"({"Tags":[{"Key":"k","Value":"v"},{"Key":"k","Worth":"v"}]})").starts_with("Tags.2:Worth:"));
    CHECK(found("sagemaker", "CreateTrainingJob",
                R"({"Environment":{"any":"key"},"StoppingCondition":{"MaxRuntimeInSecond":1}})") ==
          "StoppingCondition:MaxRuntimeInSecond:MaxRuntimeInSeconds");
    CHECK(found("s3", "PutObject", R"({"Bucket":"b","Key":"k","Body":"x","ACL":"private"})").empty());
    CHECK(found("s3", "PutObject", R"({"Bucket":"b","Key":"k","Acl":"private"})").starts_with(":Acl:"));
    // What has another type than its shape is told where it is read.
    CHECK(found("iam", "CreateUser", R"({"UserName":{"Name":"ada"},"Tags":"none"})").empty());
    CHECK(found("iam", "CreateUser", "[]").empty());
}
