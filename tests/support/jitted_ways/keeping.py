"""What forwards keep for their rules, and gradients that hang on what was not asked for."""

from __future__ import annotations

import dataclasses
import types
from typing import Any

import numpy as np
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

import autograd as ag
import nn
from autograd import Saved, Tensor, primitive


@primitive(kind="elementwise")
def squared_above_zero(x: Any) -> Saved:
    return Saved(np.maximum(x, 0) ** 2, (x > 0, x * 2))


squared_above_zero.defvjp(lambda g, out, x, saved: g * saved[0] * saved[1])


@primitive
def soft(x: Any) -> Any:
    return np.log1p(np.exp(x))


soft.defvjp(lambda g, out, x: g / (1 + ag.exp(-x)))


@way("right")
def what_a_forward_keeps(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)

    @play.jit
    def f(x: Tensor) -> Any:
        w.grad = None
        squared_above_zero(w * x).sum().backward()
        return w.grad

    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def what_a_forward_keeps_for_later(play: Play) -> None:
    f = play.jit(lambda x: squared_above_zero(x).sum())
    for x in numbers(3):
        leaf = Tensor(x, requires_grad=True)
        play(f, leaf).backward()
        play.note(leaf)


@way("right", anew=True)
def hessians_through_ops_of_ones_own(play: Play) -> None:
    f = play.jit(lambda x: (soft(x) ** 2).sum())
    for x in numbers(3):
        play(ag.hessian(f), x)


@way("right", anew=True)
def hessians_through_masks(play: Play) -> None:
    f = play.jit(lambda x: (x[x > 0] ** 3).sum())
    for x in numbers(3):
        play(ag.hessian(f), np.abs(x))


@way("right")
def a_result_whose_slope_is_infinite_and_not_asked_for(play: Play) -> None:
    f = play.jit(lambda x: (x.sum(), ag.sqrt(x).sum(), (x * ag.sqrt(x)).sum()))
    for n, x in enumerate(numbers(3)):
        leaf = Tensor(np.abs(x) * [0, 1, 1], requires_grad=True)
        loss, _, other = play(f, leaf)
        (loss if n % 3 else loss + other).backward()
        play.note(leaf)


@way("right")
def equal_gradients_written_into(play: Play) -> None:
    v, w = nn.Parameter(np.ones(3)), nn.Parameter(np.ones(3))
    play.watch(v, w)

    @play.jit
    def f(x: Tensor) -> Tensor:
        v.grad = w.grad = None
        loss = ((v + w) * x).sum()
        loss.backward()
        return loss

    for x in numbers(3):
        play(f, Tensor(x))
        for p in (v, w):
            assert p.grad is not None
            p.grad.data[...] *= 0.5
        play.note(v, w)


@way("plain", "it binds an array that it is given")
def buffers_given_as_arrays(play: Play) -> None:
    norm = nn.BatchNorm1d(3)
    f = play.jit(lambda x, b: nn.functional_call(norm, b, x))
    state = {name: np.array(b.data) for name, b in norm.named_buffers()}
    for x in numbers(8, 3, dtype=np.float32):
        play(f, Tensor(x), state)
        play.note(sorted(state.items()))


@way("right")
def who_wants_gradients_changes_at_each_step(play: Play) -> None:
    model = nn.Sequential(
        nn.Linear(3, 4, rng=np.random.default_rng(1)), nn.Linear(4, 2, rng=np.random.default_rng(2))
    )
    optimizer = nn.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    play.watch(model, optimizer)

    @play.jit
    def step(x: Tensor) -> Tensor:
        loss = (model(x) ** 2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for n, x in enumerate(numbers(5, 3, dtype=np.float32, count=16)):
        model[0].weight.requires_grad = n % 2 == 0
        play(step, Tensor(x))


@way("right")
def a_rule_whose_strength_changes(play: Play) -> None:
    strength = [1.0]

    @primitive
    def reversed_(x: Any) -> Any:
        return x * 1.0

    reversed_.defvjp(lambda g, out, x: g * -strength[0])
    w = nn.Parameter(np.ones(3))
    play.watch(w)

    @play.jit
    def f(x: Tensor) -> Any:
        w.grad = None
        (reversed_(w) * x).sum().backward()
        return w.grad

    for n, x in enumerate(numbers(3, count=16)):
        strength[0] = 1.0 + n // 5
        play(f, Tensor(x))


@dataclasses.dataclass
class Scaled:
    scale: float


class Named(dict[str, float]):
    scale = 1.0


@way("right")
def an_equal_object_that_takes_anothers_place(play: Play) -> None:
    held = types.SimpleNamespace(options=Scaled(2.0))
    f = play.jit(lambda x: x * held.options.scale)
    for n, x in enumerate(numbers(3, count=16)):
        if n == 6:
            held.options = Scaled(2.0)
        if n == 8:
            held.options.scale = 5.0
        play(f, Tensor(x))


@way("right")
def an_attribute_of_somebodys_dict(play: Play) -> None:
    held = Named(a=1.0)
    f = play.jit(lambda x: x * held.scale)
    for n, x in enumerate(numbers(3, count=16)):
        if n == 6:
            held.scale = 3.0
        play(f, Tensor(x))


@way("right")
def an_attribute_of_a_function(play: Play) -> None:
    def times(x: Tensor) -> Any:
        return x * times.scale  # type: ignore[attr-defined]

    times.scale = 2.0  # type: ignore[attr-defined]
    f = play.jit(times)
    for n, x in enumerate(numbers(3, count=16)):
        if n == 6:
            times.scale = 3.0  # type: ignore[attr-defined]
        play(f, Tensor(x))


@way("right")
def a_rule_that_decides(play: Play) -> None:
    @primitive
    def steep(x: Any) -> Any:
        return x * 1.0

    steep.defvjp(lambda g, out, x: g * 2 if x.sum() > 0 else g)
    f = play.jit(lambda x: (steep(x) * x).sum())
    for x in numbers(3):
        leaf = Tensor(x, requires_grad=True)
        play(f, leaf).backward()
        play.note(leaf)


@way("right")
def a_rule_that_draws(play: Play) -> None:
    source = ag.random.Generator(3)

    @primitive
    def noisy(x: Any) -> Any:
        return x * 1.0

    noisy.defvjp(lambda g, out, x: g * source.normal(x.shape))
    play.watch(source)
    f = play.jit(lambda x: (noisy(x) * x).sum())
    for x in numbers(3):
        leaf = Tensor(x, requires_grad=True)
        play(f, leaf).backward()
        play.note(leaf)
