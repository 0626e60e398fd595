// Stored values and the words of enums, over a model whose structures are nested deeply.
#include "model/stored.hpp"

#include <doctest/doctest.h>

#include "model/json.hpp"
#include "model/sagemaker/training_jobs.hpp"
#include "model/words.hpp"

namespace m = model::sagemaker;
using text::Json;

namespace {

const model::Shape& shape() { return *m::CreateTrainingJob::operation.input; }

Json parsed(std::string_view document) {
    auto json = text::parse_json(document);
    REQUIRE(json.has_value());
    return *json;
}

}  // namespace

TEST_CASE("the words of enums") {
    CHECK(model::word_of(m::TrainingInstanceType::ml_m5_large) == "ml.m5.large");
    CHECK(model::word_of(m::TrainingInstanceType::unknown) == "");
    CHECK(model::value_of<m::TrainingInstanceType>("ml.m5.large") == m::TrainingInstanceType::ml_m5_large);
    CHECK(model::value_of<m::TrainingInstanceType>("ml.m5.LARGE") == m::TrainingInstanceType::unknown);
    CHECK(model::value_of<m::TrainingInstanceType>("") == m::TrainingInstanceType::unknown);
    CHECK(model::value_of<m::SortBy>("Name") == m::SortBy::name);
    for (const auto word : shape_of(m::SecondaryStatus::unknown).enumeration)
        CHECK(model::word_of(model::value_of<m::SecondaryStatus>(word)) == word);
}

TEST_CASE("what fits is in the value, what does not beside it, and both together are the document") {
    struct Row {
        const char* document;
        const char* rest;
    };
    const Row rows[] = {
        {R"({"TrainingJobName":"a","RoleArn":"r","OutputDataConfig":{"S3OutputPath":"s"}})", "null"},
        // Constraints are not checked: a name of another pattern, a list that is too short.
        {R"({"TrainingJobName":"_","RoleArn":"","InputDataConfig":[],"OutputDataConfig":{"S3OutputPath":""}})", "null"},
        {R"({"TrainingJobName":"a","RoleArn":"r","OutputDataConfig":{"S3OutputPath":"s","Later":1},"Later":[null]})",
         R"({"OutputDataConfig":{"Later":1},"Later":[null]})"},
        {R"({"TrainingJobName":"a","RoleArn":"r","OutputDataConfig":{"S3OutputPath":"s"},"Tags":[{"Key":"a","Value":"1"},{"Key":"b","Value":"2","Later":3}]})",
         R"({"Tags":[null,{"Later":3}]})"},
        {R"({"TrainingJobName":"a","RoleArn":"r","OutputDataConfig":{"S3OutputPath":"s"},"Tags":[{"Key":"a","Value":"1"},7]})",
         R"({"Tags":[{"Key":"a","Value":"1"},7]})"},
        {R"({"TrainingJobName":7,"RoleArn":"r","OutputDataConfig":{"S3OutputPath":"s","CompressionType":"BEST"}})",
         R"({"TrainingJobName":7,"OutputDataConfig":{"CompressionType":"BEST"}})"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.document);
        const Json document = parsed(row.document);
        m::CreateTrainingJobRequest value;
        const Json rest = model::read_stored(shape(), document, &value);
        CHECK(rest == parsed(row.rest));
        CHECK(model::write_stored(shape(), &value, rest) == document);
    }
}

TEST_CASE("a document without anything unknown is written as types write it") {
    m::CreateTrainingJobRequest value{.training_job_name = "a", .tags = std::vector<m::Tag>{{"k", "v"}}};
    value.hyper_parameters = {{"z", "1"}, {"a", "2"}};
    CHECK(model::write_stored(shape(), &value, {}).dump() == model::write_document(shape(), &value).dump());
}
