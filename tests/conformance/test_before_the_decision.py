"""What S3 finds in a request before its accesses are decided: who may not make the request is told AccessDenied and nothing else, the record names
action and resource, and explain says the same in advance."""
import http.client
import json

import botocore.exceptions
import pytest
from conftest import Credentials, allow

OTHER = "999999999999"
# What S3 does not have here, or what is not so: arguments of PutObject, and what who may write is told.
NOT_HERE = [
    ({"ACL": "public-read"}, "AccessControlListNotSupported"), ({"StorageClass": "NO_SUCH_CLASS"}, "InvalidStorageClass"),
    ({"StorageClass": "GLACIER"}, "InvalidStorageClass"), ({"ServerSideEncryption": "aws:kms"}, "InvalidArgument"),
    ({"ObjectLockLegalHoldStatus": "ON"}, "InvalidRequest"), ({"ACL": "private", "GrantRead": "id=x"}, "InvalidRequest"),
]


@pytest.fixture(scope="module")
def bucket(server):
    server.client("s3").create_bucket(Bucket="before")
    server.client("s3").put_object(Bucket="before", Key="k", Body=b"x")
    return "before"


@pytest.fixture(scope="module")
def users(server, bucket):
    iam = server.client("iam")
    out = {}
    for name, policies in (("before-may", [allow("s3:*")]), ("before-may-not", [])):
        iam.create_user(UserName=name)
        for policy in policies:
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        out[name] = server.client_as(Credentials.of(iam.create_access_key(UserName=name)), "s3")
    return out


def told(call, **arguments):
    """(code, message, request id)"""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    error = caught.value.response
    return error["Error"]["Code"], error["Error"].get("Message", ""), error["ResponseMetadata"]["RequestId"]


def listed(server, *arguments):
    return {one["RequestId"]: one for one in map(json.loads, server.trainwarden("audit", "--json", "-n", "1000", *arguments).stdout.splitlines())}


def explained(server, who, operation, **members):
    arn = who if who == "*" else f"arn:aws:iam::{server.account}:user/{who}"
    return json.loads(server.trainwarden("explain", "--as", arn, "--operation", operation, "--input", json.dumps(members), "--json", check=False).stdout)


@pytest.mark.parametrize("arguments, code", NOT_HERE, ids=[json.dumps(one[0]) for one in NOT_HERE])
def test_what_is_not_here_is_told_to_those_who_may_ask(server, bucket, users, arguments, code):
    named = {"Bucket": bucket, "Key": "new"}
    got, _, failed = told(users["before-may"].put_object, **named, **arguments)
    assert got == code
    got, message, refused = told(users["before-may-not"].put_object, **named, **arguments)
    assert got == "AccessDenied" and "s3:PutObject" in message
    by_action = listed(server, "--action", "s3:PutObject", "--resource", f"arn:aws:s3:::{bucket}/new")
    assert by_action[failed]["Outcome"] == "failed" and by_action[failed]["ErrorCode"] == code
    assert by_action[refused]["Outcome"] == "refused"
    assert explained(server, "before-may-not", "s3:PutObject", **named, **arguments)["Decision"] == "refused"
    assert "Contents" not in server.client("s3").list_objects_v2(Bucket=bucket, Prefix="new")


def test_lists_of_a_bucket_that_is_being_made(server, users):
    for arguments, code in (({"ACL": "public-read"}, "InvalidBucketAclWithObjectOwnership"), ({"ObjectOwnership": "ObjectWriter"}, "NotImplemented")):
        assert told(users["before-may"].create_bucket, Bucket="before-new", **arguments)[0] == code
        code, message, refused = told(users["before-may-not"].create_bucket, Bucket="before-new", **arguments)
        assert code == "AccessDenied" and "s3:CreateBucket" in message
        assert refused in listed(server, "--action", "s3:CreateBucket", "--resource", "arn:aws:s3:::before-new")


@pytest.mark.parametrize("operation, key, more", [
    ("get_object", "k", {}), ("put_object", "owned", {"Body": b"x"}), ("list_objects_v2", None, {}), ("get_bucket_policy", None, {}),
    ("delete_objects", None, {"Delete": {"Objects": [{"Key": "k"}, {"Key": "l"}]}}),
])
def test_the_expected_owner_is_a_condition_that_decides(server, bucket, users, operation, key, more):
    arguments = {"Bucket": bucket, **({"Key": key} if key else {}), **more, "ExpectedBucketOwner": OTHER}
    code, message, request_id = told(getattr(users["before-may"], operation), **arguments)
    assert (code, message) == ("AccessDenied", "Access Denied")
    record = listed(server, "--resource", f"arn:aws:s3:::{bucket}" + ({"delete_objects": "/k"}.get(operation) or (f"/{key}" if key else "")))[request_id]
    assert record["Outcome"] == "refused" and record["Status"] == 403
    assert {one["Rule"] for one in record["Accesses"]} == {"bucket_owner_condition"}
    assert request_id in listed(server, "--action", record["Accesses"][0]["Action"], "--refused")
    name = "".join(part.capitalize() for part in operation.split("_"))
    asked = {key: value for key, value in arguments.items() if key != "Body"}
    answer = explained(server, "before-may", f"s3:{name}", **asked)
    assert answer["Decision"] == "refused" and answer["Accesses"][0]["Message"] == "Access Denied"
    assert "account that the request expects" in answer["Accesses"][0]["Reason"]
    asked["ExpectedBucketOwner"] = server.account
    assert explained(server, "before-may", f"s3:{name}", **asked)["Decision"] == "allowed"
    # Who may not, is told so first.
    assert "before-may-not is not authorized" in told(getattr(users["before-may-not"], operation), **arguments)[1]
    assert server.client("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_the_expected_owner_of_a_copy_s_source(server, bucket, users):
    arguments = {"Bucket": bucket, "Key": "copied", "CopySource": f"{bucket}/k", "ExpectedSourceBucketOwner": OTHER}
    code, message, request_id = told(users["before-may"].copy_object, **arguments)
    assert (code, message) == ("AccessDenied", "Access Denied")
    rules = {one["Action"]: one.get("Rule") for one in listed(server, "--action", "s3:GetObject")[request_id]["Accesses"]}
    assert rules == {"s3:GetObject": "bucket_owner_condition", "s3:PutObject": None}
    assert explained(server, "before-may", "s3:CopyObject", **arguments)["Decision"] == "refused"


def test_operations_of_an_account_without_credentials(server):
    for operation, action, members in (("ListBuckets", "s3:ListAllMyBuckets", {}), ("CreateBucket", "s3:CreateBucket", {"Bucket": "before-anyones"})):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        connection.request("PUT" if members else "GET", f"/{members.get('Bucket', '')}", headers={"Content-Length": "0"})
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 403 and b"<Code>AccessDenied</Code><Message>Access Denied</Message>" in body
        assert answer.getheader("x-amz-request-id") in listed(server, "--action", action, "--refused")
        (access,) = explained(server, "*", f"s3:{operation}", **members)["Accesses"]
        assert (access["Action"], access["Message"]) == (action, "Access Denied")


def test_requests_for_buckets_that_are_not_there_are_found_by_what_they_named(server, users):
    code, _, object_id = told(users["before-may-not"].get_object, Bucket="before-nosuch", Key="a/k")
    assert code == "NoSuchBucket"
    bucket_id = told(users["before-may-not"].get_bucket_location, Bucket="before-nosuch")[2]
    assert set(listed(server, "--resource", "arn:aws:s3:::before-nosuch/a/k")) == {object_id}
    assert set(listed(server, "--resource", "arn:aws:s3:::before-nosuch")) == {bucket_id}
    # So are those whose credentials do not hold.
    forged = server.client_as(Credentials("AKIAIOSFODNN7EXAMPLE", "x" * 40), "s3")
    forged_id = told(forged.get_object, Bucket="before-nosuch", Key="forged")[2]
    assert set(listed(server, "--resource", "arn:aws:s3:::before-nosuch/forged")) == {forged_id}
    events = server.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": "before-nosuch"}])["Events"]
    assert bucket_id in [json.loads(one["CloudTrailEvent"])["requestID"] for one in events]
    assert {"ResourceType": "AWS::S3::Bucket", "ResourceName": "before-nosuch"} in [one for event in events for one in event["Resources"]]
