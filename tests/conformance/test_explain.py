"""Refusals in AWS's words, and `trainwarden explain`: both halves of a decision, of the past and of what would be."""

import json

import botocore.exceptions
import pytest

from conftest import Credentials


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=1)


def statement(effect="Allow", action="s3:*", resource="*", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def refused(call, **arguments):
    """AWS's sentence after `is not authorized to perform: `, and the request's id."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    assert response["Error"]["Code"] == "AccessDenied"
    return response["Error"]["Message"].split(" is not authorized to perform: ")[1], response["ResponseMetadata"]["RequestId"]


@pytest.fixture(scope="module")
def trainer(server):
    """A role with a managed policy of two versions, a boundary, and a bucket whose policy names it."""
    iam, s3 = server.client("iam"), server.client("s3")
    account = server.account
    iam.create_user(UserName="operator")
    iam.put_user_policy(UserName="operator", PolicyName="assume", PolicyDocument=policy(statement(action="sts:*")))
    operator = Credentials.of(iam.create_access_key(UserName="operator"))
    writes = iam.create_policy(PolicyName="Writes", PolicyDocument=policy(statement(action="s3:Get*")))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=writes, SetAsDefault=True, PolicyDocument=policy(
        statement(action="s3:List*", Sid="Lists"), statement("Deny", "s3:DeleteObject", Sid="Keeps")))
    cap = iam.create_policy(PolicyName="Cap", PolicyDocument=policy(statement(action=["s3:Get*", "s3:List*"])))["Policy"]["Arn"]
    iam.create_role(RoleName="trainer", PermissionsBoundary=cap, AssumeRolePolicyDocument=policy(
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:user/operator"}, "Action": "sts:AssumeRole"}))
    iam.attach_role_policy(RoleName="trainer", PolicyArn=writes)
    role = f"arn:aws:iam::{account}:role/trainer"
    s3.create_bucket(Bucket="explained")
    s3.put_object(Bucket="explained", Key="k", Body=b"x")
    s3.put_bucket_policy(Bucket="explained", Policy=policy(
        {"Sid": "Write", "Effect": "Allow", "Principal": {"AWS": role}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::explained/*"}))
    session = server.client_as(operator, "sts").assume_role(RoleArn=role, RoleSessionName="run")
    return {"role": role, "session": session, "operator": operator, "writes": writes, "cap": cap}


def explained(server, request_id, **options):
    (record,) = json.loads(server.trainwarden("explain", request_id, "--json", **options).stdout)["Records"]
    (access,) = record["Accesses"]
    return access


def supposed(server, principal, action, resource="*", *context):
    arguments = ["explain", "--as", principal, "--action", action, "--resource", resource, "--json"]
    return json.loads(server.trainwarden(*arguments, *[f"--context={one}" for one in context]).stdout)["Access"]


def test_both_halves_of_a_refusal(server, trainer):
    s3 = server.client_as(trainer["session"], "s3")
    sentence, request_id = refused(s3.put_object, Bucket="explained", Key="k", Body=b"x")
    assert sentence == 's3:PutObject on resource: "arn:aws:s3:::explained/k" because no permissions boundary allows the s3:PutObject action'
    access = explained(server, request_id)
    reason = (f"statement `Write` of bucket policy of explained, line 4 allows s3:PutObject to {trainer['role']}, but its permissions "
              "boundary does not allow it")
    assert access["Reason"] == reason and access["MissingAllowIn"] == ["permissions boundary"] and access["MatchedStatements"] == []
    (granted,) = access["AllowedBy"]
    assert {name: granted[name] for name in ("PolicyType", "PolicyName", "Sid", "Effect", "StatementIndex", "Line")} == {
        "PolicyType": "resource-based policy", "PolicyName": "bucket policy of explained", "Sid": "Write", "Effect": "Allow",
        "StatementIndex": 0, "Line": 4}
    assert access["Advice"] == [f"allow it in the permissions boundary of {trainer['role']}, which caps what its policies grant: "
                                '{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::explained/k"}']
    text = server.trainwarden("explain", request_id).stdout.splitlines()
    assert "refused  s3:PutObject on arn:aws:s3:::explained/k" in text
    assert f"  because     {reason}" in text
    assert "  allowed by  Allow statement `Write` of bucket policy of explained, line 4 (resource-based policy)" in text
    assert "  missing in  permissions boundary" in text
    assert any(line.startswith("  remedy      allow it in the permissions boundary of") for line in text)
    # Asked in advance, the same words.
    before = supposed(server, trainer["role"], "s3:PutObject", "arn:aws:s3:::explained/k")
    assert [before[name] for name in ("Decision", "Reason", "Advice", "AllowedBy")] == [
        access[name] for name in ("Decision", "Reason", "Advice", "AllowedBy")]
    assert before["Message"].endswith(sentence)


def test_the_version_of_a_managed_policy_at_that_time(server, trainer):
    iam, s3 = server.client("iam"), server.client_as(trainer["session"], "s3")
    sentence, request_id = refused(s3.delete_object, Bucket="explained", Key="k")
    assert sentence == ('s3:DeleteObject on resource: "arn:aws:s3:::explained/k" with an explicit deny in an identity-based policy: '
                        + trainer["writes"])
    iam.create_policy_version(PolicyArn=trainer["writes"], SetAsDefault=True, PolicyDocument=policy(
        statement(action="s3:List*", Sid="Lists"), statement("Deny", "s3:Delete*", Sid="KeepsAll")))
    try:
        (denied,) = explained(server, request_id)["MatchedStatements"]
        assert (denied["PolicyName"], denied["PolicyVersion"], denied["Sid"], denied["Line"]) == (trainer["writes"], "v2", "Keeps", 10)
        access = explained(server, request_id)
        assert access["Reason"] == f"statement `Keeps` of {trainer['writes']} (v2), line 10 denies it, and a deny wins over every allow"
        assert access["Advice"] == [f"remove statement `Keeps` of {trainer['writes']} (v2), line 10, or narrow it by Action, Resource "
                                    "or Condition"]
        (now,) = supposed(server, trainer["role"], "s3:DeleteObject", "arn:aws:s3:::explained/k")["MatchedStatements"]
        assert (now["PolicyVersion"], now["Sid"]) == ("v3", "KeepsAll")
    finally:
        iam.set_default_policy_version(PolicyArn=trainer["writes"], VersionId="v2")
        iam.delete_policy_version(PolicyArn=trainer["writes"], VersionId="v3")


def test_what_allowed_a_request(server, trainer):
    s3 = server.client_as(trainer["session"], "s3")
    request_id = s3.list_objects_v2(Bucket="explained")["ResponseMetadata"]["RequestId"]
    access = explained(server, request_id)
    assert access["Reason"] == f"statement `Lists` of {trainer['writes']} (v2), line 4 allows it, and the permissions boundary does too"
    assert "Advice" not in access and "MissingAllowIn" not in access
    text = server.trainwarden("explain", request_id).stdout
    assert f"  allowed by  Allow statement `Lists` of {trainer['writes']} (v2), line 4 (identity-based policy)\n" in text
    assert f"              Allow statement 1 of {trainer['cap']} (v1), line 4 (permissions boundary)\n" in text
    root = supposed(server, f"arn:aws:iam::{server.account}:root", "iam:CreateUser", f"arn:aws:iam::{server.account}:user/x")
    assert (root["Decision"], root["Reason"]) == ("allowed", "the caller is the root user of its account")
    assert supposed(server, trainer["role"], "sts:GetCallerIdentity")["Reason"] == "every caller may do this"


def test_a_session_policy_and_a_role_that_trusts_nobody(server, trainer):
    sts = server.client_as(trainer["operator"], "sts")
    narrow = sts.assume_role(RoleArn=trainer["role"], RoleSessionName="narrow", Policy=policy(statement(action="s3:Get*")))
    sentence, request_id = refused(server.client_as(narrow, "s3").list_objects_v2, Bucket="explained")
    assert sentence.endswith("because no session policy allows the s3:ListBucket action")
    access = explained(server, request_id)
    assert access["Reason"].endswith(f"allows s3:ListBucket to {trainer['role']}, but the policy of its session does not allow it")
    assert {one["PolicyType"] for one in access["AllowedBy"]} == {"identity-based policy", "permissions boundary"}
    denying = sts.assume_role(RoleArn=trainer["role"], RoleSessionName="narrow", Policy=policy(statement(), statement("Deny", "s3:List*")))
    sentence, _ = refused(server.client_as(denying, "s3").list_objects_v2, Bucket="explained")
    assert sentence.endswith("with an explicit deny in a session policy")

    iam = server.client("iam")
    for name, effect, words in (("closed", None, "because no role trust policy allows the sts:AssumeRole action"),
                                ("shut", "Deny", "with an explicit deny in the role trust policy")):
        other = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        mine = {"Effect": "Deny", "Principal": {"AWS": server.account}, "Action": "sts:AssumeRole"}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(*([mine] if effect else []), other))
        arn = f"arn:aws:iam::{server.account}:role/{name}"
        sentence, request_id = refused(sts.assume_role, RoleArn=arn, RoleSessionName="tests")
        assert sentence == f"sts:AssumeRole on resource: {arn} {words}"
        access = explained(server, request_id)
        if effect:
            assert access["MatchedStatements"][0]["PolicyType"] == access["DecidedBy"] == "role trust policy"
        else:
            assert access["MissingAllowIn"] == ["role trust policy"]
            assert access["Advice"] == [f"allow it in the trust policy of {arn}: " + json.dumps(
                {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{server.account}:user/operator"}, "Action": "sts:AssumeRole"},
                separators=(",", ":"))]
        assert supposed(server, f"arn:aws:iam::{server.account}:user/operator", "sts:AssumeRole", arn)["Reason"] == access["Reason"]


def test_a_bucket_policy_that_denies_and_one_that_delegates(server, trainer, make_user):
    s3, iam = server.client("s3"), server.client("iam")
    reader = make_user("delegated")
    s3.create_bucket(Bucket="delegating")
    s3.put_bucket_policy(Bucket="delegating", Policy=policy(
        {"Effect": "Allow", "Principal": {"AWS": server.account}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::delegating/*"},
        {"Sid": "No", "Effect": "Deny", "Principal": {"AWS": server.account}, "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::delegating/*"}))
    client = server.client_as(reader, "s3")
    s3.put_object(Bucket="delegating", Key="k", Body=b"x")
    sentence, request_id = refused(client.get_object, Bucket="delegating", Key="k")
    assert sentence.endswith("because no identity-based policy allows the s3:GetObject action")
    assert explained(server, request_id)["Reason"] == (
        "statement 1 of bucket policy of delegating, line 4 leaves s3:GetObject to the account's own policies, but no identity-based "
        f"policy of arn:aws:iam::{server.account}:user/delegated allows it")
    sentence, _ = refused(client.delete_object, Bucket="delegating", Key="k")
    assert sentence.endswith("with an explicit deny in a resource-based policy")


def test_the_arn_of_a_policy_that_denies(server, make_user):
    """AWS tells it of managed policies: as permission, as boundary, as session policy; inline policies have none."""
    iam = server.client("iam")
    user = make_user("denied", policy(statement("Deny", "iam:ListUsers"), statement(action="*")))
    client, sts = server.client_as(user, "iam"), server.client_as(user, "sts")
    assert refused(client.list_users)[0].endswith("with an explicit deny in an identity-based policy")
    deny = iam.create_policy(PolicyName="NoRoles", PolicyDocument=policy(statement("Deny", "iam:ListRoles"), statement(action="*")))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="denied", PermissionsBoundary=deny)
    assert refused(client.list_roles)[0].endswith(f"with an explicit deny in a permissions boundary: {deny}")
    iam.delete_user_permissions_boundary(UserName="denied")
    iam.create_role(RoleName="denied-role", AssumeRolePolicyDocument=policy(
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{server.account}:user/denied"}, "Action": "sts:AssumeRole"}))
    iam.put_role_policy(RoleName="denied-role", PolicyName="all", PolicyDocument=policy(statement(action="*")))
    session = sts.assume_role(RoleArn=f"arn:aws:iam::{server.account}:role/denied-role", RoleSessionName="tests", PolicyArns=[{"arn": deny}])
    assert refused(server.client_as(session, "iam").list_roles)[0].endswith(f"with an explicit deny in a session policy: {deny}")


def test_context_counts_as_for_a_real_request(server, make_user):
    make_user("supposing", policy(
        statement(action="s3:GetObject", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        statement(action="s3:PutObject", Condition={"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}),
        statement(action="s3:DeleteObject", Condition={"NumericLessThan": {"aws:EpochTime": "1577836800"}}),
        statement(action="s3:ListBucket", Condition={"Bool": {"aws:SecureTransport": "true"}}),
        statement(action="iam:TagUser", Condition={"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "cost"]}, "Null": {"aws:TagKeys": "false"}}),
        statement(action="iam:UntagUser", Condition={"StringEquals": {"aws:TagKeys": "team"}}),
        statement(action="iam:GetUser", Condition={"StringEquals": {"aws:PrincipalTag/team": "vision"}})))
    arn = f"arn:aws:iam::{server.account}:user/supposing"
    server.client("s3").create_bucket(Bucket="supposed")
    on = lambda action: arn if action.startswith("iam:") else "arn:aws:s3:::supposed" + ("" if action == "s3:ListBucket" else "/k")
    allowed = lambda action, *context: supposed(server, arn, action, on(action), *context)["Decision"] == "allowed"
    assert not allowed("s3:GetObject") and not allowed("s3:GetObject", "aws:SourceIp=11.0.0.1") and allowed("s3:GetObject", "aws:SourceIp=10.0.0.1")
    # The server's own keys are there, unless one is supposed; the two clocks go together.
    past = "aws:CurrentTime=2019-12-31T00:00:00Z"
    assert not allowed("s3:PutObject") and allowed("s3:PutObject", past) and allowed("s3:DeleteObject", past)
    assert not allowed("s3:DeleteObject") and allowed("s3:PutObject", "aws:EpochTime=1500000000")
    assert not allowed("s3:ListBucket") and allowed("s3:ListBucket", "AWS:securetransport=true")
    # A list is a list, even of one (R54): set operators take it, others do not.
    assert allowed("iam:TagUser", "aws:TagKeys=team") and allowed("iam:TagUser", "aws:TagKeys=team,cost")
    assert not allowed("iam:TagUser", "aws:TagKeys=team,other") and not allowed("iam:UntagUser", "aws:TagKeys=team")
    assert not allowed("iam:GetUser") and allowed("iam:GetUser", "aws:PrincipalTag/team=vision")
    done = server.trainwarden("explain", "--as", arn, "--action", "s3:GetObject", "--resource", "arn:aws:s3:::supposed/k", "--context", "nonsense", check=False)
    assert done.returncode == 2 and "`nonsense` is not KEY=VALUE" in done.stderr


def test_a_role_is_asked_about_as_one_of_its_sessions(server, trainer):
    """A session has a token, and no MFA unless it is supposed."""
    iam = server.client("iam")
    iam.put_role_policy(RoleName="trainer", PolicyName="fresh", PolicyDocument=policy(
        statement(action="s3:GetObject", Condition={"DateGreaterThan": {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"}}),
        statement(action="s3:GetObjectTagging", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        statement("Deny", "s3:GetObjectAcl", Condition={"Bool": {"aws:MultiFactorAuthPresent": "false"}})))
    try:
        decision = lambda action, *context: supposed(server, trainer["role"], action, "arn:aws:s3:::explained/k", *context)["Decision"]
        assert decision("s3:GetObject") == "allowed"
        assert decision("s3:GetObjectTagging") == "implicitDeny" and decision("s3:GetObjectAcl") == "explicitDeny"
        assert decision("s3:GetObjectTagging", "aws:MultiFactorAuthPresent=true") == "allowed"
        # … which is what a real one meets.
        s3 = server.client_as(trainer["session"], "s3")
        assert s3.get_object(Bucket="explained", Key="k")["Body"].read() == b"x"
        assert refused(s3.get_object_tagging, Bucket="explained", Key="k")[0].startswith("s3:GetObjectTagging")
        one = supposed(server, trainer["role"].replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/run", "s3:PutObject",
                       "arn:aws:s3:::explained/k")
        assert one["Decision"] == "implicitDeny" and one["MissingAllowIn"] == ["permissions boundary"]
    finally:
        iam.delete_role_policy(RoleName="trainer", PolicyName="fresh")


def test_what_is_known_of_a_resource_counts(server, make_user):
    """Tags of roles, users and objects, as the services tell the gate."""
    iam, s3 = server.client("iam"), server.client("s3")
    make_user("by-tag", policy(
        statement(action=["iam:GetRole", "iam:GetUser"], Condition={"StringEquals": {"aws:ResourceTag/team": "vision"}}),
        statement(action="s3:GetObject", Condition={"StringEquals": {"s3:ExistingObjectTag/class": "open"}}),
        statement(action="s3:ListBucket", Condition={"StringEquals": {"s3:ResourceAccount": server.account}}),
        statement(action="iam:GetPolicy")))
    arn = f"arn:aws:iam::{server.account}:user/by-tag"
    trust = policy({"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"})
    for team in ("vision", "speech"):
        iam.create_role(RoleName=f"tagged-{team}", AssumeRolePolicyDocument=trust, Tags=[{"Key": "team", "Value": team}])
        iam.create_user(UserName=f"tagged-{team}", Tags=[{"Key": "team", "Value": team}])
    s3.create_bucket(Bucket="tagged-things")
    for kind in ("open", "closed"):
        s3.put_object(Bucket="tagged-things", Key=kind, Body=b"x", Tagging=f"class={kind}")
    decision = lambda action, resource: supposed(server, arn, action, resource)["Decision"]
    for kind, action in (("role", "iam:GetRole"), ("user", "iam:GetUser")):
        assert decision(action, f"arn:aws:iam::{server.account}:{kind}/tagged-vision") == "allowed"
        assert decision(action, f"arn:aws:iam::{server.account}:{kind}/tagged-speech") == "implicitDeny"
    assert decision("s3:GetObject", "arn:aws:s3:::tagged-things/open") == "allowed"
    assert decision("s3:GetObject", "arn:aws:s3:::tagged-things/closed") == "implicitDeny"
    assert decision("s3:ListBucket", "arn:aws:s3:::tagged-things") == "allowed"
    # AWS's own policies are read as the account's.
    assert decision("iam:GetPolicy", "arn:aws:iam::aws:policy/ReadOnlyAccess") == "allowed"
    done = server.trainwarden("explain", "--as", arn, "--action", "s3:GetObject", "--resource", "arn:aws:s3:::no-such-bucket/k", check=False)
    assert done.returncode == 1 and "there is no arn:aws:s3:::no-such-bucket/k on this server" in done.stderr
    assert "simulate-principal-policy" in done.stderr


def test_who_can_names_the_version_too(server, trainer):
    answer = json.loads(server.trainwarden("who-can", "s3:ListBucket", "arn:aws:s3:::explained", "--json").stdout)
    (role,) = [one for one in answer["Principals"] if one["Principal"].get("RoleArn") == trainer["role"]]
    assert [one["Description"] for one in role["MatchedStatements"]] == [
        f"statement `Lists` of {trainer['writes']} (v2), line 4", f"statement 1 of {trainer['cap']} (v1), line 4"]
    text = server.trainwarden("who-can", "s3:ListBucket", "arn:aws:s3:::explained").stdout
    assert f"  Allow statement `Lists` of {trainer['writes']} (v2), line 4 (identity-based policy)\n" in text


def test_each_part_of_an_answer_has_its_lines(server, trainer):
    role = trainer["role"].replace(":iam:", ":sts:").replace(":role/", ":assumed-role/")
    lines = server.trainwarden("explain", "--as", trainer["role"], "--action", "s3:ListBucket", "--resource", "arn:aws:s3:::explained").stdout.splitlines()
    assert lines[0].startswith(role) and lines[1] == "allowed  s3:ListBucket on arn:aws:s3:::explained"
    lines = server.trainwarden("explain", "--as", trainer["role"], "--operation", "iam:CreateRole", "--input",
                               json.dumps({"RoleName": "x", "AssumeRolePolicyDocument": policy(statement())})).stdout.splitlines()
    assert lines[0].startswith(role) and lines[1] == "iam:CreateRole: refused"
    assert lines[2] == f"refused  iam:CreateRole on arn:aws:iam::{server.account}:role/x"
    assert server.trainwarden("explain", "--as", "*", "--action", "sts:GetCallerIdentity").stdout.startswith("anyone, without credentials\n")


@pytest.mark.parametrize("arguments, status, told", [
    (["nosuch"], 1, "no request `nosuch` is in the audit log"),
    (["--as", "*", "--operation", "iam:CreateRole", "--input", "x"], 2, "--input takes a JSON object: "),
    (["--as", "*", "--operation", "iam:CreateRole", "--input", "[1]"], 2, "--input takes a JSON object"),
    (["--as", "*", "--action", "iam:CreateRole", "--input", "{}"], 2, "--input is that of an --operation"),
    (["--as", "*", "--action", "s3:ListAllMyBuckets", "--context", "SourceIp=10.0.0.1"], 1, "there is no condition key SourceIp; did you mean aws:SourceIp?"),
])
def test_what_is_no_question_is_said_in_the_words_of_the_command(server, arguments, status, told):
    done = server.trainwarden("explain", *arguments, check=False)
    assert (done.returncode, done.stdout) == (status, "") and told in done.stderr


def test_a_misspelt_member_is_not_another_question(server):
    """AWS ignores members that it does not know; a question that has one would be answered as if it had asked less."""
    asked = ("explain", "--as", f"arn:aws:iam::{server.account}:root", "--operation")
    done = server.trainwarden(*asked, "iam:CreateRole", "--input", '{"RoleName":"r","AssumeRolePolicyDocument":"{}","Tag":[]}', check=False)
    assert done.returncode == 1 and "the input of iam:CreateRole has no member Tag; did you mean Tags?" in done.stderr
    done = server.trainwarden(*asked, "s3:PutBucketTagging", "--input", '{"Bucket":"b","Tagging":{"TagSet":[{"Key":"a","Val":"b"}]}}', check=False)
    assert done.returncode == 1 and "has no member Val at Tagging.TagSet.1" in done.stderr
