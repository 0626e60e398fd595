#include "training/plan.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/strings.hpp"
#include "training/contract.hpp"
#include "training/instances.hpp"
#include "training/request_for_tests.hpp"
#include "training/script_launcher.hpp"

namespace training {
namespace {

using text::Json;

const JobId id{"111122223333", "us-east-1", "job"};

Json request() {
    auto parsed = text::parse_json(R"({
        "AlgorithmSpecification": {"TrainingImage": "host/python3:latest", "TrainingInputMode": "File", "ContainerEntrypoint": ["/bin/true"]},
        "RoleArn": "arn:aws:iam::111122223333:role/r",
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/p/"}}}],
        "OutputDataConfig": {"S3OutputPath": "s3://b/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60}})");
    REQUIRE(parsed.has_value());
    return *parsed;
}

std::string refusal(const Json& changed) {
    auto result = plan(id, asked(changed));
    return result ? "" : result.error().code + ": " + result.error().message;
}

}  // namespace

TEST_CASE("what cannot be done is refused by name") {
    struct Row {
        const char* path;  // members, separated by '/'; `0` is the first channel
        const char* value;
        const char* told;
    };
    const Row rows[] = {
        {"AlgorithmSpecification/AlgorithmName", R"("arn:x")",
         "ValidationException: AlgorithmSpecification must specify either TrainingImage or AlgorithmName, not both."},
        {"AlgorithmSpecification", R"({"AlgorithmName": "arn:x", "TrainingInputMode": "File"})",
         "ValidationException: AlgorithmSpecification.AlgorithmName is not supported"},
        {"AlgorithmSpecification/ContainerEntrypoint", R"([])",
         "ValidationException: The image host/python3 has no `train` program"},
        {"ResourceConfig/InstanceGroups", R"([{"InstanceType": "ml.m5.large", "InstanceCount": 1, "InstanceGroupName": "g"}])",
         "ValidationException: ResourceConfig must specify either InstanceGroups or InstanceType and InstanceCount, not both."},
        {"ServerlessJobConfig", R"({"BaseModelArn": "arn:x", "JobType": "FineTuning"})",
         "ValidationException: ServerlessJobConfig is not supported"},
        {"ResourceConfig/KeepAlivePeriodInSeconds", "60",
         "ValidationException: ResourceConfig.KeepAlivePeriodInSeconds is not supported"},
        {"ResourceConfig/VolumeKmsKeyId", R"("k")", "ValidationException: ResourceConfig.VolumeKmsKeyId is not supported"},
        {"ResourceConfig/InstanceCount", "0", "ValidationException: ResourceConfig.InstanceCount must be at least 1."},
        {"OutputDataConfig/KmsKeyId", R"("k")", "ValidationException: OutputDataConfig.KmsKeyId is not supported"},
        {"OutputDataConfig/S3OutputPath", R"("https://b/out")", "ValidationException: `https://b/out` is not an S3 address"},
        {"0/CompressionType", R"("Gzip")",
         "ValidationException: CompressionType Gzip is used only in Pipe input mode (in channel train)"},
        {"0/RecordWrapperType", R"("RecordIO")",
         "ValidationException: RecordWrapperType RecordIO is used only in Pipe input mode (in channel train)"},
        {"0/ChannelName", R"("..")", "ValidationException: ChannelName .. is not a folder name."},
        {"0/DataSource", R"({"FileSystemDataSource": {"FileSystemId": "fs-1"}})",
         "ValidationException: DataSource.FileSystemDataSource (in channel train) is not supported"},
        {"0/DataSource/S3DataSource/S3DataType", R"("AugmentedManifestFile")",
         "ValidationException: AugmentedManifestFile is available only if the channel's input mode is Pipe (in channel train)"},
        {"CheckpointConfig", R"({"S3Uri": "s3://b/c", "LocalPath": "/elsewhere"})",
         "ValidationException: CheckpointConfig.LocalPath /elsewhere is not supported"},
    };
    CHECK(refusal(request()) == "");
    Json with_slash = request();
    with_slash.set("CheckpointConfig", Json::object({{"S3Uri", "s3://b/c"}, {"LocalPath", "/opt/ml/checkpoints/"}}));
    CHECK(refusal(with_slash) == "");
    for (const auto& row : rows) {
        CAPTURE(row.path);
        Json changed = request();
        Json* at = &changed;
        std::string_view path = row.path;
        for (auto slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/')) {
            std::string_view part = path.substr(0, slash);
            at = part == "0" ? &changed.find("InputDataConfig")->items().front() : at->find(part);
            REQUIRE(at != nullptr);
            path.remove_prefix(slash + 1);
        }
        auto value = text::parse_json(row.value);
        REQUIRE(value.has_value());
        at->set(path, *value);
        CHECK(refusal(changed).starts_with(row.told));
    }
    Json twice = request();
    Json channel = twice["InputDataConfig"].items().front();
    twice.find("InputDataConfig")->push(channel);
    CHECK(refusal(twice) == "ValidationException: InputDataConfig has two channels named train.");
}

// What AWS answers where members exclude or need each other, and what is no use anywhere.
TEST_CASE("constraints beyond the service model") {
    auto changed = [](std::initializer_list<std::pair<const char*, const char*>> members) {
        Json all = request();
        for (const auto& [name, value] : members) {
            auto parsed = text::parse_json(value);
            REQUIRE(parsed.has_value());
            all.set(name, *parsed);
        }
        return refusal(all);
    };
    const char* spot = R"({"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59})";
    CHECK(
        changed({{"StoppingCondition", spot}}) ==
        "ValidationException: Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true");
    for (const char* condition : {spot, R"({"MaxRuntimeInSeconds": 60})"}) {
        CHECK(changed({{"StoppingCondition", condition}, {"EnableManagedSpotTraining", "true"}}) ==
              "ValidationException: Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
              "MaxRuntimeInSeconds");
    }
    CHECK(changed({{"StoppingCondition", R"({"MaxRuntimeInSeconds": 2419201})"}})
              .starts_with(
                  "ResourceLimitExceeded: The account-level service limit 'Longest run time for a training job' is 2419200 "
                  "Seconds, with current utilization of 0 Seconds and a request delta of 2419201 Seconds. Please use AWS "
                  "Service Quotas to request an increase for this quota."));
    CHECK(changed({{"StoppingCondition", R"({"MaxRuntimeInSeconds": 2419200})"}}) == "");
    CHECK(changed({{"ResourceConfig", R"({"InstanceType": "ml.m5.large", "InstanceCount": 257})"}})
              .starts_with(
                  "ResourceLimitExceeded: The account-level service limit 'Number of instances for a training job' is 256"));
    CHECK(changed({{"ResourceConfig", R"({"InstanceType": "ml.m5.large"})"}}) ==
          "ValidationException: 1 validation error detected: Value null at 'resourceConfig.instanceCount' failed to satisfy "
          "constraint: Member must not be null");
    CHECK(changed({{"Tags", R"([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}])"}}) ==
          "ValidationException: Duplicate tag key: a");
    CHECK(changed({{"Tags", R"([{"Key": "team", "Value": "red"}, {"Key": "TEAM", "Value": "blue"}])"}}) ==
          "ValidationException: Duplicate tag key: TEAM");
    CHECK(changed({{"Tags", R"([{"Key": "aws:x", "Value": "1"}])"}}) ==
          "ValidationException: Tag keys that start with aws: are reserved: aws:x");
    CHECK(changed({{"ProfilerConfig", R"({"ProfilingIntervalInMilliseconds": 300})"}})
              .starts_with("ValidationException: ProfilingIntervalInMilliseconds must be one of 100, 200,"));
    CHECK(changed({{"Environment", R"({"TRAINWARDEN_SCOPE": "all"})"}}) ==
          "ValidationException: Environment TRAINWARDEN_SCOPE must be `job` or `role`, not `all`.");
    for (const char* member : {"AlgorithmSpecification", "ResourceConfig"}) {
        Json without = request();
        without.erase(member);
        CHECK(refusal(without).ends_with("failed to satisfy constraint: Member must not be null"));
    }
}

TEST_CASE("instance types stand for AWS's sizes, cut to the machine, and for what a table says") {
    constexpr uint64_t gib = 1ULL << 30;
    const Machine small{8, 32 * gib, 0}, large{128, 2048 * gib, 8};
    auto type = InstanceTypes::of(small).find("ml.m5.large");
    CHECK(type.cores == 2);
    CHECK(type.memory_bytes == 8 * gib);
    CHECK(type.count == 16);
    type = InstanceTypes::of(small).find("ml.r5.24xlarge");
    CHECK(type.cores == 8);
    CHECK(type.memory_bytes == 32 * gib);
    CHECK(InstanceTypes::of(small).find("ml.p4d.24xlarge").count == 0);  // no GPUs, no GPU instances
    type = InstanceTypes::of(large).find("ml.p4d.24xlarge");
    CHECK(type.gpus == 8);
    CHECK(type.cores == 96);
    CHECK(type.memory_bytes == 1152 * gib);
    CHECK(type.count == 1);
    CHECK(InstanceTypes::of(large).find("ml.g5.xlarge").count == 8);
    CHECK(InstanceTypes::of(large).find("ml.c5.9xlarge").cores == 36);

    auto table = InstanceTypes::parse(R"({"ml.m5.large": {"Cores": 1, "MemoryInGiB": 2, "Count": 3, "SpotCount": 0}})", small);
    REQUIRE(table.has_value());
    type = table->find("ml.m5.large");
    CHECK(type.cores == 1);
    CHECK(type.memory_bytes == 2 * gib);
    CHECK(type.count == 3);
    CHECK(type.spot_count == 0);
    CHECK(table->find("ml.c5.xlarge").count == 0);
    CHECK(table->total() == 3);
    for (const char* wrong : {"[]", "{", R"({"m5": {}})", R"({"ml.m5.large": {"Core": 1}})", R"({"ml.m5.large": {"Count": -1}})",
                              R"({"ml.m5.large": {"Gpus": 1}})", R"({"ml.m5.large": {"Count": "many"}})"}) {
        CAPTURE(wrong);
        CHECK_FALSE(InstanceTypes::parse(wrong, small).has_value());
    }
}

TEST_CASE("where objects land") {
    struct Row {
        const char* prefix;
        const char* key;
        const char* name;  // "" is refused
    };
    const Row rows[] = {
        {"", "a/b", "a/b"},
        {"data/", "data/x.npz", "x.npz"},
        {"data", "data/deep/x", "deep/x"},
        {"data", "data2/x", "data2/x"},
        {"top/da", "top/data.csv", "data.csv"},
        {"data/x.csv", "data/x.csv", "x.csv"},
        {"data/", "data/../x", ""},
        {"data/", "data/a//b", ""},
        {"data/", "data/./b", ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.prefix);
        CAPTURE(row.key);
        auto name = local_name(row.prefix, row.key);
        if (*row.name == '\0') {
            CHECK_FALSE(name.has_value());
        } else {
            REQUIRE(name.has_value());
            CHECK(*name == row.name);
        }
    }
}

TEST_CASE("hyperparameters become arguments as the toolkit prints them") {
    CHECK(user_arguments({{"sagemaker_program", "\"t.py\""},
                          {"b", "\"x y\""},
                          {"rate", "0.1"},
                          {"on", "true"},
                          {"list", "[1, \"a\", null]"},
                          {"plain", "text"}}) ==
          std::vector<std::string>{"-b", "x y", "--rate", "0.1", "--on", "True", "--list", "[1, 'a', None]", "--plain", "text"});
}

TEST_CASE("the files of input/config are SageMaker's") {
    Json changed = request();
    changed.set("HyperParameters", Json::object({{"epochs", "10"}, {"name", "\"a\""}}));
    changed.find("InputDataConfig")->items().front().set("ContentType", "text/csv");
    auto planned = plan(id, asked(changed));
    REQUIRE(planned.has_value());
    CHECK(hyperparameters_json(*planned) == R"({"epochs":"10","name":"\"a\""})");
    CHECK(
        input_data_config_json(*planned, 0) ==
        R"({"train":{"TrainingInputMode":"File","S3DistributionType":"FullyReplicated","RecordWrapperType":"None","ContentType":"text/csv"}})");
    WorkerPlace place;
    place.index = 1;
    CHECK(
        resource_config_json(*planned, place) ==
        R"({"current_host":"algo-2","current_instance_type":"ml.m5.large","current_group_name":"homogeneousCluster","hosts":["algo-1","algo-2"],)"
        R"("instance_groups":[{"instance_group_name":"homogeneousCluster","instance_type":"ml.m5.large","hosts":["algo-1","algo-2"]}],)"
        R"("network_interface_name":"lo"})");
}

TEST_CASE("instance groups: hosts in order, each knows its own group, one strategy for some of them") {
    Json changed = request();
    changed.set("ResourceConfig", *text::parse_json(R"({"VolumeSizeInGB": 1, "InstanceGroups": [
        {"InstanceType": "ml.m5.large", "InstanceCount": 1, "InstanceGroupName": "data"},
        {"InstanceType": "ml.c5.xlarge", "InstanceCount": 2, "InstanceGroupName": "train"}]})"));
    changed.find("AlgorithmSpecification")->erase("ContainerEntrypoint");
    changed.set("HyperParameters", Json::object({{"sagemaker_program", "t.py"},
                                                 {"sagemaker_submit_directory", "s3://b/s.tar.gz"},
                                                 {"sagemaker_torch_distributed_enabled", "true"},
                                                 {"sagemaker_distribution_instance_groups", "[\"train\"]"}}));
    auto planned = plan(id, asked(changed));
    REQUIRE_MESSAGE(planned.has_value(), (planned ? "" : planned.error().message));
    CHECK(planned->hosts == std::vector<std::string>{"algo-1", "algo-2", "algo-3"});
    CHECK(instances_of(*planned) == std::map<std::string, int64_t>{{"ml.c5.xlarge", 2}, {"ml.m5.large", 1}});
    WorkerPlace place;
    place.index = 2;
    place.base = "/opt/ml";
    auto config = text::parse_json(resource_config_json(*planned, place));
    REQUIRE(config.has_value());
    CHECK((*config)["current_group_name"].as_string() == "train");
    CHECK((*config)["current_instance_type"].as_string() == "ml.c5.xlarge");
    CHECK((*config)["instance_groups"].items()[1]["hosts"].dump() == R"(["algo-2","algo-3"])");
    Job job;
    job.id = id;
    std::map<std::string, std::string> variables;
    for (const auto& [name, value] : environment(job, *planned, place)) variables[name] = value;
    CHECK(variables["SM_IS_HETERO"] == "true");
    CHECK(variables["SM_CURRENT_INSTANCE_GROUP_HOSTS"] == R"(["algo-2","algo-3"])");
    CHECK(variables["SM_DISTRIBUTION_INSTANCE_GROUPS"] == R"(["train"])");
    CHECK(variables["SM_INSTANCE_GROUPS"] == R"(["data","train"])");
    CHECK(base::join(command(*planned, place), " ") ==
          "torchrun --nnodes 2 --nproc_per_node 1 --master_addr algo-2 --master_port 7777 --node_rank 1 t.py");
    place.index = 0;
    CHECK(base::join(command(*planned, place), " ") == "/usr/bin/python3 t.py");
    changed.find("HyperParameters")->set("sagemaker_distribution_instance_groups", "[\"other\"]");
    CHECK(refusal(changed) ==
          "ValidationException: sagemaker_distribution_instance_groups names none of the job's instance groups.");
}

TEST_CASE("a channel with InstanceGroupNames is there for the hosts of those groups only") {
    Json changed = request();
    changed.set("ResourceConfig", *text::parse_json(R"({"VolumeSizeInGB": 1, "InstanceGroups": [
        {"InstanceType": "ml.m5.large", "InstanceCount": 1, "InstanceGroupName": "first"},
        {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "InstanceGroupName": "middle"},
        {"InstanceType": "ml.m5.large", "InstanceCount": 2, "InstanceGroupName": "last"}]})"));
    auto with_groups =
        [&](const char* names) {
            changed.set("InputDataConfig", *text::parse_json(R"([
            {"ChannelName": "all", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/all/"}}},
            {"ChannelName": "some", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/some/",
             "InstanceGroupNames": )" + std::string(names) + "}}}]"));
        };
    with_groups(R"(["last", "first", "last"])");
    auto planned = plan(id, asked(changed));
    REQUIRE_MESSAGE(planned.has_value(), (planned ? "" : planned.error().message));
    CHECK(hosts_of(planned->channels[0], 4) == std::vector<size_t>{0, 1, 2, 3});
    CHECK(hosts_of(planned->channels[1], 4) == std::vector<size_t>{0, 2, 3});
    auto channels_of = [&](size_t host) {
        Job job;
        WorkerPlace place;
        place.index = host;
        for (const auto& [name, value] : environment(job, *planned, place)) {
            if (name == "SM_CHANNELS") return value;
        }
        return std::string();
    };
    CHECK(channels_of(0) == R"(["all","some"])");
    CHECK(channels_of(1) == R"(["all"])");
    CHECK(input_data_config_json(*planned, 1).find("some") == std::string::npos);
    CHECK(input_data_config_json(*planned, 3).find("some") != std::string::npos);
    with_groups(R"(["middle", "none"])");
    CHECK(refusal(changed) ==
          "ValidationException: InstanceGroupNames of channel some names none, which is not an instance group of the job.");
    changed.set("ResourceConfig", request()["ResourceConfig"]);
    CHECK(refusal(changed) ==
          "ValidationException: InstanceGroupNames of channel some needs a ResourceConfig with InstanceGroups.");
}

TEST_CASE("mpirun's command, and what the other hosts do") {
    Json changed = request();
    changed.find("AlgorithmSpecification")->erase("ContainerEntrypoint");
    changed.set("HyperParameters", Json::object({{"sagemaker_program", "t.py"},
                                                 {"sagemaker_submit_directory", "s3://b/s.tar.gz"},
                                                 {"sagemaker_mpi_enabled", "true"},
                                                 {"sagemaker_mpi_num_of_processes_per_host", "2"},
                                                 {"sagemaker_mpi_custom_mpi_options", "\"-x 'A=b c' --verbose\""}}));
    auto planned = plan(id, asked(changed));
    REQUIRE_MESSAGE(planned.has_value(), (planned ? "" : planned.error().message));
    WorkerPlace place;
    place.network_interface = "eth0";
    std::string first = base::join(command(*planned, place), " ");
    CHECK(first.starts_with("/.inside lead algo-2 -- mpirun --host algo-1:2,algo-2:2 -np 4 -mca plm_rsh_agent /.inside rsh "));
    CHECK(first.ends_with(" -x A=b c --verbose /usr/bin/python3 t.py"));
    std::map<std::string, std::string> variables;
    for (const auto& [name, value] : environment(Job{}, *planned, place)) variables[name] = value;
    CHECK(variables["PRTE_MCA_plm_ssh_agent"] == "/.inside rsh");
    CHECK(variables["PRTE_MCA_plm_ssh_no_tree_spawn"] == "1");
    CHECK_FALSE(variables.contains("RANK"));
    place.index = 1;
    CHECK(base::join(command(*planned, place), " ") == "/.inside serve");
    for (const char* count : {"0", "257", "x"}) {
        changed.find("HyperParameters")->set("sagemaker_mpi_num_of_processes_per_host", count);
        CHECK(refusal(changed) == "ValidationException: sagemaker_mpi_num_of_processes_per_host must be between 1 and 256.");
    }
    CHECK_FALSE(shell_words("a 'b").has_value());
    CHECK(*shell_words("a  'b c'd \"e\\\"f\" g\\ h ''") == std::vector<std::string>{"a", "b cd", "e\"f", "g h", ""});
}

TEST_CASE("the command that a failed job tells has nothing of how mpirun reaches other hosts") {
    CHECK(shown_command({"/.inside", "lead", "algo-2", "--", "mpirun", "-np", "2", "-mca", "plm_rsh_agent", "/.inside rsh",
                         "-mca", "pml", "ob1", "python3", "t.py"}) ==
          std::vector<std::string>{"mpirun", "-np", "2", "-mca", "pml", "ob1", "python3", "t.py"});
    CHECK(shown_command({"python3", "t.py", "--", "x"}) == std::vector<std::string>{"python3", "t.py", "--", "x"});
}

TEST_CASE("which programs and hyperparameters a script can be started with") {
    Json changed = request();
    changed.find("AlgorithmSpecification")->erase("ContainerEntrypoint");
    auto with = [&](const std::string& name, const std::string& value) {
        changed.set("HyperParameters",
                    Json::object({{"sagemaker_program", "t.py"}, {"sagemaker_submit_directory", "s3://b/s.tar.gz"}}));
        changed.find("HyperParameters")->set(name, value);
        return refusal(changed);
    };
    CHECK(with("sagemaker_program", "a..b.py") == "");
    CHECK(with("sagemaker_program", "./a/t.py") == "");
    CHECK(with("sagemaker_program", "a/../../t.py").find("a path inside the source directory") != std::string::npos);
    CHECK(with("sagemaker_program", "-x.py").find("-x.py begins with a dash") != std::string::npos);
    CHECK(with("x", R"("a\u0000b")").find("The hyperparameter x has a NUL character") != std::string::npos);
    CHECK(with(std::string("a\0b", 3), "1").find("The hyperparameter a has a NUL character") != std::string::npos);
    CHECK(with("x", R"(["a\u0000b"])") == "");  // its repr() has none
    changed.set("Environment", Json::object({{"A", std::string("x\0", 2)}}));
    CHECK(refusal(changed).find("The value of Environment A has a NUL character") != std::string::npos);
}

TEST_CASE("of names that are the same in capitals the last counts, as in the toolkit") {
    Json changed = request();
    changed.set("HyperParameters", Json::object({{"a", "1"}, {"A", "2"}, {"\u00e9", "3"}}));
    auto planned = plan(id, asked(changed));
    REQUIRE(planned.has_value());
    Job job;
    job.id = id;
    const auto variables = environment(job, *planned, WorkerPlace{});
    auto values = [&](std::string_view name) {
        std::vector<std::string> found;
        for (const auto& variable : variables) {
            if (variable.first == name) found.push_back(variable.second);
        }
        return found;
    };
    CHECK(values("SM_HP_A") == std::vector<std::string>{"1"});
    CHECK(values("SM_HP_\u00c9") == std::vector<std::string>{"3"});
}

TEST_CASE("the job's own variables cannot replace its identity or its credentials") {
    Json changed = request();
    changed.set("Environment", Json::object({{"TRAINING_JOB_NAME", "other"},
                                             {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "mine"},
                                             {"PATH", "/opt/ml/code"},
                                             {"PYTHONHASHSEED", "0"}}));
    auto planned = plan(id, asked(changed));
    REQUIRE(planned.has_value());
    Job job;
    job.id = id;
    WorkerPlace place;
    place.token = "real";
    place.base = "/opt/ml";
    auto variables = environment(job, *planned, place);
    auto value = [&](std::string_view name) {
        std::string found;
        int count = 0;
        for (const auto& variable : variables) {
            if (variable.first == name) {
                found = variable.second;
                ++count;
            }
        }
        CHECK(count == 1);
        return found;
    };
    CHECK(value("TRAINING_JOB_NAME") == "job");
    CHECK(value("AWS_CONTAINER_AUTHORIZATION_TOKEN") == "real");
    CHECK(value("PATH") == "/opt/ml/code");
    CHECK(value("PYTHONHASHSEED") == "0");
    CHECK(value("SM_CHANNEL_TRAIN") == "/opt/ml/input/data/train");
    CHECK(value("AWS_EC2_METADATA_DISABLED") == "true");
}

TEST_CASE("a sandboxed worker has its credentials from the standard addresses, an isolated one has none") {
    auto planned = plan(id, asked(request()));
    REQUIRE(planned.has_value());
    Job job;
    job.id = id;
    WorkerPlace place;
    place.token = "real";
    place.aws_endpoint = "http://127.0.0.1:4566";
    place.sandboxed = true;
    auto names_of = [&] {
        std::string names;
        for (const auto& [name, value] : environment(job, *planned, place)) {
            CHECK(value.find("real") == std::string::npos);
            if (name.starts_with("AWS_") || name.starts_with("S3_")) names += name + "=" + value + " ";
        }
        return names;
    };
    CHECK(names_of() ==
          "AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 AWS_ENDPOINT_URL=http://127.0.0.1:4566 "
          "S3_ENDPOINT_URL=http://127.0.0.1:4566 AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials ");
    place.reaches_server = false;
    CHECK(names_of() == "AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true ");
}

}  // namespace training
