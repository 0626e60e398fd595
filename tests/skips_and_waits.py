"""Checks how tests are written: none skips itself or returns early but by `need`, `@needs` and NEEDS, which ask the machine, and none waits without
an end. Of C++, waits have the deadline of their test case (doctest_main.cpp)."""
import ast
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SKIPS = {"skip", "skipif", "importorskip", "xfail", "skipTest"}


def faults_of_python(path, tree):
    for function in ast.walk(tree):
        if isinstance(function, ast.Attribute) and function.attr in SKIPS and isinstance(function.value, (ast.Name, ast.Attribute)):
            if path.name != "conftest.py":
                yield function.lineno, f"{function.attr}: a test that the machine can run is run; where it cannot, conftest.need says so"
        if not isinstance(function, ast.While):
            continue
        calls = {node.attr if isinstance(node, ast.Attribute) else node.id for node in ast.walk(function) if isinstance(node, (ast.Attribute, ast.Name))}
        if "sleep" in calls and not calls & {"monotonic", "deadline"}:
            yield function.lineno, "a wait without a deadline: conftest.until has one"


def faults_of_cpp(text):
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("TEST_CASE("):
            inside = True
        elif line.startswith("}"):
            inside = False
        elif inside and re.match(r"    (if \(.*\) )?return;", line) or inside and re.match(r"        return;", line):
            yield number, "a test case that ends early: NEEDS, or an assertion"


def main():
    faults = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        faults += [f"{path.relative_to(ROOT)}:{line}: {what}" for line, what in faults_of_python(path, ast.parse(path.read_text()))]
    checked = 0
    for path in sorted([*(ROOT / "src").rglob("*_test.cpp"), *(ROOT / "tests").rglob("*_test.cpp")]):
        text = path.read_text()
        checked += text.count("\nTEST_CASE(")
        faults += [f"{path.relative_to(ROOT)}:{line}: {what}" for line, what in faults_of_cpp(text)]
    if checked < 100:
        faults.append(f"only {checked} test cases were found: the check itself is broken")
    print(*faults, sep="\n", end="\n" if faults else "")
    print(f"{checked} test cases checked, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
