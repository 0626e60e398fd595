"""Servers under 1, 8, 64 and 1,024 connections, plain and TLS: requests for each second of their processor time, p50, p99; bulk GET; memory and threads of
idle connections; and what another client has of this server while somebody attacks it.

    python3 bench/server/run.py [--binary PATH] [--load PATH] [--seconds N] [--rounds N] [--only NAME] [--parts requests,idle,attacks]

Side by side with those peers that are installed (peers.py). Servers and load share the machine: compare figures of one run with each other, not with
another machine's. A figure is the median of the rounds, which take turns.
"""
import argparse
import json
import pathlib
import resource
import socket
import statistics
import subprocess
import time

import attacks
import peers

IDLE, ADDRESSES = 10_000, 8
CONNECTIONS = (1, 8, 64, 1024)


def load(options, server, *words, seconds=None):
    before = server.seconds()
    words = [*words, *(("--tls",) if server.tls else ())]
    done = subprocess.run([options.load, "--port", str(server.port), "--seconds", str(seconds or options.seconds), *words], env=server.environment,
                          text=True, capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"{server.name}: the load failed: {done.stdout}{done.stderr}")
    return json.loads(done.stdout), max(server.seconds() - before, 0.01)


def requests(options, servers, what):
    """{(server, mode, connections): rows}"""
    rows = {}
    for _ in range(options.rounds):
        for mode in ("sts", "get"):
            for connections in CONNECTIONS:
                for server in servers:
                    if mode == "sts" and server.name != "trainwarden":
                        continue
                    got, used = load(options, server, "--mode", mode, "--connections", str(connections))
                    rows.setdefault((mode, connections, server.name), []).append(
                        (got["requests"] / got["seconds"], got["requests"] / used, got["p50_us"], got["p99_us"]))
        for server in servers:
            got, used = load(options, server, "--mode", "get", "--key", "bulk", "--connections", "2")
            rows.setdefault(("bulk", 2, server.name), []).append((got["bytes"] / got["seconds"] / 1e6, got["bytes"] / used / 1e6, 0, 0))
    for (mode, connections, name), found in rows.items():
        rate, per_second, p50, p99 = (statistics.median(column) for column in zip(*found))
        if mode == "bulk":
            print(f"| {what} | GET 64 MiB | {connections} | {name} | {rate:,.0f} MB/s | {per_second:,.0f} MB | | |", flush=True)
        else:
            print(f"| {what} | {'GET 4 KiB' if mode == 'get' else 'STS'} | {connections:,} | {name} | {rate:,.0f} | {per_second:,.0f} | {p50:,.0f} | "
                  f"{p99:,.0f} |", flush=True)
    return {name: statistics.median(row[1] for row in found) for (mode, _, name), found in rows.items() if mode == "bulk"}


def idle(server, what, served):
    """`served`: after a request each, as kept-alive connections are."""
    memory, threads = server.status("VmRSS"), server.status("Threads")
    connections = []
    try:
        for number in range(IDLE):
            connections.append(socket.create_connection(("127.0.0.1", server.port), source_address=(f"127.0.0.{10 + number % ADDRESSES}", 0)))
            if served:
                connections[-1].sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
                connections[-1].recv(4096)
        time.sleep(1)
        grown = server.status("VmRSS") - memory
        print(f"| {server.name} | {IDLE:,} {what} | {grown / 1024:.1f} MiB | {grown * 1024 / IDLE:,.0f} | {server.status('Threads') - threads} |", flush=True)
    except OSError as error:
        print(f"| {server.name} | {what}: {error} after {len(connections):,} | | | |", flush=True)
    finally:
        for connection in connections:
            connection.close()


def attacked(options, server, what, all_attacks):
    quiet = ("--mode", "get", "--connections", "4")

    def row(name):
        got, used = load(options, server, *quiet)
        print(f"| {what} | {name} | {got['requests'] / got['seconds']:,.0f} | {got['failures']} | {got['p50_us']:,} | {got['p99_us']:,} | "
              f"{used / got['seconds']:.2f} |", flush=True)

    row("quiet")
    for name, begin in all_attacks.items():
        attack = begin(server)
        try:
            row(name)
        finally:
            attack.end()
            time.sleep(1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", type=pathlib.Path, default=peers.Trainwarden.binary)
    parser.add_argument("--load", type=pathlib.Path, default=peers.ROOT / "build/release/bench/server/server_load")
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", help="one server")
    parser.add_argument("--parts", default="requests,idle,attacks")
    options = parser.parse_args()
    peers.Trainwarden.binary = options.binary
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    kinds = [one for one in peers.installed() if options.only in (None, one.name)]
    parts = options.parts.split(",")
    rates = []
    if "requests" in parts:
        print("| | request | connections | server | requests/s | for a CPU second | p50 us | p99 us |\n|---|---|---|---|---|---|---|---|")
        for tls in (False, True):
            servers = [kind(tls) for kind in kinds]
            try:
                rates.append(requests(options, servers, "TLS" if tls else "plain"))
            finally:
                for server in servers:
                    server.stop()
        for name, rate in rates[0].items():
            print(f"\n{name}: bulk GET over TLS for a CPU second: {100 * rates[1][name] / rate:.0f} % of plain")
    if "idle" in parts:
        print("\n| server | connections | memory | bytes each | threads more |\n|---|---|---|---|---|")
        for kind in kinds:
            for what, served in (("silent", False), ("kept-alive", True)):
                server = kind(False)
                try:
                    idle(server, what, served)
                finally:
                    server.stop()
    if "attacks" in parts:
        print("\n| | attack | another client's requests/s | failures | p50 us | p99 us | CPU seconds a second |\n|---|---|---|---|---|---|---|")
        for tls, all_attacks in ((False, attacks.PLAIN), (True, attacks.TLS)):
            server = peers.Trainwarden(tls)
            try:
                attacked(options, server, "TLS" if tls else "plain", all_attacks)
            finally:
                server.stop()


if __name__ == "__main__":
    main()
