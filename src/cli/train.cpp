// `trainwarden train logs | ls | describe | stop | interrupt` (`run`: train_run.cpp, `ps`: train_ps.cpp): training jobs by the same
// API calls that the AWS SDKs make.
#include <algorithm>
#include <cstdio>
#include <iterator>

#include "cli/commands.hpp"
#include "cli/terminal.hpp"
#include "cli/train_job.hpp"
#include "cli/train_log.hpp"
#include "cli/train_remedy.hpp"
#include "model/json.hpp"
#include "model/trainwarden/operations.hpp"
#include "model/words.hpp"
#include "text/json.hpp"

namespace cli {
namespace {

namespace m = model::sagemaker;
namespace own = model::trainwarden;
using text::Json;

template <class Operation>
base::Result<int> tell(const std::string& name) {
    auto client = TRY(connect_to_jobs());
    auto done = client.call<Operation>({.training_job_name = name});
    if (!done) return base::fail(of_job(std::move(done).error(), name));
    return 0;
}

base::Result<int> logs(const std::string& name, bool follow_on, bool raw) {
    if (raw && is_terminal(stdout))
        return train_usage("what workers wrote is not shown as it is on a terminal, which would obey it",
                           "redirect --raw into a file, or leave it out");
    auto client = TRY(connect_to_jobs());
    if (follow_on) return exit_status_of(TRY(follow_job(client, name, false, raw)));
    TRY(describe_job(client, name));  // a job that does not exist is an error, not an empty log
    TrainLog log(client, name, raw);
    TRY(log.print_new());
    return 0;
}

base::Result<int> list(bool json) {
    auto client = TRY(connect_to_jobs());
    m::ListTrainingJobsRequest asked{
        .max_results = 100, .sort_by = m::SortBy::creation_time, .sort_order = m::SortOrder::descending};
    std::vector<m::TrainingJobSummary> all;
    do {
        auto page = TRY(client.call<m::ListTrainingJobs>(asked));
        std::ranges::move(page.training_job_summaries, std::back_inserter(all));
        asked.next_token = std::move(page.next_token);
    } while (!model::text(asked.next_token).empty());
    if (json) {
        const m::ListTrainingJobsResponse answer{.training_job_summaries = std::move(all)};
        print_json(model::write_document(*m::ListTrainingJobs::operation.output, &answer).members().front().second);
        return 0;
    }
    std::vector<std::vector<std::string>> rows = {{"NAME", "STATUS", "STEP", "CREATED"}};
    for (const auto& job : all) {
        rows.push_back({job.training_job_name, std::string(model::word_of(job.training_job_status)),
                        std::string(model::word_of(job.secondary_status.value_or(m::SecondaryStatus::unknown))),
                        model::iso_text(job.creation_time)});
    }
    print(table(rows));
    return 0;
}

void print_line(const char* label, const std::string& value) {
    std::string padded = label;
    padded.resize(std::max<size_t>(padded.size(), 12), ' ');
    if (!value.empty()) print(Text(padded) + " " + Text::lines(value, "             ") + "\n");
}

void print_lines(const JobDescription& job) {
    const auto text = [](std::string_view view) { return std::string(view); };
    print_line("name", job.training_job_name);
    print_line("status", text(model::word_of(job.training_job_status)) + " (" + text(model::word_of(job.secondary_status)) + ")");
    print_line("reason", text(model::text(job.failure_reason)));
    print_line("role", text(model::text(job.role_arn)));
    const auto resources = job.resource_config.value_or(m::ResourceConfig{});
    print_line("instances", (resources.instance_count ? std::to_string(*resources.instance_count) : "") + " x " +
                                text(model::word_of(resources.instance_type.value_or(m::TrainingInstanceType::unknown))));
    for (const auto& input : model::items(job.input_data_config)) {
        const auto s3 = input.data_source.s3_data_source.value_or(m::S3DataSource{});
        print_line("input",
                   input.channel_name + "=" + s3.s3_uri + " (" +
                       text(model::word_of(s3.s3_data_distribution_type.value_or(m::S3DataDistribution::fully_replicated))) +
                       ")");
    }
    // SageMaker says where the model would be, also of a job that has failed and left none.
    if (job.training_job_status != m::TrainingJobStatus::failed) print_line("model", job.model_artifacts.s3_model_artifacts);
    print_line("created", model::iso_text(job.creation_time));
    if (job.training_time_in_seconds) print_line("seconds", std::to_string(*job.training_time_in_seconds));
    for (const auto& metric : model::items(job.final_metric_data_list))
        print_line("metric",
                   text(model::text(metric.metric_name)) + "=" + (metric.value ? model::number_text(*metric.value) : ""));
    for (const auto& step : model::items(job.secondary_status_transitions)) {
        print_line("step", model::iso_text(step.start_time) + "  " + text(model::word_of(step.status)) + ": " +
                               text(model::text(step.status_message)));
    }
}

base::Result<int> show(const std::string& name, bool json) {
    auto client = TRY(connect_to_jobs());
    if (!json) {
        print_lines(TRY(describe_job(client, name)));
        return 0;
    }
    // The answer as it is: AWS may have words for things that the model here has not.
    auto found = client.call("sagemaker", "DescribeTrainingJob", Json::object({{"TrainingJobName", name}}));
    if (!found) return base::fail(of_job(std::move(found).error(), name));
    print_json(*found);
    return 0;
}

}  // namespace

void add_train(Command& root) {
    struct Options {
        std::string name;
        bool follow = false;
        bool raw = false;
        bool json = false;
    };
    Command train = root.subcommand("train", "Run training jobs under a role");
    add_train_run(train);
    add_train_ps(train);

    auto logged = std::make_shared<Options>();
    Command logs_command = train.subcommand("logs", "Print what a job's workers wrote");
    logs_command.asks_server();
    logs_command.positional("NAME", logged->name, "training job");
    logs_command.flag("-f,--follow", logged->follow, "go on until the job ends");
    logs_command.flag("--raw", logged->raw, "control characters as they were written; not to a terminal");
    logs_command.action([logged] { return logs(logged->name, logged->follow, logged->raw); });

    auto listed = std::make_shared<Options>();
    Command list_command = train.subcommand("ls", "List training jobs, newest first");
    list_command.asks_server();
    list_command.flag("--json", listed->json, "print JSON");
    list_command.action([listed] { return list(listed->json); });

    auto shown = std::make_shared<Options>();
    Command describe_command = train.subcommand("describe", "Show one job");
    describe_command.asks_server();
    describe_command.positional("NAME", shown->name, "training job");
    describe_command.flag("--json", shown->json, "print DescribeTrainingJob's answer as JSON");
    describe_command.action([shown] { return show(shown->name, shown->json); });

    auto interrupted = std::make_shared<Options>();
    Command interrupt_command =
        train.subcommand("interrupt", "Take a managed spot training job's instances away; it begins again from its checkpoints");
    interrupt_command.asks_server();
    interrupt_command.positional("NAME", interrupted->name, "training job");
    interrupt_command.action([interrupted] { return tell<own::InterruptTrainingJob>(interrupted->name); });

    auto stopped = std::make_shared<Options>();
    Command stop_command = train.subcommand("stop", "Stop a job: SIGTERM now, SIGKILL after 120 seconds");
    stop_command.asks_server();
    stop_command.positional("NAME", stopped->name, "training job");
    stop_command.action([stopped] { return tell<m::StopTrainingJob>(stopped->name); });
}

}  // namespace cli
