"""Ways that a function goes by the numbers of a tensor: each is another program."""

from __future__ import annotations

import numpy as np
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

import autograd as ag
from autograd import Tensor


@way("right")
def a_branch_by_a_number(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Tensor:
        if x.sum() > 0:
            return x * 2
        return x - 1

    for x in numbers(3, count=24):
        play(f, Tensor(x))


@way("right")
def a_branch_that_is_first_taken_late(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Tensor:
        return -x if x[0] > 3 else x + 1

    for first in [0.0, 1.0, 2.0, -1.0, 0.5, 4.0, 5.0, 1.0, 3.0]:
        play(f, Tensor([first, 1.0]))


@way("right")
def a_branch_within_a_branch(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Tensor:
        if x[0] > 0:
            return x * 2 if x[1] > 0 else x * 3
        return x * 4 if x[1] > 0 else x * 5

    for x in numbers(2, count=16):
        play(f, Tensor(x))


@way("right")
def and_or_not_of_tensors(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Tensor:
        return x * (1.0 if (x[0] > 0 and not x[1] > 0) or x[2] > 1 else 2.0)

    for x in numbers(3, count=24):
        play(f, Tensor(x))


@way("right")
def a_loop_until_a_number_is_small(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Tensor:
        while (x * x).sum() > 1:
            x = x / 2
        return x

    for x in numbers(3, count=24):
        play(f, Tensor(4 * x))


@way("right")
def an_assertion_about_numbers(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Tensor:
        assert (x * x).sum() >= 0
        return x + 1

    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def an_early_return_where_nan_is_found(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Tensor:
        if ag.isnan(x).any():
            return ag.nan_to_num(x)
        return x * 3

    for i, x in enumerate(numbers(3, count=16)):
        if i in (3, 6):
            x[i % 3] = np.nan
        play(f, Tensor(x))


@way("right")
def pythons_max_of_tensors(play: Play) -> None:
    f = play.jit(lambda x: max(x[0], x[1], x[2]) * x)
    for x in numbers(3, count=24):
        play(f, Tensor(x))


@way("right")
def pythons_sorted_of_tensors(play: Play) -> None:
    f = play.jit(lambda x: ag.stack(sorted([x[0], x[1], x[2]])))
    for x in numbers(3, count=24):
        play(f, Tensor(x))


@way("right")
def a_tensor_looked_for_in_a_list(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Tensor:
        return x if any(x[0] == x[i] for i in (1, 2)) else -x

    for values in (
        [1, 2, 3],
        [1, 1, 2],
        [4, 2, 4],
        [0, 1, 2],
        [3, 3, 3],
        [1, 4, 1],
        [2, 3, 4],
        [5, 5, 6],
    ):
        play(f, Tensor(np.array(values, float)))
