"""Checks in the built program what cmake/hardening.cmake asks of compiler and linker: a flag that a compiler ignores, or that a target loses,
is found here.

    hardening.py PROGRAM INSIDE [BUILD_TYPE]     INSIDE: the static first process of a sandbox (src/sandbox/inside)
"""
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent
FUNCTION = "_ZN4gate4Gate5serveERN4http7RequestE"  # gate::Gate::serve(http::Request&): one of ours, whatever libraries bring


def read(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def segments(program):
    """{type: flags} of the program header."""
    return dict(re.findall(r"^ +(\w+) +0x\w+ 0x\w+ 0x\w+ 0x\w+ 0x\w+ +([RWE ]{3}) ", read("readelf", "-lW", program), re.M))


def executable_and_writable(program):
    loads = re.findall(r"^ +LOAD +0x\w+ 0x\w+ 0x\w+ 0x\w+ 0x\w+ +([RWE ]{3}) ", read("readelf", "-lW", program), re.M)
    return not loads or any("W" in flags and "E" in flags for flags in loads)


def first_instruction(program, function):
    """What a function begins with; "" where it is not there."""
    address = re.search(rf"^([0-9a-f]+) \w {function}$", read("nm", program), re.M)
    if not address:
        return ""
    begin = int(address[1], 16)
    listing = read("objdump", "-d", "--no-show-raw-insn", f"--start-address={begin}", f"--stop-address={begin + 16}", program)
    found = re.search(rf"^ *{begin:x}:\t(\S+)", listing, re.M)
    return found[1] if found else ""


def problems_of(program, asserts):
    header, dynamic, symbols = read("readelf", "-hW", program), read("readelf", "-dW", program), read("readelf", "--dyn-syms", "-W", program)
    found = segments(program)
    machine = re.search(r"Machine: +(.*)", header)[1]
    if not re.search(r"Type: +DYN", header) or "PIE" not in dynamic:
        yield "it is not position-independent"
    if "GNU_RELRO" not in found:
        yield "its relocations stay writable (no GNU_RELRO)"
    if not re.search(r"\(FLAGS\).*BIND_NOW|\(FLAGS_1\).*NOW", dynamic):
        yield "functions are bound when they are first called (no BIND_NOW): the table stays writable"
    if "E" in found.get("GNU_STACK", "E"):
        yield "its stack is executable"
    if executable_and_writable(program):
        yield "it has memory that is writable and executable"
    if "RPATH" in dynamic or "RUNPATH" in dynamic:
        yield "it looks for libraries beside itself"
    if "__stack_chk_fail" not in symbols:
        yield "no function looks after its stack"
    if not {"__memcpy_chk", "__vsnprintf_chk"} & set(re.findall(r"\b__\w+_chk\b", symbols)):
        yield "glibc's checked calls are not used"
    if asserts and "__glibcxx_assert_fail" not in symbols:
        yield "libstdc++'s assertions are off"
    expected = {"X86-64": {"endbr64"}, "AArch64": {"paciasp", "bti"}}.get(machine.replace("Advanced Micro Devices ", ""))
    if expected and first_instruction(program, FUNCTION) not in expected:
        yield f"an indirect jump may land anywhere (no {' or '.join(sorted(expected))})"


def problems_of_static(program):
    found = segments(program)
    if "E" in found.get("GNU_STACK", "E"):
        yield "its stack is executable"
    if executable_and_writable(program):
        yield "it has memory that is writable and executable"
    if not re.search(r"Type: +DYN", read("readelf", "-hW", program)):
        yield "it is not position-independent"


def problems_of_service():
    """A capability that the service does not leave the server, or one that the server drops anyway."""
    kept = re.search(r"constexpr std::array kept = \{(.*?)\};", (root / "src/os/hardening.cpp").read_text(), re.S)[1]
    kept = set(re.findall(r"\bCAP_\w+", re.sub(r"//[^\n]*", "", kept)))
    left = set(re.search(r"^CapabilityBoundingSet=(.*)", (root / "packaging/trainwarden.service").read_text(), re.M)[1].split())
    if kept != left or len(kept) < 10:
        yield f"its capabilities are not those of src/os/hardening.cpp: {' '.join(sorted(kept ^ left))}"


def main(program, inside, build_type=""):
    optimised = build_type in ("Release", "RelWithDebInfo", "MinSizeRel")
    problems = [f"{program}: {problem}" for problem in problems_of(program, asserts=not optimised)] + [f"{inside}: {problem}" for problem in problems_of_static(inside)]
    problems += [f"packaging/trainwarden.service: {problem}" for problem in problems_of_service()]
    print(*problems, sep="\n", end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
