"""`make mutants`: plausible slips of a programmer, put into the code one at a time, and whether the tests notice.

    run.py [--room NAME]... [--only TEXT] [--jobs N] [--again]    applies, builds, tests; prints the kill rate by room and the survivors
    run.py --quick                                                with test programs alone: what they do not notice stays untried
    run.py --singly                                               a build for each mutant, none that holds many
    run.py --check                                                does every mutant still apply? (ctest `mutants`)
    run.py --report                                               the table of what was found so far, as docs/testing.md has it

A room's mutants are in ROOM.toml beside this file:

    tests = ["store_test"]              # what should notice, in this order, unless a mutant says otherwise
    [[mutant]]
    what = "the blob is not synced"
    file = "src/store/file_blobs.cpp"
    old = "..."                         # stands exactly once in the file
    new = "..."
    tests = ["store_test: *crash*", "tests/crash/test_durability.py -k blob"]

A test is a room's test program, with a pattern of test cases after a colon or without, or a pytest file with options. Put the cheap ones first:
the first that fails ends the mutant, and `trainwarden` itself is built only for pytest. A test that does not end kills the mutant, too.

Nothing happens in the working tree: there are copies below build/mutants, built as `make` builds. One build holds every mutant that can be switched on
by an environment variable (switches.py), and the jobs share it. What it cannot hold, and what survives in it, is then built alone, each job in a copy
of its own. What was found is kept in build/mutants/results.jsonl by the mutant and the file that it changes, so that a run that was interrupted goes on
where it was; survivors are tried again. A mutant that does not build, and a test that fails without any mutant, are errors of the list.
"""
import argparse
import dataclasses
import hashlib
import json
import os
import pathlib
import queue
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import tomllib

import switches

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "build/mutants"
RESULTS = WORK / "results.jsonl"
AIM = 0.95
BUILD_SECONDS_MOST = 1800
# A mutant may make a test slower; beyond this it hangs.
SLOWER_MOST, MORE_SECONDS = 4, 30
DID_NOT_END = "did not end"


class Fault(Exception):
    """The list or the build is at fault, not the tests."""


@dataclasses.dataclass(frozen=True)
class Mutant:
    room: str
    what: str
    file: str
    old: str
    new: str
    tests: tuple

    def name(self):
        return f"{self.room}: {self.what}"

    def number(self):
        """What puts it in force where many are in one build; none is 0."""
        return 1 + int(hashlib.sha256(self.name().encode()).hexdigest()[:7], 16)

    def apply(self, content):
        if content.count(self.old) != 1:
            raise Fault(f"{self.name()}: the old text stands {content.count(self.old)} times in {self.file}")
        return content.replace(self.old, self.new)

    def key(self, root=ROOT):
        """The same while the mutant and its file are."""
        content = (root / self.file).read_text()
        return hashlib.sha256("\0".join((self.file, self.old, self.new, content)).encode()).hexdigest()[:16]


def read_list(rooms=None, only=None):
    found = []
    for path in sorted(HERE.glob("*.toml")):
        if rooms and path.stem not in rooms:
            continue
        content = tomllib.loads(path.read_text())
        for entry in content["mutant"]:
            unknown = entry.keys() - {"what", "file", "old", "new", "tests"}
            if unknown:
                raise Fault(f"{path.name}: unknown fields {sorted(unknown)}")
            mutant = Mutant(path.stem, entry["what"], entry["file"], entry["old"], entry["new"], tuple(entry.get("tests", content["tests"])))
            if only is None or only in mutant.name() or only in mutant.file:
                found.append(mutant)
    return found


def faults_of(mutants):
    """What is wrong with the list itself."""
    faults, names = Faults(), set()
    for mutant in mutants:
        faults.of = mutant
        if mutant.name() in names:
            faults.append(f"{mutant.name()}: stands twice")
        names.add(mutant.name())
        if mutant.old == mutant.new or not mutant.tests:
            faults.append(f"{mutant.name()}: changes nothing, or no test should notice")
        for test in mutant.tests:
            words = shlex.split(test)
            if words[0].endswith(".py"):
                if not (ROOT / words[0]).exists():
                    faults.append(f"{mutant.name()}: there is no {words[0]}")
            elif not words[0].rstrip(":").endswith("_test") and words[0].rstrip(":") not in ("policy_cases", "policy_differential", "policy_work"):
                faults.append(f"{mutant.name()}: {test} is no test program")
        try:
            mutant.apply((ROOT / mutant.file).read_text())
        except (Fault, OSError) as fault:
            faults.append(str(fault))
    return faults


class Faults(list):
    """Messages, and whose they are."""

    def __init__(self):
        super().__init__()
        self.of, self.mutants = None, set()

    def append(self, message):
        super().append(message)
        self.mutants.add(self.of)


class Tree:
    """A copy of the working tree with a build of its own."""

    def __init__(self, name):
        self.root = WORK / name
        self.build = self.root / "build/dev"
        self.environment = {**os.environ, "CCACHE_BASEDIR": str(self.root), "CCACHE_NOHASHDIR": "1"}
        self.seconds = {}  # of a test that passes without a mutant
        self.learning, self.lock = {}, threading.Lock()
        self.built = False

    def prepare(self, changed=None):
        """The working tree's files, but for those that have another text in `changed`."""
        changed = changed or {}
        listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True,
                                check=True).stdout.split("\0")
        wanted = {name for name in listed if name and (ROOT / name).is_file()}
        for name in sorted(wanted):
            place = self.root / name
            content = changed[name].encode() if name in changed else (ROOT / name).read_bytes()
            if not place.exists() or place.read_bytes() != content:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
                shutil.copymode(ROOT / name, place)
        for top in ("src", "tests"):
            for path in (self.root / top).rglob("*"):
                if path.is_file() and "__pycache__" not in path.parts and path.relative_to(self.root).as_posix() not in wanted:
                    path.unlink()
        for name in (".venv", "node_modules", "build/clients"):
            if (ROOT / name).exists() and not (self.root / name).exists():
                (self.root / name).parent.mkdir(exist_ok=True)
                (self.root / name).symlink_to((ROOT / name).resolve())
        if not (self.build / "build.ninja").exists():
            self.run(["cmake", "--preset", "dev", f"-DCCACHE={self.root}/tests/mutants/compile"], BUILD_SECONDS_MOST)

    def run(self, command, seconds, **environment):
        """(exit status or None if it did not end, output)"""
        process = subprocess.Popen(command, cwd=self.root, env={**self.environment, **environment}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
        try:
            output, _ = process.communicate(timeout=seconds)
            return process.returncode, output
        except subprocess.TimeoutExpired:
            return None, DID_NOT_END
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)  # and what it has left behind
            except ProcessLookupError:
                pass
            process.communicate()

    def make(self, target):
        if self.built:
            return
        status, output = self.run(["ninja", "-C", str(self.build), "-j", str(os.cpu_count() or 1), target], BUILD_SECONDS_MOST)
        if status != 0:
            raise Fault(f"does not build: {output[-2000:]}")

    def passes(self, test, seconds, number=0):
        words = shlex.split(test)
        if words[0].endswith(".py"):
            self.make("trainwarden")
            command = [str(self.root / ".venv/bin/python"), "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *words]
        else:
            program, _, pattern = test.partition(":")
            self.make(program.strip())
            path = next(path for path in (self.build / folder / program.strip() for folder in ("", "tests/reference", "tests/proof")) if path.exists())
            command = [str(path), "--abort-after=1", *([f"--test-case={pattern.strip()}"] if pattern else [])]
        status, output = self.run(command, seconds, TRAINWARDEN=str(self.build / "trainwarden"), **{switches.VARIABLE: str(number)})
        return status == 0, output

    def learn(self, test):
        """How long it takes without a mutant, where it must pass. Jobs that share the tree learn it once."""
        with self.lock:
            learning = self.learning.setdefault(test, threading.Lock())
        with learning:
            if test not in self.seconds:
                self.make("trainwarden" if test.split()[0].endswith(".py") else test.partition(":")[0].strip())
                begin = time.monotonic()
                passed, output = self.passes(test, 900)
                if not passed:
                    raise Fault(f"{test} fails without any mutant: {output[-2000:]}")
                self.seconds[test] = time.monotonic() - begin
            return self.seconds[test]

    def failure_of(self, test, number=0):
        """The test, if it fails; None if it passes."""
        passed, output = self.passes(test, self.learn(test) * SLOWER_MOST + MORE_SECONDS, number)
        return None if passed else f"{test} (did not end)" if output == DID_NOT_END else test

    def noticed_by(self, mutant, quick):
        """The first test that fails, None if none does."""
        path = self.root / mutant.file
        tests = [test for test in mutant.tests if not quick or not is_pytest(test)]
        for test in tests:
            self.learn(test)
        content = path.read_text()
        try:
            path.write_text(mutant.apply(content))
            return next(filter(None, (self.failure_of(test) for test in tests)), None)
        finally:
            path.write_text(content)


class SwitchedTree(Tree):
    """One build that holds many mutants, each put in force by the environment."""

    def __init__(self):
        super().__init__("switched")
        # The whole list's, whatever is tried now: another room's turn then builds nothing again.
        self.mutants = {mutant.number(): mutant for mutant in read_list()}
        self.held = {}

    def build_for(self, tried, quick):
        """Leaves out what does not compile so, until the rest does."""
        tests = {test for mutant in tried for test in mutant.tests if not quick or not is_pytest(test)}
        targets = sorted({"trainwarden" if is_pytest(test) else test.partition(":")[0].strip() for test in tests})
        noted = WORK / "not_switched"
        not_switched = set(noted.read_text().split()) if noted.exists() else set()
        self.mutants = {number: mutant for number, mutant in self.mutants.items() if mutant.key() not in not_switched}
        for _ in range(8):
            by_file, texts, self.held = {}, {}, {}
            for number, mutant in self.mutants.items():
                by_file.setdefault(mutant.file, []).append((number, mutant.old, mutant.new))
            for file, ones in by_file.items():
                if file.endswith(".cpp"):
                    text, lines = switches.switched((ROOT / file).read_text(), ones)
                    if lines:
                        texts[file] = text
                        self.held.update({number: (file, *lines[number]) for number in lines})
            self.prepare(texts)
            status, output = self.run(["ninja", "-C", str(self.build), "-k", "0", "-j", str(os.cpu_count() or 1), *targets], 2 * BUILD_SECONDS_MOST)
            if status == 0:
                self.built = True
                return
            said = {(match[1], int(match[2])) for match in re.finditer(r"(src/[\w/.]+):(\d+):\d+:", output)}
            files = {match[1] for match in re.finditer(r"(src/[\w/.]+):\d+:\d+: (?:fatal )?error:", output)}
            left_out = {number for number, (file, first, last) in self.held.items() if any(one == file and first <= line <= last for one, line in said)}
            left_out |= {number for number, (file, *_) in self.held.items() if file in files} if not left_out else set()
            if not left_out:
                raise Fault(f"the build that holds many mutants fails: {output[-3000:]}")
            for number in sorted(left_out):
                mutant = self.mutants.pop(number)
                print(f"not switched: {mutant.name()}", flush=True)
                with open(noted, "a") as file:
                    file.write(mutant.key() + "\n")
        raise Fault("the build that holds many mutants fails again and again")

    def noticed_by(self, mutant, quick):
        for test in mutant.tests:
            if quick and is_pytest(test):
                continue
            if failed := self.failure_of(test, mutant.number()):
                return failed
        return None


def is_pytest(test):
    return test.split()[0].endswith(".py")


def known_results():
    known = {}
    if RESULTS.exists():
        for line in RESULTS.read_text().splitlines():
            result = json.loads(line)
            known[result["key"]] = result
    return known


def print_report(mutants):
    known = known_results()
    rooms = {}
    for mutant in mutants:
        rooms.setdefault(mutant.room, []).append((mutant, known.get(mutant.key())))
    print("| room | mutants | tried | killed | rate |\n|---|---|---|---|---|")
    short = []
    total = [0, 0, 0]
    for room, ones in sorted(rooms.items()):
        tried = [result for _, result in ones if result]
        killed = [result for result in tried if result["noticed_by"]]
        total = [total[0] + len(ones), total[1] + len(tried), total[2] + len(killed)]
        rate = f"{100 * len(killed) / len(tried):.0f} %" if tried else "–"
        print(f"| `{room}` | {len(ones)} | {len(tried)} | {len(killed)} | {rate} |")
        if tried and len(killed) < AIM * len(tried):
            short.append(room)
    print(f"| all | {total[0]} | {total[1]} | {total[2]} | {100 * total[2] / total[1] if total[1] else 0:.0f} % |")
    for mutant in mutants:
        if (result := known.get(mutant.key())) and not result["noticed_by"]:
            print(f"survivor: {mutant.name()} ({mutant.file})")
    return short


def try_all(mutants, options):
    known = {} if options.again else known_results()
    mutants = [mutant for mutant in mutants if not known.get(mutant.key(), {}).get("noticed_by")]
    print(f"{len(mutants)} mutants to try", flush=True)
    WORK.mkdir(parents=True, exist_ok=True)
    faults, left = [], mutants
    if not options.singly and len(mutants) > 1:
        tree = SwitchedTree()
        try:
            tree.build_for(mutants, options.quick)
        except Fault as fault:
            return [str(fault)]
        held = [mutant for mutant in mutants if mutant.number() in tree.held]
        noticed = try_each(held, [tree] * options.jobs, options.quick, faults, "left    ")
        left = [mutant for mutant in mutants if mutant not in noticed]
        print(f"{len(noticed)} of {len(held)} killed in one build; {len(left)} to try alone", flush=True)
    if not options.held_alone:
        trees = [Tree(f"tree{number}") for number in range(options.tree, options.tree + options.jobs)]
        for tree in trees:
            tree.prepare()
        try_each(left, trees, options.quick, faults, "untried " if options.quick else "SURVIVED")
    return faults


def try_each(mutants, trees, quick, faults, otherwise):
    """Those that were noticed. A survivor is one for certain when it was built alone and every test was run."""
    waiting, noticed_ones, lock = queue.Queue(), set(), threading.Lock()
    for mutant in mutants:
        waiting.put(mutant)

    def work(tree):
        while True:
            try:
                mutant = waiting.get_nowait()
            except queue.Empty:
                return
            begin = time.monotonic()
            try:
                noticed = tree.noticed_by(mutant, quick)
            except Fault as fault:
                with lock:
                    faults.append(f"{mutant.name()}: {fault}")
                    print(f"FAULT {mutant.name()}: {str(fault)[-600:]}", flush=True)
                continue
            seconds = round(time.monotonic() - begin, 1)
            with lock:
                if noticed:
                    noticed_ones.add(mutant)
                if noticed or otherwise == "SURVIVED":
                    with open(RESULTS, "a") as file:
                        file.write(json.dumps({"key": mutant.key(), "name": mutant.name(), "noticed_by": noticed, "seconds": seconds}) + "\n")
                print(f"{'killed  ' if noticed else otherwise} {seconds:6.1f} s  {mutant.name()}" + (f"  [{noticed}]" if noticed else ""), flush=True)

    workers = [threading.Thread(target=work, args=(tree,)) for tree in trees]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return noticed_ones


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--room", action="append", help="only this room's; repeatable")
    parser.add_argument("--only", help="only those whose name or file holds this text")
    parser.add_argument("--jobs", type=int, default=1, help="how many at a time, each with a build of its own")
    parser.add_argument("--tree", type=int, default=0, help="the number of the first build: two runs at a time take different ones")
    parser.add_argument("--quick", action="store_true", help="with test programs alone")
    parser.add_argument("--singly", action="store_true", help="a build for each mutant")
    parser.add_argument("--held-alone", action="store_true", help="only what one build can hold")
    parser.add_argument("--again", action="store_true", help="also those that were killed before")
    parser.add_argument("--check", action="store_true", help="only see whether every mutant applies")
    parser.add_argument("--report", action="store_true", help="only print what was found so far")
    options = parser.parse_args()
    mutants = read_list(options.room, options.only)
    faults = faults_of(mutants)
    print(*faults, sep="\n", end="\n" if faults else "")
    if options.check or len(faults.mutants) == len(mutants):
        print(f"{len(mutants) - len(faults.mutants)} of {len(mutants)} mutants apply")
        return 1 if faults or not mutants else 0
    mutants = [mutant for mutant in mutants if mutant not in faults.mutants]
    if not options.report:
        faults += try_all(mutants, options)
    short = print_report(mutants)
    for fault in faults:
        print(f"fault of the list: {fault[:300]}")
    return 1 if faults or short else 0


if __name__ == "__main__":
    sys.exit(main())
