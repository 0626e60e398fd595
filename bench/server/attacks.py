"""What clients do that want to stop the server: each a function that begins an attack from 127.0.0.2 and gives back what ends it. run.py measures
another client's requests meanwhile."""
import contextlib
import gzip
import os
import socket
import subprocess
import threading
import time

import botocore.auth
import botocore.awsrequest
import botocore.credentials

ATTACKER = "127.0.0.2"


def connect(server):
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30, source_address=(ATTACKER, 0))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def signed(server, method, path, length, service="s3", body=b"", **headers):
    keys = botocore.credentials.Credentials(server.environment["AWS_ACCESS_KEY_ID"], server.environment["AWS_SECRET_ACCESS_KEY"])
    if service == "s3":
        headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"
    request = botocore.awsrequest.AWSRequest(method=method, url=f"http://127.0.0.1:{server.port}{path}", data=body, headers=headers)
    (botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth)(keys, service, "us-east-1").add_auth(request)
    lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n{lines}Content-Length: {length}\r\n\r\n".encode()


class Attack:
    """`count` connections that each began with `first`; `again` is sent on all of them, again and again."""

    def __init__(self, server, count, first=b"", again=b"", reads=False, anew=False):
        self.server, self.first, self.again, self.reads, self.anew = server, first, again, reads, anew
        self.over = threading.Event()
        self.connections = [self.begin() for _ in range(count)]
        self.thread = threading.Thread(target=self.go_on)
        self.thread.start()

    def begin(self):
        connection = connect(self.server)
        with contextlib.suppress(OSError):  # the server may have had enough
            connection.sendall(self.first)
        connection.settimeout(0.01)
        return connection

    def go_on(self):
        while not self.over.wait(0.2):
            for number, connection in enumerate(self.connections):
                if self.over.is_set():
                    return
                with contextlib.suppress(OSError):
                    if self.again:
                        connection.sendall(self.again)
                    if self.reads:
                        connection.recv(16)
                if self.anew:
                    connection.close()
                    with contextlib.suppress(OSError):
                        self.connections[number] = self.begin()

    def end(self):
        self.over.set()
        self.thread.join()
        for connection in self.connections:
            connection.close()


def bomb(server):
    packed = gzip.compress(b"a&" * 30_000_000)
    return signed(server, "POST", "/", len(packed), "iam", packed, **{"Content-Type": "application/x-www-form-urlencoded",
                                                                       "Content-Encoding": "gzip"}) + packed


HALF_A_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
PLAIN = {
    "4,000 silent connections": lambda server: Attack(server, 4000),
    "1,000 heads that drip": lambda server: Attack(server, 1000, b"GET / HTTP/1.1\r\nHost: h\r\n", b"X: 1\r\n"),
    "500 large heads without an end": lambda server: Attack(server, 500, b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 60000, anew=True),
    "400 bodies that drip": lambda server: Attack(server, 400, signed(server, "PUT", "/bench/drips", 5 << 20), b"x"),
    "300 readers that take 16 bytes at a time": lambda server: Attack(server, 300, signed(server, "GET", "/bench/bulk", 0), reads=True),
    "200 uploads, half closed, again and again": lambda server: Attack(server, 200, signed(server, "PUT", "/bench/half", 1 << 20) + b"half", anew=True),
    "50 signed gzip bombs, again and again": lambda server: Attack(server, 50, bomb(server), anew=True),
    "100 times 10,000 parameters, again and again": lambda server: Attack(
        server, 100, ("GET /bench/small?" + "a&" * 10_000 + " HTTP/1.1\r\nHost: h\r\n\r\n").encode(), anew=True),
}
TLS = {
    "1,000 half handshakes": lambda server: Attack(server, 1000, HALF_A_HELLO),
    "handshakes, as many as one process makes": lambda server: Handshakes(server),
}


class Handshakes:
    def __init__(self, server):
        self.process = subprocess.Popen(["openssl", "s_time", "-connect", f"127.0.0.1:{server.port}", "-new", "-time", "60"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
        time.sleep(0.2)

    def end(self):
        self.process.terminate()
        self.process.wait()
