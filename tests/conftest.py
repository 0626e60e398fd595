"""A running `trainwarden serve` for tests, and clients with the credentials of its principals.

    def test_something(server):                       # fresh data folder, one server a test file
        iam = server.client("iam")                    # the account's root
        s3 = server.client_as(credentials, "s3")      # credentials: what STS or CreateAccessKey answered
        server.aws("s3", "ls")                        # the AWS command line, with the root's environment

The binary is $TRAINWARDEN, by default build/dev/trainwarden.
"""

import atexit
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import boto3
import botocore
import botocore.config
import machine
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.environ.get("TRAINWARDEN", str(ROOT / "build/dev/trainwarden"))
# The clients of the virtual environment that runs the tests; Debian's version 2 beside them.
AWS_V1 = str(pathlib.Path(os.sys.executable).parent / "aws")
AWS_V2 = "/usr/bin/aws"

SESSION = boto3.session.Session(aws_access_key_id="none", aws_secret_access_key="none")
SESSION_LOCK = threading.Lock()

# Workers of training jobs import boto3 from the environment that runs the tests.
PACKAGES = str(pathlib.Path(sys.prefix).resolve() / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages")

SKIPS = pytest.StashKey()

# Where sanitizers of any process that a test starts write what they find: one file a process. A binary without sanitizers writes none.
SANITIZER_REPORTS = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-sanitizer-"))
atexit.register(shutil.rmtree, SANITIZER_REPORTS, ignore_errors=True)
for sanitizer in ("ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"):
    os.environ[sanitizer] = ":".join(filter(None, [os.environ.get(sanitizer), f"log_path={SANITIZER_REPORTS}/report"]))

# What would make a client read the settings of the user who runs the tests.
FOREIGN = [name for name in os.environ if name.startswith("AWS_")]


class MachineLacks(pytest.skip.Exception):
    """The only skip that passes: one that the machine explains (pytest_runtest_makereport)."""


def need(*needs):
    """Skips the test unless this machine has all of them (machine.py lists them): at the begin of a test or fixture."""
    for one in needs:
        if (why := machine.lacks(one)) is not None:
            raise MachineLacks(f"this machine lacks {one}: {why}")


def until(condition, what, timeout=120, pause=0.05):
    """What the condition gives once it is true; no test waits without an end."""
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {timeout} s in vain ({what})"
        time.sleep(pause)
    return found


def pytest_configure(config):
    config.addinivalue_line("markers", "needs(name, ...): what the test needs of the machine (machine.py)")
    config.stash[SKIPS] = []


def pytest_runtest_setup(item):
    for mark in item.iter_markers("needs"):
        need(*mark.args)


def sanitizer_findings():
    """What sanitizers reported since the last call, as one text; "" if nothing."""
    texts = []
    for file in sorted(SANITIZER_REPORTS.glob("report.*")):
        texts.append(file.read_text(errors="replace"))
        file.unlink()
    return "\n".join(texts)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    # After its fixtures are gone, too: a leak is found when the server ends.
    if findings := sanitizer_findings():
        report.outcome, report.longrepr = "failed", f"A sanitizer reported during {report.when}:\n{findings}"
    if report.skipped and not hasattr(report, "wasxfail"):
        if isinstance(call.excinfo.value, MachineLacks):
            item.config.stash[SKIPS].append(f"{report.nodeid}: {call.excinfo.value}")
        else:
            report.outcome, report.longrepr = "failed", f"A skip that this machine does not explain (conftest.need): {call.excinfo.value}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    if report.skipped:
        report.outcome, report.longrepr = "failed", "A file skips itself: conftest.need skips tests"
    return report


def pytest_sessionfinish(session):
    """`make test` counts what every program skipped: tests/skips.py."""
    skips = session.config.stash[SKIPS]
    if skips and "TRAINWARDEN_SKIPS" in os.environ:
        with open(os.environ["TRAINWARDEN_SKIPS"], "a") as file:
            file.write("".join(line.replace("\n", " ") + "\n" for line in skips))


def clean_environment(home):
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    environment.update(HOME=str(home), XDG_CONFIG_HOME=str(home / "config"), XDG_DATA_HOME=str(home / "share"),
                       AWS_EC2_METADATA_DISABLED="true", NO_COLOR="1", AWS_PAGER="", AWS_MAX_ATTEMPTS="1")
    return environment


class Credentials:
    """A key pair and, for temporary ones, a token."""

    def __init__(self, access_key_id, secret_access_key, session_token=None):
        self.access_key_id = access_key_id
        self.secret_access_key = secret_access_key
        self.session_token = session_token

    @staticmethod
    def of(answer):
        """From the answer of AssumeRole, GetSessionToken or CreateAccessKey, or a part of it."""
        if isinstance(answer, Credentials):
            return answer
        for part in ("Credentials", "AccessKey"):
            answer = answer.get(part, answer)
        return Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer.get("SessionToken"))

    def environment(self):
        environment = {"AWS_ACCESS_KEY_ID": self.access_key_id, "AWS_SECRET_ACCESS_KEY": self.secret_access_key}
        if self.session_token:
            environment["AWS_SESSION_TOKEN"] = self.session_token
        return environment


class Server:
    def __init__(self, home, *arguments, data=None, isolation=None):
        self.home = pathlib.Path(home)
        self.data = pathlib.Path(data or self.home / "data")
        # Where the machine permits sandboxes, jobs run in one or not at all: no test passes because a server fell back to plain processes.
        isolation = isolation or ("process" if machine.lacks("sandboxes") else "sandbox")
        self.arguments = ["--training-isolation", isolation, "--training-share", PACKAGES, *(str(argument) for argument in arguments)]
        self.environment = clean_environment(self.home)
        self.listen = "127.0.0.1:0"
        self.prefix = []  # a command that runs the server in surroundings of its own
        self.process = None
        # The server's default: the first that it is given.
        self.region = self.arguments[self.arguments.index("--region") + 1] if "--region" in self.arguments else "us-east-1"
        self.output = self.home / "server.out"

    def start(self, timeout=60, root=None):
        """`root`: its credentials, if they are not in the data folder any more."""
        ready = self.home / "ready"
        ready.unlink(missing_ok=True)
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(
                [*self.prefix, BINARY, "serve", "--data", str(self.data), "--listen", self.listen, "--ready-file", str(ready), *self.arguments],
                env=self.environment, stdout=output, stderr=subprocess.STDOUT)
        until(lambda: ready.exists() or self.process.poll() is not None, "the server is ready", timeout, pause=0.02)
        if not ready.exists():
            raise RuntimeError(f"the server did not start: {self.output.read_text()}")
        self.endpoint = ready.read_text().strip()
        self.port = int(self.endpoint.rsplit(":", 1)[1])
        self.root = root or self._root_credentials()
        self.account = self.client("sts").get_caller_identity()["Account"]
        return self

    def _root_credentials(self):
        values = dict(line.split(" = ", 1) for line in (self.data / "root-credentials").read_text().splitlines() if " = " in line)
        return Credentials(values["aws_access_key_id"], values["aws_secret_access_key"])

    def stop(self, number=signal.SIGTERM, timeout=30):
        """The exit status; SIGKILL for a crash."""
        if self.process is None or self.process.poll() is not None:
            return None if self.process is None else self.process.returncode
        self.process.send_signal(number)
        return self.process.wait(timeout)

    def client(self, service, **options):
        return self.client_as(self.root, service, **options)

    def client_as(self, credentials, service, **options):
        """A boto3 client; `credentials` None: anonymous. `config` may hold a botocore Config to merge."""
        config = botocore.config.Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=60, parameter_validation=True)
        if service == "s3":
            config = config.merge(botocore.config.Config(s3={"addressing_style": "path"}))
        if credentials is None:
            config = config.merge(botocore.config.Config(signature_version=botocore.UNSIGNED))
            keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
        else:
            credentials = Credentials.of(credentials)
            keys = {"aws_access_key_id": credentials.access_key_id, "aws_secret_access_key": credentials.secret_access_key,
                    "aws_session_token": credentials.session_token}
        if "config" in options:
            config = config.merge(options.pop("config"))
        # One session for all clients: it keeps the service models that it has read, which is most of what a client costs.
        with SESSION_LOCK:
            return SESSION.client(service, region_name=self.region, endpoint_url=self.endpoint, config=config, **keys, **options)

    def client_environment(self, credentials=None):
        """The environment of a command that acts as these credentials (the root's by default)."""
        return {**self.environment, **Credentials.of(credentials or self.root).environment(), "AWS_ENDPOINT_URL": self.endpoint,
                "AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}

    def run(self, *command, credentials=None, check=True, **options):
        """Runs a command; its CompletedProcess with text output."""
        done = subprocess.run([str(part) for part in command], env=self.client_environment(credentials), text=True, capture_output=True,
                              timeout=options.pop("timeout", 120), **options)
        if check and done.returncode != 0:
            raise AssertionError(f"{command} exited with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def aws(self, *arguments, program=AWS_V2, **options):
        return self.run(program, *arguments, **options)

    def trainwarden(self, *arguments, **options):
        return self.run(BINARY, *arguments, **options)


@pytest.fixture
def make_server():
    """make_server(*arguments) starts a server of its own; all of them are stopped at the end."""
    servers, homes = [], []

    def make(*arguments, data=None, home=None):
        if home is None:
            home = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-test-"))
            homes.append(home)
        server = Server(home, *arguments, data=data)
        servers.append(server)
        return server.start()

    yield make
    for server in servers:
        server.stop(signal.SIGKILL)
    for home in homes:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def server():
    """One server for the tests of a file: they share its state, so they name what they make themselves."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-test-"))
    running = Server(home)
    try:
        yield running.start()
        status = running.stop()
        assert status == 0, f"the server ended with {status}: {running.output.read_text()}"
    finally:
        running.stop(signal.SIGKILL)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def make_user(server):
    """make_user(name, *policy documents) makes a user with keys and inline policies; Credentials."""
    import json

    iam = server.client("iam")

    def make(name, *documents):
        iam.create_user(UserName=name)
        for number, document in enumerate(documents):
            text = document if isinstance(document, str) else json.dumps(document)
            iam.put_user_policy(UserName=name, PolicyName=f"policy-{number}", PolicyDocument=text)
        return Credentials.of(iam.create_access_key(UserName=name))

    return make


@pytest.fixture
def make_role(server):
    """make_role(name, trusted, *policy documents) makes a role that the ARN or service trusts; its ARN."""
    import json

    iam = server.client("iam")

    def make(name, trusted, *documents, **options):
        principal = {"Service": trusted} if trusted.endswith(".amazonaws.com") else {"AWS": trusted}
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), **options)["Role"]["Arn"]
        for number, document in enumerate(documents):
            text = document if isinstance(document, str) else json.dumps(document)
            iam.put_role_policy(RoleName=name, PolicyName=f"policy-{number}", PolicyDocument=text)
        return arn

    return make


def allow(*actions, resource="*", **condition):
    """A policy document with one Allow statement."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    if condition:
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": [statement]}
