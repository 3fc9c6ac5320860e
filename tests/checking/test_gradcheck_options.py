"""gradcheck: steps and domains, what writes into its arguments, and first mistakes in an op."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import autograd as ag
from autograd import Tensor, check_tape, gradcheck
from autograd.checking import GradcheckError
from autograd.engine.primitives import Primitive


def on_arrays(forward: Callable[..., Any], *rules: Callable[..., Any]) -> Primitive:
    return ag.primitive(forward).defvjp(*map(ag.on_arrays, rules))


def within(forward: Callable[..., Any], rule: Callable[..., Any], lo: Any, hi: Any) -> Primitive:
    """An op that is asked within its bounds only."""

    def guarded(x: Any) -> Any:
        assert (x >= lo).all() and (x <= hi).all(), x
        return forward(x)

    return on_arrays(guarded, rule)


def verdict(f: Callable[..., Any], *inputs: Any, **options: Any) -> str:
    return gradcheck(f, *inputs, raise_exception=False, **options).verdict


# --- domain --------------------------------------------------------------------------------------

FUNCTIONS = {
    "arcsin": (np.arcsin, lambda x: 1 / np.sqrt(1 - x * x), (-1, 1)),
    "log": (np.log, lambda x: 1 / x, (5e-324, 2)),
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x), (0, 2)),
    "cube": (lambda x: x**3 + x, lambda x: 3 * x * x + 1, (-1, 2)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("distance", [1.0, 1e-3, 1e-6, 1e-8])
@pytest.mark.parametrize("count", [3, pytest.param(100, marks=pytest.mark.slow)])
def test_no_point_leaves_the_domain(name: str, distance: float, count: int) -> None:
    forward, slope, (lo, hi) = FUNCTIONS[name]
    x = lo + distance * np.linspace(1, 0.5, count)
    right = within(forward, lambda g, out, x: g * slope(x), lo, hi)
    wrong = within(forward, lambda g, out, x: g * slope(x) * 1.01, lo, hi)
    assert verdict(right, x, domain=(lo, hi)) == "pass"
    assert verdict(right, x, domain=(lo, None)) == "pass"
    assert verdict(wrong, x, domain=(lo, hi)) == "fail"


def test_differences_are_one_sided_at_a_bound() -> None:
    x = np.array([-1.0, 2, 0.5, 2])
    for factor, expected in [(1, "pass"), (1.0001, "fail")]:
        cube = within(
            lambda x: x**3 + x, lambda g, o, x, by=factor: g * (3 * x * x + 1) * by, -1, 2
        )
        assert verdict(cube, x, domain=(-1, 2)) == expected
        assert verdict(cube, np.linspace(-1, 2, 500), domain=(-1, 2)) == expected
    # Within its domain this is x, and has no kink.
    relu = within(lambda x: np.maximum(x, 0), lambda g, out, x: g * (x >= 0), 0, 9)
    assert verdict(relu, np.array([0.0, 1]), domain=(0, 9)) == "pass"
    relu = within(lambda x: np.maximum(x, 0), lambda g, out, x: g * (x > 0), 0, 9)
    assert verdict(relu, np.array([0.0, 1]), domain=(0, 9)) == "fail"


@pytest.mark.parametrize("bound", [2.0, -1.0])
def test_ties_at_a_bound_are_judged_together(bound: float) -> None:
    x = np.array([bound, bound, 0.5 if bound > 0 else bound])
    shared = within(np.max, lambda g, o, x: g * (x == o) / (x == o).sum(), -1, 2)
    greedy = within(np.max, lambda g, o, x: g * (x == o), -1, 2)
    assert verdict(shared, x, domain=(-1, 2)) == "pass"
    assert verdict(greedy, x, domain=(-1, 2)) == "fail"


def test_domains_of_each_input_of_arrays_and_of_the_second_order() -> None:
    assert verdict(
        lambda x, y: ag.log(x) * y,
        np.array([1e-3, 2]),
        np.array([1.0, 2]),
        domain=[(0, None), None],
        order=2,
    ) == ("pass")
    low, high = np.array([0.0, -1]), np.array([1, 0.2000001])
    arcsin = within(np.arcsin, lambda g, out, x: g / np.sqrt(1 - x * x), low, high)
    assert verdict(arcsin, np.array([0.9, 0.2]), domain=(low, high)) == "pass"
    assert verdict(ag.arcsin, np.array([1 - 1e-3, 0]), domain=(-1, 1), order=2) == "pass"


@pytest.mark.parametrize(
    ("domain", "message"),
    [
        (3, r"domain=3 given, a pair \(lo, hi\) expected"),
        ([0, 1], r"a list of 2 for 1 inputs"),
        ([(0, 1), None], r"a list of 2 for 1 inputs"),
        ((2, 3), r"argument 0 is 1.0 at \[0\], outside of its domain \(2, 3\)"),
        ((1, 1), r"outside of its domain \(1, 1\), or that has no room"),
    ],
)
def test_a_domain_that_is_none(domain: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"gradcheck: .*{message}"):
        gradcheck(ag.exp, np.ones(2), domain=domain)


# --- step ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [0.5, 1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("count", [2, 100])
def test_no_step_is_longer_than_the_callers(step: float, count: int) -> None:
    x = np.linspace(0.3, 100, count)
    moved: list[float] = []

    def forward(a: Any) -> Any:
        moved.append(float(np.abs(a - x).max()))
        return np.exp(a / 50)

    assert verdict(on_arrays(forward, lambda g, out, x: g * out / 50), x, step=step) == "pass"
    assert 0.5 * step < max(moved) <= step
    wrong = on_arrays(forward, lambda g, out, x: g * out / 50 * 1.001)
    assert verdict(wrong, x, step=step) == "fail"


@pytest.mark.parametrize("step", [1e-1, 1e-3, 1e-6])
def test_kinks_and_ties_with_steps_of_the_caller(step: float) -> None:
    assert verdict(lambda x: ag.maximum(x, 0), np.array([0, step / 3, 1]), step=step) == "pass"
    shared = on_arrays(np.max, lambda g, out, x: g * (x == out) / 2)
    greedy = on_arrays(np.max, lambda g, out, x: g * (x == out))
    assert verdict(shared, np.array([1.0, 3, 3]), step=step) == "pass"
    assert verdict(greedy, np.array([1.0, 3, 3]), step=step) == "fail"


@pytest.mark.parametrize("count", [2, 300])
def test_what_is_rough_at_short_steps_is_checked_with_long_ones(count: int) -> None:
    x, table = np.linspace(0.3, 1, count), np.linspace(0, 2, 20_001)
    cases: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
        (lambda x: np.round(np.sin(x), 6), np.cos),
        (lambda x: np.exp(x.astype(np.float32)).astype(float), np.exp),
        (lambda x: np.interp(x, table, table**2), lambda x: 2 * x),
    ]
    for forward, slope in cases:
        right = on_arrays(forward, lambda g, out, x, s=slope: g * s(x))
        wrong = on_arrays(forward, lambda g, out, x, s=slope: g * s(x) * 1.05)
        assert verdict(right, x, step=0.1) == "pass"
        assert verdict(wrong, x, step=0.1) == "fail"


def test_a_function_that_rounds_inside_is_told_of_longer_steps() -> None:
    def f(x: Tensor) -> Tensor:
        return ag.exp(x.astype(np.float32)).astype(np.float64)

    with pytest.raises(GradcheckError, match=r"'astype' gave float32 for float64.*step="):
        gradcheck(f, np.array([0.3, 1]))
    assert gradcheck(f, np.array([0.3, 1]), step=0.1)


@pytest.mark.parametrize("step", [0, -1e-3, "small", np.inf, True])
def test_a_step_that_is_none(step: Any) -> None:
    with pytest.raises(ValueError, match=r"gradcheck: step=.* given, a positive number expected"):
        gradcheck(ag.exp, np.ones(2), step=step)


# --- order 2 -------------------------------------------------------------------------------------


def test_order_two_has_cotangents_that_are_not_tracked() -> None:
    """A rule that goes another way where what it is given has no history."""

    def rule(g: Any, out: Any, x: Any) -> Any:
        return g * (ag.cos(x) if g.requires_grad else ag.cos(x.detach()))

    op = ag.primitive(np.sin).defvjp(rule)
    x = np.array([0.3, 1])
    assert gradcheck(op, x)
    report = gradcheck(op, x, order=2, raise_exception=False)
    assert report.verdict == "fail"
    assert [a.name for a in report.arguments if a.verdict == "fail"] == [
        "argument 0, of constant cotangents"
    ]


# --- writes --------------------------------------------------------------------------------------


def _scales_in_place(x: Any) -> Any:
    x *= 2
    return x


def _rectifies_in_place(x: Any) -> Any:
    return np.maximum(x, 0, out=x)


def _writes_into_the_second(x: Any, y: Any) -> Any:
    y += x
    return y.copy()


@pytest.mark.parametrize(
    ("op", "inputs", "what"),
    [
        (
            ag.primitive(_scales_in_place).defvjp(lambda g, out, x: 2 * g),
            [np.array([1.0, 2])],
            "the forward of '_scales_in_place' wrote into argument 0, float64 (2,)",
        ),
        (  # it gives the same the second time
            ag.primitive(_rectifies_in_place).defvjp(lambda g, out, x: g * (out.data > 0)),
            [np.array([1.0, -2])],
            "the forward of '_rectifies_in_place' wrote into argument 0",
        ),
        (
            ag.primitive(_writes_into_the_second).defvjp(
                lambda g, out, x, y: g, lambda g, out, x, y: g
            ),
            [np.array([1.0, 2]), np.array([1.0, 2])],
            "the forward of '_writes_into_the_second' wrote into argument 1",
        ),
    ],
)
def test_a_forward_that_writes_into_its_argument_is_named(op: Any, inputs: Any, what: str) -> None:
    before = [a.copy() for a in inputs]
    for f in (op, lambda *args: ag.exp(op(*(1 * a for a in args))) * 2):
        report = gradcheck(f, *inputs, raise_exception=False)
        assert report.verdict == "fail"
        assert what in str(report)
        assert __file__ in str(report)
    assert_array_equal(inputs, before)


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("g", "the gradient that it was given"),
        ("out", "the output"),
        ("x", "argument 0"),
        ("c", "argument 1"),
    ],
)
def test_a_rule_that_writes_is_named(target: str, what: str) -> None:
    def rule(g: Any, out: Any, x: Any, c: Any) -> Any:
        result = g * c
        {"g": g, "out": out, "x": x, "c": c}[target][...] = 3
        return result

    op = on_arrays(lambda x, c: x * c, rule).defvjp(ag.on_arrays(rule), None)
    f = lambda x: ag.exp(op(x, np.array([3.0, 4])))  # noqa: E731
    with pytest.raises(GradcheckError) as caught:
        gradcheck(f, np.array([0.1, 0.2]))
    assert f"rule 0 of '<lambda>' wrote into {what}, float64 (2,)" in str(caught.value)


def test_a_function_that_writes_outside_of_any_op() -> None:
    def f(x: Tensor) -> Tensor:
        x.data[...] *= 2
        return ag.exp(x)

    with pytest.raises(GradcheckError, match="f wrote into argument 0, outside of any op"):
        gradcheck(f, np.array([0.1, 0.2]))


def test_check_tape_names_a_forward_that_writes() -> None:
    op = ag.primitive(_scales_in_place).defvjp(lambda g, out, x: 2 * g)
    loss = ag.exp(op(Tensor([0.1, 0.2], requires_grad=True) + 0)).sum()
    with pytest.raises(GradcheckError, match="the forward of '_scales_in_place' wrote into"):
        check_tape(loss)


def test_what_writes_elsewhere_passes() -> None:
    scratch = np.zeros(2)
    op = on_arrays(lambda x: np.multiply(x, x, out=scratch), lambda g, out, x: 2 * g * x)
    assert gradcheck(op, np.array([1.0, 2]))


# --- first mistakes of the author of an op -------------------------------------------------------

x = np.array([1.0, 2, 3])


def square(*rules: Any) -> Primitive:
    return ag.primitive(lambda x: x**2).defvjp(*rules)


@pytest.mark.parametrize(
    ("f", "inputs", "error", "words"),
    [
        (ag.exp(Tensor(x)), (x,), TypeError, "a function expected.*not gradcheck.op.x., x."),
        (None, (x,), TypeError, "NoneType given for f, a function expected"),
        (lambda x, y: x * y, ((x, x),), TypeError, "missing a required argument: 'y'; give them"),
        (ag.exp, (x, x), TypeError, "f does not take these 2 inputs: too many positional"),
        (lambda x: None, (x,), TypeError, "f returned NoneType, at least one Tensor"),
        (lambda x: x.data**2, (x,), TypeError, "f returned float64 .*has left the tape"),
        (square(lambda g, out, x: 2 * x), (x,), GradcheckError, "does not multiply by the g"),
        (square(lambda g, out, x: g * g * x), (x,), GradcheckError, "or not once"),
        (square(lambda g, out, x: 2 * g.data * x.data), (x,), TypeError, "rule 0 .*on_arrays"),
        (square(lambda g, out, x: None), (x,), TypeError, "rule 0 of .* returned NoneType"),
        (square(lambda g, out, x: g.sum()), (x,), ValueError, "rule 0 of .* of shape \\(\\)"),
        (square(), (x,), RuntimeError, "has no rule for argument 0"),
    ],
)
def test_the_error_says_what_to_do(f: Any, inputs: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        gradcheck(f, *inputs)
