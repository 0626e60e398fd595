"""What the command line takes, refuses and warns of."""

import json
import os
import pathlib
import select
import subprocess

import pytest

from conftest import BINARY
from test_sagemaker import BUCKET, make_trainer, request, wait


@pytest.fixture(scope="module")
def trainer(server):
    make_trainer(server)


def run(server, *arguments):
    return server.trainwarden(*arguments, check=False)


@pytest.mark.parametrize("before, command", [(("--json",), ("used", "ARN")), (("-n", "3"), ("used", "ARN")), (("--tail",), ("verify",)),
                                             (("--since", "12h"), ("used", "ARN"))])
def test_an_option_before_a_subcommand_is_refused(server, before, command):
    answer = run(server, "audit", *before, *command)
    assert answer.returncode == 2 and answer.stdout == ""
    assert f"is an option of `trainwarden audit`, not of `trainwarden audit {command[0]}`" in answer.stderr


def test_an_option_behind_it_is_taken(server):
    root = f"arn:aws:iam::{server.account}:root"
    assert json.loads(run(server, "audit", "used", root, "--json").stdout)["Used"]


def test_the_outcomes_are_those_of_the_guide(server):
    said = run(server, "audit", "--help").stdout
    guide = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "audit.md").read_text()
    rows = [line.split("`")[1] for line in guide.split("| outcome | meaning |")[1].split("\n\n")[0].splitlines() if line.startswith("| `")]
    assert len(rows) == 7
    words = " ".join(said.split())
    for word in rows:
        assert word in words, said
        assert run(server, "audit", "--outcome", word).returncode == 0
    refused = run(server, "audit", "--outcome", "bogus")
    assert refused.returncode == 2 and all(word in refused.stderr for word in rows)


def test_tail_may_begin_with_what_comes(server):
    assert run(server, "audit", "-n", "0").returncode == 2
    tail = subprocess.Popen([BINARY, "audit", "--tail", "-n", "0", "--json"], env=server.client_environment(), stdout=subprocess.PIPE, text=True)
    try:
        done = False
        for _ in range(50):
            server.client("iam").list_groups(PathPrefix="/tail-test/")
            if select.select([tail.stdout], [], [], 0.2)[0]:
                done = True
                break
        assert done
        assert json.loads(tail.stdout.readline())["Operation"] == "ListGroups"
    finally:
        tail.kill()
        tail.wait()


def test_what_resource_policies_granted_is_said(server):
    iam = server.client("iam")
    iam.create_user(UserName="assumes")
    keys = iam.create_access_key(UserName="assumes")
    arn = f"arn:aws:iam::{server.account}:user/assumes"
    iam.create_role(RoleName="assumed-by-it", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}}))
    server.client_as(keys, "sts").assume_role(RoleArn=f"arn:aws:iam::{server.account}:role/assumed-by-it", RoleSessionName="session")
    said = run(server, "audit", "used", arn).stdout
    assert "its policies grant 0" in said and "granted by no policy of its own now (resource and trust policies, or former ones): 1" in said


@pytest.mark.parametrize("options, said", [(("--retries", "-1"), "--retries takes 0 to 30"), (("--retries", "31"), "--retries takes 0 to 30"),
                                           (("--json",), "--no-wait")])
def test_options_of_train_run_that_mean_nothing_are_refused(server, tmp_path, options, said):
    script = tmp_path / "x.py"
    script.write_text("pass\n")
    answer = run(server, "train", "run", "--role", "trainer", "--output", "s3://training/x", "--entry", script, *options)
    assert answer.returncode == 2 and said in answer.stderr


def test_ps_of_no_job_says_so(server):
    answer = run(server, "train", "ps", "nosuch")
    assert answer.returncode == 1 and "there is no training job `nosuch`" in answer.stderr


def test_a_failed_job_has_no_model(server, trainer):
    server.client("sagemaker").create_training_job(**request(server, "fails", "exit 3"))
    assert wait(server, "fails")["TrainingJobStatus"] == "Failed"
    said = run(server, "train", "describe", "fails").stdout
    assert "Failed" in said and "model.tar.gz" not in said


def test_more_instances_than_there_are(server, trainer, tmp_path):
    script = tmp_path / "x.py"
    script.write_text("pass\n")
    answer = run(server, "train", "run", "--role", "trainer", "--output", f"s3://{BUCKET}/x", "--entry", script, "--instances", "200")
    assert answer.returncode == 1 and "--instance-types" in answer.stderr


def test_without_an_endpoint_it_is_said_that_it_goes_to_aws(server):
    environment = {**server.client_environment(), "AWS_MAX_ATTEMPTS": "1"}
    del environment["AWS_ENDPOINT_URL"]
    answer = subprocess.run([BINARY, "train", "ls"], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert "no Trainwarden server is named: this goes to AWS (us-east-1)" in answer.stderr
    assert "goes to AWS" not in run(server, "train", "ls").stderr


def test_a_bad_setting_comes_before_the_terminal(server, tmp_path):
    (tmp_path / "Pulumi.yaml").write_text("name: x\nruntime: yaml\nresources: {}\n")
    answer = subprocess.run([BINARY, "up", "--config", "foo"], cwd=tmp_path, env=server.client_environment(), capture_output=True, text=True,
                            timeout=60, check=False, stdin=subprocess.DEVNULL)
    assert answer.returncode == 2 and "--config takes KEY=VALUE, not `foo`" in answer.stderr


def test_wrong_values_are_wrong_usage(server, tmp_path):
    for arguments in (["--listen", "127.0.0.1"], ["--region", "no where"], ["--instance-types", str(tmp_path / "nosuch.json")]):
        answer = subprocess.run([BINARY, "serve", "--data", tmp_path / "data", *arguments], env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
                                capture_output=True, text=True, timeout=60, check=False)
        assert answer.returncode == 2 and arguments[1] in answer.stderr, (arguments, answer)
    answer = run(server, "audit", "--since", "2026-02-02", "--until", "2026-02-01")
    assert answer.returncode == 2 and "--until is before --since" in answer.stderr
    answer = run(server, "audit", "--refused", "--outcome", "failed")
    assert answer.returncode == 2 and "whole or in part" in answer.stderr


def test_a_wrong_region_has_one_remedy(server):
    answer = subprocess.run([BINARY, "who-can", "s3:GetObject", "*", "--region", "mars-1"], env=server.client_environment(), capture_output=True, text=True,
                            timeout=60, check=False)
    assert answer.returncode == 1 and "set the client's region (AWS_REGION)" in answer.stderr and "check what requests are signed with" not in answer.stderr


@pytest.mark.parametrize("option", ["--audit-key-file", "--master-key-file"])
def test_a_server_that_has_no_place_for_a_key_leaves_no_folder(tmp_path, option):
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home")}
    (tmp_path / "home").mkdir()
    data = tmp_path / "data"
    answer = subprocess.run([BINARY, "serve", "--data", data, "--listen", "127.0.0.1:0", option, "/proc/nosuch/key"], env=environment,
                            capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 1 and option in answer.stderr
    assert not data.exists()
    assert not list((tmp_path / "home").rglob("*key*"))


def test_a_folder_with_data_stays_as_it_is(make_server, tmp_path):
    server = make_server()
    server.client("s3").create_bucket(Bucket="kept-bucket")
    server.stop()
    before = sorted(str(path.relative_to(server.data)) for path in server.data.rglob("*") if path.is_dir())
    answer = subprocess.run([BINARY, "serve", "--data", server.data, "--audit-key-file", "/proc/nosuch/key"], env=server.environment,
                            capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 1
    assert (server.data / "installation").exists() and (server.data / "root-credentials").exists()
    assert before == sorted(str(path.relative_to(server.data)) for path in server.data.rglob("*") if path.is_dir())
    server.start()
    assert [one["Name"] for one in server.client("s3").list_buckets()["Buckets"]] == ["kept-bucket"]
