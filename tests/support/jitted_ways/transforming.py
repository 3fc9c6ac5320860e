"""Derivatives of jitted functions, jitted derivatives, and ops of somebody's own."""

from __future__ import annotations

from typing import Any

import numpy as np
from support.jitted_ways.modules import linear
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

import autograd as ag
import nn
from autograd import Tensor


def cubes(x: Any) -> Any:
    return (ag.sin(x) * x * x).sum()


def called(play: Play, f: Any) -> None:
    for n, x in enumerate(numbers(3)):
        play(f, Tensor(x, requires_grad=n % 3 == 2))


@way("right")
def arrays_in_and_out(play: Play) -> None:
    of_jit = play.jit(cubes)
    for f in (play.jit(ag.value_and_grad(cubes)), ag.grad(of_jit), play.jit(ag.hessian(cubes))):
        for x in numbers(3):
            play(f, x)


@way("right")
def an_array_that_is_returned(play: Play) -> None:
    f = play.jit(lambda x: (x, ag.grad(cubes)(x)))
    for x in numbers(3):
        play(f, x)


@way("right")
def jit_of_grad(play: Play) -> None:
    called(play, play.jit(ag.grad(cubes)))


@way("right")
def grad_of_jit(play: Play) -> None:
    called(play, ag.grad(play.jit(cubes)))


@way("right")
def grad_of_jit_that_reads_a_parameter(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)
    called(play, ag.grad(play.jit(lambda x: ag.exp(w * x).sum())))


@way("right")
def jit_of_grad_of_jit(play: Play) -> None:
    called(play, play.jit(ag.grad(play.jit(cubes))))


@way("right")
def jit_of_grad_of_grad(play: Play) -> None:
    called(play, play.jit(ag.grad(lambda x: ag.grad(cubes)(x).sum())))


@way("right")
def grad_of_grad_of_jit(play: Play) -> None:
    f = play.jit(cubes)
    called(play, ag.grad(lambda x: ag.grad(f)(x).sum()))


@way("right")
def hessian_of_jit(play: Play) -> None:
    called(play, ag.hessian(play.jit(cubes)))


@way("right")
def jit_of_hessian(play: Play) -> None:
    called(play, play.jit(ag.hessian(cubes)))


@way("right")
def jacobian_of_jit(play: Play) -> None:
    called(play, ag.jacobian(play.jit(lambda x: ag.exp(x) * x[0])))


@way("right")
def jit_of_jacobian(play: Play) -> None:
    called(play, play.jit(ag.jacobian(lambda x: ag.exp(x) * x[0])))


@way("right")
def jvp_of_jit(play: Play) -> None:
    f = play.jit(lambda x: ag.exp(x) * x[0])
    called(play, lambda x: ag.jvp(f, (x.detach(),), (Tensor(np.ones(3)),)))


@way("right")
def jit_of_jvp(play: Play) -> None:
    called(play, play.jit(lambda x: ag.jvp(lambda t: ag.exp(t) * t[0], (x,), (x * 2,))))


@way("right")
def vjp_of_jit(play: Play) -> None:
    f = play.jit(lambda x: ag.exp(x) * x[0])

    def both(x: Tensor) -> Any:
        out, pull = ag.vjp(f, x)
        return out, pull(Tensor(np.ones(3))), pull(Tensor(np.arange(3.0)))

    called(play, both)


@way("right")
def jit_of_vjp(play: Play) -> None:
    def both(x: Tensor) -> Any:
        out, pull = ag.vjp(lambda t: ag.exp(t) * t[0], x)
        return out, pull(Tensor(np.ones(3)))

    called(play, play.jit(both))


@way("right")
def hvp_of_jit(play: Play) -> None:
    f = play.jit(cubes)
    called(play, lambda x: ag.hvp(f, (x,), (Tensor(np.ones(3)),)))


@way("right")
def value_and_grad_in_jit(play: Play) -> None:
    called(play, play.jit(ag.value_and_grad(cubes)))


@way("right")
def value_and_grad_of_jit(play: Play) -> None:
    called(play, ag.value_and_grad(play.jit(cubes)))


@way("right")
def a_penalty_on_the_gradient(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    play.watch(model, optimizer)

    @play.jit
    def f(x: Tensor) -> Tensor:
        g = ag.grad(lambda t: ag.tanh(model(t)).sum())(x)
        loss = (model(x) ** 2).mean() + (g * g).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for x in numbers(4, 3):
        play(f, Tensor(x))


@way("right")
def backward_with_a_graph_within(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)

    @play.jit
    def f(x: Tensor) -> Tensor:
        w.grad = None
        ag.exp(w * x).sum().backward(create_graph=True)
        g, w.grad = w.grad, None
        assert g is not None
        (g * g).sum().backward()
        return g.detach()

    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def a_cotangent_that_is_given(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)

    @play.jit
    def f(x: Tensor, g: Tensor) -> Tensor:
        w.grad = None
        y = ag.exp(w * x)
        y.backward(g)
        return y.detach()

    for x in numbers(3):
        play(f, Tensor(x), Tensor(x * x))


@way("right")
def a_gradient_that_is_kept_of_what_is_computed(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)

    @play.jit
    def f(x: Tensor) -> Any:
        w.grad = None
        (ag.exp(w * x).sum()).backward(retain_graph=False)
        return w.grad * 2

    for x in numbers(3):
        play(f, Tensor(x))


@way("plain", "a hook is put on a tensor")
def retain_grad_within(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)

    @play.jit
    def f(x: Tensor) -> Any:
        y = w * x
        y.retain_grad()
        (y * y).sum().backward()
        return y.grad

    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def backward_through_what_was_computed_outside(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)
    f = play.jit(lambda y: (y * y).sum())
    for x in numbers(3):
        w.grad = None
        play(f, w * x).backward()
        play.note(w)


@way("plain", "computed outside")
def backward_within_through_what_was_computed_outside(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)

    @play.jit
    def f(y: Tensor) -> Tensor:
        loss = (y * y).sum()
        loss.backward()
        return loss.detach()

    for x in numbers(3):
        play(f, w * x)


@way("right")
def a_stopped_gradient(play: Play) -> None:
    called(play, play.jit(ag.grad(lambda x: (x * ag.stop_gradient(x * x)).sum())))


@way("right")
def a_checkpoint(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)
    part = ag.checkpoint(lambda x: ag.exp(ag.sin(w * x)))

    @play.jit
    def f(x: Tensor) -> Tensor:
        w.grad = None
        loss = part(x).sum()
        loss.backward()
        return loss

    for x in numbers(3):
        play(f, Tensor(x))


@way("right", anew=True)
def a_checkpoint_of_jit(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)
    inner = play.jit(lambda x: ag.exp(ag.sin(w * x)))
    part = ag.checkpoint(inner)
    for x in numbers(3):
        w.grad = None
        loss = play(part, Tensor(x)).sum()
        loss.backward()
        play.note(w)
    inner(Tensor(np.ones(3)))  # within a checkpoint it runs as it is


# --- ops of somebody's own -----------------------------------------------------------------------

FACTOR = [1.0]


@ag.primitive
def tripled(x: Any) -> Any:
    return 3 * x


tripled.defvjp(lambda g, out, x: g * 3)


@ag.primitive
def by_a_global(x: Any) -> Any:
    return FACTOR[0] * x


by_a_global.defvjp(lambda g, out, x: g * FACTOR[0])


@ag.primitive
def rounded_by_loops(x: Any) -> Any:
    out = np.empty_like(x)
    for i, value in enumerate(x):
        out[i] = float(value) if value > 0 else round(float(value))
    return out


rounded_by_loops.defvjp(ag.on_arrays(lambda g, out, x: np.where(x > 0, g, 0.0)))


@ag.custom_vjp
def clipped(x: Any) -> Any:
    return ag.clip(x, -1, 1)


clipped.defvjp(lambda g, out, x: g)


@way("right")
def an_op_of_ones_own(play: Play) -> None:
    called(play, play.jit(ag.grad(lambda x: (tripled(x) ** 2).sum())))


@way("right")
def an_op_that_loops_over_numbers(play: Play) -> None:
    called(play, play.jit(ag.value_and_grad(lambda x: (rounded_by_loops(x) * x).sum())))


@way("right")
def a_custom_vjp(play: Play) -> None:
    called(play, play.jit(ag.grad(lambda x: (clipped(x) ** 2).sum())))


@way("right")
def a_custom_vjp_around_jit(play: Play) -> None:
    inner = play.jit(lambda x: ag.clip(x, -1, 1))

    @ag.custom_vjp
    def straight(x: Any) -> Any:
        return inner(x)

    straight.defvjp(lambda g, out, x: g)
    called(play, ag.grad(lambda x: (straight(x) ** 2).sum()))
    for x in numbers(3):
        play(inner, Tensor(x))


@way("right")
def an_op_that_reads_a_global(play: Play) -> None:
    f = play.jit(lambda x: by_a_global(x) + 1)
    for n, x in enumerate(numbers(3)):
        FACTOR[0] = 1.0 + n // 4
        play(f, Tensor(x))


@way("right")
def a_rule_that_reads_a_global(play: Play) -> None:
    f = play.jit(lambda x: ag.grad(lambda t: by_a_global(t).sum())(x))
    for n, x in enumerate(numbers(3)):
        FACTOR[0] = 1.0 + n // 4
        play(f, Tensor(x))


@way("refused")
def an_op_declared_within(play: Play) -> None:
    def f(x: Tensor, n: int) -> Tensor:
        @ag.primitive(name="times_within")
        def times(a: Any) -> Any:
            return a * n

        times.defvjp(lambda g, out, a: g * n)
        return ag.grad(lambda t: times(t).sum())(x)  # here

    f = play.jit(f)
    for x in numbers(3):
        play(f, Tensor(x), 2)


@way("right")
def options_of_an_op(play: Play) -> None:
    f = play.jit(lambda x, n: ag.roll(x, n) * ag.pad(x, (n, 0))[: x.size])
    for n, x in enumerate(numbers(5)):
        play(f, Tensor(x), n % 3)
