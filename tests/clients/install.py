"""Installs what the tests download and cannot share their virtual environment, each into build/clients/NAME. `make test` runs it before the
tests, so that they need no network.

    tests/clients/install.py [NAME…]

sagemaker-v2, sagemaker-v3, sagemaker-training, kubernetes, s3-tools, pulumi-aws-6: virtual environments; javascript, typescript, ts-node, policy-peer: node_modules; helm: a
program, where there is a Go that builds it. What is there already and made from the same list is left alone, so a second run is free. Every list
is complete and has hashes: NAME.txt is made of NAME.in by `make locks`, package-lock.json of package.json; Go's checksum database has helm's.
"""
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CLIENTS = HERE.parent.parent / "build/clients"
# Debian's: its Python is the one that .venv is made with.
PYTHON = "/usr/bin/python3"


def virtual_environment(folder, requirements):
    """Every package is listed, so that none of the gigabytes that the SDKs declare for other uses of theirs comes along."""
    subprocess.run([PYTHON, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "-r", requirements],
                   check=True)


def node_modules(folder, lock):
    folder.mkdir()
    shutil.copy(lock.with_name("package.json"), folder)
    shutil.copy(lock, folder)
    subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, check=True)


def go_program(folder, module):
    """Debian 12's Go is too old; without another, what needs the program is skipped (machine.py)."""
    folder.mkdir()
    if shutil.which("go") is None:
        return
    done = subprocess.run(["go", "install", module.read_text(encoding="ascii").strip()], check=False, capture_output=True, text=True,
                          env={**os.environ, "GOBIN": str(folder), "GOFLAGS": "", "GOTOOLCHAIN": "local"})
    if done.returncode != 0:
        print(f"no {folder.name}: {done.stderr.strip()[-300:]}", file=sys.stderr)


RECIPES = {
    "sagemaker-v2": (virtual_environment, HERE / "sagemaker-v2.txt"),
    "sagemaker-training": (virtual_environment, HERE / "sagemaker-training.txt"),
    "sagemaker-v3": (virtual_environment, HERE / "sagemaker-v3.txt"),
    "kubernetes": (virtual_environment, HERE / "kubernetes.txt"),
    "s3-tools": (virtual_environment, HERE / "s3-tools.txt"),
    "pulumi-aws-6": (virtual_environment, HERE / "pulumi-aws-6.txt"),
    "helm": (go_program, HERE / "helm.txt"),
    "javascript": (node_modules, HERE / "javascript/package-lock.json"),
    "typescript": (node_modules, HERE / "typescript/package-lock.json"),
    "ts-node": (node_modules, HERE / "ts-node/package-lock.json"),
    "policy-peer": (node_modules, HERE.parent / "reference/peer/package-lock.json"),
}


def install(name):
    """The client's folder, complete."""
    make, wanted = RECIPES[name]
    CLIENTS.mkdir(parents=True, exist_ok=True)
    folder = CLIENTS / name
    stamp = folder / ".made-from"
    digest = hashlib.sha256(wanted.read_bytes()).hexdigest()
    with open(CLIENTS / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests that run side by side may want the same client
        if not stamp.exists() or stamp.read_text(encoding="ascii") != digest:
            shutil.rmtree(folder, ignore_errors=True)
            make(folder, wanted)
            stamp.write_text(digest, encoding="ascii")
    return folder


if __name__ == "__main__":
    for client in sys.argv[1:] or RECIPES:
        print(install(client))
