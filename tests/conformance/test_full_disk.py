"""A disk that is full: what is new is refused and leaves nothing, what makes room works, and space that is back is used, all without
a restart. The data folder lies on a small file system of its own."""

import http.client
import json
import os
import pathlib
import subprocess

import pytest
from botocore.exceptions import ClientError

from conftest import Server, need, until
from test_sagemaker import make_trainer, request, wait

MIB = 1 << 20
DISK_MIB = 256


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


def refused(call):
    try:
        call()
    except ClientError as error:
        assert error.response["Error"]["Code"] == "InsufficientStorage", error
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 507
        message = error.response["Error"]["Message"]
        assert "disk is full" in message and "/" not in message, message
        return True
    return False


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
        number = 0
        while not refused(lambda: s3.put_object(Bucket="full", Key=f"new-{round_}-{number}", Body=b"n" * 4000)):
            number += 1
            assert number < 20000
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
    make_trainer(server)
    sagemaker = server.client("sagemaker")
    sagemaker.create_training_job(**request(server, "fills", "sleep 600"))
    until(lambda: sagemaker.describe_training_job(TrainingJobName="fills")["SecondaryStatus"] == "Training", "the job trains")
    fill(disk)
    number = 0
    s3 = server.client("s3")
    while not refused(lambda: s3.put_object(Bucket="full", Key=f"job-{number}", Body=b"n" * 4000)):
        number += 1
    sagemaker.stop_training_job(TrainingJobName="fills")
    until(lambda: sagemaker.describe_training_job(TrainingJobName="fills")["TrainingJobStatus"] in ("Stopped", "Failed"), "the job ends")
    (disk / "fill").unlink()
    until(lambda: not refused(lambda: s3.put_object(Bucket="full", Key="after", Body=b"a")), "space is used again")
    assert wait(server, "fills")["TrainingJobStatus"] in ("Stopped", "Failed")


def test_what_cannot_be_recorded_is_not_done_but_for_deletes(server, disk):
    server.stop()
    audit = pathlib.Path(server.data, "audit")
    audit.unlink()
    audit.mkdir(mode=0o700)
    server.start()
    s3 = server.client("s3")
    s3.put_object(Bucket="full", Key="recorded", Body=b"x" * MIB)
    s3.put_object(Bucket="full", Key="kept", Body=b"x" * 10000)
    fill(disk)
    number = 0
    while not refused(lambda: s3.get_object(Bucket="full", Key="kept")):
        number += 1
        assert number < 20000
    iam = server.client("iam")
    while not refused(lambda: iam.get_account_summary()):  # a shorter record than the next ones: they don't fit either
        number += 1
        assert number < 20000
    before = blobs(server)
    assert refused(lambda: s3.put_object(Bucket="full", Key="new", Body=b"x" * 100000))
    assert refused(lambda: iam.create_user(UserName="new"))
    # Nor does a refusal use what is kept for deletes: it is recorded in the room that the log of refusals has already, or not told.
    stranger = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    stranger.request("DELETE", "/full/kept")
    assert stranger.getresponse().status in (403, 507)
    assert blobs(server) == before
    s3.delete_object(Bucket="full", Key="recorded")
    assert len(blobs(server)) == len(before) - 1
    records = [json.loads(line) for line in server.trainwarden("audit", "export", "--data", server.data).stdout.splitlines()]
    deleted = [one for one in records if one.get("Operation") == "DeleteObject" and one["Accesses"][0]["Resource"] == "arn:aws:s3:::full/recorded"]
    assert [one["Outcome"] for one in deleted] == ["succeeded"]
    assert not [one for one in records if one.get("Outcome") == "notAnswered" or "Unreadable" in one]
    (disk / "fill").unlink()
    until(lambda: not refused(lambda: s3.put_object(Bucket="full", Key="new", Body=b"x" * 100000)), "space is used again")
    assert s3.get_object(Bucket="full", Key="kept")["Body"].read() == b"x" * 10000
