"""What is said about access is what is done: for each operation, resource and policy, `explain`, `who-can` and SimulatePrincipalPolicy are
asked first, and then the request is made. Beside it, what ARNs in requests name: only what is decided on is used."""

import json
import pathlib
import shutil
import signal
import tempfile

import boto3
import botocore.exceptions
import pytest

from conftest import Credentials, Server
from test_questions import explain, who_can
from test_sagemaker import make_trainer, request

REFUSALS = ("AccessDenied", "AccessDeniedException")
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


def statement(effect, action, resource="*", **condition):
    return {"Effect": effect, "Action": action, "Resource": resource, **({"Condition": condition} if condition else {})}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def is_refused(call, **arguments):
    """Whether the request was refused for want of permission; its other errors come after the decision."""
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"] in REFUSALS
    return False


@pytest.fixture(scope="module")
def world(server):
    """Things with tags; `asker`, whose one inline policy each test replaces."""
    iam, s3, logs = server.client("iam"), server.client("s3"), server.client("logs")
    red, blue = [{"Key": "team", "Value": "red"}], [{"Key": "team", "Value": "blue"}]
    iam.create_user(UserName="asker")
    keys = Credentials.of(iam.create_access_key(UserName="asker"))
    for name, tags in (("red", red), ("blue", blue)):
        iam.create_user(UserName=f"u-{name}", Path="/team/", Tags=tags)
        iam.create_role(RoleName=f"r-{name}", Tags=tags, AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.create_policy(PolicyName=f"p-{name}", Tags=tags, PolicyDocument=document(statement("Allow", "s3:GetObject")))
        s3.create_bucket(Bucket=f"parity-{name}")
        s3.put_object(Bucket=f"parity-{name}", Key="k", Body=b"x", Tagging=f"team={name}")
        logs.create_log_group(logGroupName=f"/g/{name}")
        logs.create_log_stream(logGroupName=f"/g/{name}", logStreamName="s")
    make_trainer(server)
    server.client("sagemaker").create_training_job(**request(server, "parity", "true", Tags=red))
    server.keys_of_red = iam.create_access_key(UserName="u-red")["AccessKey"]["AccessKeyId"]
    return {"keys": keys, "arn": f"arn:aws:iam::{server.account}:user/asker"}


def group(name):
    return f"arn:aws:logs:REGION:ACCOUNT:log-group:/g/{name}"


JOB = "arn:aws:sagemaker:REGION:ACCOUNT:training-job/parity"

# action, resource, service, operation, its arguments
ROWS = [
    ("iam:GetUser", "arn:aws:iam::ACCOUNT:user/team/u-red", "iam", "get_user", {"UserName": "u-red"}),
    ("iam:GetUser", "arn:aws:iam::ACCOUNT:user/team/u-blue", "iam", "get_user", {"UserName": "U-BLUE"}),
    ("iam:CreateUser", "arn:aws:iam::ACCOUNT:user/team/u-red", "iam", "create_user", {"UserName": "u-red", "Path": "/team/"}),
    ("iam:CreateRole", "arn:aws:iam::ACCOUNT:role/r-red", "iam", "create_role",
     {"RoleName": "r-red", "AssumeRolePolicyDocument": json.dumps(TRUST)}),
    ("iam:CreatePolicy", "arn:aws:iam::ACCOUNT:policy/p-red", "iam", "create_policy", {"PolicyName": "p-red", "PolicyDocument": document()}),
    ("iam:GetRole", "arn:aws:iam::ACCOUNT:role/r-red", "iam", "get_role", {"RoleName": "r-red"}),
    ("iam:GetPolicy", "arn:aws:iam::ACCOUNT:policy/p-red", "iam", "get_policy", {"PolicyArn": "arn:aws:iam::ACCOUNT:policy/p-red"}),
    ("iam:GetPolicy", "arn:aws:iam::ACCOUNT:policy/p-blue", "iam", "get_policy", {"PolicyArn": "arn:aws:iam::ACCOUNT:policy/p-blue"}),
    ("iam:ListPolicyTags", "arn:aws:iam::ACCOUNT:policy/p-red", "iam", "list_policy_tags", {"PolicyArn": "arn:aws:iam::ACCOUNT:policy/p-red"}),
    ("iam:ListPolicyVersions", "arn:aws:iam::ACCOUNT:policy/p-red", "iam", "list_policy_versions",
     {"PolicyArn": "arn:aws:iam::ACCOUNT:policy/p-red"}),
    ("iam:GetAccessKeyLastUsed", "arn:aws:iam::ACCOUNT:user/team/u-red", "iam", "get_access_key_last_used", {"AccessKeyId": "KEY"}),
    ("iam:GetContextKeysForPrincipalPolicy", "arn:aws:iam::ACCOUNT:user/team/u-red", "iam", "get_context_keys_for_principal_policy",
     {"PolicySourceArn": "arn:aws:iam::ACCOUNT:user/team/u-red"}),
    ("iam:ListUsers", "arn:aws:iam::ACCOUNT:user/team/", "iam", "list_users", {"PathPrefix": "/team/"}),
    ("iam:ListUsers", "arn:aws:iam::ACCOUNT:user/", "iam", "list_users", {}),
    ("logs:DescribeLogStreams", group("red"), "logs", "describe_log_streams", {"logGroupName": "/g/red"}),
    ("logs:DescribeLogStreams", group("red"), "logs", "describe_log_streams", {"logGroupIdentifier": group("red")}),
    ("logs:FilterLogEvents", group("red"), "logs", "filter_log_events", {"logGroupName": "/g/red"}),
    ("logs:CreateLogGroup", group("red"), "logs", "create_log_group", {"logGroupName": "/g/red"}),
    ("logs:GetLogEvents", group("red") + ":log-stream:s", "logs", "get_log_events", {"logGroupName": "/g/red", "logStreamName": "s"}),
    ("logs:CreateLogStream", group("red") + ":log-stream:s", "logs", "create_log_stream", {"logGroupName": "/g/red", "logStreamName": "s"}),
    ("cloudwatch:ListMetrics", "*", "cloudwatch", "list_metrics", {}),
    ("cloudwatch:PutMetricData", "*", "cloudwatch", "put_metric_data", {"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1}]}),
    ("s3:CreateBucket", "arn:aws:s3:::parity-red", "s3", "create_bucket", {"Bucket": "parity-red"}),
    ("s3:GetObject", "arn:aws:s3:::parity-red/k", "s3", "get_object", {"Bucket": "parity-red", "Key": "k"}),
    ("s3:GetObject", "arn:aws:s3:::parity-blue/k", "s3", "get_object", {"Bucket": "parity-blue", "Key": "k"}),
    ("s3:GetObjectTagging", "arn:aws:s3:::parity-red/k", "s3", "get_object_tagging", {"Bucket": "parity-red", "Key": "k"}),
    ("s3:PutObject", "arn:aws:s3:::parity-red/k", "s3", "put_object", {"Bucket": "parity-red", "Key": "k", "Tagging": "team=red"}),
    ("s3:PutObjectAcl", "arn:aws:s3:::parity-red/k", "s3", "put_object_acl", {"Bucket": "parity-red", "Key": "k", "ACL": "private"}),
    ("s3:AbortMultipartUpload", "arn:aws:s3:::parity-red/k", "s3", "abort_multipart_upload",
     {"Bucket": "parity-red", "Key": "k", "UploadId": "nosuch"}),
    ("s3:ListMultipartUploadParts", "arn:aws:s3:::parity-red/k", "s3", "list_parts", {"Bucket": "parity-red", "Key": "k", "UploadId": "nosuch"}),
    ("s3:GetBucketPolicy", "arn:aws:s3:::parity-red", "s3", "get_bucket_policy", {"Bucket": "parity-red"}),
    ("sagemaker:DescribeTrainingJob", JOB, "sagemaker", "describe_training_job", {"TrainingJobName": "parity"}),
    ("sagemaker:ListTags", JOB, "sagemaker", "list_tags", {"ResourceArn": JOB}),
    ("sagemaker:CreateTrainingJob", JOB, "sagemaker", "create_training_job", None),
]

RED = {"StringEquals": {"aws:ResourceTag/team": "red"}}
RED_OBJECT = {"StringEquals": {"s3:ExistingObjectTag/team": "red"}}
EVERYTHING = statement("Allow", "*")
BESIDE = statement("Allow", ["s3:PutObjectTagging", "iam:PassRole"])  # what PutObject with tags and CreateTrainingJob need too


def below(resource):
    return resource if resource == "*" else resource + ":*"


POLICIES = {
    "allow the resource": lambda action, resource: [BESIDE, statement("Allow", action, resource)],
    "allow what is below": lambda action, resource: [BESIDE, statement("Allow", action, below(resource))],
    "allow data sets": lambda action, resource: [BESIDE, statement("Allow", action, "arn:aws:cloudwatch:*:*:dataset/*")],
    "deny the resource": lambda action, resource: [EVERYTHING, statement("Deny", action, resource)],
    "deny what is below": lambda action, resource: [EVERYTHING, statement("Deny", action, below(resource))],
    "allow what is red": lambda action, resource: [BESIDE, statement("Allow", action, **RED)],
    "allow red objects": lambda action, resource: [BESIDE, statement("Allow", action, **RED_OBJECT)],
    "deny what is red": lambda action, resource: [EVERYTHING, statement("Deny", action, **RED)],
    "deny red objects": lambda action, resource: [EVERYTHING, statement("Deny", action, **RED_OBJECT)],
    "allow by the named policy": lambda action, resource: [BESIDE, statement("Allow", action, Null={"iam:PolicyARN": "false"})],
}


@pytest.mark.parametrize("which", POLICIES)
def test_what_is_said_is_what_is_done(server, world, which):
    iam = server.client("iam")
    own = lambda value: json.loads(json.dumps(value).replace("ACCOUNT", server.account).replace("REGION", server.region)
                                   .replace('"KEY"', f'"{server.keys_of_red}"'))
    wrong = []
    for action, resource, service, operation, arguments in own(ROWS):
        iam.put_user_policy(UserName="asker", PolicyName="p", PolicyDocument=document(*POLICIES[which](action, resource)))
        arguments = request(server, "parity", "true") if arguments is None else arguments
        refused = is_refused(getattr(server.client_as(world["keys"], service), operation), **arguments)
        simulated = iam.simulate_principal_policy(PolicySourceArn=world["arn"], ActionNames=[action], ResourceArns=[resource])
        said = {"simulator": simulated["EvaluationResults"][0]["EvalDecision"] != "allowed",
                "explain": explain(server, world["arn"], action, resource)["Decision"] != "allowed",
                "who-can": world["arn"] not in who_can(server, action, resource)}
        wrong += [(action, resource, name, "refused" if one else "allowed") for name, one in said.items() if one != refused]
    assert not wrong


def test_each_policy_decides_something(server, world):
    """The table is no table of one answer: each kind of policy allows some of its rows and refuses others, as AWS would."""
    iam, logs = server.client("iam"), server.client_as(world["keys"], "logs")
    one = group("red").replace("ACCOUNT", server.account).replace("REGION", server.region)
    for resource, refused in ((one, True), (one + ":*", False), (one + ":log-stream:", False)):
        iam.put_user_policy(UserName="asker", PolicyName="p", PolicyDocument=document(statement("Allow", "logs:DescribeLogStreams", resource)))
        assert is_refused(logs.describe_log_streams, logGroupName="/g/red") is refused, resource
        assert explain(server, world["arn"], "logs:DescribeLogStreams", one)["Resource"] == one + ":log-stream:"
    asker = server.client_as(world["keys"], "iam")
    iam.put_user_policy(UserName="asker", PolicyName="p", PolicyDocument=document(
        statement("Allow", "iam:*", Null={"iam:PolicyARN": "false"})))
    arn = f"arn:aws:iam::{server.account}:policy/p-red"
    assert is_refused(asker.get_policy, PolicyArn=arn) and is_refused(asker.list_entities_for_policy, PolicyArn=arn)
    assert not is_refused(asker.attach_user_policy, UserName="u-blue", PolicyArn=arn)
    assert not is_refused(asker.detach_user_policy, UserName="u-blue", PolicyArn=arn)


def test_root_and_a_bucket_policy_that_denies_everybody(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="locked")
    deny = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::locked", "arn:aws:s3:::locked/*"]}]}
    s3.put_bucket_policy(Bucket="locked", Policy=json.dumps(deny))
    root = f"arn:aws:iam::{server.account}:root"
    for action, call in (("s3:GetBucketPolicy", s3.get_bucket_policy), ("s3:ListBucket", s3.list_objects_v2), ("s3:DeleteBucketPolicy", None),
                         ("s3:PutBucketPolicy", lambda **bucket: s3.put_bucket_policy(**bucket, Policy=json.dumps(deny)))):
        refused = is_refused(call, Bucket="locked") if call else False
        assert refused is (action == "s3:ListBucket"), action
        assert (explain(server, root, action, "arn:aws:s3:::locked")["Decision"] != "allowed") is refused, action
        assert (root not in who_can(server, action, "arn:aws:s3:::locked")) is refused, action
    s3.delete_bucket_policy(Bucket="locked")


@pytest.mark.parametrize("action, resource", [
    ("s3:GetObject", "arn:aws:s3:us-east-1:ACCOUNT:accesspoint/nosuch/object/k"),
    ("ec2:RunInstances", "arn:aws:ec2:us-east-1:ACCOUNT:instance/i-1"),
    ("s3:ListAllMyBuckets", "arn:aws:s3:::parity-red"), ("iam:ListUsers", "arn:aws:iam::ACCOUNT:user/asker"),
    ("cloudwatch:PutMetricData", "arn:aws:cloudwatch:us-east-1:ACCOUNT:dataset/default"),
    ("logs:DescribeLogStreams", "arn:aws:logs:us-east-1:ACCOUNT:log-group:/g/nosuch"),
    ("logs:GetLogEvents", "arn:aws:logs:us-east-1:ACCOUNT:log-group:/g/red:log-stream:nosuch"),
    ("logs:GetLogEvents", "arn:aws:logs:us-east-1:444455556666:log-group:/g/red:log-stream:s"),
    ("sagemaker:DescribeModel", "arn:aws:sagemaker:us-east-1:ACCOUNT:model/m"),
    ("iam:CreateAccessKey", "arn:aws:iam::ACCOUNT:user/nosuch"),
    ("trainwarden:ExplainAccess", "arn:aws:iam:us-east-1:ACCOUNT:user/asker"), ("trainwarden:WhoCan", "arn:aws:iam::ACCOUNT:user/asker"),
    ("trainwarden:ExplainAccess", "arn:aws:s3:::parity-red"), ("trainwarden:UsedActions", "arn:aws:sts::ACCOUNT:assumed-role/r-red/xx"),
    ("trainwarden:InterruptTrainingJob", "arn:aws:sagemaker:us-east-1:ACCOUNT:training-job/nosuch"),
])
def test_questions_about_what_is_not_there(server, world, action, resource):
    resource = resource.replace("ACCOUNT", server.account)
    for asked in (["explain", "--as", world["arn"], "--action", action, "--resource", resource], ["who-can", action, resource]):
        done = server.trainwarden(*asked, check=False)
        assert done.returncode == 1 and not done.stdout and resource in done.stderr


@pytest.mark.parametrize("principal", [
    "nosuch.amazonaws.com", "arn:aws-cn:iam::ACCOUNT:root", "arn:aws:s3::ACCOUNT:root", "arn:aws:iam:us-east-1:ACCOUNT:root",
    "arn:aws:sts::ACCOUNT:assumed-role/r-red/", "arn:aws:sts::ACCOUNT:assumed-role/r-red", "arn:aws:sts::ACCOUNT:assumed-role/r-red/a b",
    "arn:aws:sts::ACCOUNT:assumed-role/r-red/x/y", "arn:aws:sts::ACCOUNT:assumed-role/r-red/x", "arn:aws-cn:sts::ACCOUNT:assumed-role/r-red/xx",
    "arn:aws:sts:us-east-1:ACCOUNT:assumed-role/r-red/xx",
])
def test_questions_about_nobody(server, world, principal):
    done = explain(server, principal.replace("ACCOUNT", server.account), "iam:GetUser", world["arn"], check=False)
    assert done.returncode == 1 and not done.stdout and "principal" in done.stderr or "service" in done.stderr


def test_questions_about_our_own_actions(server, world):
    """Each is asked about what its requests are decided on."""
    iam, role = server.client("iam"), f"arn:aws:iam::{server.account}:role/r-red"
    for action, resource, command in (
            ("trainwarden:WhoCan", "*", ("who-can", "s3:ListAllMyBuckets", "*")),
            ("trainwarden:ExplainAccess", role, ("explain", "--as", role, "--action", "s3:ListAllMyBuckets")),
            ("trainwarden:ExplainAccess", "*", ("explain", "--as", "*", "--action", "s3:ListAllMyBuckets"))):
        for which in ("allow the resource", "deny the resource"):
            iam.put_user_policy(UserName="asker", PolicyName="p", PolicyDocument=document(*POLICIES[which](action, resource)))
            done = server.trainwarden(*command, credentials=world["keys"], check=False)
            assert (done.returncode == 0) is (which == "allow the resource"), (command, done.stderr)
            assert (explain(server, world["arn"], action, resource)["Decision"] == "allowed") is (which == "allow the resource")


def test_questions_about_sessions_and_services_that_may_be(server, world):
    for principal in (f"arn:aws:sts::{server.account}:assumed-role/r-red/any.session@host", "vpc-flow-logs.amazonaws.com",
                      "ecs-tasks.amazonaws.com", "logging.s3.amazonaws.com", "lambda.amazonaws.com"):
        assert explain(server, principal, "iam:GetUser", world["arn"])["Decision"] == "implicitDeny"


# --- ARNs that requests bring ---

@pytest.fixture(scope="module")
def two():
    """A server of two regions with a training job in us-east-1."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-test-"))
    running = Server(home, "--region", "us-east-1", "--region", "eu-central-1")
    try:
        running.start()
        make_trainer(running)
        running.client("sagemaker").create_training_job(**request(running, "prod", "true", Tags=[{"Key": "team", "Value": "red"}]))
        yield running
    finally:
        running.stop(signal.SIGKILL)
        shutil.rmtree(home, ignore_errors=True)


def user_of(server, name, *statements):
    iam = server.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document(*statements))
    return Credentials.of(iam.create_access_key(UserName=name))


def code_of(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def test_tags_of_a_training_job_elsewhere(two):
    """The ARN's partition, region and account are those of the request, or the request is refused: what is decided on is what is used."""
    root = two.client("sagemaker")
    arn = root.describe_training_job(TrainingJobName="prod")["TrainingJobArn"]
    before = root.list_tags(ResourceArn=arn)["Tags"]
    assert before == [{"Key": "team", "Value": "red"}]
    by_name = user_of(two, "by-name", EVERYTHING, statement("Deny", "*", "arn:aws:sagemaker:*:*:training-job/prod"))
    by_region = user_of(two, "by-region", EVERYTHING, statement(
        "Deny", "sagemaker:*", StringEquals={"aws:RequestedRegion": "us-east-1"}))
    for keys, region in ((by_name, "eu-central-1"), (by_name, "us-east-1"), (by_region, "eu-central-1"), (by_region, "us-east-1"),
                         (two.root, "eu-central-1")):
        sagemaker = boto3.client("sagemaker", region_name=region, endpoint_url=two.endpoint, aws_access_key_id=keys.access_key_id,
                                 aws_secret_access_key=keys.secret_access_key)
        for other in (arn, arn.replace("arn:aws:", "arn:aws-cn:"), arn.replace("arn:aws:", "arn:aws-us-gov:"),
                      arn.replace(two.account, "444455556666")):
            for call, more in ((sagemaker.list_tags, {}), (sagemaker.add_tags, {"Tags": [{"Key": "a", "Value": "b"}]}),
                               (sagemaker.delete_tags, {"TagKeys": ["team"]})):
                assert code_of(call, ResourceArn=other, **more) in ("AccessDeniedException", "ValidationException")
    assert root.list_tags(ResourceArn=arn)["Tags"] == before
    for other in ("arn:aws-cn:sagemaker:", "arn:aws:SageMaker:"):
        assert code_of(root.list_tags, ResourceArn=arn.replace("arn:aws:sagemaker:", other)) == "ValidationException"


def test_a_log_group_elsewhere(two):
    """The identifier's ARN is that of a group of this account and region: no other is answered from the namesake here."""
    keys = two.root
    logs = {region: boto3.client("logs", region_name=region, endpoint_url=two.endpoint, aws_access_key_id=keys.access_key_id,
                                 aws_secret_access_key=keys.secret_access_key) for region in ("eu-central-1", "us-east-1")}
    logs["us-east-1"].create_log_group(logGroupName="/eu")
    here = f"arn:aws:logs:us-east-1:{two.account}:log-group:/eu"
    assert logs["us-east-1"].describe_log_streams(logGroupIdentifier=here)["logStreams"] == []
    assert logs["us-east-1"].describe_log_streams(logGroupIdentifier="/eu")["logStreams"] == []
    for other in (here.replace("us-east-1", "eu-central-1"), here.replace(two.account, "111111111111"), here.replace("arn:aws:", "arn:aws-cn:"),
                  here + ":log-stream:x", here + ":", here.replace("/eu", ""), f"arn:aws:logs:us-east-1:{two.account}:log-group"):
        assert code_of(logs["us-east-1"].describe_log_streams, logGroupIdentifier=other) == "InvalidParameterException"
        assert code_of(logs["us-east-1"].filter_log_events, logGroupIdentifier=other) == "InvalidParameterException"
    assert code_of(logs["eu-central-1"].describe_log_streams, logGroupIdentifier=here) == "InvalidParameterException"


def test_roles_users_and_policies_of_another_partition(server, world):
    other = lambda kind, name: f"arn:aws-cn:iam::{server.account}:{kind}/{name}"
    iam = server.client("iam")
    role = f"arn:aws:iam::{server.account}:role/r-red"
    for arn in (other("role", "r-red"), role.replace("iam::", "iam:us-east-1:"), role.replace(":iam:", ":sts:"), role.replace("role/", "user/")):
        assert code_of(server.client("sagemaker").create_training_job, **request(server, "j", "true", RoleArn=arn)) == "ValidationException"
        assert code_of(server.client_as(world["keys"], "sts").assume_role, RoleArn=arn, RoleSessionName="session") == "ValidationError"
    assert code_of(iam.attach_user_policy, UserName="u-red", PolicyArn=other("policy", "p-red")) == "ValidationError"
    assert code_of(iam.simulate_principal_policy, PolicySourceArn=other("user", "u-red"), ActionNames=["s3:GetObject"]) == "InvalidInput"


# --- Trainwarden's own operations ---

def trainwarden_as(server, keys, *arguments):
    return server.trainwarden(*arguments, credentials=keys, check=False)


def test_a_role_that_nobody_may_ask_about_is_not_asked_about_by_its_sessions(server, make_role):
    role = make_role("hidden", f"arn:aws:iam::{server.account}:root", json.loads(document(EVERYTHING)), Path="/deep/")
    user = user_of(server, "curious", EVERYTHING, statement("Deny", "trainwarden:*", role))
    session = server.client_as(user, "sts").assume_role(RoleArn=role, RoleSessionName="sss")["AssumedRoleUser"]["Arn"]
    question = ("--action", "iam:GetUser", "--resource", f"arn:aws:iam::{server.account}:user/curious")
    for name in (role, session, session.replace("/sss", "/another"), session.replace("hidden", "HIDDEN")):
        done = trainwarden_as(server, user, "explain", "--as", name, *question)
        assert done.returncode == 1 and "is not authorized to perform: trainwarden:ExplainAccess" in done.stderr, name
        done = trainwarden_as(server, user, "audit", "--principal", name)
        assert done.returncode == 1 and "is not authorized to perform: trainwarden:" in done.stderr, name
    for name in (role.replace("arn:aws:", "arn:aws-cn:"), session.replace("arn:aws:", "arn:aws-cn:"), session.replace("sts::", "sts:us-east-1:")):
        assert "names no principal" in trainwarden_as(server, user, "explain", "--as", name, *question).stderr
    allowed = trainwarden_as(server, user, "explain", "--as", f"arn:aws:iam::{server.account}:user/curious", *question)
    assert allowed.returncode == 0, allowed.stderr
