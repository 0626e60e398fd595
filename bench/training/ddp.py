"""The digits example, two workers of one core each, in sandboxes and bare: the same script, the same files, the same environment contract.

Bare, the bench itself lays out what the job would find (each host's shards, the test set, the folders) and starts both processes; nobody downloads,
collects logs, samples or uploads.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from jobs import ROOT, SECONDS_MOST, Broken, Server, channel
from slurm import free_ports

EXAMPLE = ROOT / "examples/digits"
PYTHON = "/usr/bin/python3"  # Debian's, which has torch
HOSTS = ("algo-1", "algo-2")
LEAST_ACCURACY = 0.9  # a run that learned nothing was not the same run


def command(script, epochs):
    return ["/bin/bash", "-c", f"echo BEGIN $EPOCHREALTIME; {PYTHON} {script} --epochs {epochs}; status=$?; echo END $EPOCHREALTIME; exit $status"]


def times(whole, lines_of_hosts):
    """Seconds: the training loop as rank 0 tells it, the processes from the first one's start to the last one's end, the whole."""
    text = "\n".join(line for lines in lines_of_hosts for line in lines)
    trained = re.search(r"trained on 2 workers in ([0-9.]+) s: test_accuracy=([0-9.]+)", text)
    if not trained or float(trained[2]) < LEAST_ACCURACY:
        raise Broken(f"the digits were not learned:\n{text}")
    begin, end = ([float(value) for value in re.findall(rf"^{word} ([0-9.]+)$", text, re.M)] for word in ("BEGIN", "END"))
    return {"the training loop": float(trained[1]), "the script, first line to last": max(end) - min(begin), "the whole": whole}


def sandboxed(server, epochs):
    begin = time.time()
    name = server.create(command("/opt/ml/input/data/code/train.py", epochs), workers=2, channels=[
        channel("code", "code"), channel("train", "digits/train", distribution="ShardedByS3Key"), channel("test", "digits/test")])
    job = server.wait(name, pause=0.5)
    return times(job["TrainingEndTime"].timestamp() - begin, server.lines(name))


def bare(data, epochs):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-bench-bare-", dir="/var/tmp"))
    try:
        shards = sorted((data / "train").iterdir())
        port, processes = str(free_ports(1)[0]), []
        for rank, host in enumerate(HOSTS):
            base = folder / host
            for name in ("input/data/train", "input/config", "model", "output/data", "checkpoints"):
                (base / name).mkdir(parents=True)
            shutil.copytree(data / "test", base / "input/data/test")
            for shard in shards[rank::len(HOSTS)]:
                shutil.copy(shard, base / "input/data/train")
            (base / "input/config/resourceconfig.json").write_text(json.dumps({"current_host": host, "hosts": HOSTS}))
        begin = time.monotonic()
        for rank, host in enumerate(HOSTS):
            base = folder / host
            environment = {"PATH": os.environ["PATH"], "HOME": str(base), "PYTHONUNBUFFERED": "1", "SM_NUM_CPUS": "1", "OMP_NUM_THREADS": "1",
                           "RANK": str(rank), "WORLD_SIZE": str(len(HOSTS)), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "SAGEMAKER_BASE_DIR": str(base),
                           "SM_CHANNEL_TRAIN": str(base / "input/data/train"), "SM_CHANNEL_TEST": str(base / "input/data/test"),
                           "SM_MODEL_DIR": str(base / "model"), "GLOO_SOCKET_IFNAME": "lo"}
            with open(folder / f"{host}.log", "wb") as log:
                processes.append(subprocess.Popen(command(EXAMPLE / "train.py", epochs), env=environment, cwd=base, stdout=log, stderr=log))
        statuses = [process.wait(timeout=SECONDS_MOST) for process in processes]
        whole = time.monotonic() - begin
        logs = [(folder / f"{host}.log").read_text() for host in HOSTS]
        if any(statuses):
            raise Broken(f"the bare script ended with {statuses}:\n{logs}")
        return times(whole, [log.splitlines() for log in logs])
    finally:
        for process in processes:
            process.kill()
        shutil.rmtree(folder, ignore_errors=True)


def measure(table, options):
    epochs, rounds = (2, 1) if options.small else (40, max(options.rounds, 5))
    with Server("sandbox", cores=1) as server:
        data = server.folder / "digits"
        subprocess.run([PYTHON, EXAMPLE / "prepare.py", "--output", data, "--shards", "2"], check=True, stdout=subprocess.DEVNULL)
        server.upload(data, "digits")
        server.s3.upload_file(str(EXAMPLE / "train.py"), "bench", "code/train.py")
        sides = {"bare": lambda: bare(data, epochs), "sandboxed": lambda: sandboxed(server, epochs)}
        seen = {name: [] for name in sides}
        for number in range(rounds + 1):
            for name in list(sides)[:: 1 if number % 2 else -1]:
                result = sides[name]()
                if number > 0:  # the first round only warms up: libraries come off the disk
                    seen[name].append(result)
                    print(f"  {name}: " + ", ".join(f"{value:.2f} s" for value in result.values()), file=sys.stderr, flush=True)
    table.title(f"digits, DistributedDataParallel, 2 workers, {epochs} epochs", list(sides), "ratio: sandboxed / bare")
    for figure in seen["bare"][0]:
        table.row(figure, {name: [result[figure] for result in results] for name, results in seen.items()}, "s")
