"""What this machine can do, asked of the machine by the system's own programs and never of Trainwarden.

A test that needs something of the machine says so (`conftest.need`, `NEEDS` in C++). Where the machine has it, the test runs, and what
Trainwarden says about it is no excuse; where it has not, the test is skipped, counted and reported. Programs and packages are nothing that
a machine may lack: tools/install-packages installs them. (But for cvc5, a second
opinion, and helm, which is built by a Go of these years: some distributions have neither.)

    machine.py               one line for everything that can be needed
    machine.py NEED...       one line for each that this machine lacks; the exit status is 1 if there is one
"""
import ctypes
import errno
import functools
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

PATH = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
NOBODY = "65534"


class Lacks(Exception):
    """Says what is missing."""


def must(what, *command, variables=None, **options):
    """Runs the command; its failure means that the machine cannot do `what`."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30,
                              env={**os.environ, "PATH": PATH, **(variables or {})}, **options)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Lacks(f"{what}: {error}") from None
    if done.returncode != 0:
        raise Lacks(f"{what}: {' '.join(done.stderr.split())[:200] or done.returncode}")
    return done.stdout


def root():
    if os.geteuid() != 0:
        raise Lacks("the tests do not run as root")


def mounts():
    """A mount namespace of one's own, with mounts in it."""
    own = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    must("no mounts of one's own", *own, "mount", "-t", "tmpfs", "none", "/mnt")


def sandboxes():
    """User, mount, PID, IPC, UTS and network namespaces for a user without rights, /proc in them, a network's devices."""
    network = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    must("no network namespace with a bridge", *network, "sh", "-c",
         "ip link set lo up && ip link add name siblings type bridge && ip link add name one type veth peer name other")
    somebody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
    must("no namespaces for a user without rights", *somebody, "unshare", "--user", "--map-root-user", "--mount", "--pid", "--ipc", "--uts", "--fork",
         "--mount-proc", "sh", "-c", "mount -t tmpfs none /mnt && hostname sandbox")


def tunnels():
    must("no tunnel devices (/dev/net/tun)", "unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"]), "ip", "tuntap", "add", "mode",
         "tun", "name", "t0")


def fuse():
    root()
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        raise Lacks(f"no /dev/fuse: {error.strerror}") from None
    mounts()


def volumes():
    """A file with a file system in it, mounted by a loop device."""
    root()
    with tempfile.TemporaryDirectory(prefix="trainwarden-asks-") as folder:
        image = pathlib.Path(folder, "image")
        with open(image, "wb") as file:
            file.truncate(16 << 20)
        must("no ext4 in a file", "mkfs.ext4", "-q", "-F", str(image))
        must("no loop devices to mount", "mount", "-o", "loop", str(image), folder)
        must("no unmounting", "umount", folder)


def limits():
    """Control groups that this user may make and limit: of memory, processors and processes."""
    top = pathlib.Path("/sys/fs/cgroup")
    unified = (top / "cgroup.controllers").exists()
    if unified and not {"memory", "cpu", "pids"} <= set((top / "cgroup.controllers").read_text().split()):
        raise Lacks("control groups without memory, cpu and pids")
    for base in [top] if unified else [top / name for name in ("memory", "cpu", "pids")]:
        try:
            if unified:
                (base / "cgroup.subtree_control").write_text("+memory +cpu +pids")
            folder = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-asks-", dir=base))
        except OSError as error:
            raise Lacks(f"no control groups of one's own: {error}") from None
        try:
            must("no process may join a control group", "sh", "-c", f"echo $$ > {folder}/cgroup.procs")
        finally:
            folder.rmdir()


def landlock():
    """Landlock's ABI."""
    library = ctypes.CDLL(None, use_errno=True)
    version = library.syscall(444, None, 0, 1)  # landlock_create_ruleset(…, LANDLOCK_CREATE_RULESET_VERSION)
    if version < 1:
        raise Lacks(f"no Landlock: {os.strerror(ctypes.get_errno())}")
    return version


def landlock_scopes():
    """Landlock's domains hold back signals: ABI 6, Linux 6.12."""
    if (version := landlock()) < 6:
        raise Lacks(f"Landlock's version {version} knows no scopes")


def kernel_tls():
    """TLS in the kernel: a socket that is not connected may ask, and hears that it must be."""
    with socket.socket() as unconnected:
        try:
            unconnected.setsockopt(socket.IPPROTO_TCP, 31, b"tls")  # TCP_ULP
        except OSError as error:
            if error.errno != errno.ENOTCONN:
                raise Lacks(f"no TLS in the kernel: {error.strerror}") from None


def tracing():
    """strace(1) of one's own children."""
    must("no tracing of processes", "strace", "-qq", "-f", "-o", "/dev/null", "true")


def cvc5():
    """A solver that is not ours: a process that tests ask for a second opinion."""
    must("no cvc5", "cvc5", "--version")


def torchrun():
    """One that starts a process. Debian 13's does not (torch 2.6 without libuv, which its rendezvous asks for by default); Debian 12's does
    with these two variables."""
    must("no torchrun that works by itself", "torchrun", "--nproc_per_node", "1", "--no_python", "true", variables={"PET_REDIRECTS": "1", "PET_TEE": "1"})


def helm():
    """Of tests/clients/install.py."""
    must("no helm, and no Go that builds it", str(pathlib.Path(__file__).resolve().parent.parent / "build/clients/helm/helm"), "version", "--short")


NEEDS = {ask.__name__: ask for ask in (root, mounts, sandboxes, tunnels, fuse, volumes, limits, landlock, landlock_scopes, kernel_tls, tracing, cvc5,
                                       torchrun, helm)}


@functools.cache
def lacks(need):
    """Why this machine cannot do it, None if it can."""
    try:
        NEEDS[need]()
    except Lacks as why:
        return str(why)
    return None


def main(needs):
    missing = [f"{need}: {lacks(need)}" for need in needs if lacks(need)]
    if needs:
        print(*missing, sep="\n", end="\n" if missing else "")
        return 1 if missing else 0
    for need in NEEDS:
        print(f"{need}: {lacks(need) or 'yes'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
