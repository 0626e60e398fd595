"""The server under 1, 8, 64 and 1,024 connections, plain and TLS: requests for each second of its processor time, p99; bulk GET, plain and TLS; memory and
threads of idle connections.

    python3 bench/server/run.py [--binary PATH] [--load PATH] [--seconds N] [--plain]

The server and the load share the machine: compare figures of one run with each other, not with another machine's. `--plain` leaves TLS out, for
binaries that have none.
"""
import argparse
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
IDLE, ADDRESSES = 10_000, 8


class Server:
    def __init__(self, binary, *arguments):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-bench-"))
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.environment.update(HOME=str(self.home), XDG_CONFIG_HOME=str(self.home / "config"))
        data, ready = self.home / "data", self.home / "ready"
        self.process = subprocess.Popen([binary, "serve", "--data", data, "--listen", "127.0.0.1:0", "--ready-file", ready, *arguments],
                                        env=self.environment, stdout=subprocess.DEVNULL, stderr=open(self.home / "log", "wb"))
        while not ready.exists():
            if self.process.poll() is not None:
                raise SystemExit((self.home / "log").read_text())
            time.sleep(0.05)
        self.port = int(ready.read_text().strip().rsplit(":", 1)[1])
        exports = subprocess.run([binary, "env", "--data", data], check=True, text=True, capture_output=True, env=self.environment).stdout
        for name, value in re.findall(r"^export (\w+)='?([^'\n]*)'?$", exports, re.M):
            self.environment[name] = value

    def status(self, name):
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(name))

    def seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def aws(self, *words):
        subprocess.run([ROOT / ".venv/bin/aws", *words], env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def fill(self):
        self.aws("s3", "mb", "s3://bench")
        for name, size in (("small", 4096), ("bulk", 64 << 20)):
            (self.home / name).write_bytes(os.urandom(size))
            self.aws("s3api", "put-object", "--bucket", "bench", "--key", name, "--body", str(self.home / name))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        shutil.rmtree(self.home, ignore_errors=True)


def load(options, server, *words):
    before = server.seconds()
    done = subprocess.run([options.load, "--port", str(server.port), "--seconds", str(options.seconds), *words], env=server.environment, text=True,
                          capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"the load failed: {done.stdout}{done.stderr}")
    return json.loads(done.stdout), server.seconds() - before


def requests(options, server, what, tls):
    for mode in ("sts", "get"):
        for connections in (1, 8, 64, 1024):
            got, used = load(options, server, "--mode", mode, "--connections", str(connections), *tls)
            print(f"  {what} {mode:3} {connections:5} connections  {got['requests'] / got['seconds']:8.0f} requests/s  "
                  f"{got['requests'] / max(used, 0.01):8.0f} a CPU second  p50 {got['p50_us']:6} us  p99 {got['p99_us']:7} us", flush=True)
    got, used = load(options, server, "--mode", "get", "--key", "bulk", "--connections", "2", *tls)
    rate = got["bytes"] / got["seconds"] / 1e6
    print(f"  {what} get 64 MiB, 2 connections  {rate:8.0f} MB/s  {got['bytes'] / max(used, 0.01) / 1e6:8.0f} MB a CPU second", flush=True)
    return rate


def idle(server, what, served):
    """`served`: after a request each, as kept-alive connections are."""
    memory, threads = server.status("VmRSS"), server.status("Threads")
    connections = []
    for number in range(IDLE):
        connections.append(socket.create_connection(("127.0.0.1", server.port), source_address=(f"127.0.0.{10 + number % ADDRESSES}", 0)))
        if served:
            connections[-1].sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
            connections[-1].recv(4096)
    time.sleep(1)
    grown = server.status("VmRSS") - memory
    print(f"  {IDLE} {what} connections: {grown / 1024:.1f} MiB, {grown * 1024 / IDLE:.0f} bytes each, {server.status('Threads') - threads} threads more",
          flush=True)
    for connection in connections:
        connection.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=ROOT / "build/release/trainwarden")
    parser.add_argument("--load", default=ROOT / "build/release/bench/server/server_load")
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--plain", action="store_true")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    rates = []
    for what, arguments, tls in (("plain", (), ()), ("TLS  ", ("--tls", "self"), ("--tls",))):
        if options.plain and tls:
            continue
        server = Server(options.binary, *arguments)
        try:
            server.fill()
            rates.append(requests(options, server, what, tls))
            if not tls and not options.plain:
                idle(server, "silent", False)
                idle(server, "kept-alive", True)
        finally:
            server.stop()
    if len(rates) == 2:
        print(f"  bulk GET over TLS: {100 * rates[1] / rates[0]:.0f} % of plain")


if __name__ == "__main__":
    main()
