"""What somebody else wrote does not steer a terminal: keys that strangers ask for, agents that they name, what workers and programs
print, values in a stack. On a terminal and in a pipe, in every command that prints it, and in the server's own log."""

import json
import os
import pathlib
import pty
import re
import select
import socket
import subprocess
import sys
import time
import urllib.parse

from conftest import BINARY, allow

# OSC that sets the title, CSI as C0 and as C1, a C1 byte that is no UTF-8, DEL, a return that overwrites, a change of direction.
ATTACK = b"\x1b]0;PWN\x07 \x1b[2J \xc2\x9b2J \xc2\x9d0;PWN\xc2\x9c \x7f \r \xe2\x80\xae \xe2\x81\xa6"
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def assert_harmless(output: bytes, colours=False):
    text = output.decode()  # strict: no byte that an 8-bit terminal would take for C1
    if colours:
        text = re.sub(r"\x1b\[\d+m|\r\n|\r\x1b\[K", "", text)
    found = FORBIDDEN.search(text)
    assert found is None, f"{found.group()!r} in {text[max(0, found.start() - 100):found.end() + 100]!r}"


def on_terminal(environment, *command, cwd=None):
    """What the command writes to a terminal, colours on."""
    environment = {name: value for name, value in environment.items() if name != "NO_COLOR"} | {"TERM": "xterm"}
    master, slave = pty.openpty()
    process = subprocess.Popen([str(part) for part in command], env=environment, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave, cwd=cwd)
    os.close(slave)
    output, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([master], [], [], 1)
        if ready:
            try:
                part = os.read(master, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            output += part
    else:
        process.kill()
    os.close(master)
    assert process.wait(30) in (0, 1)
    return output


def request(server, target, *headers, method="GET"):
    """A request as raw bytes; the request id of the answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: close\r\n".encode()
        connection.sendall(head + b"".join(header + b"\r\n" for header in headers) + b"\r\n")
        answer = b""
        while part := connection.recv(65536):
            answer += part
    found = re.search(rb"(?im)^x-amz-request-id: (\S+)", answer)
    assert found, answer
    return found[1].decode()


def test_what_a_stranger_asks_for(server):
    server.client("s3").create_bucket(Bucket="strangers")
    # Control characters in a header are refused before anything else; what is above ASCII is not.
    agent = re.sub(rb"[\x00-\x1f\x7f]", b"", ATTACK) + b"\xff\x9b2J"
    request_id = request(server, "/strangers/" + urllib.parse.quote(ATTACK), b"User-Agent: " + agent)
    environment = server.client_environment()
    commands = [["audit"], ["audit", "--json"], ["audit", "--refused"], ["explain", request_id], ["explain", request_id, "--json"]]
    for command in commands:
        piped = subprocess.run([BINARY, *command], env=environment, capture_output=True, timeout=60)
        assert piped.returncode == 0, piped.stderr
        assert request_id.encode() in piped.stdout
        assert_harmless(piped.stdout)
        shown = on_terminal(environment, BINARY, *command)
        assert request_id.encode() in shown
        assert_harmless(shown, colours=True)
    # In JSON the name is still the name.
    records = [json.loads(line) for line in subprocess.run([BINARY, "audit", "--json"], env=environment, capture_output=True).stdout.splitlines()]
    assert any("\u202e" in record["Accesses"][0]["Resource"] for record in records if record["RequestId"] == request_id and record["Accesses"])


def test_questions_and_errors(server):
    environment = server.client_environment()
    attack = ATTACK.decode().replace("\x00", "")
    for command in (["explain", attack], ["explain", "--as", attack, "--action", "s3:GetObject", "--resource", "arn:aws:s3:::strangers/k"],
                    ["explain", "--as", "*", "--action", attack], ["who-can", "s3:GetObject", "arn:aws:s3:::strangers/" + attack],
                    ["who-can", "s3:GetObject", attack], [attack], ["up", "--" + attack], ["train", "logs", attack], ["train", "describe", attack],
                    ["stack", "select", attack], ["config", "get", attack], ["audit", "used", attack], ["env", "--data", attack]):
        done = subprocess.run([BINARY, *command], env=environment, capture_output=True, timeout=60)
        assert done.stdout + done.stderr
        assert_harmless(done.stdout + done.stderr)


def test_what_a_worker_writes(server, make_role, tmp_path):
    server.client("s3").create_bucket(Bucket="worker-says")
    role = make_role("says", "sagemaker.amazonaws.com", allow("s3:*", "logs:*"))
    script = tmp_path / "train.py"
    script.write_text(f"import sys\nsys.stdout.buffer.write({ATTACK!r}.replace(b'\\r', b'') + b'\\ndone\\n')\n"
                      "open('/opt/ml/output/failure', 'wb').write(b'broken \\x1b]0;PWN\\x07')\nsys.exit(1)\n")
    environment = server.client_environment()
    command = ["train", "run", "--role", role, "--output", "s3://worker-says/out", "--entry", str(script), "--name", "says"]
    followed = subprocess.run([BINARY, *command], env=environment, capture_output=True, timeout=300)
    assert b"done" in followed.stdout, followed.stderr
    assert_harmless(followed.stdout + followed.stderr)
    for command in (["train", "logs", "says"], ["train", "ps", "says"], ["train", "ps", "says", "--json"], ["train", "describe", "says"],
                    ["train", "describe", "says", "--json"], ["train", "ls"]):
        done = subprocess.run([BINARY, *command], env=environment, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert_harmless(done.stdout)
        assert_harmless(on_terminal(environment, BINARY, *command), colours=True)
    # As it was written: only where no terminal obeys it.
    raw = subprocess.run([BINARY, "train", "logs", "says", "--raw"], env=environment, capture_output=True, timeout=60)
    assert b"\x1b]0;PWN\x07" in raw.stdout
    refused = on_terminal(environment, BINARY, "train", "logs", "says", "--raw")
    assert b"PWN" not in refused and b"--raw" in refused


def test_what_a_program_prints(server, tmp_path):
    (tmp_path / "Pulumi.yaml").write_text("name: says\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(
        "import sys, pulumi\n"
        f"sys.stdout.buffer.write({ATTACK!r} + b'\\n'); sys.stdout.flush()\n"
        f"sys.stderr.buffer.write({ATTACK!r} + b'\\n'); sys.stderr.flush()\n"
        "pulumi.log.warn('warned \\x1b]0;PWN\\x07')\n"
        "pulumi.export('out', 'value \\x1b[2J\\u009b\\u202e\\nsecond line')\n")
    environment = {**server.client_environment(), "PULUMI_CONFIG_PASSPHRASE": "x",
                   "VIRTUAL_ENV": sys.prefix, "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
    for command in (["preview"], ["up", "--yes"], ["up", "--yes", "--json"], ["stack", "output"], ["stack", "output", "--json"], ["stack", "export"]):
        done = subprocess.run([BINARY, *command], env=environment, capture_output=True, timeout=120, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert_harmless(done.stdout + done.stderr)
        assert_harmless(on_terminal(environment, BINARY, *command, cwd=tmp_path), colours=True)
    # One value, for a program: exact in a pipe, harmless on a terminal.
    one = ["stack", "output", "out"]
    assert subprocess.run([BINARY, *one], env=environment, capture_output=True, cwd=tmp_path).stdout.decode() == "value \x1b[2J\u009b\u202e\nsecond line\n"
    assert_harmless(on_terminal(environment, BINARY, *one, cwd=tmp_path), colours=True)


def test_the_server_s_own_log(make_server):
    server = make_server("--verbose")
    request(server, "/strangers/" + urllib.parse.quote(ATTACK), b"User-Agent: \xc2\x9b2J\xff")
    assert "/strangers/" in server.output.read_text()
    assert_harmless(server.output.read_bytes())
