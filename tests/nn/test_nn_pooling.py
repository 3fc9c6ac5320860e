"""Pooling against loops written by hand and central differences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.layers.nn_loops import assert_gradients, distinct, max_pool2d_by_loops, pair

from autograd import Tensor
from nn import functional as F

Array = NDArray[Any]
Generator = np.random.Generator
Pair = tuple[int, int]


POOLS = [
    pytest.param((2, 2, 4, 6), 2, None, 0, id="tiles"),
    pytest.param((2, 1, 5, 7), 2, None, 0, id="tiles-leave-a-rest"),
    pytest.param((1, 2, 6, 7), 3, 2, 1, id="overlapping-padded"),
    pytest.param((1, 2, 5, 6), (3, 2), (1, 2), (1, 0), id="oblong"),
    pytest.param((1, 1, 7, 7), 2, 3, 1, id="gaps"),
    # More than 16 elements to a window take another road through `max`.
    pytest.param((2, 1, 8, 9), 5, 2, 2, id="large-window"),
]


@pytest.mark.parametrize(("shape", "window", "stride", "padding"), POOLS)
def test_max_pool2d(shape: Any, window: Any, stride: Any, padding: Any, rng: Generator) -> None:
    x = distinct(rng, *shape) - 3.0  # some below zero: padding with zeros would win there

    def pool(x: Tensor) -> Tensor:
        return F.max_pool2d(x, window, stride, padding)

    steps = pair(window if stride is None else stride)
    expected, _ = max_pool2d_by_loops(x, pair(window), steps, pair(padding))
    np.testing.assert_array_equal(pool(Tensor(x)).data, expected, strict=True)
    assert_gradients(pool, rng, x)


@pytest.mark.parametrize(("shape", "window", "stride", "padding"), POOLS)
def test_max_pool2d_gives_a_tie_to_the_first(
    shape: Any, window: Any, stride: Any, padding: Any, rng: Generator
) -> None:
    values = rng.integers(0, 2, shape).astype(float)  # nearly every window ties
    x = Tensor(values, requires_grad=True)
    y = F.max_pool2d(x, window, stride, padding)
    steps = pair(window if stride is None else stride)
    expected, places = max_pool2d_by_loops(values, pair(window), steps, pair(padding))
    np.testing.assert_array_equal(y.data, expected, strict=True)
    g = rng.integers(1, 100, y.shape).astype(float)  # integers, so that sums are exact
    y.backward(g)
    gradient = np.zeros(shape)
    for place, contribution in zip(places, g.ravel(), strict=True):
        gradient[place] += contribution
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.data, gradient)


def windows_by_loops(
    n: int, window: int, stride: int, padding: int, dilation: int, ceil_mode: bool
) -> list[tuple[list[int], int]]:
    """For each window on an axis of n pixels those in it, and how many with the padding's."""
    found: list[tuple[list[int], int]] = []
    end = n + padding
    for start in range(-padding, n, stride):
        last = start + dilation * (window - 1)
        # In ceil_mode a window may reach over the end, if the one before has not reached it.
        if last >= end and (not ceil_mode or start - stride + dilation * (window - 1) >= end - 1):
            break
        places = range(start, last + 1, dilation)
        found.append(([p for p in places if 0 <= p < n], sum(p < end for p in places)))
    return found


GRIDS = [
    pytest.param((7, 6), 2, None, 0, 1, False, id="tiles"),
    pytest.param((7, 6), 2, None, 0, 1, True, id="tiles-ceil"),
    pytest.param((6, 7), (3, 2), (2, 3), (1, 0), 1, False, id="padded"),
    pytest.param((6, 7), (3, 2), (2, 3), (1, 1), 1, True, id="padded-ceil"),
    pytest.param((5, 8), 3, 3, 1, 1, True, id="last-window-in-the-padding"),
    pytest.param((4, 4), 5, 2, 0, 1, True, id="larger-than-the-image-ceil"),
]
DILATED = [
    pytest.param((7, 8), (2, 3), 2, 1, (3, 2), False, id="dilated"),
    pytest.param((7, 8), (2, 3), 2, 1, (3, 2), True, id="dilated-ceil"),
]
every_grid = pytest.mark.parametrize(
    ("size", "window", "stride", "padding", "dilation", "ceil_mode"), [*GRIDS, *DILATED]
)


def grid_by_loops(size: Pair, window: Any, stride: Any, *rest: Any) -> Iterator[Any]:
    """Of each window its place, its pixels, and how many they are with the padding's."""
    padding, dilation, ceil_mode = rest
    steps = pair(window if stride is None else stride)
    arguments = zip(size, pair(window), steps, pair(padding), pair(dilation), strict=True)
    rows, columns = (windows_by_loops(*a, ceil_mode) for a in arguments)
    for i, (of_row, height) in enumerate(rows):
        for j, (of_column, width) in enumerate(columns):
            yield i, j, np.ix_([0], [0], of_row, of_column), height * width


@every_grid
def test_max_pool2d_on_every_grid(
    size: Pair,
    window: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    rng: Generator,
) -> None:
    x = distinct(rng, 1, 1, *size) - 20.0

    def pool(x: Tensor) -> Tensor:
        return F.max_pool2d(x, window, stride, padding, dilation, ceil_mode)

    y = pool(Tensor(x)).data
    windows = list(grid_by_loops(size, window, stride, padding, dilation, ceil_mode))
    assert y.shape == (1, 1, windows[-1][0] + 1, windows[-1][1] + 1)
    np.testing.assert_array_equal(y.ravel(), [x[pixels].max() for _, _, pixels, _ in windows])
    assert_gradients(pool, rng, x)


@pytest.mark.parametrize("included", [True, False])
@pytest.mark.parametrize("divisor", [None, 3])
@pytest.mark.parametrize(("size", "window", "stride", "padding", "dilation", "ceil_mode"), GRIDS)
def test_avg_pool2d(
    size: Pair,
    window: Any,
    stride: Any,
    padding: Any,
    dilation: int,
    ceil_mode: bool,
    divisor: int | None,
    included: bool,
    rng: Generator,
) -> None:
    x = rng.standard_normal((1, 1, *size))

    def pool(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, window, stride, padding, ceil_mode, included, divisor)

    expected = [
        x[pixels].sum() / (divisor or (count if included else x[pixels].size))
        for _, _, pixels, count in grid_by_loops(size, window, stride, padding, 1, ceil_mode)
    ]
    y = pool(Tensor(x)).data
    np.testing.assert_allclose(y.ravel(), expected, rtol=1e-12, atol=1e-14)
    if included or divisor is None:  # else the divisor decides, as it does when all are included
        assert_gradients(pool, rng, x)


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize(("window", "stride", "padding"), [(2, None, 0), (3, 2, 1), (4, 3, 2)])
def test_pooling_of_sequences_is_that_of_images_of_one_row(
    window: int, stride: int | None, padding: int, ceil_mode: bool, rng: Generator
) -> None:
    x = distinct(rng, 2, 3, 8)
    row = Tensor(x[:, :, None])
    steps = None if stride is None else (1, stride)
    y = F.max_pool1d(Tensor(x), window, stride, padding, 1, ceil_mode).data
    of_images = F.max_pool2d(row, (1, window), steps, (0, padding), 1, ceil_mode).data
    np.testing.assert_array_equal(y, of_images[:, :, 0], strict=True)
    for included in (True, False):
        y = F.avg_pool1d(Tensor(x), window, stride, padding, ceil_mode, included).data
        of_images = F.avg_pool2d(row, (1, window), steps, (0, padding), ceil_mode, included).data
        np.testing.assert_array_equal(y, of_images[:, :, 0], strict=True)


@pytest.mark.parametrize(
    ("size", "window", "stride", "padding", "dilation", "ceil_mode"),
    [*[grid for grid in GRIDS if "padded" in str(grid.id)], *DILATED],
)
def test_padding_is_never_chosen_among_infinities(
    size: Pair, window: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> None:
    # The padding is -inf too, and comes first in some windows.
    x = Tensor(np.full((1, 1, *size), -np.inf), requires_grad=True)
    y = F.max_pool2d(x, window, stride, padding, dilation, ceil_mode)
    assert np.isneginf(y.data).all()
    g = np.arange(1.0, y.size + 1).reshape(y.shape)
    y.backward(g)
    expected = np.zeros(x.shape)
    for i, j, pixels, _ in grid_by_loops(size, window, stride, padding, dilation, ceil_mode):
        expected[tuple(axis.flat[0] for axis in pixels)] += g[0, 0, i, j]
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.data, expected)


def test_a_window_between_the_pixels_takes_none() -> None:
    # Its two pixels, -1 and 1, are both padding of an image of one row.
    x = Tensor(np.ones((1, 1, 1, 4)), requires_grad=True)
    y = F.max_pool2d(x, (2, 1), 1, (1, 0), (2, 1))
    assert np.isneginf(y.data).all()
    y.sum().backward()
    assert x.grad is not None
    assert not x.grad.data.any()


@pytest.mark.parametrize("wanted", [1, 2, 3, (2, 5), (7, 1), (3, None), (None, 9)], ids=str)
def test_adaptive_avg_pool2d(wanted: Any, rng: Generator) -> None:
    x = rng.standard_normal((1, 2, 6, 7))
    heights, widths = wanted if isinstance(wanted, tuple) else (wanted, wanted)
    m, k = heights or 6, widths or 7
    expected = np.zeros((1, 2, m, k))
    for i, j in np.ndindex(m, k):
        rows = slice(math.floor(i * 6 / m), math.ceil((i + 1) * 6 / m))
        columns = slice(math.floor(j * 7 / k), math.ceil((j + 1) * 7 / k))
        expected[:, :, i, j] = x[:, :, rows, columns].mean(axis=(2, 3))
    y = F.adaptive_avg_pool2d(Tensor(x), wanted).data
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-14, strict=True)
    assert_gradients(lambda x: F.adaptive_avg_pool2d(x, wanted), rng, x)


def test_adaptive_avg_pool2d_keeps_an_infinity_where_it_is() -> None:
    x = np.ones((1, 1, 5, 5))
    x[0, 0, 0, 0] = np.inf
    y = F.adaptive_avg_pool2d(Tensor(x), 3).data
    assert np.isinf(y[0, 0, 0, 0])
    assert (y.ravel()[1:] == 1).all()


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64, np.uint8, np.bool_])
def test_padding_is_never_chosen_among_integers(dtype: Any) -> None:
    least = 0 if dtype == np.bool_ else np.iinfo(dtype).min
    x = np.full((1, 1, 3, 3), least, dtype)
    assert (F.max_pool2d(Tensor(x), 2, padding=1).data == least).all()
    x[0, 0, 1, 1] = 1
    assert F.max_pool2d(Tensor(x), 3, padding=1).data.tolist() == [[[[1]]]]
