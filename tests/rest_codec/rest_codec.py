#!/usr/bin/env python3
"""The REST-XML codec against botocore: for every operation of models/s3.yaml and models/s3control.yaml, inputs made from AWS's model are serialized by
botocore and decoded by us, and outputs are encoded by us and parsed by botocore. Both ways what comes out is what went in. Requests that are broken at random are read or refused, and the program lives.

rest_codec.py PROGRAM [SEED]
"""

import base64
import datetime
import json
import pathlib
import random
import subprocess
import sys
import urllib.parse
import xml.etree.ElementTree

import botocore.awsrequest
import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.serialize
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ROUNDS = 40       # inputs, and outputs, of each operation
MUTANTS = 10      # broken requests made of each input
HEADER_TEXT = "aB7-_./:;=+*\"'()&<>@!"
DOCUMENT_TEXT = HEADER_TEXT + " ü€😀%?#\n\t"
PATH_TEXT = "aB7-_./ ü€+&=?%"
UTC = datetime.timezone.utc


class Values:
    """Values of shapes, at random."""

    def __init__(self, seed, listing, skipped):
        self.random = random.Random(seed)
        self.listing = listing
        self.refused = {name for name, error in listing["errors"].items() if error.get("refused")}
        self.skipped = skipped  # of a member's header or name: whether it is left out

    def text(self, alphabet, least=0):
        return "".join(self.random.choice(alphabet) for _ in range(self.random.randint(least, 12)))

    def of(self, shape, where, depth=0):
        kind = shape.type_name
        if kind == "structure":
            return self.structure(shape, depth + 1)
        if kind == "list":
            # In a header they are parted by commas.
            return [self.of(shape.member, where, depth + 1) for _ in range(self.random.randint(1, 3))]
        if kind == "map":
            return {self.text("abc-", 1): self.header() for _ in range(self.random.randint(1, 3))}
        if kind in ("integer", "long"):
            return self.random.randint(0, 2**31 - 1)
        if kind == "boolean":
            return self.random.random() < 0.5
        if kind == "timestamp":
            seconds = self.random.randint(0, 4 * 10**9)
            fine = where == "answer" and shape.serialization.get("timestampFormat") not in ("rfc822",)
            return datetime.datetime.fromtimestamp(seconds, UTC) + datetime.timedelta(milliseconds=self.random.randint(0, 999) if fine else 0)
        if shape.enum:
            return self.random.choice(shape.enum)
        if where in ("header", "headers"):
            return self.header()
        return self.text(PATH_TEXT if where == "querystring" else DOCUMENT_TEXT)

    def header(self):
        return self.text(HEADER_TEXT, 1)

    def structure(self, shape, depth=0, answer=False):
        out = {}
        for name, member in shape.members.items():
            place = member.serialization
            where = place.get("location", "answer" if answer else "body")
            if f"{shape.name}.{name}" in self.refused or self.skipped(place.get("name", name), where) or member.serialization.get("streaming"):
                continue
            if name not in shape.required_members and name != shape.serialization.get("payload") and self.random.random() < 0.5:
                continue
            listed = {**self.listing["errors"].get(name, {}), **self.listing["errors"].get(f"{shape.name}.{name}", {})}.get("values")
            if listed and where == "querystring":
                out[name] = listed[0]
            elif name == "Bucket" and where == "uri":
                out[name] = self.text("abc1", 3)
            elif name == "Key" and where == "uri":
                out[name] = self.random.choice("ab7%ü") + self.text(PATH_TEXT)
            elif name == "AccountId":  # botocore makes a host of it
                out[name] = self.text("0123456789", 1)
            elif name == "ResourceArn":
                out[name] = "arn:aws:s3:::" + self.text("abc1", 3)
            elif where == "header" and member.type_name == "timestamp":
                out[name] = self.of(member, where).replace(microsecond=0)
            else:
                out[name] = self.of(member, where, depth)
        return out


def comparable(value, shape=None):
    """Timestamps as milliseconds since 1970, and nothing where a list without an element around it is empty."""
    if isinstance(value, datetime.datetime):
        return round(value.timestamp() * 1000)
    if isinstance(value, dict):
        return {key: comparable(item, shape and (shape.members.get(key) if shape.type_name == "structure" else shape.value)) for key, item in value.items()}
    if isinstance(value, list):
        return [comparable(item, shape and shape.member) for item in value]
    if shape is not None and shape.type_name == "timestamp" and isinstance(value, str):
        for form in ("%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%SZ", "%a, %d %b %Y %H:%M:%S GMT"):
            try:
                return round(datetime.datetime.strptime(value, form).replace(tzinfo=UTC).timestamp() * 1000)
            except ValueError:
                pass
    return value


class Codec:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the program ended at {question}"
        return json.loads(line)


def iso(value, name=""):
    """A document's form of a value."""
    if isinstance(value, datetime.datetime):
        if name == "Expires":  # a text in AWS's model, a time in botocore's reading of it
            return value.strftime("%a, %d %b %Y %H:%M:%S GMT")
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"
    if isinstance(value, dict):
        return {key: iso(item, key) for key, item in value.items()}
    return [iso(item) for item in value] if isinstance(value, list) else value


def check_request(codec, values, operation):
    given = values.structure(operation.input_shape) if operation.input_shape else {}
    request = botocore.serialize.create_serializer("rest-xml", False).serialize_to_request(given, operation)
    botocore.awsrequest.prepare_request_dict(request, "http://localhost:1")
    prepared = botocore.awsrequest.create_request_object(request).prepare()
    url = urllib.parse.urlsplit(prepared.url)
    body = prepared.body or b""
    body = body.encode() if isinstance(body, str) else body
    headers = [[name, value.decode() if isinstance(value, bytes) else value] for name, value in prepared.headers.items()]
    got = codec.ask(as_question(prepared, url, headers, body))
    context = f"{operation.name}\n  given {given}\n  url {prepared.url}\n  headers {headers}\n  body {body}\n  got {got}"
    assert got["operation"] == operation.name and "input" in got, context
    # What the model has not (models/s3.yaml, additional_members) is seen of Host alone.
    expected = comparable(given, operation.input_shape)
    known = {name: value for name, value in got["input"].items() if operation.input_shape and name in operation.input_shape.members}
    if "ContentLength" not in given:
        known.pop("ContentLength", None)  # the HTTP client's
    assert comparable(known, operation.input_shape) == expected, context


    return as_question(prepared, url, headers, body)


def as_question(prepared, url, headers, body):
    """The request as the program takes it."""
    return {"method": prepared.method, "path": url.path, "query": url.query, "headers": [*headers, ["Host", "localhost"]],
            "body": base64.b64encode(body).decode()}


def mutated(chance, question):
    """A request with something broken: the program says what, or reads it, and goes on."""
    out = dict(question)
    part = chance.choice(["path", "query", "headers", "body", "body"])
    if part == "headers":
        headers = [list(header) for header in question["headers"]]
        header = chance.choice(headers)
        header[chance.randint(0, 1)] = broken(chance, chance.choice(headers)[chance.randint(0, 1)])
        out["headers"] = headers
    elif part == "body":
        out["body"] = base64.b64encode(broken(chance, base64.b64decode(question["body"]).decode("latin1")).encode("latin1")).decode()
    else:
        out[part] = broken(chance, question[part])
    return out


def broken(chance, text):
    if not text:
        return chance.choice(["", "<", "x", "\0", "&"])
    at, length = chance.randrange(len(text)), chance.randint(1, 12)
    return chance.choice([text[:at] + text[at + length:], text[:at] + text[at:at + length] * 3 + text[at:],
                          text[:at] + chance.choice('<>&;"=%\0/ 9-') + text[at + 1:], text[at:] + text[:at]])


def check_answer(codec, values, service, operation):
    shape = operation.output_shape
    given = values.structure(shape, answer=True) if shape else {}
    got = codec.ask({"service": service, "operation": operation.name, "output": iso(given), "stream": "bytes"}) if shape else None
    if got is None:
        return
    context = f"{operation.name}\n  given {given}\n  got {got}\n  body {base64.b64decode(got.get('body', ''))}"
    assert "error" not in got, context
    body = base64.b64decode(got["body"])
    if operation.name == "GetBucketLocation":  # botocore reads it by hand
        assert (xml.etree.ElementTree.fromstring(body).text or "") == given.get("LocationConstraint", ""), context
        return
    headers = botocore.awsrequest.HeadersDict({name: value for name, value in got["headers"]})
    parsed = botocore.parsers.create_parser("rest-xml").parse({"status_code": got["status"], "headers": headers, "body": body}, shape)
    parsed.pop("ResponseMetadata")
    for name, member in shape.members.items():
        if member.type_name == "map" and parsed.get(name) == {}:  # of headers: botocore has one even where there are none
            parsed.pop(name)
        if member.serialization.get("streaming"):
            assert parsed.pop(name) is not None and body == b"bytes", context
    assert comparable(parsed, shape) == comparable(given, shape), context


def main():
    codec = Codec(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    checked, broken_requests = 0, {}
    for service in ("s3", "s3control"):
        listing = yaml.safe_load((ROOT / f"models/{service}.yaml").read_text())
        loaded = botocore.loaders.Loader().load_service_model(service, "service-2")
        for name, known_as in listing.get("renamed", {}).items():
            loaded["operations"][name] = {**loaded["operations"].pop(known_as), "name": name}
        model = botocore.model.ServiceModel(loaded, service)
        refused = [row["header"] for row in listing.get("refused_headers", ())]

        def left_out(name, where):
            if where not in ("header", "headers"):
                return False
            return any(name.lower().startswith(row[:-1]) if row.endswith("*") else name.lower() == row for row in refused)

        def unanswered(name, where):
            # The server's own, and what the tests set themselves.
            return name == "Content-Length"

        for name in listing["operations"]:
            operation = model.operation_model(name)
            for round_ in range(ROUNDS):
                inputs = Values(f"{seed} {name} {round_}", listing, left_out)
                question = check_request(codec, inputs, operation)
                checked += 1
                for _ in range(MUTANTS):
                    got = codec.ask(mutated(inputs.random, question))
                    broken_requests[got.get("error", "")] = broken_requests.get(got.get("error", ""), 0) + 1
                if operation.output_shape and operation.output_shape.name not in listing.get("without_members", ()):
                    if name != "GetBucketNotificationConfiguration":
                        check_answer(codec, Values(f"{seed} {name} {round_}", listing, unanswered), service, operation)
                        checked += 1
    codec.process.stdin.close()
    assert codec.process.wait(timeout=30) == 0
    assert checked > 57 * ROUNDS, checked
    # What is broken is read all the same (a letter of a key), or refused by a name that S3 has for it.
    known = {"", "InvalidArgument", "InvalidRequest", "InvalidStorageClass", "InvalidURI", "MalformedXML", "MethodNotAllowed", "NotImplemented",
             "AccessControlListNotSupported", "NoSuchOperation"}
    assert set(broken_requests) <= known, broken_requests
    print(f"broken requests: {broken_requests}")
    print(f"{checked} requests and answers are the same to botocore and to wire/rest_xml")


if __name__ == "__main__":
    main()
