"""Compares the policy engine with @cloud-copilot/iam-simulate, a process of its own that npm installs here when the test runs.

run.py POLICY_PEER FOLDER [FIRST-SEED [SETS]]     POLICY_PEER: the program of ../peer.cpp; FOLDER: where npm may install

The simulator's licence is the AGPL: it is run, never linked, shipped or committed.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def install(folder):
    """node_modules as package.json asks for it; once for a version of that file."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted, stamp = HERE / "package.json", folder / "installed.json"
    if stamp.exists() and stamp.read_bytes() == wanted.read_bytes():
        return
    shutil.copy(wanted, folder / "package.json")
    done = subprocess.run(["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"], cwd=folder,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"npm cannot install the simulator; this test needs the npm registry\n{done.stdout}{done.stderr}")
    shutil.copy(wanted, stamp)


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    seed, sets = (sys.argv[3:] + ["1", "5000"][len(sys.argv[3:]):])[:2]
    install(folder)
    with tempfile.TemporaryDirectory() as scratch:
        questions, answers = pathlib.Path(scratch, "questions"), pathlib.Path(scratch, "answers")
        with open(questions, "wb") as out:
            subprocess.run([program, "ask", seed, sets], stdout=out, check=True)
        with open(questions, "rb") as asked, open(answers, "wb") as out:
            subprocess.run(["node", HERE / "simulate.mjs"], cwd=folder, stdin=asked, stdout=out, check=True)
        with open(answers, "rb") as said:
            sys.exit(subprocess.run([program, "judge", seed, sets], stdin=said, cwd=os.getcwd(), check=False).returncode)


if __name__ == "__main__":
    main()
