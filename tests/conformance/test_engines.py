"""Launchers: torchrun and MPI by the SageMaker Python SDK's hyperparameters, in sandboxes, without sshd; images with entry points of their own."""
import hashlib
import io
import json
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile

import pytest
from conftest import need
from test_sagemaker import BUCKET, IMAGE, log_of, make_trainer, refusal, request, run, wait

SUBMITTED = "sagemaker_submit_directory"


@pytest.fixture(scope="module")
def world(server):
    need("sandboxes")
    make_trainer(server)
    return server


def script(server, name, text):
    """Uploads train.py as a source archive."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("train.py")
        member.size = len(text.encode())
        archive.addfile(member, io.BytesIO(text.encode()))
    server.client("s3").put_object(Bucket=BUCKET, Key=f"source/{name}/sourcedir.tar.gz", Body=packed.getvalue())


def run_script(server, name, text, ResourceConfig=None, **hyperparameters):
    """Script mode, as the SDK submits it: every value is JSON."""
    script(server, name, text)
    parameters = {"sagemaker_program": "train.py", SUBMITTED: f"s3://{BUCKET}/source/{name}/sourcedir.tar.gz", **hyperparameters}
    wanted = request(server, name, "", AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
                     HyperParameters={key: json.dumps(value) for key, value in parameters.items()},
                     ResourceConfig=ResourceConfig or {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1})
    server.client("sagemaker").create_training_job(**wanted)
    return wait(server, name)


ALL_REDUCE = """
import os, torch, torch.distributed as distributed
distributed.init_process_group("gloo")
total = torch.tensor([float(distributed.get_rank() + 1)])
distributed.all_reduce(total)
print("SUM", total.item(), "rank", distributed.get_rank(), "of", distributed.get_world_size(), "on", os.environ["SM_CURRENT_HOST"])
"""


@pytest.mark.parametrize("how", [{}, pytest.param({"sagemaker_torch_distributed_enabled": True}, marks=pytest.mark.needs("torchrun"))])
def test_pytorch(world, how):
    name = "torchrun" if how else "plain"
    job = run_script(world, name, ALL_REDUCE, **how)
    logs = {host: log_of(world, name, host) for host in ("algo-1", "algo-2")}
    assert job["TrainingJobStatus"] == "Completed", logs
    for rank, host in enumerate(("algo-1", "algo-2")):
        assert f"SUM 3.0 rank {rank} of 2 on {host}" in logs[host]


MPI = """
import os, sys
from mpi4py import MPI
world = MPI.COMM_WORLD
total = world.allreduce(world.Get_rank() + 1)
# In one piece: mpirun tags whatever comes in one.
sys.stdout.write(f"SUM {total} rank {world.Get_rank()} of {world.Get_size()} on {os.environ['SM_CURRENT_HOST']} {' '.join(sys.argv[1:])}\\n")
assert "RANK" not in os.environ
sys.exit(int(os.environ.get("FAIL_ON", "-1")) == world.Get_rank())
"""


class TestMpi:
    def test_ranks_on_two_hosts(self, world):
        job = run_script(world, "mpi", MPI, epochs=3, sagemaker_mpi_enabled=True, sagemaker_mpi_num_of_processes_per_host=2,
                         sagemaker_mpi_custom_mpi_options='-x NOTE="two words"')
        log = log_of(world, "mpi", "algo-1")
        assert job["TrainingJobStatus"] == "Completed", log
        for rank, host in enumerate(("algo-1", "algo-1", "algo-2", "algo-2")):
            assert f"SUM 10 rank {rank} of 4 on {host} --epochs 3" in log

    def test_a_rank_that_fails_fails_the_job(self, world):
        job = run_script(world, "mpi-fails", MPI, sagemaker_mpi_enabled=True, sagemaker_mpi_custom_mpi_options="-x FAIL_ON=1")
        assert job["TrainingJobStatus"] == "Failed"
        assert job["FailureReason"].startswith("AlgorithmError: ExecuteUserScriptError:\nExitCode 1")

    def test_the_reason_is_the_script_s_not_the_launcher_s(self, world):
        raises = MPI.replace("sys.exit(", "if world.Get_rank() == 1: raise ValueError('no data today')\nsys.exit(")
        job = run_script(world, "mpi-raises", raises, sagemaker_mpi_enabled=True)
        assert 'ErrorMessage "ValueError: no data today"' in job["FailureReason"]
        assert "/.inside" not in job["FailureReason"] and 'Command "mpirun ' in job["FailureReason"]
        signalled = MPI.replace("sys.exit(", "if world.Get_rank() == 1: os.kill(os.getpid(), 11)\nsys.exit(")
        job = run_script(world, "mpi-signal", "import os\n" + signalled, sagemaker_mpi_enabled=True)
        assert "rank 1 was ended by signal 11" in job["FailureReason"]
        tells = MPI.replace("sys.exit(", "if world.Get_rank() == 1: open('/opt/ml/output/failure', 'w').write('told by rank 1'); sys.exit(3)\nsys.exit(")
        job = run_script(world, "mpi-tells", tells, sagemaker_mpi_enabled=True)
        assert job["FailureReason"].startswith("AlgorithmError: told by rank 1, exit code: ")


@pytest.mark.needs("torchrun")
def test_instance_groups(world):
    """Two groups, one strategy: the data group's host runs the script alone, the others under torchrun."""
    script = ALL_REDUCE.replace("import os,", "import os, sys,").replace("distributed.init", """
if "TORCHELASTIC_RUN_ID" not in os.environ:
    print("ALONE", os.environ["SM_CURRENT_INSTANCE_GROUP"], os.environ["SM_CURRENT_INSTANCE_TYPE"])
    sys.exit()
distributed.init""", 1)
    groups = [{"InstanceGroupName": "data", "InstanceType": "ml.m5.large", "InstanceCount": 1},
              {"InstanceGroupName": "train", "InstanceType": "ml.c5.xlarge", "InstanceCount": 2}]
    job = run_script(world, "groups", script, ResourceConfig={"InstanceGroups": groups, "VolumeSizeInGB": 1},
                     sagemaker_torch_distributed_enabled=True, sagemaker_distribution_instance_groups=["train"])
    logs = {host: log_of(world, "groups", host) for host in ("algo-1", "algo-2", "algo-3")}
    assert job["TrainingJobStatus"] == "Completed", logs
    assert job["ResourceConfig"]["InstanceGroups"] == groups
    assert "ALONE data ml.m5.large" in logs["algo-1"]
    for rank, host in enumerate(("algo-2", "algo-3")):
        assert f"SUM 3.0 rank {rank} of 2 on {host}" in logs[host]


def make_root(folder):
    """A root file system with dash, cat and ls of this machine, and what they need."""
    for program in ("dash", "cat", "ls", "env"):
        place = folder / "usr/bin" / program
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(shutil.which(program), place)
        libraries = subprocess.run(["ldd", place], capture_output=True, text=True, check=True).stdout
        for path in re.findall(r"(/\S+) \(0x", libraries):
            (folder / path[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / path[1:])
    (folder / "bin").symlink_to("usr/bin")
    (folder / "usr/bin/sh").symlink_to("dash")
    (folder / "etc").mkdir()
    (folder / "etc/os-release").write_text("the image's own\n")
    (folder / "etc/hosts").write_text("the image's own hosts\n")
    (folder / "opt/tool").mkdir(parents=True)
    (folder / "opt/tool/train").write_text("#!/bin/sh\necho tool $0 $1; pwd\n")
    (folder / "usr/bin/train").write_text("#!/bin/sh\necho plain train $FROM_IMAGE; cat /etc/os-release /etc/hosts; ls /usr/bin /opt; "
                                          "cat /opt/ml/input/config/hyperparameters.json; echo w > /usr/bin/w; echo weights > /opt/ml/model/w\n")
    (folder / "usr/bin/train").chmod(0o755)
    (folder / "opt/ml/code").mkdir(parents=True)
    (folder / "opt/ml/code/größe.sh").write_text("echo code of the image; echo more > /opt/ml/code/more\n")
    (folder / "opt/ml/code/baked").write_text("#!/bin/sh\necho baked\n")
    (folder / "opt/ml/code/baked").chmod(0o755)
    (folder / "opt/ml/code/linked").symlink_to("baked")
    (folder / "opt/ml/model").mkdir()
    (folder / "opt/ml/model/hidden").write_text("AWS mounts over it")
    # An image whose only Python is elsewhere; it says how it was called.
    (folder / "opt/tool/python").write_text("#!/bin/sh\necho python $0 $1 $2 $3; . ./$1\n")
    (folder / "opt/tool/python").chmod(0o755)
    (folder / "opt/tool/train").chmod(0o700)  # as an image's root has it; unpacking opens it
    return folder


def save_as_oci(root, path, **config):
    """The layout that `docker save` and `buildx -o type=oci` write, as one tar."""
    layout = path.parent / "layout"
    blobs = layout / "blobs/sha256"
    blobs.mkdir(parents=True)

    def blob(content):
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"digest": f"sha256:{digest}", "size": len(content)}

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as layer:
        layer.add(root, arcname=".")
    config = {"config": config or {"Entrypoint": ["/opt/tool/train"], "Cmd": ["never"], "Env": ["FROM_IMAGE=yes"], "WorkingDir": "/opt/tool"}}
    manifest = {"config": blob(json.dumps(config).encode()), "layers": [blob(packed.getvalue())]}
    (layout / "index.json").write_text(json.dumps({"manifests": [blob(json.dumps(manifest).encode())]}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    with tarfile.open(path, "w") as archive:
        archive.add(layout, arcname=".")


@pytest.mark.needs("sandboxes")
def test_images(make_server, tmp_path):
    images = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-images-", dir="/var/tmp"))
    try:
        images.chmod(0o700)  # the job's user reaches images wherever they lie
        root = make_root(images / "rootfs:1")
        (images / "registry.example.com/team").mkdir(parents=True)
        save_as_oci(root, images / "registry.example.com/team/tool:2.tar")
        (images / "python").mkdir()
        save_as_oci(root, images / "python/1.tar", Env=["PATH=/usr/bin:/bin:/opt/tool"])
        (images / "python/1.tar").rename(images / "python:1.tar")
        server = make_server("--training-images", images)
        make_trainer(server)

        def log_with(name, image, **algorithm):
            job = run(server, name, "", HyperParameters={"epochs": "3"},
                      AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File", **algorithm})
            log = log_of(server, name)
            assert job["TrainingJobStatus"] == "Completed", log
            return log

        log = log_with("from-a-folder", "rootfs:1")
        assert "plain train\nthe image's own\n" in log and "10.77.0.1 algo-1" in log and "the image's own hosts" not in log
        assert "python3" not in log and '{"epochs":"3"}' in log
        assert "cannot create /usr/bin/w" in log
        assert log_with("from-an-archive", "registry.example.com/team/tool:2") == "tool /opt/tool/train train\n/opt/tool"
        assert log_with("with-arguments", "registry.example.com/team/tool:2", ContainerArguments=["fit"]) == "tool /opt/tool/train fit\n/opt/tool"
        assert log_with("with-entry-point", "registry.example.com/team/tool:2", ContainerEntrypoint=["/bin/env"]).count("FROM_IMAGE=yes") == 1

        assert log_with("own-code", "rootfs:1", ContainerEntrypoint=["/bin/sh", "-c", ". /opt/ml/code/größe.sh; /opt/ml/code/linked; ls /opt/ml/model"]) == \
            "code of the image\nbaked"
        script(server, "in-an-image", "echo in the script $PYTHONPATH\n")
        job = server.client("sagemaker").create_training_job(**{**request(
            server, "own-python", "", AlgorithmSpecification={"TrainingImage": "python:1", "TrainingInputMode": "File"}), "HyperParameters": {
                "sagemaker_program": "train.py", SUBMITTED: f"s3://{BUCKET}/source/in-an-image/sourcedir.tar.gz", "epochs": "3"}})
        job = wait(server, "own-python")
        assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
        assert log_of(server, "own-python") == "python /opt/tool/python train.py --epochs 3\nin the script /opt/ml/code"

        code, message = refusal(server.client("sagemaker").create_training_job, **request(
            server, "nowhere", "", AlgorithmSpecification={"TrainingImage": "rootfs:2", "TrainingInputMode": "File"}))
        assert code == "ValidationException"
        assert message == ("The training image rootfs:2 is not available on this server: there is no rootfs:2 or rootfs:2.tar in its images "
                           "folder. host/python3 is this machine's own /usr.")
    finally:
        shutil.rmtree(images)


def test_what_no_launcher_here_can_do_is_refused(world):
    wanted = request(world, "smddp", "", AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
                     HyperParameters={"sagemaker_program": "t.py", SUBMITTED: f"s3://{BUCKET}/x.tar.gz",
                                      "sagemaker_distributed_dataparallel_enabled": "true"})
    code, message = refusal(world.client("sagemaker").create_training_job, **wanted)
    assert code == "ValidationException" and "sagemaker_distributed_dataparallel_enabled is not supported" in message
