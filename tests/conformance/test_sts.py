"""STS as its real clients see it: who may assume what, what a session can do, and when it ends."""

import datetime
import json

import pytest
from conftest import AWS_V1, AWS_V2, Credentials, allow
from test_iam import code, may, refused, unchecked


def trust(principal, action="sts:AssumeRole", **condition):
    statement = {"Effect": "Allow", "Principal": principal, "Action": action}
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_who_am_i(server, make_user, make_role):
    account = server.account
    assert server.client("sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{account}:root"
    user = make_user("me")
    identity = server.client_as(user, "sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{account}:user/me" and identity["Account"] == account
    assert identity["UserId"] == server.client("iam").get_user(UserName="me")["User"]["UserId"]
    role = make_role("Me", identity["Arn"], Path="/deep/path/")
    answer = server.client_as(user, "sts").assume_role(RoleArn=role, RoleSessionName="job@1")
    role_id = server.client("iam").get_role(RoleName="Me")["Role"]["RoleId"]
    assert answer["AssumedRoleUser"] == {"AssumedRoleId": f"{role_id}:job@1", "Arn": f"arn:aws:sts::{account}:assumed-role/Me/job@1"}
    session = server.client_as(answer, "sts").get_caller_identity()
    assert session["Arn"] == answer["AssumedRoleUser"]["Arn"] and session["UserId"] == f"{role_id}:job@1"
    # R74: always allowed, even when a policy denies it.
    denied = make_user("silent", {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    assert server.client_as(denied, "sts").get_caller_identity()["Account"] == account


def test_trust_decides_who_assumes(server, make_user):
    iam = server.client("iam")
    account = server.account
    ann, bob = make_user("ann"), make_user("bob", allow("sts:AssumeRole"))
    for name, principal in (("TrustsAnn", f"arn:aws:iam::{account}:user/ann"), ("TrustsAccount", f"arn:aws:iam::{account}:root")):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": principal}))
    iam.create_role(RoleName="TrustsService", AssumeRolePolicyDocument=trust({"Service": "sagemaker.amazonaws.com"}))

    def assumes(who, role):
        return may(server.client_as(who, "sts").assume_role, RoleArn=f"arn:aws:iam::{account}:role/{role}", RoleSessionName="try")

    assert assumes(ann, "TrustsAnn")             # named by the trust policy: enough in the same account
    assert not assumes(bob, "TrustsAnn")         # R75: an identity policy alone is not
    assert not assumes(ann, "TrustsAccount")     # R6: the account delegates, and ann's policies say nothing
    assert assumes(bob, "TrustsAccount")
    assert not assumes(ann, "TrustsService") and not assumes(bob, "TrustsService")
    assert not assumes(bob, "NoSuchRole")        # in the same words as a role that does not trust
    denied = refused(server.client_as(bob, "sts").assume_role, RoleArn=f"arn:aws:iam::{account}:role/TrustsAnn", RoleSessionName="try")
    assert denied[0] == "AccessDenied"
    assert denied[1].startswith(f"User: arn:aws:iam::{account}:user/bob is not authorized to perform: sts:AssumeRole on resource: "
                                f"arn:aws:iam::{account}:role/TrustsAnn")
    assert code(server.client("sts").assume_role, RoleArn=f"arn:aws:iam::{account}:role/TrustsAccount", RoleSessionName="try") == "AccessDenied"


def test_external_id(server, make_user):
    iam = server.client("iam")
    user = make_user("vendor")
    iam.create_role(RoleName="External", AssumeRolePolicyDocument=trust(
        {"AWS": f"arn:aws:iam::{server.account}:user/vendor"}, StringEquals={"sts:ExternalId": "secret-handshake"}))
    sts = server.client_as(user, "sts")
    arn = f"arn:aws:iam::{server.account}:role/External"
    assert code(sts.assume_role, RoleArn=arn, RoleSessionName="try") == "AccessDenied"
    assert code(sts.assume_role, RoleArn=arn, RoleSessionName="try", ExternalId="wrong") == "AccessDenied"
    sts.assume_role(RoleArn=arn, RoleSessionName="try", ExternalId="secret-handshake")


def test_durations(server, make_user, make_role):
    user = make_user("timed", allow("sts:*"))
    role = make_role("Timed", f"arn:aws:iam::{server.account}:user/timed", allow("sts:AssumeRole"))
    sts = server.client_as(user, "sts")
    before = datetime.datetime.now(datetime.timezone.utc)
    expires = sts.assume_role(RoleArn=role, RoleSessionName="long", DurationSeconds=900)["Credentials"]["Expiration"]
    assert datetime.timedelta(seconds=890) < expires - before < datetime.timedelta(seconds=960)
    for seconds in (899, 43201):
        assert code(unchecked(server, user, "sts").assume_role, RoleArn=role, RoleSessionName="long",
                    DurationSeconds=seconds) == "ValidationError"
    assert refused(sts.assume_role, RoleArn=role, RoleSessionName="long", DurationSeconds=7200) == (
        "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    server.client("iam").update_role(RoleName="Timed", MaxSessionDuration=7200)
    session = sts.assume_role(RoleArn=role, RoleSessionName="long", DurationSeconds=7200)
    # Role chaining: an hour at most.
    server.client("iam").create_role(RoleName="Chained", MaxSessionDuration=7200, AssumeRolePolicyDocument=trust({"AWS": role}))
    chained = server.client_as(session, "sts")
    arn = f"arn:aws:iam::{server.account}:role/Chained"
    assert code(chained.assume_role, RoleArn=arn, RoleSessionName="next", DurationSeconds=7200) == "ValidationError"
    chained.assume_role(RoleArn=arn, RoleSessionName="next", DurationSeconds=3600)


def test_bad_requests(server, make_user, make_role):
    sts = unchecked(server, make_user("careless"), "sts")
    role = make_role("Careful", f"arn:aws:iam::{server.account}:user/careless")
    ask = lambda **more: code(sts.assume_role, **{"RoleArn": role, "RoleSessionName": "ok", **more})
    assert ask(RoleSessionName="not ok") == "ValidationError"
    assert ask(RoleSessionName="x" * 65) == "ValidationError"
    assert ask(Policy="{") == "MalformedPolicyDocument"
    assert ask(Policy=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]})
               ) == "MalformedPolicyDocument"
    assert ask(Policy=json.dumps(allow("s3:GetObject", resource="arn:aws:s3:::" + "a" * 2048))) == "ValidationError"


def test_a_session_ends_with_its_role(server, make_user, make_role):
    iam = server.client("iam")
    user = make_user("mourner")
    role = make_role("Mortal", f"arn:aws:iam::{server.account}:user/mourner", allow("iam:ListUsers"))
    session = server.client_as(user, "sts").assume_role(RoleArn=role, RoleSessionName="last")
    assert may(server.client_as(session, "iam").list_users)
    # Permissions are the role's as they are now, not as they were.
    iam.delete_role_policy(RoleName="Mortal", PolicyName="policy-0")
    assert not may(server.client_as(session, "iam").list_users)
    iam.delete_role(RoleName="Mortal")
    assert code(server.client_as(session, "sts").get_caller_identity) == "InvalidClientTokenId"
    make_role("Mortal", f"arn:aws:iam::{server.account}:user/mourner", allow("iam:ListUsers"))
    assert code(server.client_as(session, "sts").get_caller_identity) == "InvalidClientTokenId"


def test_tokens_are_bound_to_their_keys(server, make_user, make_role):
    user = make_user("forger")
    role = make_role("Forged", f"arn:aws:iam::{server.account}:user/forger")
    sts = server.client_as(user, "sts")
    one = Credentials.of(sts.assume_role(RoleArn=role, RoleSessionName="one"))
    two = Credentials.of(sts.assume_role(RoleArn=role, RoleSessionName="two"))
    who = lambda *parts: code(server.client_as(Credentials(*parts), "sts").get_caller_identity)
    assert who(one.access_key_id, one.secret_access_key, two.session_token) == "InvalidClientTokenId"
    assert who(two.access_key_id, one.secret_access_key, two.session_token) == "SignatureDoesNotMatch"
    assert who(one.access_key_id, one.secret_access_key, None) == "InvalidClientTokenId"
    assert who(one.access_key_id, one.secret_access_key, one.session_token[:-8] + "AAAAAAA=") == "InvalidClientTokenId"
    assert who(one.access_key_id, one.secret_access_key, "not a token") == "InvalidClientTokenId"
    assert who(user.access_key_id, user.secret_access_key, one.session_token) == "InvalidClientTokenId"


def test_session_policies(server, make_user, make_role):
    user = make_user("scoper")
    role = make_role("Scoped", f"arn:aws:iam::{server.account}:user/scoper", allow("iam:List*", "iam:GetAccountSummary"))
    sts = server.client_as(user, "sts")
    answer = sts.assume_role(RoleArn=role, RoleSessionName="scoped", Policy=json.dumps(allow("iam:ListUsers", "s3:*")))
    assert 0 < answer["PackedPolicySize"] <= 100
    iam = server.client_as(answer, "iam")
    assert may(iam.list_users)
    denied = refused(iam.list_roles)
    assert denied[0] == "AccessDenied" and "because no session policy allows the iam:ListRoles action" in denied[1]
    assert not may(server.client_as(answer, "s3").list_buckets)
    managed = sts.assume_role(RoleArn=role, RoleSessionName="scoped", PolicyArns=[{"arn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}])
    assert may(server.client_as(managed, "iam").list_users)
    none = sts.assume_role(RoleArn=role, RoleSessionName="scoped", PolicyArns=[{"arn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}])
    assert not may(server.client_as(none, "iam").list_users)


def test_session_tags(server, make_user):
    iam = server.client("iam")
    user = make_user("labeller")
    principal = {"AWS": f"arn:aws:iam::{server.account}:user/labeller"}
    iam.create_role(RoleName="NoTags", AssumeRolePolicyDocument=trust(principal))
    iam.create_role(RoleName="Tags", AssumeRolePolicyDocument=trust(principal, ["sts:AssumeRole", "sts:TagSession"]),
                    Tags=[{"Key": "team", "Value": "red"}])
    iam.put_role_policy(RoleName="Tags", PolicyName="p", PolicyDocument=json.dumps(
        allow("iam:ListUsers", StringEquals={"aws:PrincipalTag/team": "blue"})))
    sts = server.client_as(user, "sts")
    arn = f"arn:aws:iam::{server.account}:role/"
    assert code(sts.assume_role, RoleArn=arn + "NoTags", RoleSessionName="tag", Tags=[{"Key": "team", "Value": "blue"}]) == "AccessDenied"
    sts.assume_role(RoleArn=arn + "NoTags", RoleSessionName="tag")
    plain = sts.assume_role(RoleArn=arn + "Tags", RoleSessionName="tag")
    assert not may(server.client_as(plain, "iam").list_users)
    blue = sts.assume_role(RoleArn=arn + "Tags", RoleSessionName="tag", Tags=[{"Key": "Team", "Value": "blue"}])
    assert may(server.client_as(blue, "iam").list_users)  # R71: session tags override the role's


def test_session_token_of_a_user(server, make_user):
    user = make_user("sessioned", allow("iam:*", "s3:ListAllMyBuckets"))
    session = server.client_as(user, "sts").get_session_token(DurationSeconds=900)
    own = server.client_as(session, "sts")
    assert own.get_caller_identity()["Arn"] == f"arn:aws:iam::{server.account}:user/sessioned"
    assert may(server.client_as(session, "s3").list_buckets)
    assert code(server.client_as(session, "iam").list_users) == "InvalidClientTokenId"  # IAM wants MFA or long-term keys
    assert code(own.get_session_token) == "AccessDenied"
    iam = server.client("iam")
    iam.delete_user_policy(UserName="sessioned", PolicyName="policy-0")
    assert not may(server.client_as(session, "s3").list_buckets)
    iam.delete_access_key(UserName="sessioned", AccessKeyId=user.access_key_id)
    iam.delete_user(UserName="sessioned")
    assert code(own.get_caller_identity) == "InvalidClientTokenId"


@pytest.mark.parametrize("program", [AWS_V1, AWS_V2], ids=["aws-v1", "aws-v2"])
def test_the_command_line(server, make_user, make_role, program):
    name = "cli-" + ("v2" if program == AWS_V2 else "v1")
    user = make_user(name)
    role = make_role(name + "-role", f"arn:aws:iam::{server.account}:user/{name}")
    # Debian's version 2 is older than AWS_ENDPOINT_URL.
    aws = lambda *arguments, **options: server.aws("sts", *arguments, "--endpoint-url", server.endpoint, program=program, **options)
    assert json.loads(aws("get-caller-identity").stdout)["Account"] == server.account
    answer = json.loads(aws("assume-role", "--role-arn", role, "--role-session-name", "cli", credentials=user).stdout)
    who = json.loads(aws("get-caller-identity", credentials=answer).stdout)
    assert who["Arn"] == f"arn:aws:sts::{server.account}:assumed-role/{name}-role/cli"
    failed = aws("assume-role", "--role-arn", role + "x", "--role-session-name", "cli", credentials=user, check=False)
    assert failed.returncode != 0 and "(AccessDenied)" in failed.stderr
