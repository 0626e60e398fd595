"""For every operation of S3 and S3 Control: what a request gets is what ExplainAccess of the operation, who-can and IAM's simulator said before, and
the other way round. As test_parity_operations.py, over buckets with policies of their own, public ones and restricted ones, objects with tags and
without, and requests without credentials."""

import io
import json
import random
import re

import botocore.exceptions
import pytest
import yaml

from conftest import Credentials
from test_parity_operations import READING, ROOT, allow, deny, document, own_client

INPUTS = 3  # of an operation
SENT_AFTER_ALLOWED = 3  # of an operation and input: each may change things, which are put right again
# Of answers without a body, botocore knows the status alone.
OF_STATUS = {"403": "AccessDenied", "404": "NoSuchBucket", "400": "InvalidArgument"}
REFUSED = "AccessDenied"
OBJECT_RED = {"s3:ExistingObjectTag/team": "red"}
BUCKETS = ("parity-plain", "parity-granting", "parity-restricted")
# What a request has that nobody can know in advance: said to the questions.
CIRCUMSTANCES = {"aws:SourceIp": "127.0.0.1", "s3:authType": "REST-HEADER", "s3:signatureversion": "AWS4-HMAC-SHA256"}

# Needed beside the making of a bucket: of an action that works on buckets, too, questions look at the one that is there, with its policy.
BESIDE = {("CreateBucket", "s3:TagResource"), ("CreateBucket", "s3:PutBucketOwnershipControls")}

PRINCIPALS = {
    "nobody": [],
    "everything": [allow()],
    "red objects": [allow(StringEquals=OBJECT_RED)],
    "not red objects": [allow(), deny(StringEquals=OBJECT_RED)],
    "objects with a team": [allow(Null={"s3:ExistingObjectTag/team": "false"})],
    "tagging red": [allow(StringEquals={"s3:RequestObjectTag/team": "red"}), allow("s3:Get*")],
    "not tagging": [allow(), deny(**{"ForAnyValue:StringEquals": {"s3:RequestObjectTagKeys": ["team"]}})],
    "tagging buckets red": [allow(StringEquals={"aws:RequestTag/team": "red"}), allow(**{"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}})],
    "listing below red": [allow("s3:List*", StringLike={"s3:prefix": "red*"}), allow("s3:Get*")],
    "listing without delimiter": [allow(), deny(Null={"s3:delimiter": "false"})],
    "listing little": [allow("s3:*", NumericLessThanEquals={"s3:max-keys": "10"}), allow("s3:*Object*")],
    "no lists": [allow(), deny(["s3:ListBucket", "s3:ListBucketVersions"])],
    "no canned lists": [allow(), deny(StringLike={"s3:x-amz-acl": "*"})],
    "no full control": [allow(), deny(Null={"s3:x-amz-grant-full-control": "false"})],
    "current versions": [allow(Null={"s3:versionid": "true"})],
    "no locks": [allow(), deny(Null={"s3:object-lock-mode": "false"}), deny(StringEquals={"s3:object-lock-legal-hold": "ON"})],
    "short locks": [allow(), deny(NumericGreaterThan={"s3:object-lock-remaining-retention-days": "9000"})],
    "no bypass": [allow(), deny("s3:BypassGovernanceRetention")],
    "versions alone": [allow(["s3:GetObjectVersion*", "s3:DeleteObjectVersion*", "s3:PutObjectVersion*", "s3:List*"])],
    "copies of plain": [allow(), deny("s3:PutObject", StringNotLike={"s3:x-amz-copy-source": "parity-plain/*"}, Null={"s3:x-amz-copy-source": "false"})],
    "no replaced metadata": [allow(), deny(StringEquals={"s3:x-amz-metadata-directive": "REPLACE"})],
    "no tags carried over": [allow(), deny("s3:GetObjectTagging")],
    "whole objects alone": [allow(), deny("s3:PutObject", Bool={"s3:ObjectCreationOperation": "false"})],
    "conditional writes": [allow(), deny("s3:PutObject", Null={"s3:if-none-match": "true", "s3:if-match": "true"})],
    "standard storage": [allow(), deny(Null={"s3:x-amz-storage-class": "false"})],
    "plain's objects": [allow(resource=["arn:aws:s3:::parity-plain/*"])],
    "plain's keys red": [allow(resource=["arn:aws:s3:::parity-plain", "arn:aws:s3:::*/red"])],
    "owned by enforcement": [allow(), deny("s3:CreateBucket", Null={"s3:x-amz-object-ownership": "true"})],
    "elsewhere": [allow(), deny("s3:CreateBucket", StringEquals={"s3:LocationConstraint": "us-east-1"})],
    "by owner": [allow(Null={"s3:ResourceAccount": "false"})],
    "by owner's account": [allow(StringEquals={"aws:ResourceAccount": "${aws:PrincipalAccount}"})],
    "from here": [allow(IpAddress={"aws:SourceIp": "127.0.0.0/8"}, StringEquals={"aws:RequestedRegion": "us-east-1"})],
    "by header": [allow(StringEquals={"s3:authType": "REST-HEADER", "s3:signatureversion": "AWS4-HMAC-SHA256"})],
    "of the bucket": [],  # what bucket policies give
    "denied by the bucket": [allow()],
    "cut by a boundary": [allow()],
    "a session": [allow(), deny("*", StringEquals=OBJECT_RED)],
    "without credentials": None,
}


class Buckets:
    """Made again where a request changed them."""

    def __init__(self, server):
        self.server, self.s3 = server, server.client("s3")
        self.policies = {}
        self.uploads = {}

    def arn(self, user):
        return f"arn:aws:iam::{self.server.account}:user/{user}"

    def make(self, given, denied):
        both = lambda bucket: [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
        public = lambda bucket: {"Sid": "Public", "Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:ListBucket", "s3:PutObject"],
                                 "Resource": both(bucket)}
        given_statement = lambda bucket: {"Sid": "Given", "Effect": "Allow", "Principal": {"AWS": self.arn(given)}, "Action": "s3:*Object*",
                                          "Resource": f"arn:aws:s3:::{bucket}/*", "Condition": {"StringEqualsIfExists": OBJECT_RED}}
        listing = lambda bucket: {"Sid": "Listing", "Effect": "Allow", "Principal": {"AWS": self.arn(given)}, "Action": ["s3:ListBucket", "s3:GetBucketPolicy"],
                                  "Resource": f"arn:aws:s3:::{bucket}", "Condition": {"StringLike": {"s3:prefix": ["red*"]}}}
        denying = lambda bucket: {"Sid": "Denied", "Effect": "Deny", "Principal": {"AWS": self.arn(denied)}, "NotAction": "s3:GetObject",
                                  "Resource": both(bucket)}
        granting, restricted = BUCKETS[1:]
        plain_listing = {key: value for key, value in listing(granting).items() if key != "Condition"}
        self.policies = {
            BUCKETS[0]: None,
            granting: document(public(granting), given_statement(granting), {**plain_listing, "Action": ["s3:ListBucket", "s3:GetBucketTagging"]},
                               denying(granting)),
            restricted: document(public(restricted), given_statement(restricted), denying(restricted)),
        }
        for bucket in BUCKETS:
            self.repair(bucket)

    BLOCK = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}

    def block(self, bucket):
        return {"parity-granting": None, "parity-restricted": {**self.BLOCK, "BlockPublicPolicy": False}}.get(bucket, self.BLOCK)

    def of(self, call, code, member=None, **arguments):
        """What is configured, or None."""
        try:
            answer = call(**arguments)
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == code, error
            return None
        return answer[member] if member else answer

    def look(self, bucket):
        s3, named = self.s3, {"Bucket": bucket}
        keys = [one["Key"] for one in s3.list_objects_v2(**named).get("Contents", [])]
        uploads = s3.list_multipart_uploads(**named).get("Uploads", [])
        policy = self.of(s3.get_bucket_policy, "NoSuchBucketPolicy", "Policy", **named)
        return {
            "objects": {key: [s3.get_object_tagging(**named, Key=key)["TagSet"], s3.get_object(**named, Key=key)["Body"].read().decode()] for key in keys},
            "policy": json.loads(policy) if policy else None,
            "block": self.of(s3.get_public_access_block, "NoSuchPublicAccessBlockConfiguration", "PublicAccessBlockConfiguration", **named),
            "tags": self.of(s3.get_bucket_tagging, "NoSuchTagSet", "TagSet", **named),
            "ownership": self.of(s3.get_bucket_ownership_controls, "OwnershipControlsNotFoundError", "OwnershipControls", **named),
            "versioning": s3.get_bucket_versioning(**named).get("Status"),
            "uploads": [(one["Key"], one["UploadId"] == self.uploads.get(bucket)) for one in uploads],
            "parts": [one["PartNumber"] for one in s3.list_parts(**named, Key="red", UploadId=self.uploads[bucket]).get("Parts", [])]
            if [("red", self.uploads.get(bucket))] == [(one["Key"], one["UploadId"]) for one in uploads] else None,
        }

    def wanted(self, bucket):
        policy = self.policies[bucket]
        tag = lambda color: [{"Key": "team", "Value": color}]
        return {"objects": {"blue": [tag("blue"), "blue"], "bare": [[], "bare"], "red": [tag("red"), "red"]}, "policy": json.loads(policy) if policy else None,
                "block": self.block(bucket), "tags": tag("red"), "ownership": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}, "versioning": None,
                "uploads": [("red", True)], "parts": []}

    def repair(self, bucket):
        """True if something had changed."""
        s3, named = self.s3, {"Bucket": bucket}
        try:
            s3.head_bucket(**named)
            there = True
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "404", error
            there = False
        if there and self.look(bucket) == self.wanted(bucket):
            return False
        if there:  # made anew: what a request may have set cannot all be unset
            for upload in s3.list_multipart_uploads(**named).get("Uploads", []):
                s3.abort_multipart_upload(**named, Key=upload["Key"], UploadId=upload["UploadId"])
            versions = s3.list_object_versions(**named)
            for one in versions.get("Versions", []) + versions.get("DeleteMarkers", []):
                s3.delete_object(**named, Key=one["Key"], VersionId=one["VersionId"])
            s3.delete_bucket(**named)
        s3.create_bucket(**named)
        for key in ("red", "blue", "bare"):
            s3.put_object(**named, Key=key, Body=key.encode(), **({"Tagging": f"team={key}"} if key != "bare" else {}))
        s3.put_bucket_tagging(**named, Tagging={"TagSet": [{"Key": "team", "Value": "red"}]})
        s3.delete_public_access_block(**named)
        if self.policies[bucket]:
            s3.put_bucket_policy(**named, Policy=self.policies[bucket])
        if self.block(bucket):
            s3.put_public_access_block(**named, PublicAccessBlockConfiguration=self.block(bucket))
        self.uploads[bucket] = s3.create_multipart_upload(**named, Key="red")["UploadId"]
        assert self.look(bucket) == self.wanted(bucket)
        return True

    def restore(self):
        changed = [self.repair(bucket) for bucket in BUCKETS]
        for one in self.s3.list_buckets()["Buckets"]:
            if one["Name"] == "parity-new":
                self.s3.delete_bucket(Bucket="parity-new")
                changed.append(True)
        return any(changed)


class Inputs:
    """Of an operation, from its shapes."""

    def __init__(self, buckets, seed):
        self.buckets, self.random = buckets, random.Random(seed)
        self.operation = seed

    def pool(self, member):
        account, upload = self.buckets.server.account, self.buckets.uploads.get(self.bucket, "none")
        red, blue = [{"Key": "team", "Value": "red"}], [{"Key": "team", "Value": "blue"}, {"Key": "x", "Value": "1"}]
        public = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.bucket}/*"}
        closed = {**public, "Principal": {"AWS": account}}
        return {
            "Bucket": [self.bucket], "Key": ["red", "blue", "bare", "none"], "UploadId": [upload, upload, "nosuch"], "PartNumber": [1],
            "CopySource": [f"{bucket}/{key}" for bucket in (*BUCKETS, "parity-nosuch") for key in ("red", "blue", "bare", "none")]
            + ["parity-plain/red?versionId=null"],
            "Tagging": ["team=red", "team=blue&x=1", ""] if self.operation not in ("PutObjectTagging", "PutBucketTagging") else [{"TagSet": red}, {"TagSet": blue}],
            "Tags": [red, blue] if self.operation == "TagResource" else None,
            "TagKeys": [["team"], ["x", "team"]], "ResourceArn": [f"arn:aws:s3:::{self.bucket}"], "AccountId": [account, account, "999999999999"],
            "ACL": ["private", "bucket-owner-full-control", "public-read"], "GrantFullControl": [f'id="{self.owner()}"'], "StorageClass": ["STANDARD", "GLACIER"],
            "WebsiteRedirectLocation": ["/there"], "Prefix": ["red", "red/x", "blue", ""], "Delimiter": ["/"], "MaxKeys": [5, 1000, 2000],
            "VersionId": ["null"], "IfMatch": ["*", '"e"'], "IfNoneMatch": ["*"], "Body": [b"body"], "EncodingType": ["url"],
            "Policy": [document(public), document(closed), "{}"], "MetadataDirective": ["COPY", "REPLACE"], "TaggingDirective": ["COPY", "REPLACE"],
            "Delete": [{"Objects": [{"Key": key} for key in keys]} for keys in (("red", "blue"), ("none", "bare"))] + [{"Objects": [{"Key": "red", "VersionId": "null"}]}],
            "MultipartUpload": [{"Parts": [{"PartNumber": 1, "ETag": '"e"'}]}], "ObjectAttributes": [["ETag", "ObjectSize"]],
            "PublicAccessBlockConfiguration": [self.buckets.BLOCK],
            "CORSConfiguration": [{"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}], "VersioningConfiguration": [{"Status": "Suspended"}, {"Status": "Enabled"}],
            "ServerSideEncryptionConfiguration": [{"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}]} for algorithm in ("AES256", "aws:kms")],
            "ObjectLockMode": ["GOVERNANCE"], "ObjectLockRetainUntilDate": ["2040-01-01T00:00:00Z", "2100-01-01T00:00:00Z"], "ObjectLockLegalHoldStatus": ["ON", "OFF"],
            "BypassGovernanceRetention": [True, False], "LegalHold": [{"Status": "ON"}, {"Status": "OFF"}],
            "Retention": [{"Mode": "GOVERNANCE", "RetainUntilDate": "2040-01-01T00:00:00Z"}, {"Mode": "COMPLIANCE", "RetainUntilDate": "2100-01-01T00:00:00Z"}],
            "ObjectLockConfiguration": [{"ObjectLockEnabled": "Enabled"}],
            "OwnershipControls": [{"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}], "ObjectOwnership": ["BucketOwnerEnforced"],
            "CreateBucketConfiguration": [{"LocationConstraint": "us-east-1"}, {"Tags": red}, {"Tags": blue}],
            "ExpectedBucketOwner": [account, account, "999999999999"], "ExpectedSourceBucketOwner": [account, "999999999999"],
        }.get(member)

    def owner(self):
        return self.buckets.s3.get_bucket_acl(Bucket=BUCKETS[0])["Owner"]["ID"]

    # Beside the members that decide, few are worth asking about.
    SELDOM = {"ExpectedBucketOwner": 0.15, "ExpectedSourceBucketOwner": 0.2, "StorageClass": 0.25, "WebsiteRedirectLocation": 0.2, "EncodingType": 0.2,
              "ACL": 0.35, "GrantFullControl": 0.25, "ObjectLockMode": 0.2, "ObjectLockRetainUntilDate": 0.2, "ObjectLockLegalHoldStatus": 0.2}

    def of(self, model, number):
        self.bucket = ("parity-new", BUCKETS[0], "parity-new")[number % 3] if model.name == "CreateBucket" else (*BUCKETS, BUCKETS[1], "parity-nosuch")[number % 5]
        out = {}
        for name, shape in model.input_shape.members.items() if model.input_shape else ():
            required = name in model.input_shape.required_members
            choices = self.pool(name)
            if not required and (choices is None or self.random.random() > self.SELDOM.get(name, 0.5)):
                continue
            assert choices, f"{model.name}: nothing for its member {name}, a {shape.type_name}: add it to the pool"
            out[name] = self.random.choice(choices)
        if model.name == "CreateBucket" and out.get("GrantFullControl"):
            del out["GrantFullControl"]  # of a bucket that is not made yet, nobody has it
        if "ACL" in out:  # one or the other, as clients do
            out.pop("GrantFullControl", None)
        return out


@pytest.fixture(scope="module")
def world(server, tmp_path_factory):
    iam = server.client("iam")
    buckets = Buckets(server)
    principals = {}
    for number, (name, statements) in enumerate(PRINCIPALS.items()):
        user = f"s3-{number}"
        arn = f"arn:aws:iam::{server.account}:user/{user}"
        if statements is None:
            principals[name] = {"arn": "*", "keys": None, "clients": {}, "shown": None}
            continue
        boundary = {}
        if name == "cut by a boundary":
            policy = iam.create_policy(PolicyName="s3-boundary", PolicyDocument=document(allow(["s3:Get*", "s3:List*"]), deny(StringEquals=OBJECT_RED)))
            boundary = {"PermissionsBoundary": policy["Policy"]["Arn"]}
        iam.create_user(UserName=user, **boundary)
        if statements:
            iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document(*statements))
        keys, shown = Credentials.of(iam.create_access_key(UserName=user)), arn
        if name == "a session":
            trust = document({"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"})
            shown = iam.create_role(RoleName="s3-asking", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
            iam.put_role_policy(RoleName="s3-asking", PolicyName="p", PolicyDocument=document(*statements))
            session = server.client_as(keys, "sts").assume_role(RoleArn=shown, RoleSessionName="session")
            keys, arn = Credentials.of(session), session["AssumedRoleUser"]["Arn"]
        principals[name] = {"arn": arn, "keys": keys, "clients": {}, "shown": shown}
    user_of = lambda name: principals[name]["shown"].rsplit("/", 1)[1]
    buckets.make(user_of("of the bucket"), user_of("denied by the bucket"))
    return {"buckets": buckets, "principals": principals, "own": own_client(server, tmp_path_factory.mktemp("models"))}


def operations():
    for file in ("s3", "s3control"):
        listing = yaml.safe_load((ROOT / "models" / f"{file}.yaml").read_text())
        for operation in listing["operations"]:
            yield pytest.param(file, operation, listing.get("renamed", {}).get(operation, operation), id=f"{file}:{operation}")


def client_of(server, principal, service):
    clients = principal["clients"]
    if service not in clients:
        client = clients[service] = server.client_as(principal["keys"], service)
        if service == "s3control":  # its clients put an account in front of the host, of which nobody knows the address
            at_once = lambda request, **_: setattr(request, "url", re.sub(r"//\d{12}\.", "//", request.url))
            for event in ("before-sign", "before-send"):
                client.meta.events.register(f"{event}.s3-control.*", at_once)
    return clients[service]


def send(server, principal, service, operation, arguments):
    """The error's code, or an empty text."""
    arguments = {name: io.BytesIO(value) if isinstance(value, bytes) else value for name, value in arguments.items()}
    try:
        answer = getattr(client_of(server, principal, service), botocore.xform_name(operation))(**arguments)
    except botocore.exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        return OF_STATUS.get(code, code)
    # DeleteObjects answers each key for itself: where all are refused, nothing was allowed.
    codes = [one["Code"] for one in answer.get("Errors", [])]
    return REFUSED if codes and codes == [REFUSED] * len(arguments["Delete"]["Objects"]) else ""


def context(entries):
    return [{"Key": key, "Values": value if isinstance(value, list) else [value]} for key, value in entries.items()]


def context_of(access):
    """The keys that the request brought, for questions about one action, and those that nobody can know."""
    known = ("s3:existingobjecttag", "s3:resourceaccount", *(key.lower() for key in CIRCUMSTANCES))
    brought = {key: value for key, value in (access.get("Context") or {}).items()
               if key.lower().startswith(("s3:", "aws:requesttag/", "aws:tagkeys")) and not key.lower().startswith(known)}
    return context({**brought, **CIRCUMSTANCES})


def ask(world, principal, operation, arguments):
    """(what is said: whether it is refused, or an error's code; the accesses)"""
    circumstances = {} if principal["keys"] is None else CIRCUMSTANCES
    written = json.dumps({name: value for name, value in arguments.items() if not isinstance(value, bytes)})
    try:
        answer = world["own"]("ExplainAccess", PrincipalArn=principal["arn"], Operation=f"s3:{operation}", Input=written, Context=context(circumstances))
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"], []
    return answer["Decision"] != "allowed", answer["Accesses"]


@pytest.mark.parametrize("service, operation, known_as", list(operations()))
def test_what_is_said_of_a_request_is_what_it_gets(server, world, service, operation, known_as):
    buckets = world["buckets"]
    model = server.client(service).meta.service_model.operation_model(known_as)
    inputs = Inputs(buckets, operation)
    wrong, asked = [], 0
    for number in range(INPUTS):
        arguments = inputs.of(model, number)
        said, accesses = {}, {}
        for name, principal in world["principals"].items():
            said[name], accesses[name] = ask(world, principal, operation, arguments)
            asked += 1
        # Of `*`, which account settings are about, questions do not know whose it is (docs/s3-compat.md).
        if service != "s3control":
            wrong += questions_about_actions(server, world, accesses, (operation, number))
        allowed = 0
        for name in sorted(world["principals"], key=lambda one: (said[one] is False, hash((number, one)))):
            if said[name] is False and allowed >= SENT_AFTER_ALLOWED:
                continue
            code = send(server, world["principals"][name], service, known_as, arguments)
            same = code == said[name] if isinstance(said[name], str) else (code == REFUSED) == said[name]
            if not same:
                wrong.append(f"{operation} {arguments} by {name}: said {said[name]}, got {code or 'allowed'}")
            if code != REFUSED:
                allowed += said[name] is False
                if not operation.startswith(("Head", *READING)) and buckets.restore() and "UploadId" in arguments:
                    break  # the input names an upload that is gone
    if operation == "PutAccountPublicAccessBlock":
        send(server, {"keys": server.root, "clients": {}}, service, "DeletePublicAccessBlock", {"AccountId": server.account})
    assert asked and not wrong, "\n".join(wrong)


def questions_about_actions(server, world, accesses, where):
    """Of each access that a request needs: who-can and the simulator say of everybody what the request's decision says."""
    wrong, by_question = [], {}
    for name, decided in accesses.items():
        for access in decided:
            # Of `*` a question does not say whose it is: it is about the asker's own account.
            if "AccountPublicAccessBlock" in access["Action"] and access.get("ResourceAccount", "") not in ("", server.account):
                continue
            if access.get("Rule") in ("public_policy_blocked", "bucket_owner_condition") or (where[0], access["Action"]) in BESIDE or name == "without credentials":
                continue  # what a request says, questions about one action do not know; the simulator knows nobody without credentials
            question = (access["Action"], access["Resource"], json.dumps(context_of(access), sort_keys=True))
            by_question.setdefault(question, {})[name] = access["Decision"] == "allowed"
    for (action, resource, said), decisions in by_question.items():
        entries = json.loads(said)
        answer = world["own"]("WhoCan", Action=action, Resource=resource, Context=entries)
        can = {one["Principal"].get("RoleArn") or one["Principal"].get("Arn") for one in answer["Principals"]}
        for name, allowed in decisions.items():
            arn = world["principals"][name]["shown"]
            what = f"{where} {action} on {resource} with {entries} by {name}: {'allowed' if allowed else 'refused'}"
            if (arn in can) is not allowed:
                wrong.append(f"{what}, and who-can says otherwise")
            if where[1] % 3:
                continue  # the simulator is asked one by one
            simulated = server.client("iam").simulate_principal_policy(
                PolicySourceArn=arn, ActionNames=[action], ResourceArns=[resource],
                ContextEntries=[{"ContextKeyName": one["Key"], "ContextKeyValues": one["Values"],
                                 "ContextKeyType": "stringList" if one["Key"].lower() in ("aws:tagkeys", "s3:requestobjecttagkeys") else "string"}
                                for one in entries])
            if (simulated["EvaluationResults"][0]["EvalDecision"] == "allowed") is not allowed:
                wrong.append(f"{what}, and the simulator says otherwise")
    return wrong
