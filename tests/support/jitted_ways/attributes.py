"""Attributes of objects around a function, which change between calls."""

from __future__ import annotations

from typing import Any

from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

from autograd import Tensor


class _Holder:
    def __init__(self, **held: Any) -> None:
        vars(self).update(held)


class _Doubling(_Holder):
    pass


@way("right")
def attributes_that_two_objects_exchange(play: Play) -> None:
    a, b = _Holder(scale=2.0, name="a"), _Holder(scale=3.0, name="b")
    f = play.jit(lambda x: x * a.scale - b.scale)
    for n, x in enumerate(numbers(3, count=16)):
        if n % 5 == 4:
            a.scale, b.scale = b.scale, a.scale
        play(f, Tensor(x))


@way("right")
def an_attribute_that_moves_from_one_object_to_the_next(play: Play) -> None:
    a, b = _Holder(one=2.0, other=3.0), _Holder(last=5.0)
    f = play.jit(lambda x: x * len(vars(a)) + len(vars(b)))
    for n, x in enumerate(numbers(3, count=16)):
        if n == 4:
            del a.other
            vars(b).clear()
            vars(b).update(other=3.0, last=5.0)
        play(f, Tensor(x))


@way("right")
def an_attribute_of_another_name(play: Play) -> None:
    scale = 3.0
    held = _Holder(scale=scale)
    f = play.jit(lambda x: x * getattr(held, "factor", 2.0))
    for n, x in enumerate(numbers(3, count=16)):
        if n == 4:
            del held.scale
            held.factor = scale
        play(f, Tensor(x))


@way("right")
def attributes_in_another_order(play: Play) -> None:
    held = _Holder(a=2.0, b=2.0)
    f = play.jit(lambda x: x * (2.0 if next(iter(vars(held))) == "a" else 3.0))
    for n, x in enumerate(numbers(3, count=16)):
        if n == 4:
            first = vars(held).pop("a")
            vars(held)["a"] = first
        play(f, Tensor(x))


@way("right")
def an_attribute_that_is_a_list_and_grows(play: Play) -> None:
    held, other = _Holder(scales=[2.0]), _Holder(scale=1.5)
    f = play.jit(lambda x: x * sum(held.scales) * other.scale)
    for n, x in enumerate(numbers(3, count=16)):
        if n % 5 == 4:
            held.scales.append(1.0)
        play(f, Tensor(x))


@way("right")
def an_attribute_that_is_a_list_in_a_tuple(play: Play) -> None:
    held = _Holder(scales=([2.0], 1.0))
    f = play.jit(lambda x: x * held.scales[0][0] + held.scales[1])
    for n, x in enumerate(numbers(3, count=16)):
        if n % 5 == 4:
            held.scales[0][0] += 1.0
        play(f, Tensor(x))


@way("right")
def another_dict_of_attributes(play: Play) -> None:
    held = _Holder(scale=2.0)
    f = play.jit(lambda x: x * held.scale)
    for n, x in enumerate(numbers(3, count=16)):
        if n % 5 == 4:
            held.__dict__ = {"scale": n + 1.0}
        play(f, Tensor(x))


@way("right")
def an_object_of_another_class(play: Play) -> None:
    held = _Holder(scale=2.0)
    f = play.jit(lambda x: x * held.scale * (2.0 if isinstance(held, _Doubling) else 1.0))
    for n, x in enumerate(numbers(3, count=16)):
        if n == 4:
            held.__class__ = _Doubling
        play(f, Tensor(x))


@way("right")
def attributes_that_are_made_anew_and_equal_until_they_are_not(play: Play) -> None:
    """Those that change are looked at by themselves, and still by value."""
    held, quiet = _Holder(scale=2.0, name="some name"), _Holder(scale=3.0)
    f = play.jit(lambda x: x * held.scale + len(held.name) + quiet.scale)
    for n, x in enumerate(numbers(3, count=24)):
        held.scale = float(f"{2 if n < 12 else 5}.5")
        held.name = "".join(["some", " ", "name" if n < 18 else "names"])
        if n == 21:
            quiet.scale = 4.0
        play(f, Tensor(x))


@way("right")
def minus_zero_among_attributes(play: Play) -> None:
    held = _Holder(zero=0.0)
    f = play.jit(lambda x: (x * 0.0 + 1.0) * held.zero)
    for n, x in enumerate(numbers(3, count=16)):
        if n == 4:
            held.zero = -0.0
        play(f, Tensor(x))


@way("right")
def true_for_one_among_attributes(play: Play) -> None:
    held = _Holder(one=1)
    f = play.jit(lambda x: x * (3.0 if held.one is True else 2.0))
    for n, x in enumerate(numbers(3, count=16)):
        if n == 4:
            held.one = True
        play(f, Tensor(x))


@way("right")
def a_tensor_read_from_outside_gets_another_shape_in_place(play: Play) -> None:
    held = _Holder(weight=Tensor([[1.0, 2.0, 3.0]]))
    f = play.jit(lambda x: (x + held.weight).sum() * len(held.weight.shape))
    for n, x in enumerate(numbers(3, count=16)):
        if n == 4:
            held.weight.data.resize((3,), refcheck=False)
        play(f, Tensor(x))
