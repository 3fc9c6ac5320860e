"""The methods of tensors that arrays have too, and those of them whose results are constants."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import autograd as ag
from autograd import Tensor

METHODS: list[tuple[str, tuple[Any, ...]]] = [
    *((name, ()) for name in ("all", "any", "argmax", "argmin", "cumprod", "cumsum", "flatten")),
    *((name, ()) for name in ("max", "mean", "min", "prod", "ravel", "squeeze", "std", "sum")),
    *((name, ()) for name in ("argsort", "diagonal", "trace", "var")),
    *((name, (1,)) for name in ("all", "any", "argmax", "argmin", "cumprod", "cumsum", "argsort")),
    *((name, (1,)) for name in ("max", "mean", "min", "prod", "repeat", "std", "take", "var")),
    *(("repeat", (2, 0)), ("take", ([1, 0], 1)), ("squeeze", (2,)), ("diagonal", (1, 1, 0))),
]


@pytest.mark.parametrize(("name", "args"), METHODS)
def test_methods_are_those_of_arrays(name: str, args: tuple[Any, ...]) -> None:
    x = np.array([[[0.5], [2], [0]], [[-1], [3], [0.25]]])
    out = getattr(Tensor(x), name)(*args)
    expected = np.asarray(getattr(x, name)(*args))
    assert_allclose(out.data, expected, 1e-15)
    assert out.dtype == expected.dtype
    assert_array_equal(Tensor(x).T.data, x.T)


def test_constants_have_no_gradient() -> None:
    x = Tensor([[1.0, 0.0], [3.0, 4.0]], requires_grad=True)
    for out in (x.argmax(), x.argsort(), ag.count_nonzero(x), x.all(), x.any(0), *ag.nonzero(x)):
        assert isinstance(out, Tensor)
        assert not out.requires_grad
