"""Loops that threads share, however small they are."""

from __future__ import annotations

import pytest

from autograd.lowering import teams
from autograd.lowering.c_backend import CompiledC
from autograd.lowering.teams import Stretch


def share_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on each loop is worth sharing, and each function worth waking threads."""
    monkeypatch.setattr(teams, "_SHARED", 1)
    monkeypatch.setattr(teams, "_WOKEN", 1)


def shared_loops(compiled: CompiledC) -> list[Stretch]:
    """Those of a program that threads share."""
    runs = [run for run in compiled.generated.runs.values() if run.shared]
    return [stretch for run in runs for stretch in run.stretches if stretch.slices > 1]
