// `trainwarden train run | logs | ls | describe | stop` (`ps`: train_ps.cpp): training jobs by the same API calls that the AWS
// SDKs make.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "base/strings.hpp"
#include "cli/commands.hpp"
#include "cli/source_archive.hpp"
#include "cli/terminal.hpp"
#include "cli/train_log.hpp"
#include "cli/train_remedy.hpp"
#include "crypto/digest.hpp"
#include "crypto/random.hpp"
#include "text/json.hpp"
#include "text/time.hpp"
#include "wire/client.hpp"

namespace cli {
namespace {

using text::Json;

constexpr std::string_view name_characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
constexpr auto poll_interval = std::chrono::milliseconds(400);

struct RunOptions {
    std::string role, output, entry, source, name, checkpoints;
    std::string image = "host/python3";
    std::string instance_type = "ml.m5.large";
    int64_t instances = 1;
    int64_t runtime_max = 86'400;
    int64_t retries = 0;
    std::vector<std::string> inputs, hyperparameters, environment, metrics;
    int64_t wait_max = 0;
    bool spot = false;
    bool no_wait = false;
    bool json = false;
};

base::Result<wire::Client> connect() { return wire::Client(TRY(wire::options_from_environment())); }

std::unexpected<base::Error> usage(std::string message, std::string note) {
    base::Error error("InvalidArgument", std::move(message));
    error.notes.push_back(std::move(note));
    return base::fail(std::move(error));
}

base::Result<std::pair<std::string, std::string>> split_pair(const std::string& text, const std::string& option) {
    auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
        return usage(option + " `" + text + "` has no " + (equals == 0 ? "name before its `=`" : "`=`"),
                     "write " + option + " NAME=VALUE");
    }
    return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

base::Result<std::pair<std::string, std::string>> split_s3(const std::string& uri, const std::string& option) {
    if (!uri.starts_with("s3://") || uri.size() == 5 || uri[5] == '/') {
        std::string path = uri;  // NAME=/tmp/x: what follows the channel's name
        if (auto equals = uri.find('='); equals != std::string::npos && !std::filesystem::exists(uri))
            path = uri.substr(equals + 1);
        if (std::error_code error; std::filesystem::exists(path, error)) {
            return usage(
                option + " `" + uri + "` is not an S3 address but a path of this machine; workers read and write buckets",
                option == "--input" ? "upload it first: aws s3 cp --recursive " + path +
                                          " s3://BUCKET/PREFIX/, then write --input s3://BUCKET/PREFIX/"
                                    : "write " + option + " s3://BUCKET/PREFIX");
        }
        return usage(option + " `" + uri + "` is not an S3 address", "write " + option + " s3://BUCKET/PREFIX");
    }
    std::string rest = uri.substr(5);
    auto slash = rest.find('/');
    std::string prefix = slash == std::string::npos ? "" : rest.substr(slash + 1);
    while (prefix.ends_with('/')) prefix.pop_back();
    return std::pair(rest.substr(0, slash), prefix);
}

// [CHANNEL=]S3URI[,sharded|,replicated][,file|,fastfile|,pipe]
base::Result<Json> channel(std::string text) {
    std::string name = "train";
    auto scheme = text.find("s3://");
    if (scheme != std::string::npos && scheme > 0) {
        auto [given, uri] = TRY(split_pair(text, "--input"));
        name = given;
        text = uri;
    }
    bool sharded = name == "train" || name == "training";
    const char* mode = nullptr;
    auto take = [&](std::string_view suffix) {
        if (!text.ends_with(suffix)) return false;
        text.resize(text.size() - suffix.size());
        return true;
    };
    for (bool found = true; found;) {
        found = false;
        for (auto [suffix, value] :
             {std::pair(",file", "File"), std::pair(",fastfile", "FastFile"), std::pair(",pipe", "Pipe")}) {
            if (!take(suffix)) continue;
            mode = value;
            found = true;
        }
        for (bool choice : {true, false}) {
            if (!take(choice ? ",sharded" : ",replicated")) continue;
            sharded = choice;
            found = true;
        }
    }
    if (const size_t comma = text.rfind(','); comma != std::string::npos) {
        const std::string last = text.substr(comma + 1);
        for (const char* word : {"sharded", "replicated", "file", "fastfile", "pipe"}) {
            if (distance(base::lower(last), word) <= 2)
                return usage("--input `" + text + "` ends with `," + last + "`, which is no option",
                             "did you mean `," + std::string(word) + "`?");
        }
    }
    TRY(split_s3(text, "--input"));
    auto out = Json::object(
        {{"ChannelName", name},
         {"DataSource", Json::object({{"S3DataSource", Json::object({{"S3DataType", "S3Prefix"},
                                                                     {"S3Uri", text},
                                                                     {"S3DataDistributionType",
                                                                      sharded ? "ShardedByS3Key" : "FullyReplicated"}})}})}});
    if (mode != nullptr) out.set("InputMode", mode);
    return out;
}

// train.py → train-2026-11-23-22-30-25-123, as the SageMaker SDK names jobs.
std::string make_name(const std::string& program) {
    std::string name;
    for (char c : std::filesystem::path(program).stem().string()) {
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (plain || (!name.empty() && name.back() != '-')) name += plain ? c : '-';
    }
    while (name.ends_with('-')) name.pop_back();
    if (name.size() > 36) name.resize(36);
    std::string time = text::iso8601_millis(base::SystemClock().now());
    for (char& c : time) {
        if (c == 'T' || c == ':' || c == '.') c = '-';
    }
    time.pop_back();
    return (name.empty() ? "job" : name) + "-" + time;
}

base::Result<std::string> role_arn(wire::Client& client, const std::string& role) {
    if (role.starts_with("arn:")) return role;
    auto found = client.call("iam", "GetRole", Json::object({{"RoleName", role}}));
    if (!found && found.error().code == "AccessDenied") {
        return base::fail(
            std::move(found).error().note("to use the role by its name you must be allowed iam:GetRole; with its ARN "
                                          "(--role arn:aws:iam::ACCOUNT:role/" +
                                          role + ") you need not"));
    }
    if (!found && found.error().code == "NoSuchEntity")
        return base::fail(std::move(found).error().note("list the account's roles: aws iam list-roles --query 'Roles[].Arn'"));
    return TRY(std::move(found))["Role"]["Arn"].as_string();
}

// The archive goes beside the job's output, under a name that its content makes: whoever may write there brings the source, and
// the role reads it there.
struct Source {
    std::string bytes, digest;
    std::string bucket, key;
    [[nodiscard]] std::string uri() const { return "s3://" + bucket + "/" + key; }
};

base::Result<Source> pack(const RunOptions& options) {
    auto [bucket, prefix] = TRY(split_s3(options.output, "--output"));
    Source source;
    source.bytes = TRY(pack_source(options.source.empty() ? options.entry : options.source));
    source.digest = crypto::hex(crypto::sha256(source.bytes));
    source.bucket = bucket;
    source.key = (prefix.empty() ? "" : prefix + "/") + options.name + "/source/" + source.digest + "/sourcedir.tar.gz";
    return source;
}

// Never over an object that is there already: another job may run it.
base::Result<void> upload(wire::Client& client, Source& source) {
    wire::S3Call call;
    call.method = "PUT";
    call.bucket = source.bucket;
    call.headers.add("If-None-Match", "*");
    for (bool again : {false, true}) {
        if (again) {
            const size_t name = source.key.rfind('/');
            source.key.insert(name, "-" + crypto::SystemRandom().hex(8));
        }
        call.key = source.key;
        call.body = source.bytes;
        auto done = client.s3(call);
        if (done) return {};
        if (done.error().code != "PreconditionFailed" || again) return base::fail(std::move(done).error());
    }
    return {};
}

base::Result<Json> make_request(const RunOptions& options, const std::string& role, const Source& source) {
    auto request = Json::object(
        {{"TrainingJobName", options.name},
         {"AlgorithmSpecification", Json::object({{"TrainingImage", options.image}, {"TrainingInputMode", "File"}})},
         {"RoleArn", role},
         {"OutputDataConfig", Json::object({{"S3OutputPath", options.output}})},
         {"ResourceConfig",
          Json::object({{"InstanceType", options.instance_type}, {"InstanceCount", options.instances}, {"VolumeSizeInGB", 10}})},
         {"StoppingCondition", Json::object({{"MaxRuntimeInSeconds", options.runtime_max}})}});
    auto channels = Json::array();
    for (const auto& input : options.inputs) channels.push(TRY(channel(input)));
    if (channels.size() > 0) request.set("InputDataConfig", std::move(channels));
    std::string program = options.source.empty() ? std::filesystem::path(options.entry).filename().string() : options.entry;
    // Script mode: the SDKs send every hyperparameter as JSON text.
    auto hyperparameters = Json::object(
        {{"sagemaker_program", text::quote_json(program)}, {"sagemaker_submit_directory", text::quote_json(source.uri())}});
    for (const auto& text : options.hyperparameters) {
        auto [key, value] = TRY(split_pair(text, "--hyperparameter"));
        hyperparameters.set(key, value);
    }
    request.set("HyperParameters", std::move(hyperparameters));
    auto metrics = Json::array();
    for (const auto& text : options.metrics) {
        auto [metric, regex] = TRY(split_pair(text, "--metric"));
        metrics.push(Json::object({{"Name", metric}, {"Regex", regex}}));
    }
    if (metrics.size() > 0) request.find("AlgorithmSpecification")->set("MetricDefinitions", std::move(metrics));
    auto environment = Json::object();
    for (const auto& text : options.environment) {
        auto [key, value] = TRY(split_pair(text, "--environment"));
        if ((key[0] >= '0' && key[0] <= '9') || key.find_first_not_of(name_characters) != std::string::npos)
            return usage("--environment `" + text + "`: `" + key + "` is not the name of a variable",
                         "a name has letters, digits and underscores, and no digit in front");
        environment.set(key, value);
    }
    // So that the job runs this archive, whatever lies there when it is read.
    environment.set("TRAINWARDEN_SOURCE_SHA256", source.digest);
    request.set("Environment", std::move(environment));
    if (options.spot) {
        request.set("EnableManagedSpotTraining", true);
        request.find("StoppingCondition")
            ->set("MaxWaitTimeInSeconds", options.wait_max > 0 ? options.wait_max : options.runtime_max);
    }
    if (options.retries > 0) request.set("RetryStrategy", Json::object({{"MaximumRetryAttempts", options.retries}}));
    if (!options.checkpoints.empty()) request.set("CheckpointConfig", Json::object({{"S3Uri", options.checkpoints}}));
    return request;
}

base::Result<Json> describe(wire::Client& client, const std::string& name) {
    auto found = client.call("sagemaker", "DescribeTrainingJob", Json::object({{"TrainingJobName", name}}));
    if (!found) return base::fail(of_job(std::move(found).error(), name));
    return found;
}

base::Result<int> tell(const std::string& service, const std::string& operation, const std::string& name) {
    auto client = TRY(connect());
    auto done = client.call(service, operation, Json::object({{"TrainingJobName", name}}));
    if (!done) return base::fail(of_job(std::move(done).error(), name));
    return 0;
}

bool is_final(const std::string& status) { return status == "Completed" || status == "Failed" || status == "Stopped"; }

// Prints log lines and changes of state until the job is done; its last description.
base::Result<Json> follow(wire::Client& client, const std::string& name, bool tell_states, bool raw = false) {
    TrainLog log(client, name, raw);
    size_t told = 0;
    for (;;) {
        Json job = TRY(describe(client, name));
        TRY(log.print_new());  // after describe: a job that was final then has written all
        const auto& transitions = job["SecondaryStatusTransitions"].items();
        for (; tell_states && told < transitions.size(); ++told) {
            std::string line = transitions[told]["Status"].as_string() + ": " + transitions[told]["StatusMessage"].as_string();
            print(paint(Style::dim, line, stderr) + "\n", stderr);
        }
        if (is_final(job["TrainingJobStatus"].as_string())) return job;
        std::this_thread::sleep_for(poll_interval);
    }
}

// An interrupt ends the following, not the job, which is the server's: the last words say so.
std::string last_words;

extern "C" void leave(int) {
    ssize_t ignored = ::write(STDERR_FILENO, last_words.data(), last_words.size());
    (void)ignored;  // There is nobody else to tell.
    ::_exit(128 + SIGINT);
}

void leave_job_on_interrupt(const std::string& name) {
    const Text job(name);
    last_words = ("\n" + job + " goes on. To follow it: trainwarden train logs -f " + job +
                  "; to stop it: trainwarden train stop " + job + "\n")
                     .string();
    if (::signal(SIGINT, leave) == SIG_IGN) ::signal(SIGINT, SIG_IGN);  // in the background of a script
}

base::Result<int> exit_status(const Json& job) {
    std::string status = job["TrainingJobStatus"].as_string(), name = job["TrainingJobName"].as_string();
    if (status == "Completed") {
        const std::string told = name + " completed: " + job["ModelArtifacts"]["S3ModelArtifacts"].as_string();
        print(paint(Style::green, told, stderr) + "\n", stderr);
        return 0;
    }
    if (status == "Failed") return base::fail("TrainingJobFailed", name + " failed: " + job["FailureReason"].as_string());
    return base::fail("TrainingJobStopped", name + " ended as " + status + " (" + job["SecondaryStatus"].as_string() + ")");
}

// Of an answer that was lost and asked for again: is the job that has the name the one of this very archive?
bool is_ours(wire::Client& client, const Json& request, const Source& source) {
    auto job = describe(client, request["TrainingJobName"].as_string());
    return job && (*job)["HyperParameters"]["sagemaker_submit_directory"].as_string() == text::quote_json(source.uri());
}

base::Result<Json> create(wire::Client& client, const Json& request, const Source& source) {
    auto created = client.call("sagemaker", "CreateTrainingJob", request);
    if (created) return created;
    base::Error refused = std::move(created).error();
    if (refused.code == "ResourceInUse" && is_ours(client, request, source))
        return Json::object(
            {{"TrainingJobArn", TRY(describe(client, request["TrainingJobName"].as_string()))["TrainingJobArn"]}});
    // Without an answer nobody knows whether there is a job: then its source stays.
    const bool answered = refused.code != "ConnectionError" && refused.code != "Timeout" && !refused.code.starts_with("Internal");
    if (answered) {
        wire::S3Call remove;
        remove.method = "DELETE";
        remove.bucket = source.bucket;
        remove.key = source.key;
        if (client.s3(remove)) return base::fail(std::move(refused));
    }
    return base::fail(std::move(refused).note("the uploaded source is left at " + source.uri()));
}

base::Result<int> run(RunOptions options) {
    if (options.role.empty()) {
        return usage("--role is required: workers act as a role, never as you",
                     "name one that sagemaker.amazonaws.com may assume and that you may pass: --role NAME or --role ARN "
                     "(aws iam list-roles shows them; docs/train.md says what it needs)");
    }
    if (options.wait_max != 0 && !options.spot)
        return usage("--max-wait is for managed spot training",
                     "add --spot, or say --max-runtime for how long the job may train");
    if (!options.checkpoints.empty()) TRY(split_s3(options.checkpoints, "--checkpoints"));
    if (!options.source.empty() && !std::filesystem::is_directory(options.source)) {
        return usage(std::filesystem::exists(options.source) ? "--source " + options.source + " is not a folder"
                                                             : "there is no folder " + options.source,
                     "--source names a folder, --entry a file inside of it; one script alone needs no --source");
    }
    auto client = TRY(connect());
    std::string entry = options.source.empty() ? options.entry : options.source + "/" + options.entry;
    if (!std::filesystem::is_regular_file(entry)) {
        return usage("there is no script " + entry, "--entry names a file; with --source, a file inside that folder");
    }
    if (options.name.empty()) options.name = make_name(options.entry);
    for (const auto& input : options.inputs) TRY(channel(input));
    Source source = TRY(pack(options));
    const std::string role = TRY(role_arn(client, options.role));
    // Before anything is uploaded: a refused run leaves nothing, and changes nothing of a job that has the name. AWS has no such
    // operation: there the archive goes first.
    if (!client.options().endpoint.empty()) {
        const Json wanted = TRY(make_request(options, role, source));
        auto allowed = client.call("trainwarden", "CheckTrainingJob", Json::object({{"Request", wanted.dump()}}));
        if (!allowed) return base::fail(with_remedy(std::move(allowed).error(), options.instance_type));
    }
    TRY(upload(client, source));
    auto created = create(client, TRY(make_request(options, role, source)), source);
    if (!created) return base::fail(with_remedy(std::move(created).error(), options.instance_type));
    if (options.no_wait) {
        if (options.json)
            print_json(*created);
        else
            print(Text(options.name) + "\n");
        return 0;
    }
    print("training job " + Text(options.name) + "\n", stderr);
    leave_job_on_interrupt(options.name);
    return exit_status(TRY(follow(client, options.name, true)));
}

base::Result<int> logs(const std::string& name, bool follow_on, bool raw) {
    if (raw && is_terminal(stdout))
        return usage("what workers wrote is not shown as it is on a terminal, which would obey it",
                     "redirect --raw into a file, or leave it out");
    auto client = TRY(connect());
    if (follow_on) return exit_status(TRY(follow(client, name, false, raw)));
    TRY(describe(client, name));  // a job that does not exist is an error, not an empty log
    TrainLog log(client, name, raw);
    TRY(log.print_new());
    return 0;
}

base::Result<int> list(bool json) {
    auto client = TRY(connect());
    auto all = Json::array();
    std::string token;
    do {
        auto input = Json::object({{"MaxResults", 100}, {"SortBy", "CreationTime"}, {"SortOrder", "Descending"}});
        if (!token.empty()) input.set("NextToken", token);
        Json page = TRY(client.call("sagemaker", "ListTrainingJobs", input));
        for (const Json& job : page["TrainingJobSummaries"].items()) all.push(job);
        token = page["NextToken"].as_string();
    } while (!token.empty());
    if (json) {
        print_json(all);
        return 0;
    }
    std::vector<std::vector<std::string>> rows = {{"NAME", "STATUS", "STEP", "CREATED"}};
    for (const Json& job : all.items()) {
        rows.push_back({job["TrainingJobName"].as_string(), job["TrainingJobStatus"].as_string(),
                        job["SecondaryStatus"].as_string(), job["CreationTime"].as_string()});
    }
    print(table(rows));
    return 0;
}

base::Result<int> show(const std::string& name, bool json) {
    auto client = TRY(connect());
    Json job = TRY(describe(client, name));
    if (json) {
        print_json(job);
        return 0;
    }
    auto line = [](const char* label, const std::string& value) {
        std::string padded = label;
        padded.resize(std::max<size_t>(padded.size(), 12), ' ');
        if (!value.empty()) print(Text(padded) + " " + Text::lines(value, "             ") + "\n");
    };
    line("name", job["TrainingJobName"].as_string());
    line("status", job["TrainingJobStatus"].as_string() + " (" + job["SecondaryStatus"].as_string() + ")");
    line("reason", job["FailureReason"].as_string());
    line("role", job["RoleArn"].as_string());
    line("instances",
         job["ResourceConfig"]["InstanceCount"].as_string() + " x " + job["ResourceConfig"]["InstanceType"].as_string());
    for (const Json& input : job["InputDataConfig"].items()) {
        const Json& s3 = input["DataSource"]["S3DataSource"];
        line("input", input["ChannelName"].as_string() + "=" + s3["S3Uri"].as_string() + " (" +
                          s3["S3DataDistributionType"].as_string_or("FullyReplicated") + ")");
    }
    line("model", job["ModelArtifacts"]["S3ModelArtifacts"].as_string());
    line("created", job["CreationTime"].as_string());
    line("seconds", job["TrainingTimeInSeconds"].as_string());
    for (const Json& metric : job["FinalMetricDataList"].items())
        line("metric", metric["MetricName"].as_string() + "=" + metric["Value"].as_string());
    for (const Json& step : job["SecondaryStatusTransitions"].items()) {
        line("step",
             step["StartTime"].as_string() + "  " + step["Status"].as_string() + ": " + step["StatusMessage"].as_string());
    }
    return 0;
}

void add_run(Command& train) {
    auto options = std::make_shared<RunOptions>();
    Command run_command = train.subcommand("run", "Train a script on this server's workers and follow its log");
    run_command.option("--role", "ARN", options->role, "role that the workers get (ARN or name); required");
    run_command.option("--output", "S3URI", options->output, "where the model goes: s3://BUCKET/PREFIX", true);
    run_command.option("--entry", "FILE", options->entry, "script to run", true);
    run_command.option("--source", "DIR", options->source, "folder to take along; --entry is then a path inside it");
    run_command.option("--input", "[CHANNEL=]S3URI", options->inputs,
                       "data for the workers, repeatable; append `,sharded` (default for train) or `,replicated` (default for "
                       "others), and `,fastfile` or `,pipe`");
    run_command.option("--instances", "N", options->instances, "number of workers");
    run_command.option("--hyperparameter", "KEY=VALUE", options->hyperparameters, "argument of the script, repeatable");
    run_command.option("--environment", "NAME=VALUE", options->environment, "environment variable, repeatable");
    run_command.option("--metric", "NAME=REGEX", options->metrics, "metric in the log: the expression's first group, repeatable");
    run_command.option("--checkpoints", "S3URI", options->checkpoints, "keep /opt/ml/checkpoints here, and restore it from here");
    run_command.option("--name", "NAME", options->name, "name of the job (default: from the script and the time)");
    run_command.option("--image", "IMAGE", options->image, "training image");
    run_command.option("--instance-type", "TYPE", options->instance_type,
                       "instance type that the workers report, and whose cores and memory they get");
    run_command.option("--max-runtime", "SECONDS", options->runtime_max, "stop the job after this long");
    run_command.flag("--spot", options->spot,
                     "managed spot training: the job may be interrupted, and goes on from its checkpoints");
    run_command.option("--max-wait", "SECONDS", options->wait_max,
                       "with --spot: end the job after this long, interruptions included");
    run_command.option("--retries", "N", options->retries,
                       "start the workers again, up to N times, if the server stops while they run");
    run_command.flag("--no-wait", options->no_wait, "print the job's name and return at once");
    run_command.flag("--json", options->json, "with --no-wait: print CreateTrainingJob's answer as JSON");
    run_command.footer(
        "Example:\n"
        "  trainwarden train run --role trainer --instances 2 --input train=s3://data/digits/train/ \\\n"
        "      --input test=s3://data/digits/test/ --output s3://data/models --entry train.py --hyperparameter epochs=8");
    run_command.action([options] { return run(*options); });
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
    add_run(train);
    add_train_ps(train);

    auto logged = std::make_shared<Options>();
    Command logs_command = train.subcommand("logs", "Print what a job's workers wrote");
    logs_command.positional("NAME", logged->name, "training job");
    logs_command.flag("-f,--follow", logged->follow, "go on until the job ends");
    logs_command.flag("--raw", logged->raw, "control characters as they were written; not to a terminal");
    logs_command.action([logged] { return logs(logged->name, logged->follow, logged->raw); });

    auto listed = std::make_shared<Options>();
    Command list_command = train.subcommand("ls", "List training jobs, newest first");
    list_command.flag("--json", listed->json, "print JSON");
    list_command.action([listed] { return list(listed->json); });

    auto shown = std::make_shared<Options>();
    Command describe_command = train.subcommand("describe", "Show one job");
    describe_command.positional("NAME", shown->name, "training job");
    describe_command.flag("--json", shown->json, "print DescribeTrainingJob's answer as JSON");
    describe_command.action([shown] { return show(shown->name, shown->json); });

    auto interrupted = std::make_shared<Options>();
    Command interrupt_command =
        train.subcommand("interrupt", "Take a managed spot training job's instances away; it begins again from its checkpoints");
    interrupt_command.positional("NAME", interrupted->name, "training job");
    interrupt_command.action([interrupted] { return tell("trainwarden", "InterruptTrainingJob", interrupted->name); });

    auto stopped = std::make_shared<Options>();
    Command stop_command = train.subcommand("stop", "Stop a job: SIGTERM now, SIGKILL after 120 seconds");
    stop_command.positional("NAME", stopped->name, "training job");
    stop_command.action([stopped] { return tell("sagemaker", "StopTrainingJob", stopped->name); });
}

}  // namespace cli
