"""Modes, threads, errors halfway, recursion, and functions within functions."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

import autograd as ag
import nn
from autograd import Tensor
from nn import functional as F

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


@way("plain", "it sets np.errstate")
def errstate_within(play: Play) -> None:
    def f(x: Tensor) -> Tensor:
        with np.errstate(all="ignore"):
            return ag.log(x) / 0

    f = play.jit(f)
    for x in numbers(3):
        with np.errstate(all="raise"):
            play(f, Tensor(x))


# --- threads -------------------------------------------------------------------------------------


@way("right")
def other_threads(play: Play) -> None:
    w = nn.Parameter(np.ones(30))
    f = play.jit(lambda x: (ag.exp(w * x)).sum())

    def of(x: Any) -> Any:
        t = Tensor(x, requires_grad=True)
        out = f(t)
        return out, ag.grad(lambda s: f(s) * 2)(t)

    for x in numbers(30, count=3):  # threads that begin together make programs of their own
        play(of, x)
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


@way("refused")
def threads_within(play: Play) -> None:
    def f(x: Tensor) -> Tensor:
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(x * 2))
        thread.start()
        thread.join()
        return found[0] + 1  # here

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
