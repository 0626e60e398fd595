"""What the shells offer, with the scripts that the program writes: bash always, zsh and fish where they are.

    completion.py PROGRAM
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)


def bash_offers(script, *words):
    """What bash would offer for the last word."""
    asked = run("bash", "-c", 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _trainwarden; printf "%s\\n" "${COMPREPLY[@]}"', "bash", script, *words)
    return asked.stdout.split() if asked.returncode == 0 and not asked.stderr else [f"bash: {asked.stderr}"]


def fish_offers(script, line):
    asked = run("fish", "--no-config", "-c", f"source {script}; complete -C '{line}'")
    return [each.split("\t")[0] for each in asked.stdout.splitlines()] if not asked.stderr else [f"fish: {asked.stderr}"]


def commands_of_help(program, *path):
    listed = run(program, *path, "--help").stdout
    part = listed[listed.index("Subcommands:"):]
    return re.findall(r"^  ([a-z][a-z-]*) ", part, re.M)


def main(program):
    problems = []

    def expect(what, holds, found):
        if not holds:
            problems.append(f"{what}: {found}")

    with tempfile.TemporaryDirectory() as folder:
        scripts = {}
        for shell in ("bash", "zsh", "fish"):
            scripts[shell] = pathlib.Path(folder, shell)
            written = run(program, "completion", shell)
            expect(f"completion {shell} fails", written.returncode == 0, written.stderr)
            scripts[shell].write_text(written.stdout)
        refused = run(program, "completion", "csh")
        expect("a shell that nobody knows is completed", refused.returncode == 2 and "csh" in refused.stderr, refused)

        bash = str(scripts["bash"])
        every = commands_of_help(program)
        expect("few commands", len(every) > 15, every)
        offered = bash_offers(bash, "trainwarden", "")
        expect("commands that --help lists are not offered", set(every) <= set(offered), set(every) - set(offered))
        for command, words, wanted in (("stack", ["stack", ""], commands_of_help(program, "stack")), ("up", ["up", "--st"], ["--stack"]),
                                       ("below", ["audit", "--json", "us"], ["used"]), ("value", ["up", "--stack", "lint", "--y"], ["--yes"])):
            found = bash_offers(bash, "trainwarden", *words)
            expect(f"bash, {command}: {words}", set(wanted) <= set(found), found)
        expect("a value that nobody can list", bash_offers(bash, "trainwarden", "up", "--stack", "") == [], "")
        pathlib.Path(folder, "some-folder").mkdir()
        pathlib.Path(folder, "some-file").touch()
        folders = bash_offers(bash, "trainwarden", "serve", "--data", f"{folder}/some-")
        expect("a folder's option", folders == [f"{folder}/some-folder"], folders)

        if shutil.which("zsh"):
            checked = run("zsh", "-f", "-c", f"autoload -U compinit; compinit -D; source {scripts['zsh']}; whence -w _trainwarden")
            expect("zsh", checked.stdout == "_trainwarden: function\n" and not checked.stderr, checked)
        if shutil.which("fish"):
            found = fish_offers(scripts["fish"], "trainwarden ")
            expect("fish", set(every) <= set(found), found)
            found = fish_offers(scripts["fish"], "trainwarden stack ")
            expect("fish, below", set(commands_of_help(program, "stack")) <= set(found), found)
            found = fish_offers(scripts["fish"], "trainwarden up --st")
            expect("fish, options", "--stack" in found, found)

    page = run(program, "manual").stdout
    for name in every:
        expect(f"the manual page lacks `{name}`", f"\\fBtrainwarden {name}\\fR".replace("-", "\\-") in page, "")
    print(*problems, sep="\n", end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
