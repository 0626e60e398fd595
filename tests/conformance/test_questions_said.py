"""What a question is about without saying it: which sessions have the ARN, which region, which job SageMaker acts for. What is answered is what
a request then gets."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from conftest import Credentials, allow
from test_sagemaker import BUCKET, make_trainer, request


def refused(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"), error
        return True
    return False


def ask(server, *arguments):
    return json.loads(server.trainwarden("explain", *arguments, "--json").stdout)


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture(scope="module")
def bucket(server):
    make_trainer(server)
    server.client("s3").put_object(Bucket=BUCKET, Key="k", Body=b"x")
    iam = server.client("iam")
    iam.create_user(UserName="opener")
    server.opener = Credentials.of(iam.create_access_key(UserName="opener"))
    iam.put_user_policy(UserName="opener", PolicyName="p", PolicyDocument=json.dumps(allow("sts:*")))
    return BUCKET


def role_for_sessions(server, name, *documents):
    iam = server.client("iam")
    trust = policy({"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{server.account}:user/opener"},
                    "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    for number, document in enumerate(documents):
        iam.put_role_policy(RoleName=name, PolicyName=f"p{number}", PolicyDocument=json.dumps(document))
    return arn


def test_a_session_is_asked_about_with_what_it_was_made_with(server, bucket):
    key = f"arn:aws:s3:::{bucket}/k"
    red = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}},
        {"Effect": "Allow", "Action": "s3:GetBucketTagging", "Resource": "*", "Condition": {"StringEquals": {"aws:SourceIdentity": "ada"}}}]}
    role = role_for_sessions(server, "cut", red)
    sts = server.client_as(server.opener, "sts")
    only_listing = json.dumps(allow("s3:ListBucket"))
    made = {"cut": {"Policy": only_listing, "Tags": [{"Key": "team", "Value": "red"}]}, "tagged": {"Tags": [{"Key": "team", "Value": "red"}]},
            "named": {"SourceIdentity": "ada"}, "plain": {}}
    asked = [("s3:GetObject", key, "get_object", {"Bucket": bucket, "Key": "k"}), ("s3:ListBucket", f"arn:aws:s3:::{bucket}", "list_objects_v2", {"Bucket": bucket}),
             ("s3:GetBucketTagging", f"arn:aws:s3:::{bucket}", "get_bucket_tagging", {"Bucket": bucket})]
    seen = set()
    for name, more in made.items():
        session = sts.assume_role(RoleArn=role, RoleSessionName=name, **more)
        arn, client = session["AssumedRoleUser"]["Arn"], server.client_as(Credentials.of(session), "s3")
        for action, resource, call, arguments in asked:
            answer = ask(server, "--as", arn, "--action", action, "--resource", resource)
            assert "The session that lives is meant" in answer["Note"]
            try:
                was_refused = refused(getattr(client, call), **arguments)
            except AssertionError as error:
                assert "NoSuchTagSet" in str(error)
                was_refused = False
            assert (answer["Access"]["Decision"] != "allowed") == was_refused, (name, action)
            operation = "s3:" + {"get_object": "GetObject", "list_objects_v2": "ListObjectsV2", "get_bucket_tagging": "GetBucketTagging"}[call]
            whole = ask(server, "--as", arn, "--operation", operation, "--input", json.dumps(arguments))
            assert (whole["Decision"] == "refused") == was_refused
            seen.add(was_refused)
    assert seen == {True, False}
    text = server.trainwarden("explain", "--as", f"arn:aws:sts::{server.account}:assumed-role/cut/cut", "--action", "s3:GetObject", "--resource", key).stdout
    assert "no session policy allows" in text.lower() or "session policy" in text
    nobody = ask(server, "--as", f"arn:aws:sts::{server.account}:assumed-role/cut/nobody", "--action", "s3:ListBucket", "--resource", f"arn:aws:s3:::{bucket}")
    assert nobody["Access"]["Decision"] == "allowed" and nobody["Note"].startswith("No session of this name is known to live")
    user = ask(server, "--as", f"arn:aws:iam::{server.account}:user/opener", "--action", "s3:ListBucket", "--resource", f"arn:aws:s3:::{bucket}")
    assert "Note" not in user


def test_several_sessions_of_one_name(server, bucket):
    role = role_for_sessions(server, "several", allow("s3:*"))
    sts = server.client_as(server.opener, "sts")
    key = f"arn:aws:s3:::{bucket}/k"
    for more in ({}, {}, {"Policy": json.dumps(allow("s3:ListBucket"))}):
        session = sts.assume_role(RoleArn=role, RoleSessionName="one", **more)
        import time
        time.sleep(1.1)  # when a session began is known to the second
    arn = session["AssumedRoleUser"]["Arn"]
    answer = ask(server, "--as", arn, "--action", "s3:GetObject", "--resource", key)
    assert answer["Access"]["Decision"] == "implicitDeny"  # the newest's
    assert answer["Note"].startswith("3 sessions of this name live.") and answer["Note"].endswith("2 of them are decided otherwise.")
    listing = ask(server, "--as", arn, "--action", "s3:ListBucket", "--resource", f"arn:aws:s3:::{bucket}")
    assert listing["Access"]["Decision"] == "allowed" and listing["Note"].endswith("The others are decided likewise.")
    # A bucket's policy that names the session: each is listed by when it began.
    server.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy(
        {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}))
    found = json.loads(server.trainwarden("who-can", "s3:GetObject", key, "--json").stdout)["Principals"]
    server.client("s3").delete_bucket_policy(Bucket=bucket)
    named = [one["Principal"]["Name"] for one in found if one["Principal"].get("Name", "").startswith(arn)]
    assert len(named) == 3 and all(", the session of 20" in name for name in named)
    # With the role gone and made anew, no session of it lives.
    iam = server.client("iam")
    iam.delete_role_policy(RoleName="several", PolicyName="p0")
    iam.delete_role(RoleName="several")
    role_for_sessions(server, "several", allow("s3:*"))
    assert ask(server, "--as", arn, "--action", "s3:GetObject", "--resource", key)["Note"].startswith("No session")


def sagemaker_role(server, name, condition):
    trust = policy({"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole", "Condition": condition})
    arn = server.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    server.client("iam").put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(allow("s3:*")))
    return arn


@pytest.mark.parametrize("name, operator, value, prod, dev", [
    ("by-prefix", "ArnLike", "arn:aws:sagemaker:us-east-1:ACCOUNT:training-job/prod-*", True, False),
    ("by-arn", "ArnEquals", "arn:aws:sagemaker:us-east-1:ACCOUNT:training-job/prod-by-arn", True, False),
    ("by-all", "ArnLike", "arn:aws:sagemaker:*:ACCOUNT:training-job/*", True, True),
    ("by-none", "ArnLike", "arn:aws:sagemaker:*:444455556666:training-job/*", False, False),
    ("by-not", "ArnNotLike", "arn:aws:sagemaker:*:ACCOUNT:training-job/dev-*", True, False)])
def test_a_role_that_trusts_sagemaker_for_some_jobs(server, bucket, name, operator, value, prod, dev):
    role = sagemaker_role(server, name, {operator: {"aws:SourceArn": value.replace("ACCOUNT", server.account)}})
    question = ("--as", "sagemaker.amazonaws.com", "--action", "sts:AssumeRole", "--resource", role)
    sagemaker = server.client("sagemaker")
    for job, expected in ((f"prod-{name}", prod), (f"dev-{name}", dev)):
        said = ask(server, *question, "--context", f"aws:SourceArn=arn:aws:sagemaker:us-east-1:{server.account}:training-job/{job}")
        assert (said["Access"]["Decision"] == "allowed") == expected and "Note" not in said
        try:
            sagemaker.create_training_job(**request(server, job, "true", RoleArn=role))
            done = True
        except ClientError as error:
            assert "assume" in error.response["Error"]["Message"]
            done = False
        assert done == expected, job
    answer = ask(server, *question)
    found = {one["Principal"].get("Service"): one for one in json.loads(server.trainwarden("who-can", "sts:AssumeRole", role, "--json").stdout)["Principals"]}
    if prod == dev:
        assert (answer["Access"]["Decision"] == "allowed") == prod and "Note" not in answer
        assert ("sagemaker.amazonaws.com" in found) == prod
        assert not prod or "Needs" not in found["sagemaker.amazonaws.com"]
    else:
        assert answer["Access"]["Decision"] != "allowed"
        assert answer["Note"].startswith("It hangs on aws:SourceArn, which the question does not say: allowed for arn:aws:sagemaker:")
        assert found["sagemaker.amazonaws.com"]["Needs"].startswith("an aws:SourceArn that fits: allowed for arn:aws:sagemaker:")


def test_sagemaker_names_its_sessions(server, bucket):
    right = sagemaker_role(server, "by-session", {"StringEquals": {"sts:RoleSessionName": "SageMaker"}})
    wrong = sagemaker_role(server, "by-other-session", {"StringEquals": {"sts:RoleSessionName": "other"}})
    for role, expected in ((right, True), (wrong, False)):
        answer = ask(server, "--as", "sagemaker.amazonaws.com", "--action", "sts:AssumeRole", "--resource", role)
        assert (answer["Access"]["Decision"] == "allowed") == expected
        found = json.loads(server.trainwarden("who-can", "sts:AssumeRole", role, "--json").stdout)["Principals"]
        assert ("sagemaker.amazonaws.com" in [one["Principal"].get("Service") for one in found]) == expected


def test_questions_about_the_second_region(make_server):
    server = make_server("--region", "us-east-1", "--region", "eu-west-1")
    iam = server.client("iam")
    iam.create_user(UserName="abroad")
    keys = Credentials.of(iam.create_access_key(UserName="abroad"))
    user = f"arn:aws:iam::{server.account}:user/abroad"

    def client(service, region, credentials):
        return boto3.client(service, region_name=region, endpoint_url=server.endpoint, aws_access_key_id=credentials.access_key_id,
                            aws_secret_access_key=credentials.secret_access_key)

    for region in ("us-east-1", "eu-west-1"):
        client("logs", region, server.root).create_log_group(logGroupName="g")
    calls = [("logs", "describe_log_streams", {"logGroupName": "g"}, "logs:DescribeLogStreams"), ("logs", "describe_log_groups", {}, "logs:DescribeLogGroups"),
             ("s3", "list_buckets", {}, "s3:ListBuckets"), ("cloudwatch", "list_metrics", {}, "cloudwatch:ListMetrics")]
    seen = set()
    for statement in (allow("*", StringEquals={"aws:RequestedRegion": "eu-west-1"}), allow("*", StringEquals={"aws:RequestedRegion": "us-east-1"}),
                      allow("logs:*", resource=f"arn:aws:logs:eu-west-1:{server.account}:*")):
        iam.put_user_policy(UserName="abroad", PolicyName="p", PolicyDocument=json.dumps(statement))
        for region in ("us-east-1", "eu-west-1"):
            for service, call, arguments, operation in calls:
                was_refused = refused(getattr(client(service, region, keys), call), **arguments)
                about = ("--as", user, "--operation", operation, "--input", json.dumps(arguments))
                for way in (("--region", region), ("--context", f"aws:RequestedRegion={region}")):
                    assert (ask(server, *about, *way)["Decision"] == "refused") == was_refused, (statement, region, operation, way)
                seen.add((region, was_refused))
        for region in ("us-east-1", "eu-west-1"):
            was_refused = refused(client("s3", region, keys).list_buckets)
            found = json.loads(server.trainwarden("who-can", "s3:ListAllMyBuckets", "*", "--region", region, "--json").stdout)["Principals"]
            assert (user not in [one["Principal"].get("Arn") for one in found]) == was_refused
    assert len(seen) == 4


def test_an_operation_whose_parts_are_all_refused(server, bucket, make_user):
    client = server.client_as(make_user("deletes-nothing", allow("s3:ListBucket")), "s3")
    delete = {"Bucket": bucket, "Delete": {"Objects": [{"Key": "k"}, {"Key": "other"}]}}
    assert [one["Code"] for one in client.delete_objects(**delete)["Errors"]] == ["AccessDenied", "AccessDenied"]
    arn = f"arn:aws:iam::{server.account}:user/deletes-nothing"
    about = ("--as", arn, "--operation", "s3:DeleteObjects", "--input", json.dumps(delete))
    assert ask(server, *about)["Decision"] == "refused"
    server.client("iam").put_user_policy(UserName="deletes-nothing", PolicyName="one", PolicyDocument=json.dumps(
        allow("s3:DeleteObject", resource=f"arn:aws:s3:::{bucket}/other")))
    part = ask(server, *about)
    assert part["Decision"] == "allowed" and [one["Decision"] for one in part["Accesses"]] == ["implicitDeny", "allowed"]


def test_s3_control_by_its_own_name(server, bucket):
    root = f"arn:aws:iam::{server.account}:root"
    asked = json.dumps({"AccountId": server.account, "ResourceArn": f"arn:aws:s3:::{bucket}"})
    for name in ("s3control:ListTagsForResource", "s3:ListTagsForResource"):
        assert ask(server, "--as", root, "--operation", name, "--input", asked)["Decision"] == "allowed"


OF_THE_ROOT = ["GetUser", "CreateAccessKey", "ListAccessKeys", "UpdateAccessKey", "DeleteAccessKey", "ListMFADevices", "ListSSHPublicKeys",
               "ListSigningCertificates", "ListServiceSpecificCredentials", "GetAccessKeyLastUsed"]


def question_and_who(server, principal, action, resource):
    decided = ask(server, "--as", principal, "--action", action, "--resource", resource)["Access"]
    can = json.loads(server.trainwarden("who-can", action, resource, "--json").stdout)["Principals"]
    return decided, {one["Principal"].get("Arn") for one in can}


@pytest.mark.parametrize("operation", OF_THE_ROOT)
def test_what_the_root_asks_about_itself_can_be_asked_in_advance(server, operation):
    """Such requests name no user: they are decided on the account's root, which is no user's ARN."""
    root = f"arn:aws:iam::{server.account}:root"
    key = server.client("iam").list_access_keys()["AccessKeyMetadata"][0]["AccessKeyId"]
    asked = {"UpdateAccessKey": {"AccessKeyId": key, "Status": "Active"}, "DeleteAccessKey": {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"},
             "GetAccessKeyLastUsed": {"AccessKeyId": key}}.get(operation, {})
    (access,) = ask(server, "--as", root, "--operation", f"iam:{operation}", "--input", json.dumps(asked))["Accesses"]
    assert access["Resource"] == root
    decided, can = question_and_who(server, root, access["Action"], root)
    assert (decided["Decision"], decided["Resource"], decided["DecidedBy"]) == ("allowed", root, access["DecidedBy"])
    assert root in can
    simulated = server.client("iam").simulate_custom_policy(PolicyInputList=[json.dumps(allow("*"))], ActionNames=[access["Action"]], ResourceArns=[root])
    assert simulated["EvaluationResults"][0]["EvalDecision"] == "allowed"


def test_what_no_request_is_decided_on_is_no_resource(server):
    root = f"arn:aws:iam::{server.account}:root"
    for action, resource in (("iam:DeleteUser", root), ("iam:GetRole", root), ("iam:GetUser", f"arn:aws:iam::{server.account}:user/*"),
                             ("iam:GetUser", "arn:aws:iam::444455556666:root")):
        answer = server.trainwarden("explain", "--as", root, "--action", action, "--resource", resource, check=False)
        assert answer.returncode == 1 and ("is no resource of this action" in answer.stderr or "is a pattern" in answer.stderr), answer.stderr


def test_the_owner_of_an_unknown_key_can_be_asked_about_as_the_request_is_decided(server):
    root, nobody = f"arn:aws:iam::{server.account}:root", f"arn:aws:iam::{server.account}:user/*"
    asked = {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}
    (access,) = ask(server, "--as", root, "--operation", "iam:GetAccessKeyLastUsed", "--input", json.dumps(asked))["Accesses"]
    assert access["Resource"] == nobody
    decided, can = question_and_who(server, root, "iam:GetAccessKeyLastUsed", nobody)
    assert (decided["Decision"], decided["Rule"]) == (access["Decision"], access["Rule"]) and not can
    assert refused(server.client("iam").get_access_key_last_used, **asked)
