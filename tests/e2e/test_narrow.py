"""A role of a program is narrowed to what its training needed: `least-privilege --patch` says what to change of the program (in YAML, Python or
TypeScript), the changed program is deployed, and the same training runs again, also after its script was edited."""

import json
import os
import pathlib
import sys

import pytest
import yaml
from deploying import Folder, operations

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))
from test_sagemaker import SAGEMAKER, IMAGE, wait  # noqa: E402
from test_up_typescript import node_modules  # noqa: E402, F401

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


def deployed(server, folder, **environment):
    """The outputs of the program, with data in its bucket."""
    folder.up(**environment)
    outputs = json.loads(folder.run("stack", "output", "--json").stdout)
    for number in range(6):
        server.client("s3").put_object(Bucket=outputs["bucket"], Key=f"train/{number}", Body=b"x")
    return outputs


def patched(folder, patch):
    program = merged(yaml.safe_load((folder.path / "Pulumi.yaml").read_text()), patch["mergePatch"])
    return folder.write("Pulumi.yaml", yaml.safe_dump(program))


def test_the_patch_narrows_the_role(server, folder):
    folder.yaml(PROGRAM)
    outputs = deployed(server, folder)
    train(server, "before", outputs)
    patch = json.loads(folder.run("least-privilege", outputs["role"], "--patch").stdout)
    assert patch["byHand"] == []
    assert sorted((step["op"], step["urn"].rsplit("::", 1)[1], step.get("property")) for step in patch["steps"]) == [
        ("remove", "full", None), ("update", "objects", "policy")]
    text = json.dumps(patch["mergePatch"])
    assert outputs["bucket"] not in text and "${data.arn}/train/*" in text and "$${aws:username}" in text
    patched(folder, patch)
    report = folder.up()
    assert sorted(operations(report)) == [("delete", "full"), ("update", "objects")]
    lost = [change["text"] for change in report["access"]["changes"]]
    assert lost and all(text.startswith("-") for text in lost), lost
    train(server, "after", outputs)
    # What was deployed is what was proved: nothing is left to narrow.
    again = json.loads(folder.run("least-privilege", outputs["role"], "--json").stdout)
    assert again["Count"].get("Lost") is None and again["DroppedActions"] == []


def run_script(folder, outputs, name, program):
    (folder.path / "train.py").write_text(program)
    folder.run("train", "run", "--role", outputs["role"], "--output", f"s3://{outputs['bucket']}/models", "--entry", folder.path / "train.py",
               "--input", f"train=s3://{outputs['bucket']}/train/", "--name", name)


def test_an_edited_script_trains_again(server, folder):
    """The source lies below its own digest: that of the next script is another one."""
    folder.yaml(PROGRAM)
    outputs = deployed(server, folder)
    script = "import os\nopen(os.environ['SM_MODEL_DIR'] + '/m', 'w').write('one')\n"
    run_script(folder, outputs, "edited-1", script)
    document = json.loads(json.loads(folder.run("least-privilege", outputs["role"], "--json").stdout)["PolicyDocument"])
    sources = [resource for statement in document["Statement"] for resource in statement["Resource"] if "/source/" in resource]
    assert sources == [f"arn:aws:s3:::{outputs['bucket']}/models/*/source/*/*"]
    patched(folder, json.loads(folder.run("least-privilege", outputs["role"], "--patch").stdout))
    folder.up()
    run_script(folder, outputs, "edited-2", script.replace("one", "two"))
    # Of the recorded resources alone it would not.
    exact = json.loads(folder.run("least-privilege", outputs["role"], "--generality", "exact", "--json").stdout)["PolicyDocument"]
    iam = server.client("iam")
    role = outputs["role"].rsplit("/", 1)[1]
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=exact)
    with pytest.raises(AssertionError):
        run_script(folder, outputs, "edited-3", script.replace("one", "three"))


OWN = PROGRAM.split("  full:")[0] + """      managedPolicyArns: ["arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"]
      inlinePolicies:
        - name: wide
          policy: {"fn::toJSON": {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}}
        - name: wider
          policy: {"fn::toJSON": {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "iam:*", Resource: "*"}]}}
  data: {type: aws:s3:Bucket}
outputs: {role: "${trainer.arn}", bucket: "${data.bucket}"}
"""


def test_a_role_with_policies_of_its_own_is_narrowed_in_its_arguments(server, folder):
    folder.yaml(OWN)
    outputs = deployed(server, folder)
    train(server, "own-before", outputs)
    patch = json.loads(folder.run("least-privilege", outputs["role"], "--patch").stdout)
    assert [(step["op"], step["urn"].rsplit("::", 1)[1], step["property"]) for step in patch["steps"]] == [
        ("update", "trainer", "inlinePolicies"), ("update", "trainer", "managedPolicyArns")]
    patched(folder, patch)
    assert operations(folder.up()) == [("update", "trainer")]
    assert operations(folder.up()) == []
    refreshed = json.loads(folder.run("refresh", "--yes", "--json").stdout)["steps"]
    assert {step["name"] for step in refreshed} == {"trainer", "data"} and all("changed" not in step for step in refreshed)
    iam, role = server.client("iam"), outputs["role"].rsplit("/", 1)[1]
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["wide"]
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    again = json.loads(folder.run("least-privilege", outputs["role"], "--json").stdout)
    assert again["DroppedActions"] == [] and again["Count"].get("Lost") is None
    train(server, "own-after", outputs)


DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
FULL = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": SAGEMAKER}, "Action": "sts:AssumeRole"}]})
PROGRAMS = {  # the program, what each of its resources is, and the argument that is replaced
    "python": ("__main__.py", f"""import pulumi
import pulumi_aws as aws
trainer = aws.iam.Role("trainer", assume_role_policy='{TRUST}')
data = aws.s3.Bucket("data")
aws.iam.RolePolicyAttachment("full", role=trainer.name, policy_arn="{FULL}")
aws.iam.RolePolicy("objects", role=trainer.name, policy='{DOCUMENT}',)
pulumi.export("role", trainer.arn)
pulumi.export("bucket", data.bucket)
""", f"policy='{DOCUMENT}',"),
    "nodejs": ("index.ts", f"""import * as pulumi from "@pulumi/pulumi";
import * as aws from "@pulumi/aws";
const trainer = new aws.iam.Role("trainer", {{assumeRolePolicy: '{TRUST}'}});
const data = new aws.s3.Bucket("data");
new aws.iam.RolePolicyAttachment("full", {{role: trainer.name, policyArn: "{FULL}"}});
new aws.iam.RolePolicy("objects", {{role: trainer.name, policy: '{DOCUMENT}',}});
export const role = trainer.arn;
export const bucket = data.bucket;
""", f"policy: '{DOCUMENT}',"),
}


@pytest.mark.parametrize("runtime", PROGRAMS)
def test_a_program_in_another_language_gets_code(server, folder, node_modules, runtime):  # noqa: F811
    file, program, argument = PROGRAMS[runtime]
    environment = {"PULUMI_NODEJS_TRANSPILE_ONLY": "true"}
    if runtime == "nodejs":
        os.symlink(node_modules, folder.path / "node_modules")
        folder.write("package.json", json.dumps({"name": "demo", "main": file})).write("tsconfig.json", "{}")
    folder.write("Pulumi.yaml", f"name: demo\nruntime: {runtime}\n").write(file, program)
    outputs = deployed(server, folder, **environment)
    train(server, f"{runtime}-before", outputs)
    patch = json.loads(folder.run("least-privilege", outputs["role"], "--patch").stdout)
    assert patch["mergePatch"] is None and patch["byHand"] == []
    changes = {step["urn"].rsplit("::", 1)[1]: step for step in patch["steps"]}
    assert {name: step["op"] for name, step in changes.items()} == {"full": "remove", "objects": "update"}
    assert changes["objects"]["variables"] == {"data": "data"} and outputs["bucket"] not in changes["objects"]["code"]
    kept = "".join(line for line in program.splitlines(keepends=True) if '"full"' not in line)
    folder.write(file, kept.replace(argument, changes["objects"]["code"]))
    assert sorted(operations(folder.up(**environment))) == [("delete", "full"), ("update", "objects")]
    train(server, f"{runtime}-after", outputs)
    # Without a policy of the stack's own a whole resource is added.
    folder.write(file, program.replace('"objects"', '"others"'))
    folder.up(**environment)
    server.client("iam").delete_role_policy(RoleName=outputs["role"].rsplit("/", 1)[1], PolicyName=policy_name(server, outputs))
    server.client("iam").put_role_policy(RoleName=outputs["role"].rsplit("/", 1)[1], PolicyName="by-hand", PolicyDocument=DOCUMENT)
    patch = json.loads(folder.run("least-privilege", outputs["role"], "--patch").stdout)
    assert [step["op"] for step in patch["steps"]] == ["remove", "add"] and patch["byHand"] == [
        f"aws iam delete-role-policy --role-name {outputs['role'].rsplit('/', 1)[1]} --policy-name by-hand"]
    kept = "".join(line for line in program.splitlines(keepends=True) if '"full"' not in line and '"objects"' not in line)
    folder.write(file, kept + patch["steps"][1]["code"] + "\n")
    assert sorted(operations(folder.up(**environment))) == [("create", "trainer_least_privilege"), ("delete", "full"), ("delete", "others")]
    server.client("iam").delete_role_policy(RoleName=outputs["role"].rsplit("/", 1)[1], PolicyName="by-hand")
    train(server, f"{runtime}-added", outputs)


def policy_name(server, outputs):
    (name,) = server.client("iam").list_role_policies(RoleName=outputs["role"].rsplit("/", 1)[1])["PolicyNames"]
    return name
