"""kill -9 at random moments, under load. Of every write that was acknowledged: it is there, whole, with the right content. Of every
write that was not: either the old state or the new one, never a mixture, and nothing half-visible.

Each writer owns its keys, so that it always knows what may be there: the last acknowledged state, and the one write that was in
flight when the server died. The seed is printed; TRAINWARDEN_CRASH_SEED repeats a run's choices (not its timing).
"""

import hashlib
import json
import os
import random
import signal
import threading
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError

ROUNDS = 6
SEED = int(os.environ.get("TRAINWARDEN_CRASH_SEED", time.time_ns() % 1_000_000))
SIZES = [0, 10, 4096, 4097, 50_000, 1_500_000]
PART = 5 << 20
ABSENT = None
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]})


class Dead(Exception):
    """The server went away: whether the last write happened is not known."""


def content_of(seed, size):
    return random.Random(seed).randbytes(size)


class Writer(threading.Thread):
    """Writes until the server dies. `states[key]` is what may be found there: one digest, or two if the last write was in flight."""

    def __init__(self, make_client, seed, states):
        super().__init__()
        self.client, self.random, self.states, self.broken = make_client(), random.Random(seed), states, None
        self.acknowledged = 0

    def run(self):
        try:
            while True:
                self.step()
        except Dead:
            pass
        except Exception as error:  # shown by the test
            self.broken = error

    def write(self, key, new, action):
        before = self.states.get(key, {ABSENT})
        self.states[key] = before | {new}
        try:
            action()
        except (BotoCoreError, ClientError) as error:
            # An answer of the server is a refusal, which this load never deserves; anything else is its death.
            if isinstance(error, ClientError):
                raise
            raise Dead() from error
        self.states[key] = {new}
        self.acknowledged += 1


class Objects(Writer):
    def step(self):
        key = f"{self.name}/{self.random.randrange(8)}"
        choice = self.random.random()
        if choice < 0.2:
            return self.write(key, ABSENT, lambda: self.client.delete_object(Bucket="crash", Key=key))
        body = content_of(self.random.random(), self.random.choice(SIZES))
        self.write(key, hashlib.sha256(body).hexdigest(), lambda: self.client.put_object(Bucket="crash", Key=key, Body=body))


class Uploads(Writer):
    def step(self):
        key = f"{self.name}/{self.random.randrange(3)}"
        parts = [content_of(self.random.random(), size) for size in (PART, self.random.randrange(1, 1000))]
        try:
            upload = self.client.create_multipart_upload(Bucket="crash", Key=key)["UploadId"]
            done = [{"PartNumber": n, "ETag": self.client.upload_part(Bucket="crash", Key=key, UploadId=upload, PartNumber=n, Body=part)["ETag"]}
                    for n, part in enumerate(parts, 1)]
            if self.random.random() < 0.2:
                self.client.abort_multipart_upload(Bucket="crash", Key=key, UploadId=upload)
                return
        except BotoCoreError as error:
            raise Dead() from error
        self.write(key, hashlib.sha256(b"".join(parts)).hexdigest(), lambda: self.client.complete_multipart_upload(
            Bucket="crash", Key=key, UploadId=upload, MultipartUpload={"Parts": done}))


class Roles(Writer):
    """IAM: the description of a role is its state."""

    def step(self):
        name = f"{self.name}-{self.random.randrange(5)}"
        new = f"description {self.random.randrange(1 << 30)}"
        present = self.states.get(name, {ABSENT})
        if present == {ABSENT}:
            self.write(name, new, lambda: self.client.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Description=new))
        elif self.random.random() < 0.3:
            self.write(name, ABSENT, lambda: self.client.delete_role(RoleName=name))
        else:
            self.write(name, new, lambda: self.client.update_role(RoleName=name, Description=new))


def found_objects(s3):
    found = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket="crash"):
        for entry in page.get("Contents", []):
            body = s3.get_object(Bucket="crash", Key=entry["Key"])["Body"].read()
            assert len(body) == entry["Size"]
            if "-" not in entry["ETag"]:
                assert entry["ETag"] == f'"{hashlib.md5(body).hexdigest()}"', f"{entry['Key']} is torn"
            found[entry["Key"]] = hashlib.sha256(body).hexdigest()
    return found


def found_roles(iam):
    return {role["RoleName"]: role.get("Description") for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]}


def settle(states, found, what):
    """Everything found was written by somebody, and everything acknowledged was found; then what was found is the truth."""
    unknown = set(found) - set(states)
    assert not unknown, f"{what} that nobody wrote: {unknown}"
    for key, possible in states.items():
        assert found.get(key, ABSENT) in possible, f"{what} {key}: not what was acknowledged"
        states[key] = {found.get(key, ABSENT)}


def blobs_of(server):
    return sum(1 for path in (server.data).rglob("*") if path.is_file() and len(path.name) == 32 and path.parent.name == path.name[:2])


@pytest.mark.parametrize("seed", [SEED])
def test_nothing_acknowledged_is_lost(make_server, seed, capsys):
    chance = random.Random(seed)
    server = make_server()
    server.client("s3").create_bucket(Bucket="crash")
    objects, roles = {}, {}
    acknowledged = 0
    for round_number in range(ROUNDS):
        writers = [Objects(lambda: server.client("s3"), chance.random(), objects) for _ in range(4)]
        writers += [Uploads(lambda: server.client("s3"), chance.random(), objects) for _ in range(2)]
        writers += [Roles(lambda: server.client("iam"), chance.random(), roles)]
        for number, writer in enumerate(writers):
            writer.name = f"{type(writer).__name__.lower()}-{number}"
            writer.start()
        time.sleep(chance.uniform(0.3, 1.8))
        server.stop(signal.SIGKILL)
        for writer in writers:
            writer.join()
            assert writer.broken is None, (seed, writer.name, writer.broken)
            acknowledged += writer.acknowledged
        server.start()
        s3 = server.client("s3")
        settle(objects, found_objects(s3), "objects")
        settle(roles, {name: text for name, text in found_roles(server.client("iam")).items() if name.startswith("roles-")}, "roles")
        for upload in s3.list_multipart_uploads(Bucket="crash").get("Uploads", []):
            s3.abort_multipart_upload(Bucket="crash", Key=upload["Key"], UploadId=upload["UploadId"])
    assert acknowledged > ROUNDS, "there was hardly any load"

    # Nothing is left in the blob store that no object names.
    s3 = server.client("s3")
    for key in found_objects(s3):
        s3.delete_object(Bucket="crash", Key=key)
    s3.delete_bucket(Bucket="crash")
    assert blobs_of(server) == 0
