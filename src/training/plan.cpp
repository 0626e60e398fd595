#include "training/plan.hpp"

#include <algorithm>
#include <concepts>
#include <numeric>
#include <set>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/strings.hpp"
#include "base/utf8.hpp"
#include "model/sagemaker/training_jobs.hpp"
#include "model/words.hpp"
#include "sandbox/image.hpp"
#include "training/instances.hpp"
#include "training/limits.hpp"
#include "training/monitor.hpp"
#include "training/python_json_reader.hpp"
#include "training/python_text.hpp"
#include "training/request.hpp"
#include "training/script_launcher.hpp"
#include "training/source.hpp"

namespace training {
namespace {

namespace m = model::sagemaker;

std::unexpected<base::Error> invalid(std::string message) {
    return base::fail(base::code::ValidationException, std::move(message));
}

std::unexpected<base::Error> unsupported(std::string_view what, std::string_view instead) {
    return invalid(std::string(what) + " is not supported by this server. " + std::string(instead));
}

// Whether a member says anything: flags when they are true, lists, maps and structures when there is something in them.
template <class T>
bool is_given(const std::optional<T>& member) {
    if constexpr (std::same_as<T, bool>)
        return member.value_or(false);
    else if constexpr (requires(const T& list) {
                           list.size();
                           list[0];
                       } && !std::same_as<T, std::string>)
        return member && !member->empty();
    else
        return member.has_value();
}

bool is_given(const std::optional<m::InstancePlacementConfig>& config) {
    return config && (config->enable_multiple_jobs || config->placement_specifications);
}
bool is_given(const std::optional<m::ExperimentConfig>& config) {
    return config && (config->experiment_name || config->trial_name || config->trial_component_display_name || config->run_name);
}
bool is_given(const std::optional<m::ProfilerConfig>& config) {
    return config && (config->s3_output_path || config->profiling_interval_in_milliseconds || config->profiling_parameters ||
                      config->disable_profiler);
}
bool is_given(const std::optional<m::InfraCheckConfig>& config) { return config && config->enable_infra_check; }

struct Refusal {
    bool is_given;
    std::string_view member, instead;
};

base::Result<void> refuse_unsupported(const m::CreateTrainingJobRequest& request) {
    const m::AlgorithmSpecification none;
    const m::ResourceConfig nothing;
    const auto& algorithm = request.algorithm_specification ? *request.algorithm_specification : none;
    const auto& resources = request.resource_config ? *request.resource_config : nothing;
    const auto& debug = request.remote_debug_config;
    const Refusal refusals[] = {
        {is_given(algorithm.algorithm_name), "AlgorithmSpecification.AlgorithmName", "Name a TrainingImage."},
        {is_given(algorithm.training_image_config), "AlgorithmSpecification.TrainingImageConfig",
         "Images are not pulled from registries here."},
        {is_given(resources.volume_kms_key_id), "ResourceConfig.VolumeKmsKeyId", "Leave it out."},
        {is_given(resources.training_plan_arn), "ResourceConfig.TrainingPlanArn", "Leave it out."},
        {is_given(resources.instance_placement_config), "ResourceConfig.InstancePlacementConfig", "Leave it out."},
        {is_given(resources.instance_preferences), "ResourceConfig.InstancePreferences", "Give InstanceType and InstanceCount."},
        {is_given(request.output_data_config.kms_key_id), "OutputDataConfig.KmsKeyId",
         "Leave it out: artifacts are encrypted as the default encryption of their bucket says."},
        {debug && is_given(debug->enable_remote_debug), "RemoteDebugConfig.EnableRemoteDebug", "Leave it out."},
        {is_given(request.serverless_job_config), "ServerlessJobConfig", "Give AlgorithmSpecification and ResourceConfig."},
        {is_given(request.model_package_config), "ModelPackageConfig", "Leave it out."},
        {is_given(request.mlflow_config), "MlflowConfig", "Leave it out."},
        {resources.keep_alive_period_in_seconds.value_or(0) > 0, "ResourceConfig.KeepAlivePeriodInSeconds",
         "There are no warm pools here: leave it out."},
    };
    for (const auto& refusal : refusals)
        if (refusal.is_given) return unsupported(refusal.member, refusal.instead);
    return {};
}

// What is recorded and echoed but does nothing here.
std::vector<std::string> notes_of(const m::CreateTrainingJobRequest& request) {
    const Refusal members[] = {
        {is_given(request.vpc_config), "VpcConfig", "workers use this machine's network"},
        {is_given(request.debug_hook_config), "DebugHookConfig", "no debugger runs"},
        {is_given(request.debug_rule_configurations), "DebugRuleConfigurations", "no debugger rules run"},
        {is_given(request.tensor_board_output_config), "TensorBoardOutputConfig", "no TensorBoard data is collected"},
        {is_given(request.experiment_config), "ExperimentConfig", "there is no experiment tracking"},
        {is_given(request.profiler_config), "ProfilerConfig", "no profiler runs"},
        {is_given(request.profiler_rule_configurations), "ProfilerRuleConfigurations", "no profiler rules run"},
        {is_given(request.infra_check_config), "InfraCheckConfig", "no infrastructure check runs"},
    };
    std::vector<std::string> notes;
    for (const auto& [given, member, effect] : members)
        if (given) notes.push_back(std::string(member) + " is recorded but has no effect here: " + std::string(effect));
    return notes;
}

base::Result<void> check_image(const m::AlgorithmSpecification& algorithm) {
    if (!model::text(algorithm.training_image).empty()) return {};
    return invalid(
        "AlgorithmSpecification.TrainingImage is required: host/python3 (this machine's own /usr, with its python3) or an image "
        "of this server.");
}

InputMode input_mode(m::TrainingInputMode mode) {
    return mode == m::TrainingInputMode::pipe        ? InputMode::pipe
           : mode == m::TrainingInputMode::fast_file ? InputMode::fast_file
                                                     : InputMode::file;
}

base::Result<Channel> plan_channel(const m::Channel& input, m::TrainingInputMode job_mode) {
    Channel channel;
    channel.name = input.channel_name;
    channel.content_type = model::text(input.content_type);
    std::string where = "in channel " + channel.name;
    channel.mode = input_mode(input.input_mode.value_or(job_mode));
    bool pipe = channel.mode == InputMode::pipe;
    channel.gzip = input.compression_type == m::CompressionType::gzip;
    channel.recordio = input.record_wrapper_type == m::RecordWrapper::record_io;
    if (channel.gzip && !pipe) return invalid("CompressionType Gzip is used only in Pipe input mode (" + where + "): use None.");
    if (channel.recordio && !pipe)
        return invalid("RecordWrapperType RecordIO is used only in Pipe input mode (" + where + "): use None.");
    if (input.shuffle_config) channel.shuffle_seed = static_cast<uint64_t>(input.shuffle_config->seed);
    const m::DataSource& source = input.data_source;
    if (source.file_system_data_source)
        return unsupported("DataSource.FileSystemDataSource (" + where + ")", "Use S3DataSource.");
    if (source.dataset_source) return unsupported("DataSource.DatasetSource (" + where + ")", "Use S3DataSource.");
    if (!source.s3_data_source) return invalid("DataSource.S3DataSource is required (" + where + ").");
    const m::S3DataSource& s3 = *source.s3_data_source;
    channel.manifest = s3.s3_data_type == m::S3DataType::manifest_file;
    channel.augmented = s3.s3_data_type == m::S3DataType::augmented_manifest_file;
    if (!channel.manifest && !channel.augmented && s3.s3_data_type != m::S3DataType::s3_prefix) {
        return unsupported("S3DataType " + std::string(model::word_of(s3.s3_data_type)) + " (" + where + ")",
                           "Use S3Prefix, ManifestFile or AugmentedManifestFile.");
    }
    const auto attributes = model::items(s3.attribute_names);
    channel.attributes.assign(attributes.begin(), attributes.end());
    if (channel.augmented && !pipe)
        return invalid("AugmentedManifestFile is available only if the channel's input mode is Pipe (" + where + ").");
    if (channel.augmented == channel.attributes.empty()) {
        return invalid("AttributeNames " + std::string(channel.augmented ? "is required with" : "is only for") +
                       " S3DataType AugmentedManifestFile (" + where + ").");
    }
    channel.sharded = s3.s3_data_distribution_type == m::S3DataDistribution::sharded_by_s3_key;
    channel.source = TRY(parse_s3_uri(s3.s3_uri));
    if ((channel.manifest || channel.augmented) && channel.source.key.empty())
        return invalid("S3Uri must name the manifest object (" + where + ").");
    return channel;
}

// InstanceGroupNames: which hosts get the channel.
base::Result<void> seat_channel(const m::CreateTrainingJobRequest& request, const m::Channel& input, const Plan& plan,
                                Channel& channel) {
    const auto names = model::items(input.data_source.s3_data_source->instance_group_names);
    if (names.empty()) return {};
    const std::string where = "InstanceGroupNames of channel " + channel.name;
    if (model::items(request.resource_config->instance_groups).empty())
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

base::Result<void> plan_input(const m::CreateTrainingJobRequest& request, Plan& plan) {
    const auto inputs = model::items(request.input_data_config);
    if (inputs.size() > channels_max) return invalid("InputDataConfig has more than 20 channels.");
    std::set<std::string> names;
    for (const auto& input : inputs) {
        Channel channel = TRY(plan_channel(input, request.algorithm_specification->training_input_mode));
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

base::Result<void> plan_command(const m::AlgorithmSpecification& algorithm, Plan& plan) {
    for (const auto* part : {&algorithm.container_entrypoint, &algorithm.container_arguments})
        for (const auto& word : model::items(*part)) plan.command.push_back(word);
    const bool host = sandbox::is_host_image(plan.image);
    if (!plan.command.empty()) {
        if (is_given(algorithm.container_entrypoint)) return {};
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

base::Result<void> plan_resources(const m::CreateTrainingJobRequest& request, Plan& plan) {
    const m::ResourceConfig& resources = *request.resource_config;
    auto add = [&](std::string name, m::TrainingInstanceType instance_type, int64_t count) -> base::Result<void> {
        const std::string type(model::word_of(instance_type));
        if (type.empty()) return invalid("ResourceConfig.InstanceType is required.");
        if (count < 1) return invalid("ResourceConfig.InstanceCount must be at least 1.");
        int64_t all = static_cast<int64_t>(plan.hosts.size()) + count;
        if (all > instances_per_job_max)
            return base::fail(limit_exceeded("Number of instances for a training job", instances_per_job_max, 0, all));
        plan.groups.push_back({std::move(name), type, plan.hosts.size(), static_cast<size_t>(count)});
        while (static_cast<int64_t>(plan.hosts.size()) < all)
            plan.hosts.push_back("algo-" + std::to_string(plan.hosts.size() + 1));
        return {};
    };
    for (const auto& group : model::items(resources.instance_groups))
        TRY(add(group.instance_group_name, group.instance_type, group.instance_count));
    if (plan.groups.empty()) {
        TRY(add("homogeneousCluster", resources.instance_type.value_or(m::TrainingInstanceType::unknown),
                resources.instance_count.value_or(0)));
    }
    plan.volume_gigabytes = static_cast<uint64_t>(std::max(resources.volume_size_in_gb.value_or(volume_gigabytes_default), 1));
    const auto condition = request.stopping_condition.value_or(m::StoppingCondition{});
    plan.runtime_max =
        condition.max_runtime_in_seconds ? std::chrono::seconds(*condition.max_runtime_in_seconds) : runtime_default;
    if (condition.max_pending_time_in_seconds) plan.pending_max = std::chrono::seconds(*condition.max_pending_time_in_seconds);
    if (plan.spot && condition.max_wait_time_in_seconds)
        plan.wait_max = std::chrono::seconds(*condition.max_wait_time_in_seconds);
    return {};
}

base::Result<void> plan_output(const JobId& id, const m::CreateTrainingJobRequest& request, Plan& plan) {
    const m::OutputDataConfig& output = request.output_data_config;
    plan.output = TRY(parse_s3_uri(output.s3_output_path));
    while (plan.output.key.ends_with('/')) plan.output.key.pop_back();
    plan.output.key += (plan.output.key.empty() ? "" : "/") + id.name;
    plan.compress_output = output.compression_type.value_or(m::OutputCompressionType::gzip) == m::OutputCompressionType::gzip;
    if (const auto& checkpoints = request.checkpoint_config) {
        plan.checkpoints.emplace(TRY(parse_s3_uri(checkpoints->s3_uri)), checkpoints->local_path.value_or("/opt/ml/checkpoints"));
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

base::Result<Plan> plan(const JobId& id, const m::CreateTrainingJobRequest& request) {
    TRY(check_request(request));
    TRY(refuse_unsupported(request));
    const m::AlgorithmSpecification& algorithm = *request.algorithm_specification;
    TRY(check_image(algorithm));
    Plan result;
    result.image = *algorithm.training_image;
    result.spot = request.enable_managed_spot_training.value_or(false);
    if (request.hyper_parameters) result.hyperparameters = *request.hyper_parameters;
    std::sort(result.hyperparameters.begin(), result.hyperparameters.end());
    if (request.environment) result.environment = *request.environment;
    TRY(plan_resources(request, result));
    TRY(plan_input(request, result));
    for (const auto& metric : model::items(algorithm.metric_definitions)) {
        result.metrics.push_back({metric.name, metric.regex});
        TRY(MetricPatterns::check(result.metrics.back()));
    }
    TRY(plan_command(algorithm, result));
    TRY(script_launcher_of(result));
    TRY(plan_output(id, request, result));
    result.network_isolation = request.enable_network_isolation.value_or(false);
    if (const auto& chaining = request.session_chaining_config)
        result.tag_chaining = chaining->enable_session_tag_chaining.value_or(false);
    for (const auto& [name, value] : result.environment) {
        if (value.find('\0') != std::string::npos)
            return invalid("The value of Environment " + name + " has a NUL character, which no environment variable can have.");
        if (name == source_digest_variable) result.source_sha256 = TRY(source_digest(value, result));
    }
    result.whole_role = scope_of(request) == "role";
    if (request.retry_strategy) result.retries_max = request.retry_strategy->maximum_retry_attempts;
    result.notes = notes_of(request);
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
            return base::fail(base::code::ClientError, "the object key `" + key + "` is not a file name");
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
