"""Prints what the tests of a run skipped and why: `make test` ends with it.

    skips.py FILE        FILE: where the test programs and pytest wrote them (TRAINWARDEN_SKIPS); none: nothing was skipped
"""
import collections
import pathlib
import sys

path = pathlib.Path(sys.argv[1])
lines = path.read_text().splitlines() if path.exists() else []
for why, count in collections.Counter(line.rsplit(": this machine lacks ", 1)[-1] for line in lines).most_common():
    print(f"skipped {count}: {why}")
print(f"{len(lines)} tests skipped" + (", each for something that this machine lacks" if lines else ""))
