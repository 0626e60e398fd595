"""IAM as its real clients see it: life cycles, errors in AWS's words, quotas, boundaries, and what survives a crash."""

import json
import random
import re
import signal

import botocore.config
import botocore.exceptions
import pytest
from conftest import AWS_V1, AWS_V2, Credentials, allow

SAGEMAKER_FULL = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
TRUST_SAGEMAKER = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]})


def refused(call, *arguments, **parameters):
    """The code and message of the error that the call must answer."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(*arguments, **parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def code(call, *arguments, **parameters):
    return refused(call, *arguments, **parameters)[0]


def unchecked(server, credentials, service):
    """A client that sends what it is given: boto3 refuses some bad input before the server can."""
    return server.client_as(credentials, service, config=botocore.config.Config(parameter_validation=False))


def may(call, *arguments, **parameters):
    """True if the call is admitted (whatever it answers then), False if it is refused to this caller."""
    try:
        call(*arguments, **parameters)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"] not in ("AccessDenied", "AccessDeniedException", "InvalidClientTokenId")
    return True


def test_role_life_cycle(server):
    iam = server.client("iam")
    made = iam.create_role(RoleName="Life", Path="/ml/", AssumeRolePolicyDocument=TRUST_SAGEMAKER, Description="trains",
                           MaxSessionDuration=7200, Tags=[{"Key": "team", "Value": "vision"}])["Role"]
    assert made["Arn"] == f"arn:aws:iam::{server.account}:role/ml/Life"
    assert re.fullmatch(r"AROA[A-Z0-9]{17}", made["RoleId"])
    assert made["Path"] == "/ml/" and made["RoleName"] == "Life"
    got = iam.get_role(RoleName="Life")["Role"]
    assert got["AssumeRolePolicyDocument"] == json.loads(TRUST_SAGEMAKER)
    assert got["Description"] == "trains" and got["MaxSessionDuration"] == 7200
    assert got["Tags"] == [{"Key": "team", "Value": "vision"}]
    assert got["CreateDate"] == made["CreateDate"]
    assert "Life" in [role["RoleName"] for role in iam.list_roles(PathPrefix="/ml/")["Roles"]]
    assert "Life" not in [role["RoleName"] for role in iam.list_roles(PathPrefix="/web/")["Roles"]]

    other = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    iam.update_assume_role_policy(RoleName="Life", PolicyDocument=json.dumps(other))
    assert iam.get_role(RoleName="Life")["Role"]["AssumeRolePolicyDocument"] == other
    iam.update_role(RoleName="Life", Description="serves", MaxSessionDuration=3600)
    assert iam.update_role_description(RoleName="Life", Description="both")["Role"]["Description"] == "both"
    assert iam.get_role(RoleName="Life")["Role"]["MaxSessionDuration"] == 3600

    iam.tag_role(RoleName="Life", Tags=[{"Key": "TEAM", "Value": "speech"}, {"Key": "cost", "Value": "1"}])
    assert iam.list_role_tags(RoleName="Life")["Tags"] == [{"Key": "TEAM", "Value": "speech"}, {"Key": "cost", "Value": "1"}]
    iam.untag_role(RoleName="Life", TagKeys=["Team"])
    assert iam.list_role_tags(RoleName="Life")["Tags"] == [{"Key": "cost", "Value": "1"}]

    iam.put_role_policy(RoleName="Life", PolicyName="inline", PolicyDocument=json.dumps(allow("s3:GetObject")))
    assert iam.get_role_policy(RoleName="Life", PolicyName="inline")["PolicyDocument"] == allow("s3:GetObject")
    assert iam.list_role_policies(RoleName="Life")["PolicyNames"] == ["inline"]
    iam.attach_role_policy(RoleName="Life", PolicyArn=SAGEMAKER_FULL)
    assert iam.list_attached_role_policies(RoleName="Life")["AttachedPolicies"] == [
        {"PolicyName": "AmazonSageMakerFullAccess", "PolicyArn": SAGEMAKER_FULL}]
    assert iam.list_instance_profiles_for_role(RoleName="Life")["InstanceProfiles"] == []

    assert refused(iam.delete_role, RoleName="Life") == ("DeleteConflict", "Cannot delete entity, must detach all policies first.")
    iam.detach_role_policy(RoleName="Life", PolicyArn=SAGEMAKER_FULL)
    assert refused(iam.delete_role, RoleName="Life") == ("DeleteConflict", "Cannot delete entity, must delete policies first.")
    iam.delete_role_policy(RoleName="Life", PolicyName="inline")
    iam.delete_role(RoleName="Life")
    assert refused(iam.get_role, RoleName="Life") == ("NoSuchEntity", "The role with name Life cannot be found.")


def test_errors_in_awss_words(server):
    iam = server.client("iam")
    iam.create_role(RoleName="Errors", AssumeRolePolicyDocument=TRUST_SAGEMAKER)
    iam.create_user(UserName="errors")
    arn = f"arn:aws:iam::{server.account}:"
    nobody = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": arn + "user/nobody"}, "Action": "sts:AssumeRole"}]})
    cases = [
        (("NoSuchEntity", "The role with name x cannot be found."), iam.get_role, dict(RoleName="x")),
        (("NoSuchEntity", "The user with name x cannot be found."), iam.get_user, dict(UserName="x")),
        (("NoSuchEntity", "The group with name x cannot be found."), iam.get_group, dict(GroupName="x")),
        (("NoSuchEntity", f"Policy {arn}policy/x was not found."), iam.get_policy, dict(PolicyArn=arn + "policy/x")),
        (("NoSuchEntity", "The role policy with name x cannot be found."), iam.get_role_policy, dict(RoleName="Errors", PolicyName="x")),
        (("NoSuchEntity", "The user policy with name x cannot be found."), iam.delete_user_policy, dict(UserName="errors", PolicyName="x")),
        (("NoSuchEntity", f"Policy {arn}policy/x does not exist or is not attachable."), iam.attach_role_policy,
         dict(RoleName="Errors", PolicyArn=arn + "policy/x")),
        (("NoSuchEntity", f"Policy {SAGEMAKER_FULL} was not found."), iam.detach_role_policy,
         dict(RoleName="Errors", PolicyArn=SAGEMAKER_FULL)),
        (("EntityAlreadyExists", "Role with name errors already exists."), iam.create_role,
         dict(RoleName="errors", AssumeRolePolicyDocument=TRUST_SAGEMAKER)),
        (("EntityAlreadyExists", "User with name ERRORS already exists."), iam.create_user, dict(UserName="ERRORS")),
        (("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{arn}user/nobody"'), iam.create_role,
         dict(RoleName="y", AssumeRolePolicyDocument=nobody)),
    ]
    for expected, call, parameters in cases:
        assert refused(call, **parameters) == expected, parameters
    for document in ("{", "[]", "{}", '{"Version":"2012-10-17"}', json.dumps(allow("s3:GetObject", resource="bucket")),
                     '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Resource":"*"}]}',
                     '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Like":{"a":"b"}}}]}'):
        assert code(iam.put_role_policy, RoleName="Errors", PolicyName="p", PolicyDocument=document) == "MalformedPolicyDocument", document
        assert code(iam.create_policy, PolicyName="p", PolicyDocument=document) == "MalformedPolicyDocument", document
    assert iam.list_role_policies(RoleName="Errors")["PolicyNames"] == []
    for name in ("a b", "a/b", "x" * 65):
        assert code(iam.create_role, RoleName=name, AssumeRolePolicyDocument=TRUST_SAGEMAKER) == "ValidationError", name
    assert code(iam.create_role, RoleName="z", Path="nope", AssumeRolePolicyDocument=TRUST_SAGEMAKER) == "ValidationError"
    assert code(unchecked(server, server.root, "iam").create_role, RoleName="z", AssumeRolePolicyDocument=TRUST_SAGEMAKER,
                MaxSessionDuration=60) == "ValidationError"
    assert code(iam.create_role, RoleName="z", AssumeRolePolicyDocument=TRUST_SAGEMAKER,
                Tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]) == "InvalidInput"
    assert code(iam.create_saml_provider, Name="x", SAMLMetadataDocument="x" * 1000) in ("InvalidAction", "UnknownOperationException")


def test_managed_policies_and_versions(server):
    iam = server.client("iam")
    made = iam.create_policy(PolicyName="Versions", Path="/team/", Description="what for", PolicyDocument=json.dumps(allow("s3:GetObject")),
                             Tags=[{"Key": "a", "Value": "b"}])["Policy"]
    arn = made["Arn"]
    assert arn == f"arn:aws:iam::{server.account}:policy/team/Versions"
    assert re.fullmatch(r"ANPA[A-Z0-9]{17}", made["PolicyId"])
    assert made["DefaultVersionId"] == "v1" and made["AttachmentCount"] == 0 and made["IsAttachable"]
    for number in range(2, 6):
        version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(allow("s3:GetObject", "s3:PutObject")),
                                            SetAsDefault=number == 5)["PolicyVersion"]
        assert version["VersionId"] == f"v{number}" and version["IsDefaultVersion"] == (number == 5)
    assert refused(iam.create_policy_version, PolicyArn=arn, PolicyDocument=json.dumps(allow("s3:*"))) == (
        "LimitExceeded", "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.")
    assert [one["VersionId"] for one in iam.list_policy_versions(PolicyArn=arn)["Versions"]] == ["v5", "v4", "v3", "v2", "v1"]
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] == allow("s3:GetObject")
    assert refused(iam.delete_policy_version, PolicyArn=arn, VersionId="v5") == (
        "DeleteConflict", "Cannot delete the default version of a policy.")
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v1"
    assert code(iam.delete_policy, PolicyArn=arn) == "DeleteConflict"
    for number in range(2, 6):
        iam.delete_policy_version(PolicyArn=arn, VersionId=f"v{number}")

    iam.create_role(RoleName="Holder", AssumeRolePolicyDocument=TRUST_SAGEMAKER)
    iam.create_user(UserName="holder")
    iam.create_group(GroupName="holders")
    iam.attach_role_policy(RoleName="Holder", PolicyArn=arn)
    iam.attach_user_policy(UserName="holder", PolicyArn=arn)
    iam.attach_group_policy(GroupName="holders", PolicyArn=arn)
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    assert [role["RoleName"] for role in entities["PolicyRoles"]] == ["Holder"]
    assert [user["UserName"] for user in entities["PolicyUsers"]] == ["holder"]
    assert [group["GroupName"] for group in entities["PolicyGroups"]] == ["holders"]
    assert iam.list_entities_for_policy(PolicyArn=arn, EntityFilter="Role")["PolicyUsers"] == []
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 3
    assert [one["PolicyName"] for one in iam.list_policies(Scope="Local", OnlyAttached=True)["Policies"]] == ["Versions"]
    assert refused(iam.delete_policy, PolicyArn=arn) == ("DeleteConflict", "Cannot delete a policy attached to entities.")
    iam.detach_role_policy(RoleName="Holder", PolicyArn=arn)
    iam.detach_user_policy(UserName="holder", PolicyArn=arn)
    iam.detach_group_policy(GroupName="holders", PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
    assert code(iam.get_policy, PolicyArn=arn) == "NoSuchEntity"


def test_awss_own_policies(server):
    iam = server.client("iam")
    arns = [one["Arn"] for page in iam.get_paginator("list_policies").paginate(Scope="AWS") for one in page["Policies"]]
    assert len(arns) > 1000 and len(set(arns)) == len(arns)
    assert SAGEMAKER_FULL in arns
    policy = iam.get_policy(PolicyArn=SAGEMAKER_FULL)["Policy"]
    document = iam.get_policy_version(PolicyArn=SAGEMAKER_FULL, VersionId=policy["DefaultVersionId"])["PolicyVersion"]["Document"]
    actions = [action for statement in document["Statement"] for action in ([statement["Action"]] if isinstance(
        statement["Action"], str) else statement["Action"]) if statement["Effect"] == "Allow"]
    assert "sagemaker:*" in actions or any(action.startswith("sagemaker:") for action in actions)
    # Nobody changes them, root included: they are another account's.
    assert code(iam.delete_policy, PolicyArn=SAGEMAKER_FULL) == "AccessDenied"
    assert code(iam.create_policy_version, PolicyArn=SAGEMAKER_FULL, PolicyDocument=json.dumps(allow("*"))) == "AccessDenied"


def test_pages(server):
    iam = server.client("iam")
    names = [f"page-{number:02}" for number in range(12)]
    for name in names:
        iam.create_group(GroupName=name, Path="/pages/")
    first = iam.list_groups(PathPrefix="/pages/", MaxItems=5)
    assert first["IsTruncated"] and [group["GroupName"] for group in first["Groups"]] == names[:5]
    # The marker is a place, not a count: what is deleted meanwhile shifts nothing.
    iam.delete_group(GroupName=names[4])
    second = iam.list_groups(PathPrefix="/pages/", MaxItems=5, Marker=first["Marker"])
    assert [group["GroupName"] for group in second["Groups"]] == names[5:10]
    pages = iam.get_paginator("list_groups").paginate(PathPrefix="/pages/", PaginationConfig={"PageSize": 3})
    assert [group["GroupName"] for page in pages for group in page["Groups"]] == names[:4] + names[5:]
    assert code(iam.list_groups, Marker="?") == "ValidationError"


def test_users_groups_and_keys(server):
    iam = server.client("iam")
    user = iam.create_user(UserName="Ann", Path="/people/", Tags=[{"Key": "team", "Value": "x"}])["User"]
    assert re.fullmatch(r"AIDA[A-Z0-9]{17}", user["UserId"])
    key = iam.create_access_key(UserName="Ann")["AccessKey"]
    assert re.fullmatch(r"AKIA[A-Z2-7]{16}", key["AccessKeyId"]) and len(key["SecretAccessKey"]) == 40
    ann = Credentials.of(key)
    assert server.client_as(ann, "sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{server.account}:user/people/Ann"
    listed = iam.list_access_keys(UserName="Ann")["AccessKeyMetadata"]
    assert [(one["AccessKeyId"], one["Status"], one["UserName"]) for one in listed] == [(key["AccessKeyId"], "Active", "Ann")]
    iam.create_access_key(UserName="Ann")
    assert refused(iam.create_access_key, UserName="Ann") == ("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")

    # Without UserName, the caller is meant.
    iam.put_user_policy(UserName="Ann", PolicyName="self", PolicyDocument=json.dumps(
        allow("iam:GetUser", "iam:ListAccessKeys", resource="arn:aws:iam::*:user/people/${aws:username}")))
    own = server.client_as(ann, "iam")
    assert own.get_user()["User"]["UserName"] == "Ann"
    assert len(own.list_access_keys()["AccessKeyMetadata"]) == 2
    iam.create_user(UserName="Bob")
    expected = f"User: arn:aws:iam::{server.account}:user/people/Ann is not authorized to perform: iam:GetUser on resource: "
    denied = refused(own.get_user, UserName="Bob")
    assert denied[0] == "AccessDenied" and denied[1].startswith(expected) and "because no identity-based policy allows the iam:GetUser action" in denied[1]
    # Nothing is told about what is not there.
    assert code(own.get_user, UserName="Nobody") == "AccessDenied"

    iam.update_access_key(UserName="Ann", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert code(server.client_as(ann, "sts").get_caller_identity) == "InvalidClientTokenId"
    iam.update_access_key(UserName="Ann", AccessKeyId=key["AccessKeyId"], Status="Active")
    server.client_as(ann, "sts").get_caller_identity()

    iam.create_group(GroupName="readers")
    iam.put_group_policy(GroupName="readers", PolicyName="read", PolicyDocument=json.dumps(allow("iam:ListGroups")))
    assert not may(own.list_groups)
    iam.add_user_to_group(GroupName="readers", UserName="Ann")
    assert may(own.list_groups)
    assert [one["UserName"] for one in iam.get_group(GroupName="readers")["Users"]] == ["Ann"]
    assert [one["GroupName"] for one in iam.list_groups_for_user(UserName="Ann")["Groups"]] == ["readers"]
    assert refused(iam.delete_group, GroupName="readers")[0] == "DeleteConflict"
    iam.remove_user_from_group(GroupName="readers", UserName="Ann")
    assert not may(own.list_groups)

    iam.update_user(UserName="Ann", NewUserName="Anne")
    assert server.client_as(ann, "sts").get_caller_identity()["Arn"].endswith(":user/people/Anne")
    assert refused(iam.delete_user, UserName="Anne")[0] == "DeleteConflict"
    iam.delete_user_policy(UserName="Anne", PolicyName="self")
    for one in iam.list_access_keys(UserName="Anne")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="Anne", AccessKeyId=one["AccessKeyId"])
    iam.delete_user(UserName="Anne")
    assert code(server.client_as(ann, "sts").get_caller_identity) == "InvalidClientTokenId"


def test_quotas_of_sizes(server):
    iam = server.client("iam")

    def document(characters):
        text = json.dumps(allow("s3:GetObject", resource=["arn:aws:s3:::"]), separators=(",", ":"))
        return text.replace("arn:aws:s3:::", "arn:aws:s3:::" + "a" * (characters - len(text)))

    assert len(document(3000)) == 3000
    iam.create_role(RoleName="Sizes", AssumeRolePolicyDocument=TRUST_SAGEMAKER)
    iam.create_user(UserName="sizes")
    iam.create_policy(PolicyName="sizes", PolicyDocument=document(6144))
    assert refused(iam.create_policy, PolicyName="sizes2", PolicyDocument=document(6145)) == (
        "LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
    iam.put_user_policy(UserName="sizes", PolicyName="p", PolicyDocument=document(2048))
    assert refused(iam.put_user_policy, UserName="sizes", PolicyName="p", PolicyDocument=document(2049)) == (
        "LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user sizes")
    iam.put_role_policy(RoleName="Sizes", PolicyName="p", PolicyDocument=document(10240))
    assert code(iam.put_role_policy, RoleName="Sizes", PolicyName="q", PolicyDocument=json.dumps(allow("s3:*"))) == "LimitExceeded"
    trust = TRUST_SAGEMAKER.replace("sts:AssumeRole", "sts:AssumeRole\",\"Sid\":\"" + "a" * 2000)
    assert code(iam.update_assume_role_policy, RoleName="Sizes", PolicyDocument=trust) == "LimitExceeded"
    for number in range(10):
        arn = iam.create_policy(PolicyName=f"sizes-{number}", PolicyDocument=json.dumps(allow("s3:*")))["Policy"]["Arn"]
        iam.attach_user_policy(UserName="sizes", PolicyArn=arn)
    assert refused(iam.attach_user_policy, UserName="sizes", PolicyArn=SAGEMAKER_FULL) == (
        "LimitExceeded", "Cannot exceed quota for PoliciesPerUser: 10")


def test_trust_follows_the_principal_not_its_name(server, make_user, make_role):
    iam = server.client("iam")
    arn = f"arn:aws:iam::{server.account}:user/heir"
    heir = make_user("heir")
    role = make_role("Estate", arn)
    server.client_as(heir, "sts").assume_role(RoleArn=role, RoleSessionName="one-session")
    user_id = iam.get_user(UserName="heir")["User"]["UserId"]
    iam.delete_access_key(UserName="heir", AccessKeyId=heir.access_key_id)
    iam.delete_user(UserName="heir")
    principal = iam.get_role(RoleName="Estate")["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
    assert principal == {"AWS": user_id}
    impostor = make_user("heir")
    assert code(server.client_as(impostor, "sts").assume_role, RoleArn=role, RoleSessionName="one-session") == "AccessDenied"
    # Saying it again is what makes the grant anew.
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}]}
    iam.update_assume_role_policy(RoleName="Estate", PolicyDocument=json.dumps(trust))
    server.client_as(impostor, "sts").assume_role(RoleArn=role, RoleSessionName="one-session")


def test_a_bucket_policy_follows_the_principal_too(server, make_user, make_role):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="estate-of-the-heir")
    s3.put_object(Bucket="estate-of-the-heir", Key="a/b", Body=b"all of it")
    iam = server.client("iam")
    user = make_user("granter")
    role = make_role("Grantee", f"arn:aws:iam::{server.account}:user/granter")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": role}, "Action": "s3:GetObject",
                                                      "Resource": "arn:aws:s3:::estate-of-the-heir/*"}]}
    s3.put_bucket_policy(Bucket="estate-of-the-heir", Policy=json.dumps(policy, indent=3))
    assert s3.get_bucket_policy(Bucket="estate-of-the-heir")["Policy"] == json.dumps(policy, indent=3)

    def reads():
        session = server.client_as(user, "sts").assume_role(RoleArn=role, RoleSessionName="read")
        return may(server.client_as(session, "s3").get_object, Bucket="estate-of-the-heir", Key="a/b")

    assert reads()
    role_id = iam.get_role(RoleName="Grantee")["Role"]["RoleId"]
    iam.delete_role(RoleName="Grantee")
    make_role("Grantee", f"arn:aws:iam::{server.account}:user/granter")
    assert not reads()
    shown = json.loads(s3.get_bucket_policy(Bucket="estate-of-the-heir")["Policy"])
    assert shown["Statement"][0]["Principal"] == {"AWS": role_id}
    s3.put_bucket_policy(Bucket="estate-of-the-heir", Policy=json.dumps(policy))
    assert reads()


def test_a_boundary_bounds(server, make_user):
    iam = server.client("iam")
    bounded = server.client_as(make_user("bounded", allow("iam:*")), "iam")
    assert may(bounded.list_users) and may(bounded.list_roles)
    boundary = iam.create_policy(PolicyName="ListUsersOnly", PolicyDocument=json.dumps(allow("iam:ListUsers", "s3:*")))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="bounded", PermissionsBoundary=boundary)
    assert iam.get_user(UserName="bounded")["User"]["PermissionsBoundary"] == {
        "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary}
    assert may(bounded.list_users)
    denied = refused(bounded.list_roles)
    assert denied[0] == "AccessDenied" and "because no permissions boundary allows the iam:ListRoles action" in denied[1]
    assert code(bounded.delete_user_permissions_boundary, UserName="bounded") == "AccessDenied"
    assert code(iam.delete_policy, PolicyArn=boundary) == "DeleteConflict"
    assert [one["UserName"] for one in iam.list_entities_for_policy(
        PolicyArn=boundary, PolicyUsageFilter="PermissionsBoundary")["PolicyUsers"]] == ["bounded"]
    iam.delete_user_permissions_boundary(UserName="bounded")
    assert may(bounded.list_roles)


def test_simulation_is_enforcement(server, make_user):
    iam = server.client("iam")
    simulated = make_user("simulated", allow("iam:List*"), {"Version": "2012-10-17", "Statement": [
        {"Sid": "NoGroups", "Effect": "Deny", "Action": "iam:ListGroups", "Resource": "*"}]})
    arn = f"arn:aws:iam::{server.account}:user/simulated"
    answers = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=sorted(PROBES))["EvaluationResults"]
    assert [one["EvalActionName"] for one in answers] == sorted(PROBES)
    allowed = {one["EvalActionName"] for one in answers if one["EvalDecision"] == "allowed"}
    assert allowed == powers(server, simulated)
    by_action = {one["EvalActionName"]: one for one in answers}
    assert by_action["iam:ListGroups"]["EvalDecision"] == "explicitDeny"
    assert by_action["s3:ListAllMyBuckets"]["EvalDecision"] == "implicitDeny"
    assert by_action["iam:ListGroups"]["MatchedStatements"][0]["SourcePolicyId"] == "user_simulated_policy-1"
    # Asked before anything is created.
    custom = lambda *documents, **more: [one["EvalResourceDecision"] for one in iam.simulate_custom_policy(
        PolicyInputList=[json.dumps(one) for one in documents], ActionNames=["s3:GetObject"],
        ResourceArns=["arn:aws:s3:::data/a", "arn:aws:s3:::other/a"], **more)["EvaluationResults"][0]["ResourceSpecificResults"]]
    assert custom(allow("s3:*", resource="arn:aws:s3:::data/*")) == ["allowed", "implicitDeny"]
    with_key = allow("s3:*", StringEquals={"aws:PrincipalTag/team": "x"})
    assert custom(with_key) == ["implicitDeny", "implicitDeny"]
    assert custom(with_key, ContextEntries=[{"ContextKeyName": "aws:PrincipalTag/team", "ContextKeyType": "string",
                                             "ContextKeyValues": ["x"]}]) == ["allowed", "allowed"]
    assert custom(allow("*"), PermissionsBoundaryPolicyInputList=[json.dumps(allow("iam:*"))]) == ["implicitDeny", "implicitDeny"]
    assert code(iam.simulate_custom_policy, PolicyInputList=["{"], ActionNames=["s3:GetObject"]) == "InvalidInput"
    assert code(iam.simulate_principal_policy, PolicySourceArn=arn + "x", ActionNames=["s3:GetObject"]) == "NoSuchEntity"


def test_what_cannot_exist_is_absent(server):
    iam = server.client("iam")
    iam.create_user(UserName="plain")
    assert iam.list_mfa_devices(UserName="plain")["MFADevices"] == []
    assert iam.list_ssh_public_keys(UserName="plain")["SSHPublicKeys"] == []
    assert iam.list_signing_certificates(UserName="plain")["Certificates"] == []
    assert iam.list_service_specific_credentials(UserName="plain")["ServiceSpecificCredentials"] == []
    assert iam.list_instance_profiles()["InstanceProfiles"] == []
    assert refused(iam.delete_login_profile, UserName="plain") == ("NoSuchEntity", "Login Profile for User plain cannot be found.")
    assert code(iam.list_mfa_devices, UserName="nobody") == "NoSuchEntity"


PROBES = {
    "iam:ListUsers": lambda clients: clients("iam").list_users(),
    "iam:ListRoles": lambda clients: clients("iam").list_roles(),
    "iam:ListGroups": lambda clients: clients("iam").list_groups(),
    "iam:ListPolicies": lambda clients: clients("iam").list_policies(MaxItems=1),
    "iam:GetAccountSummary": lambda clients: clients("iam").get_account_summary(),
    "iam:GetAccountAuthorizationDetails": lambda clients: clients("iam").get_account_authorization_details(MaxItems=1),
    "iam:ListAccountAliases": lambda clients: clients("iam").list_account_aliases(),
    "s3:ListAllMyBuckets": lambda clients: clients("s3").list_buckets(),
}


def powers(server, credentials):
    """Which of the probed actions these credentials may do, tried for real."""
    made = {}

    def clients(service):
        if service not in made:
            made[service] = server.client_as(credentials, service)
        return made[service]

    return {action for action, probe in PROBES.items() if may(probe, clients)}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nobody_mints_more_than_it_has(server, make_user, make_role, seed):
    """Random grants, sessions and session policies: what comes out is never more than what went in (MinIO's CVE-2025-62506,
    CVE-2024-55949, CVE-2022-24842)."""
    dice = random.Random(seed)
    actions = sorted(PROBES)
    some = lambda: dice.sample(actions, dice.randint(1, len(actions) - 1))
    user_has, role_has = set(some()), set(some())
    user = make_user(f"minter-{seed}", allow(*user_has))
    role = make_role(f"Minted-{seed}", f"arn:aws:iam::{server.account}:user/minter-{seed}", allow(*role_has))
    assert powers(server, user) == user_has
    sts = server.client_as(user, "sts")
    whole = Credentials.of(sts.assume_role(RoleArn=role, RoleSessionName="whole"))
    assert powers(server, whole) == role_has
    for turn in range(3):
        wanted = set(some())
        scoped = Credentials.of(sts.assume_role(RoleArn=role, RoleSessionName=f"turn-{turn}", Policy=json.dumps(allow(*wanted))))
        assert powers(server, scoped) == role_has & wanted
        # A session policy binds on the session's own account and role too: no way out of it.
        iam = server.client_as(scoped, "iam")
        for attempt in (lambda: iam.create_access_key(UserName=f"minter-{seed}"), lambda: iam.delete_role(RoleName=f"Minted-{seed}"),
                        lambda: iam.put_role_policy(RoleName=f"Minted-{seed}", PolicyName="more", PolicyDocument=json.dumps(allow("*"))),
                        lambda: iam.create_user(UserName=f"mine-{seed}"),
                        lambda: iam.update_assume_role_policy(RoleName=f"Minted-{seed}", PolicyDocument=TRUST_SAGEMAKER)):
            assert not may(attempt)
        assert not may(server.client_as(scoped, "sts").assume_role, RoleArn=role, RoleSessionName="again")
    own_session = Credentials.of(sts.get_session_token())
    assert powers(server, own_session) - {"s3:ListAllMyBuckets"} == set()  # IAM takes no session without MFA
    assert ("s3:ListAllMyBuckets" in powers(server, own_session)) == ("s3:ListAllMyBuckets" in user_has)


def test_a_delegated_administrator_stays_inside_the_boundary(server, make_user):
    """The documented way to let somebody make roles that are no stronger than a boundary."""
    iam = server.client("iam")
    account = server.account
    boundary = iam.create_policy(PolicyName="Fence", PolicyDocument=json.dumps(allow("iam:ListUsers", "s3:*")))["Policy"]["Arn"]
    fenced = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    admin = make_user("delegate", {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Resource": f"arn:aws:iam::{account}:role/fenced/*", "Condition": fenced, "Action": [
            "iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary"]},
        {"Effect": "Allow", "Resource": f"arn:aws:iam::{account}:role/fenced/*", "Action": ["iam:UpdateAssumeRolePolicy", "iam:DeleteRole"]},
        {"Effect": "Deny", "Resource": "*", "Action": ["iam:DeleteRolePermissionsBoundary"]}]})
    own = server.client_as(admin, "iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:user/delegate"}, "Action": "sts:AssumeRole"}]})
    assert code(own.create_role, RoleName="free", Path="/fenced/", AssumeRolePolicyDocument=trust) == "AccessDenied"
    assert code(own.create_role, RoleName="other", AssumeRolePolicyDocument=trust, PermissionsBoundary=boundary) == "AccessDenied"
    assert code(own.create_role, RoleName="admin", Path="/fenced/", AssumeRolePolicyDocument=trust,
                PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess") == "AccessDenied"
    role = own.create_role(RoleName="kept", Path="/fenced/", AssumeRolePolicyDocument=trust, PermissionsBoundary=boundary)["Role"]["Arn"]
    own.attach_role_policy(RoleName="kept", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    # By another spelling it is the same role: names are found ignoring case, decided by what they are.
    own.put_role_policy(RoleName="KEPT", PolicyName="all", PolicyDocument=json.dumps(allow("*")))
    session = Credentials.of(server.client_as(admin, "sts").assume_role(RoleArn=role, RoleSessionName="kept"))
    assert powers(server, session) == {"iam:ListUsers", "s3:ListAllMyBuckets"}
    assert code(own.delete_role_permissions_boundary, RoleName="kept") == "AccessDenied"
    assert code(own.put_role_permissions_boundary, RoleName="kept",
                PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess") == "AccessDenied"
    assert code(server.client_as(session, "iam").delete_role_permissions_boundary, RoleName="kept") == "AccessDenied"
    # A role outside the fence that has no boundary cannot be filled either.
    iam.create_role(RoleName="unfenced", Path="/fenced/", AssumeRolePolicyDocument=trust)
    assert code(own.put_role_policy, RoleName="unfenced", PolicyName="all", PolicyDocument=json.dumps(allow("*"))) == "AccessDenied"


def test_tags_decide(server, make_user):
    iam = server.client("iam")
    iam.create_role(RoleName="tagged-a", AssumeRolePolicyDocument=TRUST_SAGEMAKER, Tags=[{"Key": "team", "Value": "a"}])
    iam.create_role(RoleName="tagged-b", AssumeRolePolicyDocument=TRUST_SAGEMAKER, Tags=[{"Key": "team", "Value": "b"}])
    own = server.client_as(make_user(
        "tagger", allow("iam:GetRole", StringEquals={"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}),
        allow("iam:CreateRole", "iam:TagRole", StringEquals={"aws:RequestTag/team": "a"},
              **{"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}})), "iam")
    assert not may(own.get_role, RoleName="tagged-a")
    iam.tag_user(UserName="tagger", Tags=[{"Key": "team", "Value": "a"}])
    assert may(own.get_role, RoleName="tagged-a") and not may(own.get_role, RoleName="tagged-b")
    assert not may(own.create_role, RoleName="t1", AssumeRolePolicyDocument=TRUST_SAGEMAKER)
    assert not may(own.create_role, RoleName="t1", AssumeRolePolicyDocument=TRUST_SAGEMAKER, Tags=[{"Key": "team", "Value": "b"}])
    assert not may(own.create_role, RoleName="t1", AssumeRolePolicyDocument=TRUST_SAGEMAKER,
                   Tags=[{"Key": "team", "Value": "a"}, {"Key": "more", "Value": "1"}])
    assert may(own.create_role, RoleName="t1", AssumeRolePolicyDocument=TRUST_SAGEMAKER, Tags=[{"Key": "team", "Value": "a"}])


def test_account(server):
    iam = server.client("iam")
    iam.create_account_alias(AccountAlias="the-house")
    assert iam.list_account_aliases()["AccountAliases"] == ["the-house"]
    iam.delete_account_alias(AccountAlias="the-house")
    assert iam.list_account_aliases()["AccountAliases"] == []
    iam.create_user(UserName="counted")
    summary = iam.get_account_summary()["SummaryMap"]
    assert summary["Users"] == len(iam.list_users()["Users"]) and summary["VersionsPerPolicyQuota"] == 5
    iam.attach_user_policy(UserName="counted", PolicyArn=SAGEMAKER_FULL)
    details = [page for page in iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 4})]
    users = {user["UserName"]: user for page in details for user in page["UserDetailList"]}
    assert users["counted"]["AttachedManagedPolicies"] == [{"PolicyName": "AmazonSageMakerFullAccess", "PolicyArn": SAGEMAKER_FULL}]
    assert SAGEMAKER_FULL in [policy["Arn"] for page in details for policy in page["Policies"]]


@pytest.mark.parametrize("program", [AWS_V1, AWS_V2], ids=["aws-v1", "aws-v2"])
def test_the_command_line(server, program, tmp_path):
    name = "cli-" + ("v2" if program == AWS_V2 else "v1")
    # Debian's version 2 is older than AWS_ENDPOINT_URL.
    aws = lambda *arguments, **options: server.aws("iam", *arguments, "--endpoint-url", server.endpoint, program=program, **options)
    (tmp_path / "trust.json").write_text(TRUST_SAGEMAKER)
    (tmp_path / "policy.json").write_text(json.dumps(allow("s3:GetObject", resource="arn:aws:s3:::data/*"), indent=2))
    made = json.loads(aws("create-role", "--role-name", name, "--assume-role-policy-document", f"file://{tmp_path}/trust.json",
                          "--tags", "Key=a,Value=b").stdout)["Role"]
    assert made["Arn"] == f"arn:aws:iam::{server.account}:role/{name}"
    aws("put-role-policy", "--role-name", name, "--policy-name", "p", "--policy-document", f"file://{tmp_path}/policy.json")
    got = json.loads(aws("get-role-policy", "--role-name", name, "--policy-name", "p").stdout)
    assert got["PolicyDocument"] == allow("s3:GetObject", resource="arn:aws:s3:::data/*")
    aws("attach-role-policy", "--role-name", name, "--policy-arn", SAGEMAKER_FULL)
    assert SAGEMAKER_FULL in aws("list-attached-role-policies", "--role-name", name, "--output", "text").stdout
    failed = aws("delete-role", "--role-name", name, check=False)
    assert failed.returncode != 0 and "(DeleteConflict)" in failed.stderr
    aws("detach-role-policy", "--role-name", name, "--policy-arn", SAGEMAKER_FULL)
    aws("delete-role-policy", "--role-name", name, "--policy-name", "p")
    aws("delete-role", "--role-name", name)
    failed = aws("get-role", "--role-name", name, check=False)
    assert "(NoSuchEntity)" in failed.stderr and f"The role with name {name} cannot be found." in failed.stderr


def test_everything_survives_a_crash(make_server):
    server = make_server()
    iam = server.client("iam")
    iam.create_user(UserName="u", Path="/p/")
    key = Credentials.of(iam.create_access_key(UserName="u"))
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="u")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=json.dumps(allow("iam:ListUsers", "sts:AssumeRole")))["Policy"]["Arn"]
    iam.attach_group_policy(GroupName="g", PolicyArn=arn)
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{server.account}:root"}, "Action": "sts:AssumeRole"}]}))["Role"]
    iam.put_role_policy(RoleName="r", PolicyName="in", PolicyDocument=json.dumps(allow("iam:ListRoles")))
    session = Credentials.of(server.client_as(key, "sts").assume_role(RoleArn=role["Arn"], RoleSessionName="before"))
    account = server.account
    server.stop(signal.SIGKILL)
    server.start()
    assert server.account == account
    iam = server.client("iam")
    assert iam.get_role(RoleName="r")["Role"]["RoleId"] == role["RoleId"]
    assert may(server.client_as(key, "iam").list_users) and not may(server.client_as(key, "iam").list_roles)
    assert may(server.client_as(session, "iam").list_roles) and not may(server.client_as(session, "iam").list_users)
    iam.delete_role_policy(RoleName="r", PolicyName="in")
    iam.delete_role(RoleName="r")
    server.stop(signal.SIGKILL)
    server.start()
    assert code(server.client("iam").get_role, RoleName="r") == "NoSuchEntity"
    assert code(server.client_as(session, "sts").get_caller_identity) == "InvalidClientTokenId"


def test_secrets_are_in_no_file_and_no_answer(make_server):
    """A planted secret is looked for in everything that the server writes, root's own key file apart."""
    server = make_server()
    iam = server.client("iam")
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    Credentials.of(key)
    server.client_as(Credentials.of(key), "sts").get_caller_identity()
    assert key["SecretAccessKey"] not in json.dumps(iam.list_access_keys(UserName="u"), default=str)
    assert key["SecretAccessKey"] not in json.dumps(iam.get_account_authorization_details(), default=str)
    server.stop()
    secrets = [key["SecretAccessKey"].encode(), server.root.secret_access_key.encode()]
    for path in server.home.rglob("*"):
        if path.is_file() and path.name != "root-credentials":
            content = path.read_bytes()
            assert not any(secret in content for secret in secrets), path
