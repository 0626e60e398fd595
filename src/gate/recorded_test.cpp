#include "gate/recorded.hpp"

#include <doctest/doctest.h>

using base::Error;
using gate::recorded_message;
using text::Json;

TEST_CASE("a constraint that does not hold is recorded by its place, whatever the value holds") {
    const Error environment(
        "ValidationException",
        "1 validation error detected: Value '{PASSWORD=hush' at 'x' failed to satisfy constraint: hush}' at 'environment' "
        "failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 512]");
    const std::string kept = recorded_message(environment, nullptr, Json());
    CHECK(kept == "values fail to satisfy their constraints at x, environment");
    const Error two("ValidationError",
                    "2 validation errors detected: Value 'a b' at 'roleName' failed to satisfy constraint: Member must satisfy "
                    "regular expression "
                    "pattern: [\\w+=,.@-]+; Value at 'tags.3.member.key' failed to satisfy constraint: Member must have length");
    CHECK(recorded_message(two, nullptr, Json()) == "values fail to satisfy their constraints at roleName, tags.3.member.key");
    // A place that is none is a value.
    const Error odd("ValidationError",
                    "1 validation error detected: Value 'v' at 'not a place' failed to satisfy constraint: hush");
    CHECK(recorded_message(odd, nullptr, Json()) == "values fail to satisfy their constraints");
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
    const wire::Shape secret{.name = "Secret", .sensitive = true}, plain{.name = "Plain"};
    const wire::Shape list{.name = "Secrets", .type = wire::ShapeType::list, .item = &secret};
    const wire::Member members[] = {{"Password", "Password", &secret}, {"Name", "Name", &plain}, {"Several", "Several", &list}};
    const wire::Shape shape{.name = "Request", .type = wire::ShapeType::structure, .members = members};
    const Json input =
        Json::object({{"Password", "hush1"}, {"Name", "visible"}, {"Several", Json::array({Json("hush2"), Json("hush3")})}});
    const Error error("InvalidInput", "visible cannot have hush1, hush2 or hush3");
    CHECK(recorded_message(error, &shape, input) == "visible cannot have …, … or …");
}
