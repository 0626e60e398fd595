"""Compares the policy engine with @cloud-copilot/iam-simulate, a process of its own that tests/clients/install.py installs.

run.py POLICY_PEER [FIRST-SEED [SETS]]     POLICY_PEER: the program of ../peer.cpp

The simulator's licence is the AGPL: it is run, never linked, shipped or committed.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def main():
    program = sys.argv[1]
    seed, sets = (sys.argv[2:] + ["1", "5000"][len(sys.argv[2:]):])[:2]
    installed = subprocess.run([sys.executable, HERE.parent.parent / "clients/install.py", "policy-peer"], check=True, stdout=subprocess.PIPE, text=True)
    folder = pathlib.Path(installed.stdout.strip())
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
