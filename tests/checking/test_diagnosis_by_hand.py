"""Mistakes in the derivation of the CNN by hand, and in single rules: what is said first."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.by_hand.manual_answers import UNKNOWN, first_answer
from support.by_hand.manual_cases import compared, on_the_tape, with_kinks
from support.by_hand.manual_mistakes import MISTAKES, Mistake, planted
from support.mistakes.classifier import Network, every_precision, single, softmax
from support.shares import shared

import autograd as ag
from autograd import Tensor
from autograd.checking.diagnosis import Context, diagnose
from autograd.checking.reference import Reference
from nn import functional as F

Array = NDArray[Any]


def small(rng: np.random.Generator) -> dict[str, Any]:
    """Three images with kinks, of 8 x 8."""
    inputs: dict[str, Any] = with_kinks(rng)
    inputs["images"] = inputs["images"][:, :, 5:13, 5:13]
    inputs["weight"] = rng.standard_normal((10, 16 * 4 * 4)) / 16
    return inputs


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(mistake, marks=marks)
        for mistake, marks in shared(MISTAKES, 4, lambda mistake: mistake.step.of)
    ],
    ids=str,
)
def test_mistakes_in_the_derivation_by_hand(rng: np.random.Generator, mistake: Mistake) -> None:
    kind, words = first_answer(mistake)
    report = compared(small(rng), planted(mistake))
    assert report.first == mistake.step.of
    found = report[report.first].diagnosis
    first = (found[0].kind, found[0].text) if found else UNKNOWN
    assert first[0] == kind, [str(h) for h in found]
    assert words in first[1]


@pytest.mark.slow
def test_noise_on_the_cnn_is_unknown(rng: np.random.Generator) -> None:
    tape = on_the_tape(small(rng))
    reference = Reference(tape["loss"])
    for name in ("images", "kernel", "columns", "convolved", "variance", "x_hat", "rectified"):
        place = tape[name]._place
        assert place is not None
        right = reference.gradient(place)
        limit = reference.limit(place, right.dtype)
        context = Context(reference.flow, reference.place(place))
        for given in (
            rng.standard_normal(right.shape) * np.abs(right).max(),
            right * (1 + 0.1 * rng.standard_normal(right.shape)),
        ):
            assert not diagnose(given, right, limit, context), name


@every_precision
def test_wrong_factors(rng: np.random.Generator, dtype: Any) -> None:
    x, y, z, w = (rng.uniform(0.5, 2, (4, 3)).astype(dtype) for _ in range(4))
    left, right = Tensor(x, requires_grad=True), Tensor(y, requires_grad=True)
    loss = (left * right * w).sum() + (right * z).sum()
    for given, kind in [
        (w * z, "wrong factor"),
        (w * y[::-1], "flipped"),
        (w * np.roll(y, 1, 0), "rolled"),
        (w * y.T.reshape(4, 3), "reshaped"),
    ]:
        found, _ = single(loss, left, given)
        assert found, kind
        assert found[0].kind == kind, [str(h) for h in found]
        assert "'multiply'" in found[0].text


@every_precision
def test_parts_of_sums(rng: np.random.Generator, dtype: Any) -> None:
    x, w = (rng.standard_normal((6, 4)).astype(dtype) for _ in range(2))
    v = Tensor(rng.standard_normal((4, 4)).astype(dtype), requires_grad=True)
    loss = ((x @ v) * w).sum()
    for given, kind, words in [
        (x[:-1].T @ w[:-1], "subset", "index 5 (the last) of axis 0 of 'matmul'"),
        (x[1:].T @ w[1:], "subset", "index 0 of axis 0 of 'matmul'"),
        (x[3:4].T @ w[3:4], "not summed", "only index 3 of axis 0 of 'matmul'"),
    ]:
        found, _ = single(loss, v, given)
        assert found, words
        assert found[0].kind == kind, [str(h) for h in found]
        assert words in found[0].text


@every_precision
def test_overwritten_where_it_must_be_added(rng: np.random.Generator, dtype: Any) -> None:
    table = Tensor(rng.standard_normal((5, 3)).astype(dtype), requires_grad=True)
    words, w = np.array([0, 2, 2, 4, 0, 2]), rng.standard_normal((6, 3)).astype(dtype)
    given: Array = np.zeros((5, 3))
    given[words] = w
    found, _ = single((table[words] * w).sum(), table, given)
    assert found, "unknown"
    assert found[0].kind == "overwritten", [str(h) for h in found]

    x = Tensor(rng.standard_normal(9).astype(dtype), requires_grad=True)
    v = rng.standard_normal((4, 3)).astype(dtype)
    loss = (ag.sliding_windows(x, (3,), (2,), (1,)) * v).sum()
    by_windows: Array = np.zeros(9)
    by_taps: Array = np.zeros(9)
    for i in range(4):
        by_windows[2 * i : 2 * i + 3] = v[i]
    for tap in range(3):
        by_taps[tap : tap + 7 : 2] = v[:, tap]
    assert not np.array_equal(by_windows, by_taps)
    for given in (by_windows, by_taps):
        found, _ = single(loss, x, given)
        assert found, "unknown"
        assert found[0].kind == "overwritten", [str(h) for h in found]


@every_precision
def test_scaled_terms(rng: np.random.Generator, dtype: Any) -> None:
    x = Tensor(rng.standard_normal((5, 4)).astype(dtype), requires_grad=True)
    weights = rng.standard_normal((2, 5, 4)).astype(dtype)
    loss = (ag.sin(x) * weights[0]).sum() + (ag.exp(x) * weights[1]).sum()
    by_sin, by_exp = np.cos(x.data) * weights[0], np.exp(x.data) * weights[1]
    for factor, words in [(0.5, "1/2 times"), (5, "5 times"), (0.3, "lr"), (1 / 20, "1/20 times")]:
        found, _ = single(loss, x, by_sin + factor * by_exp, lr=0.3)
        assert found, factor
        assert found[0].kind == "term scaled", [str(h) for h in found]
        assert "'exp'" in found[0].text
        assert words in found[0].text
    found, _ = single(loss, x, by_sin + 0.37 * by_exp)
    assert "no quantity on the way has that value" in found[0].text


def test_terms_of_a_wrong_tape() -> None:
    """Where the tape's own gradient is explained, the wrong term is what it says, not the right."""

    @ag.primitive(kind="elementwise")
    def squared(x: Array) -> Array:
        return x * x

    squared.defvjp(lambda g, out, x: -g * 2 * x)
    x = Tensor(np.array([0.3, -1.2, 2.1, 0.7]), requires_grad=True)
    loss = (squared(x) + ag.exp(x)).sum()
    reference = Reference(loss)
    assert x._place is not None
    given = reference.gradient(x._place)
    right = 2 * x.data + np.exp(x.data)
    context = Context(reference.flow, reference.place(x._place))
    found = diagnose(given, right, 1e-9, context)
    assert found[0].kind == "wrong sign of a term", [str(h) for h in found]
    assert "'squared'" in found[0].text


@every_precision
def test_softmax(rng: np.random.Generator, dtype: Any) -> None:
    a = Tensor(rng.standard_normal((5, 4)).astype(dtype), requires_grad=True)
    w = rng.standard_normal((5, 4)).astype(dtype)
    p = softmax(a.data.astype(np.float64))
    for given, words in [(w * p * (1 - p), "own input alone"), (w * p, "forgotten")]:
        found, _ = single((F.softmax(a, -1) * w).sum(), a, given)
        assert found, words
        assert found[0].kind in {"softmax", "contribution missing"}, [str(h) for h in found]


def test_a_factor_is_no_missing_label() -> None:
    """Where only the labels have a gradient, nothing tells the -1 at the label from any factor."""
    logs = Tensor(np.log(np.full((4, 3), 1 / 3)), requires_grad=True)
    loss = F.nll_loss(logs, np.array([0, 2, 1, 1]))
    for factor in (-1, 0.3, 0.5, 4 / 3):
        found, _ = single(loss, logs, lambda right, factor=factor: factor * right)
        assert found[0].kind == "factor", [str(h) for h in found]


def test_a_two_is_named_only_where_it_lies_on_the_way(rng: np.random.Generator) -> None:
    x = Tensor(rng.standard_normal((5, 4)), requires_grad=True)
    y = Tensor(rng.standard_normal((2, 4)), requires_grad=True)
    loss = (x**2).sum() + (y * 3).sum()
    for factor in (2, 0.5):
        found, _ = single(loss, y, lambda right, factor=factor: factor * right)
        assert found[0].kind == "factor"
        assert "power" not in found[0].text
        assert "size of" not in found[0].text
    found, _ = single(loss, x, lambda right: right / 2)
    assert "'power'" in found[0].text
    found, _ = single((x * y[0]).sum() + (x + 1).sum(), x, lambda right: 2 * right)
    assert [h.kind for h in found[:2]] == ["factor", "accumulated twice"]


DTYPES = [np.float16, np.float32, np.float64]
PRECISIONS = [
    pytest.param(dtypes, marks=() if number == 8 else pytest.mark.slow)
    for number, dtypes in enumerate(itertools.product(DTYPES, repeat=3))
]


@pytest.mark.parametrize("dtypes", PRECISIONS)
def test_tapes_of_several_precisions_raise_nothing(
    rng: np.random.Generator, dtypes: tuple[Any, Any, Any]
) -> None:
    x = Tensor(rng.uniform(0.5, 1, (3, 4)).astype(dtypes[0]), requires_grad=True)
    y = Tensor(rng.uniform(0.5, 1, (4,)).astype(dtypes[1]), requires_grad=True)
    a = ag.exp(ag.absolute((x + 1).astype(dtypes[1]).astype(dtypes[2]) * y)) * 0.125
    loss = (ag.maximum(a, 0.2) @ y.astype(dtypes[1])).mean() + (x * y).sum() * 0.01
    for tensor in (x, y):
        for given in (
            rng.standard_normal(tensor.shape),
            np.full(tensor.shape, 0.1),
            lambda right: 2 * right,
            lambda right: right[::-1],
        ):
            found, right = single(loss, tensor, given)
            assert all(np.isfinite(h.residual) for h in found), right


def test_gradcheck_of_several_precisions_raises_nothing() -> None:
    """float32 cannot tell 1e7 from a step further, so this fails, and is diagnosed."""

    def f(x: Tensor) -> Tensor:
        return ag.exp(ag.absolute((x + 1e7).astype(np.float32).astype(np.float64)) * 1e-8)

    report = ag.gradcheck(f, Tensor(np.ones(3), requires_grad=True), raise_exception=False)
    kinds = [h.kind for h in report.arguments[0].diagnosis]
    assert "accumulated twice" not in kinds  # what differences call 0 explains nothing


def test_gradients_are_carried_in_the_dtype_of_their_place() -> None:
    x = Tensor(np.array([0.5, 1.0, 2.0]), requires_grad=True)
    loss = ag.exp((x + 1).astype(np.float32).astype(np.float64)).sum()
    assert x._place is not None
    reference = Reference(loss)
    context = Context(reference.recorded, x._place)
    for use in context.path:
        contribution = context.contribution(use)
        assert contribution is not None
        assert (
            contribution.dtype == reference.recorded.values.arrays(use.record)[use.position].dtype
        )
        for g in (contribution.astype(np.float32), contribution.astype(np.float64)):
            carried = context.carried(use.place, g)
            assert carried is not None
            assert carried.dtype == x.dtype


def test_texts_are_sentences(rng: np.random.Generator) -> None:
    net = Network(rng, np.float64, 1.0)
    found = net.diagnosed("b", -net.right("b"))[0]
    assert str(found) == (
        "factor: the sign is wrong: it is -1 times the right gradient (all 5 wrong numbers fit, "
        "exactly)"
    )
    image = Tensor(rng.standard_normal((2, 3, 4, 4)), requires_grad=True)
    found = single((image**3).sum(), image, lambda right: right.swapaxes(2, 3))[0][0]
    assert found.text == "axes 2 and 3 of the gradient are exchanged"
