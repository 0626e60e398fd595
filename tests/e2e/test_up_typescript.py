"""The TypeScript twin of the reference program, with the real @pulumi packages from npm."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT
from deploying import Folder, operations


def installed(client):
    """175 MB of packages: installed once for all runs of a checkout."""
    done = subprocess.run([sys.executable, ROOT / "tests/clients/install.py", client], check=True, stdout=subprocess.PIPE, text=True)
    return pathlib.Path(done.stdout.strip())


@pytest.fixture(scope="module")
def node_modules():
    example = json.loads((ROOT / "examples/sagemaker-access-typescript/package.json").read_text())
    packages = json.loads((ROOT / "tests/clients/typescript/package.json").read_text())
    assert {**example["dependencies"], **example["devDependencies"]}.keys() == packages["dependencies"].keys()
    return installed("typescript") / "node_modules"


@pytest.fixture(scope="module")
def esm_modules(node_modules):
    """The same packages with ts-node beside them: the SDK looks for it from where it lies itself, so links will not do."""
    loader = installed("ts-node")
    whole = loader.parent / "typescript-with-ts-node"
    stamp = whole / "made"
    wanted = (node_modules.parent / ".made-from").read_text() + (loader / ".made-from").read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(whole, ignore_errors=True)
        shutil.copytree(node_modules, whole / "node_modules", copy_function=os.link, symlinks=True)
        shutil.copytree(loader / "node_modules", whole / "node_modules", dirs_exist_ok=True, symlinks=True, ignore=shutil.ignore_patterns(".bin"))
        stamp.write_text(wanted)
    return whole / "node_modules"


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


PROGRAM = """
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
const name: string = await Promise.resolve("an-es-module");
const user = new aws.iam.User("user", { name });
export const said = pulumi.interpolate`${user.name} is ${typeof require}`;
"""
TSCONFIG = {"compilerOptions": {"strict": True, "target": "es2022", "module": "nodenext", "moduleResolution": "nodenext", "skipLibCheck": True}, "files": ["index.ts"]}


def test_typescript_in_es_modules(server, tmp_path, esm_modules):
    folder = Folder(server, tmp_path)
    folder.write("Pulumi.yaml", "name: demo\nruntime: nodejs\n").write("index.ts", PROGRAM).write("tsconfig.json", json.dumps(TSCONFIG))
    folder.write("package.json", json.dumps({"name": "demo", "type": "module", "main": "index.ts"}))
    os.symlink(esm_modules, tmp_path / "node_modules")
    fast = {"PULUMI_NODEJS_TRANSPILE_ONLY": "true"}
    assert folder.up(**fast)["outputs"] == {"said": "an-es-module is undefined"}
    # A loader of the program's own, as words for Node.
    folder.write("Pulumi.yaml", "name: demo\nruntime:\n  name: nodejs\n  options:\n    nodeargs: --no-warnings '--import=./own loader.mjs'\n")
    folder.write("own loader.mjs", "globalThis.owned = 'by its loader';")
    folder.edit("index.ts", "typeof require", "(globalThis as any).owned")
    assert folder.up(**fast)["outputs"] == {"said": "an-es-module is by its loader"}
    folder.destroy()


def test_what_es_modules_need_is_said(server, tmp_path, node_modules):
    folder = Folder(server, tmp_path)
    folder.write("Pulumi.yaml", "name: demo\nruntime: nodejs\n").write("index.ts", PROGRAM).write("package.json", json.dumps({"name": "demo", "type": "module"}))
    os.symlink(node_modules, tmp_path / "node_modules")
    assert "npm install --save-dev ts-node typescript" in folder.fails("preview", PULUMI_NODEJS_TRANSPILE_ONLY="true")


def test_a_node_program_opens_no_port(server, tmp_path, node_modules):
    from test_up_security import descendants, listening
    folder = Folder(server, tmp_path)
    folder.write("Pulumi.yaml", "name: demo\nruntime: nodejs\n").write("package.json", json.dumps({"name": "demo"}))
    folder.write("index.js", "const aws = require('@pulumi/aws');\nconst user = new aws.iam.User('user');\n"
                             "user.name.apply(async () => { console.log('waiting'); await new Promise(done => setTimeout(done, 60000)); });\n")
    os.symlink(node_modules, tmp_path / "node_modules")
    process = folder.start("up", "--yes", "--skip-preview")
    try:
        for line in process.stdout:
            if "waiting" in line:
                break
        assert len(descendants(process.pid)) >= 2 and listening(descendants(process.pid)) == []
    finally:
        process.kill()
        process.communicate()
    folder.write("index.js", "")
    folder.up()
