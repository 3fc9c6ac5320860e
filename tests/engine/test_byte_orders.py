"""Arrays of the other byte order, as files have them; and attributes of classes derived."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor


@pytest.mark.parametrize("dtype", [">f4", ">f8", "<f4", "<f8", ">f2"])
def test_leaves_of_any_byte_order(dtype: str) -> None:
    x = Tensor(np.ones(2, dtype), requires_grad=True)
    assert x.dtype.isnative and x.dtype.itemsize == np.dtype(dtype).itemsize
    (x * x[0]).sum().backward()
    assert x.grad is not None and x.grad.data.tolist() == [3, 1]


def test_transforms_of_arrays_of_any_byte_order() -> None:
    got = ag.hessian(lambda x: (ag.exp(x) * x).sum())(np.zeros(2, ">f8"))
    np.testing.assert_array_equal(got, 2 * np.eye(2))


@pytest.mark.parametrize("x", [2.8348e-4, 5e-4, 1.2e-3, 6e-5])
def test_slopes_of_small_halves(x: float) -> None:
    """By float64, of the same numbers."""
    for op in (ag.hypot, ag.arctan2):
        got, right = (
            [Tensor(np.asarray(v, np.float16).astype(d), requires_grad=True) for v in (x, x / 2)]
            for d in (np.float16, np.float64)
        )
        op(*got).backward()
        op(*right).backward()
        for a, b in zip(got, right, strict=True):
            assert a.grad is not None and b.grad is not None
            np.testing.assert_allclose(a.grad.data, b.grad.data, rtol=2e-3)


class Named(Tensor):
    """A tensor with an attribute."""

    def __init__(self, data: object, name: str = "") -> None:
        super().__init__(data)  # type: ignore[arg-type]
        self.name = name


def test_copies_keep_the_attributes_of_derived_classes() -> None:
    t = Named(np.ones(2), "mine")
    for other in (copy.copy(t), copy.deepcopy(t), pickle.loads(pickle.dumps(t))):
        assert type(other) is Named and other.name == "mine"
        assert other.data.tolist() == [1, 1]
