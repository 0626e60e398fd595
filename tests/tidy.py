"""Runs clang-tidy (.clang-tidy) over src/*.cpp, tests aside: they would double its time.

    tidy.py BUILD [--jobs N] [FILE...]     BUILD: a build folder, built; FILE: only these

Most of the time goes into headers, which files share: so several files are looked at as one translation unit. Two that declare the same
name for themselves are never together, and what does not compile together is looked at file by file. What was clean is not looked at
again until it, a header that it includes, its command or the settings change (BUILD/tidy).
"""
import argparse
import collections
import concurrent.futures
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = "clang-tidy-19"
# More save little: what is left is the files' own text. Fewer leave nothing to do for the last core.
FILES_MAX = 12
# Nothing that is looked for depends on them.
FLAGS_IGNORED = ("-pthread", "-DFMT_SHARED")


@dataclasses.dataclass
class Source:
    name: str  # from ROOT
    flags: list
    folder: str  # that the flags are relative to
    digest: str  # of all that a finding may depend on
    own: dict  # {(namespace, name) that it declares for itself: as what}


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


def own_names(path, text):
    """What a file declares for itself, near enough: what is overlooked costs time, no finding."""
    names = {("", macro): path for macro in re.findall(r"^#define (\w+)", text, re.M)}
    space = next(iter(re.findall(r"^namespace ([\w:]+) \{$", text, re.M)), "")
    for body in re.findall(r"^namespace \{\n(.*?)^\}  // namespace$", text, re.S | re.M):
        for line in body.splitlines():
            if match := re.match(r"(?:using|namespace) (\w+) = .*;$", line):
                names[space, match[1]] = line  # the same alias twice is no conflict
            elif match := re.match(r"(?:struct|class|enum class|enum) (\w+)", line) or re.match(r"[A-Za-z].*?(\w+)(?:\(|\[|\{| =|;)", line):
                names[space, match[1]] = path
    return names


def sources(build, wanted):
    made_of, digests = dependencies(build), {}

    def digest(path):
        """Of a file of ours by content, of the system's by name: its version comes with the compiler's."""
        if path not in digests:
            file = (build / path).resolve()
            ours = file.is_relative_to(ROOT) or file.is_relative_to(build)
            digests[path] = hashlib.sha256(file.read_bytes() if ours else path.encode()).hexdigest()
        return digests[path]

    found = []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        file = pathlib.Path(entry["file"])
        if not file.is_relative_to(ROOT / "src") or file.name.endswith("_test.cpp"):
            continue
        name = file.relative_to(ROOT).as_posix()
        if wanted and name not in wanted:
            continue
        words = shlex.split(entry["command"])
        target = words[words.index("-o") + 1]
        # `ccache clang++-19 FLAGS -o OBJECT -c FILE`
        flags = [word for word in words[[word.startswith("-") for word in words].index(True):] if word not in ("-o", "-c", target, str(file), *FLAGS_IGNORED)]
        parts = [entry["command"].replace(str(ROOT), "")] + [digest(path) for path in made_of.get(target, [str(file)])]
        found.append(Source(name, flags, entry["directory"], hashlib.sha256("\n".join(parts).encode()).hexdigest(), own_names(name, file.read_text())))
    return found


def conflict(one, other):
    return any(other.own.get(name, what) != what for name, what in one.own.items())


def together(files):
    """Lists of files that one translation unit each may hold."""
    groups = collections.defaultdict(list)
    for file in sorted(files, key=lambda file: file.name):
        alike = groups[tuple(file.flags)]
        for group in alike:
            if len(group) < FILES_MAX and not any(conflict(file, other) for other in group):
                group.append(file)
                break
        else:
            alike.append([file])
    # The longest first: the last one alone is what the others wait for.
    return sorted((group for alike in groups.values() for group in alike), key=len, reverse=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("files", nargs="*")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    folder = build / "tidy"
    folder.mkdir(exist_ok=True)
    settings = (ROOT / ".clang-tidy").read_text()

    work = sources(build, arguments.files)
    if len(work) < (1 if arguments.files else 200):
        print(f"only {len(work)} files were found: the check itself is broken")
        return 1

    def check(group):
        """(how many files were looked at, what was found)"""
        stamp = folder / hashlib.sha256("\n".join([settings, *(file.digest for file in group)]).encode()).hexdigest()
        if stamp.exists():
            return 0, ""
        unit = folder / f"{stamp.name}.cpp"
        unit.write_text("".join(f'#include "{ROOT / file.name}"\n' for file in group))
        done = subprocess.run([PROGRAM, "--quiet", f"--config-file={ROOT / '.clang-tidy'}", str(unit), "--", *group[0].flags],
                              capture_output=True, text=True, cwd=group[0].folder)
        unit.unlink()
        if done.returncode == 0:
            stamp.touch()
            return len(group), ""
        if len(group) > 1 and "[clang-diagnostic" in done.stdout:
            alone = [check([file]) for file in group]
            return sum(looked_at for looked_at, _ in alone), "".join(found for _, found in alone)
        return len(group), done.stdout + done.stderr

    groups = together(work)
    looked_at, problems = 0, []
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for count, found in pool.map(check, groups):
            looked_at += count
            if found:
                problems.append(found)
                print(found, flush=True)
    print(f"{len(work)} files in {len(groups)} translation units, {looked_at} looked at, problems in {len(problems)} of the units")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
