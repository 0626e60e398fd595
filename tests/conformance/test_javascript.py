"""AWS's SDK for JavaScript, version 3, drives S3, IAM, STS, training jobs and logs: tests/clients/javascript/drive.mjs."""
import io
import json
import shutil
import subprocess
import tarfile

from conftest import BINARY, ROOT
from sdk_environment import install


def test_the_javascript_sdk(server):
    folder = install("javascript")
    shutil.copy(ROOT / "tests/clients/javascript/drive.mjs", folder)  # modules are looked for beside the program
    told = subprocess.run([BINARY, "env", "--data", str(server.data), "--json"], check=True, stdout=subprocess.PIPE, env=server.environment)
    done = subprocess.run(["node", "drive.mjs", "js-data"], cwd=folder, env={**server.environment, **json.loads(told.stdout)},
                          text=True, capture_output=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(done.stdout)
    assert seen["objects"] == [["data/a ü+b.txt", 5], ["data/large", 11 << 20], ["data/signed", 10]]

    jobs = seen["jobs"]
    assert jobs["lines"] == ["algo-1 reads hello", "algo-2 reads hello"]
    assert jobs["listed"] == [["js-job", "Completed"], ["js-stopped", "Stopped"]]
    (again, already), (unknown, message) = jobs["refusals"]
    assert again == "ResourceInUse" and already.startswith("Training job names must be unique within an AWS account and region")
    assert (unknown, message) == ("ValidationException", "Requested resource not found.")

    # What the other side of the wire has of it.
    assert server.client("iam").get_role(RoleName="js-trainer")["Role"]["Arn"] == seen["roles"]["js-trainer"]
    assert server.client("sagemaker").describe_training_job(TrainingJobName="js-job")["RoleArn"] == seen["roles"]["js-trainer"]
    model = server.client("s3").get_object(Bucket="js-data", Key=jobs["model"].split("/", 3)[3])["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(model)) as archive:
        assert sorted(archive.getnames()) == ["algo-1", "algo-2"]
