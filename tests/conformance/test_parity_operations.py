"""For every registered operation whose input can be asked about: what a request gets is what ExplainAccess of the operation, who-can and IAM's
simulator said before, and the other way round. Inputs are made from the service models: required members always, others by a coin; names are drawn from
a population, in which some things have tags and some are not there."""

import json
import pathlib
import random
import shutil
import subprocess

import botocore.config
import botocore.exceptions
import botocore.session
import pytest
import yaml

from conftest import BINARY, Credentials, Server
from test_sagemaker import BUCKET, channel, make_trainer, request

ROOT = pathlib.Path(__file__).resolve().parents[2]
REFUSALS = ("AccessDenied", "AccessDeniedException")
INPUTS = 2  # of an operation
SENT_AFTER_ALLOWED = 3  # of an operation and input: each may change things, which are put right again
READING = ("Get", "List", "Describe", "Simulate", "Filter")  # what changes nothing
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
ASSUMABLE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "ACCOUNT"}, "Action": "sts:*"}]}
# Streams of log events and the like: what is asked about them is in the rest of the input.
SERVICES = {"iam": "iam", "sts": "sts", "sagemaker": "sagemaker", "logs": "logs", "monitoring": "cloudwatch", "accessanalyzer": "access-analyzer", "trainwarden": "trainwarden"}
CLIENTS = {"access-analyzer": "accessanalyzer"}  # where boto3 calls them otherwise


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action="*", resource="*", **condition):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **({"Condition": condition} if condition else {})}


def deny(action="*", resource="*", **condition):
    return {**allow(action, resource, **condition), "Effect": "Deny"}


RED = {"aws:ResourceTag/team": "red"}
# Who asks, by what decides for them: tags of resources, of requests, of principals; global keys; resources; actions; boundaries.
PRINCIPALS = {
    "nobody": [],
    "everything": [allow()],
    "red things": [allow(StringEquals=RED)],
    "not red things": [allow(), deny(StringEquals=RED)],
    "red things by the service's key": [allow(StringEquals={"iam:ResourceTag/team": "red"}), allow("sagemaker:*", StringEquals={"sagemaker:ResourceTag/team": "red"})],
    "what has a team": [allow(Null={"aws:ResourceTag/team": "false"})],
    "tagging red": [allow(StringEquals={"aws:RequestTag/team": "red"})],
    "not tagging": [allow(), deny(**{"ForAnyValue:StringEquals": {"aws:TagKeys": ["team"]}})],
    "only with team": [allow(**{"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}, "Null": {"aws:TagKeys": "false"}})],
    "bounded": [allow(), deny(Null={"iam:PermissionsBoundary": "true"}, StringLike={"iam:PermissionsBoundary": "*ReadOnly*"})],
    "attaching red": [allow(ArnLike={"iam:PolicyARN": "*/p-red"})],
    "named red": [allow(resource=[f"arn:aws:{service}:*:*:*red*" for service in ("iam", "logs", "sagemaker", "access-analyzer")])],
    "below a path": [allow(resource=[f"arn:aws:iam::*:{kind}/team/*" for kind in ("user", "role", "group", "policy")])],
    "reading": [allow(["iam:Get*", "iam:List*", "logs:Describe*", "sagemaker:Describe*", "sagemaker:List*", "access-analyzer:Get*", "access-analyzer:List*"])],
    "in this region": [allow(StringEquals={"aws:RequestedRegion": "us-east-1"}), deny("logs:*", StringEquals={"aws:RequestedRegion": "us-east-1"})],
    "by name": [allow(StringLike={"aws:username": "by-*"}), deny("sts:*", StringLike={"aws:username": "by-*"})],
    "by own tag": [allow("iam:*", StringEquals={"aws:ResourceTag/team": "${aws:PrincipalTag/team}"})],
    "without TLS": [allow(Bool={"aws:SecureTransport": "false"}, DateGreaterThan={"aws:CurrentTime": "2020-01-01T00:00:00Z"})],
    "cut by a boundary": [allow()],
    "a session": [allow(), deny("*", StringEquals=RED)],
    "asking about red": [allow("trainwarden:*", ["arn:aws:iam::*:*red*", "arn:aws:sts::*:*red*", "arn:aws:sagemaker:*:*:training-job/parity"]), allow("iam:*")],
    "asking about nobody": [allow(), deny(["trainwarden:ExplainAccess", "trainwarden:ListRequests"], "arn:aws:iam::*:user/*"), deny("trainwarden:WhoCan")],
    "jobs that are small": [allow(["iam:*", "logs:*"]), allow("sagemaker:*", **{"ForAllValues:StringEquals": {"sagemaker:InstanceTypes": ["ml.m5.large"]}})],
    "no namespaces": [allow(), deny("cloudwatch:*", StringEquals={"cloudwatch:namespace": "red"})],
}


class Population:
    """Things that requests name: made again where a request changed them."""

    def __init__(self, server):
        self.server, self.iam, self.logs, self.sagemaker = server, server.client("iam"), server.client("logs"), server.client("sagemaker")
        self.analyzers = server.client("accessanalyzer")
        self.account = server.account
        self.key = None
        self.make()
        self.state = self.look()

    def arn(self, kind, name):
        return f"arn:aws:iam::{self.account}:{kind}/{name}"

    def make(self):
        trust = json.dumps(ASSUMABLE).replace("ACCOUNT", self.account)
        for color in ("red", "blue"):
            tags = [{"Key": "team", "Value": color}]
            boundary = {"PermissionsBoundary": "arn:aws:iam::aws:policy/ReadOnlyAccess"} if color == "blue" else {}
            self.iam.create_user(UserName=f"u-{color}", Path="/team/", Tags=tags, **boundary)
            self.iam.create_role(RoleName=f"r-{color}", Tags=tags, AssumeRolePolicyDocument=trust, **boundary)
            self.iam.create_policy(PolicyName=f"p-{color}", Tags=tags, PolicyDocument=document(allow("s3:GetObject")))
            self.iam.create_group(GroupName=f"g-{color}", Path="/team/")
            self.logs.create_log_group(logGroupName=f"/g/{color}")
            self.logs.create_log_stream(logGroupName=f"/g/{color}", logStreamName="s")
        self.analyzers.create_analyzer(analyzerName="red", type="ACCOUNT", tags={"team": "red"},
                                       archiveRules=[{"ruleName": "red", "filter": {"isPublic": {"eq": ["false"]}}}])
        self.analyzers.create_analyzer(analyzerName="blue", type="ACCOUNT_UNUSED_ACCESS", tags={"team": "blue"})
        if self.tags_of_job() is None:
            self.sagemaker.create_training_job(**request(self.server, "parity", "true", Tags=[{"Key": "team", "Value": "red"}]))
        self.sagemaker.delete_tags(ResourceArn=self.job, TagKeys=["x"])
        self.sagemaker.add_tags(ResourceArn=self.job, Tags=[{"Key": "team", "Value": "red"}])
        self.key = self.iam.create_access_key(UserName="u-red")["AccessKey"]["AccessKeyId"]

    @property
    def job(self):
        return f"arn:aws:sagemaker:us-east-1:{self.account}:training-job/parity"

    def tags_of_job(self):
        try:
            return self.sagemaker.list_tags(ResourceArn=self.job)["Tags"]
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] not in REFUSALS
            return None

    @staticmethod
    def without_times(value):
        if isinstance(value, dict):
            return {key: Population.without_times(inner) for key, inner in value.items() if key not in ("RoleLastUsed", "ResponseMetadata")}
        return [Population.without_times(inner) for inner in value] if isinstance(value, list) else value

    def look(self):
        mine = lambda entity: any(word in entity.get(name, "") for name in ("UserName", "RoleName", "GroupName", "PolicyName")
                                  for word in ("-red", "-blue", "-none"))
        everything = self.iam.get_account_authorization_details(Filter=["User", "Role", "Group", "LocalManagedPolicy"], MaxItems=1000)
        lists = {name: [one for one in everything[name] if mine(one)] for name in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")}
        groups = self.logs.describe_log_groups()["logGroups"]
        streams = [self.logs.describe_log_streams(logGroupName=one["logGroupName"])["logStreams"] for one in groups]
        keys = [self.iam.list_access_keys(UserName=one["UserName"])["AccessKeyMetadata"] for one in lists["UserDetailList"]]
        tags = [self.iam.list_policy_tags(PolicyArn=one["Arn"])["Tags"] for one in lists["Policies"]]
        analyzers = self.analyzers.list_analyzers()["analyzers"]
        rules = [self.analyzers.list_archive_rules(analyzerName=one["name"])["archiveRules"] for one in analyzers]
        analyzers = [{name: one[name] for name in ("name", "type", "tags", "configuration") if name in one} for one in analyzers]
        return self.without_times({**lists, "analyzers": analyzers, "rules": rules, "groups": groups, "streams": streams, "keys": keys, "tags": tags, "job": self.tags_of_job()})

    def restore(self):
        """True if something had changed."""
        now = self.look()
        if now == self.state:
            return False
        iam = self.iam
        for user in now["UserDetailList"]:
            name = user["UserName"]
            for group in user.get("GroupList", []):
                iam.remove_user_from_group(UserName=name, GroupName=group)
            for one in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
                iam.delete_access_key(UserName=name, AccessKeyId=one["AccessKeyId"])
            self.strip("user", "UserName", name, user.get("AttachedManagedPolicies", []), user.get("UserPolicyList", []))
            iam.delete_user(UserName=name)
        for role in now["RoleDetailList"]:
            self.strip("role", "RoleName", role["RoleName"], role.get("AttachedManagedPolicies", []), role.get("RolePolicyList", []))
            iam.delete_role(RoleName=role["RoleName"])
        for group in now["GroupDetailList"]:
            for user in iam.get_group(GroupName=group["GroupName"])["Users"]:
                iam.remove_user_from_group(UserName=user["UserName"], GroupName=group["GroupName"])
            self.strip("group", "GroupName", group["GroupName"], group.get("AttachedManagedPolicies", []), group.get("GroupPolicyList", []))
            iam.delete_group(GroupName=group["GroupName"])
        for policy in now["Policies"]:
            for version in policy["PolicyVersionList"]:
                if not version["IsDefaultVersion"]:
                    iam.delete_policy_version(PolicyArn=policy["Arn"], VersionId=version["VersionId"])
            iam.delete_policy(PolicyArn=policy["Arn"])
        for one in now["analyzers"]:
            self.analyzers.delete_analyzer(analyzerName=one["name"])
        for group in now["groups"]:
            self.logs.delete_log_group(logGroupName=group["logGroupName"])
        self.make()
        self.state = self.look()
        return True

    def strip(self, kind, member, name, attached, inline):
        for policy in attached:
            getattr(self.iam, f"detach_{kind}_policy")(**{member: name}, PolicyArn=policy["PolicyArn"])
        for policy in inline:
            getattr(self.iam, f"delete_{kind}_policy")(**{member: name}, PolicyName=policy["PolicyName"])


def arn_of_red(population):
    return population.arn("role", "r-red")  # which trusts the account, and no service


class Inputs:
    """Of an operation, from its shapes."""

    def __init__(self, population, seed):
        self.population, self.random = population, random.Random(seed)

    def pool(self, member):
        analyzer = lambda name: f"arn:aws:access-analyzer:us-east-1:{self.population.account}:analyzer/{name}"
        arn, group = self.population.arn, f"arn:aws:logs:us-east-1:{self.population.account}:log-group:/g/red"
        colors = lambda *names: [f"{name}-{color}" for name in names for color in ("red", "blue", "none")]
        return {
            "UserName": colors("u"), "RoleName": colors("r"), "GroupName": colors("g"), "NewUserName": ["u-none"], "NewGroupName": ["g-none"],
            "PolicyArn": [arn("policy", name) for name in colors("p")] + ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
            "PermissionsBoundary": ["arn:aws:iam::aws:policy/ReadOnlyAccess", arn("policy", "p-red")],
            "PolicyName": ["p-none"], "PolicyDocument": [document(allow("s3:GetObject"))], "AssumeRolePolicyDocument": [json.dumps(TRUST)],
            "Tags": [[{"Key": "team", "Value": "red"}], [{"Key": "team", "Value": "blue"}, {"Key": "x", "Value": "1"}]],
            "TagKeys": [["team"], ["x"]], "Path": ["/team/"], "NewPath": ["/team/"], "PathPrefix": ["/", "/team/"],
            "AccessKeyId": [self.population.key, "AKIAIOSFODNN7EXAMPLE"], "Status": ["Active"], "VersionId": ["v1"],
            "PolicySourceArn": [arn("user", "team/u-red"), arn("role", "r-blue")], "ActionNames": [["s3:GetObject"]],
            "Arn": [arn("user", "team/u-red"), arn("role", "r-blue"), arn("group", "g-red"), arn("user", "none")], "ServiceNamespaces": [["s3", "iam"]],
            "ServiceNamespace": ["s3"], "JobId": ["0" * 36], "SnapshotId": ["0" * 32],
            "PolicyInputList": [[document(allow())]], "AccountAlias": ["an-alias"],
            "RoleArn": [arn("role", name) for name in colors("r")] + [f"arn:aws:iam::444455556666:role/r-red"], "RoleSessionName": ["session"],
            "SourceIdentity": ["ada"], "ExternalId": ["external"], "TransitiveTagKeys": [["team"]],
            "TrainingJobName": ["parity", "nosuch"], "ResourceArn": [f"arn:aws:sagemaker:us-east-1:{self.population.account}:training-job/{name}"
                                                                     for name in ("parity", "nosuch")],
            "logGroupName": [f"/g/{color}" for color in ("red", "blue", "none")], "logGroupIdentifier": [group], "logStreamName": ["s", "none"],
            "logEvents": [[{"timestamp": 1, "message": "m"}]], "Namespace": ["red", "blue"], "MetricName": ["m"],
            "MetricData": [[{"MetricName": "m", "Value": 1.0}]], "Period": [60], "Statistics": [["Sum"]],
            "StartTime": ["2026-01-01T00:00:00Z"], "EndTime": ["2026-01-01T01:00:00Z"],
            "PrincipalArn": [arn("user", "team/u-red"), arn("role", "r-blue"), f"arn:aws:sts::{self.population.account}:assumed-role/r-red/s", arn("user", "none"),
                             f"arn:aws:iam::{self.population.account}:root", "sagemaker.amazonaws.com", "nonsense"],
            "Action": ["iam:GetUser", "s3:ListAllMyBuckets"], "Resource": [arn("user", "team/u-red")], "RequestId": ["0123456789abcdef"], "SlurmJobId": ["7"],
            "SessionId": ["0" * 48], "Request": [json.dumps(request(self.population.server, "another", "true"))],
            "analyzerName": ["red", "none", "blue"], "analyzerArn": [analyzer("red"), analyzer("none"), analyzer("blue")], "ruleName": ["red", "none"],
            "filter": [{"isPublic": {"eq": ["true"]}}], "tags": [{"team": "red"}, {"team": "blue", "x": "1"}], "tagKeys": [["team"], ["x"]],
            "resourceArn": [arn("role", "r-red")] if self.operation not in ("TagResource", "UntagResource", "ListTagsForResource") else [analyzer("red"), analyzer("none")],
            "ids": [["none"]], "id": ["none"], "jobId": ["0" * 8], "accessPreviewId": ["00000000-0000-0000-0000-000000000000"],
            "configurations": [{arn("role", "r-red"): {"iamRole": {"trustPolicy": json.dumps(TRUST)}}}], "configuration": [{"unusedAccess": {"unusedAccessAge": 30}}],
            "policyGenerationDetails": [{"principalArn": arn("role", "r-red")}], "access": [[{"actions": ["s3:GetObject"]}]],
            "policyDocument": [document(allow())], "newPolicyDocument": [document(allow())], "existingPolicyDocument": [document(allow("s3:*"))],
            "MetricDataQueries": [[{"Id": "a", "MetricStat": {"Metric": {"Namespace": "red", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}}]],
        }.get(member)

    def of(self, model, number):
        if model.input_shape is None:
            return {}
        self.operation = model.name
        out = {}
        for name, shape in model.input_shape.members.items():
            required = name in model.input_shape.required_members
            choices = self.pool(name)
            if model.name == "OpenSlurmSession":
                trainer = request(self.population.server, "another", "true")["RoleArn"]
                choices = {"UserName": ["by-1", "by-0"], "RoleArn": [trainer, arn_of_red(self.population)]}.get(name, choices)
            if not required and (choices is None or self.random.random() < 0.4 or name in ("logGroupIdentifier",)):
                continue
            if choices is None:
                choices = list(getattr(shape, "enum", None) or []) or {"string": ["name"], "integer": [1], "long": [1], "boolean": [True]}.get(shape.type_name)
            assert choices, f"{model.name}: nothing for its member {name}, a {shape.type_name}: add it to the pool"
            out[name] = choices[number % len(choices)] if required else self.random.choice(choices)
        return out


def own_clients(server, folder):
    """A function that makes clients of this server's own API, by its own model."""
    place = folder / "trainwarden" / "2026-01-01"
    place.mkdir(parents=True)
    shutil.copy(ROOT / "models" / "trainwarden.service-2.json", place / "service-2.json")
    session = botocore.session.get_session()
    session.get_component("data_loader").search_paths.insert(0, str(folder))
    config = botocore.config.Config(retries={"total_max_attempts": 1})
    return lambda keys: session.create_client(
        "trainwarden", region_name=server.region, endpoint_url=server.endpoint, config=config, aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key, aws_session_token=keys.session_token)


def own_client(server, folder):
    """A function that calls it."""
    client = own_clients(server, folder)(server.root)
    return lambda operation, **arguments: getattr(client, botocore.xform_name(operation))(**arguments)


@pytest.fixture(scope="module")
def world(server, tmp_path_factory):
    iam = server.client("iam")
    make_trainer(server)
    population = Population(server)
    own = own_clients(server, tmp_path_factory.mktemp("models"))
    root = own(server.root)
    principals = {}
    for number, (name, statements) in enumerate(PRINCIPALS.items()):
        user = f"by-{number}"
        boundary = {}
        if name == "cut by a boundary":
            policy = iam.create_policy(PolicyName="boundary", PolicyDocument=document(allow(["iam:Get*", "logs:*"]), deny(StringEquals=RED)))
            boundary = {"PermissionsBoundary": policy["Policy"]["Arn"]}
        iam.create_user(UserName=user, Tags=[{"Key": "team", "Value": "red"}], **boundary)
        if statements:
            iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document(*statements))
        keys = Credentials.of(iam.create_access_key(UserName=user))
        arn = f"arn:aws:iam::{server.account}:user/{user}"
        if name == "a session":
            iam.create_role(RoleName="asking", AssumeRolePolicyDocument=document(
                {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}))
            iam.put_role_policy(RoleName="asking", PolicyName="p", PolicyDocument=document(*statements))
            iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document(allow("sts:AssumeRole")))
            role = f"arn:aws:iam::{server.account}:role/asking"
            session = server.client_as(keys, "sts").assume_role(RoleArn=role, RoleSessionName="session")
            keys, arn = Credentials.of(session), session["AssumedRoleUser"]["Arn"]
        principals[name] = {"arn": arn, "keys": keys, "clients": {"trainwarden": own(keys)}}
    return {"population": population, "principals": principals, "root": root,
            "own": lambda operation, **arguments: getattr(root, botocore.xform_name(operation))(**arguments)}


def client_of(server, principal, service):
    clients = principal["clients"]
    if service not in clients:
        clients[service] = server.client_as(principal["keys"], CLIENTS.get(service, service))
    return clients[service]


def send(server, principal, service, operation, arguments):
    """(refused, code)"""
    client = client_of(server, principal, service)
    method = botocore.xform_name(operation)
    try:
        getattr(client, method)(**arguments)
    except botocore.exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        return code in REFUSALS, code
    return False, ""


def operations():
    for file, service in SERVICES.items():
        listing = yaml.safe_load((ROOT / "models" / f"{file}.yaml").read_text())
        for operation in listing["operations"]:
            yield pytest.param(service, operation, id=f"{service}:{operation}")


def context_of(access):
    """The keys that the request brought, for questions about one action."""
    brought = ("aws:requesttag/", "aws:tagkeys", "iam:policyarn", "iam:permissionsboundary", "iam:passedtoservice", "iam:associatedresourcearn", "sts:",
               "cloudwatch:", "trainwarden:")
    sagemaker = lambda key: key.startswith("sagemaker:") and "resourcetag" not in key
    return [{"Key": key, "Values": value if isinstance(value, list) else [value]} for key, value in (access.get("Context") or {}).items()
            if key.lower().startswith(brought) or sagemaker(key.lower())]


@pytest.mark.parametrize("service, operation", list(operations()))
def test_what_is_said_of_a_request_is_what_it_gets(server, world, service, operation):
    population, own = world["population"], world["own"]
    model = (world["root"] if service == "trainwarden" else server.client(CLIENTS.get(service, service))).meta.service_model.operation_model(operation)
    inputs = Inputs(population, f"{service}:{operation}")
    wrong, asked = [], 0
    for number in range(INPUTS):
        arguments = request(server, "another", "true") if operation == "CreateTrainingJob" else inputs.of(model, number)
        said, accesses = {}, {}
        for name, principal in world["principals"].items():
            try:
                answer = own("ExplainAccess", PrincipalArn=principal["arn"], Operation=f"{service}:{operation}", Input=json.dumps(arguments))
                said[name] = answer["Decision"] != "allowed"
                accesses[name] = answer["Accesses"]
                SEEN_KEYS.update(keys_of(answer["Accesses"]))
            except botocore.exceptions.ClientError as error:
                said[name] = error.response["Error"]["Code"]
            asked += 1
        wrong += questions_about_actions(server, world, accesses, said, (operation, number))
        allowed = 0
        for name in sorted(world["principals"], key=lambda one: (said[one] is False, hash((number, one)))):
            if said[name] is False and allowed >= SENT_AFTER_ALLOWED:
                continue
            refused, code = send(server, world["principals"][name], service, operation, arguments)
            same = code == said[name] if isinstance(said[name], str) else refused == said[name]
            if not same:
                wrong.append(f"{operation} {arguments} by {name}: said {said[name]}, got {code or 'allowed'}")
            if not refused:
                allowed += said[name] is False
                if not operation.startswith(READING) and population.restore():  # keys that the input names may be others now
                    if "AccessKeyId" in arguments:
                        break
    assert asked and not wrong, "\n".join(wrong)


SEEN_KEYS = set()  # (action, key, value) of the services' own keys, of every request that was asked about


def keys_of(accesses):
    return {(access["Action"], key, value[0] if isinstance(value, list) else value) for access in accesses
            for key, value in (access.get("Context") or {}).items() if not key.lower().startswith("aws:")}


def test_proofs_know_the_keys_that_requests_have(server, world, tmp_path):
    """An Allow under a key and its value gives something, to those who prove, for every key that a request for the action has."""
    principal = next(one["arn"] for one in world["principals"].values() if ":user/" in one["arn"])
    whole = {"Tagging": "a=b", "StorageClass": "STANDARD", "ACL": "bucket-owner-full-control"}
    for operation, arguments in [
        ("s3:PutObject", {"Bucket": BUCKET, "Key": "k", "IfNoneMatch": "*", **whole}), ("s3:CreateMultipartUpload", {"Bucket": BUCKET, "Key": "k", **whole}),
        ("s3:CopyObject", {"Bucket": BUCKET, "Key": "k", "CopySource": f"{BUCKET}/s", "MetadataDirective": "REPLACE", "TaggingDirective": "REPLACE", **whole}),
        ("s3:CreateBucket", {"Bucket": "made-with", "ObjectOwnership": "BucketOwnerEnforced"}),
        ("sagemaker:CreateTrainingJob", request(server, "keys", "true")),
    ]:
        SEEN_KEYS.update(keys_of(world["own"]("ExplainAccess", PrincipalArn=principal, Operation=operation, Input=json.dumps(arguments))["Accesses"]))
    seen = sorted(SEEN_KEYS)
    assert {("iam:PassRole", "trainwarden:trainingscope"), ("s3:PutObjectTagging", "s3:requestobjecttag/a")} <= {(one, key.lower()) for one, key, _ in seen}
    assert not any(action == "s3:PutObjectTagging" and key.lower() == "s3:x-amz-storage-class" for action, key, _ in seen)
    for begin in range(0, len(seen), 50):
        part = seen[begin:begin + 50]
        allows = [{"Effect": "Allow", "Action": action, "Resource": "*", "Condition": {"ForAnyValue:StringEquals": {key: value}}} for action, key, value in part]
        (tmp_path / "none.json").write_text(json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}))
        (tmp_path / "each.json").write_text(json.dumps({"Version": "2012-10-17", "Statement": allows}))
        said = subprocess.run([BINARY, "compare", "none.json", "each.json", "--json"], cwd=tmp_path, text=True, capture_output=True, timeout=120)
        given = json.loads(said.stdout)["gained"]["statements"]
        assert given == list(range(len(part))), [part[number] for number in set(range(len(part))) - set(given)]


def questions_about_actions(server, world, accesses, said, where):
    """Of each access that a request needs: who-can and the simulator say of everybody what the request's decision says."""
    wrong = []
    by_question = {}
    for name, decided in accesses.items():
        for access in decided:
            question = (access["Action"], access["Resource"], json.dumps(context_of(access), sort_keys=True))
            by_question.setdefault(question, {})[name] = access["Decision"] == "allowed"
    for (action, resource, context), decisions in by_question.items():
        context = json.loads(context)
        try:
            answer = world["own"]("WhoCan", Action=action, Resource=resource, Context=context)
        except botocore.exceptions.ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            # Of this server's own actions, a session is asked about by two names, and somebody unknown by whatever the request says.
            of_nobody = action.startswith("trainwarden:") and ("is not an ARN" in message or "is no resource of this action" in message)
            if of_nobody or code in ("NoSuchResource", "NoSuchResourceException"):
                continue  # who-can says nothing about what is not there
            raise
        if "Groups" in answer:  # the name holds a `*`: whoever may do this may do some of it
            some = {one.get("RoleArn") or one.get("Arn") for group in answer["Groups"] for one in group["Principals"]}
            wrong += [f"{where} {action} on {resource} by {name}: allowed, and who-can knows no way in" for name, allowed in decisions.items()
                      if allowed and ":assumed-role/" not in world["principals"][name]["arn"] and world["principals"][name]["arn"] not in some]
            continue
        can = {one["Principal"].get("RoleArn") or one["Principal"].get("Arn") for one in answer["Principals"]}
        for name, allowed in decisions.items():
            arn = world["principals"][name]["arn"]
            if ":assumed-role/" in arn:
                arn = f"arn:aws:iam::{server.account}:role/asking"
            if (arn in can) is not allowed:
                wrong.append(f"{where} {action} on {resource} with {context} by {name}: {'allowed' if allowed else 'refused'}, and who-can says otherwise")
            if where[1] > 0:
                continue  # the simulator is asked one by one: of the first input
            entries = [{"ContextKeyName": one["Key"], "ContextKeyValues": one["Values"],
                        "ContextKeyType": "stringList" if len(one["Values"]) > 1 or one["Key"].lower() in ("aws:tagkeys", "sagemaker:instancetypes") else "string"}
                       for one in context]
            simulated = server.client("iam").simulate_principal_policy(
                PolicySourceArn=arn, ActionNames=[action], ResourceArns=[resource], ContextEntries=entries)
            if (simulated["EvaluationResults"][0]["EvalDecision"] == "allowed") is not allowed:
                wrong.append(f"{where} {action} on {resource} with {context} by {name}: {'allowed' if allowed else 'refused'}, and the simulator says otherwise")
    return wrong


def trust(condition=None, service="sagemaker.amazonaws.com", actions="sts:AssumeRole"):
    return document({"Effect": "Allow", "Principal": {"Service": service}, "Action": actions, **({"Condition": condition} if condition else {})})


DATA = f"arn:aws:s3:::{BUCKET}"
READS = [allow("s3:ListBucket", DATA), allow("s3:GetObject", f"{DATA}/*")]
WRITES = allow("s3:PutObject", f"{DATA}/*")
# Roles of jobs: trust policy, permissions.
ROLES = {
    "able": (trust(), [*READS, WRITES]),
    "of-nobody": (trust(service="lambda.amazonaws.com"), [*READS, WRITES]),
    "of-this-job": (trust({"ArnLike": {"aws:SourceArn": "*:training-job/asked"}}), [*READS, WRITES]),
    "of-other-jobs": (trust({"ArnNotLike": {"aws:SourceArn": "*:training-job/asked"}}), [*READS, WRITES]),
    "of-the-service-alone": (trust({"StringEquals": {"sts:RoleSessionName": "SageMaker"}}), [*READS, WRITES]),
    "writes": (trust(), [WRITES]),
    "reads": (trust(), READS),
    "lists-data": (trust(), [allow("s3:ListBucket", DATA, StringLike={"s3:prefix": "data/*"}), allow("s3:GetObject", f"{DATA}/*"), WRITES]),
    "reads-no-second": (trust(), [*READS, WRITES, deny("s3:GetObject", f"{DATA}/data/2")]),
    "reads-no-first": (trust(), [*READS, WRITES, deny("s3:GetObject", f"{DATA}/data/1")]),
    "reads-no-code": (trust(), [*READS, WRITES, deny("s3:GetObject", f"{DATA}/code/*")]),
    "by-its-name": (trust(), [*READS, allow("s3:PutObject", f"{DATA}/*", StringLike={"aws:userid": "*:SageMaker"})]),
    "by-source-identity": (trust(actions=["sts:AssumeRole", "sts:SetSourceIdentity"]),
                           [*READS, WRITES, deny("s3:PutObject", "*", StringEquals={"aws:SourceIdentity": "ada"})]),
    "without-source-identity": (trust(), [*READS, WRITES]),
    "in-this-region": (trust({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}), [*READS, WRITES]),
}
JOBS = {
    "plain": {},
    "data": {"InputDataConfig": [channel("train", "data/")]},
    "checkpoints": {"CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/checkpoints/"}},
    "code": {"HyperParameters": {"sagemaker_program": "x.py", "sagemaker_submit_directory": f"s3://{BUCKET}/code/sourcedir.tar.gz"}},
}


@pytest.fixture(scope="module")
def roles(server, world):
    iam, s3 = server.client("iam"), server.client("s3")
    for key in ("data/1", "data/2", "code/sourcedir.tar.gz"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    for name, (trusts, statements) in ROLES.items():
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusts)
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))
    # Whose source identity follows into the job's sessions.
    iam.create_role(RoleName="creator", AssumeRolePolicyDocument=document(
        {"Effect": "Allow", "Principal": {"AWS": world["principals"]["everything"]["arn"]}, "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"]}))
    iam.put_role_policy(RoleName="creator", PolicyName="p", PolicyDocument=document(allow()))
    session = server.client_as(world["principals"]["everything"]["keys"], "sts").assume_role(
        RoleArn=f"arn:aws:iam::{server.account}:role/creator", RoleSessionName="creating", SourceIdentity="ada")
    keys = Credentials.of(session)
    creator = {"arn": session["AssumedRoleUser"]["Arn"], "keys": keys, "clients": {}}
    return {"creator": creator, "everything": world["principals"]["everything"], "nobody": world["principals"]["nobody"]}


def own_client_of(principal, folder, server):
    if "trainwarden" not in principal["clients"]:
        principal["clients"]["trainwarden"] = own_clients(server, folder)(principal["keys"])
    return principal["clients"]["trainwarden"]


def of_acts(decided):
    return [(access["Action"], access["Resource"], access["Decision"]) for access in decided]


@pytest.mark.parametrize("job", list(JOBS))
@pytest.mark.parametrize("role", [*ROLES, "nosuch"])
def test_what_is_said_of_what_a_service_does_is_what_it_does(server, world, roles, tmp_path, role, job):
    """CreateTrainingJob makes SageMaker assume the role and look what it can do: the answer about the request has it before."""
    arn = f"arn:aws:iam::{server.account}:role/{role}"
    arguments = request(server, "asked", "true", RoleArn=arn, **JOBS[job])
    if job == "code":  # script mode
        del arguments["AlgorithmSpecification"]["ContainerEntrypoint"]
    wrong = []
    for name, principal in roles.items():
        about = lambda operation, asked: world["own"]("ExplainAccess", PrincipalArn=principal["arn"], Operation=operation, Input=json.dumps(asked))
        said = about("sagemaker:CreateTrainingJob", arguments)
        of_check = about("trainwarden:CheckTrainingJob", {"Request": json.dumps(arguments)})
        assert of_check["Decision"] == said["Decision"]
        try:
            answer = own_client_of(principal, tmp_path, server).check_training_job(Request=json.dumps(arguments))
            got, request_id = "allowed", answer["ResponseMetadata"]["RequestId"]
        except botocore.exceptions.ClientError as error:
            got, request_id = error.response["Error"]["Message"], error.response["ResponseMetadata"]["RequestId"]
        if (said["Decision"] == "allowed") is not (got == "allowed"):
            wrong.append(f"{name}: said {said['Decision']}, got {got}: {json.dumps(said.get('ServiceActs'), indent=1)}")
            continue
        # What was decided under the request is what was said, up to the first refusal, which ends both.
        records = world["own"]("ExplainRequest", RequestId=request_id)["Records"][1:]
        done = [access for record in records for access in of_acts(record["Accesses"])]
        acts = [one for act in said.get("ServiceActs", []) for one in of_acts(act["Accesses"])]
        if done != acts:
            wrong.append(f"{name}: said {acts}, did {done}")
    assert not wrong, "\n".join(wrong)


def test_a_job_that_was_said_to_be_refused_is_refused(server, world, roles):
    for role in ("of-nobody", "writes", "reads-no-first", "reads"):
        arguments = request(server, "asked", "true", RoleArn=f"arn:aws:iam::{server.account}:role/{role}", **JOBS["data"])
        said = world["own"]("ExplainAccess", PrincipalArn=f"arn:aws:iam::{server.account}:root", Operation="sagemaker:CreateTrainingJob",
                            Input=json.dumps(arguments))
        assert said["Decision"] == "refused" and {access["Decision"] for access in said["Accesses"]} == {"allowed"}
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            server.client("sagemaker").create_training_job(**arguments)
        assert caught.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize("role", ["able", "of-nobody", "of-other-jobs", "nosuch"])
@pytest.mark.parametrize("user", ["by-1", "by-0", "nosuch"])
def test_what_is_said_of_a_slurm_session_is_what_it_gets(server, world, roles, role, user):
    arguments = {"SlurmJobId": "7", "UserName": user, "RoleArn": f"arn:aws:iam::{server.account}:role/{role}"}
    for name in ("everything", "nobody"):
        said = world["own"]("ExplainAccess", PrincipalArn=world["principals"][name]["arn"], Operation="trainwarden:OpenSlurmSession",
                            Input=json.dumps(arguments))
        refused, code = send(server, world["principals"][name], "trainwarden", "OpenSlurmSession", arguments)
        assert refused == (said["Decision"] == "refused"), (name, code, said)
        if code and not refused:
            assert code in said["Note"]
            shown = server.trainwarden("explain", "--as", world["principals"][name]["arn"], "--operation", "trainwarden:OpenSlurmSession",
                                       "--input", json.dumps(arguments)).stdout
            assert f"answered {code}: " in shown
        assert [one for act in said.get("ServiceActs", []) for one in of_acts(act["Accesses"]) if one[2] != "allowed"][1:] == []


def test_what_is_said_of_the_renewal_of_a_slurm_session_is_what_it_gets(tmp_path):
    """A server that has begun anew holds no credentials of the session: the renewal asks for the role, and the role's trust policy decides."""
    server = Server(tmp_path).start()
    try:
        iam = server.client("iam")
        role = iam.create_role(RoleName="trainer", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        iam.create_user(UserName="ada")
        iam.put_user_policy(UserName="ada", PolicyName="p", PolicyDocument=document(allow()))
        own = own_client(server, tmp_path / "models")
        session = own("OpenSlurmSession", SlurmJobId="7", UserName="ada", RoleArn=role)["SessionId"]
        asked = {"PrincipalArn": f"arn:aws:iam::{server.account}:root", "Operation": "trainwarden:RenewSlurmSession", "Input": json.dumps({"SessionId": session})}
        assert "ServiceActs" not in own("ExplainAccess", **asked)  # what it holds is young
        server.stop()
        server.start()
        own = own_client(server, tmp_path / "models again")
        acts = lambda: [one for act in own("ExplainAccess", **asked).get("ServiceActs", []) for one in of_acts(act["Accesses"])]
        server.client("iam").update_assume_role_policy(RoleName="trainer", PolicyDocument=trust(service="ec2.amazonaws.com"))
        assert acts() == [("sts:AssumeRole", role, "implicitDeny")]
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            own("RenewSlurmSession", SessionId=session)
        assert caught.value.response["Error"]["Code"].startswith("AccessDenied")
        server.client("iam").update_assume_role_policy(RoleName="trainer", PolicyDocument=json.dumps(TRUST))
        assert acts() == [("sts:AssumeRole", role, "allowed")]
        own("RenewSlurmSession", SessionId=session)
        assert acts() == []
    finally:
        server.stop()


def test_why_is_told_to_who_may_ask_about_the_principal_of_the_act(server, world, roles):
    """A decision about somebody else's role, as the request would be told it; its policies, only to who may ask about the role."""
    user = world["principals"]["asking about red"]  # about everything named red, and about jobs
    iam = server.client("iam")
    iam.create_user(UserName="creates-red")
    iam.put_user_policy(UserName="creates-red", PolicyName="p", PolicyDocument=document(allow()))
    asked = {"PrincipalArn": f"arn:aws:iam::{server.account}:user/creates-red", "Operation": "sagemaker:CreateTrainingJob",
             "Input": json.dumps(request(server, "asked", "true", RoleArn=f"arn:aws:iam::{server.account}:role/reads"))}
    mine = user["clients"]["trainwarden"].explain_access(**asked)
    all_of_it = world["own"]("ExplainAccess", **asked)
    assert mine["Decision"] == all_of_it["Decision"] == "refused"
    assert [of_acts(act["Accesses"]) for act in mine["ServiceActs"]] == [of_acts(act["Accesses"]) for act in all_of_it["ServiceActs"]]
    for act, whole in zip(mine["ServiceActs"], all_of_it["ServiceActs"]):
        for access, known in zip(act["Accesses"], whole["Accesses"]):
            assert "Reason" in known and not {"MatchedStatements", "Reason", "Advice", "Context"} & access.keys()


@pytest.fixture(scope="module")
def secrets(server, world, roles):
    """A bucket that those who ask may not list, and one who may ask about itself and create jobs, but hardly anything else."""
    iam, s3 = server.client("iam"), server.client("s3")
    s3.create_bucket(Bucket="secret-data")
    for key in ("hr/ada-salary", "zz/key"):
        s3.put_object(Bucket="secret-data", Key=key, Body=b"x")
    passes = {"no-policy": (trust(), []), "no-trust": (trust(service="lambda.amazonaws.com"), [allow("s3:*")]), "sees": (trust(), [allow("s3:*")]),
              "sees-no-object": (trust(), [allow("s3:ListBucket"), allow("s3:PutObject")])}
    for name, (trusts, statements) in passes.items():
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusts)
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))
    arn = iam.create_user(UserName="curious")["User"]["Arn"]
    iam.put_user_policy(UserName="curious", PolicyName="p", PolicyDocument=document(
        allow("trainwarden:ExplainAccess", [arn, *(f"arn:aws:iam::*:role/{name}" for name in passes)]), allow("trainwarden:CheckTrainingJob"),
        allow("sagemaker:CreateTrainingJob"), allow("iam:PassRole")))
    return {"arn": arn, "keys": Credentials.of(iam.create_access_key(UserName="curious")), "clients": {}}


def job_on(server, role, uri):
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return request(server, "asked", "true", RoleArn=f"arn:aws:iam::{server.account}:role/{role}",
                   InputDataConfig=[{"ChannelName": "c", "DataSource": {"S3DataSource": source}}])


def asked_by(client, principal, operation, arguments):
    given = arguments if operation.startswith("sagemaker:") else {"Request": json.dumps(arguments)}
    return client.explain_access(PrincipalArn=principal["arn"], Operation=operation, Input=json.dumps(given))


@pytest.mark.parametrize("operation", ["sagemaker:CreateTrainingJob", "trainwarden:CheckTrainingJob"])
@pytest.mark.parametrize("role, last", [("no-policy", "s3:ListBucket"), ("no-trust", "sts:AssumeRole")])
def test_an_answer_about_a_job_ends_where_the_job_is_refused(server, world, secrets, tmp_path, operation, role, last):
    """Neither the names of objects nor whether a bucket is there is told to who asks as a role that may not list."""
    client = own_client_of(secrets, tmp_path, server)
    answers = []
    for bucket in ("secret-data", "no-such-data"):
        for prefix in ("", "hr/a", "z"):
            said = asked_by(client, secrets, operation, job_on(server, role, f"s3://{bucket}/{prefix}"))
            assert said["Decision"] == "refused"
            decided = [one for act in said["ServiceActs"] for one in of_acts(act["Accesses"])]
            assert (decided[-1][0], decided[-1][2]) == (last, "implicitDeny") and {one[2] for one in decided[:-1]} <= {"allowed"}
            assert "salary" not in json.dumps(said)
            if not prefix:
                del said["ResponseMetadata"]
                for accesses in (said["Accesses"], *(act["Accesses"] for act in said["ServiceActs"])):
                    for access in accesses:
                        access.pop("Context", None)  # the time
                answers.append(json.dumps(said).replace(bucket, "BUCKET"))
    assert answers[0] == answers[1]


def test_neither_does_the_request_tell_whether_a_bucket_is_there(server, world, secrets, tmp_path):
    client, answers = own_client_of(secrets, tmp_path, server), []
    for bucket in ("secret-data", "no-such-data"):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            client.check_training_job(Request=json.dumps(job_on(server, "no-policy", f"s3://{bucket}/hr/")))
        answer = caught.value.response
        del answer["ResponseMetadata"]
        answers.append(json.dumps(answer).replace(bucket, "BUCKET"))
    assert answers[0] == answers[1] and "No S3 objects found" in answers[0]


@pytest.mark.parametrize("role, decision", [("sees", "allowed"), ("sees-no-object", "implicitDeny")])
def test_an_object_that_a_job_would_find_is_named_to_who_may_list(server, world, secrets, tmp_path, role, decision):
    arguments = job_on(server, role, "s3://secret-data/hr/")
    named = {}
    for who, client in (("curious", own_client_of(secrets, tmp_path, server)), ("root", world["root"])):
        said = asked_by(client, secrets, "sagemaker:CreateTrainingJob", arguments)
        ((access,),) = [act["Accesses"] for act in said["ServiceActs"] if act["Accesses"][0]["Action"] == "s3:GetObject"]
        assert access["Decision"] == decision
        assert ("ada-salary" in json.dumps(said)) is (who == "root") is ("Reason" in access)
        named[who] = access["Resource"]
    assert named == {"curious": "arn:aws:s3:::secret-data/hr/*", "root": "arn:aws:s3:::secret-data/hr/ada-salary"}
