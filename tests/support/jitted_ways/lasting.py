"""What lasts beyond a call: caches, parts made when first needed, and results of other kinds."""

from __future__ import annotations

import dataclasses
import functools
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from support.jitted_ways.modules import linear
from support.jitted_ways.optimizers import step_of
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

import autograd as ag
import nn
from autograd import Tensor


@dataclasses.dataclass
class Output:
    """What some return."""

    value: Tensor
    size: int


# --- caches --------------------------------------------------------------------------------------


@way("right")
def a_cached_tensor_of_a_shape(play: Play) -> None:
    mask = functools.cache(lambda n: Tensor(np.tril(np.ones((n, n)))))
    f = play.jit(lambda x: mask(len(x)) @ x)  # here
    for n, x in enumerate(numbers(5)):
        play(f, Tensor(x[: 3 + n % 3]))


@way("refused")
def a_cached_tensor_that_ops_have_made(play: Play) -> None:
    mask = functools.cache(lambda n: ag.tril(Tensor(np.ones((n, n)))) * 2)
    f = play.jit(lambda x: mask(len(x)) @ x)  # here
    for n, x in enumerate(numbers(5)):
        play(f, Tensor(x[: 3 + n % 3]))


@way("refused")
def a_cached_tensor_of_a_parameter(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    squared = functools.cache(lambda: (w * w).detach())  # here
    f = play.jit(lambda x: squared() * x)
    for n, x in enumerate(numbers(3)):
        play(f, Tensor(x))
        w.data = x
        if n == 6:
            squared.cache_clear()


@way("right")
def a_cache_by_the_tensor_itself(play: Play) -> None:
    f = play.jit(lambda x: doubled(x) + doubled(x))
    doubled = functools.lru_cache(maxsize=4)(lambda t: t * 2)
    for n, x in enumerate(numbers(3)):
        given = Tensor(x)
        play(f, given)
        if n % 3 == 2:
            doubled.cache_clear()


@way("right")
def a_mask_made_when_first_needed(play: Play) -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            self.mask: Any = None

        def forward(self, x: Tensor) -> Tensor:
            if self.mask is None:
                self.mask = Tensor(np.tril(np.ones((3, 3))))
            return self.mask @ x

    model = Masked()
    f = play.jit(lambda x: model(x))
    for n, x in enumerate(numbers(3)):
        if n == 7:
            model.mask = None
        play(f, Tensor(x))
        play.note(model.mask)


@way("right")
def a_parameter_made_when_first_needed(play: Play) -> None:
    class Lazy(nn.Module):
        def __init__(self) -> None:
            self.weight: Any = None

        def forward(self, x: Tensor) -> Tensor:
            if self.weight is None:
                self.weight = nn.Parameter(np.full((x.shape[-1], 2), 0.5))
            return x @ self.weight

    model = Lazy()
    play.watch(model)

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = (model(x) ** 2).mean()
        model.zero_grad()
        loss.backward()
        return loss

    for x in numbers(4, 3):
        play(f, Tensor(x))
        model.weight.data = model.weight.data * 0.9


@way("right")
def an_optimizer_made_when_first_needed(play: Play) -> None:
    model, made = linear(), dict[str, Any]()
    play.watch(model)

    @play.jit
    def f(x: Tensor) -> Tensor:
        if "optimizer" not in made:
            made["optimizer"] = nn.optim.Adam(model.parameters(), lr=0.1)
        loss = (model(x) ** 2).mean()
        made["optimizer"].zero_grad()
        loss.backward()
        made["optimizer"].step()
        return loss

    for x in numbers(4, 3):
        play(f, Tensor(x))
        play.note(made["optimizer"])


@way("plain", "it changes")
def a_state_handed_on_in_a_dict(play: Play) -> None:
    state: dict[str, Any] = {"h": Tensor(np.zeros(3))}

    @play.jit
    def f(x: Tensor) -> Tensor:
        state["h"] = ag.tanh(state["h"] + x)
        return state["h"] * 2

    for x in numbers(3):
        play(f, Tensor(x))
        play.note(state["h"])


@way("right")
def a_state_handed_on_as_a_result(play: Play) -> None:
    @play.jit
    def f(x: Tensor, state: dict[str, Any]) -> Any:
        h = ag.tanh(state["h"] + x)
        return h * 2, {"h": h, "count": state["count"]}

    state: dict[str, Any] = {"h": Tensor(np.zeros(3)), "count": 0}
    for n, x in enumerate(numbers(3)):
        _, state = play(f, Tensor(x), state)
        state["count"] = n // 4


@way("refused")
def the_time(play: Play) -> None:
    f = play.jit(lambda x: x * time.perf_counter())  # here

    def until_then(x: Tensor) -> Tensor:
        return f(x) * 0

    for x in numbers(3):
        play(until_then, Tensor(x))


# --- results of other kinds ----------------------------------------------------------------------


@way("plain", "it returns")
def a_dataclass_returned(play: Play) -> None:
    f = play.jit(lambda x: Output(x * 2, x.size))

    def parts(x: Tensor) -> Any:
        out = f(x)
        return out.value, out.size

    for x in numbers(3):
        play(parts, Tensor(x))


@way("plain", "it returns")
def a_function_returned(play: Play) -> None:
    f = play.jit(lambda x: lambda y: x * y)
    for x in numbers(3):
        play(lambda x: f(x)(x * 2), Tensor(x))


@way("plain", "it returns")
def a_set_returned(play: Play) -> None:
    f = play.jit(lambda x: {x * 2})
    for x in numbers(3):
        play(lambda x: [*f(x)], Tensor(x))


@way("plain", "decides by the numbers")
def a_state_of_a_model_returned(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    inner = step_of(model, optimizer)
    f = play.jit(lambda x, y: (inner(x, y), model.state_dict()))
    for x, y in zip(numbers(4, 3), numbers(4, 2), strict=True):
        play(f, Tensor(x), Tensor(y))


@way("refused")
def an_array_of_numbers_returned(play: Play) -> None:
    f = play.jit(lambda x: (x * 2).data)  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def a_container_that_is_the_argument(play: Play) -> None:
    f = play.jit(lambda xs: (xs, xs[0] * 2))
    for x in numbers(3):
        play(f, [Tensor(x), 1])


@way("right")
def a_parameter_made_within_and_returned_as_numbers(play: Play) -> None:
    def f(x: Tensor) -> Tensor:
        w = nn.Parameter(np.full(3, 0.5))
        for _ in range(3):
            w.grad = None
            ((w * x - 1) ** 2).sum().backward()
            assert w.grad is not None
            w = nn.Parameter((w - 0.1 * w.grad).detach())
        return w.detach() * 1

    f = play.jit(f)
    for x in numbers(3):
        play(f, Tensor(x))


# --- threads -------------------------------------------------------------------------------------


@way("right")
def eight_threads_at_once(play: Play) -> None:
    w = nn.Parameter(np.ones(3000))
    f = play.jit(lambda x: (ag.exp(w * x) * 2 - x).sum() + ag.tanh(x).max())
    for x in numbers(3000, count=3):  # threads that begin together make programs of their own
        play(f, Tensor(x))
    with ThreadPoolExecutor(8) as pool:
        for xs in numbers(16, 3000):
            play(lambda xs: [*pool.map(lambda x: f(Tensor(x)), xs)], xs)


@way("right")
def threads_that_train_models_of_their_own(play: Play) -> None:
    models = [linear() for _ in range(4)]
    optimizers = [nn.optim.Adam(m.parameters(), lr=0.1) for m in models]
    steps = [play.jit(step_of(m, o)) for m, o in zip(models, optimizers, strict=True)]
    play.watch(models, optimizers)

    def of(given: Any) -> Any:
        step, x, y = given
        return [step(Tensor(x), Tensor(y)) for _ in range(2)]

    with ThreadPoolExecutor(4) as pool:
        for x, y in zip(numbers(4, 4, 3, count=14), numbers(4, 4, 2, count=14), strict=True):
            play(lambda x, y: [*pool.map(of, zip(steps, x, y, strict=True))], x, y)


@way("right")
def momentum_whose_first_gradient_is_written_into(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    play.watch(model, optimizer)
    f = play.jit(step_of(model, optimizer))
    for x, y in zip(numbers(4, 3), numbers(4, 2), strict=True):
        play(f, Tensor(x), Tensor(y))
        for p in model.parameters():
            p.grad.data[:] = 0
        play.note(model, optimizer)
