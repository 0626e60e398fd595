#!/usr/bin/env python3
"""Service models to C++ tables (src/wire/model.hpp).

modelgen.py LIST OUTPUT [--model FILE]

LIST is models/<service>.yaml: the operations that Trainwarden speaks. The model is AWS's own, from the installed botocore package
(data/<service>/<version>/service-2.json.gz), or FILE for a service of ours. Only the shapes that the listed operations reach are written; the
names of the other operations are kept, to refuse them by name.

Patterns are Java's; RE2 runs them here. `re2_pattern` translates the few spellings that differ. A pattern that RE2 cannot run (look-around) must be
listed under `unchecked_patterns` by its shape's name, with the reason: the build fails otherwise, so none gets lost unseen.
"""

import argparse
import gzip
import json
import pathlib
import re
import sys

import yaml

SCALARS = {
    "string": "string", "character": "string", "integer": "integer", "long": "integer", "float": "floating", "double": "floating",
    "boolean": "boolean", "timestamp": "timestamp", "blob": "blob",
}
# CloudWatch speaks three: CBOR and JSON where a header says so, else Query.
PROTOCOLS = {"query": "query", "json": "json", "smithy-rpc-v2-cbor": "query", "rest-json": "rest_json"}
REPEATS_MAX = 1000  # RE2's own limit


def load_botocore_model(service):
    import botocore

    folder = pathlib.Path(botocore.__file__).parent / "data" / service
    version = sorted(entry.name for entry in folder.iterdir())[-1]
    for name, reader in (("service-2.json.gz", gzip.open), ("service-2.json", open)):
        path = folder / version / name
        if path.exists():
            with reader(path, "rt", encoding="utf-8") as file:
                return json.load(file)
    sys.exit(f"modelgen: no model of {service} in {folder}")


def corrected(listing, model):
    """The model with `corrections:` of LIST, where AWS answers otherwise than its model says:

        corrections:
          User: {optional: [Path], because: "…"}           # members that the model requires
          AttachmentType: {enum: [Policy], because: "…"}   # the values that it has
    """
    for name, correction in (listing.get("corrections") or {}).items():
        shape = model["shapes"].get(name)
        if shape is None or not correction.get("because") or set(correction) - {"optional", "enum", "because"}:
            sys.exit(f"modelgen: corrections of {name}: the model must have it, and there must be a reason, `optional` or `enum`")
        for member in correction.get("optional", ()):
            if member not in shape.get("required", ()):
                sys.exit(f"modelgen: corrections of {name}: the model does not require {member}")
            shape["required"].remove(member)
        if "enum" in correction:
            if "enum" not in shape:
                sys.exit(f"modelgen: corrections of {name}: the model has no values for it")
            shape["enum"] = correction["enum"]
    return model


def re2_pattern(pattern, longest):
    """The same language for RE2, which always matches the whole value."""
    def code_point(match):
        return "\\x{" + match[1] + "}"

    out = re.sub(r"\\u(10[0-9A-Fa-f]{4}|1[0-9A-Fa-f]{4}(?=[-\]])|[0-9A-Fa-f]{4})", code_point, pattern)
    out = out.replace(r"\p{Alnum}", r"[:alnum:]")
    # `$` in the middle of Java patterns of AWS's is always meant as the end; RE2 agrees.

    def repeat(match):
        least, most = int(match[1]), int(match[2])
        if most <= REPEATS_MAX:
            return match[0]
        if longest is None or longest > most:
            raise ValueError(f"repeats {match[0]} times and no length limit makes up for it")
        return "{%d,}" % least

    out = re.sub(r"\{(\d+),(\d+)\}", repeat, out)
    if re.search(r"\(\?(=|!|<)", out):
        raise ValueError("looks around")
    return out


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?").replace("\n", "\\n") + '"sv'


class Writer:
    def __init__(self, listing, model):
        self.listing = listing
        self.model = model
        self.service = listing["service"]
        self.numbers = {}      # shape name to its place in the array
        self.order = []
        self.out = []
        self.unchecked = dict(listing.get("unchecked_patterns") or {})

    def number(self, name):
        """The shape's place; reaches everything below it."""
        if name in self.numbers:
            return self.numbers[name]
        if name not in self.model["shapes"]:
            sys.exit(f"modelgen: {self.service}: there is no shape {name}")
        self.numbers[name] = len(self.order)
        self.order.append(name)
        shape = self.model["shapes"][name]
        for member in shape.get("members", {}).values():
            self.number(member["shape"])
        for part in ("member", "key", "value"):
            if part in shape:
                self.number(shape[part]["shape"])
        return self.numbers[name]

    def pointer(self, name):
        return f"&{self.service}_shapes[{self.number(name)}]"

    def shape(self, name):
        shape = self.model["shapes"][name]
        kind = shape["type"]
        fields = [f".name = {quoted(name)}"]
        place = self.numbers[name]
        fields.append(f".type = ShapeType::{SCALARS.get(kind, kind)}")
        if shape.get("flattened"):
            fields.append(".flattened = true")
        if shape.get("sensitive"):
            fields.append(".sensitive = true")
        if kind == "long":
            fields.append(".is_long = true")
        for bound in ("min", "max"):
            if bound in shape:
                fields.append(f".has_{bound} = true")
        for bound in ("min", "max"):
            if bound in shape:
                fields.append(f".{bound} = {int(shape[bound])}")
        if "pattern" in shape:
            fields.append(f".pattern = {quoted(shape['pattern'])}")
            try:
                if name not in self.unchecked:
                    fields.append(f".re2_pattern = {quoted(re2_pattern(shape['pattern'], shape.get('max')))}")
                else:
                    self.unchecked.pop(name)
            except ValueError as error:
                sys.exit(f"modelgen: {self.service}: the pattern of {name} {error}: {shape['pattern']}\n"
                         f"  list {name} under unchecked_patterns with the reason, or teach re2_pattern")
        if shape.get("timestampFormat"):
            fields.append(f".timestamp_format = {quoted(shape['timestampFormat'])}")
        if "enum" in shape:
            values = ", ".join(quoted(value) for value in shape["enum"])
            self.out.append(f"constexpr std::string_view {self.service}_enum_{place}[] = {{{values}}};")
            fields.append(f".enumeration = {self.service}_enum_{place}")
        if kind == "structure" and shape.get("members"):
            required = set(shape.get("required", ()))
            rows = []
            for member, detail in shape["members"].items():
                rows.append(f"    {{{quoted(member)}, {quoted(detail.get('locationName', member))}, {self.pointer(detail['shape'])}, "
                            f"{'true' if member in required else 'false'}}},")
            self.out.append(f"constexpr Member {self.service}_members_{place}[] = {{\n" + "\n".join(rows) + "\n};")
            fields.append(f".members = {self.service}_members_{place}")
        if kind == "list":
            fields.append(f".item_name = {quoted(shape['member'].get('locationName', 'member'))}")
            fields.append(f".item = {self.pointer(shape['member']['shape'])}")
        if kind == "map":
            fields.append(f".item_name = {quoted(shape['key'].get('locationName', 'key'))}")
            fields.append(f".value_name = {quoted(shape['value'].get('locationName', 'value'))}")
            fields.append(f".item = {self.pointer(shape['value']['shape'])}")
            fields.append(f".key = {self.pointer(shape['key']['shape'])}")
        return "    {" + ", ".join(fields) + "},"

    def operations(self):
        listed = self.listing.get("operations")
        every = self.model["operations"]
        names = sorted(listed if listed is not None else every)
        unknown = [name for name in names if name not in every]
        if unknown:
            sys.exit(f"modelgen: {self.service}: AWS has no operation {', '.join(unknown)}")
        rows, errors = [], {}
        for name in names:
            operation = every[name]
            def part(which):
                return self.pointer(operation[which]["shape"]) if which in operation else "nullptr"
            wrapper = operation.get("output", {}).get("resultWrapper", "")
            rows.append(f"    {{{quoted(name)}, {part('input')}, {part('output')}, {quoted(wrapper)}}},")
            for error in operation.get("errors", ()):
                shape = self.model["shapes"][error["shape"]]
                detail = shape.get("error", {})
                status = detail.get("httpStatusCode", 500 if shape.get("fault") else 400)
                errors[detail.get("code", error["shape"])] = (error["shape"], status)
        others = sorted(set(every) - set(names))
        return rows, errors, others

    def routes(self):
        """REST-JSON: method and path of every operation that AWS has, those with the fewest labels first."""
        rows = [(operation["http"]["requestUri"], operation["http"]["method"], name) for name, operation in self.model["operations"].items()]
        for path, _, name in rows:
            if "?" in path or "+}" in path:
                sys.exit(f"modelgen: {self.service}: {name} has the path {path}: a query or a greedy label is not supported")
        return [f"    {{{quoted(method)}, {quoted(path)}, {quoted(name)}}}," for path, method, name in sorted(rows, key=lambda row: (row[0].count("{"), row))]

    def text(self):
        metadata = self.model["metadata"]
        rows, errors, others = self.operations()
        shapes = [self.shape(name) for name in self.order]
        if self.unchecked:
            sys.exit(f"modelgen: {self.service}: unchecked_patterns lists shapes without need: {', '.join(self.unchecked)}")
        s = self.service
        error_rows = [f"    {{{quoted(code)}, {quoted(shape)}, {status}}}," for code, (shape, status) in sorted(errors.items())]
        def array(kind, name, lines):
            return f"constexpr {kind} {name}[] = {{\n" + "\n".join(lines) + "\n};" if lines else f"constexpr std::span<const {kind}> {name};"
        protocol = PROTOCOLS[metadata["protocol"]]
        routes = self.routes() if protocol == "rest_json" else []
        return "\n".join([
            "// Generated by tools/modelgen/modelgen.py: do not edit.",
            '#include "wire/model_tables.hpp"',
            "",
            "namespace wire::tables {",
            "using namespace std::literals;",
            f"extern const Shape {s}_shapes[{len(shapes)}];",
            "namespace {",
            *self.out,
            array("OperationModel", f"{s}_operations", rows),
            array("std::string_view", f"{s}_others", [f"    {quoted(name)}," for name in others]),
            array("ErrorModel", f"{s}_errors", error_rows),
            *([array("RestRoute", f"{s}_routes", routes)] if routes else []),
            "}  // namespace",
            f"const Shape {s}_shapes[{len(shapes)}] = {{",
            *shapes,
            "};",
            f"const ServiceModel {s} = {{",
            f"    .signing_name = {quoted(metadata.get('signingName', metadata['endpointPrefix']))},",
            f"    .protocol = Protocol::{protocol},",
            f"    .query_compatible = {'true' if 'awsQueryCompatible' in metadata else 'false'},",
            f"    .rpc_v2_cbor = {'true' if 'smithy-rpc-v2-cbor' in metadata.get('protocols', ()) else 'false'},",
            f"    .version = {quoted(metadata['apiVersion'])},",
            f"    .xml_namespace = {quoted(metadata.get('xmlNamespace', ''))},",
            f"    .target_prefix = {quoted(metadata.get('targetPrefix', ''))},",
            f"    .json_version = {quoted(metadata.get('jsonVersion', ''))},",
            f"    .operations = {s}_operations,",
            f"    .other_operations = {s}_others,",
            f"    .errors = {s}_errors,",
            *([f"    .routes = {s}_routes,"] if routes else []),
            "};",
            "}  // namespace wire::tables",
            "",
        ])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("listing", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--model", type=pathlib.Path)
    arguments = parser.parse_args()
    listing = yaml.safe_load(arguments.listing.read_text()) or {}
    if arguments.model:
        model = json.loads(arguments.model.read_text())
    else:
        model = load_botocore_model(listing["service"])
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(Writer(listing, corrected(listing, model)).text())


if __name__ == "__main__":
    main()
