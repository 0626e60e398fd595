#include "model/broken_places.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "model/services.hpp"

using text::Json;

namespace {

std::vector<std::string> places(std::string_view service, std::string_view operation, const char* document) {
    return model::broken_places(*model::find_operation(service, operation)->input, text::parse_json(document).value());
}
using Places = std::vector<std::string>;

}  // namespace

TEST_CASE("the places of values that break a constraint are named as AWS's sentences name them") {
    CHECK(places("iam", "CreateUser", R"({"UserName":"ada"})") == Places{});
    CHECK(places("iam", "CreateUser", R"({"UserName":"a b"})") == Places{"userName"});
    CHECK(places("iam", "CreateUser", "{}") == Places{"userName"});
    CHECK(places("iam", "CreateUser",
                 R"({"UserName":"ada","Tags":[{"Key":"k","Value":"v"},{"Key":"","Value":"v"},{"Value":"v"}]})") ==
          Places{"tags.2.member.key", "tags.3.member.key"});
    CHECK(places("iam", "CreateRole", R"({"RoleName":"r","AssumeRolePolicyDocument":"{}","MaxSessionDuration":5})") ==
          Places{"maxSessionDuration"});
    // Of lists and maps of scalars, the list and the map.
    const std::string key = std::string(600, 'K');
    const std::string job =
        R"({"TrainingJobName":"j","RoleArn":"arn:aws:iam::111122223333:role/trainer","Environment":{")" + key + R"(":"hush"}})";
    const Places found = places("sagemaker", "CreateTrainingJob", job.c_str());
    CHECK(std::ranges::find(found, "environment") != found.end());
    CHECK(std::ranges::find(found, "trainingJobName") == found.end());
    // A wrong type is another error.
    CHECK(places("iam", "CreateUser", R"({"UserName":5,"Tags":"x"})") == Places{});
}
