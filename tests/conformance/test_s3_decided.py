"""What is decided on is what is used (R83): objects that are replaced, retagged and deleted, buckets that are made anew and configured
otherwise, between the decision on a request and its use of what was decided on."""

import hashlib
import http.client
import json
import threading
import time

import pytest
from botocore.exceptions import ClientError

SECONDS = 4  # of every race
PUBLIC = b"p" * 20000
SECRET = b"s" * 20000
ONLY_PUBLIC = {"StringEquals": {"s3:ExistingObjectTag/cls": "public"}}


def user(server, name, *statements):
    iam = server.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p",
                        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))
    return iam.create_access_key(UserName=name)


def allow(action, resource, condition=None):
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    if condition:
        statement["Condition"] = condition
    return statement


class Race:
    """Runs loops in threads for a while; what one raises fails the test."""

    def __init__(self, *loops):
        self.stop, self.errors = threading.Event(), []
        threads = [threading.Thread(target=self.run, args=(loop,)) for loop in loops]
        for thread in threads:
            thread.start()
        time.sleep(SECONDS)
        self.stop.set()
        for thread in threads:
            thread.join(60)
        assert not self.errors, self.errors[0]

    def run(self, loop):
        while not self.stop.is_set():
            try:
                loop()
            except BaseException as error:
                self.errors.append(error)
                self.stop.set()


def code_of(call, *expected):
    """The code of a refusal, which must be expected; None if there was none."""
    try:
        call()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        assert code in expected, error
        return code
    return None


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3")


def alternate(s3, bucket, key="k"):
    """The owner's loop: a public object, then a secret one under the same key."""
    s3.put_object(Bucket=bucket, Key=key, Body=PUBLIC, Tagging="cls=public")
    s3.put_object(Bucket=bucket, Key=key, Body=SECRET, Tagging="cls=secret")


def test_reads_never_see_what_was_not_decided_on(server, s3):
    s3.create_bucket(Bucket="decided-reads")
    secret_etag = s3.put_object(Bucket="decided-reads", Key="k", Body=SECRET, Tagging="cls=secret")["ETag"]
    reader = user(server, "reader", allow(["s3:GetObject", "s3:GetObjectAttributes", "s3:GetObjectTagging"], "arn:aws:s3:::decided-reads/*", ONLY_PUBLIC))
    seen = []

    def get():
        client = server.client_as(reader, "s3")
        for _ in range(20):
            def whole():
                body = client.get_object(Bucket="decided-reads", Key="k")["Body"].read()
                assert body == PUBLIC, "secret bytes"
                seen.append("whole")

            def some():
                answer = client.get_object(Bucket="decided-reads", Key="k", Range="bytes=10000-10009")
                assert answer["Body"].read() == b"p" * 10 and answer["ETag"] != secret_etag

            def if_secret():
                client.get_object(Bucket="decided-reads", Key="k", IfMatch=secret_etag)
                raise AssertionError("the secret object was read")

            def head():
                assert client.head_object(Bucket="decided-reads", Key="k")["ETag"] != secret_etag

            def attributes():
                answer = client.get_object_attributes(Bucket="decided-reads", Key="k", ObjectAttributes=["ETag"])
                assert answer["ETag"] != secret_etag.strip('"')

            def tags():
                assert client.get_object_tagging(Bucket="decided-reads", Key="k")["TagSet"] == [{"Key": "cls", "Value": "public"}]

            for call in (whole, some, head, attributes, tags):
                code_of(call, "AccessDenied", "403")
            code_of(if_secret, "AccessDenied", "PreconditionFailed")

    url = server.client_as(reader, "s3").generate_presigned_url("get_object", {"Bucket": "decided-reads", "Key": "k"})
    path = url[len(server.endpoint):]
    connections = threading.local()

    def get_fast():
        if not hasattr(connections, "mine"):
            connections.mine = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        for _ in range(20):
            connections.mine.request("GET", path)
            answer = connections.mine.getresponse()
            body = answer.read()
            assert answer.status in (200, 403), body
            assert answer.status == 403 or body == PUBLIC, "secret bytes"

    def owner():
        alternate(s3, "decided-reads")

    Race(owner, owner, get_fast, get_fast, get)
    assert len(seen) > 2  # the race was one: public objects were read


def test_copies_never_hold_what_was_not_decided_on(server, s3):
    s3.create_bucket(Bucket="decided-copies")
    s3.create_bucket(Bucket="decided-copied")
    s3.put_object(Bucket="decided-copies", Key="k", Body=SECRET, Tagging="cls=secret")
    copier = server.client_as(
        user(server, "copier", allow(["s3:GetObject", "s3:GetObjectTagging"], "arn:aws:s3:::decided-copies/*", ONLY_PUBLIC),
             allow("s3:*", ["arn:aws:s3:::decided-copied", "arn:aws:s3:::decided-copied/*"])), "s3")
    source = {"Bucket": "decided-copies", "Key": "k"}
    upload = copier.create_multipart_upload(Bucket="decided-copied", Key="parts")["UploadId"]
    copies = []

    def copy():
        if code_of(lambda: copier.copy_object(Bucket="decided-copied", Key="copy", CopySource=source), "AccessDenied") is None:
            assert copier.get_object(Bucket="decided-copied", Key="copy")["Body"].read() == PUBLIC
            assert copier.get_object_tagging(Bucket="decided-copied", Key="copy")["TagSet"][0]["Value"] == "public"
            copies.append("copy")

    def copy_part():
        part = {"Bucket": "decided-copied", "Key": "parts", "UploadId": upload, "PartNumber": 1}
        if code_of(lambda: copier.upload_part_copy(CopySource=source, **part), "AccessDenied") is None:
            etag = copier.list_parts(Bucket="decided-copied", Key="parts", UploadId=upload)["Parts"][0]["ETag"]
            assert etag == f'"{hashlib.md5(PUBLIC).hexdigest()}"'

    Race(lambda: alternate(s3, "decided-copies"), copy, copy_part)
    assert len(copies) > 5
    copier.abort_multipart_upload(Bucket="decided-copied", Key="parts", UploadId=upload)


def test_only_what_was_decided_on_is_retagged_or_changed(server, s3):
    """Who may retag public objects must never make a secret one public."""
    bucket = "decided-tags"
    s3.create_bucket(Bucket=bucket)
    objects = f"arn:aws:s3:::{bucket}/*"
    tagger = server.client_as(
        user(server, "tagger", allow(["s3:PutObjectTagging", "s3:DeleteObjectTagging", "s3:GetObject", "s3:GetObjectTagging"], objects, ONLY_PUBLIC),
             allow("s3:PutObject", objects)), "s3")
    done = []

    def owner():
        s3.put_object(Bucket=bucket, Key="k", Body=PUBLIC, Tagging="cls=public")
        s3.put_object(Bucket=bucket, Key="k", Body=SECRET, Tagging="cls=secret")
        for _ in range(3):
            tags = {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]}
            assert tags == {"cls": "secret"}, f"the secret object was retagged: {tags}"

    def put_tags():
        tags = {"TagSet": [{"Key": "cls", "Value": "public"}, {"Key": "by", "Value": "tagger"}]}
        if code_of(lambda: tagger.put_object_tagging(Bucket=bucket, Key="k", Tagging=tags), "AccessDenied", "NoSuchKey") is None:
            done.append("put")

    def delete_tags():
        code_of(lambda: tagger.delete_object_tagging(Bucket=bucket, Key="k"), "AccessDenied", "NoSuchKey")

    def copy_onto_itself():
        code_of(lambda: tagger.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "k"}, MetadataDirective="REPLACE",
                                           TaggingDirective="REPLACE", Tagging="cls=public"), "AccessDenied")

    Race(owner, put_tags, delete_tags, copy_onto_itself)
    assert len(done) > 2


def test_a_bucket_that_is_closed_before_a_secret_is_put_never_shows_it(server, s3):
    """The owner closes the bucket, then stores the secret: whoever was let in by the open bucket must not find it."""
    bucket = "decided-policy"
    s3.create_bucket(Bucket=bucket)
    s3.delete_public_access_block(Bucket=bucket)
    name = user(server, "visitor", allow("s3:ListAllMyBuckets", "*"))
    who = server.client_as(name, "sts").get_caller_identity()["Arn"]
    visitor = server.client_as(name, "s3")
    opened = json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": who}, "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}]})
    seen = []

    def owner():
        s3.put_object(Bucket=bucket, Key="k", Body=PUBLIC)
        s3.put_bucket_policy(Bucket=bucket, Policy=opened)
        s3.delete_bucket_policy(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="k", Body=SECRET)
        s3.put_object(Bucket=bucket, Key="secret-name", Body=b"")
        s3.delete_object(Bucket=bucket, Key="secret-name")

    def get():
        def read():
            assert visitor.get_object(Bucket=bucket, Key="k")["Body"].read() == PUBLIC
            seen.append("read")
        code_of(read, "AccessDenied")

    def list_names():
        def names():
            assert [entry["Key"] for entry in visitor.list_objects_v2(Bucket=bucket).get("Contents", [])] == ["k"]
        code_of(names, "AccessDenied")

    Race(owner, get, get, list_names)


def test_a_decision_on_one_bucket_is_not_used_on_another_of_its_name(server, s3):
    """Uploads, deletes and configuration that were let in by a bucket do not land in the one that was made after it."""
    bucket = "decided-bucket"
    name = user(server, "writer", allow("s3:ListAllMyBuckets", "*"))
    who = server.client_as(name, "sts").get_caller_identity()["Arn"]
    writer = server.client_as(name, "s3")
    opened = json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": who}, "Action": "s3:*", "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}]})

    def owner():
        s3.create_bucket(Bucket=bucket)  # closed: whatever the writer does here was decided on another bucket
        s3.put_object(Bucket=bucket, Key="k", Body=SECRET)
        time.sleep(0.02)
        listed = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        assert listed == ["k"], listed
        assert code_of(lambda: s3.get_bucket_tagging(Bucket=bucket), "NoSuchTagSet") == "NoSuchTagSet"
        s3.put_bucket_policy(Bucket=bucket, Policy=opened)
        time.sleep(0.005)
        for _ in range(100):
            for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
                s3.delete_object(Bucket=bucket, Key=entry["Key"])
            if code_of(lambda: s3.delete_bucket(Bucket=bucket), "BucketNotEmpty") is None:
                return
        raise AssertionError("the bucket cannot be emptied")

    gone = ("AccessDenied", "NoSuchBucket", "NoSuchKey", "OperationAborted", "SlowDown")

    def write():
        code_of(lambda: writer.put_object(Bucket=bucket, Key="written", Body=PUBLIC), *gone)
        time.sleep(0.01)

    def delete():
        code_of(lambda: writer.delete_object(Bucket=bucket, Key="k"), *gone)
        code_of(lambda: writer.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}), *gone)

    Race(owner, write, delete)


def test_an_upload_that_was_let_in_is_decided_again_when_its_bytes_are_there(server, s3):
    """The policy that let an upload begin was taken back before the upload ended."""
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials

    bucket = "decided-upload"
    s3.create_bucket(Bucket=bucket)
    name = user(server, "slow", allow("s3:ListAllMyBuckets", "*"))
    who = server.client_as(name, "sts").get_caller_identity()["Arn"]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": who}, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}]}))
    key = name["AccessKey"]

    def begin():
        request = botocore.awsrequest.AWSRequest("PUT", f"{server.endpoint}/{bucket}/k", data=PUBLIC)
        botocore.auth.S3SigV4Auth(botocore.credentials.Credentials(key["AccessKeyId"], key["SecretAccessKey"]), "s3", server.region).add_auth(request)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        connection.putrequest("PUT", f"/{bucket}/k", skip_accept_encoding=True)
        for header, value in request.headers.items():
            connection.putheader(header, value)
        connection.putheader("Content-Length", str(len(PUBLIC)))
        connection.endheaders()
        connection.send(PUBLIC[:10000])
        return connection

    def finish(connection):
        connection.send(PUBLIC[10000:])
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, body

    assert finish(begin())[0] == 200
    s3.delete_object(Bucket=bucket, Key="k")
    waiting = begin()
    time.sleep(0.5)
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})  # another configuration, the same policy
    assert finish(waiting)[0] == 200
    s3.delete_object(Bucket=bucket, Key="k")
    waiting = begin()
    time.sleep(0.5)
    s3.delete_bucket_policy(Bucket=bucket)
    status, body = finish(waiting)
    assert status == 403 and b"AccessDenied" in body, body
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


RETAGGED = [("PutObjectTagging", {"Tagging": {"TagSet": [{"Key": "cls", "Value": "public"}]}}),
            ("PutObject", {"Tagging": "cls=public", "Body": b"z"}),
            ("CopyObject", {"CopySource": "decided-beside/public"}),
            ("CopyObject", {"CopySource": "decided-beside/public", "TaggingDirective": "REPLACE", "Tagging": "cls=public"}),
            ("CreateMultipartUpload", {"Tagging": "cls=public"})]
GRANTED = [("PutObjectAcl", {"ACL": "bucket-owner-full-control"}),
           ("PutObject", {"ACL": "bucket-owner-full-control", "Body": b"z"}),
           ("CopyObject", {"CopySource": "decided-beside/plain", "ACL": "bucket-owner-full-control"}),
           ("CreateMultipartUpload", {"ACL": "bucket-owner-full-control"}),
           ("CreateMultipartUpload", {"GrantFullControl": "id=GRANTEE"})]


@pytest.mark.parametrize("action, ways", [("s3:PutObjectTagging", RETAGGED), ("s3:PutObjectAcl", GRANTED)])
def test_what_a_write_needs_beside_is_decided_with_the_tags_that_are_there(server, s3, action, ways):
    """s3:PutObject has no key s3:ExistingObjectTag; what tags or an ACL need beside it has, whatever operation brings them."""
    if "decided-beside" not in [one["Name"] for one in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket="decided-beside")
    grantee = s3.list_buckets()["Owner"]["ID"]
    s3.put_object(Bucket="decided-beside", Key="public", Body=b"p", Tagging="cls=public")
    s3.put_object(Bucket="decided-beside", Key="plain", Body=b"p")
    iam, name = server.client("iam"), "beside-" + action[3:]
    writer = server.client_as(user(server, name, allow("s3:*", "*")), "s3")
    secret = {"StringEquals": {"s3:ExistingObjectTag/cls": "secret"}}
    everything_else = {"Effect": "Allow", "NotAction": action, "Resource": "*"}
    denied = [allow("s3:*", "*"), {"Effect": "Deny", "Action": action, "Resource": "*", **{"Condition": secret}}]
    allowed = [everything_else, allow(action, "*", secret)]
    for statements, of_secret in ((denied, False), (allowed, True)):
        iam.put_user_policy(UserName=name, PolicyName="p",
                            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
        for operation, more in ways:
            more = {member: value.replace("GRANTEE", grantee) if isinstance(value, str) else value for member, value in more.items()}
            call = getattr(writer, {"PutObjectTagging": "put_object_tagging", "PutObject": "put_object", "PutObjectAcl": "put_object_acl",
                                    "CopyObject": "copy_object", "CreateMultipartUpload": "create_multipart_upload"}[operation])
            for cls in ("secret", "other"):
                s3.put_object(Bucket="decided-beside", Key="k", Body=SECRET, Tagging=f"cls={cls}")
                said = server.trainwarden("explain", "--as", f"arn:aws:iam::{server.account}:user/{name}", "--action", action,
                                          "--resource", "arn:aws:s3:::decided-beside/k", "--json").stdout
                expected = of_secret == (cls == "secret")
                assert (json.loads(said)["Access"]["Decision"] == "allowed") == expected
                done = code_of(lambda: call(Bucket="decided-beside", Key="k", **more), "AccessDenied") is None
                assert done == expected, (statements, operation, more, cls)
                if not done:
                    assert s3.get_object_tagging(Bucket="decided-beside", Key="k")["TagSet"] == [{"Key": "cls", "Value": cls}]
        iam.delete_user_policy(UserName=name, PolicyName="p")


def test_a_write_with_tags_holds_to_the_tags_that_it_was_decided_with(server, s3):
    """Who may give tags only to what is public never gives them to what became secret in between."""
    s3.create_bucket(Bucket="decided-given")
    writer = user(server, "giver", allow("s3:PutObject", "*"), allow("s3:PutObjectTagging", "*", ONLY_PUBLIC))
    wrote, local = [], threading.local()

    def write():
        local.client = getattr(local, "client", None) or server.client_as(writer, "s3")
        wrote.append(code_of(lambda: local.client.put_object(Bucket="decided-given", Key="k", Body=b"w", Tagging="cls=given"), "AccessDenied", "SlowDown"))

    def own():
        # What the writer did is seen at once: between these two the object is secret, and stays it.
        s3.put_object(Bucket="decided-given", Key="k", Body=PUBLIC, Tagging="cls=public")
        s3.put_object(Bucket="decided-given", Key="k", Body=SECRET, Tagging="cls=secret")
        assert s3.get_object(Bucket="decided-given", Key="k")["Body"].read() == SECRET, "written over what is secret"

    s3.put_object(Bucket="decided-given", Key="k", Body=SECRET, Tagging="cls=secret")
    Race(own, write, write)
    assert None in wrote and "AccessDenied" in wrote
