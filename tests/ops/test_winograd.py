"""Winograd's convolution beside the sum that defines a convolution, and when it is chosen.

Its two primitives are tested like all others, by their rows in specs_winograd.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from autograd import Tensor, get_num_threads, set_num_threads
from autograd.ops.shapes import winograd
from autograd.program.taping import calls_of_tape
from nn.functional.convolution import conv2d
from nn.functional.winograd import ALGORITHMS, Algorithm, winograd_conv2d, winograd_size

Array = NDArray[Any]
Border = tuple[tuple[int, int], tuple[int, int]]

every_size = pytest.mark.parametrize("size", [2, 4])

# Images, and the padding: whole tiles, sizes one and more short of them, less than a tile, padding
# on one side alone or larger than a filter, none.
IMAGES: list[tuple[tuple[int, int], Border]] = [
    ((8, 8), ((1, 1), (1, 1))),
    ((7, 5), ((0, 0), (2, 1))),
    ((3, 3), ((0, 0), (0, 0))),
    ((6, 9), ((3, 0), (0, 4))),
    ((1, 2), ((1, 1), (4, 0))),
]
every_image = pytest.mark.parametrize(("image", "border"), IMAGES)


def by_definition(x: Array, weight: Array, border: Border) -> Array:
    """The convolution of x (C, H, W, N)."""
    padded = np.pad(x, ((0, 0), *border, (0, 0)))
    windows = sliding_window_view(padded, (3, 3), axis=(1, 2))
    return np.asarray(np.einsum("chwnuv,fcuv->fhwn", windows, weight))


def leaves(*arrays: Array) -> list[Tensor]:
    return [Tensor(a, requires_grad=True) for a in arrays]


def gradient(leaf: Tensor) -> Array:
    assert leaf.grad is not None
    return leaf.grad.data


@pytest.fixture
def threads() -> Iterator[None]:
    """Puts the number of threads back."""
    before = get_num_threads()
    yield
    set_num_threads(before)


# --- the convolution -----------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=lambda a: f"F({a.size}, 3)")
def test_along_one_axis_each_product_of_two_numbers_comes_out_once(algorithm: Algorithm) -> None:
    """A^T [(G w) * (B^T d)] for each pair of a weight and a pixel that are 1, the others 0."""
    matrices = [algorithm.of_output, algorithm.of_weight, algorithm.of_input]
    result = np.einsum("ui,uw,ud->iwd", *map(np.array, matrices))
    i, w, d = np.indices(result.shape)
    np.testing.assert_allclose(result, d == i + w, rtol=0, atol=1e-15)


@every_size
@every_image
def test_value(image: tuple[int, int], border: Border, size: int, rng: np.random.Generator) -> None:
    x, weight = rng.normal(size=(3, *image, 2)), rng.normal(size=(4, 3, 3, 3))
    y = winograd_conv2d(Tensor(x), Tensor(weight), border, size)
    np.testing.assert_allclose(y.data, by_definition(x, weight, border), rtol=0, atol=2e-13)


@every_size
@every_image
def test_gradients_are_those_of_the_definition(
    image: tuple[int, int], border: Border, size: int, rng: np.random.Generator
) -> None:
    """<g, conv(x, w)> is linear in x and in w: its gradients give it back when contracted."""
    x, weight = rng.normal(size=(3, *image, 2)), rng.normal(size=(4, 3, 3, 3))
    y = by_definition(x, weight, border)
    g = rng.normal(size=y.shape)
    inputs = leaves(x, weight)
    winograd_conv2d(*inputs, border, size).backward(g)
    other_x, other_weight = rng.normal(size=x.shape), rng.normal(size=weight.shape)
    slopes = [np.vdot(gradient(inputs[0]), other_x), np.vdot(gradient(inputs[1]), other_weight)]
    expected = [
        np.vdot(g, by_definition(other_x, weight, border)),
        np.vdot(g, by_definition(x, other_weight, border)),
    ]
    np.testing.assert_allclose(slopes, expected, rtol=1e-11, atol=1e-11)


@every_size
def test_second_derivatives_are_those_of_im2col(size: int, rng: np.random.Generator) -> None:
    x, weight = rng.normal(size=(2, 5, 6, 2)), rng.normal(size=(3, 2, 3, 3))

    def second(winograds: bool) -> list[Array]:
        a, b = leaves(x, weight)
        if winograds:
            y = winograd_conv2d(a, b, ((1, 1), (1, 1)), size)
        else:
            y = conv2d(a.transpose(3, 0, 1, 2), b, padding=1).transpose(1, 2, 3, 0)
        (y * y * y).sum().backward(create_graph=True)
        assert a.grad is not None and b.grad is not None
        penalty = (a.grad**2).sum() + (b.grad**2).sum()
        a.grad = b.grad = None
        penalty.backward()
        return [gradient(a), gradient(b)]

    for ours, right in zip(second(True), second(False), strict=True):
        np.testing.assert_allclose(ours, right, rtol=0, atol=1e-11 * np.abs(right).max())


@pytest.mark.parametrize(("size", "bound"), [(2, 2e-6), (4, 8e-6)])
@pytest.mark.parametrize(
    ("channels", "filters", "side"), [(16, 16, 28), (64, 64, 14), (256, 64, 9)]
)
def test_error_in_float32_is_what_is_stated(
    channels: int, filters: int, side: int, size: int, bound: float, rng: np.random.Generator
) -> None:
    x = np.maximum(rng.normal(size=(channels, side, side, 2)), 0).astype(np.float32)
    weight = rng.normal(size=(filters, channels, 3, 3)) * np.sqrt(2 / (9 * channels))
    g = rng.normal(size=(filters, side, side, 2)).astype(np.float32)

    def results(dtype: Any) -> list[Array]:
        inputs = leaves(x.astype(dtype), weight.astype(np.float32).astype(dtype))
        y = winograd_conv2d(*inputs, ((1, 1), (1, 1)), size)
        y.backward(g.astype(dtype))
        return [y.data, *map(gradient, inputs)]

    for narrow, wide in zip(results(np.float32), results(np.float64), strict=True):
        assert narrow.dtype == np.float32
        error = np.abs(narrow - wide).max() / np.abs(wide).max()
        assert 0 < error < bound


def test_infinite_pixel_spoils_its_tiles_alone() -> None:
    x, weight = np.ones((1, 8, 8, 1)), np.ones((1, 1, 3, 3))
    x[0, 0, 0, 0] = np.inf
    with np.errstate(invalid="ignore"):
        y = winograd_conv2d(Tensor(x), Tensor(weight), ((1, 1), (1, 1)), 2).data[0, :, :, 0]
    right = by_definition(x, weight, ((1, 1), (1, 1)))[0, :, :, 0]
    assert not np.isfinite(y[:2, :2]).any()
    y[:2, :2] = right[:2, :2]
    np.testing.assert_allclose(y, right)


# --- blocks and threads --------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("block", [1, 100_000])
def test_blocks_and_threads_change_no_more_than_rounding(
    block: int,
    count: int,
    threads: None,
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Large enough to be shared. No block may find what the one before it left behind."""
    of_input, of_output = ALGORITHMS[4].of_input, ALGORITHMS[4].of_output
    x = rng.normal(size=(7, 30, 27, 32)).astype(np.float32)

    def results() -> list[Array]:
        tiles = winograd.transform_tiles.forward(x, of_input, 4, (-1, -1), (8, 7))
        back = winograd.fold_tiles.forward(tiles, of_input, 4, (0, 0), (34, 30))
        return [tiles, back, winograd.fold_tiles.forward(tiles, of_output, 4, (0, 0), (30, 27))]

    set_num_threads(1)
    right = results()
    set_num_threads(count)
    monkeypatch.setattr(winograd, "_BLOCK", block)
    for actual, expected in zip(results(), right, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


# --- what is refused, and when it is chosen ------------------------------------------------------


@pytest.mark.parametrize("step", [0, 3])
def test_step_that_leaves_pixels_out_is_refused(step: int) -> None:
    matrix = ALGORITHMS[2].of_output
    with pytest.raises(ValueError, match=f"a step of {step} given, 1 to 2 expected"):
        winograd.transform_tiles(Tensor(np.ones((1, 4, 4, 1))), matrix, step, (0, 0), (1, 1))
    with pytest.raises(ValueError, match=f"a step of {step} given, 1 to 2 expected"):
        winograd.fold_tiles(Tensor(np.ones((4, 4, 1, 1, 1, 1))), matrix, step, (0, 0), (2, 2))


@pytest.mark.parametrize(
    ("channels", "filters", "sizes", "batch", "expected"),
    [
        (32, 32, (28, 28), 64, 4),
        (32, 32, (28, 28), 8, 4),
        (16, 32, (28, 28), 64, 4),
        (16, 32, (14, 14), 64, None),
        (64, 64, (112, 112), 1, 4),
        (64, 64, (7, 7), 64, 4),  # in tiles of 2 as many pixels are wasted
        (32, 64, (14, 14), 64, 2),  # a third more than the pixels in tiles of size 4
        (256, 256, (14, 14), 32, 2),
        (128, 128, (28, 28), 32, 4),
        (1, 32, (28, 28), 1024, None),
        (32, 8, (28, 28), 64, 4),
        (32, 4, (28, 28), 64, None),
        (8, 8, (14, 14), 512, None),  # size 2 is too slow for few channels
        (16, 64, (28, 28), 64, None),
        (64, 64, (14, 14), 8, None),
        (64, 64, (0, 7), 256, None),
    ],
)
def test_size_by_shape(
    channels: int, filters: int, sizes: tuple[int, int], batch: int, expected: int | None
) -> None:
    assert winograd_size(channels, filters, sizes, batch) == expected


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("padding", "side"), [(1, 32), (0, 35)])
def test_conv2d_takes_it_where_it_is_chosen(
    padding: int, side: int, bias: bool, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, weight = rng.normal(size=(16, 32, side, side)), rng.normal(size=(20, 32, 3, 3))
    b = rng.normal(size=20)
    g = rng.normal(size=(16, 20, side + 2 * padding - 2, side + 2 * padding - 2))

    def results() -> tuple[list[Array], set[str]]:
        inputs = leaves(x, weight, b)
        y = conv2d(inputs[0], inputs[1], inputs[2] if bias else None, padding=padding)
        names = {record.op.name for record in calls_of_tape(y).records}
        y.backward(g)
        return [y.data, *map(gradient, inputs[: 2 + bias])], names

    fast, names = results()
    assert "transform_tiles" in names and "sliding_windows" not in names
    monkeypatch.setattr("nn.functional.convolution.winograd_size", lambda *shape: None)
    right, names = results()
    assert "transform_tiles" not in names and "sliding_windows" in names
    for actual, expected in zip(fast, right, strict=True):
        error = np.abs(actual - expected).max() / np.abs(expected).max()
        assert error < 3e-14
