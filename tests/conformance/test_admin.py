"""`trainwarden admin` on a server that serves: backups under load that are whole, restores, checks, another master key, retention."""
import json
import os
import pathlib
import random
import shutil
import threading

import pytest
from botocore.exceptions import ClientError
from conftest import Server, allow, until

SIZES = [10, 5_000, 120_000]
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


def admin(server, *arguments, **options):
    return server.trainwarden("--data", server.data, "admin", *arguments, **options)


def admin_json(server, *arguments, **options):
    return json.loads(admin(server, *arguments, "--json", **options).stdout)


def content_of(key, number):
    return random.Random(f"{key} {number}").randbytes(SIZES[number % len(SIZES)])


class Writer(threading.Thread):
    """Changes one thing after the other in a prefix of its own, so that what is there after `number` changes is known."""

    def __init__(self, server, name):
        super().__init__()
        self.s3, self.name, self.acknowledged, self.begun, self.ends, self.broken = server.client("s3"), name, 0, 0, False, None

    @staticmethod
    def change(number):
        """Which key the change is of, and whether it is there afterwards: written, written again, deleted."""
        return f"{number // 4}", number % 4 != 2

    @classmethod
    def state_after(cls, number):
        state = {}
        for one in range(1, number + 1):
            key, is_there = cls.change(one)
            state.pop(key, None)
            if is_there:
                state[key] = one
        return state

    def run(self):
        try:
            while not self.ends:
                number = self.begun = self.begun + 1
                key, is_there = self.change(number)
                if is_there:
                    self.s3.put_object(Bucket="bucket", Key=f"{self.name}/{key}", Body=content_of(self.name, number))
                else:
                    self.s3.delete_object(Bucket="bucket", Key=f"{self.name}/{key}")
                self.acknowledged = number
        except Exception as error:  # shown by the test
            self.broken = error


def objects_of(s3, prefix):
    found = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix=prefix):
        for one in page.get("Contents", []):
            found[one["Key"].split("/")[1]] = s3.get_object(Bucket="bucket", Key=one["Key"])["Body"].read()
    return found


def restored_server(server, backups, *arguments):
    """A server of what was restored, not started; its keys beside those of the first one."""
    copy = Server(server.home, data=server.home / "restored")
    copy.output = server.home / "restored.out"
    server.trainwarden("admin", "restore", backups, copy.data, *arguments)
    return copy


@pytest.fixture
def backups(server):
    folder = server.home / "backups"
    yield folder
    for made in (folder, server.home / "restored"):
        shutil.rmtree(made, ignore_errors=True)


def test_a_backup_under_load_is_one_moment_and_has_all_that_was_acknowledged_before(server, backups):
    server.client("s3").create_bucket(Bucket="bucket")
    user = server.client("iam").create_user(UserName="kept")["User"]["UserName"]
    keys = server.client("iam").create_access_key(UserName=user)
    server.client("iam").put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps(allow("s3:*")))
    writers = [Writer(server, f"writer-{number}") for number in range(4)]
    for writer in writers:
        writer.start()
    try:
        made = []
        for _ in range(3):
            until(lambda: all(writer.acknowledged > 30 * (len(made) + 1) or writer.broken for writer in writers), "the writers have written")
            before = [writer.acknowledged for writer in writers]
            made.append((before, admin_json(server, "backup", backups)))
            made[-1] += ([writer.begun for writer in writers],)
    finally:
        for writer in writers:
            writer.ends = True
        for writer in writers:
            writer.join()
    assert [writer.broken for writer in writers] == [None] * 4
    assert not (server.data / "snapshot").exists()
    listed = json.loads(server.trainwarden("admin", "backups", backups, "--json").stdout)
    assert [one["Id"] for one in listed] == [one["Id"] for _, one, _ in made]
    checked = json.loads(server.trainwarden("admin", "check", backups, "--json").stdout)
    assert checked["Holds"] and checked["Backups"] == 3 and checked["Blobs"] > 50 and checked["AuditRecords"] > 100, checked
    for before, one, after in made[::2]:
        copy = restored_server(server, backups, "--backup", one["Id"])
        try:
            copy.start()
            assert copy.account == server.account
            s3 = copy.client_as(keys, "s3")  # a secret that was sealed
            for writer, least, most in zip(writers, before, after):
                found = objects_of(s3, writer.name + "/")
                numbers = [number for number in range(least, most + 1)
                           if {key: content_of(writer.name, at) for key, at in writer.state_after(number).items()} == found]
                assert numbers, f"{writer.name}: what is restored is of no moment between its changes {least} and {most}"
            verified = copy.trainwarden("audit", "verify", "--data", copy.data)
            assert "requests  holds" in verified.stdout
            assert "restored at" in verified.stdout and one["Id"] in verified.stdout, verified.stdout
        finally:
            assert copy.stop() == 0
            shutil.rmtree(copy.data)


def test_the_next_backup_copies_what_is_new_and_old_ones_are_pruned(server, backups):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="more")
    s3.put_object(Bucket="more", Key="first", Body=os.urandom(3_000_000))
    first = admin_json(server, "backup", backups)
    assert first["NewBytes"] > 3_000_000 and not first["HasMasterKey"]
    s3.put_object(Bucket="more", Key="second", Body=os.urandom(200_000))
    s3.delete_object(Bucket="more", Key="first")
    second = admin_json(server, "backup", backups, "--keep", "1", "--include-master-key")
    assert 200_000 < second["NewBytes"] < 3_000_000
    assert second["RemovedBackups"] == 1 and second["RemovedBlobs"] >= 1
    assert [one["Id"] for one in json.loads(server.trainwarden("admin", "backups", backups, "--json").stdout)] == [second["Id"]]
    place = backups / "backups" / second["Id"]
    assert second["HasMasterKey"] and (place / "master-key").stat().st_mode & 0o777 == 0o600
    assert {path.stat().st_mode & 0o077 for path in backups.rglob("*")} == {0}
    server.trainwarden("admin", "check", backups)
    # Without the key file of the first server, which this backup needs not.
    hidden = server.home / "hidden"
    (server.home / "config").rename(hidden)
    try:
        copy = restored_server(server, backups)
        copy.start()
        assert len(copy.client("s3").get_object(Bucket="more", Key="second")["Body"].read()) == 200_000
        copy.stop()
        shutil.rmtree(server.home / "config")
    finally:
        hidden.rename(server.home / "config")


def test_restore_needs_an_empty_folder_and_the_key_of_the_backup(server, backups, tmp_path):
    admin(server, "backup", backups)
    into_itself = server.trainwarden("admin", "restore", backups, server.data, check=False)
    assert into_itself.returncode == 1 and "data folder of a server" in into_itself.stderr and "another folder" in into_itself.stderr
    (tmp_path / "file").write_text("x")
    assert "not an empty folder" in server.trainwarden("admin", "restore", backups, tmp_path, check=False).stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
    wrong = server.home / "wrong.key"
    wrong.write_text("ab" * 32 + "\n")
    wrong.chmod(0o600)
    refused = server.trainwarden("admin", "restore", backups, server.home / "restored", "--from-key-file", wrong, check=False)
    assert refused.returncode == 1 and "not the master key" in refused.stderr and "--from-key-file" in refused.stderr
    assert not (server.home / "restored").exists()
    # A folder that is somebody's own is not taken by serve either, and nothing of it is changed (newcomer's `--data .`).
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "train.log").write_text("mine")
    tmp_path.chmod(0o755)
    taken = server.trainwarden("serve", "--data", tmp_path, "--listen", "127.0.0.1:0", check=False)
    assert taken.returncode == 1 and "is not empty, and no data folder of trainwarden" in taken.stderr and "--data" in taken.stderr
    assert (tmp_path / "logs" / "train.log").read_text() == "mine" and tmp_path.stat().st_mode & 0o777 == 0o755
    # What is no backup, or one that is damaged, says so.
    assert "no folder of backups" in server.trainwarden("admin", "restore", tmp_path, server.home / "restored", check=False).stderr


def test_a_damaged_backup_is_restored_into_no_server_s_folder(make_server):
    """Every kind of file that a backup has: what is damaged is said, and `serve` does not take what is there by then."""
    server = make_server("--limit", "scrub-bytes-per-second=0")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="key", Body=os.urandom(200_000))
    admin(server, "rotate-master-key", "--wait")
    backups = server.home / "backups"
    made = admin_json(server, "backup", backups, "--include-master-key", "--copy")
    root = backups / "backups" / made["Id"]
    keys = server.home / "config" / "trainwarden"
    before = sorted(path.name for path in keys.iterdir()) if keys.exists() else []
    blob = next(path for path in (backups / "blobs").rglob("*") if path.is_file())
    lines = (root / "master-key").read_text().splitlines(keepends=True)
    assert len(lines) > 1  # the former key's tokens, too
    places = [(root / "master-key", len(lines[0]) + 3), (root / "audit-key.pub", 40), (root / "installation", 5), (root / "blobs", 5), (blob, 1000)]
    for number, (file, at) in enumerate(places):
        content = file.read_bytes()
        file.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1:])
        target = server.home / f"restored-{number}"
        refused = server.trainwarden("admin", "restore", backups, target, check=False)
        assert refused.returncode == 1 and "BackupUnusable" in refused.stderr, (file, refused.stdout + refused.stderr)
        if file == blob:
            assert "--skip-check" in refused.stderr and "damaged" in refused.stdout
        else:
            assert file.name in refused.stderr
            assert server.trainwarden("admin", "restore", backups, server.home / f"skipped-{number}", "--skip-check", check=False).returncode == 1
        assert not (target / "installation").exists()
        if target.exists() and any(target.iterdir()):
            served = server.trainwarden("serve", "--data", target, "--listen", "127.0.0.1:0", check=False)
            assert served.returncode == 1 and "DataFolderUnusable" in served.stderr, served.stderr
        assert (sorted(path.name for path in keys.iterdir()) if keys.exists() else []) == before, file
        file.write_bytes(content)
    assert "whole" in server.trainwarden("admin", "restore", backups, server.home / "restored").stdout


def test_each_server_keeps_its_own_backups_in_a_folder_of_several(make_server, backups_of_two):
    one, other, folder = backups_of_two
    listed = json.loads(one.trainwarden("admin", "backups", folder, "--json").stdout)
    assert len(listed) == 3 and len({entry["Installation"] for entry in listed}) == 2
    ids = {entry["Installation"] for entry in listed}
    shown = one.trainwarden("admin", "backups", folder).stdout
    assert all(one_id in shown for one_id in ids)
    done = admin(one, "backup", folder, "--keep", "1")
    assert "removed 2 older backups of this server, and" in done.stdout and "\\n" not in done.stdout
    left = json.loads(one.trainwarden("admin", "backups", folder, "--json").stdout)
    assert len(left) == 2 and len({entry["Installation"] for entry in left}) == 2
    refused = one.trainwarden("admin", "restore", folder, one.home / "restored", check=False)
    assert refused.returncode == 1 and "several servers" in refused.stderr and "--backup" in refused.stderr
    assert not (one.home / "restored").exists()
    # Of what was put there nobody makes a backup, and it is in nobody's way.
    (folder / "backups" / "evil").symlink_to("/etc")
    shown = one.trainwarden("admin", "backups", folder)
    assert len(shown.stdout.splitlines()) == 3 and "evil` is left out" in shown.stderr


@pytest.fixture
def backups_of_two(make_server, tmp_path):
    one, other = make_server(), make_server()
    folder = tmp_path / "backups"
    admin(one, "backup", folder)
    admin(other, "backup", folder)
    admin(one, "backup", folder)
    return one, other, folder


def test_check_names_what_is_damaged_while_the_server_serves_and_when_it_does_not(make_server):
    server = make_server("--limit", "scrub-bytes-per-second=0")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bucket")
    for number in range(5):
        s3.put_object(Bucket="bucket", Key=f"key-{number}", Body=os.urandom(500_000))
    whole = admin_json(server, "check")
    assert whole["Holds"] and whole["Blobs"] == 5 and whole["UnnamedBlobs"] == 0
    blob = next(path for path in (server.data / "blobs").glob("*/*") if len(path.name) == 32)
    altered = bytearray(blob.read_bytes())
    altered[40_000] ^= 1
    blob.write_bytes(altered)

    def check_finds():
        done = admin(server, "check", "--json", check=False)
        found = json.loads(done.stdout)
        assert done.returncode == 1 and not found["Holds"]
        return found["Findings"]

    online = check_finds()
    assert len(online) == 1 and online[0]["Place"].startswith("record s3/o/bucket/key-") and blob.name in online[0]["What"]
    assert "backup" in online[0]["Remedy"]
    assert admin_json(server, "check", "--quick")["Holds"]  # the sizes alone
    assert server.stop() == 0
    assert check_finds() == online
    blob.unlink()
    assert "cannot be read" in check_finds()[0]["What"]
    assert server.client_environment() and server.start().client("sts").get_caller_identity()


def test_the_scrub_finds_what_is_damaged_and_says_so(make_server):
    server = make_server("--limit", "scrub-seconds-between-passes=1", "--limit", "scrub-bytes-per-second=100000000")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="key", Body=os.urandom(500_000))
    own = lambda: server.trainwarden("doctor", "--data", server.data, "--json", check=False)
    until(lambda: "read and compared" in own().stdout, "a pass is done")
    blob = next(path for path in (server.data / "blobs").glob("*/*") if len(path.name) == 32)
    blob.write_bytes(b"x" * 500_000)
    until(lambda: "scrub: record s3/o/bucket/key" in server.output.read_text(), "the scrub has found it")
    until(lambda: any(one["Finding"] == "problem" and "1 damaged" in one["What"] for one in json.loads(own().stdout)), "the doctor says so")


def test_another_master_key_while_requests_and_sessions_go_on(make_server):
    server = make_server()
    iam, sts = server.client("iam"), server.client("sts")
    users = []
    for number in range(40):
        iam.create_user(UserName=f"user-{number}")
        users.append(iam.create_access_key(UserName=f"user-{number}"))
    session = sts.get_session_token()
    status = admin_json(server, "rotate-master-key", "--status")
    key_file = pathlib.Path(status["KeyFile"])
    former = key_file.read_text()
    assert not status["IsRotating"] and status["FormerTokensUntil"] == []
    failed = []
    ends = threading.Event()

    def use():
        while not ends.is_set():
            try:
                server.client_as(session, "sts").get_caller_identity()
                server.client_as(random.choice(users), "sts").get_caller_identity()
            except ClientError as error:
                failed.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    try:
        for _ in range(2):
            done = admin_json(server, "rotate-master-key", "--wait")
            assert not done["IsRotating"] and done["Resealed"] == 41
    finally:
        ends.set()
        thread.join()
    assert failed == []
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert former.strip() not in key_file.read_text()
    assert len(admin_json(server, "rotate-master-key", "--status")["FormerTokensUntil"]) == 2
    assert server.stop() == 0
    server.start()
    for one in (session, *users):
        assert server.client_as(one, "sts").get_caller_identity()
    # A key that was disclosed takes its sessions with it.
    admin(server, "rotate-master-key", "--wait", "--end-sessions", "--save-former", server.home / "former.key")
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        server.client_as(session, "sts").get_caller_identity()
    assert server.client_as(users[0], "sts").get_caller_identity()
    assert len(key_file.read_text().split()) == 1
    assert (server.home / "former.key").stat().st_mode & 0o777 == 0o600


def test_a_backup_of_before_a_rotation_needs_the_former_key(make_server):
    server = make_server()
    server.client("iam").create_user(UserName="ada")
    backups = server.home / "backups"
    admin(server, "backup", backups)
    done = admin(server, "rotate-master-key", "--wait", "--save-former", server.home / "former.key")
    assert "former" not in done.stderr
    refused = server.trainwarden("admin", "restore", backups, server.home / "restored", check=False)
    assert refused.returncode == 1 and "--from-key-file" in refused.stderr
    copy = restored_server(server, backups, "--from-key-file", server.home / "former.key")
    assert copy.start().client("iam").get_user(UserName="ada")
    copy.stop()


def test_a_job_that_ran_is_failed_in_the_copy(make_server):
    server = make_server()
    server.client("s3").create_bucket(Bucket="bucket")
    iam, sagemaker = server.client("iam"), server.client("sagemaker")
    role = iam.create_role(RoleName="role", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="role", PolicyName="policy", PolicyDocument=json.dumps(allow("s3:*")))
    sagemaker.create_training_job(
        TrainingJobName="job", RoleArn=role, OutputDataConfig={"S3OutputPath": "s3://bucket/models"},
        AlgorithmSpecification={"TrainingImage": "host/python3", "TrainingInputMode": "File", "ContainerEntrypoint": ["/bin/sh", "-c", "echo trains; sleep 600"]},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}, StoppingCondition={"MaxRuntimeInSeconds": 900},
        RetryStrategy={"MaximumRetryAttempts": 3})
    until(lambda: sagemaker.describe_training_job(TrainingJobName="job")["SecondaryStatus"] == "Training", "the job trains")
    backups = server.home / "backups"
    admin(server, "backup", backups)
    assert sagemaker.describe_training_job(TrainingJobName="job")["TrainingJobStatus"] == "InProgress"
    copy = Server(server.home, data=server.home / "restored")
    restored = json.loads(server.trainwarden("admin", "restore", backups, copy.data, "--json").stdout)
    assert restored["FailedJobs"] == ["job"] and restored["Installation"] != restored["Backup"]["Installation"]
    copy.output = server.home / "restored.out"
    told = copy.start().client("sagemaker").describe_training_job(TrainingJobName="job")
    assert told["TrainingJobStatus"] == "Failed" and "restored from a backup" in told["FailureReason"], told
    copy.stop()
    sagemaker.stop_training_job(TrainingJobName="job")


def test_administration_is_decided_and_recorded_like_anything_else(server, make_user):
    ada = make_user("ada", allow("trainwarden:DescribeRetention"))
    for operation, answer in (("StartSnapshot", "refused"), ("RotateMasterKey", "refused"), ("PutRetention", "refused"), ("DescribeRetention", "allowed")):
        asked = server.trainwarden("explain", "--as", f"arn:aws:iam::{server.account}:user/ada", "--action", f"trainwarden:{operation}", check=False)
        assert answer in asked.stdout, asked.stdout + asked.stderr
    admin(server, "rotate-master-key", "--status")
    recorded = server.trainwarden("audit", "--action", "trainwarden:DescribeMasterKey").stdout
    assert "trainwarden:DescribeMasterKey on *" in recorded


def test_retention_is_set_while_the_server_serves_and_stays_after_a_restart(make_server):
    server = make_server()
    shown = admin_json(server, "retention")
    assert (shown["AuditKeepDays"], shown["AuditKeepBytes"], shown["AuditWhenFull"], shown["SetByOptions"]) == ("90", "16G", "remove", [])
    assert admin_json(server, "retention", "--audit-keep-days", "30", "--audit-keep-bytes", "2G")["AuditKeepDays"] == "30"
    refused = admin(server, "retention", "--audit-keep-days", "soon", check=False)
    assert refused.returncode == 1 and "days" in refused.stderr
    assert server.stop() == 0
    server.arguments += ["--audit-keep-bytes", "4G"]
    server.start()
    shown = admin_json(server, "retention")
    assert (shown["AuditKeepDays"], shown["AuditKeepBytes"], shown["SetByOptions"]) == ("30", "4G", ["--audit-keep-bytes"])
    refused = admin(server, "retention", "--audit-keep-bytes", "1G", check=False)
    assert refused.returncode == 1 and "--audit-keep-bytes" in refused.stderr
    # Full as it is, and told to refuse: at once, without a restart.
    admin(server, "retention", "--audit-when-full", "refuse")
    assert "training jobs" in admin(server, "retention").stdout
