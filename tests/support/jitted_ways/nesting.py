"""Jitted functions within functions, and errors halfway."""

from __future__ import annotations

from typing import Any

import numpy as np
from support.jitted_ways.modules import linear
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

import autograd as ag
import nn
from autograd import Tensor
from nn import functional as F


@way("right")
def an_error_halfway(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.Adam(model.parameters())
    play.watch(model, optimizer)

    @play.jit
    def f(x: Tensor, y: Any) -> Tensor:
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for n, x in enumerate(numbers(4, 3)):
        labels = np.array([0, 1, 1, 2 if n in (2, 6) else 0])
        try:
            play(f, Tensor(x), labels)
        except ValueError as error:
            play.note(str(error), model, optimizer)


@way("right")
def an_error_after_a_part_was_done(play: Play) -> None:
    model, rng = linear(), ag.random.Generator(3)
    optimizer = nn.optim.Adam(model.parameters())
    play.watch(model, optimizer, rng)

    @play.jit
    def f(x: Tensor, fails: bool) -> Tensor:
        loss = (model(x) + rng.normal((4, 2))).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if fails:
            raise ArithmeticError("halfway")
        return loss

    for n, x in enumerate(numbers(4, 3)):
        try:
            play(f, Tensor(x), n in (2, 3, 7))
        except ArithmeticError as error:
            play.note(str(error), model, optimizer, rng)


@way("right")
def an_error_in_the_first_call(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)

    @play.jit
    def f(x: Tensor, fails: bool = False) -> Tensor:
        (w * x).sum().backward()
        if fails:
            raise ArithmeticError("halfway")
        return x * 2

    for n, x in enumerate(numbers(3)):
        try:
            play(f, Tensor(x), n < 2)
        except ArithmeticError as error:
            play.note(str(error), w)


@way("right")
def an_error_that_is_caught_within(play: Play) -> None:
    @play.jit
    def f(x: Tensor, y: Tensor) -> Tensor:
        try:
            return x @ y
        except ValueError:
            return x * 2

    for n, x in enumerate(numbers(3)):
        play(f, Tensor(x), Tensor(np.ones(3 if n % 2 else 2)))


@way("right")
def an_error_that_hangs_on_numbers_caught_within(play: Play) -> None:
    @play.jit
    def f(x: Tensor, i: Any) -> Tensor:
        try:
            return x[i] * 2
        except IndexError:
            return x * 3

    for n, x in enumerate(numbers(3)):
        play(f, Tensor(x), np.array([0, 5 if n % 4 == 3 else 2]))


@way("right")
def a_singular_matrix_caught_within(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Tensor:
        try:
            return ag.inv(x)
        except np.linalg.LinAlgError:
            return x

    for n, x in enumerate(numbers(2, 2)):
        play(f, Tensor(np.zeros((2, 2)) if n in (3, 5) else x))


# --- functions within functions ------------------------------------------------------------------


@way("right")
def recursion_by_a_python_number(play: Play) -> None:
    @play.jit
    def f(x: Tensor, n: int) -> Tensor:
        return x if n == 0 else f(x * 2, n - 1) + x

    for n, x in enumerate(numbers(3, count=24)):
        play(f, Tensor(x), n % 3)


@way("right")
def recursion_by_the_numbers_of_a_tensor(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Tensor:
        return f(x / 2) + 1 if (x * x).sum() > 1 else x

    for x in numbers(3, count=90):
        play(f, Tensor(x * 3))


@way("right")
def jit_in_jit(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)
    inner = play.jit(lambda x: ag.exp(w * x))
    f = play.jit(lambda x: inner(x).sum() + inner(x * 2).sum())
    for n, x in enumerate(numbers(3)):
        w.grad = None
        play(f, Tensor(x)).backward()
        play(inner, Tensor(x))
        w.data = w.data + 0.1 * n


@way("right")
def jit_in_jit_with_a_number_that_changes(play: Play) -> None:
    scale = 1.0
    inner = play.jit(lambda x: x * scale)
    f = play.jit(lambda x: inner(x) + 1)
    for n, x in enumerate(numbers(3, count=24)):
        scale = 1.0 + n // 8
        play(f, Tensor(x))


@way("right")
def jit_of_jit(play: Play) -> None:
    f = play.jit(play.jit(lambda x: x * 2 + 1))
    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def two_jits_of_one_function(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)

    def f(x: Tensor) -> Tensor:
        loss = (w * x).sum()
        loss.backward()
        return loss

    both = play.jit(f), play.jit(f)
    for n, x in enumerate(numbers(3)):
        play(both[n % 2], Tensor(x))


@way("right")
def a_call_within_a_jitted_function_of_another_step(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.Adam(model.parameters(), lr=0.1)
    play.watch(model, optimizer)

    @play.jit
    def step(x: Tensor) -> Tensor:
        loss = (model(x) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    f = play.jit(lambda x: (step(x), step(x * 2)))
    for x in numbers(4, 3):
        play(f, Tensor(x))


@way("right")
def what_a_loop_rolls_out(play: Play) -> None:
    w = nn.Parameter(np.eye(3) / 2)
    play.watch(w)

    @play.jit
    def f(xs: list[Tensor]) -> Tensor:
        h = Tensor(np.zeros(3))
        for x in xs:
            h = ag.tanh(h @ w + x)
        return h

    for n, x in enumerate(numbers(5, 3)):
        play(f, [Tensor(row) for row in x[: 2 + n % 3]])


@way("right")
def without_verification(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.Adam(model.parameters(), lr=0.1)
    play.watch(model, optimizer)

    @play.jit(verify=False)
    def f(x: Tensor) -> Tensor:
        loss = (nn.functional.dropout(model(x)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for n, x in enumerate(numbers(4, 3)):
        optimizer.lr = 0.1 / (n + 1)
        play(f, Tensor(x))


@way("plain", "it draws random numbers by NumPy or Python")
def numpys_draws_without_verification(play: Play) -> None:
    rng = np.random.default_rng(3)
    f = play.jit(lambda x: x * rng.standard_normal(3), verify=False)
    for x in numbers(3):
        play(f, Tensor(x))
