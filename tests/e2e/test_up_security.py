"""What others see of a deployment: other users of the machine its engine, readers of its files and output its secrets."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
from deploying import Folder

PASSPHRASE = {"PULUMI_CONFIG_PASSPHRASE": "correct horse"}
NOBODY = 65534


@pytest.fixture
def folder(server, tmp_path):
    return Folder(server, tmp_path)


def descendants(pid):
    """The process and all that it started, by number."""
    found = [pid]
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if parent in found and int(path.parent.name) not in found:
            found.append(int(path.parent.name))
    return found


def listening(pids):
    """Addresses on which one of the processes listens for TCP."""
    inodes = set()
    for pid in pids:
        for file in pathlib.Path(f"/proc/{pid}/fd").glob("*"):
            try:
                target = os.readlink(file)
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    rows = []
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                rows.append(fields[1])
    return rows


# What anybody on the machine can do: read the command lines, find the engine's address, ask it for the secrets, make himself an administrator.
ATTACK = """
import os, pathlib, sys
uid, pids = int(sys.argv[1]), sys.argv[2:]
words = []
for pid in pids:
    line = pathlib.Path("/proc", pid, "cmdline").read_bytes().decode(errors="replace").split(chr(0))
    for name in ("--monitor", "--engine"):
        if name in line:
            words.append(line[line.index(name) + 1])
assert words, "no engine was found"
import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import resource_pb2, resource_pb2_grpc
if uid:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
for address in set(words):
    with grpc.insecure_channel(address) as channel:
        stub = resource_pb2_grpc.ResourceMonitorStub(channel)
        calls = [(stub.GetDeploymentInfo, empty_pb2.Empty())]
        if uid:
            calls.append((stub.RegisterResource, resource_pb2.RegisterResourceRequest(type="aws:iam/user:User", name="intruder", custom=True)))
        for call, request in calls:
            try:
                print("ANSWERED", call(request, timeout=5))
            except grpc.RpcError as error:
                print("refused", error.code().name)
"""


def attack(uid, pids):
    return subprocess.run([sys.executable, "-c", ATTACK, str(uid), *map(str, pids)], capture_output=True, text=True, timeout=60, check=True).stdout


def test_the_engine_answers_no_other_user(server, folder):
    folder.python("import time, pulumi\npulumi.Config().require_secret('word')\nprint('waiting', flush=True)\ntime.sleep(60)\n")
    folder.run("config", "set", "--secret", "word", "hunter2-planted", **PASSPHRASE)
    folder.environment.update(PASSPHRASE)
    process = folder.start("up", "--yes", "--skip-preview")
    try:
        for line in process.stdout:
            if "waiting" in line:
                break
        pids = descendants(process.pid)
        assert len(pids) >= 2
        assert listening(pids) == [], "a port is open to every user of the machine"
        if os.geteuid() == 0:
            said = attack(NOBODY, pids)
            assert "ANSWERED" not in said and said.count("refused") == 2, said
        # The attack is one: whoever runs `up` himself gets answers.
        assert "hunter2-planted" in attack(0, pids)
        for pid in pids:
            assert b"hunter2-planted" not in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes(), "everybody reads command lines"
    finally:
        process.kill()
        process.communicate()
    assert not any(user["UserName"].startswith("intruder") for user in server.client("iam").list_users()["Users"])


PLANTED = "hunter2-planted"

PROGRAM = """
import json, pulumi, pulumi_aws as aws
word = pulumi.Config().require_secret("word")
trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
bucket = aws.s3.Bucket("bucket", tags={"word": word, "open": "1"}, force_destroy=True)
aws.s3.BucketObjectv2("object", bucket=bucket.bucket, key="key", content=word, metadata={"word": word}, tags={"word": word})
role = aws.iam.Role("role", assume_role_policy=trust, description=word.apply(lambda text: "for " + text), tags={"word": word})
aws.iam.RolePolicy("inline", role=role.name, policy=word.apply(lambda text: json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{text}/*"}]})))
user = aws.iam.User("user", name=word.apply(lambda text: "user-" + text), path="/", tags={"word": word})
aws.iam.AccessKey("key", user=user.name)
aws.iam.UserPolicyAttachment("attached", user=user.id, policy_arn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
document = aws.iam.get_policy_document_output(statements=[{"actions": ["s3:GetObject"], "resources": [word.apply(lambda text: "arn:aws:s3:::" + text)]}])
pulumi.export("document", document.json)
pulumi.export("user_arn", user.arn)
pulumi.export("user_id", user.id)
pulumi.export("tags", bucket.tags_all)
user.id.apply(lambda text: print("the user is", text))
pulumi.log.info("all is said")
"""


def everything(folder):
    return b"".join(path.read_bytes() for path in folder.path.rglob("*") if path.is_file()).decode(errors="replace")


def test_a_planted_secret_is_nowhere_in_clear(server, folder):
    folder.python(PROGRAM)
    folder.run("config", "set", "--secret", "word", PLANTED, **PASSPHRASE)
    said = ""

    def run(*arguments, check=True):
        nonlocal said
        done = folder.run(*arguments, check=check, **PASSPHRASE)
        said += done.stdout + done.stderr
        assert PLANTED not in everything(folder), f"{arguments} left it in a file"
        assert PLANTED not in done.stdout + done.stderr, f"{arguments} printed it"
        return done

    run("preview", "--diff")
    run("up", "--yes", "--diff")
    assert "the user is [secret]" in said
    state = folder.state()
    by_name = {resource["urn"].rsplit("::", 1)[1]: resource for resource in state["resources"]}
    for name, outputs in {"bucket": ["tags", "tagsAll"], "object": ["content", "metadata", "tags", "tagsAll"], "role": ["description", "tags", "tagsAll"],
                          "inline": ["policy"], "user": ["name", "arn", "tags", "tagsAll"]}.items():
        for output in outputs:
            assert "ciphertext" in json.dumps(by_name[name]["outputs"][output]), f"{output} of {name}"
    assert "ciphertext" not in by_name["bucket"]["outputs"]["arn"], "what holds no secret is none"
    stack = next(resource for resource in state["resources"] if resource["type"] == "pulumi:pulumi:Stack")
    assert stack["outputs"] and all("ciphertext" in json.dumps(value) for value in stack["outputs"].values()), stack["outputs"]
    run("up", "--yes", "--json")
    run("refresh", "--yes", "--diff")
    server.client("iam").tag_user(UserName="user-" + PLANTED, Tags=[{"Key": "by", "Value": "hand"}])
    run("refresh", "--yes", "--json")
    assert json.loads(run("up", "--yes", "--json").stdout)["changes"]["update"] == 1
    run("stack", "output")
    run("stack", "export")
    assert folder.run("stack", "output", "user_id", "--show-secrets", **PASSPHRASE).stdout.strip() == "user-" + PLANTED
    # What is refused names no value; a function gives back what it was given.
    folder.edit("__main__.py", 'key="key", content=word', 'key="key", content=word, content_base64=word')
    assert "only one of content" in (refused := run("preview", check=False)).stdout + refused.stderr
    folder.edit("__main__.py", ", content_base64=word", "")
    folder.edit("__main__.py", 'path="/"', 'path=word')
    run("up", "--yes", "--skip-preview", check=False)
    folder.edit("__main__.py", "path=word", 'path="/"')
    folder.edit("__main__.py", 'pulumi.log.info("all is said")', 'raise Exception(pulumi.Config().require("word"))')
    run("up", "--yes", "--skip-preview", check=False)
    run("destroy", "--yes", "--diff")
    assert folder.state()["resources"] == []


def test_keys_of_a_configuration_in_clear_are_sealed_in_the_state(server, folder):
    folder.yaml("resources:\n  bucket: {type: 'aws:s3:Bucket'}\n")
    folder.run("config", "set", "aws:accessKey", server.root.access_key_id)
    folder.run("config", "set", "aws:secretKey", server.root.secret_access_key)
    environment = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", **PASSPHRASE}
    folder.up(**environment)
    provider = next(resource for resource in folder.state()["resources"] if resource["type"] == "pulumi:providers:aws")
    assert "ciphertext" in provider["inputs"]["secretKey"] and "ciphertext" in provider["inputs"]["accessKey"]
    files = [path for path in (folder.path / ".pulumi").rglob("*") if path.is_file()]
    assert files and all(server.root.secret_access_key.encode() not in path.read_bytes() for path in files)
    folder.destroy(**environment)


def test_an_export_with_its_secrets_in_clear_is_sealed_when_it_is_imported(folder):
    folder.python("import pulumi\npulumi.export('word', pulumi.Config().require_secret('word'))\n")
    folder.run("config", "set", "--secret", "word", PLANTED, **PASSPHRASE)
    folder.up(**PASSPHRASE)
    document = json.loads(folder.run("stack", "export").stdout)
    value = document["deployment"]["resources"][0]["outputs"]["word"]
    del value["ciphertext"]
    value["plaintext"] = json.dumps(PLANTED)
    folder.run("stack", "rm", "dev", "--yes", "--force")
    subprocess.run(folder.command("stack", "import"), input=json.dumps(document), cwd=folder.path, env={**folder.environment, **PASSPHRASE}, text=True, check=True)
    assert PLANTED not in everything(folder)
    assert folder.run("stack", "output", "word", "--show-secrets", **PASSPHRASE).stdout.strip() == PLANTED


def test_a_plain_tag_beside_a_secret_one_makes_no_secret(server, folder):
    folder.python("""
import json, pulumi, pulumi_aws as aws
word = pulumi.Config().require_secret("word")
trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
role = aws.iam.Role("r", name="production-py", assume_role_policy=trust, tags={"sec": word, "env": "production", "keep": "one"})
aws.iam.RolePolicyAttachment("a", role=role.name, policy_arn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
aws.iam.RolePolicy("p", name="production-policy", role=role.id, policy=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}))
pulumi.export("arn", role.arn)
""")
    folder.run("config", "set", "--secret", "word", PLANTED, **PASSPHRASE)
    for _ in range(2):
        report = folder.up(**PASSPHRASE)
        assert report["outputs"]["arn"].endswith(":role/production-py")
        resources = {resource["urn"].rsplit("::", 1)[1]: resource for resource in folder.state()["resources"]}
        assert resources["r"]["id"] == resources["r"]["outputs"]["name"] == "production-py"
        assert resources["a"]["id"].startswith("production-py") and resources["p"]["id"] == "production-py:production-policy"
        for tags in (resources["r"]["inputs"]["tags"], resources["r"]["outputs"]["tags"], resources["r"]["outputs"]["tagsAll"]):
            assert tags["env"] == "production" and tags["keep"] == "one" and "ciphertext" in tags["sec"]
        assert PLANTED not in everything(folder)
    folder.destroy(**PASSPHRASE)
