"""Objects that take the place of others: in memory, in lists, in arguments; arrays that are one."""

from __future__ import annotations

import collections
import decimal
import functools
from typing import Any

import numpy as np
from support.jitted_ways.modules import linear
from support.jitted_ways.playing import Play
from support.jitted_ways.python_values import Options
from support.jitted_ways.table import numbers, way

import autograd as ag
import nn
from autograd import Tensor


class Named(np.ndarray):
    """A kind of array, as np.memmap is one."""


@way("right")
def a_kind_of_array_as_an_argument(play: Play) -> None:
    f = play.jit(lambda x, y: Tensor(1.0) * x + y)
    for x in numbers(3, count=20):
        play(lambda x: f(x.view(Named), Tensor(x)), x)


@way("right")
def a_kind_of_array_of_the_same_numbers_at_first(play: Play) -> None:
    f = play.jit(lambda x, y: Tensor(1.0) * x + y)
    for n, x in enumerate(numbers(3)):
        play(lambda x, n=n: f(np.full(3, max(n, 4.0)).view(Named), Tensor(x)), x)


@way("plain", "it draws random numbers by NumPy or Python")
def a_generator_of_numpy_made_anew_as_an_argument(play: Play) -> None:
    f = play.jit(lambda x, rng: x + rng.standard_normal(3))
    for n, x in enumerate(numbers(3, count=24)):
        play(lambda x, n=n: f(Tensor(x), np.random.default_rng(max(n, 4))), x)


def instead(held: Any, key: Any, number: float) -> None:
    """Put an array into a list or dict, in the place in memory of the one that was there."""
    place, others = id(held[key]), list[Any]()
    held[key] = None
    while True:
        array = np.full(3, number)
        if id(array) == place or len(others) > 999:
            held[key] = array
            return
        others.append(array)


SILENT = "SILENT: an array in a list or dict is told by its place in memory, and not kept"


@way("right", anew=True)
def an_array_in_a_list_that_is_replaced(play: Play) -> None:
    masks = [np.ones(3)]
    f = play.jit(lambda x: x * (masks[0] * 2))
    for n, x in enumerate(numbers(3)):
        instead(masks, 0, max(n, 4.0))
        play(f, Tensor(x))


@way("right", anew=True)
def an_array_in_a_dict_of_an_object_that_is_replaced(play: Play) -> None:
    options = Options(inner={"mask": np.ones(3)})
    f = play.jit(lambda x: x * (options.inner["mask"] * 2))
    for n, x in enumerate(numbers(3)):
        instead(options.inner, "mask", max(n, 4.0))
        play(f, Tensor(x))


@way("right", anew=True)
def a_function_in_a_list_that_is_replaced(play: Play) -> None:
    functions = [lambda t: t * 2]
    f = play.jit(lambda x: functions[0](x))
    for n, x in enumerate(numbers(3)):
        functions[0] = lambda t, n=n: t * max(n // 4, 1)
        play(f, Tensor(x))


@way("right")
def a_method_as_an_argument(play: Play) -> None:
    model = linear()
    f = play.jit(lambda x, g: g(x) * 2)
    for x in numbers(4, 3, count=20):
        play(lambda x: f(Tensor(x), model.forward), x)
        model.bias.data = model.bias.data + 0.1


@way("right")
def methods_of_two_objects_as_arguments(play: Play) -> None:
    models = linear(), linear()
    models[1].bias.data = np.ones(2)
    f = play.jit(lambda x, g: g(x) * 2)
    for n, x in enumerate(numbers(4, 3, count=8)):
        play(lambda x, n=n: f(Tensor(x), models[n % 2].forward), x)


@way("right")
def a_partial_as_an_argument(play: Play) -> None:
    f = play.jit(lambda x, g: g(x) + 1)
    for n, x in enumerate(numbers(3, count=20)):
        play(lambda x, n=n: f(Tensor(x), functools.partial(ag.sum, axis=n % 2 - 1)), x)


@way("right")
def a_decimal_as_an_argument(play: Play) -> None:
    f = play.jit(lambda x, d: x * float(d))
    for n, x in enumerate(numbers(3, count=20)):
        play(lambda x, n=n: f(Tensor(x), decimal.Decimal(n % 3)), x)


@way("plain", "it changes what is in a list or dict")
def a_default_dict_as_an_argument(play: Play) -> None:
    f = play.jit(lambda x, d: x * len(d) + d["w"])
    for n, x in enumerate(numbers(3)):
        given: Any = collections.defaultdict(lambda: Tensor(2.0), {"v": Tensor(x)})
        if n % 3:
            given["w"] = Tensor(x * 2)
        play(lambda x, d: f(Tensor(x), d), x, given)


@way("right", anew=True)
def a_deque_as_an_argument(play: Play) -> None:
    f = play.jit(lambda x, d: x * d[0])
    for n, x in enumerate(numbers(3)):
        play(lambda x, n=n: f(Tensor(x), collections.deque([max(n, 4)])), x)


@way("right")
def one_deque_as_an_argument(play: Play) -> None:
    queue = collections.deque([1.0])
    f = play.jit(lambda x, d: x * d[0])
    for n, x in enumerate(numbers(3)):
        queue[0] = max(n, 4)
        play(f, Tensor(x), queue)


# --- arrays and tensors that are one -------------------------------------------------------------


@way(
    "right",
)
def a_constant_that_is_the_first_argument(play: Play) -> None:
    weights = np.arange(3.0)
    f = play.jit(lambda x: x * weights + Tensor(1.0))
    for n, x in enumerate(numbers(3)):
        play(f, x if n else weights)


@way("right")
def a_constant_that_is_the_argument_twice(play: Play) -> None:
    weights = np.arange(3.0)
    f = play.jit(lambda x: x * weights + Tensor(1.0))
    for n, x in enumerate(numbers(3)):
        weights[:] = n
        play(f, x if n > 2 else weights)


@way("right")
def a_tensor_read_from_outside_is_given_too(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    f = play.jit(lambda x: (x * w).sum())
    for n, x in enumerate(numbers(3)):
        w.data, w.grad = x * 2, None
        out = play(f, w if n % 3 == 2 else Tensor(x, requires_grad=True))
        out.backward()
        play.note(w)


@way("right")
def a_tensor_read_from_outside_is_first_given_too(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    f = play.jit(lambda x: (x * w).sum())
    for n, x in enumerate(numbers(3)):
        w.data, w.grad = x * 2, None
        out = play(f, w if n < 4 else nn.Parameter(x))
        out.backward()
        play.note(w)


@way("right")
def a_detached_twin_of_what_is_read(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    play.watch(w)
    f = play.jit(lambda x: (x * w).sum())
    for x in numbers(3):
        w.grad = None
        play(f, w.detach()).backward()
        play.note(w)
        w.data = x


@way("right")
def two_tensors_of_one_array(play: Play) -> None:
    one = Tensor(np.ones(3))
    two = one.detach()
    f = play.jit(lambda x: x * one - two)
    for n, x in enumerate(numbers(3)):
        if n == 4:
            two.data = x
        one.data[:] = n
        play(f, Tensor(x))


@way("right")
def parameters_that_come_to_share_an_array(play: Play) -> None:
    one, two = nn.Parameter(np.ones(3)), nn.Parameter(np.zeros(3))
    optimizer = nn.optim.SGD([one, two], lr=0.1, momentum=0.9)
    play.watch(one, two, optimizer)

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = ((one * x - two) ** 2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for n, x in enumerate(numbers(3)):
        if n == 5:
            two.data = one.data
        play(f, Tensor(x))
