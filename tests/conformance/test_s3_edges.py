"""What S3 is at the edges of its API: names in hosts, metadata, listings, CORS, forms, what an account blocks."""
import base64
import datetime
import email.header
import hashlib
import hmac
import http.client
import json
import socket
import ssl
import threading
import xml.etree.ElementTree as ET

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.exceptions
import botocore.handlers
import botocore.session
import pytest
from conftest import allow

NS = "{http://s3.amazonaws.com/doc/2006-03-01/}"
BLOCK = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
ORIGIN = "https://app.example"


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3")


@pytest.fixture(scope="module")
def bucket(s3):
    s3.create_bucket(Bucket="edges")
    return "edges"


def raw(server, method, path, headers=None, body=None):
    """(status, headers, body) of a request as it stands here; without a signature."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request(method, path, body=body, headers=headers or {})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content


def url_path(client, operation, **parameters):
    return client.generate_presigned_url(operation, Params=parameters).split("/", 3)[3]


def error_code(content):
    return ET.fromstring(content).findtext("Code")


def code_of(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as refusal:
        call(**arguments)
    return refusal.value.response["Error"]["Code"]


# --- Hosts ---

@pytest.fixture
def names(monkeypatch):
    """Every host of the lab is this machine, as its name server would say."""
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **named: resolve("127.0.0.1" if str(host).endswith(".internal") else host, *more, **named))


def test_buckets_are_hosts_below_the_domains_of_the_server(make_server, names, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("AWS_CA_BUNDLE", str(home / "data/tls/ca.pem"))
    server = make_server("--domain", "minio.s3.lab.internal", "--domain", "S3.internal", "--tls", "self", home=home)
    port, authority = server.endpoint.rsplit(":", 1)[1], server.data / "tls/ca.pem"

    def client(host, style="virtual"):
        return boto3.client("s3", endpoint_url=f"https://{host}:{port}", region_name=server.region, verify=str(authority),
                            aws_access_key_id=server.root.access_key_id, aws_secret_access_key=server.root.secret_access_key,
                            config=botocore.config.Config(s3={"addressing_style": style}, retries={"total_max_attempts": 1}))

    # The certificate holds for the domains and what is below them; the names go through TLS's SNI as clients send them.
    one = client("minio.s3.lab.internal")
    one.create_bucket(Bucket="in-a-host")
    one.put_object(Bucket="in-a-host", Key="a/key", Body=b"there")
    assert client("s3.internal").get_object(Bucket="in-a-host", Key="a/key")["Body"].read() == b"there"
    assert client("minio.s3.lab.internal", "path").get_object(Bucket="in-a-host", Key="a/key")["Body"].read() == b"there"
    assert [one["Name"] for one in client("minio.s3.lab.internal").list_buckets()["Buckets"]] == ["in-a-host"]

    def status(host, path):
        context = ssl.create_default_context(cafile=authority)
        connection = http.client.HTTPSConnection("localhost", int(port), context=context)
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, error_code(answer.read())
    # `minio.` is no bucket, and no host that the server was not told of holds one: the path does.
    assert status("minio.s3.lab.internal", "/in-a-host/a/key") == (403, "AccessDenied")
    assert status("minio.s3.other.internal", "/in-a-host/a/key") == (403, "AccessDenied")
    assert status("minio.s3.other.internal", "/a/key") == (404, "NoSuchBucket")
    assert status("in-a-host.S3.INTERNAL", "/a/key") == (403, "AccessDenied")


@pytest.mark.parametrize("domain", ["127.0.0.1", "https://s3.internal", "s3.internal:80", "internal", "-a.internal", "a..internal"])
def test_what_is_no_domain_is_refused_at_the_start(make_server, domain):
    with pytest.raises(RuntimeError, match="is not a domain"):
        make_server("--domain", domain)


# --- Objects and listings ---

def test_metadata_that_is_not_ascii_is_answered_as_an_encoded_word(server, s3, bucket):
    # boto3 sends no such header; a client that does sends bytes, which HTTP takes for ISO 8859-1.
    session = botocore.session.Session()
    session.set_credentials(server.root.access_key_id, server.root.secret_access_key)
    request = botocore.awsrequest.AWSRequest("PUT", f"{server.endpoint}/{bucket}/metadata", data=b"x",
                                             headers={"x-amz-meta-word": "größe", "x-amz-meta-plain": "as it is"})
    botocore.auth.S3SigV4Auth(session.get_credentials(), "s3", server.region).add_auth(request)
    headers = {name: value.encode() if isinstance(value, str) else value for name, value in request.headers.items()}
    assert raw(server, "PUT", f"/{bucket}/metadata", headers, b"x")[0] == 200
    answered = s3.head_object(Bucket=bucket, Key="metadata")["Metadata"]
    assert answered["plain"] == "as it is"
    assert answered["word"].startswith("=?UTF-8?B?") and answered["word"].endswith("?=")
    text = str(email.header.make_header(email.header.decode_header(answered["word"])))
    assert text.encode("latin-1").decode() == "größe"


def test_listings_say_seconds_and_give_references_for_control_characters(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="control/\x01\x1f", Body=b"x")
    plain = boto3.client("s3", endpoint_url=server.endpoint, region_name=server.region, aws_access_key_id=server.root.access_key_id,
                         aws_secret_access_key=server.root.secret_access_key, config=botocore.config.Config(s3={"addressing_style": "path"}))
    plain.meta.events.unregister("before-parameter-build.s3.ListObjectsV2", botocore.handlers.set_list_objects_encoding_type_url)
    page = raw(server, "GET", "/" + url_path(plain, "list_objects_v2", Bucket=bucket, Prefix="control/"))[2]
    assert b"<Key>control/&#x1;&#x1f;</Key>" in page
    assert s3.list_objects_v2(Bucket=bucket, Prefix="control/")["Contents"][0]["Key"] == "control/\x01\x1f"
    stamp = page.split(b"<LastModified>")[1].split(b"<")[0].decode()
    assert stamp.endswith(".000Z")
    listed = datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00"))
    assert listed == s3.head_object(Bucket=bucket, Key="control/\x01\x1f")["LastModified"]


@pytest.mark.parametrize("key", ["..", "../up", "a/../b", "a/..", "./here", "a//b", "/", "...", "a/./b"])
def test_dots_and_slashes_are_letters_of_keys(s3, bucket, key):
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    s3.copy_object(Bucket=bucket, Key=f"copied/{key}", CopySource={"Bucket": bucket, "Key": key})
    assert s3.get_object(Bucket=bucket, Key=f"copied/{key}")["Body"].read() == key.encode()
    assert key in [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"]]
    s3.delete_object(Bucket=bucket, Key=key)
    assert code_of(s3.get_object, Bucket=bucket, Key=key) == "NoSuchKey"


def test_a_body_that_ends_early_is_incomplete(server, s3, bucket):
    path = "/" + url_path(s3, "put_object", Bucket=bucket, Key="cut")
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as peer:
        peer.sendall(f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: 10\r\n\r\nabc".encode())
        peer.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: peer.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400") and error_code(answer.split(b"\r\n\r\n", 1)[1]) == "IncompleteBody"
    assert b"<Message>You did not provide the number of bytes specified by the Content-Length HTTP header" in answer
    assert code_of(s3.head_object, Bucket=bucket, Key="cut") == "404"


def test_errors_have_no_members_of_our_own(server, s3):
    content = raw(server, "PUT", "/" + url_path(s3, "create_bucket", Bucket="UPPER"))[2]
    assert {one.tag for one in ET.fromstring(content)} == {"Code", "Message", "BucketName", "RequestId", "HostId"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{server.account}:user/nobody"},
                                                                 "Action": "s3:GetObject", "Resource": "arn:aws:s3:::edges/*"}]})
    with pytest.raises(botocore.exceptions.ClientError) as refusal:
        s3.put_bucket_policy(Bucket="edges", Policy=document)
    assert refusal.value.response["Error"]["Code"] == "MalformedPolicy" and "user/nobody" in refusal.value.response["Error"]["Detail"]


@pytest.mark.parametrize("kind", ["REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "DEEP_ARCHIVE", "GLACIER_IR", "none"])
def test_other_storage_classes_are_refused(s3, bucket, kind):
    assert code_of(s3.put_object, Bucket=bucket, Key="class", Body=b"x", StorageClass=kind) == "InvalidStorageClass"
    assert code_of(s3.create_multipart_upload, Bucket=bucket, Key="class", StorageClass=kind) == "InvalidStorageClass"


def test_acls_cannot_be_switched_on(s3, bucket):
    for ownership in ("BucketOwnerPreferred", "ObjectWriter"):
        rules = {"Rules": [{"ObjectOwnership": ownership}]}
        assert code_of(s3.put_bucket_ownership_controls, Bucket=bucket, OwnershipControls=rules) == "NotImplemented"
        assert code_of(s3.create_bucket, Bucket="with-acls", ObjectOwnership=ownership) == "NotImplemented"
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    for acl in ("private", "bucket-owner-full-control"):
        s3.put_object(Bucket=bucket, Key="acl", Body=b"x", ACL=acl)
        s3.put_object_acl(Bucket=bucket, Key="acl", ACL=acl)
    for acl in ("public-read", "public-read-write", "authenticated-read", "bucket-owner-read", "aws-exec-read"):
        assert code_of(s3.put_object, Bucket=bucket, Key="acl", Body=b"x", ACL=acl) == "AccessControlListNotSupported"


# --- CORS ---

def test_cors(server, s3, bucket):
    preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "Content-Type,x-amz-date"}
    status, _, content = raw(server, "OPTIONS", f"/{bucket}/k", preflight)
    assert (status, error_code(content)) == (403, "AccessForbidden") and b"CORS is not enabled" in content
    assert code_of(s3.get_bucket_cors, Bucket=bucket) == "NoSuchCORSConfiguration"
    rules = [{"ID": "app", "AllowedOrigins": ["https://*.example"], "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["content-type", "x-amz-*"],
              "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 300}, {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]}]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == rules

    status, headers, _ = raw(server, "OPTIONS", f"/{bucket}/k", preflight)
    assert status == 200 and headers["access-control-allow-origin"] == ORIGIN and headers["access-control-allow-methods"] == "GET, PUT"
    assert headers["access-control-allow-headers"] == "content-type,x-amz-date" and headers["access-control-max-age"] == "300"
    assert headers["access-control-allow-credentials"] == "true" and headers["vary"].startswith("Origin")
    # A presigned URL is signed for the request, not for what browsers ask before it.
    assert raw(server, "OPTIONS", "/" + url_path(s3, "put_object", Bucket=bucket, Key="k"), preflight)[0] == 200
    for wrong in ({**preflight, "Origin": "https://app.example.evil"}, {**preflight, "Access-Control-Request-Method": "DELETE"},
                  {**preflight, "Access-Control-Request-Headers": "x-other"}):
        status, headers, content = raw(server, "OPTIONS", f"/{bucket}/k", wrong)
        assert (status, error_code(content)) == (403, "AccessForbidden") and "access-control-allow-origin" not in headers
    assert raw(server, "OPTIONS", f"/{bucket}/k", {"Origin": ORIGIN})[0] == 400
    assert raw(server, "OPTIONS", f"/{bucket}/k")[0] == 400
    assert error_code(raw(server, "OPTIONS", "/nosuch-bucket/k", preflight)[2]) == "NoSuchBucket"
    assert raw(server, "OPTIONS", f"/{bucket}/k", {"Origin": "null", "Access-Control-Request-Method": "HEAD"})[1]["access-control-allow-origin"] == "*"

    # On answers, errors too; it lets nobody in.
    status, headers, content = raw(server, "GET", f"/{bucket}/k", {"Origin": ORIGIN})
    assert (status, error_code(content)) == (403, "AccessDenied") and headers["access-control-allow-origin"] == ORIGIN
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    status, headers, content = raw(server, "GET", "/" + url_path(s3, "get_object", Bucket=bucket, Key="k"), {"Origin": ORIGIN})
    assert (status, content, headers["access-control-expose-headers"]) == (200, b"x", "ETag")
    assert "access-control-allow-origin" not in raw(server, "GET", f"/{bucket}/k", {"Origin": "https://evil.test"})[1]
    assert "access-control-allow-origin" not in raw(server, "GET", f"/{bucket}/k")[1]

    for broken, code in (([], "MalformedXML"), ([{"AllowedOrigins": ["http://*.*"], "AllowedMethods": ["GET"]}], "InvalidRequest"),
                         ([{"AllowedOrigins": ["*"], "AllowedMethods": ["OPTIONS"]}], "InvalidRequest"),
                         ([{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"], "ExposeHeaders": ["*"]}], "InvalidRequest")):
        assert code_of(s3.put_bucket_cors, Bucket=bucket, CORSConfiguration={"CORSRules": broken}) == code
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == rules
    s3.delete_bucket_cors(Bucket=bucket)
    assert code_of(s3.get_bucket_cors, Bucket=bucket) == "NoSuchCORSConfiguration"


def test_cors_is_configured_by_those_alone_who_may(server, make_user, bucket):
    reader = server.client_as(make_user("cors-reader", allow("s3:GetBucketCORS", resource=f"arn:aws:s3:::{bucket}")), "s3")
    assert code_of(reader.get_bucket_cors, Bucket=bucket) == "NoSuchCORSConfiguration"
    rules = {"CORSRules": [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}]}
    assert code_of(reader.put_bucket_cors, Bucket=bucket, CORSConfiguration=rules) == "AccessDenied"
    assert code_of(reader.delete_bucket_cors, Bucket=bucket) == "AccessDenied"


# --- Forms ---

def form(fields, content=b"content", name="a file.txt", boundary="a-boundary", end="--"):
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode() for key, value in fields.items()]
    file = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/html\r\n\r\n'.encode()
    return b"".join(parts) + file + content + f"\r\n--{boundary}{end}\r\n".encode()


def post(server, bucket, fields, *content, headers=None, **options):
    boundary = options.get("boundary", "a-boundary")
    return raw(server, "POST", f"/{bucket}", {"Content-Type": f"multipart/form-data; boundary={boundary}", **(headers or {})},
               form(fields, *content, **options))


def signed_v2(server, conditions, fields, expires="2099-01-01T00:00:00Z"):
    policy = base64.b64encode(json.dumps({"expiration": expires, "conditions": conditions}).encode()).decode()
    signature = base64.b64encode(hmac.new(server.root.secret_access_key.encode(), policy.encode(), hashlib.sha1).digest()).decode()
    return {**fields, "AWSAccessKeyId": server.root.access_key_id, "policy": policy, "signature": signature}


def signed(client, bucket, key, fields=None, conditions=None):
    fields = fields or {}
    return client.generate_presigned_post(bucket, key, Fields=fields, Conditions=[{name: value} for name, value in fields.items()] + (conditions or []))["fields"]


def test_a_form_uploads(server, bucket):
    s3 = server.client("s3", config=botocore.config.Config(signature_version="s3v4"))
    tags = "<Tagging><TagSet><Tag><Key>team</Key><Value>a b</Value></Tag></TagSet></Tagging>"
    fields = signed(s3, bucket, "forms/${filename}", {"Content-Type": "text/plain", "x-amz-meta-one": "1", "acl": "private", "tagging": tags,
                                                      "success_action_status": "201", "Cache-Control": "no-store"})
    status, headers, content = post(server, bucket, fields, b"bytes\r\n--a-boundar\r\n", name="C:\\tmp\\a file.txt")
    assert status == 201, content
    answer = ET.fromstring(content)
    assert (answer.findtext("Bucket"), answer.findtext("Key")) == (bucket, "forms/a file.txt") and answer.findtext("ETag") == headers["etag"]
    assert headers["location"] == f"http://127.0.0.1:{server.port}/{bucket}/forms/a%20file.txt"
    stored = s3.get_object(Bucket=bucket, Key="forms/a file.txt")
    assert stored["Body"].read() == b"bytes\r\n--a-boundar\r\n"
    assert (stored["ContentType"], stored["Metadata"], stored["CacheControl"]) == ("text/plain", {"one": "1"}, "no-store")
    assert s3.get_object_tagging(Bucket=bucket, Key="forms/a file.txt")["TagSet"] == [{"Key": "team", "Value": "a b"}]

    assert post(server, bucket, signed(s3, bucket, "empty"), b"")[0] == 204
    assert s3.head_object(Bucket=bucket, Key="empty")["ContentLength"] == 0
    fields = signed(s3, bucket, "next", {"success_action_redirect": "https://app.example/done?x=1#there"})
    status, headers, _ = post(server, bucket, fields)
    etag = s3.head_object(Bucket=bucket, Key="next")["ETag"].strip('"')
    assert (status, headers["location"]) == (303, f"https://app.example/done?x=1&bucket={bucket}&key=next&etag=%22{etag}%22#there")
    # What is no page is not gone to, and an answer that S3 does not have is not given.
    assert post(server, bucket, signed(s3, bucket, "next", {"success_action_redirect": "javascript:alert(1)", "success_action_status": "404"}))[0] == 204
    large = bytes(range(256)) * 4096 * 3
    assert post(server, bucket, signed(s3, bucket, "large"), large)[0] == 204
    assert hashlib.sha256(s3.get_object(Bucket=bucket, Key="large")["Body"].read()).digest() == hashlib.sha256(large).digest()


def test_a_form_says_how_its_object_is_encrypted(server, s3, bucket):
    header = "x-amz-server-side-encryption"
    for fields, expected in (({}, 204), ({header: "AES256"}, 204), ({header: "aws:kms"}, 400), ({header: "none"}, 400),
                             ({f"{header}-aws-kms-key-id": "alias/aws/s3"}, 400)):
        status, headers, content = post(server, bucket, signed(s3, bucket, "encrypted", fields))
        assert status == expected, content
        # What the account's key seals comes over TLS alone.
        assert headers.get(header) == "AES256" if status == 204 else error_code(content) == "InvalidArgument"
    assert s3.head_object(Bucket=bucket, Key="encrypted")["ServerSideEncryption"] == "AES256"
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={
        "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}]})
    refused = post(server, bucket, signed(s3, bucket, "encrypted", {f"{header}-customer-algorithm": "AES256"}))
    assert (refused[0], error_code(refused[2])) == (403, "AccessDenied")
    assert post(server, bucket, signed(s3, bucket, "encrypted"))[0] == 204


def test_a_form_of_signature_version_2(server, bucket, s3):
    conditions = [{"bUcKeT": bucket}, ["StArTs-WiTh", "$KeY", "v2/"], ["content-length-range", 3, 7]]
    assert post(server, bucket, signed_v2(server, conditions, {"kEy": "v2/a"}), b"content")[0] == 204
    assert s3.get_object(Bucket=bucket, Key="v2/a")["Body"].read() == b"content"
    for content, code in ((b"contents", "EntityTooLarge"), (b"co", "EntityTooSmall")):
        status, _, answer = post(server, bucket, signed_v2(server, conditions, {"key": "v2/b"}), content)
        assert (status, error_code(answer)) == (400, code)
    assert code_of(s3.head_object, Bucket=bucket, Key="v2/b") == "404"


def test_a_form_without_a_policy_is_anonymous(server, s3, bucket):
    status, _, answer = post(server, bucket, {"key": "anonymous"})
    assert (status, error_code(answer)) == (403, "AccessDenied")
    assert code_of(s3.head_object, Bucket=bucket, Key="anonymous") == "404"


@pytest.mark.parametrize("what, change, expected", [
    ("another key", {"key": "other"}, (403, "AccessDenied")),
    ("a field that no condition names", {"x-amz-meta-more": "1"}, (403, "AccessDenied")),
    ("another value", {"x-amz-meta-one": "2"}, (403, "AccessDenied")),
    ("a field that is gone", {"x-amz-meta-one": None}, (403, "AccessDenied")),
    ("an ignored field", {"x-ignore-me": "1"}, (204, None)),
    ("another policy", {"policy": base64.b64encode(b'{"expiration":"2099-01-01T00:00:00Z","conditions":[]}').decode()}, (403, "SignatureDoesNotMatch")),
    ("another signature", {"x-amz-signature": "0" * 64}, (403, "SignatureDoesNotMatch")),
    ("no signature", {"x-amz-signature": None}, (400, "InvalidArgument")),
    ("no policy", {"policy": None}, (400, "InvalidArgument")),
    ("no key", {"key": None}, (400, "InvalidArgument")),
    ("two kinds of signatures", {"AWSAccessKeyId": "x", "signature": "y"}, (400, "InvalidArgument")),
    ("another service", {"x-amz-credential": "x"}, (400, "InvalidArgument")),
    ("an unknown key", {"x-amz-credential": "AKIAUNKNOWN/20260101/us-east-1/s3/aws4_request"}, (403, "InvalidAccessKeyId")),
    ("another bucket in a field", {"bucket": "another"}, (403, "AccessDenied")),
    ("a body that is signed otherwise", {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, (400, "InvalidArgument")),
    ("a copy", {"x-amz-copy-source": "edges/k"}, (400, "InvalidArgument")),
])
def test_forms_that_are_refused(server, s3, bucket, what, change, expected):
    s4 = server.client("s3", config=botocore.config.Config(signature_version="s3v4"))
    fields = signed(s4, bucket, "refused", {"x-amz-meta-one": "1"})
    fields = {name: value for name, value in {**fields, **change}.items() if value is not None}
    status, _, content = post(server, bucket, fields)
    assert (status, error_code(content) if content else None) == expected, (what, content)
    for key in ("refused", "other"):
        if expected[0] != 204:
            assert code_of(s3.head_object, Bucket=bucket, Key=key) == "404"
        else:
            s3.delete_object(Bucket=bucket, Key=key)


@pytest.mark.parametrize("document, expected", [
    ({"conditions": []}, (400, "InvalidPolicyDocument")), ({"expiration": "2099-01-01T00:00:00Z"}, (400, "InvalidPolicyDocument")),
    ({"expiration": "2020-01-01T00:00:00Z", "conditions": []}, (403, "AccessDenied")), ({"expiration": "tomorrow", "conditions": []}, (400, "InvalidPolicyDocument")),
    ({"Expiration": "2099-01-01T00:00:00Z", "conditions": []}, (400, "InvalidPolicyDocument")),
    ({"expiration": "2099-01-01T00:00:00Z", "conditions": [{}]}, (400, "InvalidPolicyDocument")),
    ({"expiration": "2099-01-01T00:00:00Z", "conditions": [["content-length-range", 0]]}, (400, "InvalidPolicyDocument")),
    ({"expiration": "2099-01-01T00:00:00Z", "conditions": [["content-length-range", -1, 5]]}, (400, "InvalidPolicyDocument")),
    ({"expiration": "2099-01-01T00:00:00Z", "conditions": [["matches", "$key", "k"]]}, (400, "InvalidPolicyDocument")),
    ({"expiration": "2099-01-01T00:00:00Z", "conditions": [["starts-with", "$key", ""]]}, (403, "AccessDenied")),  # of any bucket
])
def test_policies_that_are_refused(server, s3, bucket, document, expected):
    policy = base64.b64encode(json.dumps(document).encode()).decode()
    signature = base64.b64encode(hmac.new(server.root.secret_access_key.encode(), policy.encode(), hashlib.sha1).digest()).decode()
    status, _, content = post(server, bucket, {"key": "k-of-policy", "AWSAccessKeyId": server.root.access_key_id, "policy": policy, "signature": signature})
    assert (status, error_code(content)) == expected
    assert code_of(s3.head_object, Bucket=bucket, Key="k-of-policy") == "404"


def test_bodies_that_are_no_forms(server, s3, bucket):
    whole = form(signed_v2(server, [{"bucket": bucket}, {"key": "broken"}], {"key": "broken"}))
    kind = {"Content-Type": "multipart/form-data; boundary=a-boundary"}
    for body in (whole[:-20], whole.replace(b"\r\n--a-boundary--", b"\r\n--other--"), whole.replace(b'name="key"', b"nothing"), b"", b"--a-boundary--\r\n",
                 whole.replace(b"--a-boundary", b"junk--a-boundary", 1)):
        status, _, content = raw(server, "POST", f"/{bucket}", kind, body)
        assert (status, error_code(content)) == (400, "MalformedPOSTRequest"), body[:40]
    assert error_code(raw(server, "POST", f"/{bucket}", kind, form({f"x-ignore-{i}": "y" for i in range(101)}))[2]) == "InvalidArgument"
    assert error_code(raw(server, "POST", f"/{bucket}", kind, form({"x-ignore": "y" * 30000}))[2]) == "MaxPostPreDataLengthExceededError"
    twice = form({"key": "a"}).replace(b"--a-boundary\r\nContent", b'--a-boundary\r\nContent-Disposition: form-data; name="KEY"\r\n\r\nb\r\n--a-boundary\r\nContent', 1)
    assert error_code(raw(server, "POST", f"/{bucket}", kind, twice)[2]) == "InvalidArgument"
    assert error_code(raw(server, "POST", f"/{bucket}", {"Content-Type": "multipart/form-data"}, whole)[2]) == "MalformedPOSTRequest"
    status, _, content = raw(server, "POST", f"/{bucket}", {"Content-Type": "application/x-amz"}, b"x")
    assert (status, error_code(content)) == (412, "PreconditionFailed")
    # Nothing of the HTTP request's own headers is the object's.
    fields = signed_v2(server, [{"bucket": bucket}, {"key": "headers"}], {"key": "headers"})
    assert post(server, bucket, fields, headers={"x-amz-meta-from": "http", "x-amz-tagging": "a=b", "Cache-Control": "x"})[0] == 204
    stored = s3.head_object(Bucket=bucket, Key="headers")
    assert stored["Metadata"] == {} and "CacheControl" not in stored and "TagCount" not in stored
    assert code_of(s3.head_object, Bucket=bucket, Key="broken") == "404"


def test_a_form_is_decided_as_the_put_that_it_is(server, make_user, s3, bucket):
    write = allow("s3:PutObject", resource=f"arn:aws:s3:::{bucket}/by-form/*", StringEquals={"s3:authType": "POST", "s3:x-amz-acl": "private"})
    keys = make_user("former", write)
    former = server.client_as(keys, "s3", config=botocore.config.Config(signature_version="s3v4"))
    assert code_of(former.put_object, Bucket=bucket, Key="by-form/k", Body=b"x", ACL="private") == "AccessDenied"
    refused = post(server, bucket, signed(former, bucket, "by-form/k", {"acl": "private"}))
    assert (refused[0], error_code(refused[2])) == (403, "AccessDenied") and b"s3:PutObjectAcl" in refused[2]
    server.client("iam").put_user_policy(UserName="former", PolicyName="acl", PolicyDocument=json.dumps(allow("s3:PutObjectAcl", resource="*")))
    assert post(server, bucket, signed(former, bucket, "by-form/k", {"acl": "private"}))[0] == 204
    assert post(server, bucket, signed(former, bucket, "by-form/k"))[0] == 403
    assert post(server, bucket, signed(former, bucket, "elsewhere", {"acl": "private"}))[0] == 403
    records = server.trainwarden("audit", "--json", "-n", "1", "--action", "s3:PutObject", "--outcome", "succeeded").stdout
    assert json.loads(records.splitlines()[0])["Operation"] == "PutObject" and "by-form/k" in records
    # A key that is gone holds no longer, whatever the policy says.
    fields = signed(former, bucket, "by-form/late", {"acl": "private"})
    server.client("iam").delete_access_key(UserName="former", AccessKeyId=keys.access_key_id)
    status, _, content = post(server, bucket, fields)
    assert (status, error_code(content)) == (403, "InvalidAccessKeyId")
    assert code_of(s3.head_object, Bucket=bucket, Key="by-form/late") == "404"


# --- What an account blocks ---

@pytest.fixture
def control(server, monkeypatch):
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **named: resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *more, **named))

    def client(credentials, at=server):
        return boto3.client("s3control", region_name=at.region, endpoint_url=f"http://localhost:{at.port}",
                            aws_access_key_id=credentials.access_key_id, aws_secret_access_key=credentials.secret_access_key)
    yield client
    client(server.root).delete_public_access_block(AccountId=server.account)


def test_what_an_account_blocks(server, s3, control, make_user):
    root, account = control(server.root), server.account
    assert code_of(root.get_public_access_block, AccountId=account) == "NoSuchPublicAccessBlockConfiguration"
    s3.create_bucket(Bucket="open-bucket")
    s3.delete_public_access_block(Bucket="open-bucket")
    everyone = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::open-bucket/*"}]}
    s3.put_bucket_policy(Bucket="open-bucket", Policy=json.dumps(everyone))
    s3.put_object(Bucket="open-bucket", Key="k", Body=b"x")
    who = lambda: server.trainwarden("who-can", "s3:GetObject", "arn:aws:s3:::open-bucket/k").stdout
    assert raw(server, "GET", "/open-bucket/k")[0] == 200
    before = who()

    root.put_public_access_block(AccountId=account, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True, "BlockPublicPolicy": True})
    assert root.get_public_access_block(AccountId=account)["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": False, "IgnorePublicAcls": False, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
    assert raw(server, "GET", "/open-bucket/k")[0] == 403
    assert who() != before
    assert code_of(s3.put_bucket_policy, Bucket="open-bucket", Policy=json.dumps(everyone)) == "AccessDenied"
    # What the bucket itself says is another thing; a bucket that comes later is blocked too.
    assert code_of(s3.get_public_access_block, Bucket="open-bucket") == "NoSuchPublicAccessBlockConfiguration"
    s3.put_public_access_block(Bucket="open-bucket", PublicAccessBlockConfiguration={})
    assert raw(server, "GET", "/open-bucket/k")[0] == 403
    s3.create_bucket(Bucket="later-bucket")
    s3.delete_public_access_block(Bucket="later-bucket")
    later = json.dumps(everyone).replace("open-bucket", "later-bucket")
    assert code_of(s3.put_bucket_policy, Bucket="later-bucket", Policy=later) == "AccessDenied"

    root.delete_public_access_block(AccountId=account)
    assert raw(server, "GET", "/open-bucket/k")[0] == 200 and who() == before
    s3.put_bucket_policy(Bucket="later-bucket", Policy=later)


def test_who_may_say_what_an_account_blocks(server, control, make_user):
    reader = control(make_user("block-reader", allow("s3:GetAccountPublicAccessBlock")))
    writer = control(make_user("block-writer", allow("s3:PutAccountPublicAccessBlock")))
    of_buckets = control(make_user("bucket-blocker", allow("s3:PutBucketPublicAccessBlock", "s3:GetBucketPublicAccessBlock")))
    block = {"AccountId": server.account, "PublicAccessBlockConfiguration": BLOCK}
    assert code_of(reader.put_public_access_block, **block) == "AccessDenied"
    writer.put_public_access_block(**block)
    assert code_of(writer.get_public_access_block, AccountId=server.account) == "AccessDenied"
    assert reader.get_public_access_block(AccountId=server.account)["PublicAccessBlockConfiguration"] == BLOCK
    assert code_of(of_buckets.put_public_access_block, **block) == "AccessDenied"
    assert code_of(of_buckets.get_public_access_block, AccountId=server.account) == "AccessDenied"
    # Another account's is nobody's here, root's neither.
    assert code_of(control(server.root).put_public_access_block, **{**block, "AccountId": "999999999999"}) == "AccessDenied"
    writer.delete_public_access_block(AccountId=server.account)
    assert code_of(reader.get_public_access_block, AccountId=server.account) == "NoSuchPublicAccessBlockConfiguration"


def test_what_an_account_blocks_outlives_the_server(make_server, control):
    server = make_server()
    control(server.root, server).put_public_access_block(AccountId=server.account, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    s3 = server.client("s3")
    s3.create_bucket(Bucket="open-bucket")
    s3.delete_public_access_block(Bucket="open-bucket")
    s3.put_bucket_policy(Bucket="open-bucket", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::open-bucket/*"}]}))
    s3.put_object(Bucket="open-bucket", Key="k", Body=b"x")
    assert server.stop() == 0
    server.start()
    assert control(server.root, server).get_public_access_block(AccountId=server.account)["PublicAccessBlockConfiguration"]["RestrictPublicBuckets"]
    assert raw(server, "GET", "/open-bucket/k")[0] == 403
    control(server.root, server).delete_public_access_block(AccountId=server.account)
    assert raw(server, "GET", "/open-bucket/k")[0] == 200


def test_a_change_of_the_account_races_no_answer(server, s3, control):
    """After the block was acknowledged, no anonymous read is answered."""
    s3.create_bucket(Bucket="raced-bucket")
    s3.delete_public_access_block(Bucket="raced-bucket")
    s3.put_bucket_policy(Bucket="raced-bucket", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::raced-bucket/*"}]}))
    s3.put_object(Bucket="raced-bucket", Key="k", Body=b"x")
    root, blocked, wrong, read, end = control(server.root), threading.Event(), [], [], threading.Event()

    def reader():
        while not end.is_set():
            was_blocked = blocked.is_set()
            status = raw(server, "GET", "/raced-bucket/k")[0]
            read.append(status)
            if was_blocked and blocked.is_set() and status == 200:
                wrong.append(status)
    threads = [threading.Thread(target=reader) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        root.put_public_access_block(AccountId=server.account, PublicAccessBlockConfiguration=BLOCK)
        blocked.set()
        assert raw(server, "GET", "/raced-bucket/k")[0] == 403
        blocked.clear()
        root.delete_public_access_block(AccountId=server.account)
        assert raw(server, "GET", "/raced-bucket/k")[0] == 200
    end.set()
    for thread in threads:
        thread.join()
    assert read and not wrong
