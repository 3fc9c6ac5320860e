"""Gradients of what a jitted function returned, and what they share."""

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
def graphs_of_earlier_calls(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)
    f = play.jit(lambda x: (ag.exp(w * x)).sum())
    losses = [play(f, Tensor(x)) for x in numbers(3)]
    for loss in losses[::-1]:
        w.grad = None
        loss.backward()
        play.note(w)


@way("right")
def a_graph_whose_parameter_moves_before_it_is_swept(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)
    f = play.jit(lambda x: (ag.exp(w * x) * w).sum())
    for n, x in enumerate(numbers(3)):
        loss = play(f, Tensor(x))
        w.data = w.data * 0.9 + n
        w.grad = None
        loss.backward()
        play.note(w)


@way("right")
def a_graph_swept_twice(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)
    f = play.jit(lambda x: ag.exp(w * x).sum())
    for x in numbers(3):
        loss = play(f, Tensor(x))
        loss.backward(retain_graph=True)
        loss.backward()
        try:
            loss.backward()
        except RuntimeError as error:
            play.note(type(error).__name__)
        play.note(w)


@way("right")
def gradients_that_are_differentiated_again(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)
    f = play.jit(lambda x: ag.exp(w * x).sum())
    for x in numbers(3):
        w.grad = None
        loss = play(f, Tensor(x))
        loss.backward(create_graph=True)
        g, w.grad = w.grad, None
        (g * g).sum().backward()
        play.note(w)


@way("right")
def two_results_one_of_them_swept(play: Play) -> None:
    v, w = (nn.Parameter(np.ones(3)) for _ in range(2))
    play.watch(v, w)
    f = play.jit(lambda x: ((v * x).sum(), (v * w * x).sum(), x * 2))
    for n, x in enumerate(numbers(3)):
        v.grad = w.grad = None
        play(f, Tensor(x))[n % 2].backward()
        play.note(v, w)


@way("right")
def a_result_given_to_the_next_call(play: Play) -> None:
    w = nn.Parameter(np.ones((3, 3)) / 3)
    play.watch(w)
    f = play.jit(lambda h, x: ag.tanh(h @ w + x))
    h = Tensor(np.zeros(3))
    for x in numbers(3):
        h = play(f, h, Tensor(x))
    (h * h).sum().backward()
    play.note(w, h)


@way("right")
def a_result_that_is_detached_between_calls(play: Play) -> None:
    w = nn.Parameter(np.ones((3, 3)) / 3)
    play.watch(w)
    f = play.jit(lambda h, x: ag.tanh(h @ w + x))
    h = Tensor(np.zeros(3))
    for n, x in enumerate(numbers(3)):
        h = play(f, h, Tensor(x))
        if n % 4 == 3:
            w.grad = None
            h.sum().backward()
            play.note(w)
            h = h.detach()


@way("right")
def a_batch_that_is_filled_anew(play: Play) -> None:
    batch = np.empty((4, 3))
    model = linear()
    play.watch(model)

    @play.jit
    def f(x: Tensor) -> Any:
        model.zero_grad()
        out = model(x)
        (out * out).mean().backward()
        return out, x * Tensor(1.0)

    for x in numbers(4, 3):
        batch[:] = x
        play(f, batch)


@way("right")
def an_argument_that_gets_a_gradient(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = (x * x).sum()
        loss.backward()
        return loss

    for n, x in enumerate(numbers(3)):
        t = Tensor(x, requires_grad=True)
        if n % 3 == 2:
            t.grad = Tensor(np.full(3, n, float))
        play(f, t)


@way("right")
def an_argument_whose_data_is_bound_anew(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Tensor:
        y = x * 2
        x.data = np.zeros(3)
        return y + x

    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def an_argument_written_into(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Tensor:
        x.data[0] = 7.0  # here
        return x * 2

    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def an_array_made_within_and_written_into(play: Play) -> None:
    @play.jit
    def f(x: Tensor, n: int) -> Tensor:
        weights = np.zeros(3)
        weights[n] = 2.0
        y = x * weights
        weights = weights + 1
        return y + x * weights

    for n, x in enumerate(numbers(3)):
        play(f, Tensor(x), n % 3)


@way("right")
def a_tensor_kept_in_a_list_of_the_caller(play: Play) -> None:
    w = Tensor(np.ones(3))
    f = play.jit(lambda x, ws: sum((w * v for v in ws), x))
    ws = [Tensor(np.ones(3))]
    for n, x in enumerate(numbers(3)):
        play(f, Tensor(x), ws)
        ws[0] = Tensor(x)
        if n == 6:
            ws.append(Tensor(x + 1))


@way("plain", "it changes")
def a_tensor_put_into_a_list_that_is_given(play: Play) -> None:
    @play.jit
    def f(x: Tensor, kept: list[Any]) -> Tensor:
        kept[0] = x * 2
        return x + 1

    for x in numbers(3):
        play(f, Tensor(x), [Tensor(np.zeros(3))])


@way("right")
def a_leaf_made_of_an_argument(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Any:
        t = Tensor(x, requires_grad=True)
        (t * t * x).sum().backward()
        return t.grad

    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def a_leaf_made_by_detaching(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Any:
        t = (x * 2).detach()
        t.requires_grad = True
        (t * t * x).sum().backward()
        return t.grad * 2

    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def a_step_of_ascent_on_the_input(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)

    @play.jit
    def f(x: Tensor) -> Tensor:
        t = x * 1.0
        for _ in range(3):
            t = t + 0.1 * ag.sign(ag.grad(lambda s: (ag.exp(w * s)).sum())(t))
        w.grad = None
        loss = ag.exp(w * t).sum()
        loss.backward()
        return loss

    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def a_gradient_that_is_only_assigned(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)

    @play.jit
    def f(x: Tensor) -> Tensor:
        w.grad = x * 2
        return x + 1

    for n, x in enumerate(numbers(3)):
        given = Tensor(x)
        play(f, given)
        given.data[:] = n
        play.note(w)


@way("right")
def a_gradient_that_is_taken_away(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)

    @play.jit
    def f(x: Tensor) -> Tensor:
        w.grad = None
        return x + 1

    for n, x in enumerate(numbers(3)):
        w.grad = Tensor(x) if n % 3 else None
        play(f, Tensor(x))


@way("right")
def gradients_exchanged(play: Play) -> None:
    v, w = nn.Parameter(np.ones(3)), nn.Parameter(np.ones(3))
    play.watch(v, w)

    @play.jit
    def f(x: Tensor) -> Tensor:
        v.grad, w.grad = w.grad, v.grad
        (v * x).sum().backward()
        return x + 1

    for x in numbers(3):
        v.grad = v.grad if v.grad is not None else Tensor(x)
        w.grad = w.grad if w.grad is not None else Tensor(x * 3)
        play(f, Tensor(x))


@way("right")
def a_gradient_given_on_to_another(play: Play) -> None:
    v, w = nn.Parameter(np.ones(3)), nn.Parameter(np.ones(3))
    play.watch(v, w)

    @play.jit
    def f(x: Tensor) -> Tensor:
        v.grad = None
        (v * x).sum().backward()
        w.grad = v.grad
        return x + 1

    for x in numbers(3):
        play(f, Tensor(x))
        play.note(w.grad is v.grad)


@way("right")
def a_gradient_scaled_by_its_own_norm(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)

    @play.jit
    def f(x: Tensor) -> Tensor:
        w.grad = None
        (ag.exp(w * x)).sum().backward()
        assert w.grad is not None
        w.grad = w.grad / ag.norm(w.grad)
        return x

    for x in numbers(3):
        play(f, Tensor(x))
