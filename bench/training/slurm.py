"""Slurm on this one machine, as Debian packages it: munge, slurmctld and two slurmd of this run alone, in a folder of their own, on free ports.

The nodes claim 64 processors each, so that a burst waits for nothing but Slurm itself; no accounting, no control groups, no prolog:
the least that Slurm can do for a job. batch_sched_delay=0 lets sbatch's jobs start at the scheduler's next turn, which comes every second; by
default they may wait three. The daemons run in the foreground as children of the bench and go with it.
"""
import contextlib
import getpass
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from jobs import SECONDS_MOST, Broken, clean_environment

PROGRAMS = {"munged": "munge", "slurmctld": "slurmctld", "slurmd": "slurmd", "sbatch": "slurm-client", "squeue": "slurm-client"}
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def missing():
    """The Debian packages that this machine lacks, or nothing."""
    return sorted({package for program, package in PROGRAMS.items() if not shutil.which(program, path=PATH)})


def version():
    return subprocess.run(["slurmctld", "-V"], env={"PATH": PATH}, capture_output=True, text=True, check=True).stdout.strip().removeprefix("slurm-wlm ")


def free_ports(count):
    with contextlib.ExitStack() as open_ones:
        probes = [open_ones.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


class Slurm:
    def __init__(self):
        # munged wants nobody else to be able to write on the way to its key; /var/tmp is sticky, which will do.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-bench-slurm-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.environment = clean_environment() | {"PATH": PATH, "SLURM_CONF": str(self.folder / "slurm.conf")}
        self.daemons, self.number = [], 0

    def __enter__(self):
        try:
            self._configure()
            self._start_all()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in reversed(self.daemons):
            try:
                daemon.wait(timeout=20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _configure(self):
        folder, user, host = self.folder, getpass.getuser(), socket.gethostname().split(".")[0]
        (folder / "munge.key").write_bytes(os.urandom(128))
        (folder / "munge.key").chmod(0o600)
        for name in ("state", "spool", "munge"):
            (folder / name).mkdir(mode=0o755)
        controller, *nodes = free_ports(3)
        (folder / "slurm.conf").write_text(f"""ClusterName=bench
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0
MpiDefault=none
ReturnToService=2
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={nodes[0]} CPUs=64 RealMemory=1000
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={nodes[1]} CPUs=64 RealMemory=1000
PartitionName=bench Nodes=ALL Default=YES State=UP
""")

    def _start(self, *command):
        with open(self.folder / "daemons.log", "ab") as log:
            self.daemons.append(subprocess.Popen([str(word) for word in command], env=self.environment, stdout=log, stderr=log,
                                                 cwd=self.folder))

    def _until(self, what, true):
        deadline = time.monotonic() + 60
        while not true():
            dead = [daemon.args[0] for daemon in self.daemons if daemon.poll() is not None]
            if dead or time.monotonic() > deadline:
                log = (self.folder / "daemons.log").read_text(errors="replace")[-3000:]
                raise Broken(f"Slurm: {what} did not come up{f', {dead[0]} ended' if dead else ''}:\n{log}")
            time.sleep(0.02)

    def _start_all(self):
        folder = self.folder
        self._start("munged", "--foreground", f"--key-file={folder}/munge.key", f"--socket={folder}/munge/socket",
                    f"--pid-file={folder}/munge/pid", f"--log-file={folder}/munge/log", f"--seed-file={folder}/munge/seed")
        self._until("munge", (folder / "munge/socket").exists)
        self._start("slurmctld", "-D", "-c", "-f", folder / "slurm.conf")
        for node in ("n1", "n2"):
            self._start("slurmd", "-D", "-N", node, "-f", folder / "slurm.conf")
        self._until("its nodes", lambda: self._ask("sinfo", "-h", "-N", "-o", "%t").split() == ["idle", "idle"])

    def _ask(self, *command):
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False).stdout

    # --- Jobs ---------------------------------------------------------------------------------------------------------------

    def prepare(self, script):
        """A folder with a script, which has its own #! line, and in which its tasks leave their lines, a file each."""
        self.number += 1
        place = self.folder / f"job-{self.number}"
        place.mkdir()
        (place / "script").write_text(script)
        (place / "script").chmod(0o755)
        return place

    def batch(self, place, nodes=1):
        """sbatch returns when the job is in the queue."""
        done = subprocess.run(["sbatch", "--parsable", f"--nodes={nodes}", f"--ntasks={nodes}", f"--chdir={place}",
                               f"--output={place}/lines-batch", place / "script"], env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Broken(f"sbatch: {done.stderr}")

    def run(self, place, nodes=1):
        """srun returns when the tasks have ended."""
        done = subprocess.run(["srun", f"--nodes={nodes}", f"--ntasks={nodes}", f"--chdir={place}", f"--output={place}/lines-%t",
                               place / "script"], env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Broken(f"srun: {done.stderr}")

    def wait_all(self):
        """Until no job is in the queue; completing ones count as done, as their script has ended."""
        deadline = time.monotonic() + SECONDS_MOST
        while self._ask("squeue", "-h", "-t", "PENDING,CONFIGURING,RUNNING", "-o", "%i").strip():
            if time.monotonic() > deadline:
                raise Broken(f"Slurm: jobs did not end in {SECONDS_MOST} s:\n{self._ask('squeue')}")
            time.sleep(0.1)
