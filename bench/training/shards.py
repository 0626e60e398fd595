"""Shards read by simulated H100s, in MLPerf Storage's shapes: through a FastFile channel, from a File channel's folder, from a Pipe, and bare from
the local file system.

The data sets are scaled down to this machine: as many files as accelerators are tried, one set at a time. All is in the page cache, the bucket's copy as
well as the local one: what is measured is the way of the bytes, not the disk.
"""
import json
import os
import random
import re
import shutil
import subprocess
import sys

from jobs import ROOT, Broken, Server, channel
from reader import LEAST_AU, SHAPES

HERE = ROOT / "bench/training"
PYTHON = "/usr/bin/python3"
FILES = 16  # and so many accelerators at most
MEAN, DEVIATION = 146_600_628, 68_341_808  # unet3d's samples; resnet50's files hold so many samples:
SAMPLES_A_FILE = 1251


def write_files(folder, name, count):
    folder.mkdir()
    sizes = random.Random(0)
    noise = os.urandom(1 << 20)
    for number in range(count):
        size = SHAPES[name]["sample"] * SAMPLES_A_FILE if name == "resnet50" else max(1 << 20, int(sizes.gauss(MEAN, DEVIATION)))
        with open(folder / f"{number:03}", "wb") as file:
            for left in range(size, 0, -len(noise)):
                file.write(noise[:left])
    return sum(path.stat().st_size for path in folder.iterdir())


def result_of(text):
    found = re.search(r"^RESULT (.*)$", text, re.M)
    if not found:
        raise Broken(f"the reader gave no result:\n{text}")
    return json.loads(found[1])


def read_by(server, mode, name, seconds, most):
    """The reader in a job; its result, and how long the job took to have the data there."""
    job = server.create([PYTHON, "/opt/ml/input/data/code/reader.py", "/opt/ml/input/data/data", name, str(seconds), "--most", str(most),
                         *(["--forget"] if mode == "FastFile" else [])],
                        channels=[channel("code", "code"), channel("data", name, mode)])
    described = server.wait(job, pause=0.5)
    steps = {step["Status"]: step for step in described["SecondaryStatusTransitions"]}
    downloading = steps["Downloading"]["EndTime"] - steps["Downloading"]["StartTime"]
    return result_of("\n".join(server.lines(job)[0])), downloading.total_seconds()


def drain_pipe(server, name):
    """Bytes a second of one Pipe channel, read to its end."""
    job = server.create([PYTHON, "/opt/ml/input/data/code/drain.py", "/opt/ml/input/data/data_0"],
                        channels=[channel("code", "code"), channel("data", name, "Pipe")])
    server.wait(job, pause=0.5)
    return float(re.search(r"^PIPE ([0-9.]+)$", "\n".join(server.lines(job)[0]), re.M)[1])


def measure_shape(table, options, server, name):
    count, seconds, rounds = (2, 2, 1) if options.small else (FILES, 3, options.rounds)
    most = count
    folder = server.folder / "local"
    total = write_files(folder, name, count)
    server.upload(folder, name)
    columns = ("bare", "FastFile", "File", "Pipe")
    seen = {each: [] for each in columns}
    piped, downloads = [], []
    for number in range(rounds):
        for mode in columns[:: 1 if number % 2 else -1]:
            if mode == "Pipe":
                piped.append(drain_pipe(server, name))
                continue
            if mode == "bare":
                done = subprocess.run([PYTHON, HERE / "reader.py", folder, name, str(seconds), "--most", str(most)], capture_output=True, text=True, check=False)
                result = result_of(done.stdout + done.stderr)
            else:
                result, downloading = read_by(server, mode, name, seconds, most)
                if mode == "File":
                    downloads.append(total / downloading)
            seen[mode].append(result)
            print(f"  {name}, {mode}: {result['sustained']} H100s; " + ", ".join(f"{run['accelerators']}: {run['au']:.0%}" for run in result["runs"]),
                  file=sys.stderr, flush=True)
    shape = SHAPES[name]
    sample = shape["sample"] or MEAN
    need = shape["batch"] * sample / shape["compute"]
    table.title(f"{name}: {count} files, {total / 1e9:.1f} GB; an H100 wants {need / 1e9:.2f} GB/s", list(columns), "ratio: that column / bare")
    table.row(f"H100s at AU >= {LEAST_AU:.0%} (tried up to {most})", {mode: [each["sustained"] for each in seen[mode]] for mode in columns}, "")
    table.row("AU of one H100", {mode: [100 * each["runs"][0]["au"] for each in seen[mode]] for mode in columns}, "%")
    best = {mode: [max(run["samples_per_second"] for run in each["runs"]) for each in seen[mode]] for mode in columns}
    table.row("samples/s, at the best number of them", best, "/s")
    rates = {mode: [each["unthrottled"]["bytes_per_second"] / 1e9 for each in seen[mode]] for mode in columns}
    table.row("read when nobody computes", {**rates, "Pipe": [rate / 1e9 for rate in piped]}, "GB/s")
    table.row("downloaded before the job begins", {"File": [rate / 1e9 for rate in downloads]}, "GB/s", base="File")
    # The next shape needs the room.
    shutil.rmtree(folder)
    for page in server.s3.get_paginator("list_objects_v2").paginate(Bucket="bench", Prefix=f"{name}/"):
        server.s3.delete_objects(Bucket="bench", Delete={"Objects": [{"Key": each["Key"]} for each in page["Contents"]]})


def measure(table, options):
    with Server("sandbox") as server:
        for script in ("reader.py", "drain.py"):
            server.s3.upload_file(str(HERE / script), "bench", f"code/{script}")
        for name in SHAPES:
            measure_shape(table, options, server, name)
