"""Training jobs by the launcher slurm: a cluster of three nodes on this machine, whose workers find what they find under the local launcher.

Each node here has two processors, and so has an instance: one worker a node.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest
from conftest import BINARY, Server, until
from slurm_cluster import Cluster
from test_engines import ALL_REDUCE, MPI, run_script
from test_isolation import addresses_of_machine, make_job_role, python_job, read_or_nothing
from test_sagemaker import BUCKET, channel, log_of, make_trainer, model_of, request, run, wait

SECRET = "a-secret-of-the-servers-environment"
STEPS = ["Starting", "Downloading", "Training", "Uploading", "Completed"]

pytestmark = pytest.mark.needs("root", "sandboxes", "tunnels")  # a cluster of one's own needs root


@pytest.fixture(scope="module")
def cluster():
    with Cluster() as running:
        yield running


def make_server(cluster, *arguments):
    """Outside of /tmp, which workers have their own of; not started."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-test-", dir="/var/tmp"))
    types = home / "types.json"
    types.write_text(json.dumps({"ml.m5.large": {"Cores": 2, "MemoryInGiB": 1, "Count": 8}, "ml.c5.xlarge": {"Cores": 1, "MemoryInGiB": 1, "Count": 8},
                                 "ml.m5.24xlarge": {"Cores": 2, "MemoryInGiB": 384, "Count": 1}}))
    server = Server(home, "--launcher", "slurm", "--instance-types", types, *arguments, isolation="sandbox")
    server.environment.update(cluster.environment, AWS_SECRET_ACCESS_KEY=SECRET, SLURM_SECRET=SECRET)
    return server


def remove(server):
    server.stop(signal.SIGKILL)
    shutil.rmtree(server.home, ignore_errors=True)


@pytest.fixture(scope="module")
def world(cluster):
    server = make_server(cluster)
    try:
        server.start()
        make_trainer(server)
        for number in range(2):
            server.client("s3").put_object(Bucket=BUCKET, Key=f"data/train/part-{number}.txt", Body=f"part {number}".encode())
        yield server
        assert server.stop() == 0, server.output.read_text()
    finally:
        remove(server)


def job_of(server, name):
    return server.client("sagemaker").describe_training_job(TrainingJobName=name)


def await_line(server, name, line, host="algo-1"):
    def look():
        logs = server.client("logs")
        try:
            found = logs.filter_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/{host}-")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return False
        job = job_of(server, name)
        assert job["TrainingJobStatus"] in ("InProgress", "Stopping"), job.get("FailureReason")
        return any(line in event["message"] for event in found)
    until(look, f"{name} does not say {line}")


def node_of(log):
    return re.search(r"\[trainwarden\] on node (n[123]) of the Slurm cluster, in job (\d+)", log).groups()


def processes_with(text):
    return [path for path in pathlib.Path("/proc").glob("[0-9]*/environ") if text.encode() in read_or_nothing(path)]


def instances(count, kind="ml.m5.large"):
    return {"InstanceType": kind, "InstanceCount": count, "VolumeSizeInGB": 1}


def test_one_worker(world, cluster):
    job = run(world, "one", "echo hello; echo complaint >&2; pwd; id -u; echo model > /opt/ml/model/weights; cat /opt/ml/input/data/train/*",
              InputDataConfig=[channel("train", "data/train/")])
    log = log_of(world, "one")
    assert job["TrainingJobStatus"] == "Completed", log
    assert [step["Status"] for step in job["SecondaryStatusTransitions"]] == STEPS
    node, _ = node_of(log)
    assert log.splitlines()[1:] == ["hello", "complaint", "/opt/ml", "1000", "part 0part 1"], (node, log)
    with model_of(world, job) as model:
        assert model.extractfile("weights").read() == b"model\n"
    assert until(lambda: not cluster.jobs(), "the allocation stays")
    assert not list(world.data.glob("jobs/*/*/one*"))


def test_two_workers_on_two_nodes(world):
    """PyTorch's DDP as SageMaker's SDK starts it; what the workers say to each other passes the encrypted wire between their nodes."""
    large = ALL_REDUCE.replace("print(", """
many = torch.full((1 << 20,), float(distributed.get_rank() + 1))
for _ in range(4):
    distributed.all_reduce(many)
    many /= 3
assert torch.allclose(many, torch.full_like(many, 2 ** 3)), many
print(""", 1).replace("many /= 3\nassert", "many /= 3\nassert")
    large = large.replace("    many /= 3\nassert torch.allclose(many, torch.full_like(many, 2 ** 3)), many",
                          "    many /= 2\nassert torch.allclose(many, torch.full_like(many, 1.5)), many")
    job = run_script(world, "ddp", large, ResourceConfig=instances(2))
    logs = {host: log_of(world, "ddp", host) for host in ("algo-1", "algo-2")}
    assert job["TrainingJobStatus"] == "Completed", logs
    for rank, host in enumerate(("algo-1", "algo-2")):
        assert f"SUM 3.0 rank {rank} of 2 on {host}" in logs[host]
    nodes = [node_of(log) for log in logs.values()]
    assert nodes[0][0] != nodes[1][0] and nodes[0][1] == nodes[1][1], nodes


@pytest.mark.needs("torchrun")
def test_torchrun_and_more_workers_than_nodes(world):
    job = run_script(world, "torchrun", ALL_REDUCE, sagemaker_torch_distributed_enabled=True, ResourceConfig=instances(4, "ml.c5.xlarge"))
    logs = [log_of(world, "torchrun", f"algo-{number}") for number in range(1, 5)]
    assert job["TrainingJobStatus"] == "Completed", logs
    assert "SUM 10.0 rank 3 of 4 on algo-4" in logs[3]
    nodes = [node_of(log)[0] for log in logs]
    assert 1 < len(set(nodes)) < 4, nodes


def test_mpi(world):
    job = run_script(world, "mpi", MPI, sagemaker_mpi_enabled=True, sagemaker_mpi_num_of_processes_per_host=2, ResourceConfig=instances(2))
    log = log_of(world, "mpi", "algo-1")
    assert job["TrainingJobStatus"] == "Completed", log
    for rank, host in enumerate(("algo-1", "algo-1", "algo-2", "algo-2")):
        assert f"SUM 10 rank {rank} of 4 on {host}" in log


CREDENTIALS = """
import json, os, pathlib, urllib.request
import boto3
outcome = {}
s3 = boto3.client("s3")
outcome["who"] = boto3.client("sts").get_caller_identity()["Arn"]
def read(key):
    try: return s3.get_object(Bucket="%s", Key=key)["Body"].read().decode()
    except Exception as error: return error.response["Error"]["Code"]
def write(key):
    try: return s3.put_object(Bucket="%s", Key=key, Body=b"x") and "written"
    except Exception as error: return error.response["Error"]["Code"]
outcome["mine"] = sorted(os.listdir("/opt/ml/input/data/train"))
for number in (0, 1): outcome[f"part-{number}.txt"] = read(f"data/train/part-{number}.txt")
outcome["elsewhere"] = read("elsewhere/secret.txt")
outcome["writing elsewhere"] = write("elsewhere/mine.txt")
without = {key: value for key, value in os.environ.items() if key != "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"}
os.environ.clear(); os.environ.update(without)
session = boto3.Session()
outcome["by metadata"] = [session.get_credentials().method, session.client("sts").get_caller_identity()["Arn"]]
outcome["source"] = sorted(os.environ)
pathlib.Path("/opt/ml/model/%%s.json" %% os.environ["SM_CURRENT_HOST"]).write_text(json.dumps(outcome))
""" % (BUCKET, BUCKET)


def test_credentials(world):
    """A worker is its job's role, cut to its own shard and the job's prefixes; it finds that at the standard addresses."""
    world.client("s3").put_object(Bucket=BUCKET, Key="elsewhere/secret.txt", Body=b"secret")
    role = make_job_role(world, "reader", f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*")
    wanted = python_job(world, "credentials", CREDENTIALS, role, "credentials", ResourceConfig=instances(2),
                        InputDataConfig=[channel("train", "data/train/", "ShardedByS3Key")])
    world.client("sagemaker").create_training_job(**wanted)
    job = wait(world, "credentials")
    assert job["TrainingJobStatus"] == "Completed", log_of(world, "credentials")
    with model_of(world, job) as model:
        outcomes = [json.load(model.extractfile(f"algo-{number}.json")) for number in (1, 2)]
    who = f"arn:aws:sts::{world.account}:assumed-role/reader/SageMaker"
    for number, outcome in enumerate(outcomes):
        mine, other = f"part-{number}.txt", f"part-{1 - number}.txt"
        assert outcome["who"] == who
        assert outcome["by metadata"] == ["iam-role", who]
        assert outcome["mine"] == [mine]
        assert outcome[mine] == f"part {number}"
        assert outcome[other] == outcome["elsewhere"] == outcome["writing elsewhere"] == "AccessDenied"


INTRUDER = """
import json, os, pathlib, socket
told = json.loads(pathlib.Path("/opt/ml/input/data/told/told.json").read_text())
outcome = {}
def reach(address, port):
    try:
        with socket.create_connection((address, port), 2) as connection: return "reached"
    except OSError as error: return type(error).__name__
for address in told["addresses"]:
    for port in told["ports"]: outcome[f"{address}:{port}"] = reach(address, port)
for last in range(1, 5): outcome[f"10.77.0.{last}:5555"] = reach(f"10.77.0.{last}", 5555)
outcome["outside"] = reach("1.1.1.1", 53)
for path in told["paths"]: outcome[path] = os.path.exists(path)
outcome["environment"] = dict(os.environ)
outcome["processes"] = [pathlib.Path(f"/proc/{number}/cmdline").read_text().replace("\\0", " ") for number in os.listdir("/proc") if number.isdigit()]
outcome["interfaces"] = sorted(os.listdir("/sys/class/net")) if os.path.exists("/sys/class/net") else [name for _, name in socket.if_nameindex()]
pathlib.Path("/opt/ml/model/outcome.json").write_text(json.dumps(outcome))
"""


def test_isolation(world, cluster):
    """From a worker there is no way to another job, to the node, to Slurm; and nothing of the server's environment reaches it."""
    victim = "python3 -c 'import socket, time; s = socket.create_server((\"0.0.0.0\", 5555)); print(\"ready\", flush=True); time.sleep(300)'"
    world.client("sagemaker").create_training_job(**request(world, "victim", victim))
    await_line(world, "victim", "ready")
    (victims_folder,) = world.data.glob("jobs/*/*/victim/algo-1")
    with socket.create_server(("0.0.0.0", 0)) as listener:
        ports = [cluster.controller_port, listener.getsockname()[1]]
        told = {"addresses": addresses_of_machine(), "ports": ports,
                "paths": [str(cluster.folder), str(world.data), str(victims_folder), "/run/munge", "/run/trainwarden"]}
        world.client("s3").put_object(Bucket=BUCKET, Key="told/told.json", Body=json.dumps(told).encode())
        role = make_job_role(world, "intruder", f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*")
        world.client("sagemaker").create_training_job(**python_job(world, "intruder", INTRUDER, role, "intruder",
                                                                   InputDataConfig=[channel("told", "told/")]))
        job = wait(world, "intruder")
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert job["TrainingJobStatus"] == "Completed", log_of(world, "intruder")
    with model_of(world, job) as model:
        outcome = json.load(model.extractfile("outcome.json"))
    reached = {name: value for name, value in outcome.items() if ":" in name or name == "outside"}
    assert len(reached) > 6 and all(value.endswith(("Error", "timeout", "error")) for value in reached.values()), reached
    assert not any(outcome[path] for path in told["paths"]), outcome
    assert not [name for name in outcome["environment"] if name.startswith("SLURM") or name == "AWS_SECRET_ACCESS_KEY"]
    assert SECRET not in json.dumps(outcome)
    assert not [line for line in outcome["processes"] if "slurm" in line or "munge" in line]
    # Nor did it go where others could read it: the command lines of this machine.
    tokens = [path for path in pathlib.Path("/proc").glob("[0-9]*/cmdline") if SECRET.encode() in read_or_nothing(path)]
    assert not tokens
    world.client("sagemaker").stop_training_job(TrainingJobName="victim")
    assert wait(world, "victim")["TrainingJobStatus"] == "Stopped"


def test_network_isolation(world):
    """Siblings yes, server no: neither its APIs nor credentials."""
    script = """
import json, os, socket, sys, time, urllib.request
assert not [name for name in os.environ if name.startswith("AWS_") and "CREDENTIALS" in name], os.environ
for address in ("http://169.254.170.2/v2/credentials", "http://169.254.169.254/latest/meta-data/", os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:%d")):
    try: print("REACHED", address, urllib.request.urlopen(address, timeout=2).read())
    except OSError as error: print("refused", address)
here = os.environ["SM_CURRENT_HOST"]
if here == "algo-1":
    connection, _ = socket.create_server(("0.0.0.0", 4444)).accept()
    print("SIBLING", connection.makefile().readline())
else:
    for _ in range(100):
        try: connection = socket.create_connection(("algo-1", 4444), 5); break
        except OSError: time.sleep(0.1)
    connection.sendall(b"hello from algo-2\\n")
""" % world.port
    wanted = python_job(world, "isolated", script, f"arn:aws:iam::{world.account}:role/trainer", "isolated", ResourceConfig=instances(2))
    world.client("sagemaker").create_training_job(**wanted, EnableNetworkIsolation=True)
    job = wait(world, "isolated")
    log = log_of(world, "isolated")
    assert job["TrainingJobStatus"] == "Completed", log
    assert "SIBLING hello from algo-2" in log and "REACHED" not in log and log.count("refused") == 3


def test_last_words_arrive(world):
    """What a worker has given to its kernel when it ends reaches its sibling, which reads it later."""
    script = """
import os, socket, time
if os.environ["SM_CURRENT_HOST"] == "algo-1":
    with socket.create_server(("0.0.0.0", 4444)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        connection, _ = listener.accept()
        time.sleep(2)
        connection.settimeout(20)
        count = 0
        while got := connection.recv(1 << 16): count += len(got)
        print("GOT", count)
else:
    for _ in range(100):
        try: connection = socket.create_connection(("algo-1", 4444), 5); break
        except OSError: time.sleep(0.1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    connection.settimeout(None)
    connection.sendall(b"x" * 150_000)
    os._exit(0)
"""
    wanted = python_job(world, "last-words", script, f"arn:aws:iam::{world.account}:role/trainer", "last-words", ResourceConfig=instances(2))
    world.client("sagemaker").create_training_job(**wanted)
    job = wait(world, "last-words")
    log = log_of(world, "last-words")
    assert job["TrainingJobStatus"] == "Completed" and "GOT 150000" in log, log


@pytest.mark.parametrize("mode", ["FastFile", "Pipe"])
def test_other_input_modes_where_the_node_is_the_servers_machine(world, mode):
    script = "cat /opt/ml/input/data/train/*" if mode == "FastFile" else "cat /opt/ml/input/data/train_0"
    job = run(world, f"mode-{mode}", script, InputDataConfig=[channel("train", "data/train/", InputMode=mode)])
    assert job["TrainingJobStatus"] == "Completed", job
    assert "part 0part 1" in log_of(world, f"mode-{mode}")


def test_a_failure_is_the_workers_own(world):
    job = run(world, "fails", "echo why > /opt/ml/output/failure; exit 7")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: why\n, exit code: 7"
    killed = run(world, "killed", "kill -9 $$")
    assert killed["FailureReason"].endswith("exit code: 137"), killed
    missing = run(world, "missing", "", AlgorithmSpecification={"TrainingImage": "host/python3", "TrainingInputMode": "File",
                                                                "ContainerEntrypoint": ["/no/such/program"]})
    assert "/no/such/program" in missing["FailureReason"] and "on node n" in missing["FailureReason"], missing


def test_out_of_memory(world):
    job = run(world, "hungry", "exec /usr/bin/python3 -c 'x = bytearray(3 << 30); print(len(x))'")
    assert job["FailureReason"].startswith("ClientError: Please use an instance type with more memory"), job["FailureReason"]


def test_no_such_machines(world):
    job = run(world, "huge", "true", ResourceConfig=instances(1, "ml.m5.24xlarge"))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("CapacityError: Slurm has no such machines: "), job["FailureReason"]
    assert "not available" in job["FailureReason"]


@contextlib.contextmanager
def machines_taken(cluster):
    """Somebody else has all of them."""
    cluster.run("salloc", "--no-shell", "--quiet", "--nodes=3", "--exclusive", "--job-name=others")
    try:
        yield
    finally:
        cluster.run("scancel", "--name=others")


def test_stopped_while_it_waits(world, cluster):
    """Others have the machines: the job says what Slurm says, and its request goes when the job does."""
    with machines_taken(cluster):
        sagemaker = world.client("sagemaker")
        arn = sagemaker.create_training_job(**request(world, "waits", "true"))["TrainingJobArn"]
        job = until(lambda: (job := job_of(world, "waits"))["SecondaryStatus"] == "Pending" and job, "the job does not wait")
        assert "TrainingStartTime" not in job
        message = job["SecondaryStatusTransitions"][-1]["StatusMessage"]
        ((number, state, name, comment),) = [one for one in cluster.jobs() if one[2] != "others"]
        assert message == f"Waiting for machines of the Slurm cluster (job {number}: Resources)"
        assert (state, name) == ("PENDING", "trainwarden-waits") and comment.startswith(arn + ";run=")
        sagemaker.stop_training_job(TrainingJobName="waits")
        job = wait(world, "waits")
        assert job["TrainingJobStatus"] == "Stopped"
        until(lambda: [one[2] for one in cluster.jobs()] == ["others"], "the request stays in the queue")


def test_a_spot_job_waits_no_longer_than_it_says(world, cluster):
    with machines_taken(cluster):
        job = run(world, "spot", "true", EnableManagedSpotTraining=True, StoppingCondition={"MaxRuntimeInSeconds": 2, "MaxWaitTimeInSeconds": 2})
        assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded"), job
        until(lambda: [one[2] for one in cluster.jobs()] == ["others"], "the request stays in the queue")


def test_waits_and_runs(world, cluster):
    with machines_taken(cluster):
        world.client("sagemaker").create_training_job(**request(world, "patient", "true"))
        until(lambda: job_of(world, "patient")["SecondaryStatus"] == "Pending", "the job does not wait")
    job = wait(world, "patient")
    assert [step["Status"] for step in job["SecondaryStatusTransitions"]] == ["Starting", "Pending", *STEPS[1:]], job


def test_stopped_while_it_runs(world, cluster):
    """SIGTERM, time to save, an upload of what there is."""
    script = "trap 'echo saved > /opt/ml/model/weights; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
    world.client("sagemaker").create_training_job(**request(world, "stopped", script))
    await_line(world, "stopped", "ready")
    assert [one[1:3] for one in cluster.jobs()] == [("RUNNING", "trainwarden-stopped")]
    (row,) = [row for row in json.loads(world.trainwarden("train", "ps", "--json").stdout) if row["TrainingJobName"] == "stopped"]
    assert [worker["Host"] for worker in row["Workers"]] == ["algo-1"], row
    world.client("sagemaker").stop_training_job(TrainingJobName="stopped")
    job = wait(world, "stopped")
    assert job["TrainingJobStatus"] == "Stopped"
    with model_of(world, job) as model:
        assert model.extractfile("weights").read() == b"saved\n"
    until(lambda: not cluster.jobs(), "the allocation stays")


def test_an_agent_gives_up_what_a_server_does(world):
    """No dump of it, no look into it by another process of its user, nothing that it starts gains privileges; no key where others read."""
    world.client("sagemaker").create_training_job(**request(world, "hardened", "echo ready; sleep 300"))
    await_line(world, "hardened", "ready")
    (folder,) = world.data.glob("jobs/*/*/hardened")
    agents = [path.parent for path in pathlib.Path("/proc").glob("[0-9]*/cmdline")
              if (words := read_or_nothing(path).split(b"\0"))[1:2] == [b"slurm-worker"] and str(folder).encode() in words[2]]
    assert agents
    for agent in agents:
        status = dict(line.split(":\t", 1) for line in (agent / "status").read_text().splitlines() if ":\t" in line)
        assert status["NoNewPrivs"] == "1" or os.stat("/usr/bin/bwrap").st_mode & 0o4000, status
        assert not int(status["CapBnd"], 16) & 1 << 16, status  # CAP_SYS_MODULE, for one
        assert re.search(r"Max core file size +0 +0 ", (agent / "limits").read_text())
        # What it was started with is all that others of its user could read: a folder, a run, where munge is, and no key.
        words = read_or_nothing(agent / "cmdline").split(b"\0")
        assert len(words) == 6 and words[4].startswith(b"munge:/")
    world.client("sagemaker").stop_training_job(TrainingJobName="hardened")
    assert wait(world, "hardened")["TrainingJobStatus"] == "Stopped"


def test_runtime(world):
    script = "trap 'echo told; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
    job = run(world, "long", script, StoppingCondition={"MaxRuntimeInSeconds": 2})
    assert job["SecondaryStatus"] == "MaxRuntimeExceeded", job
    assert "told" in log_of(world, "long")


def test_a_worker_that_does_not_listen_is_killed_with_its_siblings(world):
    """algo-2 fails; algo-1 ignores SIGTERM and is killed after the siblings' grace."""
    script = "if [ $SM_CURRENT_HOST = algo-2 ]; then sleep 1; exit 3; fi; trap '' TERM; echo ready; while :; do sleep 1; done"
    job = run(world, "deaf", script, ResourceConfig=instances(2))
    assert job["FailureReason"].endswith("exit code: 3"), job
    assert not processes_with("TRAINING_JOB_NAME=deaf")


def test_an_administrator_cancels(world, cluster):
    script = "echo ready; sleep 300"
    world.client("sagemaker").create_training_job(**request(world, "cancelled", script))
    await_line(world, "cancelled", "ready")
    ((number, *_),) = cluster.jobs()
    cluster.run("scancel", number)
    job = wait(world, "cancelled")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(f"InternalServerError: The machine of a worker was taken away by Slurm: job {number} is CANCELLED"), job
    assert not processes_with("TRAINING_JOB_NAME=cancelled")


def test_a_cancelled_job_is_retried(world, cluster):
    script = "echo ready; [ -e /opt/ml/checkpoints/second ] && exit 0; touch /opt/ml/checkpoints/second; sleep 300"
    world.client("sagemaker").create_training_job(**request(world, "retried", script, RetryStrategy={"MaximumRetryAttempts": 1},
                                                            CheckpointConfig={"S3Uri": f"s3://{BUCKET}/checkpoints/retried"}))
    await_line(world, "retried", "ready")
    # Else the worker is killed while it writes, and what it was writing is no checkpoint.
    until(lambda: world.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="checkpoints/retried/").get("KeyCount"), "no checkpoint is stored")
    ((number, *_),) = cluster.jobs()
    cluster.run("scancel", number)
    job = wait(world, "retried")
    assert job["TrainingJobStatus"] == "Completed", job
    assert [step["Status"] for step in job["SecondaryStatusTransitions"]] == [*STEPS[:3], *STEPS]


def test_the_server_is_killed(cluster):
    """Its workers end; the next server gives back what it had and goes on with the job."""
    server = make_server(cluster)
    try:
        server.start()
        make_trainer(server)
        script = "echo ready; [ -e /opt/ml/checkpoints/second ] && exit 0; touch /opt/ml/checkpoints/second; sleep 300"
        server.client("sagemaker").create_training_job(**request(server, "survivor", script, RetryStrategy={"MaximumRetryAttempts": 1},
                                                                 CheckpointConfig={"S3Uri": f"s3://{BUCKET}/checkpoints/survivor"}))
        await_line(server, "survivor", "ready")
        checkpoints = lambda: server.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="checkpoints/survivor/").get("KeyCount")
        until(checkpoints, "no checkpoint is stored")
        ((number, *_),) = cluster.jobs()
        assert processes_with("TRAINING_JOB_NAME=survivor")
        root = server.root
        server.stop(signal.SIGKILL)
        until(lambda: not processes_with("TRAINING_JOB_NAME=survivor"), "workers outlive their server")
        server.start(root=root)
        assert number not in [one[0] for one in cluster.jobs()]
        job = wait(server, "survivor")
        assert job["TrainingJobStatus"] == "Completed", job
        until(lambda: not cluster.jobs(), "an allocation stays")
        assert "cancelled 1 Slurm jobs of an earlier server" in server.output.read_text()
    finally:
        remove(server)


# An srun that changes the first line which it carries, as somebody between server and node can: of the agent (an output) or of the server (an input).
MEDDLER = """#!/usr/bin/python3
import base64, json, os, pathlib, subprocess, sys, threading
srun, folder = {srun!r}, pathlib.Path({folder!r})
wish = (folder / "wish").read_text()
mine = base64.b64encode(b"m" * 32).decode()
child = subprocess.Popen([srun, *sys.argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

def to_agent():
    line = sys.stdin.buffer.readline()
    if line and wish == "a server of its own":
        line = json.dumps({{"Format": "trainwarden-slurm-2", "Gateway": 1, "Fingerprint": mine}}).encode() + b"\\n"
    while line:
        child.stdin.write(line)
        child.stdin.flush()
        line = sys.stdin.buffer.readline()
    child.stdin.close()

threading.Thread(target=to_agent, daemon=True).start()
line = child.stdout.readline()
if wish == "what an agent said before":
    line = (folder / "before").read_bytes()
elif wish == "an agent of its own":
    line = json.dumps({{"Format": "trainwarden-slurm-2", "Node": "n1", "Boot": "b", "Address": "127.0.0.1", "Port": 1, "Mtu": 9000, "Fingerprint": mine, "Problem": ""}}).encode() + b"\\n"
elif wish == "one letter":
    line = line[:60] + (b"A" if line[60:61] != b"A" else b"B") + line[61:]
else:
    (folder / "before").write_bytes(line)
while line:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
    line = child.stdout.readline()
os._exit(child.wait())  # the thread waits for input
"""


def test_who_changes_what_srun_carries_gets_no_worker(cluster, tmp_path):
    meddler = tmp_path / "srun"
    meddler.write_text(MEDDLER.format(srun=shutil.which("srun"), folder=str(tmp_path)))
    meddler.chmod(0o755)
    server = make_server(cluster)
    server.environment["PATH"] = f"{tmp_path}:{os.environ['PATH']}"
    try:
        (tmp_path / "wish").write_text("nothing")
        server.start()
        make_trainer(server)
        job = run(server, "whole", "echo hello")
        assert job["TrainingJobStatus"] == "Completed", job
        assert (tmp_path / "before").read_text().startswith("MUNGE:")
        for number, (wish, why) in enumerate({"what an agent said before": "does not show that it is this cluster's",
                                              "an agent of its own": "does not show that it is this cluster's", "one letter": "does not show that it is this cluster's",
                                              "a server of its own": "unmunge failed"}.items()):
            (tmp_path / "wish").write_text(wish)
            job = run(server, f"changed-{number}", "echo hello")
            assert job["TrainingJobStatus"] == "Failed" and why in job["FailureReason"], (wish, job)
            said = server.client("logs").filter_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"changed-{number}/")["events"]
            assert not any("hello" in event["message"] for event in said), said
        until(lambda: not cluster.jobs(), "an allocation stays")
    finally:
        server.stop()
        remove(server)


def test_options_reach_slurm(cluster):
    server = make_server(cluster, "--slurm-options", "--nodelist=n3 '--job-name=another name'")
    try:
        server.start()
        make_trainer(server)
        server.client("sagemaker").create_training_job(**request(server, "options", "echo ready; sleep 300"))
        await_line(server, "options", "ready")
        assert [one[2] for one in cluster.jobs()] == ["another name"]
        assert node_of(log_of(server, "options"))[0] == "n3"
        server.client("sagemaker").stop_training_job(TrainingJobName="options")
        wait(server, "options")
    finally:
        server.stop()
        remove(server)


def test_a_node_that_does_not_see_the_folder_says_so(cluster):
    done = cluster.run("srun", "--ntasks=1", "--export=NONE", BINARY, "slurm-worker", "/no/such/folder/.slurm-run", "a-run", "none", check=False)
    hello = json.loads(done.stdout)
    assert "does not see the server's folder /no/such/folder. Put the server's data folder on a file system" in hello["Problem"]
    assert hello["Node"] in ("n1", "n2", "n3")


def refused(arguments, environment):
    home = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-test-", dir="/var/tmp"))
    try:
        done = subprocess.run([BINARY, "serve", "--data", home / "data", "--listen", "127.0.0.1:0", "--master-key-file", home / "key", *arguments],
                              env={**os.environ, **environment}, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        return done.stderr
    finally:
        shutil.rmtree(home)


def test_what_is_missing_is_said(cluster, tmp_path):
    nowhere = refused(["--launcher", "slurm"], {"PATH": str(tmp_path)})
    assert "--launcher slurm needs `salloc`, and it is not here" in nowhere and "slurm-client" in nowhere
    broken = tmp_path / "slurm.conf"
    broken.write_text(re.sub("SlurmctldPort=.*", "SlurmctldPort=1", cluster.configuration.read_text()))
    silent = refused(["--launcher", "slurm"], {"SLURM_CONF": str(broken)})
    assert "Slurm's controller does not answer" in silent and "start slurmctld and munged" in silent
    assert "is not an option of salloc" in refused(["--launcher", "slurm", "--slurm-options", "--partition debug"], cluster.environment)
    assert "sandboxes alone" in refused(["--launcher", "slurm", "--training-isolation", "process"], cluster.environment)
    assert "--launcher is local or slurm" in refused(["--launcher", "cloud"], {})


def test_nobody_starts_an_agent_by_hand(tmp_path):
    done = subprocess.run([BINARY, "slurm-worker", tmp_path / "marker", "run", "none"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "srun did not start it" in json.loads(done.stdout)["Problem"]
    assert "slurm-worker" not in subprocess.run([BINARY, "--help"], capture_output=True, text=True, timeout=60).stdout
