#include "training/plan.hpp"

#include <algorithm>
#include <numeric>
#include <set>

#include "base/invariant.hpp"
#include "base/strings.hpp"
#include "base/utf8.hpp"
#include "sandbox/image.hpp"
#include "training/engine.hpp"
#include "training/instances.hpp"
#include "training/limits.hpp"
#include "training/monitor.hpp"
#include "training/python_json_reader.hpp"
#include "training/python_text.hpp"
#include "training/request.hpp"
#include "training/source.hpp"

namespace training {
namespace {

std::unexpected<base::Error> invalid(std::string message) { return base::fail("ValidationException", std::move(message)); }

std::unexpected<base::Error> unsupported(std::string_view what, std::string_view instead) {
    return invalid(std::string(what) + " is not supported by this server. " + std::string(instead));
}

// Members that are refused when they are present (and, for flags, true).
struct Refusal {
    std::string_view group, member, instead;
};
constexpr Refusal refusals[] = {
    {"AlgorithmSpecification", "AlgorithmName", "Name a TrainingImage."},
    {"AlgorithmSpecification", "TrainingImageConfig", "Images are not pulled from registries here."},
    {"ResourceConfig", "VolumeKmsKeyId", "Leave it out."},
    {"ResourceConfig", "TrainingPlanArn", "Leave it out."},
    {"ResourceConfig", "InstancePlacementConfig", "Leave it out."},
    {"ResourceConfig", "InstancePreferences", "Give InstanceType and InstanceCount."},
    {"OutputDataConfig", "KmsKeyId", "Leave it out: there is no key service here yet."},
    {"RemoteDebugConfig", "EnableRemoteDebug", "Leave it out."},
    {"", "ServerlessJobConfig", "Give AlgorithmSpecification and ResourceConfig."},
    {"", "ModelPackageConfig", "Leave it out."},
    {"", "MlflowConfig", "Leave it out."},
};

// Members that are recorded and echoed but do nothing here.
constexpr std::pair<std::string_view, std::string_view> without_effect[] = {
    {"VpcConfig", "workers use this machine's network"},     {"DebugHookConfig", "no debugger runs"},
    {"DebugRuleConfigurations", "no debugger rules run"},    {"TensorBoardOutputConfig", "no TensorBoard data is collected"},
    {"ExperimentConfig", "there is no experiment tracking"}, {"ProfilerConfig", "no profiler runs"},
    {"ProfilerRuleConfigurations", "no profiler rules run"}, {"InfraCheckConfig", "no infrastructure check runs"},
};

bool is_given(const text::Json& value) {
    if (value.is_null()) return false;
    if (value.is_bool()) return value.as_bool();
    if (value.is_array() || value.is_object()) return value.size() > 0;
    return true;
}

base::Result<void> refuse_unsupported(const text::Json& request) {
    for (const auto& [group, member, instead] : refusals) {
        const text::Json& holder = group.empty() ? request : request[group];
        if (!is_given(holder[member])) continue;
        std::string path = group.empty() ? std::string(member) : std::string(group) + "." + std::string(member);
        return unsupported(path, instead);
    }
    if (request["ResourceConfig"]["KeepAlivePeriodInSeconds"].as_int() > 0) {
        return unsupported("ResourceConfig.KeepAlivePeriodInSeconds", "There are no warm pools here: leave it out.");
    }
    return {};
}

base::Result<void> check_image(const text::Json& algorithm) {
    if (!algorithm["TrainingImage"].as_string().empty()) return {};
    return invalid(
        "AlgorithmSpecification.TrainingImage is required: host/python3 (this machine's own /usr, with its python3) or an image "
        "of this server.");
}

base::Result<Channel> plan_channel(const text::Json& input, const std::string& job_mode) {
    Channel channel;
    channel.name = input["ChannelName"].as_string();
    channel.content_type = input["ContentType"].as_string();
    std::string where = "in channel " + channel.name;
    std::string mode = input["InputMode"].as_string_or(job_mode);
    channel.mode = mode == "Pipe" ? InputMode::pipe : mode == "FastFile" ? InputMode::fast_file : InputMode::file;
    bool pipe = channel.mode == InputMode::pipe;
    channel.gzip = input["CompressionType"].as_string() == "Gzip";
    channel.recordio = input["RecordWrapperType"].as_string() == "RecordIO";
    if (channel.gzip && !pipe) return invalid("CompressionType Gzip is used only in Pipe input mode (" + where + "): use None.");
    if (channel.recordio && !pipe)
        return invalid("RecordWrapperType RecordIO is used only in Pipe input mode (" + where + "): use None.");
    if (is_given(input["ShuffleConfig"])) channel.shuffle_seed = static_cast<uint64_t>(input["ShuffleConfig"]["Seed"].as_int());
    const text::Json& source = input["DataSource"];
    for (std::string_view other : {"FileSystemDataSource", "DatasetSource"}) {
        if (is_given(source[other]))
            return unsupported("DataSource." + std::string(other) + " (" + where + ")", "Use S3DataSource.");
    }
    const text::Json& s3 = source["S3DataSource"];
    if (!s3.is_object()) return invalid("DataSource.S3DataSource is required (" + where + ").");
    std::string type = s3["S3DataType"].as_string();
    if (type != "S3Prefix" && type != "ManifestFile" && type != "AugmentedManifestFile") {
        return unsupported("S3DataType " + type + " (" + where + ")", "Use S3Prefix, ManifestFile or AugmentedManifestFile.");
    }
    channel.manifest = type == "ManifestFile";
    channel.augmented = type == "AugmentedManifestFile";
    for (const auto& attribute : s3["AttributeNames"].items()) channel.attributes.push_back(attribute.as_string());
    if (channel.augmented && !pipe)
        return invalid("AugmentedManifestFile is available only if the channel's input mode is Pipe (" + where + ").");
    if (channel.augmented == channel.attributes.empty()) {
        return invalid("AttributeNames " + std::string(channel.augmented ? "is required with" : "is only for") +
                       " S3DataType AugmentedManifestFile (" + where + ").");
    }
    channel.sharded = s3["S3DataDistributionType"].as_string() == "ShardedByS3Key";
    channel.source = TRY(parse_s3_uri(s3["S3Uri"].as_string()));
    if ((channel.manifest || channel.augmented) && channel.source.key.empty())
        return invalid("S3Uri must name the manifest object (" + where + ").");
    return channel;
}

// InstanceGroupNames: which hosts get the channel.
base::Result<void> seat_channel(const text::Json& request, const text::Json& input, const Plan& plan, Channel& channel) {
    std::vector<std::string> names;
    for (const auto& name : input["DataSource"]["S3DataSource"]["InstanceGroupNames"].items()) names.push_back(name.as_string());
    if (names.empty()) return {};
    const std::string where = "InstanceGroupNames of channel " + channel.name;
    if (request["ResourceConfig"]["InstanceGroups"].size() == 0)
        return invalid(where + " needs a ResourceConfig with InstanceGroups.");
    for (const auto& name : names) {
        if (std::ranges::find(plan.groups, name, &InstanceGroup::name) == plan.groups.end())
            return invalid(where + " names " + name + ", which is not an instance group of the job.");
    }
    for (const auto& group : plan.groups) {
        if (std::ranges::find(names, group.name) == names.end()) continue;
        for (size_t i = 0; i < group.count; ++i) channel.hosts.push_back(group.first + i);
    }
    return {};
}

base::Result<void> plan_input(const text::Json& request, Plan& plan) {
    std::string mode = request["AlgorithmSpecification"]["TrainingInputMode"].as_string_or("File");
    const auto& inputs = request["InputDataConfig"].items();
    if (inputs.size() > channels_max) return invalid("InputDataConfig has more than 20 channels.");
    std::set<std::string> names;
    for (const auto& input : inputs) {
        Channel channel = TRY(plan_channel(input, mode));
        if (channel.name.find_first_not_of(".") == std::string::npos)
            return invalid("ChannelName " + channel.name + " is not a folder name.");
        TRY(seat_channel(request, input, plan, channel));
        if (!names.insert(channel.name).second) return invalid("InputDataConfig has two channels named " + channel.name + ".");
        plan.channels.push_back(std::move(channel));
    }
    return {};
}

// A NUL ends every argument and every variable: a script would be given another value than the job names.
base::Result<void> check_arguments(const Plan& plan) {
    for (const auto& [key, value] : plan.hyperparameters) {
        if (key.find('\0') != std::string::npos ||
            python_argument(decode_hyperparameter(value)).find('\0') != std::string::npos) {
            return invalid("The hyperparameter " + key.substr(0, key.find('\0')) +
                           " has a NUL character in its name or value, which no argument of a program can have.");
        }
    }
    return {};
}

base::Result<void> plan_command(const text::Json& request, Plan& plan) {
    const text::Json& algorithm = request["AlgorithmSpecification"];
    for (std::string_view part : {"ContainerEntrypoint", "ContainerArguments"}) {
        for (const auto& word : algorithm[part].items()) plan.command.push_back(word.as_string());
    }
    bool host = sandbox::is_host_image(algorithm["TrainingImage"].as_string());
    if (!plan.command.empty()) {
        if (algorithm["ContainerEntrypoint"].size() > 0) return {};
        if (host) {
            return invalid(
                "The image host/python3 has no entry point of its own: give ContainerEntrypoint with ContainerArguments.");
        }
        plan.arguments = std::move(plan.command);
        plan.command.clear();
    }
    for (const auto& [key, value] : plan.hyperparameters) {
        if (key == "sagemaker_program") plan.program = decode_hyperparameter(value).as_string();
        if (key == "sagemaker_submit_directory") {
            std::string directory = decode_hyperparameter(value).as_string();
            if (!directory.starts_with("s3://")) {
                return unsupported("sagemaker_submit_directory " + directory, "Give the s3:// address of a sourcedir.tar.gz.");
            }
            plan.submit_directory = TRY(parse_s3_uri(directory));
        }
    }
    if (!host && plan.program.empty()) return {};  // `docker run IMAGE train`
    if (plan.program.empty() || !plan.submit_directory) {
        return invalid(
            "The image host/python3 has no `train` program: give ContainerEntrypoint, or the hyperparameters "
            "sagemaker_program and sagemaker_submit_directory (script mode).");
    }
    const auto parts = base::split(plan.program, '/');
    if (plan.program.starts_with('/') || std::ranges::find(parts, "..") != parts.end())
        return invalid("sagemaker_program must be a path inside the source directory.");
    if (plan.program.starts_with('-')) {
        return invalid("sagemaker_program " + plan.program +
                       " begins with a dash: what starts it would take it for an option. Write ./" + plan.program + ".");
    }
    return check_arguments(plan);
}

base::Result<void> plan_resources(const text::Json& request, Plan& plan) {
    const text::Json& resources = request["ResourceConfig"];
    auto add = [&](std::string name, const text::Json& group) -> base::Result<void> {
        const std::string& type = group["InstanceType"].as_string();
        if (type.empty()) return invalid("ResourceConfig.InstanceType is required.");
        int64_t count = group["InstanceCount"].as_int();
        if (count < 1) return invalid("ResourceConfig.InstanceCount must be at least 1.");
        int64_t all = static_cast<int64_t>(plan.hosts.size()) + count;
        if (all > instances_per_job_max)
            return base::fail(limit_exceeded("Number of instances for a training job", instances_per_job_max, 0, all));
        plan.groups.push_back({std::move(name), type, plan.hosts.size(), static_cast<size_t>(count)});
        while (static_cast<int64_t>(plan.hosts.size()) < all)
            plan.hosts.push_back("algo-" + std::to_string(plan.hosts.size() + 1));
        return {};
    };
    for (const auto& group : resources["InstanceGroups"].items()) TRY(add(group["InstanceGroupName"].as_string(), group));
    if (plan.groups.empty()) TRY(add("homogeneousCluster", resources));
    plan.runtime_max = std::chrono::seconds(request["StoppingCondition"]["MaxRuntimeInSeconds"].as_int(runtime_default.count()));
    if (const auto& pending = request["StoppingCondition"]["MaxPendingTimeInSeconds"]; !pending.is_null())
        plan.pending_max = std::chrono::seconds(pending.as_int());
    return {};
}

base::Result<void> plan_output(const JobId& id, const text::Json& request, Plan& plan) {
    const text::Json& output = request["OutputDataConfig"];
    plan.output = TRY(parse_s3_uri(output["S3OutputPath"].as_string()));
    while (plan.output.key.ends_with('/')) plan.output.key.pop_back();
    plan.output.key += (plan.output.key.empty() ? "" : "/") + id.name;
    plan.compress_output = output["CompressionType"].as_string_or("GZIP") == "GZIP";
    const text::Json& checkpoints = request["CheckpointConfig"];
    if (checkpoints.is_object()) {
        plan.checkpoints.emplace(TRY(parse_s3_uri(checkpoints["S3Uri"].as_string())),
                                 checkpoints["LocalPath"].as_string_or("/opt/ml/checkpoints"));
        // The API Reference writes its default with a slash at the end, the SDK without.
        if (plan.checkpoints->local_path.ends_with('/')) plan.checkpoints->local_path.pop_back();
        if (plan.checkpoints->local_path != "/opt/ml/checkpoints") {
            return unsupported("CheckpointConfig.LocalPath " + plan.checkpoints->local_path, "Use /opt/ml/checkpoints.");
        }
    }
    return {};
}

base::Result<std::string> source_digest(const std::string& value, const Plan& plan) {
    const std::string digest = base::lower(value);
    if (digest.size() != 64 || digest.find_first_not_of("0123456789abcdef") != std::string::npos)
        return invalid("Environment " + std::string(source_digest_variable) + " must be a SHA-256 in hexadecimal: 64 digits.");
    if (!plan.submit_directory)
        return invalid("Environment " + std::string(source_digest_variable) + " needs a sagemaker_submit_directory.");
    return digest;
}

}  // namespace

const InstanceGroup& group_of(const Plan& plan, size_t host) {
    auto found = std::find_if(plan.groups.begin(), plan.groups.end(),
                              [&](const auto& group) { return host >= group.first && host < group.first + group.count; });
    INVARIANT(found != plan.groups.end());
    return *found;
}

std::vector<size_t> hosts_of(const Channel& channel, size_t count) {
    if (!channel.hosts.empty()) return channel.hosts;
    std::vector<size_t> all(count);
    std::iota(all.begin(), all.end(), size_t{0});
    return all;
}

bool has_channel(const Channel& channel, size_t host) {
    return channel.hosts.empty() || std::ranges::binary_search(channel.hosts, host);
}

std::vector<std::string> hosts_of(const Plan& plan, const InstanceGroup& group) {
    auto first = plan.hosts.begin() + static_cast<std::ptrdiff_t>(group.first);
    return {first, first + static_cast<std::ptrdiff_t>(group.count)};
}

std::map<std::string, int64_t> instances_of(const Plan& plan) {
    std::map<std::string, int64_t> counts;
    for (const auto& group : plan.groups) counts[group.instance_type] += static_cast<int64_t>(group.count);
    return counts;
}

base::Result<S3Uri> parse_s3_uri(std::string_view uri) {
    constexpr std::string_view scheme = "s3://";
    if (!uri.starts_with(scheme)) return invalid("`" + std::string(uri) + "` is not an S3 address: write s3://BUCKET/KEY.");
    uri.remove_prefix(scheme.size());
    auto slash = uri.find('/');
    S3Uri result{std::string(uri.substr(0, slash)), slash == std::string_view::npos ? "" : std::string(uri.substr(slash + 1))};
    if (result.bucket.empty()) return invalid("`s3://" + std::string(uri) + "` names no bucket: write s3://BUCKET/KEY.");
    return result;
}

base::Result<Plan> plan(const JobId& id, const text::Json& request) {
    TRY(check_request(request));
    TRY(refuse_unsupported(request));
    TRY(check_image(request["AlgorithmSpecification"]));
    Plan result;
    for (const auto& [key, value] : request["HyperParameters"].members())
        result.hyperparameters.emplace_back(key, value.as_string());
    std::sort(result.hyperparameters.begin(), result.hyperparameters.end());
    for (const auto& [key, value] : request["Environment"].members()) result.environment.emplace_back(key, value.as_string());
    TRY(plan_resources(request, result));
    TRY(plan_input(request, result));
    for (const auto& metric : request["AlgorithmSpecification"]["MetricDefinitions"].items()) {
        result.metrics.push_back({metric["Name"].as_string(), metric["Regex"].as_string()});
        TRY(MetricPatterns::check(result.metrics.back()));
    }
    TRY(plan_command(request, result));
    TRY(engine_of(result));
    TRY(plan_output(id, request, result));
    result.image = request["AlgorithmSpecification"]["TrainingImage"].as_string();
    result.network_isolation = request["EnableNetworkIsolation"].as_bool();
    result.tag_chaining = request["SessionChainingConfig"]["EnableSessionTagChaining"].as_bool();
    result.spot = request["EnableManagedSpotTraining"].as_bool();
    if (const text::Json& wait = request["StoppingCondition"]["MaxWaitTimeInSeconds"]; result.spot && wait.is_number())
        result.wait_max = std::chrono::seconds(wait.as_int());
    for (const auto& [name, value] : result.environment) {
        if (value.find('\0') != std::string::npos)
            return invalid("The value of Environment " + name + " has a NUL character, which no environment variable can have.");
        if (name == source_digest_variable) result.source_sha256 = TRY(source_digest(value, result));
    }
    result.whole_role = scope_of(request) == "role";
    result.retries_max = static_cast<int>(request["RetryStrategy"]["MaximumRetryAttempts"].as_int());
    for (const auto& [member, effect] : without_effect) {
        if (is_given(request[member]) || is_given(request["AlgorithmSpecification"][member])) {
            result.notes.push_back(std::string(member) + " is recorded but has no effect here: " + std::string(effect));
        }
    }
    return result;
}

base::Result<std::string> local_name(const std::string& prefix, const std::string& key) {
    std::string rest;
    auto last_slash = prefix.rfind('/');
    std::string folder = last_slash == std::string::npos ? "" : prefix.substr(0, last_slash + 1);
    if (!prefix.empty() && !prefix.ends_with('/') && key.starts_with(prefix + "/")) {
        rest = key.substr(prefix.size() + 1);
    } else if (key.starts_with(folder)) {
        rest = key.substr(folder.size());
    } else {
        rest = key;
    }
    for (auto part : base::split(rest, '/')) {
        if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string_view::npos) {
            return base::fail("ClientError", "the object key `" + key + "` is not a file name");
        }
    }
    return rest;
}

text::Json decode_hyperparameter(const std::string& value) {
    auto parsed = read_python_json(value);
    // Half a surrogate pair is in no argument and no variable.
    if (!parsed || (parsed->is_string() && base::valid_utf8(parsed->as_string()) != parsed->as_string())) return value;
    return std::move(*parsed);
}

bool is_sagemakers_own(const std::string& hyperparameter) {
    return hyperparameter.starts_with("sagemaker_") || hyperparameter == "default_user_module_name" ||
           hyperparameter == "_tuning_objective_metric";
}

std::vector<std::string> user_arguments(const std::vector<std::pair<std::string, std::string>>& hyperparameters) {
    std::vector<std::string> arguments;
    for (const auto& [key, value] : hyperparameters) {
        if (is_sagemakers_own(key)) continue;
        const auto letters = std::ranges::count_if(key, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
        arguments.push_back(key.empty() ? "" : (letters == 1 ? "-" : "--") + key);
        arguments.push_back(python_argument(decode_hyperparameter(value)));
    }
    return arguments;
}

}  // namespace training
