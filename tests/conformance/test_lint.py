"""`trainwarden lint`, of files, a stack and an account; and ValidatePolicy, which answers with the same findings."""

import json
import subprocess

import pytest

from conftest import BINARY


def statement(effect, action, resource=None, principal=None, condition=None):
    return {"Effect": effect, "Action": action, **({"Resource": resource} if resource else {}),
            **({"Principal": principal} if principal else {}), **({"Condition": condition} if condition else {})}


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


@pytest.fixture
def lint(tmp_path):
    """lint(document, *options) -> the process's answer; the document is a file."""
    def run(policy, *options, text=None):
        file = tmp_path / "policy.json"
        file.write_text(text if text is not None else json.dumps(policy, indent=2))
        return subprocess.run([BINARY, "lint", str(file), *options], capture_output=True, text=True, timeout=60)
    return run


def codes(answer):
    return [finding["issueCode"] for policy in json.loads(answer.stdout)["policies"] for finding in policy["findings"]]


def test_a_right_policy(lint):
    answer = lint(document(statement("Allow", ["s3:GetObject", "s3:ListBucket"], ["arn:aws:s3:::data", "arn:aws:s3:::data/*"])))
    assert answer.returncode == 0 and answer.stdout == "nothing found in 1 policy\n", answer.stdout


def test_findings_have_lines_and_a_summary(lint):
    answer = lint(document(statement("Allow", "s3:GetObjekt", "*"), statement("Deny", "s3:PutObject", "arn:aws:s3:::data")))
    assert answer.returncode == 1
    lines = answer.stdout.splitlines()
    assert lines[0].endswith("policy.json (identity)")
    assert "  6:17  error  There is no action `s3:GetObjekt`. Did you mean `s3:GetObject`? INVALID_ACTION" in lines
    assert any("TRAINWARDEN_DENY_NEVER_APPLIES" in line and "security_warning" in line for line in lines)
    assert lines[-1] == "1 error, 1 security warning in 1 policy"


@pytest.mark.parametrize("level, status", [("error", 0), ("security_warning", 0), ("warning", 1), ("suggestion", 1)])
def test_the_exit_status_follows_fail_on(lint, level, status):
    warned = document(statement("Allow", ["s3:ListBucket", "s3:GetObject"], "arn:aws:s3:::data/*"))
    answer = lint(warned, "--fail-on", level, "--json")
    assert codes(answer) == ["TRAINWARDEN_ACTION_WITHOUT_RESOURCE"] and answer.returncode == status


def test_what_is_not_json_says_where(lint):
    answer = lint(None, text='{"Version": "2012-10-17",\n "Statement": [}', *())
    assert answer.returncode == 1 and "  2:16  error  This is not JSON: a value belongs here. JSON_SYNTAX_ERROR" in answer.stdout


def test_wrong_usage_and_what_cannot_be_read(lint, tmp_path):
    right = document(statement("Allow", "s3:GetObject", "arn:aws:s3:::data/*"))
    for options in (("--type", "bogus"), ("--fail-on", "bogus"), ("--account",)):
        answer = lint(right, *options)
        assert answer.returncode == 2 and answer.stdout == "" and answer.stderr.startswith("error: "), options
    answer = subprocess.run([BINARY, "lint", str(tmp_path / "missing.json")], capture_output=True, text=True, timeout=60)
    assert answer.returncode == 2 and "missing.json" in answer.stderr


def test_types_by_elements_and_by_name(lint):
    trust = document(statement("Allow", "sts:AssumeRole", principal={"Service": "sagemaker.amazonaws.com"}))
    assert json.loads(lint(trust, "--json").stdout)["policies"][0]["type"] == "trust"
    bucket = document(statement("Allow", "s3:GetObject", "arn:aws:s3:::data/*", principal={"AWS": "arn:aws:iam::111122223333:role/trainer"}))
    answer = lint(bucket, "--json")
    assert json.loads(answer.stdout)["policies"][0]["type"] == "bucket" and codes(answer) == ["TRAINWARDEN_ALLOW_IS_NOT_EXCLUSIVE"]
    assert "UNSUPPORTED_PRINCIPAL" in codes(lint(bucket, "--json", "--type", "identity"))
    assert "SCP_SYNTAX_ERROR_PRINCIPAL" in codes(lint(bucket, "--json", "--type", "scp"))


def test_validate_policy_answers_the_same(lint, server):
    policy = document(statement("Allow", "iam:PassRole", "*"), statement("Allow", "s3:GetObjekt", "*", condition={"StringEquals": {"aws:PrincipalTag/x": []}}))
    said = server.client("accessanalyzer").validate_policy(policyDocument=json.dumps(policy, indent=2), policyType="IDENTITY_POLICY")["findings"]
    ours = json.loads(lint(policy, "--json").stdout)["policies"][0]["findings"]
    assert [finding for finding in ours if not finding["issueCode"].startswith("TRAINWARDEN_")] == said
    assert {"INVALID_ACTION", "PASS_ROLE_WITH_STAR_IN_RESOURCE", "EMPTY_ARRAY_CONDITION"} <= {finding["issueCode"] for finding in said}
    passed = next(finding for finding in said if finding["issueCode"] == "PASS_ROLE_WITH_STAR_IN_RESOURCE")
    assert passed["findingType"] == "SECURITY_WARNING"
    assert [location["path"] for location in passed["locations"]] == [
        [{"value": "Statement"}, {"index": 0}, {"value": "Action"}], [{"value": "Statement"}, {"index": 0}, {"value": "Resource"}]]


def test_the_policies_of_an_account_together(server):
    iam, s3, account = server.client("iam"), server.client("s3"), server.account
    s3.create_bucket(Bucket="lint-data")
    for name, statements in {"lint-named": [statement("Allow", "s3:GetObject", "*"), statement("Deny", "s3:DeleteObject", "*")],
                             "lint-other": [statement("Allow", "s3:GetObject", "arn:aws:s3:::lint-data/*")]}.items():
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document(*statements)))
    named = {"AWS": f"arn:aws:iam::{account}:user/lint-named"}
    s3.put_bucket_policy(Bucket="lint-data", Policy=json.dumps(document(statement("Allow", "s3:GetObject", "arn:aws:s3:::lint-data/*", named))))
    answer = json.loads(server.trainwarden("lint", "--account", "--json", check=False).stdout)
    found = {(policy["policy"], finding["issueCode"]): finding for policy in answer["policies"] for finding in policy["findings"]}
    other = found["bucket policy of lint-data", "TRAINWARDEN_BUCKET_OPEN_TO_OTHERS"]
    assert "is not named and may s3:" in other["findingDetails"]
    useless = found["inline policy p of user lint-named", "TRAINWARDEN_DENY_WITHOUT_EFFECT"]
    assert useless["locations"][0]["path"] == [{"value": "Statement"}, {"index": 1}]
    # It is so: without the Deny the user may not delete either.
    iam.put_user_policy(UserName="lint-named", PolicyName="p", PolicyDocument=json.dumps(document(statement("Allow", "s3:*", "*"), statement("Deny", "s3:DeleteObject", "*"))))
    answer = json.loads(server.trainwarden("lint", "--account", "--json", check=False).stdout)
    assert not any(finding["issueCode"] == "TRAINWARDEN_DENY_WITHOUT_EFFECT" for policy in answer["policies"] for finding in policy["findings"]
                   if policy["policy"] == "inline policy p of user lint-named")
