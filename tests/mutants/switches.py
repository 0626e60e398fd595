"""Many mutants in one build: each function that mutants change holds its body once as it is and once for each of them, and the environment says which
is in force (`MUTANT_IN_FORCE=NUMBER`). So a file is compiled once instead of once for each mutant. Pure: text in, text out.

What is not part of a function's body (a constant, a signature) cannot be switched; neither can what the compiler evaluates, nor a header, which would
build every file that includes it again. run.py builds those one at a time.
"""
import re

VARIABLE = "MUTANT_IN_FORCE"

HEAD = """#pragma clang diagnostic ignored "-Weverything"
#include <cstdlib>
namespace { long mutant_in_force() { static const long number = [] { const char* text = std::getenv("%s"); return text ? std::strtol(text, nullptr, 10) : 0; }();
return number; } }
#line 1
""" % VARIABLE

RAW_STRING = re.compile(r'R"([^()\\\s]{0,16})\(')
SCOPE = re.compile(r"\b(namespace|extern)\b|^\s*(?:template\s*<.*>\s*)?(class|struct|union|enum)\b", re.DOTALL)


def blanked(text):
    """The text, as long as it is, without its comments and strings."""
    parts, at, kept = [], 0, 0
    while at < len(text):
        character, end = text[at], None
        word_before = at and (text[at - 1].isalnum() or text[at - 1] == "_")
        if text.startswith("//", at):
            end = end_of(text, "\n", at) - 1
        elif text.startswith("/*", at):
            end = end_of(text, "*/", at + 2)
        elif character == "R" and not word_before and (raw := RAW_STRING.match(text, at)):
            end = end_of(text, f'){raw.group(1)}"', raw.end())
        elif character == '"' or (character == "'" and not word_before):
            end = at + 1
            while end < len(text) and text[end] != character:
                end += 2 if text[end] == "\\" else 1
            end += 1
        if end is None:
            at += 1
            continue
        parts += [text[kept:at], " " * (end - at)]
        at = kept = end
    return "".join(parts) + text[kept:]


def bodies(text):
    """(offset after the opening brace, offset of the closing one) of every outermost block of statements: functions, and lambdas in tables."""
    text, found, stack, header = blanked(text), [], [], 0
    for mark in re.finditer("[{};]", text):
        if mark.group() == "{":
            before = text[header:mark.start()]
            function = not any(one[0] for one in stack) and ")" in before and not SCOPE.search(before)
            stack.append((function, mark.end()))
        elif mark.group() == "}" and stack:
            function, begin = stack.pop()
            if function:
                found.append((begin, mark.start()))
        header = mark.end()
    return found


def end_of(text, what, at):
    place = text.find(what, at)
    return len(text) if place < 0 else place + len(what)


def switched(text, mutants):
    """The text with those of `mutants`, (number, old, new) each, that lie in a body, and where each stands: {number: (first line, last line)}."""
    blocks, inside = bodies(text), {}
    for number, old, new in mutants:
        same = common(old, new)
        place = text.find(old) + same
        old, new = old[same:], new[same:]
        if rest := common(old[::-1], new[::-1]):
            old, new = old[:-rest], new[:-rest]
        for begin, end in blocks:
            if begin <= place and place + len(old) <= end:
                inside.setdefault((begin, end), []).append((number, text[begin:place] + new + text[place + len(old):end]))
    parts, lines, at, line = [], {}, 0, 1

    def add(part):
        nonlocal line
        parts.append(part)
        line += part.count("\n")

    for (begin, end), changed in sorted(inside.items()):
        add(text[at:begin])
        for number, body in changed:
            add("\n" if parts[-1].endswith("{") else "")
            first = line
            add(f"if (mutant_in_force() == {number}) {{{body}}} else\n")
            lines[number] = (first, line - 1)
        add(f"{{{text[begin:end]}}}\n")
        at = end
    add(text[at:])
    return HEAD + "".join(parts), lines


def common(left, right):
    """How long the beginning is that both have."""
    return next((at for at, (a, b) in enumerate(zip(left, right)) if a != b), min(len(left), len(right)))
