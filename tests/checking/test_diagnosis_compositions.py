"""Functions that several ops make up are told as one, also where only leaves are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import compare

RNG = np.random.default_rng(11)
X, W = RNG.standard_normal((6, 4)), RNG.standard_normal((4, 5))
B, TARGET = RNG.standard_normal(5), RNG.standard_normal((6, 5))

Function = Callable[[Any], Any]


def _sigmoid(z: Any) -> Any:
    return 1 / (1 + ag.exp(-z))


def _sigmoid_by_power(z: Any) -> Any:
    return (ag.exp(-z) + 1.0) ** -1.0


def _tanh(z: Any) -> Any:
    return (ag.exp(z) - ag.exp(-z)) / (ag.exp(z) + ag.exp(-z))


def _tanh_by_sigmoid(z: Any) -> Any:
    return 2 * ag.expit(2 * z) - 1


def _silu(z: Any) -> Any:
    return z * ag.expit(z)


def _relu_by_mask(z: Any) -> Any:
    return z * (z.data > 0)


def _softplus(z: Any) -> Any:
    return ag.log(1 + ag.exp(z))


CASES: list[tuple[Function, Function, str]] = [
    (_sigmoid, lambda h: 1 - h, "the sigmoid|you have 1 - h; it must be h (1 - h)"),
    (_sigmoid, lambda h: h, "the sigmoid|you have h; it must be h (1 - h)"),
    (_sigmoid_by_power, lambda h: 1 - h**2, "the sigmoid|you have 1 - h**2"),
    (_sigmoid_by_power, lambda h: (h * (1 - h)) ** 2, "the sigmoid|multiplied in twice"),
    (_sigmoid, lambda h: 1.0, "the sigmoid|is forgotten"),
    (_tanh, lambda h: 1 - h, "tanh|you have 1 - h; it must be 1 - h**2"),
    (_tanh_by_sigmoid, lambda h: h * (1 - h), "tanh|you have h (1 - h); it must be 1 - h**2"),
    (_softplus, lambda h: 1 / (1 + np.exp(-h)), "softplus|you have expit(h); it must be the sig"),
    (_silu, lambda h: 1.0, "SiLU|is forgotten"),
    (_relu_by_mask, lambda h: 1.0, "the ReLU|is forgotten"),
]


@pytest.mark.parametrize(("function", "slope", "said"), CASES)
@pytest.mark.parametrize("leaves", [False, True])
def test_a_composition_is_one_op(
    function: Function, slope: Function, said: str, leaves: bool
) -> None:
    def f(X: Any, W: Any, b: Any) -> Any:
        z = X @ W + b
        h = function(z)
        return 0.5 * ((h - TARGET) ** 2).sum()

    h = np.asarray(function(ag.Tensor(X @ W + B)).data)
    dz = (h - TARGET) * slope(h)
    given = {"W": X.T @ dz, "b": dz.sum(axis=0)} | ({} if leaves else {"h": h - TARGET, "z": dz})
    report = compare(f, X, W, B, **given)
    first = report.wrong[0]
    name, words = said.split("|")
    assert f"the derivative of {name} (which gave h in line" in first.diagnosis[0].text
    assert words in first.diagnosis[0].text
    assert str(report).count("the derivative of") == 1, str(report)
    if leaves:
        assert "what arrives at z" in str(report) and "explains b and W" in str(report)


def test_another_function_is_not_taken_for_a_known_one() -> None:
    """1.702 z in the sigmoid: what makes h of z has no name, and what is right is said in z."""

    def f(z: Any) -> Any:
        h = 1 / (1 + ag.exp(-1.702 * z))
        return (h * TARGET).sum()

    z = X @ W
    h = 1 / (1 + np.exp(-1.702 * z))
    report = compare(f, z, h=TARGET, z=TARGET * (1 - h**2))
    assert "of what makes h" in report["z"].diagnosis[0].text
    assert compare(f, z, h=TARGET, z=TARGET * 1.702 * h * (1 - h)).ok


def test_what_is_wrong_within_is_told_within() -> None:
    def f(z: Any) -> Any:
        e = ag.exp(-z)
        h = 1 / (1 + e)
        return (h * TARGET).sum()

    z = X @ W
    e = np.exp(-z)
    h = 1 / (1 + e)
    report = compare(f, z, h=TARGET, e=-TARGET * h, z=e * TARGET * h)
    assert report.first == "e" and report["z"].follows
    report = compare(f, z, h=TARGET, e=-TARGET * h**2, z=e * e * TARGET * h**2)
    assert report.first == "z" and "'exp'" in report["z"].diagnosis[0].text


def test_one_mistake_at_an_inner_variable_is_told_once() -> None:
    """The derivative of the tanh around a cell, or of the mask of a layer, by leaves alone."""
    f0, c0, i0, g = RNG.standard_normal((4, 3, 4))

    def cell(f: Any, c: Any, i: Any) -> Any:
        next_c = f * c + i
        return (ag.tanh(next_c) * g).sum()

    report = compare(cell, f0, c0, i0, f=g * c0, c=g * f0, i=g)
    assert "what arrives at next_c" in str(report) and "explains i, c and f" in str(report)
    assert "reason of its own" not in str(report)
    assert "the derivative of 'tanh'" in report.wrong[0].diagnosis[0].text

    def layer(X: Any, W: Any, b: Any) -> Any:
        z = X @ W + b
        return (ag.maximum(z, 0) * TARGET).sum()

    for dz in (TARGET, np.maximum(TARGET, 0)):
        report = compare(layer, X, W, B, W=X.T @ dz, b=dz.sum(axis=0))
        assert "what arrives at z" in str(report) and "explains b and W" in str(report)
        assert "reason of its own" not in str(report)
