// `trainwarden train run`: a script, packed, uploaded and made a training job.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "cli/commands.hpp"
#include "cli/source_archive.hpp"
#include "cli/terminal.hpp"
#include "cli/train_job.hpp"
#include "cli/train_remedy.hpp"
#include "crypto/digest.hpp"
#include "crypto/random.hpp"
#include "model/iam/roles.hpp"
#include "model/trainwarden/operations.hpp"
#include "text/json.hpp"
#include "text/time.hpp"

namespace cli {
namespace {

using text::Json;

constexpr std::string_view name_characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

constexpr int64_t retries_max = 30;  // SageMaker API Reference, RetryStrategy

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

base::Result<std::pair<std::string, std::string>> split_pair(const std::string& text, const std::string& option) {
    auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
        return train_usage(option + " `" + text + "` has no " + (equals == 0 ? "name before its `=`" : "`=`"),
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
            return train_usage(
                option + " `" + uri + "` is not an S3 address but a path of this machine; workers read and write buckets",
                option == "--input" ? "upload it first: aws s3 cp --recursive " + path +
                                          " s3://BUCKET/PREFIX/, then write --input s3://BUCKET/PREFIX/"
                                    : "write " + option + " s3://BUCKET/PREFIX");
        }
        return train_usage(option + " `" + uri + "` is not an S3 address", "write " + option + " s3://BUCKET/PREFIX");
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
                return train_usage("--input `" + text + "` ends with `," + last + "`, which is no option",
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
    auto found = client.call<model::iam::GetRole>({.role_name = role});
    if (!found && found.error().code == base::code::AccessDenied) {
        return base::fail(std::move(found).error().note(
            "resolving a role name needs iam:GetRole; pass the ARN instead: --role arn:aws:iam::ACCOUNT:role/" + role));
    }
    if (!found && found.error().code == base::code::NoSuchEntity)
        return base::fail(std::move(found).error().note("list the account's roles: aws iam list-roles --query 'Roles[].Arn'"));
    return TRY(std::move(found)).role.arn;
}

// The archive goes beside the job's output, under a name that its content makes: those who may write there bring the source, and
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
        if (done.error().code != base::code::PreconditionFailed || again) return base::fail(std::move(done).error());
    }
    return {};
}

// As a document: whether there is such an instance type, the server says.
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
            return train_usage("--environment `" + text + "`: `" + key + "` is not the name of a variable",
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

// An interrupt ends the following, not the job, which is the server's: the last words say so.
std::string last_words;

extern "C" void leave(int) {
    ssize_t ignored = ::write(STDERR_FILENO, last_words.data(), last_words.size());
    (void)ignored;  // No other way to report it.
    ::_exit(128 + SIGINT);
}

void leave_job_on_interrupt(const std::string& name) {
    const Text job(name);
    last_words = ("\n" + job + " goes on. To follow it: trainwarden train logs -f " + job +
                  "; to stop it: trainwarden train stop " + job + "\n")
                     .string();
    if (::signal(SIGINT, leave) == SIG_IGN) ::signal(SIGINT, SIG_IGN);  // in the background of a script
}

// Of an answer that was lost and asked for again: is the job that has the name the one of this very archive?
bool is_ours(const JobDescription& job, const Source& source) {
    const std::pair<std::string, std::string> ours("sagemaker_submit_directory", text::quote_json(source.uri()));
    return job.hyper_parameters && std::ranges::find(*job.hyper_parameters, ours) != job.hyper_parameters->end();
}

// CreateTrainingJob's answer.
base::Result<Json> create(wire::Client& client, const std::string& name, const Json& request, const Source& source) {
    auto created = client.call("sagemaker", "CreateTrainingJob", request);
    if (created) return created;
    base::Error refused = std::move(created).error();
    if (refused.code == base::code::ResourceInUse) {
        if (const auto job = describe_job(client, name); job && is_ours(*job, source))
            return Json::object({{"TrainingJobArn", job->training_job_arn}});
    }
    // Without an answer it is unknown whether there is a job: then its source stays.
    const bool answered = refused.code != base::code::ConnectionError && refused.code != base::code::Timeout &&
                          !refused.code.starts_with("Internal");
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
        return train_usage("--role is required: workers act as a role, never as you",
                           "name one that sagemaker.amazonaws.com may assume and that you may pass: --role NAME or --role ARN "
                           "(aws iam list-roles shows them; docs/train.md says what it needs)");
    }
    if (options.retries < 0 || options.retries > retries_max)
        return base::fail(base::code::Usage, "--retries takes 0 to " + std::to_string(retries_max));
    if (options.json && !options.no_wait)
        return base::fail(
            base::Error(base::code::Usage, "--json is CreateTrainingJob's answer, which --no-wait prints")
                .note("without --no-wait the job is followed to its end; train describe NAME --json shows it then"));
    if (options.wait_max != 0 && !options.spot)
        return train_usage("--max-wait is for managed spot training",
                           "add --spot, or say --max-runtime for how long the job may train");
    if (!options.checkpoints.empty()) TRY(split_s3(options.checkpoints, "--checkpoints"));
    if (!options.source.empty() && !std::filesystem::is_directory(options.source)) {
        return train_usage(std::filesystem::exists(options.source) ? "--source " + options.source + " is not a folder"
                                                                   : "there is no folder " + options.source,
                           "--source names a folder, --entry a file inside of it; one script alone needs no --source");
    }
    auto client = TRY(connect_to_jobs());
    std::string entry = options.source.empty() ? options.entry : options.source + "/" + options.entry;
    if (!std::filesystem::is_regular_file(entry)) {
        return train_usage("there is no script " + entry, "--entry names a file; with --source, a file inside that folder");
    }
    if (options.name.empty()) options.name = make_name(options.entry);
    for (const auto& input : options.inputs) TRY(channel(input));
    Source source = TRY(pack(options));
    const std::string role = TRY(role_arn(client, options.role));
    // Before anything is uploaded: a refused run leaves nothing, and changes nothing of a job that has the name. AWS has no such
    // operation: there the archive goes first.
    if (!client.options().endpoint.empty()) {
        const Json wanted = TRY(make_request(options, role, source));
        auto allowed = client.call<model::trainwarden::CheckTrainingJob>({.request = wanted.dump()});
        if (!allowed) return base::fail(with_remedy(std::move(allowed).error(), options.instance_type));
    }
    TRY(upload(client, source));
    auto created = create(client, options.name, TRY(make_request(options, role, source)), source);
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
    return exit_status_of(TRY(follow_job(client, options.name, true)));
}

}  // namespace

void add_train_run(Command& train) {
    auto options = std::make_shared<RunOptions>();
    Command run_command = train.subcommand("run", "Train a script on this server's workers and follow its log");
    run_command.asks_server();
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

}  // namespace cli
