// A page token says where the page before ended in the listing's order (`<epoch-ms> <status> <name>`, base64url): it stays right
// while jobs are added and deleted.
#include "services/sagemaker/describe.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "model/words.hpp"
#include "text/base64.hpp"
#include "training/stored_request.hpp"

namespace services::sagemaker {

namespace m = model::sagemaker;
using training::Job;

namespace {

constexpr int32_t page_default = 10;
constexpr int32_t runtime_default_seconds = 86'400;

m::TrainingJobStatus status_of(const Job& job) { return model::value_of<m::TrainingJobStatus>(training::name(job.status)); }

m::SecondaryStatus secondary_status(std::string_view name) { return model::value_of<m::SecondaryStatus>(name); }

std::vector<m::SecondaryStatusTransition> transitions_of(const Job& job) {
    std::vector<m::SecondaryStatusTransition> out;
    for (const auto& transition : job.transitions) {
        out.push_back({.status = secondary_status(transition.status),
                       .start_time = transition.start,
                       .end_time = transition.end,
                       .status_message = transition.message});
    }
    return out;
}

// What the request left out and AWS says all the same: the SageMaker SDK, version 2, attaches to a job by these.
m::OutputDataConfig output_of(m::OutputDataConfig output) {
    if (!output.kms_key_id) output.kms_key_id = "";
    if (!output.compression_type) output.compression_type = m::OutputCompressionType::gzip;
    return output;
}

std::optional<std::vector<m::Channel>> channels_of(std::optional<std::vector<m::Channel>> channels) {
    if (!channels) return channels;
    for (auto& channel : *channels) {
        if (!channel.compression_type) channel.compression_type = m::CompressionType::none;
        if (!channel.record_wrapper_type) channel.record_wrapper_type = m::RecordWrapper::none;
    }
    return channels;
}

m::TrainingJobSummary summary(const Job& job) {
    return {.training_job_name = job.id.name,
            .training_job_arn = job.id.arn(),
            .creation_time = job.creation_time,
            .training_end_time = job.training_end_time,
            .last_modified_time = job.last_modified_time,
            .training_job_status = status_of(job),
            .secondary_status = secondary_status(job.secondary_status)};
}

bool is_between(base::Time time, const std::optional<base::Time>& after, const std::optional<base::Time>& before) {
    return !(after && time < *after) && !(before && time > *before);
}

bool is_wanted(const Job& job, const m::ListTrainingJobsRequest& in) {
    if (job.id.name.find(model::text(in.name_contains)) == std::string::npos) return false;
    if (in.status_equals && status_of(job) != *in.status_equals) return false;
    // There are neither warm pools nor training plans: no job matches.
    if (in.warm_pool_status_equals || in.training_plan_arn_equals) return false;
    return is_between(job.creation_time, in.creation_time_after, in.creation_time_before) &&
           is_between(job.last_modified_time, in.last_modified_time_after, in.last_modified_time_before);
}

// Where a job stands in a listing.
struct Place {
    int64_t created = 0;
    std::string status, name;
};

Place place_of(const Job& job) {
    return {job.creation_time.time_since_epoch().count(), std::string(training::name(job.status)), job.id.name};
}

std::string token_of(const Place& place) {
    return text::encode_base64url(std::to_string(place.created) + " " + place.status + " " + place.name);
}

std::optional<Place> place_of_token(std::string_view token) {
    auto plain = text::decode_base64url(token);
    if (!plain) return std::nullopt;
    auto parts = base::split(*plain, ' ');
    Place place;
    if (parts.size() != 3) return std::nullopt;
    auto [end, error] = std::from_chars(parts[0].data(), parts[0].data() + parts[0].size(), place.created);
    if (error != std::errc() || end != parts[0].data() + parts[0].size()) return std::nullopt;
    place.status = parts[1];
    place.name = parts[2];
    return place;
}

class Order {
public:
    explicit Order(const m::ListTrainingJobsRequest& in)
        : by_(in.sort_by.value_or(m::SortBy::creation_time)), descending_(in.sort_order == m::SortOrder::descending) {}
    bool operator()(const Place& left, const Place& right) const {
        const Place& a = descending_ ? right : left;
        const Place& b = descending_ ? left : right;
        if (by_ == m::SortBy::status && a.status != b.status) return a.status < b.status;
        if (by_ == m::SortBy::creation_time && a.created != b.created) return a.created < b.created;
        return a.name < b.name;
    }

private:
    m::SortBy by_;
    bool descending_;
};

}  // namespace

std::vector<m::Tag> shown(const training::Tags& tags) {
    std::vector<m::Tag> out;
    for (const auto& [key, value] : tags) out.push_back({key, value});
    return out;
}

m::DescribeTrainingJobResponse describe(const Job& job) {
    const m::CreateTrainingJobRequest& asked = job.asked();
    m::DescribeTrainingJobResponse out{
        .training_job_name = job.id.name,
        .training_job_arn = job.id.arn(),
        .model_artifacts = {.s3_model_artifacts = job.model_artifacts()},
        .training_job_status = status_of(job),
        .secondary_status = secondary_status(job.secondary_status),
        .hyper_parameters = asked.hyper_parameters,
        .algorithm_specification = asked.algorithm_specification,
        .role_arn = asked.role_arn,
        .input_data_config = channels_of(asked.input_data_config),
        .output_data_config = output_of(asked.output_data_config),
        .resource_config = asked.resource_config,
        .vpc_config = asked.vpc_config,
        .stopping_condition =
            asked.stopping_condition.value_or(m::StoppingCondition{.max_runtime_in_seconds = runtime_default_seconds}),
        .creation_time = job.creation_time,
        .training_start_time = job.training_start_time,
        .training_end_time = job.training_end_time,
        .last_modified_time = job.last_modified_time,
        .secondary_status_transitions = transitions_of(job),
        .enable_network_isolation = asked.enable_network_isolation.value_or(false),
        .enable_inter_container_traffic_encryption = asked.enable_inter_container_traffic_encryption.value_or(false),
        .enable_managed_spot_training = asked.enable_managed_spot_training.value_or(false),
        .checkpoint_config = asked.checkpoint_config,
        .debug_hook_config = asked.debug_hook_config,
        .experiment_config = asked.experiment_config,
        .debug_rule_configurations = asked.debug_rule_configurations,
        .tensor_board_output_config = asked.tensor_board_output_config,
        .profiler_config = asked.profiler_config,
        .profiler_rule_configurations = asked.profiler_rule_configurations,
        .environment = asked.environment,
        .retry_strategy = asked.retry_strategy,
        .remote_debug_config = asked.remote_debug_config,
        .infra_check_config = asked.infra_check_config,
        .serverless_job_config = asked.serverless_job_config,
        .mlflow_config = asked.mlflow_config,
        .model_package_config = asked.model_package_config,
    };
    if (!job.failure_reason.empty()) out.failure_reason = job.failure_reason;
    // The settings are echoed; no profiler runs.
    if (asked.profiler_config) out.profiling_status = m::ProfilingStatus::disabled;
    if (job.training_start_time && job.training_end_time) {
        const auto seconds =
            std::chrono::duration_cast<std::chrono::seconds>(*job.training_end_time - *job.training_start_time).count();
        out.training_time_in_seconds = out.billable_time_in_seconds = static_cast<int32_t>(std::max<int64_t>(1, seconds));
    }
    for (const auto& metric : job.final_metrics) {
        if (!out.final_metric_data_list) out.final_metric_data_list.emplace();
        out.final_metric_data_list->push_back({metric.name, metric.value, metric.time});
    }
    return out;
}

base::Result<m::ListTrainingJobsResponse> list(std::vector<Job> jobs, const m::ListTrainingJobsRequest& in) {
    std::erase_if(jobs, [&](const Job& job) { return !is_wanted(job, in); });
    const Order before(in);
    std::sort(jobs.begin(), jobs.end(), [&](const Job& a, const Job& b) { return before(place_of(a), place_of(b)); });
    auto start = jobs.begin();
    if (const std::string_view token = model::text(in.next_token); !token.empty()) {
        auto last = place_of_token(token);
        if (!last) return base::fail(base::code::ValidationException, "NextToken is not valid for this request.");
        start = std::find_if(jobs.begin(), jobs.end(), [&](const Job& job) { return before(*last, place_of(job)); });
    }
    const auto count = static_cast<size_t>(in.max_results.value_or(page_default));
    m::ListTrainingJobsResponse out;
    auto job = start;
    for (; job != jobs.end() && out.training_job_summaries.size() < count; ++job)
        out.training_job_summaries.push_back(summary(*job));
    if (job != jobs.end() && job != start) out.next_token = token_of(place_of(*std::prev(job)));
    return out;
}

}  // namespace services::sagemaker
