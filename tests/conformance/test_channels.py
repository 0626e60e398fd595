"""Input channels of training jobs: copied, mounted and streamed, and who may read what through them."""
import gzip
import hashlib
import json
import pathlib
import re
import signal
import struct

import pytest

from conftest import allow, until
from test_sagemaker import (BUCKET, SAGEMAKER, bare_server, channel, log_of, make_trainer, model_of, refusal, request, run,  # noqa: F401
                            until_logged, until_training, wait)


@pytest.fixture(scope="module")
def world(server):
    make_trainer(server)
    s3 = server.client("s3")
    for number in range(4):
        s3.put_object(Bucket=BUCKET, Key=f"data/train/part-{number}.txt", Body=f"part {number}\n".encode())
    s3.put_object(Bucket=BUCKET, Key="data/train/deep/er/part-4.txt", Body=b"part 4\n")
    s3.put_object(Bucket=BUCKET, Key="data/large.bin", Body=bytes(range(256)) * 65536)
    return server


def mounts(server):
    """What is mounted below this server's data folder."""
    return [line for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines() if str(server.data) in line]


def source_of(input_channel, **changes):
    input_channel["DataSource"]["S3DataSource"].update(changes)
    return input_channel


@pytest.mark.needs("fuse")
def test_fastfile_is_a_folder_that_is_read_when_it_is_read(world):
    job = run(world, "fast", "cd $SM_CHANNEL_TRAIN; find . -type f | sort; cat part-2.txt deep/er/part-4.txt; "
              "dd if=/opt/ml/input/data/all/large.bin bs=1 skip=5000000 count=3 2>/dev/null | od -An -tu1; "
              "touch part-9.txt || echo read only; cat /opt/ml/input/config/inputdataconfig.json; "
              "md5sum /opt/ml/input/data/all/large.bin > $SM_MODEL_DIR/sum",
              InputDataConfig=[channel("train", "data/train", InputMode="FastFile"), channel("all", "data/", InputMode="FastFile")])
    log = log_of(world, "fast")
    assert job["TrainingJobStatus"] == "Completed", log
    assert "./deep/er/part-4.txt\n./part-0.txt\n./part-1.txt" in log
    assert "part 2\npart 4" in log and "read only" in log
    assert re.search(r"^\s*64\s+65\s+66$", log, re.M)
    assert '"TrainingInputMode":"File"' in log  # as in AWS: FastFile is a folder of files to the script
    with model_of(world, job) as model:
        assert model.extractfile("sum").read().decode().split()[0] == hashlib.md5(bytes(range(256)) * 65536).hexdigest()
    assert mounts(world) == []


@pytest.mark.needs("fuse")
def test_fastfile_open_and_closed_by_many_at_once(world):
    """Every read through the mount, none from the kernel's cache; a file is closed the moment its last byte came."""
    job = run(world, "fast-many", """
/usr/bin/python3 - <<'END'
import concurrent.futures, hashlib, os
def digest(number):
    file = os.open("/opt/ml/input/data/all/large.bin", os.O_RDONLY)
    os.lseek(file, number % 16 << 20, os.SEEK_SET)
    bytes_ = os.read(file, 1 << 20)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)
    return hashlib.md5(bytes_).hexdigest()
with concurrent.futures.ThreadPoolExecutor(16) as pool:
    print(len(list(pool.map(digest, range(800)))), *set(pool.map(digest, range(16))))
END
""", InputDataConfig=[channel("all", "data/", InputMode="FastFile")])
    log = log_of(world, "fast-many")
    assert job["TrainingJobStatus"] == "Completed", log
    assert log == "800 " + hashlib.md5(bytes(range(256)) * 4096).hexdigest()


@pytest.mark.needs("fuse")
def test_fastfile_reads_are_the_roles(world, make_role):
    """What the role may list but not read fails when it is read, with the system's own word for it, and nothing stays mounted."""
    # The first object is looked at when the job is created: that one may be read.
    lists = make_role("reads-little", SAGEMAKER, allow("s3:ListBucket"), allow("s3:PutObject"),
                      allow("s3:GetObject", resource=f"arn:aws:s3:::{BUCKET}/data/train/deep/*"))
    job = run(world, "fast-denied", "cat /opt/ml/input/data/train/part-0.txt", RoleArn=lists,
              InputDataConfig=[channel("train", "data/train/", InputMode="FastFile")])
    assert job["TrainingJobStatus"] == "Failed"
    assert "part-0.txt: Permission denied" in log_of(world, "fast-denied")
    assert mounts(world) == []
    records = json.loads(world.trainwarden("audit", "--principal", lists, "--refused", "--json").stdout.splitlines()[-1])
    assert records["Accesses"][0]["Action"] == "s3:GetObject"


@pytest.mark.needs("fuse")
def test_fastfile_sharded(world):
    job = run(world, "fast-shards", "ls -R /opt/ml/input/data/train",
              ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1},
              InputDataConfig=[channel("train", "data/train/", "ShardedByS3Key", InputMode="FastFile")])
    assert job["TrainingJobStatus"] == "Completed"
    first, second = log_of(world, "fast-shards", "algo-1"), log_of(world, "fast-shards", "algo-2")
    assert all((f"part-{number}" in first) != (f"part-{number}" in second) for number in range(5))
    assert mounts(world) == []


@pytest.mark.needs("fuse")
def test_instance_groups_get_their_own_channels(world):
    """A channel of some groups is dealt out among their hosts; for the others it is not there."""
    script = """
for name in all deep; do test -d /opt/ml/input/data/$name && (cd /opt/ml/input/data/$name; echo has $name; find . -type f); done; echo channels $SM_CHANNELS
"""
    groups = [{"InstanceGroupName": "loaders", "InstanceType": "ml.m5.large", "InstanceCount": 1},
              {"InstanceGroupName": "trainers", "InstanceType": "ml.m5.large", "InstanceCount": 2}]
    job = run(world, "grouped", script, ResourceConfig={"InstanceGroups": groups, "VolumeSizeInGB": 1}, InputDataConfig=[
        source_of(channel("all", "data/train/part-", "ShardedByS3Key"), InstanceGroupNames=["trainers"]),
        source_of(channel("deep", "data/train/deep/", InputMode="FastFile"), InstanceGroupNames=["loaders"])])
    logs = [log_of(world, "grouped", f"algo-{host}") for host in (1, 2, 3)]
    assert job["TrainingJobStatus"] == "Completed", logs
    assert 'channels ["deep",' in logs[0] and "has deep\n./er/part-4.txt" in logs[0] and "has all" not in logs[0]
    for log, own, other in ((logs[1], 0, 1), (logs[2], 1, 0)):
        assert 'channels ["all",' in log and "has all" in log and "has deep" not in log
        assert f"./part-{own}.txt" in log and f"./part-{other}.txt" not in log
    code, message = refusal(world.client("sagemaker").create_training_job, **request(
        world, "grouped-wrongly", "true", ResourceConfig={"InstanceGroups": groups, "VolumeSizeInGB": 1},
        InputDataConfig=[source_of(channel("all", "data/"), InstanceGroupNames=["trainer"])]))
    assert (code, message) == ("ValidationException",
                               "InstanceGroupNames of channel all names trainer, which is not an instance group of the job.")


@pytest.mark.needs("fuse")
def test_a_killed_server_leaves_no_mount(bare_server):  # noqa: F811
    server = bare_server.start()
    make_trainer(server)
    server.client("s3").put_object(Bucket=BUCKET, Key="data/a", Body=b"a")
    server.client("sagemaker").create_training_job(**request(server, "mounted", "cat /opt/ml/input/data/train/a; sleep 600",
                                                             InputDataConfig=[channel("train", "data/", InputMode="FastFile")]))
    until_training(server, "mounted")
    assert len([mount for mount in mounts(server) if " - fuse" in mount]) == 1  # beside the job's volume
    server.stop(signal.SIGKILL)
    server.start()
    server.client("sagemaker").list_training_jobs()
    until(lambda: mounts(server) == [], "the mount of the killed server is gone")
    assert server.stop() == 0


def records_in(data):
    out = []
    while data:
        magic, size = struct.unpack("<II", data[:8])
        assert magic == 0xCED7230A
        out.append(data[8:8 + size])
        data = data[8 + (size + 3) // 4 * 4:]
    return out


READ_EPOCHS = """
import sys, shutil
for epoch in range(2):
    with open(f"/opt/ml/input/data/train_{epoch}", "rb") as pipe, open(f"/opt/ml/model/{sys.argv[1]}-{epoch}", "wb") as out:
        shutil.copyfileobj(pipe, out)
"""


def epochs_of(world, job, *hosts):
    """What each host read in each of two epochs."""
    with model_of(world, job) as model:
        return {(host, epoch): model.extractfile(f"{host}-{epoch}").read() for host in hosts for epoch in range(2)}


def pipe_job(world, name, input_channel, instances=1):
    world.client("s3").put_object(Bucket=BUCKET, Key=f"programs/{name}/read.py", Body=READ_EPOCHS.encode())
    job = run(world, name, "/usr/bin/python3 /opt/ml/input/data/program/read.py $SM_CURRENT_HOST; cat /opt/ml/input/config/inputdataconfig.json",
              ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": instances, "VolumeSizeInGB": 1},
              InputDataConfig=[{**input_channel, "InputMode": "Pipe"}, channel("program", f"programs/{name}/")])
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), log_of(world, name))
    return job


def test_pipe(world):
    job = pipe_job(world, "piped", channel("train", "data/train/"))
    everything = b"part 4\npart 0\npart 1\npart 2\npart 3\n"
    assert epochs_of(world, job, "algo-1") == {("algo-1", 0): everything, ("algo-1", 1): everything}
    config = json.loads(log_of(world, "piped").splitlines()[-1])
    assert config["train"]["TrainingInputMode"] == "Pipe" and config["program"]["TrainingInputMode"] == "File"


def test_pipe_shuffled_over_shards(world):
    """Each epoch deals all objects out anew, by the seed: the same job twice gets the same hands."""
    dealt = []
    for name in ("dealt-once", "dealt-twice"):
        job = pipe_job(world, name, channel("train", "data/train/", "ShardedByS3Key", ShuffleConfig={"Seed": 11}), instances=2)
        dealt.append(epochs_of(world, job, "algo-1", "algo-2"))
    assert dealt[0] == dealt[1]
    for epoch in range(2):
        both = dealt[0]["algo-1", epoch] + dealt[0]["algo-2", epoch]
        assert sorted(both.splitlines()) == [f"part {number}".encode() for number in range(5)]
    assert dealt[0]["algo-1", 0] != dealt[0]["algo-1", 1] or dealt[0]["algo-2", 0] != dealt[0]["algo-2", 1]


def test_pipe_gzip_recordio(world):
    s3 = world.client("s3")
    for number in range(3):
        s3.put_object(Bucket=BUCKET, Key=f"packed/{number}.gz", Body=gzip.compress(f"record {number}".encode()))
    job = pipe_job(world, "packed", channel("train", "packed/", CompressionType="Gzip", RecordWrapperType="RecordIO"))
    assert records_in(epochs_of(world, job, "algo-1")["algo-1", 0]) == [b"record 0", b"record 1", b"record 2"]


def test_pipe_augmented_manifest(world):
    s3 = world.client("s3")
    lines = "".join(json.dumps({"source-ref": f"s3://{BUCKET}/data/train/part-{number}.txt", "label": number}) + "\n" for number in (3, 1))
    s3.put_object(Bucket=BUCKET, Key="manifests/augmented.jsonl", Body=lines.encode())
    augmented = source_of(channel("train", "manifests/augmented.jsonl", RecordWrapperType="RecordIO"),
                          S3DataType="AugmentedManifestFile", AttributeNames=["source-ref", "label"])
    job = pipe_job(world, "augmented", augmented)
    assert records_in(epochs_of(world, job, "algo-1")["algo-1", 1]) == [b"part 3\n", b"3", b"part 1\n", b"1"]
    code, message = refusal(world.client("sagemaker").create_training_job, **request(world, "augmented-file", "true",
                            InputDataConfig=[{key: value for key, value in augmented.items() if key != "RecordWrapperType"}]))
    assert code == "ValidationException" and "only if the channel's input mode is Pipe" in message


@pytest.mark.needs("fuse")
def test_manifest_file(world):
    manifest = [{"prefix": f"s3://{BUCKET}/data/train/"}, "part-1.txt", "deep/er/part-4.txt"]
    world.client("s3").put_object(Bucket=BUCKET, Key="manifests/some.json", Body=json.dumps(manifest).encode())
    listed = source_of(channel("train", "manifests/some.json"), S3DataType="ManifestFile")
    job = run(world, "manifest", "cd /opt/ml/input/data/train; find . -type f | sort", InputDataConfig=[listed])
    assert job["TrainingJobStatus"] == "Completed"
    assert log_of(world, "manifest") == "./deep/er/part-4.txt\n./part-1.txt"
    job = run(world, "manifest-fast", "cd /opt/ml/input/data/train; find . -type f | sort; cat part-1.txt",
              InputDataConfig=[{**listed, "InputMode": "FastFile"}])
    assert log_of(world, "manifest-fast") == "./deep/er/part-4.txt\n./part-1.txt\npart 1"


def test_a_stream_that_breaks_fails_the_job(world):
    """Half a data set must not look like a whole one."""
    s3 = world.client("s3")
    for number in range(2):
        s3.put_object(Bucket=BUCKET, Key=f"breaks/{number}", Body=b"x" * 10_000_000)
    sagemaker = world.client("sagemaker")
    sagemaker.create_training_job(**request(world, "breaks", "exec 3< /opt/ml/input/data/train_0; head -c 1000 <&3 > /dev/null; echo ready; "
                                            "sleep 5; cat <&3 > /dev/null; echo whole",
                                            InputDataConfig=[channel("train", "breaks/", InputMode="Pipe")]))
    until_logged(world, "breaks", "ready")
    s3.put_object(Bucket=BUCKET, Key="breaks/1", Body=b"replaced")
    job = wait(world, "breaks")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(f"ClientError: Data download failed:Unable to download object s3://{BUCKET}/breaks/1 (PreconditionFailed")
    assert "whole" not in log_of(world, "breaks")
