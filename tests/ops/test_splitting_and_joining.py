"""Tensors cut into parts and put together: views, gradients of the parts, dtypes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from support.leaves import grad

import autograd as ag
from autograd import Tensor


def test_parts_are_views() -> None:
    x = np.arange(12.0).reshape(6, 2)
    for part in (*ag.split(x, 3), *ag.array_split(x, 4), ag.flip(x), ag.ravel(x)):
        assert np.shares_memory(part.data, x)


def test_a_part_without_a_gradient_counts_as_zero() -> None:
    x = Tensor(np.arange(6.0), requires_grad=True)
    ag.split(x, 3)[1].sum().backward()
    assert_array_equal(grad(x), [0, 0, 1, 1, 0, 0])


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_many_arrays_are_joined(axis: int | None, rng: np.random.Generator) -> None:
    parts = [Tensor(rng.uniform(-1, 1, (3, 3)), requires_grad=True) for _ in range(40)]
    out = ag.concatenate(parts, axis)
    v = rng.uniform(-1, 1, out.shape)
    (out * v).sum().backward()
    for part, piece in zip(parts, np.split(v, 40, axis or 0), strict=True):
        assert_array_equal(grad(part), piece.reshape(3, 3))


def test_several_dtypes_are_joined_as_they_add() -> None:
    narrow, wide = np.ones(2, np.float32), np.ones(2)
    assert ag.concatenate([narrow, np.ones(2, int)]).dtype == np.float32
    assert ag.stack([narrow, [1, 2]]).dtype == np.float32
    x = Tensor(narrow, requires_grad=True)
    joined = ag.concatenate([x, wide])
    assert joined.dtype == np.float64
    joined.sum().backward()
    assert grad(x).dtype == np.float32
