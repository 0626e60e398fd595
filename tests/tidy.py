"""Runs clang-tidy (.clang-tidy) over src/*.cpp, tests aside: they take values out of optionals that they have just required.

    tidy.py BUILD [--jobs N] [FILE...]     BUILD: a build folder, built; FILE: only these

What was clean is not looked at again until it, a header that it includes, its command or the settings change (BUILD/tidy).
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = "clang-tidy-19"


def dependencies(build):
    """{object: files it was made of}, as ninja recorded them."""
    found, name = {}, None
    text = subprocess.run(["ninja", "-C", str(build), "-t", "deps"], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        if match := re.match(r"(\S+): #deps", line):
            name = match[1]
            found[name] = []
        elif line.startswith("    ") and name is not None:
            found[name].append(line.strip())
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("files", nargs="*")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    made_of = dependencies(build)
    digests = {}

    def digest(path):
        """Of a file of ours by content, of the system's by name: its version comes with the compiler's."""
        if path not in digests:
            file = (build / path).resolve()
            ours = file.is_relative_to(ROOT) or file.is_relative_to(build)
            digests[path] = hashlib.sha256(file.read_bytes() if ours else path.encode()).hexdigest()
        return digests[path]

    settings = (ROOT / ".clang-tidy").read_text()
    clean = build / "tidy"
    clean.mkdir(exist_ok=True)
    work = []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        file = pathlib.Path(entry["file"])
        if not file.is_relative_to(ROOT / "src") or file.name.endswith("_test.cpp"):
            continue
        name = file.relative_to(ROOT).as_posix()
        if arguments.files and name not in arguments.files:
            continue
        parts = [settings, entry["command"].replace(str(ROOT), "")] + [digest(path) for path in made_of.get(re.search(r" -o (\S+)", entry["command"])[1], [])]
        if len(parts) == 2:
            parts.append(digest(str(file)))
        work.append((name, clean / hashlib.sha256("\n".join(parts).encode()).hexdigest()))
    if len(work) < (1 if arguments.files else 200):
        print(f"only {len(work)} files were found: the check itself is broken")
        return 1

    def check(item):
        name, stamp = item
        if stamp.exists():
            return None
        done = subprocess.run([PROGRAM, "-p", str(build), "--quiet", str(ROOT / name)], capture_output=True, text=True)
        if done.returncode == 0:
            stamp.touch()
            return ""
        return done.stdout + done.stderr

    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        results = list(pool.map(check, work))
    problems = [text for text in results if text]
    print(*problems, sep="\n", end="\n" if problems else "")
    print(f"{len(work)} files, {sum(text is not None for text in results)} looked at, {len(problems)} with problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
