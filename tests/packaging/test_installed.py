"""What `make install` and the package put onto a machine, as far as the tree says it."""
import pathlib
import re
import subprocess
import sys

import pytest
from conftest import BINARY, ROOT

sys.path.insert(0, str(ROOT / "tools"))
import sbom  # noqa: E402

INSTALLED = ROOT / "cmake/install.cmake"


def installed_documents():
    text = INSTALLED.read_text()
    (files,) = re.findall(r"install\(FILES \$\{MADE\}/sbom\.cdx\.json ([^)]*) DESTINATION \S+/doc/trainwarden\)", text)
    (folders,) = re.findall(r"install\(DIRECTORY ([a-z ]+) DESTINATION \S+/doc/trainwarden\n", text)
    (cases,) = re.findall(r"install\(DIRECTORY (tests/cases/policy) DESTINATION \S+/doc/trainwarden/tests/cases\)", text)
    return files.split(), [*folders.split(), cases]


def test_links_of_installed_documents_lead_to_installed_files():
    files, folders = installed_documents()
    assert "README.md" in files and folders[:2] == ["docs", "examples"]
    documents = [ROOT / name for name in files if name.endswith(".md")] + [file for folder in folders for file in sorted((ROOT / folder).rglob("*.md"))
                                                                          if "node_modules" not in file.parts]
    links = 0
    for document in documents:
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text()):
            if "://" in link:
                continue
            links += 1
            target = (document.parent / link).resolve()
            inside = str(target.relative_to(ROOT))
            assert target.exists() and (inside in files or any(inside == one or inside.startswith(one + "/") for one in folders)), f"{document.relative_to(ROOT)}: {link}"
    assert links > 100


def test_every_library_in_the_bill_of_materials_has_a_licence():
    packages = sbom.owners(sbom.linked(BINARY))
    assert len(packages) > 10
    for package in packages:
        for one in sbom.licences_of(package):
            licence = one["license"]
            # Of a copyright file that programs cannot read, the text itself.
            assert licence["name"] and ("text" not in licence or len(licence["text"]["content"]) > 100), package
            assert licence["name"] != "NOASSERTION" or not pathlib.Path("/usr/share/doc", package.split(":")[0], "copyright").exists(), package


@pytest.mark.parametrize("prefix, folder", [("/usr", "vendor-completions"), ("/usr/local", "site-functions")])
def test_zsh_finds_its_completion(tmp_path, prefix, folder):
    """The lines of the install script that choose the place, run for both prefixes."""
    (code,) = re.findall(r'(  set\(at site-functions\)\n.*?DESTINATION [^\n]*)"\)\n', INSTALLED.read_text(), re.S)
    (tmp_path / "made").mkdir()
    (tmp_path / "made/_trainwarden").write_text("#compdef trainwarden\n")
    # As the file of the outer level is read: its own variables now, escaped ones later.
    code = code.replace("${MADE}", str(tmp_path / "made")).replace("${CMAKE_INSTALL_DATADIR}", "share").replace('\\"', '"').replace("\\${", "${")
    (tmp_path / "install.cmake").write_text(f"set(CMAKE_INSTALL_PREFIX {prefix})\n{code}\n")
    subprocess.run(["cmake", "-P", tmp_path / "install.cmake"], check=True, capture_output=True, env={"PATH": "/usr/bin:/bin", "DESTDIR": str(tmp_path / "root")})
    (found,) = [file for file in (tmp_path / "root").rglob("_trainwarden")]
    assert str(found) == f"{tmp_path}/root{prefix}/share/zsh/{folder}/_trainwarden"
