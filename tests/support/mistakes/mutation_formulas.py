"""Mistakes in gradients that are derived by hand as a whole: losses, layers, values used twice.

Each formula is written in NumPy as a person would, right and with its usual mistakes, beside the
same function on the tape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from support.by_hand import manual_derivations as hand
from support.mistakes.mutation_kinds import FACTOR, UNKNOWN

from autograd import Tensor, ops

Array = NDArray[Any]
Answers = tuple[str, ...]
MEAN_FOR_SUM, SUM_FOR_MEAN = ("mean for sum", FACTOR), ("sum for mean", FACTOR)


class Mistake(NamedTuple):
    """A wrong gradient, what was done, and which first words of a diagnosis are right."""

    kind: str
    gradient: Array
    answers: Answers


class Formula(NamedTuple):
    """A loss as a function of one tensor, at a point, its gradient, and mistaken ones."""

    name: str
    loss: Callable[[Tensor], Tensor]
    at: Array
    right: Array
    mistakes: tuple[Mistake, ...]


class Scale(NamedTuple):
    """The sizes of what is differentiated by, and of the loss."""

    inner: float
    outer: float

    @property
    def gradient(self) -> float:
        return self.outer / self.inner


def formulas(
    rng: np.random.Generator, size: int, scale: Scale, dtype: np.dtype[Any]
) -> Iterator[Formula]:
    """Every formula at a size (1 is small), at a scale, in a precision."""
    for make in (_logits, _weight, _square_weight, _bias, _features, _normalized, _affine):
        yield from make(rng, size, scale, dtype)
    for make in (_used_twice, _tied_maxima, _tied_pairs, _rectified, _repeated_rows):
        yield from make(rng, size, scale, dtype)


def _formula(
    name: str,
    loss: Callable[[Tensor], Tensor],
    at: Array,
    scale: Scale,
    dtype: np.dtype[Any],
    right: Array,
    *mistakes: tuple[str, Array, Answers],
) -> Formula:
    """The loss of x / inner, times outer; `at` and the gradients are those of neither."""

    def scaled(x: Tensor) -> Tensor:
        inside = x if scale.inner == 1 else x * (1 / scale.inner)
        out = loss(inside)
        return out if scale.outer == 1 else out * scale.outer

    def gradient(g: Array) -> Array:
        return np.asarray(np.asarray(g) * scale.gradient, dtype)

    return Formula(
        name,
        scaled,
        np.asarray(at * scale.inner, dtype),
        right * scale.gradient,
        tuple(Mistake(kind, gradient(g), answers) for kind, g, answers in mistakes),
    )


def _scaled_at(at: Array, scale: Scale, dtype: np.dtype[Any]) -> Array:
    """The numbers that the loss sees, with the rounding of `dtype` on their way."""
    return np.asarray(at * scale.inner, dtype).astype(np.float64) / scale.inner


# --- softmax and cross-entropy -------------------------------------------------------------------


def _logits(
    rng: np.random.Generator, size: int, scale: Scale, dtype: np.dtype[Any]
) -> Iterator[Formula]:
    n, k = 5 * size, 3 + 2 * size
    at = rng.standard_normal((n, k))
    labels = rng.integers(0, k, n)
    rows = np.arange(n)
    x = _scaled_at(at, scale, dtype)
    p = np.exp(hand.log_softmax(x))
    y = np.eye(k)[labels]

    def loss(x: Tensor) -> Tensor:
        return -(x - ops.logsumexp(x, axis=1, keepdims=True))[rows, labels].mean()

    last = (p - y) / n
    last[-1] = 0
    yield _formula(
        "logits of softmax cross-entropy",
        loss,
        at,
        scale,
        dtype,
        (p - y) / n,
        ("label missing", p / n, ("label missing",)),
        ("label not divided by N", p / n - y, ("subset", "term scaled")),
        ("sum for mean", p - y, SUM_FOR_MEAN),
        ("wrong sign", (y - p) / n, (FACTOR,)),
        ("last sample left out", last, ("subset",)),
        ("flipped", ((p - y) / n)[:, ::-1], ("flipped",)),
        ("local factor forgotten", -y / n, ("contribution missing", "detached")),
    )


# --- linear --------------------------------------------------------------------------------------


def _linear(rng: np.random.Generator, n: int, i: int, k: int) -> tuple[Array, ...]:
    """Features, weight, bias, and the gradient of what comes out."""
    return tuple(rng.standard_normal(shape) for shape in ((n, i), (k, i), (k,), (n, k)))


def _weight(
    rng: np.random.Generator, size: int, scale: Scale, dtype: np.dtype[Any]
) -> Iterator[Formula]:
    n, i, k = 6 * size, 4 * size, 3 * size
    x, w, b, g = (a.astype(dtype) for a in _linear(rng, n, i, k))
    right = g.astype(float).T @ x.astype(float)
    yield _formula(
        "weight of linear",
        lambda w: ops.sum((ops.matmul(x, w.T) + b) * g),
        w,
        scale,
        dtype,
        right,
        ("transposed", right.T, ("transposed",)),
        ("mean for sum", right / n, MEAN_FOR_SUM),
        ("twice", 2 * right, (FACTOR, "accumulated twice")),
        ("of the last sample only", g[-1:].T @ x[-1:], ("not summed", UNKNOWN)),
        ("last row zero", np.vstack([right[:-1], 0 * right[-1:]]), ("subset",)),
    )


def _square_weight(
    rng: np.random.Generator, size: int, scale: Scale, dtype: np.dtype[Any]
) -> Iterator[Formula]:
    n, k = 6 * size, 4 * size
    x, w, b, g = (a.astype(dtype) for a in _linear(rng, n, k, k))
    right = g.astype(float).T @ x.astype(float)
    yield _formula(
        "square weight of linear",
        lambda w: ops.sum((ops.matmul(x, w.T) + b) * g),
        w,
        scale,
        dtype,
        right,
        ("transposed", right.T, ("transposed",)),
        ("rolled by one", np.roll(right, 1, axis=1), ("rolled",)),
        ("only noise", rng.standard_normal(right.shape) * np.abs(right).max(), (UNKNOWN,)),
    )


def _bias(
    rng: np.random.Generator, size: int, scale: Scale, dtype: np.dtype[Any]
) -> Iterator[Formula]:
    n, k = 5 * size, 4 * size
    x, w, b, g = (a.astype(dtype) for a in _linear(rng, n, 3, k))
    right = g.astype(float).sum(axis=0)
    yield _formula(
        "bias of linear",
        lambda b: ops.sum((x @ w.T + b) * g),
        b,
        scale,
        dtype,
        right,
        ("not summed", g, ("not summed",)),
        ("summed over the wrong axis", g.sum(axis=1), ("wrong axis",)),
        ("summed away", g.sum(), ("wrong axis", "shape")),
        ("keepdims left", right[None], ("shape",)),
        ("mean for sum", right / n, MEAN_FOR_SUM),
        ("one slice for the sum", g[-1], ("not summed",)),
    )


def _features(
    rng: np.random.Generator, size: int, scale: Scale, dtype: np.dtype[Any]
) -> Iterator[Formula]:
    n, k = 5 * size, 4 * size
    x, w, b, g = (a.astype(dtype) for a in _linear(rng, n, k, k))
    upstream, weight = g.astype(float), w.astype(float)
    yield _formula(
        "features of linear",
        lambda x: ops.sum((x @ w.T + b) * g),
        x,
        scale,
        dtype,
        upstream @ weight,
        ("transposed factor", upstream @ weight.T, ("transposed",)),
        # What arrives is g times the outer scale; of the product with g, g is the local factor.
        (
            "upstream forgotten",
            np.ones_like(upstream) @ weight,
            ("upstream forgotten", "local factor forgotten"),
        ),
        ("local factor forgotten", upstream, ("local factor forgotten",)),
    )


# --- normalisation -------------------------------------------------------------------------------


def _normalized(
    rng: np.random.Generator, size: int, scale: Scale, dtype: np.dtype[Any]
) -> Iterator[Formula]:
    eps = 1e-5
    cases: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...] = (
        ("batch normalisation", (6 * size, 3), (0,)),
        ("batch normalisation of images", (3 * size, 2, 4, 3), (0, 2, 3)),
        ("layer normalisation", (3, 6 * size), (1,)),
    )
    for name, shape, axes in cases:
        at = rng.standard_normal(shape)
        g = rng.standard_normal(shape).astype(dtype)
        x, upstream = _scaled_at(at, scale, dtype), g.astype(float)
        s = 1 / np.sqrt(x.var(axis=axes, keepdims=True) + eps)
        z = (x - x.mean(axis=axes, keepdims=True)) * s
        mean = upstream.mean(axis=axes, keepdims=True)
        variance = z * (upstream * z).mean(axis=axes, keepdims=True)

        def loss(x: Tensor, axes: Any = axes, g: Array = g) -> Tensor:
            centred = x - x.mean(axis=axes, keepdims=True)
            v = (centred**2).mean(axis=axes, keepdims=True)
            return ops.sum(centred / ops.sqrt(v + eps) * g)

        yield _formula(
            name,
            loss,
            at,
            scale,
            dtype,
            s * (upstream - mean - variance),
            ("mean term missing", s * (upstream - variance), ("mean term missing",)),
            ("variance term missing", s * (upstream - mean), ("variance term missing",)),
            ("both terms missing", s * upstream, ("both terms missing",)),
            ("local factor forgotten", upstream - mean - variance, ("local factor forgotten",)),
        )


def _affine(
    rng: np.random.Generator, size: int, scale: Scale, dtype: np.dtype[Any]
) -> Iterator[Formula]:
    """The weight of each channel, (C,), on images (N, C, H, W)."""
    n, c, h, w = 3 * size, 4, 4, 4
    x_hat, g = (rng.standard_normal((n, c, h, w)).astype(dtype) for _ in range(2))
    product = g.astype(float) * x_hat
    right = product.sum(axis=(0, 2, 3))
    yield _formula(
        "weight of a channel",
        lambda gamma: ops.sum(x_hat * gamma[:, None, None] * g),
        rng.standard_normal(c),
        scale,
        dtype,
        right,
        (
            "local factor forgotten",
            g.astype(float).sum(axis=(0, 2, 3)),
            ("local factor forgotten",),
        ),
        ("not summed", product.sum(axis=0), ("not summed",)),
        ("summed over the wrong axis", product.sum(axis=(0, 1, 2)), ("wrong axis", UNKNOWN)),
        ("mean for sum", right / (n * h * w), MEAN_FOR_SUM),
        ("mean over the batch", right / n, (FACTOR, "mean for sum")),
    )


# --- values used twice, ties, masks, repeated indices --------------------------------------------


def _used_twice(
    rng: np.random.Generator, size: int, scale: Scale, dtype: np.dtype[Any]
) -> Iterator[Formula]:
    shape = (4 * size, 3)
    at = rng.standard_normal(shape)
    g = rng.standard_normal(shape).astype(dtype)
    x, upstream = _scaled_at(at, scale, dtype), g.astype(float)
    t = np.tanh(x)
    straight, gate, through = upstream, upstream * t, upstream * x * (1 - t * t)
    right = straight + gate + through
    missing, twice = ("contribution missing",), ("accumulated twice",)
    yield _formula(
        "residual and gate",
        lambda x: ops.sum((x + ops.tanh(x) * x) * g),
        at,
        scale,
        dtype,
        right,
        ("contribution missing", right - straight, missing),
        ("contribution missing", right - gate, missing),
        ("contribution missing", right - through, (*missing, "detached")),
        ("contribution twice", right + straight, twice),
        ("contribution twice", right + gate, twice),
        ("term of wrong sign", right - 2 * gate, ("wrong sign of a term",)),
        ("all twice", 2 * right, (*twice, FACTOR)),
    )


def _tied_maxima(
    rng: np.random.Generator, size: int, scale: Scale, dtype: np.dtype[Any]
) -> Iterator[Formula]:
    shape = (6, 4 * size)
    at = rng.integers(0, 3, shape).astype(float)
    g = rng.uniform(0.5, 1.5, shape[1]).astype(dtype)
    hit = at == at.max(axis=0)
    first = np.cumsum(hit, axis=0) == 1
    yield _formula(
        "maxima that tie",
        lambda x: ops.sum(ops.max(x, 0) * g),
        at,
        scale,
        dtype,
        first * hit * g.astype(float),
        ("to all that tie", hit * g, ("subset",)),
        ("to none that tie", hit * (hit.sum(axis=0) == 1) * g, ("subset",)),
    )


def _tied_pairs(
    rng: np.random.Generator, size: int, scale: Scale, dtype: np.dtype[Any]
) -> Iterator[Formula]:
    shape = (5, 4 * size)
    at = rng.integers(0, 3, shape).astype(float)
    other = (rng.integers(0, 3, shape) * scale.inner).astype(dtype)
    other = np.asarray(Tensor(other).data * dtype.type(1 / scale.inner), dtype)
    g = rng.standard_normal(shape).astype(dtype)
    x = np.asarray(np.asarray(at * scale.inner, dtype) * dtype.type(1 / scale.inner), dtype)
    upstream = g.astype(float)
    yield _formula(
        "a maximum of pairs that tie",
        lambda x: ops.sum(ops.maximum(x, other) * g),
        at,
        scale,
        dtype,
        upstream * (x >= other),
        ("twice at ties", upstream * np.where(x == other, 2, x > other), ("subset",)),
        ("mask forgotten", upstream, ("local factor forgotten", "subset")),
    )


def _rectified(
    rng: np.random.Generator, size: int, scale: Scale, dtype: np.dtype[Any]
) -> Iterator[Formula]:
    shape = (5 * size, 4)
    at = rng.standard_normal(shape) * (rng.random(shape) < 0.8)
    g = rng.standard_normal(shape).astype(dtype)
    upstream = g.astype(float)
    yield _formula(
        "relu, with zeros",
        lambda x: ops.sum(ops.maximum(0, x) * g),
        at,
        scale,
        dtype,
        upstream * (at > 0),
        ("mask forgotten", upstream, ("local factor forgotten", "subset")),
        ("transposed and reshaped", (upstream * (at > 0)).T.reshape(shape), ("reshaped",)),
    )


def _repeated_rows(
    rng: np.random.Generator, size: int, scale: Scale, dtype: np.dtype[Any]
) -> Iterator[Formula]:
    shape = (5, 3 * size)
    rows = np.array([2, 0, 2, 1, 4, 3])
    g = rng.standard_normal((6, 3 * size)).astype(dtype)
    added, assigned = np.zeros(shape), np.zeros(shape)
    np.add.at(added, rows, g.astype(float))
    assigned[rows] = g
    yield _formula(
        "rows, one of them twice",
        lambda x: ops.sum(x[rows] * g),
        rng.standard_normal(shape),
        scale,
        dtype,
        added,
        ("= for +=", assigned, ("overwritten", "subset")),
        ("detached", np.zeros(shape), ("detached",)),
        ("offset", added + 0.25, ("offset",)),
    )
