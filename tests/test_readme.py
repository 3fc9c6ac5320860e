"""Every Python block of each README runs and prints what the README says it prints."""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
READMES = {name: (ROOT / name).read_text() for name in ("README.md", "autograd/lowering/README.md")}
BLOCKS = {
    name: re.findall(r"```python\n(.*?)```(?:\n```output\n(.*?)```)?", text, re.DOTALL)
    for name, text in READMES.items()
}
ALL = [(name, number) for name, blocks in BLOCKS.items() for number in range(len(blocks))]
# Reads blocks; says what each of them has printed, and how the first that failed did so.
RUN = """
import contextlib, io, json, sys, traceback
def _all(blocks):
    for code in blocks:
        out = io.StringIO()
        try:
            with contextlib.redirect_stdout(out):
                exec(code, globals())
        except BaseException:
            yield out.getvalue(), traceback.format_exc()
            return
        yield out.getvalue(), None
print(json.dumps(list(_all(json.load(sys.stdin)))))
"""


@pytest.mark.parametrize("name", READMES)
def test_there_are_blocks(name: str) -> None:
    text, blocks = READMES[name], BLOCKS[name]
    assert text.count("```python") == len(blocks) >= 3
    assert text.count("```output") == sum(bool(output) for _, output in blocks)


@functools.cache
def said(name: str) -> list[tuple[str, str | None]]:
    """What each block of a README prints. A reader goes from the top, so a block may use the names
    of those before it."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN],
        input=json.dumps([code for code, _ in BLOCKS[name]]),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0 and not result.stderr, result.stderr
    found: list[tuple[str, str | None]] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize(("name", "number"), ALL)
def test_block(name: str, number: int) -> None:
    before, here = said(name)[:number], said(name)[number:][:1]
    assert here, f"a block before this one failed: {before[-1][1]}"
    ((printed, failed),) = here
    assert failed is None, failed
    assert printed == BLOCKS[name][number][1]
