"""The SageMaker Python SDK, version 3, unmodified: ModelTrainer trains the digits on two workers, and checks the role before."""
import io
import json
import re
import shutil
import tarfile
import tempfile

import pytest

from conftest import ROOT, allow
from sdk_world import DIGITS, FULL_ACCESS, SAGEMAKER, USES_SDK, World, install

PROGRAM = DIGITS / "model_trainer.py"


@pytest.fixture(scope="module")
def world(server):
    folder = tempfile.mkdtemp(prefix="trainwarden-sdk-")
    yield World(server, folder, install("sagemaker-v3") / "bin/python")
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
