"""A Slurm cluster on this machine for tests: munged, slurmctld and a slurmd for each of its nodes, in a folder of their own.

    with Cluster() as cluster:
        cluster.environment        # SLURM_CONF: what Slurm's programs need
        cluster.run("squeue")

Nothing of it outlives the `with`, whatever happens inside.
"""
import errno
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PROGRAMS = ("munged", "slurmctld", "slurmd", "srun", "salloc", "scontrol")
NODES = ("n1", "n2", "n3")
# These daemons lie where root's PATH goes.
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


def free_ports(count):
    """Below those that the kernel gives to connections: it could give one away before the daemon has it."""
    sockets = []
    try:
        while len(sockets) < count:
            try:
                sockets.append(socket.create_server(("127.0.0.1", random.randrange(12_000, 32_000))))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Cluster:
    def __init__(self, cpus=2, memory=4000, settings=""):
        """`settings`: more lines of slurm.conf."""
        missing = [program for program in PROGRAMS if shutil.which(program, path=PATH) is None]
        assert not missing, f"Slurm is not installed (tools/install-packages): there is no {', '.join(missing)}"
        # Not below /tmp, which workers have their own of.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-slurm-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.configuration = self.folder / "slurm.conf"
        self.environment = {"SLURM_CONF": str(self.configuration), "PATH": PATH}
        self.cpus, self.memory, self.settings = cpus, memory, settings
        self.daemons = {}

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self):
        munge = self.folder / "munge"
        munge.mkdir(mode=0o755)
        (munge / "key").write_bytes(os.urandom(128))
        (munge / "key").chmod(0o400)
        self._daemon("munged", "munged", "--foreground", f"--key-file={munge}/key", f"--socket={munge}/socket", f"--pid-file={munge}/pid",
                     f"--log-file={munge}/log", f"--seed-file={munge}/seed")
        self._await(lambda: (munge / "socket").exists(), "munged")
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        self.controller_port, *ports = free_ports(1 + len(NODES))
        host = socket.gethostname().split(".")[0]
        nodes = "\n".join(f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={self.cpus} RealMemory={self.memory}"
                          for node, port in zip(NODES, ports))
        self.configuration.write_text(f"""
ClusterName=trainwarden
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={self.controller_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={munge}/socket
StateSaveLocation={self.folder}/state
SlurmdSpoolDir={self.folder}/spool/%n
SlurmctldPidFile={self.folder}/slurmctld.pid
SlurmdPidFile={self.folder}/%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
ReturnToService=2
MpiDefault=none
SwitchType=switch/none
KillWait=5
{self.settings}
{nodes}
PartitionName=debug Nodes=ALL Default=YES State=UP
""")
        self._daemon("slurmctld", "slurmctld", "-D", "-c", "-f", self.configuration)
        for node in NODES:
            self._daemon(node, "slurmd", "-D", "-N", node, "-f", self.configuration)
        self._await(lambda: self.run("sinfo", "--noheader", "--format=%D %t", check=False).stdout.strip() == f"{len(NODES)} idle", "the nodes")

    def _daemon(self, name, *command):
        with open(self.folder / f"{name}.out", "ab") as output:
            self.daemons[name] = subprocess.Popen([str(word) for word in command], env={**os.environ, **self.environment}, stdout=output,
                                                  stderr=subprocess.STDOUT, start_new_session=True)

    def _await(self, is_ready, what):
        deadline = time.monotonic() + 60
        while not is_ready():
            if time.monotonic() > deadline or any(daemon.poll() is not None for daemon in self.daemons.values()):
                said = "\n".join(f"{path.name}: {path.read_text()[-2000:]}" for path in sorted(self.folder.glob("*.out")))
                raise RuntimeError(f"{what} did not start:\n{said}")
            time.sleep(0.05)

    def run(self, *command, check=True):
        return subprocess.run([str(word) for word in command], env={**os.environ, **self.environment}, capture_output=True, text=True,
                              timeout=60, check=check)

    def jobs(self):
        """Slurm's jobs that it has not ended yet: [(id, state, name, comment)]."""
        lines = self.run("squeue", "--noheader", "--format=%i|%T|%j|%k").stdout.splitlines()
        return [tuple(line.split("|")) for line in lines]

    def __exit__(self, *_):
        if "slurmctld" in self.daemons and self.daemons["slurmctld"].poll() is None:
            self.run("scancel", "--signal=KILL", "--user=root", check=False)
            self.run("scancel", "--user=root", check=False)
        for daemon in reversed(self.daemons.values()):
            if daemon.poll() is None:
                daemon.send_signal(signal.SIGTERM)
        for daemon in self.daemons.values():
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        # A slurmstepd is its step's, not slurmd's: it would stay.
        for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
            try:
                if f"SLURM_CONF={self.configuration}\0".encode() in path.read_bytes():
                    os.kill(int(path.parent.name), signal.SIGKILL)
            except OSError:
                pass
        shutil.rmtree(self.folder, ignore_errors=True)
