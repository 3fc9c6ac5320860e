"""Sums over wrong axes, numbers that are divided by, labels of one example: what they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import compare

RNG = np.random.default_rng(12)
X, G = RNG.standard_normal((2, 6, 5))
GAMMA, BETA = RNG.standard_normal((2, 5))

Array = np.ndarray[Any, Any]


def _normalised(axes: tuple[int, ...]) -> Callable[..., Any]:
    def f(x: Any, gamma: Any, beta: Any) -> Any:
        centred = x - x.mean(axis=axes, keepdims=True)
        std = ag.sqrt((centred**2).mean(axis=axes, keepdims=True) + 1e-5)
        z = centred / std
        out = gamma * z + beta
        return (out * G).sum()

    return f


def _sums(axis: int) -> dict[str, Callable[..., Array]]:
    n, m = X.shape[axis], X.shape[1 - axis]

    def own(a: Array) -> Array:
        return a.sum(axis=axis, keepdims=True)

    def other(a: Array) -> Array:
        return a.sum(axis=1 - axis, keepdims=True)

    return {
        "mean of g runs over": lambda g, z: (n * g - other(g) - z * own(g * z)) / n,
        "mean of g y runs over": lambda g, z: (n * g - own(g) - z * other(g * z)) / n,
        "mean of g runs over axes 0, 1": lambda g, z: (n * g - g.sum() - z * own(g * z)) / n,
        f"means are divided by {m}": lambda g, z: (m * g - own(g) - z * own(g * z)) / m,
        "stands in mean(g y)": lambda g, z: (n * g - own(g) - z * own(G * z)) / n,
        "stands in mean(g)": lambda g, z: (n * g - own(G) - z * own(g * z)) / n,
        "factor y of the variance's term": lambda g, z: (n * g - own(g) - own(g * z)) / n,
    }


@pytest.mark.parametrize("axis", [0, 1])
def test_sums_within_a_normalisation(axis: int) -> None:
    centred = X - X.mean(axis=axis, keepdims=True)
    std = np.sqrt((centred**2).mean(axis=axis, keepdims=True) + 1e-5)
    z = centred / std
    for said, inner in _sums(axis).items():
        report = compare(_normalised((axis,)), X, GAMMA, BETA, x=inner(G * GAMMA, z) / std)
        assert said in report["x"].diagnosis[0].text, said
    wrong = {"gamma": (G * z).sum(axis=1), "beta": G.sum(axis=1)}
    report = compare(_normalised((axis,)), X, GAMMA, BETA, **wrong)
    for name in wrong:
        assert report[name].diagnosis[0].kind == "wrong axis", name


def test_a_bias_and_a_scale_summed_over_a_wrong_axis_of_the_same_size() -> None:
    x, g = RNG.standard_normal((2, 4, 4))
    b = RNG.standard_normal(4)
    report = compare(lambda s: ((x * s) * g).sum(), b, s=(g * x).sum(axis=1))
    assert report["s"].diagnosis[0].kind == "wrong axis"
    report = compare(lambda s: ((x / s) * g).sum(), b, s=(-g * x / b**2).sum(axis=1))
    assert report["s"].diagnosis[0].kind == "wrong axis"


def test_what_is_fitted_comes_after_what_is_not() -> None:
    """A term that is subtracted, or divided by another size, in a norm made step by step."""

    def f(x: Any) -> Any:
        mu = 1.0 / 6 * x.sum(axis=0)
        centred = x - mu
        std = ag.sqrt(1.0 / 6 * (centred**2).sum(axis=0) + 1e-5)
        return (centred * (1.0 / std) * G).sum()

    def given(divided: float, sign: int) -> Array:
        centred = X - X.mean(axis=0)
        std = np.sqrt((centred**2).mean(axis=0) + 1e-5)
        dstd = -(G * centred).sum(axis=0) / std**2
        first = G / std + centred * dstd / std / 6
        return np.asarray(first - sign * np.ones((6, 5)) * first.sum(axis=0) / divided)

    assert compare(f, X, x=given(6, 1)).ok
    first = compare(f, X, x=given(5, 1))["x"].diagnosis[0]
    assert "divided by 5" in first.text and "in place of 6, the batch" in first.text
    first = compare(f, X, x=given(6, -1))["x"].diagnosis[0]
    assert "has the wrong sign" in first.text or "is added, not subtracted" in first.text
    assert "fitted" not in first.evidence


@pytest.mark.parametrize("shape", [(6,), (6, 1), (1, 7)])
@pytest.mark.parametrize("shifted", [False, True])
def test_the_label_of_one_example(shape: tuple[int, ...], shifted: bool) -> None:
    z = RNG.standard_normal(shape)
    label = {(6,): 2, (6, 1): (2, 0), (1, 7): (0, 3)}[shape]

    def f(z: Any) -> Any:
        e = ag.exp(z - z.data.max()) if shifted else ag.exp(z)
        return -ag.log((e / e.sum())[label])

    p = np.exp(z) / np.exp(z).sum()
    assert compare(f, z, z=p)["z"].diagnosis[0].kind == "label missing"


def test_numbers_are_not_named_by_coincidence() -> None:
    w, y = RNG.standard_normal((5, 4)), RNG.standard_normal((6, 4))

    def affine(x: Any, w: Any, b: Any) -> Any:
        out = x @ w + b
        return (out * y).sum()

    halved = compare(affine, X, w, y[0], x=y @ w.T / 2)["x"].diagnosis[0].text
    assert "halved" in halved and "square" not in halved
    doubled = compare(affine, X, w, y[0], w=2 * X.T @ y)["w"].diagnosis[0].text
    assert "or a factor of 2 is one too many" in doubled
    squares = compare(lambda x: ((x - G) ** 2).mean(), X, x=2 * (X - G) / 6)["x"].diagnosis[0].text
    assert "divided by 6, the batch, in place of 30" in squares
    halves = compare(lambda x: ((x - G) ** 2).sum(), X, x=X - G)["x"].diagnosis[0].text
    assert "the factor 2 of the derivative of 'power'" in halves

    def rows(w: Any) -> Any:
        return ((X @ w - y) ** 2).sum() / 6

    other = compare(rows, w, w=2 * X.T @ (X @ w - y) / 5)["w"].diagnosis[0].text
    assert "divided by 5" in other and "in place of 6, the batch" in other


def test_a_penalty_is_no_variance() -> None:
    w, y = RNG.standard_normal((5, 4)), RNG.standard_normal((6, 4))
    d = 2 * X.T @ (X @ w - y)
    for penalty in (lambda w: (w * w).sum(), lambda w: ag.square(w).sum()):
        for given in (d, d + 0.1 * w, d + 0.6 * w, d - 0.2 * w):
            report = compare(lambda w, p=penalty: ((X @ w - y) ** 2).sum() + 0.1 * p(w), w, w=given)
            assert "variance" not in str(report) and "penalty" in report["w"].diagnosis[0].text


def test_nothing_is_a_factor_of_nothing() -> None:
    """Of dead units the mask was forgotten, or h >= 0 taken for h > 0."""
    w = RNG.standard_normal((5, 5))

    def dead(x: Any, w: Any) -> Any:
        z = x @ w - 100.0
        return (ag.maximum(z, 0) * G).sum()

    report = compare(dead, X, w, z=G, w=X.T @ G)
    assert "the mask of 'maximum'" in report["z"].diagnosis[0].text
    assert "factor" not in report["z"].diagnosis[0].text
    report = compare(dead, X, w, w=X.T @ G)
    assert "the mask of 'maximum'" in report["w"].diagnosis[0].text


def test_options_and_values_of_the_wrong_kind() -> None:
    def f(x: Any) -> Any:
        h = ag.tanh(x)
        return (h * G).sum()

    h = np.tanh(X)
    right = G * (1 - h**2)
    with pytest.raises(TypeError, match="names=h given; a mapping expected"):
        compare(f, X, x=right, names="h")
    with pytest.raises(TypeError, match="quantities=3 given; a mapping expected"):
        compare(f, X, x=right, quantities=3)
    report = str(compare(f, X, x=right, values={"h": 1.1 * h}))
    assert "1.1 times the right value" in report and "right gradient" not in report
    report = str(compare(f, X, x=right, values={"h": h.T}))
    assert "shape (5, 6) given, (6, 5) expected" in report and "it is transposed" in report
    assert "nan" not in report


def test_the_gradient_of_another_tensor_of_another_shape() -> None:
    """W' dY is the gradient of X, not of W; that of z is not that of b."""
    w, y = RNG.standard_normal((5, 4)), RNG.standard_normal((6, 4))
    report = compare(lambda X, w: ((X @ w) * y).sum(), X, w, X=y @ w.T, w=y @ w.T)
    assert "this is the gradient of X, not that of w" in report["w"].diagnosis[0].text

    def f(s: Any, b: Any) -> Any:
        z = s * X + b
        return (ag.sin(z) * G).sum()

    dz = np.cos(GAMMA * X + BETA) * G
    report = compare(f, GAMMA, BETA, z=dz, s=dz, b=dz.sum(axis=0))
    assert "this is the gradient of z" in report["s"].diagnosis[0].text
    report = compare(f, GAMMA, BETA, z=dz, s=dz * X, b=dz.sum(axis=0))
    assert report["s"].diagnosis[0].kind == "not summed"
