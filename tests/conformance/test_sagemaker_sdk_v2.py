"""The SageMaker Python SDK, version 2, unmodified: a PyTorch estimator trains the digits on two workers; its waiting and its logs end."""
import re
import shutil
import tempfile

import pytest

from sdk_world import DIGITS, ROLE, World, install

PROGRAM = DIGITS / "estimator.py"


@pytest.fixture(scope="module")
def world(server):
    folder = tempfile.mkdtemp(prefix="trainwarden-sdk-")
    yield World(server, folder, install("sagemaker-v2") / "bin/python")
    shutil.rmtree(folder, ignore_errors=True)


def test_an_estimator_trains_the_digits(world):
    done = world.run(PROGRAM, world.bucket, ROLE)  # a role's name is looked up by iam:GetRole
    assert "rank 0 of 2: 749 training images from shard-0000.npz" in done.stdout
    assert "rank 1 of 2: 749 training images from shard-0001.npz" in done.stdout
    assert "Training - Training image download completed. Training in progress." in done.stdout
    assert float(re.findall(r"trained on 2 workers in .*test_accuracy=([0-9.]+)", done.stdout)[-1]) >= 0.9
    assert re.search(r"Billable seconds: \d+", done.stdout)

    job = world.last_job()
    assert job["TrainingJobStatus"] == "Completed" and job["RoleArn"] == world.role
    assert job["HyperParameters"]["sagemaker_program"] == '"train.py"'
    assert done.stdout.strip().splitlines()[-1] == job["ModelArtifacts"]["S3ModelArtifacts"]
    key = job["ModelArtifacts"]["S3ModelArtifacts"].split("/", 3)[3]
    assert world.server.client("s3").head_object(Bucket=world.bucket, Key=key)["ContentLength"] > 100_000


def test_a_script_that_fails_fails_the_fit(world, tmp_path):
    """The reason that DescribeTrainingJob gives is what the SDK raises."""
    (tmp_path / "train.py").write_text("raise ValueError('no data today')\n")
    program = tmp_path / "estimator.py"
    program.write_text(PROGRAM.read_text(encoding="utf-8"))
    done = world.run(program, world.bucket, ROLE, check=False)
    assert done.returncode == 1
    told = re.sub(r"[\s│]+", " ", done.stdout + done.stderr)
    assert "UnexpectedStatusException: Error for Training job digits-" in told
    assert "Failed. Reason: AlgorithmError" in told and "ValueError: no data today" in told
