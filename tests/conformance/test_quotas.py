"""Jobs that take all they can get of the disk, of the logs, of the server's memory and time, while others work on: each kind of data
has its own, and nobody takes it from another."""

import contextlib
import pathlib
import signal
import subprocess
import time

import pytest
from botocore.exceptions import ClientError

from conftest import Server, need, until
from test_sagemaker import BUCKET, channel, log_of, make_trainer, model_of, refusal, request, run, until_logged, wait

GROUP = "/aws/sagemaker/TrainingJobs"
MIB = 1 << 20
LIMITS = {"volume-gigabytes": 2, "job-log-bytes": 3 * MIB, "job-log-bytes-per-second": 100_000, "artifact-bytes": 5 * MIB}


def options(limits):
    return [word for name, number in limits.items() for word in ("--limit", f"{name}={number}")]


@contextlib.contextmanager
def serving(home, limits=None, prefix=(), **settings):
    server = Server(home, *options(limits or {}), **settings)
    server.prefix = list(prefix)
    server.start()
    try:
        make_trainer(server)
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("quotas"), LIMITS) as server:
        yield server


def left_behind(server):
    """Mounts and loop devices of the server's jobs."""
    folder = str(pathlib.Path(server.data).resolve() / "jobs")
    mounts = [line.split()[4] for line in open("/proc/self/mountinfo") if line.split()[4].startswith(folder)]
    devices = [line for line in subprocess.run(["losetup", "-a"], capture_output=True, text=True).stdout.splitlines() if folder in line]
    return mounts + devices


# --- Volumes.

FILL = """
cd /tmp
fallocate -l 500M /opt/ml/model/a || echo "too early"
for place in /opt/ml/output/data /opt/ml/checkpoints /tmp /var/tmp /home/worker /opt/ml; do
  n=0; while fallocate -l 50M $place/fill-$n 2> /dev/null; do n=$((n+1)); done
  while head -c 1M /dev/zero > $place/rest-$n 2> /dev/null; do n=$((n+1)); done
  echo x > $place/last 2> /dev/null && head -c 70000 /dev/zero > $place/last 2> /dev/null && echo "still room in $place"
done
echo "full: $(du -sxm /opt/ml /tmp /home/worker 2> /dev/null | awk '{ sum += $1 } END { print sum }') MiB"
sleep 3
echo y > /opt/ml/model/b || exit 7
"""


def test_a_job_that_fills_everything_it_can_fills_its_volume_alone(world):
    need("volumes", "sandboxes")
    sagemaker, s3 = world.client("sagemaker"), world.client("s3")
    sagemaker.create_training_job(**request(world, "fills", FILL))
    until_logged(world, "fills", '"full:"')
    # Meanwhile others work.
    s3.put_object(Bucket=BUCKET, Key="meanwhile", Body=b"m" * MIB)
    other = run(world, "works", "head -c 20M /dev/zero > /tmp/scratch && echo 1 > /opt/ml/model/w")
    assert other["TrainingJobStatus"] == "Completed", other["FailureReason"]
    assert model_of(world, other).getnames() == ["w"]
    job = wait(world, "fills")
    assert job["TrainingJobStatus"] == "Failed"
    reason = job["FailureReason"]
    assert reason.startswith("AlgorithmError: ") and "exit code: 7" in reason, reason
    assert "The ML storage volume of algo-1 is full (VolumeSizeInGB is 1)" in reason, reason
    log = log_of(world, "fills")
    assert "too early" not in log and "still room" not in log
    written = int(log.split("full: ")[1].split()[0])
    assert 800 < written <= 1024, log
    until(lambda: not left_behind(world), "mounts and devices go")
    assert not (pathlib.Path(world.data) / "jobs" / world.account / "us-east-1" / "fills").exists()


def test_data_that_does_not_fit_fails_the_job_in_the_words_of_aws(world):
    need("volumes", "sandboxes")
    s3 = world.client("s3")
    s3.put_object(Bucket=BUCKET, Key="large/0", Body=bytes(128 * MIB))
    for number in range(1, 9):
        s3.copy_object(Bucket=BUCKET, Key=f"large/{number}", CopySource=f"{BUCKET}/large/0")
    job = run(world, "does-not-fit", "true", InputDataConfig=[channel("large", "large/")])
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Data download failed:Insufficient disk space"), job["FailureReason"]
    assert "VolumeSizeInGB" in job["FailureReason"] and str(world.data) not in job["FailureReason"]
    fits = run(world, "fits", "ls /opt/ml/input/data/large | wc -l", InputDataConfig=[channel("large", "large/")],
               ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 2})
    assert fits["TrainingJobStatus"] == "Completed", fits["FailureReason"]
    assert "9" in log_of(world, "fits").split()
    until(lambda: not left_behind(world), "mounts and devices go")


def test_a_volume_has_a_largest_size(world):
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 3}
    code, message = refusal(world.client("sagemaker").create_training_job, **request(world, "large", "true", ResourceConfig=resources))
    assert code == "ResourceLimitExceeded"
    assert "'Size of EBS volume for a training job instance' is 2 GBs" in message and "request delta of 3 GBs" in message, message


def test_nothing_of_a_volume_outlives_a_killed_server(tmp_path):
    need("volumes", "sandboxes")
    with serving(tmp_path) as server:
        server.client("sagemaker").create_training_job(**request(server, "killed", "echo begins; head -c 5M /dev/zero > /tmp/x; sleep 100"))
        until_logged(server, "killed", "begins")
        assert left_behind(server)
        server.stop(signal.SIGKILL)
        server.start()
        job = wait(server, "killed")
        assert job["TrainingJobStatus"] == "Failed" and job["FailureReason"].startswith("InternalServerError")
        until(lambda: not left_behind(server), "mounts and devices go")
        assert not list(pathlib.Path(server.data, "jobs").rglob("*.volume"))
        assert run(server, "after", "true")["TrainingJobStatus"] == "Completed"
    until(lambda: not left_behind(server), "mounts and devices go")


NO_LOOPS = ["unshare", "--mount", "sh", "-c", 'mount --bind /dev/null /dev/loop-control && exec "$@"', "sh"]


def test_where_there_are_no_volumes_a_job_that_writes_too_much_is_ended(tmp_path):
    need("root", "mounts")
    with serving(tmp_path, prefix=NO_LOOPS) as server:
        assert "this machine permits no volumes" in server.output.read_text()
        script = "fallocate -l 600M /tmp/a; echo half; sleep 2; fallocate -l 600M /opt/ml/model/b; echo more; sleep 100"
        job = run(server, "measured", script)
        assert job["TrainingJobStatus"] == "Failed"
        assert job["FailureReason"].startswith("ClientError: A worker (algo-1) has written more than its ML storage volume holds"), job["FailureReason"]
        assert "half" in log_of(server, "measured")
        assert run(server, "small", "echo 1 > /opt/ml/model/w")["TrainingJobStatus"] == "Completed"


def test_jobs_together_take_what_jobs_may_and_the_largest_ends(tmp_path):
    need("volumes", "sandboxes")
    with serving(tmp_path, {"jobs-bytes": 300 * MIB}) as server:
        sagemaker = server.client("sagemaker")
        sagemaker.create_training_job(**request(server, "modest", "head -c 20M /dev/zero > /tmp/x; sleep 8; echo 1 > /opt/ml/model/w"))
        greedy = run(server, "greedy", "head -c 400M /dev/zero > /tmp/x; sleep 100")
        assert greedy["TrainingJobStatus"] == "Failed"
        assert greedy["FailureReason"].startswith("CapacityError: training jobs have taken more than"), greedy["FailureReason"]
        assert wait(server, "modest")["TrainingJobStatus"] == "Completed"


def test_what_failed_jobs_have_left_behind_goes_before_a_job_ends_for_it(tmp_path):
    need("volumes", "sandboxes")
    with serving(tmp_path, {"jobs-bytes": 300 * MIB, "artifact-bytes": MIB}) as server:
        sagemaker = server.client("sagemaker")
        waits = "trap 'exit 0' TERM; head -c 100M /dev/zero > /tmp/x; echo has written; sleep 300 & wait"
        sagemaker.create_training_job(**request(server, "innocent", waits))
        until_logged(server, "innocent", "has written")
        for name in ("left-0", "left-1", "left-2"):
            job = run(server, name, "head -c 120M /dev/zero > /opt/ml/model/large")
            assert job["TrainingJobStatus"] == "Failed"
            assert job["FailureReason"].startswith("ClientError: Artifact upload failed:model/large"), job["FailureReason"]
            assert "stays on the server until the job is deleted, or its space is needed" in job["FailureReason"], job["FailureReason"]
        jobs = pathlib.Path(server.data, "jobs", server.account, "us-east-1")
        until(lambda: sorted(path.name for path in jobs.iterdir()) == ["innocent", "left-2"], "the oldest are removed")
        assert sagemaker.describe_training_job(TrainingJobName="innocent")["TrainingJobStatus"] == "InProgress"
        assert "what the failed training job left-0 had left on this server is removed" in server.output.read_text()
        sagemaker.stop_training_job(TrainingJobName="innocent")
        assert wait(server, "innocent")["TrainingJobStatus"] == "Stopped"
        server.stop()
        server.arguments += options({"kept-bytes": MIB})  # less than is there: it goes with the start
        server.start()
        until(lambda: not left_behind(server), "mounts and devices go")
        assert not (jobs / "left-2").exists()


# --- Logs.

def test_a_job_that_floods_its_log_loses_lines_and_nothing_else(world):
    job = run(world, "floods", "yes 0123456789012345678901234567890 | head -c 30M; echo 1 > /opt/ml/model/w; sleep 2; echo; echo the end")
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    logs = world.client("logs")
    (stream,) = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix="floods/")["logStreams"]
    tail = logs.get_log_events(logGroupName=GROUP, logStreamName=stream["logStreamName"], limit=20)["events"]
    said = [event["message"] for event in tail if event["message"].startswith("[trainwarden] dropped: ")]
    assert said and "A job may log 100000 bytes a second" in said[0], tail
    assert tail[-1]["message"] == "the end"
    size = sum(path.stat().st_size for path in pathlib.Path(world.data, "logs").rglob("*.log"))
    assert size < 3 * MIB
    # What the job may not, others may.
    logs.create_log_group(logGroupName="mine")
    logs.create_log_stream(logGroupName="mine", logStreamName="s")
    logs.put_log_events(logGroupName="mine", logStreamName="s", logEvents=[{"timestamp": int(time.time() * 1000), "message": "m"}])


def put(logs, stream, size):
    logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=[{"timestamp": int(time.time() * 1000), "message": "x" * size}])


def test_put_log_events_over_a_jobs_quota_is_throttled(world):
    run(world, "puts", "echo 1")
    logs = world.client("logs")
    logs.create_log_stream(logGroupName=GROUP, logStreamName="puts/mine")
    logs.create_log_stream(logGroupName=GROUP, logStreamName="others/mine")
    with pytest.raises(ClientError) as refused:
        for _ in range(20):
            put(logs, "puts/mine", 200_000)
    error = refused.value.response
    assert error["Error"]["Code"] == "ThrottlingException" and error["Error"]["Message"].startswith("Rate exceeded"), error
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    put(logs, "others/mine", 200_000)


# --- What jobs leave.

def test_what_is_larger_than_an_archive_may_be_is_not_uploaded_and_is_said(world):
    job = run(world, "leaves-much", "echo s > /opt/ml/model/small; head -c 6M /dev/urandom > /opt/ml/model/large")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Artifact upload failed:model/large: with it the archive would hold more than 5 MiB"), job["FailureReason"]
    assert model_of(world, job).getnames() == ["small"]
    world.client("sagemaker").delete_training_job(TrainingJobName="leaves-much")
    until(lambda: not left_behind(world), "mounts and devices go")


def uploading(server, name):
    sagemaker = server.client("sagemaker")
    until(lambda: sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"] == "Uploading", f"{name} uploads")


PACKED = "head -c 700M /dev/urandom > /opt/ml/model/large"  # half a minute of packing


def test_packing_ends_with_the_runtime_and_with_the_server(tmp_path):
    with serving(tmp_path, {"upload-seconds-after-end": 3}) as server:
        server.client("sagemaker").create_training_job(**request(server, "packed", PACKED, StoppingCondition={"MaxRuntimeInSeconds": 6}))
        uploading(server, "packed")
        server.stop(timeout=20)  # does not wait for the rest
        until(lambda: not left_behind(server), "mounts and devices go")
        server.start()
        job = wait(server, "packed")  # packed anew, from the same volume
        assert job["TrainingJobStatus"] == "Failed" and "Artifact upload failed:it took longer than" in job["FailureReason"], job["FailureReason"]
        assert "Contents" not in server.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="models/packed/")
        folder = pathlib.Path(server.data, "jobs", server.account, "us-east-1", "packed")
        assert (folder / "algo-1/ml/model/large").stat().st_size == 700 * MIB
        server.stop()
        server.start()  # what is kept can be looked at again
        assert (folder / "algo-1/ml/model/large").stat().st_size == 700 * MIB
        server.client("sagemaker").delete_training_job(TrainingJobName="packed")
        assert not folder.exists()
        until(lambda: not left_behind(server), "mounts and devices go")


# --- Objects.

def test_objects_take_what_objects_may(tmp_path):
    with serving(tmp_path, {"object-bytes": 20 * MIB + 100_000}) as server:  # what is encrypted is a little larger
        s3 = server.client("s3")
        for number in range(4):
            s3.put_object(Bucket=BUCKET, Key=str(number), Body=bytes(5 * MIB))
        with pytest.raises(ClientError) as refused:
            s3.put_object(Bucket=BUCKET, Key="more", Body=bytes(5 * MIB))
        assert refused.value.response["Error"]["Code"] == "InsufficientStorage", refused.value
        # Others are not refused: records, logs, jobs.
        job = run(server, "trains", "echo 1 > /opt/ml/model/w")
        assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
        server.client("iam").create_user(UserName="somebody")
        s3.delete_object(Bucket=BUCKET, Key="0")
        s3.put_object(Bucket=BUCKET, Key="more", Body=bytes(5 * MIB))


def test_a_search_through_large_logs_comes_in_pages_of_a_megabyte(world):
    logs = world.client("logs")
    logs.create_log_group(logGroupName="large")
    now = int(time.time() * 1000)
    for stream in ("a", "b"):
        logs.create_log_stream(logGroupName="large", logStreamName=stream)
        for part in range(2):
            logs.put_log_events(logGroupName="large", logStreamName=stream, logEvents=[
                {"timestamp": now + part * 8 + number, "message": f"{stream} {part * 8 + number} " + "x" * 100_000} for number in range(8)])
    wanted = [f"{stream} {number}" for number in range(16) for stream in ("a", "b")]
    for limit in (10_000, 3):
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName="large", limit=limit)
        found, counted = [], 0
        for page in pages:
            assert sum(len(event["message"]) for event in page["events"]) <= MIB and len(page["events"]) <= limit
            found += [" ".join(event["message"].split()[:2]) for event in page["events"]]
            counted += 1
        assert found == wanted and counted > 3
    page = logs.get_log_events(logGroupName="large", logStreamName="a", startFromHead=False)
    assert [event["message"].split()[1] for event in page["events"]] == [str(number) for number in range(5, 16)]
    assert refusal(logs.filter_log_events, logGroupName="large", nextToken="f/1/s")[0] == "InvalidParameterException"
