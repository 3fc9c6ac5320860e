"""Every op where rules divide, choose or take powers: no derivative is plausible and wrong."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

pytest.importorskip("mpmath")

from support.points import PLAIN, ROWS
from support.points.judging import Row, faults, judged

import autograd as ag
from autograd.engine.primitives import registry
from nn import functional as F


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.op} {row.label}".strip())
def test_each_derivative_is_right_or_nan_or_stated(row: Row) -> None:
    missed = faults(row, judged(row))
    assert not missed, "\n".join(missed)


def test_each_choice_is_stated_in_a_docstring() -> None:
    for row in (row for row in ROWS if row.told):
        stated = " ".join((inspect.getdoc(_function(row.name)) or "").split())
        for told in row.told:
            unknown = told.value != told.value  # a reason, for which there is no docstring
            assert unknown or told.where in stated, f"{row.op}: '{told.where}'"


def test_each_op_and_function_has_a_row_or_no_such_points() -> None:
    rows = {row.name for row in ROWS}
    ops = {p.name for p in registry.values() if p.differentiable and "elementwise" in p.__module__}
    functions = {f"F.{name}" for name in F.__all__ if inspect.isfunction(getattr(F, name))}
    assert not (ops | functions) - rows - set(PLAIN)
    assert not rows & set(PLAIN)


def _function(name: str) -> Any:
    return getattr(F, name[2:]) if name.startswith("F.") else getattr(ag, name)
