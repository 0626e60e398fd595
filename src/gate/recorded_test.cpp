#include "gate/recorded.hpp"

#include <doctest/doctest.h>

#include "model/services.hpp"

using base::Error;
using gate::recorded_message;
using gate::recorded_parameters;
using text::Json;

TEST_CASE("a constraint that does not hold is recorded by its place, whatever the value and the message say") {
    const auto* job = model::find_operation("sagemaker", "CreateTrainingJob");
    const Json asked =
        Json::object({{"TrainingJobName", "a b"}, {"Environment", Json::object({{std::string(600, 'K'), "hush"}})}});
    const Error environment(
        "ValidationException",
        "1 validation error detected: Value '{PASSWORD=hush' at 'x' failed to satisfy constraint: hush}' at 'environment' "
        "failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 512]");
    const std::string kept = recorded_message(environment, job, asked);
    CHECK(kept.starts_with("values fail to satisfy their constraints at trainingJobName, "));
    CHECK(kept.find("environment") != std::string::npos);
    CHECK(kept.find("hush") == std::string::npos);
    const Error two("ValidationError", "2 validation errors detected: in whatever words");
    const Json tags = Json::array({Json::object({{"Key", "k"}, {"Value", "v"}}), Json::object({{"Value", "v"}})});
    CHECK(recorded_message(two, model::find_operation("iam", "CreateRole"),
                           Json::object({{"RoleName", "a b"}, {"AssumeRolePolicyDocument", "{}"}, {"Tags", tags}})) ==
          "values fail to satisfy their constraints at roleName, tags.2.member.key");
    // What a service finds wrong with values that hold the model's constraints, it says itself; an error of another code, too.
    const Json good = Json::object({{"RoleName", "r"}, {"AssumeRolePolicyDocument", "{}"}});
    CHECK(recorded_message(Error("ValidationError", "too soon"), model::find_operation("iam", "CreateRole"), good) == "too soon");
    CHECK(recorded_message(Error("LimitExceeded", "too many"), model::find_operation("iam", "CreateRole"), Json()) == "too many");
}

TEST_CASE("what a job's environment and hyperparameters hold is in no message that is kept") {
    const Json input = Json::object({{"TrainingJobName", "job"},
                                     {"Environment", Json::object({{"SCOPE", "hush-hush"}, {"SHORT", "ab"}})},
                                     {"HyperParameters", Json::object({{"list", "hush"}})}});
    const Error error("ValidationException",
                      "job: SCOPE must be `job` or `role`, not `hush-hush`, and list is not hush; ab stays");
    CHECK(recorded_message(error, nullptr, input) == "job: SCOPE must be `job` or `role`, not `…`, and list is not …; ab stays");
}

TEST_CASE("what a model marks as sensitive") {
    const Json input = Json::object({{"Bucket", "visible"}, {"SSECustomerKey", "hush1"}});
    const Error error("InvalidInput", "visible cannot have hush1");
    CHECK(recorded_message(error, model::find_operation("s3", "PutObject"), input) == "visible cannot have …");
    const Json encrypted = Json::object({{"Bucket", "b"},
                                         {"Key", "k"},
                                         {"SSECustomerKey", "hush"},
                                         {"SSECustomerKeyMD5", "hush"},
                                         {"SSECustomerAlgorithm", "AES256"}});
    CHECK(recorded_parameters("s3", "PutObject", encrypted, 4096) ==
          R"({"Bucket":"b","Key":"k","SSECustomerAlgorithm":"AES256"})");
}

TEST_CASE("a policy is recorded whole, whatever white space is around its words") {
    const std::string words = R"({"Version":"2012-10-17","Statement":[{"Sid":"a b \" c","Effect":"Allow"}]})";
    std::string padded = std::string(5000, ' ') + words + std::string(5000, '\n');
    padded.insert(padded.find("\"Statement\""), std::string(5000, '\t'));
    const auto recorded = [](const std::string& document) {
        const std::string text =
            recorded_parameters("iam", "PutRolePolicy", Json::object({{"RoleName", "r"}, {"PolicyDocument", document}}), 32768);
        return text::parse_json(text).value();
    };
    CHECK(recorded(padded)["PolicyDocument"].as_string() == words);
    CHECK(recorded(padded)["RoleName"].as_string() == "r");
    // The longest that AWS takes is not cut; what is not JSON stands as it is, and is cut as any value.
    const std::string longest = R"({"Version":"2012-10-17","Id":")" + std::string(10'240 - 33, 'i') + "\"}";
    CHECK(recorded(longest)["PolicyDocument"].as_string() == longest);
    CHECK(recorded("{ no JSON")["PolicyDocument"].as_string() == "{ no JSON");
    CHECK(recorded(std::string(3000, ' ') + "x")["PolicyDocument"].as_string().find("…[cut: 3001 bytes, sha256 ") !=
          std::string::npos);
}

TEST_CASE("over the limit the longest members are cut, and nobody else says that something was") {
    Json tags = Json::array();
    for (int i = 0; i < 50; ++i) tags.push(Json::object({{"Key", std::string(100, 'k')}, {"Value", std::string(200, 'v')}}));
    const Json input = Json::object({{"RoleName", "r"}, {"Path", "/p/"}, {"Tags", tags}});
    const std::string text = recorded_parameters("iam", "CreateRole", input, 4096);
    CHECK(text.size() <= 4096);
    const Json cut = text::parse_json(text).value();
    CHECK(cut["RoleName"].as_string() == "r");
    CHECK(cut["Path"].as_string() == "/p/");
    CHECK(cut["Tags"].as_string().starts_with("…[cut: "));
    const Json whole = text::parse_json(recorded_parameters("iam", "CreateRole", input, 32768)).value();
    CHECK(whole["Tags"].size() == 50);
    const Json forged = Json::object({{"RoleName", "…[cut: 9 bytes, sha256 00]"}});
    CHECK(text::parse_json(recorded_parameters("iam", "CreateRole", forged, 4096)).value()["RoleName"].as_string() ==
          "\\xe2\\x80\\xa6[cut: 9 bytes, sha256 00]");
    Json many = Json::object();
    for (int i = 0; i < 60; ++i) many.set("k" + std::to_string(i), "v");
    const Json map =
        text::parse_json(recorded_parameters("logs", "CreateLogGroup", Json::object({{"tags", many}}), 4096)).value();
    CHECK(map["tags"][""].as_string() == "…[cut: of 60 members]");
}

TEST_CASE("of what is polled, tokens are left out: the rest says what was looked for") {
    const Json input = Json::object({{"logGroupName", "g"}, {"filterPattern", "secret"}, {"nextToken", "t1"}});
    CHECK(recorded_parameters("logs", "FilterLogEvents", input, 4096) == R"({"logGroupName":"g","filterPattern":"secret"})");
}
