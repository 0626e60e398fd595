"""Who can, of patterns: everybody who gets in, alike ones together, on which conditions; and what a principal can. Every witness is sent."""

import json

import botocore
import botocore.exceptions
import pytest

from conftest import Credentials, allow

REFUSALS = ("AccessDenied", "AccessDeniedException")
FROM_HERE = {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}
FROM_AFAR = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def statement(effect, action, resource=None, principal=None, condition=None):
    return {"Effect": effect, "Action": action, **({"Resource": resource} if resource else {}),
            **({"Principal": principal} if principal else {}), **({"Condition": condition} if condition else {})}


@pytest.fixture(scope="module")
def world(server):
    """Two buckets with policies and one without; users, roles, groups of many kinds. {name: keys}"""
    iam, s3, account = server.client("iam"), server.client("s3"), server.account
    users = {
        "reader": [statement("Allow", "s3:Get*", "arn:aws:s3:::data-one/*")],
        "near": [statement("Allow", "s3:GetObject", "arn:aws:s3:::data-one/*", condition=FROM_HERE)],
        "far": [statement("Allow", "s3:GetObject", "arn:aws:s3:::data-one/*", condition=FROM_AFAR)],
        "second-factor": [statement("Allow", "s3:*", "arn:aws:s3:::data-*", condition=MFA)],
        "all-but": [statement("Allow", "s3:*", "*"), statement("Deny", "s3:GetObject", "arn:aws:s3:::data-one/secret/*"),
                    statement("Deny", "s3:*", "*", condition=FROM_AFAR)],
        "by-bucket": [],
        "nothing": [],
        "two-ways": [statement("Allow", "s3:GetObject", "arn:aws:s3:::data-one/a/*"), statement("Allow", "s3:GetObject", "arn:aws:s3:::data-one/b/*")],
        "assumer": [statement("Allow", "sts:AssumeRole", f"arn:aws:iam::{account}:role/*")],
    }
    for number in range(30):
        users[f"same-{number}"] = [statement("Allow", "s3:GetObject", "arn:aws:s3:::data-one/shared/*")]
    for team in ("vision", "text"):
        users[f"of-{team}"] = [statement("Allow", "s3:GetObject", "arn:aws:s3:::data-one/team/*", condition={"StringEquals": {"aws:PrincipalTag/team": "vision"}})]
    keys = {}
    for name, statements in users.items():
        iam.create_user(UserName=name, Tags=[{"Key": "team", "Value": name.removeprefix("of-")}])
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document(*statements)))
        keys[f"arn:aws:iam::{account}:user/{name}"] = Credentials.of(iam.create_access_key(UserName=name))
    keys[f"arn:aws:iam::{account}:root"] = server.root
    for bucket in ("data-one", "data-two", "data-plain"):
        s3.create_bucket(Bucket=bucket)
        for key in ("k", "shared/x", "secret/x"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.put_public_access_block(Bucket="data-two", PublicAccessBlockConfiguration=dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False))
    s3.put_bucket_policy(Bucket="data-one", Policy=json.dumps(document(
        statement("Allow", ["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::data-one/open/*", {"AWS": f"arn:aws:iam::{account}:user/by-bucket"}),
        statement("Allow", "s3:GetObject", "arn:aws:s3:::data-one/shared/*", {"AWS": "444455556666"}),
        statement("Allow", "s3:GetObject", "arn:aws:s3:::data-one/*", {"Service": "sagemaker.amazonaws.com"}))))
    s3.put_bucket_policy(Bucket="data-two", Policy=json.dumps(document(statement("Allow", "s3:GetObject", "arn:aws:s3:::data-two/public/*", "*"))))
    for role, trusted in (("near-role", {"AWS": f"arn:aws:iam::{account}:root"}), ("users-of-idp", {"Federated": "accounts.google.com"})):
        action = "sts:AssumeRoleWithWebIdentity" if "Federated" in trusted else "sts:AssumeRole"
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(document(statement("Allow", action, principal=trusted))))
    iam.put_role_policy(RoleName="near-role", PolicyName="p", PolicyDocument=json.dumps(document(statement("Allow", "s3:GetObject", "arn:aws:s3:::data-*"))))
    role = f"arn:aws:iam::{account}:role/near-role"
    sts = server.client_as(keys[f"arn:aws:iam::{account}:user/assumer"], "sts")
    keys[role] = Credentials.of(sts.assume_role(RoleArn=role, RoleSessionName="session"))
    return keys


def ask(server, *arguments):
    return json.loads(server.trainwarden(*arguments, "--json").stdout)


def name_of(principal):
    return principal.get("Name") or principal.get("RoleArn") or principal.get("Service") or principal.get("Arn") or principal["Type"]


def ways_of(answer):
    """{name: ways}"""
    return {name_of(principal): group["Ways"] for group in answer["Groups"] for principal in group["Principals"]}


def short(names, server):
    return {name.removeprefix(f"arn:aws:iam::{server.account}:") for name in names}


# What a call can be made to bring; other keys of a witness can't be had here.
def circumstances_are_had(witness):
    had = {"aws:requestedregion", "aws:resourceaccount", "s3:resourceaccount", "aws:securetransport"}
    return all(key.lower() in had or (key.lower() == "aws:sourceip") for key in witness["Context"])


def is_refused(call, **arguments):
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"] in REFUSALS + ("403",)
    return False


def send(server, credentials, witness):
    """Whether the real request is refused; None for one that this test cannot make."""
    action, arn = witness["Action"], witness["Resource"]
    bucket, _, key = arn.removeprefix("arn:aws:s3:::").partition("/")
    if key and arn.startswith("arn:aws:s3:"):  # S3 refuses whoever may not list a bucket what is not there
        server.client("s3").put_object(Bucket=bucket, Key=key, Body=b"x")
    s3, sts, iam = (server.client_as(credentials, name) for name in ("s3", "sts", "iam"))
    calls = {
        "s3:GetObject": lambda: is_refused(s3.get_object, Bucket=bucket, Key=key),
        "s3:PutObject": lambda: is_refused(s3.put_object, Bucket=bucket, Key=key, Body=b"x"),
        "s3:GetObjectTagging": lambda: is_refused(s3.get_object_tagging, Bucket=bucket, Key=key),
        "s3:GetObjectAcl": lambda: is_refused(s3.get_object_acl, Bucket=bucket, Key=key),
        "s3:ListBucket": lambda: is_refused(s3.list_objects_v2, Bucket=bucket),
        "s3:GetBucketPolicy": lambda: is_refused(s3.get_bucket_policy, Bucket=bucket),
        "s3:GetBucketTagging": lambda: is_refused(s3.get_bucket_tagging, Bucket=bucket),
        "s3:GetBucketLocation": lambda: is_refused(s3.get_bucket_location, Bucket=bucket),
        "s3:DeleteObject": lambda: is_refused(s3.delete_object, Bucket=bucket, Key=key),
        "sts:AssumeRole": lambda: is_refused(sts.assume_role, RoleArn=arn, RoleSessionName="by-witness"),
        "iam:GetRole": lambda: is_refused(iam.get_role, RoleName=arn.rpartition("/")[2]),
        "iam:ListUsers": lambda: is_refused(iam.list_users),
    }
    return calls[action]() if action in calls else None


def test_who_reads_a_bucket(server, world):
    answer = ask(server, "who-can", "s3:GetObject", "arn:aws:s3:::data-one/*")
    assert "Open" not in answer
    found = ways_of(answer)
    assert short(found, server) == {
        "user/reader", "user/near", "user/far", "user/second-factor", "user/all-but", "user/by-bucket", "user/two-ways", "user/of-vision",
        *[f"user/same-{number}" for number in range(30)], "role/near-role", "root", "account 444455556666", "sagemaker.amazonaws.com"}
    user = lambda name: found[f"arn:aws:iam::{server.account}:user/{name}"]
    assert [(one["Key"], one["Operator"], one["Values"]) for one in user("far")[0]["Conditions"]] == [("aws:SourceIp", "IpAddress", ["10.0.0.0/8"])]
    assert user("far")[0]["Witness"]["Context"]["aws:sourceip"][0].startswith("10.")
    assert [one["Key"] for one in user("second-factor")[0]["Conditions"]] == ["aws:MultiFactorAuthPresent"]
    assert user("of-vision")[0]["Conditions"] == []  # of the principal, and known
    assert {tuple(way["Resources"]) for way in user("two-ways")} == {("arn:aws:s3:::data-one/a/*",), ("arn:aws:s3:::data-one/b/*",)}
    assert {one["StatementIndex"] for one in user("all-but")[0]["Except"]} == {1, 2}
    assert user("by-bucket")[0]["Statements"][0]["PolicyName"] == "bucket policy of data-one"
    # Alike ones are one group.
    group = next(one for one in answer["Groups"] if len(one["Principals"]) > 2)
    assert len(group["Principals"]) == 30
    stranger = next(one for one in answer["Groups"] if name_of(one["Principals"][0]).startswith("account "))
    assert "444455556666" in stranger["Needs"] and all(one["PolicyType"] != "identity-based policy" for one in stranger["Ways"][0]["Statements"])


def test_what_is_said_counts_and_the_rest_is_found_out(server, world):
    from_afar = short(ways_of(ask(server, "who-can", "s3:GetObject", "arn:aws:s3:::data-one/*", "--context", "aws:SourceIp=10.1.2.3")), server)
    assert "user/far" in from_afar and not from_afar & {"user/near", "user/all-but"}
    # Of one resource, too, if it is asked.
    one = ("who-can", "s3:GetObject", "arn:aws:s3:::data-one/k")
    assert "user/far" not in short([name_of(each["Principal"]) for each in ask(server, *one)["Principals"]], server)
    answer = ask(server, *one, "--conditions")
    assert {"user/far", "user/second-factor"} <= short(ways_of(answer), server) and "Principals" not in answer


def test_whole_buckets_and_several(server, world):
    answer = ways_of(ask(server, "who-can", "s3:*", "arn:aws:s3:::data-two"))
    assert "Anonymous" in answer and "any principal of any other account" in answer
    whole = answer[f"arn:aws:iam::{server.account}:user/all-but"]
    actions = {action for way in whole for action in way["Actions"]}
    assert {"s3:GetObject", "s3:ListBucket", "s3:PutBucketPolicy"} <= actions
    some = ways_of(ask(server, "who-can", "s3:GetObject", "arn:aws:s3:::data-*/public/*"))
    assert {name for name in some if not name.startswith("arn:")} == {
        "Anonymous", "any principal of any other account", "account 444455556666", "sagemaker.amazonaws.com"}
    done = server.trainwarden("who-can", "s3:GetObject", "arn:aws:s3:::nosuchbucket-*/*", check=False)
    assert done.returncode == 1 and "there is no bucket on this server that matches" in done.stderr


@pytest.mark.parametrize("action, resource, said", [
    ("s3:Gex*", "*", "no action matches `s3:Gex*`"), ("s3:GetObjekt", "arn:aws:s3:::data-one/*", "did you mean s3:GetObject?"),
    ("s3:Get*", "s3://data-one/x", "is an S3 URI"), ("s3:Get*", "data-one/*", "is not an ARN, nor a pattern of ARNs"),
    ("iam:Get*", "arn:aws:iam::444455556666:role/*", "its account is"), ("s3:Get*", "arn:aws-cn:s3:::data-one/*", "its partition is aws"),
    ("s3:Get*", "arn:aws:s3:::data-one/${*}", "a `?` stands for"),
    ("s3:Get*", "arn:aws:iam::ACCOUNT:role/*", "is no resource of any action that `s3:Get*` means: "),
    ("s3:GetObject", "arn:aws:iam::ACCOUNT:role/*", "is no resource of s3:GetObject: s3:GetObject works on "),
    ("s3:GetObject", "arn:aws:s3:::data-one", "is no resource of this action"),  # a bucket, as explain says
])
def test_what_cannot_be_asked(server, world, action, resource, said):
    done = server.trainwarden("who-can", action, resource.replace("ACCOUNT", server.account), check=False)
    assert done.returncode == 1 and said in done.stderr and not done.stdout


def test_resources_are_what_all_statements_together_allow(server, world, make_user):
    """A boundary, a session policy, a Deny: what is printed is not more than is allowed."""
    iam, sts = server.client("iam"), server.client("sts")
    cut = document(statement("Allow", "s3:Get*", ["arn:aws:s3:::data-plain/a/*", "arn:aws:s3:::data-plain/*.npz"]))
    boundary = iam.create_policy(PolicyName="cut", PolicyDocument=json.dumps(cut))["Policy"]["Arn"]
    keys = make_user("bound", document(statement("Allow", ["s3:GetObject", "s3:PutObject"], ["arn:aws:s3:::data-plain/a/b/*", "arn:aws:s3:::data-plain/c*"])))
    iam.put_user_permissions_boundary(UserName="bound", PermissionsBoundary=boundary)
    arn = f"arn:aws:iam::{server.account}:user/bound"
    for answer in (ways_of(ask(server, "who-can", "s3:*Object", "arn:aws:s3:::data-plain"))[arn],
                   [way for one in ask(server, "what-can", arn, "--action", "s3:*", "--resource", "arn:aws:s3:::data-plain")["Services"] for way in one["Ways"]]):
        assert {action for way in answer for action in way["Actions"]} == {"s3:GetObject"}
        assert {one for way in answer for one in way["Resources"]} == {
            "arn:aws:s3:::data-plain/a/b/*",
            "arn:aws:s3:::data-plain/c* & arn:aws:s3:::data-plain/*.npz"}
    s3 = server.client("s3")
    for key, refused in (("a/b/x", False), ("a/x", True), ("c/y.npz", False), ("c/y", True)):
        s3.put_object(Bucket="data-plain", Key=key, Body=b"x")
        assert is_refused(server.client_as(keys, "s3").get_object, Bucket="data-plain", Key=key) is refused, key
    denied = make_user("denied", document(statement("Allow", "s3:GetObject", "*"), {
        "Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::data-plain/a/*", "Condition": FROM_HERE}))
    way = ways_of(ask(server, "who-can", "s3:GetObject", "arn:aws:s3:::data-plain/*"))[f"arn:aws:iam::{server.account}:user/denied"][0]
    assert way["Except"][0]["NotResources"] == ["arn:aws:s3:::data-plain/a/*"] and way["Resources"] == ["arn:aws:s3:::data-plain/*"]
    text = server.trainwarden("who-can", "s3:GetObject", "arn:aws:s3:::data-plain/*").stdout
    assert "on all but arn:aws:s3:::data-plain/a/*, if aws:SourceIp is in 127.0.0.0/8, denied by " in text
    assert is_refused(server.client_as(denied, "s3").get_object, Bucket="data-plain", Key="c/y") is True and sts
    iam.delete_user_permissions_boundary(UserName="bound")


def test_requests_as_this_server_gets_them(server, world, make_user):
    """Nothing here comes by TLS."""
    keys = make_user("insecure", document(statement("Allow", "s3:GetObject", "*"), statement(
        "Deny", "s3:*", "*", condition={"Bool": {"aws:SecureTransport": "false"}})))
    arn = f"arn:aws:iam::{server.account}:user/insecure"
    asked = ("who-can", "s3:GetObject", "arn:aws:s3:::data-plain/*")
    assert arn not in ways_of(ask(server, *asked)) and is_refused(server.client_as(keys, "s3").get_object, Bucket="data-plain", Key="k")
    assert arn in ways_of(ask(server, *asked, "--context", "aws:SecureTransport=true"))


@pytest.mark.parametrize("name, condition, deny, session", [
    ("tags", {"StringEquals": {"aws:PrincipalTag/color": "red"}}, None, {"Tags": [{"Key": "color", "Value": "red"}]}),
    ("source", {"StringEquals": {"aws:SourceIdentity": "bobby"}}, None, {"SourceIdentity": "bobby"}),
    ("named", {"StringLike": {"aws:userid": "*:special"}}, None, {"RoleSessionName": "special"}),
    ("untagged", None, {"Null": {"aws:PrincipalTag/color": "true"}}, {"Tags": [{"Key": "color", "Value": "red"}]}),
])
def test_what_sessions_bring(server, world, name, condition, deny, session):
    """A role that only some of its sessions get in with is no role that nobody gets in with."""
    iam, role = server.client("iam"), f"brings-{name}"
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(document(statement(
        "Allow", ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], principal={"AWS": f"arn:aws:iam::{server.account}:user/assumer"}))))
    iam.put_user_policy(UserName="assumer", PolicyName="more", PolicyDocument=json.dumps(document(
        statement("Allow", ["sts:TagSession", "sts:SetSourceIdentity"], "*"))))
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=json.dumps(document(
        statement("Allow", "s3:GetObject", "arn:aws:s3:::data-plain/*", condition=condition),
        *([statement("Deny", "s3:*", "*", condition=deny)] if deny else []))))
    arn = f"arn:aws:iam::{server.account}:role/{role}"
    sts = server.client_as(world[f"arn:aws:iam::{server.account}:user/assumer"], "sts")
    reads = lambda **more: not is_refused(server.client_as(Credentials.of(sts.assume_role(
        RoleArn=arn, **{"RoleSessionName": "plain-one", **more})), "s3").get_object, Bucket="data-plain", Key="k")
    assert reads(**session) and not reads()
    found = [one for one in ways_of(ask(server, "who-can", "s3:GetObject", "arn:aws:s3:::data-plain/*")).items() if arn in one[0]]
    assert len(found) == 1 and found[0][0].startswith(f"sessions of {arn}")
    assert found[0][1][0]["Conditions"] or deny
    assert [one["Service"] for one in ask(server, "what-can", arn, "--action", "s3:*", "--resource", "arn:aws:s3:::data-plain/*")["Services"]] == ["s3"]


def test_a_bucket_that_is_not_there_can_be_made(server, world):
    found = ways_of(ask(server, "who-can", "s3:Create*", "arn:aws:s3:::neu-*"))
    assert found[f"arn:aws:iam::{server.account}:user/all-but"][0]["Actions"][0] == "s3:CreateBucket"


def test_examples_are_of_buckets_that_are_there(make_server):
    """A policy about names that no bucket has allows nothing, whatever the question's resource."""
    server = make_server()
    iam = server.client("iam")
    server.client("s3").create_bucket(Bucket="made-a")
    for name, actions, resource in (("on-none", "s3:GetObject", "arn:aws:s3:::made-?/*"), ("maker", "s3:CreateBucket", "*")):
        iam.create_user(UserName=name)
        denied = statement("Deny", "s3:GetObject", "arn:aws:s3:::made-a/*")
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document(statement("Allow", actions, resource), denied)))
    users = lambda *question: {name.rpartition("/")[2] for name in ways_of(ask(server, "who-can", *question)) if ":user/" in name}
    assert users("s3:GetObject", "*") == users("s3:Get*", "arn:aws:s3:::*") == set()
    assert users("s3:*", "*") == {"maker"}  # who makes a bucket that may come
    can = ask(server, "what-can", f"arn:aws:iam::{server.account}:user/on-none")
    assert "s3:" not in json.dumps(can), can


@pytest.mark.parametrize("condition", [{"StringEquals": {"aws:PrincipalTag/team": "vision"}}, {"StringEquals": {"aws:PrincipalType": "AssumedRole"}},
                                       {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}}, {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}])
def test_other_accounts_bring_what_they_like(make_server, condition):
    server = make_server()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="let-in")
    s3.put_public_access_block(Bucket="let-in", PublicAccessBlockConfiguration=dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False))
    s3.put_bucket_policy(Bucket="let-in", Policy=json.dumps(document(
        statement("Allow", "s3:GetObject", "arn:aws:s3:::let-in/a/*", "*", condition),
        statement("Allow", "s3:PutObject", "arn:aws:s3:::let-in/b/*", {"AWS": "444455556666"}, condition))))
    assert "any principal of any other account" in ways_of(ask(server, "who-can", "s3:GetObject", "arn:aws:s3:::let-in/*"))
    assert "account 444455556666" in ways_of(ask(server, "who-can", "s3:PutObject", "arn:aws:s3:::let-in/*"))


def test_an_action_without_a_resource_is_one_question(server, world):
    for resource in ("*", "arn:aws:s3:::*"):
        assert ask(server, "who-can", "s3:ListAllMyBuckets", resource)["Principals"]


def test_who_assumes_roles(server, world):
    found = ways_of(ask(server, "who-can", "sts:AssumeRole*", f"arn:aws:iam::{server.account}:role/*"))
    assert short(found, server) == {"user/assumer", "users of accounts.google.com"}
    both = {"identity-based policy", "role trust policy"}
    assert any({one["PolicyType"] for one in way["Statements"]} == both for way in found[f"arn:aws:iam::{server.account}:user/assumer"])


QUESTIONS = [("s3:*", "arn:aws:s3:::data-one"), ("s3:*Object*", "arn:aws:s3:::data-*/*"), ("s3:Get*", "arn:aws:s3:::data-one/secret/*"), ("s3:*", "*"),
             ("sts:AssumeRole", "*"), ("iam:*", "*"), ("*", "*")]


@pytest.mark.parametrize("action, resource", QUESTIONS)
def test_every_witness_is_what_happens(server, world, action, resource):
    sent = 0
    for name, ways in ways_of(ask(server, "who-can", action, resource)).items():
        if name not in world:
            continue
        for way in ways:
            witness = way["Witness"]
            address = witness["Context"].get("aws:sourceip", ["127.0.0.1"])[0]
            here = all(one["Key"] != "aws:SourceIp" or one["Values"] == ["127.0.0.0/8"] for one in way["Conditions"])
            if not circumstances_are_had(witness) or not (here or address == "127.0.0.1"):
                continue
            refused = send(server, world[name], witness)
            if refused is None:
                continue
            sent += 1
            assert refused is False, (name, way)
    assert sent > 0 or (action, resource) == ("iam:*", "*")


def test_whoever_is_in_no_group_is_refused(server, world):
    """What who-can denies, everybody tries."""
    found = ways_of(ask(server, "who-can", "s3:GetObject", "arn:aws:s3:::data-one/*"))
    tried = 0
    for name, keys in world.items():
        if name in found:
            continue
        for key in ("k", "shared/x", "open/x", "a/x", "team/x"):
            assert is_refused(server.client_as(keys, "s3").get_object, Bucket="data-one", Key=key), (name, key)
            tried += 1
    assert tried > 0


def test_what_a_principal_can(server, world):
    answer = ask(server, "what-can", f"arn:aws:iam::{server.account}:user/reader")
    assert [one["Service"] for one in answer["Services"]] == ["s3", "sts"]  # sts:GetCallerIdentity needs no permission
    s3 = answer["Services"][0]["Ways"]
    actions = {action for way in s3 for action in way["Actions"]}
    assert "s3:GetObject" in actions and "s3:GetBucketPolicy" not in actions and "s3:PutObject" not in actions
    assert {tuple(way["Resources"]) for way in s3} == {("arn:aws:s3:::data-one/*",), ("arn:aws:s3:::data-two/public/*",)}
    everything = ask(server, "what-can", f"arn:aws:iam::{server.account}:root")
    assert any(way["Actions"] == ["sagemaker:*"] for one in everything["Services"] for way in one["Ways"])
    by_bucket = ask(server, "what-can", f"arn:aws:iam::{server.account}:user/by-bucket", "--action", "s3:*")
    assert {action for one in by_bucket["Services"] for way in one["Ways"] for action in way["Actions"]} >= {"s3:GetObject", "s3:PutObject"}
    nothing = ask(server, "what-can", f"arn:aws:iam::{server.account}:user/nothing", "--action", "s3:*", "--resource", "arn:aws:s3:::data-one/*")
    assert nothing["Services"] == []
    session = f"arn:aws:sts::{server.account}:assumed-role/near-role/session"
    of_session = ask(server, "what-can", session, "--action", "s3:*")
    assert of_session["Principal"]["Name"] == session and of_session["Note"].startswith("The session that lives is meant"), of_session
    shown = server.trainwarden("what-can", session.replace("/session", "/other")).stdout
    assert shown.startswith(session.replace("/session", "/other") + "\nNo session of this name is known to live"), shown
    done = server.trainwarden("what-can", f"arn:aws:iam::{server.account}:user/nobody", check=False)
    assert done.returncode == 1 and "there is no principal" in done.stderr


def test_asking_needs_permission(server, world, make_user):
    arn = f"arn:aws:iam::{server.account}:user/reader"
    nobody = make_user("asks-nothing")
    for command in (("who-can", "s3:*", "*"), ("what-can", arn)):
        done = server.trainwarden(*command, credentials=nobody, check=False)
        assert done.returncode == 1 and "is not authorized to perform" in done.stderr
    asker = make_user("asks", document(statement("Allow", "trainwarden:WhatCan", arn), statement("Allow", "trainwarden:WhoCan", "*")))
    for command in (("who-can", "s3:*", "*"), ("what-can", arn)):
        assert server.trainwarden(*command, credentials=asker, check=False).returncode == 0
    assert server.trainwarden("what-can", arn.replace("reader", "near"), credentials=asker, check=False).returncode == 1


def test_for_people(server, world):
    text = server.trainwarden("who-can", "s3:GetObject", "arn:aws:s3:::data-one/*").stdout
    assert "aws:SourceIp is in 10.0.0.0/8" in text and "with a second factor (aws:MultiFactorAuthPresent)" in text
    assert "and 10 more (--json names them)" in text and "denied by" in text and "example" in text and "\\n" not in text
    text = server.trainwarden("what-can", f"arn:aws:iam::{server.account}:user/reader").stdout
    assert text.startswith(f"arn:aws:iam::{server.account}:user/reader\n\ns3\n") and "\\n" not in text
    assert "s3:Get" in server.trainwarden("what-can", f"arn:aws:iam::{server.account}:user/reader").stdout
