"""Which region serves a request: the one that is signed for counts only where it is served, and policies decide on the one that serves."""

import datetime
import json
import pathlib
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import botocore.exceptions
import pytest

from conftest import AWS_V1, BINARY, Credentials, Server
from test_sagemaker import BUCKET, channel, request, wait


def client(server, service, region, credentials=None, **config):
    keys = credentials or server.root
    return boto3.client(service, region_name=region, endpoint_url=server.endpoint, aws_access_key_id=keys.access_key_id,
                        aws_secret_access_key=keys.secret_access_key, aws_session_token=keys.session_token or None,
                        config=botocore.config.Config(retries={"max_attempts": 1}, **config))


def refusal(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error.get("Message", ""), caught.value.response


def user(server, name, *documents):
    iam = server.client("iam")
    iam.create_user(UserName=name)
    for number, document in enumerate(documents):
        iam.put_user_policy(UserName=name, PolicyName=f"p{number}", PolicyDocument=json.dumps(document))
    return Credentials.of(iam.create_access_key(UserName=name))


@pytest.fixture(scope="module")
def two():
    """A server of two regions, eu-central-1 the default."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-test-"))
    running = Server(home, "--region", "eu-central-1", "--region", "us-east-1")
    try:
        yield running.start()
    finally:
        running.stop(signal.SIGKILL)
        shutil.rmtree(home, ignore_errors=True)


def get(server, service, region, path="/", sign=None):
    """A GET by hand, signed for that region: status, body, headers."""
    keys = botocore.credentials.Credentials(server.root.access_key_id, server.root.secret_access_key)
    request = botocore.awsrequest.AWSRequest(method="GET", url=server.endpoint + path)
    (sign or (botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth)(keys, service, region)).add_auth(request)
    try:
        with urllib.request.urlopen(urllib.request.Request(request.url, headers=dict(request.headers.items())), timeout=30) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


@pytest.mark.parametrize("region", ["eu-central-1", "x", "US-EAST-1", "us-east-2"])
def test_a_region_that_is_not_served(server, region):
    status, body, headers = get(server, "s3", region)
    assert (status, headers["x-amz-bucket-region"]) == (400, "us-east-1")
    assert "<Code>AuthorizationHeaderMalformed</Code>" in body and "<Region>us-east-1</Region>" in body
    assert f"<Message>The authorization header is malformed; the region &#39;{region}&#39; is wrong; expecting &#39;us-east-1&#39;</Message>" in body
    keys = botocore.credentials.Credentials(server.root.access_key_id, server.root.secret_access_key)
    status, body, _ = get(server, "s3", region, "/bucket/key", sign=botocore.auth.S3SigV4QueryAuth(keys, "s3", region))
    assert status == 400 and "<Code>AuthorizationQueryParametersError</Code>" in body and "<Region>us-east-1</Region>" in body
    for service, call, code in (("sts", "get_caller_identity", "SignatureDoesNotMatch"), ("iam", "list_users", "SignatureDoesNotMatch"),
                                ("sagemaker", "list_training_jobs", "InvalidSignatureException"),
                                ("logs", "describe_log_groups", "InvalidSignatureException")):
        signer = client(server, service, "us-east-1")
        signer._request_signer._region_name = region
        got, message, _ = refusal(getattr(signer, call))
        assert (got, message) == (code, f"Credential should be scoped to a valid region, not '{region}'.")


def test_wrong_credentials_learn_nothing_of_regions(server):
    """An unknown key is an unknown key in every region."""
    stranger = Credentials("AKIAIOSFODNN7EXAMPLE", "x" * 40)
    assert refusal(client(server, "sts", "eu-central-1", stranger).get_caller_identity)[0] == "InvalidClientTokenId"


def test_a_condition_on_the_region_holds(server):
    """Deny unless the region is eu-central-1: signing for it does not make a us-east-1 server be there."""
    deny = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-central-1"}}}]}
    keys = user(server, "only-frankfurt", deny)
    assert refusal(client(server, "logs", "us-east-1", keys).describe_log_groups)[0] == "AccessDeniedException"
    assert refusal(client(server, "logs", "eu-central-1", keys).describe_log_groups)[0] == "InvalidSignatureException"
    assert refusal(client(server, "s3", "us-east-1", keys).list_buckets)[0] == "AccessDenied"
    assert refusal(client(server, "iam", "us-east-1", keys).list_users)[0] == "AccessDenied"


def test_two_regions(two):
    for region in ("eu-central-1", "us-east-1"):
        assert client(two, "sts", region).get_caller_identity()["Account"] == two.account
        client(two, "logs", region).create_log_group(logGroupName=f"in-{region}")
        (group,) = client(two, "logs", region).describe_log_groups()["logGroups"]
        assert group["logGroupName"] == f"in-{region}" and f":logs:{region}:" in group["arn"]
    assert refusal(client(two, "logs", "eu-west-1").describe_log_groups)[0] == "InvalidSignatureException"


def test_a_bucket_is_served_by_its_own_region(two):
    there = client(two, "s3", "eu-central-1")
    there.create_bucket(Bucket="frankfurt", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    there.put_object(Bucket="frankfurt", Key="k", Body=b"bytes")
    # A signature for another region is sent on by its `Region`, which the SDKs follow: then the request is one of that region.
    status, body, headers = get(two, "s3", "us-east-1", "/frankfurt/k")
    assert (status, headers["x-amz-bucket-region"]) == (400, "eu-central-1") and "<Region>eu-central-1</Region>" in body
    assert client(two, "s3", "us-east-1").get_object(Bucket="frankfurt", Key="k")["Body"].read() == b"bytes"
    only = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}}]}
    keys = user(two, "only-virginia", only)
    for region in ("us-east-1", "eu-central-1"):
        assert refusal(client(two, "s3", region, keys).get_object, Bucket="frankfurt", Key="k")[0] == "AccessDenied"
    client(two, "s3", "us-east-1", keys).create_bucket(Bucket="virginia")
    assert client(two, "s3", "us-east-1", keys).get_bucket_location(Bucket="virginia")["LocationConstraint"] is None
    # No region is named by a presigned URL of Version 2: the bucket's counts.
    presigner = client(two, "s3", "us-east-1", keys, signature_version="s3")
    for bucket, status in (("frankfurt", 403), ("virginia", 200)):
        url = presigner.generate_presigned_url("list_objects", Params={"Bucket": bucket})
        try:
            assert urllib.request.urlopen(url, timeout=30).status == status
        except urllib.error.HTTPError as error:
            assert error.code == status


def test_a_copy_reads_its_source_where_that_is(two):
    """Each bucket is of its own region: a request to another one cannot read it by copying."""
    root = client(two, "s3", "eu-central-1")
    root.create_bucket(Bucket="from-frankfurt", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    client(two, "s3", "us-east-1").create_bucket(Bucket="to-virginia")
    root.put_object(Bucket="from-frankfurt", Key="k", Body=b"bytes", Tagging="a=b")

    def copies(name, *statements):
        s3 = client(two, "s3", "us-east-1", user(two, name, {"Version": "2012-10-17", "Statement": list(statements)}))
        upload = client(two, "s3", "us-east-1").create_multipart_upload(Bucket="to-virginia", Key="part")["UploadId"]
        source = {"Bucket": "to-virginia", "CopySource": "from-frankfurt/k"}
        s3.copy_object(Key="k", **source)
        s3.upload_part_copy(Key="part", UploadId=upload, PartNumber=1, **source)
        return client(two, "s3", "us-east-1").get_object(Bucket="to-virginia", Key="k")["Body"].read() == b"bytes"

    def only(effect, actions, region):
        return {"Effect": effect, "Action": actions, "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": region}}}

    anything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    assert copies("copies-anything", anything)
    assert copies("reads-there", only("Allow", "s3:Get*", "eu-central-1"), only("Allow", "s3:Put*", "us-east-1"))
    for number, statements in enumerate(([anything, only("Deny", "s3:*", "eu-central-1")], [anything, only("Deny", "s3:GetObjectTagging", "eu-central-1")],
                                         [only("Allow", "s3:*", "us-east-1")], [only("Allow", "s3:*", "eu-central-1")])):
        with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
            copies(f"copies-not-{number}", *statements)


def test_the_first_answer_names_the_region_of_the_bucket(two):
    """botocore follows one answer and no second: it must be right whatever region the client is set to."""
    client(two, "s3", "us-east-1").create_bucket(Bucket="beyond")
    client(two, "s3", "us-east-1").put_object(Bucket="beyond", Key="k", Body=b"found")
    for region in ("us-west-2", "eu-central-1", "us-east-1"):
        assert client(two, "s3", region).list_objects_v2(Bucket="beyond")["KeyCount"] == 1
        assert client(two, "s3", region).get_object(Bucket="beyond", Key="k")["Body"].read() == b"found"
        assert client(two, "s3", region).head_object(Bucket="beyond", Key="k")["ContentLength"] == 5
    status, body, headers = get(two, "s3", "us-west-2", "/beyond?list-type=2")
    assert (status, headers["x-amz-bucket-region"]) == (400, "us-east-1") and "<Region>us-east-1</Region>" in body
    keys = botocore.credentials.Credentials(two.root.access_key_id, two.root.secret_access_key)
    status, body, headers = get(two, "s3", "us-west-2", "/beyond/k", sign=botocore.auth.S3SigV4QueryAuth(keys, "s3", "us-west-2"))
    assert status == 400 and "<Region>us-east-1</Region>" in body
    status, body, headers = get(two, "s3", "us-west-2", "/no-such-bucket-here")
    assert (status, headers["x-amz-bucket-region"]) == (400, "eu-central-1")


def test_head_bucket_says_the_region_to_everybody(two):
    """What SDKs find a bucket by, most of them without credentials; of everything else, strangers learn nothing of regions."""
    client(two, "s3", "us-east-1").create_bucket(Bucket="headed")

    def region(method, path, keys=None):
        request = botocore.awsrequest.AWSRequest(method=method, url=two.endpoint + path)
        if keys:
            botocore.auth.S3SigV4Auth(keys, "s3", "us-east-1").add_auth(request)
        try:
            with urllib.request.urlopen(urllib.request.Request(request.url, method=method, headers=dict(request.headers.items())), timeout=30) as answer:
                return answer.status, answer.headers["x-amz-bucket-region"]
        except urllib.error.HTTPError as error:
            return error.code, error.headers["x-amz-bucket-region"]

    nobody = user(two, "nobody-of-regions")
    assert region("HEAD", "/headed") == (403, "us-east-1")
    assert region("HEAD", "/headed", botocore.credentials.Credentials(nobody.access_key_id, nobody.secret_access_key)) == (403, "us-east-1")
    assert region("HEAD", "/headed", botocore.credentials.Credentials(nobody.access_key_id, "x" * 40)) == (403, "us-east-1")
    root = botocore.credentials.Credentials(two.root.access_key_id, two.root.secret_access_key)
    assert region("HEAD", "/headed", root) == (200, "us-east-1")
    for path in ("/headed?list-type=2", "/headed"):
        assert region("GET", path, root) == (200, "us-east-1")
    assert region("HEAD", "/no-such-bucket-here") == (404, None)
    assert region("HEAD", "/headed/key") == (403, None)
    assert region("GET", "/headed?policy") == (403, None)
    assert region("GET", "/headed/key") == (403, None)


def test_iam_is_in_one_region(two):
    """As AWS has it: IAM's requests are of us-east-1, whatever region the client is set to; and its questions are answered so."""
    only = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iam:List*", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}}]}
    keys = user(two, "global", only)
    for region in ("us-east-1", "eu-central-1"):
        assert client(two, "iam", region, keys).list_users()["Users"]
    used = client(two, "iam", "us-east-1").get_access_key_last_used(AccessKeyId=keys.access_key_id)["AccessKeyLastUsed"]
    assert used["Region"] == "us-east-1" and used["LastUsedDate"] > datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    arn = f"arn:aws:iam::{two.account}:user/global"
    (asked,) = client(two, "iam", "eu-central-1").simulate_principal_policy(PolicySourceArn=arn, ActionNames=["iam:ListUsers"])["EvaluationResults"]
    assert asked["EvalDecision"] == "allowed"
    # A server that is elsewhere alone answers IAM's own region too: clients that follow AWS's endpoints sign for no other.
    assert client(two, "iam", "us-east-1").list_users()["Users"]


def test_iam_of_a_server_elsewhere(make_server):
    server = make_server("--region", "eu-central-1")
    for region in ("us-east-1", "eu-central-1"):
        assert client(server, "iam", region).list_users()["Users"] == []
    assert refusal(client(server, "sts", "us-east-1").get_caller_identity)[0] == "SignatureDoesNotMatch"
    told = server.trainwarden("env", "--data", str(server.data)).stdout
    assert "export AWS_REGION='eu-central-1'" in told and "export AWS_DEFAULT_REGION='eu-central-1'" in told
    script = f'eval "$({BINARY} env --data {server.data})"; {AWS_V1} sts get-caller-identity --query Account --output text'
    environment = {name: value for name, value in server.environment.items() if not name.startswith("AWS_") or name == "AWS_PAGER"}
    done = subprocess.run(["sh", "-c", script], env=environment, text=True, capture_output=True, timeout=60, check=False)
    assert done.stdout.strip() == server.account, done.stderr
    refused = server.trainwarden("env", "--data", str(server.data), "--region", "eu-west-1", check=False)
    assert refused.returncode == 1 and "it serves eu-central-1" in refused.stderr
    # The command line's own client reads which region a bucket is in.
    environment = {**server.client_environment(), "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
    told = subprocess.run([BINARY, "doctor"], env=environment, text=True, capture_output=True, timeout=60, check=False)
    assert "this server serves eu-central-1" in told.stdout + told.stderr


@pytest.mark.parametrize("arguments, words", [
    (["--region", "Mars"], "`Mars` is not a region name"), (["--region", "eu_central"], "not a region name"),
    (["--region", "eu-west-1", "--region", "eu-west-1"], "given twice")])
def test_regions_that_make_no_sense(tmp_path, arguments, words):
    done = subprocess.run([BINARY, "serve", "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0", *arguments], text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 2 and words in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_bucket_of_a_region_that_is_not_served_any_more(make_server):
    both = make_server("--region", "us-east-1", "--region", "eu-central-1")
    both.client("s3").create_bucket(Bucket="left-behind", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    client(both, "s3", "eu-central-1").put_object(Bucket="left-behind", Key="k", Body=b"kept")
    both.stop()
    one = make_server("--region", "us-east-1", data=both.data, home=both.home)
    assert one.client("s3").get_object(Bucket="left-behind", Key="k")["Body"].read() == b"kept"


def test_a_job_of_another_region(make_server):
    """It is of the region that its request was served by: its ARN, its logs, what it and its worker are told, and where its data is found."""
    server = make_server("--region", "us-east-1", "--region", "eu-central-1")
    server.region = "eu-central-1"  # of this test's clients; the server's default is the other
    s3, iam = server.client("s3"), server.client("iam")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket=BUCKET, Key="data/part", Body=b"some bytes")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    there = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-central-1"}}}]}
    iam.create_role(RoleName="trainer", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName="trainer", PolicyName="there", PolicyDocument=json.dumps(there))
    script = "cat /opt/ml/input/data/train/part; echo; echo region=$AWS_REGION,$AWS_DEFAULT_REGION; echo model > /opt/ml/model/m"
    job = server.client("sagemaker").create_training_job(**request(server, "abroad", script, InputDataConfig=[channel("train", "data/")]))
    assert job["TrainingJobArn"] == f"arn:aws:sagemaker:eu-central-1:{server.account}:training-job/abroad"
    done = wait(server, "abroad")
    assert done["TrainingJobStatus"] == "Completed", done.get("FailureReason")
    logs = server.client("logs")
    lines = [event["message"] for event in logs.filter_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix="abroad/")["events"]]
    assert "some bytes" in lines and "region=eu-central-1,eu-central-1" in lines
    assert s3.head_object(Bucket=BUCKET, Key="models/abroad/output/model.tar.gz")
    elsewhere = client(server, "sagemaker", "us-east-1")
    assert elsewhere.list_training_jobs()["TrainingJobSummaries"] == []
    assert client(server, "logs", "us-east-1").describe_log_groups()["logGroups"] == []
