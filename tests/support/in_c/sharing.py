"""Which of many cases run with the slow tests, and which by a command of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def slow_or_exhaustive(cases: Iterable[Any]) -> list[Any]:
    """Every fifth case is slow; all others are exhaustive, as each takes a compiler a second."""
    marked = []
    for number, case in enumerate(cases):
        given = case if hasattr(case, "marks") else pytest.param(case)
        mark = pytest.mark.exhaustive if number % 5 else pytest.mark.slow
        marked.append(pytest.param(*given.values, id=given.id, marks=[*given.marks, mark]))
    return marked
