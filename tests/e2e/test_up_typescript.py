"""The TypeScript twin of the reference program, with the real @pulumi packages from npm."""

import json
import os
import subprocess

import pytest
from conftest import ROOT
from deploying import Folder, operations

# 175 MB of packages: installed once for all runs of a checkout, beside what git ignores. Pinned: a test that changes by itself is no test.
PACKAGES = ROOT / ".cache/pulumi-node"
VERSIONS = {"@pulumi/aws": "7.48.0", "@pulumi/pulumi": "3.248.0", "@types/node": "20.19.43"}


@pytest.fixture(scope="module")
def node_modules():
    example = json.loads((ROOT / "examples/sagemaker-access-typescript/package.json").read_text())
    assert {**example["dependencies"], **example["devDependencies"]}.keys() == VERSIONS.keys()
    wanted = json.dumps({"private": True, "dependencies": VERSIONS})
    stamp = PACKAGES / "installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        PACKAGES.mkdir(parents=True, exist_ok=True)
        (PACKAGES / "package.json").write_text(wanted)
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"], cwd=PACKAGES, check=True)
        stamp.write_text(wanted)
    return PACKAGES / "node_modules"


def test_the_typescript_twin(server, tmp_path, node_modules):
    folder = Folder(server, tmp_path).copy_example("sagemaker-access-typescript")
    os.symlink(node_modules, tmp_path / "node_modules")
    # The types are checked once, by the preview; checking them costs ten times the deployment.
    made = folder.run("up", "--yes")
    assert "+ 5 to create" in made.stdout and "+ 5 created" in made.stdout
    fast = {"PULUMI_NODEJS_TRANSPILE_ONLY": "true"}
    again = folder.up(**fast)
    assert operations(again) == []
    assert again["outputs"]["ml_data_bucket_name"].startswith("ml-data-bucket-")
    folder.edit("index.ts", 'Action: "s3:*"', 'Action: "s3:GetObject"')
    assert operations(folder.up(**fast)) == [("update", "ml_data_bucket_policy")]

    # A program that throws says where, and quickly: Node would walk the whole resource graph first.
    folder.edit("index.ts", "export const sagemaker_role_arn", 'throw new Error("of a mistake");\nexport const sagemaker_role_arn')
    said = folder.fails("up", "--yes", "--skip-preview", **fast)
    assert "Error: of a mistake" in said and "index.ts:" in said
    assert server.client("s3").head_bucket(Bucket=again["outputs"]["ml_data_bucket_name"])
    folder.destroy()
