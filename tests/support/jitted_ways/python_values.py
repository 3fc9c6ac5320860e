"""Python's values that a function depends on, and that are others in a later call."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

import numpy as np
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

import autograd as ag
from autograd import Tensor

SCALE = 1.0
WEIGHTS = Tensor(np.ones(3))


def scaled(x: Tensor) -> Tensor:
    return x * SCALE


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


@way("right", anew=True)
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


@way("right")
def one_slice_given_often(play: Play) -> None:
    f = play.jit(lambda x, part: x[part] * 2)
    for x in numbers(6, count=20):
        play(lambda x: f(x, slice(1, 4)), Tensor(x))


@way("right")
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


@way("right")
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
