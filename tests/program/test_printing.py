"""The text of programs, and the loops that explain folds them into."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.explaining import (
    expect_balanced,
    expect_gradients,
    expect_html,
    expect_tables,
    leaf,
    run,
)
from support.random_programs.builder import random_program
from support.random_programs.names import pullback_names
from support.specs.running import assert_close

import autograd as ag
import nn
from autograd import Tensor, explain
from autograd.program.expressions import SMALL, short
from autograd.program.passes import simplified
from autograd.program.watching import program_of

Array = np.ndarray[Any, Any]


def test_a_program_prints_as_its_lines(rng: np.random.Generator) -> None:
    w = Tensor(rng.random((3, 2)), requires_grad=True)

    def step(x: Tensor) -> Tensor:
        loss = ag.tanh(x @ w).sum()
        loss.backward()
        return loss

    assert str(program_of(step, rng.random((4, 3)))).splitlines() == [
        "# x: float64 (4, 3), input",
        "# p1: float64 (3, 2), read from outside",
        "v1 = x @ p1                                   # (4, 3), (3, 2) -> (4, 2)",
        "v2 = tanh(v1)                                 # (4, 2) -> (4, 2)",
        "v3 = sum(v2)                                  # (4, 2) -> ()",
        "d_v2 = broadcast_to(reshape(ones(()), (1, 1)), (4, 2))  # (1, 1) -> (4, 2)",
        "d_v1 = d_v2 * (1 - square(v2))                # (4, 2), (4, 2) -> (4, 2)",
        "d_p1 = x.mT @ d_v1                            # (3, 4), (4, 2) -> (3, 2)",
        "v4 = copy(d_p1)                               # (3, 2) -> (3, 2)",
        "p1.grad = v4",
        "return v3",
    ]


def gradient(f: Any, *xs: Array) -> list[str]:
    """The lines, without shapes, of a program that gives the gradient of f in its argument."""

    def step(x: Tensor) -> Any:
        own = Tensor(x, requires_grad=True)
        f(own).backward()
        return own.grad

    program = program_of(step, *xs)
    texts = [str(p).splitlines() for p in (program, simplified(program))]
    return [line.partition("  # ")[0].rstrip() for text in texts for line in text]


def test_gradients_that_are_one_have_one_name() -> None:
    lines = gradient(lambda x: (ag.exp(x) + x).sum(), np.ones(3))
    assert lines[4:6] == [
        "d_v2 = broadcast_to(reshape(ones(()), (1,)), (3,))",
        "d_x = d_v2 + d_v2 * v1",
    ]


@pytest.mark.parametrize(
    ("count", "text"), [(3, "1 / 3"), (4, "0.25"), (7, "1 / 7"), (32, "1 / 32"), (16, "0.0625")]
)
def test_parts_of_a_whole_are_written_as_fractions(count: int, text: str) -> None:
    for dtype in (np.float32, np.float64):
        lines = gradient(lambda x: (x * x).mean(), np.ones(count, dtype))
        assert f"d_x = {text} * x" in lines


def test_other_numbers_of_a_sweep_are_written_as_they_are() -> None:
    lines = gradient(lambda x: ag.sum(x * 0.7654321 * 1.2345678), np.ones(3))
    assert any("0.7654321" in line and " / " not in line for line in lines)
    lines = gradient(lambda x: ag.sum(x * (1 / 3)), np.ones(3))
    assert "v1 = x * 0.3333333333333333" in lines  # what the function itself has


def recurrent(steps: int, rng: np.random.Generator, columns: bool = False) -> Any:
    """The loss of a recurrent network that reads x[:, t], and its parameters."""
    u, v, b = leaf(4, 4, rng=rng), leaf(3, 4, rng=rng), leaf(4, rng=rng)
    x = rng.normal(size=(2, steps, 3))
    given = Tensor(x, requires_grad=True) if columns else x
    h = Tensor(np.zeros((2, 4)))
    for t in range(steps):
        h = ag.tanh(h @ u * 0.2 + given[:, t] @ v + b)
    return (h**2).mean(), {"U": u, "V": v, "b": b} | ({"x": given} if columns else {})


@pytest.mark.parametrize(
    ("as_run", "columns"),
    [
        (False, True),
        (True, False),
        pytest.param(False, False, marks=pytest.mark.slow),
        pytest.param(True, True, marks=pytest.mark.slow),
    ],
)
def test_200_steps_are_a_loop(columns: bool, as_run: bool, rng: np.random.Generator) -> None:
    loss, named = recurrent(200, rng, columns)
    explanation = expect_gradients(loss, *named.values(), names=named, as_run=as_run)
    text = str(explanation)
    assert len(text.splitlines()) < 150
    assert "for t in range(200):" in text
    assert "for t in reversed(range(1, 199)):" in text
    expect_balanced(explanation.latex())
    expect_tables(explanation.markdown())
    assert "for t in range(200):" in expect_html(explanation._repr_html_())


@pytest.mark.parametrize("labels", [2, 6])
def test_steps_may_read_the_same_constants(labels: int, rng: np.random.Generator) -> None:
    u, v, o = leaf(4, 4, rng=rng), leaf(6, 4, rng=rng), leaf(4, 6, rng=rng)
    letters, rows = rng.integers(0, labels, (60, 2)), np.eye(6)
    h, loss = Tensor(np.zeros((2, 4))), Tensor(0.0)
    for letter in letters:
        h = ag.tanh(h @ u * 0.2 + rows[letter] @ v)
        loss = loss + nn.functional.cross_entropy(h @ o, letter)
    text = str(expect_gradients(loss, u, v, o))
    assert len(text.splitlines()) < 110
    for t in range(2, 58):  # what is said of a step in a loop is said by its number
        assert f"[{t}]" not in text


def test_three_steps_are_a_loop_and_two_are_none(rng: np.random.Generator) -> None:
    def text(steps: int) -> list[str]:
        w, h = leaf(3, 3, rng=rng), Tensor(rng.random((2, 3)))
        for _ in range(steps):
            h = ag.tanh(h @ w)
        return [line.partition("  # ")[0].rstrip() for line in str(explain(h.sum())).splitlines()]

    assert not any("for " in line for line in text(2))
    lines = text(3)
    assert lines[lines.index("# Loops: v[t] is what v is at step t") :][:12] == [
        "# Loops: v[t] is what v is at step t",
        "v1, v2, d_v1, d_v2 = ({} for _ in range(4))",
        "",
        "# Forward",
        "v2[-1] = c1",
        "for t in range(3):",
        "    v1[t] = v2[t - 1] @ x1",
        "    v2[t] = tanh(v1[t])",
        "v3 = sum(v2[2])",
        "",
        "# Backward: d_v is the gradient of the result in v",
        "# v2[2] = tanh(v1[2])",
    ]


def test_the_whole_is_there_on_request(rng: np.random.Generator) -> None:
    loss, named = recurrent(20, rng)
    text = str(expect_gradients(loss, *named.values(), folded=False))
    assert "for t in" not in text
    assert len(text.splitlines()) > 300
    loss, named = recurrent(20, rng)
    assert "for t in" not in str(explain(loss, values=True))  # they differ at each step


def test_what_the_caller_has_named_has_its_name_in_a_loop(rng: np.random.Generator) -> None:
    w, x = leaf(3, 3, rng=rng), rng.random((2, 3))
    h, states = Tensor(x), {}
    for t in range(6):
        h = ag.tanh(h @ w)
        states[f"h{t}"] = h
    explanation = explain(h.sum(), names={"w": w, **states})
    space = run(explanation)
    for name, state in states.items():
        assert_close(space[name], state.data, 1e-15)
        assert name not in explanation.name_of(state) or explanation.name_of(state) == name
        assert_close(eval(explanation.name_of(state), space), state.data, 1e-15)
    h.sum().backward()
    assert_close(space["d_w"], w.grad.data, 1e-12)  # type: ignore[union-attr]


def test_steps_that_differ_are_no_loop(rng: np.random.Generator) -> None:
    w, x = leaf(3, 3, rng=rng), Tensor(rng.random((2, 3)))
    for f in (ag.tanh, ag.sin, ag.exp, ag.tanh, ag.sin, ag.exp):
        x = f(x @ w)
    assert "for t in" not in str(expect_gradients(x.sum(), w))


@pytest.mark.parametrize("lag", [1, 2, 3])
def test_what_is_read_of_steps_before(lag: int, rng: np.random.Generator) -> None:
    w = leaf(3, rng=rng)
    values = [leaf(3, rng=rng) for _ in range(lag)]
    starts = list(values)
    for _ in range(12):
        values.append(ag.sin(values[-lag] * w) + values[-1])
    expect_gradients(values[-1].sum(), w, *starts)


def test_loops_of_layers_and_of_skipping_indices(rng: np.random.Generator) -> None:
    x, w = leaf(20, 3, rng=rng), leaf(3, rng=rng)
    total = Tensor(0.0)
    for t in range(0, 20, 2):  # every other row
        total = total + (x[t] * w).sum()
    for t in range(9, -1, -1):
        total = total + (x[t] * x[t]).sum()
    expect_gradients(total, x, w)


def test_a_chain_of_powers_and_unequal_shapes(rng: np.random.Generator) -> None:
    x = leaf(3, rng=rng)
    y = x
    for k in range(5):
        y = ag.concatenate([y, y[: k + 1]]) * 0.5
    expect_gradients(y.sum(), x)
    z = leaf(3, rng=rng)
    y = z
    for k in range(8):
        y = y**2 * (k + 1.0) * 0.1  # numbers that differ are no loop
    assert "for t in" not in str(expect_gradients(y.sum(), z))


@pytest.mark.parametrize("chunk", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_random_programs_are_explained(chunk: int) -> None:
    for seed in range(chunk * 12, chunk * 12 + 12):
        expect_explained(seed)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(10))
def test_more_random_programs_are_explained(chunk: int) -> None:
    for seed in range(chunk * 100, chunk * 100 + 100):
        expect_explained(seed)


def expect_explained(seed: int) -> None:
    """The text of the derivation of a random program gives its gradients, both ways."""
    drawn = random_program(seed)
    if "hooked" in drawn.source():
        return  # explain runs no hooks
    nodes, head = drawn.on(pullback_names, Tensor), drawn.visible.index(drawn.heads[0])
    for as_run in (False, True):
        leaves = [Tensor(x, requires_grad=True) for x in drawn.inputs]
        loss = nodes(*leaves)[head]
        if loss.requires_grad:
            explanation = explain(loss, as_run=as_run)
            space = run(explanation)
            loss.backward()
            for own in leaves:
                if own.grad is not None:
                    gradient = space["d_" + explanation.name_of(own)]
                    assert_close(gradient, own.grad, 1e-12)


def test_numbers_in_short() -> None:
    assert short(np.asarray([1.0, -0.0])) == "[ 1., -0.]"
    assert short(np.arange(8.0)) == "min 0, max 7, mean 3.5"
    assert short(np.full(8, 1e308)) == "min 1e+308, max 1e+308, mean inf"  # and nobody is warned
    assert short(np.arange(8) > 2) == "5 of 8 true"
    assert short(np.full(8, 1 + 2j)) == "mean 1+2j"
    assert short(np.zeros(SMALL)) == "[" + ", ".join(["0."] * SMALL) + "]"
    assert short(np.zeros(SMALL + 1)).startswith("min")
