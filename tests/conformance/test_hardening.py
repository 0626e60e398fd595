"""What `trainwarden serve` gives up at its start, and what code beside it can then do: a process of the server's own user, and jobs that run
without a sandbox, which are the nearest that untrusted code comes to the server. (Jobs in sandboxes: test_isolation.py.)
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import pytest
from conftest import Server, need
from test_sagemaker import log_of, make_trainer, run

NOBODY = 65534
CAP_SYS_ADMIN, CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_BOOT, CAP_MKNOD, CAP_SYS_TIME, CAP_BPF = 21, 16, 17, 22, 27, 25, 39
# Docker's default for a container, without CAP_MKNOD: what a worker that is a plain process of root's keeps (training/launch.hpp).
PLAIN_WORKERS = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 29, 31}
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


@pytest.fixture
def own_server():
    """own_server(*arguments, user=…, isolation=…): a server outside of /tmp, of which plain workers have their own."""
    homes, servers = [], []

    def make(*arguments, user=None, isolation=None):
        home = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-test-", dir="/var/tmp"))
        homes.append(home)
        server = Server(home, *arguments, isolation=isolation)
        if user is not None:
            os.chown(home, user, user)
            server.prefix = AS_NOBODY
        servers.append(server)
        return server.start()

    yield make
    for server in servers:
        server.stop(signal.SIGKILL)
    for home in homes:
        shutil.rmtree(home, ignore_errors=True)


def status_of(process):
    return dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines() if ":\t" in line)


def capabilities(mask):
    return {number for number in range(64) if int(mask, 16) >> number & 1}


def test_the_server_says_what_it_gave_up_and_did(server):
    (line,) = re.findall(r"hardened: (.*)", server.output.read_text())
    assert line.startswith("no core dumps, no tracing, "), line
    status = status_of(server.process.pid)
    assert "Max core file size        0                    0" in pathlib.Path(f"/proc/{server.process.pid}/limits").read_text()
    assert (status["NoNewPrivs"] == "1") == (", no new privileges" in line.split("; not:")[0])
    if os.geteuid() == 0:
        assert status["NoNewPrivs"] == "1"
        for kind in ("CapPrm", "CapEff", "CapBnd"):
            assert not capabilities(status[kind]) & {CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_BOOT, CAP_MKNOD, CAP_SYS_TIME, CAP_BPF}, (kind, status[kind])


def test_every_thread_of_the_server_gave_it_up(server):
    """Capabilities and new privileges are a thread's own: one that began before would keep them."""
    threads = list(pathlib.Path(f"/proc/{server.process.pid}/task").iterdir())
    assert len(threads) > 2
    seen = {(status["CapBnd"], status["CapEff"], status["NoNewPrivs"]) for status in (status_of(f"{server.process.pid}/task/{thread.name}") for thread in threads)}
    assert len(seen) == 1, seen


def test_developers_may_have_dumps_and_debuggers(make_server):
    server = make_server("--allow-core-dumps")
    assert "not: no core dumps (allowed), no tracing (allowed)" in server.output.read_text()
    assert "Max core file size        0                    0" not in pathlib.Path(f"/proc/{server.process.pid}/limits").read_text()


def test_doctor_looks_at_the_server(make_server):
    server = make_server()
    assert "can neither be dumped nor traced" in server.trainwarden("doctor", "--data", server.data, check=False).stdout
    server = make_server("--allow-core-dumps")
    told = server.trainwarden("doctor", "--data", server.data, check=False).stdout
    assert "lets core dumps and debuggers read its memory" in told and "neither be dumped" not in told
    server.stop()
    assert "dump" not in server.trainwarden("doctor", "--data", server.data, check=False).stdout


def test_what_the_shell_left_open_is_closed_but_for_what_a_setting_names(tmp_path):
    (tmp_path / "left-open").write_text("")
    (tmp_path / "types").write_text('{"ml.m5.large": {}}')
    home = tmp_path / "home"
    home.mkdir()
    server = Server(home, "--instance-types", "/dev/fd/8")
    server.prefix = ["sh", "-c", f'exec "$@" 7< {tmp_path}/left-open 8< {tmp_path}/types', "sh"]
    try:
        server.start()
        open_files = {link_of(path) for path in pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir()}
        assert str(tmp_path / "left-open") not in open_files
        assert str(tmp_path / "types") in open_files  # which it read: it started
    finally:
        server.stop(signal.SIGKILL)


def link_of(path):
    try:
        return os.readlink(path)
    except OSError:
        return ""


LOOK = """
import os, sys
for name in ("mem", "environ", "fd", "cwd", "maps"):
    path = f"/proc/{sys.argv[1]}/{name}"
    try: (os.listdir if name == "fd" else os.readlink if name == "cwd" else lambda path: open(path, "rb").close())(path); print(name)
    except OSError: pass
"""


def seen_by_same_user(process):
    return subprocess.run([*AS_NOBODY, "/usr/bin/python3", "-c", LOOK, str(process)], capture_output=True, text=True, check=True).stdout.split()


def test_a_process_of_the_same_user_does_not_read_the_servers_memory(own_server):
    need("root")  # to be two processes of another user
    assert seen_by_same_user(own_server(user=NOBODY).process.pid) == []
    assert "environ" in seen_by_same_user(own_server("--allow-core-dumps", user=NOBODY).process.pid)  # otherwise the line above would say nothing


@pytest.mark.parametrize("isolation", ["sandbox", "process"])
def test_a_server_that_is_not_root_runs_jobs(own_server, isolation):
    """Its children may not write their own /proc/self/uid_map: a program that holds nothing does. The worker has the server's own user."""
    need("root", "sandboxes")
    server = own_server(user=NOBODY, isolation=isolation)
    make_trainer(server)
    assert "permits no sandbox" not in server.output.read_text(), server.output.read_text()
    (key,) = (server.home / "config/trainwarden").glob("*.key")
    process = server.process.pid
    secrets = [server.root.secret_access_key, key.read_text().strip()]
    job = run(server, "job", f"id -u; cat /proc/{process}/environ /proc/{process}/maps {server.data}/root-credentials {key}; ls -l /proc/{process}/fd/ "
              f"/proc/{process}/root/; kill -STOP {process}; kill -9 {process}; echo tried; echo model > /opt/ml/model/m")
    log = log_of(server, "job")
    assert job["TrainingJobStatus"] == "Completed", (job, log)
    assert log.split()[0] == ("1000" if isolation == "sandbox" else str(NOBODY)), log
    assert "tried" in log and server.client("sts").get_caller_identity()["Account"] == server.account
    for secret in (*secrets, "libcrypto", str(server.data / "keys")):
        assert secret not in log


ATTACK = """
import ctypes, errno, json, os, signal, stat, sys
server, sibling, data, key = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
libc = ctypes.CDLL(None, use_errno=True)
outcome = {}
def call(*arguments):
    ctypes.set_errno(0)
    if libc.syscall(*(ctypes.c_long(each) if isinstance(each, int) else each for each in arguments)) < 0: raise OSError(ctypes.get_errno(), "")
def attempt(name, function):
    try: function(); outcome[name] = "done"
    except OSError as error: outcome[name] = errno.errorcode[error.errno]
def read(path): open(path, "rb").read(1)
buffer = ctypes.create_string_buffer(16)
class Vector(ctypes.Structure): _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
here = Vector(ctypes.addressof(buffer), 16)
for name, process in (("server", server), ("sibling", sibling)):
    attempt(name + " memory", lambda: read(f"/proc/{process}/mem"))
    attempt(name + " environment", lambda: read(f"/proc/{process}/environ"))
    attempt(name + " root", lambda: os.listdir(f"/proc/{process}/root/"))
    attempt(name + " files", lambda: os.readlink(f"/proc/{process}/fd/3"))
    attempt(name + " trace", lambda: call(101, 16, process, 0, 0))
    attempt(name + " seize", lambda: call(101, 0x4206, process, 0, 0))
    attempt(name + " read", lambda: call(310, process, ctypes.byref(here), 1, ctypes.byref(here), 1, 0))
    attempt(name + " take a descriptor", lambda: call(438, os.pidfd_open(process), 3, 0))
    attempt(name + " stop", lambda: os.kill(process, signal.SIGSTOP))
    attempt(name + " kill", lambda: os.kill(process, signal.SIGKILL))
attempt("data folder", lambda: read(data + "/root-credentials"))
attempt("master key", lambda: read(key))
attempt("undo a mount", lambda: call(166, data.encode(), 2))
attempt("a mount", lambda: call(165, b"none", b"/mnt", b"tmpfs", 0, 0))
attempt("a device", lambda: os.mknod("/tmp/disk", 0o60600, 0x800))
def write(path): os.close(os.open(path, os.O_WRONLY))
for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches"): attempt(path, lambda: write(path))
outcome["control groups"] = [path for path in sys.argv[5].split(":") if os.access(path, os.W_OK)]
outcome["disks"] = [path for path in sys.argv[6].split(":") if path and stat.S_ISBLK(os.stat(path).st_mode)]
attempt("itself", lambda: os.kill(os.getpid(), 0))
outcome["capabilities"] = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("CapBnd"))
print("OUTCOME " + json.dumps(outcome))
"""


CONTROL_GROUPS = [str(path) for path in pathlib.Path("/sys/fs/cgroup").rglob("cgroup.procs")][:20]


def disks():
    """Files of block devices, wherever they are in /dev."""
    return [str(path) for path in pathlib.Path("/dev").rglob("*") if path.is_block_device()]


@pytest.fixture(scope="module")
def attacked():
    """What a job that is a plain process of root's could do to the server and to another job of the same kind."""
    need("root", "mounts")
    home = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-test-", dir="/var/tmp"))
    server = Server(home, isolation="process")
    try:
        server.start()
        make_trainer(server)
        (key,) = (server.home / "config/trainwarden").glob("*.key")
        # A process of the same user with fewer capabilities, no part of the job: the kernel would let it be traced and killed.
        with subprocess.Popen(["setpriv", "--bounding-set=-all", "sleep", "300"]) as sibling:
            job = run(server, "attack", f"cat > /tmp/attack.py <<'END'\n{ATTACK}\nEND\nexec /usr/bin/python3 /tmp/attack.py {server.process.pid} "
                      f"{sibling.pid} {server.data} {key} {':'.join(CONTROL_GROUPS)} '{':'.join(disks())}'")
            killed = sibling.poll()
            sibling.kill()
        log = log_of(server, "attack")
        assert job["TrainingJobStatus"] == "Completed", log
        assert server.client("sts").get_caller_identity()["Account"] == server.account  # it lives
        yield {**json.loads(re.search(r"OUTCOME (.*)", log)[1]), "the sibling was killed": killed is not None}
    finally:
        server.stop(signal.SIGKILL)
        shutil.rmtree(home, ignore_errors=True)


def test_the_attack_is_a_working_program(attacked):
    assert attacked["itself"] == "done"


@pytest.mark.parametrize("what", ["memory", "environment", "root", "files", "trace", "seize", "read", "take a descriptor"])
def test_a_plain_worker_does_not_look_into_the_server(attacked, what):
    assert attacked[f"server {what}"] in ("EACCES", "EPERM")


@pytest.mark.parametrize("what, error", [("data folder", "ENOENT"), ("master key", "ENOENT"), ("undo a mount", "EPERM"), ("a mount", "EPERM"), ("a device", "EPERM")])
def test_a_plain_worker_does_not_get_at_what_is_hidden(attacked, what, error):
    assert attacked[what] == error


@pytest.mark.parametrize("setting", ["core_pattern", "hostname"])
def test_a_plain_worker_of_root_sets_nothing_of_the_kernel(attacked, setting):
    """core_pattern would have the kernel run a program of the worker's choice as the machine's root."""
    assert attacked[f"/proc/sys/kernel/{setting}"] == "EROFS"
    assert CONTROL_GROUPS and attacked["control groups"] == []


def test_a_plain_worker_of_root_finds_no_disk(attacked):
    assert attacked["disks"] == []


def test_a_plain_worker_has_the_capabilities_that_are_documented(attacked):
    assert capabilities(attacked["capabilities"]) == PLAIN_WORKERS


@pytest.mark.parametrize("what", ["server stop", "server kill", "sibling stop", "sibling kill", "sibling memory", "sibling environment", "sibling root", "sibling trace",
                                  "sibling read", "sibling take a descriptor"])
def test_a_plain_worker_reaches_no_other_process(attacked, what):
    need("landlock_scopes")
    assert attacked[what] in ("EACCES", "EPERM")
    assert not attacked["the sibling was killed"]
