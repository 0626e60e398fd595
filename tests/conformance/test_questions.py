"""Questions about requests that nobody has made: what cannot be asked is refused clearly, and who is granted something is found, whoever
that is. Each answer about access is tried."""

import json

import botocore.exceptions
import pytest

from conftest import Credentials, allow


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def grant(principal, action, resource=None, **more):
    return {"Effect": "Allow", "Principal": principal, "Action": action, **({"Resource": resource} if resource else {}), **more}


@pytest.fixture(scope="module")
def bucket(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="asked")
    s3.put_object(Bucket="asked", Key="k", Body=b"x")
    server.client("iam").create_user(UserName="asker")
    return "asked"


def explain(server, principal, action, resource=None, *context, check=True):
    arguments = ["explain", "--as", principal, "--action", action, *(["--resource", resource] if resource else []),
                 *[f"--context={one}" for one in context], "--json"]
    done = server.trainwarden(*arguments, check=check)
    return json.loads(done.stdout)["Access"] if check else done


def who_can(server, action, resource, *context):
    """{name: the whole entry}."""
    done = server.trainwarden("who-can", action, resource, *[f"--context={one}" for one in context], "--json")
    name = lambda one: one.get("Name") or one.get("RoleArn") or one.get("Service") or one.get("Arn") or one["Type"]
    return {name(one["Principal"]): one for one in json.loads(done.stdout)["Principals"]}


KEY = "arn:aws:s3:::asked/k"


@pytest.mark.parametrize("action, resource, context, said", [
    ("s3:GetObjekt", KEY, [], "there is no action s3:GetObjekt; did you mean s3:GetObject?"),
    ("s3:", KEY, [], "there is no action s3:"),
    ("GetObject", KEY, [], "an action is SERVICE:NAME"),
    ("nosuch:Thing", KEY, [], "there is no action nosuch:Thing"),
    ("trainwarden:WhoKan", "arn:aws:iam::1:role/r", [], "did you mean trainwarden:WhoCan?"),
    ("s3:Get*", KEY, [], "`s3:Get*` is a pattern; a question is about one action"),
    ("s3:GetObjec?", KEY, [], "is a pattern"),
    ("*", KEY, [], "is a pattern"),
    ("s3:GetObject", "arn:aws:s3:::asked/*", [], "is a pattern; a question is about one resource. If its name has a `*`, write ${*}"),
    ("s3:GetObject", "arn:aws:s3:::asked/a?", [], "write ${?}"),
    ("s3:GetObject", "*", [], "a question is about one resource: s3:GetObject works on arn:${Partition}:s3:::${BucketName}/${ObjectName}"),
    ("s3:GetObject", None, [], "a question is about one resource"),
    ("s3:GetObject", "s3://asked/k", [], "is an S3 URI; policies and questions name resources by ARN: arn:aws:s3:::asked/k"),
    ("s3:GetObject", "asked/k", [], "is not an ARN"),
    ("s3:GetObject", "arn:aws:s3:::asked", [], "is no resource of this action: s3:GetObject works on"),
    ("s3:ListBucket", KEY, [], "is no resource of this action: s3:ListBucket works on arn:${Partition}:s3:::${BucketName}"),
    ("s3:GetObject", "arn:aws:iam::111122223333:role/r", [], "is no resource of this action"),
    ("s3:GetObject", "arn:aws:s3:::nosuchbucket/k", [], "there is no arn:aws:s3:::nosuchbucket/k on this server"),
    ("s3:GetObject", "arn:aws-cn:s3:::asked/k", [], "its partition is aws"),
    ("iam:GetRole", "arn:aws:iam::ACCOUNT:role/nosuchrole", [], "there is no arn:aws:iam::ACCOUNT:role/nosuchrole on this server"),
    ("iam:PassRole", "arn:aws:iam::ACCOUNT:role/nosuchrole", [], "there is no arn:aws:iam::ACCOUNT:role/nosuchrole on this server"),
    ("iam:GetUser", "arn:aws:iam::444455556666:user/asker", [], "there is no arn:aws:iam::444455556666:user/asker on this server"),
    ("sts:AssumeRole", "arn:aws:iam::ACCOUNT:role/nosuchrole", [], "there is no arn:aws:iam::ACCOUNT:role/nosuchrole on this server"),
    ("iam:GetPolicy", "arn:aws:iam::aws:policy/NoSuchPolicy", [], "there is no arn:aws:iam::aws:policy/NoSuchPolicy on this server"),
    ("sagemaker:StopTrainingJob", "arn:aws:sagemaker:us-east-1:ACCOUNT:training-job/nosuchjob", [], "on this server"),
    ("s3:GetObject", KEY, ["aws:SourceIp=here"], "`here` is no value of aws:SourceIp, which is an address, for example 10.0.0.1"),
    ("s3:GetObject", KEY, ["aws:SourceIp=10.0.0.0/8"], "is no value of aws:SourceIp"),
    ("s3:GetObject", KEY, ["aws:MultiFactorAuthAge=long"], "which is a number"),
    ("s3:GetObject", KEY, ["aws:SecureTransport=yes"], "which is true or false"),
    ("s3:GetObject", KEY, ["aws:CurrentTime=yesterday"], "which is a date"),
    ("s3:GetObject", KEY, ["aws:PrincipalArn=asker"], "which is an ARN"),
    ("s3:GetObject", KEY, ["aws:SourceIpp=10.0.0.1"], "there is no condition key aws:SourceIpp; did you mean aws:SourceIp?"),
    ("s3:GetObject", KEY, ["s3:nosuchkey=1"], "there is no condition key s3:nosuchkey"),
    ("s3:GetObject", KEY, ["aws:userid=a,b"], "aws:userid has one value, not 2"),
    ("s3:GetObject", KEY, ["aws:userid=a", "AWS:UserId=b"], "aws:userid is there twice"),
])
def test_what_cannot_be_asked(server, bucket, action, resource, context, said):
    own = lambda text: text and text.replace("ACCOUNT", server.account)
    done = explain(server, f"arn:aws:iam::{server.account}:user/asker", action, own(resource), *context, check=False)
    assert done.returncode == 1 and own(said) in done.stderr and not done.stdout
    many = "is a pattern" in said or "write ${" in said or resource == "*"  # who-can answers (test_who_can.py)
    if resource and not many:
        done = server.trainwarden("who-can", action, own(resource), *[f"--context={one}" for one in context], check=False)
        assert done.returncode == 1 and own(said) in done.stderr and not done.stdout


@pytest.mark.parametrize("principal, said", [
    ("asker", "`asker` names no principal"), ("s3://x", "names no principal"), ("arn:aws:iam::ACCOUNT:user/nobody", "there is no principal"),
    ("arn:aws:iam::ACCOUNT:group/g", "is a group"), ("arn:aws:iam::444455556666:role/r", "its account is"),
    ("arn:aws:iam::ACCOUNT:role/*", "there is no principal"), ("Sagemaker.amazonaws.com", "names no principal"),
])
def test_who_cannot_be_asked_about(server, bucket, principal, said):
    done = explain(server, principal.replace("ACCOUNT", server.account), "s3:GetObject", KEY, check=False)
    assert done.returncode == 1 and said in done.stderr


def test_an_object_that_is_really_named_so(server, bucket, make_user):
    s3 = server.client("s3")
    for key in ("*", "a?b", "${*}"):
        s3.put_object(Bucket="asked", Key=key, Body=b"x")
    reader = make_user("star-reader", {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": ["arn:aws:s3:::asked/${*}", "arn:aws:s3:::asked/a${?}b"]}]})
    arn = f"arn:aws:iam::{server.account}:user/star-reader"
    client = server.client_as(reader, "s3")
    for name, key, may in (("${*}", "*", True), ("a${?}b", "a?b", True), ("k", "k", False), ("${$}{${*}}", "${*}", False)):
        access = explain(server, arn, "s3:GetObject", f"arn:aws:s3:::asked/{name}")
        assert access["Resource"] == f"arn:aws:s3:::asked/{key}"
        assert (access["Decision"] == "allowed") is may
        if may:
            assert client.get_object(Bucket="asked", Key=key)["Body"].read() == b"x"
        else:
            with pytest.raises(botocore.exceptions.ClientError):
                client.get_object(Bucket="asked", Key=key)


def test_a_request_to_s3_is_supposed_to_be_signed_as_clients_do(server, bucket, make_user):
    """AWS's own examples of policies on signatures: what is said is what the request gets."""
    signer = server.client_as(make_user("signer", allow("s3:GetObject")), "s3")
    for condition, works in [
        ({"StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}}, True), ({"StringNotEquals": {"s3:authType": "REST-HEADER"}}, True),
        ({"NumericGreaterThan": {"s3:signatureAge": "600000"}}, True), ({"StringEquals": {"s3:authType": "REST-HEADER"}}, False),
        ({"Null": {"s3:signatureAge": "false"}}, False),
    ]:
        server.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy(
            {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*", "Condition": condition}))
        try:
            signer.get_object(Bucket=bucket, Key="k")
            got = True
        except botocore.exceptions.ClientError:
            got = False
        assert got is works, condition
        arn = f"arn:aws:iam::{server.account}:user/signer"
        assert (arn in who_can(server, "s3:GetObject", KEY)) is works, condition
        assert (explain(server, arn, "s3:GetObject", KEY)["Decision"] == "allowed") is works, condition
    server.client("s3").delete_bucket_policy(Bucket=bucket)


def test_actions_without_resources_and_new_things(server, bucket, make_user):
    make_user("lister", allow("s3:ListAllMyBuckets", "iam:CreateRole", "s3:CreateBucket", "sagemaker:CreateTrainingJob"))
    arn = f"arn:aws:iam::{server.account}:user/lister"
    assert explain(server, arn, "s3:listallmybuckets")["Action"] == "s3:ListAllMyBuckets"
    for action, resource in (("s3:ListAllMyBuckets", None), ("iam:CreateRole", f"arn:aws:iam::{server.account}:role/new"),
                             ("s3:CreateBucket", "arn:aws:s3:::not-there-yet"),
                             ("sagemaker:CreateTrainingJob", f"arn:aws:sagemaker:us-east-1:{server.account}:training-job/new")):
        assert explain(server, arn, action, resource)["Decision"] == "allowed", action


def test_the_root_user_assumes_no_role(server, make_role):
    role = make_role("rootless", f"arn:aws:iam::{server.account}:root")
    root = f"arn:aws:iam::{server.account}:root"
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        server.client("sts").assume_role(RoleArn=role, RoleSessionName="root")
    error, request_id = caught.value.response["Error"], caught.value.response["ResponseMetadata"]["RequestId"]
    assert (error["Code"], error["Message"]) == ("AccessDenied", "Roles may not be assumed by root accounts.")
    answers = [explain(server, root, "sts:AssumeRole", role)]
    answers += json.loads(server.trainwarden("explain", request_id, "--json").stdout)["Records"][0]["Accesses"]
    for answer in answers:
        assert answer["Decision"] == "implicitDeny" and answer["DecidedBy"] == "rule of the service"
        assert answer["Reason"].endswith("the root user of an account assumes no role") and answer["Advice"] == []
    assert root not in who_can(server, "sts:AssumeRole", role)


def test_what_aws_manages_is_changed_by_nobody(server, bucket, make_user):
    iam = server.client("iam")
    readonly = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    admin = make_user("admin-of-all", allow("*"))
    arn = f"arn:aws:iam::{server.account}:user/admin-of-all"
    for action in ("iam:DeletePolicy", "iam:CreatePolicyVersion", "iam:TagPolicy"):
        assert explain(server, arn, action, readonly)["DecidedBy"] == "rule of the service"
        assert explain(server, f"arn:aws:iam::{server.account}:root", action, readonly)["Decision"] == "implicitDeny"
        assert who_can(server, action, readonly) == {}
        for answer in (iam.simulate_custom_policy(PolicyInputList=[json.dumps(allow("*"))], ActionNames=[action], ResourceArns=[readonly]),
                       iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=[action], ResourceArns=[readonly])):
            (result,) = answer["EvaluationResults"]
            assert result["EvalDecision"] == "implicitDeny" and result["MatchedStatements"] == []
    assert explain(server, arn, "iam:GetPolicy", readonly)["Decision"] == "allowed"
    client = server.client_as(admin, "iam")
    for refused in (lambda: client.delete_policy(PolicyArn=readonly),
                    lambda: client.create_policy_version(PolicyArn=readonly, PolicyDocument=json.dumps(allow("*")))):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            refused()
        assert caught.value.response["Error"]["Code"] == "AccessDenied"


def test_services_and_other_accounts_are_found(server, bucket, make_role):
    iam, s3 = server.client("iam"), server.client("s3")
    role = iam.create_role(RoleName="trusted-by-many", AssumeRolePolicyDocument=policy(
        grant({"Service": ["sagemaker.amazonaws.com", "ec2.amazonaws.com"]}, "sts:AssumeRole",
              Condition={"StringEquals": {"aws:SourceAccount": server.account}}),
        grant({"AWS": "555566667777"}, "sts:AssumeRole"),
        grant({"AWS": "*"}, "sts:AssumeRole", Condition={"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/partner"}}),
        grant({"Service": "lambda.amazonaws.com"}, "sts:AssumeRole", Condition={"StringEquals": {"aws:SourceAccount": "444455556666"}})))["Role"]["Arn"]
    found = who_can(server, "sts:AssumeRole", role)
    assert set(found) == {"sagemaker.amazonaws.com", "ec2.amazonaws.com", "arn:aws:iam::444455556666:role/partner", "account 555566667777"}
    assert found["account 555566667777"]["Needs"] == "an identity-based policy of account 555566667777 that allows it"
    assert [one["PolicyType"] for one in found["arn:aws:iam::444455556666:role/partner"]["MatchedStatements"]] == ["role trust policy"]
    assert "Needs" not in found["sagemaker.amazonaws.com"]
    text = server.trainwarden("who-can", "sts:AssumeRole", role).stdout
    assert "\nsagemaker.amazonaws.com\n" in text and "  with an identity-based policy of account 555566667777 that allows it\n" in text
    assert explain(server, "sagemaker.amazonaws.com", "sts:AssumeRole", role)["Decision"] == "allowed"
    assert explain(server, "lambda.amazonaws.com", "sts:AssumeRole", role)["Decision"] == "implicitDeny"

    s3.put_bucket_policy(Bucket="asked", Policy=policy(
        grant({"Service": "logging.s3.amazonaws.com"}, "s3:PutObject", "arn:aws:s3:::asked/*"),
        grant({"AWS": "arn:aws:iam::444455556666:root"}, "s3:PutObject", "arn:aws:s3:::asked/*"),
        grant("*", "s3:GetObject", "arn:aws:s3:::asked/*", Condition={"StringEquals": {"aws:PrincipalAccount": "555566667777"}})))
    writers = set(who_can(server, "s3:PutObject", KEY))
    assert {"logging.s3.amazonaws.com", "account 444455556666"} <= writers and "account 555566667777" not in writers
    readers = set(who_can(server, "s3:GetObject", KEY))
    assert "account 555566667777" in readers and "Anonymous" not in readers and "account 444455556666" not in readers
    assert set(who_can(server, "s3:GetObject", KEY)) & {"Anonymous", "any principal of any other account"} == set()
    s3.delete_public_access_block(Bucket="asked")
    s3.put_bucket_policy(Bucket="asked", Policy=policy(grant("*", "s3:GetObject", "arn:aws:s3:::asked/*")))
    assert {"Anonymous", "any principal of any other account"} <= set(who_can(server, "s3:GetObject", KEY))
    assert server.client_as(None, "s3").get_object(Bucket="asked", Key="k")["Body"].read() == b"x"
    s3.delete_bucket_policy(Bucket="asked")


def test_a_single_session_of_a_role(server, bucket, make_role, make_user):
    operator = make_user("session-maker", allow("sts:AssumeRole"))
    role = make_role("in-sessions", f"arn:aws:iam::{server.account}:user/session-maker")
    one = f"arn:aws:sts::{server.account}:assumed-role/in-sessions/one"
    server.client("s3").put_bucket_policy(Bucket="asked", Policy=policy(grant({"AWS": one}, "s3:GetObject", "arn:aws:s3:::asked/*")))
    assert one in who_can(server, "s3:GetObject", KEY)
    sts = server.client_as(operator, "sts")
    for name, may in (("one", True), ("two", False)):
        client = server.client_as(Credentials.of(sts.assume_role(RoleArn=role, RoleSessionName=name)), "s3")
        if may:
            assert client.get_object(Bucket="asked", Key="k")["Body"].read() == b"x"
        else:
            with pytest.raises(botocore.exceptions.ClientError):
                client.get_object(Bucket="asked", Key="k")
    server.client("s3").delete_bucket_policy(Bucket="asked")


def test_a_remedy_keeps_the_condition(server, bucket, make_user):
    condition = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "Bool": {"aws:MultiFactorAuthPresent": "true"}}
    user = make_user("guarded", {"Version": "2012-10-17", "Statement": [
        {"Sid": "FromHome", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::asked/*", "Condition": condition},
        {"Sid": "NotThisOne", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::other/*"}]})
    arn = f"arn:aws:iam::{server.account}:user/guarded"
    answer = explain(server, arn, "s3:GetObject", KEY, "aws:SourceIp=192.0.2.1")
    assert answer["Reason"] == (f"no identity-based policy of {arn} allows it; statement `FromHome` of inline policy policy-0 of user guarded, line 1 "
                                "would allow it but for its conditions on `aws:SourceIp` and `aws:MultiFactorAuthPresent`")
    (advice,) = answer["Advice"]
    assert advice == ("make a request that meets the Condition of statement `FromHome` of inline policy policy-0 of user guarded, line 1 (the request's "
                      '`aws:SourceIp` is "192.0.2.1" and the request has no `aws:MultiFactorAuthPresent`): ' + json.dumps(condition, separators=(",", ":")))
    assert "Effect" not in advice
    (one,) = answer["Conditions"]
    assert one["Keys"] == ["aws:SourceIp", "aws:MultiFactorAuthPresent"] and json.loads(one["Condition"]) == condition and one["Sid"] == "FromHome"
    # Only what does not hold is named; a real refusal says the same.
    assert explain(server, arn, "s3:GetObject", KEY, "aws:SourceIp=10.0.0.1")["Conditions"][0]["Keys"] == ["aws:MultiFactorAuthPresent"]
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        server.client_as(user, "s3").get_object(Bucket="asked", Key="k")
    request_id = caught.value.response["ResponseMetadata"]["RequestId"]
    (access,) = json.loads(server.trainwarden("explain", request_id, "--json").stdout)["Records"][0]["Accesses"]
    assert access["Conditions"][0]["Keys"] == ["aws:SourceIp", "aws:MultiFactorAuthPresent"]
    assert [line for line in access["Advice"] if "Effect" in line] == [] and "FromHome" in access["Advice"][0]
    # And where the conditions hold, it is allowed, as said.
    assert explain(server, arn, "s3:GetObject", KEY, "aws:SourceIp=10.0.0.1", "aws:MultiFactorAuthPresent=true")["Decision"] == "allowed"


def test_a_remedy_keeps_a_deny_that_has_a_condition(server, bucket, make_user):
    make_user("mfa-only", {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Sid": "Mfa", "Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}]})
    arn = f"arn:aws:iam::{server.account}:user/mfa-only"
    answer = explain(server, arn, "s3:GetObject", KEY)
    assert answer["Decision"] == "explicitDeny"
    (advice,) = answer["Advice"]
    assert advice.startswith("make a request that does not fit the Condition of statement `Mfa`") and "aws:MultiFactorAuthPresent" in advice
    assert "remove" not in advice
    assert explain(server, arn, "s3:GetObject", KEY, "aws:MultiFactorAuthPresent=true")["Decision"] == "allowed"


def test_a_trust_policy_s_conditions_see_the_whole_request(server, tmp_path, make_role):
    """The time and the region, of every job: what `explain` says of the service is what the job meets."""
    iam, s3 = server.client("iam"), server.client("s3")
    s3.create_bucket(Bucket="circumstances")
    script = tmp_path / "train.py"
    script.write_text("print('trained')\n")
    conditions = {
        "holds": {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}, "NumericGreaterThan": {"aws:EpochTime": "1577836800"},
                  "StringEquals": {"aws:RequestedRegion": server.region, "aws:SourceAccount": server.account, "aws:ResourceTag/team": "vision"},
                  "Bool": {"aws:PrincipalIsAWSService": "true", "aws:ViaAWSService": "false"},
                  "ArnLike": {"aws:SourceArn": f"arn:aws:sagemaker:*:{server.account}:training-job/*"}},
        "fails": {"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}},
        "elsewhere": {"StringEquals": {"aws:RequestedRegion": "mars-north-1"}},
    }
    for name, condition in conditions.items():
        role = iam.create_role(RoleName=f"circumstances-{name}", Tags=[{"Key": "team", "Value": "vision"}], AssumeRolePolicyDocument=policy(
            grant({"Service": "sagemaker.amazonaws.com"}, "sts:AssumeRole", Condition=condition)))["Role"]["Arn"]
        iam.put_role_policy(RoleName=f"circumstances-{name}", PolicyName="p", PolicyDocument=json.dumps(allow("s3:*", "logs:*")))
        said = explain(server, "sagemaker.amazonaws.com", "sts:AssumeRole", role)["Decision"]
        done = server.trainwarden("train", "run", "--role", role, "--output", "s3://circumstances/out", "--entry", str(script), check=False, timeout=300)
        if name == "holds":
            assert said == "allowed" and done.returncode == 0, done.stderr
        else:
            assert said == "implicitDeny" and done.returncode == 1 and "completed" not in done.stderr


# --- A whole request ---

def test_a_request_is_asked_about_with_all_that_it_needs(server, bucket):
    """CreateRole with tags needs iam:TagRole too: both are decided, nothing is made, and the answer is what the request then gets."""
    iam, user = server.client("iam"), f"arn:aws:iam::{server.account}:user/asker"
    document = policy({"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"})
    asked = {"RoleName": "asked", "AssumeRolePolicyDocument": document, "Tags": [{"Key": "team", "Value": "red"}]}
    command = ["explain", "--as", user, "--operation", "iam:CreateRole", "--input", json.dumps(asked)]
    keys = Credentials.of(iam.create_access_key(UserName="asker"))
    for actions, decision in (([], "refused"), (["iam:CreateRole"], "refused"), (["iam:CreateRole", "iam:TagRole"], "allowed")):
        if actions:
            iam.put_user_policy(UserName="asker", PolicyName="p", PolicyDocument=json.dumps(allow(*actions)))
        answer = json.loads(server.trainwarden(*command, "--json").stdout)
        assert answer["Decision"] == decision
        assert [(one["Action"], one["Resource"], one["Decision"] == "allowed") for one in answer["Accesses"]] == [
            (action, f"arn:aws:iam::{server.account}:role/asked", action in actions) for action in ("iam:CreateRole", "iam:TagRole")]
        assert {key.lower(): value for key, value in answer["Accesses"][0]["Context"].items()}["aws:requesttag/team"] == ["red"]
        with pytest.raises(iam.exceptions.NoSuchEntityException):
            iam.get_role(RoleName="asked")
        shown = server.trainwarden(*command).stdout
        assert f"iam:CreateRole: {decision}" in shown and "iam:TagRole" in shown
    assert server.client_as(keys, "iam").create_role(**asked)["Role"]["RoleName"] == "asked"
    iam.delete_role(RoleName="asked")
    iam.delete_user_policy(UserName="asker", PolicyName="p")


@pytest.mark.parametrize("arguments, said", [
    (["--operation", "iam:CreateRole", "--action", "iam:CreateRole"], "either --action or --operation"),
    (["--operation", "iam:CreateRole", "--input", "{,"], "--input takes a JSON object: "),
])
def test_wrong_usage_is_told_before_anything_is_asked(server, arguments, said):
    done = server.trainwarden("explain", "--as", f"arn:aws:iam::{server.account}:user/asker", *arguments, check=False)
    assert done.returncode == 2 and not done.stdout and said in done.stderr


@pytest.mark.parametrize("arguments, said", [
    (["--operation", "iam:CreateRoll"], "there is no operation iam:CreateRoll; did you mean iam:CreateRole?"),
    (["--operation", "nosuch:Thing"], "there is no operation nosuch:Thing: an operation is SERVICE:NAME"),
    (["--operation", "CreateRole"], "there is no operation CreateRole"),
    (["--operation", "iam:CreateRole"], "at 'roleName' failed to satisfy constraint: Member must not be null"),
    (["--operation", "iam:CreateRole", "--input", '{"RoleName": 1}'], "SerializationException"),
    (["--operation", "sagemaker:ListTags", "--input", '{"ResourceArn": "arn:aws:sagemaker:eu-west-9:444455556666:training-job/j"}'], "is not in us-east-1"),
])
def test_requests_that_cannot_be_asked_about(server, bucket, arguments, said):
    done = server.trainwarden("explain", "--as", f"arn:aws:iam::{server.account}:user/asker", *arguments, check=False)
    assert done.returncode == 1 and not done.stdout and said in done.stderr


def test_who_needs_no_permission_is_told_so(server, bucket):
    answer = json.loads(server.trainwarden("explain", "--as", f"arn:aws:iam::{server.account}:user/asker", "--operation", "sts:GetCallerIdentity",
                                           "--json").stdout)
    assert (answer["Decision"], answer["Accesses"]) == ("allowed", [])


def test_what_is_refused_whatever_policies_say(server, bucket):
    command = ["explain", "--as", f"arn:aws:iam::{server.account}:root", "--operation", "sagemaker:ListTags", "--input",
               '{"ResourceArn": "arn:aws:sagemaker:us-east-1:444455556666:training-job/j"}']
    answer = json.loads(server.trainwarden(*command, "--json").stdout)
    assert (answer["Decision"], answer["Accesses"]) == ("refused", []) and "belongs to another account" in answer["Message"]
    assert "belongs to another account" in server.trainwarden(*command).stdout
