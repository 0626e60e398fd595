"""Signature Version 4 and HTTP from the outside: requests that no AWS SDK would send, made by hand and signed by botocore (the oracle).

The holes of peers that PEERS.md lists each have a test here that names them.
"""

import base64
import datetime
import hashlib
import http.client
import json
import socket
import ssl
import subprocess
import urllib.parse
import xml.etree.ElementTree as ElementTree
import zlib

import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import pytest
from botocore.exceptions import ClientError

from conftest import BINARY
from test_s3 import crc

EMPTY = hashlib.sha256(b"").hexdigest()
MODES = ["literal", "UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
         "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"]


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def code(self):
        if not self.body:
            return None
        return ElementTree.fromstring(self.body).findtext(".//{*}Code")

    @property
    def message(self):
        return ElementTree.fromstring(self.body).findtext(".//{*}Message")


def send(server, method, url, headers, body=b""):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    connection.putrequest(method, parts.path + ("?" + parts.query if parts.query else ""), skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    if body:
        connection.send(body)
    answer = Answer(connection.getresponse())
    connection.close()
    return answer


def credentials_of(server, secret=None):
    return botocore.credentials.Credentials(server.root.access_key_id, secret or server.root.secret_access_key)


def sign(server, method, path, headers=None, payload=EMPTY, secret=None, place="header", expires=60, clock=None, monkeypatch=None, service="s3"):
    """The URL and headers of a request that botocore signed for this payload declaration."""
    if clock is not None:
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: clock)
    request = botocore.awsrequest.AWSRequest(method=method, url=server.endpoint + path, headers={"Host": f"127.0.0.1:{server.port}", **(headers or {})})
    credentials = credentials_of(server, secret)
    if place == "header":
        request.headers["X-Amz-Content-SHA256"] = payload

        class Signer(botocore.auth.S3SigV4Auth):
            def payload(self, request):
                return payload

            def _should_sha256_sign_payload(self, request):
                return True

        Signer(credentials, service, server.region).add_auth(request)
    else:
        if payload != "UNSIGNED-PAYLOAD":
            request.headers["X-Amz-Content-SHA256"] = payload

        class QuerySigner(botocore.auth.S3SigV4QueryAuth):
            def payload(self, request):
                return payload

        QuerySigner(credentials, service, server.region, expires=expires).add_auth(request)
    prepared = request.prepare()
    return prepared.url, dict(request.headers.items())


class Chunks:
    """aws-chunked bodies, chunk signatures included; written from the documentation, not from the server."""

    def __init__(self, server, headers, url, secret=None):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        if "Authorization" in headers:
            self.previous = headers["Authorization"].rsplit("Signature=", 1)[1]
            self.date = headers["X-Amz-Date"]
        else:
            self.previous, self.date = query["X-Amz-Signature"], query["X-Amz-Date"]
        self.scope = f"{self.date[:8]}/{server.region}/s3/aws4_request"
        key = ("AWS4" + (secret or server.root.secret_access_key)).encode()
        for part in (self.date[:8], server.region, "s3", "aws4_request"):
            key = hashlib_hmac(key, part.encode())
        self.key = key

    def signature(self, kind, *hashes):
        text = "\n".join([f"AWS4-HMAC-SHA256-{kind}", self.date, self.scope, self.previous, *hashes])
        self.previous = hashlib_hmac(self.key, text.encode()).hex()
        return self.previous

    def chunk(self, content):
        signature = self.signature("PAYLOAD", EMPTY, hashlib.sha256(content).hexdigest())
        head = f"{len(content):x};chunk-signature={signature}\r\n".encode()
        return head + content + b"\r\n" if content else head

    def trailer(self, name, value):
        signature = self.signature("TRAILER", hashlib.sha256(f"{name}:{value}\n".encode()).hexdigest())
        return f"{name}:{value}\r\nx-amz-trailer-signature:{signature}\r\n".encode()


def hashlib_hmac(key, text):
    import hmac

    return hmac.new(key, text, hashlib.sha256).digest()


def crc32(content):
    return base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()


def upload(server, path, content, mode, place="header", secret=None, tamper=None, algorithm="crc32", checksum=None):
    """One PUT in that payload mode; `tamper` changes the body after signing. A trailer holds the `checksum` that `algorithm` gives."""
    checksum = checksum or crc32(content)
    headers, payload = {}, mode
    if mode == "literal":
        payload = hashlib.sha256(content).hexdigest()
    if mode.startswith("STREAMING"):
        headers["X-Amz-Decoded-Content-Length"] = str(len(content))
        headers["Content-Encoding"] = "aws-chunked"
    if mode.endswith("TRAILER"):
        headers["X-Amz-Trailer"] = f"x-amz-checksum-{algorithm}"
    url, headers = sign(server, "PUT", path, headers, payload, secret, place)
    body = content
    if mode == "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
        body = f"{len(content):x}\r\n".encode() + content + f"\r\n0\r\nx-amz-checksum-{algorithm}:{checksum}\r\n\r\n".encode()
    elif mode.startswith("STREAMING"):
        chunks = Chunks(server, headers, url, secret)
        half = len(content) // 2
        body = chunks.chunk(content[:half]) + chunks.chunk(content[half:]) + chunks.chunk(b"")
        if mode.endswith("TRAILER"):
            body += chunks.trailer(f"x-amz-checksum-{algorithm}", checksum)
        body += b"\r\n"
    if tamper:
        body = tamper(body)
    return send(server, "PUT", url, headers, body)


@pytest.fixture(scope="module")
def bucket(server):
    server.client("s3").create_bucket(Bucket="signatures")
    return "signatures"


def keys_in(server, bucket):
    return {entry["Key"] for entry in server.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])}


@pytest.mark.parametrize("place", ["header", "query"])
@pytest.mark.parametrize("mode", MODES)
def test_every_payload_mode_in_every_place(server, bucket, mode, place):
    content = b"some content " * 1000
    key = f"good-{mode}-{place}"
    answer = upload(server, f"/{bucket}/{key}", content, mode, place)
    assert (answer.status, answer.body) == (200, b"")
    assert server.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == content


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode.endswith("TRAILER")])
@pytest.mark.parametrize("algorithm, bits, polynomial", [("crc32c", 32, 0x82F63B78), ("crc64nvme", 64, 0x9A6C9329AC4BC9B5)])
def test_every_checksum_in_a_trailer(server, bucket, mode, algorithm, bits, polynomial):
    """Those that boto3 computes only with a package of its own; test_s3.py has the others."""
    content = b"some content " * 1000
    right, wrong = crc(bits, polynomial, content), crc(bits, polynomial, b"other content")
    key = f"trailer-{mode}-{algorithm}"
    assert upload(server, f"/{bucket}/{key}", content, mode, algorithm=algorithm, checksum=right).status == 200
    head = server.client("s3").head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    assert head[f"Checksum{algorithm.upper()}"] == right and head["ContentLength"] == len(content)
    answer = upload(server, f"/{bucket}/wrong", content, mode, algorithm=algorithm, checksum=wrong)
    assert (answer.status, answer.code) == (400, "BadDigest")
    assert "wrong" not in keys_in(server, bucket)


@pytest.mark.parametrize("place", ["header", "query"])
@pytest.mark.parametrize("mode", MODES)
def test_a_known_key_with_any_secret_stores_nothing(server, bucket, mode, place):
    """MinIO CVE-2025-31489 (streaming unsigned payload, header) and CVE-2026-41145 (the same, query)."""
    key = f"forged-{mode}-{place}"
    answer = upload(server, f"/{bucket}/{key}", b"forged " * 100, mode, place, secret="any secret at all")
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
    assert key not in keys_in(server, bucket)


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "UNSIGNED-PAYLOAD"])
def test_a_changed_payload_stores_nothing(server, bucket, mode):
    key = f"changed-{mode}"
    answer = upload(server, f"/{bucket}/{key}", b"original " * 100, mode, tamper=lambda body: body.replace(b"original", b"tampered", 1))
    expected = {"literal": "XAmzContentSHA256Mismatch", "STREAMING-UNSIGNED-PAYLOAD-TRAILER": "BadDigest"}.get(mode, "SignatureDoesNotMatch")
    assert answer.code == expected
    assert key not in keys_in(server, bucket)


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode.startswith("STREAMING")])
def test_a_truncated_payload_stores_nothing(server, bucket, mode):
    key = f"truncated-{mode}"
    answer = upload(server, f"/{bucket}/{key}", b"whole " * 100, mode, tamper=lambda body: body[:-40])
    assert answer.status in (400, 403)
    assert key not in keys_in(server, bucket)


def test_a_connection_that_ends_early_stores_nothing(server, bucket):
    url, headers = sign(server, "PUT", f"/{bucket}/cut", payload="UNSIGNED-PAYLOAD")
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        connection.sendall(f"PUT /{bucket}/cut HTTP/1.1\r\n{lines}Content-Length: 1000\r\n\r\n".encode() + b"x" * 500)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()
    assert b"IncompleteBody" in answer
    assert "cut" not in keys_in(server, bucket)


def test_both_places_at_once_are_refused(server, bucket):
    url, _ = sign(server, "GET", f"/{bucket}", payload="UNSIGNED-PAYLOAD", place="query")
    _, headers = sign(server, "GET", f"/{bucket}")
    answer = send(server, "GET", url, headers)
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert "Only one auth mechanism allowed" in answer.message


def test_an_unsigned_header_that_means_something_is_refused(server, bucket):
    url, headers = sign(server, "PUT", f"/{bucket}/acl", payload="UNSIGNED-PAYLOAD")
    headers["x-amz-copy-source"] = f"/{bucket}/other"
    answer = send(server, "PUT", url, headers, b"x")
    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert answer.message == "There were headers present in the request which were not signed"


def test_a_header_that_is_there_twice_decides_nothing(server, bucket, make_user):
    """Whoever reads the first of two Referers and whoever reads the last decide differently: a request with two of them is refused, signed or not."""
    allowed = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*",
         "Condition": {"StringLike": {"aws:Referer": "https://good.example/*"}}},
        {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*",
         "Condition": {"StringEquals": {"aws:UserAgent": "bad"}}}]}
    s3 = server.client("s3")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={
        name: False for name in ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")})
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(allowed))
    s3.put_object(Bucket=bucket, Key="twice", Body=b"bytes")

    def get(*fields):
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            connection.sendall(f"GET /{bucket}/twice HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{lines}\r\n".encode())
            return connection.makefile("rb").read()

    good, bad = ("Referer", "https://good.example/a"), ("referer", "https://bad.example/")
    try:
        assert get(good).startswith(b"HTTP/1.1 200") and get(good, good).startswith(b"HTTP/1.1 200")
        assert get(bad).startswith(b"HTTP/1.1 403")
        for fields in ((good, bad), (bad, good), (good, ("User-Agent", "fine"), ("USER-AGENT", "bad"))):
            answer = get(*fields)
            assert answer.startswith(b"HTTP/1.1 400") and b"<Code>InvalidArgument</Code>" in answer and b"more than once" in answer
    finally:
        s3.delete_bucket_policy(Bucket=bucket)


def test_tls_on_the_plain_port_is_told(server):
    context = ssl.create_default_context()
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection, pytest.raises(ssl.SSLError):
        context.wrap_socket(connection, server_hostname="localhost")
    log = server.output.read_text()
    assert f"speaks TLS to port {server.port}, which speaks plain HTTP: its endpoint must begin with http://" in log
    environment = {**server.client_environment(), "AWS_ENDPOINT_URL": f"https://127.0.0.1:{server.port}"}
    done = subprocess.run([BINARY, "audit", "-n", "1"], env=environment, text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1 and f"its endpoint is http://127.0.0.1:{server.port}" in done.stderr


@pytest.mark.parametrize("minutes", [-16, 16])
def test_clock_skew(server, bucket, monkeypatch, minutes):
    """RustFS: no clock-skew check on header signatures."""
    clock = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + datetime.timedelta(minutes=minutes)
    url, headers = sign(server, "GET", f"/{bucket}", clock=clock, monkeypatch=monkeypatch)
    answer = send(server, "GET", url, headers)
    assert (answer.status, answer.code) == (403, "RequestTimeTooSkewed")
    iam = server.client("iam")
    with pytest.raises(ClientError) as caught:
        iam.list_roles()
    assert caught.value.response["Error"]["Code"] == "SignatureDoesNotMatch"
    assert caught.value.response["Error"]["Message"].startswith("Signature expired: " if minutes < 0 else "Signature not yet current: ")


def test_presigned_urls_expire(server, bucket, monkeypatch):
    clock = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - datetime.timedelta(seconds=61)
    url, headers = sign(server, "GET", f"/{bucket}", payload="UNSIGNED-PAYLOAD", place="query", clock=clock, monkeypatch=monkeypatch)
    answer = send(server, "GET", url, headers)
    assert (answer.status, answer.code, answer.message) == (403, "AccessDenied", "Request has expired")
    url, headers = sign(server, "GET", f"/{bucket}", payload="UNSIGNED-PAYLOAD", place="query", expires=604801)
    assert send(server, "GET", url, headers).code == "AuthorizationQueryParametersError"


def test_signature_version_2_is_refused_in_headers(server, bucket):
    answer = send(server, "GET", f"{server.endpoint}/{bucket}",
                  {"Host": f"127.0.0.1:{server.port}", "Authorization": f"AWS {server.root.access_key_id}:c2lnbmF0dXJl"})
    assert (answer.status, answer.code) == (400, "InvalidRequest")
    assert "Please use AWS4-HMAC-SHA256" in answer.message


def test_signature_version_2_urls(server, bucket, make_user):
    """boto3's default for presigned URLs in us-east-1: unmodified programs depend on them."""
    anything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    user = make_user("url-maker", anything)
    s3 = server.client_as(user, "s3")
    host = {"Host": f"127.0.0.1:{server.port}"}
    session = server.client_as(server.client_as(user, "sts").get_session_token(), "s3")
    for client in (s3, session):
        put = client.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "by url/x y"})
        assert "AWSAccessKeyId=" in put
        assert send(server, "PUT", put, host, b"content").status == 200
        get = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "by url/x y", "ResponseContentType": "text/x"})
        answer = send(server, "GET", get, host)
        assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, b"content", "text/x")
        assert send(server, "GET", get.replace("x%20y", "x%20z"), host).code == "SignatureDoesNotMatch"
        assert send(server, "DELETE", get, host).code == "SignatureDoesNotMatch"
        assert send(server, "PUT", put, {**host, "x-amz-copy-source": "/a/b"}).code == "SignatureDoesNotMatch"
        listing = client.generate_presigned_url("list_objects_v2", Params={"Bucket": bucket, "Prefix": "by url/"})
        assert b"by url/x y" in send(server, "GET", listing, host).body.replace(b"%2F", b"/").replace(b"+", b" ").replace(b"%20", b" ")
        # Unsigned parameters cannot make another operation of it.
        assert send(server, "GET", listing + "&publicAccessBlock", host).code == "AccessDenied"
        expired = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "by url/x y"}, ExpiresIn=-1)
        assert send(server, "GET", expired, host).message == "Request has expired"


def test_headers_in_a_presigned_query_are_the_headers(server, bucket, make_user):
    """As the SDK for JavaScript presigns: x-amz-* headers in the query. Refusals, decisions and the operation see them."""
    s3 = server.client("s3")
    s3.put_object(Bucket=bucket, Key="hoisted/source", Body=b"source", Tagging="class=secret")

    def put(key, query, headers=None, body=b"body"):
        url, signed = sign(server, "PUT", f"/{bucket}/{key}?{query}", place="query", payload="UNSIGNED-PAYLOAD")
        return send(server, "PUT", url, {**signed, **(headers or {})}, body)

    for query, code in (("x-amz-server-side-encryption=aws:kms:dsse", "NotImplemented"), ("x-amz-acl=public-read", "AccessControlListNotSupported"),
                        ("x-amz-storage-class=GLACIER", "InvalidStorageClass"), ("X-Amz-Object-Lock-Mode=COMPLIANCE", "InvalidArgument"),
                        ("x-amz-checksum-crc32=AAAAAQ%3D%3D", "BadDigest"), ("x-amz-expected-bucket-owner=999999999999", "AccessDenied"),
                        ("x-amz-meta-a=b%0D%0Ax-b:%20c", "InvalidArgument"), ("x-amz-acl=private&X-Amz-Acl=public-read", "InvalidArgument")):
        assert put("hoisted/refused", query).code == code, query
    assert "hoisted/refused" not in keys_in(server, bucket)
    assert put("hoisted/k", "x-amz-meta-colour=dark%20red&x-amz-tagging=team%3Dblue&x-amz-sdk-checksum-algorithm=CRC32&x-id=PutObject").status == 200
    assert s3.head_object(Bucket=bucket, Key="hoisted/k")["Metadata"] == {"colour": "dark red"}
    assert s3.get_object_tagging(Bucket=bucket, Key="hoisted/k")["TagSet"] == [{"Key": "team", "Value": "blue"}]
    copied = put("hoisted/copy", f"x-amz-copy-source=%2F{bucket}%2Fhoisted%252Fsource", body=b"")
    assert copied.status == 200 and b"CopyObjectResult" in copied.body
    assert s3.get_object(Bucket=bucket, Key="hoisted/copy")["Body"].read() == b"source"
    # The SDK for JavaScript signs the checksum of the body that it hasn't; it is nobody's.
    assert put("hoisted/sdk", "x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32").status == 200
    # Another value in the header, unsigned or signed.
    assert put("hoisted/k", "x-amz-tagging=a%3Db", {"x-amz-tagging": "a=c"}).code == "AccessDenied"
    url, signed = sign(server, "PUT", f"/{bucket}/hoisted/k?x-amz-tagging=a%3Db", {"x-amz-tagging": "a=c"}, "UNSIGNED-PAYLOAD", place="query")
    assert send(server, "PUT", url, signed, b"x").code == "InvalidArgument"
    assert put("hoisted/k", "x-amz-tagging=a%3Db", {"x-amz-tagging": "a=b"}).status == 200
    url, signed = sign(server, "PUT", f"/{bucket}/hoisted/k", place="query", payload="UNSIGNED-PAYLOAD")
    assert send(server, "PUT", url + "&x-amz-tagging=a%3Db", signed, b"").code == "SignatureDoesNotMatch"
    # Where nothing is presigned, a query says nothing of headers, and is not ignored either.
    url, signed = sign(server, "PUT", f"/{bucket}/hoisted/unread?x-amz-acl=public-read")
    assert send(server, "PUT", url, signed).code == "InvalidArgument"
    assert "hoisted/unread" not in keys_in(server, bucket)


def test_conditions_decide_on_headers_in_a_presigned_query(server, bucket, make_user):
    server.client("s3").put_object(Bucket=bucket, Key="conditions/source", Body=b"secret")
    user = make_user("hoists", {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:PutObjectTagging", "Resource": "*", "Condition": {"StringEquals": {"s3:RequestObjectTag/class": "public"}}},
        {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}]})
    for version in ("s3v4", "s3"):
        client = server.client_as(user, "s3", config=botocore.config.Config(signature_version=version))

        def put(query, **parameters):
            if version == "s3":
                return client.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "conditions/k", **parameters})
            request = botocore.awsrequest.AWSRequest("PUT", f"{server.endpoint}/{bucket}/conditions/k?{query}")
            botocore.auth.S3SigV4QueryAuth(botocore.credentials.Credentials(user.access_key_id, user.secret_access_key), "s3", server.region).add_auth(request)
            return request.url

        host = {"Host": f"127.0.0.1:{server.port}"}
        assert send(server, "PUT", put("x-amz-tagging=class%3Dinner", Tagging="class=inner"), host, b"x").status == 200
        assert server.client("s3").get_object_tagging(Bucket=bucket, Key="conditions/k")["TagSet"] == [{"Key": "class", "Value": "inner"}]
        assert send(server, "PUT", put("x-amz-tagging=class%3Dpublic", Tagging="class=public"), host, b"x").code == "AccessDenied"
        assert send(server, "PUT", put("x-amz-acl=public-read", ACL="public-read"), host, b"x").code == "AccessControlListNotSupported"
        assert send(server, "PUT", put("x-amz-server-side-encryption=aws:kms", ServerSideEncryption="aws:kms"), host, b"x").code == "InvalidArgument"
        assert send(server, "PUT", put("x-amz-server-side-encryption=AES256", ServerSideEncryption="AES256"), host, b"x").status == 200
    source = client.generate_presigned_url("copy_object", Params={"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/conditions/source"})
    assert send(server, "PUT", source, host).code == "AccessDenied"


def test_a_scope_of_another_service_is_refused(server, bucket):
    url, headers = sign(server, "GET", f"/{bucket}", service="iam")
    assert send(server, "GET", url, headers).status in (400, 403)


def test_unknown_keys_and_broken_headers(server, bucket):
    host = {"Host": f"127.0.0.1:{server.port}", "X-Amz-Date": "20260131T120000Z", "X-Amz-Content-SHA256": EMPTY}
    for authorization, code in [
        ("AWS4-HMAC-SHA256 nonsense", "AuthorizationHeaderMalformed"),
        ("Bearer token", "InvalidArgument"),
        (f"AWS4-HMAC-SHA256 Credential=AKIAUNKNOWNUNKNOWN00/20260131/us-east-1/s3/aws4_request, SignedHeaders=host, Signature={'0' * 64}",
         "InvalidAccessKeyId"),
    ]:
        answer = send(server, "GET", f"{server.endpoint}/{bucket}", {**host, "Authorization": authorization})
        assert answer.code == code, authorization
        assert answer.headers["x-amz-request-id"]


@pytest.mark.parametrize("request_text", [
    "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nX: a\n b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
    "GET http://elsewhere/ HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
])
def test_smuggling_attempts_end_the_connection(server, request_text):
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(request_text.encode() + b"GET /second HTTP/1.1\r\nHost: h\r\n\r\n")
        answer = connection.makefile("rb").read()
    assert answer.split(b" ", 2)[1] in (b"400", b"501")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_100_continue_comes_only_after_authorization(server, bucket):
    def ask(headers):
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            connection.sendall(f"PUT /{bucket}/continue HTTP/1.1\r\n{lines}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n".encode())
            first = connection.recv(65536)
            if first.startswith(b"HTTP/1.1 100 "):
                connection.sendall(b"hello")
                first += connection.recv(65536)
            return first

    _, good = sign(server, "PUT", f"/{bucket}/continue", payload="UNSIGNED-PAYLOAD")
    assert ask(good).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    _, forged = sign(server, "PUT", f"/{bucket}/continue", payload="UNSIGNED-PAYLOAD", secret="forged")
    assert ask(forged).startswith(b"HTTP/1.1 403 ")


def test_unknown_and_unimplemented_operations_are_named(server):
    iam = server.client("iam")
    with pytest.raises(ClientError) as caught:
        iam.create_saml_provider(SAMLMetadataDocument="x" * 1000, Name="p")
    assert caught.value.response["Error"]["Code"] == "InvalidAction"
    assert "CreateSAMLProvider" in caught.value.response["Error"]["Message"]
    with pytest.raises(ClientError) as caught:
        server.client("sagemaker").list_models()
    assert caught.value.response["Error"]["Code"] == "UnknownOperationException"
    assert "ListModels" in caught.value.response["Error"]["Message"]


def test_validation_speaks_as_aws_does(server):
    config = botocore.config.Config(parameter_validation=False)
    iam = server.client("iam", config=config)
    with pytest.raises(ClientError) as caught:
        iam.get_role(RoleName="bad name!")
    assert caught.value.response["Error"] == {
        "Type": "Sender", "Code": "ValidationError",
        "Message": "1 validation error detected: Value 'bad name!' at 'roleName' failed to satisfy constraint: "
                   "Member must satisfy regular expression pattern: [\\w+=,.@-]+"}
    with pytest.raises(ClientError) as caught:
        server.client("sagemaker", config=config).list_training_jobs(MaxResults=1000)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert "'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100" in caught.value.response["Error"]["Message"]
