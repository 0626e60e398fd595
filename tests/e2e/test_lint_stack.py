"""`trainwarden lint` of a stack: the policies that its resources are, as they were deployed, and as its program would have them."""

import json

from deploying import Folder

PROGRAM = """
resources:
  data:
    type: aws:s3:Bucket
    properties: {bucket: lint-stack-data}
  named:
    type: aws:iam:User
    properties: {name: lint-stack-named}
  other:
    type: aws:iam:User
    properties: {name: lint-stack-other}
  reading:
    type: aws:iam:UserPolicy
    properties:
      name: reading
      user: ${other.name}
      policy:
        fn::toJSON:
          Version: "2012-10-17"
          Statement: [{Effect: Allow, Action: ["s3:ListBucket", "s3:GetObject"], Resource: "${data.arn}/*"}]
  letting:
    type: aws:s3:BucketPolicy
    properties:
      bucket: ${data.id}
      policy:
        fn::toJSON:
          Version: "2012-10-17"
          Statement: [{Effect: Allow, Principal: {AWS: "${named.arn}"}, Action: "s3:GetObject", Resource: "${data.arn}/*"}]
"""


def test_the_policies_of_a_stack(server, tmp_path):
    folder = Folder(server, tmp_path).yaml(PROGRAM)
    folder.up()
    answer = folder.run("lint", "--json", check=False)
    said = json.loads(answer.stdout)
    found = {(policy["policy"], finding["issueCode"]): finding for policy in said["policies"] for finding in policy["findings"]}
    assert answer.returncode == 0, answer.stdout
    assert found["inline policy reading of user lint-stack-other", "TRAINWARDEN_ACTION_WITHOUT_RESOURCE"]
    assert "user lint-stack-other is not named" in found["bucket policy of lint-stack-data", "TRAINWARDEN_BUCKET_OPEN_TO_OTHERS"]["findingDetails"]
    assert any("the stack does not manage" in one for one in said["notChecked"])
    assert folder.run("lint", "--stack", "dev", "--fail-on", "warning", check=False).returncode == 1
    missing = folder.run("lint", "--stack", "nowhere", check=False)
    assert missing.returncode == 2 and "nowhere" in missing.stderr


def findings(answer):
    return {(policy["policy"], finding["issueCode"]) for policy in json.loads(answer.stdout)["policies"] for finding in policy["findings"]}


WIDE = ("inline policy reading of user lint-planned-other", "TRAINWARDEN_ACTION_WITHOUT_RESOURCE")
OPEN = ("bucket policy of lint-planned-data", "TRAINWARDEN_BUCKET_OPEN_TO_OTHERS")

PLANNED = PROGRAM.replace("lint-stack", "lint-planned")


def test_what_a_program_would_deploy(server, tmp_path):
    folder = Folder(server, tmp_path).yaml(PLANNED)
    # Before anything is deployed: there is no stack, and there is none afterwards.
    answer = folder.run("lint", "--preview", "--json", check=False)
    assert answer.returncode == 0 and {WIDE, OPEN} <= findings(answer), answer.stdout + answer.stderr
    assert "lint-planned-other" not in {user["UserName"] for user in server.client("iam").list_users()["Users"]}
    assert folder.run("lint", "--json", check=False).returncode == 2
    folder.up()
    # The program says something else than what was deployed: each is checked as it is.
    folder.yaml(PLANNED.replace('Action: ["s3:ListBucket", "s3:GetObject"]', 'Action: ["s3:GetObject"]'))
    assert WIDE in findings(folder.run("lint", "--json", check=False))
    answer = folder.run("lint", "--preview", "--json", check=False)
    assert WIDE not in findings(answer) and OPEN in findings(answer)
    # What is deleted by the program is none of its policies.
    folder.yaml(PLANNED[:PLANNED.index("  letting:")])
    answer = folder.run("lint", "--preview", "--json", check=False)
    assert WIDE in findings(answer) and OPEN not in findings(answer)
    assert folder.run("lint", "--preview", "--fail-on", "warning", check=False).returncode == 1
    folder.yaml(PLANNED.replace("${named.arn}", "${nothing.arn}"))
    answer = folder.run("lint", "--preview", check=False)
    assert answer.returncode == 2 and answer.stdout == "" and "nothing" in answer.stderr
    for wrong in (["--preview", "--account"], ["--preview", "policy.json"], ["--config", "a=b"]):
        answer = folder.run("lint", *wrong, check=False)
        assert answer.returncode == 2 and answer.stderr.startswith("error: "), wrong
