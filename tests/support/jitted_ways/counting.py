"""What Python counts or uses up within a function, and numbers that nothing can see."""

from __future__ import annotations

import collections
import itertools
import os
import types
from typing import Any

from support.jitted_ways.playing import Play
from support.jitted_ways.python_values import Options
from support.jitted_ways.table import OTHER, numbers, way

from autograd import Tensor

settings = types.ModuleType("settings")


class OfClass:
    scale = 1.0

    def times(self, x: Tensor) -> Tensor:
        return x * self.scale


@way("plain", "it changes 'count'")
def a_counter_in_the_closure(play: Play) -> None:
    count = 0

    @play.jit
    def f(x: Tensor) -> Tensor:
        nonlocal count
        count += 1
        return x * count

    for x in numbers(3):
        play(f, Tensor(x))
        play.note(count)


@way("plain", "it changes")
def a_counter_in_an_object(play: Play) -> None:
    state = Options(0.0)

    @play.jit
    def f(x: Tensor) -> Tensor:
        state.scale += 1
        return x * state.scale

    for x in numbers(3):
        play(f, Tensor(x))
        play.note(state.scale)


@way("plain", "it changes")
def a_list_that_is_used_up(play: Play) -> None:
    left = [float(n) for n in range(40)]

    @play.jit
    def f(x: Tensor) -> Tensor:
        return x * left.pop()

    for x in numbers(3):
        play(f, Tensor(x))


@way("plain", "it has an iterator at hand")
def a_counter_of_itertools(play: Play) -> None:
    counter = itertools.count()
    f = play.jit(lambda x: x * next(counter))  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("plain", "it changes")
def a_queue_that_is_used_up(play: Play) -> None:
    left = collections.deque(float(n) for n in range(40))
    f = play.jit(lambda x: x * left.popleft())  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("plain", "it changes")
def a_queue_whose_numbers_change_late(play: Play) -> None:
    left = collections.deque([1.0, 1.0, *range(2, 20)])
    f = play.jit(lambda x: x * left.popleft())
    for x in numbers(3):
        play(f, Tensor(x))


@way("plain", "it has an iterator at hand")
def a_generator_function(play: Play) -> None:
    def scales() -> Any:
        yield from range(40)

    values = scales()
    f = play.jit(lambda x: x * next(values))  # here
    for x in numbers(3):
        play(f, Tensor(x))


# --- what is documented --------------------------------------------------------------------------


@way("right")
def an_attribute_of_a_class(play: Play) -> None:
    thing = OfClass()
    f = play.jit(lambda x: thing.times(x))
    for n, x in enumerate(numbers(3, count=16)):
        OfClass.scale = n // 5
        play(f, Tensor(x))


@way("right")
def an_attribute_of_a_module_file(play: Play) -> None:
    settings.scale = 1.0
    f = play.jit(lambda x: x * settings.scale)
    for n, x in enumerate(numbers(3, count=16)):
        settings.scale = n // 5
        play(f, Tensor(x))


@way("documented", OTHER)
def the_environment(play: Play) -> None:
    f = play.jit(lambda x: x * float(os.environ.get("PULLBACK_TEST_SCALE", "1")))
    try:
        for n, x in enumerate(numbers(3, count=16)):
            os.environ["PULLBACK_TEST_SCALE"] = str(n // 5)
            play(f, Tensor(x))
    finally:
        del os.environ["PULLBACK_TEST_SCALE"]


@way("right")
def a_simple_namespace_in_a_deque(play: Play) -> None:
    held = collections.deque([types.SimpleNamespace(scale=1.0)])
    f = play.jit(lambda x: x * held[0].scale)
    for n, x in enumerate(numbers(3, count=16)):
        held[0].scale = n // 5
        play(f, Tensor(x))


@way("plain", "it changes")
def an_append(play: Play) -> None:
    seen = collections.deque[int]()
    play.watch(seen)

    @play.jit
    def f(x: Tensor) -> Tensor:
        seen.append(1)
        return x * 2

    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def a_property_that_is_computed(play: Play) -> None:
    class Scaler:
        def __init__(self) -> None:
            self.base = 1.0

        @property
        def scale(self) -> float:
            return self.base * 2

    scaler = Scaler()
    f = play.jit(lambda x: x * scaler.scale)
    for n, x in enumerate(numbers(3, count=16)):
        scaler.base = n // 5
        play(f, Tensor(x))


@way("right")
def an_attribute_that_is_added_and_deleted(play: Play) -> None:
    options = Options()
    f = play.jit(lambda x: x * getattr(options, "extra", 1.0))
    for n, x in enumerate(numbers(3, count=16)):
        if n % 4 == 1:
            options.extra = 2.0  # type: ignore[attr-defined]
        if n % 4 == 3:
            del options.extra  # type: ignore[attr-defined]
        play(f, Tensor(x))


@way("right")
def an_attribute_of_an_object_that_had_none(play: Play) -> None:
    options = types.SimpleNamespace()
    f = play.jit(lambda x: x * getattr(options, "extra", 1.0))
    for n, x in enumerate(numbers(3, count=16)):
        if n == 4:
            options.extra = 2.0
        play(f, Tensor(x))


@way("right")
def more_numbers_than_programs_are_kept(play: Play) -> None:
    f = play.jit(lambda x, n: x * n)
    for n in [*range(14)] * 3:
        play(f, Tensor([1.0, n]), n)
