"""docs/coverage.md says what the code does."""

import subprocess
import sys

from conftest import BINARY, ROOT


def test_the_table_is_current():
    made = subprocess.run([sys.executable, str(ROOT / "tools/coverage.py"), BINARY], check=True, capture_output=True, text=True).stdout
    assert made == (ROOT / "docs/coverage.md").read_text(), "run: tools/coverage.py build/dev/trainwarden > docs/coverage.md"
