#include "training/contract.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "sandbox/image.hpp"
#include "sandbox/mounts.hpp"
#include "training/python_text.hpp"
#include "training/script_launcher.hpp"

namespace training {
namespace {

using text::Json;

constexpr size_t variable_bytes_max = 128 * 1024;  // Linux's MAX_ARG_STRLEN: with a longer one no program starts

// With an underscore for every character that no shell takes.
std::string plain_name(std::string_view name) {
    std::string out = python_upper(name);
    for (char& c : out) {
        if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9')) c = '_';
    }
    return out;
}

Json strings(const std::vector<std::string>& values) {
    auto list = Json::array();
    for (const auto& value : values) list.push(value);
    return list;
}

Json group_json(const Plan& plan, const InstanceGroup& group) {
    return Json::object(
        {{"instance_group_name", group.name}, {"instance_type", group.instance_type}, {"hosts", strings(hosts_of(plan, group))}});
}

Json resource_config(const Plan& plan, const WorkerPlace& place) {
    const InstanceGroup& own = group_of(plan, place.index);
    auto groups = Json::array();
    for (const auto& group : plan.groups) groups.push(group_json(plan, group));
    return Json::object({
        {"current_host", plan.hosts[place.index]},
        {"current_instance_type", own.instance_type},
        {"current_group_name", own.name},
        {"hosts", strings(plan.hosts)},
        {"instance_groups", std::move(groups)},
        {"network_interface_name", place.network_interface},
    });
}

Json input_data_config(const Plan& plan, size_t host) {
    auto config = Json::object();
    for (const auto& channel : plan.channels) {
        if (!has_channel(channel, host)) continue;
        // FastFile is a folder of files to the script.
        auto entry = Json::object({{"TrainingInputMode", channel.mode == InputMode::pipe ? "Pipe" : "File"},
                                   {"S3DistributionType", channel.sharded ? "ShardedByS3Key" : "FullyReplicated"},
                                   {"RecordWrapperType", channel.recordio ? "RecordIO" : "None"}});
        if (!channel.content_type.empty()) entry.set("ContentType", channel.content_type);
        config.set(channel.name, std::move(entry));
    }
    return config;
}

// The hyperparameters for the script, without SageMaker's own.
Json user_hyperparameters(const Plan& plan) {
    auto values = Json::object();
    for (const auto& [key, value] : plan.hyperparameters) {
        if (!is_sagemakers_own(key)) values.set(key, decode_hyperparameter(value));
    }
    return values;
}

// SageMaker's own, but for those that say what runs, where and how loud.
Json framework_parameters(const Plan& plan) {
    constexpr std::string_view platforms[] = {
        "sagemaker_program",  "sagemaker_submit_directory",    "sagemaker_enable_cloudwatch_metrics",
        "sagemaker_region",   "sagemaker_container_log_level", "sagemaker_job_name",
        "sagemaker_s3_output"};
    auto values = Json::object();
    for (const auto& [key, value] : plan.hyperparameters) {
        if (key.starts_with("sagemaker_") && std::ranges::find(platforms, key) == std::end(platforms))
            values.set(key, decode_hyperparameter(value));
    }
    return values;
}

Json log_level(const Plan& plan) {
    for (const auto& [key, value] : plan.hyperparameters) {
        if (key == "sagemaker_container_log_level") return decode_hyperparameter(value);
    }
    return 20;
}

std::string module_name(const std::string& program) {
    return program.ends_with(".py") ? program.substr(0, program.size() - 3) : program;
}

// The toolkit's picture of a job, from which it makes the variables: environment.py, Environment.
Json training_env(const Job& job, const Plan& plan, const WorkerPlace& place) {
    const std::string& base = place.base;
    const InstanceGroup& own = group_of(plan, place.index);
    auto script_launcher = script_launcher_of(plan);  // plan() has checked it
    const bool distributed = script_launcher && script_launcher->launcher != Launcher::script;
    std::vector<std::string> groups, distribution_groups, distribution_hosts;
    auto by_name = Json::object();
    for (const auto& group : plan.groups) {
        groups.push_back(group.name);
        by_name.set(group.name, group_json(plan, group));
        if (!distributed || !script_launcher->takes_part(group.first)) continue;
        // Without names in the hyperparameters the toolkit on each host takes the host's own group for the strategy's.
        if (!script_launcher->names_groups && group.name != own.name) continue;
        distribution_groups.push_back(group.name);
        for (const auto& host : hosts_of(plan, group)) distribution_hosts.push_back(host);
    }
    auto channels = Json::object();
    for (const auto& channel : plan.channels) {
        if (has_channel(channel, place.index)) channels.set(channel.name, base + "/input/data/" + channel.name);
    }
    const std::string master = distribution_hosts.empty() ? plan.hosts.front() : distribution_hosts.front();
    Json framework_module;
    for (const auto* variables : {&place.image_environment, &plan.environment}) {
        for (const auto& [name, value] : *variables) {
            if (name == "SAGEMAKER_TRAINING_MODULE") framework_module = value;
        }
    }
    return Json::object({
        {"additional_framework_parameters", framework_parameters(plan)},
        {"channel_input_dirs", std::move(channels)},
        {"current_host", plan.hosts[place.index]},
        {"current_instance_group", own.name},
        {"current_instance_group_hosts", strings(hosts_of(plan, own))},
        {"current_instance_type", own.instance_type},
        {"distribution_hosts", strings(distribution_hosts)},
        {"distribution_instance_groups", strings(distribution_groups)},
        {"framework_module", std::move(framework_module)},
        {"hosts", strings(plan.hosts)},
        {"hyperparameters", user_hyperparameters(plan)},
        {"input_config_dir", base + "/input/config"},
        {"input_data_config", input_data_config(plan, place.index)},
        {"input_dir", base + "/input"},
        {"instance_groups", strings(groups)},
        {"instance_groups_dict", std::move(by_name)},
        {"is_hetero", plan.groups.size() > 1},
        {"is_master", plan.hosts[place.index] == master},
        {"is_modelparallel_enabled", Json()},
        {"is_smddpmprun_installed", false},
        {"is_smddprun_installed", false},
        {"job_name", job.id.name},
        {"log_level", log_level(plan)},
        {"master_hostname", master},
        {"model_dir", base + "/model"},
        {"module_dir", plan.submit_directory ? plan.submit_directory->text() : base + "/code"},
        {"module_name", module_name(plan.program)},
        {"network_interface_name", place.network_interface},
        {"num_cpus", static_cast<int64_t>(place.cpus)},
        {"num_gpus", static_cast<int64_t>(place.gpus)},
        {"num_neurons", 0},
        {"output_data_dir", base + "/output/data"},
        {"output_dir", base + "/output"},
        {"output_intermediate_dir", base + "/output/intermediate"},
        {"resource_config", resource_config(plan, place)},
        {"topology", Json::array()},
        {"user_entry_point", plan.program},
    });
}

// The toolkit upper-cases names and leaves them otherwise as they are; of names that are then the same the last counts. Shells have no names with dashes and dots: for them there
// is a second variable with underscores, unless something else has that name.
void add_named(const std::string& prefix, const Json& values, Environment& environment) {
    for (bool plain : {false, true}) {
        for (const auto& [key, value] : values.members()) {
            const std::string name = prefix + (plain ? plain_name(key) : python_upper(key));
            const auto set = std::ranges::find(environment, name, &Environment::value_type::first);
            if (set == environment.end()) {
                environment.emplace_back(name, python_variable(value));
            } else if (!plain) {
                set->second = python_variable(value);
            }
        }
    }
}

void add_toolkit(const Job& job, const Plan& plan, const WorkerPlace& place, Environment& environment) {
    const Json picture = training_env(job, plan, place);
    auto set = [&](std::string name, std::string value) { environment.emplace_back(std::move(name), std::move(value)); };
    constexpr std::string_view same[] = {"hosts",
                                         "network_interface_name",
                                         "user_entry_point",
                                         "resource_config",
                                         "input_data_config",
                                         "output_data_dir",
                                         "current_host",
                                         "current_instance_type",
                                         "current_instance_group",
                                         "current_instance_group_hosts",
                                         "instance_groups",
                                         "instance_groups_dict",
                                         "distribution_instance_groups",
                                         "is_hetero",
                                         "module_name",
                                         "log_level",
                                         "framework_module",
                                         "input_dir",
                                         "input_config_dir",
                                         "output_dir",
                                         "num_cpus",
                                         "num_gpus",
                                         "num_neurons",
                                         "model_dir",
                                         "module_dir",
                                         "output_intermediate_dir"};
    for (std::string_view name : same) set("SM_" + python_upper(name), python_variable(picture[name]));
    std::vector<std::string> names;
    for (const auto& [name, folder] : picture["channel_input_dirs"].members()) names.push_back(name);
    std::ranges::sort(names);
    set("SM_CHANNELS", python_variable(strings(names)));
    set("SM_HPS", python_variable(picture["hyperparameters"]));
    set("SM_FRAMEWORK_PARAMS", python_variable(picture["additional_framework_parameters"]));
    set("SM_USER_ARGS", python_variable(strings(user_arguments(plan.hyperparameters))));
    set("SM_TRAINING_ENV", python_variable(picture));
    // What the drivers of the SageMaker Python SDK, version 3, add.
    set("SM_HOST_COUNT", std::to_string(plan.hosts.size()));
    set("SM_CURRENT_HOST_RANK", std::to_string(place.index));
    add_named("SM_CHANNEL_", picture["channel_input_dirs"], environment);
    add_named("SM_HP_", picture["hyperparameters"], environment);
    if (plan.program.empty()) return;
    // The code first, then what the image or the job has.
    std::string path = place.base + "/code";
    for (const auto* variables : {&plan.environment, &place.image_environment}) {
        const auto found = std::ranges::find(*variables, "PYTHONPATH", &Environment::value_type::first);
        if (found == variables->end() || found->second.empty()) continue;
        path += ":" + found->second;
        break;
    }
    std::erase_if(environment, [](const auto& variable) { return variable.first == "PYTHONPATH"; });
    set("PYTHONPATH", path);
}

// What PyTorch's env:// rendezvous reads.
void add_rendezvous(const Plan& plan, const WorkerPlace& place, Environment& environment) {
    environment.emplace_back("MASTER_ADDR", place.master_address);
    environment.emplace_back("MASTER_PORT", std::to_string(place.master_port));
    environment.emplace_back("SM_MASTER_ADDR", plan.hosts.front());
    environment.emplace_back("SM_MASTER_PORT", std::to_string(place.master_port));
    environment.emplace_back("RANK", std::to_string(place.index));
    environment.emplace_back("LOCAL_RANK", "0");
    environment.emplace_back("WORLD_SIZE", std::to_string(plan.hosts.size()));
    environment.emplace_back("GLOO_SOCKET_IFNAME", place.network_interface);
    environment.emplace_back("NCCL_SOCKET_IFNAME", place.network_interface);
    environment.emplace_back("OMP_NUM_THREADS", std::to_string(place.cpus));
}

// What PyTorch and Open MPI read, and their programs do not know by themselves. What the job sets is the job's.
void add_launcher(const Plan& plan, const WorkerPlace& place, Environment& environment) {
    using Default = std::pair<const char*, std::string>;
    const auto unless_set = [&](std::initializer_list<Default> defaults) {
        for (const auto& [name, value] : defaults)
            if (std::ranges::none_of(environment, [&](const auto& one) { return one.first == name; }))
                environment.emplace_back(name, value);
    };
    auto script_launcher = script_launcher_of(plan);
    if (script_launcher && script_launcher->launcher == Launcher::mpi) {
        // mpirun numbers the processes. Open MPI 5 starts them by another program, PRRTE, which has its own names for the two
        // arguments of mpi_command's that say how to reach other hosts, and takes the old ones for nothing.
        unless_set(
            {{"PRTE_MCA_plm_ssh_agent", std::string(sandbox::inside_path) + " rsh"}, {"PRTE_MCA_plm_ssh_no_tree_spawn", "1"}});
        return;
    }
    add_rendezvous(plan, place, environment);
    // Debian 12's torchrun fails with its own defaults (torch 1.13 on Python 3.11): these are the ones that work, and print the same.
    // Debian 13's torch is built without the libuv that its process groups ask for by default.
    if (sandbox::is_host_image(plan.image)) unless_set({{"PET_REDIRECTS", "1"}, {"PET_TEE", "1"}, {"USE_LIBUV", "0"}});
}

bool is_too_long(const Environment::value_type& variable) {
    return variable.first.size() + variable.second.size() + 2 > variable_bytes_max;
}

base::Result<void> write_file(const std::string& path, const std::string& content) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << content;
    file.close();
    if (!file) return base::fail(base::code::InternalError, "cannot write " + path);
    return {};
}

}  // namespace

std::string hyperparameters_json(const Plan& plan) {
    auto values = Json::object();
    for (const auto& [key, value] : plan.hyperparameters) values.set(key, value);
    return values.dump();
}

std::string input_data_config_json(const Plan& plan, size_t host) { return input_data_config(plan, host).dump(); }

std::string resource_config_json(const Plan& plan, const WorkerPlace& place) { return resource_config(plan, place).dump(); }

Environment environment(const Job& job, const Plan& plan, const WorkerPlace& place) {
    Environment all = {
        {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        {"HOME", place.home},
        {"LANG", "C.UTF-8"},
        {"HOSTNAME", plan.hosts[place.index]},
        {"PYTHONUNBUFFERED", "TRUE"},
        {"SAGEMAKER_BASE_DIR", place.base},
        {"AWS_REGION", job.id.region},
        {"AWS_DEFAULT_REGION", job.id.region},
    };
    if (place.reaches_server) {
        all.emplace_back("AWS_ENDPOINT_URL", place.aws_endpoint);
        all.emplace_back("S3_ENDPOINT_URL", place.aws_endpoint);
    }
    // Outside of a sandbox that address is the machine's, which may have a role of its own: never the job's.
    if (!place.sandboxed || !place.reaches_server) all.emplace_back("AWS_EC2_METADATA_DISABLED", "true");
    auto override_with = [&](const std::string& name, const std::string& value) {
        std::erase_if(all, [&](const auto& variable) { return variable.first == name; });
        all.emplace_back(name, value);
    };
    for (const auto& [name, value] : place.image_environment) override_with(name, value);
    add_toolkit(job, plan, place, all);
    add_launcher(plan, place, all);
    for (const auto& [name, value] : plan.environment) {
        if (name != "PYTHONPATH" || plan.program.empty()) override_with(name, value);
    }
    override_with("TRAINING_JOB_NAME", job.id.name);
    override_with("TRAINING_JOB_ARN", job.id.arn());
    override_with("TRAINING_JOB_RUN_ID", job.run_id);
    if (place.sandboxed && place.reaches_server) {
        override_with("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", std::string(credentials_path));
    } else if (!place.sandboxed) {
        override_with("AWS_CONTAINER_CREDENTIALS_FULL_URI", place.credentials_uri);
        override_with("AWS_CONTAINER_AUTHORIZATION_TOKEN", place.token);
    }
    std::erase_if(all, [](const auto& variable) { return is_too_long(variable); });
    return all;
}

std::vector<std::string> too_long_variables(const Job& job, const Plan& plan, const WorkerPlace& place) {
    Environment all;
    add_toolkit(job, plan, place, all);
    std::vector<std::string> names;
    for (const auto& variable : all) {
        if (is_too_long(variable)) names.push_back(variable.first);
    }
    return names;
}

namespace {

// An image that has an entry point is run as on AWS, `docker run IMAGE train`: script mode is then its own affair (the
// toolkit's).
bool runs_image(const Plan& plan, const WorkerPlace& place) {
    return plan.command.empty() && (!place.image_entry_point.empty() || plan.program.empty());
}

std::vector<std::string> script_command(const Plan& plan, const WorkerPlace& place) {
    std::vector<std::string> words;
    if (plan.program.ends_with(".py")) {
        words = {place.python, plan.program};
    } else if (plan.program.ends_with(".sh")) {
        words = {"/bin/sh", plan.program};
    } else {
        words = {"./" + plan.program};
    }
    auto arguments = user_arguments(plan.hyperparameters);
    words.insert(words.end(), arguments.begin(), arguments.end());
    return words;
}

}  // namespace

std::vector<std::string> command(const Plan& plan, const WorkerPlace& place) {
    if (!plan.command.empty()) return plan.command;
    if (runs_image(plan, place)) {
        std::vector<std::string> words = place.image_entry_point;
        if (plan.arguments.empty()) words.emplace_back("train");
        words.insert(words.end(), plan.arguments.begin(), plan.arguments.end());
        return words;
    }
    auto script_launcher = script_launcher_of(plan);  // plan() has checked it
    // torchrun: a process a GPU, as SageMaker's toolkit has it.
    if (script_launcher && script_launcher->launcher == Launcher::torchrun && place.gpus > 0)
        script_launcher->processes_per_host = place.gpus;
    return launcher_command(plan, script_launcher ? *script_launcher : ScriptLauncher{}, place.index, place.network_interface,
                            script_command(plan, place));
}

std::string working_directory(const Plan& plan, const WorkerPlace& place) {
    if (runs_image(plan, place)) return place.image_directory.empty() ? "/" : place.image_directory;
    return plan.command.empty() ? place.base + "/code" : place.base;
}

base::Result<void> make_folders(const Plan& plan, const WorkerPlace& place) {
    std::string ml = place.folder + "/ml";
    std::vector<std::string> folders = {ml + "/input/config",   ml + "/model",        ml + "/output/data",
                                        ml + "/code",           ml + "/checkpoints",  place.folder + "/tmp",
                                        place.folder + "/home", place.folder + "/opt"};
    for (const auto& channel : plan.channels) {
        if (has_channel(channel, place.index)) folders.push_back(ml + "/input/data/" + channel.name);
    }
    for (const auto& folder : folders) {
        std::error_code error;
        std::filesystem::create_directories(folder, error);
        if (error) return base::fail(base::code::InternalError, "cannot make the folder " + folder + ": " + error.message());
    }
    std::string config = ml + "/input/config/";
    TRY(write_file(config + "hyperparameters.json", hyperparameters_json(plan)));
    TRY(write_file(config + "inputdataconfig.json", input_data_config_json(plan, place.index)));
    TRY(write_file(config + "resourceconfig.json", resource_config_json(plan, place)));
    if (plan.checkpoints) {
        TRY(write_file(
            config + "checkpointconfig.json",
            Json::object({{"S3Uri", plan.checkpoints->destination.text()}, {"LocalPath", plan.checkpoints->local_path}}).dump()));
    }
    std::string hosts = "127.0.0.1 localhost\n::1 localhost\n";
    for (const auto& host : plan.hosts) hosts += "127.0.0.1 " + host + "\n";
    return write_file(place.folder + "/hosts", hosts);
}

}  // namespace training
