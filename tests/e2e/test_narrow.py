"""A role of a program is narrowed to what its training needed: `least-privilege --patch` says what to change of the program, the changed program is
deployed, and the same training runs again."""

import json
import pathlib
import sys

import pytest
import yaml
from deploying import Folder, operations

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))
from test_sagemaker import SAGEMAKER, IMAGE, wait  # noqa: E402

PROGRAM = f"""
resources:
  trainer:
    type: aws:iam:Role
    properties:
      assumeRolePolicy:
        fn::toJSON:
          Version: "2012-10-17"
          Statement: [{{Effect: Allow, Principal: {{Service: {SAGEMAKER}}}, Action: "sts:AssumeRole"}}]
  full:
    type: aws:iam:RolePolicyAttachment
    properties: {{role: "${{trainer.name}}", policyArn: "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"}}
  data: {{type: aws:s3:Bucket}}
  objects:
    type: aws:iam:RolePolicy
    properties:
      role: ${{trainer.name}}
      policy:
        fn::toJSON:
          Version: "2012-10-17"
          Statement:
            - {{Effect: Allow, Action: "s3:*", Resource: "*"}}
            - {{Effect: Deny, Action: "s3:*", Resource: "${{data.arn}}/secret/${{aws:username}}"}}
outputs: {{role: "${{trainer.arn}}", bucket: "${{data.bucket}}"}}
""".replace("${aws:username}", "$${aws:username}")


def merged(target, patch):
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    out = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            out.pop(name, None)
        else:
            out[name] = merged(out.get(name), value)
    return out


@pytest.fixture
def folder(server, tmp_path):
    return Folder(server, tmp_path)


def train(server, name, outputs):
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{outputs['bucket']}/train/", "S3DataDistributionType": "FullyReplicated"}
    server.client("sagemaker").create_training_job(
        TrainingJobName=name, RoleArn=outputs["role"],
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File",
                                "ContainerEntrypoint": ["/bin/sh", "-c", "cat $SM_CHANNEL_TRAIN/* && echo m > $SM_MODEL_DIR/m"]},
        InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        OutputDataConfig={"S3OutputPath": f"s3://{outputs['bucket']}/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}, StoppingCondition={"MaxRuntimeInSeconds": 300})
    job = wait(server, name)
    assert job["TrainingJobStatus"] == "Completed", job


def test_the_patch_narrows_the_role(server, folder):
    folder.yaml(PROGRAM)
    folder.up()
    outputs = json.loads(folder.run("stack", "output", "--json").stdout)
    for number in range(6):
        server.client("s3").put_object(Bucket=outputs["bucket"], Key=f"train/{number}", Body=b"x")
    train(server, "before", outputs)
    patch = json.loads(folder.run("least-privilege", outputs["role"], "--patch").stdout)
    assert patch["byHand"] == []
    assert sorted((step["op"], step["urn"].rsplit("::", 1)[1], step.get("property")) for step in patch["steps"]) == [
        ("remove", "full", None), ("update", "objects", "policy")]
    text = json.dumps(patch["mergePatch"])
    assert outputs["bucket"] not in text and "${data.arn}/train/*" in text and "$${aws:username}" in text
    program = merged(yaml.safe_load((folder.path / "Pulumi.yaml").read_text()), patch["mergePatch"])
    folder.write("Pulumi.yaml", yaml.safe_dump(program))
    report = folder.up()
    assert sorted(operations(report)) == [("delete", "full"), ("update", "objects")]
    lost = [change["text"] for change in report["access"]["changes"]]
    assert lost and all(text.startswith("-") for text in lost), lost
    train(server, "after", outputs)
    # What was deployed is what was proved: nothing is left to narrow.
    again = json.loads(folder.run("least-privilege", outputs["role"], "--json").stdout)
    assert again["Count"].get("Lost") is None and again["DroppedActions"] == []
