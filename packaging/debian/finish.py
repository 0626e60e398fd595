"""What Debian's policy asks of a package beyond the files that `make install` installs.

    finish.py SHARE VERSION       SHARE: usr/share below the package's root
"""
import email.utils
import gzip
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def compress(path):
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    path.unlink()


def made_at():
    """When the commit was made: the same package of the same commit."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return int(os.environ["SOURCE_DATE_EPOCH"])
    asked = subprocess.run(["git", "-C", ROOT, "log", "-1", "--format=%ct"], capture_output=True, text=True, check=False)
    return int(asked.stdout) if asked.returncode == 0 else int(time.time())


def main():
    share, version = pathlib.Path(sys.argv[1]), sys.argv[2]
    compress(share / "man/man1/trainwarden.1")
    doc = share / "doc/trainwarden"
    (doc / "changelog").write_bytes((ROOT / "CHANGELOG.md").read_bytes())
    (doc / "LICENSE").unlink()  # debian/copyright says it
    compress(doc / "changelog")
    name, address = os.environ.get("DEBFULLNAME"), os.environ.get("DEBEMAIL")
    contact = f"{name} <{address}>" if name and address else "The Trainwarden authors <trainwarden@localhost>"
    if not (name and address):
        print("warning: this package names nobody who can be reached: set DEBFULLNAME and DEBEMAIL before you give it to others", file=sys.stderr)
    release = re.search(r"^VERSION_ID=\"?([0-9.]+)", pathlib.Path("/etc/os-release").read_text(), re.M)[1]
    (doc / "changelog.Debian").write_text(f"trainwarden ({version}-1~deb{release}) unstable; urgency=medium\n\n  * See changelog.gz.\n\n"
                                          f" -- {contact}  {email.utils.formatdate(made_at())}\n")
    compress(doc / "changelog.Debian")


if __name__ == "__main__":
    main()
