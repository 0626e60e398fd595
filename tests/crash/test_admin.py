"""kill -9 of the server in the middle of a rotation of its master key, and of a backup's two sides: nothing is lost, and the next try is whole."""
import json
import os
import random
import signal
import subprocess
import time

from conftest import BINARY, until

SEED = int(os.environ.get("TRAINWARDEN_CRASH_SEED", time.time_ns() % 1_000_000))


def admin(server, *arguments, **options):
    return server.trainwarden("--data", server.data, "admin", *arguments, **options)


def test_a_rotation_that_is_killed_goes_on_at_the_next_start(make_server):
    print("seed", SEED)
    chance = random.Random(SEED)
    server = make_server()
    iam = server.client("iam")
    users = []
    for number in range(150):
        iam.create_user(UserName=f"user-{number}")
        users.append(iam.create_access_key(UserName=f"user-{number}"))
    session = server.client("sts").get_session_token()
    killed_in_the_middle = 0
    for round_ in range(6):
        command = subprocess.Popen([BINARY, "--data", str(server.data), "admin", "rotate-master-key"], env=server.client_environment(),
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if round_ % 2:
            command.wait(60)
        time.sleep(chance.random() * 0.08)
        server.stop(signal.SIGKILL)
        command.communicate(timeout=60)
        key_file = next((server.home / "config/trainwarden").glob("*.key"))
        killed_in_the_middle += "former" in key_file.read_text()
        server.start()  # every record is opened, or it does not start
        for one in (session, *chance.sample(users, 5)):
            assert server.client_as(one, "sts").get_caller_identity()
        until(lambda: not json.loads(admin(server, "rotate-master-key", "--status", "--json").stdout)["IsRotating"], "the rotation is done")
        assert "former" not in key_file.read_text()
    assert killed_in_the_middle >= 1
    assert server.stop() == 0
    server.start()
    for one in (session, *users):
        assert server.client_as(one, "sts").get_caller_identity()
    assert json.loads(admin(server, "check", "--json").stdout)["Holds"]


def test_a_backup_whose_server_or_command_is_killed_is_none_and_the_next_is_whole(make_server):
    server = make_server()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bucket")
    for number in range(300):
        s3.put_object(Bucket="bucket", Key=f"key-{number}", Body=random.Random(number).randbytes(20_000))
    backups = server.home / "backups"
    unfinished = 0
    for round_ in range(4):
        command = subprocess.Popen([BINARY, "--data", str(server.data), "admin", "backup", str(backups), "--copy"], env=server.client_environment(),
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        until(lambda: (server.data / "snapshot").exists() or command.poll() is not None, "the backup has begun", pause=0.001)
        (command if round_ % 2 else server.process).send_signal(signal.SIGKILL)
        output = command.communicate(timeout=60)[0].decode()
        if round_ % 2 == 0 and command.returncode != 0:
            assert "error:" in output, output
        unfinished += command.returncode != 0
        server.stop(signal.SIGKILL)
        server.start()
        assert not (server.data / "snapshot").exists()
        if backups.exists() and (backups / "trainwarden-backups").exists():
            for one in json.loads(server.trainwarden("admin", "backups", backups, "--json").stdout):
                server.trainwarden("admin", "check", backups, "--backup", one["Id"])  # whole, or not listed
    assert unfinished >= 1
    admin(server, "backup", backups)
    server.trainwarden("admin", "check", backups)
