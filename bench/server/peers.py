"""The servers that run.py compares: this one, nginx with the same files (what a web server costs that asks nobody), and S3 servers, where they are
installed (nginx: the distribution's; versitygw, minio: in $PATH or $PEERS). Each is given a folder and serves the object `small` (4 KiB) and the object
`bulk` (64 MiB) in the bucket `bench`, in the clear or over TLS."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIZES = {"small": 4096, "bulk": 64 << 20}
KEY, SECRET = "benchbenchbench", "benchbenchbenchbench"


def program(name):
    return shutil.which(name, path=os.pathsep.join(filter(None, [os.environ.get("PEERS"), os.environ.get("PATH"), "/usr/sbin"])))


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


class Peer:
    """A server that runs. `seconds`: the processor time of its processes so far."""
    name, attacked = "", False

    def __init__(self, tls):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="trainwarden-bench-"))
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.environment.update(HOME=str(self.home), XDG_CONFIG_HOME=str(self.home / "config"), AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET,
                                AWS_REGION="us-east-1")
        self.tls = tls
        if tls:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                            "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", self.home / "private.key", "-out",
                            self.home / "public.crt"], check=True, capture_output=True)
            self.environment["AWS_CA_BUNDLE"] = str(self.home / "public.crt")
        self.port = free_port()
        self.start()
        self.fill()

    def run(self, *command):
        self.process = subprocess.Popen([str(part) for part in command], env=self.environment, stdout=subprocess.DEVNULL,
                                        stderr=open(self.home / "log", "wb"))

    def wait(self):
        deadline = time.monotonic() + 60
        while True:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{self.name} does not serve: " + (self.home / "log").read_text())
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)

    def processes(self):
        of = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/stat") as file:
                        of[int(entry)] = int(file.read().rsplit(")", 1)[1].split()[1])
                except OSError:
                    pass  # it has ended
        found = {self.process.pid}
        while more := {pid for pid, parent in of.items() if parent in found} - found:
            found |= more
        return found

    def seconds(self):
        total = 0
        for pid in self.processes():
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / os.sysconf("SC_CLK_TCK")

    def status(self, name):
        total = 0
        for pid in self.processes():
            with open(f"/proc/{pid}/status") as file:
                total += next(int(line.split()[1]) for line in file if line.startswith(name))
        return total

    def aws(self, *words):
        url = ("https" if self.tls else "http") + f"://127.0.0.1:{self.port}"
        subprocess.run([ROOT / ".venv/bin/aws", "--endpoint-url", url, "--region", "us-east-1", *words], env=self.environment, check=True,
                       stdout=subprocess.DEVNULL)

    def fill(self):
        self.aws("s3", "mb", "s3://bench")
        for name, size in SIZES.items():
            (self.home / name).write_bytes(os.urandom(size))
            self.aws("s3api", "put-object", "--bucket", "bench", "--key", name, "--body", str(self.home / name))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        shutil.rmtree(self.home, ignore_errors=True)


class Trainwarden(Peer):
    name, attacked = "trainwarden", True
    binary = ROOT / "build/release/trainwarden"

    def start(self):
        data, ready = self.home / "data", self.home / "ready"
        tls = ("--tls-certificate", self.home / "public.crt", "--tls-key", self.home / "private.key") if self.tls else ()
        self.run(self.binary, "serve", "--data", data, "--listen", f"127.0.0.1:{self.port}", "--ready-file", ready, *tls)
        self.wait()
        exports = subprocess.run([self.binary, "env", "--data", data], check=True, text=True, capture_output=True, env=self.environment).stdout
        for name, value in re.findall(r"^export (AWS_\w+KEY\w*)='?([^'\n]*)'?$", exports, re.M):
            self.environment[name] = value


class Nginx(Peer):
    name = "nginx"

    def start(self):
        folder = self.home / "files/bench"
        folder.mkdir(parents=True)
        for one in (self.home, self.home / "files", folder):
            one.chmod(0o755)
        tls = f"ssl_certificate {self.home}/public.crt; ssl_certificate_key {self.home}/private.key; ssl_protocols TLSv1.2 TLSv1.3;" if self.tls else ""
        (self.home / "nginx.conf").write_text(f"""
            daemon off; worker_processes {os.cpu_count()}; pid {self.home}/pid; error_log {self.home}/errors; worker_rlimit_nofile 30000;
            events {{ worker_connections 12000; }}
            http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; keepalive_timeout 60; open_file_cache max=100;
                   server {{ listen 127.0.0.1:{self.port} {'ssl' if self.tls else ''}; {tls} root {self.home}/files; }} }}""")
        self.run(program("nginx"), "-c", self.home / "nginx.conf", "-p", self.home)
        self.wait()

    def fill(self):
        for name, size in SIZES.items():
            (self.home / "files/bench" / name).write_bytes(os.urandom(size))


class Versitygw(Peer):
    name = "versitygw"

    def start(self):
        (self.home / "objects").mkdir()
        tls = ("--cert", self.home / "public.crt", "--key", self.home / "private.key") if self.tls else ()
        self.run(program("versitygw"), "--access", KEY, "--secret", SECRET, "--port", f"127.0.0.1:{self.port}", "--quiet", "--keep-alive", *tls, "posix",
                 self.home / "objects")
        self.wait()


class Minio(Peer):
    name = "minio"

    def start(self):
        self.environment.update(MINIO_ROOT_USER=KEY, MINIO_ROOT_PASSWORD=SECRET, MINIO_BROWSER="off", MINIO_UPDATE="off")
        certificates = self.home / "certificates"
        certificates.mkdir()
        for name in ("public.crt", "private.key") if self.tls else ():
            shutil.copy(self.home / name, certificates)
        self.run(program("minio"), "server", "--quiet", "--certs-dir", certificates, "--address", f"127.0.0.1:{self.port}", self.home / "objects")
        self.wait()


def installed():
    return [Trainwarden] + [one for one in (Nginx, Versitygw, Minio) if program(one.name)]
