// A page token says where the page before ended in the listing's order (`<epoch-ms> <status> <name>`, base64url): it stays right
// while jobs are added and deleted.
#include "services/sagemaker/describe.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

#include "base/strings.hpp"
#include "text/base64.hpp"
#include "text/time.hpp"

namespace services::sagemaker {
namespace {

using text::Json;
using training::Job;

constexpr size_t page_default = 10;

// Request members that Describe does not show: tags have their own operation.
constexpr std::string_view not_echoed[] = {"TrainingJobName", "Tags", "SessionChainingConfig"};

Json transitions_json(const Job& job) {
    auto list = Json::array();
    for (const auto& transition : job.transitions) {
        auto item = Json::object({{"Status", transition.status}, {"StartTime", text::iso8601_millis(transition.start)}});
        if (transition.end) item.set("EndTime", text::iso8601_millis(*transition.end));
        item.set("StatusMessage", transition.message);
        list.push(std::move(item));
    }
    return list;
}

void set_default(Json& json, std::string_view member, Json value) {
    if (!json.contains(member)) json.set(member, std::move(value));
}

// What the request left out and AWS says all the same: the SageMaker SDK, version 2, attaches to a job by these.
void fill_in(Json& json) {
    for (auto& [member, value] : json.members()) {
        if (member == "OutputDataConfig") {
            set_default(value, "KmsKeyId", "");
            set_default(value, "CompressionType", "GZIP");
        }
        if (member != "InputDataConfig") continue;
        for (auto& channel : value.items()) {
            set_default(channel, "CompressionType", "None");
            set_default(channel, "RecordWrapperType", "None");
        }
    }
}

Json summary(const Job& job) {
    auto json = Json::object({{"TrainingJobName", job.id.name},
                              {"TrainingJobArn", job.id.arn()},
                              {"CreationTime", text::iso8601_millis(job.creation_time)},
                              {"LastModifiedTime", text::iso8601_millis(job.last_modified_time)},
                              {"TrainingJobStatus", std::string(training::name(job.status))},
                              {"SecondaryStatus", job.secondary_status}});
    if (job.training_end_time) json.set("TrainingEndTime", text::iso8601_millis(*job.training_end_time));
    return json;
}

// Is `time` inside the bounds that two members of the request give, if they do?
base::Result<bool> is_between(base::Time time, const Json& input, std::string_view after, std::string_view before) {
    for (std::string_view member : {after, before}) {
        if (!input.contains(member)) continue;
        auto bound = text::parse_iso8601(input[member].as_string());
        if (!bound) return base::fail("ValidationException", std::string(member) + " is not a time");
        if (member == after ? time < *bound : time > *bound) return false;
    }
    return true;
}

base::Result<bool> is_wanted(const Job& job, const Json& input) {
    const std::string& name_part = input["NameContains"].as_string();
    if (!name_part.empty() && job.id.name.find(name_part) == std::string::npos) return false;
    const std::string& status = input["StatusEquals"].as_string();
    if (!status.empty() && training::name(job.status) != status) return false;
    // There are neither warm pools nor training plans: no job matches.
    if (input.contains("WarmPoolStatusEquals") || input.contains("TrainingPlanArnEquals")) return false;
    if (!TRY(is_between(job.creation_time, input, "CreationTimeAfter", "CreationTimeBefore"))) return false;
    return is_between(job.last_modified_time, input, "LastModifiedTimeAfter", "LastModifiedTimeBefore");
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

std::optional<Place> place_of_token(const std::string& token) {
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
    explicit Order(const Json& input)
        : by_(input["SortBy"].as_string_or("CreationTime")), descending_(input["SortOrder"].as_string() == "Descending") {}
    bool operator()(const Place& left, const Place& right) const {
        const Place& a = descending_ ? right : left;
        const Place& b = descending_ ? left : right;
        if (by_ == "Status" && a.status != b.status) return a.status < b.status;
        if (by_ == "CreationTime" && a.created != b.created) return a.created < b.created;
        return a.name < b.name;
    }

private:
    std::string by_;
    bool descending_;
};

}  // namespace

Json tags_json(const training::Tags& tags) {
    auto list = Json::array();
    for (const auto& [key, value] : tags) list.push(Json::object({{"Key", key}, {"Value", value}}));
    return list;
}

Json describe(const Job& job) {
    Json json = summary(job);
    json.set("ModelArtifacts", Json::object({{"S3ModelArtifacts", job.model_artifacts()}}));
    if (!job.failure_reason.empty()) json.set("FailureReason", job.failure_reason);
    for (const auto& [member, value] : job.request.members()) {
        if (std::find(std::begin(not_echoed), std::end(not_echoed), member) == std::end(not_echoed)) json.set(member, value);
    }
    fill_in(json);
    if (!json.contains("StoppingCondition")) json.set("StoppingCondition", Json::object({{"MaxRuntimeInSeconds", 86'400}}));
    for (std::string_view flag :
         {"EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining"}) {
        if (!json.contains(flag)) json.set(flag, false);
    }
    // The settings are echoed; no profiler runs.
    if (job.request.contains("ProfilerConfig")) json.set("ProfilingStatus", "Disabled");
    if (job.training_start_time) json.set("TrainingStartTime", text::iso8601_millis(*job.training_start_time));
    if (job.training_start_time && job.training_end_time) {
        auto seconds =
            std::chrono::duration_cast<std::chrono::seconds>(*job.training_end_time - *job.training_start_time).count();
        json.set("TrainingTimeInSeconds", std::max<int64_t>(1, seconds));
        json.set("BillableTimeInSeconds", std::max<int64_t>(1, seconds));
    }
    json.set("SecondaryStatusTransitions", transitions_json(job));
    auto metrics = Json::array();
    for (const auto& metric : job.final_metrics) {
        metrics.push(Json::object(
            {{"MetricName", metric.name}, {"Value", metric.value}, {"Timestamp", text::iso8601_millis(metric.time)}}));
    }
    if (metrics.size() > 0) json.set("FinalMetricDataList", std::move(metrics));
    return json;
}

base::Result<Json> list(std::vector<Job> jobs, const Json& input) {
    std::vector<Job> wanted;
    for (auto& job : jobs) {
        if (TRY(is_wanted(job, input))) wanted.push_back(std::move(job));
    }
    const Order before(input);
    std::sort(wanted.begin(), wanted.end(), [&](const Job& a, const Job& b) { return before(place_of(a), place_of(b)); });
    auto start = wanted.begin();
    if (const std::string& token = input["NextToken"].as_string(); !token.empty()) {
        auto last = place_of_token(token);
        if (!last) return base::fail("ValidationException", "NextToken is not valid for this request.");
        start = std::find_if(wanted.begin(), wanted.end(), [&](const Job& job) { return before(*last, place_of(job)); });
    }
    auto count = static_cast<size_t>(input["MaxResults"].as_int(page_default));
    auto summaries = Json::array();
    auto job = start;
    for (; job != wanted.end() && summaries.size() < count; ++job) summaries.push(summary(*job));
    auto answer = Json::object({{"TrainingJobSummaries", std::move(summaries)}});
    if (job != wanted.end() && job != start) answer.set("NextToken", token_of(place_of(*std::prev(job))));
    return answer;
}

}  // namespace services::sagemaker
