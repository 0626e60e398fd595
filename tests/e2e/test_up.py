"""The reference program and others, in Python and YAML, from nothing to deployed, changed, broken, resumed and gone."""

import json
import signal
import subprocess
import time

import pytest
from deploying import Folder, operations

PROGRAM = "sagemaker-access"


@pytest.fixture
def folder(server, tmp_path):
    return Folder(server, tmp_path)


def exists(call, **arguments):
    try:
        call(**arguments)
        return True
    except Exception as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 404, error
        return False


def buckets(server):
    return {bucket["Name"] for bucket in server.client("s3").list_buckets()["Buckets"]}


def roles(server):
    return {role["RoleName"] for role in server.client("iam").list_roles()["Roles"]}


def things(server):
    return buckets(server) | roles(server)


def test_the_reference_program_lives_its_life(server, folder):
    before = things(server)
    folder.copy_example(PROGRAM)
    planned = folder.preview()
    assert planned["changes"] == {"create": 5} and things(server) == before
    assert not (folder.path / ".pulumi").exists(), "a preview keeps nothing"

    made = folder.run("up", "--yes")
    assert "stack `dev` did not exist and was made" in made.stderr and "+ 5 created" in made.stdout
    outputs = json.loads(folder.run("stack", "output", "--json").stdout)
    bucket, role_arn = outputs["ml_data_bucket_name"], outputs["sagemaker_role_arn"]
    role = role_arn.split("/")[-1]
    assert bucket.startswith("ml-data-bucket-") and role.startswith("sagemaker_role-")
    assert folder.run("stack", "output", "ml_data_bucket_name").stdout.strip() == bucket
    policy = json.loads(server.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])
    assert policy["Statement"][0]["Principal"] == {"AWS": role_arn}
    attached = server.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert [item["PolicyName"] for item in attached] == ["AmazonSageMakerFullAccess"]

    again = folder.up()
    assert operations(again) == [] and again["changes"] == {"same": 5} and again["outputs"] == outputs
    refreshed = folder.run("refresh", "--yes")
    assert "4 read" in refreshed.stdout and operations(folder.up()) == []

    # The policy changes in place.
    folder.edit("__main__.py", '"Action": "s3:*"', '"Action": ["s3:GetObject", "s3:PutObject"]')
    shown = folder.run("preview").stdout
    assert "~ aws:s3/bucketPolicy:BucketPolicy ml_data_bucket_policy to update" in shown
    assert 'policy.Statement[0].Action: "s3:*" => ["s3:GetObject","s3:PutObject"]' in shown
    assert operations(folder.up()) == [("update", "ml_data_bucket_policy")]
    assert json.loads(server.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])["Statement"][0]["Action"] == ["s3:GetObject", "s3:PutObject"]

    # A new name replaces: the new role first, then what uses it, the old role last.
    folder.edit("__main__.py", '"sagemaker_role",\n', '"sagemaker_role",\n    name="chosen-by-hand",\n')
    done = operations(folder.up())
    assert ("replace", "sagemaker_role") in done and ("update", "ml_data_bucket_policy") in done and ("replace", "sagemaker_full_access") in done
    assert done.index(("create-replacement", "sagemaker_role")) < done.index(("update", "ml_data_bucket_policy")) < done.index(("delete-replaced", "sagemaker_role"))
    assert "chosen-by-hand" in roles(server) and role not in roles(server)
    policy = json.loads(server.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])
    assert policy["Statement"][0]["Principal"]["AWS"].endswith("role/chosen-by-hand")

    gone = folder.destroy()
    assert gone["changes"] == {"delete": 5} and things(server) == before
    assert folder.state("sagemaker-access")["resources"] == []
    assert folder.run("stack", "rm", "dev", "--yes").returncode == 0
    assert json.loads(folder.run("stack", "ls", "--json").stdout) == []


def test_the_yaml_twin(server, folder):
    before = things(server)
    folder.copy_example(PROGRAM + "-yaml")
    report = folder.up()
    assert report["changes"] == {"create": 5} and report["outputs"]["ml_data_bucket_name"] in buckets(server)
    assert operations(folder.up()) == []
    folder.edit("Pulumi.yaml", 'Action: "s3:*"', 'Action: "s3:GetObject"')
    assert operations(folder.up()) == [("update", "ml_data_bucket_policy")]
    folder.destroy()
    assert things(server) == before


def test_a_failure_half_way_is_resumed(server, folder):
    iam = server.client("iam")
    iam.create_role(RoleName="in-the-way", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))
    folder.python("""
import json, pulumi, pulumi_aws as aws
trust = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
bucket = aws.s3.Bucket("data")
role = aws.iam.Role("role", name="in-the-way", assume_role_policy=trust, opts=pulumi.ResourceOptions(depends_on=[bucket]))
aws.iam.RolePolicyAttachment("attached", role=role.name, policy_arn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
pulumi.export("bucket", bucket.bucket)
""")
    said = folder.fails("up", "--yes", "--skip-preview")
    assert "EntityAlreadyExists" in said and "__main__.py:6" in said and "Traceback" not in said
    state = folder.state()
    assert [resource["type"] for resource in state["resources"]][-1] == "aws:s3/bucket:Bucket" and "pending_operations" not in state
    iam.delete_role(RoleName="in-the-way")
    resumed = folder.up()
    assert operations(resumed) == [("create", "role"), ("create", "attached")] and resumed["outputs"]["bucket"] in buckets(server)
    folder.destroy()
    assert "in-the-way" not in roles(server)


def test_programs_that_die_have_nothing_deleted(server, folder):
    folder.python("import pulumi_aws as aws\naws.s3.Bucket('kept', bucket='kept-by-failure')\n")
    folder.up()
    folder.python("import pulumi\nprint('about to die')\nraise ValueError('of a mistake')\n")
    said = folder.fails("up", "--yes", "--skip-preview")
    assert "ValueError: of a mistake" in said and "__main__.py\", line 3" in said and "about to die" in said
    assert "kept-by-failure" in buckets(server)
    folder.destroy()


@pytest.mark.parametrize("line, message", [
    ("aws.ec2.Vpc('v', cidr_block='10.0.0.0/16')", "aws:ec2/vpc:Vpc is not supported"),
    ("aws.s3.Bucket('b', website={'index_document': 'i'})", "website"),
    ("aws.iam.Role('r', assume_role_policy='{')", "assumeRolePolicy"),
])
def test_mistakes_name_the_line(folder, line, message):
    folder.python(f"import pulumi_aws as aws\n\n{line}\n")
    for command in (["preview"], ["up", "--yes", "--skip-preview"]):
        said = folder.fails(*command)
        assert message in said and "at __main__.py:3" in said


def test_a_function_that_fails_is_the_programs_own_affair(server, folder):
    folder.python("""
import pulumi, pulumi_aws as aws

pulumi.export("image", aws.ec2.get_ami(most_recent=True).id)
""")
    said = folder.fails("preview")
    assert "invoking aws:ec2/getAmi:getAmi: unsupported" in said and "__main__.py\", line 4" in said
    folder.python("""
import pulumi, pulumi_aws as aws

try:
    image = aws.ec2.get_ami(most_recent=True).id
except Exception:
    image = "none"
pulumi.export("image", image)
""")
    assert folder.up()["outputs"] == {"image": "none"}
    folder.destroy()
    folder.yaml("outputs:\n  image:\n    fn::invoke:\n      function: aws:ec2:getAmi\n      return: id\n")
    said = folder.fails("preview")
    assert "invoking aws:ec2/getAmi:getAmi: unsupported" in said and "Pulumi.yaml:5: " in said


def test_killed_at_any_moment_the_next_run_goes_on(server, folder):
    before = things(server)
    resources = "".join(f"""
  role{i}: {{type: "aws:iam:Role", properties: {{assumeRolePolicy: "${{trust}}"}}}}
  bucket{i}: {{type: "aws:s3:Bucket"}}
  attached{i}:
    type: aws:iam:RolePolicyAttachment
    properties: {{role: "${{role{i}.name}}", policyArn: "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}}
""" for i in range(5))
    folder.yaml("""
variables:
  trust:
    fn::toJSON: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: "sts:AssumeRole"}]}
resources:""" + resources)
    killed = 0
    for delay in (0.02, 0.05, 0.08, 0.12, 0.2):
        process = folder.start("up", "--yes", "--skip-preview")
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        process.communicate()
    assert killed > 0
    folder.up()
    assert len(things(server) - before) == 10, "each role and bucket once: nothing lost, nothing made twice"
    assert operations(folder.up()) == []
    folder.destroy()
    assert things(server) == before


def test_an_interrupted_deployment_ends_in_order(server, folder):
    folder.python("""
import time, pulumi, pulumi_aws as aws
first = aws.s3.Bucket("first")
def wait(name):
    print("waiting", flush=True)
    time.sleep(30)
    return name
aws.s3.Bucket("second", bucket=first.bucket.apply(wait).apply(lambda name: name + "-second"))
""")
    process = folder.start("up", "--yes", "--skip-preview")
    for line in process.stdout:
        if "waiting" in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130 and "interrupted" in err and "Traceback" not in err
    state = folder.state()
    assert "pending_operations" not in state and any(resource["type"] == "aws:s3/bucket:Bucket" for resource in state["resources"])
    folder.destroy()


def test_one_deployment_of_a_stack_at_a_time(folder):
    folder.python("import time\nprint('waiting', flush=True)\ntime.sleep(30)\n")
    first = folder.start("up", "--yes", "--skip-preview")
    for line in first.stdout:
        if "waiting" in line:
            break
    said = folder.fails("up", "--yes")
    assert f"process {first.pid}" in said and "StackLocked" in said
    folder.run("up", "--yes", "--skip-preview", "--stack", "other", check=False, PULUMI_PYTHON_CMD="true", VIRTUAL_ENV="")
    first.send_signal(signal.SIGKILL)
    first.communicate()
    folder.python("")
    folder.up()


def test_secrets_stay_secret(server, folder):
    folder.yaml("""
resources:
  user: {type: "aws:iam:User"}
  key: {type: "aws:iam:AccessKey", properties: {user: "${user.name}"}}
outputs:
  id: ${key.id}
  secret: ${key.secret}
""")
    said = folder.fails("up", "--yes", "--skip-preview")
    assert "PULUMI_CONFIG_PASSPHRASE" in said
    users = {user["UserName"] for user in server.client("iam").list_users()["Users"]}
    assert all(not server.client("iam").list_access_keys(UserName=user)["AccessKeyMetadata"] for user in users if user.startswith("user-"))
    passphrase = {"PULUMI_CONFIG_PASSPHRASE": "correct horse"}
    report = folder.up(**passphrase)
    assert report["outputs"]["secret"] == "[secret]"
    secret = folder.run("stack", "output", "secret", "--show-secrets", **passphrase).stdout.strip()
    from conftest import Credentials
    identity = server.client_as(Credentials(report["outputs"]["id"], secret), "sts").get_caller_identity()
    assert ":user/user-" in identity["Arn"]
    everything = b"".join(path.read_bytes() for path in folder.path.rglob("*") if path.is_file())
    assert secret.encode() not in everything
    assert folder.state()["secrets_providers"]["type"] == "passphrase"
    assert "encryptionsalt: v1:" in (folder.path / "Pulumi.dev.yaml").read_text()
    assert "IncorrectPassphrase" in folder.fails("up", "--yes", PULUMI_CONFIG_PASSPHRASE="wrong")
    assert operations(folder.up(**passphrase)) == []

    # Into a stack with a salt and secrets of its own: both keep opening.
    export = folder.run("stack", "export").stdout
    elsewhere = {**passphrase, "PULUMI_BACKEND_URL": f"file://{folder.path}/elsewhere"}
    (folder.path / "Pulumi.dev.yaml").unlink()
    folder.run("config", "set", "--secret", "mine", "own", **elsewhere)
    subprocess.run(folder.command("stack", "import"), input=export, cwd=folder.path, env={**folder.environment, **elsewhere}, text=True, check=True)
    assert operations(folder.up(**elsewhere)) == []
    assert folder.run("config", "get", "mine", **elsewhere).stdout == "own\n"
    assert folder.run("stack", "output", "secret", "--show-secrets", **elsewhere).stdout.strip() == secret
    folder.destroy(**elsewhere)


def test_configuration(server, folder):
    folder.python("""
import pulumi
config = pulumi.Config()
pulumi.export("name", config.require("name"))
pulumi.export("size", config.get_int("size") + 1)
pulumi.export("nested", config.require_object("nested"))
pulumi.export("pass", config.require_secret("pass"))
pulumi.export("region", pulumi.Config("aws").get("region"))
""")
    passphrase = {"PULUMI_CONFIG_PASSPHRASE": "x"}
    folder.run("config", "set", "name", "value with: colon")
    folder.run("config", "set", "size", "41")
    folder.run("config", "set", "aws:region", "us-east-1")
    folder.run("config", "set", "--secret", "pass", "word", **passphrase)
    with open(folder.path / "Pulumi.dev.yaml", "a") as file:
        file.write("  demo:nested: {a: [1, two]}\n")
    assert folder.run("config", "get", "name").stdout == "value with: colon\n"
    assert folder.run("config", "get", "pass", **passphrase).stdout == "word\n"
    listed = json.loads(folder.run("config", "ls", "--json").stdout)
    assert listed["demo:pass"] == {"secret": True} and listed["demo:size"] == {"value": "41", "secret": False}
    outputs = folder.up(**passphrase)["outputs"]
    assert outputs == {"name": "value with: colon", "size": 42, "nested": {"a": [1, "two"]}, "pass": "[secret]", "region": "us-east-1"}
    assert "demo:name" not in folder.run("config", "rm", "name").stdout
    assert "NoSuchConfig" in folder.fails("config", "get", "name")


def test_state_moves_out_and_in(server, folder):
    folder.copy_example(PROGRAM + "-yaml")
    folder.up()
    export = folder.run("stack", "export").stdout
    deployment = json.loads(export)
    assert deployment["version"] == 3
    resources = deployment["deployment"]["resources"]
    seen = set()
    for resource in resources:
        for need in [*resource.get("dependencies", []), resource.get("parent"), resource.get("provider", "").rpartition("::")[0]]:
            assert not need or need in seen, f"{resource['urn']} stands before {need}"
        seen.add(resource["urn"])
    elsewhere = {"PULUMI_BACKEND_URL": f"file://{folder.path}/elsewhere"}
    subprocess.run(folder.command("stack", "import"), input=export, cwd=folder.path, env={**folder.environment, **elsewhere}, text=True, check=True)
    assert operations(folder.up(**elsewhere)) == []
    assert (folder.path / "elsewhere/.pulumi/stacks/sagemaker-access-yaml/dev.json").exists()
    folder.destroy(**elsewhere)


def test_explicit_providers_functions_and_reading(server, folder):
    folder.python(f"""
import json, pulumi, pulumi_aws as aws
here = aws.Provider("here", region="us-east-1", access_key="{server.root.access_key_id}", secret_key="{server.root.secret_access_key}",
                    skip_credentials_validation=True, endpoints=[{{"s3": "{server.endpoint}", "iam": "{server.endpoint}", "sts": "{server.endpoint}"}}])
mine = pulumi.ResourceOptions(provider=here)
bucket = aws.s3.Bucket("explicit", force_destroy=True, opts=mine)
aws.s3.BucketObjectv2("hello", bucket=bucket, key="hello.txt", source=pulumi.StringAsset("hello"), opts=mine)
pulumi.export("account", aws.get_caller_identity(opts=pulumi.InvokeOptions(provider=here)).account_id)
document = aws.iam.get_policy_document_output(statements=[{{"actions": ["s3:GetObject"], "resources": [bucket.arn.apply(lambda arn: arn + "/*")]}}],
                                              opts=pulumi.InvokeOptions(provider=here))
pulumi.export("document", document.json)
pulumi.export("bucket", bucket.bucket)
""")
    environment = {name: "" for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    assert "PULUMI_CONFIG_PASSPHRASE" in folder.fails("up", "--yes", "--skip-preview", **environment), "the provider's keys are secrets"
    environment["PULUMI_CONFIG_PASSPHRASE"] = ""
    report = folder.up(**environment)
    assert report["outputs"]["account"] == server.account
    assert json.loads(report["outputs"]["document"])["Statement"][0]["Action"] == "s3:GetObject"
    bucket = report["outputs"]["bucket"]
    assert server.client("s3").get_object(Bucket=bucket, Key="hello.txt")["Body"].read() == b"hello"
    assert operations(folder.up(**environment)) == []
    folder.destroy(**environment)
    assert bucket not in buckets(server)


def test_reading_what_others_made(server, folder):
    server.client("s3").create_bucket(Bucket="made-by-others")
    folder.python("""
import pulumi, pulumi_aws as aws
found = aws.s3.Bucket.get("found", "made-by-others")
pulumi.export("arn", found.arn)
""")
    assert folder.up()["outputs"]["arn"] == "arn:aws:s3:::made-by-others"
    folder.destroy()
    assert "made-by-others" in buckets(server), "what was only read is not deleted"


def test_stack_references(folder):
    folder.python("import pulumi\npulumi.export('value', {'a': 1})\n")
    folder.up("--stack", "base")
    folder.python("""
import pulumi
base = pulumi.StackReference("organization/demo/base")
pulumi.export("copied", base.require_output("value"))
""")
    assert folder.up("--stack", "user")["outputs"] == {"copied": {"a": 1}}
    assert {stack["name"] for stack in json.loads(folder.run("stack", "ls", "--json").stdout)} == {"base", "user"}
