"""Who may do what in S3: identity policies, bucket policies, public access, condition keys."""

import http.client
import json
import urllib.error
import urllib.request

import botocore.config
import pytest
from botocore.exceptions import ClientError

from conftest import allow
from test_s3 import refused


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3")


@pytest.fixture
def bucket(s3, request):
    name = "a-" + "".join(c for c in request.node.name.lower().replace("_", "-") if c.isalnum() or c == "-")[:55].strip("-")
    s3.create_bucket(Bucket=name)
    yield name
    for entry in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=entry["Key"])
    s3.delete_bucket(Bucket=name)


def policy(bucket, *statements):
    filled = []
    for statement in statements:
        filled.append({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*", **statement})
    return json.dumps({"Version": "2012-10-17", "Statement": filled})


def test_identity_policy_decides_and_the_refusal_says_so(server, s3, bucket, make_user):
    s3.put_object(Bucket=bucket, Key="in/k", Body=b"x")
    user = server.client_as(make_user("reader", allow("s3:GetObject", resource=f"arn:aws:s3:::{bucket}/in/*")), "s3")
    assert user.get_object(Bucket=bucket, Key="in/k")["Body"].read() == b"x"
    with refused("AccessDenied", 403) as refusal:
        user.put_object(Bucket=bucket, Key="in/k", Body=b"y")
    assert refusal.message == (
        f'User: arn:aws:iam::{server.account}:user/reader is not authorized to perform: s3:PutObject on resource: '
        f'"arn:aws:s3:::{bucket}/in/k" because no identity-based policy allows the s3:PutObject action')
    with refused("AccessDenied", 403):
        user.get_object(Bucket=bucket, Key="out/k")
    with refused("AccessDenied", 403):
        user.list_objects_v2(Bucket=bucket)
    with refused("AccessDenied", 403):
        user.list_buckets()
    assert s3.get_object(Bucket=bucket, Key="in/k")["Body"].read() == b"x"


def test_a_missing_key_is_a_secret_of_who_may_list(server, s3, bucket, make_user):
    reader = server.client_as(make_user("no-lister", allow("s3:GetObject")), "s3")
    with refused("AccessDenied", 403) as refusal:
        reader.get_object(Bucket=bucket, Key="nothing")
    assert "s3:ListBucket" in refusal.message
    with refused("403", 403):
        reader.head_object(Bucket=bucket, Key="nothing")
    lister = server.client_as(make_user("lister", allow("s3:GetObject", "s3:ListBucket")), "s3")
    with refused("NoSuchKey", 404):
        lister.get_object(Bucket=bucket, Key="nothing")


def test_list_condition_keys(server, bucket, make_user):
    keys = make_user("prefixed", allow("s3:ListBucket", StringEquals={"s3:prefix": ["home/"], "s3:delimiter": ["/"]},
                                       NumericLessThanEquals={"s3:max-keys": "10"}))
    user = server.client_as(keys, "s3")
    user.list_objects_v2(Bucket=bucket, Prefix="home/", Delimiter="/", MaxKeys=10)
    for wrong in ({"Prefix": "other/", "Delimiter": "/", "MaxKeys": 10}, {"Prefix": "home/", "MaxKeys": 10},
                  {"Prefix": "home/", "Delimiter": "/", "MaxKeys": 11}, {"Delimiter": "/", "MaxKeys": 1}):
        with refused("AccessDenied", 403):
            user.list_objects_v2(Bucket=bucket, **wrong)


def test_copy_needs_both_ends(server, s3, bucket, make_user):
    s3.put_object(Bucket=bucket, Key="from", Body=b"x")
    source = {"Bucket": bucket, "Key": "from"}
    writer = server.client_as(make_user("copy-writer", allow("s3:PutObject")), "s3")
    with refused("AccessDenied", 403) as refusal:
        writer.copy_object(Bucket=bucket, Key="to", CopySource=source)
    assert "s3:GetObject" in refusal.message
    reader = server.client_as(make_user("copy-reader", allow("s3:GetObject")), "s3")
    with refused("AccessDenied", 403) as refusal:
        reader.copy_object(Bucket=bucket, Key="to", CopySource=source)
    assert "s3:PutObject" in refusal.message
    both = server.client_as(make_user("copy-both", allow("s3:GetObject", "s3:PutObject")), "s3")
    both.copy_object(Bucket=bucket, Key="to", CopySource=source)
    s3.put_object_tagging(Bucket=bucket, Key="from", Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    with refused("AccessDenied", 403) as refusal:
        both.copy_object(Bucket=bucket, Key="to", CopySource=source)
    assert "Tagging" in refusal.message


def test_delete_objects_decides_for_each_key(server, s3, bucket, make_user):
    for key in ("mine/1", "mine/2", "other/1"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    user = server.client_as(make_user("deleter", allow("s3:DeleteObject", resource=f"arn:aws:s3:::{bucket}/mine/*")), "s3")
    answer = user.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": k} for k in ("mine/1", "other/1", "mine/2")]})
    assert sorted(d["Key"] for d in answer["Deleted"]) == ["mine/1", "mine/2"]
    assert [(e["Key"], e["Code"]) for e in answer["Errors"]] == [("other/1", "AccessDenied")]
    assert [c["Key"] for c in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["other/1"]


def test_tag_conditions(server, s3, bucket, make_user):
    s3.put_object(Bucket=bucket, Key="open", Body=b"x", Tagging="class=open")
    s3.put_object(Bucket=bucket, Key="closed", Body=b"x", Tagging="class=closed")
    user = server.client_as(make_user("by-tag", allow("s3:GetObject", StringEquals={"s3:ExistingObjectTag/class": "open"}),
                                      allow("s3:PutObject"), allow("s3:PutObjectTagging", StringEquals={"s3:RequestObjectTag/class": "open"})), "s3")
    user.get_object(Bucket=bucket, Key="open")
    with refused("AccessDenied", 403):
        user.get_object(Bucket=bucket, Key="closed")
    user.put_object(Bucket=bucket, Key="new", Body=b"x", Tagging="class=open")
    with refused("AccessDenied", 403):
        user.put_object(Bucket=bucket, Key="new", Body=b"x", Tagging="class=closed")


def test_bucket_policy_allows_and_denies(server, s3, bucket, make_user):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    keys = make_user("by-bucket-policy")
    user = server.client_as(keys, "s3")
    with refused("AccessDenied", 403):
        user.get_object(Bucket=bucket, Key="k")
    arn = f"arn:aws:iam::{server.account}:user/by-bucket-policy"
    document = policy(bucket, {"Principal": {"AWS": arn}})
    s3.put_bucket_policy(Bucket=bucket, Policy=document)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == document
    assert not s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]
    user.get_object(Bucket=bucket, Key="k")
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, {"Principal": {"AWS": arn}}, {"Effect": "Deny", "Action": "s3:*", "Principal": {"AWS": arn}}))
    with refused("AccessDenied", 403) as refusal:
        user.get_object(Bucket=bucket, Key="k")
    assert "with an explicit deny in a resource-based policy" in refusal.message
    s3.delete_bucket_policy(Bucket=bucket)
    with refused("NoSuchBucketPolicy", 404):
        s3.get_bucket_policy(Bucket=bucket)


def test_the_root_user_is_never_locked_out(s3, bucket):
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}]}))
    with refused("AccessDenied", 403):
        s3.list_objects_v2(Bucket=bucket)
    s3.get_bucket_policy(Bucket=bucket)
    s3.delete_bucket_policy(Bucket=bucket)
    s3.list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize("statement, message", [
    ({"Resource": "arn:aws:s3:::another-bucket/*"}, "Policy has invalid resource"),
    ({"Action": "s3:ListBucket"}, "Action does not apply to any resource(s) in statement"),
    ({"Action": "ec2:RunInstances"}, "Policy has invalid action"),
    ({"Principal": {"AWS": "arn:aws:iam::000000000000:user/nobody"}}, "Invalid principal in policy"),
])
def test_bad_policies_are_refused(server, s3, bucket, statement, message):
    statement = json.loads(json.dumps(statement).replace("000000000000", server.account))
    with refused("MalformedPolicy", 400) as refusal:
        s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, statement))
    assert refusal.message == message
    with refused("NoSuchBucketPolicy", 404):
        s3.get_bucket_policy(Bucket=bucket)


def test_malformed_and_oversize_policies(s3, bucket):
    for document in ("{", "[]", '{"Version":"2012-10-17"}', '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Effect":"Deny"}]}'):
        with refused("MalformedPolicy", 400):
            s3.put_bucket_policy(Bucket=bucket, Policy=document)
    with pytest.raises(ClientError, match="Policies must be valid JSON and the first byte must be '{'"):
        s3.put_bucket_policy(Bucket=bucket, Policy="policy.json")
    with refused("PolicyTooLarge", 400):
        s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, *[{"Sid": f"s{n}" + "x" * 100} for n in range(150)]))


def anonymous_get(server, bucket, key):
    try:
        with urllib.request.urlopen(f"{server.endpoint}/{bucket}/{key}") as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_public_access(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"public")
    assert anonymous_get(server, bucket, "k")[0] == 403
    with refused("AccessDenied", 403) as refusal:
        s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, {}))
    assert "BlockPublicPolicy" in refusal.message
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, {}))
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]
    assert anonymous_get(server, bucket, "k")[0] == 403
    s3.delete_public_access_block(Bucket=bucket)
    assert anonymous_get(server, bucket, "k") == (200, b"public")
    # A stranger without s3:ListBucket does not learn what is there.
    assert anonymous_get(server, bucket, "nothing")[0] == 403
    assert anonymous_get(server, bucket, "k?response-content-type=text/html")[0] == 400


def test_requests_of_strangers_change_nothing(server, s3, bucket):
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    for method, path in (("PUT", f"/{bucket}/k"), ("DELETE", f"/{bucket}/k"), ("PUT", "/strangers-bucket"), ("GET", "/"), ("DELETE", f"/{bucket}")):
        connection.request(method, path, body=b"x" if method == "PUT" else None)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 403, (method, path)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


# --- What other servers got wrong: see the advisories named in each test ---


def test_a_form_for_another_bucket_is_refused(server, s3, bucket):
    """Ceph RGW CVE-2023-43040: the bucket of a POST form differed from the bucket that was authorized."""
    boundary = "b0undary"
    body = f'--{boundary}\r\nContent-Disposition: form-data; name="bucket"\r\n\r\nelsewhere\r\n--{boundary}--\r\n'
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("POST", f"/{bucket}", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    answer = connection.getresponse()
    assert answer.status in (400, 403), answer.read()
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_no_header_is_injected(s3, bucket):
    """Ceph RGW CVE-2021-3524, CVE-2020-10753: a line break in a parameter became a header of the answer."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with refused("InvalidArgument", 400):
        s3.get_object(Bucket=bucket, Key="k", ResponseContentDisposition="a\r\nSet-Cookie: stolen=1")


@pytest.mark.parametrize("source", ["", "/", "//", "?", "%", "%zz/k", "bucket", "/bucket", "bucket/", "?versionId=1", "a" * 5000, "%00/%00", "../../etc/passwd",
                                    "b/%ff%fe", "arn:aws:s3", "b/k?versionId=", "b/k?versionId=" + "v" * 5000])
def test_crafted_copy_sources(server, s3, bucket, source):
    """Ceph RGW CVE-2024-47866: an empty copy source crashed the server."""

    def set_source(request, **_):
        request.headers["x-amz-copy-source"] = source

    client = server.client("s3")
    client.meta.events.register("before-sign.s3.CopyObject", set_source)
    with pytest.raises(client.exceptions.ClientError) as refusal:
        client.copy_object(Bucket=bucket, Key="k", CopySource="replaced/later")
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403, 404, 501)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize("payload", ["STREAMING-UNSIGNED-PAYLOAD-TRAILER", "UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"])
def test_every_payload_mode_checks_the_signature(server, s3, bucket, payload):
    """MinIO CVE-2025-31489: with unsigned trailers any secret worked for a known key id."""
    from conftest import Credentials

    impostor = server.client_as(Credentials(server.root.access_key_id, "wrong" * 8), "s3")

    def set_payload(request, **_):
        request.headers["x-amz-content-sha256"] = payload

    impostor.meta.events.register("before-sign.s3.PutObject", set_payload)
    with pytest.raises(impostor.exceptions.ClientError) as refusal:
        impostor.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def presigning(server):
    return server.client("s3", config=botocore.config.Config(signature_version="s3v4"))


def test_credentials_in_two_places_are_refused(server, s3, bucket):
    """MinIO CVE-2026-41145: the signature was checked for one place, the identity taken from the other."""
    url = presigning(server).generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
    request = urllib.request.Request(url, data=b"x", method="PUT", headers={
        "Authorization": f"AWS4-HMAC-SHA256 Credential={server.root.access_key_id}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00"})
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request)
    assert refusal.value.code in (400, 403)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_truncated_uploads_store_nothing(server, s3, bucket):
    import socket

    url = presigning(server).generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
    path = url.split(str(server.port), 1)[1]
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: 100000\r\n\r\n".encode() + b"x" * 50000)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65536)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
