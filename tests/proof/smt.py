"""Policies of one user as SMT-LIB, for cvc5: written from the policy documents and AWS's rules, without a look at the engine.

What it covers: identity-based policies; keys with one value and with lists; strings, ARNs, numbers, dates, Booleans, addresses, Null; set operators;
variables of keys that are known. Not: BinaryEquals, variables of unknown keys (Unsupported).

Traps: cvc5 1.0 reads \\u{..} alone as an escape; a key that is missing has no value, so each has a Bool beside it; cvc5 is asked with a limit and its
answer read off stdout, whatever its exit code.
"""
import datetime
import functools
import ipaddress
import re
import subprocess

ELEMENTS = 4  # of a list: more than any question here needs
LISTS = ("aws:tagkeys", "aws:principalorgpaths", "aws:calledvia", "aws:principalservicenameslist")
ALWAYS = ("aws:securetransport", "aws:currenttime", "aws:epochtime", "aws:sourceip", "aws:requestedregion", "aws:viaawsservice")


class Unsupported(Exception):
    pass


def text(value):
    out = "".join(c if " " <= c <= "~" and c not in '"\\' else '""' if c == '"' else "\\u{%x}" % ord(c) for c in value)
    return f'"{out}"'


def both(parts):
    return "true" if not parts else parts[0] if len(parts) == 1 else f"(and {' '.join(parts)})"


def either(parts):
    return "false" if not parts else parts[0] if len(parts) == 1 else f"(or {' '.join(parts)})"


def sequence(parts):
    return '(str.to_re "")' if not parts else parts[0] if len(parts) == 1 else f"(re.++ {' '.join(parts)})"


NO_COLON = '(re.union (re.range "\\u{0}" "9") (re.range ";" "\\u{2ffff}"))'
SPECIAL = {"${*}": "*", "${?}": "?", "${$}": "$"}
PIECE = re.compile(r"\$\{[^}]*\}|[*?]|[^*?$]+|\$", re.S)


def pieces(pattern, version, known):
    """A list of literals and, as one-element tuples, wildcards; None if a variable has no value."""
    out = []
    for piece in PIECE.findall(pattern):
        if piece in ("*", "?"):
            out.append((piece,))
        elif piece.startswith("${") and version == "2012-10-17":
            if piece in SPECIAL:
                out.append(SPECIAL[piece])
                continue
            key, _, default = piece[2:-1].partition(",")
            key = key.strip().lower()
            if key not in known and not key.startswith(("aws:principal", "aws:username", "aws:userid", "aws:federatedprovider")):
                raise Unsupported(f"the variable {piece}")
            if key in known:
                out.append(known[key])
            elif default:
                out.append(default.strip()[1:-1])
            else:
                return None
        else:
            out.append(piece)
    return out


def folded(literal):
    return sequence([f"(re.union (str.to_re {text(c.lower())}) (str.to_re {text(c.upper())}))" if c.isascii() and c.isalpha() else
                     f"(str.to_re {text(c)})" for c in literal])


def string_re(pattern, wildcards, fold, version, known):
    found = pieces(pattern, version, known)
    if found is None:
        return None
    out = []
    for piece in found:
        if isinstance(piece, tuple) and wildcards:
            out.append("re.all" if piece[0] == "*" else "re.allchar")
        else:
            literal = piece[0] if isinstance(piece, tuple) else piece
            out.append(folded(literal) if fold else f"(str.to_re {text(literal)})")
    return sequence(out)


def arn_re(pattern, version, known, ends_run_on):
    """Of a Resource element (`ends_run_on`): a star that ends its segment runs past the colon. Of a condition: nothing does, and there are six."""
    head, colons = pattern, [i for i, c in enumerate(pattern) if c == ":"]
    cut = colons[4] if len(colons) >= 5 else len(pattern)
    if ends_run_on:
        tail = pieces(pattern[cut:], version, known)
        head_pieces = [(p,) if p in ("*", "?") else p for p in PIECE.findall(pattern[:cut])]
    else:
        found = pieces(pattern, version, known)
        if found is None:
            return None
        head_pieces, tail, count = [], [], 0
        for piece in found:
            if isinstance(piece, tuple):
                (head_pieces if count < 5 else tail).append(piece)
                continue
            for part in re.split("(:)", piece):
                (head_pieces if count < 5 else tail).append(part)
                count += part == ":" and count < 5
        if count < 5:
            return None
    if tail is None:
        return None
    out = []
    for at, piece in enumerate(head_pieces):
        if not isinstance(piece, tuple):
            out.append(f"(str.to_re {text(piece)})")
        elif piece[0] == "?":
            out.append(NO_COLON)
        else:
            after = head_pieces[at + 1] if at + 1 < len(head_pieces) else (tail[0] if tail else "")
            ends = after == "" or (not isinstance(after, tuple) and after.startswith(":"))
            out.append("re.all" if ends_run_on and ends else f"(re.* {NO_COLON})")
    for piece in tail:
        if isinstance(piece, tuple):
            out.append("re.all" if piece[0] == "*" else "re.allchar")
        else:
            out.append(f"(str.to_re {text(piece)})")
    return sequence(out)


def millis(value):
    if re.fullmatch(r"-?\d+", value) and len(value) != 4:
        return int(value) * 1000
    value = value.replace("Z", "+00:00")
    when = datetime.datetime.fromisoformat(value)
    when = when if when.tzinfo else when.replace(tzinfo=datetime.timezone.utc)
    return int(when.timestamp() * 1000)


def integer(value):
    return str(value) if value >= 0 else f"(- {-value})"


def real(value):
    sign, value = value.startswith("-"), value.lstrip("+-")
    whole, _, fraction = value.partition(".")
    number = f"{whole or '0'}.{fraction or '0'}"
    return f"(- {number})" if sign else number


def as_list(value):
    return value if isinstance(value, list) else [value]


def plain(value):
    return "true" if value is True else "false" if value is False else str(value)


@functools.cache
def compiled(pattern):
    return re.compile("".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern), re.I | re.S)


def glob(pattern, name):
    return compiled(pattern).fullmatch(name) is not None


class Encoding:
    """Questions about one action: `action` in any case, `known`: keys whose value is settled, lower case."""

    def __init__(self, action, known, types=None):
        self.action, self.known, self.types = action, known, types or {}
        self.keys = {}  # lower case: (name, sort)
        self.lines = []

    def key(self, key, sort):
        key = key.lower()
        if key in self.keys:
            name, before = self.keys[key]
            if before != sort:
                raise Unsupported(f"{key} as {before} and as {sort}")
            return name
        name = f"k{len(self.keys)}"
        self.keys[key] = (name, sort)
        add = self.lines.append
        add(f"(declare-const {name}_has Bool)")
        if sort == "list":
            add(f"(declare-const {name}_n Int) (assert (and (<= 0 {name}_n) (<= {name}_n {ELEMENTS})))")
            add(f"(assert (= {name}_has (< 0 {name}_n)))")
            for i in range(ELEMENTS):
                add(f"(declare-const {name}_{i} String)")
        elif sort == "address":
            add(f"(declare-const {name}_6 Bool) (declare-const {name} Int) (assert (<= 0 {name}))")
            add(f"(assert (< {name} (ite {name}_6 {2 ** 128} {2 ** 32})))")
        else:
            add(f"(declare-const {name} {dict(string='String', number='Real', date='Int')[sort]})")
        if sort == "string" and self.types.get(key) == "arn":
            add(f"(assert (str.in_re {name} {arn_re('arn:*:*:*:*:*', '', {}, False)}))")
        if sort == "string" and self.types.get(key) == "boolean":
            add(f"(assert (str.in_re {name} (re.union {folded('true')} {folded('false')})))")
        if key in self.known:
            if sort != "string":
                raise Unsupported(f"{key}, which is known, as {sort}")
            add(f"(assert {name}_has) (assert (= {name} {text(self.known[key])}))")
        elif key in ALWAYS:
            add(f"(assert {name}_has)")
        elif not self.may_be_there(key):
            add(f"(assert (not {name}_has))")
        return name

    def may_be_there(self, key):
        service = key.split(":")[0]
        if service == "aws":
            return not key.startswith(("aws:principal", "aws:username", "aws:userid", "aws:federatedprovider", "aws:sourceidentity", "aws:assumedroot"))
        return service == self.action.split(":")[0].lower()

    def element(self, op, value_name, values, version):
        """Does one value match one of the policy's?"""
        out = []
        for value in values:
            if op == "arnlike":
                pattern = arn_re(value, version, self.known, False)
            elif op in ("stringequals", "stringequalsignorecase", "stringlike", "bool"):
                pattern = string_re(value, op == "stringlike", op in ("stringequalsignorecase", "bool"), version, self.known)
            else:
                raise Unsupported(op)
            if pattern is not None:
                out.append(f"(str.in_re {value_name} {pattern})")
        return either(out)

    def condition(self, op, key, values, version):
        op, values = op.lower(), [plain(value) for value in as_list(values)]
        each = any_one = if_exists = negated = False
        if op.startswith("forallvalues:"):
            each, op = True, op[13:]
        if op.startswith("foranyvalue:"):
            any_one, op = True, op[12:]
        if op == "null":
            sort = "list" if key.lower() in LISTS else self.keys.get(key.lower(), ("", self.sort_of(key)))[1]
            name = self.key(key, sort)
            if each or any_one:
                return "true" if each else "false"
            return either([f"(not {name}_has)" if value.lower() == "true" else f"{name}_has" for value in values])
        if op.endswith("ifexists"):
            if_exists, op = True, op[:-8]
        if op == "notipaddress" or op.replace("string", "").replace("arn", "").replace("numeric", "").replace("date", "").startswith("not"):
            negated, op = True, op.replace("not", "", 1)
        op = "arnlike" if op == "arnequals" else op
        if op == "ipaddress":
            sort, one = "address", self.address
        elif op.startswith("numeric"):
            sort, one = "number", self.number
        elif op.startswith("date"):
            sort, one = "date", self.date
        else:
            sort, one = ("list" if key.lower() in LISTS else "string"), self.element
        name = self.key(key, sort)
        if sort == "list":
            tests = [(f"(< {i} {name}_n)", f"{name}_{i}") for i in range(ELEMENTS)]
            passes = [(there, element, one(op, element, values, version)) for there, element in tests]
            if negated:
                passes = [(there, element, f"(not {test})") for there, element, test in passes]
            if each:
                all_empty = both([f"(=> {there} (= {element} \"\"))" for there, element, _ in passes])
                return either([f"(not {name}_has)", all_empty, both([f"(=> {there} {test})" for there, _, test in passes])])
            if any_one:
                found = either([f"(and {there} {test})" for there, _, test in passes])
                return f"(or (not {name}_has) {found})" if if_exists else f"(and {name}_has {found})"
            return f"(not {name}_has)" if if_exists or negated else "false"  # a list without a set operator (R54)
        test = one(op, name, values, version)
        if negated:
            test = f"(not {test})"
        if each:
            empty = f"(= {name} \"\")" if sort == "string" else "false"
            return either([f"(not {name}_has)", empty, test])
        if if_exists or (negated and not any_one):
            return f"(or (not {name}_has) {test})"
        return f"(and {name}_has {test})"

    def sort_of(self, key):
        kind = self.types.get(key.lower())
        return {"number": "number", "date": "date", "address": "address"}.get(kind, "string")

    def address(self, _, name, values, __):
        out = []
        for value in values:
            network = ipaddress.ip_network(value, strict=False)
            first, last = int(network[0]), int(network[-1])
            of_kind = f"{name}_6" if network.version == 6 else f"(not {name}_6)"
            out.append(f"(and {of_kind} (<= {first} {name}) (<= {name} {last}))")
        return either(out)

    def ordered(self, how, name, value):
        relation = {"equals": "=", "lessthan": "<", "lessthanequals": "<=", "greaterthan": ">", "greaterthanequals": ">="}[how]
        return f"({relation} {name} {value})"

    def number(self, op, name, values, _):
        return either([self.ordered(op[7:], name, real(value)) for value in values])

    def date(self, op, name, values, _):
        return either([self.ordered(op[4:], name, integer(millis(value))) for value in values])

    def statement(self, statement, version):
        actions = as_list(statement.get("Action", statement.get("NotAction")))
        if any(glob(one, self.action) for one in actions) != ("Action" in statement):
            return "false"
        resources = as_list(statement.get("Resource", statement.get("NotResource")))
        patterns = [arn_re(one, version, self.known, True) for one in resources]
        test = either([f"(str.in_re resource {one})" for one in patterns if one is not None])
        parts = [test if "Resource" in statement else f"(not {test})"]
        for op, of_op in statement.get("Condition", {}).items():
            parts += [self.condition(op, key, values, version) for key, values in of_op.items()]
        return both(parts)

    def allowed(self, document):
        version = document.get("Version", "2008-10-17")
        allows, denies = [], []
        for statement in as_list(document["Statement"]):
            test = self.statement(statement, version)
            if test != "false":
                (allows if statement["Effect"] == "Allow" else denies).append(test)
        return f"(and {either(allows)} (not {either(denies)}))"

    def script(self, wanted, formats=()):
        """Is there a request? `formats`: globs of which the resource matches one."""
        lines = ["(set-logic ALL)", "(declare-const resource String)"] + self.lines
        if formats:
            lines.append(f"(assert {either([f'(str.in_re resource {one})' for one in formats])})")
        return "\n".join(lines + [f"(assert {wanted})", "(check-sat)"]) + "\n"


def ask(cvc5, script, seconds):
    """sat, unsat or unknown."""
    try:
        done = subprocess.run([cvc5, "--lang=smt2", f"--tlimit={seconds * 1000}", "--strings-exp", "-"], input=script, capture_output=True, text=True,
                              timeout=seconds + 5)
    except subprocess.TimeoutExpired:
        return "unknown"
    answer = done.stdout.strip().splitlines()
    if answer and answer[0] in ("sat", "unsat", "unknown"):
        return answer[0]
    if "timeout" in done.stdout + done.stderr or "interrupted" in done.stdout + done.stderr:
        return "unknown"
    raise RuntimeError(f"cvc5: {done.stdout}{done.stderr}\n{script}")
