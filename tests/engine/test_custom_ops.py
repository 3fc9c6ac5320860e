"""The README's custom ops, to the second order, and short as promised."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from support.numerical import central

import autograd as ag
from autograd import Tensor

README = (Path(__file__).parents[2] / "README.md").read_text()
SECTION = README[README.index("## Custom ops") : README.index("## Derivatives of any order")]
CODE = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)


@pytest.fixture(scope="module")
def ops() -> dict[str, Any]:
    """What the README's blocks define, run from the top."""
    names: dict[str, Any] = {}
    before = README[: README.index("## Derivatives of any order")]
    for code in re.findall(r"```python\n(.*?)```", before, re.DOTALL):
        exec(code, names)
    return names


def test_there_are_five_of_at_most_ten_lines() -> None:
    assert len(CODE) == 5
    for code in CODE:
        definition = code[code.index("@") : code.rindex(".defvjp")]
        rules = code[code.rindex(".defvjp") :].split("\n)\n")[0].splitlines()
        lines = [line for line in definition.splitlines() if line.strip()]
        assert len(lines) + (len(rules) if rules[0].endswith("(") else 1) <= 10


def check(f: Callable[[Tensor], Tensor], x: np.ndarray, rng: np.random.Generator) -> None:
    """First and second derivatives of <v, f(x)> along a random direction."""
    v, u = rng.standard_normal(f(Tensor(x)).shape), rng.standard_normal(x.shape)

    def value(x: Tensor) -> Tensor:
        return (f(x) * v).sum()

    first, second = ag.grad(value), ag.hvp(value, [x], [u])
    along = central(lambda args: [value(Tensor(args[0])).data], [x], [u], [np.array(1.0)])
    assert_allclose((first(x) * u).sum(), along, rtol=1e-8)
    w = rng.standard_normal(x.shape)
    along = central(lambda args: [first(args[0])], [x], [u], [w])
    assert_allclose((second * w).sum(), along, rtol=1e-7, atol=1e-12)


def test_softplus(ops: dict[str, Any], rng: np.random.Generator) -> None:
    check(ops["softplus"], rng.standard_normal(4), rng)


def test_logsumexp(ops: dict[str, Any], rng: np.random.Generator) -> None:
    check(ops["logsumexp"], rng.standard_normal(4), rng)


def test_straight_through(ops: dict[str, Any]) -> None:
    f = ops["straight_through_round"]
    assert f(Tensor(1.6)).item() == 2
    assert ag.grad(lambda x: f(x) ** 3)(1.6).item() == 12  # 3 * 2^2, as if round were x
    assert ag.grad(ag.grad(lambda x: f(x) ** 3))(1.6).item() == 12


def test_solve(ops: dict[str, Any], rng: np.random.Generator) -> None:
    A, b = rng.standard_normal((3, 3)) + 3 * np.eye(3), rng.standard_normal(3)
    check(lambda A: ops["solve"](A, b), A, rng)
    check(lambda b: ops["solve"](A, b), b, rng)
    check(lambda t: ops["solve"](t * A, t * t * b), np.array(1.3), rng)


def test_polar(ops: dict[str, Any], rng: np.random.Generator) -> None:
    y = rng.uniform(1, 2, 3)
    for part in (0, 1):
        check(lambda x, part=part: ops["polar"](x, y)[part], rng.uniform(1, 2, 3), rng)
    check(lambda x: ops["polar"](x, x * x)[0] * ops["polar"](x, 2.0)[1], y, rng)
