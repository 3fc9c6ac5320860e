"""Arrays, lists and numbers beside tensors: what operators and ops make of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from support.leaves import grad, leaf

from autograd import Tensor, ops
from autograd.engine.primitives import Primitive

BESIDE: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "@": lambda a, b: a @ b,
    "<": lambda a, b: a < b,
    "==": lambda a, b: a == b,
}


@pytest.mark.parametrize("op", BESIDE.values(), ids=BESIDE)
def test_an_array_beside_a_tensor_gives_a_tensor(op: Callable[[Any, Any], Any]) -> None:
    a, b = np.array([1.0, 2.0]), np.array([2.0, 2.0])
    for x, y in [(a, Tensor(b)), (Tensor(a), b), (Tensor(a), Tensor(b))]:
        assert isinstance(op(x, y), Tensor)
        assert_array_equal(op(x, y).data, op(a, b))


@pytest.mark.parametrize("op", BESIDE.values(), ids=BESIDE)
def test_a_list_does_as_its_array_does(op: Callable[[Any, Any], Any]) -> None:
    for reverse in (False, True):
        x, y = leaf(1.0, 2.0), leaf(1.0, 2.0)
        ours, right = (
            op(other, t) if reverse else op(t, other)
            for t, other in [(x, [2.0, 2.0]), (y, np.array([2.0, 2.0]))]
        )
        assert_array_equal(ours.data, right.data)
        if right.requires_grad:
            ours.sum().backward()
            right.sum().backward()
            assert_array_equal(grad(x), grad(y))


@pytest.mark.parametrize("op", [ops.sum, ops.mean, ops.max, ops.sum_of_squares, ops.exp])
def test_ops_take_what_numpy_takes(op: Primitive) -> None:
    for given in ([1.0, 2.0], 3.0, np.float64(3)):
        assert_array_equal(op(given).data, op(np.asarray(given)).data)
