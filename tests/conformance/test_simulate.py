"""IAM's policy simulator: its answers as the API reference writes them, its errors, and that it says what enforcement does."""

import itertools
import json

import botocore.exceptions
import pytest

from conftest import AWS_V1, AWS_V2, Credentials, allow

KEY = "arn:aws:s3:::shelf/a"
OTHER = "arn:aws:s3:::shelf/b"


def text(document):
    return document if isinstance(document, str) else json.dumps(document, separators=(",", ":"))


def statement(effect="Allow", action="s3:GetObject", resource="*", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def entry(name, *values, kind="string"):
    return {"ContextKeyName": name, "ContextKeyType": kind, "ContextKeyValues": list(values)}


def error(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


@pytest.fixture
def custom(server):
    """custom(documents, **arguments): the only result of SimulateCustomPolicy for s3:GetObject."""
    iam = server.client("iam")

    def simulate(*documents, **arguments):
        arguments.setdefault("ActionNames", ["s3:GetObject"])
        answer = iam.simulate_custom_policy(PolicyInputList=[text(one) for one in documents], **arguments)
        assert answer["IsTruncated"] is False
        (result,) = answer["EvaluationResults"]
        return result

    return simulate


def matched(source, start, end, kind="IAM Policy"):
    return {"SourcePolicyId": source, "SourcePolicyType": kind, "StartPosition": dict(zip(("Line", "Column"), start)),
            "EndPosition": dict(zip(("Line", "Column"), end))}


# The answer's shape.


def test_without_a_resource(custom):
    assert custom(policy(statement())) == {
        "EvalActionName": "s3:GetObject", "EvalResourceName": "*", "EvalDecision": "allowed", "MissingContextValues": [],
        "MatchedStatements": [matched("PolicyInputList.1", (1, 38), (1, 95))]}
    assert custom(policy(statement()), ResourceArns=["*"])["EvalResourceName"] == "*"


def test_each_resource_and_the_strictest_of_them(custom):
    one = custom(policy(statement(resource=KEY)), ResourceArns=[KEY])
    assert (one["EvalResourceName"], one["EvalDecision"], one["EvalDecisionDetails"]) == (KEY, "allowed", {})
    assert one["ResourceSpecificResults"] == [{
        "EvalResourceName": KEY, "EvalResourceDecision": "allowed", "MissingContextValues": [],
        "MatchedStatements": one["MatchedStatements"]}]
    both = custom(policy(statement(resource=KEY)), ResourceArns=[KEY, OTHER])
    assert (both["EvalResourceName"], both["EvalDecision"]) == ("arn:${Partition}:s3:::${BucketName}/${ObjectName}", "implicitDeny")
    assert [(each["EvalResourceName"], each["EvalResourceDecision"]) for each in both["ResourceSpecificResults"]] == [
        (KEY, "allowed"), (OTHER, "implicitDeny")]
    assert len(both["MatchedStatements"]) == 1
    assert custom(policy(statement(), statement("Deny", resource=OTHER)), ResourceArns=[KEY, OTHER])["EvalDecision"] == "explicitDeny"
    assert custom(policy(statement()), ActionNames=["s3:ListAllMyBuckets"], ResourceArns=[KEY, OTHER])["EvalResourceName"] == "*"


def test_the_statements_that_settle_it(custom):
    two = policy(statement(Sid="First"), statement("Deny", "s3:PutObject", Sid="Second"))
    laid_out = json.dumps(two, indent=2)
    assert custom(laid_out)["MatchedStatements"] == [matched("PolicyInputList.1", (3, 17), (9, 6))]
    assert custom(laid_out, ActionNames=["s3:PutObject"])["MatchedStatements"] == [matched("PolicyInputList.1", (9, 6), (15, 6))]
    # A deny is the only entry.
    denied = custom(policy(statement()), policy(statement("Deny")))
    assert denied["EvalDecision"] == "explicitDeny"
    assert [one["SourcePolicyId"] for one in denied["MatchedStatements"]] == ["PolicyInputList.2"]
    assert [one["SourcePolicyId"] for one in custom(policy(statement()), policy(statement()))["MatchedStatements"]] == [
        "PolicyInputList.1", "PolicyInputList.2"]
    assert custom(policy(statement(action="s3:Put*")))["MatchedStatements"] == []
    # The reference's own example of a single statement that is no list.
    sample = """{
  "Version":"2012-10-17",

  "Statement":{
    "Effect":"Allow",
    "Action":"s3:ListBucket",
    "Resource":"arn:aws:s3:::teambucket",
    "Condition":{
      "Bool":{"aws:MultiFactorAuthPresent":"true"}
    }
  }
}"""
    result = custom(sample, ActionNames=["s3:ListBucket"], ResourceArns=["arn:aws:s3:::teambucket"],
                    ContextEntries=[entry("aws:MultiFactorAuthPresent", "true", kind="boolean")])
    assert result["EvalDecision"] == "allowed"
    assert result["MatchedStatements"] == [matched("PolicyInputList.1", (4, 16), (11, 4))]


def test_a_permissions_boundary(custom):
    def bounded(boundary, identity=policy(statement())):
        result = custom(identity, PermissionsBoundaryPolicyInputList=[text(boundary)], ResourceArns=[KEY])
        detail = result["PermissionsBoundaryDecisionDetail"]
        assert result["ResourceSpecificResults"][0]["PermissionsBoundaryDecisionDetail"] == detail
        return result["EvalDecision"], detail["AllowedByPermissionsBoundary"], [
            (one["SourcePolicyId"], one["SourcePolicyType"]) for one in result["MatchedStatements"]]

    mine, cap = ("PolicyInputList.1", "IAM Policy"), ("PermissionsBoundaryPolicyInputList.1", "Permissions Boundary Policy")
    assert bounded(policy(statement())) == ("allowed", True, [mine])
    assert bounded(policy(statement(action="s3:Put*"))) == ("implicitDeny", False, [])
    assert bounded(policy(statement("Deny"))) == ("explicitDeny", False, [cap])
    assert bounded(policy(statement()), policy(statement("Deny"))) == ("explicitDeny", True, [mine])
    assert sorted(bounded(policy(statement("Deny")), policy(statement("Deny")))[2]) == sorted([mine, cap])


def test_an_organization(custom):
    everything = policy(statement(action="*"))

    def under(*levels):
        result = custom(policy(statement()), ResourceArns=[KEY], OrderedOrganizationPolicyInputList=[
            {"ServiceControlPolicyInputList": [text(one) for one in level]} for level in levels])
        return result, (result["EvalDecision"], result["OrganizationsDecisionDetail"]["AllowedByOrganizations"])

    result, answer = under([everything], [everything])
    assert answer == ("allowed", True) and [one["SourcePolicyId"] for one in result["MatchedStatements"]] == ["PolicyInputList.1"]
    assert result["EvalDecisionDetails"] == {}
    # Every level must allow (R7); within a level one policy is enough, and a deny is a deny. Then nothing else is looked at.
    for levels, decision in (([[everything], [policy(statement(action="s3:Put*"))]], "implicitDeny"),
                             ([[everything], [policy(statement("Deny"))]], "explicitDeny"),
                             ([[policy(statement("Deny")), everything], [everything]], "explicitDeny")):
        result, answer = under(*levels)
        assert answer == (decision, False) and result["MatchedStatements"] == [] and "EvalDecisionDetails" not in result
    assert under([policy(statement(action="s3:Put*")), everything])[1] == ("allowed", True)
    # Conditions and resources of SCPs count.
    here = policy(statement(action="*", Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}}))
    there = policy(statement(action="*", Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}))
    assert under([here])[1] == ("allowed", True) and under([there])[1] == ("implicitDeny", False)
    assert "OrganizationsDecisionDetail" not in custom(policy(statement()))
    assert error(custom, OrderedOrganizationPolicyInputList=[{"ServiceControlPolicyInputList": []}]) == (
        "InvalidInput", "Organization policy at index 1 must contain at least one service control policy")


def test_a_resource_policy_in_the_same_account(server, custom):
    """The reference's example: neither Mateo's policies nor his boundary allow it, but the bucket's policy names him."""
    mateo = f"arn:aws:iam::{server.account}:user/mateo"
    iam_only = policy(statement(action="iam:*"))
    grant = policy(statement(action=["s3:List*", "s3:Put*"], resource="arn:aws:s3:::production/*", Principal={"AWS": mateo}))
    result = custom(iam_only, ActionNames=["s3:PutObject"], CallerArn=mateo, ResourceArns=["arn:aws:s3:::production/Test"],
                    ResourceOwner=f"arn:aws:iam::{server.account}:root", ResourcePolicy=text(grant),
                    PermissionsBoundaryPolicyInputList=[text(iam_only)])
    assert (result["EvalDecision"], result["EvalDecisionDetails"]) == ("allowed", {})
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    assert result["MatchedStatements"] == [matched("ResourcePolicy", (1, 38), (1, 38 + len(text(grant["Statement"][0]))), "Resource Policy")]
    # Roles too, which AWS's simulator does not: the grant to a role does not pass its boundary by (R16).
    role = f"arn:aws:iam::{server.account}:role/path/r"
    grant = policy(statement(resource="arn:aws:s3:::production/*", Principal={"AWS": role}))
    arguments = {"CallerArn": role, "ResourceArns": ["arn:aws:s3:::production/Test"], "ResourcePolicy": text(grant)}
    assert custom(iam_only, **arguments)["EvalDecision"] == "allowed"
    assert custom(iam_only, **arguments, PermissionsBoundaryPolicyInputList=[text(iam_only)])["EvalDecision"] == "implicitDeny"


def test_across_accounts_every_type_of_policy_is_told(server, custom):
    """The reference's example: the bucket's policy allows Arnav, his own policy and his boundary do not."""
    arnav = f"arn:aws:iam::{server.account}:user/arnav"
    grant = policy(statement(action=["s3:List*", "s3:Put*"], resource="arn:aws:s3:::mary/*", Principal={"AWS": arnav}))

    def ask(identity, boundary=None, resource=grant, **more):
        if boundary:
            more["PermissionsBoundaryPolicyInputList"] = [text(boundary)]
        result = custom(identity, ActionNames=["s3:PutObject"], CallerArn=arnav, ResourceArns=["arn:aws:s3:::mary/Test"],
                        ResourceOwner="arn:aws:iam::999999999999:root", ResourcePolicy=text(resource), **more)
        assert result["ResourceSpecificResults"][0]["EvalDecisionDetails"] == result["EvalDecisionDetails"]
        return result["EvalDecision"], result["EvalDecisionDetails"]

    iam_only, all_of_s3 = policy(statement(action="iam:*")), policy(statement(action="s3:*"))
    assert ask(iam_only, iam_only) == ("implicitDeny", {
        "IAM Policy": "implicitDeny", "Resource Policy": "allowed", "Permissions Boundary Policy": "implicitDeny"})
    assert ask(all_of_s3) == ("allowed", {"IAM Policy": "allowed", "Resource Policy": "allowed"})
    assert ask(all_of_s3, policy(statement("Deny", "s3:*"))) == ("explicitDeny", {
        "IAM Policy": "allowed", "Resource Policy": "allowed", "Permissions Boundary Policy": "explicitDeny"})
    stranger = policy(statement(action="s3:*", resource="arn:aws:s3:::mary/*", Principal={"AWS": "888888888888"}))
    assert ask(all_of_s3, resource=stranger) == ("implicitDeny", {"IAM Policy": "allowed", "Resource Policy": "implicitDeny"})
    refusing = policy(statement("Deny", "s3:*", "arn:aws:s3:::mary/*", Principal="*"))
    assert ask(all_of_s3, resource=refusing) == ("explicitDeny", {"IAM Policy": "allowed", "Resource Policy": "explicitDeny"})
    # The owner may be said as a number, as the reference also has it; an ARN that names its account needs none.
    assert custom(all_of_s3, ResourceArns=[KEY], ResourceOwner="999999999999")["EvalDecision"] == "implicitDeny"
    queue = custom(policy(statement(action="sqs:*")), ActionNames=["sqs:SendMessage"], ResourceArns=["arn:aws:sqs:us-east-1:999999999999:q"])
    assert (queue["EvalDecision"], queue["EvalDecisionDetails"]) == ("implicitDeny", {"IAM Policy": "allowed"})


def test_a_trust_policy_counts(server, custom):
    """aws-cli issue 10314: AWS's simulator drops trust policies for sts:Assume… and says `allowed`."""
    user, role = f"arn:aws:iam::{server.account}:user/u", f"arn:aws:iam::{server.account}:role/r"

    def ask(trust, **more):
        return custom(policy(statement(action="*")), ActionNames=["sts:AssumeRole"], CallerArn=user, ResourceArns=[role],
                      ResourcePolicy=text(policy({"Action": "sts:AssumeRole", **trust})), **more)

    assert ask({"Effect": "Deny", "Principal": {"AWS": user}})["EvalDecision"] == "explicitDeny"
    trusted = ask({"Effect": "Allow", "Principal": {"AWS": user}})
    assert trusted["EvalDecision"] == "allowed"
    assert {one["SourcePolicyId"] for one in trusted["MatchedStatements"]} == {"PolicyInputList.1", "ResourcePolicy"}
    assert ask({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}})["EvalDecision"] == "implicitDeny"
    with_id = {"Effect": "Allow", "Principal": {"AWS": user}, "Condition": {"StringEquals": {"sts:ExternalId": "42"}}}
    assert (ask(with_id)["EvalDecision"], ask(with_id)["MissingContextValues"]) == ("implicitDeny", ["sts:ExternalId"])
    assert ask(with_id, ContextEntries=[entry("sts:ExternalId", "42")])["EvalDecision"] == "allowed"
    # Without a trust policy nobody is trusted (R75): a custom simulation knows of none but the one it is given.
    assert custom(policy(statement(action="*")), ActionNames=["sts:AssumeRole"], ResourceArns=[role])["EvalDecision"] == "implicitDeny"


# What is asked.


def test_context_keys_of_every_type(custom):
    def holds(operator, value, *values, kind):
        condition = {operator: {"stack:key": value}}
        return custom(policy(statement(Condition=condition)), ContextEntries=[entry("stack:key", *values, kind=kind)])["EvalDecision"] == "allowed"

    for operator, good, bad, kind, value in (
            ("StringEquals", "a", "b", "string", "a"), ("NumericLessThan", "10", "9", "numeric", "9.5"),
            ("Bool", "true", "false", "boolean", "TRUE"), ("IpAddress", "10.0.0.0/8", "11.0.0.0/8", "ip", "10.1.2.3"),
            ("BinaryEquals", "YQ==", "Yg==", "binary", "YQ=="), ("DateGreaterThan", "2020-01-01", "2040-01-01", "date", "2035-06-01T00:00:00Z")):
        assert holds(operator, good, value, kind=kind) and not holds(operator, bad, value, kind=kind), kind
        assert holds("ForAnyValue:" + operator, good, value, kind=kind + "List"), kind
    assert holds("ForAllValues:StringEquals", ["a", "b"], "a", "b", kind="stringList")
    assert not holds("ForAllValues:StringEquals", ["a"], "a", "b", kind="stringList")
    assert not holds("StringEquals", "a", "a", kind="stringList")  # a list key wants a set operator (R54)
    assert holds("DateLessThan", "2040-01-01", "1767225600", kind="date")


@pytest.mark.parametrize("entries, message", [
    ([{"ContextKeyName": "stack:key", "ContextKeyValues": ["yes"]}], "Context key stack:key has invalid type null."),
    ([{"ContextKeyName": "stack:key", "ContextKeyType": "string"}], "Context values for context key stack:key cannot be null or empty."),
    ([{"ContextKeyType": "string", "ContextKeyValues": ["yes"]}], "ContextKeyName cannot be null or empty."),
    ([entry("stack:key", "a", "b")], "Context key string expected a single value, but received 2."),
    ([entry("stack:key", "abc", kind="numeric")], "Invalid context value for key stack:key: expected numeric format."),
    ([entry("stack:key", "0x10", kind="numeric")], "Invalid context value for key stack:key: expected numeric format."),
    ([entry("stack:key", "1", "x", kind="numericList")], "Invalid context value for key stack:key: expected numeric format."),
    ([entry("stack:key", "tomorrow", kind="date")], "Invalid context value for key stack:key: expected DateTime format."),
    ([entry("stack:key", "999.0.0.1", kind="ip")], "Invalid context value for key stack:key: expected IP address."),
    ([entry("stack:key", "10.0.0.0/33", kind="ip")], "Invalid context value for key stack:key: expected IP address."),
    ([entry("stack:key", "!base64", kind="binary")], "Invalid context value for key stack:key: expected base-64 encoded binary format."),
    ([entry("stack:key", "a"), entry("STACK:KEY", "b")], "Duplicate context key: STACK:KEY."),
])
def test_context_entries_that_make_no_sense(custom, entries, message):
    assert error(custom, ContextEntries=entries) == ("InvalidInput", message)


def test_quotas_and_forms(server, custom):
    """SEMANTICS G7; the service model's limits."""
    unchecked = server.client("iam", config=botocore.config.Config(parameter_validation=False))

    def custom_error(**arguments):
        arguments = {"PolicyInputList": [text(policy(statement()))], "ActionNames": ["s3:GetObject"], **arguments}
        return error(unchecked.simulate_custom_policy, **arguments)

    for arguments, part in (
            ({"PolicyInputList": [" " * 131_073]}, "length less than or equal to 131072"),
            ({"ActionNames": ["s3"]}, "length greater than or equal to 3"),
            ({"ActionNames": ["s3:" + "G" * 126]}, "length less than or equal to 128"),
            ({"ResourceArns": ["arn:aws:s3:::" + "b" * 2048]}, "length less than or equal to 2048"),
            ({"ContextEntries": [entry("a:b", "x")]}, "length greater than or equal to 5"),
            ({"ContextEntries": [entry("a:" + "b" * 255, "x")]}, "length less than or equal to 256"),
            ({"ContextEntries": [entry("stack:key", "x", kind="unknown")]}, "Member must satisfy enum value set"),
            ({"MaxItems": 0}, "greater than or equal to 1"), ({"MaxItems": 1001}, "less than or equal to 1000"),
            ({"OrderedOrganizationPolicyInputList": [{"ServiceControlPolicyInputList": ["{}"]}] * 8}, "less than or equal to 7")):
        code, message = custom_error(**arguments)
        assert code == "ValidationError" and part in message, message
    # As long as may be, white space included.
    longest = text(policy(statement()))
    assert custom(longest + " " * (131_072 - len(longest)))["EvalDecision"] == "allowed"


@pytest.mark.parametrize("arguments, message", [
    ({"ActionNames": ["GetObject"]}, "The action is invalid since it is missing names"),
    ({"ActionNames": ["s3:*"]}, "Wildcards are not supported in the action name s3:*."),
    ({"ResourceArns": ["not-an-arn"]}, "ResourceNames are not in a valid ARN format: not-an-arn."),
    ({"ResourceArns": ["arn:aws:s3"]}, "ResourceNames are not in a valid ARN format: arn:aws:s3."),
    ({"ResourceArns": [KEY, "*"]}, "ResourceNames are not in a valid ARN format: *."),
    ({"PermissionsBoundaryPolicyInputList": [text(policy(statement()))] * 2},
     "The list of Permissions Boundary policies cannot exceed 1 items."),
    ({"PermissionsBoundaryPolicyInputList": ["{"]}, "Permissions boundary policy input list item 1 has invalid content"),
    ({"OrderedOrganizationPolicyInputList": [{"ServiceControlPolicyInputList": ["{"]}]},
     "Service control policy 1 of organization policy at index 1 has invalid content"),
    ({"ResourcePolicy": text(policy(statement(Principal="*"))), "ResourceArns": [KEY]},
     "Invalid caller - Caller cannot be null or empty."),
    ({"CallerArn": "arn:aws:iam::111122223333:root"}, "Invalid caller - Caller must be an IAM user, role or group in this context."),
    ({"CallerArn": "arn:aws:sts::111122223333:assumed-role/r/s"},
     "Invalid caller - Caller must be an IAM user, role or group in this context."),
    ({"CallerArn": "arn:aws:iam::111122223333:user/u", "ResourcePolicy": text(policy(statement(Principal="*")))},
     "Invalid Entity Arn: * does not clearly define entity type and name."),
    ({"CallerArn": "arn:aws:iam::111122223333:user/u", "ResourceArns": [KEY], "ResourcePolicy": "{"}, "Resource policy has invalid content"),
    ({"ResourceOwner": "not-an-arn"}, "'not-an-arn' is not a valid as a Resource Owner."),
    ({"Marker": "not-a-simulation-marker"}, "Invalid marker for pagination."),
])
def test_questions_that_make_no_sense(custom, arguments, message):
    assert error(lambda: custom(policy(statement()), **arguments)) == ("InvalidInput", message)


def test_documents_that_are_none(server, custom):
    for document in ("{", '{"Version":"2099-01-01","Statement":[]}', text(policy(statement(Principal="*")))):
        assert error(lambda: custom(policy(statement()), document)) == ("InvalidInput", "Policy input list item 2 has invalid content")
    # An empty list is a list: nobody has anything.
    assert custom()["EvalDecision"] == "implicitDeny"


def test_scenarios_of_ec2(server, custom):
    account = server.account
    resources = {kind: f"arn:aws:ec2:us-east-1:{account}:{kind}/{kind}-1" for kind in (
        "instance", "security-group", "network-interface", "subnet", "volume")}
    resources["image"] = "arn:aws:ec2:us-east-1::image/ami-1"
    store = ["instance", "image", "security-group", "network-interface"]
    scenarios = {"EC2-VPC-InstanceStore": store, "EC2-VPC-InstanceStore-Subnet": store + ["subnet"],
                 "EC2-VPC-EBS": store + ["volume"], "EC2-VPC-EBS-Subnet": store + ["subnet", "volume"]}

    def ask(option, kinds, action="ec2:RunInstances"):
        return custom(policy(statement(action="ec2:*")), ActionNames=[action], ResourceHandlingOption=option,
                      ResourceArns=[resources[kind] for kind in kinds])

    for option, kinds in scenarios.items():
        assert len(ask(option, kinds)["ResourceSpecificResults"]) == len(kinds)
        for missing in kinds:
            assert error(lambda: ask(option, [kind for kind in kinds if kind != missing])) == (
                "InvalidInput", f"Invalid input resource handling options. {option} needs a resource of type {missing}.")
    assert error(lambda: ask("EC2-VPC-Floppy", store)) == ("InvalidInput", "Invalid input resource handling options: EC2-VPC-Floppy.")
    assert error(lambda: ask("EC2-VPC-EBS", store, "s3:GetObject")) == (
        "InvalidInput", "Invalid input resource handling options. Action does not support resource handling options: s3:GetObject.")


def test_what_the_policies_ask_about_and_nobody_said(custom):
    asking = policy(statement(Condition={"StringEquals": {"stack:a": "x"}, "StringLike": {"stack:b": "${aws:username}/*"}}),
                    statement("Deny", "s3:Put*", "arn:aws:s3:::home/${aws:PrincipalTag/team, 'none'}", Condition={"Bool": {"stack:c": "true"}}))
    boundary = policy(statement(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))
    keys = ["stack:a", "stack:b", "aws:username", "aws:PrincipalTag/team", "stack:c", "aws:SourceIp"]
    result = custom(asking, PermissionsBoundaryPolicyInputList=[text(boundary)])
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("implicitDeny", keys)
    said = [entry(key, "x") for key in ("stack:A", "stack:b", "aws:username")] + [entry("aws:SourceIp", "10.1.2.3", kind="ip")]
    result = custom(asking, PermissionsBoundaryPolicyInputList=[text(boundary)], ContextEntries=said, ResourceArns=[KEY, OTHER])
    assert result["MissingContextValues"] == ["aws:PrincipalTag/team", "stack:c"]
    assert [each["MissingContextValues"] for each in result["ResourceSpecificResults"]] == [["aws:PrincipalTag/team", "stack:c"]] * 2
    # What every request here has is known. Keys of service control policies are not told, says the reference.
    now = policy(statement(Condition={"DateGreaterThan": {"aws:CurrentTime": "2020-01-01"}, "Bool": {"aws:SecureTransport": "false"}}))
    scp = policy(statement(action="*", Condition={"StringEquals": {"stack:scp": "x"}}))
    result = custom(now)
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("allowed", [])
    assert custom(now, ContextEntries=[entry("aws:SecureTransport", "true", kind="boolean")])["EvalDecision"] == "implicitDeny"
    assert custom(now, OrderedOrganizationPolicyInputList=[{"ServiceControlPolicyInputList": [text(scp)]}])["MissingContextValues"] == []


def test_pages(server):
    iam = server.client("iam")
    question = {"PolicyInputList": [text(policy(statement()))], "ResourceArns": [KEY, OTHER],
                "ActionNames": ["s3:PutObject", "s3:GetObject", "s3:GetObject", "iam:GetUser", "s3:DeleteObject"]}
    pages = list(iam.get_paginator("simulate_custom_policy").paginate(**question, PaginationConfig={"PageSize": 2}))
    assert [[one["EvalActionName"] for one in page["EvaluationResults"]] for page in pages] == [
        ["s3:PutObject", "s3:GetObject"], ["s3:GetObject", "iam:GetUser"], ["s3:DeleteObject"]]
    assert [page["IsTruncated"] for page in pages] == [True, True, False] and "Marker" not in pages[-1]
    assert all(len(one["ResourceSpecificResults"]) == 2 for page in pages for one in page["EvaluationResults"])
    default = iam.simulate_custom_policy(PolicyInputList=question["PolicyInputList"], ActionNames=["s3:GetObject"] * 101)
    assert len(default["EvaluationResults"]) == 100 and default["IsTruncated"]
    # A page that would be too much work ends early, and the next goes on.
    many = [f"arn:aws:s3:::shelf/{number}" for number in range(4000)]
    pages = list(iam.get_paginator("simulate_custom_policy").paginate(
        PolicyInputList=question["PolicyInputList"], ActionNames=["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], ResourceArns=many))
    assert [len(page["EvaluationResults"]) for page in pages] == [2, 1]


# Principals.


@pytest.fixture(scope="module")
def household(server):
    """A user with an inline and a managed policy, in a group that has both too; a role; a boundary."""
    iam = server.client("iam")
    account = server.account
    managed = iam.create_policy(PolicyName="NoDeletes", Path="/limits/", PolicyDocument=text(policy(statement("Deny", "s3:Delete*"))))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=managed, SetAsDefault=True, PolicyDocument=json.dumps(
        policy(statement("Deny", "s3:DeleteObject", Sid="Kept"), statement(action="s3:ListBucket")), indent=2))
    boundary = iam.create_policy(PolicyName="Cap", PolicyDocument=text(policy(statement(action=["s3:Get*", "s3:Put*"]))))["Policy"]["Arn"]
    iam.create_user(UserName="ada", Path="/people/")
    iam.put_user_policy(UserName="ada", PolicyName="Reads", PolicyDocument=json.dumps(policy(statement(resource=KEY)), indent=2))
    iam.create_group(GroupName="writers", Path="/groups/")
    iam.put_group_policy(GroupName="writers", PolicyName="Writes", PolicyDocument=text(policy(statement(action="s3:PutObject", resource=OTHER))))
    for attach, name in ((iam.attach_user_policy, {"UserName": "ada"}), (iam.attach_group_policy, {"GroupName": "writers"})):
        attach(PolicyArn=managed, **name)
    iam.attach_group_policy(GroupName="writers", PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    iam.add_user_to_group(GroupName="writers", UserName="ada")
    iam.create_role(RoleName="worker", Path="/jobs/", AssumeRolePolicyDocument=text(policy(
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})))
    iam.put_role_policy(RoleName="worker", PolicyName="Works", PolicyDocument=text(policy(statement())))
    return {"user": f"arn:aws:iam::{account}:user/people/ada", "group": f"arn:aws:iam::{account}:group/groups/writers",
            "role": f"arn:aws:iam::{account}:role/jobs/worker", "managed": managed, "boundary": boundary}


ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]


@pytest.fixture
def principal(server, household):
    """principal(source, **arguments): {action: (decision, ids of the statements)} of SimulatePrincipalPolicy."""
    iam = server.client("iam")

    def simulate(source, **arguments):
        arguments = {"ActionNames": ACTIONS, "ResourceArns": [KEY, OTHER], **arguments}
        answer = iam.simulate_principal_policy(PolicySourceArn=household.get(source, source), **arguments)
        return {one["EvalActionName"].removeprefix("s3:"): (one["EvalDecision"], [each["SourcePolicyId"] for each in one["MatchedStatements"]])
                for one in answer["EvaluationResults"]}

    return simulate


def test_whose_policies_they_are(server, household, principal):
    assert principal("user") == {"GetObject": ("implicitDeny", ["user_ada_Reads"]), "PutObject": ("implicitDeny", ["group_writers_Writes"]),
                                 "DeleteObject": ("explicitDeny", ["NoDeletes"])}
    assert principal("user", ResourceArns=[KEY])["GetObject"] == ("allowed", ["user_ada_Reads"])
    assert principal("group", ResourceArns=[OTHER])["PutObject"] == ("allowed", ["group_writers_Writes"])
    assert principal("group")["GetObject"] == ("implicitDeny", [])
    assert principal("role")["GetObject"] == ("allowed", ["role_worker_Works"])
    assert principal("user", PolicyInputList=[text(policy(statement()))], ResourceArns=[OTHER])["GetObject"] == ("allowed", ["PolicyInputList.1"])
    # The default version of a managed policy, where its statement stands in it.
    (deleted,) = server.client("iam").simulate_principal_policy(
        PolicySourceArn=household["user"], ActionNames=["s3:DeleteObject"])["EvaluationResults"]
    assert deleted["MatchedStatements"] == [matched("NoDeletes", (3, 17), (9, 6))]
    # As IAM does, the entity is found by its name.
    assert principal(household["user"].replace("/people/", "/elsewhere/")) == principal("user")


def test_the_boundary_that_is_attached_and_the_one_that_is_supposed(server, household, principal):
    iam = server.client("iam")
    iam.put_user_permissions_boundary(UserName="ada", PermissionsBoundary=household["boundary"])
    try:
        assert principal("user", ActionNames=["s3:ListBucket"], ResourceArns=["arn:aws:s3:::shelf"])["ListBucket"] == ("implicitDeny", [])
        assert principal("user", ResourceArns=[KEY])["GetObject"] == ("allowed", ["user_ada_Reads"])
        listing = {"ActionNames": ["s3:ListBucket"], "ResourceArns": ["arn:aws:s3:::shelf"]}
        supposed = {"PermissionsBoundaryPolicyInputList": [text(policy(statement(action="s3:List*")))]}
        assert principal("user", **listing, **supposed)["ListBucket"] == ("allowed", ["NoDeletes"])
        without = {"PolicyExclusionList": [{"PolicyType": "permission-boundary"}]}
        assert principal("user", **listing, **without)["ListBucket"] == ("allowed", ["NoDeletes"])
        # A boundary of the request is not the attached one.
        assert principal("user", ResourceArns=[KEY], **without, **supposed)["GetObject"] == ("implicitDeny", [])
        # The same policy may be both; the ARN leaves out the permission, not the boundary.
        assert principal("user", **listing, PolicyExclusionList=[{"PolicyArn": household["boundary"]}])["ListBucket"][0] == "implicitDeny"
    finally:
        iam.delete_user_permissions_boundary(UserName="ada")


def test_policies_left_out(household, principal):
    def without(*identifiers, source="user"):
        return {action: decision for action, (decision, _) in principal(
            source, ResourceArns=[KEY], PolicyExclusionList=list(identifiers)).items()}

    def inline(name, kind, holder):
        return {"InlinePolicyIdentifier": {"PolicyName": name, "AttachmentType": kind, "AttachmentName": holder}}

    all_of_them = {"GetObject": "allowed", "PutObject": "implicitDeny", "DeleteObject": "explicitDeny"}
    no_reads = {**all_of_them, "GetObject": "implicitDeny"}
    no_denies = {**all_of_them, "DeleteObject": "implicitDeny"}
    assert without({"PolicyType": "inline"}) == no_reads
    assert without({"PolicyType": "user-managed"}) == no_denies
    assert without({"PolicyType": "user-managed"}, {"PolicyType": "inline"}) == {**no_reads, **{"DeleteObject": "implicitDeny"}}
    for ignored in ({"PolicyType": "aws-managed"}, {"PolicyType": "scp"}, {"PolicyType": "rcp"}, {"PolicyArn": household["managed"] + "X"}):
        assert without(ignored) == all_of_them
    arn = household["managed"]
    for pattern in (arn, arn.replace("NoDeletes", "No*"), arn.replace("NoDeletes", "*s"), arn.replace("NoDeletes", "N?Delet?s")):
        assert without({"PolicyArn": pattern}) == no_denies, pattern
    for identifier in (inline("Reads", "user", "ada"), inline("Reads", "user", "a*"), inline("Reads", "user", "ad?")):
        assert without(identifier) == no_reads, identifier
    for identifier in (inline("Reads", "group", "ada"), inline("Reads", "user", "bob"), inline("Writes", "user", "ada"), inline("Reads", "user", "b*")):
        assert without(identifier) == all_of_them, identifier
    assert without(inline("Writes", "group", "writers"), source="group")["PutObject"] == "implicitDeny"
    read_only = {"ActionNames": ["iam:GetUser"], "ResourceArns": [household["user"]]}
    assert principal("user", **read_only)["iam:GetUser"] == ("allowed", ["IAMReadOnlyAccess"])
    assert principal("user", **read_only, PolicyExclusionList=[{"PolicyType": "aws-managed"}])["iam:GetUser"][0] == "implicitDeny"
    for identifier in ({"PolicyArn": "arn:aws:iam::*:policy/NoDeletes"}, {"PolicyArn": arn.replace("NoDeletes", "*o*")},
                       {"PolicyArn": "arn:aws:s3:::a-bucket-of-mine"}, inline("Reads", "user", "*a*")):
        assert error(lambda: without(identifier))[0] == "InvalidInput", identifier


def test_who_cannot_be_asked_about(server, household):
    iam = server.client("iam")
    ask = lambda arn, **more: error(iam.simulate_principal_policy, PolicySourceArn=arn, ActionNames=["s3:GetObject"], **more)
    for kind in ("user", "group", "role"):
        assert ask(household[kind] + "-missing") == ("NoSuchEntity", "Unable to retrieve specified IAM entity.")
        other = household[kind].replace(server.account, "999999999999")
        assert ask(other) == ("InvalidInput", f"Invalid Policy Source Arn: caller's account {server.account} does not have access to "
                                              "policies in account 999999999999.")
    for arn in (f"arn:aws:iam::{server.account}:root", f"arn:aws:sts::{server.account}:assumed-role/worker/s", "not-an-arn-but-long-enough"):
        assert ask(arn) == ("InvalidInput", f"Invalid ARN provided in the request: {arn}")
    assert ask(household["user"], CallerArn=f"arn:aws:iam::{server.account}:root") == (
        "InvalidInput", "Invalid caller - Caller must be an IAM user, role or group in this context.")


def test_asking_needs_permission_on_the_entity_itself(server, household, make_user):
    guard = make_user("guard", policy(statement(action=["iam:SimulatePrincipalPolicy", "iam:GetContextKeysForPrincipalPolicy"],
                                                resource=f"arn:aws:iam::{server.account}:user/elsewhere/*")))
    iam = server.client_as(guard, "iam")
    for arn in (household["user"], household["user"].replace("/people/", "/elsewhere/")):  # no path leads around it
        code, message = error(iam.simulate_principal_policy, PolicySourceArn=arn, ActionNames=["s3:GetObject"])
        assert code == "AccessDenied" and household["user"] in message
        assert error(iam.get_context_keys_for_principal_policy, PolicySourceArn=arn)[0] == "AccessDenied"
    missing = f"arn:aws:iam::{server.account}:user/elsewhere/nobody"
    assert error(iam.simulate_principal_policy, PolicySourceArn=missing, ActionNames=["s3:GetObject"])[0] == "NoSuchEntity"
    for call, arguments in ((iam.simulate_custom_policy, {"ActionNames": ["s3:GetObject"]}), (iam.get_context_keys_for_custom_policy, {})):
        assert error(call, PolicyInputList=[text(policy(statement()))], **arguments)[0] == "AccessDenied"


def test_the_policies_that_a_role_and_a_bucket_really_have(server, household, make_role):
    """Without ResourcePolicy, SimulatePrincipalPolicy takes the stored one: AWS's asks for a copy."""
    iam, s3 = server.client("iam"), server.client("s3")
    iam.put_user_policy(UserName="ada", PolicyName="Assume", PolicyDocument=text(policy(statement(action="sts:*"))))
    try:
        make_role("trusting", household["user"])
        make_role("distrusting", "ec2.amazonaws.com")
        ask = lambda action, resource, **more: iam.simulate_principal_policy(
            PolicySourceArn=household["user"], ActionNames=[action], ResourceArns=[resource], **more)["EvaluationResults"][0]
        role = f"arn:aws:iam::{server.account}:role/"
        trusted = ask("sts:AssumeRole", role + "trusting")
        assert trusted["EvalDecision"] == "allowed"
        document = iam.get_role(RoleName="trusting")["Role"]["AssumeRolePolicyDocument"]
        assert trusted["MatchedStatements"][-1]["SourcePolicyId"] == "trust policy of role trusting"
        assert trusted["MatchedStatements"][-1]["StartPosition"]["Line"] == 1 and document["Statement"][0]["Action"] == "sts:AssumeRole"
        assert [ask("sts:AssumeRole", role + name)["EvalDecision"] for name in ("distrusting", "nobody")] == ["implicitDeny"] * 2
        assert ask("sts:TagSession", role + "trusting")["EvalDecision"] == "implicitDeny"  # the trust policy speaks of AssumeRole alone
        # A copy of the request is taken instead.
        closed = text(policy({"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}))
        assert ask("sts:AssumeRole", role + "trusting", ResourcePolicy=closed)["EvalDecision"] == "explicitDeny"
        s3.create_bucket(Bucket="stored-policy")
        assert ask("s3:DeleteObject", "arn:aws:s3:::stored-policy/k")["EvalDecision"] == "explicitDeny"  # by the managed policy
        assert ask("s3:GetObjectTagging", "arn:aws:s3:::stored-policy/k")["EvalDecision"] == "implicitDeny"
        s3.put_bucket_policy(Bucket="stored-policy", Policy=text(policy(statement(
            action="s3:GetObjectTagging", resource="arn:aws:s3:::stored-policy/*", Principal={"AWS": household["user"]}))))
        (granted,) = ask("s3:GetObjectTagging", "arn:aws:s3:::stored-policy/k")["MatchedStatements"]
        assert granted == {"SourcePolicyId": "bucket policy of stored-policy", "SourcePolicyType": "Resource Policy"}
        assert ask("s3:GetObjectTagging", "arn:aws:s3:::not-there-yet/k")["EvalDecision"] == "implicitDeny"
    finally:
        iam.delete_user_policy(UserName="ada", PolicyName="Assume")


def test_a_caller_with_somebody_elses_policies(server, household, make_user):
    """CallerArn: `as if Bob had David's policies`."""
    iam = server.client("iam")
    make_user("bob")
    bob = f"arn:aws:iam::{server.account}:user/bob"
    iam.put_user_policy(UserName="ada", PolicyName="Home", PolicyDocument=text(policy(statement(
        action="s3:PutObject", resource="arn:aws:s3:::home/${aws:username}"))))
    try:
        ask = lambda key, **more: iam.simulate_principal_policy(
            PolicySourceArn=household["user"], ActionNames=["s3:PutObject"], ResourceArns=[f"arn:aws:s3:::home/{key}"],
            **more)["EvaluationResults"][0]["EvalDecision"]
        assert (ask("ada"), ask("bob")) == ("allowed", "implicitDeny")
        assert (ask("ada", CallerArn=bob), ask("bob", CallerArn=bob)) == ("implicitDeny", "allowed")
        grant = text(policy(statement(action="s3:*", resource="arn:aws:s3:::home/*", Principal={"AWS": bob})))
        assert ask("x", CallerArn=bob, ResourcePolicy=grant) == "allowed" and ask("x", ResourcePolicy=grant) == "implicitDeny"
        # ContextEntries stand over what is known of the caller.
        assert ask("eve", ContextEntries=[entry("aws:username", "eve")]) == "allowed"
    finally:
        iam.delete_user_policy(UserName="ada", PolicyName="Home")


def test_permission_to_simulate_one_principal_tells_nothing_of_others(server, household, make_user):
    """Somebody who may ask about one user cannot feel for what a bucket's policy says of another, or for an object's tags."""
    iam, s3 = server.client("iam"), server.client("s3")
    make_user("other")
    other = f"arn:aws:iam::{server.account}:user/other"
    s3.create_bucket(Bucket="private-things")
    s3.put_object(Bucket="private-things", Key="k", Body=b"x", Tagging="class=red")
    s3.put_bucket_policy(Bucket="private-things", Policy=text(policy(statement(
        resource="arn:aws:s3:::private-things/*", Principal={"AWS": [other, household["role"]]}))))

    def ask(source, **more):
        return iam.simulate_principal_policy(PolicySourceArn=source, ActionNames=["s3:GetObject"], ResourceArns=["arn:aws:s3:::private-things/k"],
                                             **more)["EvaluationResults"][0]

    assert ask(other)["EvalDecision"] == "allowed" and ask(household["role"])["EvalDecision"] == "allowed"
    assert ask(household["user"])["EvalDecision"] == "implicitDeny"
    assert ask(household["user"], CallerArn=other)["EvalDecision"] == "implicitDeny"
    feeling = text(policy(statement(Condition={"StringEquals": {"s3:ExistingObjectTag/class": "red"}})))
    felt = ask(household["user"], PolicyInputList=[feeling])
    assert (felt["EvalDecision"], felt["MissingContextValues"]) == ("implicitDeny", ["s3:ExistingObjectTag/class"])
    assert ask(household["user"], PolicyInputList=[feeling], ContextEntries=[entry("s3:ExistingObjectTag/class", "red")])["EvalDecision"] == "allowed"
    # The entity's own policies meet the tag as its requests do.
    iam.put_user_policy(UserName="ada", PolicyName="Red", PolicyDocument=feeling)
    try:
        assert ask(household["user"])["EvalDecision"] == "allowed"
    finally:
        iam.delete_user_policy(UserName="ada", PolicyName="Red")


def test_context_keys_of_policies(server, household):
    iam = server.client("iam")
    one = policy(statement(resource="arn:aws:s3:::home/${aws:username}", Condition={"StringEquals": {"aws:PrincipalTag/team": "x"}}))
    two = policy(statement(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "StringEquals": {"aws:PrincipalTag/team": "y"}}))
    documents = [text(one), text(two)]
    assert iam.get_context_keys_for_custom_policy(PolicyInputList=documents)["ContextKeyNames"] == [
        "aws:username", "aws:PrincipalTag/team", "aws:SourceIp"]
    assert iam.get_context_keys_for_custom_policy(PolicyInputList=[text(policy(statement()))])["ContextKeyNames"] == []
    assert error(iam.get_context_keys_for_custom_policy, PolicyInputList=documents + ["{"]) == (
        "InvalidInput", "Policy input list item 3 has invalid content")
    keys = lambda kind, **more: iam.get_context_keys_for_principal_policy(PolicySourceArn=household[kind], **more)["ContextKeyNames"]
    iam.put_group_policy(GroupName="writers", PolicyName="Writes", PolicyDocument=text(policy(
        statement(action="s3:PutObject", resource=OTHER, Condition={"StringLike": {"aws:UserAgent": "owl/*"}}))))
    try:
        assert keys("user") == ["aws:UserAgent"] and keys("group") == ["aws:UserAgent"] and keys("role") == []
        assert keys("role", PolicyInputList=documents) == ["aws:username", "aws:PrincipalTag/team", "aws:SourceIp"]
    finally:
        iam.put_group_policy(GroupName="writers", PolicyName="Writes", PolicyDocument=text(policy(
            statement(action="s3:PutObject", resource=OTHER))))
    assert error(iam.get_context_keys_for_principal_policy, PolicySourceArn=household["user"] + "x")[0] == "NoSuchEntity"


@pytest.mark.parametrize("program", [AWS_V1, AWS_V2])
def test_the_command_line(server, household, program):
    def aws(*arguments):
        return json.loads(server.aws("iam", *arguments, "--endpoint-url", server.endpoint, program=program).stdout)

    document = text(policy(statement(Condition={"StringEquals": {"stack:key": "x"}})))
    question = ("simulate-custom-policy", "--policy-input-list", document, "--action-names", "s3:GetObject", "s3:PutObject",
                "--resource-arns", KEY, OTHER)
    (reading, writing) = aws(*question, "--context-entries",
                             "ContextKeyName=stack:key,ContextKeyType=string,ContextKeyValues=x")["EvaluationResults"]
    assert (reading["EvalDecision"], writing["EvalDecision"]) == ("allowed", "implicitDeny")
    assert reading["MatchedStatements"][0]["SourcePolicyId"] == "PolicyInputList.1"
    assert aws(*question)["EvaluationResults"][0]["MissingContextValues"] == ["stack:key"]
    (deleting,) = aws("simulate-principal-policy", "--policy-source-arn", household["user"], "--action-names", "s3:DeleteObject")["EvaluationResults"]
    assert deleting["EvalDecision"] == "explicitDeny"
    assert aws("get-context-keys-for-custom-policy", "--policy-input-list", document) == {"ContextKeyNames": ["stack:key"]}
    assert aws("get-context-keys-for-principal-policy", "--policy-source-arn", household["role"]) == {"ContextKeyNames": []}


# Enforcement.


def by(principal_arn, action, resource, effect="Allow", **condition):
    out = {"Effect": effect, "Principal": {"AWS": principal_arn} if principal_arn != "*" else "*", "Action": action, "Resource": resource}
    if condition:
        out["Condition"] = condition
    return out


@pytest.fixture(scope="module")
def matrix(server):
    """Principals, buckets and roles of every kind that the rules tell apart."""
    iam, s3 = server.client("iam"), server.client("s3")
    account = server.account
    user, role = (lambda name: f"arn:aws:iam::{account}:user/{name}"), (lambda name: f"arn:aws:iam::{account}:role/{name}")
    cap = iam.create_policy(PolicyName="matrix-cap", PolicyDocument=text(policy(
        statement(action=["s3:GetObject", "s3:ListBucket", "sts:*"]))))["Policy"]["Arn"]
    reads = iam.create_policy(PolicyName="matrix-reads", PolicyDocument=text(policy(
        statement(action=["s3:Get*", "s3:List*"], resource=["arn:aws:s3:::matrix-data", "arn:aws:s3:::matrix-data/*"]),
        statement("Deny", "s3:GetObject", "arn:aws:s3:::matrix-data/secret/*"))))["Policy"]["Arn"]
    working = policy(statement(action=["s3:*"], resource=["arn:aws:s3:::matrix-*"]), statement(action="sts:*"), statement(action="iam:Get*"))
    tagged = policy(statement(action="s3:*", Condition={"StringEquals": {"aws:PrincipalTag/team": "vision"}}),
                    statement(action="iam:GetRole", Condition={"StringEquals": {"aws:ResourceTag/team": "vision"}}),
                    statement(action="sts:AssumeRole", Condition={"StringEquals": {"aws:ResourceTag/team": "vision"}}),
                    statement("Deny", "s3:PutObject", Condition={"StringNotEquals": {"s3:x-amz-storage-class": "STANDARD"}}))
    conditional = policy(
        statement(action="s3:GetObject", Condition={"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}, "DateGreaterThan": {"aws:CurrentTime": "2020-01-01"}}),
        statement(action="s3:PutObject", Condition={"Bool": {"aws:SecureTransport": "true"}}),
        statement(action="s3:ListBucket", Condition={"StringLike": {"s3:prefix": ["plain/*", "${aws:username}/*"]}}),
        statement(action="s3:DeleteObject", Condition={"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}),
        statement(action="sts:AssumeRole", Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}}),
        statement("Deny", "iam:*", Condition={"Null": {"aws:TokenIssueTime": "true"}}), statement(action="iam:Get*"))
    kinds = {"working": [working], "nothing": [], "tagged": [tagged], "conditional": [conditional]}
    people = {}
    for kind, documents in kinds.items():
        name = f"matrix-{kind}"
        iam.create_user(UserName=name, Tags=[{"Key": "team", "Value": "vision"}])
        trusting = [{"Effect": "Allow", "Principal": {"AWS": user("matrix-working")}, "Action": ["sts:AssumeRole", "sts:TagSession"]}]
        people[user(name)] = Credentials.of(iam.create_access_key(UserName=name))
        for number, document in enumerate(documents):
            iam.put_user_policy(UserName=name, PolicyName=f"p{number}", PolicyDocument=text(document))
        iam.create_role(RoleName=f"{name}-role", AssumeRolePolicyDocument=text(policy(*trusting)), Tags=[{"Key": "team", "Value": "vision"}])
        for number, document in enumerate(documents):
            iam.put_role_policy(RoleName=f"{name}-role", PolicyName=f"p{number}", PolicyDocument=text(document))
    for name in ("matrix-capped", "matrix-member"):
        iam.create_user(UserName=name)
        people[user(name)] = Credentials.of(iam.create_access_key(UserName=name))
    iam.put_user_policy(UserName="matrix-capped", PolicyName="p", PolicyDocument=text(working))
    iam.put_user_permissions_boundary(UserName="matrix-capped", PermissionsBoundary=cap)
    iam.create_group(GroupName="matrix-group")
    iam.attach_group_policy(GroupName="matrix-group", PolicyArn=reads)
    iam.put_group_policy(GroupName="matrix-group", PolicyName="assume", PolicyDocument=text(policy(statement(action="sts:AssumeRole"))))
    iam.add_user_to_group(GroupName="matrix-group", UserName="matrix-member")
    iam.create_role(RoleName="matrix-capped-role", PermissionsBoundary=cap, AssumeRolePolicyDocument=text(policy(
        {"Effect": "Allow", "Principal": {"AWS": user("matrix-working")}, "Action": "sts:AssumeRole"})))
    iam.put_role_policy(RoleName="matrix-capped-role", PolicyName="p", PolicyDocument=text(working))
    sts = server.client_as(people[user("matrix-working")], "sts")
    for name in [f"matrix-{kind}-role" for kind in (*kinds, "capped")]:
        people[role(name)] = Credentials.of(sts.assume_role(RoleArn=role(name), RoleSessionName="tests"))

    for bucket in ("matrix-data", "matrix-plain"):
        s3.create_bucket(Bucket=bucket)
        for key in ("plain/a", "shared/a", "secret/a", "delegated/a", "everyone/a", "locked/a"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"x", Tagging="class=open")
    everybody = list(people)
    data = "arn:aws:s3:::matrix-data"
    s3.put_bucket_policy(Bucket="matrix-data", Policy=text(policy(
        by(everybody, ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], f"{data}/shared/*"),
        by(account, "s3:*", f"{data}/delegated/*"),
        by("*", "s3:GetObject", f"{data}/everyone/*", ArnLike={"aws:PrincipalArn": [user("matrix-capped"), role("matrix-capped-role")]}),
        by("*", ["s3:PutObject", "s3:DeleteObject"], f"{data}/locked/*", "Deny"),
        by("*", "s3:GetObject", f"{data}/locked/*", "Deny", StringEquals={"s3:ExistingObjectTag/class": "open"}),
        {"Effect": "Deny", "NotPrincipal": {"AWS": [account, f"arn:aws:iam::{account}:root", user("matrix-working"), user("matrix-capped")]},
         "Action": "s3:ListBucket", "Resource": data})))

    trusts = {
        "account": [{"Effect": "Allow", "Principal": {"AWS": account}}],
        "everybody": [{"Effect": "Allow", "Principal": {"AWS": everybody}}],
        "service": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}],
        "external": [{"Effect": "Allow", "Principal": {"AWS": account}, "Condition": {"StringEquals": {"sts:ExternalId": "42"}}}],
        "mfa": [{"Effect": "Allow", "Principal": {"AWS": everybody}, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}],
        "no-mfa": [{"Effect": "Allow", "Principal": {"AWS": everybody}, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}],
        "named": [{"Effect": "Allow", "Principal": {"AWS": everybody}, "Condition": {"StringLike": {"sts:RoleSessionName": "job-*"}}}],
        "refusing": [{"Effect": "Allow", "Principal": {"AWS": everybody}}, {"Effect": "Deny", "Principal": {"AWS": account}}],
    }
    for name, statements in trusts.items():
        iam.create_role(RoleName=f"matrix-to-{name}", AssumeRolePolicyDocument=text(policy(
            *[{**one, "Action": "sts:AssumeRole"} for one in statements])), Tags=[{"Key": "team", "Value": "vision" if name != "account" else "other"}])
    return {"people": people, "roles": [role(f"matrix-to-{name}") for name in trusts] + [role("matrix-to-nobody")]}


def probes(server, matrix):
    """(action, resource, context entries, what really does it with a client factory)."""
    key_actions = {
        "s3:GetObject": lambda s3, bucket, key: s3.get_object(Bucket=bucket, Key=key),
        "s3:GetObjectTagging": lambda s3, bucket, key: s3.get_object_tagging(Bucket=bucket, Key=key),
        "s3:PutObject": lambda s3, bucket, key: s3.put_object(Bucket=bucket, Key=key + "-new", Body=b"x"),
        "s3:DeleteObject": lambda s3, bucket, key: s3.delete_object(Bucket=bucket, Key=key + "-gone"),
    }
    for bucket, folder in itertools.product(("matrix-data", "matrix-plain"), ("plain", "shared", "secret", "delegated", "everyone", "locked")):
        for action, call in key_actions.items():
            key = f"{folder}/a"
            name = {"s3:PutObject": key + "-new", "s3:DeleteObject": key + "-gone"}.get(action, key)
            yield action, f"arn:aws:s3:::{bucket}/{name}", [], lambda client, call=call, bucket=bucket, key=key: call(client("s3"), bucket, key)
        prefix = f"{folder}/"
        yield ("s3:ListBucket", f"arn:aws:s3:::{bucket}", [entry("s3:prefix", prefix)],
               lambda client, bucket=bucket, prefix=prefix: client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix))
    for arn in matrix["roles"]:
        for session, external in (("tests", None), ("job-1", "42")):
            said = [entry("sts:RoleSessionName", session)] + ([entry("sts:ExternalId", external)] if external else [])
            arguments = {"RoleArn": arn, "RoleSessionName": session, **({"ExternalId": external} if external else {})}
            yield "sts:AssumeRole", arn, said, lambda client, arguments=arguments: client("sts").assume_role(**arguments)
    for name in ("matrix-to-account", "matrix-to-everybody"):
        yield ("iam:GetRole", f"arn:aws:iam::{server.account}:role/{name}", [],
               lambda client, name=name: client("iam").get_role(RoleName=name))


def really(client, call):
    """The decision that the request itself meets."""
    try:
        call(client)
        return "allowed"
    except botocore.exceptions.ClientError as refused:
        error = refused.response["Error"]
        assert error["Code"] == "AccessDenied", error
        return "explicitDeny" if "explicit deny" in error["Message"] else "implicitDeny"


def test_the_simulator_says_what_enforcement_does(server, matrix):
    """Every principal, every action, every resource: asked first, then really done."""
    iam = server.client("iam")
    seen, wrong = {}, []
    for arn, credentials in matrix["people"].items():
        clients = {}
        client = lambda service: clients.setdefault(service, server.client_as(credentials, service))
        for action, resource, said, call in probes(server, matrix):
            answer = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=[action], ResourceArns=[resource],
                                                   ContextEntries=said + [entry("aws:SourceIp", "127.0.0.1", kind="ip")])
            simulated = answer["EvaluationResults"][0]["EvalDecision"]
            enforced = really(client, call)
            seen[action, enforced] = seen.get((action, enforced), 0) + 1
            if simulated != enforced:
                wrong.append((arn, action, resource, said, simulated, enforced))
    assert wrong == []
    # The matrix asks something: every action was allowed to some and refused to others, and every decision is common.
    for action in {action for action, _ in seen}:
        assert seen.get((action, "allowed")) and sum(seen.get((action, no), 0) for no in ("implicitDeny", "explicitDeny")), action
    totals = {decision: sum(count for (_, one), count in seen.items() if one == decision) for _, decision in seen}
    assert min(totals[decision] for decision in ("allowed", "implicitDeny", "explicitDeny")) > 40, totals


def test_explain_says_the_same(server, matrix):
    """`trainwarden explain --as` asks the same function: a sample of the matrix, by the command line."""
    wrong = []
    cases = [(arn, probe) for arn in matrix["people"] for probe in probes(server, matrix)][::37]
    for arn, (action, resource, said, call) in cases:
        context = [f"--context={one['ContextKeyName']}={one['ContextKeyValues'][0]}" for one in said + [entry("aws:SourceIp", "127.0.0.1")]]
        done = server.trainwarden("explain", "--as", arn, "--action", action, "--resource", resource, *context, "--json", check=False)
        client = lambda service: server.client_as(matrix["people"][arn], service)
        if done.returncode != 0:
            assert "matrix-to-nobody" in resource and "there is no " + resource in done.stderr
            continue
        access = json.loads(done.stdout)["Access"]
        if access["Decision"] != (enforced := really(client, call)):
            wrong.append((arn, action, resource, access["Decision"], enforced))
    assert wrong == [] and len(cases) > 15


def test_custom_simulation_says_what_enforcement_does(server, matrix):
    """The same principals, with their policies read from the account and given as text."""
    iam, s3 = server.client("iam"), server.client("s3")
    bucket_policy = s3.get_bucket_policy(Bucket="matrix-data")["Policy"]
    wrong, asked = [], 0
    for arn, credentials in matrix["people"].items():
        name, kind = arn.rsplit("/", 1)[1], arn.split(":")[5].split("/")[0]
        if name == "matrix-member":
            continue  # its policies are its group's
        names = getattr(iam, f"list_{kind}_policies")(**{f"{kind.title()}Name": name})["PolicyNames"]
        documents = [text(getattr(iam, f"get_{kind}_policy")(**{f"{kind.title()}Name": name, "PolicyName": one})["PolicyDocument"]) for one in names]
        boundary = getattr(iam, f"get_{kind}")(**{f"{kind.title()}Name": name})[kind.title()].get("PermissionsBoundary")
        more = {}
        if boundary:
            version = iam.get_policy_version(PolicyArn=boundary["PermissionsBoundaryArn"], VersionId="v1")["PolicyVersion"]
            more["PermissionsBoundaryPolicyInputList"] = [text(version["Document"])]
        tags = [entry("aws:PrincipalTag/team", "vision")] if "capped" not in name else []
        session = [entry("aws:MultiFactorAuthPresent", "false", kind="boolean")] if kind == "role" else []
        client = lambda service: server.client_as(credentials, service)
        for action, resource, said, call in probes(server, matrix):
            if not resource.startswith("arn:aws:s3:::matrix-data/") or "locked" in resource:
                continue
            answer = iam.simulate_custom_policy(PolicyInputList=documents, ActionNames=[action], ResourceArns=[resource], CallerArn=arn,
                                                ResourcePolicy=bucket_policy, ContextEntries=said + tags + session + [
                                                    entry("aws:SourceIp", "127.0.0.1", kind="ip")], **more)
            asked += 1
            simulated, enforced = answer["EvaluationResults"][0]["EvalDecision"], really(client, call)
            if simulated != enforced:
                wrong.append((arn, action, resource, simulated, enforced))
    assert wrong == [] and asked > 150
