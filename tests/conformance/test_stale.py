"""No request that begins after a change was answered is decided by what was before it: principals are prepared once and kept, and every
kind of change must be seen by the next request. Readers ask without pause while a writer changes who may read; each answer of a reader
is judged by the changes that were answered before it began, if none was under way while it was asked.

Unit level, leases included: src/identity/prepared_test.cpp."""

import http.client
import json
import threading
import time

import pytest
from conftest import Credentials
from test_decided import iam_request, job_request, signed
from test_sagemaker import make_trainer, run, wait

BUCKET = "kept-principals"
CHANGES = 24
READERS = 3


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions, resource="*", **more):
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


@pytest.fixture(scope="module")
def world(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"bytes")
    iam = server.client("iam")
    server.reading = iam.create_policy(PolicyName="Reading", PolicyDocument=policy(allow("s3:GetObject")))["Policy"]["Arn"]
    server.listing = iam.create_policy(PolicyName="Listing", PolicyDocument=policy(allow("s3:ListBucket")))["Policy"]["Arn"]
    return server


def user(server, name):
    iam = server.client("iam")
    iam.create_user(UserName=name)
    return Credentials.of(iam.create_access_key(UserName=name))


def session(server, name):
    """Of a role that the user `assumer` may assume."""
    iam = server.client("iam")
    if not hasattr(server, "assumer"):
        server.assumer = user(server, "assumer")
        iam.put_user_policy(UserName="assumer", PolicyName="p", PolicyDocument=policy(allow("sts:AssumeRole")))
    trust = policy({"Effect": "Allow", "Principal": {"AWS": server.account}, "Action": "sts:AssumeRole"})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    return Credentials.of(server.client_as(server.assumer, "sts").assume_role(RoleArn=arn, RoleSessionName="reader"))


# Each makes somebody, and returns their credentials (None: none) and two changes: one after which they may read, and one after which they may
# not. What they read is the object `k`, or what a request stands for that comes fourth: a path, or a body and headers.

def attached(server, iam):
    who = session(server, "attached")
    names = {"RoleName": "attached", "PolicyArn": server.reading}
    return who, lambda: iam.attach_role_policy(**names), lambda: iam.detach_role_policy(**names)


def inlined(server, iam):
    who = session(server, "inlined")
    names = {"RoleName": "inlined", "PolicyName": "p"}
    return who, lambda: iam.put_role_policy(**names, PolicyDocument=policy(allow("s3:GetObject"))), lambda: iam.delete_role_policy(**names)


def denied(server, iam):
    who = user(server, "denied")
    iam.attach_user_policy(UserName="denied", PolicyArn=server.reading)
    names = {"UserName": "denied", "PolicyName": "p"}
    deny = policy({**allow("s3:*"), "Effect": "Deny"})
    iam.put_user_policy(**names, PolicyDocument=deny)
    return who, lambda: iam.delete_user_policy(**names), lambda: iam.put_user_policy(**names, PolicyDocument=deny)


def bounded(server, iam):
    who = session(server, "bounded")
    iam.attach_role_policy(RoleName="bounded", PolicyArn=server.reading)
    iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=server.listing)
    return (who, lambda: iam.delete_role_permissions_boundary(RoleName="bounded"),
            lambda: iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=server.listing))


def member(server, iam):
    who = user(server, "member")
    iam.create_group(GroupName="readers")
    iam.attach_group_policy(GroupName="readers", PolicyArn=server.reading)
    names = {"GroupName": "readers", "UserName": "member"}
    return who, lambda: iam.add_user_to_group(**names), lambda: iam.remove_user_from_group(**names)


def grouped(server, iam):
    who = user(server, "grouped")
    iam.create_group(GroupName="changing")
    iam.add_user_to_group(GroupName="changing", UserName="grouped")
    names = {"GroupName": "changing", "PolicyArn": server.reading}
    return who, lambda: iam.attach_group_policy(**names), lambda: iam.detach_group_policy(**names)


def versioned(server, iam):
    arn = iam.create_policy(PolicyName="Versioned", PolicyDocument=policy(allow("s3:GetObject")))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(allow("s3:ListBucket")), SetAsDefault=False)
    who = session(server, "versioned")
    iam.attach_role_policy(RoleName="versioned", PolicyArn=arn)
    return (who, lambda: iam.set_default_policy_version(PolicyArn=arn, VersionId="v1"),
            lambda: iam.set_default_policy_version(PolicyArn=arn, VersionId="v2"))


def keyed(server, iam):
    who = user(server, "keyed")
    iam.attach_user_policy(UserName="keyed", PolicyArn=server.reading)
    names = {"UserName": "keyed", "AccessKeyId": who.access_key_id}
    return who, lambda: iam.update_access_key(**names, Status="Active"), lambda: iam.update_access_key(**names, Status="Inactive")


def tagged(server, iam):
    who = user(server, "tagged")
    iam.put_user_policy(UserName="tagged", PolicyName="p", PolicyDocument=policy(
        allow("s3:GetObject", Condition={"StringEquals": {"aws:PrincipalTag/team": "vision"}})))
    return (who, lambda: iam.tag_user(UserName="tagged", Tags=[{"Key": "team", "Value": "vision"}]),
            lambda: iam.untag_user(UserName="tagged", TagKeys=["team"]))


def granted(server, iam):
    """By the bucket: nothing of that is kept with the principal."""
    who = user(server, "granted")
    s3 = server.client("s3")
    grant = policy(allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*", Principal={"AWS": f"arn:aws:iam::{server.account}:user/granted"}))
    return who, lambda: s3.put_bucket_policy(Bucket=BUCKET, Policy=grant), lambda: s3.delete_bucket_policy(Bucket=BUCKET)


def key_of(who):
    return who.access_key_id, who.secret_access_key


def presigned(server, who, bucket, key):
    url = server.client_as(who, "s3").generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=3600)
    return url[len(server.endpoint):]


def public(server, iam):
    """By Block Public Access: a policy for everybody counts, or for nobody."""
    s3, bucket = server.client("s3"), "kept-public"
    s3.create_bucket(Bucket=bucket)
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"bytes")
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal="*")))
    restrict = lambda yes: s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": yes})
    return None, lambda: restrict(False), lambda: restrict(True), f"/{bucket}/k"


def remade(server, iam):
    """By the bucket, which is removed and made anew: its policy went with it."""
    who = user(server, "remade")
    s3, bucket = server.client("s3"), "kept-remade"
    grant = policy(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal={"AWS": f"arn:aws:iam::{server.account}:user/remade"}))

    def make():
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="k", Body=b"bytes")

    def again():
        s3.delete_object(Bucket=bucket, Key="k")
        s3.delete_bucket(Bucket=bucket)
        make()

    make()
    return who, lambda: s3.put_bucket_policy(Bucket=bucket, Policy=grant), again, presigned(server, who, bucket, "k")


def marked(server, iam):
    """By the object's tags."""
    who, s3 = user(server, "marked"), server.client("s3")
    s3.put_object(Bucket=BUCKET, Key="marked", Body=b"bytes")
    iam.put_user_policy(UserName="marked", PolicyName="p", PolicyDocument=policy(
        allow("s3:GetObject", Condition={"StringEquals": {"s3:ExistingObjectTag/team": "vision"}})))
    names = {"Bucket": BUCKET, "Key": "marked"}
    return (who, lambda: s3.put_object_tagging(**names, Tagging={"TagSet": [{"Key": "team", "Value": "vision"}]}),
            lambda: s3.delete_object_tagging(**names), presigned(server, who, BUCKET, "marked"))


def rewritten(server, iam):
    """By the tags that come with each of the object's versions, one over the other."""
    who, s3 = user(server, "rewritten"), server.client("s3")
    s3.put_object(Bucket=BUCKET, Key="rewritten", Body=b"bytes")
    iam.put_user_policy(UserName="rewritten", PolicyName="p", PolicyDocument=policy(
        allow("s3:GetObject"), {**allow("s3:GetObject", Condition={"Null": {"s3:ExistingObjectTag/secret": "false"}}), "Effect": "Deny"}))
    names = {"Bucket": BUCKET, "Key": "rewritten", "Body": b"bytes"}
    return who, lambda: s3.put_object(**names), lambda: s3.put_object(**names, Tagging="secret=1"), presigned(server, who, BUCKET, "rewritten")


def described(server, iam):
    """By the tags of the role that is asked about."""
    who = user(server, "described")
    iam.create_role(RoleName="described", AssumeRolePolicyDocument=policy({**TRUSTS_NOBODY}))
    iam.put_user_policy(UserName="described", PolicyName="p", PolicyDocument=policy(
        allow("iam:GetRole", Condition={"StringEquals": {"aws:ResourceTag/team": "vision"}})))
    return (who, lambda: iam.tag_role(RoleName="described", Tags=[{"Key": "team", "Value": "vision"}]),
            lambda: iam.untag_role(RoleName="described", TagKeys=["team"]), iam_request(server, key_of(who), "GetRole", RoleName="described"))


def job(server, iam):
    """By the tags of a training job."""
    make_trainer(server)
    run(server, "kept", "true")
    wait(server, "kept")
    who, sagemaker = user(server, "job"), server.client("sagemaker")
    arn = f"arn:aws:sagemaker:{server.region}:{server.account}:training-job/kept"
    iam.put_user_policy(UserName="job", PolicyName="p", PolicyDocument=policy(
        allow("sagemaker:DescribeTrainingJob", Condition={"StringEquals": {"aws:ResourceTag/team": "vision"}})))
    return (who, lambda: sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "vision"}]),
            lambda: sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"]), job_request(server, key_of(who), "DescribeTrainingJob", TrainingJobName="kept"))


TRUSTS_NOBODY = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}


def assume_request(server, who, role):
    body = f"Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::{server.account}:role/{role}&RoleSessionName=reader"
    return signed(server, key_of(who), "sts", body.replace(":", "%3A").replace("/", "%2F"), {"Content-Type": "application/x-www-form-urlencoded"})


def trusted(server, iam):
    """By the role's trust policy, of who assumes it."""
    who = user(server, "trusted")
    iam.put_user_policy(UserName="trusted", PolicyName="p", PolicyDocument=policy(allow("sts:AssumeRole")))
    iam.create_role(RoleName="trusting", AssumeRolePolicyDocument=policy(TRUSTS_NOBODY))
    trust = lambda statement: iam.update_assume_role_policy(RoleName="trusting", PolicyDocument=policy(statement))
    yes = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{server.account}:user/trusted"}, "Action": "sts:AssumeRole"}
    return who, lambda: trust(yes), lambda: trust(TRUSTS_NOBODY), assume_request(server, who, "trusting")


def reborn(server, iam):
    """By the role, which is removed and made anew."""
    who = user(server, "reborn")
    iam.put_user_policy(UserName="reborn", PolicyName="p", PolicyDocument=policy(allow("sts:AssumeRole")))
    yes = {"Effect": "Allow", "Principal": {"AWS": server.account}, "Action": "sts:AssumeRole"}
    return (who, lambda: iam.create_role(RoleName="reborn", AssumeRolePolicyDocument=policy(yes)), lambda: iam.delete_role(RoleName="reborn"),
            assume_request(server, who, "reborn"))


def capped(server, iam):
    """By the managed policy that is the session's policy."""
    session(server, "capped")
    iam.attach_role_policy(RoleName="capped", PolicyArn=server.reading)
    arn = iam.create_policy(PolicyName="Cap", PolicyDocument=policy(allow("s3:GetObject")))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(allow("s3:ListBucket")), SetAsDefault=False)
    who = Credentials.of(server.client_as(server.assumer, "sts").assume_role(
        RoleArn=f"arn:aws:iam::{server.account}:role/capped", RoleSessionName="reader", PolicyArns=[{"arn": arn}]))
    return (who, lambda: iam.set_default_policy_version(PolicyArn=arn, VersionId="v1"),
            lambda: iam.set_default_policy_version(PolicyArn=arn, VersionId="v2"))


def remembered(server, iam):
    """By the tags of the role, which its sessions have."""
    who = session(server, "remembered")
    iam.put_role_policy(RoleName="remembered", PolicyName="p", PolicyDocument=policy(
        allow("s3:GetObject", Condition={"StringEquals": {"aws:PrincipalTag/team": "vision"}})))
    return (who, lambda: iam.tag_role(RoleName="remembered", Tags=[{"Key": "team", "Value": "vision"}]),
            lambda: iam.untag_role(RoleName="remembered", TagKeys=["team"]))


def regrouped(server, iam):
    """By a group that is removed and made anew, and its policy with it."""
    who = user(server, "regrouped")
    names = {"GroupName": "passing"}

    def let():
        iam.create_group(**names)
        iam.add_user_to_group(**names, UserName="regrouped")
        iam.put_group_policy(**names, PolicyName="p", PolicyDocument=policy(allow("s3:GetObject")))

    def stop():
        iam.delete_group_policy(**names, PolicyName="p")
        iam.remove_user_from_group(**names, UserName="regrouped")
        iam.delete_group(**names)

    return who, let, stop


@pytest.mark.parametrize("make", [attached, inlined, denied, bounded, member, grouped, versioned, keyed, tagged, granted, public, remade, marked, rewritten,
                                  described, job, trusted, reborn, capped, remembered, regrouped], ids=lambda make: make.__name__)
def test_the_next_request_sees_every_change(world, make):
    who, let, stop_it, *asked = make(world, world.client("iam"))
    asked = asked[0] if asked else presigned(world, who, BUCKET, "k")
    request = ("GET", asked) if isinstance(asked, str) else ("POST", "/", *asked)
    spans = []    # of changes: begun, answered, may they read after it
    answers = []  # of readers: begun, answered, did they
    done, errors = threading.Event(), []

    def read(connection):
        begun = time.monotonic()
        connection.request(*request)
        answer = connection.getresponse()
        body = answer.read()
        # While a bucket is made anew, it is not there.
        assert answer.status in (200, 403) or b"AccessDenied" in body or b"NoSuch" in body, body
        answers.append((begun, time.monotonic(), answer.status == 200))
        return answer.status == 200

    def reader():
        try:
            connection = http.client.HTTPConnection("127.0.0.1", world.port, timeout=30)
            while not done.is_set():
                read(connection)
        except BaseException as error:
            errors.append(error)

    own = http.client.HTTPConnection("127.0.0.1", world.port, timeout=30)
    threads = [threading.Thread(target=reader) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        for number in range(CHANGES):
            allowed = number % 2 == 0
            begun = time.monotonic()
            (let if allowed else stop_it)()
            spans.append((begun, time.monotonic(), allowed))
            assert read(own) == allowed, f"change {number}"  # the first request after the answer, for certain
            time.sleep(0.02)
    finally:
        done.set()
        for thread in threads:
            thread.join(60)
    assert not errors, errors[0]
    judged = 0
    for begun, ended, may in answers:
        before = [span for span in spans if span[1] <= begun]
        if not before or any(span[0] <= ended and span[1] > begun for span in spans):
            continue  # a change was under way: either answer is right
        judged += 1
        assert may == before[-1][2], f"a request begun {begun - before[-1][1]:.6f} s after a change was answered was decided without it"
    assert judged > CHANGES


# ---- requests that are held open

def held_open(server, who, service, target, change, body, headers=(), method="POST"):
    """The answer to a request whose last byte is sent after the change was answered."""
    from botocore.auth import S3SigV4Auth, SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials as Keys
    url = f"{server.endpoint}{target}"
    request = AWSRequest(method, url, data=body, headers=dict(headers))
    auth = S3SigV4Auth if service == "s3" else SigV4Auth
    auth(Keys(who.access_key_id, who.secret_access_key, who.session_token), service, "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": f"127.0.0.1:{server.port}", **dict(request.headers), "Content-Length": str(len(body))}.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(body[:-1])
    time.sleep(0.5)  # the head and most of the body are there
    change()
    connection.send(body[-1:])
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize("taken", ["policy", "key", "inactive key", "user"])
@pytest.mark.parametrize("operation", ["iam:CreateAccessKey", "s3:DeleteObjects"])
def test_a_request_is_decided_once_it_is_whole(world, operation, taken):
    import base64
    import hashlib
    name = f"held-{taken.split()[0]}-{operation[:2]}"
    iam = world.client("iam")
    who = user(world, name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(allow("*")))

    def change():
        if taken in ("policy", "user"):
            iam.delete_user_policy(UserName=name, PolicyName="p")
        if taken == "inactive key":
            iam.update_access_key(UserName=name, AccessKeyId=who.access_key_id, Status="Inactive")
        if taken in ("key", "user"):
            iam.delete_access_key(UserName=name, AccessKeyId=who.access_key_id)
        if taken == "user":
            iam.delete_user(UserName=name)

    if operation == "iam:CreateAccessKey":
        body = b"Action=CreateAccessKey&Version=2010-05-08&UserName=assumer"
        status, content = held_open(world, who, "iam", "/", change, body, {"Content-Type": "application/x-www-form-urlencoded"}.items())
    else:
        body = b"<Delete><Object><Key>held</Key></Object></Delete>"
        md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
        status, content = held_open(world, who, "s3", f"/{BUCKET}?delete", change, body, {"Content-MD5": md5}.items())
    refused = b"AccessDenied" in content if taken == "policy" else status == 403
    assert refused, (status, content)
    assert b"SecretAccessKey" not in content and b"<Deleted>" not in content


@pytest.mark.parametrize("taken", ["policy", "key"])
def test_a_document_that_s3_reads_after_the_decision_is_decided_again(world, taken):
    """PutBucketPolicy is decided by its head; who loses the right while the policy is sent does not set it."""
    name = f"held-document-{taken}"
    iam, s3 = world.client("iam"), world.client("s3")
    who = user(world, name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(allow("s3:*")))

    def change():
        if taken == "policy":
            iam.delete_user_policy(UserName=name, PolicyName="p")
        else:
            iam.delete_access_key(UserName=name, AccessKeyId=who.access_key_id)

    body = policy(allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*", Principal={"AWS": world.account})).encode()
    status, content = held_open(world, who, "s3", f"/{BUCKET}?policy", change, body, method="PUT")
    assert status == 403, (status, content)
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=BUCKET)
    # Of somebody else's rights, nothing changes for who sends it.
    other = user(world, name + "-other")
    iam.put_user_policy(UserName=name + "-other", PolicyName="p", PolicyDocument=policy(allow("s3:*")))
    status, content = held_open(world, other, "s3", f"/{BUCKET}?policy", lambda: user(world, name + "-new"), body, method="PUT")
    assert status == 204, (status, content)
    s3.delete_bucket_policy(Bucket=BUCKET)


def test_the_record_of_a_request_that_is_decided_again_says_what_was_asked(world):
    """The refusal that follows a decision that no longer held has the document, which had come by then."""
    name = "held-asked"
    iam = world.client("iam")
    who = user(world, name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(allow("s3:*")))
    body = b"<Tagging><TagSet><Tag><Key>asked</Key><Value>for</Value></Tag></TagSet></Tagging>"
    status, content = held_open(world, who, "s3", f"/{BUCKET}?tagging",
                                lambda: iam.delete_user_policy(UserName=name, PolicyName="p"), body, method="PUT")
    assert status == 403, (status, content)
    lines = world.trainwarden("audit", "--principal", f"arn:aws:iam::{world.account}:user/{name}", "--json").stdout.splitlines()
    records = [json.loads(line) for line in lines]
    assert records[0]["ErrorCode"] == "AccessDenied", records
    for record in records:
        assert json.loads(record["Parameters"])["Tagging"] == {"TagSet": [{"Key": "asked", "Value": "for"}]}, record


def test_a_document_that_comes_after_its_time_is_refused(world):
    """A Deny that begins while the document is sent holds for it."""
    import datetime
    name = "held-until"
    iam, s3 = world.client("iam"), world.client("s3")
    who = user(world, name)
    end = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"DateGreaterThan": {"aws:CurrentTime": end}}}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(allow("s3:*"), deny))
    body = b"<Tagging><TagSet><Tag><Key>late</Key><Value>1</Value></Tag></TagSet></Tagging>"
    status, content = held_open(world, who, "s3", f"/{BUCKET}?tagging", lambda: time.sleep(3.5), body, method="PUT")
    assert status == 403 and b"AccessDenied" in content, (status, content)
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket=BUCKET)


def test_who_is_renamed_while_a_request_is_sent_is_decided_on_by_the_new_name(world):
    """CreateAccessKey without a name makes a key of the caller, whoever that is by then."""
    iam = world.client("iam")
    who = user(world, "held-old-name")
    mine = f"arn:aws:iam::{world.account}:user/held-old-name"
    iam.put_user_policy(UserName="held-old-name", PolicyName="p", PolicyDocument=policy(allow("iam:CreateAccessKey", mine)))
    status, content = held_open(world, who, "iam", "/", lambda: iam.update_user(UserName="held-old-name", NewUserName="held-new-name"),
                                b"Action=CreateAccessKey&Version=2010-05-08", {"Content-Type": "application/x-www-form-urlencoded"}.items())
    assert status == 403 and b"AccessDenied" in content and b"user/held-new-name" in content, (status, content)
    assert len(iam.list_access_keys(UserName="held-new-name")["AccessKeyMetadata"]) == 1


def test_a_job_that_ended_completes_no_upload(make_server):
    """The job's credentials are held by its workers: an upload that was begun while it ran is no object once it does not."""
    from conftest import until
    from test_sagemaker import BUCKET as DATA, make_trainer, request
    world = make_server()
    make_trainer(world)
    sagemaker, logs, s3 = world.client("sagemaker"), world.client("logs"), world.client("s3")
    script = ("python3 -c 'import os,json,urllib.request as u; print(\"CREDS\",json.dumps(json.load(u.urlopen(\"http://169.254.170.2\"+"
              "os.environ[\"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI\"]))),flush=True)'\nsleep 120\n")
    sagemaker.create_training_job(**request(world, "ending", script))

    def credentials():
        try:
            events = logs.filter_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix="ending/")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return None
        lines = [event["message"] for event in events if event["message"].startswith("CREDS ")]
        return json.loads(lines[0][6:]) if lines else None

    until(lambda: credentials() is not None, "the job's credentials")
    told = credentials()
    job = Credentials(told["AccessKeyId"], told["SecretAccessKey"], told["Token"])
    key = "models/ending/output/model.tar.gz"
    status, content = held_open(world, job, "s3", f"/{DATA}/{key}", lambda: None, b"0123456789", method="PUT")
    assert status == 200, content
    s3.delete_object(Bucket=DATA, Key=key)

    def stop():
        sagemaker.stop_training_job(TrainingJobName="ending")
        until(lambda: sagemaker.describe_training_job(TrainingJobName="ending")["TrainingJobStatus"] == "Stopped", "the end of the job")

    answer = held_open(world, job, "s3", f"/{DATA}/{key}.late", stop, b"0123456789", method="PUT")
    assert answer[0] == 400 and b"<Code>ExpiredToken</Code>" in answer[1], answer
    assert key + ".late" not in [one["Key"] for one in s3.list_objects_v2(Bucket=DATA).get("Contents", [])]
