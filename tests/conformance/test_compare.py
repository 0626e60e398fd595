"""`trainwarden compare`: two policy documents, without a server."""

import json
import subprocess

import pytest

from conftest import BINARY


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action, resource, sid=None, **rest):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **({"Sid": sid} if sid else {}), **rest}


@pytest.fixture
def compare(tmp_path):
    def run(before, after, *options):
        files = [tmp_path / "before.json", tmp_path / "after.json"]
        for file, policy in zip(files, (before, after)):
            file.write_text(policy if isinstance(policy, str) else json.dumps(policy, indent=2))
        return subprocess.run([BINARY, "compare", *map(str, files), *options], capture_output=True, text=True, timeout=60)
    return run


READS = document(allow("s3:GetObject", "arn:aws:s3:::data/*"))
WRITES = document(allow("s3:GetObject", "arn:aws:s3:::data/*"), allow("s3:PutObject", "arn:aws:s3:::data/*", "Uploads"))
OTHERS = document(allow("s3:GetObject", "arn:aws:s3:::others/*"))
OFFICE = document(allow("s3:GetObject", "arn:aws:s3:::data/*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))


@pytest.mark.parametrize("before, after, result, status", [
    (READS, READS, "equivalent", 0),
    (READS, document(allow(["s3:getobject"], ["arn:aws:s3:::data/*", "arn:aws:s3:::data/a*"])), "equivalent", 0),
    (READS, OFFICE, "less", 0),
    (OFFICE, READS, "more", 1),
    (READS, WRITES, "more", 1),
    (WRITES, READS, "less", 0),
    (READS, OTHERS, "different", 1),
])
def test_what_is_said_of_two_documents(compare, before, after, result, status):
    answer = compare(before, after, "--json")
    said = json.loads(answer.stdout)
    assert (said["result"], answer.returncode) == (result, status)
    for side, expected in (("gained", result in ("more", "different")), ("lost", result in ("less", "different"))):
        assert said[side]["answer"] == ("yes" if expected else "no")
        assert ("witness" in said[side]) is expected and bool(said[side]["statements"]) is expected


def test_a_request_and_the_statement_that_allows_it_are_shown(compare):
    answer = compare(READS, WRITES)
    lines = answer.stdout.splitlines()
    assert lines[0].startswith("+ newly allows s3:PutObject on arn:aws:s3:::data/")
    assert lines[1:-1] == ["    by statement 2 (Uploads)"] and lines[-1].endswith("and more: proved")


def test_a_policy_of_a_bucket(compare):
    closed = document(allow("s3:GetObject", "arn:aws:s3:::data/*", Principal={"AWS": "arn:aws:iam::111122223333:role/trainer"}))
    opened = document(allow("s3:GetObject", "arn:aws:s3:::data/*", Principal="*"))
    assert json.loads(compare(closed, opened, "--json").stdout)["result"] == "more"
    assert compare(opened, closed).returncode == 0


def test_what_cannot_be_compared(compare):
    trust = document({"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"})
    answer = compare(READS, trust)
    assert answer.returncode == 2 and "are not of one kind" in answer.stderr
    answer = compare(READS, "{")
    assert answer.returncode == 2 and "after.json: " in answer.stderr
    assert compare(READS, document(allow("s3:GetObject", "data"))).returncode == 2
