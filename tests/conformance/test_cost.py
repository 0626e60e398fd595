"""What a request may cost before anybody knows who sent it, and after: memory and processor time of the server, measured from outside.

The bounds are wide (a server with sanitizers holds them, too) and still far below what the same requests cost a server that inflates, buffers
or parses first and asks for credentials later.
"""

import base64
import gzip
import hashlib
import os
import socket
import time
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
import urllib3

MIB = 1 << 20
FORM = "application/x-www-form-urlencoded"


class Meter:
    """The memory that the server took at its highest, and its processor time, since the meter began."""

    def __init__(self, server):
        self.process = server.process.pid
        with open(f"/proc/{self.process}/clear_refs", "w") as file:
            file.write("5")  # the highest mark starts again from here
        self.before = self.memory(), self.seconds()

    def memory(self):
        with open(f"/proc/{self.process}/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))

    def seconds(self):
        with open(f"/proc/{self.process}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def check(self, memory, seconds):
        took = self.memory() - self.before[0], self.seconds() - self.before[1]
        assert took[0] <= memory and took[1] <= seconds, f"{took[0] / MIB:.0f} MiB and {took[1]:.2f} s"


def signed(server, body, headers=None, service="iam", path="/", key=None, secret=None, method="POST"):
    """Headers of a signed request: by the root, or by whoever `key` and `secret` say."""
    keys = botocore.credentials.Credentials(key or server.root.access_key_id, secret or server.root.secret_access_key)
    request = botocore.awsrequest.AWSRequest(method=method, url=server.endpoint + path, data=body, headers={"Content-Type": FORM, **(headers or {})})
    (botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth)(keys, service, server.region).add_auth(request)
    return dict(request.headers.items())


def post(server, body, headers, path="/", method="POST"):
    answer = urllib3.request(method, server.endpoint + path, body=body, headers=headers, timeout=60, retries=False)
    return answer.status, answer.data.decode()


BOMB = gzip.compress(b"a&" * (2 * MIB - 16))  # 4 KiB that become 4 MiB that become two million parameters


@pytest.mark.parametrize("who, code", [({"key": "AKIAIOSFODNN7EXAMPLE"}, "InvalidClientTokenId"), ({"secret": "x" * 40}, "SignatureDoesNotMatch")])
def test_a_packed_body_of_a_stranger_is_not_unpacked(server, who, code):
    assert len(BOMB) < 8192
    headers = signed(server, BOMB, {"Content-Encoding": "gzip"}, **who)
    post(server, BOMB, headers)
    meter = Meter(server)
    for _ in range(20):
        status, body = post(server, BOMB, headers)
        assert status == 403 and f"<Code>{code}</Code>" in body
    for unsigned in ({"Content-Type": FORM, "Content-Encoding": "gzip"},
                     {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.ListTrainingJobs", "Content-Encoding": "gzip"}):
        assert "MissingAuthenticationToken" in post(server, BOMB, unsigned)[1]
    meter.check(16 * MIB, 1.0)


def test_a_packed_body_unpacks_within_bounds(server):
    headers = signed(server, BOMB, {"Content-Encoding": "gzip"})
    meter = Meter(server)
    for _ in range(5):
        status, body = post(server, BOMB, headers)
        assert status in (400, 413) and "<Code>EntityTooLarge</Code>" in body
    meter.check(32 * MIB, 1.0)


def test_parameters_are_counted(server):
    few = b"Action=ListUsers&Version=2010-05-08" + b"".join(b"&a%d=b" % number for number in range(10_000))
    assert post(server, few, signed(server, few))[0] == 200
    many = b"Action=ListUsers&Version=2010-05-08" + b"&a" * 2_000_000
    headers = signed(server, many)
    meter = Meter(server)
    for _ in range(3):
        status, body = post(server, many, headers)
        assert status in (400, 404) and "<Code>MalformedQueryString</Code>" in body
    for who in ({"key": "AKIAIOSFODNN7EXAMPLE"}, {"secret": "x" * 40}):
        assert post(server, many, signed(server, many, **who))[0] == 403
    meter.check(48 * MIB, 2.0)


def test_parameters_of_a_head_are_counted(server):
    """Version 2 of presigned URLs looks for each among all."""
    parameters = "&prefix" * 9000
    meter = Meter(server)
    for query in (f"AWSAccessKeyId={server.root.access_key_id}&Expires=9999999999&Signature=c2ln" + parameters, "x=y" + parameters):
        for _ in range(5):
            status, body = post(server, None, {}, "/bucket/key?" + query, "GET")
            assert status == 400 and "<Code>InvalidURI</Code>" in body
    meter.check(16 * MIB, 1.0)


@pytest.mark.parametrize("body", [b"[" + b"[]," * 1_300_000 + b"[]]", b'{"a":' * 100_000, b'{"NameContains":"a","Else":[' + b"0," * 2_000_000 + b"0]}"])
def test_values_of_json_are_counted(server, body):
    headers = signed(server, body, {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.ListTrainingJobs"}, "sagemaker")
    meter = Meter(server)
    status, answer = post(server, body, headers)
    assert status == 400 and "SerializationException" in answer
    meter.check(32 * MIB, 1.0)


def test_elements_of_xml_are_counted(server):
    server.client("s3").create_bucket(Bucket="elements")
    body = b"<Delete>" + b"<a/>" * 500_000 + b"</Delete>"
    md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
    headers = signed(server, body, {"Content-Type": "application/xml", "Content-MD5": md5}, "s3", "/elements?delete")
    meter = Meter(server)
    status, answer = post(server, body, headers, "/elements?delete")
    assert status == 400 and ("MalformedXML" in answer or "EntityTooLarge" in answer or "MaxMessageLengthExceeded" in answer)
    meter.check(32 * MIB, 1.0)


def test_announced_bodies_take_no_memory(server):
    """900 clients announce 4 MB each, under the id of a key that exists, and send a few bytes of it."""
    authorization = signed(server, b"")
    lines = "".join(f"{name}: {value}\r\n" for name, value in authorization.items() if name.lower() != "content-length")
    head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n{lines}Content-Length: {4 * MIB}\r\n\r\nAction=".encode()
    meter = Meter(server)
    connections = []
    try:
        for _ in range(900):
            connections.append(socket.create_connection(("127.0.0.1", server.port), timeout=30))
            connections[-1].sendall(head)
        deadline = time.monotonic() + 30
        while True:  # uploads have the threads that they may have, and wait for more
            with open(f"/proc/{server.process.pid}/status") as file:
                threads = next(int(line.split()[1]) for line in file if line.startswith("Threads"))
            if threads > 100:
                break
            assert time.monotonic() < deadline
            time.sleep(0.1)
        # Others are served meanwhile.
        assert server.client("sts").get_caller_identity()["Account"] == server.account
        meter.check(300 * MIB, 5.0)
    finally:
        for connection in connections:
            connection.close()


def test_a_stranger_is_answered_before_the_body(server):
    """A key that does not exist, a region that is not served, a time that is past: nothing of the body has to come for that."""
    for who, region, code in (({"key": "AKIAIOSFODNN7EXAMPLE"}, server.region, b"InvalidClientTokenId"), ({}, "eu-north-1", b"SignatureDoesNotMatch")):
        headers = signed(server, b"", **who)
        headers["Authorization"] = headers["Authorization"].replace(server.region, region)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if name.lower() != "content-length")
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n{lines}Content-Length: 1000\r\n\r\n".encode())
            assert code in connection.recv(65536)


def presigned(server, query, service="iam", age=0, expires=604800, method="GET"):
    """A URL that the root presigned `age` seconds ago."""
    keys = botocore.credentials.Credentials(server.root.access_key_id, server.root.secret_access_key)
    request = botocore.awsrequest.AWSRequest(method=method, url=f"{server.endpoint}/?{query}")

    class Earlier(botocore.auth.SigV4QueryAuth):
        def _modify_request_before_signing(self, request):
            stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - age))
            request.context["timestamp"] = stamp
            super()._modify_request_before_signing(request)

        def payload(self, request):
            return hashlib.sha256(b"").hexdigest()

    Earlier(keys, service, server.region, expires=expires).add_auth(request)
    return urllib.parse.urlsplit(request.url).query


@pytest.mark.parametrize("service, query", [("iam", "Action=CreateAccessKey&Version=2010-05-08&UserName=presigned"),
                                            ("sts", "Action=GetCallerIdentity&Version=2011-06-15")])
def test_what_is_presigned_outside_s3_holds_fifteen_minutes(server, service, query):
    """However long it says: not longer, so that a URL that leaked makes no keys next week, and not shorter, as AWS's STS, on which the clients of
    EKS count (they say 60 seconds)."""
    if service == "iam":
        server.client("iam").create_user(UserName="presigned")
    for age, expires, status in ((0, 604800, 200), (13 * 60, 60, 200), (16 * 60, 604800, 403), (6 * 86400, 604800, 403)):
        got, body = post(server, None, {}, "/?" + presigned(server, query, service, age, expires), "GET")
        assert got == status, body
        if status == 403:
            assert "<Code>SignatureDoesNotMatch</Code>" in body and "Signature expired" in body
    if service == "iam":
        assert len(server.client("iam").list_access_keys(UserName="presigned")["AccessKeyMetadata"]) == 2
