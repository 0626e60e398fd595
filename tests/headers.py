"""Checks that every header of src/ compiles alone: includes what it uses, in any order.

A header whose own .cpp includes it first was compiled alone by the build; only the others cost a compilation here.
"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parent.parent


def check(header):
    with tempfile.NamedTemporaryFile("w", suffix=".cpp") as source:
        source.write(f'#include "{header.relative_to(root / "src").as_posix()}"\n')
        source.flush()
        done = subprocess.run(["clang++-19", "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers",
                               f"-I{root}/src", f"-I{root}/build/dev/generated", source.name],
                              capture_output=True, text=True, check=False)
    return header, done.returncode, done.stderr


def is_first_include_of_its_source(header):
    source = header.with_suffix(".cpp")
    if not source.exists():
        return False
    first = next((line for line in source.read_text().splitlines() if line.startswith("#include")), "")
    return first == f'#include "{header.relative_to(root / "src").as_posix()}"'


def main():
    every = sorted((root / "src").rglob("*.hpp"))
    headers = [header for header in every if not is_first_include_of_its_source(header)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        failed = [(header, text) for header, code, text in pool.map(check, headers) if code != 0]
    for header, text in failed:
        print(f"{header.relative_to(root)} does not compile alone:\n{text}")
    print(f"{len(every)} headers, {len(headers)} of them compiled here, {len(failed)} failed")
    return 1 if failed or not every else 0


if __name__ == "__main__":
    sys.exit(main())
