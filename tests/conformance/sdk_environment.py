"""What the tests of the SageMaker SDKs share: an account with some data, and SDK programs run by its data scientist.

The job's role has AWS's policy AmazonSageMakerFullAccess, as in AWS's guides; the scientist has what the SDKs need, and may pass that one role.
"""
import json
import pathlib
import subprocess
import sys

from conftest import BINARY, ROOT, Credentials, allow

DIGITS = ROOT / "examples/digits"
DEBIAN_PYTHON = "/usr/bin/python3"
FULL_ACCESS = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
ROLE = "digits-trainer"
SAGEMAKER = "sagemaker.amazonaws.com"
# What the SDKs need of their caller, besides passing the role: they look for their bucket, check the role and follow the logs.
USES_SDK = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Resource": "*", "Action": [
        "sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob", "iam:GetRole", "iam:SimulatePrincipalPolicy",
        "logs:DescribeLogStreams", "logs:GetLogEvents", "s3:ListAllMyBuckets"]},
    {"Effect": "Allow", "Resource": ["arn:aws:s3:::sagemaker-*"], "Action": ["s3:ListBucket", "s3:PutObject"]}]}


def install(client):
    """The folder of a client that is not in the tests' own environment."""
    done = subprocess.run([sys.executable, ROOT / "tests/clients/install.py", client], check=True, stdout=subprocess.PIPE, text=True)
    return pathlib.Path(done.stdout.strip())


class SdkEnvironment:
    def __init__(self, server, folder, python):
        self.server = server
        self.folder = pathlib.Path(folder)
        self.python = python
        self.bucket = f"sagemaker-{server.region}-{server.account}"  # the SDKs' own name for their default bucket
        self._put_digits()
        iam = server.client("iam")
        trust = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": SAGEMAKER}, "Action": "sts:AssumeRole"}]}
        self.role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        iam.attach_role_policy(RoleName=ROLE, PolicyArn=FULL_ACCESS)
        self.scientist = self.make_user("scientist", USES_SDK,
                                        allow("iam:PassRole", resource=self.role, StringEquals={"iam:PassedToService": SAGEMAKER}))

    def _put_digits(self):
        s3 = self.server.client("s3")
        s3.create_bucket(Bucket=self.bucket)
        digits = self.folder / "digits"
        subprocess.run([DEBIAN_PYTHON, DIGITS / "prepare.py", "--output", digits, "--shards", "2"], check=True)
        for path in sorted(digits.rglob("*.npz")):
            s3.upload_file(str(path), self.bucket, f"digits/{path.relative_to(digits)}")

    def make_user(self, name, *documents):
        iam = self.server.client("iam")
        iam.create_user(UserName=name)
        for number, document in enumerate(documents):
            iam.put_user_policy(UserName=name, PolicyName=f"policy-{number}", PolicyDocument=json.dumps(document))
        return Credentials.of(iam.create_access_key(UserName=name))

    def environment(self, user):
        """What `trainwarden env` says, with the user's keys; and the SDK's own settings, as docs/train.md has them."""
        told = subprocess.run([BINARY, "env", "--data", str(self.server.data), "--region", self.server.region, "--json"], check=True,
                              stdout=subprocess.PIPE, env=self.server.environment)
        settings = self.folder / "config.yaml"
        settings.write_text(
            "SchemaVersion: '1.0'\n"
            "SageMaker:\n"
            "  PythonSDK:\n"
            "    Modules:\n"
            f"      Session: {{DefaultS3Bucket: {self.bucket}}}\n"
            "      TelemetryOptOut: true\n", encoding="ascii")
        environment = {name: value for name, value in self.server.environment.items() if name != "AWS_MAX_ATTEMPTS"}
        return {**environment, **json.loads(told.stdout), **user.environment(), "SAGEMAKER_USER_CONFIG_OVERRIDE": str(settings)}

    def run(self, program, *arguments, user=None, folder=None, check=True):
        """Runs an SDK program as the scientist, or another user, in a folder that it may write to; its CompletedProcess."""
        done = subprocess.run([self.python, program, *arguments], env=self.environment(user or self.scientist), cwd=folder or self.folder,
                              text=True, capture_output=True, timeout=600, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{program} exited with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def last_job(self):
        sagemaker = self.server.client("sagemaker")
        newest = sagemaker.list_training_jobs(SortBy="CreationTime", SortOrder="Descending", MaxResults=1)["TrainingJobSummaries"][0]
        return sagemaker.describe_training_job(TrainingJobName=newest["TrainingJobName"])
