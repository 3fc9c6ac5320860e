"""Functions and objects that a function calls, and what these depend on."""

from __future__ import annotations

import functools
from typing import Any, ClassVar

import numpy as np
from support.jitted_ways import python_values
from support.jitted_ways.playing import Play
from support.jitted_ways.python_values import Options
from support.jitted_ways.table import OTHER, numbers, way

import autograd as ag
from autograd import Tensor


@way("right")
def a_number_in_the_closure_of_a_callee(play: Play) -> None:
    scale = 1.0

    def callee(x: Tensor) -> Tensor:
        return x * scale

    f = play.jit(lambda x: callee(x) + 1)
    for n, x in enumerate(numbers(3, count=16)):
        scale = n // 5
        play(f, Tensor(x))


@way("right")
def a_callee_that_is_another(play: Play) -> None:
    callee = ag.exp
    f = play.jit(lambda x: callee(x) + 1)
    for n, x in enumerate(numbers(3, count=16)):
        callee = [ag.exp, ag.tanh, np.sin][n // 5 % 3]
        play(f, Tensor(x))


@way("right")
def a_wrapped_function(play: Play) -> None:
    scale = 1.0

    def doubled(g: Any) -> Any:
        @functools.wraps(g)
        def inner(x: Tensor) -> Tensor:
            return g(x) * 2 * scale

        return inner

    @play.jit
    @doubled
    def f(x: Tensor) -> Tensor:
        return x + 1

    for n, x in enumerate(numbers(3, count=16)):
        scale = n // 5
        play(f, Tensor(x))


@way("right")
def a_bound_method(play: Play) -> None:
    class Scaler:
        def __init__(self) -> None:
            self.scale = 1.0

        def times(self, x: Tensor) -> Tensor:
            return x * self.scale

    scaler = Scaler()
    f = play.jit(scaler.times)
    for n, x in enumerate(numbers(3, count=16)):
        scaler.scale = n // 5
        play(f, Tensor(x))


@way("right")
def a_method_of_two_objects(play: Play) -> None:
    class Scaler:
        def __init__(self, scale: float) -> None:
            self.scale = scale

        @play.jit
        def times(self, x: Tensor) -> Tensor:
            return x * self.scale

    two = Scaler(2.0), Scaler(3.0)
    for n, x in enumerate(numbers(3, count=16)):
        two[0].scale += n // 5
        play(lambda x, s=two[n % 2]: s.times(x), Tensor(x))


@way("right")
def an_object_with_call(play: Play) -> None:
    class Scaler:
        def __init__(self) -> None:
            self.scale = 1.0

        def __call__(self, x: Tensor) -> Tensor:
            return x * self.scale

    scaler = Scaler()
    f = play.jit(scaler)
    for n, x in enumerate(numbers(3, count=16)):
        scaler.scale = n // 5
        play(f, Tensor(x))


@way("right")
def a_function_made_by_exec(play: Play) -> None:
    space: dict[str, Any] = {}
    exec("def scaled(x, by=[1.0]):\n    return x * by[0]", space)  # as those who write code do
    f = play.jit(lambda x: space["scaled"](x) + 1)
    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def a_number_read_by_a_comprehension(play: Play) -> None:
    scales = [1.0, 2.0]
    f = play.jit(lambda x: sum([x * s for s in scales], x))
    for n, x in enumerate(numbers(3)):
        scales[0] = n // 4
        play(f, Tensor(x))


@way("right")
def a_number_in_a_function_defined_within(play: Play) -> None:
    scale = 1.0

    @play.jit
    def f(x: Tensor) -> Tensor:
        def inner(t: Tensor) -> Tensor:
            def innermost(s: Tensor) -> Tensor:
                return s * scale

            return innermost(t)

        return inner(x)

    for n, x in enumerate(numbers(3)):
        scale = n // 4
        play(f, Tensor(x))


@way("right")
def a_callee_of_a_callee(play: Play) -> None:
    scale = [1.0]
    innermost = lambda x: x * scale[0]  # noqa: E731
    inner = lambda x: innermost(x)  # noqa: E731
    f = play.jit(lambda x: inner(x))
    for n, x in enumerate(numbers(3)):
        scale[0] = n // 4
        play(f, Tensor(x))


@way("documented", OTHER)
def a_global_of_a_callee_in_another_file(play: Play) -> None:
    f = play.jit(lambda x: python_values.scaled(x))
    before = python_values.SCALE
    try:
        for n, x in enumerate(numbers(3)):
            python_values.SCALE = n // 4
            play(f, Tensor(x))
    finally:
        python_values.SCALE = before


@way("right")
def a_static_method_and_a_class_method(play: Play) -> None:
    class Scaler:
        factors: ClassVar = [1.0]

        @classmethod
        def times(cls, x: Tensor) -> Tensor:
            return cls.plus(x * cls.factors[0])

        @staticmethod
        def plus(x: Tensor) -> Tensor:
            return x + 1

    f = play.jit(lambda x: Scaler.times(x))
    for n, x in enumerate(numbers(3)):
        Scaler.factors[0] = n // 4
        play(f, Tensor(x))


@way("right")
def a_method_of_an_attribute(play: Play) -> None:
    class Inner:
        def __init__(self) -> None:
            self.scale = 1.0

        def times(self, x: Tensor) -> Tensor:
            return x * self.scale

    class Outer:
        def __init__(self) -> None:
            self.parts = {"inner": [Inner()]}

        def __call__(self, x: Tensor) -> Tensor:
            return self.parts["inner"][0].times(x)

    outer = Outer()
    f = play.jit(lambda x: outer(x))
    for n, x in enumerate(numbers(3)):
        outer.parts["inner"][0].scale = n // 4
        if n == 6:
            outer.parts["inner"].insert(0, Inner())
        play(f, Tensor(x))


@way("right")
def an_attribute_of_a_result_of_a_call(play: Play) -> None:
    options = Options(2.0)
    f = play.jit(lambda x, get=lambda: options: x * get().scale)
    for n, x in enumerate(numbers(3)):
        options.scale = n // 4
        play(f, Tensor(x))


@way("right")
def super_and_inheritance(play: Play) -> None:
    class Base:
        scale = 2.0

        def times(self, x: Tensor) -> Tensor:
            return x * self.scale

    class Derived(Base):
        def __init__(self) -> None:
            self.offset = 1.0

        def times(self, x: Tensor) -> Tensor:
            return super().times(x) + self.offset

    thing = Derived()
    f = play.jit(lambda x: thing.times(x))
    for n, x in enumerate(numbers(3)):
        thing.offset = n // 4
        if n == 6:
            thing.scale = 5.0  # type: ignore[misc]  # of its own now
        play(f, Tensor(x))


@way("right")
def a_tensor_in_a_module_file(play: Play) -> None:
    f = play.jit(lambda x: x * python_values.WEIGHTS)
    before = python_values.WEIGHTS
    try:
        for n, x in enumerate(numbers(3)):
            if n % 4 == 3:
                python_values.WEIGHTS = Tensor(x)
            python_values.WEIGHTS.data = x + 1
            play(f, Tensor(x))
    finally:
        python_values.WEIGHTS = before
