#include "cli/train_workers.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "base/clock.hpp"
#include "base/utf8.hpp"
#include "cli/train_job.hpp"
#include "model/logs/operations.hpp"
#include "model/monitoring/operations.hpp"
#include "model/sagemaker/training_jobs.hpp"
#include "model/trainwarden/operations.hpp"
#include "model/words.hpp"

namespace cli {
namespace {

namespace cw = model::monitoring;
namespace cwl = model::logs;
namespace m = model::sagemaker;
namespace own = model::trainwarden;
using text::Json;

constexpr const char* space = "/aws/sagemaker/TrainingJobs";
constexpr auto looked_back = std::chrono::seconds(60);
constexpr int64_t rate_seconds = 20;  // input is summed over this long
constexpr int32_t refusals_max = 1000;

std::vector<cw::Dimension> dimension(const std::string& name, const std::string& value) { return {{name, value}}; }

cw::MetricDataQuery query(const std::string& id, const std::string& metric, const std::vector<cw::Dimension>& dimensions,
                          const std::string& statistic) {
    return {
        .id = id,
        .metric_stat = cw::MetricStat{
            .metric = {.namespace_ = space, .metric_name = metric, .dimensions = dimensions}, .period = 1, .stat = statistic}};
}

// The newest values first, of this long before now. Nothing: CloudWatch refuses to say.
std::vector<cw::MetricDataResult> measured(wire::Client& client, std::vector<cw::MetricDataQuery> queries, base::Time now,
                                           std::chrono::seconds back) {
    auto answer = client.call<cw::GetMetricData>({.metric_data_queries = std::move(queries),
                                                  .start_time = now - back,
                                                  .end_time = now + std::chrono::seconds(1),
                                                  .scan_by = cw::ScanBy::timestamp_descending});
    if (!answer || !answer->metric_data_results) return {};
    return std::move(*answer->metric_data_results);
}

void add_usage(wire::Client& client, JobRow& job) {
    const base::Time now = base::SystemClock().now();
    std::vector<cw::MetricDataQuery> queries;
    for (size_t i = 0; i < job.workers.size(); ++i) {
        const auto host = dimension("Host", job.name + "/" + job.workers[i].host);
        const std::string number = std::to_string(i);
        queries.push_back(query("c" + number, "CPUUtilization", host, "Average"));
        queries.push_back(query("m" + number, "MemoryUtilization", host, "Average"));
        queries.push_back(query("i" + number, "InputBytes", host, "Sum"));
    }
    for (const auto& result : measured(client, std::move(queries), now, looked_back)) {
        const auto values = model::items(result.values);
        const std::string id(model::text(result.id));
        if (values.empty() || id.empty()) continue;
        WorkerRow& worker = job.workers.at(std::stoul(id.substr(1)));
        if (id[0] == 'c') worker.cpu_percent = values.front();
        if (id[0] == 'm') worker.memory_percent = values.front();
        if (id[0] != 'i') continue;
        double bytes = 0;
        const auto times = model::items(result.timestamps);
        for (size_t k = 0; k < std::min(values.size(), times.size()); ++k)
            if (now - times[k] <= std::chrono::seconds(rate_seconds)) bytes += values[k];
        worker.input_bytes_per_second = bytes / static_cast<double>(rate_seconds);
    }
}

void add_metrics(wire::Client& client, JobRow& job) {
    const auto of_job = dimension("TrainingJobName", job.name);
    const auto listed = client.call<cw::ListMetrics>(
        {.namespace_ = space, .dimensions = std::vector<cw::DimensionFilter>{{"TrainingJobName", job.name}}});
    if (!listed || model::items(listed->metrics).empty()) return;
    std::vector<cw::MetricDataQuery> queries;
    std::vector<std::string> names;
    for (const auto& metric : *listed->metrics) {
        names.emplace_back(model::text(metric.metric_name));
        queries.push_back(query("q" + std::to_string(names.size() - 1), names.back(), of_job, "Average"));
    }
    for (const auto& result : measured(client, std::move(queries), base::SystemClock().now(), std::chrono::hours(3))) {
        const auto values = model::items(result.values);
        if (!values.empty() && result.id) job.metrics.emplace_back(names.at(std::stoul(result.id->substr(1))), values.front());
    }
}

void add_last_lines(wire::Client& client, JobRow& job) {
    for (auto& worker : job.workers) {
        const auto streams = client.call<cwl::DescribeLogStreams>(
            {.log_group_name = space, .log_stream_name_prefix = job.name + "/" + worker.host + "-"});
        if (!streams || model::items(streams->log_streams).empty()) continue;
        const auto page = client.call<cwl::GetLogEvents>(
            {.log_group_name = space,
             .log_stream_name = std::string(model::text(streams->log_streams->back().log_stream_name)),
             .limit = 1});
        if (page && !model::items(page->events).empty()) worker.last_line = model::text(page->events->front().message);
    }
}

void add_refusals(wire::Client& client, const m::DescribeTrainingJobResponse& described, JobRow& job) {
    const auto answer = client.call<own::ListRequests>({.principal_arn = described.role_arn,
                                                        .since = model::iso_text(described.creation_time),
                                                        .refused_only = true,
                                                        .max_results = refusals_max});
    if (!answer) return;
    const auto& records = answer->records;
    job.refusals = static_cast<int64_t>(records.size());
    if (records.empty()) return;
    for (const auto& access : model::items(records.back().accesses)) {
        if (access.decision != own::Decision::allowed) job.last_refusal = access.action + " on " + access.resource;
    }
    if (job.last_refusal.empty()) job.last_refusal = model::text(records.back().error_message);
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
    for (const auto status : {m::TrainingJobStatus::in_progress, m::TrainingJobStatus::stopping}) {
        if (!name.empty()) break;
        const auto page = TRY(client.call<m::ListTrainingJobs>({.max_results = 100, .status_equals = status}));
        for (const auto& job : page.training_job_summaries) names.push_back(job.training_job_name);
    }
    std::vector<JobRow> jobs;
    for (const auto& each : names) {
        const JobDescription described = TRY(describe_job(client, each));
        JobRow job;
        job.name = each;
        job.status = described.training_job_status;
        job.step = model::word_of(described.secondary_status);
        const auto resources = described.resource_config.value_or(m::ResourceConfig{});
        int64_t count = resources.instance_count.value_or(0);
        for (const auto& group : model::items(resources.instance_groups)) count += group.instance_count;
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
                                {"TrainingJobStatus", model::word_of(job.status)},
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
