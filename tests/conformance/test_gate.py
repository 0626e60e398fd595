"""The one gate, seen from outside: who gets in, with which credentials, and what a refusal says."""

import datetime
import json
import pathlib
import re
import subprocess
import urllib.error
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import botocore.exceptions
import pytest
import urllib3

from conftest import AWS_V1, AWS_V2, BINARY, Credentials, allow


def refusal(call, **arguments):
    """Code, status, message and the whole response of a call that must be refused."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"].get("Message", ""), response


def request_id(response):
    return response["ResponseMetadata"]["RequestId"]


def test_caller_identity_of_the_root(server):
    identity = server.client("sts").get_caller_identity()
    assert re.fullmatch(r"\d{12}", identity["Account"])
    assert identity["Arn"] == f"arn:aws:iam::{identity['Account']}:root"
    assert identity["UserId"] == identity["Account"]


@pytest.mark.parametrize("program", [AWS_V1, AWS_V2])
def test_both_generations_of_the_command_line(server, program):
    identity = json.loads(server.aws("sts", "get-caller-identity", "--endpoint-url", server.endpoint, program=program).stdout)
    assert identity["Arn"].endswith(":root")


@pytest.mark.parametrize("aws", [AWS_V1, AWS_V2])
def test_env_moves_every_aws_tool_of_a_shell(server, aws):
    script = f'eval "$({BINARY} env --data {server.data})"; aws sts get-caller-identity --query Account --output text'
    environment = {name: value for name, value in server.environment.items() if not name.startswith("AWS_") or name == "AWS_PAGER"}
    environment["PATH"] = f"{pathlib.Path(aws).parent}:/usr/bin:/bin"
    for shell in ("sh", "bash"):
        done = subprocess.run([shell, "-c", script], env=environment, text=True, capture_output=True, timeout=60, check=False)
        assert (done.returncode, done.stdout.strip()) == (0, server.account), done.stderr


def test_env_makes_a_shell_talk_to_the_server(server):
    script = f'eval "$({BINARY} env --data {server.data})"; {AWS_V1} sts get-caller-identity; echo "token: $AWS_SESSION_TOKEN"'
    done = subprocess.run(["sh", "-c", script], env={**server.environment, "AWS_SESSION_TOKEN": "of another life"}, text=True,
                          capture_output=True, timeout=120)
    assert done.returncode == 0 and server.account in done.stdout, done.stderr
    assert done.stdout.endswith("token: \n")
    absent = subprocess.run([BINARY, "env", "--data", "/nonexistent"], env=server.environment, text=True, capture_output=True, timeout=30)
    assert absent.returncode == 1 and "trainwarden serve --data /nonexistent" in absent.stderr


def test_wrong_secret(server):
    wrong = Credentials(server.root.access_key_id, "x" * 40)
    assert refusal(server.client_as(wrong, "sts").get_caller_identity)[:2] == ("SignatureDoesNotMatch", 403)
    assert refusal(server.client_as(wrong, "s3").list_buckets)[:2] == ("SignatureDoesNotMatch", 403)
    assert refusal(server.client_as(wrong, "sagemaker").list_training_jobs)[:2] == ("InvalidSignatureException", 400)


def test_unknown_key(server):
    stranger = Credentials("AKIAIOSFODNN7EXAMPLE", "x" * 40)
    code, status, message, _ = refusal(server.client_as(stranger, "sts").get_caller_identity)
    assert (code, status, message) == ("InvalidClientTokenId", 403, "The security token included in the request is invalid.")
    code, status, message, _ = refusal(server.client_as(stranger, "s3").list_buckets)
    assert (code, status, message) == ("InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records.")
    assert refusal(server.client_as(stranger, "sagemaker").list_training_jobs)[:2] == ("UnrecognizedClientException", 400)


def test_temporary_credentials_and_tampered_tokens(server, make_user, make_role):
    user = make_user("temporary", allow("sts:AssumeRole"))
    role = make_role("temporary-role", f"arn:aws:iam::{server.account}:user/temporary")
    session = server.client_as(user, "sts").assume_role(RoleArn=role, RoleSessionName="tests")
    good = Credentials.of(session)
    identity = server.client_as(good, "sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{server.account}:assumed-role/temporary-role/tests"
    assert identity["UserId"] == session["AssumedRoleUser"]["AssumedRoleId"]

    token = good.session_token
    middle = len(token) // 2
    flipped = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1:]
    for bad in (flipped, token[:-4], token + "AAAA", "nonsense"):
        tampered = Credentials(good.access_key_id, good.secret_access_key, bad)
        assert refusal(server.client_as(tampered, "sts").get_caller_identity)[:2] == ("InvalidClientTokenId", 403)
        assert refusal(server.client_as(tampered, "s3").list_buckets)[:2] == ("InvalidToken", 400)
    # A session's keys without its token, and a long-term key with somebody's token, are nobody's.
    keys_alone = Credentials(good.access_key_id, good.secret_access_key)
    assert refusal(server.client_as(keys_alone, "sts").get_caller_identity)[0] == "InvalidClientTokenId"
    mixed = Credentials(user.access_key_id, user.secret_access_key, token)
    assert refusal(server.client_as(mixed, "sts").get_caller_identity)[0] == "InvalidClientTokenId"


def signed(server, when, service="sts", path="/", body=b"Action=GetCallerIdentity&Version=2011-06-15", method="POST"):
    """A request signed by the root as if it were `when`."""
    keys = botocore.credentials.Credentials(server.root.access_key_id, server.root.secret_access_key)
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    request = botocore.awsrequest.AWSRequest(method=method, url=server.endpoint + path, data=body, headers=headers)
    signer = (botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth)(keys, service, server.region)
    request.context["timestamp"] = when.strftime("%Y%m%dT%H%M%SZ")
    signer._modify_request_before_signing(request)
    canonical = signer.canonical_request(request)
    signer._inject_signature_to_request(request, signer.signature(signer.string_to_sign(request, canonical), request))
    return urllib.request.Request(request.url, data=body or None, headers=dict(request.headers.items()), method=method)


def send(request):
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read().decode(), response.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def test_clock_skew(server):
    assert send(signed(server, now()))[0] == 200
    assert send(signed(server, now() - datetime.timedelta(minutes=10)))[0] == 200
    for minutes, words in ((-20, "Signature expired"), (20, "Signature not yet current")):
        status, body, _ = send(signed(server, now() + datetime.timedelta(minutes=minutes)))
        assert status == 403 and "<Code>SignatureDoesNotMatch</Code>" in body and words in body
        status, body, _ = send(signed(server, now() + datetime.timedelta(minutes=minutes), "s3", "/", b"", "GET"))
        assert status == 403 and "<Code>RequestTimeTooSkewed</Code>" in body


def test_anonymous(server):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, body, headers = send(urllib.request.Request(server.endpoint + "/", b"Action=ListUsers&Version=2010-05-08", form, method="POST"))
    assert status == 403 and "<Code>MissingAuthenticationToken</Code>" in body and headers["x-amzn-requestid"]
    json_headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.ListTrainingJobs"}
    status, body, _ = send(urllib.request.Request(server.endpoint + "/", b"{}", json_headers, method="POST"))
    assert status == 400 and "MissingAuthenticationTokenException" in body
    status, body, headers = send(urllib.request.Request(server.endpoint + "/no-such-bucket/key"))
    assert status == 404 and "<Code>NoSuchBucket</Code>" in body and headers["x-amz-request-id"]
    server.client("s3").create_bucket(Bucket="closed")
    status, body, _ = send(urllib.request.Request(server.endpoint + "/closed/key"))
    assert status == 403 and "<Code>AccessDenied</Code><Message>Access Denied</Message>" in body


def test_two_credentials_at_once_are_refused(server):
    request = signed(server, now(), "s3", "/", b"", "GET")
    scope = "AKIAIOSFODNN7EXAMPLE%2F20260101%2Fus-east-1%2Fs3%2Faws4_request"
    request.full_url += (f"?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={scope}&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60"
                         "&X-Amz-SignedHeaders=host&X-Amz-Signature=" + "0" * 64)
    status, body, _ = send(request)
    assert status == 400 and "<Code>InvalidArgument</Code>" in body


def test_operations_that_do_not_exist_say_so(server):
    code, status, message, _ = refusal(server.client("iam").create_virtual_mfa_device, VirtualMFADeviceName="d")
    assert code == "InvalidAction" and "CreateVirtualMFADevice" in message
    code, status, message, _ = refusal(server.client("sagemaker").list_models)
    assert (code, status) == ("UnknownOperationException", 400) and "ListModels" in message


@pytest.mark.parametrize("service, operation, code", [
    ("ec2", "describe_instances", "InvalidAction"), ("sqs", "list_queues", "UnknownOperationException"),
    ("cloudformation", "list_stacks", "InvalidAction"), ("dynamodb", "list_tables", "UnknownOperationException"),
    ("lambda", "list_functions", "UnknownOperationException"), ("cloudfront", "list_distributions", "NotImplemented"),
])
def test_services_that_are_not_served_say_so(server, service, operation, code):
    """Whatever protocol the service speaks, its client reads which service it is that is missing."""
    got, status, message, _ = refusal(getattr(server.client(service), operation))
    assert (got, status) == (code, 501 if code == "NotImplemented" else 400)
    assert f"The service {service} is not served here" in message
    record = json.loads(server.trainwarden("audit", "--refused", "-n", "1", "--json").stdout.strip().splitlines()[-1])
    assert service in json.dumps(record)
    assert record["AccessKeyId"] == server.root.access_key_id  # which signed it, though it was not looked at


def test_an_unsigned_form_is_not_read(server):
    """Whatever it asks of whom: without a signature nothing there is allowed, so that its body costs nothing."""
    for body in ("Action=RunInstances&Version=2016-11-15", "Action=ListUsers&Version=2010-05-08", "", "%zz"):
        answer = urllib3.request("POST", server.endpoint, body=body.encode(), headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status == 403 and "<Code>MissingAuthenticationToken</Code>" in answer.data.decode()


def test_bad_input_is_named(server):
    sts = server.client("sts", config=botocore.config.Config(parameter_validation=False))
    role = f"arn:aws:iam::{server.account}:role/r"
    code, status, message, _ = refusal(sts.assume_role, RoleArn=role, RoleSessionName="tests", DurationSeconds=60)
    assert (code, status) == ("ValidationError", 400)
    assert "Value '60' at 'durationSeconds' failed to satisfy constraint" in message
    code, _, message, _ = refusal(sts.assume_role, RoleArn=role, RoleSessionName="tests", SerialNumber="arn:aws:iam::123456789012:mfa/x", TokenCode="123456")
    assert code == "ValidationError" and "SerialNumber" in message


def test_roles_are_not_for_the_root_and_not_for_strangers(server, make_user, make_role):
    role = make_role("guarded", "ec2.amazonaws.com")
    code, _, message, _ = refusal(server.client("sts").assume_role, RoleArn=role, RoleSessionName="tests")
    assert (code, message) == ("AccessDenied", "Roles may not be assumed by root accounts.")
    sts = server.client_as(make_user("outsider", allow("sts:*")), "sts")
    wordings = set()
    for arn in (role, f"arn:aws:iam::{server.account}:role/absent"):
        code, status, message, _ = refusal(sts.assume_role, RoleArn=arn, RoleSessionName="tests")
        assert (code, status) == ("AccessDenied", 403)
        assert message.startswith(f"User: arn:aws:iam::{server.account}:user/outsider is not authorized to perform: sts:AssumeRole on resource: {arn}")
        wordings.add(message.replace(arn, "ROLE"))
    assert len(wordings) == 1  # nobody learns which roles there are


def test_trust_conditions(server, make_user):
    user = make_user("partner", allow("sts:AssumeRole", "sts:TagSession"))
    trust = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{server.account}:user/partner"}, "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "the-contract"}, "StringLike": {"sts:RoleSessionName": "run-*"}}}]}
    arn = server.client("iam").create_role(RoleName="contract", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    sts = server.client_as(user, "sts")
    good = {"RoleArn": arn, "RoleSessionName": "run-1", "ExternalId": "the-contract"}
    assert sts.assume_role(**good)["Credentials"]
    without = {name: value for name, value in good.items() if name != "ExternalId"}
    assert refusal(sts.assume_role, **without)[0] == "AccessDenied"
    assert refusal(sts.assume_role, **{**good, "ExternalId": "another"})[0] == "AccessDenied"
    assert refusal(sts.assume_role, **{**good, "RoleSessionName": "other"})[0] == "AccessDenied"
    # Tags need sts:TagSession in the trust policy too, a source identity needs sts:SetSourceIdentity.
    assert "sts:TagSession" in refusal(sts.assume_role, **good, Tags=[{"Key": "a", "Value": "b"}])[2]
    assert "sts:SetSourceIdentity" in refusal(sts.assume_role, **good, SourceIdentity="ada")[2]


def test_roles_by_their_tags(server, make_user, make_role):
    user = make_user("by-tag", allow("sts:AssumeRole", StringEquals={"aws:ResourceTag/team": "red"}))
    sts = server.client_as(user, "sts")
    red = make_role("red-role", f"arn:aws:iam::{server.account}:root", Tags=[{"Key": "team", "Value": "red"}])
    blue = make_role("blue-role", f"arn:aws:iam::{server.account}:root", Tags=[{"Key": "team", "Value": "blue"}])
    assert sts.assume_role(RoleArn=red, RoleSessionName="tests")["Credentials"]
    assert refusal(sts.assume_role, RoleArn=blue, RoleSessionName="tests")[0] == "AccessDenied"


def test_session_policy_and_chaining(server, make_user, make_role):
    user = make_user("chainer", allow("sts:AssumeRole"))
    first = make_role("first", f"arn:aws:iam::{server.account}:user/chainer", allow("sts:AssumeRole", "iam:ListUsers", "iam:ListRoles"))
    second = make_role("second", first)
    session = server.client_as(user, "sts").assume_role(RoleArn=first, RoleSessionName="tests", Policy=json.dumps(allow("iam:ListUsers", "sts:AssumeRole")))
    assert server.client_as(session, "iam").list_users()["Users"]
    code, _, message, _ = refusal(server.client_as(session, "iam").list_roles)
    assert code == "AccessDenied" and "because no session policy allows the iam:ListRoles action" in message
    sts = server.client_as(session, "sts")
    assert sts.assume_role(RoleArn=second, RoleSessionName="tests")["Credentials"]
    code, _, message, _ = refusal(sts.assume_role, RoleArn=second, RoleSessionName="tests", DurationSeconds=7200)
    assert code == "ValidationError" and "role chaining" in message


def test_session_tokens(server, make_user):
    user = make_user("token", allow("iam:ListUsers"))
    session = server.client_as(user, "sts").get_session_token(DurationSeconds=900)
    assert server.client_as(session, "sts").get_caller_identity()["Arn"].endswith(":user/token")
    left = session["Credentials"]["Expiration"] - now()
    assert datetime.timedelta(minutes=14) < left <= datetime.timedelta(minutes=15)
    code, _, message, _ = refusal(server.client_as(session, "sts").get_session_token)
    assert (code, message) == ("AccessDenied", "Cannot call GetSessionToken with session credentials")


def test_access_key_info(server, make_user):
    user = make_user("keyed")
    assert server.client("sts").get_access_key_info(AccessKeyId=user.access_key_id)["Account"] == server.account
    assert refusal(server.client_as(user, "sts").get_access_key_info, AccessKeyId=user.access_key_id)[0] == "AccessDenied"


def test_a_refusal_is_explained(server, make_user):
    deny = {"Version": "2012-10-17", "Statement": [{"Sid": "NoRoles", "Effect": "Deny", "Action": "iam:ListRoles", "Resource": "*"}]}
    user = make_user("ada", deny)
    iam = server.client_as(user, "iam")
    code, status, message, response = refusal(iam.list_users)
    assert (code, status) == ("AccessDenied", 403)
    assert message == (f"User: arn:aws:iam::{server.account}:user/ada is not authorized to perform: iam:ListUsers on resource: "
                       f"arn:aws:iam::{server.account}:user/ because no identity-based policy allows the iam:ListUsers action")
    (record,) = json.loads(server.trainwarden("explain", request_id(response), "--json").stdout)["Records"]
    assert record["Operation"] == "ListUsers" and record["Principal"]["Arn"].endswith(":user/ada")
    (access,) = record["Accesses"]
    assert access["Decision"] == "implicitDeny" and access["MissingAllowIn"] == ["identity-based policy"]
    assert '"Action":"iam:ListUsers"' in access["Advice"][0]

    code, _, message, response = refusal(iam.list_roles)
    assert "with an explicit deny in an identity-based policy" in message
    text = server.trainwarden("explain", request_id(response)).stdout
    assert "refused  iam:ListRoles" in text and "`NoRoles`" in text and "policy-0" in text
    # Asking needs permission too.
    done = server.trainwarden("explain", request_id(response), credentials=user, check=False)
    assert done.returncode == 1 and "not authorized to perform: trainwarden:ExplainRequest" in done.stderr
    done = server.trainwarden("explain", "no-such-request", check=False)
    assert done.returncode == 1 and "no request `no-such-request`" in done.stderr


def test_questions_before_anybody_asks(server, make_user):
    make_user("reader", allow("s3:GetObject", resource="arn:aws:s3:::shelf/*"))
    make_user("night-reader", allow("s3:GetObject", resource="arn:aws:s3:::shelf/*", StringEquals={"aws:UserAgent": "owl"}))
    server.client("s3").create_bucket(Bucket="shelf")
    book = "arn:aws:s3:::shelf/book"

    def who_can(*arguments):
        answer = json.loads(server.trainwarden("who-can", "s3:GetObject", book, "--json", *arguments).stdout)
        return {who["Principal"].get("RoleArn", who["Principal"].get("Arn", "*")).rsplit(":", 1)[-1] for who in answer["Principals"]}

    assert who_can() >= {"root", "user/reader"}
    assert "user/night-reader" not in who_can() and "*" not in who_can()
    assert "user/night-reader" in who_can("--context", "aws:UserAgent=owl")
    reader = f"arn:aws:iam::{server.account}:user/reader"
    question = ("explain", "--as", reader, "--action", "s3:DeleteObject", "--resource", book)
    assert json.loads(server.trainwarden(*question, "--json").stdout)["Access"]["Decision"] == "implicitDeny"
    assert "refused  s3:DeleteObject" in server.trainwarden(*question).stdout
    done = server.trainwarden("explain", "--as", reader, check=False)
    assert done.returncode == 2 and "--action" in done.stderr


def test_what_was_used_of_what_was_granted(server, make_user):
    iam = server.client_as(make_user("frugal", allow("iam:List*")), "iam")
    iam.list_users()
    iam.list_users()
    used = json.loads(server.trainwarden("audit", "used", f"arn:aws:iam::{server.account}:user/frugal", "--json").stdout)
    assert [(use["Action"], use["Count"]) for use in used["Used"]] == [("iam:ListUsers", 2)]
    assert "iam:ListUsers" in used["GrantedActions"] and "iam:ListRoles" in used["UnusedActions"]
    assert "iam:ListUsers" not in used["UnusedActions"] and not any(action.startswith("s3:") for action in used["GrantedActions"])


def test_the_record_holds_every_decision_and_no_secret(server, make_user):
    user = make_user("recorded", allow("iam:ListUsers"))
    server.client_as(user, "iam").list_users()
    lines = server.trainwarden("audit", "--principal", f"arn:aws:iam::{server.account}:user/recorded", "--json").stdout.splitlines()
    (record,) = [json.loads(line) for line in lines]
    assert record["Operation"] == "ListUsers" and record["Accesses"][0]["MatchedStatements"][0]["PolicyName"]
    everything = "".join(path.read_text() for path in (server.data / "audit").glob("*.jsonl"))
    assert user.access_key_id in everything
    assert server.root.secret_access_key not in everything and user.secret_access_key not in everything


def start_by_hand(server, *arguments):
    """A server that is expected to fail; its CompletedProcess."""
    return subprocess.run([BINARY, "serve", "--data", str(server.data), "--listen", "127.0.0.1:0", *map(str, arguments)], env=server.environment,
                          text=True, capture_output=True, timeout=60)


def test_the_root_credentials_come_back_after_a_crash_in_between(make_server):
    server = make_server()
    file = server.data / "root-credentials"
    before = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600 and server.data.stat().st_mode & 0o777 == 0o700
    assert server.stop() == 0
    # What a kill between the first commit and the writing of the file leaves.
    file.unlink()
    (server.data / "root-credentials.due").touch()
    server.start()
    assert file.read_text() == before and not (server.data / "root-credentials.due").exists()


def test_root_credentials_that_were_deleted_stay_away(make_server):
    server = make_server()
    server.stop()
    (server.data / "root-credentials").unlink()
    server.start(root=server.root)
    assert not (server.data / "root-credentials").exists()


def test_one_server_a_folder_and_the_right_key(make_server):
    server = make_server()
    second = start_by_hand(server)
    assert second.returncode == 1 and "another server uses the data folder" in second.stderr
    server.stop()
    wrong = server.home / "wrong.key"
    wrong.write_text("ab" * 32)
    wrong.chmod(0o600)
    assert "is not the master key that the data folder" in start_by_hand(server, "--master-key-file", wrong).stderr
    wrong.write_text("00" * 32)
    assert "does not hold a master key" in start_by_hand(server, "--master-key-file", wrong).stderr
    wrong.chmod(0o644)
    assert "can be read by others" in start_by_hand(server, "--master-key-file", wrong).stderr
    (key,) = (server.home / "config/trainwarden").glob("*.key")
    key.rename(server.home / "moved.key")
    assert "is not at" in start_by_hand(server).stderr
    server.arguments = ["--master-key-file", str(server.home / "moved.key")]
    server.start()
    assert list(server.home.glob("*.audit-key-file")), "where the key of the audit log is stands beside the master key"


@pytest.mark.parametrize("words, said", [
    (["nonsense"], "unknown command `nonsense` for `trainwarden`"), (["stack", "nonsense"], "unknown command `nonsense` for `trainwarden stack`"),
    (["up", "--nonsense"], "has no option --nonsense"), ([], "Every principal that may do an action"),
])
def test_a_wrong_command_line_is_named(server, words, said):
    done = server.trainwarden(*words, check=False)
    assert done.returncode == 2 and said in done.stderr


def test_doctor(server):
    report = json.loads(server.trainwarden("doctor", "--json", check=False).stdout)
    assert any(check["Finding"] == "ok" and ":root" in check["What"] for check in report)
    done = server.trainwarden("doctor", "--json", credentials=Credentials(server.root.access_key_id, "x" * 40), check=False)
    assert done.returncode == 1 and any(check["Finding"] == "problem" for check in json.loads(done.stdout))
