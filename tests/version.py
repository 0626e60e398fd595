"""The version has one place, CMakeLists.txt: what else says one must say the same, and the program also its commit.

    version.py PROGRAM
"""
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def main(program):
    version = re.search(r"project\(trainwarden VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
    said = json.loads(run(program, "version", "--json").stdout)
    text, flag = run(program, "version").stdout, run(program, "--version").stdout
    problems = []
    if said["Version"] != version or flag != f"trainwarden {version}\n" or not text.startswith(f"trainwarden {version}"):
        problems.append(f"the program says {said}, {text!r} and {flag!r}; CMakeLists.txt says {version}")
    newest = re.search(r"^## ([0-9.]+)", (ROOT / "CHANGELOG.md").read_text(), re.M)[1]
    if newest != version:
        problems.append(f"CHANGELOG.md begins with {newest}; CMakeLists.txt says {version}")
    for chart in ROOT.glob("packaging/**/Chart.yaml"):
        if (app := re.search(r'^appVersion: "([0-9.]+)"', chart.read_text(), re.M)[1]) != version:
            problems.append(f"{chart.relative_to(ROOT)} is for {app}; CMakeLists.txt says {version}")

    # A tree without git, as from an archive, knows none; a commit since the last build is no mistake.
    commit = said["Commit"].removesuffix("+changes")
    if run("git", "-C", str(ROOT), "rev-parse", "HEAD").returncode == 0:
        if not re.fullmatch("[0-9a-f]{12}", commit) or run("git", "-C", str(ROOT), "merge-base", "--is-ancestor", commit, "HEAD").returncode != 0:
            problems.append(f"the program says commit {commit!r}, which HEAD does not come from")
    if commit and f"(commit {said['Commit']})" not in text:
        problems.append(f"`trainwarden version` does not say the commit: {text!r}")
    print(*problems, sep="\n", end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
