"""A process that has made nothing yet, for the tests of compilers and their cache."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.compiling import COMPILER, Fresh


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fresh:
    return Fresh(monkeypatch, tmp_path)


@pytest.fixture
def real(fresh: Fresh) -> Fresh:
    """The same, where there is a compiler and scripts can be one."""
    if COMPILER is None or sys.platform == "win32":
        pytest.skip("needs cc, gcc or clang, and a shell")
    return fresh
