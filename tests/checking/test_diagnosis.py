"""Mistakes planted in gradients: the first explanation is the right one, and noise has none."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from support.mistakes.classifier import (
    PRECISIONS,
    Array,
    Network,
    every_precision,
    single,
    softmax,
)
from support.shares import shared

import autograd as ag
from autograd import Tensor
from autograd.checking.diagnosis import diagnose
from nn import functional as F

SCALES = [1e-8, 1.0, pytest.param(1e8, marks=pytest.mark.slow)]

every_scale = pytest.mark.parametrize("scale", SCALES)


def at_scales(names: Iterable[str], every: int) -> list[Any]:
    """Each name at each scale in each precision, of which a share are plain tests."""
    rows = list(itertools.product(names, (1e-8, 1.0, 1e8), PRECISIONS))
    return [
        pytest.param(*row, marks=marks) for row, marks in shared(rows, every, lambda row: row[0])
    ]


def without_terms(net: Network, mean: bool, variance: bool) -> Array:
    """The gradient of the batch normalisation's input, with only those of its terms."""
    u = net.u.data.astype(np.float64)
    deviation = np.sqrt(u.var(0) + 1e-5)
    y = (u - u.mean(0)) / deviation
    g = net.right("h") * net.gamma.data
    kept = g - mean * g.mean(0) - variance * y * (g * y).mean(0)
    return np.asarray(kept / deviation)


# What is planted: kind -> (tensor, the mistaken gradient).
MISTAKES: dict[str, tuple[str, str, Callable[[Network, float], Array]]] = {
    "sign": ("factor", "W", lambda net, s: -net.right("W")),
    "doubled": ("factor", "V", lambda net, s: 2 * net.right("V")),
    "learning rate": ("factor", "b", lambda net, s: 0.03 * net.right("b")),
    "not divided by N": ("sum for mean", "z", lambda net, s: 8 * net.right("z")),
    "mean over the batch": ("mean for sum", "b", lambda net, s: net.right("b") / 8),
    "transposed": ("transposed", "W", lambda net, s: net.right("W").T),
    "W not transposed": (
        "transposed",
        "a",
        lambda net, s: net.right("z") @ net.W.data.T,
    ),
    "flipped": ("flipped", "z", lambda net, s: net.right("z")[:, ::-1]),
    "rolled": ("rolled", "z", lambda net, s: np.roll(net.right("z"), 1, 1)),
    "one row": ("not summed", "b", lambda net, s: net.right("z")[0]),
    "ReLU's mask": ("local factor forgotten", "h", lambda net, s: net.right("a")),
    "the normalised input": (
        "local factor forgotten",
        "gamma",
        lambda net, s: net.right("h").sum(0),
    ),
    "gamma": (
        "local factor forgotten",
        "u",
        lambda net, s: net.right("u") / net.gamma.data,
    ),
    "the label": ("label missing", "z", lambda net, s: s * softmax(net.z.data) / 8),
    "the label, further on": (
        "label missing",
        "W",
        lambda net, s: (s * softmax(net.z.data) / 8).T @ net.a.data,
    ),
    "the mean": ("mean term missing", "u", lambda net, s: without_terms(net, False, True)),
    "the variance": (
        "variance term missing",
        "u",
        lambda net, s: without_terms(net, True, False),
    ),
    "both": ("both terms missing", "u", lambda net, s: without_terms(net, False, False)),
    "both, further on": (
        "both terms missing",
        "V",
        lambda net, s: without_terms(net, False, False).T @ net.x.data,
    ),
    "the upstream gradient": (
        "upstream forgotten",
        "a",
        lambda net, s: np.ones((8, 5)) @ net.W.data,
    ),
    "zero": ("detached", "beta", lambda net, s: 0 * net.right("beta")),
    "an offset": ("offset", "z", lambda net, s: net.right("z") + 0.01 * s),
    "the last samples": (
        "subset",
        "z",
        lambda net, s: net.right("z") * (np.arange(8) < 6)[:, None],
    ),
    "one class": (
        "subset",
        "z",
        lambda net, s: net.right("z") * np.where(np.arange(5) == 2, 3, 1),
    ),
}


@pytest.mark.parametrize(("mistake", "scale", "dtype"), at_scales(MISTAKES, 7))
def test_planted_mistakes_are_named(
    rng: np.random.Generator, mistake: str, scale: float, dtype: Any
) -> None:
    kind, name, plant = MISTAKES[mistake]
    net = Network(rng, dtype, scale)
    found = net.diagnosed(name, plant(net, scale), lr=0.03)
    assert found, "unknown"
    assert found[0].kind == kind, [str(h) for h in found]
    assert found[0].residual < 1e-2


@every_precision
def test_what_is_named_is_named_well(rng: np.random.Generator, dtype: Any) -> None:
    net = Network(rng, dtype, 1.0)
    assert "lr" in net.diagnosed("W", 0.03 * net.right("W"), lr=0.03)[0].text
    assert "'maximum'" in net.diagnosed("h", net.right("a"))[0].text
    assert "last 2 of axis 0" in net.diagnosed("z", MISTAKES["the last samples"][2](net, 1))[0].text
    assert "zero there" in net.diagnosed("z", MISTAKES["the last samples"][2](net, 1))[0].text
    assert "index 2 of axis 1" in net.diagnosed("z", MISTAKES["one class"][2](net, 1))[0].text
    assert "3 times" in net.diagnosed("z", MISTAKES["one class"][2](net, 1))[0].text


@every_precision
def test_contributions(rng: np.random.Generator, dtype: Any) -> None:
    x = Tensor(rng.standard_normal((4, 3)).astype(dtype), requires_grad=True)
    weights = rng.standard_normal((2, 4, 3)).astype(dtype)
    loss = (ag.sin(x) * weights[0]).sum() + (ag.exp(x) * weights[1]).sum()
    by_sin, by_exp = np.cos(x.data) * weights[0], np.exp(x.data) * weights[1]
    for given, kind, op in [
        (by_exp, "contribution missing", "'sin'"),
        (by_sin, "contribution missing", "'exp'"),
        (by_sin + 2 * by_exp, "accumulated twice", "'exp'"),
        (by_sin - by_exp, "wrong sign of a term", "'exp'"),
    ]:
        found, _ = single(loss, x, given)
        assert found, "unknown"
        assert found[0].kind == kind, [str(h) for h in found]
        assert op in found[0].text
    found, _ = single(loss, x, lambda right: 2 * right)
    assert [h.kind for h in found[:2]] == ["factor", "accumulated twice"]


@every_precision
def test_swapped_arguments(rng: np.random.Generator, dtype: Any) -> None:
    x, y, w = (rng.uniform(0.5, 2, (3, 3)).astype(dtype) for _ in range(3))
    left, right = Tensor(x, requires_grad=True), Tensor(y, requires_grad=True)
    found, _ = single((left / right * w).sum(), left, w / x)
    assert found, "unknown"
    assert found[0].kind == "arguments swapped"
    found, _ = single((left * right * w).sum(), left, w * x)
    assert found, "unknown"
    assert found[0].kind == "arguments swapped"
    found, _ = single(((left @ right) * w).sum(), left, y.T @ w)
    assert found, "unknown"
    assert found[0].kind == "arguments swapped"


@every_precision
def test_sums_over_the_wrong_axis(rng: np.random.Generator, dtype: Any) -> None:
    w = rng.standard_normal((4, 4)).astype(dtype)
    b = Tensor(rng.standard_normal(4).astype(dtype), requires_grad=True)
    x = Tensor(rng.standard_normal((4, 4)).astype(dtype), requires_grad=True)
    found, _ = single(((x + b) * w).sum(), b, w.sum(1))
    assert found, "unknown"
    assert found[0].kind == "wrong axis"
    found, _ = single((x.sum(axis=0) * w[0]).sum(), x, np.repeat(w[0][:, None], 4, 1))
    assert found, "unknown"
    assert found[0].kind == "wrong axis"


@every_precision
def test_factors_of_elementary_rules(rng: np.random.Generator, dtype: Any) -> None:
    x = Tensor(rng.uniform(0.2, 0.9, (4, 3)).astype(dtype), requires_grad=True)
    w = rng.standard_normal((4, 3)).astype(dtype)
    s = 1 / (1 + np.exp(-x.data))
    for op, given in [
        (ag.tanh, w),
        (ag.expit, w * s),
        (ag.expit, w * (1 - s)),
        (ag.sqrt, w * 0.5),
        (ag.log, w),
    ]:
        found, _ = single((op(x) * w).sum(), x, given)
        assert found, op
        assert found[0].kind in ("local factor forgotten", "wrong factor"), (
            op,
            [str(h) for h in found],
        )


@every_precision
@every_scale
def test_compositions_of_ops(rng: np.random.Generator, scale: float, dtype: Any) -> None:
    """A derivation takes in one step what the tape records in several."""
    x = Tensor(rng.standard_normal((6, 4)).astype(dtype), requires_grad=True)
    w = (rng.standard_normal((6, 4)) * scale).astype(dtype)
    slope = x.data / np.sqrt(x.data**2 + 1)
    for loss, given, kind in [
        ((F.silu(x) * w).sum(), w, "local factor forgotten"),
        ((ag.sqrt(x * x + 1) * w).sum(), slope, "upstream forgotten"),
        ((ag.sqrt(x * x + 1) * w).sum(), w, "local factor forgotten"),
        (((x + ag.tanh(x @ np.eye(4, dtype=dtype))) * w).sum(), w, "contribution missing"),
    ]:
        found, _ = single(loss, x, given)
        assert found, "unknown"
        assert found[0].kind == kind, [str(h) for h in found]


@every_precision
def test_ties_and_borders(rng: np.random.Generator, dtype: Any) -> None:
    x = Tensor(rng.integers(0, 3, (6, 5)).astype(dtype), requires_grad=True)
    w = rng.standard_normal(6).astype(dtype)
    hit = x.data == x.data.max(1, keepdims=True)
    found, _ = single((x.max(axis=1) * w).sum(), x, hit * w[:, None])
    assert found, "unknown"
    assert found[0].kind == "subset"
    assert "tie" in found[0].text

    image = Tensor(rng.standard_normal((2, 1, 6, 6)).astype(dtype), requires_grad=True)
    kernel = Tensor(rng.standard_normal((3, 1, 3, 3)).astype(dtype), requires_grad=True)
    loss = (F.conv2d(image, kernel, padding=1) ** 2).sum()
    inner = np.zeros((6, 6), dtype)
    inner[1:-1, 1:-1] = 1
    found, _ = single(loss, image, lambda right: right * inner)
    assert found[0].kind == "subset"
    assert "border of width 1 along axes 2 and 3" in found[0].text


@every_precision
def test_convolution_by_windows(rng: np.random.Generator, dtype: Any) -> None:
    image = Tensor(rng.standard_normal((2, 3, 6, 6)).astype(dtype), requires_grad=True)
    kernel = Tensor(rng.standard_normal((3, 3, 3, 3)).astype(dtype), requires_grad=True)
    loss = F.conv2d(image, kernel, padding=1).mean()
    for plant, kind in [
        (lambda g: g[..., ::-1, ::-1], "flipped"),
        (lambda g: g.swapaxes(0, 1), "transposed"),
        (lambda g: g.swapaxes(2, 3), "transposed"),
    ]:
        loss = (F.conv2d(image, kernel, padding=1) ** 3).mean()
        found, _ = single(loss, kernel, plant)
        assert found, "unknown"
        assert found[0].kind == kind


def test_wrong_shapes_are_findings(rng: np.random.Generator) -> None:
    net = Network(rng, np.float64, 1.0)
    for name, given, kind in [
        ("V", net.right("V").T, "transposed"),
        ("b", net.right("z"), "not summed"),
        ("b", net.right("z").sum(1), "wrong axis"),
        ("b", net.right("b")[None], "shape"),
        ("W", net.right("W").ravel(), "shape"),
    ]:
        found = net.diagnosed(name, given)
        assert found, (name, kind)
        assert found[0].kind == kind, [str(h) for h in found]
    # Of the wrong shape, and wrong beside that: both are said.
    assert "wrong apart from that" in net.diagnosed("V", 3 * net.right("V").T)[0].text
    assert not net.diagnosed("b", rng.standard_normal((3, 7)))


@pytest.mark.parametrize(
    ("name", "scale", "dtype"), at_scales(["x", "V", "gamma", "W", "b", "u", "h", "a", "z"], 200)
)
def test_noise_is_unknown(rng: np.random.Generator, name: str, scale: float, dtype: Any) -> None:
    net = Network(rng, dtype, scale)
    right = net.right(name)
    for noise in (
        lambda: rng.standard_normal(right.shape) * np.abs(right).max(),
        lambda: right * (1 + 0.1 * rng.standard_normal(right.shape)),
        lambda: right + np.abs(right).max() * rng.uniform(0.01, 1, right.shape),
        lambda: rng.integers(-3, 4, right.shape) * np.abs(right).max(),
    ):
        found = net.diagnosed(name, noise(), lr=0.1)
        assert not found, [str(h) for h in found]


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (2,), (3,), (2, 2), (5, 4), (2, 3, 4), (50,)])
def test_unrelated_arrays_are_unknown_without_a_tape(
    rng: np.random.Generator, shape: tuple[int, ...]
) -> None:
    for _ in range(100):
        right, given = rng.standard_normal(shape), rng.standard_normal(shape)
        assert not diagnose(given, right, 1e-9 * np.abs(right).max())
        assert not diagnose(given, right, 3e-5 * np.abs(right).max())


@every_precision
def test_single_numbers_need_a_named_quantity(rng: np.random.Generator, dtype: Any) -> None:
    s = Tensor(np.asarray(0.7, dtype), requires_grad=True)
    w = rng.standard_normal(12).astype(dtype)
    loss = (s * w).sum()
    found, _ = single(loss, s, lambda right: right * 0.37)
    assert not found
    found, _ = single(loss, s, lambda right: right * 0.37, lr=0.37)
    assert found[0].kind == "factor"
    assert "lr" in found[0].text
    found, _ = single(loss, s, lambda right: -right)
    assert found[0].kind == "factor"


def test_a_right_gradient_has_no_diagnosis(rng: np.random.Generator) -> None:
    net = Network(rng, np.float64, 1.0)
    assert net.diagnosed("W", net.right("W")) == []


def test_zeros_are_detached_and_not_finite_numbers_are_not_explained() -> None:
    right = np.arange(1.0, 5)
    assert diagnose(np.zeros(4), right, 1e-9)[0].kind == "detached"
    assert diagnose(np.full(4, np.nan), right, 1e-9) == []
