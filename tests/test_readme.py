"""Every Python block of the README runs and prints what the README says it prints."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```(?:\n```output\n(.*?)```)?", README, re.DOTALL)


def test_there_are_blocks() -> None:
    assert README.count("```python") == len(BLOCKS) >= 4
    assert README.count("```output") == sum(bool(output) for _, output in BLOCKS)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_block(number: int) -> None:
    # A reader goes from the top, so a block may use the names of those before it.
    silent = "import io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()):\n"
    before = "\n".join(code for code, _ in BLOCKS[:number])
    indented = "".join(f"    {line}\n" for line in before.splitlines()) or "    pass\n"
    code, output = BLOCKS[number]
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", silent + indented + code],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == output
