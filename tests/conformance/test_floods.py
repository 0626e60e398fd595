"""Clients that want to stop the server, each in a way of its own, from an address of their own; while each does so, another client's requests all
succeed. Nothing here is measured: bench/server does that."""

import contextlib
import gzip
import hashlib
import json
import os
import socket
import stat
import subprocess
import threading
import urllib.error
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import pytest
from conftest import BINARY, until

ATTACKER = "127.0.0.2"
MIB = 1 << 20


def connect(server, source=ATTACKER):
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30, source_address=(source, 0))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def signed_head(server, method, path, length, service="s3", **headers):
    """Of a request by the root; its body is for the caller to send."""
    keys = botocore.credentials.Credentials(server.root.access_key_id, server.root.secret_access_key)
    request = botocore.awsrequest.AWSRequest(method=method, url=server.endpoint + path, headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD", **headers})
    (botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth)(keys, service, server.region).add_auth(request)
    lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n{lines}Content-Length: {length}\r\n\r\n".encode()


def threads_of(server):
    with open(f"/proc/{server.process.pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Threads"))


def memory_of(server):
    with open(f"/proc/{server.process.pid}/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))


@pytest.fixture(scope="module")
def bucket(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="floods")
    s3.put_object(Bucket="floods", Key="small", Body=b"small")
    s3.put_object(Bucket="floods", Key="large", Body=os.urandom(16 * MIB))
    return "floods"


class Others:
    """Requests of clients that mean no harm, while the block runs: two threads of them, each with a new connection now and then."""

    def __init__(self, server, most=40):
        self.server, self.most, self.failures, self.done = server, most, [], 0
        self.lock = threading.Lock()

    def __enter__(self):
        return self

    def ask(self):
        try:
            for number in range(self.most // 2):
                if number % 5 == 0:
                    s3, sts = self.server.client("s3"), self.server.client("sts")
                assert s3.get_object(Bucket="floods", Key="small")["Body"].read() == b"small"
                s3.put_object(Bucket="floods", Key=f"other-{threading.get_ident()}", Body=b"x" * 20000)
                assert sts.get_caller_identity()["Account"] == self.server.account
                with self.lock:
                    self.done += 1
        except Exception as error:  # of any kind: the test says which
            with self.lock:
                self.failures.append(repr(error))

    def __exit__(self, kind, *_):
        if kind is None:
            threads = [threading.Thread(target=self.ask) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert not self.failures and self.done == self.most, self.failures


def held(stack, server, count, first=b"", source=ATTACKER):
    connections = []
    for _ in range(count):
        connections.append(stack.enter_context(contextlib.closing(connect(server, source))))
        if first:
            connections[-1].sendall(first)
    return connections


def test_silent_connections_cost_no_thread_and_little_memory(server, bucket):
    before = threads_of(server), memory_of(server)
    with contextlib.ExitStack() as stack:
        held(stack, server, 2000)
        with Others(server):
            pass
        assert threads_of(server) <= before[0] + 16
        assert memory_of(server) - before[1] < 32 * MIB


@pytest.mark.parametrize("source", [ATTACKER, "127.0.0.1"])
def test_more_silent_connections_than_a_peer_may_have(server, bucket, source):
    """Those of the attacker give way to each other; and where the victim has the same address, to the victim's."""
    with contextlib.ExitStack() as stack:
        held(stack, server, 4500, source=source)
        with Others(server):
            pass


def test_heads_that_drip(server, bucket):
    with contextlib.ExitStack() as stack:
        connections = held(stack, server, 500, b"GET / HTTP/1.1\r\nHost: h\r\n")
        for number in range(3):
            for connection in connections:
                connection.sendall(f"X-{number}: {number}\r\n".encode())
        before = threads_of(server)
        with Others(server):
            pass
        assert threads_of(server) <= before + 16


def test_large_heads_that_do_not_end(server, bucket):
    before = memory_of(server)
    with contextlib.ExitStack() as stack:
        for _ in range(800):  # 48 MiB in all
            connection = stack.enter_context(contextlib.closing(connect(server)))
            with contextlib.suppress(OSError):  # the server closes the oldest
                connection.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 60000)
        with Others(server):
            pass
        assert memory_of(server) - before < 48 * MIB


def test_bodies_that_drip_under_a_key_that_exists(server, bucket):
    """Whoever knows the id of a key gets this far: bodies are waited for."""
    with contextlib.ExitStack() as stack:
        held(stack, server, 400, signed_head(server, "PUT", "/floods/drips", 5 * MIB) + b"abc")
        with Others(server):
            pass


def test_bodies_that_drip_and_their_own_address(server, bucket):
    """From the address that the others have, too, what comes whole is served."""
    with contextlib.ExitStack() as stack:
        held(stack, server, 400, signed_head(server, "PUT", "/floods/drips", 5 * MIB) + b"abc", source="127.0.0.1")
        s3 = server.client("s3")
        for _ in range(20):
            assert s3.get_object(Bucket="floods", Key="small")["Body"].read() == b"small"
            assert server.client("sts").get_caller_identity()["Account"] == server.account


def test_readers_that_do_not_read(server, bucket):
    before = threads_of(server)
    with contextlib.ExitStack() as stack:
        connections = held(stack, server, 300, signed_head(server, "GET", "/floods/large", 0))
        with Others(server):
            pass
        assert threads_of(server) <= before + 200
        # Who reads after all gets the whole object.
        answer, digest = connections[7].makefile("rb"), hashlib.md5()
        length = None
        while (line := answer.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        digest.update(answer.read(length))
        assert digest.hexdigest() == server.client("s3").head_object(Bucket="floods", Key="large")["ETag"].strip('"')


def test_uploads_that_are_half_closed(server, bucket):
    with contextlib.ExitStack() as stack:
        connections = held(stack, server, 200, signed_head(server, "PUT", "/floods/half", MIB) + b"half of it")
        for connection in connections:
            connection.shutdown(socket.SHUT_WR)
        with Others(server):
            pass
        for connection in connections:
            assert b"IncompleteBody" in connection.makefile("rb").read()
    listed = server.client("s3").list_objects_v2(Bucket="floods", Prefix="half")
    assert listed["KeyCount"] == 0


@pytest.mark.parametrize("what, status", [("headers", 431), ("parameters", 400), ("form", 400), ("bomb", 403)])
def test_ten_thousand_of_everything(server, bucket, what, status):
    head = "Host: h\r\nConnection: close\r\n"
    if what == "headers":
        request = (f"GET / HTTP/1.1\r\n{head}" + "A:\r\n" * 10_000 + "\r\n").encode()
    elif what == "parameters":
        request = ("GET /floods/small?" + "a&" * 10_000 + f" HTTP/1.1\r\n{head}\r\n").encode()
    elif what == "form":
        form = b"Action=ListUsers&Version=2010-05-08" + b"&a=b" * 10_000
        request = (f"POST / HTTP/1.1\r\n{head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n\r\n").encode() + form
    else:
        bomb = gzip.compress(b"a&" * 2_000_000)
        request = (f"POST / HTTP/1.1\r\n{head}Content-Type: application/x-www-form-urlencoded\r\nContent-Encoding: gzip\r\n"
                   f"Content-Length: {len(bomb)}\r\n\r\n").encode() + bomb
    with contextlib.ExitStack() as stack:
        connections = held(stack, server, 50, request)
        with Others(server):
            pass
        for connection in connections:
            first = connection.makefile("rb").readline().split()
            assert int(first[1]) in (status, 403), first


def test_bombs_under_a_key_that_exists(server, bucket):
    """What is packed small and is large is told so once the signature holds; nobody else waits for it, and it is not kept."""
    before = memory_of(server)
    bomb = gzip.compress(b"a&" * 30_000_000)  # 60 MB
    keys = botocore.credentials.Credentials(server.root.access_key_id, server.root.secret_access_key)
    request = botocore.awsrequest.AWSRequest(method="POST", url=server.endpoint + "/", data=bomb, headers={
        "Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"})
    botocore.auth.SigV4Auth(keys, "iam", server.region).add_auth(request)
    lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    whole = f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n{lines}Content-Length: {len(bomb)}\r\nConnection: close\r\n\r\n".encode() + bomb
    with contextlib.ExitStack() as stack:
        connections = held(stack, server, 50, whole)
        with Others(server):
            pass
        for connection in connections:
            status, text = connection.makefile("rb").read().split(b" ", 2)[1:]
            assert int(status) in (400, 413) and b"EntityTooLarge" in text, text
    assert memory_of(server) - before < 160 * MIB  # all that bodies may hold together, and what they come in


def signed_request(server, body, service, **headers):
    keys = botocore.credentials.Credentials(server.root.access_key_id, server.root.secret_access_key)
    request = botocore.awsrequest.AWSRequest(method="POST", url=server.endpoint + "/", data=body, headers=headers)
    botocore.auth.SigV4Auth(keys, service, server.region).add_auth(request)
    lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    return f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n{lines}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


@pytest.mark.parametrize("kind", ["json", "form"])
def test_what_is_made_of_a_body_counts_as_memory(server, bucket, kind):
    """A value is a few bytes on the wire and hundreds inside. One client has no more of that memory than its share, others are served meanwhile, and
    most of it goes back to the system."""
    if kind == "json":
        body = gzip.compress(b"{" + b",".join(b'"%x":1' % i for i in range(199_000)) + b"}")
        whole = signed_request(server, body, "logs", **{"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Logs_20140328.DescribeLogGroups",
                                                        "Content-Encoding": "gzip"})
    else:
        body = ("Action=ListUsers&Version=2010-05-08&" + "&".join(f"A.member.{i}=1" for i in range(30_000))).encode()
        whole = signed_request(server, body, "iam", **{"Content-Type": "application/x-www-form-urlencoded"})
    before, most = memory_of(server), 0
    with contextlib.ExitStack() as stack:
        connections = held(stack, server, 40, whole)
        with Others(server):
            pass
        answers = []
        for connection in connections:
            answers.append(connection.makefile("rb").read())
            most = max(most, memory_of(server))
    assert any(b"ServiceUnavailable" in answer or b"Service unavailable" in answer for answer in answers), answers[0]
    assert all(b"HTTP/1.1 200" in answer or b"ServiceUnavailable" in answer or b"HTTP/1.1 503" in answer for answer in answers), answers
    assert most - before < 200 * MIB
    until(lambda: memory_of(server) - before < 100 * MIB, "the memory goes back")


def test_too_many_values_are_refused_unread(server):
    body = gzip.compress(b"[" + b"1," * 200_001 + b"1]")
    whole = signed_request(server, body, "logs", **{"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Logs_20140328.DescribeLogGroups",
                                                    "Content-Encoding": "gzip"})
    with contextlib.closing(connect(server)) as connection:
        connection.sendall(whole)
        answer = connection.makefile("rb").read()
    assert b"HTTP/1.1 400" in answer and b"SerializationException" in answer and b"more than 200000 values" in answer, answer


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_a_put_without_a_length_changes_nothing(server, bucket, version):
    """HTTP reads it as one without a body. AWS: 411 MissingContentLength."""
    server.client("s3").put_object(Bucket="floods", Key="kept", Body=b"kept")
    head = signed_head(server, "PUT", "/floods/kept", 0).replace(b"Content-Length: 0\r\n", b"Connection: close\r\n").replace(b"HTTP/1.1", f"HTTP/{version}".encode())
    with contextlib.closing(connect(server)) as connection:
        connection.sendall(head)
        answer = connection.makefile("rb").read()
    assert b" 411 " in answer.splitlines()[0] and b"<Code>MissingContentLength</Code>" in answer, answer
    assert server.client("s3").get_object(Bucket="floods", Key="kept")["Body"].read() == b"kept"


def test_the_operator_is_let_in_while_the_port_is_full(make_server, tmp_path):
    server = make_server("--limit", "connections=8", "--limit", "requests=4", "--limit", "requests-per-peer=4", "--limit", "uploads=4",
                         "--limit", "uploads-per-peer=4")
    assert stat.S_IMODE(os.stat(server.data / "socket").st_mode) == 0o600
    server.client("s3").create_bucket(Bucket="floods")
    with contextlib.ExitStack() as stack:
        drips = held(stack, server, 8, signed_head(server, "PUT", "/floods/drips", 5 * MIB) + b"abc")

        def turned_away():
            # One whose head had not been read yet may have been closed for this client's last try.
            for number, drip in enumerate(drips):
                drip.settimeout(0.001)
                with contextlib.suppress(TimeoutError):
                    if not drip.recv(4096):
                        drips[number] = held(stack, server, 1, signed_head(server, "PUT", "/floods/drips", 5 * MIB) + b"abc")[0]
            with contextlib.closing(connect(server, "127.0.0.1")) as refused, contextlib.suppress(TimeoutError):
                refused.settimeout(0.5)  # who is let in hears nothing
                return b" 503 " in refused.recv(4096)

        # All places have requests of the attacker: nobody comes in by the port.
        until(turned_away, "the attacker has all places", timeout=20)
        environment = {name: value for name, value in server.environment.items() if not name.startswith("AWS_")}
        said = subprocess.run([BINARY, "--data", str(server.data), "audit", "--json", "-n", "1"], env=environment, capture_output=True, text=True,
                              timeout=60)
        assert said.returncode == 0, said.stderr
        assert json.loads(said.stdout)

    def served():
        with contextlib.suppress(botocore.exceptions.ClientError, botocore.exceptions.ConnectionError):
            return server.client("sts").get_caller_identity()["Account"] == server.account

    # Those who held the places have gone: everybody is served again.
    until(served, "others are served again", timeout=20)


def test_health_is_told_to_everybody_and_is_no_bucket(server, bucket):
    for path in ("/healthz", "/readyz"):
        with urllib.request.urlopen(server.endpoint + path, timeout=10) as answer:
            assert answer.status == 200 and answer.read() == b"ok\n"
        # A bucket may have that name.
        s3 = server.client("s3")
        s3.create_bucket(Bucket=path[1:])
        s3.put_object(Bucket=path[1:], Key="k", Body=b"v")
        assert [one["Key"] for one in s3.list_objects_v2(Bucket=path[1:])["Contents"]] == ["k"]
        assert s3.list_objects(Bucket=path[1:])["Contents"]
        s3.head_bucket(Bucket=path[1:])
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(server.endpoint + path + "?list-type=2", timeout=10)
        assert refused.value.code == 403


def test_a_limit_that_does_not_exist_names_those_that_do(server):
    said = server.run(*server_command("--limit", "conections=3"), check=False)
    assert said.returncode == 2 and "connections-per-peer" in said.stderr
    said = server.run(*server_command("--limit", "connections=none"), check=False)
    assert said.returncode == 2 and "a number from 1" in said.stderr


def server_command(*arguments):
    return (BINARY, "serve", "--data", "/nonexistent/folder", *arguments)
