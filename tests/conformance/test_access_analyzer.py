"""IAM Access Analyzer as boto3 and the AWS CLI see it."""

import json

import botocore.exceptions
import pytest

from conftest import AWS_V1, allow


def failed(call, code):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == code, caught.value
    return caught.value.response


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


READ = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]}
PUBLIC = {"Sid": "Bob", "Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject"]}


@pytest.fixture(scope="module")
def analyzer(server):
    return server.client("accessanalyzer")


# --- Custom policy checks


def test_new_access(analyzer):
    wider = {**READ, "Action": [*READ["Action"], "s3:GetObjectAcl"]}
    answer = analyzer.check_no_new_access(newPolicyDocument=document(wider), existingPolicyDocument=document(READ), policyType="IDENTITY_POLICY")
    # As in the examples of the AWS CLI.
    assert answer["result"] == "FAIL"
    assert answer["message"] == "The modified permissions grant new access compared to your existing policy."
    assert answer["reasons"] == [{"description": "New access in the statement with index: 0.", "statementIndex": 0}]
    for new, existing in ((READ, READ), (READ, wider)):
        answer = analyzer.check_no_new_access(newPolicyDocument=document(new), existingPolicyDocument=document(existing), policyType="IDENTITY_POLICY")
        assert answer["result"] == "PASS" and answer["reasons"] == []
    named = {**READ, "Sid": "More", "Resource": "*"}
    answer = analyzer.check_no_new_access(newPolicyDocument=document(READ, named), existingPolicyDocument=document(READ), policyType="IDENTITY_POLICY")
    assert answer["reasons"] == [{"description": "New access in the statement with sid: More.", "statementIndex": 1, "statementId": "More"}]


def test_new_access_by_a_trust_policy(analyzer):
    def trust(account, **condition):
        statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
        return document({**statement, "Condition": condition} if condition else statement)

    def check(new, existing):
        return analyzer.check_no_new_access(newPolicyDocument=new, existingPolicyDocument=existing, policyType="RESOURCE_POLICY")["result"]
    assert check(trust("111122223333"), trust("111122223333")) == "PASS"
    assert check(trust("444455556666"), trust("111122223333")) == "FAIL"
    with_mfa = trust("111122223333", Bool={"aws:MultiFactorAuthPresent": "true"})
    assert check(with_mfa, trust("111122223333")) == "PASS"
    assert check(trust("111122223333"), with_mfa) == "FAIL"


def test_access_that_is_not_granted(analyzer):
    def check(**access):
        return analyzer.check_access_not_granted(policyDocument=document(READ), access=[access], policyType="IDENTITY_POLICY")
    answer = check(actions=["s3:PutObject", "s3:Get*"])
    assert answer["result"] == "FAIL"
    assert answer["message"] == "The policy document grants access to perform one or more of the listed actions or resources."
    assert answer["reasons"] == [{"description": "One or more of the listed actions or resources in the statement with index: 0.", "statementIndex": 0}]
    answer = check(actions=["s3:PutObject", "s3:DeleteObject"])
    assert answer["result"] == "PASS"
    assert answer["message"] == "The policy document does not grant access to perform the listed actions or resources."
    assert check(resources=["arn:aws:s3:::other/*"])["result"] == "PASS"
    assert check(resources=["arn:aws:s3:::data/x"])["result"] == "FAIL"
    assert check(actions=["s3:ListBucket"], resources=["arn:aws:s3:::data/x"])["result"] == "PASS"
    failed(lambda: check(), "InvalidParameterException")
    failed(lambda: check(actions=["nonsense"]), "InvalidParameterException")
    failed(lambda: check(resources=["arn:aws:s*:::data/x"]), "InvalidParameterException")


def test_public_access(analyzer):
    def check(*statements, resource_type="AWS::S3::Bucket"):
        return analyzer.check_no_public_access(policyDocument=document(*statements), resourceType=resource_type)
    answer = check(PUBLIC)
    assert answer["result"] == "FAIL"
    assert answer["message"] == "The resource policy grants public access for the given resource type."
    assert answer["reasons"] == [{"description": "Public access granted in the following statement with sid: Bob.", "statementIndex": 0, "statementId": "Bob"}]
    answer = check({**PUBLIC, "Principal": {"AWS": "arn:aws:iam::111122223333:user/JohnDoe"}})
    assert answer["result"] == "PASS"
    assert answer["message"] == "The resource policy does not grant public access for the given resource type."
    # Block Public Access takes it (R79), and so does the check.
    assert check({**PUBLIC, "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}})["result"] == "PASS"
    assert check({**PUBLIC, "Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}})["result"] == "FAIL"
    trust = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
    assert check(trust, resource_type="AWS::IAM::AssumeRolePolicyDocument")["result"] == "FAIL"
    assert check({**trust, "Condition": {"StringEquals": {"aws:PrincipalAccount": "111122223333"}}}, resource_type="AWS::IAM::AssumeRolePolicyDocument")["result"] == "PASS"


def test_public_access_is_what_the_server_takes_for_public(server, analyzer):
    """Each of these answers a request without credentials, and is called public: by the status of the bucket, and by the check."""
    import http.client
    s3 = server.client("s3")
    s3.create_bucket(Bucket="anyone-reads")
    s3.delete_public_access_block(Bucket="anyone-reads")
    s3.put_object(Bucket="anyone-reads", Key="k", Body=b"x")
    conditions = [[{"StringEquals": {"aws:userid": "anonymous"}}], [{"StringLike": {"aws:userid": "anon*"}}], [{"StringEquals": {"aws:PrincipalType": "Anonymous"}}],
                  [{"StringLike": {"aws:ResourceAccount": server.account[:5] + "*"}}], [{"StringEquals": {"aws:RequestedRegion": "us-east-1"}}],
                  [{"IpAddress": {"aws:SourceIp": f"{number}.0.0.0/8"}} for number in range(120, 137)] + [{"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}]]
    for statements in conditions:
        policy = document(*({**PUBLIC, "Sid": f"s{number}", "Resource": "arn:aws:s3:::anyone-reads/*", "Condition": condition} for number, condition in enumerate(statements)))
        s3.put_bucket_policy(Bucket="anyone-reads", Policy=policy)
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request("GET", "/anyone-reads/k")
        assert connection.getresponse().status == 200, statements
        assert s3.get_bucket_policy_status(Bucket="anyone-reads")["PolicyStatus"]["IsPublic"]
        assert analyzer.check_no_public_access(policyDocument=policy, resourceType="AWS::S3::Bucket")["result"] == "FAIL", statements
        assert analyzer.check_access_not_granted(policyDocument=policy, access=[{"actions": ["s3:GetObject"]}], policyType="RESOURCE_POLICY")["result"] == "FAIL", statements
        private = document({**PUBLIC, "Principal": {"AWS": "111122223333"}, "Resource": "arn:aws:s3:::anyone-reads/*"})
        assert analyzer.check_no_new_access(newPolicyDocument=policy, existingPolicyDocument=private, policyType="RESOURCE_POLICY")["result"] == "FAIL", statements


def test_new_access_of_a_role_is_found(server, analyzer, make_user, make_role):
    """A session that may do it with the new policy alone, and the check that says so."""
    keys = make_user("wants-role", allow("sts:AssumeRole"))
    existing = document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
                        {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin"}}})
    new = existing.replace('"arn:aws:iam::*:role/admin"', '["arn:aws:iam::*:role/admin", "arn:aws:iam::*:role/gains"]')
    role = make_role("gains", f"arn:aws:iam::{server.account}:user/wants-role", existing)
    assert analyzer.check_no_new_access(newPolicyDocument=new, existingPolicyDocument=existing, policyType="IDENTITY_POLICY")["result"] == "FAIL"
    session = server.client_as(server.client_as(keys, "sts").assume_role(RoleArn=role, RoleSessionName="session"), "s3")
    failed(session.list_buckets, "AccessDenied")
    server.client("iam").put_role_policy(RoleName="gains", PolicyName="policy-0", PolicyDocument=new)
    session.list_buckets()


def test_a_policy_in_force_agrees_with_the_check(server, analyzer):
    """What passes may be put on a bucket that blocks public policies, and what fails may not."""
    s3 = server.client("s3")
    s3.create_bucket(Bucket="checked")
    s3.put_public_access_block(Bucket="checked", PublicAccessBlockConfiguration={"BlockPublicPolicy": True})
    for condition, result in (({}, "FAIL"), ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, "PASS"), ({"StringEquals": {"aws:PrincipalAccount": "111122223333"}}, "PASS")):
        policy = document({**PUBLIC, "Resource": "arn:aws:s3:::checked/*", **({"Condition": condition} if condition else {})})
        assert analyzer.check_no_public_access(policyDocument=policy, resourceType="AWS::S3::Bucket")["result"] == result
        if result == "FAIL":
            failed(lambda: s3.put_bucket_policy(Bucket="checked", Policy=policy), "AccessDenied")
        else:
            s3.put_bucket_policy(Bucket="checked", Policy=policy)


def test_documents_that_are_none(analyzer):
    for bad in ("{", "[]", document({**READ, "Effect": "allow"}), document({**READ, "Principal": "*"})):
        failed(lambda: analyzer.check_no_new_access(newPolicyDocument=bad, existingPolicyDocument=document(READ), policyType="IDENTITY_POLICY"), "InvalidParameterException")
    large = document({**READ, "Resource": ["arn:aws:s3:::data/" + "x" * 70_000]})
    failed(lambda: analyzer.check_no_new_access(newPolicyDocument=large, existingPolicyDocument=document(READ), policyType="IDENTITY_POLICY"), "ValidationException")
    answer = failed(lambda: analyzer.check_no_public_access(policyDocument=document(PUBLIC), resourceType="AWS::Nothing"), "ValidationException")
    assert answer["reason"] == "fieldValidationFailed"


def test_it_needs_permission(server, make_user):
    def call(user):
        return server.client_as(user, "accessanalyzer").check_no_public_access(policyDocument=document(PUBLIC), resourceType="AWS::S3::Bucket")
    answer = failed(lambda: call(make_user("nothing")), "AccessDeniedException")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert "access-analyzer:CheckNoPublicAccess" in answer["Error"]["Message"]
    assert call(make_user("checks", allow("access-analyzer:CheckNo*")))["result"] == "FAIL"


def test_what_is_not_here_says_so(analyzer):
    answer = failed(lambda: analyzer.create_service_linked_analyzer(type="ORGANIZATION"), "UnknownOperationException")
    assert "CreateServiceLinkedAnalyzer" in answer["Error"]["Message"]


def test_with_the_aws_cli(server, tmp_path):
    (tmp_path / "new.json").write_text(document({**READ, "Resource": "*"}))
    (tmp_path / "existing.json").write_text(document(READ))
    shown = json.loads(server.aws("accessanalyzer", "check-no-new-access", "--new-policy-document", f"file://{tmp_path}/new.json", "--existing-policy-document",
                                  f"file://{tmp_path}/existing.json", "--policy-type", "IDENTITY_POLICY", "--output", "json", program=AWS_V1).stdout)
    assert shown["result"] == "FAIL" and shown["reasons"][0]["statementIndex"] == 0


# --- ValidatePolicy


def test_validate_policy(server, analyzer):
    bad = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:NoSuchAction", "Resource": "*"}]})
    findings = analyzer.validate_policy(policyDocument=bad, policyType="IDENTITY_POLICY")["findings"]
    assert "INVALID_ACTION" in {one["issueCode"] for one in findings}
    found = next(one for one in findings if one["issueCode"] == "INVALID_ACTION")
    assert found["findingType"] == "ERROR" and found["learnMoreLink"].startswith("https://")
    location = found["locations"][0]
    assert location["path"][0] == {"value": "Statement"} and location["span"]["start"]["line"] == 1
    start, end = location["span"]["start"]["offset"], location["span"]["end"]["offset"]
    assert bad[start:end] == '"s3:NoSuchAction"'
    # In pages, each finding once.
    seen, token = [], {}
    while True:
        answer = analyzer.validate_policy(policyDocument=bad, policyType="IDENTITY_POLICY", maxResults=1, **token)
        seen += answer["findings"]
        if "nextToken" not in answer:
            break
        token = {"nextToken": answer["nextToken"]}
    assert seen == findings
    failed(lambda: analyzer.validate_policy(policyDocument=bad, policyType="IDENTITY_POLICY", nextToken="nonsense"), "ValidationException")
    shown = json.loads(server.aws("accessanalyzer", "validate-policy", "--policy-type", "IDENTITY_POLICY", "--policy-document", bad, "--endpoint-url", server.endpoint,
                                  "--output", "json").stdout)
    assert shown["findings"] == findings
    assert analyzer.validate_policy(policyDocument=document(READ), policyType="IDENTITY_POLICY")["findings"] == []
