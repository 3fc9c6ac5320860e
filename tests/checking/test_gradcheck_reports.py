"""What the reports of gradcheck and check_tape say: in whose words, of what, and how often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, check_tape, gradcheck, on_arrays, primitive

Op = Any


def op(forward: Callable[..., Any], *rules: Callable[..., Any]) -> Op:
    """An op with rules on arrays."""
    return primitive(forward).defvjp(*map(on_arrays, rules))


def told(f: Any, *inputs: Any, **options: Any) -> str:
    return str(gradcheck(f, *inputs, raise_exception=False, **options))


x = np.array([[1.0, 2, 3], [4, 5, 6]])


# --- names ---------------------------------------------------------------------------------------


def test_a_line_names_the_element_of_the_result_and_that_of_the_argument() -> None:
    def rule(g: Any, out: Any, a: Any, b: Any) -> Any:
        right = a.T @ g
        right[2, 0] += g[1, 0]
        return right

    f = op(lambda a, b: a @ b, lambda g, out, a, b: g @ b.T, rule)
    printed = told(f, x, x.T.copy())
    assert "argument 1: d out[1, 0] / d b[2, 0]: the tape says 7, differences say 6 (to " in printed


@pytest.mark.parametrize(
    ("f", "inputs", "words"),
    [
        (op(lambda x: np.sum(x**2), lambda g, out, x: g * x), (x[0],), "d out / d x[0]: "),
        (op(lambda t: t**2, lambda g, out, t: g * t), (3.0,), "d out / d t: the tape says 3"),
        (lambda *xs: op(lambda x: x**2, lambda g, out, x: g * x)(xs[0]), (x,), "d arguments[0][0"),
        (
            lambda params: op(lambda x: x**2, lambda g, out, x: g * x)(params[1]),
            ([x[0], x[1]],),
            "d out[0] / d params[1][0]: ",
        ),
        (
            lambda x: (ag.exp(x), op(lambda x: x**2, lambda g, out, x: g * x)(x)),
            (x[0],),
            "d out[1][0] / d x[0]: ",
        ),
    ],
)
def test_names_are_those_of_the_function(f: Any, inputs: Any, words: str) -> None:
    assert words in told(f, *inputs)


def test_of_large_arguments_a_random_sum_is_told_once() -> None:
    slip = np.ones(200)
    slip[17] = 2
    f = op(lambda x: x**2, lambda g, out, x: 2 * g * x * slip)
    printed = told(f, np.linspace(1, 2, 200))
    assert printed.count("d (a random sum of all of out) / d x[17]: the tape says") == 1


# --- equal lines ---------------------------------------------------------------------------------


def test_equal_lines_are_one() -> None:
    f = op(lambda x: x.sum(axis=1), lambda g, out, x: 2 * np.repeat(g, 3).reshape(2, 3))
    line = (
        "d out[0] / d x[0, 0]: the tape says 2, differences say 1 (to 1e-09) (and 5 more like it)"
    )
    printed = told(f, x)
    assert f"argument 0: {line}\n" in printed
    assert printed.count("d out") == 1


def test_what_is_left_is_counted() -> None:
    printed = told(op(lambda x: x**3, lambda g, out, x: 2 * g * x**2), np.arange(1.0, 20))
    assert printed.count("d out") == 3
    assert "and 16 more derivatives that differ" in printed


def test_check_tape_folds_records_that_are_alike() -> None:
    wrong = op(np.sin, lambda g, out, x: g * np.sin(x))
    h = Tensor([0.3, 0.4], requires_grad=True)
    for _ in range(15):
        h = wrong(h)
    printed = str(check_tape(h.sum(), raise_exception=False))
    assert "1 of 16 records have right rules, 15 wrong" in printed
    assert printed.count(": fail") == 1
    assert "and 14 more like it: records 1, 2, 3, 4, 5, 6, 7, 8, ..." in printed


# --- the size of an error ------------------------------------------------------------------------


def test_an_error_is_measured_by_the_whole_gradient() -> None:
    """Of what is nearly 0 beside the rest, a slip of its own size is a small error."""
    at = np.array([1e-4, 1.0, 2.0])
    slip = np.array([3e-4, 0, 0])
    f = op(lambda x: np.sum(x**2), lambda g, out, x: 2 * g * x + g * slip)
    (argument,) = gradcheck(f, at, raise_exception=False).arguments
    assert argument.verdict == "fail"
    assert argument.error < 1e-3
    f = op(lambda x: np.sum(x**2), lambda g, out, x: 2 * g * x * np.array([1, 1, 1.01]))
    (argument,) = gradcheck(f, at, raise_exception=False).arguments
    assert argument.error == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize("factor", [0.5, 1.1, -1.0])
def test_an_error_of_all_of_a_large_gradient_is_as_large(factor: float) -> None:
    f = op(lambda x: x**2, lambda g, out, x: factor * 2 * g * x)
    (argument,) = gradcheck(f, np.linspace(1, 2, 300), raise_exception=False).arguments
    assert 0.01 * abs(1 - factor) < argument.error < 2


# --- the second order ----------------------------------------------------------------------------


def test_the_second_order_names_gradients_and_cotangents() -> None:
    cube = primitive(lambda x: x**3).defvjp(lambda g, out, x: 3 * x**2 * Tensor(g.data))
    printed = told(cube, x[0], order=2)
    assert "\ng, the gradient of out: d x.grad[0] / d g[0]: the tape says 0, differences" in printed
    cube = primitive(lambda x: x**3).defvjp(lambda g, out, x: 3 * g * Tensor(x.data) ** 2)
    assert "argument 0, second derivative: d x.grad[0] / d x[0]: " in told(cube, x[0], order=2)


def test_the_second_order_of_several_outputs() -> None:
    cube = primitive(lambda x: x**3).defvjp(lambda g, out, x: 3 * x**2 * Tensor(g.data))
    printed = told(lambda a, b: (ag.exp(a * b), cube(b)), x[0], x[1], order=2)
    assert "g[1], the gradient of out[1]: d b.grad[0] / d g[1][0]: the tape says 0" in printed


# --- causes --------------------------------------------------------------------------------------


def scattered(g: Any, x: Any, idx: Any) -> Any:
    o = np.zeros_like(x)
    o[idx] += g
    return o


idx = np.array([0, 2, 2, 1, 2])
rows = np.random.default_rng(0).integers(0, 30, (12, 6))


@pytest.mark.parametrize(
    ("f", "inputs"),
    [
        (op(lambda x: x[idx], lambda g, out, x: scattered(g, x, idx)), (np.array([1.0, 2, 3]),)),
        (
            op(lambda x: 3 * x[idx] ** 2, lambda g, out, x: scattered(6 * g * x[idx], x, idx)),
            (np.array([1.0, 2, 3]),),
        ),
        (
            op(lambda x: x[:, idx], lambda g, out, x: scattered(g.T, x.T, idx).T),
            (x,),
        ),
        (  # an embedding, of which no element is checked by itself
            op(lambda w: w[rows], lambda g, out, w: scattered(g, w, rows)),
            (np.random.default_rng(1).standard_normal((30, 8)),),
        ),
    ],
)
def test_indices_that_repeat(f: Op, inputs: Any) -> None:
    assert "use np.add.at(o, idx, g)" in told(f, *inputs)


def test_windows_that_overlap() -> None:
    def rule(g: Any, out: Any, x: Any) -> Any:
        o = np.zeros_like(x)
        for i in range(len(g)):
            o[i : i + 3] = g[i] * np.array([1, 2, 3])
        return o

    f = op(lambda x: np.convolve(x, [3.0, 2, 1], "valid"), rule)
    assert "`+=` for `=`" in told(f, np.arange(1.0, 8))


@pytest.mark.parametrize(
    "f",
    [
        op(lambda x: x[idx], lambda g, out, x: 2 * np.bincount(idx, g)),
        op(lambda x: x[idx], lambda g, out, x: 0 * np.bincount(idx, g)),
        op(lambda x: x[idx], lambda g, out, x: np.bincount(idx, g) * [1, 1, 0.3]),
        op(lambda x: np.cumsum(x)[::-1] * [1.0, 2, 3], lambda g, out, x: g),
        op(lambda x: x**2, lambda g, out, x: 0 * g),
    ],
)
def test_no_index_is_blamed_for_what_it_did_not_do(f: Op) -> None:
    printed = told(f, np.array([1.0, 2, 3]))
    assert "fail" in printed
    assert "add.at" not in printed


@pytest.mark.parametrize(
    ("forward", "slope"),
    [
        (lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0),
        (lambda x: np.maximum(x, 0), lambda x: (x >= 0) * 1.0),
        (lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.where(x > 0, 1, 0.1)),
        (lambda x: np.abs(x), np.sign),
        (lambda x: np.clip(x, -1, 2), lambda x: ((x >= -1) & (x <= 2)) * 1.0),
    ],
)
@pytest.mark.parametrize("factor", [-1.0, 2.0])
def test_a_factor_is_told_beside_a_kink(forward: Any, slope: Any, factor: float) -> None:
    at = np.array([-1.5, -1, 0, 1, 2, 3.0, 0, 0.5, 0.7])
    f = op(forward, lambda g, out, x: factor * g * slope(x))
    assert ("-1 times the right" if factor < 0 else "2 times the right") in told(f, at)


@pytest.mark.parametrize("factor", [-1.0, 2.0])
def test_a_factor_of_a_large_gradient_is_told_with_kinks_and_without(factor: float) -> None:
    at = np.round(np.random.default_rng(0).standard_normal(150), 1)
    assert (at == 0).any()
    sign = "its sign is wrong: " if factor < 0 else ""
    words = f"{sign}it is {factor:g} times the derivative, in all directions"
    for f in (
        op(lambda x: np.maximum(x, 0), lambda g, out, x: factor * g * (x > 0)),
        op(np.sin, lambda g, out, x: factor * g * np.cos(x)),
    ):
        assert words in told(f, at)
    halved = op(np.sin, lambda g, out, x: g * np.cos(x) * np.where(x > 0, factor, 1))
    assert "in all directions" not in told(halved, at)
