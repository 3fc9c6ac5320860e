"""profile(): which calls are counted, for which op and phase, and whose time is whose."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from support.profiles import adds_up, calls, leaf, row

import autograd as ag
from autograd import Tensor, profile


def test_calls_are_counted_exactly_and_rules_apart_from_forwards() -> None:
    x, w = leaf(8, 4), leaf(4, 4)
    with profile() as p:
        for _ in range(3):
            x = x @ w + 1
        x.sum().backward()
    assert calls(p) == {
        (name, phase): n
        for name, n in (("matmul", 3), ("add", 3), ("sum", 1))
        for phase in ("forward", "backward")
    } | {("copy", "sweep"): 1}  # into .grad of the one leaf
    adds_up(p)


def test_what_runs_outside_is_not_counted() -> None:
    x = leaf(3)
    y = x * 2
    with profile() as p:
        y = y + 1
    y = y - 1
    assert calls(p) == {("add", "forward"): 1}
    before = p.total_seconds
    time.sleep(0.001)
    assert p.total_seconds == before


def test_times_are_those_that_pass_and_the_rest_is_said() -> None:
    @ag.primitive(kind="elementwise")
    def slow(x: Any) -> Any:
        time.sleep(0.02)
        return x * 1

    def pull_slow(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
        time.sleep(0.03)
        return g * 1

    slow.defvjp(pull_slow)
    x = leaf(3)
    x.register_hook(lambda g: time.sleep(0.04))
    with profile() as p:
        y = slow(x).sum()
        y.backward()
        time.sleep(0.05)
    # sleep() never ends early; what it is late by counts where it is.
    assert row(p, "slow").seconds >= 0.02
    assert row(p, "slow", "backward").seconds >= 0.03
    assert p.sweep_seconds >= 0.04
    assert p.rest_seconds >= 0.05
    adds_up(p)
    assert [r.seconds for r in p.rows] == sorted((r.seconds for r in p.rows), reverse=True)
    assert {r.name for r in p.rows[:2]} == {"slow"}


def test_what_an_op_calls_is_part_of_it() -> None:
    @ag.custom_vjp
    def twice(x: Tensor) -> Tensor:
        return ag.exp(ag.log(x)) * 2

    twice.defvjp(lambda g, out, x: g * 2)
    x = leaf(1000)
    with profile() as p:
        twice(x).backward(np.ones(1000, np.float32))
    both = {("twice", "forward"): 1, ("twice", "backward"): 1}
    assert calls(p) == both | {("copy", "sweep"): 1}
    assert row(p, "twice").nbytes == 8000  # its own argument and result
    assert row(p, "twice").flops is None
    assert (row(p, "twice", "backward").nbytes, row(p, "twice", "backward").flops) == (8000, 1000)
    adds_up(p)


def test_a_checkpoint_counts_what_it_computes_again() -> None:
    x = leaf(4)
    with profile() as p:
        ag.checkpoint(lambda x: ag.exp(ag.exp(x)))(x).sum().backward()
    assert calls(p) == {
        ("exp", "forward"): 4,
        ("exp", "backward"): 2,
        ("sum", "forward"): 1,
        ("sum", "backward"): 1,
        ("copy", "sweep"): 1,
    }
    adds_up(p)


def test_a_sweep_within_a_sweep_counts_once() -> None:
    def slow_to_pull(x: Tensor) -> Tensor:
        y = ag.exp(x)
        if y.requires_grad:  # it is computed again
            y.register_hook(lambda g: time.sleep(0.03))
        return y

    x = leaf(4)
    y = ag.checkpoint(slow_to_pull)(x).sum()
    with profile() as p:
        y.backward()
    assert 0.03 <= p.sweep_seconds <= p.total_seconds
    adds_up(p)  # none of the parts is negative


def test_a_sweep_within_a_rule_is_part_of_the_rule() -> None:
    @ag.primitive
    def cube(x: Any) -> Any:
        return x**3

    cube.defvjp(lambda g, out, x: g * ag.grad(lambda z: (z * z * z).sum())(x))
    x = leaf(4)
    with profile() as p:
        cube(x).sum().backward()
    both = {(n, f) for n in ("cube", "sum") for f in ("forward", "backward")}
    assert set(calls(p)) == both | {("copy", "sweep")}
    adds_up(p)


def test_ops_of_hooks_and_of_adding_to_grad_are_told_apart() -> None:
    x = leaf(4)
    (x * 2).sum().backward()
    x.register_hook(lambda g: ag.clip(g, -1, 1))
    with profile() as p:
        (x * 2).sum().backward()
    assert calls(p)[("clip", "sweep")] == 1
    assert set(calls(p)) >= {("multiply", "forward"), ("multiply", "backward")}
    adds_up(p)


def test_adding_to_a_gradient_that_is_there_belongs_to_the_rule() -> None:
    x = leaf(4)
    y = x * 1
    with profile() as p:
        (y * y).sum().backward()
    assert ("add", "sweep") not in calls(p) and ("add", "forward") not in calls(p)
    assert row(p, "multiply", "backward").calls == 2
    adds_up(p)


def test_second_derivatives() -> None:
    x = leaf(4)
    with profile() as p:
        ag.hvp(lambda x: (x * x * x).sum(), (x,), (leaf(4),))
    assert row(p, "multiply", "backward").calls >= 2
    adds_up(p)
