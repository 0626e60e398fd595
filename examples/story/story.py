"""The story of the README, end to end: declare, enforce, train, prove, and leave nothing behind.

Every step runs the real binary or a real AWS client and checks what came out; the first surprise ends the story with exit code 1. What is
printed behind a `$` is what runs, word for word: $DEMO is the story's folder, and `…` stands for a secret.
"""
import contextlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TRAINWARDEN = os.environ.get("TRAINWARDEN", str(ROOT / "build/user/trainwarden"))
PROGRAM = ROOT / "examples/sagemaker-access"
DIGITS = ROOT / "examples/digits"
AWS = str(ROOT / ".venv/bin/aws")
DEBIAN_PYTHON = "/usr/bin/python3"  # has torch and scikit-learn
ACCURACY_LEAST = 0.95

# Of the program, what the role may do; and what is put in its place.
ATTACHMENT = """aws.iam.RolePolicyAttachment(
    "sagemaker_full_access",
    role=sagemaker_role.name,
    policy_arn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess",
)
"""
NARROW = """aws.iam.RolePolicy(
    "sagemaker_least_privilege",
    role=sagemaker_role.name,
    policy=open("least-privilege.json").read(),
)
"""

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(text, code):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def allow(action, resource):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]})


class Surprise(Exception):
    """A step did not come out as the story says."""


class Story:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.program = self.folder / "program"
        self.steps = []
        # Nothing of the user's own AWS or Pulumi settings may leak into the story, nor the story into them.
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PULUMI_"))}
        self.environment.update(
            HOME=str(self.folder / "home"),
            XDG_CONFIG_HOME=str(self.folder / "home/.config"),
            PULUMI_BACKEND_URL=f"file://{self.folder}/stacks",
            VIRTUAL_ENV=str(ROOT / ".venv"),
            PATH=f"{pathlib.Path(TRAINWARDEN).parent}:{ROOT}/.venv/bin:{os.environ['PATH']}",
        )
        (self.folder / "home").mkdir()
        (self.folder / "stacks").mkdir()
        self.server = None

    @contextlib.contextmanager
    def step(self, title):
        print(f"\n{paint(f'{len(self.steps) + 1}. {title}', '1;36')}", flush=True)
        start = time.monotonic()
        yield
        self.steps.append((title, time.monotonic() - start))

    def print_command(self, words, secrets=(), ending=""):
        shown = shlex.join(str(word) for word in words)
        for secret in secrets:
            shown = shown.replace(secret, "…")
        for name in ("trainwarden", "aws"):  # both are in PATH
            shown = re.sub(rf"^\S*/{name} ", f"{name} ", shown)
        shown = shown.replace(str(ROOT) + "/", "").replace(str(self.folder), "$DEMO") + ending
        print(paint(f"$ {shown}", "2"), flush=True)
        return shown

    def run(self, *command, show=True, fails=False, cwd=None, secrets=()):
        """Runs a command as a user would type it, prints it and what it says, gives back its output."""
        words = [str(word) for word in command]
        shown = self.print_command(words, secrets)
        done = subprocess.run(words, env=self.environment, cwd=cwd or ROOT, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False)
        if show or (done.returncode != 0) != fails:
            print("".join(f"  {line}\n" for line in done.stdout.splitlines()), end="", flush=True)
        if (done.returncode != 0) != fails:
            raise Surprise(f"`{shown}` exited with {done.returncode}")
        return done.stdout

    def ask(self, *command):
        """What an `aws` command answers; its output is not shown."""
        return json.loads(self.run(AWS, *command, "--output", "json", show=False))

    def make_user(self, name, action, resource):
        """A user that may do this, and a profile of that name with the user's keys."""
        self.run(AWS, "iam", "create-user", "--user-name", name, show=False)
        self.run(AWS, "iam", "put-user-policy", "--user-name", name, "--policy-name", "story", "--policy-document", allow(action, resource))
        keys = self.ask("iam", "create-access-key", "--user-name", name)["AccessKey"]
        self.run(AWS, "configure", "set", "aws_access_key_id", keys["AccessKeyId"], "--profile", name)
        self.run(AWS, "configure", "set", "aws_secret_access_key", keys["SecretAccessKey"], "--profile", name, secrets=[keys["SecretAccessKey"]])

    def delete_user(self, name):
        for key in self.ask("iam", "list-access-keys", "--user-name", name)["AccessKeyMetadata"]:
            self.run(AWS, "iam", "delete-access-key", "--user-name", name, "--access-key-id", key["AccessKeyId"])
        self.run(AWS, "iam", "delete-user-policy", "--user-name", name, "--policy-name", "story")
        self.run(AWS, "iam", "delete-user", "--user-name", name)

    def first_shard(self):
        return self.ask("s3api", "list-objects-v2", "--bucket", self.bucket, "--prefix", "digits/train/")["Contents"][0]["Key"]

    # The steps ------------------------------------------------------------------------------------------------------------------

    def serve(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        data = self.folder / "data"
        command = [TRAINWARDEN, "serve", "--data", str(data), "--listen", f"127.0.0.1:{port}",
                   "--training-isolation", "best-effort"]  # in a container there may be no sandbox
        self.print_command(command, ending=" >$DEMO/server.log 2>&1 &")
        self.server = subprocess.Popen(command, env=self.environment, stdout=open(self.folder / "server.log", "wb"), stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            if self.server.poll() is not None or time.monotonic() > deadline:
                raise Surprise("the server did not start:\n" + (self.folder / "server.log").read_text())
            time.sleep(0.05)
        self.print_command(["eval"], ending=f' "$(trainwarden env --data $DEMO/data)"')
        exports = subprocess.run([TRAINWARDEN, "env", "--data", data], env=self.environment, text=True, capture_output=True, check=False).stdout
        for name, value in re.findall(r"^export (\w+)='?([^'\n]*)'?$", exports, re.M):
            self.environment[name] = value
        if "AWS_ACCESS_KEY_ID" not in self.environment:
            raise Surprise(f"`trainwarden env` exported no credentials:\n{exports}")
        identity = json.loads(self.run(AWS, "sts", "get-caller-identity", "--output", "json"))
        self.account = identity["Account"]

    def declare(self):
        self.run(TRAINWARDEN, "up", "--yes", "--stack", "demo", "--cwd", PROGRAM)
        outputs = json.loads(self.run(TRAINWARDEN, "stack", "output", "--json", "--stack", "demo", "--cwd", PROGRAM, show=False))
        self.role = outputs["sagemaker_role_arn"]
        self.bucket = outputs["ml_data_bucket_name"]
        if not re.fullmatch(r"ml-data-bucket-[0-9a-f]{7}", self.bucket):
            raise Surprise(f"the bucket's name is {self.bucket}")
        again = self.run(TRAINWARDEN, "up", "--yes", "--stack", "demo", "--cwd", PROGRAM, show=False)
        changes = [line for line in again.splitlines() if re.search(r"created|updated|replaced|deleted", line)]
        if changes:
            raise Surprise("the second `up` changed something:\n" + "\n".join(changes))
        print("  (a second `up` changes nothing)")

    def upload(self):
        self.run(DEBIAN_PYTHON, DIGITS / "prepare.py", "--output", self.folder / "dataset", "--shards", "2")
        self.run(AWS, "s3", "cp", "--recursive", "--only-show-errors", self.folder / "dataset", f"s3://{self.bucket}/digits/")
        listing = self.run(AWS, "s3", "ls", "--recursive", f"s3://{self.bucket}/digits/")
        if listing.count("train/") < 2:
            raise Surprise("the shards are not in the bucket")

    def train(self, job="digits-demo"):
        log = self.run(TRAINWARDEN, "train", "run", "--name", job, "--role", self.role, "--instances", "2",
                       "--input", f"train=s3://{self.bucket}/digits/train/", "--input", f"test=s3://{self.bucket}/digits/test/",
                       "--output", f"s3://{self.bucket}/models", "--checkpoints", f"s3://{self.bucket}/checkpoints/digits",
                       "--entry", DIGITS / "train.py")
        described = self.ask("sagemaker", "describe-training-job", "--training-job-name", job)
        if described["TrainingJobStatus"] != "Completed":
            raise Surprise(f"the job ended as {described['TrainingJobStatus']}: {described.get('FailureReason')}")
        accuracies = [float(value) for value in re.findall(r"test_accuracy=([0-9.]+)", log)]
        if not accuracies or accuracies[-1] < ACCURACY_LEAST:
            raise Surprise(f"test accuracy {accuracies[-1:] or 'missing'}, wanted {ACCURACY_LEAST}")
        model = described["ModelArtifacts"]["S3ModelArtifacts"]
        self.run(AWS, "s3", "ls", model)
        if ".pt" not in self.run(AWS, "s3", "ls", f"s3://{self.bucket}/checkpoints/digits/"):
            raise Surprise("no checkpoint is in the bucket")

    def refuse(self):
        trust = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{self.account}:root"}, "Action": "sts:AssumeRole"}]}
        role = self.ask("iam", "create-role", "--role-name", "report-writer", "--assume-role-policy-document", json.dumps(trust))["Role"]["Arn"]
        self.run(AWS, "iam", "put-role-policy", "--role-name", "report-writer", "--policy-name", "list-buckets",
                 "--policy-document", allow("s3:ListAllMyBuckets", "*"))
        # Nobody assumes a role as the root user, here as on AWS: a user does.
        self.make_user("researcher", "sts:AssumeRole", role)
        self.run(AWS, "configure", "set", "role_arn", role, "--profile", "report-writer")
        self.run(AWS, "configure", "set", "source_profile", "researcher", "--profile", "report-writer")
        key = self.first_shard()
        said = self.run(AWS, "--profile", "report-writer", "s3api", "get-object", "--bucket", self.bucket, "--key", key,
                        self.folder / "stolen", fails=True)
        if "AccessDenied" not in said or (self.folder / "stolen").exists():
            raise Surprise("the role report-writer could read the training data")
        refused = json.loads(self.run(TRAINWARDEN, "audit", "--refused", "--role", role, "-n", "1", "--json", show=False))
        request_id = refused["RequestId"]
        self.run(TRAINWARDEN, "explain", request_id)

    def admit(self):
        self.make_user("storage-admin", "s3:*", "*")
        print("  The bucket policy allows the role, so its author believes that only the role gets in. But it keeps nobody out:")
        print("  a user `storage-admin`, whose own policy allows s3:*, tries.")
        key = self.first_shard()
        read = self.folder / "read"
        self.run(AWS, "--profile", "storage-admin", "s3api", "get-object", "--bucket", self.bucket, "--key", key, read, show=False)
        print(f"  storage-admin read s3://{self.bucket}/{key}: {read.stat().st_size} bytes. The bucket policy never mentions that user.")
        listed = self.run(TRAINWARDEN, "who-can", "s3:GetObject", f"arn:aws:s3:::{self.bucket}/{key}")
        if "storage-admin" not in listed or "sagemaker_role" not in listed:
            raise Surprise("`who-can` missed somebody who can")
        self.run(TRAINWARDEN, "audit", "used", self.role)

    def narrow(self):
        policy = self.program / "least-privilege.json"
        shutil.copytree(PROGRAM, self.program, ignore=shutil.ignore_patterns("__pycache__", ".pulumi"))
        said = self.run(TRAINWARDEN, "least-privilege", self.role, "--out", policy)
        if said.count("proved") != 2 or "not known" in said:
            raise Surprise("the policy is not proved")
        main = self.program / "__main__.py"
        wide, narrow = main.read_text(), main.read_text().replace(ATTACHMENT, NARROW)
        if narrow == wide:
            raise Surprise("the program has no attachment to replace")
        main.write_text(narrow)
        self.run("cat", policy)
        self.run("diff", "-u", "--label", "before", "--label", "after", PROGRAM / "__main__.py", main, fails=True)
        changed = self.run(TRAINWARDEN, "up", "--yes", "--stack", "demo", "--cwd", self.program)
        if "- role sagemaker_role" not in changed:
            raise Surprise("`up` does not say what the role loses")
        self.train("digits-narrowed")
        # What the wide policy let the role do, and no training needed.
        said = self.run(TRAINWARDEN, "explain", "--as", self.role, "--action", "s3:CreateBucket", "--resource", "arn:aws:s3:::somewhere-else")
        if "refused" not in said:
            raise Surprise("the narrowed role may still create buckets")

    def tear_down(self):
        self.run(AWS, "s3", "rm", "--recursive", "--only-show-errors", f"s3://{self.bucket}/")
        self.run(AWS, "iam", "delete-role-policy", "--role-name", "report-writer", "--policy-name", "list-buckets")
        self.run(AWS, "iam", "delete-role", "--role-name", "report-writer")
        for user in ("storage-admin", "researcher"):
            self.delete_user(user)
        self.run(TRAINWARDEN, "destroy", "--yes", "--stack", "demo", "--cwd", self.program)
        left = [bucket["Name"] for bucket in self.ask("s3api", "list-buckets")["Buckets"]]
        left += [role["RoleName"] for role in self.ask("iam", "list-roles")["Roles"]]
        if left:
            raise Surprise(f"something was left behind: {left}")
        self.stop()

    def stop(self):
        """Stops the server; no process of the story outlives it."""
        if self.server is None:
            return
        self.server.send_signal(signal.SIGTERM)
        try:
            code = self.server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()
            raise Surprise("the server did not stop within 30 seconds") from None
        self.server = None
        if code != 0:
            raise Surprise(f"the server ended with {code}:\n" + (self.folder / "server.log").read_text()[-2000:])
        left = [path for path in pathlib.Path("/proc").glob("[0-9]*/environ") if self._is_ours(path)]
        if left:
            raise Surprise(f"processes were left behind: {[path.parent.name for path in left]}")

    def _is_ours(self, path):
        with contextlib.suppress(OSError):
            return path.parent.name != str(os.getpid()) and str(self.folder).encode() in path.read_bytes()
        return False

    def tell(self):
        with self.step("Enforce: the server starts with an account of its own"):
            self.serve()
        with self.step("Declare: an unmodified Pulumi program, its plan and its outputs"):
            self.declare()
        with self.step("Upload: a real dataset, sharded"):
            self.upload()
        with self.step("Train: two workers, PyTorch DistributedDataParallel, the role's temporary credentials only"):
            self.train()
        with self.step("Refuse: another role, and why"):
            self.refuse()
        with self.step("Prove: who gets in after all, and what the run needed"):
            self.admit()
        with self.step("Narrow: the role keeps what the training needed, proved, and the same training runs again"):
            self.narrow()
        with self.step("Tear down"):
            self.tear_down()


def main():
    folder = tempfile.mkdtemp(prefix="trainwarden-story-")
    story = Story(folder)
    print(f"DEMO={folder}")
    try:
        story.tell()
    except Surprise as surprise:
        print(f"\nerror: {surprise}", file=sys.stderr)
        log = pathlib.Path(folder) / "server.log"
        if log.exists():
            print("the end of the server's log:\n" + "\n".join(log.read_text().splitlines()[-20:]), file=sys.stderr)
        return 1
    finally:
        if story.server is not None:
            story.server.kill()
            story.server.wait()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{paint('How long each step took', '1')}")
    for title, seconds in story.steps:
        print(f"  {seconds:6.1f} s  {title}")
    print(f"  {sum(seconds for _, seconds in story.steps):6.1f} s  in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
