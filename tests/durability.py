"""What of a program's files would survive a loss of power at the moments when it acknowledges something: by strace(1).

A killed process keeps what it wrote; a machine without power keeps what was synced. The trace of a run is replayed: a file that was written is
unsafe until it is synced, a name until its folder is; a file that replaces another one must be synced before. An acknowledgement is an answer
that is sent to a socket, or the end of the program.

    with Tracer(folder) as tracer:
        server.prefix = tracer.prefix
        ...
    for answer in tracer.acknowledgements(): assert answer.unsafe == []
"""
import dataclasses
import os
import pathlib
import re

CALLS = ("open,openat,creat,write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,"
         "mkdirat,symlink,symlinkat,ftruncate,truncate,fallocate,copy_file_range,sendto,sendmsg")
LINE = re.compile(r"^(\d+) +(.*)$")
RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$")
CALL = re.compile(r"^(\w+)\((.*)\) += (-?\d+)(?:<(.*)>(?:\(deleted\))?)?(?: .*)?$")
DESCRIPTOR = re.compile(r"^(\d+)<(.*?)>(?:\(deleted\))?(?:,|$)")
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclasses.dataclass
class Acknowledgement:
    what: str
    unsafe: list  # what a loss of power would take
    synced: list  # paths, in order, since the acknowledgement before
    written: list  # likewise


class Tracer:
    def __init__(self, folder, output, ignored=()):
        """`folder`: whose files matter; `ignored`: patterns of paths below it that promise nothing."""
        self.folder, self.output = str(pathlib.Path(folder).resolve()), pathlib.Path(output)
        self.ignored = [re.compile(pattern) for pattern in ignored]
        # -D: the program is our child, not strace's, and gets our signals.
        self.prefix = ["strace", "-D", "-f", "-q", "-y", "-s", "64", "--seccomp-bpf", "-e", f"trace={CALLS}", "-e", "signal=none", "-o", str(output)]

    def calls(self):
        """(name, arguments, result, its path) of every call that succeeded, when it ended; with `fsync begins` before each sync."""
        begun = {}
        for line in self.output.read_text(errors="replace").splitlines():
            match = LINE.match(line)
            if not match:
                continue
            thread, text = match[1], match[2]
            if text.startswith("+++ exited"):
                yield "exit", thread, 0, ""
            elif text.endswith("<unfinished ...>"):
                begun[thread] = text.removesuffix("<unfinished ...>").rstrip()
                if text.startswith(("fsync(", "fdatasync(")):
                    yield "sync begins", begun[thread].split("(", 1)[1], thread, ""
                continue
            else:
                resumed = RESUMED.match(text)
                if resumed:
                    text = begun.pop(thread, "") + resumed[2]
                call = CALL.match(text)
                if not call or int(call[3]) < 0:
                    continue
                if call[1] in ("fsync", "fdatasync") and not resumed:
                    yield "sync begins", call[2], thread, ""
                yield call[1], call[2], thread if call[1] in ("fsync", "fdatasync") else int(call[3]), call[4] or ""

    def _matters(self, path):
        return (path + "/").startswith(self.folder + "/") and not any(pattern.search(path.removeprefix(self.folder + "/")) for pattern in self.ignored)

    def acknowledgements(self):
        written = {}  # file: how often, if not synced since
        names = set()  # made, whose folder is not synced since
        known = set()  # files that exist
        named = {}  # a file that was made without a name: what it was called later
        descriptors, syncing, synced, wrong, changed, count = {}, {}, [], [], [], 0

        def path_of(arguments):
            match = DESCRIPTOR.match(arguments)
            return match[2].removesuffix(" (deleted)") if match else ""

        def made(path):
            known.add(path)
            if self._matters(path):
                names.add(path)

        def moved(old, new, stays):
            if old in written:
                if new in known and not stays and self._matters(new):
                    wrong.append(f"{new} is replaced by bytes that are not synced")
                written[new] = written[old] if stays else written.pop(old)
            names.discard(old)
            made(new)

        for name, arguments, result, result_path in self.calls():
            strings = STRING.findall(arguments)
            if name in ("open", "openat", "creat"):
                path = result_path.removesuffix(" (deleted)")
                descriptors[result] = path
                if "O_TMPFILE" not in arguments and ("O_CREAT" in arguments or name == "creat") and path not in known:
                    made(path)
                known.add(path)
                if "O_TRUNC" in arguments:
                    count += 1
                    written[path] = count
            elif name in ("write", "pwrite64", "writev", "pwritev", "pwritev2", "ftruncate", "fallocate", "sendto", "sendmsg", "copy_file_range"):
                path = path_of(arguments)
                if name == "copy_file_range":
                    path = DESCRIPTOR.match(arguments.split(", ", 2)[2])[2]
                if path.startswith(("socket:", "TCP")):
                    if strings and re.match(r"HTTP/1\.1 [2-5]", strings[0]):
                        yield self._acknowledgement(strings[0][:12], written, names, wrong, synced, changed)
                        synced, changed = [], []
                else:
                    count += 1
                    written[path] = count
                    changed.append(path)
            elif name == "sync begins":
                syncing[result] = written.get(path_of(arguments))
            elif name in ("fsync", "fdatasync"):
                path = path_of(arguments)
                synced.append(named.get(path, path))
                if written.get(path) == syncing.pop(result, None):
                    written.pop(path, None)
                names -= {one for one in names if os.path.dirname(one) == path}
            elif name in ("rename", "renameat", "renameat2"):
                moved(strings[0], strings[1], stays=False)
            elif name in ("link", "linkat"):
                unnamed = re.match(r"/proc/self/fd/(\d+)$", strings[0])
                old = descriptors[int(unnamed[1])] if unnamed else strings[0]
                # The descriptor keeps its first path, which is what its syncs name.
                moved(old, strings[1], stays=True)
                if unnamed:
                    named[old] = strings[1]
                    written.pop(strings[1], None)
            elif name in ("mkdir", "mkdirat", "symlink", "symlinkat"):
                made(strings[-1])
            elif name in ("unlink", "unlinkat"):
                for gone in (names, known):
                    gone.discard(strings[-1])
                written.pop(strings[-1], None)
            elif name == "exit" and arguments == self.first_thread():
                yield self._acknowledgement("exit", written, names, wrong, synced, changed)

    def first_thread(self):
        with open(self.output) as file:
            return file.readline().split()[0]

    def _acknowledgement(self, what, written, names, wrong, synced, changed):
        unsafe = [f"{path} is not synced" for path in written if self._matters(path)]
        unsafe += [f"the name {path} is not synced" for path in names if self._matters(path)]
        short = [[path.removeprefix(self.folder + "/") for path in paths] for paths in (synced, changed)]
        return Acknowledgement(what, sorted(unsafe) + list(wrong), *short)
