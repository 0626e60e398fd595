"""The OCI image: a layout that other programs take, and a server that runs in it with nothing else."""
import hashlib
import json
import os
import signal
import subprocess
import sys
import urllib.request

import pytest
from conftest import BINARY, ROOT, need, until

VERSION = "9.8.7"


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("image") / "layout"
    run(sys.executable, ROOT / "tools/image.py", BINARY, VERSION, folder)
    return folder


@pytest.fixture(scope="module")
def unpacked(layout):
    """What umoci makes of it: the root file system and what to run there."""
    bundle = layout.parent / "bundle"
    run("umoci", "unpack", "--rootless", "--image", f"{layout}:{VERSION}", bundle)
    return bundle


def test_every_blob_is_what_its_name_says(layout):
    index = json.loads((layout / "index.json").read_text())
    (manifest,) = index["manifests"]
    read = lambda blob: (layout / "blobs/sha256" / blob["digest"].removeprefix("sha256:")).read_bytes()  # noqa: E731
    assert json.loads((layout / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    described = json.loads(read(manifest))
    blobs = [manifest, described["config"], *described["layers"]]
    for blob in blobs:
        data = read(blob)
        assert blob["size"] == len(data) and blob["digest"] == "sha256:" + hashlib.sha256(data).hexdigest()
    assert len(list((layout / "blobs/sha256").iterdir())) == len(blobs)


def test_other_programs_read_it(layout, tmp_path):
    said = json.loads(run("skopeo", "inspect", f"oci:{layout}:{VERSION}"))
    assert said["Os"] == "linux" and said["Architecture"] in ("amd64", "arm64") and said["Labels"]["org.opencontainers.image.version"] == VERSION
    config = json.loads(run("skopeo", "inspect", "--config", f"oci:{layout}:{VERSION}"))
    assert config["config"]["User"] == "65532:65532" and config["config"]["Entrypoint"] == ["/usr/bin/trainwarden"]
    run("skopeo", "copy", "--insecure-policy", f"oci:{layout}:{VERSION}", f"docker-archive:{tmp_path}/image.tar:trainwarden:{VERSION}")


def test_the_same_is_made_of_the_same(layout):
    again = layout.parent / "again"
    run(sys.executable, ROOT / "tools/image.py", BINARY, VERSION, again)
    assert (again / "index.json").read_text() == (layout / "index.json").read_text()


def test_little_is_in_it(unpacked):
    root = unpacked / "rootfs"
    programs = {file.name for folder in ("usr/bin", "usr/sbin") for file in (root / folder).iterdir()}
    assert programs == {"trainwarden", "bwrap", "ip", "fusermount3"}
    assert not [file for file in root.rglob("*") if file.is_file() and not file.is_symlink() and os.stat(file).st_mode & 0o6000], "set-user-id programs"
    assert (root / "etc/ssl/certs/ca-certificates.crt").stat().st_size > 100_000


def test_a_server_runs_in_it(unpacked, tmp_path):
    need("sandboxes")
    config = json.loads((unpacked / "config.json").read_text())["process"]
    data = tmp_path / "data"
    data.mkdir()
    words = [word for word in config["args"] if not word.startswith("0.0.0.0")]
    words[words.index("--listen") + 1:words.index("--listen") + 1] = ["127.0.0.1:0"]
    inside = ["bwrap", "--ro-bind", unpacked / "rootfs", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--bind", data, "/data", "--unshare-user",
              "--unshare-pid", "--uid", "65532", "--gid", "65532", "--die-with-parent", "--chdir", config["cwd"], "--clearenv"]
    for variable in config["env"]:
        inside += ["--setenv", *variable.split("=", 1)]
    with open(tmp_path / "said", "w", encoding="utf-8") as said:
        server = subprocess.Popen([str(word) for word in [*inside, *words, "--ready-file", "/data/ready"]], stdout=said, stderr=said)
    try:
        url = until(lambda: (data / "ready").exists() and (data / "ready").read_text().strip() or (server.poll() is not None and "ended"),
                    "the server's URL", timeout=60)
        assert url.startswith("http://"), (tmp_path / "said").read_text()
        for path in ("/healthz", "/readyz"):
            with urllib.request.urlopen(url + path, timeout=10) as answer:
                assert answer.status == 200
        assert (data / "master.key").exists() and (data / "server").is_dir()
    finally:
        # The program is its sandbox's first process; bwrap ends with it.
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)
