"""Jobs that people give to Slurm themselves: `sbatch --comment=role=ARN` holds the role, if its user may pass it, and nothing else.

The cluster's prolog, task prolog and epilog are `trainwarden slurm …`, set up as docs/slurm.md says.
"""
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import tempfile

import pytest
from conftest import AWS_V2, BINARY, Server, allow, until
from slurm_cluster import Cluster
from test_sagemaker import BUCKET, make_trainer, refusal

USER = "www-data"  # a user of every Debian machine; here also an IAM user

pytestmark = pytest.mark.needs("root")  # a cluster of one's own needs it


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class SlurmFixture:
    """A server, a cluster whose machines ask it, and a user of both."""

    def __init__(self, home):
        self.home = home
        # Where every user may run it.
        self.program = shutil.copy(BINARY, home / "trainwarden")
        self.server = Server(home / "server")
        (home / "server").mkdir()
        self.server.start()
        make_trainer(self.server)
        self.server.client("s3").put_object(Bucket=BUCKET, Key="data/x", Body=b"the data")
        self.role = f"arn:aws:iam::{self.server.account}:role/trainer"
        self.iam = self.server.client("iam")
        self.iam.create_user(UserName=USER)
        self.may_pass()
        self.iam.create_user(UserName="machines", Path="/slurm/")
        sessions = [f"trainwarden:{verb}SlurmSession" for verb in ("Open", "Renew", "Close")]
        self.iam.put_user_policy(UserName="machines", PolicyName="sessions", PolicyDocument=policy(
            {"Effect": "Allow", "Action": sessions, "Resource": "*"}))
        self.keys = self.iam.create_access_key(UserName="machines")["AccessKey"]
        self.work = home / "work"
        self.work.mkdir()
        shutil.chown(self.work, USER)
        self.run = home / "run"
        self.run.mkdir()
        scripts = {name: self.script(name) for name in ("prolog", "task-prolog", "epilog")}
        self.cluster = Cluster(settings=f"Prolog={scripts['prolog']}\nTaskProlog={scripts['task-prolog']}\nEpilog={scripts['epilog']}\n"
                                        "PrologFlags=Alloc")

    def script(self, name):
        path = self.home / name
        keys = "" if name == "task-prolog" else "\n".join(
            f"export {variable}={value}" for variable, value in {
                "AWS_ENDPOINT_URL": self.server.endpoint, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": self.keys["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": self.keys["SecretAccessKey"], "PATH": os.environ["PATH"]}.items())
        path.write_text(f"#!/bin/sh\n{keys}\nexec {self.program} slurm {name} --run {self.run}\n")
        path.chmod(0o755 if name == "task-prolog" else 0o700)
        return path

    def may_pass(self, **condition):
        statement = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": self.role}
        self.iam.put_user_policy(UserName=USER, PolicyName="pass", PolicyDocument=policy({**statement, **condition}))

    def submit(self, script, *options, comment=None, **environment):
        """The id of a job that the user gives to Slurm."""
        account = pwd.getpwnam(USER)
        command = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "sbatch", "--parsable",
                   "--output=%j.out", *options]
        if comment:
            command.append(f"--comment={comment}")
        sent = subprocess.run(command, cwd=self.work, input=f"#!/bin/sh\n{script}\n", text=True, capture_output=True, timeout=60, check=True,
                              env={"HOME": str(self.work), "PATH": self.cluster.environment["PATH"], **self.cluster.environment, **environment})
        return sent.stdout.strip()

    def ended(self, job, timeout=60):
        """The output of the job and the state it ended in."""
        def final_state():
            shown = self.cluster.run("scontrol", "--oneliner", "show", "job", job).stdout
            state = re.search(r"JobState=(\S+)", shown)[1]
            return state not in ("PENDING", "CONFIGURING", "RUNNING", "COMPLETING") and state

        state = until(final_state, f"job {job} ends", timeout)
        output = self.work / f"{job}.out"
        return output.read_text() if output.exists() else "", state

    def nothing_left(self):
        return until(lambda: list(self.run.iterdir()) == [], "nothing of the sessions is left", 30)


@pytest.fixture(scope="module")
def world():
    home = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-prolog-", dir="/var/tmp"))
    home.chmod(0o755)
    world = SlurmFixture(home)
    try:
        with world.cluster:
            yield world
    finally:
        world.server.stop(signal.SIGKILL)
        shutil.rmtree(home, ignore_errors=True)


AWS = f"{AWS_V2} --endpoint-url $AWS_ENDPOINT_URL"  # Debian's is older than the variable
WHO = f"{AWS} sts get-caller-identity --query Arn --output text"
READ = f"{AWS} s3 cp s3://{BUCKET}/data/x -"


def ask_endpoint(token):
    """What the job's credentials endpoint answers."""
    return f"""/usr/bin/python3 - "{token}" <<'END'
import os, sys, urllib.request, urllib.error
request = urllib.request.Request(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], headers={{"Authorization": sys.argv[1]}})
try: print(urllib.request.urlopen(request).read().decode())
except urllib.error.HTTPError as error: print(error.read().decode())
END
"""


def test_a_job_holds_its_role_and_nothing_else(world):
    """In the batch script and in its steps; the user's own keys do not come along, in the environment or at home."""
    (world.work / ".aws").mkdir()
    (world.work / ".aws/credentials").write_text("[default]\naws_access_key_id = AKIAHOMEHOMEHOMEHOME\naws_secret_access_key = x\n")
    job = world.submit(f"{WHO}; srun -N2 -n2 {WHO}; {READ}; echo; env | grep AWS_", "-N2", comment=f"role={world.role} night run",
                       AWS_ACCESS_KEY_ID="AKIALEAKLEAKLEAKLEAK", AWS_SECRET_ACCESS_KEY="leaked", AWS_PROFILE="own")
    output, state = world.ended(job)
    assert state == "COMPLETED", output
    assert output.count(f"arn:aws:sts::{world.server.account}:assumed-role/trainer/SageMaker\n") == 3, output
    assert "the data" in output
    assert "AKIALEAK" not in output and "leaked" not in output and "AWS_PROFILE" not in output
    assert world.keys["SecretAccessKey"] not in output
    assert world.nothing_left()


def test_a_job_without_a_comment_is_left_alone(world):
    output, state = world.ended(world.submit("env", comment="no role here", AWS_PROFILE="own"))
    assert state == "COMPLETED" and "AWS_PROFILE=own" in output and "AWS_CONTAINER" not in output


def test_the_credentials_end_with_the_job(world):
    """Taken out of a running job they work, and are refused on the first request after its end."""
    job = world.submit(ask_endpoint("$AWS_CONTAINER_AUTHORIZATION_TOKEN").replace("<<", "> taken <<") +
                       "while test ! -e go; do sleep 0.05; done", comment=f"role={world.role}")
    taken = world.work / "taken"
    until(lambda: taken.exists() and taken.read_text().endswith("}\n"), "the job asks for its credentials")
    held = json.loads(taken.read_text())
    credentials = {"AccessKeyId": held["AccessKeyId"], "SecretAccessKey": held["SecretAccessKey"], "SessionToken": held["Token"]}
    s3 = world.server.client_as(credentials, "s3")
    assert s3.get_object(Bucket=BUCKET, Key="data/x")["Body"].read() == b"the data"
    # The machines go on without the server: the next one holds the same sessions.
    world.server.listen = f"127.0.0.1:{world.server.port}"
    world.server.stop(signal.SIGKILL)
    world.server.start()
    s3 = world.server.client_as(credentials, "s3")
    assert s3.get_object(Bucket=BUCKET, Key="data/x")["Body"].read() == b"the data"
    (world.work / "go").touch()
    assert world.ended(job)[1] == "COMPLETED" and world.nothing_left()
    assert refusal(s3.get_object, Bucket=BUCKET, Key="data/x")[0] in ("ExpiredToken", "InvalidToken")


def test_another_users_token_is_not_to_be_had(world):
    """What a job holds, nobody else on the machine reads: neither the file nor the endpoint without the token."""
    job = world.submit(ask_endpoint("guess") + f"\nstat -c '%a %U' {world.run}/$SLURM_JOB_ID.$SLURMD_NODENAME/*; cat {world.run}/$SLURM_JOB_ID.$SLURMD_NODENAME/session",
                       comment=f"role={world.role}")
    output, _ = world.ended(job)
    assert json.loads(output.splitlines()[0])["code"] == "AccessDenied", output
    # The names in the folder are not told either.
    assert "cannot stat" in output and "Permission denied" in output


@pytest.mark.parametrize("case", ["no-pass", "no-role", "no-user", "other-service"])
def test_a_job_that_may_not_have_its_role_says_why_and_fails(world, case):
    role, comment = world.role, None
    if case == "no-pass":
        world.iam.delete_user_policy(UserName=USER, PolicyName="pass")
        reason = (f"User: arn:aws:iam::{world.server.account}:user/{USER} is not authorized to perform: iam:PassRole on resource: {role} "
                  "because no identity-based policy allows the iam:PassRole action")
    elif case == "other-service":
        world.may_pass(Condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}})
        reason = "because no identity-based policy allows the iam:PassRole action"
    elif case == "no-role":
        role = f"arn:aws:iam::{world.server.account}:role/absent"
        world.iam.put_user_policy(UserName=USER, PolicyName="pass", PolicyDocument=json.dumps(allow("iam:PassRole")))
        reason = f"trainwarden: sagemaker.amazonaws.com is not authorized to perform: sts:AssumeRole on resource: {role}"
    else:
        world.iam.delete_user_policy(UserName=USER, PolicyName="pass")
        world.iam.delete_user(UserName=USER)
        reason = f"there is no IAM user {USER} in account {world.server.account}"
    try:
        output, state = world.ended(world.submit("echo it ran", comment=comment or f"role={role}"))
        assert reason in output and "it ran" not in output, output
        assert state == "FAILED"
        nodes = world.cluster.run("sinfo", "--noheader", "--format=%t").stdout.split()
        assert "drain" not in nodes and "drng" not in nodes, nodes
    finally:
        if case == "no-user":
            world.iam.create_user(UserName=USER)
        world.may_pass()
    assert world.nothing_left()


def test_only_machines_may_ask(world):
    """A user who could open sessions in others' names would have every role: it takes a permission of its own."""
    key = world.iam.create_access_key(UserName=USER)["AccessKey"]
    try:
        environment = {**world.server.client_environment(key), "SLURM_JOB_ID": "1", "SLURM_JOB_UID": "0", "SLURMD_NODENAME": "x",
                       **world.cluster.environment}
        (world.home / "squeue").write_text(f"#!/bin/sh\necho role={world.role}\n")
        (world.home / "squeue").chmod(0o755)
        environment["PATH"] = f"{world.home}:{environment['PATH']}"
        run = world.home / "own-run"
        done = subprocess.run([BINARY, "slurm", "prolog", "--run", run], env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and "is not authorized to perform: trainwarden:OpenSlurmSession" in done.stderr
        assert "print trainwarden: User:" in (run / "1.x/environment").read_text()
    finally:
        world.iam.delete_access_key(UserName=USER, AccessKeyId=key["AccessKeyId"])
