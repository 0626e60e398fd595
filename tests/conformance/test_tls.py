"""TLS as clients see it: AWS's SDK and command line trust what `trainwarden env` names, policies know which way a request came, certificates are
read again when they change, and a proxy names its clients."""

import contextlib
import json
import os
import re
import shutil
import socket
import ssl
import stat
import struct
import subprocess

import botocore.exceptions
import pytest
from conftest import BINARY, Credentials, until

INSECURE = {"Sid": "DenyInsecureTransport", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": ["arn:aws:s3:::guarded", "arn:aws:s3:::guarded/*"], "Condition": {"Bool": {"aws:SecureTransport": "false"}}}


def exports(server):
    text = subprocess.run([BINARY, "env", "--data", str(server.data)], capture_output=True, text=True, check=True, env=server.environment).stdout
    return dict(re.findall(r"^export (\w+)='([^']*)'$", text, re.M))


def trust(server):
    """What the shell of a user of this server has; boto3 reads it when a client is made."""
    found = exports(server)
    server.environment["AWS_CA_BUNDLE"] = found["AWS_CA_BUNDLE"]
    return found


@pytest.fixture(scope="module")
def secure(request, tmp_path_factory):
    """A server that made its own certificate. Its first request is made once its authority is trusted."""
    import conftest
    home = tmp_path_factory.mktemp("tls")
    server = conftest.Server(home, "--tls", "self")
    authority = server.data / "tls/ca.pem"
    os.environ["AWS_CA_BUNDLE"] = str(authority)
    try:
        yield server.start()
        assert server.stop() == 0
    finally:
        del os.environ["AWS_CA_BUNDLE"]
        server.stop(9)


def test_env_names_the_authority_and_the_url(secure):
    found = trust(secure)
    assert found["AWS_ENDPOINT_URL"] == secure.endpoint and secure.endpoint.startswith("https://127.0.0.1:")
    assert found["AWS_CA_BUNDLE"] == found["NODE_EXTRA_CA_CERTS"] == str(secure.data / "tls/ca.pem")
    for name, mode in (("tls", 0o700), ("tls/key.pem", 0o600), ("tls/ca-key.pem", 0o600)):
        assert stat.S_IMODE(os.stat(secure.data / name).st_mode) == mode
    assert secure.aws("sts", "get-caller-identity", "--endpoint-url", secure.endpoint, "--output", "json").stdout
    assert json.loads(secure.trainwarden("audit", "--json", "-n", "1").stdout)


def test_who_does_not_trust_the_authority_is_told_so(secure):
    without = {name: value for name, value in secure.client_environment().items() if name != "AWS_CA_BUNDLE"}
    said = subprocess.run([BINARY, "audit"], env=without, capture_output=True, text=True)
    assert said.returncode == 1 and "AWS_CA_BUNDLE" in said.stderr


@pytest.mark.parametrize("version, works", [(ssl.TLSVersion.TLSv1_3, True), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_1, False)])
@pytest.mark.filterwarnings("ignore:.*TLSv1.*:DeprecationWarning")
def test_versions_and_the_protocol(secure, version, works):
    context = ssl.create_default_context(cafile=secure.data / "tls/ca.pem")
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", secure.port), timeout=10) as plain:
        if not works:
            with pytest.raises(ssl.SSLError):
                context.wrap_socket(plain, server_hostname="localhost")
            return
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            assert connection.selected_alpn_protocol() == "http/1.1"
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            assert connection.makefile("rb").read().endswith(b"ok\n")


def test_a_client_that_speaks_http_2_alone_is_refused_in_the_handshake(secure):
    context = ssl.create_default_context(cafile=secure.data / "tls/ca.pem")
    context.set_alpn_protocols(["h2"])
    with socket.create_connection(("127.0.0.1", secure.port), timeout=10) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="localhost")


def test_the_authority_vouches_for_this_machine_alone(secure, tmp_path):
    text = subprocess.run(["openssl", "x509", "-in", secure.data / "tls/ca.pem", "-noout", "-text"], capture_output=True, text=True, check=True).stdout
    assert "X509v3 Name Constraints: critical" in text and "DNS:localhost" in text and "pathlen:0" in text


def test_the_usual_policy_against_insecure_transport(secure):
    """It lets in whoever comes over TLS, and the operator's socket; nobody on a plain port. What is asked in advance says the same."""
    trust(secure)
    s3 = secure.client("s3")
    s3.create_bucket(Bucket="guarded")
    s3.put_bucket_policy(Bucket="guarded", Policy=json.dumps({"Version": "2012-10-17", "Statement": [INSECURE]}))
    s3.put_object(Bucket="guarded", Key="k", Body=b"v")
    assert s3.get_object(Bucket="guarded", Key="k")["Body"].read() == b"v"
    question = ("explain", "--as", f"arn:aws:iam::{secure.account}:root", "--action", "s3:GetObject", "--resource", "arn:aws:s3:::guarded/k")
    assert secure.trainwarden(*question).stdout.splitlines()[1].startswith("allowed")
    operator = {name: value for name, value in secure.environment.items() if not name.startswith("AWS_")}
    said = subprocess.run([BINARY, "--data", str(secure.data), "who-can", "s3:GetObject", "arn:aws:s3:::guarded/k", "--json"], env=operator,
                          capture_output=True, text=True)
    assert said.returncode == 0 and f"arn:aws:iam::{secure.account}:root" in said.stdout, said.stderr


def test_the_same_policy_on_a_plain_port(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="guarded")
    s3.put_object(Bucket="guarded", Key="k", Body=b"v")
    s3.put_bucket_policy(Bucket="guarded", Policy=json.dumps({"Version": "2012-10-17", "Statement": [INSECURE]}))
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        s3.get_object(Bucket="guarded", Key="k")
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    question = ("explain", "--as", f"arn:aws:iam::{server.account}:root", "--action", "s3:GetObject", "--resource", "arn:aws:s3:::guarded/k")
    assert server.trainwarden(*question, check=False).stdout.splitlines()[1].startswith("refused")
    said = server.trainwarden("who-can", "s3:GetObject", "arn:aws:s3:::guarded/k", "--json")
    assert f"arn:aws:iam::{server.account}:root" not in said.stdout
    operator = {name: value for name, value in server.environment.items() if not name.startswith("AWS_")}
    assert subprocess.run([BINARY, "--data", str(server.data), "audit"], env=operator).returncode == 0


def own_certificate(folder, name):
    folder.mkdir(exist_ok=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"],
                   check=True, capture_output=True)


def shown_by(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(plain) as connection:
            return ssl.DER_cert_to_PEM_cert(connection.getpeercert(True)).strip()


def test_an_operators_certificate_is_read_again_when_it_changes(tmp_path, monkeypatch):
    import conftest
    folder = tmp_path / "pki"
    own_certificate(folder, "first.example")
    server = conftest.Server(tmp_path / "home", "--tls-certificate", folder / "certificate.pem", "--tls-key", folder / "key.pem")
    server.home.mkdir()
    monkeypatch.setattr(conftest.Server, "_root_credentials", lambda self: Credentials("none", "none"))
    monkeypatch.setattr(conftest.Server, "client", lambda self, service: type("Nobody", (), {"get_caller_identity": lambda _: {"Account": "0"}})())
    try:
        server.start()
        assert server.endpoint == f"https://first.example:{server.port}"
        first = (folder / "certificate.pem").read_text().strip()
        assert shown_by(server) == first
        # Half of a change: the old one is used.
        own_certificate(tmp_path / "next", "second.example")
        shutil.copy(tmp_path / "next/certificate.pem", folder / "certificate.pem")
        assert shown_by(server) == first
        shutil.copy(tmp_path / "next/key.pem", folder / "key.pem")
        second = (folder / "certificate.pem").read_text().strip()
        until(lambda: shown_by(server) == second, "the new certificate is shown", timeout=20)
        # What cannot be read does not end it.
        (folder / "key.pem").write_text("nothing")
        assert shown_by(server) == second
        assert server.stop() == 0
    finally:
        server.stop(9)


@pytest.mark.parametrize("arguments, what", [(("--tls", "yes"), "--tls is self"), (("--tls-key", "/k"), "belong together"),
                                             (("--proxy-protocol-from", "10.0.0.0/40"), "is no network")])
def test_settings_that_mean_nothing(tmp_path, arguments, what):
    said = subprocess.run([BINARY, "serve", "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0", *arguments],
                          env={**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}, capture_output=True, text=True, timeout=60)
    assert said.returncode == 2 and what in said.stderr, said.stderr


def test_behind_a_proxy_the_client_is_the_client(make_server):
    """From 127.0.0.1 connections begin with a header; aws:SourceIp is what it says, and aws:SecureTransport what the proxy had."""
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials
    server = None
    import conftest
    original = conftest.Server.client
    conftest.Server.client = lambda self, service: type("Nobody", (), {"get_caller_identity": lambda _: {"Account": "0"}})()
    try:
        server = make_server("--proxy-protocol-from", "127.0.0.1")
    finally:
        conftest.Server.client = original
    operator = {name: value for name, value in server.environment.items() if not name.startswith("AWS_")}

    def ask(source, tls):
        keys = botocore.credentials.Credentials(server.root.access_key_id, server.root.secret_access_key)
        request = botocore.awsrequest.AWSRequest(method="GET", url=server.endpoint + "/?Action=GetCallerIdentity&Version=2011-06-15")
        botocore.auth.SigV4Auth(keys, "sts", server.region).add_auth(request)
        lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        extension = struct.pack("!BHBI", 0x20, 5, 1 if tls else 0, 0)
        block = socket.inet_aton(source) + socket.inet_aton("10.0.0.1") + struct.pack("!HH", 1234, 443) + extension
        header = b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, 0x11, len(block)) + block
        with contextlib.closing(socket.create_connection(("127.0.0.1", server.port), timeout=10)) as connection:
            connection.sendall(header + f"GET /?Action=GetCallerIdentity&Version=2011-06-15 HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
                                        f"{lines}Connection: close\r\n\r\n".encode())
            assert connection.makefile("rb").readline().split()[1] == b"200"

    for source, tls in (("203.0.113.7", True), ("198.51.100.9", False)):
        ask(source, tls)
        said = subprocess.run([BINARY, "--data", str(server.data), "audit", "--json", "-n", "20"], env=operator, capture_output=True, text=True)
        assert source in said.stdout, said.stderr
    # Without a header nobody from there is heard.
    with contextlib.closing(socket.create_connection(("127.0.0.1", server.port), timeout=10)) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(100) == b""
    # From elsewhere they come without.
    with contextlib.closing(socket.create_connection(("127.0.0.1", server.port), timeout=10, source_address=("127.0.0.2", 0))) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert connection.makefile("rb").readline().split()[1] == b"200"


def test_floods_of_handshakes_leave_room(secure):
    """A handshake is a thread's work for a moment: those who never finish theirs have none."""
    trust(secure)
    with contextlib.ExitStack() as stack:
        for number in range(600):
            connection = stack.enter_context(contextlib.closing(
                socket.create_connection(("127.0.0.1", secure.port), timeout=30, source_address=("127.0.0.2", 0))))
            if number % 2:
                connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")  # the begin of a ClientHello
        for _ in range(10):
            assert secure.client("sts").get_caller_identity()["Account"] == secure.account
