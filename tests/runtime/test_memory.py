"""Freed memory stays in the process, where the C library is glibc."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are"
)


def told(program: str, **environment: str) -> str:
    """What a program prints that imports the project anew."""
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.strip()


def test_it_can_be_turned_off() -> None:
    program = "from autograd import keep_pages; print(keep_pages())"
    assert told(program) == "True"
    assert told(program, PULLBACK_KEEP_PAGES="0") == "False"


def test_importing_changes_no_limit() -> None:
    """A large array still has a mapping of its own, and goes when it is freed."""
    program = """
import numpy as np
{call}
def resident(): return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
import resource
before = resident()
np.ones(2 << 20).sum()
print(resident() - before > 8 << 20)
"""
    assert told(program.format(call="import autograd, nn, mnist")) == "False"
    assert told(program.format(call="import autograd; autograd.keep_pages()")) == "True"


def test_asking_for_large_pages_takes_no_memory() -> None:
    program = """
import resource
import autograd
def resident(): return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
before = resident()
autograd.keep_pages()
print(resident() - before)
"""
    assert int(told(program)) < 4 << 20
