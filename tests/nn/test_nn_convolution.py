"""Convolution against loops written by hand and central differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.layers.nn_loops import assert_gradients, conv2d_by_loops, pair

from autograd import Tensor
from autograd.engine.tape import Record, reachable
from nn import functional as F

Array = NDArray[Any]
Generator = np.random.Generator
Pair = tuple[int, int]


CONVOLUTIONS = [
    pytest.param((2, 3, 4, 5), (2, 3, 3, 3), 1, 0, 1, id="plain"),
    pytest.param((2, 1, 7, 5), (2, 1, 2, 3), (2, 1), (1, 2), 1, id="strided-padded-oblong"),
    pytest.param((1, 2, 8, 7), (2, 2, 3, 2), (1, 2), (2, 0), (2, 3), id="dilated"),
    pytest.param((1, 2, 6, 6), (3, 2, 3, 3), 3, 1, 2, id="stride-leaves-a-rest"),
    pytest.param((2, 2, 4, 3), (3, 2, 1, 1), 2, 0, 1, id="one-pixel"),
    pytest.param((2, 2, 3, 4), (1, 2, 3, 4), 1, 0, 1, id="whole-image"),
]


@pytest.mark.parametrize(("x_shape", "w_shape", "stride", "padding", "dilation"), CONVOLUTIONS)
def test_conv2d(
    x_shape: Any, w_shape: Any, stride: Any, padding: Any, dilation: Any, rng: Generator
) -> None:
    x, w, b = (rng.standard_normal(s) for s in (x_shape, w_shape, w_shape[:1]))

    def conv(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return F.conv2d(x, w, b, stride, padding, dilation)

    expected = conv2d_by_loops(x, w, b, pair(stride), pair(padding), pair(dilation))
    y = conv(*map(Tensor, (x, w, b))).data
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12, strict=True)
    without = F.conv2d(Tensor(x), Tensor(w), None, stride, padding, dilation).data
    np.testing.assert_allclose(without, expected - b[:, None, None], rtol=1e-12, atol=1e-12)
    assert_gradients(conv, rng, x, w, b)


def grouped_by_loops(x: Array, w: Array, b: Array, groups: int, *places: Pair) -> Array:
    """Each group of channels convolved with filters of its own."""
    parts = zip(*(np.split(a, groups, axis) for a, axis in ((x, 1), (w, 0), (b, 0))), strict=True)
    return np.concatenate([conv2d_by_loops(*part, *places) for part in parts], axis=1)


GROUPS = [
    pytest.param(4, 6, 2, 1, 1, 1, id="two-groups"),
    pytest.param(3, 3, 3, 1, 0, 1, id="depthwise"),
    pytest.param(2, 6, 2, (2, 1), (0, 2), (1, 2), id="depthwise-threefold"),
]


@pytest.mark.parametrize(("channels", "filters", "groups", "stride", "padding", "dilation"), GROUPS)
def test_conv2d_in_groups(
    channels: int,
    filters: int,
    groups: int,
    stride: Any,
    padding: Any,
    dilation: Any,
    rng: Generator,
) -> None:
    x = rng.standard_normal((2, channels, 5, 4))
    w, b = rng.standard_normal((filters, channels // groups, 2, 2)), rng.standard_normal(filters)

    def conv(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return F.conv2d(x, w, b, stride, padding, dilation, groups)

    expected = grouped_by_loops(x, w, b, groups, pair(stride), pair(padding), pair(dilation))
    y = conv(*map(Tensor, (x, w, b))).data
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12, strict=True)
    assert_gradients(conv, rng, x, w, b)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (1, 2, 3)])
def test_conv1d(stride: int, padding: int, dilation: int, groups: int, rng: Generator) -> None:
    shapes: Any = (2, 2, 8), (4, 2 // groups, 3), (4,)
    x, w, b = (rng.standard_normal(s) for s in shapes)

    def conv(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return F.conv1d(x, w, b, stride, padding, dilation, groups)

    # A sequence is an image of one row.
    rows = (1, stride), (0, padding), (1, dilation)
    expected = grouped_by_loops(x[:, :, None], w[:, :, None], b, groups, *rows)[:, :, 0]
    y = conv(*map(Tensor, (x, w, b))).data
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12, strict=True)
    assert_gradients(conv, rng, x, w, b)


@pytest.mark.parametrize(
    ("window", "dilation", "before", "after"),
    [
        pytest.param((3, 5), (1, 1), (1, 2), (1, 2), id="odd"),
        pytest.param((2, 4), (1, 1), (0, 1), (1, 2), id="even"),
        pytest.param((2, 3), (3, 2), (1, 2), (2, 2), id="dilated"),
    ],
)
def test_same_padding_keeps_the_size(
    window: Pair, dilation: Pair, before: Pair, after: Pair, rng: Generator
) -> None:
    x, w = rng.standard_normal((1, 2, 5, 6)), rng.standard_normal((2, 2, *window))
    y = F.conv2d(Tensor(x), Tensor(w), padding="same", dilation=dilation).data
    assert y.shape == (1, 2, 5, 6)
    padded = np.pad(x, ((0, 0), (0, 0), *zip(before, after, strict=True)))
    expected = conv2d_by_loops(padded, w, np.zeros(2), (1, 1), (0, 0), dilation)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)
    valid = F.conv2d(Tensor(x), Tensor(w), padding="valid").data
    np.testing.assert_array_equal(valid, F.conv2d(Tensor(x), Tensor(w)).data)


def test_one_group_is_one_matrix_product(rng: Generator) -> None:
    w = Tensor(rng.standard_normal((4, 3, 2, 2)), requires_grad=True)
    y = F.conv2d(Tensor(rng.standard_normal((2, 3, 5, 5))), w)
    records = [
        place for place in reachable([y._place] if y._place else []) if isinstance(place, Record)
    ]
    products = [record for record in records if record.op.name == "matmul"]
    assert [[a.shape for a in record.arrays or ()] for record in products] == [
        [(4, 12), (12, 2 * 4 * 4)]
    ]


def test_a_convolution_keeps_the_batch_innermost_in_memory(rng: Generator) -> None:
    # What follows it then runs along memory; the next convolution copies nothing.
    x, w = rng.standard_normal((3, 2, 5, 6)), rng.standard_normal((4, 2, 3, 3))
    y = F.conv2d(Tensor(x), Tensor(w), Tensor(np.ones(4)), padding=1).data
    assert y.transpose(1, 2, 3, 0).flags.c_contiguous
