"""The C of programs runs clean with the compiler's checks of addresses and undefined behaviour."""

from __future__ import annotations

import pytest
from support.in_c.sanitized import expect_clean, ran

from autograd.lowering.rows.table import ROWS

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("in_c")]


@pytest.mark.parametrize("start", range(0, len(ROWS), 12))
def test_every_row(start: int) -> None:
    expect_clean("rows", start, start + 12)


@pytest.mark.parametrize("start", range(0, 100, 50))
def test_random_programs(start: int) -> None:
    expect_clean("random", start, start + 50)


@pytest.mark.parametrize("start", range(0, 70, 35))
def test_sums_of_products(start: int) -> None:
    expect_clean("products", start, start + 35)


@pytest.mark.parametrize("start", range(50_000, 50_300, 50))
def test_graphs_with_axes_of_0_and_1(start: int) -> None:
    expect_clean("empty", start, start + 50)


def test_a_place_behind_the_end_is_told() -> None:
    done = ran("beyond", 0, 3)
    assert done.returncode != 0
    assert "AddressSanitizer" in done.stdout + done.stderr, done.stderr[-3000:]
