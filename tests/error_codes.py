"""Checks that error codes are written by name (src/base/error_codes.hpp): made, compared and set without string literals, tests aside, which quote what
clients see. Every name is used."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADER = "src/base/error_codes.hpp"
LITERAL = r'"([A-Z][A-Za-z0-9]*(?:[.][A-Z][A-Za-z0-9]*)*)"'
CONTEXTS = [re.compile(context) for context in (
    r"\bfail\(\s*" + LITERAL + r"\s*,", r"\bError(?:\s+\w+)?[({]\s*" + LITERAL + r"\s*,", r"\bcode\s*(?:==|!=)\s*" + LITERAL,
    r"\.code\s*=\s*" + LITERAL + r"\s*[;,}]",
    # One of two.
    r'(?:\bfail\(|\bError(?:\s+\w+)?[({]|\.code\s*=)[^"\n;]*\?\s*' + LITERAL, r'(?:\bfail\(|\bError(?:\s+\w+)?[({]|\.code\s*=)[^"\n;]*\?[^"\n;]*:\s*' + LITERAL)]


def main():
    problems, used, checked = [], set(), 0
    named = dict(re.findall(r'inline constexpr char (\w+)\[\] = "([^"]+)";', (ROOT / HEADER).read_text()))
    if sorted(named.items(), key=lambda item: item[1]) != list(named.items()):
        problems.append(f"{HEADER}: not in order")
    problems += [f"{HEADER}: {name} is not the name of `{code}`" for name, code in named.items() if code.replace(".", "_") != name]
    for path in sorted((ROOT / "src").rglob("*.[ch]pp")):
        relative = path.relative_to(ROOT).as_posix()
        text = path.read_text()
        used.update(re.findall(r"code::(\w+)", text))
        for context in CONTEXTS:
            for match in context.finditer(text):
                used.add(match[1].replace(".", "_"))
                if re.search(r"(_test\.cpp|_for_tests\.hpp|testing\.hpp|scripted_aws\.hpp)$", relative):
                    continue
                line = text.count("\n", 0, match.start()) + 1
                problems.append(f"{relative}:{line}: write base::code::{match[1].replace('.', '_')} (base/error_codes.hpp)")
        checked += 1
    problems += [f"{HEADER}: nothing uses {name}" for name in named if name not in used]
    print(*problems, sep="\n", end="\n" if problems else "")
    print(f"{checked} files and {len(named)} codes checked, {len(problems)} problems")
    return 1 if problems or checked < 200 else 0


if __name__ == "__main__":
    sys.exit(main())
