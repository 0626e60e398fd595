"""Holes of other implementations that concern who may do what, tried here with real clients. Each test names whose hole it was; those
that the engine alone can show are cases in tests/cases/policy/peers.case, those of signatures are in test_signatures.py."""

import base64
import json
import random
import urllib.error
import urllib.request

import botocore.exceptions
import pytest
from conftest import Credentials, allow
from test_iam import PROBES, code, may, powers


def statement(**parts):
    return json.dumps({"Version": "2012-10-17", "Statement": [parts]})


def trust(principal):
    return statement(Effect="Allow", Principal=principal, Action="sts:AssumeRole")


def session_of(server, user, role, *documents, **more):
    answer = server.client_as(user, "sts").assume_role(RoleArn=role, RoleSessionName="peers", **more,
                                                       **({"Policy": json.dumps(documents[0])} if documents else {}))
    return Credentials.of(answer)


# MinIO CVE-2025-62506: a restricted session escaped its session policy on operations on its "own" account, because those looked for a
# Deny only.
OWN_ACCOUNT = {
    "iam:CreateAccessKey": lambda iam, who: iam.create_access_key(UserName=who),
    "iam:ListAccessKeys": lambda iam, who: iam.list_access_keys(UserName=who),
    "iam:GetUser": lambda iam, who: iam.get_user(UserName=who),
    "iam:UpdateUser": lambda iam, who: iam.update_user(UserName=who, NewPath="/x/"),
    "iam:PutUserPolicy": lambda iam, who: iam.put_user_policy(UserName=who, PolicyName="more", PolicyDocument=json.dumps(allow("*"))),
    "iam:AttachUserPolicy": lambda iam, who: iam.attach_user_policy(UserName=who, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
    "iam:DeleteUserPermissionsBoundary": lambda iam, who: iam.delete_user_permissions_boundary(UserName=who),
    "iam:AddUserToGroup": lambda iam, who: iam.add_user_to_group(GroupName="no-such-group", UserName=who),
}


@pytest.mark.parametrize("action", sorted(OWN_ACCOUNT))
def test_minio_cve_2025_62506_a_session_policy_binds_on_its_own_account(server, make_user, make_role, action):
    name = "own-" + action.split(":")[1].lower()
    user = make_user(name)
    everything = make_role("Own-" + action.split(":")[1], f"arn:aws:iam::{server.account}:user/{name}", allow("*"))
    attempt = lambda credentials: may(OWN_ACCOUNT[action], server.client_as(credentials, "iam"), name)
    assert attempt(session_of(server, user, everything))                                   # the role itself may
    assert not attempt(session_of(server, user, everything, allow("s3:*")))                # the session policy does not say so
    assert not attempt(session_of(server, user, everything, {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": action, "Resource": "*"}]}))
    assert attempt(session_of(server, user, everything, allow(action)))


# MinIO CVE-2024-55949, CVE-2024-24747, CVE-2022-24842: more rights by importing IAM data, or by making keys and accounts with more rights
# than their maker has.
def test_minio_cve_2024_24747_a_key_of_ones_own_is_no_stronger_than_its_owner(server, make_user):
    user = make_user("keymaker", allow("iam:CreateAccessKey", resource="arn:aws:iam::*:user/${aws:username}"), allow("iam:ListGroups"))
    second = Credentials.of(server.client_as(user, "iam").create_access_key())
    assert powers(server, second) == powers(server, user) == {"iam:ListGroups"}


def test_minio_cve_2022_24842_keys_and_policies_of_others_need_permission_by_name(server, make_user, make_role):
    admin = make_user("peers-admin", allow("*"))
    iam = server.client_as(admin, "iam")
    iam.create_group(GroupName="peers-admins-too")
    iam.put_group_policy(GroupName="peers-admins-too", PolicyName="all", PolicyDocument=json.dumps(allow("*")))
    role = make_role("PeersAdmin", f"arn:aws:iam::{server.account}:user/peers-admin", allow("*"))
    policy = iam.create_policy(PolicyName="peers-attached", PolicyDocument=json.dumps(allow("iam:ListGroups")))["Policy"]["Arn"]
    own = "arn:aws:iam::*:user/${aws:username}"
    user = make_user("climber", allow("iam:CreateAccessKey", "iam:GetUser", resource=own), allow("iam:CreateUser", "iam:CreateRole"))
    iam.attach_user_policy(UserName="climber", PolicyArn=policy)
    climber, sts = server.client_as(user, "iam"), server.client_as(user, "sts")
    everything = json.dumps(allow("*"))
    attempts = [
        lambda: climber.create_access_key(UserName="peers-admin"),
        lambda: climber.put_user_policy(UserName="climber", PolicyName="more", PolicyDocument=everything),
        lambda: climber.attach_user_policy(UserName="climber", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
        lambda: climber.add_user_to_group(GroupName="peers-admins-too", UserName="climber"),
        lambda: climber.create_policy_version(PolicyArn=policy, PolicyDocument=everything, SetAsDefault=True),
        lambda: climber.set_default_policy_version(PolicyArn=policy, VersionId="v1"),
        lambda: climber.update_assume_role_policy(RoleName="PeersAdmin", PolicyDocument=trust({"AWS": f"arn:aws:iam::{server.account}:user/climber"})),
        lambda: sts.assume_role(RoleArn=role, RoleSessionName="up"),
        lambda: climber.update_access_key(UserName="peers-admin", AccessKeyId=admin.access_key_id, Status="Inactive"),
    ]
    for attempt in attempts:
        assert code(attempt) == "AccessDenied"
    # What it may make is empty-handed: rights come from policies alone.
    climber.create_user(UserName="climbed")
    climber.create_role(RoleName="Climbed", AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{server.account}:user/climber"}))
    assert powers(server, session_of(server, user, f"arn:aws:iam::{server.account}:role/Climbed")) == set()
    assert powers(server, user) == {"iam:ListGroups"}


@pytest.mark.parametrize("seed", [11, 12, 13, 14])
def test_minio_cve_2024_55949_nothing_that_a_principal_makes_is_more_than_it_has(server, make_user, seed):
    """Random walks of a caller that may make and fill roles inside a boundary: no session of any of them leaves it."""
    dice = random.Random(seed)
    iam, account, actions = server.client("iam"), server.account, sorted(PROBES)
    fence = set(dice.sample(actions, 4))
    boundary = iam.create_policy(PolicyName=f"peers-fence-{seed}", PolicyDocument=json.dumps(allow(*fence)))["Policy"]["Arn"]
    inside = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    roles = f"arn:aws:iam::{account}:role/peers-{seed}/*"
    user = make_user(f"walker-{seed}", {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Resource": roles, "Condition": inside,
         "Action": ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary"]},
        {"Effect": "Allow", "Resource": roles, "Action": ["iam:UpdateAssumeRolePolicy", "iam:DeleteRole", "iam:GetRole"]}]})
    own = server.client_as(user, "iam")
    me = f"arn:aws:iam::{account}:user/walker-{seed}"
    name = f"Walked-{seed}"
    assert own.create_role(RoleName=name, Path=f"/peers-{seed}/", AssumeRolePolicyDocument=trust({"AWS": me}), PermissionsBoundary=boundary)
    steps = [
        lambda: own.put_role_policy(RoleName=name, PolicyName=f"p{dice.randrange(3)}", PolicyDocument=json.dumps(allow(*dice.sample(actions, 5)))),
        lambda: own.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
        lambda: own.put_role_permissions_boundary(RoleName=name, PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess"),
        lambda: own.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary),
        lambda: own.delete_role_permissions_boundary(RoleName=name),
        lambda: own.create_role(RoleName=name + "x", Path=f"/peers-{seed}/", AssumeRolePolicyDocument=trust({"AWS": me})),
        lambda: own.create_policy_version(PolicyArn=boundary, PolicyDocument=json.dumps(allow("*")), SetAsDefault=True),
        lambda: own.put_user_policy(UserName=f"walker-{seed}", PolicyName="more", PolicyDocument=json.dumps(allow("*"))),
        lambda: own.update_assume_role_policy(RoleName=name, PolicyDocument=trust({"AWS": [me, account]})),
    ]
    reached = set()
    for _ in range(12):
        may(dice.choice(steps))
        reached |= powers(server, session_of(server, user, f"arn:aws:iam::{account}:role/peers-{seed}/{name}"))
        assert reached <= fence
    assert powers(server, user) == set()


# RustFS CVE-2025-68926: a token that is in the program, the same everywhere.
def test_rustfs_cve_2025_68926_no_credential_comes_with_the_program(server, make_server):
    other = make_server()
    assert other.root.access_key_id != server.root.access_key_id and other.root.secret_access_key != server.root.secret_access_key
    well_known = [("minioadmin", "minioadmin"), ("rustfsadmin", "rustfsadmin"), ("test", "test"), ("admin", "admin"), ("root", "root"),
                  ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), (other.root.access_key_id, other.root.secret_access_key),
                  ("trainwarden", "trainwarden"), (server.root.access_key_id, "x"), (server.root.access_key_id, server.root.access_key_id)]
    for key, secret in well_known:
        assert code(server.client_as(Credentials(key, secret), "sts").get_caller_identity) in ("InvalidClientTokenId", "SignatureDoesNotMatch"), key


# Ceph RGW CVE-2024-48916: web identity tokens with `alg: none` were accepted.
def test_ceph_cve_2024_48916_unsigned_tokens_assume_nothing(server):
    iam = server.client("iam")
    provider = f"arn:aws:iam::{server.account}:oidc-provider/ci.example.com"
    role = iam.create_role(RoleName="WebIdentity", AssumeRolePolicyDocument=statement(
        Effect="Allow", Principal={"Federated": provider}, Action="sts:AssumeRoleWithWebIdentity"))["Role"]["Arn"]
    part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
    for header in ({"alg": "none", "typ": "JWT"}, {"alg": "None"}, {"alg": "HS256"}, {}):
        for signature in ("", "AAAA"):
            token = f"{part(header)}.{part({'iss': 'https://ci.example.com', 'sub': 'root', 'aud': 'sts.amazonaws.com', 'exp': 4102444800})}.{signature}"
            with pytest.raises(botocore.exceptions.ClientError):
                server.client_as(None, "sts").assume_role_with_web_identity(RoleArn=role, RoleSessionName="peers", WebIdentityToken=token)


# Versity GW #1092, NooBaa #9359: a Deny in a bucket policy was not applied; NotPrincipal was read as Principal.
def test_versity_1092_noobaa_9359_a_deny_in_a_bucket_policy_is_applied(server, make_user):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="versity-1092")
    s3.put_object(Bucket="versity-1092", Key="k", Body=b"x")
    ann, bob = make_user("versity-ann", allow("s3:*")), make_user("versity-bob", allow("s3:*"))
    reads = lambda who: may(server.client_as(who, "s3").get_object, Bucket="versity-1092", Key="k")
    principal = f"arn:aws:iam::{server.account}:user/versity-ann"
    on = {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::versity-1092/*"}
    assert reads(ann) and reads(bob)
    s3.put_bucket_policy(Bucket="versity-1092", Policy=statement(Effect="Deny", Principal={"AWS": principal}, **on))
    assert not reads(ann) and reads(bob)
    s3.put_bucket_policy(Bucket="versity-1092", Policy=statement(Effect="Deny", NotPrincipal={"AWS": [principal, server.account]}, **on))
    assert reads(ann) and not reads(bob)


# Ceph RGW #62285, #65606, LocalStack, moto: conditions that were stored and not enforced, or the other way round.
CONDITIONS = [
    ("StringEquals", "aws:username", ["conditioned"], True), ("StringEquals", "aws:username", ["other"], False),
    ("StringNotEquals", "aws:username", ["other", "conditioned"], False), ("StringNotEquals", "aws:username", ["other", "another"], True),
    ("ArnEquals", "aws:PrincipalArn", ["arn:aws:iam::*:user/conditioned"], True), ("ArnEquals", "aws:PrincipalArn", ["arn:aws:iam::*:user/x*"], False),
    ("ArnNotLike", "aws:PrincipalArn", ["arn:aws:iam::*:user/cond*"], False), ("ArnNotLike", "aws:PrincipalArn", ["arn:aws:iam::*:role/*"], True),
    ("IpAddress", "aws:SourceIp", ["127.0.0.0/8"], True), ("NotIpAddress", "aws:SourceIp", ["10.0.0.0/8", "127.0.0.0/8"], False),
    ("DateGreaterThan", "aws:CurrentTime", ["2020-01-01T00:00:00Z"], True), ("DateLessThan", "aws:CurrentTime", ["2020-01-01T00:00:00Z"], False),
    ("NumericLessThan", "s3:max-keys", ["10"], True), ("NumericLessThan", "s3:max-keys", ["2"], False),
    ("Bool", "aws:SecureTransport", ["false"], True), ("Bool", "aws:SecureTransport", ["true"], False),
    ("Null", "aws:TokenIssueTime", ["true"], True), ("Null", "aws:TokenIssueTime", ["false"], False),
    ("StringLike", "s3:prefix", ["home/*"], True), ("StringLikeIfExists", "s3:delimiter", ["x"], True),
    ("ForAllValues:StringEquals", "aws:TagKeys", ["x"], True), ("ForAnyValue:StringEquals", "aws:TagKeys", ["x"], False),
]


@pytest.fixture(scope="module")
def conditioned(server):
    iam = server.client("iam")
    iam.create_user(UserName="conditioned")
    server.client("s3").create_bucket(Bucket="conditions")
    return Credentials.of(iam.create_access_key(UserName="conditioned"))


@pytest.mark.parametrize("operator, key, values, holds", CONDITIONS)
def test_ceph_62285_65606_every_condition_that_is_stored_is_enforced(server, conditioned, operator, key, values, holds):
    server.client("iam").put_user_policy(UserName="conditioned", PolicyName="p", PolicyDocument=statement(
        Effect="Allow", Action="s3:ListBucket", Resource="arn:aws:s3:::conditions", Condition={operator: {key: values}}))
    assert may(server.client_as(conditioned, "s3").list_objects_v2, Bucket="conditions", Prefix="home/x", MaxKeys=5) == holds


# Ceph RGW #41585: session policies were united with the role's policies instead of narrowing them.
def test_ceph_41585_session_policies_narrow(server, make_user, make_role):
    user = make_user("narrowed")
    role = make_role("Narrowed", f"arn:aws:iam::{server.account}:user/narrowed", allow("iam:ListUsers", "iam:ListRoles"))
    wide = session_of(server, user, role, allow("iam:ListUsers", "iam:ListGroups"))
    assert powers(server, wide) == {"iam:ListUsers"}
    both = session_of(server, user, role, allow("*"), PolicyArns=[{"arn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}])
    assert powers(server, both) == {"iam:ListUsers", "iam:ListRoles"}
    nothing = session_of(server, user, role, PolicyArns=[{"arn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}])
    assert powers(server, nothing) == set()


# aws-cli #10314: AWS's simulator drops trust policies for sts:AssumeRole; here it says what is enforced.
def test_aws_cli_10314_the_simulator_knows_that_roles_choose_who_assumes_them(server, make_user):
    user = make_user("foreseen", allow("sts:AssumeRole"))
    iam = server.client("iam")
    for name, principal in (("Open", {"AWS": server.account}), ("Shut", {"Service": "sagemaker.amazonaws.com"})):
        arn = iam.create_role(RoleName="Foreseen" + name, AssumeRolePolicyDocument=trust(principal))["Role"]["Arn"]
        answer = iam.simulate_principal_policy(PolicySourceArn=f"arn:aws:iam::{server.account}:user/foreseen", ActionNames=["sts:AssumeRole"],
                                               ResourceArns=[arn])["EvaluationResults"][0]["EvalDecision"]
        assert (answer == "allowed") == may(server.client_as(user, "sts").assume_role, RoleArn=arn, RoleSessionName="try") == (name == "Open")


# RustFS GHSA-3g29-xff2-92vp, MinIO CVE-2026-40344: another door to the same objects that nobody guarded.
def test_rustfs_ghsa_3g29_every_way_to_an_object_is_guarded(server, make_user, make_role):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="guarded-ways")
    s3.put_object(Bucket="guarded-ways", Key="secret", Body=b"planted-secret-in-an-object")
    stranger = make_user("way-finder", {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::way-finder", "arn:aws:s3:::way-finder/*"]}]})
    own = server.client_as(stranger, "s3")
    own.create_bucket(Bucket="way-finder")
    source = {"Bucket": "guarded-ways", "Key": "secret"}
    upload = own.create_multipart_upload(Bucket="way-finder", Key="k")["UploadId"]
    ways = [
        lambda: own.get_object(**source), lambda: own.head_object(**source), lambda: own.get_object_attributes(**source, ObjectAttributes=["ETag"]),
        lambda: own.get_object_tagging(**source), lambda: own.list_objects_v2(Bucket="guarded-ways"), lambda: own.list_objects(Bucket="guarded-ways"),
        lambda: own.copy_object(Bucket="way-finder", Key="k", CopySource=source),
        lambda: own.upload_part_copy(Bucket="way-finder", Key="k", UploadId=upload, PartNumber=1, CopySource=source),
        lambda: own.delete_object(**source), lambda: own.list_multipart_uploads(Bucket="guarded-ways"),
        lambda: own.put_object_tagging(**source, Tagging={"TagSet": []}), lambda: own.get_bucket_policy(Bucket="guarded-ways"),
    ]
    for number, way in enumerate(ways):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            way()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403, number
    for operation in ("get_object", "head_object"):
        link = own.generate_presigned_url(operation, Params=source)
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(link, method="HEAD" if operation.startswith("head") else "GET"))
        assert caught.value.code == 403
    answer = own.delete_objects(Bucket="way-finder", Delete={"Objects": [{"Key": "../guarded-ways/secret"}]})
    assert "Errors" not in answer
    assert s3.get_object(**source)["Body"].read() == b"planted-secret-in-an-object"
    assert not any(key["Key"] == "k" for key in own.list_objects_v2(Bucket="way-finder").get("Contents", []))
