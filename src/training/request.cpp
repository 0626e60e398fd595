#include "training/request.hpp"

#include <algorithm>
#include <set>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "policy/arn.hpp"
#include "training/instances.hpp"
#include "training/limits.hpp"

namespace training {
namespace {

namespace m = model::sagemaker;

std::unexpected<base::Error> invalid(std::string message) {
    return base::fail(base::code::ValidationException, std::move(message));
}

// The service model made these optional for serverless jobs; the sentence is the one that AWS's validation has for a member.
std::unexpected<base::Error> must_not_be_null(const std::string& member) {
    return invalid("1 validation error detected: Value null at '" + member +
                   "' failed to satisfy constraint: Member must not be null");
}

base::Result<void> check_algorithm(const m::AlgorithmSpecification& algorithm) {
    const bool image = !model::text(algorithm.training_image).empty();
    const bool name = !model::text(algorithm.algorithm_name).empty();
    if (image == name) {
        return invalid("AlgorithmSpecification must specify either TrainingImage or AlgorithmName, " +
                       std::string(image ? "not both." : "and has neither."));
    }
    std::set<std::string_view> names;
    for (const auto& metric : model::items(algorithm.metric_definitions)) {
        if (!names.insert(metric.name).second) return invalid("MetricDefinitions has two metrics named " + metric.name + ".");
    }
    return {};
}

base::Result<void> check_resources(const m::ResourceConfig& resources) {
    const auto groups = model::items(resources.instance_groups);
    if (!groups.empty() && (resources.instance_type || resources.instance_count))
        return invalid("ResourceConfig must specify either InstanceGroups or InstanceType and InstanceCount, not both.");
    if (groups.empty() && !resources.instance_type) return must_not_be_null("resourceConfig.instanceType");
    if (groups.empty() && !resources.instance_count) return must_not_be_null("resourceConfig.instanceCount");
    std::set<std::string_view> names;
    for (const auto& group : groups) {
        if (!names.insert(group.instance_group_name).second)
            return invalid("InstanceGroups has two groups named " + group.instance_group_name + ".");
    }
    if (const int32_t alive = resources.keep_alive_period_in_seconds.value_or(0); alive > 3600) {
        return invalid("1 validation error detected: Value '" + std::to_string(alive) +
                       "' at 'resourceConfig.keepAlivePeriodInSeconds' failed to satisfy constraint: Member must have value less "
                       "than or equal to 3600");
    }
    return {};
}

base::Result<void> check_stopping(const m::CreateTrainingJobRequest& request) {
    const auto condition = request.stopping_condition.value_or(m::StoppingCondition{});
    const int64_t runtime = condition.max_runtime_in_seconds.value_or(runtime_default.count());
    if (runtime > runtime_longest.count()) {
        return base::fail(limit_exceeded("Longest run time for a training job", runtime_longest.count(), 0, runtime, "Seconds"));
    }
    const auto& wait = condition.max_wait_time_in_seconds;
    if (!request.enable_managed_spot_training.value_or(false)) {
        if (!wait) return {};
        return invalid("Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true");
    }
    if (!wait || *wait < runtime)
        return invalid("Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds");
    return {};
}

base::Result<void> check_interval(const std::optional<int64_t>& interval) {
    constexpr int64_t intervals[] = {100, 200, 500, 1000, 5000, 60'000};
    if (!interval || std::ranges::find(intervals, *interval) != std::end(intervals)) return {};
    return invalid("ProfilingIntervalInMilliseconds must be one of 100, 200, 500, 1000, 5000, 60000, not " +
                   std::to_string(*interval) + ".");
}

}  // namespace

std::string scope_of(const m::CreateTrainingJobRequest& request) {
    if (!request.environment) return "job";
    const auto found = std::ranges::find(*request.environment, scope_variable, &std::pair<std::string, std::string>::first);
    return found == request.environment->end() ? "job" : found->second;
}

Tags tags_of(std::span<const m::Tag> tags) {
    Tags out;
    for (const auto& tag : tags) out.emplace_back(tag.key, tag.value);
    return out;
}

base::Result<void> check_role_arn(const std::string& role, std::string_view account) {
    const auto arn = policy::parse_arn(role);
    if (!arn || arn->partition != "aws" || arn->service != "iam" || !arn->region.empty() || !arn->resource.starts_with("role/"))
        return invalid("RoleArn `" + role + "` is not the ARN of a role");
    if (arn->account != account) return invalid("Cross-account pass role is not allowed.");
    return {};
}

base::Result<void> check_tags(const Tags& tags) {
    std::set<std::string> keys;  // in lower case: conditions on tags tell keys that differ by case only not apart
    for (const auto& [key, value] : tags) {
        if (base::lower(key).starts_with("aws:")) return invalid("Tag keys that start with aws: are reserved: " + key);
        if (!keys.insert(base::lower(key)).second) return invalid("Duplicate tag key: " + key);
    }
    return {};
}

base::Result<void> check_request(const m::CreateTrainingJobRequest& request) {
    if (request.serverless_job_config) return {};  // none of the rest is required; the plan refuses it by name
    if (!request.algorithm_specification) return must_not_be_null("algorithmSpecification");
    if (!request.resource_config) return must_not_be_null("resourceConfig");
    TRY(check_algorithm(*request.algorithm_specification));
    TRY(check_resources(*request.resource_config));
    TRY(check_stopping(request));
    if (request.profiler_config) TRY(check_interval(request.profiler_config->profiling_interval_in_milliseconds));
    TRY(check_tags(tags_of(model::items(request.tags))));
    if (std::string scope = scope_of(request); scope != "job" && scope != "role")
        return invalid("Environment " + std::string(scope_variable) + " must be `job` or `role`, not `" + scope + "`.");
    return {};
}

base::Result<void> check_update(const m::UpdateTrainingJobRequest& request) {
    return request.profiler_config ? check_interval(request.profiler_config->profiling_interval_in_milliseconds)
                                   : base::Result<void>();
}

}  // namespace training
