"""The store under accidents by seed: kill -9; a loss of power, which takes what was not synced (power.py); calls that fail or write a part (faults.py), with a
kill behind them. After each: of every write that was acknowledged it is there, whole; of every other the old state or the new one; at the end, no space is lost.

A few rounds with a fixed seed run here. More, with other seeds:

    TRAINWARDEN_SEED_ROUNDS=1000 TRAINWARDEN_SEED=7 .venv/bin/python -m pytest -s tests/crash/test_seeds.py
"""
import errno
import hashlib
import os
import pathlib
import random
import shutil
import signal
import tempfile
import time

import test_kill
from botocore.exceptions import BotoCoreError, ClientError
from conftest import Server, until
from faults import Disk
from power import Power
from test_kill import ABSENT, Dead, Uploads, content_of, found_objects, settle

ROUNDS = int(os.environ.get("TRAINWARDEN_SEED_ROUNDS", 9))
SEED = int(os.environ.get("TRAINWARDEN_SEED", 20261128))
# In the record, in the log, at the border between log and files, in a file; the last has many chunks.
SIZES = [0, 10, 4096, 4097, 9_000, 70_000, 256 << 10, (256 << 10) + 1, 1_500_000]
FAULTS = [dict(error=errno.ENOSPC), dict(error=errno.EIO), dict(short=2), dict(short=2, error=errno.ENOSPC), dict(error=errno.EIO, for_good=True)]
CALLS = [(), "write", "pwritev", "pwrite", "fdatasync", "fsync", "open", "link", "ftruncate", "fallocate"]


class Patient:
    """What the server refuses for its own trouble was done or not; the load goes on."""

    def write(self, key, new, action):
        before = self.states.get(key, {ABSENT})
        self.states[key] = before | {new}
        try:
            action()
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                raise
            self.refused += 1
            return
        except BotoCoreError as error:
            raise Dead() from error
        self.states[key] = {new}
        self.acknowledged += 1

    refused = 0


class Objects(Patient, test_kill.Objects):
    def step(self):
        key = f"{self.name}/{self.random.randrange(12)}"
        if self.random.random() < 0.25:
            return self.write(key, ABSENT, lambda: self.client.delete_object(Bucket="crash", Key=key))
        body = content_of(self.random.random(), self.random.choice(SIZES))
        self.write(key, hashlib.sha256(body).hexdigest(), lambda: self.client.put_object(Bucket="crash", Key=key, Body=body))


class Parts(Patient, Uploads):
    def step(self):
        try:
            super().step()
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                raise
            self.refused += 1


def segments_of(server):
    return sorted(pathlib.Path(server.data, "blobs/log").iterdir())


def test_accidents_by_seed():
    home = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-test-", dir="/var/tmp"))
    chance = random.Random(SEED)
    server = Server(home)
    disk, power = Disk(home, server.data), Power(home)
    server.environment |= disk.environment | power.environment
    states, acknowledged, refused, lost = {}, 0, 0, 0
    try:
        server.start()
        server.client("s3").create_bucket(Bucket="crash")
        for number in range(ROUNDS):
            accident = ("kill", "power", "fault")[number % 3]
            writers = [Objects(lambda: server.client("s3"), chance.random(), states) for _ in range(5)]
            writers.append(Parts(lambda: server.client("s3"), chance.random(), states))
            for at, writer in enumerate(writers):
                writer.name = f"{type(writer).__name__.lower()}-{at}"
                writer.start()
            if accident == "fault":
                time.sleep(chance.uniform(0.1, 0.4))
                fault = chance.choice(FAULTS)
                disk.fail(chance.choice(CALLS), pattern=chance.choice(["", "blobs/*", "keys/*"]), number=chance.randrange(1, 30), **fault)
            time.sleep(chance.uniform(0.3, 1.2))
            server.stop(signal.SIGKILL)
            disk.clear()
            for writer in writers:
                writer.join()
                assert writer.broken is None, (SEED, number, accident, writer.name, writer.broken)
                acknowledged, refused = acknowledged + writer.acknowledged, refused + writer.refused
            if accident == "power":
                lost += power.lose(chance)
            elif power.path.exists():
                power.path.unlink()  # what was killed is not what has lost its power
            server.start()
            s3 = server.client("s3")
            settle(states, found_objects(s3), f"round {number} of seed {SEED}, {accident}: objects")
            for upload in s3.list_multipart_uploads(Bucket="crash").get("Uploads", []):
                s3.abort_multipart_upload(Bucket="crash", Key=upload["Key"], UploadId=upload["UploadId"])
        print(f"{ROUNDS} rounds of seed {SEED}: {acknowledged} acknowledged, {refused} refused, {lost} writes and names lost with the power")
        assert acknowledged > ROUNDS and (lost > 0 or ROUNDS < 2)
        check = server.trainwarden("--data", server.data, "admin", "check", "--json", check=False)
        assert check.returncode == 0, check.stdout + check.stderr
        for key in found_objects(s3):
            s3.delete_object(Bucket="crash", Key=key)
        s3.delete_bucket(Bucket="crash")
        assert test_kill.blobs_of(server) == 0
        assert server.stop() == 0
        server.start()
        until(lambda: len(segments_of(server)) <= 1, "segments without blobs go, but the last")
        assert server.stop() == 0
    finally:
        server.stop(signal.SIGKILL)
        shutil.rmtree(home, ignore_errors=True)
