"""The accesses that models/SERVICE.yaml declares, as constant tables (src/model/access.hpp). src/gate/README.md describes the vocabulary.

Stops with the file, the operation and what to write instead where the YAML says what does not fit the service's model.
"""

import re
import sys

TOP = {"service", "validation_error", "unchecked_patterns", "corrections", "groups", "documents", "operations", "resources", "keys",
       "brought", "absent", "beyond"}  # these three: tests/accesses.py
ACCESS = {"action", "with", "when", "resource", "keys", "like", "because", "absent"}
ENTRY = {"actions", "no_permission", "because", "needs"}
RESOURCE = {"arn", "default", "otherwise", "type"}
STANDARD_KEYS = {"aws:RequestTag/*": "Tags[].Key=Value", "aws:TagKeys": ["Tags[].Key", "TagKeys[]"]}
CALL = re.compile(r"([a-z_][a-z0-9_]*)\((.*)\)$")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z0-9]+$")
STEP = re.compile(r"([A-Za-z0-9_]+)(?:\[([^\]]*)\])?$")


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"sv'


def identifier(action):
    return re.sub(r"[^A-Za-z0-9]", "_", action)


class Accesses:
    """`typed`: the service's model as typed.py has it."""

    def __init__(self, typed):
        self.typed = typed
        self.listing = typed.listing
        self.shapes = typed.shapes
        self.where = f"models/{typed.name}.yaml"
        self.resources = self.listing.get("resources") or {}
        self.keys = {**STANDARD_KEYS, **(self.listing.get("keys") or {})}
        self.functions = []  # names, in the order of their first use
        self.actions = set()
        self.number = 0      # of arrays
        for word in self.listing:
            if word not in TOP | typed.words:
                self.stop("", f"`{word}` is none of {', '.join(sorted(TOP | typed.words))}")
        for name, entry in self.resources.items():
            if not isinstance(entry, dict) or "arn" not in entry or set(entry) - RESOURCE:
                self.stop(f"resources: {name}", "a resource is {arn: TEMPLATE or MEMBER, default: caller, otherwise: 'CODE: message'}")
            if "default" in entry and (entry["default"] != "caller" or "otherwise" not in entry):
                self.stop(f"resources: {name}", "`default` is `caller`, with `otherwise: 'CODE: message'` for callers that are no users")
        self.declared = {name: self.declaration(name) for name in typed.operations}

    def stop(self, place, why):
        sys.exit(f"modelgen: {self.where}{': ' + place if place else ''}: {why}")

    def entry(self, operation):
        return (self.listing.get("operations") or {}).get(operation)

    def declaration(self, operation):
        """A list of accesses, the reason why it needs none, or None: a function of the service says them."""
        entry = self.entry(operation)
        if entry is None:
            return None
        if isinstance(entry, list):
            if not entry:
                self.stop(operation, "an operation without an access says `{no_permission: WHY}`")
            for access in entry:
                self.check_words(operation, access, ACCESS)
            return entry
        if not isinstance(entry, dict) or set(entry) - ENTRY:
            self.stop(operation, "write a list of accesses, `{no_permission: WHY}`, or `{actions: […]}` where a function says its accesses")
        for action in entry.get("actions", []):
            self.action(operation, action)
        return entry.get("no_permission")

    def check_words(self, operation, access, words):
        if not isinstance(access, dict) or "action" not in access:
            self.stop(operation, f"an access has an `action`: {access}")
        for word in access:
            if word not in words:
                self.stop(operation, f"`{word}` is none of {', '.join(sorted(words))}")

    def action(self, operation, name):
        if not isinstance(name, str) or not ACTION.match(name):
            self.stop(operation, f"`{name}` is no action: write SERVICE:Name, as iam:GetRole")
        self.actions.add(name)
        return f"{{{quoted(name)}}}"

    def shape_of_input(self, operation):
        return self.typed.operations[operation].get("input", {}).get("shape")

    # --- paths ----------------------------------------------------------------------------------------------------------

    def steps(self, operation, path, of=None):
        """[(structure, place of the member, entry)], and the shape at its end; None if the input has no such member."""
        shape = of or self.shape_of_input(operation)
        steps = []
        for step in path.split("."):
            match = STEP.match(step)
            while shape and self.shapes[shape]["type"] == "list":
                shape = self.shapes[shape]["member"]["shape"]
            members = self.shapes[shape].get("members", {}) if shape else {}
            if not match or match[1] not in members:
                return None
            structure, shape = shape, members[match[1]]["shape"]
            kind = self.shapes[shape]["type"]
            if match[2] is not None:
                if kind == "list" and match[2] == "":
                    shape = self.shapes[shape]["member"]["shape"]
                elif kind == "map" and match[2]:
                    shape = self.shapes[shape]["value"]["shape"]
                else:
                    self.stop(operation, f"`{path}`: {match[1]} has the type {kind}; write `{match[1]}[]` for a list, `{match[1]}[KEY]` for a map's entry")
            elif kind == "map":
                self.stop(operation, f"`{path}`: {match[1]} is a map; write `{match[1]}[KEY]`")
            steps.append((structure, list(members).index(match[1]), match[2] if kind == "map" else ""))
        return steps, shape

    def path(self, operation, path, arrays, optional=False):
        """A C++ Path."""
        found = self.steps(operation, path)
        if found is None:
            if optional:
                return "{}"
            self.stop(operation, f"its input has no member `{path}`; it has {', '.join(self.shapes[self.shape_of_input(operation)].get('members', {})) or 'none'}")
        rows = [f"{{{self.field(structure, place)}{', ' + quoted(entry) if entry else ''}}}" for structure, place, entry in found[0]]
        return self.array("Step", rows, arrays)

    def field(self, structure, place):
        return f"&fields_{self.typed.place[structure]}[{place}]"

    def is_scalar(self, shape):
        return self.shapes[shape]["type"] not in ("structure", "list", "map")

    def scalar(self, operation, path, text=None):
        found = self.steps(operation, path)
        if found is not None and not self.is_scalar(found[1]):
            self.stop(operation, f"`{text or path}`: {path} is a {self.shapes[found[1]]['type']}, not a value; name a member in it")
        return found

    def array(self, kind, rows, arrays):
        if not rows:
            return "{}"
        text = f"[] = {{{', '.join(rows)}}};"
        for name, known in self.arrays:
            if known == (kind, text):
                return name
        self.number += 1
        name = f"access_{self.number}"
        self.arrays.append((name, (kind, text)))
        arrays.append(f"constexpr {kind} {name}{text}")
        return name

    # --- values ---------------------------------------------------------------------------------------------------------

    def call(self, operation, text, arrays):
        """A C++ FunctionCall, or None if the text is no call or none of its arguments is in this operation."""
        match = CALL.match(text)
        if not match:
            return None
        arguments = [argument.strip() for argument in match[2].split(",") if argument.strip()]
        if arguments and not any(self.steps(operation, argument) for argument in arguments):
            return None
        for argument in arguments:
            self.scalar(operation, argument, text)
        if match[1] not in self.functions:
            self.functions.append(match[1])
        paths = [self.path(operation, argument, arrays, optional=True) for argument in arguments]
        return f"{{{self.functions.index(match[1])}, {self.array('Path', paths, arrays)}}}"

    def template(self, operation, text, arrays):
        """A C++ Template."""
        parts, at = [], 0
        for match in PLACEHOLDER.finditer(text):
            if match.start() > at:
                parts.append(f"{{model::Part::Kind::text, {quoted(text[at:match.start()])}}}")
            at = match.end()
            parts.append(self.part(operation, match[1], text, arrays))
        if at < len(text):
            parts.append(f"{{model::Part::Kind::text, {quoted(text[at:])}}}")
        return self.array("model::Part", parts, arrays)

    def part(self, operation, inside, text, arrays):
        if inside in ("account", "region"):
            return f"{{model::Part::Kind::{inside}}}"
        if CALL.match(inside):
            call = self.call(operation, inside, arrays)
            if call is None:
                self.stop(operation, f"`{text}`: its input has none of the members in {inside}")
            return f"{{model::Part::Kind::call, {{}}, {{}}, {call}}}"
        member, bar, otherwise = inside.partition("|")
        found = self.scalar(operation, member, text)
        if found is None:
            if not bar:
                self.stop(operation, f"`{text}`: its input has no member `{member}`; name another resource, or write `{{{member}|DEFAULT}}`")
            return f"{{model::Part::Kind::text, {quoted(otherwise)}}}"
        for structure, place, _ in found[0]:
            shape = self.shapes[structure]
            name = list(shape["members"])[place]
            if not bar and name not in shape.get("required", ()) and not self.or_caller:
                self.stop(operation, f"`{text}`: {name} may be absent; write `{{{member}|DEFAULT}}`")
        return f"{{model::Part::Kind::member, {quoted(otherwise)}, {self.path(operation, member, arrays)}}}"

    def sources(self, operation, key, text, arrays):
        """C++ KeySources, one; none if this operation has no such member."""
        if not isinstance(text, str) or not text:
            self.stop(operation, f"{key}: `{text}` is no source: write a member, `function(Member)` or `'constant'`")
        if text.startswith("'"):
            if not re.match(r"'[^']+'$", text):
                self.stop(operation, f"{key}: `{text}` is no constant: write it between single quotes")
            return [f"{{.text = {self.template(operation, text[1:-1], arrays)}}}"]
        if CALL.match(text):
            call = self.call(operation, text, arrays)
            return [] if call is None else [f"{{.call = {call}}}"]
        path, equals, value = text.partition("=")
        if key.endswith("*") != bool(equals):
            self.stop(operation, f"{key}: write `LIST[].NAME=VALUE` for a key that ends in `*`, `MEMBER` for any other")
        if not equals:
            found = self.scalar(operation, path, text)
            return [f"{{.path = {self.path(operation, path, arrays)}}}"] if found else []
        parent, dot, name = path.rpartition(".")
        found = self.steps(operation, parent) if dot else None
        if found is None:
            return []
        members = list(self.shapes[found[1]].get("members", {}))
        if name not in members or value not in members:
            self.stop(operation, f"{key}: `{text}`: {found[1]} has the members {', '.join(members)}")
        return [f"{{.path = {self.path(operation, parent, arrays)}, .name = {self.field(found[1], members.index(name))}, "
                f".value = {self.field(found[1], members.index(value))}}}"]

    def key_rules(self, operation, keys, arrays):
        named = keys if isinstance(keys, dict) else {key: None for key in keys or []}
        rules = []
        for key, source in named.items():
            if source is None:
                if key not in self.keys:
                    self.stop(operation, f"{key} has no source: give it one under `keys:` of the file or here, `keys: {{{key}: Member}}`")
                source = self.keys[key]
            texts, otherwise = [], None
            for text in source if isinstance(source, list) else [source]:
                text, word, constant = str(text).partition(" or ")
                texts.append(text)
                if word:
                    if not re.match(r"'[^']*'$", constant) or otherwise is not None:
                        self.stop(operation, f"{key}: after ` or ` stands one constant between single quotes")
                    otherwise = constant[1:-1]
            rows = [row for text in texts for row in self.sources(operation, key, text, arrays)]
            if not rows:
                self.stop(operation, f"{key}: its input has nothing of {', '.join(texts)}; say where the value comes from: `keys: {{{key}: Member}}`")
            fields = [f".key = {quoted(key.removesuffix('*'))}"]
            if key.endswith("*"):
                fields.append(".has_names = true")
            if otherwise is not None:
                fields += [".has_otherwise = true", f".otherwise = {quoted(otherwise)}"]
            fields.append(f".sources = {self.array('KeySource', rows, arrays)}")
            rules.append(f"{{{', '.join(fields)}}}")
        return self.array("KeyRule", rules, arrays)

    # --- accesses -------------------------------------------------------------------------------------------------------

    def resource(self, operation, access, arrays):
        """Fields of an AccessRule, and the resource type."""
        said = access.get("resource")
        if said is None or said == "*":
            if said is None:
                self.stop(operation, "an access has a `resource` (`\"*\"` for an action without one) or `like: first`")
            return [".resource = AccessRule::Resource::none"], None
        new = said.startswith("new ")
        kind = said.removeprefix("new ")
        if said.startswith("arn:"):
            return [".resource = AccessRule::Resource::text", f".arn = {self.template(operation, said, arrays)}"], None
        if kind not in self.resources:
            if not new and self.scalar(operation, said):
                return [".resource = AccessRule::Resource::named", f".arn = {self.template(operation, '{' + said + '}', arrays)}"], None
            self.stop(operation, f"`{said}` is neither under `resources:` ({', '.join(self.resources)}) nor a member of its input, nor an ARN")
        entry = self.resources[kind]
        fields = [f".resource = AccessRule::Resource::{'made' if new else 'named'}"]
        if entry.get("default") == "caller" and not new:
            members = [inside.partition("|")[0] for inside in PLACEHOLDER.findall(entry["arn"])]
            optional = [name for name in members if self.steps(operation, name) and name not in self.required(operation)]
            optional = [name for name in optional if "|" not in dict((m.partition("|")[0], m) for m in PLACEHOLDER.findall(entry["arn"]))[name]]
            if optional:
                self.or_caller = True
                code, _, message = entry["otherwise"].partition(": ")
                fields += [f".or_caller = {self.path(operation, optional[0], arrays)}"]
                other = [f".other_code = {quoted(code)}", f".other_message = {quoted(message)}"]
            else:
                other = []
        else:
            other = []
        arn = entry["arn"] if entry["arn"].startswith("arn:") else "{" + entry["arn"] + "}"
        fields.insert(1, f".arn = {self.template(operation, arn, arrays)}")
        self.or_caller = False
        return fields + other, kind

    def required(self, operation):
        return self.shapes[self.shape_of_input(operation)].get("required", ())

    def rule(self, operation, access, first, arrays):
        fields = [f".action = {self.action(operation, access['action'])}"]
        others = [f"{{{self.path(operation, member, arrays)}, {self.action(operation, action)}}}"
                  for member, action in (access.get("with") or {}).items()]
        if others:
            fields.append(f".with = {self.array('OtherAction', others, arrays)}")
        when = access.get("when")
        if first is None and when is not None:
            self.stop(operation, "its first access is needed always: it has no `when`")
        if when is not None:
            absent = re.match(r"absent\((.*)\)$", when)
            if absent:
                if absent[1] != first:
                    self.stop(operation, f"`{when}`: the first access's resource is {first or 'no type of its own'}")
                fields.append(".when_absent = true")
            else:
                fields.append(f".when = {self.path(operation, when, arrays)}")
        if "like" in access:
            if access["like"] != "first" or first is None or "resource" in access:
                self.stop(operation, "`like: first` takes the resource and the keys of the first access, in another than the first")
            fields.append(".resource = AccessRule::Resource::first")
            kind = first
        else:
            more, kind = self.resource(operation, access, arrays)
            fields += more
        keys = self.key_rules(operation, access.get("keys"), arrays)
        if keys != "{}":
            fields.append(f".keys = {keys}")
        return f"{{{', '.join(fields)}}}", kind

    def tables(self, arrays):
        """Appends C++ arrays; gives the name of each declared operation's AccessRules."""
        self.arrays = []
        self.or_caller = False
        out = {}
        for operation, declared in self.declared.items():
            if declared is None:
                continue
            if isinstance(declared, str):
                fields = [f".no_permission = {quoted(declared)}"]
            else:
                rules, first = [], None
                for access in declared:
                    row, kind = self.rule(operation, access, first, arrays)
                    rules.append(row)
                    first = first or kind or "*"
                fields = [f".rules = {self.array('AccessRule', rules, arrays)}"]
            arrays.append(f"constexpr AccessRules accesses_{operation} = {{{', '.join(fields)}}};")
            out[operation] = f"&accesses_{operation}"
        return out

    def header(self):
        """For service.hpp, after `tables`: the names of actions and functions."""
        lines = ["// Every action that models/%s.yaml names." % self.typed.name, "struct Action {"]
        lines += [f'    static constexpr ActionName {identifier(action)}{{"{action}"}};' for action in sorted(self.actions)]
        lines += ["};", ""]
        if self.functions:
            lines += ["// The functions that it names: services/%s gives them to gate::add_operations." % self.typed.name, "struct Functions {"]
            lines += [f"    ValueFunction {name} = nullptr;" for name in self.functions]
            lines += [f"    [[nodiscard]] std::vector<ValueFunction> list() const {{ return {{{', '.join(self.functions)}}}; }}", "};", ""]
        return lines
