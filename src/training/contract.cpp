#include "training/contract.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/strings.hpp"
#include "sandbox/image.hpp"
#include "training/engine.hpp"

namespace training {
namespace {

using text::Json;

std::string upper(std::string_view name) {
    std::string out;
    for (char c : name) {
        bool plain = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : plain ? c : '_';
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
        if (!key.starts_with("sagemaker_")) values.set(key, decode_hyperparameter(value));
    }
    return values;
}

std::string module_name(const std::string& program) {
    return program.ends_with(".py") ? program.substr(0, program.size() - 3) : program;
}

void add_toolkit(const Plan& plan, const WorkerPlace& place, Environment& environment) {
    auto set = [&](std::string name, std::string value) { environment.emplace_back(std::move(name), std::move(value)); };
    const std::string& base = place.base;
    std::vector<std::string> channels;
    for (const auto& channel : plan.channels) {
        if (!has_channel(channel, place.index)) continue;
        channels.push_back(channel.name);
        set("SM_CHANNEL_" + upper(channel.name), base + "/input/data/" + channel.name);
    }
    set("SM_CHANNELS", strings(channels).dump());
    set("SM_HOSTS", strings(plan.hosts).dump());
    set("SM_CURRENT_HOST", plan.hosts[place.index]);
    set("SM_HOST_COUNT", std::to_string(plan.hosts.size()));
    set("SM_CURRENT_HOST_RANK", std::to_string(place.index));
    const InstanceGroup& own = group_of(plan, place.index);
    auto engine = engine_of(plan);  // plan() has checked it
    std::vector<std::string> groups, distributed;
    auto by_name = Json::object();
    for (const auto& group : plan.groups) {
        groups.push_back(group.name);
        by_name.set(group.name, group_json(plan, group));
        if (engine && engine->takes_part(group.first)) distributed.push_back(group.name);
    }
    set("SM_CURRENT_INSTANCE_TYPE", own.instance_type);
    set("SM_CURRENT_INSTANCE_GROUP", own.name);
    set("SM_CURRENT_INSTANCE_GROUP_HOSTS", strings(hosts_of(plan, own)).dump());
    set("SM_INSTANCE_GROUPS", strings(groups).dump());
    set("SM_INSTANCE_GROUPS_DICT", by_name.dump());
    set("SM_DISTRIBUTION_INSTANCE_GROUPS", strings(distributed).dump());
    set("SM_IS_HETERO", plan.groups.size() > 1 ? "true" : "false");
    set("SM_NETWORK_INTERFACE_NAME", place.network_interface);
    set("SM_NUM_CPUS", std::to_string(place.cpus));
    set("SM_NUM_GPUS", std::to_string(place.gpus));
    set("SM_NUM_NEURONS", "0");
    set("SM_MODEL_DIR", base + "/model");
    set("SM_OUTPUT_DIR", base + "/output");
    set("SM_OUTPUT_DATA_DIR", base + "/output/data");
    set("SM_OUTPUT_INTERMEDIATE_DIR", base + "/output/intermediate");
    set("SM_INPUT_DIR", base + "/input");
    set("SM_INPUT_CONFIG_DIR", base + "/input/config");
    set("SM_RESOURCE_CONFIG", resource_config(plan, place).dump());
    set("SM_INPUT_DATA_CONFIG", input_data_config(plan, place.index).dump());
    set("SM_LOG_LEVEL", "20");
    set("SM_FRAMEWORK_PARAMS", "{}");
    Json hyperparameters = user_hyperparameters(plan);
    for (const auto& [key, value] : hyperparameters.members()) {
        set("SM_HP_" + upper(key), value.is_string() ? value.as_string() : value.dump());
    }
    set("SM_HPS", hyperparameters.dump());
    set("SM_USER_ARGS", strings(user_arguments(plan.hyperparameters)).dump());
    set("SM_USER_ENTRY_POINT", plan.program);
    set("SM_MODULE_NAME", module_name(plan.program));
    set("SM_MODULE_DIR", plan.submit_directory ? plan.submit_directory->text() : base + "/code");
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

// Debian's torchrun fails with its own defaults (torch 1.13 on Python 3.11): these are the ones that work, and print the same.
void add_launcher(const Plan& plan, const WorkerPlace& place, Environment& environment) {
    auto engine = engine_of(plan);
    if (engine && engine->launcher == Launcher::mpi) return;  // mpirun numbers the processes
    add_rendezvous(plan, place, environment);
    for (const char* name : {"PET_REDIRECTS", "PET_TEE"}) {
        bool is_set = std::any_of(environment.begin(), environment.end(), [&](const auto& one) { return one.first == name; });
        if (sandbox::is_host_image(plan.image) && !is_set) environment.emplace_back(name, "1");
    }
}

base::Result<void> write_file(const std::string& path, const std::string& content) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << content;
    file.close();
    if (!file) return base::fail("InternalError", "cannot write " + path);
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
    add_toolkit(plan, place, all);
    add_launcher(plan, place, all);
    for (const auto& [name, value] : plan.environment) override_with(name, value);
    override_with("TRAINING_JOB_NAME", job.id.name);
    override_with("TRAINING_JOB_ARN", job.id.arn());
    override_with("TRAINING_JOB_RUN_ID", job.run_id);
    if (place.sandboxed && place.reaches_server) {
        override_with("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", std::string(credentials_path));
    } else if (!place.sandboxed) {
        override_with("AWS_CONTAINER_CREDENTIALS_FULL_URI", place.credentials_uri);
        override_with("AWS_CONTAINER_AUTHORIZATION_TOKEN", place.token);
    }
    return all;
}

namespace {

// An image that has an entry point is run as on AWS, `docker run IMAGE train`: script mode is then its own affair (the
// toolkit's).
bool runs_image(const Plan& plan, const WorkerPlace& place) {
    return plan.command.empty() && (!place.image_entry_point.empty() || plan.program.empty());
}

std::vector<std::string> script_command(const Plan& plan) {
    std::vector<std::string> words;
    if (plan.program.ends_with(".py")) {
        words = {"/usr/bin/python3", plan.program};
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
    auto engine = engine_of(plan);  // plan() has checked it
    // torchrun: a process a GPU, as SageMaker's toolkit has it.
    if (engine && engine->launcher == Launcher::torchrun && place.gpus > 0) engine->processes_per_host = place.gpus;
    return launcher_command(plan, engine ? *engine : Engine{}, place.index, place.network_interface, script_command(plan));
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
        if (error) return base::fail("InternalError", "cannot make the folder " + folder + ": " + error.message());
    }
    std::string config = ml + "/input/config/";
    TRY(write_file(config + "hyperparameters.json", hyperparameters_json(plan)));
    TRY(write_file(config + "inputdataconfig.json", input_data_config_json(plan, place.index)));
    TRY(write_file(config + "resourceconfig.json", resource_config_json(plan, place)));
    std::string hosts = "127.0.0.1 localhost\n::1 localhost\n";
    for (const auto& host : plan.hosts) hosts += "127.0.0.1 " + host + "\n";
    return write_file(place.folder + "/hosts", hosts);
}

}  // namespace training
