"""Managed spot training: who may interrupt a job, and how it goes on."""

import pytest

from conftest import allow
from test_sagemaker import BUCKET, log_of, make_trainer, model_of, refusal, request, until_logged, wait

# The first attempt leaves a checkpoint and waits for its end; the second finds it.
SCRIPT = """
if [ -f /opt/ml/checkpoints/epoch-1 ]; then cat /opt/ml/checkpoints/epoch-1 > $SM_MODEL_DIR/weights; exit 0; fi
echo first epoch > /opt/ml/checkpoints/epoch-1
trap 'echo last words > /opt/ml/checkpoints/epoch-2; exit 0' TERM
echo ready
while :; do sleep 0.05; done
"""


@pytest.fixture(scope="module")
def world(server):
    make_trainer(server)
    return server


def spot(world, name, **changes):
    return request(world, name, SCRIPT, EnableManagedSpotTraining=True, StoppingCondition={"MaxRuntimeInSeconds": 300, "MaxWaitTimeInSeconds": 600},
                   CheckpointConfig={"S3Uri": f"s3://{BUCKET}/checkpoints/{name}"}, **changes)


def until_ready(world, name):
    until_logged(world, name, "ready")


def test_an_interrupted_job_goes_on_from_its_checkpoints(world, make_user):
    sagemaker = world.client("sagemaker")
    arn = sagemaker.create_training_job(**spot(world, "spot"))["TrainingJobArn"]
    until_ready(world, "spot")
    stranger = make_user("no-operator", allow("sagemaker:*"))
    refused = world.trainwarden("train", "interrupt", "spot", credentials=stranger, check=False)
    assert refused.returncode == 1 and f"not authorized to perform: trainwarden:InterruptTrainingJob on resource: {arn}" in refused.stderr
    operator = make_user("operator", allow("trainwarden:InterruptTrainingJob", resource=arn))
    world.trainwarden("train", "interrupt", "spot", credentials=operator)
    job = wait(world, "spot")
    assert job["TrainingJobStatus"] == "Completed", job
    assert job["EnableManagedSpotTraining"] is True
    assert [step["Status"] for step in job["SecondaryStatusTransitions"]] == [
        "Starting", "Downloading", "Training", "Interrupted", "Starting", "Downloading", "Training", "Uploading", "Completed"]
    with model_of(world, job) as model:
        assert model.extractfile("weights").read() == b"first epoch\n"
    kept = world.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="checkpoints/spot/")["Contents"]
    assert [item["Key"].rsplit("/", 1)[1] for item in kept] == ["epoch-1", "epoch-2"]  # what it wrote in its grace, too
    again = world.trainwarden("train", "interrupt", "spot", check=False)
    assert again.returncode == 1 and "is in status Completed" in again.stderr


def test_what_cannot_be_interrupted(world):
    sagemaker = world.client("sagemaker")
    sagemaker.create_training_job(**request(world, "on-demand", "sleep 600"))
    for name, told in (("on-demand", "does not use managed spot training"), ("nobody", "there is no training job `nobody`")):
        refused = world.trainwarden("train", "interrupt", name, check=False)
        assert refused.returncode == 1 and told in refused.stderr
    sagemaker.stop_training_job(TrainingJobName="on-demand")
    assert wait(world, "on-demand")["TrainingJobStatus"] == "Stopped"


def test_waiting_too_long(world):
    wanted = spot(world, "waits")
    wanted["StoppingCondition"] = {"MaxRuntimeInSeconds": 2, "MaxWaitTimeInSeconds": 2}
    world.client("sagemaker").create_training_job(**wanted)
    job = wait(world, "waits")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")
    assert "ready" in log_of(world, "waits")
    code, message = refusal(world.client("sagemaker").create_training_job, **request(
        world, "short", "true", EnableManagedSpotTraining=True, StoppingCondition={"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59}))
    assert code == "ValidationException" and "greater than or equal to MaxRuntimeInSeconds" in message
