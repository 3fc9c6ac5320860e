"""Random programs of second order in C: what each call gives, and what comes of it in the end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from support.in_c.beside_numpy import beside_numpy
from support.in_c.random_parts import random_parts
from support.in_c.sharing import slow_or_exhaustive

pytestmark = pytest.mark.usefixtures("in_c")

_NEAR = {np.float64: 1e-7, np.float32: 2e-2}  # of the largest, after hundreds of calls


def expect_same(seeds: Iterable[int], dtype: Any) -> None:
    _, results = beside_numpy(random_parts(seeds, dtype))
    for part, got, want in results:
        scale = 1 + np.abs(want).max(initial=0)
        np.testing.assert_allclose(got, want, 0, _NEAR[dtype] * scale, err_msg=part.name)


@pytest.mark.parametrize(
    ("dtype", "seeds"),
    [
        (np.float64, range(2)),
        (np.float32, range(8, 9)),
        pytest.param(np.float64, range(2, 8), marks=pytest.mark.slow),
        pytest.param(np.float32, range(9, 15), marks=pytest.mark.slow),
    ],
)
def test_some_programs(dtype: Any, seeds: range) -> None:
    expect_same(seeds, dtype)


@pytest.mark.parametrize("chunk", slow_or_exhaustive(range(50)))
def test_more_programs(chunk: int) -> None:
    seeds = range(1000 + chunk * 20, 1020 + chunk * 20)
    expect_same(seeds, np.float32 if chunk % 4 == 3 else np.float64)
