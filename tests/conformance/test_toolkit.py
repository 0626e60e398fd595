"""What a script finds, compared value by value with what AWS's own training toolkit makes of the same job (sagemaker-training, installed beside the project)."""
import json
import subprocess

import pytest

from sdk_environment import install
from test_artifacts import archive
from test_sagemaker import BUCKET, channel, log_of, make_trainer, model_of, request, wait

SCRIPT = """
import json, os, sys
config = {name: open('/opt/ml/input/config/' + name).read() for name in sorted(os.listdir('/opt/ml/input/config'))}
json.dump({'environment': dict(os.environ), 'arguments': sys.argv[1:], 'config': config, 'path': sys.path}, open('/opt/ml/model/found.json', 'w'))
"""

# Runs the toolkit's own code over the job's files: argv[1] is a folder that stands for /opt/ml.
TOOLKIT = """
import json, os, sys
from sagemaker_training import environment
env = environment.Environment()
print(json.dumps({'variables': env.to_env_vars(), 'arguments': env.to_cmd_args()}))
"""

HYPERPARAMETERS = {
    "epochs": "8", "learning-rate": "1e-3", "big": "1e22", "small": "1.5E-7", "exact": "0.10", "text": '"quoted"', "plain": "plain text", "empty": '""', "none": "null",
    "yes": "true", "no": "false", "list": '[1, "two", 3.0, null, true, ["it\'s", "say \\"hi\\""]]', "nested": '{"b": {"c": [1, 2]}, "a": "x y", "n": null}',
    "unicode": '"größe \\u2603 \\ud83c\\udf89"', "a": "1", "with.dot": "2", "UPPER": "3", "spaces": " 4 ", "brace": "{not json", "json-text": '"{\\"a\\": 1}"',
    "newline": '"a\\nb"', "listed": '["größe\\n", "back\\\\slash"]', "_tuning_objective_metric": '"loss"', "sagemaker_custom": "[1, 2]", "sagemaker_region": '"us-east-1"',
    "sagemaker_container_log_level": "10", "sagemaker_job_name": '"other"', "minus": "-0", "float": "3.0", "long": "12345678901234567",
}


@pytest.fixture(scope="module")
def world(server):
    make_trainer(server)
    s3 = server.client("s3")
    s3.put_object(Bucket=BUCKET, Key="toolkit/sourcedir.tar.gz", Body=archive(train_py=SCRIPT))
    s3.put_object(Bucket=BUCKET, Key="toolkit/data/x", Body=b"x")
    return server


@pytest.fixture(scope="module")
def toolkit(tmp_path_factory):
    python = install("sagemaker-training") / "bin/python"

    def run(found):
        base = tmp_path_factory.mktemp("toolkit") / "ml"
        (base / "input/config").mkdir(parents=True)
        for name, content in found["config"].items():
            (base / "input/config" / name).write_text(content, encoding="utf-8")
        done = subprocess.run([python, "-c", TOOLKIT], check=True, text=True, capture_output=True, env={
            "PATH": "/usr/bin:/bin", "SAGEMAKER_BASE_DIR": str(base), "TRAINING_JOB_NAME": found["environment"]["TRAINING_JOB_NAME"],
            "AWS_DEFAULT_REGION": "us-east-1", "PYTHONIOENCODING": "utf-8", "LANG": "C.UTF-8"})
        return json.loads(done.stdout.replace(str(base), "/opt/ml"))
    return run


def found_by(world, name, hyperparameters, **changes):
    wanted = request(world, name, "true", HyperParameters={"sagemaker_program": '"train.py"',
                                                           "sagemaker_submit_directory": f'"s3://{BUCKET}/toolkit/sourcedir.tar.gz"', **hyperparameters},
                     InputDataConfig=[channel("train-data", "toolkit/data/"), channel("test", "toolkit/data/", ContentType="text/csv"),
                                      channel("all.of_it", "toolkit/data/")], **changes)
    del wanted["AlgorithmSpecification"]["ContainerEntrypoint"]
    world.client("sagemaker").create_training_job(**wanted)
    job = wait(world, name)
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    with model_of(world, job) as model:
        return json.loads(model.extractfile("found.json").read())


def test_every_variable_and_argument(world, toolkit):
    found = found_by(world, "values", HYPERPARAMETERS, Environment={"PYTHONPATH": "/tmp/mine", "MINE": "1"})
    theirs = toolkit(found)
    assert found["arguments"] == theirs["arguments"]
    differing = {}
    for name, value in theirs["variables"].items():
        ours = found["environment"].get(name)
        if name == "SM_NUM_CPUS":  # the toolkit counts this machine's
            continue
        if name == "SM_TRAINING_ENV":
            value, ours = json.loads(value), json.loads(ours)
            for picture in (value, ours):
                picture.pop("num_cpus")
        if ours != value:
            differing[name] = (ours, value)
    assert differing == {}
    assert found["environment"]["SM_CHANNEL_TRAIN_DATA"] == found["environment"]["SM_CHANNEL_TRAIN-DATA"] == "/opt/ml/input/data/train-data"
    assert found["environment"]["PYTHONPATH"] == "/opt/ml/code:/tmp/mine"
    assert "checkpointconfig.json" not in found["config"]


def test_without_any(world, toolkit):
    found = found_by(world, "none-at-all", {}, CheckpointConfig={"S3Uri": f"s3://{BUCKET}/toolkit/checkpoints"})
    theirs = toolkit(found)
    assert found["arguments"] == theirs["arguments"] == []
    for name in ("SM_HPS", "SM_USER_ARGS", "SM_LOG_LEVEL", "SM_FRAMEWORK_PARAMS", "SM_FRAMEWORK_MODULE", "SM_DISTRIBUTION_INSTANCE_GROUPS"):
        assert found["environment"][name] == theirs["variables"][name], name
    assert json.loads(found["config"]["checkpointconfig.json"]) == {"S3Uri": f"s3://{BUCKET}/toolkit/checkpoints", "LocalPath": "/opt/ml/checkpoints"}


def test_more_hyperparameters_than_a_variable_holds(world):
    """100 of 2,500 bytes: Linux starts no program with an environment variable of more than 128 KiB."""
    many = {f"p{number:02}": "x" * 2500 for number in range(90)}
    found = found_by(world, "many", many)
    assert found["arguments"] == [word for name in sorted(many) for word in (f"--{name}", many[name])]
    assert found["environment"]["SM_HP_P07"] == "x" * 2500 and "SM_HPS" not in found["environment"]
    assert json.loads(found["config"]["hyperparameters.json"])["p07"] == "x" * 2500
    assert "SM_HPS would be longer than an environment variable may be" in log_of(world, "many")
