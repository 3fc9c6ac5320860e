"""Every op where rules divide, choose or take powers: no derivative is plausible and wrong."""

from __future__ import annotations

import pytest

pytest.importorskip("mpmath")

from support.points import ROWS
from support.points.judging import Row, faults, judged


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.op} {row.label}".strip())
def test_each_derivative_is_right_or_nan_or_stated(row: Row) -> None:
    missed = faults(row, judged(row))
    assert not missed, "\n".join(missed)
