"""Ties and kinks where several elements meet: what gradcheck, check_tape and compare let pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import autograd as ag
from autograd import Tensor, compare, primitive
from autograd.checking import GradcheckError, check_tape, gradcheck
from autograd.checking.choices.hulls import Hull, nearest
from autograd.engine.primitives import Primitive
from nn import functional as F

Array = NDArray[Any]


def on_arrays(forward: Callable[..., Any], *rules: Callable[..., Any]) -> Primitive:
    """An op of somebody's, with rules on arrays."""
    return ag.primitive(forward).defvjp(*map(ag.on_arrays, rules))


def verdict(f: Callable[..., Any], *inputs: Any, **options: Any) -> str:
    return gradcheck(f, *inputs, raise_exception=False, **options).verdict


def leaf(values: Any) -> Tensor:
    return Tensor(np.array(values, float), requires_grad=True)


# --- hulls ---------------------------------------------------------------------------------------


def test_the_nearest_point_of_a_hull_is_in_it_and_none_is_nearer(rng: np.random.Generator) -> None:
    """By what defines it: all of the hull lies behind the plane through it (and 0 before)."""
    for trial in range(300):
        count, axes = rng.integers(1, 15), rng.integers(1, 8)
        points = rng.standard_normal((count, axes)) + rng.choice([0, 3]) * np.ones(axes)
        points = np.round(points) if trial % 3 == 0 else points * 10.0 ** rng.integers(-9, 9)
        found = nearest(points)
        size = np.square(points).sum(axis=1).max()
        assert (points @ found >= found @ found - 1e-9 * size).all()
        weights = np.linalg.lstsq(
            np.vstack([points.T, np.full(count, size**0.5)]),
            np.append(found, size**0.5),
            rcond=None,
        )[0]
        np.testing.assert_allclose(weights @ points, found, atol=1e-7 * size**0.5)


def test_a_hull_finds_what_was_mixed_to_a_billionth(rng: np.random.Generator) -> None:
    for _ in range(100):
        points = 1e9 * rng.standard_normal((rng.integers(2, 12), rng.integers(1, 20)))
        hull = Hull(rng.dirichlet(np.ones(len(points))) @ points, 1e-11)
        hull.add(points, np.zeros(points.shape))
        assert hull.distance < 1


# --- gradcheck: one op, whose rule shares at ties ------------------------------------------------

PARTS = [
    ([0.5, 0.5], "pass"),
    ([1, 0], "pass"),
    ([0, 1], "pass"),
    ([0.3, 0.7], "pass"),
    ([1, 1], "fail"),
    ([0, 0], "fail"),
    ([-1, 2], "fail"),
    ([0.5, 0.6], "fail"),
]


@pytest.mark.parametrize(("parts", "expected"), PARTS)
@pytest.mark.parametrize("name", ["max", "min", "larger of both", "along an axis", "scaled"])
def test_a_convex_combination_at_a_tie_passes_and_nothing_else(
    name: str, parts: list[float], expected: str
) -> None:
    share = np.array(parts, float)
    if name in ("max", "min"):
        reduce = np.max if name == "max" else np.min
        x = np.array([2.0, 3, 3]) if name == "max" else np.array([5.0, 3, 3])
        op = on_arrays(lambda x: reduce(x), lambda g, out, x: g * np.append(0.0, share))
        assert verdict(op, x) == expected
    elif name == "larger of both":
        op = on_arrays(
            lambda x, y: np.maximum(x, y),
            lambda g, out, x, y: g * np.where(x == y, share[0], x > y),
            lambda g, out, x, y: g * np.where(x == y, share[1], x < y),
        )
        assert verdict(op, np.array([1.0, 2, 0]), np.array([1.0, 1, 4])) == expected
    elif name == "along an axis":
        rows = np.array([[1.0, 1, 0], [4, 5, 6]])
        hit = np.array([[*share, 0], [0, 0, 1]])
        assert verdict(on_arrays(lambda x: x.max(1), lambda g, o, x: g[:, None] * hit), rows) == (
            expected
        )
    else:  # what ties are no equal numbers
        op = on_arrays(
            lambda x: np.maximum(2 * x[0], x[1]), lambda g, out, x: g * share * [2.0, 1.0]
        )
        assert verdict(op, np.array([1.0, 2])) == expected


@pytest.mark.parametrize("shape", [(4, 3), (100, 8)])
def test_ties_in_small_and_large_arguments(
    shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    x = np.round(rng.standard_normal(shape))

    def among(x: Tensor) -> Any:
        return x.data == x.data.max(axis=1, keepdims=True)

    all_ = ag.primitive(lambda x: x.max(1)).defvjp(
        lambda g, out, x: ag.reshape(g, (-1, 1)) * among(x).astype(float)
    )
    shared = ag.primitive(lambda x: x.max(1)).defvjp(
        lambda g, out, x: ag.reshape(g, (-1, 1)) * (among(x) / among(x).sum(axis=1, keepdims=True))
    )
    assert verdict(shared, x) == "pass"
    assert verdict(lambda x: ag.max(x, axis=1), x) == "pass"
    with pytest.raises(GradcheckError, match=r"slopes divide at .* no convex combination"):
        gradcheck(all_, x)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (ag.sort, [1.0, 3, 3, 3, 3, 0]),
        (ag.sort, [2.0] * 9),
        (ag.median, [1.0, 3, 3, 3, 3, 3, 4]),
        (ag.median, [3.0, 3, 3, 4]),
        (lambda x: ag.norm(x, np.inf), [2.0, -2, 1]),
        (lambda x: ag.clip(x, 0, 1), [0.0, 1, 0.5]),
        (lambda x: ag.maximum(x, x[::-1]), [1.0, 2, 1]),
        (lambda x: F.max_pool2d(ag.reshape(x, (1, 1, 4, 4)), 3, 1), [0.0, 1] * 8),
        (lambda x: ag.max(x) + ag.min(x), [1.0, 1, 1]),
    ],
)
def test_ops_of_ours_at_ties(f: Callable[..., Any], x: list[float]) -> None:
    assert verdict(f, np.array(x)) == "pass"


@pytest.mark.parametrize(
    ("slope", "expected"), [(-1, "pass"), (0.2, "pass"), (1, "pass"), (1.01, "fail"), (-2, "fail")]
)
def test_a_slope_of_abs_at_zero(slope: float, expected: str) -> None:
    op = on_arrays(np.abs, lambda g, out, x: g * np.where(x == 0, slope, np.sign(x)))
    assert verdict(op, np.array([0.0, 1, 0])) == expected
    x = leaf([0.0, 1, 0])
    assert compare((ag.abs(x) * 7).sum(), dx=(x, [7 * slope, 7, 0])).ok == (expected == "pass")


def test_a_rule_that_no_single_element_shows_to_be_wrong() -> None:
    """Each of three that tie may go up or down alone, and the median stays; not all of them."""
    x = np.array([1.0, 3, 3, 3, 4])
    for given, expected in [([0, 0, 0], "fail"), ([0, 1, 0], "pass"), ([0.5, 0, 0.5], "pass")]:
        op = on_arrays(np.median, lambda g, out, x, w=given: g * np.array([0, *w, 0]))
        assert verdict(op, x) == expected


def test_many_that_tie() -> None:
    x = np.full(20, 2.0)
    assert verdict(on_arrays(np.max, lambda g, out, x: g * np.full(20, 1 / 20)), x) == "pass"
    assert verdict(on_arrays(np.max, lambda g, out, x: g * np.full(20, 1.0)), x) == "fail"


def test_the_report_names_the_elements_and_the_nearest_choice() -> None:
    op = on_arrays(np.max, lambda g, out, x: g * (x == out))
    report = gradcheck(op, np.array([1.0, 3, 3]), raise_exception=False)
    assert "slopes divide at [1], [2] of argument 0" in str(report)
    assert "says 1, 1: together that is no convex combination" in str(report)
    assert "0.5, 0.5 would be" in str(report)
    assert "perhaps" not in str(report)  # there is no saying what was done wrong at a tie
    choice = on_arrays(np.max, lambda g, out, x: g * (x == out) / 2)
    assert "a kink at [1]: slopes 0 and 1, 0.5 chosen" in (
        str(gradcheck(choice, np.array([1.0, 3, 3])))
    )


def test_check_tape_finds_the_op_that_gives_too_much_at_a_tie() -> None:
    greedy = on_arrays(np.max, lambda g, out, x: g * (x == out))
    x = leaf([1.0, 3, 3])
    report = check_tape(ag.exp(greedy(x * 2)) * 3, raise_exception=False)
    assert [record.record.op.name for record in report.wrong] == [greedy.name]
    assert check_tape(ag.exp(ag.max(x * 2)) * 3)


# --- compare -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("parts", "expected"), PARTS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_compare_lets_a_convex_combination_pass_and_nothing_else(
    parts: list[float], expected: str, dtype: type
) -> None:
    x = Tensor(np.array([1, 3, 3], dtype), requires_grad=True)
    report = compare(ag.max(x) * 5, dx=(x, 5 * np.array([0, *parts], dtype)))
    assert report.ok == (expected == "pass")
    assert report.ok == ("agrees with the tape" in str(report))
    assert ("slopes divide there" in str(report)) == (report.ok and parts != [1, 0])


@pytest.mark.parametrize(
    ("dx", "dy", "wrong"),
    [
        (0.5, 0.5, None),
        (0, 1, None),
        (1, 0, None),
        (0.2, 0.8, None),
        (1, 1, "dy"),
        (0, 0, "dx"),
        (0.5, 0, "dx"),
    ],
)
def test_compare_judges_two_tensors_that_tie_together(
    dx: float, dy: float, wrong: str | None
) -> None:
    x, y = leaf([1.0, 2]), leaf([1.0, 1])
    loss = (ag.maximum(x, y) * np.array([3.0, 4])).sum()
    report = compare(loss, dx=(x, [3 * dx, 4]), dy=(y, [3 * dy, 0]))
    assert report.first == wrong
    assert compare(loss, dy=(y, [3 * dy, 0])).ok  # alone, each may be


def _pooled(images: Array) -> tuple[Tensor, Tensor, Callable[[Array], Array], Array]:
    """A loss of max pooling, its images, and the gradient by the parts of each window."""
    n, c, h, w = images.shape
    x, weight = leaf(images), np.random.default_rng(5).standard_normal((n, c, h // 2, w // 2))
    windows = images.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5)
    at = windows == windows.max(axis=(4, 5), keepdims=True)

    def gradient(parts: Array) -> Array:
        shared: Array = parts * weight[..., None, None]
        return shared.transpose(0, 1, 2, 4, 3, 5).reshape(images.shape)

    return (F.max_pool2d(x, 2) * weight).sum(), x, gradient, at


@pytest.mark.parametrize("shape", [(1, 1, 4, 4), (2, 3, 12, 12)])
def test_compare_at_the_ties_of_max_pooling(
    shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    images = np.maximum(np.round(2 * rng.standard_normal(shape)), 0)
    loss, x, gradient, at = _pooled(images)
    shares = at * rng.random(at.shape)
    shares /= shares.sum(axis=(4, 5), keepdims=True)
    for parts in (at / at.sum(axis=(4, 5), keepdims=True), shares):
        assert compare(loss, dx=(x, gradient(parts))).ok
    assert not compare(loss, dx=(x, gradient(1.0 * at))).ok
    shares[0, 0, 0, 0] *= 1.0001
    assert not compare(loss, dx=(x, gradient(shares))).ok


def test_compare_where_everything_stands_at_a_kink(rng: np.random.Generator) -> None:
    """Weights and biases that begin at zero: what is moved is within the tape."""
    x, v = rng.standard_normal((5, 3)), rng.standard_normal((5, 4))
    weight, bias = leaf(np.zeros((4, 3))), leaf(np.zeros(4))
    loss = (F.relu(F.linear(Tensor(x), weight, bias)) * v).sum()
    for slope, right in [(0.0, True), (1.0, True), (0.5, True), (1.2, False)]:
        dW, db = slope * v.T @ x, slope * v.sum(axis=0)
        assert compare(loss, dW=(weight, dW), db=(bias, db)).ok == right
        assert compare(loss, dW=(weight, dW)).ok == right


def test_compare_goes_on_from_what_was_chosen(rng: np.random.Generator) -> None:
    x, weight = np.round(rng.standard_normal((5, 3))), leaf(np.round(rng.standard_normal((6, 3))))
    h = Tensor(x) @ ag.transpose(weight)
    loss = (ag.max(h, axis=1) * np.arange(1.0, 6)).sum()
    at = h.data == h.data.max(axis=1, keepdims=True)
    dh = at / at.sum(axis=1, keepdims=True) * np.arange(1.0, 6)[:, None]
    assert (at.sum(axis=1) > 1).any()
    report = compare(loss, dh=(h, dh), dW=(weight, dh.T @ x))
    assert report.ok
    assert (
        "dW: another choice than the tape's, and as right: it follows from what was chosen for"
        in (str(report))
    )
    report = compare(loss, dh=(h, dh), dW=(weight, 2 * dh.T @ x))
    assert report.first == "dW"
    assert report["dW"].because_of == ()


def test_a_wrong_gradient_close_to_a_choice_is_wrong(rng: np.random.Generator) -> None:
    x = leaf([1.0, 3, 3, 0])
    loss = (ag.max(x) * 5 + ag.exp(x)).sum()
    right = 5 * 4 * np.array([0, 0.25, 0.75, 0]) + np.exp(x.data)
    assert compare(loss, dx=(x, right)).ok
    for i in range(4):
        wrong = right.copy()
        wrong[i] *= 1 + 1e-7
        assert not compare(loss, dx=(x, wrong)).ok


@pytest.mark.parametrize("size", [65, pytest.param(200, marks=pytest.mark.slow)])
def test_of_very_many_ties_each_may_not_have_the_whole_gradient(size: int) -> None:
    @primitive
    def top(x: Any) -> Any:
        return np.max(x)

    top.defvjp(lambda g, out, x: g * Tensor(np.asarray(x.data == out.data, float)))
    assert gradcheck(top, np.zeros(size), raise_exception=False).verdict == "fail"
    assert gradcheck(ag.max, np.zeros(size), raise_exception=False).verdict == "pass"
