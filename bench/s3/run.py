"""Objects of 4 KiB, 112 KiB and 64 MiB, put and got on 1, 8 and 64 connections, beside other servers on the same disk: a figure is the median of rounds that take
turns; processor time is of all processes of a server.

    python3 bench/s3/run.py [--binary PATH] [--load PATH] [--folder /var/tmp] [--seconds N] [--rounds N] [--only NAME,…] [--parts put,get,list]

`--folder` is on a real file system: on tmpfs nothing is flushed. Durability differs and is said: this server has flushed an object and its entry before it
answers a PUT; versitygw's posix backend and MinIO answer before anything is; nginx serves files and asks nobody.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench/server"))
import peers  # noqa: E402

SIZES = {"4 KiB": 4096, "112 KiB": 112 << 10, "64 MiB": 64 << 20}
CONNECTIONS = (1, 8, 64)
FLUSHES = {"trainwarden": "yes", "versitygw": "no", "minio": "no", "nginx": "-"}


def load(options, server, mode, size, connections):
    before = server.seconds()
    done = subprocess.run([options.load, "--port", str(server.port), "--mode", mode, "--bytes", str(size), "--connections", str(connections), "--seconds",
                           str(options.seconds), "--keys", "4" if size > 1 << 20 else "256"], env=server.environment, text=True, capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"{server.name}: the load failed: {done.stdout}{done.stderr}")
    got = json.loads(done.stdout)
    return got["requests"] / got["seconds"], max(server.seconds() - before, 0.01) / max(1, got["requests"]) * 1e6, got["p50_us"], got["p99_us"]


def tables(options, servers):
    for mode in ("put", "get"):
        if mode not in options.parts:
            continue
        print(f"\n| {mode.upper()} | connections | server | flushed | requests/s | MB/s | CPU us a request | p50 us | p99 us |\n|---|---|---|---|---|---|---|---|---|", flush=True)
        for what, size in SIZES.items():
            for connections in CONNECTIONS:
                if size > 1 << 20 and connections > 8:
                    continue
                rows = {}
                for _ in range(options.rounds):
                    for server in servers:
                        if mode == "get" or server.name != "nginx":
                            rows.setdefault(server.name, []).append(load(options, server, mode, size, connections))
                for name, found in rows.items():
                    rate, used, p50, p99 = (statistics.median(column) for column in zip(*found))
                    print(f"| {what} | {connections} | {name} | {FLUSHES[name] if mode == 'put' else '-'} | {rate:,.0f} | {rate * size / 1e6:,.1f} | {used:,.0f} | "
                          f"{p50:,.0f} | {p99:,.0f} |", flush=True)


def listing(options, server):
    """Keys a second of ListObjectsV2, of what was put."""
    import boto3
    client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{server.port}", region_name="us-east-1", aws_access_key_id=server.environment["AWS_ACCESS_KEY_ID"],
                          aws_secret_access_key=server.environment["AWS_SECRET_ACCESS_KEY"])
    keys, before, began = 0, server.seconds(), time.monotonic()
    for page in client.get_paginator("list_objects_v2").paginate(Bucket="bench"):
        keys += page["KeyCount"]
    took, used = time.monotonic() - began, server.seconds() - before
    print(f"\n{server.name}: {keys:,} keys listed, {keys / took:,.0f} a second of boto3's, {keys / max(used, 0.01):,.0f} for a CPU second of the server", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", type=pathlib.Path, default=peers.Trainwarden.binary)
    parser.add_argument("--load", type=pathlib.Path, default=ROOT / "build/release/bench/s3/s3_load")
    parser.add_argument("--folder", default="/var/tmp")
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only")
    parser.add_argument("--parts", default="put,get,list")
    options = parser.parse_args()
    options.parts = options.parts.split(",")
    tempfile.tempdir = options.folder
    peers.Trainwarden.binary = options.binary
    peers.SIZES = {f"get-{size}": size for size in SIZES.values()}
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the begin, {options.rounds} rounds of {options.seconds} s")
    servers = [kind(False) for kind in peers.installed() if not options.only or kind.name in options.only.split(",")]
    try:
        tables(options, servers)
        for server in servers:
            if "list" in options.parts and server.name != "nginx":
                listing(options, server)
    finally:
        for server in servers:
            server.stop()


if __name__ == "__main__":
    main()
