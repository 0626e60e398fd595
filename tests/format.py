"""Every C++ file is as clang-format writes it (.clang-format); `make format` does that. The version is pinned: another one
writes some lines differently."""
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FORMATTER = "clang-format-19"


def sources() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z", "*.cpp", "*.hpp"], cwd=ROOT, check=True, capture_output=True, text=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def main() -> int:
    files = sources()
    if not files:
        print("no C++ files found: is this a git checkout?")
        return 1
    chunks = [files[i :: os.cpu_count() or 1] for i in range(os.cpu_count() or 1)]
    running = [
        subprocess.Popen([FORMATTER, "--dry-run", "-Werror", *chunk], cwd=ROOT, stderr=subprocess.PIPE, text=True) for chunk in chunks if chunk
    ]
    failed = False
    for process in running:
        _, errors = process.communicate()
        failed = failed or process.returncode != 0
        if process.returncode != 0:
            print(errors[:4000])
    if failed:
        print("`make format` fixes it")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
