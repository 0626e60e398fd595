"""IAM's service last accessed information: from this server's own record, as boto3 and the AWS CLI see it."""

import datetime
import json

import botocore.exceptions
import pytest

from conftest import allow


def failed(call, code):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == code, caught.value
    return caught.value.response["Error"]["Message"]


def report(iam, arn, granularity="SERVICE_LEVEL", **more):
    job = iam.generate_service_last_accessed_details(Arn=arn, Granularity=granularity)["JobId"]
    answer = iam.get_service_last_accessed_details(JobId=job, **more)
    assert answer["JobStatus"] == "COMPLETED" and answer["JobType"] == granularity
    return job, answer


def services(answer):
    return {one["ServiceNamespace"]: one for one in answer["ServicesLastAccessed"]}


def arn(server, rest):
    return f"arn:aws:iam::{server.account}:{rest}"


def test_a_user_that_used_one_service_of_two(server, make_user):
    iam = server.client("iam")
    before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=2)
    keys = make_user("ada", allow("s3:ListAllMyBuckets", "s3:GetObject", "logs:*"))
    job, answer = report(iam, arn(server, "user/ada"))
    assert {name: one.get("LastAuthenticated") for name, one in services(answer).items()} == {"s3": None, "logs": None}
    server.client_as(keys, "s3").list_buckets()
    failed(lambda: server.client_as(keys, "s3").get_object(Bucket="none-such-bucket", Key="k"), "NoSuchBucket")
    found = services(report(iam, arn(server, "user/ada"))[1])
    used = found["s3"]
    assert used["ServiceName"] == "Amazon S3" and used["LastAuthenticatedEntity"] == arn(server, "user/ada")
    assert used["LastAuthenticatedRegion"] == "us-east-1" and used["TotalAuthenticatedEntities"] == 1
    assert before <= used["LastAuthenticated"] <= datetime.datetime.now(datetime.timezone.utc)
    assert "LastAuthenticated" not in found["logs"] and found["logs"]["TotalAuthenticatedEntities"] == 0
    # What was reported stays as it was.
    assert "LastAuthenticated" not in services(iam.get_service_last_accessed_details(JobId=job))["s3"]


def test_attempts_that_were_refused_count(server, make_user):
    keys = make_user("bob", allow("s3:ListAllMyBuckets"), {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::*"}]})
    server.client("s3").create_bucket(Bucket="refused-bucket")
    failed(lambda: server.client_as(keys, "s3").list_objects_v2(Bucket="refused-bucket"), "AccessDenied")
    answer = services(report(server.client("iam"), arn(server, "user/bob"))[1])
    assert answer["s3"]["TotalAuthenticatedEntities"] == 1


def test_single_actions(server, make_user):
    keys = make_user("eve", allow("s3:ListAllMyBuckets", "s3:GetObject"))
    server.client_as(keys, "s3").list_buckets()
    answer = services(report(server.client("iam"), arn(server, "user/eve"), "ACTION_LEVEL")[1])
    actions = {one["ActionName"]: one for one in answer["s3"]["TrackedActionsLastAccessed"]}
    assert set(actions) == {"ListAllMyBuckets", "GetObject"}
    assert actions["ListAllMyBuckets"]["LastAccessedEntity"] == arn(server, "user/eve")
    assert "LastAccessedTime" in actions["ListAllMyBuckets"] and "LastAccessedTime" not in actions["GetObject"]


def test_a_role_s_sessions_are_the_role(server, make_user, make_role):
    keys = make_user("assumes", allow("sts:AssumeRole"))
    role = make_role("reader", arn(server, "user/assumes"), allow("iam:*"))
    session = server.client_as(keys, "sts").assume_role(RoleArn=role, RoleSessionName="one")
    server.client_as(session, "iam").list_users()
    job, answer = report(server.client("iam"), role, "ACTION_LEVEL")
    found = services(answer)["iam"]
    assert found["LastAuthenticatedEntity"] == role
    assert {one["ActionName"] for one in found["TrackedActionsLastAccessed"] if "LastAccessedTime" in one} == {"ListUsers"}
    assert len(found["TrackedActionsLastAccessed"]) > 100
    entities = server.client("iam").get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="iam")["EntityDetailsList"]
    assert [(one["EntityInfo"]["Name"], one["EntityInfo"]["Type"]) for one in entities] == [("reader", "ROLE")]
    failed(lambda: server.client("iam").get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="s3"), "NoSuchEntity")


def test_groups_and_policies_are_their_members_and_holders(server, make_user, make_role):
    iam = server.client("iam")
    policy = iam.create_policy(PolicyName="lists", PolicyDocument=json.dumps(allow("s3:ListAllMyBuckets")))["Policy"]["Arn"]
    iam.create_group(GroupName="team")
    iam.attach_group_policy(GroupName="team", PolicyArn=policy)
    used, unused = make_user("member-used"), make_user("member-unused")
    for name in ("member-used", "member-unused"):
        iam.add_user_to_group(GroupName="team", UserName=name)
    make_role("holder", "ec2.amazonaws.com")
    iam.attach_role_policy(RoleName="holder", PolicyArn=policy)
    server.client_as(used, "s3").list_buckets()
    for about, names in ((arn(server, "group/team"), ["member-unused", "member-used"]), (policy, ["holder", "member-unused", "member-used"])):
        job, answer = report(iam, about)
        assert services(answer)["s3"]["TotalAuthenticatedEntities"] == 1
        entities = iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="s3")["EntityDetailsList"]
        assert sorted(one["EntityInfo"]["Name"] for one in entities) == names
        assert [one["EntityInfo"]["Name"] for one in entities if "LastAuthenticated" in one] == ["member-used"]
    assert unused


def test_pages(server, make_user):
    iam = server.client("iam")
    make_user("wide", allow("*"))
    job, first = report(iam, arn(server, "user/wide"), MaxItems=50)
    seen, answer = [one["ServiceNamespace"] for one in first["ServicesLastAccessed"]], first
    while answer["IsTruncated"]:
        answer = iam.get_service_last_accessed_details(JobId=job, MaxItems=50, Marker=answer["Marker"])
        seen += [one["ServiceNamespace"] for one in answer["ServicesLastAccessed"]]
    assert len(seen) > 300 and seen == sorted(set(seen))


def test_a_report_is_its_reader_s(server, make_user):
    one, other = (make_user(name, allow("iam:*")) for name in ("reader-one", "reader-other"))
    job = server.client_as(one, "iam").generate_service_last_accessed_details(Arn=arn(server, "user/reader-one"))["JobId"]
    assert server.client_as(one, "iam").get_service_last_accessed_details(JobId=job)["JobStatus"] == "COMPLETED"
    failed(lambda: server.client_as(other, "iam").get_service_last_accessed_details(JobId=job), "NoSuchEntity")
    failed(lambda: server.client("iam").get_service_last_accessed_details(JobId="0" * 36), "NoSuchEntity")


def test_policies_that_give_access(server, make_user):
    iam = server.client("iam")
    make_user("granted", allow("s3:Get*"), allow("logs:*"))
    iam.attach_user_policy(UserName="granted", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    iam.create_group(GroupName="granting")
    iam.put_group_policy(GroupName="granting", PolicyName="of-group", PolicyDocument=json.dumps(allow("s3:*")))
    iam.add_user_to_group(GroupName="granting", UserName="granted")
    answer = iam.list_policies_granting_service_access(Arn=arn(server, "user/granted"), ServiceNamespaces=["s3", "logs", "ec2"])
    found = {one["ServiceNamespace"]: one["Policies"] for one in answer["PoliciesGrantingServiceAccess"]}
    assert found["ec2"] == []
    assert [one["PolicyName"] for one in found["logs"]] == ["policy-1"]
    shown = {one["PolicyName"]: one for one in found["s3"]}
    assert set(shown) == {"policy-0", "AmazonS3ReadOnlyAccess", "of-group"}
    assert shown["AmazonS3ReadOnlyAccess"] == {"PolicyName": "AmazonS3ReadOnlyAccess", "PolicyType": "MANAGED", "PolicyArn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}
    assert shown["of-group"] == {"PolicyName": "of-group", "PolicyType": "INLINE", "EntityType": "GROUP", "EntityName": "granting"}


def test_what_is_asked_wrongly(server, make_user):
    iam = server.client("iam")
    failed(lambda: iam.generate_service_last_accessed_details(Arn=arn(server, "user/nobody-here")), "NoSuchEntity")
    failed(lambda: iam.generate_service_last_accessed_details(Arn=arn(server, "policy/nothing-here")), "NoSuchEntity")
    failed(lambda: iam.generate_service_last_accessed_details(Arn="arn:aws:s3:::some-bucket-name"), "InvalidInput")
    failed(lambda: server.client_as(make_user("may-not"), "iam").generate_service_last_accessed_details(Arn=arn(server, "user/may-not")), "AccessDenied")
    mine = server.client_as(make_user("may-own", allow("iam:GenerateServiceLastAccessedDetails", resource=arn(server, "user/may-own"))), "iam")
    assert mine.generate_service_last_accessed_details(Arn=arn(server, "user/may-own"))["JobId"]
    failed(lambda: mine.generate_service_last_accessed_details(Arn=arn(server, "user/may-not")), "AccessDenied")


def test_reports_outlive_the_server(make_server):
    server = make_server()
    iam = server.client("iam")
    iam.create_user(UserName="ada")
    job = iam.generate_service_last_accessed_details(Arn=arn(server, "user/ada"))["JobId"]
    server.stop()
    server.start()
    assert server.client("iam").get_service_last_accessed_details(JobId=job)["ServicesLastAccessed"] == []


def test_with_the_aws_cli(server, make_user):
    make_user("cli", allow("s3:*"))
    job = json.loads(server.aws("iam", "generate-service-last-accessed-details", "--arn", arn(server, "user/cli"), "--endpoint-url", server.endpoint, "--output", "json").stdout)["JobId"]
    shown = json.loads(server.aws("iam", "get-service-last-accessed-details", "--job-id", job, "--endpoint-url", server.endpoint, "--output", "json").stdout)
    assert [one["ServiceNamespace"] for one in shown["ServicesLastAccessed"]] == ["s3"]


def used_services(server, about):
    return {name for name, one in services(report(server.client("iam"), arn(server, about))[1]).items() if "LastAuthenticated" in one}


def used_actions(server, about):
    return {one["Action"] for one in json.loads(server.trainwarden("audit", "used", arn(server, about), "--json").stdout)["Used"]}


def test_a_predecessor_s_uses_are_not_its_successor_s(server, make_user, make_role):
    """AWS follows unique ids: a role or user that was made anew has used nothing yet."""
    iam = server.client("iam")
    keys = make_user("assumes-anew", allow("sts:AssumeRole"))

    def make():
        role = make_role("made-anew", arn(server, "user/assumes-anew"), allow("s3:ListAllMyBuckets", "iam:ListUsers"))
        return server.client_as(keys, "sts").assume_role(RoleArn=role, RoleSessionName="one")
    server.client_as(make(), "s3").list_buckets()
    assert used_services(server, "role/made-anew") == {"s3"} and used_actions(server, "role/made-anew") == {"s3:ListAllMyBuckets"}
    iam.delete_role_policy(RoleName="made-anew", PolicyName="policy-0")
    iam.delete_role(RoleName="made-anew")
    session = make()
    assert used_services(server, "role/made-anew") == set() and used_actions(server, "role/made-anew") == set()
    server.client_as(session, "iam").list_users()
    assert used_services(server, "role/made-anew") == {"iam"} and used_actions(server, "role/made-anew") == {"iam:ListUsers"}
    server.client_as(make_user("user-anew", allow("s3:ListAllMyBuckets")), "s3").list_buckets()
    for key in iam.list_access_keys(UserName="user-anew")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="user-anew", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="user-anew", PolicyName="policy-0")
    iam.delete_user(UserName="user-anew")
    make_user("user-anew", allow("s3:ListAllMyBuckets"))
    assert used_services(server, "user/user-anew") == set() and used_actions(server, "user/user-anew") == set()


def test_a_renamed_user_keeps_its_uses(server, make_user):
    iam = server.client("iam")
    keys = make_user("maiden", allow("s3:ListAllMyBuckets", "iam:ListUsers"))
    server.client_as(keys, "s3").list_buckets()
    iam.update_user(UserName="maiden", NewUserName="married", NewPath="/people/")
    assert used_services(server, "user/people/married") == {"s3"} and used_actions(server, "user/people/married") == {"s3:ListAllMyBuckets"}
    server.client_as(keys, "iam").list_users()
    assert used_services(server, "user/people/married") == {"iam", "s3"}
    # Whoever takes the name starts anew.
    make_user("maiden", allow("s3:ListAllMyBuckets"))
    assert used_services(server, "user/maiden") == set() and used_actions(server, "user/maiden") == set()
