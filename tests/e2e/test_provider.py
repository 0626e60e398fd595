"""The aws provider against a real server: every resource type made, changed, replaced, drifted, imported and deleted.

Programs are YAML, so that a case needs no language process: what is tried here is what happens to resources, not how programs run.
"""

import copy
import json

import botocore.exceptions
import pytest
import yaml

TRUST = {"Version": "2012-10-17",
         "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}]}
READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


class Program:
    """A YAML program in a folder of its own, and the commands that run it."""

    def __init__(self, server, folder, name):
        self.server = server
        self.folder = folder
        self.name = name
        self.resources = {}
        self.rest = {}

    def write(self):
        self.folder.mkdir(exist_ok=True)
        text = {"name": self.name, "runtime": "yaml", "resources": self.resources, **self.rest}
        (self.folder / "Pulumi.yaml").write_text(yaml.safe_dump(text, sort_keys=False))

    def run(self, command, *arguments, check=True):
        self.write()
        yes = [] if command in ("preview", "stack") else ["--yes"]
        done = self.server.trainwarden(command, *yes, "--json", "-C", self.folder, *arguments, check=False)
        assert done.stdout, done.stderr
        result = json.loads(done.stdout)
        result["text"] = done.stdout + done.stderr
        assert not check or done.returncode == 0, result["text"]
        assert check or done.returncode != 0, "this should have failed"
        return result

    def up(self, *arguments, **options):
        return self.run("up", *arguments, **options)

    def ops(self, result):
        """{logical name: operation} of the steps that did something."""
        return {step["name"]: step["op"] for step in result["steps"] if step["op"] != "same" and step["type"] != "pulumi:pulumi:Stack"}

    def id(self, name):
        return next(step["id"] for step in self.up()["steps"] if step["name"] == name)


@pytest.fixture
def program(server, tmp_path, request):
    made = Program(server, tmp_path / "program", request.node.name.replace("_", "-")[:40])
    server.environment["PULUMI_CONFIG_PASSPHRASE"] = "of a test"
    yield made
    if (made.folder / "Pulumi.yaml").exists():
        server.trainwarden("destroy", "--yes", "-C", made.folder, check=False)


def role(**properties):
    return {"type": "aws:iam:Role", "properties": {"assumeRolePolicy": TRUST, **properties}}


def test_every_type_is_made_settles_and_goes(server, program):
    (program.folder).mkdir()
    (program.folder / "data.txt").write_text("from a file\n")
    bucket_arn = "${data.arn}"
    program.rest = {
        "variables": {"me": {"fn::invoke": {"function": "aws:getCallerIdentity", "return": "accountId"}},
                      "doc": {"fn::invoke": {"function": "aws:iam:getPolicyDocument", "return": "json",
                                             "arguments": {"statements": [{"actions": ["s3:GetObject"], "resources": [bucket_arn + "/*"]}]}}}},
        "outputs": {"account": "${me}", "secret": "${key.secret}", "doc": "${doc}"},
    }
    program.resources = {
        "worker": role(path="/ml/", description="Trains", maxSessionDuration=7200, tags={"team": "vision"}),
        "inline": {"type": "aws:iam:RolePolicy", "properties": {"role": "${worker.id}", "policy": "${doc}"}},
        "readers": {"type": "aws:iam:Policy", "properties": {"policy": READ, "path": "/ml/", "description": "d", "tags": {"a": "b"}}},
        "attached": {"type": "aws:iam:RolePolicyAttachment", "properties": {"role": "${worker.name}", "policyArn": "${readers.arn}"}},
        "ann": {"type": "aws:iam:User", "properties": {"path": "/people/", "tags": {"a": "b"}}},
        "key": {"type": "aws:iam:AccessKey", "properties": {"user": "${ann.name}"}},
        "reads": {"type": "aws:iam:UserPolicy", "properties": {"user": "${ann.name}", "policy": READ}},
        "annattached": {"type": "aws:iam:UserPolicyAttachment", "properties": {"user": "${ann.name}", "policyArn": READ_ONLY}},
        "data": {"type": "aws:s3:Bucket", "properties": {"forceDestroy": True, "tags": {"team": "vision"}}},
        "old": {"type": "aws:s3:BucketV2", "properties": {"bucketPrefix": "old-"}},
        "block": {"type": "aws:s3:BucketPublicAccessBlock",
                  "properties": {"bucket": "${data.id}", "blockPublicAcls": True, "blockPublicPolicy": True}},
        "owner": {"type": "aws:s3:BucketOwnershipControls",
                  "properties": {"bucket": "${data.id}", "rule": {"objectOwnership": "BucketOwnerEnforced"}}},
        "versions": {"type": "aws:s3:BucketVersioning",
                     "properties": {"bucket": "${data.id}", "versioningConfiguration": {"status": "Suspended"}}},
        "versionsold": {"type": "aws:s3:BucketVersioningV2",
                        "properties": {"bucket": "${old.id}", "versioningConfiguration": {"status": "Disabled"}}},
        "guard": {"type": "aws:s3:BucketPolicy", "properties": {"bucket": "${data}", "policy": {
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Principal": {"AWS": ["${worker.arn}", "${me}"]}, "Action": "s3:*", "Resource": bucket_arn + "/*"}}}},
        "text": {"type": "aws:s3:BucketObject", "properties": {"bucket": "${data.id}", "key": "docs/read me.txt", "content": "hello",
                                                               "contentType": "text/plain", "metadata": {"a": "b"}}},
        "file": {"type": "aws:s3:BucketObjectv2", "properties": {"bucket": "${data.id}", "source": {"fn::fileAsset": "./data.txt"}}},
    }
    made = program.up()
    assert set(program.ops(made).values()) == {"create"}
    assert len(program.ops(made)) == len(program.resources)
    ids = {step["name"]: step["id"] for step in made["steps"] if "id" in step}

    s3, iam = server.client("s3"), server.client("iam")
    held = s3.get_object(Bucket=ids["data"], Key="docs/read me.txt")
    assert (held["Body"].read(), held["ContentType"], held["Metadata"]) == (b"hello", "text/plain", {"a": "b"})
    assert s3.get_object(Bucket=ids["data"], Key="file")["Body"].read() == b"from a file\n"
    assert s3.get_bucket_tagging(Bucket=ids["data"])["TagSet"] == [{"Key": "team", "Value": "vision"}]
    assert iam.get_role(RoleName=ids["worker"])["Role"]["MaxSessionDuration"] == 7200
    assert made["outputs"]["account"] == server.account
    assert json.loads(made["outputs"]["doc"])["Statement"][0]["Resource"] == f"arn:aws:s3:::{ids['data']}/*"

    # The key is real, and its secret is nobody's to see.
    secret = json.loads(server.trainwarden("stack", "output", "--json", "--show-secrets", "-C", program.folder).stdout)["secret"]
    assert secret not in made["text"]
    assert secret not in "".join(path.read_text() for path in program.folder.rglob("*.json"))
    ann = {"AccessKeyId": ids["key"], "SecretAccessKey": secret}
    assert server.client_as(ann, "sts").get_caller_identity()["Arn"].endswith("/people/" + ids["ann"])

    assert program.ops(program.up()) == {}, "a second up changes nothing"
    refreshed = program.run("refresh")
    assert all("changed" not in step and "diff" not in step for step in refreshed["steps"]), refreshed["text"]
    assert program.ops(program.up()) == {}, "nor does one after a refresh"
    again = json.loads(server.trainwarden("stack", "output", "--json", "--show-secrets", "-C", program.folder).stdout)["secret"]
    assert again == secret, "a refresh cannot read the secret again, and keeps it"

    program.run("destroy")
    with pytest.raises(botocore.exceptions.ClientError):
        s3.head_bucket(Bucket=ids["data"])
    for listing, key, name in [("list_roles", "Roles", "RoleName"), ("list_users", "Users", "UserName")]:
        assert not {entry[name] for entry in getattr(iam, listing)()[key]} & set(ids.values())


def test_changes_happen_in_place(server, program):
    program.resources = {
        "worker": role(description="one", tags={"keep": "1", "drop": "2"}),
        "inline": {"type": "aws:iam:RolePolicy", "properties": {"role": "${worker.name}", "policy": READ}},
        "readers": {"type": "aws:iam:Policy", "properties": {"policy": READ}},
        "ann": {"type": "aws:iam:User", "properties": {}},
        "key": {"type": "aws:iam:AccessKey", "properties": {"user": "${ann.name}"}},
        "data": {"type": "aws:s3:Bucket", "properties": {"tags": {"a": "1"}, "forceDestroy": True}},
        "block": {"type": "aws:s3:BucketPublicAccessBlock", "properties": {"bucket": "${data.id}", "blockPublicAcls": True}},
        "text": {"type": "aws:s3:BucketObject", "properties": {"bucket": "${data.id}", "key": "k", "content": "one"}},
    }
    ids = {step["name"]: step["id"] for step in program.up()["steps"] if "id" in step}
    write = copy.deepcopy(READ)
    write["Statement"][0]["Action"] = ["s3:PutObject"]
    trust = copy.deepcopy(TRUST)
    trust["Statement"][0]["Principal"] = {"AWS": server.account}
    program.resources["worker"]["properties"].update(description="two", maxSessionDuration=7200, assumeRolePolicy=trust,
                                                     tags={"keep": "1", "new": "3"}, permissionsBoundary=READ_ONLY)
    program.resources["inline"]["properties"]["policy"] = write
    program.resources["readers"]["properties"].update(policy=write, tags={"a": "b"})
    program.resources["ann"]["properties"].update(path="/moved/", tags={"a": "b"})
    program.resources["key"]["properties"]["status"] = "Inactive"
    program.resources["data"]["properties"]["tags"] = {"b": "2"}
    program.resources["block"]["properties"].update(blockPublicAcls=False, ignorePublicAcls=True)
    program.resources["text"]["properties"].update(content="two", tags={"k": "v"}, contentType="text/plain")
    assert program.ops(program.up()) == {name: "update" for name in program.resources}

    iam, s3 = server.client("iam"), server.client("s3")
    live = iam.get_role(RoleName=ids["worker"])["Role"]
    assert (live["Description"], live["MaxSessionDuration"]) == ("two", 7200)
    assert live["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY
    assert live["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"AWS": server.account}
    assert {tag["Key"]: tag["Value"] for tag in live["Tags"]} == {"keep": "1", "new": "3"}
    name = ids["inline"].split(":")[1]
    assert iam.get_role_policy(RoleName=ids["worker"], PolicyName=name)["PolicyDocument"] == write
    version = iam.get_policy(PolicyArn=ids["readers"])["Policy"]["DefaultVersionId"]
    assert iam.get_policy_version(PolicyArn=ids["readers"], VersionId=version)["PolicyVersion"]["Document"] == write
    assert iam.get_user(UserName=ids["ann"])["User"]["Path"] == "/moved/"
    assert iam.list_access_keys(UserName=ids["ann"])["AccessKeyMetadata"][0]["Status"] == "Inactive"
    assert s3.get_bucket_tagging(Bucket=ids["data"])["TagSet"] == [{"Key": "b", "Value": "2"}]
    block = s3.get_public_access_block(Bucket=ids["data"])["PublicAccessBlockConfiguration"]
    assert (block["BlockPublicAcls"], block["IgnorePublicAcls"]) == (False, True)
    assert s3.get_object(Bucket=ids["data"], Key="k")["Body"].read() == b"two"

    # What the program no longer says falls back to what the service assumes.
    for properties in (program.resources["worker"]["properties"], program.resources["data"]["properties"]):
        for gone in ("tags", "description", "permissionsBoundary", "maxSessionDuration"):
            properties.pop(gone, None)
    assert program.ops(program.up()) == {"worker": "update", "data": "update"}
    live = iam.get_role(RoleName=ids["worker"])["Role"]
    assert (live.get("Tags", []), live.get("PermissionsBoundary"), live["MaxSessionDuration"]) == ([], None, 3600)
    assert program.ops(program.up()) == {}


def test_a_policy_changes_more_often_than_iam_keeps_versions(server, program):
    program.resources = {"readers": {"type": "aws:iam:Policy", "properties": {"policy": copy.deepcopy(READ)}}}
    program.up()
    for number in range(6):
        program.resources["readers"]["properties"]["policy"]["Statement"][0]["Resource"] = f"arn:aws:s3:::bucket-{number}/*"
        assert program.ops(program.up()) == {"readers": "update"}
    arn = program.id("readers")
    versions = server.client("iam").list_policy_versions(PolicyArn=arn)["Versions"]
    assert len(versions) == 5
    assert next(version["VersionId"] for version in versions if version["IsDefaultVersion"]) == "v7"


def test_the_same_policy_in_other_words_is_no_change(program):
    program.resources = {"worker": role(), "inline": {"type": "aws:iam:RolePolicy", "properties": {"role": "${worker.name}", "policy": READ}}}
    program.up()
    program.resources["inline"]["properties"]["policy"] = json.dumps(
        {"Statement": {"Resource": ["*"], "Action": ["s3:ListBucket", "s3:getobject"], "Effect": "Allow"}, "Version": "2012-10-17"}, indent=3)
    program.resources["worker"]["properties"]["assumeRolePolicy"] = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Principal": {"Service": ["sagemaker.amazonaws.com"]}, "Effect": "Allow",
                                                "Action": ["sts:AssumeRole"]}]})
    assert program.ops(program.up()) == {}


def test_an_automatic_name_lets_the_successor_come_first(server, program):
    program.resources = {
        "worker": role(path="/one/"),
        "attached": {"type": "aws:iam:RolePolicyAttachment", "properties": {"role": "${worker.name}", "policyArn": READ_ONLY}},
        "inline": {"type": "aws:iam:RolePolicy", "properties": {"role": "${worker.name}", "policy": READ}},
    }
    before = program.up()
    first = next(step["id"] for step in before["steps"] if step["name"] == "worker")
    program.resources["worker"]["properties"]["path"] = "/two/"
    program.up()
    second = program.id("worker")
    iam = server.client("iam")
    assert second != first
    assert iam.get_role(RoleName=second)["Role"]["Path"] == "/two/"
    assert [entry["PolicyArn"] for entry in iam.list_attached_role_policies(RoleName=second)["AttachedPolicies"]] == [READ_ONLY]
    assert len(iam.list_role_policies(RoleName=second)["PolicyNames"]) == 1
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName=first)


def test_a_given_name_makes_the_old_resource_go_first(server, program):
    program.resources = {
        "worker": role(name="a-worker-with-a-name", path="/one/"),
        "attached": {"type": "aws:iam:RolePolicyAttachment", "properties": {"role": "${worker.name}", "policyArn": READ_ONLY}},
    }
    program.up()
    program.resources["worker"]["properties"]["path"] = "/two/"
    program.up()
    iam = server.client("iam")
    assert iam.get_role(RoleName="a-worker-with-a-name")["Role"]["Path"] == "/two/"
    assert [entry["PolicyArn"] for entry in iam.list_attached_role_policies(RoleName="a-worker-with-a-name")["AttachedPolicies"]] == [READ_ONLY]
    assert program.ops(program.up()) == {}


def test_drift_is_found_and_mended(server, program):
    program.resources = {
        "worker": role(description="ours"),
        "attached": {"type": "aws:iam:RolePolicyAttachment", "properties": {"role": "${worker.name}", "policyArn": READ_ONLY}},
        "data": {"type": "aws:s3:Bucket", "properties": {}},
        "guard": {"type": "aws:s3:BucketPolicy", "properties": {"bucket": "${data.id}", "policy": {
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "${worker.arn}"}, "Action": "s3:*",
                                                    "Resource": "${data.arn}/*"}]}}},
    }
    ids = {step["name"]: step["id"] for step in program.up()["steps"] if "id" in step}
    iam, s3 = server.client("iam"), server.client("s3")
    iam.update_role(RoleName=ids["worker"], Description="theirs")
    iam.tag_role(RoleName=ids["worker"], Tags=[{"Key": "by", "Value": "hand"}])
    iam.detach_role_policy(RoleName=ids["worker"], PolicyArn=READ_ONLY)
    open_to_all = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": server.account}, "Action": "s3:GetObject",
                                                           "Resource": f"arn:aws:s3:::{ids['data']}/*"}]}
    s3.put_bucket_policy(Bucket=ids["data"], Policy=json.dumps(open_to_all))
    program.run("refresh")
    mended = program.ops(program.up())
    assert mended == {"worker": "update", "attached": "create", "guard": "update"}
    live = iam.get_role(RoleName=ids["worker"])["Role"]
    assert (live["Description"], live.get("Tags", [])) == ("ours", [])
    assert json.loads(s3.get_bucket_policy(Bucket=ids["data"])["Policy"])["Statement"][0]["Action"] == "s3:*"

    s3.delete_bucket(Bucket=ids["data"])
    program.run("refresh")
    assert program.ops(program.up())["data"] == "create"
    assert program.ops(program.up()) == {}


def test_what_exists_is_imported(server, program):
    iam, s3 = server.client("iam"), server.client("s3")
    iam.create_role(RoleName="from-before", Path="/old/", AssumeRolePolicyDocument=json.dumps(TRUST), Description="by hand")
    iam.attach_role_policy(RoleName="from-before", PolicyArn=READ_ONLY)
    iam.put_role_policy(RoleName="from-before", PolicyName="reads", PolicyDocument=json.dumps(READ))
    s3.create_bucket(Bucket="bucket-from-before")
    s3.put_object(Bucket="bucket-from-before", Key="a/b", Body=b"x")

    def imported(resource, identifier):
        return {**resource, "options": {"import": identifier}}

    program.resources = {
        "worker": imported(role(name="from-before", path="/old/", description="by hand"), "from-before"),
        "attached": imported({"type": "aws:iam:RolePolicyAttachment", "properties": {"role": "from-before", "policyArn": READ_ONLY}},
                             "from-before/" + READ_ONLY),
        "inline": imported({"type": "aws:iam:RolePolicy", "properties": {"role": "from-before", "name": "reads", "policy": READ}},
                           "from-before:reads"),
        "data": imported({"type": "aws:s3:Bucket", "properties": {"bucket": "bucket-from-before"}}, "bucket-from-before"),
    }
    assert set(program.ops(program.up()).values()) == {"import"}
    for resource in program.resources.values():
        del resource["options"]
    assert program.ops(program.up()) == {}
    s3.delete_object(Bucket="bucket-from-before", Key="a/b")


BAD = {
    "unknown property": ({"type": "aws:s3:Bucket", "properties": {"colour": "red"}}, "colour"),
    "unsupported property": ({"type": "aws:s3:Bucket", "properties": {"website": {"indexDocument": "i"}}}, "website"),
    "unknown type": ({"type": "aws:ec2:Vpc", "properties": {"cidrBlock": "10.0.0.0/8"}}, "aws:ec2"),
    "missing property": ({"type": "aws:iam:RolePolicyAttachment", "properties": {"role": "r"}}, "policyArn"),
    "bad bucket name": ({"type": "aws:s3:Bucket", "properties": {"bucket": "My_Bucket"}}, "is not a bucket name"),
    "bad document": (role(assumeRolePolicy="{not json"), "assumeRolePolicy"),
    "bad policy": (role(assumeRolePolicy={"Version": "2012-10-17", "Statement": [{"Effect": "Maybe"}]}), "assumeRolePolicy"),
    "bad kind": (role(maxSessionDuration="soon"), "maxSessionDuration"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_inputs_are_refused_before_anything_is_made(server, program, case):
    resource, named = BAD[case]
    program.resources = {"bad": resource}
    roles = {entry["RoleName"] for entry in server.client("iam").list_roles()["Roles"]}
    buckets = {entry["Name"] for entry in server.client("s3").list_buckets()["Buckets"]}
    result = program.run("preview", check=False)
    assert named in result["text"]
    program.up(check=False)
    assert {entry["RoleName"] for entry in server.client("iam").list_roles()["Roles"]} == roles
    assert {entry["Name"] for entry in server.client("s3").list_buckets()["Buckets"]} == buckets


def test_a_bucket_that_exists_is_not_taken_over(server, program):
    server.client("s3").create_bucket(Bucket="somebody-elses-bucket")
    program.resources = {"data": {"type": "aws:s3:Bucket", "properties": {"bucket": "somebody-elses-bucket"}}}
    assert "BucketAlreadyOwnedByYou" in program.up(check=False)["text"]
    server.trainwarden("destroy", "--yes", "-C", program.folder, check=False)
    server.client("s3").head_bucket(Bucket="somebody-elses-bucket")


def test_a_full_bucket_says_what_to_do(server, program):
    program.resources = {"data": {"type": "aws:s3:Bucket", "properties": {}}}
    program.up()
    bucket = program.id("data")
    server.client("s3").put_object(Bucket=bucket, Key="precious", Body=b"data")
    refused = program.run("destroy", check=False)
    assert "BucketNotEmpty" in refused["text"] and "forceDestroy" in refused["text"]
    program.resources["data"]["properties"]["forceDestroy"] = True
    program.up()
    program.run("destroy")
    with pytest.raises(botocore.exceptions.ClientError):
        server.client("s3").head_bucket(Bucket=bucket)


def test_a_role_with_strange_policies_says_what_to_do(server, program):
    program.resources = {"worker": role()}
    program.up()
    name = program.id("worker")
    server.client("iam").attach_role_policy(RoleName=name, PolicyArn=READ_ONLY)
    refused = program.run("destroy", check=False)
    assert "DeleteConflict" in refused["text"] and "forceDetachPolicies" in refused["text"]
    program.resources["worker"]["properties"]["forceDetachPolicies"] = True
    program.up()
    program.run("destroy")


def test_a_refusal_names_the_property_and_leaves_a_state_to_go_on_from(server, program):
    stranger = "arn:aws:iam::" + server.account + ":role/nobody"
    program.resources = {
        "data": {"type": "aws:s3:Bucket", "properties": {}},
        "guard": {"type": "aws:s3:BucketPolicy", "properties": {"bucket": "${data.id}", "policy": {
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": stranger}, "Action": "s3:*",
                                                    "Resource": "${data.arn}/*"}]}}},
    }
    failed = program.up(check=False)
    assert "MalformedPolicy" in failed["text"] and "property `policy`" in failed["text"]
    program.resources["guard"]["properties"]["policy"]["Statement"][0]["Principal"] = {"AWS": server.account}
    assert program.ops(program.up()) == {"guard": "create"}


def test_a_program_may_ask_for_what_it_is_about_to_make(program):
    program.resources = {"worker": role(), "seen": {"type": "aws:iam:Role", "get": {"id": "${worker.name}"}}}
    program.rest = {"outputs": {"made": "${worker.arn}", "seen": "${seen.arn}"}}
    previewed = program.run("preview")["outputs"]
    assert previewed["made"] == previewed["seen"]
    made = program.up()["outputs"]
    assert made["made"] == made["seen"]
    program.resources["seen"]["get"]["id"] = "never-made"
    assert "never-made" in program.run("preview", check=False)["text"]
