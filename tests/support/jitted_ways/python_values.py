"""Python's values that a function depends on, and that are others in a later call."""

from __future__ import annotations

import collections
import dataclasses
import enum
import functools
import itertools
import os
import types
from typing import Any

import numpy as np
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

import autograd as ag
from autograd import Tensor

OTHER = "a number in some other object that changes later"
SCALE = 1.0
TABLE = {"scale": [1.0]}
ARRAY = np.ones(3)
settings = types.ModuleType("settings")


class Size(enum.Enum):
    SMALL = 1
    LARGE = 2


@dataclasses.dataclass
class Options:
    scale: float = 1.0
    inner: Any = None


class Slotted:
    __slots__ = ("scale",)

    def __init__(self, scale: float) -> None:
        self.scale = scale


class OfClass:
    scale = 1.0

    def times(self, x: Tensor) -> Tensor:
        return x * self.scale


# --- arguments -----------------------------------------------------------------------------------


@way("right")
def a_number_as_an_argument(play: Play) -> None:
    f = play.jit(lambda x, s: x * s)
    for n, x in enumerate(numbers(3, count=16)):
        play(f, Tensor(x), n % 3 + 0.5)


@way("right")
def one_true_and_one_point_zero(play: Play) -> None:
    f = play.jit(lambda x, s: x * (2 if s is True else 3 if isinstance(s, int) else 4))
    for n, x in enumerate(numbers(3, count=16)):
        play(f, Tensor(x), [1, True, 1.0][n % 3])


@way("right")
def zero_and_minus_zero(play: Play) -> None:
    f = play.jit(lambda x, s: ag.arctan2(x * 0 + s, -ag.abs(x)))
    for n, x in enumerate(numbers(3, count=16)):
        play(f, Tensor(x), [0.0, -0.0][n % 2])


@way("right")
def nan_as_an_argument(play: Play) -> None:
    f = play.jit(lambda x, s: x * 2 if s != s else x * s)
    for n, x in enumerate(numbers(3, count=16)):
        play(f, Tensor(x), [float("nan"), 1.5][n % 2])


@way("right")
def text_bools_and_none(play: Play) -> None:
    def f(x: Tensor, how: Any, sign: bool = False) -> Tensor:
        y = {"double": x * 2, None: x + 1, "square": x * x}[how]
        return -y if sign else y

    f = play.jit(f)
    for n, x in enumerate(numbers(3, count=24)):
        play(f, Tensor(x), ["double", None, "square"][n % 3], sign=n % 2 == 0)


@way("right")
def an_enum_as_an_argument(play: Play) -> None:
    f = play.jit(lambda x, size: x * (1 if size is Size.SMALL else 10))
    for n, x in enumerate(numbers(3, count=16)):
        play(f, Tensor(x), [*Size][n % 2])


@way("right")
def a_dtype_as_an_argument(play: Play) -> None:
    f = play.jit(lambda x, dtype: x.astype(dtype) * 2)
    for n, x in enumerate(numbers(3, count=16)):
        play(f, Tensor(x), [np.float32, np.float64, "float32", np.dtype("float64")][n % 4])


@way("right")
def a_slice_as_an_argument(play: Play) -> None:
    part = [slice(first, 5) for first in range(3)]
    f = play.jit(lambda x, part: x[part] * 2)
    for n, x in enumerate(numbers(6, count=16)):
        play(f, Tensor(x), part[n % 3])


@way("right")
def an_axis_as_an_argument(play: Play) -> None:
    f = play.jit(lambda x, axis: x.sum(axis=axis))
    for n, x in enumerate(numbers(3, 3, count=16)):
        play(f, Tensor(x), [0, 1, None, (0, 1)][n % 4])


@way("right")
def a_function_as_an_argument(play: Play) -> None:
    f = play.jit(lambda g, x: g(x) * 2)
    for n, x in enumerate(numbers(3, count=16)):
        play(f, [ag.exp, ag.tanh][n % 2], Tensor(x))


@way("right", anew=True)
def a_function_made_anew_as_an_argument(play: Play) -> None:
    f = play.jit(lambda g, x: g(x) * 2)
    for n, x in enumerate(numbers(3, count=16)):
        play(f, lambda t, n=n: t * n, Tensor(x))


@way("right", failing="SILENT: a method of a built-in object is told by its place in memory")
def a_builtin_method_made_anew(play: Play) -> None:
    f = play.jit(lambda x, read: x * read()[0])
    for n, x in enumerate(numbers(3, count=16)):
        play(lambda x, n=n: f(x, [n // 5 + 0.5].copy), Tensor(x))


@way("right", anew=True)
def an_object_made_anew_and_let_go(play: Play) -> None:
    f = play.jit(lambda x, o: x * o.scale)
    for n, x in enumerate(numbers(3, count=16)):
        play(lambda x, n=n: f(x, Options(n + 0.5)), Tensor(x))


@way("right", anew=True)
def a_slotted_object_made_anew_and_let_go(play: Play) -> None:
    f = play.jit(lambda x, o: x * o.scale)
    for n, x in enumerate(numbers(3, count=16)):
        play(lambda x, n=n: f(x, Slotted(n + 0.5)), Tensor(x))


@way("right", failing="equal slices are told apart: each makes another program")
def one_slice_given_often(play: Play) -> None:
    f = play.jit(lambda x, part: x[part] * 2)
    for x in numbers(6, count=20):
        play(lambda x: f(x, slice(1, 4)), Tensor(x))


@way("right", failing="equal ranges are told apart: each makes another program")
def one_range_given_often(play: Play) -> None:
    f = play.jit(lambda x, part: sum(x[i] for i in part))
    for n, x in enumerate(numbers(6, count=20)):
        play(lambda x, n=n: f(x, range(2 + n % 2)), Tensor(x))


@way("right")
def a_list_of_numbers_that_changes(play: Play) -> None:
    weights = [1.0, 2.0]
    f = play.jit(lambda x, w: x * w[0] + w[1])
    for n, x in enumerate(numbers(3, count=16)):
        weights[n % 2] += n % 6 == 0
        play(f, Tensor(x), weights)


@way("right")
def attributes_of_an_argument(play: Play) -> None:
    options = Options()
    f = play.jit(lambda x, o: x * o.scale)
    for n, x in enumerate(numbers(3, count=16)):
        options.scale = n // 5
        play(f, Tensor(x), options)


@way("right")
def attributes_of_an_attribute(play: Play) -> None:
    options = Options(inner=Options(2.0))
    f = play.jit(lambda x, o: x * o.inner.scale)
    for n, x in enumerate(numbers(3, count=16)):
        options.inner.scale = n // 5
        play(f, Tensor(x), options)


@way("right", failing="SILENT: slots of an argument are not looked at")
def slots_of_an_argument(play: Play) -> None:
    options = Slotted(1.0)
    f = play.jit(lambda x, o: x * o.scale)
    for n, x in enumerate(numbers(3, count=16)):
        options.scale = n // 5
        play(f, Tensor(x), options)


@way("right")
def a_tensor_in_an_attribute_of_an_argument(play: Play) -> None:
    options = Options()
    f = play.jit(lambda x, o: x * o.inner)
    for n, x in enumerate(numbers(3, count=16)):
        if n % 3 == 0:
            options.inner = Tensor(x + 1)
        play(f, Tensor(x), options)


@way("right", anew=True)
def a_tensor_made_anew_in_an_attribute(play: Play) -> None:
    f = play.jit(lambda x, o: x * o.inner)
    for x in numbers(3, count=16):
        play(f, Tensor(x), Options(inner=Tensor(x + 1)))


# --- closures and globals ------------------------------------------------------------------------


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


@way("right", failing="SILENT: what is in a default is not looked at again")
def a_default_that_is_mutated(play: Play) -> None:
    def f(x: Tensor, scale: list[float] = [1.0]) -> Tensor:  # noqa: B006
        return x * scale[0]

    defaults = f.__defaults__
    f = play.jit(f)
    for n, x in enumerate(numbers(3, count=16)):
        defaults[0][0] = n // 5 + 1.0
        play(f, Tensor(x))


@way("right", failing="SILENT: defaults that are assigned anew are not looked at")
def defaults_that_are_assigned(play: Play) -> None:
    def f(x: Tensor, scale: float = 1.0) -> Tensor:
        return x * scale

    plain = f
    f = play.jit(f)
    for n, x in enumerate(numbers(3, count=16)):
        plain.__defaults__ = (n // 5 + 1.0,)
        play(f, Tensor(x))


@way("right", failing="SILENT: code that is assigned anew is not looked at")
def code_that_is_assigned(play: Play) -> None:
    def f(x: Tensor) -> Tensor:
        return x * 2

    plain, codes = f, [f.__code__, (lambda x: x * 3).__code__]
    f = play.jit(f)
    for n, x in enumerate(numbers(3, count=16)):
        plain.__code__ = codes[n // 5 % 2]
        play(f, Tensor(x))


@way("right", failing="SILENT: what is in an argument of a partial is not looked at again")
def a_partial_of_a_function(play: Play) -> None:
    options = {"scale": 1.0}
    f = play.jit(functools.partial(lambda x, o: x * o["scale"], o=options))
    for n, x in enumerate(numbers(3, count=16)):
        options["scale"] = n // 5
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


# --- what Python counts --------------------------------------------------------------------------


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


@way("refused")
def a_counter_of_itertools(play: Play) -> None:
    counter = itertools.count()
    f = play.jit(lambda x: x * next(counter))  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def a_queue_that_is_used_up(play: Play) -> None:
    left = collections.deque(float(n) for n in range(40))
    f = play.jit(lambda x: x * left.popleft())  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("documented", OTHER)
def a_queue_whose_numbers_change_late(play: Play) -> None:
    left = collections.deque([1.0, 1.0, *range(2, 20)])
    f = play.jit(lambda x: x * left.popleft())
    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def a_generator_function(play: Play) -> None:
    def scales() -> Any:
        yield from range(40)

    values = scales()
    f = play.jit(lambda x: x * next(values))  # here
    for x in numbers(3):
        play(f, Tensor(x))


# --- what is documented --------------------------------------------------------------------------


@way("documented", OTHER)
def an_attribute_of_a_class(play: Play) -> None:
    thing = OfClass()
    f = play.jit(lambda x: thing.times(x))
    for n, x in enumerate(numbers(3, count=16)):
        OfClass.scale = n // 5
        play(f, Tensor(x))


@way("documented", OTHER)
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


@way("documented", OTHER)
def a_simple_namespace_in_a_deque(play: Play) -> None:
    held = collections.deque([types.SimpleNamespace(scale=1.0)])
    f = play.jit(lambda x: x * held[0].scale)
    for n, x in enumerate(numbers(3, count=16)):
        held[0].scale = n // 5
        play(f, Tensor(x))


@way("documented", "print, append")
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


@way("right", failing="SILENT: an object without attributes is not looked at when it gets some")
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
    for n in [*range(14), *range(14)]:
        play(f, Tensor([1.0, n]), n)
