// Stored jobs of other versions of this program: the text of the first release never changes.
#include "training/job.hpp"

#include <doctest/doctest.h>

#include "training/stored_request.hpp"

namespace {

namespace m = model::sagemaker;

// As the last release stored a job whose request has nearly every member.
constexpr const char* stored_before =
    R"#({"Account":"111122223333","Region":"us-east-1","Name":"full","Request":{"TrainingJobName":"full",)#"
    R"#("HyperParameters":{"z":"1","a":"\"x\"","sagemaker_program":"a.py"},)#"
    R"#("AlgorithmSpecification":{"TrainingImage":"host/python3","TrainingInputMode":"File",)#"
    R"#("MetricDefinitions":[{"Name":"loss","Regex":"loss=([0-9.]+)"}],"EnableSageMakerMetricsTimeSeries":true,)#"
    R"#("ContainerEntrypoint":["/bin/sh","-c","echo loss=0.25; true"]},)#"
    R"#("RoleArn":"arn:aws:iam::111122223333:role/trainer","InputDataConfig":[{"ChannelName":"train",)#"
    R"#("DataSource":{"S3DataSource":{"S3DataType":"S3Prefix","S3Uri":"s3://training-data/data/train",)#"
    R"#("S3DataDistributionType":"ShardedByS3Key"}},"ContentType":"text/plain","CompressionType":"None",)#"
    R"#("RecordWrapperType":"None","InputMode":"File","ShuffleConfig":{"Seed":7}}],)#"
    R"#("OutputDataConfig":{"S3OutputPath":"s3://training-data/models","CompressionType":"NONE"},)#"
    R"#("ResourceConfig":{"InstanceType":"ml.m5.large","InstanceCount":1,"VolumeSizeInGB":1},)#"
    R"#("VpcConfig":{"SecurityGroupIds":["sg-1"],"Subnets":["s-1","s-2"]},)#"
    R"#("StoppingCondition":{"MaxRuntimeInSeconds":60,"MaxPendingTimeInSeconds":7200},)#"
    R"#("EnableNetworkIsolation":false,"EnableInterContainerTrafficEncryption":true,)#"
    R"#("EnableManagedSpotTraining":false,"CheckpointConfig":{"S3Uri":"s3://training-data/ck",)#"
    R"#("LocalPath":"/opt/ml/checkpoints/"},"DebugHookConfig":{"S3OutputPath":"s3://training-data/debug",)#"
    R"#("CollectionConfigurations":[{"CollectionName":"losses","CollectionParameters":{"a":"b"}}]},)#"
    R"#("DebugRuleConfigurations":[{"RuleConfigurationName":"loss","RuleEvaluatorImage":"image",)#"
    R"#("InstanceType":"ml.m5.large","VolumeSizeInGB":3,"RuleParameters":{"rule_to_invoke":"x"}}],)#"
    R"#("TensorBoardOutputConfig":{"LocalPath":"/opt/ml/output/tensorboard",)#"
    R"#("S3OutputPath":"s3://training-data/board"},"ExperimentConfig":{"ExperimentName":"digits",)#"
    R"#("TrialName":"first"},"ProfilerConfig":{"S3OutputPath":"s3://training-data/profile",)#"
    R"#("ProfilingIntervalInMilliseconds":500,"ProfilingParameters":{"p":"q"}},)#"
    R"#("ProfilerRuleConfigurations":[{"RuleConfigurationName":"report","RuleEvaluatorImage":"image"}],)#"
    R"#("Environment":{"B":"2","A":"1","TRAINWARDEN_SCOPE":"role"},"RetryStrategy":{"MaximumRetryAttempts":2},)#"
    R"#("RemoteDebugConfig":{"EnableRemoteDebug":false},"InfraCheckConfig":{"EnableInfraCheck":true},)#"
    R"#("SessionChainingConfig":{"EnableSessionTagChaining":true}},"Tags":[{"Key":"team","Value":"audio"},)#"
    R"#({"Key":"Cost","Value":""}],"RunId":"abb85d26-0e8f-4b74-853b-6f0f14282ef1","SessionTags":[],)#"
    R"#("SourceIdentity":"","Retries":0,"RuntimeUsed":102,"Ended":{"How":"finished","Host":0,"ExitCode":0,)#"
    R"#("LastLine":"","OutOfMemory":false},"Status":"Completed","SecondaryStatus":"Completed","FailureReason":"",)#"
    R"#("CreationTime":"2026-11-28T02:11:14.696Z","LastModifiedTime":"2026-11-28T02:11:14.976Z","Source":{"ETag":"",)#"
    R"#("Size":0,"Sha256":"","Channels":{}},"TrainingStartTime":"2026-11-28T02:11:14.728Z",)#"
    R"#("TrainingEndTime":"2026-11-28T02:11:14.976Z","Transitions":[{"Status":"Starting",)#"
    R"#("StatusMessage":"Starting the training job","StartTime":"2026-11-28T02:11:14.696Z",)#"
    R"#("EndTime":"2026-11-28T02:11:14.728Z"},{"Status":"Downloading","StatusMessage":"Downloading input data",)#"
    R"#("StartTime":"2026-11-28T02:11:14.728Z","EndTime":"2026-11-28T02:11:14.772Z"},{"Status":"Training",)#"
    R"#("StatusMessage":"Training image download completed. Training in progress.",)#"
    R"#("StartTime":"2026-11-28T02:11:14.772Z","EndTime":"2026-11-28T02:11:14.896Z"},{"Status":"Uploading",)#"
    R"#("StatusMessage":"Uploading generated training model","StartTime":"2026-11-28T02:11:14.896Z",)#"
    R"#("EndTime":"2026-11-28T02:11:14.976Z"},{"Status":"Completed","StatusMessage":"Training job completed",)#"
    R"#("StartTime":"2026-11-28T02:11:14.976Z","EndTime":"2026-11-28T02:11:14.976Z"}],"Workers":[{"Host":"algo-1",)#"
    R"#("LogStream":"full/algo-1-1795831874775","Process":0}],"FinalMetrics":[{"Name":"loss","Value":0.25,)#"
    R"#("Time":"2026-11-28T02:11:14.832Z"}]})#";

training::Job read(const text::Json& json) {
    auto job = training::job_from_json(json);
    REQUIRE(job.has_value());
    return *job;
}

}  // namespace

TEST_CASE("a job of the first release, and of one that added members") {
    for (const std::string end : {"}", R"(,"AddedLater":{"a":[1]}})"}) {
        const auto json = text::parse_json(
            R"({"Account":"111122223333","Region":"us-east-1","Name":"digits","Request":{"TrainingJobName":"digits"},"Tags":[],)"
            R"("RunId":"00ff","SessionTags":[],"SourceIdentity":"","Retries":1,"RuntimeUsed":1500,"Ended":{},"Status":"Completed",)"
            R"("SecondaryStatus":"Completed","FailureReason":"","CreationTime":"2026-01-02T03:04:05.678Z",)"
            R"("LastModifiedTime":"2026-01-02T03:05:05.678Z","Transitions":[{"Status":"Starting","StatusMessage":"m",)"
            R"("StartTime":"2026-01-02T03:04:05.678Z","EndTime":"2026-01-02T03:04:06.678Z"}],)"
            R"("Workers":[{"Host":"algo-1","LogStream":"digits/algo-1-1","Process":77}])" +
            end);
        REQUIRE(json.has_value());
        const auto job = training::job_from_json(*json);
        REQUIRE(job.has_value());
        CHECK(job->id.name == "digits");
        CHECK(training::name(job->status) == "Completed");
        CHECK(job->retries == 1);
        CHECK(job->runtime_used.count() == 1500);
        REQUIRE(job->transitions.size() == 1);
        CHECK(job->transitions[0].end.has_value());
        REQUIRE(job->workers.size() == 1);
        CHECK(job->workers[0].process == 77);
        CHECK_FALSE(job->source.has_value());
        CHECK_FALSE(job->folder_kept);
        CHECK(job->final_metrics.empty());
        CHECK_FALSE(job->training_start_time.has_value());
    }
}

TEST_CASE("a stored job is read by the model and written with the same bytes") {
    const auto json = text::parse_json(stored_before);
    REQUIRE(json.has_value());
    const training::Job job = read(*json);
    CHECK(job.request->unknown.is_null());
    CHECK(job.asked().training_job_name == "full");
    CHECK(job.asked().hyper_parameters->front() == std::pair<std::string, std::string>("z", "1"));
    CHECK(job.asked().algorithm_specification->container_entrypoint->size() == 3);
    CHECK(job.asked().input_data_config->front().shuffle_config->seed == 7);
    CHECK(job.asked().resource_config->instance_type == m::TrainingInstanceType::ml_m5_large);
    CHECK(job.asked().stopping_condition->max_pending_time_in_seconds == 7200);
    CHECK(job.asked().enable_inter_container_traffic_encryption == true);
    CHECK(job.role_arn() == "arn:aws:iam::111122223333:role/trainer");
    CHECK(job.model_artifacts() == "s3://training-data/models/full/output/model/");
    CHECK(training::to_json(job).dump() == stored_before);
}

TEST_CASE("what a later version wrote of a request is kept, wherever it stands") {
    auto json = text::parse_json(stored_before);
    REQUIRE(json.has_value());
    text::Json& request = *json->find("Request");
    const auto change = [](text::Json& place, const char* member, const char* value) {
        place.set(member, *text::parse_json(value));
    };
    change(request, "NewMember", R"({"a":[1,null]})");
    change(request, "VpcConfig", R"("a structure no more")");
    change(request, "RetryStrategy", "null");
    change(*request.find("ResourceConfig"), "InstanceType", R"("ml.new9.large")");  // an enum value of its own
    change(*request.find("ResourceConfig"), "VolumeSizeInGB", "1.5");
    change(*request.find("OutputDataConfig"), "S3OutputPath", "5");  // a required member
    change(request.find("InputDataConfig")->items().front(), "NewOfChannel", "true");
    change(*request.find("InputDataConfig")->items().front().find("DataSource")->find("S3DataSource"), "S3DataType", R"("New")");
    request.find("Environment")->set("B", 5);  // of a map, one value
    const training::Job job = read(*json);
    CHECK(job.asked().resource_config->instance_count == 1);
    CHECK_FALSE(job.asked().resource_config->instance_type.has_value());
    CHECK_FALSE(job.asked().vpc_config.has_value());
    CHECK_FALSE(job.asked().environment.has_value());
    CHECK(job.asked().input_data_config->front().channel_name == "train");
    CHECK(job.asked().input_data_config->front().data_source.s3_data_source->s3_data_type == m::S3DataType::unknown);
    CHECK(training::to_json(job) == *json);
    // Members that the model has stand in its order, others behind them: once written, a record does not change any more.
    const std::string written = training::to_json(job).dump();
    CHECK(training::to_json(read(*text::parse_json(written))).dump() == written);
}

TEST_CASE("a request that is no object is kept as it is") {
    for (const char* request : {"5", R"("text")", "[]"}) {
        auto json = text::parse_json(stored_before);
        REQUIRE(json.has_value());
        json->set("Request", *text::parse_json(request));
        const training::Job job = read(*json);
        CAPTURE(request);
        CHECK(job.role_arn() == "");
        CHECK(training::to_json(job)["Request"] == (*json)["Request"]);
    }
}
