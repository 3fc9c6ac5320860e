"""Modes, threads, errors halfway, recursion, and functions within functions."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

import autograd as ag
import nn
from autograd import Tensor
from nn import functional as F
from support.jitted_ways.modules import linear
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way


# --- modes ---------------------------------------------------------------------------------------


@way("right")
def recording_and_not_recording(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    f = play.jit(lambda x: w * x)
    for n, x in enumerate(numbers(3)):
        with ag.no_grad() if n % 3 == 0 else contextlib.nullcontext():
            play(f, Tensor(x))


@way("right")
def first_without_recording(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)
    f = play.jit(lambda x: (w * x).sum())
    for n, x in enumerate(numbers(3)):
        with ag.no_grad() if n < 4 else contextlib.nullcontext():
            loss = play(f, Tensor(x))
        if loss.requires_grad:
            loss.backward()


@way("right")
def no_grad_within(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)

    def f(x: Tensor) -> Any:
        with ag.no_grad():
            target = w * x
        return ((w - target) ** 2).sum(), target

    f = play.jit(f)
    for x in numbers(3):
        w.grad = None
        play(f, Tensor(x))[0].backward()
        play.note(w)


@way("right")
def enable_grad_within_no_grad(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)

    def f(x: Tensor) -> Any:
        with ag.enable_grad():
            loss = (w * x * x).sum()
            w.grad = None
            loss.backward()
        return loss.detach()

    f = play.jit(f)
    for n, x in enumerate(numbers(3)):
        with ag.no_grad() if n % 2 else contextlib.nullcontext():
            play(f, Tensor(x))


@way("right")
def a_decorator_of_modes(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    f = play.jit(ag.no_grad()(lambda x: w * x))
    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def debugging(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    f = play.jit(lambda x: w * x)
    for n, x in enumerate(numbers(3)):
        with ag.debug() if n % 3 == 2 else contextlib.nullcontext():
            play(f, Tensor(x))


@way("right")
def profiling(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    f = play.jit(lambda x: w * x)
    for n, x in enumerate(numbers(3)):
        with ag.profile() if n % 3 == 2 else contextlib.nullcontext():
            play(f, Tensor(x))


@way("right")
def first_within_debugging(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    f = play.jit(lambda x: w * x)
    for n, x in enumerate(numbers(3)):
        with ag.debug() if n < 2 else contextlib.nullcontext():
            play(f, Tensor(x))


@way("right")
def how_numpy_treats_errors(play: Play) -> None:
    f = play.jit(lambda x: ag.log(x) + 1)
    for n, x in enumerate(numbers(3)):
        with np.errstate(all="raise" if n % 3 == 2 else "ignore"):
            try:
                play(f, Tensor(x))
            except FloatingPointError as error:
                play.note(str(error))


@way("right", failing="right, but with a warning: np.errstate within is not that of the program")
def errstate_within(play: Play) -> None:
    def f(x: Tensor) -> Tensor:
        with np.errstate(all="ignore"):
            return ag.log(x) / 0

    f = play.jit(f)
    for x in numbers(3):
        with np.errstate(all="raise"):
            play(f, Tensor(x))


# --- threads -------------------------------------------------------------------------------------


@way("right", failing="KeyError: the gradient of a jitted function that reads a parameter")
def other_threads(play: Play) -> None:
    w = nn.Parameter(np.ones(30))
    f = play.jit(lambda x: (ag.exp(w * x)).sum())

    def of(x: Any) -> Any:
        t = Tensor(x, requires_grad=True)
        out = f(t)
        return out, ag.grad(lambda s: f(s) * 2)(t)

    with ThreadPoolExecutor(8) as pool:
        for xs in numbers(16, 30):
            play(lambda xs: [*pool.map(of, xs)], xs)


@way("right")
def another_threads_modes(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    f = play.jit(lambda x: w * x)

    def without(x: Any) -> Any:
        with ag.no_grad():
            return f(Tensor(x))

    with ThreadPoolExecutor(1) as pool:
        for x in numbers(3):
            play(lambda x: [f(Tensor(x)), pool.submit(without, x).result()], x)


@way("right")
def the_default_generator_of_another_thread(play: Play) -> None:
    f = play.jit(lambda x: F.dropout(x, 0.5))

    def of(x: Any, seed: int) -> Any:
        ag.random.seed(seed)
        return f(Tensor(x)), f(Tensor(x))

    for n, x in enumerate(numbers(8)):
        with ThreadPoolExecutor(1) as pool:
            play(lambda x, n=n: [f(Tensor(x)), pool.submit(of, x, n).result()], x)


@way("right", failing="SILENT: what another thread computes within stays as it was")
def threads_within(play: Play) -> None:
    def f(x: Tensor) -> Tensor:
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(x * 2))
        thread.start()
        thread.join()
        return found[0] + 1

    f = play.jit(f)
    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def coroutines(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    f = play.jit(lambda x: w * x)

    async def of(x: Any) -> Any:
        await asyncio.sleep(0)
        return f(Tensor(x))

    async def all_of(xs: Any) -> Any:
        return await asyncio.gather(*[of(x) for x in xs])

    for xs in numbers(3, 3):
        play(lambda xs: asyncio.run(all_of(xs)), xs)


@way("plain", "it returns")
def a_coroutine_function(play: Play) -> None:
    async def of(x: Tensor) -> Tensor:
        await asyncio.sleep(0)
        return x * 2

    f = play.jit(of)
    for x in numbers(3):
        play(lambda x: asyncio.run(f(Tensor(x))), x)


@way("plain", "it returns")
def a_generator_is_returned(play: Play) -> None:
    def parts(x: Tensor) -> Any:
        for i in range(3):
            yield x[i] * 2

    f = play.jit(parts)
    for x in numbers(3):
        play(lambda x: [*f(Tensor(x))], x)


# --- errors --------------------------------------------------------------------------------------


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


@way("right", failing="right, but with a warning that asks for a report each time")
def an_error_that_hangs_on_numbers_caught_within(play: Play) -> None:
    @play.jit
    def f(x: Tensor, i: Any) -> Tensor:
        try:
            return x[i] * 2
        except IndexError:
            return x * 3

    for n, x in enumerate(numbers(3)):
        play(f, Tensor(x), np.array([0, 5 if n % 4 == 3 else 2]))


@way("right", failing="right, but with a warning that asks for a report each time")
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


@way("right", failing="a way that was compared is made into a program again while another is not")
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
        scale = 1.0 + n // 4
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


@way("documented", "whether each program is compared with f")
def numpys_draws_without_verification(play: Play) -> None:
    rng = np.random.default_rng(3)
    f = play.jit(lambda x: x * rng.standard_normal(3), verify=False)
    for x in numbers(3):
        play(f, Tensor(x))
