"""The record of decisions: what is in it (every refusal, of strangers too, whatever bytes they send), and what is never in it or in the
server's log (what jobs and members marked as sensitive carry)."""

import json
import re
import socket
import time
import urllib.error
import urllib.request

import botocore.exceptions
import pytest

from conftest import Credentials


def records(server):
    return [json.loads(line) for line in server.trainwarden("audit", "--json", "-n", "1000").stdout.splitlines()]


def raw(server, head, body=b""):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head.replace(b"HOST", f"127.0.0.1:{server.port}".encode()) + b"Connection: close\r\n"
                           + (f"Content-Length: {len(body)}\r\n".encode() if body else b"") + b"\r\n" + body)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


def test_refused_strangers_are_in_the_record(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="closed")
    s3.put_object(Bucket="closed", Key="k", Body=b"x")
    stranger = server.client_as(None, "s3")
    for call, arguments, action in (("get_object", {"Key": "k"}, "s3:GetObject"), ("put_object", {"Key": "k", "Body": b"y"}, "s3:PutObject"),
                                    ("list_objects_v2", {}, "s3:ListBucket"), ("delete_object", {"Key": "k"}, "s3:DeleteObject")):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            getattr(stranger, call)(Bucket="closed", **arguments)
        assert caught.value.response["Error"]["Code"] == "AccessDenied"
        request_id = caught.value.response["ResponseMetadata"]["RequestId"]
        (record,) = [one for one in records(server) if one["RequestId"] == request_id]
        assert record["Principal"]["Type"] == "Anonymous" and record["ErrorCode"] == "AccessDenied" and record["SourceAddress"] == "127.0.0.1"
        assert [(one["Action"], one["Decision"]) for one in record["Accesses"]] == [(action, "implicitDeny")]
        assert json.loads(server.trainwarden("explain", request_id, "--json").stdout)["Records"][0]["RequestId"] == request_id
    # Of services that take no strangers: nothing was decided, and that it was refused is recorded.
    for service, target in (("iam", None), ("sagemaker", "SageMaker.ListTrainingJobs")):
        request = urllib.request.Request(server.endpoint + "/", data=b"Action=ListUsers&Version=2010-05-08" if target is None else b"{}", headers={
            "Content-Type": "application/x-www-form-urlencoded" if target is None else "application/x-amz-json-1.1", **({"X-Amz-Target": target} if target else {})})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        request_id = caught.value.headers["x-amzn-RequestId"]
        (record,) = [one for one in records(server) if one["RequestId"] == request_id]
        assert record["Principal"]["Type"] == "Anonymous" and record["ErrorCode"].startswith("MissingAuthenticationToken") and record["Accesses"] == []
    # Bad credentials too.
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        server.client_as(Credentials(server.root.access_key_id, "wrong" * 8), "iam").list_users()
    request_id = caught.value.response["ResponseMetadata"]["RequestId"]
    (record,) = [one for one in records(server) if one["RequestId"] == request_id]
    assert record["ErrorCode"] == "SignatureDoesNotMatch" and record["AccessKeyId"] == server.root.access_key_id


def test_no_bytes_keep_a_request_out_of_the_record(server):
    """A record that could not be read would not be there."""
    server.client("s3").create_bucket(Bucket="bytes")
    for agent in (b"\xff\xfe", b"plain", b"\xc3\x28", b"\xed\xa0\x80", b"\xe2\x80\xae", b'"},{"'):
        answer = raw(server, b"GET /bytes/k HTTP/1.1\r\nHost: HOST\r\nUser-Agent: " + agent + b"\r\nReferer: \xff" + agent + b"\r\n")
        request_id = re.search(rb"(?i)x-amz-request-id: (\S+)", answer)[1].decode()
        (record,) = [one for one in records(server) if one["RequestId"] == request_id]
        assert record["ErrorCode"] == "AccessDenied" and record["Accesses"][0]["Resource"] == "arn:aws:s3:::bytes/k"
        assert request_id in server.trainwarden("explain", request_id).stdout


SECRET = "planted-Pa55word"


def job(server, role, **more):
    return {"TrainingJobName": "planted", "AlgorithmSpecification": {"TrainingImage": "host/python3", "TrainingInputMode": "File"}, "RoleArn": role,
            "OutputDataConfig": {"S3OutputPath": "s3://planted/out"}, "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60}, **more}


@pytest.mark.parametrize("more", [
    {"Environment": {"PASSWORD": SECRET + "x" * 600}},  # too long
    {"Environment": {"PASSWORD": SECRET, "1 no name": "x"}},
    {"Environment": {"TRAINWARDEN_SCOPE": SECRET}},
    {"HyperParameters": {"password": SECRET + "x" * 3000}},
    {"HyperParameters": {"k" * 300: SECRET}},
    {"Environment": {"PASSWORD": SECRET}, "TrainingJobName": "not a name"},
    {"Environment": {"PASSWORD": f"{SECRET}' at 'environment' failed to satisfy constraint: {SECRET}", "1 no name": "x"}},
    {"Environment": {"PASSWORD": SECRET}, "RoleArn": "arn:aws:iam::ACCOUNT:role/nobody"},
    {"Environment": {"PASSWORD": SECRET}, "OutputDataConfig": {"S3OutputPath": f"s3://planted/{SECRET}", "KmsKeyId": SECRET}},
])
def test_a_refused_job_s_secrets_are_nowhere(server, more):
    """Not in the record, not in the server's log; the client that sent them may be told."""
    request = job(server, f"arn:aws:iam::{server.account}:role/nobody", **more)
    if "ACCOUNT" in request["RoleArn"]:
        request["RoleArn"] = request["RoleArn"].replace("ACCOUNT", server.account)
    client = server.client("sagemaker")
    client.meta.events.register("provide-client-params.sagemaker.CreateTrainingJob", lambda **_: None)
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        client.create_training_job(**request)
    request_id = caught.value.response["ResponseMetadata"]["RequestId"]
    assert [one for one in records(server) if one["RequestId"] == request_id], "the request itself is recorded"
    in_record = b"".join(path.read_bytes() for path in (server.data / "audit").glob("*"))
    # A place that a request names is in the record, whatever it is called; what the environment holds is not.
    if "OutputDataConfig" not in more:
        assert SECRET.encode() not in in_record
    assert SECRET.encode() not in server.output.read_bytes()


def test_an_error_s_message_does_not_repeat_what_was_asked(server):
    """What was asked is in the record as Parameters, capped; AWS's message of a value that is too long repeats all of it."""
    expression = f"SUM([m1, '{SECRET}'"
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        server.client("cloudwatch").get_metric_data(StartTime=0, EndTime=60, MetricDataQueries=[{"Id": "e1", "Expression": expression * 200}])
    request_id = caught.value.response["ResponseMetadata"]["RequestId"]
    (record,) = [one for one in records(server) if one["RequestId"] == request_id]
    assert record["ErrorMessage"] and SECRET not in record["ErrorMessage"]
    assert "cut: " in record["Parameters"] and len(record["Parameters"]) < 8192
    assert SECRET.encode() not in server.output.read_bytes()


def test_a_verbose_server_logs_requests_and_no_secrets(make_server):
    server = make_server("--verbose")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="told")
    s3.put_object(Bucket="told", Key="a b", Body=b"x")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "told", "Key": "a b"})
    assert urllib.request.urlopen(url).read() == b"x"
    iam = server.client("iam")
    iam.create_user(UserName="told")
    key = iam.create_access_key(UserName="told")["AccessKey"]
    token = server.client("sts").get_session_token()["Credentials"]
    server.client_as(token, "sts").get_caller_identity()
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        s3.get_object(Bucket="told", Key="absent")
    request_id = caught.value.response["ResponseMetadata"]["RequestId"]
    time.sleep(0.2)
    log = server.output.read_text()
    assert re.search(r"debug request method=PUT path=/told/a%20b status=200 microseconds=\d+ operation=s3:PutObject request_id=\S+\n", log)
    assert re.search(rf"request method=GET path=/told/absent status=404 microseconds=\d+ operation=s3:GetObject error=NoSuchKey request_id={request_id}\n", log)
    assert re.search(r"request method=POST path=/ status=200 microseconds=\d+ operation=iam:CreateAccessKey request_id=\S+\n", log)
    for secret in (key["SecretAccessKey"], token["SecretAccessKey"], token["SessionToken"], "Signature", "X-Amz-", server.root.secret_access_key):
        assert secret not in log
