"""gradcheck next to bounds, at kinks at the second order, and of writes that change nothing."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import autograd as ag
from autograd import Tensor, check_tape, gradcheck
from autograd.engine.primitives import Primitive
from nn import functional as F


def on_arrays(forward: Callable[..., Any], *rules: Callable[..., Any]) -> Primitive:
    return ag.primitive(forward).defvjp(*map(ag.on_arrays, rules))


def verdict(f: Callable[..., Any], *inputs: Any, **options: Any) -> str:
    return gradcheck(f, *inputs, raise_exception=False, **options).verdict


# --- next to a bound -----------------------------------------------------------------------------

BEFORE_1, AFTER_1 = np.nextafter(np.float32(1), np.float32([0, 2]))
TINY = np.finfo(np.float32).smallest_subnormal


@pytest.mark.parametrize(
    ("f", "at", "domain"),
    [
        (ag.arccos, [BEFORE_1], None),
        (ag.arccos, [BEFORE_1, 0.3], (-1, 1)),
        (ag.arcsin, [-BEFORE_1, 0.3], None),
        (ag.arctanh, [BEFORE_1, 0.3], None),
        (ag.arccosh, [AFTER_1, 1.3], (1, None)),
        (ag.log1p, [-BEFORE_1], None),
        (ag.log, [TINY], None),  # its slope is infinite in float32
        (ag.log, [1, 1e-30], None),
        (ag.sqrt, [TINY, 0.3], (0, None)),
        (ag.sqrt, [TINY, 0.3], None),
        (lambda x: x**0.5, [0.3, 1e-20, 4], None),
        (ag.log, [*np.linspace(0.1, 1, 100), 1e-20], None),
    ],
)
def test_a_point_next_to_a_bound_is_judged_without_a_warning(
    f: Callable[..., Any], at: list[float], domain: Any
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        x = np.array(at, np.float32)
        assert verdict(f, x, domain=domain) == "pass"
        assert verdict(lambda x: f(_wrong(x)), x, domain=domain) == "fail"


_wrong = ag.primitive(lambda x: 1 * x).defvjp(lambda g, out, x: 1.01 * g)


def test_where_f_is_not_finite_it_says_what_to_do() -> None:
    report = gradcheck(ag.log, np.array([np.finfo(float).tiny]), raise_exception=False)
    assert report.verdict == "inconclusive"
    assert "tell by domain=(lo, hi) where it may be asked" in str(report)


@pytest.mark.parametrize(
    ("domain", "error", "message"),
    [
        ((np.nan, 1), ValueError, "domain: a bound of argument 0 is NaN; None stands"),
        ((0, np.array([np.nan, 5])), ValueError, "domain: a bound of argument 0 is NaN"),
        ((2, 0), ValueError, r"domain=\(2, 0\) .*lower bound is above the upper"),
        (([0, 3], [2, 2]), ValueError, "domain=.*lower bound is above the upper"),
        ((np.zeros(3), 2), ValueError, r"domain: a bound of shape \(3,\) .* of shape \(2,\)"),
        ((None, np.ones((2, 2))), ValueError, r"domain: a bound of shape \(2, 2\)"),
        ((None, [[1, 2], [3]]), ValueError, "domain: a bound of argument 0 is no array"),
        (("a", "b"), TypeError, "domain: a bound of argument 0 is 'a'; a real number"),
        ((0, 1j), TypeError, "domain: a bound of argument 0 is 1j; a real number"),
        ((object(), 1), TypeError, "domain: a bound of argument 0 is <object"),
        ((0, 1, 2), ValueError, r"domain=\(0, 1, 2\) given, a pair"),
        ([(0, 3), (0, 3)], ValueError, "domain is a list of 2 for 1 inputs"),
    ],
)
def test_a_domain_that_is_none_is_named(domain: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=f"gradcheck: {message}"):
        gradcheck(ag.exp, np.array([1.0, 2]), domain=domain)


def test_bounds_may_be_lists_and_tensors() -> None:
    assert gradcheck(ag.exp, np.array([1.0, 2]), domain=([0, 2], Tensor([1.0, 3.0])))


# --- the second order at a kink ------------------------------------------------------------------

KINKS: list[tuple[Callable[..., Any], Any]] = [
    (F.relu, [0.0, 1, -1]),
    (ag.abs, [0.0, 1, 0]),
    (ag.max, [1.0, 3, 3]),
    (lambda x: ag.max(x, axis=0), [[1.0, 3], [1, 3]]),
    pytest.param(ag.min, [1.0, 1, 1], marks=pytest.mark.slow),
    pytest.param(F.leaky_relu, [0.0, 1, -1], marks=pytest.mark.slow),
    (lambda x: ag.clip(x, 0, 1), [0.0, 1, 0.5]),
    (lambda x: ag.maximum(x, x[::-1]), [1.0, 2, 1]),
    pytest.param(F.relu, np.zeros(200), marks=pytest.mark.slow),
    pytest.param(ag.max, np.ones(100), marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("f", "x"), KINKS)
def test_what_is_linear_on_both_sides_has_no_second_derivative_there(
    f: Callable[..., Any], x: Any
) -> None:
    assert verdict(f, np.array(x), order=2) == "pass"
    # A slope that is right, and whose own slope is not.
    assert verdict(lambda x: f(x) + _bent(x), np.array(x), order=2) == "fail"
    assert verdict(lambda x: f(x) + _bent(x), np.array(x)) == "pass"


_bent = ag.primitive(lambda x: 0 * x.sum()).defvjp(
    lambda g, out, x: g * 5 * (x - x.detach()) + 0 * x
)


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: ag.exp(F.relu(x)), "pass"),  # 0 and 1, and 0 chosen
        (lambda x: F.relu(x) * x, "pass"),
        (lambda x: ag.exp(ag.abs(x)), "inconclusive"),  # 1 on both sides
        (lambda x: ag.exp(ag.abs(x)) + _bent(x), "fail"),
    ],
)
def test_second_derivatives_that_are_not_0_beside_a_kink(
    f: Callable[..., Any], expected: str
) -> None:
    report = gradcheck(f, np.array([0.0, 1, -1]), order=2, raise_exception=False)
    assert report.verdict == expected
    if expected == "inconclusive":
        assert "a kink here (argument 0 at [0])" in str(report)


def test_a_second_derivative_at_a_kink_of_what_is_linear_beside_it() -> None:
    def rule(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
        return g * (Tensor((x.data > 0) * 1.0) + 7 * (x - x.detach()) * Tensor((x.data == 0) * 1.0))

    op = ag.primitive(lambda x: np.maximum(x, 0)).defvjp(rule)
    assert verdict(op, np.array([0.0, 1, -1])) == "pass"
    assert verdict(op, np.array([0.0, 1, -1]), order=2) == "fail"
    assert verdict(op, np.array([2.0, 1, -1]), order=2) == "pass"


def test_a_second_derivative_that_is_wrong_where_f_is_smooth() -> None:
    """Only at that point: of Huber's loss at its target, of a rule that guards a division."""

    def guarded(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
        r = ag.abs(x)
        return g * ag.where(r.data > 0, x * r / ag.where(r.data > 0, r, 1), 0)

    op = ag.primitive(lambda x: x**2 / 2).defvjp(guarded)
    assert verdict(op, np.array([0.0, 1, -1])) == "pass"
    assert verdict(op, np.array([0.0, 1, -1]), order=2) == "fail"
    assert verdict(lambda x: F.huber_loss(x, np.zeros(3)), np.array([0.0, 0.5, 2]), order=2) == (
        "pass"
    )


def test_a_rule_that_reads_the_sign_of_the_whole_gradient_fails() -> None:
    """At ties, and elsewhere: cotangents include those that are negative, or positive, only."""
    for sign in (1, -1):
        for x in (np.array([[1.0, 2], [1, 0]]), np.arange(4.0).reshape(2, 2)):
            op = on_arrays(
                lambda x: x.max(0),
                lambda g, out, x, s=sign: (
                    (np.abs(g) * s if (g * s < 0).all() else g)
                    * (np.arange(2)[:, None] == x.argmax(0))
                ),
            )
            assert verdict(op, x) == "fail"


# --- writes that change nothing ------------------------------------------------------------------


def _sorts(x: Any) -> Any:
    x.sort()
    return x.sum()


def _clips(x: Any) -> Any:
    return np.clip(x, 0, None, out=x).sum()


def _masks(x: Any) -> Any:
    x[x < 0] = 0
    return x.sum()


def _scales(x: Any) -> Any:
    x *= 1
    return x.sum()


def _through_a_view(x: Any) -> Any:
    x.reshape(-1)[0] = x.flat[0]
    return x.sum()


@pytest.mark.parametrize("forward", [_sorts, _clips, _masks, _scales, _through_a_view])
def test_a_forward_that_writes_what_is_there_already(forward: Any) -> None:
    op, x = on_arrays(forward, lambda g, out, x: g * np.ones(x.shape)), np.array([1.0, 2, 3])
    for f in (op, lambda x: ag.exp(op(1 * x))):
        report = gradcheck(f, x, raise_exception=False)
        assert report.verdict == "fail"
        assert f"the forward of '{forward.__name__}' wrote into argument 0" in str(report)
        assert "changes nothing here" in str(report)
    assert x.flags.writeable
    report = check_tape(op(Tensor(x, requires_grad=True)), raise_exception=False)
    assert "wrote into argument 0" in str(report)


def test_which_argument_it_writes_into() -> None:
    def forward(x: Any, y: Any) -> Any:
        y += 0
        return x * y

    op = on_arrays(forward, lambda g, out, x, y: g * y, lambda g, out, x, y: g * x)
    report = gradcheck(op, np.ones(3), np.ones(3), raise_exception=False)
    assert "the forward of 'forward' wrote into argument 1, float64 (3,)" in str(report)


@pytest.mark.parametrize("target", ["g", "out", "x"])
def test_a_rule_that_writes_what_is_there_already(target: str) -> None:
    constant = np.array([2.0, 2])

    def rule(g: Any, out: Any, x: Any) -> Any:
        {"g": g, "out": out, "x": x}[target][...] *= 1
        return g * constant

    op, x = on_arrays(lambda x: x * constant, rule), np.array([1.0, 2])
    report = gradcheck(lambda x: ag.exp(op(x)), x, raise_exception=False)
    assert report.verdict == "fail"
    assert "a rule of '<lambda>'" in str(report)
    assert x.flags.writeable
    assert constant.flags.writeable


def test_a_function_that_writes_outside_of_any_op() -> None:
    def f(x: Tensor) -> Tensor:
        x.data.sort()
        return ag.exp(x)

    report = gradcheck(f, np.array([1.0, 2]), raise_exception=False)
    assert "f, outside of any op, wrote into what it is given" in str(report)


def test_what_writes_into_its_own_arrays_passes() -> None:
    whole = np.arange(6.0)

    def forward(x: Any, c: Any) -> Any:
        scratch = x.copy()
        scratch.sort()
        return scratch.sum() * c.sum()

    op = on_arrays(forward, lambda g, out, x, c: g * np.full(x.shape, c.sum()), None)
    assert gradcheck(lambda x: op(x, whole[2:]) + op(x, whole), np.array([1.0, 2]))
    whole[:] = 0
    assert_array_equal(whole[2:], 0)
