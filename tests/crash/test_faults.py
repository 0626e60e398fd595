"""The disk below a server fails: each call about a file of the data folder in turn, with no space, with an input/output error, and with a write that
is short (faults.cpp). Of every fault: the client is told an error of AWS's, or success; a refusal for want of space has changed nothing; what was
acknowledged is there; the same server does at the next try what it refused; at the end nothing is left behind, and the audit log verifies.

A sample by seed runs here, spread over the kinds of calls. All of them:

    TRAINWARDEN_FAULTS=all .venv/bin/python -m pytest -s tests/crash/test_faults.py
"""
import collections
import errno
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import tempfile
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from conftest import Server, allow, until
from faults import Disk, kind_of

SEED = int(os.environ.get("TRAINWARDEN_FAULTS_SEED", 1))
ALL = os.environ.get("TRAINWARDEN_FAULTS") == "all"
ONLY = os.environ.get("TRAINWARDEN_FAULTS_ONLY", "")  # a pattern of calls, to look into one kind
SECONDS = 12  # of the sample of each test, about
TIMES_MAX = 3  # of one kind of call in one load: the first ones
FAULTS = {"no space": dict(error=errno.ENOSPC), "input/output error": dict(error=errno.EIO), "short": dict(short=2),
          "short, then no space": dict(short=2, error=errno.ENOSPC)}
# What a server says of its own trouble; anything else would be a wrong answer.
TROUBLE = {"InsufficientStorage": 507, "InternalError": 500, "InternalFailure": 500, "InternalFailureException": 500, "ServiceFailure": 500, "InternalServiceError": 500,
           "ServiceUnavailable": 503, "ServiceUnavailableException": 500, "InternalServerException": 500}
DONE_BEFORE = {"EntityAlreadyExists", "BucketAlreadyOwnedByYou", "ResourceAlreadyExistsException", "NoSuchEntity", "NoSuchKey", "NoSuchBucket",
               "NoSuchUpload", "ResourceNotFoundException"}
LEFT_MAX = 2  # files that a fault leaves until the next start
AGAIN_SECONDS = 10  # within which the same server does what it refused, once there is space
CONTENT = {name: random.Random(name).randbytes(size) for name, size in
           {"tiny": 100, "inline": 4096, "blob": 60_000, "other": 61_000, "buffers": 2_600_000, "long": 9 << 20, "part": 5 << 20, "last": 7}.items()}


def sha(body):
    return hashlib.sha256(body).hexdigest()


class Surprise(AssertionError):
    """The server did what it must not."""


class Load:
    """A short load on a server, and what it has to find afterwards."""

    def __init__(self, server):
        self.server, self.number, self.told, self.restarted = server, 0, [], False
        self.connect()

    def connect(self):
        self.s3, self.iam, self.logs, self.monitoring = (self.server.client(name) for name in ("s3", "iam", "logs", "cloudwatch"))

    def refusal(self, action):
        """What the server says to it: None if it did it."""
        try:
            self.answer = action()
        except ClientError as error:
            code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
            if code in TROUBLE:
                if status != TROUBLE[code]:
                    raise Surprise(f"{code} with status {status}")
                if "/tmp" in (message := error.response["Error"].get("Message", "")) or ".cpp" in message:
                    raise Surprise(f"told to a client: {message}")
                self.told.append(code)
            return code
        except BotoCoreError as error:
            if self.server.process.poll() is not None:
                raise Surprise(f"the server ended with {self.server.process.returncode}") from None
            return type(error).__name__
        return None

    def do(self, action, seen=None):
        """Does it, again if it is refused for trouble; `seen` gives whether it is done."""
        code = self.refusal(action)
        if code is None:
            return self.answer
        if code not in TROUBLE and not (code in ("ResponseStreamingError", "IncompleteReadError") and seen is None):
            raise Surprise(f"an answer of another meaning: {code}")
        if seen is not None and code.startswith(("InsufficientStorage", "ServiceUnavailable")) and self.look(seen):
            raise Surprise("what was refused for want of space was done")
        deadline = time.monotonic() + AGAIN_SECONDS
        while (code := self.refusal(action)) in TROUBLE:
            if time.monotonic() > deadline:
                self.restart(code)
                deadline = time.monotonic() + AGAIN_SECONDS
            time.sleep(0.1)
        if code is not None and code not in DONE_BEFORE:
            raise Surprise(f"when it was tried again: {code}")
        return self.answer if code is None else None

    def look(self, seen):
        try:
            return seen()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in TROUBLE:
                return False  # not told
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404 or code in DONE_BEFORE:
                return False
            raise

    def restart(self, code):
        if self.restarted:
            raise Surprise(f"refused after a restart, too: {code}")
        self.restarted = True
        status = self.server.stop()
        if status != 0:
            raise Surprise(f"told to end, the server ended with {status}")
        self.server.start()
        self.connect()

    def put(self, key, name):
        body = CONTENT[name]
        self.do(lambda: self.s3.put_object(Bucket=self.bucket, Key=key, Body=body),
                lambda: self.s3.head_object(Bucket=self.bucket, Key=key)["ETag"] == f'"{hashlib.md5(body).hexdigest()}"')
        self.objects[key] = sha(body)

    def upload(self, key, *names, completed=True):
        upload = self.do(lambda: self.s3.create_multipart_upload(Bucket=self.bucket, Key=key), lambda: False)["UploadId"]
        of = dict(Bucket=self.bucket, Key=key, UploadId=upload)
        parts = [{"PartNumber": number, "ETag": self.do(lambda: self.s3.upload_part(**of, PartNumber=number, Body=CONTENT[name]))["ETag"]}
                 for number, name in enumerate(names, 1)]
        if completed:
            self.do(lambda: self.s3.complete_multipart_upload(**of, MultipartUpload={"Parts": parts}), lambda: self.s3.head_object(Bucket=self.bucket, Key=key))
            self.objects[key] = sha(b"".join(CONTENT[name] for name in names))
        else:
            self.do(lambda: self.s3.abort_multipart_upload(**of))

    def delete(self, key):
        self.do(lambda: self.s3.delete_object(Bucket=self.bucket, Key=key))
        self.objects.pop(key, None)

    def run(self):
        self.number += 1
        self.told, self.restarted, self.objects = [], False, {}
        self.bucket, self.user, self.group = f"faults-{self.number}", f"user-{self.number}", f"group-{self.number}"
        policy = json.dumps(allow("s3:GetObject"))
        self.do(lambda: self.iam.create_user(UserName=self.user), lambda: self.iam.get_user(UserName=self.user))
        self.do(lambda: self.iam.put_user_policy(UserName=self.user, PolicyName="policy", PolicyDocument=policy),
                lambda: self.iam.get_user_policy(UserName=self.user, PolicyName="policy"))
        self.do(lambda: self.s3.create_bucket(Bucket=self.bucket), lambda: self.s3.head_bucket(Bucket=self.bucket))
        for key, name in (("tiny", "tiny"), ("inline", "inline"), ("blob", "blob"), ("buffers", "buffers"), ("blob", "other"), ("long", "long"), ("gone", "blob")):
            self.put(key, name)
        self.do(lambda: self.s3.copy_object(Bucket=self.bucket, Key="copy", CopySource=f"{self.bucket}/blob"), lambda: self.s3.head_object(Bucket=self.bucket, Key="copy"))
        self.objects["copy"] = self.objects["blob"]
        self.do(lambda: self.s3.put_object_tagging(Bucket=self.bucket, Key="blob", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}),
                lambda: self.s3.get_object_tagging(Bucket=self.bucket, Key="blob")["TagSet"])
        self.delete("gone")
        self.upload("parts", "part", "last")
        self.upload("aborted", "last", completed=False)
        self.do(lambda: self.logs.create_log_group(logGroupName=self.group))
        self.do(lambda: self.logs.create_log_stream(logGroupName=self.group, logStreamName="stream"))
        events = [{"timestamp": int(time.time() * 1000) + number, "message": f"message {number}"} for number in range(3)]
        stream = dict(logGroupName=self.group, logStreamName="stream")
        self.events = []
        for count in (1, 2):
            before = list(self.events)
            self.do(lambda: self.logs.put_log_events(**stream, logEvents=events[:count]),
                    lambda: [one["message"] for one in self.logs.get_log_events(**stream, startFromHead=True)["events"]] != before)
            self.events += [one["message"] for one in events[:count]]
        self.do(lambda: self.monitoring.put_metric_data(Namespace="faults", MetricData=[{"MetricName": "loss", "Value": 1.0}]))
        self.check()

    def check(self):
        """Reads all of it."""
        stream = dict(logGroupName=self.group, logStreamName="stream")
        found = {}
        for entry in self.do(lambda: self.s3.list_objects_v2(Bucket=self.bucket)).get("Contents", []):
            found[entry["Key"]] = sha(self.do(lambda: self.s3.get_object(Bucket=self.bucket, Key=entry["Key"])["Body"].read()))
        if found != self.objects:
            raise Surprise(f"objects are {found}, not {self.objects}")
        messages = [one["message"] for one in self.do(lambda: self.logs.get_log_events(**stream, startFromHead=True))["events"]]
        # Of an event whose answer was trouble nobody knows whether it was kept.
        if sorted(set(messages)) != sorted(set(self.events)) or len(messages) > len(self.events) + 2 * len(self.told):
            raise Surprise(f"events are {messages}, not {self.events}")
        if self.do(lambda: self.iam.get_user_policy(UserName=self.user, PolicyName="policy"))["PolicyDocument"] != allow("s3:GetObject"):
            raise Surprise("another policy")
        if self.do(lambda: self.s3.get_object_tagging(Bucket=self.bucket, Key="blob"))["TagSet"] != [{"Key": "a", "Value": "b"}]:
            raise Surprise("other tags")

    def remove(self):
        self.do(lambda: self.iam.delete_user_policy(UserName=self.user, PolicyName="policy"))
        self.do(lambda: self.iam.delete_user(UserName=self.user))
        self.do(lambda: self.logs.delete_log_group(logGroupName=self.group))
        self.delete("blob")
        self.do(lambda: self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": [{"Key": key} for key in self.objects]}))
        for key in list(self.objects):
            self.delete(key)  # where the answer said of a key that it could not be deleted
        for upload in self.do(lambda: self.s3.list_multipart_uploads(Bucket=self.bucket)).get("Uploads", []):
            self.do(lambda: self.s3.abort_multipart_upload(Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"]))
        self.do(lambda: self.s3.delete_bucket(Bucket=self.bucket), lambda: False)


def left_behind(data):
    """Files that nothing names, of a server that has nothing."""
    found = []
    for path in data.rglob("*"):
        name = str(path.relative_to(data))
        if path.is_file() and (name.startswith(("blobs/", "logs/", "jobs/", "images/")) or name.endswith((".new", ".dbtmp"))):
            found.append(name)
    return sorted(found)


def stays_behind(data, segments=True):
    """What is not gone within seconds: the scrub (docs/admin.md) keeps what it is reading. A running server has the segment that it writes to, and those
    that a fault ended until its next start: without `segments` they do not count."""
    deadline = time.monotonic() + AGAIN_SECONDS
    while len(found := [one for one in left_behind(data) if segments or not one.startswith("blobs/log/")]) > (0 if segments else LEFT_MAX) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


class Place:
    """A server on a disk that fails, in a folder of its own."""

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-faults-", dir="/var/tmp"))
        self.server = Server(self.home)
        self.disk = Disk(self.home, self.server.data)
        self.server.environment |= self.disk.environment

    def close(self):
        self.server.stop(signal.SIGKILL)
        shutil.rmtree(self.home, ignore_errors=True)

    def verify(self):
        """After a restart nothing is left of what failed, and the record is whole."""
        status = self.server.stop()
        if status != 0:
            raise Surprise(f"told to end, the server ended with {status}")
        self.server.start()
        done = self.server.trainwarden("audit", "verify", "--data", self.server.data, check=False)
        if done.returncode != 0:
            raise Surprise(f"audit verify: {done.stdout}{done.stderr}")
        if left := stays_behind(self.server.data):
            raise Surprise(f"left behind after a restart: {left}")


@pytest.fixture
def place():
    one = Place()
    yield one
    one.close()


def plans(calls_of):
    """(kind, name of the fault, call, its number among those of its name and path), of what was watched."""
    made = []
    for fault, calls in calls_of.items():
        seen = collections.Counter()
        for number, call in enumerate(calls, 1):
            kind = kind_of(call)
            seen[kind] += 1
            if seen[kind] <= TIMES_MAX and re.search(ONLY, kind):
                made.append((kind, fault, number, seen[kind]))
    return made


def sampled(made, seconds, cost):
    if ALL:
        return made
    chance = random.Random(SEED)
    # One of every so many: all kinds come, in the course of the seeds.
    made.sort()
    step = max(1.0, len(made) * cost / seconds)
    at = chance.uniform(0, step)
    chosen = []
    while at < len(made):
        chosen.append(made[int(at)])
        at += step
    return chosen


def pattern_of(kind):
    """A path's pattern for fnmatch(3)."""
    path = kind.split(" ", 1)[1]
    return re.sub(r"(?<![A-Z])(ID|XX|N)(?![A-Z])", "*", path).replace("[", "[[]") + ("*" if "#" in path or "unfinished/" in path else "")


def answered(server):
    """The account, by a request that is not refused any more within seconds."""
    deadline = time.monotonic() + AGAIN_SECONDS
    while True:
        try:
            return server.client("sts").get_caller_identity()["Account"]
        except ClientError as error:
            if error.response["Error"]["Code"] not in TROUBLE or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def starts(place):
    """Starts the server: how it ended, if it does not come up. It is to say why, and a signal is no way to end."""
    try:
        place.server.start()
    except RuntimeError:
        status = place.server.process.returncode
        said = place.server.output.read_text()[-400:]
        if status <= 0 or status > 100 or "\nerror: " not in "\n" + said:
            raise Surprise(f"the server ended with {status}: {said}") from None
        return status
    except ClientError as error:
        # It is there, and what failed shows in its first request.
        if error.response["Error"]["Code"] not in TROUBLE:
            raise
        place.disk.clear()
        place.server.account = answered(place.server)
    return None


def test_each_call_fails_at_the_start(place, capsys):
    """The first start, and one with data: the server comes up, or ends saying why, and comes up the next time, with everything."""
    wrong, fired, refused, cost = [], 0, 0, 0.7
    for first in (True, False):
        calls_of = {}
        for fault in ("no space", "input/output error"):
            if first:
                place.close()
                place = Place()
            place.disk.watch(**FAULTS[fault])
            place.server.start()
            calls_of[fault] = place.disk.calls
            place.disk.clear()
            if not first:
                place.server.stop()
        load = Load(place.server)
        if first:
            place.server.stop()
        chosen = [one for one in plans(calls_of) if one[3] == 1 or not re.search("blobs/XX|jobs/trial", one[0])]
        chosen = sampled(chosen, SECONDS / 4, cost)
        for kind, fault, _, nth in chosen:
            what = f"{'first' if first else 'later'} start, {fault}: {kind} ({nth})"
            if first:
                place.close()
                place = Place()
            place.disk.fail(kind.split()[0], pattern_of(kind), nth, **FAULTS[fault])
            try:
                status = starts(place)
                refused += status is not None
                fired += place.disk.fired
                place.disk.clear()
                if status is not None:
                    place.server.start()
                load = Load(place.server)
                if first:
                    load.run()
                    load.remove()
                place.server.client("s3").list_buckets()
                place.verify()
                place.server.stop()
            except (Surprise, ClientError, BotoCoreError, RuntimeError, TypeError) as error:
                wrong.append(f"{what} [{place.disk.fired_at}]: {type(error).__name__} {error}")
                with capsys.disabled():
                    print(wrong[-1] if ALL else "", flush=True)
                place.close()
                place = Place()
                if not first:
                    place.server.start()
                    place.server.stop()
    with capsys.disabled():
        if ALL:
            print(f"\n{fired} faults fired, {refused} starts refused")
    place.close()
    assert not wrong, f"seed {SEED}:\n" + "\n".join(wrong)
    assert fired > 0


def test_each_call_fails_under_load(place, capsys):
    place.server.start()
    load, disk = Load(place.server), place.disk
    load.run()
    load.remove()
    calls_of = {}
    for fault, plan in FAULTS.items():
        disk.watch(**plan)
        begun = time.monotonic()
        load.run()
        load.remove()
        cost = time.monotonic() - begun
        calls_of[fault] = disk.calls
        assert load.told == []
        disk.clear()
    chosen = sampled(plans(calls_of), SECONDS, cost)
    wrong, restarts, fired = [], collections.Counter(), 0
    for count, (kind, fault, _, nth) in enumerate(chosen):
        what = f"{fault}: {kind} ({nth})"
        disk.fail(kind.split()[0], pattern_of(kind), nth, **FAULTS[fault])
        try:
            load.run()
            load.remove()
            fired += disk.fired
            again, where = disk.syncs_again
            if again:
                raise Surprise(f"a sync that had failed was tried again: {where}")
            disk.clear()
            if load.restarted:
                restarts[f"{fault}: {kind}"] += 1
                if "no space" in fault:
                    raise Surprise("it took a restart")
            # A file of what was refused may stay until the next start, where none may (verify). More would be a disk that fills up.
            left = stays_behind(place.server.data, segments=False) if "no space" in fault else []
            if len(left) > LEFT_MAX:
                raise Surprise(f"left behind: {left}")
            if count % 10 == 9 or count + 1 == len(chosen) or load.restarted:
                place.verify()
                load.connect()
        except (Surprise, ClientError, BotoCoreError, RuntimeError, TypeError) as error:
            wrong.append(f"{what} [{disk.fired_at}]: {type(error).__name__} {error}")
            with capsys.disabled():
                print(wrong[-1] if ALL else "", flush=True)
            disk.clear()
            place.close()
            place = Place()
            place.server.start()
            load, disk = Load(place.server), place.disk
    with capsys.disabled():
        if ALL:
            print(f"\n{len(chosen)} faults, {fired} fired; restarts: {dict(restarts)}")
    place.close()
    assert not wrong, f"seed {SEED}:\n" + "\n".join(wrong)
    assert chosen and fired >= len(chosen) / 2, "most faults met nothing"


TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
ENDED = ("Completed", "Failed", "Stopped")


class Jobs:
    """A job at a time: it reads a file, says a line and leaves a model."""

    def __init__(self, server):
        self.server, self.number = server, 0
        s3, iam = server.client("s3"), server.client("iam")
        s3.create_bucket(Bucket="jobs")
        s3.put_object(Bucket="jobs", Key="data/file", Body=b"d" * 10_000)
        self.role = iam.create_role(RoleName="trainer", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        iam.put_role_policy(RoleName="trainer", PolicyName="data", PolicyDocument=json.dumps(allow("s3:*")))

    def run(self):
        """Its description, once it has ended."""
        self.number += 1
        name, sagemaker = f"job-{self.number}", self.server.client("sagemaker")
        channel = {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://jobs/data/"}}}
        script = "cat /opt/ml/input/data/train/file > $SM_MODEL_DIR/model && echo trained"
        try:
            sagemaker.create_training_job(
                TrainingJobName=name, RoleArn=self.role, OutputDataConfig={"S3OutputPath": "s3://jobs/models"}, InputDataConfig=[channel],
                AlgorithmSpecification={"TrainingImage": "host/python3", "TrainingInputMode": "File", "ContainerEntrypoint": ["/bin/sh", "-c", script]},
                ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}, StoppingCondition={"MaxRuntimeInSeconds": 600})
        except ClientError as error:
            if (code := error.response["Error"]["Code"]) not in TROUBLE:
                raise Surprise(f"an answer of another meaning: {error}") from None
            if any(one["TrainingJobName"] == name for one in sagemaker.list_training_jobs()["TrainingJobSummaries"]):
                if code.startswith("ServiceUnavailable"):
                    raise Surprise("a job that was refused for want of space is there") from None
            else:
                return None

        def ended():
            try:
                job = sagemaker.describe_training_job(TrainingJobName=name)
            except ClientError as error:
                if error.response["Error"]["Code"] not in TROUBLE:
                    raise Surprise(f"an answer of another meaning: {error}") from None
                return None
            return job["TrainingJobStatus"] in ENDED and job

        return until(ended, "the job ends", timeout=90)

    def check(self, job):
        """What it says of itself is so."""
        model = f"models/job-{self.number}/output/model.tar.gz"
        s3 = self.server.client("s3")
        there = {entry["Key"]: entry["Size"] for entry in s3.list_objects_v2(Bucket="jobs", Prefix="models/").get("Contents", [])}
        if job is not None and job["TrainingJobStatus"] == "Completed":
            if len(s3.get_object(Bucket="jobs", Key=model)["Body"].read()) != there[model]:
                raise Surprise("its model cannot be read")
        if job is not None and job["TrainingJobStatus"] == "Failed" and not job["FailureReason"]:
            raise Surprise("it failed without a reason")
        for key in there:
            s3.delete_object(Bucket="jobs", Key=key)


def test_each_call_fails_under_a_job(place, capsys):
    """Jobs end, as what they are said to be; after a restart they are that still, and their folders are gone."""
    place.server.start()
    jobs, disk = Jobs(place.server), place.disk
    jobs.check(jobs.run())
    calls_of, cost = {}, 2.0
    for fault, plan in FAULTS.items():
        disk.watch(**plan)
        job = jobs.run()
        jobs.check(job)
        assert job["TrainingJobStatus"] == "Completed", job
        calls_of[fault] = disk.calls
        disk.clear()
    wrong, fired, statuses = [], 0, collections.Counter()
    chosen = sampled([one for one in plans(calls_of) if one[3] == 1 or ALL], SECONDS / 2, cost)
    for count, (kind, fault, _, nth) in enumerate(chosen):
        what = f"{fault}: {kind} ({nth})"
        disk.fail(kind.split()[0], pattern_of(kind), nth, **FAULTS[fault])
        try:
            job = jobs.run()
            fired += disk.fired
            disk.clear()
            jobs.check(job)
            statuses[job["TrainingJobStatus"] if job else "refused"] += 1
            if job is not None and job["TrainingJobStatus"] != "Completed" and fault == "short":
                raise Surprise(f"a short write: {job['FailureReason']}")
            again = until(jobs.run, "there is space again", timeout=AGAIN_SECONDS)
            jobs.check(again)
            if again is None or again["TrainingJobStatus"] != "Completed":
                raise Surprise(f"the next job: {again}")
            if count % 5 == 4 or count + 1 == len(chosen):
                before = {one["TrainingJobName"]: one["TrainingJobStatus"] for one in place.server.client("sagemaker").list_training_jobs(MaxResults=100, SortOrder="Descending")["TrainingJobSummaries"]}
                status = place.server.stop()
                if status != 0:
                    raise Surprise(f"told to end, the server ended with {status}")
                place.server.start()
                after = {one["TrainingJobName"]: one["TrainingJobStatus"] for one in place.server.client("sagemaker").list_training_jobs(MaxResults=100, SortOrder="Descending")["TrainingJobSummaries"]}
                if before != after:
                    raise Surprise(f"jobs were {before} and are {after}")
                # What a job could not upload is kept until it is deleted.
                for name, ended in after.items():
                    if ended == "Failed":
                        place.server.client("sagemaker").delete_training_job(TrainingJobName=name)
                if left := [name for name in left_behind(place.server.data) if name.startswith("jobs/") or name.endswith(".new")]:
                    raise Surprise(f"left behind after a restart: {left}")
        except (Surprise, ClientError, BotoCoreError, RuntimeError, AssertionError, TypeError) as error:
            wrong.append(f"{what} [{disk.fired_at}]: {type(error).__name__} {error}")
            with capsys.disabled():
                print(wrong[-1] if ALL else "", flush=True)
            place.close()
            place = Place()
            place.server.start()
            jobs, disk = Jobs(place.server), place.disk
    with capsys.disabled():
        if ALL:
            print(f"\n{len(chosen)} faults, {fired} fired; jobs: {dict(statuses)}")
    place.close()
    assert not wrong, f"seed {SEED}:\n" + "\n".join(wrong)
