"""`make bench-policy`: decisions by Trainwarden, Cedar, OPA and iam-simulate, side by side in one run, and the ratios.

Installs the peers from their registries into build/bench-policy, checks that every engine gives the scenario's answers, then asks
them in turn, a short round each, so that what else the machine does falls on all alike. README.md tells how to read the table;
the same figures are in build/bench-policy/results.json.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

import restate
import scenario

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "build/bench-policy"
FILES = WORK / "scenario"
NODE_MODULES = ROOT / "node_modules"
OURS = "Trainwarden"


# --- The scenario as files --------------------------------------------------------------------------------------------------

def write_case(name, case, for_peers=True):
    folder = FILES / name
    folder.mkdir(parents=True, exist_ok=True)
    policies, requests = case["policies"], case["requests"]
    allowed = [request["expected"] == scenario.ALLOW for request in requests]
    compact = lambda value: json.dumps(value, separators=(",", ":"))  # noqa: E731
    (folder / "case.json").write_text(compact(case))
    if not for_peers:
        return
    (folder / "policies.cedar").write_text(restate.cedar_policies(policies))
    (folder / "cedar.json").write_text(compact({"entities": restate.cedar_entities(policies, requests), "allowed": allowed,
                                                "requests": restate.cedar_requests(requests)}))
    (folder / "policies.rego").write_text(restate.rego_module(policies))
    (folder / "inputs.json").write_text(compact({"inputs": restate.rego_inputs(requests), "allowed": allowed}))


def write_compile():
    document = scenario.compile_document(NODE_MODULES)
    policies = {"identity": [["policy", document]], "boundary": None, "session": None, "resource": None, "service_control": []}
    folder = FILES / "compile"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "document.json").write_text(json.dumps(document, separators=(",", ":")))
    (folder / "policies.cedar").write_text(restate.cedar_policies(policies))
    (folder / "policies.rego").write_text(restate.rego_module(policies))


def write_population():
    case = scenario.population()
    write_case("population", case)
    folder, policies = FILES / "population", case["policies"]
    (name, inline), *shared = policies["identity"]
    role = case["requests"][0]["principal"]["role_arn"]
    own = [restate.cedar_policy(statement, role) for statement in inline["Statement"]]
    (folder / "own.cedar").write_text("\n".join(own).strip())
    (folder / "shared.cedar").write_text(restate.cedar_policies({**policies, "identity": shared}))
    (folder / "own.json").write_text(json.dumps({role: [restate.rego_statement_data(s) for s in inline["Statement"]]}))
    (folder / "policies.rego").write_text(restate.rego_module({**policies, "identity": shared}, restate.REGO_INLINE))


# --- The engines ------------------------------------------------------------------------------------------------------------

class NotRun(Exception):
    """Why a peer is left out; the others go on."""


def versions():
    """As the manifests pin them."""
    pins = {"Cedar": ("cedar/Cargo.toml", r'cedar-policy = \{ version = "=([^"]+)"'), "OPA": ("opa/go.mod", r"opa v(\S+)"),
            "iam-simulate": ("iam-simulate/package.json", r'iam-simulate": "([^"]+)"')}
    return {name: re.search(pattern, (HERE / "peers" / file).read_text())[1] for name, (file, pattern) in pins.items()}


def need(tool):
    if not shutil.which(tool):
        raise NotRun(f"{tool} is missing")


def copied(peer):
    """The peer's harness, where its tools may leave their files: nothing of theirs lands in the source tree."""
    target = WORK / peer
    shutil.copytree(HERE / "peers" / peer, target, dirs_exist_ok=True)
    return target


def build(folder, *command, **environment):
    log = folder / "build.log"
    print(f"  {' '.join(command)}", flush=True)
    with log.open("wb") as out:
        done = subprocess.run(command, cwd=folder, env=os.environ | environment, stdout=out, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["no output"]
        raise NotRun(f"`{' '.join(command)}` failed ({last[0].strip()}); its log is {log.relative_to(ROOT)}")


def ours():
    program = ROOT / "build/release/bench/policy/bench_policy"
    if not program.exists():
        raise SystemExit("error: build/release/bench/policy/bench_policy is missing; run `make bench-policy`, which builds it")
    return [program]


def cedar():
    need("cargo")
    folder = copied("cedar")
    build(folder, "cargo", "build", "--release", "--quiet", RUSTFLAGS="-C target-cpu=x86-64-v2" if os.uname().machine == "x86_64" else "")
    return [folder / "target/release/bench-policy-cedar"]


def opa():
    need("go")
    folder = copied("opa")
    environment = {"GOTOOLCHAIN": "local", "GOAMD64": "v2", "CGO_ENABLED": "0"}
    build(folder, "go", "mod", "tidy", **environment)
    build(folder, "go", "build", "-o", "bench-policy-opa", ".", **environment)
    return [folder / "bench-policy-opa"]


def iam_simulate():
    need("node")
    need("npm")
    folder = copied("iam-simulate")
    build(folder, "npm", "install", "--silent", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts")
    return ["node", "--max-old-space-size=8192", "--expose-gc", folder / "main.js"]


class Engine:
    """A process that answers a line with a line of JSON, on the one core that all of them share in turn."""

    def __init__(self, name, command):
        self.name, self.command = name, [str(word) for word in command] + [str(FILES)]
        self.log = (WORK / f"{name}.log").open("w+")
        core = {max(os.sched_getaffinity(0))}
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
                                        preexec_fn=lambda: os.sched_setaffinity(0, core))

    def ask(self, *words):
        line = " ".join(map(str, words))
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            reply = self.process.stdout.readline()
        except BrokenPipeError:
            reply = ""
        if not reply:
            self.process.wait()
            self.log.seek(0)
            raise SystemExit(f"error: {self.name} stopped at `{line}`:\n{self.log.read()[-3000:]}")
        return json.loads(reply)

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.log.close()


ENGINES = {OURS: ours, "Cedar": cedar, "OPA": opa, "iam-simulate": iam_simulate}
# How many principals each keeps while its memory is read; the figure compared is bytes a principal.
POPULATION = {OURS: 1_000_000, "Cedar": 100_000, "OPA": 100_000, "iam-simulate": 100_000}


# --- Asking -----------------------------------------------------------------------------------------------------------------

def check_answers(engine, name, case):
    """Every engine must say what the scenario says, or its time means nothing. Cedar and OPA answer allow or deny only."""
    answers = engine.ask("answers", name)["answers"]
    wrong = []
    for request, answer in zip(case["requests"], answers, strict=True):
        expected = request["expected"]
        if answer != expected and not (answer == "deny" and expected != scenario.ALLOW):
            wrong.append(f"  {answer} instead of {expected}: {request['principal']['arn']} {request['action']} {request['resource']}")
    if wrong:
        raise SystemExit(f"error: {engine.name} does not give the answers of `{name}`, so it was not timed:\n" + "\n".join(wrong[:10]))


SECONDS_MOST = 15  # an engine that has been asked about a case for so long has said enough


def interleaved(engines, rounds, *words):
    """{engine: {figure: median over the rounds}}, one engine after another in each round, another first each time. A first round
    only warms up: caches, and the compiler inside node."""
    seen = {engine.name: [] for engine in engines}
    spent = dict.fromkeys(seen, 0.0)
    for i in range(rounds + 1):
        for j in range(len(engines)):
            engine = engines[(i + j) % len(engines)]
            if spent[engine.name] > SECONDS_MOST and len(seen[engine.name]) > 1:
                continue
            started = time.monotonic()
            seen[engine.name].append(engine.ask(*words))
            spent[engine.name] += time.monotonic() - started
    return {name: {figure: statistics.median(each[figure] for each in results[1:]) for figure in results[0]} | {"rounds": len(results) - 1}
            for name, results in seen.items()}


def ask_cases(engines, options):
    results = {}
    cases = {"reference": lambda: scenario.reference(NODE_MODULES)}
    for family, make in scenario.FAMILIES.items():
        for size in options.sizes:
            cases[case_name(family, size)] = lambda make=make, size=size: make(NODE_MODULES, size)
    for name, make in cases.items():
        results |= ask_case(engines, options, name, make(), for_peers=True)
    mine = [engine for engine in engines if engine.name == OURS]
    for family, make in scenario.OWN_FAMILIES.items():
        for size in options.sizes:
            results |= ask_case(mine, options, case_name(family, size), make(NODE_MODULES, size), for_peers=False)
    return results


def ask_case(engines, options, name, case, for_peers):
    started = time.monotonic()
    write_case(name, case, for_peers)
    for engine in engines:
        engine.ask("load", name)
        check_answers(engine, name, case)
    results = {}
    for sequence in ("all", "allow", "deny") if name == "reference" else ("all",):
        results[name if sequence == "all" else f"{name}-{sequence}"] = interleaved(
            engines, options.rounds, "round", name, sequence, options.milliseconds)
    if name == "reference":
        results["reference-prepared"] = interleaved([e for e in engines if e.name == OURS], options.rounds, "prepared", name, "all", options.milliseconds)
    for engine in engines:
        engine.ask("drop", name)
    print(f"  {name}: {' and '.join(engine.name for engine in engines)} agree with the scenario on {len(case['requests'])} requests; "
          f"timed in {time.monotonic() - started:.0f} s", flush=True)
    return results


def case_name(family, size):
    return f"{family.replace(' ', '-')}-{size}"


def ask_population(commands, options):
    out = {}
    for name, command in commands.items():
        count = options.principals or POPULATION[name]
        engine = Engine(name, command)
        out[name] = engine.ask("population", count)
        engine.stop()
        print(f"  memory: {name}, {count:,} principals", flush=True)
    return out


# --- The table --------------------------------------------------------------------------------------------------------------

def time_text(nanoseconds):
    for unit, size in (("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9)):
        if nanoseconds < 1000 * size or unit == "s":
            return f"{nanoseconds / size:.{0 if unit == 'ns' else 1}f} {unit}"
    raise AssertionError


def ratio_text(value):
    return f"{value:,.0f}x" if value >= 10 else f"{value:.1f}x"


class Table:
    def __init__(self, names):
        self.names, self.lines = names, []

    def title(self, text):
        self.lines += ["", text, f"{'':<34}" + "".join(f"{name:>22}" for name in self.names)]

    def row(self, label, figures, text=time_text):
        """Each engine's figure, and its ratio to ours."""
        cells = []
        for name in self.names:
            if name not in figures:
                cells.append("-")
            elif name == OURS:
                cells.append(text(figures[name]))
            else:
                cells.append(f"{text(figures[name])} {ratio_text(figures[name] / figures[OURS]):>8}")
        self.lines.append(f"{label:<34}" + "".join(f"{cell:>22}" for cell in cells))


def table(results, not_run, names, options):
    out = Table(names)
    pick = lambda case, figure: {name: values[figure] for name, values in results["cases"][case].items()}  # noqa: E731
    out.title("one decision, reference scenario")
    for label, case in (("", "reference"), (" that allows", "reference-allow"), (" that refuses", "reference-deny")):
        out.row(f"median{label}", pick(case, "median_ns"))
        out.row(f"p99{label}", pick(case, "p99_ns"))
    out.row("median, caller and action prepared", pick("reference-prepared", "median_ns"))
    for family in (*scenario.FAMILIES, *scenario.OWN_FAMILIES):
        out.title(f"median, growing {family}" + (" of the bucket policy" if family.startswith("principal") else ""))
        for size in options.sizes:
            out.row(f"{size:,}", pick(case_name(family, size), "median_ns"))
        if len(options.sizes) == 1:
            continue
        first, last = (pick(case_name(family, size), "median_ns") for size in (options.sizes[0], options.sizes[-1]))
        out.lines.append(f"{'growth':<34}" + "".join(f"{ratio_text(last[n] / first[n]) if n in last else '-':>22}" for n in names))
    out.title("a policy of 6 KB")
    out.row("compile, median", {name: values["median_ns"] for name, values in results["compile"].items()})
    if results["population"]:
        out.title("a principal with an inline policy")
        out.row("memory, bytes", {name: values["bytes"] / values["principals"] for name, values in results["population"].items()},
                lambda value: f"{value:,.0f}")
        mine = results["population"][OURS]
        out.lines.append(f"{OURS}: {mine['principals']:,} principals in {mine['bytes'] / 2**30:.2f} GiB, made in {mine['seconds']:.1f} s")
    out.title("a GetObject at the gate: decided, recorded, chained, unprepared (README.md, At the gate)")
    for count, label in (("principals_1", "one principal"), ("principals_1000", "1,000 principals in turn")):
        figures = results["gate"][count]
        out.lines.append(f"{label:<34}" + "".join(f"{time_text(figures[f'{part}_ns']):>22}" for part in ("decided", "recorded", "chained", "whole")))
    out.lines += [""] + [f"{name} was not run: {why}" for name, why in not_run.items()]
    return "\n".join(out.lines)


def gate_path():
    """What a request pays on the functions that serve requests."""
    program = ROOT / "build/release/bench/policy/bench_gate_path"
    done = subprocess.run([program, FILES], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"error: {program.name} ended with {done.returncode}")
    return json.loads(done.stdout)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds a case; figures are medians over them (5)", choices=range(1, 100), metavar="N")
    parser.add_argument("--milliseconds", type=int, default=200, help="how long one engine is asked in a round (200)")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(scenario.SIZES), help="statements of the growing cases")
    parser.add_argument("--peers", nargs="*", choices=[name for name in ENGINES if name != OURS],
                        default=[name for name in ENGINES if name != OURS], help="which peers to run; none: `--peers`")
    parser.add_argument("--principals", type=int, help="population of every engine, instead of each one's own; 0 skips memory")
    return parser.parse_args()


def main():
    options = arguments()
    WORK.mkdir(parents=True, exist_ok=True)
    commands, not_run = {}, {}
    print("installing and building the peers", flush=True)
    for name, prepare in ENGINES.items():
        if name != OURS and name not in options.peers:
            not_run[name] = "left out by --peers"
            continue
        try:
            commands[name] = prepare()
        except NotRun as why:
            not_run[name] = str(why)
            print(f"  {name} is not run: {why}", flush=True)
    write_compile()
    write_population()
    engines = [Engine(name, command) for name, command in commands.items()]
    try:
        clocks = {engine.name: engine.ask("about")["clock"] for engine in engines}
        print("asking", flush=True)
        results = {"cases": ask_cases(engines, options), "compile": interleaved(engines, options.rounds, "compile", options.milliseconds)}
    finally:
        for engine in engines:
            engine.stop()
    results["population"] = ask_population(commands, options) if options.principals != 0 else {}
    results |= {"versions": versions(), "not_run": not_run, "clocks": clocks, "load_average": os.getloadavg(),
                "options": {"rounds": options.rounds, "milliseconds": options.milliseconds}}
    results["gate"] = gate_path()
    (WORK / "results.json").write_text(json.dumps(results, indent=2))
    print("\n" + ", ".join(f"{name} {version}" for name, version in versions().items() if name in commands))
    print(table(results, not_run, list(commands), options))
    print(f"figures: {(WORK / 'results.json').relative_to(ROOT)}; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0


if __name__ == "__main__":
    sys.exit(main())
