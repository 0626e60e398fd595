#!/usr/bin/env python3
"""Writes an OCI image of a built trainwarden, as a layout (a folder), without a daemon, root or network.

    image.py PROGRAM VERSION OUTPUT [--sbom FILE]

In it: the program, the shared libraries that it and the programs that it runs need, those programs (bubblewrap, ip, fusermount3), certificates
of authorities, and a user. No shell, no package manager, no Python: training jobs bring their images (--training-images). The libraries are
this machine's, so that it must be a Debian. Then, for a registry:  skopeo copy oci:OUTPUT:VERSION docker://…
"""
import argparse
import datetime
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile

import sbom

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = ("/usr/bin/bwrap", "/usr/sbin/ip", "/usr/bin/fusermount3")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
USER = 65532
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def libraries(program):
    """{where the loader looks: where it is}"""
    return {path: str(pathlib.Path(path).resolve()) for path in re.findall(r"(/\S+) \(0x", run("ldd", str(program)))}


def made_at():
    if "SOURCE_DATE_EPOCH" in os.environ:
        return int(os.environ["SOURCE_DATE_EPOCH"])
    asked = subprocess.run(["git", "-C", ROOT, "log", "-1", "--format=%ct"], capture_output=True, text=True, check=False)
    return int(asked.stdout) if asked.returncode == 0 else 0


class Layer:
    """A tar file whose bytes depend on nothing but what is put in."""

    def __init__(self, seconds):
        self.seconds, self.bytes = seconds, io.BytesIO()
        self.tar = tarfile.open(fileobj=self.bytes, mode="w", format=tarfile.PAX_FORMAT)
        self.names = set()

    def _add(self, name, mode, kind, data=b"", link="", owner=0):
        info = tarfile.TarInfo(name)
        info.mode, info.type, info.size, info.linkname, info.mtime, info.uid, info.gid = mode, kind, len(data), link, self.seconds, owner, owner
        self.tar.addfile(info, io.BytesIO(data))
        self.names.add(name)

    def folder(self, name, mode=0o755, owner=0):
        for parent in reversed(pathlib.PurePosixPath(name).parents[:-1]):
            if str(parent) not in self.names:
                self._add(str(parent), 0o755, tarfile.DIRTYPE)
        if name not in self.names:
            self._add(name, mode, tarfile.DIRTYPE, owner=owner)

    def file(self, name, data, mode=0o644):
        name = name.lstrip("/")
        self.folder(str(pathlib.PurePosixPath(name).parent))
        if name not in self.names:
            self._add(name, mode, tarfile.REGTYPE, data)

    def link(self, name, to):
        self._add(name, 0o777, tarfile.SYMTYPE, link=to)

    def done(self):
        self.tar.close()
        return self.bytes.getvalue()


def base(programs, seconds):
    layer = Layer(seconds)
    for folder in ("bin", "sbin", "lib", "lib64"):  # as Debian's: one tree below /usr
        layer.folder(f"usr/{folder}")
        layer.link(folder, f"usr/{folder}")
    for program in programs:
        for wanted, found in sorted(libraries(program).items()):
            layer.file(re.sub(r"^/lib", "/usr/lib", wanted), pathlib.Path(found).read_bytes(), 0o755)
    for program in PROGRAMS:
        layer.file(program, pathlib.Path(program).resolve().read_bytes(), 0o755)
    layer.file(CERTIFICATES, pathlib.Path(CERTIFICATES).read_bytes())
    # Whose they are, and on which terms.
    for package in sorted(sbom.owners({str(pathlib.Path(name).resolve()) for program in programs for name in [*libraries(program).values(), *PROGRAMS]})):
        copyright_file = pathlib.Path("/usr/share/doc", package.split(":")[0], "copyright")
        layer.file(str(copyright_file), copyright_file.read_bytes())
    layer.file("etc/passwd", f"root:x:0:0:root:/root:/nonexistent\ntrainwarden:x:{USER}:{USER}:Trainwarden:/data:/nonexistent\n".encode())
    layer.file("etc/group", f"root:x:0:\ntrainwarden:x:{USER}:\n".encode())
    layer.file("etc/nsswitch.conf", b"passwd: files\ngroup: files\nhosts: files dns\n")
    layer.file("etc/os-release", pathlib.Path("/etc/os-release").read_bytes())
    layer.folder("tmp", 0o1777)
    layer.folder("data", 0o700, USER)
    for folder in ("proc", "sys", "dev", "run", "root"):
        layer.folder(folder)
    return layer.done()


class Layout:
    def __init__(self, folder):
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "blobs/sha256").mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, data, kind):
        digest = hashlib.sha256(data).hexdigest()
        (self.folder / "blobs/sha256" / digest).write_bytes(data)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    def document(self, value, kind):
        return self.blob(json.dumps(value, separators=(",", ":"), sort_keys=True).encode(), kind)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=pathlib.Path), parser.add_argument("version"), parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--sbom", type=pathlib.Path)
    arguments = parser.parse_args()
    machine = os.uname().machine
    if machine not in ARCHITECTURES or not pathlib.Path("/etc/debian_version").exists():
        sys.exit("error: the image is made of a Debian's libraries, on amd64 or arm64")
    if missing := [name for name in (*PROGRAMS, CERTIFICATES) if not pathlib.Path(name).exists()]:
        sys.exit(f"error: this machine lacks {', '.join(missing)}: tools/install-packages run; apt-get install ca-certificates")
    seconds = made_at()
    created = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

    stripped = arguments.output.with_name(arguments.output.name + ".stripped")
    subprocess.run(["strip", "--strip-all", "-o", stripped, arguments.program], check=True)
    own = Layer(seconds)
    own.file("usr/bin/trainwarden", stripped.read_bytes(), 0o755)
    stripped.unlink()
    own.file("usr/share/doc/trainwarden/LICENSE", (ROOT / "LICENSE").read_bytes())
    if arguments.sbom:
        own.file("usr/share/doc/trainwarden/sbom.cdx.json", arguments.sbom.read_bytes())

    layout = Layout(arguments.output)
    tars = [base([arguments.program, *PROGRAMS], seconds), own.done()]
    layers = [layout.blob(gzip.compress(tar, 6, mtime=0), "layer.v1.tar+gzip") for tar in tars]
    commit = subprocess.run([arguments.program, "version", "--json"], capture_output=True, text=True, check=True).stdout
    labels = {"org.opencontainers.image.title": "trainwarden", "org.opencontainers.image.version": arguments.version,
              "org.opencontainers.image.licenses": "Apache-2.0", "org.opencontainers.image.revision": json.loads(commit)["Commit"]}
    config = layout.document({
        "created": created, "architecture": ARCHITECTURES[machine], "os": "linux",
        "config": {"User": f"{USER}:{USER}", "ExposedPorts": {"4566/tcp": {}}, "Volumes": {"/data": {}}, "WorkingDir": "/data", "StopSignal": "SIGTERM",
                   "Env": ["PATH=/usr/sbin:/usr/bin", "HOME=/data", "TRAINWARDEN_DATA=/data/server"], "Entrypoint": ["/usr/bin/trainwarden"],
                   "Cmd": ["serve", "--data", "/data/server", "--listen", "0.0.0.0:4566", "--master-key-file", "/data/master.key",
                           "--audit-key-file", "/data/audit.key"], "Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars]},
        "history": [{"created": created, "created_by": "tools/image.py: libraries and programs"}, {"created": created, "created_by": "tools/image.py: trainwarden"}],
    }, "config.v1+json")
    manifest = layout.document({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": layers,
                                "annotations": labels}, "manifest.v1+json")
    manifest["platform"] = {"architecture": ARCHITECTURES[machine], "os": "linux"}
    manifest["annotations"] = {"org.opencontainers.image.ref.name": arguments.version}
    (arguments.output / "index.json").write_text(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [manifest]}))
    print(f"{arguments.output}: {sum(layer['size'] for layer in layers) / 1e6:.0f} MB in {len(layers)} layers, for {ARCHITECTURES[machine]}")


if __name__ == "__main__":
    main()
