"""Checks that the files and tests that a document names exist, so that what it says is shown stays shown.

In inline code: `src/FOLDER/x_test.cpp::the name of a case`, `tests/…/test_x.py::test_name`, or a file of the repository alone.
"""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
DOCUMENTS = ["docs/threat-model.md", "SECURITY.md"]
NAMED = re.compile(r"`((?:src|tests|fuzz|cmake|packaging|docs)/[\w./-]+)(?:::([^`]+))?`")
TESTS_MIN = 30  # what the threat model names at least: fewer, and this check reads nothing


def tests_in(path):
    text = path.read_text()
    if path.suffix == ".py":
        return set(re.findall(r"^def (test_\w+)\(", text, re.M))
    # A long name may be broken into several literals.
    cases = re.findall(r'TEST_CASE\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)', text)
    return {"".join(re.findall(r'"((?:[^"\\]|\\.)*)"', case)) for case in cases}


def main():
    problems, tests = [], 0
    for document in DOCUMENTS:
        for number, line in enumerate((root / document).read_text().splitlines(), 1):
            for file, test in NAMED.findall(line):
                path = root / file
                if not path.exists():
                    problems.append(f"{document}:{number}: there is no {file}")
                elif test and test not in tests_in(path):
                    problems.append(f"{document}:{number}: {file} has no test `{test}`")
                tests += bool(test)
    if tests < TESTS_MIN:
        problems.append(f"only {tests} tests are named: the check itself is broken")
    print(*problems, sep="\n", end="\n" if problems else "")
    print(f"{tests} tests named, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
