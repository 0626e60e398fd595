"""First requests for credentials, all at once, from inside a worker. Prints a line of JSON.

    storm.py container|metadata CONNECTIONS

Every connection is a process of a worker that has just begun: it is opened, all of them are, then all send their request, then the answers are read.
`container`: one request, what AWS_CONTAINER_CREDENTIALS_RELATIVE_URI names. `metadata`: IMDSv2's three: token, role, credentials. Several
workers meet at algo-1 before they send. A connection fails if any answer is not 200 with usable credentials; nothing is tried twice.
"""
import json
import os
import re
import resource
import selectors
import socket
import sys
import time

SECONDS_MOST = 60
MEETING_PORT = 7788


def container(_):
    path = os.environ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
    body = yield f"GET {path} HTTP/1.1\r\nHost: 169.254.170.2\r\n\r\n"
    return body


def metadata(_):
    host = "Host: 169.254.169.254\r\n"
    token = yield f"PUT /latest/api/token HTTP/1.1\r\n{host}X-aws-ec2-metadata-token-ttl-seconds: 21600\r\nContent-Length: 0\r\n\r\n"
    path = "/latest/meta-data/iam/security-credentials/"
    role = yield f"GET {path} HTTP/1.1\r\n{host}X-aws-ec2-metadata-token: {token}\r\n\r\n"
    body = yield f"GET {path}{role} HTTP/1.1\r\n{host}X-aws-ec2-metadata-token: {token}\r\n\r\n"
    return body


WAYS = {"container": (container, ("169.254.170.2", 80)), "metadata": (metadata, ("169.254.169.254", 80))}


class Client:
    def __init__(self, way, address):
        self.conversation, self.received, self.failure = way(None), b"", None
        self.socket = socket.create_connection(address, timeout=SECONDS_MOST)
        self.socket.setblocking(False)
        self.pending = next(self.conversation)

    def send(self):
        self.socket.sendall(self.pending.encode())

    def receive(self):
        """True when there is nothing more to come."""
        data = self.socket.recv(65536)
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not data:
            self.failure = f"closed after {len(self.received)} bytes"
            return True
        length = re.search(rb"content-length: *(\d+)", head, re.I)
        if not found or length is None or len(body) < int(length[1]):
            return False
        if not head.startswith(b"HTTP/1.1 200 "):
            self.failure = head.split(b"\r\n")[0].decode()
            return True
        self.received = b""
        try:
            self.pending = self.conversation.send(body.decode())
        except StopIteration as end:
            if not json.loads(end.value).get("SecretAccessKey"):
                self.failure = "no credentials in the answer"
            return True
        self.send()
        return False


def meet():
    """Returns at about the same time in all workers."""
    hosts = json.loads(os.environ["SM_HOSTS"])
    if len(hosts) == 1:
        return
    if os.environ["SM_CURRENT_HOST"] == hosts[0]:
        with socket.create_server(("", MEETING_PORT)) as door:
            others = [door.accept()[0] for _ in hosts[1:]]
            for other in others:
                other.sendall(b"!")
        return
    deadline = time.monotonic() + SECONDS_MOST
    while True:
        try:
            with socket.create_connection((hosts[0], MEETING_PORT), timeout=SECONDS_MOST) as other:
                other.recv(1)
                return
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def main():
    way, address = WAYS[sys.argv[1]]
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    clients = [Client(way, address) for _ in range(int(sys.argv[2]))]
    meet()
    times, failures, open_ones = [], [], len(clients)
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
        begin = time.monotonic()
        for client in clients:
            client.begun = time.monotonic()
            client.send()
        while open_ones and time.monotonic() - begin < SECONDS_MOST:
            for key, _ in selector.select(1):
                client = key.data
                try:
                    done = client.receive()
                except OSError as error:
                    client.failure, done = str(error), True
                if done:
                    selector.unregister(client.socket)
                    open_ones -= 1
                    if client.failure:
                        failures.append(client.failure)
                    else:
                        times.append(time.monotonic() - client.begun)
    failures += ["no answer"] * open_ones
    print("STORM " + json.dumps({"seconds": times, "failures": failures, "all": time.monotonic() - begin}), flush=True)


if __name__ == "__main__":
    main()
