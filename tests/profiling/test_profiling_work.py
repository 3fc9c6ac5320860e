"""profile(): the bytes that ops move, the operations that they make, and the rates of both."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.profiles import leaf, row

import autograd as ag
from autograd import Tensor, profile
from autograd.profiling import Row


@pytest.mark.parametrize(
    ("call", "name", "nbytes", "flops"),
    [
        (lambda: leaf(8, 4) @ leaf(4, 5), "matmul", 4 * (32 + 20 + 40), 2 * 8 * 4 * 5),
        (lambda: leaf(3, 8, 4) @ leaf(4), "matmul", 4 * (96 + 4 + 24), 2 * 3 * 8 * 4),
        (
            lambda: ag.tensordot(leaf(2, 3, 4), leaf(3, 4, 5), 2),
            "tensordot",
            4 * (24 + 60 + 10),
            2 * 2 * 12 * 5,
        ),
        (lambda: ag.dot(leaf(6), leaf(6)), "dot", 4 * 13, 12),
        (lambda: ag.outer(leaf(3), leaf(5)), "outer", 4 * (3 + 5 + 15), 15),
        (lambda: ag.vecdot(leaf(7, 3), leaf(3)), "vecdot", 4 * (21 + 3 + 7), 42),
        (
            lambda: ag.einsum("bij,bjk->bik", leaf(2, 3, 4), leaf(2, 4, 5)),
            "einsum",
            4 * (24 + 40 + 30),
            2 * 2 * 3 * 4 * 5,
        ),
        (lambda: ag.einsum("...j,j", leaf(2, 3, 4), leaf(4)), "einsum", 4 * (24 + 4 + 6), 2 * 24),
        # A matrix times a vector, twice; from the right, as that is cheaper.
        (
            lambda: ag.einsum("ij,jk,k->i", leaf(5, 5), leaf(5, 5), leaf(5)),
            "einsum",
            4 * (25 + 25 + 5 + 5),
            4 * 25,
        ),
        (lambda: leaf(3, 1) + leaf(1, 4), "add", 4 * (3 + 4 + 12), 12),
        (lambda: ag.exp(leaf(9, dtype=np.float64)), "exp", 8 * 18, 9),
        (lambda: leaf(6, 7).sum(axis=0), "sum", 4 * (42 + 7), 42),
        (lambda: leaf(6, 7).sum(), "sum", 4 * (42 + 1), 42),
        (lambda: leaf(6, 7)[np.array([1, 2])], "getitem", 4 * (14 + 14) + 16, 0),
        (lambda: leaf(6, 7)[1:3], "getitem", 0, 0),
        (lambda: leaf(6, 7).reshape(7, 6), "reshape", 0, 0),
        (lambda: leaf(6, 7).T.reshape(42), "reshape", 8 * 42, 0),  # this one has to copy
        (lambda: ag.transpose(leaf(6, 7)), "transpose", 0, 0),
        (lambda: ag.broadcast_to(leaf(7), (6, 7)), "broadcast_to", 0, 0),
        (lambda: ag.split(leaf(6), 3), "split", 0, 0),
        (lambda: ag.inv(Tensor(np.eye(3))), "inv", 8 * 18, None),
    ],
)
def test_bytes_and_operations(call: Any, name: str, nbytes: int, flops: int | None) -> None:
    with profile() as p:
        call()
    found = row(p, name)
    assert (found.calls, found.nbytes, found.flops) == (1, nbytes, flops)


def test_memory_that_is_read_more_than_once_counts_once() -> None:
    x = leaf(1, 1, 20, 20)
    with profile() as p:
        ag.exp(ag.broadcast_to(leaf(7), (6, 7)))
        ag.log(ag.sliding_windows(x, (3, 3), (1, 1), (1, 1)))
    assert row(p, "exp").nbytes == 4 * (7 + 42)
    assert row(p, "log").nbytes == 4 * (400 + 18 * 18 * 9)


def test_the_backward_counts_what_its_ops_move_and_compute() -> None:
    x, w = leaf(8, 4), leaf(4, 5)
    y = x @ w
    with profile() as p:
        y.backward(np.ones((8, 5), np.float32))
    found = row(p, "matmul", "backward")
    assert found.flops == 2 * (2 * 8 * 4 * 5)
    assert found.nbytes == 2 * 4 * (8 * 4 + 4 * 5 + 8 * 5)  # each of the three in both products


def test_rates_are_of_the_time() -> None:
    with profile() as p:
        leaf(30, 40) @ leaf(40, 50)
    found = row(p, "matmul")
    assert found.flops is not None and found.gigaflops_per_second is not None
    assert found.gigaflops_per_second * found.seconds == pytest.approx(1e-9 * found.flops)
    assert found.gigabytes_per_second * found.seconds == pytest.approx(1e-9 * found.nbytes)
    assert Row("x", "forward", 1, 0.5, 1, 0, None).gigaflops_per_second is None
