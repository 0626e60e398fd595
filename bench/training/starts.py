"""From asking for a job to the first line of its code; and fifty jobs asked for at once.

The first line is an echo of the clock: bash's own $EPOCHREALTIME, or Python's time.time_ns(). The clock that it is held against is read before
boto3's create_training_job is called, or before the process sbatch is started. Of two workers the later line counts: only then can they train.
"""
import concurrent.futures
import contextlib
import random
import time

import slurm
from jobs import Server

BASH = "echo FIRST $EPOCHREALTIME"
PYTHON = "import time; print('FIRST', time.time_ns() / 1e9)"
OURS = {"bash": ["/bin/bash", "-c", BASH], "python": ["/usr/bin/python3", "-c", PYTHON]}
THEIRS = {"bash": f"#!/bin/bash\n{BASH}\n", "python": f"#!/usr/bin/python3\n{PYTHON}\n"}
# Tasks beyond the batch script's own node are srun's to start, as every Slurm user writes it.
THEIRS_TWO = f"#!/bin/bash\nsrun --output=lines-%t /bin/bash -c '{BASH}'\n"


def first_line(lines):
    for line in lines:
        if line.startswith("FIRST "):
            return float(line.split()[1])
    raise ValueError(f"no first line in {lines}")


class OurSide:
    def __init__(self, server):
        self.server = server

    def again(self):
        self.server.restart()

    def start(self, entry, workers=1):
        begin = time.time()
        name = self.server.create(OURS[entry], workers)
        time.sleep(0.05)
        self.server.wait(name)
        lines = self.server.lines(name)
        assert len(lines) == workers, lines
        return max(map(first_line, lines)) - begin

    def burst(self, jobs, clients):
        """Seconds until all were accepted, until the last first line, until none was in progress."""
        self.server.sagemaker.list_training_jobs(MaxResults=1)
        begin = time.time()
        with concurrent.futures.ThreadPoolExecutor(clients) as pool:
            names = list(pool.map(lambda _: self.server.create(OURS["bash"]), range(jobs)))
        accepted = time.time() - begin
        while self.server.sagemaker.list_training_jobs(StatusEquals="InProgress", MaxResults=1)["TrainingJobSummaries"]:
            time.sleep(0.1)
        ended = max(self.server.wait(name)["TrainingEndTime"].timestamp() for name in names) - begin
        return accepted, max(first_line(lines) for name in names for lines in self.server.lines(name)) - begin, ended


class SlurmSide:
    """sbatch, or srun: the second starts tasks at once, as nobody stands in a queue here, and keeps its terminal until they end."""

    def __init__(self, stack, command):
        self.stack, self.command, self.cluster = stack, command, None

    def again(self):
        self.stack.close()
        self.cluster = self.stack.enter_context(slurm.Slurm())

    def start(self, entry, workers=1):
        two_by_batch = workers > 1 and self.command == "sbatch"
        place = self.cluster.prepare(THEIRS_TWO if two_by_batch else THEIRS[entry])
        begin = time.time()
        (self.cluster.batch if self.command == "sbatch" else self.cluster.run)(place, workers)
        seconds = last_first_line(place, workers) - begin
        self.cluster.wait_all()
        return seconds

    def burst(self, jobs, clients):
        places = [self.cluster.prepare(THEIRS["bash"]) for _ in range(jobs)]
        begin = time.time()
        with concurrent.futures.ThreadPoolExecutor(clients) as pool:
            list(pool.map(self.cluster.batch if self.command == "sbatch" else self.cluster.run, places))
        accepted = time.time() - begin
        self.cluster.wait_all()
        ended = time.time() - begin
        return accepted, max(last_first_line(place, 1) for place in places) - begin, ended


def last_first_line(place, workers):
    deadline = time.monotonic() + slurm.SECONDS_MOST
    while True:
        texts = [path.read_text() for path in place.glob("lines-*")]
        if sum(text.startswith("FIRST") and text.endswith("\n") for text in texts) == workers:
            return max(first_line(text.splitlines()) for text in texts if text)
        if time.monotonic() > deadline:
            raise slurm.Broken(f"Slurm: {workers} tasks printed {texts}")
        time.sleep(0.01)


@contextlib.contextmanager
def sides(*commands):
    with contextlib.ExitStack() as stack:
        found = {"sandboxed": OurSide(stack.enter_context(Server("sandbox"))),
                 "plain processes": OurSide(stack.enter_context(Server("process")))}
        for command in commands:
            found[command] = SlurmSide(stack.enter_context(contextlib.ExitStack()), command)
        yield found


CASES = {"the first job after a start, bash": ("bash", 1), "bash": ("bash", 1), "Python": ("python", 1), "bash, 2 workers": ("bash", 2)}
EACH = 5  # jobs one after another, a case and a round


def measure_first_lines(table, options):
    with sides(*(["sbatch", "srun"] if options.slurm else [])) as found:
        seen = {case: {name: [] for name in found} for case in CASES}
        names = list(found)
        for number in range(options.rounds):
            for name in names[number % len(names):] + names[:number % len(names)]:
                found[name].again()
                for position, (case, (entry, workers)) in enumerate(CASES.items()):
                    for _ in range(1 if position == 0 else 2 if options.small else EACH):
                        time.sleep(random.random())  # at any moment of a scheduler that looks once a second
                        seen[case][name].append(found[name].start(entry, workers) * 1e3)
    table.title("create to first line of user code", list(found), "ratio: that column / sandboxed")
    for case, figures in seen.items():
        table.row(case, figures, "ms")


def measure_burst(table, options):
    jobs = 10 if options.small else 50
    what = ("all accepted", "the last first line", "none in progress")
    with sides(*(["sbatch"] if options.slurm else [])) as found:
        seen = {each: {name: [] for name in found} for each in what}
        names = list(found)
        for name in names:
            found[name].again()
            found[name].start("bash")
        for number in range(options.rounds):
            for name in names[number % len(names):] + names[:number % len(names)]:
                for each, seconds in zip(what, found[name].burst(jobs, clients=8), strict=True):
                    seen[each][name].append(seconds * 1e3)
    table.title(f"{jobs} jobs asked for at once, by 8 clients", list(found), "ratio: that column / sandboxed")
    for case, figures in seen.items():
        table.row(case, figures, "ms")
