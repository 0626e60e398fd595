"""docs/semantics.md says what the rules and cases do."""

import subprocess
import sys

from conftest import ROOT


def test_the_page_is_current():
    made = subprocess.run([sys.executable, str(ROOT / "tools/semantics.py")], check=True, capture_output=True, text=True).stdout
    assert made == (ROOT / "docs/semantics.md").read_text(), "run: tools/semantics.py > docs/semantics.md"
