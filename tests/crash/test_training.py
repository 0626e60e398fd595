"""The server is killed, and stopped, again and again while training jobs run. Of every job that was acknowledged: it is there, it ends, and its
script ran as often as its record says: once, and once more for each retry that began; never two attempts at a time.

The seed is printed; TRAINWARDEN_CRASH_SEED repeats a run's choices (not its timing).
"""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from conftest import Server, until

ROUNDS = 6
SEED = int(os.environ.get("TRAINWARDEN_CRASH_SEED", time.time_ns() % 1_000_000))
GROUP = "/aws/sagemaker/TrainingJobs"
# A worker counts, keeps its count in its checkpoints, and says what it does. Some leave a process behind that must not outlive them.
SCRIPT = """n=$(cat /opt/ml/checkpoints/n 2>/dev/null || echo 0); echo "run from $n"; (setsid sleep 4444 &)
while [ $n -lt $STEPS ]; do n=$((n+1)); echo $n > /opt/ml/checkpoints/n; echo "step $n"; sleep 0.1; done; echo $n > $SM_MODEL_DIR/n; echo end"""


@pytest.fixture
def server():
    home = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-test-", dir="/var/tmp"))  # workers have a /tmp of their own
    running = Server(home)
    yield running.start()
    running.stop(signal.SIGKILL)
    shutil.rmtree(home, ignore_errors=True)


def prepare(server):
    server.client("s3").create_bucket(Bucket="crash")
    server.client("s3").put_object(Bucket="crash", Key="script/run.sh", Body=SCRIPT.encode())
    iam = server.client("iam")
    iam.create_role(RoleName="trainer", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))
    iam.put_role_policy(RoleName="trainer", PolicyName="data", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::crash", "arn:aws:s3:::crash/*"]}]}))


def ended(sagemaker, name):
    def description():
        job = sagemaker.describe_training_job(TrainingJobName=name)
        return job["TrainingJobStatus"] not in ("InProgress", "Stopping") and job

    return until(description, f"{name} ends", timeout=300)


def create(server, name, steps, retries):
    wanted = {
        "TrainingJobName": name, "RoleArn": f"arn:aws:iam::{server.account}:role/trainer",
        "AlgorithmSpecification": {"TrainingImage": "host/python3", "TrainingInputMode": "File",
                                   "ContainerEntrypoint": ["/bin/sh", "/opt/ml/input/data/script/run.sh"]},
        "InputDataConfig": [{"ChannelName": "script", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://crash/script/"}}}],
        "Environment": {"STEPS": str(steps)},
        "OutputDataConfig": {"S3OutputPath": "s3://crash/models"}, "CheckpointConfig": {"S3Uri": f"s3://crash/checkpoints/{name}"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }
    if retries:
        wanted["RetryStrategy"] = {"MaximumRetryAttempts": retries}
    server.client("sagemaker").create_training_job(**wanted)


def attempts(server, name):
    """[(first timestamp, last timestamp, messages)] of each attempt that ran, in order."""
    logs = server.client("logs")
    try:
        streams = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ResourceNotFoundException"
        return []
    found = []
    for stream in sorted(streams, key=lambda one: int(one["logStreamName"].rsplit("-", 1)[1])):
        events = logs.get_log_events(logGroupName=GROUP, logStreamName=stream["logStreamName"], startFromHead=True, limit=10000)["events"]
        messages = [event["message"] for event in events if not event["message"].startswith("[trainwarden]")]
        if messages:
            found.append((events[0]["timestamp"], events[-1]["timestamp"], messages))
    return found


def test_jobs_survive_kills_and_stops_of_the_server(server):
    print("seed", SEED)
    draw = random.Random(SEED)
    prepare(server)
    acknowledged, stopped = {}, set()
    for number in range(ROUNDS):
        for letter, retries in (("a", 30), ("b", 30), ("c", 0)):
            name = f"job-{number}-{letter}"
            create(server, name, draw.choice([1, 5, 15, 40]), retries)
            acknowledged[name] = retries
        time.sleep(draw.choice([0, 0.05, 0.2, 0.6, 1.5]))
        if number % 2:
            name = draw.choice(sorted(acknowledged))
            try:
                server.client("sagemaker").stop_training_job(TrainingJobName=name)
                stopped.add(name)
            except ClientError as error:  # it has ended already
                assert "The request was rejected because the training job is in status" in str(error)
        server.stop(draw.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
        server.start()

    sagemaker = server.client("sagemaker")
    listed = [job["TrainingJobName"] for page in sagemaker.get_paginator("list_training_jobs").paginate() for job in page["TrainingJobSummaries"]]
    assert sorted(listed) == sorted(acknowledged)  # each of them, once
    outcomes = {}
    for name, retries in acknowledged.items():
        job = ended(sagemaker, name)
        status = job["TrainingJobStatus"]
        outcomes[status] = outcomes.get(status, 0) + 1
        retried = [step for step in job["SecondaryStatusTransitions"] if step["StatusMessage"] == "Retrying the training job"]
        ran = attempts(server, name)
        assert len(ran) <= 1 + len(retried), (name, job, ran)
        for before, after in zip(ran, ran[1:]):
            assert before[1] <= after[0], f"two attempts of {name} ran at a time"
        if status == "Completed":
            assert ran[-1][2][-1] == "end", name
            assert server.client("s3").head_object(Bucket="crash", Key=f"models/{name}/output/model.tar.gz")["ContentLength"] > 0
        elif status == "Failed":
            assert not retries and job["FailureReason"].startswith("InternalServerError: The server stopped while the job was training"), (name, job)
        else:
            assert status == "Stopped" and name in stopped, (name, job)
        if not retries:
            assert len(ran) <= 1
    print(outcomes)
    assert outcomes.get("Completed", 0) > 0
    left = subprocess.run(["pgrep", "-f", "sleep 4444"], capture_output=True, text=True, check=False).stdout
    assert left == "", "a process has outlived its job"


def test_a_retry_goes_on_from_the_last_checkpoint(server):
    """SIGTERM: what the worker has written is kept, and the retry begins there."""
    prepare(server)
    create(server, "resumed", 60, 1)
    until(lambda: any("step 5" in message for attempt in attempts(server, "resumed") for message in attempt[2]), "step 5")
    assert server.stop(signal.SIGTERM) == 0
    server.start()
    job = ended(server.client("sagemaker"), "resumed")
    assert job["TrainingJobStatus"] == "Completed", job
    assert [step["Status"] for step in job["SecondaryStatusTransitions"]] == [
        "Starting", "Downloading", "Training", "Starting", "Downloading", "Training", "Uploading", "Completed"]
    first, second = attempts(server, "resumed")
    assert first[2][0] == "run from 0"
    reached = int(first[2][-1].split()[1])
    assert int(second[2][0].removeprefix("run from ")) >= reached - 1 >= 4


def test_a_request_cut_by_a_crash_leaves_a_whole_job_or_none(server):
    """CreateTrainingJob with the server killed under it: afterwards the job is there and ends, or its name is free."""
    draw = random.Random(SEED)
    prepare(server)
    for number in range(4):
        process = server.process
        killer = subprocess.Popen(["/bin/sh", "-c", f"sleep {draw.uniform(0, 0.1):.3f}; kill -9 {process.pid}"])
        names = []
        try:
            for index in range(100):
                names.append(f"cut-{number}-{index}")
                create(server, names[-1], 1, 30)
        except (BotoCoreError, ClientError) as error:
            assert not isinstance(error, ClientError) or error.response["Error"]["Code"] == "ResourceLimitExceeded", error
        killer.wait()
        process.wait()
        server.start()
        sagemaker = server.client("sagemaker")
        known = {job["TrainingJobName"] for page in sagemaker.get_paginator("list_training_jobs").paginate(NameContains=f"cut-{number}-")
                 for job in page["TrainingJobSummaries"]}
        assert set(names[:-1]) <= known <= set(names)
        if names[-1] not in known:
            create(server, names[-1], 1, 30)
        for name in names:
            assert ended(sagemaker, name)["TrainingJobStatus"] == "Completed"
