"""Every resource type and function of the provider's table is one of pulumi_aws: each token in version 6 or 7, each property (and each property of a
block) in the types that have it, of the same kind, required where they require it; every property that a type of pulumi_aws has is taken or refused with
a reason. Each operation is one of AWS's own. docs/resource-types.md says what the table says.

    provider_types.py PROGRAM
"""
import json
import pathlib
import subprocess
import sys

import botocore.session

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "tools"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "clients"))
import install  # noqa: E402
import pulumi_aws_path  # noqa: E402
from pulumi_package import Package  # noqa: E402
from resource_types import page  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# Kinds that differ on purpose: pulumi_aws takes a policy as a text or an object, and so do we.
KIND = {"text": lambda p: not p["list"] and not p["map"] and not p["block"], "flag": lambda p: p["flag"], "number": lambda p: p["number"],
        "texts": lambda p: p["list"] and not p["block"], "labels": lambda p: p["map"] and not p["block"],
        "block": lambda p: p["block"] and not p["list"], "blocks": lambda p: p["block"] and p["list"],
        "document": lambda p: not p["list"], "asset": lambda p: not p["list"] and not p["block"]}
# Inputs of pulumi_aws that are neither taken nor refused with a reason: outputs that its schema counts among inputs, and what has no meaning here.
NOT_TAKEN = {"aws:iam/accessKey:AccessKey": {"pgpKey"}, "aws:iam/policy:Policy": {"delayAfterPolicyCreationInMs"},
             "aws:s3/bucket:Bucket": {"arn", "hostedZoneId", "websiteDomain", "websiteEndpoint"}, "aws:s3/bucketV2:BucketV2": {"tagsAll"}}
# Required here alone: an inline policy without a name or a document is none, and S3 refuses a lifecycle configuration without rules.
STRICTER = {"aws:iam/role:Role.inlinePolicies.name", "aws:iam/role:Role.inlinePolicies.policy",
            "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration.rules"}


class Check:
    def __init__(self):
        self.problems, self.compared = [], 0

    def says(self, good, text):
        self.compared += 1
        if not good:
            self.problems.append(text)

    def properties(self, where, ours, versions, whole):
        """`versions`: what each version of the type says of these properties."""
        for name, rule in ours.items():
            theirs = [version[name] for version in versions if name in version]
            self.says(theirs, f"{where}.{name}: no version of pulumi_aws has it")
            if rule["refused"] or not theirs:
                continue
            self.says(any(KIND[rule["shape"]](one) for one in theirs), f"{where}.{name} is {rule['shape']} here and {theirs[0]} there")
            if rule["required"]:
                self.says(any(one["required"] for one in theirs) or f"{where}.{name}" in STRICTER,
                          f"{where}.{name} is required here and by no version of pulumi_aws")
            if rule["members"]:
                self.properties(f"{where}.{name}", rule["members"], [one["members"] for one in theirs if one["members"]], whole)
        for version in versions:
            for name, one in version.items():
                self.says(name in ours or name in whole, f"{where}.{name}: pulumi_aws has it, and it is neither taken nor refused here")
                if one["required"] and name in ours and len(versions) == 1:
                    self.says(ours[name]["required"] or ours[name]["refused"], f"{where}.{name} is required by pulumi_aws and not here")


def operations():
    session = botocore.session.get_session()
    return {name for service in ("iam", "s3", "s3control", "sts") for name in session.get_service_model(service).operation_names}


def main():
    table = json.loads(subprocess.run([sys.argv[1]], capture_output=True, check=True, text=True).stdout)
    packages = [Package(pulumi_aws_path.of(install.install("pulumi-aws-6"))), Package(pulumi_aws_path.of(ROOT / ".venv"))]
    check, known = Check(), operations()
    for kind in table["types"]:
        declared = [(token, found) for token in kind["tokens"] for package in packages if (found := package.resource(token))]
        for token in kind["tokens"]:
            check.says(token in {name for name, _ in declared}, f"{token}: in neither version of pulumi_aws")
        whole = set().union(*(NOT_TAKEN.get(token, set()) for token in kind["tokens"]))
        check.properties(kind["tokens"][0], kind["properties"], [found["inputs"] for _, found in declared], whole)
        outputs = set().union(*(found["outputs"] for _, found in declared))
        for name in kind["computed"]:
            check.says(name in outputs, f"{kind['tokens'][0]}: {name} is no output of pulumi_aws")
        check.says(kind["operations"], f"{kind['tokens'][0]} names no operation")
        for operation in kind["operations"]:
            check.says(operation in known, f"{kind['tokens'][0]}: AWS has no operation {operation}")
    for function in table["functions"]:
        declared = [found for package in packages if (found := package.function(function["token"]))]
        check.says(declared, f"{function['token']}: in neither version of pulumi_aws")
        for argument in function["arguments"]:
            check.says(any(argument in found["arguments"] for found in declared), f"{function['token']} has no argument {argument} in pulumi_aws")
    check.says((ROOT / "docs/resource-types.md").read_text(encoding="utf-8") == page(table),
               "docs/resource-types.md: make it anew (tools/resource_types.py)")
    print(*check.problems, sep="\n", end="\n" if check.problems else "")
    print(f"{check.compared} statements about {len(table['types'])} types and {len(table['functions'])} functions, {len(check.problems)} problems")
    return 1 if check.problems or check.compared < 500 else 0


if __name__ == "__main__":
    sys.exit(main())
