"""Checks every #include in src/ against the links that cmake/rooms.cmake declares: the arrows of ARCHITECTURE.md are these.

A room may include itself and the rooms it links, no others (not even those its links link): an arrow that is used is an arrow that is
declared. A test may include whatever its room links, however far away: it builds the world that its room lives in. Heavy library headers
may stand in .cpp files only. Rooms other than the gate's do not ask the policy engine to decide, and services' handlers refuse nothing.
"""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
source = root / "src"

HEAVY = re.compile(r"#include <(rocksdb/|simdjson|pugixml|yaml-cpp/|spdlog/|fmt/|grpc|google/protobuf|CLI/|boost/|openssl/|curl/|archive|zlib|prometheus/)")
# What a command prints goes through cli/terminal, which spells out what a terminal would obey.
PRINTS = re.compile(r"\b(printf|fprintf|puts|fputs|putchar|fputc|fwrite|cout|cerr|clog)\b|::write\(STD")
MAY_PRINT = {"cli/terminal.cpp"}
# Only these rooms ask for decisions: all others ask the gate, which records them. Tests may ask any.
DECIDERS = {"policy/evaluate.hpp": {"policy", "gate", "proof"}, "gate/access_question.hpp": {"gate"}}
# What is refused is refused before a handler runs: by policies, by the rules of services (policy/service_rules.hpp), or by gate::refuse, which no
# function that takes a permit may call.
REFUSAL = re.compile(r"AccessDenied|NotAuthorized|Forbidden|MethodNotAllowed|Unauthorized")
TAKES_PERMIT = re.compile(r"\bconst (?:gate::)?Permit&[^;{}]*\)[^;{}()]*\{")
INCLUDE = re.compile(r'#include "([^"]+)"')


def declared_rooms():
    """{room: (folder, allowed rooms)} from the room(...) lines."""
    text = re.sub(r"#.*", "", (root / "cmake/rooms.cmake").read_text())
    rooms = {}
    for name, rest in re.findall(r"^room\((\w+)([^)]*)\)", text, re.M):
        words = rest.split()
        folder, allowed, field = name, [], None
        for word in words:
            if word in ("PATH", "LINK", "PRIVATE", "GENERATED"):
                field = word
            elif field == "PATH":
                folder = word
            elif field == "LINK":
                allowed.append(word)
        rooms[name] = (folder, allowed)
    return rooms


def body_at(text, start):
    """From the opening brace at `start` to the one that closes it. Braces in string literals are few, and come in pairs."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return text[start:at + 1]
    return text[start:]


def refusing_handlers(relative, text):
    code = re.sub(r"//[^\n]*", "", text)
    for number, line in enumerate(code.splitlines(), 1):
        if REFUSAL.search(line) and "==" not in line:
            yield f"src/{relative}:{number}: a service refuses: see gate/refusal.hpp"
    for match in TAKES_PERMIT.finditer(code):
        if "gate::refuse(" in body_at(code, match.end() - 1):
            number = code.count("\n", 0, match.start()) + 1
            yield f"src/{relative}:{number}: a handler refuses what was permitted: see gate/refusal.hpp"


def main():
    rooms = declared_rooms()
    folders = {folder: name for name, (folder, _) in rooms.items()}
    problems = []

    def room_of(path):
        """The room a path below src/ belongs to: the longest folder that is one."""
        parts = path.split("/")
        for length in (2, 1):
            if "/".join(parts[:length]) in folders and len(parts) > length:
                return folders["/".join(parts[:length])]
        return None

    def reachable(room):
        """The room, what it links, and what those link."""
        found, waiting = set(), [room]
        while waiting:
            name = waiting.pop()
            if name in rooms and name not in found:
                found.add(name)
                waiting += rooms[name][1]
        return found

    checked = 0
    for path in sorted(source.rglob("*.[ch]pp")):
        relative = path.relative_to(source).as_posix()
        if not re.search(r"_test\.cpp$|for_tests\.hpp$", relative):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                if match and relative.split("/")[0] not in DECIDERS.get(match[1], {relative.split("/")[0]}):
                    problems.append(f"src/{relative}:{number}: decides by itself ({match[1]}): ask gate/decider.hpp or gate/decide.hpp")
        if relative.startswith("services/") and not relative.endswith("_test.cpp"):
            problems += refusing_handlers(relative, path.read_text())
        if relative.startswith("server/"):
            continue  # main: the only room that knows every room
        room = room_of(relative)
        if room is None:
            problems.append(f"src/{relative}: not in any room of cmake/rooms.cmake")
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if path.suffix == ".hpp" and HEAVY.match(line):
                problems.append(f"src/{relative}:{number}: a heavy library header in a header: {line.strip()}")
            prints = relative.startswith("cli/") and relative not in MAY_PRINT and PRINTS.search(line.split("//")[0])
            if prints and "last_words" not in line:  # train.cpp's handler of an interrupt, which writes what terminal.cpp made
                problems.append(f"src/{relative}:{number}: prints past cli/terminal.hpp: {line.strip()}")
            match = INCLUDE.match(line)
            if not match:
                continue
            checked += 1
            other = room_of(match[1])
            if other is None:
                if not (source / match[1]).exists():
                    continue  # generated
                problems.append(f"src/{relative}:{number}: includes {match[1]}, which is in no room")
            elif relative.endswith("_test.cpp") and other in reachable(room):
                continue
            elif other != room and other not in rooms[room][1]:
                problems.append(f"src/{relative}:{number}: {room} may not know {other} (cmake/rooms.cmake does not link it)")
    if checked < 20:
        problems.append(f"only {checked} includes were found: the check itself is broken")
    for problem in problems:
        print(problem)
    print(f"{checked} includes checked, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
