"""Random convolutions and what is made of them: sums of products that run in blocks of registers.

Sizes are drawn so that lines, rows and sums end anywhere within a block, and that most are large
enough to run in blocks at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from support.in_c.joining import Part

import autograd as ag
from autograd import Tensor
from autograd.program.passes import simplified, without_dead_calls
from autograd.program.watching import program_of
from nn import functional as F

Array = np.ndarray[Any, Any]

_BATCHES = (1, 1, 2, 3, 5, 8, 16, 17, 31, 50, 64)
_CHANNELS = (1, 1, 2, 3, 4, 5, 7, 8, 12, 19)
_SIZES = (3, 4, 5, 7, 8, 9, 12, 14, 17)


def convolution_parts(seeds: Iterable[int]) -> list[Part]:
    """A program for each seed."""
    return [_part(seed) for seed in seeds]


def _part(seed: int) -> Part:
    rng = np.random.default_rng(seed)
    form = _FORMS[seed % len(_FORMS)]
    function, given = form(rng)
    dtype = np.dtype(rng.choice(["float32", "float32", "float64"]))
    arrays = tuple([array.astype(dtype) for array in given])
    program = program_of(function, *map(Tensor, arrays))
    return Part(f"{seed} {form.__name__}", without_dead_calls(simplified(program)), arrays)


_Form = tuple[Callable[..., Any], list[Array]]


def _drawn(rng: np.random.Generator, axes: int = 2) -> tuple[Array, Array, dict[str, Any]]:
    groups = int(rng.choice([1, 1, 1, 1, 2, 3]))
    per_group, filters = int(rng.choice(_CHANNELS)), int(rng.choice(_CHANNELS)) * groups
    window = [int(n) for n in rng.choice([1, 2, 3, 3, 3, 5], size=axes)]
    sizes = [int(n) for n in rng.choice(_SIZES if axes > 1 else (9, 40, 67, 128), size=axes)]
    dilation = int(rng.choice([1, 1, 1, 2]))
    options = {
        "stride": int(rng.choice([1, 1, 1, 2, 3])),
        "padding": int(rng.choice([0, 1, 1, 2])),
        "dilation": dilation,
        "groups": groups,
    }
    sizes = [max(n, dilation * (w - 1) + 1) for n, w in zip(sizes, window, strict=True)]
    if rng.random() < 0.2:
        per_group, filters = 1, groups  # depthwise, where there are several
    x = rng.normal(size=(int(rng.choice(_BATCHES)), per_group * groups, *sizes))
    return x, rng.normal(size=(filters, per_group, *window)) / np.sqrt(per_group), options


def _result(f: Callable[..., Tensor], *given: Array) -> Array:
    return f(*map(Tensor, given)).data


def forward(rng: np.random.Generator) -> _Form:
    """With a bias, and something before and after."""
    x, weight, options = _drawn(rng)
    bias = rng.normal(size=len(weight))

    def f(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return ag.maximum(F.conv2d(ag.maximum(x, 0.1 * x), weight, bias, **options), 0)

    return f, [x, weight, bias]


def gradients(rng: np.random.Generator) -> _Form:
    """Of images and weight."""
    x, weight, options = _drawn(rng)
    g = rng.normal(size=_result(lambda x, w: F.conv2d(x, w, **options), x, weight).shape)

    def f(x: Tensor, weight: Tensor, g: Tensor) -> Any:
        return ag.grad(lambda x, w: (F.conv2d(x, w, **options) * g).sum(), (0, 1))(x, weight)

    return f, [x, weight, g]


def line(rng: np.random.Generator) -> _Form:
    """Gradients of a convolution along one axis."""
    x, weight, options = _drawn(rng, 1)
    g = rng.normal(size=_result(lambda x, w: F.conv1d(x, w, **options), x, weight).shape)

    def f(x: Tensor, weight: Tensor, g: Tensor) -> Any:
        return ag.grad(lambda x, w: (F.conv1d(x, w, **options) * g).sum(), (0, 1))(x, weight)

    return f, [x, weight, g]


def network(rng: np.random.Generator) -> _Form:
    """Gradients of two convolutions with a norm and a pool in between."""
    batch, channels, middle, filters = (int(n) for n in rng.choice(_CHANNELS[2:], size=4))
    size = 2 * int(rng.choice([3, 4, 5, 7]))
    x = rng.normal(size=(batch * int(rng.choice([1, 4])), channels, size, size + 2))
    first = rng.normal(size=(middle, channels, 3, 3)) / channels
    second = rng.normal(size=(filters, middle, 3, 3)) / middle
    window = int(rng.choice([2, 2, 3]))

    def f(x: Tensor, first: Tensor, second: Tensor) -> Any:
        def loss(x: Tensor, first: Tensor, second: Tensor) -> Tensor:
            y = F.conv2d(x, first, padding=1)
            y = (y - y.mean(axis=(0, 2, 3), keepdims=True)) / ag.sqrt(1 + (y * y).mean())
            y = F.max_pool2d(ag.maximum(y, 0), window)
            return (F.conv2d(y, second, padding=1) ** 2).mean()

        return ag.grad(loss, (0, 1, 2))(x, first, second)

    return f, [x, first, second]


def second_order(rng: np.random.Generator) -> _Form:
    """The gradients of the size of a gradient."""
    x, weight, options = _drawn(rng)
    x = x[:8]

    def f(x: Tensor, weight: Tensor) -> Any:
        def size(x: Tensor, weight: Tensor) -> Tensor:
            def loss(x: Tensor, w: Tensor) -> Tensor:
                return (F.conv2d(x, w, **options) ** 3).sum() / 100

            return sum(((d * d).sum() for d in ag.grad(loss, (0, 1))(x, weight)), Tensor(0.0))

        return ag.grad(size, (0, 1))(x, weight)

    return f, [x, weight]


def windows_by_hand(x: Tensor, weight: Tensor) -> Any:
    """The gradients of a mean of squares of windows, of images whose channels lie innermost."""

    def loss(x: Tensor, weight: Tensor) -> Tensor:
        framed = ag.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))).transpose(0, 3, 1, 2)
        windows = ag.sliding_windows(framed, (3, 3), (1, 1), (1, 1))
        n, c, h, w = windows.shape[:4]
        rows = windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * h * w, c * 9)
        return ((rows @ weight.reshape(c * 9, -1)) ** 2).mean()

    return ag.grad(loss, (0, 1))(x, weight)


def by_hand(rng: np.random.Generator) -> _Form:
    """Windows of images whose channels lie innermost, and their gradient."""
    x, _, _ = _drawn(rng)
    x = np.moveaxis(x, 1, -1).copy()
    weight = rng.normal(size=(x.shape[-1], 3, 3, int(rng.choice((2, 5, 8)))))
    return windows_by_hand, [x, weight]


_FORMS: list[Callable[[np.random.Generator], _Form]] = [
    *(gradients, forward, network, line, second_order, gradients, by_hand),
]
