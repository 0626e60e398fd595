"""aws:s3's resource types and functions against a real server, from YAML and from Python with pulumi_aws 6 and 7.

What the server does not serve (`trainwarden coverage`) must fail with an error that says what is missing; what it serves must be made, settle and go.
"""

import json
import os
import pathlib
import sys

import pytest
from deploying import Folder, operations
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests/clients"))
import install  # noqa: E402

BUCKET = "${data.id}"
# Type, its properties beside the bucket, the operation that makes it, and properties of the bucket that it needs.
SETTINGS = {
    "cors": ("BucketCorsConfiguration", {"corsRules": [{"allowedMethods": ["PUT", "GET"], "allowedOrigins": ["https://a.example"]}]}, "PutBucketCors", {}),
    "encryption": ("BucketServerSideEncryptionConfiguration",
                   {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]}, "PutBucketEncryption", {}),
    "lifecycle": ("BucketLifecycleConfiguration",
                  {"rules": [{"id": "old", "status": "Enabled", "expiration": {"days": 30}}]}, "PutBucketLifecycleConfiguration", {}),
    "lock": ("BucketObjectLockConfiguration", {"rule": {"defaultRetention": {"mode": "GOVERNANCE", "days": 1}}}, "PutObjectLockConfiguration",
             {"objectLockEnabled": True}),
    "notification": ("BucketNotification", {"queues": [{"queueArn": "arn:aws:sqs:us-east-1:111122223333:q", "events": ["s3:ObjectCreated:*"]}]},
                     "PutBucketNotificationConfiguration", {}),
    "logging": ("BucketLogging", {"targetBucket": BUCKET, "targetPrefix": "log/"}, "PutBucketLogging", {}),
    "payment": ("BucketRequestPaymentConfiguration", {"payer": "Requester"}, "PutBucketRequestPayment", {}),
    "inventory": ("Inventory", {"destination": {"bucket": {"bucketArn": "${data.arn}", "format": "CSV"}}, "includedObjectVersions": "Current",
                                "schedule": {"frequency": "Daily"}}, "PutBucketInventoryConfiguration", {}),
    "account": ("AccountPublicAccessBlock", {"blockPublicAcls": True}, "s3control:PutPublicAccessBlock", {}),
    "ownership": ("BucketOwnershipControls", {"rule": {"objectOwnership": "BucketOwnerEnforced"}}, "PutBucketOwnershipControls", {}),
}


@pytest.fixture(scope="module")
def served(server):
    """What the server serves, as `Operation`, S3 Control's as `s3control:Operation`."""
    coverage = json.loads(server.trainwarden("coverage", "--json").stdout)
    account = {"s3control:" + name.replace("Account", "") for name in coverage["s3"] if "AccountPublicAccessBlock" in name}
    return set(coverage["s3"]) | account


@pytest.fixture
def folder(server, tmp_path):
    made = Folder(server, tmp_path)
    made.environment["PULUMI_CONFIG_PASSPHRASE"] = "of a test"  # pulumi_aws itself makes secrets of some outputs
    yield made
    if (made.path / ".pulumi").exists():
        made.destroy()


def yaml_of(resources):
    return json.dumps(resources)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_made_and_settles_or_its_operation_is_named(folder, served, name):
    token, properties, operation, of_bucket = SETTINGS[name]
    bucket = {} if token == "AccountPublicAccessBlock" else {"bucket": BUCKET}
    resources = {"data": {"type": "aws:s3:Bucket", "properties": {"forceDestroy": True, **of_bucket}},
                 "setting": {"type": f"aws:s3:{token}", "properties": {**bucket, **properties}, "options": {"dependsOn": ["${data}"]}}}
    folder.yaml("resources: " + yaml_of(resources) + "\n")
    if operation not in served:
        if of_bucket:
            resources["data"]["properties"] = {"forceDestroy": True}
            folder.yaml("resources: " + yaml_of(resources) + "\n")
        said = folder.fails("up", "--yes")
        assert f"needs {operation.split(':')[-1]}, which " in said and "does not serve" in said and f"{token} of " in said, said
        assert "trainwarden coverage" in said
        return
    made = folder.up()
    assert ("create", "setting") in operations(made), made
    assert operations(folder.up()) == []
    refreshed = json.loads(folder.run("refresh", "--yes", "--json").stdout)
    assert all("diff" not in step for step in refreshed["steps"]), refreshed
    assert operations(folder.up()) == []


def test_functions_of_buckets_and_objects(server, folder):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="read-by-programs")
    s3.put_object(Bucket="read-by-programs", Key="a/text.txt", Body=b"hello", ContentType="text/plain", Metadata={"k": "v"}, Tagging="t=1")
    s3.put_object(Bucket="read-by-programs", Key="a/b c&d", Body=b"\xff\x00", ContentType="application/octet-stream")
    s3.put_bucket_policy(Bucket="read-by-programs", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": {"AWS": server.account}, "Action": "s3:DeleteBucket", "Resource": "arn:aws:s3:::read-by-programs"}]}))
    calls = {"bucket": ("getBucket", {"bucket": "read-by-programs"}),
             "text": ("getObject", {"bucket": "read-by-programs", "key": "a/text.txt"}),
             "bytes": ("getObject", {"bucket": "read-by-programs", "key": "a/b c&d"}),
             "forced": ("getObject", {"bucket": "read-by-programs", "key": "a/b c&d", "downloadBody": "true"}),
             "keys": ("getObjects", {"bucket": "read-by-programs", "prefix": "a/"}),
             "some": ("getObjects", {"bucket": "read-by-programs", "maxKeys": 1, "delimiter": "/"}),
             "policy": ("getBucketPolicy", {"bucket": "read-by-programs"}),
             "owner": ("getCanonicalUserId", {})}
    folder.yaml("variables: " + json.dumps({name: {"fn::invoke": {"function": f"aws:s3:{function}", "arguments": arguments}}
                                            for name, (function, arguments) in calls.items()}) +
                "\noutputs: " + json.dumps({name: "${" + name + "}" for name in calls}) + "\n")
    told = folder.up()["outputs"]
    assert told["bucket"]["arn"] == "arn:aws:s3:::read-by-programs" and told["bucket"]["region"] == "us-east-1"
    assert (told["text"]["body"], told["text"]["contentLength"], told["text"]["contentType"]) == ("hello", 5, "text/plain")
    assert told["text"]["metadata"] == {"k": "v"} and told["text"]["tags"] == {"t": "1"}
    assert told["text"]["etag"] == s3.head_object(Bucket="read-by-programs", Key="a/text.txt")["ETag"].strip('"')
    assert "body" not in told["bytes"] and told["forced"]["bodyBase64"] == "/wA=" and "body" not in told["forced"]
    assert told["keys"]["keys"] == ["a/b c&d", "a/text.txt"] and told["some"] | {"keys": [], "commonPrefixes": ["a/"]} == told["some"]
    assert json.loads(told["policy"]["policy"])["Statement"][0]["Action"] == "s3:DeleteBucket"
    assert told["owner"]["id"] == s3.list_buckets()["Owner"]["ID"]

    folder.yaml('variables: {gone: {"fn::invoke": {function: "aws:s3:getObject", arguments: {bucket: read-by-programs, key: none}}}}\n')
    assert "there is no object `read-by-programs/none`" in folder.fails("up", "--yes")
    folder.yaml('variables: {gone: {"fn::invoke": {function: "aws:s3:getBucket", arguments: {}}}}\n')
    assert "missing required argument `bucket`" in folder.fails("up", "--yes")


def test_a_copy_follows_its_source(server, folder):
    def program(source, **more):
        copy = {"bucket": BUCKET, "key": "to", "source": source, **more}
        resources = {"data": {"type": "aws:s3:Bucket", "properties": {"forceDestroy": True}},
                     "one": {"type": "aws:s3:BucketObjectv2", "properties": {"bucket": BUCKET, "key": "one", "content": "one", "contentType": "text/plain",
                                                                             "metadata": {"from": "one"}, "checksumAlgorithm": "CRC32C"}},
                     "two": {"type": "aws:s3:BucketObject", "properties": {"bucket": BUCKET, "key": "two", "content": "two"}},
                     "copy": {"type": "aws:s3:ObjectCopy", "properties": copy, "options": {"dependsOn": ["${one}", "${two}"]}}}
        return "resources: " + yaml_of(resources) + "\noutputs: {bucket: \"${data.id}\", etag: \"${copy.etag}\"}\n"

    folder.yaml(program("${data.id}/one"))
    outputs = folder.up()["outputs"]
    s3 = server.client("s3")
    held = s3.get_object(Bucket=outputs["bucket"], Key="to")
    assert (held["Body"].read(), held["Metadata"]) == (b"one", {"from": "one"})
    assert operations(folder.up()) == []
    folder.yaml(program("${data.id}/two", contentType="text/csv", tags={"t": "1"}))
    assert operations(folder.up()) == [("update", "copy")]
    held = s3.get_object(Bucket=outputs["bucket"], Key="to")
    assert (held["Body"].read(), held["ContentType"], held["TagCount"]) == (b"two", "text/csv", 1)
    assert operations(folder.up()) == []
    folder.yaml(program("${data.id}/none"))
    said = folder.fails("up", "--yes")
    assert "NoSuchKey" in said and "property `source`" in said
    folder.yaml(program("none"))
    assert "expected `bucket/key`" in folder.fails("preview")
    folder.yaml(program("${data.id}/two"))


PROGRAM = """
import pulumi
import pulumi_aws as aws

data = aws.s3.{bucket}("data", force_destroy=True, tags={{"team": "vision"}})
aws.s3.BucketOwnershipControls("owner", bucket=data.id, rule={{"object_ownership": "BucketOwnerEnforced"}})
aws.s3.{versioning}("versions", bucket=data.id, versioning_configuration={{"status": "Disabled"}})
aws.s3.BucketPublicAccessBlock("block", bucket=data.id, block_public_acls=True)
text = aws.s3.BucketObjectv2("text", bucket=data.id, key="text", content="hello", content_type="text/plain")
copied = aws.s3.ObjectCopy("copy", bucket=data.id, key="copy", source=pulumi.Output.concat(data.id, "/text"),
                           opts=pulumi.ResourceOptions(depends_on=[text]))
pulumi.export("bucket", data.id)
pulumi.export("version", aws.__file__)
pulumi.export("keys", pulumi.Output.all(data.id, copied.id).apply(lambda all: aws.s3.get_objects(bucket=all[0]).keys))
pulumi.export("owner", aws.s3.get_canonical_user().id if hasattr(aws.s3, "get_canonical_user") else aws.s3.get_canonical_user_id().id)
"""


@pytest.mark.parametrize("major", [6, 7])
def test_both_versions_of_the_package_mean_the_same(server, folder, major):
    old = {} if major == 7 else {"PYTHONPATH": str(next(pathlib.Path(install.install("pulumi-aws-6")).glob("lib/python3*/site-packages")))}
    folder.environment.update(old)
    folder.python(PROGRAM.format(bucket="BucketV2" if major == 6 else "Bucket", versioning="BucketVersioningV2" if major == 6 else "BucketVersioning"))
    outputs = folder.up()["outputs"]
    assert ("pulumi-aws-6" in outputs["version"]) == (major == 6)
    assert outputs["owner"] == server.client("s3").list_buckets()["Owner"]["ID"]
    assert outputs["keys"] == ["copy", "text"]
    assert operations(folder.up()) == []
    assert os.path.exists(outputs["version"])
