"""C beside the forward of every op that has a lowering: the table of rows is the list of tests."""

from __future__ import annotations

from typing import Any

import pytest
from support.in_c.beside_numpy import expect_alike
from support.in_c.joining import Part, split
from support.in_c.samples import parts_of

from autograd.lowering.lowerer import Lowerer
from autograd.lowering.rows.table import ROWS, row_of

pytestmark = pytest.mark.usefixtures("in_c")

_MOST = 120  # programs in one text
_OF_EACH = 1  # in the plain run


def lowered(part: Part) -> bool:
    """Whether all calls are in C."""
    return not Lowerer(part.program, row_of).why


@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)
def test_every_row_has_samples_in_both_precisions(op: Any) -> None:
    parts = parts_of(op)
    for dtype in ("float32", "float64"):
        some = [p for p in parts if any(a.dtype == dtype for a in p.given)]
        assert any(map(lowered, some)), f"{dtype}: no sample of {len(some)}"


def _some_of_each() -> list[list[Part]]:
    chosen: list[Part] = []
    for op in ROWS:
        parts = parts_of(op)
        special = [p for p in parts if "special" in p.name or "strewn" in p.name]
        for some, most in ((special, 1), (parts, _OF_EACH)):
            chosen += some[:: -(-len(some) // most) or 1]
    return split(list({p.name: p for p in chosen}.values()), _MOST)


def test_some_samples_of_each_row() -> None:
    for parts in _some_of_each():
        expect_alike(parts)


@pytest.mark.slow
@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)
def test_all_samples(op: Any) -> None:
    for parts in split(parts_of(op), _MOST):
        expect_alike(parts)
