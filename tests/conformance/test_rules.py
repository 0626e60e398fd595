"""Rules of tests/cases/policy/rules.md that the rooms around the engine decide: who a principal is, what can exist, how much of it."""

import json

import botocore.exceptions
import pytest
from conftest import Credentials, allow
from test_iam import code, may, refused, unchecked


def document(characters, statements=1):
    """A valid identity policy of exactly this many characters."""
    text = json.dumps(allow("s3:GetObject", resource=["arn:aws:s3:::"]), separators=(",", ":"))
    return text.replace("arn:aws:s3:::", "arn:aws:s3:::" + "a" * (characters - len(text)))


def trust(principal, **more):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}]})


def test_a_condition_on_an_arn_outlives_its_principal(server, make_user, make_role):
    """R32: a principal is bound to its unique id, the ARN in a condition is only text."""
    s3, iam = server.client("s3"), server.client("iam")
    s3.create_bucket(Bucket="outlives")
    s3.put_object(Bucket="outlives", Key="k", Body=b"x")
    user = make_user("outliver")
    arn = make_role("Outlived", f"arn:aws:iam::{server.account}:user/outliver")
    named = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::outlives/named"}
    conditioned = {"Effect": "Allow", "Principal": {"AWS": server.account}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::outlives/k",
                   "Condition": {"ArnEquals": {"aws:PrincipalArn": arn}}}
    s3.put_bucket_policy(Bucket="outlives", Policy=json.dumps({"Version": "2012-10-17", "Statement": [named, {
        **conditioned, "Principal": "*"}]}))

    def reads():
        session = server.client_as(user, "sts").assume_role(RoleArn=arn, RoleSessionName="read")
        return may(server.client_as(session, "s3").get_object, Bucket="outlives", Key="k")

    assert reads()
    role_id = iam.get_role(RoleName="Outlived")["Role"]["RoleId"]
    iam.delete_role(RoleName="Outlived")
    shown = json.loads(s3.get_bucket_policy(Bucket="outlives")["Policy"])["Statement"]
    assert shown[0]["Principal"] == {"AWS": role_id} and shown[1]["Condition"] == conditioned["Condition"]
    make_role("Outlived", f"arn:aws:iam::{server.account}:user/outliver")
    assert reads()


def test_reserved_roles_are_nobodys_to_make(server):
    """R78: only services make roles under these paths, and none does here."""
    iam = server.client("iam")
    for path in ("/aws-service-role/sagemaker.amazonaws.com/", "/aws-reserved/sso.amazonaws.com/"):
        assert code(iam.create_role, RoleName="reserved", Path=path,
                    AssumeRolePolicyDocument=trust({"Service": "sagemaker.amazonaws.com"})) == "InvalidInput"
    assert code(iam.get_role, RoleName="reserved") == "NoSuchEntity"
    assert code(iam.create_service_linked_role, AWSServiceName="sagemaker.amazonaws.com") == "InvalidAction"


def test_there_are_no_vpc_endpoints(server):
    """R80: what cannot be made has no policy that would have to allow."""
    with pytest.raises(botocore.exceptions.ClientError):
        server.client("ec2").create_vpc_endpoint(VpcId="vpc-1", ServiceName="com.amazonaws.us-east-1.s3")
    # Nobody can claim to come through one: what a client writes is no condition key.
    s3 = server.client("s3")
    s3.create_bucket(Bucket="endpointless")
    s3.put_bucket_policy(Bucket="endpointless", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::endpointless",
         "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}}]}))
    s3.meta.events.register("before-sign.s3", lambda request, **_: request.headers.add_header("aws-SourceVpce", "vpce-1"))
    assert code(s3.list_objects_v2, Bucket="endpointless") == "AccessDenied"


def test_inline_policies_count_together(server):
    """G5: 2,048 characters for a user, 5,120 for a group, 10,240 for a role, white space free."""
    iam = server.client("iam")
    iam.create_user(UserName="inline")
    iam.create_group(GroupName="inline")
    iam.create_role(RoleName="inline", AssumeRolePolicyDocument=trust({"Service": "sagemaker.amazonaws.com"}))
    for kind, most, put, name in (("user", 2048, iam.put_user_policy, {"UserName": "inline"}),
                                  ("group", 5120, iam.put_group_policy, {"GroupName": "inline"}),
                                  ("role", 10240, iam.put_role_policy, {"RoleName": "inline"})):
        half = most // 2
        put(**name, PolicyName="a", PolicyDocument=document(half))
        put(**name, PolicyName="b", PolicyDocument=document(half).replace(",", ",\n    "))
        assert refused(put, **name, PolicyName="c", PolicyDocument=document(200)) == (
            "LimitExceeded", f"Maximum policy size of {most} bytes exceeded for {kind} inline")
        assert code(put, **name, PolicyName="b", PolicyDocument=document(half + 1)) == "LimitExceeded"
        put(**name, PolicyName="b", PolicyDocument=document(200))
        put(**name, PolicyName="c", PolicyDocument=document(200))


def test_characters_are_counted_not_bytes(server):
    """G5: a letter beyond ASCII is one character."""
    iam = server.client("iam")
    iam.create_policy(PolicyName="letters", PolicyDocument=document(6144).replace("a" * 1000, "é" * 1000))
    assert refused(iam.create_policy, PolicyName="letters2", PolicyDocument=document(6145).replace("a" * 1000, "é" * 1000)) == (
        "LimitExceeded", "Cannot exceed quota for PolicySize: 6144")


def test_trust_policies_have_2048_characters(server):
    iam = server.client("iam")

    def sized(characters):
        text = trust({"Service": "sagemaker.amazonaws.com"}, Sid="").replace(" ", "")
        return text.replace('"Sid":""', '"Sid":"' + "a" * (characters - len(text)) + '"')

    iam.create_role(RoleName="trusting", AssumeRolePolicyDocument=sized(2048))
    iam.update_assume_role_policy(RoleName="trusting", PolicyDocument=sized(2048).replace(",", ", \n"))
    assert refused(iam.update_assume_role_policy, RoleName="trusting", PolicyDocument=sized(2049)) == (
        "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
    assert code(iam.create_role, RoleName="trusting2", AssumeRolePolicyDocument=sized(2049)) == "LimitExceeded"


def test_session_policies_are_small(server, make_user, make_role):
    """G5: inline policy and ARNs of managed ones in 2,048 characters, at most ten ARNs, and a packed size that is told."""
    user = make_user("packer")
    role = make_role("Packed", f"arn:aws:iam::{server.account}:user/packer", allow("s3:*"))
    sts = server.client_as(user, "sts")
    wild = unchecked(server, user, "sts")
    ask = lambda client=sts, **more: client.assume_role(RoleArn=role, RoleSessionName="packed", **more)
    assert "PackedPolicySize" not in ask()
    small, large = ask(Policy=document(500))["PackedPolicySize"], ask(Policy=document(2048))["PackedPolicySize"]
    assert 0 < small < large <= 100
    answer = refused(ask, wild, Policy=document(2049))
    assert answer[0] == "ValidationError" and answer[1].endswith("at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048")
    arns = [{"arn": f"arn:aws:iam::aws:policy/{name}"} for name in (
        "AmazonS3ReadOnlyAccess", "AmazonS3FullAccess", "IAMReadOnlyAccess", "IAMFullAccess", "ReadOnlyAccess", "AdministratorAccess",
        "PowerUserAccess", "SecurityAudit", "AmazonEC2ReadOnlyAccess", "AmazonEC2FullAccess", "AmazonSQSFullAccess")]
    assert ask(PolicyArns=arns[:10])["PackedPolicySize"] > 0
    answer = refused(ask, wild, PolicyArns=arns)
    assert answer[0] == "ValidationError" and "Member must have length less than or equal to 10" in answer[1]
    # Together they are one plaintext.
    ask(Policy=document(1500), PolicyArns=arns[:5])
    answer = refused(ask, Policy=document(2000), PolicyArns=arns[:5])
    assert answer[0] == "PackedPolicyTooLarge" and answer[1].startswith("Packed policy consumes ") and answer[1].endswith(
        "% of allotted space, please use smaller policy.")
    assert code(ask, PolicyArns=[{"arn": "arn:aws:iam::aws:policy/NoSuchPolicy"}]) == "InvalidParameterValue"


def test_session_tags_are_few(server, make_user):
    """G5: 50 tags of 128 and 256 characters, all of them together in the packed size."""
    iam = server.client("iam")
    user = make_user("tagger")
    principal = {"AWS": f"arn:aws:iam::{server.account}:user/tagger"}
    role = iam.create_role(RoleName="ManyTags", AssumeRolePolicyDocument=trust(principal, Action=["sts:AssumeRole", "sts:TagSession"]))["Role"]["Arn"]
    sts = unchecked(server, user, "sts")
    ask = lambda tags: sts.assume_role(RoleArn=role, RoleSessionName="tags", Tags=[{"Key": key, "Value": value} for key, value in tags])
    few, many = ask([("k", "v")])["PackedPolicySize"], ask([(f"k{n}", "v" * 20) for n in range(50)])["PackedPolicySize"]
    assert 0 < few < many <= 100
    assert code(ask, [(f"k{n}", "v") for n in range(51)]) == "ValidationError"
    assert ask([("k" * 128, "v" * 256)])["PackedPolicySize"] > 0
    assert code(ask, [("k" * 129, "v")]) == "ValidationError"
    assert code(ask, [("k", "v" * 257)]) == "ValidationError"
    answer = refused(ask, [(f"k{n}", "v" * 256) for n in range(40)])
    assert answer[0] == "PackedPolicyTooLarge" and answer[1].startswith("Packed size of session tags consumes ") and answer[1].endswith(
        "% of allotted space.")


def test_bucket_policies_have_20_kilobytes(server):
    """G5: 20,480 bytes of the document without its white space."""
    s3 = server.client("s3")
    s3.create_bucket(Bucket="twenty-kilobytes")

    def sized(size):
        statement = {"Sid": "", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket", "Resource": "arn:aws:s3:::twenty-kilobytes"}
        text = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
        return text.replace('"Sid":""', '"Sid":"' + "a" * (size - len(text)) + '"')

    s3.put_bucket_policy(Bucket="twenty-kilobytes", Policy=sized(20480))
    s3.put_bucket_policy(Bucket="twenty-kilobytes", Policy=sized(20480).replace(",", ",\n\n  "))
    assert refused(s3.put_bucket_policy, Bucket="twenty-kilobytes", Policy=sized(20481)) == (
        "PolicyTooLarge", "Normalized policy document exceeds the maximum allowed size of 20480 bytes.")


def test_numbers_of_everything(server):
    """G6: versions, attachments, memberships; a boundary replaces the one before."""
    iam = server.client("iam")
    arns = [iam.create_policy(PolicyName=f"many-{n}", PolicyDocument=json.dumps(allow("s3:GetObject")))["Policy"]["Arn"] for n in range(11)]
    iam.create_user(UserName="many")
    iam.create_role(RoleName="many", AssumeRolePolicyDocument=trust({"Service": "sagemaker.amazonaws.com"}))
    iam.create_group(GroupName="many")
    for kind, attach, name in (("User", iam.attach_user_policy, {"UserName": "many"}), ("Role", iam.attach_role_policy, {"RoleName": "many"}),
                               ("Group", iam.attach_group_policy, {"GroupName": "many"})):
        for arn in arns[:10]:
            attach(**name, PolicyArn=arn)
        attach(**name, PolicyArn=arns[0])  # again: nothing happens
        assert refused(attach, **name, PolicyArn=arns[10]) == ("LimitExceeded", f"Cannot exceed quota for PoliciesPer{kind}: 10")
    for _ in range(4):
        iam.create_policy_version(PolicyArn=arns[10], PolicyDocument=json.dumps(allow("s3:PutObject")))
    assert refused(iam.create_policy_version, PolicyArn=arns[10], PolicyDocument=json.dumps(allow("s3:PutObject"))) == (
        "LimitExceeded", "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.")
    for number in range(10):
        iam.create_group(GroupName=f"many-{number}")
        iam.add_user_to_group(GroupName=f"many-{number}", UserName="many")
    assert refused(iam.add_user_to_group, GroupName="many", UserName="many") == ("LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10")
    for arn in arns[:2]:
        iam.put_user_permissions_boundary(UserName="many", PermissionsBoundary=arn)
    assert iam.get_user(UserName="many")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == arns[1]
    summary = iam.get_account_summary()["SummaryMap"]
    assert {name: summary[name] for name in summary if name.endswith("Quota")} == {
        "AccessKeysPerUserQuota": 2, "AttachedPoliciesPerGroupQuota": 10, "AttachedPoliciesPerRoleQuota": 10,
        "AttachedPoliciesPerUserQuota": 10, "GroupsPerUserQuota": 10, "GroupPolicySizeQuota": 5120, "PolicySizeQuota": 6144,
        "RolePolicySizeQuota": 10240, "UserPolicySizeQuota": 2048, "AssumeRolePolicySizeQuota": 2048, "VersionsPerPolicyQuota": 5}


def test_the_simulators_inputs(server):
    """G7: lengths of action names, context keys and documents, as IAM's API says."""
    iam = unchecked(server, server.root, "iam")
    ask = lambda **more: iam.simulate_custom_policy(**{"PolicyInputList": [json.dumps(allow("s3:GetObject"))], "ActionNames": ["s3:GetObject"], **more})
    assert ask()["EvaluationResults"][0]["EvalDecision"] == "allowed"
    for bad in ({"ActionNames": ["s3"]}, {"ActionNames": ["s3:" + "a" * 126]}, {"PolicyInputList": [document(131073)]},
                {"ResourceArns": ["arn:aws:s3:::" + "a" * 2048]},
                {"ContextEntries": [{"ContextKeyName": "a:b", "ContextKeyType": "string", "ContextKeyValues": ["x"]}]},
                {"ContextEntries": [{"ContextKeyName": "aws:" + "a" * 253, "ContextKeyType": "string", "ContextKeyValues": ["x"]}]}):
        assert code(ask, **bad) in ("ValidationError", "InvalidInput"), bad
