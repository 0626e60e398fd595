"""`trainwarden lint` of a stack: the policies that its resources are, as they were deployed."""

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
