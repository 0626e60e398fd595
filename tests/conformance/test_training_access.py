"""What a training job's workers may do, for how long, and who may start a job with which role."""
import itertools
import json
import random
import time

import pytest
from conftest import Credentials, allow, until
from test_sagemaker import (BUCKET, DEBIAN_PYTHON, SAGEMAKER, boto3_archive, channel, log_of, make_trainer, refusal, request, role_arn, run, wait)

PACKAGES = channel("packages", "packages/")
SEED = random.randrange(1_000_000)
NUMBERS = itertools.count()

# Runs in a worker: tries what it is told to and prints `TRIED <what> <ok or error code>`.
TRY = f"""mkdir /tmp/packages && tar -xf $SM_CHANNEL_PACKAGES/boto3.tar -C /tmp/packages; PYTHONPATH=/tmp/packages {DEBIAN_PYTHON} - <<'END'
import boto3, botocore.exceptions, os
s3 = boto3.client("s3")
def tried(what, call):
    try: call(); print("TRIED", what, "ok")
    except botocore.exceptions.ClientError as error: print("TRIED", what, error.response["Error"]["Code"])
def get(key, bucket="{BUCKET}"): tried("get " + key, lambda: s3.get_object(Bucket=bucket, Key=key)["Body"].read())
def put(key): tried("put " + key, lambda: s3.put_object(Bucket="{BUCKET}", Key=key, Body=b"x"))
def ls(prefix): tried("list " + prefix, lambda: s3.list_objects_v2(Bucket="{BUCKET}", Prefix=prefix))
host = os.environ["SM_CURRENT_HOST"]
@BODY@
END
"""
SHOW_CREDENTIALS = TRY.replace("@BODY@", """c = boto3.Session().get_credentials().get_frozen_credentials()
print("KEYS", c.access_key, c.secret_key, c.token)
import time; time.sleep(600)""")


@pytest.fixture(scope="module")
def world(server):
    make_trainer(server)
    s3 = server.client("s3")
    s3.put_object(Bucket=BUCKET, Key="packages/boto3.tar", Body=boto3_archive())
    for number in range(4):
        s3.put_object(Bucket=BUCKET, Key=f"data/train/part-{number}.txt", Body=f"part {number}".encode())
    for key in ("data/all/x", "data/private/x", "data/trainees/x", "data/listed/a", "data/listed/b"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    s3.put_object(Bucket=BUCKET, Key="data/the.manifest", Body=json.dumps([{"prefix": f"s3://{BUCKET}/data/listed/"}, "a"]).encode())
    return server


def results(server, name, host="algo-1"):
    """{what: ok or error code} of a worker's tries."""
    return dict(line.removeprefix("TRIED ").rsplit(" ", 1) for line in log_of(server, name, host).splitlines() if line.startswith("TRIED "))


def keys_of(server, name):
    """The credentials that a worker of a running job has shown."""
    logs = server.client("logs")

    def shown():
        events = logs.filter_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/", filterPattern="KEYS")["events"] \
            if logs.describe_log_groups(logGroupNamePrefix="/aws/sagemaker")["logGroups"] else []
        return events and Credentials(*events[0]["message"].split()[1:4])

    return until(shown, f"{name} shows its credentials")


def may_read(server, credentials, key):
    return refusal(server.client_as(credentials, "s3").get_object, Bucket=BUCKET, Key=key)


# --- What a worker may do.

def test_workers_may_do_what_their_job_names(world):
    body = """
for key in ("data/train/part-0.txt", "data/train/part-1.txt", "data/all/x", "data/private/x", "data/trainees/x",
            "data/the.manifest", "data/listed/a", "data/listed/b", "checkpoints/scoped/old", "models/scoped/output/model.tar.gz"):
    get(key)
for prefix in ("data/all/", "data/train/", "checkpoints/scoped/", "", "data/private/"): ls(prefix)
for key in ("models/scoped/notes/" + host, "checkpoints/scoped/" + host, "models/other/x", "data/all/x", "x"): put(key)
tried("delete", lambda: s3.delete_object(Bucket="%s", Key="checkpoints/scoped/" + host))
tried("assume", lambda: boto3.client("sts").assume_role(RoleArn="%s", RoleSessionName="again"))
tried("whoami", lambda: boto3.client("sts").get_caller_identity())
""" % (BUCKET, role_arn(world))
    world.client("s3").put_object(Bucket=BUCKET, Key="checkpoints/scoped/old", Body=b"old")
    world.client("iam").put_role_policy(RoleName="trainer", PolicyName="much", PolicyDocument=json.dumps(allow("s3:*", "sts:*", "sagemaker:*")))
    listed = channel("listed", "data/the.manifest")
    listed["DataSource"]["S3DataSource"]["S3DataType"] = "ManifestFile"
    job = run(world, "scoped", TRY.replace("@BODY@", body), ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1},
              InputDataConfig=[PACKAGES, channel("train", "data/train/", "ShardedByS3Key"), channel("all", "data/all/"), listed],
              CheckpointConfig={"S3Uri": f"s3://{BUCKET}/checkpoints/scoped"})
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    for number, host in ((0, "algo-1"), (1, "algo-2")):
        assert results(world, "scoped", host) == {
            f"get data/train/part-{number}.txt": "ok", f"get data/train/part-{1 - number}.txt": "AccessDenied",  # the other's shard
            "get data/all/x": "ok", "get data/private/x": "AccessDenied", "get data/trainees/x": "AccessDenied",
            "get data/the.manifest": "ok", "get data/listed/a": "ok", "get data/listed/b": "AccessDenied",
            "get checkpoints/scoped/old": "ok", "get models/scoped/output/model.tar.gz": "AccessDenied",
            "list data/all/": "ok", "list data/train/": "ok", "list checkpoints/scoped/": "ok", "list ": "AccessDenied", "list data/private/": "AccessDenied",
            f"put models/scoped/notes/{host}": "ok", f"put checkpoints/scoped/{host}": "ok", "put models/other/x": "AccessDenied",
            "put data/all/x": "AccessDenied", "put x": "AccessDenied",
            "delete": "AccessDenied", "assume": "AccessDenied", "whoami": "ok"}, host


def test_a_channel_of_another_instance_group_cannot_be_read(world):
    groups = [{"InstanceGroupName": "first", "InstanceType": "ml.m5.large", "InstanceCount": 1},
              {"InstanceGroupName": "second", "InstanceType": "ml.m5.large", "InstanceCount": 1}]
    channels = [PACKAGES, channel("private", "data/private/"), channel("all", "data/all/")]
    for of_one, group in zip(channels[1:], ("first", "second")):
        of_one["DataSource"]["S3DataSource"]["InstanceGroupNames"] = [group]
    job = run(world, "groups", TRY.replace("@BODY@", 'get("data/private/x"); get("data/all/x"); ls("data/private/")'),
              ResourceConfig={"InstanceGroups": groups, "VolumeSizeInGB": 1}, InputDataConfig=channels)
    assert job["TrainingJobStatus"] == "Completed", job
    assert results(world, "groups", "algo-1") == {"get data/private/x": "ok", "get data/all/x": "AccessDenied", "list data/private/": "ok"}
    assert results(world, "groups", "algo-2") == {"get data/private/x": "AccessDenied", "get data/all/x": "ok",
                                                  "list data/private/": "AccessDenied"}


def test_a_refusal_by_the_scope_is_explained_by_it(world):
    body = """
try: s3.get_object(Bucket="%s", Key="data/private/x")
except botocore.exceptions.ClientError as error: print("SAID", error.response["Error"]["Message"])
""" % BUCKET
    run(world, "explained", TRY.replace("@BODY@", body), InputDataConfig=[PACKAGES, channel("all", "data/all/")])
    assert "because no session policy allows the s3:GetObject action" in log_of(world, "explained")


def test_the_whole_role_is_for_those_who_may_have_it(world, make_user):
    script = TRY.replace("@BODY@", 'get("data/private/x")')
    wanted = {"Environment": {"TRAINWARDEN_SCOPE": "role"}}
    assert run(world, "whole-role", script, InputDataConfig=[PACKAGES], **wanted)["TrainingJobStatus"] == "Completed"
    assert results(world, "whole-role") == {"get data/private/x": "ok"}
    # A policy tells by the condition key, of the job or of the passed role.
    scope = {"StringEquals": {"trainwarden:TrainingScope": "job"}}
    for number, (create, passing) in enumerate([(scope, {}), ({}, scope)]):
        user = make_user(f"narrow-{number}", allow("sagemaker:CreateTrainingJob", **create), allow("iam:PassRole", **passing))
        client = world.client_as(user, "sagemaker")
        code, _ = refusal(client.create_training_job, **request(world, f"narrow-{number}", "true", **wanted))
        assert code == "AccessDeniedException"
        client.create_training_job(**request(world, f"narrow-{number}", "true"))
        assert wait(world, f"narrow-{number}")["TrainingJobStatus"] == "Completed"


# --- For how long.

def test_credentials_end_with_the_job(world):
    sagemaker = world.client("sagemaker")
    sagemaker.create_training_job(**request(world, "ends", SHOW_CREDENTIALS, InputDataConfig=[PACKAGES, channel("all", "data/all/")]))
    keys = keys_of(world, "ends")
    read = {"Bucket": BUCKET, "Key": "data/all/x"}
    assert world.client_as(keys, "s3").get_object(**read)["Body"].read() == b"x"
    sagemaker.stop_training_job(TrainingJobName="ends")
    wait(world, "ends")
    assert may_read(world, keys, "data/all/x")[0] == "ExpiredToken"
    assert refusal(world.client_as(keys, "sts").get_caller_identity)[0] == "ExpiredToken"


def test_revocation_takes_effect_on_the_next_request(world, make_role):
    iam, sagemaker = world.client("iam"), world.client("sagemaker")
    role = make_role("revoked", SAGEMAKER, allow("s3:ListBucket", "s3:PutObject"))
    read = iam.create_policy(PolicyName="read-all", PolicyDocument=json.dumps(allow("s3:GetObject")))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="revoked", PolicyArn=read)
    sagemaker.create_training_job(**request(world, "revoked", SHOW_CREDENTIALS, RoleArn=role, InputDataConfig=[PACKAGES, channel("all", "data/all/")]))
    keys = keys_of(world, "revoked")
    s3 = world.client_as(keys, "s3")
    where = {"Bucket": BUCKET, "Key": "data/all/x"}
    s3.get_object(**where)
    iam.detach_role_policy(RoleName="revoked", PolicyArn=read)
    assert refusal(s3.get_object, **where)[0] == "AccessDenied"
    iam.attach_role_policy(RoleName="revoked", PolicyArn=read)
    s3.get_object(**where)
    # What the console's "Revoke active sessions" puts there.
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    iam.put_role_policy(RoleName="revoked", PolicyName="AWSRevokeOlderSessions", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Action": ["*"], "Resource": ["*"], "Condition": {"DateLessThan": {"aws:TokenIssueTime": now}}}]}))
    code, message = refusal(s3.get_object, **where)
    assert code == "AccessDenied" and "explicit deny" in message
    iam.delete_role_policy(RoleName="revoked", PolicyName="AWSRevokeOlderSessions")
    s3.get_object(**where)
    iam.delete_role_policy(RoleName="revoked", PolicyName="policy-0")
    iam.detach_role_policy(RoleName="revoked", PolicyArn=read)
    iam.delete_role(RoleName="revoked")
    assert refusal(s3.get_object, **where)[0] in ("InvalidAccessKeyId", "InvalidToken", "InvalidClientTokenId")
    sagemaker.stop_training_job(TrainingJobName="revoked")
    wait(world, "revoked")


def test_a_chained_session_is_no_way_out_of_a_job(world):
    """A worker with the whole role assumes another: what it gets ends with the job, too."""
    iam, sagemaker = world.client("iam"), world.client("sagemaker")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": role_arn(world)}, "Action": "sts:AssumeRole"}]}
    iam.create_role(RoleName="next", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName="next", PolicyName="read", PolicyDocument=json.dumps(allow("s3:GetObject")))
    iam.put_role_policy(RoleName="trainer", PolicyName="assume", PolicyDocument=json.dumps(allow("sts:AssumeRole")))
    script = TRY.replace("@BODY@", """c = boto3.client("sts").assume_role(RoleArn="%s", RoleSessionName="chained")["Credentials"]
print("KEYS", c["AccessKeyId"], c["SecretAccessKey"], c["SessionToken"])
import time; time.sleep(600)""" % role_arn(world, "next"))
    sagemaker.create_training_job(**request(world, "chains", script, InputDataConfig=[PACKAGES], Environment={"TRAINWARDEN_SCOPE": "role"}))
    keys = keys_of(world, "chains")
    assert ":assumed-role/next/chained" in world.client_as(keys, "sts").get_caller_identity()["Arn"]
    world.client_as(keys, "s3").get_object(Bucket=BUCKET, Key="data/private/x")
    sagemaker.stop_training_job(TrainingJobName="chains")
    wait(world, "chains")
    assert may_read(world, keys, "data/private/x")[0] == "ExpiredToken"


# --- Who may start a job.

@pytest.mark.parametrize("statement, changes, code", [
    # Both names of the KMS keys; a policy that lets them pass meets what this server has no keys for.
    ({"ArnLike": {"sagemaker:OutputKmsKey": "arn:aws:kms:*:*:key/good"}}, {"OutputDataConfig": {"KmsKeyId": "good"}}, "ValidationException"),
    ({"ArnLike": {"sagemaker:OutputKmsKeyArn": "arn:aws:kms:*:*:key/good"}}, {"OutputDataConfig": {"KmsKeyId": "good"}}, "ValidationException"),
    ({"ArnLike": {"sagemaker:OutputKmsKey": "arn:aws:kms:*:*:key/good"}}, {"OutputDataConfig": {"KmsKeyId": "bad"}}, "AccessDeniedException"),
    ({"Null": {"sagemaker:OutputKmsKeyArn": "false"}}, {}, "AccessDeniedException"),
    ({"ArnEquals": {"sagemaker:VolumeKmsKey": "arn:aws:kms:us-east-1:111122223333:key/v"}},
     {"ResourceConfig": {"VolumeKmsKeyId": "arn:aws:kms:us-east-1:111122223333:key/v"}}, "ValidationException"),
    ({"ArnEquals": {"sagemaker:VolumeKmsKeyArn": "arn:aws:kms:us-east-1:111122223333:key/v"}}, {}, "AccessDeniedException"),
    ({"NumericLessThanEquals": {"sagemaker:KeepAlivePeriod": "600"}}, {"ResourceConfig": {"KeepAlivePeriodInSeconds": 601}}, "AccessDeniedException"),
    ({"NumericLessThanEquals": {"sagemaker:KeepAlivePeriod": "600"}}, {"ResourceConfig": {"KeepAlivePeriodInSeconds": 600}}, "ValidationException"),
    ({"ForAllValues:StringEquals": {"sagemaker:VpcSecurityGroupIds": ["sg-1"]}}, {"VpcConfig": {"Subnets": ["s-1"], "SecurityGroupIds": ["sg-1", "sg-2"]}},
     "AccessDeniedException"),
    ({"ForAllValues:StringEquals": {"sagemaker:VpcSecurityGroupIds": ["sg-1", "sg-2"]}},
     {"VpcConfig": {"Subnets": ["s-1"], "SecurityGroupIds": ["sg-1", "sg-2"]}}, None),
    ({"Bool": {"sagemaker:NetworkIsolation": "true"}}, {}, "AccessDeniedException"),
    ({"Bool": {"sagemaker:EnableRemoteDebug": "false"}}, {"RemoteDebugConfig": {"EnableRemoteDebug": True}}, "AccessDeniedException"),
    ({"StringEquals": {"sagemaker:FileSystemType": "EFS"}}, {}, "AccessDeniedException"),
    ({"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}, {"Tags": [{"Key": "team", "Value": "a"}, {"Key": "other", "Value": "b"}]}, "AccessDeniedException"),
    ({"StringEquals": {"trainwarden:TrainingScope": "role"}}, {}, "AccessDeniedException"),
])
def test_condition_keys(world, make_user, statement, changes, code):
    name = f"keys-{next(NUMBERS)}"
    user = make_user(name, allow("sagemaker:CreateTrainingJob", **statement), allow("iam:PassRole", "sagemaker:AddTags"))
    wanted = request(world, name, "true")
    for member, value in changes.items():
        wanted[member] = {**wanted[member], **value} if isinstance(wanted.get(member), dict) else value
    if code is None:
        world.client_as(user, "sagemaker").create_training_job(**wanted)
        assert wait(world, name)["TrainingJobStatus"] == "Completed"
    else:
        assert refusal(world.client_as(user, "sagemaker").create_training_job, **wanted)[0] == code


def test_tags_at_creation_and_pass_role_have_keys_of_their_own(world, make_user):
    tags = [{"Key": "team", "Value": "vision"}]
    create = allow("sagemaker:CreateTrainingJob")
    adds = make_user("adds-tags", create, allow("iam:PassRole"), allow("sagemaker:AddTags", StringEquals={"sagemaker:TaggingAction": "CreateTrainingJob"}))
    world.client_as(adds, "sagemaker").create_training_job(**request(world, "adds-tags", "true", Tags=tags))
    arn = wait(world, "adds-tags")["TrainingJobArn"]
    assert refusal(world.client_as(adds, "sagemaker").add_tags, ResourceArn=arn, Tags=tags)[0] == "AccessDeniedException"
    mine = f"arn:aws:sagemaker:*:{world.account}:training-job/bound-*"
    bound = make_user("bound", create, allow("iam:PassRole", ArnLike={"iam:AssociatedResourceArn": mine}, StringEquals={"iam:PassedToService": SAGEMAKER}))
    world.client_as(bound, "sagemaker").create_training_job(**request(world, "bound-1", "true"))
    wait(world, "bound-1")
    code, message = refusal(world.client_as(bound, "sagemaker").create_training_job, **request(world, "unbound-1", "true"))
    assert code == "AccessDeniedException" and "iam:PassRole" in message


def test_only_the_session_s_own_tags_are_chained(world):
    """Tags of the creator's role are not the creator's to pass on."""
    iam = world.client("iam")
    owner = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{world.account}:root"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    iam.create_role(RoleName="tagged-creator", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [owner]}),
                    Tags=[{"Key": "tenant", "Value": "red"}])
    iam.put_role_policy(RoleName="tagged-creator", PolicyName="train", PolicyDocument=json.dumps(allow("sagemaker:*", "iam:PassRole")))
    service = {"Effect": "Allow", "Principal": {"Service": SAGEMAKER}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    iam.create_role(RoleName="by-tenant", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [service]}))
    iam.put_role_policy(RoleName="by-tenant", PolicyName="own", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:PutObject"], "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {"StringEquals": {"aws:PrincipalTag/tenant": "red"}}}]}))
    iam.create_user(UserName="opener")
    iam.put_user_policy(UserName="opener", PolicyName="assume", PolicyDocument=json.dumps(allow("sts:AssumeRole", "sts:TagSession")))
    opener = iam.create_access_key(UserName="opener")
    job = {"RoleArn": role_arn(world, "by-tenant"), "InputDataConfig": [channel("all", "data/all/")], "SessionChainingConfig": {"EnableSessionTagChaining": True}}
    for name, tags in (("own-tag", [{"Key": "tenant", "Value": "red"}]), ("role-tag", [])):
        session = world.client_as(opener, "sts").assume_role(RoleArn=role_arn(world, "tagged-creator"), RoleSessionName=name, Tags=tags)
        client = world.client_as(session, "sagemaker")
        if tags:
            client.create_training_job(**request(world, name, "true", **job))
            assert wait(world, name)["TrainingJobStatus"] == "Completed"
        else:
            code, message = refusal(client.create_training_job, **request(world, name, "true", **job))
            assert code == "ValidationException" and "s3:GetObject" in message


def test_a_source_identity_stays_with_the_job(world):
    iam = world.client("iam")
    owner = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{world.account}:root"}, "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"]}
    iam.create_role(RoleName="studio", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [owner]}))
    iam.put_role_policy(RoleName="studio", PolicyName="train", PolicyDocument=json.dumps(allow("sagemaker:*", "iam:PassRole")))
    service = {"Effect": "Allow", "Principal": {"Service": SAGEMAKER}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [service]}
    iam.create_role(RoleName="by-person", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName="by-person", PolicyName="own", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:PutObject"], "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {"StringEquals": {"aws:SourceIdentity": "alice"}}}]}))
    iam.create_user(UserName="front-door")
    iam.put_user_policy(UserName="front-door", PolicyName="assume", PolicyDocument=json.dumps(allow("sts:AssumeRole", "sts:SetSourceIdentity")))
    door = iam.create_access_key(UserName="front-door")

    def create(name, person):
        session = world.client_as(door, "sts").assume_role(RoleArn=role_arn(world, "studio"), RoleSessionName=person, SourceIdentity=person)
        return world.client_as(session, "sagemaker").create_training_job, request(
            world, name, "true", RoleArn=role_arn(world, "by-person"), InputDataConfig=[channel("all", "data/all/")])

    call, wanted = create("of-alice", "alice")
    code, message = refusal(call, **wanted)  # like role chaining: the role must let its sessions have one
    assert code == "ValidationException" and message.startswith("Could not assume role")
    service["Action"] = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    iam.update_assume_role_policy(RoleName="by-person", PolicyDocument=json.dumps(trust))
    call(**wanted)
    assert wait(world, "of-alice")["TrainingJobStatus"] == "Completed"
    call, wanted = create("of-bob", "bob")
    assert "s3:GetObject" in refusal(call, **wanted)[1]


def test_nobody_gets_a_role_s_data_without_passing_it(world, make_role, make_user):
    """Property: whatever else a caller's policies grant, a job runs as a role, and what it reads becomes visible, only if the caller may pass
    that role to SageMaker. Callers and requests are drawn at random; the oracle is a plain reading of what was drawn."""
    draw = random.Random(SEED)
    print("seed", SEED)
    s3 = world.client("s3")
    roles = {}
    for name in ("vault-a", "vault-b"):
        s3.put_object(Bucket=BUCKET, Key=f"{name}/secret", Body=f"secret of {name} {SEED}".encode())
        roles[name] = make_role(name, SAGEMAKER, allow("s3:ListBucket"), allow("s3:GetObject", resource=f"arn:aws:s3:::{BUCKET}/{name}/*"),
                                allow("s3:PutObject", resource=f"arn:aws:s3:::{BUCKET}/models/*"))
    started = refused = 0
    for number in range(40):
        statements, may_pass, denied = [{"Effect": "Allow", "Action": draw.choice(["sagemaker:*", "sagemaker:CreateTrainingJob", "*"]), "Resource": "*"}], set(), set()
        if statements[0]["Action"] == "*":
            may_pass |= set(roles)
        for _ in range(draw.randrange(3)):
            name = draw.choice(sorted(roles))
            resource, covered = draw.choice([(roles[name], {name}), (roles[name] + "x", set()), (f"arn:aws:iam::{world.account}:role/vault-*", set(roles)),
                                             (f"arn:aws:iam::*:role/{name}", {name})])
            service, fits = draw.choice([(SAGEMAKER, True), ("ec2.amazonaws.com", False), (None, True)])
            effect = draw.choice(["Allow", "Allow", "Deny"])
            statement = {"Effect": effect, "Action": draw.choice(["iam:PassRole", "iam:Pass*", "iam:*"]), "Resource": resource}
            if service:
                statement["Condition"] = {"StringEquals": {"iam:PassedToService": service}}
            statements.append(statement)
            if fits and effect == "Allow":
                may_pass |= covered
            if fits and effect == "Deny":
                denied |= covered
        user = world.client_as(make_user(f"drawn-{number}", {"Version": "2012-10-17", "Statement": statements}), "sagemaker")
        target = draw.choice(sorted(roles))
        data = draw.choice(sorted(roles))
        name = f"drawn-{number}"
        wanted = request(world, name, "cat /opt/ml/input/data/vault/secret", RoleArn=roles[target], InputDataConfig=[channel("vault", f"{data}/")],
                         Environment=draw.choice([{}, {"TRAINWARDEN_SCOPE": "role"}]))
        try:
            user.create_training_job(**wanted)
        except user.exceptions.ClientError as error:
            refused += 1
            code = error.response["Error"]["Code"]
            if target in may_pass - denied:
                assert (code, data == target) == ("ValidationException", False), (statements, wanted, error)
            else:
                assert code == "AccessDeniedException" and "iam:PassRole" in str(error), (statements, wanted, error)
            assert refusal(world.client("sagemaker").describe_training_job, TrainingJobName=name)[1] == "Requested resource not found."
            continue
        started += 1
        assert target in may_pass - denied and data == target, (statements, wanted)
        assert wait(world, name)["TrainingJobStatus"] == "Completed"
        assert log_of(world, name) == f"secret of {target} {SEED}"
    assert started > 0 and refused > 0
