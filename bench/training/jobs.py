"""A server of the release build with a role that trains and a bucket, for as long as a figure needs it; and its jobs as boto3 sees them."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import boto3
import botocore.config

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = ROOT / "build/release/trainwarden"
BUCKET = "bench"
INSTANCE = "ml.m5.large"
REGION = "us-east-1"
GROUP = "/aws/sagemaker/TrainingJobs"
ENDED = ("Completed", "Failed", "Stopped")
SECONDS_MOST = 600  # a job or a start that takes longer will never come


class Broken(Exception):
    """A figure that could not be measured, and why. It ends the run: a table with a hole would be read as a result."""


def clean_environment():
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SLURM", "SBATCH_", "SQUEUE_"))}


class Server:
    """`with Server("sandbox") as server`: its processes are ended and its folder is removed whatever happens. Outside of /tmp, because data
    sets lie here, and a /tmp may be memory."""

    def __init__(self, isolation, cores=None, count=64):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-bench-", dir="/var/tmp"))
        table = {INSTANCE: {"Count": count, **({"Cores": cores} if cores else {})}}
        (self.folder / "instances.json").write_text(json.dumps(table))
        self.isolation, self.process, self.number = isolation, None, 0
        self.session, self.session_lock = boto3.session.Session(aws_access_key_id="none", aws_secret_access_key="none"), threading.Lock()

    def __enter__(self):
        try:
            self.start()
            self._make_trainer()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()  # the server takes its jobs, mounts and control groups with it
            try:
                self.process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        # A server that crashed could not unmount its channels, and nothing can be removed around a dead mount.
        for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
            if (place := line.split()[1]).startswith(f"{self.folder}/"):
                command = ["umount", "-l", place] if os.geteuid() == 0 else ["fusermount3", "-u", "-z", place]
                subprocess.run(command, check=False)
        shutil.rmtree(self.folder)

    def start(self):
        ready = self.folder / "ready"
        ready.unlink(missing_ok=True)
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve", "--data", self.folder / "data", "--listen", "127.0.0.1:0", "--ready-file", ready,
                 "--training-isolation", self.isolation, "--instance-types", self.folder / "instances.json"],
                env=clean_environment() | {"HOME": str(self.folder)}, stdout=log, stderr=log)
        deadline = time.monotonic() + SECONDS_MOST
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Broken(f"the server did not start:\n{self.log()}")
            time.sleep(0.01)
        self.endpoint = ready.read_text().strip()
        lines = (self.folder / "data/root-credentials").read_text().splitlines()
        self.root = dict(line.split(" = ", 1) for line in lines if " = " in line)
        self.sagemaker, self.s3, self.logs = self.client("sagemaker"), self.client("s3"), self.client("logs")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=60)
        if status != 0:
            raise Broken(f"the server ended with {status}:\n{self.log()}")

    def restart(self):
        self.stop()
        self.start()

    def log(self):
        return (self.folder / "server.log").read_text(errors="replace")[-3000:]

    def client(self, service):
        config = botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=SECONDS_MOST, max_pool_connections=32,
                                        s3={"addressing_style": "path"})
        with self.session_lock:
            return self.session.client(service, region_name=REGION, endpoint_url=self.endpoint, config=config,
                                       aws_access_key_id=self.root["aws_access_key_id"],
                                       aws_secret_access_key=self.root["aws_secret_access_key"])

    def _make_trainer(self):
        self.s3.create_bucket(Bucket=BUCKET)
        iam = self.client("iam")
        trust = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
        self.role = iam.create_role(RoleName="trainer", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName="trainer", PolicyName="data", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"},
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::{BUCKET}/*"}]}))

    def upload(self, folder, prefix):
        for path in sorted(pathlib.Path(folder).rglob("*")):
            if path.is_file():
                self.s3.upload_file(str(path), BUCKET, f"{prefix}/{path.relative_to(folder)}")

    # --- Jobs ---------------------------------------------------------------------------------------------------------------

    def create(self, entry_point, workers=1, channels=(), **changes):
        """CreateTrainingJob; the job's name. `changes`: members of the request."""
        with self.session_lock:
            self.number += 1
            name = f"bench-{self.number}"
        wanted = {
            "TrainingJobName": name, "RoleArn": self.role,
            "AlgorithmSpecification": {"TrainingImage": "host/python3", "TrainingInputMode": "File", "ContainerEntrypoint": entry_point},
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
            "ResourceConfig": {"InstanceType": INSTANCE, "InstanceCount": workers, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": SECONDS_MOST}, **changes}
        if channels:
            wanted["InputDataConfig"] = list(channels)
        self.sagemaker.create_training_job(**wanted)
        return name

    def wait(self, name, pause=0.05):
        """Until it is Completed. Asking costs a client and the server some milliseconds of processor each time, which are the job's loss on a small
        machine: `pause` is seconds in between. When the job ended is in its description."""
        deadline = time.monotonic() + SECONDS_MOST
        while time.monotonic() < deadline:
            job = self.sagemaker.describe_training_job(TrainingJobName=name)
            if job["TrainingJobStatus"] == "Completed":
                return job
            if job["TrainingJobStatus"] in ENDED:
                raise Broken(f"{name} ended as {job['TrainingJobStatus']}: {job.get('FailureReason')}\n{self.lines(name)}\n{self.log()}")
            time.sleep(pause)
        raise Broken(f"{name} did not end in {SECONDS_MOST} s\n{self.log()}")

    def lines(self, name):
        """What each worker of the job printed: a list of lists of lines, in the order of the hosts."""
        with contextlib.suppress(self.logs.exceptions.ResourceNotFoundException):
            streams = self.logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
            return [[event["message"] for event in self.logs.get_log_events(
                logGroupName=GROUP, logStreamName=stream["logStreamName"], startFromHead=True)["events"]] for stream in streams]
        return []


def channel(name, prefix, mode="File", distribution="FullyReplicated"):
    return {"ChannelName": name, "InputMode": mode, "DataSource": {"S3DataSource": {
        "S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{prefix}/", "S3DataDistributionType": distribution}}}
