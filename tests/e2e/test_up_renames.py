"""A policy under another name in the program is the same policy in the world."""

import json

import pytest
from deploying import Folder, operations

TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
OWN = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"

# Of each type that is made by writing it: its name in a program, its properties, what is there when it is there.
SETTINGS = {
    "bucketPolicy": ("aws:s3:BucketPolicy", {"bucket": "${bucket.bucket}", "policy": json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObjectAcl", "Resource": "arn:aws:s3:::renamed-bucket/*"}]})},
        lambda s3, iam: "Policy" in s3.get_bucket_policy(Bucket="renamed-bucket")),
    "publicAccessBlock": ("aws:s3:BucketPublicAccessBlock", {"bucket": "${bucket.bucket}", "blockPublicAcls": True},
                          lambda s3, iam: s3.get_public_access_block(Bucket="renamed-bucket")["PublicAccessBlockConfiguration"]["BlockPublicAcls"]),
    "ownership": ("aws:s3:BucketOwnershipControls", {"bucket": "${bucket.bucket}", "rule": {"objectOwnership": "BucketOwnerEnforced"}},
                  lambda s3, iam: s3.get_bucket_ownership_controls(Bucket="renamed-bucket")["OwnershipControls"]["Rules"] != []),
    "object": ("aws:s3:BucketObjectv2", {"bucket": "${bucket.bucket}", "key": "k", "content": "c"},
               lambda s3, iam: s3.head_object(Bucket="renamed-bucket", Key="k")["ContentLength"] == 1),
    "rolePolicy": ("aws:iam:RolePolicy", {"role": "${role.name}", "name": "p", "policy": json.dumps(READ)},
                   lambda s3, iam: iam.get_role_policy(RoleName="renamed-role", PolicyName="p")["PolicyName"] == "p"),
    "roleAttachment": ("aws:iam:RolePolicyAttachment", {"role": "${role.name}", "policyArn": OWN},
                       lambda s3, iam: iam.list_attached_role_policies(RoleName="renamed-role")["AttachedPolicies"][0]["PolicyArn"] == OWN),
    "userPolicy": ("aws:iam:UserPolicy", {"user": "${user.name}", "name": "p", "policy": json.dumps(READ)},
                   lambda s3, iam: iam.get_user_policy(UserName="renamed-user", PolicyName="p")["PolicyName"] == "p"),
    "userAttachment": ("aws:iam:UserPolicyAttachment", {"user": "${user.name}", "policyArn": OWN},
                       lambda s3, iam: iam.list_attached_user_policies(UserName="renamed-user")["AttachedPolicies"][0]["PolicyArn"] == OWN),
}


@pytest.fixture
def folder(server, tmp_path):
    return Folder(server, tmp_path)


def program(names):
    resources = {"bucket": {"type": "aws:s3:Bucket", "properties": {"bucket": "renamed-bucket", "forceDestroy": True}},
                 "role": {"type": "aws:iam:Role", "properties": {"name": "renamed-role", "assumeRolePolicy": json.dumps(TRUST)}},
                 "user": {"type": "aws:iam:User", "properties": {"name": "renamed-user"}}}
    for setting, name in names.items():
        kind, properties, _ = SETTINGS[setting]
        resources[name] = {"type": kind, "properties": properties}
    return "resources: " + json.dumps(resources) + "\n"


def standing(server):
    return {name for name, (_, _, stands) in SETTINGS.items() if stands(server.client("s3"), server.client("iam"))}


def test_renamed_settings_stay(server, folder):
    before = {setting: setting for setting in SETTINGS}
    after = {setting: setting + "Renamed" for setting in SETTINGS}
    folder.yaml(program(before))
    folder.up()
    assert standing(server) == set(SETTINGS)
    folder.yaml(program(after))
    planned = operations(folder.preview())
    done = folder.up()
    assert sorted(operations(done)) == sorted(planned) == sorted([("create", name) for name in after.values()] + [("forget", name) for name in before])
    assert standing(server) == set(SETTINGS), "nothing was taken away"
    reasons = {step["name"]: step["reason"] for step in done["steps"] if step["op"] == "forget"}
    assert reasons["bucketPolicy"] == "`bucketPolicyRenamed` holds it"
    assert operations(folder.up()) == []
    assert all(step["op"] == "refresh" and "changed" not in step for step in json.loads(folder.run("refresh", "--yes", "--json").stdout)["steps"])
    # Letting go of the last name is the end of it.
    folder.yaml(program({}))
    assert {op for op, _ in operations(folder.up())} == {"delete"}
    with pytest.raises(server.client("s3").exceptions.ClientError, match="NoSuchBucketPolicy"):
        server.client("s3").get_bucket_policy(Bucket="renamed-bucket")
    assert server.client("iam").list_attached_role_policies(RoleName="renamed-role")["AttachedPolicies"] == []
    assert server.client("iam").list_user_policies(UserName="renamed-user")["PolicyNames"] == []
    folder.destroy()


def test_a_policy_that_moves_into_its_bearer_stays(server, folder):
    folder.yaml(program({name: name for name in ("bucketPolicy", "rolePolicy", "roleAttachment")}))
    folder.up()
    bucket = {"bucket": "renamed-bucket", "policy": SETTINGS["bucketPolicy"][1]["policy"]}
    role = {"name": "renamed-role", "assumeRolePolicy": json.dumps(TRUST), "managedPolicyArns": [OWN],
            "inlinePolicies": [{"name": "p", "policy": json.dumps(READ)}]}
    folder.yaml("resources: " + json.dumps({"bucket": {"type": "aws:s3:Bucket", "properties": bucket}, "role": {"type": "aws:iam:Role", "properties": role}}) + "\n")
    done = operations(folder.up())
    assert {name for op, name in done if op == "forget"} == {"bucketPolicy", "rolePolicy", "roleAttachment"}
    s3, iam = server.client("s3"), server.client("iam")
    for name in ("bucketPolicy", "rolePolicy", "roleAttachment"):
        assert SETTINGS[name][2](s3, iam), name
    folder.destroy()


def test_a_policy_of_another_account_is_another_policy(server, folder):
    """Two providers: what one's role is called says nothing about the other's, and one endpoint with one account is one place."""
    keys = f'access_key="{server.root.access_key_id}", secret_key="{server.root.secret_access_key}"'
    text = """
import json, pulumi, pulumi_aws as aws
there = aws.Provider("there", region="us-east-1", KEYS, endpoints=[{"s3": "ENDPOINT", "iam": "ENDPOINT", "sts": "ENDPOINT"}])
role = aws.iam.Role("role", name="renamed-role", assume_role_policy=json.dumps(TRUST))
aws.iam.RolePolicyAttachment("NAME", role=role.name, policy_arn="OWN", opts=pulumi.ResourceOptions(provider=PROVIDER))
""".replace("KEYS", keys).replace("ENDPOINT", server.endpoint).replace("TRUST", repr(TRUST)).replace("OWN", OWN)
    passphrase = {"PULUMI_CONFIG_PASSPHRASE": ""}
    folder.python(text.replace("NAME", "before").replace("PROVIDER", "None"))
    folder.up(**passphrase)
    folder.python(text.replace("NAME", "after").replace("PROVIDER", "there"))
    assert ("forget", "before") in operations(folder.up(**passphrase))
    assert SETTINGS["roleAttachment"][2](server.client("s3"), server.client("iam"))
    folder.destroy(**passphrase)


def test_retained_and_read_resources_are_not_said_to_be_deleted(server, folder):
    server.client("iam").create_role(RoleName="theirs", AssumeRolePolicyDocument=json.dumps(TRUST))
    folder.python("""
import pulumi, pulumi_aws as aws
aws.s3.Bucket("kept", bucket="kept-bucket", opts=pulumi.ResourceOptions(retain_on_delete=True))
aws.s3.Bucket("gone", bucket="gone-bucket")
aws.iam.Role.get("read", "theirs")
""")
    folder.up()
    planned = folder.run("preview", "--diff").stdout
    assert "delete" not in planned
    folder.python("")
    planned = folder.run("preview").stdout
    assert "- aws:s3/bucket:Bucket kept to leave alone, no longer in the stack: it is retained" in planned
    assert "- aws:iam/role:Role read to leave alone, no longer in the stack: it was only read" in planned
    assert "- 1 to delete" in planned and "- 2 to leave alone" in planned
    made = folder.run("up", "--yes", "--skip-preview").stdout
    assert "- 1 deleted" in made and "kept deleted" not in made and "read deleted" not in made
    assert {bucket["Name"] for bucket in server.client("s3").list_buckets()["Buckets"]} == {"kept-bucket"}
    assert server.client("iam").get_role(RoleName="theirs")
    server.client("s3").delete_bucket(Bucket="kept-bucket")
    server.client("iam").delete_role(RoleName="theirs")
    folder.destroy()


def test_a_renamed_policy_of_a_fixed_name_is_refused_before_anything_is_done(server, folder):
    """AWS has one policy of a name, in whatever path and case: a preview must not promise a second."""
    def named(resource, **properties):
        policy = {"type": "aws:iam:Policy", "properties": {"name": "fixed-policy", "policy": json.dumps(READ), **properties}}
        if resource == "aliased":
            policy["options"] = {"aliases": [alias]}
        return "resources: " + json.dumps({resource: policy}) + "\n"

    folder.yaml(named("mp"))
    folder.up()
    before = folder.state()["resources"]
    alias = next(resource["urn"] for resource in before if resource["urn"].endswith("::mp"))
    for properties in ({}, {"path": "/else/"}, {"name": "FIXED-policy"}):
        folder.yaml(named("mpR", **properties))
        for said in (folder.fails("preview"), folder.fails("up", "--yes"), folder.fails("up", "--yes", "--skip-preview")):
            assert "aws:iam/policy:Policy `mp` of this stack has the same name" in said
            assert f'aliases: ["{alias}"]' in said and "to leave alone" not in said
        assert folder.state()["resources"] == before
    folder.yaml(named("aliased"))
    assert operations(folder.preview()) == [] == operations(folder.up())
    folder.destroy()
