"""The oracles of nn's tests: formulas element by element, and gradients by central differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from support.numerical import central, unit_directions

import nn
from autograd import Tensor

Array = NDArray[Any]
Generator = np.random.Generator
Function = Callable[..., Tensor]
Pair = tuple[int, int]


def pair(value: int | Pair) -> Pair:
    """The same length for both axes, or both as given."""
    return (value, value) if isinstance(value, int) else value


def conv2d_by_loops(
    x: Array, w: Array, b: Array, stride: Pair, padding: Pair, dilation: Pair
) -> Array:
    """y[n,f,i,j] = b[f] + sum_{c,u,v} w[f,c,u,v] x[n, c, s i + d u - p, s j + d v - p]."""
    (N, C, H, W), (K, _, U, V) = x.shape, w.shape
    rows = (H + 2 * padding[0] - dilation[0] * (U - 1) - 1) // stride[0] + 1
    columns = (W + 2 * padding[1] - dilation[1] * (V - 1) - 1) // stride[1] + 1
    y = np.zeros((N, K, rows, columns))
    for n, k, i, j in np.ndindex(y.shape):
        total = b[k]
        for c, u, v in np.ndindex(C, U, V):
            row = i * stride[0] + u * dilation[0] - padding[0]
            column = j * stride[1] + v * dilation[1] - padding[1]
            if 0 <= row < H and 0 <= column < W:
                total += w[k, c, u, v] * x[n, c, row, column]
        y[n, k, i, j] = total
    return y


def max_pool2d_by_loops(
    x: Array, window: Pair, stride: Pair, padding: Pair
) -> tuple[Array, list[tuple[int, ...]]]:
    """The maxima, and for each, in row-major order, where in x its window first reaches it."""
    N, C, H, W = x.shape
    rows = (H + 2 * padding[0] - window[0]) // stride[0] + 1
    columns = (W + 2 * padding[1] - window[1]) // stride[1] + 1
    y = np.zeros((N, C, rows, columns))
    places: list[tuple[int, ...]] = []
    for n, c, i, j in np.ndindex(y.shape):
        best, place = -np.inf, (-1, -1, -1, -1)
        for u, v in np.ndindex(*window):
            row, column = i * stride[0] + u - padding[0], j * stride[1] + v - padding[1]
            if 0 <= row < H and 0 <= column < W and x[n, c, row, column] > best:
                best, place = x[n, c, row, column], (n, c, row, column)
        y[n, c, i, j] = best
        places.append(place)
    return y, places


def moments_by_loops(x: Array) -> tuple[Array, Array, int]:
    """Mean and sum of squared deviations of each channel of (N, C, ...), and of how many values."""
    means, squares = [], []
    for c in range(x.shape[1]):
        values = [float(v) for v in x[:, c].ravel()]
        means.append(sum(values) / len(values))
        squares.append(sum((v - means[-1]) ** 2 for v in values))
    return np.array(means), np.array(squares), x[:, 0].size


def softmax_by_loops(x: Array) -> Array:
    """Along the last axis of (N, C)."""
    y = np.zeros(x.shape)
    for n, row in enumerate(x):
        exponentials = [np.exp(v) for v in row]
        for c, e in enumerate(exponentials):
            y[n, c] = e / sum(exponentials)
    return y


def assert_gradients(f: Function, rng: Generator, *arrays: Array) -> None:
    """Every element of every gradient, under a random cotangent, against central differences."""
    leaves = [Tensor(a.copy(), requires_grad=True) for a in arrays]
    out = f(*leaves)
    cotangent = rng.standard_normal(out.shape)
    out.backward(cotangent)

    def evaluate(args: list[Any]) -> list[Array]:
        return [f(*(Tensor(a) for a in args)).data]

    for position, leaf in enumerate(leaves):
        expected = [
            central(evaluate, arrays, direction, [cotangent])
            for direction in unit_directions(arrays, position)
        ]
        assert leaf.grad is not None
        np.testing.assert_allclose(leaf.grad.data.ravel(), expected, rtol=1e-8, atol=1e-8)


def distinct(rng: Generator, *shape: int) -> Array:
    """Values with gaps of 0.25, in random order: no small step changes which is larger."""
    return rng.permutation(int(np.prod(shape))).reshape(shape) * 0.25


def gradients(module: nn.Module) -> Iterator[Array]:
    """Of every parameter, in the order of the parameters."""
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        yield parameter.grad.data


def zeros(*shape: int) -> Tensor:
    return Tensor(np.zeros(shape, np.float32))
