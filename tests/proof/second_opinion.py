"""ctest `proof.cvc5`: what proof says of pairs of policies beside what cvc5 says of them, as smt.py writes them down.

    second_opinion.py ANSWERS MANAGED_POLICIES IAM_DATA [--random N] [--managed N] [--seed N]

ANSWERS: the program proof_answers. Random pairs are about actions that AWS does not have, so that resources are any text: both must agree. Pairs of
AWS's managed policies are about one action each; resources have the ARN formats of the reference's.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import re
import subprocess
import sys

import smt

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import machine

KNOWN = {"aws:principalarn": "arn:aws:iam::111122223333:user/alice", "aws:principalaccount": "111122223333", "aws:principaltype": "User",
         "aws:userid": "AIDAALICE", "aws:username": "alice", "aws:resourceaccount": "111122223333", "aws:requestedregion": "us-east-1"}
TYPES = {"aws:sourcearn": "arn", "aws:securetransport": "boolean", "aws:multifactorauthpresent": "boolean", "aws:multifactorauthage": "number",
         "aws:currenttime": "date", "aws:sourceip": "address", "aws:viaawsservice": "boolean"}
SECONDS_MOST = 10  # for one answer of cvc5
SKIPPED = 77  # exit status

ACTIONS = ["test:Read", "test:Write"]
NAMED = ["*", "test:*", "test:Read", "test:Write", "test:R*", "TEST:w?ite"]
RESOURCES = ["*", "arn:aws:test:::a", "arn:aws:test:::a/*", "arn:aws:test:::a/b*", "arn:aws:test:::*/c", "arn:aws:test:::a/?", "arn:aws:test:::home/${aws:username}/*",
             "arn:aws:test:::home/alice/*", "arn:aws:test:::home/*", "arn:aws:test:*::a/*", "arn:aws:test:*:a/b", "arn:aws:test:*", "arn:aws:test:::${*}", "arn:aws:test:::*x*y*",
             "arn:aws:test:::*y*", "arn:aws:test:eu-*:*:a", "arn:aws:test:eu-central-1:111122223333:a"]
CONDITIONS = [
    ("aws:UserAgent", ["StringEquals", "StringNotEquals", "StringEqualsIfExists", "StringNotEqualsIfExists", "StringLike", "StringNotLike", "StringEqualsIgnoreCase",
                       "StringNotEqualsIgnoreCase", "ForAllValues:StringEquals", "ForAnyValue:StringNotLike"],
     ["boto", "Boto", "boto*", "b?to", "cli", "*", "", "${aws:username}", "alice", "${aws:PrincipalTag/team, 'boto'}", "${aws:PrincipalTag/team}"]),
    ("aws:SourceIp", ["IpAddress", "NotIpAddress", "IpAddressIfExists"],
     ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "192.168.0.0/16", "0.0.0.0/0", "2001:db8::/32", "2001:db8::1", "::/0", "128.0.0.0/1"]),
    ("aws:MultiFactorAuthAge", ["NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericEquals", "NumericNotEquals", "NumericGreaterThanEqualsIfExists"],
     ["300", "3600", "3600.0", "300.5", "-1", "0"]),
    ("aws:CurrentTime", ["DateLessThan", "DateGreaterThanEquals", "DateEquals", "DateNotEquals"],
     ["2030-01-01T00:00:00Z", "2029-12-31T23:59:59Z", "1893456000", "2031-05-05T01:00:00+01:00"]),
    ("aws:SecureTransport", ["Bool", "BoolIfExists", "StringEquals"], ["true", "false", "True"]),
    ("aws:MultiFactorAuthPresent", ["Bool", "BoolIfExists", "Null"], ["true", "false"]),
    ("aws:SourceArn", ["ArnLike", "ArnNotLike", "ArnEquals", "StringLike", "ArnLikeIfExists"],
     ["arn:aws:s3:::a", "arn:aws:s3:::*", "arn:aws:*:*:*:a", "arn:aws:s3*:a", "arn:aws:sns:eu-*:111122223333:*", "arn:aws:s3:::a/${aws:username}"]),
    ("aws:TagKeys", ["ForAllValues:StringEquals", "ForAnyValue:StringEquals", "ForAllValues:StringNotLike", "ForAnyValue:StringNotEquals",
                     "ForAnyValue:StringLikeIfExists", "ForAllValues:StringLike", "StringEquals", "StringNotEquals", "Null"], ["k", "m", "k*", "", "true", "K"]),
    ("aws:PrincipalTag/team", ["StringEquals", "StringNotEquals", "Null"], ["vision", "true", "false"]),
    ("aws:username", ["StringEquals", "StringNotLike"], ["alice", "a*", "bob"]),
]


def drawn_statement(dice):
    effect = "Deny" if dice.random() < 0.25 else "Allow"
    out = {"Effect": effect, "NotAction" if dice.random() < 0.15 else "Action": dice.sample(NAMED, dice.choice([1, 1, 2]))}
    out["NotResource" if dice.random() < 0.15 else "Resource"] = dice.sample(RESOURCES, dice.choice([1, 1, 2, 3])) if dice.random() < 0.75 else "*"
    for _ in range(dice.choice([0, 1, 1, 2])):
        key, operators, values = dice.choice(CONDITIONS)
        op = dice.choice(operators)
        values = ["true", "false"] if op == "Null" else values
        out.setdefault("Condition", {}).setdefault(op, {})[key] = dice.sample(values, dice.choice([1, 1, 2]))
    return out


def drawn(dice):
    return {"Version": "2012-10-17" if dice.random() < 0.9 else "2008-10-17", "Statement": [drawn_statement(dice) for _ in range(dice.choice([1, 2, 2, 3]))]}


def changed(dice, document):
    """One that has much in common with it: so that one is in the other often enough."""
    out = json.loads(json.dumps(document))
    statement = dice.choice(out["Statement"])
    choice = dice.random()
    if choice < 0.3 and "Condition" in statement:
        del statement["Condition"]
    elif choice < 0.5:
        out["Statement"].append(drawn_statement(dice))
    elif choice < 0.7 and "Resource" in statement:
        statement["Resource"] = dice.choice(RESOURCES)
    elif choice < 0.85 and len(out["Statement"]) > 1:
        out["Statement"].remove(statement)
    else:
        statement["Effect"] = "Allow" if statement["Effect"] == "Deny" else "Deny"
    return out


def random_questions(count, seed):
    dice = random.Random(seed)
    for _ in range(count):
        first = drawn(dice)
        second = changed(dice, first) if dice.random() < 0.6 else drawn(dice)
        if dice.random() < 0.5:
            first, second = second, first
        yield {"first": json.dumps(first), "second": json.dumps(second), "actions": [dice.choice(ACTIONS)], "formats": []}


def formats_by_action(data):
    """The ARN formats of each action, as regular expressions of SMT-LIB: variables hold anything."""
    out = {}
    for path in sorted((data / "data/actions").glob("*.json")):
        types = data / "data/resourceTypes" / path.name
        of_type = json.loads(types.read_text()) if types.exists() else {}
        for action in json.loads(path.read_text()).values():
            arns = [of_type[one["name"].lower()]["arn"] for one in action["resourceTypes"] if one["name"].lower() in of_type]
            out[f"{path.stem}:{action['name']}"] = arns
    return out


def format_re(arn):
    fixed = {"Partition": "aws", "Region": "us-east-1", "Account": "111122223333"}
    parts = []
    for piece in re.findall(r"\$\{[^}]*\}|[^$]+|\$", arn):
        if not piece.startswith("${"):
            parts.append(f"(str.to_re {smt.text(piece)})")
        elif piece[2:-1] in fixed:
            parts.append(f"(str.to_re {smt.text(fixed[piece[2:-1]])})")
        else:
            parts.append("(re.+ re.allchar)")
    return smt.sequence(parts)


def managed_questions(count, seed, policies, data):
    dice = random.Random(seed)
    rows = json.loads(pathlib.Path(policies).read_text())
    formats = formats_by_action(pathlib.Path(data))
    by_prefix = collections.defaultdict(list)
    for row in rows:
        document = json.loads(row["document"])
        row["actions"] = {item for one in smt.as_list(document["Statement"]) for item in smt.as_list(one.get("Action", []))}
        for service in {item.split(":")[0].lower() for item in row["actions"]}:
            by_prefix[service].append(row)
    services = sorted(service for service, own in by_prefix.items() if len(own) > 1 and service != "*")
    names = collections.defaultdict(list)  # of actions that have resources, by service
    for name in sorted(formats):
        if formats[name]:
            names[name.split(":")[0]].append(name)
    asked = 0
    while asked < count:
        service = dice.choice(services)
        first, second = dice.sample(by_prefix[service], 2)
        both = [name for name in names[service] if any(smt.glob(item, name) for item in first["actions"]) and
                any(smt.glob(item, name) for item in second["actions"])]
        if not both:
            continue
        asked += 1
        action = dice.choice(both)
        yield {"first": first["document"], "second": second["document"], "actions": [action], "formats": [format_re(one) for one in formats[action]],
               "about": f"{first['name']} and {second['name']}: {action}"}


def cvc5_says(cvc5, question):
    action = question["actions"][0]
    encoding = smt.Encoding(action, KNOWN, TYPES)
    try:
        first, second = (encoding.allowed(json.loads(question[name])) for name in ("first", "second"))
    except smt.Unsupported as why:
        return f"unsupported: {why}", ""
    script = encoding.script(f"(and {first} (not {second}))", question["formats"])
    return smt.ask(cvc5, script, SECONDS_MOST), script


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("answers"), parser.add_argument("policies"), parser.add_argument("data")
    parser.add_argument("--random", type=int, default=300), parser.add_argument("--managed", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if why := machine.lacks("cvc5"):
        if skips := os.environ.get("TRAINWARDEN_SKIPS"):
            with open(skips, "a") as out:
                out.write(f"proof.cvc5: this machine lacks {why}\n")
        print(f"skipped: this machine lacks {why}")
        sys.exit(SKIPPED)
    questions = [*random_questions(options.random, options.seed), *managed_questions(options.managed, options.seed, options.policies, options.data)]
    lines = "".join(json.dumps({name: one[name] for name in ("first", "second", "actions")}) + "\n" for one in questions)
    said = [json.loads(line) for line in subprocess.run([options.answers], input=lines, stdout=subprocess.PIPE, text=True, check=True, timeout=600).stdout.splitlines()]
    assert len(said) == len(questions), f"{len(said)} answers to {len(questions)} questions"
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        opinions = list(pool.map(lambda one: cvc5_says("cvc5", one), questions))
    counts, wrong = collections.Counter(), 0
    for question, own, (other, script) in zip(questions, said, opinions):
        kind = "managed" if question["formats"] else "random"
        counts[kind, own["answer"], other.split(":")[0]] += 1
        same = {("yes", "sat"), ("no", "unsat")}
        if other in ("sat", "unsat") and own["answer"] != "unknown" and (own["answer"], other) not in same or own["answer"] == "unknown" and kind == "random":
            wrong += 1
            print(f"proof says {own}, cvc5 says {other}: {question.get('about', '')}\n  {question['first']}\n  {question['second']}\n  {question['actions']}")
    for (kind, own, other), count in sorted(counts.items()):
        print(f"{kind}: proof {own}, cvc5 {other}: {count}")
    of = lambda kind, answer: sum(count for (k, own, _), count in counts.items() if k == kind and own == answer)
    decided = sum(count for (_, _, other), count in counts.items() if other in ("sat", "unsat"))
    if wrong:
        sys.exit(f"{wrong} differences")
    if options.random and min(of("random", "yes"), of("random", "no")) * 5 < options.random:
        sys.exit("the random policies are too much alike: one answer comes up in less than a fifth of the cases")
    if decided * 10 < len(questions) * 8:
        sys.exit("cvc5 has answered too few")


if __name__ == "__main__":
    main()
