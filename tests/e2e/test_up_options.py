"""What a program says beside its resources: options with paths, providers and their regions, endpoints that are not there, dictionaries."""

import json
import os
import shutil
import subprocess

import pytest
from conftest import BINARY, ROOT, Server
from deploying import Folder, operations


@pytest.fixture
def folder(server, tmp_path):
    return Folder(server, tmp_path)


def bucket(options="", tags=None):
    return f"""
import pulumi, pulumi_aws as aws
aws.s3.Bucket("b", bucket="options-bucket", tags={tags!r}, opts=pulumi.ResourceOptions({options}))
"""


@pytest.mark.parametrize("options, step", [
    ('ignore_changes=["*"]', None),
    ('ignore_changes=["tags"]', None),
    ('ignore_changes=["tags.a", "tags[\\"b.c\\"]"]', None),
    ('ignore_changes=["tags[\\"a\\"]", "tags.*"]', None),
    ('ignore_changes=["tags.a"]', "update"),
    ('ignore_changes=["tags.x"]', "update"),
    ('replace_on_changes=["tags.a"]', "replace"),
    ('replace_on_changes=["*"]', "replace"),
    ('replace_on_changes=["tags.x"]', "update"),
])
def test_options_take_paths(server, folder, options, step):
    folder.python(bucket(tags={"a": "1", "b.c": "1"}))
    folder.up()
    folder.python(bucket(options, tags={"a": "2", "b.c": "2"}))
    assert ("same" if step is None else step) in {each["op"] for each in folder.preview()["steps"] if each["name"] == "b"}
    done = {op for op, name in operations(folder.up()) if name == "b"}
    assert (done == set()) if step is None else (step in done)
    tags = {tag["Key"]: tag["Value"] for tag in server.client("s3").get_bucket_tagging(Bucket="options-bucket")["TagSet"]}
    assert tags == ({"a": "1", "b.c": "1"} if step is None else {"a": "1" if options == 'ignore_changes=["tags.a"]' else "2", "b.c": "2"})
    folder.destroy()


def test_what_no_longer_stands_in_the_program_is_ignored_too(server, folder):
    folder.python(bucket(tags={"a": "1"}))
    folder.up()
    folder.python(bucket('ignore_changes=["tags.a"]', tags={"b": "2"}))
    assert operations(folder.up()) == [("update", "b")]
    tags = {tag["Key"]: tag["Value"] for tag in server.client("s3").get_bucket_tagging(Bucket="options-bucket")["TagSet"]}
    assert tags == {"a": "1", "b": "2"}
    said = folder.python(bucket('ignore_changes=["tags["]')).fails("preview")
    assert "`tags[` is not a property path" in said and "__main__.py:3" in said
    folder.python(bucket('additional_secret_outputs=["tags.b", "arn"]', tags={"b": "2"})).up(PULUMI_CONFIG_PASSPHRASE="")
    outputs = next(resource for resource in folder.state()["resources"] if resource["type"] == "aws:s3/bucket:Bucket")["outputs"]
    assert "ciphertext" in outputs["arn"] and "ciphertext" in outputs["tags"]["b"]
    folder.destroy(PULUMI_CONFIG_PASSPHRASE="")


def test_the_operator_deploys_over_the_socket(server, folder):
    """Nobody answers at the server's port; a program that names another server does not come to this one."""
    url = server.data / "endpoint"
    answered = url.read_text()
    url.write_text("http://127.0.0.1:9\n")
    try:
        folder.yaml("resources:\n  b: {type: 'aws:s3:Bucket', properties: {bucket: operators-bucket}}\n")
        assert "cannot deploy to http://127.0.0.1:9" in folder.fails("up", "--yes", AWS_ENDPOINT_URL="http://127.0.0.1:9")
        folder.run("--data", server.data, "up", "--yes")
        assert "operators-bucket" in {bucket["Name"] for bucket in server.client("s3").list_buckets()["Buckets"]}
        folder.run("--data", server.data, "destroy", "--yes")
        folder.write("Pulumi.dev.yaml", "config:\n  aws:endpoints: [{s3: 'http://127.0.0.1:8', iam: 'http://127.0.0.1:8', sts: 'http://127.0.0.1:8'}]\n")
        assert "cannot deploy to http://127.0.0.1:8" in folder.fails("--data", server.data, "up", "--yes")
    finally:
        url.write_text(answered)


@pytest.mark.parametrize("environment, message", [
    ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot deploy to http://127.0.0.1:9"),
    ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "AWS_SECRET_ACCESS_KEY"),
    ({"AWS_ACCESS_KEY_ID": "AKIANOBODYNOBODYNOBO"}, "AKIANOBODYNOBODYNOBO"),
])
def test_a_preview_finds_out_that_nothing_can_be_deployed(folder, environment, message):
    folder.python(bucket())
    for command in (["preview"], ["up", "--yes"], ["up", "--yes", "--skip-preview"]):
        said = folder.fails(*command, **environment)
        assert message in said and "Traceback" not in said, said
    report = json.loads(folder.run("preview", "--json", check=False, **environment).stdout)
    assert report["result"] == "failed" and report["changes"].get("create", 0) <= 1  # the stack itself
    # An explicit provider, a YAML program, the end of a stack.
    folder.up()
    assert message in folder.fails("destroy", "--yes", **environment)
    assert message in folder.fails("refresh", "--yes", **environment)
    folder.destroy()
    folder.yaml("resources:\n  b: {type: 'aws:s3:Bucket'}\n")
    assert message in folder.fails("preview", **environment)


@pytest.mark.parametrize("command", ["up", "destroy", "refresh"])
def test_without_a_terminal_what_is_wrong_is_told_before_that_there_is_none(folder, tmp_path, command):
    def told(*more):
        return subprocess.run([BINARY, command, *more], cwd=folder.path, env=folder.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60).stderr
    missing = told("--cwd", tmp_path / "nosuch")
    assert "nosuch" in missing and "not a terminal" not in missing
    folder.python("")
    unknown = told("--stack", "nosuch")
    assert ("not a terminal" in unknown) == (command == "up"), unknown
    assert command == "up" or "nosuch" in unknown


def test_a_program_that_deploys_nothing_needs_no_endpoint(folder):
    folder.python("import pulumi\npulumi.export('a', 1)\n")
    assert folder.up(AWS_ENDPOINT_URL="http://127.0.0.1:9")["outputs"] == {"a": 1}


def test_members_in_the_style_of_python(folder):
    folder.python("""
import json, pulumi, pulumi_aws as aws
document = aws.iam.get_policy_document(statements=[{
    "effect": "Deny", "not_actions": ["s3:GetObject"], "not_resources": ["arn:aws:s3:::b/*"],
    "not_principals": [{"type": "AWS", "identifiers": ["arn:aws:iam::123456789012:root"]}],
    "conditions": [{"test": "Bool", "variable": "aws:SecureTransport", "values": ["true"]}]}], policy_id="id")
pulumi.export("document", json.loads(document.json))
output = aws.iam.get_policy_document_output(statements=[{"notActions": ["s3:GetObject"], "not_resources": [pulumi.Output.from_input("*")]}])
pulumi.export("output", output.json.apply(json.loads))
""")
    outputs = folder.up()["outputs"]
    assert outputs["document"] == {"Version": "2012-10-17", "Id": "id", "Statement": [{
        "Effect": "Deny", "NotAction": "s3:GetObject", "NotResource": "arn:aws:s3:::b/*",
        "NotPrincipal": {"AWS": "arn:aws:iam::123456789012:root"}, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}]}
    assert outputs["output"]["Statement"] == [{"Effect": "Allow", "NotAction": "s3:GetObject", "NotResource": "*"}]
    folder.python("""
import pulumi_aws as aws
aws.iam.get_policy_document(statements=[{"not_actions": ["s3:*"], "notActions": ["s3:*"], "resources": ["*"]}])
""")
    assert "given twice" in folder.fails("preview")
    folder.python("import pulumi_aws as aws\naws.iam.get_policy_document(statements=[{'not_a_member': ['s3:*']}])\n")
    assert "notAMember" in folder.fails("preview")


def test_default_providers_and_their_updates(server, folder):
    """One for each version that a program uses, configured by the stack, kept while its resources are."""
    folder.python('import pulumi_aws as aws\naws.iam.User("u", name="provided")\n')
    folder.run("config", "set", "aws:region", "us-east-1")
    folder.run("config", "set", "aws:endpoints", json.dumps([{"iam": server.endpoint, "s3": server.endpoint, "sts": server.endpoint}]))
    environment = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}  # what the configuration says goes first
    folder.up(**environment)
    providers = [resource for resource in folder.state()["resources"] if resource["type"] == "pulumi:providers:aws"]
    assert len(providers) == 1 and providers[0]["inputs"]["region"] == "us-east-1" and "endpoints" in providers[0]["inputs"]
    number = providers[0]["id"]
    assert operations(folder.up(**environment)) == []
    # Refresh and destroy use it as the state has it.
    assert folder.run("refresh", "--yes", **environment)
    folder.run("config", "set", "aws:skipRegionValidation", "true")
    assert operations(folder.up(**environment)) == []
    providers = [resource for resource in folder.state()["resources"] if resource["type"] == "pulumi:providers:aws"]
    assert providers[0]["inputs"]["skipRegionValidation"] == "true" and providers[0]["id"] == number
    folder.run("config", "set", "aws:profile", "other")
    assert "aws:profile is not supported" in folder.fails("preview", **environment)
    folder.run("config", "rm", "aws:profile")
    folder.destroy(**environment)


def test_a_mistake_is_answered_with_what_to_do(server, folder):
    said = folder.fails("preview", "--cwd", "/")
    assert "no Pulumi.yaml in /" in said and "--cwd" in said
    folder.python("")
    for runtime, meant in (("pyton", "python"), ("node", "nodejs"), ("TypeScript", "nodejs"), ("yml", "yaml"), ("nodjs", "nodejs")):
        folder.write("Pulumi.yaml", f"name: demo\nruntime: {runtime}\n")
        for command in (["up", "--yes"], ["preview"]):
            said = folder.fails(*command)
            assert f"the runtime `{runtime}`" in said and f"did you mean {meant}?" in said, said
    folder.write("Pulumi.yaml", "name: demo\nruntime: go\n")
    assert "python, nodejs or yaml" in folder.fails("preview") and "did you mean" not in folder.fails("preview")
    assert not (folder.path / ".pulumi").exists(), "nothing is made for a program that cannot run"
    folder.write("Pulumi.yaml", "name: demo\n")
    assert "runtime: python, nodejs or yaml" in folder.fails("preview")
    folder.write("Pulumi.yaml", "name: demo\nruntime: python\nmain: elsewhere\n")
    assert "elsewhere, which does not exist" in folder.fails("preview")
    folder.write("Pulumi.yaml", "name: demo\nruntime: python\n")
    (folder.path / "__main__.py").unlink()
    assert "there is no __main__.py" in folder.fails("preview")
    folder.python("import pulumi\npulumi.export('word', pulumi.Config().get_secret('word'))\n")
    folder.up()
    for command in (["destroy", "--yes", "--stack", "prod"], ["stack", "select", "prod"], ["stack", "output", "--stack", "prod"]):
        said = folder.fails(*command)
        assert "no stack `prod`" in said and "there are: dev" in said, said
    assert "there is no stack `prod` yet, only dev" in folder.run("preview", "--stack", "prod").stderr
    folder.run("config", "set", "--secret", "word", "w", PULUMI_CONFIG_PASSPHRASE="right")
    assert "PULUMI_CONFIG_PASSPHRASE" in folder.fails("preview")
    assert "does not open this stack's secrets" in (said := folder.fails("preview", PULUMI_CONFIG_PASSPHRASE="wrong")) and "PULUMI_CONFIG_PASSPHRASE" in said
    assert "does not open" in folder.fails("config", "get", "word", PULUMI_CONFIG_PASSPHRASE="wrong")


def test_main_names_a_folder_or_a_file(folder):
    (folder.path / "app").mkdir()
    folder.write("app/program.py", "import pulumi\npulumi.export('a', 1)\n")
    folder.write("Pulumi.yaml", "name: demo\nruntime: python\nmain: app/program.py\n")
    assert folder.up()["outputs"] == {"a": 1}
    folder.write("app/__main__.py", "import pulumi\npulumi.export('a', 2)\n")
    folder.write("Pulumi.yaml", "name: demo\nruntime: python\nmain: app\n")
    assert folder.up()["outputs"] == {"a": 2}


@pytest.fixture
def two_regions(tmp_path):
    (tmp_path / "server").mkdir()
    server = Server(tmp_path / "server", "--region", "us-east-1", "--region", "eu-west-1").start()
    yield server
    server.stop()


def regions(server):
    s3 = server.client("s3")
    return {bucket["Name"]: s3.get_bucket_location(Bucket=bucket["Name"])["LocationConstraint"] or "us-east-1" for bucket in s3.list_buckets()["Buckets"]}


def test_a_provider_that_moves_takes_its_buckets_along(two_regions, tmp_path):
    server = two_regions
    (tmp_path / "program").mkdir()
    folder = Folder(server, tmp_path / "program")
    folder.environment["PULUMI_CONFIG_PASSPHRASE"] = ""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        folder.environment[name] = "us-east-1"
    folder.python(f"""
import json, pulumi, pulumi_aws as aws
there = aws.Provider("there", region="us-east-1", endpoints=[{{"s3": "{server.endpoint}", "iam": "{server.endpoint}", "sts": "{server.endpoint}"}}])
mine = pulumi.ResourceOptions(provider=there)
automatic = aws.s3.Bucket("automatic", opts=mine)
named = aws.s3.Bucket("named", bucket="moving-bucket", opts=mine)
aws.s3.BucketPublicAccessBlock("block", bucket=automatic.bucket, block_public_acls=True, opts=mine)
aws.iam.User("user", name="staying", opts=mine)
aws.s3.Bucket("still", bucket="still-bucket")
pulumi.export("automatic", automatic.bucket)
""")
    old = folder.up()["outputs"]["automatic"]
    assert set(regions(server).values()) == {"us-east-1"}
    folder.edit("__main__.py", 'region="us-east-1"', 'region="eu-west-1"')
    planned = {(step["op"], step["name"]) for step in folder.preview()["steps"]}
    assert {("replace", "automatic"), ("replace", "named"), ("replace", "block"), ("same", "user"), ("same", "still")} <= planned
    assert "because of region" in folder.run("preview").stdout
    new = folder.up()["outputs"]["automatic"]
    assert new != old and regions(server) == {new: "eu-west-1", "moving-bucket": "eu-west-1", "still-bucket": "us-east-1"}
    assert server.client("s3").get_public_access_block(Bucket=new)["PublicAccessBlockConfiguration"]["BlockPublicAcls"]
    assert operations(folder.up()) == []
    # The default provider, by the stack's configuration; a region that the resource itself ignores changes of stays.
    folder.run("config", "set", "aws:region", "eu-west-1")
    assert ("replace", "still") in operations(folder.up()) and regions(server)["still-bucket"] == "eu-west-1"
    folder.run("config", "set", "aws:region", "us-east-1")
    folder.edit("__main__.py", 'bucket="still-bucket")', 'bucket="still-bucket", opts=pulumi.ResourceOptions(ignore_changes=["region"]))')
    assert operations(folder.up()) == [] and regions(server)["still-bucket"] == "eu-west-1"
    folder.destroy()
    assert regions(server) == {}
