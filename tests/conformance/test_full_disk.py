"""A disk that is full: what is new is refused and leaves nothing, what makes room works, and space that is back is used, all without
a restart. The data folder lies on a small file system of its own."""

import http.client
import json
import os
import pathlib
import shutil
import subprocess
import time

import pytest
from botocore.exceptions import ClientError

from conftest import Credentials, Server, allow, need, until
from test_sagemaker import make_trainer, request, wait

MIB = 1 << 20
DISK_MIB = 256
NOBODY = Credentials("AKIAIOSFODNN7EXAMPLE", "x" * 40)


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    need("root", "mounts")
    folder = tmp_path_factory.mktemp("disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "none", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="module")
def server(disk, tmp_path_factory):
    """Its audit log lies elsewhere, so that the metadata log meets the full disk; the test of the audit log moves that."""
    home = tmp_path_factory.mktemp("full")
    audit = tmp_path_factory.mktemp("audit")
    (disk / "data").mkdir(mode=0o700)
    (disk / "data/audit").symlink_to(audit)
    made = Server(home, data=disk / "data")
    made.start()
    make_trainer(made)
    yield made
    made.stop()


def fill(disk):
    """Takes every block that is left."""
    with open(disk / "fill", "ab", buffering=0) as file:
        for size in (MIB, 4096):
            try:
                while True:
                    file.write(b"f" * size)
            except OSError:
                pass
    assert os.statvfs(disk).f_bavail == 0


def blobs(server):
    return sorted(path.name for path in pathlib.Path(server.data, "blobs").glob("??/*"))


FULL = {"InsufficientStorage": 507, "ServiceUnavailable": 503, "ServiceUnavailableException": 500}  # of S3, of the others, of Logs


def refused(call):
    try:
        call()
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == FULL.get(code), error
        assert "disk is full" in message and "/" not in message, message
        return True
    return False


def until_refused(call, most=20000):
    """Calls it with 0, 1, … until the disk is full."""
    for number in range(most):
        if refused(lambda: call(number)):
            return number
    raise AssertionError(f"{most} calls, and the disk is not full")


def test_the_metadata_log_meets_a_full_disk(server, disk):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="full")
    for number in range(4):
        s3.put_object(Bucket="full", Key=f"old-{number}", Body=b"o" * MIB)
    for number in range(400):
        s3.put_object(Bucket="full", Key=f"small-{number}", Body=b"s")
    for round_ in range(3):  # it is no matter of the first time
        fill(disk)
        before = blobs(server)
        # Small objects lie in the metadata; its log has some blocks ahead, and they end.
        until_refused(lambda number: s3.put_object(Bucket="full", Key=f"new-{round_}-{number}", Body=b"n" * 4000))
        for _ in range(5):
            assert refused(lambda: s3.put_object(Bucket="full", Key="new", Body=b"n" * 100))
            assert refused(lambda: s3.put_object(Bucket="full", Key="new", Body=b"n" * MIB))
        assert blobs(server) == before
        # Reads go on, and so do deletes; the space of a deleted object is space.
        assert s3.get_object(Bucket="full", Key="old-3")["Body"].read() == b"o" * MIB
        s3.delete_object(Bucket="full", Key=f"small-{round_}")
        s3.delete_objects(Bucket="full", Delete={"Objects": [{"Key": f"small-{100 + round_}"}, {"Key": f"small-{200 + round_}"}]})
        s3.delete_object(Bucket="full", Key=f"old-{round_}")
        assert len(blobs(server)) == len(before) - 1
        with pytest.raises(ClientError):
            s3.head_object(Bucket="full", Key=f"old-{round_}")
        assert refused(lambda: s3.put_object(Bucket="full", Key="new", Body=b"n"))  # what is kept free is kept for deletes
        (disk / "fill").unlink()
        until(lambda: not refused(lambda: s3.put_object(Bucket="full", Key=f"again-{round_}", Body=b"a" * 9000)), "space is used again")
        assert s3.get_object(Bucket="full", Key=f"again-{round_}")["Body"].read() == b"a" * 9000
    server.stop()
    server.start()
    s3 = server.client("s3")
    keys = {entry["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="full") for entry in page["Contents"]}
    assert {"old-3", "again-0", "again-1", "again-2", "small-399"} <= keys
    assert not keys & {"new", "old-0", "old-1", "old-2", "small-0", "small-1", "small-2", "small-100", "small-201"}


def test_a_job_is_stopped_on_a_full_disk(server, disk):
    sagemaker = server.client("sagemaker")
    sagemaker.create_training_job(**request(server, "fills", "sleep 600"))
    until(lambda: sagemaker.describe_training_job(TrainingJobName="fills")["SecondaryStatus"] == "Training", "the job trains")
    fill(disk)
    s3 = server.client("s3")
    until_refused(lambda number: s3.put_object(Bucket="full", Key=f"job-{number}", Body=b"n" * 4000))
    sagemaker.stop_training_job(TrainingJobName="fills")
    until(lambda: sagemaker.describe_training_job(TrainingJobName="fills")["TrainingJobStatus"] in ("Stopped", "Failed"), "the job ends")
    (disk / "fill").unlink()
    until(lambda: not refused(lambda: s3.put_object(Bucket="full", Key="after", Body=b"a")), "space is used again")
    assert wait(server, "fills")["TrainingJobStatus"] in ("Stopped", "Failed")


def stays(server):
    """Everything that works on a full disk, by its record on that disk."""
    s3, iam, logs = (server.client(name) for name in ("s3", "iam", "logs"))
    assert s3.get_object(Bucket="kept", Key="kept")["Body"].read() == b"k" * 10000
    assert "kept" in {entry["Key"] for entry in s3.list_objects_v2(Bucket="kept")["Contents"]}
    assert [user["UserName"] for user in iam.list_users()["Users"]] == ["administrator"]
    assert [one["message"] for one in logs.get_log_events(logGroupName="kept", logStreamName="kept", startFromHead=True)["events"]] == ["kept"]
    # Who fills the disk loses the right to; keys are changed; temporary credentials are handed out.
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}]}
    iam.put_user_policy(UserName="administrator", PolicyName="no-more", PolicyDocument=json.dumps(deny))
    assert iam.get_user_policy(UserName="administrator", PolicyName="no-more")["PolicyDocument"] == deny
    iam.delete_user_policy(UserName="administrator", PolicyName="no-more")
    key = iam.create_access_key(UserName="administrator")["AccessKey"]["AccessKeyId"]
    iam.delete_access_key(UserName="administrator", AccessKeyId=key)
    assert server.client("sts").get_session_token()["Credentials"]["SessionToken"]
    # What was done is asked about, by the port and by the operator's socket.
    assert "PutUserPolicy" in server.trainwarden("audit").stdout
    assert "DeleteUserPolicy" in server.trainwarden("--data", server.data, "audit", credentials=NOBODY).stdout
    assert "administrator" in server.trainwarden("who-can", "s3:GetObject", "arn:aws:s3:::kept/kept").stdout
    assert "allowed" in server.trainwarden("explain", "--as", f"arn:aws:iam::{server.account}:user/administrator", "--action", "s3:GetObject",
                                           "--resource", "arn:aws:s3:::kept/kept").stdout
    # A refusal is told as one, to strangers, too.
    stranger = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    stranger.request("DELETE", "/kept/kept")
    assert stranger.getresponse().status == 403


def news(server):
    """What is refused: each stores something."""
    s3, logs = server.client("s3"), server.client("logs")
    event = [{"timestamp": int(time.time() * 1000), "message": "m" * 1000}]
    upload = dict(Bucket="kept", Key="upload", UploadId=server.upload)
    return {
        "an object": lambda: s3.put_object(Bucket="kept", Key="new", Body=b"n"),
        "a large object": lambda: s3.put_object(Bucket="kept", Key="new", Body=b"n" * MIB),
        "a copy": lambda: s3.copy_object(Bucket="kept", Key="new", CopySource="kept/kept"),
        "an upload": lambda: s3.create_multipart_upload(Bucket="kept", Key="new"),
        "a part": lambda: s3.upload_part(**upload, PartNumber=2, Body=b"n" * MIB),
        "tags": lambda: s3.put_object_tagging(Bucket="kept", Key="kept", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}),
        "a bucket": lambda: s3.create_bucket(Bucket="new-bucket"),
        "a group of logs": lambda: logs.create_log_group(logGroupName="new"),
        "a stream of logs": lambda: logs.create_log_stream(logGroupName="kept", logStreamName="new"),
        "events": lambda: logs.put_log_events(logGroupName="kept", logStreamName="kept", logEvents=event),
        "a metric": lambda: server.client("cloudwatch").put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1.0}]),
        "a job": lambda: server.client("sagemaker").create_training_job(**request(server, "new", "true")),
    }


def bytes_used(disk):
    facts = os.statvfs(disk)
    return (facts.f_blocks - facts.f_bfree) * facts.f_frsize


def test_each_kind_of_request_on_a_full_disk(server, disk):
    """The audit log lies on it, too."""
    server.stop()
    audit = pathlib.Path(server.data, "audit")
    if audit.is_symlink():
        elsewhere = audit.resolve()
        audit.unlink()
        shutil.copytree(elsewhere, audit, ignore=shutil.ignore_patterns("reserved-*"))
    server.start()
    s3, iam, logs, sagemaker = (server.client(name) for name in ("s3", "iam", "logs", "sagemaker"))
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="kept", Body=b"k" * 10000)
    iam.create_user(UserName="administrator")
    iam.put_user_policy(UserName="administrator", PolicyName="all", PolicyDocument=json.dumps(allow("s3:*")))
    for group in ("kept", "gone"):
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName="kept")
    logs.put_log_events(logGroupName="kept", logStreamName="kept", logEvents=[{"timestamp": int(time.time() * 1000), "message": "kept"}])
    empty, there = bytes_used(disk), len(blobs(server))

    def by_objects(number):
        s3.put_object(Bucket="kept", Key=f"fill/{number}", Body=b"f" * 4 * MIB)

    def by_parts(number):
        s3.upload_part(Bucket="kept", Key="upload", UploadId=server.upload, PartNumber=number + 1, Body=b"f" * 5 * MIB)

    def by_logs(number):
        event = [{"timestamp": int(time.time() * 1000), "message": "f" * 250_000}] * 4
        logs.put_log_events(logGroupName="gone", logStreamName="kept", logEvents=event)

    def by_a_job(number):
        if number == 0:
            sagemaker.create_training_job(**request(server, "fills-all", "cat /dev/zero > /opt/ml/model/zero; sleep 600"))
            until(lambda: os.statvfs(disk).f_bavail == 0, "the job fills the disk")
        s3.put_object(Bucket="kept", Key=f"job/{number}", Body=b"f" * MIB)

    def by_another_process(number):
        if number == 0:
            fill(disk)
        s3.put_object(Bucket="kept", Key=f"other/{number}", Body=b"f" * MIB)

    for filling in (by_another_process, by_objects, by_parts, by_logs, by_a_job):
        server.upload = s3.create_multipart_upload(Bucket="kept", Key="upload")["UploadId"]
        until_refused(filling)
        # The last blocks, that were too few, and what metadata and record have taken ahead.
        fill(disk)
        until_refused(lambda number: s3.put_object(Bucket="kept", Key=f"{'k' * 900}{number}", Body=b"f" * 4000))

        def the_last_blocks(number):
            if number % 500 == 499:
                fill(disk)  # a job that was ended for what it had taken has given that back meanwhile
            logs.create_log_group(logGroupName=f"last-{number}")

        until_refused(the_last_blocks)
        before = blobs(server)
        for what, call in news(server).items():
            assert refused(call), (filling.__name__, what)
        stays(server)
        assert blobs(server) == before, filling.__name__
        # What makes room.
        s3.abort_multipart_upload(Bucket="kept", Key="upload", UploadId=server.upload)
        if filling is by_a_job:
            # It is the one that has taken most of the disk: it may have been ended for that (docs/limits.md, jobs-leave-bytes).
            if sagemaker.describe_training_job(TrainingJobName="fills-all")["TrainingJobStatus"] == "InProgress":
                sagemaker.stop_training_job(TrainingJobName="fills-all")
            until(lambda: sagemaker.describe_training_job(TrainingJobName="fills-all")["TrainingJobStatus"] in ("Stopped", "Failed"), "the job ends")
            sagemaker.delete_training_job(TrainingJobName="fills-all")  # with what it could not upload
        keys = [{"Key": entry["Key"]} for page in s3.get_paginator("list_objects_v2").paginate(Bucket="kept") for entry in page["Contents"]
                if entry["Key"] != "kept"]
        for at in range(0, len(keys), 1000):
            assert not s3.delete_objects(Bucket="kept", Delete={"Objects": keys[at:at + 1000]}).get("Errors")
        logs.delete_log_group(logGroupName="gone")
        for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix="last-"):
            for group in page["logGroups"]:
                logs.delete_log_group(logGroupName=group["logGroupName"])
        (disk / "fill").unlink()
        assert len(blobs(server)) == there, filling.__name__
        stays(server)
        # And again, without a restart.
        until(lambda: not refused(lambda: logs.create_log_group(logGroupName="gone")), f"space is used again ({filling.__name__})")
        logs.create_log_stream(logGroupName="gone", logStreamName="kept")
        s3.put_object(Bucket="kept", Key="again", Body=b"a" * MIB)
        assert s3.get_object(Bucket="kept", Key="again")["Body"].read() == b"a" * MIB
        s3.delete_object(Bucket="kept", Key="again")
        assert bytes_used(disk) < empty + 48 * MIB, filling.__name__  # the metadata's log and the record have grown
    records = [json.loads(line) for line in server.trainwarden("audit", "export", "--data", server.data).stdout.splitlines()]
    assert not [one for one in records if one.get("Outcome") == "notAnswered" or "Unreadable" in one]
    server.stop()
    assert server.trainwarden("audit", "verify", "--data", server.data).returncode == 0
    # A server starts on a full disk, and works as one does.
    fill(disk)
    server.start()
    assert refused(lambda: server.client("s3").put_object(Bucket="kept", Key="new", Body=b"n" * MIB))
    stays(server)
    # What that server has not used of the record's reserve is the next one's, whatever others have taken in between.
    server.stop()
    fill(disk)
    server.start()
    s3 = server.client("s3")
    for _ in range(50):
        assert s3.get_object(Bucket="kept", Key="kept")["Body"].read() == b"k" * 10000
    assert s3.list_objects_v2(Bucket="kept")["KeyCount"] == 1
    assert [user["UserName"] for user in server.client("iam").list_users()["Users"]] == ["administrator"]
    assert refused(lambda: s3.put_object(Bucket="kept", Key="new", Body=b"n" * MIB))
    s3.delete_object(Bucket="kept", Key="kept")
    (disk / "fill").unlink()
