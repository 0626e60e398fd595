"""Analyzers of this server's account, their findings and archive rules, as boto3 and the AWS CLI see them."""

import json

import botocore.exceptions
import pytest

from conftest import allow

OTHER = "444455556666"


def failed(call, code):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == code, caught.value
    return caught.value.response


def bucket_policy(bucket, principal, action="s3:GetObject", **condition):
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": f"arn:aws:s3:::{bucket}/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition} if condition else statement]})


def trust(principal):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]})


@pytest.fixture
def world(make_server):
    """A server of its own, with an analyzer of external access."""
    server = make_server()
    client = server.client("accessanalyzer")
    return server, client, client.create_analyzer(analyzerName="external", type="ACCOUNT")["arn"]


def findings(client, arn, **filters):
    out, token = [], {}
    while True:
        answer = client.list_findings(analyzerArn=arn, filter=filters, **token)
        out += answer["findings"]
        if "nextToken" not in answer:
            return out
        token = {"nextToken": answer["nextToken"]}


def test_analyzers(world):
    server, client, arn = world
    assert arn == f"arn:aws:access-analyzer:us-east-1:{server.account}:analyzer/external"
    shown = client.get_analyzer(analyzerName="external")["analyzer"]
    assert (shown["arn"], shown["type"], shown["status"]) == (arn, "ACCOUNT", "ACTIVE")
    assert [one["name"] for one in client.list_analyzers()["analyzers"]] == ["external"]
    failed(lambda: client.create_analyzer(analyzerName="external", type="ACCOUNT_UNUSED_ACCESS"), "ConflictException")
    failed(lambda: client.create_analyzer(analyzerName="another", type="ACCOUNT"), "ServiceQuotaExceededException")
    answer = failed(lambda: client.create_analyzer(analyzerName="org", type="ORGANIZATION"), "ValidationException")
    assert "organization" in answer["Error"]["Message"] and answer["reason"] == "other"
    unused = client.create_analyzer(analyzerName="unused", type="ACCOUNT_UNUSED_ACCESS", configuration={"unusedAccess": {"unusedAccessAge": 30}}, tags={"team": "red"})["arn"]
    assert client.get_analyzer(analyzerName="unused")["analyzer"]["configuration"]["unusedAccess"]["unusedAccessAge"] == 30
    client.update_analyzer(analyzerName="unused", configuration={"unusedAccess": {"unusedAccessAge": 60}})
    assert client.get_analyzer(analyzerName="unused")["analyzer"]["configuration"]["unusedAccess"]["unusedAccessAge"] == 60
    failed(lambda: client.update_analyzer(analyzerName="unused", configuration={"unusedAccess": {"unusedAccessAge": 366}}), "ValidationException")
    failed(lambda: client.create_analyzer(analyzerName="in", type="ACCOUNT_INTERNAL_ACCESS", configuration={"unusedAccess": {"unusedAccessAge": 5}}), "ValidationException")
    assert [one["name"] for one in client.list_analyzers(type="ACCOUNT_UNUSED_ACCESS")["analyzers"]] == ["unused"]
    first = client.list_analyzers(maxResults=1)
    assert [one["name"] for one in first["analyzers"]] == ["external"]
    assert [one["name"] for one in client.list_analyzers(maxResults=1, nextToken=first["nextToken"])["analyzers"]] == ["unused"]
    # Tags.
    assert client.list_tags_for_resource(resourceArn=unused)["tags"] == {"team": "red"}
    client.tag_resource(resourceArn=unused, tags={"a": "b"})
    client.untag_resource(resourceArn=unused, tagKeys=["team"])
    assert client.list_tags_for_resource(resourceArn=unused)["tags"] == {"a": "b"}
    # They outlive the server, and go with all that is theirs.
    server.stop()
    server.start()
    client = server.client("accessanalyzer")
    assert len(client.list_analyzers()["analyzers"]) == 2
    client.delete_analyzer(analyzerName="unused")
    failed(lambda: client.get_analyzer(analyzerName="unused"), "ResourceNotFoundException")
    failed(lambda: client.list_findings_v2(analyzerArn=unused), "ResourceNotFoundException")


def test_external_access(world):
    server, client, arn = world
    s3, iam = server.client("s3"), server.client("iam")
    s3.create_bucket(Bucket="shared-data")
    s3.create_bucket(Bucket="private-data")
    s3.delete_public_access_block(Bucket="shared-data")
    iam.create_role(RoleName="partner", AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{OTHER}:root"}))
    iam.create_role(RoleName="own", AssumeRolePolicyDocument=trust({"AWS": server.account}))
    iam.create_role(RoleName="jobs", AssumeRolePolicyDocument=trust({"Service": "sagemaker.amazonaws.com"}))
    s3.put_bucket_policy(Bucket="shared-data", Policy=bucket_policy("shared-data", "*", IpAddress={"aws:SourceIp": "203.0.113.0/24"}))
    found = {(one["resource"], one["principal"]["AWS"]): one for one in findings(client, arn)}
    assert set(found) == {("arn:aws:s3:::shared-data", "*"), (f"arn:aws:iam::{server.account}:role/partner", OTHER)}
    shared = found["arn:aws:s3:::shared-data", "*"]
    assert shared["isPublic"] and shared["action"] == ["s3:GetObject"] and shared["condition"] == {"aws:SourceIp": "203.0.113.0/24"}
    assert shared["status"] == "ACTIVE" and shared["resourceType"] == "AWS::S3::Bucket" and shared["resourceOwnerAccount"] == server.account
    partner = found[f"arn:aws:iam::{server.account}:role/partner", OTHER]
    assert partner["action"] == ["sts:AssumeRole"] and not partner["isPublic"]
    # The single ones, in both versions.
    assert client.get_finding(analyzerArn=arn, id=partner["id"])["finding"]["principal"] == {"AWS": OTHER}
    second = client.get_finding_v2(analyzerArn=arn, id=partner["id"])
    assert second["findingType"] == "ExternalAccess" and second["findingDetails"][0]["externalAccessDetails"]["principal"] == {"AWS": OTHER}
    assert {one["id"] for one in client.list_findings_v2(analyzerArn=arn)["findings"]} == {shared["id"], partner["id"]}
    failed(lambda: client.get_finding_v2(analyzerArn=arn, id="0" * 32), "ResourceNotFoundException")
    # Filters, order, pages.
    only = lambda **criteria: {one["id"] for one in findings(client, arn, **criteria)}
    assert only(isPublic={"eq": ["true"]}) == {shared["id"]}
    assert only(**{"principal.AWS": {"contains": [OTHER[:5]]}}) == {partner["id"]}
    assert only(**{"condition.aws:SourceIp": {"exists": True}}) == {shared["id"]}
    assert only(resourceType={"neq": ["AWS::S3::Bucket"]}) == {partner["id"]}
    failed(lambda: findings(client, arn, nonsense={"eq": ["x"]}), "ValidationException")
    ordered = [one["resource"] for one in client.list_findings(analyzerArn=arn, sort={"attributeName": "resource", "orderBy": "DESC"})["findings"]]
    assert ordered == sorted(ordered, reverse=True)
    page = client.list_findings(analyzerArn=arn, maxResults=1)
    rest = client.list_findings(analyzerArn=arn, maxResults=1, nextToken=page["nextToken"])
    assert {page["findings"][0]["id"], rest["findings"][0]["id"]} == {shared["id"], partner["id"]} and "nextToken" not in rest
    failed(lambda: client.list_findings(analyzerArn=arn, maxResults=1, nextToken=page["nextToken"], filter={"id": {"eq": ["x"]}}), "ValidationException")
    # What is gone is resolved, and comes back as the same finding.
    s3.delete_bucket_policy(Bucket="shared-data")
    assert client.get_finding(analyzerArn=arn, id=shared["id"])["finding"]["status"] == "RESOLVED"
    s3.put_bucket_policy(Bucket="shared-data", Policy=bucket_policy("shared-data", "*", IpAddress={"aws:SourceIp": "203.0.113.0/24"}))
    again = client.get_finding(analyzerArn=arn, id=shared["id"])["finding"]
    assert again["status"] == "ACTIVE" and again["createdAt"] == shared["createdAt"]
    # What is said is what is done: Block Public Access closes it to everybody.
    s3.put_public_access_block(Bucket="shared-data", PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    assert client.get_finding(analyzerArn=arn, id=shared["id"])["finding"]["status"] == "RESOLVED"
    s3.put_bucket_policy(Bucket="shared-data", Policy=bucket_policy("shared-data", "*"))
    assert only(isPublic={"eq": ["true"]}, status={"eq": ["ACTIVE"]}) == set()
    server.stop()
    server.start()
    assert server.client("accessanalyzer").get_finding(analyzerArn=arn, id=partner["id"])["finding"]["createdAt"] == partner["createdAt"]


def test_analyzed_resources(world):
    server, client, arn = world
    s3 = server.client("s3")
    s3.create_bucket(Bucket="looked-at")
    assert [one["resourceArn"] for one in client.list_analyzed_resources(analyzerArn=arn, resourceType="AWS::S3::Bucket")["analyzedResources"]] == ["arn:aws:s3:::looked-at"]
    shown = client.get_analyzed_resource(analyzerArn=arn, resourceArn="arn:aws:s3:::looked-at")["resource"]
    assert not shown["isPublic"] and "status" not in shown
    s3.put_bucket_policy(Bucket="looked-at", Policy=bucket_policy("looked-at", {"AWS": OTHER}))
    client.start_resource_scan(analyzerArn=arn, resourceArn="arn:aws:s3:::looked-at")
    shown = client.get_analyzed_resource(analyzerArn=arn, resourceArn="arn:aws:s3:::looked-at")["resource"]
    assert (shown["status"], shown["actions"], shown["sharedVia"]) == ("ACTIVE", ["s3:GetObject"], ["POLICY"])
    failed(lambda: client.start_resource_scan(analyzerArn=arn, resourceArn="arn:aws:s3:::nothing-here"), "ResourceNotFoundException")


def test_archives(world):
    server, client, arn = world
    s3 = server.client("s3")
    for name in ("old-bucket", "new-bucket"):
        s3.create_bucket(Bucket=name)
    s3.put_bucket_policy(Bucket="old-bucket", Policy=bucket_policy("old-bucket", {"AWS": OTHER}))
    rule = {"principal.AWS": {"eq": [OTHER]}}
    client.create_archive_rule(analyzerName="external", ruleName="partner", filter=rule)
    s3.put_bucket_policy(Bucket="new-bucket", Policy=bucket_policy("new-bucket", {"AWS": OTHER}))
    statuses = lambda: {one["resource"].rpartition(":")[2]: one["status"] for one in findings(client, arn)}
    assert statuses() == {"old-bucket": "ACTIVE", "new-bucket": "ARCHIVED"}
    client.apply_archive_rule(analyzerArn=arn, ruleName="partner")
    assert statuses() == {"old-bucket": "ARCHIVED", "new-bucket": "ARCHIVED"}
    ids = {one["resource"].rpartition(":")[2]: one["id"] for one in findings(client, arn)}
    client.update_findings(analyzerArn=arn, status="ACTIVE", ids=[ids["old-bucket"]])
    client.update_findings(analyzerArn=arn, status="ACTIVE", resourceArn="arn:aws:s3:::new-bucket")
    assert statuses() == {"old-bucket": "ACTIVE", "new-bucket": "ACTIVE"}
    failed(lambda: client.update_findings(analyzerArn=arn, status="ACTIVE"), "ValidationException")
    failed(lambda: client.update_findings(analyzerArn=arn, status="ACTIVE", ids=["none"]), "ResourceNotFoundException")
    # The rules themselves.
    assert client.get_archive_rule(analyzerName="external", ruleName="partner")["archiveRule"]["filter"] == rule
    client.update_archive_rule(analyzerName="external", ruleName="partner", filter={"isPublic": {"eq": ["true"]}})
    assert client.list_archive_rules(analyzerName="external")["archiveRules"][0]["filter"] == {"isPublic": {"eq": ["true"]}}
    failed(lambda: client.create_archive_rule(analyzerName="external", ruleName="partner", filter=rule), "ConflictException")
    failed(lambda: client.create_archive_rule(analyzerName="external", ruleName="bad", filter={"nonsense": {"eq": ["x"]}}), "ValidationException")
    client.delete_archive_rule(analyzerName="external", ruleName="partner")
    failed(lambda: client.apply_archive_rule(analyzerArn=arn, ruleName="partner"), "ResourceNotFoundException")
    statistics = client.get_findings_statistics(analyzerArn=arn)["findingsStatistics"][0]["externalAccessFindingsStatistics"]
    assert (statistics["totalActiveFindings"], statistics["totalArchivedFindings"]) == (2, 0)
    assert statistics["resourceTypeStatistics"]["AWS::S3::Bucket"] == {"totalActivePublic": 0, "totalActiveCrossAccount": 2, "totalActiveErrors": 0}


def test_internal_access(make_server):
    server = make_server()
    client, iam, s3 = server.client("accessanalyzer"), server.client("iam"), server.client("s3")
    s3.create_bucket(Bucket="training-data")
    s3.create_bucket(Bucket="not-looked-at")
    for name, document in (("reads", allow("s3:GetObject", resource="arn:aws:s3:::training-data/*")), ("elsewhere", allow("s3:GetObject", resource="arn:aws:s3:::not-looked-at/*"))):
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    iam.create_role(RoleName="trains", AssumeRolePolicyDocument=trust({"Service": "sagemaker.amazonaws.com"}))
    iam.put_role_policy(RoleName="trains", PolicyName="p", PolicyDocument=json.dumps(allow("s3:*", IpAddress={"aws:SourceIp": "10.0.0.0/8"})))
    arn = client.create_analyzer(analyzerName="internal", type="ACCOUNT_INTERNAL_ACCESS", configuration={
        "internalAccess": {"analysisRule": {"inclusions": [{"resourceArns": ["arn:aws:s3:::training-data"]}]}}})["arn"]
    listed = client.list_findings_v2(analyzerArn=arn)["findings"]
    details = {}
    for one in listed:
        assert one["findingType"] == "InternalAccess" and one["resource"] == "arn:aws:s3:::training-data"
        for detail in client.get_finding_v2(analyzerArn=arn, id=one["id"])["findingDetails"]:
            internal = detail["internalAccessDetails"]
            details[internal["principal"]["AWS"].rpartition("/")[2]] = internal
    assert set(details) == {"reads", "trains"}
    assert details["reads"]["action"] == ["s3:GetObject"] and details["reads"]["principalType"] == "IAM_USER" and details["reads"]["accessType"] == "INTRA_ACCOUNT"
    assert details["trains"]["condition"] == {"aws:SourceIp": "10.0.0.0/8"} and "s3:DeleteObject" in details["trains"]["action"]
    failed(lambda: client.list_findings(analyzerArn=arn), "ValidationException")
    iam.delete_user_policy(UserName="reads", PolicyName="p")
    statuses = {one["status"] for one in client.list_findings_v2(analyzerArn=arn)["findings"]}
    assert statuses == {"ACTIVE", "RESOLVED"}


def test_unused_access_says_nothing_that_is_not_known(make_server):
    server = make_server()
    client, iam = server.client("accessanalyzer"), server.client("iam")
    iam.create_user(UserName="young")
    iam.create_access_key(UserName="young")
    arn = client.create_analyzer(analyzerName="unused", type="ACCOUNT_UNUSED_ACCESS", configuration={"unusedAccess": {"unusedAccessAge": 1}})["arn"]
    # Whoever is younger than the age is left alone; services/access_analyzer/findings_test.cpp has what is older.
    assert client.list_findings_v2(analyzerArn=arn)["findings"] == []
    assert client.get_findings_statistics(analyzerArn=arn)["findingsStatistics"][0]["unusedAccessFindingsStatistics"]["totalActiveFindings"] == 0
    failed(lambda: client.get_finding(analyzerArn=arn, id="x"), "ValidationException")


def test_permissions(world):
    server, client, arn = world
    iam = server.client("iam")
    iam.create_user(UserName="reader")
    key = iam.create_access_key(UserName="reader")
    mine = server.client_as(key, "accessanalyzer")
    for call in (lambda: mine.list_analyzers(), lambda: mine.list_findings(analyzerArn=arn), lambda: mine.get_analyzer(analyzerName="external")):
        failed(call, "AccessDeniedException")
    client.tag_resource(resourceArn=arn, tags={"team": "red"})
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=json.dumps(allow("access-analyzer:*", StringEquals={"aws:ResourceTag/team": "red"})))
    assert mine.list_findings(analyzerArn=arn)["findings"] == [] and mine.get_analyzer(analyzerName="external")["analyzer"]["arn"] == arn
    failed(lambda: mine.list_analyzers(), "AccessDeniedException")
    failed(lambda: mine.create_analyzer(analyzerName="u", type="ACCOUNT_UNUSED_ACCESS"), "AccessDeniedException")
    client.untag_resource(resourceArn=arn, tagKeys=["team"])
    failed(lambda: mine.get_analyzer(analyzerName="external"), "AccessDeniedException")
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=json.dumps(allow("access-analyzer:CreateAnalyzer", StringEquals={"aws:RequestTag/team": "blue"})))
    failed(lambda: mine.create_analyzer(analyzerName="u", type="ACCOUNT_UNUSED_ACCESS", tags={"team": "red"}), "AccessDeniedException")
    assert mine.create_analyzer(analyzerName="u", type="ACCOUNT_UNUSED_ACCESS", tags={"team": "blue"})["arn"]
    failed(lambda: client.list_findings(analyzerArn="arn:aws:s3:::none"), "ValidationException")


def test_with_the_aws_cli(world):
    server, client, arn = world
    server.client("iam").create_role(RoleName="partner", AssumeRolePolicyDocument=trust({"AWS": OTHER}))
    run = lambda *arguments: json.loads(server.aws("accessanalyzer", *arguments, "--endpoint-url", server.endpoint, "--output", "json").stdout)
    assert run("list-analyzers")["analyzers"][0]["arn"] == arn
    assert run("list-findings", "--analyzer-arn", arn)["findings"][0]["principal"] == {"AWS": OTHER}
    assert run("list-analyzed-resources", "--analyzer-arn", arn)["analyzedResources"][0]["resourceType"] == "AWS::IAM::Role"


def test_access_previews(world):
    server, client, arn = world
    s3, iam = server.client("s3"), server.client("iam")
    s3.create_bucket(Bucket="planned-data")
    iam.create_role(RoleName="planned", AssumeRolePolicyDocument=trust({"AWS": server.account}))
    bucket, role = "arn:aws:s3:::planned-data", f"arn:aws:iam::{server.account}:role/planned"

    def preview(resource, configuration):
        made = client.create_access_preview(analyzerArn=arn, configurations={resource: configuration})["id"]
        shown = client.get_access_preview(analyzerArn=arn, accessPreviewId=made)["accessPreview"]
        return shown, client.list_access_preview_findings(analyzerArn=arn, accessPreviewId=made)["findings"]
    shown, found = preview(bucket, {"s3Bucket": {"bucketPolicy": bucket_policy("planned-data", {"AWS": OTHER})}})
    assert shown["status"] == "COMPLETED" and shown["configurations"][bucket]["s3Bucket"]["bucketPolicy"]
    assert [(one["changeType"], one["principal"], one["action"], one["status"]) for one in found] == [("NEW", {"AWS": OTHER}, ["s3:GetObject"], "ACTIVE")]
    # Nothing was done.
    assert findings(client, arn) == []
    s3.put_bucket_policy(Bucket="planned-data", Policy=bucket_policy("planned-data", {"AWS": OTHER}))
    existing = findings(client, arn)[0]["id"]
    assert [(one["changeType"], one["existingFindingId"]) for one in preview(bucket, {"s3Bucket": {}})[1]] == [("UNCHANGED", existing)]
    assert [one["changeType"] for one in preview(bucket, {"s3Bucket": {"bucketPolicy": bucket_policy("planned-data", {"AWS": OTHER}, "s3:*")}})[1]] == ["CHANGED"]
    gone = preview(bucket, {"s3Bucket": {"bucketPolicy": ""}})[1]
    assert [(one["changeType"], one["status"], one["existingFindingStatus"]) for one in gone] == [("CHANGED", "RESOLVED", "ACTIVE")]
    # Block Public Access, as it would be and as it is.
    public = bucket_policy("planned-data", "*")
    openly = {"ignorePublicAcls": False, "restrictPublicBuckets": False}
    kinds = lambda configuration: [(one["changeType"], one.get("isPublic")) for one in preview(bucket, {"s3Bucket": configuration})[1] if one["status"] != "RESOLVED"]
    assert kinds({"bucketPolicy": public, "bucketPublicAccessBlock": openly}) == [("NEW", True)]
    assert kinds({"bucketPolicy": public, "bucketPublicAccessBlock": {**openly, "restrictPublicBuckets": True}}) == []
    # Roles, and what does not exist yet.
    assert [one["principal"] for one in preview(role, {"iamRole": {"trustPolicy": trust({"AWS": OTHER})}})[1]] == [{"AWS": OTHER}]
    coming = f"arn:aws:iam::{server.account}:role/coming"
    assert [one["action"] for one in preview(coming, {"iamRole": {"trustPolicy": trust({"AWS": OTHER})}})[1]] == [["sts:AssumeRole"]]
    shown, found = preview(coming, {"iamRole": {"trustPolicy": "{"}})
    assert shown["status"] == "FAILED" and shown["statusReason"] == {"code": "INVALID_CONFIGURATION"} and found == []
    for configurations in ({}, {bucket: {"kmsKey": {}}}, {bucket: {"iamRole": {}}}, {f"arn:aws:iam::{OTHER}:role/x": {"iamRole": {}}}):
        failed(lambda: client.create_access_preview(analyzerArn=arn, configurations=configurations), "ValidationException")
    failed(lambda: client.get_access_preview(analyzerArn=arn, accessPreviewId="00000000-0000-0000-0000-000000000000"), "ResourceNotFoundException")
    everything = client.list_access_previews(analyzerArn=arn)["accessPreviews"]
    page = client.list_access_previews(analyzerArn=arn, maxResults=3)
    assert len(page["accessPreviews"]) == 3 and len(everything) > 3 and page["nextToken"]
    made = client.create_access_preview(analyzerArn=arn, configurations={role: {"iamRole": {"trustPolicy": trust({"AWS": OTHER})}}})["id"]
    filtered = client.list_access_preview_findings(analyzerArn=arn, accessPreviewId=made, filter={"principal.AWS": {"eq": ["777788889999"]}})
    assert filtered["findings"] == []


def test_policies_from_the_record(make_server):
    server = make_server()
    client, iam, s3 = server.client("accessanalyzer"), server.client("iam"), server.client("s3")
    s3.create_bucket(Bucket="used-data")
    s3.put_object(Bucket="used-data", Key="in/a", Body=b"x")
    iam.create_user(UserName="works")
    keys = iam.create_access_key(UserName="works")
    iam.put_user_policy(UserName="works", PolicyName="p", PolicyDocument=json.dumps(allow("sts:AssumeRole")))
    role = iam.create_role(RoleName="wide", AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{server.account}:user/works"}))["Role"]["Arn"]
    iam.put_role_policy(RoleName="wide", PolicyName="p", PolicyDocument=json.dumps(allow("s3:*")))
    session = server.client_as(server.client_as(keys, "sts").assume_role(RoleArn=role, RoleSessionName="session"), "s3")
    start = lambda **more: client.start_policy_generation(policyGenerationDetails={"principalArn": role}, **more)["jobId"]
    empty = client.get_generated_policy(jobId=start())["generatedPolicyResult"]
    assert empty["generatedPolicies"] == [] and empty["properties"]["principalArn"] == role
    assert session.get_object(Bucket="used-data", Key="in/a")["Body"].read() == b"x"
    job = start()
    answer = client.get_generated_policy(jobId=job)
    assert answer["jobDetails"]["status"] == "SUCCEEDED" and not answer["generatedPolicyResult"]["properties"]["isComplete"]  # the record is younger than 90 days
    generated = answer["generatedPolicyResult"]["generatedPolicies"][0]["policy"]
    # Enough for what was done, and for no more: asked of the check, and of the server.
    check = lambda **documents: client.check_no_new_access(policyType="IDENTITY_POLICY", **documents)["result"]
    assert check(newPolicyDocument=generated, existingPolicyDocument=json.dumps(allow("s3:*"))) == "PASS"
    assert check(newPolicyDocument=generated, existingPolicyDocument=json.dumps(allow("s3:GetObject", resource="arn:aws:s3:::used-data/*"))) == "PASS"
    iam.put_role_policy(RoleName="wide", PolicyName="p", PolicyDocument=generated)
    assert session.get_object(Bucket="used-data", Key="in/a")["Body"].read() == b"x"
    failed(lambda: session.put_object(Bucket="used-data", Key="in/b", Body=b"y"), "AccessDenied")
    # Jobs.
    assert {one["jobId"] for one in client.list_policy_generations(principalArn=role)["policyGenerations"]} >= {job}
    assert client.list_policy_generations(principalArn=role + "-none")["policyGenerations"] == []
    failed(lambda: client.cancel_policy_generation(jobId=job), "ValidationException")
    failed(lambda: client.get_generated_policy(jobId="none"), "ValidationException")
    for principal in (role + "-none", f"arn:aws:iam::{server.account}:user/nobody", f"arn:aws:iam::{OTHER}:role/x", f"arn:aws:iam::{server.account}:group/g"):
        answer = failed(lambda: client.start_policy_generation(policyGenerationDetails={"principalArn": principal}), "ValidationException")
        assert answer["fieldList"][0]["name"] == "policyGenerationDetails.principalArn"
    shown = json.loads(server.aws("accessanalyzer", "get-generated-policy", "--job-id", job, "--endpoint-url", server.endpoint, "--output", "json").stdout)
    assert shown["generatedPolicyResult"]["generatedPolicies"][0]["policy"] == generated


def test_policies_from_a_user_s_record(make_server):
    server = make_server()
    client, iam, s3 = server.client("accessanalyzer"), server.client("iam"), server.client("s3")
    s3.create_bucket(Bucket="used-data")
    s3.put_object(Bucket="used-data", Key="in/a", Body=b"x")
    iam.create_user(UserName="works")
    keys = iam.create_access_key(UserName="works")
    wide = allow("s3:*", resource="arn:aws:s3:::used-data*")
    iam.put_user_policy(UserName="works", PolicyName="p", PolicyDocument=json.dumps(wide))
    own = server.client_as(keys, "s3")
    own.get_object(Bucket="used-data", Key="in/a")
    # It is the same user under another name.
    iam.update_user(UserName="works", NewUserName="worked")
    own.get_object_tagging(Bucket="used-data", Key="in/a")
    user = f"arn:aws:iam::{server.account}:user/worked"
    job = client.start_policy_generation(policyGenerationDetails={"principalArn": user})["jobId"]
    answer = client.get_generated_policy(jobId=job)
    assert answer["jobDetails"]["status"] == "SUCCEEDED"
    generated = answer["generatedPolicyResult"]["generatedPolicies"][0]["policy"]
    actions = {action for statement in json.loads(generated)["Statement"] for action in statement["Action"]}
    assert actions == {"s3:GetObject", "s3:GetObjectTagging"}
    assert client.check_no_new_access(policyType="IDENTITY_POLICY", newPolicyDocument=generated, existingPolicyDocument=json.dumps(wide))["result"] == "PASS"
    iam.put_user_policy(UserName="worked", PolicyName="p", PolicyDocument=generated)
    assert own.get_object(Bucket="used-data", Key="in/a")["Body"].read() == b"x"
    failed(lambda: own.put_object(Bucket="used-data", Key="in/b", Body=b"y"), "AccessDenied")
    # Whoever takes the name has done nothing.
    iam.create_user(UserName="works")
    other = client.start_policy_generation(policyGenerationDetails={"principalArn": f"arn:aws:iam::{server.account}:user/works"})["jobId"]
    assert client.get_generated_policy(jobId=other)["generatedPolicyResult"]["generatedPolicies"] == []


def test_errors_have_the_members_of_the_model(world):
    server, client, arn = world
    unused = client.create_analyzer(analyzerName="unused", type="ACCOUNT_UNUSED_ACCESS")["arn"]
    client.create_archive_rule(analyzerName="external", ruleName="rule", filter={"isPublic": {"eq": ["true"]}})
    nothing = "00000000-0000-0000-0000-000000000000"
    about = {  # operation and arguments: the resource that the error names
        "ResourceNotFoundException": [
            ("get_analyzer", {"analyzerName": "none"}, "none", "Analyzer"), ("list_findings", {"analyzerArn": arn + "x"}, arn + "x", "Analyzer"),
            ("get_archive_rule", {"analyzerName": "external", "ruleName": "none"}, "none", "ArchiveRule"), ("get_finding", {"analyzerArn": arn, "id": nothing}, nothing, "Finding"),
            ("get_finding_v2", {"analyzerArn": arn, "id": nothing}, nothing, "Finding"), ("get_access_preview", {"analyzerArn": arn, "accessPreviewId": nothing}, nothing, "AccessPreview"),
            ("get_analyzed_resource", {"analyzerArn": arn, "resourceArn": "arn:aws:s3:::none"}, "arn:aws:s3:::none", "Resource"),
            ("get_finding_recommendation", {"analyzerArn": unused, "id": nothing}, nothing, "Recommendation"), ("list_tags_for_resource", {"resourceArn": arn + "x"}, arn + "x", "Analyzer")],
        "ConflictException": [("create_analyzer", {"analyzerName": "external", "type": "ACCOUNT_UNUSED_ACCESS"}, "external", "Analyzer"),
                              ("create_archive_rule", {"analyzerName": "external", "ruleName": "rule", "filter": {"isPublic": {"eq": ["true"]}}}, "rule", "ArchiveRule")],
        "ServiceQuotaExceededException": [("create_analyzer", {"analyzerName": "second", "type": "ACCOUNT"}, "second", "Analyzer")],
    }
    for code, calls in about.items():
        for operation, arguments, resource, kind in calls:
            answer = failed(lambda: getattr(client, operation)(**arguments), code)
            assert (answer["resourceId"], answer["resourceType"]) == (resource, kind), operation
    fields = [  # ours, and the model's own constraints
        ("list_analyzers", {"maxResults": 1001}, "fieldValidationFailed", "maxResults"), ("list_analyzers", {"nextToken": "x"}, "fieldValidationFailed", "nextToken"),
        ("create_analyzer", {"analyzerName": "1", "type": "ACCOUNT"}, "fieldValidationFailed", "analyzerName"), ("create_analyzer", {"analyzerName": "a", "type": "NONE"}, "fieldValidationFailed", "type"),
        ("tag_resource", {"resourceArn": arn, "tags": {"aws:x": "y"}}, "fieldValidationFailed", "tags"), ("tag_resource", {"resourceArn": "arn:aws:s3:::x", "tags": {}}, "fieldValidationFailed", "resourceArn"),
        ("list_findings", {"analyzerArn": arn, "filter": {"none": {"exists": True}}}, "fieldValidationFailed", "filter"), ("list_findings", {"analyzerArn": unused}, "notSupported", None),
        ("create_access_preview", {"analyzerArn": unused, "configurations": {"arn:aws:s3:::x": {"s3Bucket": {}}}}, "notSupported", None), ("update_findings", {"analyzerArn": arn, "status": "ACTIVE"}, "other", None),
        ("generate_finding_recommendation", {"analyzerArn": unused, "id": nothing}, "fieldValidationFailed", "id"), ("generate_finding_recommendation", {"analyzerArn": arn, "id": nothing}, "notSupported", None),
        ("get_finding_recommendation", {"analyzerArn": arn, "id": nothing}, "notSupported", None), ("create_analyzer", {"analyzerName": "org", "type": "ORGANIZATION_UNUSED_ACCESS"}, "other", None)]
    for operation, arguments, reason, field in fields:
        answer = failed(lambda: getattr(client, operation)(**arguments), "ValidationException")
        assert answer["reason"] == reason, (operation, answer)
        assert [one["name"] for one in answer.get("fieldList", [])] == ([field] if field else []), (operation, answer)
        assert all(one["message"] for one in answer.get("fieldList", []))
    # Every required member of the model's errors is there in one of these.
    shapes = client.meta.service_model
    for name in (*about, "ValidationException"):
        shape = shapes.shape_for(name)
        assert set(shape.required_members) - {"message"} == ({"reason"} if name == "ValidationException" else {"resourceId", "resourceType"})


def test_pages_go_on_though_their_findings_change(world):
    server, client, arn = world
    s3 = server.client("s3")
    names = [f"page-data-{number}" for number in range(6)]
    for name in names:
        s3.create_bucket(Bucket=name)
        s3.put_bucket_policy(Bucket=name, Policy=bucket_policy(name, {"AWS": OTHER}))
    active = {"status": {"eq": ["ACTIVE"]}}
    for sort in ({}, {"sort": {"attributeName": "resource"}}, {"sort": {"attributeName": "resource", "orderBy": "DESC"}}, {"sort": {"attributeName": "id", "orderBy": "DESC"}}):
        whole = [one["id"] for one in client.list_findings(analyzerArn=arn, filter=active, **sort)["findings"]]
        first = client.list_findings(analyzerArn=arn, filter=active, maxResults=2, **sort)
        assert [one["id"] for one in first["findings"]] == whole[:2]
        client.update_findings(analyzerArn=arn, status="ARCHIVED", ids=[whole[1]])  # the last of the page
        seen, token = whole[:2], first["nextToken"]
        while token:
            answer = client.list_findings(analyzerArn=arn, filter=active, maxResults=2, nextToken=token, **sort)
            seen += [one["id"] for one in answer["findings"]]
            token = answer.get("nextToken")
        assert seen == whole, sort
        client.update_findings(analyzerArn=arn, status="ACTIVE", ids=[whole[1]])


def test_every_operator_of_archive_rules(world):
    server, client, arn = world
    s3, iam = server.client("s3"), server.client("iam")
    other = "777788889999"
    for name, principal in (("rules-one", {"AWS": OTHER}), ("rules-two", {"AWS": other})):
        s3.create_bucket(Bucket=name)
        s3.put_bucket_policy(Bucket=name, Policy=bucket_policy(name, principal))
    iam.create_role(RoleName="rules-role", AssumeRolePolicyDocument=trust({"AWS": OTHER}))
    everything = {"rules-one", "rules-two", "role/rules-role"}
    short = lambda one: one["resource"].rpartition(":")[2]
    for filters, archived in (
            ({"principal.AWS": {"eq": [OTHER]}}, {"rules-one", "role/rules-role"}), ({"principal.AWS": {"eq": ["1", other]}}, {"rules-two"}), ({"principal.AWS": {"neq": [OTHER]}}, {"rules-two"}),
            ({"resource": {"contains": ["rules-o", "rules-t"]}}, {"rules-one", "rules-two"}), ({"principal.AWS": {"exists": True}}, everything), ({"principal.Federated": {"exists": True}}, set()),
            ({"error": {"exists": False}}, everything), ({"resourceType": {"eq": ["AWS::IAM::Role"]}, "principal.AWS": {"eq": [OTHER]}}, {"role/rules-role"}),
            ({"principal.AWS": {"eq": [OTHER], "exists": True}, "resource": {"neq": ["arn:aws:s3:::rules-one"]}}, {"role/rules-role"})):
        client.create_archive_rule(analyzerName="external", ruleName="r", filter=filters)
        client.apply_archive_rule(analyzerArn=arn, ruleName="r")
        now = client.list_findings(analyzerArn=arn)["findings"]
        assert {short(one) for one in now if one["status"] == "ARCHIVED"} == archived, filters
        client.update_findings(analyzerArn=arn, status="ACTIVE", ids=[one["id"] for one in now])
        client.delete_archive_rule(analyzerName="external", ruleName="r")
    # What is gone can be neither archived nor active, and its id is still there.
    s3.delete_bucket_policy(Bucket="rules-one")
    s3.delete_bucket(Bucket="rules-one")
    gone = next(one for one in client.list_findings(analyzerArn=arn)["findings"] if short(one) == "rules-one")
    assert gone["status"] == "RESOLVED"
    client.update_findings(analyzerArn=arn, status="ARCHIVED", resourceArn="arn:aws:s3:::rules-one")
    assert client.get_finding(analyzerArn=arn, id=gone["id"])["finding"]["status"] == "RESOLVED"
    for bad in ({"resource": {}}, {"resource": {"eq": ["x"] * 21}}):
        failed(lambda: client.create_archive_rule(analyzerName="external", ruleName="bad", filter=bad), "ValidationException")


def test_a_client_token_makes_one_analyzer(make_server):
    server = make_server()
    client = server.client("accessanalyzer")
    made = client.create_analyzer(analyzerName="once", type="ACCOUNT", clientToken="token-1")["arn"]
    assert client.create_analyzer(analyzerName="once", type="ACCOUNT", clientToken="token-1")["arn"] == made
    failed(lambda: client.create_analyzer(analyzerName="once", type="ACCOUNT", clientToken="token-2"), "ConflictException")
    client.delete_analyzer(analyzerName="once", clientToken="token-3")
    assert client.create_analyzer(analyzerName="once", type="ACCOUNT", clientToken="token-4")["arn"] == made
