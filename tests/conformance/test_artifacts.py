"""What training jobs bring and leave: sources that nobody else may replace, models of any names and shapes, checkpoints, and how all of it is stopped."""
import io
import json
import os
import tarfile
import time

import pytest

from conftest import allow
from test_sagemaker import BUCKET, log_of, make_trainer, model_of, refusal, request, role_arn, run, wait

SUBMIT = "sagemaker_submit_directory"


@pytest.fixture(scope="module")
def world(server):
    make_trainer(server)
    server.client("iam").put_role_policy(RoleName="trainer", PolicyName="delete", PolicyDocument=json.dumps(
        allow("s3:DeleteObject", resource=f"arn:aws:s3:::{BUCKET}/checkpoints/*")))
    return server


def keys(world, prefix=""):
    pages = world.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    return {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", [])}


def until(what, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return found


def logged(world, name, line):
    logs = world.client("logs")

    def look():
        try:
            return logs.filter_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/", filterPattern=f'"{line}"')["events"]
        except logs.exceptions.ResourceNotFoundException:
            return None
    return until(look)


def archive(**files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name.replace("_py", ".py"))
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content.encode()))
    return packed.getvalue()


def script_job(world, name, key, **changes):
    wanted = request(world, name, "true", HyperParameters={"sagemaker_program": "train.py", SUBMIT: f"s3://{BUCKET}/{key}"}, **changes)
    del wanted["AlgorithmSpecification"]["ContainerEntrypoint"]
    return wanted


# --- The source.

def train_run(world, tmp_path, *more, credentials=None, script="print('mine')\n", **options):
    (tmp_path / "train.py").write_text(script)
    return world.trainwarden("train", "run", "--role", role_arn(world), "--output", f"s3://{BUCKET}/models", "--entry", tmp_path / "train.py", *more,
                             credentials=credentials, check=False, **options)


def test_a_refused_run_leaves_nothing_and_changes_nothing(world, tmp_path, make_user):
    script = "import os, time\nprint('mine')\nopen('/opt/ml/model/x', 'w').write('x')\n"
    assert train_run(world, tmp_path, "--name", "prod", script=script).returncode == 0
    before = keys(world)
    storage = allow("s3:PutObject", "s3:GetObject", "s3:ListBucket", "s3:DeleteObject")
    for number, user in enumerate((make_user("no-job", storage),
                                   make_user("no-pass", storage, allow("sagemaker:CreateTrainingJob")),
                                   make_user("no-create", storage, allow("iam:PassRole")))):
        for name in ("prod", f"refused-{number}"):
            refused = train_run(world, tmp_path, "--name", name, credentials=user, script="print('theirs')\n")
            assert refused.returncode == 1 and "is not authorized to perform" in refused.stderr
    again = train_run(world, tmp_path, "--name", "prod", script="print('other')\n")
    assert again.returncode == 1 and "already exists" in again.stderr
    bad = train_run(world, tmp_path, "--name", "bad", "--instance-type", "ml.m5.larg")
    assert bad.returncode == 1 and "`ml.m5.larg` is not an instance type" in bad.stderr and "ml.m5.large" in bad.stderr and len(bad.stderr) < 500
    assert keys(world) == before
    (source,) = keys(world, "models/prod/source/")
    assert len(source.split("/")[3]) == 64  # named by its content


def test_what_lies_at_the_name_already_is_not_replaced(world, tmp_path):
    assert train_run(world, tmp_path, "--name", "first").returncode == 0
    (source,) = keys(world, "models/first/source/")
    s3 = world.client("s3")
    planted = source.replace("/first/", "/second/")
    s3.put_object(Bucket=BUCKET, Key=planted, Body=archive(train_py="print('planted')\n"))
    done = train_run(world, tmp_path, "--name", "second")
    assert done.returncode == 0 and "mine" in done.stdout and "planted" not in done.stdout, done.stderr
    assert len(keys(world, "models/second/source/")) == 2


def test_each_attempt_runs_the_source_that_the_job_was_created_with(world):
    s3 = world.client("s3")
    s3.put_object(Bucket=BUCKET, Key="replaced/sourcedir.tar.gz", Body=archive(train_py="import time\nprint('mine', flush=True)\ntime.sleep(600)\n"))
    world.client("sagemaker").create_training_job(**script_job(
        world, "replaced", "replaced/sourcedir.tar.gz", EnableManagedSpotTraining=True,
        StoppingCondition={"MaxRuntimeInSeconds": 300, "MaxWaitTimeInSeconds": 600}))
    logged(world, "replaced", "mine")
    s3.put_object(Bucket=BUCKET, Key="replaced/sourcedir.tar.gz", Body=archive(train_py="print('theirs')\n"))
    world.trainwarden("train", "interrupt", "replaced")
    job = wait(world, "replaced")
    assert job["TrainingJobStatus"] == "Failed"
    assert "has changed since the job was created" in job["FailureReason"] and "sourcedir.tar.gz" in job["FailureReason"]
    assert "theirs" not in log_of(world, "replaced")


def test_a_source_of_another_digest_is_not_run(world):
    world.client("s3").put_object(Bucket=BUCKET, Key="digest/sourcedir.tar.gz", Body=archive(train_py="print('x')\n"))
    wanted = script_job(world, "digest", "digest/sourcedir.tar.gz", Environment={"TRAINWARDEN_SOURCE_SHA256": "0" * 64})
    world.client("sagemaker").create_training_job(**wanted)
    assert "has changed since the job was created" in wait(world, "digest")["FailureReason"]
    for value in ("abc", "g" * 64):
        code, message = refusal(world.client("sagemaker").create_training_job, **{**wanted, "Environment": {"TRAINWARDEN_SOURCE_SHA256": value}})
        assert code == "ValidationException" and "SHA-256" in message


def test_a_source_that_is_not_there_is_told_when_the_job_is_created(world):
    code, message = refusal(world.client("sagemaker").create_training_job, **script_job(world, "absent", "absent/sourcedir.tar.gz"))
    assert code == "ValidationException" and f"s3://{BUCKET}/absent/sourcedir.tar.gz" in message


@pytest.mark.parametrize("what", ["code", "manifest"])
def test_code_that_comes_as_a_channel_is_kept_too(world, what):
    s3 = world.client("s3")
    prefix = f"pinned-{what}/"
    s3.put_object(Bucket=BUCKET, Key=prefix + "code/run.sh", Body=b"echo mine; sleep 600")
    s3.put_object(Bucket=BUCKET, Key=prefix + "the.manifest", Body=f'[{{"prefix": "s3://{BUCKET}/{prefix}code/"}}, "run.sh"]'.encode())
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{prefix}code/"} if what == "code" else \
        {"S3DataType": "ManifestFile", "S3Uri": f"s3://{BUCKET}/{prefix}the.manifest"}
    name = f"pinned-{what}"
    world.client("sagemaker").create_training_job(**request(
        world, name, "sh $SM_CHANNEL_CODE/run.sh", EnableManagedSpotTraining=True,
        InputDataConfig=[{"ChannelName": "code", "DataSource": {"S3DataSource": source}}],
        StoppingCondition={"MaxRuntimeInSeconds": 300, "MaxWaitTimeInSeconds": 600}))
    logged(world, name, "mine")
    if what == "code":
        s3.put_object(Bucket=BUCKET, Key=prefix + "code/more.sh", Body=b"echo theirs")
    else:
        s3.put_object(Bucket=BUCKET, Key=prefix + "the.manifest", Body=f'[{{"prefix": "s3://{BUCKET}/{prefix}code/"}}, "run.sh", "run.sh"]'.encode())
    world.trainwarden("train", "interrupt", name)
    assert "has changed since the job was created" in wait(world, name)["FailureReason"]


def test_names_and_links_of_a_source_folder(world, tmp_path):
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "größe.txt").write_text("groß")
    (source / os.fsdecode(b"latin-\xe9")).write_text("raw")
    (source / "empty").write_text("")
    (source / "sub" / "module.py").write_text("value = 'linked'\n")
    (source / "module.py").symlink_to("sub/module.py")
    (source / "absolute.py").symlink_to(source / "sub" / "module.py")
    (source / "folder").symlink_to("sub")
    (source / "train.py").write_text(
        "import os, module, absolute\nfrom folder import module as third\n"
        "print(module.value, absolute.value, third.value, open('größe.txt').read(), open(b'latin-\\xe9').read(), os.path.getsize('empty'))\n")

    def go():
        return world.trainwarden("train", "run", "--role", role_arn(world), "--output", f"s3://{BUCKET}/models", "--source", source, "--entry", "train.py",
                                 check=False)
    done = go()
    assert done.returncode == 0 and "linked linked linked groß raw 0" in done.stdout, done.stderr + done.stdout
    before = keys(world)
    for target, told in (("/etc/hostname", "points out of the source"), ("nowhere", "points at nothing")):
        (source / "bad").symlink_to(target)
        refused = go()
        assert refused.returncode == 1 and told in refused.stderr and "bad" in refused.stderr
        (source / "bad").unlink()
    assert keys(world) == before


def test_a_source_that_unpacks_to_too_much_fails_the_job(world):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as tar:
        folder = tarfile.TarInfo("folder")  # one folder again and again: entries count, and cost little
        folder.type = tarfile.DIRTYPE
        for _ in range(200_001):
            tar.addfile(folder)
    world.client("s3").put_object(Bucket=BUCKET, Key="bomb/sourcedir.tar.gz", Body=packed.getvalue())
    world.client("sagemaker").create_training_job(**script_job(world, "bomb", "bomb/sourcedir.tar.gz"))
    assert "more than 200000 entries" in wait(world, "bomb")["FailureReason"]


# --- What the command line says.

def test_messages_say_what_to_do(world, tmp_path):
    script = tmp_path / "train.py"
    script.write_text("raise ValueError('no data today')\n")
    output = ("--output", f"s3://{BUCKET}/models", "--entry", script)
    for arguments, told in ((output, ("--role is required", "aws iam list-roles")),
                            (("--role", "trainer", *output, "--input", tmp_path), ("is not an S3 address but a path of this machine", "aws s3 cp --recursive")),
                            (("--role", "trainer", *output, "--input", f"train={tmp_path}"), (f"aws s3 cp --recursive {tmp_path} ",)),
                            (("--role", "nobody", *output), ("aws iam list-roles",)),
                            (("--role", "trainer", *output, "--max-wait", "5"), ("--max-wait is for managed spot training", "--spot")),
                            (("--role", "trainer", *output, "--hyperparameter", "=5"), ("--hyperparameter `=5` has no name before its `=`",)),
                            (("--role", "trainer", *output, "--environment", "1=2"), ("`1` is not the name of a variable",)),
                            (("--role", "trainer", *output, "--input", f"s3://{BUCKET}/d/,sharde"), ("ends with `,sharde`", "did you mean `,sharded`?")),
                            (("--role", "trainer", *output, "--checkpoints", tmp_path), ("--checkpoints", "is not an S3 address but a path of this machine")),
                            (("--role", "trainer", *output, "--source", tmp_path / "nosuch"), ("there is no folder",)),
                            (("--role", "trainer", *output, "--source", script), ("is not a folder",)),
                            (("--role", "trainer", "--output", "s3://no-such-bucket/m", "--entry", script),
                             ('The bucket "no-such-bucket" given in output data config does not exist.', "--output names it")),
                            (("--role", "trainer", *output, "--instance-type", "ml.p4d.24xlarg"), ("`ml.p4d.24xlarg` is not an instance type", "ml.p4d.24xlarge"))):
        refused = world.trainwarden("train", "run", *arguments, check=False)
        assert refused.returncode == 1 and len(refused.stderr) < 600, refused.stderr
        for text in told:
            assert text in refused.stderr, refused.stderr
    if not os.path.exists("/proc/driver/nvidia/gpus"):
        refused = world.trainwarden("train", "run", "--role", "trainer", *output, "--instance-type", "ml.g5.xlarge", check=False)
        assert refused.returncode == 1 and "has no GPU: use an instance type without one" in refused.stderr
        assert "'ml.g5.xlarge for training job usage' is 0 Instances" in refused.stderr
    refused = world.trainwarden("audit", "--role", "trainer", check=False)
    assert refused.returncode == 1 and "`trainer` is not the ARN of a principal" in refused.stderr
    failed = world.trainwarden("train", "run", "--role", "trainer", *output, "--name", "follow-me", check=False)
    assert failed.returncode == 1
    followed = world.trainwarden("train", "logs", "-f", "follow-me", check=False)
    assert followed.returncode == 1 and "no data today" in followed.stdout and "follow-me failed: AlgorithmError" in followed.stderr


# --- What workers leave.

def test_models_of_any_names(world):
    job = run(world, "names", r"""
cd /opt/ml/model
echo 1 > größe.txt; echo 2 > "$(printf 'two\nlines')"; echo 3 > "$(printf 'latin-\351')"; mkdir empty; ln größe.txt hard
ln -s größe.txt soft; mkfifo pipe; echo 4 > closed; chmod 000 closed; mkdir -p "$(printf 'd%.0s' $(seq 200))/$(printf 'e%.0s' $(seq 200))"
f=$(echo d*/e*); echo 5 > $f/f; mkdir /opt/ml/output/data/ü; echo 6 > /opt/ml/output/data/ü/ß
""")
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    with model_of(world, job) as model:
        names = {os.fsencode(name) for name in model.getnames()}
        assert {"größe.txt".encode(), b"two\nlines", b"latin-\xe9", b"empty", b"hard", b"soft", b"closed", b"d" * 200 + b"/" + b"e" * 200 + b"/f"} == names
        assert model.extractfile("größe.txt").read() == b"1\n" and model.extractfile("hard").read() == b"1\n"
        assert model.extractfile("closed").read() == b"4\n"
    assert "model/pipe is not a regular file: not packed" in log_of(world, "names")
    output = world.client("s3").get_object(Bucket=BUCKET, Key="models/names/output/output.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(output)) as packed:
        assert "ü/ß" in packed.getnames()


def test_single_objects_of_any_names(world):
    job = run(world, "single", r"""cd /opt/ml/model; echo 1 > größe.txt; echo 2 > "$(printf 'latin-\351')"; mkdir ä; echo 3 > ä/ö""",
              OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/models", "CompressionType": "NONE"})
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    assert set(keys(world, "models/single/output/model/")) == {f"models/single/output/model/{name}" for name in ("größe.txt", "latin-%E9", "ä/ö")}


def test_holes_take_neither_time_nor_room(world):
    started = time.monotonic()
    job = run(world, "sparse", "truncate -s 15T /opt/ml/model/sparse; echo x > /opt/ml/model/weights; truncate -s 15T /opt/ml/output/data/sparse")
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    assert time.monotonic() - started < 60
    with model_of(world, job) as model:
        assert model.getmember("sparse").size == 15 << 40 and model.extractfile("weights").read() == b"x\n"


def test_what_cannot_be_uploaded_fails_the_job_and_stays(world):
    job = run(world, "too-sparse", "truncate -s 15T /opt/ml/model/sparse; echo x > /opt/ml/model/weights",
              OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/models", "CompressionType": "NONE"})
    assert job["TrainingJobStatus"] == "Failed"
    assert "model/sparse" in job["FailureReason"] and str(world.data) not in job["FailureReason"]
    assert set(keys(world, "models/too-sparse/output/")) == {"models/too-sparse/output/model/weights"}
    folder = world.data / "jobs" / world.account / "us-east-1" / "too-sparse"
    assert (folder / "algo-1/ml/model/weights").read_text() == "x\n"
    world.client("sagemaker").delete_training_job(TrainingJobName="too-sparse")
    assert not folder.exists()


def test_a_model_that_the_role_may_not_write_stays_until_the_job_is_deleted(world):
    world.client("sagemaker").create_training_job(**request(world, "unwritten", "echo go; while ! [ -e /tmp/x ]; do sleep 0.05; [ $((n=n+1)) = 60 ] && break; done; "
                                                            "echo weights > /opt/ml/model/w"))
    logged(world, "unwritten", "go")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
                                                      "Resource": f"arn:aws:s3:::{BUCKET}/models/unwritten/*"}]}
    s3 = world.client("s3")
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    try:
        job = wait(world, "unwritten")
    finally:
        s3.delete_bucket_policy(Bucket=BUCKET)
    assert job["TrainingJobStatus"] == "Failed" and "Artifact upload failed" in job["FailureReason"] and "AccessDenied" in job["FailureReason"]
    assert (world.data / "jobs" / world.account / "us-east-1" / "unwritten/algo-1/ml/model/w").read_text() == "weights\n"
    world.client("sagemaker").delete_training_job(TrainingJobName="unwritten")


def test_a_tree_without_end_does_not_hold_the_server(world):
    job = run(world, "deep", "cd /opt/ml/model; echo x > weights; for i in $(seq 3000); do mkdir d && cd d || break; done")
    assert job["TrainingJobStatus"] == "Failed" and "folders deep" in job["FailureReason"]
    with model_of(world, job) as model:
        assert model.extractfile("weights").read() == b"x\n"
    world.client("sagemaker").delete_training_job(TrainingJobName="deep")
    assert not (world.data / "jobs" / world.account / "us-east-1" / "deep").exists()


def test_a_worker_that_prints_without_end_is_stopped(world):
    sagemaker = world.client("sagemaker")
    sagemaker.create_training_job(**request(world, "prints", "yes 0123456789012345678901234567890123456789"))
    logged(world, "prints", "0123456789012345678901234567890123456789")
    started = time.monotonic()
    sagemaker.stop_training_job(TrainingJobName="prints")
    assert wait(world, "prints")["TrainingJobStatus"] == "Stopped"
    assert time.monotonic() - started < 60


# --- Checkpoints.

def checkpoint_job(world, name, script, **changes):
    wanted = request(world, name, script, CheckpointConfig={"S3Uri": f"s3://{BUCKET}/checkpoints/{name}"}, **changes)
    world.client("sagemaker").create_training_job(**wanted)


def checkpoint(world, name, file):
    return world.client("s3").get_object(Bucket=BUCKET, Key=f"checkpoints/{name}/{file}")["Body"].read()


def test_a_torn_checkpoint_does_not_replace_a_whole_one(world):
    """The writer pauses in the middle of the file for longer than the sync waits, and is killed there."""
    checkpoint_job(world, "torn", """
cd /opt/ml/checkpoints; echo whole > latest; echo wrote; sleep 6; echo again
exec 3> latest; echo half >&3; sleep 7; echo paused; kill -9 $$
""")
    logged(world, "torn", "paused")
    assert wait(world, "torn")["TrainingJobStatus"] == "Failed"
    assert checkpoint(world, "torn", "latest") == b"whole\n"
    assert "latest was being written when its worker was killed" in log_of(world, "torn")


def test_what_was_open_when_the_server_killed_its_worker_is_torn_what_was_not_is_whole(world):
    checkpoint_job(world, "killed", """
trap '' TERM; cd /opt/ml/checkpoints; echo whole > latest; sleep 6; exec 3> latest; echo half >&3; echo complete > other; echo ready
while :; do sleep 0.1; done
""", StoppingCondition={"MaxRuntimeInSeconds": 9})
    job = wait(world, "killed")
    assert job["SecondaryStatus"] == "MaxRuntimeExceeded"
    assert checkpoint(world, "killed", "latest") == b"whole\n" and checkpoint(world, "killed", "other") == b"complete\n"


def test_a_checkpoint_saved_on_the_way_out_is_kept_whatever_the_exit_code(world):
    checkpoint_job(world, "leaving", "trap 'echo saved > /opt/ml/checkpoints/latest; exit 143' TERM; echo ready; while :; do sleep 0.1; done")
    logged(world, "leaving", "ready")
    world.client("sagemaker").stop_training_job(TrainingJobName="leaving")
    wait(world, "leaving")
    assert checkpoint(world, "leaving", "latest") == b"saved\n"


def test_deleted_checkpoints_are_deleted(world):
    s3 = world.client("s3")
    for name in ("old-1", "old-2", "other-jobs"):
        s3.put_object(Bucket=BUCKET, Key=f"checkpoints/rotates/{name}", Body=name.encode())
    checkpoint_job(world, "rotates", "cd /opt/ml/checkpoints; ls; rm old-1; echo new > new; echo gone > temporary; sleep 6; rm temporary old-2; exit 0")
    assert wait(world, "rotates")["TrainingJobStatus"] == "Completed"
    assert set(keys(world, "checkpoints/rotates/")) == {f"checkpoints/rotates/{name}" for name in ("new", "other-jobs")}


def test_deletions_that_the_role_may_not_do_are_told(world, make_role):
    world.client("s3").put_object(Bucket=BUCKET, Key="checkpoints/keeps/old", Body=b"old")
    role = make_role("keeper", "sagemaker.amazonaws.com", allow("s3:GetObject", "s3:PutObject", "s3:ListBucket"))
    checkpoint_job(world, "keeps", "rm /opt/ml/checkpoints/old", RoleArn=role)
    assert wait(world, "keeps")["TrainingJobStatus"] == "Completed"
    assert checkpoint(world, "keeps", "old") == b"old"
    assert "deleted checkpoints stay" in log_of(world, "keeps") and "AccessDenied" in log_of(world, "keeps")


def test_a_checkpoint_that_is_a_hole_does_not_hold_the_job(world):
    started = time.monotonic()
    checkpoint_job(world, "hollow", "truncate -s 15T /opt/ml/checkpoints/sparse; echo x > /opt/ml/checkpoints/real; sleep 5")
    job = wait(world, "hollow")
    assert job["TrainingJobStatus"] == "Failed" and "sparse" in job["FailureReason"]
    assert checkpoint(world, "hollow", "real") == b"x\n"
    assert time.monotonic() - started < 60
