"""Python's values in closures, globals and elsewhere around a function."""

from __future__ import annotations

import functools

import numpy as np
from support.jitted_ways.playing import Play
from support.jitted_ways.table import OTHER, numbers, way

import autograd as ag
from autograd import Tensor

SCALE = 1.0
TABLE = {"scale": [1.0]}


@way("right")
def a_number_in_the_closure(play: Play) -> None:
    scale = 1.0
    f = play.jit(lambda x: x * scale)
    for n, x in enumerate(numbers(3, count=16)):
        scale = n // 5
        play(f, Tensor(x))


@way("right")
def a_global_number(play: Play) -> None:
    global SCALE
    f = play.jit(lambda x: x * SCALE)
    for n, x in enumerate(numbers(3, count=16)):
        SCALE = n // 5
        play(f, Tensor(x))


@way("right")
def a_global_that_is_deleted(play: Play) -> None:
    def f(x: Tensor) -> Tensor:
        return x * globals_of.get("EXTRA", 2.0)

    globals_of = {"EXTRA": 3.0}
    f = play.jit(f)
    for n, x in enumerate(numbers(3, count=16)):
        if n == 4:
            del globals_of["EXTRA"]
        play(f, Tensor(x))


@way("right")
def a_number_in_nested_containers(play: Play) -> None:
    f = play.jit(lambda x: x * TABLE["scale"][0])
    for n, x in enumerate(numbers(3, count=16)):
        TABLE["scale"][0] = n // 5
        play(f, Tensor(x))


@way("right")
def a_set_that_grows(play: Play) -> None:
    seen: set[int] = set()
    f = play.jit(lambda x: x * len(seen))
    for n, x in enumerate(numbers(3, count=16)):
        seen.add(n // 5)
        play(f, Tensor(x))


@way("right")
def a_default_that_is_mutated(play: Play) -> None:
    def f(x: Tensor, scale: list[float] = [1.0]) -> Tensor:  # noqa: B006
        return x * scale[0]

    defaults = f.__defaults__
    f = play.jit(f)
    for n, x in enumerate(numbers(3, count=16)):
        defaults[0][0] = n // 5 + 1.0
        play(f, Tensor(x))


@way("right")
def defaults_that_are_assigned(play: Play) -> None:
    def f(x: Tensor, scale: float = 1.0) -> Tensor:
        return x * scale

    plain = f
    f = play.jit(f)
    for n, x in enumerate(numbers(3, count=16)):
        plain.__defaults__ = (n // 5 + 1.0,)
        play(f, Tensor(x))


@way("right")
def code_that_is_assigned(play: Play) -> None:
    def f(x: Tensor) -> Tensor:
        return x * 2

    plain, codes = f, [f.__code__, (lambda x: x * 3).__code__]
    f = play.jit(f)
    for n, x in enumerate(numbers(3, count=16)):
        plain.__code__ = codes[n // 5 % 2]
        play(f, Tensor(x))


@way("right")
def a_partial_of_a_function(play: Play) -> None:
    options = {"scale": 1.0}
    f = play.jit(functools.partial(lambda x, o: x * o["scale"], o=options))
    for n, x in enumerate(numbers(3, count=16)):
        options["scale"] = n // 5
        play(f, Tensor(x))


@way("right")
def an_array_in_the_closure_written_into(play: Play) -> None:
    weights = np.ones(3)
    f = play.jit(lambda x: x * weights + 1)
    for n, x in enumerate(numbers(3, count=16)):
        weights[:] = n // 5
        play(f, Tensor(x))


@way("right")
def an_array_in_the_closure_that_is_another(play: Play) -> None:
    weights = np.ones(3)
    f = play.jit(lambda x: x * weights + 1)
    for n, x in enumerate(numbers(3, count=16)):
        if n % 4 == 0:
            weights = np.full(3, n)
        play(f, Tensor(x))


@way("right")
def an_array_that_is_reckoned_with(play: Play) -> None:
    weights = np.ones(3)
    f = play.jit(lambda x: x * ag.exp(ag.reshape(Tensor(1.0) * weights, (3,))))
    for n, x in enumerate(numbers(3, count=16)):
        weights[:] = n // 5
        play(f, Tensor(x))


@way("documented", OTHER)
def an_array_that_numpy_reckons_with(play: Play) -> None:
    weights = np.ones(3)
    f = play.jit(lambda x: x * (weights * 2))
    for n, x in enumerate(numbers(3, count=16)):
        weights[:] = n // 5
        play(f, Tensor(x))


@way("documented", OTHER)
def a_shape_that_an_array_in_the_closure_has(play: Play) -> None:
    indices = np.array([0])
    f = play.jit(lambda x: x * int(indices[0]))
    for n, x in enumerate(numbers(3, count=16)):
        indices[0] = n // 5
        play(f, Tensor(x))


@way("right")
def an_array_as_an_index_written_into(play: Play) -> None:
    indices = np.array([0, 1])
    f = play.jit(lambda x: x[indices] * 2)
    for n, x in enumerate(numbers(3, count=16)):
        indices[:] = n % 3
        play(f, Tensor(x))


@way("right")
def a_tensor_in_the_closure(play: Play) -> None:
    w = Tensor(np.ones(3))
    f = play.jit(lambda x: x * w)
    for x in numbers(3, count=16):
        w.data = x + 1
        play(f, Tensor(x))


@way("right")
def a_tensor_in_the_closure_that_is_another(play: Play) -> None:
    w = Tensor(np.ones(3))
    f = play.jit(lambda x: x * w)
    for n, x in enumerate(numbers(3, count=16)):
        if n % 3 == 0:
            w = Tensor(x + 1)
        play(f, Tensor(x))


@way("right")
def a_list_of_tensors_in_the_closure(play: Play) -> None:
    ws = [Tensor(np.ones(3)), Tensor(np.zeros(3))]
    f = play.jit(lambda x: sum((x * w for w in ws), x))
    for n, x in enumerate(numbers(3, count=16)):
        if n == 4:
            ws.append(Tensor(x))
        if n == 7:
            ws[0] = Tensor(x)
        ws[1].data = x
        play(f, Tensor(x))


@way("right")
def a_tensor_in_the_closure_with_its_array_written_into(play: Play) -> None:
    w = Tensor(np.ones(3))
    f = play.jit(lambda x: x * w)
    for n, x in enumerate(numbers(3, count=16)):
        w.data[n % 3] = n
        play(f, Tensor(x))


@way("right")
def a_tensor_in_the_closure_of_another_shape(play: Play) -> None:
    w = Tensor(np.ones(3))
    f = play.jit(lambda x: (x * w).sum() / w.size)
    for n, x in enumerate(numbers(3, count=16)):
        w.data = x[:1] if n % 2 else x
        play(f, Tensor(x))


@way("right")
def a_tensor_made_of_pythons_numbers(play: Play) -> None:
    f = play.jit(lambda x, n: x * Tensor([n, n + 1.0, 2.0]))
    for n, x in enumerate(numbers(3, count=16)):
        play(f, Tensor(x), n // 5)


@way("right")
def a_tensor_made_of_tensors(play: Play) -> None:
    f = play.jit(lambda x: ag.stack([x[0], x[1] * 2, Tensor(3.0)]) * x)
    for x in numbers(3):
        play(f, Tensor(x))
