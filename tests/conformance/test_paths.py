"""Who could come to read the data, by acting as another or by changing policies: each kind of step is found, then walked with real requests."""

import contextlib
import json

import pytest

from conftest import Credentials
from test_who_can import ask, document, is_refused, statement

AIM = ("s3:GetObject", "arn:aws:s3:::aim/data/*")
EVERYTHING = json.dumps(document(statement("Allow", "*", "*")))
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def trusts(principal):
    return json.dumps(document(statement("Allow", "sts:AssumeRole", principal=principal)))


@pytest.fixture(scope="module")
def world(server):
    """A bucket that `reader` (a role that anyone of the account may be let into), `of-jobs` (a role that SageMaker may have) and `bob` read."""
    iam, s3 = server.client("iam"), server.client("s3")
    s3.create_bucket(Bucket="aim")
    s3.put_object(Bucket="aim", Key="data/x", Body=b"x")
    reads = json.dumps(document(statement("Allow", "s3:*", ["arn:aws:s3:::aim", "arn:aws:s3:::aim/*"])))
    for role, principal in (("reader", {"AWS": f"arn:aws:iam::{server.account}:root"}), ("of-jobs", {"Service": "sagemaker.amazonaws.com"}),
                            ("closed", {"Service": "ec2.amazonaws.com"})):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=trusts(principal))
        iam.put_role_policy(RoleName=role, PolicyName="reads", PolicyDocument=reads)
    iam.create_user(UserName="bob")
    iam.put_user_policy(UserName="bob", PolicyName="reads", PolicyDocument=reads)
    iam.create_group(GroupName="readers")
    iam.put_group_policy(GroupName="readers", PolicyName="reads", PolicyDocument=reads)
    return server


@contextlib.contextmanager
def walker(server, *statements, boundary=None):
    """A user `walker` with these permissions, its keys and its ARN. It is gone afterwards, with all that it was given."""
    iam = server.client("iam")
    bound = {}
    if boundary:
        policy = iam.create_policy(PolicyName="walkers-boundary", PolicyDocument=json.dumps(document(*boundary)))["Policy"]["Arn"]
        bound = {"PermissionsBoundary": policy}
    iam.create_user(UserName="walker", **bound)
    arn = f"arn:aws:iam::{server.account}:user/walker"
    if statements:
        iam.put_user_policy(UserName="walker", PolicyName="own", PolicyDocument=json.dumps(document(*[
            {**one, "Resource": one["Resource"].replace("ACCOUNT", server.account)} for one in statements])))
    keys = Credentials.of(iam.create_access_key(UserName="walker"))
    try:
        yield keys, arn
    finally:
        for name in iam.list_user_policies(UserName="walker")["PolicyNames"]:
            iam.delete_user_policy(UserName="walker", PolicyName=name)
        for one in iam.list_attached_user_policies(UserName="walker")["AttachedPolicies"]:
            iam.detach_user_policy(UserName="walker", PolicyArn=one["PolicyArn"])
        for group in iam.list_groups_for_user(UserName="walker")["Groups"]:
            iam.remove_user_from_group(UserName="walker", GroupName=group["GroupName"])
        for key in iam.list_access_keys(UserName="walker")["AccessKeyMetadata"]:
            iam.delete_access_key(UserName="walker", AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName="walker")
        if boundary:
            iam.delete_policy(PolicyArn=policy)


def path_of(server, arn):
    """The kinds of the steps by which the principal comes to the data; None: there is no path."""
    answer = ask(server, "who-can", *AIM, "--paths")
    for path in answer["Paths"]:
        if path["Principal"].get("RoleArn") or path["Principal"].get("Arn"):
            if arn in (path["Principal"].get("RoleArn"), path["Principal"].get("Arn")):
                return [step["Means"] for step in path["Steps"]]
    return None


def reads(server, keys):
    return not is_refused(server.client_as(keys, "s3").get_object, Bucket="aim", Key="data/x")


def own(action, resource="*", **more):
    return statement("Allow", action, resource, **more)


# How a walker walks: {step: (its statements, what it does then, which gives the keys that read)}
def assume(server, keys):
    return Credentials.of(server.client_as(keys, "sts").assume_role(RoleArn=f"arn:aws:iam::{server.account}:role/reader", RoleSessionName="walked"))


def key_of_bob(server, keys):
    made = server.client_as(keys, "iam").create_access_key(UserName="bob")
    return Credentials.of(made)


def put_policy(server, keys):
    server.client_as(keys, "iam").put_user_policy(UserName="walker", PolicyName="more", PolicyDocument=EVERYTHING)
    return keys


def attach_policy(server, keys):
    server.client_as(keys, "iam").attach_user_policy(UserName="walker", PolicyArn=ADMINISTRATOR)
    return keys


def join(server, keys):
    server.client_as(keys, "iam").add_user_to_group(UserName="walker", GroupName="readers")
    return keys


def open_role(server, keys):
    iam, role = server.client_as(keys, "iam"), "closed"
    before = trusts({"Service": "ec2.amazonaws.com"})
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=trusts({"AWS": f"arn:aws:iam::{server.account}:user/walker"}))
    try:
        return Credentials.of(server.client_as(keys, "sts").assume_role(RoleArn=f"arn:aws:iam::{server.account}:role/{role}", RoleSessionName="walked"))
    finally:
        server.client("iam").update_assume_role_policy(RoleName=role, PolicyDocument=before)


def make_role(server, keys):
    iam, root = server.client_as(keys, "iam"), server.client("iam")
    iam.create_role(RoleName="x-new", AssumeRolePolicyDocument=trusts({"AWS": f"arn:aws:iam::{server.account}:user/walker"}))
    try:
        iam.put_role_policy(RoleName="x-new", PolicyName="p", PolicyDocument=EVERYTHING)
        made = Credentials.of(server.client_as(keys, "sts").assume_role(RoleArn=f"arn:aws:iam::{server.account}:role/x-new", RoleSessionName="walked"))
        assert reads(server, made)
        return made
    finally:
        root.delete_role_policy(RoleName="x-new", PolicyName="p")
        root.delete_role(RoleName="x-new")


def make_user(server, keys):
    iam, root = server.client_as(keys, "iam"), server.client("iam")
    iam.create_user(UserName="x-new")
    try:
        iam.put_user_policy(UserName="x-new", PolicyName="p", PolicyDocument=EVERYTHING)
        made = Credentials.of(iam.create_access_key(UserName="x-new"))
        assert reads(server, made)
        root.delete_access_key(UserName="x-new", AccessKeyId=made.access_key_id)
    finally:
        root.delete_user_policy(UserName="x-new", PolicyName="p")
        root.delete_user(UserName="x-new")
    return None


def bucket_policy(server, keys):
    server.client_as(keys, "s3").put_bucket_policy(Bucket="aim", Policy=json.dumps(document(
        statement("Allow", "s3:GetObject", "arn:aws:s3:::aim/*", {"AWS": f"arn:aws:iam::{server.account}:user/walker"}))))
    try:
        assert reads(server, keys)
    finally:
        server.client("s3").delete_bucket_policy(Bucket="aim")
    return None


def delete_group_policy(server, keys):
    server.client_as(keys, "iam").delete_group_policy(GroupName="denied", PolicyName="denies")
    return keys


def attach_one_that_it_makes(server, keys):
    iam, root = server.client_as(keys, "iam"), server.client("iam")
    policy = iam.create_policy(PolicyName="x", Path="/team/", PolicyDocument=EVERYTHING)["Policy"]["Arn"]
    try:
        iam.attach_user_policy(UserName="walker", PolicyArn=policy)
        assert reads(server, keys)
        root.detach_user_policy(UserName="walker", PolicyArn=policy)
    finally:
        root.delete_policy(PolicyArn=policy)
    return None


def tag_itself(server, keys):
    server.client_as(keys, "iam").tag_user(UserName="walker", Tags=[{"Key": "team", "Value": "vision"}])
    return keys


def rename_itself(server, keys):
    server.client_as(keys, "iam").update_user(UserName="walker", NewUserName="data")
    try:
        assert reads(server, keys)
    finally:
        server.client("iam").update_user(UserName="data", NewUserName="walker")
    return None


def make_group(server, keys):
    iam, root = server.client_as(keys, "iam"), server.client("iam")
    iam.create_group(GroupName="x-new")
    try:
        iam.put_group_policy(GroupName="x-new", PolicyName="p", PolicyDocument=EVERYTHING)
        iam.add_user_to_group(GroupName="x-new", UserName="walker")
        assert reads(server, keys)
        root.remove_user_from_group(GroupName="x-new", UserName="walker")
        root.delete_group_policy(GroupName="x-new", PolicyName="p")
    finally:
        root.delete_group(GroupName="x-new")
    return None


USER, ROLE, GROUP = "arn:aws:iam::ACCOUNT:user/", "arn:aws:iam::ACCOUNT:role/", "arn:aws:iam::ACCOUNT:group/"
STEPS = {
    "AssumeRole": ([own("sts:AssumeRole", ROLE + "reader")], assume),
    "CreateAccessKey": ([own("iam:CreateAccessKey", USER + "bob")], key_of_bob),
    "PutPolicy": ([own("iam:PutUserPolicy", USER + "walker")], put_policy),
    "AttachPolicy": ([own("iam:AttachUserPolicy", USER + "walker")], attach_policy),
    "AddUserToGroup": ([own("iam:AddUserToGroup", GROUP + "readers")], join),
    "UpdateAssumeRolePolicy": ([own("iam:UpdateAssumeRolePolicy", ROLE + "closed")], open_role),
    "CreateRole": ([own("iam:CreateRole", ROLE + "x*"), own("iam:PutRolePolicy", ROLE + "x*")], make_role),
    "CreateUser": ([own("iam:CreateUser", USER + "x*"), own("iam:PutUserPolicy", USER + "x*"), own("iam:CreateAccessKey", USER + "x*")], make_user),
    "PutBucketPolicy": ([own("s3:PutBucketPolicy", "arn:aws:s3:::aim")], bucket_policy),
    "TagPrincipal": ([own("iam:TagUser", USER + "walker"), own("s3:GetObject", condition={"StringEquals": {"aws:PrincipalTag/team": "vision"}})], tag_itself),
    "RenameUser": ([own("iam:UpdateUser", USER + "*"), own("s3:GetObject", "arn:aws:s3:::aim/${aws:username}/*")], rename_itself),
    "CreateGroup": ([own("iam:CreateGroup", GROUP + "x*"), own("iam:PutGroupPolicy", GROUP + "x*"), own("iam:AddUserToGroup", GROUP + "x*")], make_group),
}


def test_a_policy_that_it_makes_is_attached(world):
    team = f"arn:aws:iam::{world.account}:policy/team/*"
    with walker(world, own("iam:AttachUserPolicy", USER + "walker", condition={"ArnLike": {"iam:PolicyARN": team}}),
                own("iam:CreatePolicy", team)) as (keys, arn):
        assert path_of(world, arn) == ["AttachPolicy"] and not reads(world, keys)
        attach_one_that_it_makes(world, keys)


def test_a_groups_denial_is_deleted(world):
    iam = world.client("iam")
    iam.create_group(GroupName="denied")
    iam.put_group_policy(GroupName="denied", PolicyName="denies", PolicyDocument=json.dumps(document(statement("Deny", "s3:*", "*"))))
    try:
        with walker(world, own("s3:GetObject"), own("iam:DeleteGroupPolicy", GROUP + "denied")) as (keys, arn):
            iam.add_user_to_group(UserName="walker", GroupName="denied")
            assert path_of(world, arn) == ["DeleteGroupPolicy"] and not reads(world, keys)
            assert reads(world, delete_group_policy(world, keys))
    finally:
        iam.delete_group(GroupName="denied")


@pytest.mark.parametrize("conditions, session", [
    ({"StringEquals": {"aws:PrincipalTag/team": "vision"}}, {"Tags": [{"Key": "team", "Value": "vision"}]}),
    ({"StringEquals": {"aws:SourceIdentity": "ada"}}, {"SourceIdentity": "ada"}),
    ({"StringLike": {"aws:userid": "*:ada"}}, {"RoleSessionName": "ada"}),
])
def test_sessions_that_bring_what_policies_ask_for(world, conditions, session):
    iam = world.client("iam")
    iam.create_role(RoleName="asks", AssumeRolePolicyDocument=json.dumps(document(statement(
        "Allow", ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], principal={"AWS": f"arn:aws:iam::{world.account}:root"}))))
    iam.put_role_policy(RoleName="asks", PolicyName="p", PolicyDocument=json.dumps(document(own("s3:GetObject", condition=conditions))))
    arn_of_role = f"arn:aws:iam::{world.account}:role/asks"
    try:
        with walker(world, own("sts:*", ROLE + "asks")) as (keys, arn):
            assert path_of(world, arn) == ["AssumeRoleAs"]
            start = lambda **more: Credentials.of(world.client_as(keys, "sts").assume_role(RoleArn=arn_of_role, **{"RoleSessionName": "other", **more}))
            assert not reads(world, start()) and reads(world, start(**session))
        with walker(world, own("sts:AssumeRole", ROLE + "asks")) as (keys, arn):
            assert path_of(world, arn) == (["AssumeRoleAs"] if "RoleSessionName" in session else None)
    finally:
        iam.delete_role_policy(RoleName="asks", PolicyName="p")
        iam.delete_role(RoleName="asks")


def test_what_one_does_for_another(world):
    """It may write a bucket policy, is denied the data itself, and may act as a user who is not."""
    iam = world.client("iam")
    iam.create_user(UserName="plain")
    try:
        with walker(world, own("s3:PutBucketPolicy", "arn:aws:s3:::aim"), own("iam:CreateAccessKey", USER + "plain"),
                    statement("Deny", "s3:GetObject", "*")) as (keys, arn):
            assert path_of(world, arn) == ["CreateAccessKey", "PutBucketPolicy"]
            made = Credentials.of(world.client_as(keys, "iam").create_access_key(UserName="plain"))
            world.client_as(keys, "s3").put_bucket_policy(Bucket="aim", Policy=json.dumps(document(
                statement("Allow", "s3:GetObject", "arn:aws:s3:::aim/*", {"AWS": f"arn:aws:iam::{world.account}:user/plain"}))))
            assert reads(world, made) and not reads(world, keys)
            world.client("s3").delete_bucket_policy(Bucket="aim")
            iam.delete_access_key(UserName="plain", AccessKeyId=made.access_key_id)
    finally:
        iam.delete_user(UserName="plain")


@pytest.mark.parametrize("means", STEPS)
def test_each_step_is_found_and_works(world, means):
    statements, walk = STEPS[means]
    with walker(world, *statements) as (keys, arn):
        assert not reads(world, keys)
        assert path_of(world, arn) == [means]
        other = walk(world, keys)
        if other:
            assert reads(world, other)
            if other.access_key_id != keys.access_key_id and not other.session_token:
                world.client("iam").delete_access_key(UserName="bob", AccessKeyId=other.access_key_id)
    with walker(world, own("s3:ListAllMyBuckets"), *statements[1:]) as (keys, arn):  # without the permission that it takes
        assert path_of(world, arn) is None


def test_versions_of_a_policy(world):
    iam = world.client("iam")
    policy = iam.create_policy(PolicyName="versions", PolicyDocument=EVERYTHING)["Policy"]["Arn"]
    try:
        for action, means in (("iam:CreatePolicyVersion", "CreatePolicyVersion"), ("iam:SetDefaultPolicyVersion", "SetDefaultPolicyVersion")):
            version = iam.create_policy_version(PolicyArn=policy, SetAsDefault=True, PolicyDocument=json.dumps(document(own(action, policy))))
            with walker(world) as (keys, arn):
                iam.attach_user_policy(UserName="walker", PolicyArn=policy)
                assert not reads(world, keys)
                assert path_of(world, arn) == [means]
                own_iam = world.client_as(keys, "iam")
                if means == "CreatePolicyVersion":
                    own_iam.create_policy_version(PolicyArn=policy, SetAsDefault=True, PolicyDocument=EVERYTHING)
                else:
                    own_iam.set_default_policy_version(PolicyArn=policy, VersionId="v1")
                assert reads(world, keys)
            assert version
    finally:
        for version in iam.list_policy_versions(PolicyArn=policy)["Versions"]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=policy, VersionId=version["VersionId"])
        iam.delete_policy(PolicyArn=policy)


def test_groups_of_ones_own(world):
    iam = world.client("iam")
    iam.create_group(GroupName="mine")
    group = f"arn:aws:iam::{world.account}:group/mine"
    try:
        for action, means in (("iam:PutGroupPolicy", "PutGroupPolicy"), ("iam:AttachGroupPolicy", "AttachGroupPolicy")):
            with walker(world, own(action, group)) as (keys, arn):
                assert path_of(world, arn) is None
                iam.add_user_to_group(UserName="walker", GroupName="mine")
                assert path_of(world, arn) == [means]
                own_iam = world.client_as(keys, "iam")
                if means == "PutGroupPolicy":
                    own_iam.put_group_policy(GroupName="mine", PolicyName="p", PolicyDocument=EVERYTHING)
                else:
                    own_iam.attach_group_policy(GroupName="mine", PolicyArn=ADMINISTRATOR)
                assert reads(world, keys)
                if means == "PutGroupPolicy":
                    iam.delete_group_policy(GroupName="mine", PolicyName="p")
                else:
                    iam.detach_group_policy(GroupName="mine", PolicyArn=ADMINISTRATOR)
        # A group that denies is left.
        iam.put_group_policy(GroupName="mine", PolicyName="denies", PolicyDocument=json.dumps(document(statement("Deny", "s3:*", "*"))))
        with walker(world, own("s3:GetObject"), own("iam:RemoveUserFromGroup", group)) as (keys, arn):
            iam.add_user_to_group(UserName="walker", GroupName="mine")
            assert path_of(world, arn) == ["RemoveUserFromGroup"] and not reads(world, keys)
            world.client_as(keys, "iam").remove_user_from_group(UserName="walker", GroupName="mine")
            assert reads(world, keys)
        iam.delete_group_policy(GroupName="mine", PolicyName="denies")
    finally:
        iam.delete_group(GroupName="mine")


@pytest.mark.parametrize("action, means", [("iam:DeleteUserPermissionsBoundary", "DeletePermissionsBoundary"),
                                           ("iam:PutUserPermissionsBoundary", "PutPermissionsBoundary")])
def test_boundaries(world, action, means):
    with walker(world, own("s3:GetObject"), own("iam:*", USER + "walker"), boundary=[own(action)]) as (keys, arn):
        assert not reads(world, keys) and path_of(world, arn) == [means]
        own_iam = world.client_as(keys, "iam")
        if means.startswith("Delete"):
            own_iam.delete_user_permissions_boundary(UserName="walker")
        else:
            own_iam.put_user_permissions_boundary(UserName="walker", PermissionsBoundary=ADMINISTRATOR)
        assert reads(world, keys)


def test_denials_of_ones_own(world):
    iam = world.client("iam")
    with walker(world, own("s3:GetObject"), own("iam:DeleteUserPolicy", USER + "walker")) as (keys, arn):
        iam.put_user_policy(UserName="walker", PolicyName="denies", PolicyDocument=json.dumps(document(statement("Deny", "s3:*", "*"))))
        assert not reads(world, keys) and path_of(world, arn) == ["DeletePolicy"]
        world.client_as(keys, "iam").delete_user_policy(UserName="walker", PolicyName="denies")
        assert reads(world, keys)
    policy = iam.create_policy(PolicyName="denies", PolicyDocument=json.dumps(document(statement("Deny", "s3:*", "*"))))["Policy"]["Arn"]
    with walker(world, own("s3:GetObject"), own("iam:DetachUserPolicy", USER + "walker")) as (keys, arn):
        iam.attach_user_policy(UserName="walker", PolicyArn=policy)
        assert not reads(world, keys) and path_of(world, arn) == ["DetachPolicy"]
        world.client_as(keys, "iam").detach_user_policy(UserName="walker", PolicyArn=policy)
        assert reads(world, keys)
    iam.delete_policy(PolicyArn=policy)


def test_a_bucket_policy_that_denies_is_deleted(world):
    s3 = world.client("s3")
    with walker(world, own("s3:GetObject"), own("s3:DeleteBucketPolicy", "arn:aws:s3:::aim")) as (keys, arn):
        s3.put_bucket_policy(Bucket="aim", Policy=json.dumps(document(
            {**statement("Deny", "s3:GetObject", "arn:aws:s3:::aim/*", {"AWS": arn})})))
        assert not reads(world, keys) and path_of(world, arn) == ["DeleteBucketPolicy"]
        world.client_as(keys, "s3").delete_bucket_policy(Bucket="aim")
        assert reads(world, keys)


@pytest.mark.parametrize("scope, means", [(None, "PassRoleToTrainingJob"), ("job", "PassRoleToCutTrainingJob")])
def test_a_role_is_passed_to_a_training_job(world, scope, means):
    """Whether the request that passes the role is allowed; test_training_access.py shows what such a job then may."""
    cut = {"StringEquals": {"trainwarden:TrainingScope": scope}} if scope else None
    with walker(world, own("sagemaker:CreateTrainingJob"), own("iam:PassRole", ROLE + "of-jobs", condition=cut)) as (keys, arn):
        assert path_of(world, arn) == [means]
        for wanted in ("role", "job"):
            asked = {"TrainingJobName": f"walked-{wanted}", "RoleArn": f"arn:aws:iam::{world.account}:role/of-jobs",
                     "AlgorithmSpecification": {"TrainingImage": "x", "TrainingInputMode": "File"},
                     "OutputDataConfig": {"S3OutputPath": "s3://aim/out"},
                     "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
                     "StoppingCondition": {"MaxRuntimeInSeconds": 60},
                     **({"Environment": {"TRAINWARDEN_SCOPE": "role"}} if wanted == "role" else {})}
            refused = is_refused(world.client_as(keys, "sagemaker").create_training_job, **asked)
            assert refused is (wanted == "role" and scope == "job"), wanted


def test_several_steps(world):
    iam = world.client("iam")
    iam.create_role(RoleName="middle", AssumeRolePolicyDocument=trusts({"AWS": f"arn:aws:iam::{world.account}:root"}))
    iam.put_role_policy(RoleName="middle", PolicyName="p", PolicyDocument=json.dumps(document(
        statement("Allow", "iam:CreateAccessKey", f"arn:aws:iam::{world.account}:user/bob"))))
    with walker(world, own("sts:AssumeRole", ROLE + "middle")) as (keys, arn):
        assert path_of(world, arn) == ["AssumeRole", "CreateAccessKey"]
        text = world.trainwarden("who-can", *AIM, "--paths").stdout
        assert "1. assumes role middle (AssumeRole)" in text and "2. makes an access key of user bob (CreateAccessKey)" in text
        dot = world.trainwarden("who-can", *AIM, "--graph", "dot").stdout
        assert dot.startswith("digraph") and dot.rstrip().endswith("}") and '[label="CreateAccessKey"]' in dot and arn in dot
        mermaid = world.trainwarden("who-can", *AIM, "--graph", "mermaid").stdout
        assert mermaid.startswith("flowchart LR") and '|"AssumeRole"|' in mermaid
        done = world.trainwarden("who-can", *AIM, "--graph", "png", check=False)
        assert done.returncode != 0 and "--graph is dot or mermaid" in done.stderr
        session = Credentials.of(world.client_as(keys, "sts").assume_role(RoleArn=f"arn:aws:iam::{world.account}:role/middle", RoleSessionName="walked"))
        key = world.client_as(session, "iam").create_access_key(UserName="bob")
        assert reads(world, Credentials.of(key))
        iam.delete_access_key(UserName="bob", AccessKeyId=key["AccessKey"]["AccessKeyId"])
    iam.delete_role_policy(RoleName="middle", PolicyName="p")
    iam.delete_role(RoleName="middle")
