"""The same case in Cedar and in Rego.

Mechanical, statement by statement, so that nobody has to trust a hand-made translation. What the other language cannot say is
an error here, never an approximation, but for the two that README.md names (`Widened` below). Each engine's answers are
compared with the expected ones before anything is timed.
"""
import datetime
import fnmatch
import ipaddress
import json
import re

VARIABLE = re.compile(r"\$\{([^}]+)\}")


class CannotSay(Exception):
    """The other language has no words for it."""


def as_list(value):
    return value if isinstance(value, list) else [value]


def statements(documents):
    return [statement for _, document in documents for statement in as_list(document["Statement"])]


def actions_of(statement):
    """(negated, names and patterns in lower case): IAM compares actions without case, the others do not."""
    negated = "NotAction" in statement
    return negated, [action.lower() for action in as_list(statement["NotAction" if negated else "Action"])]


def resources_of(statement):
    negated = "NotResource" in statement
    return negated, as_list(statement["NotResource" if negated else "Resource"])


def roles_of(statement):
    """None: everyone. Grants to accounts and to sessions pass other layers by in IAM; the scenario has none."""
    principal = statement.get("Principal")
    if principal is None or principal == "*":
        return None
    roles = as_list(principal["AWS"])
    for role in roles:
        if not re.fullmatch(r"arn:aws:iam::\d{12}:role/.+", role):
            raise CannotSay(f"a grant to {role}: only roles are restated")
    return roles


def conditions_of(statement):
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            if_exists = operator.endswith("IfExists")
            yield operator.removesuffix("IfExists"), if_exists, key, as_list(values)


def is_open(documents):
    """Does a layer hold a statement that allows everything? Then its allows need no words."""
    return any(s["Effect"] == "Allow" and s.get("Action") == "*" and s.get("Resource") == "*" and "Condition" not in s
               for s in statements(documents))


def layers(policies):
    """(every deny, the grants, the ceilings that must allow as well). One account: an allow of the identity policies or a grant to
    the role by the bucket policy is enough; each ceiling must allow too; a deny anywhere wins."""
    one = lambda name: [[name, policies[name]]] if policies[name] else []  # noqa: E731
    levels = [[f"service_control_{i}", level] for i, level in enumerate(policies["service_control"])]
    ceilings = [[name, one(name)] for name in ("boundary", "session") if policies[name]] + levels
    everything = policies["identity"] + one("boundary") + one("session") + one("resource") + [d for _, level in levels for d in level]
    denies = [s for s in statements(everything) if s["Effect"] == "Deny"]
    grants = [s for s in statements(policies["identity"] + one("resource")) if s["Effect"] == "Allow"]
    closed = [(name, [s for s in statements(documents) if s["Effect"] == "Allow"])
              for name, documents in ceilings if not is_open(documents)]
    return denies, grants, closed


# The types of the context keys that are not strings.
BOOLEANS = {"aws:securetransport"}
ADDRESSES = {"aws:sourceip"}
DATES = {"aws:currenttime"}


# --- Cedar ------------------------------------------------------------------------------------------------------------------

def cedar_text(text):
    return json.dumps(text, ensure_ascii=True)


def cedar_like(pattern, subject):
    """Cedar's `like` has `*` only, and takes no variable. Widened: a variable becomes `*`, guarded by the presence of its key."""
    if "?" in pattern:
        raise CannotSay(f"`?` in {pattern}")
    guards = [f"context has {cedar_text(key)}" for key in VARIABLE.findall(pattern)]
    return " && ".join(guards + [f"{subject} like {cedar_text(VARIABLE.sub('*', pattern))}"])


def cedar_any(expressions):
    expressions = [f"({e})" if "&&" in e or "||" in e else e for e in expressions]
    return expressions[0] if len(expressions) == 1 else "(" + " || ".join(expressions) + ")"


def cedar_group(actions):
    """The action group of a list of actions or patterns. Cedar builds a list afresh at each evaluation and looks a group up."""
    return actions[0] if len(actions) == 1 else " ".join(actions)


def cedar_action(statement):
    """(scope, condition or None). A list and a pattern of actions are action groups, as Cedar means it to be."""
    negated, actions = actions_of(statement)
    if not negated and "*" in actions:
        return "action", None
    operator = "==" if len(actions) == 1 and "*" not in actions[0] else "in"
    test = f"action {operator} Action::{cedar_text(cedar_group(actions))}"
    return ("action", f"!({test})") if negated else (test, None)


def cedar_resource(statement):
    """(scope, condition or None)"""
    negated, resources = resources_of(statement)
    if not negated and "*" in resources:
        return "resource", None
    if not negated and len(resources) == 1 and not re.search(r"[*?$]", resources[0]):
        return f"resource == Resource::{cedar_text(resources[0])}", None
    any_of = cedar_any([cedar_like(pattern, "resource.arn") if re.search(r"[*?$]", pattern) else
                        f"resource == Resource::{cedar_text(pattern)}" for pattern in resources])
    return "resource", f"!({any_of})" if negated else any_of


def cedar_values(key, values):
    if key.lower() in BOOLEANS:
        return [value.lower() for value in values]
    # A variable as the whole value is another key.
    return [f"context[{cedar_text(VARIABLE.fullmatch(v)[1])}]" if VARIABLE.fullmatch(v) else cedar_text(v) for v in values]


def cedar_condition(operator, if_exists, key, values):
    value, has = f"context[{cedar_text(key)}]", f"context has {cedar_text(key)}"
    if operator == "Null":
        return f"!({has})" if values == ["true"] else has
    negated = "Not" in operator
    plain = operator.replace("Not", "")
    if plain in ("StringEquals", "Bool"):
        options = cedar_values(key, values)
        guards = [f"context has {cedar_text(VARIABLE.fullmatch(v)[1])}" for v in values if VARIABLE.fullmatch(v)]
        test = f"{value} == {options[0]}" if len(options) == 1 else f"[{', '.join(options)}].contains({value})"
        test = " && ".join(guards + [test])
    elif plain == "StringEqualsIgnoreCase":
        # Widened the other way: Cedar cannot fold case, so the spellings in use are listed.
        spellings = sorted({spelled for v in values for spelled in (v, v.lower(), v.upper(), v.title())})
        test = f"[{', '.join(cedar_text(v) for v in spellings)}].contains({value})"
    elif plain in ("StringLike", "ArnLike", "ArnEquals"):
        test = cedar_any([cedar_like(pattern, value) for pattern in values])
    elif plain == "IpAddress":
        test = cedar_any([f"{value}.isInRange(ip({cedar_text(net)}))" for net in values])
    elif plain in ("DateGreaterThan", "DateLessThan"):
        test = f"{value} {'>' if plain == 'DateGreaterThan' else '<'} datetime({cedar_text(values[0])})"
    else:
        raise CannotSay(f"the operator {operator}")
    if negated:
        return f"!({has} && {test})"
    return f"(!({has}) || {test})" if if_exists else f"{has} && {test}"


def cedar_parts(statement):
    action, not_action = cedar_action(statement)
    resource, patterns = cedar_resource(statement)
    return action, resource, [part for part in (not_action, patterns) if part] + \
        [cedar_condition(*condition) for condition in conditions_of(statement)]


def cedar_policy(statement, role=None):
    action, resource, conditions = cedar_parts(statement)
    roles = roles_of(statement) or ([role] if role else None)
    principal = "principal"
    if roles and len(roles) == 1:
        principal = f"principal in Role::{cedar_text(roles[0])}"
    elif roles:
        conditions = [f"principal in [{', '.join(f'Role::{cedar_text(role)}' for role in roles)}]"] + conditions
    effect = "permit" if statement["Effect"] == "Allow" else "forbid"
    when = "".join(f"\nwhen {{ {condition} }}" for condition in conditions)
    return f"{effect}({principal}, {action}, {resource}){when};\n"


def cedar_ceiling(allows):
    """A ceiling is `forbid unless`: it takes away what it does not allow and grants nothing."""
    alternatives = []
    for statement in allows:
        action, resource, conditions = cedar_parts(statement)
        terms = [scope for scope in (action, resource) if " " in scope]
        alternatives.append(" && ".join(terms + [cedar_any([c]) for c in conditions]) or "true")
    return f"forbid(principal, action, resource)\nunless {{ {cedar_any(alternatives)} }};\n"


def cedar_policies(policies, role=None):
    """One policy set, so that one call decides. `role` limits the identity policies, where many principals share the set."""
    denies, grants, ceilings = layers(policies)
    return "\n".join([cedar_policy(s, role if "Principal" not in s and s["Effect"] == "Allow" else None) for s in denies + grants]
                     + [cedar_ceiling(allows) for _, allows in ceilings])


def cedar_value(key, value):
    if key.lower() in BOOLEANS:
        return value == "true"
    if key.lower() in ADDRESSES:
        return {"__extn": {"fn": "ip", "arg": value}}
    if key.lower() in DATES:
        return {"__extn": {"fn": "datetime", "arg": value}}
    return value


def cedar_requests(requests):
    return [{"principal": ["Session", request["principal"]["arn"]], "action": request["action"].lower(),
             "resource": request["resource"], "context": {k: cedar_value(k, v) for k, v in request["context"].items()}}
            for request in requests]


def cedar_entities(policies, requests):
    """Sessions in their roles, resources with their ARN, the actions that are asked for in the groups that policies name."""
    uid = lambda kind, name: {"type": kind, "id": name}  # noqa: E731
    every = statements(policies["identity"] + [["", policies[n]] for n in ("boundary", "session", "resource") if policies[n]]
                       + [d for level in policies["service_control"] for d in level])
    groups = {cedar_group(actions): actions for actions in (actions_of(s)[1] for s in every) if "*" not in actions}
    if any(re.search(r"[?\[]", group) for group in groups):
        raise CannotSay("`?` in an action")
    groups = {group: actions for group, actions in groups.items() if len(actions) > 1 or "*" in group}
    out = {}
    for request in requests:
        session, role = uid("Session", request["principal"]["arn"]), uid("Role", request["principal"]["role_arn"])
        action, resource = uid("Action", request["action"].lower()), uid("Resource", request["resource"])
        inside = [uid("Action", group) for group, actions in groups.items()
                  if any(fnmatch.fnmatchcase(action["id"], pattern) for pattern in actions)]
        for entity, attributes, parents in ((session, {}, [role]), (role, {}, []), (action, {}, inside),
                                            (resource, {"arn": request["resource"]}, [])):
            out[entity["type"], entity["id"]] = {"uid": entity, "attrs": attributes, "parents": parents}
    for group in groups:
        out["Action", group] = {"uid": uid("Action", group), "attrs": {}, "parents": []}
    return list(out.values())


# --- Rego -------------------------------------------------------------------------------------------------------------------

def rego_text(text):
    return json.dumps(text, ensure_ascii=True)


def rego_set(values):
    return "{" + ", ".join(map(rego_text, values)) + "}"


def rego_list(values):
    return "[" + ", ".join(map(rego_text, values)) + "]"


def rego_among(subject, values):
    return f"{subject} == {rego_text(values[0])}" if len(values) == 1 else f"{subject} in {rego_set(values)}"


def rego_prefixed(subject, prefixes):
    if len(prefixes) == 1:
        return f"startswith({subject}, {rego_text(prefixes[0])})"
    return f"strings.any_prefix_match({subject}, {rego_list(prefixes)})"


def overlaps(head, middle):
    """Could `middle` begin inside `head`?"""
    return middle in head or any(head.endswith(middle[:size]) for size in range(1, len(middle)))


def rego_glob(subject, pattern, delimiters="null"):
    """The tests of one pattern, as OPA's own advice has it: what its index knows (equality, prefixes, suffixes) first, glob.match
    where nothing simpler is equal to it."""
    if "?" in pattern or re.search(r"[\[\]{}\\]", VARIABLE.sub("", pattern)):
        raise CannotSay(f"the pattern {pattern}")
    variables = VARIABLE.findall(pattern)
    literals = VARIABLE.sub("*", pattern).split("*")
    tests = []
    if literals[0]:
        tests.append(rego_prefixed(subject, [literals[0]]))
    if literals[-1]:
        tests.append(f"endswith({subject}, {rego_text(literals[-1])})")
    if not variables and delimiters == "null":
        if len(literals) == 3 and not literals[-1] and literals[1] and not overlaps(literals[0], literals[1]):
            return tests + [f"contains({subject}, {rego_text(literals[1])})"]
    if variables:
        parts = VARIABLE.split(pattern)
        quoted = [rego_text(part) if i % 2 == 0 else f"glob.quote_meta(input.context[{rego_text(part)}])"
                  for i, part in enumerate(parts)]
        return tests + [f'glob.match(concat("", [{", ".join(quoted)}]), {delimiters}, {subject})']
    return tests + [f"glob.match({rego_text(pattern)}, {delimiters}, {subject})"]


def rego_alternatives(subject, patterns):
    """Lists of tests; the pattern list holds if all tests of one of them do."""
    exact = [p for p in patterns if "*" not in p and "$" not in p]
    prefixes = [p[:-1] for p in patterns if p.endswith("*") and "*" not in p[:-1] and "$" not in p]
    others = [p for p in patterns if p not in exact and p[:-1] not in prefixes]
    out = [[rego_among(subject, exact)]] if exact else []
    out += [[rego_prefixed(subject, prefixes)]] if prefixes else []
    return out + [rego_glob(subject, pattern) for pattern in others]


class Rego:
    """A module in the making: rules, and the named tests that rules share."""

    def __init__(self):
        self.rules = []
        self.named = 0

    def name(self, alternatives):
        """The disjunction as a rule of its own."""
        self.named += 1
        name = f"any_{self.named}"
        for tests in alternatives:
            self.rule(name, tests)
        return name

    def rule(self, name, tests):
        self.rules.append(f"{name} if {{\n" + "".join(f"\t{test}\n" for test in tests) + "}\n" if tests else f"{name} := true\n")

    def condition(self, operator, if_exists, key, values):
        value = f"input.context[{rego_text(key)}]"
        if operator == "Null":
            return f"not {value}" if values == ["true"] else value
        negated, plain = "Not" in operator, operator.replace("Not", "")
        if plain == "Bool":
            alternatives = [[f"{value} == {values[0].lower()}"]]
        elif plain == "StringEquals" and any(map(VARIABLE.fullmatch, values)):
            alternatives = [[f"{value} == input.context[{rego_text(VARIABLE.fullmatch(v)[1])}]"] for v in values]
        elif plain == "StringEquals":
            alternatives = [[rego_among(value, values)]]
        elif plain == "StringEqualsIgnoreCase":
            alternatives = [[rego_among(f"lower({value})", [v.lower() for v in values])]]
        elif plain == "StringLike":
            alternatives = rego_alternatives(value, values)
        elif plain in ("ArnLike", "ArnEquals"):
            alternatives = [rego_glob(value, pattern, '[":"]') for pattern in values]
        elif plain == "IpAddress":
            alternatives = [[f"net.cidr_contains({rego_text(str(ipaddress.ip_network(net)))}, {value})"] for net in values]
        elif plain in ("DateGreaterThan", "DateLessThan"):
            alternatives = [[f"{value} {'>' if plain == 'DateGreaterThan' else '<'} {nanoseconds(values[0])}"]]
        else:
            raise CannotSay(f"the operator {operator}")
        if negated:
            return f"not {self.name(alternatives)}" if len(alternatives) > 1 or len(alternatives[0]) > 1 else f"not {alternatives[0][0]}"
        if if_exists:
            return self.name(alternatives + [[f"not {value}"]])
        if len(alternatives) == 1 and len(alternatives[0]) == 1:
            return alternatives[0][0]
        return self.name(alternatives)

    def statement(self, name, statement):
        """`name` holds if the statement applies: one rule for each pair of an action alternative and a resource alternative."""
        common = []
        roles = roles_of(statement)
        if roles:
            common.append(rego_among("input.role", roles))
        negated, actions = actions_of(statement)
        if negated:
            common.append(f"not {self.name(rego_alternatives('input.action', actions))}")
            actions = ["*"]
        negated, resources = resources_of(statement)
        if negated:
            common.append(f"not {self.name(rego_alternatives('input.resource', resources))}")
            resources = ["*"]
        common += [self.condition(*condition) for condition in conditions_of(statement)]
        for action in [[]] if "*" in actions else rego_alternatives("input.action", actions):
            for resource in [[]] if "*" in resources else rego_alternatives("input.resource", resources):
                self.rule(name, action + resource + common)


def nanoseconds(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()) * 1_000_000_000


def rego_module(policies, more=""):
    denies, grants, ceilings = layers(policies)
    module = Rego()
    for statement in denies:
        module.statement("denied", statement)
    for statement in grants:
        module.statement("granted", statement)
    for name, allows in ceilings:
        for statement in allows:
            module.statement(name, statement)
    required = "".join(f"\t{name}\n" for name in ["granted"] + [name for name, _ in ceilings])
    refused = "\tnot denied\n" if denies else ""  # a rule that is never defined has no name in Rego
    return "package bench\n\ndefault allow := false\n\nallow if {\n" + refused + required + "}\n\n" + "\n".join(module.rules) + more


def rego_value(key, value):
    if key.lower() in BOOLEANS:
        return value == "true"
    return nanoseconds(value) if key.lower() in DATES else value


def rego_inputs(requests):
    return [{"role": request["principal"]["role_arn"], "action": request["action"].lower(), "resource": request["resource"],
             "context": {key: rego_value(key, value) for key, value in request["context"].items()}} for request in requests]


def rego_statement_data(statement):
    """A statement as data, for principals by the million: generated rules would not fit."""
    _, actions = actions_of(statement)
    _, resources = resources_of(statement)
    return {"actions": actions, "resources": resources}


# Grants from `data.inline`: what each role's own statements say.
REGO_INLINE = """
granted if {
	some statement in data.inline[input.role]
	input.action in statement.actions
	some pattern in statement.resources
	glob.match(pattern, null, input.resource)
}
"""
