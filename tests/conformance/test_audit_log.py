"""The audit log as the one who has to believe it uses it: what was decided and what was answered, who may read which of it, whether it was
changed, how long it is kept, and as CloudTrail shows it."""
import base64
import contextlib
import datetime
import hashlib
import http.client
import json
import pathlib
import shutil
import signal
import subprocess
import threading
import time

import botocore.exceptions
import pytest
from conftest import BINARY, Credentials, Server, allow, until


def explain(server, request_id):
    return json.loads(server.trainwarden("explain", request_id, "--json").stdout)["Records"][-1]


def request_id_of(answer):
    return answer["ResponseMetadata"]["RequestId"]


def failed(call, code):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == code
    return request_id_of(caught.value.response)


def listed(server, *arguments, **options):
    return [json.loads(line) for line in server.trainwarden("audit", "--json", "-n", "1000", *arguments, **options).stdout.splitlines()]


def verify(server, *arguments):
    done = server.run(BINARY, "audit", "verify", "--data", server.data, *arguments, check=False)
    return done.returncode, done.stdout


# ---- two facts

def test_a_delete_of_a_full_bucket_reads_as_the_failure_that_it_is(server, make_user):
    user = make_user("deleter", allow("s3:*"))
    s3 = server.client_as(user, "s3")
    s3.create_bucket(Bucket="full")
    s3.put_object(Bucket="full", Key="k", Body=b"x")
    request_id = failed(lambda: s3.delete_bucket(Bucket="full"), "BucketNotEmpty")
    record = explain(server, request_id)
    assert (record["Outcome"], record["Status"], record["ErrorCode"]) == ("failed", 409, "BucketNotEmpty")
    assert record["Accesses"][0]["Decision"] == "allowed"
    text = server.trainwarden("explain", request_id).stdout
    assert "BucketNotEmpty" in text and "it was allowed; its answer was an error" in text
    arn = f"arn:aws:iam::{server.account}:user/deleter"
    (line,) = [one for one in server.trainwarden("audit", "--principal", arn).stdout.splitlines() if request_id in one]
    assert "s3:DeleteBucket" in line and "BucketNotEmpty" in line
    used = {one["Action"]: one for one in json.loads(server.trainwarden("audit", "used", arn, "--json").stdout)["Used"]}
    assert used["s3:DeleteBucket"]["Count"] == used["s3:DeleteBucket"]["Failed"] == 1
    assert used["s3:PutObject"]["Failed"] == 0
    assert [one["RequestId"] for one in listed(server, "--principal", arn, "--outcome", "failed")] == [request_id]


def test_what_was_made_and_asked_is_in_the_record_and_no_secret(server):
    iam, s3 = server.client("iam"), server.client("s3")
    answer = iam.create_user(UserName="made")
    record = explain(server, request_id_of(answer))
    assert json.loads(record["Made"])["User"]["Arn"] == answer["User"]["Arn"]
    assert json.loads(record["Parameters"]) == {"UserName": "made"}
    answer = iam.create_access_key(UserName="made")
    record = explain(server, request_id_of(answer))
    assert json.loads(record["Made"])["AccessKey"]["AccessKeyId"] == answer["AccessKey"]["AccessKeyId"]
    assert answer["AccessKey"]["SecretAccessKey"] not in json.dumps(record)
    s3.create_bucket(Bucket="made")
    answer = s3.put_object(Bucket="made", Key="k", Body=b"x")
    made = json.loads(explain(server, request_id_of(answer))["Made"])
    assert made["ETag"] == answer["ETag"]
    answer = server.client("sts").get_session_token()
    record = explain(server, request_id_of(answer))
    assert json.loads(record["Made"])["Credentials"]["AccessKeyId"] == answer["Credentials"]["AccessKeyId"]
    for secret in ("SecretAccessKey", "SessionToken"):
        assert answer["Credentials"][secret] not in json.dumps(record)


def test_what_was_asked_of_s3_is_in_the_record(server, make_user):
    s3 = server.client("s3")
    parameters = lambda answer: json.loads(explain(server, request_id_of(answer))["Parameters"])
    made = lambda answer: json.loads(explain(server, request_id_of(answer))["Made"])
    s3.create_bucket(Bucket="asked")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::asked/secret"}]}
    answer = s3.put_bucket_policy(Bucket="asked", Policy=" " * 3000 + json.dumps(policy, indent=2))
    assert json.loads(parameters(answer)["Policy"]) == policy and "cut" not in parameters(answer)["Policy"]
    flags = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}
    answer = s3.put_public_access_block(Bucket="asked", PublicAccessBlockConfiguration=flags)
    assert parameters(answer)["PublicAccessBlockConfiguration"] == flags and parameters(answer)["Bucket"] == "asked"
    listed_with = parameters(s3.list_objects_v2(Bucket="asked", Prefix="a/", MaxKeys=7))
    assert (listed_with["Bucket"], listed_with["Prefix"], listed_with["MaxKeys"]) == ("asked", "a/", 7)
    key = base64.b64encode(hashlib.sha256(b"customer").digest()).decode()
    request_id = failed(lambda: s3.put_object(Bucket="asked", Key="k", Body=b"body-of-it", SSECustomerAlgorithm="AES256", SSECustomerKey=key), "InvalidRequest")
    text = json.dumps(explain(server, request_id))
    assert key not in text and "body-of-it" not in text
    s3.put_object(Bucket="asked", Key="source", Body=b"x")
    answer = s3.copy_object(Bucket="asked", Key="target", CopySource="asked/source")
    assert parameters(answer)["CopySource"] == "asked/source" and parameters(answer)["Key"] == "target"
    assert made(answer)["CopyObjectResult"]["ETag"] == answer["CopyObjectResult"]["ETag"]
    upload = s3.create_multipart_upload(Bucket="asked", Key="parts")
    assert made(upload)["UploadId"] == upload["UploadId"]
    part = s3.upload_part(Bucket="asked", Key="parts", UploadId=upload["UploadId"], PartNumber=1, Body=b"x")
    assert parameters(part)["UploadId"] == upload["UploadId"] and parameters(part)["PartNumber"] == 1
    done = s3.complete_multipart_upload(Bucket="asked", Key="parts", UploadId=upload["UploadId"], MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert made(done)["ETag"] == done["ETag"]
    # What was refused, too: without permission, of a bucket that is not there, with a wrong signature.
    user = make_user("asks-s3")
    request_id = failed(lambda: server.client_as(user, "s3").get_object(Bucket="asked", Key="k", Range="bytes=0-1"), "AccessDenied")
    assert json.loads(explain(server, request_id)["Parameters"])["Range"] == "bytes=0-1"
    request_id = failed(lambda: server.client_as(user, "s3").get_object(Bucket="not-there-at-all", Key="a/b"), "NoSuchBucket")
    record = explain(server, request_id)
    assert json.loads(record["Parameters"]) == {"Bucket": "not-there-at-all", "Key": "a/b"}
    assert record["Outcome"] == "failed" and request_id not in {one["RequestId"] for one in listed(server, "--refused")}
    wrong = Credentials(user.access_key_id, "wrong", None)
    request_id = failed(lambda: server.client_as(wrong, "s3").get_object(Bucket="asked", Key="tried"), "SignatureDoesNotMatch")
    record = explain(server, request_id)
    assert json.loads(record["Parameters"]) == {"Bucket": "asked", "Key": "tried"} and record["AccessKeyId"] == user.access_key_id
    events = [json.loads(line) for line in server.trainwarden("audit", "export", "--data", server.data, "--format", "cloudtrail").stdout.splitlines()]
    (copied,) = [one for one in events if one.get("requestID") == request_id_of(answer)]
    assert copied["requestParameters"]["bucketName"] == "asked" and copied["requestParameters"]["key"] == "target"
    assert copied["requestParameters"]["x-amz-copy-source"] == "asked/source"
    (tried,) = [one for one in events if one.get("requestID") == request_id]
    assert tried["requestParameters"] == {"bucketName": "asked", "key": "tried"}
    assert tried["userIdentity"] == {"type": "Unknown", "accessKeyId": user.access_key_id}


def test_what_was_granted_and_what_was_tried_is_in_the_record_however_it_is_padded(server, make_user):
    iam = server.client("iam")
    iam.create_user(UserName="padded")
    policy = json.dumps(allow("s3:*"), separators=(",", ":"))
    answer = iam.put_user_policy(UserName="padded", PolicyName="p", PolicyDocument=" " * 5000 + policy + "\n" * 5000)
    assert json.loads(explain(server, request_id_of(answer))["Parameters"]) == {"UserName": "padded", "PolicyName": "p", "PolicyDocument": policy}
    tags = [{"Key": f"{number}" + "k" * 100, "Value": "v" * 250} for number in range(50)]
    answer = iam.create_role(RoleName="padded-role", AssumeRolePolicyDocument=policy_that_trusts(server.account), Tags=tags)
    asked = json.loads(explain(server, request_id_of(answer))["Parameters"])
    assert asked["RoleName"] == "padded-role" and json.loads(asked["AssumeRolePolicyDocument"])["Statement"] and len(asked["Tags"]) == 50
    user = make_user("tries")
    refused = failed(lambda: server.client_as(user, "iam").put_user_policy(UserName="tries", PolicyName="p", PolicyDocument=policy), "AccessDenied")
    assert json.loads(explain(server, refused)["Parameters"])["PolicyDocument"] == policy
    invalid = failed(lambda: iam.create_user(UserName="bad name!"), "ValidationError")
    assert json.loads(explain(server, invalid)["Parameters"]) == {"UserName": "bad name!"}


def policy_that_trusts(account):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}]})


def test_a_request_that_a_crash_interrupts_is_not_answered(make_server):
    server = make_server()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="crash")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "crash", "Key": "half"}).split(str(server.port), 1)[1]
    connection.putrequest("PUT", url)
    connection.putheader("Content-Length", "1000000")
    connection.endheaders(b"x" * 1000)
    until(lambda: [one for one in listed(server, "--action", "s3:PutObject") if one["Outcome"] == "inProgress"], "the upload is decided")
    server.stop(signal.SIGKILL)
    connection.close()
    server.start()
    (record,) = [one for one in listed(server, "--action", "s3:PutObject")]
    assert record["Outcome"] == "notAnswered" and "Status" not in record
    assert "not answered" in server.trainwarden("explain", record["RequestId"]).stdout
    assert [one["RequestId"] for one in listed(server, "--outcome", "notAnswered")] == [record["RequestId"]]
    assert verify(server)[0] == 0


# ---- who may read it

def test_who_lists_everybody_sees_only_whom_they_may_list(server, make_user, make_role):
    secret = make_role("secret", server.account)
    listing = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "trainwarden:ListRequests", "Resource": "*"},
        {"Effect": "Deny", "Action": "trainwarden:ListRequests", "Resource": [secret, secret.replace(":iam:", ":sts:").replace("role/", "assumed-role/") + "/*"]}]}
    auditor = make_user("auditor", listing)
    session = server.client_as(make_user("assumes", allow("sts:AssumeRole")), "sts").assume_role(RoleArn=secret, RoleSessionName="session")
    asked = request_id_of(server.client_as(session, "sts").get_caller_identity())
    seen = server.trainwarden("audit", "--json", "-n", "1000", credentials=auditor)
    records = [json.loads(line) for line in seen.stdout.splitlines()]
    assert records and all(one["Principal"].get("RoleArn") != secret for one in records)
    assert "records are of principals whose requests you may not list" in seen.stderr
    assert [one for one in listed(server) if one["RequestId"] == asked]
    refused = server.trainwarden("audit", "--principal", secret, credentials=auditor, check=False)
    assert refused.returncode == 1 and "AccessDenied" in refused.stderr


def test_pages_and_filters(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="pages")
    for number in range(25):
        s3.put_object(Bucket="pages", Key=f"k{number}", Body=b"x")
    ids, answer = [], None
    call = lambda **more: json.loads(json.dumps(list_requests(server, Action="s3:PutObject", **more)))
    while answer is None or "NextToken" in answer:
        answer = call(MaxResults=10, **({"NextToken": answer["NextToken"]} if answer else {}))
        ids = [one["Accesses"][0]["Resource"] for one in answer["Records"]] + ids
    mine = [one for one in ids if one.startswith("arn:aws:s3:::pages/")]
    assert mine == [f"arn:aws:s3:::pages/k{number}" for number in range(25)]
    assert len(listed(server, "--resource", "arn:aws:s3:::pages/k7")) == 1
    since = listed(server, "--resource", "arn:aws:s3:::pages/k20")[0]["Time"]
    assert [one["Accesses"][0]["Resource"] for one in listed(server, "--action", "s3:PutObject", "--since", since)][:1] == ["arn:aws:s3:::pages/k20"]
    assert not listed(server, "--action", "s3:PutObject", "--until", "2020-01-01T00:00:00Z")
    for bad in ({"NextToken": "xx"}, {"Newer": "n1"}, {"NextToken": "o1.1.1.1", "Newer": "n1.1"}, {"Until": "yesterday"}, {"Outcome": "good"}):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            list_requests(server, **bad)
        assert caught.value.response["Error"]["Code"] == "ValidationException"


MODEL = json.loads((pathlib.Path(__file__).parents[2] / "models/trainwarden.service-2.json").read_text())


def list_requests(server, **arguments):
    """As botocore sends it, by our own model."""
    import tempfile

    import boto3
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder, "trainwarden", "2026-01-01")
        place.mkdir(parents=True)
        (place / "service-2.json").write_text(json.dumps(MODEL))
        session = boto3.Session(region_name=server.region)
        session._loader.search_paths.append(folder)
        client = session.client("trainwarden", endpoint_url=server.endpoint, aws_access_key_id=server.root.access_key_id,
                                aws_secret_access_key=server.root.secret_access_key,
                                config=botocore.config.Config(retries={"total_max_attempts": 1}, parameter_validation=False))
        return client.list_requests(**arguments)


def test_who_follows_the_log_waits_on_the_server(server):
    process = subprocess.Popen([BINARY, "audit", "--tail", "--json", "-n", "1"], env=server.client_environment(), stdout=subprocess.PIPE, text=True)
    try:
        process.stdout.readline()
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, "")), daemon=True)
        reader.start()
        time.sleep(0.5)
        began = cpu_seconds(server)
        time.sleep(3)
        assert cpu_seconds(server) - began < 0.1, "waiting costs nothing"
        asked = request_id_of(server.client("iam").list_users())
        until(lambda: lines, "the record is shown", 5)
        assert json.loads(lines[0])["RequestId"] == asked
        time.sleep(1)
        assert len(lines) == 1, "nothing is shown twice, nor the follower itself"
    finally:
        process.kill()


def cpu_seconds(server):
    fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


# ---- polling and strangers

def test_followers_are_counted_and_refusals_are_not_lost(server, make_user):
    logs = server.client("logs")
    logs.create_log_group(logGroupName="/g")
    logs.create_log_stream(logGroupName="/g", logStreamName="s")
    before = sum(path.stat().st_size for path in (server.data / "audit").glob("requests-*.jsonl"))
    first = request_id_of(logs.get_log_events(logGroupName="/g", logStreamName="s"))
    for _ in range(100):
        logs.get_log_events(logGroupName="/g", logStreamName="s")
    assert sum(path.stat().st_size for path in (server.data / "audit").glob("requests-*.jsonl")) - before < 5000
    assert explain(server, first)["Outcome"] == "succeeded"
    stranger = server.client_as(make_user("no-logs"), "logs")
    # Who looks for something else is recorded with what they look for.
    for pattern in ("a", "b", "a"):
        last = request_id_of(logs.filter_log_events(logGroupName="/g", filterPattern=pattern))
    looked = [json.loads(one["Parameters"])["filterPattern"] for one in listed(server) if one.get("Operation") == "FilterLogEvents" and "Repeated" not in one]
    assert sorted(looked) == ["a", "b"] and last not in {one["RequestId"] for one in listed(server)}
    refused = {failed(lambda: stranger.get_log_events(logGroupName="/g", logStreamName="s"), "AccessDeniedException") for _ in range(5)}
    assert refused <= {one["RequestId"] for one in listed(server, "--refused")}


def test_strangers_do_not_write_into_the_log_of_requests(make_server):
    server = make_server()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="target")
    mine = request_id_of(s3.put_object(Bucket="target", Key="evidence", Body=b"x"))
    size = lambda stream: sum(path.stat().st_size for path in (server.data / "audit").glob(f"{stream}-*.jsonl"))
    before = size("requests")
    keys = "".join(f"<Object><Key>{'k' * 60}{number}</Key></Object>" for number in range(1000))
    body = f"<Delete>{keys}</Delete>"
    for _ in range(16):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        connection.request("POST", "/target?delete", body, {"User-Agent": "u" * 20000, "Referer": "r" * 20000})
        assert connection.getresponse().status in (400, 403)
    assert size("requests") - before < 2000
    assert size("unauthenticated") < 16 * 40_000
    assert explain(server, mine)["Outcome"] == "succeeded"
    refused = [one for one in listed(server, "--refused") if one["Principal"]["Type"] == "Anonymous"]
    assert len(refused) == 16
    # What a stranger is allowed to read is there, too.
    s3.delete_public_access_block(Bucket="target")
    s3.put_bucket_policy(Bucket="target", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::target/*"}]}))
    before = size("requests"), size("unauthenticated")
    allowed = request_id_of(server.client_as(None, "s3").get_object(Bucket="target", Key="evidence"))
    assert size("requests") == before[0] and size("unauthenticated") > before[1]
    assert explain(server, allowed)["Outcome"] == "succeeded"
    server.stop()
    assert verify(server)[0] == 0


def test_a_delete_of_many_keys_reads_as_what_came_of_it(server, make_user):
    owner, user = make_user("keys-owner", allow("s3:*")), make_user("keys-prober")
    server.client_as(owner, "s3").create_bucket(Bucket="many-keys")
    arn = f"arn:aws:iam::{server.account}:user/keys-prober"
    keys = {"Objects": [{"Key": "a"}, {"Key": "b"}]}
    answer = server.client_as(user, "s3").delete_objects(Bucket="many-keys", Delete=keys)
    assert [one["Code"] for one in answer["Errors"]] == ["AccessDenied"] * 2
    record = explain(server, request_id_of(answer))
    assert (record["Outcome"], record["Status"], record["ErrorCode"]) == ("refused", 200, "AccessDenied")
    assert [one["RequestId"] for one in listed(server, "--principal", arn, "--refused")] == [request_id_of(answer)]

    server.client("iam").put_user_policy(UserName="keys-prober", PolicyName="p", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::many-keys/a"}}))
    answer = server.client_as(user, "s3").delete_objects(Bucket="many-keys", Delete=keys)
    assert [one["Key"] for one in answer["Errors"]] == ["b"]
    record = explain(server, request_id_of(answer))
    assert (record["Outcome"], record["Status"]) == ("partlyRefused", 200) and "ErrorCode" not in record
    assert len(listed(server, "--principal", arn, "--refused")) == 2
    assert len(listed(server, "--principal", arn, "--outcome", "partlyRefused")) == 1


@pytest.mark.parametrize("kind", ["deletes of many keys", "reads of a public bucket"])
def test_strangers_write_nothing_into_the_log_of_requests_by_what_is_answered_200(make_server, kind):
    server = make_server()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bait")
    s3.put_object(Bucket="bait", Key="k", Body=b"x")
    if kind == "reads of a public bucket":
        s3.delete_public_access_block(Bucket="bait")
        s3.put_bucket_policy(Bucket="bait", Policy=json.dumps({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bait/*"}}))
    size = lambda stream: sum(one.stat().st_size for one in (server.data / "audit").glob(f"{stream}-*.jsonl"))
    before = size("requests"), size("unauthenticated")
    body = "<Delete>" + "".join(f"<Object><Key>{n}{'k' * 900}</Key></Object>" for n in range(9)) + "</Delete>"
    md5 = base64.b64encode(hashlib.md5(body.encode()).digest()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    for _ in range(100):
        if kind == "reads of a public bucket":
            connection.request("GET", "/bait/k")
        else:
            connection.request("POST", "/bait?delete", body, {"Content-MD5": md5})
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == 200 and (content == b"x" or content.count(b"AccessDenied") == 9)
    assert size("requests") - before[0] < 4096
    assert size("unauthenticated") - before[1] > 100 * 100


def test_requests_that_cannot_be_read_are_recorded(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.putrequest("GET", "/unreadable")
    connection.putheader("User-Agent", "a\x7fb")
    connection.endheaders()
    assert connection.getresponse().status == 400
    found = [one for one in listed(server, "--refused") if one.get("ErrorCode") == "BadRequest" and not one.get("Operation")]
    assert found and found[0]["SourceAddress"] == "127.0.0.1" and found[0]["Status"] == 400


# ---- retention

def test_a_full_log_refuses_what_is_new_or_says_what_it_removed(make_server):
    server = make_server("--audit-keep-bytes", "1M", "--audit-when-full", "refuse")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="fills")
    first = request_id_of(s3.put_object(Bucket="fills", Key="first", Body=b"x"))

    def fill():
        try:
            s3.head_object(Bucket="fills", Key="k" * 900)
        except botocore.exceptions.ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        return False

    until(fill, "the log is full", pause=0)
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        s3.put_object(Bucket="fills", Key="second", Body=b"x")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    until(lambda: "when it is full, requests are answered 503" in server.output.read_text(), "the log says so")
    # Who asks whether requests are served hears so, and who asks whether the process lives does not.
    def status_of(path):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
            connection.request("GET", path)
            return connection.getresponse().status

    until(lambda: status_of("/readyz") == 503, "the server is not ready", timeout=30)
    assert status_of("/healthz") == 200
    server.stop()
    exported = server.trainwarden("audit", "export", "--data", server.data).stdout
    assert first in exported
    server.arguments[server.arguments.index("refuse")] = "remove"
    server.start()
    s3 = server.client("s3")
    until(lambda: fill() or "earlier than the days that were asked for" in server.output.read_text(), "the oldest records are removed", pause=0)
    s3.put_object(Bucket="fills", Key="second", Body=b"x")
    assert [one for one in listed(server) if "earlier than the days" in one.get("Note", "")]
    server.stop()
    assert verify(server)[0] == 0


@pytest.mark.parametrize("arguments", [("--audit-keep-bytes", "1"), ("--audit-keep-bytes", "x"), ("--audit-when-full", "forget"), ("--audit-sync", "never"), ("--audit-keep-days", "-1")])
def test_settings_that_are_none_are_refused(tmp_path, arguments):
    done = subprocess.run([BINARY, "serve", "--data", tmp_path / "data", *arguments], capture_output=True, text=True, timeout=60,
                          env={"HOME": str(tmp_path), "PATH": "/usr/bin"})
    assert done.returncode == 2 and arguments[0] in done.stderr


# ---- evidence

def test_who_changes_the_files_is_found(make_server, tmp_path):
    server = make_server()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="evidence")
    for number in range(30):
        s3.put_object(Bucket="evidence", Key=f"k{number}", Body=b"x")
    server.stop()
    status, text = verify(server)
    assert status == 0 and "requests  holds" in text and "signed up to record" in text
    (log,) = (server.data / "audit").glob("requests-*.jsonl")
    original = log.read_bytes()
    lines = original.splitlines(keepends=True)
    changed = {
        "a key": original.replace(b"evidence/k7", b"evidence/k8", 1),
        "a line less": b"".join(lines[:20] + lines[21:]),
        "two lines in the other order": b"".join(lines[:20] + [lines[21], lines[20]] + lines[22:]),
        "the end": b"".join(lines[:-10]),
    }
    for what, content in changed.items():
        log.write_bytes(content)
        status, text = verify(server)
        assert status == 1 and "requests  does not hold" in text, what
        report = json.loads(verify(server, "--json")[1])
        assert not report["Holds"] and report["Streams"][0]["Finding"], what
    # The server goes on, says so, and no later start hides it.
    log.write_bytes(changed["the end"])
    server.start()
    assert "it was cut off" in server.output.read_text()
    assert [one for one in listed(server) if "it was cut off" in one.get("Note", "")]
    server.stop()
    assert verify(server)[0] == 1
    # A copy is checked with the public key alone, elsewhere.
    log.write_bytes(original)
    copy = tmp_path / "copy"
    shutil.copytree(server.data / "audit", copy / "audit", ignore=shutil.ignore_patterns("key-file", "reserved-space*"))
    (public,) = server.home.glob("config/trainwarden/*.audit-key.pub")
    for option in ("--public-key", "--head"):  # not checked is not changed
        done = server.run(BINARY, "audit", "verify", "--data", copy, "--public-key", public, option, "nosuch", check=False)
        assert done.returncode == 2 and "nosuch" in done.stderr
    done = server.run(BINARY, "audit", "verify", "--data", copy, "--public-key", public, check=False)
    assert done.returncode == 0 and "no head that was kept elsewhere is known" in done.stderr


def test_a_damaged_definition_makes_nobody_of_whom_it_named(make_server):
    """Records refer to what they share by number: where that is damaged, they say so, and the others are as they were."""
    server = make_server()
    iam = server.client("iam")
    iam.create_user(UserName="eve")
    iam.put_user_policy(UserName="eve", PolicyName="p", PolicyDocument=json.dumps(allow("iam:*")))
    eve = Credentials.of(iam.create_access_key(UserName="eve"))
    arn = f"arn:aws:iam::{server.account}:user/eve"
    request_id = request_id_of(server.client_as(eve, "iam").create_user(UserName="made-by-eve"))
    server.stop()
    (log,) = (server.data / "audit").glob("requests-*.jsonl")
    text = bytearray(log.read_bytes())
    text[text.rindex(b'"v":{', 0, text.index(b'"Type":"User","Arn":"' + arn.encode())) + 4] = ord("X")
    log.write_bytes(text)
    assert verify(server)[0] == 1
    server.start()
    record = explain(server, request_id)
    assert "Principal" not in record and record["Operation"] == "CreateUser" and record["Outcome"] == "succeeded"
    assert record["Unreadable"] and "cannot be read" in record["Note"]
    shown = server.trainwarden("explain", request_id).stdout
    assert "anonymous" not in shown and "without credentials" not in shown and "cannot be read" in shown
    # It stands in every answer that it may belong to, and what is whole is shown whole.
    for filters in (["--principal", arn], ["--action", "iam:CreateUser"], []):
        assert request_id in {one["RequestId"] for one in listed(server, *filters)}, filters
    root = [one for one in listed(server) if one.get("Operation") == "CreateAccessKey"]
    assert root[0]["Principal"]["Type"] == "Root" and "Unreadable" not in root[0]
    events = server.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": "eve"}])["Events"]
    (event,) = [json.loads(one["CloudTrailEvent"]) for one in events if one["EventName"] == "CreateUser"]
    assert event["userIdentity"] == {"type": "Unknown"} and event["errorCode"] == "UnreadableRecord" and event["requestID"] == request_id


def test_the_key_lies_outside_and_is_not_replaced_in_silence(make_server):
    server = make_server()
    (key,) = server.home.glob("config/trainwarden/*.audit-key")
    assert key.stat().st_mode & 0o77 == 0 and b"PRIVATE KEY" in key.read_bytes()
    assert not [path for path in server.data.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()]
    server.stop()
    key.rename(key.with_suffix(".away"))
    with pytest.raises(RuntimeError, match="AuditKeyMissing"):
        server.start()
    key.with_suffix(".away").rename(key)
    server.start()


def test_acknowledged_requests_are_in_the_record_after_a_kill(make_server):
    server = make_server()
    server.client("s3").create_bucket(Bucket="kill")
    acknowledged, stop = [], threading.Event()

    def work(number):
        s3 = server.client("s3")
        while not stop.is_set():
            try:
                acknowledged.append(request_id_of(s3.put_object(Bucket="kill", Key=f"k{number}", Body=b"x")))
                acknowledged.append(request_id_of(s3.get_object(Bucket="kill", Key=f"k{number}")))
            except Exception:
                return

    for _ in range(3):
        stop.clear()
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(1.5)
        server.stop(signal.SIGKILL)
        stop.set()
        for thread in threads:
            thread.join()
        server.start()
    exported = {}
    for line in server.trainwarden("audit", "export", "--data", server.data).stdout.splitlines():
        record = json.loads(line)
        exported[record["RequestId"]] = record
    assert len(acknowledged) > 50
    for one in acknowledged:
        assert exported[one]["Outcome"] == "succeeded", one
    server.stop()
    status, text = verify(server)
    assert status == 0, text


def test_the_log_of_an_earlier_version_is_still_read(make_server):
    server = make_server()
    server.stop()
    old = {"Time": "2026-01-31T12:00:00.000Z", "RequestId": "0123456789ABCDEF", "Service": "s3", "Operation": "GetObject",
           "Principal": {"Type": "User", "Arn": f"arn:aws:iam::{server.account}:user/old", "Account": server.account, "Id": "AIDA"},
           "Accesses": [{"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/k", "Decision": "allowed", "DecidedBy": "identity-based policy", "MatchedStatements": [], "Context": {}}]}
    (server.data / "audit/audit-00000001.jsonl").write_text(json.dumps(old, separators=(",", ":")) + "\n")
    server.start()
    record = explain(server, "0123456789ABCDEF")
    assert record["Principal"]["Arn"].endswith("user/old") and record["Outcome"] == "notRecorded"
    assert len(listed(server, "--principal", f"arn:aws:iam::{server.account}:user/old")) == 1
    server.stop()
    assert verify(server)[0] == 0


# ---- as CloudTrail shows it

def test_lookup_events(make_server):
    server = make_server()
    iam, s3, trail = server.client("iam"), server.client("s3"), server.client("cloudtrail")
    created = iam.create_user(UserName="bea", Tags=[{"Key": "team", "Value": "vision"}])
    key = Credentials.of(iam.create_access_key(UserName="bea"))
    s3.create_bucket(Bucket="looked-up")
    s3.put_object(Bucket="looked-up", Key="k", Body=b"x")
    request_id = failed(lambda: server.client_as(key, "iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}"), "AccessDenied")
    look = lambda name, value: trail.lookup_events(LookupAttributes=[{"AttributeKey": name, "AttributeValue": value}])["Events"]
    (event,) = look("Username", "bea")
    full = json.loads(event["CloudTrailEvent"])
    assert (event["EventName"], event["EventSource"], event["ReadOnly"], event["AccessKeyId"]) == ("CreateRole", "iam.amazonaws.com", "false", key.access_key_id)
    assert abs(event["EventTime"] - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(minutes=2)
    assert full["errorCode"] == "AccessDenied" and "bea" in full["errorMessage"] and full["eventID"] == event["EventId"] and full["requestID"] == request_id
    assert full["userIdentity"] == {"type": "IAMUser", "principalId": created["User"]["UserId"], "arn": created["User"]["Arn"], "accountId": server.account,
                                    "accessKeyId": key.access_key_id, "userName": "bea"}
    assert full["eventType"] == "AwsApiCall" and full["eventCategory"] == "Management" and full["managementEvent"] is True and full["readOnly"] is False
    assert full["sourceIPAddress"] == "127.0.0.1" and "Boto3" in full["userAgent"] and full["awsRegion"] == "us-east-1" and full["recipientAccountId"] == server.account
    assert look("EventId", event["EventId"])[0]["EventName"] == "CreateRole"
    (event,) = look("EventName", "CreateUser")
    full = json.loads(event["CloudTrailEvent"])
    assert event["Username"] == "root" and full["userIdentity"]["type"] == "Root"
    assert full["requestParameters"] == {"userName": "bea", "tags": [{"key": "team", "value": "vision"}]}
    assert full["responseElements"]["user"]["arn"] == created["User"]["Arn"]
    assert {"ResourceType": "AWS::IAM::User", "ResourceName": "bea"} in event["Resources"]
    assert {one["EventName"] for one in look("ResourceName", "bea")} >= {"CreateUser", "CreateAccessKey"}
    assert {one["EventName"] for one in look("ResourceName", created["User"]["Arn"])} >= {"CreateUser", "CreateAccessKey"}
    (bucket,) = look("ResourceName", "looked-up")
    assert bucket["EventName"] == "CreateBucket" and look("EventId", bucket["EventId"])[0]["EventName"] == "CreateBucket"
    assert [one["EventName"] for one in look("ResourceType", "AWS::S3::Bucket")] == ["CreateBucket"]
    assert {one["EventName"] for one in look("EventSource", "s3.amazonaws.com")} == {"CreateBucket"}, "data events are not among them"
    assert all(one["ReadOnly"] == "true" for one in look("ReadOnly", "true"))
    assert [one["EventName"] for one in look("AccessKeyId", key.access_key_id)] == ["CreateRole"]
    assert look("EventName", "createuser") == []
    pages = list(trail.get_paginator("lookup_events").paginate(PaginationConfig={"PageSize": 2}))
    names = [event["EventName"] for page in pages for event in page["Events"]]
    assert len(pages) > 2 and names.index("CreateRole") < names.index("CreateBucket") < names.index("CreateUser")
    now = datetime.datetime.now(datetime.timezone.utc)
    assert trail.lookup_events(EndTime=now - datetime.timedelta(days=1))["Events"] == []
    assert trail.lookup_events(StartTime=now - datetime.timedelta(days=1), EndTime=now)["Events"]
    assert trail.lookup_events(EventCategory="insight")["Events"] == []
    # To the end of the second that is shown.
    second = look("EventName", "CreateUser")[0]["EventTime"]
    assert "CreateUser" in {one["EventName"] for one in trail.lookup_events(StartTime=second, EndTime=second)["Events"]}
    for one in trail.lookup_events()["Events"]:
        assert [found["EventId"] for found in look("EventId", one["EventId"])] == [one["EventId"]]
    for bad, code in (({"StartTime": now, "EndTime": now - datetime.timedelta(days=1)}, "InvalidTimeRangeException"),
                      ({"NextToken": "nonsense"}, "InvalidNextTokenException"),
                      ({"NextToken": trail.lookup_events(MaxResults=1)["NextToken"], "StartTime": now - datetime.timedelta(days=1)}, "InvalidNextTokenException"),
                      ({"LookupAttributes": [{"AttributeKey": "ReadOnly", "AttributeValue": "maybe"}]}, "InvalidLookupAttributesException"),
                      ({"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "A"}] * 2}, "InvalidLookupAttributesException")):
        failed(lambda: trail.lookup_events(**bad), code)
    # It needs permission, as anything.
    failed(lambda: server.client_as(key, "cloudtrail").lookup_events(), "AccessDeniedException")
    iam.put_user_policy(UserName="bea", PolicyName="p", PolicyDocument=json.dumps(allow("cloudtrail:LookupEvents")))
    assert server.client_as(key, "cloudtrail").lookup_events()["Events"]
    # With the AWS CLI.
    shown = json.loads(server.aws("cloudtrail", "lookup-events", "--lookup-attributes", "AttributeKey=EventName,AttributeValue=CreateRole", "--endpoint-url", server.endpoint, "--output", "json").stdout)
    assert [one["Username"] for one in shown["Events"]] == ["bea"]


def test_lookup_events_by_the_short_name_that_newer_sdks_send(server):
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials as Keys
    headers = {"X-Amz-Target": "CloudTrail_20131101.LookupEvents", "Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest("POST", server.endpoint + "/", data=b"{}", headers=headers)
    SigV4Auth(Keys(server.root.access_key_id, server.root.secret_access_key), "cloudtrail", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("POST", "/", b"{}", dict(request.headers))
    answer = connection.getresponse()
    assert answer.status == 200 and "Events" in json.loads(answer.read())


def test_export_in_cloudtrail_s_shape(make_server):
    server = make_server()
    iam, s3 = server.client("iam"), server.client("s3")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": server.account}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="trainer", Path="/ml/", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    iam.put_role_policy(RoleName="trainer", PolicyName="p", PolicyDocument=json.dumps(allow("s3:*")))
    user = iam.create_user(UserName="ada")["User"]
    iam.put_user_policy(UserName="ada", PolicyName="p", PolicyDocument=json.dumps(allow("sts:AssumeRole")))
    ada = Credentials.of(iam.create_access_key(UserName="ada"))
    s3.create_bucket(Bucket="exported")
    s3.put_object(Bucket="exported", Key="a/b", Body=b"x")
    session = server.client_as(ada, "sts").assume_role(RoleArn=role["Arn"], RoleSessionName="run")
    request_id = request_id_of(server.client_as(session, "s3").get_object(Bucket="exported", Key="a/b"))
    failed(lambda: server.client_as(None, "s3").get_object(Bucket="exported", Key="a/b"), "AccessDenied")
    events = [json.loads(line) for line in server.trainwarden("audit", "export", "--data", server.data, "--format", "cloudtrail").stdout.splitlines()]
    (event,) = [one for one in events if one["requestID"] == request_id]
    identity = event["userIdentity"]
    assert identity["type"] == "AssumedRole" and identity["arn"] == f"arn:aws:sts::{server.account}:assumed-role/trainer/run"
    assert identity["principalId"] == role["RoleId"] + ":run" and identity["accessKeyId"] == session["Credentials"]["AccessKeyId"]
    assert identity["sessionContext"]["sessionIssuer"] == {"type": "Role", "principalId": role["RoleId"], "arn": role["Arn"], "accountId": server.account, "userName": "trainer"}
    assert identity["sessionContext"]["attributes"]["mfaAuthenticated"] == "false" and identity["sessionContext"]["attributes"]["creationDate"].endswith("Z")
    assert event["eventCategory"] == "Data" and event["managementEvent"] is False and event["readOnly"] is True and event["responseElements"] is None
    assert event["requestParameters"]["bucketName"] == "exported" and event["requestParameters"]["key"] == "a/b"
    assert {"accountId": server.account, "type": "AWS::S3::Object", "ARN": "arn:aws:s3:::exported/a/b"} in event["resources"]
    (assumed,) = [one for one in events if one["eventName"] == "AssumeRole"]
    assert assumed["userIdentity"]["arn"] == user["Arn"] and assumed["responseElements"]["credentials"]["accessKeyId"] == session["Credentials"]["AccessKeyId"]
    assert session["Credentials"]["SessionToken"] not in json.dumps(events)
    (stranger,) = [one for one in events if one["userIdentity"]["type"] == "AWSAccount"]
    assert stranger["userIdentity"] == {"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"} and stranger["errorCode"] == "AccessDenied"
    assert len({one["eventID"] for one in events}) == len(events)
    assert [one["eventTime"] for one in events] == sorted(one["eventTime"] for one in events)
    lines = [json.loads(line) for line in server.trainwarden("audit", "export", "--data", server.data).stdout.splitlines()]
    assert [one for one in lines if one["RequestId"] == request_id][0]["Outcome"] == "succeeded"
    assert server.trainwarden("audit", "export", "--data", server.data, "--until", "2020-01-01T00:00:00Z").stdout == ""


def test_bytes_of_a_session_s_get_object(make_server):
    """At most 600 in the log of requests."""
    server = make_server()
    iam, s3 = server.client("iam"), server.client("s3")
    s3.create_bucket(Bucket="training-data")
    s3.put_object(Bucket="training-data", Key="digits.npz", Body=b"x")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": server.account}, "Action": "sts:AssumeRole"}]}
    iam.create_role(RoleName="trainer", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName="trainer", PolicyName="data", PolicyDocument=json.dumps(allow("s3:GetObject")))
    iam.create_user(UserName="ada")
    iam.put_user_policy(UserName="ada", PolicyName="p", PolicyDocument=json.dumps(allow("sts:AssumeRole")))
    session = server.client_as(Credentials.of(iam.create_access_key(UserName="ada")), "sts").assume_role(RoleArn=f"arn:aws:iam::{server.account}:role/trainer", RoleSessionName="run")
    reader = server.client_as(session, "s3")
    reader.get_object(Bucket="training-data", Key="digits.npz")
    size = lambda: sum(path.stat().st_size for path in (server.data / "audit").glob("requests-*.jsonl"))
    time.sleep(0.1)
    before = size()
    for _ in range(50):
        reader.get_object(Bucket="training-data", Key="digits.npz")
    assert (size() - before) / 50 <= 600


# ---- to another machine

@pytest.mark.parametrize("kind", ["tcp", "udp", "unix"])
def test_records_are_sent_to_syslog(make_server, tmp_path, kind):
    import re
    import socket

    path = tmp_path / "log"
    listener = socket.socket(socket.AF_UNIX if kind == "unix" else socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    listener.settimeout(30)
    if kind == "tcp":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the port is taken again below
    listener.bind(str(path) if kind == "unix" else ("127.0.0.1", 0))
    if kind == "tcp":
        listener.listen()
    address = f"unix:{path}" if kind == "unix" else f"{kind}:127.0.0.1:{listener.getsockname()[1]}"
    server = make_server("--audit-syslog", address)
    server.client("s3").create_bucket(Bucket="sent")
    refused = failed(lambda: server.client_as(None, "s3").get_object(Bucket="sent", Key="k"), "AccessDenied")
    messages, stream = [], b""
    connection = listener.accept()[0] if kind == "tcp" else None
    if connection:
        connection.settimeout(30)
    while not any(refused.encode() in one for one in messages):
        if connection:
            stream += connection.recv(65536)
            while (match := re.match(rb"(\d+) ", stream)) and len(stream) >= match.end() + int(match[1]):
                messages.append(stream[match.end():match.end() + int(match[1])])
                stream = stream[match.end() + int(match[1]):]
        else:
            messages.append(listener.recv(65536))
    (message,) = [one for one in messages if refused.encode() in one]
    head, body = message.split(b"\xef\xbb\xbf", 1)
    assert re.fullmatch(rb"<132>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S+ trainwarden \d+ refused - ", head)
    event = json.loads(body)
    assert event["errorCode"] == "AccessDenied" and event["userIdentity"]["accountId"] == "ANONYMOUS_PRINCIPAL"
    made = [json.loads(one.split(b"\xef\xbb\xbf", 1)[1]) for one in messages if one.startswith(b"<134>1")]
    assert [one for one in made if one["eventName"] == "CreateBucket" and "errorCode" not in one]
    if kind != "tcp":
        return
    # What a server that is away did not take is sent later, also after a restart.
    connection.close()
    listener.close()
    time.sleep(1.5)
    missed = [request_id_of(server.client("iam").create_user(UserName=f"missed-{number}")) for number in range(5)]
    server.stop()
    again = socket.create_server(("127.0.0.1", int(address.rsplit(":", 1)[1])))
    again.settimeout(30)
    server.start()
    connection = again.accept()[0]
    connection.settimeout(30)
    received = b""
    deadline = time.monotonic() + 30
    while not all(one.encode() in received for one in missed) and time.monotonic() < deadline:
        received += connection.recv(65536)
    assert all(one.encode() in received for one in missed)


@pytest.mark.parametrize("address", ["", "http://x", "udp:host", "tcp::514", "unix:relative", "unix:/" + "x" * 200])
def test_a_syslog_address_that_is_none_is_refused(tmp_path, address):
    done = subprocess.run([BINARY, "serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", "--audit-syslog", address or "x"], capture_output=True, text=True, timeout=60,
                          env={"HOME": str(tmp_path), "PATH": "/usr/bin"})
    assert done.returncode == 2 and "--audit-syslog" in done.stderr


# ---- questions in words that exist

@pytest.mark.parametrize("arguments, status, told", [
    (["--action", "GetObject"], 1, "there is no action GetObject: an action is SERVICE:NAME"),
    (["--action", "s3:GetObjct"], 1, "there is no action s3:GetObjct; did you mean s3:GetObject?"),
    (["--action", "s3:HeadBucket"], 1, "there is no action s3:HeadBucket"),
    (["--resource", "s3://bucket/key"], 1, "policies and questions name resources by ARN: arn:aws:s3:::bucket/key"),
    (["--resource", "bucket"], 1, "`bucket` is not an ARN"),
    (["--outcome", "failing"], 2, "--outcome takes one of succeeded, failed, refused, partlyRefused, notAnswered, inProgress, notRecorded, not `failing`"),
    (["--since", "yesterday"], 2, "--since takes a time, not `yesterday`"),
    (["--until", "1w"], 2, "--until takes a time, not `1w`"),
    (["-n", "0"], 2, "--count takes 1 to 1000"),
    (["-n", "1001"], 2, "--count takes 1 to 1000"),
    (["-n", "4294967297"], 2, "--count takes 1 to 1000"),
])
def test_a_filter_that_nothing_is_recorded_under_is_an_error(server, arguments, status, told):
    done = server.trainwarden("audit", *arguments, check=False)
    assert (done.returncode, done.stdout) == (status, "") and told in done.stderr


def test_a_list_that_is_empty_says_so(server):
    for arguments in (["--principal", f"arn:aws:iam::{server.account}:user/nosuch"], ["--resource", "arn:aws:s3:::nosuch/key", "--json"]):
        done = server.trainwarden("audit", *arguments)
        assert (done.stdout, done.stderr) == ("", "no records\n")
    done = server.trainwarden("audit", "--since", "1h", "-n", "1")
    assert len(done.stdout.splitlines()) == 1 and done.stderr == ""
    assert server.trainwarden("audit", "--until", "1h").stdout == ""


def test_what_the_root_user_used_is_not_held_against_policies_that_it_has_none_of(server):
    root = f"arn:aws:iam::{server.account}:root"
    server.client("iam").get_account_summary()
    last = server.trainwarden("audit", "used", root).stdout.splitlines()[-1]
    assert last.endswith("actions; no policy says what the root user may do: it may do everything") and "never used" not in last
    assert json.loads(server.trainwarden("audit", "used", root, "--json").stdout)["Unlimited"] is True


def test_credentials_that_do_not_hold_are_not_shown_as_none(server):
    key = server.root.access_key_id
    request_id = failed(server.client_as(Credentials(key, "wrong"), "iam").list_users, "SignatureDoesNotMatch")
    shown = f"not authenticated, access key {key}"
    assert f"  principal   {shown}" in server.trainwarden("explain", request_id).stdout.splitlines()
    (line,) = [one for one in server.trainwarden("audit", "--refused").stdout.splitlines() if request_id in one]
    assert f"  {shown}  iam ListUsers  " in line
