"""`make bench`: runs every benchmark against the release build and prints one table.

Machines are noisy: each figure is the median of RUNS runs, with the lowest and highest beside it. Compare ratios within one run of this script,
not numbers between machines.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/release"
RUNS = int(os.environ.get("RUNS", "3"))
SECONDS = os.environ.get("SECONDS_EACH", "3")

rows = []


def row(what, values, unit):
    values = sorted(values)
    rows.append((what, statistics.median(values), values[0], values[-1], unit))
    print(f"  {what}: {statistics.median(values):,.1f} {unit}", flush=True)


def decisions():
    out = subprocess.run([BUILD / "bench/decision_bench", "--benchmark_format=json", f"--benchmark_repetitions={RUNS}",
                          "--benchmark_min_time=0.5"], check=True, capture_output=True, text=True).stdout
    by_name = {}
    for entry in json.loads(out)["benchmarks"]:
        if entry.get("run_type") == "iteration":
            by_name.setdefault(entry["run_name"], []).append(entry["cpu_time"])
    for name, values in by_name.items():
        row(name.replace("decide/", "decision, ").replace("compile", "compile a policy of 20 statements"), values, "ns")


class Server:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-bench-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PULUMI_"))}
        self.environment.update(HOME=str(self.folder), XDG_CONFIG_HOME=str(self.folder / "config"), VIRTUAL_ENV=str(ROOT / ".venv"),
                                PATH=f"{ROOT}/.venv/bin:{os.environ['PATH']}")
        self.process = subprocess.Popen([BUILD / "trainwarden", "serve", "--data", self.folder / "data", "--listen", f"127.0.0.1:{self.port}"],
                                        env=self.environment, stdout=subprocess.DEVNULL, stderr=open(self.folder / "server.log", "wb"))
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        exports = subprocess.run([BUILD / "trainwarden", "env", "--data", self.folder / "data"], check=True, text=True, capture_output=True,
                                 env=self.environment).stdout
        for name, value in re.findall(r"^export (\w+)='?([^'\n]*)'?$", exports, re.M):
            self.environment[name] = value

    def load(self, mode, **options):
        words = [BUILD / "bench/load", "--port", str(self.port), "--mode", mode, "--seconds", SECONDS]
        for name, value in options.items():
            words += [f"--{name}", str(value)]
        done = subprocess.run(words, env=self.environment, text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"the load {mode} failed:\n{done.stdout}{done.stderr}\n{(self.folder / 'server.log').read_text()[-2000:]}")
        return json.loads(done.stdout)

    def aws(self, *words):
        subprocess.run([ROOT / ".venv/bin/aws", *words], env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)


def requests(server):
    server.aws("s3", "mb", "s3://bench")
    for size, name in ((4096, "small"), (64 << 20, "bulk")):
        path = server.folder / name
        path.write_bytes(os.urandom(size))
        server.aws("s3api", "put-object", "--bucket", "bench", "--key", name, "--body", str(path))
    for label, mode, options in (
            ("STS GetCallerIdentity, 4 connections", "sts", {"threads": 4}),
            ("GET 4 KiB, 4 connections", "get", {"threads": 4, "bucket": "bench", "key": "small"}),
            ("PUT 4 KiB durable, 4 connections", "put", {"threads": 4, "bucket": "bench", "key": "p", "size": 4096}),
            ("PUT 4 KiB durable, 32 connections", "put", {"threads": 32, "bucket": "bench", "key": "p", "size": 4096})):
        results = [server.load(mode, **options) for _ in range(RUNS)]
        row(label, [result["requests"] / result["seconds"] for result in results], "requests/s")
        row(label + ", p99", [result["p99_us"] for result in results], "us")
    for label, mode, options in (
            ("GET 64 MiB, 2 connections", "get", {"threads": 2, "bucket": "bench", "key": "bulk"}),
            ("PUT 64 MiB durable, 2 connections", "put", {"threads": 2, "bucket": "bench", "key": "b", "size": 64 << 20})):
        results = [server.load(mode, **options) for _ in range(RUNS)]
        row(label, [result["bytes"] / result["seconds"] / 1e6 for result in results], "MB/s")


def deployments(server):
    program = ROOT / "examples/sagemaker-access"
    first, again, gone = [], [], []
    for run in range(RUNS):
        environment = server.environment | {"PULUMI_BACKEND_URL": f"file://{server.folder}/stacks{run}"}
        (server.folder / f"stacks{run}").mkdir()
        for words, times in ((["up", "--yes"], first), (["up", "--yes"], again), (["destroy", "--yes"], gone)):
            start = time.monotonic()
            subprocess.run([BUILD / "trainwarden", *words, "--stack", "bench", "--cwd", program], env=environment, check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            times.append(time.monotonic() - start)
    row("up, the reference program (Python), first", first, "s")
    row("up, the reference program (Python), nothing to do", again, "s")
    row("destroy", gone, "s")


def main():
    decisions()
    server = Server()
    try:
        requests(server)
        deployments(server)
    finally:
        server.stop()
    print(f"\n{'':<58}{'median':>12}{'lowest':>12}{'highest':>12}")
    for what, median, low, high, unit in rows:
        print(f"{what:<58}{median:>12,.1f}{low:>12,.1f}{high:>12,.1f}  {unit}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
