"""Reading and updating by indices of every kind: values, repeated indices, dtypes, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support.leaves import grad

import autograd as ag
from autograd import Tensor

X = np.arange(24.0).reshape(2, 3, 4)
I = np.array([1, 0, 1])  # noqa: E741
M = np.arange(24).reshape(2, 3, 4) % 5 < 2

INDICES: list[Any] = [
    *(M, M[:, :, 0], M[:, 0, 0], np.True_, np.False_, np.zeros((2, 3), bool), M[0, 0].nonzero()),
    *((slice(None), M[0]), (slice(None), M[0, :, 0]), (..., M[0, 0]), (M[:, 0, 0], 1)),
    *((M[:, 0, 0], None, ..., 0), (0, M[0]), (slice(None), M[0], None)),
    *(I, (I, I), (I, I, I), (I[:, None], I), (slice(None), I), (slice(None), I, slice(1, 3))),
    *((I, slice(None), I), (I, ..., I), (None, I, ..., None), (0, ..., I), (I, None, I, 0)),
    *((I, slice(None, None, -1)), (np.array(1), I), np.array(0), (slice(None), np.array([[0, 2]]))),
    *((np.array([-1, -2]), M[0, :, 0]), (np.zeros((0,), int), 1), np.zeros((2, 0), int)),
]


@pytest.mark.parametrize("index", INDICES, ids=range(len(INDICES)))
@pytest.mark.parametrize("kind", [Tensor, list, np.asarray])
def test_indices_of_every_kind(index: Any, kind: Any, rng: np.random.Generator) -> None:
    """As tensors, lists and arrays: the same values as NumPy's, and a gradient that adds up."""

    def converted(part: Any) -> Any:
        if not isinstance(part, np.ndarray | np.bool_):
            return part
        return part.tolist() if kind is list and part.size else kind(part)

    given = tuple(map(converted, index)) if isinstance(index, tuple) else converted(index)
    x = Tensor(X, requires_grad=True)
    out = x[given]
    assert_array_equal(out.data, X[index])
    v = rng.uniform(-1, 1, out.shape)
    (out * v).sum().backward()
    expected = np.zeros_like(X)
    np.add.at(expected, index, v)
    assert_allclose(grad(x), expected)
    assert_array_equal(ag.getitem(x, given).data, X[index])

    added = ag.index_add(X, given, v)
    assert_allclose(added.data, X + expected)
    updated = np.array(X)
    updated[index] = v
    assert_array_equal(ag.index_update(X, given, v).data, updated)
    assert_array_equal(X, np.arange(24.0).reshape(2, 3, 4))  # nothing was written to it


@pytest.mark.parametrize("size", [1, 5, 1000])  # of few and of many indices
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("order", ["C", "F"])
def test_repeated_indices_add_up(
    size: int, dtype: Any, order: Any, rng: np.random.Generator
) -> None:
    rows, columns = rng.integers(4, size=size), rng.integers(-6, 6, size=size)
    g = np.array(rng.uniform(-1, 1, (size, 5)).astype(dtype), order=order)
    expected = np.zeros((4, 6, 5), dtype)
    for row, column, line in zip(rows, columns, g, strict=True):
        expected[row, column] += line
    out = ag.scatter(g, (rows, columns), (4, 6, 5))
    assert out.dtype == dtype
    assert_allclose(out.data, expected, 1e-5, 1e-5)
    x = np.array(np.zeros((4, 6, 5), dtype), order=order)
    assert_allclose(ag.index_add(x, (rows, columns), g).data, expected, 1e-5, 1e-5)


def test_last_of_repeated_updates_stays_and_gets_the_gradient() -> None:
    x, y = np.zeros(3), np.array([1.0, 2, 3, 4])
    index = np.array([0, 2, 0, 0])
    assert_array_equal(ag.index_update(x, index, y).data, [4, 0, 2])
    by_x, by_y = ag.jacobian(lambda x, y: ag.index_update(x, index, y), argnums=(0, 1))(x, y)
    assert_array_equal(by_x, np.diag([0, 1, 0]))
    assert_array_equal(by_y, [[0, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0]])
    negative = ag.jacobian(lambda y: ag.index_update(x, np.array([0, -3]), y))(y[:2])
    assert_array_equal(negative, [[0, 1], [0, 0], [0, 0]])


@pytest.mark.parametrize("update", [ag.index_add, ag.index_update])
@pytest.mark.parametrize("index", [np.array([0]), [0], slice(0, 1), np.array([True, False])])
def test_updates_keep_float32(update: Any, index: Any) -> None:
    x = np.zeros(2, np.float32)
    for y in (2, 0.5, [1], np.array(1), np.array([3]), np.float64(2), np.float32(1)):
        assert update(x, index, y).dtype == np.float32
    assert update(np.zeros(2, int), index, np.float32([1])).dtype == np.float32
    assert update(np.zeros(2, int), index, 1).dtype == np.int64
    assert update(x, index, np.ones(1)).dtype == np.float64  # as x + y


def test_an_index_computed_from_tensors_has_no_gradient() -> None:
    x = Tensor([3.0, 1.0, 2.0], requires_grad=True)
    order = ag.argsort(x)
    assert not order.requires_grad
    x[order][0].backward()
    assert_array_equal(grad(x), [0, 1, 0])
    x.grad = None
    x[x > 1.5].sum().backward()
    assert_array_equal(grad(x), [1, 0, 1])


@pytest.mark.parametrize("shape", [(4,), (1, 4), (1, 1, 4), (1, 1), (1, 1, 1, 1)])
def test_a_value_of_more_axes_than_its_place(shape: tuple[int, ...]) -> None:
    """As NumPy, which leaves out axes of length 1 in front where it assigns."""
    x = Tensor(np.arange(12.0).reshape(3, 4), requires_grad=True)
    y = Tensor(np.full(shape, 7.0), requires_grad=True)
    out = ag.index_update(x, 1, y)
    (out * np.arange(12.0).reshape(3, 4)).sum().backward()
    weights = np.arange(4.0, 8.0)
    assert_array_equal(
        grad(y), np.broadcast_to(weights, shape) if shape[-1] == 4 else np.full(shape, 22)
    )
    assert_array_equal(grad(x)[1], np.zeros(4))


def test_a_border_has_a_gradient() -> None:
    x, border = Tensor([1.0, 2.0], requires_grad=True), Tensor(5.0, requires_grad=True)
    out = ag.pad(x, (1, 2), constant_values=border)
    assert_array_equal(out.data, [5, 1, 2, 5, 5])
    (out * np.arange(5.0)).sum().backward()
    assert_array_equal(grad(border), 0 + 3 + 4)
    assert_array_equal(grad(x), [1, 2])


def test_borders_of_several_numbers() -> None:
    x = Tensor([[1.0, 2.0]], requires_grad=True)
    for numbers in [(3, 4), ((3, 4), (5, 6)), [[7]]]:
        out = ag.pad(x, 1, constant_values=numbers)
        assert_array_equal(out.data, np.pad(x.data, 1, constant_values=numbers))
        x.grad = None
        (out * np.arange(12.0).reshape(3, 4)).sum().backward()
        assert_array_equal(grad(x), [[5, 6]])


def test_an_index_that_is_changed_later() -> None:
    """A list is small: what is kept is a copy of it."""
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    index, rows = [0, 1], [1]
    y = x[index].sum() + 10 * x[None][0, rows].sum()
    index[0], rows[0] = 2, 0
    y.backward()
    assert_array_equal(grad(x), [1, 11, 0])
    assert x[[]].shape == (0,)
    assert_array_equal(x[[True, False, True]].data, [1, 3])
