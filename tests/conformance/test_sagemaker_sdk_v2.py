"""The SageMaker Python SDK, version 2, unmodified: a PyTorch estimator trains the digits on two workers; its waiting and its logs end."""
import json
import re
import shutil
import tempfile

import pytest

from conftest import allow
from sdk_environment import DIGITS, ROLE, USES_SDK, SdkEnvironment, install

PROGRAM = DIGITS / "estimator.py"


@pytest.fixture(scope="module")
def world(server):
    folder = tempfile.mkdtemp(prefix="trainwarden-sdk-")
    yield SdkEnvironment(server, folder, install("sagemaker-v2") / "bin/python")
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


FOLLOWS_JOBS = """
import pathlib
import sys
import time

from sagemaker import Session
from sagemaker.estimator import Estimator
from sagemaker.session_settings import SessionSettings

bucket, role = sys.argv[1:]
session = Session(settings=SessionSettings(encrypt_repacked_artifacts=False))
source = pathlib.Path("source")
source.mkdir()
(source / "go.sh").write_text("echo $SM_CURRENT_HOST trains with $@; echo model > $SM_MODEL_DIR/weights")
estimator = Estimator(image_uri="host/python3", role=role, sagemaker_session=session, instance_count=2, instance_type="ml.m5.large", source_dir="source", entry_point="go.sh",
                      base_job_name="shell", output_path=f"s3://{bucket}/shell", tags=[{"Key": "team", "Value": "vision"}], hyperparameters={"rate": 0.1})
estimator.fit({"train": f"s3://{bucket}/digits/train/"}, wait=False)
attached = Estimator.attach(estimator.latest_training_job.name)  # waits for the job
attached.logs()
assert attached.model_data == f"s3://{bucket}/shell/{estimator.latest_training_job.name}/output/model.tar.gz", attached.model_data
assert (attached.instance_count, attached.role, attached.tags) == (2, role, [{"Key": "team", "Value": "vision"}])
assert attached.hyperparameters()["rate"] == "0.1"

plain = Estimator(image_uri="host/python3", role=role, instance_count=1, instance_type="ml.m5.large", base_job_name="plain",
                  container_entry_point=["/bin/sh", "-c"], container_arguments=["sleep 600"])
plain.fit(wait=False)
job = plain.latest_training_job
deadline = time.monotonic() + 120
while job.describe()["SecondaryStatus"] != "Training":
    assert time.monotonic() < deadline, job.describe()
    time.sleep(0.1)
job.stop()
job.wait(logs=False)
print("ended as", job.describe()["TrainingJobStatus"])
"""


def test_estimators_attach_to_jobs_and_stop_them(world, tmp_path):
    program = tmp_path / "follows.py"
    program.write_text(FOLLOWS_JOBS)
    user = world.make_user("operator", USES_SDK, allow("iam:PassRole", resource=world.role),
                           allow("sagemaker:StopTrainingJob", "sagemaker:AddTags", "sagemaker:ListTags"))
    done = world.run(program, world.bucket, world.role, user=user, folder=tmp_path)
    assert "algo-1 trains with --rate 0.1" in done.stdout and "algo-2 trains with --rate 0.1" in done.stdout
    assert done.stdout.strip().splitlines()[-1] == "ended as Stopped"


MEASURES = """
import pathlib
import sys

from sagemaker import Session
from sagemaker.analytics import TrainingJobAnalytics
from sagemaker.estimator import Estimator
from sagemaker.session_settings import SessionSettings

bucket, role = sys.argv[1:]
session = Session(settings=SessionSettings(encrypt_repacked_artifacts=False))
source = pathlib.Path("source")
source.mkdir()
(source / "go.sh").write_text("for loss in 0.8 0.4; do echo loss=$loss; sleep 0.1; done")
estimator = Estimator(image_uri="host/python3", role=role, sagemaker_session=session, instance_count=1, instance_type="ml.m5.large", source_dir="source", entry_point="go.sh",
                      base_job_name="measured", metric_definitions=[{"Name": "loss", "Regex": "loss=([0-9.]+)"}])
estimator.fit(logs=False)
frame = TrainingJobAnalytics(estimator.latest_training_job.name).dataframe()
print(frame.to_json(orient="records"))
"""


def test_metrics_become_a_data_frame(world, tmp_path):
    """A minute's average of what the regular expression found, from CloudWatch."""
    program = tmp_path / "measures.py"
    program.write_text(MEASURES)
    user = world.make_user("analyst", USES_SDK, allow("iam:PassRole", resource=world.role), allow("cloudwatch:GetMetricStatistics"))
    rows = json.loads(world.run(program, world.bucket, world.role, user=user, folder=tmp_path).stdout.strip().splitlines()[-1])
    assert {row["metric_name"] for row in rows} == {"loss"}
    assert sum(row["value"] for row in rows) == pytest.approx(0.6 if len(rows) == 1 else 1.2)  # 0.8 and 0.4, in one minute or two


def test_a_source_that_is_to_be_encrypted_is_refused_and_the_refusal_says_so(world, tmp_path):
    """The SDK's default asks for a KMS key; nothing here encrypts, so nothing is uploaded as if it were."""
    for file in DIGITS.glob("*.py"):
        (tmp_path / file.name).write_text(file.read_text(encoding="utf-8").replace("encrypt_repacked_artifacts=False", ""))
    before = world.server.client("s3").list_objects_v2(Bucket=world.bucket)["KeyCount"]
    done = world.run(tmp_path / "estimator.py", world.bucket, ROLE, check=False)
    told = re.sub(r"[\s│]+", " ", done.stdout + done.stderr)
    assert done.returncode == 1 and "AWS KMS managed keys must be made over a secure connection" in told
    assert world.server.client("s3").list_objects_v2(Bucket=world.bucket)["KeyCount"] == before
