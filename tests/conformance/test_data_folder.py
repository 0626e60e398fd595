"""`--data DIR`: before and behind every command it is the same folder, or refused in both places. What `env` and `doctor` then say."""
import contextlib
import http.server
import json
import os
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import threading

import pytest
from conftest import BINARY

HIDDEN = ("slurm-worker", "manual")


def commands(*path):
    """Every command that does something, as `--help` lists them."""
    text = subprocess.run([BINARY, *path, "--help"], capture_output=True, text=True, check=True).stdout
    below = re.findall(r"^  ([a-z][a-z-]+) ", text.split("Subcommands:")[1], re.M) if "Subcommands:" in text else []
    found = [one for name in below for one in commands(*path, name)]
    is_group = below and not re.search(r"^  --json", text, re.M)
    return found if is_group else [*found, path]


def needed(path):
    """Words for what a command cannot do without: it is never reached."""
    text = subprocess.run([BINARY, *path, "--help"], capture_output=True, text=True, check=True).stdout
    words = []
    for line in text.splitlines():
        if "REQUIRED" in line:
            option = re.match(r"^  (?:-\w,)?(--[a-z-]+)", line)
            words += [option[1], "x"] if option else ["x"]
    return words


ALL = sorted({*commands(), *((name,) for name in HIDDEN)})


def test_all_commands_are_looked_at():
    assert len(ALL) > 40 and {("serve",), ("env",), ("doctor",), ("audit",), ("audit", "verify"), ("audit", "export"), ("admin", "check"), ("up",), ("train", "run")} <= set(ALL)


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_before_and_behind_a_command_it_is_the_same(path, tmp_path):
    """Of a folder below a file, which nobody can make: whatever is said of it, or that it means nothing, is said in both places."""
    (tmp_path / "file").touch()
    folder = str(tmp_path / "file/none")
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TRAINWARDEN_DATA": str(tmp_path / "other")}

    def run(*words):
        return subprocess.run([BINARY, *words], env=environment, cwd=tmp_path, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False)

    before, behind = run("--data", folder, *path, *needed(path)), run(*path, *needed(path), "--data", folder)
    takes = "--data" in run(*path, "--help").stdout
    assert before.returncode == behind.returncode != 0, (before.stderr, behind.stderr)
    if takes:
        assert folder in before.stdout + before.stderr and str(tmp_path / "other") not in before.stdout + before.stderr
        assert (before.stdout, before.stderr) == (behind.stdout, behind.stderr) or path[0] in ("doctor", "serve")
        twice = run("--data", folder, *path, *needed(path), "--data", folder + "2")
        assert twice.returncode == 2 and "is given twice" in twice.stderr
    else:
        assert before.returncode == 2 and "`--data` means nothing to" in before.stderr, before.stderr
        assert "has no option --data" in behind.stderr, behind.stderr


def both_ways(environment, folder, *words):
    return [subprocess.run([BINARY, *given], env=environment, capture_output=True, text=True, timeout=60, check=False)
            for given in (("--data", folder, *words), (*words, "--data", folder))]


def test_the_log_of_a_suspicious_copy_is_not_taken_for_the_servers(server, tmp_path):
    """With a whole log in the folder that commands take by default."""
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copytree(server.data / "audit", copy / "audit")
    shutil.copy(server.data / "installation", copy)
    (segment, *_) = sorted(path for path in (copy / "audit").rglob("*") if path.is_file() and b"GetCallerIdentity" in path.read_bytes())
    segment.write_bytes(segment.read_bytes().replace(b"GetCallerIdentity", b"SetCallerIdentity", 1))
    environment = {**server.environment, "TRAINWARDEN_DATA": str(server.data)}
    for said in both_ways(environment, copy, "audit", "verify"):
        assert said.returncode == 1 and "does not hold" in said.stdout, said
    first, second = (said.stdout for said in both_ways(environment, copy, "audit", "export"))
    assert first == second and "SetCallerIdentity" in first


def test_env_is_of_the_folder_that_is_named(server, make_server):
    other = make_server()
    environment = {**server.environment, "TRAINWARDEN_DATA": str(server.data)}
    for said in both_ways(environment, other.data, "env"):
        assert other.endpoint in said.stdout and server.endpoint not in said.stdout
    for said in both_ways({**server.client_environment(), "TRAINWARDEN_DATA": str(server.data)}, other.data, "doctor", "--json"):
        found = json.loads(said.stdout)
        text = json.dumps(found)
        # The shell's endpoint is asked and named, and so is the folder's server; that they are not the same is said.
        assert f"{server.endpoint} answers" in text and f"the server of {other.data} answers on its socket" in text
        assert any(one["Finding"] == "warning" and server.endpoint in one["What"] and other.endpoint in one["What"] for one in found), found
        assert f"the data folder {other.data} is yours alone" in text and f"no data folder at {server.data}" not in text


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A server that made its own certificate, and shares its authority; it listens in two places."""
    import conftest
    home = tmp_path_factory.mktemp("own")
    server = conftest.Server(home, "--tls", "self", "--tls-authority-file", str(home / "for-all.pem"), "--endpoint", "vpce-0a1b2c3d=127.0.0.2:0")
    os.environ["AWS_CA_BUNDLE"] = str(home / "for-all.pem")
    try:
        yield server.start()
        assert server.stop() == 0
    finally:
        del os.environ["AWS_CA_BUNDLE"]
        server.stop(9)


def shell(environment, *lines):
    """What a shell has after these lines."""
    text = "\n".join([*lines, "env -0"])
    done = subprocess.run(["bash", "-c", text], env=environment, capture_output=True, text=True, timeout=60, check=True)
    return dict(one.split("=", 1) for one in done.stdout.split("\0") if "=" in one)


def test_env_takes_back_the_authority_of_an_earlier_server(own, server, tmp_path):
    plain = {name: value for name, value in server.environment.items() if not name.startswith("AWS_")}
    of = lambda one: f'eval "$({BINARY} env --data {one.data})"'
    first = shell(plain, of(own))
    assert first["AWS_CA_BUNDLE"] == first["NODE_EXTRA_CA_CERTS"] == str(own.data.parent / "for-all.pem")
    then = shell(plain, of(own), of(server))
    assert then["AWS_ENDPOINT_URL"] == server.endpoint and not {"AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "TRAINWARDEN_AUTHORITY"} & then.keys()
    # What the user set is the user's.
    mine = shell({**plain, "AWS_CA_BUNDLE": "/mine.pem"}, of(server))
    assert mine["AWS_CA_BUNDLE"] == "/mine.pem"
    changed = shell(plain, of(own), "export NODE_EXTRA_CA_CERTS=/mine.pem", of(server))
    assert changed["NODE_EXTRA_CA_CERTS"] == "/mine.pem" and "AWS_CA_BUNDLE" not in changed


def test_who_is_to_trust_the_authority_may_read_it_and_nobody_reads_the_key(own):
    shared = own.data.parent / "for-all.pem"
    assert stat.S_IMODE(shared.stat().st_mode) == 0o644 and shared.read_text() == (own.data / "tls/ca.pem").read_text()
    assert stat.S_IMODE((own.data / "tls/ca-key.pem").stat().st_mode) == 0o600
    printed = subprocess.run([BINARY, "env", "--data", own.data, "--authority"], capture_output=True, text=True, check=True).stdout
    assert printed == shared.read_text()


@pytest.mark.parametrize("host", ["localhost", "a-bucket.s3.localhost", "ACCOUNT.localhost", "ACCOUNT.s3-control.localhost", "127.0.0.2"])
def test_the_certificate_is_for_every_name_that_clients_call(own, host):
    context = ssl.create_default_context(cafile=own.data / "tls/ca.pem")
    with socket.create_connection(("127.0.0.1", own.port), timeout=10) as plain, \
            context.wrap_socket(plain, server_hostname=host.replace("ACCOUNT", own.account)) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert connection.makefile("rb").read().endswith(b"ok\n")


def test_the_authority_vouches_for_servers_of_this_machine_and_for_nothing_else(own, tmp_path):
    tls = own.data / "tls"

    def verdict(subject, extensions, purpose):
        (tmp_path / "extensions").write_text(extensions)
        for command in (["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k.pem", "-out", "r.pem", "-subj", subject],
                        ["x509", "-req", "-in", "r.pem", "-CA", tls / "ca.pem", "-CAkey", tls / "ca-key.pem", "-set_serial", "7", "-days", "5", "-out", "c.pem",
                         "-extfile", "extensions"]):
            subprocess.run(["openssl", *command], cwd=tmp_path, check=True, capture_output=True)
        return subprocess.run(["openssl", "verify", "-CAfile", tls / "ca.pem", "-purpose", purpose, "c.pem"], cwd=tmp_path, capture_output=True, text=True, check=False).returncode == 0

    assert verdict("/CN=any", "subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth", "sslserver")
    assert verdict("/CN=any", "subjectAltName=DNS:b.s3.localhost\nextendedKeyUsage=serverAuth", "sslserver")
    for subject, extensions, purpose in (("/CN=boss", "subjectAltName=email:boss@bank.example\nextendedKeyUsage=emailProtection", "smimesign"),
                                         ("/CN=admin", "extendedKeyUsage=clientAuth", "sslclient"),
                                         ("/CN=any", "subjectAltName=email:boss@bank.example,DNS:localhost", "sslserver"),
                                         ("/CN=any", "subjectAltName=URI:https://bank.example/", "sslserver"),
                                         ("/CN=any", "subjectAltName=DNS:bank.example\nextendedKeyUsage=serverAuth", "sslserver"),
                                         ("/CN=any", "subjectAltName=IP:192.0.2.1\nextendedKeyUsage=serverAuth", "sslserver")):
        assert not verdict(subject, extensions, purpose), (subject, extensions)


def doctor(environment, *arguments):
    said = subprocess.run([BINARY, "doctor", "--json", *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False)
    found = json.loads(said.stdout)
    problems = [(one["What"], one.get("Remedy", "")) for one in found if one["Finding"] == "problem"]
    return said.returncode, found, problems


class NotAServer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(404)
    do_POST = do_GET

    def log_message(self, *_):
        pass


def test_doctors_remedies_lead_to_what_is_wrong(own, server, tmp_path):
    plain, tls = server.client_environment(), own.client_environment()
    other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), NotAServer)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    (tmp_path / "empty.pem").touch()
    cases = [({**tls, "AWS_ENDPOINT_URL": tls["AWS_ENDPOINT_URL"].replace("https", "http")}, "speaks TLS", "https://"),
             ({**plain, "AWS_ENDPOINT_URL": f"127.0.0.1:{server.port}"}, "not an http or https URL", "http://"),
             ({**plain, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{other.server_port}"}, "HTTP status 404", "does not seem to be a Trainwarden server"),
             ({**tls, "AWS_CA_BUNDLE": "/nonexistent/ca.pem"}, "/nonexistent/ca.pem: it is not there", "--authority"),
             ({**tls, "AWS_CA_BUNDLE": str(tmp_path / "empty.pem")}, "empty.pem: it is empty", "--authority")]
    try:
        for environment, what, remedy in cases:
            code, found, problems = doctor(environment)
            assert code == 1 and len(problems) == 1, (what, problems)
            assert what in problems[0][0] and remedy in problems[0][1], problems
            assert not any("credentials" in one.get("Remedy", "") for one in found), found
    finally:
        other.shutdown()
        other.server_close()


@contextlib.contextmanager
def served(tmp_path, *arguments):
    """A server that clients of a test cannot reach as they are."""
    home = tmp_path / "home"
    home.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
    serves = subprocess.Popen([BINARY, "serve", "--data", str(tmp_path / "demo"), "--listen", "127.0.0.1:0", *arguments], env=environment,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield environment, tmp_path / "demo"
    finally:
        serves.send_signal(signal.SIGTERM)
        assert serves.wait(60) == 0


def test_doctor_says_that_a_client_certificate_is_wanted(own, tmp_path):
    with served(tmp_path, "--tls", "self", "--tls-client-ca", own.data / "tls/ca.pem", "--tls-clients", "required") as (environment, data):
        shown = json.loads(subprocess.run([BINARY, "env", "--data", data, "--wait", "60", "--json"], env=environment, capture_output=True, text=True, check=True).stdout)
        code, _, problems = doctor({**environment, **shown}, "--data", str(data))
    assert code == 1 and len(problems) == 1 and "client certificate" in problems[0][1] and "socket" in problems[0][1], problems


def test_where_there_is_no_shell_doctor_asks_the_folders_server(server, tmp_path):
    """As in the image: neither endpoint nor credentials, only TRAINWARDEN_DATA."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TRAINWARDEN_DATA": str(server.data)}
    code, found, problems = doctor(environment)
    assert code == 0 and not problems, problems
    assert any(one["Finding"] == "ok" and f"the server of {server.data} knows you as arn:aws:iam::{server.account}:root" in one["What"] for one in found), found
    assert any(one["Finding"] == "warning" and "asked over its socket" in one["What"] for one in found)
    assert "export AWS_ENDPOINT_URL" in subprocess.run([BINARY, "env"], env=environment, capture_output=True, text=True, check=True).stdout


def test_env_waits_for_a_server_that_starts(tmp_path):
    """The first two lines of the README, pasted together; here the second is even the first."""
    asked = subprocess.Popen([BINARY, "env", "--data", str(tmp_path / "demo"), "--wait", "60"], stdout=subprocess.PIPE, text=True)
    try:
        with served(tmp_path):
            said, _ = asked.communicate(timeout=90)
        assert asked.returncode == 0 and "export AWS_ENDPOINT_URL='http://127.0.0.1:" in said
    finally:
        if asked.poll() is None:
            asked.kill()
    late = subprocess.run([BINARY, "env", "--data", str(tmp_path / "none")], capture_output=True, text=True, check=False)
    assert late.returncode == 1 and "no server's data" in late.stderr
