"""Shapes, dtypes and trees that are others in a later call, or hang on numbers."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from typing import Any

import numpy as np
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

import autograd as ag
from autograd import Tensor

Pair = namedtuple("Pair", "x y")


@way("right")
def batches_of_other_sizes(play: Play) -> None:
    w = Tensor(np.ones((3, 2)), requires_grad=True)
    play.watch(w)
    f = play.jit(lambda x: (x @ w).mean() / x.shape[0])
    for n, x in enumerate(numbers(6, 3, count=16)):
        play(f, Tensor(x[: 2 + n % 3]))


@way("right")
def an_empty_batch(play: Play) -> None:
    f = play.jit(lambda x: (x * 2).sum(axis=0))
    for n, x in enumerate(numbers(4, 3, count=16)):
        play(f, Tensor(x[: 4 * (n % 2)]))


@way("right")
def one_number_more_or_less_an_axis(play: Play) -> None:
    f = play.jit(lambda x: x * 2 + x.ndim)
    for n, x in enumerate(numbers(1, count=16)):
        play(f, Tensor(x[0] if n % 2 else x))


@way("right")
def an_axis_of_one_that_was_broadcast(play: Play) -> None:
    f = play.jit(lambda x, y: (x + y).sum(axis=0))
    for n, x in enumerate(numbers(3, 2, count=16)):
        play(f, Tensor(x), Tensor(x[:1] if n % 2 else x * 2))


@way("right")
def float32_and_float64(play: Play) -> None:
    f = play.jit(lambda x: ag.exp(x) / 3)
    for n, x in enumerate(numbers(4, count=16)):
        play(f, Tensor(x.astype([np.float32, np.float64][n % 2])))


@way("right")
def whole_numbers_and_fractions(play: Play) -> None:
    f = play.jit(lambda x: Tensor(1) + x * 2)
    for n in range(16):
        play(f, np.arange(4, dtype=[np.int64, np.float32, np.int8, np.float64][n % 4]) + n)


@way("right")
def bools_and_whole_numbers(play: Play) -> None:
    f = play.jit(lambda x: ag.where(x, 1.0, 2.0) + x)
    for n in range(8):
        play(f, (np.arange(4) + n) % 3 == 0 if n % 2 else np.arange(4) - n)


@way("right")
def the_other_byte_order(play: Play) -> None:
    f = play.jit(lambda x: x * 2)
    for n, x in enumerate(numbers(4, count=16)):
        play(f, Tensor(x.astype(">f8" if n % 2 else "<f8")))


@way("right")
def float16(play: Play) -> None:
    f = play.jit(lambda x: (x * 3).mean())
    for x in numbers(40):
        play(f, Tensor(x.astype(np.float16)))


@way("right")
def arrays_that_are_not_contiguous(play: Play) -> None:
    f = play.jit(lambda x: Tensor(0.5) + (x @ x.T).sum(axis=1) + x.reshape(-1)[:3])
    for n, x in enumerate(numbers(6, 6, count=16)):
        play(f, [x[:3, :3].copy(), x[::2, ::2], x[:3, :3].T, x[::-2, ::-2]][n % 4])


@way("right")
def read_only_arrays(play: Play) -> None:
    f = play.jit(lambda x: Tensor(1) + x * 2)
    for n, x in enumerate(numbers(5)):
        x.setflags(write=bool(n % 2))
        play(f, x)


@way("right")
def arrays_and_tensors(play: Play) -> None:
    f = play.jit(lambda x: ag.sum(x * 2, axis=0) * Tensor([1.0, 2.0]))
    for n, x in enumerate(numbers(5, 2, count=16)):
        play(f, x if n % 2 else Tensor(x))


@way("documented", "Arrays reach it as tensors")
def arrays_are_tensors_within(play: Play) -> None:
    f = play.jit(lambda x: x * 2)
    for x in numbers(5):
        play(f, x)


@way("right", anew=True)
def numpys_numbers(play: Play) -> None:
    f = play.jit(lambda x, s: x * s)
    for x in numbers(5):
        play(f, Tensor(x), x[0])


@way("right", anew=True)
def numpys_numbers_beside_float32(play: Play) -> None:
    f = play.jit(lambda x, s: x * s)
    for n, x in enumerate(numbers(5, dtype=np.float32)):
        play(f, Tensor(x), np.float64(n / 10))


@way("right")
def arrays_without_axes(play: Play) -> None:
    f = play.jit(lambda x, s: x * s + s)
    for x in numbers(5, count=16):
        play(f, Tensor(x), np.array(x[0]))


@way("right")
def a_number_or_an_array_of_one(play: Play) -> None:
    f = play.jit(lambda x, s: x * s)
    for n, x in enumerate(numbers(5, count=16, dtype=np.float32)):
        play(f, Tensor(x), [0.1, np.array(0.1), np.array([0.1]), np.array([[0.1]])][n % 4])


@way("right")
def tuples_and_lists(play: Play) -> None:
    def f(xs: Any) -> Any:
        return xs[0] * 2 if isinstance(xs, tuple) else xs[0] + xs[1]

    f = play.jit(f)
    for n, x in enumerate(numbers(3, count=16)):
        play(f, (tuple if n % 2 else list)([Tensor(x), Tensor(x * 3)]))


@way("right")
def a_longer_list(play: Play) -> None:
    f = play.jit(lambda xs: sum(x * (i + 1) for i, x in enumerate(xs)))
    for n, x in enumerate(numbers(3, count=16)):
        play(f, [Tensor(x)] * (1 + n % 3) + [Tensor(x * 2)])


@way("right")
def a_dict_in_another_order(play: Play) -> None:
    f = play.jit(lambda d: next(iter(d.values())) * 2 + sum(d.values()))
    for n, x in enumerate(numbers(3, count=16)):
        pairs = [("a", Tensor(x)), ("b", Tensor(x * x))]
        play(f, dict(pairs[::-1] if n % 2 else pairs))


@way("right")
def a_dict_with_other_keys(play: Play) -> None:
    f = play.jit(lambda d: sum(v * len(k) for k, v in d.items()))
    for n, x in enumerate(numbers(3, count=16)):
        play(f, {"a" * (1 + n % 3): Tensor(x), "b": Tensor(x * x)})


@way("right")
def an_ordered_dict(play: Play) -> None:
    f = play.jit(lambda d: d["a"] * (2 if isinstance(d, OrderedDict) else 3))
    for n, x in enumerate(numbers(3, count=16)):
        play(f, (OrderedDict if n % 2 else dict)(a=Tensor(x)))


@way("right")
def a_named_tuple(play: Play) -> None:
    def f(p: Any) -> Any:
        return p.x * 2 + p.y if isinstance(p, Pair) else p[0] - p[1]

    f = play.jit(f)
    for n, x in enumerate(numbers(3, count=16)):
        play(f, Pair(Tensor(x), Tensor(x * 3)) if n % 2 else (Tensor(x), Tensor(x * 3)))


@way("right")
def nested_trees_in_and_out(play: Play) -> None:
    f = play.jit(lambda t: {"a": [t["x"] * 2, (t["y"][0], None)], "n": 3, "s": "text"})
    for x in numbers(3):
        play(f, {"x": Tensor(x), "y": [Tensor(x * 3), 1]})


@way("right")
def none_or_a_tensor(play: Play) -> None:
    f = play.jit(lambda x, y=None: x if y is None else x * y)
    for n, x in enumerate(numbers(3, count=16)):
        play(f, Tensor(x), Tensor(x) if n % 2 else None)


@way("right")
def options_in_another_order(play: Play) -> None:
    f = play.jit(lambda **given: next(iter(given.values())) * 2 + given["b"])
    for n, x in enumerate(numbers(3, count=16)):
        pairs = [("a", Tensor(x)), ("b", Tensor(x * x))]
        play(f, **dict(pairs[::-1] if n % 2 else pairs))


@way("right")
def positions_and_names(play: Play) -> None:
    f = play.jit(lambda x, y: x - 2 * y)
    for n, x in enumerate(numbers(3, count=16)):
        a, b = Tensor(x), Tensor(x * x)
        if n % 3 == 0:
            play(f, a, b)
        elif n % 3 == 1:
            play(f, a, y=b)
        else:
            play(f, y=a, x=b)


@way("right")
def one_tensor_given_twice(play: Play) -> None:
    f = play.jit(lambda x, y: (x * y).sum())
    for n, x in enumerate(numbers(3, count=16)):
        a = Tensor(x, requires_grad=True)
        b = a if n % 2 else Tensor(x * 2, requires_grad=True)
        play(f, a, b).backward()
        play.note(a, b)


@way("right")
def one_array_given_twice(play: Play) -> None:
    f = play.jit(lambda x, y: x - 2 * y + Tensor(1.0))
    for x in numbers(3):
        play(f, x, x)


@way("right")
def one_array_given_twice_later(play: Play) -> None:
    f = play.jit(lambda x, y: x - 2 * y + Tensor(1.0))
    for n, x in enumerate(numbers(3, count=16)):
        play(f, x, x if n % 2 else x * 2)


@way("right")
def views_of_one_array(play: Play) -> None:
    f = play.jit(lambda x, y: x - 2 * y + Tensor(1.0))
    for n, x in enumerate(numbers(6, count=16)):
        play(f, x[:3], x[n % 3 : 3 + n % 3])


@way("right")
def who_wants_a_gradient(play: Play) -> None:
    f = play.jit(lambda x, y: x * y + x)
    for n, x in enumerate(numbers(3, count=24)):
        a = Tensor(x, requires_grad=n % 2 == 0)
        b = Tensor(x * 2, requires_grad=n % 3 == 0)
        out = play(f, a, b)
        if out.requires_grad:
            out.sum().backward()
        play.note(a, b)


@way("right")
def a_leaf_or_what_was_computed(play: Play) -> None:
    f = play.jit(lambda x: (x * x).sum())
    for n, x in enumerate(numbers(3, count=16)):
        a = Tensor(x, requires_grad=True)
        given = a * 2 if n % 2 else a
        play(f, given).backward()
        play.note(a, given)


@way("right")
def is_leaf_asked(play: Play) -> None:
    f = play.jit(lambda x: x * (2 if x.is_leaf else 3) * (1 if x.requires_grad else 5))
    for n, x in enumerate(numbers(3, count=16)):
        a = Tensor(x, requires_grad=n % 3 > 0)
        play(f, a * 2 if n % 3 == 1 else a)


@way("right")
def a_parameter_in_the_place_of_a_tensor(play: Play) -> None:
    import nn

    f = play.jit(lambda x: x * (2 if isinstance(x, nn.Parameter) else 3))
    for n, x in enumerate(numbers(3, count=16)):
        play(f, nn.Parameter(x) if n % 2 else Tensor(x, requires_grad=True))
