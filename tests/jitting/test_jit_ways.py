"""Nothing is frozen: each row of the table of ways, plain beside jitted."""

import pytest
from support.jitted_ways import rows
from support.jitted_ways.table import WAYS, Way, judge


def _case(row: Way) -> object:
    marks = [pytest.mark.xfail(strict=True, reason=row.failing)] if row.failing else []
    return pytest.param(row, id=row.name, marks=marks)


@pytest.mark.parametrize("row", [_case(row) for row in WAYS])
def test_way(row: Way) -> None:
    judge(row)


def test_the_table_is_whole() -> None:
    assert len(rows.FILES) >= 5
    assert len(WAYS) >= 120
    names = [row.name for row in WAYS]
    assert len(set(names)) == len(names)
