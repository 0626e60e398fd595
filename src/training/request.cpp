#include "training/request.hpp"

#include <algorithm>
#include <set>

#include "base/strings.hpp"
#include "training/instances.hpp"
#include "training/limits.hpp"

namespace training {
namespace {

using text::Json;

std::unexpected<base::Error> invalid(std::string message) { return base::fail("ValidationException", std::move(message)); }

// The service model made these optional for serverless jobs; the sentence is the one that AWS's validation has for a member.
std::unexpected<base::Error> must_not_be_null(const std::string& member) {
    return invalid("1 validation error detected: Value null at '" + member +
                   "' failed to satisfy constraint: Member must not be null");
}

base::Result<void> check_algorithm(const Json& algorithm) {
    const bool image = !algorithm["TrainingImage"].as_string().empty();
    const bool name = !algorithm["AlgorithmName"].as_string().empty();
    if (image == name) {
        return invalid("AlgorithmSpecification must specify either TrainingImage or AlgorithmName, " +
                       std::string(image ? "not both." : "and has neither."));
    }
    std::set<std::string> names;
    for (const auto& metric : algorithm["MetricDefinitions"].items()) {
        if (!names.insert(metric["Name"].as_string()).second)
            return invalid("MetricDefinitions has two metrics named " + metric["Name"].as_string() + ".");
    }
    return {};
}

base::Result<void> check_resources(const Json& resources) {
    const bool groups = resources["InstanceGroups"].size() > 0;
    const bool type = resources.contains("InstanceType") || resources.contains("InstanceCount");
    if (groups && type)
        return invalid("ResourceConfig must specify either InstanceGroups or InstanceType and InstanceCount, not both.");
    if (!groups && !resources["InstanceType"].is_string()) return must_not_be_null("resourceConfig.instanceType");
    if (!groups && !resources["InstanceCount"].is_number()) return must_not_be_null("resourceConfig.instanceCount");
    std::set<std::string> names;
    for (const auto& group : resources["InstanceGroups"].items()) {
        if (!names.insert(group["InstanceGroupName"].as_string()).second)
            return invalid("InstanceGroups has two groups named " + group["InstanceGroupName"].as_string() + ".");
    }
    if (resources["KeepAlivePeriodInSeconds"].as_int() > 3600) {
        return invalid("1 validation error detected: Value '" + resources["KeepAlivePeriodInSeconds"].as_string() +
                       "' at 'resourceConfig.keepAlivePeriodInSeconds' failed to satisfy constraint: Member must have value less "
                       "than or equal to 3600");
    }
    return {};
}

base::Result<void> check_stopping(const Json& request) {
    const Json& condition = request["StoppingCondition"];
    const int64_t runtime = condition["MaxRuntimeInSeconds"].as_int(runtime_default.count());
    if (runtime > runtime_longest.count()) {
        return base::fail(limit_exceeded("Longest run time for a training job", runtime_longest.count(), 0, runtime, "Seconds"));
    }
    const bool wait = condition.contains("MaxWaitTimeInSeconds");
    if (!request["EnableManagedSpotTraining"].as_bool()) {
        if (!wait) return {};
        return invalid("Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true");
    }
    if (!wait || condition["MaxWaitTimeInSeconds"].as_int() < runtime)
        return invalid("Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds");
    return {};
}

base::Result<void> check_profiler(const Json& profiler) {
    if (!profiler.contains("ProfilingIntervalInMilliseconds")) return {};
    constexpr int64_t intervals[] = {100, 200, 500, 1000, 5000, 60'000};
    const int64_t interval = profiler["ProfilingIntervalInMilliseconds"].as_int();
    if (std::find(std::begin(intervals), std::end(intervals), interval) != std::end(intervals)) return {};
    return invalid("ProfilingIntervalInMilliseconds must be one of 100, 200, 500, 1000, 5000, 60000, not " +
                   std::to_string(interval) + ".");
}

}  // namespace

std::string scope_of(const Json& request) { return request["Environment"][scope_variable].as_string_or("job"); }

base::Result<void> check_tags(const Json& tags) {
    std::set<std::string> keys;  // in lower case: conditions on tags tell keys that differ by case only not apart
    for (const auto& tag : tags.items()) {
        const std::string& key = tag["Key"].as_string();
        if (base::lower(key).starts_with("aws:")) return invalid("Tag keys that start with aws: are reserved: " + key);
        if (!keys.insert(base::lower(key)).second) return invalid("Duplicate tag key: " + key);
    }
    return {};
}

base::Result<void> check_request(const Json& request) {
    if (request["ServerlessJobConfig"].is_object()) return {};  // none of the rest is required; the plan refuses it by name
    if (!request["AlgorithmSpecification"].is_object()) return must_not_be_null("algorithmSpecification");
    if (!request["ResourceConfig"].is_object()) return must_not_be_null("resourceConfig");
    TRY(check_algorithm(request["AlgorithmSpecification"]));
    TRY(check_resources(request["ResourceConfig"]));
    TRY(check_stopping(request));
    TRY(check_profiler(request["ProfilerConfig"]));
    TRY(check_tags(request["Tags"]));
    if (std::string scope = scope_of(request); scope != "job" && scope != "role")
        return invalid("Environment " + std::string(scope_variable) + " must be `job` or `role`, not `" + scope + "`.");
    return {};
}

base::Result<void> check_update(const Json& request) { return check_profiler(request["ProfilerConfig"]); }

}  // namespace training
