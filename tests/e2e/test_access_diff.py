"""The access diff beside the resource diff: what `preview` and `up` say of who gains and loses what is what happens when it is applied."""

import json
import re
import subprocess
import xml.etree.ElementTree

import botocore.exceptions
import pytest
from conftest import ROOT
from deploying import Folder

USERS = """
resources:
  reader:
    type: aws:iam:User
    properties: {name: diff-reader}
  data:
    type: aws:s3:Bucket
    properties: {bucket: access-diff-data}
  reading:
    type: aws:iam:UserPolicy
    properties:
      name: reading
      user: ${reader.name}
      policy:
        fn::toJSON:
          Version: "2012-10-17"
          Statement: [{Effect: Allow, Action: [ACTIONS], Resource: "${data.arn}/*"}]
"""


@pytest.fixture
def folder(server, tmp_path):
    return Folder(server, tmp_path)


def texts(report):
    return [change["text"] for change in report["access"]["changes"]]


def allowed(client, witness):
    """Makes the request over the wire: was it let through, whatever came of it?"""
    bucket, _, key = witness["resource"].removeprefix("arn:aws:s3:::").partition("/")
    calls = {
        "s3:GetObject": lambda: client.get_object(Bucket=bucket, Key=key),
        "s3:PutObject": lambda: client.put_object(Bucket=bucket, Key=key, Body=b"x"),
        "s3:DeleteObject": lambda: client.delete_object(Bucket=bucket, Key=key),
        "s3:ListBucket": lambda: client.list_objects_v2(Bucket=bucket),
    }
    try:
        calls[witness["action"]]()
        return True
    except botocore.exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        # Of a key that is not there S3 says so only to those who may list the bucket.
        assert code in ("AccessDenied", "NoSuchKey"), error
        return code != "AccessDenied"


def decided(server, witness):
    """What the server says of the request, which nobody has to make: IAM's simulator for what is not there, else explain."""
    if witness["resource"].startswith("arn:aws:s3:::ml-data"):
        done = server.trainwarden("explain", "--as", witness["principal"], "--action", witness["action"], "--resource", witness["resource"], "--json")
        return json.loads(done.stdout)["Access"]["Decision"]
    role = re.sub(r"arn:aws:sts::(\d+):assumed-role/([^/]+)/.*", r"arn:aws:iam::\1:role/\2", witness["principal"])
    context = [{"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"} for key, value in witness["context"].items()]
    done = server.client("iam").simulate_principal_policy(PolicySourceArn=role, ActionNames=[witness["action"]], ResourceArns=[witness["resource"]],
                                                          ContextEntries=context)
    return done["EvaluationResults"][0]["EvalDecision"]


def test_the_reference_program_says_who_may_use_what_it_makes(server, folder):
    folder.copy_example("sagemaker-access")
    report = folder.preview()
    lines = "\n".join(texts(report))
    role = re.search(r"sagemaker_role-[0-9a-f]{7}", lines)[0]
    bucket = re.search(r"ml-data-bucket-[0-9a-f]{7}", lines)[0]
    assert f"+ role {role} (new) may s3:* on {bucket}/*, by policy of bucket {bucket}" in lines, lines
    assert "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess" in lines
    assert f"+ sagemaker.amazonaws.com may sts:AssumeRole on arn:aws:iam::{server.account}:role/{role}" in lines
    assert report["access"]["unknown"] == [] and report["access"]["unread"] == [], report["access"]
    shown = folder.run("preview").stdout
    assert "Access:\n" in shown and "for example " in shown

    # The run does what the plan said: every witness is answered so by the server.
    done = folder.up()
    made = {step["type"]: step.get("id") for step in done["steps"]}
    gained = [change for change in done["access"]["changes"] if change["kind"] == "gained" and change["who"][0].startswith("role ")]
    assert gained and made["aws:iam/role:Role"] in gained[0]["who"][0]
    assert {decided(server, change["witness"]) for change in gained} == {"allowed"}, gained
    # Settled: nothing is gained by doing it again.
    assert "access" not in folder.preview()
    gone = json.loads(folder.run("destroy", "--yes", "--json").stdout)
    assert any("is deleted" in text for text in texts(gone)), gone["access"]


def test_what_is_gained_and_lost_is_so_before_and_after(server, folder):
    folder.yaml(USERS.replace("ACTIONS", '"s3:GetObject", "s3:PutObject"'))
    folder.up()
    key = server.client("iam").create_access_key(UserName="diff-reader")["AccessKey"]
    client = server.client_as({"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]}, "s3")
    folder.edit("Pulumi.yaml", '"s3:PutObject"', '"s3:DeleteObject"')
    report = folder.preview()
    changes = {change["kind"]: change for change in report["access"]["changes"]}
    assert texts(report) == [
        "+ user diff-reader may s3:DeleteObject on access-diff-data/*, by inline policy reading of user diff-reader",
        "- user diff-reader may no longer s3:PutObject on access-diff-data/*, was by inline policy reading of user diff-reader",
    ], report["access"]
    gained, lost = changes["gained"]["witness"], changes["lost"]["witness"]
    assert not allowed(client, gained) and allowed(client, lost)
    folder.up()
    assert allowed(client, gained) and not allowed(client, lost)
    server.client("iam").delete_access_key(UserName="diff-reader", AccessKeyId=key["AccessKeyId"])
    client = server.client("s3")
    for listed in client.list_objects_v2(Bucket="access-diff-data").get("Contents", []):
        client.delete_object(Bucket="access-diff-data", Key=listed["Key"])
    folder.destroy()


def test_a_bucket_for_everybody(server, folder):
    program = """
resources:
  open:
    type: aws:s3:Bucket
    properties: {bucket: access-diff-open}
  block:
    type: aws:s3:BucketPublicAccessBlock
    properties: {bucket: "${open.id}", restrictPublicBuckets: RESTRICTED}
  policy:
    type: aws:s3:BucketPolicy
    properties:
      bucket: ${block.bucket}
      policy:
        fn::toJSON:
          Version: "2012-10-17"
          Statement: [{Effect: Allow, Principal: "*", Action: "s3:GetObject", Resource: "${open.arn}/*"}]
"""
    folder.yaml(program.replace("RESTRICTED", "true"))
    assert "anyone without credentials" not in "\n".join(texts(folder.preview()))
    folder.yaml(program.replace("RESTRICTED", "false"))
    found = [text for text in texts(folder.preview()) if "anyone without credentials" in text]
    assert len(found) == 1 and "s3:GetObject on access-diff-open/*" in found[0], found
    folder.up()
    assert subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"{server.endpoint}/access-diff-open/"], capture_output=True,
                          text=True, timeout=30, check=True).stdout == "403"
    anonymous = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"{server.endpoint}/access-diff-open/x"],
                               capture_output=True, text=True, timeout=30, check=True).stdout
    # Let through, and there is no such key: S3 says 403 of that to whoever may not list. With the key there, it is read.
    server.client("s3").put_object(Bucket="access-diff-open", Key="x", Body=b"read me")
    read = subprocess.run(["curl", "-s", f"{server.endpoint}/access-diff-open/x"], capture_output=True, text=True, timeout=30, check=True).stdout
    assert anonymous == "403" and read == "read me"
    server.client("s3").delete_object(Bucket="access-diff-open", Key="x")
    folder.destroy()


def test_who_may_already_use_a_new_bucket(server, folder):
    iam = server.client("iam")
    iam.create_user(UserName="diff-admin")
    iam.put_user_policy(UserName="diff-admin", PolicyName="s3",
                        PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}')
    folder.yaml("resources:\n  fresh:\n    type: aws:s3:Bucket\n    properties: {bucket: access-diff-fresh}\n")
    report = folder.preview()
    already = [change for change in report["access"]["changes"] if change["kind"] == "already"]
    assert any("user diff-admin" in change["who"] and "s3:DeleteObject" in change["actions"] for change in already), report["access"]
    iam.delete_user_policy(UserName="diff-admin", PolicyName="s3")
    iam.delete_user(UserName="diff-admin")


def test_what_may_not_be_read_is_said_by_name(server, folder):
    """Whoever deploys with few permissions gets the plan all the same."""
    iam = server.client("iam")
    iam.create_user(UserName="diff-deployer")
    iam.put_user_policy(UserName="diff-deployer", PolicyName="p",
                        PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:CreateBucket","Resource":"*"}]}')
    key = iam.create_access_key(UserName="diff-deployer")["AccessKey"]
    folder.yaml("resources:\n  fresh:\n    type: aws:s3:Bucket\n    properties: {bucket: access-diff-unread}\n")
    done = folder.run("preview", "--json", AWS_ACCESS_KEY_ID=key["AccessKeyId"], AWS_SECRET_ACCESS_KEY=key["SecretAccessKey"],
                      AWS_SESSION_TOKEN="")
    unread = "\n".join(json.loads(done.stdout)["access"]["unread"])
    assert "iam:GetAccountAuthorizationDetails: AccessDenied" in unread and "s3:ListAllMyBuckets" in unread
    assert "access" not in json.loads(folder.run("preview", "--json", "--skip-access").stdout)
    iam.delete_access_key(UserName="diff-deployer", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="diff-deployer", PolicyName="p")
    iam.delete_user(UserName="diff-deployer")


RULES = """
rules:
  - name: training data stays
    deny: {actions: ["s3:DeleteObject*"], resources: ["arn:aws:s3:::access-diff-data/*"], except: ["*:user/diff-admin"]}
  - name: the reader reads
    allow: {principals: "arn:aws:iam::*:user/diff-reader", actions: s3:GetObject, resources: "arn:aws:s3:::access-diff-data/*"}
"""


def test_a_plan_that_breaks_a_rule_is_refused_with_its_witness(server, folder):
    folder.write("rules.yaml", RULES)
    folder.yaml(USERS.replace("ACTIONS", '"s3:GetObject"'))
    made = folder.up("--guard", "rules.yaml")
    assert [rule["outcome"] for rule in made["guards"]] == ["kept", "kept"], made["guards"]
    assert folder.run("prove", "rules.yaml", "--junit", "junit.xml").stdout.endswith("Rules: 2 kept, 0 broken, 0 not proved\n")
    suite = xml.etree.ElementTree.parse(folder.path / "junit.xml").getroot()[0]
    assert suite.attrib["tests"] == "2" and suite.attrib["failures"] == "0" and len(suite) == 2

    folder.edit("Pulumi.yaml", '"s3:GetObject"', '"s3:GetObject", "s3:DeleteObject"')
    done = folder.run("up", "--yes", "--guard", "rules.yaml", check=False)
    assert done.returncode == 1 and "nothing was changed" in done.stderr, done.stderr
    assert "broken training data stays: user diff-reader may s3:DeleteObject" in done.stdout, done.stdout
    assert server.client("iam").get_user_policy(UserName="diff-reader", PolicyName="reading")["PolicyDocument"]["Statement"][0]["Action"] == [
        "s3:GetObject"]
    report = json.loads(folder.run("preview", "--json", "--guard", "rules.yaml", check=False).stdout)
    witness = report["guards"][0]["witness"]
    key = server.client("iam").create_access_key(UserName="diff-reader")["AccessKey"]
    client = server.client_as({"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]}, "s3")
    assert not allowed(client, witness)
    folder.up()
    # What the rule was broken by is what the server does.
    assert allowed(client, witness)
    broken = folder.run("prove", "rules.yaml", "--json", "--junit", "junit.xml", check=False)
    assert broken.returncode == 1 and json.loads(broken.stdout)[0]["outcome"] == "broken"
    suite = xml.etree.ElementTree.parse(folder.path / "junit.xml").getroot()[0]
    assert suite.attrib["failures"] == "1" and "s3:DeleteObject" in suite[0].find("failure").attrib["message"]
    server.client("iam").delete_access_key(UserName="diff-reader", AccessKeyId=key["AccessKeyId"])
    folder.destroy()


def test_what_could_not_be_checked_is_no_earlier_runs_success(server, folder):
    folder.write("rules.yaml", RULES)
    (folder.path / "junit.xml").write_text("<testsuites/>")
    folder.environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
    done = folder.run("prove", "rules.yaml", "--junit", "junit.xml", check=False)
    assert done.returncode == 1 and "the account cannot be read" in done.stderr and "broken" not in done.stdout, (done.stdout, done.stderr)
    suite = xml.etree.ElementTree.parse(folder.path / "junit.xml").getroot()[0]
    assert suite.attrib["errors"] == "1" and "the account cannot be read" in suite[0].find("error").attrib["message"]


def test_a_file_of_rules_is_refused_by_its_line(folder):
    folder.write("rules.yaml", RULES.replace("s3:DeleteObject*", "s3:DeleteObjct"))
    assert "rules.yaml: line 4: `s3:DeleteObjct` matches no action of AWS" in folder.fails("prove", "rules.yaml")
    folder.yaml("resources: {}\n")
    assert "rules.yaml: line 4" in folder.fails("up", "--yes", "--guard", "rules.yaml")
    assert "--skip-preview" in folder.fails("up", "--yes", "--skip-preview", "--guard", "rules.yaml")


def test_the_schema_for_editors_says_what_the_reader_takes(folder):
    schema = json.loads((ROOT / "docs/access-rules.schema.json").read_text())
    rule = schema["properties"]["rules"]["items"]
    assert set(rule["properties"]) == {"name", "allow", "deny", "only"}
    for member in schema["$defs"]["body"]["properties"]:
        folder.write("rules.yaml", f"rules:\n  - name: a\n    deny: {{{member}: [], actions: []}}\n")
        assert f"has no `{member}`" not in folder.fails("prove", "rules.yaml")
    folder.write("rules.yaml", "rules:\n  - name: a\n    deny: {other: []}\n")
    said = folder.fails("prove", "rules.yaml")
    assert "has no `other`; it takes " + ", ".join(schema["$defs"]["body"]["properties"]) in said, said
