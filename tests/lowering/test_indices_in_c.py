"""Indices that a program is given when it runs, in C."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, ops
from autograd.lowering.c_backend import CompiledC
from autograd.ops.shapes.indexing import scatter
from autograd.program.watching import program_of

Array = np.ndarray[Any, Any]

pytestmark = pytest.mark.usefixtures("in_c")

LINES = np.arange(3)
# Of an array of so many rows, or of zeros of so many, by indices that are given.
READS: dict[str, Callable[[int], Callable[[Any, Any], Any]]] = {
    "rows": lambda n: lambda x, i: ops.getitem(x, i) * 2.0,
    "part of rows": lambda n: lambda x, i: ops.getitem(x, (i, slice(1, 3))) * 2.0,
    "of which one is read": lambda n: lambda x, i: ops.sum(ops.getitem(x, i)[:1, :1]),
    "rows of zeros": lambda n: lambda x, i: scatter(x[:1] * 1.0, i[:1], (n, 4)),
    "one of each line": lambda n: lambda x, i: scatter(x[0, :3], (LINES, i), (3, n)),
    "many of each line": lambda n: lambda x, i: scatter(x[0, :3], (LINES, i), (3, n + 100)),
}


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("rows", [5, 1])
def test_places_out_of_bounds(name: str, rows: int) -> None:
    f, x, inside = READS[name](rows), np.arange(rows * 4.0).reshape(rows, 4), np.zeros(3, int)
    made = CompiledC(program_of(f, x, inside))
    assert not made.generated.lowerer.why
    (before,) = made.run(x, inside).values()
    count = rows + 100 * (name == "many of each line")
    far = range(1) if name == "rows of zeros" else range(3)
    for place in (count, -count - 1, 2**40, -(2**40)):
        for position in far:
            wrong = inside.copy()
            wrong[position] = place
            with pytest.raises(IndexError, match="out of bounds"):
                made.run(x, wrong)
    for place in (count - 1, -count):  # the last and the first that are there
        made.run(x, np.full(3, place))
    (after,) = made.run(x, inside).values()
    assert before.tobytes() == after.tobytes()


def test_a_jitted_function_raises_it_by_its_own_lines() -> None:
    f = ag.jit(lambda x, i: x[i] * 2.0, backend="c")
    x = np.arange(8.0).reshape(2, 4)
    for _ in range(3):
        np.testing.assert_array_equal(f(x, np.array([1, -2])), x[[1, 0]] * 2)
    with pytest.raises(IndexError, match="index 2 is out of bounds for axis 0 with size 2"):
        f(x, np.array([1, 2]))
    np.testing.assert_array_equal(f(x, np.array([0, 1])), x * 2)


def test_constants_that_count_in_another_shape() -> None:
    """All places in their order, but down a column."""
    x, j = np.arange(16.0).reshape(4, 4), np.array([3, 0, 0, 1])

    def f(x: Any, j: Any) -> Any:
        return ops.getitem(x, (ops.reshape(Tensor(np.arange(4)), (4, 1)), j)) * 1.0

    made = CompiledC(program_of(f, x, j))
    assert not made.generated.lowerer.why
    (found,) = made.run(x, j).values()
    np.testing.assert_array_equal(found, x[np.arange(4)[:, None], j])


def test_what_sees_a_border_alone_begins_within_the_array() -> None:
    x = np.ones((3, 7), np.float32)
    for f in (
        lambda x: ops.pad(x, ((0, 9000), (0, 0)))[8000:8040].sum(axis=0),
        lambda x: ops.pad(x, ((0, 9000), (0, 0)))[8000:8040] * 2.0,
        lambda x: ops.pad(x, ((0, 0), (0, 50)))[:, 30:] + 1.0,
    ):
        program = program_of(f, x)
        made = CompiledC(program)
        starts = re.findall(r"\bp\[0\] \+ (\d+)", made.source)
        assert all(int(start) < x.size for start in starts), made.source
        (got,) = made.run(x).values()
        np.testing.assert_array_equal(got, f(Tensor(x)).data)
