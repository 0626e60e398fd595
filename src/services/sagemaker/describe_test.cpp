// Jobs as the API shows them, and pages of them.
#include "services/sagemaker/describe.hpp"

#include <doctest/doctest.h>

#include "text/time.hpp"
#include "training/stored_request.hpp"

namespace {

namespace m = model::sagemaker;
using namespace std::chrono_literals;
using services::sagemaker::describe;
using services::sagemaker::list;
using training::Job;
using training::Status;

base::Time at(int64_t seconds) { return base::Time(std::chrono::seconds(1'700'000'000 + seconds)); }

Job job_named(const std::string& name, int64_t created = 0, Status status = Status::in_progress) {
    Job job;
    job.id = {"111122223333", "us-east-1", name};
    job.request = training::keep({.training_job_name = name,
                                  .role_arn = "arn:aws:iam::111122223333:role/r",
                                  .input_data_config = std::vector<m::Channel>{{.channel_name = "train"}},
                                  .output_data_config = {.s3_output_path = "s3://b/out/"},
                                  .tags = std::vector<m::Tag>{{"k", "v"}}});
    job.status = status;
    job.creation_time = job.last_modified_time = at(created);
    return job;
}

std::string names(const base::Result<m::ListTrainingJobsResponse>& page) {
    REQUIRE_MESSAGE(page.has_value(), (page ? "" : page.error().describe()));
    std::string out;
    for (const auto& job : page->training_job_summaries) out += job.training_job_name + " ";
    return out;
}

}  // namespace

TEST_CASE("what a request leaves out is described as AWS does") {
    const auto shown = describe(job_named("plain"));
    CHECK(shown.training_job_arn == "arn:aws:sagemaker:us-east-1:111122223333:training-job/plain");
    CHECK(shown.training_job_status == m::TrainingJobStatus::in_progress);
    CHECK(shown.secondary_status == m::SecondaryStatus::starting);
    CHECK(shown.model_artifacts.s3_model_artifacts == "s3://b/out/plain/output/model.tar.gz");
    CHECK(shown.output_data_config->kms_key_id == "");
    CHECK(shown.output_data_config->compression_type == m::OutputCompressionType::gzip);
    CHECK(shown.input_data_config->front().compression_type == m::CompressionType::none);
    CHECK(shown.input_data_config->front().record_wrapper_type == m::RecordWrapper::none);
    CHECK(shown.stopping_condition.max_runtime_in_seconds == 86'400);
    CHECK(shown.enable_network_isolation == false);
    CHECK(shown.enable_managed_spot_training == false);
    CHECK_FALSE(shown.failure_reason.has_value());
    CHECK_FALSE(shown.profiling_status.has_value());
    CHECK_FALSE(shown.training_time_in_seconds.has_value());
    CHECK_FALSE(shown.final_metric_data_list.has_value());
    REQUIRE(shown.secondary_status_transitions.has_value());
    CHECK(shown.secondary_status_transitions->empty());
}

TEST_CASE("what a request says is echoed, and what the job came to is told") {
    Job job = job_named("said");
    auto asked = job.asked();
    asked.output_data_config.compression_type = m::OutputCompressionType::none;
    asked.stopping_condition = m::StoppingCondition{.max_runtime_in_seconds = 60};
    asked.profiler_config = m::ProfilerConfig{.disable_profiler = true};
    asked.enable_network_isolation = true;
    job.request = training::keep(std::move(asked));
    job.enter("Starting", "Starting the training job", at(0));
    job.training_start_time = at(1);
    job.failure_reason = "AlgorithmError: exit code 1";
    job.final_metrics = {{"loss", 0.25, at(2)}};
    job.finish(Status::failed, "Failed", "Training job failed", at(1));
    const auto shown = describe(job);
    CHECK(shown.model_artifacts.s3_model_artifacts == "s3://b/out/said/output/model/");
    CHECK(shown.output_data_config->compression_type == m::OutputCompressionType::none);
    CHECK(shown.stopping_condition.max_runtime_in_seconds == 60);
    CHECK(shown.profiling_status == m::ProfilingStatus::disabled);
    CHECK(shown.enable_network_isolation == true);
    CHECK(shown.failure_reason == "AlgorithmError: exit code 1");
    CHECK(shown.training_time_in_seconds == 1);  // at least one second is billed
    REQUIRE(shown.final_metric_data_list.has_value());
    CHECK(shown.final_metric_data_list->front().metric_name == "loss");
    REQUIRE(shown.secondary_status_transitions->size() == 2);
    CHECK(shown.secondary_status_transitions->back().status == m::SecondaryStatus::failed);
    CHECK(shown.secondary_status_transitions->front().end_time == at(1));
}

TEST_CASE("listings: order, filters") {
    const std::vector<Job> jobs = {job_named("b", 1, Status::failed), job_named("c", 0, Status::completed),
                                   job_named("a", 2, Status::completed)};
    CHECK(names(list(jobs, {})) == "c b a ");
    CHECK(names(list(jobs, {.sort_order = m::SortOrder::descending})) == "a b c ");
    CHECK(names(list(jobs, {.sort_by = m::SortBy::name})) == "a b c ");
    CHECK(names(list(jobs, {.sort_by = m::SortBy::status})) == "a c b ");
    CHECK(names(list(jobs, {.status_equals = m::TrainingJobStatus::failed})) == "b ");
    CHECK(names(list(jobs, {.status_equals = m::TrainingJobStatus::deleting})) == "");
    CHECK(names(list(jobs, {.name_contains = "c"})) == "c ");
    CHECK(names(list(jobs, {.creation_time_after = at(1)})) == "b a ");
    CHECK(names(list(jobs, {.creation_time_before = at(1)})) == "c b ");
    CHECK(names(list(jobs, {.last_modified_time_after = at(3)})) == "");
    CHECK(names(list(jobs, {.warm_pool_status_equals = m::WarmPoolResourceStatus::available})) == "");
    CHECK(names(list(jobs, {.training_plan_arn_equals = "arn:x"})) == "");
}

TEST_CASE("listings: a page begins where the one before ended, whatever was deleted or made since") {
    std::vector<Job> jobs;
    for (int i = 0; i < 12; ++i) jobs.push_back(job_named("job-" + std::to_string(10 + i), i));
    CHECK(names(list(jobs, {})) == "job-10 job-11 job-12 job-13 job-14 job-15 job-16 job-17 job-18 job-19 ");
    auto first = list(jobs, {.max_results = 2});
    CHECK(names(first) == "job-10 job-11 ");
    REQUIRE(first->next_token.has_value());
    jobs.erase(jobs.begin() + 1);  // the last of the page
    jobs.push_back(job_named("older", -5));
    auto second = list(jobs, {.next_token = first->next_token, .max_results = 2});
    CHECK(names(second) == "job-12 job-13 ");
    const auto last = list(jobs, {.next_token = second->next_token, .max_results = 100});
    CHECK(last->training_job_summaries.size() == 8);
    CHECK_FALSE(last->next_token.has_value());
    for (const char* token : {"x", "MSAyIDM_", "!!"}) {
        CAPTURE(token);
        const auto refused = list(jobs, {.next_token = token});
        if (!refused) CHECK(refused.error().message == "NextToken is not valid for this request.");
    }
    CHECK_FALSE(list(jobs, {.next_token = "x"}).has_value());
}
