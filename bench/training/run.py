"""`make bench-training`: what a training job costs, beside Slurm and beside the same scripts run bare, in one run, and the ratios.

    python bench/training/run.py [--only starts burst ddp credentials shards] [--rounds N] [--small] [--json FILE]

Uses the release build. Peers take turns with ours, round by round, so that what else the machine does falls on all alike. README.md tells
how to read the table; every single value is in build/bench-training/results.json.
"""
import argparse
import json
import os
import pathlib
import statistics
import sys

import credentials
import ddp
import shards
import slurm
import starts
from jobs import BINARY, ROOT, Broken

RESULTS = ROOT / "build/bench-training/results.json"
FIGURES = {"starts": starts.measure_first_lines, "burst": starts.measure_burst, "ddp": ddp.measure, "credentials": credentials.measure,
           "shards": shards.measure}
LABEL, CELL = 42, 24


def number_text(value):
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


class Table:
    """Columns are the sides of a comparison; the first is what the others are held against."""

    def __init__(self):
        self.lines, self.sections, self.columns = [], [], []

    def _say(self, line):
        self.lines.append(line)
        print(line, flush=True)

    def title(self, text, columns, note=""):
        self.columns = columns
        # How busy the machine was meanwhile, we included.
        self.sections.append({"title": text, "rows": [], "load_average": os.getloadavg()[1]})
        self._say("")
        self._say(f"{text}{f' ({note})' if note else ''}; load average {os.getloadavg()[1]:.1f}")
        self._say(f"{'':<{LABEL}}" + "".join(f"{column:>{CELL}}" for column in columns))

    def row(self, label, figures, unit, base=None):
        """`figures`: {column: values}; the median of each, and its ratio to the base's (the first column's)."""
        self.sections[-1]["rows"].append({"label": label, "unit": unit, "values": figures})
        medians = {column: statistics.median(values) for column, values in figures.items() if values}
        base = base or self.columns[0]
        cells = []
        for column in self.columns:
            if column not in medians:
                cells.append("-")
                continue
            ratio = f" ({medians[column] / medians[base]:.2f}x)" if column != base and medians.get(base) else ""
            cells.append(f"{number_text(medians[column])} {unit}".strip() + ratio)
        self._say(f"{label:<{LABEL}}" + "".join(f"{cell:>{CELL}}" for cell in cells))

    def note(self, text):
        self.sections[-1].setdefault("notes", []).append(text)
        self._say(text)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(FIGURES), default=list(FIGURES), metavar="NAME", help=f"of {', '.join(FIGURES)}")
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, 100), metavar="N", help="figures are medians over them (5)")
    parser.add_argument("--small", action="store_true", help="short: fewer jobs, requests and bytes; for trying the bench out")
    parser.add_argument("--no-slurm", dest="slurm", action="store_false", help="leave Slurm out")
    parser.add_argument("--json", type=pathlib.Path, default=RESULTS, metavar="FILE", help="where every value goes")
    return parser.parse_args()


def main():
    options = arguments()
    if not BINARY.exists():
        raise SystemExit("error: build/release/trainwarden is missing; run `make bench-training`, which builds it")
    missing = slurm.missing()
    if options.slurm and missing and {"starts", "burst"} & set(options.only):
        print(f"Slurm is left out: `apt-get install {' '.join(missing)}` would bring what is missing (--no-slurm says that this is meant)")
        options.slurm = False
    elif options.slurm and {"starts", "burst"} & set(options.only):
        print(f"Slurm {slurm.version()}")
    table = Table()
    try:
        for name in FIGURES:
            if name in options.only:
                FIGURES[name](table, options)
    except Broken as why:
        raise SystemExit(f"error: {why}") from why
    print(f"\nload average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({
        "sections": table.sections, "cores": os.cpu_count(), "load_average": os.getloadavg(), "slurm": None if missing else slurm.version(),
        "options": {"rounds": options.rounds, "small": options.small, "only": options.only}}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
