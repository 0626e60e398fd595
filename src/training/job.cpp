#include "training/job.hpp"

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/strings.hpp"
#include "text/time.hpp"
#include "training/stored_request.hpp"

namespace training {
namespace {

constexpr std::pair<Status, std::string_view> status_names[] = {
    {Status::in_progress, "InProgress"}, {Status::stopping, "Stopping"}, {Status::completed, "Completed"},
    {Status::failed, "Failed"},          {Status::stopped, "Stopped"},
};

text::Json tags_json(const Tags& tags) {
    auto list = text::Json::array();
    for (const auto& [key, value] : tags) list.push(text::Json::object({{"Key", key}, {"Value", value}}));
    return list;
}

Tags tags_from(const text::Json& list) {
    Tags tags;
    for (const auto& tag : list.items()) tags.emplace_back(tag["Key"].as_string(), tag["Value"].as_string());
    return tags;
}

text::Json source_json(const PinnedSource& source) {
    auto channels = text::Json::object();
    for (const auto& [name, digest] : source.channels) channels.set(name, digest);
    return text::Json::object({{"ETag", source.etag},
                               {"Size", static_cast<int64_t>(source.size)},
                               {"Sha256", source.sha256},
                               {"Channels", std::move(channels)}});
}

PinnedSource source_from(const text::Json& json) {
    PinnedSource source{json["ETag"].as_string(), static_cast<uint64_t>(json["Size"].as_int()), json["Sha256"].as_string(), {}};
    for (const auto& [name, digest] : json["Channels"].members()) source.channels[name] = digest.as_string();
    return source;
}

base::Result<base::Time> time_from(const text::Json& json, std::string_view member) {
    auto time = text::parse_iso8601(json[member].as_string());
    if (!time) return base::fail(base::code::InternalError, "a stored training job has no valid " + std::string(member));
    return *time;
}

}  // namespace

std::string_view name(Status status) {
    for (const auto& [value, text] : status_names) {
        if (value == status) return text;
    }
    return "Failed";
}

bool is_final(Status status) { return status == Status::completed || status == Status::failed || status == Status::stopped; }

std::string JobId::arn() const { return "arn:aws:sagemaker:" + region + ":" + account + ":training-job/" + name; }

std::optional<JobId> parse_job_arn(std::string_view arn) {
    auto parts = base::split(arn, ':');
    constexpr std::string_view kind = "training-job/";
    if (parts.size() != 6 || parts[0] != "arn" || parts[1] != "aws" || parts[2] != "sagemaker" || !parts[5].starts_with(kind))
        return std::nullopt;
    JobId id{std::string(parts[4]), std::string(parts[3]), std::string(parts[5].substr(kind.size()))};
    if (id.account.empty() || id.region.empty() || id.name.empty()) return std::nullopt;
    return id;
}

const model::sagemaker::CreateTrainingJobRequest& Job::asked() const {
    INVARIANT(request);
    return request->asked;
}

std::string Job::role_arn() const { return asked().role_arn; }

std::string Job::model_artifacts() const {
    using model::sagemaker::OutputCompressionType;
    const auto& output = asked().output_data_config;
    std::string path = output.s3_output_path;
    while (path.ends_with('/')) path.pop_back();
    const bool compressed = output.compression_type.value_or(OutputCompressionType::gzip) == OutputCompressionType::gzip;
    return path + "/" + id.name + (compressed ? "/output/model.tar.gz" : "/output/model/");
}

void Job::enter(std::string secondary, std::string message, base::Time now) {
    if (!transitions.empty() && !transitions.back().end) transitions.back().end = now;
    secondary_status = secondary;
    transitions.push_back({std::move(secondary), std::move(message), now, std::nullopt});
    last_modified_time = now;
}

void Job::finish(Status final_status, std::string secondary, std::string message, base::Time now) {
    status = final_status;
    enter(std::move(secondary), std::move(message), now);
    transitions.back().end = now;
    training_end_time = now;
}

void Job::interrupt(std::string new_run_id, base::Time now) {
    run_id = std::move(new_run_id);
    ended = {};
    enter("Interrupted", "The managed spot training instances were interrupted", now);
    enter("Starting", "Starting the training job", now);
}

void Job::retry(std::string new_run_id, base::Time now) {
    ++retries;
    run_id = std::move(new_run_id);
    ended = {};
    enter("Starting", "Retrying the training job", now);
}

text::Json to_json(const Job& job) {
    auto json = text::Json::object({
        {"Account", job.id.account},
        {"Region", job.id.region},
        {"Name", job.id.name},
        {"Request", job.request ? to_json(*job.request) : text::Json()},
        {"Tags", tags_json(job.tags)},
        {"RunId", job.run_id},
        {"SessionTags", tags_json(job.session_tags)},
        {"SourceIdentity", job.source_identity},
        {"Retries", job.retries},
        {"RuntimeUsed", int64_t{job.runtime_used.count()}},
        {"Ended", job.ended},
        {"Status", std::string(name(job.status))},
        {"SecondaryStatus", job.secondary_status},
        {"FailureReason", job.failure_reason},
        {"CreationTime", text::iso8601_millis(job.creation_time)},
        {"LastModifiedTime", text::iso8601_millis(job.last_modified_time)},
    });
    if (!job.request_id.empty()) json.set("RequestId", job.request_id);
    if (job.source) json.set("Source", source_json(*job.source));
    if (job.folder_kept) json.set("FolderKept", true);
    if (job.training_start_time) json.set("TrainingStartTime", text::iso8601_millis(*job.training_start_time));
    if (job.training_end_time) json.set("TrainingEndTime", text::iso8601_millis(*job.training_end_time));
    auto transitions = text::Json::array();
    for (const auto& transition : job.transitions) {
        auto item = text::Json::object({{"Status", transition.status},
                                        {"StatusMessage", transition.message},
                                        {"StartTime", text::iso8601_millis(transition.start)}});
        if (transition.end) item.set("EndTime", text::iso8601_millis(*transition.end));
        transitions.push(std::move(item));
    }
    json.set("Transitions", std::move(transitions));
    auto workers = text::Json::array();
    for (const auto& worker : job.workers) {
        workers.push(
            text::Json::object({{"Host", worker.host}, {"LogStream", worker.log_stream}, {"Process", int64_t{worker.process}}}));
    }
    json.set("Workers", std::move(workers));
    auto metrics = text::Json::array();
    for (const auto& metric : job.final_metrics) {
        metrics.push(
            text::Json::object({{"Name", metric.name}, {"Value", metric.value}, {"Time", text::iso8601_millis(metric.time)}}));
    }
    if (metrics.size() > 0) json.set("FinalMetrics", std::move(metrics));
    return json;
}

base::Result<Job> job_from_json(const text::Json& json) {
    Job job;
    job.id = {json["Account"].as_string(), json["Region"].as_string(), json["Name"].as_string()};
    job.request = stored_request_from(json["Request"]);
    job.tags = tags_from(json["Tags"]);
    job.run_id = json["RunId"].as_string();
    job.session_tags = tags_from(json["SessionTags"]);
    job.source_identity = json["SourceIdentity"].as_string();
    job.request_id = json["RequestId"].as_string();
    job.retries = static_cast<int>(json["Retries"].as_int());
    job.runtime_used = std::chrono::milliseconds(json["RuntimeUsed"].as_int());
    job.ended = json["Ended"];
    if (json.contains("Source")) job.source = source_from(json["Source"]);
    job.folder_kept = json["FolderKept"].as_bool();
    bool known = false;
    for (const auto& [value, text] : status_names) {
        if (text == json["Status"].as_string()) {
            job.status = value;
            known = true;
        }
    }
    if (!known || job.id.name.empty()) return base::fail(base::code::InternalError, "a stored training job cannot be read");
    job.secondary_status = json["SecondaryStatus"].as_string();
    job.failure_reason = json["FailureReason"].as_string();
    job.creation_time = TRY(time_from(json, "CreationTime"));
    job.last_modified_time = TRY(time_from(json, "LastModifiedTime"));
    if (json.contains("TrainingStartTime")) job.training_start_time = TRY(time_from(json, "TrainingStartTime"));
    if (json.contains("TrainingEndTime")) job.training_end_time = TRY(time_from(json, "TrainingEndTime"));
    for (const auto& item : json["Transitions"].items()) {
        Transition transition{item["Status"].as_string(), item["StatusMessage"].as_string(), TRY(time_from(item, "StartTime")),
                              std::nullopt};
        if (item.contains("EndTime")) transition.end = TRY(time_from(item, "EndTime"));
        job.transitions.push_back(std::move(transition));
    }
    for (const auto& item : json["Workers"].items()) {
        job.workers.push_back(
            {item["Host"].as_string(), item["LogStream"].as_string(), static_cast<int>(item["Process"].as_int())});
    }
    for (const auto& item : json["FinalMetrics"].items())
        job.final_metrics.push_back({item["Name"].as_string(), item["Value"].as_double(), TRY(time_from(item, "Time"))});
    return job;
}

}  // namespace training
