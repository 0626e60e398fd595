"""The plan of a disk that fails: what libfaults.so (faults.cpp), preloaded into a server, does to its calls below one folder.

    disk = Disk(home)
    server.environment |= disk.environment     # before it starts
    disk.fail("pwrite", number=3, error=errno.ENOSPC)
    ...
    disk.clear(); disk.fired, disk.fired_at
"""
import mmap
import os
import pathlib
import re
import struct

BINARY = os.environ.get("TRAINWARDEN", str(pathlib.Path(__file__).resolve().parents[2] / "build/dev/trainwarden"))
LIBRARY = pathlib.Path(BINARY).parent / "tests/libfaults.so"

# faults.cpp, struct Shared.
MODE, ERROR, NTH, SHORT, COUNT, FIRED, TRACED, SYNCS_AGAIN, TRACES = range(0, 72, 8)
ROOT, PATTERN, CALLS, FIRED_AT, SYNCED_AGAIN = range(128, 128 + 5 * 512, 512)
TEXT_BYTES, TRACE, TRACED_BYTES, TRACED_MAX = 512, 4096, 256, 16384
COUNT_ONLY, ONCE, FROM_THEN_ON = range(3)


class Disk:
    def __init__(self, home, folder):
        """`home`: where the shared memory lies; `folder`: below it calls are counted."""
        assert LIBRARY.exists(), f"{LIBRARY} is not built: nothing would fail"
        path = pathlib.Path(home) / "faults"
        with open(path, "wb") as file:
            file.truncate(TRACE + TRACED_MAX * TRACED_BYTES)
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 0)
        self.root = str(pathlib.Path(folder).resolve()) + "/"
        self._text(ROOT, self.root)
        self.environment = {"LD_PRELOAD": str(LIBRARY), "TRAINWARDEN_FAULTS": str(path)}

    def _text(self, at, text):
        encoded = text.encode()
        assert len(encoded) < TEXT_BYTES, text
        self.memory[at:at + TEXT_BYTES] = encoded.ljust(TEXT_BYTES, b"\0")

    def _read(self, at, size=TEXT_BYTES):
        return self.memory[at:at + size].split(b"\0", 1)[0].decode(errors="replace")

    def _number(self, at):
        return struct.unpack_from("<q", self.memory, at)[0]

    def _put(self, at, number):
        struct.pack_into("<q", self.memory, at, number)

    def _plan(self, mode, calls, pattern, number, error, short, traces):
        self._put(MODE, COUNT_ONLY)
        for at in (COUNT, FIRED, TRACED, SYNCS_AGAIN):
            self._put(at, 0)
        self._text(FIRED_AT, "")
        self._text(SYNCED_AGAIN, "")
        self._text(CALLS, f",{','.join([calls] if isinstance(calls, str) else calls)}," if calls else "")
        self._text(PATTERN, pattern)
        self._put(ERROR, error)
        self._put(NTH, number)
        self._put(SHORT, short)
        self._put(TRACES, traces)
        self._put(MODE, mode)

    def fail(self, calls=(), pattern="", number=1, error=0, short=0, for_good=False):
        """The `number`th call from now on of those named (none: all), on a path that fits (fnmatch; from the folder on), fails with `error`; or
        writes one in `short` of its bytes, after which, with an error, the next write to that file fails. `for_good`: and every later one."""
        self._plan(FROM_THEN_ON if for_good else ONCE, calls, pattern, number, error, short, 0)

    def watch(self, error=0, short=0):
        """Notes the calls that fail(error=…, short=…) would count."""
        self._plan(COUNT_ONLY, (), "", 0, error, short, 1)

    def clear(self):
        self._put(MODE, COUNT_ONLY)
        self._put(TRACES, 0)

    @property
    def calls(self):
        """What was watched: `CALL PATH`, in order."""
        traced = self._number(TRACED)
        assert traced <= TRACED_MAX, "the load is too long to be watched"
        return [self._read(TRACE + number * TRACED_BYTES, TRACED_BYTES) for number in range(traced)]

    fired = property(lambda self: self._number(FIRED))
    fired_at = property(lambda self: self._read(FIRED_AT))
    syncs_again = property(lambda self: (self._number(SYNCS_AGAIN), self._read(SYNCED_AGAIN)))


def kind_of(call):
    """`CALL PATH` without what differs from run to run: equal for calls that mean the same."""
    for what, name in ((r" \(deleted\)", ""), (r"\b[0-9a-f]{32}\b", "ID"), (r"(?<=blobs/)[0-9a-f]{2}(?=/|$)", "XX"), (r"(?<=blobs/log/)[0-9a-f]{16}", "ID"), (r"(?<=logs/)[0-9a-f]{2}(?=/|$)", "XX"),
                       (r"\.\d+\.\d+\.new", ".N.new"), (r"#?\d{2,}", "N")):
        call = re.sub(what, name, call)
    return call
