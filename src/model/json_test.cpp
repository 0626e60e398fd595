// Types and JSON. That every operation reads exactly what it read before is shown beside the codecs of before:
// wire/typed_codec_test.cpp.
#include "model/json.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "model/logs/operations.hpp"
#include "model/monitoring/operations.hpp"
#include "model/sagemaker/training_jobs.hpp"
#include "text/time.hpp"

namespace {

template <class Op>
base::Result<typename Op::Input> read(std::string_view body) {
    typename Op::Input input;
    auto done = model::read_json(Op::operation, body, &input);
    if (!done) return base::fail(std::move(done).error());
    return input;
}

template <class T>
std::string words(const base::Result<T>& result) {
    return result ? "" : result.error().code + ": " + result.error().message;
}

}  // namespace

TEST_CASE("a request becomes a struct") {
    namespace m = model::sagemaker;
    const auto job = read<m::CreateTrainingJob>(
        R"({"TrainingJobName":"job","RoleArn":"arn:aws:iam::123456789012:role/r","OutputDataConfig":{"S3OutputPath":"s3://b/out"},
            "HyperParameters":{"z":"1","a":"2"},"EnableNetworkIsolation":true,"Tags":[],"StoppingCondition":{"MaxRuntimeInSeconds":60.0},
            "ResourceConfig":{"InstanceType":"ml.m5.large","VolumeSizeInGB":30},"Unknown":{"x":1},"VpcConfig":null})");
    REQUIRE(job);
    CHECK(job->training_job_name == "job");
    CHECK(job->output_data_config.s3_output_path == "s3://b/out");
    CHECK(job->hyper_parameters == model::Map<std::string>{{"z", "1"}, {"a", "2"}});
    CHECK(job->enable_network_isolation == true);
    CHECK_FALSE(job->enable_managed_spot_training.has_value());
    REQUIRE(job->tags.has_value());
    CHECK(job->tags->empty());
    CHECK(model::items(job->input_data_config).empty());
    REQUIRE(job->stopping_condition.has_value());
    CHECK(job->stopping_condition->max_runtime_in_seconds == 60);
    REQUIRE(job->resource_config.has_value());
    CHECK(job->resource_config->instance_type == m::TrainingInstanceType::ml_m5_large);
    CHECK_FALSE(job->vpc_config.has_value());

    const auto list = read<m::ListTrainingJobs>(R"({"CreationTimeAfter":1700000000.5,"SortBy":"CreationTime"})");
    REQUIRE(list);
    CHECK(list->creation_time_after == text::parse_iso8601("2023-11-14T22:13:20.500Z"));
    CHECK(list->sort_by == m::SortBy::creation_time);
    CHECK(read<m::ListTrainingJobs>(""));
}

TEST_CASE("wrong types end the walk, broken constraints are told together") {
    namespace m = model::sagemaker;
    CHECK(words(read<m::ListTrainingJobs>("[]")) == "SerializationException: The value of the request is not a structure");
    CHECK(words(read<m::ListTrainingJobs>("{")).starts_with("SerializationException: "));
    // The first is broken, the second of a wrong type: the second is told.
    CHECK(words(read<m::ListTrainingJobs>(R"({"MaxResults":101,"SortBy":1})")) ==
          "SerializationException: The value of SortBy is not a string");
    CHECK(words(read<m::ListTrainingJobs>(R"({"MaxResults":101,"SortBy":"Age"})")) ==
          "ValidationException: 2 validation errors detected: Value '101' at 'maxResults' failed to satisfy constraint: "
          "Member must have value less than or equal to 100; Value 'Age' at 'sortBy' failed to satisfy constraint: "
          "Member must satisfy enum value set: [Name, CreationTime, Status]");
    CHECK(words(read<model::logs::DescribeLogStreams>(R"({"limit":51})")).starts_with("InvalidParameterException: 1 validation"));
    CHECK(words(read<m::CreateTrainingJob>(R"({"HyperParameters":{"a":"b"}})"))
              .starts_with("ValidationException: 3 validation errors detected: Value null at 'trainingJobName' failed"));
}

TEST_CASE("an answer becomes JSON and a document") {
    namespace m = model::sagemaker;
    m::DescribeTrainingJobResponse job{.training_job_name = "a\"b",
                                       .training_job_status = m::TrainingJobStatus::in_progress,
                                       .hyper_parameters = model::Map<std::string>{{"k", "v"}},
                                       .creation_time = *text::parse_iso8601("2026-01-31T12:00:00.250Z"),
                                       .training_end_time = *text::parse_iso8601("2026-01-31T12:00:00Z")};
    const auto& shape = *m::DescribeTrainingJob::operation.output;
    const auto written = model::write_json(shape, &job);
    CHECK(written.find(R"("TrainingJobName":"a\"b")") != std::string::npos);
    CHECK(written.find(R"("TrainingJobStatus":"InProgress")") != std::string::npos);
    CHECK(written.find(R"("HyperParameters":{"k":"v"})") != std::string::npos);
    CHECK(written.find(R"("CreationTime":1769860800.25)") != std::string::npos);
    CHECK(written.find(R"("TrainingEndTime":1769860800)") != std::string::npos);
    CHECK(written.find("Tags") == std::string::npos);
    const auto document = model::write_document(shape, &job);
    CHECK(document["CreationTime"].as_string() == "2026-01-31T12:00:00.250Z");
    CHECK(document["HyperParameters"]["k"].as_string() == "v");

    // What is not a number has no text, and an enum that nobody set none either (SecondaryStatus above is required).
    CHECK(written.find("SecondaryStatus") == std::string::npos);
    model::monitoring::Datapoint point{.sample_count = 2.5, .average = std::numeric_limits<double>::infinity()};
    model::monitoring::GetMetricStatisticsOutput statistics{.datapoints = std::vector{point}};
    CHECK(model::write_json(*model::monitoring::GetMetricStatistics::operation.output, &statistics) ==
          R"({"Datapoints":[{"SampleCount":2.5}]})");
}
