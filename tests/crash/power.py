"""A loss of power: what a server has written into its store and not synced is taken back, in part or whole, by chance (power_journal.hpp notes it).

    power = Power(home); server.environment |= power.environment     # beside a faults.Disk's
    ... server.stop(SIGKILL) ...
    power.lose(random.Random(seed))

The model is the harshest that file systems are allowed: of bytes that were not synced any write may be lost, another may be torn, and later ones may be
there; a name is safe when its folder was synced, and of the changes of names in a folder that were not, the last ones are lost.
"""
import collections
import os
import pathlib
import struct

WROTE, SYNC_BEGINS, SYNCED, MADE, LINKED, RENAMED, UNLINKED, CUT = range(1, 9)
HEAD = struct.Struct("<9Q")
Note = collections.namedtuple("Note", "kind sequence inode at length size path second old")


class Power:
    def __init__(self, home):
        self.path = pathlib.Path(home) / "power"
        self.environment = {"TRAINWARDEN_POWER": str(self.path)}

    def notes(self):
        data, at = self.path.read_bytes(), 0
        while at + HEAD.size <= len(data):
            kind, sequence, inode, where, length, size, *lengths = HEAD.unpack_from(data, at)
            at += HEAD.size
            texts = []
            for one in lengths:
                texts.append(data[at:at + one])
                at += one
            yield Note(kind, sequence, inode, where, length, size, texts[0].decode(), texts[1].decode(), texts[2])

    def lose(self, chance):
        """Returns how many writes and names were lost."""
        notes = list(self.notes())
        begun = {note.sequence: note for note in notes if note.kind == SYNC_BEGINS}
        safe = collections.defaultdict(int)  # of an inode or of a folder's path: what was noted before this is on the disk
        for note in notes:
            if note.kind == SYNCED:
                sync = begun[note.at]
                for key in (sync.inode, sync.path):
                    safe[key] = max(safe[key], sync.sequence)
        lost = self._lose_bytes([note for note in notes if note.kind in (WROTE, CUT) and note.sequence > safe[note.inode]], chance)
        lost += self._lose_names([note for note in notes if note.kind in (MADE, LINKED, RENAMED, UNLINKED) and note.sequence > safe[os.path.dirname(note.path)]], chance)
        self.path.unlink()
        for kept in pathlib.Path(f"{self.path}.kept").glob("*"):
            kept.unlink()
        return lost

    def _lose_bytes(self, notes, chance):
        files = collections.defaultdict(list)
        for note in notes:
            files[note.inode].append(note)
        places = {path.stat().st_ino: path for folder in {os.path.dirname(note.path) for note in notes} | {f"{self.path}.kept"} if os.path.isdir(folder)
                  for path in pathlib.Path(folder).iterdir() if path.is_file()}
        # A file without a name while it was written has another one now.
        roots = {note.path.split("/blobs/")[0] + "/blobs" for note in notes if "/blobs/" in note.path}
        places |= {path.stat().st_ino: path for root in roots if os.path.isdir(root) for path in pathlib.Path(root).rglob("*") if path.is_file()}
        lost = 0
        for inode, changes in files.items():
            if inode not in places:
                continue  # nobody can see it
            with open(places[inode], "r+b") as file:
                all_or_none = any(note.kind == CUT for note in changes)
                fate = chance.random()
                end = changes[0].size
                gone = [fate < 0.5 if all_or_none else fate < 0.4 or (fate < 0.8 and chance.random() < 0.5) for _ in changes]
                for note, is_gone in reversed(list(zip(changes, gone))):
                    if not is_gone:
                        continue
                    lost += 1
                    torn = 0 if all_or_none or chance.random() < 0.7 else chance.randrange(note.length + 1)
                    file.seek(note.at + torn)
                    if note.kind == CUT:
                        file.write(note.old)
                    else:
                        size = os.fstat(file.fileno()).st_size
                        file.write(note.old[torn:])
                        zeros = min(note.at + note.length, size) - (note.at + max(torn, len(note.old)))
                        file.seek(note.at + max(torn, len(note.old)))
                        file.write(bytes(max(0, zeros)))
                        end = max(end, note.at + torn) if torn else end
                ends = [note.at + note.length for note, is_gone in zip(changes, gone) if not is_gone and note.kind == WROTE]
                if any(gone) and not (all_or_none and not all(gone)):
                    file.truncate(max([end, *ends]))
        return lost

    def _lose_names(self, notes, chance):
        folders = collections.defaultdict(list)
        for note in notes:
            folders[os.path.dirname(note.path)].append(note)
        lost = 0
        for changes in folders.values():
            for note in reversed(changes[chance.randrange(len(changes) + 1):]):
                lost += 1
                kept = f"{self.path}.kept/{note.old.decode()}" if note.old else None
                if note.kind in (MADE, LINKED) and os.path.exists(note.path):
                    os.unlink(note.path)
                elif note.kind == RENAMED and os.path.exists(note.path):
                    os.rename(note.path, note.second)
                if kept and os.path.exists(kept) and not os.path.exists(note.path):
                    os.link(kept, note.path)
        return lost
