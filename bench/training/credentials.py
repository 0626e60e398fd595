"""A thousand processes of a job ask for their role's credentials for the first time, all at once: by the container endpoint and by IMDSv2."""
import json
import statistics

from jobs import ROOT, Broken, Server, channel

STORM = ROOT / "bench/training/storm.py"


def storm(server, way, connections, workers):
    """The merged answers of all workers: seconds of each request that was answered, failures, the longest worker's time."""
    name = server.create(["/usr/bin/python3", "/opt/ml/input/data/code/storm.py", way, str(connections // workers)], workers=workers,
                         channels=[channel("code", "code")])
    server.wait(name, pause=0.2)
    lines = [line for worker in server.lines(name) for line in worker if line.startswith("STORM ")]
    if len(lines) != workers:
        raise Broken(f"{len(lines)} of {workers} workers answered: {server.lines(name)}")
    parts = [json.loads(line.removeprefix("STORM ")) for line in lines]
    return ([second for part in parts for second in part["seconds"]], [failure for part in parts for failure in part["failures"]],
            max(part["all"] for part in parts))


def measure(table, options):
    connections = 200 if options.small else 1000
    columns = {"container endpoint": "container", "IMDSv2 (3 requests)": "metadata"}
    with Server("sandbox") as server:
        server.s3.upload_file(str(STORM), "bench", "code/storm.py")
        for workers in (1, 4):
            seen = {column: [] for column in columns}
            for number in range(options.rounds):
                for column in list(columns)[:: 1 if number % 2 else -1]:
                    seen[column].append(storm(server, columns[column], connections, workers))
            table.title(f"credentials: {connections:,} first requests at once, {workers} worker{'s' if workers > 1 else ''}", list(columns))
            table.row(f"failures, of {connections * options.rounds:,}",
                      {column: [sum(len(failures) for _, failures, _ in each)] for column, each in seen.items()}, "")
            for label, place in (("p50", 49), ("p99", 98)):
                table.row(label, {column: [1e3 * statistics.quantiles(times, n=100)[place] for times, _, _ in each if len(times) > 1]
                                  for column, each in seen.items()}, "ms")
            table.row("all answered", {column: [1e3 * whole for _, _, whole in each] for column, each in seen.items()}, "ms")
            for column, each in seen.items():
                for reason in sorted({failure for _, failures, _ in each for failure in failures}):
                    table.note(f"  {column}: {reason}")
