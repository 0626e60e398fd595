"""No answer of success depends on what a loss of power would take: the system calls of the real binary, in their order (durability.py).

What is promised otherwise is named here: the record of what changes nothing may lose its last second (docs/audit.md, --audit-sync), the folders of running jobs
are scratch, and RocksDB's own notes for people are nothing that it reads.
"""
import http.client
import json
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import pytest
from botocore.exceptions import ClientError
from conftest import BINARY, Credentials, Server, need, until
from durability import Tracer

# `reserved-space` holds nothing: it is made again when it is not there.
IGNORED = [r"^data/(audit|jobs|images)/", r"^data/lock$", r"^data/keys/(LOG|LOCK$|OPTIONS-|reserved-space)", r"^(ready|server\.out|trace)"]
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


class Traced:
    """A server with its first start in the trace; `answers()` ends it and gives what each request was told, with what was safe then."""

    def __init__(self, *arguments, ignored=tuple(IGNORED)):
        need("tracing")
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-test-", dir="/var/tmp"))
        self.server = Server(self.home, *arguments)
        self.tracer = Tracer(self.home, self.home / "trace", ignored)  # data and, in config, the master key
        self.server.prefix = self.tracer.prefix
        self.server.start()  # asks who the root is: the first answer

    def answers(self):
        self.server.stop()
        until(lambda: not pathlib.Path(f"/proc/{self.server.process.pid}").exists(), "the server's process is gone")
        return [answer for answer in self.tracer.acknowledgements() if answer.what != "exit"][1:]

    def close(self):
        self.server.stop(signal.SIGKILL)
        shutil.rmtree(self.home, ignore_errors=True)


@pytest.fixture
def traced():
    one = Traced()
    yield one
    one.close()


def is_log(path):
    return re.fullmatch(r"data/keys/\d+\.log", path) is not None


def is_blob(path):
    return re.fullmatch(r"data/blobs/[0-9a-f]{2}/[0-9a-f]{32}", path) is not None


def is_blob_folder(path):
    return re.fullmatch(r"data/blobs/[0-9a-f]{2}", path) is not None


def is_segment(path):
    return re.fullmatch(r"data/blobs/log/[0-9a-f]{16}", path) is not None



def check_safe(answers):
    assert answers
    for answer in answers:
        # What is deleted is marked in its segment for the sweep alone: the record is gone, and durably.
        marked = [one for one in answer.unsafe if answer.what.endswith(" 204") and re.search(r"/data/blobs/log/[0-9a-f]+ is not synced$", one)]
        assert [one for one in answer.unsafe if one not in marked] == [], answer


def order_of(answer, *kinds):
    """Where each kind of path was synced before this answer, the last time; every kind must be among them."""
    places = []
    for kind in kinds:
        at = [place for place, path in enumerate(answer.synced) if kind(path)]
        assert at, (kind.__name__, answer)
        places.append(at[-1])
    return places


def test_first_start(traced):
    """The keys of the account are told to its owner by files: those are safe before the server answers anybody."""
    traced.answers()
    first = next(traced.tracer.acknowledgements())
    assert first.unsafe == [], first
    for name in ("data/installation.", "data/root-credentials."):
        assert any(path.startswith(name) and path.endswith(".new") for path in first.synced), (name, first.synced)
    assert any(path.startswith("config/trainwarden/") for path in first.synced), first.synced  # the master key
    assert "data" in first.synced


def test_objects(traced):
    s3 = traced.server.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="key", Body=b"content" * 1000)
    s3.copy_object(Bucket="bucket", Key="copy", CopySource="bucket/key")
    s3.put_object(Bucket="bucket", Key="large", Body=b"content" * 100_000)
    s3.put_object_tagging(Bucket="bucket", Key="key", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.delete_object(Bucket="bucket", Key="copy")
    bucket, put, copied, large, tagged, deleted = answers = traced.answers()
    check_safe(answers)
    for answer in answers:
        assert any(map(is_log, answer.synced)), answer
    # The bytes, their name, then the entry that names them.
    blob, folder, log = order_of(large, is_blob, is_blob_folder, is_log)
    assert max(blob, folder) < log
    segment, folder, log = order_of(put, is_segment, lambda path: path == "data/blobs/log", is_log)
    assert max(segment, folder) < log
    segment, log = order_of(copied, is_segment, is_log)
    assert segment < log


def test_every_answer_waits_for_its_record_where_the_operator_says_so():
    """--audit-sync answers: reads, and refusals of whoever asks, too."""
    traced = Traced("--audit-sync", "answers", ignored=[*IGNORED[1:], r"^data/(jobs|images)/", r"^data/audit/reserved-space"])
    try:
        traced.server.client("s3").list_buckets()
        connection = http.client.HTTPConnection("127.0.0.1", traced.server.port, timeout=30)
        connection.request("GET", "/nobody-s/key")  # without credentials
        assert connection.getresponse().read()
        with pytest.raises(ClientError):
            traced.server.client_as(Credentials("AKIAIOSFODNN7EXAMPLE", "x" * 40), "sts").get_caller_identity()
        listed, anonymous, forged = traced.answers()
        for answer, stream in ((listed, "requests"), (anonymous, "unauthenticated"), (forged, "unauthenticated")):
            assert any(path.startswith(f"data/audit/{stream}-") for path in answer.synced), answer
            assert not [one for one in answer.unsafe if f"/audit/{stream}-" in one], answer
    finally:
        traced.close()


def test_parts(traced):
    s3 = traced.server.client("s3")
    s3.create_bucket(Bucket="bucket")
    upload = s3.create_multipart_upload(Bucket="bucket", Key="key")["UploadId"]
    parts = [{"PartNumber": number, "ETag": s3.upload_part(Bucket="bucket", Key="key", UploadId=upload, PartNumber=number,
                                                            Body=bytes(5 << 20 if number < 3 else 1))["ETag"]} for number in (1, 2, 3)]
    s3.complete_multipart_upload(Bucket="bucket", Key="key", UploadId=upload, MultipartUpload={"Parts": parts})
    answers = traced.answers()
    check_safe(answers)
    assert len(answers) == 6
    for answer in answers[2:4]:
        blob, folder, log = order_of(answer, is_blob, is_blob_folder, is_log)
        assert max(blob, folder) < log
    segment, log = order_of(answers[4], is_segment, is_log)
    assert segment < log
    assert any(map(is_log, answers[1].synced)) and any(map(is_log, answers[5].synced))


def test_identities(traced):
    iam = traced.server.client("iam")
    iam.create_user(UserName="user")
    iam.put_user_policy(UserName="user", PolicyName="policy", PolicyDocument=json.dumps(ALLOW))
    iam.create_access_key(UserName="user")
    iam.create_role(RoleName="role", AssumeRolePolicyDocument=json.dumps(TRUST))
    arn = iam.create_policy(PolicyName="managed", PolicyDocument=json.dumps(ALLOW))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="role", PolicyArn=arn)
    iam.detach_role_policy(RoleName="role", PolicyArn=arn)
    iam.delete_user_policy(UserName="user", PolicyName="policy")
    answers = traced.answers()
    check_safe(answers)
    assert len(answers) == 8
    for answer in answers:
        assert any(map(is_log, answer.synced)), answer


def test_decisions(traced):
    """Allowed, refused and anonymous requests: each is in the record before its answer leaves. A sync is not promised."""
    server = traced.server
    server.client("s3").create_bucket(Bucket="bucket")
    keys = server.client("iam").create_access_key(UserName=server.client("iam").create_user(UserName="stranger")["User"]["UserName"])
    for who in (keys, None):
        with pytest.raises(ClientError):
            server.client_as(who, "s3").list_objects_v2(Bucket="bucket")
    answers = traced.answers()
    assert [answer.what.split()[1] for answer in answers] == ["200", "200", "200", "403", "403"]
    for answer in answers:
        assert [path for path in answer.written if re.match("data/audit/(requests|unauthenticated)-", path)], answer


def test_logs(traced):
    logs = traced.server.client("logs")
    logs.create_log_group(logGroupName="group")
    logs.create_log_stream(logGroupName="group", logStreamName="stream")
    for message in ("one", "two"):
        logs.put_log_events(logGroupName="group", logStreamName="stream", logEvents=[{"timestamp": 1_700_000_000_000, "message": message}])
    answers = traced.answers()
    check_safe(answers)
    assert len(answers) == 4
    for answer in answers[2:]:
        assert any(path.startswith("data/logs/") and path.endswith(".log") for path in answer.synced), answer


def test_training_jobs(traced):
    server = traced.server
    server.client("s3").create_bucket(Bucket="bucket")
    iam = server.client("iam")
    role = iam.create_role(RoleName="role", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="role", PolicyName="policy", PolicyDocument=json.dumps(ALLOW))
    sagemaker = server.client("sagemaker")
    sagemaker.create_training_job(
        TrainingJobName="job", RoleArn=role, OutputDataConfig={"S3OutputPath": "s3://bucket/models"},
        AlgorithmSpecification={"TrainingImage": "host/python3", "TrainingInputMode": "File", "ContainerEntrypoint": ["/bin/sh", "-c", "echo trained; head -c 100000 /dev/urandom > $SM_MODEL_DIR/x"]},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}, StoppingCondition={"MaxRuntimeInSeconds": 600})
    until(lambda: sagemaker.describe_training_job(TrainingJobName="job")["TrainingJobStatus"] == "Completed", "the job ends", timeout=300)
    answers = traced.answers()
    created, last = answers[3], answers[-1]
    assert any(map(is_log, created.synced)), created
    assert [one for one in created.unsafe if "/logs/" not in one] == []  # the job has begun, perhaps
    check_safe([*answers[:3], last])  # in between the job writes what nobody was told of yet
    assert any(any(is_blob(path) or is_segment(path) for path in answer.synced) for answer in answers[4:])  # its model


PROGRAM = """
resources:
  bucket: {type: aws:s3:Bucket, properties: {bucket: %s}}
  role: {type: aws:iam:Role, properties: {name: traced, assumeRolePolicy: '%s'}}
outputs: {name: "${bucket.bucket}"}
"""


def test_deployments(server, tmp_path):
    """State, its copy of before, history and selection of `up`, `stack` and `destroy`: safe before the command ends, and before the next resource."""
    need("tracing")
    environment = {**server.client_environment(), "PULUMI_CONFIG_PASSPHRASE": "secret"}
    (tmp_path / "Pulumi.yaml").write_text("name: traced\nruntime: yaml\n" + PROGRAM % ("traced-one", json.dumps(TRUST)))

    def run(*arguments):
        tracer = Tracer(tmp_path, tmp_path.parent / f"{tmp_path.name}-{arguments[0]}-trace", [r"^\.pulumi/locks/"])
        done = subprocess.run([*tracer.prefix, BINARY, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        answers = list(tracer.acknowledgements())
        check_safe(answers)
        assert answers[-1].what == "exit"
        return [path for answer in answers for path in answer.synced]

    synced = run("up", "--yes")
    state = [path for path in synced if path.startswith(".pulumi/stacks/traced/dev.json")]
    assert len(state) >= 3, synced  # the stack, a bucket, a role
    assert any(path.startswith(".pulumi/history/traced/dev/") for path in synced), synced
    assert ".pulumi/stacks/traced" in synced and ".pulumi/history/traced/dev" in synced
    (tmp_path / "Pulumi.yaml").write_text("name: traced\nruntime: yaml\n" + PROGRAM % ("traced-two", json.dumps(TRUST)))
    assert any(path.startswith(".pulumi/stacks/traced/dev.json.bak") for path in run("up", "--yes", "--skip-preview"))
    assert any(path.startswith(".pulumi/stacks/traced/dev.json") for path in run("destroy", "--yes"))
