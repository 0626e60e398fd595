"""The isolation matrix: a job that tries to get at another job, at the machine and at the server. Each try must fail, in the way it says.

Two jobs run at the same time. The victim keeps secrets in every place that a training script uses: its bucket, its folders, its memory, its
environment, its network. The intruder, another tenant's job, tries to get at them; one test for each try.
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest
from conftest import PACKAGES, Credentials, Server, need, until
from test_sagemaker import BUCKET, SAGEMAKER, channel, log_of, model_of, refusal, request, run, until_logged, wait

SECRET = "the-victims" + "-secret"

VICTIM = """
import os, pathlib, socket, time
secret = "the-victims" + "-secret"
for place in ("/opt/ml/model", "/opt/ml/checkpoints", "/opt/ml/output", "/tmp", "/var/tmp", "/dev/shm", "/run", os.path.expanduser("~")):
    pathlib.Path(place, "secret.txt").write_text(secret)
from multiprocessing import shared_memory
block = shared_memory.SharedMemory("victims-block", create=True, size=64)
block.buf[:len(secret)] = secret.encode()
listeners = [socket.create_server(("0.0.0.0", 5555))]
for family_address in ("\\0victim", "/tmp/socket"):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(family_address)
    listener.listen()
    listeners.append(listener)
os.environ["PLANTED"] = secret
print("victim", os.getpid(), secret, flush=True)
while not pathlib.Path("/opt/ml/enough").exists():
    time.sleep(0.05)
"""

INTRUDER = """
import ctypes, errno, json, os, pathlib, socket, subprocess, sys, urllib.error, urllib.request
import boto3
told = json.loads(pathlib.Path("/opt/ml/input/data/told/told.json").read_text())
outcome = {}

def attempt(name):
    def run(function):
        try: outcome[name] = ["got", repr(function())]
        except BaseException as error:
            code = getattr(error, "response", {}).get("Error", {}).get("Code") or getattr(error, "code", None) or getattr(error, "errno", None)
            outcome[name] = [type(error).__name__, errno.errorcode.get(code, code)]
    return run

s3, logs, sts = boto3.client("s3"), boto3.client("logs"), boto3.client("sts")
attempt("who am i")(lambda: sts.get_caller_identity()["Arn"])
attempt("own data")(lambda: s3.get_object(Bucket=told["bucket"], Key="intruder/told.json")["Body"].read()[:1])
attempt("another job's bucket")(lambda: s3.get_object(Bucket="victims-bucket", Key="data.txt")["Body"].read())
attempt("another job's prefix")(lambda: s3.get_object(Bucket=told["bucket"], Key="victim/data.txt")["Body"].read())
attempt("writing another job's prefix")(lambda: s3.put_object(Bucket=told["bucket"], Key="victim/data.txt", Body=b"x"))
attempt("listing another job's bucket")(lambda: s3.list_objects_v2(Bucket="victims-bucket")["KeyCount"])
attempt("another job's log")(lambda: logs.filter_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix="victim/")["events"])
attempt("becoming another job's role")(lambda: sts.assume_role(RoleArn=told["victims_role"], RoleSessionName="intruder"))
attempt("stopping another job")(lambda: boto3.client("sagemaker").stop_training_job(TrainingJobName="victim"))

def search(*roots):
    found = []
    for root in roots:
        for folder, _, files in os.walk(root):
            for name in files:
                path = os.path.join(folder, name)
                try:
                    if os.stat(path).st_size < 1 << 20 and told["secret"].encode() in open(path, "rb").read(): found.append(path)
                except OSError: pass
    return [path for path in found if "/told/" not in path]

outcome["files"] = search("/opt", "/tmp", "/var", "/dev/shm", "/run", "/home", "/root", "/etc", "/mnt", "/srv", "/media", "/data")
outcome["roots"] = sorted(os.listdir("/"))
outcome["environments"] = [path for path in pathlib.Path("/proc").glob("[0-9]*/environ")
                           if attempt("environ")(path.read_bytes) or told["secret"] in outcome["environ"][1]]
outcome["processes"] = [pathlib.Path(f"/proc/{number}/cmdline").read_text().replace("\\0", " ") for number in os.listdir("/proc") if number.isdigit()]
for name, path in (("the data folder", told["data"]), ("the master key", told["home"]), ("the victim's folder", told["victims_folder"]),
                   ("the images", told["data"] + "/images")):
    attempt(name)(lambda: os.listdir(path))
attempt("killing the victim")(lambda: os.kill(told["victims_pid"], 9))
attempt("killing the server")(lambda: os.kill(told["server_pid"], 9))
attempt("the first process's memory")(lambda: open("/proc/1/mem", "rb").read(1))
attempt("the first process's files")(lambda: os.listdir("/proc/1/fd"))
attempt("the first process's root")(lambda: os.listdir("/proc/1/root/"))

def reach(address, port, family=socket.AF_INET):
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(1)
        connection.connect((address, port) if family == socket.AF_INET else address)
        return connection.recv(100)

for last in (1, 2, 3, 254): attempt(f"network 10.77.0.{last}")(lambda: reach(f"10.77.0.{last}", 5555))
for address in told["machine"]: attempt(f"machine {address}")(lambda: reach(address, told["machine_port"]))
attempt("another server's port")(lambda: reach("127.0.0.1", told["machine_port"]))
attempt("outside")(lambda: reach("1.1.1.1", 53))
attempt("abstract socket")(lambda: reach("\\0victim", 0, socket.AF_UNIX))
attempt("shared memory")(lambda: __import__("multiprocessing.shared_memory").shared_memory.SharedMemory("victims-block"))
attempt("names")(lambda: socket.gethostbyname("example.com"))
for family, name in ((17, "packet"), (40, "vsock"), (38, "alg"), (31, "bluetooth"), (44, "xdp")):
    attempt(f"socket {name}")(lambda: socket.socket(family, socket.SOCK_DGRAM))
attempt("raw socket")(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    if libc.syscall(*arguments) < 0: raise OSError(ctypes.get_errno(), "")
for name, arguments in {"mount": (165, b"none", b"/tmp", b"tmpfs", 0, 0), "unshare": (272, 0x10000000), "setns": (308, 0, 0),
                        "ptrace": (101, 16, 1, 0, 0), "bpf": (321, 0, 0, 0), "keyctl": (250, 0, 0, 0), "kexec": (246, 0, 0, 0, 0),
                        "module": (175, 0, 0, 0), "reboot": (169, 0xfee1dead, 672274793, 0, 0), "settime": (227, 0, 0)}.items():
    attempt(f"call {name}")(lambda: call(*arguments))
for path in ("/usr/bin/x", "/etc/passwd", "/etc/hosts", "/x", "/opt/x", "/proc/sys/kernel/core_pattern", "/sys/devices/system/cpu/cpu0/online", "/.inside"):
    attempt(f"write {path}")(lambda: open(path, "w"))
attempt("device")(lambda: os.mknod("/tmp/disk", 0o60600, 0x800))
outcome["devices"] = sorted(name for name in os.listdir("/dev"))
attempt("root")(lambda: os.setuid(0))

def metadata(path, method="GET", **headers):
    request = urllib.request.Request("http://169.254.169.254" + path, method=method, headers=headers)
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5).read().decode()

token = metadata("/latest/api/token", "PUT", **{"X-aws-ec2-metadata-token-ttl-seconds": "60"})
with_token = {"X-aws-ec2-metadata-token": token}
role = metadata("/latest/meta-data/iam/security-credentials/", **with_token)
outcome["metadata role"] = role
outcome["metadata credentials"] = sorted(json.loads(metadata("/latest/meta-data/iam/security-credentials/" + role, **with_token)))
short = metadata("/latest/api/token", "PUT", **{"X-aws-ec2-metadata-token-ttl-seconds": "1"})
attempt("metadata without a token")(lambda: metadata("/latest/meta-data/iam/security-credentials/"))
attempt("metadata with an invented token")(lambda: metadata("/latest/meta-data/", **{"X-aws-ec2-metadata-token": token[:-1] + ("0" if token[-1] != "0" else "1")}))
attempt("metadata with another worker's token")(lambda: metadata("/latest/meta-data/", **{"X-aws-ec2-metadata-token": told["foreign_token"]}))
attempt("a forwarded request for a token")(lambda: metadata("/latest/api/token", "PUT", **{"X-Forwarded-For": "10.0.0.1", "X-aws-ec2-metadata-token-ttl-seconds": "60"}))
attempt("a token for ever")(lambda: metadata("/latest/api/token", "PUT", **{"X-aws-ec2-metadata-token-ttl-seconds": "21601"}))
attempt("another role's credentials")(lambda: metadata("/latest/meta-data/iam/security-credentials/victim", **with_token))
import time; time.sleep(1.1)
attempt("metadata with an expired token")(lambda: metadata("/latest/meta-data/", **{"X-aws-ec2-metadata-token": short}))
outcome["environment"] = dict(os.environ)
without = {name: value for name, value in os.environ.items() if name != "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"}
for name, environment in (("boto3 by the container endpoint", dict(os.environ)), ("boto3 by instance metadata", without)):
    outcome[name] = subprocess.check_output([sys.executable, "-c", "import boto3; session = boto3.Session(); print(session.get_credentials().method, "
                                             "session.client('sts').get_caller_identity()['Arn'])"], env=environment, text=True).split()
outcome["credentials"] = json.loads(urllib.request.urlopen("http://169.254.170.2" + os.environ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]).read())
pathlib.Path("/opt/ml/model/outcome.json").write_text(json.dumps(outcome))
"""


def statement(*actions, resources):
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def make_job_role(server, name, *resources):
    iam = server.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": SAGEMAKER}, "Action": "sts:AssumeRole"}]}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    policy = {"Version": "2012-10-17", "Statement": [
        statement("s3:ListBucket", resources=sorted({resource.split("/")[0] for resource in resources})),
        statement("s3:GetObject", "s3:PutObject", resources=resources)]}
    iam.put_role_policy(RoleName=name, PolicyName="data", PolicyDocument=json.dumps(policy))
    return arn


def start_sandboxed(*arguments):
    """A server that runs jobs in sandboxes or not at all."""
    need("sandboxes")
    home = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-test-", dir="/var/tmp"))
    server = Server(home, *arguments, isolation="sandbox")
    server.start()
    assert "permits no sandbox" not in server.output.read_text(), server.output.read_text()
    return server


def addresses_of_machine():
    """Every IPv4 address that this machine answers to."""
    listed = json.loads(subprocess.run(["ip", "-j", "-4", "addr"], capture_output=True, check=True).stdout)
    return [address["local"] for interface in listed for address in interface["addr_info"]]


def python_job(server, name, script, role, prefix, **changes):
    server.client("s3").put_object(Bucket=BUCKET, Key=f"{prefix}/code/run.py", Body=script.encode())
    wanted = request(server, name, "", RoleArn=role, OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/{prefix}/models"}, **changes)
    wanted["AlgorithmSpecification"]["ContainerEntrypoint"] = ["/usr/bin/python3", "-B", "/opt/ml/input/data/code/run.py"]
    wanted["InputDataConfig"] = [*wanted.get("InputDataConfig", []), channel("code", f"{prefix}/code/")]
    wanted["Environment"] = {"PYTHONPATH": PACKAGES, **wanted.get("Environment", {})}
    return wanted


@pytest.fixture(scope="module")
def sandboxed():
    server = start_sandboxed()
    server.client("s3").create_bucket(Bucket=BUCKET)
    yield server
    server.stop()
    left = [path for path in pathlib.Path("/proc").glob("[0-9]*/cmdline") if b"bwrap" in path.read_bytes() and str(server.home).encode() in path.read_bytes()]
    server.stop(signal.SIGKILL)
    shutil.rmtree(server.home, ignore_errors=True)
    assert not left


@pytest.fixture(scope="module")
def tried(sandboxed):
    """What came of every try of the intruder."""
    server = sandboxed
    s3, sagemaker = server.client("s3"), server.client("sagemaker")
    s3.create_bucket(Bucket="victims-bucket")
    s3.put_object(Bucket="victims-bucket", Key="data.txt", Body=SECRET.encode())
    s3.put_object(Bucket=BUCKET, Key="victim/data.txt", Body=SECRET.encode())
    victims_role = make_job_role(server, "victim", "arn:aws:s3:::victims-bucket/*", "arn:aws:s3:::victims-bucket", f"arn:aws:s3:::{BUCKET}",
                                 f"arn:aws:s3:::{BUCKET}/victim/*")
    intruders_role = make_job_role(server, "intruder", f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/intruder/*")
    sagemaker.create_training_job(**python_job(server, "victim", VICTIM, victims_role, "victim", Environment={"SECRET": SECRET}))
    until_logged(server, "victim", SECRET)
    (victims_folder,) = server.data.glob("jobs/*/*/victim/algo-1")
    victims_pid = next(int(path.parent.name) for path in pathlib.Path("/proc").glob("[0-9]*/environ")
                       if f"SECRET={SECRET}".encode() in read_or_nothing(path))
    with socket.create_server(("0.0.0.0", 0)) as machine:
        told = {"bucket": BUCKET, "victims_role": victims_role, "secret": SECRET, "data": str(server.data), "home": str(server.home / "config"),
                "victims_folder": str(victims_folder), "victims_pid": victims_pid, "server_pid": server.process.pid,
                "machine": [address for address in addresses_of_machine() if not address.startswith("127.")],
                "machine_port": machine.getsockname()[1], "foreign_token": "99999999999999." + "0" * 64}
        s3.put_object(Bucket=BUCKET, Key="intruder/told.json", Body=json.dumps(told).encode())
        sagemaker.create_training_job(**python_job(server, "intruder", INTRUDER, intruders_role, "intruder",
                                                   InputDataConfig=[channel("told", "intruder/told.json")]))
        job = wait(server, "intruder")
        assert job["TrainingJobStatus"] == "Completed", log_of(server, "intruder")
        machine.setblocking(False)
        with pytest.raises(BlockingIOError):
            machine.accept()  # nobody reached it
    assert sagemaker.describe_training_job(TrainingJobName="victim")["TrainingJobStatus"] == "InProgress"
    with model_of(server, job) as model:
        outcome = json.load(model.extractfile("outcome.json"))
    (victims_folder / "ml/enough").touch()
    assert wait(server, "victim")["TrainingJobStatus"] == "Completed"
    return outcome


def read_or_nothing(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def link_or_nothing(path):
    try:
        return str(path.readlink())
    except OSError:
        return ""


def test_the_intruder_is_a_working_job(sandboxed, tried):
    """Otherwise nothing below would mean anything."""
    assert tried["who am i"] == ["got", f"'arn:aws:sts::{sandboxed.account}:assumed-role/intruder/SageMaker'"]
    assert tried["own data"] == ["got", "b'{'"]


@pytest.mark.parametrize("what", ["another job's bucket", "another job's prefix", "writing another job's prefix", "listing another job's bucket",
                                  "becoming another job's role"])
def test_another_jobs_data(tried, what):
    assert tried[what][1] == "AccessDenied"


@pytest.mark.parametrize("what", ["another job's log", "stopping another job"])
def test_another_job_by_its_apis(tried, what):
    assert tried[what][1] == "AccessDeniedException"


def test_another_jobs_files(tried):
    assert tried["files"] == []
    assert tried["the victim's folder"] == ["FileNotFoundError", "ENOENT"]
    assert set(tried["roots"]) <= {"bin", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "opt", "proc", "run", "sbin", "sys", "tmp", "usr",
                                   "var", ".inside", PACKAGES.split("/")[1]}
    assert tried["shared memory"] == ["FileNotFoundError", "ENOENT"]


def test_another_jobs_processes(tried):
    assert len(tried["processes"]) == 2 and tried["processes"][1].startswith("/usr/bin/python3 -B /opt/ml/input/data/code/run.py")
    assert tried["environments"] == []
    assert tried["killing the victim"] == ["ProcessLookupError", "ESRCH"]
    assert tried["killing the server"] == ["ProcessLookupError", "ESRCH"]


@pytest.mark.parametrize("what", ["the first process's memory", "the first process's files", "the first process's root"])
def test_the_first_process(tried, what):
    assert tried[what] == ["PermissionError", "EACCES"]


def test_another_jobs_network(tried):
    # The intruder's own address is the victim's, too: in a network of its own, where nobody listens.
    assert tried["network 10.77.0.1"] == ["ConnectionRefusedError", "ECONNREFUSED"]
    for last in (2, 3, 254):
        assert tried[f"network 10.77.0.{last}"][0] in ("TimeoutError", "OSError")
    assert tried["abstract socket"] == ["ConnectionRefusedError", "ECONNREFUSED"]


def test_the_machines_network(tried):
    machines = {what: came for what, came in tried.items() if what.startswith("machine ")}
    for what, came in machines.items():
        assert came == ["OSError", "ENETUNREACH"], what
    assert tried["another server's port"] == ["ConnectionRefusedError", "ECONNREFUSED"]
    assert tried["outside"] == ["OSError", "ENETUNREACH"]
    assert tried["names"][0] == "gaierror"


@pytest.mark.parametrize("what", ["the data folder", "the master key", "the images"])
def test_the_servers_folders(tried, what):
    assert tried[what] == ["FileNotFoundError", "ENOENT"]


@pytest.mark.parametrize("call", ["mount", "unshare", "setns", "ptrace", "bpf", "keyctl", "kexec", "module", "reboot", "settime"])
def test_calls_of_the_kernel(tried, call):
    assert tried[f"call {call}"] == ["PermissionError", "EPERM"]


@pytest.mark.parametrize("family", ["packet", "vsock", "alg", "bluetooth", "xdp"])
def test_families_of_sockets(tried, family):
    assert tried[f"socket {family}"] == ["OSError", "EAFNOSUPPORT"]


def test_privilege(tried):
    assert tried["raw socket"] == ["PermissionError", "EPERM"]
    assert tried["device"] == ["PermissionError", "EPERM"]
    assert tried["root"] in (["PermissionError", "EPERM"], ["OSError", "EINVAL"])  # no such user in its namespace
    assert set(tried["devices"]) <= {"console", "core", "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom",
                                     "zero"}


def test_the_image_cannot_be_changed(tried):
    written = {what: came for what, came in tried.items() if what.startswith("write ")}
    assert len(written) == 8
    for what, came in written.items():
        assert came[0] in ("PermissionError", "OSError") and came[1] in ("EACCES", "EROFS"), (what, came)


def test_metadata_gives_this_jobs_role_to_this_job(tried):
    assert tried["metadata role"] == "intruder"
    assert tried["metadata credentials"] == ["AccessKeyId", "Code", "Expiration", "LastUpdated", "SecretAccessKey", "Token", "Type"]


@pytest.mark.parametrize("what, method", [("boto3 by the container endpoint", "container-role"), ("boto3 by instance metadata", "iam-role")])
def test_boto3_finds_its_credentials_without_any_setting(sandboxed, tried, what, method):
    assert tried[what] == [method, f"arn:aws:sts::{sandboxed.account}:assumed-role/intruder/SageMaker"]


@pytest.mark.parametrize("what, status", [
    ("metadata without a token", 401), ("metadata with an invented token", 401), ("metadata with another worker's token", 401),
    ("metadata with an expired token", 401), ("a forwarded request for a token", 403), ("a token for ever", 400), ("another role's credentials", 404)])
def test_metadata_refuses(tried, what, status):
    assert tried[what] == ["HTTPError", status]


def test_environment_and_log_hold_no_secret(sandboxed, tried):
    everything = json.dumps(tried["environment"])
    for name in ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID"):
        assert name not in tried["environment"]
    for secret in (SECRET, sandboxed.root.secret_access_key, tried["credentials"]["SecretAccessKey"], tried["credentials"]["Token"]):
        assert secret not in everything
        assert secret not in log_of(sandboxed, "intruder")
        assert secret not in sandboxed.output.read_text()


def test_residue_of_an_earlier_job(sandboxed):
    role = make_job_role(sandboxed, "tidy", f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/tidy/*")
    places = "/opt/ml/model /opt/ml/checkpoints /opt/ml/code /tmp /var/tmp /dev/shm /run ~"
    leaves = "import os, pathlib\nfor place in '%s'.split(): (pathlib.Path(place).expanduser() / 'left').write_text('left')\n" % places
    finds = ("import os, pathlib\nfor place in '%s'.split():\n    place = pathlib.Path(place).expanduser()\n"
             "    print(place, sorted(name for name in os.listdir(place)))\n" % places)
    for number, script in enumerate((leaves, finds)):
        sandboxed.client("sagemaker").create_training_job(**python_job(sandboxed, f"residue-{number}", script, role, f"tidy/{number}"))
        assert wait(sandboxed, f"residue-{number}")["TrainingJobStatus"] == "Completed", log_of(sandboxed, f"residue-{number}")
    assert "left" not in log_of(sandboxed, "residue-1")
    assert not list(sandboxed.data.glob("jobs/*/*/residue-*/algo-*"))


ISOLATED = """
import os, pathlib, socket, time, urllib.request
host = os.environ["SM_CURRENT_HOST"]
print("DATA", pathlib.Path("/opt/ml/input/data/code/run.py").exists())
print("AWS", sorted(name for name in os.environ if name.startswith("AWS_") or name == "S3_ENDPOINT_URL"))
if host == "algo-1":
    print("HEARD", socket.create_server(("0.0.0.0", 6000)).accept()[0].recv(100).decode())
else:
    while True:
        try: socket.create_connection(("algo-1", 6000)).send(b"hello from algo-2"); break
        except ConnectionRefusedError: time.sleep(0.02)
for place in (("169.254.169.254", 80), ("169.254.170.2", 80), ("127.0.0.1", int(os.environ["PORT"])), ("10.77.0.254", 80)):
    try: socket.create_connection(place, 1); print("REACHED", place)
    except OSError as error: print("NOT", place[0], type(error).__name__)
import boto3
print("CREDENTIALS", boto3.Session().get_credentials())
pathlib.Path("/opt/ml/model", host).write_text("weights")
"""


def test_network_isolation(sandboxed):
    """Siblings, data and model, but no way out and no credentials at all."""
    role = make_job_role(sandboxed, "isolated", f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/isolated/*")
    sandboxed.client("sagemaker").create_training_job(**python_job(
        sandboxed, "isolated", ISOLATED, role, "isolated", EnableNetworkIsolation=True, Environment={"PORT": str(sandboxed.port)},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}))
    job = wait(sandboxed, "isolated")
    for host in ("algo-1", "algo-2"):
        log = log_of(sandboxed, "isolated", host)
        assert job["TrainingJobStatus"] == "Completed", log
        assert "DATA True" in log and "CREDENTIALS None" in log
        assert "AWS ['AWS_DEFAULT_REGION', 'AWS_EC2_METADATA_DISABLED', 'AWS_REGION']" in log
        assert "REACHED" not in log and log.count("NOT ") == 4
    assert "HEARD hello from algo-2" in log_of(sandboxed, "isolated")
    assert job["EnableNetworkIsolation"] is True
    with model_of(sandboxed, job) as model:
        assert sorted(model.getnames()) == ["algo-1", "algo-2"]


def test_credentials_end_with_their_reasons(sandboxed):
    """Taken out of a worker and used from outside: expired, revoked, and after the job they are worth nothing."""
    server = sandboxed
    role = make_job_role(server, "lender", f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/lender/*")
    server.client("s3").put_object(Bucket=BUCKET, Key="lender/data.txt", Body=b"data")
    script = ("import os, pathlib, time, urllib.request\n"
              "print('VENDED', urllib.request.urlopen('http://169.254.170.2' + os.environ['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI']).read().decode(), flush=True)\n"
              "while not pathlib.Path('/opt/ml/enough').exists(): time.sleep(0.05)\n")
    server.client("sagemaker").create_training_job(**python_job(server, "lender", script, role, "lender",
                                                               InputDataConfig=[channel("train", "lender/data.txt")]))
    logs = server.client("logs")

    until_logged(server, "lender", "VENDED")
    (vended,) = logs.filter_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix="lender/", filterPattern="VENDED")["events"]
    answer = json.loads(vended["message"].removeprefix("VENDED "))
    taken = Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["Token"])
    s3 = server.client_as(taken, "s3")
    assert s3.get_object(Bucket=BUCKET, Key="lender/data.txt")["Body"].read() == b"data"
    altered = Credentials(taken.access_key_id, taken.secret_access_key, taken.session_token[:-8] + "AAAAAAA=")
    assert refusal(server.client_as(altered, "s3").get_object, Bucket=BUCKET, Key="lender/data.txt")[0] in ("InvalidToken", "InvalidAccessKeyId")
    # Revoked: the role's sessions of before this moment, as the console's "Revoke active sessions" does it.
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*",
                                                    "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2100-01-01T00:00:00Z"}}}]}
    server.client("iam").put_role_policy(RoleName="lender", PolicyName="AWSRevokeOlderSessions", PolicyDocument=json.dumps(deny))
    assert refusal(s3.get_object, Bucket=BUCKET, Key="lender/data.txt")[0] == "AccessDenied"
    server.client("iam").delete_role_policy(RoleName="lender", PolicyName="AWSRevokeOlderSessions")
    assert s3.get_object(Bucket=BUCKET, Key="lender/data.txt")["Body"].read() == b"data"
    (folder,) = server.data.glob("jobs/*/*/lender/algo-1")
    (folder / "ml/enough").touch()
    assert wait(server, "lender")["TrainingJobStatus"] == "Completed"
    assert refusal(s3.get_object, Bucket=BUCKET, Key="lender/data.txt")[0] == "ExpiredToken"


STORM = """
import asyncio, json, os
async def ask(address, path, headers=""):
    reader, writer = await asyncio.open_connection(address, 80)
    everybody.append(1)
    while len(everybody) < 1000: await asyncio.sleep(0.01)  # all of them hold a connection before the first one asks
    writer.write(f"GET {path} HTTP/1.1\\r\\nHost: {address}\\r\\n{headers}Connection: close\\r\\n\\r\\n".encode())
    head, _, body = (await reader.read()).partition(b"\\r\\n\\r\\n")
    writer.close()
    return head.split()[1].decode(), json.loads(body)["AccessKeyId"]
async def main():
    answers = await asyncio.gather(*(ask("169.254.170.2", os.environ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]) for _ in range(1000)))
    print("STORM", len(answers), sorted({status for status, _ in answers}), len({key for _, key in answers}))
everybody = []
asyncio.run(main())
"""


def test_a_thousand_processes_ask_for_credentials_at_once(sandboxed):
    role = make_job_role(sandboxed, "storm", f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/storm/*")
    sandboxed.client("sagemaker").create_training_job(**python_job(sandboxed, "storm", STORM, role, "storm"))
    job = wait(sandboxed, "storm")
    assert "STORM 1000 ['200'] 1" in log_of(sandboxed, "storm"), job


@pytest.mark.needs("limits")
def test_a_worker_that_needs_too_much_memory_is_told_so():
    types = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-types-")) / "types.json"
    types.write_text(json.dumps({"ml.t3.medium": {"Cores": 1, "MemoryInGiB": 1}}))
    server = start_sandboxed("--instance-types", types)
    try:
        assert "no limits on memory" not in server.output.read_text()
        server.client("s3").create_bucket(Bucket=BUCKET)
        role = make_job_role(server, "trainer", f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*")
        kind = {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1}
        job = run(server, "greedy", "python3 -c 'x = b\"x\" * (1200 << 20)'", RoleArn=role, ResourceConfig=kind)
        assert job["FailureReason"] == ("ClientError: Please use an instance type with more memory, or reduce the size of training data processed "
                                        "on an instance.")
        assert run(server, "modest", "python3 -c 'x = b\"x\" * (300 << 20)'", RoleArn=role, ResourceConfig=kind)["TrainingJobStatus"] == "Completed"
    finally:
        server.stop()
        server.stop(signal.SIGKILL)
        shutil.rmtree(server.home, ignore_errors=True)
        shutil.rmtree(types.parent)


def test_nothing_is_left_when_the_server_is_killed():
    """kill -9: the workers die with it, and with them their namespaces; control groups go at the next start."""
    server = start_sandboxed()
    try:
        server.client("s3").create_bucket(Bucket=BUCKET)
        role = make_job_role(server, "trainer", f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*")
        server.client("sagemaker").create_training_job(**request(
            server, "orphans", "(setsid sleep 4444 &); trap '' TERM; sleep 4445", RoleArn=role,
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}))

        def sleepers():
            return [path.parent for path in pathlib.Path("/proc").glob("[0-9]*/cmdline") if read_or_nothing(path) in (b"sleep\x004444\0", b"sleep\x004445\0")]

        until(lambda: len(sleepers()) >= 4, "both workers and what they left behind sleep")
        networks = {str((process / "ns/net").readlink()) for process in sleepers()}
        assert len(networks) == 2
        killed = server.process.pid
        server.stop(signal.SIGKILL)
        until(lambda: not sleepers(), "they die with the server")

        # Nothing holds the networks any more: no process is in them, none has a descriptor of them.
        held = {link_or_nothing(path) for pattern in ("[0-9]*/ns/net", "[0-9]*/fd/*") for path in pathlib.Path("/proc").glob(pattern)}
        assert not networks & held
        server.start()
        assert not list(pathlib.Path("/sys/fs/cgroup").glob(f"**/trainwarden/*/{killed}-*"))
    finally:
        server.stop()
        server.stop(signal.SIGKILL)
        shutil.rmtree(server.home, ignore_errors=True)


@pytest.mark.needs("mounts")
@pytest.mark.parametrize("isolation", ["sandbox", "best-effort"])
def test_a_machine_without_sandboxes(isolation):
    """A server that cannot see bubblewrap stands for all machines that permit none. Jobs are refused, unless the operator says otherwise."""
    own_mounts = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() != 0 else [])]
    home = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-test-", dir="/var/tmp"))
    server = Server(home, isolation=isolation)
    server.prefix = [*own_mounts, "sh", "-c", 'mount --bind /dev/null /usr/bin/bwrap && exec "$0" "$@"']
    why = "this machine permits no sandbox: there is no /usr/bin/bwrap (Debian package bubblewrap)"
    try:
        server.start()
        server.client("s3").create_bucket(Bucket=BUCKET)
        role = make_job_role(server, "trainer", f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*")
        if isolation == "sandbox":
            assert f"training jobs are refused, because {why}" in server.output.read_text()
            assert refusal(server.client("sagemaker").create_training_job, **request(server, "refused", "true", RoleArn=role)) == (
                "ValidationException", "Training jobs run in a sandbox, and this machine permits none (there is no /usr/bin/bwrap (Debian package "
                "bubblewrap)). To run them as plain processes, start the server with --training-isolation=process.")
        else:
            assert f"training jobs run as plain processes, because {why}" in server.output.read_text()
            assert run(server, "runs", "true", RoleArn=role)["TrainingJobStatus"] == "Completed"
    finally:
        server.stop()
        server.stop(signal.SIGKILL)
        shutil.rmtree(home, ignore_errors=True)


def test_plain_processes_say_so():
    home = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-test-", dir="/var/tmp"))
    server = Server(home, isolation="process")
    try:
        server.start()
        server.client("s3").create_bucket(Bucket=BUCKET)
        role = make_job_role(server, "trainer", f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*")
        assert "training jobs run as plain processes: they share this machine's network, processes and users" in server.output.read_text()
        assert run(server, "plain", "true", RoleArn=role)["TrainingJobStatus"] == "Completed"
        for changes, what in (({"EnableNetworkIsolation": True}, "EnableNetworkIsolation"),
                              ({"AlgorithmSpecification": {"TrainingImage": "other", "TrainingInputMode": "File",
                                                           "ContainerEntrypoint": ["/bin/true"]}}, "The training image other")):
            assert refusal(server.client("sagemaker").create_training_job, **request(server, "no", "true", RoleArn=role, **changes)) == (
                "ValidationException", f"{what} needs a sandbox, and this server runs its workers as plain processes.")
    finally:
        server.stop()
        server.stop(signal.SIGKILL)
        shutil.rmtree(home, ignore_errors=True)
