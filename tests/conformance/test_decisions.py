"""What a decision rests on: values that are ambiguous, resources that services pass, policies that name nobody, documents that would
do nothing. Each test asks the server, and the simulator where that must agree."""

import http.client
import json
import urllib.parse

import pytest
from conftest import allow
from test_iam import code, may, refused

ALL_BLOCKS = {name: True for name in ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture
def bucket(server, request):
    name = "d-" + "".join(c if c.isalnum() else "-" for c in request.node.name.lower())[:55].strip("-")
    server.client("s3").create_bucket(Bucket=name)
    server.client("s3").delete_public_access_block(Bucket=name)
    return name


def anonymous(server, method, bucket, key, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request(method, f"/{bucket}/{key}", body=body)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


# Conditions that let anonymous callers of this machine in, though they look like something.
PUBLIC = [
    {},
    {"StringEquals": {"aws:userid": "anonymous"}},
    {"StringEqualsIgnoreCase": {"aws:userid": "ANONYMOUS"}},
    {"StringLike": {"aws:userid": "anonym*"}},
    {"StringLike": {"aws:userid": ["AIDAEXAMPLE", "*"]}},
    {"ForAnyValue:StringEquals": {"aws:userid": ["anonymous", "AIDAEXAMPLE"]}},
    {"StringEquals": {"aws:PrincipalType": "Anonymous"}},
    {"IpAddress": {"aws:SourceIp": ["0.0.0.0/0", "::/0"]}},
    {"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}},
    {"IpAddress": {"aws:SourceIp": [f"{n}.0.0.0/8" for n in range(256)]}},
    {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    {"IpAddressIfExists": {"aws:SourceIp": "127.0.0.0/8"}},
    {"StringEqualsIfExists": {"aws:PrincipalAccount": "123456789012"}},
    {"StringNotEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/r"}},
    {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/*"}},
    {"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": "o-1/r-1/"}},
    {"Null": {"aws:PrincipalArn": "true"}},
    {"Bool": {"aws:SecureTransport": "false"}},
    {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}, "StringLike": {"aws:userid": "?*"}},
    {"StringEquals": {"aws:userid": "${aws:userid}"}},
]


@pytest.mark.parametrize("number", range(len(PUBLIC)))
def test_public_policies_of_many_shapes(server, bucket, number):
    """R79: such a policy is public, is refused where that is blocked, and lets no anonymous caller in where that is restricted."""
    s3 = server.client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"secret")
    document = policy({"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:PutObject"],
                       "Resource": f"arn:aws:s3:::{bucket}/*", "Condition": PUBLIC[number]})
    s3.put_bucket_policy(Bucket=bucket, Policy=document)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]
    assert anonymous(server, "GET", bucket, "k") == 200  # it really is
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=ALL_BLOCKS)
    assert anonymous(server, "GET", bucket, "k") == 403
    assert anonymous(server, "PUT", bucket, "new", b"x") == 403
    assert code(s3.put_bucket_policy, Bucket=bucket, Policy=document) == "AccessDenied"


def test_restricted_buckets_are_for_named_principals(server, bucket, make_user):
    """R79: what is not public by AWS's page still lets no anonymous caller in while the bucket is restricted."""
    s3 = server.client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"secret")
    user = make_user("in-restricted")
    here = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*",
            "Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}}
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(here))
    assert not s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]
    assert anonymous(server, "GET", bucket, "k") == 200
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=ALL_BLOCKS)
    assert anonymous(server, "GET", bucket, "k") == 403
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(here))  # not public: not blocked
    assert may(server.client_as(user, "s3").get_object, Bucket=bucket, Key="k")  # of the bucket's account


def test_tags_that_differ_by_case_are_ambiguous(server, bucket, make_user):
    """R81: no condition on one of two values holds, every Deny does."""
    s3 = server.client("s3")
    everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    only = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:PutObjectTagging"], "Resource": "*"}
    read = server.client_as(make_user("reads-public", policy({**only, "Condition": {"StringEquals": {"s3:ExistingObjectTag/cls": "public"}}})), "s3")
    write = server.client_as(make_user("writes-public", policy({**only, "Condition": {"StringEquals": {"s3:RequestObjectTag/cls": "public"}}})), "s3")
    denied = server.client_as(make_user("not-secret", policy(everything, {
        "Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"StringEquals": {"s3:RequestObjectTag/cls": "secret"}}})), "s3")
    for number, tags in enumerate(("cls=secret&CLS=public", "CLS=public&cls=secret", "cls=public&CLS=secret", "Cls=public&cLs=other")):
        s3.put_object(Bucket=bucket, Key=f"mixed-{number}", Body=b"x", Tagging=tags)
        assert not may(read.get_object, Bucket=bucket, Key=f"mixed-{number}"), tags
        assert not may(write.put_object, Bucket=bucket, Key="k", Body=b"x", Tagging=tags), tags
        assert not may(denied.put_object, Bucket=bucket, Key="k", Body=b"x", Tagging=tags), tags
        tag_set = {"TagSet": [{"Key": key, "Value": value} for key, value in urllib.parse.parse_qsl(tags)]}
        assert not may(write.put_object_tagging, Bucket=bucket, Key=f"mixed-{number}", Tagging=tag_set), tags
    s3.put_object(Bucket=bucket, Key="public", Body=b"x", Tagging="cls=public")
    assert may(read.get_object, Bucket=bucket, Key="public")
    assert may(write.put_object, Bucket=bucket, Key="k", Body=b"x", Tagging="CLS=public")
    assert may(denied.put_object, Bucket=bucket, Key="k", Body=b"x", Tagging="cls=public")


def test_tags_of_users_and_sessions_do_not_differ_by_case(server, make_user):
    iam = server.client("iam")
    twice = [{"Key": "team", "Value": "red"}, {"Key": "TEAM", "Value": "blue"}]
    duplicate = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    assert refused(iam.create_user, UserName="twice-tagged", Tags=twice) == ("InvalidInput", duplicate)
    user = make_user("tagger", allow("sts:*"))
    iam.tag_user(UserName="tagger", Tags=twice[:1])
    iam.tag_user(UserName="tagger", Tags=twice[1:])
    assert iam.list_user_tags(UserName="tagger")["Tags"] == twice[1:]
    role = iam.create_role(RoleName="Tagged", AssumeRolePolicyDocument=policy({
        "Effect": "Allow", "Principal": {"AWS": server.account}, "Action": ["sts:AssumeRole", "sts:TagSession"]}))["Role"]["Arn"]
    assert refused(server.client_as(user, "sts").assume_role, RoleArn=role, RoleSessionName="tests", Tags=twice)[1] == duplicate


def test_a_parameter_given_twice_passes_no_condition(server, bucket, make_user):
    """R81: what is listed and what the condition is about are the same prefix, or nothing is listed."""
    keys = make_user("lists-public", policy({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*",
                                             "Condition": {"StringLike": {"s3:prefix": "public/*"}}}))
    s3 = server.client_as(keys, "s3")
    assert may(s3.list_objects, Bucket=bucket, Prefix="public/")
    for first, last in (("secret/", "public/"), ("public/", "secret/")):
        def twice(request, first=first, last=last, **_):
            request.url = f"{server.endpoint}/{bucket}?prefix={urllib.parse.quote(first, safe='')}&prefix={urllib.parse.quote(last, safe='')}"
        s3.meta.events.register_first("before-sign.s3.ListObjects", twice, unique_id="twice")
        assert code(s3.list_objects, Bucket=bucket) in ("AccessDenied", "InvalidArgument")
        s3.meta.events.unregister("before-sign.s3.ListObjects", unique_id="twice")


LISTS = {
    "iam:ListUsers": ("iam", "list_users"),
    "iam:ListRoles": ("iam", "list_roles"),
    "iam:ListGroups": ("iam", "list_groups"),
    "iam:ListPolicies": ("iam", "list_policies"),
    "logs:DescribeLogGroups": ("logs", "describe_log_groups"),
    "s3:ListAllMyBuckets": ("s3", "list_buckets"),
}
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.mark.parametrize("name, statements, admitted", [
    ("denied-iam", [EVERYTHING, {"Effect": "Deny", "Action": "iam:*", "Resource": "arn:aws:iam::*:*"}],
     {"logs:DescribeLogGroups", "s3:ListAllMyBuckets"}),
    ("denied-s3", [EVERYTHING, {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::*"}], set(LISTS) - {"s3:ListAllMyBuckets"}),
    ("denied-logs", [EVERYTHING, {"Effect": "Deny", "Action": "logs:*", "Resource": "arn:aws:logs:*:*:*"}],
     set(LISTS) - {"logs:DescribeLogGroups"}),
    ("allowed", [{"Effect": "Allow", "Action": ["iam:*", "s3:*", "logs:*"], "Resource": [
        "arn:aws:iam::*:user/*", "arn:aws:iam::*:policy/*", "arn:aws:s3:::*", "arn:aws:logs:*:*:*"]}],
     {"iam:ListUsers", "iam:ListPolicies", "logs:DescribeLogGroups", "s3:ListAllMyBuckets"}),
    ("narrow", [{"Effect": "Allow", "Action": "*", "Resource": [
        "arn:aws:iam::*:user/alice", "arn:aws:s3:::b", "arn:aws:s3:::b/*", "arn:aws:logs:*:*:log-group:/aws/x:*"]}], set()),
    ("not-users", [{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:iam::*:user/*"}], set(LISTS) - {"iam:ListUsers"}),
])
def test_lists_are_decided_on_what_services_pass(server, make_user, name, statements, admitted):
    """R44, and the simulator says the same."""
    keys = make_user("lister-" + name, policy(*statements))
    assert {action for action, (service, call) in LISTS.items() if may(getattr(server.client_as(keys, service), call))} == admitted
    answers = server.client("iam").simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{server.account}:user/lister-{name}", ActionNames=sorted(LISTS))["EvaluationResults"]
    assert {one["EvalActionName"] for one in answers if one["EvalDecision"] == "allowed"} == admitted


def test_a_refused_list_names_what_was_asked(server, make_user):
    iam = server.client_as(make_user("refused-lister"), "iam")
    for call, resource in ((iam.list_users, f"arn:aws:iam::{server.account}:user/"), (iam.list_policies, "policy path /"),
                           (iam.list_account_aliases, "*")):
        assert f" on resource: {resource} because no identity-based policy allows" in refused(call)[1]
    assert ":role/team/ because" in refused(iam.list_roles, PathPrefix="/team/")[1]


@pytest.mark.parametrize("resource, message", [
    ("arn:aws:iam:111122223333:user/alice", "The policy failed legacy parsing"),
    ("arn:aws:iam::1234:user/alice", "The policy failed legacy parsing"),
    ("arn:aws:s3::bucket/*", "The policy failed legacy parsing"),
    ("arn:aws:iam:us-east-1:111122223333:role/*", "IAM resource arn:aws:iam:us-east-1:111122223333:role/* cannot contain region information."),
    ("arn:aws:s3:eu-central-1:111122223333:bucket/*", "Resource arn:aws:s3:eu-central-1:111122223333:bucket/* can not contain region information."),
])
def test_arns_that_no_resource_has_are_refused(server, resource, message):
    iam = server.client("iam")
    if not any(user["UserName"] == "arns" for user in iam.list_users()["Users"]):
        iam.create_user(UserName="arns")
    for effect in ("Allow", "Deny"):
        document = policy({"Effect": effect, "Action": "*", "Resource": resource})
        assert refused(iam.put_user_policy, UserName="arns", PolicyName="p", PolicyDocument=document) == ("MalformedPolicyDocument", message)
        assert refused(iam.create_policy, PolicyName="arns", PolicyDocument=document) == ("MalformedPolicyDocument", message)


def test_documents_that_iam_takes_and_refuses(server, make_user):
    iam = server.client("iam")
    make_user("documents")
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    with_id = json.dumps({"Version": "2012-10-17", "Id": "made-by-a-tool", "Statement": [statement]})
    iam.put_user_policy(UserName="documents", PolicyName="with-id", PolicyDocument=with_id)
    arn = iam.create_policy(PolicyName="with-id", PolicyDocument=with_id)["Policy"]["Arn"]
    for old in ({"Version": "2008-10-17", "Statement": [statement]}, {"Statement": [statement]}):
        message = "Policy document must be version 2012-10-17 or greater."
        assert refused(iam.create_policy, PolicyName="old", PolicyDocument=json.dumps(old)) == ("MalformedPolicyDocument", message)
        assert refused(iam.create_policy_version, PolicyArn=arn, PolicyDocument=json.dumps(old)) == ("MalformedPolicyDocument", message)
        iam.put_user_policy(UserName="documents", PolicyName="old", PolicyDocument=json.dumps(old))
    for action in ("sts:AssumeRol", "sts:GetCallerIdentity", ["sts:AssumeRole", "sts:assumerolewithoutasking"]):
        assert refused(iam.create_role, RoleName="documents", AssumeRolePolicyDocument=policy(
            {"Effect": "Allow", "Principal": {"AWS": server.account}, "Action": action})) == (
                "MalformedPolicyDocument", "AssumeRole policy may only specify STS AssumeRole actions.")
    for bad in ("arn:aws:iam:aws:policy/AdministratorAccess", "arn:aws:iam::aws:role/AdministratorAccess"):
        assert refused(iam.attach_user_policy, UserName="documents", PolicyArn=bad) == ("InvalidInput", f"ARN {bad} is not valid.")
    assert refused(iam.attach_user_policy, UserName="documents", PolicyArn="arn:aws-cn:iam::aws:policy/AdministratorAccess") == (
        "ValidationError", "Invalid ARN partition")


@pytest.mark.parametrize("action, condition, message", [
    ("s3:GetObject", {"StringEquals": {"s3:nosuchkey": "x"}}, "Policy has an invalid condition key"),
    ("s3:GetObject", {"StringEquals": {"aws:NoSuchKey": "x"}}, "Policy has an invalid condition key"),
    ("s3:GetObject", {"StringEquals": {"s3:prefix": "x"}}, "Conditions do not apply to combination of actions and resources in statement"),
    (["s3:GetObject", "s3:PutObject"], {"StringEquals": {"s3:x-amz-acl": "private"}},
     "Conditions do not apply to combination of actions and resources in statement"),
])
def test_conditions_that_requests_never_have(server, bucket, action, condition, message):
    s3 = server.client("s3")
    document = policy({"Effect": "Deny", "Principal": "*", "Action": action, "Resource": f"arn:aws:s3:::{bucket}/*", "Condition": condition})
    assert refused(s3.put_bucket_policy, Bucket=bucket, Policy=document) == ("MalformedPolicy", message)


def test_canonical_users_and_cloudfront(server, bucket, make_user):
    s3 = server.client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    owner = s3.list_buckets()["Owner"]["ID"]
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    document = policy({**statement, "Principal": {"CanonicalUser": owner}}, {**statement, "Principal": {
        "AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity EH1HDMB1FH2TC"}}, {
            **statement, "Principal": {"CanonicalUser": "a" * 64}})
    s3.put_bucket_policy(Bucket=bucket, Policy=document)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == document
    assert not s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]
    assert anonymous(server, "GET", bucket, "k") == 403
    user = server.client_as(make_user("canonical", allow("s3:PutObject")), "s3")
    assert not may(user.get_object, Bucket=bucket, Key="k")  # an account only delegates
    s3.put_bucket_policy(Bucket=bucket, Policy=policy({**statement, "Effect": "Deny", "Principal": {"CanonicalUser": owner}}))
    assert not may(s3.get_object, Bucket=bucket, Key="k")  # but a Deny is for everybody of it


@pytest.mark.parametrize("principal", [
    {"AWS": "AIDAXXXXXXXXXXXXXXXXX"}, {"AWS": "AROAXXXXXXXXXXXXXXXXX"}, {"AWS": "arn:aws-cn:iam::ACCOUNT:root"},
    {"AWS": "arn:aws:sts::ACCOUNT:federated-user/x"}, {"Service": "nosuch.amazonaws.com"}])
def test_policies_that_name_nobody_are_refused_when_they_are_written(server, bucket, principal):
    principal = {kind: name.replace("ACCOUNT", server.account) for kind, name in principal.items()}
    (kind, name), = principal.items()
    trust = policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
    assert refused(server.client("iam").create_role, RoleName="nobodys", AssumeRolePolicyDocument=trust) == (
        "MalformedPolicyDocument", f'Invalid principal in policy: "{kind.upper()}":"{name}"')
    for effect in ("Allow", "Deny"):
        document = policy({"Effect": effect, "Principal": principal, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"})
        assert refused(server.client("s3").put_bucket_policy, Bucket=bucket, Policy=document) == ("MalformedPolicy", "Invalid principal in policy")


def test_a_session_dies_with_its_user(server, make_user):
    """A namesake made later gets nothing of it, nor does the session of the first come back to life."""
    iam = server.client("iam")
    first = make_user("namesake", allow("s3:*"))
    session = server.client_as(first, "sts").get_session_token()
    s3 = server.client_as(session, "s3")
    assert may(s3.list_buckets)
    iam.delete_access_key(UserName="namesake", AccessKeyId=first.access_key_id)
    iam.delete_user_policy(UserName="namesake", PolicyName="policy-0")
    iam.delete_user(UserName="namesake")
    assert code(s3.list_buckets) == "InvalidToken"
    make_user("namesake", allow("*"))
    assert code(s3.list_buckets) == "InvalidToken"
    assert code(server.client_as(session, "sts").get_caller_identity) == "InvalidClientTokenId"
    assert code(server.client_as(first, "sts").get_caller_identity) == "InvalidClientTokenId"


def test_transitive_tags_need_tag_session(server, make_user):
    """Tags that a session hands on are passed: both the caller's policies and the role's trust must allow sts:TagSession."""
    iam = server.client("iam")
    both = ["sts:AssumeRole", "sts:TagSession"]
    trusting = lambda name, actions, *documents: make(iam, name, policy(
        {"Effect": "Allow", "Principal": {"AWS": server.account}, "Action": actions}), *documents)
    user = make_user("hands-on", allow(*both))
    full, bare = trusting("TransitiveFull", both, allow(*both)), trusting("TransitiveBare", both, allow("sts:AssumeRole"))
    open_to_tags, closed = trusting("TakesTags", both), trusting("TakesNoTags", "sts:AssumeRole")
    sts = server.client_as(user, "sts")
    plain = {"RoleSessionName": "plain"}
    tagged = {"RoleSessionName": "tagged", "Tags": [{"Key": "team", "Value": "red"}], "TransitiveTagKeys": ["team"]}
    next_one = lambda role, how: server.client_as(sts.assume_role(RoleArn=role, **how), "sts").assume_role
    assert may(next_one(full, tagged), RoleArn=open_to_tags, RoleSessionName="next")
    assert may(next_one(full, plain), RoleArn=closed, RoleSessionName="next")
    assert may(next_one(bare, plain), RoleArn=open_to_tags, RoleSessionName="next")
    for role, target in ((full, closed), (bare, open_to_tags)):
        error, message = refused(next_one(role, tagged), RoleArn=target, RoleSessionName="next")
        assert error == "AccessDenied" and "sts:TagSession" in message


def make(iam, name, trust, *documents):
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    for number, document in enumerate(documents):
        iam.put_role_policy(RoleName=name, PolicyName=f"policy-{number}", PolicyDocument=json.dumps(document))
    return arn
