"""What comes back: earlier results after later calls, and what shares memory with what."""

from __future__ import annotations

from typing import Any

import numpy as np
from support.jitted_ways.modules import linear
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

import autograd as ag
import nn
from autograd import Tensor


@way("right")
def earlier_results(play: Play) -> None:
    f = play.jit(lambda x: [ag.exp(x) + 1, (x @ x.T).sum(axis=0), x.T, ag.tanh(x) * 2])
    for x in numbers(40, 40):
        play(f, Tensor(x))


@way("right")
def results_that_are_views_of_one_another(play: Play) -> None:
    def f(x: Tensor) -> Any:
        y = ag.exp(x)
        return y, y.T, y[0], y.reshape(-1), y[::2]

    f = play.jit(f)
    for x in numbers(4, 4):
        play(f, Tensor(x))


@way("right")
def results_written_into(play: Play) -> None:
    f = play.jit(lambda x: (ag.exp(x), x * 2))
    for n, x in enumerate(numbers(3)):
        for out in play(f, Tensor(x)):
            out.data[:] = n


@way("right")
def a_constant_written_into(play: Play) -> None:
    f = play.jit(lambda x: (Tensor([1.0, 2.0, 3.0]), x * 2))
    for n, x in enumerate(numbers(3)):
        constant, _ = play(f, Tensor(x))
        constant.data[:] = n


@way("right")
def a_constant_array_written_into(play: Play) -> None:
    f = play.jit(lambda x: (np.zeros(3), x * 2))
    for n, x in enumerate(numbers(3)):
        constant, _ = play(f, Tensor(x))
        constant[:] = n


@way("right")
def a_list_that_is_returned_and_appended_to(play: Play) -> None:
    f = play.jit(lambda x: [x * 2, [1, 2], {"a": [3]}])
    for n, x in enumerate(numbers(3)):
        result = play(f, Tensor(x))
        result.append(n)
        result[1].append(n)
        result[2]["a"].append(n)


@way("right")
def a_gradient_of_ones_written_into(play: Play) -> None:
    w = Tensor(np.ones(3), requires_grad=True)
    play.watch(w)

    @play.jit
    def f(x: Tensor) -> Tensor:
        w.grad = None
        loss = (w + x).sum()
        loss.backward()
        return loss

    for n, x in enumerate(numbers(3)):
        play(f, Tensor(x))
        w.grad = Tensor(w.grad.data * 1)
        play(f, Tensor(x))
        if w.grad.data.flags.writeable:
            w.grad.data[:] = n


@way("right")
def a_gradient_that_is_the_argument(play: Play) -> None:
    w = Tensor(np.ones(3), requires_grad=True)
    play.watch(w)

    @play.jit
    def f(x: Tensor) -> Tensor:
        w.grad = None
        loss = (w * x).sum()
        loss.backward()
        return loss

    x = Tensor(np.zeros(3))
    for n, values in enumerate(numbers(3)):
        x.data[:] = values
        play(f, x)
        x.data[:] = n
        play.note(w)


@way("right")
def a_gradient_that_is_a_parameter(play: Play) -> None:
    v, w = (Tensor(np.ones(3), requires_grad=True) for _ in range(2))
    play.watch(v, w)

    @play.jit
    def f() -> Tensor:
        v.grad = w.grad = None
        loss = (v * w).sum()
        loss.backward()
        return loss

    for n in range(8):
        play(f)
        v.data[:] = n
        w.data = w.data + n
        play.note(v.grad, w.grad)


@way("right")
def two_gradients_that_are_one(play: Play) -> None:
    v, w = (Tensor(np.ones(3), requires_grad=True) for _ in range(2))
    play.watch(v, w)

    @play.jit
    def f(x: Tensor) -> Tensor:
        v.grad = w.grad = None
        loss = ((v + w) * x).sum()
        loss.backward()
        return loss

    for n, x in enumerate(numbers(3)):
        play(f, Tensor(x))
        v.grad = Tensor(v.grad.data * n)
        play.note(w)


@way("right")
def gradients_of_earlier_calls(play: Play) -> None:
    model, kept = linear(), list[Any]()
    play.watch(model, kept)

    @play.jit
    def f(x: Tensor) -> Tensor:
        model.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        return loss

    for x in numbers(4, 3):
        play(f, Tensor(x))
        kept.append([p.grad for p in model.parameters()])


@way("right")
def arrays_of_parameters_of_earlier_calls(play: Play) -> None:
    model, kept = linear(), list[Any]()
    optimizer = nn.optim.Adam(model.parameters(), lr=0.1)
    play.watch(model, kept)

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = (model(x) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for x in numbers(4, 3):
        play(f, Tensor(x))
        kept.append([p.data for p in model.parameters()])
        kept.append([s["exp_avg"] for s in optimizer.state.values()])


@way("right")
def the_argument_returned(play: Play) -> None:
    f = play.jit(lambda x: x)
    for n, x in enumerate(numbers(3)):
        given = Tensor(x)
        out = play(f, given)
        given.data[:] = n
        play.note(out is given)


@way("right")
def an_argument_times_one_and_written_into(play: Play) -> None:
    f = play.jit(lambda x: (x * 1.0, x + 0, x**1, ag.negative(-x)))
    for n, x in enumerate(numbers(3)):
        given = Tensor(x)
        play(f, given)
        given.data[:] = n


@way("right")
def views_of_an_argument_that_is_written_into(play: Play) -> None:
    f = play.jit(lambda x: (x.T, x.reshape(-1), x[0], ag.broadcast_to(x, (2, 3, 3))))
    for n, x in enumerate(numbers(3, 3)):
        given = Tensor(x)
        play(f, given)
        given.data[:] = n


@way("right")
def views_of_a_parameter_that_is_written_into(play: Play) -> None:
    w = Tensor(np.ones((3, 3)))
    f = play.jit(lambda x: (w.T, w * 1.0, w[0], w.reshape(9), x * 2))
    for n, x in enumerate(numbers(3)):
        play(f, Tensor(x))
        w.data[:] = n


@way("right")
def a_parameter_returned(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    f = play.jit(lambda x: (w, w * x))
    for n, x in enumerate(numbers(3)):
        out = play(f, Tensor(x))
        play.note(out[0] is w)
        w.data = w.data + n


@way("right")
def a_gradient_returned(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)

    @play.jit
    def f(x: Tensor) -> Any:
        w.grad = None
        (w * x * x).sum().backward()
        return w.grad

    for x in numbers(3):
        play.note(play(f, Tensor(x)) is w.grad)


@way("right")
def one_result_twice(play: Play) -> None:
    def f(x: Tensor) -> Any:
        y = ag.exp(x)
        return y, y, [y, {"y": y}]

    f = play.jit(f)
    for x in numbers(3):
        out = play(f, Tensor(x))
        play.note(out[0] is out[1], out[0] is out[2][0])


@way("right")
def nothing_returned(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)

    @play.jit
    def f(x: Tensor) -> None:
        (w * x).sum().backward()

    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def pythons_values_returned(play: Play) -> None:
    f = play.jit(lambda x, n: (x * n, n, n * 2, "text", x.shape, None, 1.5))
    for n, x in enumerate(numbers(3)):
        play(f, Tensor(x), n % 3)
