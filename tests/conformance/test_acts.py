"""What services do on their own is decided like requests, and recorded under the request that caused it."""

import json

import botocore.exceptions
import pytest

from test_sagemaker import BUCKET, SAGEMAKER, make_trainer, request, wait


def records_of(server, request_id):
    return json.loads(server.trainwarden("explain", request_id, "--json").stdout)["Records"]


def accesses_of(records, action):
    return [(record, access) for record in records for access in record["Accesses"] if access["Action"] == action]


def refused_job(server, name, **changes):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        server.client("sagemaker").create_training_job(**request(server, name, "true", **changes))
    response = caught.value.response
    assert response["Error"]["Code"] == "ValidationException"
    return response["Error"]["Message"], response["ResponseMetadata"]["RequestId"]


@pytest.fixture(scope="module")
def world(server):
    make_trainer(server)
    return server


def test_a_refused_job_is_explained_by_the_trust_policy_of_its_role(world):
    trust = {"Version": "2012-10-17", "Statement": {
        "Sid": "OtherAccounts", "Effect": "Allow", "Principal": {"Service": SAGEMAKER}, "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}}}
    role = world.client("iam").create_role(RoleName="distrustful", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    message, request_id = refused_job(world, "distrusted", RoleArn=role)
    assert message.startswith(f"Could not assume role {role}.")
    records = records_of(world, request_id)
    ((record, access),) = accesses_of(records, "sts:AssumeRole")
    assert record["Principal"]["Service"] == SAGEMAKER and record["RequestId"] == request_id
    assert access["Resource"] == role
    assert (access["Decision"], access["DecidedBy"], access["MissingAllowIn"]) == (
        "implicitDeny", "role trust policy", ["role trust policy"])
    ((condition),) = access["Conditions"]
    assert condition["Sid"] == "OtherAccounts" and condition["Keys"] == ["aws:SourceAccount"]
    # And the request's own decisions stand beside it.
    assert {access["Decision"] for _, access in accesses_of(records, "sagemaker:CreateTrainingJob")} == {"allowed"}
    shown = world.trainwarden("explain", request_id).stdout
    assert "OtherAccounts" in shown and "trust policy" in shown


def test_what_a_role_lacks_is_recorded_under_the_request_that_asked_for_the_job(world):
    iam = world.client("iam")
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": SAGEMAKER}, "Action": "sts:AssumeRole"}}
    role = iam.create_role(RoleName="reads-only", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="reads-only", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}}))
    message, request_id = refused_job(world, "writes-nowhere", RoleArn=role)
    assert 's3:PutObject" permissions on "s3://' in message
    records = records_of(world, request_id)
    ((record, access),) = accesses_of(records, "s3:PutObject")
    assert record["Principal"]["RoleArn"] == role
    assert access["Resource"].startswith(f"arn:aws:s3:::{BUCKET}/")
    assert (access["Decision"], access["MissingAllowIn"]) == ("implicitDeny", ["identity-based policy"])
    assert [access["Decision"] for _, access in accesses_of(records, "sts:AssumeRole")] == ["allowed"]


@pytest.mark.parametrize("bucket", [BUCKET, "no-such-bucket"])
def test_a_listing_that_a_role_is_refused_is_recorded_under_the_request(world, bucket):
    iam = world.client("iam")
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": SAGEMAKER}, "Action": "sts:AssumeRole"}}
    name = f"lists-nothing-{bucket}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/data/", "S3DataDistributionType": "FullyReplicated"}
    message, request_id = refused_job(world, "unseen", RoleArn=role, InputDataConfig=[
        {"ChannelName": "train", "DataSource": {"S3DataSource": source}}])
    assert message.startswith("No S3 objects found")
    records = records_of(world, request_id)
    ((record, access),) = accesses_of(records, "s3:ListBucket")
    assert (record["Operation"], record["Principal"]["RoleArn"], record["Outcome"]) == ("CreateTrainingJob", role, "refused")
    assert (access["Resource"], access["Decision"], access["MissingAllowIn"]) == (f"arn:aws:s3:::{bucket}", "implicitDeny", ["identity-based policy"])
    assert "s3:ListBucket" in world.trainwarden("explain", request_id).stdout


def test_where_the_output_goes_is_not_listed_as_the_role(world):
    """The role of a job that lacks nothing has no refusal in the record."""
    iam = world.client("iam")
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": SAGEMAKER}, "Action": "sts:AssumeRole"}}
    role = iam.create_role(RoleName="writes-only", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="writes-only", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}}))
    world.client("sagemaker").create_training_job(**request(world, "writes-only", "true", RoleArn=role))
    assert wait(world, "writes-only")["TrainingJobStatus"] == "Completed"
    done = [json.loads(line) for line in world.trainwarden("audit", "--json", "--principal", role, "-n", "100").stdout.splitlines()]
    assert done and "refused" not in {record["Outcome"] for record in done}
    message, _ = refused_job(world, "writes-to-none", RoleArn=role, OutputDataConfig={"S3OutputPath": "s3://no-such-bucket/out"})
    assert message == 'The bucket "no-such-bucket" given in output data config does not exist.'


def test_a_job_that_runs_used_its_role_by_its_trust_policy(world):
    answer = world.client("sagemaker").create_training_job(**request(world, "trusted", "true"))
    assert wait(world, "trusted")["TrainingJobStatus"] == "Completed"
    request_id = answer["ResponseMetadata"]["RequestId"]
    used = accesses_of(records_of(world, request_id), "sts:AssumeRole")
    assert used
    for record, access in used:
        assert record["Principal"]["Service"] == SAGEMAKER
        assert access["Decision"] == "allowed"
        assert [one["PolicyName"] for one in access["MatchedStatements"]] == ["trust policy of role trainer"]
    report = json.loads(world.trainwarden("audit", "used", SAGEMAKER, "--json").stdout)
    assumed = [use for use in report["Used"] if use["Action"] == "sts:AssumeRole"]
    assert assumed and f"arn:aws:iam::{world.account}:role/trainer" in assumed[0]["Resources"]


def test_a_service_that_assumes_a_role_is_the_caller_of_an_event(world):
    """As in CloudTrail's events of AssumeRole by a service; what the service decides for the request beside it is no call of an API."""
    role = f"arn:aws:iam::{world.account}:role/trainer"
    request_id = world.client("sagemaker").create_training_job(**request(world, "an-event", "true"))["ResponseMetadata"]["RequestId"]
    attributes = [{"AttributeKey": "ResourceName", "AttributeValue": role}]
    events = [json.loads(one["CloudTrailEvent"]) for one in world.client("cloudtrail").lookup_events(LookupAttributes=attributes, MaxResults=50)["Events"]]
    (event,) = [one for one in events if one["requestID"] == request_id and one["eventName"] == "AssumeRole"]
    assert (event["eventSource"], event["eventType"]) == ("sts.amazonaws.com", "AwsApiCall")
    assert event["userIdentity"] == {"type": "AWSService", "invokedBy": SAGEMAKER}
    assert event["sourceIPAddress"] == event["userAgent"] == SAGEMAKER
    assert event["requestParameters"]["roleArn"] == role and event["requestParameters"]["roleSessionName"] == "SageMaker"
    assert event["recipientAccountId"] == world.account and event["awsRegion"] == world.region
    wait(world, "an-event")
