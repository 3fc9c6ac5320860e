"""float32 stays float32, and each leaf gets a gradient of its own dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support.leaves import grad, leaf

from autograd import Tensor, exp, log, maximum, where

SINGLE: dict[str, Callable[[Any], Any]] = {
    "x * 2": lambda x: x * 2,
    "2.5 * x": lambda x: 2.5 * x,
    "x + np.float64(2)": lambda x: x + np.float64(2),
    "np.float64(2) * x": lambda x: np.float64(2) * x,
    "np.float64(2) ** x": lambda x: np.float64(2) ** x,
    "x - np.int64(3)": lambda x: x - np.int64(3),
    "x * int64": lambda x: x * np.arange(3),
    "int64 / x": lambda x: np.arange(3) / x,
    "int64 @ x": lambda x: np.arange(3) @ x,
    "x @ int64": lambda x: x @ np.arange(6).reshape(3, 2),
    "Tensor int64 + x": lambda x: Tensor(np.arange(3)) + x,
    "x ** 2": lambda x: x**2,
    "x ** 0.5": lambda x: x**0.5,
    "x ** -1": lambda x: x**-1,
    "2 ** x": lambda x: 2**x,
    "2.0 ** x": lambda x: 2.0**x,
    "x ** int64": lambda x: x ** np.arange(3),
    "maximum(x, 1.5)": lambda x: maximum(x, 1.5),
    "where(x > 2, x, 0.5)": lambda x: where(x > 2, x, 0.5),
    "where(x > 2, x, int64)": lambda x: where(x > 2, x, np.arange(3)),
    "x.mean()": lambda x: x.mean(),
    "log(exp(x) + 1)": lambda x: log(exp(x) + 1),
    "x[bool]": lambda x: x[x > 1],
}


@pytest.mark.parametrize("f", SINGLE.values(), ids=SINGLE)
def test_float32_stays_float32(f: Callable[[Tensor], Tensor]) -> None:
    x = leaf(1.0, 2.0, 3.0, dtype=np.float32)
    y = f(x)
    assert y.dtype == np.float32
    y.sum().backward(create_graph=True)
    assert x.grad is not None
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize(
    "f", [lambda x, y: x * y, lambda x, y: y @ x, lambda x, y: (x - y) / y], ids=["*", "@", "- /"]
)
def test_promotion_gives_each_leaf_its_own_dtype(f: Callable[[Tensor, Tensor], Tensor]) -> None:
    narrow, wide = leaf(1.0, 2.0, dtype=np.float32), leaf(3.0, 4.0)
    out = f(narrow, wide)
    assert out.dtype == np.float64
    out.sum().backward()
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    f(x, y).sum().backward()
    assert grad(narrow).dtype == np.float32
    assert grad(wide).dtype == np.float64
    assert_allclose(grad(narrow), grad(x), rtol=1e-7)
    assert_allclose(grad(wide), grad(y), rtol=1e-15)


def test_a_list_takes_the_dtype_of_the_tensor_beside_it() -> None:
    x = leaf(0.1, 0.2, dtype=np.float32)
    assert (x * [0.1, 0.2]).dtype == np.float32
    assert (x == [0.1, 0.2]).data.all()  # in float64 0.1 is another number
    assert (np.float32(0.1) * x).dtype == np.float32
    assert (Tensor([1, 2]) * [0.5, 1.5]).dtype == np.float64


def test_astype_converts_the_gradient_back() -> None:
    x = leaf(1.0, 2.0, dtype=np.float32)
    (x.astype(np.float64) * np.array([1 / 3, 2 / 3])).sum().backward()
    assert grad(x).dtype == np.float32
    assert_array_equal(grad(x), np.array([1 / 3, 2 / 3], np.float32))
