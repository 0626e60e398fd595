"""Programs in folders of their own, deployed by the real binary to the running server."""

import json
import pathlib
import shutil
import subprocess
import sys

from conftest import BINARY, ROOT


class Folder:
    """A copy of an example, or a program written on the spot, and `trainwarden` run in it."""

    def __init__(self, server, path):
        self.server = server
        self.path = pathlib.Path(path)
        self.environment = {**server.client_environment(), "VIRTUAL_ENV": str(pathlib.Path(sys.executable).parent.parent)}

    def copy_example(self, name):
        shutil.copytree(ROOT / "examples" / name, self.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".pulumi", "node_modules"))
        return self

    def write(self, name, text):
        (self.path / name).write_text(text)
        return self

    def python(self, program):
        self.write("Pulumi.yaml", "name: demo\nruntime: python\n")
        return self.write("__main__.py", program)

    def yaml(self, program):
        return self.write("Pulumi.yaml", "name: demo\nruntime: yaml\n" + program)

    def edit(self, name, old, new):
        text = (self.path / name).read_text()
        assert old in text
        return self.write(name, text.replace(old, new))

    def command(self, *arguments):
        return [BINARY, *map(str, arguments)]

    def run(self, *arguments, check=True, **environment):
        done = subprocess.run(self.command(*arguments), cwd=self.path, env={**self.environment, **environment}, text=True, capture_output=True,
                              timeout=600, stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise AssertionError(f"{arguments} exited with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def start(self, *arguments):
        return subprocess.Popen(self.command(*arguments), cwd=self.path, env=self.environment, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)

    def up(self, *arguments, **environment):
        """The JSON report of a deployment that succeeds."""
        return json.loads(self.run("up", "--yes", "--json", *arguments, **environment).stdout)

    def preview(self):
        return json.loads(self.run("preview", "--json").stdout)

    def destroy(self, **environment):
        return json.loads(self.run("destroy", "--yes", "--json", **environment).stdout)

    def fails(self, *arguments, **environment):
        """What a command that fails says."""
        done = self.run(*arguments, check=False, **environment)
        assert done.returncode != 0, done.stdout
        return done.stdout + done.stderr

    def state(self, project="demo", stack="dev"):
        return json.loads((self.path / ".pulumi/stacks" / project / f"{stack}.json").read_text())["checkpoint"]["latest"]


def operations(report):
    """[(op, name)] of everything that was done, in order, but the unchanged."""
    return [(step["op"], step["name"]) for step in report["steps"] if step["op"] != "same"]
