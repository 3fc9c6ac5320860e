"""Every op where rules divide, choose or take powers: no derivative is plausible and wrong."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest

pytest.importorskip("mpmath")

import mpmath
from support.points import PLAIN, ROWS
from support.points.judging import INF, NAN, Row, faults, judged
from support.points.limits import Function, limits
from support.shares import shared

import autograd as ag
from autograd.engine.primitives import registry
from nn import functional as F


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, marks=marks, id=f"{row.op} {row.label}".strip())
        for row, marks in shared(ROWS, 31, lambda row: row.name)
    ],
)
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
    ops = {
        p.name
        for p in registry.values()
        if p.differentiable and p.__module__.startswith("autograd.ops.")
    }
    functions = {f"F.{name}" for name in F.__all__ if inspect.isfunction(getattr(F, name))}
    assert not sorted((ops | functions) - rows - set(PLAIN))
    assert not rows & set(PLAIN)


@pytest.mark.parametrize(
    ("exact", "point", "right"),
    [
        (lambda x: x**4, (0.0,), {(0,): 0, (1,): 0, (2,): 0, (3,): 0}),
        (lambda x: x + mpmath.exp(x), (1e-300,), {(0,): 1, (1,): 2, (2,): 1, (3,): 1}),
        (mpmath.cos, (1e-17,), {(1,): -1e-17, (2,): -1, (3,): 1e-17}),
        (mpmath.cos, (1e300,), {(2,): -np.cos(1e300)}),
        (abs, (0.0,), {(0,): 0, (1,): NAN, (2,): 0, (3,): 0}),
        (lambda x: x * x * abs(x), (0.0,), {(1,): 0, (2,): 0, (3,): NAN}),
        (lambda x: abs(x) ** 2.5, (0.0,), {(2,): 0, (3,): NAN}),
        (lambda x: mpmath.exp(-1 / abs(x)), (0.0,), {(0,): 0, (1,): 0, (3,): 0}),
        (mpmath.sqrt, (0.0,), {(0,): 0, (1,): INF, (2,): -INF, (3,): INF}),
        (mpmath.log, (-1.0,), {(0,): NAN, (1,): NAN}),
        (mpmath.log, (INF,), {(0,): INF, (1,): 0, (2,): 0}),
        (mpmath.atan, (-INF,), {(0,): -math.pi / 2, (1,): 0, (3,): 0}),
        (mpmath.sin, (INF,), {(0,): NAN, (1,): NAN}),
        (lambda x: 1 / x, (0.0,), {(0,): NAN, (1,): -INF, (2,): NAN}),
        (mpmath.hypot, (0.0, 0.0), {(0, 0): 0, (1, 0): NAN, (2, 0): INF, (1, 1): NAN}),
        (mpmath.hypot, (1.0, 1e-7), {(2, 0): 1e-14, (1, 1): -1e-7, (0, 2): 1}),
        (lambda x, y: x**y, (-2.0, 2.0), {(1, 0): -4, (2, 0): 2, (0, 1): NAN}),
        (lambda x, y: x**y, (0.0, 1.0), {(1, 1): -INF, (2, 0): 0, (0, 2): 0}),
        (max, (1.0, 1.0), {(0, 0): 1, (1, 0): NAN}),
    ],
)
def test_limits_that_are_known(exact: Any, point: Any, right: dict[Any, float]) -> None:
    found = limits(Function(exact), point)
    for index, value in right.items():
        np.testing.assert_allclose(found[index].value, value, 1e-12, 0, err_msg=str(index))


@pytest.mark.parametrize(
    ("ours", "exact", "point", "verdict"),
    [
        (lambda x: ag.abs(x) * ag.abs(x) / 2, lambda x: x * x / 2, 0.0, "wrong"),
        (lambda x: ag.where(x > 0, x, 0), lambda x: max(x, 0), 0.0, "wrong"),
        (lambda x: x / ag.where(x == 0, 1, x), lambda x: x / x, 0.0, "wrong"),
        (lambda x: ag.erf(x) + 1, mpmath.erfc, 1.0, "wrong"),
        (lambda x: 1 + ag.erf(x), lambda x: mpmath.erfc(-x), -9.0, "wrong"),
        (lambda x: ag.sqrt(x * x * x * x), lambda x: x * x, 0.0, "lost"),
        (lambda x: ag.exp(ag.log(x)), lambda x: x, 0.0, "lost"),
    ],
)
def test_faults_are_found(ours: Any, exact: Any, point: float, verdict: str) -> None:
    row = Row("op", ours, exact, [point])
    cells = judged(row)
    assert verdict in {cell.verdict for cell in cells}
    assert any("op at x=" in fault for fault in faults(row, cells))


def _function(name: str) -> Any:
    return getattr(F, name[2:]) if name.startswith("F.") else getattr(ag, name)
