"""What a REST-XML model (S3's) has beyond types: where members stand in HTTP, routes, and what models/SERVICE.yaml adds to it. Part of typed.py;
src/model/rest.hpp describes the tables.
"""

import re

from modelgen import quoted

LOCATIONS = {"header": "header", "headers": "prefix_headers", "querystring": "query", "uri": "uri", "statusCode": "status"}
# An operation's own parameters are what the API Reference's request syntax shows; this one says in logs which SDK call it was.
NO_ARGUMENT = "x-id"
WORDS = {"xml_namespace", "refused", "other_routes", "text_enums", "types", "not_required", "additional_members", "order", "without_members", "closed",
         "body_max", "rest", "errors", "empty_is_absent", "object_writes", "refused_headers", "renamed"}
# Of model::RestOperation, in its order.
FIELDS = ("headers", "parameters", "payload", "request_root", "body_bytes_max", "decided_on_body", "needs_digest", "writes_object", "malformed_code",
          "malformed_message", "status", "answer_payload", "answer_root", "unwrapped", "content_type")


def prepare(listing, model):
    """Changes the model as the listing says; before anything is made of it."""
    shapes = model["shapes"]
    for name, known_as in (listing.get("renamed") or {}).items():
        model["operations"][name] = {**model["operations"].pop(known_as), "name": name}
    model["metadata"]["xmlNamespace"] = listing["xml_namespace"]
    model["values"] = {name: shape["enum"] for name, shape in shapes.items() if "enum" in shape}
    for shape in shapes.values():
        # S3 has no general validation: constraints are in the errors of its members.
        for constraint in ("min", "max", "pattern", *(["enum"] if listing.get("text_enums") else [])):
            shape.pop(constraint, None)
    for name, kind in (listing.get("types") or {}).items():
        shapes[name] = {"type": kind}
    for name, members in (listing.get("not_required") or {}).items():
        shapes[name]["required"] = [member for member in shapes[name]["required"] if member not in members]
    shapes["ListedText"] = {"type": "string"}
    shapes["ListedNumber"] = {"type": "integer"}
    shapes["ListedHeaders"] = {"type": "map", "key": {"shape": "ListedText"}, "value": {"shape": "ListedText"}}
    for name, members in (listing.get("additional_members") or {}).items():
        for member, detail in members.items():
            if member in shapes[name]["members"]:
                raise ValueError(f"{name} has {member} in the model already")
            kind = "ListedHeaders" if detail["location"] == "headers" else "ListedNumber" if detail.get("type") == "integer" else "ListedText"
            shapes[name]["members"][member] = {"shape": kind, **{key: value for key, value in detail.items() if key != "type"}}
    for name in listing.get("without_members") or ():
        shapes[name]["members"] = {}
        shapes[name].pop("payload", None)
    for name, order in (listing.get("order") or {}).items():
        members = shapes[name]["members"]
        shapes[name]["members"] = {member: members[member] for member in [*order, *(key for key in members if key not in order)]}
    # A stream is one thing in a request and another in an answer.
    for part in ("input", "output"):
        for operation in model["operations"].values():
            shape = shapes[operation[part]["shape"]] if part in operation else {"members": {}}
            for detail in shape["members"].values():
                if detail.get("streaming"):
                    detail["shape"] = "RequestBody" if part == "input" else "ResponseBody"
    shapes["RequestBody"] = {"type": "request_body"}
    shapes["ResponseBody"] = {"type": "response_body"}


class Rest:
    def __init__(self, typed):
        self.typed = typed
        self.listing = typed.listing
        self.shapes = typed.shapes
        self.values = typed.model["values"]
        self.errors = []  # rows, each once
        self.used = set()

    def location(self, structure, member):
        shape = self.shapes[structure]
        detail = shape["members"][member]
        if detail.get("streaming"):
            return "stream"
        if shape.get("payload") == member:
            return "payload"
        if detail.get("xmlAttribute"):
            return "attribute"
        return LOCATIONS[detail["location"]] if "location" in detail else "body"

    def error(self, structure, member):
        """The table's row of the member's error, or nullptr."""
        listed = self.listing.get("errors") or {}
        in_head = self.location(structure, member) in ("header", "query")
        found = next((name for name in (f"{structure}.{member}", member) if name in listed and listed[name].get("refused", False) != in_head), None)
        is_absent = in_head and member in (self.listing.get("empty_is_absent") or ())
        if found is None and not is_absent:
            return "nullptr"
        self.used |= {found, member}
        error = listed[found] if found else {"code": "", "message": ""}
        values = "{" + ", ".join(quoted(value) for value in error["values"]) + "}" if "values" in error else None
        row = (quoted(error["code"]), quoted(error["message"]), values, quoted(error.get("empty", "")),
               error.get("before_decision", False), error.get("missing", False), is_absent, error.get("items_max", 0))
        if row not in self.errors:
            self.errors.append(row)
        return f"&member_errors[{self.errors.index(row)}]"

    def error_tables(self):
        unused = {*(self.listing.get("errors") or ()), *(self.listing.get("empty_is_absent") or ())} - self.used
        if unused:
            self.typed.stop(f"errors of members that no request has: {', '.join(sorted(unused))}")
        for number, row in enumerate(self.errors):
            if row[2]:
                yield f"constexpr std::string_view error_values_{number}[] = {row[2]};"
        if self.errors:
            yield "constexpr MemberError member_errors[] = {"
            for number, (code, message, values, empty, *flags, items_max) in enumerate(self.errors):
                values = f"error_values_{number}" if values else "{}"
                yield f"    {{{code}, {message}, {values}, {empty}, {', '.join('true' if flag else 'false' for flag in flags)}, {items_max}}},"
            yield "};"

    def field(self, part, detail, member):
        """&fields_N[M] of a member of an operation's input or output."""
        structure = detail[part]["shape"]
        return f"&fields_{self.typed.place[structure]}[{list(self.shapes[structure]['members']).index(member)}]"

    def operation_table(self, name, detail):
        """The row of model::RestOperation, and the arrays before it."""
        said = (self.listing.get("rest") or {}).get(name, {})
        arrays, row = [], []
        taken = detail.get("input")
        if taken:
            shape = self.shapes[taken["shape"]]
            members = shape["members"]
            for part, where in (("headers", "header"), ("parameters", "query")):
                found = [(index, members[member].get("locationName", member).lower()) for index, member in enumerate(members)
                         if self.location(taken["shape"], member) == where]
                if found:
                    arrays.append(f"constexpr uint16_t {part}_of_{name}[] = {{{', '.join(str(index) for index, _ in sorted(found, key=lambda pair: pair[1]))}}};")
                    row.append(f".{part} = {part}_of_{name}")
            in_body = any(self.location(taken["shape"], member) == "body" for member in members)
            if "payload" in shape:
                payload = members[shape["payload"]]
                row.append(f".payload = {self.field('input', detail, shape['payload'])}")
                if not payload.get("streaming") and self.shapes[payload["shape"]]["type"] == "structure":
                    row.append(f".request_root = {quoted(payload.get('locationName', payload['shape']))}")
            elif in_body:
                row.append(f".request_root = {quoted(taken.get('locationName', taken['shape']))}")
        if "output" in detail:
            shape = self.shapes[detail["output"]["shape"]]
            if "payload" in shape:
                payload = shape["members"][shape["payload"]]
                row.append(f".answer_payload = {self.field('output', detail, shape['payload'])}")
                if not payload.get("streaming") and self.shapes[payload["shape"]]["type"] == "structure":
                    row.append(f".answer_root = {quoted(payload.get('locationName', payload['shape']))}")
            elif "root" in said:
                row.append(f".answer_root = {quoted(said['root'])}")
            elif any(self.location(detail["output"]["shape"], member) == "body" for member in shape["members"]):
                self.typed.stop(f"the answer of {name} is a document without a root: name it under rest:")
        row.append(f".status = {said.get('status', detail['http'].get('responseCode', 200))}")
        row.append(f".body_bytes_max = {said.get('body_max', self.listing['body_max'])}")
        for flag in ("unwrapped", "decided_on_body", "needs_digest"):
            if said.get(flag):
                row.append(f".{flag} = true")
        if name in (self.listing.get("object_writes") or ()):
            row.append(".writes_object = true")
        if "content_type" in said:
            row.append(f".content_type = {quoted(said['content_type'])}")
        malformed = said.get("malformed")
        if malformed:
            row.append(f".malformed_code = {quoted(malformed['code'])}")
            row.append(f".malformed_message = {quoted(malformed['message'])}")
        row.sort(key=lambda field: FIELDS.index(field.split()[0][1:]))
        return [*arrays, f"constexpr RestOperation rest_of_{name} = {{{', '.join(row)}}};"]

    def route(self, name, detail):
        """Level, method, parameter, what an operation must have beside it to be told from others."""
        path, _, query = detail["requestUri"].partition("?")
        level = {"/": "service", "/{Bucket}": "bucket", "/{Bucket}/{Key+}": "object"}.get(path)
        if level is None:
            level = "control" if path.startswith("/v20180820/") else self.typed.stop(f"{name} has the path {path}, which is no known one")
        given = [part.partition("=") for part in query.split("&") if part and not part.startswith(NO_ARGUMENT + "=")]
        parameter = given[0][0] if given else ""
        value = given[0][2] if given else ""
        return level, detail["method"], parameter, value

    def routes(self):
        every = self.typed.every
        known = [*self.typed.operations, *(self.listing.get("refused") or ())]
        rows = []
        for name in sorted(known):
            if name not in every:
                self.typed.stop(f"refused lists {name}, which is no operation of the model")
            detail = every[name]
            level, method, parameter, value = self.route(name, detail["http"])
            shape = self.shapes[detail["input"]["shape"]] if "input" in detail else {"members": {}}
            required = {}
            for member in shape.get("required", ()):
                where = shape["members"][member]
                required.setdefault(where.get("location"), []).append(where.get("locationName"))
            parameters = required.get("querystring", [])
            # What names an upload is of operations on uploads alone.
            if not parameter and "uploadId" in parameters:
                parameter = "uploadId"
            rows.append({"level": level, "method": method, "parameter": parameter, "value": value, "operation": name,
                         # Of S3 Control, paths tell more apart (wire/s3_request.cpp).
                         "path": detail["http"]["requestUri"] if level == "control" else "",
                         "header": next((header for header in required.get("header", []) if header == "x-amz-copy-source"), ""),
                         "and_parameter": "id" if "id" in parameters else "",
                         "parameters": {where["locationName"] for where in shape["members"].values() if where.get("location") == "querystring"}})
        for name, http in (self.listing.get("other_routes") or {}).items():
            level, method, parameter, value = self.route(name, http)
            rows.append({"level": level, "method": method, "parameter": parameter, "value": value, "operation": name, "path": "", "header": "",
                         "and_parameter": "", "parameters": set()})
        alike = {}
        for row in rows:
            alike.setdefault((row["level"], row["method"], row["parameter"], row["path"]), []).append(row)
        for group in alike.values():
            if len(group) == 1:
                group[0]["and_parameter"] = ""  # nothing to be told from
        # The first row that fits decides: those that ask for more come first.
        rows.sort(key=lambda row: (not row["header"], not row["and_parameter"], row["operation"]))
        for group in alike.values():
            asked = [(row["header"], row["and_parameter"]) for row in group]
            if len(set(asked)) != len(asked):
                self.typed.stop(f"cannot tell apart {', '.join(row['operation'] for row in group)}")
        return rows

    def route_tables(self):
        rows = self.routes()
        chosen = {row["parameter"] for row in rows}
        steering, elsewhere = set(), set()
        for row in rows:
            if row["method"] in ("GET", "HEAD"):
                steering |= row["parameters"]
        for name, detail in self.typed.every.items():
            path, _, query = detail["http"]["requestUri"].partition("?")
            elsewhere |= {part.partition("=")[0] for part in query.split("&") if part} - {NO_ARGUMENT}
        if self.typed.name == "s3":
            elsewhere -= chosen | {"select-type"}
        else:
            elsewhere = set()
        with_id = sorted({row["parameter"] for row in rows if "id" in row["parameters"] and row["parameter"]})
        yield "constexpr Route routes[] = {"
        for row in rows:
            takes = [f"Route::takes_{flag}" for flag, parameter in (("part", "partNumber"), ("version", "versionId")) if parameter in row["parameters"]]
            yield (f"    {{Level::{row['level']}, {quoted(row['method'])}, {quoted(row['parameter'])}, {quoted(row['operation'])}, {quoted(row['header'])}, "
                   f"{quoted(row['and_parameter'])}, {' | '.join(takes) or '0'}}},")
        yield "};"
        for name, values in (("steering", sorted(steering - chosen)), ("elsewhere", sorted(elsewhere)), ("with_id", with_id)):
            yield f"constexpr std::span<const std::string_view> {name};" if not values else (
                f"constexpr std::string_view {name}[] = {{{', '.join(quoted(value) for value in values)}}};")

    def refused_tables(self):
        arrays, rows = [], []
        for number, row in enumerate(self.listing.get("refused_headers") or ()):
            lists = {"unless": row.get("unless", []), "known": self.values[row["known"]] if "known" in row else []}
            for part, values in lists.items():
                if values:
                    arrays.append(f"constexpr std::string_view refused_{part}_{number}[] = {{{', '.join(quoted(value) for value in values)}}};")
            star = row["header"].endswith("*")
            rows.append(f"    {{{quoted(row['header'].rstrip('*'))}, {'true' if star else 'false'}, RefusedHeader::Of::{row['of']}, "
                        f"{f'refused_unless_{number}' if lists['unless'] else '{}'}, {f'refused_known_{number}' if lists['known'] else '{}'}, "
                        f"{quoted(row['code'])}, {quoted(row['message'])}}},")
        yield from arrays
        yield "constexpr RefusedHeader refused_headers[] = {\n" + "\n".join(rows) + "\n};" if rows else "constexpr std::span<const RefusedHeader> refused_headers;"

    def tables(self):
        """After the shapes' fields, before the operations."""
        yield from self.route_tables()
        yield from self.refused_tables()
        yield ("constexpr RestService rest = {.routes = routes, .steering = steering, .elsewhere = elsewhere, .with_id = with_id, "
               ".refused_headers = refused_headers};")
        for name, detail in self.typed.operations.items():
            yield from self.operation_table(name, detail)
