#!/usr/bin/env python3
"""docs/semantics.md from the rules and the cases: rule, what it says, AWS's page, the cases that show it.

semantics.py > docs/semantics.md
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CASES = ROOT / "tests/cases/policy"

HEAD = """# The semantics of policies, rule by rule

Made by `tools/semantics.py` from [tests/cases/policy/rules.md](../tests/cases/policy/rules.md) and the cases beside it; a test checks that it
is current, and another that every rule is shown from both sides. Where AWS's pages leave a choice or other implementations choose otherwise,
[disagreements.md](disagreements.md) says which reading is implemented; such rules are marked *.
"""

GROUPS = [
    ("The decision", 1, 13), ("Boundaries, sessions and resource policies", 14, 24), ("Principals", 25, 37),
    ("Actions and resources", 38, 49), ("Conditions", 50, 73), ("Services with rules of their own", 74, 80),
    ("Ambiguity in a request", 81, 81)]


def table_rows(text, columns):
    """The rows of Markdown tables with this many columns, headings left out."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if line.startswith("|") and len(cells) == columns and not cells[0].startswith("---"):
            yield cells


def read_rules():
    """{rule: (what it says, [page, …])} in order, and {page: link}."""
    text = (CASES / "rules.md").read_text()
    rules = {rule: (says, pages.split(", ")) for rule, says, pages in table_rows(text, 3) if re.fullmatch(r"[RG]\d+", rule)}
    links = {name: link for name, link in table_rows(text, 2) if "/" in name}
    unknown = {page for _, pages in rules.values() for page in pages} - set(links)
    unused = set(links) - {page for _, pages in rules.values() for page in pages}
    if unknown or unused:
        sys.exit(f"rules.md: no page {sorted(unknown)}; no rule uses {sorted(unused)}")
    return rules, links


def read_cases():
    """{rule: [(file, title)]} of the cases, and {rule: (who decides, [test, …])} of what is decided elsewhere."""
    cases, elsewhere = {}, {}
    for path in sorted(CASES.glob("*.case")):
        tests = None
        for line in path.read_text().splitlines():
            if line.startswith("case "):
                names, title = line[5:].split(":", 1)
                for rule in names.split(","):
                    cases.setdefault(rule.strip(), []).append((path.name, title.strip()))
            elif line.startswith("elsewhere "):
                rule, who = line[10:].split(":", 1)
                tests = elsewhere.setdefault(rule.strip(), (who.strip(), []))[1]
            elif line.startswith(" ") and tests is not None:
                tests.append(line.strip())
            if not line.startswith((" ", "elsewhere ")):
                tests = None
    return cases, elsewhere


def decided_rules():
    """The rules that docs/disagreements.md speaks of."""
    return {rule for row in table_rows((ROOT / "docs/disagreements.md").read_text(), 3) for cell in row for rule in re.findall(r"\b[RG]\d+\b", cell)}


def row(rule, says, pages, links, cases, elsewhere, decided):
    by_file = {}
    for file, title in cases.get(rule, []):
        by_file.setdefault(file, []).append(title)
    shown = [f"[{file}](../tests/cases/policy/{file}): {'; '.join(titles)}" for file, titles in by_file.items()]
    if rule in elsewhere:
        who, tests = elsewhere[rule]
        shown.append(f"elsewhere: {who} ({', '.join('`' + test + '`' for test in tests)})")
    return f"| {rule}{'*' if rule in decided else ''} | {says} | {', '.join(links[page] for page in pages)} | {'<br>'.join(shown)} |\n"


def main():
    rules, links = read_rules()
    cases, elsewhere = read_cases()
    decided = decided_rules()
    out = HEAD
    groups = [(title, [f"R{number}" for number in range(first, last + 1)]) for title, first, last in GROUPS]
    groups.append(("Grammar, sizes and numbers", [rule for rule in rules if rule.startswith("G")]))
    for title, members in groups:
        out += f"\n## {title}\n\n| rule | what it says | AWS's page | shown by |\n|---|---|---|---|\n"
        for rule in members:
            out += row(rule, *rules[rule], links, cases, elsewhere, decided)
    sys.stdout.write(out)


if __name__ == "__main__":
    main()
