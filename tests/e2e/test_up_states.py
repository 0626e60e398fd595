"""States that Pulumi's command line wrote (states/, with the account's number left open): read, kept, changed, ended."""

import json
import pathlib
import subprocess

import pytest
from deploying import Folder, operations

STATES = pathlib.Path(__file__).parent / "states"
PASSPHRASE = {"PULUMI_CONFIG_PASSPHRASE": "golden"}
BUCKET, ROLE, USER = "golden-bucket-1a2b3c4", "golden_role-5d6e7f8", "golden_user-0f1e2d3"
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
READ = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}'
MANAGED = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"

PROGRAM = """
import json, pulumi, pulumi_aws as aws
word = pulumi.Output.secret("golden-secret-value")
bucket = aws.s3.Bucket("golden_bucket", tags={"team": "ml"})
role = aws.iam.Role("golden_role", assume_role_policy=json.dumps(TRUST), tags={"owner": word})
aws.iam.RolePolicyAttachment("golden_attachment", role=role.name, policy_arn="MANAGED")
aws.iam.RolePolicy("golden_inline", role=role.name, policy='READ')
aws.s3.BucketPolicy("golden_policy", bucket=bucket.bucket, policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": role.arn}, "Action": "s3:*", "Resource": [bucket.arn, bucket.arn.apply(lambda arn: arn + "/*")]}]}))
aws.s3.VERSIONING("golden_versioning", bucket=bucket.bucket, versioning_configuration={"status": "Disabled"})
aws.s3.BucketObjectv2("golden_object", bucket=bucket.bucket, key="dir/key.txt", content="content")
aws.iam.User("golden_user")
pulumi.export("bucket", bucket.bucket)
pulumi.export("word", word)
""".replace("TRUST", repr(TRUST)).replace("MANAGED", MANAGED).replace("READ", READ)


def make_world(server):
    s3, iam = server.client("s3"), server.client("iam")
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST), Tags=[{"Key": "owner", "Value": "golden-secret-value"}])
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=MANAGED)
    iam.put_role_policy(RoleName=ROLE, PolicyName="golden_inline-9a8b7c6", PolicyDocument=READ)
    iam.create_user(UserName=USER)
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [{"Key": "team", "Value": "ml"}]})
    s3.put_object(Bucket=BUCKET, Key="dir/key.txt", Body=b"content")
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{server.account}:role/{ROLE}"}, "Action": "s3:*",
         "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]}]}))


def world(server):
    s3, iam = server.client("s3"), server.client("iam")
    return ({bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}, {role["RoleName"] for role in iam.list_roles()["Roles"]},
            {user["UserName"] for user in iam.list_users()["Users"]})


def empty_bucket(server):
    s3 = server.client("s3")
    for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=item["Key"])


class Golden(Folder):
    def __init__(self, server, path, major):
        super().__init__(server, path)
        self.environment.update(PASSPHRASE)
        self.python(PROGRAM.replace("VERSIONING", "BucketVersioning" if major == 7 else "BucketVersioningV2"))
        self.edit("Pulumi.yaml", "name: demo", "name: golden")
        (self.path / ".pulumi/stacks/golden").mkdir(parents=True)
        self.document = json.loads((STATES / f"pulumi-aws-{major}.json").read_text().replace("ACCOUNT", server.account))

    @property
    def resources(self):
        return self.document["checkpoint"]["latest"]["resources"]

    def settle(self):
        (self.path / ".pulumi/stacks/golden/dev.json").write_text(json.dumps(self.document, indent=4))
        return self


@pytest.fixture(params=[7, 6])
def golden(request, server, tmp_path):
    before = world(server)
    make_world(server)
    yield Golden(server, tmp_path, request.param)
    assert world(server) == before


def end(golden):
    empty_bucket(golden.server)
    # The object is gone already; everything else is deleted.
    golden.destroy()
    assert golden.state("golden")["resources"] == []


def refreshed(golden):
    return [(step["op"], step["name"], step.get("changed")) for step in json.loads(golden.run("refresh", "--yes", "--json").stdout)["steps"]]


def test_refresh_up_and_destroy(golden):
    golden.settle()
    assert {(op, changed) for op, name, changed in refreshed(golden)} == {("refresh", None)}
    assert operations(golden.preview()) == []
    assert operations(golden.up()) == []
    assert golden.run("stack", "output", "word", "--show-secrets").stdout.strip() == "golden-secret-value"
    assert "golden-secret-value" not in (golden.path / ".pulumi/stacks/golden/dev.json").read_text()
    assert operations(golden.up()) == []
    end(golden)


def test_destroy_alone(golden):
    golden.settle()
    end(golden)


def test_without_defaults_nothing_is_replaced(golden):
    for resource in golden.resources:
        resource.get("inputs", {}).pop("__defaults", None)
    # One of them lacks the automatic name, too: it stands in the outputs.
    role = next(resource for resource in golden.resources if resource["type"] == "aws:iam/role:Role")
    del role["inputs"]["name"]
    golden.settle()
    assert {(op, changed) for op, name, changed in refreshed(golden)} == {("refresh", None)}
    golden.server.client("s3").put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [{"Key": "by", "Value": "hand"}]})
    assert ("refresh", "golden_bucket", ["tags"]) in refreshed(golden)
    assert operations(golden.preview()) == [("update", "golden_bucket")]
    assert operations(golden.up()) == [("update", "golden_bucket")]
    assert operations(golden.up()) == []
    end(golden)


def test_changes_are_made_in_place(golden):
    golden.settle()
    golden.edit("__main__.py", '"team": "ml"', '"team": "data"')
    golden.edit("__main__.py", '"owner": word', '"owner": "open"')
    assert sorted(operations(golden.up())) == [("update", "golden_bucket"), ("update", "golden_role")]
    end(golden)


def test_members_of_recent_versions_are_kept(golden):
    """Format version 4 says which features a reader must know; what we do not use is carried along."""
    golden.document["version"] = 4
    golden.document["features"] = ["refreshBeforeUpdate", "hooks"]
    bucket = next(resource for resource in golden.resources if resource["type"] == "aws:s3/bucket:Bucket")
    bucket.update(refreshBeforeUpdate=True, resourceHooks={"beforeCreate": ["check"]}, hideDiff=["tags"], snippetID="2a", owner="slice")
    golden.settle()
    assert operations(golden.up()) == []
    document = json.loads((golden.path / ".pulumi/stacks/golden/dev.json").read_text())
    assert document["version"] == 4 and sorted(document["features"]) == ["hooks", "refreshBeforeUpdate"]
    kept = next(resource for resource in document["checkpoint"]["latest"]["resources"] if resource["type"] == "aws:s3/bucket:Bucket")
    assert kept["refreshBeforeUpdate"] is True and kept["hideDiff"] == ["tags"] and kept["owner"] == "slice"
    export = json.loads(golden.run("stack", "export").stdout)
    assert export["version"] == 4 and sorted(export["features"]) == ["hooks", "refreshBeforeUpdate"]
    elsewhere = {"PULUMI_BACKEND_URL": f"file://{golden.path}/elsewhere"}
    subprocess.run(golden.command("stack", "import"), input=json.dumps(export), cwd=golden.path, env={**golden.environment, **elsewhere}, text=True, check=True)
    assert operations(golden.up(**elsewhere)) == []
    golden.document["features"].append("teleportation")
    golden.settle()
    assert "`teleportation`" in golden.fails("refresh", "--yes")
    golden.document["features"].pop()
    golden.settle()
    end(golden)


def test_the_service_that_sealed_no_secret_is_not_needed(golden):
    """An export from Pulumi Cloud with its secrets in clear; with sealed ones it is refused."""
    latest = golden.document["checkpoint"]["latest"]
    latest["secrets_providers"] = {"type": "service", "state": {"url": "https://api.pulumi.com", "owner": "o", "project": "golden", "stack": "dev"}}
    golden.settle()
    said = golden.fails("refresh", "--yes")
    assert "`service`" in said and "passphrase" in said

    def in_clear(value):
        if isinstance(value, dict):
            if "ciphertext" in value:
                del value["ciphertext"]
                value["plaintext"] = json.dumps("golden-secret-value")
            for member in value.values():
                in_clear(member)
        if isinstance(value, list):
            for item in value:
                in_clear(item)

    in_clear(latest["resources"])
    role = next(resource for resource in golden.resources if resource["type"] == "aws:iam/role:Role")
    for where in (role["inputs"]["tags"], role["outputs"]["tags"], role["outputs"]["tagsAll"]):
        where["plaintext"] = json.dumps({"owner": "golden-secret-value"})
    golden.settle()
    assert operations(golden.up()) == []
    assert "golden-secret-value" not in (golden.path / ".pulumi/stacks/golden/dev.json").read_text()
    assert golden.state("golden")["secrets_providers"]["type"] == "passphrase"
    end(golden)
