#include "cli/train_workers.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "base/clock.hpp"
#include "base/utf8.hpp"
#include "text/time.hpp"

namespace cli {
namespace {

using text::Json;

constexpr const char* space = "/aws/sagemaker/TrainingJobs";
constexpr auto looked_back = std::chrono::seconds(60);
constexpr int64_t rate_seconds = 20;  // input is summed over this long
constexpr int64_t refusals_max = 1000;

Json dimension(const std::string& name, const std::string& value) {
    return Json::array({Json::object({{"Name", name}, {"Value", value}})});
}

// Measured values: a question CloudWatch refuses has no answer.
std::optional<Json> ask(wire::Client& client, const std::string& service, const std::string& operation, const Json& input) {
    auto answer = client.call(service, operation, input);
    if (!answer) return std::nullopt;
    return std::move(*answer);
}

Json query(const std::string& id, const std::string& metric, const Json& dimensions, const std::string& stat) {
    return Json::object(
        {{"Id", id},
         {"MetricStat",
          Json::object({{"Metric", Json::object({{"Namespace", space}, {"MetricName", metric}, {"Dimensions", dimensions}})},
                        {"Period", 1},
                        {"Stat", stat}})}});
}

void add_usage(wire::Client& client, JobRow& job) {
    auto now = base::SystemClock().now();
    auto queries = Json::array();
    for (size_t i = 0; i < job.workers.size(); ++i) {
        Json host = dimension("Host", job.name + "/" + job.workers[i].host);
        std::string number = std::to_string(i);
        queries.push(query("c" + number, "CPUUtilization", host, "Average"));
        queries.push(query("m" + number, "MemoryUtilization", host, "Average"));
        queries.push(query("i" + number, "InputBytes", host, "Sum"));
    }
    auto answer = ask(client, "monitoring", "GetMetricData",
                      Json::object({{"MetricDataQueries", queries},
                                    {"StartTime", text::iso8601_millis(now - looked_back)},
                                    {"EndTime", text::iso8601_millis(now + std::chrono::seconds(1))},
                                    {"ScanBy", "TimestampDescending"}}));
    if (!answer) return;
    for (const Json& result : (*answer)["MetricDataResults"].items()) {
        const auto& values = result["Values"].items();
        if (values.empty()) continue;
        const std::string& id = result["Id"].as_string();
        WorkerRow& worker = job.workers[std::stoul(id.substr(1))];
        if (id[0] == 'c') worker.cpu_percent = values.front().as_double();
        if (id[0] == 'm') worker.memory_percent = values.front().as_double();
        if (id[0] != 'i') continue;
        double bytes = 0;
        const auto& times = result["Timestamps"].items();
        for (size_t k = 0; k < values.size(); ++k) {
            auto time = text::parse_iso8601(times[k].as_string());
            if (time && now - *time <= std::chrono::seconds(rate_seconds)) bytes += values[k].as_double();
        }
        worker.input_bytes_per_second = bytes / static_cast<double>(rate_seconds);
    }
}

void add_metrics(wire::Client& client, JobRow& job) {
    Json of_job = dimension("TrainingJobName", job.name);
    auto listed = ask(client, "monitoring", "ListMetrics", Json::object({{"Namespace", space}, {"Dimensions", of_job}}));
    if (!listed || (*listed)["Metrics"].size() == 0) return;
    auto now = base::SystemClock().now();
    auto queries = Json::array();
    std::vector<std::string> names;
    for (const Json& metric : (*listed)["Metrics"].items()) {
        queries.push(query("q" + std::to_string(names.size()), metric["MetricName"].as_string(), of_job, "Average"));
        names.push_back(metric["MetricName"].as_string());
    }
    auto answer = ask(client, "monitoring", "GetMetricData",
                      Json::object({{"MetricDataQueries", queries},
                                    {"StartTime", text::iso8601_millis(now - std::chrono::hours(3))},
                                    {"EndTime", text::iso8601_millis(now + std::chrono::seconds(1))},
                                    {"ScanBy", "TimestampDescending"}}));
    if (!answer) return;
    for (const Json& result : (*answer)["MetricDataResults"].items()) {
        if (result["Values"].size() > 0)
            job.metrics.emplace_back(names[std::stoul(result["Id"].as_string().substr(1))],
                                     result["Values"].items().front().as_double());
    }
}

void add_last_lines(wire::Client& client, JobRow& job) {
    for (auto& worker : job.workers) {
        auto streams = ask(client, "logs", "DescribeLogStreams",
                           Json::object({{"logGroupName", space}, {"logStreamNamePrefix", job.name + "/" + worker.host + "-"}}));
        if (!streams || (*streams)["logStreams"].size() == 0) continue;
        auto page = ask(client, "logs", "GetLogEvents",
                        Json::object({{"logGroupName", space},
                                      {"logStreamName", (*streams)["logStreams"].items().back()["logStreamName"].as_string()},
                                      {"limit", 1}}));
        if (page && (*page)["events"].size() > 0) worker.last_line = (*page)["events"].items().front()["message"].as_string();
    }
}

void add_refusals(wire::Client& client, const Json& described, JobRow& job) {
    auto answer = ask(client, "trainwarden", "ListRequests",
                      Json::object({{"PrincipalArn", described["RoleArn"].as_string()},
                                    {"Since", described["CreationTime"].as_string()},
                                    {"RefusedOnly", true},
                                    {"MaxResults", refusals_max}}));
    if (!answer) return;
    const auto& records = (*answer)["Records"].items();
    job.refusals = static_cast<int64_t>(records.size());
    if (records.empty()) return;
    for (const Json& access : records.back()["Accesses"].items()) {
        if (access["Decision"].as_string() != "allowed")
            job.last_refusal = access["Action"].as_string() + " on " + access["Resource"].as_string();
    }
    if (job.last_refusal.empty()) job.last_refusal = records.back()["ErrorMessage"].as_string();
}

std::string percent(const std::optional<double>& value) {
    if (!value) return "-";
    char out[32];
    std::snprintf(out, sizeof out, "%.0f%%", *value);
    return out;
}

std::string rate(const std::optional<double>& value) {
    if (!value) return "-";
    double amount = *value;
    const std::array units = {"B/s", "KiB/s", "MiB/s", "GiB/s"};
    size_t unit = 0;
    for (; amount >= 1024 && unit + 1 < units.size(); ++unit) amount /= 1024;
    char out[32];
    std::snprintf(out, sizeof out, amount < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", amount, units[unit]);
    return out;
}

// Whole characters of what is shown; a cut that is marked.
std::string clipped(std::string_view text, size_t width) {
    std::string out;
    size_t columns = 0;
    for (char c : base::printable(text)) {
        bool first = (c & 0xC0) != 0x80;
        if (first && ++columns > width) {
            while (!out.empty() && (out.back() & 0xC0) == 0x80) out.pop_back();
            if (!out.empty()) out.back() = '~';
            return out;
        }
        out += c;
    }
    return out;
}

}  // namespace

base::Result<std::vector<JobRow>> look_at_workers(wire::Client& client, const std::string& name) {
    std::vector<std::string> names;
    if (!name.empty()) names.push_back(name);
    for (const char* status : {"InProgress", "Stopping"}) {
        if (!name.empty()) break;
        Json page =
            TRY(client.call("sagemaker", "ListTrainingJobs", Json::object({{"StatusEquals", status}, {"MaxResults", 100}})));
        for (const Json& job : page["TrainingJobSummaries"].items()) names.push_back(job["TrainingJobName"].as_string());
    }
    std::vector<JobRow> jobs;
    for (const auto& each : names) {
        Json described = TRY(client.call("sagemaker", "DescribeTrainingJob", Json::object({{"TrainingJobName", each}})));
        JobRow job;
        job.name = each;
        job.status = described["TrainingJobStatus"].as_string();
        job.step = described["SecondaryStatus"].as_string();
        int64_t count = described["ResourceConfig"]["InstanceCount"].as_int();
        for (const Json& group : described["ResourceConfig"]["InstanceGroups"].items()) count += group["InstanceCount"].as_int();
        for (int64_t host = 1; host <= count; ++host) job.workers.push_back({each, "algo-" + std::to_string(host), job.step});
        add_usage(client, job);
        add_metrics(client, job);
        add_last_lines(client, job);
        add_refusals(client, described, job);
        jobs.push_back(std::move(job));
    }
    return jobs;
}

Json to_json(const std::vector<JobRow>& jobs) {
    auto list = Json::array();
    auto optional = [](const std::optional<double>& value) { return value ? Json(*value) : Json(); };
    for (const auto& job : jobs) {
        auto workers = Json::array();
        for (const auto& worker : job.workers) {
            workers.push(Json::object({{"Host", worker.host},
                                       {"State", worker.state},
                                       {"CPUUtilization", optional(worker.cpu_percent)},
                                       {"MemoryUtilization", optional(worker.memory_percent)},
                                       {"InputBytesPerSecond", optional(worker.input_bytes_per_second)},
                                       {"LastLine", worker.last_line}}));
        }
        auto metrics = Json::object();
        for (const auto& [name, value] : job.metrics) metrics.set(name, value);
        list.push(Json::object({{"TrainingJobName", job.name},
                                {"TrainingJobStatus", job.status},
                                {"SecondaryStatus", job.step},
                                {"Refusals", job.refusals ? Json(*job.refusals) : Json()},
                                {"LastRefusal", job.last_refusal},
                                {"Metrics", std::move(metrics)},
                                {"Workers", std::move(workers)}}));
    }
    return list;
}

Text show(const std::vector<JobRow>& jobs, size_t width) {
    std::vector<std::vector<std::string>> rows = {{"JOB", "WORKER", "STEP", "CPU", "MEMORY", "INPUT", "LAST LINE"}};
    for (const auto& job : jobs) {
        for (const auto& worker : job.workers) {
            rows.push_back({job.name, worker.host, worker.state, percent(worker.cpu_percent), percent(worker.memory_percent),
                            rate(worker.input_bytes_per_second), worker.last_line});
        }
    }
    // The last column gets what the others leave.
    size_t others = 0;
    for (size_t column = 0; column + 1 < rows.front().size(); ++column) {
        size_t widest = 0;
        for (const auto& row : rows) widest = std::max(widest, row[column].size());
        others += widest + 2;
    }
    for (auto& row : rows) row.back() = clipped(row.back(), width > others + 10 ? width - others : 10);
    Text out = jobs.empty() ? Text("no training jobs in progress\n") : table(rows);
    for (const auto& job : jobs) {
        std::string line;
        for (const auto& [name, value] : job.metrics) {
            char text[48];
            std::snprintf(text, sizeof text, "%.6g", value);
            line += (line.empty() ? "" : "  ") + name + "=" + text;
        }
        if (!line.empty()) out += Text(clipped(job.name + ": " + line, width)) + "\n";
        if (!job.refusals) continue;
        std::string told = job.name + ": " + std::to_string(*job.refusals) + (*job.refusals == 1 ? " refusal" : " refusals");
        if (!job.last_refusal.empty()) told += ", last " + job.last_refusal;
        out += paint(*job.refusals > 0 ? Style::red : Style::dim, clipped(told, width)) + "\n";
    }
    return out;
}

}  // namespace cli
