"""The SageMaker Python SDK, version 3, unmodified: ModelTrainer trains the digits on two workers, and checks the role before."""
import io
import json
import re
import shutil
import tarfile
import tempfile

import pytest

from conftest import ROOT, allow
from sdk_environment import DIGITS, FULL_ACCESS, SAGEMAKER, USES_SDK, SdkEnvironment, install

PROGRAM = DIGITS / "model_trainer.py"


@pytest.fixture(scope="module")
def world(server):
    folder = tempfile.mkdtemp(prefix="trainwarden-sdk-")
    yield SdkEnvironment(server, folder, install("sagemaker-v3") / "bin/python")
    shutil.rmtree(folder, ignore_errors=True)


def test_the_guide_shows_this_program():
    code = PROGRAM.read_text(encoding="utf-8").split('"""', 2)[2].strip()
    assert code in (ROOT / "docs/train.md").read_text(encoding="utf-8")


def test_model_trainer_trains_the_digits(world):
    done = world.run(PROGRAM, world.bucket, world.role)
    told = done.stdout + done.stderr
    assert re.search(r"rank 0 of 2: 749 training images from shard-0000\.npz", told)
    assert re.search(r"rank 1 of 2: 749 training images from shard-0001\.npz", told)
    assert float(re.findall(r"trained on 2 workers in .*test_accuracy=([0-9.]+)", told)[-1]) >= 0.9

    job = world.last_job()
    assert job["TrainingJobStatus"] == "Completed" and job["RoleArn"] == world.role
    assert job["AlgorithmSpecification"]["ContainerEntrypoint"] == ["/bin/bash"]  # the SDK's driver ran, not our script mode
    assert [channel["ChannelName"] for channel in job["InputDataConfig"]] == ["train", "test", "code", "sm_drivers"]
    key = job["ModelArtifacts"]["S3ModelArtifacts"].split("/", 3)[3]
    model = world.server.client("s3").get_object(Bucket=world.bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(model)) as archive:
        metrics = json.load(archive.extractfile("metrics.json"))
    assert metrics["workers"] == 2 and metrics["test_accuracy"] >= 0.9


def test_the_sdk_sees_what_a_role_lacks(world):
    """Its check asks iam:SimulatePrincipalPolicy and iam:GetRole before any job is made."""
    iam = world.server.client("iam")

    def role(name, service):
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        return name

    iam.put_role_policy(RoleName=role("poor", SAGEMAKER), PolicyName="some", PolicyDocument=json.dumps(
        allow("s3:*", "ec2:*", "ecr:GetAuthorizationToken")))
    iam.attach_role_policy(RoleName=role("stranger", "lambda.amazonaws.com"), PolicyArn=FULL_ACCESS)
    jobs = len(world.server.client("sagemaker").list_training_jobs()["TrainingJobSummaries"])
    for name, told in (("poor", "Missing permissions: cloudwatch:PutMetricData\n"),
                       ("stranger", "Its trust policy does not allow 'sagemaker.amazonaws.com' to assume it")):
        done = world.run(PROGRAM, world.bucket, name, check=False)
        assert done.returncode == 1
        assert "RoleValidationError: IAM role " in done.stderr and told in done.stderr
    assert len(world.server.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]) == jobs


def test_a_role_that_the_caller_may_not_pass(world):
    other = world.make_user("other", USES_SDK)
    done = world.run(PROGRAM, world.bucket, world.role, user=other, check=False)
    assert done.returncode == 1
    assert (f"User: arn:aws:iam::{world.server.account}:user/other is not authorized to perform: iam:PassRole on resource: {world.role}"
            in done.stderr)


FOLLOWS_JOBS = """
import pathlib
import sys
import time

from sagemaker.core.resources import TrainingJob
from sagemaker.core.shapes import CheckpointConfig
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig, SourceCode, StoppingCondition, Tag

bucket, role = sys.argv[1:]
for name, text in (("source/go.sh", "cat $SM_CHANNEL_LOCAL/*; echo $COLOUR $1 > $SM_MODEL_DIR/weights"), ("local/data.txt", "from this machine")):
    path = pathlib.Path(name)
    path.parent.mkdir()
    path.write_text(text)
trainer = ModelTrainer(
    training_image="host/python3", role=role, base_job_name="command", source_code=SourceCode(source_dir="source", command="sh go.sh extra"),
    compute=Compute(instance_type="ml.m5.large", instance_count=1), tags=[Tag(key="team", value="vision")], environment={"COLOUR": "red"},
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/command", compression_type="NONE"),
    checkpoint_config=CheckpointConfig(s3_uri=f"s3://{bucket}/checkpoints"), stopping_condition=StoppingCondition(max_runtime_in_seconds=300))
trainer.train([InputData(channel_name="local", data_source="local")], wait=False)  # a folder of this machine: the SDK uploads it
job = trainer._latest_training_job
job.wait(poll=1)
assert job.training_job_status == "Completed", job.failure_reason
assert [found.training_job_name for found in TrainingJob.get_all(name_contains="command-")] == [job.training_job_name]

sleeper = ModelTrainer(training_image="host/python3", role=role, base_job_name="sleeper", source_code=SourceCode(command="sleep 600"))
sleeper.train(wait=False)
sleeping = sleeper._latest_training_job
deadline = time.monotonic() + 120
while TrainingJob.get(sleeping.training_job_name).secondary_status != "Training":
    assert time.monotonic() < deadline, "the job does not begin"
    time.sleep(0.1)
sleeping.stop()
sleeping.wait(poll=1)
print(job.model_artifacts.s3_model_artifacts, sleeping.training_job_status)
"""


def test_jobs_are_followed_and_stopped(world, tmp_path):
    program = tmp_path / "follows.py"
    program.write_text(FOLLOWS_JOBS)
    user = world.make_user("operator", USES_SDK, allow("iam:PassRole", resource=world.role),
                           allow("sagemaker:StopTrainingJob", "sagemaker:AddTags", "sagemaker:ListTrainingJobs"))
    artifacts, status = world.run(program, world.bucket, world.role, user=user, folder=tmp_path).stdout.split()[-2:]
    assert status == "Stopped"
    s3 = world.server.client("s3")
    prefix = artifacts.split("/", 3)[3]
    assert artifacts.startswith(f"s3://{world.bucket}/command/command-") and artifacts.endswith("/output/model/")
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=world.bucket, Prefix=prefix)["Contents"]] == [prefix + "weights"]
    assert s3.get_object(Bucket=world.bucket, Key=prefix + "weights")["Body"].read() == b"red extra\n"
