"""TLS as clients see it: AWS's SDK and command line trust what `trainwarden env` names, policies know which way a request came, certificates are
read again when they change, and a proxy names its clients."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import socket
import ssl
import stat
import struct
import subprocess

import botocore.config
import botocore.exceptions
import pytest
from conftest import BINARY, Credentials, need, until

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
        # What cannot be read does not end it; nor does what nobody would ever write to.
        (folder / "key.pem").write_text("nothing")
        assert shown_by(server) == second
        os.mkfifo(tmp_path / "fifo")
        os.rename(tmp_path / "fifo", folder / "certificate.pem")
        until(lambda: f"{folder / 'certificate.pem'} is not a file" in server.output.read_text(), "the server has looked", timeout=20)
        assert shown_by(server) == second
        own_certificate(tmp_path / "third", "third.example")
        for name in ("key.pem", "certificate.pem"):
            os.rename(tmp_path / "third" / name, folder / name)
        until(lambda: shown_by(server) == (folder / "certificate.pem").read_text().strip(), "the third certificate is shown", timeout=20)
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


def openssl(*words, **options):
    return subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, **options)


class Authority:
    """Makes certificates for clients."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=clients",
                "-keyout", folder / "ca-key.pem", "-out", folder / "ca.pem")

    def certificate(self, name, days=30):
        key, request, made = (self.folder / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.folder / "ca.pem", "-CAkey", self.folder / "ca-key.pem", "-CAcreateserial", "-days", days,
                "-out", made)
        return str(made), str(key)


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("pki") / "clients")


@pytest.fixture
def knowing(tmp_path, clients, monkeypatch):
    """knowing(*arguments): a server that takes certificates of `clients`. Nothing is asked of it by its own root at its start."""
    import conftest
    servers = []

    def start(*arguments):
        server = conftest.Server(tmp_path / f"home-{len(servers)}", "--tls", "self", "--tls-client-ca", clients.folder / "ca.pem", *arguments)
        server.home.mkdir()
        servers.append(server)
        with monkeypatch.context() as patch:
            patch.setattr(conftest.Server, "client", lambda self, service: type("Nobody", (), {"get_caller_identity": lambda _: {"Account": "0"}})())
            server.start()
        server.environment["AWS_CA_BUNDLE"] = str(server.data / "tls/ca.pem")
        monkeypatch.setenv("AWS_CA_BUNDLE", server.environment["AWS_CA_BUNDLE"])
        return server

    yield start
    for server in servers:
        assert server.stop() == 0


def s3_with(server, certificate):
    return server.client("s3", config=botocore.config.Config(client_cert=certificate))


def refused_code(function, *arguments, **named):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        function(*arguments, **named)
    return refused.value.response["Error"]["Code"]


def test_a_policy_asks_for_a_clients_certificate(knowing, clients, tmp_path):
    server = knowing()
    ada, bob = clients.certificate("ada"), clients.certificate("bob")
    der = openssl("x509", "-in", ada[0], "-outform", "DER").stdout
    account, s3 = server.client("sts").get_caller_identity()["Account"], server.client("s3")
    for bucket, key, value in (("by-name", "trainwarden:ClientCertificateSubject", "CN=ada"),
                               ("by-print", "trainwarden:ClientCertificateSha256", hashlib.sha256(der).hexdigest())):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="k", Body=b"v")
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*",
             "Condition": {"StringNotEquals": {key: value}}}]}))
        assert s3_with(server, ada).get_object(Bucket=bucket, Key="k")["Body"].read() == b"v"
        assert refused_code(s3_with(server, bob).get_object, Bucket=bucket, Key="k") == "AccessDenied"
        assert refused_code(s3.get_object, Bucket=bucket, Key="k") == "AccessDenied"
        # What a client says of itself is nothing.
        claiming = server.client("s3")
        claiming.meta.events.register("before-sign.s3", lambda request, key=key, value=value, **_: request.headers.add_header(key.replace(":", "-"), value))
        assert refused_code(claiming.get_object, Bucket=bucket, Key="k") == "AccessDenied"
        # A question in advance knows the key, and the policy is one that lint finds nothing wrong with.
        question = ("explain", "--as", f"arn:aws:iam::{account}:root", "--action", "s3:GetObject", "--resource",
                    f"arn:aws:s3:::{bucket}/k")
        assert server.trainwarden(*question, check=False).stdout.splitlines()[1].startswith("refused")
        assert server.trainwarden(*question, "--context", f"{key}={value}").stdout.splitlines()[1].startswith("allowed")
        document = tmp_path / "policy.json"
        document.write_text(s3.get_bucket_policy(Bucket=bucket)["Policy"])
        assert "no condition key" not in server.trainwarden("lint", document, check=False).stdout
    said = json.loads(server.trainwarden("audit", "--json", "--refused", "-n", "1").stdout)
    assert said
    # An authority that nobody told the server of vouches for nobody.
    stranger = Authority(tmp_path / "strangers").certificate("ada")
    with pytest.raises((botocore.exceptions.SSLError, botocore.exceptions.ConnectionError)):
        s3_with(server, stranger).get_object(Bucket="by-name", Key="k")


def test_who_must_show_a_certificate_and_has_none_is_refused_in_the_handshake(knowing, clients):
    server = knowing("--tls-clients", "required")
    with pytest.raises((botocore.exceptions.SSLError, botocore.exceptions.ConnectionError)):
        server.client("s3").list_buckets()
    assert s3_with(server, clients.certificate("ada")).list_buckets()["Buckets"] == []
    # The operator's way in needs none.
    operator = {name: value for name, value in server.environment.items() if not name.startswith("AWS_")}
    assert subprocess.run([BINARY, "--data", str(server.data), "audit"], env=operator).returncode == 0


def test_an_authority_that_is_taken_out_vouches_for_nobody_also_while_the_certificate_is_broken(make_server, tmp_path, monkeypatch):
    import conftest
    pki, old, new = tmp_path / "pki", Authority(tmp_path / "old"), Authority(tmp_path / "new")
    own_certificate(pki, "first.example")
    trusted = tmp_path / "trusted.pem"
    shutil.copy(old.folder / "ca.pem", trusted)
    server = conftest.Server(tmp_path / "home", "--tls-certificate", pki / "certificate.pem", "--tls-key", pki / "key.pem", "--tls-client-ca", trusted,
                             "--tls-clients", "required")
    server.home.mkdir()
    monkeypatch.setattr(conftest.Server, "_root_credentials", lambda self: Credentials("none", "none"))
    monkeypatch.setattr(conftest.Server, "client", lambda self, service: type("Nobody", (), {"get_caller_identity": lambda _: {"Account": "0"}})())

    def is_let_in(certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(*certificate)
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
            try:
                with context.wrap_socket(plain) as connection:
                    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                    return connection.recv(12) == b"HTTP/1.1 200"
            except OSError:
                return False

    try:
        server.start()
        ada, bob = old.certificate("ada"), new.certificate("bob")
        assert is_let_in(ada) and not is_let_in(bob)
        (pki / "key.pem").write_text("nothing")
        until(lambda: "the certificate has changed and is not used" in server.output.read_text(), "the server has looked", timeout=20)
        shutil.copy(new.folder / "ca.pem", trusted)
        until(lambda: is_let_in(bob), "the new authority is trusted", timeout=20)
        assert not is_let_in(ada)
        # Authorities that cannot be read are not nobody: the last that could be are trusted on, and the log says so.
        trusted.write_text("nothing")
        until(lambda: "the authorities of clients have changed and are not used" in server.output.read_text(), "the server has looked", timeout=20)
        assert is_let_in(bob) and not is_let_in(ada)
        assert server.stop() == 0
    finally:
        server.stop(9)


def test_a_way_in_that_stands_for_an_endpoint(make_server):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    server = make_server("--endpoint", f"vpce-0a1b2c3d=127.0.0.1:{port}")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="inside")
    s3.put_object(Bucket="inside", Key="k", Body=b"v")
    s3.put_bucket_policy(Bucket="inside", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::inside/*",
         "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-0a1b2c3d"}}}]}))
    assert refused_code(s3.get_object, Bucket="inside", Key="k") == "AccessDenied"
    claiming = server.client("s3")
    claiming.meta.events.register("before-sign.s3", lambda request, **_: request.headers.add_header("aws-SourceVpce", "vpce-0a1b2c3d"))
    assert refused_code(claiming.get_object, Bucket="inside", Key="k") == "AccessDenied"
    outside = server.endpoint
    server.endpoint = f"http://127.0.0.1:{port}"
    assert server.client("s3").get_object(Bucket="inside", Key="k")["Body"].read() == b"v"
    server.endpoint = outside
    said = server.run(BINARY, "serve", "--data", "/nonexistent/folder", "--endpoint", "vpce-1=127.0.0.1:0", check=False)
    assert said.returncode == 2 and "is no way in" in said.stderr


def bulk(server, size):
    trust(server)
    s3 = server.client("s3")
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket="bulk")
    content = os.urandom(size)
    s3.put_object(Bucket="bulk", Key="large", Body=content)
    return s3, content


def test_a_reader_over_tls_that_takes_little_at_a_time_gets_every_byte(secure):
    """What the socket does not take of records that were made at once is kept, and comes first."""
    s3, content = bulk(secure, 12 << 20)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "bulk", "Key": "large"})
    path = url.split(f":{secure.port}", 1)[1]
    context = ssl.create_default_context(cafile=secure.data / "tls/ca.pem")
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        plain.settimeout(30)
        plain.connect(("127.0.0.1", secure.port))
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{secure.port}\r\nConnection: close\r\n\r\n".encode())
            got = bytearray()
            while part := connection.recv(3001):
                got += part
    head, _, body = bytes(got).partition(b"\r\n\r\n")
    assert b" 200 " in head and hashlib.sha256(body).digest() == hashlib.sha256(content).digest()


def test_aes_with_128_bits_first_where_the_processor_has_it(secure):
    context = ssl.create_default_context(cafile=secure.data / "tls/ca.pem")
    with socket.create_connection(("127.0.0.1", secure.port), timeout=10) as plain, \
            context.wrap_socket(plain, server_hostname="localhost") as connection:
        with open("/proc/cpuinfo") as file:
            has_aes = re.search(r"^(flags|Features)\s*:.*\baes\b", file.read(), re.M)
        assert connection.cipher()[0] == ("TLS_AES_128_GCM_SHA256" if has_aes else "TLS_CHACHA20_POLY1305_SHA256")


def test_the_kernel_encrypts_where_it_can(secure):
    need("kernel_tls")

    def sent():
        with open("/proc/net/tls_stat") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith(("TlsTxSw", "TlsTxDevice")))

    before = sent()
    s3, content = bulk(secure, 3 << 20)
    assert s3.get_object(Bucket="bulk", Key="large")["Body"].read() == content
    assert sent() > before
