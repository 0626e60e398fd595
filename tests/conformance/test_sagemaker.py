"""Training jobs with boto3 against the real server: who may start them, what they see, how they end, what they leave."""
import io
import itertools
import json
import pathlib
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile

import boto3
import pytest
from botocore.exceptions import ClientError

from conftest import AWS_V1, AWS_V2, BINARY, ROOT, Server, allow, until

SAGEMAKER = "sagemaker.amazonaws.com"
DEBIAN_PYTHON = "/usr/bin/python3"
IMAGE = "host/python3"
BUCKET = "training-data"
NUMBERS = itertools.count()


def make_trainer(server):
    """The bucket, and a role that SageMaker may assume for jobs of this account and that may train on the bucket's data."""
    server.client("s3").create_bucket(Bucket=BUCKET)
    iam = server.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": SAGEMAKER}, "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": server.account},
                      "ArnLike": {"aws:SourceArn": f"arn:aws:sagemaker:*:{server.account}:training-job/*"}}}]}
    iam.create_role(RoleName="trainer", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName="trainer", PolicyName="data", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"},
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::{BUCKET}/*"}]}))


@pytest.fixture(scope="module")
def world(server):
    """A server with a role that trains and some data for it."""
    make_trainer(server)
    for number in range(4):
        server.client("s3").put_object(Bucket=BUCKET, Key=f"data/train/part-{number}.txt", Body=f"part {number}".encode())
    return server


@pytest.fixture
def bare_server():
    """A server of one's own that is not started yet; outside of /tmp, which workers have their own of."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-test-", dir="/var/tmp"))
    server = Server(home)
    yield server
    server.stop(signal.SIGKILL)
    shutil.rmtree(home, ignore_errors=True)


def role_arn(server, name="trainer"):
    return f"arn:aws:iam::{server.account}:role/{name}"


def request(server, name, script, **changes):
    """CreateTrainingJob's input for a shell script."""
    wanted = {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File",
                                   "ContainerEntrypoint": ["/bin/sh", "-c", script]},
        "RoleArn": role_arn(server),
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 300},
    }
    wanted.update(changes)
    if len(script) > 256 or "\n" in script:  # longer than an entry point may be: bring it as data
        server.client("s3").put_object(Bucket=BUCKET, Key=f"scripts/{name}/run.sh", Body=script.encode())
        wanted["AlgorithmSpecification"]["ContainerEntrypoint"] = ["/bin/sh", "/opt/ml/input/data/script/run.sh"]
        wanted["InputDataConfig"] = [*wanted.get("InputDataConfig", []), channel("script", f"scripts/{name}/")]
    return {key: value for key, value in wanted.items() if value is not None}


def channel(name, prefix, distribution="FullyReplicated", **changes):
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{prefix}", "S3DataDistributionType": distribution}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **changes}


def wait(server, name):
    """Its description once it has ended."""
    sagemaker = server.client("sagemaker")

    def ended():
        job = sagemaker.describe_training_job(TrainingJobName=name)
        return job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") and job

    return until(ended, f"{name} ends", timeout=300)


def until_training(server, name):
    sagemaker = server.client("sagemaker")
    until(lambda: sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"] == "Training", f"{name} trains")


def until_logged(server, name, line):
    logs = server.client("logs")

    def is_there():
        try:
            found = logs.filter_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/", filterPattern=line)
        except logs.exceptions.ResourceNotFoundException:
            return False
        return found["events"]

    until(is_there, f"{name} writes {line}")


def run(server, name, script, **changes):
    server.client("sagemaker").create_training_job(**request(server, name, script, **changes))
    return wait(server, name)


def log_of(server, name, host="algo-1"):
    logs = server.client("logs")
    streams = logs.describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/{host}-")
    assert "nextToken" not in streams
    (stream,) = streams["logStreams"]
    page = logs.get_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=stream["logStreamName"], startFromHead=True)
    return "\n".join(event["message"] for event in page["events"])


def refusal(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def model_of(server, job):
    bucket, key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").split("/", 1)
    body = server.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return tarfile.open(fileobj=io.BytesIO(body), mode="r:gz")


def test_logs_before_any_job(server):
    """First in this file: until a job has written something there is no group, and clients rely on being told so."""
    logs = server.client("logs")
    code, _ = refusal(logs.describe_log_streams, logGroupName="/aws/sagemaker/TrainingJobs")
    assert code == "ResourceNotFoundException"


def test_a_job_from_request_to_model(world):
    job = run(world, "whole", "ls $SM_CHANNEL_TRAIN; cat $SM_CHANNEL_ALL/part-3.txt; echo weights-$SM_CURRENT_HOST > $SM_MODEL_DIR/$SM_CURRENT_HOST; "
              "echo report > $SM_OUTPUT_DATA_DIR/report",
              InputDataConfig=[channel("train", "data/train/", "ShardedByS3Key"), channel("all", "data/train")],
              ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1},
              HyperParameters={"epochs": "3"}, Environment={"MODE": "test"}, Tags=[{"Key": "team", "Value": "vision"}])
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["SecondaryStatus"] == "Completed"
    assert [step["Status"] for step in job["SecondaryStatusTransitions"]] == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert job["TrainingJobArn"] == f"arn:aws:sagemaker:us-east-1:{world.account}:training-job/whole"
    assert job["HyperParameters"] == {"epochs": "3"}
    assert job["Environment"] == {"MODE": "test"}
    assert job["ResourceConfig"]["InstanceCount"] == 2
    assert job["TrainingEndTime"] >= job["TrainingStartTime"] >= job["CreationTime"]
    assert job["BillableTimeInSeconds"] >= 1
    assert "Tags" not in job and job["EnableNetworkIsolation"] is False
    assert "part-0.txt" in log_of(world, "whole", "algo-1") and "part-1.txt" not in log_of(world, "whole", "algo-1")
    assert "part-1.txt" in log_of(world, "whole", "algo-2") and "part 3" in log_of(world, "whole", "algo-2")
    with model_of(world, job) as model:
        assert sorted(model.getnames()) == ["algo-1", "algo-2"]
    assert world.client("s3").head_object(Bucket=BUCKET, Key="models/whole/output/output.tar.gz")["ContentLength"] > 0
    tags = world.client("sagemaker").list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "vision"}]


def boto3_archive(*services):
    """The boto3 that runs these tests, as data for a worker: the folder it is installed in may be covered there (a home, /tmp)."""
    packages = pathlib.Path(boto3.__file__).parent.parent
    wanted = ["boto3", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3"]
    wanted += [path.relative_to(packages) for path in (packages / "botocore").iterdir() if path.name != "data"]
    wanted += [path.relative_to(packages) for path in (packages / "botocore/data").iterdir() if path.is_file() or path.name in ("s3", "sts", *services)]
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in wanted:
            tar.add(packages / name, arcname=str(name))
    return archive.getvalue()


def test_workers_are_the_role_and_hold_nothing_else(world):
    # The worker's own boto3 must find its credentials by itself.
    world.client("s3").put_object(Bucket=BUCKET, Key="packages/boto3.tar", Body=boto3_archive())
    script = f"""env; mkdir /tmp/packages && tar -xf $SM_CHANNEL_PACKAGES/boto3.tar -C /tmp/packages; PYTHONPATH=/tmp/packages {DEBIAN_PYTHON} -c '
import boto3, os, urllib.request, urllib.error
print("IDENTITY", boto3.client("sts").get_caller_identity()["Arn"])
print("READ", boto3.client("s3").get_object(Bucket="{BUCKET}", Key="data/train/part-0.txt")["Body"].read().decode())
session = boto3.Session().get_credentials()
print("METHOD", session.method)
import datetime
print("SECONDS", int((session._expiry_time - datetime.datetime.now(datetime.timezone.utc)).total_seconds()))
try: boto3.client("s3").delete_object(Bucket="{BUCKET}", Key="data/train/part-0.txt")
except Exception as error: print("DELETE", error)
for token in ("wrong", ""):
    # A plain process holds a token; in a sandbox there is none to hold.
    if "AWS_CONTAINER_CREDENTIALS_FULL_URI" not in os.environ: print("TOKEN 403")
    else:
        try: urllib.request.urlopen(urllib.request.Request(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], headers={{"Authorization": token}}))
        except urllib.error.HTTPError as error: print("TOKEN", error.code)
'; cat {world.data}/root-credentials; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'; hostname; cat /etc/hosts"""
    job = run(world, "identity", script, InputDataConfig=[channel("packages", "packages/"), channel("train", "data/train/")])
    log = log_of(world, "identity")
    assert job["TrainingJobStatus"] == "Completed", log
    assert f"IDENTITY arn:aws:sts::{world.account}:assumed-role/trainer/SageMaker" in log
    assert "READ part 0" in log
    assert "METHOD container-role" in log
    assert int(re.search(r"SECONDS (\d+)", log)[1]) >= 5 * 3600
    assert re.search(r"DELETE .*AccessDenied.*s3:DeleteObject", log)
    assert log.count("TOKEN 403") == 2
    assert "TRAINING_JOB_NAME=identity" in log and "AWS_REGION=us-east-1" in log
    for secret in (world.root.secret_access_key, world.root.access_key_id):
        assert secret not in log


def test_nothing_planted_in_the_server_leaks(bare_server):
    """A server that was started with keys in its environment and its home: no worker sees them, in no place."""
    planted = "planted" + "-in-the-server"
    server = bare_server
    server.environment.update(AWS_SECRET_ACCESS_KEY=planted, SOMETHING=planted)
    (server.home / ".aws").mkdir()
    (server.home / ".aws/credentials").write_text(f"[default]\naws_secret_access_key = {planted}\n")
    server.start()
    make_trainer(server)
    job = run(server, "leak", f"env; tr '\\0' '\\n' < /proc/{server.process.pid}/environ; cat {server.home}/.aws/credentials ~/.aws/credentials; "
              f"cat {server.data}/root-credentials {server.home}/config/trainwarden/*; echo done")
    assert job["TrainingJobStatus"] == "Completed"
    log = log_of(server, "leak")
    assert "done" in log and "No such file" in log
    for secret in (planted, server.root.secret_access_key):
        assert secret not in log


@pytest.mark.parametrize("name, script, reason", [
    ("fails-plainly", "echo something; exit 7", "AlgorithmError: , exit code: 7"),
    ("fails-in-words", "echo -n 'no such optimizer' > /opt/ml/output/failure; exit 1", "AlgorithmError: no such optimizer, exit code: 1"),
    ("fails-at-length", "head -c 5000 /dev/zero | tr '\\0' x > /opt/ml/output/failure; exit 1", "AlgorithmError: " + "x" * (1024 - 16)),
    ("is-killed", "kill -9 $$", "AlgorithmError: , exit code: 137"),
])
def test_failures(world, name, script, reason):
    job = run(world, name, script)
    assert job["TrainingJobStatus"] == "Failed" and job["SecondaryStatus"] == "Failed"
    assert job["FailureReason"] == reason


def test_links_in_the_model_are_not_followed(world):
    job = run(world, "links", f"ln -s {world.data}/root-credentials /opt/ml/model/stolen; rm -rf /opt/ml/output; ln -s {world.data} /opt/ml/output; exit 0")
    assert job["TrainingJobStatus"] == "Completed"
    with model_of(world, job) as model:
        (member,) = model.getmembers()
        assert member.issym() and member.size == 0


def test_stop(world):
    sagemaker = world.client("sagemaker")
    sagemaker.create_training_job(**request(world, "stopped", "echo half > $SM_MODEL_DIR/weights; echo ready; trap 'echo asked; exit 0' TERM; "
                                            "while :; do sleep 0.05; done"))
    until_training(world, "stopped")
    until_logged(world, "stopped", "ready")
    sagemaker.stop_training_job(TrainingJobName="stopped")
    job = wait(world, "stopped")
    assert job["TrainingJobStatus"] == "Stopped" and job["SecondaryStatus"] == "Stopped"
    assert "Stopping" in [step["Status"] for step in job["SecondaryStatusTransitions"]]
    assert "asked" in log_of(world, "stopped")
    with model_of(world, job) as model:
        assert model.getnames() == ["weights"]
    assert refusal(sagemaker.stop_training_job, TrainingJobName="stopped") == (
        "ValidationException", "The request was rejected because the training job is in status Stopped.")


def test_not_found_and_duplicates(world):
    sagemaker = world.client("sagemaker")
    for call in (sagemaker.describe_training_job, sagemaker.stop_training_job):
        assert refusal(call, TrainingJobName="nobody") == ("ValidationException", "Requested resource not found.")
    run(world, "twice", "true")
    code, message = refusal(sagemaker.create_training_job, **request(world, "twice", "true"))
    assert code == "ResourceInUse"
    assert message == ("Training job names must be unique within an AWS account and region, and a training job with this name already exists "
                       f"(arn:aws:sagemaker:us-east-1:{world.account}:training-job/twice)")


def test_who_may_create(world, make_user):
    role = role_arn(world)
    job_arn = f"arn:aws:sagemaker:us-east-1:{world.account}:training-job/not-mine"
    anybody = make_user("nobody-in-particular")
    code, message = refusal(world.client_as(anybody, "sagemaker").create_training_job, **request(world, "not-mine", "true"))
    assert code == "AccessDeniedException"
    assert message == (f"User: arn:aws:iam::{world.account}:user/nobody-in-particular is not authorized to perform: sagemaker:CreateTrainingJob "
                       f"on resource: {job_arn} because no identity-based policy allows the sagemaker:CreateTrainingJob action")

    cannot_pass = make_user("cannot-pass", allow("sagemaker:*"))
    code, message = refusal(world.client_as(cannot_pass, "sagemaker").create_training_job, **request(world, "not-mine", "true"))
    assert code == "AccessDeniedException"
    assert message == (f"User: arn:aws:iam::{world.account}:user/cannot-pass is not authorized to perform: iam:PassRole on resource: {role} "
                       "because no identity-based policy allows the iam:PassRole action")

    elsewhere = make_user("passes-elsewhere", allow("sagemaker:*"),
                          allow("iam:PassRole", resource=role, StringEquals={"iam:PassedToService": "lambda.amazonaws.com"}))
    assert refusal(world.client_as(elsewhere, "sagemaker").create_training_job, **request(world, "not-mine", "true"))[0] == "AccessDeniedException"

    passes = make_user("passes", allow("sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob"),
                       allow("iam:PassRole", resource=role, StringEquals={"iam:PassedToService": SAGEMAKER}))
    mine = world.client_as(passes, "sagemaker")
    code, message = refusal(mine.create_training_job, **request(world, "tagged", "true", Tags=[{"Key": "a", "Value": "b"}]))
    assert code == "AccessDeniedException" and "sagemaker:AddTags" in message
    mine.create_training_job(**request(world, "mine", "true"))
    assert wait(world, "mine")["TrainingJobStatus"] == "Completed"

    other_account = "arn:aws:iam::999999999999:role/trainer"
    assert refusal(world.client("sagemaker").create_training_job, **request(world, "cross", "true", RoleArn=other_account)) == (
        "ValidationException", "Cross-account pass role is not allowed.")


@pytest.mark.parametrize("statement, changes, allowed", [
    ({"ForAllValues:StringLike": {"sagemaker:InstanceTypes": ["ml.c5.*"]}}, {}, False),
    ({"ForAllValues:StringLike": {"sagemaker:InstanceTypes": ["ml.m5.*"]}}, {}, True),
    ({"Null": {"sagemaker:VpcSubnets": "false"}}, {}, False),
    ({"Null": {"sagemaker:VpcSubnets": "false"}}, {"VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}, True),
    ({"Bool": {"sagemaker:InterContainerTrafficEncryption": "true"}}, {}, False),
    ({"Bool": {"sagemaker:InterContainerTrafficEncryption": "true"}}, {"EnableInterContainerTrafficEncryption": True}, True),
    ({"NumericLessThanEquals": {"sagemaker:MaxRuntimeInSeconds": "60"}}, {}, False),
    ({"NumericLessThanEquals": {"sagemaker:MaxRuntimeInSeconds": "60"}}, {"StoppingCondition": {"MaxRuntimeInSeconds": 60}}, True),
    ({"StringEquals": {"aws:RequestTag/team": "vision"}}, {}, False),
    ({"StringEquals": {"aws:RequestTag/team": "vision"}}, {"Tags": [{"Key": "team", "Value": "vision"}]}, True),
])
def test_condition_keys(world, make_user, statement, changes, allowed):
    name = f"conditions-{next(NUMBERS)}"
    user = make_user(name, allow("sagemaker:CreateTrainingJob", **statement), allow("iam:PassRole", "sagemaker:AddTags"))
    client = world.client_as(user, "sagemaker")
    wanted = request(world, name, "true", **changes)
    if allowed:
        client.create_training_job(**wanted)
        assert wait(world, name)["TrainingJobStatus"] == "Completed"
    else:
        code, message = refusal(client.create_training_job, **wanted)
        assert code == "AccessDeniedException" and "sagemaker:CreateTrainingJob" in message


def test_the_role_must_trust_the_service(world, make_role):
    sagemaker = world.client("sagemaker")
    words = ("Could not assume role {}. Please ensure that the role exists and allows principal 'sagemaker.amazonaws.com' to assume the role.")
    other = make_role("trusts-lambda", "lambda.amazonaws.com", allow("s3:*"))
    for arn in (other, role_arn(world, "no-such-role")):
        assert refusal(sagemaker.create_training_job, **request(world, "untrusted", "true", RoleArn=arn)) == (
            "ValidationException", words.format(arn))
    iam = world.client("iam")
    confused = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": SAGEMAKER}, "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}}]}
    iam.update_assume_role_policy(RoleName="trusts-lambda", PolicyDocument=json.dumps(confused))
    assert refusal(sagemaker.create_training_job, **request(world, "untrusted", "true", RoleArn=other))[1] == words.format(other)


def test_session_tag_chaining(world):
    """One role for all tenants: the caller's session tags travel into the job, if the role lets its sessions be tagged."""
    iam, s3 = world.client("iam"), world.client("s3")
    for tenant in ("red", "blue"):
        s3.put_object(Bucket=BUCKET, Key=f"tenants/{tenant}/data.txt", Body=f"{tenant} data".encode())
    owner = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{world.account}:root"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    iam.create_role(RoleName="tenant", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [owner]}))
    iam.put_role_policy(RoleName="tenant", PolicyName="train", PolicyDocument=json.dumps(allow("sagemaker:*", "iam:PassRole")))
    service = {"Effect": "Allow", "Principal": {"Service": SAGEMAKER}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="shared", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [service]}))
    iam.put_role_policy(RoleName="shared", PolicyName="own", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/models/*"},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/tenants/${{aws:PrincipalTag/tenant}}/*"}]}))
    iam.create_user(UserName="dispatcher")
    iam.put_user_policy(UserName="dispatcher", PolicyName="assume", PolicyDocument=json.dumps(allow("sts:AssumeRole", "sts:TagSession")))
    dispatcher = iam.create_access_key(UserName="dispatcher")
    red = world.client_as(dispatcher, "sts").assume_role(RoleArn=role_arn(world, "tenant"), RoleSessionName="red",
                                                         Tags=[{"Key": "tenant", "Value": "red"}])
    sagemaker = world.client_as(red, "sagemaker")

    def job(name, tenant):
        return request(world, name, "cat /opt/ml/input/data/train/data.txt", RoleArn=role_arn(world, "shared"),
                       InputDataConfig=[channel("train", f"tenants/{tenant}/")],
                       SessionChainingConfig={"EnableSessionTagChaining": True})

    code, message = refusal(sagemaker.create_training_job, **job("tenant-untagged", "red"))
    assert code == "ValidationException" and message.startswith("Could not assume role")
    service["Action"] = ["sts:AssumeRole", "sts:TagSession"]
    iam.update_assume_role_policy(RoleName="shared", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [service]}))
    sagemaker.create_training_job(**job("tenant-own", "red"))
    assert wait(world, "tenant-own")["TrainingJobStatus"] == "Completed"
    assert log_of(world, "tenant-own") == "red data"
    code, message = refusal(sagemaker.create_training_job, **job("tenant-other", "blue"))
    assert code == "ValidationException" and f's3://{BUCKET}/tenants/blue/data.txt' in message and "s3:GetObject" in message


def test_missing_and_forbidden_data(world, make_role):
    sagemaker = world.client("sagemaker")

    def words(uri, role):
        return ("ValidationException",
                f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket exists in the selected '
                f'region (us-east-1), that objects exist under that S3 prefix, and that the role "{role}" has "s3:ListBucket" permissions on '
                f'bucket "{uri.split("/")[2]}".')

    missing = request(world, "no-data", "true", InputDataConfig=[channel("train", "nothing/here/")])
    assert refusal(sagemaker.create_training_job, **missing) == words(f"s3://{BUCKET}/nothing/here/", role_arn(world))
    blind = make_role("blind", SAGEMAKER)
    unseen = request(world, "no-data", "true", RoleArn=blind, InputDataConfig=[channel("train", "data/train/")])
    assert refusal(sagemaker.create_training_job, **unseen) == words(f"s3://{BUCKET}/data/train/", blind)


    # What the role may not do is told before the job exists …
    lists = make_role("lists-only", SAGEMAKER, allow("s3:ListBucket"))
    code, message = refusal(sagemaker.create_training_job,
                            **request(world, "cannot-read", "true", RoleArn=lists, InputDataConfig=[channel("train", "data/train/")]))
    assert code == "ValidationException"
    assert message.startswith(f'The role "{lists}" does not have "s3:GetObject" permissions on "s3://{BUCKET}/data/train/part-0.txt" given in '
                              "input data source. User: ")
    assert "assumed-role/lists-only/SageMaker is not authorized to perform: s3:GetObject" in message
    code, message = refusal(sagemaker.create_training_job, **request(world, "cannot-write", "true", RoleArn=lists))
    assert code == "ValidationException"
    assert message.startswith(f'The role "{lists}" does not have "s3:PutObject" permissions on '
                              f'"s3://{BUCKET}/models/cannot-write/output/model.tar.gz" given in output data config. ')
    assert refusal(sagemaker.describe_training_job, TrainingJobName="cannot-write")[1] == "Requested resource not found."

    # … and what shows only when it is done fails the job.
    partly = make_role("reads-some", SAGEMAKER, allow("s3:*"), {"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/data/train/part-2.txt"},
        {"Effect": "Deny", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/models/*/output/output.tar.gz"}]})
    job = run(world, "partly-read", "true", RoleArn=partly, InputDataConfig=[channel("train", "data/train/")])
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(
        f"ClientError: Data download failed:Unable to download object s3://{BUCKET}/data/train/part-2.txt (AccessDenied: ")
    assert "assumed-role/reads-some/SageMaker is not authorized to perform: s3:GetObject" in job["FailureReason"]
    job = run(world, "partly-written", "echo w > $SM_OUTPUT_DATA_DIR/w", RoleArn=partly)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(f"ClientError: Artifact upload failed:Unable to upload s3://{BUCKET}/models/partly-written/output/output.tar.gz (AccessDenied: ")


@pytest.mark.parametrize("changes, told", [
    ({"InputDataConfig": [channel("train", "data/train/", CompressionType="Gzip")]}, "CompressionType Gzip is used only in Pipe input mode (in channel train)"),
    ({"AlgorithmSpecification": {"TrainingImage": "pytorch:2", "TrainingInputMode": "File"}}, "The training image pytorch:2"),
    ({"EnableManagedSpotTraining": True}, "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"),
    ({"ResourceConfig": None}, "Value null at 'resourceConfig' failed to satisfy constraint: Member must not be null"),
])
def test_what_cannot_be_done_is_refused_by_name(world, changes, told):
    code, message = refusal(world.client("sagemaker").create_training_job, **request(world, "refused", "true", **changes))
    assert code == "ValidationException" and told in message


def test_quota(world):
    wanted = request(world, "too-many", "true", ResourceConfig={"InstanceType": "ml.c5.2xlarge", "InstanceCount": 17, "VolumeSizeInGB": 1})
    code, message = refusal(world.client("sagemaker").create_training_job, **wanted)
    assert code == "ResourceLimitExceeded"
    assert message.startswith("The account-level service limit 'ml.c5.2xlarge for training job usage' is 16 Instances, with current "
                              "utilization of 0 Instances and a request delta of 17 Instances.")


def test_list(world):
    sagemaker = world.client("sagemaker")
    for letter in "abc":
        run(world, f"listed-{letter}", "true" if letter != "b" else "false")

    def names(**filters):
        return [job["TrainingJobName"] for job in sagemaker.list_training_jobs(NameContains="listed-", **filters)["TrainingJobSummaries"]]

    assert names() == ["listed-a", "listed-b", "listed-c"]
    assert names(SortBy="Name", SortOrder="Descending") == ["listed-c", "listed-b", "listed-a"]
    assert names(StatusEquals="Failed") == ["listed-b"]
    created = sagemaker.describe_training_job(TrainingJobName="listed-b")["CreationTime"]
    assert names(CreationTimeAfter=created) == ["listed-b", "listed-c"]
    assert names(CreationTimeBefore=created) == ["listed-a", "listed-b"]
    pages = sagemaker.get_paginator("list_training_jobs").paginate(NameContains="listed-", PaginationConfig={"PageSize": 1})
    assert [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]] == ["listed-a", "listed-b", "listed-c"]
    code, _ = refusal(sagemaker.list_training_jobs, NextToken="bm90LWhlcmU")
    assert code == "ValidationException"


def test_tags_guard_jobs(world, make_user):
    sagemaker = world.client("sagemaker")
    arn = run(world, "guarded", "true", Tags=[{"Key": "team", "Value": "vision"}])["TrainingJobArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "test"}])
    assert {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]} == {"team": "vision", "stage": "test"}
    speech = make_user("speech", allow("sagemaker:DescribeTrainingJob", StringEquals={"aws:ResourceTag/team": "speech"}))
    vision = make_user("vision", allow("sagemaker:DescribeTrainingJob", StringEquals={"sagemaker:ResourceTag/team": "vision"}))
    assert refusal(world.client_as(speech, "sagemaker").describe_training_job, TrainingJobName="guarded")[0] == "AccessDeniedException"
    assert world.client_as(vision, "sagemaker").describe_training_job(TrainingJobName="guarded")["TrainingJobName"] == "guarded"
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
    assert refusal(world.client_as(vision, "sagemaker").describe_training_job, TrainingJobName="guarded")[0] == "AccessDeniedException"


def test_log_pages(world):
    run(world, "talks", "i=0; while [ $i -lt 25 ]; do echo line $i; i=$((i+1)); done; printf 'bad \\377 byte'; echo; echo ERROR here")
    logs = world.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    assert logs.describe_log_groups(logGroupNamePrefix="/aws/sagemaker")["logGroups"][0]["logGroupName"] == group
    (stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="talks/")["logStreams"]
    assert re.fullmatch(r"talks/algo-1-\d{13}", stream["logStreamName"])
    where = {"logGroupName": group, "logStreamName": stream["logStreamName"]}
    first = logs.get_log_events(**where, startFromHead=True, limit=10)
    assert [event["message"] for event in first["events"]] == [f"line {i}" for i in range(10)]
    second = logs.get_log_events(**where, nextToken=first["nextForwardToken"])
    assert [event["message"] for event in second["events"]] == [f"line {i}" for i in range(10, 25)] + ["bad \ufffd byte", "ERROR here"]
    end = logs.get_log_events(**where, nextToken=second["nextForwardToken"])
    assert end["events"] == [] and end["nextForwardToken"] == second["nextForwardToken"]
    tail = logs.get_log_events(**where, limit=2)
    assert [event["message"] for event in tail["events"]] == ["bad \ufffd byte", "ERROR here"]
    before = logs.get_log_events(**where, nextToken=tail["nextBackwardToken"], limit=1)
    assert [event["message"] for event in before["events"]] == ["line 24"]
    found = logs.filter_log_events(logGroupName=group, logStreamNamePrefix="talks/", filterPattern="ERROR")["events"]
    assert [event["message"] for event in found] == ["ERROR here"]
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, logStreamNames=[stream["logStreamName"]],
                                                            filterPattern="line", PaginationConfig={"PageSize": 10})
    assert [event["message"] for page in pages for event in page["events"]] == [f"line {i}" for i in range(25)]
    assert refusal(logs.get_log_events, logGroupName=group, logStreamName="talks/none")[0] == "ResourceNotFoundException"
    assert refusal(logs.describe_log_streams, logGroupName="/aws/lambda/x")[0] == "ResourceNotFoundException"


@pytest.mark.parametrize("stream", ["x/" + "a" * 300, "a" * 300 + "/x", "../x/y", "x/..", "none/x"])
def test_a_stream_that_cannot_be_there_is_not_there(world, stream):
    run(world, f"streams-{NUMBERS.__next__()}", "echo one")  # so that there is a group
    code, _ = refusal(world.client("logs").get_log_events, logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=stream)
    assert code == "ResourceNotFoundException"


def test_a_server_that_stops_or_crashes_loses_no_job(bare_server):
    server = bare_server.start()
    make_trainer(server)
    for name, number in (("crashed", signal.SIGKILL), ("ended", signal.SIGTERM)):
        server.client("sagemaker").create_training_job(**request(server, name, "(setsid sleep 3333 &); sleep 3334"))
        until_training(server, name)
        status = server.stop(number)
        assert status == (0 if number == signal.SIGTERM else -signal.SIGKILL)
        server.start()
        job = wait(server, name)
        assert job["TrainingJobStatus"] == "Failed"
        assert job["FailureReason"].startswith("InternalServerError: The server stopped while the job was training")
        left = subprocess.run(["pgrep", "-f", "sleep 333[34]"], capture_output=True, text=True, check=False).stdout
        assert left == ""


def test_digits_on_two_workers(world, tmp_path):
    """Real PyTorch DistributedDataParallel through the command line: shards in, checkpoints and model out, 95 percent right."""
    digits = ROOT / "examples/digits"
    subprocess.run([DEBIAN_PYTHON, digits / "prepare.py", "--output", tmp_path, "--shards", "2"], check=True)
    s3 = world.client("s3")
    for path in sorted(tmp_path.rglob("*.npz")):
        s3.upload_file(str(path), BUCKET, f"digits/{path.relative_to(tmp_path)}")
    done = world.trainwarden("train", "run", "--name", "digits", "--role", "trainer", "--instances", "2",
                             "--input", f"train=s3://{BUCKET}/digits/train/", "--input", f"test=s3://{BUCKET}/digits/test/",
                             "--output", f"s3://{BUCKET}/models", "--checkpoints", f"s3://{BUCKET}/checkpoints/digits",
                             "--entry", digits / "train.py", "--hyperparameter", "epochs=8", "--retries", "1", timeout=300)
    assert float(re.findall(r"test_accuracy=([0-9.]+)", done.stdout)[-1]) >= 0.95
    assert "algo-1 | rank 0 of 2: 749 training images from shard-0000.npz" in done.stdout
    assert "algo-2 | rank 1 of 2: 749 training images from shard-0001.npz" in done.stdout
    job = world.client("sagemaker").describe_training_job(TrainingJobName="digits")
    assert job["RetryStrategy"] == {"MaximumRetryAttempts": 1}
    with model_of(world, job) as model:
        assert sorted(model.getnames()) == ["metrics.json", "model.pt"]
    kept = s3.list_objects_v2(Bucket=BUCKET, Prefix="checkpoints/digits/")["Contents"]
    assert [item["Key"].rsplit("/", 1)[1] for item in kept] == [f"epoch-{epoch:03}.pt" for epoch in range(8)]
    assert "digits" in world.trainwarden("train", "ls").stdout
    assert "test_accuracy" in world.trainwarden("train", "logs", "digits").stdout
    assert json.loads(world.trainwarden("train", "describe", "digits", "--json").stdout)["TrainingJobStatus"] == "Completed"


@pytest.mark.parametrize("program", [AWS_V1, AWS_V2])
def test_the_aws_command_line(world, program):
    name = "by-aws-" + ("one" if program == AWS_V1 else "two")
    endpoint = ["--endpoint-url", world.endpoint, "--output", "json"]
    wanted = json.dumps(request(world, name, "echo hello from the worker"))
    created = json.loads(world.aws(*endpoint, "sagemaker", "create-training-job", "--cli-input-json", wanted, program=program).stdout)
    assert created["TrainingJobArn"].endswith(f":training-job/{name}")
    wait(world, name)
    described = json.loads(world.aws(*endpoint, "sagemaker", "describe-training-job", "--training-job-name", name, program=program).stdout)
    assert described["TrainingJobStatus"] == "Completed"
    found = world.aws(*endpoint, "logs", "filter-log-events", "--log-group-name", "/aws/sagemaker/TrainingJobs",
                      "--log-stream-name-prefix", name, program=program)
    assert [event["message"] for event in json.loads(found.stdout)["events"]] == ["hello from the worker"]


def test_an_interrupt_leaves_the_job_to_the_server(world, tmp_path):
    (tmp_path / "endless.sh").write_text("echo at work; sleep 600\n")
    running = subprocess.Popen([BINARY, "train", "run", "--name", "endless", "--role", "trainer", "--output", f"s3://{BUCKET}/models", "--entry",
                                tmp_path / "endless.sh"], env=world.client_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    assert "at work" in running.stdout.readline()
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130 and "endless goes on" in said and "trainwarden train stop endless" in said
    assert world.client("sagemaker").describe_training_job(TrainingJobName="endless")["TrainingJobStatus"] == "InProgress"
    world.trainwarden("train", "stop", "endless")
    assert wait(world, "endless")["TrainingJobStatus"] == "Stopped"


def test_command_line_failures(world, tmp_path):
    (tmp_path / "broken.py").write_text("raise ValueError('no data today')\n")
    failed = world.trainwarden("train", "run", "--role", "trainer", "--output", f"s3://{BUCKET}/models", "--entry", tmp_path / "broken.py",
                               check=False)
    assert failed.returncode == 1
    assert "ValueError: no data today" in failed.stdout and "ExecuteUserScriptError" in failed.stderr
    for arguments, told in (*((([command, "none"], "there is no training job `none`")) for command in ("logs", "describe", "stop", "interrupt")),
                            (["run", "--role", "trainer", "--output", "models", "--entry", tmp_path / "broken.py"], "is not an S3 address"),
                            (["run", "--role", "trainer", "--output", f"s3://{BUCKET}/m", "--entry", "none.py"], "there is no script none.py")):
        done = world.trainwarden("train", *arguments, check=False)
        assert done.returncode == 1 and told in done.stderr
