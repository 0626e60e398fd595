"""The API of training jobs beyond a job's own life: constraints in AWS's words, update, delete, listings, quotas, the waiter."""
import json
import re

import botocore.config
import botocore.exceptions
import pytest
from conftest import allow
from test_sagemaker import BUCKET, channel, make_trainer, refusal, request, run, wait

UNCHECKED = botocore.config.Config(parameter_validation=False)
RUNNING = "echo ready; sleep 600"


@pytest.fixture(scope="module")
def world(server):
    make_trainer(server)
    server.client("s3").put_object(Bucket=BUCKET, Key="data/train/part-0.txt", Body=b"part 0")
    return server


def changed(wanted, path, value):
    """The request with the member at `a.b.0.c` replaced."""
    wanted = json.loads(json.dumps(wanted))
    at, parts = wanted, path.split(".")
    for part in parts[:-1]:
        at = at[int(part)] if isinstance(at, list) else at.setdefault(part, {})
    at[parts[-1]] = value
    return wanted


LONG = "x" * 4000
PATTERN = "Member must satisfy regular expression pattern: "


@pytest.mark.parametrize("path, value, place, constraint", [
    ("TrainingJobName", "under_score", "trainingJobName", PATTERN + "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"),
    ("TrainingJobName", "x" * 64, "trainingJobName", "Member must have length less than or equal to 63"),
    ("RoleArn", "arn:aws:iam::1:role/r" + "x" * 9, "roleArn", PATTERN + r"arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"),
    ("RoleArn", "short", "roleArn", "Member must have length greater than or equal to 20"),
    ("HyperParameters", {f"k{i}": "v" for i in range(101)}, "hyperParameters", "Member must have length less than or equal to 100"),
    ("HyperParameters", {"k": LONG}, "hyperParameters", "Map value must satisfy constraint: [Member must have length less than or equal to 2500"),
    ("AlgorithmSpecification.TrainingInputMode", "Tape", "algorithmSpecification.trainingInputMode", "Member must satisfy enum value set: "),
    ("AlgorithmSpecification.TrainingImage", "x" * 256, "algorithmSpecification.trainingImage", "Member must have length less than or equal to 255"),
    ("AlgorithmSpecification.MetricDefinitions", [{"Name": f"m{i}", "Regex": "x"} for i in range(41)], "algorithmSpecification.metricDefinitions",
     "Member must have length less than or equal to 40"),
    ("AlgorithmSpecification.MetricDefinitions", [{"Name": "m"}], "algorithmSpecification.metricDefinitions.1.member.regex", "Member must not be null"),
    ("AlgorithmSpecification.ContainerArguments", [], "algorithmSpecification.containerArguments", "Member must have length greater than or equal to 1"),
    ("InputDataConfig", [], "inputDataConfig", "Member must have length greater than or equal to 1"),
    ("InputDataConfig", [channel(f"c{i}", "data/") for i in range(21)], "inputDataConfig", "Member must have length less than or equal to 20"),
    ("InputDataConfig", [channel("a b", "data/")], "inputDataConfig.1.member.channelName", PATTERN + r"[A-Za-z0-9\.\-_]+"),
    ("InputDataConfig", [{"ChannelName": "a"}], "inputDataConfig.1.member.dataSource", "Member must not be null"),
    ("InputDataConfig", [channel("a", "data/", RecordWrapperType="Zip")], "inputDataConfig.1.member.recordWrapperType", "enum value set"),
    ("OutputDataConfig.S3OutputPath", "file:///tmp", "outputDataConfig.s3OutputPath", PATTERN + "(https|s3)://([^/]+)/?(.*)"),
    ("OutputDataConfig.CompressionType", "ZSTD", "outputDataConfig.compressionType", "enum value set"),
    ("ResourceConfig.InstanceType", "ml.nothing.large", "resourceConfig.instanceType", "enum value set"),
    ("ResourceConfig.InstanceCount", -1, "resourceConfig.instanceCount", "Member must have value greater than or equal to 0"),
    ("ResourceConfig.KeepAlivePeriodInSeconds", 3601, "resourceConfig.keepAlivePeriodInSeconds", "Member must have value less than or equal to 3600"),
    ("VpcConfig", {"Subnets": [], "SecurityGroupIds": ["sg-1"]}, "vpcConfig.subnets", "Member must have length greater than or equal to 1"),
    ("VpcConfig", {"Subnets": ["s"] * 17, "SecurityGroupIds": ["sg-1"]}, "vpcConfig.subnets", "Member must have length less than or equal to 16"),
    ("StoppingCondition.MaxRuntimeInSeconds", 0, "stoppingCondition.maxRuntimeInSeconds", "Member must have value greater than or equal to 1"),
    ("StoppingCondition.MaxPendingTimeInSeconds", 60, "stoppingCondition.maxPendingTimeInSeconds", "Member must have value greater than or equal to 1800"),
    ("Tags", [{"Key": f"k{i}", "Value": "v"} for i in range(51)], "tags", "Member must have length less than or equal to 50"),
    ("Tags", [{"Key": "a<b", "Value": "v"}], "tags.1.member.key", PATTERN),
    ("Environment", {"1X": "v"}, "environment", PATTERN + "[a-zA-Z_][a-zA-Z0-9_]*"),
    ("Environment", {"X": "v" * 513}, "environment", "Map value must satisfy constraint: [Member must have length less than or equal to 512"),
    ("RetryStrategy", {"MaximumRetryAttempts": 31}, "retryStrategy.maximumRetryAttempts", "Member must have value less than or equal to 30"),
    ("RetryStrategy", {}, "retryStrategy.maximumRetryAttempts", "Member must not be null"),
    ("CheckpointConfig", {"LocalPath": "/opt/ml/checkpoints"}, "checkpointConfig.s3Uri", "Member must not be null"),
    ("ExperimentConfig", {"TrialName": "-x"}, "experimentConfig.trialName", PATTERN + "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,119}"),
])
def test_constraints(world, path, value, place, constraint):
    sagemaker = world.client("sagemaker", config=UNCHECKED)
    code, message = refusal(sagemaker.create_training_job, **changed(request(world, "constraints", "true"), path, value))
    assert code == "ValidationException"
    assert re.match(r"\d validation errors? detected: Value ", message) and f" at '{place}' failed to satisfy constraint: " in message
    assert constraint in message


@pytest.mark.parametrize("changes, told", [
    ({"InputDataConfig": [{"ChannelName": "a", "DataSource": {"FileSystemDataSource": {
        "FileSystemId": "fs-12345678", "FileSystemAccessMode": "ro", "FileSystemType": "EFS", "DirectoryPath": "/"}}}]},
     "DataSource.FileSystemDataSource (in channel a) is not supported by this server"),
    ({"AlgorithmSpecification": {"AlgorithmName": "xgboost", "TrainingInputMode": "File"}}, "AlgorithmSpecification.AlgorithmName is not supported"),
    ({"ServerlessJobConfig": {"BaseModelArn": "arn:aws:sagemaker:us-east-1:aws:hub-content/Public/Model/m/1.0.0", "JobType": "FineTuning"}},
     "ServerlessJobConfig is not supported"),
    ({"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1,
                         "TrainingPlanArn": "arn:aws:sagemaker:us-east-1:111122223333:training-plan/p"}}, "ResourceConfig.TrainingPlanArn is not supported"),
    ({"StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}},
     "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"),
])
def test_what_does_not_exist_here_is_refused_by_name(world, changes, told):
    code, message = refusal(world.client("sagemaker").create_training_job, **request(world, "refused", "true", **changes))
    assert code == "ValidationException" and message.startswith(told)


def test_settings_without_effect_are_echoed(world):
    settings = {
        "DebugHookConfig": {"S3OutputPath": f"s3://{BUCKET}/debug", "CollectionConfigurations": [{"CollectionName": "losses"}]},
        "DebugRuleConfigurations": [{"RuleConfigurationName": "loss", "RuleEvaluatorImage": "image", "RuleParameters": {"rule_to_invoke": "LossNotDecreasing"}}],
        "TensorBoardOutputConfig": {"S3OutputPath": f"s3://{BUCKET}/board", "LocalPath": "/opt/ml/output/tensorboard"},
        "ExperimentConfig": {"ExperimentName": "digits", "TrialName": "first", "TrialComponentDisplayName": "Training"},
        "ProfilerConfig": {"S3OutputPath": f"s3://{BUCKET}/profile", "ProfilingIntervalInMilliseconds": 500},
        "ProfilerRuleConfigurations": [{"RuleConfigurationName": "report", "RuleEvaluatorImage": "image"}],
        "RetryStrategy": {"MaximumRetryAttempts": 3},
        "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]},
        "InfraCheckConfig": {"EnableInfraCheck": True},
        "RemoteDebugConfig": {"EnableRemoteDebug": False},
        "EnableInterContainerTrafficEncryption": True,
    }
    job = run(world, "echoed", "true", **settings)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    for member, value in settings.items():
        assert job[member] == value, member
    assert job["ProfilingStatus"] == "Disabled"  # it is recorded, and nothing profiles


def test_the_waiter(world):
    sagemaker = world.client("sagemaker")
    waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
    for name, script, final in (("waited-for", "sleep 0.3", "Completed"), ("waited-in-vain", "exit 1", "Failed")):
        sagemaker.create_training_job(**request(world, name, script))
        if final == "Completed":
            waiter.wait(TrainingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
        else:
            with pytest.raises(botocore.exceptions.WaiterError, match="terminal failure state"):
                waiter.wait(TrainingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
        assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == final


def test_delete(world, make_user):
    sagemaker = world.client("sagemaker")
    assert refusal(sagemaker.delete_training_job, TrainingJobName="deleted") == ("ValidationException", "Requested resource not found.")
    sagemaker.create_training_job(**request(world, "deleted", RUNNING))
    assert refusal(sagemaker.delete_training_job, TrainingJobName="deleted") == (
        "ResourceInUse", "The request was rejected because the training job is in status InProgress.")
    sagemaker.stop_training_job(TrainingJobName="deleted")
    wait(world, "deleted")
    stranger = make_user("may-not-delete", allow("sagemaker:DescribeTrainingJob"))
    assert refusal(world.client_as(stranger, "sagemaker").delete_training_job, TrainingJobName="deleted")[0] == "AccessDeniedException"
    sagemaker.delete_training_job(TrainingJobName="deleted")
    assert refusal(sagemaker.describe_training_job, TrainingJobName="deleted") == ("ValidationException", "Requested resource not found.")
    assert run(world, "deleted", "true")["TrainingJobStatus"] == "Completed"  # the name is free again


def test_update(world, make_user):
    sagemaker = world.client("sagemaker")
    sagemaker.create_training_job(**request(world, "updated", RUNNING, ProfilerConfig={"S3OutputPath": f"s3://{BUCKET}/profile"}))
    answer = sagemaker.update_training_job(TrainingJobName="updated", ProfilerConfig={"ProfilingIntervalInMilliseconds": 1000},
                                           ProfilerRuleConfigurations=[{"RuleConfigurationName": "r", "RuleEvaluatorImage": "i"}])
    job = sagemaker.describe_training_job(TrainingJobName="updated")
    assert answer["TrainingJobArn"] == job["TrainingJobArn"]
    assert job["ProfilerConfig"] == {"S3OutputPath": f"s3://{BUCKET}/profile", "ProfilingIntervalInMilliseconds": 1000}
    assert job["ProfilerRuleConfigurations"][0]["RuleConfigurationName"] == "r"
    code, message = refusal(sagemaker.update_training_job, TrainingJobName="updated", ResourceConfig={"KeepAlivePeriodInSeconds": 60})
    assert code == "ValidationException" and "has no warm pool" in message
    assert refusal(sagemaker.update_training_job, TrainingJobName="updated", RemoteDebugConfig={"EnableRemoteDebug": True})[0] == "ValidationException"

    # The condition keys of UpdateTrainingJob.
    for number, (condition, changes, code) in enumerate([
            ({"ForAllValues:StringLike": {"sagemaker:InstanceTypes": "ml.m5.*"}}, {"ProfilerConfig": {"DisableProfiler": True}}, None),
            ({"ForAllValues:StringLike": {"sagemaker:InstanceTypes": "ml.p4d.*"}}, {"ProfilerConfig": {"DisableProfiler": True}}, "AccessDeniedException"),
            ({"NumericLessThanEquals": {"sagemaker:KeepAlivePeriod": "60"}}, {"ResourceConfig": {"KeepAlivePeriodInSeconds": 61}}, "AccessDeniedException"),
            ({"NumericLessThanEquals": {"sagemaker:KeepAlivePeriod": "60"}}, {"ResourceConfig": {"KeepAlivePeriodInSeconds": 60}}, "ValidationException"),
            ({"Bool": {"sagemaker:EnableRemoteDebug": "false"}}, {"RemoteDebugConfig": {"EnableRemoteDebug": True}}, "AccessDeniedException"),
            ({"Bool": {"sagemaker:EnableRemoteDebug": "false"}}, {"RemoteDebugConfig": {"EnableRemoteDebug": False}}, None)]):
        user = make_user(f"updater-{number}", allow("sagemaker:UpdateTrainingJob", **condition))
        client = world.client_as(user, "sagemaker")
        if code is None:
            client.update_training_job(TrainingJobName="updated", **changes)
        else:
            assert refusal(client.update_training_job, TrainingJobName="updated", **changes)[0] == code
    sagemaker.stop_training_job(TrainingJobName="updated")
    wait(world, "updated")
    assert refusal(sagemaker.update_training_job, TrainingJobName="updated", ProfilerConfig={"DisableProfiler": True}) == (
        "ValidationException", "The request was rejected because the training job is in status Stopped.")


def test_pages_stay_right_while_jobs_come_and_go(world):
    sagemaker = world.client("sagemaker")
    for letter in "abcd":
        run(world, f"paged-{letter}", "true" if letter in "ac" else "false")

    def page(**arguments):
        return sagemaker.list_training_jobs(NameContains="paged-", MaxResults=2, **arguments)

    def names(answer):
        return [job["TrainingJobName"] for job in answer["TrainingJobSummaries"]]

    for order in ({"SortBy": "Name"}, {"SortBy": "CreationTime"}, {}):
        first = page(**order)
        assert names(first) == ["paged-a", "paged-b"]
        assert names(page(**order, NextToken=first["NextToken"])) == ["paged-c", "paged-d"]
    first = page(SortBy="Status")
    assert names(first) == ["paged-a", "paged-c"] and names(page(SortBy="Status", NextToken=first["NextToken"])) == ["paged-b", "paged-d"]
    first = page(SortBy="Name", SortOrder="Descending")
    assert names(first) == ["paged-d", "paged-c"]
    sagemaker.delete_training_job(TrainingJobName="paged-c")  # where the next page begins
    assert names(page(SortBy="Name", SortOrder="Descending", NextToken=first["NextToken"])) == ["paged-b", "paged-a"]
    assert "NextToken" not in page(StatusEquals="Failed")
    assert names(page(WarmPoolStatusEquals="Available")) == []
    assert refusal(sagemaker.list_training_jobs, NextToken="bm90LWhlcmU")[0] == "ValidationException"
    changed_at = sagemaker.describe_training_job(TrainingJobName="paged-d")["LastModifiedTime"]
    assert names(page(LastModifiedTimeAfter=changed_at)) == ["paged-d"]


def test_tags_beyond_the_model(world):
    sagemaker = world.client("sagemaker")
    arn = run(world, "many-tags", "true", Tags=[{"Key": f"k{i}", "Value": "v"} for i in range(50)])["TrainingJobArn"]
    assert len(sagemaker.list_tags(ResourceArn=arn)["Tags"]) == 50
    assert refusal(sagemaker.add_tags, ResourceArn=arn, Tags=[{"Key": "one-more", "Value": "v"}])[0] == "ValidationException"
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "k0", "Value": "new"}])
    assert {"Key": "k0", "Value": "new"} in sagemaker.list_tags(ResourceArn=arn)["Tags"]
    assert refusal(sagemaker.add_tags, ResourceArn=arn, Tags=[{"Key": "aws:mine", "Value": "v"}])[0] == "ValidationException"


def test_a_table_of_instance_types(make_server, tmp_path):
    table = tmp_path / "instances.json"
    table.write_text(json.dumps({"ml.m5.large": {"Cores": 1, "MemoryInGiB": 1, "Count": 2}, "ml.c5.xlarge": {"Count": 0}}))
    server = make_server("--instance-types", table)
    make_trainer(server)
    sagemaker = server.client("sagemaker")
    assert run(server, "fits", 'test "$SM_NUM_CPUS" = 1')["TrainingJobStatus"] == "Completed"

    def resources(kind, count):
        return {"ResourceConfig": {"InstanceType": kind, "InstanceCount": count, "VolumeSizeInGB": 1}}

    sagemaker.create_training_job(**request(server, "one", RUNNING))
    code, message = refusal(sagemaker.create_training_job, **request(server, "two", "true", **resources("ml.m5.large", 2)))
    assert code == "ResourceLimitExceeded"
    assert message == ("The account-level service limit 'ml.m5.large for training job usage' is 2 Instances, with current utilization of 1 Instances "
                       "and a request delta of 2 Instances. Please use AWS Service Quotas to request an increase for this quota. If AWS Service Quotas "
                       "is not available, contact AWS support to request an increase for this quota.")
    for kind in ("ml.c5.xlarge", "ml.m5.xlarge"):  # none of them; not in the table
        assert f"'{kind} for training job usage' is 0 Instances" in refusal(
            sagemaker.create_training_job, **request(server, "none", "true", **resources(kind, 1)))[1]
    sagemaker.stop_training_job(TrainingJobName="one")
    wait(server, "one")
    assert run(server, "two", "true", **resources("ml.m5.large", 2))["TrainingJobStatus"] == "Completed"


def test_a_table_that_cannot_be_read_is_told_at_the_start(make_server, tmp_path):
    table = tmp_path / "instances.json"
    table.write_text('{"ml.m5.large": {"Cpus": 2}}')
    with pytest.raises(RuntimeError, match="instance type ml.m5.large: there is no Cpus; known: Cores, MemoryInGiB, Gpus, Count, SpotCount"):
        make_server("--instance-types", table)
    table.write_text('{"ml.m5.medium": {}}')
    with pytest.raises(RuntimeError, match="SageMaker has no instance type ml.m5.medium"):
        make_server("--instance-types", table)
