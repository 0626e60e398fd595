#!/usr/bin/env python3
"""docs/coverage.md from the code: what `trainwarden coverage` says works, beside every operation of AWS's own service models (botocore).

coverage.py TRAINWARDEN > docs/coverage.md
"""

import json
import pathlib
import subprocess
import sys

import botocore.session
import yaml

MODELS_FOLDER = pathlib.Path(__file__).resolve().parent.parent / "models"

SERVICES = {
    "iam": ("IAM", "InvalidAction"),
    "sts": ("STS", "InvalidAction"),
    "s3": ("S3", "NotImplemented"),
    "s3control": ("S3 Control", "NotImplemented"),
    "sagemaker": ("SageMaker", "UnknownOperationException"),
    "logs": ("CloudWatch Logs", "UnknownOperationException"),
    "monitoring": ("CloudWatch", "InvalidAction"),
    "cloudtrail": ("CloudTrail", "UnknownOperationException"),
    "access-analyzer": ("IAM Access Analyzer", "UnknownOperationException"),
}

# What works in part, and what does not.
IN_PART = {
    "s3": {
        "PutBucketVersioning": "`Suspended` alone: there are no versions of objects, and `Enabled` is answered `NotImplemented`",
        "GetBucketVersioning": "there is nothing to tell but that versioning was never enabled",
        "ListObjectVersions": "each object has the version `null`",
    },
}

# S3 Control signs as S3 and comes to the same endpoint. Some of its operations are called here as CloudTrail calls them (`renamed:`).
CONTROL = "s3control"
# Of S3, but of no service model: what browsers ask before a request.
BESIDE_MODELS = {"PreflightRequest"}

# Where botocore's name is not the signing name.
MODELS = {"monitoring": "cloudwatch", "access-analyzer": "accessanalyzer"}

# The groups of models/SERVICE.yaml whose operations answer, as AWS does for whoever has none of it, that nothing is configured.
UNCONFIGURED = {"iam": "not_configured", "s3": "not_configured"}

HEAD = """# API coverage

Made by `tools/coverage.py` from the operations that the gate has registered (`trainwarden coverage`) and AWS's own service models; a test
checks that it is current. Operations that are not implemented are refused with AWS's own error. Some operations read settings that this server does
not have: they return AWS's answer for "not configured", because SDKs and Terraform call them.

| service | works | nothing configured | refused | refused with |
|---|---|---|---|---|
"""


def paragraph(names):
    return ", ".join(f"`{name}`" for name in names)


def main():
    works = json.loads(subprocess.run([sys.argv[1], "coverage", "--json"], check=True, capture_output=True, text=True).stdout)
    session = botocore.session.get_session()
    renamed = yaml.safe_load((MODELS_FOLDER / f"{CONTROL}.yaml").read_text())["renamed"]
    control = set(session.get_service_model(CONTROL).operation_names) - set(session.get_service_model("s3").operation_names) | set(renamed)
    works[CONTROL] = sorted(renamed.get(name, name) for name in works["s3"] if name in control)
    works["s3"] = [name for name in works["s3"] if name not in control | BESIDE_MODELS]
    table, sections = "", ""
    if without_title := set(works) - set(SERVICES) - {"trainwarden"}:
        sys.exit(f"services without a title in tools/coverage.py: {sorted(without_title)}")
    for service, (title, error) in SERVICES.items():
        everything = set(session.get_service_model(MODELS.get(service, service)).operation_names)
        ours = works.get(service, [])
        unknown = sorted(set(ours) - everything)
        if unknown:
            sys.exit(f"{service} has no operations {unknown}")
        refused = sorted(everything - set(ours))
        groups = yaml.safe_load((MODELS_FOLDER / f"{service}.yaml").read_text()).get("groups", {}) if service in UNCONFIGURED else {}
        unconfigured = sorted(groups.get(UNCONFIGURED.get(service), []))
        if set(unconfigured) - set(ours) or service in UNCONFIGURED and not unconfigured:
            sys.exit(f"models/{service}.yaml: the group {UNCONFIGURED[service]} is not what is served: {unconfigured}")
        working = [name for name in ours if name not in unconfigured]
        table += f"| {title} | {len(working)} | {len(unconfigured)} | {len(refused)} | `{error}` |\n"
        sections += f"\n## {title}\n\nWorks: {paragraph(working) or 'nothing yet'}.\n"
        for name, limit in IN_PART.get(service, {}).items():
            if name not in working:
                sys.exit(f"{service} has no {name} that works in part")
            sections += f"\nIn part: `{name}`: {limit}.\n"
        if unconfigured:
            sections += f"\nAnswers that nothing is configured: {paragraph(unconfigured)}.\n"
        if len(refused) <= 120:
            sections += f"\nRefused: {paragraph(refused)}.\n"
        else:
            sections += f"\nRefused: the other {len(refused)} operations.\n"
    sections += f"\n## Trainwarden's own\n\nWorks: {paragraph(works['trainwarden'])}.\n"
    sys.stdout.write(HEAD + table + sections)


if __name__ == "__main__":
    main()
