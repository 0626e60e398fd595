"""Least privilege: the policy that a role's record shows to be needed. It takes the place of the role's policies, and the same training runs again."""
import contextlib
import datetime
import json

import pytest
from conftest import Credentials, allow, until
from test_sagemaker import BUCKET, SAGEMAKER, channel, make_trainer, refusal, request, role_arn, run

SCRIPT = "cat $SM_CHANNEL_TRAIN/* > /dev/null; echo model > $SM_MODEL_DIR/m"
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": SAGEMAKER}, "Action": "sts:AssumeRole"}]}
WIDE = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["s3:*", "sagemaker:*", "logs:*"], "Resource": "*"},
    {"Sid": "KeepData", "Effect": "Deny", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{BUCKET}/data/*"}]}


def train(server, name, role="trainer"):
    return run(server, name, SCRIPT, InputDataConfig=[channel("train", "data/train/")], RoleArn=role_arn(server, role))


@pytest.fixture(scope="module")
def world(server):
    """A role that may do much more than training needs, and one job of it."""
    make_trainer(server)
    server.client("iam").put_role_policy(RoleName="trainer", PolicyName="wide", PolicyDocument=json.dumps(WIDE))
    s3 = server.client("s3")
    for number in range(4):
        s3.put_object(Bucket=BUCKET, Key=f"data/train/part-{number}.txt", Body=b"x")
    s3.put_object(Bucket=BUCKET, Key="data/private/x", Body=b"x")
    assert train(server, "first")["TrainingJobStatus"] == "Completed"
    return server


def ask(server, *arguments, role="trainer", code=0, **options):
    done = server.trainwarden("least-privilege", role_arn(server, role), "--json", *arguments, check=False, **options)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


@contextlib.contextmanager
def narrowed(server, document, role="trainer"):
    """The role with this policy in the place of its own."""
    iam = server.client("iam")
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    before = {name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names}
    for name in names:
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    iam.put_role_policy(RoleName=role, PolicyName="least", PolicyDocument=document)
    yield
    iam.delete_role_policy(RoleName=role, PolicyName="least")
    for name, policy in before.items():
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))


def decided(server, action, resource, role="trainer"):
    done = server.client("iam").simulate_principal_policy(PolicySourceArn=role_arn(server, role), ActionNames=[action], ResourceArns=[resource])
    return done["EvaluationResults"][0]["EvalDecision"]


def object_arn(key, bucket=BUCKET):
    return f"arn:aws:s3:::{bucket}/{key}"


def allows(document):
    """{action: resources}, of the Allow statements."""
    out = {}
    for statement in json.loads(document)["Statement"]:
        if statement["Effect"] == "Allow":
            for action in statement["Action"]:
                out.setdefault(action, []).extend(statement["Resource"])
    return out


def test_a_prefix_policy_is_enough_for_the_next_job_and_for_nothing_else(world):
    answer = ask(world)
    assert answer["Generality"] == "prefix" and answer["TrainingJobs"] == ["first"] and answer["TooShort"] == []
    assert answer["Proof"] == {**answer["Proof"], "Inside": "proved", "DeniesKept": "proved", "Lost": []}
    assert answer["Proof"]["Replayed"] > 5
    assert allows(answer["PolicyDocument"]) == {
        "s3:GetObject": [object_arn("data/train/*")], "s3:PutObject": [object_arn("models/*/output/*")], "s3:ListBucket": [f"arn:aws:s3:::{BUCKET}"]}
    listing = next(s for s in json.loads(answer["PolicyDocument"])["Statement"] if s["Action"] == ["s3:ListBucket"])
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["data/train/*"]}}
    assert {policy["PolicyName"] for policy in answer["CurrentPolicies"]} == {"data", "wide"}
    assert "s3:DeleteBucket" in answer["DroppedActions"] and "sagemaker:CreateTrainingJob" in answer["DroppedActions"]
    assert "s3:GetObject" in answer["NarrowedActions"]
    count = answer["Count"]
    assert count["Lost"] <= count["Before"] and count["After"] < count["Before"]
    with narrowed(world, answer["PolicyDocument"]):
        assert train(world, "again-prefix")["TrainingJobStatus"] == "Completed"
        assert decided(world, "s3:GetObject", object_arn("data/train/new")) == "allowed"
        assert decided(world, "s3:GetObject", object_arn("data/private/x")) == "implicitDeny"
        assert decided(world, "s3:DeleteObject", object_arn("data/train/part-0.txt")) == "explicitDeny"  # still
        assert decided(world, "s3:DeleteObject", object_arn("models/first/output/model.tar.gz")) == "implicitDeny"
        # The record shows no more now than before.
        assert json.loads(ask(world)["PolicyDocument"]) == json.loads(answer["PolicyDocument"])


def test_a_bucket_policy_reaches_the_whole_bucket_and_no_other(world):
    document = ask(world, "--generality", "bucket")["PolicyDocument"]
    assert allows(document) == {"s3:GetObject": [object_arn("*")], "s3:PutObject": [object_arn("*")], "s3:ListBucket": [f"arn:aws:s3:::{BUCKET}"]}
    with narrowed(world, document):
        assert train(world, "again-bucket")["TrainingJobStatus"] == "Completed"
        assert decided(world, "s3:GetObject", object_arn("data/private/x")) == "allowed"
        assert decided(world, "s3:GetObject", object_arn("x", "another-bucket")) == "implicitDeny"


def test_an_exact_policy_is_for_the_same_objects_alone(world):
    document = ask(world, "--generality", "exact")["PolicyDocument"]
    assert object_arn("data/train/part-3.txt") in allows(document)["s3:GetObject"]
    with narrowed(world, document):
        assert decided(world, "s3:GetObject", object_arn("data/train/part-3.txt")) == "allowed"
        assert decided(world, "s3:GetObject", object_arn("data/train/part-4.txt")) == "implicitDeny"
        # Another job's model goes elsewhere.
        assert refusal(world.client("sagemaker").create_training_job, **request(world, "again-exact", SCRIPT, InputDataConfig=[
            channel("train", "data/train/")])) is not None


def test_it_refuses_to_guess(world):
    world.client("iam").create_role(RoleName="idle", AssumeRolePolicyDocument=json.dumps(TRUST))
    world.client("iam").put_role_policy(RoleName="idle", PolicyName="p", PolicyDocument=json.dumps(allow("s3:*")))
    answer = ask(world, role="idle", code=3)
    assert "PolicyDocument" not in answer and "Proof" not in answer and answer["Requests"] == 0
    few, no_job = answer["TooShort"]
    assert "0 requests" in few and "at least 10" in few and "no training job" in no_job
    said = world.trainwarden("least-privilege", role_arn(world, "idle"), check=False)
    assert said.returncode == 3 and few in said.stderr and "--allow-short-record" in said.stderr and said.stdout == ""
    assert ask(world, "--allow-short-record", role="idle")["NeedsNoPolicy"] is True
    # A time of which the record holds nothing is no evidence that nothing was needed.
    early = ask(world, "--since", "2020-01-01", code=3)
    assert ["the record begins at" in one for one in early["TooShort"]] == [True]
    assert "PolicyDocument" in ask(world, "--since", "2020-01-01", "--allow-short-record")
    assert ask(world, "--until", "2020-01-01", code=3)["Requests"] == 0


def reads(server, make_user, name, trust, *statements):
    """A role with these statements, as which a user has read objects."""
    iam = server.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))
    user = make_user(f"of-{name}", allow("sts:AssumeRole"))
    session = server.client_as(user, "sts").assume_role(RoleArn=role_arn(server, name), RoleSessionName="reads")
    s3 = server.client_as(Credentials.of(session), "s3")
    for number in range(12):
        s3.get_object(Bucket=BUCKET, Key=f"data/train/part-{number % 4}.txt")


def by_account(server):
    return {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{server.account}:root"}, "Action": "sts:AssumeRole"}]}


def until_then(seconds):
    then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"DateLessThan": {"aws:CurrentTime": then.strftime("%Y-%m-%dT%H:%M:%SZ")}}}


def test_a_grant_for_a_while_is_not_what_the_work_rests_on(world, make_user):
    reads(world, make_user, "standing", by_account(world), {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, until_then(3600))
    statement, = json.loads(ask(world, role="standing")["PolicyDocument"])["Statement"]
    assert statement == {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [object_arn("data/train/*")]}


def test_a_grant_that_has_expired_allows_nothing_today(world, make_user):
    reads(world, make_user, "expired", by_account(world), until_then(4))
    until(lambda: world.trainwarden("least-privilege", role_arn(world, "expired"), check=False).returncode == 3, "the grant expires", timeout=20, pause=0.5)
    answer = ask(world, "--allow-short-record", role="expired", code=3)
    assert "PolicyDocument" not in answer and [one["Action"] for one in answer["NotAllowedToday"]] == ["s3:GetObject"]
    assert "today's policies allow nothing" in answer["TooShort"][-1]


def test_a_job_that_failed_is_no_evidence(world):
    world.client("iam").create_role(RoleName="failing", AssumeRolePolicyDocument=json.dumps(TRUST))
    world.client("iam").put_role_policy(RoleName="failing", PolicyName="p", PolicyDocument=json.dumps(allow("s3:*")))
    job = run(world, "fails", "exit 3", InputDataConfig=[channel("train", "data/train/")], RoleArn=role_arn(world, "failing"))
    assert job["TrainingJobStatus"] == "Failed"
    answer = ask(world, role="failing", code=3)
    assert answer["TrainingJobs"] == [] and any("none has completed" in one for one in answer["TooShort"])


def test_a_role_that_anybody_may_assume_is_one_for_training(world, make_user):
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}
    reads(world, make_user, "anybody", trust, {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    assert any("no training job of it" in one for one in ask(world, role="anybody", code=3)["TooShort"])
    # One that SageMaker may not assume needs none.
    reads(world, make_user, "people", by_account(world), {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    assert "PolicyDocument" in ask(world, role="people")


def test_what_the_bucket_allows_is_not_needed(world):
    iam, s3 = world.client("iam"), world.client("s3")
    iam.create_role(RoleName="guest", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.put_role_policy(RoleName="guest", PolicyName="p", PolicyDocument=json.dumps(allow("s3:ListBucket", "s3:GetObject")))
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": role_arn(world, "guest")}, "Action": "s3:*", "Resource": object_arn("*")}]}))
    assert train(world, "guest-1", "guest")["TrainingJobStatus"] == "Completed"
    assert train(world, "guest-2", "guest")["TrainingJobStatus"] == "Completed"
    answer = ask(world, role="guest")
    assert allows(answer["PolicyDocument"]) == {"s3:ListBucket": [f"arn:aws:s3:::{BUCKET}"]}
    assert {one["Action"] for one in answer["AllowedByResourcePolicies"]} == {"s3:GetObject", "s3:PutObject"}
    with narrowed(world, answer["PolicyDocument"], "guest"):
        assert train(world, "guest-3", "guest")["TrainingJobStatus"] == "Completed"
    # Without the bucket's policy the role needs the object's again; what no policy of today allows is told apart, and why, and by which change.
    s3.delete_bucket_policy(Bucket=BUCKET)
    answer = ask(world, role="guest", code=4)
    assert "s3:GetObject" in allows(answer["PolicyDocument"])
    refused, = answer["NotAllowedToday"]
    assert refused["Action"] == "s3:PutObject" and refused["Last"] < answer["PolicyChanges"][0]["Time"]
    assert "no identity-based policy of" in refused["Reason"]
    assert (answer["PolicyChanges"][0]["Action"], answer["PolicyChanges"][0]["Resource"]) == ("s3:DeleteBucketPolicy", f"arn:aws:s3:::{BUCKET}")
    said = world.trainwarden("least-privilege", role_arn(world, "guest"), check=False)
    assert said.returncode == 4 and "today's policies do not allow" in said.stderr
    assert f"s3:DeleteBucketPolicy on arn:aws:s3:::{BUCKET} by arn:aws:iam::" in said.stderr and "--since" in said.stderr
    # What is left needs nothing of the role: that is no answer, for the rest of the record does not work any more.
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": role_arn(world, "guest")}, "Action": ["s3:GetObject", "s3:ListBucket"],
         "Resource": [f"arn:aws:s3:::{BUCKET}", object_arn("*")]}]}))
    answer = ask(world, "--allow-short-record", role="guest", code=3)
    assert "NeedsNoPolicy" not in answer and "PolicyDocument" not in answer
    assert "these need no policy of the role" in answer["TooShort"][-1]
    s3.delete_bucket_policy(Bucket=BUCKET)


def test_a_record_of_which_today_allows_little_is_none(world, make_user):
    reads(world, make_user, "changed", by_account(world), {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    world.client("iam").put_role_policy(RoleName="changed", PolicyName="p", PolicyDocument=json.dumps(allow("s3:GetObject", resource=object_arn("data/train/part-0.txt"))))
    answer = ask(world, role="changed", code=3)
    assert "PolicyDocument" not in answer and "allow 3 of the 12 recorded accesses" in answer["TooShort"][-1]
    assert "iam:PutRolePolicy" in {one["Action"] for one in answer["PolicyChanges"]}
    assert "part-0.txt" in ask(world, "--allow-short-record", "--generality", "exact", role="changed", code=4)["PolicyDocument"]


def test_operators_in_another_case_make_a_policy_that_iam_takes(world, make_user):
    reads(world, make_user, "shouting", by_account(world),
          {"Effect": "Allow", "Action": "S3:*", "Resource": "*", "Condition": {"stringlike": {"AWS:PrincipalArn": "arn:aws:iam::*:role/*"}}},
          {"Effect": "Deny", "Action": "s3:delete*", "Resource": "*", "Condition": {"forAllValues:STRINGEQUALS": {"aws:TagKeys": ["a"]}}})
    s3 = world.client_as(Credentials.of(world.client_as(make_user("shouts", allow("sts:AssumeRole")), "sts").assume_role(
        RoleArn=role_arn(world, "shouting"), RoleSessionName="lists")), "s3")
    s3.list_objects_v2(Bucket=BUCKET, Prefix="data/train/")
    document = ask(world, role="shouting")["PolicyDocument"]
    conditions = {operator for statement in json.loads(document)["Statement"] for operator in statement.get("Condition", {})}
    assert conditions == {"StringLike", "ForAllValues:StringEquals"}
    with narrowed(world, document, "shouting"):
        s3.list_objects_v2(Bucket=BUCKET, Prefix="data/train/")
        s3.get_object(Bucket=BUCKET, Key="data/train/part-0.txt")


def test_a_role_that_creates_jobs_may_create_the_next_one(world, make_user):
    iam = world.client("iam")
    iam.create_role(RoleName="launcher", AssumeRolePolicyDocument=json.dumps(by_account(world)))
    iam.put_role_policy(RoleName="launcher", PolicyName="p", PolicyDocument=json.dumps(
        allow("sagemaker:*", "iam:PassRole", "s3:*", "logs:*")))
    session = world.client_as(make_user("launches", allow("sts:AssumeRole")), "sts").assume_role(RoleArn=role_arn(world, "launcher"), RoleSessionName="launches")
    sagemaker = world.client_as(Credentials.of(session), "sagemaker")

    def launch(name):
        sagemaker.create_training_job(**request(world, name, SCRIPT, InputDataConfig=[channel("train", "data/train/")]))
        until(lambda: sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "Completed", name, timeout=60, pause=0.5)

    for number in range(10):
        world.client_as(Credentials.of(session), "s3").put_object(Bucket=BUCKET, Key=f"models/launched-1/source/{number}", Body=b"x")
    launch("launched-1")
    arn = f"arn:aws:sagemaker:us-east-1:{world.account}:training-job/launched-"
    document = ask(world, role="launcher")["PolicyDocument"]
    assert allows(document)["sagemaker:CreateTrainingJob"] == [arn + "*"]
    assert allows(document)["s3:PutObject"] == [object_arn("models/*/source/*")]
    with narrowed(world, document, "launcher"):
        launch("launched-2")
        assert refusal(sagemaker.create_training_job, **request(world, "others-1", SCRIPT))[0] == "AccessDeniedException"
        assert refusal(sagemaker.stop_training_job, TrainingJobName="launched-1")[0] == "AccessDeniedException"
    exact = ask(world, "--generality", "exact", role="launcher")["PolicyDocument"]
    assert allows(exact)["sagemaker:CreateTrainingJob"] == [arn + "1", arn + "2"]


def test_it_needs_permission_to_ask_about_the_role(world, make_user):
    user = make_user("narrower", allow("trainwarden:LeastPrivilege", resource=role_arn(world)))
    assert "PolicyDocument" in ask(world, credentials=user)
    said = world.trainwarden("least-privilege", role_arn(world, "idle"), credentials=user, check=False)
    assert said.returncode == 1 and "trainwarden:LeastPrivilege" in said.stderr


def test_what_is_no_question(world):
    for arguments, code, words in (
            ([f"arn:aws:iam::{world.account}:root"], 1, "is not a role"),
            ([role_arn(world, "nosuch")], 1, "nosuch"),
            (["trainer"], 1, "is not the ARN of a role"),
            ([role_arn(world), "--generality", "wide"], 2, "exact, prefix or bucket"),
            ([role_arn(world), "--since", "soon"], 2, "--since")):
        done = world.trainwarden("least-privilege", *arguments, check=False)
        assert done.returncode == code and words in done.stderr, done.stderr


def test_no_policy_of_an_earlier_run_is_taken_for_this_one(world, tmp_path):
    file = tmp_path / "policy.json"
    world.trainwarden("least-privilege", role_arn(world), "--out", file)
    assert file.exists()
    refused = world.trainwarden("least-privilege", role_arn(world, "idle"), "--out", file, check=False)
    assert refused.returncode == 3 and f"`{file}` held the policy of an earlier run and was removed" in refused.stderr
    assert list(tmp_path.iterdir()) == []
    # What is no policy is not removed, and what nobody knows anything about stays.
    file.write_text("mine")
    refused = world.trainwarden("least-privilege", role_arn(world, "idle"), "--out", file, check=False)
    assert refused.returncode == 3 and "left as it is" in refused.stderr and file.read_text() == "mine"
    failed = world.trainwarden("least-privilege", role_arn(world, "nosuch"), "--out", file, check=False)
    assert failed.returncode == 1 and f"`{file}` is not of this run" in failed.stderr and file.read_text() == "mine"
    assert world.trainwarden("least-privilege", role_arn(world), "--out", tmp_path, check=False).returncode == 2


def test_the_policy_is_written_where_it_is_wanted(world, tmp_path):
    done = world.trainwarden("least-privilege", role_arn(world), "--out", tmp_path / "policy.json")
    assert "written" in done.stdout and "proved" in done.stdout and "2^" in done.stdout
    assert json.loads((tmp_path / "policy.json").read_text()) == json.loads(ask(world)["PolicyDocument"])
