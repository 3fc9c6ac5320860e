"""Nothing is frozen: each row of the table of ways, plain beside jitted."""

from typing import Any

import pytest
from support.jitted_ways import rows
from support.jitted_ways.table import WAYS, Way, judge
from support.shares import shared

from autograd.program import numpy_backend


def _case(row: Way, *marks: pytest.MarkDecorator) -> Any:
    failing = [pytest.mark.xfail(strict=True, reason=row.failing)] if row.failing else []
    return pytest.param(row, id=row.name, marks=[*failing, *marks])


@pytest.mark.parametrize(
    "row",
    [
        _case(row, *marks)
        for row, marks in shared(
            WAYS, 4, lambda row: (row.play.__module__, row.expected, row.failing)
        )
    ],
)
def test_way(row: Way) -> None:
    judge(row)


@pytest.mark.parametrize(
    "row",
    [
        _case(row, *marks)
        for row, marks in shared(
            [row for row in WAYS if row.expected == "right" and not row.failing], 7
        )
    ],
)
def test_way_in_blocks(row: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with large arrays, whose calls are made in one, block by block, over what is read no
    more."""
    monkeypatch.setattr(numpy_backend, "LARGE", 9)  # bytes, so that what has axes is large
    judge(row)


def test_the_table_is_whole() -> None:
    assert len(rows.FILES) >= 15
    assert len(WAYS) >= 400
    assert len({row.name for row in WAYS}) == len(WAYS)
